
/*
 * Copyright (C) the ngx_chat_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_wire.h"
#include "ngx_chat_deflate.h"
#include "ngx_chat_name.h"
#include "ngx_chat_sse.h"
#include "ngx_chat_utf8.h"
#include "ngx_chat_ws.h"


static size_t  ngx_chat_chunk_bytes;


ngx_chat_chunk_t *
ngx_chat_chunk_create(size_t size, ngx_log_t *log)
{
    ngx_chat_chunk_t  *c;

    c = ngx_alloc(offsetof(ngx_chat_chunk_t, data) + size, log);
    if (c == NULL) {
        return NULL;
    }

    c->refs = 1;
    c->size = size;
    c->last = c->data;

    ngx_chat_chunk_bytes += size;

    return c;
}


void
ngx_chat_chunk_unref(ngx_chat_chunk_t *c)
{
    if (--c->refs > 0) {
        return;
    }

    ngx_chat_chunk_bytes -= c->size;

    ngx_free(c);
}


size_t
ngx_chat_chunk_total(void)
{
    return ngx_chat_chunk_bytes;
}


#define ngx_chat_wire_is_ws(wire)                                             \
    ((wire) == NGX_CHAT_WIRE_WS || (wire) == NGX_CHAT_WIRE_WS_DEFLATE)


ngx_uint_t
ngx_chat_wire_shows(ngx_chat_wire_e wire, ngx_chat_rec_t *rec)
{
    if (rec->flags & NGX_CHAT_REC_INVISIBLE) {
        return 0;
    }

    return ngx_chat_wire_is_ws(wire)
           || rec->type != NGX_CHAT_REC_RAW_BINARY
           || ngx_chat_utf8_valid(ngx_chat_rec_payload(rec), rec->size)
              == NGX_OK;
}


size_t
ngx_chat_wire_len(ngx_chat_wire_e wire, ngx_chat_rec_t *rec)
{
    size_t      len;
    uint64_t    n;
    ngx_uint_t  digits;

    if (!ngx_chat_wire_shows(wire, rec)) {
        return 0;
    }

    if (ngx_chat_wire_is_ws(wire)) {
        return ngx_chat_ws_header_len(rec->size) + rec->size;
    }

    len = ngx_chat_sse_data_len(ngx_chat_rec_payload(rec), rec->size);

    if (wire == NGX_CHAT_WIRE_SSE_ID) {

        for (n = rec->offset, digits = 1; n >= 10; n /= 10) {
            digits++;
        }

        len += sizeof("id: \n") - 1 + NGX_CHAT_EPOCH_LEN + 1 + digits;
    }

    return len;
}


u_char *
ngx_chat_wire_write(ngx_chat_wire_e wire, u_char *p, ngx_chat_rec_t *rec,
    u_char *epoch)
{
    ngx_uint_t  opcode;

    if (!ngx_chat_wire_shows(wire, rec)) {
        return p;
    }

    if (ngx_chat_wire_is_ws(wire)) {
        opcode = (rec->type == NGX_CHAT_REC_RAW_BINARY) ? NGX_CHAT_WS_BINARY
                                                        : NGX_CHAT_WS_TEXT;

        if (wire == NGX_CHAT_WIRE_WS_DEFLATE) {
            return ngx_chat_wire_frame(p, opcode, ngx_chat_rec_payload(rec),
                                       rec->size);
        }

        p = ngx_chat_ws_header(p, opcode, rec->size);

        return ngx_cpymem(p, ngx_chat_rec_payload(rec), rec->size);
    }

    if (wire == NGX_CHAT_WIRE_SSE_ID) {
        p = ngx_cpymem(p, "id: ", sizeof("id: ") - 1);
        p = ngx_chat_id_print(p, epoch, rec->offset);
        *p++ = LF;
    }

    return ngx_chat_sse_data(p, ngx_chat_rec_payload(rec), rec->size);
}


u_char *
ngx_chat_wire_frame(u_char *p, ngx_uint_t opcode, u_char *payload, size_t len)
{
    size_t   n;
    u_char  *data, *end;

    /* where it ends up if the shorter payload has no shorter header */

    data = p + ngx_chat_ws_header_len(len);

    n = ngx_chat_deflate(data, payload, len);

    if (n == 0) {
        ngx_chat_ws_header(p, opcode, len);
        return ngx_cpymem(data, payload, len);
    }

    end = ngx_chat_ws_header(p, opcode, n);
    *p |= NGX_CHAT_WS_RSV1;

    if (end != data) {
        ngx_memmove(end, data, n);
    }

    return end + n;
}


ngx_int_t
ngx_chat_wire_encode(ngx_chat_wire_e wire, ngx_chat_rec_t *rec, u_char *last,
    u_char *epoch, uint32_t *ends, ngx_chat_batch_wire_t *b, ngx_log_t *log)
{
    size_t           len;
    ngx_uint_t       n;
    ngx_chat_rec_t  *r;

    len = 0;

    for (r = rec; (u_char *) r < last; r = ngx_chat_rec_next(r)) {
        len += ngx_chat_wire_len(wire, r);
    }

    b->chunk = ngx_chat_chunk_create(len, log);
    if (b->chunk == NULL) {
        return NGX_ERROR;
    }

    for (r = rec, n = 0; (u_char *) r < last; r = ngx_chat_rec_next(r)) {
        b->chunk->last = ngx_chat_wire_write(wire, b->chunk->last, r, epoch);
        ends[n++] = (uint32_t) (b->chunk->last - b->chunk->data);
    }

    b->ends = ends;
    b->n = n;
    b->first = rec->offset;

    return NGX_OK;
}
