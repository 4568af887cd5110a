
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * chat_limit: what a command takes from which buckets, and what becomes of a
 * session that doesn't stop to ask for more.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_dispatch.h"
#include "ngx_chat_worker.h"


/*
 * A refusal counts 200 ms: 50 at once, or more than 5 a second for long, and
 * the session ends.  Who waits as long as it is told to is refused once.
 */

#define NGX_CHAT_FLOOD_STEP     200
#define NGX_CHAT_FLOOD_MAX      10000
#define NGX_CHAT_FLOOD_RETRY    30000


/* slow mode: its interval is set when it is used */

ngx_chat_rate_rule_t  ngx_chat_slow_rule = {
    NGX_CHAT_RATE_MESSAGE,
    NGX_CHAT_RATE_USER,
    1,
    0,
    ngx_string("slow mode"),
    1
};


static ngx_uint_t ngx_chat_rate_subject(ngx_chat_caller_t *c,
    ngx_chat_rate_key_e key, ngx_str_t *room, ngx_str_t *subject);


void
ngx_chat_dispatch_rates(ngx_chat_caller_t *c, ngx_chat_rate_what_e what,
    ngx_str_t *room, ngx_chat_rates_t *r)
{
    ngx_str_t               subject;
    ngx_uint_t              i;
    ngx_chat_rate_rule_t   *rule;

    r->n = 0;
    r->wait = 0;
    r->rule = NULL;
    r->cost = 1;
    r->dry = c->conf->limits_dry ? 1 : 0;

    if (c->conf->limits == NULL) {
        return;
    }

    rule = c->conf->limits->elts;

    for (i = 0; i < c->conf->limits->nelts && r->n < NGX_CHAT_RATES; i++) {

        if (rule[i].what != what
            || !ngx_chat_rate_subject(c, rule[i].key, room, &subject))
        {
            continue;
        }

        r->bucket[r->n].rule = &rule[i];
        r->bucket[r->n].key = ngx_chat_rate_key(c->conf->zone, &rule[i],
                                                &subject);
        r->n++;
    }
}


/* 0: there is nobody to be limited by that */

static ngx_uint_t
ngx_chat_rate_subject(ngx_chat_caller_t *c, ngx_chat_rate_key_e key,
    ngx_str_t *room, ngx_str_t *subject)
{
    switch (key) {

    case NGX_CHAT_RATE_IP:
        subject->data = c->user->addr;
        subject->len = c->user->addr_len;
        break;

    case NGX_CHAT_RATE_ROOM:

        if (room == NULL) {
            return 0;
        }

        *subject = *room;
        break;

    case NGX_CHAT_RATE_SESSION:

        if (c->session != NULL) {
            subject->data = c->session->id;
            subject->len = NGX_CHAT_SESSION_ID_LEN;
            break;
        }

        /* fall through */

    default:
        *subject = c->user->id;
    }

    return subject->len > 0;
}


/*
 * A bucket of one message each slow_ms.  It is taken with the limits, so that a
 * message that comes again takes nothing.
 */

void
ngx_chat_dispatch_slow(ngx_chat_caller_t *c, ngx_str_t *room,
    ngx_chat_rates_t *r)
{
    u_char      subject[NGX_CHAT_USER_MAX + 1 + NGX_CHAT_ROOM_MAX], *p;
    ngx_str_t   str;

    if (c->slow_ms == 0) {
        return;
    }

    p = ngx_cpymem(subject, c->user->id.data,
                   ngx_min(c->user->id.len, NGX_CHAT_USER_MAX));
    *p++ = ' ';
    p = ngx_cpymem(p, room->data, ngx_min(room->len, NGX_CHAT_ROOM_MAX));

    str.data = subject;
    str.len = (size_t) (p - subject);

    ngx_chat_slow_rule.interval = (uint64_t) c->slow_ms * 1000;

    r->bucket[r->n].rule = &ngx_chat_slow_rule;
    r->bucket[r->n].key = ngx_chat_rate_key(c->conf->zone,
                                            &ngx_chat_slow_rule, &str);
    r->n++;
}


ngx_chat_err_e
ngx_chat_dispatch_charge_slow(ngx_chat_caller_t *c, ngx_str_t *room)
{
    ngx_chat_rates_t  r;

    if (c->slow_ms == 0) {
        return NGX_CHAT_OK;
    }

    ngx_memzero(&r, sizeof(ngx_chat_rates_t));

    r.cost = 1;
    ngx_chat_dispatch_slow(c, room, &r);

    if (ngx_chat_rate_take(c->conf->zone, &r, ngx_chat_worker_now())
        == NGX_OK)
    {
        return NGX_CHAT_OK;
    }

    c->retry_after_ms = r.wait;

    return NGX_CHAT_E_SLOW_MODE;
}


ngx_chat_err_e
ngx_chat_dispatch_charge(ngx_chat_caller_t *c, ngx_chat_rate_what_e what,
    ngx_str_t *room, uint64_t cost)
{
    ngx_int_t         rc;
    ngx_chat_rates_t  r;

    ngx_chat_dispatch_rates(c, what, room, &r);

    if (r.n == 0) {
        return NGX_CHAT_OK;
    }

    r.cost = cost;

    rc = ngx_chat_rate_take(c->conf->zone, &r, ngx_chat_worker_now());

    if (r.wait > 0) {
        ngx_chat_dispatch_limited(c, &r);
    }

    return (rc == NGX_OK) ? NGX_CHAT_OK : NGX_CHAT_E_RATE_LIMITED;
}


void
ngx_chat_dispatch_limited(ngx_chat_caller_t *c, ngx_chat_rates_t *r)
{
    ngx_uint_t           level, dry;
    ngx_chat_session_t  *s;

    s = c->session;

    if (r->rule == &ngx_chat_slow_rule) {
        c->retry_after_ms = r->wait;
        return;
    }

    ngx_chat_worker_metric(c->conf->zone, NGX_CHAT_M_RATE_LIMITED, 1);

    dry = r->dry && !r->rule->firm;

    /* once of each connection: who floods must not flood the log, too */

    level = (s != NULL && !s->limited) ? NGX_LOG_WARN : NGX_LOG_INFO;

    ngx_log_error(level, (s != NULL) ? s->log : ngx_cycle->log, 0,
                  "chat client is limited%s, \"chat_limit %V\" is reached",
                  dry ? " (dry run)" : "", &r->rule->line);

    if (s != NULL) {
        s->limited = 1;
    }

    if (!dry) {
        c->retry_after_ms = r->wait;
    }
}


void
ngx_chat_dispatch_flood(ngx_chat_session_t *s)
{
    uint64_t  now;

    now = (uint64_t) ngx_current_msec;

    s->flood = ngx_max(s->flood, now) + NGX_CHAT_FLOOD_STEP;

    if (s->flood <= now + NGX_CHAT_FLOOD_MAX || s->closing) {
        return;
    }

    ngx_log_error(NGX_LOG_WARN, s->log, 0,
                  "chat client is closed, it went on after it was limited");

    ngx_chat_session_close(s, NGX_CHAT_CLOSE_FLOOD, "flooding",
                           NGX_CHAT_FLOOD_RETRY);
}
