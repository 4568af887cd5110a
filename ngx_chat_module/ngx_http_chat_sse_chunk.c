
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * What an event stream without a request writes: the chunks of RFC 9112,
 * section 7.1, and what its connection did not take of them.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_http_chat_sse.h"


/* a rest of less than this part of its chunks is copied */
#define NGX_HTTP_CHAT_SSE_COPY    4

#define NGX_HTTP_CHAT_SSE_HEADER  4          /* buffers of a header */
#define NGX_HTTP_CHAT_SSE_HEAD    (NGX_SIZE_T_LEN + sizeof(CRLF) - 1)


/*
 * What the connection did not take, in one piece of memory.  The slices refer
 * to chunks, a reference each, but for the bytes of HTTP around them.
 */

struct ngx_http_chat_sse_rest_s {
    ngx_uint_t                n;
    ngx_uint_t                i;            /* the first that isn't out */
    u_char                    head[NGX_HTTP_CHAT_SSE_HEAD];
    ngx_chat_slice_t          slice[1];
};


static ngx_uint_t ngx_http_chat_sse_frame(ngx_http_chat_sse_t *sse,
    ngx_chat_slice_t *slice, ngx_uint_t n, size_t size, ngx_chat_slice_t *out);
static void ngx_http_chat_sse_bytes(ngx_chat_slice_t *slice, u_char *p,
    size_t n);
static ngx_int_t ngx_http_chat_sse_keep(ngx_http_chat_sse_t *sse,
    ngx_chat_slice_t *slice, ngx_uint_t n, size_t taken);
static ngx_int_t ngx_http_chat_sse_keep_copy(ngx_http_chat_sse_t *sse,
    ngx_http_chat_sse_rest_t *rest, ngx_chat_slice_t *slice, ngx_uint_t n,
    size_t size);
static void ngx_http_chat_sse_keep_refs(ngx_http_chat_sse_rest_t *rest,
    ngx_chat_slice_t *slice, ngx_uint_t n);


/*
 * The header is in the output of the request still, if it is a short one: it
 * goes out with the first chunk.
 */

ngx_int_t
ngx_http_chat_sse_take_header(ngx_http_request_t *r, ngx_http_chat_sse_t *sse)
{
    ngx_buf_t         *b;
    ngx_uint_t         n;
    ngx_chain_t       *cl;
    ngx_chat_slice_t   slice[NGX_HTTP_CHAT_SSE_HEADER];

    n = 0;

    for (cl = r->out; cl != NULL; cl = cl->next) {
        b = cl->buf;

        if (b->pos == b->last) {
            continue;
        }

        if (!ngx_buf_in_memory(b) || n == NGX_HTTP_CHAT_SSE_HEADER) {
            return NGX_ERROR;
        }

        ngx_http_chat_sse_bytes(&slice[n++], b->pos,
                                (size_t) (b->last - b->pos));
    }

    return (n > 0) ? ngx_http_chat_sse_keep(sse, slice, n, 0) : NGX_OK;
}


/*
 * Takes everything: what the connection does not take is kept here and blocks
 * the session.  So a chunk, once its size is written, is a chunk's whole.
 */

ssize_t
ngx_http_chat_sse_plain_send(ngx_chat_session_t *s, ngx_chat_slice_t *slice,
    ngx_uint_t n, size_t *attempt)
{
    size_t                size, total;
    ssize_t               taken;
    ngx_uint_t            i;
    ngx_connection_t     *c;
    ngx_http_chat_sse_t  *sse;
    ngx_chat_slice_t      out[NGX_HTTP_CHAT_OUTPUT_MAX];

    sse = (ngx_http_chat_sse_t *) s;
    c = sse->hold.connection;

    if (c->error || c->close) {
        return NGX_ERROR;
    }

    size = 0;

    for (i = 0; i < n; i++) {
        size += (size_t) (slice[i].end - slice[i].pos);
    }

    if (size == 0 || sse->last) {
        /* records that have no form here; nothing goes behind the last chunk */
        return (ssize_t) size;
    }

    n = ngx_http_chat_sse_frame(sse, slice, n, size, out);

    total = 0;

    for (i = 0; i < n; i++) {
        total += (size_t) (out[i].end - out[i].pos);
    }

    taken = 0;

    if (c->write->ready) {
        taken = ngx_http_chat_output_again(c, out, n);
    }

    if (taken == NGX_ERROR) {
        c->error = 1;
        return NGX_ERROR;
    }

    if ((size_t) taken == total) {
        ngx_http_chat_sse_rest_free(sse);
        return (ssize_t) size;
    }

    if (ngx_http_chat_sse_keep(sse, out, n, (size_t) taken) != NGX_OK) {
        return NGX_ERROR;
    }

    s->held = 1;
    ngx_chat_session_stuck(s);

    if (ngx_handle_write_event(c->write, 0) != NGX_OK) {
        return NGX_ERROR;
    }

    return (ssize_t) size;
}


/*
 * What is left of the header, the chunk's size, its bytes, its end; returns the
 * number of slices.
 */

static ngx_uint_t
ngx_http_chat_sse_frame(ngx_http_chat_sse_t *sse, ngx_chat_slice_t *slice,
    ngx_uint_t n, size_t size, ngx_chat_slice_t *out)
{
    ngx_uint_t                 i, k;
    ngx_http_chat_sse_rest_t  *rest;

    static u_char  head[NGX_HTTP_CHAT_SSE_HEAD];
    static u_char  end[] = CRLF "0" CRLF CRLF;

    k = 0;
    rest = sse->rest;

    if (rest != NULL) {
        /* a session that isn't blocked */
        out[k++] = rest->slice[rest->i];
    }

    if (sse->chunked) {
        ngx_http_chat_sse_bytes(&out[k++], head,
                                (size_t) (ngx_sprintf(head, "%xz" CRLF, size)
                                          - head));
    }

    for (i = 0; i < n && k < NGX_HTTP_CHAT_OUTPUT_MAX - 1; i++) {

        if (slice[i].pos < slice[i].end) {
            out[k++] = slice[i];
        }
    }

    if (sse->session.closing) {
        /* all that was queued, and the transport's goodbye, are in it */
        sse->last = 1;
    }

    if (sse->chunked) {
        ngx_http_chat_sse_bytes(&out[k++], end,
                                sse->last ? sizeof(end) - 1
                                          : sizeof(CRLF) - 1);
    }

    return k;
}


static void
ngx_http_chat_sse_bytes(ngx_chat_slice_t *slice, u_char *p, size_t n)
{
    slice->chunk = NULL;
    slice->pos = p;
    slice->end = p + n;
}


/* a few bytes are copied, lest one stalled reader keeps a turn's whole chunk */

static ngx_int_t
ngx_http_chat_sse_keep(ngx_http_chat_sse_t *sse, ngx_chat_slice_t *slice,
    ngx_uint_t n, size_t taken)
{
    size_t                     len, size, pinned;
    ngx_uint_t                 i;
    ngx_http_chat_sse_rest_t  *rest;

    for ( ;; ) {
        len = (size_t) (slice->end - slice->pos);

        if (taken < len) {
            break;
        }

        taken -= len;
        slice++;
        n--;
    }

    slice->pos += taken;

    size = 0;
    pinned = 0;

    for (i = 0; i < n; i++) {
        size += (size_t) (slice[i].end - slice[i].pos);
        pinned += (slice[i].chunk != NULL) ? slice[i].chunk->size : 0;
    }

    if (size <= pinned / NGX_HTTP_CHAT_SSE_COPY) {
        pinned = 0;
    }

    rest = ngx_alloc(sizeof(ngx_http_chat_sse_rest_t)
                     + ((pinned > 0) ? n - 1 : 0) * sizeof(ngx_chat_slice_t),
                     sse->session.log);
    if (rest == NULL) {
        return NGX_ERROR;
    }

    rest->i = 0;

    if (pinned > 0) {
        ngx_http_chat_sse_keep_refs(rest, slice, n);

    } else if (ngx_http_chat_sse_keep_copy(sse, rest, slice, n, size)
               != NGX_OK)
    {
        ngx_free(rest);
        return NGX_ERROR;
    }

    ngx_http_chat_sse_rest_free(sse);
    sse->rest = rest;

    return NGX_OK;
}


static ngx_int_t
ngx_http_chat_sse_keep_copy(ngx_http_chat_sse_t *sse,
    ngx_http_chat_sse_rest_t *rest, ngx_chat_slice_t *slice, ngx_uint_t n,
    size_t size)
{
    ngx_uint_t         i;
    ngx_chat_chunk_t  *chunk;

    chunk = ngx_chat_chunk_create(size, sse->session.log);
    if (chunk == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < n; i++) {
        chunk->last = ngx_cpymem(chunk->last, slice[i].pos,
                                 slice[i].end - slice[i].pos);
    }

    rest->n = 1;
    rest->slice[0].chunk = chunk;
    rest->slice[0].pos = chunk->data;
    rest->slice[0].end = chunk->last;

    return NGX_OK;
}


static void
ngx_http_chat_sse_keep_refs(ngx_http_chat_sse_rest_t *rest,
    ngx_chat_slice_t *slice, ngx_uint_t n)
{
    u_char      *p;
    ngx_uint_t   i;

    rest->n = n;

    for (i = 0; i < n; i++) {
        rest->slice[i] = slice[i];

        if (slice[i].chunk != NULL) {
            ngx_chat_chunk_ref(slice[i].chunk);

        } else if (i < n - 1) {
            /* the chunk's size; its end is constant */
            p = ngx_cpymem(rest->head, slice[i].pos,
                           slice[i].end - slice[i].pos);
            rest->slice[i].pos = rest->head;
            rest->slice[i].end = p;
        }
    }
}


/* NGX_OK: all is out; NGX_AGAIN; NGX_ERROR */

ngx_int_t
ngx_http_chat_sse_drain(ngx_http_chat_sse_t *sse)
{
    size_t                     taken, len;
    ssize_t                    n;
    ngx_connection_t          *c;
    ngx_chat_slice_t          *slice;
    ngx_http_chat_sse_rest_t  *rest;

    c = sse->hold.connection;
    rest = sse->rest;

    if (c->write->ready) {
        n = ngx_http_chat_output_again(c, &rest->slice[rest->i],
                                       rest->n - rest->i);
        if (n == NGX_ERROR) {
            c->error = 1;
            return NGX_ERROR;
        }

        for (taken = (size_t) n; rest->i < rest->n; rest->i++) {
            slice = &rest->slice[rest->i];
            len = (size_t) (slice->end - slice->pos);

            if (taken < len) {
                slice->pos += taken;
                break;
            }

            taken -= len;

            if (slice->chunk != NULL) {
                ngx_chat_chunk_unref(slice->chunk);
            }
        }

        if (rest->i == rest->n) {
            ngx_http_chat_sse_rest_free(sse);
            return NGX_OK;
        }

        if (n > 0) {
            ngx_chat_session_progress(&sse->session);
        }
    }

    return (ngx_handle_write_event(c->write, 0) == NGX_OK) ? NGX_AGAIN
                                                           : NGX_ERROR;
}


void
ngx_http_chat_sse_rest_free(ngx_http_chat_sse_t *sse)
{
    ngx_http_chat_sse_rest_t  *rest;

    rest = sse->rest;

    if (rest == NULL) {
        return;
    }

    for ( /* void */ ; rest->i < rest->n; rest->i++) {

        if (rest->slice[rest->i].chunk != NULL) {
            ngx_chat_chunk_unref(rest->slice[rest->i].chunk);
        }
    }

    ngx_free(rest);

    sse->rest = NULL;
    sse->session.held = 0;
}
