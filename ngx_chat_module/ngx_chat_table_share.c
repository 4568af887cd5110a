
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * The table and what is outside of the zone: rows of a file, and rows that
 * other hosts have.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_table_private.h"


/* records that are looked at while the lock is held */
#define NGX_CHAT_SHARE_STEP  256

/* without a sign of it for longer, its work is another's, s */
#define NGX_CHAT_SHARE_LEASE  3


static ngx_int_t ngx_chat_table_apply_locked(ngx_chat_sh_t *sh,
    ngx_chat_row_t *row, ngx_uint_t deleted, uint64_t now);
static ngx_uint_t ngx_chat_table_same_locked(ngx_chat_sh_t *sh,
    ngx_chat_record_t *r, ngx_chat_row_t *row, ngx_uint_t deleted);


/* what is newer here stays: it was changed after `after', and not by this */

ngx_int_t
ngx_chat_table_restore(ngx_chat_zone_t *z, ngx_chat_row_t *row,
    ngx_uint_t deleted, uint64_t after, uint64_t upto)
{
    uint32_t           *link;
    ngx_int_t           rc;
    ngx_chat_sh_t      *sh;
    ngx_chat_record_t  *r;

    sh = z->sh;
    rc = NGX_OK;

    ngx_chat_shm_lock(z);

    r = ngx_chat_record_find_locked(sh, row->kind, row->room, row->subject,
                                    &link);

    if (r != NULL && r->seq > after && r->seq <= upto) {
        rc = NGX_OK;

    } else if (deleted) {
        (void) ngx_chat_table_delete_locked(sh, row, row->changed, 0);

    } else {
        rc = ngx_chat_table_set_locked(sh, row, 0, NGX_CHAT_TABLE_AGAIN);
    }

    ngx_chat_shm_unlock(z);

    return rc;
}


void
ngx_chat_table_floor(ngx_chat_zone_t *z, uint64_t seq)
{
    ngx_chat_shm_lock(z);

    if (z->sh->table_seq < seq) {
        ngx_chat_store(&z->sh->table_seq, seq);
    }

    ngx_chat_shm_unlock(z);
}


/* a secret is this host's, and a ticket is good once, which one host knows */

ngx_uint_t
ngx_chat_table_is_shared(ngx_uint_t kind)
{
    switch (kind) {

    case NGX_CHAT_KIND_HORIZON:
    case NGX_CHAT_KIND_BAN:
    case NGX_CHAT_KIND_MUTE:
    case NGX_CHAT_KIND_ROLE:
    case NGX_CHAT_KIND_KICK:
    case NGX_CHAT_KIND_RANK:
    case NGX_CHAT_KIND_ROOM:
    case NGX_CHAT_KIND_MEMBER:
    case NGX_CHAT_KIND_BLOCK:
        return 1;

    default:
        return 0;
    }
}


void
ngx_chat_table_share(ngx_chat_zone_t *z, ngx_uint_t on)
{
    ngx_chat_shm_lock(z);
    z->sh->share_on = on ? 1 : 0;
    ngx_chat_shm_unlock(z);
}


ngx_int_t
ngx_chat_table_apply(ngx_chat_zone_t *z, ngx_chat_row_t *row,
    ngx_uint_t deleted, uint64_t now)
{
    ngx_int_t  rc;

    ngx_chat_shm_lock(z);

    rc = z->sh->moved ? NGX_AGAIN
                      : ngx_chat_table_apply_locked(z->sh, row, deleted, now);

    ngx_chat_shm_unlock(z);

    return rc;
}


/*
 * Of two rows of one second, the server says which: what it has replaces what
 * it has had.  What it hasn't had yet it will be told.
 */

static ngx_int_t
ngx_chat_table_apply_locked(ngx_chat_sh_t *sh, ngx_chat_row_t *row,
    ngx_uint_t deleted, uint64_t now)
{
    uint32_t           *link;
    ngx_chat_record_t  *r;

    ngx_chat_table_time_locked(sh, now);

    if (row->changed <= now + NGX_CHAT_TABLE_DRIFT) {
        sh->table_time = ngx_max(sh->table_time, row->changed);
    }

    r = ngx_chat_record_find_locked(sh, row->kind, row->room, row->subject,
                                    &link);

    if (r != NULL && r->changed > row->changed
        && r->changed <= now + NGX_CHAT_TABLE_AHEAD)
    {
        return NGX_DECLINED;
    }

    if (r != NULL && r->changed == row->changed) {

        if (ngx_chat_table_same_locked(sh, r, row, deleted)) {
            r->shared = 1;
            return NGX_DECLINED;
        }

        if (!r->shared) {
            return NGX_DECLINED;
        }
    }

    if (!deleted && (row->expires == 0 || row->expires > now)) {
        return ngx_chat_table_set_locked(sh, row, now, NGX_CHAT_TABLE_HOST);
    }

    if (r == NULL) {
        return NGX_DECLINED;
    }

    if (r->deleted) {
        r->changed = row->changed;
        r->shared = 1;
        return NGX_DECLINED;
    }

    return ngx_chat_table_delete_locked(sh, row, row->changed, 1);
}


static ngx_uint_t
ngx_chat_table_same_locked(ngx_chat_sh_t *sh, ngx_chat_record_t *r,
    ngx_chat_row_t *row, ngx_uint_t deleted)
{
    u_char          value[NGX_CHAT_VALUE_MAX];
    ngx_chat_row_t  have;

    if (deleted || r->deleted) {
        return (deleted && r->deleted);
    }

    if (r->expires != row->expires || r->len != row->value.len) {
        return 0;
    }

    have.value.data = value;
    ngx_chat_record_read_locked(sh, r, &have);

    return ngx_memcmp(value, row->value.data, row->value.len) == 0;
}


void
ngx_chat_table_told(ngx_chat_zone_t *z, ngx_chat_row_t *row)
{
    uint32_t           *link;
    ngx_chat_record_t  *r;

    ngx_chat_shm_lock(z);

    r = ngx_chat_record_find_locked(z->sh, row->kind, row->room, row->subject,
                                    &link);

    if (r != NULL && r->seq == row->seq) {
        r->shared = 1;
    }

    ngx_chat_shm_unlock(z);
}


ngx_int_t
ngx_chat_table_untold(ngx_chat_zone_t *z, uint32_t *pos)
{
    uint32_t        end;
    ngx_int_t       rc;
    ngx_chat_sh_t  *sh;

    sh = z->sh;

    ngx_chat_shm_lock(z);

    ngx_chat_store(&sh->share_told, 0);

    end = (uint32_t) ngx_min((uint64_t) *pos + NGX_CHAT_SHARE_STEP,
                             sh->record_n);

    while (*pos < end) {
        ngx_chat_record(sh, ++*pos)->shared = 0;
    }

    rc = (end == sh->record_n) ? NGX_DONE : NGX_AGAIN;

    ngx_chat_shm_unlock(z);

    return rc;
}


uint64_t
ngx_chat_table_told_upto(ngx_chat_zone_t *z)
{
    return ngx_chat_load(&z->sh->share_told);
}


ngx_int_t
ngx_chat_table_set_told(ngx_chat_zone_t *z, ngx_uint_t seat, uint64_t seq)
{
    ngx_int_t  rc;

    rc = NGX_DECLINED;

    ngx_chat_shm_lock(z);

    if (z->sh->share_owner == seat + 1) {
        ngx_chat_store(&z->sh->share_told, seq);
        rc = NGX_OK;
    }

    ngx_chat_shm_unlock(z);

    return rc;
}


ngx_int_t
ngx_chat_table_claim(ngx_chat_zone_t *z, ngx_uint_t seat, uint64_t now)
{
    ngx_int_t       rc;
    ngx_chat_sh_t  *sh;

    sh = z->sh;
    rc = NGX_DECLINED;

    ngx_chat_shm_lock(z);

    if (sh->share_owner == 0 || sh->share_owner == seat + 1
        || sh->share_beat + NGX_CHAT_SHARE_LEASE <= now
        || sh->share_beat > now + NGX_CHAT_SHARE_LEASE)
    {
        sh->share_owner = (uint32_t) seat + 1;
        sh->share_beat = now;
        rc = NGX_OK;
    }

    ngx_chat_shm_unlock(z);

    return rc;
}


void
ngx_chat_table_release(ngx_chat_zone_t *z, ngx_uint_t seat)
{
    ngx_chat_shm_lock(z);

    if (z->sh->share_owner == seat + 1) {
        z->sh->share_owner = 0;
    }

    ngx_chat_shm_unlock(z);
}
