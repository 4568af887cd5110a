
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Deadlines of sessions: when to ping, who has gone without a word, and whose
 * connection takes no more.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include "ngx_chat_worker.h"


#define NGX_CHAT_WHEEL     128            /* slots of a second */
#define NGX_CHAT_EXPIRING  60             /* seconds before the end */
#define NGX_CHAT_CLOCKS    10             /* ms between readings of clocks */


typedef struct {
    ngx_queue_t        wheel[NGX_CHAT_WHEEL];
    uint32_t           wheel_time;
    ngx_queue_t        stuck;             /* the longest first */
    size_t             buffers;           /* chat_buffers */
} ngx_chat_deadlines_t;


static void ngx_chat_worker_turn_wheel(uint32_t now);
static void ngx_chat_worker_check(ngx_chat_session_t *s, uint32_t now);
static void ngx_chat_worker_expiry(ngx_chat_session_t *s, uint32_t now);
static void ngx_chat_worker_check_stuck(uint32_t now);


static ngx_chat_deadlines_t  ngx_chat_deadlines;


void
ngx_chat_worker_deadlines_init(size_t buffers)
{
    ngx_uint_t             i;
    ngx_chat_deadlines_t  *d;

    d = &ngx_chat_deadlines;

    d->buffers = buffers;
    d->wheel_time = ngx_chat_worker_time();

    for (i = 0; i < NGX_CHAT_WHEEL; i++) {
        ngx_queue_init(&d->wheel[i]);
    }

    ngx_queue_init(&d->stuck);
}


void
ngx_chat_worker_schedule(ngx_chat_session_t *s, uint32_t at)
{
    uint32_t               in, due;
    ngx_chat_deadlines_t  *d;

    d = &ngx_chat_deadlines;

    due = (s->warns != 0) ? s->warns : s->ends;

    if (due != 0 && (int32_t) (due - at) < 0) {
        at = due;
    }

    in = at - d->wheel_time;

    if ((int32_t) in < 1) {
        in = 1;
    }

    if (in > NGX_CHAT_WHEEL - 1) {
        in = NGX_CHAT_WHEEL - 1;
    }

    ngx_queue_remove(&s->deadline);
    ngx_queue_insert_tail(&d->wheel[(d->wheel_time + in) % NGX_CHAT_WHEEL],
                          &s->deadline);
}


void
ngx_chat_worker_deadlines(uint32_t now)
{
    ngx_chat_worker_turn_wheel(now);
    ngx_chat_worker_check_stuck(now);
    ngx_chat_worker_reclaim();
}


static void
ngx_chat_worker_turn_wheel(uint32_t now)
{
    ngx_queue_t            due, *slot, *q;
    ngx_chat_session_t    *s;
    ngx_chat_deadlines_t  *d;

    d = &ngx_chat_deadlines;

    /* after a long stall every slot once is enough */

    if (now - d->wheel_time > NGX_CHAT_WHEEL) {
        d->wheel_time = now - NGX_CHAT_WHEEL;
    }

    while (d->wheel_time != now) {
        slot = &d->wheel[++d->wheel_time % NGX_CHAT_WHEEL];

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


/* pings, and clients that have gone without a word */

static void
ngx_chat_worker_check(ngx_chat_session_t *s, uint32_t now)
{
    uint32_t   idle, ping, timeout;
    ngx_str_t  object;

    static ngx_str_t  heartbeat = ngx_string("{\"type\":\"ping\"}");

    ping = (uint32_t) s->conf->ping;
    timeout = (uint32_t) s->conf->ping_timeout;

    if (s->ends != 0) {
        ngx_chat_worker_expiry(s, now);
    }

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

    if (s->throttled) {
        /* we don't listen until it reads, which chat_slow_timeout watches */
        ngx_chat_worker_schedule(s, now + ping);
        return;
    }

    /* of a difference of whole seconds one may have been no time at all */

    idle = now - s->last_in;

    if (idle > timeout) {
        ngx_log_error(NGX_LOG_INFO, s->log, 0,
                      "chat client has been silent for %uD s",
                      idle - 1);
        ngx_chat_session_abort(s, NGX_CHAT_CLOSE_ABNORMAL);
        ngx_chat_worker_schedule(s, now + ping);
        return;
    }

    if (idle > ping && !s->pinged) {
        s->pinged = 1;

        if (s->heartbeat) {
            object = heartbeat;
            ngx_chat_session_send(s, &object);

        } else {
            s->transport->ping(s);
        }
    }

    /* an answer to the ping doesn't come by here: the next may be due then */

    ngx_chat_worker_schedule(s, s->pinged ? ngx_min(s->last_in + timeout + 1,
                                                    now + ping)
                                          : s->last_in + ping + 1);
}


/*
 * "at" is of the wall clock, whose seconds don't begin with those of the wheel:
 * rounded up, as a session must not end before its token does.
 */

void
ngx_chat_session_expires(ngx_chat_session_t *s, time_t at)
{
    time_t       left;
    uint32_t     now;
    uint64_t     end;
    ngx_time_t  *tp;

    s->ends = 0;
    s->warns = 0;
    s->capped = 0;

    if (s->conf->session_max > 0
        && (at == 0 || at > ngx_time() + s->conf->session_max))
    {
        at = ngx_time() + s->conf->session_max;
        s->capped = 1;
    }

    if (at == 0) {
        return;
    }

    now = ngx_chat_worker_time();

    left = at - ngx_time();
    left = ngx_max(left, 1);
    left = ngx_min(left, NGX_MAX_INT32_VALUE / 2);

    tp = ngx_timeofday();
    end = (uint64_t) ngx_current_msec + (uint64_t) left * 1000
          - tp->msec + NGX_CHAT_CLOCKS;

    s->ends = (uint32_t) ((end + 999) / 1000);
    s->warns = s->ends - (uint32_t) ngx_min(NGX_CHAT_EXPIRING, left / 2);

    ngx_chat_worker_schedule(s, now + (uint32_t) s->conf->ping);
}


/* who has a new token in time stays: PROTOCOL, section 9 */

static void
ngx_chat_worker_expiry(ngx_chat_session_t *s, uint32_t now)
{
    ngx_chat_text_t  *t;

    if ((int32_t) (now - s->ends) >= 0) {
        s->ends = 0;
        s->warns = 0;

        ngx_chat_session_close(s, NGX_CHAT_CLOSE_TOKEN,
                               (s->user.id.len == 0) ? "no token has come"
                               : s->capped ? "the session has expired"
                                           : "the token has expired", 0);
        return;
    }

    if (s->warns == 0 || (int32_t) (now - s->warns) < 0) {
        return;
    }

    s->warns = 0;

    t = ngx_chat_worker_text();

    ngx_chat_text_lit(t, "{\"type\":\"expiring\",\"in_ms\":");
    ngx_chat_text_num(t, (int64_t) (s->ends - now) * 1000);
    ngx_chat_text_lit(t, "}");

    ngx_chat_session_send_text(s, t);
}


void
ngx_chat_worker_stuck(ngx_chat_session_t *s)
{
    ngx_queue_insert_tail(&ngx_chat_deadlines.stuck, &s->stuck);
    ngx_chat_worker_metric(s->conf->zone, NGX_CHAT_M_STUCK, 1);
}


void
ngx_chat_worker_stuck_anew(ngx_chat_session_t *s)
{
    ngx_queue_remove(&s->stuck);
    ngx_queue_insert_tail(&ngx_chat_deadlines.stuck, &s->stuck);
}


void
ngx_chat_worker_unstuck(ngx_chat_session_t *s)
{
    if (s->reader.blocked) {
        s->reader.blocked = 0;
        ngx_queue_remove(&s->stuck);
        ngx_chat_worker_metric(s->conf->zone, NGX_CHAT_M_STUCK, -1);
    }
}


static void
ngx_chat_worker_check_stuck(uint32_t now)
{
    ngx_queue_t         *q;
    ngx_chat_session_t  *s;

    for (q = ngx_queue_head(&ngx_chat_deadlines.stuck);
         q != ngx_queue_sentinel(&ngx_chat_deadlines.stuck);
         q = ngx_queue_next(q))
    {
        s = ngx_queue_data(q, ngx_chat_session_t, stuck);

        if (s->dead
            || now - s->stuck_since <= (uint32_t) s->conf->slow_timeout)
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


void
ngx_chat_worker_reclaim(void)
{
    ngx_queue_t           *q;
    ngx_chat_session_t    *s;
    ngx_chat_deadlines_t  *d;

    d = &ngx_chat_deadlines;

    if (ngx_chat_chunk_total() <= d->buffers) {
        return;
    }

    for (q = ngx_queue_head(&d->stuck);
         q != ngx_queue_sentinel(&d->stuck);
         q = ngx_queue_next(q))
    {
        s = ngx_queue_data(q, ngx_chat_session_t, stuck);

        if (s->dead || (s->partial == NULL && s->out == NULL && !s->held)) {
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
