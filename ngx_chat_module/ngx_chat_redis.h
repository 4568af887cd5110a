
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * The broker between hosts: Redis or Valkey.
 */


#ifndef _NGX_CHAT_REDIS_H_INCLUDED_
#define _NGX_CHAT_REDIS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_broker.h"
#include "ngx_chat_redis_conn.h"


typedef struct ngx_chat_redis_s  ngx_chat_redis_t;


/* "chat_redis": z->remote */

typedef struct {
    ngx_chat_redis_server_t   server;
    ngx_str_t                 prefix;        /* of keys and channels */
    ngx_msec_t                timeout;       /* of a publish, in all */
    ngx_uint_t                cluster;       /* the servers are one */
    ngx_uint_t                named;         /* "name=" is all its servers' */
    ngx_chat_redis_t         *redis;         /* this worker's */
} ngx_chat_redis_conf_t;


extern const ngx_chat_broker_t  ngx_chat_broker_redis;


#endif /* _NGX_CHAT_REDIS_H_INCLUDED_ */
