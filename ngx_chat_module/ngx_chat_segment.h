
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Segments: free ones, those of a room, and from whom one is taken when the
 * zone is full.
 */


#ifndef _NGX_CHAT_SEGMENT_H_INCLUDED_
#define _NGX_CHAT_SEGMENT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_shm.h"


/*
 * Makes `n' free segments for the room; others may lose their oldest.
 * NGX_BUSY: impossible now.  The room's last segment stays.
 */
ngx_int_t ngx_chat_seg_reserve_locked(ngx_chat_sh_t *sh,
    ngx_chat_slot_t *slot, ngx_uint_t n);

/* takes a free segment (there must be one) and makes it the room's last */
ngx_chat_seg_t *ngx_chat_seg_add_locked(ngx_chat_sh_t *sh,
    ngx_chat_slot_t *slot, uint64_t first, uint32_t first_at, uint64_t ts);

/* frees the room's oldest segment; moves `kept' and `first' */
void ngx_chat_seg_drop_locked(ngx_chat_sh_t *sh, ngx_chat_slot_t *slot);

/* invalidates a segment and puts it into the free list */
void ngx_chat_seg_free_locked(ngx_chat_sh_t *sh, uint32_t ref);

/* links a segment behind the room's last: sets prev, jump and the room's */
void ngx_chat_seg_link_locked(ngx_chat_sh_t *sh, ngx_chat_slot_t *slot,
    uint32_t ref);

/* after a change of slot->seg_count, which was `old' */
void ngx_chat_seg_fair_locked(ngx_chat_sh_t *sh, ngx_chat_slot_t *slot,
    uint32_t old);

/* the segment in which the record `offset' begins, kept <= offset <= head;
   NULL: the room is damaged */
ngx_chat_seg_t *ngx_chat_seg_find_locked(ngx_chat_sh_t *sh,
    ngx_chat_slot_t *slot, uint64_t offset);

/* whether a segment, which may be reused any time, is this one */

#define ngx_chat_seg_is(seg, r, l, s)                                         \
    (ngx_chat_load(&(seg)->sequence) == (s)                                   \
     && ngx_chat_load_relaxed(&(seg)->life) == (l)                            \
     && ngx_chat_load_relaxed(&(seg)->room) == (r))

#define ngx_chat_seg_ref(sh, seg)                                             \
    ((uint32_t) (((u_char *) (seg) - ((u_char *) (sh) + (sh)->segs))          \
                 / (sh)->seg_size) + 1)


#endif /* _NGX_CHAT_SEGMENT_H_INCLUDED_ */
