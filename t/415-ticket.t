#!/usr/bin/perl

# Tickets: an identity in a URL, for one use.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest::Jwt;
use ChatTest points => 1;


# nolog_of TEXT: it is in no log

sub nolog_of {
    my ($nginx, $text) = @_;

    for (glob $nginx->root . '/logs/*.log') {
        die "$_ has $text\n"
            if index(ChatTest::Nginx::slurp($_) // '', $text) >= 0;
    }
}


# not_in_file TEXT: the state file is there, and doesn't have it

sub not_in_file {
    my ($nginx, $text) = @_;

    my @files = glob keys_dir() . '/state*' or die "no state file\n";

    for (@files) {
        die "$_ has $text\n"
            if index(ChatTest::Nginx::slurp($_) // '', $text) >= 0;
    }
}


run_tests();

__DATA__

=== TEST 1: for a WebSocket and for an event stream, once
--- http_config
log_format  url  '$request|$args|$request_uri|$arg_ticket|$chat_user|$chat_claim_org';
access_log  logs/url.log  url;
--- chat_config
chat_jwt_key     $TEST_NGINX_KEYS/HS256.key  alg=HS256;
chat_jwt_cookie  token;
--- chat
let t = <<main::hs({ sub => 'ann', name => 'Ann', exp => main::in(600), rooms => ['lobby', 'b*'], org => 'acme' })>>
let u = <<main::hs({ sub => 'bob', exp => main::in(600) })>>
a: post /chat/ticket header="Authorization: Bearer $t"
a: expect 201 {"type":"ticket","ticket":"$x=/^[A-Za-z0-9_-]{22}$/","expires_in_ms":30000}
a: header Cache-Control: no-store
w: ws /chat/lobby?last=5&ticket=$x
w: recv {"type":"welcome","user":{"id":"ann","name":"Ann"}}
w: recv {"type":"joined"}
w: ask {"type":"join","id":1,"room":"other"} -> {"type":"error","code":"forbidden"}
v: ws /chat/lobby?ticket=$x
v: recv {"type":"closing","code":4401}
v: closed 4401
log /chat ticket refused: it was used, or is too old/
# on another worker, before a cookie, and whatever its capitals
a: post /chat/ticket header="Cookie: token=$u"
a: expect 201 {"ticket":"$y=<string>"}
a: post /chat/ticket header="Authorization: Bearer $t"
a: expect 201 {"ticket":"$z=<string>"}
s: sse /chat/lobby?TICKET=$z header="Cookie: token=$u"
s: recv {"type":"welcome","user":{"id":"ann"}}
s: recv {"type":"joined"}
v: sse /chat/lobby?ticket=$z status=401
v: header WWW-Authenticate: Bearer realm="chat", error="invalid_token"
q: ws /chat/lobby?ticket=$y other=w
q: recv {"type":"welcome","user":{"id":"bob"}}
# what is none
v: ws /chat/lobby?ticket=
v: recv {"type":"closing","code":4401}
v: closed 4401
v: ws /chat/lobby?ticket=AAAAAAAAAAAAAAAAAAAAAA
v: recv {"type":"closing","code":4401}
v: closed 4401
# not for requests, which can have headers
a: post /chat/ticket header="Authorization: Bearer $t"
a: expect 201 {"ticket":"$r=<string>"}
a: get /chat/lobby?ticket=$r
a: expect 401
a: post /chat/lobby?ticket=$r {"text":"x"}
a: expect 401
a: post /chat/ticket
a: expect 401
a: post /chat/ticket header="Authorization: Bearer nonsense"
a: expect 401
a: post /chat/ticket header="Authorization: Bearer $t" header="Origin: http://evil.example"
a: expect 403
w: close 1000
w: closed 1000
logged url.log /GET \/chat\/lobby\?last=5&ticket=\*{22} HTTP\/1.1\|last=5&ticket=\*{22}\|\/chat\/lobby\?last=5&ticket=\*{22}\|\*{22}\|ann\|acme/
call nolog_of $x
call nolog_of $z



=== TEST 2: a session that came by a ticket ends with the token
--- chat_config
chat_jwt_key     $TEST_NGINX_KEYS/HS256.key  alg=HS256;
chat_jwt_leeway  0s;
--- chat
let t = <<main::hs({ sub => 'ann', exp => main::in(4) })>>
a: post /chat/ticket header="Authorization: Bearer $t"
a: expect 201 {"ticket":"$x=<string>"}
a: post /chat/ticket header="Authorization: Bearer $t"
a: expect 201 {"ticket":"$y=<string>"}
w: enter ws /chat/lobby?ticket=$x
w: recv {"type":"expiring"} within=10
w: recv {"type":"closing","code":4401,"reason":"the token has expired"} within=10
w: closed 4401
# a ticket is not good for longer than the token
s: sse /chat/lobby?ticket=$y status=401
s: expect 401 {"code":"expired"}



=== TEST 3: where there are no tokens it is a room as others
--- chat_config
chat_user  ann;
--- chat
a: post /chat/ticket {"text":"a message"}
a: expect 201 {"type":"ok","room":"ticket"}



=== TEST 4: a worker that dies after it has taken one doesn't give it back
--- chat_config
chat_jwt_key  $TEST_NGINX_KEYS/HS256.key  alg=HS256;
--- chat
let t = <<main::hs({ sub => 'ann', exp => main::in(600) })>>
a: post /chat/ticket header="Authorization: Bearer $t"
a: expect 201 {"ticket":"$x=<string>"}
a: post /chat/ticket header="Authorization: Bearer $t"
a: expect 201 {"ticket":"$y=<string>"}
point ticket:taken
b: tcp
b: raw "GET /chat/lobby?ticket=$x HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n"
point passed
c: sse /chat/lobby?ticket=$x status=401
# another one outlives it
c: enter sse /chat/lobby?ticket=$y



=== TEST 5: a ticket is in no state file, and is good in its location only
--- chat_http
chat_zone  zone=main:8m  state=$TEST_NGINX_KEYS/state;
--- chat_config
chat_jwt_key  $TEST_NGINX_KEYS/HS256.key  alg=HS256;
--- config
location ^~ /other/ {
    chat          main;
    chat_jwt_key  $TEST_NGINX_KEYS/HS256.key  alg=HS256;
}
--- chat
let t = <<main::hs({ sub => 'ann-of-the-state-file', exp => main::in(600) })>>
a: post /chat/ticket header="Authorization: Bearer $t"
a: expect 201 {"ticket":"$x=<string>"}
a: sse /other/lobby?ticket=$x status=401
# who leaves has written what there is to write
reload
drained
call not_in_file ann-of-the-state-file
a: enter sse /chat/lobby?ticket=$x



=== TEST 6: another server has other users, whatever its locations are called
--- chat_http
chat_zone  zone=main:8m;

server {
    listen       $TEST_NGINX_SERVER_PORT;
    server_name  other.example;

    location ^~ /chat/ {
        chat          main;
        chat_jwt_key  $TEST_NGINX_KEYS/HS256.key  alg=HS256;
    }

    location = /chat-status {
        chat_status  main;
    }
}
--- chat_config
chat_jwt_key  $TEST_NGINX_KEYS/HS256.key  alg=HS256;
--- chat
let t = <<main::hs({ sub => 'ann', exp => main::in(600) })>>
a: post /chat/ticket header="Authorization: Bearer $t" header="Host: localhost"
a: expect 201 {"ticket":"$x=<string>"}
v: sse /chat/lobby?ticket=$x header="Host: other.example" status=401
w: sse /chat/lobby?ticket=$x header="Host: localhost"
w: recv {"type":"welcome","user":{"id":"ann"}}
