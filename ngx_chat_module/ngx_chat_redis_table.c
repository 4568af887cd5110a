
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * The table of bans, roles and data of rooms on all hosts.  Each host has all
 * of it in its zone, so looking something up asks nobody; the server has it,
 * too.  One worker of a host tells the server what was changed here, and asks
 * what was changed elsewhere: when the server says so on a channel, and once a
 * second.  A change is made here first: it holds here while the server is away,
 * and is told when it is back.
 *
 * With a new connection, or a server that has lost something, nothing is known
 * of what it has: all of it is read, and then it is told what it lacks.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <hiredis/hiredis.h>
#include "ngx_chat_bus.h"
#include "ngx_chat_redis_table.h"


static void ngx_chat_redis_table_handler(ngx_event_t *ev);
static ngx_int_t ngx_chat_redis_table_untold(ngx_chat_redis_table_t *t);
static ngx_int_t ngx_chat_redis_table_read(ngx_chat_redis_table_t *t);
static void ngx_chat_redis_table_asked(ngx_chat_redis_op_t *op,
    ngx_chat_redis_reply_t *reply, ngx_chat_err_e code);
static ngx_int_t ngx_chat_redis_table_answer(ngx_chat_redis_table_t *t,
    ngx_chat_redis_reply_t *reply);
static ngx_uint_t ngx_chat_redis_table_row(ngx_chat_redis_table_t *t,
    ngx_chat_redis_reply_t *name, ngx_chat_redis_reply_t *text);


ngx_int_t
ngx_chat_redis_table_start(ngx_chat_redis_t *redis, ngx_cycle_t *cycle)
{
    u_char                   buf[NGX_CHAT_REDIS_KEY_MAX];
    ngx_str_t                channel;
    ngx_chat_redis_table_t  *t;

    t = ngx_pcalloc(cycle->pool, sizeof(ngx_chat_redis_table_t));
    if (t == NULL) {
        return NGX_ERROR;
    }

    t->redis = redis;
    t->key.kind = NGX_CHAT_ROOM_CHAT;
    ngx_str_set(&t->key.name, NGX_CHAT_REDIS_TABLE);
    t->slot = ngx_chat_redis_slot(t->key.name.data, t->key.name.len);

    ngx_chat_redis_table_key(t, 't', buf, &channel);

    t->room = ngx_chat_redis_room_create(redis, &t->key, &channel);
    if (t->room == NULL) {
        return NGX_ERROR;
    }

    t->room->table = 1;
    t->room->slot = t->slot;

    t->event.handler = ngx_chat_redis_table_handler;
    t->event.data = t;
    t->event.log = redis->log;

    redis->table = t;

    return NGX_OK;
}


/* what is under way and the channel go with all others */

void
ngx_chat_redis_table_stop(ngx_chat_redis_t *redis)
{
    ngx_chat_redis_table_t  *t;

    t = redis->table;

    if (t->event.posted) {
        ngx_delete_posted_event(&t->event);
    }

    ngx_chat_redis_table_drain(redis);

    redis->table = NULL;
}


void
ngx_chat_redis_table_drain(ngx_chat_redis_t *redis)
{
    ngx_chat_redis_table_t  *t;

    t = redis->table;

    if (t->owner) {
        t->owner = 0;
        ngx_chat_redis_unsubscribe(t->room);
        ngx_chat_table_release(redis->zone, ngx_chat_bus_seat());
    }
}


/* who has no connection leaves it to others */

void
ngx_chat_redis_table_tick(ngx_chat_redis_t *redis)
{
    ngx_uint_t               seat;
    ngx_chat_redis_table_t  *t;

    t = redis->table;
    seat = ngx_chat_bus_seat();

    if (seat == NGX_CHAT_NO_SEAT || redis->draining
        || ngx_chat_redis_route(redis, t->slot) == NULL
        || !ngx_chat_redis_conn_is_ready(
                &ngx_chat_redis_route(redis, t->slot)->calls))
    {
        return;
    }

    if (ngx_chat_table_claim(redis->zone, seat, (uint64_t) ngx_time())
        != NGX_OK)
    {
        if (t->owner) {
            t->owner = 0;
            ngx_chat_redis_unsubscribe(t->room);
        }

        return;
    }

    if (!t->owner) {
        t->owner = 1;
        ngx_chat_redis_table_forget(t);
    }

    if (t->missing && t->phase == NGX_CHAT_REDIS_IDLE_TABLE
        && ngx_current_msec - t->missed >= NGX_CHAT_REDIS_MISSING)
    {
        /* perhaps there is place for it now */
        t->missing = 0;
        t->version = 0;
    }

    ngx_chat_redis_sub_table(t->room);

    ngx_chat_redis_table_ask(redis);
}


void
ngx_chat_redis_table_ask(ngx_chat_redis_t *redis)
{
    redis->table->again = 1;

    ngx_chat_redis_table_go(redis->table);
}


void
ngx_chat_redis_table_changed(ngx_chat_zone_t *z)
{
    ngx_chat_redis_t  *redis;

    redis = ((ngx_chat_redis_conf_t *) z->remote)->redis;

    if (redis != NULL && redis->table != NULL && redis->table->owner
        && ngx_chat_table_version(z) != ngx_chat_table_told_upto(z))
    {
        ngx_chat_redis_table_go(redis->table);
    }
}


void
ngx_chat_redis_table_go(ngx_chat_redis_table_t *t)
{
    ngx_int_t  rc;

    rc = NGX_OK;

    while (rc == NGX_OK && t->op == NULL && !t->event.posted
           && ngx_chat_redis_table_connected(t))
    {
        switch (t->phase) {

        case NGX_CHAT_REDIS_FORGET:
            rc = ngx_chat_redis_table_untold(t);
            break;

        case NGX_CHAT_REDIS_ASKING:
            rc = ngx_chat_redis_table_read(t);
            break;

        case NGX_CHAT_REDIS_TELLING:
            rc = ngx_chat_redis_table_tell(t);
            break;

        case NGX_CHAT_REDIS_IDLE_TABLE:

            if (t->again) {
                t->phase = NGX_CHAT_REDIS_ASKING;

            } else if (ngx_chat_table_version(t->redis->zone)
                       != ngx_chat_table_told_upto(t->redis->zone))
            {
                ngx_chat_redis_table_walk(t);

            } else {
                return;
            }

            break;
        }
    }
}


/* another connection may be to another server, or to one that has lost
   something */

ngx_uint_t
ngx_chat_redis_table_connected(ngx_chat_redis_table_t *t)
{
    ngx_chat_redis_node_t  *node;

    if (!t->owner || t->redis->draining) {
        return 0;
    }

    node = ngx_chat_redis_route(t->redis, t->slot);

    if (node == NULL || !ngx_chat_redis_conn_is_ready(&node->calls)) {
        return 0;
    }

    if (node != t->node || node->calls.generation != t->generation) {
        t->node = node;
        t->generation = node->calls.generation;
        ngx_chat_redis_table_forget(t);
    }

    return 1;
}


static void
ngx_chat_redis_table_handler(ngx_event_t *ev)
{
    ngx_chat_redis_table_t *t = ev->data;

    ngx_chat_redis_table_go(t);
}


/* the rest in the next turn of the event loop */

void
ngx_chat_redis_table_later(ngx_chat_redis_table_t *t)
{
    if (!t->event.posted) {
        ngx_post_event(&t->event, &ngx_posted_next_events);
    }
}


void
ngx_chat_redis_table_forget(ngx_chat_redis_table_t *t)
{
    t->known = 0;
    t->version = 0;
    t->pos = 0;
    t->phase = NGX_CHAT_REDIS_FORGET;
}


static ngx_int_t
ngx_chat_redis_table_untold(ngx_chat_redis_table_t *t)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_CHAT_REDIS_CALLS; i++) {

        if (ngx_chat_table_untold(t->redis->zone, &t->pos) == NGX_DONE) {
            t->phase = NGX_CHAT_REDIS_ASKING;
            return NGX_OK;
        }
    }

    ngx_chat_redis_table_later(t);

    return NGX_AGAIN;
}


void
ngx_chat_redis_table_key(ngx_chat_redis_table_t *t, u_char letter, u_char *buf,
    ngx_str_t *str)
{
    ngx_chat_redis_key(t->redis, letter, &t->key, buf, str);
}


static ngx_int_t
ngx_chat_redis_table_read(ngx_chat_redis_table_t *t)
{
    u_char     rows[NGX_CHAT_REDIS_KEY_MAX], order[NGX_CHAT_REDIS_KEY_MAX];
    u_char     bytes[NGX_INT64_LEN];
    ngx_str_t  arg[5];

    ngx_chat_redis_table_key(t, 't', rows, &arg[0]);
    ngx_chat_redis_table_key(t, 'v', order, &arg[1]);

    arg[2].data = t->epoch;
    arg[2].len = t->known ? NGX_CHAT_EPOCH_LEN : 0;
    ngx_chat_redis_arg(&arg[3], bytes, t->version);
    ngx_str_set(&arg[4], NGX_CHAT_REDIS_ASK);

    t->again = 0;

    t->op = ngx_chat_redis_op_start(t->redis, &ngx_chat_redis_ask_script, arg,
                                    5, 2, &t->key, ngx_chat_redis_table_asked);

    return NGX_AGAIN;
}


static void
ngx_chat_redis_table_asked(ngx_chat_redis_op_t *op,
    ngx_chat_redis_reply_t *reply, ngx_chat_err_e code)
{
    ngx_chat_redis_table_t  *t;

    t = op->redis->table;

    if (t == NULL) {
        return;
    }

    t->op = NULL;

    /* what fails is tried again each second */

    if (reply == NULL || !ngx_chat_redis_table_connected(t)) {
        return;
    }

    /* a new connection: this was of the one before */

    if (t->phase == NGX_CHAT_REDIS_ASKING) {

        if (ngx_chat_redis_table_answer(t, reply) != NGX_OK) {
            ngx_chat_redis_log(t->redis, "an answer that isn't ours", "", 0);
            return;
        }

        if (t->phase == NGX_CHAT_REDIS_FORGET) {
            /* once a second, whatever it says */
            return;
        }
    }

    ngx_chat_redis_table_go(t);
}


/* [ "N" ], or [ "W", epoch, version, version of the last row, name, text,
   ... ] */

static ngx_int_t
ngx_chat_redis_table_answer(ngx_chat_redis_table_t *t,
    ngx_chat_redis_reply_t *reply)
{
    uint64_t                  version, last;
    ngx_chat_redis_reply_t  **e;

    if (ngx_chat_redis_table_strings(reply) != NGX_OK) {
        return NGX_ERROR;
    }

    e = reply->element;

    if (reply->elements == 1) {

        if (t->known) {
            ngx_chat_redis_table_forget(t);

        } else {
            ngx_chat_redis_table_walk(t);
        }

        return NGX_OK;
    }

    if (reply->elements < 4 || reply->elements % 2 != 0
        || e[1]->len != NGX_CHAT_EPOCH_LEN
        || ngx_chat_redis_number((u_char *) e[2]->str, e[2]->len, &version)
           != NGX_OK
        || ngx_chat_redis_number((u_char *) e[3]->str, e[3]->len, &last)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (t->known
        && (ngx_memcmp(t->epoch, e[1]->str, NGX_CHAT_EPOCH_LEN) != 0
            || version < t->version))
    {
        ngx_chat_redis_table_forget(t);
        return NGX_OK;
    }

    t->known = 1;
    ngx_memcpy(t->epoch, e[1]->str, NGX_CHAT_EPOCH_LEN);

    ngx_chat_redis_table_rows(t, reply, 4);

    if (last > t->version && last < version) {
        t->version = last;

    } else {
        t->version = version;
        ngx_chat_redis_table_walk(t);
    }

    return NGX_OK;
}


ngx_int_t
ngx_chat_redis_table_strings(ngx_chat_redis_reply_t *reply)
{
    size_t  i;

    if (reply->type != REDIS_REPLY_ARRAY || reply->elements == 0) {
        return NGX_ERROR;
    }

    for (i = 0; i < reply->elements; i++) {
        if (reply->element[i]->type != REDIS_REPLY_STRING) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


void
ngx_chat_redis_table_rows(ngx_chat_redis_table_t *t,
    ngx_chat_redis_reply_t *reply, size_t first)
{
    size_t                    i;
    ngx_uint_t                n;
    ngx_chat_mask_t           self;
    ngx_chat_redis_reply_t  **e;

    e = reply->element;
    n = 0;

    for (i = first; i < reply->elements; i += 2) {
        n += ngx_chat_redis_table_row(t, e[i], e[i + 1]);
    }

    if (n == 0) {
        return;
    }

    /* sessions here may have to go, of this worker, too */

    ngx_memzero(&self, sizeof(ngx_chat_mask_t));
    ngx_chat_mask_set(&self, ngx_chat_bus_seat());

    ngx_chat_bus_changed();
    ngx_chat_bus_wake_others();
    ngx_chat_bus_wake(&self);
}


/* 1: something is different now */

static ngx_uint_t
ngx_chat_redis_table_row(ngx_chat_redis_table_t *t,
    ngx_chat_redis_reply_t *name, ngx_chat_redis_reply_t *text)
{
    uint64_t        now;
    ngx_int_t       rc;
    ngx_str_t       key, str;
    ngx_uint_t      deleted;
    ngx_chat_row_t  row;

    key.data = (u_char *) name->str;
    key.len = name->len;
    str.data = (u_char *) text->str;
    str.len = text->len;

    now = (uint64_t) ngx_time();

    ngx_memzero(&row, sizeof(ngx_chat_row_t));

    if (ngx_chat_redis_row_get(&row, &deleted, &key, &str, now) != NGX_OK) {
        ngx_chat_redis_log(t->redis, "a row that isn't ours", name->str,
                           name->len);
        return 0;
    }

    rc = ngx_chat_table_apply(t->redis->zone, &row, deleted, now);

    if (rc == NGX_BUSY && !t->missing) {
        t->missing = 1;
        t->missed = ngx_current_msec;
    }

    if (rc == NGX_BUSY && ngx_current_msec - t->redis->logged >= 1000) {
        t->redis->logged = ngx_current_msec;

        ngx_log_error(NGX_LOG_ERR, t->redis->log, 0,
                      "chat zone \"%V\" has no place for a ban, a role or data "
                      "of a room that other hosts have, write a larger size",
                      &t->redis->zone->name);
    }

    return rc == NGX_OK;
}
