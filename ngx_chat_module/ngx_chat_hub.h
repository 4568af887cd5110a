
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * The hub: the rooms that sessions of this worker follow, and the turn in which
 * what is new in them is read once, encoded once per wire format and offered to
 * every reader.
 *
 * A subscription is live when its reader was given everything up to the room's
 * head here; else it is behind and its cursor is the queue: the session reads
 * on from the store by itself until it is live again.  Nothing is queued per
 * reader and no encoded bytes outlive a turn, except what a partial write pins.
 */


#ifndef _NGX_CHAT_HUB_H_INCLUDED_
#define _NGX_CHAT_HUB_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include "ngx_chat.h"
#include "ngx_chat_presence.h"
#include "ngx_chat_store.h"
#include "ngx_chat_transient.h"
#include "ngx_chat_wire.h"


/* the largest diff, bytes */
#define NGX_CHAT_HUB_PRESENCE  (256 * 1024)


typedef struct ngx_chat_hub_room_s  ngx_chat_hub_room_t;
typedef struct ngx_chat_reader_s    ngx_chat_reader_t;


struct ngx_chat_hub_room_s {
    ngx_chat_zone_t        *zone;
    uint32_t                idx;
    uint64_t                life;
    u_char                  epoch[NGX_CHAT_EPOCH_LEN];
    ngx_chat_room_key_t     key;             /* name is a part of this block */

    uint64_t                head;            /* given to the live ones */
    uint64_t                low;             /* given to all, as was told */
    ngx_chat_pos_t          pos;             /* reads head + 1 */

    uint32_t                nsubs;

    ngx_queue_t             live;            /* of ngx_chat_sub_t */
    ngx_queue_t             behind;

    uint64_t                told;            /* version of presence */
    uint32_t                nwatch;          /* subs that are told of it */
    ngx_queue_t             watched;         /* in hub.watched, if there are */
    ngx_queue_t             changed;         /* in hub.changed */

    ngx_queue_t             dirty;           /* in hub.dirty */
    ngx_queue_t             loaded;          /* in hub.loaded, this turn */

    /* records read in this turn: a part of the hub's arena */
    ngx_chat_rec_t         *rec;
    u_char                 *rec_last;
    ngx_uint_t              nrec;
    ngx_chat_batch_wire_t   batch[NGX_CHAT_WIRE_SHARED];

    ngx_uint_t              pins;            /* held without a reader */

    unsigned                is_changed:1;
    unsigned                is_dirty:1;
    unsigned                is_loaded:1;
    unsigned                lost:1;          /* that life of the room is over */
};


/* a reader's place in a room; a part of the session's membership */

typedef struct {
    ngx_queue_t             queue;           /* room->live or room->behind */
    ngx_queue_t             pending;         /* in reader->pending */
    ngx_chat_hub_room_t    *room;
    ngx_chat_reader_t      *reader;
    uint64_t                cursor;          /* the last offset given */
    uint32_t                told;            /* low bits of a version */
    unsigned                live:1;
    unsigned                is_pending:1;
    unsigned                watch:1;         /* is told of presence */
} ngx_chat_sub_t;


/* a transient event on its way to the readers of a room */

typedef struct {
    ngx_str_t               object;
    u_char                 *from;            /* id of the session, or zeros */
    u_char                 *scratch;         /* the hub's, */
    size_t                  step;            /* so much for each format */
    uint64_t                version;         /* of presence; 0: not that */
    ngx_str_t               frame[NGX_CHAT_WIRE_SHARED];
} ngx_chat_hub_transient_t;


/* what the hub knows of a session: the first member of it */

struct ngx_chat_reader_s {
    ngx_queue_t             flush;           /* in hub.flush */
    ngx_queue_t             pending;         /* subs with a batch this turn */

    unsigned                behind:1;        /* some subscription is, perhaps */
    unsigned                queued:1;
    unsigned                blocked:1;       /* the connection takes no more */
    unsigned                held:1;          /* a command of it is under way */
};


/* what all readers of a worker do */

typedef struct {
    /* writes; runs in the hub's turn, may close the reader but not free others
       that are in the flush queue */
    void                  (*write)(ngx_chat_reader_t *rd);
    /* the log that the reader follows has begun a new life */
    void                  (*reset)(ngx_chat_reader_t *rd);
    /* may take the event or leave it, and post the reader */
    void                  (*transient)(ngx_chat_reader_t *rd,
                                       ngx_chat_hub_transient_t *t);
    /* the room has another version of presence than room->told: tells it by
       ngx_chat_hub_presence_give() */
    void                  (*presence)(ngx_chat_hub_room_t *room);
    /* an event for the sessions of a user, valid during the call */
    void                  (*notice)(ngx_chat_zone_t *z,
                                    ngx_chat_transient_t *e);
} ngx_chat_reader_handlers_t;


/* in a worker; zones is an array of ngx_chat_zone_t pointers */
ngx_int_t ngx_chat_hub_init(ngx_cycle_t *cycle, ngx_array_t *zones,
    const ngx_chat_reader_handlers_t *readers);
void ngx_chat_hub_exit(void);

/*
 * Opens a room for this worker (store and hub).  NGX_OK, NGX_DECLINED (no such
 * room and !create), NGX_BUSY (full), NGX_ERROR.  *info is as of now, its head
 * may be ahead of the hub's.  A room without subscriptions must be given to
 * ngx_chat_hub_release().
 */
ngx_int_t ngx_chat_hub_open(ngx_chat_zone_t *z, ngx_chat_room_key_t *key,
    ngx_chat_rule_t *rule, ngx_uint_t create, ngx_chat_hub_room_t **rp,
    ngx_chat_room_info_t *info);
void ngx_chat_hub_release(ngx_chat_hub_room_t *room);
/* kept open without a subscription, until as often unpinned */
#define ngx_chat_hub_pin(room)  (room)->pins++
void ngx_chat_hub_unpin(ngx_chat_hub_room_t *room);
/* whether sessions of this worker follow it */
#define ngx_chat_hub_followed(room)                                           \
    (!ngx_queue_empty(&(room)->live) || !ngx_queue_empty(&(room)->behind))

/* the subscription begins behind `cursor', which may be ahead of the hub */
void ngx_chat_hub_attach(ngx_chat_hub_room_t *room, ngx_chat_sub_t *sub,
    ngx_chat_reader_t *rd, uint64_t cursor);
void ngx_chat_hub_detach(ngx_chat_sub_t *sub);

/* a live one was not given this turn's batch, or not all of it */
void ngx_chat_hub_behind(ngx_chat_sub_t *sub);
/* live again if its cursor is the room's head: NGX_OK or NGX_AGAIN */
ngx_int_t ngx_chat_hub_caught_up(ngx_chat_sub_t *sub);

/* this turn's records of the room in a shared format; NULL: none or no memory.
   Valid during the turn. */
ngx_chat_batch_wire_t *ngx_chat_hub_batch(ngx_chat_hub_room_t *room,
    ngx_chat_wire_e wire);

/* the event in a shared format, encoded once; valid during the call */
ngx_str_t *ngx_chat_hub_transient_frame(ngx_chat_hub_transient_t *t,
    ngx_chat_wire_e wire);

/* looks whether there are transient events, for the next turn */
void ngx_chat_hub_transients(void);


/* --- presence (ngx_chat_hub_presence.c) --- */

/*
 * One more session of a user is in the room; `ref' is given back with it: at
 * once, or after the grace time.  p->max and p->grace are given, p->v and
 * p->count are as of then.
 */
uint32_t ngx_chat_hub_enter(ngx_chat_hub_room_t *room, ngx_chat_presence_t *p,
    ngx_chat_presence_user_t *user);
void ngx_chat_hub_leave(ngx_chat_hub_room_t *room, ngx_chat_presence_t *p,
    uint32_t ref, ngx_uint_t at_once);
/* p->v and p->count alone */
void ngx_chat_hub_look(ngx_chat_hub_room_t *room, ngx_chat_presence_t *p);

/* the subscription is told of versions behind v from now on, or not any more */
void ngx_chat_hub_watch(ngx_chat_sub_t *sub, uint64_t v);
void ngx_chat_hub_unwatch(ngx_chat_sub_t *sub);

/* the diff to version v, as an object, to whoever doesn't have it yet; its size
   is at most NGX_CHAT_HUB_PRESENCE */
void ngx_chat_hub_presence_give(ngx_chat_hub_room_t *room, ngx_str_t *object,
    uint64_t v);

/* once a second */
void ngx_chat_hub_presence_tick(void);


/* have the reader's handler called in the next turn */
void ngx_chat_hub_post(ngx_chat_reader_t *rd);
/* forget it (before it is freed) */
void ngx_chat_hub_unpost(ngx_chat_reader_t *rd);

/* something was published here */
void ngx_chat_hub_published(ngx_chat_zone_t *z, uint32_t idx);
/* something was published elsewhere: look at the rings, or at every room */
void ngx_chat_hub_wake(ngx_uint_t scan_all);


/*
 * The name of a room that is followed here, by its key of the table
 * (ngx_chat_table_room()); NULL: none is.  It costs a hash for each room.
 */
ngx_str_t *ngx_chat_hub_room_name(ngx_chat_zone_t *z, u_char *key);


#endif /* _NGX_CHAT_HUB_H_INCLUDED_ */
