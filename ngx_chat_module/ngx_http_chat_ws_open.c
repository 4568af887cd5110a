
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * The first words on a WebSocket, and how its connection lets go of the request
 * once the handshake is written.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_http_chat_limit.h"
#include "ngx_http_chat_ws.h"
#include "ngx_chat_worker.h"


#define NGX_HTTP_CHAT_TOKEN_WAIT  10      /* seconds */

#define NGX_HTTP_CHAT_WS_WAIT     50      /* ms */
#define NGX_HTTP_CHAT_WS_WAITS    20


static ngx_uint_t ngx_http_chat_ws_wait(ngx_http_request_t *r,
    ngx_http_chat_ws_t *ws);


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

    if (identified == NGX_DECLINED && ctx->no_token && ws->hold.room.len == 0
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

    if (ws->hold.room.len == 0) {

        if (s->conf->raw) {
            ngx_chat_session_close(s, NGX_CHAT_CLOSE_POLICY, "no room", 0);
        }

        return;
    }

    ngx_memzero(&join, sizeof(ngx_chat_join_t));

    ngx_http_chat_args_join(r, &join);
    join.room = ws->hold.room;

    code = ngx_chat_dispatch_enter(s, &join, 0);

    if (code != NGX_CHAT_OK && s->conf->raw) {
        ngx_chat_session_close(s, ngx_http_chat_ws_close_code(code),
                           (char *) ngx_chat_err_info(code)->code.data, 0);
    }
}


void
ngx_http_chat_ws_detach_handler(ngx_http_request_t *r)
{
    ngx_buf_t            *b;
    ngx_int_t             rc;
    ngx_pool_t           *old;
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

    rc = ngx_http_chat_hold_flushed(r);

    if (rc == NGX_AGAIN) {
        return;
    }

    if (rc != NGX_OK) {
        ngx_http_finalize_request(r, NGX_ERROR);
        return;
    }

    if (!ngx_http_chat_hold_alone(r) && ngx_http_chat_ws_wait(r, ws)) {
        return;
    }

    /* the connection's buffer, which may hold frames behind the handshake */

    b = r->header_in;

    if (ngx_http_chat_conn_move(&ws->hold.counted, ws->hold.pool) != NGX_OK) {
        ngx_http_finalize_request(r, NGX_ERROR);
        return;
    }

    rc = ngx_http_chat_hold_take(r, &ws->hold, ws,
                                 ngx_http_chat_ws_read_handler,
                                 ngx_http_chat_ws_write_handler);

    if (rc == NGX_ERROR) {
        ngx_http_finalize_request(r, NGX_ERROR);
        return;
    }

    if (rc != NGX_OK) {
        ngx_http_chat_ws_end(ws, NGX_CHAT_CLOSE_ABNORMAL);
        return;
    }

    old = ngx_http_chat_hold_move(&ws->hold, &ws->session);

    ngx_chat_session_writable(&ws->session);
    ngx_chat_session_alive(&ws->session);

    if (b->pos < b->last) {
        ngx_http_chat_ws_feed(ws, b->pos, (size_t) (b->last - b->pos));
    }

    ngx_http_chat_hold_free_buffers(&ws->hold, old);

    if (c->read->ready) {
        ngx_post_event(c->read, &ngx_posted_events);
    }
}


/*
 * A subrequest goes on, that of mirror: it ends with the request, and nobody
 * says when it is done.  It has a second; what a thread does must end.
 */

static ngx_uint_t
ngx_http_chat_ws_wait(ngx_http_request_t *r, ngx_http_chat_ws_t *ws)
{
    ngx_event_t  *wev;

    wev = r->connection->write;

    if (wev->timer_set) {
        return 1;
    }

    wev->timedout = 0;

    if (ws->waits == NGX_HTTP_CHAT_WS_WAITS) {

        if (!r->main->blocked) {
            return 0;
        }

    } else {
        ws->waits++;
    }

    ngx_add_timer(wev, NGX_HTTP_CHAT_WS_WAIT);

    return 1;
}
