
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * What calls are made of, and what the log is told of those that are refused.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <openssl/rand.h>
#include "ngx_chat_name.h"
#include "ngx_chat_redis_op.h"


#define NGX_CHAT_REDIS_LOGGED  200       /* bytes of what a server says */


void
ngx_chat_redis_log(ngx_chat_redis_t *redis, const char *what,
    const char *text, size_t len)
{
    u_char  line[NGX_CHAT_REDIS_LOGGED];
    size_t  i;

    if (redis->logged != 0 && ngx_current_msec - redis->logged < 1000) {
        return;
    }

    redis->logged = ngx_current_msec;

    /* it is somebody else's, and may hold what a terminal obeys */

    len = ngx_min(len, sizeof(line));

    for (i = 0; i < len; i++) {
        line[i] = (text[i] >= ' ' && text[i] <= '~') ? (u_char) text[i] : '.';
    }

    ngx_log_error(NGX_LOG_ERR, redis->log, 0,
                  "chat: \"%V\" refuses, %s: \"%*s\"",
                  &redis->conf->server.url, what, len, line);
}


void
ngx_chat_redis_key(ngx_chat_redis_t *redis, u_char letter,
    ngx_chat_room_key_t *key, u_char *buf, ngx_str_t *str)
{
    u_char  *p;

    p = ngx_cpymem(buf, redis->conf->prefix.data, redis->conf->prefix.len);

    *p++ = (key->kind == NGX_CHAT_ROOM_RAW) ? ngx_toupper(letter) : letter;
    *p++ = ':';
    *p++ = '{';
    p = ngx_cpymem(p, key->name.data, key->name.len);
    *p++ = '}';

    str->data = buf;
    str->len = (size_t) (p - buf);
}


ngx_int_t
ngx_chat_redis_epoch(u_char epoch[NGX_CHAT_EPOCH_LEN])
{
    uint64_t  n;

    if (RAND_bytes((u_char *) &n, sizeof(n)) != 1) {
        return NGX_ERROR;
    }

    ngx_chat_epoch_print(epoch, n, 0);

    return NGX_OK;
}


void
ngx_chat_redis_known(ngx_chat_redis_t *redis, ngx_chat_room_key_t *key,
    ngx_chat_redis_known_t *known)
{
    ngx_chat_remote_known(redis->zone, key, &known->remote);

    known->head = known->remote.head;
    known->epoch.data = known->remote.epoch;
    known->epoch.len = known->remote.found ? NGX_CHAT_EPOCH_LEN : 0;

    ngx_str_null(&known->tag);

    if (known->remote.tagged) {
        ngx_chat_redis_arg(&known->tag, known->bytes, known->remote.tag);
    }
}


void
ngx_chat_redis_arg(ngx_str_t *arg, u_char *buf, uint64_t n)
{
    arg->data = buf;
    arg->len = (size_t) (ngx_sprintf(buf, "%uL", n) - buf);
}
