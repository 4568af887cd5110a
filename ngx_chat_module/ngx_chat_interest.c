
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * An entry {room, life, seat} is added and removed by its seat only, or by who
 * sweeps a dead seat; so its seat may find and store into it without the lock.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_interest.h"
#include "ngx_chat_presence.h"
#include "ngx_chat_room.h"
#include "ngx_chat_test.h"
#include "ngx_chat_transient.h"


static ngx_chat_interest_t *ngx_chat_interest_own(ngx_chat_zone_t *z,
    uint32_t idx, uint64_t life, ngx_uint_t seat);
static ngx_chat_interest_t *ngx_chat_interest_find(ngx_chat_sh_t *sh,
    ngx_chat_slot_t *slot, uint64_t life, ngx_uint_t seat);
static ngx_chat_interest_t *ngx_chat_interest_take_locked(ngx_chat_sh_t *sh);
static void ngx_chat_interest_free_locked(ngx_chat_sh_t *sh,
    ngx_chat_slot_t *slot, ngx_chat_interest_t *e);
static void ngx_chat_interest_left_locked(ngx_chat_sh_t *sh,
    ngx_chat_slot_t *slot);
static void ngx_chat_ring_put_locked(ngx_chat_sh_t *sh,
    ngx_chat_interest_t *e);


void
ngx_chat_room_read(ngx_chat_zone_t *z, uint32_t idx, uint64_t life,
    ngx_uint_t seat, uint64_t offset)
{
    ngx_chat_interest_t  *e;

    e = ngx_chat_interest_own(z, idx, life, seat);

    if (e != NULL) {
        ngx_chat_store(&e->read, offset);
    }
}


/*
 * The seat finds its own entry: nobody else removes it.  The chain may change
 * under the walk, so every entry is checked and the walk is bounded; if it
 * lost its way (rare) the lock helps.
 */

static ngx_chat_interest_t *
ngx_chat_interest_own(ngx_chat_zone_t *z, uint32_t idx, uint64_t life,
    ngx_uint_t seat)
{
    ngx_chat_slot_t      *slot;
    ngx_chat_interest_t  *e;

    slot = ngx_chat_slot_at(z->sh, idx, life);

    if (slot == NULL || seat >= NGX_CHAT_SEATS) {
        return NULL;
    }

    e = ngx_chat_interest_find(z->sh, slot, life, seat);

    if (e != NULL || ngx_chat_mask_has(&slot->mask, seat)) {
        return e;
    }

    ngx_chat_shm_lock(z);

    slot = ngx_chat_slot_at(z->sh, idx, life);

    if (slot != NULL) {
        e = ngx_chat_interest_find(z->sh, slot, life, seat);
    }

    ngx_chat_shm_unlock(z);

    return e;
}


static ngx_chat_interest_t *
ngx_chat_interest_find(ngx_chat_sh_t *sh, ngx_chat_slot_t *slot,
    uint64_t life, ngx_uint_t seat)
{
    uint32_t              ref, room;
    ngx_uint_t            n;
    ngx_chat_interest_t  *e;

    room = ngx_chat_slot_ref(sh, slot);
    ref = ngx_chat_load(&slot->interest);

    for (n = 0; ref && ref <= sh->interest_n && n <= NGX_CHAT_SEATS; n++) {

        e = ngx_chat_interest(sh, ref);

        if (ngx_chat_load(&e->room) == room
            && ngx_chat_load_relaxed(&e->seat) == seat
            && ngx_chat_load_relaxed(&e->life) == life)
        {
            return e;
        }

        ref = ngx_chat_load(&e->next);
    }

    return NULL;
}


/* if the table is full the seat has only a bit: it is woken to scan all */

void
ngx_chat_interest_follow_locked(ngx_chat_sh_t *sh, ngx_chat_slot_t *slot,
    ngx_uint_t seat)
{
    ngx_uint_t            has;
    ngx_chat_interest_t  *e;

    if (seat >= NGX_CHAT_SEATS
        || ngx_chat_interest_find(sh, slot, slot->life, seat) != NULL)
    {
        return;
    }

    has = ngx_chat_mask_has(&slot->mask, seat);
    e = ngx_chat_interest_take_locked(sh);

    if (e == NULL && has) {
        return;
    }

    if (!has && slot->followers++ == 0) {
        ngx_chat_lru_remove_locked(sh, slot);
    }

    if (e == NULL) {
        ngx_chat_mask_set(&slot->mask, seat);
        return;
    }

    ngx_chat_mask_clear(&slot->mask, seat);

    ngx_chat_store_relaxed(&e->life, slot->life);
    ngx_chat_store_relaxed(&e->seat, (uint16_t) seat);
    ngx_chat_store_relaxed(&e->read, slot->head);
    ngx_chat_store_relaxed(&e->sessions, 0);
    ngx_chat_store_relaxed(&e->watchers, 0);
    e->unlisted = 0;
    e->queued = 0;

    ngx_chat_store(&e->room, ngx_chat_slot_ref(sh, slot));

    ngx_chat_test_point("interest:unlinked");

    ngx_chat_interest_link_locked(sh, slot, e);
}


void
ngx_chat_interest_link_locked(ngx_chat_sh_t *sh, ngx_chat_slot_t *slot,
    ngx_chat_interest_t *e)
{
    ngx_chat_store(&e->next, slot->interest);
    ngx_chat_store(&slot->interest, ngx_chat_interest_ref(sh, e));
}


void
ngx_chat_interest_leave_locked(ngx_chat_sh_t *sh, ngx_chat_slot_t *slot,
    ngx_uint_t seat)
{
    ngx_chat_interest_t  *e;

    if (seat >= NGX_CHAT_SEATS) {
        return;
    }

    e = ngx_chat_interest_find(sh, slot, slot->life, seat);

    if (e != NULL) {
        ngx_chat_interest_free_locked(sh, slot, e);

    } else if (ngx_chat_mask_has(&slot->mask, seat)) {
        ngx_chat_mask_clear(&slot->mask, seat);

    } else {
        return;
    }

    ngx_chat_interest_left_locked(sh, slot);
}


static void
ngx_chat_interest_left_locked(ngx_chat_sh_t *sh, ngx_chat_slot_t *slot)
{
    if (--slot->followers == 0) {
        ngx_chat_lru_add_locked(sh, slot);
    }
}


void
ngx_chat_interest_mask_locked(ngx_chat_sh_t *sh, ngx_chat_slot_t *slot,
    ngx_chat_mask_t *mask)
{
    uint32_t              ref;
    ngx_chat_interest_t  *e;

    for (ref = slot->interest; ref; ref = e->next) {
        e = ngx_chat_interest(sh, ref);
        ngx_chat_mask_set(mask, e->seat);
    }
}


/* a look at every entry: when a worker begins or is gone, not more often */

void
ngx_chat_interest_seat_locked(ngx_chat_sh_t *sh, ngx_uint_t seat)
{
    ngx_uint_t            i;
    ngx_chat_slot_t      *slot;
    ngx_chat_interest_t  *e;

    for (i = 0; i < sh->interest_fresh; i++) {

        e = &ngx_chat_interests(sh)[i];

        if (e->room && e->seat == seat) {
            slot = ngx_chat_slot(sh, e->room);
            ngx_chat_interest_free_locked(sh, slot, e);
            ngx_chat_slot_touch_locked(sh, slot, sh->now);
            ngx_chat_interest_left_locked(sh, slot);
        }
    }

    for (i = 0; i < sh->room_fresh; i++) {

        slot = &ngx_chat_slots(sh)[i];

        if (slot->owner == seat + 1) {
            slot->ready = 0;
            ngx_chat_store(&slot->owner, 0);
        }

        if (slot->life && ngx_chat_mask_has(&slot->mask, seat)) {
            ngx_chat_mask_clear(&slot->mask, seat);
            ngx_chat_slot_touch_locked(sh, slot, sh->now);
            ngx_chat_interest_left_locked(sh, slot);
        }
    }
}


static ngx_chat_interest_t *
ngx_chat_interest_take_locked(ngx_chat_sh_t *sh)
{
    ngx_chat_interest_t  *e;

    if (sh->interest_free) {
        e = ngx_chat_interest(sh, sh->interest_free);
        sh->interest_free = e->next;
        return e;
    }

    if (sh->interest_fresh == sh->interest_n) {
        return NULL;
    }

    return ngx_chat_interest(sh, ++sh->interest_fresh);
}


static void
ngx_chat_interest_free_locked(ngx_chat_sh_t *sh, ngx_chat_slot_t *slot,
    ngx_chat_interest_t *e)
{
    uint32_t  *p, ref;

    ref = ngx_chat_interest_ref(sh, e);

    ngx_chat_store(&e->room, 0);
    ngx_chat_barrier();

    for (p = &slot->interest; *p && *p != ref; /* void */ ) {
        p = &ngx_chat_interest(sh, *p)->next;
    }

    if (*p) {
        ngx_chat_store(p, e->next);
    }

    ngx_chat_store(&e->next, sh->interest_free);
    sh->interest_free = ref;
}


uint64_t
ngx_chat_interest_low_locked(ngx_chat_sh_t *sh, ngx_chat_slot_t *slot)
{
    uint32_t              ref;
    uint64_t              low, offset;
    ngx_uint_t            i;
    ngx_chat_interest_t  *e;

    for (i = 0; i < NGX_CHAT_SEATS / 64; i++) {
        if (slot->mask.w[i]) {
            return 0;
        }
    }

    low = slot->head;

    for (ref = slot->interest; ref; ref = e->next) {
        e = ngx_chat_interest(sh, ref);
        offset = ngx_chat_load(&e->read);
        low = ngx_min(low, offset);
    }

    return low;
}


/* a seat that has no entry counts as one */

uint64_t
ngx_chat_interest_sessions_locked(ngx_chat_sh_t *sh, ngx_chat_slot_t *slot)
{
    uint32_t              ref;
    uint64_t              n;
    ngx_uint_t            i;
    ngx_chat_interest_t  *e;

    n = 0;

    for (i = 0; i < NGX_CHAT_SEATS / 64; i++) {
        n += (uint64_t) __builtin_popcountll(slot->mask.w[i]);
    }

    for (ref = slot->interest; ref; ref = e->next) {
        e = ngx_chat_interest(sh, ref);
        n += ngx_chat_load_relaxed(&e->sessions);
    }

    return n;
}


void
ngx_chat_room_sessions(ngx_chat_zone_t *z, uint32_t idx, uint64_t life,
    ngx_uint_t seat, uint32_t n)
{
    ngx_chat_interest_t  *e;

    e = ngx_chat_interest_own(z, idx, life, seat);

    if (e != NULL) {
        ngx_chat_store_relaxed(&e->sessions, n);
    }
}


/* of those that are counted without being in the list of users */

uint64_t
ngx_chat_interest_unlisted_locked(ngx_chat_sh_t *sh, ngx_chat_slot_t *slot)
{
    uint32_t              ref;
    uint64_t              n;
    ngx_chat_interest_t  *e;

    n = 0;

    for (ref = slot->interest; ref; ref = e->next) {
        e = ngx_chat_interest(sh, ref);
        n += e->unlisted;
    }

    return n;
}


void
ngx_chat_interest_unlist_locked(ngx_chat_sh_t *sh, ngx_chat_slot_t *slot,
    ngx_uint_t seat, ngx_int_t n)
{
    ngx_chat_interest_t  *e;

    e = ngx_chat_interest_find(sh, slot, slot->life, seat);

    if (e != NULL && (n > 0 || e->unlisted > 0)) {
        e->unlisted += (uint32_t) n;
    }
}


ngx_uint_t
ngx_chat_interest_watchers_locked(ngx_chat_sh_t *sh, ngx_chat_slot_t *slot,
    ngx_chat_mask_t *mask)
{
    uint32_t              ref;
    ngx_uint_t            n;
    ngx_chat_interest_t  *e;

    n = 0;

    for (ref = slot->interest; ref; ref = e->next) {
        e = ngx_chat_interest(sh, ref);

        if (ngx_chat_load_relaxed(&e->watchers) > 0) {
            ngx_chat_mask_set(mask, e->seat);
            n++;
        }
    }

    return n;
}


void
ngx_chat_presence_watch(ngx_chat_zone_t *z, uint32_t idx, uint64_t life,
    ngx_uint_t seat, uint32_t n)
{
    ngx_chat_interest_t  *e;

    e = ngx_chat_interest_own(z, idx, life, seat);

    if (e != NULL) {
        ngx_chat_store_relaxed(&e->watchers, n);
    }
}


void
ngx_chat_interest_queue_locked(ngx_chat_sh_t *sh, ngx_chat_slot_t *slot,
    ngx_uint_t seat, ngx_chat_mask_t *wake)
{
    uint32_t              ref;
    ngx_uint_t            i;
    ngx_chat_interest_t  *e;

    for (ref = slot->interest; ref; ref = e->next) {

        e = ngx_chat_interest(sh, ref);

        if (e->seat == seat) {
            continue;
        }

        ngx_chat_mask_set(wake, e->seat);

        if (!e->queued) {
            ngx_chat_ring_put_locked(sh, e);
        }
    }

    for (i = 0; i < NGX_CHAT_SEATS; i++) {

        if (slot->mask.w[i >> 6] == 0) {
            i |= 63;
            continue;
        }

        if (i != seat && ngx_chat_mask_has(&slot->mask, i)) {
            ngx_chat_store(&ngx_chat_seats(sh)[i].scan_all, 1);
            ngx_chat_mask_set(wake, i);
        }
    }
}


void
ngx_chat_interest_end_locked(ngx_chat_sh_t *sh, ngx_chat_slot_t *slot,
    ngx_chat_mask_t *wake)
{
    ngx_uint_t        i;
    ngx_chat_mask_t   mask;

    mask = slot->mask;
    ngx_chat_interest_mask_locked(sh, slot, &mask);

    for (i = 0; i < NGX_CHAT_SEATS; i++) {

        if (!ngx_chat_mask_has(&mask, i)) {
            continue;
        }

        ngx_chat_interest_leave_locked(sh, slot, i);
        ngx_chat_store(&ngx_chat_seats(sh)[i].scan_all, 1);
        ngx_chat_mask_set(wake, i);
    }

    ngx_chat_slot_remove_locked(sh, slot);
}


/*
 * A ring holds entries, not rooms: nothing has to be searched when one is
 * taken.  An entry that was freed or reused meanwhile is recognised by its
 * seat, or names another room of the seat, which then is looked at in vain.
 */

static void
ngx_chat_ring_put_locked(ngx_chat_sh_t *sh, ngx_chat_interest_t *e)
{
    ngx_chat_seat_t  *s;

    s = &ngx_chat_seats(sh)[e->seat];

    if (s->ring_last - s->ring_first >= sh->ring_n) {
        ngx_chat_store(&s->scan_all, 1);
        return;
    }

    ngx_chat_ring(sh, e->seat)[s->ring_last & (sh->ring_n - 1)]
        = ngx_chat_interest_ref(sh, e);

    e->queued = 1;

    ngx_chat_store(&s->ring_last, s->ring_last + 1);
}


ngx_uint_t
ngx_chat_ring_take(ngx_chat_zone_t *z, ngx_uint_t seat, uint32_t *rooms,
    ngx_uint_t n, ngx_uint_t *scan_all)
{
    uint32_t             *ring, ref;
    ngx_uint_t            i;
    ngx_chat_sh_t        *sh;
    ngx_chat_seat_t      *s;
    ngx_chat_interest_t  *e;

    if (seat >= NGX_CHAT_SEATS) {
        *scan_all = 1;
        return 0;
    }

    sh = z->sh;
    s = &ngx_chat_seats(sh)[seat];
    *scan_all = 0;

    if (ngx_chat_load(&s->ring_last) == ngx_chat_load_relaxed(&s->ring_first)
        && !ngx_chat_load(&s->scan_all))
    {
        return 0;
    }

    ring = ngx_chat_ring(sh, seat);
    i = 0;

    ngx_chat_shm_lock(z);

    *scan_all = s->scan_all;
    ngx_chat_store(&s->scan_all, 0);

    while (i < n && s->ring_first != s->ring_last) {

        ref = ring[s->ring_first & (sh->ring_n - 1)];
        s->ring_first++;

        if (ref == 0 || ref > sh->interest_n) {
            *scan_all = 1;
            continue;
        }

        e = ngx_chat_interest(sh, ref);

        if (e->room && e->seat == seat) {
            e->queued = 0;
            rooms[i++] = e->room - 1;
        }
    }

    ngx_chat_shm_unlock(z);

    return i;
}
