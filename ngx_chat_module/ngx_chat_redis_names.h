
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * The names of servers, looked up by nginx's resolver while it runs: before
 * each connection, and again when an answer has become too old.  A lookup that
 * fails leaves the addresses that there are.
 */


#ifndef _NGX_CHAT_REDIS_NAMES_H_INCLUDED_
#define _NGX_CHAT_REDIS_NAMES_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include "ngx_chat_redis_conn.h"


/* addresses of one name that are used, at most */
#define NGX_CHAT_REDIS_NAME_ADDRS  64


/* a host of the URL */

typedef struct {
    ngx_str_t                 name;          /* len 0: an address */
    in_port_t                 port;
    ngx_addr_t               *addrs;         /* the newest that are known */
    ngx_uint_t                naddrs;

    /* a worker's */
    ngx_chat_redis_names_t   *names;
    ngx_resolver_ctx_t       *ctx;           /* of the lookup under way */
    void                     *block;         /* memory of addrs; NULL: the
                                                configuration's */
    unsigned                  told:1;        /* the log knows that it fails */
} ngx_chat_redis_host_t;


/* server->names, if a host has a name and there is a resolver */

struct ngx_chat_redis_names_s {
    ngx_chat_redis_server_t  *server;
    ngx_chat_redis_host_t    *hosts;
    ngx_uint_t                nhosts;
    ngx_resolver_t           *resolver;
    ngx_msec_t                timeout;

    /* a worker's; NULL: it has begun not yet, or has ended */
    ngx_log_t                *log;
    void                    (*changed)(void *data);
    void                     *data;
    ngx_queue_t               waiting;       /* of connections */
    ngx_addr_t               *addrs;         /* memory of server->addrs */
};


/* a worker begins; changed() is called when the addresses are others */
void ngx_chat_redis_names_start(ngx_chat_redis_names_t *names, ngx_log_t *log,
    void (*changed)(void *data), void *data);
/* nothing is called any more */
void ngx_chat_redis_names_stop(ngx_chat_redis_names_t *names);

/* has all names looked up; what is known and not too old costs nothing.
   NGX_AGAIN: answers are still to come.  NULL is ignored */
ngx_int_t ngx_chat_redis_names_ask(ngx_chat_redis_names_t *names);

/* the connection's timer is set when the answers have come */
void ngx_chat_redis_names_wait(ngx_chat_redis_names_t *names,
    ngx_chat_redis_conn_t *rc);
void ngx_chat_redis_names_forget(ngx_chat_redis_conn_t *rc);


#endif /* _NGX_CHAT_REDIS_NAMES_H_INCLUDED_ */
