
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Reading a log without the lock, as a seqlock is read: what was copied counts
 * if the segment is the same afterwards.  Writers erase a segment's sequence
 * before they touch its bytes.  Bytes up to the room's head change only when a
 * message is deleted, while the room's `mutation' is odd; what changes at any
 * time are single words of headers, by one store.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_log.h"
#include "ngx_chat_room.h"
#include "ngx_chat_segment.h"
#include "ngx_chat_test.h"


/* the last one under the lock */
#define NGX_CHAT_READ_TRIES  4


typedef struct {
    ngx_chat_sh_t    *sh;
    ngx_chat_slot_t  *slot;
    ngx_chat_seg_t   *seg;
    uint32_t          room;
    uint32_t          mutation;

    ngx_chat_pos_t    pos;
    u_char           *buf;
    u_char           *out;
    u_char           *last;

    /* where the record begins that is being copied */

    ngx_chat_pos_t    mark_pos;
    u_char           *mark;

    /* up to where everything was found valid */

    ngx_chat_pos_t    good_pos;
    u_char           *good;
} ngx_chat_read_t;


static ssize_t ngx_chat_read(ngx_chat_sh_t *sh, ngx_chat_pos_t *pos,
    uint64_t upto, u_char *buf, size_t size, size_t *need);
static ngx_int_t ngx_chat_read_record(ngx_chat_read_t *rd, size_t *need);
static ngx_int_t ngx_chat_read_bytes(ngx_chat_read_t *rd, size_t n);
static ngx_int_t ngx_chat_read_enter(ngx_chat_read_t *rd);
static ngx_int_t ngx_chat_read_leave(ngx_chat_read_t *rd);
static ngx_uint_t ngx_chat_read_valid(ngx_chat_read_t *rd);


ngx_int_t
ngx_chat_log_seek(ngx_chat_zone_t *z, uint32_t idx, uint64_t life,
    uint64_t offset, ngx_chat_pos_t *pos)
{
    ngx_int_t           rc;
    ngx_chat_sh_t      *sh;
    ngx_chat_slot_t    *slot;
    ngx_chat_cursor_t   cur;

    sh = z->sh;
    rc = NGX_DECLINED;

    ngx_chat_shm_lock_read(z);

    slot = ngx_chat_slot_at(sh, idx, life);

    if (slot == NULL || offset < slot->kept || offset > slot->head + 1) {
        goto done;
    }

    if (offset == slot->head + 1) {
        ngx_chat_log_tail_locked(sh, slot, pos);
        rc = NGX_OK;
        goto done;
    }

    if (ngx_chat_log_locate_locked(sh, slot, offset, &cur) == NGX_OK) {
        pos->room = idx;
        pos->segment = ngx_chat_seg_ref(sh, cur.seg);
        pos->life = life;
        pos->sequence = cur.seg->sequence;
        pos->at = cur.at;
        pos->offset = offset;
        rc = NGX_OK;
    }

done:

    ngx_chat_shm_unlock(z);

    return rc;
}


/* an empty log has no segment: who reads on from there seeks */

void
ngx_chat_log_tail_locked(ngx_chat_sh_t *sh, ngx_chat_slot_t *slot,
    ngx_chat_pos_t *pos)
{
    pos->room = (uint32_t) (slot - ngx_chat_slots(sh));
    pos->segment = slot->seg_last;
    pos->life = slot->life;
    pos->sequence = slot->sequence;
    pos->at = slot->at;
    pos->offset = slot->head + 1;
}


uint64_t
ngx_chat_pos_distance(ngx_chat_zone_t *z, ngx_chat_pos_t *from,
    ngx_chat_pos_t *to)
{
    uint64_t  room;

    if (from->life != to->life || from->segment == 0 || to->segment == 0) {
        return 0;
    }

    room = z->sh->seg_size - NGX_CHAT_SEG_HEADER;

    return (to->sequence - from->sequence) * room + to->at - from->at;
}


/*
 * A position whose segment has gone is looked up: what follows it may be kept
 * nevertheless.  Who meets deletions again and again copies under the lock.
 */

ssize_t
ngx_chat_log_read(ngx_chat_zone_t *z, ngx_chat_pos_t *pos, uint64_t upto,
    u_char *buf, size_t size, size_t *need)
{
    ssize_t           n;
    uint64_t          head;
    ngx_uint_t        i;
    ngx_chat_pos_t    found;
    ngx_chat_slot_t  *slot;

    slot = ngx_chat_slot_at(z->sh, pos->room, pos->life);

    if (slot == NULL) {
        return NGX_DECLINED;
    }

    /* the acquire that makes records up to the head visible */

    head = ngx_chat_load(&slot->head);
    upto = ngx_min(upto, head);

    if (pos->offset > upto) {
        return 0;
    }

    n = ngx_chat_read(z->sh, pos, upto, buf, size, need);

    for (i = 0; n == NGX_DECLINED && i < NGX_CHAT_READ_TRIES; i++) {

        if (ngx_chat_log_seek(z, pos->room, pos->life, pos->offset, &found)
            != NGX_OK)
        {
            return NGX_DECLINED;
        }

        *pos = found;

        if (i == NGX_CHAT_READ_TRIES - 1) {
            ngx_chat_shm_lock_read(z);
        }

        n = ngx_chat_read(z->sh, pos, upto, buf, size, need);

        if (i == NGX_CHAT_READ_TRIES - 1) {
            ngx_chat_shm_unlock(z);
        }
    }

    return n;
}


static ssize_t
ngx_chat_read(ngx_chat_sh_t *sh, ngx_chat_pos_t *pos, uint64_t upto,
    u_char *buf, size_t size, size_t *need)
{
    ngx_int_t        rc;
    ngx_chat_read_t  rd;

    ngx_memzero(&rd, sizeof(ngx_chat_read_t));

    rd.sh = sh;
    rd.slot = &ngx_chat_slots(sh)[pos->room];
    rd.mutation = ngx_chat_load(&rd.slot->mutation);
    rd.room = pos->room + 1;
    rd.pos = *pos;
    rd.buf = buf;
    rd.out = buf;
    rd.last = buf + size;
    rd.good = buf;
    rd.good_pos = *pos;

    rc = ngx_chat_read_enter(&rd);

    while (rc == NGX_OK && rd.pos.offset <= upto) {
        rd.mark = rd.out;
        rd.mark_pos = rd.pos;

        rc = ngx_chat_read_record(&rd, need);
    }

    if (rc != NGX_DECLINED) {

        if (ngx_chat_read_valid(&rd)) {
            rd.good = rd.out;
            rd.good_pos = rd.pos;

        } else {
            rc = NGX_DECLINED;
        }
    }

    *pos = rd.good_pos;

    if (rd.good == buf) {
        return (rc == NGX_OK) ? 0 : rc;
    }

    return rd.good - buf;
}


/*
 * NGX_OK: copied, rd->pos is behind it; NGX_DONE: the buffer is full;
 * NGX_BUSY: and it is empty; NGX_DECLINED: the log isn't there any more
 */

static ngx_int_t
ngx_chat_read_record(ngx_chat_read_t *rd, size_t *need)
{
    size_t           n;
    ngx_chat_rec_t   rec;

    if (!ngx_chat_log_fits(rd->sh, rd->pos.at)
        && ngx_chat_read_leave(rd) != NGX_OK)
    {
        return NGX_DECLINED;
    }

    ngx_memcpy(&rec, (u_char *) rd->seg + rd->pos.at, sizeof(ngx_chat_rec_t));

    /* nonsense means that it was overwritten */

    if (rec.offset != rd->pos.offset
        || rec.space > (uint64_t) rd->sh->seg_n * rd->sh->seg_size
        || rec.lead + (uint64_t) rec.size > rec.space)
    {
        return NGX_DECLINED;
    }

    n = ngx_chat_rec_bytes(&rec);

    if (n > (size_t) (rd->last - rd->out)) {
        *need = n;
        return (rd->out == rd->buf) ? NGX_BUSY : NGX_DONE;
    }

    ngx_chat_test_delay();

    if (ngx_chat_read_bytes(rd, n) != NGX_OK) {
        return NGX_DECLINED;
    }

    rd->pos.offset++;

    return NGX_OK;
}


static ngx_int_t
ngx_chat_read_bytes(ngx_chat_read_t *rd, size_t n)
{
    size_t  part;

    for ( ;; ) {
        part = rd->sh->seg_size - rd->pos.at;
        part = ngx_min(part, n);

        ngx_memcpy(rd->out, (u_char *) rd->seg + rd->pos.at, part);

        rd->out += part;
        rd->pos.at += (uint32_t) part;
        n -= part;

        if (n == 0) {
            return NGX_OK;
        }

        if (ngx_chat_read_leave(rd) != NGX_OK) {
            return NGX_DECLINED;
        }
    }
}


/* from a segment to the next one: what was copied from it is valid now */

static ngx_int_t
ngx_chat_read_leave(ngx_chat_read_t *rd)
{
    uint32_t  next;

    next = ngx_chat_load(&rd->seg->next);

    if (!ngx_chat_read_valid(rd)) {
        return NGX_DECLINED;
    }

    rd->good = rd->mark;
    rd->good_pos = rd->mark_pos;

    rd->pos.segment = next;
    rd->pos.sequence++;
    rd->pos.at = NGX_CHAT_SEG_HEADER;

    return ngx_chat_read_enter(rd);
}


static ngx_int_t
ngx_chat_read_enter(ngx_chat_read_t *rd)
{
    if (rd->pos.segment == 0 || rd->pos.segment > rd->sh->seg_n
        || rd->pos.at < NGX_CHAT_SEG_HEADER
        || rd->pos.at > rd->sh->seg_size)
    {
        return NGX_DECLINED;
    }

    rd->seg = ngx_chat_seg(rd->sh, rd->pos.segment);

    return ngx_chat_seg_is(rd->seg, rd->room, rd->pos.life, rd->pos.sequence)
           ? NGX_OK : NGX_DECLINED;
}


static ngx_uint_t
ngx_chat_read_valid(ngx_chat_read_t *rd)
{
    ngx_chat_fence_acquire();

    return ngx_chat_seg_is(rd->seg, rd->room, rd->pos.life,
                           rd->pos.sequence)
           && !(rd->mutation & 1)
           && ngx_chat_load_relaxed(&rd->slot->mutation) == rd->mutation;
}
