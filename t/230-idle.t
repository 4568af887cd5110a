#!/usr/bin/perl

# Rooms that are empty and that nobody follows go away, and only those.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;

run_tests();

__DATA__

=== TEST 1: a room that was only looked into
--- chat_http
chat_zone   zone=main:8m;
chat_rooms  main  *  idle=1s;
--- chat
a: ws /chat/one
a: recv {"type":"welcome"}
a: recv {"type":"joined","epoch":"$one=<epoch>"}
b: enter ws /chat/two
p: post /chat/ [{"type":"message","room":"kept","text":"m"}]
s: get /chat-status
s: expect 200 {"rooms":3}
a: send {"type":"leave","room":"one"}
a: recv {"type":"left"}
# followed, or with something in it: they stay
await /chat-status {"rooms":2}
p: get /chat/one
p: expect 404
p: get /chat/kept
p: expect 200 {"head":1}
b: send {"type":"message","room":"two","text":"m"}
b: recv {"id":"/-1$/"}
# another life
a: send {"type":"join","room":"one"}
a: recv {"type":"joined","head":0,"epoch":"<< $_ ne '$one' >>"}



=== TEST 2: a room whose readers were killed with their worker
--- chat_http
chat_zone   zone=main:8m;
chat_rooms  main  *  idle=1s;
--- chat
a: enter ws /chat/one
kill9 a
await /chat-status {"workers":2,"rooms":0,"sessions":0,"subscriptions":0}



=== TEST 3: a room whose log has become too old
--- chat_http
chat_zone   zone=main:8m;
chat_rooms  main  *  age=1s idle=1s;
--- chat
a: ws /chat/r1
a: recv {"type":"welcome"}
a: recv {"type":"joined","head":0,"epoch":"$e=<epoch>"}
10 * p: post /chat/ [{"type":"message","room":"r$i","text":"m"}]
a: recv {"id":"$e-1"}
await /chat-status {"rooms":1}
# the one that is followed has lost its log, and goes on
a: send {"type":"message","room":"r1","text":"m"}
a: recv {"id":"$e-2"}



=== TEST 4: without idle= an empty room stays for a minute
--- chat_http
chat_zone   zone=main:8m;
chat_rooms  main  short-*  idle=1s;
--- chat
a: enter ws /chat/short-1
a: send {"type":"join","room":"long-1"}
a: recv {"type":"joined","epoch":"$e=<epoch>"}
a: send {"type":"leave","room":"long-1"}
a: recv {"type":"left"}
a: send {"type":"leave","room":"short-1"}
a: recv {"type":"left"}
await /chat-status {"rooms":1}
a: send {"type":"join","room":"long-1"}
a: recv {"type":"joined","epoch":"$e"}
