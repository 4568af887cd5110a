
/*
 * Copyright (C) the ngx_chat_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <zlib.h>
#include "ngx_chat_deflate.h"


#define NGX_CHAT_DEFLATE_WINDOW  15
#define NGX_CHAT_DEFLATE_MEMORY  8


/* what an offer has said so far */

typedef struct {
    unsigned    server_takeover:1;
    unsigned    client_takeover:1;
    unsigned    server_window:1;
    unsigned    client_window:1;
} ngx_chat_deflate_offer_t;


typedef struct {
    z_stream    deflate;
    z_stream    inflate;
    u_char     *buf;              /* of inflate */
    size_t      size;
    ngx_uint_t  level;
    size_t      min;
    unsigned    has_deflate:1;
    unsigned    has_inflate:1;
} ngx_chat_deflate_state_t;


static ngx_int_t ngx_chat_deflate_offer(u_char *p, u_char *last,
    ngx_chat_deflate_offer_t *o);
static ngx_int_t ngx_chat_deflate_param(ngx_str_t *name, ngx_str_t *value,
    ngx_chat_deflate_offer_t *o);
static void ngx_chat_deflate_trim(ngx_str_t *s);
static ngx_uint_t ngx_chat_deflate_is(ngx_str_t *s, const char *name);
static ngx_int_t ngx_chat_inflate_run(z_stream *z, u_char *src, size_t len);
static ngx_int_t ngx_chat_inflate_prepare(size_t max, ngx_log_t *log);


static ngx_chat_deflate_state_t  ngx_chat_deflate_state = {
    .level = 1
};


/* the end of a message, which isn't sent (section 7.2.1) */
static u_char  ngx_chat_deflate_tail[] = { 0x00, 0x00, 0xff, 0xff };


u_char *
ngx_chat_deflate_negotiate(ngx_str_t *offers, u_char *dst)
{
    u_char                    *p, *end, *last;
    ngx_chat_deflate_offer_t   o;

    last = offers->data + offers->len;

    for (p = offers->data; p < last; p = end + 1) {
        end = ngx_strlchr(p, last, ',');

        if (end == NULL) {
            end = last;
        }

        ngx_memzero(&o, sizeof(ngx_chat_deflate_offer_t));

        if (ngx_chat_deflate_offer(p, end, &o) != NGX_OK) {
            continue;
        }

        dst = ngx_cpymem(dst, "permessage-deflate; "
                              "server_no_context_takeover; "
                              "client_no_context_takeover",
                         sizeof("permessage-deflate; "
                                "server_no_context_takeover; "
                                "client_no_context_takeover") - 1);

        if (o.server_window) {
            dst = ngx_cpymem(dst, "; server_max_window_bits=15",
                             sizeof("; server_max_window_bits=15") - 1);
        }

        return dst;
    }

    return NULL;
}


/* name *( ";" parameter [ "=" value ] ) */

static ngx_int_t
ngx_chat_deflate_offer(u_char *p, u_char *last, ngx_chat_deflate_offer_t *o)
{
    u_char     *end, *eq;
    ngx_str_t   name, value;
    ngx_uint_t  first;

    for (first = 1; p <= last; p = end + 1, first = 0) {
        end = (p < last) ? ngx_strlchr(p, last, ';') : NULL;

        if (end == NULL) {
            end = last;
        }

        eq = (p < end) ? ngx_strlchr(p, end, '=') : NULL;

        name.data = p;
        name.len = (size_t) ((eq != NULL ? eq : end) - p);
        ngx_chat_deflate_trim(&name);

        ngx_str_null(&value);

        if (eq != NULL) {
            value.data = eq + 1;
            value.len = (size_t) (end - value.data);
            ngx_chat_deflate_trim(&value);
        }

        if (first) {

            if (eq != NULL
                || !ngx_chat_deflate_is(&name, "permessage-deflate"))
            {
                return NGX_DECLINED;
            }

            continue;
        }

        if (ngx_chat_deflate_param(&name, &value, o) != NGX_OK) {
            return NGX_DECLINED;
        }
    }

    return NGX_OK;
}


/* an unknown parameter, a wrong value or a second one spoil the offer (7.1) */

static ngx_int_t
ngx_chat_deflate_param(ngx_str_t *name, ngx_str_t *value,
    ngx_chat_deflate_offer_t *o)
{
    ngx_int_t  bits;

    if (ngx_chat_deflate_is(name, "server_no_context_takeover")) {

        if (o->server_takeover || value->data != NULL) {
            return NGX_DECLINED;
        }

        o->server_takeover = 1;
        return NGX_OK;
    }

    if (ngx_chat_deflate_is(name, "client_no_context_takeover")) {

        if (o->client_takeover || value->data != NULL) {
            return NGX_DECLINED;
        }

        o->client_takeover = 1;
        return NGX_OK;
    }

    bits = ngx_atoi(value->data, value->len);

    if (ngx_chat_deflate_is(name, "server_max_window_bits")) {

        /* an event is compressed once, with one window, for everybody */

        if (o->server_window || bits != NGX_CHAT_DEFLATE_WINDOW) {
            return NGX_DECLINED;
        }

        o->server_window = 1;
        return NGX_OK;
    }

    if (ngx_chat_deflate_is(name, "client_max_window_bits")) {

        if (o->client_window
            || (value->data != NULL && (bits < 8 || bits > 15)))
        {
            return NGX_DECLINED;
        }

        o->client_window = 1;
        return NGX_OK;
    }

    return NGX_DECLINED;
}


/* white space, and the quotes that a value may have */

static void
ngx_chat_deflate_trim(ngx_str_t *s)
{
    while (s->len > 0 && (s->data[0] == ' ' || s->data[0] == '\t')) {
        s->data++;
        s->len--;
    }

    while (s->len > 0
           && (s->data[s->len - 1] == ' ' || s->data[s->len - 1] == '\t'))
    {
        s->len--;
    }

    if (s->len >= 2 && s->data[0] == '"' && s->data[s->len - 1] == '"') {
        s->data++;
        s->len -= 2;
    }
}


static ngx_uint_t
ngx_chat_deflate_is(ngx_str_t *s, const char *name)
{
    return s->len == ngx_strlen(name)
           && ngx_strncasecmp(s->data, (u_char *) name, s->len) == 0;
}


void
ngx_chat_deflate_configure(ngx_uint_t level, size_t min)
{
    ngx_chat_deflate_state.level = level;
    ngx_chat_deflate_state.min = min;
}


void
ngx_chat_deflate_exit(void)
{
    ngx_chat_deflate_state_t  *d;

    d = &ngx_chat_deflate_state;

    if (d->has_deflate) {
        (void) deflateEnd(&d->deflate);
        d->has_deflate = 0;
    }

    if (d->has_inflate) {
        (void) inflateEnd(&d->inflate);
        d->has_inflate = 0;
    }

    if (d->buf != NULL) {
        ngx_free(d->buf);
        d->buf = NULL;
        d->size = 0;
    }
}


size_t
ngx_chat_deflate(u_char *dst, u_char *src, size_t len)
{
    z_stream                  *z;
    ngx_chat_deflate_state_t  *d;

    d = &ngx_chat_deflate_state;
    z = &d->deflate;

    if (len < d->min || len < sizeof(ngx_chat_deflate_tail) + 2) {
        return 0;
    }

    if (!d->has_deflate) {

        if (deflateInit2(z, (int) d->level, Z_DEFLATED,
                         -NGX_CHAT_DEFLATE_WINDOW, NGX_CHAT_DEFLATE_MEMORY,
                         Z_DEFAULT_STRATEGY)
            != Z_OK)
        {
            return 0;
        }

        d->has_deflate = 1;

    } else if (deflateReset(z) != Z_OK) {
        return 0;
    }

    z->next_in = src;
    z->avail_in = (uInt) len;
    z->next_out = dst;
    z->avail_out = (uInt) len;

    /* with no room left the flush may be incomplete, and nothing was won */

    if (deflate(z, Z_SYNC_FLUSH) != Z_OK || z->avail_in != 0
        || z->avail_out == 0)
    {
        return 0;
    }

    return len - z->avail_out - sizeof(ngx_chat_deflate_tail);
}


ngx_int_t
ngx_chat_inflate(u_char *src, size_t len, size_t max, ngx_str_t *out,
    ngx_log_t *log)
{
    ngx_int_t                  rc;
    z_stream                  *z;
    ngx_chat_deflate_state_t  *d;

    d = &ngx_chat_deflate_state;
    z = &d->inflate;

    if (ngx_chat_inflate_prepare(max, log) != NGX_OK) {
        return NGX_ABORT;
    }

    /* one byte more than there may be: it tells a bomb */

    z->next_out = d->buf;
    z->avail_out = (uInt) max + 1;

    rc = ngx_chat_inflate_run(z, src, len);

    if (rc == NGX_OK) {
        rc = ngx_chat_inflate_run(z, ngx_chat_deflate_tail,
                                  sizeof(ngx_chat_deflate_tail));
    }

    if (rc != NGX_OK) {
        return rc;
    }

    out->data = d->buf;
    out->len = max + 1 - z->avail_out;

    return (out->len > max) ? NGX_DECLINED : NGX_OK;
}


static ngx_int_t
ngx_chat_inflate_prepare(size_t max, ngx_log_t *log)
{
    u_char                    *p;
    z_stream                  *z;
    ngx_chat_deflate_state_t  *d;

    d = &ngx_chat_deflate_state;
    z = &d->inflate;

    if (d->size < max + 1) {
        p = ngx_alloc(max + 1, log);
        if (p == NULL) {
            return NGX_ERROR;
        }

        if (d->buf != NULL) {
            ngx_free(d->buf);
        }

        d->buf = p;
        d->size = max + 1;
    }

    if (d->has_inflate) {
        return (inflateReset(z) == Z_OK) ? NGX_OK : NGX_ERROR;
    }

    if (inflateInit2(z, -NGX_CHAT_DEFLATE_WINDOW) != Z_OK) {
        return NGX_ERROR;
    }

    d->has_inflate = 1;

    return NGX_OK;
}


/* all of src; NGX_DECLINED: there is no room for what it makes */

static ngx_int_t
ngx_chat_inflate_run(z_stream *z, u_char *src, size_t len)
{
    int  rc;

    z->next_in = src;
    z->avail_in = (uInt) len;

    while (z->avail_in > 0) {
        rc = inflate(z, Z_SYNC_FLUSH);

        if (z->avail_out == 0) {
            return NGX_DECLINED;
        }

        if (rc == Z_STREAM_END) {

            /*
             * A sender may end its last block for good (section 7.2.3.5); the
             * next one, if any, begins another stream.
             */

            if (inflateReset(z) != Z_OK) {
                return NGX_ERROR;
            }

            continue;
        }

        if (rc != Z_OK && rc != Z_BUF_ERROR) {
            return (rc == Z_MEM_ERROR) ? NGX_ABORT : NGX_ERROR;
        }

        if (rc == Z_BUF_ERROR) {
            /* no progress with input and room left */
            return (z->avail_in == 0) ? NGX_OK : NGX_ERROR;
        }
    }

    return NGX_OK;
}
