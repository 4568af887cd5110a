
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Presence after a death, and in a zone of another size.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_room.h"
#include "ngx_chat_shm.h"


/* clients of old workers have so long to come again, beside the grace, ms */
#define NGX_CHAT_PRESENCE_MOVE  15000


static void ngx_chat_presence_reset_locked(ngx_chat_sh_t *sh);
static ngx_uint_t ngx_chat_presence_valid_locked(ngx_chat_sh_t *sh,
    ngx_chat_presence_entry_t *e);
static void ngx_chat_presence_deadline_locked(ngx_chat_sh_t *sh,
    ngx_chat_presence_room_t *p, ngx_chat_presence_entry_t *e);


/*
 * What was told and what wasn't isn't known any more: every room has a new
 * version that no diff leads to, and clients ask for the list.  So the entries
 * may have new numbers, in any order.
 */

void
ngx_chat_presence_repair_locked(ngx_chat_sh_t *sh)
{
    uint32_t                    i;
    ngx_chat_presence_sh_t     *ps;
    ngx_chat_presence_room_t   *p;
    ngx_chat_presence_entry_t  *e;

    ps = &sh->presence;

    ngx_chat_presence_reset_locked(sh);

    for (i = ps->fresh; i; i--) {

        e = ngx_chat_presence_entry(sh, i);

        if (!ngx_chat_presence_valid_locked(sh, e)) {
            e->room = 0;
            e->chain = ps->free;
            ps->free = i;
            continue;
        }

        p = &ngx_chat_presence_rooms(sh)[e->room - 1];
        e->seq = ++ps->seq;
        p->n++;
        ps->used++;

        ngx_chat_presence_append_locked(sh, p, e);
        ngx_chat_presence_chain_locked(sh, e);
        ngx_chat_presence_deadline_locked(sh, p, e);
    }

    for (i = 0; i < sh->room_fresh; i++) {

        p = &ngx_chat_presence_rooms(sh)[i];

        if (p->life == 0) {
            continue;
        }

        p->seq = ++ps->seq;
        p->lost = p->seq;
        ngx_chat_store(&p->v, p->seq);
    }
}


static void
ngx_chat_presence_reset_locked(ngx_chat_sh_t *sh)
{
    uint32_t                   i;
    ngx_chat_presence_sh_t    *ps;
    ngx_chat_presence_room_t  *p;

    ps = &sh->presence;

    ps->fresh = ngx_min(ps->fresh, ps->n);
    ps->free = 0;
    ps->used = 0;
    ps->busy = 0;

    ngx_memzero(ps->cool_first, sizeof(ps->cool_first));
    ngx_memzero(ps->cool_last, sizeof(ps->cool_last));
    ngx_memzero(ps->wheel, sizeof(ps->wheel));
    ngx_memzero(ngx_chat_presence_buckets(sh),
                ps->bucket_n * sizeof(uint32_t));

    for (i = 0; i < sh->room_fresh; i++) {

        p = &ngx_chat_presence_rooms(sh)[i];

        if (p->life != ngx_chat_slots(sh)[i].life) {
            ngx_chat_store(&p->life, 0);
        }

        ps->seq = ngx_max(ps->seq, p->seq);
        ps->seq = ngx_max(ps->seq, p->v);

        p->first = 0;
        p->last = 0;
        p->n = 0;
        p->cool = 0;
        p->cooling = 0;
        p->grace = ngx_min(p->grace, NGX_CHAT_PRESENCE_STEP
                                     * (NGX_CHAT_PRESENCE_WHEEL - 64));
    }
}


/* an entry of a room whose record was made for its life; who left is dropped */

static ngx_uint_t
ngx_chat_presence_valid_locked(ngx_chat_sh_t *sh, ngx_chat_presence_entry_t *e)
{
    return e->room != 0 && e->room <= sh->room_fresh && !e->gone
           && e->id_len <= NGX_CHAT_USER_MAX
           && e->name_len <= NGX_CHAT_NAME_MAX
           && e->life != 0
           && ngx_chat_presence_rooms(sh)[e->room - 1].life == e->life;
}


static void
ngx_chat_presence_deadline_locked(ngx_chat_sh_t *sh,
    ngx_chat_presence_room_t *p, ngx_chat_presence_entry_t *e)
{
    uint64_t    until, now;
    ngx_uint_t  i;

    now = sh->presence.now;
    until = e->until;
    e->until = 0;

    for (i = 0; i < NGX_CHAT_SEATS / 64; i++) {
        if (e->seats.w[i]) {
            until = 0;
            break;
        }
    }

    if (i == NGX_CHAT_SEATS / 64) {

        if (until < now || until > now + p->grace + NGX_CHAT_PRESENCE_MOVE) {
            until = now + p->grace;
        }
    }

    ngx_chat_presence_wheel_locked(sh, e, until);
}


/* the rooms that were copied name their slots in the new zone */

void
ngx_chat_presence_copy_locked(ngx_chat_sh_t *sh, ngx_chat_sh_t *from)
{
    uint32_t                    i;
    uint64_t                    until;
    ngx_str_t                   id;
    struct timespec             ts;
    ngx_chat_slot_t            *old;
    ngx_chat_presence_room_t   *p, *q;
    ngx_chat_presence_entry_t  *e, *o;

    /* the last that was given may be long ago */

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    sh->presence.seq = from->presence.seq + 1;
    sh->presence.now = (uint64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;

    for (i = 0; i < from->presence.fresh; i++) {

        o = &ngx_chat_presence_entries(from)[i];

        if (o->room == 0 || o->gone) {
            continue;
        }

        old = ngx_chat_slot(from, o->room);
        q = &ngx_chat_presence_rooms(from)[o->room - 1];

        if (old->life != o->life || old->copy == 0) {
            continue;
        }

        e = ngx_chat_presence_take_locked(sh);
        if (e == NULL) {
            return;
        }

        p = ngx_chat_presence_room_locked(sh, old->copy, old->life);
        p->max = q->max;
        p->grace = q->grace;

        id.data = o->id;
        id.len = o->id_len;

        e->hash = ngx_chat_presence_hash(sh, old->life, &id);
        e->life = old->life;
        e->guest = o->guest;
        e->id_len = o->id_len;
        e->name_len = o->name_len;
        ngx_memcpy(e->id, o->id, NGX_CHAT_USER_MAX);
        ngx_memcpy(e->name, o->name, NGX_CHAT_NAME_MAX);

        e->seq = ++sh->presence.seq;
        p->seq = e->seq;
        p->lost = e->seq;
        p->v = e->seq;
        p->n++;
        e->room = old->copy;

        ngx_chat_presence_append_locked(sh, p, e);
        ngx_chat_presence_chain_locked(sh, e);

        until = sh->presence.now + p->grace + NGX_CHAT_PRESENCE_MOVE;
        ngx_chat_presence_wheel_locked(sh, e, until);
    }
}
