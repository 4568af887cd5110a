
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Listening: one connection a worker, one subscription a host and room.  What
 * comes by it is only the fast path: a subscription that begins, or begins
 * again, is followed by reading on, and so is an offset that doesn't follow.
 *
 * In a cluster a room is listened to where its slot is, by SSUBSCRIBE if that
 * server has it.  A message says which server has published it.  If that isn't
 * the one that is listened to, then it may be one that has lost its slots and
 * doesn't know: such a message is only a reason to read on.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <hiredis/hiredis.h>
#include "ngx_chat_bus.h"
#include "ngx_chat_redis_cluster.h"


static void ngx_chat_redis_sub_listen(ngx_chat_redis_room_t *room);
static void ngx_chat_redis_sub_leave(ngx_chat_redis_room_t *room);
static void ngx_chat_redis_sub_lost(ngx_chat_redis_room_t *room);
static ngx_int_t ngx_chat_redis_sub_send(ngx_chat_redis_room_t *room,
    const char *command);
static void ngx_chat_redis_sub_refused(ngx_chat_redis_node_t *node,
    ngx_chat_redis_reply_t *reply);
static ngx_chat_redis_room_t *ngx_chat_redis_sub_find(
    ngx_chat_redis_t *redis, ngx_chat_redis_reply_t *name);
static void ngx_chat_redis_sub_message(ngx_chat_redis_room_t *room,
    ngx_chat_redis_reply_t *data);


#define ngx_chat_redis_sub_is(reply, word)                                    \
    ((reply)->len == sizeof(word) - 1                                         \
     && ngx_strncmp((reply)->str, word, sizeof(word) - 1) == 0)


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
        ngx_chat_redis_sub_listen(room);
    }
}


void
ngx_chat_redis_unsubscribe(ngx_chat_redis_room_t *room)
{
    if (room->owner && room->hub != NULL) {
        ngx_chat_remote_release(room->redis->zone, room->hub->idx,
                                room->hub->life, ngx_chat_bus_seat());
    }

    ngx_chat_redis_sub_leave(room);

    room->owner = 0;
}


/* if there is no connection, the next one listens to all that we own */

static void
ngx_chat_redis_sub_listen(ngx_chat_redis_room_t *room)
{
    ngx_chat_redis_node_t  *node;

    node = ngx_chat_redis_route(room->redis, room->slot);

    if (node == NULL || !ngx_chat_redis_conn_is_ready(&node->subscriptions)) {
        return;
    }

    room->server = node;

    if (ngx_chat_redis_sub_send(room, node->sharded ? "SSUBSCRIBE"
                                                    : "SUBSCRIBE")
        != NGX_OK)
    {
        ngx_chat_redis_conn_lose(&node->subscriptions, "too much is queued");
    }
}


static void
ngx_chat_redis_sub_leave(ngx_chat_redis_room_t *room)
{
    ngx_chat_redis_node_t  *node;

    node = room->server;

    if (node != NULL
        && ngx_chat_redis_conn_is_ready(&node->subscriptions)
        && ngx_chat_redis_sub_send(room, node->sharded ? "SUNSUBSCRIBE"
                                                       : "UNSUBSCRIBE")
           != NGX_OK)
    {
        ngx_chat_redis_conn_lose(&node->subscriptions, "too much is queued");
    }

    ngx_chat_redis_sub_lost(room);
}


/* nobody tells us of its events now */

static void
ngx_chat_redis_sub_lost(ngx_chat_redis_room_t *room)
{
    room->subscribed = 0;
    room->server = NULL;

    if (room->owner && room->hub != NULL) {
        ngx_chat_remote_set_ready(room->redis->zone, room->hub->idx,
                                  room->hub->life, ngx_chat_bus_seat(), 0);
    }
}


static ngx_int_t
ngx_chat_redis_sub_send(ngx_chat_redis_room_t *room, const char *command)
{
    size_t       lens[2];
    const char  *argv[2];

    argv[0] = command;
    lens[0] = ngx_strlen(command);
    argv[1] = (char *) room->node.str.data;
    lens[1] = room->node.str.len;

    return ngx_chat_redis_conn_send(&room->server->subscriptions, 2, argv,
                                    lens, NULL, NULL);
}


void
ngx_chat_redis_sub_ready(void *data)
{
    ngx_chat_redis_node_t *node = data;

    ngx_queue_t            *q, *rooms;
    ngx_chat_redis_room_t  *room;

    rooms = &node->redis->rooms;

    for (q = ngx_queue_head(rooms);
         q != ngx_queue_sentinel(rooms);
         q = ngx_queue_next(q))
    {
        room = ngx_queue_data(q, ngx_chat_redis_room_t, queue);

        if (room->owner && room->server == NULL
            && ngx_chat_redis_route(node->redis, room->slot) == node)
        {
            ngx_chat_redis_sub_listen(room);
        }
    }
}


void
ngx_chat_redis_sub_down(void *data)
{
    ngx_chat_redis_node_t *node = data;

    ngx_queue_t            *q, *rooms;
    ngx_chat_redis_room_t  *room;

    rooms = &node->redis->rooms;

    for (q = ngx_queue_head(rooms);
         q != ngx_queue_sentinel(rooms);
         q = ngx_queue_next(q))
    {
        room = ngx_queue_data(q, ngx_chat_redis_room_t, queue);

        if (room->server == node) {
            ngx_chat_redis_sub_lost(room);
        }
    }
}


void
ngx_chat_redis_sub_moved(ngx_chat_redis_t *redis)
{
    ngx_queue_t            *q;
    ngx_chat_redis_room_t  *room;

    for (q = ngx_queue_head(&redis->rooms);
         q != ngx_queue_sentinel(&redis->rooms);
         q = ngx_queue_next(q))
    {
        room = ngx_queue_data(q, ngx_chat_redis_room_t, queue);

        if (room->server != NULL
            && room->server != ngx_chat_redis_route(redis, room->slot))
        {
            ngx_chat_redis_sub_leave(room);
        }

        if (room->server == NULL && room->owner) {
            ngx_chat_redis_sub_listen(room);
        }
    }
}


void
ngx_chat_redis_sub_table(ngx_chat_redis_room_t *room)
{
    if (room->owner) {
        ngx_chat_redis_sub_again(room);
        return;
    }

    room->owner = 1;
    ngx_chat_redis_sub_listen(room);
}


void
ngx_chat_redis_sub_again(ngx_chat_redis_room_t *room)
{
    if (room->redis->cluster != NULL && room->owner && !room->subscribed) {
        ngx_chat_redis_sub_listen(room);
    }
}


/*
 * [ "message", channel, data ], [ "subscribe", channel, n ], and the same with
 * an "s" before it; [ "sunsubscribe", ... ] comes by itself, too: the slot is
 * elsewhere now.
 */

void
ngx_chat_redis_sub_push(void *data, ngx_chat_redis_reply_t *reply)
{
    ngx_chat_redis_node_t *node = data;

    ngx_chat_redis_room_t    *room;
    ngx_chat_redis_reply_t  **e;

    if (reply->type == REDIS_REPLY_ERROR) {
        ngx_chat_redis_sub_refused(node, reply);
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

    room = ngx_chat_redis_sub_find(node->redis, e[1]);

    if (room == NULL || room->server != node) {
        /* unsubscribed, and this was under way */
        return;
    }

    if (ngx_chat_redis_sub_is(e[0], "message")
        || ngx_chat_redis_sub_is(e[0], "smessage"))
    {
        ngx_chat_redis_sub_message(room, e[2]);

    } else if ((ngx_chat_redis_sub_is(e[0], "subscribe")
                || ngx_chat_redis_sub_is(e[0], "ssubscribe"))
               && room->owner)
    {
        room->subscribed = 1;

        if (room->table) {
            ngx_chat_redis_table_ask(node->redis);

        } else {
            ngx_chat_redis_fetch(room);
        }

    } else if (ngx_chat_redis_sub_is(e[0], "sunsubscribe")
               && room->owner && room->subscribed)
    {
        /* it says where, if it is asked: MOVED */
        ngx_chat_redis_sub_lost(room);
        ngx_chat_redis_sub_listen(room);
        ngx_chat_redis_cluster_refresh(node->redis);
    }
}


static void
ngx_chat_redis_sub_refused(ngx_chat_redis_node_t *node,
    ngx_chat_redis_reply_t *reply)
{
    ngx_str_t  why;

    why.data = (u_char *) reply->str;
    why.len = reply->len;

    if (node->redis->cluster != NULL) {

        if (ngx_strncmp(reply->str, "MOVED ", 6) == 0) {

            if (ngx_chat_redis_cluster_redirect_sub(node, &why) == NGX_OK) {
                ngx_chat_redis_sub_moved(node->redis);
            }

            return;
        }

        if (ngx_strncmp(reply->str, "CLUSTERDOWN", 11) == 0) {
            /* a room that isn't confirmed is asked for again each second */
            ngx_chat_redis_cluster_refresh(node->redis);
            return;
        }
    }

    ngx_chat_redis_log(node->redis, "subscribing failed", reply->str,
                       reply->len);
    ngx_chat_redis_conn_lose(&node->subscriptions, "it refuses");
}


static ngx_chat_redis_room_t *
ngx_chat_redis_sub_find(ngx_chat_redis_t *redis, ngx_chat_redis_reply_t *name)
{
    ngx_str_t  channel;

    channel.data = (u_char *) name->str;
    channel.len = name->len;

    return (ngx_chat_redis_room_t *)
               ngx_str_rbtree_lookup(&redis->tree, &channel,
                                     ngx_crc32_short(channel.data,
                                                     channel.len));
}


static void
ngx_chat_redis_sub_message(ngx_chat_redis_room_t *room,
    ngx_chat_redis_reply_t *data)
{
    size_t                   len;
    ngx_str_t                message;
    ngx_chat_remote_event_t  ev;

    if (room->table) {
        /* whatever it says */
        ngx_chat_redis_table_ask(room->redis);
        return;
    }

    if (data->type != REDIS_REPLY_STRING) {
        return;
    }

    message.data = (u_char *) data->str;
    message.len = data->len;

    if (message.len > 0 && message.data[0] == '~') {

        if (ngx_chat_redis_transient_take(room, &message) != NGX_OK) {
            ngx_chat_redis_log(room->redis, "a signal that isn't ours", "",
                               0);
        }

        return;
    }

    if (room->redis->cluster != NULL) {
        len = ngx_strlen(room->server->tag);

        if (len == 0 || message.len < len
            || ngx_memcmp(message.data, room->server->tag, len) != 0)
        {
            ngx_chat_redis_cluster_refresh(room->redis);
            ngx_chat_redis_fetch(room);
            return;
        }

        message.data += len;
        message.len -= len;
    }

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
