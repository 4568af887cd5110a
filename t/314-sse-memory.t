#!/usr/bin/perl

# Event streams that live for long do not make their worker grow.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use IO::Socket::INET;

# what a sanitizer has freed it keeps for a while
Test::More::plan(skip_all => 'memory is told of a plain nginx only')
    if $ENV{CHAT_SANITIZE};

workers(1);

our @held;

# so many idle streams, which stay

sub streams {
    my ($nginx, $n) = @_;

    for (1 .. $n) {
        my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                      PeerPort => $nginx->port)
            or die "connect: $!\n";

        print $s "GET /chat/lobby HTTP/1.1\r\nHost: x\r\n"
                 . "Accept: text/event-stream\r\n\r\n";
        push @held, $s;
    }

    for my $s (@held[-$n .. -1]) {
        my $seen = '';

        while ($seen !~ /"type":"joined"/) {
            sysread($s, $seen, 4096, length $seen) or die "no stream: $seen\n";
        }
    }
}


sub leave { @held = () }

run_tests();

__DATA__

=== TEST 1: twenty thousand writes to each kind of stream
--- chat_config
gzip on;
gzip_types *;
gzip_min_length 1;
--- chat
timeout 30
a: enter ws /chat/lobby
one: enter sse /chat/lobby
tls: sse /chat/?rooms=x,lobby tls
tls: recv {"type":"welcome"}
2 * tls: recv {"type":"joined"}
h2: enter sse /chat/lobby via=h2
fetch: stream /chat/ via=h2 [{"type":"join","room":"lobby"}]
fetch: recv {"type":"welcome"}
fetch: recv {"type":"joined"}
a: pump 3000 window=1 to=one,tls,h2,fetch {"type":"message","room":"lobby","text":"$i"}
a: rss before
a: pump 20000 window=1 to=one,tls,h2,fetch {"type":"message","room":"lobby","text":"$i"}
a: rss after
check <<$after - $before < 200>>
c: get /chat-status
c: expect 200 {"messages_total":23000,"deliveries_total":115000,"buffer_bytes":0}



=== TEST 2: an idle one over HTTP/1.1 takes less than 3 KB
--- chat
a: enter ws /chat/lobby
call streams 50
a: rss before
call streams 350
a: rss after
check <<$after - $before < 350 * 3>>
call leave
