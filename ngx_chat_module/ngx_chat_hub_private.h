
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Private to the files of the hub.
 */


#ifndef _NGX_CHAT_HUB_PRIVATE_H_INCLUDED_
#define _NGX_CHAT_HUB_PRIVATE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include "ngx_chat_hub.h"


/*
 * What a turn reads.  A room gets at most NGX_CHAT_HUB_ROOM of the arena, so
 * that one flooded room doesn't keep the others waiting; a single record may
 * be as large as the arena.
 */

#define NGX_CHAT_HUB_ARENA     (1024 * 1024 + 4096)
#define NGX_CHAT_HUB_ROOM      (256 * 1024)
#define NGX_CHAT_HUB_RECORDS   (NGX_CHAT_HUB_ARENA / sizeof(ngx_chat_rec_t))


/* sessions that this worker has of a user in a room */

typedef struct {
    uint64_t                life;            /* of the room */
    uint32_t                n;
} ngx_chat_hub_present_t;


typedef struct {
    ngx_chat_zone_t        *zone;
    ngx_chat_hub_room_t   **rooms;           /* by slot */
    ngx_uint_t              nslots;
    uint64_t                transient;       /* read up to here */
    ngx_chat_hub_present_t *present;         /* by entry; NULL: none yet */
} ngx_chat_hub_zone_t;


typedef struct {
    ngx_chat_hub_zone_t    *zones;
    ngx_uint_t              nzones;
    ngx_uint_t              nrooms;

    ngx_queue_t             dirty;           /* rooms to be read */
    ngx_queue_t             loaded;          /* rooms read in this turn */
    ngx_queue_t             flush;           /* readers to be served */
    ngx_queue_t             watched;         /* rooms whose presence is told */
    ngx_queue_t             changed;         /* .. that have a new version */

    u_char                 *arena;
    u_char                 *arena_pos;
    uint32_t               *ends;
    uint32_t               *ends_pos;

    const ngx_chat_reader_handlers_t  *readers;

    ngx_event_t             turn;
    ngx_event_t             presence;        /* a timer, while it is busy */
    ngx_log_t              *log;
} ngx_chat_hub_t;


extern ngx_chat_hub_t  ngx_chat_hub;


/* --- ngx_chat_hub.c --- */

/* there is something for a turn to do */
void ngx_chat_hub_schedule(void);
/* the room is read in the next turn */
void ngx_chat_hub_mark(ngx_chat_hub_room_t *room);

/* --- ngx_chat_hub_room.c --- */

ngx_chat_hub_zone_t *ngx_chat_hub_zone(ngx_chat_zone_t *z);
/* reads a dirty room: NGX_OK, or NGX_AGAIN, the arena has no space left */
ngx_int_t ngx_chat_hub_load(ngx_chat_hub_room_t *room);
/* the end of a turn: forgets what was read in it */
void ngx_chat_hub_unload(void);
/* that life of the room is over: its readers start anew */
void ngx_chat_hub_lose(ngx_chat_hub_room_t *room);

/* --- ngx_chat_hub_transient.c --- */

/* gives what is new to the readers; the arena is free, and is so after */
void ngx_chat_hub_transients_load(void);

void ngx_chat_hub_transient_queue(ngx_queue_t *subs,
    ngx_chat_hub_transient_t *t);

/* --- ngx_chat_hub_presence.c --- */

void ngx_chat_hub_presence_init(void);
void ngx_chat_hub_presence_exit(void);
/* the room has a new version, perhaps: it is looked at in the next turn */
void ngx_chat_hub_presence_mark(ngx_chat_hub_room_t *room);
/* tells what is new; the arena is free, and is so after */
void ngx_chat_hub_presence_load(void);
/* the room is freed */
void ngx_chat_hub_presence_forget(ngx_chat_hub_room_t *room);

/* --- ngx_chat_hub_sub.c --- */

/* tells the zone up to where everybody here has been given the room */
void ngx_chat_hub_low(ngx_chat_hub_room_t *room);

/* to those that are live: the batch; to those behind: a chance to go on */
void ngx_chat_hub_offer(ngx_chat_hub_room_t *room);


#endif /* _NGX_CHAT_HUB_PRIVATE_H_INCLUDED_ */
