
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * After a process died inside a critical section: every list and counter is
 * built anew from what the entries say of themselves.  It changes what is true
 * only to drop it, so that it may itself die anywhere and be begun again.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_change_private.h"
#include "ngx_chat_interest.h"
#include "ngx_chat_log.h"
#include "ngx_chat_name.h"
#include "ngx_chat_nonce.h"
#include "ngx_chat_room.h"
#include "ngx_chat_segment.h"
#include "ngx_chat_table_private.h"
#include "ngx_chat_test.h"


/* an array whose elements are linked by references and have a 64-bit key */

typedef struct {
    u_char    *base;
    size_t     size;
    size_t     link;
    size_t     key;
} ngx_chat_sort_t;


static void ngx_chat_repair_reset_locked(ngx_chat_sh_t *sh);
static void ngx_chat_repair_segments_locked(ngx_chat_sh_t *sh);
static void ngx_chat_repair_rooms_locked(ngx_chat_sh_t *sh);
static void ngx_chat_repair_room_locked(ngx_chat_sh_t *sh,
    ngx_chat_slot_t *slot);
static ngx_int_t ngx_chat_repair_log_locked(ngx_chat_sh_t *sh,
    ngx_chat_slot_t *slot, uint32_t list);
static uint32_t ngx_chat_repair_head_locked(ngx_chat_sh_t *sh,
    ngx_chat_slot_t *slot, uint32_t list);
static ngx_int_t ngx_chat_repair_end_locked(ngx_chat_sh_t *sh,
    ngx_chat_slot_t *slot, uint32_t ref, uint32_t *last);
static uint32_t ngx_chat_repair_run_locked(ngx_chat_sh_t *sh,
    ngx_chat_slot_t *slot, uint32_t list, uint32_t ref);
static void ngx_chat_repair_interests_locked(ngx_chat_sh_t *sh);
static void ngx_chat_repair_masks_locked(ngx_chat_sh_t *sh);
static void ngx_chat_repair_lru_locked(ngx_chat_sh_t *sh);
static void ngx_chat_repair_seats_locked(ngx_chat_sh_t *sh);
static uint32_t ngx_chat_sort(ngx_chat_sort_t *s, uint32_t list);


#define ngx_chat_sort_at(s, ref, what)                                        \
    ((s)->base + (size_t) ((ref) - 1) * (s)->size + (s)->what)
#define ngx_chat_sort_link(s, ref)                                            \
    (*(uint32_t *) ngx_chat_sort_at(s, ref, link))
#define ngx_chat_sort_key(s, ref)                                             \
    (*(uint64_t *) ngx_chat_sort_at(s, ref, key))


void
ngx_chat_repair_locked(ngx_chat_sh_t *sh)
{
    ngx_chat_test_point("repair:begin");

    ngx_chat_repair_reset_locked(sh);
    ngx_chat_repair_segments_locked(sh);

    ngx_chat_test_point("repair:segments");

    ngx_chat_repair_rooms_locked(sh);

    ngx_chat_test_point("repair:rooms");

    ngx_chat_repair_interests_locked(sh);
    ngx_chat_repair_masks_locked(sh);
    ngx_chat_repair_lru_locked(sh);
    ngx_chat_repair_seats_locked(sh);
    ngx_chat_presence_repair_locked(sh);
    ngx_chat_nonce_repair_locked(sh);
    ngx_chat_table_repair_locked(sh);
    ngx_chat_hook_repair_locked(sh);

    ngx_chat_test_point("repair:end");
}


static void
ngx_chat_repair_reset_locked(ngx_chat_sh_t *sh)
{
    ngx_uint_t        i;
    ngx_chat_slot_t  *slot;

    sh->seg_fresh = ngx_min(sh->seg_fresh, sh->seg_n);
    sh->room_fresh = ngx_min(sh->room_fresh, sh->room_n);
    sh->interest_fresh = ngx_min(sh->interest_fresh, sh->interest_n);

    sh->seg_free = 0;
    sh->seg_free_n = 0;
    sh->room_free = 0;
    sh->room_count = 0;
    sh->interest_free = 0;
    sh->lru_first = 0;
    sh->lru_last = 0;
    sh->fair_max = 0;

    ngx_memzero(ngx_chat_buckets(sh), sh->bucket_n * sizeof(uint32_t));
    ngx_memzero(ngx_chat_fair(sh), (sh->seg_n + 1) * sizeof(uint32_t));

    for (i = 0; i < sh->room_fresh; i++) {

        slot = &ngx_chat_slots(sh)[i];

        slot->next = 0;
        slot->seg_first = 0;
        slot->seg_last = 0;
        slot->seg_count = 0;
        slot->second = 0;
        slot->expire = 0;
        slot->followers = 0;
        slot->lru_prev = 0;
        slot->lru_next = 0;
        slot->fair_prev = 0;
        slot->fair_next = 0;
        ngx_chat_store(&slot->interest, 0);

        if (slot->life > sh->lives) {
            sh->lives = slot->life;
        }

        if (slot->len == 0 || slot->len > NGX_CHAT_ROOM_MAX) {
            slot->life = 0;
        }
    }
}


/* sorts segments into their rooms' lists, in any order, and the free list */

static void
ngx_chat_repair_segments_locked(ngx_chat_sh_t *sh)
{
    uint32_t          ref;
    ngx_chat_seg_t   *seg;
    ngx_chat_slot_t  *slot;

    for (ref = sh->seg_fresh; ref; ref--) {

        seg = ngx_chat_seg(sh, ref);

        if (seg->magic == NGX_CHAT_SEG_USED && seg->sequence != 0
            && seg->room != 0 && seg->room <= sh->room_fresh)
        {
            slot = ngx_chat_slot(sh, seg->room);

            if (slot->life != 0 && slot->life == seg->life) {
                ngx_chat_store_relaxed(&seg->next, slot->seg_first);
                slot->seg_first = ref;
                continue;
            }
        }

        ngx_chat_seg_free_locked(sh, ref);
    }
}


static void
ngx_chat_repair_rooms_locked(ngx_chat_sh_t *sh)
{
    ngx_uint_t        i;
    ngx_chat_slot_t  *slot;

    for (i = sh->room_fresh; i; i--) {

        slot = &ngx_chat_slots(sh)[i - 1];

        if (slot->life == 0) {
            slot->next = sh->room_free;
            sh->room_free = (uint32_t) i;
            continue;
        }

        ngx_chat_repair_room_locked(sh, slot);
        ngx_chat_slot_link_locked(sh, slot);
        sh->room_count++;
    }
}


/* a log that can't be saved ends; the room begins a new life, which its
   readers notice */

static void
ngx_chat_repair_room_locked(ngx_chat_sh_t *sh, ngx_chat_slot_t *slot)
{
    uint32_t         list, next;
    ngx_chat_sort_t  sort;

    sort.base = ngx_chat_sh_at(sh, sh->segs);
    sort.size = sh->seg_size;
    sort.link = offsetof(ngx_chat_seg_t, next);
    sort.key = offsetof(ngx_chat_seg_t, sequence);

    list = ngx_chat_sort(&sort, slot->seg_first);

    slot->seg_first = 0;

    if (slot->kept <= slot->head + 1
        && ngx_chat_repair_log_locked(sh, slot, list) == NGX_OK)
    {
        slot->first = ngx_max(slot->first, slot->kept);
        slot->first = ngx_min(slot->first, slot->head + 1);

    } else {

        for ( /* void */ ; list; list = next) {
            next = ngx_chat_seg(sh, list)->next;
            ngx_chat_seg_free_locked(sh, list);
        }

        ngx_chat_store(&slot->life, ++sh->lives);
        ngx_chat_barrier();

        ngx_chat_store(&slot->head, 0);
        slot->first = 1;
        slot->kept = 1;
        slot->n = 0;
        slot->sequence = 0;
        slot->remote = 0;
    }

    if (!slot->remote) {
        ngx_chat_epoch_print(slot->epoch, sh->epoch_start, slot->life);
        ngx_chat_change_repair_locked(sh, slot);
    }
}


/*
 * Of the sorted list those segments stay that end with the head's record and
 * have no gap; what is behind was about to be written, what is before a gap
 * was about to be freed.  NGX_ERROR: nothing was changed, the head isn't
 * there.
 */

static ngx_int_t
ngx_chat_repair_log_locked(ngx_chat_sh_t *sh, ngx_chat_slot_t *slot,
    uint32_t list)
{
    uint32_t         ref, last, run, next;
    ngx_uint_t       keep;

    run = 0;
    last = 0;

    if (slot->kept <= slot->head) {

        ref = ngx_chat_repair_head_locked(sh, slot, list);

        if (ref == 0
            || ngx_chat_repair_end_locked(sh, slot, ref, &last) != NGX_OK)
        {
            return NGX_ERROR;
        }

        run = ngx_chat_repair_run_locked(sh, slot, list, ref);
    }

    keep = 0;

    for (ref = list; ref; ref = next) {

        next = ngx_chat_seg(sh, ref)->next;

        if (ref == run) {
            keep = 1;
            slot->kept = ngx_chat_seg(sh, ref)->first;
        }

        if (keep) {
            ngx_chat_seg_link_locked(sh, slot, ref);

        } else {
            ngx_chat_seg_free_locked(sh, ref);
        }

        if (ref == last) {
            keep = 0;
        }
    }

    return NGX_OK;
}


/* the segment in which the head's record begins: the last with first <=
   head */

static uint32_t
ngx_chat_repair_head_locked(ngx_chat_sh_t *sh, ngx_chat_slot_t *slot,
    uint32_t list)
{
    uint32_t         ref, found;
    ngx_chat_seg_t  *seg;

    found = 0;

    for (ref = list; ref; ref = seg->next) {
        seg = ngx_chat_seg(sh, ref);

        if (seg->first > slot->head) {
            break;
        }

        found = ref;
    }

    return found;
}


/* walks to the head's record, and to its end: the segment, and slot->at */

static ngx_int_t
ngx_chat_repair_end_locked(ngx_chat_sh_t *sh, ngx_chat_slot_t *slot,
    uint32_t ref, uint32_t *last)
{
    size_t           left, room;
    uint32_t         at;
    uint64_t         offset, sequence;
    ngx_chat_seg_t  *seg;
    ngx_chat_rec_t  *rec;

    seg = ngx_chat_seg(sh, ref);
    at = seg->first_at;

    if (at < NGX_CHAT_SEG_HEADER || at % 8 != 0) {
        return NGX_ERROR;
    }

    for (offset = seg->first; /* void */ ; offset++) {

        if (!ngx_chat_log_fits(sh, at)) {
            return NGX_ERROR;
        }

        rec = (ngx_chat_rec_t *) ((u_char *) seg + at);

        if (rec->offset != offset || rec->space > NGX_MAX_INT32_VALUE) {
            return NGX_ERROR;
        }

        left = ngx_chat_rec_bytes(rec);
        room = sh->seg_size - at;

        if (offset == slot->head) {
            break;
        }

        if (left > room) {
            return NGX_ERROR;
        }

        at += (uint32_t) left;
    }

    slot->ts = rec->ts;
    slot->n = rec->n;

    while (left > room) {

        left -= room;
        sequence = seg->sequence;
        ref = seg->next;

        if (ref == 0) {
            return NGX_ERROR;
        }

        seg = ngx_chat_seg(sh, ref);

        if (seg->sequence != sequence + 1) {
            return NGX_ERROR;
        }

        at = NGX_CHAT_SEG_HEADER;
        room = sh->seg_size - at;
    }

    slot->at = at + (uint32_t) left;
    *last = ref;

    return NGX_OK;
}


/*
 * The first segment of the run without a gap that contains `ref', but not one
 * whose records were all dropped.
 */

static uint32_t
ngx_chat_repair_run_locked(ngx_chat_sh_t *sh, ngx_chat_slot_t *slot,
    uint32_t list, uint32_t ref)
{
    uint32_t         run, i;
    ngx_chat_seg_t  *seg, *next;

    run = list;

    for (i = list; i != ref; i = seg->next) {

        seg = ngx_chat_seg(sh, i);
        next = ngx_chat_seg(sh, seg->next);

        if (next->sequence != seg->sequence + 1
            || next->first <= slot->kept)
        {
            run = seg->next;
        }
    }

    return run;
}


static void
ngx_chat_repair_interests_locked(ngx_chat_sh_t *sh)
{
    uint32_t              next;
    ngx_uint_t            i, valid;
    ngx_chat_seat_t      *seats;
    ngx_chat_slot_t      *slot;
    ngx_chat_interest_t  *e, *other;

    seats = ngx_chat_seats(sh);

    for (i = sh->interest_fresh; i; i--) {

        e = &ngx_chat_interests(sh)[i - 1];
        e->queued = 0;

        slot = NULL;
        valid = 0;

        if (e->room && e->room <= sh->room_fresh && e->seat < NGX_CHAT_SEATS
            && seats[e->seat].pid != 0)
        {
            slot = ngx_chat_slot(sh, e->room);
            valid = (slot->life != 0 && slot->life == e->life);

            for (next = slot->interest; valid && next; next = other->next) {
                other = ngx_chat_interest(sh, next);
                valid = (other->seat != e->seat);
            }
        }

        if (valid) {
            slot->followers++;
            ngx_chat_interest_link_locked(sh, slot, e);
            continue;
        }

        ngx_chat_store(&e->room, 0);
        ngx_chat_store(&e->next, sh->interest_free);
        sh->interest_free = (uint32_t) i;
    }
}


/* followers without an entry; a seat must not count twice */

static void
ngx_chat_repair_masks_locked(ngx_chat_sh_t *sh)
{
    uint32_t              ref;
    ngx_uint_t            i, n;
    ngx_chat_seat_t      *seats;
    ngx_chat_slot_t      *slot;
    ngx_chat_interest_t  *e;

    seats = ngx_chat_seats(sh);

    for (i = 0; i < sh->room_fresh; i++) {

        slot = &ngx_chat_slots(sh)[i];

        for (ref = slot->interest; ref; ref = e->next) {
            e = ngx_chat_interest(sh, ref);
            ngx_chat_mask_clear(&slot->mask, e->seat);
        }

        for (n = 0; n < NGX_CHAT_SEATS; n++) {

            if (slot->mask.w[n >> 6] == 0) {
                n |= 63;
                continue;
            }

            if (!ngx_chat_mask_has(&slot->mask, n)) {
                continue;
            }

            if (seats[n].pid == 0 || slot->life == 0) {
                ngx_chat_mask_clear(&slot->mask, n);

            } else {
                slot->followers++;
            }
        }
    }
}


static void
ngx_chat_repair_lru_locked(ngx_chat_sh_t *sh)
{
    uint32_t          ref, list, prev;
    ngx_chat_sort_t   sort;
    ngx_chat_slot_t  *slot;

    list = 0;

    for (ref = sh->room_fresh; ref; ref--) {

        slot = ngx_chat_slot(sh, ref);

        if (slot->life && slot->followers == 0) {
            slot->lru_next = list;
            list = ref;
        }
    }

    sort.base = (u_char *) ngx_chat_slots(sh);
    sort.size = sizeof(ngx_chat_slot_t);
    sort.link = offsetof(ngx_chat_slot_t, lru_next);
    sort.key = offsetof(ngx_chat_slot_t, used);

    list = ngx_chat_sort(&sort, list);

    sh->lru_first = list;
    prev = 0;

    for (ref = list; ref; ref = slot->lru_next) {
        slot = ngx_chat_slot(sh, ref);
        slot->lru_prev = prev;
        prev = ref;
    }

    sh->lru_last = prev;
}


static void
ngx_chat_repair_seats_locked(ngx_chat_sh_t *sh)
{
    ngx_uint_t        i;
    ngx_chat_seat_t  *s;

    for (i = 0; i < NGX_CHAT_SEATS; i++) {

        s = &ngx_chat_seats(sh)[i];

        ngx_chat_store(&s->ring_first, s->ring_last);
        ngx_chat_store(&s->scan_all, (s->pid != 0));
    }
}


/* a merge sort of a list, bottom up: no memory, no recursion */

static uint32_t
ngx_chat_sort(ngx_chat_sort_t *s, uint32_t list)
{
    uint32_t  p, q, e, tail;
    size_t    width, np, nq, merges;

    for (width = 1; /* void */ ; width *= 2) {

        p = list;
        list = 0;
        tail = 0;
        merges = 0;

        while (p) {

            merges++;
            q = p;

            for (np = 0; np < width && q; np++) {
                q = ngx_chat_sort_link(s, q);
            }

            nq = width;

            while (np || (nq && q)) {

                if (np && (nq == 0 || q == 0
                           || ngx_chat_sort_key(s, p)
                              <= ngx_chat_sort_key(s, q)))
                {
                    e = p;
                    p = ngx_chat_sort_link(s, p);
                    np--;

                } else {
                    e = q;
                    q = ngx_chat_sort_link(s, q);
                    nq--;
                }

                if (tail) {
                    ngx_chat_sort_link(s, tail) = e;

                } else {
                    list = e;
                }

                tail = e;
            }

            p = q;
        }

        if (tail) {
            ngx_chat_sort_link(s, tail) = 0;
        }

        if (merges <= 1) {
            return list;
        }
    }
}
