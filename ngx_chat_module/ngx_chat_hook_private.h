
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * What webhooks have in the zone: for the store's own files.
 *
 * The ring: a record exists as soon as `last' is behind it, and before any byte
 * of one is overwritten `first' is behind that.  So there is nothing to repair,
 * but for the message that was being published (`pend').
 *
 * The users: an entry is true by itself (`len' makes it exist, `seats' and
 * `until' say how he is there), chains and lists follow from the entries.
 */


#ifndef _NGX_CHAT_HOOK_PRIVATE_H_INCLUDED_
#define _NGX_CHAT_HOOK_PRIVATE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat.h"
#include "ngx_chat_store.h"


/* webhooks of a zone, those of former configurations too */
#define NGX_CHAT_HOOK_SLOTS  16

#define NGX_CHAT_HOOK_KEY    16


/* how far a webhook's receiver has accepted */

typedef struct {
    uint64_t          id;            /* hash of its URL; 0: free */
    uint64_t          at;            /* position of the next record */
    uint64_t          seq;           /* and its number */
    uint64_t          upto;          /* the batch that is tried ends there; 0 */
    uint64_t          next;          /* ms, monotonic: not before */
    uint64_t          holder;        /* the worker that sends; by CAS */
    uint32_t          tries;         /* that have failed */
    uint32_t          off;           /* the receiver said 410 */
} ngx_chat_hook_slot_t;


/* who has sessions, 144 bytes */

typedef struct {
    u_char            key[NGX_CHAT_HOOK_KEY];    /* ngx_chat_direct_key() */
    ngx_chat_mask_t   seats;
    uint64_t          until;         /* ms: he is gone then; 0: not waiting */
    uint32_t          chain;
    uint32_t          prev;          /* of those who wait, or have gone */
    uint32_t          next;
    uint8_t           guest;
    uint8_t           gone;
    uint8_t           spare;
    uint8_t           len;           /* of the id; 0: free; the last set */
    u_char            user[NGX_CHAT_USER_MAX];
} ngx_chat_hook_user_t;


typedef struct {
    uint32_t          first;
    uint32_t          last;
} ngx_chat_hook_list_t;


typedef struct {
    /* constant */

    uint64_t          ring;          /* offset from the header's begin */
    uint64_t          size;          /* bytes; 0: no webhooks */
    uint64_t          slots;         /* NGX_CHAT_HOOK_SLOTS */
    uint64_t          users;
    uint64_t          buckets;
    uint32_t          user_n;        /* 0: nobody wants to know */
    uint32_t          bucket_n;      /* a power of two */

    /* under the lock */

    uint32_t          mask;          /* kinds that somebody wants */
    uint32_t          grace;         /* ms */
    uint64_t          first;         /* counts bytes */
    uint64_t          last;          /* read without the lock, too */
    uint64_t          seq;           /* of the last record */
    uint64_t          now;           /* ms, monotonic, the newest given */

    /* a message in the ring that isn't one before the room's head is there */

    uint64_t          pend;          /* `last' will be this; 0: none */
    uint64_t          pend_life;
    uint64_t          pend_offset;
    uint32_t          pend_room;

    uint32_t          fresh;         /* users above were never used */
    uint32_t          full;          /* that was told */

    uint64_t          sent;          /* events that were accepted */
    uint64_t          failed;        /* attempts that were not */
    uint64_t          lost;          /* events that nobody was told of */

    /* derived */

    uint32_t              free;
    ngx_chat_hook_list_t  waiting;   /* by `until' */
    ngx_chat_hook_list_t  gone;      /* whose ids are still known */
} ngx_chat_hook_sh_t;


#define ngx_chat_hook_slots(sh)                                               \
    ((ngx_chat_hook_slot_t *) ngx_chat_sh_at(sh, (sh)->hook.slots))
#define ngx_chat_hook_users(sh)                                               \
    ((ngx_chat_hook_user_t *) ngx_chat_sh_at(sh, (sh)->hook.users))
#define ngx_chat_hook_user(sh, ref)  (&ngx_chat_hook_users(sh)[(ref) - 1])
#define ngx_chat_hook_user_ref(sh, u)                                         \
    ((uint32_t) ((u) - ngx_chat_hook_users(sh)) + 1)
#define ngx_chat_hook_buckets(sh)                                             \
    ((uint32_t *) ngx_chat_sh_at(sh, (sh)->hook.buckets))

#define ngx_chat_hook_wanted(sh, kind)  (((sh)->hook.mask >> (kind)) & 1)


/* --- ngx_chat_hook.c --- */

/* lays `size' bytes of hook memory out at `at' */
void ngx_chat_hook_layout(ngx_chat_sh_t *sh, ngx_chat_zone_t *z, size_t at);

/* the message into the ring; it is one with ngx_chat_hook_commit_locked() */
void ngx_chat_hook_pend_locked(ngx_chat_sh_t *sh, ngx_chat_publish_t *p,
    uint32_t room, ngx_chat_rec_t *rec, ngx_str_t *piece, ngx_uint_t n);
void ngx_chat_hook_commit_locked(ngx_chat_sh_t *sh);

/* a user, in a room or (len 0) anywhere; the room's or the user's first or
   last */
void ngx_chat_hook_event_locked(ngx_chat_sh_t *sh, ngx_uint_t kind,
    ngx_str_t *room, ngx_str_t *user, ngx_str_t *name, ngx_uint_t guest,
    uint32_t count);

/* bytes of the ring, and of the record there (0: there is none, or what can't
   be one) with its number and time, each of which may be NULL */
void ngx_chat_hook_read(ngx_chat_sh_t *sh, uint64_t at, void *buf,
    size_t len);
uint32_t ngx_chat_hook_size(ngx_chat_sh_t *sh, uint64_t at, uint64_t *seq,
    uint64_t *ts);

/* after a death; in a zone of another size */
void ngx_chat_hook_repair_locked(ngx_chat_sh_t *sh);
void ngx_chat_hook_copy_locked(ngx_chat_sh_t *sh, ngx_chat_sh_t *from);

/* --- ngx_chat_hook_user.c --- */

/* whether he has sessions, or had a moment ago; *u: who he is, NULL: unknown */
ngx_uint_t ngx_chat_hook_online_locked(ngx_chat_sh_t *sh,
    u_char key[NGX_CHAT_HOOK_KEY], ngx_chat_hook_user_t **u);

void ngx_chat_hook_user_repair_locked(ngx_chat_sh_t *sh);
void ngx_chat_hook_user_copy_locked(ngx_chat_sh_t *sh, ngx_chat_sh_t *from);


#endif /* _NGX_CHAT_HOOK_PRIVATE_H_INCLUDED_ */
