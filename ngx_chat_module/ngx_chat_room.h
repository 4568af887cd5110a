
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Slots of rooms: the table by name, the order of use, a room's end.
 */


#ifndef _NGX_CHAT_ROOM_H_INCLUDED_
#define _NGX_CHAT_ROOM_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_shm.h"


uint32_t ngx_chat_slot_hash(ngx_chat_sh_t *sh, ngx_chat_room_key_t *key);

ngx_chat_slot_t *ngx_chat_slot_lookup_locked(ngx_chat_sh_t *sh,
    ngx_chat_room_key_t *key, uint32_t hash);

/* `life' 0: a new one.  NULL: no slot, and no room that may go for it */
ngx_chat_slot_t *ngx_chat_slot_create_locked(ngx_chat_zone_t *z,
    ngx_chat_room_key_t *key, uint32_t hash, uint64_t life);

/* nobody follows it */
void ngx_chat_slot_remove_locked(ngx_chat_sh_t *sh, ngx_chat_slot_t *slot);

/* the room is used now: `used', the order of the unfollowed */
void ngx_chat_slot_touch_locked(ngx_chat_sh_t *sh, ngx_chat_slot_t *slot,
    uint64_t now);

/* what the configuration says of the room, NULL: leave it */
void ngx_chat_slot_rule_locked(ngx_chat_sh_t *sh, ngx_chat_slot_t *slot,
    ngx_chat_rule_t *rule);

/* segments that a room of that rule may have; no lock */
uint32_t ngx_chat_rule_cap(ngx_chat_sh_t *sh, ngx_chat_rule_t *rule);

/* links an existing slot into its hash chain: one store makes it found */
void ngx_chat_slot_link_locked(ngx_chat_sh_t *sh, ngx_chat_slot_t *slot);

/* slot->followers became 1, or 0 */
void ngx_chat_lru_remove_locked(ngx_chat_sh_t *sh, ngx_chat_slot_t *slot);
void ngx_chat_lru_add_locked(ngx_chat_sh_t *sh, ngx_chat_slot_t *slot);

/* NULL: no slot, or another life; without the lock only until it changes */
ngx_chat_slot_t *ngx_chat_slot_at(ngx_chat_sh_t *sh, uint32_t idx,
    uint64_t life);


#endif /* _NGX_CHAT_ROOM_H_INCLUDED_ */
