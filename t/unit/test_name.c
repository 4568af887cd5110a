
/*
 * Copyright (C) the ngx_chat_module authors
 */


#include "unit.h"
#include "ngx_chat_name.h"


typedef struct {
    const char   *in;
    const char   *out;        /* NULL: refused */
} name_case_t;


static ngx_str_t
str(const char *s)
{
    ngx_str_t  v;

    v.data = (u_char *) s;
    v.len = strlen(s);

    return v;
}


/* the bytes of one character */

static size_t
encode(u_char *p, uint32_t ch)
{
    if (ch < 0x80) {
        p[0] = ch;
        return 1;
    }

    if (ch < 0x800) {
        p[0] = 0xc0 | (ch >> 6);
        p[1] = 0x80 | (ch & 0x3f);
        return 2;
    }

    if (ch < 0x10000) {
        p[0] = 0xe0 | (ch >> 12);
        p[1] = 0x80 | ((ch >> 6) & 0x3f);
        p[2] = 0x80 | (ch & 0x3f);
        return 3;
    }

    p[0] = 0xf0 | (ch >> 18);
    p[1] = 0x80 | ((ch >> 12) & 0x3f);
    p[2] = 0x80 | ((ch >> 6) & 0x3f);
    p[3] = 0x80 | (ch & 0x3f);

    return 4;
}


static const char  *good_names[] = {
    "lobby", "a", "0", "a-b_c", "a.b", "a~b", "a$", "a@b", "room:1",
    "\xc3\xa9t\xc3\xa9", "\xe6\x97\xa5\xe6\x9c\xac", "\xf0\x9f\x98\x80",
    "\xe2\x9d\xa4\xef\xb8\x8f", "a!b", "(x)", "[x]", "a|b", "a^b", "`", "'",
    "a;b", "a=b&c", "+", "-", "_", NULL
};


static const char  *bad_names[] = {
    "", " ", "a b", "a/b", "a\\b", "a?b", "a#b", "a%b", "a,b", "a*b", "a{b",
    "a}b", "a\"b", "a<b", "a>b", "~a", ".a", "$a", "@a", ".", "..", "~g",
    "a\tb", "a\nb", "a\x7f" "b", "a\xc2\x80", "a\xc2\x9f", "a\xe2\x80\x8b",
    "a\xe2\x80\x8d" "b", "\xef\xbb\xbf" "a", "a\xe2\x80\xae", "\xd8\x9c",
    "a\xff", "\xc3", "a\xe2\x80", "\xed\xa0\x80", "\xc0\xaf",
    "\xf4\x90\x80\x80",
    "a\xf3\xa0\x81\xa1", NULL
};


static void
test_rooms(void)
{
    u_char       buf[200];
    ngx_str_t    s;
    ngx_uint_t   i;

    for (i = 0; good_names[i]; i++) {
        s = str(good_names[i]);
        is_int(ngx_chat_room_name_valid(&s, 0), NGX_OK, "room good %d",
               (int) i);
        is_int(ngx_chat_user_id_valid(&s, 0), NGX_OK, "user good %d",
               (int) i);
    }

    for (i = 0; bad_names[i]; i++) {
        s = str(bad_names[i]);
        is_int(ngx_chat_room_name_valid(&s, 0), NGX_DECLINED, "room bad %d",
               (int) i);
        is_int(ngx_chat_user_id_valid(&s, 0), NGX_DECLINED, "user bad %d",
               (int) i);
    }

    memset(buf, 'x', sizeof(buf));
    s.data = buf;

    for (i = 0; i < sizeof(buf); i++) {
        s.len = i;
        check(ngx_chat_room_name_valid(&s, 0)
              == (i >= 1 && i <= 128 ? NGX_OK : NGX_DECLINED), "len %d",
              (int) i);
        check(ngx_chat_user_id_valid(&s, 0)
              == (i >= 1 && i <= 64 ? NGX_OK : NGX_DECLINED), "len %d",
              (int) i);
    }

    s = str("~d.abc");
    is_int(ngx_chat_room_name_valid(&s, 0), NGX_DECLINED, "~ is the server's");
    is_int(ngx_chat_room_name_valid(&s, 1), NGX_OK, "~ for the server");
    is_int(ngx_chat_user_id_valid(&s, 1), NGX_OK, "~ for guests");
    s = str("~a b");
    is_int(ngx_chat_room_name_valid(&s, 1), NGX_DECLINED, "~ but a space");
    s = str("@a");
    is_int(ngx_chat_room_name_valid(&s, 1), NGX_DECLINED, "only ~");

    s.data = (u_char *) "a\0b";
    s.len = 3;
    is_int(ngx_chat_room_name_valid(&s, 0), NGX_DECLINED, "a NUL");
}


static int
zero_width(uint32_t ch)
{
    return ch == 0xad || ch == 0x34f || ch == 0x61c || ch == 0x180e
           || (ch >= 0x200b && ch <= 0x200f) || (ch >= 0x2028 && ch <= 0x202e)
           || (ch >= 0x2060 && ch <= 0x206f) || ch == 0xfeff
           || (ch >= 0xfff9 && ch <= 0xfffb)
           || (ch >= 0xe0000 && ch <= 0xe007f);
}


static int
looks_like_space(uint32_t ch)
{
    return ch == 0x20 || ch == 0xa0 || ch == 0x1680
           || (ch >= 0x2000 && ch <= 0x200a) || ch == 0x202f || ch == 0x205f
           || ch == 0x2800 || ch == 0x3000 || ch == 0x3164 || ch == 0xffa0;
}


/* all of Unicode, in the middle of a name */

static void
test_characters(void)
{
    int         want;
    u_char      buf[8], one[4];
    size_t      n;
    uint32_t    ch;
    ngx_str_t   s;

    for (ch = 0; ch < 0x110000; ch++) {

        if (ch >= 0xd800 && ch < 0xe000) {
            continue;
        }

        buf[0] = 'a';
        s.data = buf;
        s.len = 1 + encode(buf + 1, ch);
        buf[s.len++] = 'b';

        want = !(ch <= 0x20 || (ch >= 0x7f && ch < 0xa0) || zero_width(ch)
                 || (ch < 0x7f && strchr("/\\?#%,*{}\"<>", ch) != NULL));

        check(ngx_chat_room_name_valid(&s, 0)
              == (want ? NGX_OK : NGX_DECLINED), "room U+%04X", ch);

        want = !(ch < 0x20 || (ch >= 0x7f && ch < 0xa0) || zero_width(ch));

        check(ngx_chat_display_name(&s) == (want ? NGX_OK : NGX_DECLINED),
              "display U+%04X", ch);

        if (!want) {
            continue;
        }

        if (looks_like_space(ch)) {
            check(s.len == 3 && memcmp(buf, "a b", 3) == 0, "U+%04X", ch);

        } else {
            n = encode(one, ch);
            check(s.len == n + 2 && memcmp(buf + 1, one, n) == 0
                  && buf[n + 1] == 'b', "U+%04X stays", ch);
        }
    }

    ok(1, "all characters");
}


#define ACUTE  "\xcc\x81"

static const name_case_t  display_cases[] = {
    { "Ann", "Ann" },
    { " Ann ", "Ann" },
    { "Ann   Lee", "Ann Lee" },
    { "  Ann    B   Lee   ", "Ann B Lee" },
    { "", NULL },
    { " ", NULL },
    { "     ", NULL },
    { "Ann\xc2\xa0\xe3\x80\x80Lee", "Ann Lee" },
    { "\xe3\x80\x80", NULL },
    { "\xe2\xa0\x80", NULL },
    { "a\tb", NULL },
    { "a\nb", NULL },
    { "a\x7f", NULL },
    { "a\xc2\x85", NULL },
    { "<b>&\"'/\\", "<b>&\"'/\\" },
    { "~g", "~g" },
    { "a\xe2\x80\x8b" "b", NULL },
    { "\xf0\x9f\x91\xa8\xe2\x80\x8d\xf0\x9f\x91\xa9", NULL },
    { "\xe2\x80\xae" "evil", NULL },
    { "\xe2\x81\xa6" "x", NULL },
    { "\xf3\xa0\x81\xa1", NULL },
    { "a" ACUTE ACUTE ACUTE, "a" ACUTE ACUTE ACUTE },
    { "a" ACUTE ACUTE ACUTE ACUTE, NULL },
    { "a" ACUTE ACUTE ACUTE "b" ACUTE ACUTE, "a" ACUTE ACUTE ACUTE "b" ACUTE
      ACUTE },
    { "a\xcc\x81\xd2\x83\xe2\x83\x90\xef\xb8\xa0", NULL },
    { "\xe0\xb9\x89\xe0\xb9\x89\xe0\xb9\x89\xe0\xb9\x89", NULL },
    { "\xe2\x9d\xa4\xef\xb8\x8f", "\xe2\x9d\xa4\xef\xb8\x8f" },
    { "\xc3\xa9\xc3\xa9", "\xc3\xa9\xc3\xa9" },
    { "a\xff", NULL },
    { "a\xc3", NULL },
    { "\xed\xa0\x80", NULL },
    { NULL, NULL }
};


static void
test_display(void)
{
    u_char       buf[256];
    ngx_int_t    rc;
    ngx_str_t    s;
    ngx_uint_t   i;

    for (i = 0; display_cases[i].in; i++) {
        s.data = buf;
        s.len = strlen(display_cases[i].in);
        memcpy(buf, display_cases[i].in, s.len);

        rc = ngx_chat_display_name(&s);

        if (display_cases[i].out == NULL) {
            is_int(rc, NGX_DECLINED, "display %d refused", (int) i);

        } else {
            is_int(rc, NGX_OK, "display %d", (int) i);
            is_str(s.data, s.len, display_cases[i].out, "display %d", (int) i);
        }
    }

    memset(buf, 'x', sizeof(buf));
    s.data = buf;
    s.len = 64;
    is_int(ngx_chat_display_name(&s), NGX_OK, "64 bytes");
    s.len = 65;
    is_int(ngx_chat_display_name(&s), NGX_DECLINED, "65 bytes");

    memset(buf, ' ', 100);
    s.len = 164;
    is_int(ngx_chat_display_name(&s), NGX_OK, "64 bytes and many spaces");
    is_int(s.len, 64, "without them");

    memset(buf, 'x', sizeof(buf));
    buf[63] = 0xcc;
    buf[64] = 0x81;
    s.len = 65;
    is_int(ngx_chat_display_name(&s), NGX_DECLINED, "a mark across byte 64");
}


static void
test_ids(void)
{
    u_char          buf[NGX_CHAT_ID_LEN], *p;
    uint64_t        n;
    ngx_str_t       s;
    ngx_uint_t      i;
    ngx_chat_id_t   id;

    static const char  *bad[] = {
        "", "1", "00", "0-", "k3f9q2x0ab", "k3f9q2x0ab-", "k3f9q2x0ab-01",
        "k3f9q2x0ab-00", "K3f9q2x0ab-1", "k3f9q2x0a-1", "k3f9q2x0abc-1",
        "k3f9q2x0ab-1x", "k3f9q2x0ab--1", "k3f9q2x0ab-+1", "k3f9q2x0ab- 1",
        "k3f9q2x0ab-1 ", " k3f9q2x0ab-1", "k3f9q2x0ab_1",
        "k3f9q2x0ab-9007199254740992", "k3f9q2x0ab-99999999999999999999",
        "k3f9q2x0ab-18446744073709551617", "k3f9q2x0ab-999999999999999999999",
        "k3f9q2x0a\xc3-1", NULL
    };

    for (i = 0; bad[i]; i++) {
        s = str(bad[i]);
        is_int(ngx_chat_id_parse(&s, &id), NGX_DECLINED, "bad id %s", bad[i]);
    }

    s = str("0");
    is_int(ngx_chat_id_parse(&s, &id), NGX_OK, "0");
    ok(ngx_chat_id_is_zero(&id) && id.offset == 0, "is zero");

    s = str("k3f9q2x0ab-0");
    is_int(ngx_chat_id_parse(&s, &id), NGX_OK, "an empty room's cursor");
    ok(!ngx_chat_id_is_zero(&id) && id.offset == 0, "isn't zero");

    s = str("0000000000-9007199254740991");
    is_int(ngx_chat_id_parse(&s, &id), NGX_OK, "the largest");
    is_int(id.offset, 9007199254740991LL, "is that");
    is_mem(id.epoch, 10, "0000000000", 10, "epoch");

    for (i = 0; i < 20000; i++) {
        n = (unit_random() & NGX_CHAT_SAFE_INT) >> (unit_random() % 54);
        ngx_chat_epoch_print(id.epoch, unit_random(), unit_random());
        p = ngx_chat_id_print(buf, id.epoch, n);
        s.data = buf;
        s.len = p - buf;
        check(ngx_chat_id_parse(&s, &id) == NGX_OK && id.offset == n
              && memcmp(id.epoch, buf, 10) == 0, "round trip");
    }

    ok(1, "ids there and back");

    p = ngx_chat_id_print(buf, (u_char *) "zzzzzzzzzz",
                          18446744073709551615ULL);
    is_str(buf, p - buf, "zzzzzzzzzz-18446744073709551615", "longest id");
}


static int
compare(const void *one, const void *two)
{
    return memcmp(one, two, NGX_CHAT_EPOCH_LEN);
}


static void
test_epochs(void)
{
    static u_char   all[100000][NGX_CHAT_EPOCH_LEN];

    u_char          e[NGX_CHAT_EPOCH_LEN], f[NGX_CHAT_EPOCH_LEN];
    ngx_uint_t      i, k, same;

    const uint64_t  m = 3656158440062976ULL;        /* 36^10 */

    ngx_chat_epoch_print(e, 0, 0);
    is_mem(e, 10, "0000000000", 10, "0");
    ngx_chat_epoch_print(e, 35, 0);
    is_mem(e, 10, "000000000z", 10, "35");
    ngx_chat_epoch_print(e, m - 1, 0);
    is_mem(e, 10, "zzzzzzzzzz", 10, "36^10 - 1");
    ngx_chat_epoch_print(e, m, 0);
    is_mem(e, 10, "0000000000", 10, "36^10");

    ngx_chat_epoch_print(e, 5, 7);
    ngx_chat_epoch_print(f, 5, 7 + m);
    is_mem(e, 10, f, 10, "n modulo 36^10");
    ngx_chat_epoch_print(f, 5 + m, 7);
    is_mem(e, 10, f, 10, "start modulo 36^10");
    ngx_chat_epoch_print(e, UINT64_MAX, UINT64_MAX);
    ngx_chat_epoch_print(f, UINT64_MAX % m, UINT64_MAX % m);
    is_mem(e, 10, f, 10, "the largest numbers");

    for (i = 0; i < 100000; i++) {
        ngx_chat_epoch_print(all[i], 0x123456789abcdefULL, i);

        for (k = 0; k < 10; k++) {
            check((all[i][k] >= '0' && all[i][k] <= '9')
                  || (all[i][k] >= 'a' && all[i][k] <= 'z'), "digit");
        }
    }

    qsort(all, 100000, NGX_CHAT_EPOCH_LEN, compare);

    same = 0;

    for (i = 1; i < 100000; i++) {
        same += (compare(all[i - 1], all[i]) == 0);
    }

    is_int(same, 0, "100000 epochs, none twice");

#ifdef __SIZEOF_INT128__
    for (i = 0; i < 20000; i++) {
        uint64_t  start = unit_random(), n = unit_random(), v;

        v = (uint64_t) (((unsigned __int128) n * 2259630184213715ULL + start)
                        % m);
        ngx_chat_epoch_print(e, start, n);
        ngx_chat_epoch_print(f, v, 0);
        check(memcmp(e, f, 10) == 0, "against 128 bits");
    }

    ok(1, "the same as with 128 bits");
#endif

    ok(2259630184213715ULL % 2 == 1 && 2259630184213715ULL % 3 != 0,
       "the step is prime to 36^10");
}


int
main(void)
{
    stub_init();

    test_rooms();
    test_characters();
    test_display();
    test_ids();
    test_epochs();

    return done();
}
