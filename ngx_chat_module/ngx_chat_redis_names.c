
/*
 * Copyright (C) the ngx_chat_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include "ngx_chat_redis_names.h"


static void ngx_chat_redis_names_lookup(ngx_chat_redis_host_t *host);
static void ngx_chat_redis_names_answer(ngx_resolver_ctx_t *ctx);
static ngx_uint_t ngx_chat_redis_names_same(ngx_chat_redis_host_t *host,
    ngx_resolver_ctx_t *ctx, ngx_uint_t n);
static ngx_int_t ngx_chat_redis_names_take(ngx_chat_redis_host_t *host,
    ngx_resolver_ctx_t *ctx, ngx_uint_t n);
static ngx_int_t ngx_chat_redis_names_join(ngx_chat_redis_names_t *names);
static ngx_uint_t ngx_chat_redis_names_pending(ngx_chat_redis_names_t *names);
static void ngx_chat_redis_names_wake(ngx_chat_redis_names_t *names);


void
ngx_chat_redis_names_start(ngx_chat_redis_names_t *names, ngx_log_t *log,
    void (*changed)(void *data), void *data)
{
    if (names == NULL) {
        return;
    }

    ngx_queue_init(&names->waiting);
    names->changed = changed;
    names->data = data;
    names->log = log;
}


void
ngx_chat_redis_names_stop(ngx_chat_redis_names_t *names)
{
    ngx_uint_t           i;
    ngx_resolver_ctx_t  *ctx;

    if (names == NULL || names->log == NULL) {
        return;
    }

    names->log = NULL;

    for (i = 0; i < names->nhosts; i++) {
        ctx = names->hosts[i].ctx;

        if (ctx != NULL) {
            names->hosts[i].ctx = NULL;
            ngx_resolve_name_done(ctx);
        }

        if (names->hosts[i].block != NULL) {
            ngx_free(names->hosts[i].block);
            names->hosts[i].block = NULL;
            names->hosts[i].naddrs = 0;
        }
    }

    if (names->addrs != NULL) {
        ngx_free(names->addrs);
        names->addrs = NULL;
        names->server->naddrs = 0;
    }
}


ngx_int_t
ngx_chat_redis_names_ask(ngx_chat_redis_names_t *names)
{
    ngx_uint_t  i;

    if (names == NULL || names->log == NULL) {
        return NGX_OK;
    }

    for (i = 0; i < names->nhosts; i++) {

        if (names->hosts[i].name.len > 0 && names->hosts[i].ctx == NULL) {
            names->hosts[i].names = names;
            ngx_chat_redis_names_lookup(&names->hosts[i]);
        }
    }

    return ngx_chat_redis_names_pending(names) ? NGX_AGAIN : NGX_OK;
}


static ngx_uint_t
ngx_chat_redis_names_pending(ngx_chat_redis_names_t *names)
{
    ngx_uint_t  i;

    for (i = 0; i < names->nhosts; i++) {
        if (names->hosts[i].ctx != NULL) {
            return 1;
        }
    }

    return 0;
}


/* the answer may come from inside; a lookup that can't begin frees itself */

static void
ngx_chat_redis_names_lookup(ngx_chat_redis_host_t *host)
{
    ngx_resolver_ctx_t      *ctx;
    ngx_chat_redis_names_t  *names;

    names = host->names;

    ctx = ngx_resolve_start(names->resolver, NULL);

    if (ctx == NULL || ctx == NGX_NO_RESOLVER) {
        return;
    }

    ctx->name = host->name;
    ctx->handler = ngx_chat_redis_names_answer;
    ctx->data = host;
    ctx->timeout = names->timeout;
    ctx->cancelable = 1;

    host->ctx = ctx;

    if (ngx_resolve_name(ctx) != NGX_OK) {
        host->ctx = NULL;
    }
}


static void
ngx_chat_redis_names_answer(ngx_resolver_ctx_t *ctx)
{
    ngx_uint_t               n, changed;
    ngx_chat_redis_host_t   *host;
    ngx_chat_redis_names_t  *names;

    host = ctx->data;
    names = host->names;
    changed = 0;

    n = ngx_min(ctx->naddrs, NGX_CHAT_REDIS_NAME_ADDRS);

    if (ctx->state == 0 && n > 0) {

        host->told = 0;

        if (!ngx_chat_redis_names_same(host, ctx, n)) {
            changed = (ngx_chat_redis_names_take(host, ctx, n) == NGX_OK);
        }

    } else if (!host->told) {
        host->told = 1;

        ngx_log_error(NGX_LOG_ERR, names->log, 0,
                      "chat: \"%V\" of \"%V\" can't be looked up: %s",
                      &host->name, &names->server->url,
                      ngx_resolver_strerror(ctx->state));
    }

    host->ctx = NULL;

    ngx_resolve_name_done(ctx);

    if (!ngx_chat_redis_names_pending(names)) {
        ngx_chat_redis_names_wake(names);
    }

    if (changed) {
        names->changed(names->data);
    }
}


/* whether both have the same addresses, in any order */

static ngx_uint_t
ngx_chat_redis_names_same(ngx_chat_redis_host_t *host,
    ngx_resolver_ctx_t *ctx, ngx_uint_t n)
{
    ngx_uint_t  i, k;

    if (host->naddrs != n) {
        return 0;
    }

    for (i = 0; i < n; i++) {

        for (k = 0; k < n; k++) {
            if (ngx_cmp_sockaddr(ctx->addrs[i].sockaddr,
                                 ctx->addrs[i].socklen,
                                 host->addrs[k].sockaddr,
                                 host->addrs[k].socklen, 0)
                == NGX_OK)
            {
                break;
            }
        }

        if (k == n) {
            return 0;
        }
    }

    return 1;
}


/* the resolver's own addresses go when its handler returns */

static ngx_int_t
ngx_chat_redis_names_take(ngx_chat_redis_host_t *host,
    ngx_resolver_ctx_t *ctx, ngx_uint_t n)
{
    void            *old;
    u_char          *p;
    ngx_addr_t      *addr, *before;
    ngx_uint_t       i, had;
    ngx_sockaddr_t  *sa;

    addr = ngx_calloc(n * (sizeof(ngx_addr_t) + sizeof(ngx_sockaddr_t)
                           + NGX_SOCKADDR_STRLEN),
                      host->names->log);
    if (addr == NULL) {
        return NGX_ERROR;
    }

    sa = (ngx_sockaddr_t *) &addr[n];
    p = (u_char *) &sa[n];

    for (i = 0; i < n; i++, p += NGX_SOCKADDR_STRLEN) {
        addr[i].sockaddr = &sa[i].sockaddr;
        addr[i].socklen = ngx_min(ctx->addrs[i].socklen,
                                  (socklen_t) sizeof(ngx_sockaddr_t));

        ngx_memcpy(&sa[i], ctx->addrs[i].sockaddr, addr[i].socklen);
        ngx_inet_set_port(addr[i].sockaddr, host->port);

        addr[i].name.data = p;
        addr[i].name.len = ngx_sock_ntop(addr[i].sockaddr, addr[i].socklen, p,
                                         NGX_SOCKADDR_STRLEN, 1);
    }

    old = host->block;
    before = host->addrs;
    had = host->naddrs;

    host->addrs = addr;
    host->naddrs = n;

    if (ngx_chat_redis_names_join(host->names) != NGX_OK) {
        host->addrs = before;
        host->naddrs = had;
        ngx_free(addr);
        return NGX_ERROR;
    }

    host->block = addr;

    if (old != NULL) {
        ngx_free(old);
    }

    return NGX_OK;
}


/* the addresses of all hosts, in the order of the URL */

static ngx_int_t
ngx_chat_redis_names_join(ngx_chat_redis_names_t *names)
{
    ngx_addr_t             *addrs;
    ngx_uint_t              i, k, n;
    ngx_chat_redis_host_t  *host;

    n = 0;

    for (i = 0; i < names->nhosts; i++) {
        n += names->hosts[i].naddrs;
    }

    addrs = ngx_alloc(n * sizeof(ngx_addr_t), names->log);
    if (addrs == NULL) {
        return NGX_ERROR;
    }

    n = 0;

    for (i = 0; i < names->nhosts; i++) {
        host = &names->hosts[i];

        for (k = 0; k < host->naddrs; k++) {
            addrs[n++] = host->addrs[k];
        }
    }

    names->server->addrs = addrs;
    names->server->naddrs = n;

    if (names->addrs != NULL) {
        ngx_free(names->addrs);
    }

    names->addrs = addrs;

    return NGX_OK;
}


void
ngx_chat_redis_names_wait(ngx_chat_redis_names_t *names,
    ngx_chat_redis_conn_t *rc)
{
    ngx_queue_insert_tail(&names->waiting, &rc->waiting);
    rc->waits = 1;
}


void
ngx_chat_redis_names_forget(ngx_chat_redis_conn_t *rc)
{
    if (rc->waits) {
        ngx_queue_remove(&rc->waiting);
        rc->waits = 0;
    }
}


static void
ngx_chat_redis_names_wake(ngx_chat_redis_names_t *names)
{
    ngx_queue_t            *q;
    ngx_chat_redis_conn_t  *rc;

    while (!ngx_queue_empty(&names->waiting)) {
        q = ngx_queue_head(&names->waiting);
        rc = ngx_queue_data(q, ngx_chat_redis_conn_t, waiting);

        ngx_chat_redis_names_forget(rc);
        ngx_add_timer(&rc->timer, 1);
    }
}
