
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * What a key of the server API is good for: its scopes, and which commands
 * each of them allows.
 */


#ifndef _NGX_CHAT_SCOPE_H_INCLUDED_
#define _NGX_CHAT_SCOPE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat.h"
#include "ngx_chat_proto.h"


#define NGX_CHAT_SCOPE_PUBLISH    0x001
#define NGX_CHAT_SCOPE_HISTORY    0x002
#define NGX_CHAT_SCOPE_PRESENCE   0x004
#define NGX_CHAT_SCOPE_ROOMS      0x008
#define NGX_CHAT_SCOPE_SESSIONS   0x010
#define NGX_CHAT_SCOPE_MODERATE   0x020
#define NGX_CHAT_SCOPE_ADMIN      0x040
#define NGX_CHAT_SCOPE_AUDIT      0x080
#define NGX_CHAT_SCOPE_USERS      0x100
#define NGX_CHAT_SCOPE_ALL        0x1ff


/* a scope by its name, or "*" for all of them; 0: there is none */
uint32_t ngx_chat_scope(ngx_str_t *name);

/*
 * Whether a key may send such a command, and whether who is none may:
 * NGX_CHAT_OK or the error to answer.  `room' may be empty.
 */
ngx_chat_err_e ngx_chat_scope_may(ngx_chat_user_t *user, ngx_chat_cmd_e type,
    ngx_str_t *room);


#endif /* _NGX_CHAT_SCOPE_H_INCLUDED_ */
