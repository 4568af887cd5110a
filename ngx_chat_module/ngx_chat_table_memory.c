
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * The table's memory: its layout, records and blocks, repair.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_table_private.h"


#define NGX_CHAT_TABLE_SHARE   16       /* of the zone one part in */
#define NGX_CHAT_TABLE_MIN     64       /* records */


static void ngx_chat_record_blocks_locked(ngx_chat_sh_t *sh,
    ngx_chat_record_t *r, ngx_chat_row_t *row);
static void ngx_chat_table_keep_locked(ngx_chat_sh_t *sh, uint32_t ref);
static ngx_int_t ngx_chat_table_own_locked(ngx_chat_sh_t *sh, uint32_t ref);
static ngx_int_t ngx_chat_table_copy_kinds_locked(ngx_chat_sh_t *sh,
    ngx_chat_sh_t *from, ngx_uint_t users);


/* a block for each record: most have a value that is small or none */

size_t
ngx_chat_table_layout(ngx_chat_sh_t *sh, size_t at, size_t zone)
{
    size_t    n;
    uint32_t  buckets;

    n = zone / NGX_CHAT_TABLE_SHARE
        / (sizeof(ngx_chat_record_t) + sizeof(ngx_chat_block_t));

    n = ngx_max(n, NGX_CHAT_TABLE_MIN);
    n = ngx_min(n, 0x7fffffff);

    for (buckets = 64; buckets < n; buckets *= 2) { /* void */ }

    sh->record_n = (uint32_t) n;
    sh->block_n = (uint32_t) n;
    sh->table_bucket_n = buckets;

    sh->records_at = at;
    at += n * sizeof(ngx_chat_record_t);

    sh->blocks_at = at;
    at += n * sizeof(ngx_chat_block_t);

    sh->table_buckets = at;
    at += buckets * sizeof(uint32_t);

    return ngx_align(at, 64);
}


/*
 * A new row leaves a record and the blocks of a value to those that replace
 * one, so that a ban can be made longer in a table that is full; what users
 * make longer leaves the last quarter, as what they make does.  What was in a
 * table before has place in one of that size again.
 */

ngx_chat_record_t *
ngx_chat_record_take_locked(ngx_chat_sh_t *sh, ngx_chat_row_t *row,
    ngx_chat_record_t *old, ngx_uint_t again)
{
    uint32_t            blocks, grows, spare_r, spare_b, part;
    ngx_chat_record_t  *r;

    blocks = (uint32_t) ngx_chat_table_blocks(row->value.len);
    grows = blocks;
    spare_r = 0;
    spare_b = 0;

    if (old != NULL) {
        grows -= ngx_min(blocks, (uint32_t) ngx_chat_table_blocks(old->len));

    } else if (!again) {
        spare_r = 1;
        spare_b = ngx_chat_table_blocks(NGX_CHAT_VALUE_MAX);
    }

    if (row->kind >= NGX_CHAT_KIND_USERS && !again) {

        /* what anybody may make many of leaves room for rooms */

        part = (row->kind == NGX_CHAT_KIND_MEMBER
                || row->kind == NGX_CHAT_KIND_BLOCK) ? 2 : 4;

        spare_b += sh->block_n / part;

        if (old == NULL) {
            spare_r += sh->record_n / part;
        }
    }

    if (sh->record_free_n < 1 + spare_r || sh->block_free_n < blocks
        || (grows != 0 && sh->block_free_n < grows + spare_b))
    {
        return NULL;
    }

    r = ngx_chat_record(sh, sh->record_free);

    ngx_chat_store_relaxed(&sh->record_free, r->next);
    ngx_chat_store_relaxed(&sh->record_free_n, sh->record_free_n - 1);

    return r;
}


void
ngx_chat_record_write_locked(ngx_chat_sh_t *sh, ngx_chat_record_t *r,
    ngx_chat_row_t *row, uint64_t seq)
{
    r->expires = row->expires;
    r->kind = (uint8_t) row->kind;
    r->len = (uint16_t) row->value.len;
    r->next = 0;
    r->block = 0;
    r->deleted = 0;
    r->shared = row->shared;
    r->changed = row->changed;

    ngx_memcpy(r->room, row->room, NGX_CHAT_KEY_LEN);
    ngx_memcpy(r->subject, row->subject, NGX_CHAT_KEY_LEN);

    ngx_chat_record_blocks_locked(sh, r, row);

    sh->recent[seq % NGX_CHAT_RECENT] = ngx_chat_record_ref(sh, r);

    ngx_chat_barrier();
    ngx_chat_store(&r->seq, seq);
}


static void
ngx_chat_record_blocks_locked(ngx_chat_sh_t *sh, ngx_chat_record_t *r,
    ngx_chat_row_t *row)
{
    size_t             left, n;
    u_char            *p;
    uint32_t           ref, *link;
    ngx_chat_block_t  *b;

    p = row->value.data;
    link = &r->block;

    for (left = row->value.len; left; left -= n) {

        ref = sh->block_free;
        b = ngx_chat_block(sh, ref);

        ngx_chat_store_relaxed(&sh->block_free, b->next);
        ngx_chat_store_relaxed(&sh->block_free_n, sh->block_free_n - 1);

        b->owner = ngx_chat_record_ref(sh, r);
        b->next = 0;

        n = ngx_min(left, NGX_CHAT_BLOCK);
        p = p + (ngx_cpymem(b->data, p, n) - b->data);

        *link = ref;
        link = &b->next;
    }
}


void
ngx_chat_record_free_locked(ngx_chat_sh_t *sh, ngx_chat_record_t *r)
{
    uint32_t           ref, next;
    ngx_chat_block_t  *b;

    ngx_chat_store(&r->seq, 0);
    ngx_chat_barrier();

    for (ref = r->block; ref; ref = next) {

        b = ngx_chat_block(sh, ref);
        next = b->next;

        /* it may have been a secret */
        ngx_memzero(b->data, NGX_CHAT_BLOCK);

        b->owner = 0;
        b->next = sh->block_free;
        ngx_chat_store_relaxed(&sh->block_free, ref);
        ngx_chat_store_relaxed(&sh->block_free_n, sh->block_free_n + 1);
    }

    r->block = 0;
    r->next = sh->record_free;
    ngx_chat_store_relaxed(&sh->record_free, ngx_chat_record_ref(sh, r));
    ngx_chat_store_relaxed(&sh->record_free_n, sh->record_free_n + 1);
}


void
ngx_chat_record_read_locked(ngx_chat_sh_t *sh, ngx_chat_record_t *r,
    ngx_chat_row_t *row)
{
    size_t             left, n;
    u_char            *p;
    uint32_t           ref;
    ngx_chat_block_t  *b;

    row->value.len = r->len;
    p = row->value.data;

    if (p == NULL) {
        return;
    }

    ref = r->block;

    for (left = r->len; left; left -= n) {
        b = ngx_chat_block(sh, ref);
        n = ngx_min(left, NGX_CHAT_BLOCK);
        p = ngx_cpymem(p, b->data, n);
        ref = b->next;
    }
}


uint32_t *
ngx_chat_record_bucket_locked(ngx_chat_sh_t *sh, ngx_uint_t kind, u_char *room,
    u_char *subject)
{
    uint64_t  h;

    h = ngx_chat_hash(sh->hash_key[0] + kind, room, NGX_CHAT_KEY_LEN);
    h = ngx_chat_hash(h, subject, NGX_CHAT_KEY_LEN);

    return &ngx_chat_table_buckets(sh)[h & (sh->table_bucket_n - 1)];
}


ngx_chat_record_t *
ngx_chat_record_find_locked(ngx_chat_sh_t *sh, ngx_uint_t kind, u_char *room,
    u_char *subject, uint32_t **link)
{
    uint32_t           *p;
    ngx_chat_record_t  *r;

    p = ngx_chat_record_bucket_locked(sh, kind, room, subject);

    for ( /* void */ ; *p; p = &r->next) {

        r = ngx_chat_record(sh, *p);

        if (r->kind == kind
            && ngx_memcmp(r->room, room, NGX_CHAT_KEY_LEN) == 0
            && ngx_memcmp(r->subject, subject, NGX_CHAT_KEY_LEN) == 0)
        {
            *link = p;
            return r;
        }
    }

    *link = NULL;

    return NULL;
}


void
ngx_chat_table_repair_locked(ngx_chat_sh_t *sh)
{
    uint32_t            ref;
    ngx_chat_block_t   *b;
    ngx_chat_record_t  *r;

    sh->record_free = 0;
    sh->record_free_n = 0;
    sh->block_free = 0;
    sh->block_free_n = 0;

    ngx_memzero(ngx_chat_table_buckets(sh),
                sh->table_bucket_n * sizeof(uint32_t));

    for (ref = sh->block_n; ref; ref--) {
        ngx_chat_block(sh, ref)->owner = 0;
    }

    for (ref = sh->record_n; ref; ref--) {

        r = ngx_chat_record(sh, ref);

        if (r->seq != 0) {
            ngx_chat_table_keep_locked(sh, ref);
        }
    }

    for (ref = sh->record_n; ref; ref--) {

        r = ngx_chat_record(sh, ref);

        if (r->seq == 0) {
            r->next = sh->record_free;
            sh->record_free = ref;
            sh->record_free_n++;
        }
    }

    for (ref = sh->block_n; ref; ref--) {

        b = ngx_chat_block(sh, ref);

        if (b->owner == 0) {
            b->next = sh->block_free;
            sh->block_free = ref;
            sh->block_free_n++;
        }
    }
}


/* into its chain; of two with one key the older one goes */

static void
ngx_chat_table_keep_locked(ngx_chat_sh_t *sh, uint32_t ref)
{
    uint32_t           *link, *bucket;
    ngx_chat_record_t  *r, *other;

    r = ngx_chat_record(sh, ref);

    if (r->kind == 0 || r->kind > NGX_CHAT_KIND_MAX
        || r->len > NGX_CHAT_VALUE_MAX
        || ngx_chat_table_own_locked(sh, ref) != NGX_OK)
    {
        ngx_chat_store(&r->seq, 0);
        (void) ngx_chat_table_own_locked(sh, ref);
        return;
    }

    sh->table_seq = ngx_max(sh->table_seq, r->seq);

    other = ngx_chat_record_find_locked(sh, r->kind, r->room, r->subject,
                                        &link);

    if (other != NULL && other->seq > r->seq) {
        ngx_chat_store(&r->seq, 0);
        (void) ngx_chat_table_own_locked(sh, ref);
        return;
    }

    if (other != NULL) {
        *link = other->next;
        ngx_chat_store(&other->seq, 0);
        (void) ngx_chat_table_own_locked(sh, ngx_chat_record_ref(sh, other));
    }

    bucket = ngx_chat_record_bucket_locked(sh, r->kind, r->room, r->subject);
    r->next = *bucket;
    *bucket = ref;
}


/* its blocks are its own, or, if it doesn't exist any more, nobody's */

static ngx_int_t
ngx_chat_table_own_locked(ngx_chat_sh_t *sh, uint32_t ref)
{
    uint32_t            n, next, owner;
    ngx_chat_block_t   *b;
    ngx_chat_record_t  *r;

    r = ngx_chat_record(sh, ref);
    owner = (r->seq != 0) ? ref : 0;
    next = r->block;

    for (n = ngx_chat_table_blocks(r->len); n; n--) {

        if (next == 0 || next > sh->block_n) {
            return NGX_ERROR;
        }

        b = ngx_chat_block(sh, next);

        if (b->owner != 0 && b->owner != ref) {
            return NGX_ERROR;
        }

        b->owner = owner;
        next = b->next;
    }

    return (next == 0) ? NGX_OK : NGX_ERROR;
}


/* the server's own first: they have the last quarter to themselves */

ngx_int_t
ngx_chat_table_copy_locked(ngx_chat_sh_t *sh, ngx_chat_sh_t *from)
{
    ngx_int_t  rc;

    rc = ngx_chat_table_copy_kinds_locked(sh, from, 0);

    if (rc == NGX_OK) {
        rc = ngx_chat_table_copy_kinds_locked(sh, from, 1);
    }

    sh->table_seq = from->table_seq;

    /* places are others here, the changes have to be looked for */
    ngx_memzero(sh->recent, sizeof(sh->recent));

    return rc;
}


static ngx_int_t
ngx_chat_table_copy_kinds_locked(ngx_chat_sh_t *sh, ngx_chat_sh_t *from,
    ngx_uint_t users)
{
    u_char              value[NGX_CHAT_VALUE_MAX];
    uint32_t            ref, *bucket;
    ngx_chat_row_t      row;
    ngx_chat_record_t  *old, *r;

    for (ref = 1; ref <= from->record_n; ref++) {

        old = ngx_chat_record(from, ref);

        if (old->seq == 0 || (old->kind >= NGX_CHAT_KIND_USERS) != users) {
            continue;
        }

        row.kind = old->kind;
        row.expires = old->expires;
        row.changed = old->changed;
        row.shared = old->shared;
        row.value.data = value;
        ngx_memcpy(row.room, old->room, NGX_CHAT_KEY_LEN);
        ngx_memcpy(row.subject, old->subject, NGX_CHAT_KEY_LEN);
        ngx_chat_record_read_locked(from, old, &row);

        r = ngx_chat_record_take_locked(sh, &row, NULL, 1);

        if (r == NULL) {
            return NGX_DECLINED;
        }

        ngx_chat_record_write_locked(sh, r, &row, old->seq);
        r->deleted = old->deleted;

        bucket = ngx_chat_record_bucket_locked(sh, row.kind, row.room,
                                               row.subject);
        r->next = *bucket;
        *bucket = ngx_chat_record_ref(sh, r);
    }

    return NGX_OK;
}
