
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * What presence has in the zone: for the store's own files.
 *
 * An entry is a user in a room; it names the seats by which he has sessions
 * there.  It is true by itself: `room' makes it exist, `life' says in which
 * life of the room, `seats', `until' and `gone' how it is there.  The chains,
 * the order in a room, the wheel and all counters follow from the entries, and
 * ngx_chat_presence_repair_locked() makes them anew.
 */


#ifndef _NGX_CHAT_PRESENCE_PRIVATE_H_INCLUDED_
#define _NGX_CHAT_PRESENCE_PRIVATE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat.h"
#include "ngx_chat_store.h"


/* deadlines: so many slots of so many ms; no deadline is farther away */
#define NGX_CHAT_PRESENCE_STEP   250
#define NGX_CHAT_PRESENCE_WHEEL  1024

/* who has left is remembered for diffs, ms */
#define NGX_CHAT_PRESENCE_KEPT   4000

/* a room's versions come not more often, with names and without, ms */
#define NGX_CHAT_PRESENCE_EVERY  1000
#define NGX_CHAT_PRESENCE_COUNT  5000


/* a user in a room, 216 bytes */

typedef struct {
    uint32_t          room;          /* 0: free; the last to be set */
    uint32_t          hash;
    uint64_t          life;
    uint64_t          seq;           /* of his last change */
    uint64_t          until;         /* ms: leaves, or is freed; 0: stays */
    uint32_t          chain;         /* of the hash, or free ones */
    uint32_t          prev;          /* in the room, by seq */
    uint32_t          next;
    uint32_t          before;        /* in a slot of the wheel */
    uint32_t          after;
    uint8_t           gone;          /* has left */
    uint8_t           guest;
    uint8_t           id_len;
    uint8_t           name_len;
    ngx_chat_mask_t   seats;         /* that have sessions of his */
    u_char            id[NGX_CHAT_USER_MAX];
    u_char            name[NGX_CHAT_NAME_MAX];
} ngx_chat_presence_entry_t;


/* what belongs to the slot of a room with the same index, 72 bytes */

typedef struct {
    uint64_t          life;          /* the slot's; else nothing here counts */
    uint64_t          seq;           /* of the last change */
    uint64_t          v;             /* changes up to this have been told */
    uint64_t          lost;          /* not all up to this are known here */
    uint64_t          at;            /* ms, v was made */
    uint32_t          first;
    uint32_t          last;
    uint32_t          n;             /* users present */
    uint32_t          max;           /* with more of them, only counts */
    uint32_t          grace;         /* ms */
    uint32_t          cool;          /* the next one that was told of */
    uint8_t           cooling;       /* in the list `cooling' - 1 */
    uint8_t           counting;      /* the last version was a count */
    uint16_t          spare;
} ngx_chat_presence_room_t;


typedef struct {
    uint64_t          entries;       /* offsets from the zone's header */
    uint64_t          buckets;
    uint64_t          rooms;
    uint32_t          n;
    uint32_t          bucket_n;      /* a power of two */

    /* under the lock */

    uint64_t          seq;           /* of the last change */
    uint64_t          now;           /* ms, monotonic, the newest given */
    uint64_t          run;           /* step of the last run, by CAS */
    uint32_t          fresh;         /* entries above were never used */
    uint32_t          full;          /* that was told */

    /* derived */

    uint64_t          done;          /* step up to which the wheel is empty */
    uint32_t          free;
    uint32_t          used;
    uint32_t          busy;          /* entries in the wheel, rooms cooling */
    uint32_t          cool_first[2];
    uint32_t          cool_last[2];
    uint32_t          wheel[NGX_CHAT_PRESENCE_WHEEL];
} ngx_chat_presence_sh_t;


#define ngx_chat_presence_entries(sh)                                         \
    ((ngx_chat_presence_entry_t *) ngx_chat_sh_at(sh, (sh)->presence.entries))
#define ngx_chat_presence_entry(sh, ref)                                      \
    (&ngx_chat_presence_entries(sh)[(ref) - 1])
#define ngx_chat_presence_ref(sh, e)                                          \
    ((uint32_t) ((e) - ngx_chat_presence_entries(sh)) + 1)
#define ngx_chat_presence_buckets(sh)                                         \
    ((uint32_t *) ngx_chat_sh_at(sh, (sh)->presence.buckets))
#define ngx_chat_presence_rooms(sh)                                           \
    ((ngx_chat_presence_room_t *) ngx_chat_sh_at(sh, (sh)->presence.rooms))


/* --- ngx_chat_presence.c --- */

/* lays the entries out behind `off'; returns where they end */
size_t ngx_chat_presence_layout(ngx_chat_sh_t *sh, size_t off, size_t zone);

/* --- ngx_chat_presence_list.c --- */

/* the room's record, new if the slot has begun another life */
ngx_chat_presence_room_t *ngx_chat_presence_room_locked(ngx_chat_sh_t *sh,
    uint32_t room, uint64_t life);

ngx_chat_presence_entry_t *ngx_chat_presence_find_locked(ngx_chat_sh_t *sh,
    uint32_t room, uint64_t life, uint32_t hash, ngx_str_t *id);
uint32_t ngx_chat_presence_hash(ngx_chat_sh_t *sh, uint64_t life,
    ngx_str_t *id);

/* a free entry, in no list; NULL: there is none */
ngx_chat_presence_entry_t *ngx_chat_presence_take_locked(ngx_chat_sh_t *sh);
/* out of all lists */
void ngx_chat_presence_free_locked(ngx_chat_sh_t *sh,
    ngx_chat_presence_room_t *p, ngx_chat_presence_entry_t *e);

/* into the chain of its hash: one store makes it found */
void ngx_chat_presence_chain_locked(ngx_chat_sh_t *sh,
    ngx_chat_presence_entry_t *e);
/* as the last of its room */
void ngx_chat_presence_append_locked(ngx_chat_sh_t *sh,
    ngx_chat_presence_room_t *p, ngx_chat_presence_entry_t *e);
/* it changes now: a new seq, and so the last of its room */
void ngx_chat_presence_touch_locked(ngx_chat_sh_t *sh,
    ngx_chat_presence_room_t *p, ngx_chat_presence_entry_t *e);

/* e->until is set, or is taken back */
void ngx_chat_presence_wheel_locked(ngx_chat_sh_t *sh,
    ngx_chat_presence_entry_t *e, uint64_t until);

/* behind the rooms that have been told of; `i' is 1 for counts */
void ngx_chat_presence_cool_locked(ngx_chat_sh_t *sh,
    ngx_chat_presence_room_t *p, ngx_uint_t i);
/* the first of them */
void ngx_chat_presence_uncool_locked(ngx_chat_sh_t *sh, ngx_uint_t i);

/* --- ngx_chat_presence_run.c --- */

/* it is this time, or was: the caller's own may be older than another's */
void ngx_chat_presence_clock_locked(ngx_chat_sh_t *sh, uint64_t now);
/* nobody is left of his sessions: at once, or after the grace time */
void ngx_chat_presence_end_locked(ngx_chat_sh_t *sh,
    ngx_chat_presence_room_t *p, ngx_chat_presence_entry_t *e,
    ngx_uint_t at_once, ngx_chat_mask_t *wake);
/* webhooks are told of who has come, or is about to go */
void ngx_chat_presence_hook_locked(ngx_chat_sh_t *sh,
    ngx_chat_presence_room_t *p, ngx_chat_presence_entry_t *e,
    ngx_uint_t kind);
/* something changed: a version, unless there was one just now */
void ngx_chat_presence_changed_locked(ngx_chat_sh_t *sh,
    ngx_chat_presence_room_t *p, ngx_chat_mask_t *wake);

/* --- ngx_chat_presence_repair.c --- */

void ngx_chat_presence_repair_locked(ngx_chat_sh_t *sh);

/* the users of a room that was copied; they have to come again, in time */
void ngx_chat_presence_copy_locked(ngx_chat_sh_t *sh, ngx_chat_sh_t *from);


#endif /* _NGX_CHAT_PRESENCE_PRIVATE_H_INCLUDED_ */
