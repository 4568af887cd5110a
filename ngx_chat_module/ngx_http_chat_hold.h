
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * A connection that lets go of its request, which takes some 4 KB and more,
 * and goes on for as long as its client likes: what WebSocket and event streams
 * have in common there.
 */


#ifndef _NGX_HTTP_CHAT_HOLD_H_INCLUDED_
#define _NGX_HTTP_CHAT_HOLD_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_http_chat.h"


typedef struct {
    ngx_connection_t         *connection;
    ngx_http_connection_t    *hc;            /* NULL: there is a request */
    ngx_http_chat_logged_t   *logged;
    ngx_pool_t               *pool;          /* ngx_http_chat_hold_pool() */
    ngx_http_chat_conn_t     *counted;       /* for chat_conn_limit */
    ngx_str_t                 room;          /* of the URL */
    unsigned                  complete:1;    /* the response, for the log */
} ngx_http_chat_hold_t;


/* whether the bytes behind those that came end the discarding */
typedef ngx_uint_t (*ngx_http_chat_ends_pt)(void *data, u_char *p, size_t n);


/* --- ngx_http_chat_hold.c --- */

/* the header goes out, past the filters of bodies */
ngx_int_t ngx_http_chat_hold_flush(ngx_http_request_t *r);

/* NGX_OK: all is written; NGX_AGAIN: r->write_event_handler will be called;
   NGX_ERROR */
ngx_int_t ngx_http_chat_hold_flushed(ngx_http_request_t *r);

/* the session, about which nothing may be written before that */
void ngx_http_chat_hold_block(ngx_chat_session_t *s);

/* whether nothing else refers to the request: no subrequest, no thread */
ngx_uint_t ngx_http_chat_hold_alone(ngx_http_request_t *r);

/*
 * Frees the request; c->data is `data' afterwards.  hold->hc says so to its
 * cleanups.  NGX_OK; NGX_ERROR: no memory, the request is there still;
 * NGX_DECLINED: it has gone, and the connection is of no use.
 */
ngx_int_t ngx_http_chat_hold_take(ngx_http_request_t *r,
    ngx_http_chat_hold_t *hold, void *data, ngx_event_handler_pt read_handler,
    ngx_event_handler_pt write_handler);

/*
 * The buffers of the request's header, and of TLS; `old' is what
 * ngx_http_chat_hold_move() has returned.
 */
void ngx_http_chat_hold_free_buffers(ngx_http_chat_hold_t *hold,
    ngx_pool_t *old);

/* the session's end, before or when the connection ends; of its user what the
   log will want stays */
void ngx_http_chat_hold_release(ngx_http_chat_hold_t *hold,
    ngx_chat_session_t *s);

/*
 * Before a close(2), which could destroy by a RST what was written last if the
 * client is still sending: FIN, and two seconds.
 */
ngx_int_t ngx_http_chat_hold_fin(ngx_http_chat_hold_t *hold);

/*
 * Throws away what comes then.  NGX_OK: that was all, NGX_AGAIN: more will
 * come.  `ends' may be NULL.
 */
ngx_int_t ngx_http_chat_hold_discard(ngx_http_chat_hold_t *hold,
    ngx_http_chat_ends_pt ends, void *data);

/* the access log's line, then the connection is closed, with its pool */
void ngx_http_chat_hold_close(ngx_http_chat_hold_t *hold,
    ngx_chat_session_t *s, ngx_str_t *transport);


/* --- ngx_http_chat_hold_pool.c --- */

/*
 * A pool that lives as long as the connection, in whose block there is room for
 * `size' bytes and for all that ngx_http_chat_hold_take() and _move() put
 * there.  It may be the connection's own.  NULL: no memory.
 */
ngx_pool_t *ngx_http_chat_hold_pool(ngx_http_request_t *r, size_t size);

/*
 * After ngx_http_chat_hold_take(): hold->pool becomes the connection's.  The
 * one it had is returned, for ngx_http_chat_hold_free_buffers(): buffers of the
 * request's header are in it.  NULL: it keeps it.
 */
ngx_pool_t *ngx_http_chat_hold_move(ngx_http_chat_hold_t *hold,
    ngx_chat_session_t *s);


/* --- ngx_http_chat_output.c --- */

/* slices of one call at most */
#define NGX_HTTP_CHAT_OUTPUT_MAX  72

/*
 * Writes slices to a connection without a request, past the filters.  How many
 * bytes were taken, or NGX_ERROR; *attempt as in ngx_chat_transport_t.
 */
ssize_t ngx_http_chat_output(ngx_connection_t *c, ngx_chat_slice_t *slice,
    ngx_uint_t n, size_t *attempt);

/*
 * The same for slices that will be offered again as they are, from the byte on
 * that was not taken: many small ones go out in one piece, or share a record.
 */
ssize_t ngx_http_chat_output_again(ngx_connection_t *c,
    ngx_chat_slice_t *slice, ngx_uint_t n);


#endif /* _NGX_HTTP_CHAT_HOLD_H_INCLUDED_ */
