#!/usr/bin/perl

# The handshake of a WebSocket (RFC 6455, section 4), and frames that come with
# it in one piece.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;

run_tests();

__DATA__

=== TEST 1: the handshake of the RFC
--- chat
a: ws /chat/ key=dGhlIHNhbXBsZSBub25jZQ==
a: header Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=
a: header Upgrade: websocket
a: header Connection: upgrade
a: header Sec-WebSocket-Protocol: absent
a: header Sec-WebSocket-Extensions: absent
a: header Content-Length: absent
a: header Transfer-Encoding: absent
a: header Content-Type: absent
a: recv {"type":"welcome","protocol":"chat.v1","server":"/^ngx_chat\/\\d/","session":"<string>","ts":"<int>","features":["history","resume","..."],"limits":{"text":4096,"frame":16384,"rooms":100,"replay":1000},"ping_ms":25000,"reconnect":{"min_ms":500,"max_ms":30000,"spread_ms":5000}}
a: send {"type":"ping","id":1}
a: recv {"type":"pong","reply_to":1,"ts":"<int>"}
a: close 1000
a: closed 1000



=== TEST 2: what is offered beside it is not taken
--- chat
a: ws /chat/ header="Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits, x-webkit-deflate-frame"
a: header Sec-WebSocket-Extensions: absent
a: recv {"type":"welcome"}
# a reserved bit is an error then
a: frame text rsv=4 {"type":"ping"}
a: recv {"type":"closing","code":1002}
a: closed 1002



=== TEST 3: names are not case-sensitive, and lists are lists
--- chat
a: ws /chat/ header="Upgrade: WebSocket" header="Connection: keep-alive, UPGRADE"
a: recv {"type":"welcome"}
b: ws /chat/ header="Connection: keep-alive" header="Connection: Upgrade"
b: recv {"type":"welcome"}
c: ws /chat/ header="Content-Length: 0"
c: recv {"type":"welcome"}



=== TEST 4: a Connection header that does not name the upgrade
--- chat
a: ws /chat/ header="Connection: keep-alive" status=400
a: expect 400 {"status":400,"code":"bad_request","detail":"/Connection/"}
b: ws /chat/ header="Connection:" status=400



=== TEST 5: keys that are none
--- chat
a: ws /chat/ header="Sec-WebSocket-Key:" status=400
a: expect 400 {"status":400,"code":"bad_request","detail":"/Sec-WebSocket-Key/"}
a: header Sec-WebSocket-Accept: absent
# 15 and 17 bytes, and 16 that end early
a: ws /chat/ key=AAAAAAAAAAAAAAAAAAAA status=400
a: ws /chat/ key=AAAAAAAAAAAAAAAAAAAAAAA= status=400
a: ws /chat/ key=AAAA=AAAAAAAAAAAAAAAAAA= status=400
a: ws /chat/ key=AAAAAAAAAAAAAAAAAAAAA!== status=400
a: ws /chat/ key=AAAAAAAAAAAAAAAAAAAAAA status=400
a: ws /chat/ key=dGhlIHNhbXBsZSBub25jZQ==dGhlIHNhbXBsZSBub25jZQ== status=400
a: ws /chat/ key=dGhlIHNhbXBsZSBub25jZQ==
a: recv {"type":"welcome"}



=== TEST 6: versions other than 13
--- chat
a: ws /chat/ version=8 status=426
a: header Sec-WebSocket-Version: 13
a: header Upgrade: websocket
a: header Content-Type: application/problem+json
a: expect 426 {"status":426,"title":"Upgrade Required","code":"bad_request","temporary":false}
b: ws /chat/ version=14 status=426
b: header Sec-WebSocket-Version: 13
c: ws /chat/ version=1 status=426
c: ws /chat/ version=013 status=426
c: ws /chat/ header="Sec-WebSocket-Version:" status=426
c: header Sec-WebSocket-Version: 13
# the connection lives on, and the next try is the right one
d: ws /chat/ version=8 status=426
d: ws /chat/ keep
d: recv {"type":"welcome"}



=== TEST 7: HTTP/1.0, and methods that are not GET
--- chat
a: tcp
a: raw "GET /chat/ HTTP/1.0\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
a: answer 400
a: expect 400 {"code":"bad_request","detail":"/HTTP\/1.1/"}
a: end
b: tcp
b: raw "PUT /chat/ HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
b: answer 405
b: header Allow: GET, HEAD, POST
c: tcp
c: raw "POST /chat/ HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n{\"type\":\"ping\"}"
c: answer 200
c: expect 200 [{"type":"pong"}]



=== TEST 8: a handshake with a body
--- chat
a: tcp
a: raw "GET /chat/ HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nContent-Length: 4\r\n\r\nbody"
a: answer 400
a: expect 400 {"code":"bad_request"}
b: tcp
b: raw "GET /chat/ HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n"
b: answer 400



=== TEST 9: the Upgrade header is lost
--- chat
a: ws /chat/ header="Upgrade:" status=426
a: expect 426 {"status":426,"code":"bad_request","detail":"/Upgrade/"}
a: header Upgrade: websocket
log /without "Upgrade".*proxy_http_version 1.1.*proxy_set_header Upgrade/
b: ws /chat/lobby header="Upgrade: h2c" status=426



=== TEST 10: over HTTP/2 there is none
--- chat
# HTTP/1.1 on the same port is another matter
c: ws /chat/ tls
c: recv {"type":"welcome"}
a: get /chat/ via=h2 header="Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==" header="Sec-WebSocket-Version: 13"
a: expect 426 {"status":426,"code":"bad_request"}
# such a header does not belong into HTTP/2
a: header Upgrade: absent
log /without "Upgrade"/



=== TEST 11: through a proxy, right and wrong
--- chat_config
chat_ping 25s;
--- config
location /wrong/ {
    proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/chat/;
}
location /right/ {
    proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/chat/;
    proxy_http_version 1.1;
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Connection upgrade;
    proxy_set_header Host $http_host;
}
--- chat
a: ws /wrong/lobby status=426
log /without "Upgrade".*proxy_set_header Connection upgrade/
b: ws /right/lobby header="Origin: http://127.0.0.1:$TEST_NGINX_SERVER_PORT" proto=chat.v1
b: header Sec-WebSocket-Protocol: chat.v1
b: recv {"type":"welcome"}
b: recv {"type":"joined","room":"lobby"}
50 * b: send {"type":"message","room":"lobby","text":"m$i"}
50 * b: recv {"type":"message","text":"m$i"}
b: close 1000 bye
b: closed 1000



=== TEST 12: the first frames come in the handshake's own segment
--- chat
a: ws /chat/ first="{\"type\":\"join\",\"id\":1,\"room\":\"lobby\"}"
a: recv {"type":"welcome"}
a: recv {"type":"joined","reply_to":1,"room":"lobby"}
b: ws /chat/ tls first="{\"type\":\"join\",\"id\":1,\"room\":\"lobby\"}"
b: recv {"type":"welcome"}
b: recv {"type":"joined","reply_to":1,"room":"lobby"}
# the URL's room is entered before
c: ws /chat/lobby first="{\"type\":\"message\",\"id\":2,\"room\":\"lobby\",\"text\":\"early\"}"
c: recv {"type":"welcome"}
c: recv {"type":"joined","room":"lobby"}
c: recv {"type":"ok","reply_to":2}
c: recv {"type":"message","text":"early"}
a: recv {"type":"message","text":"early"}
b: recv {"type":"message","text":"early"}



=== TEST 13: many frames, a ping and a Close in the handshake's own segment
--- chat
a: tcp
a: cork
a: raw "GET /chat/lobby HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
20 * a: send {"type":"message","id":$i,"room":"lobby","text":"m$i"}
a: frame ping are you there
a: frame close hex:03e8
a: uncork
a: answer 101
a: recv {"type":"welcome"}
a: recv {"type":"joined"}
20 * a: recv {"type":"ok","reply_to":$i}
a: recv_frame pong are you there
a: recv_frame close hex:03e8
a: end
b: get /chat/lobby?limit=100
b: expect 200 {"head":20}



=== TEST 14: a frame that begins in the handshake's segment
--- chat
a: tcp
a: raw "GET /chat/ HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n\x81"
a: answer 101
a: recv {"type":"welcome"}
# the rest of {"type":"ping"}, under a mask of zeros
a: raw "\x8f\0\0\0\0{\"type\":\"ping\"}"
a: recv {"type":"pong"}



=== TEST 15: behind a large header, and behind another request
--- chat
let cookie = <<"c=" . "x" x 6000>>
a: ws /chat/ header="Cookie: $cookie" first="{\"type\":\"ping\",\"id\":1}"
a: recv {"type":"welcome"}
a: recv {"type":"pong","reply_to":1}
b: get /chat-status keep
b: expect 200 {"sessions":"<int>"}
b: ws /chat/ keep first="{\"type\":\"ping\",\"id\":2}"
b: recv {"type":"welcome"}
b: recv {"type":"pong","reply_to":2}
# and pipelined: an answer, then a WebSocket
c: tcp
c: raw "GET /chat/none HTTP/1.1\r\nHost: localhost\r\n\r\nGET /chat/ HTTP/1.1\r\nHost: localhost\r\nCookie: $cookie\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n\x89\x80\0\0\0\0"
c: answer 404
c: answer 101
c: recv {"type":"welcome"}
c: recv_frame pong ""



=== TEST 16: more bytes behind the handshake than a read takes
--- chat
let text = <<"x" x 1000>>
a: tcp
a: cork
a: raw "GET /chat/lobby HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
150 * a: send {"type":"message","id":$i,"room":"lobby","text":"$text"}
a: uncork
a: answer 101
a: recv {"type":"welcome"}
a: recv {"type":"joined"}
150 * a: recv {"type":"ok","reply_to":$i}
150 * a: recv {"type":"message"}
--- http_config
client_header_buffer_size 256k;



=== TEST 17: byte by byte
--- chat
a: tcp
a: chunk 1
a: raw "GET /chat/lobby HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
a: send {"type":"message","id":1,"room":"lobby","text":"slow"}
a: frame ping hello
a: answer 101
a: recv {"type":"welcome"}
a: recv {"type":"joined"}
a: recv {"type":"ok","reply_to":1}
a: recv {"type":"message","text":"slow"}
a: recv_frame pong hello



=== TEST 18: something else than frames behind the handshake
--- chat
a: tcp
a: raw "GET /chat/ HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\nGET /chat/ HTTP/1.1\r\n\r\n"
a: answer 101
a: recv {"type":"welcome"}
a: recv {"type":"closing","code":1002,"reconnect":false}
a: closed 1002



=== TEST 19: the access phase comes first
--- chat_config
deny all;
--- chat
a: ws /chat/lobby status=403
a: ws /chat/lobby status=403 keep



=== TEST 20: a room that something else names
--- chat_config
chat_room  "r-$arg_n";
--- chat
a: ws /chat/whatever?n=7
a: recv {"type":"welcome"}
a: recv {"type":"joined","room":"r-7"}



=== TEST 21: a URL that was rewritten on its way
--- chat_config
chat_ping 25s;
--- config
location /c/ {
    rewrite  ^/c/(.*)$  /chat/$1  last;
}
--- chat
a: ws /c/lobby?last=5 first="{\"type\":\"ping\",\"id\":1}"
a: recv {"type":"welcome"}
a: recv {"type":"joined","room":"lobby","page":{"events":[]}}
a: recv {"type":"pong","reply_to":1}



=== TEST 22: mirrors of the handshake: one that answers, one that never does
--- chat_config
mirror  /mirror;
mirror  /never;
--- config
location = /mirror {
    internal;
    proxy_pass  http://127.0.0.1:$server_port/seen;
}
location = /never {
    internal;
    proxy_pass  http://127.0.0.1:$server_port/other/lobby;
    proxy_pass_request_headers  off;
    proxy_set_header  Accept  text/event-stream;
    proxy_buffering   off;
}
location = /seen {
    access_log  logs/seen.log;
    return      204;
}
location ^~ /other/ {
    chat        main;
    chat_guest  on;
}
--- chat
a: ws /chat/lobby first="{\"type\":\"ping\",\"id\":1}"
a: recv {"type":"welcome"}
a: recv {"type":"joined"}
a: recv {"type":"pong","reply_to":1}
logged seen.log /"GET \/seen HTTP\/1\.0" 204 /
p: post /other/lobby {"text":"one"}
a: recv {"text":"one"}
await /chat-status {"sse_sessions":0,"sse_sessions_total":1}
a: close 1000
a: closed 1000
