
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * The store of a host whose rooms live elsewhere: of a room that is followed
 * here it has one window without a hole, which ends with the newest event that
 * this host has heard of.  Epochs and offsets are given from outside.
 *
 * One worker of the host, the owner, listens for a room's events and appends
 * them; but any worker may, since appending is idempotent.
 */


#ifndef _NGX_CHAT_REMOTE_H_INCLUDED_
#define _NGX_CHAT_REMOTE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_store.h"


typedef struct {
    ngx_chat_room_key_t    key;
    ngx_chat_rule_t       *rule;
    u_char                 epoch[NGX_CHAT_EPOCH_LEN];
    ngx_chat_rec_t         rec;          /* size, n and latest: not used */
    ngx_str_t              payload;

    /* out */
    uint32_t               idx;
    ngx_chat_mask_t        wake;
} ngx_chat_remote_event_t;


/* what this host has of a room that is shared by hosts */

typedef struct {
    u_char                 epoch[NGX_CHAT_EPOCH_LEN];
    uint64_t               head;
    uint64_t               tag;           /* nonce of the event `head' */
    unsigned               found:1;
    unsigned               tagged:1;      /* that event is here */
} ngx_chat_remote_known_t;


/* the zone's rooms are shared by hosts, or not; a worker's first call */
void ngx_chat_remote_mode(ngx_chat_zone_t *z, ngx_uint_t remote);

/*
 * Makes the room's slot ready to take the record ev->rec.offset of that epoch:
 * makes it, or leaves what is there if the record is at most its next one, or
 * drops the window if there would be a hole or it is of another epoch.
 *
 *   NGX_OK       as it was, or made; or dropped, and nobody followed it
 *   NGX_DONE     dropped: a new life, its followers are in the mask `wake'
 *   NGX_BUSY     no slot is left
 *   NGX_AGAIN    the zone isn't shared any more, or was moved
 */
ngx_int_t ngx_chat_remote_begin(ngx_chat_zone_t *z,
    ngx_chat_remote_event_t *ev);

/*
 * Appends if it is the next one.  `seat' isn't put into the mask.
 *
 *   NGX_OK        appended
 *   NGX_DONE      it is there already
 *   NGX_AGAIN     something before it is missing, or it is of another epoch
 *   NGX_DECLINED  no such room here, or the zone isn't shared any more
 *   NGX_BUSY      no place, not even by taking others'
 *   NGX_ERROR     larger than the room's log can be
 */
ngx_int_t ngx_chat_remote_append(ngx_chat_zone_t *z, ngx_uint_t seat,
    ngx_chat_remote_event_t *ev);

/* a log of this host alone isn't found */
void ngx_chat_remote_known(ngx_chat_zone_t *z, ngx_chat_room_key_t *key,
    ngx_chat_remote_known_t *known);

/* whether a room's log can hold a payload: NGX_OK or NGX_DECLINED; takes no
   lock */
ngx_int_t ngx_chat_remote_holds(ngx_chat_zone_t *z, ngx_chat_rule_t *rule,
    size_t size);

/* NGX_OK: the seat owns the room now, or did; NGX_DECLINED: another does, or
   that life is over */
ngx_int_t ngx_chat_remote_claim(ngx_chat_zone_t *z, uint32_t idx,
    uint64_t life, ngx_uint_t seat);
/* whether it does, or nobody does */
ngx_uint_t ngx_chat_remote_owns(ngx_chat_zone_t *z, uint32_t idx,
    uint64_t life, ngx_uint_t seat);
/* harmless if it isn't the owner */
void ngx_chat_remote_release(ngx_chat_zone_t *z, uint32_t idx, uint64_t life,
    ngx_uint_t seat);

/* whether somebody listens and the window is up to date; the owner's word */
void ngx_chat_remote_set_ready(ngx_chat_zone_t *z, uint32_t idx,
    uint64_t life, ngx_uint_t seat, ngx_uint_t ready);
ngx_uint_t ngx_chat_remote_is_ready(ngx_chat_zone_t *z, uint32_t idx,
    uint64_t life);

/* a number of this host, the same in all workers with this zone */
uint64_t ngx_chat_remote_host(ngx_chat_zone_t *z);

/* seats that follow it */
ngx_uint_t ngx_chat_remote_followers(ngx_chat_zone_t *z, uint32_t idx,
    uint64_t life);


#endif /* _NGX_CHAT_REMOTE_H_INCLUDED_ */
