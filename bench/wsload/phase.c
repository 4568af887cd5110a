
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * A phase: publish for some seconds, wait for what is under way, sum up.  And
 * the search, which is many of them.
 */


#include "wsload.h"


#define BURST          512      /* messages between two looks at the sockets */
#define FLAT_OUT       64
#define STUCK          (300 * MSEC)
#define DRAIN_MAX      (20 * SECOND)

#define STEP           1.6      /* of the search, upwards */
#define PRECISION      1.06
#define CONFIRM        0.97
#define NOISY_TRIES    3
#define QUIET_MS       300
#define QUIET_TRIES    15


run_t           run;

/* the number of a message that was due when no publisher was free */
static int64_t  blocked;


/* subscribers of a room, on average */

static double
fan_out(void)
{
    double  n;

    n = (double) (life.ready - opt.stalled) / opt.rooms;

    return n < 1 ? 1 : n;
}


/* when a message is due */

static uint64_t
due_at(uint64_t begin, double rate, int64_t number)
{
    return begin + number * SECOND / rate;
}


/*
 * The latency of a message that had to wait for a free publisher counts from
 * when it was due: what a slow server delays is not left out.
 */

static int
paced_publish(uint64_t begin, double rate, uint64_t now)
{
    int       n;
    double    lag;
    int64_t   due;
    uint64_t  when;

    due = (now - begin) * rate / SECOND + 1;

    for (n = 0; tally.published < due && n < BURST; n++) {
        when = due_at(begin, rate, tally.published);

        if (!publish_one(tally.published == blocked ? when : now_ns(), NULL)) {
            blocked = tally.published;
            break;
        }

        if (now > when) {
            lag = (double) (now - when) / MSEC;
            run.lag_ms = (lag > run.lag_ms) ? lag : run.lag_ms;

            /* the next one waited for this one */
            if (blocked == tally.published - 1) {
                blocked = tally.published;
            }
        }
    }

    publish_flush();

    return tally.published < due;
}


static void
paced(uint64_t begin, uint64_t end, double rate)
{
    int       late;
    int64_t   limit;
    uint64_t  now, next, wait;

    /* a search need not wait until an overload has run its course */
    limit = rate * fan_out();

    if (limit < 20000) {
        limit = 20000;
    }

    while ((now = now_ns()) < end) {
        late = paced_publish(begin, rate, now);

        if (run.step && tally.expected - tally.unique > limit) {
            run.aborted = 1;
            return;
        }

        next = due_at(begin, rate, tally.published);
        now = now_ns();
        wait = late ? MSEC : (next > now) ? next - now : 0;
        loop_once(wait > 5 * MSEC ? 5 * MSEC : wait);
    }
}


/* as fast as the server lets, with opt.window messages under way */

static void
flat_out(uint64_t end)
{
    int       n;
    double    window;
    int64_t   unique, given_up;
    uint64_t  now, progress;

    window = opt.window ? opt.window * fan_out() : 1e18;
    given_up = 0;
    unique = 0;
    progress = now_ns();

    while ((now = now_ns()) < end) {

        if (unique != tally.unique) {
            unique = tally.unique;
            progress = now;

        } else if (now - progress > STUCK) {

            /* lost: the window would be smaller for ever */
            given_up = tally.expected - tally.unique;
            progress = now;
        }

        for (n = 0; n < FLAT_OUT; n++) {
            if (tally.expected - tally.unique - given_up >= window
                || !publish_one(now_ns(), NULL))
            {
                break;
            }
        }

        publish_flush();
        loop_once(n < FLAT_OUT ? MSEC / 2 : 0);
    }
}


static void
drain(void)
{
    int64_t   unique;
    uint64_t  now, end, progress;

    unique = -1;
    progress = now_ns();
    end = progress + DRAIN_MAX;

    while (tally.unique < tally.expected || !publish_answered()) {
        now = now_ns();

        if (unique != tally.unique) {
            unique = tally.unique;
            progress = now;
        }

        if (now - progress > opt.drain_ms * MSEC || now > end) {
            return;
        }

        publish_flush();
        loop_once(MSEC);
    }
}


void
phase_run(double rate, double secs, int step)
{
    double    calibration;
    load_t    load;
    server_t  own;
    uint64_t  begin;

    run.rate = rate;
    run.secs = secs;
    run.step = step;
    run.aborted = 0;
    run.lag_ms = 0;
    blocked = -1;

    calibration = calibrate();
    tally_reset();

    run.start = server_read(0);
    load = load_read();
    own = own_read();
    begin = now_ns();

    if (rate > 0) {
        paced(begin, begin + secs * SECOND, rate);

    } else {
        flat_out(begin + secs * SECOND);
    }

    publish_flush();
    run.published_s = (double) (now_ns() - begin) / SECOND;

    drain();

    run.received_s = (tally.last > begin)
                     ? (double) (tally.last - begin) / SECOND : 0;

    if (run.received_s < run.published_s) {
        run.received_s = run.published_s;
    }

    run.own = own_read();
    run.own.cpu -= own.cpu;
    run.own.waited -= own.waited;
    run.load = load_read();
    run.load.steal -= load.steal;
    run.load.busy -= load.busy;
    run.end = server_read(1);
    run.calibration = (calibration + calibrate()) / 2;
}


/* did the server keep up? */

static int
phase_held(void)
{
    return !run.aborted
           && tally.unique == tally.expected
           && tally.refused == 0
           && tally.closed == 0
           && tally.published >= 0.98 * run.rate * run.secs
           && hist_us(&tally.latency, 0.99) <= opt.search_p99_ms * 1000;
}


/* until others leave the machine alone, for some seconds at most */

static void
wait_until_quiet(void)
{
    int     i;
    double  busy;
    load_t  load;

    for (i = 0; i < QUIET_TRIES; i++) {
        load = load_read();
        wait_ms(QUIET_MS);
        busy = load_read().busy - load.busy;

        if (busy * 1000 * 100 / QUIET_MS < opt.noise) {
            return;
        }
    }
}


/* a failure while others were in the way says nothing; else two count */

static int
search_holds(double rate, int step)
{
    int  failures, noisy;

    failures = 0;
    noisy = 0;

    for ( ;; ) {
        phase_run(rate, opt.search_secs, step);

        if (phase_held()) {
            return 1;
        }

        if (step) {
            report();
        }

        if (life.closed) {
            return 0;
        }

        if (disturbed()) {
            if (++noisy == NOISY_TRIES) {
                return 0;
            }

            wait_until_quiet();

        } else if (++failures == 2) {
            return 0;
        }
    }
}


static int
search_step(double rate)
{
    int  held;

    held = search_holds(rate, 1);

    if (held) {
        report();
    }

    return held;
}


/* what counts is a rate that was held a second time */

static void
search_confirm(double rate)
{
    for (rate *= CONFIRM; rate > opt.search_low / 2; rate *= CONFIRM) {
        if (search_holds(rate, 0)) {
            run.best = rate;
            return;
        }

        if (life.closed) {
            return;
        }
    }
}


void
phase_search(void)
{
    double  rate, low, high;

    rate = opt.search_low;
    low = 0;
    high = 0;

    phase_run(rate, 1, 1);

    while (high == 0 && low < opt.search_high) {

        if (search_step(rate)) {
            low = rate;
            rate *= STEP;

            if (rate > opt.search_high) {
                rate = opt.search_high;
            }

        } else {
            high = rate;
        }
    }

    while (low > 0 && high > low * PRECISION && life.closed == 0) {
        rate = (low + high) / 2;

        if (search_step(rate)) {
            low = rate;

        } else {
            high = rate;
        }
    }

    search_confirm(low);

    run.step = 0;
    report();
}
