#!/usr/bin/perl

# Event streams that end at any moment, and what their clients come back with.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;

run_tests();

__DATA__

=== TEST 1: what passes is not hidden by what does not
--- chat_http
chat_zone  zone=main:2m;
chat_rooms main private* create=off;
chat_rooms main *;
chat_max_rooms main 1;
--- chat
a: enter sse /chat/a
b: sse /chat/?rooms=b,private
b: recv {"type":"error","code":"full","temporary":true}
b: end
b: retry /^[0-9]{3,4}/
c: sse /chat/?rooms=private,b
c: recv {"type":"error","code":"full","temporary":true}
c: end
d: sse /chat/?rooms=private,private2 status=404
d: expect 404 {"code":"not_found"}



=== TEST 2: until a room is entered its place has what the client gave
--- chat
p: post /chat/a {"text":"a1"}
p: expect 201 {"id":"$a1=<id>"}
p: post /chat/b {"text":"b1"}
p: expect 201 {"id":"$b1=<id>"}
p: post /chat/b {"text":"b2"}
p: expect 201 {"id":"$b2=<id>"}
s: sse /chat/?rooms=a,b,c,d,~ last=m1:$a1.$b1.broken.0
s: recv {"type":"welcome"}
s: recv {"type":"joined","room":"a"} id=m1:$a1.$b1.-.0.
s: recv {"type":"joined","room":"b"} id=m1:$a1.$b1.-.0.
s: recv {"type":"joined","room":"c","recovered":false,"epoch":"$c=<epoch>"} id=/^m1:$a1\.$b1\.[0-9a-z]{10}-0\.0\.\z/
s: recv {"type":"joined","room":"d","recovered":true,"epoch":"$d=<epoch>"} id=/^m1:$a1\.$b1\.$c-0\.[0-9a-z]{10}-0\.\z/
s: recv {"type":"error","room":"~"}
s: recv {"text":"b2"} id=m1:$a1.$b2.$c-0.$d-0.



=== TEST 3: a gap comes before what names the place behind it
--- chat_http
chat_zone  zone=main:32m;
chat_rooms main a history=5 size=16k;
chat_rooms main * history=1000;
--- chat_config
chat_message_max 512k text=500k;
limit_rate 200k;
--- chat
s: sse /chat/?rooms=a,b,c
s: recv {"type":"welcome"}
3 * s: recv {"type":"joined"}
let long = <<"x" x 500000>>
let more = <<"x" x 2000>>
p: post /chat/c {"text":"$long"}
s: blocked
30 * p: post /chat/a {"text":"a $i $more"}
p: expect 201 {"id":"$a30=<id>"}
p: post /chat/b {"text":"b"}
s: recv {"room":"c"}
s: recv {"type":"gap","room":"a","from":1,"to":25,"missed":25} id=absent
s: unordered [{"room":"a","text":"/^a 26 /"},{"room":"a","text":"/^a 27 /"},\
    {"room":"a","text":"/^a 28 /"},{"room":"a","text":"/^a 29 /"},\
    {"room":"a","text":"/^a 30 /"},{"room":"b","text":"b"}]
