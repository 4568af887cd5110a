#!/usr/bin/perl

# Who asks another server who somebody is: chat_auth_request, auth_request, and
# introspection of opaque tokens (RFC 7662).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest::Jwt;
use ChatTest::Source;
use ChatTest;

run_tests();

__DATA__

=== TEST 1: what nginx -t says
--- chat_config
chat_guest  on;
--- chat
accepted server chat_guest off; location /c/ { chat main; chat_auth_request /a; }
refused server location /c/ { chat main; chat_auth_request a; } => invalid parameter "a" of "chat_auth_request": write the URI of a location of this server, "chat_auth_request /auth;"
refused server location /c/ { chat main; chat_auth_request /a; chat_auth_request /b; } => is duplicate
refused server location /c/ { chat main; chat_auth_request /a; chat_guest on; } => "chat_auth_request" and another directive say who users are in location "/c/", remove one
refused server location /c/ { chat main; chat_auth_request /a; chat_user x; } => "chat_auth_request" and another directive



=== TEST 2: named in headers
--- config
location = /auth {
    internal;
    proxy_pass  http://127.0.0.1:$TEST_NGINX_SERVER_PORT/who;
    proxy_pass_request_body   off;
    proxy_set_header          Content-Length "";
}
location = /who {
    if ($http_cookie = "") { return 401; }
    if ($http_cookie = "s=bad") { return 403; }
    if ($http_cookie = "s=broken") { return 500; }
    if ($http_cookie = "s=nobody") { return 204; }
    if ($http_cookie = "s=odd") { set $id "a b"; }
    if ($http_cookie = "s=ann") { set $id ann; }
    add_header  X-Chat-User   $id;
    add_header  X-Chat-Name   "Ann B.";
    add_header  X-Chat-Roles  "moderator staff";
    add_header  X-Chat-Rooms  "lobby b*";
    return 204;
}
--- chat_config
chat_auth_request  /auth;
chat_allow         staff  send  room=lobby;
--- chat
a: enter ws /chat/lobby header="Cookie: s=ann"
a: ask {"type":"message","id":1,"room":"lobby","text":"x"} -> {"type":"ok","reply_to":1}
a: recv {"text":"x","user":{"id":"ann","name":"Ann B."}}
a: ask {"type":"join","id":2,"room":"else"} -> {"type":"error","code":"forbidden"}
b: enter sse /chat/lobby header="Cookie: s=ann"
b: none
c: post /chat/lobby header="Cookie: s=ann" {"text":"by POST"}
c: expect 201
a: recv {"text":"by POST"}
b: recv {"text":"by POST"}
c: get /chat/lobby header="Cookie: s=ann"
c: expect 200
d: stream /chat/ header="Cookie: s=ann" {"type":"join","room":"lobby"}
d: recv {"type":"welcome","user":{"id":"ann"}}
d: recv {"type":"joined"}
# on a connection that goes on
c: get /chat/lobby keep header="Cookie: s=ann"
c: expect 200
# nobody
c: get /chat/lobby
c: expect 401 {"code":"unauthorized"}
w: ws /chat/lobby
w: recv {"type":"closing","code":4401}
w: closed 4401
# not he
c: get /chat/lobby header="Cookie: s=bad"
c: expect 403 {"code":"forbidden"}
w: ws /chat/lobby header="Cookie: s=bad"
w: recv {"type":"closing","code":1008}
w: closed 1008
# not now
c: get /chat/lobby header="Cookie: s=broken"
c: expect 503 {"code":"unavailable"}
w: ws /chat/lobby header="Cookie: s=broken" status=503
w: sse /chat/lobby header="Cookie: s=broken"
w: recv {"type":"error","code":"unavailable"}
w: end
log /"chat_auth_request" was answered 500, and not 2xx, 401 or 403/
# nobody is named, or somebody who can't be
c: get /chat/lobby header="Cookie: s=nobody"
c: expect 401 {"code":"unauthorized"}
log /what "chat_auth_request" was answered names no user/
c: get /chat/lobby header="Cookie: s=odd"
c: expect 401 {"code":"unauthorized"}
# another's page can't have it asked
c: sse /chat/lobby header="Cookie: s=ann" header="Origin: http://evil.example" status=403
# a ticket instead
c: post /chat/ticket header="Cookie: s=ann"
c: expect 201 {"ticket":"$x=<string>"}
w: enter ws /chat/lobby?ticket=$x
w: ask {"type":"auth","id":1,"token":"x"} -> {"type":"error","code":"unsupported"}



=== TEST 3: named in JSON, by another server; expiry
--- config
location = /auth {
    internal;
    proxy_pass                http://unix:$TEST_NGINX_KEYS/source.sock:/who;
    proxy_pass_request_body   off;
    proxy_set_header          Content-Length "";
}
--- chat_config
chat_auth_request  /auth;
add_header         X-Org  $chat_claim_org  always;
--- chat
let e = <<main::in(4)>>
call file who.json {"user":"bob","name":"Bob","roles":["member"],"expires":$e,"org":"acme"}
call source chunked who.json
a: post /chat/lobby header="Cookie: s=1" {"text":"x"}
a: expect 201
a: header X-Org: acme
call asked /GET \/who HTTP\/1.0\r\n(?:.*\r\n)*Cookie: s=1\r\n/
w: enter ws /chat/lobby
w: recv {"type":"expiring"} within=10
w: recv {"type":"closing","code":4401} within=10
w: closed 4401
# seconds begin at another time for a session than on the clock
await /chat/lobby {"code":"expired"}
a: get /chat/lobby
a: expect 401 {"code":"expired"}
# what is no answer
call file who.json {"user":"bob","expires":"soon"}
a: get /chat/lobby
a: expect 401
log /names no user: "expires" is no time/
call file who.json {"user":"bob"
a: get /chat/lobby
a: expect 401
log /names no user: it is no JSON object/
call file who.json {"user":"bob","user":"eve"}
a: get /chat/lobby
a: expect 401
call source bigger who.json
b: tcp
b: raw "GET /chat/lobby HTTP/1.1\r\nHost: x\r\n\r\n"
b: end
log /too big subrequest response/
call source garbage
a: get /chat/lobby
a: expect 503 {"code":"unavailable"}
# who goes meanwhile
call source silent
b: tcp
b: raw "GET /chat/lobby HTTP/1.1\r\nHost: x\r\n\r\n"
b: taken
b: reset
w: tcp
w: raw "POST /chat/lobby HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\r\nab"
w: taken
w: reset
call source delayed who.json
call file who.json {"user":"bob"}
a: post /chat/lobby {"text":"late"}
a: expect 201



=== TEST 4: auth_request and chat_user
--- config
location = /whoami {
    internal;
    proxy_pass  http://127.0.0.1:$TEST_NGINX_SERVER_PORT/who;
    proxy_pass_request_body   off;
    proxy_set_header          Content-Length "";
}
location = /who {
    if ($http_cookie = "") { return 401; }
    add_header  X-User-Id  ann  always;
    return 204;
}
--- chat_config
auth_request      /whoami;
auth_request_set  $uid  $upstream_http_x_user_id;
chat_user         $uid;
--- chat
a: enter ws /chat/lobby header="Cookie: s=1"
b: post /chat/lobby header="Cookie: s=1" {"text":"x"}
b: expect 201
a: recv {"text":"x","user":{"id":"ann"}}
b: get /chat/lobby
b: expect 401
b: ws /chat/lobby status=401



=== TEST 5: introspection, RFC 7662
--- http_config
map $http_authorization $bearer {
    "~*^Bearer (?<t>[A-Za-z0-9._~+/=-]+)$"  $t;
}
--- config
location = /introspect {
    internal;
    proxy_pass        http://unix:$TEST_NGINX_KEYS/source.sock:/introspect;
    proxy_method      POST;
    proxy_set_header  Content-Type  application/x-www-form-urlencoded;
    proxy_set_header  Authorization "Basic Y2hhdDpzZWNyZXQ=";
    proxy_set_header  Accept        application/json;
    proxy_set_header  Cookie        "";
    proxy_set_body    token=$bearer&token_type_hint=access_token;
}
--- chat_config
chat_auth_request  /introspect;
--- chat
let e = <<main::in(600)>>
call file who.json {"active":true,"sub":"ann","username":"x","scope":"chat","exp":$e}
call source length who.json
a: enter ws /chat/lobby header="Authorization: Bearer opaque-1"
call asked /POST \/introspect .*\r\n(?:.*\r\n)*\r\ntoken=opaque-1&token_type_hint=access_token/
a: send {"type":"message","room":"lobby","text":"x"}
a: recv {"text":"x","user":{"id":"ann"}}
call file who.json {"active":false}
b: get /chat/lobby header="Authorization: Bearer opaque-2"
b: expect 401 {"code":"unauthorized"}
b: ws /chat/lobby header="Authorization: Bearer opaque-2"
b: recv {"type":"closing","code":4401}
b: closed 4401
nolog /names no user/
