
/*
 * Copyright (C) the ngx_chat_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_backlog.h"
#include "ngx_chat_worker.h"


/* a read of a transport, or all lines of a body */
#define NGX_CHAT_BACKLOG_MAX  (2 * 1024 * 1024)


struct ngx_chat_backlog_s {
    ngx_queue_t         items;           /* the first one waits */
    size_t              bytes;
    ngx_chat_wait_t    *wait;
    unsigned            running:1;       /* the first one */
};


static ngx_chat_backlog_item_t *ngx_chat_backlog_item(ngx_chat_session_t *s,
    ngx_str_t *text, ngx_uint_t kind);
static void ngx_chat_backlog_drop(ngx_chat_backlog_t *b,
    ngx_chat_backlog_item_t *item);
static void ngx_chat_backlog_run(ngx_chat_session_t *s,
    ngx_chat_wait_t *outcome);


void
ngx_chat_backlog_add(ngx_chat_session_t *s, ngx_str_t *text, ngx_uint_t kind,
    void (*run)(ngx_chat_session_t *s, ngx_chat_backlog_item_t *item,
    ngx_chat_wait_t *outcome))
{
    ngx_chat_backlog_item_t  *item;

    item = ngx_chat_backlog_item(s, text, kind);

    if (item == NULL) {
        ngx_chat_session_abort(s, NGX_CHAT_CLOSE_TRY_LATER);
        return;
    }

    item->run = run;
    ngx_queue_insert_tail(&s->backlog->items, &item->queue);
}


static ngx_chat_backlog_item_t *
ngx_chat_backlog_item(ngx_chat_session_t *s, ngx_str_t *text, ngx_uint_t kind)
{
    ngx_chat_backlog_item_t  *item;

    if (s->backlog->bytes + text->len > NGX_CHAT_BACKLOG_MAX) {
        return NULL;
    }

    item = ngx_alloc(sizeof(ngx_chat_backlog_item_t) + text->len, s->log);
    if (item == NULL) {
        return NULL;
    }

    item->text.len = text->len;
    item->text.data = (u_char *) item + sizeof(ngx_chat_backlog_item_t);
    item->skip = 0;
    item->kind = kind;

    if (text->len > 0) {
        ngx_memcpy(item->text.data, text->data, text->len);
    }

    s->backlog->bytes += text->len;

    return item;
}


void
ngx_chat_backlog_suspend(ngx_chat_session_t *s, ngx_str_t *text,
    ngx_uint_t skip, ngx_uint_t kind, ngx_chat_wait_t *w,
    void (*run)(ngx_chat_session_t *s, ngx_chat_backlog_item_t *item,
    ngx_chat_wait_t *outcome))
{
    ngx_chat_backlog_t       *b;
    ngx_chat_backlog_item_t  *item;

    b = s->backlog;

    if (b != NULL && b->running) {
        item = ngx_queue_data(ngx_queue_head(&b->items),
                              ngx_chat_backlog_item_t, queue);
        item->skip = skip;
        b->wait = w;
        return;
    }

    b = ngx_calloc(sizeof(ngx_chat_backlog_t), s->log);

    if (b == NULL) {
        ngx_chat_wait_free(w);
        ngx_chat_session_abort(s, NGX_CHAT_CLOSE_TRY_LATER);
        return;
    }

    ngx_queue_init(&b->items);
    b->wait = w;

    s->backlog = b;
    s->reader.held = 1;

    item = ngx_chat_backlog_item(s, text, kind);

    if (item == NULL) {
        ngx_chat_backlog_free(s);
        ngx_chat_session_abort(s, NGX_CHAT_CLOSE_TRY_LATER);
        return;
    }

    item->skip = skip;
    item->run = run;
    ngx_queue_insert_head(&b->items, &item->queue);
}


void
ngx_chat_backlog_handler(ngx_chat_wait_t *w)
{
    ngx_chat_session_t  *s;

    s = w->data;
    s->backlog->wait = NULL;

    ngx_chat_backlog_run(s, w);

    ngx_chat_wait_free(w);
}


/* nothing in here frees the session: what ends it is posted */

static void
ngx_chat_backlog_run(ngx_chat_session_t *s, ngx_chat_wait_t *outcome)
{
    ngx_chat_backlog_t       *b;
    ngx_chat_backlog_item_t  *item;

    b = s->backlog;

    while (!ngx_queue_empty(&b->items) && !s->dead) {
        item = ngx_queue_data(ngx_queue_head(&b->items),
                              ngx_chat_backlog_item_t, queue);

        b->running = 1;
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): not in the queue */
        item->run(s, item, outcome);
        b->running = 0;

        outcome = NULL;

        if (b->wait != NULL) {
            return;
        }

        ngx_chat_backlog_drop(b, item);
    }

    if (s->dead) {
        return;
    }

    ngx_chat_backlog_free(s);

    /* who was not listened to has not been silent */

    ngx_chat_session_alive(s);

    s->reader.behind = 1;
    ngx_chat_hub_post(&s->reader);

    if (!s->throttled) {
        s->transport->resume(s);
    }
}


static void
ngx_chat_backlog_drop(ngx_chat_backlog_t *b, ngx_chat_backlog_item_t *item)
{
    b->bytes -= item->text.len;
    ngx_queue_remove(&item->queue);
    ngx_free(item);
}


void
ngx_chat_backlog_free(ngx_chat_session_t *s)
{
    ngx_queue_t         *q;
    ngx_chat_backlog_t  *b;

    b = s->backlog;

    if (b == NULL) {
        return;
    }

    while (!ngx_queue_empty(&b->items)) {
        q = ngx_queue_head(&b->items);
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): not in the queue */
        ngx_chat_backlog_drop(b, ngx_queue_data(q, ngx_chat_backlog_item_t,
                                                queue));
    }

    ngx_chat_wait_free(b->wait);
    ngx_free(b);

    s->backlog = NULL;
    s->reader.held = 0;
}
