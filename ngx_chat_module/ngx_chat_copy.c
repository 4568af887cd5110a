
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * A zone of another size takes over the rooms of the one it replaces.  Epochs
 * and offsets stay, so that clients resume.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_log.h"
#include "ngx_chat_nonce.h"
#include "ngx_chat_mark_private.h"
#include "ngx_chat_room.h"
#include "ngx_chat_segment.h"
#include "ngx_chat_table_private.h"


/* a record in more segments than this is not copied */
#define NGX_CHAT_COPY_PIECES  72


static ngx_chat_zone_t *ngx_chat_copy_find(ngx_chat_zone_t *z);
static ngx_int_t ngx_chat_copy_locked(ngx_chat_zone_t *z,
    ngx_chat_sh_t *from);
static void ngx_chat_copy_room_locked(ngx_chat_zone_t *z,
    ngx_chat_sh_t *from, ngx_chat_slot_t *old);
static void ngx_chat_copy_log_locked(ngx_chat_sh_t *sh, ngx_chat_slot_t *slot,
    ngx_chat_sh_t *from, ngx_chat_slot_t *old);
static ngx_int_t ngx_chat_copy_record_locked(ngx_chat_sh_t *sh,
    ngx_chat_slot_t *slot, ngx_chat_sh_t *from, ngx_chat_cursor_t *cur);
static void ngx_chat_copy_skip_locked(ngx_chat_sh_t *sh,
    ngx_chat_slot_t *slot, uint64_t offset);


/* in the master, while workers use the old zone; `z' is nobody's but ours */

ngx_int_t
ngx_chat_copy_zone(ngx_chat_zone_t *z)
{
    ngx_int_t         rc;
    ngx_chat_zone_t  *oz;

    /* under nginx -t there is a configuration that is read, not one that
       runs */

    if (ngx_test_config) {
        return NGX_OK;
    }

    oz = ngx_chat_copy_find(z);

    if (oz == NULL) {
        return NGX_OK;
    }

    ngx_chat_shm_lock(oz);

    rc = ngx_chat_copy_locked(z, oz->sh);

    if (rc == NGX_OK) {
        ngx_chat_store(&oz->sh->moved, 1);
    }

    ngx_chat_shm_unlock(oz);

    if (rc != NGX_OK) {
        ngx_log_error(NGX_LOG_EMERG, z->shm_zone->shm.log, 0,
                      "chat zone \"%V\" is too small for the bans, roles and "
                      "other data that it has, write a larger size",
                      &z->shm_zone->shm.name);
        return NGX_ERROR;
    }

    z->old = oz;

    ngx_log_error(NGX_LOG_NOTICE, z->shm_zone->shm.log, 0,
                  "chat zone \"%V\" changes its size, %uD rooms were copied",
                  &z->shm_zone->shm.name, z->sh->room_count);

    return NGX_OK;
}


static ngx_chat_zone_t *
ngx_chat_copy_find(ngx_chat_zone_t *z)
{
    ngx_str_t        *name;
    ngx_uint_t        i;
    ngx_shm_zone_t   *zone;
    ngx_list_part_t  *part;
    ngx_chat_zone_t  *oz;

    if (ngx_cycle == NULL) {
        return NULL;
    }

    part = (ngx_list_part_t *) &ngx_cycle->shared_memory.part;
    name = &z->shm_zone->shm.name;

    for ( /* void */ ; part != NULL; part = part->next) {

        zone = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (&zone[i] == z->shm_zone
                || zone[i].tag != z->shm_zone->tag
                || zone[i].shm.addr == NULL
                || zone[i].shm.addr == z->shm_zone->shm.addr
                || zone[i].shm.name.len != name->len
                || ngx_strncmp(zone[i].shm.name.data, name->data, name->len)
                   != 0)
            {
                continue;
            }

            oz = zone[i].data;

            if (oz == NULL || oz->sh == NULL
                || oz->sh->magic != NGX_CHAT_SH_MAGIC
                || oz->sh->version != NGX_CHAT_SH_VERSION)
            {
                return NULL;
            }

            return oz;
        }
    }

    return NULL;
}


/* the rooms nobody follows first, the least recently used before others: if
   slots or segments are short, they are the first to go */

static ngx_int_t
ngx_chat_copy_locked(ngx_chat_zone_t *z, ngx_chat_sh_t *from)
{
    uint32_t           ref;
    ngx_uint_t         i, m;
    ngx_chat_sh_t     *sh;
    ngx_chat_slot_t   *slot;

    sh = z->sh;

    sh->epoch_start = from->epoch_start;
    sh->lives = from->lives;
    sh->now = from->now;
    sh->records = from->records;
    ngx_memcpy(sh->hash_key, from->hash_key, sizeof(sh->hash_key));
    ngx_memcpy(sh->secret, from->secret, sizeof(sh->secret));

    if (ngx_chat_table_copy_locked(sh, from) != NGX_OK) {
        return NGX_DECLINED;
    }

    for (m = 0; m < NGX_CHAT_M_COUNTERS; m++) {
        sh->total[m] = from->total[m];

        for (i = 0; i < NGX_CHAT_SEATS; i++) {
            sh->total[m] += ngx_chat_seats(from)[i].metric[m];
        }
    }

    for (i = 0; i < from->room_fresh; i++) {
        ngx_chat_slots(from)[i].copy = 0;
    }

    for (ref = from->lru_first; ref; ref = slot->lru_next) {
        slot = ngx_chat_slot(from, ref);
        ngx_chat_copy_room_locked(z, from, slot);
    }

    for (i = 0; i < from->room_fresh; i++) {

        slot = &ngx_chat_slots(from)[i];

        if (slot->life && slot->followers) {
            ngx_chat_copy_room_locked(z, from, slot);
        }
    }

    ngx_chat_mark_copy_locked(sh, from);
    ngx_chat_presence_copy_locked(sh, from);
    ngx_chat_hook_copy_locked(sh, from);
    ngx_chat_nonce_copy_locked(sh, from, (uint32_t) z->nonce_ttl);

    /* what was appended to copy isn't new */

    sh->records = from->records;

    return NGX_OK;
}


static void
ngx_chat_copy_room_locked(ngx_chat_zone_t *z, ngx_chat_sh_t *from,
    ngx_chat_slot_t *old)
{
    ngx_chat_sh_t        *sh;
    ngx_chat_rule_t       rule;
    ngx_chat_slot_t      *slot;
    ngx_chat_room_key_t   key;

    sh = z->sh;

    key.kind = old->kind;
    key.name.len = old->len;
    key.name.data = old->name;

    slot = ngx_chat_slot_create_locked(z, &key, old->hash, old->life);

    if (slot == NULL) {
        return;
    }

    if (old->remote) {
        slot->remote = 1;
        ngx_memcpy(slot->epoch, old->epoch, NGX_CHAT_EPOCH_LEN);
    }

    ngx_memzero(&rule, sizeof(ngx_chat_rule_t));

    rule.history = old->history;
    rule.age = old->age;
    rule.size = (size_t) old->size;
    rule.idle = old->idle;

    ngx_chat_slot_rule_locked(sh, slot, &rule);

    slot->used = old->followers ? from->now : old->used;
    slot->n = old->n;
    slot->ts = old->ts;
    slot->first = old->first;
    slot->kept = old->kept;
    slot->head = old->kept - 1;

    ngx_chat_copy_log_locked(sh, slot, from, old);

    old->copy = ngx_chat_slot_ref(sh, slot);
}


static void
ngx_chat_copy_log_locked(ngx_chat_sh_t *sh, ngx_chat_slot_t *slot,
    ngx_chat_sh_t *from, ngx_chat_slot_t *old)
{
    ngx_chat_cursor_t  cur;

    if (slot->head == old->head) {
        return;
    }

    if (ngx_chat_log_locate_locked(from, old, old->kept, &cur) != NGX_OK) {
        ngx_chat_copy_skip_locked(sh, slot, old->head);
        return;
    }

    for ( ;; ) {

        if (ngx_chat_copy_record_locked(sh, slot, from, &cur) != NGX_OK) {
            ngx_chat_copy_skip_locked(sh, slot, cur.offset);
        }

        if (cur.offset == old->head) {
            return;
        }

        ngx_chat_log_next_locked(from, &cur);
    }
}


static ngx_int_t
ngx_chat_copy_record_locked(ngx_chat_sh_t *sh, ngx_chat_slot_t *slot,
    ngx_chat_sh_t *from, ngx_chat_cursor_t *cur)
{
    size_t           left, n;
    uint32_t         at;
    ngx_int_t        rc;
    ngx_str_t        piece[NGX_CHAT_COPY_PIECES];
    ngx_uint_t       i;
    ngx_chat_rec_t   rec;
    ngx_chat_seg_t  *seg;

    rec = *ngx_chat_log_rec(cur);
    seg = cur->seg;
    at = cur->at + sizeof(ngx_chat_rec_t);
    i = 0;

    for (left = rec.lead + (size_t) rec.size; left; left -= n) {

        if (at == from->seg_size) {
            seg = ngx_chat_seg(from, seg->next);
            at = NGX_CHAT_SEG_HEADER;
        }

        if (i == NGX_CHAT_COPY_PIECES) {
            return NGX_ERROR;
        }

        n = from->seg_size - at;
        n = ngx_min(n, left);

        piece[i].data = (u_char *) seg + at;
        piece[i++].len = n;
        at += (uint32_t) n;
    }

    rc = ngx_chat_log_reserve_locked(sh, slot, rec.space);

    if (rc == NGX_OK) {
        ngx_chat_log_append_locked(sh, slot, &rec, piece, i);
    }

    return rc;
}


/* a log has no holes: what is before a record that can't be copied goes too */

static void
ngx_chat_copy_skip_locked(ngx_chat_sh_t *sh, ngx_chat_slot_t *slot,
    uint64_t offset)
{
    while (slot->seg_first) {
        ngx_chat_seg_drop_locked(sh, slot);
    }

    slot->head = offset;
    slot->kept = offset + 1;
    slot->first = ngx_max(slot->first, slot->kept);
}
