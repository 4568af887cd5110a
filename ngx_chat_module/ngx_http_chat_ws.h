
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Private to the files of the WebSocket transport.
 */


#ifndef _NGX_HTTP_CHAT_WS_H_INCLUDED_
#define _NGX_HTTP_CHAT_WS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_http_chat.h"
#include "ngx_http_chat_hold.h"
#include "ngx_chat_name.h"
#include "ngx_chat_utf8.h"
#include "ngx_chat_ws.h"


/* the worker's read buffer: nothing stays in it between two events */
#define NGX_HTTP_CHAT_WS_READ  65536


typedef struct {
    ngx_chat_session_t        session;       /* first */
    ngx_http_chat_hold_t      hold;

    ngx_chat_ws_parser_t      parser;
    u_char                   *message;       /* a message in pieces */
    uint32_t                  message_len;   /* chat_message_max at most */
    uint32_t                  message_size;

    unsigned                  end:1;         /* close when posted */
    unsigned                  close_seen:1;  /* the client's Close frame */
    unsigned                  deaf:1;        /* input is discarded */
    unsigned                  lingering:1;
    unsigned                  released:1;
    unsigned                  waits:5;       /* for subrequests, of 50 ms */
} ngx_http_chat_ws_t;


extern const ngx_chat_transport_t  ngx_http_chat_ws_transport;


/* ngx_http_chat_ws_open.c */

/* queues the first words; before the 101 */
void ngx_http_chat_ws_greet(ngx_http_request_t *r, ngx_http_chat_ws_t *ws,
    ngx_int_t identified);
/* r->write_event_handler: the request is let go once the 101 is written */
void ngx_http_chat_ws_detach_handler(ngx_http_request_t *r);


/* ngx_http_chat_ws_read.c */

void ngx_http_chat_ws_read_handler(ngx_event_t *rev);
void ngx_http_chat_ws_feed(ngx_http_chat_ws_t *ws, u_char *p, size_t n);

/* the Close code that stands for an error where there are no objects */
ngx_uint_t ngx_http_chat_ws_close_code(ngx_chat_err_e code);


/* ngx_http_chat_ws_write.c */

void ngx_http_chat_ws_write_handler(ngx_event_t *wev);

/* queues a Close frame */
void ngx_http_chat_ws_closing(ngx_chat_session_t *s, ngx_uint_t code,
    ngx_str_t *reason);


/* ngx_http_chat_ws_end.c */

void ngx_http_chat_ws_finish(ngx_chat_session_t *s);
void ngx_http_chat_ws_abort(ngx_chat_session_t *s);

/* ends the connection from a posted event */
void ngx_http_chat_ws_end(ngx_http_chat_ws_t *ws, ngx_uint_t code);

/* reads and throws away what still comes, until the client's Close frame */
void ngx_http_chat_ws_linger(ngx_http_chat_ws_t *ws);
void ngx_http_chat_ws_discard(ngx_http_chat_ws_t *ws);

/* frees what the session and the parser hold; idempotent */
void ngx_http_chat_ws_release(ngx_http_chat_ws_t *ws);

/* the one exit of a connection that has no request */
void ngx_http_chat_ws_terminate(ngx_http_chat_ws_t *ws);


#endif /* _NGX_HTTP_CHAT_WS_H_INCLUDED_ */
