package ChatTest::Script;

# Configurations that are only tried, by "nginx -t": a line of a conversation
# each, so that there can be many.

use strict;
use warnings;

use ChatTest::Nginx;

# what a place of the configuration has before what is written for it
my %PLACE = map { $_ => 1 } qw(main http server location chat);


# refused PLACE DIRECTIVES [| PLACE DIRECTIVES...] => WORDS: nginx doesn't take
# it, and its one complaint has these words

sub all_refused {
    my ($self, $arg) = @_;

    my ($conf, $words) = split_case($arg, 1);
    my ($taken, $out) = $self->try_conf($conf);
    my @emerg = $out =~ /\[emerg\] .*/g;

    die "it is taken: $conf\n" if $taken;
    die "complaints: " . (join ' / ', @emerg) . "\n"
        if @emerg != 1 || !$self->says($emerg[0], $words);
}


# accepted PLACE DIRECTIVES [| ...] [=> WORDS]: nginx takes it without a word,
# or with one warning that has these

sub all_accepted {
    my ($self, $arg) = @_;

    my ($conf, $words) = split_case($arg, 0);
    my ($taken, $out) = $self->try_conf($conf);
    my @said = $out =~ /\[(?:warn|error|crit|alert|emerg)\] .*/g;

    die "it is refused: @said\n" if !$taken;
    die "it says: " . (join ' / ', @said) . "\n"
        if defined $words ? @said != 1 || !$self->says($said[0], $words)
                          : @said != 0;
}


# the words, or /regex/, whose (?<name>...) are kept

sub says {
    my ($self, $line, $words) = @_;

    return index($line, $words) >= 0 if $words !~ m{^/(.*)/$};

    $line =~ /$1/ or return 0;
    $self->{vars}{$_} = $+{$_} for keys %+;
    return 1;
}


sub split_case {
    my ($arg, $must) = @_;

    my ($conf, $words) = $arg =~ /^(.*?)(?:\s+=>\s+(.*))?$/s;

    die "say what it says: ... => WORDS\n" if $must && !defined $words;

    return ($conf, $words);
}


# whether "nginx -t" takes it, and what it writes

sub try_conf {
    my ($self, $conf) = @_;

    my %part;

    for my $p (split /\s+\|\s+/, $conf) {
        my ($place, $text) = $p =~ /^(\w+)\s+(.*)$/s;

        die "\"$p\": of which place?\n"
            if !defined $place || !$PLACE{$place};

        # nginx has variables, too: only what "let" has made is put in
        $text =~ s/(\$(?:\{(\w+)\}|(\w+)))/$self->{vars}{$2 || $3} || $1/ge;

        $part{$place} = ($part{$place} // '') . "$text\n";
    }

    my $root = $self->{nginx}->root;
    my $file = "$root/conf/tried.conf";

    open my $out, '>', $file or die "$file: $!\n";
    print $out $self->whole_conf(\%part);
    close $out;

    # who refuses a configuration leaves without freeing anything
    local $ENV{ASAN_OPTIONS} = join ',', $ENV{ASAN_OPTIONS} // (),
                                         'detect_leaks=0';

    my $said = `$ENV{TEST_NGINX_BINARY} -t -e stderr -p $root/ -c $file 2>&1`;
    my $status = $?;

    die "nginx -t was killed: $said\n" if $status & 127;
    die "a sanitizer's report: $said\n" if $said =~ /Sanitizer|runtime error:/;

    return $status == 0, $said;
}


# the running configuration's modules and paths, and then the parts; "chat" is
# location ^~ /chat/ with what such a one needs

sub whole_conf {
    my ($self, $part) = @_;

    my $now = ChatTest::Nginx::slurp($self->{nginx}->conf_file);
    my ($main, $paths) = $now =~ /^(.*?)^http \{\s*access_log \S+ (.*?)$/ms
        or die "what is this nginx.conf?\n";

    $main =~ s/^(pid\s+\S+);/$1.tried;/m or die "no pid in nginx.conf\n";
    $main =~ s/^error_log .*;/error_log stderr warn;/m
        or die "no error_log in nginx.conf\n";

    my %p = (main => '', http => '', server => '', location => '', %$part);
    my $chat = '';

    $p{http} = "chat_zone zone=main:8m;\n$p{http}"
        if $p{http} !~ /\bchat_zone\b/;

    if (defined $p{chat}) {
        my $own = $p{chat};

        $own = "chat_guest on;\n$own"
            if "$own $p{server} $p{http}" !~ /\bchat_(?:guest|user)\s/;
        $own = "chat main;\n$own" if $own !~ /(?:^|;)\s*chat\s/;
        $chat = "location ^~ /chat/ {\n$own}\n";
    }

    my $port = $self->{nginx}->port + 5;

    return "$main$p{main}\nevents {\n}\nhttp {\naccess_log off;\n$paths\n$p{http}\n"
        . "server {\nlisten 127.0.0.1:$port;\n$p{server}\n"
        . "location /other/ {\n$p{location}}\n$chat}\n}\n";
}

1;
