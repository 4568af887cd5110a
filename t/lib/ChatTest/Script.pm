package ChatTest::Script;

# The language of "--- chat" sections; ChatTest's documentation describes it.
# Commands that open something are in ScriptOpen, those of single bytes and of
# very many in ScriptBytes, nginx's in ScriptNginx, those of its configuration
# in ScriptConf, those of a crowd in ScriptCrowd.

use strict;
use warnings;

use Time::HiRes qw(sleep time);

use ChatTest::Client;
use ChatTest::Frame;
use ChatTest::Match;
use ChatTest::ScriptBytes;
use ChatTest::ScriptConf;
use ChatTest::ScriptCrowd;
use ChatTest::ScriptNginx;
use ChatTest::ScriptOpen;

my %GLOBAL = map { $_ => 1 } qw(
    reload kill9 drained workers edit signal point log nolog allow
    let check sleep timeout repeat end await call crowd logged refused accepted
);

# options of the commands that take some
my $OPTION = qr/tls|narrow|deflate|via|same|other|proto|header|status|rcvbuf|nopong|first
               |version|key|last|type|keep|id|event|within/x;


# new NGINX, TIMEOUT, FACTOR: how much slower things are than usual

sub new {
    my ($class, $nginx, $timeout, $factor) = @_;

    return bless {
        nginx => $nginx, timeout => $timeout, factor => $factor,
        vars => {}, clients => {}, trace => [], mark => 0,
    }, $class;
}


# run TEXT: undef, or what went wrong, with the line and what came before

sub run {
    my ($self, $text) = @_;

    $text =~ s/\\\n\s*//g;

    my @lines;
    my $n = 0;

    for my $l (split /\n/, $text) {
        $n++;
        push @lines, [$n, $l] if $l !~ /^\s*(?:#|$)/;
    }

    $self->{mark} = $self->{nginx}->log_size;

    my $ok = eval { $self->block(\@lines); 1 };
    my $why = $@;

    $self->crowd_end;
    $_->drop for values %{ $self->{clients} };

    return undef if $ok;

    chomp $why;
    my @trace = @{ $self->{trace} };
    splice @trace, 0, @trace - 20 if @trace > 20;

    return join "\n", "line $self->{at}[0]: $self->{at}[1]", "  $why",
        @trace ? ('the last of the conversation:', map { "  $_" } @trace) : ();
}


sub block {
    my ($self, $lines) = @_;

    my @lines = @$lines;

    while (my $l = shift @lines) {
        $self->{at} = $l;

        if ($l->[1] =~ /^\s*repeat\s+(\S+)\s*$/) {
            my $n = $self->text($1);
            my $depth = 1;
            my @inner;

            while (my $i = shift @lines) {
                $depth++ if $i->[1] =~ /^\s*repeat\s/;
                $depth-- if $i->[1] =~ /^\s*end\s*$/;
                last if $depth == 0;
                push @inner, $i;
            }

            die "repeat without end\n" if $depth;

            for my $k (1 .. $n) {
                local $self->{vars}{i} = $k;
                $self->block(\@inner);
            }

            next;
        }

        $self->line($l->[1]);
    }
}


sub line {
    my ($self, $line) = @_;

    if ($line =~ s/^\s*(\d+)\s*\*\s+//) {
        my $n = $1;

        for my $k (1 .. $n) {
            local $self->{vars}{i} = $k;
            $self->line($line);
        }

        return;
    }

    if ($line =~ /^\s*(\w+):\s+(\w+)(?:\s+(.*?))?\s*$/s) {
        my ($name, $command, $rest) = ($1, $2, $3 // '');

        my $method = $self->can("do_$command") or die "no command $command\n";
        my $client = $self->{clients}{$name}
                   //= ChatTest::Client->new($name, $self->{nginx});

        $self->$method($client, $rest);
        return;
    }

    if ($line =~ /^\s*(\w+)(?:\s+(.*?))?\s*$/s && $GLOBAL{$1}) {
        my ($command, $rest) = ($1, $2 // '');

        my $method = "all_$command";
        $self->$method($rest);
        return;
    }

    die "cannot be parsed\n";
}


sub trace {
    my ($self, $client, $arrow, $what) = @_;

    $what =~ s/([^ -~])/sprintf '\\x%02x', ord $1/ge;
    $what = substr($what, 0, 200) . '...' if length $what > 203;
    push @{ $self->{trace} }, "$client->{name} $arrow $what";
}


sub text { return ChatTest::Match::interpolate($_[1], $_[0]{vars}) }

sub pattern { return ChatTest::Match::decode($_[0]->text($_[1])) }

sub deadline { return time + ($_[1] // $_[0]{timeout}) }


sub other_client {
    my ($self, $name) = @_;

    return $self->{clients}{$name} // die "there is no client $name\n";
}


# "key=value key=\"quoted value\" flag rest": a hash, and the rest

sub options {
    my ($self, $text) = @_;

    my %o = (header => []);

    while ($text =~ s/\A($OPTION)(?:=("(?:[^"\\]|\\.)*"|\S*))?(?:\s+|\z)//) {
        my ($k, $v) = ($1, $2 // 1);

        $v = unquote($v) if $v =~ /^"/;
        $v = $self->text($v);

        if ($k eq 'header') {
            push @{ $o{header} }, $v;
        } else {
            $o{$k} = $v;
        }
    }

    return \%o, $text;
}


sub unquote {
    my $s = shift;

    $s =~ s/^"(.*)"$/$1/s;
    my %c = (r => "\r", n => "\n", t => "\t", 0 => "\0");
    $s =~ s/\\(?:x([0-9a-fA-F]{2})|(.))/
        defined $1 ? chr hex $1 : exists $c{$2} ? $c{$2} : $2/gse;
    return $s;
}


# "quoted text", hex:0a0b.., or plain text

sub bytes {
    my ($self, $arg) = @_;

    return unquote($self->text($arg)) if $arg =~ /^".*"$/s;
    return unhex($self->text($1)) if $arg =~ /^hex:(.*)$/s;
    return $self->text($arg);
}


sub unhex {
    my $hex = shift;

    $hex =~ s/\s+//g;
    die "no hex: $hex\n" if $hex !~ /^(?:[0-9a-fA-F]{2})*$/;
    return pack 'H*', $hex;
}


sub open_for {
    my ($self, $c, $o) = @_;

    return if $o->{keep} && $c->{sock} && !$c->{eof};

    $c->opened(
        timeout => $self->{timeout}, tls => $o->{tls},
        narrow => $o->{narrow}, rcvbuf => $o->{rcvbuf},
        same => $o->{same} && $self->other_client($o->{same}),
        other => $o->{other} && [map { $self->other_client($_) }
                                 split /,/, $o->{other}],
    );

    $c->{nopong} = $o->{nopong};
}


# messages

sub compare {
    my ($self, $data, $want) = @_;

    if ($want =~ /^[\[{]/) {
        my $value = eval { ChatTest::Match::decode($data) };
        die "no JSON: $data\n" if $@;

        my $why = ChatTest::Match::match($value, $self->pattern($want),
                                         $self->{vars});
        die "$why\n  in $data\n" if defined $why;
        return;
    }

    if ($want =~ m{^/(.*)/$}s) {
        die "got $data\n" if $data !~ /$1/;
        return;
    }

    my $exact = $self->bytes($want);
    die "got \"$data\", expected \"$exact\"\n" if $data ne $exact;
}


sub next_message {
    my ($self, $c, $end) = @_;

    my $m = $c->message($end);

    if ($m->{kind} eq 'close') {
        $c->{closed} = $m;
        $self->trace($c, '<', "close $m->{code} $m->{reason}");

    } elsif (defined $m->{data}) {
        $self->trace($c, '<', $m->{data});
    }

    return $m;
}


sub unexpected {
    my $m = shift;

    return $m->{kind} eq 'close' ? "close $m->{code} \"$m->{reason}\""
         : $m->{kind} eq 'end' ? "the end of the connection ($m->{why})"
         : $m->{kind} eq 'timeout' ? 'nothing in time'
         : "a message: $m->{data}";
}


# what follows the JSON pattern of recv: id=..., event=..., within=...

sub split_pattern {
    my ($self, $arg) = @_;

    return ($arg, {}) if $arg !~ /^[\[{]/;

    my $depth = 0;
    my $quoted = 0;

    while ($arg =~ /\G(?:\\.|(["\[{\]}])|.)/gs) {
        my $c = $1 // next;

        if ($c eq '"') {
            $quoted = !$quoted;

        } elsif (!$quoted) {
            $depth += $c =~ /[\[{]/ ? 1 : -1;
            last if $depth == 0;
        }
    }

    die "the pattern does not end: $arg\n" if !defined pos $arg;

    my $at = pos $arg;
    my $tail = substr $arg, $at;
    $tail =~ s/^\s+//;

    my ($o, $rest) = $self->options($tail);
    die "what is \"$rest\"?\n" if length $rest;

    return (substr($arg, 0, $at), $o);
}


sub check_event {
    my ($m, $o) = @_;

    for my $k ('id', 'event') {
        next if !defined $o->{$k};

        my $have = $m->{$k};

        if ($o->{$k} eq 'absent') {
            die "the event has $k \"$have\"\n" if defined $have;
            next;
        }

        my $good = defined $have
                && ($o->{$k} =~ m{^/(.+)/$} ? $have =~ /$1/
                                            : $have eq $o->{$k});

        die "the event has " . (defined $have ? "$k \"$have\"" : "no $k")
            . ", expected \"$o->{$k}\"\n"
            if !$good;
    }
}


sub do_recv {
    my ($self, $c, $arg) = @_;

    my ($want, $o) = $self->split_pattern($arg);
    my $m = $self->next_message($c, $self->deadline($o->{within}));

    die unexpected($m) . ", expected $want\n"
        if $m->{kind} !~ /^(?:text|bin|event)$/;

    $self->compare($m->{data}, $want);
    check_event($m, $o);
}


# ask TEXT -> PATTERN: send, and recv

sub do_ask {
    my ($self, $c, $arg) = @_;

    my ($text, $want) = $arg =~ /^(.*?)\s+->\s+(.*)$/s
        or die "ask TEXT -> PATTERN\n";

    $self->do_send($c, $text);
    $self->do_recv($c, $want);
}


# a message of binary frames, exactly

sub do_recvbin {
    my ($self, $c, $arg) = @_;

    my $m = $self->next_message($c, $self->deadline);

    die unexpected($m) . ", expected binary\n" if $m->{kind} ne 'bin';

    $self->compare($m->{data}, $arg);
}


# until PATTERN: skip what does not match; until close [CODE]

sub do_until {
    my ($self, $c, $arg) = @_;

    return $self->until_close($c, $1) if $arg =~ /^close(?:\s+(\d+))?$/;

    my ($want, $o) = $self->split_pattern($arg);
    my $end = $self->deadline($o->{within});
    my $skipped = 0;

    for (;;) {
        my $m = $self->next_message($c, $end);

        die unexpected($m) . " after $skipped others, expected $want\n"
            if $m->{kind} !~ /^(?:text|bin|event)$/;

        if (eval { $self->compare($m->{data}, $want); 1 }) {
            check_event($m, $o);
            return;
        }

        $skipped++;
    }
}


sub until_close {
    my ($self, $c, $code) = @_;

    my $end = $self->deadline;
    my $m;

    do {
        $m = $self->next_message($c, $end);
    } while $m->{kind} =~ /^(?:text|bin)$/;

    die unexpected($m) . ", expected a close\n" if $m->{kind} ne 'close';
    die "close $m->{code}, expected $code\n"
        if defined $code && $m->{code} != $code;
}


# unordered [PATTERN, PATTERN...]: these are next, in any order

sub do_unordered {
    my ($self, $c, $arg) = @_;

    my @want = @{ $self->pattern($arg) };
    my $end = $self->deadline;

    while (@want) {
        my $m = $self->next_message($c, $end);
        my $left = @want;

        die unexpected($m) . ", expected $left more\n"
            if $m->{kind} !~ /^(?:text|bin|event)$/;

        my $value = ChatTest::Match::decode($m->{data});

        for my $i (0 .. $#want) {
            my $why = ChatTest::Match::match($value, $want[$i], $self->{vars});

            if (!defined $why) {
                splice @want, $i, 1;
                last;
            }
        }

        die "got $m->{data}, which is none of those expected\n"
            if @want == $left;
    }
}


# none [SECONDS]: nothing comes

sub do_none {
    my ($self, $c, $arg) = @_;

    my $m = $self->next_message($c, $self->deadline($arg || 0.3));

    die unexpected($m) . ", expected nothing\n" if $m->{kind} ne 'timeout';
}


sub do_send {
    my ($self, $c, $arg) = @_;

    my $text = $self->text($arg);
    $self->trace($c, '>', $text);
    $c->send_frame('text', $text);
}


sub do_sendbin {
    my ($self, $c, $arg) = @_;

    my $data = $self->bytes($arg);
    $self->trace($c, '>', $data);
    $c->send_frame('bin', $data);
}


# frame OP [fin=0] [rsv=N] [mask=0] [len=N] [bits=N] [PAYLOAD]

# zsend TEXT: a compressed text message

sub do_zsend {
    my ($self, $c, $arg) = @_;

    my $text = $self->text($arg);
    $self->trace($c, '>', "compressed $text");
    $c->send_frame('text', ChatTest::Frame::deflated($text), rsv => 4);
}


# deflated N: so many compressed messages have come

sub do_deflated {
    my ($self, $c, $arg) = @_;

    die "$c->{deflated} compressed messages, expected $arg\n"
        if $c->{deflated} != $arg;
}


sub do_frame {
    my ($self, $c, $arg) = @_;

    $arg =~ s/^(\$?\w+)\s*// or die "frame OP ...\n";
    my $op = $self->text($1);
    my %o;

    while ($arg =~ s/^(fin|rsv|mask|len|bits)=(\d+)(?:\s+|$)//) {
        $o{$1} = $2;
    }

    die "no opcode: $op\n"
        if !exists $ChatTest::Frame::OP{$op} && $op !~ /^\d+$/;

    my $data = $self->bytes($arg);
    $self->trace($c, '>', "frame $op $data");
    $c->send_frame($op, $data, %o);
}


# recv_frame OP [PAYLOAD]: the very next frame, control frames included

sub do_recv_frame {
    my ($self, $c, $arg) = @_;

    my ($op, $want) = split ' ', $arg, 2;
    my $f = $c->frame($self->deadline)
        or die 'no frame: ' . ($c->{eof} || 'timeout') . "\n";

    $self->trace($c, '<', "frame $f->{op} $f->{data}");

    die "a $f->{op} frame, expected $op\n" if $f->{op} ne $op;

    $self->compare($f->{data}, $want) if defined $want;
}


sub do_close {
    my ($self, $c, $arg) = @_;

    my ($code, $reason) = split ' ', $self->text($arg), 2;

    $self->trace($c, '>', "close $arg");
    $c->send_frame('close', defined $code
                            ? pack('n', $code) . $self->bytes($reason // '')
                            : '');
}


# closed [CODE [exact reason, or /regex/]]: a close frame is next, then the end

sub do_closed {
    my ($self, $c, $arg) = @_;

    my ($code, $reason) = split ' ', $self->text($arg), 2;
    my $m = $self->next_message($c, $self->deadline);

    die unexpected($m) . ", expected close $arg\n" if $m->{kind} ne 'close';
    die "close $m->{code} \"$m->{reason}\", expected $code\n"
        if defined $code && $m->{code} != $code;

    $self->compare($m->{reason}, $reason) if defined $reason;

    # answer it, as a client has to; it may have asked first
    eval { $c->send_frame('close', pack 'n', $m->{code} == 1005 ? 1000
                                                                : $m->{code}) };

    $self->do_end($c, '');
}


# end [anyhow]: the connection, or the stream, ends without a word, or after
# whatever, perhaps in the middle of something

sub do_end {
    my ($self, $c, $arg) = @_;

    if (!$c->{kind} || $arg eq 'anyhow') {
        # raw bytes
        my $end = $self->deadline;
        1 while $c->more($end);
        die "still open\n" if !$c->{eof};
        return;
    }

    my $m = eval { $self->next_message($c, $self->deadline) }
        // { kind => $c->{eof} ? 'end' : 'error', why => $@ };

    die unexpected($m) . ", expected the end\n" if $m->{kind} ne 'end';
}


# sync: the server has seen all that was sent: it answers a ping, next

sub do_sync {
    my ($self, $c) = @_;

    my $word = 'sync ' . ++$self->{sync};

    $c->send_frame('ping', $word);
    $self->do_recv_frame($c, qq(pong "$word"));
}


# pings NAME: how many have come among the messages so far, as $NAME

sub do_pings {
    my ($self, $c, $arg) = @_;

    $self->{vars}{$arg} = $c->{pings} + 0;
}

1;
