
/*
 * Copyright (C) the ngx_chat_module authors
 */


#include "unit.h"
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include "ngx_chat_token.h"
#include "ngx_chat_name.h"


static u_char  secret[NGX_CHAT_GUEST_SECRET] =
    "0123456789abcdef0123456789ABCDE";


static ngx_int_t
verify(const void *p, size_t len, time_t now)
{
    u_char      id[NGX_CHAT_GUEST_ID_LEN], *copy;
    time_t      expires;
    ngx_int_t   rc;
    ngx_str_t   token;

    /* on the heap, so that a byte too far is seen */

    copy = malloc(len ? len : 1);
    memcpy(copy, p, len);
    token.data = copy;
    token.len = len;

    rc = ngx_chat_guest_verify(&token, secret, now, id, &expires);

    free(copy);

    return rc;
}


static void
test_random(void)
{
    u_char      a[32], b[32], id[NGX_CHAT_GUEST_ID_LEN];
    u_char      seen[256];
    ngx_str_t   s;
    ngx_uint_t  i, k, n;

    is_int(ngx_chat_random(a, 32), NGX_OK, "random");
    is_int(ngx_chat_random(b, 32), NGX_OK, "random");
    ok(memcmp(a, b, 32) != 0, "differs");
    is_int(ngx_chat_random(a, 0), NGX_OK, "nothing");

    memset(seen, 0, sizeof(seen));
    s.data = id;
    s.len = sizeof(id);

    for (i = 0; i < 2000; i++) {
        check(ngx_chat_guest_id(id) == NGX_OK, "id");
        check(id[0] == '~' && id[1] == 'g', "prefix");
        check(ngx_chat_user_id_valid(&s, 1) == NGX_OK, "is a user's id");
        check(ngx_chat_user_id_valid(&s, 0) == NGX_DECLINED, "of a guest");

        for (k = 2; k < sizeof(id); k++) {
            seen[id[k]] = 1;
        }
    }

    for (n = 0, i = 0; i < 256; i++) {
        n += seen[i];
        check(!seen[i] || (i >= 'a' && i <= 'z') || (i >= '2' && i <= '7'),
              "base32");
    }

    is_int(n, 32, "all digits of base32 come");
}


/* the token as another would make it */

static void
test_form(void)
{
    u_char        dst[NGX_CHAT_GUEST_TOKEN_MAX], mac[32], b64[64], *p;
    unsigned int  n;
    ngx_uint_t    i;

    const char  *signed_part = "g1.~gabcdefghijklmnop.1732413000";

    p = ngx_chat_guest_token(dst, secret, (u_char *) "~gabcdefghijklmnop",
                             1732413000);
    ok(p != NULL && p - dst <= NGX_CHAT_GUEST_TOKEN_MAX, "a token");
    is_mem(dst, strlen(signed_part), signed_part, strlen(signed_part),
           "its clear part");
    is_int(p - dst, strlen(signed_part) + 1 + 43, "its length");

    HMAC(EVP_sha256(), secret, 32, (u_char *) signed_part, strlen(signed_part),
         mac, &n);
    EVP_EncodeBlock(b64, mac, 32);

    for (i = 0; i < 44; i++) {
        b64[i] = b64[i] == '+' ? '-' : b64[i] == '/' ? '_' : b64[i];
    }

    is_mem(p - 43, 43, b64, 43, "its signature");

    p = ngx_chat_guest_token(dst, secret, (u_char *) "~gabcdefghijklmnop", -1);
    ok(p == NULL, "negative time");
    p = ngx_chat_guest_token(dst, secret, (u_char *) "~gabcdefghijklmnop",
                             1000000000000LL);
    ok(p == NULL, "absurd time");
    p = ngx_chat_guest_token(dst, secret, (u_char *) "~gabcdefghijklmnop",
                             999999999999LL);
    ok(p != NULL && verify(dst, p - dst, 1) == NGX_OK, "the latest time");
    p = ngx_chat_guest_token(dst, secret, (u_char *) "~gabcdefghijklmnop", 0);
    ok(p != NULL && verify(dst, p - dst, 0) == NGX_ABORT, "the earliest time");
}


static void
test_verify(void)
{
    u_char       dst[NGX_CHAT_GUEST_TOKEN_MAX], id[18], got[18], *p, other[32];
    u_char       longer[NGX_CHAT_GUEST_TOKEN_MAX + 1];
    size_t       len, i;
    time_t       expires;
    ngx_str_t    token;
    ngx_uint_t   bit, k;

    const char  *bad[] = {
        "", "g1", "g1.", "g1...", "x",
        "g1.~gabcdefghijklmnop.1732413000.",
        "g1.~gabcdefghijklmnop..0123456789012345678901234567890123456789012",
        "g1.~gABCDEFGHIJKLMNOP.1.0123456789012345678901234567890123456789012",
        "g1.~gabcdefghijklmno1.1.0123456789012345678901234567890123456789012",
        "g1.ann6789012345678ab.1.0123456789012345678901234567890123456789012",
        "g2.~gabcdefghijklmnop.1.0123456789012345678901234567890123456789012",
        "g1.~gabcdefghijklmnop.1.0123456789012345678901234567890123456789012",
        "g1.~gabcdefghijklmnop.01.0123456789012345678901234567890123456789012",
        "g1.~gabcdefghijklmnop.-1.0123456789012345678901234567890123456789012",
        "g1.~gabcdefghijklmnop.99999999999999999999."
        "0123456789012345678901234567890123456789012",
        NULL
    };

    ngx_chat_guest_id(id);
    p = ngx_chat_guest_token(dst, secret, id, 2000);
    len = p - dst;

    token.data = dst;
    token.len = len;
    expires = 0;
    is_int(ngx_chat_guest_verify(&token, secret, 1999, got, &expires), NGX_OK,
           "before its end");
    is_mem(got, 18, id, 18, "its guest");
    is_int(expires, 2000, "its end");

    memset(got, 0, sizeof(got));
    is_int(ngx_chat_guest_verify(&token, secret, 2000, got, &expires),
           NGX_ABORT, "at its end");
    is_int(verify(dst, len, 3000), NGX_ABORT, "after its end");
    is_int(got[0], 0, "an expired token names nobody");

    memcpy(other, secret, 32);
    other[31] ^= 1;
    is_int(ngx_chat_guest_verify(&token, other, 1, got, &expires),
           NGX_DECLINED, "another secret");

    for (i = 0; i < len; i++) {
        for (bit = 0; bit < 8; bit++) {
            dst[i] ^= 1 << bit;
            check(verify(dst, len, 1) == NGX_DECLINED, "flip %d.%d", (int) i,
                  (int) bit);
            dst[i] ^= 1 << bit;
        }

        check(verify(dst, i, 1) == NGX_DECLINED, "cut %d", (int) i);
        check(verify(dst + i + 1, len - i - 1, 1) == NGX_DECLINED, "cut %d",
              (int) i);
    }

    ok(1, "every flip and cut is refused");

    for (i = 0; i <= len; i++) {
        for (k = 0; k < 8; k++) {
            memcpy(longer, dst, i);
            longer[i] = ".0A-~=g1"[k];
            memcpy(longer + i + 1, dst + i, len - i);
            check(verify(longer, len + 1, 1) == NGX_DECLINED, "insert %d",
                  (int) i);
        }
    }

    ok(1, "every insertion is refused");

    dst[len] = 'A';
    is_int(verify(dst, len + 1, 1), NGX_DECLINED, "one more byte");
    dst[len] = '=';
    is_int(verify(dst, len + 1, 1), NGX_DECLINED, "padding");

    for (k = 0; bad[k]; k++) {
        is_int(verify(bad[k], strlen(bad[k]), 1), NGX_DECLINED, "bad %d",
               (int) k);
    }

    for (k = 0; k < 20000; k++) {
        len = unit_random() % NGX_CHAT_GUEST_TOKEN_MAX;

        for (i = 0; i < len; i++) {
            dst[i] = (u_char) unit_random();
        }

        check(verify(dst, len, 1) == NGX_DECLINED, "noise");
    }

    ok(1, "noise is refused");
    is_int((long long) ERR_peek_error(), 0, "OpenSSL's error queue is empty");
}


static void
test_queue(void)
{
    u_char  b[4];

    /* what somebody else has left there does not stay either */

    ERR_raise(ERR_LIB_USER, 1);
    ngx_chat_random(b, 4);
    is_int((long long) ERR_peek_error(), 0, "after random");

    ERR_raise(ERR_LIB_USER, 1);
    verify("g1.~gabcdefghijklmnop.1.0123456789012345678901234567890123456789"
           "012", 67, 1);
    is_int((long long) ERR_peek_error(), 0, "after verify");
}


int
main(void)
{
    stub_init();

    test_random();
    test_form();
    test_verify();
    test_queue();

    return done();
}
