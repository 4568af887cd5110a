
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Who comes, who goes, who is there, what has changed.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_hook.h"
#include "ngx_chat_interest.h"
#include "ngx_chat_presence.h"
#include "ngx_chat_room.h"
#include "ngx_chat_shm.h"
#include "ngx_chat_test.h"


/* of the zone one part in */
#define NGX_CHAT_PRESENCE_SHARE  16

/* entries looked at for one page, under the lock */
#define NGX_CHAT_PRESENCE_LOOK   1024


static ngx_chat_presence_entry_t *ngx_chat_presence_create_locked(
    ngx_chat_sh_t *sh, ngx_chat_presence_room_t *room, ngx_chat_presence_t *p,
    uint32_t hash, ngx_chat_presence_user_t *user);
static ngx_uint_t ngx_chat_presence_back_locked(ngx_chat_sh_t *sh,
    ngx_chat_presence_room_t *room, ngx_chat_presence_entry_t *e,
    ngx_chat_presence_user_t *user);
static void ngx_chat_presence_copy_user(ngx_chat_presence_user_t *user,
    ngx_chat_presence_entry_t *e);
static void ngx_chat_presence_names_locked(ngx_chat_sh_t *sh,
    ngx_chat_presence_room_t *room, ngx_chat_presence_diff_t *d);
static void ngx_chat_presence_list_locked(ngx_chat_sh_t *sh,
    ngx_chat_presence_room_t *room, ngx_chat_presence_page_t *page);


size_t
ngx_chat_presence_layout(ngx_chat_sh_t *sh, size_t off, size_t zone)
{
    uint32_t                 n;
    ngx_chat_presence_sh_t  *ps;

    ps = &sh->presence;

    ps->n = (uint32_t) ngx_min(zone / NGX_CHAT_PRESENCE_SHARE
                               / sizeof(ngx_chat_presence_entry_t),
                               0x7fffffff);

    for (n = 64; n < ps->n; n *= 2) { /* void */ }

    ps->bucket_n = n;

    off = ngx_align(off, 64);
    ps->entries = off;
    off += (size_t) ps->n * sizeof(ngx_chat_presence_entry_t);
    off = ngx_align(off, 64);

    ps->buckets = off;
    off += (size_t) n * sizeof(uint32_t);

    return ngx_align(off, 64);
}


uint32_t
ngx_chat_presence_enter(ngx_chat_zone_t *z, ngx_chat_presence_t *p,
    ngx_chat_presence_user_t *user)
{
    uint32_t                    ref, hash;
    ngx_str_t                   id;
    ngx_uint_t                  changed;
    ngx_chat_sh_t              *sh;
    ngx_chat_slot_t            *slot;
    ngx_chat_presence_room_t   *room;
    ngx_chat_presence_entry_t  *e;

    sh = z->sh;

    p->v = 0;
    p->count = 0;
    p->full = 0;
    ngx_memzero(&p->wake, sizeof(ngx_chat_mask_t));

    id.data = user->id;
    id.len = user->id_len;
    hash = ngx_chat_presence_hash(sh, p->life, &id);

    ngx_chat_shm_lock(z);

    slot = ngx_chat_slot_at(sh, p->idx, p->life);

    if (slot == NULL || p->seat >= NGX_CHAT_SEATS) {
        ngx_chat_shm_unlock(z);
        return 0;
    }

    ngx_chat_presence_clock_locked(sh, p->now);

    room = ngx_chat_presence_room_locked(sh, p->idx + 1, p->life);
    room->max = p->max;
    room->grace = p->grace;

    e = ngx_chat_presence_find_locked(sh, p->idx + 1, p->life, hash, &id);

    if (e != NULL) {
        changed = ngx_chat_presence_back_locked(sh, room, e, user);

    } else {
        e = ngx_chat_presence_create_locked(sh, room, p, hash, user);
        changed = 1;
    }

    if (e != NULL) {
        ngx_chat_mask_set(&e->seats, p->seat);
        ref = ngx_chat_presence_ref(sh, e);

    } else {
        ngx_chat_interest_unlist_locked(sh, slot, p->seat, 1);
        room->seq = ++sh->presence.seq;
        ref = NGX_CHAT_PRESENCE_UNLISTED;

        p->full = !sh->presence.full;
        sh->presence.full = 1;
    }

    if (changed) {
        ngx_chat_presence_changed_locked(sh, room, &p->wake);
    }

    p->v = room->v;
    p->count = room->n + ngx_chat_interest_unlisted_locked(sh, slot);

    ngx_chat_shm_unlock(z);

    ngx_chat_mask_clear(&p->wake, p->seat);

    return ref;
}


static ngx_chat_presence_entry_t *
ngx_chat_presence_create_locked(ngx_chat_sh_t *sh,
    ngx_chat_presence_room_t *room, ngx_chat_presence_t *p, uint32_t hash,
    ngx_chat_presence_user_t *user)
{
    ngx_chat_presence_entry_t  *e;

    e = ngx_chat_presence_take_locked(sh);

    if (e == NULL) {
        return NULL;
    }

    e->hash = hash;
    e->life = p->life;
    e->guest = user->guest;
    e->id_len = user->id_len;
    e->name_len = user->name_len;
    ngx_memcpy(e->id, user->id, NGX_CHAT_USER_MAX);
    ngx_memcpy(e->name, user->name, NGX_CHAT_NAME_MAX);

    room->seq = ++sh->presence.seq;
    e->seq = room->seq;

    ngx_chat_mask_set(&e->seats, p->seat);
    ngx_chat_barrier();

    e->room = p->idx + 1;

    ngx_chat_test_point("presence:created");

    ngx_chat_presence_append_locked(sh, room, e);
    ngx_chat_presence_chain_locked(sh, e);
    room->n++;

    ngx_chat_presence_hook_locked(sh, room, e, NGX_CHAT_HOOK_JOIN);

    return e;
}


/* he is there, or was not long ago; 1: others have to be told */

static ngx_uint_t
ngx_chat_presence_back_locked(ngx_chat_sh_t *sh,
    ngx_chat_presence_room_t *room, ngx_chat_presence_entry_t *e,
    ngx_chat_presence_user_t *user)
{
    ngx_uint_t  changed;

    changed = e->gone;

    ngx_chat_presence_wheel_locked(sh, e, 0);

    if (e->gone) {
        e->gone = 0;
        room->n++;
        ngx_chat_presence_hook_locked(sh, room, e, NGX_CHAT_HOOK_JOIN);
    }

    /* of several sessions the last that has a name says it */

    if (user->name_len > 0
        && (e->name_len != user->name_len
            || ngx_memcmp(e->name, user->name, user->name_len) != 0))
    {
        ngx_memcpy(e->name, user->name, NGX_CHAT_NAME_MAX);
        e->name_len = user->name_len;
        changed = 1;
    }

    if (changed) {
        ngx_chat_presence_touch_locked(sh, room, e);
    }

    return changed;
}


void
ngx_chat_presence_leave(ngx_chat_zone_t *z, ngx_chat_presence_t *p,
    uint32_t ref, ngx_uint_t at_once)
{
    ngx_uint_t                  i;
    ngx_chat_sh_t              *sh;
    ngx_chat_slot_t            *slot;
    ngx_chat_presence_room_t   *room;
    ngx_chat_presence_entry_t  *e;

    sh = z->sh;

    ngx_memzero(&p->wake, sizeof(ngx_chat_mask_t));

    ngx_chat_shm_lock(z);

    slot = ngx_chat_slot_at(sh, p->idx, p->life);

    if (slot == NULL || p->seat >= NGX_CHAT_SEATS) {
        ngx_chat_shm_unlock(z);
        return;
    }

    ngx_chat_presence_clock_locked(sh, p->now);
    room = ngx_chat_presence_room_locked(sh, p->idx + 1, p->life);

    if (ref == NGX_CHAT_PRESENCE_UNLISTED) {
        ngx_chat_interest_unlist_locked(sh, slot, p->seat, -1);
        room->seq = ++sh->presence.seq;
        ngx_chat_presence_changed_locked(sh, room, &p->wake);

    } else if (ref > 0 && ref <= sh->presence.fresh) {

        e = ngx_chat_presence_entry(sh, ref);

        if (e->room == p->idx + 1 && e->life == p->life
            && ngx_chat_mask_has(&e->seats, p->seat))
        {
            ngx_chat_mask_clear(&e->seats, p->seat);

            for (i = 0; i < NGX_CHAT_SEATS / 64 && !e->seats.w[i]; i++) {
                /* void */
            }

            if (i == NGX_CHAT_SEATS / 64) {
                ngx_chat_presence_end_locked(sh, room, e, at_once, &p->wake);
            }
        }
    }

    ngx_chat_shm_unlock(z);

    ngx_chat_mask_clear(&p->wake, p->seat);
}


void
ngx_chat_presence_look(ngx_chat_zone_t *z, ngx_chat_presence_t *p)
{
    ngx_chat_sh_t             *sh;
    ngx_chat_slot_t           *slot;
    ngx_chat_presence_room_t  *room;

    sh = z->sh;

    p->v = 0;
    p->count = 0;

    ngx_chat_shm_lock_read(z);

    slot = ngx_chat_slot_at(sh, p->idx, p->life);

    if (slot != NULL) {
        room = &ngx_chat_presence_rooms(sh)[p->idx];
        p->count = ngx_chat_interest_unlisted_locked(sh, slot);

        if (room->life == p->life) {
            p->v = room->v;
            p->count += room->n;
        }
    }

    ngx_chat_shm_unlock(z);
}


uint64_t
ngx_chat_presence_version(ngx_chat_zone_t *z, uint32_t idx, uint64_t life)
{
    ngx_chat_presence_room_t  *room;

    if (idx >= z->sh->room_n) {
        return 0;
    }

    room = &ngx_chat_presence_rooms(z->sh)[idx];

    return (ngx_chat_load(&room->life) == life) ? ngx_chat_load(&room->v) : 0;
}


ngx_int_t
ngx_chat_presence_diff(ngx_chat_zone_t *z, uint32_t idx, uint64_t life,
    ngx_chat_presence_diff_t *d)
{
    ngx_int_t                  rc;
    ngx_chat_sh_t             *sh;
    ngx_chat_slot_t           *slot;
    ngx_chat_presence_room_t  *room;

    sh = z->sh;
    rc = NGX_DECLINED;

    ngx_chat_shm_lock_read(z);

    slot = ngx_chat_slot_at(sh, idx, life);

    if (slot != NULL) {
        room = &ngx_chat_presence_rooms(sh)[idx];

        if (room->life == life && room->v != d->told) {
            d->v = room->v;
            d->count = room->n + ngx_chat_interest_unlisted_locked(sh, slot);
            d->counts = room->counting;
            d->n = 0;
            d->prev = d->told;

            if (!d->counts) {
                ngx_chat_presence_names_locked(sh, room, d);
            }

            rc = NGX_OK;
        }
    }

    ngx_chat_shm_unlock(z);

    return rc;
}


/* the room's list is in the order of the changes */

static void
ngx_chat_presence_names_locked(ngx_chat_sh_t *sh,
    ngx_chat_presence_room_t *room, ngx_chat_presence_diff_t *d)
{
    uint32_t                    ref;
    ngx_uint_t                  seen;
    ngx_chat_presence_entry_t  *e;

    d->prev = ngx_max(d->told, room->lost);
    seen = 0;

    for (ref = room->last; ref; ref = e->prev) {

        e = ngx_chat_presence_entry(sh, ref);

        if (e->seq <= d->prev) {
            return;
        }

        if (d->n == NGX_CHAT_PRESENCE_MAX
            || seen++ == 2 * NGX_CHAT_PRESENCE_MAX)
        {
            /* too much: they have to ask, since no one has this version */
            d->prev = d->v;
            d->n = 0;
            return;
        }

        if (e->seq <= d->v) {
            ngx_chat_presence_copy_user(&d->users[d->n++], e);
        }
    }
}


static void
ngx_chat_presence_copy_user(ngx_chat_presence_user_t *user,
    ngx_chat_presence_entry_t *e)
{
    user->gone = e->gone;
    user->guest = e->guest;
    user->id_len = e->id_len;
    user->name_len = e->name_len;
    ngx_memcpy(user->id, e->id, NGX_CHAT_USER_MAX);
    ngx_memcpy(user->name, e->name, NGX_CHAT_NAME_MAX);
}


ngx_int_t
ngx_chat_presence_page(ngx_chat_zone_t *z, ngx_chat_room_key_t *key,
    ngx_chat_presence_page_t *page)
{
    uint32_t                   hash;
    ngx_chat_sh_t             *sh;
    ngx_chat_slot_t           *slot;
    ngx_chat_presence_room_t  *room;

    sh = z->sh;
    hash = ngx_chat_slot_hash(sh, key);

    page->v = 0;
    page->count = 0;
    page->more = 0;

    ngx_chat_shm_lock_read(z);

    slot = ngx_chat_slot_lookup_locked(sh, key, hash);

    if (slot == NULL) {
        ngx_chat_shm_unlock(z);
        page->n = 0;
        return NGX_DECLINED;
    }

    page->count = ngx_chat_interest_unlisted_locked(sh, slot);
    room = &ngx_chat_presence_rooms(sh)[ngx_chat_slot_ref(sh, slot) - 1];

    if (room->life == slot->life) {
        page->v = room->v;
        page->count += room->n;
        ngx_chat_presence_list_locked(sh, room, page);

    } else {
        page->n = 0;
    }

    ngx_chat_shm_unlock(z);

    return NGX_OK;
}


/*
 * The cursor names an entry, which has its place as long as it doesn't change;
 * else the way is from the begin on, perhaps in several steps.
 */

static void
ngx_chat_presence_list_locked(ngx_chat_sh_t *sh,
    ngx_chat_presence_room_t *room, ngx_chat_presence_page_t *page)
{
    uint32_t                     ref, number;
    ngx_uint_t                   n, seen;
    ngx_chat_presence_entry_t   *e;
    ngx_chat_presence_cursor_t  *at;

    at = &page->at;
    n = 0;
    ref = room->first;
    number = (uint32_t) (room - ngx_chat_presence_rooms(sh)) + 1;

    if (at->ref > 0 && at->ref <= sh->presence.fresh) {
        e = ngx_chat_presence_entry(sh, at->ref);

        if (e->room == number && e->life == room->life && e->seq == at->seq) {
            ref = e->next;
        }
    }

    for (seen = 0; ref; seen++) {

        if (n == page->n || seen == NGX_CHAT_PRESENCE_LOOK) {
            page->more = 1;
            break;
        }

        e = ngx_chat_presence_entry(sh, ref);

        if (!e->gone && e->seq > at->skip) {
            ngx_chat_presence_copy_user(&page->users[n++], e);
            at->skip = e->seq;
        }

        at->ref = ref;
        at->seq = e->seq;
        ref = e->next;
    }

    page->n = n;
}


uint32_t
ngx_chat_presence_size(ngx_chat_zone_t *z, uint32_t *used)
{
    if (used != NULL) {
        *used = ngx_chat_load_relaxed(&z->sh->presence.used);
    }

    return z->sh->presence.n;
}
