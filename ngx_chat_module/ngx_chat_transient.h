
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * What happens in a room now and is kept nowhere: signals, typing.  A zone has
 * one ring of them, which all seats read, each from a place of its own; who is
 * slower than the ring is large misses some.
 *
 * Nothing in here has to be repaired after a death: an event exists from the
 * one store of the ring's head on, and before any byte is overwritten the
 * ring's tail says so.
 */


#ifndef _NGX_CHAT_TRANSIENT_H_INCLUDED_
#define _NGX_CHAT_TRANSIENT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_store.h"


/* the id of a session */
#define NGX_CHAT_TRANSIENT_FROM  16

/* the largest event, with its header, bytes; a reader's buffer holds it */
#define NGX_CHAT_TRANSIENT_MAX   (16 * 1024)

/* the room of an event that is for the sessions of a user: `life' is a hash of
   the user then, the payload is the caller's */
#define NGX_CHAT_TRANSIENT_USER  0xffffffffU

/* "on" is passed on again after, and after an "off", ms */
#define NGX_CHAT_TYPING_REPEAT   3000
#define NGX_CHAT_TYPING_AGAIN    1000


/* an event as it lies in the ring, followed by its payload, padded to 8;
   without a payload: the room has another version of presence */

typedef struct {
    uint32_t              size;          /* of the payload: a JSON object */
    uint32_t              room;          /* index of the room's slot */
    uint64_t              life;
    u_char                from[NGX_CHAT_TRANSIENT_FROM];
                                         /* not to this session; 0: to all */
} ngx_chat_transient_t;

#define ngx_chat_transient_size(payload)                                      \
    (sizeof(ngx_chat_transient_t) + ngx_align((size_t) (payload), 8))
#define ngx_chat_transient_payload(e)                                         \
    ((u_char *) (e) + sizeof(ngx_chat_transient_t))


typedef struct {
    ngx_chat_room_key_t   key;
    ngx_str_t             payload;
    u_char               *from;          /* NULL: no session's */

    /* typing */
    uint64_t              user;          /* hash of the user's id */
    uint64_t              now;           /* ms */
    ngx_uint_t            max;           /* not where more sessions are */
    unsigned              typing:1;
    unsigned              on:1;

    /* out */
    unsigned              passed:1;      /* it is in the ring */
    ngx_chat_mask_t       wake;          /* who follows the room */
} ngx_chat_transient_put_t;


/*
 * Puts an event into the ring; typing perhaps not, see `passed'.  The seat is
 * the caller's own and not put into `wake'.
 *
 *   NGX_OK        done, or nobody follows the room
 *   NGX_DECLINED  no such room
 *   NGX_ERROR     larger than the ring takes
 */
ngx_int_t ngx_chat_transient_put(ngx_chat_zone_t *z, ngx_uint_t seat,
    ngx_chat_transient_put_t *p);

/*
 * Puts an event for the sessions of a user into the ring; `from' as above.
 * NGX_OK; NGX_ERROR: larger than the ring takes.
 */
ngx_int_t ngx_chat_transient_put_user(ngx_chat_zone_t *z, uint64_t user,
    ngx_str_t *payload, u_char *from);

/* where the next event will be: whoever begins to read begins there.  No
   lock. */
uint64_t ngx_chat_transient_head(ngx_chat_zone_t *z);

/*
 * Copies whole events behind *pos into buf, as many as fit, without the lock;
 * moves *pos behind them.  Returns the bytes; 0: there are no more.  What was
 * overwritten before it could be read is lost, and *pos moves to the head.
 * `size' is at least NGX_CHAT_TRANSIENT_MAX.
 */
size_t ngx_chat_transient_take(ngx_chat_zone_t *z, uint64_t *pos, u_char *buf,
    size_t size);

/* how many sessions follow a room by this seat, which is the caller's own: one
   store, no lock */
void ngx_chat_room_sessions(ngx_chat_zone_t *z, uint32_t idx, uint64_t life,
    ngx_uint_t seat, uint32_t n);


#endif /* _NGX_CHAT_TRANSIENT_H_INCLUDED_ */
