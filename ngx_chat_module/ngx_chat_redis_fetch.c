
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Reading on: from the last event that this host has to the newest there is,
 * page by page, one call under way per room.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <hiredis/hiredis.h>
#include "ngx_chat_bus.h"
#include "ngx_chat_redis_op.h"
#include "ngx_chat_table.h"


static ngx_uint_t ngx_chat_redis_fetch_creates(ngx_chat_redis_room_t *room,
    ngx_chat_rule_t *rule);
static void ngx_chat_redis_fetched(ngx_chat_redis_op_t *op,
    ngx_chat_redis_reply_t *reply, ngx_chat_err_e code);
static ngx_chat_err_e ngx_chat_redis_fetch_take(ngx_chat_redis_room_t *room,
    ngx_chat_redis_op_t *op, ngx_chat_redis_reply_t *reply);
static ngx_int_t ngx_chat_redis_fetch_entries(ngx_chat_redis_room_t *room,
    ngx_chat_remote_event_t *ev, ngx_chat_redis_read_t *rd);
static ngx_int_t ngx_chat_redis_begin(ngx_chat_redis_t *redis,
    ngx_chat_remote_event_t *ev);
static ngx_int_t ngx_chat_redis_fetch_open(ngx_chat_redis_room_t *room,
    ngx_chat_rule_t *rule);
static void ngx_chat_redis_fetch_done(ngx_chat_redis_room_t *room,
    ngx_chat_err_e code);
static void ngx_chat_redis_fetch_failed(ngx_chat_redis_room_t *room);


void
ngx_chat_redis_fetch(ngx_chat_redis_room_t *room)
{
    u_char                   epoch[NGX_CHAT_EPOCH_LEN];
    u_char                   keys[2][NGX_CHAT_REDIS_KEY_MAX];
    u_char                   num[5][NGX_INT64_LEN];
    ngx_str_t                arg[11];
    ngx_uint_t               window;
    ngx_chat_rule_t         *rule;
    ngx_chat_redis_t        *redis;
    ngx_chat_redis_known_t   known;

    redis = room->redis;

    if (room->op != NULL) {
        room->again = 1;
        return;
    }

    room->again = 0;

    if (ngx_chat_redis_epoch(epoch) != NGX_OK) {
        ngx_chat_redis_fetch_failed(room);
        return;
    }

    rule = ngx_chat_zone_rule(redis->zone, &room->key.name);

    ngx_chat_redis_known(redis, &room->key, &known);

    ngx_chat_redis_key(redis, 'm', &room->key, keys[0], &arg[0]);
    ngx_chat_redis_key(redis, 's', &room->key, keys[1], &arg[1]);

    arg[2].data = epoch;
    arg[2].len = NGX_CHAT_EPOCH_LEN;

    arg[3].data = (u_char *) (ngx_chat_redis_fetch_creates(room, rule)
                              ? "1" : "0");
    arg[3].len = 1;

    arg[4] = known.epoch;
    ngx_chat_redis_arg(&arg[5], num[0], known.head);

    window = ngx_max(rule->history, NGX_CHAT_REDIS_KEEP_MIN);
    ngx_chat_redis_arg(&arg[6], num[1],
                       ngx_min(window, NGX_CHAT_REDIS_WINDOW));
    ngx_chat_redis_arg(&arg[7], num[2], NGX_CHAT_REDIS_PAGE);
    ngx_chat_redis_arg(&arg[8], num[3], NGX_CHAT_REDIS_EMPTY_TTL);
    ngx_chat_redis_arg(&arg[9], num[4], NGX_CHAT_REDIS_PAGE_BYTES);
    arg[10] = known.tag;

    room->op = ngx_chat_redis_op_start(redis, &ngx_chat_redis_fetch_script,
                                       arg, 11, 2, &room->key,
                                       ngx_chat_redis_fetched);

    if (room->op == NULL) {
        ngx_chat_redis_fetch_failed(room);
        return;
    }

    room->op->room = room;
    room->op->rule = rule;
}


/* a room that is followed exists, and one that has data may be entered */

static ngx_uint_t
ngx_chat_redis_fetch_creates(ngx_chat_redis_room_t *room,
    ngx_chat_rule_t *rule)
{
    ngx_chat_row_t  row;

    if (room->hub != NULL || ngx_chat_rule_creates(rule, &room->key.name)) {
        return 1;
    }

    ngx_memzero(&row, sizeof(ngx_chat_row_t));

    row.kind = NGX_CHAT_KIND_ROOM;

    return ngx_chat_table_room(row.room, &room->key) == NGX_OK
           && ngx_chat_table_get(room->redis->zone, &row,
                                 (uint64_t) ngx_time())
              == NGX_OK;
}


static void
ngx_chat_redis_fetched(ngx_chat_redis_op_t *op, ngx_chat_redis_reply_t *reply,
    ngx_chat_err_e code)
{
    ngx_chat_redis_room_t  *room;

    room = op->room;

    if (room == NULL) {
        return;
    }

    room->op = NULL;

    if (reply != NULL) {
        code = ngx_chat_redis_fetch_take(room, op, reply);
    }

    if (code == NGX_CHAT_E_WAIT) {
        /* another page */
        ngx_chat_redis_fetch(room);

        if (room->op != NULL) {
            return;
        }

        code = NGX_CHAT_E_UNAVAILABLE;
    }

    ngx_chat_redis_fetch_done(room, code);
}


/* NGX_CHAT_E_WAIT: there is more */

static ngx_chat_err_e
ngx_chat_redis_fetch_take(ngx_chat_redis_room_t *room,
    ngx_chat_redis_op_t *op, ngx_chat_redis_reply_t *reply)
{
    ngx_int_t                 rc;
    ngx_chat_redis_read_t     rd;
    ngx_chat_redis_known_t    known;
    ngx_chat_remote_event_t   ev;

    rc = ngx_chat_redis_event_read(reply, &rd);

    if (rc != NGX_OK) {

        if (rc == NGX_DECLINED) {
            return NGX_CHAT_E_NOT_FOUND;
        }

        ngx_chat_redis_log(room->redis, "a stream that isn't ours", "", 0);
        return NGX_CHAT_E_INTERNAL;
    }

    ngx_memzero(&ev, sizeof(ngx_chat_remote_event_t));

    ev.key = room->key;
    ev.rule = op->rule;
    ngx_memcpy(ev.epoch, rd.epoch, NGX_CHAT_EPOCH_LEN);

    if (rd.n == 0) {
        /* nothing that we lack, or nothing that is kept */
        ev.rec.offset = rd.head + 1;

        if (ngx_chat_redis_begin(room->redis, &ev) != NGX_OK) {
            return NGX_CHAT_E_FULL;
        }

    } else if (ngx_chat_redis_fetch_entries(room, &ev, &rd) != NGX_OK) {
        return NGX_CHAT_E_FULL;
    }

    if (ngx_chat_redis_fetch_open(room, op->rule) != NGX_OK) {
        return NGX_CHAT_E_UNAVAILABLE;
    }

    ngx_chat_redis_known(room->redis, &room->key, &known);

    if (rd.n > 0 && known.head < rd.head) {
        return NGX_CHAT_E_WAIT;
    }

    return room->again ? NGX_CHAT_E_WAIT : NGX_CHAT_OK;
}


/*
 * What is missing between two entries was erased there: the window begins
 * anew behind it.
 */

static ngx_int_t
ngx_chat_redis_fetch_entries(ngx_chat_redis_room_t *room,
    ngx_chat_remote_event_t *ev, ngx_chat_redis_read_t *rd)
{
    ngx_int_t   rc;
    ngx_uint_t  i;

    for (i = 0; i < rd->n; i++) {

        if (ngx_chat_redis_event_entry(rd->entry[i], ev) != NGX_OK) {
            ngx_chat_redis_log(room->redis, "an entry that isn't ours", "",
                               0);
            return NGX_ERROR;
        }

        rc = ngx_chat_redis_append(room->redis, ev);

        if (rc == NGX_OK) {
            continue;
        }

        if (ngx_chat_redis_begin(room->redis, ev) != NGX_OK
            || ngx_chat_redis_append(room->redis, ev) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_chat_redis_begin(ngx_chat_redis_t *redis, ngx_chat_remote_event_t *ev)
{
    ngx_int_t  rc;

    rc = ngx_chat_remote_begin(redis->zone, ev);

    if (rc == NGX_DONE) {
        /* who follows it here or elsewhere begins anew */
        ngx_chat_bus_changed();
        ngx_chat_bus_wake(&ev->wake);
        ngx_chat_hub_wake(0);
        return NGX_OK;
    }

    return rc;
}


/* our own interest in the room, beside that of sessions */

static ngx_int_t
ngx_chat_redis_fetch_open(ngx_chat_redis_room_t *room, ngx_chat_rule_t *rule)
{
    ngx_int_t              rc;
    ngx_chat_hub_room_t   *hub;
    ngx_chat_room_info_t   info;

    if (room->hub != NULL && !room->hub->lost) {
        return NGX_OK;
    }

    if (room->hub != NULL) {
        ngx_chat_hub_unpin(room->hub);
        room->hub = NULL;
        room->owner = 0;
    }

    rc = ngx_chat_hub_open(room->redis->zone, &room->key, rule, 0, &hub,
                           &info);
    if (rc != NGX_OK) {
        return rc;
    }

    ngx_chat_hub_pin(hub);
    room->hub = hub;

    return NGX_OK;
}


static void
ngx_chat_redis_fetch_done(ngx_chat_redis_room_t *room, ngx_chat_err_e code)
{
    ngx_uint_t            seat;
    ngx_queue_t          *q, waits;
    ngx_chat_wait_t      *w;
    ngx_chat_redis_t     *redis;
    ngx_chat_hub_room_t  *hub;

    redis = room->redis;
    hub = room->hub;
    seat = ngx_chat_bus_seat();

    if (code == NGX_CHAT_E_TIMEOUT) {
        /* nothing was changed, whatever became of it */
        code = NGX_CHAT_E_UNAVAILABLE;
    }

    room->tried = ngx_current_msec;
    room->code = code;

    if (code == NGX_CHAT_OK && hub != NULL) {
        room->synced = ngx_current_msec;
        room->idle = 0;

        ngx_chat_redis_subscribe(room);

        if (room->owner && room->subscribed) {
            ngx_chat_remote_set_ready(redis->zone, hub->idx, hub->life, seat,
                                      1);
        }

    } else {
        ngx_chat_redis_fetch_failed(room);
    }

    /* what its handlers begin to wait for is another read */

    ngx_queue_init(&waits);

    if (!ngx_queue_empty(&room->waits)) {
        ngx_queue_add(&waits, &room->waits);
        ngx_queue_init(&room->waits);
    }

    while (!ngx_queue_empty(&waits)) {
        q = ngx_queue_head(&waits);
        w = ngx_queue_data(q, ngx_chat_wait_t, queue);

        ngx_queue_remove(q);
        w->queued = 0;

        ngx_chat_redis_complete(w, code);
    }
}


/* what comes next may be long in coming: the owner reads again each second */

static void
ngx_chat_redis_fetch_failed(ngx_chat_redis_room_t *room)
{
    ngx_chat_hub_room_t  *hub;

    hub = room->hub;

    if (room->owner && hub != NULL) {
        ngx_chat_remote_set_ready(room->redis->zone, hub->idx, hub->life,
                                  ngx_chat_bus_seat(), 0);
    }
}


ngx_int_t
ngx_chat_redis_append(ngx_chat_redis_t *redis, ngx_chat_remote_event_t *ev)
{
    ngx_int_t   rc;
    ngx_uint_t  seat;

    seat = ngx_chat_bus_seat();

    if (seat == NGX_CHAT_NO_SEAT) {
        return NGX_AGAIN;
    }

    rc = ngx_chat_remote_append(redis->zone, seat, ev);

    if (rc == NGX_DONE) {
        return NGX_OK;
    }

    if (rc == NGX_ERROR) {
        /* larger than the room's log can be here: go on behind it */
        ev->rec.offset++;
        return ngx_chat_redis_begin(redis, ev) == NGX_OK ? NGX_OK : NGX_AGAIN;
    }

    if (rc != NGX_OK) {
        return NGX_AGAIN;
    }

    ngx_chat_bus_changed();
    ngx_chat_bus_wake(&ev->wake);
    ngx_chat_hub_published(redis->zone, ev->idx);

    return NGX_OK;
}
