
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * A token from its text: RFC 7515, sections 3.1 and 4, and what RFC 8725 says
 * of both.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_jwt.h"


static ngx_int_t ngx_chat_jwt_split(ngx_str_t *token, ngx_str_t part[3]);
static ngx_int_t ngx_chat_jwt_decode(ngx_str_t *part, ngx_str_t *json,
    ngx_pool_t *pool);
static ngx_int_t ngx_chat_jwt_header(ngx_chat_jwt_t *jwt, ngx_str_t *header,
    ngx_uint_t algs, ngx_pool_t *pool, const char **why);
static ngx_int_t ngx_chat_jwt_header_plain(ngx_str_t *header,
    ngx_pool_t *pool);
static ngx_int_t ngx_chat_jwt_header_type(ngx_str_t *header,
    ngx_pool_t *pool);


ngx_int_t
ngx_chat_jwt_parse(ngx_chat_jwt_t *jwt, ngx_str_t *token, ngx_uint_t algs,
    ngx_pool_t *pool, const char **why)
{
    ngx_int_t  rc;
    ngx_str_t  part[3], header;

    ngx_memzero(jwt, sizeof(ngx_chat_jwt_t));

    *why = "it is longer than 8192 bytes";

    if (token->len > NGX_CHAT_JWT_MAX) {
        return NGX_DECLINED;
    }

    *why = "it is no compact JWS of three parts";

    if (ngx_chat_jwt_split(token, part) != NGX_OK) {
        return NGX_DECLINED;
    }

    *why = "its header is no JSON object in base64url";

    rc = ngx_chat_jwt_decode(&part[0], &header, pool);

    if (rc != NGX_OK) {
        return rc;
    }

    rc = ngx_chat_jwt_header(jwt, &header, algs, pool, why);

    if (rc != NGX_OK) {
        return rc;
    }

    *why = "its claims are no JSON object in base64url";

    rc = ngx_chat_jwt_decode(&part[1], &jwt->claims, pool);

    if (rc != NGX_OK) {
        return rc;
    }

    *why = "its signature is no base64url";

    jwt->signing.data = part[0].data;
    jwt->signing.len = part[0].len + 1 + part[1].len;

    return ngx_chat_jwt_base64(pool, &part[2], &jwt->signature);
}


static ngx_int_t
ngx_chat_jwt_split(ngx_str_t *token, ngx_str_t part[3])
{
    u_char      *p, *dot, *last;
    ngx_uint_t   i;

    p = token->data;
    last = p + token->len;

    for (i = 0; i < 3; i++) {
        dot = ngx_strlchr(p, last, '.');

        /* five parts would be encrypted */

        if ((dot == NULL) != (i == 2)) {
            return NGX_DECLINED;
        }

        part[i].data = p;
        part[i].len = (size_t) ((dot ? dot : last) - p);

        p += part[i].len + 1;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_chat_jwt_decode(ngx_str_t *part, ngx_str_t *json, ngx_pool_t *pool)
{
    ngx_int_t  rc;

    rc = ngx_chat_jwt_base64(pool, part, json);

    return (rc == NGX_OK) ? ngx_chat_jwt_object(json) : rc;
}


static ngx_int_t
ngx_chat_jwt_header(ngx_chat_jwt_t *jwt, ngx_str_t *header, ngx_uint_t algs,
    ngx_pool_t *pool, const char **why)
{
    ngx_int_t  rc, alg;
    ngx_str_t  value;

    *why = "its \"alg\" isn't one of alg=";

    rc = ngx_chat_jwt_string(pool, header, "alg", &value);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    alg = (rc == NGX_OK) ? ngx_chat_jwt_alg(&value) : NGX_ERROR;

    if (alg == NGX_ERROR || !(algs & ((ngx_uint_t) 1 << alg))) {
        return NGX_DECLINED;
    }

    jwt->alg = (ngx_uint_t) alg;

    *why = "its header has crit, b64, zip, enc, or a key or the address of one";

    rc = ngx_chat_jwt_header_plain(header, pool);

    if (rc != NGX_OK) {
        return rc;
    }

    *why = "its \"typ\" isn't JWT or at+jwt";

    rc = ngx_chat_jwt_header_type(header, pool);

    if (rc != NGX_OK) {
        return rc;
    }

    *why = "its \"kid\" is no string of at most 256 bytes";

    rc = ngx_chat_jwt_string(pool, header, "kid", &jwt->kid);

    if (rc == NGX_ABORT || jwt->kid.len > NGX_CHAT_JWT_KID_MAX) {
        return NGX_DECLINED;
    }

    return (rc == NGX_ERROR) ? NGX_ERROR : NGX_OK;
}


/* extensions that we would have to understand; keys are not the sender's */

static ngx_int_t
ngx_chat_jwt_header_plain(ngx_str_t *header, ngx_pool_t *pool)
{
    ngx_int_t   rc;
    ngx_str_t   value, *name;

    static ngx_str_t  refused[] = {
        ngx_string("crit"), ngx_string("b64"), ngx_string("zip"),
        ngx_string("enc"), ngx_string("cty"), ngx_string("jku"),
        ngx_string("jwk"), ngx_string("x5u"), ngx_string("x5c"),
        ngx_null_string
    };

    for (name = refused; name->len > 0; name++) {

        rc = ngx_chat_jwt_member(pool, header, name, &value);

        if (rc != NGX_DECLINED) {
            return (rc == NGX_OK) ? NGX_DECLINED : rc;
        }
    }

    return NGX_OK;
}


/* what was signed for another purpose says so: RFC 8725, section 3.11 */

static ngx_int_t
ngx_chat_jwt_header_type(ngx_str_t *header, ngx_pool_t *pool)
{
    ngx_int_t  rc;
    ngx_str_t  typ;

    rc = ngx_chat_jwt_string(pool, header, "typ", &typ);

    if (rc == NGX_DECLINED) {
        return NGX_OK;
    }

    if (rc != NGX_OK) {
        return (rc == NGX_ABORT) ? NGX_DECLINED : rc;
    }

    if (typ.len > 12
        && ngx_strncasecmp(typ.data, (u_char *) "application/", 12) == 0)
    {
        typ.data += 12;
        typ.len -= 12;
    }

    if ((typ.len == 3 && ngx_strncasecmp(typ.data, (u_char *) "jwt", 3) == 0)
        || (typ.len == 6
            && ngx_strncasecmp(typ.data, (u_char *) "at+jwt", 6) == 0))
    {
        return NGX_OK;
    }

    return NGX_DECLINED;
}


ngx_int_t
ngx_chat_jwt_check_signature(ngx_chat_jwt_t *jwt, ngx_chat_jwt_keys_t *keys)
{
    ngx_uint_t           i, fit, tried;
    ngx_chat_jwt_key_t  *key;

    fit = 0;

    for (i = 0; i < keys->n; i++) {
        if (keys->key[i].algs & ((ngx_uint_t) 1 << jwt->alg)) {
            fit++;
        }
    }

    tried = 0;

    for (i = 0; i < keys->n; i++) {
        key = &keys->key[i];

        if (!(key->algs & ((ngx_uint_t) 1 << jwt->alg))) {
            continue;
        }

        if (jwt->kid.len == 0) {

            if (fit > 1) {
                /* it must say which */
                return NGX_DECLINED;
            }

        } else if (key->kid.len > 0
                   && (key->kid.len != jwt->kid.len
                       || ngx_memcmp(key->kid.data, jwt->kid.data,
                                     key->kid.len)
                          != 0))
        {
            continue;
        }

        tried++;

        if (ngx_chat_jwt_verify(key, jwt->alg, &jwt->signing, &jwt->signature)
            == NGX_OK)
        {
            return NGX_OK;
        }
    }

    return (tried > 0 || jwt->kid.len == 0) ? NGX_DECLINED : NGX_AGAIN;
}
