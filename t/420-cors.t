#!/usr/bin/perl

# Pages of other origins: what a browser asks before, and what lets a page read
# the answer.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;

run_tests();

__DATA__

=== TEST 1: a browser asks whether it may
--- chat_config
chat_origin same https://www.example.com https://*.example.org;
--- chat
p: options /chat/lobby header="Origin: https://www.example.com" header="Access-Control-Request-Method: POST" header="Access-Control-Request-Headers: authorization,content-type,idempotency-key"
p: expect 204
p: header Access-Control-Allow-Origin: https://www.example.com
p: header Access-Control-Allow-Methods: GET, HEAD, POST
p: header Access-Control-Allow-Headers: Authorization, Content-Type, Idempotency-Key, Chat-Session, Last-Event-ID
p: header Access-Control-Max-Age: 7200
p: header Access-Control-Allow-Credentials: true
p: header Access-Control-Allow-Private-Network: absent
p: header Vary: Origin, Accept
p: header Allow: GET, HEAD, POST
p: header Cache-Control: no-store
# the origin is answered as it came, not as it was written
p: options /chat/ header="Origin: https://A.b.Example.org" header="Access-Control-Request-Method: POST" header="Access-Control-Request-Private-Network: true"
p: expect 204
p: header Access-Control-Allow-Origin: https://A.b.Example.org
p: header Access-Control-Allow-Private-Network: absent
# no browser asks so
p: options /chat/lobby
p: expect 204
p: header Access-Control-Allow-Origin: absent
p: header Access-Control-Allow-Methods: absent
p: header Allow: GET, HEAD, POST



=== TEST 2: a page that may not, and pages that need not ask
--- chat_config
chat_origin same https://www.example.com https://*.example.org;
--- chat
p: options /chat/lobby header="Origin: https://evil.example" header="Access-Control-Request-Method: POST"
p: expect 403 {"code":"forbidden"}
p: header Access-Control-Allow-Origin: absent
p: header Access-Control-Allow-Methods: absent
p: header Access-Control-Allow-Credentials: absent
p: header Vary: Origin, Accept
log /refused to a page of origin "https:\/\/evil.example"/
p: options /chat/lobby header="Origin: null" header="Access-Control-Request-Method: POST"
p: expect 403
p: header Access-Control-Allow-Origin: absent
p: options /chat/lobby header="Origin: https://example.org" header="Access-Control-Request-Method: POST"
p: expect 403
p: options /chat/lobby header="Origin: https://www.example.com.evil.example" header="Access-Control-Request-Method: POST"
p: expect 403
p: options /chat/lobby header="Origin: https://evil.example/.example.org" header="Access-Control-Request-Method: POST"
p: expect 403
# the host itself by either scheme: nothing that would let a page of "http"
# read what belongs to "https"
q: options /chat/lobby header="Host: chat.example.com" header="Origin: http://chat.example.com" header="Access-Control-Request-Method: POST"
q: expect 204
q: header Access-Control-Allow-Origin: absent
q: header Access-Control-Allow-Methods: absent
q: post /chat/lobby header="Host: chat.example.com" header="Origin: https://chat.example.com" {"text":"x"}
q: expect 201
q: header Access-Control-Allow-Origin: absent
# pages are read by whom the browser lets: it lets nobody
q: get /chat/lobby header="Origin: https://evil.example"
q: expect 200 {"type":"history"}
q: header Access-Control-Allow-Origin: absent
q: header Vary: Origin, Accept
--- allow_log
of origin



=== TEST 3: every answer to a page of another origin
--- chat_config
chat_origin https://www.example.com;
chat_guest off;
chat_user $arg_user trusted;
chat_limit message rate=1r/h;
--- chat
p: post /chat/lobby?user=ann header="Origin: https://www.example.com" {"text":"x","nonce":"12345678"}
p: expect 201
p: header Access-Control-Allow-Origin: https://www.example.com
p: header Access-Control-Expose-Headers: Retry-After
p: header Access-Control-Allow-Credentials: true
p: header Access-Control-Allow-Methods: absent
p: header Vary: Origin, Accept
p: post /chat/lobby?user=ann header="Origin: https://www.example.com" {"text":"x","nonce":"12345678"}
p: expect 200 {"duplicate":true}
p: header Access-Control-Allow-Origin: https://www.example.com
p: post /chat/lobby?user=ann header="Origin: https://www.example.com" {"text":"y"}
p: expect 429
p: header Access-Control-Allow-Origin: https://www.example.com
p: header Retry-After: /^3[56]\d\d$/
p: post /chat/lobby header="Origin: https://www.example.com" {"text":"y"}
p: expect 401
p: header Access-Control-Allow-Origin: https://www.example.com
p: put /chat/lobby header="Origin: https://www.example.com" x
p: expect 405
p: header Access-Control-Allow-Origin: https://www.example.com
p: post /chat/lobby?user=ann type=text/css header="Origin: https://www.example.com" x
p: expect 415
p: header Access-Control-Allow-Origin: https://www.example.com
p: get /chat/lobby?user=ann header="Origin: https://www.example.com"
p: expect 200 {"type":"history"}
p: header Access-Control-Allow-Origin: https://www.example.com
p: get /chat/nowhere?user=ann header="Origin: https://www.example.com"
p: expect 404
p: header Access-Control-Allow-Origin: https://www.example.com
p: post /chat/?user=ann header="Origin: https://www.example.com" [{"type":"ping"}]
p: expect 200 [{"type":"pong"}]
p: header Access-Control-Allow-Origin: https://www.example.com
# refused: nothing that would let the page read why
p: post /chat/lobby?user=ann header="Origin: https://evil.example" {"text":"z"}
p: expect 403 {"code":"forbidden"}
p: header Access-Control-Allow-Origin: absent
p: header Access-Control-Expose-Headers: absent
p: header Access-Control-Allow-Credentials: absent
w: ws /chat/ header="Origin: https://www.example.com" version=8 status=426
w: header Access-Control-Allow-Origin: https://www.example.com
# nginx's own pages are not this module's
s: get /chat-status header="Origin: https://www.example.com"
s: header Access-Control-Allow-Origin: absent
--- allow_log
of origin



=== TEST 4: event streams, by GET and by fetch, over HTTP/1.1, TLS and HTTP/2
--- chat_config
chat_origin https://www.example.com;
--- chat
a: sse /chat/lobby header="Origin: https://www.example.com"
a: header Access-Control-Allow-Origin: https://www.example.com
a: header Access-Control-Allow-Credentials: true
a: header Vary: Origin, Accept
a: recv {"type":"welcome"}
b: sse /chat/lobby tls header="Origin: https://www.example.com"
b: header Access-Control-Allow-Origin: https://www.example.com
b: recv {"type":"welcome"}
c: sse /chat/lobby via=h2 header="Origin: https://www.example.com"
c: header Access-Control-Allow-Origin: https://www.example.com
c: recv {"type":"welcome"}
d: stream /chat/ header="Origin: https://www.example.com" [{"type":"join","room":"lobby"}]
d: header Access-Control-Allow-Origin: https://www.example.com
d: recv {"type":"welcome"}
e: sse /chat/lobby header="Origin: https://evil.example" status=403
e: header Access-Control-Allow-Origin: absent
f: sse /chat/.bad header="Origin: https://www.example.com" status=400
f: header Access-Control-Allow-Origin: https://www.example.com
# a WebSocket's handshake has none of it: it is no matter of CORS
g: ws /chat/lobby header="Origin: https://www.example.com"
g: header Access-Control-Allow-Origin: absent
--- allow_log
of origin



=== TEST 5: whom nobody has named gets no credentials
--- chat_config
chat_origin any;
--- chat
p: options /chat/lobby header="Origin: https://anybody.example" header="Access-Control-Request-Method: POST"
p: expect 204
p: header Access-Control-Allow-Origin: https://anybody.example
p: header Access-Control-Allow-Credentials: absent
p: post /chat/lobby header="Origin: null" {"text":"x"}
p: expect 201
p: header Access-Control-Allow-Origin: null
p: header Access-Control-Allow-Credentials: absent



=== TEST 6: a star that is not a whole part of the host, and a name beside "any"
--- chat_config
chat_origin https://www.* any https://www.example.com;
--- chat
p: post /chat/lobby header="Origin: https://www.evil.example" {"text":"x"}
p: expect 201
p: header Access-Control-Allow-Origin: https://www.evil.example
p: header Access-Control-Allow-Credentials: absent
p: post /chat/lobby header="Origin: https://www.example.com" {"text":"x"}
p: expect 201
p: header Access-Control-Allow-Credentials: true



=== TEST 7: asked before who it is: a browser sends no token with the question
--- chat_config
auth_request      /auth;
auth_request_set  $uid $upstream_http_x_uid;
chat_user         $uid;
chat_origin       https://www.example.com;
--- config
location = /auth {
    internal;
    proxy_pass               http://127.0.0.1:$TEST_NGINX_SERVER_PORT/who/;
    proxy_pass_request_body  off;
    proxy_set_header         Content-Length "";
}
location /who/ {
    if ($http_authorization = "") {
        return 401;
    }
    add_header  X-Uid $http_authorization;
    return 204;
}
--- chat
p: options /chat/lobby header="Origin: https://www.example.com" header="Access-Control-Request-Method: POST"
p: expect 204
p: header Access-Control-Allow-Origin: https://www.example.com
p: post /chat/lobby header="Authorization: ann" header="Origin: https://www.example.com" {"text":"x"}
p: expect 201
p: header Access-Control-Allow-Origin: https://www.example.com
p: options /chat/lobby
p: expect 401



=== TEST 8: raw rooms
--- chat_config
chat_format raw;
chat_origin https://www.example.com;
--- chat
p: post /chat/lobby header="Origin: https://www.example.com" x
p: expect 201
p: header Access-Control-Allow-Origin: https://www.example.com
p: get /chat/lobby header="Origin: https://www.example.com"
p: expect 200
p: header Access-Control-Allow-Origin: https://www.example.com
p: header Content-Security-Policy: sandbox
