
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Writing to a connection that has no request, past the filters.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_http_chat_hold.h"


#define NGX_HTTP_CHAT_OUTPUT_TLS   16384     /* a record */
#define NGX_HTTP_CHAT_OUTPUT_COPY  4096


static ssize_t ngx_http_chat_output_writev(ngx_connection_t *c,
    ngx_chat_slice_t *slice, ngx_uint_t n);
#if (NGX_HTTP_SSL)
static ssize_t ngx_http_chat_output_tls(ngx_connection_t *c,
    ngx_chat_slice_t *slice, ngx_uint_t n, size_t *attempt);
#endif
static size_t ngx_http_chat_output_size(ngx_chat_slice_t *slice,
    ngx_uint_t n);
static size_t ngx_http_chat_output_gather(u_char *record,
    ngx_chat_slice_t *slice, ngx_uint_t n, size_t skip);


ssize_t
ngx_http_chat_output(ngx_connection_t *c, ngx_chat_slice_t *slice,
    ngx_uint_t n, size_t *attempt)
{
    ssize_t  size;

#if (NGX_HTTP_SSL)
    if (c->ssl) {
        return ngx_http_chat_output_tls(c, slice, n, attempt);
    }
#endif

    if (n > 1) {
        return ngx_http_chat_output_writev(c, slice, n);
    }

    size = c->send(c, slice->pos, (size_t) (slice->end - slice->pos));

    return (size == NGX_AGAIN) ? 0 : size;
}


static ssize_t
ngx_http_chat_output_writev(ngx_connection_t *c, ngx_chat_slice_t *slice,
    ngx_uint_t n)
{
    size_t         total;
    ssize_t        size;
    ngx_uint_t     i;
    ngx_iovec_t    vec;
    struct iovec   iovs[NGX_HTTP_CHAT_OUTPUT_MAX];

    n = ngx_min(n, NGX_HTTP_CHAT_OUTPUT_MAX);
    total = 0;

    for (i = 0; i < n; i++) {
        iovs[i].iov_base = slice[i].pos;
        iovs[i].iov_len = (size_t) (slice[i].end - slice[i].pos);
        total += iovs[i].iov_len;
    }

    vec.iovs = iovs;
    vec.count = n;
    vec.size = total;
    vec.nalloc = NGX_HTTP_CHAT_OUTPUT_MAX;

    size = ngx_writev(c, &vec);

    if (size == NGX_AGAIN) {
        size = 0;
    }

    if (size != NGX_ERROR) {
        c->sent += size;

        if ((size_t) size < total) {
            c->write->ready = 0;
        }
    }

    return size;
}


#if (NGX_HTTP_SSL)

/*
 * Frames go into records straight from their chunk.  What TLS could not write
 * it wants to see again, at least as much and the same bytes: `attempt'.
 */

static ssize_t
ngx_http_chat_output_tls(ngx_connection_t *c, ngx_chat_slice_t *slice,
    ngx_uint_t n, size_t *attempt)
{
    u_char      *p;
    size_t       size, total;
    ssize_t      sent;
    ngx_uint_t   i;

    total = 0;

    for (i = 0; i < n; i++) {

        for (p = slice[i].pos; p < slice[i].end; p += sent) {
            size = ngx_min((size_t) (slice[i].end - p),
                           NGX_HTTP_CHAT_OUTPUT_TLS);

            sent = c->send(c, p, size);

            if (sent == NGX_AGAIN) {
                *attempt = size;
                return (ssize_t) total;
            }

            if (sent == NGX_ERROR) {
                return NGX_ERROR;
            }

            total += (size_t) sent;
        }
    }

    return (ssize_t) total;
}

#endif


/* a few bytes in one piece cost the kernel less than in several */

ssize_t
ngx_http_chat_output_again(ngx_connection_t *c, ngx_chat_slice_t *slice,
    ngx_uint_t n)
{
    size_t   size, total;
    ssize_t  sent;

    static u_char  record[NGX_HTTP_CHAT_OUTPUT_TLS];

#if (NGX_HTTP_SSL)
    if (c->ssl == NULL)
#endif
    {
        if (ngx_http_chat_output_size(slice, n) > NGX_HTTP_CHAT_OUTPUT_COPY) {
            return ngx_http_chat_output_writev(c, slice, n);
        }
    }

    total = 0;

    for ( ;; ) {
        size = ngx_http_chat_output_gather(record, slice, n, total);

        if (size == 0) {
            return (ssize_t) total;
        }

        sent = c->send(c, record, size);

        if (sent == NGX_AGAIN) {
            return (ssize_t) total;
        }

        if (sent == NGX_ERROR) {
            return NGX_ERROR;
        }

        total += (size_t) sent;

        if (!c->write->ready) {
            return (ssize_t) total;
        }
    }
}


static size_t
ngx_http_chat_output_size(ngx_chat_slice_t *slice, ngx_uint_t n)
{
    size_t      size;
    ngx_uint_t  i;

    size = 0;

    for (i = 0; i < n; i++) {
        size += (size_t) (slice[i].end - slice[i].pos);
    }

    return size;
}


/* what is behind `skip' bytes, as much as a record holds */

static size_t
ngx_http_chat_output_gather(u_char *record, ngx_chat_slice_t *slice,
    ngx_uint_t n, size_t skip)
{
    u_char      *p;
    size_t       len, size;
    ngx_uint_t   i;

    p = record;

    for (i = 0; i < n; i++) {
        len = (size_t) (slice[i].end - slice[i].pos);

        if (skip >= len) {
            skip -= len;
            continue;
        }

        size = ngx_min(len - skip,
                       NGX_HTTP_CHAT_OUTPUT_TLS - (size_t) (p - record));

        p = ngx_cpymem(p, slice[i].pos + skip, size);
        skip = 0;

        if (p == record + NGX_HTTP_CHAT_OUTPUT_TLS) {
            break;
        }
    }

    return (size_t) (p - record);
}
