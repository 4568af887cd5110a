package ChatTest::Script;

# What a conversation does to nginx, and what belongs to no client.

use strict;
use warnings;

use Time::HiRes qw(sleep time);

use ChatTest::Client;
use ChatTest::Nginx;


sub all_reload {
    my ($self, $arg) = @_;

    $self->{nginx}->reload($self->{timeout} * 2, $arg eq 'fails');
}


# kill9 CLIENT, $pid or any

sub all_kill9 {
    my ($self, $arg) = @_;

    $arg = $self->text($arg);

    my $pid = $arg =~ /^\d+$/ ? $arg
            : $arg eq '' || $arg eq 'any' ? ($self->{nginx}->serving)[0]
            : $self->other_client($arg)->worker;

    $self->{nginx}->kill9($pid, $self->{timeout} * 2);
}


# point NAME: the next worker that comes by there is killed

sub all_point {
    my ($self, $arg) = @_;

    $arg = $self->text($arg);

    my $file = $self->{nginx}->root . '/logs/test_point';

    # whoever that will be
    $self->{nginx}->allow(qr/worker process \d+ exited on signal 9/,
                          qr/shared memory zone "\S+" was locked by \d+/);

    if ($arg eq 'passed') {
        $self->{nginx}->until_true($self->{timeout},
            'nobody came by the test point', sub { !-e $file });
        $self->{nginx}->wait_for_workers($self->{timeout} * 2);
        return;
    }

    # all at once, for a worker that reads it
    open my $out, '>', "$file.new" or die "$file: $!\n";
    print $out $arg;
    close $out;
    chmod 0666, "$file.new";
    rename "$file.new", $file or die "$file: $!\n";
}


sub all_drained {
    my ($self, $arg) = @_;

    $self->{nginx}->drained($arg || $self->{timeout} * 2);
}


sub all_workers {
    my ($self, $arg) = @_;

    $self->{nginx}->wait_for_workers($self->{timeout} * 2, $arg || undef);
}


# edit s/from/to/: of nginx.conf, for the next reload

sub all_edit {
    my ($self, $arg) = @_;

    my $file = $self->{nginx}->conf_file;
    local $_ = ChatTest::Nginx::slurp($file) // die "$file: $!\n";
    my $was = $_;

    eval "$arg; 1" or die "$arg: $@";
    die "nothing changed\n" if $_ eq $was;

    open my $out, '>', $file or die "$file: $!\n";
    print $out $_;
    close $out;
}


sub all_signal {
    my ($self, $arg) = @_;

    my ($sig, $who) = split ' ', $self->text($arg);

    my $pid = !defined $who ? undef
            : $who =~ /^\d+$/ ? $who
            : $self->other_client($who)->worker;

    $self->{nginx}->signal($sig, $pid);
}


sub all_log {
    my ($self, $arg) = @_;

    my ($re) = $arg =~ m{^/(.*)/$} or die "log /regex/\n";
    $self->{nginx}->wait_for_log($self->{timeout}, qr/$re/, $self->{mark});
}


sub all_nolog {
    my ($self, $arg) = @_;

    my ($re) = $arg =~ m{^/(.*)/$} or die "nolog /regex/\n";
    die "in the log: $&\n"
        if $self->{nginx}->log($self->{mark}) =~ /^.*(?:$re).*$/m;
}


# logged FILE /regex/: a line of another log in the same folder

sub all_logged {
    my ($self, $arg) = @_;

    my ($file, $re) = $arg =~ m{^(\S+)\s+/(.*)/$}
        or die "logged FILE /regex/\n";

    $file = $self->{nginx}->root . "/logs/$file";
    $re = $self->text($re);

    $self->{nginx}->until_true($self->{timeout}, "no line matches $re", sub {
        (ChatTest::Nginx::slurp($file) // '') =~ /$re/m;
    });
}


sub all_allow {
    my ($self, $arg) = @_;

    my ($re) = $arg =~ m{^/(.*)/$} or die "allow /regex/\n";
    $self->{nginx}->allow(qr/$re/);
}


# await PATH PATTERN: ask until the answer is so

sub all_await {
    my ($self, $arg) = @_;

    my $c = ChatTest::Client->new('await', $self->{nginx});
    $self->await_answer($c, '', $arg);
}


# the same by a client, on the connection that it may have

sub do_await {
    my ($self, $c, $arg) = @_;

    $self->await_answer($c, ' keep', $arg);
}


sub await_answer {
    my ($self, $c, $options, $arg) = @_;

    my ($path, $want) = split ' ', $arg, 2;
    my $end = $self->deadline;
    my $why;

    for (;;) {
        $self->http($c, 'GET', "$path$options");
        return if eval { $self->compare($c->{body}, $want); 1 };
        $why = $@;
        last if time > $end;
        sleep 0.03;
    }

    die "in vain: $why";
}


sub all_let {
    my ($self, $arg) = @_;

    my ($name, $value) = $arg =~ /^(\w+)\s*=\s*(.*)$/ or die "let x = value\n";

    $value = $self->text($value);
    $value = evaluate($1) if $value =~ /^<<(.*)>>$/s;

    $self->{vars}{$name} = $value;
}


# check <<perl>>: is true

sub all_check {
    my ($self, $arg) = @_;

    my ($code) = $self->text($arg) =~ /^<<(.*)>>$/s or die "check <<perl>>\n";

    evaluate($code) or die "not true: $code\n";
}


sub evaluate {
    my $code = shift;

    my $result = eval $code;
    die "$code: $@" if $@;
    return $result;
}


# call NAME [ARGUMENTS]: a sub of the test's own file, with the nginx first

sub all_call {
    my ($self, $arg) = @_;

    my ($name, @args) = split ' ', $self->text($arg);

    my $code = main->can($name) or die "the test has no sub $name\n";
    $code->($self->{nginx}, @args);
}


sub all_sleep { sleep $_[1] }

# timeout SECONDS: more of them where everything is slower

sub all_timeout { $_[0]{timeout} = $_[1] * $_[0]{factor} }

sub all_end { die "end without repeat\n" }

1;
