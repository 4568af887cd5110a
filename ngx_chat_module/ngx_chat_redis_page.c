
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Pages of history that this host's window doesn't have.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <hiredis/hiredis.h>
#include "ngx_chat_bus.h"
#include "ngx_chat_redis_op.h"


static ngx_uint_t ngx_chat_redis_page_here(ngx_chat_redis_t *redis,
    ngx_chat_room_key_t *key, ngx_chat_want_t *want);
static void ngx_chat_redis_paged(ngx_chat_redis_op_t *op,
    ngx_chat_redis_reply_t *reply, ngx_chat_err_e code);
static ngx_chat_err_e ngx_chat_redis_page_take(ngx_chat_redis_op_t *op,
    ngx_chat_redis_reply_t *reply, ngx_chat_wait_t *w);
static ngx_int_t ngx_chat_redis_page_records(ngx_chat_redis_op_t *op,
    ngx_chat_redis_read_t *rd, ngx_chat_wait_t *w);


ngx_int_t
ngx_chat_redis_page(ngx_chat_zone_t *z, ngx_chat_room_key_t *key,
    ngx_chat_want_t *want, ngx_chat_wait_t *w)
{
    u_char                keys[2][NGX_CHAT_REDIS_KEY_MAX];
    u_char                num[3][NGX_INT64_LEN];
    ngx_str_t             arg[7];
    ngx_chat_redis_t     *redis;
    ngx_chat_redis_op_t  *op;

    redis = ((ngx_chat_redis_conf_t *) z->remote)->redis;

    if (redis == NULL || ngx_chat_bus_seat() == NGX_CHAT_NO_SEAT) {
        return NGX_DECLINED;
    }

    if (ngx_chat_redis_page_here(redis, key, want)) {
        return NGX_OK;
    }

    if (!ngx_chat_redis_up(redis, key)) {
        return NGX_DECLINED;
    }

    ngx_chat_redis_key(redis, 'm', key, keys[0], &arg[0]);
    ngx_chat_redis_key(redis, 's', key, keys[1], &arg[1]);

    ngx_str_null(&arg[2]);

    if (!want->broken && (want->after || want->before)) {
        arg[2].data = (u_char *) (want->after ? "a" : "b");
        arg[2].len = 1;
    }

    ngx_str_set(&arg[3], "0");

    if (!ngx_chat_id_is_zero(&want->id)) {
        arg[3].data = want->id.epoch;
        arg[3].len = NGX_CHAT_EPOCH_LEN;
    }

    ngx_chat_redis_arg(&arg[4], num[0],
                       ngx_min(want->id.offset, NGX_CHAT_SAFE_INT - 1));
    ngx_chat_redis_arg(&arg[5], num[1], want->limit);

    /* more than what is shown of them */
    ngx_chat_redis_arg(&arg[6], num[2], 2 * NGX_CHAT_PAGE_BYTES);

    op = ngx_chat_redis_op_start(redis, &ngx_chat_redis_page_script, arg, 7,
                                 2, key, ngx_chat_redis_paged);
    if (op == NULL) {
        return NGX_DECLINED;
    }

    op->rule = ngx_chat_zone_rule(z, &key->name);
    op->wait = w;
    w->ref = &op->wait;

    return NGX_DONE;
}


/* the newest events of a room that is listened to */

static ngx_uint_t
ngx_chat_redis_page_here(ngx_chat_redis_t *redis, ngx_chat_room_key_t *key,
    ngx_chat_want_t *want)
{
    uint64_t               from;
    ngx_chat_room_info_t   info;
    ngx_chat_hub_room_t   *hub;
    ngx_chat_redis_room_t *room;

    room = ngx_chat_redis_room_find(redis, key);
    hub = (room != NULL) ? room->hub : NULL;

    if (hub == NULL || hub->lost
        || !ngx_chat_remote_is_ready(redis->zone, hub->idx, hub->life)
        || ngx_chat_room_info(redis->zone, hub->idx, hub->life, &info)
           != NGX_OK)
    {
        return 0;
    }

    if (!want->broken && (want->after || want->before)
        && (ngx_chat_id_is_zero(&want->id)
            || ngx_memcmp(want->id.epoch, info.epoch, NGX_CHAT_EPOCH_LEN)
               == 0))
    {
        from = want->id.offset;

        if (want->after) {
            return from + 1 >= info.first && from <= info.head
                   && !ngx_chat_id_is_zero(&want->id);
        }

    } else {
        from = info.head + 1;
    }

    /* one more than the page, so that "more" is true if it is */

    return from <= info.head + 1 && from >= info.first + want->limit + 1;
}


static void
ngx_chat_redis_paged(ngx_chat_redis_op_t *op, ngx_chat_redis_reply_t *reply,
    ngx_chat_err_e code)
{
    ngx_chat_wait_t  *w;

    w = op->wait;

    if (w == NULL) {
        return;
    }

    if (reply != NULL) {
        code = ngx_chat_redis_page_take(op, reply, w);
    }

    if (code == NGX_CHAT_E_TIMEOUT) {
        /* nothing was changed, whatever became of it */
        code = NGX_CHAT_E_UNAVAILABLE;
    }

    ngx_chat_redis_complete(w, code);
}


static ngx_chat_err_e
ngx_chat_redis_page_take(ngx_chat_redis_op_t *op,
    ngx_chat_redis_reply_t *reply, ngx_chat_wait_t *w)
{
    ngx_int_t               rc;
    ngx_chat_redis_read_t   rd;
    ngx_chat_room_info_t   *info;

    rc = ngx_chat_redis_event_read(reply, &rd);

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_CHAT_E_NOT_FOUND
                                    : NGX_CHAT_E_INTERNAL;
    }

    info = &w->info;

    ngx_memcpy(info->epoch, rd.epoch, NGX_CHAT_EPOCH_LEN);
    info->head = rd.head;
    info->first = ngx_min(rd.first, rd.head + 1);

    if (rd.head - info->first + 1 > op->rule->history) {
        info->first = rd.head + 1 - op->rule->history;
    }

    if (ngx_chat_redis_page_records(op, &rd, w) != NGX_OK) {
        return NGX_CHAT_E_INTERNAL;
    }

    return NGX_CHAT_OK;
}


/* ascending and in the form of the store; what is too old isn't shown */

static ngx_int_t
ngx_chat_redis_page_records(ngx_chat_redis_op_t *op,
    ngx_chat_redis_read_t *rd, ngx_chat_wait_t *w)
{
    u_char                   *p;
    size_t                    size;
    uint64_t                  oldest, now;
    ngx_uint_t                i, n, down;
    ngx_chat_rec_t           *rec;
    ngx_chat_remote_event_t   ev;

    ngx_memzero(&ev, sizeof(ngx_chat_remote_event_t));

    size = 0;
    down = 0;

    for (i = 0; i < rd->n; i++) {
        n = (ngx_uint_t) ev.rec.offset;

        if (ngx_chat_redis_event_entry(rd->entry[i], &ev) != NGX_OK) {
            return NGX_ERROR;
        }

        down = (i > 0 && ev.rec.offset < n);
        size += ngx_chat_rec_size(ev.payload.len);
    }

    if (size == 0) {
        return NGX_OK;
    }

    w->records = ngx_alloc(size, op->redis->log);
    if (w->records == NULL) {
        return NGX_ERROR;
    }

    now = (uint64_t) ngx_time() * 1000;
    oldest = (op->rule->age && now > (uint64_t) op->rule->age * 1000)
             ? now - (uint64_t) op->rule->age * 1000 : 0;

    p = w->records;

    for (i = 0; i < rd->n; i++) {
        (void) ngx_chat_redis_event_entry(rd->entry[down ? rd->n - 1 - i : i],
                                          &ev);

        if (ev.rec.ts < oldest) {
            w->info.first = ngx_max(w->info.first, ev.rec.offset + 1);
            continue;
        }

        rec = (ngx_chat_rec_t *) p;
        *rec = ev.rec;
        rec->size = (uint32_t) ev.payload.len;
        rec->space = (uint32_t) ngx_align(ev.payload.len, 8);

        ngx_memcpy(p + sizeof(ngx_chat_rec_t), ev.payload.data,
                   ev.payload.len);
        p += ngx_chat_rec_size(ev.payload.len);
    }

    w->size = (size_t) (p - w->records);

    return NGX_OK;
}
