
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * The first words on a WebSocket, and how its connection lets go of the request
 * once the handshake is written.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_http_chat_ws.h"
#include "ngx_chat_worker.h"


#define NGX_HTTP_CHAT_TOKEN_WAIT  10      /* seconds */


static void ngx_http_chat_ws_detach(ngx_http_request_t *r,
    ngx_http_chat_ws_t *ws);
static void ngx_http_chat_ws_free_buffers(ngx_connection_t *c,
    ngx_http_connection_t *hc);


/*
 * Queues what comes first: `welcome' and the room of the URL.  If that is
 * refused the session stays, but in raw format, where there is nothing else.
 */

void
ngx_http_chat_ws_greet(ngx_http_request_t *r, ngx_http_chat_ws_t *ws,
    ngx_int_t identified)
{
    ngx_str_t             none;
    ngx_chat_err_e        code;
    ngx_chat_join_t       join;
    ngx_chat_session_t   *s;
    ngx_http_chat_ctx_t  *ctx;

    s = &ws->session;
    ctx = ngx_http_get_module_ctx(r, ngx_chat_module);

    if (identified == NGX_DECLINED && ctx->no_token && ws->room.len == 0
        && !s->conf->raw)
    {
        /* `hello' or `auth' may bring one, and `welcome' follows it */
        ngx_chat_session_expires(s, ngx_time() + NGX_HTTP_CHAT_TOKEN_WAIT);
        s->warns = 0;
        return;
    }

    if (identified == NGX_BUSY && ctx->refused == NGX_CHAT_E_BANNED) {
        ngx_chat_session_close(s, NGX_CHAT_CLOSE_DISCONNECTED, "banned", 0);
        return;
    }

    if (identified == NGX_BUSY) {
        /* known, and not allowed to connect */
        ngx_chat_session_close(s, NGX_CHAT_CLOSE_POLICY, "forbidden", 0);
        return;
    }

    if (identified != NGX_OK) {
        ngx_chat_session_close(s, NGX_CHAT_CLOSE_TOKEN, "unauthorized", 0);
        return;
    }

    if (!s->conf->raw) {
        ngx_str_null(&none);
        ngx_chat_dispatch_welcome(s, &none);
    }

    if (ws->room.len == 0) {

        if (s->conf->raw) {
            ngx_chat_session_close(s, NGX_CHAT_CLOSE_POLICY, "no room", 0);
        }

        return;
    }

    ngx_memzero(&join, sizeof(ngx_chat_join_t));

    ngx_http_chat_args_join(r, &join);
    join.room = ws->room;

    code = ngx_chat_dispatch_enter(s, &join, 0);

    if (code != NGX_CHAT_OK && s->conf->raw) {
        ngx_chat_session_close(s, ngx_http_chat_ws_close_code(code),
                           (char *) ngx_chat_err_info(code)->code.data, 0);
    }
}


void
ngx_http_chat_ws_detach_handler(ngx_http_request_t *r)
{
    ngx_connection_t     *c;
    ngx_http_chat_ctx_t  *ctx;
    ngx_http_chat_ws_t   *ws;

    c = r->connection;

    ctx = ngx_http_get_module_ctx(r, ngx_chat_module);
    ws = ctx->session;

    if (ws->end) {
        ngx_http_finalize_request(r, NGX_ERROR);
        return;
    }

    if (ngx_http_output_filter(r, NULL) == NGX_ERROR) {
        ngx_http_finalize_request(r, NGX_ERROR);
        return;
    }

    if (c->buffered) {
        /* the socket's buffer is full before a byte of ours: very unusual */

        if (ngx_handle_write_event(c->write, 0) != NGX_OK) {
            ngx_http_finalize_request(r, NGX_ERROR);
        }

        return;
    }

    ws->logged = ngx_http_chat_log_save(r);

    if (ws->logged == NULL) {
        ngx_http_finalize_request(r, NGX_ERROR);
        return;
    }

    ngx_http_chat_ws_detach(r, ws);
}


/* as ngx_http_set_keepalive() does it */

static void
ngx_http_chat_ws_detach(ngx_http_request_t *r, ngx_http_chat_ws_t *ws)
{
    ngx_buf_t              *b;
    ngx_connection_t       *c;
    ngx_http_connection_t  *hc;

    c = r->connection;
    hc = r->http_connection;

    /* the connection's buffer, which may hold frames behind the handshake */

    b = r->header_in;

    ws->hc = hc;
    ws->detached = 1;
    c->log->action = "closing request";

    r->logged = 1;
    ngx_http_free_request(r, 0);

    /* realip has taken its address back with the request */
    ngx_http_chat_log_address_restore(c, ws->logged);

    c->data = ws;
    c->log->action = "serving chat client";

    if (c->read->timer_set) {
        ngx_del_timer(c->read);
    }

    if (c->write->timer_set) {
        ngx_del_timer(c->write);
    }

    c->read->handler = ngx_http_chat_ws_read_handler;
    c->write->handler = ngx_http_chat_ws_write_handler;

    if (ngx_tcp_nodelay(c) != NGX_OK) {
        ngx_http_chat_ws_end(ws, NGX_CHAT_CLOSE_ABNORMAL);
        return;
    }

#if (NGX_HTTP_SSL)
    if (c->ssl) {
        SSL_set_mode(c->ssl->connection, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    }
#endif

    if (ngx_handle_read_event(c->read, 0) != NGX_OK
        || ngx_handle_write_event(c->write, 0) != NGX_OK)
    {
        ngx_http_chat_ws_end(ws, NGX_CHAT_CLOSE_ABNORMAL);
        return;
    }

    ngx_chat_session_writable(&ws->session);
    ngx_chat_session_alive(&ws->session);

    if (b->pos < b->last) {
        ngx_http_chat_ws_feed(ws, b->pos, (size_t) (b->last - b->pos));
    }

    ngx_http_chat_ws_free_buffers(c, hc);

    if (c->read->ready) {
        ngx_post_event(c->read, &ngx_posted_events);
    }
}


static void
ngx_http_chat_ws_free_buffers(ngx_connection_t *c, ngx_http_connection_t *hc)
{
    ngx_buf_t    *b;
    ngx_chain_t  *cl, *ln;

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

    for (cl = hc->free; cl; /* void */) {
        ln = cl;
        cl = cl->next;
        ngx_pfree(c->pool, ln->buf->start);
        ngx_free_chain(c->pool, ln);
    }

    hc->free = NULL;

    for (cl = hc->busy; cl; /* void */) {
        ln = cl;
        cl = cl->next;
        ngx_pfree(c->pool, ln->buf->start);
        ngx_free_chain(c->pool, ln);
    }

    hc->busy = NULL;
    hc->nbusy = 0;

#if (NGX_HTTP_SSL)
    if (c->ssl) {
        ngx_ssl_free_buffer(c);
    }
#endif
}
