#!/usr/bin/perl

# Who did what to whom: the room ~audit and chat_audit_log.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Socket::INET;
use ChatTest;

my $syslog;


# lines that the file has, one command after the other

sub lines {
    my ($nginx, $file, @want) = @_;

    my $path = $nginx->root . "/logs/$file";
    my @got;

    $nginx->until_true(10, "$path has other lines", sub {
        open my $in, '<', $path or return 0;
        @got = <$in>;
        return @got == @want;
    });

    for my $n (0 .. $#want) {
        die "line: $got[$n]" if $got[$n] !~ /$want[$n]/;
    }
}


sub kicked {
    lines($_[0], 'audit.log',
        qr/^\{"ts":\d{13},"action":"kick","by":\{"id":"own"\},"in":"lobby","target":"ann","reason":"a \\"b\\""\}$/,
        qr/^\{"ts":\d{13},"action":"room","by":\{"id":"own"\},"in":"lobby","set":\{"topic":"x"\}\}$/);
}


# the file is moved away, and nginx told

sub reopened {
    my $nginx = shift;
    my $path = $nginx->root . '/logs/audit.log';

    rename $path, "$path.1" or die "rename: $!";
    kill 'USR1', $nginx->master;

    $nginx->until_true(10, 'no new file', sub { -e $path });
}


sub again {
    lines($_[0], 'audit.log',
        qr/"action":"ban","by":\{"id":"own"\},"target":"bob","for_ms":60000\}$/);
    lines($_[0], 'audit.log.1', qr/kick/, qr/room/);
}


sub received {
    my $buf;

    local $SIG{ALRM} = sub { die "nothing came to syslog\n" };
    alarm 10;
    $syslog->recv($buf, 65536);
    alarm 0;

    die "syslog: $buf\n"
        if $buf !~ /^<\d+>.* chat: \{"ts":\d+,"action":"mute",.*"target":"ann"\}\z/;
}


$syslog = IO::Socket::INET->new(Proto => 'udp', LocalAddr => '127.0.0.1')
    or die "syslog: $!";
$ENV{TEST_NGINX_SYSLOG} = $syslog->sockport;

run_tests();

__DATA__

=== TEST 1: the room, and the file, which is opened again
--- chat_http
chat_zone   zone=main:8m;
chat_rooms  main  l*  create=on;
chat_rooms  main  *   create=off;
--- chat_config
chat_user       $http_x_user trusted;
chat_role       owner user=own;
chat_role       moderator user=mod;
chat_audit_log  logs/audit.log;
--- chat
o: ws /chat/~audit header="X-User: own"
o: recv {"type":"welcome"}
o: recv {"type":"joined","room":"~audit","head":0}
a: enter ws /chat/lobby header="X-User: ann" other=o
p: post /chat/ header="X-User: own" [{"type":"kick","id":1,"room":"lobby","user":"ann","reason":"a \"b\""},{"type":"kick","id":2,"room":"lobby","user":"own"},{"type":"room","id":3,"room":"lobby","set":{"topic":"x"}},{"type":"room","id":4,"room":"lobby"}]
p: expect 200 [{"type":"ok"},{"type":"error","code":"forbidden"},{"type":"ok"},{"type":"ok"}]
o: recv {"type":"audit","room":"~audit","id":"<id>","ts":"<int>","action":"kick","by":{"id":"own"},"in":"lobby","target":"ann","reason":"a \"b\""}
o: recv {"type":"audit","action":"room","in":"lobby","set":{"topic":"x"}}
o: none
call kicked
call reopened
p: post /chat/ header="X-User: own" [{"type":"ban","id":1,"user":"bob","for_ms":60000}]
p: expect 200 [{"type":"ok"}]
o: recv {"type":"audit","action":"ban","in":"<absent>","target":"bob","for_ms":60000}
call again
# by history and as a stream; nobody writes to it
h: get /chat/~audit header="X-User: own"
h: expect 200 {"head":3,"events":[{"action":"kick"},{"action":"room"},{"action":"ban"}]}
s: sse /chat/~audit?last=1 header="X-User: own"
s: recv {"type":"welcome"}
s: recv {"type":"joined","page":{"events":[{"action":"ban"}]}}
o: ask {"type":"message","id":5,"room":"~audit","text":"x"} -> {"type":"error","code":"not_found"}
o: ask {"type":"signal","id":6,"room":"~audit","name":"x"} -> {"type":"error","code":"not_found"}
p: post /chat/~audit header="X-User: own" {"text":"x"}
p: expect 404
# for others there is none
m: enter ws /chat/lobby header="X-User: mod"
m: ask {"type":"join","id":1,"room":"~audit"} -> {"type":"error","code":"not_found"}
m: ask {"type":"history","id":2,"room":"~audit"} -> {"type":"error","code":"not_found"}
m: ask {"type":"join","id":3,"room":"~other"} -> {"type":"error","code":"bad_request"}
h: get /chat/~audit header="X-User: mod"
h: expect 404 {"code":"not_found"}
s: sse /chat/~audit header="X-User: mod" status=404



=== TEST 2: syslog
--- chat_config
chat_user       $http_x_user trusted;
chat_role       owner user=own;
chat_audit_log  syslog:server=127.0.0.1:$TEST_NGINX_SYSLOG,tag=chat;
--- chat
p: post /chat/ header="X-User: own" [{"type":"mute","id":1,"user":"ann"}]
p: expect 200 [{"type":"ok"}]
call received



=== TEST 3: what nginx -t says
--- chat
accepted chat chat_audit_log off;
refused chat chat_audit_log logs/a; chat_audit_log logs/b; => "chat_audit_log" directive is duplicate
refused chat chat_audit_log; => invalid number of arguments in "chat_audit_log" directive
