
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Signals and typing for those who follow the room on other hosts: published,
 * kept nowhere, and the first to be dropped.
 *
 * "~<host> <session> <object>", in the room's channel: the host is 16 hex
 * digits, which its own workers know; the session that isn't to get it has 16
 * letters, or it is 16 dashes.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <hiredis/hiredis.h>
#include "ngx_chat_bus.h"
#include "ngx_chat_redis_cluster.h"
#include "ngx_chat_transient.h"
#include "ngx_chat_utf8.h"


/* with more that the server hasn't taken or answered they are dropped */

#define NGX_CHAT_REDIS_TRANSIENT_OUT      (256 * 1024)
#define NGX_CHAT_REDIS_TRANSIENT_PENDING  4096

#define NGX_CHAT_REDIS_TRANSIENT_HEADER                                       \
    (1 + 16 + 1 + NGX_CHAT_TRANSIENT_FROM + 1)


static void ngx_chat_redis_transient_answer(void *data,
    ngx_chat_redis_reply_t *reply);
static void ngx_chat_redis_transient_lost(ngx_chat_redis_t *redis);


static u_char  ngx_chat_redis_nobody[NGX_CHAT_TRANSIENT_FROM + 1] =
    "----------------";


void
ngx_chat_redis_transient(ngx_chat_zone_t *z, ngx_chat_room_key_t *key,
    ngx_str_t *object, u_char *from)
{
    u_char                   channel[NGX_CHAT_REDIS_KEY_MAX], *p;
    size_t                   lens[3];
    ngx_str_t                name;
    const char              *argv[3];
    ngx_chat_redis_t        *redis;
    ngx_chat_redis_conn_t   *rc;
    ngx_chat_redis_node_t   *node;
    static u_char            text[NGX_CHAT_REDIS_TRANSIENT_HEADER
                                  + NGX_CHAT_TRANSIENT_MAX];

    redis = ((ngx_chat_redis_conf_t *) z->remote)->redis;

    if (redis == NULL || object->len > NGX_CHAT_TRANSIENT_MAX) {
        return;
    }

    node = ngx_chat_redis_route(redis, ngx_chat_redis_room_slot(redis, key));

    if (node == NULL) {
        ngx_chat_redis_transient_lost(redis);
        return;
    }

    rc = &node->calls;

    if (rc->out_last - rc->out_pos <= NGX_CHAT_REDIS_TRANSIENT_OUT
        && rc->pending_n <= NGX_CHAT_REDIS_TRANSIENT_PENDING)
    {
        ngx_chat_redis_key(redis, 'c', key, channel, &name);

        p = ngx_sprintf(text, "~%016xL ", ngx_chat_remote_host(z));
        p = ngx_cpymem(p, from ? from : ngx_chat_redis_nobody,
                       NGX_CHAT_TRANSIENT_FROM);
        *p++ = ' ';
        p = ngx_cpymem(p, object->data, object->len);

        argv[0] = node->sharded ? "SPUBLISH" : "PUBLISH";
        lens[0] = node->sharded ? 8 : 7;
        argv[1] = (char *) name.data;
        lens[1] = name.len;
        argv[2] = (char *) text;
        lens[2] = (size_t) (p - text);

        if (ngx_chat_redis_conn_send(rc, 3, argv, lens,
                                     ngx_chat_redis_transient_answer, redis)
            == NGX_OK)
        {
            return;
        }
    }

    ngx_chat_redis_transient_lost(redis);
}


/* it isn't sent again: what is late is worth nothing */

static void
ngx_chat_redis_transient_answer(void *data, ngx_chat_redis_reply_t *reply)
{
    ngx_chat_redis_t *redis = data;

    if (reply != NULL && reply->type != REDIS_REPLY_ERROR) {
        return;
    }

    ngx_chat_redis_transient_lost(redis);

    if (reply == NULL) {
        return;
    }

    if (redis->cluster != NULL
        && (ngx_strncmp(reply->str, "MOVED ", 6) == 0
            || ngx_strncmp(reply->str, "CLUSTERDOWN", 11) == 0))
    {
        ngx_chat_redis_cluster_refresh(redis);
        return;
    }

    ngx_chat_redis_log(redis, "a signal is lost", reply->str, reply->len);
}


static void
ngx_chat_redis_transient_lost(ngx_chat_redis_t *redis)
{
    ngx_uint_t  seat;

    seat = ngx_chat_bus_seat();

    if (seat != NGX_CHAT_NO_SEAT) {
        ngx_chat_metric_add(redis->zone, seat, NGX_CHAT_M_TRANSIENT_LOST, 1);
    }
}


/* whoever may publish may say anything, but not harm those who read it */

ngx_int_t
ngx_chat_redis_transient_take(ngx_chat_redis_room_t *room, ngx_str_t *message)
{
    size_t                     i;
    u_char                    *p, host[16 + 1];
    ngx_chat_zone_t           *z;
    ngx_chat_transient_put_t   put;

    z = room->redis->zone;
    p = message->data;

    if (message->len < NGX_CHAT_REDIS_TRANSIENT_HEADER + 2 || p[17] != ' '
        || p[NGX_CHAT_REDIS_TRANSIENT_HEADER - 1] != ' ')
    {
        return NGX_ERROR;
    }

    ngx_memzero(&put, sizeof(ngx_chat_transient_put_t));

    put.key = room->key;
    put.from = p + 18;
    put.payload.data = p + NGX_CHAT_REDIS_TRANSIENT_HEADER;
    put.payload.len = message->len - NGX_CHAT_REDIS_TRANSIENT_HEADER;

    if (put.payload.data[0] != '{'
        || ngx_chat_utf8_valid(put.payload.data, put.payload.len) != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (i = 0; i < put.payload.len; i++) {
        if (put.payload.data[i] < ' ') {
            return NGX_ERROR;
        }
    }

    (void) ngx_sprintf(host, "%016xL", ngx_chat_remote_host(z));

    /* our own; or, while a room changes hands, another worker's to pass on */

    if (ngx_memcmp(p + 1, host, 16) == 0 || room->hub == NULL
        || !ngx_chat_remote_owns(z, room->hub->idx, room->hub->life,
                                 ngx_chat_bus_seat()))
    {
        return NGX_OK;
    }

    if (ngx_memcmp(put.from, ngx_chat_redis_nobody, NGX_CHAT_TRANSIENT_FROM)
        == 0)
    {
        put.from = NULL;
    }

    if (ngx_chat_transient_put(z, ngx_chat_bus_seat(), &put) == NGX_OK
        && put.passed)
    {
        ngx_chat_bus_wake(&put.wake);
        ngx_chat_hub_transients();
    }

    return NGX_OK;
}
