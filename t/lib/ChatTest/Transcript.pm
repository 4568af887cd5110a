package ChatTest::Transcript;

# Runs the transcripts of docs/conformance; the format is described in the
# README there.  In a "--- chat" section it is a command of any client:
#
#     t: transcript FILE        every case has to pass
#     t: mistaken FILE          every case has to fail, as its title says

use strict;
use warnings;

use Encode qw(encode);
use Time::HiRes qw(time);

use ChatTest::Client;
use ChatTest::Frame;
use ChatTest::Match;

my %KIND = (
    '*' => sub { 1 },
    '*string' => sub { defined $_[0] && !ref $_[0] && !number($_[0]) },
    '*int' => sub { number($_[0]) && $_[0] =~ /^\d+$/ },
    '*bool' => sub { JSON::PP::is_bool($_[0]) },
    '*object' => sub { ref $_[0] eq 'HASH' },
    '*array' => sub { ref $_[0] eq 'ARRAY' },
    '*id' => sub { text($_[0]) =~ /^[0-9a-z]{10}-[1-9]\d*\z/ },
    '*epoch' => sub { text($_[0]) =~ /^[0-9a-z]{10}\z/ },
);

my %OP = (
    'ws' => \&op_request, ':' => \&op_header, '=' => \&op_status,
    '>' => \&op_send, '>text' => \&op_send_text, '>bin' => \&op_send_binary,
    '<' => \&op_receive, '<text' => \&op_receive_text,
    '<bin' => \&op_receive_binary, 'id' => \&op_id,
    'event' => \&op_event, 'quiet' => \&op_quiet,
    'close' => \&op_close, 'closed' => \&op_closed, 'ended' => \&op_ended,
    map { $_ => \&op_request } qw(GET HEAD POST PUT DELETE OPTIONS),
);


sub number { return ChatTest::Match::is_number($_[0]) }

sub text { return defined $_[0] && !ref $_[0] ? $_[0] : '' }


# run FILE, NGINX, TIMEOUT: a list of { title, why }, why being undef where the
# case has passed

sub run {
    my ($file, $nginx, $timeout) = @_;

    my @results;

    for my $case (cases($file)) {
        my $self = bless {
            nginx => $nginx, timeout => $timeout, clients => {}, order => [],
            vars => {
                room => sprintf('t%x%x', time * 1000, int rand 0xffffff),
                host => '127.0.0.1:' . $nginx->port,
            },
        }, __PACKAGE__;

        my $why;

        for my $line (@{ $case->{lines} }) {
            next if eval { $self->line($line->[1]); 1 };

            chomp($why = $@);
            $why = encode('UTF-8', $why) if utf8::is_utf8($why);
            $why = "$file:$line->[0]: $line->[1]\n  $why";
            last;
        }

        $_->{conn}->drop for values %{ $self->{clients} };

        push @results, { title => $case->{title}, why => $why };
    }

    die "$file has no cases\n" if !@results;

    return @results;
}


sub cases {
    my $file = shift;

    open my $in, '<', $file or die "$file: $!\n";

    my @cases;

    while (my $line = <$in>) {
        chomp $line;
        next if $line =~ /^\s*(?:#|\z)/;

        if ($line =~ /^==\s+(\S.*)\z/) {
            push @cases, { title => $1, lines => [] };

        } elsif (@cases) {
            push @{ $cases[-1]{lines} }, [$., $line];

        } else {
            die "$file:$.: a line before the first case\n";
        }
    }

    return @cases;
}


sub line {
    my ($self, $line) = @_;

    my ($name, $op, $arg) = $line =~ /^([a-z]\w*)\s+(\S+)(?:\s+(.*?))?\s*\z/
        or die "this is no line of a transcript\n";

    my $do = $OP{$op} or die "there is no \"$op\"\n";

    my $c = $self->{clients}{$name};

    if (!$c) {
        $c = $self->{clients}{$name} = {
            conn => ChatTest::Client->new($name, $self->{nginx}),
        };

        push @{ $self->{order} }, $name;
    }

    $do->($self, $c, $arg // '', $op);
}


sub deadline { return time + $_[0]{timeout} }


# $name, $$ and {{text*N}}, in bytes or, of a pattern, in characters

sub fill {
    my ($self, $text) = @_;

    my $value = sub {
        my $v = $self->{vars}{$_[0]} // die "\$$_[0] is not known yet\n";
        return utf8::is_utf8($text) ? $v : encode('UTF-8', $v);
    };

    $text =~ s/\$(?:(\$)|([a-z]\w*))/$1 || $value->($2)/gse;
    $text =~ s/\{\{(.*?)\*(\d+)\}\}/$1 x $2/gse;

    return $text;
}


# requests: collected, and sent by "="

sub op_request {
    my ($self, $c, $arg, $op) = @_;

    die "what was asked before was not answered yet\n" if $c->{request};

    $c->{request} = { method => $op, path => $self->fill($arg),
                      headers => [] };
    delete $c->{done};
}


sub op_header {
    my ($self, $c, $arg) = @_;

    if ($c->{request}) {
        push @{ $c->{request}{headers} }, $self->fill($arg);
        return;
    }

    my ($name, $want) = $arg =~ /^([^:\s]+):\s*(.*)\z/
        or die "a header is \"Name: value\"\n";

    my $have = $c->{conn}{headers} or die "there is no response\n";
    my $value = exists $have->{lc $name} ? join ', ', @{ $have->{lc $name} }
                                         : undef;
    my $why = $self->differs($value, $want, $name);

    die "$why\n" if defined $why;
}


sub op_status {
    my ($self, $c, $want) = @_;

    my $q = delete $c->{request} or die "nothing was asked\n";
    my $conn = $c->{conn};

    # clients of one case are on different workers
    my ($first) = grep { $_->{conn} != $conn && $_->{ws} }
                  map { $self->{clients}{$_} } @{ $self->{order} };

    $conn->opened(timeout => $self->{timeout},
                  $first ? (other => [$first->{conn}]) : ());

    my $end = $self->deadline;

    if ($q->{method} eq 'ws') {
        $conn->upgrade($q->{path}, $end, '', @{ $q->{headers} });

    } else {
        my $body = defined $q->{body} ? join "\n", @{ $q->{body} } : undef;

        $conn->request($q->{method}, $q->{path}, $body, @{ $q->{headers} });
        $conn->read_head($end);
    }

    my $status = $conn->{status};
    my $type = $conn->{headers}{'content-type'}
             ? $conn->{headers}{'content-type'}[0] : '';

    $c->{ws} = $q->{method} eq 'ws' && $status == 101;
    $c->{stream} = $type =~ m{^text/event-stream(?:;|\z)};

    if ($c->{stream}) {
        $conn->stream;

    } elsif (!$c->{ws}) {
        $conn->read_body($end) if $q->{method} ne 'ws';
    }

    die "the status is $status: " . ($conn->{body} // '') . "\n"
        if $status ne $want;
}


# messages

sub op_send {
    my ($self, $c, $arg) = @_;

    my $text = $self->fill($arg);

    if ($c->{request}) {
        push @{ $c->{request}{body} }, $text;
        return;
    }

    $self->ws($c)->send_frame('text', $text);
}


sub op_send_text {
    my ($self, $c, $arg) = @_;

    $self->ws($c)->send_frame('text', bytes($arg));
}


sub op_send_binary {
    my ($self, $c, $arg) = @_;

    $self->ws($c)->send_frame('bin', bytes($arg));
}


sub bytes {
    my $hex = shift;

    $hex =~ s/\s+//g;
    die "these are no bytes\n" if $hex !~ /^(?:[0-9a-f]{2})+\z/;

    return pack 'H*', $hex;
}


sub ws {
    my ($self, $c) = @_;

    die "there is no WebSocket\n" if !$c->{ws};
    return $c->{conn};
}


sub next_data {
    my ($self, $c, $kind) = @_;

    if ($c->{ws} || $c->{stream}) {
        my $m = $c->{conn}->message($self->deadline);

        die said($m) . "\n" if $m->{kind} !~ $kind;

        @$c{'event_id', 'event_name'} = @$m{'id', 'event'};
        return $m->{data};
    }

    die "there is no response\n" if !$c->{conn}{answered};
    die "the body was compared before\n" if $c->{done}++;

    return $c->{conn}{body};
}


sub op_receive_text {
    my ($self, $c, $arg) = @_;

    my $data = $self->next_data($c, qr/^(?:text|event)\z/);
    my $want = encode('UTF-8', $self->fill(ChatTest::Match::decode($arg)));

    die "this has come: $data\n" if $data ne $want;
}


sub op_receive_binary {
    my ($self, $c, $arg) = @_;

    my $data = $self->next_data($c, qr/^bin\z/);

    die 'these have come: ' . unpack('H*', $data) . "\n"
        if $data ne bytes($arg);
}


sub op_receive {
    my ($self, $c, $want) = @_;

    my $data = $self->next_data($c, qr/^(?:text|event)\z/);
    my $value = eval { ChatTest::Match::decode($data) };
    die "no JSON has come: $data\n" if $@;

    my $why = $self->match($value, ChatTest::Match::decode($want), '');
    die "$why\n  in $data\n" if defined $why;
}


sub said {
    my $m = shift;

    return $m->{kind} eq 'close' ? "closed: $m->{code} $m->{reason}"
         : $m->{kind} eq 'end' ? 'the connection has ended'
         : $m->{kind} eq 'timeout' ? 'nothing has come'
         : "this has come: $m->{data}";
}


# id of the event that was received last; *none: it had none

sub op_id {
    my ($self, $c, $want) = @_;

    my $why = $self->differs($c->{event_id}, $want, 'the id');
    die "$why\n" if defined $why;
}


# its name

sub op_event {
    my ($self, $c, $want) = @_;

    my $why = $self->differs($c->{event_name}, $want, 'the event');
    die "$why\n" if defined $why;
}


# nothing is on its way: what is asked now is answered next

sub op_quiet {
    my ($self, $c) = @_;

    $self->ws($c)->send_frame('text', '{"type":"ping","id":"quiet"}');

    my $m = $c->{conn}->message($self->deadline);

    die said($m) . "\n"
        if $m->{kind} ne 'text' || $m->{data} !~ /"reply_to":"quiet"/;
}


sub op_close {
    my ($self, $c, $arg) = @_;

    $self->ws($c)->send_frame('close', $arg eq '' ? '' : pack 'n', $arg);
}


sub op_closed {
    my ($self, $c, $want) = @_;

    my $m = $self->ws($c)->message($self->deadline);

    die said($m) . "\n" if $m->{kind} ne 'close';
    die "closed with $m->{code}\n" if $want ne '' && $m->{code} != $want;

    eval {
        $c->{conn}->send_frame('close', $m->{code} == 1005
                                        ? '' : pack 'n', $m->{code});
    };

    $self->op_ended($c);
}


sub op_ended {
    my ($self, $c) = @_;

    my $m = $c->{conn}->message($self->deadline);

    die said($m) . "\n" if $m->{kind} ne 'end';
    delete $c->{ws};
}


# patterns: undef, or what is wrong.  Members that are not named may be there.

sub match {
    my ($self, $value, $pattern, $path) = @_;

    if (ref $pattern eq 'HASH') {
        return "$path is no object" if ref $value ne 'HASH';

        for my $k (sort keys %$pattern) {
            my $p = $pattern->{$k};

            if (text($p) eq '*none') {
                return "$path.$k is there" if exists $value->{$k};
                next;
            }

            return "$path.$k is missing" if !exists $value->{$k};

            my $why = $self->match($value->{$k}, $p, "$path.$k");
            return $why if defined $why;
        }

        return undef;
    }

    if (ref $pattern eq 'ARRAY') {
        return "$path is no array" if ref $value ne 'ARRAY';

        my @want = @$pattern;
        my $open = @want && text($want[-1]) eq '...';
        pop @want if $open;

        return "$path has " . @$value . ' elements, not ' . @want
            if $open ? @$value < @want : @$value != @want;

        for my $i (0 .. $#want) {
            my $why = $self->match($value->[$i], $want[$i], "$path\[$i]");
            return $why if defined $why;
        }

        return undef;
    }

    if (!defined $pattern || ref $pattern || number($pattern)) {
        return ChatTest::Match::match_scalar($value, $pattern, {}, $path);
    }

    return $self->differs($value, $pattern, $path);
}


# a string, or the value of a header

sub differs {
    my ($self, $value, $pattern, $what) = @_;

    my $is = defined $value ? ChatTest::Match::encode($value) : 'null';

    if ($pattern =~ /^\*(?:[a-z]+)?\z/) {
        return defined $value ? "$what is $is" : undef
            if $pattern eq '*none';

        my $kind = $KIND{$pattern} or die "there is no \"$pattern\"\n";

        return $kind->($value) ? undef : "$what is $is, not $pattern";
    }

    # a name that is met for the first time, or again
    if ($pattern =~ /^\$([a-z]\w*)\z/) {
        return "$what is $is, which can't be kept"
            if !defined $value || ref $value;

        my $kept = $self->{vars}{$1} //= $value;

        return undef if $value eq $kept && !number($value) == !number($kept);
        return "$what is $is, not " . ChatTest::Match::encode($kept);
    }

    my $want = $self->fill($pattern);

    return undef if defined $value && !ref $value && !number($value)
                    && $value eq $want;
    return "$what is $is, not \"$want\"";
}


package ChatTest::Script;

sub do_transcript {
    my ($self, $c, $file) = @_;

    my @wrong = map { "$_->{title}:\n  $_->{why}" } grep { defined $_->{why} }
                ChatTest::Transcript::run($file, $self->{nginx},
                                          $self->{timeout});

    die join("\n  ", @wrong) . "\n" if @wrong;
}


# a transcript that is wrong: each title is a regular expression that matches
# what the runner must say

sub do_mistaken {
    my ($self, $c, $file) = @_;

    for my $r (ChatTest::Transcript::run($file, $self->{nginx},
                                         $self->{timeout}))
    {
        die "\"$r->{title}\" has passed\n" if !defined $r->{why};
        die "\"$r->{title}\" has failed otherwise: $r->{why}\n"
            if $r->{why} !~ /$r->{title}/;
    }
}

1;
