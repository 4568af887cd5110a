
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Sentinels know which server is the primary: before each connection to it one
 * of them is asked, and the server itself is asked whether it agrees.
 */


#ifndef _NGX_CHAT_REDIS_SENTINEL_H_INCLUDED_
#define _NGX_CHAT_REDIS_SENTINEL_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_redis_conn.h"


/* queues the question; `found' is called from inside the reply's handler when
   rc->target is set.  NGX_OK, or no memory */
ngx_int_t ngx_chat_redis_sentinel_ask(ngx_chat_redis_conn_t *rc,
    void (*found)(ngx_chat_redis_conn_t *rc));

/* queues the question whether it is a primary: it is lost if it isn't */
ngx_int_t ngx_chat_redis_sentinel_role(ngx_chat_redis_conn_t *rc);


#endif /* _NGX_CHAT_REDIS_SENTINEL_H_INCLUDED_ */
