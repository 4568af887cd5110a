package ChatTest::Match;

# JSON patterns: which values match, and what is captured.
#
# A pattern is JSON in which an object needs to have only some members of the
# value's, and a string may be one of
#
#     "<any>" "<string>" "<int>" "<bool>" "<object>" "<array>"
#     "<id>"          an event's id, epoch-offset
#     "<epoch>"       ten base-36 digits
#     "<absent>"      the member is not there
#     "<< expr >>"    no string at all, but Perl with the value in $_
#     "/regex/"       a string, or a number as it is written
#     "$x=<id>"       any of these, and the value is kept as $x
#
# An array matches element by element, unless its last element is "...", then
# the value may be longer.  Numbers, strings and booleans are not each other.

use strict;
use warnings;

use B ();
use JSON::PP ();

my $json = JSON::PP->new->utf8->allow_nonref->canonical;

# strict: what the module sends is checked with it, too
sub decode { return $json->decode($_[0]) }

sub encode { return $json->encode($_[0]) }


# decode_prefix TEXT: the JSON value at its beginning, and what follows it

sub decode_prefix {
    my $text = shift;

    my ($value, $length) = $json->decode_prefix($text);
    return ($value, substr $text, $length);
}


sub is_number {
    my $v = shift;

    return 0 if !defined $v || ref $v;

    my $flags = B::svref_2object(\$v)->FLAGS;
    return ($flags & (B::SVp_IOK | B::SVp_NOK)) && !($flags & B::SVf_POK);
}


my %KIND = (
    any => sub { 1 },
    string => sub { defined $_[0] && !ref $_[0] && !is_number($_[0]) },
    int => sub { is_number($_[0]) && $_[0] =~ /^-?\d+$/ },
    bool => sub { JSON::PP::is_bool($_[0]) },
    object => sub { ref $_[0] eq 'HASH' },
    array => sub { ref $_[0] eq 'ARRAY' },
    id => sub { ($_[0] // '') =~ /^[0-9a-z]{10}-\d+$/ },
    epoch => sub { ($_[0] // '') =~ /^[0-9a-z]{10}$/ },
);


# match VALUE, PATTERN, VARIABLES: undef, or where and why it does not match.
# What is captured goes to the hash VARIABLES even if something else fails.

sub match {
    my ($value, $pattern, $vars, $path) = @_;

    $path //= '';

    if (ref $pattern eq 'HASH') {
        return differs($path, $value, 'an object') if ref $value ne 'HASH';

        for my $k (sort keys %$pattern) {
            my $p = $pattern->{$k};

            if (defined $p && !ref $p && $p eq '<absent>') {
                return "$path.$k is there: " . encode($value->{$k})
                    if exists $value->{$k};
                next;
            }

            return "$path.$k is missing" if !exists $value->{$k};

            my $why = match($value->{$k}, $p, $vars, "$path.$k");
            return $why if defined $why;
        }

        return undef;
    }

    if (ref $pattern eq 'ARRAY') {
        return differs($path, $value, 'an array') if ref $value ne 'ARRAY';

        my @p = @$pattern;
        my $open = @p && defined $p[-1] && !ref $p[-1] && $p[-1] eq '...';
        pop @p if $open;

        return "$path has " . @$value . ' elements, not ' . @p
            if $open ? @$value < @p : @$value != @p;

        for my $i (0 .. $#p) {
            my $why = match($value->[$i], $p[$i], $vars, "$path\[$i]");
            return $why if defined $why;
        }

        return undef;
    }

    return match_scalar($value, $pattern, $vars, $path);
}


sub match_scalar {
    my ($value, $pattern, $vars, $path) = @_;

    if (!defined $pattern) {
        return defined $value ? differs($path, $value, 'null') : undef;
    }

    # true and false
    if (ref $pattern) {
        return undef if JSON::PP::is_bool($value) && !$value == !$pattern;
        return differs($path, $value, encode($pattern));
    }

    if (is_number($pattern)) {
        return undef if is_number($value) && $value == $pattern;
        return differs($path, $value, $pattern);
    }

    my $name = $pattern =~ s/^\$([a-z]\w*)=// ? $1 : undef;
    my $ok;

    if ($pattern =~ /^<(\w+)>$/) {
        my $kind = $KIND{$1} or die "no such placeholder: $pattern\n";
        $ok = $kind->($value);

    } elsif ($pattern =~ /^<<(.*)>>$/s) {
        my $code = $1;
        local $_ = $value;
        no strict 'vars';
        $ok = eval $code;
        die "in $pattern: $@" if $@;

    } elsif ($pattern =~ m{^/(.*)/$}s) {
        $ok = defined $value && !ref $value && $value =~ /$1/;

    } else {
        $ok = defined $value && !ref $value && !is_number($value)
            && $value eq $pattern;
    }

    return differs($path, $value, $pattern) if !$ok;

    $vars->{$name} = $value if defined $name;
    return undef;
}


sub differs {
    my ($path, $value, $expected) = @_;

    $path = 'it' if $path eq '';
    return "$path is " . encode($value) . ", expected $expected";
}


# interpolate TEXT, VARIABLES: $name and ${name} become the variable's value: a
# string's characters inside quotes, JSON outside; $$ is a dollar sign.  What
# is not a variable's name, as in "$x=<id>", is left.

sub interpolate {
    my ($text, $vars) = @_;

    my $quoted = 0;

    $text =~ s{(\\.) | (") | \$(\$) | \$\{(\w+)\} | \$([a-zA-Z]\w*)(?!\w*=<|\w*=/)}{
        if (defined $1) {
            $1;

        } elsif (defined $2) {
            $quoted = !$quoted;
            $2;

        } elsif (defined $3) {
            '$';

        } else {
            my $name = $4 // $5;

            $name =~ /^TEST_NGINX_/ ? $ENV{$name}
            : exists $vars->{$name} ? value($vars->{$name}, $quoted)
            : die "unknown variable \$$name\n";
        }
    }gsex;

    return $text;
}


sub value {
    my ($v, $quoted) = @_;

    return encode($v) if ref $v || !defined $v || is_number($v);

    # outside JSON, as in a path, there are no quotes either: the word itself
    my $s = encode("$v");
    return $quoted || $v =~ /^[\w.~-]+$/ ? substr($s, 1, -1) : $s;
}

1;
