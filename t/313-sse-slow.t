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
a: sse /chat/lobby
a: recv {"type":"welcome"}
a: recv {"type":"joined"}
b: sse /chat/lobby via=h2
b: recv {"type":"welcome"}
b: recv {"type":"joined"}
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
a: sse /chat/lobby
a: recv {"type":"welcome"}
a: recv {"type":"joined"}
p: post /chat/lobby {"text":"<!--# include virtual='/insertion' -->"}
p: expect 201 {"type":"ok"}
a: recv {"text":"inserted"}
p: post /chat/lobby {"text":"two"}
p: expect 201 {"type":"ok"}
a: recv {"text":"two"}
