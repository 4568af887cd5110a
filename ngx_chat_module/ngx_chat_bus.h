
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * The bus: workers of one host, of all generations, wake each other.
 *
 * A small shared zone of fixed size holds a seat per worker, with atomics only;
 * an eventfd per seat is made by the master and inherited.  A wake-up that is
 * lost because its sender died costs a second at most: every worker's tick
 * compares the counter of changes.
 */


#ifndef _NGX_CHAT_BUS_H_INCLUDED_
#define _NGX_CHAT_BUS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include "ngx_chat.h"
#include "ngx_chat_store.h"


#define NGX_CHAT_NO_SEAT  ((ngx_uint_t) -1)

/* the name of its shared memory */
#define NGX_CHAT_BUS_ZONE  "ngx_chat_bus"


typedef struct ngx_chat_bus_s  ngx_chat_bus_t;


/*
 * What the worker does on events; all run from the event loop, never from
 * inside another call of this file.
 */

typedef struct {
    void       (*wake)(ngx_uint_t scan_all);     /* look at the rings */
    void       (*tick)(void);                    /* once a second */
    void       (*drain)(void);                   /* once: the worker quits */
    ngx_int_t  (*seat_taken)(ngx_uint_t seat, uint64_t start);
    void       (*seat_gone)(ngx_uint_t seat);    /* its holder died */
} ngx_chat_bus_handlers_t;


/*
 * Adds the bus's zone to the configuration being read.  NULL on error.
 * `tag' is the module's.  No eventfd is created before the zone's init, and
 * none under nginx -t.
 */
ngx_chat_bus_t *ngx_chat_bus_add(ngx_conf_t *cf, void *tag);

/*
 * In a worker (init_process): takes a seat, begins to listen.  NGX_ERROR only
 * if memory or connections are out.  Without a free seat it tries again every
 * second, and ngx_chat_bus_seat() says so meanwhile.
 */
ngx_int_t ngx_chat_bus_start(ngx_chat_bus_t *bus, ngx_cycle_t *cycle,
    ngx_chat_bus_handlers_t *handlers);

/* gives the seat back (exit_process); idempotent */
void ngx_chat_bus_stop(void);

/* this worker's seat, or NGX_CHAT_NO_SEAT */
ngx_uint_t ngx_chat_bus_seat(void);

/* this process in one word, for leases (0: it has no seat), and whether the
   one of such a word lives */
uint64_t ngx_chat_bus_self(void);
ngx_uint_t ngx_chat_bus_holder_alive(uint64_t holder);

/* a publish became visible: who misses its wake-up will see the counter */
void ngx_chat_bus_changed(void);

/* wakes every seat of the mask; one write(2) per seat that was asleep */
void ngx_chat_bus_wake(ngx_chat_mask_t *mask);

/* wakes every other worker */
void ngx_chat_bus_wake_others(void);

/*
 * --- ngx_chat_bus_user.c: which workers have sessions of a user ---
 *
 * Each seat has a filter of bits: a user may have sessions there if the bit of
 * his hash is set.  It may be set without that; who has sessions has it set.
 */
#define NGX_CHAT_BUS_USERS  65536
#define ngx_chat_bus_user_bit(hash)  ((hash) & (NGX_CHAT_BUS_USERS - 1))

/* this worker has sessions with that bit, or none any more */
void ngx_chat_bus_user(uint32_t hash, ngx_uint_t on);
/* the other workers that have; 0: none */
ngx_uint_t ngx_chat_bus_user_mask(uint32_t hash, ngx_chat_mask_t *mask);

/* seats held now */
ngx_uint_t ngx_chat_bus_seats(void);

/* a connection that timers and posted events can give as their data: debug
   logging reads its fd */
ngx_connection_t *ngx_chat_bus_connection(void);


#endif /* _NGX_CHAT_BUS_H_INCLUDED_ */
