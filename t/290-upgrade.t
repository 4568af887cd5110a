#!/usr/bin/perl

# USR2: another nginx takes over, on the same sockets, with a memory of its own.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;

my $old;


# the master that there is, before another one writes nginx.pid

sub note_master {
    my $nginx = shift;

    $old = $nginx->master;
}


sub upgraded {
    my $nginx = shift;

    $nginx->until_true(10, 'there is no other master', sub {
        my $pid = eval { $nginx->master };
        defined $pid && $pid != $old;
    });

    $nginx->wait_for_workers(10);
}


sub quit_old {
    my $nginx = shift;

    $nginx->signal('QUIT', $old);
}


sub old_is_gone {
    my $nginx = shift;

    $nginx->until_true(10, 'the old master is still there', sub {
        !ChatTest::Nginx::running($old);
    });
}


run_tests();

__DATA__

=== TEST 1: clients of the old one move to the new one, and are told what it means
--- chat_config
chat_user   ann;
chat_drain  1s;
--- chat
a: ws /chat/lobby
a: recv {"type":"welcome"}
a: recv {"type":"joined","epoch":"$e=<epoch>"}
b: enter ws /chat/lobby other=a
a: send {"type":"message","id":1,"room":"lobby","text":"one"}
a: recv {"type":"ok","id":"$one=<id>"}
a: recv {"text":"one"}
b: recv {"text":"one"}
call note_master
signal USR2
call upgraded
# two of them serve now, each its own
a: send {"type":"message","room":"lobby","text":"two"}
a: recv {"id":"$e-2","text":"two"}
b: recv {"id":"$e-2","text":"two"}
call quit_old
a: recv {"type":"reconnect"}
b: recv {"type":"reconnect"}
a: recv {"type":"closing","code":1012,"reconnect":true}
a: closed 1012
b: recv {"type":"closing","code":1012,"reconnect":true}
b: closed 1012
call old_is_gone
a: ws /chat/
a: recv {"type":"welcome"}
a: send {"type":"join","id":1,"room":"lobby","after":"$one"}
a: recv {"type":"joined","recovered":false,"missed":null,"head":0}
a: send {"type":"message","id":2,"room":"lobby","text":"three"}
a: recv {"type":"ok","id":"<< $_ =~ /-1$/ && $_ ne '$one' >>"}
s: get /chat-status
s: expect 200 {"workers":2,"sessions":1,"messages_total":1}
