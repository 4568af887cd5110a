
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * The broker's table, and its life in a worker.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include "ngx_chat_bus.h"
#include "ngx_chat_redis_cluster.h"
#include "ngx_chat_redis_names.h"


static ngx_int_t ngx_chat_redis_ready(ngx_chat_zone_t *z);
static ngx_int_t ngx_chat_redis_start(ngx_chat_zone_t *z,
    ngx_cycle_t *cycle);
static ngx_int_t ngx_chat_redis_servers(ngx_chat_redis_t *redis,
    ngx_cycle_t *cycle);
static ngx_uint_t ngx_chat_redis_unserved(ngx_chat_zone_t *z);
static void ngx_chat_redis_named(void *data);
static void ngx_chat_redis_tick(ngx_chat_zone_t *z);
static void ngx_chat_redis_drain(ngx_chat_zone_t *z);
static void ngx_chat_redis_stop(ngx_chat_zone_t *z);


const ngx_chat_broker_t  ngx_chat_broker_redis = {
    ngx_string("redis"),
    ngx_chat_redis_publish,
    ngx_chat_redis_ready,
    ngx_chat_redis_unserved,
    ngx_chat_redis_prepare,
    ngx_chat_redis_wait,
    ngx_chat_redis_page,
    ngx_chat_redis_transient,
    ngx_chat_redis_table_changed,
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
        || ngx_chat_zone_moved(z))
    {
        return NGX_DECLINED;
    }

    if (redis->cluster != NULL) {
        /* a part of it that is down is its rooms' matter */
        return (ngx_chat_redis_cluster_unserved(redis->cluster)
                < NGX_CHAT_REDIS_SLOTS) ? NGX_OK : NGX_DECLINED;
    }

    return ngx_chat_redis_node_is_ready(redis->node[0]) ? NGX_OK
                                                        : NGX_DECLINED;
}


static ngx_uint_t
ngx_chat_redis_unserved(ngx_chat_zone_t *z)
{
    ngx_chat_redis_t  *redis;

    redis = ((ngx_chat_redis_conf_t *) z->remote)->redis;

    return (redis != NULL && redis->cluster != NULL)
           ? ngx_chat_redis_cluster_unserved(redis->cluster) : 0;
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

    if (ngx_chat_redis_table_start(redis, cycle) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_chat_redis_names_start(conf->server.names, redis->log,
                               ngx_chat_redis_named, redis);

    if (ngx_chat_redis_servers(redis, cycle) != NGX_OK) {
        return NGX_ERROR;
    }

    conf->redis = redis;

    return NGX_OK;
}


static ngx_int_t
ngx_chat_redis_servers(ngx_chat_redis_t *redis, ngx_cycle_t *cycle)
{
    ngx_chat_redis_node_t  *node;

    if (redis->conf->cluster) {
        return ngx_chat_redis_cluster_start(redis, cycle);
    }

    node = ngx_pcalloc(cycle->pool, sizeof(ngx_chat_redis_node_t));
    if (node == NULL) {
        return NGX_ERROR;
    }

    redis->node[0] = node;

    ngx_chat_redis_node_start(node, redis, &redis->conf->server);

    return NGX_OK;
}


/* names of the configuration have other addresses now */

static void
ngx_chat_redis_named(void *data)
{
    ngx_chat_redis_t *redis = data;

    if (redis->cluster != NULL) {
        /* a cluster says itself where it is; they are to begin with only */
        ngx_chat_redis_scout_addresses(redis->cluster);
        return;
    }

    ngx_chat_redis_conn_moved(&redis->node[0]->calls);
    ngx_chat_redis_conn_moved(&redis->node[0]->subscriptions);
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
        ngx_chat_redis_table_tick(redis);
    }
}


static void
ngx_chat_redis_drain(ngx_chat_zone_t *z)
{
    ngx_chat_redis_t  *redis;

    redis = ((ngx_chat_redis_conf_t *) z->remote)->redis;

    if (redis != NULL) {
        ngx_chat_redis_rooms_drain(redis);
        ngx_chat_redis_table_drain(redis);
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
    ngx_chat_redis_table_stop(redis);
    ngx_chat_redis_rooms_exit(redis);

    if (redis->cluster != NULL) {
        ngx_chat_redis_cluster_stop(redis->cluster);

    } else {
        ngx_chat_redis_node_stop(redis->node[0]);
    }

    ngx_chat_redis_op_exit(redis);
}
