
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * The rooms that this worker's sessions follow, or that it owns for others.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include "ngx_chat_bus.h"
#include "ngx_chat_redis_op.h"


/* what was read for a command is good for it for so long, ms */
#define NGX_CHAT_REDIS_FRESH   1000

/* ticks without a reader until a room is let go */
#define NGX_CHAT_REDIS_IDLE    2

/* rooms that are read in a tick since nobody can listen */
#define NGX_CHAT_REDIS_POLL    256


static ngx_uint_t ngx_chat_redis_room_fresh(ngx_chat_redis_room_t *room,
    ngx_chat_id_t *after);
static ngx_chat_redis_room_t *ngx_chat_redis_room_get(
    ngx_chat_redis_t *redis, ngx_chat_room_key_t *key);
static void ngx_chat_redis_room_free(ngx_chat_redis_room_t *room);
static void ngx_chat_redis_room_tick(ngx_chat_redis_room_t *room,
    ngx_uint_t *poll);
static ngx_uint_t ngx_chat_redis_room_idle(ngx_chat_redis_room_t *room);


ngx_int_t
ngx_chat_redis_prepare(ngx_chat_zone_t *z, ngx_chat_room_key_t *key,
    ngx_chat_id_t *after, ngx_uint_t again)
{
    ngx_chat_redis_t       *redis;
    ngx_chat_redis_room_t  *room;

    redis = ((ngx_chat_redis_conf_t *) z->remote)->redis;

    if (redis == NULL || ngx_chat_bus_seat() == NGX_CHAT_NO_SEAT) {
        return NGX_DECLINED;
    }

    room = ngx_chat_redis_room_get(redis, key);
    if (room == NULL) {
        return NGX_DECLINED;
    }

    if (again && room->op == NULL && room->tried != 0
        && ngx_current_msec - room->tried <= NGX_CHAT_REDIS_FRESH)
    {
        if (room->code == NGX_CHAT_OK) {
            return NGX_OK;
        }

        return (room->code == NGX_CHAT_E_NOT_FOUND) ? NGX_ABORT
                                                    : NGX_DECLINED;
    }

    if (ngx_chat_redis_room_fresh(room, after)) {
        room->idle = 0;
        return NGX_OK;
    }

    if (!ngx_chat_redis_up(redis, key)) {
        return NGX_DECLINED;
    }

    ngx_chat_redis_fetch(room);

    return (room->op != NULL) ? NGX_AGAIN : NGX_DECLINED;
}


/* what another host has told a client is newer than what we have heard */

static ngx_uint_t
ngx_chat_redis_room_fresh(ngx_chat_redis_room_t *room, ngx_chat_id_t *after)
{
    ngx_chat_zone_t      *z;
    ngx_chat_hub_room_t  *hub;

    z = room->redis->zone;
    hub = room->hub;

    if (hub == NULL || hub->lost
        || !ngx_chat_remote_is_ready(z, hub->idx, hub->life))
    {
        return 0;
    }

    return after == NULL || ngx_chat_id_is_zero(after)
           || ngx_memcmp(after->epoch, hub->epoch, NGX_CHAT_EPOCH_LEN) != 0
           || after->offset <= ngx_chat_room_head(z, hub->idx);
}


ngx_int_t
ngx_chat_redis_wait(ngx_chat_zone_t *z, ngx_chat_room_key_t *key,
    ngx_chat_wait_t *w)
{
    ngx_chat_redis_t       *redis;
    ngx_chat_redis_room_t  *room;

    redis = ((ngx_chat_redis_conf_t *) z->remote)->redis;
    room = ngx_chat_redis_room_find(redis, key);

    if (room == NULL || room->op == NULL) {
        return NGX_ERROR;
    }

    ngx_queue_insert_tail(&room->waits, &w->queue);
    w->queued = 1;

    return NGX_OK;
}


ngx_chat_redis_room_t *
ngx_chat_redis_room_find(ngx_chat_redis_t *redis, ngx_chat_room_key_t *key)
{
    u_char     buf[NGX_CHAT_REDIS_KEY_MAX];
    ngx_str_t  channel;

    ngx_chat_redis_key(redis, 'c', key, buf, &channel);

    return (ngx_chat_redis_room_t *)
               ngx_str_rbtree_lookup(&redis->tree, &channel,
                                     ngx_crc32_short(channel.data,
                                                     channel.len));
}


static ngx_chat_redis_room_t *
ngx_chat_redis_room_get(ngx_chat_redis_t *redis, ngx_chat_room_key_t *key)
{
    u_char                  buf[NGX_CHAT_REDIS_KEY_MAX];
    ngx_str_t               channel;
    ngx_chat_redis_room_t  *room;

    room = ngx_chat_redis_room_find(redis, key);

    if (room != NULL) {
        return room;
    }

    ngx_chat_redis_key(redis, 'c', key, buf, &channel);

    return ngx_chat_redis_room_create(redis, key, &channel);
}


ngx_chat_redis_room_t *
ngx_chat_redis_room_create(ngx_chat_redis_t *redis, ngx_chat_room_key_t *key,
    ngx_str_t *channel)
{
    u_char                 *p;
    ngx_chat_redis_room_t  *room;

    room = ngx_calloc(sizeof(ngx_chat_redis_room_t) + key->name.len
                      + channel->len, redis->log);
    if (room == NULL) {
        return NULL;
    }

    p = (u_char *) room + sizeof(ngx_chat_redis_room_t);

    room->redis = redis;
    room->key.kind = key->kind;
    room->key.name.len = key->name.len;
    room->key.name.data = p;
    p = ngx_cpymem(p, key->name.data, key->name.len);

    room->node.str.len = channel->len;
    room->node.str.data = p;
    ngx_memcpy(p, channel->data, channel->len);
    room->node.node.key = ngx_crc32_short(channel->data, channel->len);

    room->slot = ngx_chat_redis_room_slot(redis, key);

    ngx_queue_init(&room->waits);

    ngx_rbtree_insert(&redis->tree, &room->node.node);
    ngx_queue_insert_tail(&redis->rooms, &room->queue);

    return room;
}


static void
ngx_chat_redis_room_free(ngx_chat_redis_room_t *room)
{
    ngx_chat_redis_unsubscribe(room);

    if (room->op != NULL) {
        room->op->room = NULL;
    }

    if (room->hub != NULL) {
        ngx_chat_hub_unpin(room->hub);
    }

    ngx_rbtree_delete(&room->redis->tree, &room->node.node);
    ngx_queue_remove(&room->queue);
    ngx_free(room);
}


void
ngx_chat_redis_rooms_tick(ngx_chat_redis_t *redis)
{
    ngx_uint_t              poll;
    ngx_queue_t            *q, *next;
    ngx_chat_redis_room_t  *room;

    if (ngx_chat_bus_seat() == NGX_CHAT_NO_SEAT) {
        return;
    }

    poll = 0;

    for (q = ngx_queue_head(&redis->rooms);
         q != ngx_queue_sentinel(&redis->rooms);
         q = next)
    {
        next = ngx_queue_next(q);
        room = ngx_queue_data(q, ngx_chat_redis_room_t, queue);

        if (room->table) {
            continue;
        }

        if (ngx_chat_redis_room_idle(room)) {
            ngx_chat_redis_room_free(room);

        } else {
            ngx_chat_redis_room_tick(room, &poll);
        }
    }
}


/*
 * Whether nobody here needs it.  An owner keeps a room that another worker
 * follows: so nothing stops there while it changes hands.
 */

static ngx_uint_t
ngx_chat_redis_room_idle(ngx_chat_redis_room_t *room)
{
    ngx_chat_hub_room_t  *hub;

    hub = room->hub;

    if (room->op != NULL || !ngx_queue_empty(&room->waits)) {
        return 0;
    }

    if (hub != NULL && !hub->lost
        && (ngx_chat_hub_followed(hub)
            || (room->owner && !room->redis->draining
                && ngx_chat_remote_followers(room->redis->zone, hub->idx,
                                             hub->life) > 1)))
    {
        room->idle = 0;
        return 0;
    }

    return ++room->idle > NGX_CHAT_REDIS_IDLE;
}


static void
ngx_chat_redis_room_tick(ngx_chat_redis_room_t *room, ngx_uint_t *poll)
{
    ngx_chat_redis_t       *redis;
    ngx_chat_hub_room_t    *hub;
    ngx_chat_redis_node_t  *node;

    redis = room->redis;
    hub = room->hub;
    node = ngx_chat_redis_route(redis, room->slot);

    if (hub == NULL || room->op != NULL || node == NULL
        || !ngx_chat_redis_conn_is_ready(&node->calls))
    {
        return;
    }

    if (hub->lost) {
        ngx_chat_redis_fetch(room);
        return;
    }

    /* an owner that died or left */

    ngx_chat_redis_subscribe(room);
    ngx_chat_redis_sub_again(room);

    if (room->owner
        && !ngx_chat_remote_is_ready(redis->zone, hub->idx, hub->life)
        && (*poll)++ < NGX_CHAT_REDIS_POLL)
    {
        ngx_chat_redis_fetch(room);
    }
}


void
ngx_chat_redis_rooms_drain(ngx_chat_redis_t *redis)
{
    ngx_queue_t            *q;
    ngx_chat_redis_room_t  *room;

    redis->draining = 1;

    for (q = ngx_queue_head(&redis->rooms);
         q != ngx_queue_sentinel(&redis->rooms);
         q = ngx_queue_next(q))
    {
        room = ngx_queue_data(q, ngx_chat_redis_room_t, queue);

        if (room->owner && room->hub != NULL) {
            ngx_chat_remote_release(redis->zone, room->hub->idx,
                                    room->hub->life, ngx_chat_bus_seat());
        }
    }
}


void
ngx_chat_redis_rooms_exit(ngx_chat_redis_t *redis)
{
    ngx_queue_t            *q;
    ngx_chat_wait_t        *w;
    ngx_chat_redis_room_t  *room;

    while (!ngx_queue_empty(&redis->rooms)) {
        q = ngx_queue_head(&redis->rooms);
        room = ngx_queue_data(q, ngx_chat_redis_room_t, queue);

        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): not in the queue */
        while (!ngx_queue_empty(&room->waits)) {
            q = ngx_queue_head(&room->waits);
            w = ngx_queue_data(q, ngx_chat_wait_t, queue);
            ngx_queue_remove(q);
            w->queued = 0;
        }

        ngx_chat_redis_room_free(room);
    }
}
