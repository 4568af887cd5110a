
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * How a connection lets go of its request, as ngx_http_set_keepalive() does it,
 * and how it ends without one.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_http_chat_hold.h"
#include "ngx_http_chat_limit.h"
#include "ngx_chat_worker.h"


#define NGX_HTTP_CHAT_LINGER   2000
#define NGX_HTTP_CHAT_DISCARD  16384


static void ngx_http_chat_hold_free_chain(ngx_pool_t *pool, ngx_chain_t *cl);
static void ngx_http_chat_hold_keep(ngx_http_chat_hold_t *hold,
    ngx_str_t *dst, ngx_str_t *src);


/*
 * A header has no body yet, so filters of bodies have no part in it, and that
 * of ssi would swallow the flush.
 */

ngx_int_t
ngx_http_chat_hold_flush(ngx_http_request_t *r)
{
    ngx_buf_t    *b;
    ngx_chain_t   out;

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->flush = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_write_filter(r, &out);
}


ngx_int_t
ngx_http_chat_hold_flushed(ngx_http_request_t *r)
{
    ngx_connection_t  *c;

    c = r->connection;

    if (ngx_http_output_filter(r, NULL) == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (!c->buffered) {
        return NGX_OK;
    }

    /* the socket's buffer is full before a byte of ours: very unusual */

    return (ngx_handle_write_event(c->write, 0) == NGX_OK) ? NGX_AGAIN
                                                           : NGX_ERROR;
}


void
ngx_http_chat_hold_block(ngx_chat_session_t *s)
{
    s->reader.blocked = 1;
    ngx_chat_worker_stuck(s);
    s->stuck_since = ngx_chat_worker_time();
}


ngx_uint_t
ngx_http_chat_hold_alone(ngx_http_request_t *r)
{
    return r->main->count == 1
           && !r->main->blocked
           && r->postponed == NULL
           && r->posted_requests == NULL
           && r->connection->data == r;
}


ngx_int_t
ngx_http_chat_hold_take(ngx_http_request_t *r, ngx_http_chat_hold_t *hold,
    void *data, ngx_event_handler_pt read_handler,
    ngx_event_handler_pt write_handler)
{
    ngx_connection_t  *c;

    c = r->connection;

    hold->logged = ngx_http_chat_log_save(r, hold->pool);

    if (hold->logged == NULL) {
        return NGX_ERROR;
    }

    hold->connection = c;
    hold->hc = r->http_connection;

    c->log->action = "closing request";

    r->logged = 1;
    ngx_http_free_request(r, 0);

    /* realip has taken its address back with the request */
    ngx_http_chat_log_address_restore(c, hold->logged);

    c->data = data;
    c->log->action = "serving chat client";

    if (c->read->timer_set) {
        ngx_del_timer(c->read);
    }

    if (c->write->timer_set) {
        ngx_del_timer(c->write);
    }

    c->read->handler = read_handler;
    c->write->handler = write_handler;

    if (ngx_tcp_nodelay(c) != NGX_OK) {
        return NGX_DECLINED;
    }

#if (NGX_HTTP_SSL)
    if (c->ssl) {
        SSL_set_mode(c->ssl->connection, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    }
#endif

    if (ngx_handle_read_event(c->read, 0) != NGX_OK
        || ngx_handle_write_event(c->write, 0) != NGX_OK)
    {
        return NGX_DECLINED;
    }

    return NGX_OK;
}


void
ngx_http_chat_hold_free_buffers(ngx_http_chat_hold_t *hold, ngx_pool_t *old)
{
    ngx_buf_t              *b;
    ngx_connection_t       *c;
    ngx_http_connection_t  *hc;

    if (old != NULL) {
        ngx_destroy_pool(old);
        return;
    }

    c = hold->connection;
    hc = hold->hc;
    b = c->buffer;

    if (ngx_pfree(c->pool, b->start) == NGX_OK) {
        b->start = NULL;
        b->pos = NULL;
        b->last = NULL;
        b->end = NULL;

    } else {
        b->pos = b->start;
        b->last = b->start;
    }

    ngx_http_chat_hold_free_chain(c->pool, hc->free);
    hc->free = NULL;

    ngx_http_chat_hold_free_chain(c->pool, hc->busy);
    hc->busy = NULL;
    hc->nbusy = 0;

#if (NGX_HTTP_SSL)
    if (c->ssl) {
        ngx_ssl_free_buffer(c);
    }
#endif
}


static void
ngx_http_chat_hold_free_chain(ngx_pool_t *pool, ngx_chain_t *cl)
{
    ngx_chain_t  *ln;

    while (cl != NULL) {
        ln = cl;
        cl = cl->next;
        ngx_pfree(pool, ln->buf->start);
        ngx_free_chain(pool, ln);
    }
}


void
ngx_http_chat_hold_release(ngx_http_chat_hold_t *hold, ngx_chat_session_t *s)
{
    ngx_str_t  id, claims;

    ngx_str_null(&id);
    ngx_str_null(&claims);

    if (hold->hc != NULL) {
        /* the access log is written later, perhaps much later */

        ngx_http_chat_hold_keep(hold, &id, &s->user.id);
        ngx_http_chat_hold_keep(hold, &claims, &s->user.claims);
    }

    ngx_chat_session_destroy(s);

    s->user.id = id;
    s->user.claims = claims;

    ngx_http_chat_conn_release(hold->counted);
}


static void
ngx_http_chat_hold_keep(ngx_http_chat_hold_t *hold, ngx_str_t *dst,
    ngx_str_t *src)
{
    if (src->len > 0) {
        dst->data = ngx_pstrdup(hold->connection->pool, src);
        dst->len = (dst->data != NULL) ? src->len : 0;
    }
}


ngx_int_t
ngx_http_chat_hold_fin(ngx_http_chat_hold_t *hold)
{
    ngx_connection_t  *c;

    c = hold->connection;

#if (NGX_HTTP_SSL)
    if (c->ssl == NULL)
#endif
    {
        if (ngx_shutdown_socket(c->fd, NGX_WRITE_SHUTDOWN) == -1) {
            return NGX_ERROR;
        }
    }

    ngx_add_timer(c->read, NGX_HTTP_CHAT_LINGER);

    return NGX_OK;
}


ngx_int_t
ngx_http_chat_hold_discard(ngx_http_chat_hold_t *hold,
    ngx_http_chat_ends_pt ends, void *data)
{
    ssize_t            n;
    ngx_uint_t         i;
    ngx_connection_t  *c;

    static u_char  input[NGX_HTTP_CHAT_DISCARD];

    c = hold->connection;

    for (i = 0; i < 16; i++) {
        n = c->recv(c, input, NGX_HTTP_CHAT_DISCARD);

        if (n == NGX_AGAIN) {
            return (ngx_handle_read_event(c->read, 0) == NGX_OK) ? NGX_AGAIN
                                                                 : NGX_OK;
        }

        if (n == NGX_ERROR || n == 0) {
            return NGX_OK;
        }

        if (ends != NULL && ends(data, input, (size_t) n)) {
            return NGX_OK;
        }
    }

    ngx_post_event(c->read, &ngx_posted_next_events);

    return NGX_AGAIN;
}


void
ngx_http_chat_hold_close(ngx_http_chat_hold_t *hold, ngx_chat_session_t *s,
    ngx_str_t *transport)
{
    ngx_connection_t     *c;
    ngx_http_chat_ctx_t   ctx;

    c = hold->connection;

    ngx_memzero(&ctx, sizeof(ngx_http_chat_ctx_t));

    ctx.conf = s->conf;
    ctx.room = hold->room;
    ctx.user.id = s->user.id;
    ctx.user.claims = s->user.claims;
    ctx.transport = *transport;
    ctx.received = s->received;
    ctx.sent = s->sent;
    ctx.close_code = s->close_code;

    ngx_http_chat_log_write(c, hold->hc, hold->logged, &ctx, hold->complete);

    ngx_http_close_connection(c);
}
