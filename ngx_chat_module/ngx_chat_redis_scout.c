
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * The connection that asks for the map of slots.  It goes to a primary that is
 * known, or to an address of the configuration, the next one when it is lost,
 * or when what one of them says doesn't help.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <hiredis/hiredis.h>
#include "ngx_chat_redis_cluster.h"
#include "ngx_chat_redis_io.h"
#include "ngx_chat_redis_names.h"


#define NGX_CHAT_REDIS_MAP_MIN    50      /* ms between two maps: in trouble */
#define NGX_CHAT_REDIS_MAP_MAX    1000
#define NGX_CHAT_REDIS_MAP_CALM   5000    /* .. and without */

#define NGX_CHAT_REDIS_MAP_SAME   3       /* of one scout in trouble */


static void ngx_chat_redis_scout_ready(void *data);
static void ngx_chat_redis_scout_down(void *data);
static void ngx_chat_redis_scout_timer(ngx_event_t *ev);
static void ngx_chat_redis_scout_ask(ngx_chat_redis_cluster_t *cluster);
static void ngx_chat_redis_scout_slots(void *data,
    ngx_chat_redis_reply_t *reply);
static void ngx_chat_redis_scout_info(void *data,
    ngx_chat_redis_reply_t *reply);
static ngx_uint_t ngx_chat_redis_scout_trouble(
    ngx_chat_redis_cluster_t *cluster);


ngx_int_t
ngx_chat_redis_scout_start(ngx_chat_redis_cluster_t *cluster,
    ngx_cycle_t *cycle)
{
    ngx_uint_t                n;
    ngx_chat_redis_conn_t    *rc;
    ngx_chat_redis_server_t  *srv;

    srv = &cluster->server;
    *srv = cluster->redis->conf->server;

    n = NGX_CHAT_REDIS_NODES + srv->naddrs;

    if (srv->names != NULL) {
        n += srv->names->nhosts * NGX_CHAT_REDIS_NAME_ADDRS;
    }

    cluster->known = ngx_palloc(cycle->pool,
                        NGX_CHAT_REDIS_NODES
                        * sizeof(ngx_chat_redis_address_t));
    srv->addrs = ngx_palloc(cycle->pool, n * sizeof(ngx_addr_t));
    srv->tls_names = ngx_pcalloc(cycle->pool, n * sizeof(ngx_str_t));

    if (cluster->known == NULL || srv->addrs == NULL
        || srv->tls_names == NULL)
    {
        return NGX_ERROR;
    }

    ngx_chat_redis_scout_addresses(cluster);

    rc = &cluster->scout;

    rc->server = srv;
    rc->name = "slots";
    rc->log = cluster->redis->log;
    rc->data = cluster;
    rc->ready = ngx_chat_redis_scout_ready;
    rc->down = ngx_chat_redis_scout_down;
    rc->elements = NGX_CHAT_REDIS_SLOTS;

    /* workers don't all ask the same */
    rc->address = srv->naddrs ? (ngx_uint_t) ngx_random() % srv->naddrs : 0;

    cluster->backoff = NGX_CHAT_REDIS_MAP_MIN;

    cluster->timer.handler = ngx_chat_redis_scout_timer;
    cluster->timer.data = cluster;
    cluster->timer.log = rc->log;
    cluster->timer.cancelable = 1;

    return ngx_chat_redis_conn_start(rc);
}


void
ngx_chat_redis_scout_stop(ngx_chat_redis_cluster_t *cluster)
{
    ngx_chat_redis_conn_stop(&cluster->scout);

    if (cluster->timer.timer_set) {
        ngx_del_timer(&cluster->timer);
    }
}


/* its own connection has a copy of where it goes to */

void
ngx_chat_redis_scout_addresses(ngx_chat_redis_cluster_t *cluster)
{
    ngx_uint_t                 i, n;
    ngx_addr_t                *addr;
    ngx_chat_redis_t          *redis;
    ngx_chat_redis_node_t     *node;
    ngx_chat_redis_server_t   *srv;
    ngx_chat_redis_address_t  *known;

    redis = cluster->redis;
    srv = &cluster->server;
    n = 0;

    for (i = 0; i < NGX_CHAT_REDIS_NODES; i++) {
        node = redis->node[i];

        if (node == NULL || node->slots == 0) {
            continue;
        }

        known = &cluster->known[n];
        *known = node->address;

        addr = &srv->addrs[n];
        addr->sockaddr = &known->sockaddr.sockaddr;
        addr->socklen = known->socklen;
        addr->name.data = known->text;
        addr->name.len = known->len;

        ngx_str_null(&srv->tls_names[n]);

        if (!redis->conf->named) {
            srv->tls_names[n].data = known->host;
            srv->tls_names[n].len = known->host_len;
        }

        n++;
    }

    for (i = 0; i < redis->conf->server.naddrs; i++) {
        srv->addrs[n] = redis->conf->server.addrs[i];
        ngx_str_null(&srv->tls_names[n]);
        n++;
    }

    srv->naddrs = n;
    cluster->scout.address = n ? cluster->scout.address % n : 0;
}


static void
ngx_chat_redis_scout_ready(void *data)
{
    ngx_chat_redis_scout_ask(data);
}


/* the next one asks at once */

static void
ngx_chat_redis_scout_down(void *data)
{
    /* void */
}


static void
ngx_chat_redis_scout_timer(ngx_event_t *ev)
{
    ngx_chat_redis_scout_ask(ev->data);
}


static void
ngx_chat_redis_scout_ask(ngx_chat_redis_cluster_t *cluster)
{
    size_t                  lens[2];
    const char             *argv[2];
    ngx_chat_redis_conn_t  *rc;

    rc = &cluster->scout;

    if (cluster->asking || !ngx_chat_redis_conn_is_ready(rc)) {
        return;
    }

    argv[0] = "CLUSTER";
    lens[0] = 7;

    argv[1] = "INFO";
    lens[1] = 4;

    if (ngx_chat_redis_conn_send(rc, 2, argv, lens,
                                 ngx_chat_redis_scout_info, cluster)
        != NGX_OK)
    {
        ngx_chat_redis_conn_lose(rc, "out of memory");
        return;
    }

    argv[1] = "SLOTS";
    lens[1] = 5;

    if (ngx_chat_redis_conn_send(rc, 2, argv, lens,
                                 ngx_chat_redis_scout_slots, cluster)
        != NGX_OK)
    {
        ngx_chat_redis_conn_lose(rc, "out of memory");
        return;
    }

    cluster->asking = 1;
    cluster->wanted = 0;
}


static void
ngx_chat_redis_scout_slots(void *data, ngx_chat_redis_reply_t *reply)
{
    ngx_chat_redis_cluster_t *cluster = data;

    ngx_msec_t              delay;
    ngx_chat_redis_conn_t  *rc;

    rc = &cluster->scout;
    cluster->asking = 0;

    if (reply == NULL) {
        return;
    }

    if (reply->type == REDIS_REPLY_ERROR) {
        ngx_chat_redis_conn_greeted(rc, reply);
        return;
    }

    if (ngx_chat_redis_slots_check(reply) != NGX_OK) {
        ngx_chat_redis_conn_lose(rc, "what it says of slots is no map");
        return;
    }

    ngx_chat_redis_cluster_apply(cluster, reply);

    if (!cluster->wanted && !ngx_chat_redis_scout_trouble(cluster)) {
        cluster->backoff = NGX_CHAT_REDIS_MAP_MIN;
        cluster->same = 0;

        delay = NGX_CHAT_REDIS_MAP_CALM;
        delay -= (ngx_msec_t) ngx_random() % (delay / 4);

        ngx_add_timer(&cluster->timer, delay);

        return;
    }

    ngx_add_timer(&cluster->timer, cluster->backoff);

    cluster->backoff = ngx_min(2 * cluster->backoff, NGX_CHAT_REDIS_MAP_MAX);

    if (++cluster->same >= NGX_CHAT_REDIS_MAP_SAME) {
        /* maybe it is the one that knows nothing new */
        cluster->same = 0;
        ngx_chat_redis_conn_lose(rc, NULL);
    }
}


/* "cluster_state:fail": of a whole that needs all slots, or of a minority */

static void
ngx_chat_redis_scout_info(void *data, ngx_chat_redis_reply_t *reply)
{
    ngx_chat_redis_cluster_t *cluster = data;

    if (reply == NULL) {
        return;
    }

    if (reply->type != REDIS_REPLY_STRING
        || strstr(reply->str, "cluster_state:fail") == NULL)
    {
        cluster->failed = 0;

    } else if (cluster->failed == 0) {
        cluster->failed = ngx_max(ngx_current_msec, 1);
    }
}


static ngx_uint_t
ngx_chat_redis_scout_trouble(ngx_chat_redis_cluster_t *cluster)
{
    return cluster->failed
           || ngx_chat_redis_cluster_unserved(cluster) > 0;
}


void
ngx_chat_redis_cluster_refresh(ngx_chat_redis_t *redis)
{
    ngx_chat_redis_cluster_t  *cluster;

    cluster = redis->cluster;

    if (cluster == NULL || cluster->scout.stopped) {
        return;
    }

    cluster->wanted = 1;

    if (cluster->asking
        || (cluster->timer.timer_set
            && (ngx_msec_int_t) (cluster->timer.timer.key - ngx_current_msec)
               <= (ngx_msec_int_t) cluster->backoff))
    {
        return;
    }

    ngx_add_timer(&cluster->timer, cluster->backoff);
}
