package ChatTest::Frame;

# RFC 6455 frames.  What comes from a server is held to the letter of it.

use strict;
use warnings;

use Compress::Raw::Zlib;

our %OP = (
    cont => 0, text => 1, bin => 2, close => 8, ping => 9, pong => 10,
);

my %NAME = reverse %OP;


# build OP, PAYLOAD, %OPTIONS: bytes of a client's frame.
#
#     fin => 0    more follow           rsv => 1..7    reserved bits
#     mask => 0   do not mask           len => N       a length that lies
#     bits => 7 | 16 | 64               a longer length field than needed
#     key => 4 bytes                    of the mask

sub build {
    my ($op, $payload, %o) = @_;

    $op = $OP{$op} // $op;

    my $len = $o{len} // length $payload;
    my $bits = $o{bits} // ($len < 126 ? 7 : $len < 65536 ? 16 : 64);
    my $mask = $o{mask} // 1;

    my $first = (($o{fin} // 1) ? 0x80 : 0) | (($o{rsv} // 0) << 4) | $op;
    my $frame = pack 'C', $first;

    $frame .= $bits == 7  ? pack('C', ($mask ? 0x80 : 0) | $len)
            : $bits == 16 ? pack('Cn', ($mask ? 0x80 : 0) | 126, $len)
            :               pack('CQ>', ($mask ? 0x80 : 0) | 127, $len);

    if ($mask) {
        my $key = $o{key} // pack 'N', int rand 2 ** 32;
        my $n = length $payload;

        $frame .= $key;
        $payload ^= substr $key x ($n / 4 + 1), 0, $n;
    }

    return $frame . $payload;
}


# parse BUFFER REFERENCE: one whole frame is taken from the buffer and
# returned, or undef if it is not all there yet.  Dies of what a server must
# not send.  DEFLATE: it may compress whole messages (RFC 7692).

sub parse {
    my ($buf, $deflate) = @_;

    return undef if length $$buf < 2;

    my ($first, $second) = unpack 'CC', $$buf;
    my $op = $first & 0x0f;
    my $len = $second & 0x7f;
    my $head = 2;

    my $compressed = $deflate && ($first & 0x70) == 0x40 && $op && $op < 8;

    die sprintf "the server set reserved bits: %02x\n", $first
        if $first & 0x70 && !$compressed;
    die "the server masked a frame\n" if $second & 0x80;
    die "the server used opcode $op\n" if !exists $NAME{$op};

    if ($len == 126) {
        return undef if length $$buf < 4;
        $len = unpack 'x2n', $$buf;
        $head = 4;
        die "the server used 16 bits for length $len\n" if $len < 126;

    } elsif ($len == 127) {
        return undef if length $$buf < 10;
        $len = unpack 'x2Q>', $$buf;
        $head = 10;
        die "the server used 64 bits for length $len\n" if $len < 65536;
    }

    if ($op >= 8) {
        die "the server fragmented a control frame\n" if !($first & 0x80);
        die "the server sent a control frame of $len bytes\n" if $len > 125;
    }

    return undef if length $$buf < $head + $len;

    my $payload = substr $$buf, $head, $len;
    substr($$buf, 0, $head + $len) = '';

    return {
        op => $NAME{$op}, fin => $first >> 7, compressed => $compressed,
        data => $compressed ? inflated($payload) : $payload,
    };
}


# a message is compressed alone, and without its last four bytes

sub deflated {
    my $data = shift;

    my $z = Compress::Raw::Zlib::Deflate->new(-WindowBits => -15,
                                              -AppendOutput => 1);
    my $out = '';

    $z->deflate($data, $out);
    $z->flush($out, Z_SYNC_FLUSH);

    return substr $out, 0, -4;
}


sub inflated {
    my $in = shift() . "\0\0\xff\xff";

    my $z = Compress::Raw::Zlib::Inflate->new(-WindowBits => -15);
    my $rc = $z->inflate($in, my $out);

    die "the server's compression is broken: $rc\n"
        if $rc != Z_OK && $rc != Z_BUF_ERROR || length $in;

    return $out;
}


# close frames: code and reason

sub close_parts {
    my $data = shift;

    return (1005, '') if $data eq '';
    die "the server sent a close frame of one byte\n" if length $data == 1;

    my ($code, $reason) = unpack 'na*', $data;

    die "the server closed with code $code\n"
        if $code < 1000 || $code > 4999 || $code =~ /^(?:1004|1005|1006|1015)$/
            || ($code > 1014 && $code < 3000);

    check_utf8($reason, 'reason of a close frame');

    return ($code, $reason);
}


# as RFC 3629 has it; Encode is stricter than that, of noncharacters

my $CHARACTER = qr/[\x00-\x7f]+ | [\xc2-\xdf][\x80-\xbf]
    | (?: \xe0[\xa0-\xbf] | [\xe1-\xec\xee\xef][\x80-\xbf] | \xed[\x80-\x9f] )
      [\x80-\xbf]
    | (?: \xf0[\x90-\xbf] | [\xf1-\xf3][\x80-\xbf] | \xf4[\x80-\x8f] )
      [\x80-\xbf]{2}/x;

sub check_utf8 {
    my ($bytes, $what) = @_;

    pos $bytes = 0;
    1 while $bytes =~ /\G$CHARACTER/gc;

    die "the server sent a $what that is not UTF-8\n"
        if pos $bytes != length $bytes;
}

1;
