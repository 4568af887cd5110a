
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * permessage-deflate: offers, round trips, bombs and broken input (RFC 7692).
 */


#include "unit.h"
#include "ngx_chat_deflate.h"


static ngx_log_t  *test_log;


static void
offer(const char *header, const char *answer)
{
    u_char     buf[NGX_CHAT_DEFLATE_ANSWER_MAX], *last;
    ngx_str_t  s;

    s.data = (u_char *) header;
    s.len = strlen(header);

    last = ngx_chat_deflate_negotiate(&s, buf);

    if (answer == NULL) {
        ok(last == NULL, "refused: %s", header);
        return;
    }

    ok(last != NULL, "taken: %s", header);

    if (last != NULL) {
        is_str(buf, (size_t) (last - buf), answer, "answer");
    }
}


#define TAKEN                                                                 \
    "permessage-deflate; server_no_context_takeover; "                        \
    "client_no_context_takeover"


static void
offers(void)
{
    offer("permessage-deflate", TAKEN);
    offer("permessage-deflate; client_max_window_bits", TAKEN);
    offer("permessage-deflate;client_max_window_bits=8", TAKEN);
    offer("permessage-deflate; client_max_window_bits=\"15\"", TAKEN);
    offer(" Permessage-Deflate ;\tserver_no_context_takeover", TAKEN);
    offer("permessage-deflate; client_no_context_takeover; "
          "server_no_context_takeover", TAKEN);
    offer("permessage-deflate; server_max_window_bits=15",
          TAKEN "; server_max_window_bits=15");
    offer("foo, bar; x=1,permessage-deflate", TAKEN);
    offer("permessage-deflate; server_max_window_bits=10, permessage-deflate",
          TAKEN);

    offer("", NULL);
    offer(",,;=", NULL);
    offer("permessage-deflate=1", NULL);
    offer("permessage-deflate;", NULL);
    offer("permessage-deflate; x", NULL);
    offer("permessage-deflatex", NULL);
    offer("permessage-deflate; server_max_window_bits", NULL);
    offer("permessage-deflate; server_max_window_bits=14", NULL);
    offer("permessage-deflate; client_max_window_bits=7", NULL);
    offer("permessage-deflate; client_max_window_bits=16", NULL);
    offer("permessage-deflate; client_max_window_bits=", NULL);
    offer("permessage-deflate; server_no_context_takeover=1", NULL);
    offer("permessage-deflate; client_max_window_bits; "
          "client_max_window_bits", NULL);
    offer("permessage-deflate; server_no_context_takeover; "
          "server_no_context_takeover", NULL);
}


/* every length and several contents, in memory of exactly that size */

static void
round_trips(void)
{
    size_t      len, n, i;
    u_char     *src, *dst;
    ngx_str_t   out;
    ngx_uint_t  kind, smaller;

    smaller = 0;

    for (len = 0; len < 3000; len += (len < 300) ? 1 : 37) {

        for (kind = 0; kind < 3; kind++) {
            src = malloc(len ? len : 1);
            dst = malloc(len ? len : 1);

            if (src == NULL || dst == NULL) {
                abort();
            }

            for (i = 0; i < len; i++) {
                src[i] = (kind == 0) ? 'a'
                         : (kind == 1) ? (u_char) ('a' + i * i % 7)
                                       : (u_char) (unit_random() % 256);
            }

            n = ngx_chat_deflate(dst, src, len);

            check(n < len || n == 0, "%lu of %lu", (unsigned long) n,
                  (unsigned long) len);

            if (n > 0) {
                smaller++;

                check(ngx_chat_inflate(dst, n, len, &out, test_log) == NGX_OK
                      && out.len == len && memcmp(out.data, src, len) == 0,
                      "round trip of %lu", (unsigned long) len);

                check(ngx_chat_inflate(dst, n, len - 1, &out, test_log)
                      == NGX_DECLINED,
                      "one byte less than %lu", (unsigned long) len);
            }

            free(src);
            free(dst);
        }
    }

    ok(smaller > 500, "%lu messages became smaller and came back",
       (unsigned long) smaller);
}


static void
hostile(void)
{
    size_t      n;
    u_char     *src, *dst, small[8];
    ngx_str_t   out;
    ngx_int_t   rc;
    ngx_uint_t  i, bad;

    src = calloc(1, 1000000);
    dst = malloc(1000000);

    if (src == NULL || dst == NULL) {
        abort();
    }

    n = ngx_chat_deflate(dst, src, 1000000);

    ok(n > 0 && n < 10000, "a bomb of %lu bytes", (unsigned long) n);
    ok(ngx_chat_inflate(dst, n, 16384, &out, test_log) == NGX_DECLINED,
       "is found out");
    ok(ngx_chat_inflate(dst, n, 1000000, &out, test_log) == NGX_OK
       && out.len == 1000000, "and is no bomb where there is room");

    /* cut anywhere it is an error or less, and the state is clean after it */

    for (i = 0; i < n; i += 7) {
        rc = ngx_chat_inflate(dst, i, 1000000, &out, test_log);
        check(rc == NGX_OK || rc == NGX_ERROR || rc == NGX_DECLINED,
              "cut at %lu: %ld",
              (unsigned long) i, (long) rc);
    }

    free(src);
    free(dst);

    bad = 0;

    for (i = 0; i < 100000; i++) {
        for (n = 0; n < sizeof(small); n++) {
            small[n] = (u_char) (unit_random() % 256);
        }

        rc = ngx_chat_inflate(small, unit_random() % (sizeof(small) + 1), 300,
                              &out, test_log);

        check(rc == NGX_OK || rc == NGX_ERROR || rc == NGX_DECLINED,
              "random input: %ld", (long) rc);

        bad += (rc == NGX_ERROR);
    }

    ok(bad > 1000, "%lu of 100,000 random inputs are broken",
       (unsigned long) bad);

    /* a last block that is final (section 7.2.3.5), and an empty message */

    ok(ngx_chat_inflate((u_char *) "\xf3\x48\xcd\xc9\xc9\x07\x00\x00", 8, 100,
                        &out, test_log) == NGX_OK, "BFINAL");
    is_str(out.data, out.len, "Hello", "with BFINAL");

    ok(ngx_chat_inflate((u_char *) "\xf2\x48\xcd\xc9\xc9\x07\x00", 7, 100,
                        &out, test_log) == NGX_OK, "section 7.2.3.1");
    is_str(out.data, out.len, "Hello", "of section 7.2.3.1");

    ok(ngx_chat_inflate((u_char *) "\x00", 1, 100, &out, test_log) == NGX_OK
       && out.len == 0, "an empty message");
}


int
main(void)
{
    test_log = stub_init();

    offers();
    round_trips();
    hostile();

    ngx_chat_deflate_configure(9, 100);
    ok(ngx_chat_deflate((u_char *) "", (u_char *) "", 99) == 0,
       "shorter than the minimum");

    ngx_chat_deflate_exit();

    return done();
}
