
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Reading, writing and ending of a WebSocket connection.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_http_chat_ws.h"
#include "ngx_chat_worker.h"


#define NGX_HTTP_CHAT_WS_TURN     (4 * NGX_HTTP_CHAT_WS_READ)
#define NGX_HTTP_CHAT_WS_LINGER   2000
#define NGX_HTTP_CHAT_WS_TLS      16384
#define NGX_HTTP_CHAT_WS_IOVS     64


static size_t ngx_http_chat_ws_object_len(ngx_chat_session_t *s,
    ngx_str_t *object);
static u_char *ngx_http_chat_ws_object(ngx_chat_session_t *s, u_char *p,
    ngx_str_t *object);
static ssize_t ngx_http_chat_ws_send(ngx_chat_session_t *s,
    ngx_chat_slice_t *slice, ngx_uint_t n, size_t *attempt);
static ssize_t ngx_http_chat_ws_writev(ngx_connection_t *c,
    ngx_chat_slice_t *slice, ngx_uint_t n);
#if (NGX_HTTP_SSL)
static ssize_t ngx_http_chat_ws_ssl_send(ngx_connection_t *c,
    ngx_chat_slice_t *slice, ngx_uint_t n, size_t *attempt);
#endif
static void ngx_http_chat_ws_ping(ngx_chat_session_t *s);
static void ngx_http_chat_ws_closing(ngx_chat_session_t *s, ngx_uint_t code,
    ngx_str_t *reason);
static void ngx_http_chat_ws_finish(ngx_chat_session_t *s);
static void ngx_http_chat_ws_abort(ngx_chat_session_t *s);
static void ngx_http_chat_ws_resume(ngx_chat_session_t *s);
static ngx_int_t ngx_http_chat_ws_piece(ngx_http_chat_ws_t *ws,
    ngx_chat_ws_piece_t *piece);
static ngx_int_t ngx_http_chat_ws_control(ngx_http_chat_ws_t *ws,
    ngx_chat_ws_piece_t *piece);
static ngx_int_t ngx_http_chat_ws_data(ngx_http_chat_ws_t *ws,
    ngx_chat_ws_piece_t *piece);
static ngx_int_t ngx_http_chat_ws_append(ngx_http_chat_ws_t *ws,
    ngx_chat_ws_piece_t *piece);
static void ngx_http_chat_ws_message(ngx_http_chat_ws_t *ws,
    ngx_uint_t opcode, ngx_str_t *message);
static void ngx_http_chat_ws_raw(ngx_http_chat_ws_t *ws, ngx_uint_t opcode,
    ngx_str_t *message);
static void ngx_http_chat_ws_close_received(ngx_http_chat_ws_t *ws,
    ngx_chat_ws_piece_t *piece);
static void ngx_http_chat_ws_linger(ngx_http_chat_ws_t *ws);
static void ngx_http_chat_ws_discard(ngx_http_chat_ws_t *ws);
static void ngx_http_chat_ws_terminate(ngx_http_chat_ws_t *ws);


const ngx_chat_transport_t  ngx_http_chat_ws_transport = {
    ngx_string("websocket"),
    ngx_http_chat_ws_object_len,
    ngx_http_chat_ws_object,
    NULL,
    NULL,
    ngx_http_chat_ws_send,
    ngx_http_chat_ws_ping,
    ngx_http_chat_ws_closing,
    ngx_http_chat_ws_finish,
    ngx_http_chat_ws_abort,
    ngx_http_chat_ws_resume,
    1
};


static u_char  ngx_http_chat_ws_input[NGX_HTTP_CHAT_WS_READ];


u_char *
ngx_http_chat_ws_buffer(void)
{
    return ngx_http_chat_ws_input;
}


static size_t
ngx_http_chat_ws_object_len(ngx_chat_session_t *s, ngx_str_t *object)
{
    return ngx_chat_ws_header_len(object->len) + object->len;
}


static u_char *
ngx_http_chat_ws_object(ngx_chat_session_t *s, u_char *p, ngx_str_t *object)
{
    p = ngx_chat_ws_header(p, NGX_CHAT_WS_TEXT, object->len);

    return ngx_cpymem(p, object->data, object->len);
}


static ssize_t
ngx_http_chat_ws_send(ngx_chat_session_t *s, ngx_chat_slice_t *slice,
    ngx_uint_t n, size_t *attempt)
{
    ssize_t              size;
    ngx_connection_t    *c;
    ngx_http_chat_ws_t  *ws;

    ws = (ngx_http_chat_ws_t *) s;
    c = ws->connection;

    if (c->error || c->close) {
        return NGX_ERROR;
    }

    if (!c->write->ready) {
        return 0;
    }

#if (NGX_HTTP_SSL)
    if (c->ssl) {
        size = ngx_http_chat_ws_ssl_send(c, slice, n, attempt);

    } else
#endif
    if (n == 1) {
        size = c->send(c, slice->pos, (size_t) (slice->end - slice->pos));

        if (size == NGX_AGAIN) {
            size = 0;
        }

    } else {
        size = ngx_http_chat_ws_writev(c, slice, n);
    }

    if (size == NGX_ERROR) {
        c->error = 1;
        return NGX_ERROR;
    }

    if (!c->write->ready && ngx_handle_write_event(c->write, 0) != NGX_OK) {
        return NGX_ERROR;
    }

    return size;
}


static ssize_t
ngx_http_chat_ws_writev(ngx_connection_t *c, ngx_chat_slice_t *slice,
    ngx_uint_t n)
{
    size_t         total;
    ssize_t        size;
    ngx_uint_t     i;
    ngx_iovec_t    vec;
    struct iovec   iovs[NGX_HTTP_CHAT_WS_IOVS];

    n = ngx_min(n, NGX_HTTP_CHAT_WS_IOVS);
    total = 0;

    for (i = 0; i < n; i++) {
        iovs[i].iov_base = slice[i].pos;
        iovs[i].iov_len = (size_t) (slice[i].end - slice[i].pos);
        total += iovs[i].iov_len;
    }

    vec.iovs = iovs;
    vec.count = n;
    vec.size = total;
    vec.nalloc = NGX_HTTP_CHAT_WS_IOVS;

    size = ngx_writev(c, &vec);

    if (size == NGX_AGAIN) {
        size = 0;
    }

    if (size != NGX_ERROR) {
        c->sent += size;

        if ((size_t) size < total) {
            c->write->ready = 0;
        }
    }

    return size;
}


#if (NGX_HTTP_SSL)

/*
 * Frames go into records straight from their chunk.  What TLS could not write
 * it wants to see again, at least as much and the same bytes: `attempt'.
 */

static ssize_t
ngx_http_chat_ws_ssl_send(ngx_connection_t *c, ngx_chat_slice_t *slice,
    ngx_uint_t n, size_t *attempt)
{
    u_char      *p;
    size_t       size, total;
    ssize_t      sent;
    ngx_uint_t   i;

    total = 0;

    for (i = 0; i < n; i++) {

        for (p = slice[i].pos; p < slice[i].end; p += sent) {
            size = ngx_min((size_t) (slice[i].end - p), NGX_HTTP_CHAT_WS_TLS);

            sent = c->send(c, p, size);

            if (sent == NGX_AGAIN) {
                *attempt = size;
                return (ssize_t) total;
            }

            if (sent == NGX_ERROR) {
                return NGX_ERROR;
            }

            total += (size_t) sent;
        }
    }

    return (ssize_t) total;
}

#endif


static void
ngx_http_chat_ws_ping(ngx_chat_session_t *s)
{
    u_char  frame[NGX_CHAT_WS_HEADER_MAX], *p;

    p = ngx_chat_ws_header(frame, NGX_CHAT_WS_PING, 0);

    (void) ngx_chat_session_queue(s, frame, (size_t) (p - frame));
}


static void
ngx_http_chat_ws_closing(ngx_chat_session_t *s, ngx_uint_t code,
    ngx_str_t *reason)
{
    u_char  frame[NGX_CHAT_WS_HEADER_MAX + NGX_CHAT_WS_CONTROL_MAX], *p;

    p = ngx_chat_ws_close_frame(frame, code, reason);

    if (ngx_chat_session_queue(s, frame, (size_t) (p - frame)) != NGX_OK) {
        ngx_chat_session_abort(s, code);
    }
}


/* everything is written, the Close frame included */

static void
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


static void
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


static void
ngx_http_chat_ws_resume(ngx_chat_session_t *s)
{
    ngx_http_chat_ws_t  *ws;

    ws = (ngx_http_chat_ws_t *) s;

    if (ws->connection->read->ready) {
        ngx_post_event(ws->connection->read, &ngx_posted_events);
    }
}


void
ngx_http_chat_ws_write_handler(ngx_event_t *wev)
{
    ngx_connection_t    *c;
    ngx_http_chat_ws_t  *ws;

    c = wev->data;
    ws = c->data;

    if (ws->end || c->close || c->error) {

        if (ws->lingering && !c->close && !c->error) {
            ngx_http_chat_ws_linger(ws);
            return;
        }

        ngx_http_chat_ws_terminate(ws);
        return;
    }

    if (ws->session.reader.blocked) {
        ngx_chat_session_writable(&ws->session);
    }
}


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

        if (ws->session.dead || ws->session.throttled) {
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

    ngx_http_chat_ws_message(ws, piece->opcode, &message);

    if (ws->message != NULL) {
        ngx_free(ws->message);
        ws->message = NULL;
        ws->message_len = 0;
        ws->message_size = 0;
    }

    return NGX_OK;
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

        p = ngx_alloc(ngx_max(size, 1), ws->connection->log);
        if (p == NULL) {
            return NGX_ERROR;
        }

        if (ws->message != NULL) {
            ngx_memcpy(p, ws->message, ws->message_len);
            ngx_free(ws->message);
        }

        ws->message = p;
        ws->message_size = size;
    }

    ngx_memcpy(ws->message + ws->message_len, piece->data, piece->len);
    ws->message_len = need;

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
        ngx_http_chat_ws_raw(ws, opcode, message);
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
    ngx_str_t *message)
{
    ngx_str_t            none;
    ngx_chat_err_e       code;
    ngx_chat_caller_t    caller;
    ngx_chat_publish_t   p;
    ngx_chat_session_t  *s;

    s = &ws->session;

    ngx_memzero(&caller, offsetof(ngx_chat_caller_t, guest_id));

    caller.conf = s->conf;
    caller.session = s;
    caller.user = &s->user;

    s->received++;

    ngx_str_null(&none);

    code = ngx_chat_dispatch_raw(&caller, &ws->room, message,
                                 opcode == NGX_CHAT_WS_BINARY
                                     ? NGX_CHAT_REC_RAW_BINARY
                                     : NGX_CHAT_REC_RAW_TEXT,
                                 &none, &p);

    if (code != NGX_CHAT_OK) {
        ngx_chat_session_close(s, ngx_http_chat_ws_close_code(code),
                        (char *) ngx_chat_err_info(code)->code.data, 0);
    }
}


ngx_uint_t
ngx_http_chat_ws_close_code(ngx_chat_err_e code)
{
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


/*
 * Our Close frame is written and the client's has not come.  A close(2) now
 * could destroy it by a RST if the client is still sending: FIN, then what comes
 * is thrown away for a while.
 */

static void
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


static void
ngx_http_chat_ws_discard(ngx_http_chat_ws_t *ws)
{
    u_char               *p;
    ssize_t               n;
    ngx_uint_t            i;
    ngx_connection_t     *c;
    ngx_chat_ws_piece_t   piece;

    c = ws->connection;

    for (i = 0; i < 4; i++) {
        n = c->recv(c, ngx_http_chat_ws_input, NGX_HTTP_CHAT_WS_READ);

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

        p = ngx_http_chat_ws_input;

        while (ngx_chat_ws_parse(&ws->parser, &p,
                                 ngx_http_chat_ws_input + n, &piece)
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
    if (ws->message != NULL) {
        ngx_free(ws->message);
        ws->message = NULL;
    }

    if (ws->released) {
        return;
    }

    ws->released = 1;

    ngx_chat_session_destroy(&ws->session);
}


/* the one exit of a connection that has no request */

static void
ngx_http_chat_ws_terminate(ngx_http_chat_ws_t *ws)
{
    ngx_connection_t     *c;
    ngx_chat_session_t   *s;
    ngx_http_chat_ctx_t   ctx;

    u_char                user[NGX_CHAT_USER_MAX];

    c = ws->connection;
    s = &ws->session;

    ngx_memzero(&ctx, sizeof(ngx_http_chat_ctx_t));

    ctx.conf = s->conf;
    ctx.room = ws->room;
    ctx.transport = s->transport->name;
    ctx.received = s->received;
    ctx.sent = s->sent;
    ctx.close_code = s->close_code;

    if (s->user.id.data != NULL) {
        ngx_memcpy(user, s->user.id.data, s->user.id.len);
        ctx.user.id.data = user;
        ctx.user.id.len = s->user.id.len;
    }

    ngx_http_chat_ws_release(ws);
    ngx_chat_ws_parser_cleanup(&ws->parser);

    ngx_http_chat_log_write(c, ws->hc, ws->logged, &ctx);

    ngx_http_close_connection(c);
}
