
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * The one permission point: every command, from whatever transport, asks here
 * before it touches a room.
 */


#ifndef _NGX_CHAT_POLICY_H_INCLUDED_
#define _NGX_CHAT_POLICY_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat.h"
#include "ngx_chat_proto.h"


typedef enum {
    NGX_CHAT_MAY_JOIN = 0,
    NGX_CHAT_MAY_SEND,
    NGX_CHAT_MAY_READ
} ngx_chat_action_e;


/* NGX_CHAT_OK, or the error to answer */
ngx_chat_err_e ngx_chat_policy(ngx_chat_user_t *user,
    ngx_chat_action_e action, ngx_str_t *room);


#endif /* _NGX_CHAT_POLICY_H_INCLUDED_ */
