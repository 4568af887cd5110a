
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Reading from a WebSocket connection: bytes to frames, frames to messages,
 * messages to commands.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_http_chat_ws.h"
#include "ngx_chat_backlog.h"
#include "ngx_chat_deflate.h"
#include "ngx_chat_worker.h"


#define NGX_HTTP_CHAT_WS_TURN  (4 * NGX_HTTP_CHAT_WS_READ)


static ngx_int_t ngx_http_chat_ws_piece(ngx_http_chat_ws_t *ws,
    ngx_chat_ws_piece_t *piece);
static ngx_int_t ngx_http_chat_ws_control(ngx_http_chat_ws_t *ws,
    ngx_chat_ws_piece_t *piece);
static ngx_int_t ngx_http_chat_ws_data(ngx_http_chat_ws_t *ws,
    ngx_chat_ws_piece_t *piece);
static ngx_int_t ngx_http_chat_ws_inflate(ngx_http_chat_ws_t *ws,
    ngx_uint_t opcode, ngx_str_t *message);
static ngx_int_t ngx_http_chat_ws_append(ngx_http_chat_ws_t *ws,
    ngx_chat_ws_piece_t *piece);
static void ngx_http_chat_ws_message(ngx_http_chat_ws_t *ws,
    ngx_uint_t opcode, ngx_str_t *message);
static void ngx_http_chat_ws_raw(ngx_http_chat_ws_t *ws, ngx_uint_t opcode,
    ngx_str_t *message, ngx_uint_t again, ngx_chat_wait_t *outcome);
static void ngx_http_chat_ws_raw_again(ngx_chat_session_t *s,
    ngx_chat_backlog_item_t *item, ngx_chat_wait_t *outcome);
static void ngx_http_chat_ws_close_received(ngx_http_chat_ws_t *ws,
    ngx_chat_ws_piece_t *piece);


static u_char  ngx_http_chat_ws_input[NGX_HTTP_CHAT_WS_READ];


void
ngx_http_chat_ws_read_handler(ngx_event_t *rev)
{
    size_t               total;
    ssize_t              n;
    ngx_connection_t    *c;
    ngx_http_chat_ws_t  *ws;

    c = rev->data;
    ws = c->data;

    if (c->close || c->error || rev->timedout) {
        /* the worker's own shutdown timer, or the end of lingering */
        ngx_http_chat_ws_terminate(ws);
        return;
    }

    if (ws->lingering) {
        ngx_http_chat_ws_discard(ws);
        return;
    }

    for (total = 0; total < NGX_HTTP_CHAT_WS_TURN; total += (size_t) n) {

        if (ws->session.dead || ws->session.throttled
            || ngx_chat_backlog_waits(&ws->session))
        {
            return;
        }

        n = c->recv(c, ngx_http_chat_ws_input, NGX_HTTP_CHAT_WS_READ);

        if (n == NGX_AGAIN) {

            if (ngx_handle_read_event(rev, 0) != NGX_OK) {
                ngx_http_chat_ws_end(ws, NGX_CHAT_CLOSE_ABNORMAL);
            }

            return;
        }

        if (n == NGX_ERROR || n == 0) {
            /* gone without a Close frame */
            ngx_http_chat_ws_end(ws, NGX_CHAT_CLOSE_ABNORMAL);
            return;
        }

        ngx_chat_session_alive(&ws->session);

        ngx_http_chat_ws_feed(ws, ngx_http_chat_ws_input, (size_t) n);
    }

    /* others have a turn before the rest is read */

    ngx_post_event(rev, &ngx_posted_next_events);
}


void
ngx_http_chat_ws_feed(ngx_http_chat_ws_t *ws, u_char *p, size_t n)
{
    u_char               *last;
    ngx_int_t             rc;
    ngx_chat_session_t   *s;
    ngx_chat_ws_piece_t   piece;

    s = &ws->session;
    last = p + n;

    ngx_chat_worker_metric(s->conf->zone, NGX_CHAT_M_BYTES_IN,
                           (ngx_int_t) n);

    while (!ws->deaf && !s->dead) {
        rc = ngx_chat_ws_parse(&ws->parser, &p, last, &piece);

        if (rc == NGX_AGAIN) {
            return;
        }

        if (rc == NGX_ERROR) {
            ws->deaf = 1;
            ngx_chat_session_close(s, ws->parser.close_code,
                                   ws->parser.close_code
                                           == NGX_CHAT_CLOSE_TOO_BIG
                                       ? "message too big"
                                       : "protocol error",
                                   0);
            return;
        }

        if (ngx_http_chat_ws_piece(ws, &piece) != NGX_OK) {
            ws->deaf = 1;
            return;
        }
    }
}


static ngx_int_t
ngx_http_chat_ws_piece(ngx_http_chat_ws_t *ws, ngx_chat_ws_piece_t *piece)
{
    if (piece->opcode != NGX_CHAT_WS_TEXT
        && piece->opcode != NGX_CHAT_WS_BINARY)
    {
        return ngx_http_chat_ws_control(ws, piece);
    }

    if (ws->session.closing) {
        return NGX_OK;
    }

    return ngx_http_chat_ws_data(ws, piece);
}


static ngx_int_t
ngx_http_chat_ws_control(ngx_http_chat_ws_t *ws, ngx_chat_ws_piece_t *piece)
{
    u_char   frame[NGX_CHAT_WS_HEADER_MAX + NGX_CHAT_WS_CONTROL_MAX], *p;

    switch (piece->opcode) {

    case NGX_CHAT_WS_PING:

        if (ws->session.closing) {
            return NGX_OK;
        }

        p = ngx_chat_ws_header(frame, NGX_CHAT_WS_PONG, piece->len);
        p = ngx_cpymem(p, piece->data, piece->len);

        if (ngx_chat_session_queue(&ws->session, frame, (size_t) (p - frame))
            != NGX_OK)
        {
            ngx_chat_session_abort(&ws->session, NGX_CHAT_CLOSE_SLOW);
            return NGX_ERROR;
        }

        return NGX_OK;

    case NGX_CHAT_WS_CLOSE:
        ngx_http_chat_ws_close_received(ws, piece);
        return NGX_ERROR;

    default:
        return NGX_OK;
    }
}


/* a whole message in the read buffer isn't copied */

static ngx_int_t
ngx_http_chat_ws_data(ngx_http_chat_ws_t *ws, ngx_chat_ws_piece_t *piece)
{
    ngx_str_t  message;

    if (!piece->first || !piece->last) {

        if (ngx_http_chat_ws_append(ws, piece) != NGX_OK) {
            ngx_chat_session_close(&ws->session, NGX_CHAT_CLOSE_TRY_LATER,
                                   "out of memory", 0);
            return NGX_ERROR;
        }

        if (!piece->last) {
            return NGX_OK;
        }

        message.data = ws->message;
        message.len = ws->message_len;

    } else {
        message.data = piece->data;
        message.len = piece->len;
    }

    if (!piece->compressed
        || ngx_http_chat_ws_inflate(ws, piece->opcode, &message) == NGX_OK)
    {
        ngx_http_chat_ws_message(ws, piece->opcode, &message);
    }

    if (ws->message != NULL) {
        ngx_free(ws->message);
        ws->message = NULL;
        ws->message_len = 0;
        ws->message_size = 0;
    }

    return NGX_OK;
}


/* what the parser checks of other messages: size and UTF-8 */

static ngx_int_t
ngx_http_chat_ws_inflate(ngx_http_chat_ws_t *ws, ngx_uint_t opcode,
    ngx_str_t *message)
{
    ngx_int_t            rc;
    ngx_chat_session_t  *s;

    s = &ws->session;

    rc = ngx_chat_inflate(message->data, message->len, s->conf->message_max,
                          message, ws->hold.connection->log);

    if (rc == NGX_OK) {

        if (opcode != NGX_CHAT_WS_TEXT
            || ngx_chat_utf8_valid(message->data, message->len) == NGX_OK)
        {
            return NGX_OK;
        }

        ngx_chat_session_close(s, NGX_CHAT_CLOSE_INVALID, "protocol error",
                               0);

    } else if (rc == NGX_DECLINED) {
        ngx_chat_session_close(s, NGX_CHAT_CLOSE_TOO_BIG, "message too big",
                               0);

    } else if (rc == NGX_ABORT) {
        ngx_chat_session_close(s, NGX_CHAT_CLOSE_TRY_LATER, "out of memory",
                               0);

    } else {
        ngx_chat_session_close(s, NGX_CHAT_CLOSE_INVALID,
                               "broken compression", 0);
    }

    ws->deaf = 1;

    return NGX_ERROR;
}


/* the parser has checked that the message stays below its limit */

static ngx_int_t
ngx_http_chat_ws_append(ngx_http_chat_ws_t *ws, ngx_chat_ws_piece_t *piece)
{
    u_char  *p;
    size_t   need, size;

    need = ws->message_len + piece->len;

    if (ws->message == NULL || need > ws->message_size) {
        size = ngx_max(2 * need, 256);
        size = ngx_max(ngx_min(size, ws->session.conf->message_max), need);

        p = ngx_alloc(ngx_max(size, 1), ws->hold.connection->log);
        if (p == NULL) {
            return NGX_ERROR;
        }

        if (ws->message != NULL) {
            ngx_memcpy(p, ws->message, ws->message_len);
            ngx_free(ws->message);
        }

        ws->message = p;
        ws->message_size = (uint32_t) size;
    }

    ngx_memcpy(ws->message + ws->message_len, piece->data, piece->len);
    ws->message_len = (uint32_t) need;

    return NGX_OK;
}


static void
ngx_http_chat_ws_message(ngx_http_chat_ws_t *ws, ngx_uint_t opcode,
    ngx_str_t *message)
{
    ngx_chat_caller_t    caller;
    ngx_chat_session_t  *s;

    s = &ws->session;

    if (s->conf->raw) {
        ngx_http_chat_ws_raw(ws, opcode, message, 0, NULL);
        return;
    }

    if (opcode == NGX_CHAT_WS_BINARY) {
        ngx_chat_session_close(s, NGX_CHAT_CLOSE_UNSUPPORTED,
                               "chat.v1 is text", 0);
        return;
    }

    ngx_memzero(&caller, offsetof(ngx_chat_caller_t, guest_id));

    caller.conf = s->conf;
    caller.session = s;
    caller.user = &s->user;
    caller.pool = ngx_chat_worker_pool();

    ngx_chat_dispatch(&caller, message);

    ngx_chat_worker_pool_reset();
}


/* every frame is a publish, and comes back like everybody's */

static void
ngx_http_chat_ws_raw(ngx_http_chat_ws_t *ws, ngx_uint_t opcode,
    ngx_str_t *message, ngx_uint_t again, ngx_chat_wait_t *outcome)
{
    ngx_str_t            none;
    ngx_chat_err_e       code;
    ngx_chat_caller_t    caller;
    ngx_chat_publish_t   p;
    ngx_chat_session_t  *s;

    s = &ws->session;

    if (ngx_chat_backlog_waits(s) && !again) {
        ngx_chat_backlog_add(s, message, opcode, ngx_http_chat_ws_raw_again);
        return;
    }

    ngx_memzero(&caller, offsetof(ngx_chat_caller_t, guest_id));

    caller.conf = s->conf;
    caller.session = s;
    caller.user = &s->user;
    caller.resume = ngx_chat_backlog_handler;
    caller.resume_data = s;
    caller.outcome = outcome;

    s->received += (outcome == NULL);

    ngx_str_null(&none);

    code = ngx_chat_dispatch_raw(&caller, &ws->hold.room, message,
                                 opcode == NGX_CHAT_WS_BINARY
                                     ? NGX_CHAT_REC_RAW_BINARY
                                     : NGX_CHAT_REC_RAW_TEXT,
                                 &none, &p);

    if (code == NGX_CHAT_E_WAIT) {
        ngx_chat_backlog_suspend(s, message, 0, opcode, caller.wait,
                                 ngx_http_chat_ws_raw_again);

    } else if (code != NGX_CHAT_OK) {
        ngx_chat_session_close(s, ngx_http_chat_ws_close_code(code),
                        (char *) ngx_chat_err_info(code)->code.data, 0);
    }
}


static void
ngx_http_chat_ws_raw_again(ngx_chat_session_t *s,
    ngx_chat_backlog_item_t *item, ngx_chat_wait_t *outcome)
{
    ngx_http_chat_ws_raw((ngx_http_chat_ws_t *) s, item->kind, &item->text,
                         1, outcome);
}


ngx_uint_t
ngx_http_chat_ws_close_code(ngx_chat_err_e code)
{
    if (code == NGX_CHAT_E_RATE_LIMITED) {
        return NGX_CHAT_CLOSE_FLOOD;
    }

    if (ngx_chat_err_info(code)->temporary) {
        return NGX_CHAT_CLOSE_TRY_LATER;
    }

    return (code == NGX_CHAT_E_TOO_LARGE) ? NGX_CHAT_CLOSE_TOO_BIG
                                          : NGX_CHAT_CLOSE_POLICY;
}


/* section 5.5.1: answered in kind, then the server closes the connection */

static void
ngx_http_chat_ws_close_received(ngx_http_chat_ws_t *ws,
    ngx_chat_ws_piece_t *piece)
{
    ngx_int_t            rc;
    ngx_str_t            reason, none;
    ngx_uint_t           code;
    ngx_chat_session_t  *s;

    s = &ws->session;

    ws->close_seen = 1;

    if (s->closing) {
        /* the answer to ours */

        if (ngx_chat_session_unsent(s) == 0) {
            ngx_chat_session_abort(s, s->close_code);
        }

        return;
    }

    rc = ngx_chat_ws_close_parse(piece->data, piece->len, &code, &reason);

    if (s->close_code == 0) {
        s->close_code = (uint16_t) code;
    }

    if (rc != NGX_OK) {
        ws->close_seen = 0;
    }

    ngx_str_null(&none);

    ngx_http_chat_ws_closing(s, code, &none);
    s->closing = 1;
}
