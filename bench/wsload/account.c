
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Deliveries: each message is counted once for each subscriber, in its order.
 */


#include "wsload.h"


tally_t   tally;
life_t    life;
uint16_t  run_id;


void
hist_add(hist_t *h, uint64_t value)
{
    unsigned  exp, i;

    h->n++;
    h->sum += value;

    if (value > h->max) {
        h->max = value;
    }

    if (value < HIST_STEPS) {
        h->bucket[value]++;
        return;
    }

    exp = 63 - __builtin_clzll(value);

    if (exp > HIST_TOP) {
        h->bucket[HIST_N - 1]++;
        return;
    }

    i = (value >> (exp - HIST_BITS)) & (HIST_STEPS - 1);
    h->bucket[(exp - HIST_BITS + 1) * HIST_STEPS + i]++;
}


/* the middle of a step */

static uint64_t
hist_value(unsigned i)
{
    unsigned  exp;

    if (i < HIST_STEPS) {
        return i;
    }

    exp = i / HIST_STEPS + HIST_BITS - 1;

    return (UINT64_C(1) << exp)
           + (((uint64_t) (i % HIST_STEPS) * 2 + 1) << (exp - HIST_BITS)) / 2;
}


/* values are ns */

double
hist_us(const hist_t *h, double quantile)
{
    uint64_t  want, sum, value;
    unsigned  i;

    if (h->n == 0) {
        return 0;
    }

    want = quantile * h->n;
    sum = 0;

    for (i = 0; i < HIST_N; i++) {
        sum += h->bucket[i];

        if (sum > want) {
            value = hist_value(i);
            return (value > h->max ? h->max : value) / 1e3;
        }
    }

    return h->max / 1e3;
}


void
tally_reset(void)
{
    memset(&tally, 0, sizeof(tally_t));
}


static int
hex(const uint8_t *p, int digits, uint64_t *value)
{
    uint64_t  v;

    for (v = 0; digits; digits--, p++) {
        if (*p >= '0' && *p <= '9') {
            v = v << 4 | (*p - '0');

        } else if (*p >= 'a' && *p <= 'f') {
            v = v << 4 | (*p - 'a' + 10);

        } else {
            return 0;
        }
    }

    *value = v;

    return 1;
}


/* the first time that this one has come? */

static int
account_unique(track_t *t, uint32_t seq)
{
    uint32_t  ahead, behind;

    if (seq >= t->next) {
        ahead = seq - t->next + 1;
        t->window = (ahead >= 64) ? 1 : (t->window << ahead | 1);
        t->next = seq + 1;
        return 1;
    }

    behind = t->next - 1 - seq;

    if (behind >= 64 || (t->window >> behind & 1)) {
        tally.dup++;
        return 0;
    }

    t->window |= UINT64_C(1) << behind;
    tally.ooo++;

    return 1;
}


static void
account_delivery(conn_t *c, const uint8_t *mark, uint64_t now)
{
    uint64_t  id, publisher, seq, room, sent;

    if (!hex(mark + 3, 4, &id)
        || !hex(mark + 7, 2, &publisher)
        || !hex(mark + 9, 8, &seq)
        || !hex(mark + 17, 6, &room)
        || !hex(mark + 23, 16, &sent))
    {
        life.err_proto++;
        return;
    }

    if (c->kind != SUBSCRIBER) {
        tally.echo++;
        return;
    }

    if (id != run_id || room != c->room
        || publisher >= (uint64_t) opt.publishers)
    {
        tally.foreign++;
        return;
    }

    tally.received++;

    if (!account_unique(&c->tracks[publisher], seq)) {
        return;
    }

    tally.unique++;
    tally.last = now;
    c->got++;

    if (c->got > (uint32_t) opt.history) {
        hist_add(&tally.latency, now - sent);

    } else if (c->got == (uint32_t) opt.history) {
        hist_add(&tally.replay, now - c->since);
        tally.replayed++;
    }
}


void
account_scan(conn_t *c, const uint8_t *p, size_t n, uint64_t now)
{
    const uint8_t  *mark, *end;

    end = p + n;

    for ( ;; ) {
        mark = memmem(p, end - p, MARK, sizeof(MARK) - 1);

        if (mark == NULL || end - mark < MARK_LEN) {
            return;
        }

        p = mark + sizeof(MARK) - 1;

        if (mark[MARK_LEN - 1] == '~') {
            account_delivery(c, mark, now);
            p = mark + MARK_LEN;
        }
    }
}
