
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Writing to a WebSocket connection: what a session asks of its transport,
 * and the event that says there is room again.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_http_chat_ws.h"
#include "ngx_http_chat_limit.h"


static size_t ngx_http_chat_ws_object_len(ngx_chat_session_t *s,
    ngx_str_t *object);
static u_char *ngx_http_chat_ws_object(ngx_chat_session_t *s, u_char *p,
    ngx_str_t *object);
static ssize_t ngx_http_chat_ws_send(ngx_chat_session_t *s,
    ngx_chat_slice_t *slice, ngx_uint_t n, size_t *attempt);
static void ngx_http_chat_ws_ping(ngx_chat_session_t *s);
static void ngx_http_chat_ws_resume(ngx_chat_session_t *s);
static ngx_chat_err_e ngx_http_chat_ws_identify(ngx_chat_session_t *s,
    ngx_chat_user_t *user);


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
    ngx_http_chat_ws_identify,
    1
};


static size_t
ngx_http_chat_ws_object_len(ngx_chat_session_t *s, ngx_str_t *object)
{
    return ngx_chat_ws_header_len(object->len) + object->len;
}


static u_char *
ngx_http_chat_ws_object(ngx_chat_session_t *s, u_char *p, ngx_str_t *object)
{
    if (s->wire == NGX_CHAT_WIRE_WS_DEFLATE) {
        return ngx_chat_wire_frame(p, NGX_CHAT_WS_TEXT, object->data,
                                   object->len);
    }

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
    c = ws->hold.connection;

    if (c->error || c->close) {
        return NGX_ERROR;
    }

    if (!c->write->ready) {
        return 0;
    }

    size = ngx_http_chat_output(c, slice, n, attempt);

    if (size == NGX_ERROR) {
        c->error = 1;
        return NGX_ERROR;
    }

    if (!c->write->ready && ngx_handle_write_event(c->write, 0) != NGX_OK) {
        return NGX_ERROR;
    }

    return size;
}


static void
ngx_http_chat_ws_ping(ngx_chat_session_t *s)
{
    u_char  frame[NGX_CHAT_WS_HEADER_MAX], *p;

    p = ngx_chat_ws_header(frame, NGX_CHAT_WS_PING, 0);

    (void) ngx_chat_session_queue(s, frame, (size_t) (p - frame));
}


void
ngx_http_chat_ws_closing(ngx_chat_session_t *s, ngx_uint_t code,
    ngx_str_t *reason)
{
    u_char  frame[NGX_CHAT_WS_HEADER_MAX + NGX_CHAT_WS_CONTROL_MAX], *p;

    p = ngx_chat_ws_close_frame(frame, code, reason);

    if (ngx_chat_session_queue(s, frame, (size_t) (p - frame)) != NGX_OK) {
        ngx_chat_session_abort(s, code);
    }
}


static void
ngx_http_chat_ws_resume(ngx_chat_session_t *s)
{
    ngx_http_chat_ws_t  *ws;

    ws = (ngx_http_chat_ws_t *) s;

    if (ws->hold.connection->read->ready) {
        ngx_post_event(ws->hold.connection->read, &ngx_posted_events);
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


static ngx_chat_err_e
ngx_http_chat_ws_identify(ngx_chat_session_t *s, ngx_chat_user_t *user)
{
    ngx_http_chat_ws_t  *ws;

    ws = (ngx_http_chat_ws_t *) s;

    return ngx_http_chat_conn_user(ws->hold.counted, user, s->log);
}
