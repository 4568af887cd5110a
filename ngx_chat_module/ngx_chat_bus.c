
/*
 * Copyright (C) the ngx_chat_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include "ngx_chat_bus.h"
#include "ngx_chat_test.h"

#include <sys/eventfd.h>


#define NGX_CHAT_BUS_MAGIC     0x63686174627573ULL
#define NGX_CHAT_BUS_TICK      1000


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
    ngx_chat_bus_seat_t           seats[NGX_CHAT_SEATS];
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


static ngx_int_t ngx_chat_bus_init_zone(ngx_shm_zone_t *shm_zone, void *data);
static ngx_chat_bus_fds_t *ngx_chat_bus_create_fds(ngx_log_t *log);
static ngx_int_t ngx_chat_bus_grow_fds(ngx_chat_bus_fds_t *fds, ngx_uint_t n,
    ngx_log_t *log);
static void ngx_chat_bus_release_fds(void *data);
static uint64_t ngx_chat_bus_holder(ngx_pid_t pid, uint64_t start);
static ngx_uint_t ngx_chat_bus_holder_alive(uint64_t holder);
static ngx_int_t ngx_chat_bus_claim(ngx_log_t *log);
static ngx_int_t ngx_chat_bus_take(ngx_uint_t seat, uint64_t old);
static ngx_int_t ngx_chat_bus_listen(ngx_cycle_t *cycle);
static void ngx_chat_bus_read_handler(ngx_event_t *rev);
static void ngx_chat_bus_tick_handler(ngx_event_t *ev);
static void ngx_chat_bus_sweep(ngx_chat_bus_sh_t *sh);
static void ngx_chat_bus_wake_all(ngx_chat_bus_sh_t *sh);
static void ngx_chat_bus_ring(ngx_uint_t seat);


static ngx_chat_bus_worker_t  ngx_chat_bus_worker = {
    .seat = NGX_CHAT_NO_SEAT
};


ngx_chat_bus_t *
ngx_chat_bus_add(ngx_conf_t *cf, void *tag)
{
    size_t           size;
    ngx_chat_bus_t  *bus;

    static ngx_str_t  name = ngx_string("ngx_chat_bus");

    bus = ngx_pcalloc(cf->pool, sizeof(ngx_chat_bus_t));
    if (bus == NULL) {
        return NULL;
    }

    /* the slab's own pages and one contiguous block for us */

    size = ngx_align(sizeof(ngx_chat_bus_sh_t), ngx_pagesize)
           + 8 * ngx_pagesize;

    bus->shm_zone = ngx_shared_memory_add(cf, &name, size, tag);
    if (bus->shm_zone == NULL) {
        return NULL;
    }

    bus->cycle = cf->cycle;
    bus->shm_zone->init = ngx_chat_bus_init_zone;
    bus->shm_zone->data = bus;

    return bus;
}


/*
 * Runs in the master, or in the single process, before workers are forked.
 * init_module would be too late to fail: its failure ends a running master.
 */

static ngx_int_t
ngx_chat_bus_init_zone(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_chat_bus_t  *obus = data;

    ngx_uint_t           n;
    ngx_chat_bus_t      *bus;
    ngx_core_conf_t     *ccf;
    ngx_slab_pool_t     *shpool;
    ngx_pool_cleanup_t  *cln;

    bus = shm_zone->data;
    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    if (obus != NULL) {
        bus->sh = obus->sh;

    } else if (shm_zone->shm.exists) {
        bus->sh = shpool->data;

    } else {
        bus->sh = ngx_slab_calloc(shpool, sizeof(ngx_chat_bus_sh_t));
        if (bus->sh == NULL) {
            return NGX_ERROR;
        }

        bus->sh->magic = NGX_CHAT_BUS_MAGIC;
        shpool->data = bus->sh;
        shpool->log_nomem = 0;
    }

    if (ngx_test_config) {
        return NGX_OK;
    }

    bus->fds = (obus != NULL) ? obus->fds : NULL;

    if (bus->fds == NULL) {
        bus->fds = ngx_chat_bus_create_fds(shm_zone->shm.log);
        if (bus->fds == NULL) {
            return NGX_ERROR;
        }
    }

    cln = ngx_pool_cleanup_add(bus->cycle->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_chat_bus_release_fds;
    cln->data = bus->fds;
    bus->fds->refs++;

    ccf = (ngx_core_conf_t *) ngx_get_conf(bus->cycle->conf_ctx,
                                           ngx_core_module);

    n = 4 * ngx_max(ccf->worker_processes, 1) + 16;

    return ngx_chat_bus_grow_fds(bus->fds, ngx_min(n, NGX_CHAT_SEATS),
                                 shm_zone->shm.log);
}


static ngx_chat_bus_fds_t *
ngx_chat_bus_create_fds(ngx_log_t *log)
{
    return ngx_calloc(sizeof(ngx_chat_bus_fds_t), log);
}


/*
 * Old workers don't have the descriptors added here; they can't ring those
 * seats, whose ticks see the change counter instead.
 */

static ngx_int_t
ngx_chat_bus_grow_fds(ngx_chat_bus_fds_t *fds, ngx_uint_t n, ngx_log_t *log)
{
    int  fd;

    while (fds->n < n) {
        fd = eventfd(0, EFD_NONBLOCK|EFD_CLOEXEC);

        if (fd == -1) {
            ngx_log_error(NGX_LOG_EMERG, log, ngx_errno,
                          "eventfd() failed for the chat bus, raise "
                          "\"worker_rlimit_nofile\" or the limit of open files "
                          "of the master");
            return NGX_ERROR;
        }

        fds->fd[fds->n++] = fd;
    }

    return NGX_OK;
}


static void
ngx_chat_bus_release_fds(void *data)
{
    ngx_chat_bus_fds_t  *fds = data;

    ngx_uint_t  i;

    if (--fds->refs > 0) {
        return;
    }

    for (i = 0; i < fds->n; i++) {
        (void) close(fds->fd[i]);
    }

    ngx_free(fds);
}


ngx_int_t
ngx_chat_bus_start(ngx_chat_bus_t *bus, ngx_cycle_t *cycle,
    ngx_chat_bus_handlers_t *handlers)
{
    ngx_event_t            *ev;
    ngx_chat_bus_worker_t  *w;

    w = &ngx_chat_bus_worker;

    /* a reload of a single process comes here again */
    ngx_chat_bus_stop();

    ngx_memzero(w, sizeof(ngx_chat_bus_worker_t));

    w->bus = bus;
    w->handlers = *handlers;
    w->seat = NGX_CHAT_NO_SEAT;
    w->dummy.fd = (ngx_socket_t) -1;
    w->dummy.log = cycle->log;

    if (ngx_chat_bus_claim(cycle->log) == NGX_ERROR) {
        return NGX_ERROR;
    }

    ev = &w->tick;
    ev->handler = ngx_chat_bus_tick_handler;
    ev->data = ngx_chat_bus_connection();
    ev->log = cycle->log;
    ev->cancelable = 1;

    ngx_add_timer(ev, NGX_CHAT_BUS_TICK);

    return NGX_OK;
}


void
ngx_chat_bus_stop(void)
{
    ngx_chat_bus_worker_t  *w;

    w = &ngx_chat_bus_worker;

    if (w->bus == NULL) {
        return;
    }

    if (w->tick.timer_set) {
        ngx_del_timer(&w->tick);
    }

    if (w->connection != NULL) {
        if (w->connection->read->active) {
            (void) ngx_del_event(w->connection->read, NGX_READ_EVENT, 0);
        }

        /* the descriptor stays open: it is the seat's, not ours */
        ngx_free_connection(w->connection);
        w->connection->fd = (ngx_socket_t) -1;
        w->connection = NULL;
    }

    if (w->seat != NGX_CHAT_NO_SEAT) {
        w->handlers.seat_gone(w->seat);

        __atomic_store_n(&w->bus->sh->seats[w->seat].holder, 0,
                         __ATOMIC_SEQ_CST);
        w->seat = NGX_CHAT_NO_SEAT;
    }

    w->bus = NULL;
}


ngx_uint_t
ngx_chat_bus_seat(void)
{
    return ngx_chat_bus_worker.seat;
}


ngx_connection_t *
ngx_chat_bus_connection(void)
{
    ngx_chat_bus_worker_t  *w;

    w = &ngx_chat_bus_worker;

    return (w->connection != NULL) ? w->connection : &w->dummy;
}


static uint64_t
ngx_chat_bus_holder(ngx_pid_t pid, uint64_t start)
{
    return (uint64_t) pid << 32 | (start & 0xffffffff);
}


static ngx_uint_t
ngx_chat_bus_holder_alive(uint64_t holder)
{
    uint64_t   start;
    ngx_pid_t  pid;

    pid = (ngx_pid_t) (holder >> 32);

    if (ngx_chat_process_alive(pid, 0) != NGX_OK) {
        return 0;
    }

    start = ngx_chat_process_start(pid);

    return start == 0 || (start & 0xffffffff) == (holder & 0xffffffff);
}


/* free seats first: a dead one may still be looked at by a sweep */

static ngx_int_t
ngx_chat_bus_claim(ngx_log_t *log)
{
    uint64_t                old, start;
    ngx_uint_t              i, dead;
    ngx_chat_bus_sh_t      *sh;
    ngx_chat_bus_worker_t  *w;

    w = &ngx_chat_bus_worker;
    sh = w->bus->sh;
    start = ngx_chat_process_start(ngx_pid);
    w->holder = ngx_chat_bus_holder(ngx_pid, start);

    for (dead = 0; dead < 2; dead++) {

        for (i = 0; i < w->bus->fds->n; i++) {
            old = __atomic_load_n(&sh->seats[i].holder, __ATOMIC_ACQUIRE);

            if (old != 0 && (!dead || ngx_chat_bus_holder_alive(old))) {
                continue;
            }

            if (ngx_chat_bus_take(i, old) != NGX_OK) {
                continue;
            }

            if (w->handlers.seat_taken(i, start) != NGX_OK) {
                return NGX_ERROR;
            }

            return ngx_chat_bus_listen((ngx_cycle_t *) ngx_cycle);
        }
    }

    if (!w->complained) {
        w->complained = 1;
        ngx_log_error(NGX_LOG_ERR, log, 0,
                      "no free seat for this worker on the chat bus (%ui are "
                      "taken by older workers that are still draining), it "
                      "refuses chat clients until one is free",
                      w->bus->fds->n);
    }

    return NGX_DECLINED;
}


static ngx_int_t
ngx_chat_bus_take(ngx_uint_t seat, uint64_t old)
{
    ngx_chat_bus_sh_t      *sh;
    ngx_chat_bus_worker_t  *w;

    w = &ngx_chat_bus_worker;
    sh = w->bus->sh;

    if (!__atomic_compare_exchange_n(&sh->seats[seat].holder, &old, w->holder,
                                     0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
    {
        return NGX_DECLINED;
    }

    w->seat = seat;

    if (old != 0) {
        /* it may have died between its append and its wake-up */
        ngx_chat_bus_wake_all(sh);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_chat_bus_listen(ngx_cycle_t *cycle)
{
    uint64_t                n;
    ngx_int_t               event;
    ngx_event_t            *rev;
    ngx_connection_t       *c;
    ngx_chat_bus_worker_t  *w;

    w = &ngx_chat_bus_worker;

    c = ngx_get_connection(w->bus->fds->fd[w->seat], cycle->log);
    if (c == NULL) {
        return NGX_ERROR;
    }

    c->pool = cycle->pool;
    c->log = cycle->log;

    rev = c->read;
    rev->log = cycle->log;
    c->write->log = cycle->log;

    /* not an open socket of a client: pitfalls of shutdown and of its timer */
    rev->channel = 1;
    c->write->channel = 1;

    /* ngx_close_idle_connections() calls the handler when the worker quits */
    c->idle = 1;

    rev->handler = ngx_chat_bus_read_handler;
    w->connection = c;

    event = (ngx_event_flags & NGX_USE_CLEAR_EVENT) ? NGX_CLEAR_EVENT
                                                    : NGX_LEVEL_EVENT;

    /* what was written to the seat's former holder */
    while (read(c->fd, &n, sizeof(n)) > 0) { /* void */ }
    __atomic_store_n(&w->bus->sh->seats[w->seat].pending, 0, __ATOMIC_SEQ_CST);

    if (ngx_add_event(rev, NGX_READ_EVENT, event) != NGX_OK) {
        return NGX_ERROR;
    }

    /* and what was meant for us in between */
    rev->ready = 1;
    ngx_post_event(rev, &ngx_posted_events);

    return NGX_OK;
}


static void
ngx_chat_bus_read_handler(ngx_event_t *rev)
{
    uint64_t                n;
    uint32_t                scan_all;
    ngx_chat_bus_seat_t        *seat;
    ngx_connection_t       *c;
    ngx_chat_bus_worker_t  *w;

    c = rev->data;
    w = &ngx_chat_bus_worker;

    if (c->close) {
        c->close = 0;
        c->idle = 0;

        if (ngx_exiting) {
            w->handlers.drain();
        }

        return;
    }

    seat = &w->bus->sh->seats[w->seat];

    if (read(c->fd, &n, sizeof(n)) == -1 && ngx_errno != NGX_EAGAIN
        && ngx_errno != NGX_EINTR)
    {
        ngx_log_error(NGX_LOG_ERR, rev->log, ngx_errno,
                      "read() of the chat bus failed");
    }

    /*
     * First the word, then the rings: a publisher that finds it set has filled
     * its ring before we look.
     */

    (void) __atomic_exchange_n(&seat->pending, 0, __ATOMIC_SEQ_CST);
    scan_all = __atomic_exchange_n(&seat->scan_all, 0, __ATOMIC_SEQ_CST);
    w->changes = __atomic_load_n(&w->bus->sh->changes, __ATOMIC_SEQ_CST);

    w->handlers.wake(scan_all);
}


/*
 * What a dead process can't do any more is found here: seats of workers that
 * nobody will respawn, and publishes whose wake-up never came.
 */

static void
ngx_chat_bus_tick_handler(ngx_event_t *ev)
{
    uint64_t                changes;
    ngx_chat_bus_sh_t      *sh;
    ngx_chat_bus_worker_t  *w;

    w = &ngx_chat_bus_worker;
    sh = w->bus->sh;

    ngx_chat_bus_sweep(sh);

    if (w->seat == NGX_CHAT_NO_SEAT) {
        (void) ngx_chat_bus_claim(ev->log);
    }

    changes = __atomic_load_n(&sh->changes, __ATOMIC_SEQ_CST);

    if (changes != w->changes) {
        w->changes = changes;
        w->handlers.wake(1);
    }

    w->handlers.tick();

    ngx_add_timer(ev, NGX_CHAT_BUS_TICK);
}


/* one worker a second looks at all seats */

static void
ngx_chat_bus_sweep(ngx_chat_bus_sh_t *sh)
{
    uint64_t    self, holder, now, swept;
    ngx_uint_t  i, gone;

    self = ngx_chat_bus_worker.holder;
    now = (uint64_t) ngx_current_msec / NGX_CHAT_BUS_TICK;
    swept = __atomic_load_n(&sh->swept, __ATOMIC_ACQUIRE);

    if (swept == now
        || !__atomic_compare_exchange_n(&sh->swept, &swept, now, 0,
                                        __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
    {
        return;
    }

    gone = 0;

    for (i = 0; i < NGX_CHAT_SEATS; i++) {
        holder = __atomic_load_n(&sh->seats[i].holder, __ATOMIC_ACQUIRE);

        if (holder == 0 || holder == self
            || ngx_chat_bus_holder_alive(holder))
        {
            continue;
        }

        /*
         * It is ours while its tables are swept: nobody else takes it, and if
         * we die meanwhile it has a dead holder again.
         */

        if (!__atomic_compare_exchange_n(&sh->seats[i].holder, &holder, self,
                                         0, __ATOMIC_SEQ_CST,
                                         __ATOMIC_SEQ_CST))
        {
            continue;
        }

        ngx_chat_bus_worker.handlers.seat_gone(i);

        __atomic_store_n(&sh->seats[i].holder, 0, __ATOMIC_SEQ_CST);
        gone = 1;
    }

    if (gone) {
        ngx_chat_bus_wake_all(sh);
    }
}


static void
ngx_chat_bus_wake_all(ngx_chat_bus_sh_t *sh)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_CHAT_SEATS; i++) {

        if (__atomic_load_n(&sh->seats[i].holder, __ATOMIC_ACQUIRE) == 0) {
            continue;
        }

        __atomic_store_n(&sh->seats[i].scan_all, 1, __ATOMIC_SEQ_CST);
        __atomic_store_n(&sh->seats[i].pending, 1, __ATOMIC_SEQ_CST);

        ngx_chat_bus_ring(i);
    }
}


void
ngx_chat_bus_changed(void)
{
    (void) __atomic_fetch_add(&ngx_chat_bus_worker.bus->sh->changes, 1,
                              __ATOMIC_SEQ_CST);
}


void
ngx_chat_bus_wake(ngx_chat_mask_t *mask)
{
    uint64_t            word;
    uint32_t            asleep;
    ngx_uint_t          i, seat;
    ngx_chat_bus_sh_t  *sh;

    sh = ngx_chat_bus_worker.bus->sh;

    for (i = 0; i < NGX_CHAT_SEATS / 64; i++) {

        for (word = mask->w[i]; word != 0; word &= word - 1) {
            seat = i * 64 + (ngx_uint_t) __builtin_ctzll(word);
            asleep = 0;

            if (__atomic_compare_exchange_n(&sh->seats[seat].pending, &asleep,
                                            1, 0, __ATOMIC_SEQ_CST,
                                            __ATOMIC_SEQ_CST))
            {
                ngx_chat_test_point("wake:claimed");
                ngx_chat_bus_ring(seat);
            }
        }
    }
}


static void
ngx_chat_bus_ring(ngx_uint_t seat)
{
    uint64_t             n;
    ngx_chat_bus_fds_t  *fds;

    fds = ngx_chat_bus_worker.bus->fds;

    if (seat >= fds->n) {
        /* made by a later reload: its holder sees the change counter */
        return;
    }

    n = 1;

    /* EAGAIN: the counter is at its limit, so the reader has been woken */

    if (write(fds->fd[seat], &n, sizeof(n)) == -1 && ngx_errno != NGX_EAGAIN) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, ngx_errno,
                      "write() to the chat bus failed");
    }
}


ngx_uint_t
ngx_chat_bus_seats(void)
{
    ngx_uint_t          i, n;
    ngx_chat_bus_sh_t  *sh;

    sh = ngx_chat_bus_worker.bus->sh;

    for (i = 0, n = 0; i < NGX_CHAT_SEATS; i++) {
        if (__atomic_load_n(&sh->seats[i].holder, __ATOMIC_RELAXED) != 0) {
            n++;
        }
    }

    return n;
}
