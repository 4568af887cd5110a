#!/usr/bin/perl

# Key sets that workers fetch.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest::Jwt;
use ChatTest::Source;
use ChatTest;

use File::Copy qw(copy move);
use HTTP::Tiny;

# each worker fetches for itself
Test::Nginx::Util::workers(1);


sub replace {
    my ($nginx, $from, $to) = @_;

    copy(keys_dir() . "/$from", keys_dir() . '/next') or die "$from: $!\n";
    move(keys_dir() . '/next', keys_dir() . "/$to") or die "$to: $!\n";
}


sub status {
    my ($nginx, $name) = @_;

    my $url = 'http://127.0.0.1:' . $nginx->port . '/chat/lobby';
    my %headers = (Authorization => 'Bearer ' . jwt($name));

    return HTTP::Tiny->new(timeout => 10)
           ->get($url, { headers => \%headers })->{status};
}


# answered STATUS TOKEN: a request with this token comes to be answered so

sub answered {
    my ($nginx, $status, $name) = @_;

    $nginx->settles(15, 1, $status, sub { status($nginx, $name) });
}


# requests N: so many have come to the source, or more

sub requests {
    my ($nginx, $n) = @_;

    $nginx->until_true(15, "not $n requests", sub {
        return (() = source_requests() =~ /^GET \/keys\?a=b HTTP/mg) >= $n;
    });
}


# not more than N requests came to the source

sub at_most {
    my ($nginx, $n) = @_;

    my $have = () = source_requests() =~ /^GET /mg;
    die "$have requests\n" if $have > $n;
}


run_tests();

__DATA__

=== TEST 1: what nginx -t says
--- chat_config
chat_guest  on;
--- chat
let aud = "chat_jwt_iss x; chat_jwt_aud y;"
accepted chat chat_jwt_jwks http://127.0.0.1:8080/jwks alg=ES256; chat_jwt_iss x; chat_jwt_aud y;
accepted chat chat_jwt_jwks http://[::1]/jwks alg=ES256 iss=x refresh=1h; chat_jwt_aud y;
accepted chat chat_jwt_jwks http://unix:/tmp/s:/jwks?a=b alg=ES256; chat_jwt_iss x; chat_jwt_aud y;
refused chat chat_jwt_jwks http://unix:/tmp/s:/jwks alg=ES256; chat_jwt_iss x; => lets in whoever has a token for anything
refused chat chat_jwt_jwks http://unix:/tmp/s:/jwks alg=ES256; chat_jwt_aud x; => lets in whoever has a token for anything
refused chat chat_jwt_jwks http://login.example/jwks alg=ES256; => "chat_jwt_jwks" can't fetch from "http://login.example/jwks": it names no address: names and TLS are for a server of this nginx, write "http://127.0.0.1:PORT/uri" or "http://unix:/path:/uri"
refused chat chat_jwt_jwks https://127.0.0.1/jwks alg=ES256; => "chat_jwt_jwks" can't fetch from "https://127.0.0.1/jwks": it doesn't begin with "http://"
refused chat chat_jwt_jwks http:///jwks alg=ES256; => it names no address
refused chat chat_jwt_jwks http://127.0.0.1:0x/jwks alg=ES256; => it names no address
refused chat chat_jwt_jwks http://127.0.0.1?x alg=ES256; => it names no address
refused chat chat_jwt_jwks http://unix:socket:/jwks alg=ES256; => write "http://unix:/path/of/socket:/uri"
refused chat chat_jwt_jwks http://unix:/s:jwks alg=ES256; => write "http://unix:/path/of/socket:/uri"
refused chat chat_jwt_jwks "http://127.0.0.1/a b" alg=ES256; => it has characters that no URL has
refused chat chat_jwt_jwks http://127.0.0.1/jwks; => invalid number of arguments
refused chat chat_jwt_jwks http://127.0.0.1/jwks alg=ES256 iss=; => known are alg=, iss= and refresh=
refused chat chat_jwt_jwks http://127.0.0.1/jwks alg=ES256 refresh=0; => write a time of 1s to 1d, "refresh=5m"
refused chat chat_jwt_jwks http://127.0.0.1/jwks iss=x refresh=5m; => write "FILE alg=ES256"
refused chat chat_jwt_jwks $TEST_NGINX_KEYS/jwks.json alg=ES256 refresh=5m; => "refresh=" is for a URL, a file is read again when it has changed
refused chat chat_jwt_key http://127.0.0.1/jwks alg=ES256; => can't use the keys in



=== TEST 2: from a server of this nginx; a new key is found by its name
--- config
location = /keys { alias $TEST_NGINX_KEYS/served.json; }
--- chat_config
chat_jwt_jwks  http://127.0.0.1:$TEST_NGINX_SERVER_PORT/keys  alg=ES256  iss=https://login.example/;
chat_jwt_aud   chat;
--- chat
call replace jwks.json served.json
reload
log /the key set of chat tokens was fetched from "http:.*keys", \d keys/
let t = <<main::jwt('ES256')>>
let n = <<main::jwt('new')>>
a: enter ws /chat/lobby header="Authorization: Bearer $t"
b: get /chat/lobby header="Authorization: Bearer $n"
b: expect 401 {"code":"unauthorized"}
log /its "kid" is no key that we have/
call replace new.json served.json
# not so soon again; then by a request, and by a command
call answered 200 new
b: post /chat/lobby header="Authorization: Bearer $n" {"text":"by POST"}
b: expect 201
a: recv {"text":"by POST"}
b: ws /chat/
b: ask {"type":"auth","id":1,"token":"$n"} -> {"type":"welcome"}
# the old one is none any more
call answered 401 ES256



=== TEST 3: a token waits for the fetch, whatever it came by
--- chat_config
chat_jwt_jwks  http://unix:$TEST_NGINX_KEYS/source.sock:/keys?a=b  alg=ES256;
chat_jwt_iss   https://login.example/;
chat_jwt_aud   chat;
chat_drain     400ms;
--- chat
call source length jwks.json
reload
let n = <<main::jwt('new')>>
let t = <<main::jwt('ES256')>>
a: enter ws /chat/lobby header="Authorization: Bearer $t"
# a second passes before it answers
call source delayed new.json
a: ask {"type":"auth","id":1,"token":"$n"} -> {"type":"ok","reply_to":1}
call requests 1
call at_most 1
b: enter ws /chat/lobby header="Authorization: Bearer $n"
call source delayed jwks.json
# all wait for one fetch
reload
c: tcp
c: raw "GET /chat/lobby HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer $t\r\n\r\n"
d: tcp
d: raw "POST /chat/lobby HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer $t\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\nslow"
e: ws /chat/
e: send [{"type":"hello","id":1,"token":"$t"},{"type":"join","id":2,"room":"lobby"}]
f: enter sse /chat/lobby header="Authorization: Bearer $t"
g: enter ws /chat/lobby header="Authorization: Bearer $t"
h: stream /chat/ header="Authorization: Bearer $t" {"type":"join","room":"lobby"}
h: recv {"type":"welcome"}
c: read /HTTP\/1.1 200 /
d: read /HTTP\/1.1 201 /
e: recv {"type":"welcome","reply_to":1}
e: recv {"type":"joined","reply_to":2}
call at_most 2
# and who goes meanwhile does no harm
call source silent
reload
c: tcp
c: raw "GET /chat/lobby HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer $t\r\n\r\n"
e: ws /chat/
e: send {"type":"hello","id":1,"token":"$t"}
c: taken
c: reset
e: reset
call requests 1
# an old worker stays for who waits in it
call source delayed jwks.json
reload
d: tcp
d: raw "GET /chat/lobby HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer $t\r\n\r\n"
d: taken
reload
d: read /HTTP\/1.1 200 /



=== TEST 4: a source that is down, and comes back
--- chat_config
chat_jwt_jwks  http://unix:$TEST_NGINX_KEYS/source.sock:/keys?a=b  alg=ES256  refresh=1s;
chat_jwt_iss   https://login.example/;
chat_jwt_aud   chat;
--- chat
call source down
reload
let t = <<main::jwt('ES256')>>
log /the key set of chat tokens can't be had from "http:.*", it stays as it was: connecting failed/
a: get /chat/lobby header="Authorization: Bearer $t"
a: expect 503 {"code":"unavailable"}
a: ws /chat/lobby header="Authorization: Bearer $t" status=503
a: sse /chat/lobby header="Authorization: Bearer $t"
a: recv {"type":"error","code":"unavailable"}
a: end
a: ws /chat/
a: ask {"type":"auth","id":1,"token":"$t"} -> {"type":"error","reply_to":1,"code":"unavailable"}
a: drop
call source length jwks.json
call answered 404 ES256
# what is there is kept
call source down
log /can't be had from "http:.*", it stays as it was: connecting failed/
call answered 404 ES256
call source length new.json
call answered 401 ES256
call answered 404 new



=== TEST 5: all good ways to answer
--- chat_config
chat_jwt_jwks  http://unix:$TEST_NGINX_KEYS/source.sock:/keys?a=b  alg=ES256  refresh=1s;
chat_jwt_iss   https://login.example/;
chat_jwt_aud   chat;
--- chat
call source chunked jwks.json
call answered 404 ES256
call source closed new.json
call answered 404 new
call source interim jwks.json
call answered 404 ES256
call source length new.json
call answered 404 new



=== TEST 6: all bad ways: the set of before is kept
--- chat_config
chat_jwt_jwks  http://unix:$TEST_NGINX_KEYS/source.sock:/keys?a=b  alg=ES256  refresh=1s;
chat_jwt_iss   https://login.example/;
chat_jwt_aud   chat;
--- chat
timeout 20
call source length jwks.json
reload
call answered 404 ES256
call source half new.json
log /it stays as it was: the connection ended before the answer did/
call answered 404 ES256
call source length jwks.json
call requests 2
call source garbage
log /it stays as it was: its header is no HTTP/
call source length jwks.json
call requests 2
call source endless
log /it stays as it was: its header is longer than 16k|it stays as it was: it has more than 64 headers/
call source length jwks.json
call requests 2
call source bigger new.json
log /it stays as it was: its body is too large/
call source length jwks.json
call requests 2
call source lying new.json
log /it stays as it was: its Content-Length is none/
call source length jwks.json
call requests 2
call source redirect new.json
log /it stays as it was: the answer is a redirect/
call source length jwks.json
call requests 2
call source error new.json
log /it stays as it was: the answer is 5xx/
call source length jwks.json
call requests 2
call source length tokens.json
log /it stays as it was: /
call source length jwks.json
call requests 2
call source slow new.json
log /it stays as it was: it has taken too long/
call answered 404 ES256



=== TEST 7: two issuers: the keys of one don't speak for the other
--- config
location /keys/ { alias $TEST_NGINX_KEYS/; }
--- chat_config
chat_jwt_jwks  http://127.0.0.1:$TEST_NGINX_SERVER_PORT/keys/jwks.json  alg=ES256  iss=https://login.example/;
chat_jwt_jwks  http://127.0.0.1:$TEST_NGINX_SERVER_PORT/keys/new.json   alg=ES256  iss=https://other.example/;
chat_jwt_aud   chat;
--- chat
call answered 404 ES256
call answered 401 new
log /its "kid" is no key that we have/
