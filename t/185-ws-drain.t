#!/usr/bin/perl

# WebSockets of a worker that is told to quit, those that come late among them:
# whoever they are, they are told, and the worker gets away in time.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;

run_tests();

__DATA__

=== TEST 1: a handshake that ends while its worker drains
--- chat_config
chat_drain  1500ms;
chat_user   $http_x_user trusted;
--- config
location /raw/ {
    chat         main;
    chat_guest   on;
    chat_format  raw;
    chat_drain   1500ms;
}
--- chat
# as far as the worker has read them, they are its own
a: tcp
a: raw "GET /chat/lobby HTTP/1.1\r\nHost: localhost\r\nX-User: ann\r\n"
a: taken
tls: tcp tls
tls: raw "GET /chat/lobby HTTP/1.1\r\nHost: localhost\r\nX-User: tim\r\n"
tls: taken
nobody: tcp
nobody: raw "GET /chat/lobby HTTP/1.1\r\nHost: localhost\r\n"
nobody: taken
raw: tcp
raw: raw "GET /raw/room HTTP/1.1\r\nHost: localhost\r\n"
raw: taken
reload
a: raw "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
a: answer 101
a: recv {"type":"welcome","user":{"id":"ann"}}
a: recv {"type":"joined","room":"lobby","epoch":"$e=<epoch>"}
a: recv {"type":"reconnect","after_ms":"<< $_ <= 750 >>","deadline_ms":"<< $_ >= 750 && $_ <= 1500 >>"}
tls: raw "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
tls: answer 101
tls: recv {"type":"welcome","user":{"id":"tim"}}
tls: recv {"type":"joined","room":"lobby","epoch":"$e"}
tls: recv {"type":"reconnect"}
nobody: raw "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
nobody: answer 101
nobody: recv {"type":"closing","code":4401}
nobody: closed 4401
raw: raw "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
raw: answer 101
# they work as long as they are there, with the new workers, too
b: ws /chat/lobby header="X-User: bob"
b: recv {"type":"welcome"}
b: recv {"type":"joined","epoch":"$e"}
a: ask {"type":"message","id":1,"room":"lobby","text":"from the old one"} -> {"type":"ok"}
a: recv {"type":"message","text":"from the old one"}
b: recv {"type":"message","text":"from the old one"}
tls: recv {"type":"message","text":"from the old one"}
b: send {"type":"message","room":"lobby","text":"from the new one"}
b: recv {"type":"message","text":"from the new one"}
a: recv {"type":"message","text":"from the new one"}
tls: recv {"type":"message","text":"from the new one"}
a: recv {"type":"closing","code":1012,"reconnect":true}
a: closed 1012
tls: recv {"type":"closing","code":1012}
tls: closed 1012
raw: recv_frame close /^\x03\xf4/
raw: drop
drained
b: ask {"type":"ping","id":1} -> {"type":"pong"}



=== TEST 2: who comes back when told to is not closed; who can't be told is ended
--- chat_http
chat_zone   zone=main:32m;
chat_rooms  main  *  size=8m;
--- chat_config
chat_drain  600ms;
--- chat
let big = <<"x" x 4000>>
a: ws /chat/lobby
a: recv {"type":"welcome"}
a: recv {"type":"joined","epoch":"$e=<epoch>"}
deaf: enter ws /chat/lobby narrow tls
a: pump 100 {"type":"message","room":"lobby","text":"$i $big"}
deaf: blocked
reload
a: recv {"type":"reconnect","after_ms":"<int>"}
new: ws /chat/lobby?after=$e-100
new: recv {"type":"welcome"}
new: recv {"type":"joined","recovered":true,"missed":0}
a: close 1000
a: closed 1000
drained
deaf: end anyhow
new: ask {"type":"ping","id":1} -> {"type":"pong"}
