
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Commands of users to users.
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
