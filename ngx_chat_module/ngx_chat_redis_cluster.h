
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Redis Cluster: which primary serves which slot.  One connection of a worker,
 * the scout, asks for the map: at the beginning, every few seconds, and soon
 * when something doesn't fit it.
 */


#ifndef _NGX_CHAT_REDIS_CLUSTER_H_INCLUDED_
#define _NGX_CHAT_REDIS_CLUSTER_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include "ngx_chat_redis_op.h"


struct ngx_chat_redis_cluster_s {
    ngx_chat_redis_t         *redis;

    /* an index in redis->node, and 1; 0: nobody */
    uint8_t                   map[NGX_CHAT_REDIS_SLOTS];
    ngx_uint_t                holes;         /* slots of nobody */
    ngx_msec_t                since;         /* when they became holes */

    ngx_chat_redis_conn_t     scout;
    ngx_chat_redis_server_t   server;        /* the scout's: all addresses */
    ngx_chat_redis_address_t *known;         /* copies, of primaries */

    ngx_event_t               timer;
    ngx_msec_t                backoff;       /* grows in times of trouble */
    ngx_uint_t                same;          /* troubled answers of one scout */
    ngx_msec_t                failed;        /* since when it is; 0: fine */

    ngx_msec_t                bound;         /* a second's begin .. */
    ngx_uint_t                moves;         /* .. subscriptions moved in it */

    ngx_uint_t                primaries;     /* as the log was told */
    ngx_uint_t                told_holes;

    unsigned                  asking:1;      /* an answer is under way */
    unsigned                  wanted:1;      /* .. and another one is needed */
    unsigned                  found:1;       /* there was a map */
    unsigned                  crowded:1;     /* the log knows of what is left */
};


/* a worker's; NGX_ERROR: no memory */
ngx_int_t ngx_chat_redis_cluster_start(ngx_chat_redis_t *redis,
    ngx_cycle_t *cycle);
void ngx_chat_redis_cluster_stop(ngx_chat_redis_cluster_t *cluster);

/* something doesn't fit the map; ignored without a cluster */
void ngx_chat_redis_cluster_refresh(ngx_chat_redis_t *redis);

/*
 * "MOVED ..." or "ASK ...", as `from' has said it.  NGX_OK: the map has it, or
 * *ask is who has to be asked; NGX_DECLINED: that helps nobody
 */
ngx_int_t ngx_chat_redis_cluster_redirect(ngx_chat_redis_node_t *from,
    ngx_str_t *text, ngx_chat_redis_node_t **ask);
/* the same of a subscription, so many times a second at most */
ngx_int_t ngx_chat_redis_cluster_redirect_sub(ngx_chat_redis_node_t *from,
    ngx_str_t *text);

/* "CLUSTERDOWN ...": the slot, or the whole of it, isn't served */
void ngx_chat_redis_cluster_down(ngx_chat_redis_t *redis, ngx_uint_t slot,
    ngx_str_t *text);

/* whether a call to that slot has a chance now, for somebody who waits for so
   long at most, ms */
ngx_uint_t ngx_chat_redis_cluster_up(ngx_chat_redis_cluster_t *cluster,
    ngx_uint_t slot, ngx_msec_t patience);

/* slots that can't be used at the moment */
ngx_uint_t ngx_chat_redis_cluster_unserved(ngx_chat_redis_cluster_t *cluster);

ngx_chat_redis_node_t *ngx_chat_redis_cluster_node(
    ngx_chat_redis_cluster_t *cluster, ngx_uint_t slot);

/* --- ngx_chat_redis_scout.c --- */

ngx_int_t ngx_chat_redis_scout_start(ngx_chat_redis_cluster_t *cluster,
    ngx_cycle_t *cycle);
void ngx_chat_redis_scout_stop(ngx_chat_redis_cluster_t *cluster);
/* the primaries are others: so are those who can be asked */
void ngx_chat_redis_scout_addresses(ngx_chat_redis_cluster_t *cluster);

/* --- back to ngx_chat_redis_cluster.c --- */

/* an answer to CLUSTER SLOTS that was checked */
void ngx_chat_redis_cluster_apply(ngx_chat_redis_cluster_t *cluster,
    ngx_chat_redis_reply_t *reply);


#endif /* _NGX_CHAT_REDIS_CLUSTER_H_INCLUDED_ */
