package ChatTest::Crowd;

# Many WebSocket clients that behave as PROTOCOL wants a client to: they resume
# where they were, move when the server says "reconnect", and publish again
# what was not acknowledged, under the same nonce.  In a process of its own, so
# that they go on while a conversation does something to nginx.
#
# What they check, each of them and always: a room's events come without a hole
# and none twice, every client sees the same, every resume is complete, what
# was acknowledged is in the log once and under the acknowledged id.
#
# Users are named by "?user=", so: chat_user $arg_user trusted;

use strict;
use warnings;

use Errno qw(EAGAIN EINPROGRESS EINTR EWOULDBLOCK);
use IO::Socket::INET;
use Socket qw(IPPROTO_TCP TCP_NODELAY SOL_SOCKET SO_ERROR);
use Time::HiRes qw(time);

use ChatTest::Frame;

# between two tries of a client that finds nobody, seconds
my $RETRY = 0.05;


# the process: ChatTest::Crowd::main(key=value...), commands on stdin

sub main {
    my $self = bless {
        clients => 10, rooms => 1, publishers => 1, rate => 50, batch => 1,
        timeout => 10, port => 0, path => '/chat/', room => 'crowd',
        map({ split /=/, $_, 2 } @_),
        room_of => {}, waiting => [], acked => 0, connects => 0,
        resumed => 0, retries => 0,
    }, __PACKAGE__;

    $| = 1;
    $SIG{PIPE} = 'IGNORE';

    for my $i (1 .. $self->{clients}) {
        push @{ $self->{list} }, {
            n => $i, room => $self->{room} . ($i - 1) % $self->{rooms},
            publishes => $i <= $self->{publishers}, next => 0, sent => 0,
            connects => 0,
        };
    }

    my $ok = eval { $self->loop; 1 };
    print 'fail ' . ($@ =~ s/\s*\n\s*/ | /gr) . "\n" if !$ok;
}


sub loop {
    my $self = shift;

    my $commands = '';

    for (;;) {
        my $now = time;

        $self->turn($_, $now) for @{ $self->{list} };
        $self->answer($now);

        my ($r, $w) = ('', '');
        vec($r, 0, 1) = 1;

        for my $c (map { ($_->{now} // (), $_->{new} // ()) }
                   @{ $self->{list} })
        {
            vec($r, fileno $c->{sock}, 1) = 1;
            vec($w, fileno $c->{sock}, 1) = 1
                if $c->{connecting} || length $c->{out};
        }

        my $n = select $r, $w, undef, 0.02;
        next if $n <= 0;

        if (vec $r, 0, 1) {
            my $got = sysread STDIN, $commands, 4096, length $commands;
            return if !$got;

            while ($commands =~ s/\A(.*)\n//) {
                push @{ $self->{waiting} }, [$self->wish($1),
                                             time + $self->{timeout}];
            }
        }

        for my $p (@{ $self->{list} }) {
            for my $which ('now', 'new') {
                my $c = $p->{$which} or next;

                # a closed one has given its number to another
                $self->writable($p, $c) if vec $w, fileno $c->{sock}, 1;
                next if !defined fileno $c->{sock};
                $self->readable($p, $c) if vec $r, fileno $c->{sock}, 1;
            }
        }
    }
}


# what a command waits for: code that is true when it has come

sub wish {
    my ($self, $command) = @_;

    if ($command =~ /^await (\d+)$/) {
        my $until = $self->{acked} + $1;
        return sub { $self->{acked} >= $until };
    }

    if ($command =~ /^moved (\d+)$/) {
        my $n = $1;
        return sub { !grep { $_->{connects} <= $n || !$_->{live} }
                     @{ $self->{list} } };
    }

    if ($command eq 'stop') {
        $self->{stopping} = 1;
        return sub { $self->settled };
    }

    die "no command $command\n";
}


sub answer {
    my ($self, $now) = @_;

    while (my $w = $self->{waiting}[0]) {
        if ($w->[0]->()) {
            print "ok $self->{acked} acknowledged, $self->{connects}"
                . " connections, $self->{resumed} resumed,"
                . " $self->{retries} published again\n";
            shift @{ $self->{waiting} };
            next;
        }

        die 'not in time: ' . $self->state . "\n" if $now > $w->[1];
        return;
    }
}


# all is acknowledged, and everybody has everything

sub settled {
    my $self = shift;

    for my $p (@{ $self->{list} }) {
        return 0 if !$p->{live} || $p->{flying};
        return 0 if $p->{cursor} < ($self->{room_of}{ $p->{room} }{head} // 0);
    }

    for my $room (values %{ $self->{room_of} }) {
        while (my ($text, $offset) = each %{ $room->{acked} }) {
            die "\"$text\" was acknowledged as $offset, and is not there\n"
                if ($room->{log}{$offset} // '') ne $text;
        }
    }

    return 1;
}


sub state {
    my $self = shift;

    my @behind = map {
        my $head = $self->{room_of}{ $_->{room} }{head} // 0;
        ($_->{cursor} // -1) < $head || !$_->{live} || $_->{flying}
            ? "client $_->{n} in $_->{room} is "
                . ($_->{live} ? '' : 'not connected, ')
                . ($_->{flying} ? 'not answered, ' : '')
                . 'at ' . ($_->{cursor} // 'nothing') . " of $head"
            : ();
    } @{ $self->{list} };

    splice @behind, 5;
    return join '; ', "$self->{acked} acknowledged", @behind;
}


# one client's time

sub turn {
    my ($self, $p, $now) = @_;

    if (!$p->{now} && !$p->{new}) {
        $self->connect_client($p) if $now >= $p->{next};
        return;
    }

    # told to move: the new connection first
    if ($p->{move_at} && $now >= $p->{move_at} && !$p->{new}) {
        delete $p->{move_at};
        $p->{now}{left} = 1 if $p->{now};
        $p->{live} = 0;
        $self->connect_client($p);
        return;
    }

    return if !$p->{publishes} || !$p->{live} || $now < $p->{next};

    if (!$p->{flying} && !$self->{stopping}) {
        $p->{flying} = { map { (++$p->{sent} => 1) } 1 .. $self->{batch} };
        $self->publish($p);
        $p->{next} = $now + $self->{batch} / $self->{rate};
    }
}


sub publish {
    my ($self, $p) = @_;

    my @commands = map {
        qq({"type":"message","id":$_,"room":"$p->{room}",)
        . qq("text":"$p->{n}-$_","nonce":"crowd-$p->{n}-$_"})
    } sort { $a <=> $b } keys %{ $p->{flying} };

    $p->{now}{out} .= ChatTest::Frame::build('text',
        @commands == 1 ? $commands[0] : '[' . join(',', @commands) . ']');
}


sub connect_client {
    my ($self, $p) = @_;

    my $s = IO::Socket::INET->new(
        PeerAddr => '127.0.0.1', PeerPort => $self->{port}, Blocking => 0,
    );

    if (!$s) {
        $p->{next} = time + $RETRY;
        return;
    }

    setsockopt $s, IPPROTO_TCP, TCP_NODELAY, 1;

    my $after = defined $p->{cursor} ? "&after=$p->{epoch}-$p->{cursor}" : '';

    $p->{new} = {
        sock => $s, connecting => 1, buf => '', resumes => $after ne '',
        out => "GET $self->{path}$p->{room}?user=u$p->{n}$after HTTP/1.1\r\n"
             . "Host: localhost\r\nUpgrade: websocket\r\n"
             . "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
             . "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    };
}


sub lost {
    my ($self, $p, $c) = @_;

    close $c->{sock};

    for my $which ('now', 'new') {
        delete $p->{$which} if $p->{$which} && $p->{$which} == $c;
    }

    # the other one of a client that moves makes no difference
    return if $c->{left};

    $p->{live} = 0;
    delete $p->{move_at};
    $p->{next} = time + $RETRY * rand;
}


sub writable {
    my ($self, $p, $c) = @_;

    if ($c->{connecting}) {
        my $error = unpack 'i', getsockopt $c->{sock}, SOL_SOCKET, SO_ERROR;
        return $self->lost($p, $c) if $error;
        $c->{connecting} = 0;
    }

    my $n = syswrite $c->{sock}, $c->{out};

    if (!defined $n) {
        return if $!{EAGAIN} || $!{EINTR} || $!{EWOULDBLOCK};
        return $self->lost($p, $c);
    }

    substr($c->{out}, 0, $n) = '';
}


sub readable {
    my ($self, $p, $c) = @_;

    my $n = sysread $c->{sock}, $c->{buf}, 262144, length $c->{buf};

    if (!defined $n) {
        return if $!{EAGAIN} || $!{EINTR} || $!{EWOULDBLOCK};
        return $self->lost($p, $c);
    }

    return $self->lost($p, $c) if $n == 0;

    if (!$c->{open}) {
        $c->{buf} =~ s{\A HTTP/1\.1\ (\d+) .*? \r\n\r\n}{}xs or return;

        # busy, or in between: later again
        return $self->lost($p, $c) if $1 == 503;
        die "the answer to client $p->{n} is $1\n" if $1 != 101;
        $c->{open} = 1;
    }

    while (my $f = ChatTest::Frame::parse(\$c->{buf})) {
        if ($f->{op} eq 'text') {
            $self->object($p, $c, $f->{data}) if !$c->{left};

        } elsif ($f->{op} eq 'ping') {
            $c->{out} .= ChatTest::Frame::build('pong', $f->{data});

        } elsif ($f->{op} eq 'close') {
            return $self->lost($p, $c);
        }
    }
}


# what the server says: no JSON parser, for there is a lot of it

sub object {
    my ($self, $p, $c, $text) = @_;

    my ($type) = $text =~ /^\{"type":"(\w+)"/ or die "what is this: $text\n";

    my $code = $self->can("on_$type") or die "client $p->{n} gets $text\n";
    $code->($self, $p, $c, $text);
}


sub on_welcome { $_[0]{connects}++ }

sub on_closing { }

# a server that ends tells before it closes
sub on_reconnect {
    my ($self, $p, $c, $text) = @_;

    my ($ms) = $text =~ /"after_ms":(\d+)/ or die "$text\n";
    $p->{move_at} = time + $ms / 1000;
}


sub on_joined {
    my ($self, $p, $c, $text) = @_;

    my ($epoch, $head) = $text =~ /"epoch":"(\w+)".*"head":(\d+)/
        or die "$text\n";
    my $room = $self->{room_of}{ $p->{room} } //= {};

    $room->{epoch} //= $epoch;
    die "room $p->{room} was $room->{epoch} and is $epoch\n"
        if $room->{epoch} ne $epoch;

    if ($c->{resumes}) {
        die "client $p->{n} at $p->{cursor} is not recovered: $text\n"
            if $text !~ /"recovered":true,"missed":0\b/;
        $self->{resumed}++;

    } else {
        $p->{cursor} = $head;
        $p->{epoch} = $epoch;
    }

    # the new connection has all that the old one had
    if (my $old = delete $p->{now}) {
        close $old->{sock};
    }

    $p->{now} = delete $p->{new};
    $p->{live} = 1;
    $p->{connects}++;

    if ($p->{flying}) {
        $self->{retries} += keys %{ $p->{flying} };
        $self->publish($p);
    }
}


sub on_message {
    my ($self, $p, $c, $text) = @_;

    my ($epoch, $offset) = $text =~ /"id":"(\w+)-(\d+)"/ or die "$text\n";
    my ($said) = $text =~ /"text":"([^"]*)"/ or die "$text\n";
    my $room = $self->{room_of}{ $p->{room} };

    die "client $p->{n} at $p->{cursor} gets $offset\n"
        if $offset != $p->{cursor} + 1;
    die "client $p->{n} gets epoch $epoch\n" if $epoch ne $p->{epoch};

    $p->{cursor} = $offset;
    $room->{head} = $offset if $offset > ($room->{head} // 0);

    my $known = $room->{log}{$offset};

    if (!defined $known) {
        die "\"$said\" is there twice: $room->{at}{$said} and $offset\n"
            if exists $room->{at}{$said};
        $room->{log}{$offset} = $said;
        $room->{at}{$said} = $offset;
        return;
    }

    die "$offset is \"$known\" to one and \"$said\" to client $p->{n}\n"
        if $known ne $said;
}


sub on_ok {
    my ($self, $p, $c, $text) = @_;

    my ($n) = $text =~ /"reply_to":(\d+)/ or die "$text\n";
    my ($offset) = $text =~ /"id":"\w+-(\d+)"/ or die "$text\n";

    delete $p->{flying}{$n} or die "client $p->{n} did not ask: $text\n";
    delete $p->{flying} if !%{ $p->{flying} };

    $self->{room_of}{ $p->{room} }{acked}{"$p->{n}-$n"} = $offset;
    $self->{acked}++;
}


# a refusal that passes: the message is sent again by the next connection

sub on_error {
    my ($self, $p, $c, $text) = @_;

    die "client $p->{n} gets $text\n" if $text !~ /"code":"unavailable"/;
    $self->{refused}++;
}

1;
