package ChatTest::Snippets;

# The nginx.conf snippets of the documentation: found, made whole, and given to
# nginx -t.
#
# A snippet is what is fenced as "nginx".  It may begin at any level: what it is
# about says what has to be around it, and zones, users, upstreams and files that
# it takes for granted are made.  Nothing in it is changed but where it listens,
# host names, which nginx would look up, and the folder of absolute paths.

use strict;
use warnings;

use Exporter qw(import);
use File::Basename qw(dirname);
use File::Path qw(make_path);

our @EXPORT_OK = qw(snippets unfenced statements whole try_conf);

# what stands at these levels; everything else is of a server, or of the chat's
# location if it is ours
my %MAIN = map { $_ => 1 } qw(load_module user worker_processes events http pid
    worker_rlimit_nofile worker_shutdown_timeout error_log daemon);
my %HTTP = map { $_ => 1 } qw(server upstream map geo log_format split_clients
    limit_req_zone limit_conn_zone proxy_cache_path ssl_session_cache
    chat_zone chat_rooms chat_redis chat_webhook chat_max_rooms chat_nonce chat_buffers
    chat_deflate_level chat_deflate_min resolver);
my %SERVER = map { $_ => 1 } qw(listen location server_name chat_audit_log
    ssl_certificate ssl_certificate_key root);


# those of a text: [LINE, WORDS BEHIND "nginx", TEXT]...

sub snippets {
    my ($text) = @_;
    my (@found, $open, $line);

    for (split /^/, $text) {
        $line++;

        if (!$open && /^( *)```nginx\b *(.*)$/) {
            $open = [$line, $2, '', length $1];
        } elsif ($open && /^ *```\s*$/) {
            push @found, [@$open[0 .. 2]];
            undef $open;
        } elsif ($open) {
            $open->[2] .= $_;
        }
    }

    die "line $open->[0]: a block without an end\n" if $open;

    return @found;
}


# lines of nginx.conf that no test would find

sub unfenced {
    my ($text) = @_;
    my (@found, $line, $fence);

    for (split /^/, $text) {
        $line++;
        $fence = !$fence if /^ *```/;

        push @found, $line
            if !$fence && /^(?:[ ]{4}|\t)[ ]*(?:chat(?:_\w+)?|location|server|proxy_\w+
                           |listen|load_module|auth_request\w*|map|upstream)
                           (?:\s[^;{]*)?[;{]\s*(?:\#.*)?$/x;
    }

    return @found;
}


# the statements of one level: [NAME, WHOLE TEXT]...

sub statements {
    my ($text) = @_;
    my @list;
    my ($depth, $from, $name) = (0, 0, undef);

    pos($text) = 0;

    while (pos($text) < length $text) {
        next if $text =~ /\G\s+/gc;
        next if $text =~ /\G#[^\n]*/gc;

        if ($text =~ /\G(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'
                         |(?:\$\{|[^\s;{}\#"']|(?<=\S)\#)+)/gcxs) {
            if (!defined $name) {
                $name = $&;
                $from = $-[0];
            }

        } elsif ($text =~ /\G[;{}]/gc) {
            $depth++ if $& eq '{';
            $depth-- if $& eq '}';

            if ($depth == 0 && $& ne '{') {
                push @list, [$name // '', substr($text, $from, pos($text) - $from)];
                undef $name;
            }

        } else {
            $text =~ /\G./gcs;
        }
    }

    # what has no end is nginx's to complain of
    push @list, [$name, substr $text, $from] if defined $name;

    return @list;
}


# whole TEXT, DIR, LOAD: a whole nginx.conf, with what it needs made below DIR

sub whole {
    my ($text, $dir, $load) = @_;

    my (@main, @http, @server, @chat);
    my @list = statements($text);

    for (@list) {
        my ($name, $s) = @$_;

        push @{ $MAIN{$name} ? \@main
              : $HTTP{$name} ? \@http
              : $SERVER{$name} || $name !~ /^chat/ ? \@server : \@chat }, $s;
    }

    my $inner = "@main" =~ /\bhttp\s*\{/;

    # directives of a location beside locations are the server's
    if (@chat && grep({ $_->[0] eq 'location' } @list)) {
        push @server, splice @chat;
    }

    if (@chat) {
        unshift @chat, 'chat main;' if "@chat" !~ /\bchat\s+\w+;/;
        push @chat, 'chat_guest on;'
            if "@chat" !~ /\bchat_(?:guest|user|auth_request|jwt_key|jwt_jwks)\b/;
        push @server, "location ^~ /chat/ {\n@chat\n}";
    }

    my $code = code($text);
    my (%zone, %upstream);

    $zone{$1} = 1 while $code =~
        /\bchat(?:_status|_api|_rooms|_redis|_webhook|_max_rooms|_nonce)?\s+(?!zone=)([a-z]\w*)\b/g;
    $zone{main} = 1 if "@chat" =~ /\bchat main;/;
    delete $zone{$1} while $code =~ /\bchat_zone\s+[^;]*zone=(\w+)/g;

    $upstream{$1} = 1 while $code =~ m{_pass\s+https?://([a-z]\w*)(?=[/;])}g;
    delete $upstream{$1} while $code =~ /\bupstream\s+(\w+)/g;
    delete $upstream{localhost};

    my @added = ((map { "chat_zone zone=$_:64m;" } sort keys %zone),
                 (map { "upstream $_ { server 127.0.0.1:9; }" }
                  sort keys %upstream));

    my $conf;

    if ($inner) {
        $conf = join "\n", @main;
        $conf =~ s/\bhttp\s*\{/"$&\n" . join "\n", temp($dir), @added/e;

    } else {
        push @http, "server {\nlisten 127.0.0.1:9;\n@server\n}" if @server;
        $conf = join "\n", @main, 'http {', temp($dir), @added, @http, '}';
    }

    $conf .= "\nevents { }\n" if $conf !~ /^\s*events\b/m;
    $conf =~ s/^\s*load_module[^;]*;//mg;
    $conf = "$load\npid $dir/nginx.pid;\n$conf";

    return files(hosts($conf), $dir);
}


# without comments and strings

sub code {
    my ($text) = @_;

    $text =~ s/"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|#[^\n]*/ /g;
    return $text;
}


sub temp {
    my ($dir) = @_;

    return map { "${_}_temp_path $dir/temp;" }
        qw(client_body proxy fastcgi uwsgi scgi);
}


sub hosts {
    my ($conf) = @_;

    # no port of this machine, and none that only root may have
    $conf =~ s{\blisten\s+(?!unix:)(?:\S+:)?(\d+)\b}
              {'listen 127.0.0.1:' . (20000 + $1 % 10000)}ge;
    $conf =~ s{\blisten\s+unix:/\S*/(\S+?);}{listen unix:/__/$1;}g;

    # names that nobody here knows
    $conf =~ s{(_pass\s+https?://)[a-z][\w-]*(?:\.[\w-]+)+}{${1}127.0.0.1}g;
    $conf =~ s{(\bserver\s+)[a-z][\w-]*(?:\.[\w-]+)*(:\d+)}{${1}127.0.0.1$2}g;
    $conf =~ s{(rediss?://(?:[^\s@;]+@)?)[a-z][^\s:/;,]*}{${1}127.0.0.1}g;

    return $conf;
}


sub files {
    my ($conf, $dir) = @_;

    make_path("$dir/temp", "$dir/logs", "$dir/root/etc/nginx");

    # "/chat/" of a location is no file; these are
    $conf =~ s{(?<![\w./:])(unix:)?(?=/(?:etc|var|run|usr|srv|__)/)}
              {($1 // '') . "$dir/root"}ge;
    make_path(dirname("$dir/root$1"))
        while $conf =~ m{\Q$dir\E/root(/[\w./-]+)}g;
    make_path("$dir/root/__");

    # unix addresses of tokens' key sets are only asked for when it runs
    while ($conf =~ /\b(ssl_certificate(?:_key)?|\w*trusted_certificate
                        |auth_basic_user_file|include|certificate=|key=|ca=
                        |chat_jwt_key|chat_jwt_jwks|chat_login)\s*
                      ("[^"]*"|[^\s;]+)(?:[^;]*\balg=(\w+))?/gx)
    {
        my ($what, $file, $alg) = ($1, $2, $3 // '');

        next if $file =~ /^(?:off$|http:|user|ip|all|session|room|\$)/;
        $file =~ tr/"//d;
        $file = "$dir/$file" if $file !~ m{^/};
        make_path(dirname($file));
        content($file, $what, $alg, $dir) if !-e $file;
    }

    return $conf;
}


sub content {
    my ($file, $what, $alg, $dir) = @_;

    return write_file($file, '') if $what eq 'include';
    return write_file($file, "user:{PLAIN}x\n") if $what =~ /^auth_basic/;
    return write_file($file, 'user:$2y$08$' . 'a' x 53 . "\n")
        if $what eq 'chat_login';
    return write_file($file, 'x' x 64) if $alg =~ /^HS/;
    return write_file($file, 'whsec_' . 'a' x 44 . "\n")
        if $file =~ /webhook[^\/]*\.key$/;
    return write_file($file, '{"keys":[{"name":"a","scopes":["*"],"key":"'
                             . 'x' x 32 . '"}]}')
        if $file =~ /chat-api[^\/]*\.json$/;

    my $gen = $alg =~ /^[RP]S/ ? 'rsa -pkeyopt rsa_keygen_bits:2048'
            : $alg eq 'EdDSA' ? 'ed25519'
            : 'ec -pkeyopt ec_paramgen_curve:P-256';
    (my $kind = $gen) =~ s/\W.*//;
    my $key = "$dir/$kind.key";

    # one key, and a certificate of it, of each kind
    if (!-e $key) {
        run("openssl genpkey -algorithm $gen -out $key");
        run("openssl req -x509 -new -key $key -days 3650 -subj /CN=localhost"
            . " -out $dir/$kind.crt");
        run("openssl pkey -in $key -pubout -out $dir/$kind.pem");
    }

    my $ext = $what =~ /^chat_jwt/ ? 'pem' : $what =~ /key=?$/ ? 'key' : 'crt';

    return run("cp $dir/$kind.$ext $file");
}


sub run {
    my ($cmd) = @_;
    my $out = `$cmd 2>&1`;

    die "$cmd: $out" if $? != 0;
}


sub write_file {
    my ($name, $text) = @_;

    open my $out, '>', $name or die "$name: $!\n";
    print $out $text;
    close $out or die "$name: $!\n";
}


# try_conf NGINX, DIR, CONF: what nginx -t has against it, '' if nothing

sub try_conf {
    my ($nginx, $dir, $conf) = @_;

    write_file("$dir/nginx.conf", $conf);

    # nginx -t frees nothing: that is nginx's way
    my $supp = dirname(__FILE__) . '/../../sanitizers/ubsan.supp';
    local $ENV{ASAN_OPTIONS} = 'detect_odr_violation=0:detect_leaks=0';
    local $ENV{UBSAN_OPTIONS} = "print_stacktrace=1:suppressions=$supp";

    my $out = `$nginx -t -q -p $dir -c $dir/nginx.conf -e stderr 2>&1`;
    my $rc = $?;

    # what newer releases of nginx and other users than root are told
    $out =~ s/^.*"listen \.\.\. http2" directive is deprecated.*\n//mg;
    $out =~ s/^.*"user" directive makes sense only if.*\n//mg;

    return $out if length $out;
    return $rc == 0 ? '' : "nginx -t ended with $rc\n";
}


1;
