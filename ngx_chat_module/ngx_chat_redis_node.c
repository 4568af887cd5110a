
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * A server, its two connections, and which server a room is on.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <hiredis/hiredis.h>
#include "ngx_chat_redis_cluster.h"
#include "ngx_chat_redis_io.h"


static void ngx_chat_redis_node_connection(ngx_chat_redis_node_t *node,
    ngx_chat_redis_conn_t *rc, const char *name);
static void ngx_chat_redis_node_calls_ready(void *data);
static void ngx_chat_redis_node_calls_down(void *data);
static void ngx_chat_redis_node_sub_down(void *data);
static ngx_int_t ngx_chat_redis_node_greet(ngx_chat_redis_conn_t *rc);
static void ngx_chat_redis_node_id(void *data, ngx_chat_redis_reply_t *reply);
static void ngx_chat_redis_node_sharded(void *data,
    ngx_chat_redis_reply_t *reply);


void
ngx_chat_redis_node_start(ngx_chat_redis_node_t *node,
    ngx_chat_redis_t *redis, ngx_chat_redis_server_t *server)
{
    node->redis = redis;

    node->calls.server = server;
    node->subscriptions.server = server;

    ngx_chat_redis_node_connection(node, &node->calls, "calls");
    node->calls.ready = ngx_chat_redis_node_calls_ready;
    node->calls.down = ngx_chat_redis_node_calls_down;

    ngx_chat_redis_node_connection(node, &node->subscriptions,
                                   "subscriptions");
    node->subscriptions.ready = ngx_chat_redis_sub_ready;
    node->subscriptions.down = ngx_chat_redis_node_sub_down;
    node->subscriptions.push = ngx_chat_redis_sub_push;

    ngx_chat_redis_conn_start(&node->calls);
    ngx_chat_redis_conn_start(&node->subscriptions);
}


static void
ngx_chat_redis_node_connection(ngx_chat_redis_node_t *node,
    ngx_chat_redis_conn_t *rc, const char *name)
{
    rc->name = name;
    rc->log = node->redis->log;
    rc->data = node;

    if (node->redis->cluster != NULL) {
        rc->greet = ngx_chat_redis_node_greet;
    }
}


void
ngx_chat_redis_node_stop(ngx_chat_redis_node_t *node)
{
    ngx_chat_redis_conn_stop(&node->calls);
    ngx_chat_redis_conn_stop(&node->subscriptions);
}


static void
ngx_chat_redis_node_calls_ready(void *data)
{
    ngx_chat_redis_node_t *node = data;

    ngx_chat_redis_op_resend(node->redis);
}


/* calls wait in their list */

static void
ngx_chat_redis_node_calls_down(void *data)
{
    ngx_chat_redis_node_t *node = data;

    ngx_chat_redis_cluster_refresh(node->redis);
}


static void
ngx_chat_redis_node_sub_down(void *data)
{
    ngx_chat_redis_node_t *node = data;

    ngx_chat_redis_sub_down(node);
    ngx_chat_redis_cluster_refresh(node->redis);
}


/*
 * Who it is, and whether it has SPUBLISH (Redis 7.0): without arguments that
 * is an error in any case, and which one it is needs no permission.
 */

static ngx_int_t
ngx_chat_redis_node_greet(ngx_chat_redis_conn_t *rc)
{
    size_t       lens[2];
    const char  *argv[2];

    argv[0] = "CLUSTER";
    lens[0] = 7;
    argv[1] = "MYID";
    lens[1] = 4;

    if (ngx_chat_redis_io_put(rc, 2, argv, lens, ngx_chat_redis_node_id, rc)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    argv[0] = "SPUBLISH";
    lens[0] = 8;

    return ngx_chat_redis_io_put(rc, 1, argv, lens,
                                 ngx_chat_redis_node_sharded, rc);
}


static void
ngx_chat_redis_node_id(void *data, ngx_chat_redis_reply_t *reply)
{
    ngx_chat_redis_conn_t *rc = data;

    u_char                 *p;
    ngx_chat_redis_node_t  *node;

    if (reply == NULL) {
        return;
    }

    node = rc->data;
    node->tag[0] = '\0';

    if (reply->type == REDIS_REPLY_ERROR) {
        ngx_chat_redis_conn_greeted(rc, reply);
        return;
    }

    if (reply->type != REDIS_REPLY_STRING || reply->len != NGX_CHAT_REDIS_ID
        || ngx_strlen(reply->str) != NGX_CHAT_REDIS_ID)
    {
        ngx_chat_redis_conn_lose(rc, "it doesn't say who it is");
        return;
    }

    p = ngx_cpymem(node->tag, reply->str, NGX_CHAT_REDIS_ID);
    *p++ = ' ';
    *p = '\0';
}


static void
ngx_chat_redis_node_sharded(void *data, ngx_chat_redis_reply_t *reply)
{
    ngx_chat_redis_conn_t *rc = data;

    ngx_chat_redis_node_t  *node;

    if (reply == NULL) {
        return;
    }

    node = rc->data;

    node->sharded = (reply->type == REDIS_REPLY_ERROR
                     && strstr(reply->str, "unknown command") == NULL);
}


ngx_uint_t
ngx_chat_redis_room_slot(ngx_chat_redis_t *redis, ngx_chat_room_key_t *key)
{
    /* its name has no braces, and all its keys have it in braces */

    return (redis->cluster != NULL)
           ? ngx_chat_redis_slot(key->name.data, key->name.len) : 0;
}


ngx_chat_redis_node_t *
ngx_chat_redis_route(ngx_chat_redis_t *redis, ngx_uint_t slot)
{
    return (redis->cluster != NULL)
           ? ngx_chat_redis_cluster_node(redis->cluster, slot)
           : redis->node[0];
}
