
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * How far each webhook is in the ring, and who sends it.  A place is changed by
 * the worker that holds it; one store of `at' gets rid of what was accepted.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_hook.h"
#include "ngx_chat_name.h"
#include "ngx_chat_shm.h"


/* records given up under the lock at a time */
#define NGX_CHAT_HOOK_SLICE  256


static ngx_uint_t ngx_chat_hook_among(uint64_t id, const uint64_t *ids,
    ngx_uint_t n);
static void ngx_chat_hook_move_locked(ngx_chat_sh_t *sh,
    ngx_chat_hook_slot_t *s, uint64_t at, uint64_t seq);
static uint64_t ngx_chat_hook_lost_locked(ngx_chat_sh_t *sh,
    ngx_chat_hook_slot_t *s);
static ngx_uint_t ngx_chat_hook_expire_locked(ngx_chat_sh_t *sh,
    ngx_chat_hook_slot_t *s, uint64_t ts, uint64_t *lost);


/*
 * A place that nobody holds goes to somebody else only if there is no other.
 * Those of the same configuration may not be held yet, and aren't free.
 */

ngx_int_t
ngx_chat_hook_slot(ngx_chat_zone_t *z, uint64_t id, const uint64_t *ids,
    ngx_uint_t count)
{
    ngx_int_t              i, n;
    ngx_chat_hook_sh_t    *hs;
    ngx_chat_hook_slot_t  *s;

    hs = &z->sh->hook;
    n = NGX_ERROR;

    ngx_chat_shm_lock(z);

    for (i = 0; i < NGX_CHAT_HOOK_SLOTS; i++) {

        s = &ngx_chat_hook_slots(z->sh)[i];

        if (s->id == id) {
            n = i;
            break;
        }

        if (n == NGX_ERROR
            || (s->id == 0 && ngx_chat_hook_slots(z->sh)[n].id != 0))
        {
            if (s->id == 0
                || (s->holder == 0
                    && !ngx_chat_hook_among(s->id, ids, count)))
            {
                n = i;
            }
        }
    }

    if (n != NGX_ERROR && ngx_chat_hook_slots(z->sh)[n].id != id) {
        s = &ngx_chat_hook_slots(z->sh)[n];

        s->id = 0;
        ngx_chat_barrier();

        s->upto = 0;
        s->next = 0;
        s->tries = 0;
        s->off = 0;
        s->seq = hs->seq + 1;
        ngx_chat_store_relaxed(&s->at, hs->last);
        ngx_chat_barrier();

        s->id = id;
    }

    ngx_chat_shm_unlock(z);

    return n;
}


static ngx_uint_t
ngx_chat_hook_among(uint64_t id, const uint64_t *ids, ngx_uint_t n)
{
    ngx_uint_t  i;

    for (i = 0; i < n; i++) {
        if (ids[i] == id) {
            return 1;
        }
    }

    return 0;
}


uint64_t
ngx_chat_hook_holder(ngx_chat_zone_t *z, ngx_uint_t slot)
{
    return ngx_chat_load(&ngx_chat_hook_slots(z->sh)[slot].holder);
}


ngx_uint_t
ngx_chat_hook_hold(ngx_chat_zone_t *z, ngx_uint_t slot, uint64_t old,
    uint64_t holder)
{
    ngx_chat_hook_slot_t  *s;

    s = &ngx_chat_hook_slots(z->sh)[slot];

    return __atomic_compare_exchange_n(&s->holder, &old, holder, 0,
                                       __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}


ngx_uint_t
ngx_chat_hook_due(ngx_chat_zone_t *z, ngx_uint_t slot, uint64_t now)
{
    ngx_chat_hook_slot_t  *s;

    s = &ngx_chat_hook_slots(z->sh)[slot];

    return ngx_chat_load(&z->sh->hook.last) != ngx_chat_load_relaxed(&s->at)
           && !ngx_chat_load_relaxed(&s->off)
           && ngx_chat_load_relaxed(&s->next) <= now
           && !ngx_chat_zone_moved(z);
}


void
ngx_chat_hook_take(ngx_chat_zone_t *z, ngx_chat_hook_batch_t *b)
{
    uint32_t               n;
    uint64_t               at, last;
    ngx_chat_sh_t         *sh;
    ngx_chat_hook_slot_t  *s;

    sh = z->sh;
    s = &ngx_chat_hook_slots(sh)[b->slot];
    b->len = 0;

    ngx_chat_epoch_print(b->origin, sh->epoch_start, 0);

    ngx_chat_shm_lock(z);

    b->lost = ngx_chat_hook_lost_locked(sh, s);

    last = (s->upto > s->at) ? ngx_min(s->upto, sh->hook.last)
                             : sh->hook.last;

    for (at = s->at; at < last; at += n) {

        n = ngx_chat_hook_size(sh, at, NULL, NULL);

        if (n == 0 || b->len + n > b->size) {
            break;
        }

        ngx_chat_hook_read(sh, at, b->buf + b->len, n);
        b->len += n;
    }

    if (b->len == 0 && s->at < last) {
        /* can't be: nothing in there can be read */
        ngx_chat_hook_move_locked(sh, s, sh->hook.last, sh->hook.seq + 1);
    }

    b->at = s->at;

    ngx_chat_shm_unlock(z);
}


/* what was overwritten, by the numbers of records */

static uint64_t
ngx_chat_hook_lost_locked(ngx_chat_sh_t *sh, ngx_chat_hook_slot_t *s)
{
    uint64_t             seq, lost;
    ngx_chat_hook_sh_t  *hs;

    hs = &sh->hook;

    if (s->at < hs->first || s->at > hs->last) {
        s->upto = 0;
        ngx_chat_store_relaxed(&s->at, hs->first);
    }

    if (ngx_chat_hook_size(sh, s->at, &seq, NULL) == 0) {
        seq = hs->seq + 1;
    }

    lost = (seq > s->seq) ? seq - s->seq : 0;
    s->seq = seq;
    hs->lost += lost;

    return lost;
}


static void
ngx_chat_hook_move_locked(ngx_chat_sh_t *sh, ngx_chat_hook_slot_t *s,
    uint64_t at, uint64_t seq)
{
    /* it may have been overwritten meanwhile, and more */

    if (at > s->at && at <= sh->hook.last) {
        s->seq = ngx_max(s->seq, seq);
        ngx_chat_store_relaxed(&s->at, at);
    }
}


void
ngx_chat_hook_try(ngx_chat_zone_t *z, ngx_uint_t slot, uint64_t upto)
{
    ngx_chat_shm_lock(z);
    ngx_chat_hook_slots(z->sh)[slot].upto = upto;
    ngx_chat_shm_unlock(z);
}


void
ngx_chat_hook_done(ngx_chat_zone_t *z, ngx_uint_t slot, uint64_t upto,
    uint64_t seq, ngx_uint_t events)
{
    ngx_chat_hook_slot_t  *s;

    s = &ngx_chat_hook_slots(z->sh)[slot];

    ngx_chat_shm_lock(z);

    ngx_chat_hook_move_locked(z->sh, s, upto, seq);
    z->sh->hook.sent += events;
    s->upto = 0;
    s->tries = 0;
    s->next = 0;

    ngx_chat_shm_unlock(z);
}


ngx_uint_t
ngx_chat_hook_tries(ngx_chat_zone_t *z, ngx_uint_t slot)
{
    return ngx_chat_load_relaxed(&ngx_chat_hook_slots(z->sh)[slot].tries);
}


void
ngx_chat_hook_failed(ngx_chat_zone_t *z, ngx_uint_t slot, uint64_t next)
{
    ngx_chat_hook_slot_t  *s;

    s = &ngx_chat_hook_slots(z->sh)[slot];

    ngx_chat_shm_lock(z);

    z->sh->hook.failed++;
    s->tries++;
    ngx_chat_store_relaxed(&s->next, next);

    ngx_chat_shm_unlock(z);
}


uint64_t
ngx_chat_hook_expire(ngx_chat_zone_t *z, ngx_uint_t slot, uint64_t ts)
{
    uint64_t    lost;
    ngx_uint_t  more;

    lost = 0;

    do {
        ngx_chat_shm_lock(z);

        more = ngx_chat_hook_expire_locked(z->sh,
                                           &ngx_chat_hook_slots(z->sh)[slot],
                                           ts, &lost);
        ngx_chat_shm_unlock(z);

    } while (more);

    return lost;
}


static ngx_uint_t
ngx_chat_hook_expire_locked(ngx_chat_sh_t *sh, ngx_chat_hook_slot_t *s,
    uint64_t ts, uint64_t *lost)
{
    uint32_t    n;
    uint64_t    seq, when;
    ngx_uint_t  i;

    *lost += ngx_chat_hook_lost_locked(sh, s);

    for (i = 0; i < NGX_CHAT_HOOK_SLICE; i++) {

        n = ngx_chat_hook_size(sh, s->at, &seq, &when);

        if (n == 0 || when >= ts) {
            return 0;
        }

        s->upto = 0;
        s->tries = 0;
        ngx_chat_hook_move_locked(sh, s, s->at + n, seq + 1);
        sh->hook.lost++;
        (*lost)++;
    }

    return 1;
}


void
ngx_chat_hook_off(ngx_chat_zone_t *z, ngx_uint_t slot)
{
    ngx_chat_shm_lock(z);
    z->sh->hook.failed++;
    ngx_chat_store_relaxed(&ngx_chat_hook_slots(z->sh)[slot].off, 1);
    ngx_chat_shm_unlock(z);
}


void
ngx_chat_hook_stat(ngx_chat_zone_t *z, ngx_chat_hook_stat_t *st)
{
    uint64_t               n;
    ngx_uint_t             i;
    ngx_chat_hook_sh_t    *hs;
    ngx_chat_hook_slot_t  *s;

    hs = &z->sh->hook;
    n = 0;

    ngx_memzero(st, sizeof(ngx_chat_hook_stat_t));

    if (hs->size == 0) {
        return;
    }

    ngx_chat_shm_lock_read(z);

    for (i = 0; i < NGX_CHAT_HOOK_SLOTS; i++) {

        s = &ngx_chat_hook_slots(z->sh)[i];

        if (s->id != 0 && s->holder != 0 && !s->off && s->seq <= hs->seq) {
            n = ngx_max(n, hs->seq + 1 - s->seq);
        }
    }

    st->waiting = n;
    st->sent = hs->sent;
    st->failed = hs->failed;
    st->lost = hs->lost;

    ngx_chat_shm_unlock(z);
}
