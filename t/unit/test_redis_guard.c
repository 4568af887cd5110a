
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * What a server may send, in one piece and byte by byte; and what must never
 * reach the parser, which would believe it.
 */

#include "unit.h"

#include "../../ngx_chat_module/ngx_chat_redis_guard.c"


typedef struct {
    const char  *text;
    ngx_int_t    rc;
} guard_case_t;


static guard_case_t  cases[] = {
    { "+OK\r\n", NGX_OK },
    { "-ERR something\r\n:1\r\n:-9223372036854775808\r\n", NGX_OK },
    { "$5\r\nhello\r\n$0\r\n\r\n$-1\r\n*-1\r\n", NGX_OK },
    { "$5\r\n*\r\n$9\r\n+OK\r\n", NGX_OK },
    { "*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$4\r\n\r\n\r\n\r\n", NGX_OK },
    { "*2\r\n*1\r\n:1\r\n*0\r\n", NGX_OK },
    { "*1024\r\n", NGX_OK },
    { "$4194304\r\n", NGX_OK },

    { "*1025\r\n", NGX_ERROR },
    { "*4294967296\r\n", NGX_ERROR },
    { "*18446744073709551617\r\n", NGX_ERROR },
    { "$4194305\r\n", NGX_ERROR },
    { "$536870912\r\n", NGX_ERROR },
    { "$99999999999999999999999\r\n", NGX_ERROR },
    { "$-2\r\n", NGX_ERROR },
    { "*-2\r\n", NGX_ERROR },
    { "$\r\n", NGX_ERROR },
    { "$-\r\n", NGX_ERROR },
    { "*1-\r\n", NGX_ERROR },
    { "$1 \r\n", NGX_ERROR },
    { "*3\n", NGX_ERROR },
    { "+OK\rx", NGX_ERROR },
    { "HTTP/1.1 400 Bad Request\r\n", NGX_ERROR },
    { "\r\n", NGX_ERROR },
    { "%2\r\n", NGX_ERROR },
    { ",1.5\r\n", NGX_ERROR },
    { "_\r\n", NGX_ERROR }
};


static void
test_cases(void)
{
    size_t                   j, n;
    ngx_int_t                whole, bytes;
    ngx_uint_t               i;
    ngx_chat_redis_guard_t   g;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        n = strlen(cases[i].text);

        memset(&g, 0, sizeof(g));
        whole = ngx_chat_redis_guard(&g, (u_char *) cases[i].text, n);

        memset(&g, 0, sizeof(g));
        bytes = NGX_OK;

        for (j = 0; j < n && bytes == NGX_OK; j++) {
            bytes = ngx_chat_redis_guard(&g, (u_char *) cases[i].text + j, 1);
        }

        ok(whole == cases[i].rc && bytes == cases[i].rc,
           "case %lu: %ld, byte by byte %ld", i, whole, bytes);
    }
}


/* a line, and a reply, that never end */

static void
test_endless(void)
{
    u_char                  *p;
    size_t                   n;
    ngx_int_t                rc;
    ngx_chat_redis_guard_t   g;

    p = malloc(65536);
    memset(p, 'x', 65536);

    memset(&g, 0, sizeof(g));
    ok(ngx_chat_redis_guard(&g, (u_char *) "+", 1) == NGX_OK
       && ngx_chat_redis_guard(&g, p, NGX_CHAT_REDIS_LINE_MAX) == NGX_OK
       && ngx_chat_redis_guard(&g, p, 1) == NGX_ERROR,
       "a line ends after %d bytes", NGX_CHAT_REDIS_LINE_MAX);

    /* strings within their bound, one behind the other in one reply */

    memset(&g, 0, sizeof(g));
    rc = ngx_chat_redis_guard(&g, (u_char *) "*1000\r\n", 7);

    for (n = 0; rc == NGX_OK && n < 4 * NGX_CHAT_REDIS_REPLY_MAX;
         n += 65536 + 10)
    {
        rc = ngx_chat_redis_guard(&g, (u_char *) "$65536\r\n", 8);

        if (rc == NGX_OK) {
            rc = ngx_chat_redis_guard(&g, p, 65536);
        }

        if (rc == NGX_OK) {
            rc = ngx_chat_redis_guard(&g, (u_char *) "\r\n", 2);
        }
    }

    ok(rc == NGX_ERROR && n <= NGX_CHAT_REDIS_REPLY_MAX + 2 * 65546,
       "a reply ends after %lu bytes", n);

    /* whole replies may go on for ever */

    memset(&g, 0, sizeof(g));
    rc = NGX_OK;

    for (n = 0; rc == NGX_OK && n < 2 * NGX_CHAT_REDIS_REPLY_MAX; n += 65546)
    {
        rc = ngx_chat_redis_guard(&g, (u_char *) "$65536\r\n", 8);
        rc |= ngx_chat_redis_guard(&g, p, 65536);
        rc |= ngx_chat_redis_guard(&g, (u_char *) "\r\n", 2);
        ngx_chat_redis_guard_reply(&g);
    }

    ok(rc == NGX_OK, "replies without an end");

    free(p);
}


int
main(void)
{
    (void) stub_init();

    test_cases();
    test_endless();

    return done();
}
