package ChatTest::Script;

# How a conversation opens connections, what streams say besides their events,
# and what it asks by HTTP.

use strict;
use warnings;

use Time::HiRes qw(time);

use ChatTest::Frame;


# opening

sub do_ws {
    my ($self, $c, $arg) = @_;

    my ($path, $rest) = split ' ', $arg, 2;
    (my $o, $rest) = $self->options($rest // '');
    die "what is \"$rest\"?\n" if length $rest;

    my @headers = @{ $o->{header} };
    push @headers, "Sec-WebSocket-Protocol: $o->{proto}" if $o->{proto};
    push @headers, "Sec-WebSocket-Version: $o->{version}" if $o->{version};
    push @headers, "Sec-WebSocket-Key: $o->{key}" if defined $o->{key};

    push @headers,
         'Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits'
        if $o->{deflate};

    my $first = defined $o->{first}
        ? ChatTest::Frame::build('text', $o->{first}) : '';

    $self->open_for($c, $o);
    $self->trace($c, '>', "handshake $path");

    my $status = $c->upgrade($self->text($path), $self->deadline, $first,
                             @headers);
    my $want = $o->{status} // 101;

    die "the status is $status, expected $want: $c->{body}\n"
        if $status != $want;

    $c->{deflated} = 0;
    $c->{deflate} = $o->{deflate};
}


# enter ws|sse PATH [OPTIONS]: the room of the path, up to `joined'

sub do_enter {
    my ($self, $c, $arg) = @_;

    my ($kind, $rest) = split ' ', $arg, 2;
    my $open = { ws => \&do_ws, sse => \&do_sse }->{$kind}
        or die "enter ws or sse, not \"$kind\"\n";

    $open->($self, $c, $rest);
    $self->do_recv($c, "{\"type\":\"$_\"}") for 'welcome', 'joined';
}


sub do_sse {
    my ($self, $c, $arg) = @_;

    my ($path, $rest) = split ' ', $arg, 2;
    (my $o, $rest) = $self->options($rest // '');
    die "what is \"$rest\"?\n" if length $rest;

    my @headers = @{ $o->{header} };
    push @headers, 'Accept: text/event-stream'
        if !grep { /^Accept:/i } @headers;
    push @headers, "Last-Event-ID: $o->{last}" if defined $o->{last};

    $self->stream($c, $o, 'GET', $self->text($path), undef, @headers);
}


sub do_stream {
    my ($self, $c, $arg) = @_;

    my ($path, $rest) = split ' ', $arg, 2;
    (my $o, $rest) = $self->options($rest // '');

    $self->stream($c, $o, 'POST', $self->text($path), $self->text($rest),
                  @{ $o->{header} }, 'Accept: text/event-stream',
                  'Content-Type: ' . ($o->{type} // 'application/json'));
}


sub stream {
    my ($self, $c, $o, $method, $path, $body, @headers) = @_;

    $self->ask($c, $o, $method, $path, $body, @headers);

    my $status = $c->read_head($self->deadline);
    my $want = $o->{status} // 200;

    if ($status != $want || $status != 200) {
        $c->read_body($self->deadline);
        die "the status is $status, expected $want: $c->{body}\n"
            if $status != $want;
        return;
    }

    $c->stream;
}


# a request leaves, over whatever "via" says

sub ask {
    my ($self, $c, $o, $method, $path, $body, @headers) = @_;

    if (($o->{via} // '') =~ /^h2c?$/) {
        my $tls = $o->{via} eq 'h2';
        my $port = $self->{nginx}->port($tls);

        # an HTTP/2 that others wrote; -i for the head, as read_head() wants it
        my @curl = ('curl', '-sSNik', '--max-time', 600,
                    $tls ? '--http2' : '--http2-prior-knowledge',
                    map({ ('-H', $_) } @headers),
                    defined $body ? ('--data-binary', $body) : (),
                    ($tls ? 'https' : 'http') . "://127.0.0.1:$port$path");
        $c->piped(@curl);

    } else {
        $self->open_for($c, $o);
        $c->request($method, $path, $body, @headers);
    }

    $self->trace($c, '>', "$method $path " . ($body // ''));
}


# what a stream says besides its events

# comment [N]: at least so many comments have come over SSE, or come now

sub do_comment {
    my ($self, $c, $arg) = @_;

    my $n = $arg || 1;
    my $end = $self->deadline;

    while ($c->{comments} < $n) {
        my $m = $c->message(time + 0.05);
        die unexpected($m) . ", expected a comment\n"
            if $m->{kind} ne 'timeout';
        die "$c->{comments} comments, expected $n\n" if time > $end;
    }
}


# retry PATTERN: what the stream said in retry:

sub do_retry {
    my ($self, $c, $arg) = @_;

    die "no retry: has come\n" if !defined $c->{retry};
    $self->compare($c->{retry}, $arg) if length $arg;
}


# requests

sub http {
    my ($self, $c, $method, $arg) = @_;

    my ($path, $rest) = split ' ', $arg, 2;
    (my $o, $rest) = $self->options($rest // '');

    my @headers = @{ $o->{header} };
    my $body;

    if (length $rest) {
        $body = $rest =~ /^(?:"|hex:)/ ? $self->bytes($rest)
                                       : $self->text($rest);
        my $type = $o->{type}
            // ($body =~ /^[\[{]/ ? 'application/json' : 'text/plain');
        push @headers, "Content-Type: $type"
            if !grep { /^Content-Type:/i } @headers;
    }

    $body //= '' if $method eq 'POST';

    $self->ask($c, $o, $method, $self->text($path), $body, @headers);
    $c->read_head($self->deadline);
    $c->read_body($self->deadline);
    $self->trace($c, '<', "$c->{status} $c->{body}");

    if (!$o->{keep}) {
        $c->drop;
    }

    die "the status is $c->{status}, expected $o->{status}: $c->{body}\n"
        if defined $o->{status} && $c->{status} != $o->{status};
}

sub do_get { shift->http(shift, 'GET', @_) }
sub do_post { shift->http(shift, 'POST', @_) }
sub do_put { shift->http(shift, 'PUT', @_) }
sub do_delete { shift->http(shift, 'DELETE', @_) }
sub do_head { shift->http(shift, 'HEAD', @_) }
sub do_options { shift->http(shift, 'OPTIONS', @_) }


# answer STATUS: to a request that was sent as bytes; 101 makes a WebSocket

sub do_answer {
    my ($self, $c, $arg) = @_;

    $c->{method} //= 'GET';
    $c->read_head($self->deadline);

    if ($c->{status} == 101) {
        $c->{kind} = 'ws';

    } else {
        $c->read_body($self->deadline);
    }

    die "the status is $c->{status}, expected $arg: $c->{body}\n"
        if $c->{status} != $arg;
}


# expect STATUS [PATTERN or exact text]: of the answer to the last request

sub do_expect {
    my ($self, $c, $arg) = @_;

    my ($status, $rest) = split ' ', $arg, 2;

    die "$c->{name} has no answer\n" if !$c->{answered};
    die "the status is $c->{status}, expected $status: $c->{body}\n"
        if $c->{status} ne $status;

    $self->compare($c->{body}, $rest) if defined $rest && length $rest;
}


# header NAME: exact value, or /regex/, or absent

sub do_header {
    my ($self, $c, $arg) = @_;

    my ($name, $want) = $arg =~ /^([^:\s]+):?\s*(.*)$/
        or die "header NAME: VALUE\n";

    die "$c->{name} has no answer\n" if !$c->{answered};

    my $have = $c->{headers}{lc $name};
    my $value = $have ? join ', ', @$have : undef;

    if ($want eq 'absent') {
        die "$name is there: $value\n" if defined $value;
        return;
    }

    die "$name is missing\n" if !defined $value;

    if ($want =~ m{^/(.*)/$}) {
        die "$name is \"$value\"\n" if $value !~ /$1/;
        return;
    }

    $want = $self->text($want);
    die "$name is \"$value\"\n" if $value ne $want;
}

1;
