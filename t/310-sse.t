#!/usr/bin/perl

# Event streams by GET and by fetch, over HTTP/1.1, TLS and HTTP/2.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;

run_tests();

__DATA__

=== TEST 1: a room as an event stream: first objects, ids, headers
--- chat
a: sse /chat/lobby
a: header Content-Type: text/event-stream
a: header Cache-Control: no-store, no-transform
a: header X-Accel-Buffering: no
a: header X-Content-Type-Options: nosniff
a: header Vary: Origin, Accept
a: recv {"type":"welcome","protocol":"chat.v1"} id=absent event=absent
a: recv {"type":"joined","room":"lobby","epoch":"$e=<epoch>","head":0,"recovered":"<absent>"} id=/^[0-9a-z]{10}-0/
b: enter ws /chat/lobby other=a
b: send {"type":"message","id":1,"room":"lobby","text":"one"}
b: recv {"type":"ok","id":"$e-1"}
a: recv {"type":"message","text":"one","id":"$e-1"} id=$e-1
3 * b: send {"type":"message","room":"lobby","text":"more $i"}
a: recv {"text":"more 1"} id=$e-2
a: recv {"text":"more 2"} id=$e-3
a: recv {"text":"more 3"} id=$e-4
a: drop
c: sse /chat/lobby last=$e-2
c: recv {"type":"welcome"}
c: recv {"type":"joined","recovered":true,"missed":0,"head":4} id=$e-2
c: recv {"text":"more 2"} id=$e-3
c: recv {"text":"more 3"} id=$e-4
c: none
await /chat-status {"websocket_sessions":1,"sse_sessions":1}



=== TEST 2: Last-Event-ID wins over after, and what can't be parsed is another life
--- chat
p: post /chat/lobby {"text":"one"}
p: expect 201 {"type":"ok","id":"$one=<id>","ts":"<int>","reply_to":"<absent>"}
p: post /chat/lobby {"text":"two"}
p: expect 201 {"type":"ok","id":"$two=<id>"}
a: sse /chat/lobby?after=$one
a: recv {"type":"welcome"}
a: recv {"type":"joined","recovered":true} id=$one
a: recv {"text":"two"} id=$two
b: sse /chat/lobby?after=$one last=$two
b: recv {"type":"welcome"}
b: recv {"type":"joined","recovered":true,"head":2} id=$two
b: none
c: sse /chat/lobby?after=nonsense
c: recv {"type":"welcome"}
c: recv {"type":"joined","recovered":false,"missed":null} id=$two
d: sse /chat/lobby?after=0
d: recv {"type":"welcome"}
d: recv {"type":"joined","recovered":true,"missed":0} id=/-0/
d: recv {"text":"one"} id=$one
d: recv {"text":"two"} id=$two
e: sse /chat/lobby?last=1
e: recv {"type":"welcome"}
e: recv {"type":"joined","page":{"events":[{"text":"two"}],"more":true}} id=$two



=== TEST 3: several rooms: a vector of cursors
--- chat
p: post /chat/a {"text":"a1"}
p: expect 201 {"id":"$a1=<id>"}
p: post /chat/b {"text":"b1"}
p: expect 201 {"id":"$b1=<id>"}
s: sse /chat/?rooms=a,b,c%2Fd,%C3%A9
s: recv {"type":"welcome"} id=absent
s: recv {"type":"joined","room":"a"} id=m1:$a1...
s: recv {"type":"joined","room":"b"} id=m1:$a1.$b1..
s: recv {"type":"error","code":"bad_request","room":"c/d"} id=absent
s: recv {"type":"joined","room":"é","epoch":"$e=<epoch>"} id=/^m1:$a1\.$b1\.\.[0-9a-z]{10}-0/
p: post /chat/b {"text":"b2"}
p: expect 201 {"id":"$b2=<id>"}
s: recv {"room":"b","text":"b2"} id=m1:$a1.$b2..$e-0
p: post /chat/a {"text":"a2"}
p: expect 201 {"id":"$a2=<id>"}
s: recv {"room":"a","text":"a2"} id=m1:$a2.$b2..$e-0
s: drop
t: sse /chat/?rooms=a,b,c%2Fd,%C3%A9&after=$a2 last=m1:$a1.$b2..$e-0
t: recv {"type":"welcome"}
t: recv {"type":"joined","room":"a","recovered":true}
t: recv {"type":"joined","room":"b","recovered":true}
t: recv {"type":"error","room":"c/d"}
t: recv {"type":"joined","room":"é","recovered":true}
t: recv {"room":"a","text":"a2"} id=m1:$a2.$b2..$e-0
t: none
u: sse /chat/?rooms=a,b last=broken
u: recv {"type":"welcome"}
u: recv {"type":"joined","room":"a","recovered":false,"missed":null}
u: recv {"type":"joined","room":"b","recovered":false,"missed":null}
v: sse /chat/?rooms=a,b last=m1:.$b1
v: recv {"type":"welcome"}
v: recv {"type":"joined","room":"a","recovered":"<absent>"}
v: recv {"type":"joined","room":"b","recovered":true}
v: recv {"text":"b2"} id=m1:$a2.$b2
w: sse /chat/?rooms=a,a,b
w: recv {"type":"welcome"}
w: recv {"type":"joined","room":"a"} id=m1:$a2..
w: recv {"type":"joined","room":"b"} id=m1:$a2..$b2
w: none
x: sse /chat/?rooms=a
x: recv {"type":"welcome"}
x: recv {"type":"joined","room":"a"} id=$a2



=== TEST 3b: a stream cut between two joined has lost no cursor
--- chat
p: post /chat/a {"text":"a1"}
p: expect 201 {"id":"$a1=<id>"}
p: post /chat/b {"text":"b1"}
p: expect 201 {"id":"$b1=<id>"}
p: post /chat/b {"text":"b2"}
p: expect 201 {"id":"$b2=<id>"}
s: sse /chat/?rooms=a,b last=m1:$a1.$b1
s: recv {"type":"welcome"}
s: recv {"type":"joined","room":"a"} id=m1:$a1.$b1
s: recv {"type":"joined","room":"b"} id=m1:$a1.$b1
s: recv {"text":"b2"} id=m1:$a1.$b2
t: sse /chat/?rooms=a,a,b last=m1:$a1.$a1.$b1
t: recv {"type":"welcome"}
t: recv {"type":"joined","room":"a"} id=m1:$a1.$a1.$b1
t: recv {"type":"joined","room":"b"} id=m1:$a1..$b1



=== TEST 4: refusals that no retry can cure
--- chat_config
chat_sse_rooms 2;
--- chat
a: sse /chat/ status=400
a: expect 400 {"code":"bad_request"}
b: sse /chat/?rooms= status=400
b: expect 400 {"code":"bad_request"}
c: sse /chat/?rooms=a,b,c status=409
c: expect 409 {"code":"too_many_rooms"}
d: sse /chat/%7ex status=400
d: expect 400 {"code":"bad_request"}
e: sse /chat/?rooms=%7ex,%7ey status=400
e: expect 400 {"code":"bad_request"}
f: sse /chat/lobby header="Origin: http://evil.example" status=403
f: expect 403 {"code":"forbidden"}
--- allow_log
of origin



=== TEST 5: a room that is not there may come; a full zone passes
--- chat_http
chat_zone  zone=main:2m;
chat_max_rooms main 3;
--- chat
a: sse /chat/?rooms=a,b,c
a: recv {"type":"welcome"}
3 * a: recv {"type":"joined"}
b: sse /chat/d
b: header Content-Type: text/event-stream
b: recv {"type":"error","code":"full","temporary":true} id=absent
b: end
b: retry /^[0-9]{3,4}/
c: sse /chat/?rooms=d,a
c: recv {"type":"welcome"}
c: recv {"type":"error","code":"full","room":"d"}
c: recv {"type":"joined","room":"a"} id=/^m1:\.[0-9a-z]{10}-0/



=== TEST 6: named events
--- chat
a: sse /chat/lobby?named=1
a: recv {"type":"welcome"} event=chat.welcome
a: recv {"type":"joined","epoch":"$e=<epoch>"} event=chat.joined id=/-0/
p: post /chat/lobby {"text":"hello"}
p: expect 201 {"type":"ok"}
a: recv {"type":"message","text":"hello"} event=chat.message id=$e-1
b: sse /chat/?rooms=lobby,x&named=1
b: recv {"type":"welcome"} event=chat.welcome
b: recv {"type":"joined","room":"lobby"} event=chat.joined id=m1:$e-1.
b: recv {"type":"joined","room":"x"} event=chat.joined



=== TEST 7: a stream by fetch
--- chat
p: post /chat/a {"text":"a1"}
p: expect 201 {"id":"$a1=<id>"}
p: post /chat/a {"text":"a2"}
p: expect 201 {"id":"$a2=<id>"}
s: stream /chat/ [{"type":"hello","client":"test/1"},{"type":"join","id":1,"rooms":[{"room":"a","after":"$a1"},{"room":"b"}]},{"type":"message","id":2,"room":"b","text":"mine"},{"type":"nonsense","id":3}]
s: header Content-Type: text/event-stream
s: recv {"type":"welcome"} id=absent
s: recv {"type":"joined","room":"a","recovered":true} id=absent
s: recv {"type":"joined","room":"b"} id=absent
s: recv {"type":"ok","reply_to":1}
s: recv {"type":"ok","reply_to":2,"room":"b"}
s: recv {"type":"error","reply_to":3,"code":"unknown_command"}
s: unordered [{"room":"a","id":"$a2","text":"a2"},{"room":"b","text":"mine"}]
p: post /chat/a {"text":"a3"}
p: expect 201 {"id":"$a3=<id>"}
s: recv {"id":"$a3"} id=absent
t: stream /chat/ [{"type":"join","room":"b","last":5},{"type":"ping","id":"p"}]
t: recv {"type":"welcome"}
t: recv {"type":"joined","room":"b","page":{"events":[{"text":"mine"}]}}
t: recv {"type":"pong","reply_to":"p"}
u: stream /chat/ header="Authorization: Bearer nonsense" status=401 []
u: expect 401 {"code":"unauthorized"}
v: stream /chat/ type=text/css status=415 x
v: expect 415 {"code":"bad_request"}



=== TEST 8: over TLS and HTTP/2
--- chat
a: enter sse /chat/lobby tls
b: sse /chat/lobby via=h2
b: recv {"type":"welcome"}
b: recv {"type":"joined","epoch":"$e=<epoch>"} id=/-0/
c: stream /chat/ via=h2 [{"type":"join","room":"lobby"}]
c: recv {"type":"welcome"}
c: recv {"type":"joined"}
let long = <<"x" x 4000>>
50 * p: post /chat/lobby {"text":"$i $long"}
p: expect 201 {"type":"ok"}
50 * a: recv {"text":"$i $long"} id=$e-$i
50 * b: recv {"text":"$i $long"} id=$e-$i
50 * c: recv {"text":"$i $long"} id=absent



=== TEST 9: payloads forge nothing
--- chat
a: sse /chat/lobby
a: recv {"type":"welcome"}
a: recv {"type":"joined","epoch":"$e=<epoch>"}
p: post /chat/lobby {"text":"x\r\nid: forged\rdata: {}\n\ndata: y\u2028\u0085"}
p: expect 201 {"type":"ok"}
a: recv {"text":"x\r\nid: forged\rdata: {}\n\ndata: y\u2028\u0085"} id=$e-1
a: none



=== TEST 10: a silent stream gets comments, and an aborted one is noticed
--- chat_config
chat_ping 1s;
--- chat
a: enter sse /chat/lobby
b: sse /chat/lobby via=h2
b: recv {"type":"welcome"}
a: comment 1
await /chat-status {"sse_sessions":2}
a: drop
b: drop
await /chat-status {"sse_sessions":0}



=== TEST 11: a reload: reconnect, then closing and a time to come back
--- chat_config
chat_drain 600ms;
--- chat
a: sse /chat/lobby
a: recv {"type":"welcome"}
a: recv {"type":"joined","epoch":"$e=<epoch>"}
b: enter sse /chat/lobby via=h2
reload
a: recv {"type":"reconnect","after_ms":"<int>","deadline_ms":"<int>"} id=absent
b: recv {"type":"reconnect"}
p: post /chat/lobby {"text":"from the new to the old"}
p: expect 201 {"type":"ok"}
a: recv {"text":"from the new to the old"} id=$e-1
a: recv {"type":"closing","code":1012,"reconnect":true}
a: end
a: retry /^[0-9]{3,4}/
b: until {"type":"closing","code":1012}
b: end
drained
c: sse /chat/lobby last=$e-0
c: recv {"type":"welcome"}
c: recv {"type":"joined","recovered":true}
c: recv {"text":"from the new to the old"} id=$e-1



=== TEST 12: a worker is killed
--- chat
a: sse /chat/lobby
a: recv {"type":"welcome"}
a: recv {"type":"joined","epoch":"$e=<epoch>"}
b: enter sse /chat/lobby other=a
kill9 a
a: end
p: post /chat/lobby {"text":"after"}
p: expect 201 {"type":"ok"}
b: recv {"text":"after"} id=$e-1
a: sse /chat/lobby last=$e-0
a: recv {"type":"welcome"}
a: recv {"type":"joined","recovered":true}
a: recv {"text":"after"} id=$e-1

