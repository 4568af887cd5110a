
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * The frame parser from inside: unmasking, memory; and conversations by chance
 * against a second parser that knows nothing of states.
 */


#include "unit.h"
#include "ngx_chat_utf8.h"


static void *test_alloc(size_t size, ngx_log_t *log);

#define ngx_alloc  test_alloc
#include "ngx_chat_ws.c"
#undef ngx_alloc

#include "ws_harness.h"


#define LIMIT  4096


static ngx_uint_t  alloc_fails, alloc_count;

static u_char      text[LIMIT + 1];
static u_char      binary[LIMIT + 1];


static void *
test_alloc(size_t size, ngx_log_t *log)
{
    alloc_count++;

    return alloc_fails ? NULL : ngx_alloc(size, log);
}


/* every length, place in memory and place in the mask */

static void
test_unmask(void)
{
    u_char                block[96], want[96];
    size_t                n, i, offset;
    ngx_uint_t            pos;
    unsigned long         failed;
    ngx_chat_ws_parser_t  p;

    failed = unit_failed;

    for (n = 0; n <= 64; n++) {
        for (offset = 0; offset < 16; offset++) {
            for (pos = 0; pos < 4; pos++) {

                for (i = 0; i < sizeof(block); i++) {
                    block[i] = (u_char) unit_random();
                }

                memset(&p, 0, sizeof(p));
                memcpy(p.header + 2, "\x12\x9a\xfe\x01", 4);
                p.header_len = 6;
                p.mask_pos = (uint8_t) pos;

                memcpy(want, block, sizeof(block));

                for (i = 0; i < n; i++) {
                    want[offset + i] ^= p.header[2 + (pos + i) % 4];
                }

                ngx_chat_ws_unmask(&p, block + offset, n);

                check(memcmp(block, want, sizeof(block)) == 0
                      && p.mask_pos == (pos + n) % 4,
                      "unmask %lu at %lu, mask at %lu", (unsigned long) n,
                      (unsigned long) offset, (unsigned long) pos);
            }
        }
    }

    ok(unit_failed == failed, "unmask: all lengths, offsets, positions");
}


static void
test_memory(void)
{
    size_t  i;

    ws_begin("control frames", LIMIT);
    ws_pass(PING, "payload", 7);
    ws_put_end(&v.want, 0);

    alloc_count = 0;
    (void) ws_run_cut(0);
    is_int(alloc_count, 0, "a whole control frame needs no memory");

    (void) ws_run_cut(6);
    is_int(alloc_count, 0, "nor does one cut behind its header");

    (void) ws_run_cut(9);
    is_int(alloc_count, 1, "a split one needs one block");

    alloc_count = 0;
    (void) ws_run_bytes();
    is_int(alloc_count, 1, "byte by byte as well");

    ws_run_begin();
    ws_feed(v.in, 9);
    ok(v.parser.control != NULL, "the block is held while it fills");
    ws_feed(v.in + 9, v.len - 9);
    ok(v.parser.control == NULL, "and is gone once it was delivered");

    ws_run_begin();
    ws_feed(v.in, 9);
    ngx_chat_ws_parser_cleanup(&v.parser);
    ok(v.parser.control == NULL, "cleanup frees half a frame");

    ws_begin("close frame", LIMIT);
    ws_pass(CLOSE, "\x03\xe8" "bye", 5);

    ws_run_begin();
    ws_feed(v.in, 9);
    ok(v.parser.control != NULL, "half a close frame is held");
    ws_feed(v.in + 9, v.len - 9);
    ok(v.parser.control == NULL, "and is gone as well");

    ws_begin("memory is out", LIMIT);
    ws_frame(FIN|PING, "payload", 7);
    ws_put_end(&v.want, 1011);

    alloc_fails = 1;

    for (i = 7; i < v.len; i++) {
        (void) ws_run_cut(i);
    }

    alloc_fails = 0;

    ok(v.parser.close_code == 1011, "1011 without memory");

    /* a session of 1000s of idle clients: the parser is small */

    ok(sizeof(ngx_chat_ws_parser_t) <= 80, "size %lu",
       (unsigned long) sizeof(ngx_chat_ws_parser_t));
}


/* one frame by the book, from a buffer: what is wrong about its header */

static ngx_uint_t
reference_header(u_char *p, u_char *end, unsigned message, size_t *size,
    uint64_t *len)
{
    size_t    i;
    unsigned  op, invalid;

    op = p[0] & 15;

    invalid = (p[0] & 0x70) || !(p[1] & 0x80);
    invalid |= (op > 2 && op < 8) || op > 10;
    invalid |= op >= 8 && (!(p[0] & 0x80) || (p[1] & 127) > 125);
    invalid |= (op == 0 && !message) || ((op == 1 || op == 2) && message);

    *len = p[1] & 127;
    *size = 2 + (*len == 126 ? 2 : *len == 127 ? 8 : 0) + 4;

    if (invalid || *size == 6 || (size_t) (end - p) < *size) {
        return invalid;
    }

    for (*len = 0, i = 2; i < *size - 4; i++) {
        *len = *len * 256 + p[i];
    }

    return *len < (*size == 8 ? 126 : 65536) || *len >= 1ULL << 63;
}


/* the whole input, one frame after another; the code that ends it, or 0 */

static ngx_uint_t
reference(void)
{
    u_char    *p, *end, frame[256], *data;
    size_t     h, i, n;
    uint64_t   len;
    unsigned   op, message;
    uint32_t   utf8;

    end = v.in + v.len;
    n = 0;
    message = 0;
    utf8 = 0;

    for (p = v.in; end - p >= 2; p += h + len) {
        op = p[0] & 15;

        if (reference_header(p, end, message, &h, &len)) {
            return 1002;
        }

        if ((size_t) (end - p) < h) {
            return 0;
        }

        if (op < 8 && n + len > v.max) {
            return 1009;
        }

        message = (op == 1 || op == 2) ? op : message;
        data = (op < 8) ? v.message + n : frame;

        for (i = 0; i < len && p + h + i < end; i++) {
            data[i] = p[h + i] ^ p[h - 4 + i % 4];

            if (op < 8 && message == TEXT
                && ngx_chat_utf8_feed(&utf8, &data[i], 1) != NGX_OK)
            {
                return 1007;
            }
        }

        if (i < len) {
            return 0;
        }

        if (op >= 8) {
            ws_want(op, frame, len);

            if (op == CLOSE) {
                return 0;
            }

            continue;
        }

        n += len;

        if (p[0] & 0x80) {
            if (message == TEXT && utf8 != NGX_CHAT_UTF8_ACCEPT) {
                return 1007;
            }

            ws_want(message, v.message, n);
            n = 0;
            message = 0;
        }
    }

    return 0;
}


/* conversations by chance, half of them with some byte changed */

static void
test_random(void)
{
    size_t         n;
    unsigned       op, open;
    ngx_uint_t     i, k;
    unsigned long  failed;

    failed = unit_failed;

    for (i = 0; i < 4000 && unit_failed == failed; i++) {
        ws_begin("random", unit_random() % 600);
        open = 0;

        for (k = unit_random() % 12; k; k--) {
            n = unit_random() % (unit_random() % 4 ? 20 : 200);

            if (unit_random() % 3 == 0) {
                op = FIN | (PING + unit_random() % 2);
                n = ngx_min(n, 125);

            } else {
                op = open ? CONT : TEXT + unit_random() % 2;
                op |= unit_random() % 2 ? FIN : 0;
                open = !(op & FIN);
            }

            if (unit_random() % 40 == 0) {
                op = unit_random() % 256;
            }

            ws_frame(op, (unit_random() % 16) ? text : binary, n);
        }

        if (v.len && unit_random() % 2) {
            v.in[unit_random() % v.len] ^= 1 << unit_random() % 8;
        }

        ws_put_end(&v.want, reference());

        for (k = 0; k < 20 && unit_failed == failed; k++) {
            (void) ws_run_random(i);
        }

        (void) ws_run_cut(0);
        (void) ws_run_bytes();
    }

    ok(unit_failed == failed, "%lu random conversations", (unsigned long) i);
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

    test_unmask();
    test_memory();
    test_random();

    return done();
}
