
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Listening: one connection a worker, one subscription a host and room.  What
 * comes by it is only the fast path: a subscription that begins, or begins
 * again, is followed by reading on, and so is an offset that doesn't follow.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <hiredis/hiredis.h>
#include "ngx_chat_bus.h"
#include "ngx_chat_redis_op.h"


static void ngx_chat_redis_sub_send(ngx_chat_redis_room_t *room,
    const char *command);
static void ngx_chat_redis_sub_message(ngx_chat_redis_room_t *room,
    ngx_chat_redis_reply_t *data);


void
ngx_chat_redis_subscribe(ngx_chat_redis_room_t *room)
{
    ngx_chat_redis_t     *redis;
    ngx_chat_hub_room_t  *hub;

    redis = room->redis;
    hub = room->hub;

    if (room->owner || redis->draining
        || ngx_chat_remote_claim(redis->zone, hub->idx, hub->life,
                                 ngx_chat_bus_seat())
           != NGX_OK)
    {
        return;
    }

    room->owner = 1;

    if (!room->subscribed) {
        ngx_chat_redis_sub_send(room, "SUBSCRIBE");
    }
}


void
ngx_chat_redis_unsubscribe(ngx_chat_redis_room_t *room)
{
    if (room->owner && room->hub != NULL) {
        ngx_chat_remote_release(room->redis->zone, room->hub->idx,
                                room->hub->life, ngx_chat_bus_seat());
    }

    if (room->owner || room->subscribed) {
        ngx_chat_redis_sub_send(room, "UNSUBSCRIBE");
    }

    room->owner = 0;
    room->subscribed = 0;
}


static void
ngx_chat_redis_sub_send(ngx_chat_redis_room_t *room, const char *command)
{
    size_t                  lens[2];
    const char             *argv[2];
    ngx_chat_redis_conn_t  *rc;

    rc = &room->redis->subscriptions;

    argv[0] = command;
    lens[0] = ngx_strlen(command);
    argv[1] = (char *) room->node.str.data;
    lens[1] = room->node.str.len;

    if (ngx_chat_redis_conn_is_ready(rc)
        && ngx_chat_redis_conn_send(rc, 2, argv, lens, NULL, NULL) != NGX_OK)
    {
        /* the next connection subscribes to all that we own */
        ngx_chat_redis_conn_lose(rc, "too much is queued");
    }
}


void
ngx_chat_redis_sub_ready(void *data)
{
    ngx_chat_redis_t *redis = data;

    ngx_queue_t            *q;
    ngx_chat_redis_room_t  *room;

    for (q = ngx_queue_head(&redis->rooms);
         q != ngx_queue_sentinel(&redis->rooms);
         q = ngx_queue_next(q))
    {
        room = ngx_queue_data(q, ngx_chat_redis_room_t, queue);

        if (room->owner) {
            ngx_chat_redis_sub_send(room, "SUBSCRIBE");
        }
    }
}


void
ngx_chat_redis_sub_down(void *data)
{
    ngx_chat_redis_t *redis = data;

    ngx_queue_t            *q;
    ngx_chat_redis_room_t  *room;

    for (q = ngx_queue_head(&redis->rooms);
         q != ngx_queue_sentinel(&redis->rooms);
         q = ngx_queue_next(q))
    {
        room = ngx_queue_data(q, ngx_chat_redis_room_t, queue);

        room->subscribed = 0;

        if (room->owner && room->hub != NULL) {
            ngx_chat_remote_set_ready(redis->zone, room->hub->idx,
                                      room->hub->life, ngx_chat_bus_seat(),
                                      0);
        }
    }
}


/* [ "message", channel, data ], [ "subscribe", channel, n ] ... */

void
ngx_chat_redis_sub_push(void *data, ngx_chat_redis_reply_t *reply)
{
    ngx_chat_redis_t *redis = data;

    uint32_t                  hash;
    ngx_str_t                 kind, channel;
    ngx_chat_redis_room_t    *room;
    ngx_chat_redis_reply_t  **e;

    if (reply->type == REDIS_REPLY_ERROR) {
        ngx_chat_redis_log(redis, "subscribing failed", reply->str,
                           reply->len);
        ngx_chat_redis_conn_lose(&redis->subscriptions, "it refuses");
        return;
    }

    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 3) {
        /* the answer to a PING */
        return;
    }

    e = reply->element;

    if (e[0]->type != REDIS_REPLY_STRING || e[1]->type != REDIS_REPLY_STRING)
    {
        return;
    }

    kind.data = (u_char *) e[0]->str;
    kind.len = e[0]->len;
    channel.data = (u_char *) e[1]->str;
    channel.len = e[1]->len;

    hash = ngx_crc32_short(channel.data, channel.len);

    room = (ngx_chat_redis_room_t *)
               ngx_str_rbtree_lookup(&redis->tree, &channel, hash);

    if (room == NULL) {
        /* unsubscribed, and this was under way */
        return;
    }

    if (kind.len == 7 && ngx_strncmp(kind.data, "message", 7) == 0) {
        ngx_chat_redis_sub_message(room, e[2]);

    } else if (kind.len == 9 && ngx_strncmp(kind.data, "subscribe", 9) == 0
               && room->owner)
    {
        room->subscribed = 1;
        ngx_chat_redis_fetch(room);
    }
}


static void
ngx_chat_redis_sub_message(ngx_chat_redis_room_t *room,
    ngx_chat_redis_reply_t *data)
{
    ngx_str_t                message;
    ngx_chat_remote_event_t  ev;

    if (data->type != REDIS_REPLY_STRING) {
        return;
    }

    message.data = (u_char *) data->str;
    message.len = data->len;

    ngx_memzero(&ev, sizeof(ngx_chat_remote_event_t));

    if (ngx_chat_redis_event_message(&message, &ev) != NGX_OK) {
        ngx_chat_redis_log(room->redis, "a message that isn't ours", "", 0);
        return;
    }

    ev.key = room->key;
    ev.rule = ngx_chat_zone_rule(room->redis->zone, &room->key.name);

    if (ngx_chat_redis_append(room->redis, &ev) != NGX_OK) {
        ngx_chat_redis_fetch(room);
    }
}
