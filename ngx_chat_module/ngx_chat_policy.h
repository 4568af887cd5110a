
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


/*
 * NGX_CHAT_OK, or the error to answer: also where the user's `rooms' don't have
 * the room.
 */
ngx_chat_err_e ngx_chat_policy(ngx_chat_user_t *user,
    ngx_chat_action_e action, ngx_str_t *room);


/* whether the user has a role of that name */
ngx_uint_t ngx_chat_user_has_role(ngx_chat_user_t *user, ngx_str_t *role);

/* bytes that a copy of all the user's strings takes, aligned as a pointer */
size_t ngx_chat_user_size(ngx_chat_user_t *user);
/* copies; `memory' has that many bytes and is the copy's from then on */
void ngx_chat_user_copy(ngx_chat_user_t *dst, ngx_chat_user_t *user,
    u_char *memory);


#endif /* _NGX_CHAT_POLICY_H_INCLUDED_ */
