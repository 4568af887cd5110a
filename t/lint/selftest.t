#!/usr/bin/perl

# A rule that has never found anything is no evidence: good sources have one
# fault planted at a time, and the rule, and no other, has to find it.

use strict;
use warnings;

use File::Path qw(make_path);
use File::Temp qw(tempdir);
use FindBin;
use Test::More;

my $SOURCE = <<'END';

/*
 * Copyright (C) the ngx_chat_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_sample.h"


static ngx_int_t ngx_chat_sample_count(ngx_chat_sample_t *s,
    ngx_uint_t n);


/* what it says in "quotes" and in a // comment is not looked at: if(x){ */

ngx_chat_sample_t *
ngx_chat_sample_create(ngx_pool_t *pool, ngx_uint_t n)
{
    ngx_uint_t          i;
    ngx_chat_sample_t  *s, *t;

    s = ngx_pcalloc(pool, sizeof(ngx_chat_sample_t));
    if (s == NULL) {
        return NULL;
    }

    s->first = ngx_palloc(pool, n);
    s->last = ngx_palloc(pool, n);

    if (s->first == NULL || s->last == NULL) {
        return NULL;
    }

    t = ngx_array_push(&s->all);
    if (t == NULL) {
        return NULL;
    }

    for (i = 0; i < n; i++) {

        if (i == '"') {
            continue;
        }

        if (i > 3) {
            ngx_chat_sample_count(s, i);

        } else {
            s->few = "\"if(x){";
        }
    }

    return s;
}


#if (NGX_CHAT_SAMPLE)

/* a comment may follow a directive as it follows two blank lines */

void
ngx_chat_sample_noop(void)
{
}

#endif


static ngx_int_t
ngx_chat_sample_count(ngx_chat_sample_t *s, ngx_uint_t n)
{
    ngx_int_t  rc;

    ngx_chat_shm_lock(s->zone);

    rc = ngx_chat_sample_add_locked(s, n);

    ngx_chat_shm_unlock(s->zone);

    return rc;
}


ngx_int_t
ngx_chat_sample_add_locked(ngx_chat_sample_t *s, ngx_uint_t n)
{
    s->count += n;

    return ngx_chat_sample_sum_locked(s);
}
END

my $HEADER = <<'END';

/*
 * Copyright (C) the ngx_chat_module authors
 */


#ifndef _NGX_CHAT_SAMPLE_H_INCLUDED_
#define _NGX_CHAT_SAMPLE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


ngx_int_t ngx_chat_sample_add_locked(ngx_chat_sample_t *s, ngx_uint_t n);


#endif /* _NGX_CHAT_SAMPLE_H_INCLUDED_ */
END

my $body = "    s->count += n;\n";

my @FAULTS = (
    ['tab', 's->count += n;', "s->count\t+= n;"],
    ['trailing', 's->count += n;', 's->count += n; '],
    ['newline', "}\n\\z", "}"],
    ['newline', "}\n\\z", "}\n\n"],
    ['columns', 's->count += n;', 's->count += n;' . ' /* ' . 'x' x 70 . ' */'],
    ['slashes', 's->count += n;', 's->count += n; // more'],
    ['keyword-space', 'if \(i > 3\)', 'if(i > 3)'],
    ['keyword-space', 'return rc', 'return(rc)'],
    ['brace-space', '\(i > 3\) \{', '(i > 3){'],
    ['assert', 's->count \+= n;', 's->count += n; assert(n);'],
    ['for-declaration', 'for \(i = 0', 'for (int i = 0'],
    ['else', "i\\);\n\n        \\} else", "i);\n        } else"],
    ['else', '\} else \{', "}\n        else {"],
    ['return-type', "static ngx_int_t\nngx_chat", 'static ngx_int_t ngx_chat'],
    ['return-type', "static ngx_int_t\nngx_chat(_sample_count\\(.*),",
     "static ngx_int_t ngx_chat_sample_count(ngx_chat_sample_t *s,\n   "],
    ['two-blank-lines', "\n\n\nngx_int_t\n", "\n\nngx_int_t\n"],
    ['two-blank-lines', "\n\n\nngx_int_t\n", "\n\n\n\nngx_int_t\n"],
    ['two-blank-lines', "\n\n\n/\\* what", "\n\n/* what"],
    ['two-blank-lines', "SAMPLE\\)\n", "SAMPLE)\n\nint  ngx_chat_sample_n;\n"],
    ['function-length', $body, $body x 101],
    ['file-length', "\n\n\nngx_int_t\n",
     join('', map { "\n\n\nint  ngx_chat_sample_$_;" } 1 .. 200)
         . "\n\n\nngx_int_t\n"],
    ['copyright', 'Copyright \(C\)', 'Written by'],
    ['unchecked', "    if \\(s == NULL\\) \\{\n        return NULL;\n    \\}\n",
     ''],
    ['unchecked', ' \|\| s->last == NULL', ''],
    ['unchecked', 'if \(t == NULL\)', 'if (n == 0)'],
    ['locked', "    ngx_chat_shm_lock\\(s->zone\\);\n\n", ''],
    ['locked', "\nngx_chat_sample_count\\(", "\nngx_chat_sample_count_locked("],
);

my @HEADER_FAULTS = (
    ['guard', '_NGX_CHAT_SAMPLE_H_INCLUDED_', '_NGX_CHAT_SIMPLE_H_INCLUDED_'],
    ['guard', "#define _NGX.*\n", ''],
);

# files and the includes of each
my @TREES = (
    [undef, 'ngx_chat.h' => [],
            'ngx_chat_ws.h' => ['ngx_chat.h'],
            'ngx_chat_ws.c' => ['ngx_chat_ws.h', 'ngx_chat_utf8.h'],
            'ngx_chat_utf8.h' => ['ngx_core.h'],
            'ngx_chat_utf8.c' => ['ngx_chat_ws.h'],
            'ngx_chat_proto_cmd.c' => ['ngx_chat_json.h', 'ngx_chat_proto.h'],
            'ngx_chat_bus.h' => ['ngx_event.h', 'ngx_chat_shm.h'],
            'ngx_chat_session.c' => ['ngx_chat_hub.h'],
            'ngx_http_chat_sse.c' => ['ngx_http.h', 'ngx_chat_session.h',
                                      'ngx_http_chat_module.h'],
            'ngx_http_chat_module.h' => ['ngx_http.h']],
    ['upward', 'ngx_chat_ws.c' => ['ngx_chat_proto.h']],
    ['upward', 'ngx_chat.h' => ['ngx_chat_ws.h']],
    ['upward', 'ngx_chat_session.c' => ['ngx_http_chat_module.h']],
    ['http', 'ngx_chat_session.c' => ['ngx_http.h']],
    ['http', 'ngx_chat_hub.h' => ['ngx_http_request.h']],
    ['event', 'ngx_chat_log.c' => ['ngx_event.h']],
    ['event', 'ngx_chat_log.c' => ['ngx_event_posted.h']],
    ['unknown', 'ngx_chat_banana.c' => []],
    ['unknown', 'ngx_chat_log.c' => ['ngx_chat_banana.h']],
    ['name', 'utils.c' => []],
    ['source', 'ngx_chat_ws.c' => ['ngx_chat_utf8.c']],
    ['circle', 'ngx_chat_log.h' => ['ngx_chat_room.h'],
               'ngx_chat_room.h' => ['ngx_chat_shm.h'],
               'ngx_chat_shm.h' => ['ngx_chat_log.h']],
);

my $n = 0;


style('good source', 'c', $SOURCE, undef);
style('good header', 'h', $HEADER, undef);

for (@FAULTS) {
    my ($rule, $from, $to) = @$_;
    style($rule, 'c', edited($SOURCE, $from, $to), $rule);
}

for (@HEADER_FAULTS) {
    my ($rule, $from, $to) = @$_;
    style($rule, 'h', edited($HEADER, $from, $to), $rule);
}

for (@TREES) {
    my ($rule, %files) = @$_;
    layers($rule, \%files);
}

done_testing();


sub edited {
    my ($text, $from, $to) = @_;

    $from = quotemeta $from if index($text, $from) >= 0;
    $text =~ s/$from/$to/ or die "selftest: \"$from\" is not in the sample\n";
    return $text;
}


sub style {
    my ($name, $ext, $text, $rule) = @_;

    my $dir = tempdir(CLEANUP => 1);
    my $file = "$dir/ngx_chat_sample.$ext";
    put($file, $text);

    verdict("style: $name", $rule, "$FindBin::Bin/style.pl", $file);
}


sub layers {
    my ($rule, $files) = @_;

    my $dir = tempdir(CLEANUP => 1);

    for my $f (keys %$files) {
        put("$dir/$f", join '', map { "#include \"$_\"\n" } @{ $files->{$f} });
    }

    verdict('layers: ' . ($rule // 'good tree'), $rule,
            "$FindBin::Bin/layers.pl", $dir);
}


# the rules that a script names, and whether it fails, as it must if it names
# one

sub verdict {
    my ($name, $rule, @command) = @_;

    open my $out, '-|', $^X, @command or die "$command[0]: $!\n";
    my @lines = <$out>;
    close $out;
    my $failed = $? != 0;

    my %rules = map { /^\S+?(?::\d+)?: ([\w-]+): / ? ($1 => 1) : ('?' => 1) }
                @lines;

    my $got = join(' ', sort keys %rules) . ($failed ? ', fails' : '');
    my $want = defined $rule ? "$rule, fails" : '';

    is($got, $want, $name) or diag(@lines);
}


sub put {
    my ($file, $text) = @_;

    open my $fh, '>', $file or die "$file: $!\n";
    print $fh $text;
    close $fh or die "$file: $!\n";
}
