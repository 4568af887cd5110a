
/*
 * Copyright (C) the ngx_chat_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include "ngx_chat_token.h"


#define NGX_CHAT_TOKEN_PREFIX      "g1."
#define NGX_CHAT_TOKEN_PREFIX_LEN  (sizeof(NGX_CHAT_TOKEN_PREFIX) - 1)
#define NGX_CHAT_TOKEN_MAC_LEN     32
#define NGX_CHAT_TOKEN_SIG_LEN     43      /* base64url without padding */
#define NGX_CHAT_TOKEN_TIME_LEN    12      /* digits; the year 33658 */


static ngx_int_t ngx_chat_token_sign(u_char *dst, u_char *secret, u_char *data,
    size_t len);
static ngx_int_t ngx_chat_token_id_valid(u_char *id);
static u_char *ngx_chat_token_time(u_char *p, u_char *last, time_t *t);


/*
 * The error queue of OpenSSL is one per process: what is left in it appears as
 * an alert on the next TLS connection, so every function here empties it.
 */

ngx_int_t
ngx_chat_random(u_char *dst, size_t n)
{
    ngx_int_t  rc;

    if (n > NGX_MAX_INT32_VALUE) {
        return NGX_ERROR;
    }

    rc = (RAND_bytes(dst, (int) n) == 1) ? NGX_OK : NGX_ERROR;

    ERR_clear_error();

    return rc;
}


ngx_int_t
ngx_chat_guest_id(u_char dst[NGX_CHAT_GUEST_ID_LEN])
{
    u_char      *p, rnd[10];
    uint64_t     bits;
    ngx_uint_t   i, k, n;

    static const u_char  base32[] = "abcdefghijklmnopqrstuvwxyz234567";

    if (ngx_chat_random(rnd, sizeof(rnd)) != NGX_OK) {
        return NGX_ERROR;
    }

    p = dst;
    *p++ = '~';
    *p++ = 'g';

    /* 5 bytes are 8 digits */

    for (i = 0; i < sizeof(rnd); i += 5) {

        bits = 0;

        for (k = 0; k < 5; k++) {
            bits = (bits << 8) | rnd[i + k];
        }

        for (n = 8; n > 0; n--) {
            *p++ = base32[(bits >> (5 * (n - 1))) & 0x1f];
        }
    }

    return NGX_OK;
}


u_char *
ngx_chat_guest_token(u_char *dst, u_char *secret, u_char *id, time_t expires)
{
    u_char  *p;

    if (expires < 0 || expires >= 1000000000000LL) {
        return NULL;
    }

    p = ngx_cpymem(dst, NGX_CHAT_TOKEN_PREFIX, NGX_CHAT_TOKEN_PREFIX_LEN);
    p = ngx_cpymem(p, id, NGX_CHAT_GUEST_ID_LEN);
    p = ngx_sprintf(p, ".%T", expires);

    if (ngx_chat_token_sign(p + 1, secret, dst, p - dst) != NGX_OK) {
        return NULL;
    }

    *p++ = '.';

    return p + NGX_CHAT_TOKEN_SIG_LEN;
}


ngx_uint_t
ngx_chat_guest_token_like(ngx_str_t *token)
{
    return token->len > NGX_CHAT_TOKEN_PREFIX_LEN
           && ngx_strncmp(token->data, NGX_CHAT_TOKEN_PREFIX,
                          NGX_CHAT_TOKEN_PREFIX_LEN)
              == 0;
}


/*
 * The signature is compared as text: base64 has spare bits in its last digit,
 * and so only one spelling of a token is valid.
 */

ngx_int_t
ngx_chat_guest_verify(ngx_str_t *token, u_char *secret, time_t now, u_char *id,
    time_t *expires)
{
    u_char  *p, *last, *who;
    u_char   sig[NGX_CHAT_TOKEN_SIG_LEN];
    time_t   t;

    if (token->len > NGX_CHAT_GUEST_TOKEN_MAX
        || token->len < NGX_CHAT_TOKEN_PREFIX_LEN + NGX_CHAT_GUEST_ID_LEN
                        + sizeof(".0.") - 1 + NGX_CHAT_TOKEN_SIG_LEN)
    {
        return NGX_DECLINED;
    }

    p = token->data;
    last = p + token->len - NGX_CHAT_TOKEN_SIG_LEN;

    if (ngx_strncmp(p, NGX_CHAT_TOKEN_PREFIX, NGX_CHAT_TOKEN_PREFIX_LEN) != 0)
    {
        return NGX_DECLINED;
    }

    who = p + NGX_CHAT_TOKEN_PREFIX_LEN;

    if (ngx_chat_token_id_valid(who) != NGX_OK) {
        return NGX_DECLINED;
    }

    p = ngx_chat_token_time(who + NGX_CHAT_GUEST_ID_LEN, last, &t);

    if (p == NULL || p + 1 != last || *p != '.') {
        return NGX_DECLINED;
    }

    if (ngx_chat_token_sign(sig, secret, token->data, p - token->data)
        != NGX_OK)
    {
        return NGX_DECLINED;
    }

    if (CRYPTO_memcmp(sig, last, NGX_CHAT_TOKEN_SIG_LEN) != 0) {
        return NGX_DECLINED;
    }

    if (now >= t) {
        return NGX_ABORT;
    }

    ngx_memcpy(id, who, NGX_CHAT_GUEST_ID_LEN);
    *expires = t;

    return NGX_OK;
}


static ngx_int_t
ngx_chat_token_sign(u_char *dst, u_char *secret, u_char *data, size_t len)
{
    u_char        mac[EVP_MAX_MD_SIZE];
    ngx_int_t     rc;
    ngx_str_t     src, text;
    unsigned int  n;

    n = 0;
    rc = NGX_ERROR;

    if (HMAC(EVP_sha256(), secret, NGX_CHAT_GUEST_SECRET, data, len, mac, &n)
        != NULL
        && n == NGX_CHAT_TOKEN_MAC_LEN)
    {
        src.data = mac;
        src.len = NGX_CHAT_TOKEN_MAC_LEN;
        text.data = dst;

        ngx_encode_base64url(&text, &src);

        rc = NGX_OK;
    }

    OPENSSL_cleanse(mac, sizeof(mac));
    ERR_clear_error();

    return rc;
}


static ngx_int_t
ngx_chat_token_id_valid(u_char *id)
{
    u_char      ch;
    ngx_uint_t  i;

    if (id[0] != '~' || id[1] != 'g') {
        return NGX_DECLINED;
    }

    for (i = 2; i < NGX_CHAT_GUEST_ID_LEN; i++) {
        ch = id[i];

        if ((ch < 'a' || ch > 'z') && (ch < '2' || ch > '7')) {
            return NGX_DECLINED;
        }
    }

    return NGX_OK;
}


/* "." and digits without leading zeros; returns the end or NULL */

static u_char *
ngx_chat_token_time(u_char *p, u_char *last, time_t *t)
{
    u_char   *start;
    int64_t   n;

    if (p == last || *p++ != '.') {
        return NULL;
    }

    start = p;
    n = 0;

    while (p < last && *p >= '0' && *p <= '9') {

        if (p - start == NGX_CHAT_TOKEN_TIME_LEN) {
            return NULL;
        }

        n = n * 10 + (*p++ - '0');
    }

    if (p == start || (*start == '0' && p - start > 1)) {
        return NULL;
    }

    *t = (time_t) n;

    return p;
}
