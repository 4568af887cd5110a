#!/usr/bin/perl

# Logging in by a password, and out.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest::Jwt;
use ChatTest;

use HTTP::Tiny;
use IO::Socket::INET;

# all of them are of "correct horse"

my %hash = (
    b     => '$2b$08$abcdefghijklmnopqrstuubAvJmxpQuyV3jn7x.SUSPxe.DearCPe',
    y     => '$2y$08$abcdefghijklmnopqrstuubAvJmxpQuyV3jn7x.SUSPxe.DearCPe',
    six   => '$6$saltsalt$hRM5XZ86KXEw9UOmjigeVqFgULtFB2sgpC9lXQDfMib3Zgw7mEiU'
             . 'vBJI2EplzfAqxL5Vvwp2scFtv/uamSo5z0',
    more  => '$6$rounds=6000$saltsalt$.z5DBt3F0yCiXdwys9J8eUbOTfWe1Z8QZNEHGn.O'
             . 'K5mh.PB/IrEwo2ndPEEIgumNV7q1oFECsqmO6101CuDOo.',
    yes   => '$y$j75$abcdefgh$Jakf0CHhzdQOivqISxvBXCIRIaxY0Fs1wJGsJSurry/',
);

# no password has these

my $slow = '$2b$13$' . 'a' x 53;

my %weak = (
    five  => '$5$salt$VceWD7himthAFDjAznpLECWSsOgDma/ItrVvf6K05b4',
    md5   => '$1$salt$uXdHrfCd.CnHQasvSgrAO0',
    cheap => '$2b$05$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2',
    dear  => '$2b$15$' . 'a' x 53,
    des   => 'abhfCpXqd4GrI',
    plain => 'correct horse',
    cut   => substr($hash{b}, 0, 59),
    few   => '$6$rounds=1000$saltsalt$' . 'a' x 86,
    many  => '$6$rounds=1000001$saltsalt$' . 'a' x 86,
    big   => '$y$jDT$abcdefgh$' . 'a' x 43,
    huge  => '$y$j' . 'z' x 400,
    none  => '',
    star  => '*',
);

# "pässwörd "q"\"

my $odd = '$6$saltsalt$z06doKHCmklFQN1Q8NUTAdto9q/D900Y7aQzddgwsxe0G0wLkD/cpb'
          . '/8j2RQaS8IaC4m2nZQXv2KHhvc./UEu1';

my @users = ((map { "$_:$hash{$_}" } sort keys %hash),
             "mod:$hash{b}:member,moderator", "odd:$odd");

$ENV{TEST_NGINX_LOGIN} = keys_dir();

file(undef, 'users', '# comment', @users, '');
file(undef, 'live', "ann:$hash{b}", "slow:$slow");
file(undef, 'slow', 'slow:$2b$10$' . 'a' x 53);
file(undef, 'weak', (map { "$_:$weak{$_}" } sort keys %weak),
     'no colon', ":$hash{b}", "~ann:$hash{b}", "a b:$hash{b}",
     "roles:$hash{b}:a,,b", "roles:$hash{b}:a b", "fine:$hash{b}\r",
     "fine:$hash{y}");
file(undef, 'bad', (map { "$_:$weak{$_}" } sort keys %weak));
file(undef, 'empty');

run_tests();


# a file of these lines is put in place, at once

sub file {
    my ($nginx, $name, @lines) = @_;

    my $dir = keys_dir();

    open my $f, '>', "$dir/next" or die $!;
    print $f map { "$_\n" } @lines;
    close $f or die $!;
    rename "$dir/next", "$dir/$name" or die $!;
}


sub users {
    my ($nginx, $name, @who) = @_;

    file($nginx, $name, map { "$_:$hash{b}" } @who);
}


sub spoil { file($_[0], $_[1], 'ann:secret') }


sub status {
    my ($nginx, $user) = @_;

    return HTTP::Tiny->new(timeout => 20, keep_alive => 0)->post(
        'http://127.0.0.1:' . $nginx->port . '/chat/login',
        { headers => { 'Content-Type' => 'application/json' },
          content => qq({"user":"$user","password":"correct horse"}) }
        )->{status};
}


# by whichever worker: each looks once a second

sub answered {
    my ($nginx, $status, $user) = @_;

    $nginx->settles(30, 12, $status, sub { status($nginx, $user) });
}


# logins are answered so all the time, until the error log has these words

sub complains {
    my ($nginx, $status, $user, @words) = @_;

    $nginx->stays(30, "@words", $status, sub { status($nginx, $user) });
}


# a hundred at once, and again, until the error log says that it is too many

sub storm {
    my ($nginx) = @_;

    my $body = '{"user":"slow","password":"x"}';

    $nginx->until_true(30, 'never too many', sub {
        my @socks;

        for (1 .. 100) {
            my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                          PeerPort => $nginx->port)
                or die "$!\n";

            print $s "POST /chat/login HTTP/1.1\r\nHost: localhost\r\n"
                     . "Content-Type: application/json\r\nContent-Length: "
                     . length($body) . "\r\n\r\n$body";
            $s->flush;
            push @socks, $s;
        }

        # one of them is answered, so nginx has read some
        $socks[0]->getline;

        return index(ChatTest::Nginx::slurp($nginx->log_file),
                     'too many passwords are being checked already') >= 0;
    });
}


sub nolog_of {
    my ($nginx, $text) = @_;

    for (glob $nginx->root . '/logs/*.log') {
        die "$_ has $text\n"
            if index(ChatTest::Nginx::slurp($_) // '', $text) >= 0;
    }
}

__DATA__

=== TEST 1: what nginx -t says
--- chat
accepted chat chat_jwt_key $TEST_NGINX_KEYS/HS256.key alg=HS256; chat_login $TEST_NGINX_LOGIN/users;
accepted chat chat_guest on; chat_jwt_key $TEST_NGINX_KEYS/HS256.key alg=HS256; chat_jwt_cookie __Host-x; chat_login $TEST_NGINX_LOGIN/users expires=1d; | chat chat_limit login rate=10r/m; chat_limit login rate=1r/s key=ip;
accepted chat chat_jwt_key $TEST_NGINX_KEYS/HS256.key alg=HS256; chat_login $TEST_NGINX_LOGIN/weak; => line 1 of the chat passwords in "$TEST_NGINX_LOGIN/weak" isn't used (of 20 such lines): its yescrypt takes
refused chat chat_jwt_key $TEST_NGINX_KEYS/HS256.key alg=HS256; chat_login $TEST_NGINX_LOGIN/bad; => "chat_login" can't use "$TEST_NGINX_LOGIN/bad": its
refused chat chat_jwt_key $TEST_NGINX_KEYS/HS256.key alg=HS256; chat_login $TEST_NGINX_LOGIN/empty; => nobody is in it
refused chat chat_jwt_key $TEST_NGINX_KEYS/HS256.key alg=HS256; chat_login $TEST_NGINX_LOGIN/nothing; => it can't be read
refused chat chat_jwt_key $TEST_NGINX_KEYS/HS256.key alg=HS256; chat_login $TEST_NGINX_LOGIN/users; chat_login $TEST_NGINX_LOGIN/users; => "chat_login" directive is duplicate
refused chat chat_guest on; chat_login $TEST_NGINX_LOGIN/users; => "chat_login" in location "/chat/" needs a secret to sign tokens with: write "chat_jwt_key FILE alg=HS256;"
refused chat chat_jwt_key $TEST_NGINX_KEYS/HS256.key alg=HS256; chat_jwt_cookie token; chat_login $TEST_NGINX_LOGIN/users; => whose name must begin with "__Host-"
refused chat chat_jwt_key $TEST_NGINX_KEYS/HS256.key alg=HS256; chat_room lobby; chat_login $TEST_NGINX_LOGIN/users; => "chat_login" can't be with "chat_room"
refused chat chat_jwt_key $TEST_NGINX_KEYS/HS256.key alg=HS256; chat_login $TEST_NGINX_LOGIN/users expires=2d; => "expires=" of "chat_login" (172800 s) in location "/chat/" must not be more than "chat_jwt_lifetime" (86400 s)
refused chat chat_jwt_key $TEST_NGINX_KEYS/HS256.key alg=HS256; chat_login $TEST_NGINX_LOGIN/users expires=1s; => invalid parameter "expires=1s" of "chat_login": write a time of 1m to 365d, "expires=12h"
refused chat chat_jwt_key $TEST_NGINX_KEYS/HS256.key alg=HS256; chat_login $TEST_NGINX_LOGIN/users for=1d; => known is expires=
refused chat chat_guest on; chat_limit login rate=1r/s key=session; => write key=user or key=ip



=== TEST 2: in, by each scheme; what the token is good for; out
--- chat_config
chat_jwt_key  $TEST_NGINX_KEYS/HS256.key  alg=HS256;
chat_login    $TEST_NGINX_LOGIN/users;
chat_limit    login  rate=100r/s  burst=1000;
--- chat
a: post /chat/login {"user":"b","password":"correct horse"}
a: expect 200 {"type":"login","user":{"id":"b"},"token":"$b=<string>","expires_in_ms":43200000}
a: header Cache-Control: no-store
a: header Set-Cookie: /^__Host-chat_login=[A-Za-z0-9_.-]+; Path=\/; Max-Age=43200; Secure; HttpOnly; SameSite=Strict$/
a: post /chat/login {"user":"y","password":"correct horse"}
a: expect 200 {"user":{"id":"y"}}
a: post /chat/login {"user":"six","password":"correct horse"}
a: expect 200 {"user":{"id":"six"}}
a: post /chat/login {"user":"more","password":"correct horse"}
a: expect 200 {"user":{"id":"more"}}
a: post /chat/login {"user":"yes","password":"correct horse"}
a: expect 200 {"user":{"id":"yes"}}
a: post /chat/login type=application/json hex:7b2275736572223a226f6464222c2270617373776f7264223a2270c3a4737377c3b67264205c22715c225c5c227d
a: expect 200 {"user":{"id":"odd"}}
a: post /chat/login via=h2 {"user":"mod","password":"correct horse"}
a: expect 200 {"token":"$m=<string>"}
# wrong, and nobody: the same
x: post /chat/login {"user":"b","password":"correct horsf"}
x: expect 401 {"code":"unauthorized","detail":"the name or the password is wrong"}
x: header Set-Cookie: absent
x: post /chat/login {"user":"nobody","password":"correct horse"}
x: expect 401 {"code":"unauthorized","detail":"the name or the password is wrong"}
x: post /chat/login {"user":"b:$$2b","password":"correct horse"}
x: expect 401
x: post /chat/login {"user":"~b","password":"correct horse"}
x: expect 401
log /chat login refused: wrong password of b,/
log /chat login refused: wrong password, and no such user,/
# what is no login
x: post /chat/login {"user":"b"}
x: expect 400 {"code":"bad_request"}
x: post /chat/login {"user":"b","password":7}
x: expect 400
x: post /chat/login {"user":"b","password":""}
x: expect 400
x: post /chat/login {"user":["b"],"password":"x"}
x: expect 400
x: post /chat/login {"user":"b","user":"b","password":"correct horse"}
x: expect 400
x: post /chat/login type=application/json {"user":"b","password":"correct horse\u0000x"}
x: expect 400
x: post /chat/login type=application/json hex:7b2275736572223a2262222c2270617373776f7264223a22ff227d
x: expect 400
x: post /chat/login type=application/json {"user":"b","password":"correct horse"}x
x: expect 400
x: post /chat/login type=application/json 7
x: expect 400
let long = <<'x' x 129>>
x: post /chat/login {"user":"b","password":"$long"}
x: expect 400
let long = <<'x' x 65>>
x: post /chat/login {"user":"$long","password":"correct horse"}
x: expect 400
let long = <<'x' x 2048>>
x: post /chat/login {"user":"b","password":"$long"}
x: expect 413
x: post /chat/login type=application/x-www-form-urlencoded user=b&password=correct+horse
x: expect 415
x: post /chat/login type=text/plain {"user":"b","password":"correct horse"}
x: expect 415
x: post /chat/login header="Origin: http://evil.example" {"user":"b","password":"correct horse"}
x: expect 403
# the token: by a header, the cookie, hello; its roles
w: enter ws /chat/lobby header="Cookie: __Host-chat_login=$b"
w: ask {"type":"message","id":1,"room":"lobby","text":"hi"} -> {"type":"ok"}
w: recv {"type":"message","user":{"id":"b"}}
m: ws /chat/lobby header="Authorization: Bearer $m" other=w
m: recv {"type":"welcome","user":{"id":"mod"}}
m: recv {"type":"joined","role":"moderator"}
v: enter sse /chat/lobby header="Authorization: Bearer $b" other=w
# out: everywhere, at once, and only this token
a: post /chat/login {"user":"b","password":"correct horse"}
a: expect 200 {"token":"$c=<string>"}
check <<'$b' ne '$c'>>
x: post /chat/logout header="Cookie: __Host-chat_login=$b" header="Origin: http://evil.example"
x: expect 403
x: post /chat/logout header="Cookie: __Host-chat_login=$b"
x: expect 204
x: header Set-Cookie: __Host-chat_login=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Strict
w: until {"type":"closing","code":4401}
w: closed 4401
v: until {"type":"closing","code":4401}
v: end
x: get /chat/lobby header="Cookie: __Host-chat_login=$b"
x: expect 401
x: get /chat/lobby header="Cookie: __Host-chat_login=$c"
x: expect 200
x: post /chat/logout header="Authorization: Bearer $b"
x: expect 204
x: post /chat/logout header="Cookie: __Host-chat_login=nonsense"
x: expect 204
x: post /chat/logout
x: expect 204
m: send {"type":"ping","id":2}
m: until {"type":"pong"}
call nolog_of correct horse
call nolog_of nobody
call nolog_of $b



=== TEST 3: claims; a file that changes; a client that leaves; a reload
--- chat_config
chat_jwt_key    $TEST_NGINX_KEYS/HS256.key  alg=HS256;
chat_jwt_iss    https://one.example https://two.example;
chat_jwt_aud    chat;
chat_jwt_claim  user=who.id roles=app.roles;
chat_login      $TEST_NGINX_LOGIN/live expires=1h;
chat_limit      login  rate=100r/s  burst=1000;
--- chat
a: post /chat/login {"user":"ann","password":"correct horse"}
a: expect 200 {"token":"$t=<string>","expires_in_ms":3600000}
w: ws /chat/lobby header="Authorization: Bearer $t"
w: recv {"type":"welcome","user":{"id":"ann"}}
# nobody is there any more when it is known
timeout 60
x: tcp
x: raw "POST /chat/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 30\r\n\r\n{\"user\":\"slow\",\"password\":\"x\"}"
x: taken
x: drop
# and here he is, and is answered by a worker that quits
y: tcp
y: raw "POST /chat/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 30\r\n\r\n{\"user\":\"slow\",\"password\":\"x\"}"
y: taken
reload
y: read /HTTP\/1.1 401/
# another file
call users live bob cat
call answered 200 bob
call answered 401 ann
log /the chat passwords in ".*live" were read again/
call spoil live
call complains 200 cat live" have changed and can't be used, those of before are kept: its hash is neither



=== TEST 4: how often, unless it is said: by both workers, in a dry run, too
--- chat_config
chat_jwt_key        $TEST_NGINX_KEYS/HS256.key  alg=HS256;
chat_login          $TEST_NGINX_LOGIN/users;
chat_limit          message rate=10r/s;
chat_limit_dry_run  on;
--- chat
repeat 10
x: post /chat/login {"user":"b","password":"wrong"}
x: expect 401
end
x: post /chat/login {"user":"b","password":"correct horse"}
x: expect 429 {"code":"rate_limited","retry_after_ms":"<< $_ > 1000 && $_ <= 120000 >>"}
x: header Retry-After: /^\d+$/
x: post /chat/login {"user":"b","password":"correct horse"}
x: expect 429
log /chat client is limited.*"chat_limit login rate=30r\/h burst=9 key=user" is reached/
# others are others, until there are too many of them
x: post /chat/login {"user":"y","password":"correct horse"}
x: expect 200
26 * x: post /chat/login {"user":"u$i","password":"wrong"}
x: post /chat/login {"user":"y","password":"correct horse"}
x: expect 429



=== TEST 5: more at once than a worker checks
--- chat_config
chat_jwt_key  $TEST_NGINX_KEYS/HS256.key  alg=HS256;
chat_login    $TEST_NGINX_LOGIN/slow;
chat_limit    login  rate=1000r/s  burst=10000;
--- chat
call storm
call answered 401 slow
