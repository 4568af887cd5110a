
/*
 * Copyright (C) the ngx_chat_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <hiredis/hiredis.h>
#include "ngx_chat_redis_slots.h"


static uint16_t ngx_chat_redis_crc16(const u_char *p, size_t len);
static ngx_int_t ngx_chat_redis_slots_bounds(ngx_chat_redis_reply_t *range,
    ngx_uint_t *first, ngx_uint_t *last);
static ngx_int_t ngx_chat_redis_slots_server(ngx_chat_redis_reply_t *range);
static void ngx_chat_redis_slots_meta(ngx_chat_redis_reply_t *server,
    const char *name, ngx_str_t *value);
static ngx_int_t ngx_chat_redis_address(ngx_chat_redis_address_t *addr,
    ngx_str_t *host, ngx_uint_t port, struct sockaddr *from);
static ngx_int_t ngx_chat_redis_address_from(ngx_chat_redis_address_t *addr,
    ngx_uint_t port, struct sockaddr *from);
static void ngx_chat_redis_address_host(ngx_chat_redis_address_t *addr,
    ngx_str_t *host);


/* CRC16-CCITT (XMODEM): a publish makes one, of some 30 bytes */

static uint16_t
ngx_chat_redis_crc16(const u_char *p, size_t len)
{
    uint16_t    crc;
    ngx_uint_t  bit;

    crc = 0;

    while (len--) {
        crc ^= (uint16_t) (*p++ << 8);

        for (bit = 0; bit < 8; bit++) {
            crc = (uint16_t) ((crc & 0x8000) ? (crc << 1) ^ 0x1021
                                             : (crc << 1));
        }
    }

    return crc;
}


ngx_uint_t
ngx_chat_redis_slot(const u_char *p, size_t len)
{
    u_char  *open, *close, *last;

    last = (u_char *) p + len;
    open = ngx_strlchr((u_char *) p, last, '{');

    if (open != NULL) {
        close = ngx_strlchr(open, last, '}');

        if (close != NULL && close > open + 1) {
            p = open + 1;
            len = (size_t) (close - p);
        }
    }

    return ngx_chat_redis_crc16(p, len) & (NGX_CHAT_REDIS_SLOTS - 1);
}


ngx_int_t
ngx_chat_redis_slots_check(ngx_chat_redis_reply_t *reply)
{
    size_t      i;
    ngx_uint_t  first, last;

    if (reply->type != REDIS_REPLY_ARRAY) {
        return NGX_ERROR;
    }

    for (i = 0; i < reply->elements; i++) {
        if (ngx_chat_redis_slots_bounds(reply->element[i], &first, &last)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* [ first, last, [ host, port, id, [ name, value, ... ] ], replicas ... ] */

static ngx_int_t
ngx_chat_redis_slots_bounds(ngx_chat_redis_reply_t *range, ngx_uint_t *first,
    ngx_uint_t *last)
{
    ngx_chat_redis_reply_t  **e;

    if (range->type != REDIS_REPLY_ARRAY || range->elements < 3) {
        return NGX_ERROR;
    }

    e = range->element;

    if (e[0]->type != REDIS_REPLY_INTEGER || e[1]->type != REDIS_REPLY_INTEGER
        || e[0]->integer < 0 || e[0]->integer > e[1]->integer
        || e[1]->integer >= NGX_CHAT_REDIS_SLOTS)
    {
        return NGX_ERROR;
    }

    *first = (ngx_uint_t) e[0]->integer;
    *last = (ngx_uint_t) e[1]->integer;

    return ngx_chat_redis_slots_server(range);
}


static ngx_int_t
ngx_chat_redis_slots_server(ngx_chat_redis_reply_t *range)
{
    ngx_chat_redis_reply_t   *server;
    ngx_chat_redis_reply_t  **e;

    server = range->element[2];

    if (server->type != REDIS_REPLY_ARRAY || server->elements < 2) {
        return NGX_ERROR;
    }

    e = server->element;

    if ((e[0]->type != REDIS_REPLY_STRING && e[0]->type != REDIS_REPLY_NIL)
        || (e[0]->type == REDIS_REPLY_STRING
            && e[0]->len > NGX_CHAT_REDIS_HOST_MAX)
        || e[1]->type != REDIS_REPLY_INTEGER
        || e[1]->integer < 1 || e[1]->integer > 65535)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


ngx_int_t
ngx_chat_redis_slots_range(ngx_chat_redis_reply_t *range,
    struct sockaddr *from, ngx_uint_t *first, ngx_uint_t *last,
    ngx_chat_redis_address_t *addr)
{
    ngx_int_t                 rc;
    ngx_str_t                 host, ip, name;
    ngx_uint_t                port;
    ngx_chat_redis_reply_t   *server;
    ngx_chat_redis_reply_t  **e;

    if (ngx_chat_redis_slots_bounds(range, first, last) != NGX_OK) {
        return NGX_ERROR;
    }

    server = range->element[2];
    e = server->element;

    ngx_str_null(&host);

    if (e[0]->type == REDIS_REPLY_STRING) {
        host.data = (u_char *) e[0]->str;
        host.len = e[0]->len;
    }

    port = (ngx_uint_t) e[1]->integer;

    ngx_chat_redis_slots_meta(server, "ip", &ip);
    ngx_chat_redis_slots_meta(server, "hostname", &name);

    rc = ngx_chat_redis_address(addr, &host, port, from);

    if (rc == NGX_DECLINED && ip.len > 0) {
        /* it goes by a name, and says its address, too */

        if (host.len > 0 && host.data[0] != '?') {
            name = host;
        }

        rc = ngx_chat_redis_address(addr, &ip, port, from);
    }

    if (rc == NGX_OK && name.len > 0) {
        ngx_chat_redis_address_host(addr, &name);
    }

    return rc;
}


/* since 7.0; older ones have none */

static void
ngx_chat_redis_slots_meta(ngx_chat_redis_reply_t *server, const char *name,
    ngx_str_t *value)
{
    size_t                    i;
    ngx_chat_redis_reply_t   *meta;
    ngx_chat_redis_reply_t  **e;

    ngx_str_null(value);

    if (server->elements < 4
        || server->element[3]->type != REDIS_REPLY_ARRAY)
    {
        return;
    }

    meta = server->element[3];
    e = meta->element;

    for (i = 0; i + 1 < meta->elements; i += 2) {
        if (e[i]->type == REDIS_REPLY_STRING
            && e[i + 1]->type == REDIS_REPLY_STRING
            && e[i + 1]->len <= NGX_CHAT_REDIS_HOST_MAX
            && ngx_strcmp(e[i]->str, name) == 0)
        {
            value->data = (u_char *) e[i + 1]->str;
            value->len = e[i + 1]->len;
        }
    }
}


ngx_int_t
ngx_chat_redis_slots_redirect(ngx_str_t *text, struct sockaddr *from,
    ngx_uint_t *slot, ngx_chat_redis_address_t *addr)
{
    u_char     *p, *last, *space, *colon;
    ngx_int_t   n, port;
    ngx_str_t   host;

    last = text->data + text->len;
    p = ngx_strlchr(text->data, last, ' ');
    space = (p != NULL) ? ngx_strlchr(p + 1, last, ' ') : NULL;

    if (space == NULL) {
        return NGX_ERROR;
    }

    n = ngx_atoi(p + 1, (size_t) (space - p) - 1);

    /* the last one: an address of IPv6 has more */

    for (colon = last; colon > space && *colon != ':'; colon--) {
        if (colon == space + 1) {
            return NGX_ERROR;
        }
    }

    port = ngx_atoi(colon + 1, (size_t) (last - colon) - 1);

    if (n < 0 || n >= NGX_CHAT_REDIS_SLOTS || port < 1 || port > 65535) {
        return NGX_ERROR;
    }

    *slot = (ngx_uint_t) n;

    host.data = space + 1;
    host.len = (size_t) (colon - space) - 1;

    if (host.len > NGX_CHAT_REDIS_HOST_MAX) {
        return NGX_ERROR;
    }

    return ngx_chat_redis_address(addr, &host, (ngx_uint_t) port, from);
}


static ngx_int_t
ngx_chat_redis_address(ngx_chat_redis_address_t *addr, ngx_str_t *host,
    ngx_uint_t port, struct sockaddr *from)
{
    in_addr_t  in;

    ngx_memzero(addr, sizeof(ngx_chat_redis_address_t));

    addr->port = (in_port_t) port;

    if (host->len == 0) {
        return ngx_chat_redis_address_from(addr, port, from);
    }

    ngx_chat_redis_address_host(addr, host);

    if (host->len > sizeof(addr->text) - sizeof(":65535")) {
        return NGX_DECLINED;
    }

    in = ngx_inet_addr(host->data, host->len);

    if (in != INADDR_NONE) {
        addr->sockaddr.sockaddr_in.sin_family = AF_INET;
        addr->sockaddr.sockaddr_in.sin_addr.s_addr = in;
        addr->socklen = sizeof(struct sockaddr_in);

#if (NGX_HAVE_INET6)

    } else if (ngx_inet6_addr(host->data, host->len,
                              addr->sockaddr.sockaddr_in6.sin6_addr.s6_addr)
               == NGX_OK)
    {
        addr->sockaddr.sockaddr_in6.sin6_family = AF_INET6;
        addr->socklen = sizeof(struct sockaddr_in6);

#endif

    } else {
        return NGX_DECLINED;
    }

    ngx_inet_set_port(&addr->sockaddr.sockaddr, (in_port_t) port);

    addr->len = (size_t) (ngx_sprintf(addr->text, "%V:%ui", host, port)
                          - addr->text);

    return NGX_OK;
}


/* the one who says so, at that port */

static ngx_int_t
ngx_chat_redis_address_from(ngx_chat_redis_address_t *addr, ngx_uint_t port,
    struct sockaddr *from)
{
    size_t     len;
    ngx_str_t  host;
    u_char     text[NGX_SOCKADDR_STRLEN];

    if (from == NULL) {
        return NGX_DECLINED;
    }

    switch (from->sa_family) {

    case AF_INET:
        addr->socklen = sizeof(struct sockaddr_in);
        break;

#if (NGX_HAVE_INET6)

    case AF_INET6:
        addr->socklen = sizeof(struct sockaddr_in6);
        break;

#endif

    default:
        return NGX_DECLINED;
    }

    ngx_memcpy(&addr->sockaddr, from, addr->socklen);

    len = ngx_sock_ntop(&addr->sockaddr.sockaddr, addr->socklen, text,
                        sizeof(text), 0);

    host.data = text;
    host.len = len;

    return ngx_chat_redis_address(addr, &host, port, NULL);
}


static void
ngx_chat_redis_address_host(ngx_chat_redis_address_t *addr, ngx_str_t *host)
{
    (void) ngx_cpystrn(addr->host, host->data,
                       ngx_min(host->len, NGX_CHAT_REDIS_HOST_MAX) + 1);
    addr->host_len = ngx_strlen(addr->host);
}
