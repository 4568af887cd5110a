
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Sets of keys that are fetched.  Each worker fetches for itself: the source is
 * a server of this nginx, whose cache is shared, and so nothing of it is in
 * shared memory that a death could leave half written.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include "ngx_chat_keys.h"


#define NGX_CHAT_KEYS_TIMEOUT  5000       /* ms, of a fetch */
#define NGX_CHAT_KEYS_AGAIN    10         /* s, after one that failed */
#define NGX_CHAT_KEYS_FIRST    1          /* s, as long as there is no set */
#define NGX_CHAT_KEYS_UNKNOWN  10         /* s, between two for a "kid" */


static void ngx_chat_keys_timer_handler(ngx_event_t *ev);
static void ngx_chat_keys_fetch(ngx_chat_keys_file_t *f);
static void ngx_chat_keys_fetched(void *data, ngx_chat_fetch_answer_t *a);
static void ngx_chat_keys_take(ngx_chat_keys_file_t *f,
    ngx_chat_fetch_answer_t *a, const char **why);
static void ngx_chat_keys_wake(ngx_chat_keys_file_t *f);
static void ngx_chat_keys_later(ngx_chat_keys_file_t *f, ngx_uint_t failed);


void
ngx_chat_keys_start(ngx_chat_keys_file_t *f, ngx_log_t *log)
{
    f->log = log;

    ngx_queue_init(&f->waiting);

    f->timer.handler = ngx_chat_keys_timer_handler;
    f->timer.data = f;
    f->timer.log = log;
    f->timer.cancelable = 1;

    /* not before the event loop runs: the source may be in this worker */

    ngx_add_timer(&f->timer, 1);
}


static void
ngx_chat_keys_timer_handler(ngx_event_t *ev)
{
    ngx_chat_keys_fetch(ev->data);
}


static void
ngx_chat_keys_fetch(ngx_chat_keys_file_t *f)
{
    ngx_chat_fetch_request_t  rq;

    if (f->fetch != NULL) {
        return;
    }

    ngx_memzero(&rq, sizeof(ngx_chat_fetch_request_t));

    rq.url = f->url;
    rq.max = NGX_CHAT_JWT_FILE_MAX;
    rq.timeout = NGX_CHAT_KEYS_TIMEOUT;
    rq.handler = ngx_chat_keys_fetched;
    rq.data = f;
    rq.background = 1;

    f->begun = ngx_current_msec;
    f->fetch = ngx_chat_fetch_start(&rq, f->log);

    if (f->fetch == NULL) {
        ngx_chat_keys_later(f, 1);
    }
}


static void
ngx_chat_keys_fetched(void *data, ngx_chat_fetch_answer_t *a)
{
    ngx_chat_keys_file_t *f = data;

    const char  *why;

    f->fetch = NULL;
    why = a->why;

    if (why == NULL) {
        ngx_chat_keys_take(f, a, &why);
    }

    if (why == NULL) {
        f->failing = 0;

    } else if (!f->failing) {
        /* one line for an outage, not one for each attempt */
        f->failing = 1;

        ngx_log_error(NGX_LOG_ERR, f->log, a->err,
                      "the key set of chat tokens can't be had from \"%V\", "
                      "it stays as it was: %s", &f->name, why);
    }

    ngx_chat_keys_later(f, why != NULL);
    ngx_chat_keys_wake(f);
}


static void
ngx_chat_keys_take(ngx_chat_keys_file_t *f, ngx_chat_fetch_answer_t *a,
    const char **why)
{
    ngx_chat_jwt_keys_t  *keys;

    if (a->status != 200) {
        *why = (a->status == 404) ? "the answer is 404"
               : (a->status >= 500) ? "the answer is 5xx"
               : (a->status >= 400) ? "the answer is 4xx"
               : (a->status >= 300) ? "the answer is a redirect"
                                    : "the answer isn't 200";
        return;
    }

    if (f->keys != NULL && f->keys->text.len == a->body.len
        && ngx_memcmp(f->keys->text.data, a->body.data, a->body.len) == 0)
    {
        return;
    }

    keys = ngx_chat_jwt_keys_read(&a->body, f->algs, f->log, why);

    if (keys == NULL) {
        return;
    }

    *why = NULL;

    ngx_chat_keys_unload(f);
    f->keys = keys;

    ngx_log_error(NGX_LOG_NOTICE, f->log, 0,
                  "the key set of chat tokens was fetched from \"%V\", %ui "
                  "keys", &f->name, keys->n);
}


/* whoever comes to wait from now on waits for another one */

static void
ngx_chat_keys_wake(ngx_chat_keys_file_t *f)
{
    ngx_queue_t       woken, *q;
    ngx_chat_wait_t  *w;

    if (ngx_queue_empty(&f->waiting)) {
        return;
    }

    ngx_queue_init(&woken);
    ngx_queue_add(&woken, &f->waiting);
    ngx_queue_init(&f->waiting);

    while (!ngx_queue_empty(&woken)) {
        q = ngx_queue_head(&woken);
        w = ngx_queue_data(q, ngx_chat_wait_t, queue);

        ngx_queue_remove(q);
        w->queued = 0;

        w->handler(w);
    }
}


/* workers that began together drift apart */

static void
ngx_chat_keys_later(ngx_chat_keys_file_t *f, ngx_uint_t failed)
{
    ngx_msec_t  delay;

    if (failed) {
        delay = (f->keys != NULL) ? NGX_CHAT_KEYS_AGAIN : NGX_CHAT_KEYS_FIRST;
        delay = ngx_min(delay, (ngx_msec_t) f->every) * 1000;

    } else {
        delay = (ngx_msec_t) f->every * 1000;
    }

    delay -= (ngx_msec_t) ngx_random() % (delay / 8 + 1);

    ngx_add_timer(&f->timer, delay);
}


ngx_int_t
ngx_chat_keys_unknown(ngx_chat_keys_file_t *f)
{
    if (f->fetch != NULL) {
        return NGX_OK;
    }

    if (f->log == NULL
        || (f->keys == NULL
            && f->begun != 0
            && ngx_current_msec - f->begun < NGX_CHAT_KEYS_FIRST * 1000)
        || (f->keys != NULL && f->asked != 0
            && ngx_current_msec - f->asked < NGX_CHAT_KEYS_UNKNOWN * 1000))
    {
        return NGX_DECLINED;
    }

    if (f->keys != NULL) {
        f->asked = ngx_current_msec;
    }

    ngx_chat_keys_fetch(f);

    return (f->fetch != NULL) ? NGX_OK : NGX_DECLINED;
}


void
ngx_chat_auth_wait(ngx_chat_auth_t *auth, ngx_chat_wait_t *w)
{
    ngx_queue_insert_tail(&auth->fetching->waiting, &w->queue);
    w->queued = 1;

    ngx_chat_fetch_wanted(auth->fetching->fetch);
}


void
ngx_chat_keys_stop(ngx_chat_keys_file_t *f)
{
    if (f->log == NULL) {
        return;
    }

    /* who waits frees its own */

    ngx_chat_fetch_cancel(f->fetch);
    f->fetch = NULL;

    if (f->timer.timer_set) {
        ngx_del_timer(&f->timer);
    }
}
