
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Commands of users to users, and "rooms".
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat.h"
#include "ngx_chat_name.h"
#include "ngx_chat_proto_cmd.h"
#include "ngx_chat_proto_member.h"


ngx_int_t
ngx_chat_cmd_direct(ngx_chat_members_t *m, ngx_chat_batch_t *b,
    ngx_chat_cmd_t *cmd)
{
    ngx_int_t  rc;

    rc = ngx_chat_member_string(m, NGX_CHAT_IN_TO, &cmd->to);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    return (rc == NGX_OK && ngx_chat_user_id_valid(&cmd->to, 1) == NGX_OK)
           ? NGX_OK : ngx_chat_member_bad(m, NGX_CHAT_IN_TO);
}


/* also "uninvite" */

ngx_int_t
ngx_chat_cmd_invite(ngx_chat_members_t *m, ngx_chat_batch_t *b,
    ngx_chat_cmd_t *cmd)
{
    return (ngx_chat_cmd_room(m, &cmd->room) == NGX_OK)
           ? ngx_chat_cmd_block(m, b, cmd) : NGX_ERROR;
}


/* also "unblock" */

ngx_int_t
ngx_chat_cmd_block(ngx_chat_members_t *m, ngx_chat_batch_t *b,
    ngx_chat_cmd_t *cmd)
{
    ngx_int_t   rc;
    ngx_str_t  *user;

    user = &cmd->moder.user;

    rc = ngx_chat_member_string(m, NGX_CHAT_IN_USER, user);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    return (rc == NGX_OK && ngx_chat_user_id_valid(user, 1) == NGX_OK)
           ? NGX_OK : ngx_chat_member_bad(m, NGX_CHAT_IN_USER);
}


ngx_int_t
ngx_chat_cmd_rooms(ngx_chat_members_t *m, ngx_chat_batch_t *b,
    ngx_chat_cmd_t *cmd)
{
    ngx_int_t  at;

    if (ngx_chat_member_integer(m, NGX_CHAT_IN_LIMIT, 1, NGX_CHAT_PAGE_MAX,
                                &cmd->limit)
        == NGX_ERROR
        || ngx_chat_member_string(m, NGX_CHAT_IN_NEXT, &cmd->next)
           == NGX_ERROR)
    {
        return NGX_ERROR;
    }

    if (cmd->next.len == 0) {
        return NGX_OK;
    }

    at = ngx_atoi(cmd->next.data, cmd->next.len);

    return (at == NGX_ERROR || at > NGX_MAX_INT32_VALUE)
           ? ngx_chat_member_bad(m, NGX_CHAT_IN_NEXT) : NGX_OK;
}
