
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
        ngx_chat_interest_end_locked(sh, slot, &ev->wake);
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


void
ngx_chat_remote_known(ngx_chat_zone_t *z, ngx_chat_room_key_t *key,
    ngx_chat_remote_known_t *known)
{
    uint32_t            hash;
    ngx_chat_sh_t      *sh;
    ngx_chat_slot_t    *slot;
    ngx_chat_cursor_t   cur;

    sh = z->sh;
    hash = ngx_chat_slot_hash(sh, key);

    ngx_memzero(known, sizeof(ngx_chat_remote_known_t));

    ngx_chat_shm_lock_read(z);

    slot = ngx_chat_slot_lookup_locked(sh, key, hash);

    if (slot != NULL && slot->remote) {
        known->found = 1;
        known->head = slot->head;
        ngx_memcpy(known->epoch, slot->epoch, NGX_CHAT_EPOCH_LEN);

        if (slot->kept <= slot->head
            && ngx_chat_log_locate_locked(sh, slot, slot->head, &cur)
               == NGX_OK)
        {
            known->tagged = 1;
            known->tag = ngx_chat_log_rec(&cur)->nonce;
        }
    }

    ngx_chat_shm_unlock(z);
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
    rec.target = 0;
    rec.lead = 0;
    rec.space = (uint32_t) ngx_align((size_t) rec.size, 8);

    ev->idx = (uint32_t) (slot - ngx_chat_slots(sh));

    ngx_chat_slot_rule_locked(sh, slot, ev->rule);

    rc = ngx_chat_log_reserve_locked(sh, slot, rec.space);

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


/*
 * A slot may get another life between the look at its life and the write: so
 * writes have the lock, and what changes nothing is found without it.
 */

ngx_int_t
ngx_chat_remote_claim(ngx_chat_zone_t *z, uint32_t idx, uint64_t life,
    ngx_uint_t seat)
{
    ngx_int_t         rc;
    ngx_chat_slot_t  *slot;

    slot = ngx_chat_slot_at(z->sh, idx, life);

    if (slot == NULL || seat >= NGX_CHAT_SEATS) {
        return NGX_DECLINED;
    }

    if (ngx_chat_load(&slot->owner) != 0) {
        return (ngx_chat_load(&slot->owner) == seat + 1) ? NGX_OK
                                                         : NGX_DECLINED;
    }

    ngx_chat_shm_lock(z);

    slot = ngx_chat_slot_at(z->sh, idx, life);
    rc = NGX_DECLINED;

    if (slot != NULL) {

        if (slot->owner == 0) {
            slot->ready = 0;
            ngx_chat_store(&slot->owner, (uint16_t) (seat + 1));
        }

        rc = (slot->owner == seat + 1) ? NGX_OK : NGX_DECLINED;
    }

    ngx_chat_shm_unlock(z);

    return rc;
}


ngx_uint_t
ngx_chat_remote_owns(ngx_chat_zone_t *z, uint32_t idx, uint64_t life,
    ngx_uint_t seat)
{
    ngx_uint_t        owner;
    ngx_chat_slot_t  *slot;

    slot = ngx_chat_slot_at(z->sh, idx, life);
    owner = (slot != NULL) ? ngx_chat_load(&slot->owner) : 0;

    return slot != NULL && (owner == 0 || owner == seat + 1);
}


void
ngx_chat_remote_release(ngx_chat_zone_t *z, uint32_t idx, uint64_t life,
    ngx_uint_t seat)
{
    ngx_chat_slot_t  *slot;

    slot = ngx_chat_slot_at(z->sh, idx, life);

    if (slot == NULL || ngx_chat_load(&slot->owner) != seat + 1) {
        return;
    }

    ngx_chat_shm_lock(z);

    slot = ngx_chat_slot_at(z->sh, idx, life);

    if (slot != NULL && slot->owner == seat + 1) {
        slot->ready = 0;
        ngx_chat_store(&slot->owner, 0);
    }

    ngx_chat_shm_unlock(z);
}


void
ngx_chat_remote_set_ready(ngx_chat_zone_t *z, uint32_t idx, uint64_t life,
    ngx_uint_t seat, ngx_uint_t ready)
{
    uint8_t           value;
    ngx_chat_slot_t  *slot;

    slot = ngx_chat_slot_at(z->sh, idx, life);
    value = (uint8_t) (ready ? 1 : 0);

    if (slot == NULL || ngx_chat_load(&slot->owner) != seat + 1
        || ngx_chat_load(&slot->ready) == value)
    {
        return;
    }

    ngx_chat_shm_lock(z);

    slot = ngx_chat_slot_at(z->sh, idx, life);

    if (slot != NULL && slot->owner == seat + 1) {
        ngx_chat_store(&slot->ready, value);
    }

    ngx_chat_shm_unlock(z);
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


uint64_t
ngx_chat_remote_host(ngx_chat_zone_t *z)
{
    static u_char  host[] = "host";

    return ngx_chat_hash(z->sh->hash_key[0], host, sizeof(host));
}
