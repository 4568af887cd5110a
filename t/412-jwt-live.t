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
# it is good for nothing now
a: get /chat/lobby header="Authorization: Bearer $t"
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
b: recv {"type":"expiring"} within=10
b: recv {"type":"closing","code":4401} within=10
b: closed 4401
a: ask {"type":"ping","id":1} -> {"type":"pong","reply_to":1}
