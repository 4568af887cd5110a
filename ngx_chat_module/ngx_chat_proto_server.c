
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Commands that keys of the server API have alone.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat.h"
#include "ngx_chat_name.h"
#include "ngx_chat_proto_cmd.h"
#include "ngx_chat_proto_member.h"


#define NGX_CHAT_USER_NEXT      64
#define NGX_CHAT_SESSION_BYTES  16


/* one of user and session */

ngx_int_t
ngx_chat_cmd_disconnect(ngx_chat_members_t *m, ngx_chat_batch_t *b,
    ngx_chat_cmd_t *cmd)
{
    ngx_chat_moder_t  *moder;

    moder = &cmd->moder;

    if (ngx_chat_member_given(m, NGX_CHAT_IN_SESSION)) {

        if (ngx_chat_member_string(m, NGX_CHAT_IN_SESSION, &moder->session)
            == NGX_ERROR)
        {
            return NGX_ERROR;
        }

        return (moder->session.len == NGX_CHAT_SESSION_BYTES
                && !ngx_chat_member_given(m, NGX_CHAT_IN_USER))
               ? NGX_OK : ngx_chat_member_bad(m, NGX_CHAT_IN_SESSION);
    }

    if (ngx_chat_member_string(m, NGX_CHAT_IN_USER, &moder->user)
        == NGX_ERROR)
    {
        return NGX_ERROR;
    }

    return (ngx_chat_user_id_valid(&moder->user, 1) == NGX_OK)
           ? NGX_OK : ngx_chat_member_bad(m, NGX_CHAT_IN_USER);
}


/* export, erase */

ngx_int_t
ngx_chat_cmd_user(ngx_chat_members_t *m, ngx_chat_batch_t *b,
    ngx_chat_cmd_t *cmd)
{
    if (ngx_chat_member_string(m, NGX_CHAT_IN_USER, &cmd->moder.user)
        == NGX_ERROR
        || ngx_chat_member_string(m, NGX_CHAT_IN_NEXT, &cmd->next)
           == NGX_ERROR)
    {
        return NGX_ERROR;
    }

    if (ngx_chat_user_id_valid(&cmd->moder.user, 1) != NGX_OK) {
        return ngx_chat_member_bad(m, NGX_CHAT_IN_USER);
    }

    return (cmd->next.len > NGX_CHAT_USER_NEXT)
           ? ngx_chat_member_bad(m, NGX_CHAT_IN_NEXT) : NGX_OK;
}
