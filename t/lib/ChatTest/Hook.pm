package ChatTest::Hook;

# A receiver of webhooks on a UNIX socket.  $TEST_NGINX_HOOKS in a configuration
# is the folder with "hook.sock" and the keys "one.key", "two.key", "both.key".
#
#     call hook MODE               answers so from now on; "down" ends it, "new"
#                                  forgets what has come, too
#     call events N JSON           the next N events that were accepted are
#                                  these (members of theirs)
#     hook_posts()                 all requests: {id, ts, sig, body, status}
#     hook_events()                the events of those that were accepted
#     hook_key('one')              the bytes of a key
#
# A MODE is a status, perhaps with seconds of Retry-After ("503:1"), "slow" (200
# after a second), "large" (200 and a body that nobody wants) or "silent" (never an
# answer).

use strict;
use warnings;

use Digest::SHA qw(hmac_sha256_base64);
use Exporter qw(import);
use File::Temp qw(tempdir);
use JSON::PP;
use MIME::Base64;
use POSIX ();

use ChatTest::Server;

our @EXPORT = qw(hook hook_posts hook_events hook_key hook_dir hook_signed);

my $dir = tempdir(CLEANUP => 1);
chmod 0755, $dir;
$ENV{TEST_NGINX_HOOKS} = $dir;

my %key = (one => 'one-' x 8, two => 'two-' x 8);
my $pid;

put($_, "# a comment\n\n", line($_)) for keys %key;
put('both', line('two'), line('one'));
put('bad', "whsec_short\n");


END { local $?; stop() if defined $pid }


sub line { return 'whsec_' . encode_base64($key{ $_[0] }, '') . "\n" }

sub hook_dir { return $dir }

sub hook_key { return $key{ $_[0] } }


sub put {
    my ($name, @text) = @_;

    open my $out, '>', "$dir/$name.new" or die "$dir: $!\n";
    print $out @text;
    close $out;
    rename "$dir/$name.new", "$dir/$name.key" or die "$dir: $!\n";
}


sub stop {
    kill KILL => $pid;
    waitpid $pid, 0;
    undef $pid;
    unlink "$dir/hook.sock";
}


sub hook {
    my ($nginx, $mode) = @_;

    stop() if defined $pid;

    if ($mode eq 'new') {
        unlink "$dir/hook.log";
        $mode = '200';
    }

    return if $mode eq 'down';

    my $listen = listen_at("$dir/hook.sock");

    $pid = fork // die "fork: $!\n";
    return if $pid;

    $SIG{PIPE} = 'IGNORE';

    while (1) {
        my $s = $listen->accept or next;
        answer($s, $mode);
        close $s;
    }

    POSIX::_exit(0);
}


sub answer {
    my ($s, $mode) = @_;

    my $text = read_request($s) // return;
    my $head = index($text, "\r\n\r\n") + 4;

    my ($status, $after) = $mode =~ /^(\d+)(?::(\d+))?/;
    $status //= $mode eq 'silent' ? 0 : 200;

    my ($line) = $text =~ /^([^\r]+)/;
    my %got = (line => $line, status => $status + 0,
               body => substr($text, $head), at => time);

    for my $name (qw(id timestamp signature)) {
        ($got{$name}) = $text =~ /^webhook-$name: ([^\r]*)\r$/m;
    }

    # slow: what was not answered was not accepted
    sleep 1 if $mode eq 'slow';

    open my $log, '>>', "$dir/hook.log" or return;
    syswrite $log, JSON::PP->new->encode(\%got) . "\n";
    close $log;

    if ($mode eq 'silent') {
        sysread $s, my $end, 1;
        return;
    }

    $after = defined $after ? "Retry-After: $after\r\n" : '';
    my $body = $mode eq 'large' ? 'x' x 200_000 : 'ok';
    syswrite $s, "HTTP/1.1 $status X\r\n${after}Content-Length: "
                 . length($body) . "\r\n\r\n$body";
}


sub hook_posts {
    open my $in, '<', "$dir/hook.log" or return;
    return map { JSON::PP->new->decode($_) } grep { /\n\z/ } <$in>;
}


sub hook_events {
    return map { @{ JSON::PP->new->utf8->decode($_->{body})->{data} } }
           grep { $_->{status} == 200 } hook_posts();
}


# whether a request has the signature of this key

sub hook_signed {
    my ($post, $name) = @_;

    my $mac = hmac_sha256_base64("$post->{id}.$post->{timestamp}.$post->{body}",
                                 $key{$name}) . '=';

    return scalar grep { $_ eq "v1,$mac" } split / /, $post->{signature};
}


1;
