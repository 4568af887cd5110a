
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Where a request may come from, and which pages of other origins may read the
 * answer (CORS): PROTOCOL, sections 6 and 9.  "chat_origin" is the list of
 * both.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_http_chat.h"


#define NGX_HTTP_CHAT_METHODS       "GET, HEAD, POST"

#define NGX_HTTP_CHAT_CORS_HEADERS                                            \
    "Authorization, Content-Type, Idempotency-Key, Chat-Session, "            \
    "Last-Event-ID"

/* seconds; Chromium keeps no answer for longer */
#define NGX_HTTP_CHAT_CORS_MAX_AGE  "7200"


/* by what an origin is allowed; of several the last */

typedef enum {
    NGX_HTTP_CHAT_ORIGIN_NONE = 0,   /* there is none */
    NGX_HTTP_CHAT_ORIGIN_REFUSED,
    NGX_HTTP_CHAT_ORIGIN_SAME,       /* the page is of this host */
    NGX_HTTP_CHAT_ORIGIN_ANY,        /* nobody has named it */
    NGX_HTTP_CHAT_ORIGIN_NAMED
} ngx_http_chat_origin_e;


static ngx_http_chat_origin_e ngx_http_chat_origin(ngx_http_request_t *r,
    ngx_http_chat_loc_conf_t *clcf, ngx_str_t *origin, ngx_str_t *host);
static ngx_http_chat_origin_e ngx_http_chat_origin_match(ngx_str_t *allowed,
    ngx_str_t *origin, ngx_str_t *host);
static ngx_uint_t ngx_http_chat_origin_star(ngx_str_t *allowed, u_char *star,
    ngx_str_t *origin);
static ngx_uint_t ngx_http_chat_origin_same(ngx_str_t *origin,
    ngx_str_t *host);
static void ngx_http_chat_strip_port(ngx_str_t *host, ngx_uint_t tls);
static ngx_int_t ngx_http_chat_preflight(ngx_http_request_t *r,
    ngx_http_chat_loc_conf_t *clcf);
static ngx_int_t ngx_http_chat_cors_set(ngx_http_request_t *r,
    const char *name, const char *value);


ngx_int_t
ngx_http_chat_origin_allowed(ngx_http_request_t *r,
    ngx_http_chat_loc_conf_t *clcf)
{
    ngx_str_t         origin, host;
    ngx_table_elt_t  *h;

    switch (ngx_http_chat_origin(r, clcf, &origin, &host)) {

    case NGX_HTTP_CHAT_ORIGIN_NONE:
        break;

    case NGX_HTTP_CHAT_ORIGIN_REFUSED:
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "chat refused to a page of origin \"%V\" (host "
                      "\"%V\"): if it is yours, write \"chat_origin same "
                      "%V;\", and make proxies in front pass the Host header",
                      &origin, &host, &origin);
        return NGX_DECLINED;

    default:
        return NGX_OK;
    }

    h = ngx_http_chat_header_in(r, "sec-fetch-site");

    if (h == NULL || h->value.len != 10
        || ngx_strncasecmp(h->value.data, (u_char *) "cross-site", 10) != 0)
    {
        return NGX_OK;
    }

    ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                  "chat refused to a page of another site that names no "
                  "origin, write \"chat_origin\" with that site");

    return NGX_DECLINED;
}


static ngx_http_chat_origin_e
ngx_http_chat_origin(ngx_http_request_t *r, ngx_http_chat_loc_conf_t *clcf,
    ngx_str_t *origin, ngx_str_t *host)
{
    ngx_str_t               *allowed;
    ngx_uint_t               i, n;
    ngx_table_elt_t         *h;
    ngx_http_chat_origin_e   by, best;

    static ngx_str_t  same = ngx_string("same");

    h = ngx_http_chat_header_in(r, "origin");

    if (h == NULL) {
        return NGX_HTTP_CHAT_ORIGIN_NONE;
    }

    *origin = h->value;
    ngx_str_null(host);

    if (r->headers_in.host != NULL) {
        *host = r->headers_in.host->value;

    } else if (r->host_start != NULL) {
        /* HTTP/3 has ":authority", and nginx makes no "Host" of it */
        host->data = r->host_start;
        host->len = (size_t) (r->host_end - r->host_start);
    }

    allowed = &same;
    n = 1;

    if (clcf->origins != NULL) {
        allowed = clcf->origins->elts;
        n = clcf->origins->nelts;
    }

    best = NGX_HTTP_CHAT_ORIGIN_REFUSED;

    for (i = 0; i < n; i++) {
        by = ngx_http_chat_origin_match(&allowed[i], origin, host);
        best = ngx_max(best, by);
    }

    return best;
}


static ngx_http_chat_origin_e
ngx_http_chat_origin_match(ngx_str_t *allowed, ngx_str_t *origin,
    ngx_str_t *host)
{
    u_char      *star;
    ngx_uint_t   matched;

    if (allowed->len == 3 && ngx_strncmp(allowed->data, "any", 3) == 0) {
        return NGX_HTTP_CHAT_ORIGIN_ANY;
    }

    if (allowed->len == 4 && ngx_strncmp(allowed->data, "same", 4) == 0) {
        return ngx_http_chat_origin_same(origin, host)
               ? NGX_HTTP_CHAT_ORIGIN_SAME : NGX_HTTP_CHAT_ORIGIN_REFUSED;
    }

    star = ngx_strlchr(allowed->data, allowed->data + allowed->len, '*');

    if (star == NULL) {
        matched = origin->len == allowed->len
                  && ngx_strncasecmp(origin->data, allowed->data, origin->len)
                     == 0;

        return matched ? NGX_HTTP_CHAT_ORIGIN_NAMED
                       : NGX_HTTP_CHAT_ORIGIN_REFUSED;
    }

    if (!ngx_http_chat_origin_star(allowed, star, origin)) {
        return NGX_HTTP_CHAT_ORIGIN_REFUSED;
    }

    /* a star that may be a part of a name, or its end: anybody has one */

    return (allowed->data + allowed->len - star > 1 && star[1] == '.')
           ? NGX_HTTP_CHAT_ORIGIN_NAMED : NGX_HTTP_CHAT_ORIGIN_ANY;
}


/* one star in place of a part of the host */

static ngx_uint_t
ngx_http_chat_origin_star(ngx_str_t *allowed, u_char *star, ngx_str_t *origin)
{
    size_t  prefix, suffix;

    prefix = (size_t) (star - allowed->data);
    suffix = allowed->len - prefix - 1;

    if (origin->len <= prefix + suffix
        || ngx_strncasecmp(origin->data, allowed->data, prefix) != 0
        || ngx_strncasecmp(origin->data + origin->len - suffix, star + 1,
                           suffix)
           != 0)
    {
        return 0;
    }

    return ngx_strlchr(origin->data + prefix,
                       origin->data + origin->len - suffix, '/')
           == NULL;
}


static ngx_uint_t
ngx_http_chat_origin_same(ngx_str_t *origin, ngx_str_t *host)
{
    ngx_str_t   a, b;
    ngx_uint_t  tls;

    a = *origin;
    b = *host;

    if (a.len > 8 && ngx_strncasecmp(a.data, (u_char *) "https://", 8) == 0) {
        tls = 1;
        a.data += 8;
        a.len -= 8;

    } else if (a.len > 7
               && ngx_strncasecmp(a.data, (u_char *) "http://", 7) == 0)
    {
        tls = 0;
        a.data += 7;
        a.len -= 7;

    } else {
        /* "null" and schemes that no page has */
        return 0;
    }

    ngx_http_chat_strip_port(&a, tls);
    ngx_http_chat_strip_port(&b, tls);

    return a.len == b.len && a.len > 0
           && ngx_strncasecmp(a.data, b.data, a.len) == 0;
}


/* the scheme's own port may be written or not */

static void
ngx_http_chat_strip_port(ngx_str_t *host, ngx_uint_t tls)
{
    size_t       len;
    const char  *port;

    port = tls ? ":443" : ":80";
    len = ngx_strlen(port);

    if (host->len > len
        && ngx_strncmp(host->data + host->len - len, port, len) == 0)
    {
        host->len -= len;
    }
}


/* what goes with every answer that a page of another origin may read */

ngx_int_t
ngx_http_chat_cors(ngx_http_request_t *r, ngx_http_chat_loc_conf_t *clcf)
{
    ngx_str_t               origin, host;
    ngx_http_chat_origin_e  by;

    if (clcf->origins == NULL || clcf->chat.zone == NULL
        || clcf->api != NULL)
    {
        return NGX_OK;
    }

    by = ngx_http_chat_origin(r, clcf, &origin, &host);

    /*
     * A page of this host needs none; what "same" takes besides is the host
     * by the other scheme, which anybody on the way can write.
     */

    if (by < NGX_HTTP_CHAT_ORIGIN_ANY) {
        return NGX_OK;
    }

    if (ngx_http_chat_add_header(r, "Access-Control-Allow-Origin", &origin)
        != NGX_OK
        || ngx_http_chat_cors_set(r, "Access-Control-Expose-Headers",
                                  "Retry-After")
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* cookies say who somebody is: not to a page that nobody has named */

    return (by == NGX_HTTP_CHAT_ORIGIN_NAMED)
           ? ngx_http_chat_cors_set(r, "Access-Control-Allow-Credentials",
                                    "true")
           : NGX_OK;
}


/*
 * A browser asks before it sends what a form could not, without cookies and
 * Authorization: so it is answered before anything looks for these.
 */

ngx_int_t
ngx_http_chat_preflight_handler(ngx_http_request_t *r)
{
    ngx_int_t                  rc;
    ngx_http_chat_loc_conf_t  *clcf;

    if (r->method != NGX_HTTP_OPTIONS || r != r->main) {
        return NGX_DECLINED;
    }

    clcf = ngx_http_get_module_loc_conf(r, ngx_chat_module);

    if (clcf->chat.zone == NULL || clcf->api != NULL
        || ngx_http_chat_header_in(r, "origin") == NULL
        || ngx_http_chat_header_in(r, "access-control-request-method") == NULL)
    {
        return NGX_DECLINED;
    }

    if (ngx_http_chat_origin_allowed(r, clcf) != NGX_OK) {
        rc = ngx_http_chat_error(r, NGX_CHAT_E_FORBIDDEN,
                                 "this origin is not allowed, the server's "
                                 "error log names the cure");

    } else {
        rc = ngx_http_chat_preflight(r, clcf);
    }

    ngx_http_finalize_request(r, rc);

    return NGX_DONE;
}


static ngx_int_t
ngx_http_chat_preflight(ngx_http_request_t *r, ngx_http_chat_loc_conf_t *clcf)
{
    ngx_str_t  origin, host, empty;

    if (ngx_http_chat_origin(r, clcf, &origin, &host)
        >= NGX_HTTP_CHAT_ORIGIN_ANY
        && (ngx_http_chat_cors_set(r, "Access-Control-Allow-Methods",
                                   NGX_HTTP_CHAT_METHODS)
            != NGX_OK
            || ngx_http_chat_cors_set(r, "Access-Control-Allow-Headers",
                                      NGX_HTTP_CHAT_CORS_HEADERS)
               != NGX_OK
            || ngx_http_chat_cors_set(r, "Access-Control-Max-Age",
                                      NGX_HTTP_CHAT_CORS_MAX_AGE)
               != NGX_OK))
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ngx_http_chat_cors_set(r, "Allow", NGX_HTTP_CHAT_METHODS) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_str_null(&empty);

    return ngx_http_chat_respond(r, NGX_HTTP_NO_CONTENT, "", &empty);
}


static ngx_int_t
ngx_http_chat_cors_set(ngx_http_request_t *r, const char *name,
    const char *value)
{
    ngx_str_t  text;

    text.data = (u_char *) value;
    text.len = ngx_strlen(value);

    return ngx_http_chat_add_header(r, name, &text);
}
