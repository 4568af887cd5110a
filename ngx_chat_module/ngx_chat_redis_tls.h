
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * TLS to Redis, by nginx's own means: the handshake, and whether the server is
 * who it should be.
 */


#ifndef _NGX_CHAT_REDIS_TLS_H_INCLUDED_
#define _NGX_CHAT_REDIS_TLS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include "ngx_chat_redis_conn.h"


/* what "rediss://" says; files are full names that end with a zero */

typedef struct {
    ngx_str_t             name;          /* of the server, for SNI and its
                                            certificate */
    ngx_str_t             ca;            /* len 0: what the system trusts */
    ngx_str_t             certificate;   /* len 0: none */
    ngx_str_t             key;
    unsigned              verify:1;
} ngx_chat_redis_tls_conf_t;


/* server->tls is made; NGX_ERROR: logged, NGX_DECLINED: nginx has no TLS */
ngx_int_t ngx_chat_redis_tls_configure(ngx_conf_t *cf,
    ngx_chat_redis_server_t *srv, ngx_chat_redis_tls_conf_t *conf);

/*
 * Begins the handshake of a connection that was just made.  `done' is called,
 * perhaps before this returns, when it has ended well.  NGX_OK, or NGX_ERROR,
 * or `failed' is called later.
 */
ngx_int_t ngx_chat_redis_tls_start(ngx_chat_redis_conn_t *rc,
    ngx_connection_t *c, void (*done)(ngx_chat_redis_conn_t *rc),
    void (*failed)(ngx_chat_redis_conn_t *rc));

/* frees all of the connection */
void ngx_chat_redis_tls_close(ngx_connection_t *c);


#endif /* _NGX_CHAT_REDIS_TLS_H_INCLUDED_ */
