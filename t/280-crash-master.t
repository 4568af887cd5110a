#!/usr/bin/perl

# kill -9 of a worker when the master can't help: it is stopped, or in the
# middle of a slow reload, or has no interest in that worker any more.

use strict;
use warnings;

use POSIX qw(mkfifo);

use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest points => 1;


# an included file whose reading takes as long as we like

sub fifo { return $_[0]->root . '/conf/slow.conf' }


sub make_fifo {
    my $nginx = shift;

    mkfifo(fifo($nginx), 0600) or die "mkfifo: $!\n";
}


sub master_waits {
    my $nginx = shift;

    # openat(), of x86-64 and of arm64
    my $master = $nginx->master;

    $nginx->until_true(10, 'the master does not read slow.conf', sub {
        ChatTest::Nginx::slurp("/proc/$master/syscall") =~ /^(?:257|56) /;
    });
}


sub master_goes_on {
    my $nginx = shift;

    # nothing in it is all right, too
    open my $out, '>', fifo($nginx) or die "slow.conf: $!\n";
    close $out;
    unlink fifo($nginx);
}


run_tests();

__DATA__

=== TEST 1: the master is stopped: the others go on at once
--- chat_config
chat_user  ann;
--- chat
a: enter ws /chat/lobby
b: ws /chat/lobby other=a
b: recv {"type":"welcome"}
b: recv {"type":"joined","epoch":"$e=<epoch>"}
a: send {"type":"message","id":1,"room":"lobby","text":"one"}
a: recv {"type":"ok","id":"$e-1"}
a: recv {"text":"one"}
b: recv {"text":"one"}
s: get /chat-status same=b keep
signal STOP
point append:mid
a: send {"type":"message","room":"lobby","text":"half"}
a: end
# a zombie, which holds the lock
b: send {"type":"message","id":1,"room":"lobby","text":"two"}
b: recv {"type":"ok","id":"$e-2"}
b: recv {"id":"$e-2","text":"two"}
s: get /chat-status keep
s: expect 200 {"repairs_total":1}
# and is no follower for long
s: await /chat-status {"workers":1,"sessions":1,"subscriptions":1}
log /chat zone "main" was repaired after a process died/
signal CONT
workers 2
await /chat-status {"workers":2,"sessions":1,"repairs_total":1}
c: ws /chat/lobby other=b
c: recv {"type":"welcome"}
c: recv {"type":"joined","epoch":"$e","head":2}
b: send {"type":"message","room":"lobby","text":"three"}
b: recv {"id":"$e-3","text":"three"}
c: recv {"id":"$e-3","text":"three"}



=== TEST 2: in the middle of a slow reload
--- chat_config
chat_user   $arg_user trusted;
chat_drain  1s;
--- chat
crowd clients=24 rooms=3 publishers=8 rate=50
call make_fifo
edit s/^http \{/http {\ninclude slow.conf;/m
signal HUP
call master_waits
# who dies now has no successor until the master is done
point head:after
crowd await 50
call master_goes_on
crowd moved 1
drained
crowd await 50
await /chat-status {"workers":2,"sessions":24,"subscriptions":24,"gaps_total":0}
crowd stop



=== TEST 3: an old worker that drains, with the lock: nobody starts it again
--- chat
a: ws /chat/lobby
a: recv {"type":"welcome"}
a: recv {"type":"joined","epoch":"$e=<epoch>"}
reload
a: recv {"type":"reconnect"}
b: enter ws /chat/lobby
await /chat-status {"workers":3,"sessions":2}
point segment:unlinked
a: send {"type":"message","room":"lobby","text":"lost"}
a: end
b: send {"type":"message","id":1,"room":"lobby","text":"one"}
b: recv {"type":"ok","id":"$e-1"}
b: recv {"id":"$e-1","text":"one"}
await /chat-status {"workers":2,"sessions":1,"subscriptions":1,"repairs_total":1}
drained



=== TEST 4: an old worker that drains, killed without the lock
--- chat
a: enter ws /chat/lobby
reload
a: recv {"type":"reconnect"}
await /chat-status {"workers":3,"sessions":1}
kill9 a
await /chat-status {"workers":2,"sessions":0,"subscriptions":0,"repairs_total":0}
drained

