
/*
 * Copyright (C) the ngx_chat_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <hiredis/hiredis.h>
#include "ngx_chat_redis_io.h"
#include "ngx_chat_redis_sentinel.h"


static void ngx_chat_redis_sentinel_answer(void *data,
    ngx_chat_redis_reply_t *reply);
static ngx_int_t ngx_chat_redis_sentinel_address(ngx_chat_redis_conn_t *rc,
    ngx_chat_redis_reply_t *host, ngx_chat_redis_reply_t *port);
static void ngx_chat_redis_sentinel_primary(void *data,
    ngx_chat_redis_reply_t *reply);


ngx_int_t
ngx_chat_redis_sentinel_ask(ngx_chat_redis_conn_t *rc,
    void (*found)(ngx_chat_redis_conn_t *rc))
{
    size_t       lens[3];
    const char  *argv[3];

    rc->found = found;

    argv[0] = "SENTINEL";
    lens[0] = 8;
    argv[1] = "get-master-addr-by-name";
    lens[1] = 23;
    argv[2] = (char *) rc->server->sentinel.data;
    lens[2] = rc->server->sentinel.len;

    return ngx_chat_redis_io_put(rc, 3, argv, lens,
                                 ngx_chat_redis_sentinel_answer, rc);
}


/* [ address, port ]; a null: it knows no server of that name */

static void
ngx_chat_redis_sentinel_answer(void *data, ngx_chat_redis_reply_t *reply)
{
    ngx_chat_redis_conn_t *rc = data;

    if (reply == NULL) {
        return;
    }

    if (reply->type == REDIS_REPLY_ARRAY && reply->elements == 2
        && ngx_chat_redis_sentinel_address(rc, reply->element[0],
                                           reply->element[1])
           == NGX_OK)
    {
        rc->found(rc);
        return;
    }

    ngx_chat_redis_conn_lose(rc, (reply->type == REDIS_REPLY_NIL)
                                 ? "this Sentinel knows no such name"
                                 : "this Sentinel names no address");
}


static ngx_int_t
ngx_chat_redis_sentinel_address(ngx_chat_redis_conn_t *rc,
    ngx_chat_redis_reply_t *host, ngx_chat_redis_reply_t *port)
{
    in_addr_t   addr;
    ngx_int_t   n;

    if (host->type != REDIS_REPLY_STRING || port->type != REDIS_REPLY_STRING
        || host->len > sizeof(rc->target_text) - 8)
    {
        return NGX_ERROR;
    }

    n = ngx_atoi((u_char *) port->str, port->len);

    if (n < 1 || n > 65535) {
        return NGX_ERROR;
    }

    ngx_memzero(&rc->target, sizeof(ngx_sockaddr_t));

    addr = ngx_inet_addr((u_char *) host->str, host->len);

    if (addr != INADDR_NONE) {
        rc->target.sockaddr_in.sin_family = AF_INET;
        rc->target.sockaddr_in.sin_addr.s_addr = addr;
        rc->target.sockaddr_in.sin_port = htons((in_port_t) n);
        rc->target_len = sizeof(struct sockaddr_in);

#if (NGX_HAVE_INET6)

    } else if (ngx_inet6_addr((u_char *) host->str, host->len,
                         rc->target.sockaddr_in6.sin6_addr.s6_addr)
               == NGX_OK)
    {
        rc->target.sockaddr_in6.sin6_family = AF_INET6;
        rc->target.sockaddr_in6.sin6_port = htons((in_port_t) n);
        rc->target_len = sizeof(struct sockaddr_in6);

#endif

    } else {
        return NGX_ERROR;
    }

    rc->target_name.data = rc->target_text;
    rc->target_name.len = ngx_sprintf(rc->target_text, "%*s:%i", host->len,
                                      host->str, n)
                          - rc->target_text;

    return NGX_OK;
}


ngx_int_t
ngx_chat_redis_sentinel_role(ngx_chat_redis_conn_t *rc)
{
    size_t       len;
    const char  *role;

    role = "ROLE";
    len = 4;

    return ngx_chat_redis_io_put(rc, 1, &role, &len,
                                 ngx_chat_redis_sentinel_primary, rc);
}


static void
ngx_chat_redis_sentinel_primary(void *data, ngx_chat_redis_reply_t *reply)
{
    ngx_chat_redis_conn_t *rc = data;

    if (reply == NULL) {
        return;
    }

    if (reply->type == REDIS_REPLY_ARRAY && reply->elements > 0
        && reply->element[0]->type == REDIS_REPLY_STRING
        && reply->element[0]->len == 6
        && ngx_strncmp(reply->element[0]->str, "master", 6) == 0)
    {
        return;
    }

    ngx_chat_redis_conn_lose(rc, (reply->type == REDIS_REPLY_ERROR)
                                 ? "it doesn't say whether it is the primary"
                                 : "it isn't the primary");
}
