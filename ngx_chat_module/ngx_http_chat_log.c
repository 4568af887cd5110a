
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * A connection lets go of its request once the header is written.  What the
 * access log will want to know is kept in a compact copy, and at the end a
 * request is made for the log phase alone.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_http_chat.h"


#define NGX_HTTP_CHAT_LOGGED_MAX  512      /* bytes of strings */


typedef enum {
    NGX_HTTP_CHAT_L_REQUEST = 0,           /* the request line */
    NGX_HTTP_CHAT_L_USER,                  /* of Basic authentication */
    NGX_HTTP_CHAT_L_HOST,                  /* headers */
    NGX_HTTP_CHAT_L_AGENT,
    NGX_HTTP_CHAT_L_REFERER,
    NGX_HTTP_CHAT_L_ORIGIN,
    NGX_HTTP_CHAT_L_FORWARDED,
    NGX_HTTP_CHAT_L_LAST
} ngx_http_chat_logged_e;


struct ngx_http_chat_logged_s {
    void                     **srv_conf;
    void                     **loc_conf;
    time_t                     start_sec;
    off_t                      request_length;
    uint32_t                   requests;
    uint32_t                   header_size;
    uint32_t                   method;
    uint16_t                   start_msec;
    uint16_t                   http_version;
    uint16_t                   status;

    /* as realip has set it, behind this, and behind it all the strings; it is
       restored when the request is freed */
    uint8_t                    socklen;
    uint8_t                    addr_len;

    /* inside text[NGX_HTTP_CHAT_L_REQUEST] */
    uint16_t                   uri_start;
    uint16_t                   uri_len;
    uint16_t                   args_len;

    uint16_t                   len[NGX_HTTP_CHAT_L_LAST];
};


static const char  *ngx_http_chat_logged_headers[] = {
    NULL, NULL, "host", "user-agent", "referer", "origin", "x-forwarded-for"
};


static size_t ngx_http_chat_log_strings(ngx_http_request_t *r,
    ngx_str_t *value);
static u_char *ngx_http_chat_log_address(ngx_connection_t *c,
    ngx_http_chat_logged_t *l);
static void ngx_http_chat_log_place(ngx_http_request_t *r,
    ngx_http_chat_logged_t *l);
static void ngx_http_chat_log_line(ngx_http_request_t *r,
    ngx_http_chat_logged_t *l);
static void ngx_http_chat_log_headers(ngx_http_request_t *r,
    ngx_http_chat_logged_t *l);
static void ngx_http_chat_log_header(ngx_http_request_t *r, ngx_uint_t i,
    ngx_table_elt_t *h);
static void ngx_http_chat_log_user(ngx_http_request_t *r, u_char *user,
    size_t len);


size_t
ngx_http_chat_log_size(ngx_http_request_t *r)
{
    ngx_str_t  value[NGX_HTTP_CHAT_L_LAST];

    return ngx_http_chat_log_strings(r, value);
}


/*
 * One piece of exactly its size: in a pool whose block is nearly full it would
 * take another block.
 */

ngx_http_chat_logged_t *
ngx_http_chat_log_save(ngx_http_request_t *r, ngx_pool_t *pool)
{
    u_char                  *p;
    size_t                   size;
    ngx_str_t                value[NGX_HTTP_CHAT_L_LAST];
    ngx_uint_t               i, fits;
    ngx_connection_t        *c;
    ngx_http_chat_logged_t  *l;

    c = r->connection;

    size = ngx_http_chat_log_strings(r, value);

    fits = (size_t) (pool->d.end - pool->d.last) >= size + NGX_ALIGNMENT;

    l = fits ? ngx_palloc(pool, size)
             : ngx_pmemalign(pool, size, NGX_POOL_ALIGNMENT);

    if (l == NULL) {
        return NULL;
    }

    ngx_memzero(l, sizeof(ngx_http_chat_logged_t));

    p = ngx_http_chat_log_address(c, l);

    for (i = 0; i < NGX_HTTP_CHAT_L_LAST; i++) {
        l->len[i] = (uint16_t) value[i].len;
        p = ngx_cpymem(p, value[i].data, value[i].len);
    }

    ngx_http_chat_log_place(r, l);

    l->srv_conf = r->srv_conf;
    l->loc_conf = r->loc_conf;
    l->start_sec = r->start_sec;
    l->start_msec = (uint16_t) r->start_msec;
    l->request_length = r->request_length;
    l->requests = (uint32_t) c->requests;
    l->header_size = (uint32_t) r->header_size;
    l->method = (uint32_t) r->method;
    l->http_version = (uint16_t) r->http_version;
    l->status = (uint16_t) r->headers_out.status;

    return l;
}


/* what is kept, and the size of all */

static size_t
ngx_http_chat_log_strings(ngx_http_request_t *r, ngx_str_t *value)
{
    size_t             size, left;
    ngx_uint_t         i;
    ngx_table_elt_t   *h;
    ngx_connection_t  *c;

    c = r->connection;

    ngx_memzero(value, NGX_HTTP_CHAT_L_LAST * sizeof(ngx_str_t));

    value[NGX_HTTP_CHAT_L_REQUEST] = r->request_line;

    if (ngx_http_auth_basic_user(r) == NGX_OK) {
        value[NGX_HTTP_CHAT_L_USER] = r->headers_in.user;
    }

    for (i = NGX_HTTP_CHAT_L_HOST; i < NGX_HTTP_CHAT_L_LAST; i++) {
        h = ngx_http_chat_header_in(r, ngx_http_chat_logged_headers[i]);

        if (h != NULL) {
            value[i] = h->value;
        }
    }

    left = NGX_HTTP_CHAT_LOGGED_MAX;
    size = sizeof(ngx_http_chat_logged_t) + c->socklen + c->addr_text.len;

    for (i = 0; i < NGX_HTTP_CHAT_L_LAST; i++) {
        value[i].len = ngx_min(value[i].len, left);
        left -= value[i].len;
        size += value[i].len;
    }

    return size;
}


/* where the URI is in the request line */

static void
ngx_http_chat_log_place(ngx_http_request_t *r, ngx_http_chat_logged_t *l)
{
    size_t  start, uri, args;

    if (r->uri_start == NULL || r->uri_start < r->request_line.data) {
        return;
    }

    start = (size_t) (r->uri_start - r->request_line.data);
    uri = r->unparsed_uri.len;
    args = r->args.len;

    if (start + uri > l->len[NGX_HTTP_CHAT_L_REQUEST]) {
        return;
    }

    l->uri_start = (uint16_t) start;
    l->uri_len = (uint16_t) uri;
    l->args_len = (uint16_t) ngx_min(args, uri);
}


/* where the strings begin */

static u_char *
ngx_http_chat_log_address(ngx_connection_t *c, ngx_http_chat_logged_t *l)
{
    u_char  *p;

    l->socklen = (uint8_t) c->socklen;
    l->addr_len = (uint8_t) c->addr_text.len;

    p = ngx_cpymem((u_char *) (l + 1), c->sockaddr, c->socklen);

    return ngx_cpymem(p, c->addr_text.data, c->addr_text.len);
}


void
ngx_http_chat_log_address_restore(ngx_connection_t *c,
    ngx_http_chat_logged_t *l)
{
    c->sockaddr = (struct sockaddr *) (l + 1);
    c->socklen = l->socklen;
    c->addr_text.data = (u_char *) (l + 1) + l->socklen;
    c->addr_text.len = l->addr_len;
}


void
ngx_http_chat_log_write(ngx_connection_t *c, ngx_http_connection_t *hc,
    ngx_http_chat_logged_t *l, ngx_http_chat_ctx_t *ctx, ngx_uint_t complete)
{
    ngx_http_request_t  *r;

    c->data = hc;
    c->requests = l->requests - 1;

    /* what was pipelined behind the handshake was taken long ago */

    hc->busy = NULL;
    hc->nbusy = 0;

    r = ngx_http_create_request(c);
    if (r == NULL) {
        return;
    }

#if (NGX_STAT_STUB)
    /* one request, not two */
    (void) ngx_atomic_fetch_add(ngx_stat_requests, -1);
#endif

    c->data = r;

    r->srv_conf = l->srv_conf;
    r->loc_conf = l->loc_conf;
    r->start_sec = l->start_sec;
    r->start_msec = l->start_msec;
    r->request_length = l->request_length;

    r->http_version = l->http_version;
    r->header_size = l->header_size;
    r->headers_out.status = l->status;
    r->request_complete = complete;

    ngx_http_chat_log_line(r, l);
    ngx_http_chat_log_headers(r, l);

    ngx_http_set_ctx(r, ctx, ngx_chat_module);

    ngx_http_free_request(r, 0);

    c->data = hc;
}


/* the words of the request line that have few values */

static void
ngx_http_chat_log_line(ngx_http_request_t *r, ngx_http_chat_logged_t *l)
{
    r->method = l->method;

    if (l->method == NGX_HTTP_POST) {
        ngx_str_set(&r->method_name, "POST");

    } else {
        ngx_str_set(&r->method_name, "GET");
    }

    if (l->http_version < NGX_HTTP_VERSION_11) {
        ngx_str_set(&r->http_protocol, "HTTP/1.0");

    } else {
        ngx_str_set(&r->http_protocol, "HTTP/1.1");
    }

    if (l->status == NGX_HTTP_OK) {
        ngx_str_set(&r->headers_out.content_type, "text/event-stream");
    }
}


static void
ngx_http_chat_log_headers(ngx_http_request_t *r, ngx_http_chat_logged_t *l)
{
    u_char           *p;
    ngx_uint_t        i;
    ngx_table_elt_t  *h;

    p = (u_char *) (l + 1) + l->socklen + l->addr_len;

    r->request_line.data = p;
    r->request_line.len = l->len[NGX_HTTP_CHAT_L_REQUEST];

    r->unparsed_uri.data = p + l->uri_start;
    r->unparsed_uri.len = l->uri_len;
    r->uri.data = r->unparsed_uri.data;
    r->uri.len = l->uri_len;

    if (l->args_len > 0) {
        r->uri.len -= l->args_len + 1;
        r->args.data = r->uri.data + r->uri.len + 1;
        r->args.len = l->args_len;
    }

    p += l->len[NGX_HTTP_CHAT_L_REQUEST];

    if (l->len[NGX_HTTP_CHAT_L_USER] > 0) {
        ngx_http_chat_log_user(r, p, l->len[NGX_HTTP_CHAT_L_USER]);
        p += l->len[NGX_HTTP_CHAT_L_USER];
    }

    if (ngx_list_init(&r->headers_in.headers, r->pool, NGX_HTTP_CHAT_L_LAST,
                      sizeof(ngx_table_elt_t))
        != NGX_OK)
    {
        return;
    }

    for (i = NGX_HTTP_CHAT_L_HOST; i < NGX_HTTP_CHAT_L_LAST; i++) {

        if (l->len[i] == 0) {
            continue;
        }

        h = ngx_list_push(&r->headers_in.headers);
        if (h == NULL) {
            return;
        }

        ngx_memzero(h, sizeof(ngx_table_elt_t));

        h->hash = 1;
        h->key.data = (u_char *) ngx_http_chat_logged_headers[i];
        h->key.len = ngx_strlen(ngx_http_chat_logged_headers[i]);
        h->lowcase_key = h->key.data;
        h->value.data = p;
        h->value.len = l->len[i];

        p += l->len[i];

        ngx_http_chat_log_header(r, i, h);
    }
}


static void
ngx_http_chat_log_header(ngx_http_request_t *r, ngx_uint_t i,
    ngx_table_elt_t *h)
{
    ngx_uint_t                  hash;
    ngx_http_header_t          *hh;
    ngx_http_core_main_conf_t  *cmcf;

    switch (i) {

    case NGX_HTTP_CHAT_L_HOST:
        r->headers_in.host = h;
        r->headers_in.server = h->value;
        break;

    case NGX_HTTP_CHAT_L_AGENT:
        r->headers_in.user_agent = h;
        break;

    case NGX_HTTP_CHAT_L_REFERER:
        r->headers_in.referer = h;
        break;

    case NGX_HTTP_CHAT_L_FORWARDED:

        /* an array or a list, as the version of nginx has it */

        cmcf = ngx_http_get_module_main_conf(r, ngx_http_core_module);
        hash = ngx_hash_key(h->key.data, h->key.len);
        hh = ngx_hash_find(&cmcf->headers_in_hash, hash, h->key.data,
                           h->key.len);

        if (hh != NULL && hh->handler != NULL) {
            (void) hh->handler(r, h, hh->offset);
        }

        break;
    }
}


/* $remote_user is what nginx reads from a header, whose password isn't kept */

static void
ngx_http_chat_log_user(ngx_http_request_t *r, u_char *user, size_t len)
{
    u_char           *p;
    ngx_str_t         plain, coded;
    ngx_table_elt_t  *h;

    h = ngx_pcalloc(r->pool, sizeof(ngx_table_elt_t));
    if (h == NULL) {
        return;
    }

    plain.len = len + 1;
    plain.data = ngx_pnalloc(r->pool, plain.len);
    if (plain.data == NULL) {
        return;
    }

    p = ngx_pnalloc(r->pool, sizeof("Basic ") - 1
                             + ngx_base64_encoded_length(plain.len));
    if (p == NULL) {
        return;
    }

    *ngx_cpymem(plain.data, user, len) = ':';

    h->value.data = p;

    coded.data = ngx_cpymem(p, "Basic ", sizeof("Basic ") - 1);
    ngx_encode_base64(&coded, &plain);

    h->value.len = (size_t) (coded.data + coded.len - p);

    r->headers_in.authorization = h;
}
