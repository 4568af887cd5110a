
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * chat_conn_limit: how many connections (WebSocket, event stream) there may be
 * of an address, of a user, of any value, over all workers.  limit_conn can't
 * do it: both let go of the request that it counts.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_http_chat_limit.h"
#include "ngx_http_chat_set.h"
#include "ngx_chat_worker.h"


typedef enum {
    NGX_HTTP_CHAT_KEY_IP = 0,
    NGX_HTTP_CHAT_KEY_USER,
    NGX_HTTP_CHAT_KEY_ALL,
    NGX_HTTP_CHAT_KEY_VALUE
} ngx_http_chat_key_e;


typedef struct {
    ngx_uint_t                 max;
    ngx_http_chat_key_e        key;
    ngx_str_t                  name;         /* as it is written */
    ngx_http_complex_value_t  *value;
} ngx_http_chat_conn_limit_t;


/* what one connection is counted as */

struct ngx_http_chat_conn_s {
    ngx_chat_zone_t             *zone;
    ngx_http_chat_conn_limit_t  *user;       /* key=user; NULL: none */
    ngx_uint_t                   user_place; /* of its key, from 1; 0: nobody */
    ngx_uint_t                   n;
    uint64_t                     key[NGX_HTTP_CHAT_CONN_LIMITS];
};


static char *ngx_http_chat_conn_key(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_str_t *arg, ngx_http_chat_conn_limit_t *limit);
static ngx_chat_err_e ngx_http_chat_charge(ngx_http_chat_ctx_t *ctx,
    ngx_chat_rate_what_e what);
static ngx_chat_err_e ngx_http_chat_conn_count(ngx_http_request_t *r,
    ngx_http_chat_ctx_t *ctx, ngx_http_chat_conn_limit_t *limit,
    ngx_http_chat_conn_t *conn);
static ngx_chat_err_e ngx_http_chat_conn_take(ngx_http_chat_conn_t *conn,
    ngx_http_chat_conn_limit_t *limit, uint64_t key, ngx_log_t *log);
static ngx_int_t ngx_http_chat_conn_value(ngx_http_request_t *r,
    ngx_http_chat_ctx_t *ctx, ngx_http_chat_conn_limit_t *limit,
    ngx_str_t *value);
static void ngx_http_chat_conn_cleanup(void *data);


/* chat_conn_limit N [key=ip|user|all|VALUE]; */

char *
ngx_http_chat_set_conn_limit(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_chat_loc_conf_t  *clcf = conf;

    char                        *rv;
    ngx_int_t                    n;
    ngx_str_t                   *arg;
    ngx_uint_t                   i;
    ngx_http_chat_conn_limit_t  *limit, *other;

    if (clcf->conn_limits == NGX_CONF_UNSET_PTR) {
        clcf->conn_limits = ngx_array_create(cf->pool, 1,
                                          sizeof(ngx_http_chat_conn_limit_t));
        if (clcf->conn_limits == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    if (clcf->conn_limits->nelts == NGX_HTTP_CHAT_CONN_LIMITS) {
        return "is there four times already, which is the most: remove one";
    }

    limit = ngx_array_push(clcf->conn_limits);
    if (limit == NULL) {
        return NGX_CONF_ERROR;
    }

    arg = cf->args->elts;
    n = ngx_http_chat_number(&arg[1], 1, 10000000);

    if (n == NGX_ERROR) {
        return ngx_http_chat_bad_param(cf, cmd, &arg[1],
                             "write a number of connections, 1 to 10000000");
    }

    limit->max = (ngx_uint_t) n;
    limit->key = NGX_HTTP_CHAT_KEY_IP;
    ngx_str_set(&limit->name, "ip");

    if (cf->args->nelts > 2) {
        rv = ngx_http_chat_conn_key(cf, cmd, &arg[2], limit);

        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    other = clcf->conn_limits->elts;

    for (i = 0; &other[i] != limit; i++) {
        if (other[i].name.len == limit->name.len
            && ngx_strncmp(other[i].name.data, limit->name.data,
                           limit->name.len) == 0)
        {
            return "has that key already: write one line for a key";
        }
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_chat_conn_key(ngx_conf_t *cf, ngx_command_t *cmd, ngx_str_t *arg,
    ngx_http_chat_conn_limit_t *limit)
{
    ngx_uint_t  i;

    static const char  *words[] = { "ip", "user", "all" };

    if (!ngx_http_chat_param(arg, "key", &limit->name)) {
        return ngx_http_chat_bad_param(cf, cmd, arg, "known is key=");
    }

    for (i = 0; i < NGX_HTTP_CHAT_KEY_VALUE; i++) {
        if (ngx_strcmp(limit->name.data, words[i]) == 0) {
            limit->key = (ngx_http_chat_key_e) i;
            return NGX_CONF_OK;
        }
    }

    if (ngx_http_script_variables_count(&limit->name) == 0) {
        return ngx_http_chat_bad_param(cf, cmd, arg,
                          "write key=ip, key=user, key=all or key=$variable");
    }

    limit->key = NGX_HTTP_CHAT_KEY_VALUE;
    limit->value = ngx_http_chat_complex(cf, &limit->name);

    return (limit->value != NULL) ? NGX_CONF_OK : NGX_CONF_ERROR;
}


ngx_chat_err_e
ngx_http_chat_conn_acquire(ngx_http_request_t *r, ngx_http_chat_ctx_t *ctx,
    ngx_pool_t *pool, ngx_http_chat_conn_t **result)
{
    ngx_uint_t                   i;
    ngx_chat_err_e               code;
    ngx_pool_cleanup_t          *cln;
    ngx_http_chat_conn_t         conn;
    ngx_http_chat_loc_conf_t    *clcf;
    ngx_http_chat_conn_limit_t  *limit;

    *result = NULL;

    clcf = ngx_http_get_module_loc_conf(r, ngx_chat_module);

    code = ngx_http_chat_guest_charge(ctx);

    if (code == NGX_CHAT_OK) {
        code = ngx_http_chat_charge(ctx, NGX_CHAT_RATE_CONNECT);
    }

    if (code != NGX_CHAT_OK || clcf->conn_limits == NULL) {
        return code;
    }

    ngx_memzero(&conn, sizeof(ngx_http_chat_conn_t));
    conn.zone = clcf->chat.zone;

    limit = clcf->conn_limits->elts;

    for (i = 0; i < clcf->conn_limits->nelts; i++) {
        code = ngx_http_chat_conn_count(r, ctx, &limit[i], &conn);

        if (code != NGX_CHAT_OK) {
            ngx_http_chat_conn_release(&conn);
            return code;
        }
    }

    if (conn.n == 0 && conn.user == NULL) {
        return NGX_CHAT_OK;
    }

    cln = ngx_pool_cleanup_add(pool, sizeof(ngx_http_chat_conn_t));

    if (cln == NULL) {
        ngx_http_chat_conn_release(&conn);
        return NGX_CHAT_E_INTERNAL;
    }

    *result = cln->data;
    **result = conn;

    ctx->conn = *result;

    cln->handler = ngx_http_chat_conn_cleanup;

    return NGX_CHAT_OK;
}


/* who comes without a token is told of a guest that he is from now on */

ngx_chat_err_e
ngx_http_chat_guest_charge(ngx_http_chat_ctx_t *ctx)
{
    return ctx->new_guest ? ngx_http_chat_charge(ctx, NGX_CHAT_RATE_GUEST)
                          : NGX_CHAT_OK;
}


static ngx_chat_err_e
ngx_http_chat_charge(ngx_http_chat_ctx_t *ctx, ngx_chat_rate_what_e what)
{
    ngx_chat_err_e     code;
    ngx_chat_caller_t  c;

    ngx_memzero(&c, sizeof(ngx_chat_caller_t));
    c.conf = ctx->conf;
    c.user = &ctx->user;

    code = ngx_chat_dispatch_charge(&c, what, NULL, 1);
    ctx->retry_after_ms = c.retry_after_ms;

    return code;
}


size_t
ngx_http_chat_conn_size(ngx_http_chat_conn_t *conn)
{
    return (conn == NULL) ? 0 : sizeof(ngx_pool_cleanup_t)
                                + sizeof(ngx_http_chat_conn_t);
}


ngx_int_t
ngx_http_chat_conn_move(ngx_http_chat_conn_t **conn, ngx_pool_t *pool)
{
    ngx_pool_cleanup_t    *cln;
    ngx_http_chat_conn_t  *old;

    old = *conn;

    if (old == NULL) {
        return NGX_OK;
    }

    cln = ngx_pool_cleanup_add(pool, sizeof(ngx_http_chat_conn_t));
    if (cln == NULL) {
        return NGX_ERROR;
    }

    *conn = cln->data;
    **conn = *old;
    old->n = 0;

    cln->handler = ngx_http_chat_conn_cleanup;

    return NGX_OK;
}


void
ngx_http_chat_conn_release(ngx_http_chat_conn_t *conn)
{
    ngx_uint_t  seat;

    if (conn == NULL) {
        return;
    }

    seat = ngx_chat_bus_seat();
    conn->user_place = 0;

    while (conn->n > 0) {
        conn->n--;

        /* without a seat the worker exits, and the counts have gone */

        if (seat != NGX_CHAT_NO_SEAT) {
            ngx_chat_limit_release(conn->zone, seat, conn->key[conn->n]);
        }
    }
}


static void
ngx_http_chat_conn_cleanup(void *data)
{
    ngx_http_chat_conn_release(data);
}


static ngx_chat_err_e
ngx_http_chat_conn_count(ngx_http_request_t *r, ngx_http_chat_ctx_t *ctx,
    ngx_http_chat_conn_limit_t *limit, ngx_http_chat_conn_t *conn)
{
    uint64_t        key;
    ngx_int_t       rc;
    ngx_str_t       value;
    ngx_chat_err_e  code;

    if (limit->key == NGX_HTTP_CHAT_KEY_USER) {
        conn->user = limit;
    }

    rc = ngx_http_chat_conn_value(r, ctx, limit, &value);

    if (rc == NGX_ERROR) {
        return NGX_CHAT_E_INTERNAL;
    }

    if (rc == NGX_DECLINED) {
        return NGX_CHAT_OK;
    }

    key = ngx_chat_limit_key(conn->zone, &limit->name, &value);
    code = ngx_http_chat_conn_take(conn, limit, key, r->connection->log);

    if (code == NGX_CHAT_OK) {
        conn->key[conn->n++] = key;

        if (limit->key == NGX_HTTP_CHAT_KEY_USER) {
            conn->user_place = conn->n;
        }
    }

    return code;
}


/* counts it, or says why not */

static ngx_chat_err_e
ngx_http_chat_conn_take(ngx_http_chat_conn_t *conn,
    ngx_http_chat_conn_limit_t *limit, uint64_t key, ngx_log_t *log)
{
    ngx_int_t  rc;

    if (ngx_exiting) {
        /*
         * It is sent away at once, and where it goes only that one counts.
         * What this worker had counted was forgotten when it began to leave.
         */
        return NGX_CHAT_OK;
    }

    rc = ngx_chat_limit_acquire(conn->zone, ngx_chat_bus_seat(), key,
                                limit->max);

    if (rc == NGX_OK) {
        return NGX_CHAT_OK;
    }

    ngx_chat_worker_metric(conn->zone, NGX_CHAT_M_LIMITED, 1);

    if (rc == NGX_BUSY) {
        ngx_log_error(NGX_LOG_ERR, log, 0,
                      "chat connection refused, \"chat_conn_limit %ui "
                      "key=%V\" is reached", limit->max, &limit->name);
        return NGX_CHAT_E_RATE_LIMITED;
    }

    ngx_log_error(NGX_LOG_ERR, log, 0,
                  "chat connection refused, zone \"%V\" has no place left to "
                  "count it for \"chat_conn_limit\": make the zone larger",
                  &conn->zone->name);

    return NGX_CHAT_E_FULL;
}


/* a token has come by a command; the old user's count goes with the new one */

ngx_chat_err_e
ngx_http_chat_conn_user(ngx_http_chat_conn_t *conn, ngx_chat_user_t *user,
    ngx_log_t *log)
{
    uint64_t        key;
    ngx_uint_t      seat;
    ngx_chat_err_e  code;

    seat = ngx_chat_bus_seat();

    if (conn == NULL || conn->user == NULL || seat == NGX_CHAT_NO_SEAT) {
        return NGX_CHAT_OK;
    }

    key = ngx_chat_limit_key(conn->zone, &conn->user->name, &user->id);
    code = ngx_http_chat_conn_take(conn, conn->user, key, log);

    if (code != NGX_CHAT_OK) {
        return code;
    }

    if (conn->user_place == 0) {
        conn->key[conn->n++] = key;
        conn->user_place = conn->n;
        return NGX_CHAT_OK;
    }

    ngx_chat_limit_release(conn->zone, seat, conn->key[conn->user_place - 1]);
    conn->key[conn->user_place - 1] = key;

    return NGX_CHAT_OK;
}


/* NGX_DECLINED: it isn't counted */

static ngx_int_t
ngx_http_chat_conn_value(ngx_http_request_t *r, ngx_http_chat_ctx_t *ctx,
    ngx_http_chat_conn_limit_t *limit, ngx_str_t *value)
{
    switch (limit->key) {

    case NGX_HTTP_CHAT_KEY_IP:
        value->data = ctx->user.addr;
        value->len = ctx->user.addr_len;
        break;

    case NGX_HTTP_CHAT_KEY_USER:
        *value = ctx->user.id;
        break;

    case NGX_HTTP_CHAT_KEY_ALL:
        ngx_str_null(value);
        return NGX_OK;

    default:
        if (ngx_http_complex_value(r, limit->value, value) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return (value->len > 0) ? NGX_OK : NGX_DECLINED;
}


/* of IPv6 the first 64 bits: the rest is the client's to choose */

void
ngx_http_chat_address(ngx_connection_t *c, ngx_chat_user_t *user)
{
    struct sockaddr_in   *sin;
#if (NGX_HAVE_INET6)
    struct sockaddr_in6  *sin6;
#endif

    switch (c->sockaddr->sa_family) {

#if (NGX_HAVE_INET6)

    case AF_INET6:
        sin6 = (struct sockaddr_in6 *) c->sockaddr;

        if (IN6_IS_ADDR_V4MAPPED(&sin6->sin6_addr)) {
            ngx_memcpy(user->addr, &sin6->sin6_addr.s6_addr[12], 4);
            user->addr_len = 4;
            break;
        }

        ngx_memcpy(user->addr, sin6->sin6_addr.s6_addr, 8);
        user->addr_len = 8;
        break;

#endif

    case AF_INET:
        sin = (struct sockaddr_in *) c->sockaddr;
        ngx_memcpy(user->addr, &sin->sin_addr, 4);
        user->addr_len = 4;
        break;

    default:
        /* a UNIX socket: whoever is behind it */
        user->addr_len = 0;
    }
}
