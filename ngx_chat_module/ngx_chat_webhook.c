
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Which worker sends, when, and what becomes of an answer.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include "ngx_chat_bus.h"
#include "ngx_chat_proto.h"
#include "ngx_chat_test.h"
#include "ngx_chat_webhook.h"


#define NGX_CHAT_WEBHOOK_LOOK    100          /* ms, by who sends */
#define NGX_CHAT_WEBHOOK_READ    (256 * 1024) /* of records at a time */
#define NGX_CHAT_WEBHOOK_TEXT    (2 * 1024 * 1024)
#define NGX_CHAT_WEBHOOK_ANSWER  65536
#define NGX_CHAT_WEBHOOK_TURNS   16           /* batches without an event */
#define NGX_CHAT_WEBHOOK_FIRST   1000         /* ms until the second attempt */
#define NGX_CHAT_WEBHOOK_LAST    (5 * 60 * 1000)
#define NGX_CHAT_WEBHOOK_ASKED   3600         /* s; Retry-After, at most */


typedef struct {
    ngx_array_t       *zones;
    ngx_event_t        timer;
    u_char            *buf;
    ngx_chat_text_t    text;
    ngx_chat_text_t    head;
    ngx_log_t         *log;
    unsigned           draining:1;
} ngx_chat_webhook_worker_t;


static void ngx_chat_webhook_each(void (*call)(ngx_chat_webhook_t *h));
static void ngx_chat_webhook_claim(ngx_chat_webhook_t *h);
static void ngx_chat_webhook_release(ngx_chat_webhook_t *h);
static uint64_t ngx_chat_webhook_id(ngx_chat_webhook_t *h);
static void ngx_chat_webhook_begin(ngx_chat_webhook_t *h);
static void ngx_chat_webhook_end(ngx_chat_webhook_t *h);
static ngx_uint_t ngx_chat_webhook_holds(ngx_chat_webhook_t *h);
static void ngx_chat_webhook_timer_handler(ngx_event_t *ev);
static void ngx_chat_webhook_look(ngx_chat_webhook_t *h);
static ngx_int_t ngx_chat_webhook_next(ngx_chat_webhook_t *h);
static void ngx_chat_webhook_post(ngx_chat_webhook_t *h,
    ngx_chat_webhook_text_t *text, time_t now);
static void ngx_chat_webhook_answered(void *data, ngx_chat_fetch_answer_t *a);
static void ngx_chat_webhook_accepted(ngx_chat_webhook_t *h);
static void ngx_chat_webhook_refused(ngx_chat_webhook_t *h,
    ngx_chat_fetch_answer_t *a);
static ngx_msec_t ngx_chat_webhook_delay(ngx_chat_webhook_t *h,
    ngx_chat_fetch_answer_t *a);
static void ngx_chat_webhook_lost(ngx_chat_webhook_t *h, uint64_t n,
    const char *why);
static uint64_t ngx_chat_webhook_now(void);


static ngx_chat_webhook_worker_t  ngx_chat_webhook_worker;


void
ngx_chat_webhook_init(ngx_array_t *zones, ngx_log_t *log)
{
    ngx_chat_webhook_worker_t  *w;

    w = &ngx_chat_webhook_worker;

    ngx_memzero(w, sizeof(ngx_chat_webhook_worker_t));

    w->zones = zones;
    w->log = log;

    w->timer.handler = ngx_chat_webhook_timer_handler;
    w->timer.data = ngx_chat_bus_connection();
    w->timer.log = log;
    w->timer.cancelable = 1;

    ngx_chat_text_init(&w->text, NGX_CHAT_WEBHOOK_TEXT, log);
    ngx_chat_text_init(&w->head, 4096, log);

    ngx_chat_webhook_each(ngx_chat_webhook_begin);
    ngx_chat_webhook_each(ngx_chat_webhook_claim);
}


void
ngx_chat_webhook_want(ngx_chat_zone_t *z)
{
    ngx_chat_webhooks_t  *list;

    list = z->webhooks;

    if (list != NULL) {
        ngx_chat_hook_start(z, list->mask, (uint32_t) list->grace);
    }
}


static uint64_t
ngx_chat_webhook_id(ngx_chat_webhook_t *h)
{
    return ngx_chat_hash64(0, h->url.url.data, h->url.url.len) | 1;
}


static void
ngx_chat_webhook_begin(ngx_chat_webhook_t *h)
{
    uint64_t              ids[NGX_CHAT_WEBHOOKS_MAX];
    ngx_uint_t            i;
    ngx_chat_webhook_t   *all;
    ngx_chat_webhooks_t  *list;

    list = h->zone->webhooks;
    all = list->list.elts;

    for (i = 0; i < list->list.nelts; i++) {
        ids[i] = ngx_chat_webhook_id(&all[i]);
    }

    h->fetch = NULL;
    h->failing = 0;

    h->slot = ngx_chat_hook_slot(h->zone, ngx_chat_webhook_id(h), ids, i);

    if (h->slot == NGX_ERROR) {
        ngx_log_error(NGX_LOG_ERR, ngx_chat_webhook_worker.log, 0,
                      "chat webhook \"%V\" can't be used, other "
                      "configurations' are still at work: reload again",
                      &h->url.url);
    }
}


void
ngx_chat_webhook_exit(void)
{
    ngx_chat_webhook_worker_t  *w;

    w = &ngx_chat_webhook_worker;

    if (w->zones == NULL) {
        return;
    }

    ngx_chat_webhook_each(ngx_chat_webhook_end);

    if (w->timer.timer_set) {
        ngx_del_timer(&w->timer);
    }

    if (w->buf != NULL) {
        ngx_free(w->buf);
    }

    ngx_chat_text_free(&w->text);
    ngx_chat_text_free(&w->head);

    ngx_memzero(w, sizeof(ngx_chat_webhook_worker_t));
}


static void
ngx_chat_webhook_end(ngx_chat_webhook_t *h)
{
    ngx_chat_webhooks_t  *list;

    ngx_chat_fetch_cancel(h->fetch);
    h->fetch = NULL;

    ngx_chat_webhook_release(h);

    list = h->zone->webhooks;

    if (list->sessions != NULL) {
        ngx_free(list->sessions);
        list->sessions = NULL;
    }
}


static void
ngx_chat_webhook_each(void (*call)(ngx_chat_webhook_t *h))
{
    ngx_uint_t             i, k;
    ngx_chat_zone_t      **z;
    ngx_chat_webhook_t    *h;
    ngx_chat_webhooks_t   *list;

    z = ngx_chat_webhook_worker.zones->elts;

    for (i = 0; i < ngx_chat_webhook_worker.zones->nelts; i++) {

        list = z[i]->webhooks;

        if (list == NULL) {
            continue;
        }

        h = list->list.elts;

        for (k = 0; k < list->list.nelts; k++) {
            call(&h[k]);
        }
    }
}


void
ngx_chat_webhook_tick(void)
{
    ngx_uint_t                  i;
    ngx_chat_zone_t           **z;
    ngx_chat_webhook_worker_t  *w;

    w = &ngx_chat_webhook_worker;

    if (w->zones == NULL) {
        return;
    }

    z = w->zones->elts;

    for (i = 0; i < w->zones->nelts; i++) {
        if (z[i]->webhooks != NULL) {
            ngx_chat_hook_run(z[i], (uint64_t) ngx_current_msec);
        }
    }

    if (!w->draining) {
        ngx_chat_webhook_each(ngx_chat_webhook_claim);
    }
}


/* a worker that quits sends what it is sending, and leaves the rest */

void
ngx_chat_webhook_drain(void)
{
    if (ngx_chat_webhook_worker.zones == NULL) {
        return;
    }

    ngx_chat_webhook_worker.draining = 1;

    ngx_chat_webhook_each(ngx_chat_webhook_release);
}


static void
ngx_chat_webhook_claim(ngx_chat_webhook_t *h)
{
    uint64_t                    self, holder;
    ngx_chat_webhook_worker_t  *w;

    w = &ngx_chat_webhook_worker;
    self = ngx_chat_bus_self();

    if (h->slot == NGX_ERROR || self == 0) {
        return;
    }

    holder = ngx_chat_hook_holder(h->zone, h->slot);

    if (holder != self
        && (ngx_chat_zone_moved(h->zone)
            || (holder != 0 && ngx_chat_bus_holder_alive(holder))
            || !ngx_chat_hook_hold(h->zone, h->slot, holder, self)))
    {
        return;
    }

    if (!w->timer.timer_set) {
        ngx_add_timer(&w->timer, NGX_CHAT_WEBHOOK_LOOK);
    }
}


static void
ngx_chat_webhook_release(ngx_chat_webhook_t *h)
{
    if (h->fetch == NULL && ngx_chat_webhook_holds(h)) {
        (void) ngx_chat_hook_hold(h->zone, h->slot, ngx_chat_bus_self(), 0);
    }
}


static ngx_uint_t
ngx_chat_webhook_holds(ngx_chat_webhook_t *h)
{
    return h->slot != NGX_ERROR && ngx_chat_bus_self() != 0
           && ngx_chat_hook_holder(h->zone, h->slot) == ngx_chat_bus_self();
}


static void
ngx_chat_webhook_timer_handler(ngx_event_t *ev)
{
    ngx_chat_webhook_each(ngx_chat_webhook_look);
}


static void
ngx_chat_webhook_look(ngx_chat_webhook_t *h)
{
    ngx_uint_t                  i;
    ngx_chat_webhook_worker_t  *w;

    w = &ngx_chat_webhook_worker;

    if (!ngx_chat_webhook_holds(h) || w->draining) {
        return;
    }

    if (!w->timer.timer_set) {
        ngx_add_timer(&w->timer, NGX_CHAT_WEBHOOK_LOOK);
    }

    for (i = 0;
         i < NGX_CHAT_WEBHOOK_TURNS && h->fetch == NULL
         && ngx_chat_hook_due(h->zone, h->slot, (uint64_t) ngx_current_msec);
         i++)
    {
        if (ngx_chat_webhook_next(h) != NGX_OK) {
            return;
        }
    }
}


/* the next batch; NGX_DECLINED: not now */

static ngx_int_t
ngx_chat_webhook_next(ngx_chat_webhook_t *h)
{
    time_t                      now;
    ngx_chat_hook_batch_t       b;
    ngx_chat_webhook_text_t     text;
    ngx_chat_webhook_worker_t  *w;

    w = &ngx_chat_webhook_worker;

    if (w->buf == NULL) {
        w->buf = ngx_alloc(NGX_CHAT_WEBHOOK_READ, w->log);

        if (w->buf == NULL) {
            return NGX_DECLINED;
        }
    }

    ngx_memzero(&b, sizeof(ngx_chat_hook_batch_t));

    b.slot = (ngx_uint_t) h->slot;
    b.buf = w->buf;
    b.size = NGX_CHAT_WEBHOOK_READ;

    ngx_chat_hook_take(h->zone, &b);

    if (b.lost > 0) {
        ngx_chat_webhook_lost(h, b.lost, "the queue was full");
    }

    if (b.len == 0) {
        return NGX_OK;
    }

    now = ngx_time();

    ngx_chat_webhook_batch(h, &b, now, &w->text, &text);

    if (w->text.failed) {
        /* no memory: later */
        return NGX_DECLINED;
    }

    if (text.events == 0) {
        ngx_chat_hook_done(h->zone, h->slot, text.upto, text.seq, 0);
        return NGX_OK;
    }

    h->upto = text.upto;
    h->seq = text.seq;
    h->events = text.events;

    ngx_chat_hook_try(h->zone, h->slot, h->upto);
    ngx_chat_webhook_post(h, &text, now);

    return (h->fetch != NULL) ? NGX_OK : NGX_DECLINED;
}


static void
ngx_chat_webhook_post(ngx_chat_webhook_t *h, ngx_chat_webhook_text_t *text,
    time_t now)
{
    ngx_str_t                   whole;
    ngx_chat_text_t            *head;
    ngx_chat_fetch_request_t    rq;
    ngx_chat_webhook_worker_t  *w;

    w = &ngx_chat_webhook_worker;
    head = &w->head;

    ngx_chat_webhook_refresh(h, w->log);

    whole.data = text->id.data;
    whole.len = (size_t) (text->body.data + text->body.len - whole.data);

    ngx_chat_text_reset(head);
    ngx_chat_text_lit(head, "webhook-id: ");
    ngx_chat_text_str(head, &text->id);
    ngx_chat_text_lit(head, CRLF "webhook-timestamp: ");
    ngx_chat_text_num(head, (int64_t) now);
    ngx_chat_text_lit(head, CRLF "webhook-signature: ");

    if (ngx_chat_webhook_sign(h, &whole, head) != NGX_OK) {
        return;
    }

    ngx_chat_text_lit(head, CRLF);

    if (head->failed) {
        return;
    }

    ngx_memzero(&rq, sizeof(ngx_chat_fetch_request_t));

    rq.url = &h->url;
    rq.headers.data = head->start;
    rq.headers.len = ngx_chat_text_len(head);
    rq.body = text->body;
    rq.post = 1;
    rq.max = NGX_CHAT_WEBHOOK_ANSWER;
    rq.timeout = h->timeout;
    rq.handler = ngx_chat_webhook_answered;
    rq.data = h;

    h->fetch = ngx_chat_fetch_start(&rq, w->log);

    ngx_chat_test_point("webhook:sent");
}


static void
ngx_chat_webhook_answered(void *data, ngx_chat_fetch_answer_t *a)
{
    ngx_chat_webhook_t *h = data;

    h->fetch = NULL;

    ngx_chat_test_point("webhook:answered");

    if (!ngx_chat_webhook_holds(h)) {
        /* the seat was lost; another one sends it again */
        return;
    }

    /* what comes behind the status, or doesn't, is nothing to us */

    if (a->status >= 200 && a->status < 300) {
        ngx_chat_webhook_accepted(h);

    } else {
        ngx_chat_webhook_refused(h, a);
    }

    if (ngx_chat_webhook_worker.draining) {
        ngx_chat_webhook_release(h);
        return;
    }

    ngx_chat_webhook_look(h);
}


static void
ngx_chat_webhook_accepted(ngx_chat_webhook_t *h)
{
    ngx_chat_hook_done(h->zone, h->slot, h->upto, h->seq, h->events);

    if (h->failing) {
        h->failing = 0;
        ngx_log_error(NGX_LOG_NOTICE, ngx_chat_webhook_worker.log, 0,
                      "chat webhook \"%V\" is accepted again", &h->url.url);
    }
}


/* one line for an outage, not one for each attempt */

static void
ngx_chat_webhook_refused(ngx_chat_webhook_t *h, ngx_chat_fetch_answer_t *a)
{
    uint64_t     now, age, lost;
    const char  *why;

    now = ngx_chat_webhook_now();
    why = (a->why != NULL) ? a->why : "no 2xx";

    if (a->status == 410) {
        ngx_chat_hook_off(h->zone, h->slot);
        ngx_log_error(NGX_LOG_WARN, ngx_chat_webhook_worker.log, 0,
                      "chat webhook \"%V\" is gone (410), it is told nothing "
                      "until nginx is reloaded", &h->url.url);
        return;
    }

    if (!h->failing) {
        h->failing = 1;
        ngx_log_error(NGX_LOG_ERR, ngx_chat_webhook_worker.log, a->err,
                      "chat webhook \"%V\" is not accepted (%s, status %ui), "
                      "it is tried again for 24 hours", &h->url.url, why,
                      a->status);
    }

    ngx_chat_hook_failed(h->zone, h->slot,
                         (uint64_t) ngx_current_msec
                         + ngx_chat_webhook_delay(h, a));

    /* the wall clock may have been set, or not yet: it is the records' */

    age = (uint64_t) NGX_CHAT_WEBHOOK_GIVE_UP * 1000;
    lost = ngx_chat_hook_expire(h->zone, h->slot, now - ngx_min(now, age));

    if (lost > 0) {
        ngx_chat_webhook_lost(h, lost, "they are 24 hours old");
    }
}


/* 1 s, 2 s, 4 s, ... 5 minutes, of which a half is by chance; or what the
   receiver asks for, if that is longer */

static ngx_msec_t
ngx_chat_webhook_delay(ngx_chat_webhook_t *h, ngx_chat_fetch_answer_t *a)
{
    ngx_int_t   asked;
    ngx_str_t   value;
    ngx_uint_t  tries;
    ngx_msec_t  delay;

    tries = ngx_chat_hook_tries(h->zone, h->slot);

    delay = NGX_CHAT_WEBHOOK_FIRST << ngx_min(tries, 9);
    delay = ngx_min(delay, NGX_CHAT_WEBHOOK_LAST);
    delay = delay / 2 + (ngx_msec_t) ngx_random() % (delay / 2 + 1);

    if (a->why != NULL || (a->status != 429 && a->status != 503)
        || ngx_chat_fetch_header(a->parser, "retry-after", &value) != NGX_OK)
    {
        return delay;
    }

    asked = ngx_atoi(value.data, value.len);

    if (asked == NGX_ERROR) {
        asked = ngx_parse_http_time(value.data, value.len);
        asked = (asked == NGX_ERROR) ? 0 : asked - ngx_time();
    }

    asked = ngx_max(asked, 0);
    asked = ngx_min(asked, NGX_CHAT_WEBHOOK_ASKED);

    return ngx_max(delay, (ngx_msec_t) asked * 1000);
}


static void
ngx_chat_webhook_lost(ngx_chat_webhook_t *h, uint64_t n, const char *why)
{
    ngx_log_error(NGX_LOG_ERR, ngx_chat_webhook_worker.log, 0,
                  "chat webhook \"%V\" has lost %uL events, %s", &h->url.url,
                  n, why);
}


static uint64_t
ngx_chat_webhook_now(void)
{
    ngx_time_t  *tp;

    tp = ngx_timeofday();

    return (uint64_t) tp->sec * 1000 + tp->msec;
}
