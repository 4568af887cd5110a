
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Tokens that a test makes itself: signed with HS256 and SECRET.
 */


#ifndef _JWT_MINT_H_INCLUDED_
#define _JWT_MINT_H_INCLUDED_


#include <openssl/evp.h>
#include <openssl/hmac.h>
#include "ngx_chat_jwt.h"


static ngx_pool_t  *pool;


static ngx_str_t
str(const char *s)
{
    ngx_str_t  v;

    v.data = (u_char *) s;
    v.len = strlen(s);

    return v;
}


static ngx_uint_t
alg(const char *name)
{
    ngx_str_t  s = str(name);

    return (ngx_uint_t) 1 << ngx_chat_jwt_alg(&s);
}


static u_char *
memory(size_t n)
{
    u_char  *p;

    p = ngx_pnalloc(pool, n);
    if (p == NULL) {
        abort();
    }

    return p;
}


static const char *
base64(const char *text, size_t len)
{
    ngx_str_t  src, dst;

    src.data = (u_char *) text;
    src.len = len;
    dst.data = memory(ngx_base64_encoded_length(len) + 1);

    ngx_encode_base64url(&dst, &src);
    dst.data[dst.len] = '\0';

    return (char *) dst.data;
}


/* signed with HS256 and this secret */

#define SECRET  "0123456789abcdef0123456789abcdef"

static const char *
mint(const char *header, const char *claims)
{
    u_char      *p, mac[32];
    const char  *h, *c;

    h = base64(header, strlen(header));
    c = base64(claims, strlen(claims));

    p = memory(strlen(h) + strlen(c) + 64);
    ngx_sprintf(p, "%s.%s%Z", h, c);

    HMAC(EVP_sha256(), SECRET, 32, p, strlen((char *) p), mac, NULL);

    ngx_sprintf(p + strlen((char *) p), ".%s%Z", base64((char *) mac, 32));

    return (char *) p;
}


#define HS       "{\"alg\":\"HS256\"}"
#define CLAIMS   "{\"sub\":\"ann\",\"exp\":4102444800}"


#endif /* _JWT_MINT_H_INCLUDED_ */
