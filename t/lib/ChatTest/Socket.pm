package ChatTest::Socket;

# What the kernel knows of one TCP socket on 127.0.0.1.
#
# It is asked by netlink (sock_diag(7)), which answers in microseconds.  Where
# there is none, /proc/net/tcp is read: thousands of lines while tests run, as
# connections that are gone stay in it for a minute.

use strict;
use warnings;

use Socket qw(AF_INET SOCK_RAW IPPROTO_TCP inet_aton);

my $AF_NETLINK = 16;
my $SOCK_DIAG = 4;
my $BY_FAMILY = 20;

my ($netlink, $none);
my $localhost = inet_aton('127.0.0.1');


# look PORT, PORT OF THE OTHER END: undef if there is no such socket, or
# { inode, unread, unsent }; the inode is 0 until somebody has accepted it

sub look {
    my ($port, $other) = @_;

    if (!$netlink && !$none) {
        socket $netlink, $AF_NETLINK, SOCK_RAW, $SOCK_DIAG or $none = 1;
    }

    my $answer = $none ? undef : ask($port, $other);
    return $answer if $answer;

    # "no such socket", or "no such request"
    return by_proc($port, $other) if $none;
    return undef;
}


sub ask {
    my ($port, $other) = @_;

    # struct inet_diag_req_v2, whose cookie is "any"
    my $request = pack 'CCCx L nn a4 x12 a4 x12 L LL', AF_INET, IPPROTO_TCP,
        0, 0xffffffff, $port, $other, $localhost, $localhost, 0,
        0xffffffff, 0xffffffff;

    # struct nlmsghdr, NLM_F_REQUEST
    send $netlink, pack('L S S L L', 16 + length $request, $BY_FAMILY, 1, 1, 0)
        . $request, 0, pack('S S L L', $AF_NETLINK, 0, 0, 0) or return undef;
    recv $netlink, my $answer, 8192, 0 // return undef;

    my ($type) = unpack 'x4 S', $answer;

    if ($type != $BY_FAMILY) {
        my $errno = -unpack 'x16 l', $answer;
        $none = 1 if $errno != 2;    # ENOENT: there is no such socket
        return undef;
    }

    # struct inet_diag_msg
    my ($unread, $unsent, undef, $inode) = unpack 'x16 x4 x48 x4 L L L L',
        $answer;

    return { inode => $inode, unread => $unread, unsent => $unsent };
}


sub by_proc {
    my ($port, $other) = @_;

    my $ends = sprintf '[0-9A-F]{8}:%04X [0-9A-F]{8}:%04X', $port, $other;

    open my $in, '<', '/proc/net/tcp' or die "/proc/net/tcp: $!\n";
    local $/;

    return undef if <$in> !~ /: $ends [0-9A-F]{2} (\w{8}):(\w{8}) (?:\S+ +){4}(\d+) /;
    return { unsent => hex $1, unread => hex $2, inode => $3 };
}

1;
