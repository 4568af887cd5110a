
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * What all sessions of a worker share: scratch memory, the clock, the deadline
 * wheel, the list of stuck connections and the drain.
 */


#ifndef _NGX_CHAT_WORKER_H_INCLUDED_
#define _NGX_CHAT_WORKER_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_bus.h"
#include "ngx_chat_json.h"
#include "ngx_chat_session.h"


/*
 * init_process: `zones' is an array of ngx_chat_zone_t pointers, `buffers'
 * bounds the bytes of all chunks (chat_buffers)
 */
ngx_int_t ngx_chat_worker_init(ngx_cycle_t *cycle, ngx_chat_bus_t *bus,
    ngx_array_t *zones, size_t buffers);
void ngx_chat_worker_exit(void);

/* monotonic seconds */
uint32_t ngx_chat_worker_time(void);
/* Unix time, ms */
uint64_t ngx_chat_worker_now(void);

/* lists of sessions: entered at init, left at destroy */
void ngx_chat_worker_enter(ngx_chat_session_t *s);
void ngx_chat_worker_leave(ngx_chat_session_t *s);

void ngx_chat_worker_metric(ngx_chat_zone_t *z, ngx_chat_metric_e m,
    ngx_int_t n);

/* a pseudo-random number below n, for jitter */
ngx_uint_t ngx_chat_worker_jitter(ngx_uint_t n);

/* --- ngx_chat_worker_deadline.c --- */

void ngx_chat_worker_deadlines_init(size_t buffers);
/* once a second: whatever is due */
void ngx_chat_worker_deadlines(uint32_t now);
/* has the session looked at when that second comes */
void ngx_chat_worker_schedule(ngx_chat_session_t *s, uint32_t at);

/* the session's connection takes no more, since now; it has taken some, and is
   stuck since now; it takes all again */
void ngx_chat_worker_stuck(ngx_chat_session_t *s);
void ngx_chat_worker_stuck_anew(ngx_chat_session_t *s);
void ngx_chat_worker_unstuck(ngx_chat_session_t *s);

/* makes room when chunks pass their bound: closes whoever is stuck longest */
void ngx_chat_worker_reclaim(void);

/* --- ngx_chat_worker_scratch.c --- */

ngx_int_t ngx_chat_worker_scratch_init(ngx_log_t *log);
void ngx_chat_worker_scratch_free(void);

/* an empty text (valid until the next call), a pool for one command */
ngx_chat_text_t *ngx_chat_worker_text(void);
ngx_pool_t *ngx_chat_worker_pool(void);
void ngx_chat_worker_pool_reset(void);

/*
 * ngx_chat_log_read() into the worker's read buffer, which grows for a large
 * record: *buf is valid until the next call.  Also NGX_ERROR: no memory.
 */
ssize_t ngx_chat_worker_read(ngx_chat_zone_t *z, ngx_chat_pos_t *pos,
    uint64_t upto, size_t size, u_char **buf);

/* room for the ends of all records in that many bytes; NULL: no memory */
uint32_t *ngx_chat_worker_ends(size_t bytes);


#endif /* _NGX_CHAT_WORKER_H_INCLUDED_ */
