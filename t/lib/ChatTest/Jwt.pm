package ChatTest::Jwt;

# Keys and tokens for tests.  $TEST_NGINX_KEYS in a configuration is the folder
# that t/lib/mint.py has filled.
#
#     jwt('ES256')                one of its tokens
#     hs({ sub => 'ann', exp => in(60) }, { typ => 'JWT' })
#                                 of HS256, with the secret of HS256.key

use strict;
use warnings;

use Cwd qw(abs_path);
use Digest::SHA qw(hmac_sha256);
use Exporter qw(import);
use File::Basename qw(dirname);
use File::Temp qw(tempdir);
use JSON::PP;
use MIME::Base64 qw(encode_base64url);

our @EXPORT = qw(jwt hs in keys_dir);

my ($dir, $tokens);


$dir = tempdir('chat-keys-XXXXXX', TMPDIR => 1, CLEANUP => 1);
chmod 0755, $dir or die "$dir: $!\n";

system('/usr/bin/python3', dirname(abs_path(__FILE__)) . '/../mint.py',
       $dir) == 0
    or die "mint.py failed: python3-jwt and python3-cryptography are"
           . " needed\n";

$ENV{TEST_NGINX_KEYS} = $dir;
$tokens = decode_json(slurp("$dir/tokens.json"));


sub slurp {
    my $name = shift;

    open my $in, '<:raw', $name or die "$name: $!\n";
    local $/;
    return scalar <$in>;
}


sub keys_dir { return $dir }


sub jwt {
    my $name = shift;

    return $tokens->{$name} // die "no token $name\n";
}


sub in { return time + shift }


sub hs {
    my ($claims, $header) = @_;

    my $json = JSON::PP->new->canonical;
    my $secret = slurp("$dir/HS256.key");
    chomp $secret;

    my $signed = join '.', map { encode_base64url($json->encode($_)) }
                 { alg => 'HS256', %{ $header // {} } }, $claims;

    return $signed . '.' . encode_base64url(hmac_sha256($signed, $secret));
}


1;
