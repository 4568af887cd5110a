#!/usr/bin/perl

# The transcripts of docs/conformance, each on two workers; and transcripts
# that are wrong, which the same runner has to find.

use strict;
use warnings;

use Cwd qw(abs_path);
use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;
use ChatTest::Transcript;

my $docs = abs_path("$FindBin::Bin/../docs/conformance");
my @files = glob "$docs/*.txt";

die "$docs has no transcripts\n" if !@files;

my $n = 0;

Test::Base::spec_string(join '',
    map({ block($_ =~ s{.*/}{}r, "transcript $_") } @files),
    block('mistakes are found', "mistaken $FindBin::Bin/data/mistaken.txt"));

run_tests();


sub block {
    my ($name, $command) = @_;

    $n++;

    return <<"BLOCK";
=== TEST $n: $name
--- http_config
include $docs/http.conf;
--- config
include $docs/server.conf;
--- chat
t: $command

BLOCK
}
