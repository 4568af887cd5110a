#!/usr/bin/perl

# Guests: the secret of their tokens from files, how many an address may make,
# and that a bad token is never a guest.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use File::Temp;
use ChatTest::Jwt;
use ChatTest;

use HTTP::Tiny;

my $dir = File::Temp->newdir;

chmod 0755, "$dir" or die $!;

$ENV{TEST_NGINX_GUEST} = "$dir";

secret(undef, one => 'a' x 32);
secret(undef, two => "b" x 31 . "\n");
secret(undef, old => 'c' x 4096);
secret(undef, short => 'd' x 31);
secret(undef, long => 'e' x 4097);
secret(undef, empty => '');
secret(undef, live => '1' x 32);
secret(undef, before => '0' x 32);

run_tests();


# a file of the test's own, put in place at once

sub secret {
    my ($nginx, $name, $bytes) = @_;

    open my $f, '>', "$dir/.new" or die $!;
    print $f $bytes;
    close $f or die $!;
    rename "$dir/.new", "$dir/$name" or die $!;
}


sub remove {
    my ($nginx, $name) = @_;

    unlink "$dir/$name" or die "$name: $!\n";
}


# by whichever worker; GET makes no guest

sub status {
    my ($nginx, $token) = @_;

    my $url = 'http://127.0.0.1:' . $nginx->port . '/chat/lobby';

    return HTTP::Tiny->new(timeout => 5, keep_alive => 0)
        ->get($url, { headers => { Authorization => "Bearer $token" } })
        ->{status};
}


# requests are answered so all the time, until the error log has these words

sub complains {
    my ($nginx, $status, $token, @words) = @_;

    $nginx->stays(30, "@words", $status, sub { status($nginx, $token) });
}


# each worker, which looks once a second, comes to answer so

sub answered {
    my ($nginx, $status, $token) = @_;

    $nginx->settles(30, 24, $status, sub { status($nginx, $token) });
}

__DATA__

=== TEST 1: what nginx -t says
--- chat
accepted http chat_guest_secret $TEST_NGINX_GUEST/one;
accepted chat chat_guest on; chat_guest_secret $TEST_NGINX_GUEST/two $TEST_NGINX_GUEST/old;
refused chat chat_guest on; chat_guest_secret $TEST_NGINX_GUEST/one; chat_guest_secret $TEST_NGINX_GUEST/two; => "chat_guest_secret" directive is duplicate
refused chat chat_guest on; chat_guest_secret $TEST_NGINX_GUEST/short; => "chat_guest_secret" can't use "$TEST_NGINX_GUEST/short": a secret has 32 bytes at least; write one by "head -c 32 /dev/urandom > $TEST_NGINX_GUEST/short"
refused chat chat_guest on; chat_guest_secret $TEST_NGINX_GUEST/empty; => a secret has 32 bytes at least
refused chat chat_guest on; chat_guest_secret $TEST_NGINX_GUEST/long; => it is too large
refused chat chat_guest on; chat_guest_secret $TEST_NGINX_GUEST; => it is no regular file
refused chat chat_guest on; chat_guest_secret $TEST_NGINX_GUEST/none; => it can't be read
accepted chat chat_limit guest rate=60r/h burst=10;
accepted chat chat_limit guest rate=60r/h key=ip;
refused chat chat_limit guest rate=1r/s key=user; => invalid parameter "key=user" of "chat_limit": a new guest is known by his address only, write key=ip
refused chat chat_limit guest rate=1r/s key=room; => a new guest is known by his address only



=== TEST 2: the same guest in another zone, which has another secret of its own
--- chat_http
chat_zone zone=main:8m;
chat_zone zone=other:8m;
chat_guest_secret $TEST_NGINX_GUEST/one;
--- config
location ^~ /other/ {
    chat        other;
    chat_guest  on;
}
location ^~ /own/ {
    chat               other;
    chat_guest         on;
    chat_guest_secret  $TEST_NGINX_GUEST/two;
}
location ^~ /turned/ {
    chat               other;
    chat_guest         on;
    chat_guest_secret  $TEST_NGINX_GUEST/two $TEST_NGINX_GUEST/one;
}
--- chat
a: ws /chat/
a: recv {"type":"welcome","user":{"id":"$id=<string>"},"guest_token":"$token=<string>"}
b: ws /other/ header="Authorization: Bearer $token" other=a
b: recv {"type":"welcome","user":{"id":"$id","guest":true}}
c: ws /own/ header="Authorization: Bearer $token"
c: recv {"type":"closing","code":4401}
# the old one is taken, and what comes is of the new one
d: ws /turned/ header="Authorization: Bearer $token"
d: recv {"type":"welcome","user":{"id":"$id"},"guest_token":"$new=<string>"}
e: ws /own/ header="Authorization: Bearer $new"
e: recv {"type":"welcome","user":{"id":"$id"}}
f: ws /other/ header="Authorization: Bearer $new"
f: recv {"type":"closing","code":4401}
# by hello, too
g: ws /turned/
g: recv {"type":"welcome"}
g: ask {"type":"hello","id":1,"token":"$token"} -> {"type":"welcome","reply_to":1,"user":{"id":"$id"}}
g: ask {"type":"hello","id":2,"token":"$new"} -> {"type":"ok","reply_to":2}



=== TEST 3: a file that changes is read again, and one that is worse is not used
--- chat_config
chat_guest on;
chat_guest_secret $TEST_NGINX_GUEST/live $TEST_NGINX_GUEST/before;
--- chat
a: enter ws /chat/lobby
b: ws /chat/
b: recv {"type":"welcome","user":{"id":"$id=<string>"},"guest_token":"$first=<string>"}
call secret live 22222222222222222222222222222222
call answered 401 $first
log /the secret of chat guests in ".*live" was read again/
call secret before 11111111111111111111111111111111
call answered 200 $first
c: ws /chat/ header="Authorization: Bearer $first"
c: recv {"type":"welcome","user":{"id":"$id"},"guest_token":"$second=<string>"}
call answered 200 $second
call secret live short
call complains 200 $second has changed and can't be used, that of before is kept: a secret has 32 bytes at least
call remove live
call complains 200 $second live" has changed and can't be used, that of before is kept: it can't be read
call answered 200 $second



=== TEST 4: how many guests an address may make, by both workers and every transport
--- chat_config
chat_limit guest rate=1r/h burst=3;
--- chat
a: ws /chat/lobby
a: recv {"type":"welcome","user":{"id":"$id=<string>"},"guest_token":"$token=<string>"}
a: recv {"type":"joined"}
b: sse /chat/lobby other=a
b: recv {"type":"welcome"}
c: stream /chat/ [{"type":"join","room":"lobby"}]
c: recv {"type":"welcome"}
d: post /chat/lobby {"text":"fourth"}
d: expect 201
e: post /chat/lobby {"text":"fifth"}
e: expect 429 {"code":"rate_limited","retry_after_ms":"<< $_ > 3500000 && $_ <= 3600000 >>"}
e: header Retry-After: /^3[56]\d\d$/
e: post /chat/ [{"type":"message","room":"lobby","text":"fifth"}]
e: expect 429
e: ws /chat/ status=429
e: stream /chat/ status=429 [{"type":"join","room":"lobby"}]
e: sse /chat/lobby
e: recv {"type":"error","code":"rate_limited"}
e: end
# pages are read by anybody, and who is a guest already is no new one
f: get /chat/lobby
f: expect 200 {"events":[{"text":"fourth"}]}
f: ws /chat/ header="Authorization: Bearer $token" other=a
f: recv {"type":"welcome","user":{"id":"$id"}}
f: ws /chat/ proto=chat.v1,bearer.$token
f: recv {"type":"welcome","user":{"id":"$id"}}
f: ws /chat/ tls header="Cookie: __Host-chat_guest=$token"
f: recv {"type":"welcome","user":{"id":"$id"}}
f: post /chat/lobby header="Authorization: Bearer $token" {"text":"of a"}
f: expect 201



=== TEST 5: a POST over TLS makes a guest who can come back
--- chat
p: post /chat/lobby tls {"text":"one","nonce":"12345678"}
p: expect 201
p: header Set-Cookie: /^__Host-chat_guest=g1\.[^;]+; Path=\/; Max-Age=2592000; Secure; HttpOnly; SameSite=Lax$/
q: ws /chat/
q: recv {"type":"welcome","user":{"id":"$id=<string>"},"guest_token":"$token=<string>"}
p: post /chat/ tls header="Cookie: __Host-chat_guest=$token" [{"type":"message","id":1,"room":"lobby","text":"two","nonce":"12345678"}]
p: expect 200 [{"type":"ok","duplicate":"<absent>"}]
p: header Set-Cookie: absent
p: post /chat/lobby tls header="Cookie: __Host-chat_guest=$token" {"text":"two","nonce":"12345678"}
p: expect 200 {"duplicate":true}
p: get /chat/lobby tls
p: expect 200 {"events":[{"text":"one","user":{"guest":true}},{"text":"two","user":{"id":"$id"}}]}
p: header Set-Cookie: absent
# plain, the cookie could not be kept
p: post /chat/lobby {"text":"three"}
p: expect 201
p: header Set-Cookie: absent



=== TEST 6: a bad token is never a guest, whatever it looks like and wherever it comes
--- chat_config
chat_guest       on;
chat_jwt_key     $TEST_NGINX_KEYS/HS256.key  alg=HS256;
chat_jwt_cookie  session-token;
--- chat
a: ws /chat/
a: recv {"type":"welcome","user":{"id":"$id=<string>"},"guest_token":"$token=<string>"}
b: post /chat/lobby header="Cookie: session-token=g1.nonsense" {"text":"x"}
b: expect 401 {"code":"unauthorized"}
b: post /chat/lobby header="Cookie: session-token=g1.nonsense; __Host-chat_guest=$token" {"text":"x"}
b: expect 401 {"code":"unauthorized"}
b: ws /chat/lobby header="Cookie: session-token=g1.$id.9999999999.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
b: recv {"type":"closing","code":4401}
# a right one is, there too
b: ws /chat/ header="Cookie: session-token=$token"
b: recv {"type":"welcome","user":{"id":"$id","guest":true}}
# an old cookie of a guest alone is no fault of his
b: ws /chat/ header="Cookie: __Host-chat_guest=g1.nonsense"
b: recv {"type":"welcome","user":{"id":"<< $_ ne '$id' >>","guest":true}}
