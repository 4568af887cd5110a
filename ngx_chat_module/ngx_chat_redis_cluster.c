
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * The map of slots, the primaries in it, and what contradicts it.
 *
 * A primary that is in no map any more goes with the next one; so does, after a
 * while, a server that only a redirection has named.  That happens in an answer
 * to the scout alone, so no connection is freed from inside its own handlers.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <hiredis/hiredis.h>
#include "ngx_chat_redis_cluster.h"


#define NGX_CHAT_REDIS_STRANGER  10000   /* ms without a slot or a call */
#define NGX_CHAT_REDIS_MOVES     256     /* of subscriptions, in a second */


static ngx_chat_redis_node_t *ngx_chat_redis_cluster_find(
    ngx_chat_redis_t *redis, ngx_chat_redis_address_t *addr, ngx_uint_t *idx);
static ngx_chat_redis_node_t *ngx_chat_redis_cluster_get(
    ngx_chat_redis_t *redis, ngx_chat_redis_address_t *addr, ngx_uint_t *idx);
static ngx_chat_redis_node_t *ngx_chat_redis_cluster_named(
    ngx_chat_redis_t *redis, ngx_chat_redis_address_t *addr, ngx_uint_t *idx);
static void ngx_chat_redis_cluster_server(ngx_chat_redis_node_t *node,
    ngx_chat_redis_address_t *addr);
static void ngx_chat_redis_cluster_map(ngx_chat_redis_cluster_t *cluster,
    ngx_chat_redis_reply_t *reply);
static void ngx_chat_redis_cluster_room(ngx_chat_redis_cluster_t *cluster,
    ngx_chat_redis_reply_t *reply);
static void ngx_chat_redis_cluster_drop(ngx_chat_redis_cluster_t *cluster,
    ngx_uint_t idx);
static void ngx_chat_redis_cluster_count(ngx_chat_redis_cluster_t *cluster);
static void ngx_chat_redis_cluster_tell(ngx_chat_redis_cluster_t *cluster);


ngx_int_t
ngx_chat_redis_cluster_start(ngx_chat_redis_t *redis, ngx_cycle_t *cycle)
{
    ngx_chat_redis_cluster_t  *cluster;

    cluster = ngx_pcalloc(cycle->pool, sizeof(ngx_chat_redis_cluster_t));
    if (cluster == NULL) {
        return NGX_ERROR;
    }

    cluster->redis = redis;
    cluster->holes = NGX_CHAT_REDIS_SLOTS;
    cluster->since = ngx_current_msec;

    redis->cluster = cluster;

    return ngx_chat_redis_scout_start(cluster, cycle);
}


void
ngx_chat_redis_cluster_stop(ngx_chat_redis_cluster_t *cluster)
{
    ngx_uint_t  i;

    ngx_chat_redis_scout_stop(cluster);

    for (i = 0; i < NGX_CHAT_REDIS_NODES; i++) {
        if (cluster->redis->node[i] != NULL) {
            ngx_chat_redis_cluster_drop(cluster, i);
        }
    }
}


ngx_chat_redis_node_t *
ngx_chat_redis_cluster_node(ngx_chat_redis_cluster_t *cluster,
    ngx_uint_t slot)
{
    ngx_uint_t  n;

    n = cluster->map[slot];

    return n ? cluster->redis->node[n - 1] : NULL;
}


static ngx_chat_redis_node_t *
ngx_chat_redis_cluster_find(ngx_chat_redis_t *redis,
    ngx_chat_redis_address_t *addr, ngx_uint_t *idx)
{
    ngx_uint_t              i;
    ngx_chat_redis_node_t  *node;

    for (i = 0; i < NGX_CHAT_REDIS_NODES; i++) {
        node = redis->node[i];

        if (node != NULL
            && ngx_cmp_sockaddr(&node->address.sockaddr.sockaddr,
                                node->address.socklen,
                                &addr->sockaddr.sockaddr, addr->socklen, 1)
               == NGX_OK)
        {
            *idx = i;
            return node;
        }
    }

    return NULL;
}


/* NULL: too many, or no memory */

static ngx_chat_redis_node_t *
ngx_chat_redis_cluster_get(ngx_chat_redis_t *redis,
    ngx_chat_redis_address_t *addr, ngx_uint_t *idx)
{
    ngx_uint_t              i;
    ngx_chat_redis_node_t  *node;

    node = ngx_chat_redis_cluster_find(redis, addr, idx);

    if (node != NULL) {
        return node;
    }

    for (i = 0; redis->node[i] != NULL; i++) {
        if (i == NGX_CHAT_REDIS_NODES - 1) {
            return NULL;
        }
    }

    node = ngx_calloc(sizeof(ngx_chat_redis_node_t), redis->log);
    if (node == NULL) {
        return NULL;
    }

    node->redis = redis;
    node->used = ngx_current_msec;

    ngx_chat_redis_cluster_server(node, addr);
    ngx_chat_redis_node_start(node, redis, &node->server);

    redis->node[i] = node;
    *idx = i;

    return node;
}


/* who goes by that name, of those whose addresses are known */

static ngx_chat_redis_node_t *
ngx_chat_redis_cluster_named(ngx_chat_redis_t *redis,
    ngx_chat_redis_address_t *addr, ngx_uint_t *idx)
{
    ngx_uint_t              i;
    ngx_chat_redis_node_t  *node;

    for (i = 0; i < NGX_CHAT_REDIS_NODES; i++) {
        node = redis->node[i];

        if (node != NULL && node->address.port == addr->port
            && node->address.host_len == addr->host_len
            && ngx_memcmp(node->address.host, addr->host, addr->host_len)
               == 0)
        {
            *idx = i;
            return node;
        }
    }

    return NULL;
}


static void
ngx_chat_redis_cluster_server(ngx_chat_redis_node_t *node,
    ngx_chat_redis_address_t *addr)
{
    ngx_chat_redis_server_t  *srv;

    node->address = *addr;
    addr = &node->address;

    node->addr.sockaddr = &addr->sockaddr.sockaddr;
    node->addr.socklen = addr->socklen;
    node->addr.name.data = addr->text;
    node->addr.name.len = addr->len;

    srv = &node->server;
    *srv = node->redis->conf->server;

    srv->addrs = &node->addr;
    srv->naddrs = 1;
    srv->names = NULL;

    if (!node->redis->conf->named) {
        node->name.data = addr->host;
        node->name.len = addr->host_len;
        srv->tls_names = &node->name;
    }

    srv->url.data = node->url;
    srv->url.len = (size_t) (ngx_sprintf(node->url, "%s://%*s",
                                         srv->tls ? "rediss" : "redis",
                                         addr->len, addr->text)
                             - node->url);
}


void
ngx_chat_redis_cluster_apply(ngx_chat_redis_cluster_t *cluster,
    ngx_chat_redis_reply_t *reply)
{
    ngx_uint_t              i;
    ngx_chat_redis_t       *redis;
    ngx_chat_redis_node_t  *node;

    redis = cluster->redis;

    ngx_chat_redis_cluster_map(cluster, reply);

    cluster->found = 1;

    /* who listened elsewhere listens at the right place before that goes */

    ngx_chat_redis_sub_moved(redis);

    for (i = 0; i < NGX_CHAT_REDIS_NODES; i++) {
        node = redis->node[i];

        if (node != NULL && node->slots == 0
            && ngx_current_msec - node->used > NGX_CHAT_REDIS_STRANGER)
        {
            ngx_chat_redis_cluster_drop(cluster, i);
        }
    }

    ngx_chat_redis_scout_addresses(cluster);
    ngx_chat_redis_cluster_tell(cluster);

    ngx_chat_redis_op_resend(redis);
}


static void
ngx_chat_redis_cluster_map(ngx_chat_redis_cluster_t *cluster,
    ngx_chat_redis_reply_t *reply)
{
    size_t                    i;
    u_char                    map[NGX_CHAT_REDIS_SLOTS];
    ngx_int_t                 rc;
    ngx_uint_t                first, last, idx, left;
    ngx_chat_redis_node_t    *node;
    ngx_chat_redis_address_t  addr;

    ngx_memzero(map, sizeof(map));

    idx = 0;
    left = 0;
    ngx_chat_redis_cluster_room(cluster, reply);

    for (i = 0; i < reply->elements; i++) {

        rc = ngx_chat_redis_slots_range(reply->element[i],
                                        cluster->scout.peer.sockaddr,
                                        &first, &last, &addr);

        node = (rc == NGX_OK)
               ? ngx_chat_redis_cluster_get(cluster->redis, &addr, &idx)
               : NULL;

        if (node == NULL) {
            left = 1;
            continue;
        }

        node->used = ngx_current_msec;

        ngx_memset(&map[first], (int) idx + 1, last - first + 1);
    }

    ngx_memcpy(cluster->map, map, sizeof(map));

    ngx_chat_redis_cluster_count(cluster);

    if (left && !cluster->crowded) {
        ngx_log_error(NGX_LOG_ERR, cluster->redis->log, 0,
                      "chat: the cluster of \"%V\" has primaries that can't be "
                      "used: it may have %d, and each must tell its address",
                      &cluster->redis->conf->server.url,
                      NGX_CHAT_REDIS_NODES);
    }

    cluster->crowded = left ? 1 : 0;
}


/* who is in it no more makes place for who is new in it */

static void
ngx_chat_redis_cluster_room(ngx_chat_redis_cluster_t *cluster,
    ngx_chat_redis_reply_t *reply)
{
    size_t                    i;
    u_char                    keep[NGX_CHAT_REDIS_NODES];
    ngx_uint_t                first, last, idx, fresh, place;
    ngx_chat_redis_t         *redis;
    ngx_chat_redis_address_t  addr;

    redis = cluster->redis;
    fresh = 0;
    place = 0;

    ngx_memzero(keep, sizeof(keep));

    for (i = 0; i < reply->elements; i++) {

        if (ngx_chat_redis_slots_range(reply->element[i],
                                       cluster->scout.peer.sockaddr,
                                       &first, &last, &addr)
            != NGX_OK)
        {
            continue;
        }

        if (ngx_chat_redis_cluster_find(redis, &addr, &idx) != NULL) {
            keep[idx] = 1;

        } else {
            /* maybe the same one several times: then it is a guess too high */
            fresh++;
        }
    }

    for (idx = 0; idx < NGX_CHAT_REDIS_NODES; idx++) {
        place += (redis->node[idx] == NULL);
    }

    for (idx = 0; idx < NGX_CHAT_REDIS_NODES && place < fresh; idx++) {
        if (redis->node[idx] != NULL && !keep[idx]) {
            ngx_chat_redis_cluster_drop(cluster, idx);
            place++;
        }
    }
}


static void
ngx_chat_redis_cluster_drop(ngx_chat_redis_cluster_t *cluster,
    ngx_uint_t idx)
{
    ngx_uint_t              slot;
    ngx_chat_redis_node_t  *node;

    node = cluster->redis->node[idx];

    for (slot = 0; slot < NGX_CHAT_REDIS_SLOTS; slot++) {
        if (cluster->map[slot] == idx + 1) {
            cluster->map[slot] = 0;
        }
    }

    ngx_chat_redis_sub_down(node);

    /* answers that are under way: nobody knows */

    ngx_chat_redis_node_stop(node);
    ngx_chat_redis_op_forget(node);

    cluster->redis->node[idx] = NULL;

    ngx_free(node);
}


static void
ngx_chat_redis_cluster_count(ngx_chat_redis_cluster_t *cluster)
{
    ngx_uint_t              i, holes;
    ngx_chat_redis_node_t  *node;

    for (i = 0; i < NGX_CHAT_REDIS_NODES; i++) {
        if (cluster->redis->node[i] != NULL) {
            cluster->redis->node[i]->slots = 0;
        }
    }

    holes = 0;

    for (i = 0; i < NGX_CHAT_REDIS_SLOTS; i++) {
        node = ngx_chat_redis_cluster_node(cluster, i);

        if (node != NULL) {
            node->slots++;

        } else {
            holes++;
        }
    }

    if (holes > 0 && cluster->holes == 0) {
        cluster->since = ngx_current_msec;
    }

    cluster->holes = holes;
}


static void
ngx_chat_redis_cluster_tell(ngx_chat_redis_cluster_t *cluster)
{
    ngx_uint_t  i, n, level;

    n = 0;

    for (i = 0; i < NGX_CHAT_REDIS_NODES; i++) {
        n += (cluster->redis->node[i] != NULL
              && cluster->redis->node[i]->slots > 0);
    }

    if (n == cluster->primaries && cluster->holes == cluster->told_holes) {
        return;
    }

    cluster->primaries = n;
    cluster->told_holes = cluster->holes;

    level = cluster->holes ? NGX_LOG_ERR : NGX_LOG_NOTICE;

    ngx_log_error(level, cluster->redis->log, 0,
                  "chat: the cluster of \"%V\" has %ui primaries, and %ui "
                  "slots that none of them serves",
                  &cluster->redis->conf->server.url, n, cluster->holes);
}


ngx_int_t
ngx_chat_redis_cluster_redirect(ngx_chat_redis_node_t *from, ngx_str_t *text,
    ngx_chat_redis_node_t **ask)
{
    ngx_int_t                  rc;
    ngx_uint_t                 slot, idx;
    ngx_chat_redis_t          *redis;
    ngx_chat_redis_node_t     *node;
    ngx_chat_redis_cluster_t  *cluster;
    ngx_chat_redis_address_t   addr;

    redis = from->redis;
    cluster = redis->cluster;
    *ask = NULL;

    if (cluster == NULL) {
        return NGX_DECLINED;
    }

    node = NULL;
    idx = 0;

    rc = ngx_chat_redis_slots_redirect(text,
                                       &from->address.sockaddr.sockaddr,
                                       &slot, &addr);

    if (rc == NGX_OK) {
        node = ngx_chat_redis_cluster_get(redis, &addr, &idx);

    } else if (rc == NGX_DECLINED) {
        node = ngx_chat_redis_cluster_named(redis, &addr, &idx);
    }

    if (node == NULL || text->data[0] != 'A') {
        ngx_chat_redis_cluster_refresh(redis);
    }

    if (node == NULL) {
        return NGX_DECLINED;
    }

    node->used = ngx_current_msec;

    if (text->data[0] == 'A') {
        *ask = node;

    } else if (cluster->map[slot] != idx + 1) {
        cluster->map[slot] = (uint8_t) (idx + 1);
        ngx_chat_redis_cluster_count(cluster);
    }

    return NGX_OK;
}


ngx_int_t
ngx_chat_redis_cluster_redirect_sub(ngx_chat_redis_node_t *from,
    ngx_str_t *text)
{
    ngx_chat_redis_node_t     *ask;
    ngx_chat_redis_cluster_t  *cluster;

    cluster = from->redis->cluster;

    if (ngx_current_msec - cluster->bound >= 1000) {
        cluster->bound = ngx_current_msec;
        cluster->moves = 0;
    }

    if (++cluster->moves > NGX_CHAT_REDIS_MOVES) {
        ngx_chat_redis_cluster_refresh(from->redis);
        return NGX_DECLINED;
    }

    return ngx_chat_redis_cluster_redirect(from, text, &ask);
}


void
ngx_chat_redis_cluster_down(ngx_chat_redis_t *redis, ngx_uint_t slot,
    ngx_str_t *text)
{
    ngx_chat_redis_cluster_t  *cluster;

    cluster = redis->cluster;

    if (cluster == NULL) {
        return;
    }

    if (ngx_strnstr(text->data, "not served", text->len) != NULL
        && cluster->map[slot])
    {
        cluster->map[slot] = 0;
        ngx_chat_redis_cluster_count(cluster);
    }

    ngx_chat_redis_cluster_refresh(redis);
}


ngx_uint_t
ngx_chat_redis_cluster_up(ngx_chat_redis_cluster_t *cluster, ngx_uint_t slot,
    ngx_msec_t patience)
{
    ngx_chat_redis_node_t  *node;

    if (cluster->failed && ngx_current_msec - cluster->failed > patience) {
        return 0;
    }

    node = ngx_chat_redis_cluster_node(cluster, slot);

    if (node == NULL) {
        return ngx_current_msec - cluster->since <= patience;
    }

    return ngx_chat_redis_conn_down_for(&node->calls) <= patience;
}


ngx_uint_t
ngx_chat_redis_cluster_unserved(ngx_chat_redis_cluster_t *cluster)
{
    ngx_uint_t              i, n;
    ngx_chat_redis_node_t  *node;

    if (cluster->failed) {
        return NGX_CHAT_REDIS_SLOTS;
    }

    n = cluster->holes;

    for (i = 0; i < NGX_CHAT_REDIS_NODES; i++) {
        node = cluster->redis->node[i];

        if (node != NULL && !ngx_chat_redis_node_is_ready(node)) {
            n += node->slots;
        }
    }

    return n;
}
