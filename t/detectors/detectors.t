#!/usr/bin/perl

# A detector that has never detected anything is no evidence.  With an nginx
# that commits faults to order (fault/), a test has to fail, and to say why.
# "make test-asan" and "make test-valgrind" run this.

use strict;
use warnings;

use File::Path qw(make_path);
use FindBin;
use Test::More;

my $nginx = $ENV{TEST_NGINX_BINARY} // 'nginx';
my $kind = $ENV{CHAT_SANITIZE} // '';
my $build = $ENV{BUILD} // "$FindBin::Bin/../../build";

plan skip_all => 'this nginx commits no faults: make test-asan'
    if `$nginx -V 2>&1` !~ m{detectors/fault};

# fault => what a report has to have
my %want = (
    alert => qr/\[alert\].*fault/,
    crash => qr/exited on signal 11|SEGV/,
    # Test::Nginx itself stops what runs under valgrind
    $kind eq 'valgrind' ? () : (hang => qr/nginx did not stop/),
    $kind eq 'asan' ? (
        overflow => qr/heap-buffer-overflow/,
        undefined => qr/runtime error: signed integer overflow/,
        leak => qr/LeakSanitizer/,
    ) : (),
    $kind eq 'valgrind' ? (
        overflow => qr/Invalid write/,
        leak => qr/100 bytes in 1 blocks are definitely lost/,
        uninitialized => qr/depends on uninitialised value/,
    ) : (),
);

make_path("$build/detectors");

# not to wait ten times as long for what does not come
$ENV{CHAT_STOP} = 3;

for my $fault (sort keys %want) {
    my $out = run($fault);

    like($out, qr/^not ok .* a clean end and a clean log/m,
         "$fault: the test fails");
    like($out, $want{$fault}, "$fault: and says why");
}

# and without a fault it does not
unlike(run(''), qr/^not ok/m, 'no fault: the test passes');

done_testing();


sub run {
    my $fault = shift;

    my $test = "$build/detectors/fault.t";
    my $do = length $fault ? "fault  $fault;" : 'return  204;';

    open my $out, '>', $test or die "$test: $!\n";
    print $out <<"END";
use strict;
use warnings;
use lib '$FindBin::Bin/../lib';
use ChatTest;
run_tests();
__DATA__

=== TEST 1: @{[ $fault || 'none' ]}
--- config
location = /fault {
    $do
}
--- chat
a: tcp
a: raw "GET /fault HTTP/1.0\\r\\n\\r\\n"
a: end
END
    close $out;

    return scalar `$^X $test 2>&1`;
}
