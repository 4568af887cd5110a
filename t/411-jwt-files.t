#!/usr/bin/perl

# Keys that change while nginx runs.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest::Jwt;
use ChatTest;

use File::Copy qw(copy move);
use HTTP::Tiny;

# each worker looks for itself
Test::Nginx::Util::workers(1);


# another file takes the place of one, at once, as an operator does it

sub replace {
    my ($nginx, $from, $to) = @_;

    copy(keys_dir() . "/$from", keys_dir() . '/next') or die "$from: $!\n";
    move(keys_dir() . '/next', keys_dir() . "/$to") or die "$to: $!\n";
}


# written into, and broken

sub spoil {
    my ($nginx, $name) = @_;

    open my $out, '>', keys_dir() . "/$name" or die "$name: $!\n";
    print $out '{"keys":[';
    close $out or die "$name: $!\n";
}


sub remove {
    my ($nginx, $name) = @_;

    unlink keys_dir() . "/$name" or die "$name: $!\n";
}


sub status {
    my ($nginx, $name) = @_;

    my $url = 'http://127.0.0.1:' . $nginx->port . '/chat/lobby';
    my %headers = (Authorization => 'Bearer ' . jwt($name));

    return HTTP::Tiny->new(timeout => 5)
           ->get($url, { headers => \%headers })->{status};
}


# answered STATUS TOKEN: a request with this token comes to be answered so

sub answered {
    my ($nginx, $status, $name) = @_;

    $nginx->settles(5, 1, $status, sub { status($nginx, $name) });
}


# complains STATUS TOKEN WORDS: requests are answered so all the time, until the
# error log has these words

sub complains {
    my ($nginx, $status, $name, @words) = @_;

    $nginx->stays(5, "@words", $status, sub { status($nginx, $name) });
}


run_tests();

__DATA__

=== TEST 1: new keys are taken without a reload, and bad ones are not
--- chat_config
chat_jwt_jwks  $TEST_NGINX_KEYS/jwks.json  alg=ES256;
chat_jwt_iss   https://login.example/;
chat_jwt_aud   chat;
--- chat
call replace jwks.json old.json
call answered 404 ES256
call answered 401 new
call replace new.json jwks.json
call answered 404 new
log /the keys of chat tokens in ".*jwks.json" were read again/
call answered 401 ES256
call spoil jwks.json
call complains 404 new have changed and can't be used, those of before are kept: it is neither PEM nor JSON
call remove jwks.json
call complains 404 new have changed and can't be used, those of before are kept: it can't be read
call replace new.json jwks.json
call answered 404 new
# again, when the request that had those read is long gone
call replace old.json jwks.json
call answered 404 ES256
call answered 401 new
# and when those are of a configuration whose predecessor is gone
reload
call replace new.json jwks.json
call answered 404 new
call answered 401 ES256
