#!/usr/bin/perl

# Who may connect, as whom and by which subprotocol: the origin rule,
# Sec-WebSocket-Protocol, guests and their tokens, chat_user.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;

run_tests();

__DATA__

=== TEST 1: the page's own host, with a port and without
--- chat
a: ws /chat/ header="Origin: http://127.0.0.1:$TEST_NGINX_SERVER_PORT"
a: recv {"type":"welcome"}
b: ws /chat/ header="Host: Chat.Example.com" header="Origin: https://chat.example.COM"
b: recv {"type":"welcome"}
# the scheme's own port may be written or not
b: ws /chat/ header="Host: chat.example.com" header="Origin: https://chat.example.com:443"
b: recv {"type":"welcome"}
b: ws /chat/ header="Host: chat.example.com:443" header="Origin: https://chat.example.com"
b: recv {"type":"welcome"}
b: ws /chat/ header="Host: chat.example.com:80" header="Origin: http://chat.example.com"
b: recv {"type":"welcome"}
# who is no browser sends none
c: ws /chat/
c: recv {"type":"welcome"}



=== TEST 2: other origins
--- chat
a: ws /chat/ header="Origin: http://evil.example" status=403
a: expect 403 {"code":"forbidden","status":403}
a: header Content-Type: application/problem+json
log /refused to a page of origin "http:\/\/evil.example" \(host "127.0.0.1:\d+"\).*chat_origin same http:\/\/evil.example/
a: ws /chat/ header="Origin: null" status=403
a: ws /chat/ header="Origin: http://127.0.0.1" status=403
a: ws /chat/ header="Origin: http://127.0.0.1:$TEST_NGINX_SERVER_PORT.evil.example" status=403
a: ws /chat/ header="Origin: file://" status=403
a: ws /chat/ header="Origin:  " header="Host: x" status=403
b: ws /chat/ header="Host: chat.example.com" header="Origin: https://chat.example.com:8443" status=403
b: ws /chat/ header="Host: chat.example.com" header="Origin: https://a.chat.example.com" status=403
b: ws /chat/ header="Host: chat.example.com" header="Origin: http://chat.example.com:443" status=403
# the origin comes before everything else, so the answer says no more
c: ws /chat/ header="Origin: http://evil.example" version=8 status=403
c: ws /chat/.wrong header="Origin: http://evil.example" header="Sec-WebSocket-Key:" status=403



=== TEST 3: a page that names no origin
--- chat
a: ws /chat/ header="Sec-Fetch-Site: cross-site" status=403
a: expect 403 {"code":"forbidden"}
log /of another site that names no origin, write "chat_origin"/
b: ws /chat/ header="Sec-Fetch-Site: same-origin"
b: recv {"type":"welcome"}
b: ws /chat/ header="Sec-Fetch-Site: none"
b: recv {"type":"welcome"}
# an origin that is allowed is
b: ws /chat/ header="Sec-Fetch-Site: cross-site" header="Origin: http://127.0.0.1:$TEST_NGINX_SERVER_PORT"
b: recv {"type":"welcome"}



=== TEST 4: any
--- chat_config
chat_origin any;
--- chat
a: ws /chat/ header="Origin: http://anybody.example"
a: recv {"type":"welcome"}



=== TEST 5: origins by name replace the page's own
--- chat_config
chat_origin https://www.example.com http://localhost:8080;
--- chat
a: ws /chat/ header="Origin: https://WWW.example.com"
a: recv {"type":"welcome"}
a: ws /chat/ header="Origin: http://localhost:8080"
a: recv {"type":"welcome"}
b: ws /chat/ header="Origin: http://www.example.com" status=403
b: ws /chat/ header="Origin: https://www.example.com.evil.example" status=403
b: ws /chat/ header="Origin: https://www.example.co" status=403
b: ws /chat/ header="Origin: http://127.0.0.1:$TEST_NGINX_SERVER_PORT" status=403



=== TEST 6: a wildcard, and the page's own
--- chat_config
chat_origin same https://*.example.com;
--- chat
a: ws /chat/ header="Origin: https://a.example.com"
a: recv {"type":"welcome"}
a: ws /chat/ header="Origin: https://a.b.example.com"
a: recv {"type":"welcome"}
a: ws /chat/ header="Origin: http://127.0.0.1:$TEST_NGINX_SERVER_PORT"
a: recv {"type":"welcome"}
b: ws /chat/ header="Origin: https://example.com" status=403
b: ws /chat/ header="Origin: https://.example.com" status=403
b: ws /chat/ header="Origin: http://a.example.com" status=403
b: ws /chat/ header="Origin: https://evil.example/.example.com" status=403
b: ws /chat/ header="Origin: https://a.example.com:8443" status=403
b: ws /chat/ header="Origin: https://evil-example.com" status=403



=== TEST 7: subprotocols
--- chat
a: ws /chat/ proto=chat.v1
a: header Sec-WebSocket-Protocol: chat.v1
a: recv {"type":"welcome"}
a: ws /chat/ proto=soap,chat.v1,chat.v2
a: header Sec-WebSocket-Protocol: chat.v1
a: recv {"type":"welcome"}
a: ws /chat/ header="Sec-WebSocket-Protocol: soap ,	chat.v1"
a: header Sec-WebSocket-Protocol: chat.v1
a: recv {"type":"welcome"}
# a list may be spread over lines
a: ws /chat/ header="Sec-WebSocket-Protocol: soap" header="Sec-WebSocket-Protocol: chat.v1"
a: header Sec-WebSocket-Protocol: chat.v1
a: recv {"type":"welcome"}



=== TEST 8: subprotocols that are not spoken here
--- chat
a: ws /chat/ proto=soap status=400
a: expect 400 {"code":"bad_request","detail":"/chat\\.v1/"}
a: header Sec-WebSocket-Protocol: absent
a: ws /chat/ proto=chat.v2,chat.v11,chat.v status=400
# the names are case-sensitive
a: ws /chat/ proto=Chat.v1 status=400
a: ws /chat/ proto=bearer.abc status=400



=== TEST 9: a token beside the subprotocol is never echoed
--- chat
a: ws /chat/
a: recv {"type":"welcome","user":{"id":"$id=/^~g[a-z2-7]{16}$/","guest":true},"guest_token":"$token=<string>"}
b: ws /chat/ proto=chat.v1,bearer.$token
b: header Sec-WebSocket-Protocol: chat.v1
b: recv {"type":"welcome","user":{"id":"$id","guest":true},"guest_token":"<string>"}
c: ws /chat/ header="Sec-WebSocket-Protocol: bearer.$token, chat.v1"
c: header Sec-WebSocket-Protocol: chat.v1
c: recv {"type":"welcome","user":{"id":"$id"}}
c: ws /chat/ header="Sec-WebSocket-Protocol: chat.v1" header="Sec-WebSocket-Protocol: bearer.$token"
c: recv {"type":"welcome","user":{"id":"$id"}}
d: ws /chat/ header="Authorization: Bearer $token" other=a
d: recv {"type":"welcome","user":{"id":"$id"}}
# a word that only ends so is no token
e: ws /chat/ proto=xbearer.$token,chat.v1
e: recv {"type":"welcome","user":{"id":"<< $_ ne '$id' >>"}}



=== TEST 10: a token that is wrong is told after the handshake
--- chat
a: ws /chat/lobby proto=chat.v1,bearer.nonsense
a: header Sec-WebSocket-Protocol: chat.v1
a: recv {"type":"closing","code":4401,"reason":"unauthorized","reconnect":true}
a: closed 4401 unauthorized
b: ws /chat/
b: recv {"type":"welcome","guest_token":"$token=<string>"}
# one character is another
let forged = <<substr("$token", 0, -1) . (substr("$token", -1) eq 'A' ? 'B' : 'A')>>
c: ws /chat/ header="Authorization: Bearer $forged"
c: recv {"type":"closing","code":4401}
c: closed 4401
# what such a client sends is not read, the first frame neither
d: ws /chat/lobby proto=chat.v1,bearer.x first="{\"type\":\"message\",\"room\":\"lobby\",\"text\":\"x\"}"
d: recv {"type":"closing","code":4401}
d: closed 4401
b: get /chat/lobby status=404



=== TEST 11: hello.token makes a guest the one it was, on another worker
--- chat
a: ws /chat/
a: recv {"type":"welcome","user":{"id":"$id=<string>"},"guest_token":"$token=<string>"}
b: ws /chat/lobby other=a
b: recv {"type":"welcome","user":{"id":"<< $_ ne '$id' >>"},"session":"$session=<string>"}
b: recv {"type":"joined"}
b: send {"type":"hello","id":1,"client":"test/1","token":"$token"}
b: recv {"type":"welcome","reply_to":1,"protocol":"chat.v1","session":"$session","user":{"id":"$id","guest":true},"guest_token":"<string>"}
b: send {"type":"message","id":2,"room":"lobby","text":"I"}
b: recv {"type":"ok","reply_to":2}
b: recv {"type":"message","user":{"id":"$id","guest":true}}
# nothing changes a second time
b: send {"type":"hello","id":"h","token":"$token"}
b: recv {"type":"ok","reply_to":"h","user":"<absent>"}
# without an id a changed identity is told all the same
c: ws /chat/
c: recv {"type":"welcome"}
c: send {"type":"hello","token":"$token"}
c: recv {"type":"welcome","reply_to":"<absent>","user":{"id":"$id"}}



=== TEST 12: hello.token that is wrong
--- chat
a: ws /chat/lobby
a: recv {"type":"welcome","user":{"id":"$id=<string>"}}
a: recv {"type":"joined"}
a: send {"type":"hello","id":1,"token":"nonsense"}
a: recv {"type":"error","reply_to":1,"code":"unauthorized","temporary":false,"field":"token"}
a: send {"type":"hello","token":"g1.$id.9999999999.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}
a: recv {"type":"error","reply_to":"<absent>","code":"unauthorized"}
a: send {"type":"hello","id":2,"token":17}
a: recv {"type":"error","reply_to":2,"code":"bad_request","field":"token"}
a: send {"type":"message","room":"lobby","text":"still I"}
a: recv {"type":"message","user":{"id":"$id"}}



=== TEST 13: the cookie of a guest, over TLS only
--- chat
a: ws /chat/
a: header Set-Cookie: absent
a: recv {"type":"welcome"}
b: ws /chat/ tls
b: header Set-Cookie: /^__Host-chat_guest=g1\.[^;]+; Path=\/; Max-Age=2592000; Secure; HttpOnly; SameSite=Lax$/
b: recv {"type":"welcome","user":{"id":"$id=<string>"},"guest_token":"$token=<string>"}
c: ws /chat/ tls header="Cookie: a=b; __Host-chat_guest=$token; c=d"
c: header Set-Cookie: absent
c: recv {"type":"welcome","user":{"id":"$id"}}
# one that is of no use any more makes a new guest
d: ws /chat/ tls header="Cookie: __Host-chat_guest=g1.nonsense"
d: header Set-Cookie: /^__Host-chat_guest=/
d: recv {"type":"welcome","user":{"id":"<< $_ ne '$id' >>","guest":true}}



=== TEST 14: chat_user
--- chat_config
chat_user  $http_x_user trusted  name=$http_x_name;
--- chat
a: ws /chat/lobby header="X-User: ann" header="X-Name:   Ann   B. "
a: header Set-Cookie: absent
a: recv {"type":"welcome","user":{"id":"ann","name":"Ann B.","guest":"<absent>"},"guest_token":"<absent>"}
a: recv {"type":"joined"}
a: send {"type":"message","room":"lobby","text":"hi"}
a: recv {"type":"message","user":{"id":"ann","name":"Ann B."}}
# nobody
b: ws /chat/lobby
b: recv {"type":"closing","code":4401,"reason":"unauthorized","reconnect":true}
b: closed 4401 unauthorized
b: ws /chat/ tls
b: recv {"type":"closing","code":4401}
b: closed 4401
# ids that can't be, and one of a guest's kind
c: ws /chat/ header="X-User: a/b"
c: recv {"type":"closing","code":4401}
c: closed 4401
log /value of "chat_user" can't be a user's id/
c: ws /chat/ header="X-User: ~gaaaaaaaaaaaaaaaa"
c: recv {"type":"closing","code":4401}
c: closed 4401
# a token changes nothing here, and a name that can't be shown is left out
d: ws /chat/ header="X-User: bob" header="X-Name: a	b"
d: recv {"type":"welcome","user":{"id":"bob","name":"<absent>"}}
d: send {"type":"hello","id":1,"token":"whatever"}
d: recv {"type":"ok","reply_to":1}



=== TEST 15: refused as nobody, the client goes on as if
--- chat_config
chat_user  $http_x_user trusted;
--- chat
a: tcp
a: raw "GET /chat/ HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
20 * a: send {"type":"join","id":$i,"room":"r$i"}
a: answer 101
a: recv {"type":"closing","code":4401}
a: closed 4401
b: get /chat-status
b: expect 200 {"rooms":0}



=== TEST 16: who somebody is, by auth_request
--- chat_config
auth_request      /auth;
auth_request_set  $uid $upstream_http_x_uid;
chat_user         $uid;
--- config
location = /auth {
    internal;
    proxy_pass               http://127.0.0.1:$TEST_NGINX_SERVER_PORT/who/;
    proxy_pass_request_body  off;
    proxy_set_header         Content-Length "";
}
location /who/ {
    if ($http_authorization = "") {
        return 403;
    }
    add_header  X-Uid $http_authorization;
    return 204;
}
--- chat
a: ws /chat/lobby status=403
b: ws /chat/lobby header="Authorization: ann" first="{\"type\":\"message\",\"id\":1,\"room\":\"lobby\",\"text\":\"early\"}"
b: recv {"type":"welcome","user":{"id":"ann"}}
b: recv {"type":"joined"}
b: recv {"type":"ok","reply_to":1}
b: recv {"type":"message","user":{"id":"ann"},"text":"early"}
c: ws /chat/lobby tls header="Authorization: bob"
c: recv {"type":"welcome","user":{"id":"bob"}}
c: recv {"type":"joined","head":1}
# allowed, and yet nobody
d: ws /chat/lobby header="Authorization: a b"
d: recv {"type":"closing","code":4401}
d: closed 4401
