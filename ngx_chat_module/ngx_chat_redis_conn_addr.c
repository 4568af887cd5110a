
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Where a connection goes to.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include "ngx_chat_redis_conn.h"
#include "ngx_chat_redis_names.h"


static void ngx_chat_redis_conn_host(ngx_chat_redis_conn_t *rc);


ngx_int_t
ngx_chat_redis_conn_ask(ngx_chat_redis_conn_t *rc)
{
    ngx_chat_redis_names_forget(rc);

    if (!rc->asked && ngx_chat_redis_names_ask(rc->server->names) == NGX_AGAIN)
    {
        rc->asked = 1;
        ngx_chat_redis_names_wait(rc->server->names, rc);
        ngx_add_timer(&rc->timer, rc->server->connect_timeout);
        return NGX_AGAIN;
    }

    rc->asked = 0;

    return NGX_OK;
}


void
ngx_chat_redis_conn_address(ngx_chat_redis_conn_t *rc)
{
    ngx_addr_t  *addr;

    rc->asking = (rc->server->sentinel.len > 0 && !rc->named);

    if (!rc->named) {

        if (rc->server->naddrs == 0) {
            rc->peer.name = &rc->server->url;
            return;
        }

        rc->address %= rc->server->naddrs;
        addr = &rc->server->addrs[rc->address];

        /* a copy: other addresses may come while it is connected */

        rc->target_len = ngx_min(addr->socklen,
                                 (socklen_t) sizeof(ngx_sockaddr_t));
        ngx_memcpy(&rc->target, addr->sockaddr, rc->target_len);

        rc->target_name.len = ngx_min(addr->name.len, NGX_SOCKADDR_STRLEN);
        rc->target_name.data = rc->target_text;
        ngx_memcpy(rc->target_text, addr->name.data, rc->target_name.len);

        ngx_chat_redis_conn_host(rc);
    }

    rc->named = 0;

    rc->peer.sockaddr = &rc->target.sockaddr;
    rc->peer.socklen = rc->target_len;
    rc->peer.name = &rc->target_name;
}


static void
ngx_chat_redis_conn_host(ngx_chat_redis_conn_t *rc)
{
    ngx_str_t  *name;

    rc->target_host.data = rc->target_host_text;
    rc->target_host.len = 0;

    if (rc->server->tls_names == NULL) {
        return;
    }

    name = &rc->server->tls_names[rc->address];

    if (name->len > 0 && name->len <= NGX_CHAT_REDIS_HOST_MAX) {
        (void) ngx_cpystrn(rc->target_host_text, name->data, name->len + 1);
        rc->target_host.len = name->len;
    }
}


void
ngx_chat_redis_conn_moved(ngx_chat_redis_conn_t *rc)
{
    ngx_addr_t  *addr;
    ngx_uint_t   i;

    if (rc->state == NGX_CHAT_REDIS_DOWN
        || (rc->server->sentinel.len > 0 && !rc->asking))
    {
        return;
    }

    for (i = 0; i < rc->server->naddrs; i++) {
        addr = &rc->server->addrs[i];

        if (ngx_cmp_sockaddr(&rc->target.sockaddr, rc->target_len,
                             addr->sockaddr, addr->socklen, 1)
            == NGX_OK)
        {
            return;
        }
    }

    ngx_chat_redis_conn_lose(rc, "its name has another address now");
}
