package ChatTest::Script;

# A crowd beside the conversation, see ChatTest::Crowd.

use strict;
use warnings;

use Config;
use File::Basename qw(dirname);
use IPC::Open2 qw(open2);
use Time::HiRes qw(time);

my $lib = dirname(__FILE__) . '/..';


# crowd key=value...: it begins; crowd await N, moved [N], stop

sub all_crowd {
    my ($self, $arg) = @_;

    $arg = $self->text($arg);

    if ($arg =~ /=/) {
        die "there is a crowd already\n" if $self->{crowd};
        $self->crowd_begin(split ' ', $arg);
        $arg = 'moved 0';
    }

    $self->{crowd} or die "there is no crowd\n";
    $arg .= ' 1' if $arg eq 'moved';

    # if it has failed meanwhile, it is gone, and has left the reason
    local $SIG{PIPE} = 'IGNORE';

    my $in = $self->{crowd}{in};
    print $in "$arg\n";

    # it has its own timeout, and says what is missing
    my $out = $self->{crowd}{out};
    my $said = <$out> // "fail: the crowd's process is gone\n";
    chomp $said;

    push @{ $self->{trace} }, "crowd: $arg: $said";

    die "the crowd: $said\n" if $said !~ s/^ok //;
    $self->crowd_end if $arg eq 'stop';
}


sub crowd_begin {
    my ($self, @options) = @_;

    my $pid = open2(my $out, my $in, $Config{perlpath}, "-I$lib",
        '-MChatTest::Crowd', '-e', 'ChatTest::Crowd::main(@ARGV)', '--',
        'port=' . $self->{nginx}->port, "timeout=" . 3 * $self->{timeout},
        @options);

    $in->autoflush(1);
    $self->{crowd} = { pid => $pid, in => $in, out => $out };
}


sub crowd_end {
    my $self = shift;

    my $crowd = delete $self->{crowd} or return;

    # it ends when nobody commands it any more
    close $crowd->{in};
    close $crowd->{out};

    # what Test::Nginx wants to know is another process's status
    local $?;
    waitpid $crowd->{pid}, 0;
}

1;
