
/*
 * Copyright (C) the ngx_chat_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_interest.h"
#include "ngx_chat_log.h"
#include "ngx_chat_name.h"
#include "ngx_chat_room.h"
#include "ngx_chat_segment.h"
#include "ngx_chat_table_private.h"
#include "ngx_chat_test.h"


#define NGX_CHAT_SWEEP_CHUNKS    16
#define NGX_CHAT_SWEEP_SLOTS     256
#define NGX_CHAT_SWEEP_SEGMENTS  1024


static ngx_chat_slot_t *ngx_chat_slot_take_locked(ngx_chat_zone_t *z);
static void ngx_chat_slot_unlink_locked(ngx_chat_sh_t *sh,
    ngx_chat_slot_t *slot);
static void ngx_chat_room_fill_locked(ngx_chat_sh_t *sh,
    ngx_chat_slot_t *slot, ngx_chat_room_info_t *info);


ngx_int_t
ngx_chat_room_open(ngx_chat_zone_t *z, ngx_chat_room_key_t *key,
    ngx_chat_rule_t *rule, ngx_uint_t seat, ngx_uint_t create,
    ngx_chat_room_info_t *info)
{
    uint32_t          hash;
    ngx_chat_sh_t    *sh;
    ngx_chat_slot_t  *slot;

    if (key->name.len == 0 || key->name.len > NGX_CHAT_ROOM_MAX) {
        return NGX_DECLINED;
    }

    sh = z->sh;
    hash = ngx_chat_slot_hash(sh, key);

    ngx_chat_shm_lock(z);

    slot = ngx_chat_slot_lookup_locked(sh, key, hash);

    if (slot == NULL) {

        if (!create) {
            ngx_chat_shm_unlock(z);
            return NGX_DECLINED;
        }

        if (sh->moved) {
            /* its epoch would be given to another room of the new zone */
            ngx_chat_shm_unlock(z);
            return NGX_AGAIN;
        }

        slot = ngx_chat_slot_create_locked(z, key, hash, 0);

        if (slot == NULL) {
            ngx_chat_shm_unlock(z);
            return NGX_BUSY;
        }
    }

    ngx_chat_slot_rule_locked(sh, slot, rule);
    ngx_chat_interest_follow_locked(sh, slot, seat);
    ngx_chat_slot_touch_locked(sh, slot, sh->now);
    ngx_chat_log_trim_locked(sh, slot, sh->now);
    ngx_chat_room_fill_locked(sh, slot, info);

    ngx_chat_shm_unlock(z);

    return NGX_OK;
}


void
ngx_chat_room_close(ngx_chat_zone_t *z, uint32_t idx, uint64_t life,
    ngx_uint_t seat)
{
    ngx_chat_sh_t    *sh;
    ngx_chat_slot_t  *slot;

    sh = z->sh;

    ngx_chat_shm_lock(z);

    slot = ngx_chat_slot_at(sh, idx, life);

    if (slot != NULL) {
        ngx_chat_interest_leave_locked(sh, slot, seat);
        ngx_chat_slot_touch_locked(sh, slot, sh->now);
        ngx_chat_log_trim_locked(sh, slot, sh->now);
    }

    ngx_chat_shm_unlock(z);
}


ngx_int_t
ngx_chat_room_find(ngx_chat_zone_t *z, ngx_chat_room_key_t *key,
    ngx_chat_rule_t *rule, ngx_chat_room_info_t *info)
{
    uint32_t          hash;
    ngx_chat_sh_t    *sh;
    ngx_chat_slot_t  *slot;

    if (key->name.len == 0 || key->name.len > NGX_CHAT_ROOM_MAX) {
        return NGX_DECLINED;
    }

    sh = z->sh;
    hash = ngx_chat_slot_hash(sh, key);

    ngx_chat_shm_lock(z);

    slot = ngx_chat_slot_lookup_locked(sh, key, hash);

    if (slot == NULL) {
        ngx_chat_shm_unlock(z);
        return NGX_DECLINED;
    }

    ngx_chat_slot_rule_locked(sh, slot, rule);
    ngx_chat_slot_touch_locked(sh, slot, sh->now);
    ngx_chat_log_trim_locked(sh, slot, sh->now);
    ngx_chat_room_fill_locked(sh, slot, info);

    ngx_chat_shm_unlock(z);

    return NGX_OK;
}


ngx_int_t
ngx_chat_room_info(ngx_chat_zone_t *z, uint32_t idx, uint64_t life,
    ngx_chat_room_info_t *info)
{
    ngx_chat_sh_t    *sh;
    ngx_chat_slot_t  *slot;

    sh = z->sh;

    ngx_chat_shm_lock(z);

    slot = ngx_chat_slot_at(sh, idx, life);

    if (slot == NULL) {
        ngx_chat_shm_unlock(z);
        return NGX_DECLINED;
    }

    ngx_chat_slot_touch_locked(sh, slot, sh->now);
    ngx_chat_log_trim_locked(sh, slot, sh->now);
    ngx_chat_room_fill_locked(sh, slot, info);

    ngx_chat_shm_unlock(z);

    return NGX_OK;
}


ngx_int_t
ngx_chat_room_at(ngx_chat_zone_t *z, uint32_t idx, ngx_chat_room_key_t *key,
    ngx_chat_room_info_t *info)
{
    ngx_int_t         rc;
    ngx_chat_sh_t    *sh;
    ngx_chat_slot_t  *slot;

    sh = z->sh;
    rc = NGX_DECLINED;

    ngx_chat_shm_lock_read(z);

    if (idx >= sh->room_fresh) {
        rc = NGX_DONE;

    } else {
        slot = &ngx_chat_slots(sh)[idx];

        if (slot->life != 0) {
            key->kind = slot->kind;
            key->name.len = slot->len;
            ngx_memcpy(key->name.data, slot->name, slot->len);

            ngx_chat_room_fill_locked(sh, slot, info);
            rc = NGX_OK;
        }
    }

    ngx_chat_shm_unlock(z);

    return rc;
}


uint64_t
ngx_chat_room_head(ngx_chat_zone_t *z, uint32_t idx)
{
    if (idx >= z->sh->room_n) {
        return 0;
    }

    return ngx_chat_load(&ngx_chat_slots(z->sh)[idx].head);
}


static void
ngx_chat_room_fill_locked(ngx_chat_sh_t *sh, ngx_chat_slot_t *slot,
    ngx_chat_room_info_t *info)
{
    info->idx = (uint32_t) (slot - ngx_chat_slots(sh));
    info->life = slot->life;
    ngx_memcpy(info->epoch, slot->epoch, NGX_CHAT_EPOCH_LEN);
    info->first = slot->first;
    info->head = slot->head;

    ngx_chat_log_tail_locked(sh, slot, &info->tail);
}


/*
 * A slice of the slots; the second's winner does it, the others come away at
 * once.  The lock is held for a chunk of slots, or of segments freed.
 */

void
ngx_chat_zone_sweep(ngx_chat_zone_t *z, ngx_uint_t seat, uint64_t now)
{
    uint32_t          freed;
    uint64_t          second, last;
    ngx_uint_t        i, chunk;
    ngx_chat_sh_t    *sh;
    ngx_chat_slot_t  *slot;

    sh = z->sh;
    second = now / 1000;
    last = ngx_chat_load(&sh->sweep);

    if (last == second
        || !__atomic_compare_exchange_n(&sh->sweep, &last, second, 0,
                                        __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
    {
        return;
    }

    for (chunk = 0; chunk < NGX_CHAT_SWEEP_CHUNKS; chunk++) {

        ngx_chat_shm_lock(z);

        sh->now = now;

        if (chunk == 0) {
            ngx_chat_table_sweep_locked(sh, second);
        }

        freed = sh->seg_free_n + NGX_CHAT_SWEEP_SEGMENTS;

        for (i = 0; i < NGX_CHAT_SWEEP_SLOTS && sh->seg_free_n < freed; i++) {

            if (sh->sweep_at >= sh->room_fresh) {
                sh->sweep_at = 0;
                chunk = NGX_CHAT_SWEEP_CHUNKS;
                break;
            }

            slot = &ngx_chat_slots(sh)[sh->sweep_at++];

            if (slot->life == 0) {
                continue;
            }

            if (slot->used == 0) {
                slot->used = now;
            }

            ngx_chat_log_trim_locked(sh, slot, now);

            if (slot->first > slot->head && slot->followers == 0
                && slot->used + (uint64_t) slot->idle * 1000 <= now)
            {
                ngx_chat_slot_remove_locked(sh, slot);
            }
        }

        ngx_chat_shm_unlock(z);
    }
}


uint32_t
ngx_chat_slot_hash(ngx_chat_sh_t *sh, ngx_chat_room_key_t *key)
{
    return (uint32_t) ngx_chat_hash(sh->hash_key[0] ^ key->kind,
                                    key->name.data, key->name.len);
}


ngx_chat_slot_t *
ngx_chat_slot_lookup_locked(ngx_chat_sh_t *sh, ngx_chat_room_key_t *key,
    uint32_t hash)
{
    uint32_t          ref;
    ngx_chat_slot_t  *slot;

    ref = ngx_chat_buckets(sh)[hash & (sh->bucket_n - 1)];

    while (ref) {
        slot = ngx_chat_slot(sh, ref);

        if (slot->hash == hash
            && slot->len == key->name.len
            && slot->kind == (uint8_t) key->kind
            && ngx_memcmp(slot->name, key->name.data, slot->len) == 0)
        {
            return slot;
        }

        ref = slot->next;
    }

    return NULL;
}


/* the store of `life' makes it exist, whatever happens then */

ngx_chat_slot_t *
ngx_chat_slot_create_locked(ngx_chat_zone_t *z, ngx_chat_room_key_t *key,
    uint32_t hash, uint64_t life)
{
    ngx_chat_sh_t    *sh;
    ngx_chat_slot_t  *slot;

    sh = z->sh;

    slot = ngx_chat_slot_take_locked(z);

    if (slot == NULL) {
        return NULL;
    }

    if (life == 0) {
        life = ++sh->lives;
    }

    ngx_memzero(slot, sizeof(ngx_chat_slot_t));

    /*
     * set by ngx_memzero():
     *
     *     slot->head = 0;
     *     slot->n = 0;
     *     slot->used = 0;
     *     slot->sequence = 0;
     *     slot->seg_count = 0;
     *     slot->followers = 0;
     */

    slot->first = 1;
    slot->kept = 1;
    slot->history = 1000;
    slot->cap = sh->cap;
    slot->idle = NGX_CHAT_ROOM_IDLE;
    slot->hash = hash;
    slot->kind = (uint8_t) key->kind;
    slot->len = (uint8_t) key->name.len;
    ngx_memcpy(slot->name, key->name.data, key->name.len);
    ngx_chat_epoch_print(slot->epoch, sh->epoch_start, life);

    ngx_chat_store(&slot->life, life);

    ngx_chat_test_point("room:created");

    sh->room_count++;

    ngx_chat_slot_link_locked(sh, slot);
    ngx_chat_lru_add_locked(sh, slot);

    return slot;
}


static ngx_chat_slot_t *
ngx_chat_slot_take_locked(ngx_chat_zone_t *z)
{
    ngx_chat_sh_t    *sh;
    ngx_chat_slot_t  *slot;

    sh = z->sh;

    if (sh->room_count >= sh->room_n
        || (z->max_rooms && sh->room_count >= z->max_rooms))
    {
        if (sh->lru_first == 0) {
            return NULL;
        }

        slot = ngx_chat_slot(sh, sh->lru_first);

        sh->total[NGX_CHAT_M_EVICTED] += slot->seg_count;
        ngx_chat_slot_remove_locked(sh, slot);
    }

    if (sh->room_free) {
        slot = ngx_chat_slot(sh, sh->room_free);
        sh->room_free = slot->next;
        return slot;
    }

    return ngx_chat_slot(sh, ++sh->room_fresh);
}


void
ngx_chat_slot_remove_locked(ngx_chat_sh_t *sh, ngx_chat_slot_t *slot)
{
    uint32_t  ref, next;

    ngx_chat_store(&slot->life, 0);
    ngx_chat_barrier();

    ngx_chat_test_point("room:removed");

    ngx_chat_slot_unlink_locked(sh, slot);
    ngx_chat_lru_remove_locked(sh, slot);

    for (ref = slot->seg_first; ref; ref = next) {
        next = ngx_chat_seg(sh, ref)->next;
        ngx_chat_seg_free_locked(sh, ref);
    }

    slot->seg_first = 0;
    slot->seg_last = 0;
    ref = slot->seg_count;
    slot->seg_count = 0;
    ngx_chat_seg_fair_locked(sh, slot, ref);

    slot->next = sh->room_free;
    sh->room_free = ngx_chat_slot_ref(sh, slot);
    sh->room_count--;
}


void
ngx_chat_slot_link_locked(ngx_chat_sh_t *sh, ngx_chat_slot_t *slot)
{
    uint32_t  *bucket;

    bucket = &ngx_chat_buckets(sh)[slot->hash & (sh->bucket_n - 1)];

    slot->next = *bucket;
    ngx_chat_store(bucket, ngx_chat_slot_ref(sh, slot));
}


static void
ngx_chat_slot_unlink_locked(ngx_chat_sh_t *sh, ngx_chat_slot_t *slot)
{
    uint32_t  *p, ref;

    ref = ngx_chat_slot_ref(sh, slot);
    p = &ngx_chat_buckets(sh)[slot->hash & (sh->bucket_n - 1)];

    while (*p && *p != ref) {
        p = &ngx_chat_slot(sh, *p)->next;
    }

    if (*p) {
        *p = slot->next;
    }
}


void
ngx_chat_slot_touch_locked(ngx_chat_sh_t *sh, ngx_chat_slot_t *slot,
    uint64_t now)
{
    slot->used = now;

    if (slot->followers == 0 && slot->lru_next) {
        ngx_chat_lru_remove_locked(sh, slot);
        ngx_chat_lru_add_locked(sh, slot);
    }
}


void
ngx_chat_slot_rule_locked(ngx_chat_sh_t *sh, ngx_chat_slot_t *slot,
    ngx_chat_rule_t *rule)
{
    uint32_t  age;

    if (rule == NULL) {
        return;
    }

    slot->history = (uint32_t) ngx_min(rule->history, 0xffffffff);

    age = (uint32_t) ngx_min(rule->age, 0x7fffffff);

    if (slot->age != age) {
        slot->age = age;
        slot->expire = 0;
    }

    slot->idle = rule->idle ? (uint32_t) ngx_min(rule->idle, 0x7fffffff)
                            : NGX_CHAT_ROOM_IDLE;

    slot->size = rule->size;
    slot->cap = ngx_chat_rule_cap(sh, rule);
}


uint32_t
ngx_chat_rule_cap(ngx_chat_sh_t *sh, ngx_chat_rule_t *rule)
{
    uint64_t  n;

    if (rule->size == 0) {
        return sh->cap;
    }

    /* one more, since the bound may lie anywhere in the oldest */

    n = rule->size / (sh->seg_size - NGX_CHAT_SEG_HEADER) + 2;
    n = ngx_max(n, NGX_CHAT_CAP_MIN / sh->seg_size);

    return (uint32_t) ngx_min(n, sh->seg_n);
}


/* the list of rooms that nobody follows, in the order of their last use */

void
ngx_chat_lru_add_locked(ngx_chat_sh_t *sh, ngx_chat_slot_t *slot)
{
    uint32_t  ref;

    ref = ngx_chat_slot_ref(sh, slot);

    slot->lru_prev = sh->lru_last;
    slot->lru_next = 0;

    if (sh->lru_last) {
        ngx_chat_slot(sh, sh->lru_last)->lru_next = ref;

    } else {
        sh->lru_first = ref;
    }

    sh->lru_last = ref;
}


void
ngx_chat_lru_remove_locked(ngx_chat_sh_t *sh, ngx_chat_slot_t *slot)
{
    if (slot->lru_prev) {
        ngx_chat_slot(sh, slot->lru_prev)->lru_next = slot->lru_next;

    } else {
        sh->lru_first = slot->lru_next;
    }

    if (slot->lru_next) {
        ngx_chat_slot(sh, slot->lru_next)->lru_prev = slot->lru_prev;

    } else {
        sh->lru_last = slot->lru_prev;
    }

    slot->lru_prev = 0;
    slot->lru_next = 0;
}


ngx_chat_slot_t *
ngx_chat_slot_at(ngx_chat_sh_t *sh, uint32_t idx, uint64_t life)
{
    ngx_chat_slot_t  *slot;

    if (idx >= sh->room_n || life == 0) {
        return NULL;
    }

    slot = &ngx_chat_slots(sh)[idx];

    return (ngx_chat_load(&slot->life) == life) ? slot : NULL;
}
