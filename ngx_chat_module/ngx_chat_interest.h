
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Who follows a room, and the seats' rings of rooms to look at.
 */


#ifndef _NGX_CHAT_INTEREST_H_INCLUDED_
#define _NGX_CHAT_INTEREST_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_shm.h"


/* harmless if it follows already, or if there is no such seat */
void ngx_chat_interest_follow_locked(ngx_chat_sh_t *sh,
    ngx_chat_slot_t *slot, ngx_uint_t seat);

void ngx_chat_interest_leave_locked(ngx_chat_sh_t *sh, ngx_chat_slot_t *slot,
    ngx_uint_t seat);

/* a life ends while it is followed: its followers, who are added to `wake',
   compare lives when they are woken, as after a repair */
void ngx_chat_interest_end_locked(ngx_chat_sh_t *sh, ngx_chat_slot_t *slot,
    ngx_chat_mask_t *wake);

/* links an entry that names the slot: one store makes it found */
void ngx_chat_interest_link_locked(ngx_chat_sh_t *sh, ngx_chat_slot_t *slot,
    ngx_chat_interest_t *e);

/* puts the room into the rings of all followers but `seat' */
void ngx_chat_interest_queue_locked(ngx_chat_sh_t *sh, ngx_chat_slot_t *slot,
    ngx_uint_t seat, ngx_chat_mask_t *wake);

/* adds the seats that have an entry */
void ngx_chat_interest_mask_locked(ngx_chat_sh_t *sh, ngx_chat_slot_t *slot,
    ngx_chat_mask_t *mask);

/* how many sessions all followers have said to have in the room */
uint64_t ngx_chat_interest_sessions_locked(ngx_chat_sh_t *sh,
    ngx_chat_slot_t *slot);

/* how many of them are counted without being in the list of users; and n more
   of the seat's */
uint64_t ngx_chat_interest_unlisted_locked(ngx_chat_sh_t *sh,
    ngx_chat_slot_t *slot);
void ngx_chat_interest_unlist_locked(ngx_chat_sh_t *sh,
    ngx_chat_slot_t *slot, ngx_uint_t seat, ngx_int_t n);

/* adds the seats with sessions that want to be told of presence; 0: none */
ngx_uint_t ngx_chat_interest_watchers_locked(ngx_chat_sh_t *sh,
    ngx_chat_slot_t *slot, ngx_chat_mask_t *mask);

/* ngx_chat_transient.c: an empty event, see there */
void ngx_chat_transient_presence_locked(ngx_chat_sh_t *sh,
    ngx_chat_slot_t *slot);

/* what all followers have read */
uint64_t ngx_chat_interest_low_locked(ngx_chat_sh_t *sh,
    ngx_chat_slot_t *slot);

/* forgets everything that the seat followed */
void ngx_chat_interest_seat_locked(ngx_chat_sh_t *sh, ngx_uint_t seat);


#endif /* _NGX_CHAT_INTEREST_H_INCLUDED_ */
