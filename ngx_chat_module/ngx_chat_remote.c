
/*
 * Copyright (C) the ngx_chat_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_interest.h"
#include "ngx_chat_log.h"
#include "ngx_chat_remote.h"
#include "ngx_chat_room.h"


static ngx_int_t ngx_chat_remote_begin_locked(ngx_chat_zone_t *z,
    ngx_chat_remote_event_t *ev);
static void ngx_chat_remote_end_locked(ngx_chat_zone_t *z,
    ngx_chat_slot_t *slot, ngx_chat_mask_t *wake);
static ngx_int_t ngx_chat_remote_append_locked(ngx_chat_zone_t *z,
    ngx_uint_t seat, ngx_chat_remote_event_t *ev, ngx_chat_slot_t *slot);


void
ngx_chat_remote_mode(ngx_chat_zone_t *z, ngx_uint_t remote)
{
    ngx_chat_shm_lock(z);
    z->sh->remote = remote ? 1 : 0;
    ngx_chat_shm_unlock(z);
}


ngx_int_t
ngx_chat_remote_begin(ngx_chat_zone_t *z, ngx_chat_remote_event_t *ev)
{
    ngx_int_t  rc;

    ngx_memzero(&ev->wake, sizeof(ngx_chat_mask_t));

    ngx_chat_shm_lock(z);

    rc = (z->sh->moved || !z->sh->remote)
         ? NGX_AGAIN : ngx_chat_remote_begin_locked(z, ev);

    ngx_chat_shm_unlock(z);

    return rc;
}


static ngx_int_t
ngx_chat_remote_begin_locked(ngx_chat_zone_t *z, ngx_chat_remote_event_t *ev)
{
    uint32_t          hash, followers;
    ngx_chat_sh_t    *sh;
    ngx_chat_slot_t  *slot;

    sh = z->sh;
    followers = 0;

    hash = ngx_chat_slot_hash(sh, &ev->key);
    slot = ngx_chat_slot_lookup_locked(sh, &ev->key, hash);

    if (slot != NULL) {

        if (ngx_memcmp(slot->epoch, ev->epoch, NGX_CHAT_EPOCH_LEN) == 0
            && ev->rec.offset <= slot->head + 1)
        {
            slot->remote = 1;
            return NGX_OK;
        }

        followers = slot->followers;
        ngx_chat_remote_end_locked(z, slot, &ev->wake);
    }

    slot = ngx_chat_slot_create_locked(z, &ev->key, hash, 0);

    if (slot == NULL) {
        return NGX_BUSY;
    }

    /* an empty log that has been written to before */

    slot->remote = 1;
    slot->n = ev->rec.offset - 1;
    slot->kept = ev->rec.offset;
    slot->first = ev->rec.offset;
    ngx_memcpy(slot->epoch, ev->epoch, NGX_CHAT_EPOCH_LEN);
    ngx_chat_store(&slot->head, ev->rec.offset - 1);

    ngx_chat_slot_rule_locked(sh, slot, ev->rule);
    ngx_chat_slot_touch_locked(sh, slot, ev->rec.ts);

    return followers ? NGX_DONE : NGX_OK;
}


/* a life ends while it is followed: its followers compare lives when they are
   woken, as after a repair */

static void
ngx_chat_remote_end_locked(ngx_chat_zone_t *z, ngx_chat_slot_t *slot,
    ngx_chat_mask_t *wake)
{
    ngx_uint_t        i;
    ngx_chat_sh_t    *sh;
    ngx_chat_mask_t   mask;

    sh = z->sh;

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


ngx_int_t
ngx_chat_remote_append(ngx_chat_zone_t *z, ngx_uint_t seat,
    ngx_chat_remote_event_t *ev)
{
    uint32_t          hash;
    ngx_int_t         rc;
    ngx_chat_sh_t    *sh;
    ngx_chat_slot_t  *slot;

    sh = z->sh;
    hash = ngx_chat_slot_hash(sh, &ev->key);
    rc = NGX_DECLINED;

    ngx_memzero(&ev->wake, sizeof(ngx_chat_mask_t));

    ngx_chat_shm_lock(z);

    if (!sh->moved && sh->remote) {
        slot = ngx_chat_slot_lookup_locked(sh, &ev->key, hash);

        if (slot != NULL) {
            rc = ngx_chat_remote_append_locked(z, seat, ev, slot);
        }
    }

    ngx_chat_shm_unlock(z);

    return rc;
}


static ngx_int_t
ngx_chat_remote_append_locked(ngx_chat_zone_t *z, ngx_uint_t seat,
    ngx_chat_remote_event_t *ev, ngx_chat_slot_t *slot)
{
    ngx_int_t        rc;
    ngx_chat_sh_t   *sh;
    ngx_chat_rec_t   rec;

    sh = z->sh;

    if (ngx_memcmp(slot->epoch, ev->epoch, NGX_CHAT_EPOCH_LEN) != 0) {
        return NGX_AGAIN;
    }

    if (ev->rec.offset <= slot->head) {
        return NGX_DONE;
    }

    if (ev->rec.offset > slot->head + 1) {
        return NGX_AGAIN;
    }

    rec = ev->rec;
    rec.size = (uint32_t) ngx_min(ev->payload.len, 0xfffffff0);
    rec.ts = ngx_max(rec.ts, slot->ts);
    rec.n = slot->n + 1;
    rec.latest = 0;

    ev->idx = (uint32_t) (slot - ngx_chat_slots(sh));

    ngx_chat_slot_rule_locked(sh, slot, ev->rule);

    rc = ngx_chat_log_reserve_locked(sh, slot, rec.size);

    if (rc != NGX_OK) {
        return rc;
    }

    ngx_chat_log_append_locked(sh, slot, &rec, &ev->payload, 1);
    ngx_chat_log_trim_locked(sh, slot, ngx_max(sh->now, rec.ts));
    ngx_chat_interest_queue_locked(sh, slot, seat, &ev->wake);

    return NGX_OK;
}


/* an empty log: one that has begun may hold a little more */

ngx_int_t
ngx_chat_remote_holds(ngx_chat_zone_t *z, ngx_chat_rule_t *rule, size_t size)
{
    size_t  room;

    if (size > NGX_MAX_INT32_VALUE) {
        return NGX_DECLINED;
    }

    room = z->sh->seg_size - NGX_CHAT_SEG_HEADER;

    return ((ngx_chat_rec_size(size) + room - 1) / room + 1
            <= ngx_chat_rule_cap(z->sh, rule))
           ? NGX_OK : NGX_DECLINED;
}


ngx_int_t
ngx_chat_remote_claim(ngx_chat_zone_t *z, uint32_t idx, uint64_t life,
    ngx_uint_t seat)
{
    uint16_t          none;
    ngx_chat_slot_t  *slot;

    slot = ngx_chat_slot_at(z->sh, idx, life);
    none = 0;

    if (slot == NULL || seat >= NGX_CHAT_SEATS) {
        return NGX_DECLINED;
    }

    if (__atomic_compare_exchange_n(&slot->owner, &none,
                                    (uint16_t) (seat + 1), 0,
                                    __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
    {
        return NGX_OK;
    }

    return (none == seat + 1) ? NGX_OK : NGX_DECLINED;
}


void
ngx_chat_remote_release(ngx_chat_zone_t *z, uint32_t idx, uint64_t life,
    ngx_uint_t seat)
{
    uint16_t          mine;
    ngx_chat_slot_t  *slot;

    slot = ngx_chat_slot_at(z->sh, idx, life);
    mine = (uint16_t) (seat + 1);

    if (slot == NULL || slot->owner != mine) {
        return;
    }

    slot->ready = 0;

    (void) __atomic_compare_exchange_n(&slot->owner, &mine, 0, 0,
                                       __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}


void
ngx_chat_remote_set_ready(ngx_chat_zone_t *z, uint32_t idx, uint64_t life,
    ngx_uint_t seat, ngx_uint_t ready)
{
    ngx_chat_slot_t  *slot;

    slot = ngx_chat_slot_at(z->sh, idx, life);

    if (slot != NULL && slot->owner == seat + 1) {
        ngx_chat_store(&slot->ready, (uint8_t) (ready ? 1 : 0));
    }
}


ngx_uint_t
ngx_chat_remote_is_ready(ngx_chat_zone_t *z, uint32_t idx, uint64_t life)
{
    ngx_chat_slot_t  *slot;

    slot = ngx_chat_slot_at(z->sh, idx, life);

    return slot != NULL && ngx_chat_load(&slot->owner) != 0
           && ngx_chat_load(&slot->ready);
}


ngx_uint_t
ngx_chat_remote_followers(ngx_chat_zone_t *z, uint32_t idx, uint64_t life)
{
    ngx_chat_slot_t  *slot;

    slot = ngx_chat_slot_at(z->sh, idx, life);

    return (slot != NULL) ? ngx_chat_load_relaxed(&slot->followers) : 0;
}
