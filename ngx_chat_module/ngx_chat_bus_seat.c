
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * The seats of the bus: who has which, and what becomes of a seat whose holder
 * is dead.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include "ngx_chat_bus_private.h"


static uint64_t ngx_chat_bus_holder(ngx_pid_t pid, uint64_t start);
static ngx_int_t ngx_chat_bus_take(ngx_uint_t seat, uint64_t old);


ngx_uint_t
ngx_chat_bus_seat(void)
{
    return ngx_chat_bus_worker.seat;
}


static uint64_t
ngx_chat_bus_holder(ngx_pid_t pid, uint64_t start)
{
    return (uint64_t) pid << 32 | (start & 0xffffffff);
}


uint64_t
ngx_chat_bus_self(void)
{
    return (ngx_chat_bus_worker.seat != NGX_CHAT_NO_SEAT)
           ? ngx_chat_bus_worker.holder : 0;
}


ngx_uint_t
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

ngx_int_t
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

            return NGX_OK;
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

    ngx_chat_bus_users_clear(sh, seat);

    if (old != 0) {
        /* it may have died between its append and its wake-up */
        ngx_chat_bus_wake_all(sh);
    }

    return NGX_OK;
}


void
ngx_chat_bus_release(void)
{
    ngx_chat_bus_worker_t  *w;

    w = &ngx_chat_bus_worker;

    if (w->seat == NGX_CHAT_NO_SEAT) {
        return;
    }

    w->handlers.seat_gone(w->seat);

    __atomic_store_n(&w->bus->sh->seats[w->seat].holder, 0,
                     __ATOMIC_SEQ_CST);
    w->seat = NGX_CHAT_NO_SEAT;
}


/* one worker a second looks at all seats */

void
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
