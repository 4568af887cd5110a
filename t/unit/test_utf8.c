
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Against sets that are made by encoding every character there is: what is
 * not the encoding of one, or the beginning of such, has to be refused.
 */


#include "unit.h"
#include "ngx_chat_utf8.h"


#define BITS(n)         ((n) / 8 + 1)

#define set_bit(s, i)   ((s)[(i) >> 3] |= (u_char) (1 << ((i) & 7)))
#define has_bit(s, i)   ((s)[(i) >> 3] & (1 << ((i) & 7)))


/* whole characters by length, and what characters begin with; big-endian */

static u_char  char1[BITS(0x100)], char2[BITS(0x10000)];
static u_char  char3[BITS(0x1000000)];
static u_char  begin1[BITS(0x100)], begin2[BITS(0x10000)];
static u_char  begin3[BITS(0x1000000)];


static size_t
encode(u_char *p, uint32_t c)
{
    if (c < 0x80) {
        p[0] = (u_char) c;
        return 1;
    }

    if (c < 0x800) {
        p[0] = (u_char) (0xc0 | c >> 6);
        p[1] = (u_char) (0x80 | (c & 0x3f));
        return 2;
    }

    if (c < 0x10000) {
        p[0] = (u_char) (0xe0 | c >> 12);
        p[1] = (u_char) (0x80 | (c >> 6 & 0x3f));
        p[2] = (u_char) (0x80 | (c & 0x3f));
        return 3;
    }

    p[0] = (u_char) (0xf0 | c >> 18);
    p[1] = (u_char) (0x80 | (c >> 12 & 0x3f));
    p[2] = (u_char) (0x80 | (c >> 6 & 0x3f));
    p[3] = (u_char) (0x80 | (c & 0x3f));

    return 4;
}


static void
make_sets(void)
{
    size_t    n;
    u_char    p[4];
    uint32_t  c, two, three;

    for (c = 0; c < 0x110000; c++) {

        if (c >= 0xd800 && c < 0xe000) {
            continue;
        }

        n = encode(p, c);

        if (n == 1) {
            set_bit(char1, p[0]);
            continue;
        }

        set_bit(begin1, p[0]);

        two = (uint32_t) p[0] << 8 | p[1];

        if (n == 2) {
            set_bit(char2, two);
            continue;
        }

        set_bit(begin2, two);

        three = two << 8 | p[2];

        if (n == 3) {
            set_bit(char3, three);

        } else {
            set_bit(begin3, three);
        }
    }
}


/*
 * What the sets say of up to 3 bytes: how many pass before one is refused, and
 * whether they end with a character.
 */

static size_t
reference(const u_char *p, size_t n, ngx_uint_t *whole)
{
    size_t    i, start;
    uint32_t  key;

    start = 0;
    key = 0;

    for (i = 0; i < n; i++) {
        key = key << 8 | p[i];

        switch (i - start) {

        case 0:
            if (has_bit(char1, key)) {
                start = i + 1;
                key = 0;

            } else if (!has_bit(begin1, key)) {
                return i;
            }

            break;

        case 1:
            if (has_bit(char2, key)) {
                start = i + 1;
                key = 0;

            } else if (!has_bit(begin2, key)) {
                return i;
            }

            break;

        case 2:
            if (has_bit(char3, key)) {
                start = i + 1;
                key = 0;

            } else if (!has_bit(begin3, key)) {
                return i;
            }

            break;
        }
    }

    *whole = (start == n);

    return n;
}


/* whole, byte by byte, and the whole by feed() */

static void
compare(u_char *p, size_t n)
{
    size_t      i, at;
    uint32_t    state;
    ngx_int_t   rc;
    ngx_uint_t  whole;

    whole = 0;
    at = reference(p, n, &whole);

    rc = ngx_chat_utf8_valid(p, n);

    check((rc == NGX_OK) == (at == n && whole), "valid %02x %02x %02x (%lu)",
          p[0], p[1], p[2], (unsigned long) n);

    state = NGX_CHAT_UTF8_ACCEPT;

    for (i = 0; i < n; i++) {
        if (ngx_chat_utf8_feed(&state, p + i, 1) != NGX_OK) {
            break;
        }
    }

    check(i == at, "refused at %lu, not %lu: %02x %02x %02x (%lu)",
          (unsigned long) i, (unsigned long) at, p[0], p[1], p[2],
          (unsigned long) n);

    if (i == n) {
        check((state == NGX_CHAT_UTF8_ACCEPT) == (whole != 0),
              "state %x: %02x %02x %02x (%lu)", (unsigned) state, p[0], p[1],
              p[2], (unsigned long) n);

    } else {
        check(state == NGX_CHAT_UTF8_REJECT, "rejected for good");
    }
}


static void
test_short(void)
{
    u_char         p[3];
    uint32_t       i;
    unsigned long  failed;

    failed = unit_failed;

    p[1] = 0;
    p[2] = 0;

    for (i = 0; i < 0x100; i++) {
        p[0] = (u_char) i;
        compare(p, 1);
    }

    ok(unit_failed == failed, "all strings of 1 byte");

    for (i = 0; i < 0x10000; i++) {
        p[0] = (u_char) (i >> 8);
        p[1] = (u_char) i;
        compare(p, 2);
    }

    ok(unit_failed == failed, "all strings of 2 bytes");

    for (i = 0; i < 0x1000000; i++) {
        p[0] = (u_char) (i >> 16);
        p[1] = (u_char) (i >> 8);
        p[2] = (u_char) i;
        compare(p, 3);

        if (unit_failed != failed) {
            break;
        }
    }

    ok(unit_failed == failed, "all strings of 3 bytes");
}


/* every beginning of 3 bytes, with last bytes from all over */

static void
test_four(void)
{
    u_char         p[4];
    uint32_t       i, k, state;
    ngx_uint_t     want;
    unsigned long  failed;

    static const u_char  last[] = {
        0x00, 0x41, 0x7f, 0x80, 0x81, 0x9f, 0xa0, 0xbe, 0xbf, 0xc0, 0xc2, 0xe0,
        0xf4, 0xff
    };

    failed = unit_failed;

    for (i = 0xf00000; i < 0xf80000 && unit_failed == failed; i++) {
        p[0] = (u_char) (i >> 16);
        p[1] = (u_char) (i >> 8);
        p[2] = (u_char) i;

        for (k = 0; k < sizeof(last) + 2; k++) {
            p[3] = (k < sizeof(last)) ? last[k] : (u_char) unit_random();

            want = has_bit(begin3, i) && (p[3] & 0xc0) == 0x80;

            check((ngx_chat_utf8_valid(p, 4) == NGX_OK) == want,
                  "%06x %02x", (unsigned) i, p[3]);

            state = NGX_CHAT_UTF8_ACCEPT;

            if (ngx_chat_utf8_feed(&state, p, 3) == NGX_OK) {
                check((ngx_chat_utf8_feed(&state, p + 3, 1) == NGX_OK)
                      == want, "%06x, then %02x", (unsigned) i, p[3]);
            }
        }
    }

    ok(unit_failed == failed, "strings of 4 bytes from F0 to F7");
}


/* all characters, there and back, and each of them cut */

static void
test_next(void)
{
    size_t         n, cut;
    u_char        *block, *p;
    uint32_t       c, got;
    unsigned long  failed;

    failed = unit_failed;

    for (c = 0; c < 0x110000 && unit_failed == failed; c++) {

        /* at the end of a block: reading too far shows */

        block = malloc(4);
        if (block == NULL) {
            abort();
        }

        n = encode(block, c);
        memmove(block + 4 - n, block, n);

        p = block + 4 - n;
        got = ngx_chat_utf8_next(&p, block + 4);

        if (c >= 0xd800 && c < 0xe000) {
            check(got == 0xffffffff, "surrogate %x", (unsigned) c);

        } else {
            check(got == c && p == block + 4, "U+%04X", (unsigned) c);
        }

        for (cut = 0; cut < n; cut++) {
            p = block + 4 - n;
            got = ngx_chat_utf8_next(&p, p + cut);
            check(got == 0xffffffff && p == block + 4 - n,
                  "U+%04X cut to %lu", (unsigned) c, (unsigned long) cut);
        }

        free(block);
    }

    ok(unit_failed == failed, "next: all characters, whole and cut");
}


/* of what is not valid it takes as little as the validator does */

static void
test_next_broken(void)
{
    u_char         block[4], *p, *last;
    uint32_t       c;
    ngx_uint_t     i, k, seen;
    unsigned long  failed;

    failed = unit_failed;

    for (i = 0; i < 3000000 && unit_failed == failed; i++) {

        for (k = 0; k < 4; k++) {
            block[k] = (u_char) unit_random();

            if (unit_random() % 4) {
                block[k] = (k == 0) ? block[k] | 0xc0
                                    : (block[k] & 0x3f) | 0x80;
            }
        }

        p = block;
        last = block + 4;
        seen = 0;

        while (p < last) {
            c = ngx_chat_utf8_next(&p, last);

            if (c == 0xffffffff) {
                break;
            }

            seen++;
        }

        check((p == last) == (ngx_chat_utf8_valid(block, 4) == NGX_OK),
              "next agrees with valid: %02x %02x %02x %02x", block[0],
              block[1], block[2], block[3]);

        check(ngx_chat_utf8_valid(block, p - block) == NGX_OK && seen <= 4,
              "what next has passed is valid");
    }

    ok(unit_failed == failed, "next: broken strings");
}


/* one character or one wrong byte at every place of long text, every split */

static void
test_long(void)
{
    size_t         n, at, cut, offset, len;
    u_char        *block, *p;
    uint32_t       state;
    ngx_int_t      rc;
    ngx_uint_t     k;
    unsigned long  failed;

    static const struct {
        const char  *bytes;
        ngx_uint_t   valid;
    } parts[] = {
        { "", 1 }, { "\xc3\xa9", 1 }, { "\xe2\x82\xac", 1 },
        { "\xf0\x9f\x98\x80", 1 }, { "\xff", 0 }, { "\x80", 0 },
        { "\xc3", 0 }, { "\xe2\x82", 0 }, { "\xf0\x9f\x98", 0 },
        { "\xed\xa0\x80", 0 }, { "\xc0\x80", 0 }
    };

    failed = unit_failed;

    for (n = 0; n <= 40; n++) {
        for (at = 0; at <= n; at++) {
            for (k = 0; k < sizeof(parts) / sizeof(parts[0]); k++) {

                len = strlen(parts[k].bytes);
                offset = (n + at) % 8;

                block = malloc(offset + n + len + 1);
                if (block == NULL) {
                    abort();
                }

                p = block + offset + 1;
                memset(p, 'a', n + len);
                memcpy(p + at, parts[k].bytes, len);

                rc = ngx_chat_utf8_valid(p, n + len);
                check((rc == NGX_OK) == parts[k].valid,
                      "part %lu at %lu of %lu", (unsigned long) k,
                      (unsigned long) at, (unsigned long) n);

                for (cut = 0; cut <= n + len; cut++) {
                    state = NGX_CHAT_UTF8_ACCEPT;

                    rc = ngx_chat_utf8_feed(&state, p, cut);

                    if (rc == NGX_OK) {
                        rc = ngx_chat_utf8_feed(&state, p + cut,
                                                n + len - cut);
                    }

                    check((rc == NGX_OK && state == NGX_CHAT_UTF8_ACCEPT)
                          == parts[k].valid, "part %lu at %lu of %lu cut at "
                          "%lu", (unsigned long) k, (unsigned long) at,
                          (unsigned long) n, (unsigned long) cut);
                }

                free(block);
            }
        }
    }

    ok(unit_failed == failed, "long text: all places, all splits");
}


static void
test_edges(void)
{
    u_char    *p;
    uint32_t   state;

    ok(ngx_chat_utf8_valid(NULL, 0) == NGX_OK, "nothing is valid");

    state = NGX_CHAT_UTF8_ACCEPT;
    ok(ngx_chat_utf8_feed(&state, NULL, 0) == NGX_OK
       && state == NGX_CHAT_UTF8_ACCEPT, "nothing changes nothing");

    ok(ngx_chat_utf8_feed(&state, (u_char *) "\xe2", 1) == NGX_OK
       && state != NGX_CHAT_UTF8_ACCEPT, "in a character");

    ok(ngx_chat_utf8_feed(&state, NULL, 0) == NGX_OK
       && state != NGX_CHAT_UTF8_ACCEPT, "still in a character");

    ok(ngx_chat_utf8_feed(&state, (u_char *) "a", 1) == NGX_ERROR,
       "refused at once");

    ok(ngx_chat_utf8_feed(&state, (u_char *) "a", 1) == NGX_ERROR,
       "and ever after");

    ok(ngx_chat_utf8_feed(&state, NULL, 0) == NGX_ERROR, "by nothing too");

    p = (u_char *) "";
    ok(ngx_chat_utf8_next(&p, p) == 0xffffffff, "next of nothing");
}


int
main(void)
{
    (void) stub_init();

    make_sets();

    test_edges();
    test_short();
    test_four();
    test_next();
    test_next_broken();
    test_long();

    return done();
}
