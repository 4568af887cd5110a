#!/usr/bin/perl

# Whoever copies a piece of nginx.conf from the documentation gets one that nginx
# takes, without a warning; and links lead somewhere.

use strict;
use warnings;

use File::Find qw(find);
use File::Path qw(make_path remove_tree);
use File::Temp qw(tempdir);
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;

use ChatTest::Setup;
use ChatTest::Snippets qw(snippets unfenced statements whole try_conf);

my $top = "$FindBin::Bin/..";
my $build = $ENV{BUILD} || "$top/build";

my $nginx = $ENV{TEST_NGINX_BINARY} || ChatTest::Setup::find_nginx();
my $so = $ENV{CHAT_MODULE} // "$build/module/ngx_chat_module.so";
my $load = length $so ? "load_module $so;" : '';

# short, as it is in the addresses of sockets
my $dir = tempdir(CLEANUP => 1);

my ($version) = `$nginx -v 2>&1` =~ m{/(\d+\.\d+)};


# the tools

is_deeply([map { $_->[0] } statements("a b;\n# c;\nd 'x;' {\n  e; }\nf \"}\";")],
          [qw(a d f)], 'statements of one level');
is(scalar(snippets("x\n```nginx\na;\n```\n```\nb;\n```\n")), 1, 'one is fenced');
is_deeply([unfenced("x\n\n    chat_ping 5s;\n\n```\n    chat main;\n```\n"
                    . "    chat is fun\n    location / {\n")], [3, 9],
          'those that are not fenced are found');

like(broken("chat_pang 5s;"), qr/unknown directive "chat_pang"/, 'a misspelling');
like(broken("location / {\n root /srv/x\n}\n"), qr/unexpected "}"/, 'no semicolon');
like(broken("chat_ping 5x;"), qr/write a time/, 'a wrong value');
like(broken("chat_zone zone=main:64m;\nchat_zone zone=main:64m;"),
     qr/duplicate/, 'at the level of http');
like(broken("location /chat/ {\n chat main; chat_guest on;\n}\n"
            . "location ~ \\.php\$ {\n}"), qr/write "location \^~/, 'a warning');
like(broken("location ^~ /chat/ {\n chat main;\n}"), qr/needs to know users/,
     'a location');
like(broken("http {\n chat_zone zone=a:64m;\n server { location /x/ { chat a; } }\n}"),
     qr/needs to know users/, 'a whole file');


is_deeply([map { join '#', @$_ } links("[a](b.md), [c\nd](#e), `[x](y)`\n"
                                      . "```\n[f](g)\n```\n[h](i.md#j)")],
          ['b.md', '#e', 'i.md#j'], 'links');
is_deeply([anchors("# A `b_c`, d's\n```\n# no\n```\n## nginx -s reload")],
          ['a-b_c-ds', 'nginx--s-reload'], 'anchors');


# the documentation

my ($n, %in) = (0);

for my $file (documents()) {
    my $text = slurp("$top/$file");

    if ($file =~ /\.md$/) {
        is(join(' ', unfenced($text)), '', "$file: all snippets are fenced")
            or diag('these lines: write them between ```nginx and ```');
    }

    my @nowhere = $file =~ /\.md$/ ? nowhere($file, $text) : ();
    is("@nowhere", '', "$file: links lead somewhere");

    for my $s ($file =~ /\.conf$/ ? [1, '', $text] : snippets($text)) {
        my ($line, $words, $conf) = @$s;

        # "nginx 1.25": a snippet for newer ones
        if ($words =~ /^(\d+)\.(\d+)/ && before($1, $2)) {
            note("$file:$line is for nginx $words");
            next;
        }

        is(complaint($conf), '', "$file:$line") or diag($conf);
        $n++;
        $in{$file}++;
    }
}

cmp_ok($n, '>=', 30, "there are snippets ($n)");
ok($in{$_}, "$_ has some")
    for qw(README.md docs/operations.md docs/directives.md);

done_testing();


sub documents {
    my @list = ('README.md', 'CONTRIBUTING.md', 'web/README.md',
                'bench/README.md', 'conf/chat.conf');

    find({ no_chdir => 1, wanted => sub {
        push @list, $_ if /\.md$/ || m{/deploy/.*\.conf$};
    } }, "$top/docs");

    s{^\Q$top\E/}{} for @list;
    return sort @list;
}


# each in a folder of its own: files of one don't help another

sub complaint {
    my ($conf) = @_;
    my $d = "$dir/n";

    remove_tree($d);
    make_path($d);
    my $out = try_conf($nginx, $d, whole($conf, $d, $load));
    $out =~ s/\Q$d\E/DIR/g;
    return $out;
}


sub broken { return complaint(@_) }


sub links {
    my ($text) = @_;

    $text =~ s/```.*?```|`[^`\n]*`//sg;
    return map { [split /#/, $_, 2] }
           grep { !/^\w+:/ } $text =~ /\]\(([^()\s]+)\)/g;
}


# what a heading is called in a link

sub anchors {
    my ($text) = @_;

    $text =~ s/^```.*?^```//msg;

    return map { s/[^\w\- ]//g; tr/ /-/; lc } $text =~ /^#+ (.*)$/mg;
}


sub nowhere {
    my ($file, $text) = @_;
    my ($dir) = $file =~ m{^(.*/)};

    return map { join '#', @$_ } grep {
        my ($to, $anchor) = @$_;
        my $name = length $to ? "$top/" . ($dir // '') . $to : "$top/$file";

        !-e $name || defined $anchor
                     && !grep { $_ eq $anchor } anchors(slurp($name));
    } links($text);
}


sub before {
    my ($major, $minor) = @_;
    my ($ma, $mi) = $version =~ /(\d+)\.(\d+)/;

    return $ma < $major || $ma == $major && $mi < $minor;
}


sub slurp {
    my $name = shift;

    open my $in, '<', $name or die "$name: $!\n";
    local $/;
    return scalar <$in>;
}
