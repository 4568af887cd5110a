
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * The table: rows are set, deleted, found, walked over, and end.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_name.h"
#include "ngx_chat_table_private.h"
#include "ngx_chat_test.h"


/* records that are looked at while the lock is held */
#define NGX_CHAT_TABLE_STEP  256

/* in *pos: the walk looks at all records, of which there are fewer */
#define NGX_CHAT_TABLE_ALL   0x80000000


static uint32_t ngx_chat_table_later_locked(ngx_chat_sh_t *sh,
    ngx_chat_record_t *old, uint64_t now);
static void ngx_chat_table_put_locked(ngx_chat_sh_t *sh, ngx_chat_row_t *row,
    ngx_chat_record_t *r);
static void ngx_chat_table_drop_locked(ngx_chat_sh_t *sh, uint32_t *link);
static void ngx_chat_table_sweep_some_locked(ngx_chat_sh_t *sh, uint64_t now,
    ngx_uint_t all);
static void ngx_chat_table_clean_locked(ngx_chat_sh_t *sh, uint64_t now);
static ngx_uint_t ngx_chat_table_like(ngx_chat_record_t *r,
    ngx_chat_row_t *like);
static void ngx_chat_table_row_locked(ngx_chat_sh_t *sh, ngx_chat_record_t *r,
    ngx_chat_row_t *row);


static u_char  ngx_chat_table_none[NGX_CHAT_KEY_LEN];


ngx_int_t
ngx_chat_table_key(u_char dst[NGX_CHAT_KEY_LEN], u_char what, ngx_str_t *name)
{
    if (ngx_chat_name_key(dst, what, name) != NGX_OK) {
        return NGX_ERROR;
    }

    /* all 0 means none */
    dst[0] |= 1;

    return NGX_OK;
}


ngx_int_t
ngx_chat_table_room(u_char dst[NGX_CHAT_KEY_LEN], ngx_chat_room_key_t *room)
{
    return ngx_chat_table_key(dst, (room->kind == NGX_CHAT_ROOM_RAW) ? 'w'
                                                                     : 'r',
                              &room->name);
}


ngx_int_t
ngx_chat_table_set(ngx_chat_zone_t *z, ngx_chat_row_t *row, uint64_t now)
{
    ngx_int_t  rc;

    if (row->kind == 0 || row->kind > NGX_CHAT_KIND_MAX
        || row->value.len > NGX_CHAT_VALUE_MAX)
    {
        return NGX_ERROR;
    }

    ngx_chat_shm_lock(z);

    rc = z->sh->moved ? NGX_AGAIN
                      : ngx_chat_table_set_locked(z->sh, row, now,
                                                  NGX_CHAT_TABLE_HERE);

    ngx_chat_shm_unlock(z);

    return rc;
}


ngx_int_t
ngx_chat_table_replace(ngx_chat_zone_t *z, ngx_chat_row_t *row, uint64_t seq,
    uint64_t now)
{
    uint32_t           *link;
    uint64_t            there;
    ngx_int_t           rc;
    ngx_chat_record_t  *r;

    if (row->kind == 0 || row->kind > NGX_CHAT_KIND_MAX
        || row->value.len > NGX_CHAT_VALUE_MAX)
    {
        return NGX_ERROR;
    }

    ngx_chat_shm_lock(z);

    r = ngx_chat_record_find_locked(z->sh, row->kind, row->room, row->subject,
                                    &link);

    there = (r != NULL && !ngx_chat_record_over(r, now)) ? r->seq : 0;

    if (z->sh->moved) {
        rc = NGX_AGAIN;

    } else if (there != seq) {
        rc = NGX_DECLINED;

    } else {
        rc = ngx_chat_table_set_locked(z->sh, row, now, NGX_CHAT_TABLE_HERE);
    }

    ngx_chat_shm_unlock(z);

    return rc;
}


ngx_int_t
ngx_chat_table_set_locked(ngx_chat_sh_t *sh, ngx_chat_row_t *row, uint64_t now,
    ngx_chat_table_from_e from)
{
    uint32_t           *link;
    ngx_uint_t          again;
    ngx_chat_record_t  *r, *old;

    old = ngx_chat_record_find_locked(sh, row->kind, row->room, row->subject,
                                      &link);

    if (from == NGX_CHAT_TABLE_HERE) {
        row->changed = ngx_chat_table_later_locked(sh, old, now);
    }

    row->shared = (from == NGX_CHAT_TABLE_HOST);
    again = (from == NGX_CHAT_TABLE_AGAIN);

    r = ngx_chat_record_take_locked(sh, row, old, again);

    if (r == NULL && sh->table_clean != now) {

        /* once a second at most: it looks at all of them */

        sh->table_clean = now;
        ngx_chat_table_clean_locked(sh, now);

        old = ngx_chat_record_find_locked(sh, row->kind, row->room,
                                          row->subject, &link);
        r = ngx_chat_record_take_locked(sh, row, old, again);
    }

    if (r == NULL) {
        return NGX_BUSY;
    }

    ngx_chat_table_put_locked(sh, row, r);

    return NGX_OK;
}


/*
 * Later than what is replaced, whoever's clock that had.  But changes of one
 * row that come in a flood get no further ahead than that of a clock that is
 * wrong a bit: the server says which of two of one second is true.
 */

static uint32_t
ngx_chat_table_later_locked(ngx_chat_sh_t *sh, ngx_chat_record_t *old,
    uint64_t now)
{
    uint64_t  was;

    if (now != 0) {
        ngx_chat_table_time_locked(sh, now);
    }

    was = (old != NULL) ? old->changed : 0;

    /* 0: nobody has said yet what time it is */

    if (sh->table_time != 0 && was > sh->table_time + NGX_CHAT_TABLE_AHEAD) {
        /* a clock that was wrong: nobody believes it */
        was = 0;
    }

    if (sh->table_time == 0 || was < sh->table_time + NGX_CHAT_TABLE_DRIFT) {
        was++;
    }

    was = ngx_max(sh->table_time, was);

    return (uint32_t) ngx_min(was, NGX_MAX_UINT32_VALUE - 1);
}


/*
 * It is no earlier than what other hosts have given, a bit at most: so what is
 * done after it is later, even if nothing is remembered of it.
 */

void
ngx_chat_table_time_locked(ngx_chat_sh_t *sh, uint64_t now)
{
    if (sh->table_time < now
        || sh->table_time > now + NGX_CHAT_TABLE_DRIFT)
    {
        sh->table_time = now;
    }
}


/*
 * The new record is found before the old one, and exists before that one goes:
 * whenever this ends, repair keeps the greater sequence.
 */

static void
ngx_chat_table_put_locked(ngx_chat_sh_t *sh, ngx_chat_row_t *row,
    ngx_chat_record_t *r)
{
    uint64_t   seq;
    uint32_t  *bucket, *link;

    (void) ngx_chat_record_find_locked(sh, row->kind, row->room, row->subject,
                                       &link);

    seq = sh->table_seq + 1;
    row->seq = seq;

    ngx_chat_store(&sh->table_seq, seq);
    ngx_chat_barrier();

    ngx_chat_test_point("table:before");

    ngx_chat_record_write_locked(sh, r, row, seq);

    ngx_chat_test_point("table:exists");

    if (link != NULL) {
        ngx_chat_table_drop_locked(sh, link);
    }

    ngx_chat_test_point("table:replaced");

    bucket = ngx_chat_record_bucket_locked(sh, row->kind, row->room,
                                           row->subject);
    r->next = *bucket;
    ngx_chat_barrier();
    *bucket = ngx_chat_record_ref(sh, r);
}


ngx_int_t
ngx_chat_table_delete(ngx_chat_zone_t *z, ngx_chat_row_t *row)
{
    ngx_int_t  rc;

    ngx_chat_shm_lock(z);

    rc = z->sh->moved ? NGX_AGAIN
                      : ngx_chat_table_delete_locked(z->sh, row, 0, 0);

    ngx_chat_shm_unlock(z);

    return rc;
}


/* what a file has to learn stays; its sequence first, since a row that is
   written once more does no harm */

ngx_int_t
ngx_chat_table_delete_locked(ngx_chat_sh_t *sh, ngx_chat_row_t *row,
    uint32_t changed, ngx_uint_t shared)
{
    uint64_t            seq;
    uint32_t           *link;
    ngx_chat_record_t  *r;

    r = ngx_chat_record_find_locked(sh, row->kind, row->room, row->subject,
                                    &link);

    if (r == NULL || r->deleted) {
        return NGX_DECLINED;
    }

    seq = sh->table_seq + 1;
    ngx_chat_store(&sh->table_seq, seq);

    r->shared = shared;
    r->changed = changed ? changed : ngx_chat_table_later_locked(sh, r, 0);

    if (!sh->state_on && ngx_chat_record_told(sh, r)) {
        ngx_chat_table_drop_locked(sh, link);
        return NGX_OK;
    }

    sh->recent[seq % NGX_CHAT_RECENT] = *link;
    ngx_chat_barrier();

    ngx_chat_store(&r->seq, seq);

    ngx_chat_test_point("table:deleted");

    r->deleted = 1;

    return NGX_OK;
}


/* out of its chain by one store, and out of existence by the next */

static void
ngx_chat_table_drop_locked(ngx_chat_sh_t *sh, uint32_t *link)
{
    ngx_chat_record_t  *r;

    r = ngx_chat_record(sh, *link);

    *link = r->next;
    ngx_chat_barrier();

    ngx_chat_record_free_locked(sh, r);
}


ngx_int_t
ngx_chat_table_get(ngx_chat_zone_t *z, ngx_chat_row_t *row, uint64_t now)
{
    uint32_t           *link;
    ngx_int_t           rc;
    ngx_chat_sh_t      *sh;
    ngx_chat_record_t  *r;

    sh = z->sh;
    rc = NGX_DECLINED;

    ngx_chat_shm_lock_read(z);

    r = ngx_chat_record_find_locked(sh, row->kind, row->room, row->subject,
                                    &link);

    if (r != NULL && !ngx_chat_record_over(r, now)) {
        ngx_chat_table_row_locked(sh, r, row);
        rc = NGX_OK;
    }

    ngx_chat_shm_unlock(z);

    return rc;
}


void
ngx_chat_table_get_some(ngx_chat_zone_t *z, ngx_chat_row_t *rows,
    ngx_uint_t n, uint64_t now)
{
    uint32_t           *link;
    ngx_uint_t          i;
    ngx_chat_record_t  *r;

    ngx_chat_shm_lock_read(z);

    for (i = 0; i < n; i++) {

        rows[i].seq = 0;

        r = ngx_chat_record_find_locked(z->sh, rows[i].kind, rows[i].room,
                                        rows[i].subject, &link);

        if (r != NULL && !ngx_chat_record_over(r, now)) {
            ngx_chat_table_row_locked(z->sh, r, &rows[i]);
        }
    }

    ngx_chat_shm_unlock(z);
}


ngx_int_t
ngx_chat_table_take(ngx_chat_zone_t *z, ngx_chat_row_t *row, uint64_t now)
{
    uint32_t           *link;
    ngx_int_t           rc;
    ngx_chat_sh_t      *sh;
    ngx_chat_record_t  *r;

    sh = z->sh;
    rc = NGX_DECLINED;

    ngx_chat_shm_lock(z);

    r = ngx_chat_record_find_locked(sh, row->kind, row->room, row->subject,
                                    &link);

    if (sh->moved) {
        rc = NGX_AGAIN;

    } else if (r != NULL && !ngx_chat_record_over(r, now)) {
        ngx_chat_table_row_locked(sh, r, row);
        rc = ngx_chat_table_delete_locked(sh, row, 0, 0);
    }

    ngx_chat_shm_unlock(z);

    return rc;
}


ngx_int_t
ngx_chat_table_next(ngx_chat_zone_t *z, ngx_chat_row_t *like, uint32_t *pos,
    uint64_t now, ngx_chat_row_t *row)
{
    uint32_t            end;
    ngx_int_t           rc;
    ngx_chat_sh_t      *sh;
    ngx_chat_record_t  *r;

    sh = z->sh;
    rc = NGX_AGAIN;

    ngx_chat_shm_lock_read(z);

    end = (uint32_t) ngx_min((uint64_t) *pos + NGX_CHAT_TABLE_STEP,
                             sh->record_n);

    while (*pos < end) {

        r = ngx_chat_record(sh, ++*pos);

        if (r->seq != 0 && !ngx_chat_record_over(r, now)
            && ngx_chat_table_like(r, like))
        {
            ngx_chat_table_row_locked(sh, r, row);
            rc = NGX_OK;
            break;
        }
    }

    if (rc == NGX_AGAIN && end == sh->record_n) {
        rc = NGX_DONE;
    }

    ngx_chat_shm_unlock(z);

    return rc;
}


static ngx_uint_t
ngx_chat_table_like(ngx_chat_record_t *r, ngx_chat_row_t *like)
{
    if (like->kind != 0 && like->kind != r->kind) {
        return 0;
    }

    if (ngx_memcmp(like->room, ngx_chat_table_none, NGX_CHAT_KEY_LEN) != 0
        && ngx_memcmp(like->room, r->room, NGX_CHAT_KEY_LEN) != 0)
    {
        return 0;
    }

    return ngx_memcmp(like->subject, ngx_chat_table_none, NGX_CHAT_KEY_LEN)
           == 0
           || ngx_memcmp(like->subject, r->subject, NGX_CHAT_KEY_LEN) == 0;
}


static void
ngx_chat_table_row_locked(ngx_chat_sh_t *sh, ngx_chat_record_t *r,
    ngx_chat_row_t *row)
{
    row->kind = r->kind;
    row->expires = r->expires;
    row->seq = r->seq;
    row->changed = r->changed;
    row->shared = r->shared;

    ngx_memcpy(row->room, r->room, NGX_CHAT_KEY_LEN);
    ngx_memcpy(row->subject, r->subject, NGX_CHAT_KEY_LEN);

    ngx_chat_record_read_locked(sh, r, row);
}


uint64_t
ngx_chat_table_version(ngx_chat_zone_t *z)
{
    return ngx_chat_load(&z->sh->table_seq);
}


void
ngx_chat_table_stat(ngx_chat_zone_t *z, ngx_chat_table_stat_t *st)
{
    uint64_t        told;
    ngx_chat_sh_t  *sh;

    sh = z->sh;

    /* this one first: it follows the other */

    told = ngx_chat_load(&sh->share_told);

    st->untold = ngx_chat_load(&sh->table_seq) - told;

    if (!ngx_chat_load_relaxed(&sh->share_on)) {
        st->untold = 0;
    }

    st->rows = sh->record_n - ngx_chat_load_relaxed(&sh->record_free_n);
    st->rows_max = sh->record_n;
    st->bytes_free = (size_t) ngx_chat_load_relaxed(&sh->block_free_n)
                     * NGX_CHAT_BLOCK;
}


/*
 * The walk looks at the last changes only, but at all records from the begin if
 * the last changes have meanwhile become others.
 */

ngx_int_t
ngx_chat_table_changed(ngx_chat_zone_t *z, uint64_t after, uint64_t upto,
    uint32_t *pos, ngx_chat_row_t *row, ngx_uint_t *deleted)
{
    uint32_t            n, ref, all;
    ngx_int_t           rc;
    ngx_chat_sh_t      *sh;
    ngx_chat_record_t  *r;

    sh = z->sh;
    rc = NGX_AGAIN;

    ngx_chat_shm_lock_read(z);

    if (!(*pos & NGX_CHAT_TABLE_ALL)
        && (upto - after > NGX_CHAT_RECENT / 2
            || sh->table_seq - after > NGX_CHAT_RECENT))
    {
        *pos = NGX_CHAT_TABLE_ALL;
    }

    all = *pos & NGX_CHAT_TABLE_ALL;

    for (n = 0; n < NGX_CHAT_TABLE_STEP && rc == NGX_AGAIN; n++) {

        ref = *pos & ~NGX_CHAT_TABLE_ALL;

        if (ref == (all ? sh->record_n : upto - after)) {
            rc = NGX_DONE;
            break;
        }

        ref++;
        ++*pos;

        if (!all) {
            ref = sh->recent[(after + ref) % NGX_CHAT_RECENT];
        }

        if (ref == 0) {
            continue;
        }

        r = ngx_chat_record(sh, ref);

        /* a ticket that a file has could be used again after a restart */

        if (r->seq > after && r->seq <= upto
            && r->kind != NGX_CHAT_KIND_TICKET)
        {
            *deleted = r->deleted;
            ngx_chat_table_row_locked(sh, r, row);
            rc = NGX_OK;
        }
    }

    ngx_chat_shm_unlock(z);

    return rc;
}


void
ngx_chat_table_sweep_locked(ngx_chat_sh_t *sh, uint64_t now)
{
    ngx_chat_table_time_locked(sh, now);

    ngx_chat_table_sweep_some_locked(sh, now, 0);
}


static void
ngx_chat_table_sweep_some_locked(ngx_chat_sh_t *sh, uint64_t now,
    ngx_uint_t all)
{
    uint32_t           *link, n;
    ngx_chat_record_t  *r;

    for (n = 0; n < NGX_CHAT_TABLE_STEP && n < sh->record_n; n++) {

        sh->table_at = sh->table_at % sh->record_n + 1;

        r = ngx_chat_record(sh, sh->table_at);

        if (r->seq == 0 || !ngx_chat_record_over(r, now)) {
            continue;
        }

        if (!all && !ngx_chat_record_told(sh, r)) {
            continue;
        }

        if (!ngx_chat_record_saved(sh, r)) {

            if (!all) {
                continue;
            }

            /* what is missing in the file then can't be told by rows */

            ngx_chat_store(&sh->state_whole, sh->state_whole + 1);
            ngx_chat_barrier();
        }

        (void) ngx_chat_record_find_locked(sh, r->kind, r->room, r->subject,
                                           &link);
        ngx_chat_table_drop_locked(sh, link);
    }
}


static void
ngx_chat_table_clean_locked(ngx_chat_sh_t *sh, uint64_t now)
{
    uint32_t  n;

    for (n = 0; n < sh->record_n; n += NGX_CHAT_TABLE_STEP) {
        ngx_chat_table_sweep_some_locked(sh, now, 1);
    }
}
