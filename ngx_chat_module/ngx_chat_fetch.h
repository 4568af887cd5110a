
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * A worker's own HTTP requests: key sets, webhooks.  One request a connection,
 * to an address that the configuration names (a server of this nginx, which
 * does names, TLS and caches); HTTP/1.1, no redirects.
 *
 * Nothing here waits, and handlers run from the event loop, never inside
 * ngx_chat_fetch_start().
 *
 *     ngx_memzero(&rq, sizeof(ngx_chat_fetch_request_t));
 *     rq.url = &conf->url;
 *     rq.max = 65536;
 *     rq.timeout = 5000;
 *     rq.handler = done;
 *     rq.data = me;
 *     me->fetch = ngx_chat_fetch_start(&rq, log);
 *
 *     static void
 *     done(void *data, ngx_chat_fetch_answer_t *a)
 *     {
 *         me->fetch = NULL;
 *         if (a->why != NULL) ... log it; else a->status, a->body
 *     }
 *
 * Who goes away before calls ngx_chat_fetch_cancel(me->fetch).
 */


#ifndef _NGX_CHAT_FETCH_H_INCLUDED_
#define _NGX_CHAT_FETCH_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_fetch_parse.h"
#include "ngx_chat_json.h"


/* at one time in a worker */
#define NGX_CHAT_FETCH_MAX  256


typedef struct ngx_chat_fetch_s  ngx_chat_fetch_t;


/* http://unix:/path:/uri or http://ADDRESS[:PORT]/uri */

typedef struct {
    ngx_str_t                  url;          /* as it is written */
    ngx_str_t                  host;         /* of the Host header */
    ngx_str_t                  uri;
    struct sockaddr           *sockaddr;
    socklen_t                  socklen;
    ngx_str_t                  name;         /* the address, for logs */
} ngx_chat_fetch_url_t;


typedef struct {
    ngx_uint_t                 status;       /* 200 ... 599, also of one that
                                                failed behind; 0: no answer */
    ngx_str_t                  body;
    ngx_chat_fetch_parser_t   *parser;       /* for ngx_chat_fetch_header() */
    const char                *why;          /* NULL: it is an answer */
    ngx_err_t                  err;          /* of a failed connect(), or 0 */
} ngx_chat_fetch_answer_t;


/* all of it may go when ngx_chat_fetch_start() has returned */

typedef struct {
    ngx_chat_fetch_url_t      *url;
    ngx_str_t                  headers;      /* whole lines; may be empty */
    ngx_str_t                  body;         /* JSON, where `post' */
    size_t                     max;          /* bytes of the answer's body */
    ngx_msec_t                 timeout;      /* for all of it */

    /* called once, unless the fetch is cancelled; it is gone afterwards, and
       so is what the answer refers to */
    void                     (*handler)(void *data,
                                        ngx_chat_fetch_answer_t *answer);
    void                      *data;

    unsigned                   post:1;       /* else GET */
    unsigned                   background:1; /* a worker that quits needn't
                                                wait for it */
} ngx_chat_fetch_request_t;


/* for the configuration; NGX_OK, NGX_DECLINED and *why, NGX_ERROR */
ngx_int_t ngx_chat_fetch_url(ngx_pool_t *pool, ngx_str_t *text,
    ngx_chat_fetch_url_t *url, const char **why);

/* NULL: no memory, or too many; the handler won't be called */
ngx_chat_fetch_t *ngx_chat_fetch_start(ngx_chat_fetch_request_t *rq,
    ngx_log_t *log);

/* somebody waits for one in the background: a worker that quits does, too */
void ngx_chat_fetch_wanted(ngx_chat_fetch_t *f);

/* not from inside its handler; NULL is ignored */
void ngx_chat_fetch_cancel(ngx_chat_fetch_t *f);

/* the worker ends: all are cancelled */
void ngx_chat_fetch_exit(void);


#endif /* _NGX_CHAT_FETCH_H_INCLUDED_ */
