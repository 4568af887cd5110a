#!/usr/bin/perl

# nginx -s reload under traffic: nobody loses or doubles anything; old workers
# serve until they are drained, and are gone in time.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;

run_tests();

__DATA__

=== TEST 1: two hundred clients, three reloads
--- chat_config
chat_user   $arg_user trusted;
chat_drain  1s;
--- chat
crowd clients=200 rooms=10 publishers=20 rate=10
crowd await 100
reload
crowd await 100
crowd moved 1
drained
reload
crowd moved 2
drained
reload
crowd moved 3
drained
crowd await 100
await /chat-status {"workers":2,"sessions":200,"subscriptions":200,"gaps_total":0,"full_total":0,"repairs_total":0}
crowd stop



=== TEST 2: reloads that overtake each other
--- chat_config
chat_user   $arg_user trusted;
chat_drain  1s;
--- chat
crowd clients=60 rooms=4 publishers=8 rate=20
4 * reload
crowd await 100
drained
crowd moved 1
await /chat-status {"workers":2,"sessions":60,"subscriptions":60,"gaps_total":0}
crowd stop



=== TEST 3: until they are drained, old workers and new ones reach each other
--- chat
a: ws /chat/lobby
a: recv {"type":"welcome"}
a: recv {"type":"joined","epoch":"$e=<epoch>"}
reload
a: recv {"type":"reconnect","after_ms":"<< $_ < 5000 >>","deadline_ms":"<< $_ > 5000 && $_ <= 10000 >>"}
b: ws /chat/lobby
b: recv {"type":"welcome"}
b: recv {"type":"joined","epoch":"$e"}
await /chat-status {"workers":3,"sessions":2}
b: send {"type":"message","room":"lobby","text":"from the new"}
a: recv {"id":"$e-1","text":"from the new"}
b: recv {"id":"$e-1","text":"from the new"}
a: send {"type":"message","id":1,"room":"lobby","text":"from the old"}
a: recv {"type":"ok","reply_to":1}
a: recv {"id":"$e-2","text":"from the old"}
b: recv {"id":"$e-2","text":"from the old"}
# also rooms that the old one has never heard of, and joins there
b: send {"type":"join","room":"hall"}
b: recv {"type":"joined"}
a: send {"type":"join","room":"hall"}
a: recv {"type":"joined","room":"hall"}
b: send {"type":"message","room":"hall","text":"still"}
a: recv {"room":"hall","text":"still"}
b: recv {"room":"hall","text":"still"}
a: send {"type":"history","id":2,"room":"lobby"}
a: recv {"type":"history","reply_to":2,"head":2}
# the last client goes, and the worker with it
a: close 1000
a: closed 1000
drained
await /chat-status {"workers":2,"sessions":1}



=== TEST 4: who stays is closed, in time
--- chat_config
chat_drain  1s;
--- chat
a: enter ws /chat/lobby
reload
a: recv {"type":"reconnect","after_ms":"<< $_ <= 500 >>","deadline_ms":"<< $_ <= 1000 >>"}
a: recv {"type":"closing","code":1012,"reconnect":true}
a: closed 1012
drained



=== TEST 5: who neither reads nor answers can't hold a worker
--- chat_config
chat_message_max  512k text=500k;
chat_drain        500ms;
--- chat_http
chat_zone  zone=main:32m;
--- chat
a: ws /chat/lobby rcvbuf=4096
b: enter ws /chat/other same=a nopong
c: enter ws /chat/lobby same=a
let text = <<"x" x 500000>>
repeat 20
c: send {"type":"message","room":"lobby","text":"$text"}
c: recv /"type":"message"/
end
c: close 1000
c: closed 1000
reload
# b gets its Close and doesn't answer, a doesn't even get one
drained
await /chat-status {"workers":2,"sessions":0}



=== TEST 6: an idle old worker is gone at once, whatever chat_drain says
--- chat_config
chat_drain  1h;
--- chat
a: ws /chat/lobby
a: recv {"type":"welcome"}
a: close 1000
reload
drained



=== TEST 7: a handshake under way when the reload comes
--- chat_config
chat_drain  1s;
--- chat
a: tcp
a: raw "GET /chat/lobby HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Version: 13\r\n"
signal 0 a
reload
a: raw "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
a: read /^HTTP.1.1 101 .*?\r\n\r\n/
a: read /"type":"welcome"/
a: read /"type":"reconnect"/
a: read /"type":"closing","code":1012/
drained
