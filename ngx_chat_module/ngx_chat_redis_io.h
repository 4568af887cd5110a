
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * The bytes of a connection to Redis: its queues, its parser.  Private to the
 * connection.
 */


#ifndef _NGX_CHAT_REDIS_IO_H_INCLUDED_
#define _NGX_CHAT_REDIS_IO_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include "ngx_chat_redis_conn.h"


/* prints a command into the queue and posts the write; NGX_OK, NGX_BUSY,
   NGX_ERROR */
ngx_int_t ngx_chat_redis_io_put(ngx_chat_redis_conn_t *rc, int argc,
    const char **argv, const size_t *lens, ngx_chat_redis_reply_pt handler,
    void *data);

/* a handler: an error ends the connection, and the log says what it was */
void ngx_chat_redis_conn_greeted(void *data, ngx_chat_redis_reply_t *reply);

/* what the socket takes; NGX_ERROR: it is broken */
ngx_int_t ngx_chat_redis_io_write(ngx_chat_redis_conn_t *rc);

/* reads, parses, calls handlers, any of which may lose the connection */
void ngx_chat_redis_io_read(ngx_chat_redis_conn_t *rc);

/* the connection is gone: empties all, handlers get NULL */
void ngx_chat_redis_io_reset(ngx_chat_redis_conn_t *rc);
void ngx_chat_redis_io_free(ngx_chat_redis_conn_t *rc);


#endif /* _NGX_CHAT_REDIS_IO_H_INCLUDED_ */
