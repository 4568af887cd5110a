
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Tickets: an identity for where a URL is all that there is.  One is 128 random
 * bits, good for one use within 30 s, in the table of the zone: whichever
 * worker takes it deletes it in the same critical section, so that no death
 * makes it good again.  It is never in the state file, and its text is nowhere:
 * the table knows its hash.
 */


#ifndef _NGX_CHAT_TICKET_H_INCLUDED_
#define _NGX_CHAT_TICKET_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_proto.h"
#include "ngx_chat_store.h"


#define NGX_CHAT_TICKET_LEN   22          /* base64url of 16 bytes */
#define NGX_CHAT_TICKET_TIME  30          /* seconds */


/*
 * `place' is where it is good, the names of a location and of its server.
 * `expires' is the user's, Unix time or 0.  Claims that make it too large are
 * left out.  NGX_OK:
 * NGX_CHAT_TICKET_LEN bytes are in dst; NGX_BUSY: the table is full; NGX_AGAIN:
 * the zone moved; NGX_DECLINED: there is too much to say of the user; NGX_ERROR
 */
ngx_int_t ngx_chat_ticket_make(ngx_chat_zone_t *z, ngx_str_t *place,
    ngx_chat_user_t *user, time_t expires, time_t now, u_char *dst);

/*
 * The user's strings are in the pool.  NGX_OK; NGX_DECLINED: there is none
 * such, or no more; NGX_ABORT: his token has expired meanwhile; NGX_ERROR
 */
ngx_int_t ngx_chat_ticket_take(ngx_chat_zone_t *z, ngx_str_t *place,
    ngx_str_t *ticket, time_t now, ngx_pool_t *pool, ngx_chat_user_t *user,
    time_t *expires);


#endif /* _NGX_CHAT_TICKET_H_INCLUDED_ */
