
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * The broker's table, and its life in a worker.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include "ngx_chat_bus.h"
#include "ngx_chat_redis_names.h"
#include "ngx_chat_redis_op.h"


static ngx_int_t ngx_chat_redis_ready(ngx_chat_zone_t *z);
static ngx_int_t ngx_chat_redis_start(ngx_chat_zone_t *z,
    ngx_cycle_t *cycle);
static void ngx_chat_redis_connection(ngx_chat_redis_t *redis,
    ngx_chat_redis_conn_t *rc, const char *name);
static void ngx_chat_redis_named(void *data);
static void ngx_chat_redis_calls_ready(void *data);
static void ngx_chat_redis_calls_down(void *data);
static void ngx_chat_redis_tick(ngx_chat_zone_t *z);
static void ngx_chat_redis_drain(ngx_chat_zone_t *z);
static void ngx_chat_redis_stop(ngx_chat_zone_t *z);


const ngx_chat_broker_t  ngx_chat_broker_redis = {
    ngx_string("redis"),
    ngx_chat_redis_publish,
    ngx_chat_redis_ready,
    ngx_chat_redis_prepare,
    ngx_chat_redis_wait,
    ngx_chat_redis_page,
    ngx_chat_redis_start,
    ngx_chat_redis_tick,
    ngx_chat_redis_drain,
    ngx_chat_redis_stop
};


static ngx_int_t
ngx_chat_redis_ready(ngx_chat_zone_t *z)
{
    ngx_chat_redis_t  *redis;

    redis = ((ngx_chat_redis_conf_t *) z->remote)->redis;

    if (redis == NULL || ngx_chat_bus_seat() == NGX_CHAT_NO_SEAT
        || ngx_chat_zone_moved(z)
        || !ngx_chat_redis_conn_is_ready(&redis->calls)
        || !ngx_chat_redis_conn_is_ready(&redis->subscriptions))
    {
        return NGX_DECLINED;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_chat_redis_start(ngx_chat_zone_t *z, ngx_cycle_t *cycle)
{
    ngx_chat_redis_t       *redis;
    ngx_chat_redis_conf_t  *conf;

    conf = z->remote;

    redis = ngx_pcalloc(cycle->pool, sizeof(ngx_chat_redis_t));
    if (redis == NULL) {
        return NGX_ERROR;
    }

    redis->conf = conf;
    redis->zone = z;
    redis->log = cycle->log;

    ngx_queue_init(&redis->ops);
    ngx_queue_init(&redis->rooms);
    ngx_rbtree_init(&redis->tree, &redis->sentinel,
                    ngx_str_rbtree_insert_value);

    ngx_chat_redis_connection(redis, &redis->calls, "calls");
    redis->calls.ready = ngx_chat_redis_calls_ready;
    redis->calls.down = ngx_chat_redis_calls_down;

    ngx_chat_redis_connection(redis, &redis->subscriptions, "subscriptions");
    redis->subscriptions.ready = ngx_chat_redis_sub_ready;
    redis->subscriptions.down = ngx_chat_redis_sub_down;
    redis->subscriptions.push = ngx_chat_redis_sub_push;

    ngx_chat_redis_names_start(conf->server.names, redis->log,
                               ngx_chat_redis_named, redis);

    ngx_chat_redis_conn_start(&redis->calls);
    ngx_chat_redis_conn_start(&redis->subscriptions);

    conf->redis = redis;

    return NGX_OK;
}


static void
ngx_chat_redis_connection(ngx_chat_redis_t *redis, ngx_chat_redis_conn_t *rc,
    const char *name)
{
    rc->server = &redis->conf->server;
    rc->name = name;
    rc->log = redis->log;
    rc->data = redis;
}


static void
ngx_chat_redis_named(void *data)
{
    ngx_chat_redis_t *redis = data;

    ngx_chat_redis_conn_moved(&redis->calls);
    ngx_chat_redis_conn_moved(&redis->subscriptions);
}


static void
ngx_chat_redis_calls_ready(void *data)
{
    ngx_chat_redis_op_resend(data);
}


/* calls wait in their list */

static void
ngx_chat_redis_calls_down(void *data)
{
    /* void */
}


static void
ngx_chat_redis_tick(ngx_chat_zone_t *z)
{
    ngx_chat_redis_t  *redis;

    redis = ((ngx_chat_redis_conf_t *) z->remote)->redis;

    if (redis != NULL) {
        /* an answer that isn't too old yet costs nothing */
        (void) ngx_chat_redis_names_ask(redis->conf->server.names);
        ngx_chat_redis_rooms_tick(redis);
    }
}


static void
ngx_chat_redis_drain(ngx_chat_zone_t *z)
{
    ngx_chat_redis_t  *redis;

    redis = ((ngx_chat_redis_conf_t *) z->remote)->redis;

    if (redis != NULL) {
        ngx_chat_redis_rooms_drain(redis);
    }
}


static void
ngx_chat_redis_stop(ngx_chat_zone_t *z)
{
    ngx_chat_redis_t       *redis;
    ngx_chat_redis_conf_t  *conf;

    conf = z->remote;
    redis = conf->redis;

    if (redis == NULL) {
        return;
    }

    conf->redis = NULL;

    ngx_chat_redis_names_stop(conf->server.names);
    ngx_chat_redis_rooms_exit(redis);
    ngx_chat_redis_conn_stop(&redis->calls);
    ngx_chat_redis_conn_stop(&redis->subscriptions);
    ngx_chat_redis_op_exit(redis);
}
