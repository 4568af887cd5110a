
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * What is written is read by jansson, and the other way round: the grammar here
 * and jansson's must agree on every text.
 */


#include "unit.h"
#include <jansson.h>


/* allocations of the text that is being written can be made to fail */

static ngx_uint_t  alloc_count;
static ngx_uint_t  alloc_fail;


static void *
test_alloc(size_t size, ngx_log_t *log)
{
    if (++alloc_count == alloc_fail) {
        return NULL;
    }

    return malloc(size);
}


#define ngx_alloc(size, log)  test_alloc(size, log)

#include "../../ngx_chat_module/ngx_chat_json.c"

#undef ngx_alloc

#include "ngx_chat_utf8.h"


#define FLAGS  (JSON_DECODE_ANY|JSON_DECODE_INT_AS_REAL|JSON_ALLOW_NUL)


static ngx_log_t  *test_log;


static ngx_str_t
str(const char *s)
{
    ngx_str_t  v;

    v.data = (u_char *) s;
    v.len = strlen(s);

    return v;
}


/* on the heap and of exactly that size, so that a byte too far is seen */

static ngx_str_t
heap(const void *p, size_t len)
{
    ngx_str_t  v;

    v.data = malloc(len ? len : 1);
    v.len = len;

    if (len) {
        memcpy(v.data, p, len);
    }

    return v;
}


static void
test_text(void)
{
    ngx_uint_t        i;
    ngx_chat_text_t   t;

    static const int64_t  num[] = { 0, 1, -1, 9, 10, 1732413000123LL,
                                    INT64_MAX, INT64_MIN, 9007199254740991LL };

    ngx_chat_text_init(&t, 0, test_log);
    is_int(ngx_chat_text_len(&t), 0, "empty");
    ngx_chat_text_add(&t, NULL, 0);
    ngx_chat_text_lit(&t, "");
    ok(t.start == NULL && !t.failed, "nothing allocated for nothing");
    ngx_chat_text_reset(&t);

    for (i = 0; i < 10000; i++) {
        ngx_chat_text_lit(&t, "0123456789");
    }

    is_int(ngx_chat_text_len(&t), 100000, "it grows");

    for (i = 0; i < 100000; i++) {
        check(t.start[i] == '0' + i % 10, "byte %d", (int) i);
    }

    check(t.end - t.start == 131072, "by doubling");

    ngx_chat_text_reset(&t);
    is_int(ngx_chat_text_len(&t), 0, "reset");
    ngx_chat_text_free(&t);
    ok(t.start == NULL && t.pos == NULL, "freed");
    ngx_chat_text_free(&t);
    ngx_chat_text_lit(&t, "again");
    is_str(t.start, ngx_chat_text_len(&t), "again", "usable after free");

    for (i = 0; i < sizeof(num) / sizeof(num[0]); i++) {
        char  want[32];

        ngx_chat_text_reset(&t);
        ngx_chat_text_num(&t, num[i]);
        sprintf(want, "%lld", (long long) num[i]);
        is_str(t.start, ngx_chat_text_len(&t), want, "number");
    }

    ngx_chat_text_free(&t);
}


static void
test_text_max(void)
{
    size_t            max, n, len;
    ngx_str_t         s;
    ngx_uint_t        i;
    ngx_chat_text_t   t;

    for (max = 1; max < 1200; max += 7) {

        ngx_chat_text_init(&t, max, test_log);

        for (len = 0; !t.failed; len += n) {
            n = 1 + unit_random() % 90;
            ngx_chat_text_add(&t, "0123456789012345678901234567890123456789"
                              "01234567890123456789012345678901234567890123456"
                              "789", n);

            if (t.failed) {
                check(len + n > max, "failed only above max");

            } else {
                check(len + n <= max, "not above max");
            }
        }

        check(ngx_chat_text_len(&t) <= max, "what is there is at most max");
        ngx_chat_text_add(&t, "x", 1);
        s = str("x");
        ngx_chat_text_json(&t, &s);
        ngx_chat_text_num(&t, 1);
        check(ngx_chat_text_reserve(&t, 0) == NGX_ERROR, "reserve fails too");
        check(t.failed, "it sticks");
        ngx_chat_text_reset(&t);
        check(!t.failed, "until reset");
        ngx_chat_text_free(&t);
    }

    ngx_chat_text_init(&t, 5, test_log);
    ngx_chat_text_add(&t, "12345", 5);
    ok(!t.failed, "exactly max");
    is_int(ngx_chat_text_reserve(&t, 0), NGX_OK, "and no byte more");
    is_int(ngx_chat_text_reserve(&t, (size_t) -1), NGX_ERROR, "absurd size");
    ngx_chat_text_free(&t);

    ngx_chat_text_init(&t, 0, test_log);
    ngx_chat_text_add(&t, "12345", 5);
    is_int(ngx_chat_text_reserve(&t, (size_t) -1), NGX_ERROR, "absurd size");
    ngx_chat_text_free(&t);

    for (i = 1; i < 6; i++) {
        ngx_chat_text_init(&t, 0, test_log);
        alloc_count = 0;
        alloc_fail = i;

        for (n = 0; n < 4000; n++) {
            ngx_chat_text_add(&t, "y", 1);
        }

        check(t.failed == (i <= 5), "allocation %d of 5 fails", (int) i);
        check(ngx_chat_text_len(&t) == (i == 1 ? 0 : (size_t) 128 << (i - 1)),
              "what was there stays");
        ngx_chat_text_free(&t);
    }

    alloc_fail = 0;
    ok(1, "limits and failures");
}


static void
test_escapes(void)
{
    ngx_str_t         s, v;
    ngx_uint_t        i;
    ngx_chat_text_t   t;

    static const char  *cases[][2] = {
        { "", "\"\"" },
        { "a", "\"a\"" },
        { "a/b", "\"a/b\"" },
        { "a\"b\\c", "\"a\\\"b\\\\c\"" },
        { "\b\f\n\r\t", "\"\\b\\f\\n\\r\\t\"" },
        { "\x01\x0b\x1f\x7f", "\"\\u0001\\u000b\\u001f\x7f\"" },
        { "<b>&'", "\"<b>&'\"" },
        { "\xe2\x80\xa8\xe2\x80\xa9", "\"\xe2\x80\xa8\xe2\x80\xa9\"" },
        { "\xf0\x9f\x98\x80", "\"\xf0\x9f\x98\x80\"" },
        { "\"", "\"\\\"\"" },
        { "x\"", "\"x\\\"\"" },
        { "\"x", "\"\\\"x\"" }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        s = str(cases[i][0]);
        is_int(ngx_chat_json_string_len(&s), strlen(cases[i][1]), "length %d",
               (int) i);

        v = heap(cases[i][1], strlen(cases[i][1]));
        check(ngx_chat_json_string(v.data, &s) == v.data + v.len, "end");
        is_str(v.data, v.len, cases[i][1], "escapes %d", (int) i);
        free(v.data);

        ngx_chat_text_init(&t, strlen(cases[i][1]), test_log);
        ngx_chat_text_json(&t, &s);
        is_str(t.start, ngx_chat_text_len(&t), cases[i][1], "text %d",
               (int) i);
        ngx_chat_text_free(&t);
    }
}


static size_t
random_string(u_char *p, ngx_uint_t n)
{
    size_t    len;
    uint32_t  ch;

    static const uint32_t  limits[] = { 0x20, 0x7f, 0x80, 0x100, 0x800,
                                        0x10000, 0x110000 };
    len = 0;

    while (n--) {
        ch = unit_random() % limits[unit_random() % 7];

        if (ch >= 0xd800 && ch < 0xe000) {
            ch = '"';
        }

        if (ch < 0x80) {
            p[len++] = ch;

        } else if (ch < 0x800) {
            p[len++] = 0xc0 | (ch >> 6);
            p[len++] = 0x80 | (ch & 0x3f);

        } else if (ch < 0x10000) {
            p[len++] = 0xe0 | (ch >> 12);
            p[len++] = 0x80 | ((ch >> 6) & 0x3f);
            p[len++] = 0x80 | (ch & 0x3f);

        } else {
            p[len++] = 0xf0 | (ch >> 18);
            p[len++] = 0x80 | ((ch >> 12) & 0x3f);
            p[len++] = 0x80 | ((ch >> 6) & 0x3f);
            p[len++] = 0x80 | (ch & 0x3f);
        }
    }

    return len;
}


/* every string comes back from jansson as it was */

static void
test_round_trip(void)
{
    u_char            buf[256];
    json_t           *j;
    ngx_str_t         s;
    ngx_uint_t        i;
    json_error_t      e;
    ngx_chat_text_t   t;

    ngx_chat_text_init(&t, 0, test_log);

    for (i = 0; i < 30000; i++) {

        s.data = buf;
        s.len = random_string(buf, unit_random() % 40);

        check(ngx_chat_utf8_valid(s.data, s.len) == NGX_OK, "is UTF-8");

        ngx_chat_text_reset(&t);
        ngx_chat_text_json(&t, &s);

        j = json_loadb((char *) t.start, ngx_chat_text_len(&t), FLAGS, &e);

        check(j != NULL && json_string_length(j) == s.len
              && memcmp(json_string_value(j), s.data, s.len) == 0,
              "string %d: %s", (int) i, j ? "differs" : e.text);
        check(ngx_chat_text_len(&t) == ngx_chat_json_string_len(&s), "length");

        json_decref(j);
    }

    ngx_chat_text_free(&t);

    ok(1, "strings there and back");
}


static const char  *valid[] = {
    "{}", "[]", " [ ] ", "{ }", "0", "-0", "1", "-1", "10", "1.5", "1e5",
    "1E+5", "1.0e-5", "true", "false", "null", "\"\"", "\"a\"", " \"a\" ",
    "[1,2]", "[1, [2, [3]]]", "{\"a\":1}", "{\"a\":{\"b\":[1,{}]},\"c\":[]}",
    "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0061\\uABCD\"",
    "\t\r\n 1 \t\r\n", "[\"]\",\"[\",\"\\\"\"]", "{\"\":\"\"}",
    "[[],{},[{}]]", "\"\\ud83d\\ude00\"",
    "[-1.25e+10,0.5,0e0]", NULL
};


static const char  *invalid[] = {
    "", " ", "{", "}", "[", "]", "{]", "[}", "[1,]", "[,1]", "{,}", "{\"a\"}",
    "{\"a\":}", "{\"a\":1,}", "{a:1}", "{'a':1}", "{1:1}", "[1 2]",
    "{\"a\":1 \"b\":2}", "01", "-", "-a", "1.", ".5", "1e", "1e+", "+1", "0x1",
    "1.e1", "tru", "truE", "nul", "True", "NaN", "Infinity", "-Infinity",
    "\"", "\"a", "\"\\\"", "\"\\x\"", "\"\\u12\"", "\"\\u12g4\"", "\"\\u\"",
    "\"\\", "\"\n\"", "\"\t\"", "\"\x1f\"", "1 2", "{}{}", "[]]", "[[]",
    "// x\n1", "/**/1", "[1]x", "\v1", "\xef\xbb\xbf{}", "{\"a\":1]", "[1}",
    "{\"a\"::1}", "{\"a\",1}", "[1:2]", ",", ":", "[1,,2]", "truetrue", "1true",
    "\"a\"\"b\"", NULL
};


static int
jansson_says(ngx_str_t *s, json_error_t *e)
{
    json_t  *j;

    memset(e, 0, sizeof(json_error_t));

    j = json_loadb((char *) s->data, s->len, FLAGS, e);
    json_decref(j);

    return j != NULL;
}


static void
test_grammar(void)
{
    u_char         buf[64];
    ngx_str_t      s;
    ngx_uint_t     i, k, n, good;
    json_error_t   e;

    static const char  alphabet[] = "{}[]{}[],:,:\"\"\"\\\\a1-0.eE+tu \nb";
    static const char  *words[] = { "{", "}", "[", "]", ",", ":", "\"a\"",
        "\"\\n\"", "1", "-0.5e3", "true", "false", "null", " ", "\"b\"", "1" };

    for (i = 0; valid[i]; i++) {
        s = heap(valid[i], strlen(valid[i]));
        is_int(ngx_chat_json_valid(&s), NGX_OK, "valid: %s", valid[i]);
        free(s.data);
    }

    for (i = 0; invalid[i]; i++) {
        s = heap(invalid[i], strlen(invalid[i]));
        is_int(ngx_chat_json_valid(&s), NGX_ERROR, "invalid: %s", invalid[i]);
        free(s.data);
    }

    s = heap("1\0", 2);
    is_int(ngx_chat_json_valid(&s), NGX_ERROR, "a NUL behind");
    free(s.data);

    /* small texts of the letters that matter, and of words */

    good = 0;

    for (i = 0; i < 400000; i++) {

        n = 1 + unit_random() % 10;
        s.data = buf;

        if (i & 1) {
            s.len = n;
            for (k = 0; k < n; k++) {
                buf[k] = alphabet[unit_random() % (sizeof(alphabet) - 1)];
            }

        } else {
            for (s.len = 0, k = 0; k < n && s.len < 50; k++) {
                const char  *w = words[unit_random() % 16];

                memcpy(buf + s.len, w, strlen(w));
                s.len += strlen(w);
            }
        }

        k = jansson_says(&s, &e);
        good += k;

        check((ngx_chat_json_valid(&s) == NGX_OK) == k
              || json_error_code(&e) == json_error_numeric_overflow,
              "jansson says %d: %.*s", (int) k, (int) s.len, s.data);
    }

    ok(good > 2000, "the same as jansson, %d of them valid", (int) good);
}


static void
test_deep(void)
{
    u_char       *p;
    ngx_str_t     s;
    ngx_uint_t    i, n;

    static const ngx_uint_t  deep[] = { 1, 7, 8, 9, 16384 };

    p = malloc(40000);

    for (i = 0; i < 5; i++) {
        n = deep[i];
        memset(p, '[', n);
        memset(p + n, ']', n);
        s = heap(p, 2 * n);

        is_int(ngx_chat_json_valid(&s), NGX_OK, "%d deep", (int) n);
        is_int(ngx_chat_json_depth(&s, 20000), n, "%d counted", (int) n);
        is_int(ngx_chat_json_depth(&s, 3), n > 3 ? 4 : n, "at most 4 counted");

        s.len--;
        is_int(ngx_chat_json_valid(&s), NGX_ERROR, "%d open", (int) n);
        s.len++;
        s.data[s.len - 1] = '}';
        is_int(ngx_chat_json_valid(&s), NGX_ERROR, "%d crossed", (int) n);
        free(s.data);
    }

    memset(p, '[', 16385);
    memset(p + 16385, ']', 16385);
    s.data = p;
    s.len = 2 * 16385;
    is_int(ngx_chat_json_valid(&s), NGX_ERROR, "one too deep");

    free(p);

    s = str("{\"a]}[[[[\":\"[[[{{{\\\"[[\",\"b\":[[1]]}");
    is_int(ngx_chat_json_depth(&s, 100), 3, "brackets in strings");
    s = str("]]]][");
    is_int(ngx_chat_json_depth(&s, 100), 1, "not valid");
    s = str("1");
    is_int(ngx_chat_json_depth(&s, 100), 0, "a scalar");
    s = str("[\"");
    is_int(ngx_chat_json_depth(&s, 100), 1, "cut");
    s = str("[\"\\");
    is_int(ngx_chat_json_depth(&s, 100), 1, "cut in an escape");
}


static void
test_members(void)
{
    u_char     *pos;
    ngx_str_t   j, n, v;

    j = str(" { \"a\" : 1 , \"b\":\"x,\\\"}\",\"c\":{\"a\":[1,{\"b\":2}]},"
            "\"\":null,\"d\\u0061\":true }");

    n = str("a");
    is_int(ngx_chat_json_member(&j, &n, &v), NGX_OK, "a");
    is_str(v.data, v.len, "1", "a");
    n = str("b");
    is_int(ngx_chat_json_member(&j, &n, &v), NGX_OK, "b");
    is_str(v.data, v.len, "\"x,\\\"}\"", "b");
    n = str("c");
    is_int(ngx_chat_json_member(&j, &n, &v), NGX_OK, "c");
    is_str(v.data, v.len, "{\"a\":[1,{\"b\":2}]}", "c");
    n = str("");
    is_int(ngx_chat_json_member(&j, &n, &v), NGX_OK, "empty name");
    is_str(v.data, v.len, "null", "empty name");
    n = str("da");
    is_int(ngx_chat_json_member(&j, &n, &v), NGX_DECLINED, "raw names");
    n = str("x");
    is_int(ngx_chat_json_member(&j, &n, &v), NGX_DECLINED, "none");

    j = str("{}");
    is_int(ngx_chat_json_member(&j, &n, &v), NGX_DECLINED, "empty object");

    j = str("[ 1 , \"a,]\" ,[2,[3]], {\"x\":[]} ,true]");
    pos = j.data;
    is_int(ngx_chat_json_element(&j, &pos, &v), NGX_OK, "0");
    is_str(v.data, v.len, "1", "0");
    is_int(ngx_chat_json_element(&j, &pos, &v), NGX_OK, "1");
    is_str(v.data, v.len, "\"a,]\"", "1");
    is_int(ngx_chat_json_element(&j, &pos, &v), NGX_OK, "2");
    is_str(v.data, v.len, "[2,[3]]", "2");
    is_int(ngx_chat_json_element(&j, &pos, &v), NGX_OK, "3");
    is_str(v.data, v.len, "{\"x\":[]}", "3");
    is_int(ngx_chat_json_element(&j, &pos, &v), NGX_OK, "4");
    is_str(v.data, v.len, "true", "4");
    is_int(ngx_chat_json_element(&j, &pos, &v), NGX_DONE, "end");
    is_int(ngx_chat_json_element(&j, &pos, &v), NGX_DONE, "still");

    j = str(" [ ] ");
    pos = j.data;
    is_int(ngx_chat_json_element(&j, &pos, &v), NGX_DONE, "empty array");
}


static void
test_minify(void)
{
    ngx_str_t   s;
    ngx_uint_t  i;

    static const char  *cases[][2] = {
        { "", "" },
        { "1", "1" },
        { " { \"a b\" : [ 1 , 2 ]\t,\r\n\"c\" : \" \\\" \" } ",
          "{\"a b\":[1,2],\"c\":\" \\\" \"}" },
        { "\"  \"", "\"  \"" },
        { "[ \"\\\\\" , \" x \" ]", "[\"\\\\\",\" x \"]" }
    };

    for (i = 0; i < 5; i++) {
        s = heap(cases[i][0], strlen(cases[i][0]));
        ngx_chat_json_minify(&s);
        is_str(s.data, s.len, cases[i][1], "minify %d", (int) i);
        free(s.data);
    }
}


/* nothing reads too far, whatever it is given */

static void
test_noise(void)
{
    u_char      buf[48], *pos;
    ngx_str_t   s, n, v;
    ngx_uint_t  i, k, len;

    static const char  alphabet[] = "{}[],:\"\\ \nau1";

    for (i = 0; i < 100000; i++) {
        len = unit_random() % sizeof(buf);

        for (k = 0; k < len; k++) {
            buf[k] = alphabet[unit_random() % (sizeof(alphabet) - 1)];
        }

        s = heap(buf, len);
        (void) ngx_chat_json_valid(&s);
        (void) ngx_chat_json_depth(&s, unit_random() % 5);
        n = str("a");
        (void) ngx_chat_json_member(&s, &n, &v);

        pos = s.data;
        for (k = 0; ngx_chat_json_element(&s, &pos, &v) == NGX_OK; k++) {
            check(v.data >= s.data && v.data + v.len <= s.data + s.len
                  && k <= len, "a slice");
        }

        pos = s.data;
        for (k = 0;
             ngx_chat_json_next_member(&s, &pos, &n, &v) == NGX_OK; k++)
        {
            check(v.data >= s.data && v.data + v.len <= s.data + s.len
                  && n.data + n.len <= s.data + s.len && k <= len, "a slice");
        }

        ngx_chat_json_minify(&s);
        check(s.len <= len, "shorter");
        free(s.data);
    }

    ok(1, "noise");
}


int
main(void)
{
    test_log = stub_init();

    test_text();
    test_text_max();
    test_escapes();
    test_round_trip();
    test_grammar();
    test_deep();
    test_members();
    test_minify();
    test_noise();

    return done();
}
