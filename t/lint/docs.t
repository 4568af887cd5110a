#!/usr/bin/perl

# docs.pl finds what it is there for: each time one thing is taken out of the
# documentation, or put into it, or into the sources.

use strict;
use warnings;

use File::Copy qw(copy);
use File::Path qw(make_path);
use File::Temp qw(tempdir);
use FindBin;
use Test::More;

my $top = "$FindBin::Bin/../..";

is(complaints(), '', 'as it is');

found('docs/directives.md', qr/^### chat_ping$/m, '### chat_pang',
      'directive "chat_ping" is not documented',
      'there is no directive "chat_pang"');
found('docs/directives.md', qr/^\| Default \| `chat_drain[^\n]*\n/m, '',
      'chat_drain has no "Default"');
found('docs/directives.md', qr/^### \$chat_sent$/m, '### sent',
      'variable "$chat_sent" is not documented');
found('docs/directives.md', qr/write a time of 100ms to 1h/, 'write a time',
      '"write a time of 100ms to 1h');
found('docs/operations.md', qr/`gaps_total`/, '`gap_total`',
      'number "gaps_total" is not documented',
      'there is no number "gap_total"');
found('docs/operations.md', qr/has been silent for/, 'said nothing for',
      'has been silent for %uD s" is not documented');
found('docs/protocol.md', qr/^\| `conflict` /m, '| `conflicts` ',
      'error code "conflict" is not documented',
      'there is no error code "conflicts"');
found('docs/protocol.md', qr/^\| `direct` /m, '| `shout` ',
      'command "direct" is not documented',
      'there is no command "shout"');
found('docs/protocol.md', qr/^\| `leave` /m, '| leave ',
      'command "leave" is not documented');
found('ngx_chat_module/ngx_http_chat_module.c', qr/ngx_string\("chat"\)/,
      'ngx_string("chat_new")', 'directive "chat_new" is not documented');
found('ngx_chat_module/ngx_http_chat_numbers.c', qr/"gaps_total"/,
      '"holes_total"', 'number "holes_total" is not documented');
found('ngx_chat_module/ngx_chat_worker.c',
      qr/chat sessions are sent to other/, 'sessions go to other',
      'sessions go to other workers" is not documented');

done_testing();


# found FILE, WHAT, INSTEAD, COMPLAINT...

sub found {
    my ($file, $what, $instead, @complaints) = @_;

    my $out = complaints($file, $what, $instead);

    for my $c (@complaints) {
        ok(index($out, $c) >= 0, "$file: $c") or diag($out);
    }
}


sub complaints {
    my ($file, $what, $instead) = @_;

    my $dir = tempdir(CLEANUP => 1);

    make_path("$dir/docs", "$dir/ngx_chat_module");

    for my $f (glob("$top/docs/*.md"), glob("$top/ngx_chat_module/*.c")) {
        my ($name) = $f =~ m{([^/]+/[^/]+)$};
        copy($f, "$dir/$name") or die "$f: $!\n";
    }

    if (defined $file) {
        open my $in, '<', "$dir/$file" or die "$file: $!\n";
        my $text = do { local $/; <$in> };

        $text =~ s/$what/$instead/ or die "$file: no $what\n";

        open my $out, '>', "$dir/$file" or die "$file: $!\n";
        print $out $text;
        close $out or die "$file: $!\n";
    }

    return scalar `$^X $FindBin::Bin/docs.pl $dir`;
}
