#!/usr/bin/perl

# A session ends with its token.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest::Jwt;
use ChatTest;

run_tests();

__DATA__

=== TEST 1: a WebSocket and a stream are told in time, and end
--- chat_config
chat_jwt_key     $TEST_NGINX_KEYS/HS256.key  alg=HS256;
chat_jwt_leeway  0s;
--- chat
let t = <<main::hs({ sub => 'ann', exp => main::in(4) })>>
let l = <<main::hs({ sub => 'bob', exp => main::in(600) })>>
a: enter ws /chat/lobby header="Authorization: Bearer $t"
b: enter sse /chat/lobby header="Authorization: Bearer $t"
c: enter ws /chat/lobby header="Authorization: Bearer $l"
a: recv {"type":"expiring","in_ms":"<< $_ > 0 && $_ <= 3000 >>"} within=10
b: recv {"type":"expiring","in_ms":"<< $_ > 0 && $_ <= 3000 >>"} within=10
a: recv {"type":"closing","code":4401,"reconnect":true,"reason":"the token has expired"} within=10
a: closed 4401
b: recv {"type":"closing","code":4401,"reconnect":true,"reason":"the token has expired"} within=10
b: end
c: ask {"type":"ping","id":1} -> {"type":"pong","reply_to":1}
# what has ended is good for nothing
let x = <<main::hs({ sub => 'ann', exp => main::in(-1) })>>
a: get /chat/lobby header="Authorization: Bearer $x"
a: expect 401 {"code":"expired"}



=== TEST 2: without an end, where that is allowed
--- chat_config
chat_jwt_key     $TEST_NGINX_KEYS/HS256.key  alg=HS256;
chat_jwt_exp     optional;
chat_jwt_leeway  0s;
--- chat
let t = <<main::hs({ sub => 'ann' })>>
let s = <<main::hs({ sub => 'bob', exp => main::in(2) })>>
a: enter ws /chat/lobby header="Authorization: Bearer $t"
b: enter ws /chat/lobby header="Authorization: Bearer $s"
b: until close 4401
a: ask {"type":"ping","id":1} -> {"type":"pong","reply_to":1}



=== TEST 3: auth renews, for the same user only
--- chat_config
chat_jwt_key     $TEST_NGINX_KEYS/HS256.key  alg=HS256;
chat_jwt_leeway  0s;
--- chat
let t = <<main::hs({ sub => 'ann', exp => main::in(4), rooms => ['a', 'b'] })>>
let l = <<main::hs({ sub => 'ann', exp => main::in(600), rooms => ['b'] })>>
let o = <<main::hs({ sub => 'bob', exp => main::in(600) })>>
let x = <<main::hs({ sub => 'ann', exp => main::in(-60) })>>
a: enter ws /chat/a header="Authorization: Bearer $t"
a: ask {"type":"join","id":1,"room":"b"} -> {"type":"joined","room":"b"}
a: ask {"type":"auth","id":2,"token":"$o"} -> {"type":"error","reply_to":2,"code":"unauthorized","field":"token"}
a: ask {"type":"auth","id":3,"token":"$x"} -> {"type":"error","reply_to":3,"code":"expired","field":"token"}
a: ask {"type":"auth","id":4,"token":""} -> {"type":"error","reply_to":4,"code":"bad_request","field":"token"}
a: ask {"type":"auth","id":5} -> {"type":"error","reply_to":5,"code":"bad_request","field":"token"}
a: recv {"type":"expiring"} within=10
a: ask {"type":"auth","id":6,"token":"$l"} -> {"type":"ok","reply_to":6}
a: recv {"type":"left","room":"a","reason":"revoked"}
a: ask {"type":"join","id":7,"room":"a"} -> {"type":"error","reply_to":7,"code":"forbidden"}
# the end of the first token has passed when one of the same time ends
let s = <<main::hs({ sub => 'cat', exp => main::in(5) })>>
b: enter ws /chat/b header="Authorization: Bearer $s"
b: recv {"type":"expiring"} within=10
b: recv {"type":"closing","code":4401} within=10
b: closed 4401
a: ask {"type":"message","id":8,"room":"b","text":"still here"} -> {"type":"ok","reply_to":8}
a: recv {"text":"still here","user":{"id":"ann"}}



=== TEST 4: who brings the token with hello
--- chat_config
chat_jwt_key  $TEST_NGINX_KEYS/HS256.key  alg=HS256;
--- chat
let t = <<main::jwt('HS256')>>
a: ws /chat/
a: ask {"type":"join","id":1,"room":"lobby"} -> {"type":"error","reply_to":1,"code":"unauthorized"}
a: ask {"type":"history","id":2,"room":"lobby"} -> {"type":"error","reply_to":2,"code":"unauthorized"}
a: ask {"type":"message","id":3,"room":"lobby","text":"x"} -> {"type":"error","reply_to":3,"code":"not_joined"}
a: ask {"type":"hello","id":4,"token":"nonsense"} -> {"type":"error","reply_to":4,"code":"unauthorized","field":"token"}
a: ask {"type":"hello","id":5,"token":"$t"} -> {"type":"welcome","reply_to":5,"user":{"id":"ann","name":"Ann"}}
a: ask {"type":"join","id":6,"room":"lobby"} -> {"type":"joined","room":"lobby"}
a: ask {"type":"hello","id":7,"token":"$t"} -> {"type":"ok","reply_to":7}
# with auth, in the first frame
b: ws /chat/ first="{\"type\":\"auth\",\"token\":\"$t\"}"
b: recv {"type":"welcome","user":{"id":"ann"}}
# not with a room in the URL
c: ws /chat/lobby
c: recv {"type":"closing","code":4401}
c: closed 4401
# nobody at all
d: ws /chat/
d: recv {"type":"closing","code":4401,"reason":"no token has come"} within=20
d: closed 4401
a: ask {"type":"ping","id":8} -> {"type":"pong","reply_to":8}



=== TEST 5: a guest becomes a user, a user no guest
--- chat_config
chat_guest    on;
chat_jwt_key  $TEST_NGINX_KEYS/HS256.key  alg=HS256;
--- chat
let t = <<main::jwt('HS256')>>
a: ws /chat/lobby
a: recv {"type":"welcome","user":{"guest":true},"guest_token":"$g=<string>"}
a: recv {"type":"joined"}
a: ask {"type":"auth","id":1,"token":"$t"} -> {"type":"welcome","reply_to":1,"user":{"id":"ann","guest":"<absent>"},"guest_token":"<absent>"}
a: ask {"type":"message","id":2,"room":"lobby","text":"x"} -> {"type":"ok","reply_to":2}
a: recv {"text":"x","user":{"id":"ann","name":"Ann","guest":"<absent>"}}
a: ask {"type":"hello","id":3,"token":"$g"} -> {"type":"error","reply_to":3,"code":"unauthorized"}
b: post /chat/ [{"type":"auth","token":"$t"},{"type":"message","id":1,"room":"lobby","text":"y"}]
b: expect 200 [{"type":"ok","reply_to":1}]
a: recv {"text":"y","user":{"id":"ann"}}



=== TEST 6: auth where there are no tokens
--- chat
a: enter ws /chat/lobby
a: ask {"type":"auth","id":1,"token":"x"} -> {"type":"error","reply_to":1,"code":"unsupported"}



=== TEST 7: auth is no way out of a limit by address
--- chat_config
chat_guest    on;
chat_jwt_key  $TEST_NGINX_KEYS/HS256.key  alg=HS256;
chat_limit    message rate=1r/h burst=1 key=ip;
--- chat
let t = <<main::jwt('HS256')>>
a: enter ws /chat/lobby
a: ask {"type":"auth","id":1,"token":"$t"} -> {"type":"welcome","reply_to":1,"user":{"id":"ann"}}
a: ask {"type":"message","id":2,"room":"lobby","text":"1"} -> {"type":"ok","reply_to":2}
a: recv {"text":"1"}
a: ask {"type":"message","id":3,"room":"lobby","text":"2"} -> {"type":"ok","reply_to":3}
a: recv {"text":"2"}
a: ask {"type":"message","id":4,"room":"lobby","text":"3"} -> {"type":"error","reply_to":4,"code":"rate_limited"}
b: post /chat/ [{"type":"auth","token":"$t"},{"type":"message","id":1,"room":"lobby","text":"4"}]
b: expect 200 [{"type":"error","reply_to":1,"code":"rate_limited"}]
b: post /chat/ [{"type":"hello","token":"$t"},{"type":"message","id":1,"room":"lobby","text":"5"}]
b: expect 200 [{"type":"error","reply_to":1,"code":"rate_limited"}]



=== TEST 8: a body that is slower than its token ends
--- chat_config
chat_jwt_key     $TEST_NGINX_KEYS/HS256.key  alg=HS256;
chat_jwt_leeway  0s;
--- chat
let t = <<main::hs({ sub => 'ann', exp => main::in(4) })>>
let e = <<main::hs({ sub => 'ann', exp => main::in(6) })>>
let l = <<main::hs({ sub => 'bob', exp => main::in(600) })>>
c: enter ws /chat/lobby header="Authorization: Bearer $l"
s: enter ws /chat/lobby header="Authorization: Bearer $e"
a: tcp
a: raw "POST /chat/lobby HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer $t\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\nsl"
a: taken
b: tcp
b: raw "POST /chat/ HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer $t\r\nContent-Type: application/json\r\nContent-Length: 44\r\n\r\n"
b: taken
s: recv {"type":"expiring"} within=10
s: recv {"type":"closing","code":4401} within=10
s: closed 4401
a: raw "ow"
a: read /HTTP\/1.1 401 /
a: read /"code":"expired"/
b: raw "{\"type\":\"message\",\"room\":\"lobby\",\"text\":\"x\"}"
b: read /HTTP\/1.1 401 /
b: read /"code":"expired"/
c: ask {"type":"message","id":1,"room":"lobby","text":"first"} -> {"type":"ok","reply_to":1}
c: recv {"text":"first"}



=== TEST 9: who doesn't stop to try tokens is closed
--- chat_config
chat_jwt_key  $TEST_NGINX_KEYS/HS256.key  alg=HS256;
--- chat
let many = <<[map { { type => ($_ % 2 ? 'auth' : 'hello'), token => main::jwt('none') } } 1 .. 60]>>
a: ws /chat/
a: send $many
51 * a: recv {"type":"error","code":"unauthorized","field":"token"}
a: recv {"type":"closing","code":4429}
a: closed 4429
log /chat client is closed, it went on after it was limited/
