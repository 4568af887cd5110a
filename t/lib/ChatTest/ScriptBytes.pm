package ChatTest::Script;

# What a conversation does with single bytes, and with very many of them.

use strict;
use warnings;

use Digest::SHA qw(sha512 sha512_hex);
use IO::Select;
use List::Util qw(min);
use Time::HiRes qw(time);

use ChatTest::Frame;


# connections and bytes

sub do_tcp {
    my ($self, $c, $arg) = @_;

    my ($o) = $self->options($arg);
    $self->open_for($c, $o);
}


sub do_raw {
    my ($self, $c, $arg) = @_;

    $c->write($self->bytes($arg));
}


# read /regex/: until what has come matches; it is taken up to there

sub do_read {
    my ($self, $c, $arg) = @_;

    my ($re) = $arg =~ m{^/(.*)/$}s or die "read /regex/\n";
    my $end = $self->deadline;

    # a loop has a @+ of its own, which is gone behind it
    my $at;

    while (!defined($at = $c->{buf} =~ /$re/s ? $+[0] : undef)) {
        $c->more($end)
            or die(($c->{eof} || 'timeout') . ", got " . $c->rest . "\n");
    }

    substr($c->{buf}, 0, $at) = '';
}


sub do_cork { $_[1]{cork} //= '' }

sub do_uncork {
    my ($self, $c) = @_;

    my $bytes = delete $c->{cork};
    $c->write($bytes) if length $bytes;
}

sub do_chunk { $_[1]{chunk} = $_[2] || undef }

# step N: what comes is read N bytes at a time

sub do_step { $_[1]{step} = $_[2] || undef }

sub do_taken { $_[1]->taken }

sub do_drop { $_[1]->drop }

sub do_reset { $_[1]->drop(reset => 1) }

sub do_fin { $_[1]->finish_writing }


# sip BYTES: at least so many more leave the socket; what they say comes later

sub do_sip {
    my ($self, $c, $arg) = @_;

    my $want = length($c->{buf}) + $arg;
    my $end = $self->deadline;

    while (length $c->{buf} < $want) {
        $c->more($end)
            or die(($c->{eof} || 'timeout') . ", $arg bytes expected\n");
    }
}


# blocked: the kernel has bytes for the client that it does not take

sub do_blocked {
    my ($self, $c) = @_;

    $self->{nginx}->until_true($self->{timeout}, 'nothing is unsent', sub {
        $c->server_end->{unsent};
    }, 0.001);
}


# unread: nginx leaves bytes of the client where they are

sub do_unread {
    my ($self, $c) = @_;

    $self->{nginx}->until_true($self->{timeout}, 'nothing is unread', sub {
        $c->server_end->{unread};
    }, 0.001);
}


# follow OFFSET [gaps=NAME]: messages of one room up to that offset, each the next
# one, or a gap says which are missing; how many as $NAME

sub do_follow {
    my ($self, $c, $arg) = @_;

    my ($last, $name) = $self->text($arg) =~ /^(\d+)(?: gaps=(\w+))?$/
        or die "follow OFFSET [gaps=NAME]\n";
    my ($cursor, $missed) = (undef, 0);

    while (!defined $cursor || $cursor < $last) {
        my $m = $self->next_message($c, $self->deadline);

        die unexpected($m) . ", expected $last after " . ($cursor // 0) . "\n"
            if $m->{kind} !~ /^(?:text|event)$/;

        if ($m->{data} =~ /^\{"type":"message",.*?"id":"\w{10}-(\d+)"/) {
            die "offset $1 after $cursor\n"
                if defined $cursor && $1 != $cursor + 1;
            $cursor = $1;
            next;
        }

        my $o = ChatTest::Match::decode($m->{data});

        die "neither a message nor a gap: $m->{data}\n"
            if $o->{type} ne 'gap' || $o->{missed} != $o->{to} - $o->{from} + 1;
        die "a gap from $o->{from} after $cursor\n"
            if defined $cursor && $o->{from} != $cursor + 1;

        $cursor = $o->{to};
        $missed += $o->{missed};
    }

    die "offset $cursor, expected $last\n" if $cursor != $last;
    $self->{vars}{$name} = $missed if defined $name;
}


# rss NAME: the memory of the client's worker, kB, as $NAME

sub do_rss {
    my ($self, $c, $arg) = @_;

    $self->{vars}{$arg} = $self->{nginx}->memory($c->worker) + 0;
}


# blobs: bytes that only their seed and their length tell

sub blob {
    my ($op, $size, $seed) = @_;

    my $block = $op eq 'text' ? \&sha512_hex : \&sha512;
    my $bytes = '';

    for (my $n = 0; length $bytes < $size; $n++) {
        $bytes .= $block->("$seed $n");
    }

    return substr $bytes, 0, $size;
}


# sendblob text|bin SIZE SEED [pieces=N]: as one message of N frames

sub do_sendblob {
    my ($self, $c, $arg) = @_;

    my ($op, $size, $seed, $pieces) = $self->text($arg)
        =~ /^(text|bin) (\d+) (\S+)(?: pieces=(\d+))?$/
        or die "sendblob text|bin SIZE SEED [pieces=N]\n";

    my $bytes = blob($op, $size, $seed);
    my $step = $pieces ? int($size / $pieces) + 1 : $size || 1;
    my $frame = $op;

    $self->trace($c, '>', "$op blob of $size bytes");

    do {
        my $piece = substr $bytes, 0, $step, '';
        $c->send_frame($frame, $piece, fin => length $bytes ? 0 : 1);
        $frame = 'cont';
    } while (length $bytes);
}


# recvblob text|bin SIZE SEED: the next message is just that

sub do_recvblob {
    my ($self, $c, $arg) = @_;

    my ($op, $size, $seed) = $self->text($arg)
        =~ /^(text|bin) (\d+) (\S+)$/ or die "recvblob text|bin SIZE SEED\n";

    my $m = $c->message($self->deadline);

    die unexpected($m) . ", expected $op\n" if $m->{kind} ne $op;

    $self->trace($c, '<', "$op of " . length($m->{data}) . ' bytes');

    my $want = blob($op, $size, $seed);
    return if $m->{data} eq $want;

    my $differs = $m->{data} ^ $want;
    $differs =~ /[^\0]/;

    die length($m->{data}) . " bytes, expected $size; the first that differs "
        . "is at $-[0]\n";
}


# pump N [each=K] [window=W] [to=b,c] TEXT: N times TEXT, which publishes K
# messages, without waiting for each: W may be under way.  They come to this
# client and to those in "to", all of them, in the order of their offsets and
# without a hole.

sub do_pump {
    my ($self, $c, $arg) = @_;

    $arg =~ s/^(\S+)\s+// or die "pump N ...\n";
    my $n = $self->text($1);
    my %o = (each => 1, window => 64, to => '');

    while ($arg =~ s/^(each|window|to)=(\S+)\s+//) {
        $o{$1} = $2;
    }

    my @all = ($c, map { $self->other_client($_) } split /,/, $o{to});
    my %got = map { $_->{name} => 0 } @all;
    my ($sent, $want) = (0, $n * $o{each});

    delete $_->{offset} for @all;
    my $end = $self->deadline;

    while (grep { $_ < $want } values %got) {
        my $bytes = '';

        while ($sent < $n
               && $sent * $o{each} - min(values %got) < $o{window} * $o{each}
               && length $bytes < 65536)
        {
            local $self->{vars}{i} = ++$sent;
            $bytes .= ChatTest::Frame::build('text', $self->text($arg));
        }

        $c->write($bytes) if length $bytes;

        for my $r (readable(\@all, $end)) {
            if (!$r->more($end)) {
                die "$r->{name}: " . ($r->{eof} || 'timeout') . ", "
                    . "$got{$r->{name}} messages of $want\n";
            }

            $got{$r->{name}} += count_messages($r);
        }

        # it is each answer that has to come in time, not all of them
        $end = $self->deadline;
    }
}


# those of the clients for which something has come

sub readable {
    my ($all, $end) = @_;

    my @now = grep { $_->{tls} && $_->sock->pending } @$all;
    return @now if @now;

    my %by = map { ($_->sock => $_) } @$all;
    @now = IO::Select->new(map { $_->sock } @$all)->can_read($end - time);

    # at the deadline whoever is asked says so
    return @now ? map { $by{$_} } @now : $all->[0];
}


# the messages among what is there

sub count_messages {
    my $c = shift;

    my $n = 0;

    while (defined(my $message = whole_message($c))) {
        my ($offset) = $message =~ /"id":"\w{10}-(\d+)"/;

        die "$c->{name}: no message: $message\n" if !$offset;
        die "$c->{name}: offset $offset after $c->{offset}\n"
            if defined $c->{offset} && $offset != $c->{offset} + 1;

        $c->{offset} = $offset;
        $n++;
    }

    return $n;
}


sub whole_message {
    my $c = shift;

    if ($c->{kind} eq 'sse') {
        for (;;) {
            my $event = $c->take_event;
            return $event->{data} if $event;

            # of what has been read already
            return undef if !$c->body_piece(0);
        }
    }

    while (my $f = ChatTest::Frame::parse(\$c->{buf})) {
        if ($f->{op} eq 'ping') {
            $c->send_frame('pong', $f->{data});
            next;
        }

        die "$c->{name}: no message: $f->{op} $f->{data}\n"
            if $f->{op} ne 'text';

        return $f->{data};
    }

    return undef;
}

1;
