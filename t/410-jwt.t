#!/usr/bin/perl

# Who comes with a JSON Web Token.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest::Jwt;
use ChatTest;


run_tests();

__DATA__

=== TEST 1: a token of each algorithm, made by another library
--- chat_config
chat_jwt_key  $TEST_NGINX_KEYS/HS256.key  alg=HS256,HS384,HS512;
chat_jwt_key  $TEST_NGINX_KEYS/RS256.key  alg=RS256,RS384,RS512,PS256,PS384,PS512;
chat_jwt_key  $TEST_NGINX_KEYS/ES256.key  alg=ES256;
chat_jwt_key  $TEST_NGINX_KEYS/ES384.key  alg=ES384;
chat_jwt_key  $TEST_NGINX_KEYS/ES512.key  alg=ES512;
chat_jwt_key  $TEST_NGINX_KEYS/EdDSA.key  alg=EdDSA;
--- chat
let t = <<main::jwt('HS256')>>
a: enter ws /chat/lobby header="Authorization: Bearer $t"
let t = <<main::jwt('HS384')>>
a: post /chat/lobby header="Authorization: Bearer $t" {"text":"HS384"}
a: expect 201
let t = <<main::jwt('HS512')>>
a: post /chat/lobby header="Authorization: Bearer $t" {"text":"HS512"}
a: expect 201
let t = <<main::jwt('RS256')>>
a: post /chat/lobby header="Authorization: Bearer $t" {"text":"RS256"}
a: expect 201
let t = <<main::jwt('RS384')>>
a: post /chat/lobby header="Authorization: Bearer $t" {"text":"RS384"}
a: expect 201
let t = <<main::jwt('RS512')>>
a: post /chat/lobby header="Authorization: Bearer $t" {"text":"RS512"}
a: expect 201
let t = <<main::jwt('PS256')>>
a: post /chat/lobby header="Authorization: Bearer $t" {"text":"PS256"}
a: expect 201
let t = <<main::jwt('PS384')>>
a: post /chat/lobby header="Authorization: Bearer $t" {"text":"PS384"}
a: expect 201
let t = <<main::jwt('PS512')>>
a: post /chat/lobby header="Authorization: Bearer $t" {"text":"PS512"}
a: expect 201
let t = <<main::jwt('ES256')>>
a: post /chat/lobby header="Authorization: Bearer $t" {"text":"ES256"}
a: expect 201
let t = <<main::jwt('ES384')>>
a: post /chat/lobby header="Authorization: Bearer $t" {"text":"ES384"}
a: expect 201
let t = <<main::jwt('ES512')>>
a: post /chat/lobby header="Authorization: Bearer $t" {"text":"ES512"}
a: expect 201
let t = <<main::jwt('EdDSA')>>
a: post /chat/lobby header="Authorization: Bearer $t" {"text":"EdDSA"}
a: expect 201
a: get /chat/lobby header="Authorization: Bearer $t"
a: expect 200 {"events":[{"text":"HS384","user":{"id":"ann","name":"Ann","guest":"<absent>"}},"..."]}



=== TEST 2: a set, with issuer and audience
--- chat_config
chat_jwt_jwks  $TEST_NGINX_KEYS/jwks.json  alg=RS256,PS256,ES256,EdDSA;
chat_jwt_iss   https://login.example/;
chat_jwt_aud   chat;
--- chat
let t = <<main::jwt('ES256')>>
a: enter ws /chat/lobby header="Authorization: Bearer $t"
let t = <<main::jwt('PS256')>>
b: enter sse /chat/lobby header="Authorization: Bearer $t"
let t = <<main::jwt('EdDSA')>>
c: enter ws /chat/lobby proto=chat.v1,bearer.$t
c: send {"type":"message","room":"lobby","text":"hi"}
c: recv {"text":"hi"}
a: recv {"text":"hi","user":{"id":"ann","name":"Ann"}}
b: recv {"text":"hi","user":{"id":"ann","name":"Ann"}}
# its algorithm isn't one that may come
let t = <<main::jwt('ES384')>>
c: get /chat/lobby header="Authorization: Bearer $t"
c: expect 401 {"code":"unauthorized"}
log /chat token refused: its "alg" isn't one of alg=/
# nor is its name known
let t = <<main::jwt('new')>>
c: get /chat/lobby header="Authorization: Bearer $t"
c: expect 401 {"code":"unauthorized"}
log /chat token refused: its "kid" is no key that we have/



=== TEST 3: another issuer, another audience
--- chat_config
chat_jwt_key  $TEST_NGINX_KEYS/HS256.key  alg=HS256;
chat_jwt_iss  a  b;
chat_jwt_aud  chat;
--- chat
let t = <<main::hs({ sub => 'ann', exp => main::in(60), iss => 'b', aud => 'chat' })>>
a: get /chat/lobby header="Authorization: Bearer $t"
a: expect 404
let t = <<main::hs({ sub => 'ann', exp => main::in(60), iss => 'c', aud => 'chat' })>>
a: get /chat/lobby header="Authorization: Bearer $t"
a: expect 401 {"code":"unauthorized"}
log /chat token refused: its "iss" isn't one of "chat_jwt_iss"/
let t = <<main::hs({ sub => 'ann', exp => main::in(60), iss => 'a' })>>
a: get /chat/lobby header="Authorization: Bearer $t"
a: expect 401 {"code":"unauthorized"}
log /chat token refused: its "aud" has none of "chat_jwt_aud"/



=== TEST 4: what RFC 8725 warns of
--- chat_config
chat_jwt_key  $TEST_NGINX_KEYS/RS256.key  alg=RS256;
chat_jwt_key  $TEST_NGINX_KEYS/HS256.key  alg=HS256;
--- chat
let t = <<main::jwt('none')>>
a: get /chat/lobby header="Authorization: Bearer $t"
a: expect 401 {"code":"unauthorized"}
# the public key as a secret
let t = <<main::jwt('confused')>>
a: get /chat/lobby header="Authorization: Bearer $t"
a: expect 401 {"code":"unauthorized"}
log /chat token refused: its signature isn't of a key that we have/
let t = <<main::hs({ sub => 'ann', exp => main::in(60) }, { jku => 'http://127.0.0.1/' })>>
a: get /chat/lobby header="Authorization: Bearer $t"
a: expect 401 {"code":"unauthorized"}
log /chat token refused: its header has crit, b64, zip, enc, or a key or the address of one/
let t = <<main::hs({ sub => 'ann' })>>
a: get /chat/lobby header="Authorization: Bearer $t"
a: expect 401 {"code":"unauthorized"}
log /chat token refused: it has no "exp"/
let t = <<main::hs({ sub => 'ann', exp => main::in(864000) })>>
a: get /chat/lobby header="Authorization: Bearer $t"
a: expect 401 {"code":"unauthorized"}
log /chat token refused: it is valid for longer than "chat_jwt_lifetime"/
let t = <<main::hs({ sub => 'ann', exp => main::in(-60) })>>
a: get /chat/lobby header="Authorization: Bearer $t"
a: expect 401 {"code":"expired"}
let t = <<main::hs({ sub => 'ann', exp => main::in(60), x => 'x' x 7000 })>>
a: get /chat/lobby header="Authorization: Bearer $t"
a: expect 400
let t = <<main::hs({ sub => '~gaaaaaaaaaaaaaaaa', exp => main::in(60) })>>
a: get /chat/lobby header="Authorization: Bearer $t"
a: expect 401 {"code":"unauthorized"}
# nobody at all
a: get /chat/lobby
a: expect 401 {"code":"unauthorized"}
a: ws /chat/lobby
a: recv {"type":"closing","code":4401}
a: closed 4401
# never in a URL
let t = <<main::jwt('HS256')>>
a: get /chat/lobby?token=$t&access_token=$t
a: expect 401 {"code":"unauthorized"}
# and never in the log
nolog /the secret of these tests/
let s = <<(split /\./, main::jwt('HS256'))[2]>>
nolog /refused[^,]*$s/



=== TEST 5: guests are those without a token
--- chat_config
chat_guest       on;
chat_jwt_key     $TEST_NGINX_KEYS/HS256.key  alg=HS256;
chat_jwt_cookie  session-token;
--- chat
a: ws /chat/lobby
a: recv {"type":"welcome","user":{"guest":true},"guest_token":"$g=<string>"}
a: recv {"type":"joined"}
b: ws /chat/lobby header="Authorization: Bearer $g"
b: recv {"type":"welcome","user":{"guest":true}}
let t = <<main::jwt('HS256')>>
c: ws /chat/lobby header="Cookie: a=b; session-token=$t"
c: recv {"type":"welcome","user":{"id":"ann","guest":"<absent>"},"guest_token":"<absent>"}
c: recv {"type":"joined"}
c: send {"type":"hello","id":1,"token":"$g","name":"Somebody"}
c: recv {"type":"error","reply_to":1,"code":"unauthorized","field":"token"}
# a bad one makes no guest
d: get /chat/lobby header="Cookie: session-token=${t}x"
d: expect 401 {"code":"unauthorized"}
d: get /chat/lobby header="Authorization: Bearer nonsense"
d: expect 401 {"code":"unauthorized"}
d: get /chat/lobby header="Authorization: Bearer g1.nonsense"
d: expect 401 {"code":"unauthorized"}



=== TEST 6: claims of other names, and rooms
--- chat_config
chat_jwt_key    $TEST_NGINX_KEYS/HS256.key  alg=HS256;
chat_jwt_claim  user=account.id  name=account.nick  rooms=chat_rooms;
--- chat
let t = <<main::hs({ account => { id => 'bob', nick => 'Bob' }, exp => main::in(60), chat_rooms => ['team-*', 'lobby'] })>>
a: enter ws /chat/lobby header="Authorization: Bearer $t"
a: send {"type":"join","id":1,"room":"team-a"}
a: recv {"type":"joined","room":"team-a"}
a: send {"type":"join","id":2,"room":"secret"}
a: recv {"type":"error","reply_to":2,"code":"forbidden","room":"secret"}
a: send {"type":"history","id":3,"room":"secret"}
a: recv {"type":"error","reply_to":3,"code":"forbidden","room":"secret"}
a: send {"type":"message","id":4,"room":"team-a","text":"hi"}
a: recv {"type":"ok","reply_to":4}
a: recv {"text":"hi","user":{"id":"bob","name":"Bob"}}
b: post /chat/secret header="Authorization: Bearer $t" {"text":"hi"}
b: expect 403 {"code":"forbidden"}
b: get /chat/secret header="Authorization: Bearer $t"
b: expect 403 {"code":"forbidden"}
b: sse /chat/secret header="Authorization: Bearer $t" status=403
b: post /chat/team-b header="Authorization: Bearer $t" {"text":"hi"}
b: expect 201



=== TEST 7: configurations
--- chat
let TEST_NGINX_KEYS = <<main::keys_dir()>>
accepted chat chat_jwt_key $TEST_NGINX_KEYS/HS256.key alg=HS256; chat_jwt_iss a b; chat_jwt_exp optional; chat_jwt_leeway 0s; chat_jwt_lifetime 365d; chat_jwt_claim user=a.b;
accepted chat chat_jwt_key $TEST_NGINX_KEYS/HS256.key alg=HS256; chat_guest on;
accepted http chat_jwt_key $TEST_NGINX_KEYS/HS256.key alg=HS256; | chat chat_user $remote_user;
refused chat chat_jwt_key $TEST_NGINX_KEYS/HS256.key; => invalid number of arguments in "chat_jwt_key" directive
refused chat chat_jwt_key $TEST_NGINX_KEYS/HS256.key HS256; => invalid parameter "HS256" of "chat_jwt_key": write "FILE alg=ES256"
refused chat chat_jwt_key $TEST_NGINX_KEYS/HS256.key alg=none; => invalid parameter "alg=none" of "chat_jwt_key": known are HS256
refused chat chat_jwt_key $TEST_NGINX_KEYS/HS256.key alg=; => invalid parameter "alg=" of "chat_jwt_key": known are HS256
refused chat chat_jwt_key $TEST_NGINX_KEYS/HS256.key alg=HS256,; => invalid parameter "alg=HS256," of "chat_jwt_key": known are HS256
refused chat chat_jwt_key $TEST_NGINX_KEYS/RS256.key alg=RS256,HS256; => not HS beside others
refused chat chat_jwt_key $TEST_NGINX_KEYS/RS256.key alg=HS256; => it isn't a key for alg=
refused chat chat_jwt_key $TEST_NGINX_KEYS/RS256.key alg=ES256; => it isn't a key for alg=
refused chat chat_jwt_key $TEST_NGINX_KEYS/ES256.key alg=ES384; => it isn't a key for alg=
refused chat chat_jwt_key $TEST_NGINX_KEYS/HS256.key alg=RS256; => it is neither PEM nor JSON, and a secret isn't a key for alg=
refused chat chat_jwt_key $TEST_NGINX_KEYS/weak.key alg=RS256; => an RSA key must have 2048 to 8192 bits
refused chat chat_jwt_key $TEST_NGINX_KEYS/missing alg=RS256; => /"chat_jwt_key" can't use the keys in ".*missing": it can't be read \(2: No such file/
refused chat chat_jwt_key $TEST_NGINX_KEYS alg=RS256; => it is no regular file
refused chat chat_jwt_jwks $TEST_NGINX_KEYS/jwks.json alg=ES256; => "chat_jwt_jwks" in location "/chat/" lets in whoever has a token for anything: write "chat_jwt_iss"
refused chat chat_jwt_jwks $TEST_NGINX_KEYS/jwks.json alg=ES256; chat_jwt_iss a; => lets in whoever has a token for anything
refused chat chat_jwt_jwks $TEST_NGINX_KEYS/tokens.json alg=ES256; chat_jwt_iss a; chat_jwt_aud a; => it has no "kty"
refused chat chat_jwt_key $TEST_NGINX_KEYS/HS256.key alg=HS256; chat_user $remote_user; => both "chat_jwt_key" or "chat_jwt_jwks" and "chat_user" say who users are in location "/chat/", remove one
refused chat chat_jwt_exp never; => invalid parameter "never" of "chat_jwt_exp": write "chat_jwt_exp required;" or "chat_jwt_exp optional;"
refused chat chat_jwt_exp optional; chat_jwt_exp optional; => "chat_jwt_exp" directive is duplicate
refused chat chat_jwt_leeway 1h; => invalid parameter "1h" of "chat_jwt_leeway": write a time of 0s to 5m
refused chat chat_jwt_lifetime 1s; => invalid parameter "1s" of "chat_jwt_lifetime": write a time of 60s to 365d
refused chat chat_jwt_iss ""; => invalid parameter "" of "chat_jwt_iss": write what the claim must be
refused chat chat_jwt_aud a; chat_jwt_aud b; => "chat_jwt_aud" directive is duplicate
refused chat chat_jwt_claim user=; => invalid parameter "user=" of "chat_jwt_claim": known are user=
refused chat chat_jwt_claim sub; => invalid parameter "sub" of "chat_jwt_claim": known are user=
refused chat chat_jwt_claim user=a user=b; => invalid parameter "user=b" of "chat_jwt_claim": write it once
refused chat chat_jwt_claim user=a; chat_jwt_claim name=b; => "chat_jwt_claim" directive is duplicate
refused chat chat_jwt_cookie "a b"; => invalid parameter "a b" of "chat_jwt_cookie": write the name of a cookie
refused chat chat_jwt_cookie a; chat_jwt_cookie b; => "chat_jwt_cookie" directive is duplicate
