
/*
 * Copyright (C) the ngx_chat_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_broker.h"
#include "ngx_chat_bus.h"
#include "ngx_chat_redis.h"
#include "ngx_chat_test.h"


static ngx_int_t ngx_chat_broker_local_publish(ngx_chat_zone_t *z,
    ngx_chat_publish_t *p, ngx_chat_wait_t *w);
static ngx_int_t ngx_chat_broker_local_ready(ngx_chat_zone_t *z);


const ngx_chat_broker_t  ngx_chat_broker_local = {
    ngx_string("local"),
    ngx_chat_broker_local_publish,
    ngx_chat_broker_local_ready,
    NULL,
    NULL,
    NULL,
    NULL,
    NULL,
    NULL,
    NULL,
    NULL,
    NULL,
    NULL
};


static ngx_int_t
ngx_chat_broker_local_publish(ngx_chat_zone_t *z, ngx_chat_publish_t *p,
    ngx_chat_wait_t *w)
{
    ngx_int_t   rc;
    ngx_uint_t  seat;

    seat = ngx_chat_bus_seat();

    if (seat == NGX_CHAT_NO_SEAT) {
        return NGX_AGAIN;
    }

    rc = ngx_chat_log_publish(z, seat, p);

    if (rc != NGX_OK) {

        if (rc == NGX_BUSY) {
            ngx_chat_metric_add(z, seat, NGX_CHAT_M_FULL, 1);
        }

        if (p->ended) {
            ngx_chat_bus_changed();
            ngx_chat_bus_wake(&p->wake);
        }

        return rc;
    }

    if (p->duplicate) {
        ngx_chat_metric_add(z, seat, NGX_CHAT_M_DUPLICATES, 1);
        return NGX_OK;
    }

    ngx_chat_test_point("publish:unwoken");

    /* the counter first: a tick that misses the wake-up sees it */
    ngx_chat_bus_changed();
    ngx_chat_bus_wake(&p->wake);

    ngx_chat_hub_published(z, p->idx);
    ngx_chat_metric_add(z, seat, NGX_CHAT_M_MESSAGES, 1);

    return NGX_OK;
}


static ngx_int_t
ngx_chat_broker_local_ready(ngx_chat_zone_t *z)
{
    if (ngx_chat_bus_seat() == NGX_CHAT_NO_SEAT || ngx_chat_zone_moved(z)) {
        return NGX_DECLINED;
    }

    return NGX_OK;
}


const ngx_chat_broker_t *
ngx_chat_broker(ngx_chat_zone_t *z)
{
    return (z->remote != NULL) ? &ngx_chat_broker_redis
                               : &ngx_chat_broker_local;
}


void
ngx_chat_broker_changed(ngx_chat_zone_t *z)
{
    const ngx_chat_broker_t  *broker;

    broker = ngx_chat_broker(z);

    if (broker->changed == NULL) {
        return;
    }

    /* a worker that tells them hears of it by its look */

    ngx_chat_bus_changed();
    ngx_chat_bus_wake_others();

    broker->changed(z);
}


ngx_chat_wait_t *
ngx_chat_wait_create(void (*handler)(ngx_chat_wait_t *w), void *data,
    ngx_log_t *log)
{
    ngx_chat_wait_t  *w;

    w = ngx_calloc(sizeof(ngx_chat_wait_t), log);

    if (w != NULL) {
        w->handler = handler;
        w->data = data;
    }

    return w;
}


void
ngx_chat_wait_free(ngx_chat_wait_t *w)
{
    if (w == NULL) {
        return;
    }

    if (w->queued) {
        ngx_queue_remove(&w->queue);
    }

    if (w->ref != NULL) {
        *w->ref = NULL;
    }

    if (w->records != NULL) {
        ngx_free(w->records);
    }

    ngx_free(w);
}
