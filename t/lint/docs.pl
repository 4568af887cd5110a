#!/usr/bin/perl

#     docs.pl [TOP]
#
# What an operator can write or read must be documented, and nothing else:
# directives and variables in docs/directives.md, numbers of the status page
# and lines of the error log in docs/operations.md, error codes and commands
# in docs/protocol.md.

use strict;
use warnings;

my $top = shift // '.';
my $src = "$top/ngx_chat_module";
my $found = 0;

my $directives = slurp("$top/docs/directives.md");
my $operations = slurp("$top/docs/operations.md");
my $protocol = slurp("$top/docs/protocol.md");

directives();
variables();
numbers();
log_lines();
protocol();

exit($found ? 1 : 0);


sub slurp {
    my $name = shift;

    open my $in, '<', $name or die "$name: $!\n";
    local $/;
    return scalar <$in>;
}


# an array of the source as text

sub table {
    my ($file, $name) = @_;

    slurp("$src/$file") =~ /\b\Q$name\E\[[^\]]*\]\s*=\s*\{(.*?)^\};/ms
        or die "$file: no $name\[]\n";

    return $1;
}


sub compare {
    my ($what, $where, $there, $documented) = @_;

    die "no $what in the sources\n" if !@$there;

    my %there = map { $_ => 1 } @$there;
    my %documented = map { $_ => 1 } @$documented;

    for (sort keys %there) {
        report($where, "$what \"$_\" is not documented") if !$documented{$_};
    }

    for (sort keys %documented) {
        report($where, "there is no $what \"$_\"") if !$there{$_};
    }
}


sub report {
    my ($where, $what) = @_;

    print "$where: $what\n";
    $found++;
}


sub directives {
    my @there = table('ngx_http_chat_module.c', 'ngx_http_chat_commands')
                =~ /ngx_string\("(\w+)"\)/g;

    compare('directive', 'docs/directives.md', \@there,
            [$directives =~ /^### (chat\w*)$/mg]);

    # each has its table
    for my $part ($directives =~ /^### (chat.*?)(?=^##)/msg) {
        my ($name) = $part =~ /^(\w+)/;

        for my $row ('Syntax', 'Default', 'Context', 'Since') {
            report('docs/directives.md', "$name has no \"$row\"")
                if $part !~ /^\| $row \|/m;
        }
    }
}


sub variables {
    my @there = table('ngx_http_chat_variables.c', 'ngx_http_chat_variables')
                =~ /ngx_string\("(\w+)"\)/g;

    compare('variable', 'docs/directives.md', [map { "\$$_" } @there],
            [$directives =~ /^### (\$\w+)$/mg]);
}


# what is a member of the status page is a row of a table there

sub numbers {
    my $c = slurp("$src/ngx_http_chat_numbers.c");

    my @there = ($c =~ /[{,]\\"(\w+)\\":/g,
                 table('ngx_http_chat_numbers.c', 'ngx_http_chat_numbers')
                 =~ /"(\w+)",/g);

    my ($part) = $operations =~ /^## Status\n(.*?)^## /ms
        or die "docs/operations.md: no \"## Status\"\n";

    compare('number', 'docs/operations.md', \@there,
            [map { /`(\w+)`/g } $part =~ /^\|([^|]*)\|/mg]);
}


# Whatever is logged: its longest piece between values.  Those of nginx -t may
# be in docs/directives.md, where one that several directives share stands
# without its beginning.

sub log_lines {
    my $all = squeeze("$operations\n$directives");
    my $n = 0;

    for my $file (glob "$src/*.c") {
        my $c = slurp($file);

        while ($c =~ /\bngx_(?:conf_)?log_error\(\s*NGX_LOG_\w+,(.*?)\);/sg) {
            my $text = join '', $1 =~ /"((?:[^"\\]|\\.)*)"/g;

            $text =~ s/\\(.)/$1/g;
            $text =~ s/%%/%/g;

            my ($piece) = sort { length $b <=> length $a }
                          split /%(?:\*s|[a-zA-Z]+)/, $text;

            $n++;
            report($file, "log line \"$text\" is not documented")
                if index($all, squeeze($piece)) < 0;
        }
    }

    die "no log lines in the sources\n" if $n < 10;

    # what is said of a parameter
    for my $file (glob "$src/ngx_http_chat_set*.c") {
        my $c = slurp($file);

        while ($c =~ /("(?:write|known[ ](?:are|is)|this[ ]name|an[ ]origin)[ ]
                       (?:[^"\\]|\\.)*"(?:\s*"(?:[^"\\]|\\.)*")*)/xg)
        {
            my $text = join '', $1 =~ /"((?:[^"\\]|\\.)*)"/g;

            $text =~ s/\\(.)/$1/g;
            ($text) = split /%/, $text;

            report($file, "\"$text\" is not documented")
                if index($all, squeeze($text)) < 0;
        }
    }
}


# what a table or a line break does to a text

sub squeeze {
    my $text = shift;

    $text =~ s/[`\\]//g;
    $text =~ s/\s+/ /g;
    $text =~ s/^ | $//g;

    return $text;
}


sub protocol {
    my $errors = slurp("$src/ngx_chat_error.c");
    my $commands = slurp("$src/ngx_chat_proto_cmd.c");

    compare('error code', 'docs/protocol.md',
            [grep { $_ ne 'ok' } $errors =~ /\{ ngx_string\("(\w+)"\)/g],
            [$protocol =~ /^\| `(\w+)` \| \d{3} \|/mg]);

    my ($replies) = $protocol =~ /^### 2\.2 (.*?)^### /ms
        or die "docs/protocol.md: no table of commands\n";

    my ($keys) = $protocol =~ /^## 14\. (.*?)^## /ms
        or die "docs/protocol.md: no commands of keys\n";

    compare('command', 'docs/protocol.md',
            [$commands =~ /\{ ngx_string\("(\w+)"\), NGX_CHAT_CMD_/g],
            [$replies =~ /^\| `(\w+)`/mg, $keys =~ /^\| `(\w+)` \|/mg]);
}
