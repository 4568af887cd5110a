#!/usr/bin/perl

# Event streams among the other things that HTTP is: old versions, methods,
# requests in a row, filters, payloads of whatever bytes.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;

run_tests();

__DATA__

=== TEST 1: HTTP/1.0, HEAD, and a stream that is the answer to a list of types
--- chat
a: tcp
a: raw "GET /chat/lobby HTTP/1.0\r\nAccept: text/html, TEXT/Event-Stream;q=0.5\r\nConnection: keep-alive\r\n\r\n"
a: read /^HTTP\/1.1 200 OK\r\n/
a: read /\r\nConnection: close\r\n/
a: read /\r\n\r\ndata: \{"type":"welcome"[^\n]*\n\nid: [0-9a-z]{10}-0\ndata: \{"type":"joined"[^\n]*\n\n/
p: post /chat/lobby {"text":"one"}
p: expect 201 {"type":"ok"}
a: read /^id: [0-9a-z]{10}-1\ndata: \{"type":"message"[^\n]*"text":"one"\}\n\n$/
p: head /chat/lobby header="Accept: text/event-stream"
p: expect 200
p: header Content-Type: application/json
p: head /chat/ header="Accept: text/event-stream"
p: expect 400



=== TEST 2: a request behind a stream waits for its end
--- chat_config
chat_drain 200ms;
--- chat
z: sse /chat/lobby
z: recv {"type":"welcome"}
a: tcp
a: raw "GET /chat/private HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\nGET /chat/full HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\nGET /chat/lobby HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\nGET /chat-status HTTP/1.1\r\nHost: x\r\n\r\n"
a: read /^HTTP\/1.1 404 [\s\S]*not_found"[^}]*\}HTTP\/1.1 200 [\s\S]*\r\n\r\nretry: \d+\n\ndata: \{"type":"error"[^\n]*"full"[^\n]*\n\nHTTP\/1.1 200 [\s\S]*"type":"joined"[^\n]*\n\n\r\n$/
p: post /chat/lobby {"text":"one"}
p: expect 201 {"type":"ok"}
a: read /"text":"one"\}\n\n\r\n$/
a: raw "GET /chat-status HTTP/1.1\r\nHost: x\r\n\r\n"
p: post /chat/lobby {"text":"two"}
a: read /"text":"two"\}\n\n\r\n$/
reload
a: read /"type":"closing"[^\n]*\n\nretry: \d+\n\n\r\n0\r\n\r\n$/
--- chat_http
chat_zone  zone=main:2m;
chat_rooms main private create=off;
chat_rooms main *;
chat_max_rooms main 1;



=== TEST 3: compressed
--- chat_config
gzip on;
gzip_types *;
gzip_min_length 1;
--- chat
a: tcp
a: raw "GET /chat/lobby HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\nAccept-Encoding: gzip\r\n\r\n"
a: read /\r\nContent-Encoding: gzip\r\n/
# the mark of a flush ends each write
a: read /\r\n\x1f\x8b[\s\S]+\x00\x00\xff\xff\r\n$/
3 * p: post /chat/lobby {"text":"$i"}
a: read /\x00\x00\xff\xff\r\n$/
p: post /chat/lobby {"text":"last"}
a: read /^[\s\S]+\x00\x00\xff\xff\r\n$/
b: sse /chat/lobby
b: header Content-Encoding: absent
b: recv {"type":"welcome"}
b: recv {"type":"joined","head":4}



=== TEST 4: raw: empty payloads, what is no UTF-8, cursors over both
--- chat_config
chat_format raw;
--- chat
w: ws /chat/lobby
s: sse /chat/lobby?named=1
s: header Content-Type: text/event-stream
p: post /chat/lobby type=text/plain
p: expect 201
p: post /chat/lobby type=text/plain hex:ff
p: expect 201
p: post /chat/lobby type=application/octet-stream hex:61000d0a0d62
p: expect 201
p: post /chat/lobby type=image/png hex:c3
p: expect 201
p: post /chat/lobby type=text/plain "x"
p: expect 201
w: recv ""
w: recvbin hex:ff
w: recvbin hex:61000d0a0d62
w: recvbin hex:c3
w: recv "x"
s: recv /^\z/
s: recv hex:61000a0a62
s: recv /^x\z/
p: post /chat/lobby {"n":6}
p: expect 201
s: recv {"n":6} event=absent id=/^[0-9a-z]{10}-6\z/
e: sse /chat/lobby?after=0
e: recv /^\z/
e: recv hex:61000a0a62
e: recv /^x\z/
e: recv {"n":6} id=/^[0-9a-z]{10}-6\z/
p: get /chat/lobby
p: expect 200 {"n":6}
p: post /chat/lobby type=text/plain
p: expect 201
p: get /chat/lobby
p: header Content-Length: 0
p: header Content-Type: text/plain; charset=utf-8
p: expect 200
e: recv /^\z/



=== TEST 5: the filters of bodies, over whatever they are
--- chat_config
ssi on;
ssi_types *;
sub_filter_types *;
sub_filter %text% said;
sub_filter_once off;
gzip on;
gzip_types *;
--- chat
w: enter ws /chat/lobby
s: enter sse /chat/lobby
p: post /chat/lobby {"text":"%text% <!--# filter -->"}
p: expect 201 {"type":"ok"}
w: recv {"text":"%text% <!--# filter -->"}
s: recv {"text":"said [an error occurred while processing the directive]"}
--- allow_log
unknown SSI command
