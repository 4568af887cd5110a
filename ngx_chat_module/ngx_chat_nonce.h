
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Nonces: a publish that is repeated is found again.
 */


#ifndef _NGX_CHAT_NONCE_H_INCLUDED_
#define _NGX_CHAT_NONCE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_shm.h"


#define NGX_CHAT_NONCE_WAYS   32
#define NGX_CHAT_NONCE_SETS   16


typedef struct {
    uint32_t              room;
    uint32_t              spare;
    uint64_t              life;
    uint64_t              user;
    uint64_t              nonce[2];
    uint64_t              body;
    uint64_t              offset;
    uint64_t              ts;
} ngx_chat_nonce_t;


/* the tags fill one cache line: a lookup that finds nothing reads no other */

typedef struct {
    uint16_t              tag[NGX_CHAT_NONCE_WAYS];     /* 0: free */
    uint16_t              pair[NGX_CHAT_NONCE_WAYS];
    uint32_t              time[NGX_CHAT_NONCE_WAYS];    /* seconds */
    ngx_chat_nonce_t      entry[NGX_CHAT_NONCE_WAYS];
} ngx_chat_nonce_set_t;

#define NGX_CHAT_NONCE_GROUP                                                  \
    (NGX_CHAT_NONCE_SETS * sizeof(ngx_chat_nonce_set_t))


/* where a nonce belongs */

typedef struct {
    ngx_chat_nonce_set_t  *set;
    uint16_t               tag;
    uint16_t               pair;
    uint32_t               now;       /* seconds */
    uint32_t               ttl;
} ngx_chat_nonce_place_t;


/*
 * NGX_DECLINED: a new one, *place is set for ngx_chat_nonce_put_locked();
 * NGX_OK: p->offset and p->ts are the first's; NGX_ABORT: it has another body
 */
ngx_int_t ngx_chat_nonce_find_locked(ngx_chat_zone_t *z,
    ngx_chat_slot_t *slot, ngx_chat_publish_t *p,
    ngx_chat_nonce_place_t *place);

/* before the record becomes visible: it is invalid while offset > head */
void ngx_chat_nonce_put_locked(ngx_chat_sh_t *sh, ngx_chat_slot_t *slot,
    ngx_chat_publish_t *p, ngx_chat_nonce_place_t *place, uint64_t offset,
    uint64_t ts);

/* drops what belongs to no record, and to no room */
void ngx_chat_nonce_repair_locked(ngx_chat_sh_t *sh);

/* under the lock of `from'; its slots' `copy' tell where rooms went to */
void ngx_chat_nonce_copy_locked(ngx_chat_sh_t *sh, ngx_chat_sh_t *from,
    uint32_t ttl);


#endif /* _NGX_CHAT_NONCE_H_INCLUDED_ */
