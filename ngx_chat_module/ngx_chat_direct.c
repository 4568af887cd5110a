
/*
 * Copyright (C) the ngx_chat_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_direct.h"
#include "ngx_chat_name.h"


#define NGX_CHAT_DIRECT_PREFIX  "~d."


static u_char *ngx_chat_direct_encode(u_char *p,
    u_char key[NGX_CHAT_DIRECT_KEY]);
static ngx_int_t ngx_chat_direct_decode(u_char key[NGX_CHAT_DIRECT_KEY],
    u_char *p);
static ngx_int_t ngx_chat_direct_keys(ngx_str_t *room,
    u_char key[2][NGX_CHAT_DIRECT_KEY]);


/* another letter than those of the table's keys: ngx_chat_table_key() */

ngx_int_t
ngx_chat_direct_key(u_char key[NGX_CHAT_DIRECT_KEY], ngx_str_t *user)
{
    return (user->len <= NGX_CHAT_USER_MAX)
           ? ngx_chat_name_key(key, 'd', user) : NGX_ERROR;
}


ngx_int_t
ngx_chat_direct_name(u_char name[NGX_CHAT_DIRECT_LEN], ngx_str_t *a,
    ngx_str_t *b)
{
    int      order;
    u_char  *p, key[2][NGX_CHAT_DIRECT_KEY];

    if (ngx_chat_direct_key(key[0], a) != NGX_OK
        || ngx_chat_direct_key(key[1], b) != NGX_OK)
    {
        return NGX_ERROR;
    }

    order = ngx_memcmp(key[0], key[1], NGX_CHAT_DIRECT_KEY);

    if (order == 0) {
        return NGX_DECLINED;
    }

    p = ngx_cpymem(name, NGX_CHAT_DIRECT_PREFIX,
                   sizeof(NGX_CHAT_DIRECT_PREFIX) - 1);

    p = ngx_chat_direct_encode(p, key[order > 0]);
    (void) ngx_chat_direct_encode(p, key[order < 0]);

    return NGX_OK;
}


void
ngx_chat_direct_print(u_char *p, u_char key[NGX_CHAT_DIRECT_KEY])
{
    (void) ngx_chat_direct_encode(p, key);
}


ngx_uint_t
ngx_chat_room_is_direct(ngx_str_t *room)
{
    u_char  key[2][NGX_CHAT_DIRECT_KEY];

    return ngx_chat_direct_keys(room, key) == NGX_OK;
}


ngx_int_t
ngx_chat_direct_other(ngx_str_t *room, ngx_str_t *user,
    u_char other[NGX_CHAT_DIRECT_KEY])
{
    u_char      own[NGX_CHAT_DIRECT_KEY], key[2][NGX_CHAT_DIRECT_KEY];
    ngx_uint_t  i;

    if (ngx_chat_direct_keys(room, key) != NGX_OK
        || ngx_chat_direct_key(own, user) != NGX_OK)
    {
        return NGX_DECLINED;
    }

    for (i = 0; i < 2; i++) {
        if (ngx_memcmp(key[i], own, NGX_CHAT_DIRECT_KEY) == 0) {
            ngx_memcpy(other, key[1 - i], NGX_CHAT_DIRECT_KEY);
            return NGX_OK;
        }
    }

    return NGX_DECLINED;
}


/* a pair has one name: anything else is none */

static ngx_int_t
ngx_chat_direct_keys(ngx_str_t *room, u_char key[2][NGX_CHAT_DIRECT_KEY])
{
    size_t   len;
    u_char  *p;

    len = sizeof(NGX_CHAT_DIRECT_PREFIX) - 1;

    if (room->len != NGX_CHAT_DIRECT_LEN
        || ngx_memcmp(room->data, NGX_CHAT_DIRECT_PREFIX, len) != 0)
    {
        return NGX_DECLINED;
    }

    p = room->data + len;

    return (ngx_chat_direct_decode(key[0], p) == NGX_OK
            && ngx_chat_direct_decode(key[1], p + NGX_CHAT_DIRECT_DIGITS)
               == NGX_OK
            && ngx_memcmp(key[0], key[1], NGX_CHAT_DIRECT_KEY) < 0)
           ? NGX_OK : NGX_DECLINED;
}


/* 25 digits and 3 bits, with two 0 behind them */

static u_char *
ngx_chat_direct_encode(u_char *p, u_char key[NGX_CHAT_DIRECT_KEY])
{
    ngx_uint_t  i, bits, n;

    static const u_char  base32[] = "abcdefghijklmnopqrstuvwxyz234567";

    bits = 0;
    n = 0;

    for (i = 0; i < NGX_CHAT_DIRECT_KEY; i++) {

        bits = ((bits << 8) | key[i]) & 0xffff;
        n += 8;

        while (n >= 5) {
            n -= 5;
            *p++ = base32[(bits >> n) & 31];
        }
    }

    *p++ = base32[(bits << (5 - n)) & 31];

    return p;
}


static ngx_int_t
ngx_chat_direct_decode(u_char key[NGX_CHAT_DIRECT_KEY], u_char *p)
{
    u_char      ch;
    ngx_uint_t  i, bits, n;

    bits = 0;
    n = 0;

    for (i = 0; i < NGX_CHAT_DIRECT_DIGITS; i++) {

        ch = p[i];

        if (ch >= 'a' && ch <= 'z') {
            ch -= 'a';

        } else if (ch >= '2' && ch <= '7') {
            ch = ch - '2' + 26;

        } else {
            return NGX_DECLINED;
        }

        bits = ((bits << 5) | ch) & 0xffff;
        n += 5;

        if (n >= 8) {
            n -= 8;
            *key++ = (u_char) (bits >> n);
        }
    }

    return (bits & (((ngx_uint_t) 1 << n) - 1)) ? NGX_DECLINED : NGX_OK;
}
