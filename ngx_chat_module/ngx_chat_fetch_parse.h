
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * The answer of an HTTP/1.1 server (RFC 9112), as it comes in, whatever pieces
 * it comes in.  No events, no I/O: ngx_chat_fetch.h has these.
 *
 * The server isn't trusted: everything is bounded, and what two readers could
 * understand in two ways is refused.
 */


#ifndef _NGX_CHAT_FETCH_PARSE_H_INCLUDED_
#define _NGX_CHAT_FETCH_PARSE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


#define NGX_CHAT_FETCH_HEAD_MAX     16384     /* bytes, 1xx and trailers too */
#define NGX_CHAT_FETCH_HEADERS_MAX  64        /* lines of one head */
#define NGX_CHAT_FETCH_INTERIM_MAX  8         /* answers with 1xx */


typedef struct {
    ngx_uint_t    status;         /* 0: not known yet */
    ngx_str_t     lines;          /* the header's, each with its CRLF */
    ngx_str_t     body;

    /* private */
    ngx_log_t    *log;
    ngx_uint_t    state;
    u_char       *head;
    size_t        head_len;
    size_t        spare;          /* bytes of chunks' heads and trailers */
    ngx_uint_t    interim;
    size_t        body_max;
    size_t        body_size;
    uint64_t      left;           /* of the body or of the chunk */
    ngx_uint_t    digits;         /* of the chunk's size */
    unsigned      old:1;          /* HTTP/1.0 */
    unsigned      blank:1;        /* nothing yet in a trailer's line */
    unsigned      length:1;       /* Content-Length was there */
    unsigned      chunked:1;
} ngx_chat_fetch_parser_t;


void ngx_chat_fetch_parser_init(ngx_chat_fetch_parser_t *p, size_t body_max,
    ngx_log_t *log);
void ngx_chat_fetch_parser_free(ngx_chat_fetch_parser_t *p);

/*
 * NGX_AGAIN: there must be more; NGX_OK: the answer is whole, what is behind it
 * is ignored; NGX_ERROR: *why says why it can't be used.
 */
ngx_int_t ngx_chat_fetch_parse(ngx_chat_fetch_parser_t *p, u_char *data,
    size_t n, const char **why);

/* the connection has ended: NGX_OK or NGX_ERROR */
ngx_int_t ngx_chat_fetch_parse_end(ngx_chat_fetch_parser_t *p,
    const char **why);

/* the first header of that name, in lowercase: NGX_OK or NGX_DECLINED */
ngx_int_t ngx_chat_fetch_header(ngx_chat_fetch_parser_t *p, const char *name,
    ngx_str_t *value);


#endif /* _NGX_CHAT_FETCH_PARSE_H_INCLUDED_ */
