#!/usr/bin/perl

# Event streams whose connections, or the filters before them, take no more.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;

run_tests();

__DATA__

=== TEST 1: slow is who takes nothing, not who takes little
--- chat_config
chat_slow_timeout 2s;
limit_rate 6k;
--- chat
a: enter sse /chat/lobby
b: enter sse /chat/lobby via=h2
let long = <<"x" x 4000>>
6 * p: post /chat/lobby {"text":"$i $long"}
6 * a: recv {"text":"$i $long"}
6 * b: recv {"text":"$i $long"}
await /chat-status {"slow_closed_total":0,"sse_sessions":2}



=== TEST 2: chunks that the filters hold are bounded by chat_buffers
--- chat_http
chat_zone  zone=main:8m;
chat_buffers 1m;
--- chat_config
limit_rate 20k;
--- chat
let long = <<"x" x 4000>>
100 * p: post /chat/lobby {"text":"$long"}
a: stream /chat/ [{"type":"history","room":"lobby","id":1,"limit":100},\
    {"type":"history","room":"lobby","id":2,"limit":100},\
    {"type":"history","room":"lobby","id":3,"limit":100},\
    {"type":"history","room":"lobby","id":4,"limit":100},\
    {"type":"history","room":"lobby","id":5,"limit":100},\
    {"type":"history","room":"lobby","id":6,"limit":100}]
b: stream /chat/ [{"type":"history","room":"lobby","id":1,"limit":100},\
    {"type":"history","room":"lobby","id":2,"limit":100},\
    {"type":"history","room":"lobby","id":3,"limit":100},\
    {"type":"history","room":"lobby","id":4,"limit":100},\
    {"type":"history","room":"lobby","id":5,"limit":100},\
    {"type":"history","room":"lobby","id":6,"limit":100}]
await /chat-status {"slow_closed_total":2,"sse_sessions":0,"buffer_bytes":0}
log /"chat_buffers" are used up/



=== TEST 3: a filter that inserts something
--- chat_config
ssi on;
ssi_types text/event-stream;
ssi_silent_errors on;
--- config
location = /insertion { return 200 inserted; }
--- chat
a: enter sse /chat/lobby
p: post /chat/lobby {"text":"<!--# include virtual='/insertion' -->"}
p: expect 201 {"type":"ok"}
a: recv {"text":"inserted"}
p: post /chat/lobby {"text":"two"}
p: expect 201 {"type":"ok"}
a: recv {"text":"two"}



=== TEST 4: who reads again gets everything, in order
--- chat_http
chat_zone   zone=main:32m;
chat_rooms  main  *  size=8m;
--- chat
let big = <<"x" x 4000>>
a: ws /chat/lobby
a: recv {"type":"welcome"}
a: recv {"type":"joined","epoch":"$e=<epoch>"}
one: enter sse /chat/lobby narrow
tls: enter sse /chat/lobby narrow tls
named: sse /chat/?named=1&rooms=x,lobby narrow
named: recv {"type":"welcome"}
2 * named: recv {"type":"joined"}
fetch: stream /chat/ narrow [{"type":"join","room":"lobby"}]
fetch: recv {"type":"welcome"}
fetch: recv {"type":"joined"}
a: pump 300 {"type":"message","room":"lobby","text":"$i $big"}
one: blocked
tls: blocked
named: blocked
fetch: blocked
# on the way back a part, then more is published
one: follow 100
a: pump 50 {"type":"message","room":"lobby","text":"$i $big"}
one: follow 350 gaps=n
check <<$n == 0>>
tls: follow 350 gaps=n
check <<$n == 0>>
named: follow 350 gaps=n
check <<$n == 0>>
fetch: follow 350 gaps=n
check <<$n == 0>>
# and they are live again
a: send {"type":"message","room":"lobby","text":"live"}
one: recv {"text":"live"} id=$e-351
tls: recv {"text":"live"} id=$e-351
named: recv {"text":"live"} event=chat.message
fetch: recv {"text":"live"} id=absent



=== TEST 5: what is gone by then is a gap, not a silence
--- chat_http
chat_zone   zone=main:8m;
chat_rooms  main  *  history=20 size=64k;
--- chat
let big = <<"x" x 4000>>
a: enter ws /chat/lobby
one: enter sse /chat/lobby narrow
many: sse /chat/?rooms=x,lobby narrow tls
many: recv {"type":"welcome"}
2 * many: recv {"type":"joined"}
a: pump 400 window=4 {"type":"message","room":"lobby","text":"$i $big"}
one: follow 400 gaps=n
check <<$n > 100>>
many: follow 400 gaps=n
check <<$n > 100>>
a: send {"type":"message","room":"lobby","text":"live"}
one: recv {"text":"live"}
many: recv {"text":"live"}
