
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * The frame parser.  The numbers are of the Autobahn test suite's cases, which
 * these vectors are modelled on.
 */


#include "unit.h"
#include "ngx_chat_ws.h"
#include "ws_harness.h"


#define LIMIT  (512 * 1024)


static u_char  text[LIMIT + 1];
static u_char  binary[LIMIT + 1];


/* 1.x, 9.x, 10.1: lengths, whole and in fragments */

static void
test_lengths(void)
{
    size_t      n, i, part;
    char        name[64];
    ngx_uint_t  k, op;

    static const size_t  lengths[] = {
        0, 1, 2, 7, 8, 9, 124, 125, 126, 127, 128, 256, 65535, 65536, 65537
    };

    static const size_t  parts[] = { 1, 64, 997, 1300, 65535 };

    for (k = 0; k < sizeof(lengths) / sizeof(lengths[0]); k++) {

        for (op = TEXT; op <= BINARY; op++) {
            snprintf(name, sizeof(name), "1.%lu length %lu",
                     (unsigned long) op, (unsigned long) lengths[k]);

            ws_begin(name, LIMIT);
            ws_pass(op, op == TEXT ? text : binary, lengths[k]);
            ws_end(0);
        }
    }

    for (k = 0; k < sizeof(parts) / sizeof(parts[0]); k++) {
        part = parts[k];
        n = ngx_min(65536, part * 300);

        snprintf(name, sizeof(name), "9.3 %lu bytes in parts of %lu",
                 (unsigned long) n, (unsigned long) part);

        ws_begin(name, LIMIT);

        for (i = 0; i + part < n; i += part) {
            ws_frame(i ? CONT : TEXT, text + i, part);
        }

        ws_frame(FIN|CONT, text + i, n - i);
        ws_want(TEXT, text, n);
        ws_end(0);
    }
}


/* 2.x */

static void
test_pings(void)
{
    size_t  i;

    ws_begin("2.1 empty ping", LIMIT);
    ws_pass(PING, "", 0);
    ws_end(0);

    ws_begin("2.2 ping with text", LIMIT);
    ws_pass(PING, "Hello, world!", 13);
    ws_end(0);

    ws_begin("2.3 ping with bytes that are not text", LIMIT);
    ws_pass(PING, "\x00\xff\xfe\xfd\xfc\xfb\x00\xff", 8);
    ws_end(0);

    ws_begin("2.4 ping of 125 bytes", LIMIT);
    ws_pass(PING, binary, 125);
    ws_end(0);

    ws_begin("2.5 ping of 126 bytes", LIMIT);
    ws_frame(FIN|PING, binary, 126);
    v.want_at = 2;
    ws_end(1002);

    ws_begin("2.7 pong nobody asked for", LIMIT);
    ws_pass(PONG, "", 0);
    ws_pass(PONG, "payload", 7);
    ws_pass(PING, "ping", 4);
    ws_end(0);

    ws_begin("2.10 pings of every length in one buffer", LIMIT);
    for (i = 0; i <= 125; i++) {
        ws_pass(i % 3 ? PING : PONG, binary + i, i);
    }
    ws_end(0);

    ws_begin("control frames do not count for the limit", 4);
    ws_pass(PING, binary, 125);
    ws_frame(TEXT, "ab", 2);
    ws_pass(PING, binary, 125);
    ws_frame(FIN|CONT, "cd", 2);
    ws_want(TEXT, "abcd", 4);
    ws_end(0);
}


/* 3.x, 4.x and what section 5.2 says of masks and lengths */

static void
test_headers(void)
{
    char      name[64];
    u_char    mask[4] = { 1, 2, 3, 4 };
    unsigned  i, op;

    static const u_char  ops[] = {
        FIN|TEXT, TEXT, FIN|BINARY, FIN|PING, FIN|PONG, FIN|CLOSE
    };

    for (i = 1; i < 8; i++) {
        for (op = 0; op < sizeof(ops); op++) {
            snprintf(name, sizeof(name), "3.%u RSV, frame %02x", i, ops[op]);

            ws_begin(name, LIMIT);
            ws_pass(TEXT, "Hello", 5);
            v.want_at = v.len + 2;
            ws_frame(ops[op] | i << 4, "x", 1);
            ws_pass(PING, "", 0);
            v.want.len -= strlen("ping 0 00000000 \n");
            ws_end(1002);
        }
    }

    for (i = 3; i < 16; i++) {
        if (i >= CLOSE && i <= PONG) {
            continue;
        }

        for (op = 0; op <= FIN; op += FIN) {
            snprintf(name, sizeof(name), "4 opcode %x, %s", i,
                     op ? "FIN" : "no FIN");

            ws_begin(name, LIMIT);
            ws_pass(TEXT, "Hello", 5);
            ws_pass(PING, "", 0);
            v.want_at = v.len + 2;
            ws_frame(op | i, "x", i % 2);
            ws_end(1002);
        }
    }

    for (op = 0; op < sizeof(ops); op++) {
        snprintf(name, sizeof(name), "unmasked, frame %02x", ops[op]);

        ws_begin(name, LIMIT);
        ws_header(ops[op], 0, 0, 3, mask);
        ws_raw("abc", 3);
        v.want_at = 2;
        ws_end(1002);
    }

    ws_begin("unmasked and empty", LIMIT);
    ws_header(FIN|TEXT, 0, 0, 0, mask);
    ws_end(1002);
}


static void
test_length_forms(void)
{
    char        name[64];
    u_char      mask[4] = { 1, 2, 3, 4 };
    ngx_uint_t  i;

    static const struct {
        unsigned    form;
        uint64_t    len;
        size_t      max;
        ngx_uint_t  code;
    } forms[] = {
        { LEN16, 0, LIMIT, 1002 },
        { LEN16, 1, LIMIT, 1002 },
        { LEN16, 125, LIMIT, 1002 },
        { LEN64, 0, LIMIT, 1002 },
        { LEN64, 125, LIMIT, 1002 },
        { LEN64, 126, LIMIT, 1002 },
        { LEN64, 65535, LIMIT, 1002 },
        { LEN64, 65536, 65535, 1009 },
        { LEN64, LIMIT + 1, LIMIT, 1009 },
        { LEN64, 0xffffffffULL, LIMIT, 1009 },
        { LEN64, 0x100000000ULL, LIMIT, 1009 },
        { LEN64, 0x100000001ULL, LIMIT, 1009 },
        { LEN64, 0x7fffffffffffffffULL, LIMIT, 1009 },
        { LEN64, 0x8000000000000000ULL, LIMIT, 1002 },
        { LEN64, 0x8000000000000001ULL, LIMIT, 1002 },
        { LEN64, 0xffffffffffffffffULL, LIMIT, 1002 },
        { LEN64, 0x8000000000000000ULL, NGX_MAX_SIZE_T_VALUE, 1002 },
        { LEN64, 0xffffffffffffffffULL, (size_t) -1, 1002 },
        { LEN16, 126, 125, 1009 },
        { LEN16, 65535, 65534, 1009 },
        { LEN7, 125, 124, 1009 },
        { LEN7, 1, 0, 1009 }
    };

    for (i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        snprintf(name, sizeof(name), "length %llx in form %u, limit %lx",
                 (unsigned long long) forms[i].len, forms[i].form,
                 (unsigned long) forms[i].max);

        ws_begin(name, forms[i].max);
        ws_header(FIN|TEXT, forms[i].form, 1, forms[i].len, mask);
        v.want_at = v.len;
        ws_raw(text, 64);
        ws_end(forms[i].code);
    }
}


/* 5.x */

static void
test_fragments(void)
{
    unsigned  op;

    for (op = PING; op <= PONG; op++) {
        ws_begin("5.1, 5.2 control frame in fragments", LIMIT);
        ws_frame(op, "frag", 4);
        ws_frame(FIN|CONT, "ment", 4);
        v.want_at = 2;
        ws_end(1002);
    }

    ws_begin("close frame in fragments", LIMIT);
    ws_frame(CLOSE, "\x03\xe8", 2);
    ws_end(1002);

    ws_begin("5.3 text in two fragments", LIMIT);
    ws_frame(TEXT, "frag", 4);
    ws_frame(FIN|CONT, "ment", 4);
    ws_want(TEXT, "fragment", 8);
    ws_end(0);

    ws_begin("5.6 ping in between", LIMIT);
    ws_frame(TEXT, "frag", 4);
    ws_pass(PING, "ping", 4);
    ws_frame(FIN|CONT, "ment", 4);
    ws_want(TEXT, "fragment", 8);
    ws_end(0);

    ws_begin("5.9, 5.10 continuation, nothing to continue", LIMIT);
    ws_frame(FIN|CONT, "x", 1);
    ws_frame(FIN|TEXT, "Hello", 5);
    v.want_at = 2;
    ws_end(1002);

    ws_begin("5.12 the same without FIN, empty", LIMIT);
    ws_frame(CONT, "", 0);
    ws_end(1002);

    ws_begin("5.15 continuation after the last one", LIMIT);
    ws_frame(TEXT, "fragment1", 9);
    ws_frame(FIN|CONT, "fragment2", 9);
    ws_want(TEXT, "fragment1fragment2", 18);
    v.want_at = v.len + 2;
    ws_frame(CONT, "fragment3", 9);
    ws_frame(FIN|TEXT, "fragment4", 9);
    ws_end(1002);

    ws_begin("5.18 text inside of a message", LIMIT);
    ws_frame(TEXT, "fragment1", 9);
    v.want_at = v.len + 2;
    ws_frame(FIN|TEXT, "fragment2", 9);
    ws_end(1002);

    ws_begin("binary inside of a message, empty fragments before", LIMIT);
    ws_frame(BINARY, "", 0);
    ws_frame(CONT, "", 0);
    v.want_at = v.len + 2;
    ws_frame(BINARY, "fragment2", 9);
    ws_end(1002);

    ws_begin("5.19 fragments and pings", LIMIT);
    ws_frame(TEXT, "fragment1", 9);
    ws_frame(CONT, "fragment2", 9);
    ws_pass(PING, "one", 3);
    ws_frame(CONT, "fragment3", 9);
    ws_pass(PONG, "two", 3);
    ws_frame(CONT, "fragment4", 9);
    ws_pass(PING, "three", 5);
    ws_frame(FIN|CONT, "fragment5", 9);
    ws_want(TEXT, "fragment1fragment2fragment3fragment4fragment5", 45);
    ws_pass(BINARY, "next", 4);
    ws_end(0);
}


static void
test_empty_fragments(void)
{
    unsigned  op;

    for (op = TEXT; op <= BINARY; op++) {
        ws_begin("6.1.2 empty fragments", LIMIT);
        ws_frame(op, "", 0);
        ws_frame(CONT, "", 0);
        ws_frame(FIN|CONT, "", 0);
        ws_want(op, "", 0);
        ws_pass(op, "", 0);
        ws_end(0);

        ws_begin("6.1.3 empty fragments around", LIMIT);
        ws_frame(op, "", 0);
        ws_pass(PING, "", 0);
        ws_frame(CONT, "middle", 6);
        ws_frame(CONT, "", 0);
        ws_pass(PING, "", 0);
        ws_frame(FIN|CONT, "", 0);
        ws_want(op, "middle", 6);
        ws_pass(op, "whole", 5);
        ws_end(0);
    }
}


/* 6.x; `at': how many bytes of it may pass, the next is refused at once */

static void
test_invalid_utf8(const char *name, const char *bytes, size_t at)
{
    size_t  i, n;

    n = strlen(bytes);

    ws_begin(name, LIMIT);
    ws_frame(FIN|TEXT, bytes, n);
    v.want_at = 6 + ngx_min(at + 1, n);
    ws_end(1007);

    ws_begin(name, LIMIT);
    ws_pass(BINARY, bytes, n);
    ws_end(0);

    /* a byte per frame: refused before the message ends */

    ws_begin(name, LIMIT);

    for (i = 0; i < n; i++) {
        ws_frame(i ? CONT : TEXT, bytes + i, 1);
        ws_pass(PING, "", 0);

        if (i == at) {
            v.want.len -= strlen("ping 0 00000000 \n");
            v.want_at = v.len - 6;
            break;
        }
    }

    if (at >= n) {
        v.want_at = v.len + 6;
        ws_frame(FIN|CONT, "", 0);
    }

    ws_end(1007);
}


static void
test_valid_utf8(const char *bytes)
{
    size_t  i, n;

    n = strlen(bytes);

    ws_begin("6 valid text", LIMIT);
    ws_pass(TEXT, bytes, n);

    for (i = 0; i < n; i++) {
        ws_frame(i ? CONT : TEXT, bytes + i, 1);
        ws_pass(PING, "", 0);
    }

    ws_frame(FIN|CONT, "", 0);
    ws_want(TEXT, bytes, n);
    ws_pass(TEXT, bytes, n);
    ws_end(0);
}


static void
test_utf8(void)
{
    ngx_uint_t  i;

    static const char  *valid[] = {
        "Hello-\xc2\xb5@\xc3\x9f\xc3\xb6\xc3\xa4\xc3\xbc\xc3\xa0-UTF-8",
        "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5",
        "\x7f", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xef\xbf\xbf",
        "\xf0\x90\x80\x80", "\xed\x9f\xbf", "\xee\x80\x80", "\xef\xbf\xbd",
        "\xf4\x8f\xbf\xbf", "\xef\xbf\xbe", "\xf0\x9f\x98\x80 ok"
    };

    /* 6.2.3 and its like: what, and how much of it is still right */

    static const struct {
        const char  *name;
        const char  *bytes;
        size_t       at;
    } invalid[] = {
        { "6.3.1 surrogate",
          "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80" "edited",
          12 },
        { "6.4.1 above U+10FFFF",
          "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xf4\x90\x80\x80"
          "edited", 12 },
        { "6.6.1 cut after one byte", "\xce", 1 },
        { "6.6.3 cut in the second character", "\xce\xba\xe1", 3 },
        { "6.6.4 cut after two of three", "\xce\xba\xe1\xbd", 4 },
        { "6.8 five bytes", "\xf8\x88\x80\x80\x80", 0 },
        { "6.8 six bytes", "\xfc\x84\x80\x80\x80\x80", 0 },
        { "6.10 above U+10FFFF", "\xf4\x90\x80\x80", 1 },
        { "6.11 F5", "\xf5\x80\x80\x80", 0 },
        { "6.12 continuation first", "\x80", 0 },
        { "6.12 continuation after text", "a\xbf", 1 },
        { "6.13 lonely starts", "\xc3\x20\xc4\x20", 1 },
        { "6.14 cut at the end", "\xf0\x9f\x98", 3 },
        { "6.16 FE", "\xfe", 0 },
        { "6.16 FF", "\xff", 0 },
        { "6.17 overlong slash in two", "\xc0\xaf", 0 },
        { "6.17 overlong slash in three", "\xe0\x80\xaf", 1 },
        { "6.17 overlong slash in four", "\xf0\x80\x80\xaf", 1 },
        { "6.18 overlong U+07FF", "\xe0\x9f\xbf", 1 },
        { "6.18 overlong U+FFFF", "\xf0\x8f\xbf\xbf", 1 },
        { "6.18 overlong DEL", "\xc1\xbf", 0 },
        { "6.20 last surrogate", "\xed\xbf\xbf", 1 },
        { "6.21 a pair of surrogates", "\xed\xa0\x80\xed\xb0\x80", 1 }
    };

    for (i = 0; i < sizeof(valid) / sizeof(valid[0]); i++) {
        test_valid_utf8(valid[i]);
    }

    for (i = 0; i < sizeof(invalid) / sizeof(invalid[0]); i++) {
        test_invalid_utf8(invalid[i].name, invalid[i].bytes, invalid[i].at);
    }

    ws_begin("a zero byte is text", LIMIT);
    ws_pass(TEXT, "a\0b", 3);
    ws_end(0);

    ws_begin("the state of one message does not leak into the next", LIMIT);
    ws_pass(BINARY, "\xf0\x9f", 2);
    ws_pass(TEXT, "ok", 2);
    ws_end(0);

    ws_begin("text, broken far behind its start", LIMIT);
    memset(v.message, 'x', 70000);
    v.message[69990] = 0xff;
    ws_frame(FIN|TEXT, v.message, 70000);
    v.want_at = 14 + 69991;
    ws_end(1007);
}


/* 7.x: what a Close frame says is of ngx_chat_ws_close_parse() */

static void
test_close(void)
{
    ws_begin("7.3.1 empty close", LIMIT);
    ws_pass(CLOSE, "", 0);
    ws_end(0);

    ws_begin("7.3.4 close with a reason", LIMIT);
    ws_pass(TEXT, "bye", 3);
    ws_pass(CLOSE, "\x03\xe8Hello World!", 14);
    ws_end(0);

    ws_begin("7.3.5 close of 125 bytes", LIMIT);
    ws_pass(CLOSE, text, 125);
    ws_end(0);

    ws_begin("7.3.6 close of 126 bytes", LIMIT);
    ws_frame(FIN|CLOSE, text, 126);
    ws_end(1002);

    ws_begin("7.1.4 what follows a close frame is dropped", LIMIT);
    ws_frame(TEXT, "frag", 4);
    ws_pass(CLOSE, "\x03\xe8", 2);
    ws_frame(FIN|CONT, "ment", 4);
    ws_frame(FIN|PING, "", 0);
    ws_raw(binary, 1000);
    ws_end(0);
}


/* 9.x */

static void
test_limits(void)
{
    char        name[64];
    size_t      max;
    ngx_uint_t  i;

    static const size_t  limits[] = { 0, 1, 10, 125, 126, 16384, 65536 };

    for (i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        max = limits[i];

        snprintf(name, sizeof(name), "limit %lu", (unsigned long) max);

        ws_begin(name, max);
        ws_pass(TEXT, text, max);
        ws_pass(BINARY, binary, max);

        ws_frame(TEXT, text, max / 2);
        ws_frame(CONT, text + max / 2, max - max / 2);
        ws_frame(CONT, "", 0);
        ws_frame(FIN|CONT, "", 0);
        ws_want(TEXT, text, max);

        ws_frame(BINARY, binary, max);

        /* one byte more, refused by its header */

        v.want_at = v.len + 6;
        ws_frame(FIN|CONT, "x", 1);
        ws_end(1009);
    }

    ws_begin("no limit", (size_t) -1);
    ws_pass(TEXT, text, 1000);
    ws_frame(BINARY, "x", 1);
    v.want_at = v.len + 14;
    ws_header(FIN|CONT, LEN64, 1, 0x8000000000000000ULL,
              (u_char *) "\1\2\3\4");
    ws_end(1002);
}


int
main(void)
{
    size_t  i;

    (void) stub_init();

    for (i = 0; i < sizeof(text); i++) {
        text[i] = (u_char) (' ' + i * 7 % 95);
        binary[i] = (u_char) (i * 131 + i / 251);
    }

    test_lengths();
    test_pings();
    test_headers();
    test_length_forms();
    test_fragments();
    test_empty_fragments();
    test_utf8();
    test_close();
    test_limits();

    return done();
}
