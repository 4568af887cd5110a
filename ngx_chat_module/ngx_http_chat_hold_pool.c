
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * The pool of a connection without a request.  That of nginx has 512 bytes, of
 * which the buffer of the first request's header and what nobody took are of no
 * use any more.  So another one is made, of just the size for all that the
 * connection will need, and takes its place.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_http_chat_hold.h"


#define ngx_http_chat_hold_sizeof(type)  ngx_align(sizeof(type), NGX_ALIGNMENT)


static ngx_uint_t ngx_http_chat_hold_movable(ngx_connection_t *c,
    ngx_pool_t *pool);
static ngx_int_t ngx_http_chat_hold_move_parts(ngx_http_chat_hold_t *hold,
    ngx_log_t **log);
static void ngx_http_chat_hold_cleanup(void *data);


ngx_pool_t *
ngx_http_chat_hold_pool(ngx_http_request_t *r, size_t size)
{
    ngx_pool_t          *pool;
    ngx_connection_t    *c;
    ngx_pool_cleanup_t  *cln;

    c = r->connection;

    if (!ngx_http_chat_hold_movable(c, NULL)) {
        return c->pool;
    }

    cln = ngx_pool_cleanup_add(c->pool, 0);
    if (cln == NULL) {
        return NULL;
    }

    size += sizeof(ngx_pool_t)
            + ngx_http_chat_hold_sizeof(ngx_log_t)
            + ngx_http_chat_hold_sizeof(ngx_http_log_ctx_t)
            + ngx_http_chat_hold_sizeof(ngx_http_connection_t)
            + ngx_align(ngx_http_chat_log_size(r), NGX_ALIGNMENT);

    if (c->local_sockaddr != c->listening->sockaddr) {
        size += ngx_align((size_t) c->local_socklen, NGX_ALIGNMENT);
    }

    pool = ngx_create_pool(ngx_align(size, NGX_POOL_ALIGNMENT), c->log);
    if (pool == NULL) {
        return NULL;
    }

    cln->handler = ngx_http_chat_hold_cleanup;
    cln->data = pool;

    return pool;
}


static void
ngx_http_chat_hold_cleanup(void *data)
{
    ngx_pool_t  *pool = data;

    /* the log that it was made with may be a part of the other one */
    ngx_destroy_pool(pool);
}


/*
 * TLS and the PROXY protocol keep more there, and so may other modules, which
 * then have a cleanup; `pool' has one, too.
 */

static ngx_uint_t
ngx_http_chat_hold_movable(ngx_connection_t *c, ngx_pool_t *pool)
{
    ngx_pool_cleanup_t     *cln;
    ngx_http_connection_t  *hc;

#if (NGX_HTTP_SSL)
    if (c->ssl != NULL) {
        return 0;
    }
#endif

    if (pool == NULL) {
        hc = ((ngx_http_request_t *) c->data)->http_connection;

        if (hc->addr_conf->proxy_protocol) {
            return 0;
        }
    }

    for (cln = c->pool->cleanup; cln != NULL; cln = cln->next) {
        if (cln->handler != NULL
            && (pool == NULL || cln->handler != ngx_http_chat_hold_cleanup
                || cln->data != pool))
        {
            return 0;
        }
    }

    return 1;
}


ngx_pool_t *
ngx_http_chat_hold_move(ngx_http_chat_hold_t *hold, ngx_chat_session_t *s)
{
    ngx_log_t           *log;
    ngx_pool_t          *old;
    ngx_connection_t    *c;
    ngx_pool_cleanup_t  *cln;

    c = hold->connection;
    old = c->pool;

    if (hold->pool == old || !ngx_http_chat_hold_movable(c, hold->pool)) {
        return NULL;
    }

    if (ngx_http_chat_hold_move_parts(hold, &log) != NGX_OK) {
        return NULL;
    }

    for (cln = old->cleanup; cln != NULL; cln = cln->next) {
        cln->handler = NULL;
    }

    hold->pool->log = log;
    s->log = log;

    c->pool = hold->pool;
    c->log = log;
    c->read->log = log;
    c->write->log = log;
    c->buffer = NULL;

    return old;
}


/* what nginx has made for the connection; the addresses are with the log's */

static ngx_int_t
ngx_http_chat_hold_move_parts(ngx_http_chat_hold_t *hold, ngx_log_t **log)
{
    ngx_pool_t             *pool;
    ngx_connection_t       *c;
    struct sockaddr        *local;
    ngx_http_log_ctx_t     *ctx;
    ngx_http_connection_t  *hc;

    c = hold->connection;
    pool = hold->pool;
    local = c->local_sockaddr;

    *log = ngx_palloc(pool, sizeof(ngx_log_t));
    ctx = ngx_palloc(pool, sizeof(ngx_http_log_ctx_t));
    hc = ngx_palloc(pool, sizeof(ngx_http_connection_t));

    if (*log == NULL || ctx == NULL || hc == NULL) {
        return NGX_ERROR;
    }

    if (local != c->listening->sockaddr) {
        local = ngx_palloc(pool, (size_t) c->local_socklen);
        if (local == NULL) {
            return NGX_ERROR;
        }

        ngx_memcpy(local, c->local_sockaddr, c->local_socklen);
    }

    *ctx = *(ngx_http_log_ctx_t *) c->log->data;

    **log = *c->log;
    (*log)->data = ctx;

    *hc = *hold->hc;
    hc->busy = NULL;
    hc->nbusy = 0;
    hc->free = NULL;

    hold->hc = hc;
    c->local_sockaddr = local;

    return NGX_OK;
}
