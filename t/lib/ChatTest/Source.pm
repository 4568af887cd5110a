package ChatTest::Source;

# A small HTTP server on a UNIX socket, for what nginx asks by itself; good, or
# as bad as one can be.
#
#     source_dir()                 where its socket "source.sock" is
#     call source MODE [FILE]      serves so from now on; "down" ends it
#     source_requests()            those that came since it served so
#     call asked /REGEX/           they match it
#     call file NAME TEXT          writes a file of that folder
#
# A MODE sends FILE of that folder (as a whole, unless its name says otherwise):
# length, chunked, closed, interim, half, endless, bigger, lying, garbage,
# redirect, error, silent, slow, delayed.

use strict;
use warnings;

use Exporter qw(import);
use POSIX ();

use ChatTest::Server;

our @EXPORT = qw(source source_requests asked file);

my $dir = $ENV{TEST_NGINX_KEYS} // die "ChatTest::Jwt first\n";
my $pid;


END { local $?; stop() if defined $pid }


sub stop {
    return if !defined $pid;

    kill KILL => $pid;
    waitpid $pid, 0;
    undef $pid;
    unlink "$dir/source.sock";
}


sub slurp {
    my $name = shift;

    open my $in, '<:raw', $name or return '';
    local $/;
    return scalar <$in>;
}


sub source_requests { return slurp("$dir/source.log") }


sub asked {
    my ($nginx, @re) = @_;

    my ($re) = "@re" =~ m{^/(.*)/$};
    my $got = source_requests();
    die "not asked: $re\n  but: $got\n" if $got !~ /$re/;
}


sub file {
    my ($nginx, $name, @text) = @_;

    open my $out, '>', "$dir/$name" or die "$name: $!\n";
    print $out "@text";
    close $out or die "$name: $!\n";
}


sub source {
    my ($nginx, $mode, $file) = @_;

    stop();
    unlink "$dir/source.log";

    return if $mode eq 'down';

    my $listen = listen_at("$dir/source.sock");

    $pid = fork // die "fork: $!\n";
    return if $pid;

    $SIG{PIPE} = $SIG{CHLD} = 'IGNORE';

    while (1) {
        my $s = $listen->accept or next;

        if (!(my $child = fork // POSIX::_exit(1))) {
            answer($s, $mode, $file);
            POSIX::_exit(0);
        }

        close $s;
    }
}


sub request {
    my $s = shift;

    my $text = read_request($s) // return;

    open my $log, '>>', "$dir/source.log" or return;
    syswrite $log, "$text\n----\n";

    return $text;
}


sub answer {
    my ($s, $mode, $file) = @_;

    defined request($s) or return;

    my $body = defined $file ? slurp("$dir/$file") : '';
    my $n = length $body;

    my $ok = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
    my $whole = "${ok}Content-Length: $n\r\n\r\n$body";

    my %text = (
        length => $whole,
        closed => "$ok\r\n$body",
        chunked => "${ok}Transfer-Encoding: chunked\r\n\r\n" . join('',
            map { sprintf("%x\r\n%s\r\n", length, $_) } unpack '(a100)*', $body)
            . "0\r\n\r\n",
        interim => "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n$whole",
        half => "${ok}Content-Length: " . ($n + 10) . "\r\n\r\n$body",
        lying => "${ok}Content-Length: 5\r\nContent-Length: $n\r\n\r\n$body",
        bigger => "${ok}\r\n" . (' ' x 70000) . $body,
        garbage => "\x15\x03\x01\x00\x02\x02\x46\r\n\r\n" x 10,
        redirect => "HTTP/1.1 302 Found\r\nLocation: /\r\n"
            . "Content-Length: $n\r\n\r\n$body",
        error => "HTTP/1.1 503 No\r\nContent-Length: $n\r\n\r\n$body",
    );

    if ($mode eq 'endless') {
        syswrite $s, $ok;
        while (syswrite $s, "X-Header: " . ('x' x 100) . "\r\n") { }

    } elsif ($mode eq 'slow') {
        for (split //, $whole) {
            syswrite($s, $_) or return;
            select undef, undef, undef, 0.2;
        }

    } elsif ($mode eq 'silent') {
        sysread $s, my $end, 1;

    } elsif ($mode eq 'delayed') {
        select undef, undef, undef, 1;
        syswrite $s, $whole;

    } else {
        my $text = $text{$mode} // $text{length};
        my $at = 0;
        while ($at < length $text) {
            $at += syswrite($s, $text, length($text) - $at, $at) || return;
        }
    }
}


1;
