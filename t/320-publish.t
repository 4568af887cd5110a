#!/usr/bin/perl

# Publishing by POST to a room, and raw rooms over HTTP.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;

run_tests();

__DATA__

=== TEST 1: JSON and text; the answer names the event
--- chat
a: ws /chat/lobby
a: recv {"type":"welcome"}
a: recv {"type":"joined","epoch":"$e=<epoch>"}
p: post /chat/lobby {"text":"hello","data":{"k":[1]},"mentions":["bob"],"id":7,"room":"elsewhere","type":"ping"}
p: expect 201 {"type":"ok","room":"lobby","id":"$e-1","ts":"<int>","reply_to":"<absent>","duplicate":"<absent>"}
p: header Content-Type: application/json
p: header Cache-Control: no-store
a: recv {"type":"message","room":"lobby","id":"$e-1","text":"hello","data":{"k":[1]},"mentions":["bob"]}
p: post /chat/lobby type=text/plain plain "text" of a line
p: expect 201 {"type":"ok","id":"$e-2"}
a: recv {"id":"$e-2","text":"plain \"text\" of a line"}
p: post /chat/%C3%A9t%C3%A9 {"text":"x"}
p: expect 201 {"room":"été"}



=== TEST 2: Idempotency-Key is the nonce
--- chat_config
chat_guest off;
chat_user ann trusted;
--- chat
p: post /chat/lobby header="Idempotency-Key: 12345678" {"text":"once"}
p: expect 201 {"type":"ok","id":"$id=<id>","duplicate":"<absent>"}
p: post /chat/lobby header="Idempotency-Key: 12345678" {"text":"once"}
p: expect 200 {"type":"ok","id":"$id","duplicate":true}
p: post /chat/lobby {"text":"once","nonce":"12345678"}
p: expect 200 {"type":"ok","id":"$id","duplicate":true}
p: post /chat/lobby header="Idempotency-Key: 12345678" {"text":"other"}
p: expect 409 {"code":"conflict"}
p: post /chat/lobby header="Idempotency-Key: short" {"text":"other"}
p: expect 400 {"code":"bad_request"}
p: get /chat/lobby
p: expect 200 {"head":1}



=== TEST 3: what is refused, and how
--- chat_config
chat_message_max 2k text=100;
--- chat
p: post /chat/lobby type=text/css x
p: expect 415 {"code":"bad_request","status":415,"detail":"<string>"}
p: header Content-Type: application/problem+json
p: post /chat/lobby {"text":""}
p: expect 400 {"code":"bad_request","field":"text"}
p: post /chat/lobby [{"text":"x"}]
p: expect 400 {"code":"bad_request"}
p: post /chat/lobby type=application/json {"text":
p: expect 400 {"code":"bad_request"}
p: post /chat/lobby {"text":5}
p: expect 400 {"code":"bad_request","field":"text"}
p: post /chat/lobby {"text":"x","nonce":"short"}
p: expect 400 {"code":"bad_request","field":"nonce"}
let long = <<"x" x 101>>
p: post /chat/lobby {"text":"$long"}
p: expect 413 {"code":"too_large","field":"text"}
p: post /chat/lobby type=text/plain $long
p: expect 413 {"code":"too_large"}
p: post /chat/lobby type=text/plain hex:ff
p: expect 400 {"code":"bad_request"}
p: post /chat/lobby type=text/plain hex:6100
p: expect 400 {"code":"bad_request"}
let large = <<"x" x 3000>>
p: post /chat/lobby {"data":"$large"}
p: expect 413 {"code":"too_large"}
p: post /chat/~x {"text":"x"}
p: expect 400 {"code":"bad_request"}
p: post /chat/lobby header="Origin: http://evil.example" {"text":"x"}
p: expect 403 {"code":"forbidden"}
p: post /chat/lobby type=text/plain header="Cookie: a=b" x
p: expect 403 {"code":"forbidden"}
p: post /chat/lobby header="Cookie: a=b" {"text":"x"}
p: expect 201 {"type":"ok"}
p: get /chat/lobby
p: expect 200 {"head":1}
--- allow_log
of origin



=== TEST 4: a room that only an administrator makes
--- chat_http
chat_zone  zone=main:8m;
chat_rooms main private create=off;
--- chat
p: post /chat/private {"text":"x"}
p: expect 404 {"code":"not_found"}
s: sse /chat/private status=404
s: expect 404 {"code":"not_found"}



=== TEST 5: raw rooms: payloads as they are, over HTTP, SSE and WebSocket
--- chat_config
chat_format raw;
--- chat
p: get /chat/lobby
p: expect 404
w: ws /chat/lobby
s: sse /chat/lobby
s: header Content-Type: text/event-stream
p: post /chat/lobby type=application/json {"any":"thing"}
p: expect 201
p: header Content-Security-Policy: sandbox
w: recv {"any":"thing"}
s: recv {"any":"thing"} id=/^[0-9a-z]{10}-1/
p: get /chat/lobby
p: expect 200 {"any":"thing"}
p: header Content-Type: text/plain; charset=utf-8
p: header X-Content-Type-Options: nosniff
p: header Content-Security-Policy: sandbox
p: post /chat/lobby type=application/octet-stream hex:00ff80
p: expect 201
w: recvbin hex:00ff80
p: get /chat/lobby
p: header Content-Type: application/octet-stream
p: expect 200 hex:00ff80
p: post /chat/lobby type=text/html <b>two</b>
p: expect 201
w: recv "<b>two</b>"
s: recv "<b>two</b>"
p: post /chat/ x
p: expect 400
t: sse /chat/lobby last=nonsense
t: none



=== TEST 6: raw: a nonce, and cookies of forms
--- chat_config
chat_format raw;
chat_guest off;
chat_user ann trusted;
--- chat
p: post /chat/lobby header="Idempotency-Key: \"12345678\"" one
p: expect 201
p: post /chat/lobby header="Idempotency-Key: 12345678" one
p: expect 200
p: post /chat/lobby header="Idempotency-Key: 12345678" two
p: expect 409
p: post /chat/lobby type=application/x-www-form-urlencoded header="Cookie: a=b" a=b
p: expect 403
p: post /chat/lobby type=application/x-www-form-urlencoded a=b
p: expect 201
