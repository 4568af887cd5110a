
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * What a server may send: checked byte by byte before hiredis' parser sees it,
 * which would believe any announced length.
 */


#ifndef _NGX_CHAT_REDIS_GUARD_H_INCLUDED_
#define _NGX_CHAT_REDIS_GUARD_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/* of one bulk string, of one array, of one line, of a whole reply */

#define NGX_CHAT_REDIS_BULK_MAX      (4 * 1024 * 1024)
#define NGX_CHAT_REDIS_ELEMENTS_MAX  1024
#define NGX_CHAT_REDIS_LINE_MAX      4096
#define NGX_CHAT_REDIS_REPLY_MAX     (32 * 1024 * 1024)


typedef struct {
    uint64_t      skip;          /* bytes of a bulk that are still to come */
    uint64_t      number;
    size_t        line;          /* bytes of the line so far */
    uint64_t      elements;      /* of an array at most; 0: the default */
    size_t        total;         /* bytes since the last whole reply */
    u_char        type;          /* of the line; 0: none has begun */
    unsigned      negative:1;
    unsigned      digits:1;
    unsigned      cr:1;
} ngx_chat_redis_guard_t;


/* zeroed at first.  NGX_ERROR: the connection must go */
ngx_int_t ngx_chat_redis_guard(ngx_chat_redis_guard_t *g, const u_char *p,
    size_t n);

/* the parser has given a whole reply */
#define ngx_chat_redis_guard_reply(g)  (g)->total = 0


#endif /* _NGX_CHAT_REDIS_GUARD_H_INCLUDED_ */
