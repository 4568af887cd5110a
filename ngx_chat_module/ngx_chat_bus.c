
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * What a worker does on the bus: it listens on its seat, is woken and wakes
 * others, and once a second looks for what it has missed.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include "ngx_chat_bus_private.h"
#include "ngx_chat_test.h"


static ngx_int_t ngx_chat_bus_sit(ngx_log_t *log);
static ngx_int_t ngx_chat_bus_listen(ngx_cycle_t *cycle);
static void ngx_chat_bus_read_handler(ngx_event_t *rev);
static void ngx_chat_bus_tick_handler(ngx_event_t *ev);
static void ngx_chat_bus_ring(ngx_uint_t seat);


ngx_chat_bus_worker_t  ngx_chat_bus_worker = {
    .seat = NGX_CHAT_NO_SEAT
};


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

    if (ngx_chat_bus_sit(cycle->log) == NGX_ERROR) {
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

    ngx_chat_bus_release();

    w->bus = NULL;
}


/* takes a seat and listens on it */

static ngx_int_t
ngx_chat_bus_sit(ngx_log_t *log)
{
    ngx_int_t  rc;

    rc = ngx_chat_bus_claim(log);

    return (rc == NGX_OK) ? ngx_chat_bus_listen((ngx_cycle_t *) ngx_cycle)
                          : rc;
}


ngx_connection_t *
ngx_chat_bus_connection(void)
{
    ngx_chat_bus_worker_t  *w;

    w = &ngx_chat_bus_worker;

    return (w->connection != NULL) ? w->connection : &w->dummy;
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
    ngx_chat_bus_seat_t    *seat;
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
        (void) ngx_chat_bus_sit(ev->log);
    }

    changes = __atomic_load_n(&sh->changes, __ATOMIC_SEQ_CST);

    if (changes != w->changes) {
        w->changes = changes;
        w->handlers.wake(1);
    }

    w->handlers.tick();

    ngx_add_timer(ev, NGX_CHAT_BUS_TICK);
}


void
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


void
ngx_chat_bus_wake_others(void)
{
    ngx_uint_t              i;
    ngx_chat_mask_t         mask;
    ngx_chat_bus_worker_t  *w;

    w = &ngx_chat_bus_worker;

    ngx_memzero(&mask, sizeof(ngx_chat_mask_t));

    for (i = 0; i < NGX_CHAT_SEATS; i++) {
        if (i != w->seat
            && __atomic_load_n(&w->bus->sh->seats[i].holder, __ATOMIC_ACQUIRE)
               != 0)
        {
            ngx_chat_mask_set(&mask, i);
        }
    }

    ngx_chat_bus_wake(&mask);
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
