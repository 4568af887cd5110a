
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * chat_redis ZONE URL [prefix=P] [timeout=T] [connect_timeout=T]
 *                     [read_timeout=T] [ca=FILE] [certificate=FILE key=FILE]
 *                     [name=NAME] [verify=on|off]
 *                     [sentinel=NAME] [sentinel_login=[USER:]PASSWORD]
 *                     [cluster];
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_http_chat_set.h"
#include "ngx_chat_redis.h"
#include "ngx_chat_redis_tls.h"


#define NGX_HTTP_CHAT_REDIS_PREFIX_MAX  64


static char *ngx_http_chat_redis_url(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_str_t *arg, ngx_chat_redis_server_t *srv,
    ngx_chat_redis_tls_conf_t *tls);
static char *ngx_http_chat_redis_unix(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_str_t *arg, ngx_str_t *rest, ngx_chat_redis_server_t *srv);
static char *ngx_http_chat_redis_tcp(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_str_t *rest, ngx_chat_redis_server_t *srv,
    ngx_chat_redis_tls_conf_t *tls);
static ngx_int_t ngx_http_chat_redis_login(ngx_conf_t *cf, ngx_str_t *rest,
    ngx_str_t *user, ngx_str_t *password);
static ngx_int_t ngx_http_chat_redis_unescape(ngx_conf_t *cf, u_char *p,
    u_char *last, ngx_str_t *value);
static ngx_int_t ngx_http_chat_redis_tls_param(ngx_conf_t *cf,
    ngx_command_t *cmd, ngx_str_t *arg, ngx_uint_t secure,
    ngx_chat_redis_tls_conf_t *tls);
static char *ngx_http_chat_redis_tls(ngx_conf_t *cf,
    ngx_chat_redis_server_t *srv, ngx_chat_redis_tls_conf_t *tls);
static char *ngx_http_chat_redis_param(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_str_t *arg, ngx_chat_redis_conf_t *conf);
static char *ngx_http_chat_redis_prefix(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_str_t *arg, ngx_str_t *value, ngx_chat_redis_conf_t *conf);


char *
ngx_http_chat_set_redis(ngx_conf_t *cf, ngx_command_t *cmd, void *dummy)
{
    char                       *rv;
    u_char                     *host;
    ngx_int_t                   rc;
    ngx_str_t                  *arg;
    ngx_uint_t                  i, secure;
    ngx_http_chat_zone_t       *zone;
    ngx_chat_redis_conf_t      *conf;
    ngx_chat_redis_tls_conf_t   tls;

    arg = cf->args->elts;

    zone = ngx_http_chat_get_zone(cf, &arg[1], "chat_redis");
    if (zone == NULL) {
        return NGX_CONF_ERROR;
    }

    if (zone->zone.remote != NULL) {
        return ngx_http_chat_bad_param(cf, cmd, &arg[1],
                                "this zone has a \"chat_redis\", write one");
    }

    conf = ngx_pcalloc(cf->pool, sizeof(ngx_chat_redis_conf_t));
    if (conf == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_str_set(&conf->prefix, "chat:");

    conf->timeout = 5000;
    conf->server.connect_timeout = 1000;
    conf->server.read_timeout = 1000;

    ngx_memzero(&tls, sizeof(ngx_chat_redis_tls_conf_t));
    tls.verify = 1;

    rv = ngx_http_chat_redis_url(cf, cmd, &arg[2], &conf->server, &tls);

    secure = ngx_strncmp(arg[2].data, "rediss:", 7) == 0;
    host = tls.name.data;

    if (rv == NGX_CONF_OK) {
        rv = ngx_http_chat_param_twice(cf, cmd, 3);
    }

    for (i = 3; rv == NGX_CONF_OK && i < cf->args->nelts; i++) {
        rc = ngx_http_chat_redis_tls_param(cf, cmd, &arg[i], secure, &tls);

        if (rc == NGX_DECLINED) {
            rv = ngx_http_chat_redis_param(cf, cmd, &arg[i], conf);

        } else if (rc != NGX_OK) {
            rv = NGX_CONF_ERROR;
        }
    }

    conf->named = (tls.name.data != host);

    if (rv == NGX_CONF_OK && conf->cluster) {
        rv = ngx_http_chat_redis_cluster(cf, cmd, &conf->server);
    }

    if (rv == NGX_CONF_OK && secure) {
        rv = ngx_http_chat_redis_tls(cf, &conf->server, &tls);
    }

    if (rv == NGX_CONF_OK) {
        zone->zone.remote = conf;
    }

    return rv;
}


/* never repeated in a message as it is: it may hold a password */

static char *
ngx_http_chat_redis_url(ngx_conf_t *cf, ngx_command_t *cmd, ngx_str_t *arg,
    ngx_chat_redis_server_t *srv, ngx_chat_redis_tls_conf_t *tls)
{
    ngx_str_t  rest;

    if (arg->len > 8 && ngx_strncmp(arg->data, "redis://", 8) == 0) {
        rest.data = arg->data + 8;
        rest.len = arg->len - 8;

        return ngx_http_chat_redis_tcp(cf, cmd, &rest, srv, NULL);
    }

    if (arg->len > 5 && ngx_strncmp(arg->data, "unix:", 5) == 0) {
        rest.data = arg->data + 5;
        rest.len = arg->len - 5;

        return ngx_http_chat_redis_unix(cf, cmd, arg, &rest, srv);
    }

    if (arg->len > 9 && ngx_strncmp(arg->data, "rediss://", 9) == 0) {
        rest.data = arg->data + 9;
        rest.len = arg->len - 9;

        return ngx_http_chat_redis_tcp(cf, cmd, &rest, srv, tls);
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid URL of \"chat_redis\": write "
                       "\"redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE]\" "
                       "or \"unix:/PATH[?PASSWORD]\"");

    return NGX_CONF_ERROR;
}


/* a path, and behind a "?" [USER:]PASSWORD */

static char *
ngx_http_chat_redis_unix(ngx_conf_t *cf, ngx_command_t *cmd, ngx_str_t *arg,
    ngx_str_t *rest, ngx_chat_redis_server_t *srv)
{
    u_char     *p, *last;
    ngx_str_t   login;
    ngx_url_t   u;

    last = rest->data + rest->len;
    p = ngx_strlchr(rest->data, last, '?');

    if (p != NULL) {
        login.data = p + 1;
        login.len = (size_t) (last - p) - 1;
        last = p;

        if (ngx_http_chat_redis_login(cf, &login, &srv->user, &srv->password)
            != NGX_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    ngx_memzero(&u, sizeof(ngx_url_t));

    u.url.len = (size_t) (last - arg->data);
    u.url.data = ngx_pnalloc(cf->pool, u.url.len + 1);
    if (u.url.data == NULL) {
        return NGX_CONF_ERROR;
    }

    (void) ngx_cpystrn(u.url.data, arg->data, u.url.len + 1);

    srv->url = u.url;

    if (ngx_parse_url(cf->pool, &u) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid path in \"%V\" of \"chat_redis\": write "
                           "\"unix:/PATH\"", &srv->url);
        return NGX_CONF_ERROR;
    }

    srv->addrs = u.addrs;
    srv->naddrs = u.naddrs;

    return NGX_CONF_OK;
}


static char *
ngx_http_chat_redis_tcp(ngx_conf_t *cf, ngx_command_t *cmd, ngx_str_t *rest,
    ngx_chat_redis_server_t *srv, ngx_chat_redis_tls_conf_t *tls)
{
    u_char     *p, *at, *last, *slash;
    size_t      len;
    ngx_str_t   login, host;

    last = rest->data + rest->len;

    /* the last "@": a password may have one */

    for (at = last; at > rest->data && at[-1] != '@'; at--) { /* void */ }

    if (at > rest->data) {
        login.data = rest->data;
        login.len = (size_t) (at - rest->data) - 1;

        if (ngx_http_chat_redis_login(cf, &login, &srv->user, &srv->password)
            != NGX_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    slash = ngx_strlchr(at, last, '/');

    if (slash != NULL) {
        srv->database.data = slash + 1;
        srv->database.len = (size_t) (last - slash) - 1;
        last = slash;

        if (srv->database.len > 0
            && ngx_http_chat_number(&srv->database, 0, 1000000) == NGX_ERROR)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid database of \"chat_redis\": write its "
                               "number, \"redis://HOST/0\"");
            return NGX_CONF_ERROR;
        }
    }

    p = ngx_pnalloc(cf->pool, (size_t) (last - at) + 9);
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    srv->url.data = p;
    p = ngx_sprintf(p, "redis%s://", tls ? "s" : "");
    p = ngx_cpymem(p, at, (size_t) (last - at));
    len = (size_t) (p - srv->url.data);
    srv->url.len = len;

    /* no "@": what is behind a ":" may be a password, if it is no port */

    p = (at == rest->data && at < last && *at != '['
         && ngx_strlchr(at, last, ',') == NULL)
        ? ngx_strlchr(at, last, ':') : NULL;

    if (p != NULL) {
        srv->url.len -= (size_t) (last - p);
    }

    if (ngx_http_chat_redis_hosts(cf, at, last, srv, &host) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    srv->url.len = len;

    if (tls != NULL && tls->name.len == 0) {
        tls->name = host;

        if (host.len > 2 && host.data[0] == '[') {
            /* without the brackets of an address */
            tls->name.data++;
            tls->name.len -= 2;
        }
    }

    return NGX_CONF_OK;
}


/* [USER:]PASSWORD, both with %XX */

static ngx_int_t
ngx_http_chat_redis_login(ngx_conf_t *cf, ngx_str_t *rest, ngx_str_t *user,
    ngx_str_t *password)
{
    u_char  *p, *last;

    last = rest->data + rest->len;
    p = ngx_strlchr(rest->data, last, ':');

    if (p != NULL
        && ngx_http_chat_redis_unescape(cf, rest->data, p, user)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_http_chat_redis_unescape(cf, p ? p + 1 : rest->data, last,
                                     password)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (password->len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"chat_redis\" has a user without a password: "
                           "write \"USER:PASSWORD@\"");
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_chat_redis_unescape(ngx_conf_t *cf, u_char *p, u_char *last,
    ngx_str_t *value)
{
    u_char  *dst;

    dst = ngx_pnalloc(cf->pool, (size_t) (last - p) + 1);
    if (dst == NULL) {
        return NGX_ERROR;
    }

    value->data = dst;

    ngx_unescape_uri(&dst, &p, (size_t) (last - p), 0);

    value->len = (size_t) (dst - value->data);

    return NGX_OK;
}


/* NGX_DECLINED: it isn't about TLS */

static ngx_int_t
ngx_http_chat_redis_tls_param(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_str_t *arg, ngx_uint_t secure, ngx_chat_redis_tls_conf_t *tls)
{
    ngx_str_t   value, *file;

    file = NULL;

    if (ngx_http_chat_param(arg, "ca", &value)) {
        file = &tls->ca;

    } else if (ngx_http_chat_param(arg, "certificate", &value)) {
        file = &tls->certificate;

    } else if (ngx_http_chat_param(arg, "key", &value)) {
        file = &tls->key;

    } else if (!ngx_http_chat_param(arg, "name", &value)
               && !ngx_http_chat_param(arg, "verify", &value))
    {
        return NGX_DECLINED;
    }

    if (!secure) {
        (void) ngx_http_chat_bad_param(cf, cmd, arg,
                                 "it needs TLS, write \"rediss://HOST:PORT\"");
        return NGX_ERROR;
    }

    if (value.len == 0) {
        (void) ngx_http_chat_bad_param(cf, cmd, arg, "write a value");
        return NGX_ERROR;
    }

    if (file != NULL) {
        *file = value;
        return ngx_conf_full_name(cf->cycle, file, 1);
    }

    if (arg->data[0] == 'n') {
        tls->name = value;
        return NGX_OK;
    }

    if (ngx_strcmp(value.data, "on") != 0
        && ngx_strcmp(value.data, "off") != 0)
    {
        (void) ngx_http_chat_bad_param(cf, cmd, arg,
                                  "write \"verify=on\" or \"verify=off\"");
        return NGX_ERROR;
    }

    tls->verify = (value.len == 2);

    return NGX_OK;
}


static char *
ngx_http_chat_redis_tls(ngx_conf_t *cf, ngx_chat_redis_server_t *srv,
    ngx_chat_redis_tls_conf_t *tls)
{
    u_char     *p;
    ngx_int_t   rc;

    if ((tls->certificate.len == 0) != (tls->key.len == 0)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"chat_redis\" needs both or neither: write "
                           "\"certificate=FILE\" and \"key=FILE\"");
        return NGX_CONF_ERROR;
    }

    p = ngx_pnalloc(cf->pool, tls->name.len + 1);
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    (void) ngx_cpystrn(p, tls->name.data, tls->name.len + 1);
    tls->name.data = p;

    rc = ngx_chat_redis_tls_configure(cf, srv, tls);

    if (rc == NGX_DECLINED) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "this nginx has no TLS for \"chat_redis\": write "
                           "\"redis://\", or build nginx with "
                           "--with-http_ssl_module");
    }

    return (rc == NGX_OK) ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static char *
ngx_http_chat_redis_param(ngx_conf_t *cf, ngx_command_t *cmd, ngx_str_t *arg,
    ngx_chat_redis_conf_t *conf)
{
    ngx_int_t    t;
    ngx_str_t    value;
    ngx_msec_t  *msec;

    if (ngx_strcmp(arg->data, "cluster") == 0) {
        conf->cluster = 1;
        return NGX_CONF_OK;
    }

    if (ngx_http_chat_param(arg, "prefix", &value)) {
        return ngx_http_chat_redis_prefix(cf, cmd, arg, &value, conf);
    }

    if (ngx_http_chat_param(arg, "sentinel", &value)) {

        if (value.len == 0
            || (conf->server.naddrs > 0
                && conf->server.addrs[0].sockaddr->sa_family == AF_UNIX))
        {
            return ngx_http_chat_bad_param(cf, cmd, arg,
                            "write the primary's name behind Sentinels, "
                            "\"redis://HOST:26379,HOST:26379 sentinel=NAME\"");
        }

        conf->server.sentinel = value;
        return NGX_CONF_OK;
    }

    if (ngx_http_chat_param(arg, "sentinel_login", &value)) {
        return (ngx_http_chat_redis_login(cf, &value,
                                          &conf->server.sentinel_user,
                                          &conf->server.sentinel_password)
                == NGX_OK) ? NGX_CONF_OK : NGX_CONF_ERROR;
    }

    if (ngx_http_chat_param(arg, "password", &value)
        || ngx_http_chat_param(arg, "user", &value))
    {
        /* not repeated */
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" has the login in its URL: write "
                           "\"redis://USER:PASSWORD@HOST\"", &cmd->name);
        return NGX_CONF_ERROR;
    }

    if (ngx_http_chat_param(arg, "timeout", &value)) {
        msec = &conf->timeout;

    } else if (ngx_http_chat_param(arg, "connect_timeout", &value)) {
        msec = &conf->server.connect_timeout;

    } else if (ngx_http_chat_param(arg, "read_timeout", &value)) {
        msec = &conf->server.read_timeout;

    } else {
        return ngx_http_chat_bad_param(cf, cmd, arg,
                               "known are prefix=, timeout=, "
                               "connect_timeout=, read_timeout=, sentinel=, "
                               "sentinel_login=, cluster, ca=, certificate=, "
                               "key=, name= and verify=");
    }

    t = ngx_parse_time(&value, 0);

    if (t < 100 || t > 60000) {
        return ngx_http_chat_bad_param(cf, cmd, arg,
                             "write a time of 100ms to 60s, \"timeout=5s\"");
    }

    *msec = (ngx_msec_t) t;

    return NGX_CONF_OK;
}


/* the braces of a key are around the room's name */

static char *
ngx_http_chat_redis_prefix(ngx_conf_t *cf, ngx_command_t *cmd, ngx_str_t *arg,
    ngx_str_t *value, ngx_chat_redis_conf_t *conf)
{
    ngx_uint_t  i;

    for (i = 0; i < value->len; i++) {
        if (value->data[i] <= ' ' || value->data[i] >= 0x7f
            || value->data[i] == '{' || value->data[i] == '}')
        {
            break;
        }
    }

    if (i < value->len || value->len > NGX_HTTP_CHAT_REDIS_PREFIX_MAX) {
        return ngx_http_chat_bad_param(cf, cmd, arg,
                            "write at most 64 letters, without braces, "
                            "\"prefix=chat:\"");
    }

    conf->prefix = *value;

    return NGX_CONF_OK;
}
