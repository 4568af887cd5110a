
/*
 * Copyright (C) the ngx_chat_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_state_record.h"


#define NGX_CHAT_STATE_VERSION   1
#define NGX_CHAT_STATE_MARK      0x6b746863

#define NGX_CHAT_STATE_MAGIC     "ngx_chat"


typedef struct {
    u_char      magic[8];
    uint32_t    version;
    uint32_t    crc;                 /* of what follows */
    uint64_t    generation;
    uint64_t    salt;
} ngx_chat_state_header_t;


typedef struct {
    uint32_t    mark;
    uint32_t    crc;                 /* of the salt, and of what follows */
    uint16_t    len;
    uint8_t     type;
    uint8_t     kind;
    uint32_t    changed;
    uint64_t    seq;
    uint64_t    expires;
    u_char      room[NGX_CHAT_KEY_LEN];
    u_char      subject[NGX_CHAT_KEY_LEN];
} ngx_chat_state_record_t;


static uint32_t ngx_chat_state_crc(uint64_t salt, u_char *p, size_t len);
static size_t ngx_chat_state_check(ngx_chat_state_reader_t *rd, u_char *p,
    ngx_chat_state_record_t *rec);


u_char *
ngx_chat_state_put_header(u_char *dst, uint64_t generation, uint64_t salt)
{
    ngx_chat_state_header_t  h;

    ngx_memcpy(h.magic, NGX_CHAT_STATE_MAGIC, sizeof(h.magic));
    h.version = NGX_CHAT_STATE_VERSION;
    h.generation = generation;
    h.salt = salt;
    h.crc = ngx_chat_state_crc(0, (u_char *) &h.generation,
                               sizeof(h.generation) + sizeof(h.salt));

    return ngx_cpymem(dst, &h, sizeof(h));
}


u_char *
ngx_chat_state_put(u_char *dst, uint64_t salt, ngx_uint_t type,
    ngx_chat_row_t *row)
{
    u_char                   *p;
    ngx_chat_state_record_t   rec;

    ngx_memzero(&rec, sizeof(rec));

    rec.mark = NGX_CHAT_STATE_MARK;
    rec.type = (uint8_t) type;

    if (row != NULL) {
        rec.kind = (uint8_t) row->kind;
        rec.len = (uint16_t) row->value.len;
        rec.seq = row->seq;
        rec.expires = row->expires;
        rec.changed = row->changed;
        ngx_memcpy(rec.room, row->room, NGX_CHAT_KEY_LEN);
        ngx_memcpy(rec.subject, row->subject, NGX_CHAT_KEY_LEN);
    }

    p = ngx_cpymem(dst, &rec, sizeof(rec));

    if (rec.len != 0) {
        p = ngx_cpymem(p, row->value.data, rec.len);
    }

    while ((p - dst) % 8 != 0) {
        *p++ = 0;
    }

    rec.crc = ngx_chat_state_crc(salt, dst + 8, (size_t) (p - dst) - 8);
    ngx_memcpy(dst + offsetof(ngx_chat_state_record_t, crc), &rec.crc,
               sizeof(rec.crc));

    return p;
}


static uint32_t
ngx_chat_state_crc(uint64_t salt, u_char *p, size_t len)
{
    uint32_t  crc;

    ngx_crc32_init(crc);
    ngx_crc32_update(&crc, (u_char *) &salt, sizeof(salt));
    ngx_crc32_update(&crc, p, len);
    ngx_crc32_final(crc);

    return crc;
}


ngx_int_t
ngx_chat_state_reader(ngx_chat_state_reader_t *rd, u_char *p, size_t len)
{
    size_t                   n;
    ngx_chat_state_header_t  h;

    ngx_memzero(rd, sizeof(ngx_chat_state_reader_t));

    n = ngx_min(len, sizeof(h.magic));

    if (ngx_memcmp(p, NGX_CHAT_STATE_MAGIC, n) != 0) {
        return NGX_DECLINED;
    }

    if (len < sizeof(h)) {
        return NGX_DONE;
    }

    ngx_memcpy(&h, p, sizeof(h));

    if (h.version != NGX_CHAT_STATE_VERSION) {
        return NGX_ABORT;
    }

    if (h.crc != ngx_chat_state_crc(0, (u_char *) &h.generation,
                                    sizeof(h.generation) + sizeof(h.salt)))
    {
        return NGX_ERROR;
    }

    rd->start = p;
    rd->pos = p + sizeof(h);
    rd->last = p + len;
    rd->generation = h.generation;
    rd->salt = h.salt;

    return NGX_OK;
}


ngx_int_t
ngx_chat_state_get(ngx_chat_state_reader_t *rd, ngx_uint_t *type,
    ngx_chat_row_t *row)
{
    size_t                   n;
    u_char                  *p;
    ngx_chat_state_record_t  rec;

    n = 0;

    for (p = rd->pos; rd->last - p >= NGX_CHAT_STATE_RECORD; p += 8) {

        n = ngx_chat_state_check(rd, p, &rec);

        if (n != 0) {
            break;
        }
    }

    if (n == 0) {
        rd->torn = (size_t) (rd->last - rd->pos);
        rd->pos = rd->last;
        return NGX_DONE;
    }

    rd->skipped += (size_t) (p - rd->pos);
    rd->pos = p + n;

    /* a change is written only when the table is whole */

    if (rec.type != NGX_CHAT_STATE_ROW) {
        rd->whole = 1;
    }

    rd->seq = ngx_max(rd->seq, rec.seq);

    *type = rec.type;

    row->kind = rec.kind;
    row->seq = rec.seq;
    row->expires = rec.expires;
    row->changed = rec.changed;
    row->value.data = p + sizeof(rec);
    row->value.len = rec.len;
    ngx_memcpy(row->room, rec.room, NGX_CHAT_KEY_LEN);
    ngx_memcpy(row->subject, rec.subject, NGX_CHAT_KEY_LEN);

    return NGX_OK;
}


/* its size, or 0 if there is none at `p' */

static size_t
ngx_chat_state_check(ngx_chat_state_reader_t *rd, u_char *p,
    ngx_chat_state_record_t *rec)
{
    size_t  n;

    ngx_memcpy(rec, p, sizeof(ngx_chat_state_record_t));

    if (rec->mark != NGX_CHAT_STATE_MARK || rec->len > NGX_CHAT_VALUE_MAX
        || rec->type < NGX_CHAT_STATE_ROW || rec->type > NGX_CHAT_STATE_DELETE
        || rec->kind > NGX_CHAT_KIND_MAX
        || (rec->kind == 0) != (rec->type == NGX_CHAT_STATE_END))
    {
        return 0;
    }

    n = ngx_align(NGX_CHAT_STATE_RECORD + (size_t) rec->len, 8);

    if ((size_t) (rd->last - p) < n
        || rec->crc != ngx_chat_state_crc(rd->salt, p + 8, n - 8))
    {
        return 0;
    }

    return n;
}
