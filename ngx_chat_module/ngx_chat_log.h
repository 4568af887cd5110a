
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * A room's log: records one behind another through its segments.
 *
 * A record's header never spans segments: if less than a header is left the
 * next record begins in the next segment.  A payload may span.  So every
 * position follows from the sizes, for writers and readers alike.
 */


#ifndef _NGX_CHAT_LOG_H_INCLUDED_
#define _NGX_CHAT_LOG_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_shm.h"


/* what may be left behind a payload, bytes */
#define NGX_CHAT_REST_MAX  32

/*
 * Finds place for a record with `size' bytes of space; nothing is written yet.
 * NGX_ERROR: larger than this log can be; NGX_BUSY: full
 */
ngx_int_t ngx_chat_log_reserve_locked(ngx_chat_sh_t *sh,
    ngx_chat_slot_t *slot, size_t size);

/*
 * Writes the record rec->offset == head + 1 from `n' pieces, its lead among
 * them, and makes it visible; can't fail after ngx_chat_log_reserve_locked().
 */
void ngx_chat_log_append_locked(ngx_chat_sh_t *sh, ngx_chat_slot_t *slot,
    ngx_chat_rec_t *rec, ngx_str_t *piece, ngx_uint_t n);

/* moves `first' by history, age and size; frees segments nobody needs */
void ngx_chat_log_trim_locked(ngx_chat_sh_t *sh, ngx_chat_slot_t *slot,
    uint64_t now);

/* where the next record goes */
void ngx_chat_log_tail_locked(ngx_chat_sh_t *sh, ngx_chat_slot_t *slot,
    ngx_chat_pos_t *pos);

/* a place in a log, under the lock */

typedef struct {
    ngx_chat_seg_t  *seg;
    uint32_t         at;
    uint64_t         offset;
} ngx_chat_cursor_t;

#define ngx_chat_log_rec(cur)                                                 \
    ((ngx_chat_rec_t *) ((u_char *) (cur)->seg + (cur)->at))

/* where `offset' begins, kept <= offset <= head; NGX_ERROR: damaged */
ngx_int_t ngx_chat_log_locate_locked(ngx_chat_sh_t *sh,
    ngx_chat_slot_t *slot, uint64_t offset, ngx_chat_cursor_t *cur);

/* to the next record; cur->offset <= head before */
void ngx_chat_log_next_locked(ngx_chat_sh_t *sh, ngx_chat_cursor_t *cur);

/* `n' bytes from `skip' behind the record's header on, which it has; NGX_ERROR:
   damaged */
ngx_int_t ngx_chat_log_copy_locked(ngx_chat_sh_t *sh, ngx_chat_cursor_t *cur,
    size_t skip, u_char *buf, size_t n);
/* the same the other way; p NULL: zeros */
ngx_int_t ngx_chat_log_over_locked(ngx_chat_sh_t *sh, ngx_chat_cursor_t *cur,
    size_t skip, u_char *p, size_t n);

/* whether a record can begin at this place of a segment */

#define ngx_chat_log_fits(sh, at)                                             \
    ((at) + sizeof(ngx_chat_rec_t) <= (sh)->seg_size)


#endif /* _NGX_CHAT_LOG_H_INCLUDED_ */
