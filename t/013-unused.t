#!/usr/bin/perl

# The module loaded, and no chat configured: it costs nothing.  What is counted
# is counted with a chat, too, where it has to be there.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;


# what a process of nginx has, as the kernel tells it

sub facts {
    my $pid = shift;

    my @maps = split /\n/, ChatTest::Nginx::slurp("/proc/$pid/maps");
    my @fds = map { readlink $_ // () } glob "/proc/$pid/fd/*";

    # where an idle worker is: epoll_wait() of x86-64, epoll_pwait() of arm64;
    # their fourth argument is the time to the next timer, or -1
    my ($call, @args) = split ' ', ChatTest::Nginx::slurp("/proc/$pid/syscall");
    my $waits = $call eq '232' || $call eq '22';

    return {
        shared => scalar(grep { /^\S+ rw-s / } @maps),
        eventfds => scalar(grep { $_ eq 'anon_inode:[eventfd]' } @fds),
        fds => scalar @fds,
        timeout => $waits ? hex($args[3]) & 0xffffffff : undef,
    };
}


# nginx itself shares one page of counters, and has an eventfd in each worker
# (two with --with-file-aio)

sub nothing_there {
    my $nginx = shift;

    my $master = facts($nginx->master);

    die "the master has $master->{shared} shared mappings\n"
        if $master->{shared} != 1;
    die "the master has $master->{eventfds} eventfds\n"
        if $master->{eventfds} != 0;

    for my $pid ($nginx->serving) {
        my $worker = facts($pid);

        die "a worker has $worker->{shared} shared mappings\n"
            if $worker->{shared} != 1;
        die "a worker has $worker->{eventfds} eventfds\n"
            if $worker->{eventfds} > 2;

        $nginx->until_true(5, 'a worker has timers', sub {
            (facts($pid)->{timeout} // 0) == 0xffffffff;
        });
    }
}


sub something_there {
    my $nginx = shift;

    my $master = facts($nginx->master);

    # the zone and the bus; 4 for each worker and 16
    die "the master has $master->{shared} shared mappings\n"
        if $master->{shared} != 3;
    die "the master has $master->{eventfds} eventfds\n"
        if $master->{eventfds} != 4 * 2 + 16;

    for my $pid ($nginx->serving) {
        $nginx->until_true(5, 'a worker has no timer', sub {
            (facts($pid)->{timeout} // 0xffffffff) <= 1000;
        });
    }
}


my %noted;

sub note_fds {
    my $nginx = shift;

    $noted{$_} = facts($_)->{fds} for $nginx->master;
}


sub same_fds {
    my $nginx = shift;

    my $pid = $nginx->master;

    # it may not have heard yet of a worker's end
    $nginx->until_true(5, "not the $noted{$pid} descriptors of before", sub {
        facts($pid)->{fds} == $noted{$pid};
    });
}


run_tests();

__DATA__

=== TEST 1: loaded and not configured
--- config
location = /t {
    return 200 "ok\n";
}
--- chat
call nothing_there
a: get /t
a: expect 200 "ok\n"
call nothing_there



=== TEST 2: with directives, but without a zone
--- config
chat_guest        on;
chat_ping         5s;
chat_message_max  8k;
location = /t {
    return 200 "ok\n";
}
--- http_config
chat_buffers      1m;
--- chat
call nothing_there
a: get /t
a: expect 200 "ok\n"



=== TEST 3: configured
--- chat
call something_there



=== TEST 4: descriptors don't grow by reloads
--- chat
a: enter ws /chat/lobby
a: drop
call note_fds
repeat 5
reload
drained
end
call same_fds
call something_there



=== TEST 5: nginx -t leaves a running nginx alone
--- chat
call note_fds
a: enter ws /chat/lobby
5 * accepted http chat_zone zone=main:16m;
a: send {"type":"message","id":1,"room":"lobby","text":"still here"}
a: recv {"type":"ok","reply_to":1}
call same_fds



=== TEST 6: a log of variables where there is no chat
--- http_config
log_format  chat  '"$chat_room" "$chat_user" "$chat_transport" "$chat_received" "$chat_sent" "$chat_close_code"';
access_log  logs/chat.log  chat;
--- config
location = /t {
    return 200 "ok\n";
}
--- chat
a: get /t
a: expect 200 "ok\n"
call nothing_there
