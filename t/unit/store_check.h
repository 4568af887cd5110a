
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * A checker of every invariant of the store's memory, for its tests.
 */


#ifndef _STORE_CHECK_H_INCLUDED_
#define _STORE_CHECK_H_INCLUDED_


#include "store_table_check.h"


#define wrong(...)                                                            \
    do {                                                                      \
        snprintf(text, sizeof(text), __VA_ARGS__);                            \
        return text;                                                          \
    } while (0)


/* walks the records from the first that is whole to the tail */

static const char *
store_check_log(ngx_chat_sh_t *sh, ngx_chat_slot_t *slot, ngx_uint_t idx)
{
    size_t           left, n;
    uint32_t         ref, at;
    uint64_t         offset, ts;
    ngx_chat_rec_t  *rec;
    ngx_chat_seg_t  *seg;

    static char      text[256];

    offset = slot->kept;
    ts = 0;

    if (slot->kept > slot->head + 1 || slot->first < slot->kept
        || slot->first > slot->head + 1)
    {
        wrong("room %lu: kept %lu first %lu head %lu", idx, slot->kept,
              slot->first, slot->head);
    }

    if (slot->seg_first == 0) {
        if (slot->kept != slot->head + 1) {
            wrong("room %lu: no segments, kept %lu head %lu", idx, slot->kept,
                  slot->head);
        }
        return NULL;
    }

    seg = ngx_chat_seg(sh, slot->seg_first);

    if (seg->first != slot->kept) {
        wrong("room %lu: segment's first %lu, kept %lu", idx, seg->first,
              slot->kept);
    }

    if (slot->second && (seg->next == 0
        || slot->second != ngx_chat_seg(sh, seg->next)->first))
    {
        wrong("room %lu: second", idx);
    }

    /* segments in which nothing begins lead to the first record */

    at = seg->first_at;

    while (at == 0 && seg->next) {
        seg = ngx_chat_seg(sh, seg->next);
        at = seg->first_at;
        if (seg->first != slot->kept) {
            wrong("room %lu: first of a following segment", idx);
        }
    }

    while (offset <= slot->head) {

        if (at + sizeof(ngx_chat_rec_t) > sh->seg_size) {
            seg = ngx_chat_seg(sh, seg->next);
            at = NGX_CHAT_SEG_HEADER;
        }

        if (seg->first <= offset && seg->first == offset
            && seg->first_at != at)
        {
            wrong("room %lu: first_at %u, at %u", idx, seg->first_at, at);
        }

        rec = (ngx_chat_rec_t *) ((u_char *) seg + at);

        if (rec->offset != offset) {
            wrong("room %lu: record %lu says %lu", idx, offset, rec->offset);
        }

        if (rec->ts < ts || rec->ts > slot->ts || seg->ts < rec->ts) {
            wrong("room %lu: ts of record %lu", idx, offset);
        }

        ts = rec->ts;

        for (left = ngx_chat_rec_bytes(rec); /* void */ ; left -= n) {
            n = sh->seg_size - at;
            if (left <= n) {
                at += left;
                break;
            }
            ref = seg->next;
            if (ref == 0) {
                wrong("room %lu: record %lu has no end", idx, offset);
            }
            seg = ngx_chat_seg(sh, ref);
            at = NGX_CHAT_SEG_HEADER;
            if (seg->first != offset + 1) {
                wrong("room %lu: first in a record", idx);
            }
        }

        offset++;
    }

    if (slot->kept <= slot->head
        && (at != slot->at || ngx_chat_seg_ref(sh, seg) != slot->seg_last))
    {
        wrong("room %lu: at %u, not %u", idx, at, slot->at);
    }

    return NULL;
}


static const char *
store_check_room(ngx_chat_sh_t *sh, ngx_chat_slot_t *slot, u_char *segs,
    u_char *ints)
{
    uint32_t              ref, prev, n, max;
    uint64_t              sequence;
    ngx_uint_t            idx, i;
    ngx_chat_seg_t       *seg;
    ngx_chat_slot_t      *found;
    ngx_chat_interest_t  *e;
    ngx_chat_room_key_t   key;

    static char           text[256];

    idx = slot - ngx_chat_slots(sh);

    key.kind = slot->kind;
    key.name.data = slot->name;
    key.name.len = slot->len;

    found = ngx_chat_slot_lookup_locked(sh, &key, slot->hash);

    if (found != slot || slot->hash != ngx_chat_slot_hash(sh, &key)) {
        wrong("room %lu isn't found", idx);
    }

    n = 0;
    prev = 0;
    sequence = 0;

    for (ref = slot->seg_first; ref; ref = seg->next) {
        if (ref > sh->seg_fresh || segs[ref]++) {
            wrong("room %lu: segment %u is elsewhere too", idx, ref);
        }

        seg = ngx_chat_seg(sh, ref);

        if (seg->magic != NGX_CHAT_SEG_USED || seg->life != slot->life
            || seg->room != idx + 1 || seg->prev != prev
            || (prev && seg->sequence != sequence + 1))
        {
            wrong("room %lu: segment %u", idx, ref);
        }

        sequence = seg->sequence;
        prev = ref;
        n++;
    }

    if (n != slot->seg_count || prev != slot->seg_last
        || (n && sequence != slot->sequence))
    {
        wrong("room %lu: %u segments, said %u", idx, n, slot->seg_count);
    }

    /* it may exceed its new cap until it is touched */

    max = ngx_max(slot->cap, sh->cap);

    if (n > max + 1) {
        wrong("room %lu: %u segments, cap %u", idx, n, max);
    }

    if (n > sh->fair_max && n > NGX_CHAT_GUARANTEE) {
        wrong("fair_max");
    }

    n = 0;

    for (ref = slot->interest; ref; ref = e->next) {
        if (ref > sh->interest_fresh || ints[ref]++) {
            wrong("room %lu: interest %u is elsewhere too", idx, ref);
        }

        e = ngx_chat_interest(sh, ref);

        if (e->room != idx + 1 || e->life != slot->life
            || ngx_chat_mask_has(&slot->mask, e->seat))
        {
            wrong("room %lu: interest %u", idx, ref);
        }

        n++;
    }

    for (i = 0; i < NGX_CHAT_SEATS; i++) {
        n += ngx_chat_mask_has(&slot->mask, i);
    }

    if (n != slot->followers) {
        wrong("room %lu: %u followers, said %u", idx, n, slot->followers);
    }

    return store_check_log(sh, slot, idx);
}


static const char *
store_check_lists(ngx_chat_sh_t *sh, ngx_uint_t rooms)
{
    uint32_t          ref, prev, i, n, unfollowed, above;
    ngx_uint_t        b;
    ngx_chat_slot_t  *slot;

    static char       text[256];

    unfollowed = 0;
    above = 0;

    for (i = 0; i < sh->room_fresh; i++) {
        slot = &ngx_chat_slots(sh)[i];
        if (slot->life) {
            unfollowed += (slot->followers == 0);
            above += (slot->seg_count > NGX_CHAT_GUARANTEE);
        }
    }

    for (b = 0, n = 0; b < sh->bucket_n; b++) {
        for (ref = ngx_chat_buckets(sh)[b]; ref; ref = slot->next) {
            slot = ngx_chat_slot(sh, ref);
            if (slot->life == 0 || n++ > sh->room_n) {
                wrong("hash chain %lu", b);
            }
        }
    }

    if (n != rooms) {
        wrong("%u rooms in chains, %lu live", n, rooms);
    }

    for (ref = sh->lru_first, prev = 0, n = 0; ref; ref = slot->lru_next) {
        slot = ngx_chat_slot(sh, ref);
        if (slot->life == 0 || slot->followers || slot->lru_prev != prev
            || n++ > sh->room_n)
        {
            wrong("lru");
        }
        prev = ref;
    }

    if (n != unfollowed || prev != sh->lru_last) {
        wrong("%u rooms in the lru, %u unfollowed", n, unfollowed);
    }

    for (b = 0, n = 0; b <= sh->seg_n; b++) {
        ref = ngx_chat_fair(sh)[b];
        prev = ref ? ngx_chat_slot(sh, ref)->fair_prev : 0;

        while (ref) {
            slot = ngx_chat_slot(sh, ref);
            if (slot->seg_count != b || slot->fair_prev != prev
                || n++ > sh->room_n)
            {
                wrong("fair list %lu", b);
            }
            prev = ref;
            ref = slot->fair_next;

            if (ref == ngx_chat_fair(sh)[b]) {
                break;
            }
        }
    }

    if (n != above) {
        wrong("%u rooms in fair lists, %u above", n, above);
    }

    for (ref = sh->room_free, n = 0; ref; ref = slot->next) {
        slot = ngx_chat_slot(sh, ref);
        if (slot->life || ref > sh->room_fresh || n++ > sh->room_n) {
            wrong("free slots");
        }
    }

    if (n + rooms != sh->room_fresh || rooms != sh->room_count) {
        wrong("%u free slots, %lu rooms, %u fresh, %u counted", n, rooms,
              sh->room_fresh, sh->room_count);
    }

    return NULL;
}


/* an interest that is queued is in its seat's ring, or nobody would look */

static const char *
store_check_rings(ngx_chat_sh_t *sh)
{
    uint32_t              i, r;
    ngx_chat_seat_t      *s;
    ngx_chat_interest_t  *e;

    static char           text[256];

    for (i = 1; i <= sh->interest_fresh; i++) {

        e = ngx_chat_interest(sh, i);

        if (e->room == 0 || !e->queued) {
            continue;
        }

        s = &ngx_chat_seats(sh)[e->seat];

        for (r = s->ring_first; r != s->ring_last; r++) {
            if (ngx_chat_ring(sh, e->seat)[r & (sh->ring_n - 1)] == i) {
                break;
            }
        }

        if (r == s->ring_last) {
            wrong("interest %u is queued but in no ring", i);
        }
    }

    return NULL;
}


static const char *
store_check_nonces(ngx_chat_sh_t *sh)
{
    ngx_uint_t             i, n;
    ngx_chat_slot_t       *slot;
    ngx_chat_nonce_t      *e;
    ngx_chat_nonce_set_t  *set;

    static char            text[256];

    set = ngx_chat_sh_at(sh, sh->nonces);

    for (n = 0; n < sh->nonce_n * NGX_CHAT_NONCE_SETS; n++) {
        for (i = 0; i < NGX_CHAT_NONCE_WAYS; i++) {

            e = &set[n].entry[i];

            if (set[n].tag[i] == 0) {
                continue;
            }

            if (e->room == 0 || e->room > sh->room_n) {
                wrong("nonce of room %u", e->room);
            }

            slot = ngx_chat_slot(sh, e->room);

            if (slot->life == e->life && e->offset > slot->head) {
                wrong("nonce beyond the head");
            }
        }
    }

    return NULL;
}


/* NULL: all is well; nobody else may be at work */

static const char *
ngx_chat_store_check(ngx_chat_sh_t *sh)
{
    u_char                *segs, *ints;
    uint32_t               ref, n;
    ngx_uint_t             i, rooms;
    const char            *err;
    ngx_chat_slot_t       *slot;

    static char            text[256];

    if (sh->dirty) {
        wrong("dirty");
    }

    segs = calloc(1, sh->seg_n + 1);
    ints = calloc(1, sh->interest_n + 1);
    err = NULL;
    rooms = 0;

    for (i = 0; i < sh->room_fresh && err == NULL; i++) {
        slot = &ngx_chat_slots(sh)[i];
        if (slot->life) {
            rooms++;
            err = store_check_room(sh, slot, segs, ints);
        }
    }

    if (err == NULL) {
        err = store_check_lists(sh, rooms);
    }

    if (err == NULL) {
        err = store_check_rings(sh);
    }

    if (err == NULL) {
        err = store_check_nonces(sh);
    }

    if (err == NULL) {
        err = store_check_table(sh);
    }

    for (ref = sh->seg_free, n = 0; err == NULL && ref;
         ref = ngx_chat_seg(sh, ref)->next)
    {
        n++;
        if (segs[ref]++ || ngx_chat_seg(sh, ref)->sequence) {
            err = "free segments";
        }
    }

    if (err == NULL && n != sh->seg_free_n) {
        err = "number of free segments";
    }

    for (ref = 1; err == NULL && ref <= sh->seg_fresh; ref++) {
        if (!segs[ref]) {
            err = "a segment is lost";
        }
    }

    for (ref = sh->interest_free; err == NULL && ref;
         ref = ngx_chat_interest(sh, ref)->next)
    {
        if (ints[ref]++ || ngx_chat_interest(sh, ref)->room) {
            err = "free interests";
        }
    }

    for (ref = 1; err == NULL && ref <= sh->interest_fresh; ref++) {
        if (!ints[ref]) {
            err = "an interest is lost";
        }
    }

    free(segs);
    free(ints);

    return err;
}


#endif /* _STORE_CHECK_H_INCLUDED_ */
