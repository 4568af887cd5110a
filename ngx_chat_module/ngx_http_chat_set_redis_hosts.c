
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * The hosts of "chat_redis".  What the system knows of their names when the
 * configuration is read is used first; with a "resolver" at the level of http
 * its answers take over.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_http_chat_set.h"
#include "ngx_chat_redis.h"
#include "ngx_chat_redis_names.h"


static ngx_int_t ngx_http_chat_redis_host(ngx_conf_t *cf, ngx_str_t *url,
    ngx_chat_redis_host_t *host, ngx_chat_redis_server_t *srv);
static ngx_int_t ngx_http_chat_redis_addrs(ngx_conf_t *cf,
    ngx_chat_redis_names_t *names);


ngx_int_t
ngx_http_chat_redis_hosts(ngx_conf_t *cf, u_char *p, u_char *last,
    ngx_chat_redis_server_t *srv, ngx_str_t *host)
{
    u_char                  *end;
    ngx_str_t                url;
    ngx_array_t              hosts;
    ngx_chat_redis_host_t   *h;
    ngx_chat_redis_names_t  *names;

    names = ngx_pcalloc(cf->pool, sizeof(ngx_chat_redis_names_t));

    if (names == NULL
        || ngx_array_init(&hosts, cf->pool, 4, sizeof(ngx_chat_redis_host_t))
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    do {
        end = ngx_strlchr(p, last, ',');

        if (end == NULL) {
            end = last;
        }

        h = ngx_array_push(&hosts);
        if (h == NULL) {
            return NGX_ERROR;
        }

        ngx_memzero(h, sizeof(ngx_chat_redis_host_t));

        url.len = (size_t) (end - p);
        url.data = p;

        if (ngx_http_chat_redis_host(cf, &url, h, srv) != NGX_OK) {
            return NGX_ERROR;
        }

        if (hosts.nelts == 1) {
            *host = h->name;
        }

        if (h->naddrs > 0 && h->port == 0) {
            ngx_str_null(&h->name);
        }

        p = end + 1;

    } while (end < last);

    names->server = srv;
    names->hosts = hosts.elts;
    names->nhosts = hosts.nelts;

    srv->names = names;

    return ngx_http_chat_redis_addrs(cf, names);
}


/* port 0: it is an address.  A name that the system doesn't know has none
   yet. */

static ngx_int_t
ngx_http_chat_redis_host(ngx_conf_t *cf, ngx_str_t *url,
    ngx_chat_redis_host_t *host, ngx_chat_redis_server_t *srv)
{
    ngx_url_t  u;

    ngx_memzero(&u, sizeof(ngx_url_t));

    u.url = *url;
    u.default_port = 6379;
    u.err = "no host";
    u.no_resolve = 1;

    if (u.url.len == 0 || ngx_parse_url(cf->pool, &u) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "%s in \"%V\" of \"chat_redis\": write "
                           "\"redis://HOST:PORT\"", u.err, &srv->url);
        return NGX_ERROR;
    }

    host->name = u.host;

    if (u.naddrs == 0) {
        host->port = u.port;

        ngx_memzero(&u, sizeof(ngx_url_t));

        u.url = *url;
        u.default_port = 6379;

        if (ngx_parse_url(cf->pool, &u) != NGX_OK) {
            return NGX_OK;
        }
    }

    host->addrs = u.addrs;
    host->naddrs = u.naddrs;

    return NGX_OK;
}


static ngx_int_t
ngx_http_chat_redis_addrs(ngx_conf_t *cf, ngx_chat_redis_names_t *names)
{
    ngx_addr_t   *addr;
    ngx_uint_t    i, k;
    ngx_array_t   addrs;

    if (ngx_array_init(&addrs, cf->pool, 4, sizeof(ngx_addr_t)) != NGX_OK) {
        return NGX_ERROR;
    }

    for (i = 0; i < names->nhosts; i++) {

        for (k = 0; k < names->hosts[i].naddrs; k++) {
            addr = ngx_array_push(&addrs);
            if (addr == NULL) {
                return NGX_ERROR;
            }

            *addr = names->hosts[i].addrs[k];
        }
    }

    names->server->addrs = addrs.elts;
    names->server->naddrs = addrs.nelts;

    return NGX_OK;
}


ngx_int_t
ngx_http_chat_redis_resolver(ngx_conf_t *cf, ngx_chat_zone_t *z)
{
    ngx_uint_t                 i, n;
    ngx_chat_redis_conf_t     *conf;
    ngx_chat_redis_names_t    *names;
    ngx_http_core_loc_conf_t  *clcf;

    conf = z->remote;

    if (conf == NULL || conf->server.names == NULL) {
        return NGX_OK;
    }

    names = conf->server.names;
    n = 0;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->resolver != NULL && clcf->resolver->connections.nelts > 0) {
        names->resolver = clcf->resolver;
        names->timeout = (clcf->resolver_timeout == NGX_CONF_UNSET_MSEC)
                         ? 30000 : clcf->resolver_timeout;
    }

    for (i = 0; i < names->nhosts; i++) {

        if (names->hosts[i].naddrs == 0 && names->resolver == NULL) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "host not found in \"%V\" of \"chat_redis\": "
                               "write another, or a \"resolver\" that knows "
                               "it", &conf->server.url);
            return NGX_ERROR;
        }

        n += (names->hosts[i].name.len > 0);
    }

    if (n == 0 || names->resolver == NULL) {
        conf->server.names = NULL;
    }

    return NGX_OK;
}
