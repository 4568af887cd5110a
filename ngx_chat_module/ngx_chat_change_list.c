
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Where the messages of a page are: by the chains, not by looking at what lies
 * between.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_change_private.h"
#include "ngx_chat_room.h"


/* steps for which the lock is held at once */
#define NGX_CHAT_LIST_STEPS  64


/* what a walk needs to go on when it has the lock again */

typedef struct {
    ngx_chat_zone_t  *zone;
    uint32_t          idx;
    uint64_t          life;
    uint64_t          at;            /* the next offset to look at; 0: done */
    ngx_uint_t        max;
    ngx_uint_t        n;
    uint64_t         *offset;
} ngx_chat_walk_t;


static void ngx_chat_list_before_locked(ngx_chat_sh_t *sh,
    ngx_chat_slot_t *slot, ngx_chat_walk_t *w);
static ngx_uint_t ngx_chat_list_after_locked(ngx_chat_sh_t *sh,
    ngx_chat_slot_t *slot, ngx_chat_walk_t *w);
static ngx_int_t ngx_chat_list_thread(ngx_chat_walk_t *w, uint64_t root,
    uint64_t before);
static ngx_uint_t ngx_chat_list_replies_locked(ngx_chat_sh_t *sh,
    ngx_chat_slot_t *slot, ngx_chat_walk_t *w, uint64_t root,
    uint64_t before);


ngx_uint_t
ngx_chat_change_before(ngx_chat_zone_t *z, uint32_t idx, uint64_t life,
    uint64_t from, ngx_uint_t n, uint64_t *offset)
{
    ngx_chat_walk_t   w;
    ngx_chat_slot_t  *slot;

    w.at = from;
    w.max = n;
    w.n = 0;
    w.offset = offset;

    while (w.at != 0 && w.n < w.max) {

        ngx_chat_shm_lock_read(z);

        slot = ngx_chat_slot_at(z->sh, idx, life);

        if (slot == NULL) {
            w.at = 0;

        } else {
            ngx_chat_list_before_locked(z->sh, slot, &w);
        }

        ngx_chat_shm_unlock(z);
    }

    return w.n;
}


static void
ngx_chat_list_before_locked(ngx_chat_sh_t *sh, ngx_chat_slot_t *slot,
    ngx_chat_walk_t *w)
{
    ngx_uint_t         i;
    ngx_chat_fold_t    fold;
    ngx_chat_cursor_t  cur;

    for (i = 0; i < NGX_CHAT_LIST_STEPS && w->n < w->max; i++) {

        if (w->at < slot->first || w->at > slot->head
            || ngx_chat_log_locate_locked(sh, slot, w->at, &cur) != NGX_OK)
        {
            w->at = 0;
            return;
        }

        if (ngx_chat_change_fold_locked(sh, &cur, &fold) == NGX_OK) {
            w->at = (fold.message < w->at) ? fold.message : 0;
            continue;
        }

        w->offset[w->n++] = w->at--;
    }
}


ngx_uint_t
ngx_chat_change_after(ngx_chat_zone_t *z, uint32_t idx, uint64_t life,
    uint64_t from, ngx_uint_t n, uint64_t *offset, uint64_t *upto)
{
    ngx_uint_t        steps, done;
    ngx_chat_walk_t   w;
    ngx_chat_slot_t  *slot;

    w.at = from;
    w.max = n;
    w.n = 0;
    w.offset = offset;

    for (steps = 0; steps < NGX_CHAT_CHANGE_STEPS && w.n < w.max;
         steps += done)
    {
        ngx_chat_shm_lock_read(z);

        slot = ngx_chat_slot_at(z->sh, idx, life);
        done = (slot == NULL) ? 0
                              : ngx_chat_list_after_locked(z->sh, slot, &w);

        ngx_chat_shm_unlock(z);

        if (done == 0) {
            break;
        }
    }

    *upto = w.at - 1;

    return w.n;
}


/* how many records were looked at */

static ngx_uint_t
ngx_chat_list_after_locked(ngx_chat_sh_t *sh, ngx_chat_slot_t *slot,
    ngx_chat_walk_t *w)
{
    ngx_uint_t         i;
    ngx_chat_fold_t    fold;
    ngx_chat_cursor_t  cur;

    w->at = ngx_max(w->at, slot->first);

    if (w->at > slot->head
        || ngx_chat_log_locate_locked(sh, slot, w->at, &cur) != NGX_OK)
    {
        return 0;
    }

    for (i = 0; i < NGX_CHAT_LIST_STEPS && w->n < w->max
                && w->at <= slot->head; i++)
    {
        if (ngx_chat_change_fold_locked(sh, &cur, &fold) != NGX_OK) {
            w->offset[w->n++] = w->at;
        }

        if (w->at++ < slot->head) {
            ngx_chat_log_next_locked(sh, &cur);
        }
    }

    return i;
}


ngx_int_t
ngx_chat_change_replies(ngx_chat_zone_t *z, uint32_t idx, uint64_t life,
    uint64_t root, uint64_t before, ngx_uint_t *n, uint64_t *offset,
    uint64_t *upto)
{
    ngx_uint_t        steps, done;
    ngx_chat_walk_t   w;
    ngx_chat_slot_t  *slot;

    w.zone = z;
    w.idx = idx;
    w.life = life;
    w.at = 0;
    w.max = *n;
    w.n = 0;
    w.offset = offset;

    *n = 0;
    *upto = 0;

    if (ngx_chat_list_thread(&w, root, before) != NGX_OK) {
        return NGX_DECLINED;
    }

    for (steps = 0; w.at != 0 && w.n < w.max; steps += done) {

        if (w.n == 0 && steps >= NGX_CHAT_CHANGE_STEPS) {
            *upto = w.at;
            break;
        }

        ngx_chat_shm_lock_read(z);

        slot = ngx_chat_slot_at(z->sh, idx, life);
        done = (slot == NULL) ? 0
                              : ngx_chat_list_replies_locked(z->sh, slot, &w,
                                                             root, before);
        ngx_chat_shm_unlock(z);

        if (done == 0) {
            break;
        }
    }

    *n = w.n;

    return NGX_OK;
}


/* where the walk begins */

static ngx_int_t
ngx_chat_list_thread(ngx_chat_walk_t *w, uint64_t root, uint64_t before)
{
    ngx_int_t           rc;
    ngx_chat_sh_t      *sh;
    ngx_chat_rec_t     *rec;
    ngx_chat_slot_t    *slot;
    ngx_chat_cursor_t   cur;

    sh = w->zone->sh;
    rc = NGX_DECLINED;

    ngx_chat_shm_lock_read(w->zone);

    slot = ngx_chat_slot_at(sh, w->idx, w->life);

    if (slot == NULL || root < slot->first || root > slot->head
        || ngx_chat_log_locate_locked(sh, slot, root, &cur) != NGX_OK)
    {
        goto done;
    }

    rec = ngx_chat_log_rec(&cur);

    if (rec->type != NGX_CHAT_REC_MESSAGE || rec->thread != 0) {
        goto done;
    }

    rc = NGX_OK;
    w->at = rec->target;

    if (before > root && before <= slot->head
        && ngx_chat_log_locate_locked(sh, slot, before, &cur) == NGX_OK)
    {
        rec = ngx_chat_log_rec(&cur);

        if (rec->type == NGX_CHAT_REC_MESSAGE && rec->thread == root
            && rec->lead == sizeof(uint64_t))
        {
            w->at = rec->target;
        }
    }

done:

    ngx_chat_shm_unlock(w->zone);

    return rc;
}


static ngx_uint_t
ngx_chat_list_replies_locked(ngx_chat_sh_t *sh, ngx_chat_slot_t *slot,
    ngx_chat_walk_t *w, uint64_t root, uint64_t before)
{
    ngx_uint_t          i;
    ngx_chat_rec_t     *rec;
    ngx_chat_cursor_t   cur;

    for (i = 0; i < NGX_CHAT_LIST_STEPS && w->at != 0 && w->n < w->max; i++) {

        if (w->at <= root || w->at < slot->first || w->at > slot->head
            || ngx_chat_log_locate_locked(sh, slot, w->at, &cur) != NGX_OK)
        {
            w->at = 0;
            break;
        }

        rec = ngx_chat_log_rec(&cur);

        if (before == 0 || w->at < before) {
            w->offset[w->n++] = w->at;
        }

        w->at = (rec->target < w->at) ? rec->target : 0;
    }

    return i;
}
