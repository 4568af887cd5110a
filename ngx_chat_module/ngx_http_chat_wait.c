
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * A request whose broker answers later: its handler returns, and is called
 * again with the outcome in the context.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_http_chat.h"
#include "ngx_chat_name.h"


static void ngx_http_chat_wait_done(ngx_chat_wait_t *w);
static void ngx_http_chat_wait_cleanup(void *data);
static void ngx_http_chat_wait_content(ngx_http_request_t *r);
static void ngx_http_chat_wait_identified(ngx_http_request_t *r);


void
ngx_http_chat_wait_caller(ngx_http_chat_ctx_t *ctx, ngx_chat_caller_t *c)
{
    c->resume = ngx_http_chat_wait_done;
    c->resume_data = ctx;
    ngx_chat_dispatch_outcome(c, ctx->outcome);
}


ngx_int_t
ngx_http_chat_wait(ngx_http_request_t *r, ngx_http_chat_ctx_t *ctx,
    ngx_chat_caller_t *c, void (*again)(ngx_http_request_t *r))
{
    ngx_pool_cleanup_t  *cln;

    if (ctx->request == NULL) {
        cln = ngx_pool_cleanup_add(r->pool, 0);

        if (cln == NULL) {
            ngx_chat_wait_free(c->wait);
            return NGX_ERROR;
        }

        cln->handler = ngx_http_chat_wait_cleanup;
        cln->data = ctx;

        ctx->request = r;
    }

    ngx_chat_wait_free(ctx->outcome);

    ctx->outcome = NULL;
    ctx->wait = c->wait;
    ctx->again = again;

    r->read_event_handler = ngx_http_block_reading;
    r->write_event_handler = ngx_http_request_empty_handler;

    return NGX_OK;
}


ngx_int_t
ngx_http_chat_wait_handler(ngx_http_request_t *r, ngx_http_chat_ctx_t *ctx,
    ngx_chat_caller_t *c, ngx_http_chat_content_pt handler)
{
    if (ngx_http_chat_wait(r, ctx, c, ngx_http_chat_wait_content) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->handler = handler;

    if (!ctx->counted) {
        /* we return into the phases */
        ctx->counted = 1;
        r->main->count++;
    }

    return NGX_DONE;
}


static void
ngx_http_chat_wait_content(ngx_http_request_t *r)
{
    ngx_int_t             rc;
    ngx_http_chat_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_chat_module);

    rc = ctx->handler(r, ctx);

    if (ctx->wait == NULL) {
        ngx_http_finalize_request(r, rc);
    }
}


/*
 * Before there is a handler: it will be called as if the request came just now,
 * so it counts the request by itself, and what it returns ends our count.
 */

ngx_int_t
ngx_http_chat_wait_identity(ngx_http_request_t *r, ngx_http_chat_ctx_t *ctx,
    ngx_http_chat_content_pt again)
{
    ngx_chat_caller_t  c;

    c.wait = ngx_chat_wait_create(ngx_http_chat_wait_done, ctx,
                                  ctx->conf->zone->log);

    if (c.wait == NULL
        || ngx_http_chat_wait(r, ctx, &c, ngx_http_chat_wait_identified)
           != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_chat_auth_wait(ctx->conf->auth, ctx->wait);

    ctx->waited = 1;
    ctx->handler = again;

    r->main->count++;

    return NGX_DONE;
}


static void
ngx_http_chat_wait_identified(ngx_http_request_t *r)
{
    ngx_http_chat_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_chat_module);

    /* it is no outcome of a broker */

    ngx_chat_wait_free(ctx->outcome);
    ctx->outcome = NULL;

    ngx_http_finalize_request(r, ctx->handler(r, ctx));
}


static void
ngx_http_chat_wait_done(ngx_chat_wait_t *w)
{
    ngx_connection_t     *c;
    ngx_http_request_t   *r;
    ngx_http_chat_ctx_t  *ctx;

    ctx = w->data;
    r = ctx->request;
    c = r->connection;

    ctx->wait = NULL;
    ctx->outcome = w;

    ngx_http_set_log_request(c->log, r);

    ctx->again(r);

    ngx_http_run_posted_requests(c);
}


static void
ngx_http_chat_wait_cleanup(void *data)
{
    ngx_http_chat_ctx_t *ctx = data;

    ngx_chat_wait_free(ctx->wait);
    ngx_chat_wait_free(ctx->outcome);

    ctx->wait = NULL;
    ctx->outcome = NULL;
}


ngx_int_t
ngx_http_chat_wait_rooms(ngx_http_request_t *r, ngx_http_chat_ctx_t *ctx,
    ngx_array_t *rooms, ngx_http_chat_content_pt handler)
{
    ngx_uint_t         i;
    ngx_chat_join_t   *join;
    ngx_chat_caller_t  c;

    if (ctx->conf->broker->prepare == NULL) {
        return NGX_OK;
    }

    join = rooms->elts;

    for (i = 0; i < rooms->nelts; i++) {
        join[i].error = (ngx_chat_room_valid(&join[i].room) == NGX_OK)
                        ? NGX_CHAT_OK : NGX_CHAT_E_BAD_REQUEST;
    }

    ngx_memzero(&c, offsetof(ngx_chat_caller_t, guest_id));

    c.conf = ctx->conf;
    c.user = &ctx->user;

    ngx_http_chat_wait_caller(ctx, &c);

    if (ngx_chat_dispatch_prepare_many(&c, rooms,
                                       ctx->conf->raw ? NGX_CHAT_ROOM_RAW
                                                      : NGX_CHAT_ROOM_CHAT)
        == NGX_CHAT_E_WAIT)
    {
        return ngx_http_chat_wait_handler(r, ctx, &c, handler);
    }

    return NGX_OK;
}
