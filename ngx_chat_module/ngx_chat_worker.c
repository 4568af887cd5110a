
/*
 * Copyright (C) the ngx_chat_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include "ngx_chat_worker.h"


#define NGX_CHAT_WHEEL         128        /* slots of a second */
#define NGX_CHAT_DRAIN_STEP    100        /* ms */
#define NGX_CHAT_POOL          16384
#define NGX_CHAT_TEXT_START    4096
#define NGX_CHAT_TEXT_LIMIT    (2 * 1024 * 1024)


typedef struct {
    ngx_array_t       *zones;
    size_t             buffers;

    ngx_queue_t        sessions;
    ngx_uint_t         nsessions;
    ngx_queue_t        wheel[NGX_CHAT_WHEEL];
    uint32_t           wheel_time;
    ngx_queue_t        stuck;             /* the longest first */

    ngx_event_t        drain;
    ngx_msec_t         drain_start;
    size_t             buffers_told;      /* in the gauges */
    unsigned           draining:1;

    ngx_pool_t        *pool;
    ngx_chat_text_t    text;
    u_char            *read;
    size_t             read_size;
    uint32_t          *ends;
    size_t             nends;

    ngx_log_t         *log;
} ngx_chat_worker_t;


static void ngx_chat_worker_wake(ngx_uint_t scan_all);
static void ngx_chat_worker_tick(void);
static void ngx_chat_worker_turn_wheel(uint32_t now);
static void ngx_chat_worker_schedule(ngx_chat_session_t *s, uint32_t at);
static void ngx_chat_worker_check(ngx_chat_session_t *s, uint32_t now);
static void ngx_chat_worker_check_stuck(uint32_t now);
static ngx_int_t ngx_chat_worker_seat_taken(ngx_uint_t seat, uint64_t start);
static void ngx_chat_worker_seat_gone(ngx_uint_t seat);
static void ngx_chat_worker_drain(void);
static void ngx_chat_worker_drain_handler(ngx_event_t *ev);
static void ngx_chat_worker_drain_session(ngx_chat_session_t *s);


static ngx_chat_worker_t  ngx_chat_worker;


ngx_int_t
ngx_chat_worker_init(ngx_cycle_t *cycle, ngx_chat_bus_t *bus,
    ngx_array_t *zones, size_t buffers)
{
    ngx_uint_t                i;
    ngx_chat_worker_t        *w;
    ngx_chat_bus_handlers_t   handlers;

    w = &ngx_chat_worker;

    ngx_memzero(w, sizeof(ngx_chat_worker_t));

    w->zones = zones;
    w->buffers = buffers;
    w->log = cycle->log;
    w->wheel_time = ngx_chat_worker_time();

    ngx_queue_init(&w->sessions);
    ngx_queue_init(&w->stuck);

    for (i = 0; i < NGX_CHAT_WHEEL; i++) {
        ngx_queue_init(&w->wheel[i]);
    }

    w->pool = ngx_create_pool(NGX_CHAT_POOL, cycle->log);
    if (w->pool == NULL) {
        return NGX_ERROR;
    }

    ngx_chat_text_init(&w->text, NGX_CHAT_TEXT_LIMIT, cycle->log);

    handlers.wake = ngx_chat_worker_wake;
    handlers.tick = ngx_chat_worker_tick;
    handlers.drain = ngx_chat_worker_drain;
    handlers.seat_taken = ngx_chat_worker_seat_taken;
    handlers.seat_gone = ngx_chat_worker_seat_gone;

    if (ngx_chat_bus_start(bus, cycle, &handlers) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_chat_hub_init(cycle, zones);
}


void
ngx_chat_worker_exit(void)
{
    ngx_chat_worker_t  *w;

    w = &ngx_chat_worker;

    if (w->pool == NULL) {
        return;
    }

    ngx_chat_bus_stop();
    ngx_chat_hub_exit();

    ngx_chat_text_free(&w->text);

    if (w->read != NULL) {
        ngx_free(w->read);
    }

    if (w->ends != NULL) {
        ngx_free(w->ends);
    }

    ngx_destroy_pool(w->pool);

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

    ngx_queue_insert_tail(&w->sessions, &s->queue);
    w->nsessions++;
    s->listed = 1;

    s->last_in = ngx_chat_worker_time();
    s->last_out = s->last_in;

    ngx_queue_init(&s->deadline);
    ngx_chat_worker_schedule(s, s->last_in + (uint32_t) s->conf->ping);

    if (w->draining) {
        ngx_chat_worker_drain_session(s);
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
ngx_chat_worker_stuck(ngx_chat_session_t *s)
{
    ngx_queue_insert_tail(&ngx_chat_worker.stuck, &s->stuck);
}


void
ngx_chat_worker_unstuck(ngx_chat_session_t *s)
{
    if (s->reader.blocked) {
        s->reader.blocked = 0;
        ngx_queue_remove(&s->stuck);
    }
}


ngx_chat_text_t *
ngx_chat_worker_text(void)
{
    ngx_chat_text_reset(&ngx_chat_worker.text);

    return &ngx_chat_worker.text;
}


ngx_pool_t *
ngx_chat_worker_pool(void)
{
    return ngx_chat_worker.pool;
}


void
ngx_chat_worker_pool_reset(void)
{
    ngx_reset_pool(ngx_chat_worker.pool);
}


ssize_t
ngx_chat_worker_read(ngx_chat_zone_t *z, ngx_chat_pos_t *pos, uint64_t upto,
    size_t size, u_char **buf)
{
    size_t              need;
    ssize_t             n;
    ngx_chat_worker_t  *w;

    w = &ngx_chat_worker;

    for ( ;; ) {

        if (w->read_size < size) {

            if (w->read != NULL) {
                ngx_free(w->read);
                w->read_size = 0;
            }

            w->read = ngx_alloc(size, w->log);
            if (w->read == NULL) {
                return NGX_ERROR;
            }

            w->read_size = size;
        }

        need = 0;

        n = ngx_chat_log_read(z, pos, upto, w->read, size, &need);

        if (n != NGX_BUSY || need <= size) {
            *buf = w->read;
            return n;
        }

        /* one record alone is larger; the buffer may be large enough already */
        size = need;
    }
}


uint32_t *
ngx_chat_worker_ends(size_t bytes)
{
    size_t              n;
    ngx_chat_worker_t  *w;

    w = &ngx_chat_worker;
    n = bytes / sizeof(ngx_chat_rec_t) + 1;

    if (w->nends < n) {

        if (w->ends != NULL) {
            ngx_free(w->ends);
            w->nends = 0;
        }

        w->ends = ngx_alloc(n * sizeof(uint32_t), w->log);
        if (w->ends == NULL) {
            return NULL;
        }

        w->nends = n;
    }

    return w->ends;
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


void
ngx_chat_worker_reclaim(void)
{
    ngx_queue_t         *q;
    ngx_chat_worker_t   *w;
    ngx_chat_session_t  *s;

    w = &ngx_chat_worker;

    if (ngx_chat_chunk_total() <= w->buffers) {
        return;
    }

    for (q = ngx_queue_head(&w->stuck);
         q != ngx_queue_sentinel(&w->stuck);
         q = ngx_queue_next(q))
    {
        s = ngx_queue_data(q, ngx_chat_session_t, stuck);

        if (s->dead || (s->partial == NULL && s->out == NULL)) {
            continue;
        }

        ngx_chat_worker_metric(s->conf->zone, NGX_CHAT_M_SLOW_CLOSED, 1);

        ngx_log_error(NGX_LOG_INFO, s->log, 0,
                      "chat client reads too slowly, \"chat_buffers\" are "
                      "used up");

        ngx_chat_session_abort(s, NGX_CHAT_CLOSE_SLOW);
        return;
    }
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
}


static void
ngx_chat_worker_tick(void)
{
    size_t               buffers;
    uint32_t             now;
    ngx_uint_t           i, seat;
    ngx_chat_zone_t    **z;
    ngx_chat_worker_t   *w;

    w = &ngx_chat_worker;
    now = ngx_chat_worker_time();
    seat = ngx_chat_bus_seat();

    ngx_chat_worker_turn_wheel(now);
    ngx_chat_worker_check_stuck(now);
    ngx_chat_worker_reclaim();

    if (seat == NGX_CHAT_NO_SEAT) {
        return;
    }

    z = w->zones->elts;

    buffers = ngx_chat_chunk_total();

    for (i = 0; i < w->zones->nelts; i++) {
        ngx_chat_metric_add(z[i], seat, NGX_CHAT_M_BUFFERS,
                            (ngx_int_t) (buffers - w->buffers_told));
        ngx_chat_zone_sweep(z[i], seat, ngx_chat_worker_now());
    }

    w->buffers_told = buffers;
}


static void
ngx_chat_worker_turn_wheel(uint32_t now)
{
    ngx_queue_t          due, *slot, *q;
    ngx_chat_worker_t   *w;
    ngx_chat_session_t  *s;

    w = &ngx_chat_worker;

    /* after a long stall every slot once is enough */

    if (now - w->wheel_time > NGX_CHAT_WHEEL) {
        w->wheel_time = now - NGX_CHAT_WHEEL;
    }

    while (w->wheel_time != now) {
        slot = &w->wheel[++w->wheel_time % NGX_CHAT_WHEEL];

        if (ngx_queue_empty(slot)) {
            continue;
        }

        ngx_queue_init(&due);
        ngx_queue_add(&due, slot);
        ngx_queue_init(slot);

        while (!ngx_queue_empty(&due)) {
            q = ngx_queue_head(&due);
            s = ngx_queue_data(q, ngx_chat_session_t, deadline);

            ngx_queue_remove(q);
            ngx_queue_init(q);

            ngx_chat_worker_check(s, now);
        }
    }
}


static void
ngx_chat_worker_schedule(ngx_chat_session_t *s, uint32_t at)
{
    uint32_t            in;
    ngx_chat_worker_t  *w;

    w = &ngx_chat_worker;

    in = at - w->wheel_time;

    if ((int32_t) in < 1) {
        in = 1;
    }

    if (in > NGX_CHAT_WHEEL - 1) {
        in = NGX_CHAT_WHEEL - 1;
    }

    ngx_queue_remove(&s->deadline);
    ngx_queue_insert_tail(&w->wheel[(w->wheel_time + in) % NGX_CHAT_WHEEL],
                          &s->deadline);
}


/* pings, and clients that have gone without a word */

static void
ngx_chat_worker_check(ngx_chat_session_t *s, uint32_t now)
{
    uint32_t   idle, ping, timeout;
    ngx_str_t  object;

    static ngx_str_t  heartbeat = ngx_string("{\"type\":\"ping\"}");

    ping = (uint32_t) s->conf->ping;
    timeout = (uint32_t) s->conf->ping_timeout;

    if (s->dead) {
        ngx_chat_worker_schedule(s, now + ping);
        return;
    }

    if (!s->transport->pings) {
        idle = now - s->last_out;

        if (idle >= ping && !s->reader.blocked) {
            s->transport->ping(s);
            idle = 0;
        }

        ngx_chat_worker_schedule(s, now + ping - ngx_min(idle, ping));
        return;
    }

    idle = now - s->last_in;

    if (idle >= timeout) {
        ngx_log_error(NGX_LOG_INFO, s->log, 0,
                      "chat client has been silent for %uD s", idle);
        ngx_chat_session_abort(s, NGX_CHAT_CLOSE_ABNORMAL);
        ngx_chat_worker_schedule(s, now + ping);
        return;
    }

    if (idle >= ping && !s->pinged) {
        s->pinged = 1;

        if (s->heartbeat) {
            object = heartbeat;
            ngx_chat_session_send(s, &object);

        } else {
            s->transport->ping(s);
        }
    }

    ngx_chat_worker_schedule(s, s->last_in + (s->pinged ? timeout : ping));
}


static void
ngx_chat_worker_check_stuck(uint32_t now)
{
    ngx_queue_t         *q;
    ngx_chat_session_t  *s;

    for (q = ngx_queue_head(&ngx_chat_worker.stuck);
         q != ngx_queue_sentinel(&ngx_chat_worker.stuck);
         q = ngx_queue_next(q))
    {
        s = ngx_queue_data(q, ngx_chat_session_t, stuck);

        if (s->dead
            || now - s->stuck_since < (uint32_t) s->conf->slow_timeout)
        {
            continue;
        }

        ngx_log_error(NGX_LOG_INFO, s->log, 0,
                      "chat client has read nothing for %uD s",
                      now - s->stuck_since);

        ngx_chat_worker_metric(s->conf->zone, NGX_CHAT_M_SLOW_CLOSED, 1);
        ngx_chat_session_abort(s, NGX_CHAT_CLOSE_SLOW);
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
    ngx_queue_t        *q;
    ngx_chat_worker_t  *w;

    w = &ngx_chat_worker;

    if (w->draining) {
        return;
    }

    w->draining = 1;
    w->drain_start = ngx_current_msec;

    if (w->nsessions == 0) {
        return;
    }

    ngx_log_error(NGX_LOG_NOTICE, w->log, 0,
                  "%ui chat sessions are sent to other workers", w->nsessions);

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
    ngx_event_t      *ev;
    ngx_chat_text_t  *t;

    if (s->drain_at != 0 || s->dead || s->closing) {
        return;
    }

    /* also for who comes while the worker drains: it must not exit under it */

    ev = &ngx_chat_worker.drain;

    if (!ev->timer_set) {
        ev->handler = ngx_chat_worker_drain_handler;
        ev->data = ngx_chat_bus_connection();
        ev->log = ngx_chat_worker.log;

        ngx_add_timer(ev, NGX_CHAT_DRAIN_STEP);
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
