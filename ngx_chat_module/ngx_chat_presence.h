
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Who is in a room: users, each once, however many sessions he has there and by
 * whichever workers.
 *
 * Every change has a number.  A version of a room is the number of the last
 * change that it has; it is made at once, or a second after the one before.
 * The seats whose sessions want to know are woken, and each makes the diff from
 * the version that it has told to the newest one for itself: so nothing is lost
 * with a worker, and no diff is ever kept.
 */


#ifndef _NGX_CHAT_PRESENCE_H_INCLUDED_
#define _NGX_CHAT_PRESENCE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat.h"
#include "ngx_chat_store.h"


/* names in a diff, or on a page, at most */
#define NGX_CHAT_PRESENCE_MAX       1000
#define NGX_CHAT_PRESENCE_PAGE      200

/* instead of an entry: counted, but not in the list */
#define NGX_CHAT_PRESENCE_UNLISTED  0xffffffff


typedef struct {
    uint8_t               gone;          /* in a diff: has left */
    uint8_t               guest;
    uint8_t               id_len;
    uint8_t               name_len;      /* 0: none */
    u_char                id[NGX_CHAT_USER_MAX];
    u_char                name[NGX_CHAT_NAME_MAX];
} ngx_chat_presence_user_t;


/* a room, by whose seat, when */

typedef struct {
    uint32_t              idx;           /* of the slot */
    uint64_t              life;
    ngx_uint_t            seat;          /* the caller's own */
    uint64_t              now;           /* ms, monotonic */
    uint32_t              max;           /* with more users, only counts */
    uint32_t              grace;         /* ms; at most 4 minutes */

    /* out */
    uint64_t              v;
    uint64_t              count;
    ngx_chat_mask_t       wake;          /* seats to be woken */
    unsigned              full:1;        /* to be logged: no place is left */
} ngx_chat_presence_t;


typedef struct {
    uint64_t                   told;     /* in: the version told last */
    ngx_chat_presence_user_t  *users;    /* in: NGX_CHAT_PRESENCE_MAX */

    /* out */
    ngx_uint_t                 n;
    uint64_t                   v;
    uint64_t                   prev;
    uint64_t                   count;
    unsigned                   counts:1; /* no names */
} ngx_chat_presence_diff_t;


/* where a page begins: behind an entry, as it was, without those up to `skip';
   zeros: the first one */

typedef struct {
    uint32_t              ref;
    uint64_t              seq;
    uint64_t              skip;
} ngx_chat_presence_cursor_t;


typedef struct {
    ngx_chat_presence_cursor_t   at;     /* in, out: of the next page */
    ngx_chat_presence_user_t    *users;  /* in: as many as `n' */
    ngx_uint_t                   n;      /* in, out */

    /* out */
    uint64_t                     v;
    uint64_t                     count;
    unsigned                     more:1; /* perhaps on the next page */
} ngx_chat_presence_page_t;


/*
 * The user has a session in the room by this seat, which follows it.  Returns
 * his entry, which is the seat's until ngx_chat_presence_leave(); the same for
 * each session.  UNLISTED: no place is left.  0: that life of the room is over.
 */
uint32_t ngx_chat_presence_enter(ngx_chat_zone_t *z, ngx_chat_presence_t *p,
    ngx_chat_presence_user_t *user);

/* the seat has none of his any more; at_once: without the grace time */
void ngx_chat_presence_leave(ngx_chat_zone_t *z, ngx_chat_presence_t *p,
    uint32_t ref, ngx_uint_t at_once);

/* p->v and p->count */
void ngx_chat_presence_look(ngx_chat_zone_t *z, ngx_chat_presence_t *p);

/* the newest version of a room; no lock */
uint64_t ngx_chat_presence_version(ngx_chat_zone_t *z, uint32_t idx,
    uint64_t life);

/*
 * What is new since d->told.  NGX_OK; NGX_DECLINED: nothing.  If not all of it
 * is known any more, or it is too much, d->prev isn't d->told.
 */
ngx_int_t ngx_chat_presence_diff(ngx_chat_zone_t *z, uint32_t idx,
    uint64_t life, ngx_chat_presence_diff_t *d);

/*
 * A page of who is there, in the order of their coming.  Who stays is on one
 * page exactly.  NGX_OK; NGX_DECLINED: no such room.
 */
ngx_int_t ngx_chat_presence_page(ngx_chat_zone_t *z, ngx_chat_room_key_t *key,
    ngx_chat_presence_page_t *page);


/* whether there will be something to do for ngx_chat_presence_run(); no lock */
ngx_uint_t ngx_chat_presence_busy(ngx_chat_zone_t *z);

/*
 * Deadlines that have come, versions that are due.  Any worker may call it, as
 * often as it likes; one does the work of each quarter of a second.  The seats
 * to be woken are added to the mask.
 */
void ngx_chat_presence_run(ngx_chat_zone_t *z, ngx_uint_t seat, uint64_t now,
    ngx_chat_mask_t *wake);

/*
 * The holder of a seat is gone, or is new: nobody has sessions by it.  The lock
 * is taken for a part of the entries at a time.
 */
void ngx_chat_presence_clear(ngx_chat_zone_t *z, ngx_uint_t seat,
    uint64_t now);

/* entries that there are; used: NULL, or how many are taken.  No lock. */
uint32_t ngx_chat_presence_size(ngx_chat_zone_t *z, uint32_t *used);

/* how many sessions of this seat, which is the caller's own, want to be told */
void ngx_chat_presence_watch(ngx_chat_zone_t *z, uint32_t idx, uint64_t life,
    ngx_uint_t seat, uint32_t n);


#endif /* _NGX_CHAT_PRESENCE_H_INCLUDED_ */
