
/*
 * Copyright (C) the ngx_chat_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <hiredis/hiredis.h>
#include "ngx_chat_redis_io.h"


#define NGX_CHAT_REDIS_READ      65536
#define NGX_CHAT_REDIS_TURN      16      /* reads in one turn */
#define NGX_CHAT_REDIS_OUT_KEEP  262144


static ngx_int_t ngx_chat_redis_io_reserve(ngx_chat_redis_conn_t *rc,
    size_t n);
static ngx_int_t ngx_chat_redis_io_pending(ngx_chat_redis_conn_t *rc,
    ngx_chat_redis_reply_pt handler, void *data);
static ngx_int_t ngx_chat_redis_io_feed(ngx_chat_redis_conn_t *rc, u_char *p,
    size_t n);
static void ngx_chat_redis_io_answer(ngx_chat_redis_conn_t *rc,
    ngx_chat_redis_reply_t *reply);


static u_char  ngx_chat_redis_input[NGX_CHAT_REDIS_READ];


ngx_int_t
ngx_chat_redis_io_put(ngx_chat_redis_conn_t *rc, int argc, const char **argv,
    const size_t *lens, ngx_chat_redis_reply_pt handler, void *data)
{
    int        n;
    char      *p;
    ngx_int_t  rv;

    n = redisFormatCommandArgv(&p, argc, argv, lens);

    if (n < 0) {
        return NGX_ERROR;
    }

    rv = ngx_chat_redis_io_reserve(rc, (size_t) n);

    if (rv == NGX_OK
        && (rc->push == NULL || rc->state != NGX_CHAT_REDIS_READY))
    {
        rv = ngx_chat_redis_io_pending(rc, handler, data);
    }

    if (rv == NGX_OK) {
        ngx_memcpy(rc->out + rc->out_last, p, (size_t) n);
        rc->out_last += (size_t) n;

        /* what is queued in one turn goes in one write */
        ngx_post_event(rc->connection->write, &ngx_posted_events);
    }

    redisFreeCommand(p);

    return rv;
}


static ngx_int_t
ngx_chat_redis_io_reserve(ngx_chat_redis_conn_t *rc, size_t n)
{
    size_t   used, size;
    u_char  *p;

    if (rc->out_size - rc->out_last >= n) {
        return NGX_OK;
    }

    used = rc->out_last - rc->out_pos;

    if (used + n > NGX_CHAT_REDIS_OUT_MAX) {
        return NGX_BUSY;
    }

    if (used + n <= rc->out_size && rc->out_pos >= rc->out_size / 2) {
        ngx_memmove(rc->out, rc->out + rc->out_pos, used);
        rc->out_pos = 0;
        rc->out_last = used;
        return NGX_OK;
    }

    size = ngx_max(2 * (used + n), 16384);

    p = ngx_alloc(size, rc->log);
    if (p == NULL) {
        return NGX_ERROR;
    }

    if (rc->out != NULL) {
        ngx_memcpy(p, rc->out + rc->out_pos, used);
        ngx_free(rc->out);
    }

    rc->out = p;
    rc->out_size = size;
    rc->out_pos = 0;
    rc->out_last = used;

    return NGX_OK;
}


static ngx_int_t
ngx_chat_redis_io_pending(ngx_chat_redis_conn_t *rc,
    ngx_chat_redis_reply_pt handler, void *data)
{
    ngx_uint_t                 i, size;
    ngx_chat_redis_pending_t  *p;

    if (rc->pending_n >= NGX_CHAT_REDIS_PENDING_MAX) {
        return NGX_BUSY;
    }

    if (rc->pending_n == rc->pending_size) {
        size = ngx_max(2 * rc->pending_size, 64);

        p = ngx_alloc(size * sizeof(ngx_chat_redis_pending_t), rc->log);
        if (p == NULL) {
            return NGX_ERROR;
        }

        for (i = 0; i < rc->pending_n; i++) {
            p[i] = rc->pending[(rc->pending_first + i) % rc->pending_size];
        }

        if (rc->pending != NULL) {
            ngx_free(rc->pending);
        }

        rc->pending = p;
        rc->pending_size = size;
        rc->pending_first = 0;
    }

    if (rc->pending_n == 0) {
        /* its time to answer begins now */
        rc->last_in = ngx_current_msec;
    }

    i = (rc->pending_first + rc->pending_n++) % rc->pending_size;

    rc->pending[i].handler = handler;
    rc->pending[i].data = data;

    return NGX_OK;
}


ngx_int_t
ngx_chat_redis_io_write(ngx_chat_redis_conn_t *rc)
{
    ssize_t            n;
    ngx_connection_t  *c;

    c = rc->connection;

    while (rc->out_pos < rc->out_last) {

        n = c->send(c, rc->out + rc->out_pos, rc->out_last - rc->out_pos);

        if (n == NGX_AGAIN || n == 0) {
            break;
        }

        if (n < 0) {
            return NGX_ERROR;
        }

        rc->out_pos += (size_t) n;
    }

    if (rc->out_pos == rc->out_last) {
        rc->out_pos = 0;
        rc->out_last = 0;

        if (rc->out_size > NGX_CHAT_REDIS_OUT_KEEP) {
            ngx_free(rc->out);
            rc->out = NULL;
            rc->out_size = 0;
        }
    }

    return ngx_handle_write_event(c->write, 0);
}


void
ngx_chat_redis_io_read(ngx_chat_redis_conn_t *rc)
{
    ssize_t            n;
    ngx_uint_t         i;
    ngx_connection_t  *c;

    c = rc->connection;

    for (i = 0; i < NGX_CHAT_REDIS_TURN; i++) {

        n = c->recv(c, ngx_chat_redis_input, NGX_CHAT_REDIS_READ);

        if (n == NGX_AGAIN) {

            if (ngx_handle_read_event(c->read, 0) != NGX_OK) {
                ngx_chat_redis_conn_lose(rc, "reading failed");
            }

            return;
        }

        if (n == NGX_ERROR || n == 0) {
            ngx_chat_redis_conn_lose(rc, n ? "reading failed"
                                           : "the server has closed it");
            return;
        }

        rc->last_in = ngx_current_msec;
        rc->pinged = 0;

        if (ngx_chat_redis_io_feed(rc, ngx_chat_redis_input, (size_t) n)
            != NGX_OK)
        {
            ngx_chat_redis_conn_lose(rc, "what the server sends is no reply "
                                         "to this module");
            return;
        }

        if (rc->connection != c) {
            return;
        }
    }

    ngx_post_event(c->read, &ngx_posted_next_events);
}


/* NGX_OK also if a handler has lost the connection */

static ngx_int_t
ngx_chat_redis_io_feed(ngx_chat_redis_conn_t *rc, u_char *p, size_t n)
{
    void         *reply;
    ngx_uint_t    generation;
    redisReader  *reader;

    if (ngx_chat_redis_guard(&rc->guard, p, n) != NGX_OK) {
        return NGX_ERROR;
    }

    if (rc->reader == NULL) {
        rc->reader = redisReaderCreate();

        if (rc->reader == NULL) {
            return NGX_ERROR;
        }
    }

    reader = rc->reader;

    if (redisReaderFeed(reader, (char *) p, n) != REDIS_OK) {
        return NGX_ERROR;
    }

    generation = rc->generation;

    for ( ;; ) {
        reply = NULL;

        if (redisReaderGetReply(reader, &reply) != REDIS_OK) {
            return NGX_ERROR;
        }

        if (reply == NULL) {
            return NGX_OK;
        }

        ngx_chat_redis_guard_reply(&rc->guard);
        ngx_chat_redis_io_answer(rc, reply);
        freeReplyObject(reply);

        if (rc->generation != generation) {
            return NGX_OK;
        }
    }
}


static void
ngx_chat_redis_io_answer(ngx_chat_redis_conn_t *rc,
    ngx_chat_redis_reply_t *reply)
{
    ngx_chat_redis_pending_t  p;

    if (rc->pending_n == 0) {

        if (rc->push == NULL || rc->state != NGX_CHAT_REDIS_READY) {
            ngx_chat_redis_conn_lose(rc, "a reply to nothing");
            return;
        }

        rc->push(rc->data, reply);
        return;
    }

    p = rc->pending[rc->pending_first];

    rc->pending_first = (rc->pending_first + 1) % rc->pending_size;
    rc->pending_n--;

    if (p.handler != NULL) {
        p.handler(p.data, reply);
    }
}


void
ngx_chat_redis_io_reset(ngx_chat_redis_conn_t *rc)
{
    ngx_uint_t                i, n, first, size;
    ngx_chat_redis_pending_t *p;

    /* handlers may be called from inside the parser: it goes first */

    if (rc->reader != NULL) {
        redisReaderFree(rc->reader);
        rc->reader = NULL;
    }

    ngx_memzero(&rc->guard, sizeof(ngx_chat_redis_guard_t));
    rc->guard.elements = rc->elements;

    rc->out_pos = 0;
    rc->out_last = 0;

    p = rc->pending;
    n = rc->pending_n;
    first = rc->pending_first;
    size = rc->pending_size;

    rc->pending = NULL;
    rc->pending_n = 0;
    rc->pending_first = 0;
    rc->pending_size = 0;

    for (i = 0; i < n; i++) {
        if (p[(first + i) % size].handler != NULL) {
            p[(first + i) % size].handler(p[(first + i) % size].data, NULL);
        }
    }

    if (p != NULL) {
        ngx_free(p);
    }
}


void
ngx_chat_redis_io_free(ngx_chat_redis_conn_t *rc)
{
    if (rc->out != NULL) {
        ngx_free(rc->out);
        rc->out = NULL;
        rc->out_size = 0;
    }
}
