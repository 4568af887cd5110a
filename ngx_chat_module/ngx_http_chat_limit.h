
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * chat_conn_limit.
 */


#ifndef _NGX_HTTP_CHAT_LIMIT_H_INCLUDED_
#define _NGX_HTTP_CHAT_LIMIT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_http_chat.h"


/* lines of a level */
#define NGX_HTTP_CHAT_CONN_LIMITS  4


/* the client's address, as realip has it */
void ngx_http_chat_address(ngx_connection_t *c, ngx_chat_user_t *user);

/*
 * Counts a connection that will last.  NGX_CHAT_OK; NGX_CHAT_E_RATE_LIMITED:
 * there are enough of its kind; NGX_CHAT_E_FULL: no place to count it (both are
 * logged); NGX_CHAT_E_INTERNAL.  What was counted is released when `pool' is
 * destroyed, if it wasn't before; *result is NULL if nothing was.
 */
ngx_chat_err_e ngx_http_chat_conn_acquire(ngx_http_request_t *r,
    ngx_http_chat_ctx_t *ctx, ngx_pool_t *pool,
    ngx_http_chat_conn_t **result);
/* to another pool, which will live for longer; NULL is all right */
/* bytes of the pool that ngx_http_chat_conn_move() takes */
size_t ngx_http_chat_conn_size(ngx_http_chat_conn_t *conn);

ngx_int_t ngx_http_chat_conn_move(ngx_http_chat_conn_t **conn,
    ngx_pool_t *pool);
/*
 * The connection is another user's now, and counted as his: NGX_CHAT_OK, or as
 * above, and nothing has changed.  conn NULL is all right.
 */
ngx_chat_err_e ngx_http_chat_conn_user(ngx_http_chat_conn_t *conn,
    ngx_chat_user_t *user, ngx_log_t *log);
/* idempotent; NULL is all right */
void ngx_http_chat_conn_release(ngx_http_chat_conn_t *conn);

/* chat_limit guest: NGX_CHAT_OK, if he is no new one, too; sets
   ctx->retry_after_ms */
ngx_chat_err_e ngx_http_chat_guest_charge(ngx_http_chat_ctx_t *ctx);


#endif /* _NGX_HTTP_CHAT_LIMIT_H_INCLUDED_ */
