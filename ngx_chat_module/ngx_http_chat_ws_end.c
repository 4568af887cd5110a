
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * The end of a WebSocket connection: after the last byte, at once, or when
 * the client has had time to send its Close frame; and what is freed then.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_http_chat_ws.h"
#include "ngx_http_chat_limit.h"


#define NGX_HTTP_CHAT_WS_LINGER  2000


/* everything is written, the Close frame included */

void
ngx_http_chat_ws_finish(ngx_chat_session_t *s)
{
    ngx_http_chat_ws_t  *ws;

    ws = (ngx_http_chat_ws_t *) s;

    if (!ws->close_seen) {
        ws->lingering = 1;
    }

    ws->end = 1;
    ngx_post_event(ws->connection->write, &ngx_posted_events);
}


void
ngx_http_chat_ws_abort(ngx_chat_session_t *s)
{
    ngx_http_chat_ws_t  *ws;

    ws = (ngx_http_chat_ws_t *) s;

    ws->lingering = 0;
    ws->end = 1;
    ngx_post_event(ws->connection->write, &ngx_posted_events);
}


void
ngx_http_chat_ws_end(ngx_http_chat_ws_t *ws, ngx_uint_t code)
{
    if (ws->session.close_code == 0) {
        ws->session.close_code = (uint16_t) code;
    }

    ngx_chat_session_abort(&ws->session, code);
}


/*
 * Our Close frame is written and the client's has not come.  A close(2) now
 * could destroy it by a RST if the client is still sending: FIN, then what
 * comes is thrown away for a while.
 */

void
ngx_http_chat_ws_linger(ngx_http_chat_ws_t *ws)
{
    ngx_connection_t  *c;

    c = ws->connection;

    ngx_http_chat_ws_release(ws);

    ws->end = 0;

#if (NGX_HTTP_SSL)
    if (c->ssl == NULL)
#endif
    {
        if (ngx_shutdown_socket(c->fd, NGX_WRITE_SHUTDOWN) == -1) {
            ngx_http_chat_ws_terminate(ws);
            return;
        }
    }

    ngx_add_timer(c->read, NGX_HTTP_CHAT_WS_LINGER);

    ngx_http_chat_ws_discard(ws);
}


void
ngx_http_chat_ws_discard(ngx_http_chat_ws_t *ws)
{
    u_char               *p, *input;
    ssize_t               n;
    ngx_uint_t            i;
    ngx_connection_t     *c;
    ngx_chat_ws_piece_t   piece;

    c = ws->connection;
    input = ngx_http_chat_ws_buffer();

    for (i = 0; i < 4; i++) {
        n = c->recv(c, input, NGX_HTTP_CHAT_WS_READ);

        if (n == NGX_AGAIN) {

            if (ngx_handle_read_event(c->read, 0) != NGX_OK) {
                break;
            }

            return;
        }

        if (n == NGX_ERROR || n == 0) {
            ngx_http_chat_ws_terminate(ws);
            return;
        }

        if (ws->deaf) {
            continue;
        }

        p = input;

        while (ngx_chat_ws_parse(&ws->parser, &p, input + n, &piece)
               == NGX_OK)
        {
            if (piece.opcode == NGX_CHAT_WS_CLOSE) {
                ngx_http_chat_ws_terminate(ws);
                return;
            }
        }

        if (ws->parser.close_code != 0) {
            ws->deaf = 1;
        }
    }

    if (i < 4) {
        ngx_http_chat_ws_terminate(ws);
        return;
    }

    ngx_post_event(c->read, &ngx_posted_next_events);
}


void
ngx_http_chat_ws_release(ngx_http_chat_ws_t *ws)
{
    ngx_str_t  *id;

    if (ws->message != NULL) {
        ngx_free(ws->message);
        ws->message = NULL;
    }

    if (ws->released) {
        return;
    }

    ws->released = 1;

    if (ws->detached) {
        /* the access log is written later, perhaps much later */

        id = &ws->session.user.id;

        ws->user.data = ngx_pstrdup(ws->connection->pool, id);
        ws->user.len = (ws->user.data != NULL) ? id->len : 0;

        id = &ws->session.user.claims;

        if (id->len > 0) {
            ws->claims.data = ngx_pstrdup(ws->connection->pool, id);
            ws->claims.len = (ws->claims.data != NULL) ? id->len : 0;
        }
    }

    ngx_chat_session_destroy(&ws->session);
    ngx_http_chat_conn_release(ws->counted);
}


void
ngx_http_chat_ws_terminate(ngx_http_chat_ws_t *ws)
{
    ngx_connection_t     *c;
    ngx_chat_session_t   *s;
    ngx_http_chat_ctx_t   ctx;

    c = ws->connection;
    s = &ws->session;

    if (!ws->released && s->reader.blocked) {
        /* TLS may have a record under way, behind which no goodbye can go */
        c->timedout = 1;
    }

    ngx_http_chat_ws_release(ws);
    ngx_chat_ws_parser_cleanup(&ws->parser);

    ngx_memzero(&ctx, sizeof(ngx_http_chat_ctx_t));

    ctx.conf = s->conf;
    ctx.room = ws->room;
    ctx.user.id = ws->user;
    ctx.user.claims = ws->claims;
    ctx.transport = s->transport->name;
    ctx.received = s->received;
    ctx.sent = s->sent;
    ctx.close_code = s->close_code;

    ngx_http_chat_log_write(c, ws->hc, ws->logged, &ctx, 0);

    ngx_http_close_connection(c);
}
