
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * The life of a worker: it begins, counts its sessions, is woken, ticks, and
 * sends its sessions elsewhere before it quits.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include "ngx_chat_control.h"
#include "ngx_chat_fetch.h"
#include "ngx_chat_inbox.h"
#include "ngx_chat_presence.h"
#include "ngx_chat_purge.h"
#include "ngx_chat_remote.h"
#include "ngx_chat_state.h"
#include "ngx_chat_webhook.h"
#include "ngx_chat_worker.h"


#define NGX_CHAT_DRAIN_STEP  100        /* ms */


typedef struct {
    ngx_array_t       *zones;

    ngx_queue_t        sessions;
    ngx_uint_t         nsessions;

    ngx_event_t        drain;
    ngx_msec_t         drain_start;
    size_t             buffers_told;      /* in the gauges */
    unsigned           draining:1;

    ngx_log_t         *log;
} ngx_chat_worker_t;


static ngx_int_t ngx_chat_worker_brokers(ngx_cycle_t *cycle);
static void ngx_chat_worker_wake(ngx_uint_t scan_all);
static void ngx_chat_worker_tick(void);
static void ngx_chat_worker_save(void);
static ngx_int_t ngx_chat_worker_seat_taken(ngx_uint_t seat, uint64_t start);
static void ngx_chat_worker_seat_gone(ngx_uint_t seat);
static void ngx_chat_worker_drain(void);
static void ngx_chat_worker_drain_session(ngx_chat_session_t *s);
static void ngx_chat_worker_drain_handler(ngx_event_t *ev);
static void ngx_chat_worker_drain_timer(void);


static ngx_chat_worker_t  ngx_chat_worker;

static const ngx_chat_reader_handlers_t  ngx_chat_worker_readers = {
    ngx_chat_session_flush,
    ngx_chat_session_reset,
    ngx_chat_session_transient,
    ngx_chat_member_changes,
    ngx_chat_inbox_give
};


ngx_int_t
ngx_chat_worker_init(ngx_cycle_t *cycle, ngx_chat_bus_t *bus,
    ngx_array_t *zones, size_t buffers)
{
    ngx_chat_worker_t        *w;
    ngx_chat_bus_handlers_t   handlers;

    w = &ngx_chat_worker;

    ngx_memzero(w, sizeof(ngx_chat_worker_t));

    w->zones = zones;
    w->log = cycle->log;

    ngx_queue_init(&w->sessions);

    ngx_chat_worker_deadlines_init(buffers);

    if (ngx_chat_worker_scratch_init(cycle->log) != NGX_OK) {
        return NGX_ERROR;
    }

    handlers.wake = ngx_chat_worker_wake;
    handlers.tick = ngx_chat_worker_tick;
    handlers.drain = ngx_chat_worker_drain;
    handlers.seat_taken = ngx_chat_worker_seat_taken;
    handlers.seat_gone = ngx_chat_worker_seat_gone;

    if (ngx_chat_bus_start(bus, cycle, &handlers) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_chat_hub_init(cycle, zones, &ngx_chat_worker_readers) != NGX_OK
        || ngx_chat_control_init(zones, &w->sessions, cycle->log) != NGX_OK
        || ngx_chat_inbox_init(cycle) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_chat_webhook_init(zones, cycle->log);

    return ngx_chat_worker_brokers(cycle);
}


static ngx_int_t
ngx_chat_worker_brokers(ngx_cycle_t *cycle)
{
    ngx_uint_t                i;
    ngx_chat_zone_t         **z;
    const ngx_chat_broker_t  *broker;

    z = ngx_chat_worker.zones->elts;

    for (i = 0; i < ngx_chat_worker.zones->nelts; i++) {
        broker = ngx_chat_broker(z[i]);

        if (broker->start != NULL && broker->start(z[i], cycle) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


void
ngx_chat_worker_exit(void)
{
    ngx_uint_t                i;
    ngx_chat_zone_t         **z;
    ngx_chat_worker_t        *w;
    const ngx_chat_broker_t  *broker;

    w = &ngx_chat_worker;

    if (w->log == NULL) {
        return;
    }

    ngx_chat_worker_save();

    z = w->zones->elts;

    for (i = 0; i < w->zones->nelts; i++) {
        broker = ngx_chat_broker(z[i]);

        if (broker->stop != NULL) {
            broker->stop(z[i]);
        }
    }

    ngx_chat_purge_exit();
    ngx_chat_control_exit();
    ngx_chat_webhook_exit();
    ngx_chat_inbox_exit();
    ngx_chat_ask_exit();
    ngx_chat_fetch_exit();
    ngx_chat_bus_stop();
    ngx_chat_hub_exit();

    ngx_chat_worker_scratch_free();

    ngx_memzero(w, sizeof(ngx_chat_worker_t));
}


uint32_t
ngx_chat_worker_time(void)
{
    return (uint32_t) (ngx_current_msec / 1000);
}


uint64_t
ngx_chat_worker_now(void)
{
    ngx_time_t  *tp;

    tp = ngx_timeofday();

    return (uint64_t) tp->sec * 1000 + tp->msec;
}


void
ngx_chat_worker_enter(ngx_chat_session_t *s)
{
    ngx_chat_worker_t  *w;

    w = &ngx_chat_worker;

    ngx_chat_control_enter(s);
    w->nsessions++;
    s->listed = 1;

    s->last_in = ngx_chat_worker_time();
    s->last_out = s->last_in;

    ngx_queue_init(&s->deadline);
    ngx_chat_worker_schedule(s, s->last_in + (uint32_t) s->conf->ping);

    if (w->draining) {
        /* it is told when it has been greeted; we must not exit before */
        ngx_chat_worker_drain_timer();
    }
}


void
ngx_chat_worker_leave(ngx_chat_session_t *s)
{
    if (!s->listed) {
        return;
    }

    s->listed = 0;

    ngx_queue_remove(&s->queue);
    ngx_queue_remove(&s->deadline);
    ngx_chat_worker_unstuck(s);

    ngx_chat_worker.nsessions--;
}


void
ngx_chat_worker_metric(ngx_chat_zone_t *z, ngx_chat_metric_e m, ngx_int_t n)
{
    ngx_uint_t  seat;

    seat = ngx_chat_bus_seat();

    if (seat != NGX_CHAT_NO_SEAT) {
        ngx_chat_metric_add(z, seat, m, n);
    }
}


ngx_uint_t
ngx_chat_worker_jitter(ngx_uint_t n)
{
    return (n == 0) ? 0 : (ngx_uint_t) ngx_random() % n;
}


static void
ngx_chat_worker_wake(ngx_uint_t scan_all)
{
    ngx_uint_t         i;
    ngx_chat_zone_t  **z;

    /* a wake-up is for all zones */

    z = ngx_chat_worker.zones->elts;

    for (i = 0; i < ngx_chat_worker.zones->nelts; i++) {
        ngx_chat_worker_metric(z[i], NGX_CHAT_M_WAKEUPS, 1);
    }

    ngx_chat_hub_wake(scan_all);
    ngx_chat_control_look();
}


static void
ngx_chat_worker_tick(void)
{
    size_t                    buffers;
    ngx_uint_t                i, seat;
    ngx_chat_zone_t         **z;
    ngx_chat_worker_t        *w;
    const ngx_chat_broker_t  *broker;

    w = &ngx_chat_worker;
    seat = ngx_chat_bus_seat();

    ngx_chat_worker_deadlines(ngx_chat_worker_time());
    ngx_chat_hub_transients();
    ngx_chat_control_look();
    ngx_chat_hub_presence_tick();
    ngx_chat_webhook_tick();
    ngx_chat_worker_save();

    if (seat == NGX_CHAT_NO_SEAT) {
        return;
    }

    z = w->zones->elts;

    buffers = ngx_chat_chunk_total();

    for (i = 0; i < w->zones->nelts; i++) {
        ngx_chat_metric_add(z[i], seat, NGX_CHAT_M_BUFFERS,
                            (ngx_int_t) (buffers - w->buffers_told));
        ngx_chat_zone_sweep(z[i], seat, ngx_chat_worker_now());

        broker = ngx_chat_broker(z[i]);

        if (broker->tick != NULL) {
            broker->tick(z[i]);
        }
    }

    w->buffers_told = buffers;
}


/* also without a seat: whoever looks first writes */

static void
ngx_chat_worker_save(void)
{
    ngx_uint_t         i;
    ngx_chat_zone_t  **z;

    z = ngx_chat_worker.zones->elts;

    for (i = 0; i < ngx_chat_worker.zones->nelts; i++) {
        ngx_chat_state_flush(z[i], (uint64_t) ngx_time(), ngx_chat_worker.log);
    }
}


static ngx_int_t
ngx_chat_worker_seat_taken(ngx_uint_t seat, uint64_t start)
{
    ngx_uint_t         i;
    ngx_chat_zone_t  **z;

    z = ngx_chat_worker.zones->elts;

    for (i = 0; i < ngx_chat_worker.zones->nelts; i++) {
        if (ngx_chat_zone_attach(z[i], seat, ngx_pid, start) != NGX_OK) {
            return NGX_ERROR;
        }

        ngx_chat_presence_clear(z[i], seat, (uint64_t) ngx_current_msec);
        ngx_chat_hook_clear(z[i], seat, (uint64_t) ngx_current_msec);
        ngx_chat_remote_mode(z[i], z[i]->remote != NULL);
        ngx_chat_webhook_want(z[i]);
        ngx_chat_table_share(z[i], z[i]->remote != NULL);
    }

    return NGX_OK;
}


static void
ngx_chat_worker_seat_gone(ngx_uint_t seat)
{
    ngx_uint_t         i;
    ngx_chat_zone_t  **z;

    z = ngx_chat_worker.zones->elts;

    for (i = 0; i < ngx_chat_worker.zones->nelts; i++) {
        ngx_chat_presence_clear(z[i], seat, (uint64_t) ngx_current_msec);
        ngx_chat_hook_clear(z[i], seat, (uint64_t) ngx_current_msec);
        ngx_chat_zone_detach(z[i], seat);
    }
}


/*
 * The worker was told to quit.  On nginx 1.22 its loop ends before posted
 * events run if no timer is left, so a timer that is not cancelable holds it
 * while there are sessions.
 */

static void
ngx_chat_worker_drain(void)
{
    ngx_uint_t                i;
    ngx_queue_t              *q;
    ngx_chat_zone_t         **z;
    ngx_chat_worker_t        *w;
    const ngx_chat_broker_t  *broker;

    w = &ngx_chat_worker;

    if (w->draining) {
        return;
    }

    w->draining = 1;
    w->drain_start = ngx_current_msec;

    z = w->zones->elts;

    for (i = 0; i < w->zones->nelts; i++) {
        broker = ngx_chat_broker(z[i]);

        if (broker->drain != NULL) {
            broker->drain(z[i]);
        }
    }

    ngx_chat_webhook_drain();

    if (w->nsessions == 0) {
        return;
    }

    ngx_log_error(NGX_LOG_NOTICE, w->log, 0,
                  "%ui chat sessions are sent to other workers", w->nsessions);

    /* who moves has two connections for a while: the old one doesn't count */

    for (i = 0; i < w->zones->nelts; i++) {
        ngx_chat_limit_forget(z[i], ngx_chat_bus_seat());
    }

    ngx_chat_worker_drain_timer();

    for (q = ngx_queue_head(&w->sessions);
         q != ngx_queue_sentinel(&w->sessions);
         q = ngx_queue_next(q))
    {
        ngx_chat_worker_drain_session(
                              ngx_queue_data(q, ngx_chat_session_t, queue));
    }
}


/*
 * A client comes back within the first half of chat_drain, at a moment of its
 * own; who doesn't understand `reconnect' is closed in the second half.
 */

static void
ngx_chat_worker_drain_session(ngx_chat_session_t *s)
{
    ngx_uint_t        after, half;
    ngx_chat_text_t  *t;

    if (s->drain_at != 0 || s->dead || s->closing) {
        return;
    }

    if (!s->greeted && !s->conf->raw) {
        /* its handshake is under way, and `welcome' is the first object */
        return;
    }

    half = s->conf->drain / 2;
    after = ngx_chat_worker_jitter(half);

    s->drain_at = (uint32_t) (ngx_current_msec
                              - ngx_chat_worker.drain_start
                              + after + half + 1);

    t = ngx_chat_worker_text();

    ngx_chat_text_lit(t, "{\"type\":\"reconnect\",\"after_ms\":");
    ngx_chat_text_num(t, (int64_t) after);
    ngx_chat_text_lit(t, ",\"deadline_ms\":");
    ngx_chat_text_num(t, (int64_t) (after + half));
    ngx_chat_text_lit(t, "}");

    ngx_chat_session_send_text(s, t);
}


static void
ngx_chat_worker_drain_timer(void)
{
    ngx_event_t  *ev;

    ev = &ngx_chat_worker.drain;

    if (ev->timer_set) {
        return;
    }

    ev->handler = ngx_chat_worker_drain_handler;
    ev->data = ngx_chat_bus_connection();
    ev->log = ngx_chat_worker.log;

    ngx_add_timer(ev, NGX_CHAT_DRAIN_STEP);
}


static void
ngx_chat_worker_drain_handler(ngx_event_t *ev)
{
    uint32_t             now;
    ngx_queue_t         *q;
    ngx_chat_worker_t   *w;
    ngx_chat_session_t  *s;

    w = &ngx_chat_worker;

    if (w->nsessions == 0) {
        return;
    }

    now = (uint32_t) (ngx_current_msec - w->drain_start);

    for (q = ngx_queue_head(&w->sessions);
         q != ngx_queue_sentinel(&w->sessions);
         q = ngx_queue_next(q))
    {
        s = ngx_queue_data(q, ngx_chat_session_t, queue);

        if (s->drain_at == 0 && s->closing) {
            /* for a reason of its own */
            s->drain_at = now + 2000;
            continue;
        }

        if (s->drain_at == 0) {
            ngx_chat_worker_drain_session(s);
            continue;
        }

        if (s->drain_at > now || s->dead) {
            continue;
        }

        if (!s->closing) {
            ngx_chat_session_close(s, NGX_CHAT_CLOSE_RESTART,
                                   "server restarts", 0);
            s->drain_at = now + 2000;
            continue;
        }

        /* it had time to take its goodbye */
        ngx_chat_session_abort(s, NGX_CHAT_CLOSE_RESTART);
    }

    ngx_add_timer(ev, NGX_CHAT_DRAIN_STEP);
}
