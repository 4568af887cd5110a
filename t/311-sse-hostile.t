#!/usr/bin/perl

# Event streams and requests whose headers, arguments and bodies mean no good.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;

run_tests();

__DATA__

=== TEST 1: preconditions, which nothing here can meet, are ignored
--- chat
a: enter sse /chat/lobby header="If-Match: \"x\""
b: enter sse /chat/lobby header="If-Unmodified-Since: Sun, 06 Nov 1994 08:49:37 GMT"
c: stream /chat/ header="If-Match: \"x\"" [{"type":"join","room":"lobby"}]
c: recv {"type":"welcome"}
c: recv {"type":"joined"}
p: post /chat/ header="If-Match: \"x\"" [{"type":"message","id":1,"room":"lobby","text":"x"}]
p: expect 200 [{"type":"ok","reply_to":1}]
p: get /chat/lobby header="If-Match: \"x\""
p: expect 200 {"type":"history","head":1}



=== TEST 2: cursors and lists that are no good
--- chat
p: post /chat/lobby {"text":"one"}
p: expect 201 {"id":"$one=<id>"}
let dots = <<"." x 6000>>
a: sse /chat/?rooms=lobby,b last=m1:$dots
a: recv {"type":"welcome"}
a: recv {"type":"joined","room":"lobby","recovered":"<absent>"} id=m1:$one.
a: recv {"type":"joined","room":"b","recovered":"<absent>"}
b: sse /chat/?rooms=lobby,b last=m1:$one.$one.$one
b: recv {"type":"welcome"}
b: recv {"type":"joined","room":"lobby","recovered":true}
b: recv {"type":"joined","room":"b","recovered":false,"missed":null}
c: sse /chat/lobby last=m1:$one
c: recv {"type":"welcome"}
c: recv {"type":"joined","recovered":false,"missed":null} id=$one
d: sse /chat/lobby last=${one}999999999999999999999999
d: recv {"type":"welcome"}
d: recv {"type":"joined","recovered":false,"missed":null} id=$one
let commas = <<"," x 6000>>
e: sse /chat/?rooms=$commas status=409
e: expect 409 {"code":"too_many_rooms"}
f: sse /chat/?rooms=a%00b,%ff,%2C,lobby,%F0%9F%98%80
f: recv {"type":"welcome"}
f: recv {"type":"error","code":"bad_request"} id=absent
f: recv {"type":"error","code":"bad_request","room":"<absent>"}
f: recv {"type":"error","code":"bad_request","room":","}
f: recv {"type":"joined","room":"lobby"} id=m1:...$one.
f: recv {"type":"joined","room":"😀"}



=== TEST 3: bodies: in files, in chunks, asked for first, too long, too many
--- chat_config
client_body_in_file_only clean;
chat_message_max 2k text=1k;
--- chat
let text = <<"x" x 1000>>
p: post /chat/lobby {"text":"$text"}
p: expect 201 {"type":"ok"}
p: post /chat/ [{"type":"message","id":1,"room":"lobby","text":"$text"}]
p: expect 200 [{"type":"ok","reply_to":1}]
p: post /chat/ type=application/x-ndjson {"type":"ping","x_":"$text$text$text"}
p: expect 200 [{"type":"error","code":"too_large"}]
p: post /chat/ type=application/x-ndjson hex:0a0d0a
p: expect 200 [{"type":"error","code":"bad_request"}]
c: tcp
c: raw "POST /chat/lobby HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n"
c: read /^HTTP\/1.1 100 Continue\r\n\r\n/
c: raw "3\r\none\r\n3;ext\r\ntwo\r\n0\r\n\r\n"
c: read /^HTTP\/1.1 201 [\s\S]*"id":"[0-9a-z]{10}-3"/
d: tcp
d: raw "POST /chat/lobby HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Type: text/plain\r\nContent-Length: 3000\r\n\r\n"
d: read /HTTP\/1.1 413 [\s\S]*too_large/



=== TEST 4: the host is where the request says so, as HTTP/3 does always
--- chat
a: tcp
a: raw "GET http://chat.example/chat/lobby HTTP/1.0\r\nOrigin: http://chat.example\r\nAccept: text/event-stream\r\n\r\n"
a: read /^HTTP\/1.1 200 [\s\S]*"type":"welcome"/
b: tcp
b: raw "GET http://chat.example/chat/lobby HTTP/1.0\r\nOrigin: http://other.example\r\nAccept: text/event-stream\r\n\r\n"
b: read /^HTTP\/1.1 403 /
c: tcp
c: raw "GET /chat/lobby HTTP/1.0\r\nOrigin: http://chat.example\r\nAccept: text/event-stream\r\n\r\n"
c: read /^HTTP\/1.1 403 /
--- allow_log
of origin
