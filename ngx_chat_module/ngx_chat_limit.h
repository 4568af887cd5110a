
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * How many connections there are of one key: a table of {key, seat, count}.
 * What a worker has counted goes with its seat, so a death leaks nothing.
 * Private to the store; what others may call is in ngx_chat_store.h.
 */


#ifndef _NGX_CHAT_LIMIT_H_INCLUDED_
#define _NGX_CHAT_LIMIT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_shm.h"


/* an entry can be in this many places */
#define NGX_CHAT_LIMIT_WAYS  8


/* 16 bytes; free if count is 0 */

typedef struct {
    uint64_t          key;
    uint32_t          count;
    uint16_t          seat;
    uint16_t          spare;
} ngx_chat_limit_t;

#define NGX_CHAT_LIMIT_SET   (NGX_CHAT_LIMIT_WAYS * sizeof(ngx_chat_limit_t))

#define ngx_chat_limits(sh)                                                   \
    ((ngx_chat_limit_t *) ngx_chat_sh_at(sh, (sh)->limits))


/* the seat has no connections, or none that count */
void ngx_chat_limit_clear_locked(ngx_chat_sh_t *sh, ngx_uint_t seat);


#endif /* _NGX_CHAT_LIMIT_H_INCLUDED_ */
