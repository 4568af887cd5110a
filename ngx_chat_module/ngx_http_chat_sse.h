
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Private to the files of the event streams: Server-Sent Events by GET and
 * streams by fetch (POST), over whatever version of HTTP.
 */


#ifndef _NGX_HTTP_CHAT_SSE_H_INCLUDED_
#define _NGX_HTTP_CHAT_SSE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_http_chat.h"


typedef enum {
    NGX_HTTP_CHAT_SSE_NO_ID = 0,    /* a stream by fetch */
    NGX_HTTP_CHAT_SSE_EVENT_ID,     /* one room: the event's */
    NGX_HTTP_CHAT_SSE_VECTOR        /* "m1:" and a cursor per room */
} ngx_http_chat_sse_id_e;


/*
 * A part of its request, which stays until the end.  The output filters get
 * buffers that refer to the session's chunks; each holds a reference until its
 * bytes are out, which HTTP/2 may decide after the request has been terminated:
 * the last references go with the request's pool.
 */

typedef struct {
    ngx_chat_session_t        session;      /* first */
    ngx_http_request_t       *request;
    ngx_http_chat_ctx_t      *ctx;          /* nginx may take it from r->ctx */

    ngx_chain_t              *free;         /* of ngx_http_chat_sse_buf_t */
    ngx_chain_t              *busy;
    ngx_chain_t             **busy_last;
    off_t                     sent;         /* by the connection, before */

    ngx_http_chat_sse_id_e    id;
    ngx_uint_t                places;       /* of a vector */
    ngx_chat_join_t          *given;        /* by the client, per place */

    unsigned                  named:1;      /* "event: chat.<type>" */
    unsigned                  end:1;        /* end when posted */
    unsigned                  aborted:1;
} ngx_http_chat_sse_t;


extern const ngx_chat_transport_t  ngx_http_chat_sse_transport;


/* the pool's cleanup: nothing refers to the chunks any more */
void ngx_http_chat_sse_pool_cleanup(void *data);

/* the session is another user's now */
ngx_chat_err_e ngx_http_chat_sse_identify(ngx_chat_session_t *s,
    ngx_chat_user_t *user);

/* r->write_event_handler of a stream */
void ngx_http_chat_sse_write_handler(ngx_http_request_t *r);

/*
 * `retry: <ms>' and the empty line behind it: when a client that lost its
 * stream comes back, each at a moment of its own.  Returns the end.
 */
#define NGX_HTTP_CHAT_SSE_RETRY_LEN  (sizeof("retry: \n\n") + NGX_INT_T_LEN)

u_char *ngx_http_chat_sse_retry(u_char *p);

/* `event: chat.<type>' of an object that begins with {"type":"<type>" */
size_t ngx_http_chat_sse_name_len(ngx_str_t *object);
u_char *ngx_http_chat_sse_name(u_char *p, ngx_str_t *object);


#endif /* _NGX_HTTP_CHAT_SSE_H_INCLUDED_ */
