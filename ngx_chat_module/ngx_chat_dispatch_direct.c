
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * "direct": the room of two users.  The name says whose it is, so nothing is
 * made or kept here; the room is made when it is entered or written to.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_direct.h"
#include "ngx_chat_dispatch.h"
#include "ngx_chat_worker.h"


static ngx_chat_err_e ngx_chat_direct_open(ngx_chat_caller_t *c,
    ngx_chat_cmd_t *cmd, u_char name[NGX_CHAT_DIRECT_LEN]);


void
ngx_chat_command_direct(ngx_chat_caller_t *c, ngx_chat_cmd_t *cmd)
{
    u_char            name[NGX_CHAT_DIRECT_LEN];
    ngx_chat_err_e    code;
    ngx_chat_err_t    err;
    ngx_chat_text_t  *t;

    code = ngx_chat_direct_open(c, cmd, name);

    if (code == NGX_CHAT_E_BAD_REQUEST) {
        ngx_memzero(&err, sizeof(ngx_chat_err_t));
        err.code = code;
        err.field = "to";
        err.message = "\"to\" must be the id of another user";
        ngx_chat_dispatch_error(c, &cmd->reply_to, NULL, &err);
        return;
    }

    if (code != NGX_CHAT_OK) {
        cmd->room.len = 0;
        ngx_chat_dispatch_refuse(c, cmd, code);
        return;
    }

    if (cmd->reply_to.len == 0) {
        return;
    }

    t = ngx_chat_worker_text();

    ngx_chat_text_lit(t, "{\"type\":\"ok\"");
    ngx_chat_enc_reply_to(t, &cmd->reply_to);
    ngx_chat_text_lit(t, ",\"room\":\"");
    ngx_chat_text_add(t, name, NGX_CHAT_DIRECT_LEN);
    ngx_chat_text_lit(t, "\",\"with\":{\"id\":");
    ngx_chat_text_json(t, &cmd->to);

    if (cmd->to.data[0] == '~') {
        ngx_chat_text_lit(t, ",\"guest\":true");
    }

    ngx_chat_text_lit(t, "}}");
    ngx_chat_dispatch_emit(c, t);
}


/* NGX_CHAT_E_BAD_REQUEST: with himself */

static ngx_chat_err_e
ngx_chat_direct_open(ngx_chat_caller_t *c, ngx_chat_cmd_t *cmd,
    u_char name[NGX_CHAT_DIRECT_LEN])
{
    ngx_int_t        rc;
    ngx_chat_err_e   code;
    ngx_chat_user_t  other;

    rc = ngx_chat_direct_name(name, &c->user->id, &cmd->to);

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_CHAT_E_BAD_REQUEST
                                    : NGX_CHAT_E_INTERNAL;
    }

    cmd->room.data = name;
    cmd->room.len = NGX_CHAT_DIRECT_LEN;

    code = ngx_chat_dispatch_may(c, NGX_CHAT_MAY_DIRECT, &cmd->room);

    if (code != NGX_CHAT_OK || cmd->to.data[0] != '~') {
        return code;
    }

    /* a guest who may not have any would never see what is written to him */

    ngx_memzero(&other, sizeof(ngx_chat_user_t));
    other.id = cmd->to;
    other.guest = 1;
    other.allow = c->user->allow;

    return ngx_chat_policy(&other, NGX_CHAT_MAY_DIRECT, &cmd->room);
}
