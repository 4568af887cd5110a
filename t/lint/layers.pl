#!/usr/bin/perl

#     layers.pl DIRECTORY
#
# Which source may include which.  A row includes lower rows, and its own, and
# no headers include each other in a circle; what the rows are is in the table.  A new file
# has its row by the first word after "ngx_chat_", so that ngx_chat_proto_cmd.c
# is "proto", unless its whole name is in the table.

use strict;
use warnings;

my @ROWS = (
    # 0: what every layer shares
    [''],

    # 1, codec: bytes to values and back, no nginx but strings and pools
    [qw(ws utf8 sse json name token error deflate file)],

    # 2, domain: commands, events, permission
    [qw(proto cmd policy direct bucket jwt scope)],

    # 3, store: shared memory, no events
    [qw(store shm segment log room nonce interest limit rate table state repair
        copy proc test mark remote transient presence change hook)],

    # 4, worker: events, other workers, fan-out
    [qw(bus keys apikey fetch guest login passwd ticket hub broker wire
        redis webhook ask)],

    # 5, session: one client, whatever it came by
    [qw(session worker flush dispatch member history replay
       backlog control standing audit purge address inbox)],
);

my $HTTP = 6;
my $EVENTS = 4;

my %row;

for my $n (0 .. $#ROWS) {
    $row{$_} = $n for @{ $ROWS[$n] };
}

my $dir = shift // die "usage: layers.pl DIRECTORY\n";
my $found = 0;
my %uses;

my @files = sort glob "$dir/*.[ch]";
die "$dir: no sources\n" if !@files;

check($_) for @files;
check_circles();

exit($found ? 1 : 0);


sub report {
    my ($where, $rule, $what) = @_;

    print "$where: $rule: $what\n";
    $found++;
}


# "ngx_chat_ws.c" is unit "ws", "ngx_chat.h" is "", "ngx_http_chat_sse.h" is
# "http:sse"

sub unit {
    my $name = shift;

    return "http:$1" if $name =~ /^ngx_http_chat_?(\w*)\.[ch]$/;
    return $1 if $name =~ /^ngx_chat_(\w+)\.[ch]$/;
    return '' if $name =~ /^ngx_chat\.[ch]$/;
    return undef;
}


sub row {
    my $unit = shift;

    return $HTTP if $unit =~ /^http:/;
    return $row{$unit} if exists $row{$unit};

    my ($first) = split /_/, $unit;
    return defined $first ? $row{$first} : undef;
}


sub check {
    my $file = shift;

    (my $name = $file) =~ s{.*/}{};
    my $unit = unit($name);

    if (!defined $unit) {
        report($file, 'name', 'neither ngx_chat_* nor ngx_http_chat_*');
        return;
    }

    my $row = row($unit);

    if (!defined $row) {
        report($file, 'unknown', "in no row: add it to the table in $0");
        return;
    }

    open my $in, '<', $file or die "$file: $!\n";

    while (<$in>) {
        next if !/^\s*#\s*include\s*[<"]([^>"]+)[>"]/;

        my ($what, $where) = ($1, "$file:$.");

        if ($what =~ /^ngx_http/ && $what !~ /^ngx_http_chat[_.]/
            && $row < $HTTP)
        {
            report($where, 'http', "$what, and only ngx_http_chat_* may");
            next;
        }

        if ($what =~ /^ngx_event/ && $row < $EVENTS) {
            report($where, 'event', "$what in row $row, which has no events");
            next;
        }

        my $other = unit($what);
        next if !defined $other;

        if ($what =~ /\.c$/) {
            report($where, 'source', "$what is no header");
            next;
        }

        my $below = row($other);

        if (!defined $below) {
            report($where, 'unknown',
                   "$what is in no row: add it to the table in $0");
            next;
        }

        if ($below > $row) {
            report($where, 'upward', "$what of row $below in row $row");
            next;
        }

        # a .c is never included, so it closes no circle
        if ($name =~ /\.h$/) {
            $uses{$unit}{$other} //= $where;
        }
    }
}


sub check_circles {
    my %state;
    my $visit;

    $visit = sub {
        my ($unit, @path) = @_;

        return if ($state{$unit} // '') eq 'done';

        if (($state{$unit} // '') eq 'open') {
            my @circle = ($unit);
            for my $p (reverse @path) {
                unshift @circle, $p;
                last if $p eq $unit;
            }
            report($uses{$path[-1]}{$unit}, 'circle', join ' -> ', @circle);
            return;
        }

        $state{$unit} = 'open';

        for my $other (sort keys %{ $uses{$unit} || {} }) {
            $visit->($other, @path, $unit);
        }

        $state{$unit} = 'done';
    };

    $visit->($_) for sort keys %uses;
}
