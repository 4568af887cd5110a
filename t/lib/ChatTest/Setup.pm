package ChatTest::Setup;

# What a test finds around it: the module, Test::Nginx, ports and a place for
# files.  All before Test::Nginx is compiled, which reads its environment then.

use strict;
use warnings;

use Cwd qw(abs_path);
use Fcntl qw(:flock O_CREAT O_RDWR);
use File::Basename qw(dirname);
use File::Path qw(make_path remove_tree);
use IO::Socket::INET;

my $top = abs_path(dirname(__FILE__) . '/../../..');
my $build = $ENV{BUILD} || "$top/build";
my $lock;


# prepare(): the top folder, the build folder, first port, server root, the
# folder for sanitizers' reports, and how much slower things are

sub prepare {
    my $perl = "$build/testnginx/usr/share/perl5";

    unshift @INC, $perl if -d $perl;

    die "What the tests need is missing: make testnginx\n"
        if !grep { -f "$_/Test/Nginx/Socket.pm" } @INC;

    my $port = $ENV{TEST_NGINX_PORT} || free_ports();
    my $root = $ENV{TEST_NGINX_SERVROOT} || "$build/servroot/$port";
    my $san = "$build/servroot/$port.san";

    make_path(dirname($root), $san);
    chmod 0777, $san;
    unlink glob "$san/*";

    my $kind = $ENV{CHAT_SANITIZE} || '';
    my $factor = $kind eq 'valgrind' ? 10 : $kind eq 'asan' ? 4 : 1;

    $ENV{TEST_NGINX_PORT} = $port;
    $ENV{TEST_NGINX_TLS_PORT} = $port + 1;
    $ENV{TEST_NGINX_SERVROOT} = $root;
    $ENV{TEST_NGINX_REUSE_PORT} //= 1;
    $ENV{TEST_NGINX_LOG_LEVEL} //= 'info';
    $ENV{TEST_NGINX_BINARY} //= find_nginx();

    if ($kind eq 'asan') {
        # commas: Test::Nginx takes this apart and puts it together
        $ENV{ASAN_OPTIONS} = join ',', 'detect_odr_violation=0',
            'detect_stack_use_after_return=1', "log_path=$san/asan";
        $ENV{UBSAN_OPTIONS} = 'print_stacktrace=1:suppressions='
            . "$top/t/sanitizers/ubsan.supp";
        $ENV{LSAN_OPTIONS} = 'print_suppressions=0:suppressions='
            . "$top/t/sanitizers/lsan.supp";
    }

    if ($kind eq 'valgrind') {
        $ENV{TEST_NGINX_USE_VALGRIND} = join ' ', '--leak-check=full',
            '--show-possibly-lost=no', '--num-callers=40',
            '--child-silent-after-fork=no',
            "--suppressions=$top/t/sanitizers/nginx.supp",
            "--log-file=$san/valgrind.%p";
    }

    return ($top, $build, $port, $root, $san, $factor);
}


# ten ports that nobody has, below those that the kernel gives to clients; the
# lock is for other tests that look at the same time

sub free_ports {
    make_path("$build/servroot");

    for my $try (1 .. 200) {
        my $port = 12000 + 10 * int rand 2000;

        sysopen $lock, "$build/servroot/$port.lock", O_CREAT | O_RDWR
            or die "$build/servroot: $!\n";
        next if !flock $lock, LOCK_EX | LOCK_NB;

        my @taken = grep {
            !IO::Socket::INET->new(LocalAddr => '0.0.0.0', LocalPort => $_,
                                   Listen => 1, ReuseAddr => 1)
        } $port .. $port + 9;

        return $port if !@taken;

        unlink "$build/servroot/$port.lock";
    }

    die "no free ports\n";
}


sub find_nginx {
    # an ordinary user of Debian has no sbin in the path
    for my $d (split(/:/, $ENV{PATH} // ''), '/usr/sbin', '/usr/local/sbin') {
        return "$d/nginx" if length $d && -x "$d/nginx";
    }

    die "no nginx found: make deps\n";
}


# the module, or '' where nginx has it inside

sub module {
    my $points = shift;

    return $ENV{TEST_NGINX_LOAD_MODULES}
        if defined $ENV{TEST_NGINX_LOAD_MODULES};

    my $so = $ENV{CHAT_MODULE};

    if (!defined $so) {
        $so = $build . ($points ? '/test' : '/module')
            . '/ngx_chat_module.so';
    }

    die "$so: not built yet: make module\n" if length $so && !-f $so;

    return $so;
}


# a certificate for localhost, made once

sub certificate {
    my $pem = "$build/servroot/localhost.pem";

    if (!-f $pem) {
        my $tmp = "$pem.$$";

        system("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256"
               . " -nodes -days 3650 -subj /CN=localhost"
               . " -keyout $tmp -out $tmp.crt 2>$tmp.log"
               . " && cat $tmp.crt >> $tmp") == 0
            or die "openssl: " . `cat $tmp.log`;

        # both in one file, for tests that do this at the same time
        rename $tmp, $pem or die "$pem: $!\n";
        unlink "$tmp.crt", "$tmp.log";
    }

    return $pem;
}


# what failed is kept to be looked at

sub finish {
    my ($root, $san, $failed) = @_;

    if ($failed) {
        print STDERR "# kept: $root\n" if -d $root;

    } else {
        remove_tree($root);
    }

    remove_tree($san);
    unlink $root . '.lock' if $lock;
}

1;
