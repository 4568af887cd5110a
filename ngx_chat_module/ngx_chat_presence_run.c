
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Presence in the course of time: who leaves, versions, seats that are gone.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_hook.h"
#include "ngx_chat_interest.h"
#include "ngx_chat_presence.h"
#include "ngx_chat_room.h"
#include "ngx_chat_shm.h"
#include "ngx_chat_test.h"
#include "ngx_chat_transient.h"


/* under the lock at a time */
#define NGX_CHAT_PRESENCE_SLICE  256
#define NGX_CHAT_PRESENCE_SCAN   2048

/* and so often in one run */
#define NGX_CHAT_PRESENCE_RUNS   64


static void ngx_chat_presence_close_locked(ngx_chat_sh_t *sh,
    ngx_chat_presence_room_t *p, ngx_chat_mask_t *wake);
static ngx_uint_t ngx_chat_presence_wheel_run_locked(ngx_chat_sh_t *sh,
    ngx_uint_t *left, ngx_chat_mask_t *wake);
static void ngx_chat_presence_due_locked(ngx_chat_sh_t *sh,
    ngx_chat_presence_entry_t *e, ngx_chat_mask_t *wake);
static ngx_uint_t ngx_chat_presence_cool_run_locked(ngx_chat_sh_t *sh,
    ngx_uint_t i, ngx_uint_t *left, ngx_chat_mask_t *wake);
static void ngx_chat_presence_gone_locked(ngx_chat_sh_t *sh,
    ngx_chat_presence_room_t *p, ngx_chat_presence_entry_t *e,
    ngx_chat_mask_t *wake);


/*
 * A worker's time is that of its turn's begin, and turns may be long.  If it
 * went backwards, a deadline could come to where the wheel has been already,
 * and would be a round late.
 */

void
ngx_chat_presence_clock_locked(ngx_chat_sh_t *sh, uint64_t now)
{
    sh->presence.now = ngx_max(sh->presence.now, now);
}


void
ngx_chat_presence_end_locked(ngx_chat_sh_t *sh, ngx_chat_presence_room_t *p,
    ngx_chat_presence_entry_t *e, ngx_uint_t at_once, ngx_chat_mask_t *wake)
{
    if (at_once || p->grace == 0) {
        ngx_chat_presence_gone_locked(sh, p, e, wake);
        return;
    }

    ngx_chat_presence_wheel_locked(sh, e, sh->presence.now + p->grace);
}


/*
 * Where names are told he stays in the list for a while, for the diffs of
 * workers; a diff that would need those that are forgotten says so.
 */

static void
ngx_chat_presence_gone_locked(ngx_chat_sh_t *sh, ngx_chat_presence_room_t *p,
    ngx_chat_presence_entry_t *e, ngx_chat_mask_t *wake)
{
    /* first: after a death in between he leaves again */

    ngx_chat_presence_hook_locked(sh, p, e, NGX_CHAT_HOOK_LEAVE);
    ngx_chat_barrier();

    e->gone = 1;
    p->n--;

    ngx_chat_presence_touch_locked(sh, p, e);

    if (p->counting) {
        p->lost = e->seq;
        ngx_chat_presence_free_locked(sh, p, e);

    } else {
        ngx_chat_presence_wheel_locked(sh, e, sh->presence.now
                                              + NGX_CHAT_PRESENCE_KEPT);
    }

    ngx_chat_presence_changed_locked(sh, p, wake);
}


/* webhooks hear of who is on the list, and whether somebody is */

void
ngx_chat_presence_hook_locked(ngx_chat_sh_t *sh, ngx_chat_presence_room_t *p,
    ngx_chat_presence_entry_t *e, ngx_uint_t kind)
{
    uint32_t          n;
    ngx_str_t         room, user, name;
    ngx_chat_slot_t  *slot;

    if (sh->hook.mask == 0) {
        return;
    }

    slot = ngx_chat_slot_at(sh, (uint32_t) (p - ngx_chat_presence_rooms(sh)),
                            p->life);
    if (slot == NULL) {
        return;
    }

    room.data = slot->name;
    room.len = slot->len;
    user.data = e->id;
    user.len = e->id_len;
    name.data = e->name;
    name.len = e->name_len;

    n = (kind == NGX_CHAT_HOOK_JOIN) ? p->n : p->n - 1;

    if (kind == NGX_CHAT_HOOK_JOIN && n == 1) {
        ngx_chat_hook_event_locked(sh, NGX_CHAT_HOOK_OCCUPIED, &room, &user,
                                   &name, e->guest, n);
    }

    ngx_chat_hook_event_locked(sh, kind, &room, &user, &name, e->guest, n);

    if (kind == NGX_CHAT_HOOK_LEAVE && n == 0) {
        ngx_chat_hook_event_locked(sh, NGX_CHAT_HOOK_VACATED, &room, &user,
                                   &name, e->guest, n);
    }
}


void
ngx_chat_presence_changed_locked(ngx_chat_sh_t *sh,
    ngx_chat_presence_room_t *p, ngx_chat_mask_t *wake)
{
    if (!p->cooling) {
        ngx_chat_presence_close_locked(sh, p, wake);
    }
}


/*
 * A new version.  It is announced by an empty event in the ring; a worker that
 * misses it compares the versions a second later.  After a count no client has
 * a list any more: `prev' of the first diff is a number that no one was told.
 */

static void
ngx_chat_presence_close_locked(ngx_chat_sh_t *sh, ngx_chat_presence_room_t *p,
    ngx_chat_mask_t *wake)
{
    ngx_uint_t        counting;
    ngx_chat_slot_t  *slot;

    slot = ngx_chat_slot_at(sh, (uint32_t) (p - ngx_chat_presence_rooms(sh)),
                            p->life);

    if (slot == NULL || p->seq == p->v) {
        return;
    }

    counting = p->n + ngx_chat_interest_unlisted_locked(sh, slot) > p->max;

    if (p->counting && !counting) {
        p->lost = ++sh->presence.seq;
        p->seq = ++sh->presence.seq;
    }

    p->counting = (uint8_t) counting;
    p->at = sh->presence.now;

    ngx_chat_store(&p->v, p->seq);

    ngx_chat_test_point("presence:version");

    ngx_chat_presence_cool_locked(sh, p, counting);

    if (ngx_chat_interest_watchers_locked(sh, slot, wake)) {
        ngx_chat_transient_presence_locked(sh, slot);
    }
}


void
ngx_chat_presence_run(ngx_chat_zone_t *z, ngx_uint_t seat, uint64_t now,
    ngx_chat_mask_t *wake)
{
    uint64_t        last, step;
    ngx_uint_t      n, left, more;
    ngx_chat_sh_t  *sh;

    sh = z->sh;
    step = now / NGX_CHAT_PRESENCE_STEP;
    last = ngx_chat_load(&sh->presence.run);

    if (!ngx_chat_presence_busy(z) || last == step
        || !__atomic_compare_exchange_n(&sh->presence.run, &last, step, 0,
                                        __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
    {
        return;
    }

    for (n = 0, more = 1; more && n < NGX_CHAT_PRESENCE_RUNS; n++) {

        ngx_chat_shm_lock(z);

        ngx_chat_presence_clock_locked(sh, now);
        left = NGX_CHAT_PRESENCE_SLICE;

        more = ngx_chat_presence_wheel_run_locked(sh, &left, wake)
               || ngx_chat_presence_cool_run_locked(sh, 0, &left, wake)
               || ngx_chat_presence_cool_run_locked(sh, 1, &left, wake);

        ngx_chat_shm_unlock(z);
    }

    if (seat < NGX_CHAT_SEATS) {
        ngx_chat_mask_clear(wake, seat);
    }
}


/* steps that are over, all entries of which are due; 1: there are more */

static ngx_uint_t
ngx_chat_presence_wheel_run_locked(ngx_chat_sh_t *sh, ngx_uint_t *left,
    ngx_chat_mask_t *wake)
{
    uint32_t                    *slot;
    uint64_t                     last;
    ngx_chat_presence_sh_t      *ps;
    ngx_chat_presence_entry_t   *e;

    ps = &sh->presence;
    last = ps->now / NGX_CHAT_PRESENCE_STEP - 1;

    if (last > ps->done + NGX_CHAT_PRESENCE_WHEEL) {
        /* once round is all of it */
        ps->done = last - NGX_CHAT_PRESENCE_WHEEL;
    }

    for ( /* void */ ; ps->done < last; ps->done++) {

        slot = &ps->wheel[(ps->done + 1) % NGX_CHAT_PRESENCE_WHEEL];

        while (*slot) {

            e = ngx_chat_presence_entry(sh, *slot);

            if (e->until > ps->now) {
                /* of the next round: nobody ran for a long time */
                break;
            }

            if ((*left)-- == 0) {
                *left = 0;
                return 1;
            }

            ngx_chat_presence_due_locked(sh, e, wake);
        }
    }

    return 0;
}


static void
ngx_chat_presence_due_locked(ngx_chat_sh_t *sh, ngx_chat_presence_entry_t *e,
    ngx_chat_mask_t *wake)
{
    ngx_chat_presence_room_t  *p;

    p = &ngx_chat_presence_rooms(sh)[e->room - 1];

    if (!e->gone
        && ngx_chat_slot_at(sh, e->room - 1, e->life) != NULL)
    {
        ngx_chat_presence_gone_locked(sh, p, e, wake);
        return;
    }

    /* it was told, or the room itself is no more */

    p->n -= !e->gone;
    p->lost = ngx_max(p->lost, e->seq);

    ngx_chat_presence_free_locked(sh, p, e);
}


static ngx_uint_t
ngx_chat_presence_cool_run_locked(ngx_chat_sh_t *sh, ngx_uint_t i,
    ngx_uint_t *left, ngx_chat_mask_t *wake)
{
    uint64_t                   every;
    ngx_chat_presence_sh_t    *ps;
    ngx_chat_presence_room_t  *p;

    ps = &sh->presence;
    every = i ? NGX_CHAT_PRESENCE_COUNT : NGX_CHAT_PRESENCE_EVERY;

    while (ps->cool_first[i]) {

        p = &ngx_chat_presence_rooms(sh)[ps->cool_first[i] - 1];

        if (p->at + every > ps->now) {
            return 0;
        }

        if ((*left)-- == 0) {
            *left = 0;
            return 1;
        }

        ngx_chat_presence_uncool_locked(sh, i);
        ngx_chat_presence_close_locked(sh, p, wake);
    }

    return 0;
}


ngx_uint_t
ngx_chat_presence_busy(ngx_chat_zone_t *z)
{
    return ngx_chat_load_relaxed(&z->sh->presence.busy) != 0;
}


/* what a death leaves undone is found by the next one who sweeps the seat */

void
ngx_chat_presence_clear(ngx_chat_zone_t *z, ngx_uint_t seat, uint64_t now)
{
    uint32_t                    i, last;
    ngx_uint_t                  n;
    ngx_chat_sh_t              *sh;
    ngx_chat_mask_t             none;
    ngx_chat_presence_entry_t  *e;

    if (seat >= NGX_CHAT_SEATS) {
        return;
    }

    sh = z->sh;

    /* who sweeps a seat wakes all */
    ngx_memzero(&none, sizeof(ngx_chat_mask_t));

    for (i = 0; /* void */ ; i = last) {

        ngx_chat_shm_lock(z);

        ngx_chat_presence_clock_locked(sh, now);
        last = ngx_min(i + NGX_CHAT_PRESENCE_SCAN, sh->presence.fresh);

        for ( /* void */ ; i < last; i++) {

            e = &ngx_chat_presence_entries(sh)[i];

            if (e->room == 0 || !ngx_chat_mask_has(&e->seats, seat)) {
                continue;
            }

            ngx_chat_mask_clear(&e->seats, seat);

            for (n = 0; n < NGX_CHAT_SEATS / 64 && !e->seats.w[n]; n++) {
                /* void */
            }

            if (n == NGX_CHAT_SEATS / 64) {
                ngx_chat_presence_end_locked(sh,
                                 &ngx_chat_presence_rooms(sh)[e->room - 1],
                                 e, 0, &none);
            }
        }

        n = (last < sh->presence.fresh);

        ngx_chat_shm_unlock(z);

        if (!n) {
            return;
        }
    }
}
