package ChatTest::Client;

# One client of a conversation: a connection, and what has come over it.
#
# Everything waits with a deadline and nothing sleeps.  Errors are exceptions,
# and their text is what the test reports.

use strict;
use warnings;

use IO::Select;
use IO::Socket::IP;
use MIME::Base64 qw(encode_base64);
use Digest::SHA qw(sha1);
use Socket qw(IPPROTO_TCP TCP_NODELAY SOL_SOCKET SO_RCVBUF SO_LINGER);
use Time::HiRes qw(time);

use ChatTest::Frame;


# new NAME, NGINX (a ChatTest::Nginx)

sub new {
    my ($class, $name, $nginx) = @_;

    return bless { name => $name, nginx => $nginx, buf => '', events => [],
                   answered => 0 }, $class;
}


# opened(%OPTIONS): connect.  tls, rcvbuf, and same: another client whose worker
# this one has to share, or other: those whose worker it must not share.

sub opened {
    my ($self, %o) = @_;

    # with "listen ... reuseport" the kernel picks a worker by the client's
    # port, so another try is another pick
    for my $try (1 .. 200) {
        $self->drop if $self->{sock};
        $self->connected(%o);

        return if !$o{same} && !$o{other};

        my $pid = $self->worker;
        return if $o{same} && $pid == $o{same}->worker
               || $o{other} && !grep { $pid == $_->worker } @{ $o{other} };
    }

    die "no worker like that, in 200 tries: workers(2)?\n";
}


sub connected {
    my ($self, %o) = @_;

    my $port = $self->{nginx}->port($o{tls}, $o{narrow});
    my $rcvbuf = $o{rcvbuf} || ($o{narrow} ? 4096 : 0);
    my $end = time + $o{timeout};
    my $s;

    # while workers change there may be nobody for a moment
    until ($s) {
        $s = IO::Socket::IP->new(
            PeerHost => '127.0.0.1', PeerPort => $port, Timeout => $o{timeout},
            Sockopts => $rcvbuf ? [[SOL_SOCKET, SO_RCVBUF, $rcvbuf]] : [],
        );

        if (!$s) {
            die "connect to port $port: $@\n" if time > $end;
            select undef, undef, undef, 0.02;
        }
    }

    setsockopt $s, IPPROTO_TCP, TCP_NODELAY, 1;

    %$self = (name => $self->{name}, nginx => $self->{nginx}, buf => '',
              events => [], sock => $s, port => $s->sockport,
              answered => $self->{answered}, tls => $o{tls}, pings => 0,
              narrow => $o{narrow}, chunk => $self->{chunk},
              patience => $o{timeout});

    if ($o{tls}) {
        require IO::Socket::SSL;
        IO::Socket::SSL->start_SSL($s, SSL_verify_mode => 0,
                                   SSL_hostname => 'localhost')
            or die "TLS: " . IO::Socket::SSL::errstr() . "\n";
    }
}


# the worker that has this connection, by what /proc says

sub worker {
    my $self = shift;

    return $self->{worker} //= $self->{nginx}->worker_of_port($self->{port},
        $self->server_port);
}


# from curl's stdout instead of a socket: for HTTP/2

sub piped {
    my ($self, @command) = @_;

    $self->drop if $self->{sock};
    my $pid = open my $out, '-|', @command or die "$command[0]: $!\n";

    %$self = (name => $self->{name}, nginx => $self->{nginx}, buf => '',
              events => [], sock => $out, piped => 1, curl => $pid,
              method => 'GET', answered => $self->{answered});
}


sub drop {
    my ($self, %o) = @_;

    my $s = delete $self->{sock} or return;

    if ($self->{piped}) {
        # curl would go on for as long as the stream does
        kill 'TERM', $self->{curl};
        close $s;
        return;
    }

    setsockopt $s, SOL_SOCKET, SO_LINGER, pack('ii', 1, 0) if $o{reset};

    # without TLS's goodbye, as when a network goes away
    if ($self->{tls}) {
        $s->close(SSL_no_shutdown => 1);

    } else {
        close $s;
    }
}


sub finish_writing {
    my $self = shift;

    shutdown $self->sock, 1;
}


sub sock {
    my $self = shift;

    return $self->{sock} // die "$self->{name} has no connection\n";
}


# the port at the other end

sub server_port {
    my $self = shift;

    return $self->{nginx}->port($self->{tls}, $self->{narrow});
}


# bytes out; "cork" collects them, "chunk" cuts them into segments, each of
# which nginx has read before the next one leaves

sub write {
    my ($self, $bytes) = @_;

    if (defined $self->{cork}) {
        $self->{cork} .= $bytes;
        return;
    }

    my $s = $self->sock;
    local $SIG{PIPE} = 'IGNORE';

    my $step = $self->{chunk} || length $bytes;

    while (length $bytes) {
        my $n = syswrite $s, $bytes, $step;

        if (!defined $n) {
            next if $!{EINTR};
            die "write: $!\n";
        }

        substr($bytes, 0, $n) = '';
        $self->taken if $self->{chunk};
    }
}


# what the kernel has at the server's end: unread and unsent bytes

sub server_end {
    my $self = shift;

    return ChatTest::Socket::look($self->server_port, $self->{port})
        // { unread => 0, unsent => 0 };
}


# until nginx has read all that was written

sub taken {
    my $self = shift;

    $self->{nginx}->taken($self->{patience}, $self->{port},
                          $self->server_port);
}


# read more into the buffer: false at the end of the connection, or at the
# deadline.  $self->{eof} tells which.

sub more {
    my ($self, $end) = @_;

    return 0 if $self->{eof};

    my $s = $self->sock;

    for (;;) {
        my $left = $end - time;

        if (!($self->{tls} && $s->pending)) {
            return 0 if $left <= 0;
            next if !IO::Select->new($s)->can_read($left);
        }

        my $n = sysread $s, my $bytes, $self->{step} // 65536;

        if (!defined $n) {
            next if $!{EINTR} || $!{EAGAIN} || $!{EWOULDBLOCK};
            $self->{eof} = "$!";
            return 0;
        }

        if ($n == 0) {
            $self->{eof} = 'eof';
            return 0;
        }

        $self->{buf} .= $bytes;
        return 1;
    }
}


# HTTP

# request METHOD, PATH, BODY, HEADERS (array of "Name: value")

sub request {
    my ($self, $method, $path, $body, @headers) = @_;

    my %given = map { /^([^:]+):/ ? (lc $1 => 1) : () } @headers;

    unshift @headers, 'Host: ' . $self->host if !$given{host};
    push @headers, 'Content-Length: ' . length $body
        if defined $body && !$given{'content-length'}
            && !$given{'transfer-encoding'};

    # "Name:" alone leaves a header out
    my $head = join '', map { "$_\r\n" } grep { !/^[^:]+:$/ } @headers;

    $self->{method} = $method;
    $self->write("$method $path HTTP/1.1\r\n$head\r\n" . ($body // ''));
}


sub host {
    my $self = shift;

    return '127.0.0.1:' . $self->server_port;
}


# the head of the answer: $self->{status}, $self->{headers}

sub read_head {
    my ($self, $end) = @_;

    my $at;

    for (;;) {
        while (($at = index $self->{buf}, "\r\n\r\n") < 0) {
            $self->more($end)
                or die "no answer: " . ($self->{eof} || 'timeout')
                    . (length $self->{buf} ? ", only " . $self->rest : '')
                    . "\n";
        }

        my $head = substr $self->{buf}, 0, $at;
        substr($self->{buf}, 0, $at + 4) = '';

        my ($line, @lines) = split /\r\n/, $head;

        $line =~ m{^HTTP/(1\.1|2) (\d\d\d)(?: |$)}
            or die "no status line: $line\n";

        $self->{status} = $2;
        $self->{headers} = {};

        for (@lines) {
            /^([!-9;-~]+):[ \t]*(.*?)[ \t]*$/ or die "no header: $_\n";
            push @{ $self->{headers}{lc $1} }, $2;
        }

        last if $self->{status} >= 200 || $self->{status} == 101;
    }

    my $te = join ',', @{ $self->{headers}{'transfer-encoding'} || [] };
    $self->{chunked} = $te =~ /chunked/i && !$self->{piped};
    $self->{length} = $self->{headers}{'content-length'}
                    ? $self->{headers}{'content-length'}[0] : undef;
    $self->{body} = '';
    $self->{answered} = 1;

    return $self->{status};
}


# one more piece of the body: false when there is none to come, see "more"

sub body_piece {
    my ($self, $end) = @_;

    return 0 if $self->{body_done};

    if ($self->{chunked}) {
        for (;;) {
            if ($self->{buf} =~ /\A([0-9a-fA-F]+)[^\r\n]*\r\n/
                && length $self->{buf} >= $+[0] + hex($1) + 2)
            {
                my ($at, $len) = ($+[0], hex $1);
                my $piece = substr $self->{buf}, $at, $len;

                die "a chunk does not end where it should\n"
                    if substr($self->{buf}, $at + $len, 2) ne "\r\n";

                substr($self->{buf}, 0, $at + $len + 2) = '';

                if ($len == 0) {
                    $self->{body_done} = 1;
                    return 0;
                }

                $self->{body} .= $piece;
                return 1;
            }

            die "no chunk: " . $self->rest . "\n"
                if length $self->{buf} > 20
                    && $self->{buf} !~ /\A[0-9a-fA-F]+[^\r\n]*\r\n/;

            $self->more($end) or return 0;
        }
    }

    if (!length $self->{buf}) {
        $self->more($end) or return 0;
    }

    my $take = length $self->{buf};

    if (defined $self->{length}) {
        my $left = $self->{length} - length $self->{body};
        $take = $left if $left < $take;
    }

    $self->{body} .= substr $self->{buf}, 0, $take;
    substr($self->{buf}, 0, $take) = '';

    $self->{body_done} = defined $self->{length}
                      && length $self->{body} >= $self->{length};

    return 1;
}


sub read_body {
    my ($self, $end) = @_;

    my $none = $self->{method} eq 'HEAD' || $self->{status} == 204
            || $self->{status} == 304 || (defined $self->{length}
                                          && $self->{length} == 0);
    $self->{body_done} = $none;

    while (!$self->{body_done}) {
        if (!$self->body_piece($end)) {
            last if $self->{body_done};

            die "timeout in the body\n" if !$self->{eof};
            last if !$self->{chunked} && !defined $self->{length};
            die "the body is cut off: $self->{eof}\n";
        }
    }
}


# WebSocket

# upgrade PATH, END, FIRST, HEADERS: handshake, or the answer that is none;
# FIRST are bytes that go out in the same segment

sub upgrade {
    my ($self, $path, $end, $first, @headers) = @_;

    my $key = encode_base64(join('', map { chr int rand 256 } 1 .. 16), '');
    my %given = map { /^([^:]+):/ ? (lc $1 => 1) : () } @headers;

    push @headers, grep { /^([^:]+)/ && !$given{lc $1} }
        'Upgrade: websocket', 'Connection: Upgrade',
        'Sec-WebSocket-Version: 13', "Sec-WebSocket-Key: $key";

    $self->{cork} = '' if length $first;
    $self->request('GET', $path, undef, @headers);

    if (length $first) {
        my $bytes = (delete $self->{cork}) . $first;
        $self->write($bytes);
    }

    if ($self->read_head($end) != 101) {
        $self->read_body($end);
        return $self->{status};
    }

    $self->{kind} = 'ws';
    $self->{parts} = undef;

    my $h = $self->{headers};
    my $accept = encode_base64(
        sha1("${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11"), '');

    die "101 without Upgrade: websocket\n"
        if lc($h->{upgrade}[0] // '') ne 'websocket';
    die "101 without Connection: upgrade\n"
        if ($h->{connection}[0] // '') !~ /\bupgrade\b/i;
    die "101 with a wrong Sec-WebSocket-Accept\n"
        if !$given{'sec-websocket-key'}
            && ($h->{'sec-websocket-accept'}[0] // '') ne $accept;

    return 101;
}


sub send_frame {
    my ($self, $op, $payload, %o) = @_;

    $self->write(ChatTest::Frame::build($op, $payload, %o));
}


# the next frame of any kind: undef at the end, or at the deadline

sub frame {
    my ($self, $end) = @_;

    for (;;) {
        my $f = ChatTest::Frame::parse(\$self->{buf}, $self->{deflate});
        $self->{deflated}++ if $f && $f->{compressed};
        return $f if $f;
        $self->more($end) or return undef;
    }
}


# the next message: { kind => text | bin | event | close | end | timeout, ... }

sub message {
    my ($self, $end) = @_;

    die "$self->{name} has no connection\n" if !$self->{kind};

    return $self->{kind} eq 'sse' ? $self->event($end)
                                  : $self->ws_message($end);
}


sub ws_message {
    my ($self, $end) = @_;

    for (;;) {
        my $f = $self->frame($end);

        if (!$f) {
            return { kind => 'timeout' } if !$self->{eof};
            die "the connection ended inside a frame\n"
                if length $self->{buf};
            return { kind => 'end', why => $self->{eof} };
        }

        if ($f->{op} eq 'ping') {
            $self->{pings}++;
            $self->send_frame('pong', $f->{data}) if !$self->{nopong};
            next;
        }

        next if $f->{op} eq 'pong';

        if ($f->{op} eq 'close') {
            my ($code, $reason) = ChatTest::Frame::close_parts($f->{data});
            return { kind => 'close', code => $code, reason => $reason };
        }

        if ($f->{op} eq 'cont') {
            die "a continuation of nothing\n" if !$self->{parts};
            $self->{parts}{data} .= $f->{data};

        } else {
            die "a new message inside another\n" if $self->{parts};
            $self->{parts} = { kind => $f->{op}, data => $f->{data} };
        }

        next if !$f->{fin};

        my $m = delete $self->{parts};
        ChatTest::Frame::check_utf8($m->{data}, 'text message')
            if $m->{kind} eq 'text';
        return $m;
    }
}


# server-sent events

# the head has been read: from here on it is an event stream

sub stream {
    my $self = shift;

    my $type = $self->{headers}{'content-type'}[0] // 'none';

    die "not an event stream, but $type\n"
        if $type !~ m{^text/event-stream(?:;|$)};

    $self->{kind} = 'sse';
    $self->{comments} = 0;
}


sub event {
    my ($self, $end) = @_;

    for (;;) {
        my $e = $self->take_event;
        return $e if $e;

        if (!$self->body_piece($end)) {
            return { kind => 'end', why => 'last chunk' }
                if $self->{body_done};
            return { kind => 'timeout' } if !$self->{eof};

            die "the stream ended inside an event: $self->{body}\n"
                if length $self->{body};
            return { kind => 'end', why => $self->{eof} };
        }
    }
}


# as the standard's "event stream interpretation" says

sub take_event {
    my $self = shift;

    while ($self->{body} =~ s/\A([^\r\n]*)(\r\n|\n|\r(?!\z))//) {
        my $line = $1;

        if ($line eq '') {
            my $e = delete $self->{event} or next;
            $self->{last_id} = $e->{id} if exists $e->{id};

            # without data it is not dispatched, only remembered
            next if !exists $e->{data};

            $e->{kind} = 'event';
            $e->{data} =~ s/\n\z//;
            ChatTest::Frame::check_utf8($e->{data}, 'event');
            $self->{last} = $e;
            return $e;
        }

        if ($line =~ /^:/) {
            $self->{comments}++;
            next;
        }

        my ($name, $value) = $line =~ /^([^:]*)(?:: ?(.*))?$/s;
        $value //= '';

        if ($name eq 'data') {
            $self->{event}{data} .= "$value\n";

        } elsif ($name eq 'id') {
            $self->{event}{id} = $value if $value !~ /\0/;

        } elsif ($name eq 'event') {
            $self->{event}{event} = $value;

        } elsif ($name eq 'retry') {
            $self->{retry} = $value if $value =~ /^\d+$/;
        }
    }

    return undef;
}


sub rest {
    my $self = shift;

    my $s = substr $self->{buf}, 0, 60;
    $s =~ s/([^ -~])/sprintf '\\x%02x', ord $1/ge;
    return "\"$s\"";
}

1;
