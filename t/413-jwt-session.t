#!/usr/bin/perl

# What a session has of its token: an end, claims as variables, a place in
# chat_conn_limit; and what 401 says.

use strict;
use warnings;

use FindBin;
use Time::HiRes;
use lib "$FindBin::Bin/lib";
use ChatTest::Jwt;
use ChatTest;


# part_of_second TENTHS: it is that part of some second

sub part_of_second {
    my ($nginx, $tenths) = @_;

    $nginx->until_true(2, "no $tenths tenths of a second", sub {
        int(10 * Time::HiRes::time()) % 10 == $tenths;
    });
}


# not_before TIME

sub not_before {
    my ($nginx, $at) = @_;

    my $early = $at - Time::HiRes::time();
    die "$early s too early\n" if $early > 0;
}


run_tests();

__DATA__

=== TEST 1: chat_session_max, and auth that renews
--- chat_config
chat_jwt_key      $TEST_NGINX_KEYS/HS256.key  alg=HS256;
chat_session_max  4s;
--- chat
let l = <<main::hs({ sub => 'ann', exp => main::in(600) })>>
let m = <<main::hs({ sub => 'bob', exp => main::in(600) })>>
a: enter ws /chat/lobby header="Authorization: Bearer $l"
b: enter ws /chat/lobby header="Authorization: Bearer $m"
s: enter sse /chat/lobby header="Authorization: Bearer $m"
a: recv {"type":"expiring","in_ms":"<< $_ > 0 && $_ <= 2000 >>"} within=10
b: recv {"type":"expiring"} within=10
a: ask {"type":"auth","id":1,"token":"$l"} -> {"type":"ok","reply_to":1}
b: recv {"type":"closing","code":4401,"reconnect":true,"reason":"the session has expired"} within=10
b: closed 4401
s: until {"type":"closing","code":4401,"reconnect":true,"reason":"the session has expired"}
s: end
# the renewed one is as long as the first
a: recv {"type":"expiring"} within=10
a: recv {"type":"closing","code":4401,"reason":"the session has expired"} within=10
a: closed 4401



=== TEST 2: of the two ends the first
--- chat_config
chat_jwt_key      $TEST_NGINX_KEYS/HS256.key  alg=HS256;
chat_jwt_leeway   0s;
chat_session_max  1h;
--- chat
let t = <<main::hs({ sub => 'ann', exp => main::in(3) })>>
a: enter ws /chat/lobby header="Authorization: Bearer $t"
a: recv {"type":"expiring"} within=10
a: recv {"type":"closing","code":4401,"reason":"the token has expired"} within=10
a: closed 4401
accepted chat chat_session_max 0;
accepted http chat_session_max 1d; | chat chat_session_max 365d;
refused chat chat_session_max 366d; => invalid parameter "366d" of "chat_session_max": write a time of 1s to 365d, "chat_session_max 12h;", or 0
refused chat chat_session_max long; => invalid parameter "long" of "chat_session_max"
refused chat chat_session_max 1s; chat_session_max 2s; => is duplicate



=== TEST 3: never before the token's end, whenever in a second it began
--- chat_config
chat_jwt_key     $TEST_NGINX_KEYS/HS256.key  alg=HS256;
chat_jwt_leeway  0s;
--- chat
call part_of_second 1
let ea = <<main::in(4)>>
let t = <<main::hs({ sub => 'ann', exp => $ea })>>
a: enter ws /chat/lobby header="Authorization: Bearer $t"
call part_of_second 4
let eb = <<main::in(4)>>
let t = <<main::hs({ sub => 'ann', exp => $eb })>>
b: enter ws /chat/lobby header="Authorization: Bearer $t"
call part_of_second 6
let ec = <<main::in(4)>>
let t = <<main::hs({ sub => 'ann', exp => $ec })>>
c: enter ws /chat/lobby header="Authorization: Bearer $t"
call part_of_second 9
let ed = <<main::in(4)>>
let t = <<main::hs({ sub => 'ann', exp => $ed })>>
d: enter ws /chat/lobby header="Authorization: Bearer $t"
a: recv {"type":"expiring"} within=10
a: recv {"type":"closing","code":4401} within=10
call not_before $ea
b: recv {"type":"expiring"} within=10
b: recv {"type":"closing","code":4401} within=10
call not_before $eb
c: recv {"type":"expiring"} within=10
c: recv {"type":"closing","code":4401} within=10
call not_before $ec
d: recv {"type":"expiring"} within=10
d: recv {"type":"closing","code":4401} within=10
call not_before $ed



=== TEST 4: of users without a token
--- chat_config
chat_user         ann;
chat_session_max  2s;
--- chat
a: enter ws /chat/lobby
a: recv {"type":"expiring","in_ms":"<< $_ > 0 && $_ <= 1000 >>"} within=10
a: recv {"type":"closing","code":4401,"reconnect":true,"reason":"the session has expired"} within=10
a: closed 4401



=== TEST 5: what 401 says
--- chat_config
chat_jwt_key     $TEST_NGINX_KEYS/HS256.key  alg=HS256;
chat_jwt_leeway  0s;
--- config
location ^~ /raw/ {
    chat          main;
    chat_format   raw;
    chat_jwt_key  $TEST_NGINX_KEYS/HS256.key  alg=HS256;
}
location ^~ /guests/ {
    chat          main;
    chat_guest    on;
}
location ^~ /users/ {
    chat          main;
    chat_user     $arg_user  trusted;
}
--- chat
let x = <<main::hs({ sub => 'ann', exp => main::in(-1) })>>
a: get /chat/lobby
a: expect 401 {"code":"unauthorized"}
a: header WWW-Authenticate: Bearer realm="chat"
a: get /chat/lobby header="Authorization: Bearer nonsense"
a: expect 401 {"code":"unauthorized"}
a: header WWW-Authenticate: Bearer realm="chat", error="invalid_token"
a: get /chat/lobby header="Authorization: Bearer $x"
a: expect 401 {"code":"expired"}
a: header WWW-Authenticate: Bearer realm="chat", error="invalid_token", error_description="The token has expired"
a: sse /chat/lobby status=401
a: header WWW-Authenticate: Bearer realm="chat"
a: get /raw/lobby
a: expect 401
a: header WWW-Authenticate: Bearer realm="chat"
a: get /guests/lobby header="Authorization: Bearer nonsense"
a: expect 401
a: header WWW-Authenticate: Bearer realm="chat", error="invalid_token"
# here we don't know how they come
a: get /users/lobby
a: expect 401
a: header WWW-Authenticate: absent
# the same is no part of another refusal
let t = <<main::hs({ sub => 'ann', exp => main::in(60), rooms => ['a'] })>>
a: post /chat/b header="Authorization: Bearer $t" {"text":"x"}
a: expect 403
a: header WWW-Authenticate: absent



=== TEST 6: claims as variables
--- http_config
log_format  claims  '[$chat_user|$chat_claim_tenant|$chat_claim_realm_access_level|$chat_claim_https___example_com_dept|$chat_claim_n|$chat_claim_list|$chat_claim_null|$chat_claim_flag]';
access_log  logs/claims.log  claims;
--- chat_config
chat_jwt_key     $TEST_NGINX_KEYS/HS256.key  alg=HS256;
chat_conn_limit  1  key=$chat_claim_tenant;
--- config
location ^~ /in/ {
    chat          main;
    chat_jwt_key  $TEST_NGINX_KEYS/HS256.key  alg=HS256;
    chat_room     $chat_claim_tenant;
    add_header    X-Tenant  $chat_claim_tenant  always;
}
--- chat
let t = <<main::hs({ sub => 'ann', exp => main::in(600), tenant => 'ac me', realm_access => { x => 1, Level => 'high' }, 'https://example.com/dept' => 'd', n => 7, list => [1,"b"], null => undef, flag => JSON::PP::true })>>
let u = <<main::hs({ sub => 'bob', exp => main::in(600), tenant => 'blue' })>>
a: enter ws /chat/lobby header="Authorization: Bearer $t"
b: ws /chat/lobby header="Authorization: Bearer $t" status=429
a: close 1000
a: closed 1000
logged claims.log /\[ann\|ac me\|high\|d\|7\|\[1,\\x22b\\x22\]\|-\|true\]/
# a room by claim
b: post /in/x header="Authorization: Bearer $u" {"text":"in blue"}
b: expect 201 {"room":"blue"}
b: header X-Tenant: blue
c: get /chat/blue header="Authorization: Bearer $u"
c: expect 200 {"events":[{"text":"in blue"}]}
logged claims.log /\[bob\|blue\|-\|-\|-\|-\|-\|-\]/
# of a token that came by a command
d: ws /chat/
d: ask {"type":"auth","id":1,"token":"$u"} -> {"type":"welcome"}
d: close 1000
d: closed 1000
logged claims.log /\[bob\|blue\|-\|-\|-\|-\|-\|-\]\n(?:.*\n)*\[bob\|blue\|/



=== TEST 7: chat_conn_limit of users whose token comes by a command
--- chat_config
chat_guest       on;
chat_jwt_key     $TEST_NGINX_KEYS/HS256.key  alg=HS256;
chat_conn_limit  2  key=user;
--- chat
let t = <<main::hs({ sub => 'ann', exp => main::in(600) })>>
let u = <<main::hs({ sub => 'bob', exp => main::in(600) })>>
a: enter ws /chat/lobby header="Authorization: Bearer $t"
b: enter ws /chat/lobby other=a
b: ask {"type":"auth","id":1,"token":"$t"} -> {"type":"welcome","user":{"id":"ann"}}
c: enter ws /chat/lobby
c: ask {"type":"auth","id":1,"token":"$t"} -> {"type":"error","reply_to":1,"code":"rate_limited"}
c: recv {"type":"closing","code":4429,"reason":"too many connections","reconnect":true,"retry_after_ms":30000}
c: closed 4429
log /chat connection refused, "chat_conn_limit 2 key=user" is reached/
d: ws /chat/lobby header="Authorization: Bearer $t" status=429
# renewing counts nothing
b: ask {"type":"auth","id":2,"token":"$t"} -> {"type":"ok","reply_to":2}
b: close 1000
b: closed 1000
e: enter ws /chat/lobby
e: ask {"type":"hello","id":1,"token":"$t"} -> {"type":"welcome","user":{"id":"ann"}}
# a stream, whose guest becomes ann, is one too many
f: stream /chat/ [{"type":"auth","id":1,"token":"$t"},{"type":"join","room":"lobby"}]
f: recv {"type":"welcome","user":{"guest":true}}
f: recv {"type":"error","code":"rate_limited"}
f: recv {"type":"closing","code":4429}
f: end
a: close 1000
a: closed 1000
g: stream /chat/ [{"type":"auth","id":1,"token":"$t"},{"type":"join","room":"lobby"}]
g: recv {"type":"welcome","user":{"guest":true}}
g: recv {"type":"welcome","user":{"id":"ann"}}
g: recv {"type":"joined"}
h: ws /chat/lobby header="Authorization: Bearer $t" status=429
g: drop
e: close 1000
e: closed 1000
await /chat-status {"sessions":0}
h: enter ws /chat/lobby header="Authorization: Bearer $t"
i: enter ws /chat/lobby header="Authorization: Bearer $t"
