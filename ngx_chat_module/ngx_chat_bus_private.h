
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Private to the files of the bus: what is in its zone, and this worker's side.
 */


#ifndef _NGX_CHAT_BUS_PRIVATE_H_INCLUDED_
#define _NGX_CHAT_BUS_PRIVATE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include "ngx_chat_bus.h"


#define NGX_CHAT_BUS_TICK  1000


/*
 * A seat is free when its holder is 0.  The holder is one word, so that a pid
 * is never seen with the start time of the process that had the seat before.
 */

typedef struct {
    uint64_t                  holder;       /* pid << 32 | low bits of start */
    uint32_t                  pending;      /* its eventfd has been written */
    uint32_t                  scan_all;
    u_char                    padding[48];  /* a cache line each */
} ngx_chat_bus_seat_t;


typedef struct {
    uint64_t                  magic;
    uint64_t                  changes;      /* counts publishes */
    uint64_t                  swept;        /* second of the last sweep */
    u_char                    padding[40];
    ngx_chat_bus_seat_t       seats[NGX_CHAT_SEATS];

    /* of each seat's users; written by its holder alone, and what nobody has
       touched takes no memory */
    uint64_t                  users[NGX_CHAT_SEATS][NGX_CHAT_BUS_USERS / 64];
} ngx_chat_bus_sh_t;


/* outlives reloads: every cycle that uses it holds a reference */

typedef struct {
    ngx_uint_t                refs;
    ngx_uint_t                n;
    int                       fd[NGX_CHAT_SEATS];
} ngx_chat_bus_fds_t;


struct ngx_chat_bus_s {
    ngx_shm_zone_t           *shm_zone;
    ngx_chat_bus_sh_t        *sh;
    ngx_chat_bus_fds_t       *fds;
    ngx_cycle_t              *cycle;
};


/* this worker's side */

typedef struct {
    ngx_chat_bus_t           *bus;
    ngx_chat_bus_handlers_t   handlers;
    ngx_uint_t                seat;
    uint64_t                  holder;
    uint64_t                  changes;      /* handled */
    ngx_connection_t         *connection;
    ngx_connection_t          dummy;
    ngx_event_t               tick;
    unsigned                  complained:1;
} ngx_chat_bus_worker_t;


extern ngx_chat_bus_worker_t  ngx_chat_bus_worker;


/* takes a free seat, else a dead one: NGX_OK, NGX_DECLINED (none), NGX_ERROR */
ngx_int_t ngx_chat_bus_claim(ngx_log_t *log);
/* the seat has no users */
void ngx_chat_bus_users_clear(ngx_chat_bus_sh_t *sh, ngx_uint_t seat);
/* gives this worker's seat back, if it has one */
void ngx_chat_bus_release(void);
/* frees the seats of the dead; one worker a second does it */
void ngx_chat_bus_sweep(ngx_chat_bus_sh_t *sh);

/* has every worker look at all of its rooms */
void ngx_chat_bus_wake_all(ngx_chat_bus_sh_t *sh);


#endif /* _NGX_CHAT_BUS_PRIVATE_H_INCLUDED_ */
