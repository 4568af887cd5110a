
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * What a cluster says of its slots: which one a key is in, who serves a range
 * of them, where a call has to go instead.  Every text is somebody else's.
 */


#ifndef _NGX_CHAT_REDIS_SLOTS_H_INCLUDED_
#define _NGX_CHAT_REDIS_SLOTS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_redis_conn.h"


#define NGX_CHAT_REDIS_SLOTS  16384


typedef struct {
    ngx_sockaddr_t    sockaddr;
    socklen_t         socklen;
    in_port_t         port;
    size_t            len;                          /* of the text */
    u_char            text[NGX_SOCKADDR_STRLEN];    /* "ADDRESS:PORT" */
    size_t            host_len;
    u_char            host[NGX_CHAT_REDIS_HOST_MAX + 1];
                                     /* its name or address, for TLS; \0 */
} ngx_chat_redis_address_t;


/* of "...{tag}...", or of all of it */
ngx_uint_t ngx_chat_redis_slot(const u_char *p, size_t len);

/* NGX_OK: each element of the reply to CLUSTER SLOTS is a range of slots with
   a server */
ngx_int_t ngx_chat_redis_slots_check(ngx_chat_redis_reply_t *reply);

/*
 * An element of such a reply.  A server without an address has that of whom
 * was asked, `from'.  NGX_DECLINED: it has a name alone, which is in addr->host
 * then, or doesn't know its own ("?"); NGX_ERROR: malformed
 */
ngx_int_t ngx_chat_redis_slots_range(ngx_chat_redis_reply_t *range,
    struct sockaddr *from, ngx_uint_t *first, ngx_uint_t *last,
    ngx_chat_redis_address_t *addr);

/* "MOVED 3999 10.0.0.7:6381"; the return codes are the same */
ngx_int_t ngx_chat_redis_slots_redirect(ngx_str_t *text,
    struct sockaddr *from, ngx_uint_t *slot, ngx_chat_redis_address_t *addr);


#endif /* _NGX_CHAT_REDIS_SLOTS_H_INCLUDED_ */
