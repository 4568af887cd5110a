#!/usr/bin/perl

# The state file: what outlives nginx.  A guest stays the same guest as long as
# the secret of the tokens does, which is a row of the table like any other.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest points => 1;

my $old;


sub path { return $_[0]->root . '/logs/state' . ($_[1] // '') }


# nginx ends, by whatever signal, and another one begins with the same files

sub end_by {
    my ($nginx, $signal) = @_;

    my $master = $nginx->master;
    my @pids = ($master, keys %{ $nginx->workers });

    kill $signal, ($signal eq 'KILL') ? @pids : $master;

    $nginx->until_true(10, 'nginx is still there', sub {
        !grep { ChatTest::Nginx::running($_) } @pids;
    });

    unlink $nginx->root . '/logs/nginx.pid';
}


sub launch {
    my ($nginx, @more) = @_;

    my $binary = $ENV{TEST_NGINX_BINARY} // 'nginx';
    my $root = $nginx->root;

    # who can't start frees nothing: that is nginx's way
    local $ENV{ASAN_OPTIONS} = ($ENV{ASAN_OPTIONS} // '') . ':detect_leaks=0';

    my $out = `$binary -p $root/ -c $root/conf/nginx.conf @more 2>&1`;

    return ($? >> 8, $out);
}


sub start {
    my $nginx = shift;

    my ($status, $out) = launch($nginx);
    die "nginx: $out\n" if $status;

    $nginx->wait_for_workers(10);
}


sub restart {
    my ($nginx, $signal) = @_;

    end_by($nginx, $signal);
    start($nginx);
}


sub fails { die "it started\n" if !(launch($_[0]))[0] }


sub tested {
    my $nginx = shift;

    my @before = map { [ (stat path($nginx, $_))[7, 9, 10] ] } '', '.alt';
    my ($status, $out) = launch($nginx, '-t');
    die "nginx -t: $out\n" if $status;
    my @after = map { [ (stat path($nginx, $_))[7, 9, 10] ] } '', '.alt';

    die "nginx -t wrote\n"
        if join(',', map { @$_ } @before) ne join(',', map { @$_ } @after);
}


# the bytes of both files, which must not be readable by others

sub private {
    my $nginx = shift;

    for my $name ('', '.alt') {
        my $mode = (stat path($nginx, $name))[2] // die "no file\n";
        die sprintf("mode %o\n", $mode) if ($mode & 0777) != 0600;
    }
}


sub cut {
    my ($nginx, $bytes) = @_;

    for my $name ('', '.alt') {
        my $size = -s path($nginx, $name) or next;
        truncate path($nginx, $name), $size - $bytes;
    }
}


sub note_master { $old = $_[0]->master }

sub upgraded {
    my $nginx = shift;

    $nginx->until_true(10, 'there is no other master', sub {
        my $pid = eval { $nginx->master };
        defined $pid && $pid != $old;
    });

    $nginx->wait_for_workers(10);
}


sub quit_old { $_[0]->signal('QUIT', $old) }


run_tests();

__DATA__

=== TEST 1: a guest stays the same guest after a stop, a quit and kill -9 of all
--- chat_http
chat_zone  zone=main:8m  state=logs/state;
--- chat
a: ws /chat/
a: recv {"type":"welcome","user":{"id":"$id=<string>"},"guest_token":"$token=<string>"}
a: close 1000
a: closed 1000
s: get /chat-status
s: expect 200 {"state":"ok","state_unsaved":0,"kept":1}
call private
call tested
call restart TERM
a: ws /chat/ proto=chat.v1,bearer.$token
a: recv {"type":"welcome","user":{"id":"$id"}}
a: drop
call restart KILL
a: ws /chat/ proto=chat.v1,bearer.$token
a: recv {"type":"welcome","user":{"id":"$id"}}
a: close 1000
a: closed 1000
call restart QUIT
call restart QUIT
a: ws /chat/ proto=chat.v1,bearer.$token
a: recv {"type":"welcome","user":{"id":"$id"}}
a: drop
# a torn tail: the table is in the other file, too
call end_by KILL
call cut 20
call start
a: ws /chat/ proto=chat.v1,bearer.$token
a: recv {"type":"welcome","user":{"id":"$id"}}
log /the state file of chat zone "main" is damaged/
kill9 any
s: await /chat-status {"state":"ok","state_unsaved":0}



=== TEST 2: reloads keep the file, also to another size; another file needs a restart
--- chat_http
chat_zone  zone=main:8m  state=logs/state  state_sync=always;
--- chat
a: ws /chat/
a: recv {"type":"welcome","user":{"id":"$id=<string>"},"guest_token":"$token=<string>"}
a: close 1000
a: closed 1000
reload
edit s/main:8m/main:9m/
reload
drained
await /chat-status {"state":"ok","state_unsaved":0}
edit s/state /another /
allow /keeps its state in/
reload fails
log /chat zone "main" keeps its state in ".*state": another "state=" needs a restart/
edit s/another /state /
call restart TERM
a: ws /chat/ proto=chat.v1,bearer.$token
a: recv {"type":"welcome","user":{"id":"$id"}}



=== TEST 3: a zone gets a file by a reload, and keeps what it has
--- chat_http
chat_zone  zone=main:8m;
--- chat
a: ws /chat/
a: recv {"type":"welcome","user":{"id":"$id=<string>"},"guest_token":"$token=<string>"}
a: close 1000
a: closed 1000
s: get /chat-status
s: expect 200 {"state":"off"}
edit s/main:8m/main:8m state=logs\/state state_sync=off/
reload
await /chat-status {"state":"ok","kept":1}
call restart KILL
a: ws /chat/ proto=chat.v1,bearer.$token
a: recv {"type":"welcome","user":{"id":"$id"}}



=== TEST 4: a binary upgrade: the new one reads the file, and has it when the old one is gone
--- chat_http
chat_zone  zone=main:8m  state=logs/state;
--- chat_config
chat_drain  1s;
--- chat
a: ws /chat/
a: recv {"type":"welcome","user":{"id":"$id=<string>"},"guest_token":"$token=<string>"}
a: close 1000
a: closed 1000
call note_master
signal USR2
call upgraded
log /the state file ".*state" is read, and written as soon as the nginx that has it has quit/
call quit_old
log /the state file ".*state" is taken over/
await /chat-status {"state":"ok","state_unsaved":0,"kept":1}
a: ws /chat/ proto=chat.v1,bearer.$token
a: recv {"type":"welcome","user":{"id":"$id"}}



=== TEST 5: two nginx never have one file; what is no state file is not touched
--- chat_http
chat_zone  zone=main:8m  state=logs/state;
--- chat
s: get /chat-status
s: expect 200 {"state":"ok"}
allow /is in use by another nginx/
edit s/listen\s+[^;]*;/listen unix:other.sock;/g
edit s/^pid.*/pid logs\/other.pid;/m
call fails
log /the state file ".*state" is in use by another nginx, write another "state=" or stop that one/
s: get /chat-status
s: expect 200 {"state":"ok"}
refused http chat_zone zone=main:8m state=/; => can't be
refused http chat_zone zone=main:8m state=/no/such/dir/state; => needs a directory that is there
refused http chat_zone zone=main:8m state=conf/nginx.conf; => is no state file, write another "state=" or remove it
refused http chat_zone zone=main:8m state=; => write a file's name
refused http chat_zone zone=main:8m state=a state=b; => invalid parameter "state=b"
refused http chat_zone zone=main:8m state=a state_sync=2s; => write "1s", "always" or "off"
refused http chat_zone zone=main:8m state_sync=off; => "state_sync=" needs "state=FILE"
refused http chat_zone zone=a:8m state=x; chat_zone zone=b:8m state=x; => "state=x" is the state file of chat zone "a"
refused http chat_zone zone=a:8m state=x; chat_zone zone=b:8m state=x.alt; => "state=x.alt" is the state file of chat zone "a"
refused http chat_zone zone=a:8m state=x.alt; chat_zone zone=b:8m state=x; => "state=x" is the state file of chat zone "a"
refused http chat_zone state=x; => write "zone=NAME:SIZE" once
accepted http chat_zone state=x zone=main:8m state_sync=1s;
