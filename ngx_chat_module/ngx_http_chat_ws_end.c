
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


static ngx_uint_t ngx_http_chat_ws_ends(void *data, u_char *p, size_t n);


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
    ngx_post_event(ws->hold.connection->write, &ngx_posted_events);
}


void
ngx_http_chat_ws_abort(ngx_chat_session_t *s)
{
    ngx_http_chat_ws_t  *ws;

    ws = (ngx_http_chat_ws_t *) s;

    ws->lingering = 0;
    ws->end = 1;
    ngx_post_event(ws->hold.connection->write, &ngx_posted_events);
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
    ngx_http_chat_ws_release(ws);

    ws->end = 0;

    if (ngx_http_chat_hold_fin(&ws->hold) != NGX_OK) {
        ngx_http_chat_ws_terminate(ws);
        return;
    }

    ngx_http_chat_ws_discard(ws);
}


void
ngx_http_chat_ws_discard(ngx_http_chat_ws_t *ws)
{
    if (ngx_http_chat_hold_discard(&ws->hold, ngx_http_chat_ws_ends, ws)
        == NGX_OK)
    {
        ngx_http_chat_ws_terminate(ws);
    }
}


/* with the client's Close frame, if there can be one still */

static ngx_uint_t
ngx_http_chat_ws_ends(void *data, u_char *p, size_t n)
{
    ngx_http_chat_ws_t *ws = data;

    u_char               *last;
    ngx_chat_ws_piece_t   piece;

    if (ws->deaf) {
        return 0;
    }

    last = p + n;

    while (ngx_chat_ws_parse(&ws->parser, &p, last, &piece) == NGX_OK) {

        if (piece.opcode == NGX_CHAT_WS_CLOSE) {
            return 1;
        }
    }

    if (ws->parser.close_code != 0) {
        ws->deaf = 1;
    }

    return 0;
}


void
ngx_http_chat_ws_release(ngx_http_chat_ws_t *ws)
{
    if (ws->message != NULL) {
        ngx_free(ws->message);
        ws->message = NULL;
    }

    if (ws->released) {
        return;
    }

    ws->released = 1;

    ngx_http_chat_hold_release(&ws->hold, &ws->session);
}


void
ngx_http_chat_ws_terminate(ngx_http_chat_ws_t *ws)
{
    static ngx_str_t  websocket = ngx_string("websocket");

    if (!ws->released && ws->session.reader.blocked) {
        /* TLS may have a record under way, behind which no goodbye can go */
        ws->hold.connection->timedout = 1;
    }

    ngx_http_chat_ws_release(ws);
    ngx_chat_ws_parser_cleanup(&ws->parser);

    ngx_http_chat_hold_close(&ws->hold, &ws->session, &websocket);
}
