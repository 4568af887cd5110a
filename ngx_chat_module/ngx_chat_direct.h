
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Direct conversations.  The name of their room is "~d." and the keys of both
 * users, the lesser one first, in base32: it says itself who may be there, so
 * nothing has to be kept, and it is the same on every host and after every
 * restart.  A key is a hash of a user's id and can't be turned back.
 */


#ifndef _NGX_CHAT_DIRECT_H_INCLUDED_
#define _NGX_CHAT_DIRECT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat.h"


#define NGX_CHAT_DIRECT_KEY    16
#define NGX_CHAT_DIRECT_DIGITS 26                /* of a key */
#define NGX_CHAT_DIRECT_LEN    (3 + 2 * NGX_CHAT_DIRECT_DIGITS)


/* 128 bits of SHA-256.  NGX_ERROR: OpenSSL failed. */
ngx_int_t ngx_chat_direct_key(u_char key[NGX_CHAT_DIRECT_KEY],
    ngx_str_t *user);

/* the room of two users.  NGX_DECLINED: they are one; NGX_ERROR: OpenSSL. */
ngx_int_t ngx_chat_direct_name(u_char name[NGX_CHAT_DIRECT_LEN],
    ngx_str_t *a, ngx_str_t *b);

/* a key as it is in names, NGX_CHAT_DIRECT_DIGITS bytes */
void ngx_chat_direct_print(u_char *p, u_char key[NGX_CHAT_DIRECT_KEY]);

/* whether it is a name that ngx_chat_direct_name() could have made */
ngx_uint_t ngx_chat_room_is_direct(ngx_str_t *room);

/*
 * The key of the other one: NGX_OK.  NGX_DECLINED: it is no such room, or the
 * user isn't one of the pair.
 */
ngx_int_t ngx_chat_direct_other(ngx_str_t *room, ngx_str_t *user,
    u_char other[NGX_CHAT_DIRECT_KEY]);


#endif /* _NGX_CHAT_DIRECT_H_INCLUDED_ */
