
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Where a worker may send requests to.  Names are not looked up: that would
 * block, and is what a server block of nginx is for.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_fetch.h"


static ngx_int_t ngx_chat_fetch_url_unix(ngx_pool_t *pool, ngx_str_t *rest,
    ngx_chat_fetch_url_t *url, const char **why);
static ngx_int_t ngx_chat_fetch_url_inet(ngx_pool_t *pool, ngx_str_t *rest,
    ngx_chat_fetch_url_t *url, const char **why);


ngx_int_t
ngx_chat_fetch_url(ngx_pool_t *pool, ngx_str_t *text,
    ngx_chat_fetch_url_t *url, const char **why)
{
    size_t      i;
    ngx_int_t   rc;
    ngx_str_t   rest;

    ngx_memzero(url, sizeof(ngx_chat_fetch_url_t));
    url->url = *text;

    *why = "it doesn't begin with \"http://\"";

    if (text->len < 7
        || ngx_strncasecmp(text->data, (u_char *) "http://", 7) != 0)
    {
        return NGX_DECLINED;
    }

    *why = "it has characters that no URL has";

    for (i = 0; i < text->len; i++) {
        if (text->data[i] <= ' ' || text->data[i] >= 0x7f
            || text->data[i] == '#')
        {
            return NGX_DECLINED;
        }
    }

    rest.data = text->data + 7;
    rest.len = text->len - 7;

    rc = (rest.len > 5 && ngx_strncmp(rest.data, "unix:", 5) == 0)
         ? ngx_chat_fetch_url_unix(pool, &rest, url, why)
         : ngx_chat_fetch_url_inet(pool, &rest, url, why);

    if (rc == NGX_OK && url->uri.len == 0) {
        ngx_str_set(&url->uri, "/");
    }

    return rc;
}


/* unix:/path:/uri */

static ngx_int_t
ngx_chat_fetch_url_unix(ngx_pool_t *pool, ngx_str_t *rest,
    ngx_chat_fetch_url_t *url, const char **why)
{
    u_char              *p, *last, *colon;
    size_t               len;
    struct sockaddr_un  *sun;

    *why = "write \"http://unix:/path/of/socket:/uri\"";

    p = rest->data + 5;
    last = rest->data + rest->len;

    colon = ngx_strlchr(p, last, ':');

    len = (size_t) ((colon ? colon : last) - p);

    if (len == 0 || *p != '/' || (colon != NULL && colon + 1 < last
                                  && colon[1] != '/'))
    {
        return NGX_DECLINED;
    }

    if (len >= sizeof(sun->sun_path)) {
        *why = "the path of its socket is too long";
        return NGX_DECLINED;
    }

    sun = ngx_pcalloc(pool, sizeof(struct sockaddr_un));
    if (sun == NULL) {
        return NGX_ERROR;
    }

    sun->sun_family = AF_UNIX;
    ngx_memcpy(sun->sun_path, p, len);

    url->sockaddr = (struct sockaddr *) sun;
    url->socklen = sizeof(struct sockaddr_un);
    url->name.data = rest->data;
    url->name.len = 5 + len;
    ngx_str_set(&url->host, "localhost");

    if (colon != NULL) {
        url->uri.data = colon + 1;
        url->uri.len = (size_t) (last - colon - 1);
    }

    return NGX_OK;
}


/* 127.0.0.1:8080/uri, [::1]:8080/uri */

static ngx_int_t
ngx_chat_fetch_url_inet(ngx_pool_t *pool, ngx_str_t *rest,
    ngx_chat_fetch_url_t *url, const char **why)
{
    u_char      *slash, *last;
    ngx_int_t    rc;
    ngx_str_t    host;
    ngx_addr_t   addr;

    *why = "it names no address: names and TLS are for a server of this "
           "nginx, write \"http://127.0.0.1:PORT/uri\" or "
           "\"http://unix:/path:/uri\"";

    last = rest->data + rest->len;
    slash = ngx_strlchr(rest->data, last, '/');

    if (slash == NULL) {
        slash = ngx_strlchr(rest->data, last, '?');

        if (slash != NULL) {
            return NGX_DECLINED;
        }

        slash = last;
    }

    host.data = rest->data;
    host.len = (size_t) (slash - rest->data);

    if (host.len == 0) {
        return NGX_DECLINED;
    }

    /* nginx takes no address in brackets without a port */

    rc = (host.len > 2 && host.data[0] == '[' && host.data[host.len - 1] == ']')
         ? ngx_parse_addr(pool, &addr, host.data + 1, host.len - 2)
         : ngx_parse_addr_port(pool, &addr, host.data, host.len);

    if (rc != NGX_OK) {
        return rc;
    }

    if (ngx_inet_get_port(addr.sockaddr) == 0) {
        ngx_inet_set_port(addr.sockaddr, 80);
    }

    url->sockaddr = addr.sockaddr;
    url->socklen = addr.socklen;
    url->name = host;
    url->host = host;
    url->uri.data = slash;
    url->uri.len = (size_t) (last - slash);

    return NGX_OK;
}
