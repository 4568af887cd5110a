
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Writing a log, and forgetting it.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_interest.h"
#include "ngx_chat_log.h"
#include "ngx_chat_segment.h"
#include "ngx_chat_test.h"


/* of records that expire one after another many go at once, ms */
#define NGX_CHAT_EXPIRE_STEP  250


static ngx_uint_t ngx_chat_log_segments(ngx_chat_sh_t *sh,
    ngx_chat_slot_t *slot, size_t size);
static void ngx_chat_log_extend_locked(ngx_chat_sh_t *sh,
    ngx_chat_slot_t *slot, ngx_chat_rec_t *rec, ngx_chat_cursor_t *w);
static void ngx_chat_log_write(ngx_chat_sh_t *sh, ngx_chat_cursor_t *w,
    u_char *p, size_t n);
static void ngx_chat_log_expire_locked(ngx_chat_sh_t *sh,
    ngx_chat_slot_t *slot, uint64_t now);
static void ngx_chat_log_bound_locked(ngx_chat_sh_t *sh,
    ngx_chat_slot_t *slot);
static ngx_uint_t ngx_chat_log_needed_locked(ngx_chat_sh_t *sh,
    ngx_chat_slot_t *slot, uint64_t now);
static ngx_int_t ngx_chat_log_skip_locked(ngx_chat_sh_t *sh,
    ngx_chat_cursor_t *cur, size_t skip, ngx_chat_cursor_t *at);
static ngx_int_t ngx_chat_log_segment_locked(ngx_chat_sh_t *sh,
    ngx_chat_cursor_t *at);


ngx_int_t
ngx_chat_log_reserve_locked(ngx_chat_sh_t *sh, ngx_chat_slot_t *slot,
    size_t size)
{
    ngx_uint_t  n;

    if (size > NGX_MAX_INT32_VALUE - sizeof(ngx_chat_rec_t)) {
        return NGX_ERROR;
    }

    n = ngx_chat_log_segments(sh, slot, size);

    if (n == 0) {
        return NGX_OK;
    }

    /* the last segment stays: the record may begin in it */

    if (n + 1 > slot->cap) {
        return NGX_ERROR;
    }

    return ngx_chat_seg_reserve_locked(sh, slot, n);
}


/* how many more segments a record needs */

static ngx_uint_t
ngx_chat_log_segments(ngx_chat_sh_t *sh, ngx_chat_slot_t *slot, size_t size)
{
    size_t  left, room;

    left = ngx_chat_rec_size(size);

    if (slot->seg_last && ngx_chat_log_fits(sh, slot->at)) {
        room = sh->seg_size - slot->at;
        left -= ngx_min(left, room);
    }

    room = sh->seg_size - NGX_CHAT_SEG_HEADER;

    return (left + room - 1) / room;
}


void
ngx_chat_log_append_locked(ngx_chat_sh_t *sh, ngx_chat_slot_t *slot,
    ngx_chat_rec_t *rec, ngx_str_t *piece, ngx_uint_t n)
{
    size_t             pad;
    ngx_uint_t         i;
    ngx_chat_cursor_t  w;

#if (NGX_CHAT_TEST_POINTS)
    size_t             half;
#endif

    static u_char  zero[NGX_CHAT_REST_MAX];

    ngx_chat_log_extend_locked(sh, slot, rec, &w);

    ngx_chat_log_write(sh, &w, (u_char *) rec, sizeof(ngx_chat_rec_t));

    for (i = 0; i < n; i++) {

#if (NGX_CHAT_TEST_POINTS)
        if (i == n / 2) {
            half = piece[i].len / 2;
            ngx_chat_log_write(sh, &w, piece[i].data, half);
            ngx_chat_test_point("append:mid");
            ngx_chat_log_write(sh, &w, piece[i].data + half,
                               piece[i].len - half);
            continue;
        }
#endif

        ngx_chat_log_write(sh, &w, piece[i].data, piece[i].len);
    }

    pad = rec->space - rec->lead - rec->size;
    ngx_chat_log_write(sh, &w, zero, pad);

    ngx_chat_test_point("head:before");

    /* from here on the record exists */

    ngx_chat_store(&slot->head, rec->offset);

    ngx_chat_test_point("head:after");

    slot->at = w.at;
    slot->ts = rec->ts;
    slot->n = rec->n;

    sh->records++;
}


/*
 * Adds the segments that the record needs and sets the writer to its place.
 * Everything about them is known before a byte is written.
 */

static void
ngx_chat_log_extend_locked(ngx_chat_sh_t *sh, ngx_chat_slot_t *slot,
    ngx_chat_rec_t *rec, ngx_chat_cursor_t *w)
{
    size_t    left, n;
    uint32_t  at, end;

    if (slot->seg_last && ngx_chat_log_fits(sh, slot->at)) {
        w->seg = ngx_chat_seg(sh, slot->seg_last);
        w->seg->ts = rec->ts;
        at = slot->at;

    } else {
        at = NGX_CHAT_SEG_HEADER;
        w->seg = ngx_chat_seg_add_locked(sh, slot, rec->offset, at, rec->ts);
    }

    w->at = at;

    left = ngx_chat_rec_bytes(rec);
    n = sh->seg_size - at;
    left -= ngx_min(left, n);

    while (left) {
        n = sh->seg_size - NGX_CHAT_SEG_HEADER;
        n = ngx_min(left, n);
        left -= n;

        end = (uint32_t) (NGX_CHAT_SEG_HEADER + n);

        if (left || !ngx_chat_log_fits(sh, end)) {
            end = 0;
        }

        (void) ngx_chat_seg_add_locked(sh, slot, rec->offset + 1, end,
                                       rec->ts);
    }
}


static void
ngx_chat_log_write(ngx_chat_sh_t *sh, ngx_chat_cursor_t *w, u_char *p,
    size_t n)
{
    size_t  part;

    while (n) {

        if (w->at == sh->seg_size) {
            w->seg = ngx_chat_seg(sh, w->seg->next);
            w->at = NGX_CHAT_SEG_HEADER;
        }

        part = sh->seg_size - w->at;
        part = ngx_min(part, n);

        ngx_memcpy((u_char *) w->seg + w->at, p, part);

        w->at += (uint32_t) part;
        p += part;
        n -= part;
    }
}


/*
 * What is shown and what is kept are two things: a segment below `first' stays
 * for followers that haven't read it, as long as the live window allows.
 */

void
ngx_chat_log_trim_locked(ngx_chat_sh_t *sh, ngx_chat_slot_t *slot,
    uint64_t now)
{
    uint64_t  n;

    n = slot->head + 1 - slot->first;

    if (n > slot->history) {
        slot->first = slot->head + 1 - slot->history;
    }

    if (slot->age && now >= slot->expire) {
        ngx_chat_log_expire_locked(sh, slot, now);
    }

    if (slot->size) {
        ngx_chat_log_bound_locked(sh, slot);
    }

    while (slot->seg_first != slot->seg_last
           && (slot->seg_count > slot->cap
               || !ngx_chat_log_needed_locked(sh, slot, now)))
    {
        ngx_chat_seg_drop_locked(sh, slot);
    }
}


/*
 * Whether the room's oldest segment, which isn't its last, has to stay.  Most
 * publishes learn it from the slot alone.  A follower that has read all of it
 * waits at its end: it may go when something behind it has been read.
 */

static ngx_uint_t
ngx_chat_log_needed_locked(ngx_chat_sh_t *sh, ngx_chat_slot_t *slot,
    uint64_t now)
{
    ngx_chat_seg_t  *seg;

    if (slot->second > slot->first) {
        return 1;
    }

    seg = ngx_chat_seg(sh, slot->seg_first);
    slot->second = ngx_chat_seg(sh, seg->next)->first;

    if (slot->second > slot->first) {
        return 1;
    }

    if (seg->ts + NGX_CHAT_LIVE_WINDOW < now) {
        return 0;
    }

    return slot->followers != 0
           && ngx_chat_interest_low_locked(sh, slot) < slot->second;
}


/*
 * By age: whole segments by the ts of their last record, then single records.
 * slot->expire tells when to look again; it can only be too early, since what
 * moves `first' otherwise makes a younger record the first one.
 */

static void
ngx_chat_log_expire_locked(ngx_chat_sh_t *sh, ngx_chat_slot_t *slot,
    uint64_t now)
{
    uint64_t           first, age, limit;
    ngx_chat_seg_t    *seg;
    ngx_chat_rec_t    *rec;
    ngx_chat_cursor_t  cur;

    first = slot->first;

    if (first > slot->head) {
        slot->expire = 0;
        return;
    }

    age = (uint64_t) slot->age * 1000;
    limit = (now > age) ? now - age : 0;

    seg = ngx_chat_seg_find_locked(sh, slot, first);

    if (seg == NULL) {
        return;
    }

    while (seg->ts < limit && seg->next) {
        seg = ngx_chat_seg(sh, seg->next);
        first = ngx_max(first, seg->first);
    }

    if (seg->ts < limit) {
        first = slot->head + 1;
    }

    slot->expire = 0;

    if (first <= slot->head
        && ngx_chat_log_locate_locked(sh, slot, first, &cur) == NGX_OK)
    {
        rec = ngx_chat_log_rec(&cur);

        while (rec->ts < limit && cur.offset < slot->head) {
            ngx_chat_log_next_locked(sh, &cur);
            rec = ngx_chat_log_rec(&cur);
        }

        first = cur.offset;
        slot->expire = ngx_max(rec->ts + age + 1, now + NGX_CHAT_EXPIRE_STEP);
    }

    slot->first = first;
}


/*
 * By "size=": a record is shown if it begins within that many bytes of the
 * log's end.  The last one always is, if any.
 */

static void
ngx_chat_log_bound_locked(ngx_chat_sh_t *sh, ngx_chat_slot_t *slot)
{
    uint32_t         at;
    uint64_t         room, end, bound, offset;
    ngx_chat_seg_t  *seg, *next;

    if (slot->seg_first == 0) {
        return;
    }

    /* bytes from the first segment's begin */

    seg = ngx_chat_seg(sh, slot->seg_first);
    room = sh->seg_size - NGX_CHAT_SEG_HEADER;
    end = (slot->sequence - seg->sequence) * room
          + (slot->at - NGX_CHAT_SEG_HEADER);

    if (end <= slot->size) {
        return;
    }

    for (bound = end - slot->size; bound > room; bound -= room) {
        seg = ngx_chat_seg(sh, seg->next);
    }

    at = seg->first_at;
    offset = seg->first;

    while (at != 0 && at < NGX_CHAT_SEG_HEADER + bound
           && offset <= slot->head)
    {
        at += (uint32_t) ngx_chat_rec_bytes(
                             (ngx_chat_rec_t *) ((u_char *) seg + at));
        offset++;

        if (!ngx_chat_log_fits(sh, at)) {
            break;
        }
    }

    next = seg->next ? ngx_chat_seg(sh, seg->next) : NULL;

    if (at == 0 && next != NULL) {
        offset = next->first;
    }

    offset = ngx_min(offset, slot->head);
    slot->first = ngx_max(slot->first, offset);
}


ngx_int_t
ngx_chat_log_locate_locked(ngx_chat_sh_t *sh, ngx_chat_slot_t *slot,
    uint64_t offset, ngx_chat_cursor_t *cur)
{
    cur->seg = ngx_chat_seg_find_locked(sh, slot, offset);

    if (cur->seg == NULL) {
        return NGX_ERROR;
    }

    cur->at = cur->seg->first_at;
    cur->offset = cur->seg->first;

    /* the records before it in the segment end in it */

    while (cur->offset < offset) {
        cur->at += (uint32_t) ngx_chat_rec_bytes(ngx_chat_log_rec(cur));
        cur->offset++;

        if (!ngx_chat_log_fits(sh, cur->at)) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


void
ngx_chat_log_next_locked(ngx_chat_sh_t *sh, ngx_chat_cursor_t *cur)
{
    size_t  left, n;

    left = ngx_chat_rec_bytes(ngx_chat_log_rec(cur));

    for ( ;; ) {
        n = sh->seg_size - cur->at;

        if (left <= n) {
            cur->at += (uint32_t) left;
            break;
        }

        left -= n;
        cur->seg = ngx_chat_seg(sh, cur->seg->next);
        cur->at = NGX_CHAT_SEG_HEADER;
    }

    if (!ngx_chat_log_fits(sh, cur->at) && cur->seg->next) {
        cur->seg = ngx_chat_seg(sh, cur->seg->next);
        cur->at = NGX_CHAT_SEG_HEADER;
    }

    cur->offset++;
}


ngx_int_t
ngx_chat_log_copy_locked(ngx_chat_sh_t *sh, ngx_chat_cursor_t *cur,
    size_t skip, u_char *buf, size_t n)
{
    size_t             part;
    ngx_chat_cursor_t  at;

    if (ngx_chat_log_skip_locked(sh, cur, skip, &at) != NGX_OK) {
        return NGX_ERROR;
    }

    for ( ;; ) {
        part = sh->seg_size - at.at;
        part = ngx_min(part, n);

        buf = ngx_cpymem(buf, (u_char *) at.seg + at.at, part);
        n -= part;

        if (n == 0) {
            return NGX_OK;
        }

        if (ngx_chat_log_segment_locked(sh, &at) != NGX_OK) {
            return NGX_ERROR;
        }
    }
}


ngx_int_t
ngx_chat_log_over_locked(ngx_chat_sh_t *sh, ngx_chat_cursor_t *cur,
    size_t skip, u_char *p, size_t n)
{
    size_t             part;
    ngx_chat_cursor_t  at;

    if (ngx_chat_log_skip_locked(sh, cur, skip, &at) != NGX_OK) {
        return NGX_ERROR;
    }

    for ( ;; ) {
        part = sh->seg_size - at.at;
        part = ngx_min(part, n);

        if (p != NULL) {
            ngx_memcpy((u_char *) at.seg + at.at, p, part);
            p += part;

        } else {
            ngx_memzero((u_char *) at.seg + at.at, part);
        }

        n -= part;

        if (n == 0) {
            return NGX_OK;
        }

        if (ngx_chat_log_segment_locked(sh, &at) != NGX_OK) {
            return NGX_ERROR;
        }
    }
}


/* `at' is a place in the record's bytes, not where a record begins */

static ngx_int_t
ngx_chat_log_skip_locked(ngx_chat_sh_t *sh, ngx_chat_cursor_t *cur,
    size_t skip, ngx_chat_cursor_t *at)
{
    size_t  part;

    *at = *cur;
    skip += sizeof(ngx_chat_rec_t);

    for ( ;; ) {
        part = sh->seg_size - at->at;

        if (skip <= part) {
            at->at += (uint32_t) skip;
            return NGX_OK;
        }

        skip -= part;

        if (ngx_chat_log_segment_locked(sh, at) != NGX_OK) {
            return NGX_ERROR;
        }
    }
}


static ngx_int_t
ngx_chat_log_segment_locked(ngx_chat_sh_t *sh, ngx_chat_cursor_t *at)
{
    if (at->seg->next == 0) {
        return NGX_ERROR;
    }

    at->seg = ngx_chat_seg(sh, at->seg->next);
    at->at = NGX_CHAT_SEG_HEADER;

    return NGX_OK;
}
