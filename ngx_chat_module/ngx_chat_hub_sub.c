
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Subscriptions: a reader's place in a room, live or behind.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include "ngx_chat_hub_private.h"
#include "ngx_chat_bus.h"
#include "ngx_chat_transient.h"


static void ngx_chat_hub_tell(ngx_chat_hub_room_t *room, uint64_t low);


void
ngx_chat_hub_attach(ngx_chat_hub_room_t *room, ngx_chat_sub_t *sub,
    ngx_chat_reader_t *rd, uint64_t cursor)
{
    sub->room = room;
    sub->reader = rd;
    sub->cursor = cursor;
    sub->is_pending = 0;
    sub->watch = 0;

    ngx_chat_room_sessions(room->zone, room->idx, room->life,
                           ngx_chat_bus_seat(), ++room->nsubs);

    /* a batch of this turn, if any, was not made for it */

    if (cursor == room->head && !room->is_loaded && !rd->blocked) {
        sub->live = 1;
        ngx_queue_insert_tail(&room->live, &sub->queue);
        return;
    }

    sub->live = 0;
    ngx_queue_insert_tail(&room->behind, &sub->queue);

    if (cursor != room->head) {
        ngx_chat_hub_mark(room);
    }

    if (cursor < room->low) {
        ngx_chat_hub_tell(room, cursor);
    }

    ngx_chat_hub_post(rd);
}


/*
 * What one that is behind has not been given yet is kept for it as for a slow
 * worker: within the live window.  The live ones have all of a turn at its end.
 */

void
ngx_chat_hub_low(ngx_chat_hub_room_t *room)
{
    uint64_t         low;
    ngx_queue_t     *q;
    ngx_chat_sub_t  *sub;

    low = room->head;

    for (q = ngx_queue_head(&room->behind);
         q != ngx_queue_sentinel(&room->behind);
         q = ngx_queue_next(q))
    {
        sub = ngx_queue_data(q, ngx_chat_sub_t, queue);
        low = ngx_min(low, sub->cursor);
    }

    if (low != room->low) {
        ngx_chat_hub_tell(room, low);
    }
}


static void
ngx_chat_hub_tell(ngx_chat_hub_room_t *room, uint64_t low)
{
    room->low = low;

    ngx_chat_room_read(room->zone, room->idx, room->life, ngx_chat_bus_seat(),
                       low);
}


void
ngx_chat_hub_detach(ngx_chat_sub_t *sub)
{
    ngx_chat_hub_room_t  *room;

    room = sub->room;

    if (sub->is_pending) {
        ngx_queue_remove(&sub->pending);
        sub->is_pending = 0;
    }

    ngx_chat_hub_unwatch(sub);

    ngx_queue_remove(&sub->queue);
    sub->room = NULL;

    ngx_chat_room_sessions(room->zone, room->idx, room->life,
                           ngx_chat_bus_seat(), --room->nsubs);

    ngx_chat_hub_release(room);
}


void
ngx_chat_hub_behind(ngx_chat_sub_t *sub)
{
    if (sub->live) {
        sub->live = 0;
        sub->reader->behind = 1;
        ngx_queue_remove(&sub->queue);
        ngx_queue_insert_tail(&sub->room->behind, &sub->queue);
    }
}


ngx_int_t
ngx_chat_hub_caught_up(ngx_chat_sub_t *sub)
{
    if (sub->live) {
        return NGX_OK;
    }

    if (sub->cursor != sub->room->head) {
        return NGX_AGAIN;
    }

    sub->live = 1;
    ngx_queue_remove(&sub->queue);
    ngx_queue_insert_tail(&sub->room->live, &sub->queue);

    return NGX_OK;
}


void
ngx_chat_hub_offer(ngx_chat_hub_room_t *room)
{
    ngx_queue_t        *q, *next;
    ngx_chat_sub_t     *sub;
    ngx_chat_reader_t  *rd;

    for (q = ngx_queue_head(&room->behind);
         q != ngx_queue_sentinel(&room->behind);
         q = ngx_queue_next(q))
    {
        sub = ngx_queue_data(q, ngx_chat_sub_t, queue);

        if (!sub->reader->blocked) {
            ngx_chat_hub_post(sub->reader);
        }
    }

    if (!room->is_loaded) {
        return;
    }

    for (q = ngx_queue_head(&room->live);
         q != ngx_queue_sentinel(&room->live);
         q = next)
    {
        next = ngx_queue_next(q);

        sub = ngx_queue_data(q, ngx_chat_sub_t, queue);
        rd = sub->reader;

        if (rd->blocked) {
            ngx_chat_hub_behind(sub);
            continue;
        }

        sub->is_pending = 1;
        ngx_queue_insert_tail(&rd->pending, &sub->pending);
        ngx_chat_hub_post(rd);
    }
}
