
/*
 * Copyright (C) the ngx_chat_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include "ngx_chat_ask.h"


typedef struct {
    ngx_queue_t            queue;
    ngx_chat_ask_conf_t   *conf;
    ngx_chat_wait_t       *wait;         /* NULL: nobody waits any more */
    ngx_chat_fetch_t      *fetch;        /* NULL: it waits for its turn */
    ngx_log_t             *log;
    ngx_msec_t             begun;
    ngx_str_t              body;         /* in this block */
} ngx_chat_ask_t;


static ngx_int_t ngx_chat_ask_fetch(ngx_chat_ask_t *a, ngx_msec_t timeout);
static void ngx_chat_ask_answered(void *data, ngx_chat_fetch_answer_t *answer);
static ngx_chat_err_e ngx_chat_ask_code(ngx_chat_fetch_answer_t *answer);
static void ngx_chat_ask_log(ngx_chat_ask_t *a, ngx_chat_err_e code,
    ngx_chat_fetch_answer_t *answer);
static void ngx_chat_ask_done(ngx_chat_wait_t *w, ngx_chat_err_e code);
static void ngx_chat_ask_next(void);
static void ngx_chat_ask_free(ngx_chat_ask_t *a);


static ngx_queue_t  ngx_chat_ask_running;    /* prev NULL: never used */
static ngx_queue_t  ngx_chat_ask_pending;
static ngx_uint_t   ngx_chat_ask_nrunning;
static ngx_uint_t   ngx_chat_ask_npending;
static size_t       ngx_chat_ask_bytes;      /* of all of them */
static ngx_uint_t   ngx_chat_ask_failing;    /* that was logged */


ngx_int_t
ngx_chat_ask(ngx_chat_ask_conf_t *conf, ngx_str_t *body, ngx_chat_wait_t *w,
    ngx_log_t *log)
{
    ngx_chat_ask_t  *a;

    if (ngx_chat_ask_running.prev == NULL) {
        ngx_queue_init(&ngx_chat_ask_running);
        ngx_queue_init(&ngx_chat_ask_pending);
    }

    if (ngx_chat_ask_npending == NGX_CHAT_ASK_PENDING
        || ngx_chat_ask_bytes + body->len > NGX_CHAT_ASK_BYTES)
    {
        return NGX_ERROR;
    }

    a = ngx_calloc(sizeof(ngx_chat_ask_t) + body->len, log);
    if (a == NULL) {
        return NGX_ERROR;
    }

    a->conf = conf;
    a->log = log;
    a->begun = ngx_current_msec;
    a->body.len = body->len;
    a->body.data = (u_char *) a + sizeof(ngx_chat_ask_t);

    ngx_memcpy(a->body.data, body->data, body->len);

    if (ngx_chat_ask_nrunning < NGX_CHAT_ASK_MAX) {

        if (ngx_chat_ask_fetch(a, conf->timeout) != NGX_OK) {
            ngx_free(a);
            return NGX_ERROR;
        }

    } else {
        ngx_queue_insert_tail(&ngx_chat_ask_pending, &a->queue);
        ngx_chat_ask_npending++;
    }

    ngx_chat_ask_bytes += body->len;

    a->wait = w;
    w->ref = &a->wait;

    return NGX_OK;
}


static ngx_int_t
ngx_chat_ask_fetch(ngx_chat_ask_t *a, ngx_msec_t timeout)
{
    ngx_chat_fetch_request_t  rq;

    ngx_memzero(&rq, sizeof(ngx_chat_fetch_request_t));

    rq.url = &a->conf->url;
    rq.body = a->body;
    rq.max = a->conf->max;
    rq.timeout = timeout;
    rq.handler = ngx_chat_ask_answered;
    rq.data = a;
    rq.post = 1;

    a->fetch = ngx_chat_fetch_start(&rq, a->log);

    if (a->fetch == NULL) {
        return NGX_ERROR;
    }

    ngx_queue_insert_tail(&ngx_chat_ask_running, &a->queue);
    ngx_chat_ask_nrunning++;

    return NGX_OK;
}


static void
ngx_chat_ask_answered(void *data, ngx_chat_fetch_answer_t *answer)
{
    ngx_chat_ask_t *a = data;

    ngx_chat_err_e    code;
    ngx_chat_wait_t  *w;

    a->fetch = NULL;
    w = a->wait;

    code = ngx_chat_ask_code(answer);

    ngx_chat_ask_log(a, code, answer);

    if (w != NULL && answer->status == 200 && answer->body.len > 0) {

        w->records = ngx_alloc(answer->body.len, a->log);

        if (w->records == NULL) {
            code = NGX_CHAT_E_UNAVAILABLE;

        } else {
            w->size = answer->body.len;
            ngx_memcpy(w->records, answer->body.data, answer->body.len);
        }
    }

    ngx_chat_ask_nrunning--;
    ngx_chat_ask_free(a);

    ngx_chat_ask_done(w, code);
    ngx_chat_ask_next();
}


/* what is no clear answer lets nothing through */

static ngx_chat_err_e
ngx_chat_ask_code(ngx_chat_fetch_answer_t *answer)
{
    if (answer->why != NULL) {
        return NGX_CHAT_E_UNAVAILABLE;
    }

    switch (answer->status) {

    case 401:
        return NGX_CHAT_E_UNAUTHORIZED;

    case 403:
    case 404:
        return NGX_CHAT_E_FORBIDDEN;

    default:
        return (answer->status >= 200 && answer->status < 300)
               ? NGX_CHAT_OK : NGX_CHAT_E_UNAVAILABLE;
    }
}


/* one line for an outage, not one for each command */

static void
ngx_chat_ask_log(ngx_chat_ask_t *a, ngx_chat_err_e code,
    ngx_chat_fetch_answer_t *answer)
{
    if (code != NGX_CHAT_E_UNAVAILABLE) {
        ngx_chat_ask_failing = 0;
        return;
    }

    if (ngx_chat_ask_failing || a->wait == NULL) {
        return;
    }

    ngx_chat_ask_failing = 1;

    ngx_log_error(NGX_LOG_ERR, a->log, answer->err,
                  "chat messages are refused, \"chat_auth_publish\" can't be "
                  "asked: %s %ui",
                  (answer->why != NULL) ? answer->why : "the answer is",
                  answer->status);
}


static void
ngx_chat_ask_done(ngx_chat_wait_t *w, ngx_chat_err_e code)
{
    if (w != NULL) {
        w->asked = 1;
        w->code = code;
        w->handler(w);
    }
}


static void
ngx_chat_ask_next(void)
{
    ngx_queue_t      *q;
    ngx_msec_t        age;
    ngx_chat_ask_t   *a;
    ngx_chat_wait_t  *w;

    while (ngx_chat_ask_nrunning < NGX_CHAT_ASK_MAX
           && !ngx_queue_empty(&ngx_chat_ask_pending))
    {
        q = ngx_queue_head(&ngx_chat_ask_pending);
        a = ngx_queue_data(q, ngx_chat_ask_t, queue);

        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): not in the queue */
        w = a->wait;

        ngx_queue_remove(q);
        ngx_chat_ask_npending--;

        /* whose session has gone may have lost its configuration, too */

        if (w != NULL) {
            age = ngx_current_msec - a->begun;

            if (age < a->conf->timeout
                && ngx_chat_ask_fetch(a, a->conf->timeout - age) == NGX_OK)
            {
                continue;
            }
        }

        ngx_queue_init(&a->queue);
        ngx_chat_ask_free(a);

        ngx_chat_ask_done(w, NGX_CHAT_E_UNAVAILABLE);
    }
}


static void
ngx_chat_ask_free(ngx_chat_ask_t *a)
{
    ngx_queue_remove(&a->queue);

    if (a->wait != NULL) {
        a->wait->ref = NULL;
    }

    ngx_chat_ask_bytes -= a->body.len;
    ngx_free(a);
}


void
ngx_chat_ask_exit(void)
{
    ngx_uint_t       i;
    ngx_queue_t     *q;
    ngx_chat_ask_t  *a;

    ngx_queue_t  *queues[] = { &ngx_chat_ask_running, &ngx_chat_ask_pending };

    for (i = 0; ngx_chat_ask_running.prev != NULL && i < 2; i++) {

        while (!ngx_queue_empty(queues[i])) {
            q = ngx_queue_head(queues[i]);
            a = ngx_queue_data(q, ngx_chat_ask_t, queue);

            ngx_chat_fetch_cancel(a->fetch);
            /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): not in the queue */
            ngx_chat_ask_free(a);
        }
    }

    ngx_chat_ask_nrunning = 0;
    ngx_chat_ask_npending = 0;
}
