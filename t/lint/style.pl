#!/usr/bin/perl

#     style.pl FILE...
#
# nginx's C style, as far as a machine can see it.  Prints FILE:LINE: RULE:
# what, and fails if there is anything to print.  The rules were calibrated on
# nginx's own modules; what nginx breaks now and then is not a rule.

use strict;
use warnings;

my $MAX_COLUMNS = 80;
my $MAX_FUNCTION = 100;
my $MAX_FILE = 650;

# what returns NULL when there is no memory
my $ALLOC = qr/\bngx_(?:p(?:c|n|mem)?alloc|p?memalign|c?alloc
    |array_create|array_push|array_push_n|list_create|list_push
    |create_pool|create_temp_buf|alloc_chain_link|c?alloc_buf
    |chain_get_free_buf|pool_cleanup_add|http_cleanup_add
    |slab_c?alloc(?:_locked)?)\s*\(/x;

# the ways to take the zone's mutex, see ngx_chat_shm.h
my $LOCK = qr/\bngx_chat_(?:\w+_)?(?:(?:try)?lock(?:_read)?|acquire)\s*\(/;

my $found = 0;
my ($file, @raw, @code);

for (@ARGV) {
    $file = $_;
    check();
}

exit($found ? 1 : 0);


sub report {
    my ($line, $rule, $what) = @_;

    print "$file:$line: $rule: $what\n";
    $found++;
}


sub check {
    open my $in, '<', $file or die "$file: $!\n";
    my $text = do { local $/; <$in> };

    report(1, 'newline', 'the file does not end with one line feed')
        if $text !~ /[^\n]\n\z/;

    @raw = split /\n/, $text, -1;
    pop @raw;

    # the same text, line for line and column for column, without what
    # stands in comments, strings and characters
    @code = split /\n/, blank($text), -1;
    pop @code if @code > @raw;

    check_file();
    check_lines();
    check_functions();
    check_allocations();
}


sub blank {
    my $text = shift;

    $text =~ s{(/\*.*?\*/) | ("(?:\\.|[^"\\\n])*") | ('(?:\\.|[^'\\\n])*')
              | (//[^\n]*)}{
        my $s = defined $1 ? $1 : defined $2 ? $2 : defined $3 ? $3 : '';
        my $keep = defined $4 ? $4 : '';

        if (length $keep) {
            $keep;

        } elsif (defined $1) {
            $s =~ s/[^\n]/ /g;
            $s;

        } else {
            my $q = substr $s, 0, 1;
            $q . ('x' x (length($s) - 2)) . $q;
        }
    }gsex;

    return $text;
}


sub check_file {
    report(scalar @raw, 'file-length',
           'more than ' . $MAX_FILE . ' lines: split it by what it knows')
        if @raw > $MAX_FILE;

    my $head = join "\n", @raw[0 .. ($#raw < 6 ? $#raw : 6)];

    report(1, 'copyright', 'no copyright line at the top')
        if $head !~ /Copyright \(C\)/;

    if ($file =~ m{([^/]+)\.h$}) {
        my $guard = '_' . uc($1) . '_H_INCLUDED_';
        my ($ifndef) = grep { $raw[$_] =~ /^#\s*ifndef\b/ } 0 .. $#raw;

        if (!defined $ifndef || $raw[$ifndef] ne "#ifndef $guard"
            || $raw[$ifndef + 1] ne "#define $guard")
        {
            report(($ifndef // 0) + 1, 'guard', "the guard is not $guard");
        }
    }
}


sub check_lines {
    for my $i (0 .. $#raw) {
        my ($n, $l, $c) = ($i + 1, $raw[$i], $code[$i] // '');

        report($n, 'tab', 'a tab') if $l =~ /\t/;
        report($n, 'trailing', 'space at the end of the line')
            if $l =~ /[ \r]$/;
        report($n, 'columns', length($l) . " columns")
            if length($l) > $MAX_COLUMNS;
        report($n, 'slashes', 'a // comment') if $c =~ m{//};
        report($n, 'keyword-space', "no space after \"$1\"")
            if $c =~ /\b(if|for|while|switch|return)\(/;
        report($n, 'brace-space', 'no space before "{"') if $c =~ /\)\{/;
        report($n, 'assert', 'assert() is no error handling')
            if $c =~ /\bassert\s*\(/;
        report($n, 'for-declaration', 'a declaration inside for ()')
            if $c =~ /\bfor \((?:const )?\w+[ *]+\w+ =/;

        # one blank line before } else {, but for one after another closing
        if ($c =~ /^\s+\} else\b/ && $i > 0
            && $raw[$i - 1] =~ /\S/ && $raw[$i - 1] !~ /^#/)
        {
            report($n, 'else', 'no blank line before "} else"');
        }

        if ($c =~ /^\s+else\b/) {
            report($n, 'else', '"else" is not on the line of its "}"');
        }
    }
}


# A definition is a name at the left margin, with its type on the line before,
# and a body between braces at the left margin.

sub check_functions {
    my $i = 0;

    while ($i <= $#code) {

        # a typed name at the margin: a prototype, or a misplaced definition
        if ($code[$i] =~ /^(?:[a-z]\w*\s+)+\**\w+\(/ && !/^typedef/
            && body_follows($i))
        {
            report($i + 1, 'return-type',
                   'the type is not on a line of its own');
        }

        if ($code[$i] =~ /^([a-z]\w*)\(/ && body_follows($i)) {
            my ($name, $start) = ($1, $i);

            $i++ while $i < $#code && $code[$i] !~ /^\{/;
            my $open = $i;
            $i++ while $i < $#code && $code[$i] !~ /^\}/;
            my $close = $i;

            check_function($name, $start, $open, $close);
        }

        $i++;
    }
}


# does a body, and not a semicolon, come first?

sub body_follows {
    my $i = shift;

    my $rest = '';

    for my $l (@code[$i .. ($i + 12 > $#code ? $#code : $i + 12)]) {
        $rest .= "$l\n";
        last if $l =~ /[;{]/;
    }

    return $rest =~ /\)\s*\n?\s*\{/ && $rest !~ /;[^{]*\{/;
}


sub check_function {
    my ($name, $start, $open, $close) = @_;

    my $length = $close - $open + 1;

    report($start + 1, 'function-length',
           "$name() has $length lines, more than $MAX_FUNCTION")
        if $length > $MAX_FUNCTION;

    # its type, and what is over that: two blank lines, or the end of a comment
    my $top = $start - 1;

    if ($top > 1 && $raw[$top] =~ /\S/ && $raw[$top - 1] !~ m{\*/\s*$}
        && !after_directive($top)
        && !($raw[$top - 1] eq '' && $raw[$top - 2] eq ''
             && $raw[$top - 3] ne ''))
    {
        # a comment of the function may stand between, after two blank lines
        report($top + 1, 'two-blank-lines', "before $name()")
            if !comment_above($top);
    }

    my $body = join "\n", @code[$open .. $close];
    my $takes = $body =~ $LOCK;

    if ($name =~ /_locked$/ && $takes) {
        report($start + 1, 'locked',
               "$name() says that its caller holds the lock, and takes it");
    }

    if ($name !~ /_locked$/ && !$takes
        && $body =~ /\b(ngx_chat_\w+_locked)\s*\(/)
    {
        report($start + 1, 'locked',
               "$name() calls $1() without taking the lock; if its caller"
               . " holds it, its name ends in _locked");
    }
}


# "#if" is followed by one blank line, or none

sub after_directive {
    my $i = shift() - 1;

    $i-- if $raw[$i] eq '';
    return $raw[$i] =~ /^#/;
}


sub comment_above {
    my $top = shift;

    return 0 if $raw[$top - 1] ne '';

    my $i = $top - 2;
    return 0 if $i < 0 || $raw[$i] !~ m{\*/\s*$};

    $i-- while $i > 0 && $raw[$i] !~ m{^\s*/\*};
    return $i > 1 && $raw[$i - 1] eq ''
           && ($raw[$i - 2] eq '' || $raw[$i - 2] =~ /^#\s*if/);
}


sub check_allocations {
    for my $i (0 .. $#code) {
        next if $code[$i] !~ /^\s+(\S.*?)\s*=\s*(?:\([^()]*\)\s*)?$ALLOC/;

        my $what = $1;

        next if $what =~ /^(?:if|while) \(/;

        # to the end of the statement, then the next one that does something
        # else: several may be compared at once
        my $j = $i;

        do {
            $j++ while $j < $#code && $code[$j] !~ /;\s*$/;
            $j++;
            $j++ while $j < $#code && $code[$j] !~ /\S/;
        } while $j < $#code && $code[$j] =~ /=\s*(?:\([^()]*\)\s*)?$ALLOC/
                && $code[$j] !~ /^\s+(?:if|while) \(/;

        my $next = join ' ', @code[$j .. ($j + 3 > $#code ? $#code : $j + 3)];
        $next =~ s/\{.*//s;

        report($i + 1, 'unchecked', "\"$what\" is not compared with NULL next")
            if $next !~ /^\s+if \(.*\Q$what\E\s*[=!]= NULL/;
    }
}
