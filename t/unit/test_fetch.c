
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Answers of HTTP servers, good ones and others, in all pieces.
 */


#include "unit.h"
#include "ngx_chat_fetch_parse.h"


#define MAX  64


static ngx_log_t    *ulog;
static const char   *why;
static char          got[512];


/*
 * Fed `step' bytes at a time (0: at once), each time on the heap, so that a
 * byte too far is seen.  The end of the connection follows.
 */

static ngx_int_t
answer_in(const char *text, size_t len, size_t step)
{
    u_char                   *copy;
    size_t                    i, n;
    ngx_int_t                 rc;
    ngx_chat_fetch_parser_t   p;

    ngx_chat_fetch_parser_init(&p, MAX, ulog);

    rc = NGX_AGAIN;
    why = NULL;

    for (i = 0; i < len && rc == NGX_AGAIN; i += n) {
        n = (step == 0) ? len : ngx_min(step, len - i);

        copy = malloc(n);
        memcpy(copy, text + i, n);

        rc = ngx_chat_fetch_parse(&p, copy, n, &why);

        free(copy);
    }

    if (rc == NGX_AGAIN) {
        rc = ngx_chat_fetch_parse_end(&p, &why);
    }

    got[0] = '\0';

    if (rc == NGX_OK) {
        snprintf(got, sizeof(got), "%u %.*s", (unsigned) p.status,
                 (int) p.body.len, p.body.data ? (char *) p.body.data : "");
    }

    ngx_chat_fetch_parser_free(&p);

    return rc;
}


static void
is_answer(const char *text, const char *expected, const char *name)
{
    size_t  step;

    for (step = 0; step < 24; step++) {
        check(answer_in(text, strlen(text), step) == NGX_OK,
              "%s: %s (step %zu)", name, why ? why : "", step);
        check(strcmp(got, expected) == 0, "%s: got \"%s\"", name, got);
    }

    ok(1, "%s", name);
}


static void
is_refused(const char *text, const char *words)
{
    size_t  step;

    for (step = 0; step < 24; step++) {
        check(answer_in(text, strlen(text), step) == NGX_ERROR
              && why != NULL && strstr(why, words) != NULL,
              "%s: \"%s\" instead (step %zu)", words, why ? why : got, step);
    }

    ok(1, "%s", words);
}


static void
test_good(void)
{
    is_answer("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
              "200 hello", "with a length");
    is_answer("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello and more",
              "200 hello", "what is behind it is ignored");
    is_answer("HTTP/1.1 200\r\ncontent-length:0\r\n\r\n", "200 ",
              "without a word, and without a body");
    is_answer("HTTP/1.0 403 No\r\n\r\nuntil the end", "403 until the end",
              "up to the end of the connection");
    is_answer("HTTP/1.1 204 None\r\nContent-Length: 4\r\n\r\n", "204 ",
              "204 has no body, whatever it says");
    is_answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n"
              "5\r\nhello\r\n6;a=\"b\"\r\n world\r\n0\r\nX: y\r\n\r\n",
              "200 hello world", "chunks, an extension, a trailer");
    is_answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
              "0000000A \r\n0123456789\r\n0\r\n\r\n",
              "200 0123456789", "a size with zeros and a space");
    is_answer("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: a\r\n"
              "Content-Length: 7\r\n\r\nHTTP/1.1 201 OK\r\n"
              "Content-Length: 1\r\n\r\nx", "201 x", "what only announces");
    is_answer("HTTP/1.1 302 There\r\nLocation: http://x/\r\n"
              "Content-Length: 0\r\n\r\n", "302 ", "a redirect is an answer");
}


static void
test_bad(void)
{
    size_t  i;
    char    big[20000], *p;

    is_refused("", "ended");
    is_refused("HTTP/1.1 200 OK\r\nContent-Le", "ended");
    is_refused("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", "ended");
    is_refused("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello",
               "ended");
    is_refused("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
               "5\r\nhello\r\n0\r\n", "ended");
    is_refused("\x16\x03\x01\x02\r\n\r\n\r\n\r\n\r\n\r\n\r\n", "no HTTP");
    is_refused("HTTP/2.0 200 OK\r\n\r\n", "no HTTP");
    is_refused("HTTP/1.1  200 OK\r\n\r\n", "no HTTP");
    is_refused("HTTP/1.1 2000 OK\r\n\r\n", "no HTTP");
    is_refused("HTTP/1.1 -20 OK\r\n\r\n", "no HTTP");
    is_refused("HTTP/1.1 099 OK\r\n\r\n", "no HTTP");
    is_refused("HTTP/1.1 200 OK\nA: b\n\nxxxx", "no HTTP");
    is_refused("HTTP/1.1 101 Switching\r\n\r\n", "101");
    is_refused("HTTP/1.1 200 OK\r\nA: b\r\n folded\r\n\r\n", "header that is");
    is_refused("HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "header that is");
    is_refused("HTTP/1.1 200 OK\r\n: empty\r\n\r\n", "header that is");
    is_refused("HTTP/1.1 200 OK\r\nA : b\r\n\r\n", "header that is");
    is_refused("HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n", "header that is");
    is_refused("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n"
               "Content-Length: 5\r\n\r\nhello", "Content-Length is none");
    is_refused("HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nhello",
               "Content-Length is none");
    is_refused("HTTP/1.1 200 OK\r\nContent-Length: \r\n\r\n",
               "Content-Length is none");
    is_refused("HTTP/1.1 200 OK\r\n"
               "Content-Length: 99999999999999999999999\r\n\r\n",
               "Content-Length is none");
    is_refused("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n"
               "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "both");
    is_refused("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
               "another than chunked");
    is_refused("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
               "another than chunked");
    is_refused("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n",
               "Content-Encoding");
    is_refused("HTTP/1.1 200 OK\r\nContent-Length: 65\r\n\r\n", "too large");
    is_refused("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
               "41\r\n", "too large");
    is_refused("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
               "1\r\nx\r\n40\r\n", "too large");
    is_refused("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
               "100000000\r\n", "chunks are broken");
    is_refused("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
               "\r\n", "chunks are broken");
    is_refused("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
               "-1\r\n", "chunks are broken");
    is_refused("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
               "1\r\nxy\r\n0\r\n\r\n", "chunks are broken");
    is_refused("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
               "1\nx\r\n0\r\n\r\n", "chunks are broken");

    p = big + sprintf(big, "HTTP/1.1 200 OK\r\n\r\n");
    for (i = 0; i < MAX + 1; i++) {
        *p++ = 'x';
    }
    *p = '\0';
    is_refused(big, "too large");

    p = big + sprintf(big, "HTTP/1.1 200 OK\r\n");
    for (i = 0; i < 65; i++) {
        p += sprintf(p, "X-%u: y\r\n", (unsigned) i);
    }
    sprintf(p, "\r\n");
    is_refused(big, "more than 64 headers");

    p = big + sprintf(big, "HTTP/1.1 200 OK\r\nX: ");
    memset(p, 'x', 17000);
    p[17000] = '\0';
    is_refused(big, "longer than 16k");

    p = big;
    for (i = 0; i < 20; i++) {
        p += sprintf(p, "HTTP/1.1 100 Continue\r\n\r\n");
    }
    is_refused(big, "more and more");

    p = big + sprintf(big, "HTTP/1.1 200 OK\r\n"
                      "Transfer-Encoding: chunked\r\n\r\n1;");
    memset(p, 'x', 17000);
    p[17000] = '\0';
    is_refused(big, "chunks are broken");

    p = big + sprintf(big, "HTTP/1.1 200 OK\r\n"
                      "Transfer-Encoding: chunked\r\n\r\n0\r\n");
    for (i = 0; i < 3000; i++) {
        p += sprintf(p, "x:y\r\n");
    }
    *p = '\0';
    ok(answer_in(big, strlen(big), 1000) == NGX_ERROR, "trailers without end");
}


static void
test_headers(void)
{
    ngx_str_t                 value;
    ngx_chat_fetch_parser_t   p;

    static u_char  text[] = "HTTP/1.1 200 OK\r\nX-User:  ann \t\r\nx-empty:\r\n"
                            "X-User: bob\r\nContent-Length: 0\r\n\r\n";

    ngx_chat_fetch_parser_init(&p, MAX, ulog);

    ok(ngx_chat_fetch_parse(&p, text, sizeof(text) - 1, &why) == NGX_OK,
       "parsed");
    ok(ngx_chat_fetch_header(&p, "x-user", &value) == NGX_OK
       && value.len == 3 && memcmp(value.data, "ann", 3) == 0,
       "the first of two, without space around it");
    ok(ngx_chat_fetch_header(&p, "x-empty", &value) == NGX_OK
       && value.len == 0, "an empty one");
    ok(ngx_chat_fetch_header(&p, "x-use", &value) == NGX_DECLINED, "none");

    ngx_chat_fetch_parser_free(&p);
}


/* anything: it must come to an end and stay within bounds */

static void
test_noise(void)
{
    char         text[512];
    size_t       i, len;
    unsigned     n, seed;

    static const char  words[] = "HTTP/1.1 200 OK\r\n\r\nContent-Length: 5\r\n"
                                 "Transfer-Encoding: chunked\r\n\r\n5\r\n0\r\n";

    seed = 1;

    for (n = 0; n < 20000; n++) {
        len = (size_t) sprintf(text, "HTTP/1.1 200 OK\r\n%s",
                               (n & 1) ? "Transfer-Encoding: chunked\r\n\r\n"
                                       : "Content-Length: 9\r\n\r\n123456789");

        for (i = 0; i < 40; i++) {
            seed = seed * 1103515245 + 12345;
            text[len++] = (seed & 0x10000) ? words[(seed >> 17)
                                                   % (sizeof(words) - 1)]
                                           : (char) (seed >> 20);
        }

        seed = seed * 1103515245 + 12345;
        text[(seed >> 16) % len] ^= (char) (1 << (seed & 7));

        (void) answer_in(text, len, 1 + n % 7);
    }

    ok(1, "noise");
}


int
main(void)
{
    ulog = stub_init();

    test_good();
    test_bad();
    test_headers();
    test_noise();

    return done();
}
