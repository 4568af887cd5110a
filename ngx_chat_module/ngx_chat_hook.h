
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * What webhooks are told, kept in the zone until their receivers have accepted
 * it: a ring of records, and for each webhook how far it is.  A record comes
 * into the ring in the critical section of what it tells of, so the order of a
 * room is the room's, and a death can't come between the two.
 *
 * A ring that is full loses its oldest records, whoever still wants them.
 *
 * And who has sessions, for "connect", "disconnect" and "message.missed".
 */


#ifndef _NGX_CHAT_HOOK_H_INCLUDED_
#define _NGX_CHAT_HOOK_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat.h"
#include "ngx_chat_hook_private.h"
#include "ngx_chat_store.h"


typedef enum {
    NGX_CHAT_HOOK_MESSAGE = 0,
    NGX_CHAT_HOOK_EDIT,
    NGX_CHAT_HOOK_DELETE,
    NGX_CHAT_HOOK_REACT,
    NGX_CHAT_HOOK_MISSED,
    NGX_CHAT_HOOK_JOIN,
    NGX_CHAT_HOOK_LEAVE,
    NGX_CHAT_HOOK_OCCUPIED,
    NGX_CHAT_HOOK_VACATED,
    NGX_CHAT_HOOK_CONNECT,
    NGX_CHAT_HOOK_DISCONNECT,
    NGX_CHAT_HOOK_LAST
} ngx_chat_hook_e;

#define NGX_CHAT_HOOK_ALL    ((1 << NGX_CHAT_HOOK_LAST) - 1)

/* those that need to know who has sessions */
#define NGX_CHAT_HOOK_USERS                                                   \
    (1 << NGX_CHAT_HOOK_MISSED | 1 << NGX_CHAT_HOOK_CONNECT                   \
     | 1 << NGX_CHAT_HOOK_DISCONNECT)

/* the largest record; one that takes more than a quarter of the ring is lost,
   too */
#define NGX_CHAT_HOOK_MAX    (128 * 1024)
#define NGX_CHAT_HOOK_MIN    (256 * 1024)       /* bytes of a ring */

/* ms that nobody who went with an old zone is missed for, beside the grace */
#define NGX_CHAT_HOOK_MOVE   15000


/*
 * A record, followed by the names, who has missed the message (each: 0 and an
 * id, or 1 and a key, after a byte with its length), and the message's event.
 */

typedef struct {
    uint32_t          size;          /* with all of it, a multiple of 8 */
    uint32_t          payload;       /* bytes of the event */
    uint64_t          seq;
    uint64_t          ts;            /* ms */
    uint32_t          count;         /* users in the room */
    uint16_t          missed;        /* bytes */
    uint8_t           kind;          /* of ngx_chat_hook_e */
    uint8_t           guest;
    uint8_t           room;          /* bytes */
    uint8_t           user;
    uint8_t           name;
    uint8_t           spare[5];
} ngx_chat_hook_rec_t;


/* who may have missed a message: found out with its publish */

struct ngx_chat_hook_missed_s {
    u_char            key[NGX_CHAT_HOOK_KEY];
    ngx_str_t         user;          /* len 0: only his key is known */
};


/* what a webhook is to send next */

typedef struct {
    ngx_uint_t        slot;
    u_char           *buf;           /* in: place for at least one record */
    size_t            size;

    /* out */
    size_t            len;           /* bytes, whole records */
    uint64_t          at;            /* position of the first */
    uint64_t          lost;          /* records that were overwritten unread */
    u_char            origin[NGX_CHAT_EPOCH_LEN];   /* whose numbers they are */
} ngx_chat_hook_batch_t;


typedef struct {
    uint64_t          waiting;       /* records, for the slowest webhook */
    uint64_t          sent;          /* events that were accepted */
    uint64_t          failed;        /* attempts that were not */
    uint64_t          lost;
} ngx_chat_hook_stat_t;


/* how much memory webhooks take of the zone beside what it has without; `size'
   is the zone's without */
size_t ngx_chat_hook_memory(size_t size, size_t ring, uint32_t mask,
    uint32_t *users);

/* its name in events, and the other way round (NGX_ERROR: none) */
ngx_str_t *ngx_chat_hook_name(ngx_uint_t kind);
ngx_int_t ngx_chat_hook_kind(ngx_str_t *name);

/* of a record of a log, NGX_CHAT_REC_*; NGX_ERROR: nobody is told */
ngx_int_t ngx_chat_hook_of(ngx_uint_t type);

/* what a worker's configuration wants to know */
void ngx_chat_hook_start(ngx_chat_zone_t *z, uint32_t mask, uint32_t grace);

/* in the master: receivers that wanted nothing any more are asked again, with
   what comes from now on */
void ngx_chat_hook_enable(ngx_chat_zone_t *z);

/* whether somebody wants it; no lock */
ngx_uint_t ngx_chat_hook_wants(ngx_chat_zone_t *z, ngx_uint_t kind);

/* a message that was published elsewhere (Redis); `room' is its name */
void ngx_chat_hook_put(ngx_chat_zone_t *z, ngx_uint_t kind, ngx_str_t *room,
    ngx_str_t *payload);

/* the webhook's place, never that of one of `ids', the configuration's;
   NGX_ERROR: all are taken by others */
ngx_int_t ngx_chat_hook_slot(ngx_chat_zone_t *z, uint64_t id,
    const uint64_t *ids, ngx_uint_t count);

/* the worker that sends, or 0; and the change of it.  No lock. */
uint64_t ngx_chat_hook_holder(ngx_chat_zone_t *z, ngx_uint_t slot);
ngx_uint_t ngx_chat_hook_hold(ngx_chat_zone_t *z, ngx_uint_t slot,
    uint64_t old, uint64_t holder);

/* whether there is something to send at this time (ms, monotonic); no lock */
ngx_uint_t ngx_chat_hook_due(ngx_chat_zone_t *z, ngx_uint_t slot,
    uint64_t now);

/* copies what comes next: for a batch that has failed the same bytes */
void ngx_chat_hook_take(ngx_chat_zone_t *z, ngx_chat_hook_batch_t *b);
/* what is before the position is being sent, as one batch */
void ngx_chat_hook_try(ngx_chat_zone_t *z, ngx_uint_t slot, uint64_t upto);
/* what is before the position is done with, so many events of it accepted;
   `seq': what comes next */
void ngx_chat_hook_done(ngx_chat_zone_t *z, ngx_uint_t slot, uint64_t upto,
    uint64_t seq, ngx_uint_t events);
/* attempts that have failed since the last that didn't */
ngx_uint_t ngx_chat_hook_tries(ngx_chat_zone_t *z, ngx_uint_t slot);
/* not before `next' again (ms, monotonic) */
void ngx_chat_hook_failed(ngx_chat_zone_t *z, ngx_uint_t slot, uint64_t next);
/* gives up records from before `ts'; returns how many */
uint64_t ngx_chat_hook_expire(ngx_chat_zone_t *z, ngx_uint_t slot,
    uint64_t ts);
/* the receiver wants nothing any more */
void ngx_chat_hook_off(ngx_chat_zone_t *z, ngx_uint_t slot);

void ngx_chat_hook_stat(ngx_chat_zone_t *z, ngx_chat_hook_stat_t *st);


/* --- ngx_chat_hook_user.c --- */

/*
 * The user has a session by this seat.  Returns his entry, which is the seat's
 * until ngx_chat_hook_leave(), the same for each session; 0: there is no place
 * (*full: to be logged), or nobody wants to know.
 */
uint32_t ngx_chat_hook_enter(ngx_chat_zone_t *z, ngx_uint_t seat,
    u_char key[NGX_CHAT_HOOK_KEY], ngx_str_t *user, ngx_uint_t guest,
    uint64_t now, ngx_uint_t *full);
void ngx_chat_hook_leave(ngx_chat_zone_t *z, ngx_uint_t seat, uint32_t ref,
    uint64_t now);

/* the holder of a seat is gone, or is new; a part at a time */
void ngx_chat_hook_clear(ngx_chat_zone_t *z, ngx_uint_t seat, uint64_t now);

/* whose time of grace is over: as often as one likes, by any worker */
void ngx_chat_hook_run(ngx_chat_zone_t *z, uint64_t now);


#endif /* _NGX_CHAT_HOOK_H_INCLUDED_ */
