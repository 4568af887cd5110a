
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Blocks are compared with expected ones, and are read back by a reader that
 * follows the standard (WHATWG HTML, section 9.2.6).
 */


#include "unit.h"
#include "ngx_chat_sse.h"


/* the block, in memory of exactly the announced size */

static u_char *
make(const char *text, size_t len, size_t *size)
{
    u_char  *copy, *dst, *end;

    copy = malloc(len ? len : 1);
    if (copy == NULL) {
        abort();
    }

    if (len) {
        memcpy(copy, text, len);
    }

    *size = ngx_chat_sse_data_len(copy, len);

    dst = malloc(*size);
    if (dst == NULL) {
        abort();
    }

    end = ngx_chat_sse_data(dst, copy, len);

    check(end == dst + *size, "size is %lu, announced %lu",
          (unsigned long) (end - dst), (unsigned long) *size);

    free(copy);

    return dst;
}


/*
 * What EventSource makes of a block: writes the data of its only event,
 * returns its length, or -1: no event, more than one, or any other field.
 */

static ssize_t
read_back(const u_char *p, size_t size, char *data)
{
    size_t         line, i, n, events;
    const u_char  *end;

    events = 0;
    n = 0;
    line = 0;
    end = p + size;

    for (i = 0; p + i < end; i++) {

        if (p[i] != CR && p[i] != LF) {
            continue;
        }

        if (i == line) {

            if (n == 0 || events++) {
                return -1;
            }

            /* the last LF is taken away */
            n--;

        } else {

            if (events || i - line < 6 || memcmp(p + line, "data: ", 6) != 0) {
                return -1;
            }

            memcpy(data + n, p + line + 6, i - line - 6);
            n += i - line - 6;
            data[n++] = LF;
        }

        if (p[i] == CR && p + i + 1 < end && p[i + 1] == LF) {
            i++;
        }

        line = i + 1;
    }

    return (line == size && events == 1) ? (ssize_t) n : -1;
}


/* CR and CRLF arrive as LF */

static size_t
normalize(const char *text, size_t len, char *dst)
{
    size_t  i, n;

    n = 0;

    for (i = 0; i < len; i++) {

        if (text[i] == CR) {
            dst[n++] = LF;

            if (i + 1 < len && text[i + 1] == LF) {
                i++;
            }

            continue;
        }

        dst[n++] = text[i];
    }

    return n;
}


static void
compare(const char *text, size_t len)
{
    char       want[4096], got[4096];
    size_t     size, n;
    ssize_t    rc;
    u_char    *dst;

    dst = make(text, len, &size);

    n = normalize(text, len, want);
    rc = read_back(dst, size, got);

    check(rc == (ssize_t) n && memcmp(got, want, n) == 0,
          "read back: %ld bytes of %lu", (long) rc, (unsigned long) n);

    check(memchr(dst, CR, size) == NULL, "no CR is left");

    free(dst);
}


static void
test_known(void)
{
    size_t      size;
    u_char     *dst;
    ngx_uint_t  i;

    static const struct {
        const char  *name;
        const char  *text;
        const char  *want;
    } blocks[] = {
        { "empty", "", "data: \n\n" },
        { "one line", "hello", "data: hello\n\n" },
        { "JSON", "{\"type\":\"pong\"}", "data: {\"type\":\"pong\"}\n\n" },
        { "leading space", " x", "data:  x\n\n" },
        { "colon", ": x", "data: : x\n\n" },
        { "LF", "a\nb", "data: a\ndata: b\n\n" },
        { "CR", "a\rb", "data: a\ndata: b\n\n" },
        { "CRLF", "a\r\nb", "data: a\ndata: b\n\n" },
        { "LFCR", "a\n\rb", "data: a\ndata: \ndata: b\n\n" },
        { "CRCRLF", "a\r\r\nb", "data: a\ndata: \ndata: b\n\n" },
        { "trailing LF", "a\n", "data: a\ndata: \n\n" },
        { "trailing CR", "a\r", "data: a\ndata: \n\n" },
        { "trailing CRLF", "a\r\n", "data: a\ndata: \n\n" },
        { "only LF", "\n", "data: \ndata: \n\n" },
        { "leading CRLF", "\r\na", "data: \ndata: a\n\n" },
        { "two LF", "a\n\nb", "data: a\ndata: \ndata: b\n\n" },
        { "forged fields", "x\n\nevent: evil\rid: 7\r\nretry: 1\n:",
          "data: x\ndata: \ndata: event: evil\ndata: id: 7\n"
          "data: retry: 1\ndata: :\n\n" }
    };

    for (i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++) {
        dst = make(blocks[i].text, strlen(blocks[i].text), &size);
        is_str(dst, size, blocks[i].want, "%s", blocks[i].name);
        free(dst);
    }

    dst = make("a\0b\nc", 5, &size);
    is_mem(dst, size, "data: a\0b\ndata: c\n\n", 19, "a zero byte stays");
    free(dst);

    is_int(ngx_chat_sse_data_len(NULL, 0), 8, "size of the null string");

    dst = malloc(8);
    if (dst == NULL) {
        abort();
    }

    (void) ngx_chat_sse_data(dst, NULL, 0);
    is_mem(dst, 8, "data: \n\n", 8, "the null string");
    free(dst);
}


/* all strings of up to 8 of these */

static void
test_all(void)
{
    char           text[8];
    size_t         len, i;
    uint32_t       n, max;
    unsigned long  failed;

    static const char  letters[] = { 'a', CR, LF, ':' };

    failed = unit_failed;

    for (len = 0; len <= 8; len++) {
        max = 1u << (2 * len);

        for (n = 0; n < max && unit_failed == failed; n++) {
            for (i = 0; i < len; i++) {
                text[i] = letters[n >> (2 * i) & 3];
            }

            compare(text, len);
        }
    }

    ok(unit_failed == failed, "all strings of up to 8 letters");
}


/* long lines: each break at each place, and bytes that are close to one */

static void
test_long(void)
{
    char           text[600];
    size_t         len, at, i;
    ngx_uint_t     k;
    unsigned long  failed;

    static const char  *breaks[] = {
        "\r", "\n", "\r\n", "\n\r", "\x0b", "\x8d", "\x0c\x8a", "\x0e\x0b\x09"
    };

    failed = unit_failed;

    for (len = 0; len <= 40; len++) {
        for (at = 0; at <= len; at++) {
            for (k = 0; k < sizeof(breaks) / sizeof(breaks[0]); k++) {
                memset(text, 'x', sizeof(text));
                memcpy(text + at, breaks[k], strlen(breaks[k]));
                compare(text, len);
                compare(text, len + strlen(breaks[k]));
            }
        }
    }

    ok(unit_failed == failed, "every break at every place");

    for (k = 0; k < 20000 && unit_failed == failed; k++) {
        len = unit_random() % sizeof(text);

        for (i = 0; i < len; i++) {
            text[i] = (char) unit_random();

            if (unit_random() % 32 == 0) {
                text[i] = (unit_random() % 2) ? CR : LF;
            }
        }

        compare(text, len);
    }

    ok(unit_failed == failed, "random bytes");
}


int
main(void)
{
    (void) stub_init();

    test_known();
    test_all();
    test_long();

    return done();
}
