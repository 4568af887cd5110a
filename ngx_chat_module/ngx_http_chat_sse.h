
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
#include "ngx_http_chat_hold.h"


typedef enum {
    NGX_HTTP_CHAT_SSE_NO_ID = 0,    /* a stream by fetch */
    NGX_HTTP_CHAT_SSE_EVENT_ID,     /* one room: the event's */
    NGX_HTTP_CHAT_SSE_VECTOR        /* "m1:" and a cursor per room */
} ngx_http_chat_sse_id_e;


typedef struct ngx_http_chat_sse_rest_s  ngx_http_chat_sse_rest_t;


/*
 * One malloc.  It belongs to its request's pool, or, if the stream has let go
 * of the request (ngx_http_chat_sse_plain.c), to the connection.
 *
 * Where the request stays, the output filters get buffers that refer to the
 * session's chunks; each holds a reference until its bytes are out, which
 * HTTP/2 may decide after the request has been terminated: the last references
 * go with the request's pool.
 */

typedef struct {
    ngx_chat_session_t        session;      /* first */
    ngx_http_chat_hold_t      hold;         /* hold.hc NULL: a request */
    ngx_http_request_t       *request;
    ngx_http_chat_ctx_t      *ctx;          /* nginx may take it from r->ctx */

    ngx_chain_t              *free;         /* of ngx_http_chat_sse_buf_t */
    ngx_chain_t              *busy;
    ngx_chain_t             **busy_last;
    off_t                     sent;         /* by the connection, before */

    /* without a request */
    ngx_http_chat_sse_rest_t *rest;         /* the header, or of a write */
    ngx_str_t                 transport;    /* for the access log */

    ngx_http_chat_sse_id_e    id;
    ngx_uint_t                places;       /* of a vector */
    ngx_chat_cursor_t        *given;        /* by the client, per place */

    unsigned                  named:1;      /* "event: chat.<type>" */
    unsigned                  end:1;        /* end when posted */
    unsigned                  aborted:1;
    unsigned                  chunked:1;
    unsigned                  last:1;       /* chunk, offered to the socket */
    unsigned                  more:1;       /* came behind the request */
    unsigned                  lingering:1;
} ngx_http_chat_sse_t;


extern const ngx_chat_transport_t  ngx_http_chat_sse_transport;


/* --- ngx_http_chat_sse_io.c --- */

/* blocks and comments: the functions that both tables have */
size_t ngx_http_chat_sse_object_len(ngx_chat_session_t *s, ngx_str_t *object);
u_char *ngx_http_chat_sse_object(ngx_chat_session_t *s, u_char *p,
    ngx_str_t *object);
size_t ngx_http_chat_sse_record_len(ngx_chat_session_t *s,
    ngx_chat_sub_t *sub, ngx_chat_rec_t *rec);
u_char *ngx_http_chat_sse_record(ngx_chat_session_t *s, ngx_chat_sub_t *sub,
    u_char *p, ngx_chat_rec_t *rec);
void ngx_http_chat_sse_ping(ngx_chat_session_t *s);
void ngx_http_chat_sse_closing(ngx_chat_session_t *s, ngx_uint_t code,
    ngx_str_t *reason);
void ngx_http_chat_sse_resume(ngx_chat_session_t *s);

/* of a request that has one; NULL: it has none any more */
ngx_http_chat_sse_t *ngx_http_chat_sse_get(ngx_http_request_t *r);

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


/* --- ngx_http_chat_sse_plain.c --- */

/* once the header was made: whether the request can be let go */
ngx_uint_t ngx_http_chat_sse_plain(ngx_http_request_t *r);
/* ... which it will be; the session begins then */
void ngx_http_chat_sse_plain_begin(ngx_http_request_t *r,
    ngx_http_chat_sse_t *sse);


/* --- ngx_http_chat_sse_chunk.c --- */

/* what is not written of the header goes out with the first chunk */
ngx_int_t ngx_http_chat_sse_take_header(ngx_http_request_t *r,
    ngx_http_chat_sse_t *sse);

/* of ngx_chat_transport_t */
ssize_t ngx_http_chat_sse_plain_send(ngx_chat_session_t *s,
    ngx_chat_slice_t *slice, ngx_uint_t n, size_t *attempt);

/* writes sse->rest.  NGX_OK: all is out; NGX_AGAIN; NGX_ERROR */
ngx_int_t ngx_http_chat_sse_drain(ngx_http_chat_sse_t *sse);
void ngx_http_chat_sse_rest_free(ngx_http_chat_sse_t *sse);


#endif /* _NGX_HTTP_CHAT_SSE_H_INCLUDED_ */
