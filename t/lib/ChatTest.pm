package ChatTest;

=head1 NAME

ChatTest - conversations of several clients, on the genuine Test::Nginx

=head1 SYNOPSIS

    use FindBin;
    use lib "$FindBin::Bin/lib";
    use ChatTest;

    run_tests();

    __DATA__

    === TEST 1: what one says, the other hears
    --- chat_config
    chat_message_max 8k;
    --- chat
    alice: ws /chat/lobby
    alice: recv {"type":"welcome"}
    alice: recv {"type":"joined","room":"lobby","epoch":"$e=<epoch>"}
    bob:   ws /chat/ other=alice
    bob:   recv {"type":"welcome","user":{"id":"$bob=<string>"}}
    bob:   send {"type":"join","id":1,"room":"lobby"}
    bob:   recv {"type":"joined","reply_to":1,"head":0}
    bob:   send {"type":"message","id":2,"room":"lobby","text":"hi"}
    bob:   recv {"type":"ok","reply_to":2,"id":"$e-1"}
    bob:   recv {"type":"message","text":"hi"}
    alice: recv {"type":"message","text":"hi","user":{"id":"$bob"}}
    carl:  post /chat/lobby {"text":"over HTTP"}
    carl:  expect 201 {"type":"ok","id":"$id=<id>"}
    alice: recv {"id":"$id"}
    kill9 alice
    alice: end
    carl:  sse /chat/lobby last=$e-1
    carl:  recv {"type":"welcome"}
    carl:  recv {"type":"joined","recovered":true}
    carl:  recv {"text":"over HTTP"} id=$id
    carl:  none

=head1 DESCRIPTION

Everything of Test::Nginx::Socket works as its manual says.  On top of it:

=over

=item *

C<prove -r t> needs nothing but C<make deps module testnginx> before it: the
module, Test::Nginx itself, free ports and a server root below F<build/> are
found here.  The environment may say otherwise:

    TEST_NGINX_BINARY          the nginx; a static one has the module inside
    CHAT_MODULE                the .so; empty for a static nginx
    TEST_NGINX_PORT            the first of ten ports, the rest are next
    TEST_NGINX_SERVROOT        its files; kept when something failed
    CHAT_SANITIZE              asan or valgrind: what to look for, and patience
    CHAT_TIMEOUT               seconds that a step may take (5)

Files run in parallel (C<prove -j2>), as they share nothing.

=item *

Two workers with a master, C<listen ... reuseport>, log level info and 512
connections are the default.  workers(), master_off(), log_level() and
worker_connections() change it.

=item *

B<use ChatTest points =E<gt> 1> takes the module that has test points.

=item *

run_tests() plans by itself.  If there is a C<plan>, a block counts one for
C<--- chat> and one for the log.

=item *

After each block nginx is asked to quit, has to do so in time, and then the
error log must have no [alert], [crit] or [emerg] and no word of a sanitizer.
This is one test; what is expected is allowed by an C<--- allow_log> section,
one regular expression a line, or by "allow" in the conversation.

=back

=head2 Sections

=over

=item --- chat

The conversation, below.  A block may have a C<--- request>, too; it goes first.

=item --- chat_config

Directives of C<location ^~ /chat/>.  C<chat main;> is written before them
unless they say C<chat>, and C<chat_guest on;> unless they say who is who.

=item --- chat_http

Directives at the http level; without it C<chat_zone zone=main:8m;>.  "zone" of
another size alone is not an inheritance: it replaces the default.

=item --- config

Goes into the same server beside that location.  If it is there, and neither
C<chat_config> nor C<chat_http> is, it is all there is: Test::Nginx alone.

=item --- chat_main

As C<main_config>, but a block that is not about modules needs no load_module.

=item --- allow_log

Regular expressions, one a line, for lines of the error log that may be there.

=back

There also is C<location = /chat-status>, and with "tls" or "via=h2" anywhere in
the conversation a TLS port with HTTP/2.

=head2 The conversation

A line is C<client: command arguments>, or a command of nginx's; empty lines
and C<#> lines are skipped, a backslash at the end continues a line.  A step
that gets no answer within the timeout fails.  C<N * line> repeats a line, with
$i counting from 1; C<repeat N> up to C<end> repeats several.

I<Values.>  C<$name> is a variable; a name next to letters is C<${name}>; C<$$>
is a dollar.  Inside quotes its characters are put in, outside it is JSON.

I<Patterns> are JSON, see L<ChatTest::Match>: an object need not name all
members; C<"E<lt>anyE<gt>"> string int bool object array id epoch absent,
C<"/regex/">, C<"E<lt>E<lt> $_ E<gt> 7 E<gt>E<gt>"> are placeholders;
C<"$x=E<lt>idE<gt>"> keeps a value; C<"..."> at an array's end is the rest.
Where something else than JSON is compared: C</regex/>, C<"quoted">,
C<hex:0a0b>, or the text as it stands.

I<Opening.>

    ws PATH [OPTIONS]         WebSocket; ends after the 101
    sse PATH [OPTIONS]        event stream by GET
    stream PATH [OPTIONS] BODY     event stream by POST
    enter ws|sse PATH [OPTIONS]    one of these, and welcome and joined come
    tcp [tls]                 a bare connection
    answer STATUS             to what was sent over it; 101 makes it WebSocket

    tls                       over TLS
    same=CLIENT other=A,B     on that client's worker, or on none of theirs
    proto=a,b                 Sec-WebSocket-Protocol
    version=8  key=...        of the handshake, if not the right ones
    header="Name: value"      any number; "Name:" leaves a default one out
    first="..."               a text frame in the handshake's own segment
    last=ID                   Last-Event-ID
    via=h2, via=h2c           by curl, over HTTP/2 (not for ws)
    status=403                what is expected instead of 101 or 200
    rcvbuf=4096               a client that soon has its buffer full
    narrow                    to a port whose sockets buffer little, too
    deflate                   offers permessage-deflate
    nopong                    does not answer pings
    keep                      goes on on the connection that is there

I<Requests>: C<get post put delete head options PATH [OPTIONS] [BODY]>, with
C<type=> for a Content-Type (else JSON if it looks so, else text/plain) and

    expect STATUS [PATTERN]   of the last answer
    header Name: VALUE        exact, /regex/, or absent

I<Messages.>

    send TEXT                 a text message
    sendbin BYTES             a binary one
    zsend TEXT                a compressed text message
    deflated N                so many compressed messages have come
    recv PATTERN [id=ID] [event=NAME] [within=SECONDS]
                              the next message; pings are answered and pongs
                              skipped; id and event are of SSE, absent, or
                              a /regex/
    ask TEXT -> PATTERN       send, and recv
    recvbin BYTES             the next message, which is binary
    until PATTERN             skips what does not match
    until close [CODE]        skips messages
    unordered [P, P...]       the next messages, in whatever order
    follow OFFSET [gaps=NAME] messages of a room, each the next one, or a gap
                              says what is missing; how many, as $NAME
    none [SECONDS]            nothing comes (0.3)
    pings NAME                how many pings were answered so far, as $NAME
    comment [N]               SSE comments have come
    retry PATTERN             SSE said so

I<Frames and bytes.>

    frame OP [fin=0] [rsv=4] [mask=0] [len=N] [bits=16] [PAYLOAD]
                              OP: text bin cont close ping pong or a number
    recv_frame OP [PAYLOAD]   the very next frame
    sync                      a ping, whose pong is the very next frame
    raw BYTES                 as they are
    read /regex/              until this has come
    cork, uncork              what is sent in between leaves at once
    chunk N                   what is sent leaves N bytes at a time, each time
                              after nginx has read those before
    taken                     nginx has read all that was sent
    blocked                   bytes wait for the client to read
    unread                    bytes wait for nginx to read
    step N                    what comes is read N bytes at a time
    sip BYTES                 so many more leave the socket, unseen for now

I<Very many bytes.>

    sendblob OP SIZE SEED [pieces=N]
                              a message of bytes that only the seed tells (OP:
                              text or bin), in N frames
    recvblob OP SIZE SEED     it is the next message, byte for byte
    pump N [each=K] [window=W] [to=CLIENT,CLIENT] TEXT
                              N times TEXT, which publishes K messages (1), W
                              (64) under way at once; they all come to this
                              client and those, in order, without a hole
    rss NAME                  its worker's own memory, kB, is $NAME

I<Ending.>

    close [CODE [REASON]]     sends a close frame
    closed [CODE [REASON]]    gets one, answers, and sees the end
    end                       the connection ends without one
    end anyhow                after whatever, perhaps in a frame
    drop, reset, fin          closes, resets, or shuts down for writing

I<nginx.>

    reload                    HUP, until new workers serve
    reload fails              HUP, until an [emerg] is logged
    edit s/from/to/           of nginx.conf, before a reload
    kill9 CLIENT|$pid|any     a worker, until another is there instead
    point NAME                the next worker at that test point dies
    point passed              that has happened
    drained [SECONDS]         no worker of a former configuration is left
    workers [N]               so many serve
    signal USR1 [CLIENT|$pid] to the master, or to that client's worker
    log /regex/               has been, or comes to be, in the error log
    nolog /regex/             has not been there since the block began
    allow /regex/             such lines are all right
    logged FILE /regex/       a line has come to another log beside it
    await PATH PATTERN        GET until the answer is so; also CLIENT: await,
                              on the connection that it has kept

I<A crowd> of WebSocket clients, which resume, move when told to, publish again
what was not acknowledged, and check all the while that nothing is lost or
doubled; it goes on while the conversation does.  It needs C<chat_user
$arg_user trusted;>.

    crowd clients=N [rooms=N] [publishers=N] [rate=N] [batch=N]
                              begins; rate is messages a second of each, batch
                              how many it sends at once
    crowd await N             so many more messages are acknowledged
    crowd moved [N]           everybody has connected again N times (once)
    crowd stop                all is acknowledged, everybody has everything

I<Configurations,> tried by nginx -t.  A PLACE is main, http (where C<chat_zone
zone=main:8m;> is added if there is none), server, location (not the chat's),
or chat, as C<--- chat_config> is:

    refused PLACE TEXT [| PLACE TEXT...] => WORDS
                              nginx doesn't take it, its complaint has them
    accepted PLACE TEXT [| PLACE TEXT...] [=> WORDS]
                              it does, in silence or with this warning

WORDS may be a /regex/, whose C<(?E<lt>nameE<gt>...)> become variables.


I<The rest.>

    let x = VALUE             or <<perl>>
    check <<perl>>            is true
    call NAME ARGUMENT...     a sub of the test's file, with the nginx (see
                              ChatTest::Nginx) first; fails if it dies
    timeout SECONDS           from here on
    sleep SECONDS             rather wait for something

=cut

use strict;
use warnings;

our ($Top, $Build, $Port, $Root, $San, $Factor);

# Test::Nginx reads its environment while it is compiled
BEGIN {
    require ChatTest::Setup;
    ($Top, $Build, $Port, $Root, $San, $Factor) = ChatTest::Setup::prepare();
}

use Test::Nginx::Socket -base;
use Test::Nginx::Util qw($RunTestHelper $CheckErrorLog);

use ChatTest::Nginx;
use ChatTest::Script;

our @EXPORT = qw(run_tests);

my $nginx = ChatTest::Nginx->new(root => $Root, port => $Port);

my $timeout = ($ENV{CHAT_TIMEOUT} || 5) * $Factor;
my $asan_options;

Test::Nginx::Util::master_on();
Test::Nginx::Util::workers(2);
Test::Nginx::Util::worker_connections(512);
Test::Nginx::Util::no_long_string();
Test::Nginx::Util::timeout($timeout);
Test::Nginx::Util::env_to_nginx("CHAT_TEST_POINT=$Root/logs/test_point");


# Test::Nginx warns of lines that are a test of their own here

$SIG{__WARN__} = sub {
    warn @_ if $_[0] !~ /^WARNING: .*\[(?:alert|crit|emerg)\]/;
};


# Spiffy's import exports what all classes up to Test::Base do; "points" is
# ours, and wanted before nginx is started.

my $spiffy = __PACKAGE__->can('import');

{
    no warnings qw(redefine once);

    *import = sub {
        my ($class, %o) = @_;

        $ENV{TEST_NGINX_LOAD_MODULES} = $Test::Nginx::Util::LoadModules
            = ChatTest::Setup::module($o{points});

        @_ = ($class);
        goto &$spiffy;
    };

    *run_tests = sub () {
        Test::Nginx::Util::run_tests();
        Test::More::done_testing()
            if !Test::More->builder->has_plan;
    };
}


# sections of ours into sections of Test::Nginx

Test::Nginx::Util::add_block_preprocessor(sub {
    my $block = shift;

    my $chat = defined $block->chat || defined $block->chat_config
            || defined $block->chat_http;

    # who refuses a configuration leaves without freeing anything
    if (defined $ENV{ASAN_OPTIONS}) {
        $asan_options //= $ENV{ASAN_OPTIONS};
        $ENV{ORI_ASAN_OPTIONS} = $asan_options
            . (defined $block->must_die ? ',detect_leaks=0' : '');
    }

    if (defined $block->chat_main) {
        $block->set_value('main_config', $block->chat_main);
    }

    return if !$chat;
    return if defined $block->config && !defined $block->chat_config
           && !defined $block->chat_http;

    my $location = $block->chat_config // '';
    my $http = $block->chat_http // "chat_zone  zone=main:8m;\n";

    $location = "chat_guest  on;\n$location"
        if $location !~ /^\s*chat_(?:guest|user|jwt|auth)/m;
    $location = "chat  main;\n$location" if $location !~ /^\s*chat\s/m;

    my $tls = ($block->chat // '') =~ /\btls\b|\bvia=h2\b/
            ? tls_listen() : '';
    $tls .= narrow_listen(length $tls)
        if ($block->chat // '') =~ /\bnarrow\b/;

    $block->set_value('http_config', ($block->http_config // '') . $http);
    $block->set_value('config', join "\n", $tls,
        "location ^~ /chat/ {", $location, "}",
        "location = /chat-status {", "chat_status  main;", "}",
        $block->config // '');
});


sub tls_listen {
    my $pem = ChatTest::Setup::certificate();
    my $port = $nginx->port(1);

    return "listen  127.0.0.1:$port ssl http2 reuseport;\n"
        . "ssl_certificate  $pem;\nssl_certificate_key  $pem;\n";
}


# sockets that buffer little are soon blocked, and often

sub narrow_listen {
    my $tls = shift;

    my ($port, $tls_port) = ($nginx->port(0, 1), $nginx->port(1, 1));

    return "listen  127.0.0.1:$port reuseport sndbuf=8k;\n"
        . ($tls ? "listen  127.0.0.1:$tls_port ssl reuseport sndbuf=8k;\n"
                : '');
}


# a block with a conversation

my $genuine = $RunTestHelper;

# why the block doesn't run: until the helper is called, it hasn't
my $skipped = 'skipped';

$RunTestHelper = sub {
    my ($block, $dry_run, $index) = @_;

    $skipped = $dry_run;

    if (defined $block->request || defined $block->raw_request
        || defined $block->pipelined_requests || !defined $block->chat)
    {
        $genuine->($block, $dry_run, $index);
        return if !defined $block->chat;
    }

    # valgrind's processes have no titles, by which workers are known
    if (($ENV{CHAT_SANITIZE} // '') eq 'valgrind' && $block->chat
        =~ /^\s*(?:reload|kill9|drained|workers|point|signal)\b|\b(?:same|other)=/m)
    {
        $dry_run = 'workers cannot be told apart under valgrind';
    }

  SKIP: {
        Test::More::skip($block->name . " - chat: $dry_run", 1) if $dry_run;

        my $script = ChatTest::Script->new($nginx, $timeout, $Factor);

        my $text = Test::Nginx::Util::expand_env_in_text(
            $block->chat, $block->name, $Test::Nginx::Util::RandPorts);
        my $why = $script->run($text);

        Test::More::ok(!defined $why, $block->name . ' - chat')
            or Test::More::diag($why);
    }

    if (!defined $block->request) {
        $CheckErrorLog->($block, undef, $dry_run, $index, 0);
    }
};


# the end of every block: a clean stop and a clean log

Test::Nginx::Util::add_test_cleanup_handler(sub {
    my $block = shift;

    return if defined $block->SKIP;

    my $why = $skipped;
    $skipped = 'skipped';

    # no nginx was started: the log is that of the block before
    if ($why) {
      SKIP: {
            Test::More::skip($block->name . " - log: $why", 1);
        }
        return;
    }

    my @bad = $nginx->stop($ENV{CHAT_STOP} || 10 * $Factor);

    if (defined $block->allow_log) {
        $nginx->allow(map { qr/$_/ } grep { /\S/ }
                      split /\n/, $block->allow_log);
    }

    # a configuration that is refused, says why at this level
    $nginx->allow(qr/\[emerg\]/) if defined $block->must_die;

    push @bad, $nginx->bad_lines(glob "$San/*");
    $nginx->forget;
    unlink glob "$San/*";

    Test::More::ok(!@bad, $block->name . ' - a clean end and a clean log')
        or Test::More::diag(join "\n", @bad);
});


END {
    if (!$Test::Nginx::Util::InSubprocess) {
        ChatTest::Setup::finish($Root, $San, $?
            || !Test::More->builder->is_passing);
    }
}

1;
