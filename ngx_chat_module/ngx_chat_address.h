
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Bans of addresses: "ban" with `address' bans those from which the user is
 * there at that moment, too, an IPv4 address or the first 64 bits of an IPv6
 * address.
 *
 * The row of an address holds as long as that very ban of the user does, so
 * that to undo the one undoes the other.  Moderators and owners may come from
 * anywhere (ngx_chat_standing.c).
 */


#ifndef _NGX_CHAT_ADDRESS_H_INCLUDED_
#define _NGX_CHAT_ADDRESS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_session.h"


/* other users of a worker at one address, from which on it is a proxy's */
#define NGX_CHAT_ADDRESS_USERS  4


/* the ban of s->user: what its row has as "at", and when it expires */

typedef struct {
    ngx_str_t   *room;               /* len 0: all */
    uint64_t     at;
    uint64_t     expires;
} ngx_chat_address_ban_t;


/* `sessions' are all of this worker, s one of them */
void ngx_chat_address_ban(ngx_queue_t *sessions, ngx_chat_session_t *s,
    ngx_chat_address_ban_t *ban);


#endif /* _NGX_CHAT_ADDRESS_H_INCLUDED_ */
