
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * "invite" and "uninvite": who may be in a room that is for its members alone.
 * A member is a row of the table.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_audit.h"
#include "ngx_chat_control.h"
#include "ngx_chat_dispatch.h"
#include "ngx_chat_standing.h"
#include "ngx_chat_state.h"
#include "ngx_chat_worker.h"


/* seconds until every worker has seen that somebody is a member no more */
#define NGX_CHAT_UNINVITED_TTL  60


static ngx_chat_err_e ngx_chat_invite(ngx_chat_caller_t *c,
    ngx_chat_cmd_t *cmd);
static ngx_chat_err_e ngx_chat_uninvite(ngx_chat_caller_t *c,
    ngx_chat_cmd_t *cmd);


void
ngx_chat_command_invite(ngx_chat_caller_t *c, ngx_chat_cmd_t *cmd)
{
    ngx_chat_err_e  code;

    code = (cmd->type == NGX_CHAT_CMD_INVITE) ? ngx_chat_invite(c, cmd)
                                              : ngx_chat_uninvite(c, cmd);

    if (code != NGX_CHAT_OK) {
        ngx_chat_dispatch_refuse(c, cmd, code);
        return;
    }

    ngx_chat_dispatch_done(c, cmd, &cmd->room, &cmd->moder.user);
}


static ngx_chat_err_e
ngx_chat_invite(ngx_chat_caller_t *c, ngx_chat_cmd_t *cmd)
{
    ngx_chat_err_e  code;

    code = ngx_chat_dispatch_may(c, NGX_CHAT_MAY_INVITE, &cmd->room);

    if (code != NGX_CHAT_OK || !c->invite) {
        /* where everybody may be there is nothing to keep */
        return code;
    }

    code = ngx_chat_dispatch_member(c, &cmd->room, &cmd->moder.user, 1);

    if (code == NGX_CHAT_OK) {
        /* he is told */
        ngx_chat_control_changed();
    }

    return code;
}


/* as it is for a kick */

static ngx_chat_err_e
ngx_chat_uninvite(ngx_chat_caller_t *c, ngx_chat_cmd_t *cmd)
{
    ngx_uint_t       rank;
    ngx_chat_err_e   code;
    ngx_chat_row_t   row;

    code = ngx_chat_dispatch_may(c, NGX_CHAT_MAY_KICK, &cmd->room);

    if (code != NGX_CHAT_OK) {
        return code;
    }

    rank = ngx_chat_standing_rank(c->conf->zone, &cmd->moder.user, &cmd->room);

    if (rank == 0
        || ngx_chat_standing_row(&row, NGX_CHAT_KIND_MEMBER, &cmd->room, 'u',
                                 &cmd->moder.user)
           != NGX_OK)
    {
        return NGX_CHAT_E_INTERNAL;
    }

    if (rank >= c->rank) {
        return NGX_CHAT_E_FORBIDDEN;
    }

    if (ngx_chat_table_get(c->conf->zone, &row, (uint64_t) ngx_time())
        != NGX_OK
        || row.expires != 0)
    {
        return NGX_CHAT_E_NOT_FOUND;
    }

    code = ngx_chat_dispatch_member(c, &cmd->room, &cmd->moder.user, 0);

    if (code == NGX_CHAT_OK) {
        ngx_chat_audit_moder(c, cmd);
        ngx_chat_control_changed();
    }

    return code;
}


/* a row that says "false" is for sessions that are there; later its absence
   says the same */

ngx_chat_err_e
ngx_chat_dispatch_member(ngx_chat_caller_t *c, ngx_str_t *room,
    ngx_str_t *user, ngx_uint_t in)
{
    uint64_t          now;
    ngx_int_t         rc;
    ngx_chat_row_t    row;
    ngx_chat_text_t  *t;

    now = (uint64_t) ngx_time();

    if (ngx_chat_standing_row(&row, NGX_CHAT_KIND_MEMBER, room, 'u', user)
        != NGX_OK)
    {
        return NGX_CHAT_E_INTERNAL;
    }

    t = ngx_chat_worker_text();

    if (in) {
        ngx_chat_text_lit(t, "{\"member\":true,\"user\":");

    } else {
        ngx_chat_text_lit(t, "{\"member\":false,\"user\":");
        row.expires = now + NGX_CHAT_UNINVITED_TTL;
    }

    ngx_chat_text_json(t, user);
    ngx_chat_text_lit(t, ",\"room\":");
    ngx_chat_text_json(t, room);
    ngx_chat_text_lit(t, ",\"by\":");
    ngx_chat_text_json(t, &c->user->id);
    ngx_chat_text_lit(t, "}");

    if (t->failed) {
        return NGX_CHAT_E_INTERNAL;
    }

    row.value.data = t->start;
    row.value.len = ngx_chat_text_len(t);

    rc = ngx_chat_table_set(c->conf->zone, &row, now);

    if (rc != NGX_OK) {
        return (rc == NGX_BUSY) ? NGX_CHAT_E_FULL
               : (rc == NGX_AGAIN) ? NGX_CHAT_E_UNAVAILABLE
                                   : NGX_CHAT_E_INTERNAL;
    }

    ngx_chat_broker_changed(c->conf->zone);
    ngx_chat_state_flush(c->conf->zone, now, ngx_cycle->log);

    return NGX_CHAT_OK;
}
