
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Tokens of our own.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include "ngx_chat_json.h"
#include "ngx_chat_jwt.h"


static u_char *ngx_chat_jwt_part(u_char *dst, u_char *data, size_t len);


ngx_int_t
ngx_chat_jwt_sign(ngx_chat_jwt_key_t *key, ngx_uint_t alg, ngx_str_t *claims,
    ngx_pool_t *pool, ngx_str_t *token)
{
    u_char               mac[EVP_MAX_MD_SIZE], *p, *header, *last;
    ngx_int_t            rc;
    unsigned int         n;
    ngx_chat_jwt_alg_t  *a;

    a = &ngx_chat_jwt_algs[alg];

    if (key->pkey != NULL || a->family != NGX_CHAT_JWT_HMAC
        || !(key->algs & ((ngx_uint_t) 1 << alg)))
    {
        return NGX_ERROR;
    }

    header = ngx_pnalloc(pool, sizeof("{\"typ\":\"JWT\",\"alg\":\"\",\"kid\":}")
                               + a->name.len
                               + ngx_chat_json_string_len(&key->kid));
    if (header == NULL) {
        return NGX_ERROR;
    }

    last = ngx_sprintf(header, "{\"typ\":\"JWT\",\"alg\":\"%V\"", &a->name);

    if (key->kid.len > 0) {
        last = ngx_cpymem(last, ",\"kid\":", sizeof(",\"kid\":") - 1);
        last = ngx_chat_json_string(last, &key->kid);
    }

    *last++ = '}';

    token->data = ngx_pnalloc(pool,
                              ngx_base64_encoded_length(last - header)
                              + ngx_base64_encoded_length(claims->len)
                              + ngx_base64_encoded_length(sizeof(mac)) + 2);
    if (token->data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_chat_jwt_part(token->data, header, (size_t) (last - header));
    *p++ = '.';
    p = ngx_chat_jwt_part(p, claims->data, claims->len);

    n = 0;
    rc = NGX_ERROR;

    if (HMAC(a->md(), key->secret.data, (int) key->secret.len, token->data,
             (size_t) (p - token->data), mac, &n)
        != NULL
        && n == a->size)
    {
        *p++ = '.';
        p = ngx_chat_jwt_part(p, mac, n);
        token->len = (size_t) (p - token->data);
        rc = NGX_OK;
    }

    OPENSSL_cleanse(mac, sizeof(mac));
    ERR_clear_error();

    return rc;
}


static u_char *
ngx_chat_jwt_part(u_char *dst, u_char *data, size_t len)
{
    ngx_str_t  src, to;

    src.data = data;
    src.len = len;
    to.data = dst;

    ngx_encode_base64url(&to, &src);

    return dst + to.len;
}
