#!/usr/bin/perl

# Commands by POST, pages by GET, the status page; limits and refusals.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;

run_tests();

__DATA__

=== TEST 1: commands by POST reach a WebSocket; pages by GET
--- chat
a: enter ws /chat/lobby
b: post /chat/ [{"type":"message","id":1,"room":"lobby","text":"by POST"},{"type":"join","id":2,"room":"lobby"},{"type":"nonsense"}]
b: expect 200 [{"type":"ok","reply_to":1,"id":"$id=<id>"},{"type":"error","reply_to":2,"code":"unsupported"},{"type":"error","code":"unknown_command"}]
a: recv {"type":"message","id":"$id","text":"by POST"}
b: get /chat/lobby?limit=1
b: expect 200 {"type":"history","room":"lobby","head":1,"more":false,"events":[{"id":"$id","text":"by POST","rev":1}]}
b: get /chat/nowhere
b: expect 404 {"code":"not_found","status":404}



=== TEST 2: refusals of POST carry their own status
--- chat
b: post /chat/ type=text/css x
b: expect 415 {"code":"bad_request","status":415}
b: post /chat/ type=application/json []
b: expect 200 [{"type":"error","code":"bad_request"}]
b: post /chat/ header="Origin: http://evil.example" {"type":"ping"}
b: expect 403 {"code":"forbidden"}
b: put /chat/lobby x
b: expect 405 {"status":405}
--- allow_log
of origin



=== TEST 3: a body that is too long, or is no UTF-8
--- chat
let long = <<"x" x 17000>>
b: post /chat/ type=application/json $long
b: expect 413 {"code":"too_large"}
c: post /chat/ type=application/json hex:7b22ff227d
c: expect 400 {"code":"bad_request"}



=== TEST 4: deliveries are counted
--- chat
a: enter ws /chat/lobby
a: send {"type":"message","room":"lobby","text":"one"}
a: recv {"type":"message","text":"one"}
b: get /chat-status
b: expect 200 {"messages_total":1,"deliveries_total":1,"bytes_out_total":"<< $_ > 100 >>","subscriptions":1}



=== TEST 5: a display name is the same every time
--- chat_config
chat_user  ann  "name=Ann    of  Ely";
--- chat
a: ws /chat/
a: recv {"type":"welcome","user":{"id":"ann","name":"Ann of Ely"}}
b: ws /chat/ same=a
b: recv {"type":"welcome","user":{"id":"ann","name":"Ann of Ely"}}



=== TEST 6: over TLS
--- chat
a: enter ws /chat/lobby tls
b: enter ws /chat/lobby
200 * a: send {"type":"message","room":"lobby","text":"m$i"}
200 * a: recv {"type":"message","text":"m$i"}
200 * b: recv {"type":"message","text":"m$i"}
a: close 1000
a: closed 1000



=== TEST 7: pages of a hundred rooms in one join
--- chat
let text = <<"x" x 1000>>
repeat 100
b: post /chat/ [{"type":"message","room":"r$i","text":"$text"},{"type":"message","room":"r$i","text":"$text"},{"type":"message","room":"r$i","text":"$text"},{"type":"message","room":"r$i","text":"$text"},{"type":"message","room":"r$i","text":"$text"},{"type":"message","room":"r$i","text":"$text"},{"type":"message","room":"r$i","text":"$text"},{"type":"message","room":"r$i","text":"$text"},{"type":"message","room":"r$i","text":"$text"},{"type":"message","room":"r$i","text":"$text"},{"type":"message","room":"r$i","text":"$text"},{"type":"message","room":"r$i","text":"$text"}]
b: expect 200 []
end
a: ws /chat/
a: recv {"type":"welcome"}
let rooms = <<[map { { room => "r$_", last => 50 } } 1 .. 100]>>
a: send {"type":"join","id":1,"rooms":$rooms}
100 * a: recv {"type":"joined","room":"r$i","head":12,"page":{"as_of":12}}
a: recv {"type":"ok","reply_to":1,"failed":[]}
--- timeout: 20



=== TEST 8: a resize that is refused leaves the zone as it was
--- chat
a: enter ws /chat/lobby
edit s/zone=main:8m/zone=main:16m/
edit s/location = \/chat-status/listen 203.0.113.7:1; location = \/chat-status/
reload fails
a: send {"type":"message","id":1,"room":"lobby","text":"still here"}
a: recv {"type":"ok","reply_to":1}
a: recv {"type":"message","text":"still here"}
--- allow_log
bind() to 203.0.113.7
still could not bind



=== TEST 9: a resize that is taken keeps rooms, epochs and offsets
--- chat_config
chat_drain 1s;
--- chat
a: enter ws /chat/lobby
a: send {"type":"message","id":1,"room":"lobby","text":"one"}
a: recv {"type":"ok","id":"$one=<id>"}
a: send {"type":"message","room":"lobby","text":"two"}
edit s/zone=main:8m/zone=main:16m/
reload
b: ws /chat/
b: recv {"type":"welcome"}
b: send {"type":"join","id":1,"room":"lobby","after":"$one"}
b: recv {"type":"joined","head":2,"recovered":true,"missed":0}
b: recv {"type":"message","text":"two"}
b: send {"type":"message","id":2,"room":"lobby","text":"three"}
b: recv {"type":"ok","reply_to":2}
b: recv {"type":"message","text":"three"}



=== TEST 10: pages of large messages
--- chat_config
chat_message_max  512k  text=500k;
--- chat
let long = <<"x" x 200000>>
a: enter ws /chat/big
repeat 15
a: send {"type":"message","room":"big","text":"$long"}
a: recv {"type":"message","room":"big"}
end
b: ws /chat/
b: recv {"type":"welcome"}
b: send {"type":"join","id":1,"room":"big","last":50}
b: recv {"type":"joined","room":"big","head":15,"page":{"as_of":15,"more":true,"events":[{"rev":15,"id":"$last=<id>"}]}}
b: send {"type":"history","id":2,"room":"big","after":"0"}
b: recv {"type":"history","reply_to":2,"more":true,"events":[{"rev":1}]}
2 * a: send {"type":"message","room":"big","text":"$long"}
2 * a: recv {"type":"message","room":"big"}
c: ws /chat/ same=b
c: recv {"type":"welcome"}
c: send {"type":"join","id":1,"room":"big","after":"$last"}
c: recv {"type":"joined","room":"big","recovered":true,"missed":0}
2 * c: recv {"type":"message","room":"big"}
--- chat_http
chat_zone zone=main:128m;



=== TEST 11: bodies in chunks, and empty ones
--- chat
a: tcp
a: raw "POST /chat/ HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nf\r\n{\"type\":\"ping\"}\r\n0\r\n\r\n"
a: read /200 OK.*"pong"/
a: raw "POST /chat/ HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 0\r\n\r\n"
a: read /200 OK.*"bad_request"/
a: raw "POST /chat/lobby HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"
a: read /201 Created.*"ok"/
a: raw "POST /chat/lobby HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: 0\r\n\r\n"
a: read /400 Bad Request.*"bad_request"/
