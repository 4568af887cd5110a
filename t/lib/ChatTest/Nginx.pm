package ChatTest::Nginx;

# The nginx under test: its processes and its error log.

use strict;
use warnings;

use Time::HiRes qw(sleep time);

use ChatTest::Socket;

my $STEP = 0.02;


# new root => SERVROOT, port => N; next to it are one for TLS, and two more of
# the kind whose sockets buffer little

sub new {
    my ($class, %o) = @_;

    return bless { %o, allowed => [] }, $class;
}


sub port {
    my ($self, $tls, $narrow) = @_;

    return $self->{port} + ($tls ? 1 : 0) + ($narrow ? 2 : 0);
}

sub root { return $_[0]{root} }

sub conf_file { return "$_[0]{root}/conf/nginx.conf" }


sub slurp {
    my $name = shift;

    open my $in, '<', $name or return undef;
    local $/;
    return scalar <$in>;
}


# until_true(SECONDS, WHAT, CODE, [STEP]): call CODE until it is true

sub until_true {
    my ($self, $seconds, $what, $code, $step) = @_;

    my $end = time + $seconds;

    for (;;) {
        my $result = $code->();
        return $result if $result;
        die "timeout: $what\n" if time > $end;
        sleep($step // $STEP);
    }
}


# processes

sub master {
    my $self = shift;

    my $pid = slurp("$self->{root}/logs/nginx.pid") // '';
    return $pid =~ /^(\d+)/ ? $1 : die "nginx is not running\n";
}


# state, parent and, without master_process, no worker's title

sub process {
    my $pid = shift;

    my $stat = slurp("/proc/$pid/stat") // return undef;
    my ($state, $parent) = $stat =~ /\) (\S) (\d+)/ or return undef;

    my $title = slurp("/proc/$pid/cmdline") // '';
    $title =~ tr/\0/ /;

    return { pid => $pid, state => $state, parent => $parent,
             title => $title };
}


sub running {
    my $p = process(shift) or return 0;

    return $p->{state} !~ /^[ZX]$/;
}


# the children of the master that are workers: { pid => 'serving' | 'leaving' }

sub workers {
    my $self = shift;

    my $master = $self->master;
    my %workers;

    opendir my $proc, '/proc' or die "/proc: $!\n";

    for my $pid (grep { /^\d+$/ } readdir $proc) {
        my $p = process($pid) or next;

        next if $p->{parent} != $master || $p->{state} =~ /^[ZX]$/;
        next if $p->{title} !~ /nginx: worker process/;

        $workers{$pid} = $p->{title} =~ /is shutting down/ ? 'leaving'
                                                           : 'serving';
    }

    return \%workers;
}


sub serving {
    my $self = shift;

    my $w = $self->workers;
    my @pids = sort { $a <=> $b } grep { $w->{$_} eq 'serving' } keys %$w;
    return @pids;
}


# how many there ought to be, by the configuration as it is now

sub wanted {
    my $self = shift;

    my $conf = slurp($self->conf_file) // die "no nginx.conf\n";
    return $conf =~ /^\s*worker_processes\s+(\d+)/m ? $1 : 1;
}


sub wait_for_workers {
    my ($self, $seconds, $n) = @_;

    $n //= $self->wanted;
    return $self->until_true($seconds, "there are not $n workers", sub {
        my @now = $self->serving;
        @now == $n;
    });
}


# the worker that has accepted the connection from a client's port

sub worker_of_port {
    my ($self, $client, $server) = @_;

    my $inode = $self->until_true(5, 'no worker took the connection', sub {
        my $socket = ChatTest::Socket::look($server, $client);
        $socket && $socket->{inode};
    }, 0.001);

    my $master = $self->master;

    for my $pid ($master, keys %{ $self->workers }) {
        for my $fd (glob "/proc/$pid/fd/*") {
            my $to = readlink $fd;
            return $pid if defined $to && $to eq "socket:[$inode]";
        }
    }

    die "no worker has the connection (without the right to look?)\n";
}


# what a process has in memory for itself, kB: not the zones, which fill up

sub memory {
    my ($self, $pid) = @_;

    my $status = slurp("/proc/$pid/status") // die "$pid is gone\n";
    my %kb = $status =~ /^(VmRSS|RssShmem):\s+(\d+) kB/mg;

    return $kb{VmRSS} - $kb{RssShmem};
}


# taken(SECONDS, CLIENT'S PORT, SERVER'S PORT): until the server's process has
# read all that the client has written

sub taken {
    my ($self, $seconds, $client, $server) = @_;

    $self->until_true($seconds, 'nginx does not read', sub {
        my $here = ChatTest::Socket::look($client, $server);
        my $there = ChatTest::Socket::look($server, $client);

        # of a connection that is gone nothing is left
        !($here && $here->{unsent}) && !($there && $there->{unread});
    }, 0.0005);
}


sub signal {
    my ($self, $sig, $pid) = @_;

    kill $sig, $pid // $self->master or die "kill -$sig: $!\n";
}


# HUP, until new workers have taken over; or, if it has to fail, until the
# error is logged

sub reload {
    my ($self, $seconds, $must_fail) = @_;

    my %old;

    # nginx may have begun just now
    $self->until_true($seconds, 'reload needs master_process on', sub {
        %old = map { $_ => 1 } $self->serving;
    });

    my $from = $self->log_size;
    $self->signal('HUP');

    if ($must_fail) {
        push @{ $self->{allowed} }, qr/\[emerg\]/;
        $self->until_true($seconds, 'the reload did not fail', sub {
            $self->log($from) =~ /\[emerg\]/;
        });
        return;
    }

    my $n = $self->wanted;

    $self->until_true($seconds, "no $n new workers", sub {
        my @now = $self->serving;

        die "the reload failed: $1\n"
            if $self->log($from) =~ /(\[emerg\].*)/;

        @now == $n && !grep { $old{$_} } @now;
    });
}


# until the workers of former configurations are gone

sub drained {
    my ($self, $seconds) = @_;

    $self->until_true($seconds, 'old workers are still there', sub {
        !grep { $_ eq 'leaving' } values %{ $self->workers };
    });
}


# what nginx says when one of its workers dies is no surprise then

sub expect_death {
    my ($self, $pid) = @_;

    push @{ $self->{allowed} },
        qr/worker process $pid exited on signal 9/,
        qr/shared memory zone "\S+" was locked by $pid/;
}


sub kill9 {
    my ($self, $pid, $seconds) = @_;

    my $w = $self->workers;
    my $was = $w->{$pid} // die "$pid is no worker\n";

    $self->expect_death($pid);
    $self->signal('KILL', $pid);

    $self->until_true($seconds, "$pid is still there", sub {
        !running($pid);
    });

    # a leaving one is not replaced
    $self->wait_for_workers($seconds) if $was eq 'serving';
}


# the error log

sub log_file { return "$_[0]{root}/logs/error.log" }

sub log_size { return -s $_[0]->log_file || 0 }


sub log {
    my ($self, $from) = @_;

    open my $in, '<', $self->log_file or return '';
    seek $in, $from || 0, 0;
    local $/;
    return scalar(<$in>) // '';
}


sub wait_for_log {
    my ($self, $seconds, $re, $from) = @_;

    $self->until_true($seconds, "no line of the error log matches $re", sub {
        $self->log($from) =~ /$re/m;
    });
}


sub allow {
    my ($self, @re) = @_;

    push @{ $self->{allowed} }, @re;
}


# A clean end: QUIT, and every process has to be gone in time.  Returns what
# went wrong.

sub stop {
    my ($self, $seconds) = @_;

    my $pid = eval { $self->master } // return ();
    return () if !running($pid);

    my @pids = ($pid, keys %{ $self->workers });
    my @wrong;

    kill 'QUIT', $pid;

    for my $sig ('TERM', 'KILL', '') {
        my $left = eval {
            $self->until_true($seconds, 'still there', sub {
                !grep { running($_) } @pids;
            });
        };

        return @wrong if $left;

        my @still = map { "$_->{pid} ($_->{title})" } grep { defined }
                    map { process($_) } grep { running($_) } @pids;
        push @wrong, "nginx did not stop in $seconds s: @still";

        kill $sig, grep { running($_) } @pids if $sig;
    }

    return @wrong;
}


# lines that nobody may see in the log of a test, but for those allowed

sub bad_lines {
    my ($self, @logs) = @_;

    my @bad;

    for my $line (split /\n/, $self->log) {
        next if $line !~ /\[(?:alert|crit|emerg)\]|Sanitizer|runtime error:/;
        next if grep { $line =~ $_ } @{ $self->{allowed} };
        push @bad, $line;
    }

    # what ASan and valgrind leave beside it
    for my $file (@logs) {
        my $text = slurp($file) // next;

        # LeakSanitizer looks at threads, and one ended meanwhile: no report
        $text =~ s/^==\d+==Unable to get registers from thread \d+\.\n//mg;
        next if $text !~ /\S/;
        push @bad, "$file:", split /\n/, $text;
    }

    return @bad;
}


# $code->() comes to be $want, so many times in a row: by every worker

sub settles {
    my ($self, $seconds, $times, $want, $code) = @_;

    my $row = 0;

    $self->until_true($seconds, "no $want $times times in a row", sub {
        $row = $code->() == $want ? $row + 1 : 0;
        return $row >= $times;
    });
}


# it is so all the time, until the error log has these words

sub stays {
    my ($self, $seconds, $words, $want, $code) = @_;

    $self->until_true($seconds, "not logged: $words", sub {
        my $got = $code->();
        die "$got, not $want\n" if $got != $want;

        return index(slurp($self->log_file) // '', $words) >= 0;
    });
}


sub forget {
    my $self = shift;

    $self->{allowed} = [];
}

1;
