package ChatTest::Server;

# What small HTTP servers of tests have in common.
#
#     listen_at(PATH)              a UNIX socket, which is there when it listens
#     read_request(SOCKET)         a whole request, or nothing

use strict;
use warnings;

use Exporter qw(import);
use IO::Socket::UNIX;
use Socket qw(SOMAXCONN);

our @EXPORT = qw(listen_at read_request);


sub listen_at {
    my $path = shift;

    # under another name until it listens
    my $listen = IO::Socket::UNIX->new(Local => "$path.new",
                                       Listen => SOMAXCONN)
        or die "$path.new: $!\n";

    # nginx's workers are other users
    chmod 0777, "$path.new";
    rename "$path.new", $path or die "$path: $!\n";

    return $listen;
}


sub read_request {
    my $s = shift;

    my $text = '';

    while ($text !~ /\r\n\r\n/) {
        sysread($s, $text, 65536, length $text) or return;
    }

    if ($text =~ /^Content-Length: (\d+)\r$/mi) {
        my $all = index($text, "\r\n\r\n") + 4 + $1;

        while (length $text < $all) {
            sysread($s, $text, 65536, length $text) or return;
        }
    }

    return $text;
}

1;
