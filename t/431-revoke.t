#!/usr/bin/perl

# What was revoked ends, and isn't accepted again.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest::Jwt;
use ChatTest;

run_tests();

__DATA__

=== TEST 1: the tokens of a user
--- chat_http
chat_zone  zone=main:8m  state=logs/state;
--- chat_config
chat_jwt_key  $TEST_NGINX_KEYS/HS256.key  alg=HS256;
--- chat
let o = <<main::hs({ sub => 'own', exp => main::in(600), roles => ['owner'] })>>
let a = <<main::hs({ sub => 'ann', exp => main::in(600), iat => main::in(-5) })>>
let x = <<main::hs({ sub => 'ann', exp => main::in(600) })>>
let c = <<main::hs({ sub => 'carl', exp => main::in(600) })>>
o: enter ws /chat/lobby header="Authorization: Bearer $o"
a: enter ws /chat/lobby header="Authorization: Bearer $a" other=o
b: enter sse /chat/two header="Authorization: Bearer $x" same=o
c: enter ws /chat/lobby header="Authorization: Bearer $c" other=o
c: ask {"type":"revoke","id":1,"user":"ann"} -> {"type":"error","reply_to":1,"code":"forbidden"}
o: ask {"type":"revoke","id":1,"user":"ann"} -> {"type":"ok","reply_to":1,"user":"ann"}
a: recv {"type":"closing","code":4401,"reason":"the token has been revoked","reconnect":true}
a: closed 4401
b: recv {"type":"closing","code":4401}
b: end
c: ask {"type":"ping","id":2} -> {"type":"pong"}
p: get /chat/lobby header="Authorization: Bearer $a"
p: expect 401 {"code":"unauthorized"}
p: get /chat/lobby header="Authorization: Bearer $x"
p: expect 401 {"code":"unauthorized"}
w: ws /chat/lobby header="Authorization: Bearer $a"
w: recv {"type":"closing","code":4401}
w: closed 4401
w: ws /chat/
w: send {"type":"auth","id":1,"token":"$a"}
w: recv {"type":"error","reply_to":1,"code":"unauthorized","field":"token"}
reload
p: get /chat/lobby header="Authorization: Bearer $a"
p: expect 401 {"code":"unauthorized"}
# a newer one is another one
sleep 1.1
let n = <<main::hs({ sub => 'ann', exp => main::in(600), iat => main::in(0) })>>
a: enter ws /chat/lobby header="Authorization: Bearer $n"



=== TEST 2: a session, a token, oneself
--- chat_config
chat_jwt_key  $TEST_NGINX_KEYS/HS256.key  alg=HS256;
--- chat
let o = <<main::hs({ sub => 'own', exp => main::in(600), roles => ['owner'] })>>
let a = <<main::hs({ sub => 'ann', exp => main::in(600), jti => 'token "one"' })>>
let b = <<main::hs({ sub => 'ann', exp => main::in(600), jti => 'token two' })>>
let j = <<main::hs({ sub => 'ann', exp => main::in(600), jti => 7 })>>
o: enter ws /chat/lobby header="Authorization: Bearer $o"
p: get /chat/lobby header="Authorization: Bearer $j"
p: expect 401 {"code":"unauthorized"}
a: ws /chat/lobby header="Authorization: Bearer $a" other=o
a: recv {"type":"welcome","session":"$s=<string>"}
a: recv {"type":"joined"}
b: enter ws /chat/lobby header="Authorization: Bearer $b" other=o
c: enter ws /chat/lobby header="Authorization: Bearer $a" same=o
p: post /chat/ header="Authorization: Bearer $o" [{"type":"revoke","id":1,"session":"$s"}]
p: expect 200 [{"type":"ok","reply_to":1}]
a: recv {"type":"closing","code":4401}
a: closed 4401
a: enter ws /chat/lobby header="Authorization: Bearer $a" other=o
o: ask {"type":"revoke","id":2,"jti":"token \"one\""} -> {"type":"ok","reply_to":2}
a: recv {"type":"closing","code":4401}
a: closed 4401
c: recv {"type":"closing","code":4401}
c: closed 4401
p: get /chat/lobby header="Authorization: Bearer $a"
p: expect 401 {"code":"unauthorized"}
b: ask {"type":"ping","id":2} -> {"type":"pong"}
o: ask {"type":"revoke","id":3,"user":"own"} -> {"type":"ok","reply_to":3}
o: recv {"type":"closing","code":4401}
o: closed 4401
p: get /chat/lobby header="Authorization: Bearer $o"
p: expect 401 {"code":"unauthorized"}
b: ask {"type":"ping","id":3} -> {"type":"pong"}



=== TEST 3: a guest's token
--- chat_config
chat_guest  on;
chat_allow  guest admin;
--- chat
o: enter ws /chat/lobby
a: ws /chat/lobby other=o
a: recv {"type":"welcome","user":{"id":"$g=<string>"},"guest_token":"$t=<string>"}
a: recv {"type":"joined"}
# of the same rank
o: ask {"type":"revoke","id":1,"user":"$g"} -> {"type":"error","code":"forbidden"}
a: ask {"type":"revoke","id":1,"user":"$g"} -> {"type":"ok"}
a: recv {"type":"closing","code":4401}
a: closed 4401
b: ws /chat/lobby header="Authorization: Bearer $t"
b: recv {"type":"closing","code":4401}
b: closed 4401
b: enter ws /chat/lobby
b: ask {"type":"hello","id":1,"token":"$t"} -> {"type":"error","reply_to":1,"code":"unauthorized","field":"token"}
b: ask {"type":"ping","id":2} -> {"type":"pong"}
