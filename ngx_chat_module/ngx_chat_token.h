
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Guests: an id that nobody can choose and a signed token that lets its holder
 * stay the same guest.
 */


#ifndef _NGX_CHAT_TOKEN_H_INCLUDED_
#define _NGX_CHAT_TOKEN_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


#define NGX_CHAT_GUEST_ID_LEN     18      /* "~g" + 16 base32 characters */
#define NGX_CHAT_GUEST_SECRET     32
#define NGX_CHAT_GUEST_TTL        (30 * 24 * 3600)
#define NGX_CHAT_GUEST_TOKEN_MAX  128


/* 80 random bits; NGX_ERROR if the random generator fails */
ngx_int_t ngx_chat_guest_id(u_char dst[NGX_CHAT_GUEST_ID_LEN]);

/* "g1.<id>.<expires>.<base64url of HMAC-SHA256 over what precedes>"; `dst' has
   NGX_CHAT_GUEST_TOKEN_MAX bytes; returns the end or NULL */
u_char *ngx_chat_guest_token(u_char *dst, u_char *secret, u_char *id,
    time_t expires);

/*
 * Compares in constant time.  NGX_OK: `id' (18 bytes) and *expires are set;
 * NGX_DECLINED: not a token of this secret; NGX_ABORT: it has expired.
 */
ngx_int_t ngx_chat_guest_verify(ngx_str_t *token, u_char *secret, time_t now,
    u_char *id, time_t *expires);

/* whether it begins as a guest's token does, and no other */
ngx_uint_t ngx_chat_guest_token_like(ngx_str_t *token);

/* n random bytes from OpenSSL; leaves its error queue empty */
ngx_int_t ngx_chat_random(u_char *dst, size_t n);


#endif /* _NGX_CHAT_TOKEN_H_INCLUDED_ */
