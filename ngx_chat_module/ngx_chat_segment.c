
/*
 * Copyright (C) the ngx_chat_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_room.h"
#include "ngx_chat_segment.h"
#include "ngx_chat_test.h"


/* how far the list of unfollowed rooms is searched for one with segments */
#define NGX_CHAT_LRU_DEPTH  32


static ngx_int_t ngx_chat_seg_evict_locked(ngx_chat_sh_t *sh,
    ngx_chat_slot_t *slot);
static void ngx_chat_seg_drop_one_locked(ngx_chat_sh_t *sh,
    ngx_chat_slot_t *slot);
static uint32_t ngx_chat_seg_take_locked(ngx_chat_sh_t *sh);
static uint32_t ngx_chat_seg_jump_locked(ngx_chat_sh_t *sh,
    ngx_chat_seg_t *prev);
static ngx_chat_seg_t *ngx_chat_seg_older_locked(ngx_chat_sh_t *sh,
    ngx_chat_seg_t *seg, uint32_t ref);


#define ngx_chat_seg_available(sh)                                            \
    ((sh)->seg_free_n + ((sh)->seg_n - (sh)->seg_fresh))


ngx_int_t
ngx_chat_seg_reserve_locked(ngx_chat_sh_t *sh, ngx_chat_slot_t *slot,
    ngx_uint_t n)
{
    while (slot->seg_count > 1 && slot->seg_count + n > slot->cap) {
        ngx_chat_seg_drop_locked(sh, slot);
    }

    while (ngx_chat_seg_available(sh) < n) {

        if (ngx_chat_seg_evict_locked(sh, slot) != NGX_OK) {
            return NGX_BUSY;
        }
    }

    return NGX_OK;
}


/*
 * The room that has most gives its oldest segment.  Rooms above the guarantee
 * are in lists by their number of segments; sh->fair_max is the largest
 * number.  It grows by one with a segment, so the steps down to the next list
 * that isn't empty are paid for by segments that were added: O(1) amortised,
 * and exact.  Of equals it is the one that has had as many for longest.
 *
 * As there are twice as many segments as slots, a room below its guarantee
 * finds somebody above it.  The rest is for records of more than two segments.
 */

static ngx_int_t
ngx_chat_seg_evict_locked(ngx_chat_sh_t *sh, ngx_chat_slot_t *slot)
{
    uint32_t          ref, count, *fair;
    ngx_uint_t        i;
    ngx_chat_slot_t  *victim;

    fair = ngx_chat_fair(sh);

    while (sh->fair_max > NGX_CHAT_GUARANTEE && fair[sh->fair_max] == 0) {
        sh->fair_max--;
    }

    if (sh->fair_max > NGX_CHAT_GUARANTEE) {

        victim = (slot->seg_count == sh->fair_max)
                 ? slot : ngx_chat_slot(sh, fair[sh->fair_max]);

        count = victim->seg_count;
        ngx_chat_seg_drop_locked(sh, victim);
        sh->total[NGX_CHAT_M_EVICTED] += count - victim->seg_count;

        return NGX_OK;
    }

    ref = sh->lru_first;

    for (i = 0; ref != 0 && i < NGX_CHAT_LRU_DEPTH; i++) {

        victim = ngx_chat_slot(sh, ref);

        if (victim != slot && victim->seg_count != 0) {
            sh->total[NGX_CHAT_M_EVICTED] += victim->seg_count;
            ngx_chat_slot_remove_locked(sh, victim);
            return NGX_OK;
        }

        ref = victim->lru_next;
    }

    count = slot->seg_count;

    if (count > 1) {
        ngx_chat_seg_drop_locked(sh, slot);
        sh->total[NGX_CHAT_M_EVICTED] += count - slot->seg_count;
        return NGX_OK;
    }

    return NGX_BUSY;
}


/*
 * A segment becomes valid by the store of its sequence and belongs to the room
 * from then on: a repair finds it even if it isn't linked yet.
 */

ngx_chat_seg_t *
ngx_chat_seg_add_locked(ngx_chat_sh_t *sh, ngx_chat_slot_t *slot,
    uint64_t first, uint32_t first_at, uint64_t ts)
{
    uint32_t         ref;
    ngx_chat_seg_t  *seg;

    ref = ngx_chat_seg_take_locked(sh);
    seg = ngx_chat_seg(sh, ref);

    ngx_chat_test_point("segment:taken");

    /* readers of what it was see this before anything of what it becomes */

    ngx_chat_store_relaxed(&seg->sequence, 0);
    ngx_chat_fence_release();

    seg->magic = NGX_CHAT_SEG_USED;
    ngx_chat_store_relaxed(&seg->room, ngx_chat_slot_ref(sh, slot));
    ngx_chat_store_relaxed(&seg->life, slot->life);
    seg->first = first;
    seg->first_at = first_at;
    seg->ts = ts;
    ngx_chat_store_relaxed(&seg->next, 0);

    ngx_chat_store(&seg->sequence, slot->sequence + 1);

    ngx_chat_test_point("segment:unlinked");

    ngx_chat_seg_link_locked(sh, slot, ref);

    return seg;
}


void
ngx_chat_seg_link_locked(ngx_chat_sh_t *sh, ngx_chat_slot_t *slot,
    uint32_t ref)
{
    ngx_chat_seg_t  *seg, *prev;

    seg = ngx_chat_seg(sh, ref);

    seg->prev = slot->seg_last;
    ngx_chat_store_relaxed(&seg->next, 0);

    if (slot->seg_last == 0) {
        seg->jump = 0;
        slot->seg_first = ref;

    } else {
        prev = ngx_chat_seg(sh, slot->seg_last);
        seg->jump = ngx_chat_seg_jump_locked(sh, prev);
        ngx_chat_store(&prev->next, ref);
    }

    slot->seg_last = ref;
    slot->sequence = seg->sequence;
    slot->seg_count++;

    ngx_chat_seg_fair_locked(sh, slot, slot->seg_count - 1);
}


/*
 * The jumps of a skew-binary list (Myers): from any segment an older one is
 * reached in O(log n) steps.  A jump to a segment that was freed is recognised
 * and not taken.
 */

static uint32_t
ngx_chat_seg_jump_locked(ngx_chat_sh_t *sh, ngx_chat_seg_t *prev)
{
    ngx_chat_seg_t  *j, *jj;

    j = ngx_chat_seg_older_locked(sh, prev, prev->jump);

    if (j != NULL) {
        jj = ngx_chat_seg_older_locked(sh, j, j->jump);

        if (jj != NULL
            && prev->sequence - j->sequence == j->sequence - jj->sequence)
        {
            return j->jump;
        }
    }

    return ngx_chat_seg_ref(sh, prev);
}


static ngx_chat_seg_t *
ngx_chat_seg_older_locked(ngx_chat_sh_t *sh, ngx_chat_seg_t *seg,
    uint32_t ref)
{
    ngx_chat_seg_t  *older;

    if (ref == 0 || ref > sh->seg_n) {
        return NULL;
    }

    older = ngx_chat_seg(sh, ref);

    if (older->sequence == 0 || older->sequence >= seg->sequence
        || older->life != seg->life || older->room != seg->room)
    {
        return NULL;
    }

    return older;
}


/* the last segment with first <= offset: from the end backwards */

ngx_chat_seg_t *
ngx_chat_seg_find_locked(ngx_chat_sh_t *sh, ngx_chat_slot_t *slot,
    uint64_t offset)
{
    ngx_chat_seg_t  *seg, *jump;

    if (slot->seg_last == 0) {
        return NULL;
    }

    seg = ngx_chat_seg(sh, slot->seg_last);

    while (seg->first > offset) {

        jump = ngx_chat_seg_older_locked(sh, seg, seg->jump);

        if (jump != NULL && jump->first > offset) {
            seg = jump;
            continue;
        }

        seg = ngx_chat_seg_older_locked(sh, seg, seg->prev);

        if (seg == NULL) {
            return NULL;
        }
    }

    return seg->first_at ? seg : NULL;
}


/*
 * A record whose begin has gone is nobody's: the segments that hold nothing but
 * the rest of it go too.
 */

void
ngx_chat_seg_drop_locked(ngx_chat_sh_t *sh, ngx_chat_slot_t *slot)
{
    do {
        ngx_chat_seg_drop_one_locked(sh, slot);

    } while (slot->seg_first != slot->seg_last
             && ngx_chat_seg(sh, slot->seg_first)->first_at == 0);
}


static void
ngx_chat_seg_drop_one_locked(ngx_chat_sh_t *sh, ngx_chat_slot_t *slot)
{
    uint32_t         ref, next;
    uint64_t         kept;
    ngx_chat_seg_t  *seg;

    ref = slot->seg_first;
    seg = ngx_chat_seg(sh, ref);
    next = seg->next;

    kept = next ? ngx_chat_seg(sh, next)->first : slot->head + 1;

    slot->kept = kept;

    if (slot->first < kept) {
        slot->first = kept;
    }

    ngx_chat_barrier();

    slot->seg_first = next;
    slot->second = 0;

    if (next) {
        ngx_chat_seg(sh, next)->prev = 0;

    } else {
        slot->seg_last = 0;
    }

    slot->seg_count--;
    ngx_chat_seg_fair_locked(sh, slot, slot->seg_count + 1);

    ngx_chat_seg_free_locked(sh, ref);
}


/* the fence: nobody may see new bytes in it and take it for what it was */

void
ngx_chat_seg_free_locked(ngx_chat_sh_t *sh, uint32_t ref)
{
    ngx_chat_seg_t  *seg;

    seg = ngx_chat_seg(sh, ref);

    ngx_chat_store_relaxed(&seg->sequence, 0);
    ngx_chat_fence_release();

    seg->magic = NGX_CHAT_SEG_FREE;
    ngx_chat_store_relaxed(&seg->life, 0);
    ngx_chat_store_relaxed(&seg->room, 0);
    ngx_chat_store_relaxed(&seg->next, sh->seg_free);

    sh->seg_free = ref;
    sh->seg_free_n++;
}


static uint32_t
ngx_chat_seg_take_locked(ngx_chat_sh_t *sh)
{
    uint32_t  ref;

    ref = sh->seg_free;

    if (ref == 0) {
        return ++sh->seg_fresh;
    }

    sh->seg_free = ngx_chat_seg(sh, ref)->next;
    sh->seg_free_n--;

    return ref;
}


/*
 * Moves the room between the lists, see ngx_chat_seg_evict_locked().  They are
 * rings; a head's predecessor is the last.
 */

void
ngx_chat_seg_fair_locked(ngx_chat_sh_t *sh, ngx_chat_slot_t *slot,
    uint32_t old)
{
    uint32_t          n, ref, *fair;
    ngx_chat_slot_t  *head;

    fair = ngx_chat_fair(sh);
    ref = ngx_chat_slot_ref(sh, slot);

    if (old > NGX_CHAT_GUARANTEE) {

        if (fair[old] == ref) {
            fair[old] = (slot->fair_next != ref) ? slot->fair_next : 0;
        }

        ngx_chat_slot(sh, slot->fair_prev)->fair_next = slot->fair_next;
        ngx_chat_slot(sh, slot->fair_next)->fair_prev = slot->fair_prev;
    }

    n = slot->seg_count;

    slot->fair_prev = 0;
    slot->fair_next = 0;

    if (n <= NGX_CHAT_GUARANTEE) {
        return;
    }

    if (fair[n] == 0) {
        fair[n] = ref;
        slot->fair_prev = ref;
        slot->fair_next = ref;

    } else {
        head = ngx_chat_slot(sh, fair[n]);

        slot->fair_prev = head->fair_prev;
        slot->fair_next = fair[n];
        ngx_chat_slot(sh, head->fair_prev)->fair_next = ref;
        head->fair_prev = ref;
    }

    if (n > sh->fair_max) {
        sh->fair_max = n;
    }
}
