
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * What moderators do to people: "kick", "ban", "mute", "role", "revoke".  A
 * command changes one row of the table, which all workers then see; what it
 * does to sessions is in ngx_chat_control.c.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_audit.h"
#include "ngx_chat_control.h"
#include "ngx_chat_dispatch.h"
#include "ngx_chat_purge.h"
#include "ngx_chat_standing.h"
#include "ngx_chat_state.h"
#include "ngx_chat_test.h"
#include "ngx_chat_worker.h"


/* seconds until every worker has seen an act, or until it is too late */
#define NGX_CHAT_ACT_TTL  60


static ngx_chat_err_e ngx_chat_moder_allowed(ngx_chat_caller_t *c,
    ngx_chat_cmd_t *cmd);
static ngx_chat_err_e ngx_chat_moder_purge(ngx_chat_caller_t *c,
    ngx_chat_cmd_t *cmd);
static ngx_chat_action_e ngx_chat_moder_action(ngx_chat_cmd_e type);
static ngx_chat_err_e ngx_chat_moder_do(ngx_chat_caller_t *c,
    ngx_chat_cmd_t *cmd, uint64_t *until);
static ngx_int_t ngx_chat_moder_row(ngx_chat_caller_t *c,
    ngx_chat_cmd_t *cmd, ngx_chat_row_t *row);
static void ngx_chat_moder_value(ngx_chat_caller_t *c, ngx_chat_cmd_t *cmd,
    ngx_chat_text_t *t);
static uint64_t ngx_chat_moder_expires(ngx_chat_caller_t *c,
    ngx_chat_cmd_t *cmd);
static ngx_chat_err_e ngx_chat_moder_undo(ngx_chat_caller_t *c,
    ngx_chat_row_t *row);
static void ngx_chat_moder_told(ngx_chat_caller_t *c, ngx_chat_cmd_t *cmd);
static void ngx_chat_moder_ok(ngx_chat_caller_t *c, ngx_chat_cmd_t *cmd,
    uint64_t until);


void
ngx_chat_command_moder(ngx_chat_caller_t *c, ngx_chat_cmd_t *cmd)
{
    uint64_t        until;
    ngx_chat_err_e  code;

    until = 0;
    code = ngx_chat_moder_allowed(c, cmd);

    if (code == NGX_CHAT_OK) {
        code = ngx_chat_moder_do(c, cmd, &until);
    }

    if (code != NGX_CHAT_OK) {
        ngx_chat_dispatch_refuse(c, cmd, code);
        return;
    }

    if (cmd->moder.purge_ms != 0) {
        /* no room is told of a purge that didn't begin: it can be asked for
           again, and the ban holds */
        ngx_chat_purge_start(c, cmd);
    }

    ngx_chat_audit_moder(c, cmd);

    ngx_chat_moder_told(c, cmd);
    ngx_chat_moder_ok(c, cmd, until);
}


/* acting on somebody needs a higher rank than his */

static ngx_chat_err_e
ngx_chat_moder_allowed(ngx_chat_caller_t *c, ngx_chat_cmd_t *cmd)
{
    ngx_str_t        *user;
    ngx_uint_t        rank;
    ngx_chat_err_e    code;

    code = ngx_chat_dispatch_may(c, ngx_chat_moder_action(cmd->type),
                                 &cmd->room);
    if (code != NGX_CHAT_OK) {
        return code;
    }

    user = &cmd->moder.user;

    if (cmd->type == NGX_CHAT_CMD_DISCONNECT && user->len == 0) {
        /* whoever it is: a key's rank is above all */
        return NGX_CHAT_OK;
    }

    if (cmd->type == NGX_CHAT_CMD_REVOKE
        && (user->len == 0
            || (user->len == c->user->id.len
                && ngx_memcmp(user->data, c->user->id.data, user->len) == 0)))
    {
        /* one's own, or nobody's that can be named */
        return NGX_CHAT_OK;
    }

    rank = ngx_chat_standing_rank(c->conf->zone, user, &cmd->room);

    if (rank == 0) {
        return NGX_CHAT_E_INTERNAL;
    }

    if (rank >= c->rank
        || ngx_chat_role_rank(&cmd->moder.role) > c->rank)
    {
        return NGX_CHAT_E_FORBIDDEN;
    }

    return ngx_chat_moder_purge(c, cmd);
}


/* whether what he has written can be deleted, too; asked before anything is
   done */

static ngx_chat_err_e
ngx_chat_moder_purge(ngx_chat_caller_t *c, ngx_chat_cmd_t *cmd)
{
    if (cmd->moder.purge_ms == 0) {
        return NGX_CHAT_OK;
    }

    if (c->conf->broker->prepare != NULL) {
        /* rooms that live elsewhere */
        return NGX_CHAT_E_UNSUPPORTED;
    }

    if (ngx_chat_purge_busy()) {
        return NGX_CHAT_E_UNAVAILABLE;
    }

    return ngx_chat_dispatch_may(c, NGX_CHAT_MAY_DELETE_ANY, &cmd->room);
}


static ngx_chat_action_e
ngx_chat_moder_action(ngx_chat_cmd_e type)
{
    switch (type) {

    case NGX_CHAT_CMD_KICK:
    case NGX_CHAT_CMD_DISCONNECT:
        return NGX_CHAT_MAY_KICK;

    case NGX_CHAT_CMD_BAN:
    case NGX_CHAT_CMD_UNBAN:
        return NGX_CHAT_MAY_BAN;

    case NGX_CHAT_CMD_MUTE:
    case NGX_CHAT_CMD_UNMUTE:
        return NGX_CHAT_MAY_MUTE;

    default:
        return NGX_CHAT_MAY_ADMIN;
    }
}


/* *until is 0 for what has no end, or is none that ends */

static ngx_chat_err_e
ngx_chat_moder_do(ngx_chat_caller_t *c, ngx_chat_cmd_t *cmd, uint64_t *until)
{
    ngx_int_t         rc;
    ngx_chat_row_t    row;
    ngx_chat_text_t  *t;
    ngx_chat_zone_t  *z;

    *until = 0;
    z = c->conf->zone;

    if (ngx_chat_moder_row(c, cmd, &row) != NGX_OK) {
        return NGX_CHAT_E_INTERNAL;
    }

    if (cmd->type == NGX_CHAT_CMD_UNBAN || cmd->type == NGX_CHAT_CMD_UNMUTE) {
        return ngx_chat_moder_undo(c, &row);
    }

    t = ngx_chat_worker_text();

    ngx_chat_moder_value(c, cmd, t);

    if (t->failed) {
        return NGX_CHAT_E_INTERNAL;
    }

    row.value.data = t->start;
    row.value.len = ngx_chat_text_len(t);
    row.expires = ngx_chat_moder_expires(c, cmd);

    rc = ngx_chat_table_set(z, &row, (uint64_t) ngx_time());

    if (rc != NGX_OK) {
        return (rc == NGX_BUSY) ? NGX_CHAT_E_FULL
               : (rc == NGX_AGAIN) ? NGX_CHAT_E_UNAVAILABLE
                                   : NGX_CHAT_E_INTERNAL;
    }

    ngx_chat_test_point("moder:unwoken");

    if (cmd->type == NGX_CHAT_CMD_BAN || cmd->type == NGX_CHAT_CMD_MUTE) {
        *until = row.expires;
    }

    ngx_chat_control_changed();

    ngx_chat_state_flush(z, (uint64_t) ngx_time(), ngx_cycle->log);

    return NGX_CHAT_OK;
}


static ngx_int_t
ngx_chat_moder_row(ngx_chat_caller_t *c, ngx_chat_cmd_t *cmd,
    ngx_chat_row_t *row)
{
    u_char       what;
    ngx_str_t   *name;
    ngx_uint_t   kind;

    what = 'u';
    name = &cmd->moder.user;

    switch (cmd->type) {

    case NGX_CHAT_CMD_KICK:
        kind = NGX_CHAT_KIND_KICK;
        break;

    case NGX_CHAT_CMD_DISCONNECT:
        kind = NGX_CHAT_KIND_KICK;

        if (cmd->moder.session.len > 0) {
            what = 's';
            name = &cmd->moder.session;
        }

        break;

    case NGX_CHAT_CMD_BAN:
    case NGX_CHAT_CMD_UNBAN:
        kind = NGX_CHAT_KIND_BAN;
        break;

    case NGX_CHAT_CMD_MUTE:
    case NGX_CHAT_CMD_UNMUTE:
        kind = NGX_CHAT_KIND_MUTE;
        break;

    case NGX_CHAT_CMD_ROLE:
        kind = NGX_CHAT_KIND_ROLE;
        break;

    default:
        kind = NGX_CHAT_KIND_HORIZON;

        if (cmd->moder.session.len > 0) {
            what = 's';
            name = &cmd->moder.session;

        } else if (cmd->moder.jti.len > 0) {
            what = 'j';
            name = &cmd->moder.jti;
        }
    }

    return ngx_chat_standing_row(row, kind, &cmd->room, what, name);
}


static void
ngx_chat_moder_value(ngx_chat_caller_t *c, ngx_chat_cmd_t *cmd,
    ngx_chat_text_t *t)
{
    ngx_chat_text_lit(t, "{\"by\":");
    ngx_chat_text_json(t, &c->user->id);
    ngx_chat_text_lit(t, ",\"at\":");
    ngx_chat_text_num(t, (int64_t) ngx_chat_worker_now());

    ngx_chat_text_member(t, "user", &cmd->moder.user);
    ngx_chat_text_member(t, "room", &cmd->room);
    ngx_chat_text_member(t, "role", &cmd->moder.role);
    ngx_chat_text_member(t, "session", &cmd->moder.session);
    ngx_chat_text_member(t, "reason", &cmd->moder.reason);

    if (cmd->type == NGX_CHAT_CMD_BAN && cmd->moder.address) {
        ngx_chat_text_lit(t, ",\"address\":1");
    }

    if (cmd->type == NGX_CHAT_CMD_REVOKE && cmd->moder.user.len > 0) {
        ngx_chat_text_lit(t, ",\"before\":");
        ngx_chat_text_num(t, (int64_t) ngx_time());
    }

    ngx_chat_text_lit(t, "}");
}


/* seconds; 0: never */

static uint64_t
ngx_chat_moder_expires(ngx_chat_caller_t *c, ngx_chat_cmd_t *cmd)
{
    time_t            now;
    ngx_chat_zone_t  *z;

    now = ngx_time();

    switch (cmd->type) {

    case NGX_CHAT_CMD_BAN:
    case NGX_CHAT_CMD_MUTE:

        return (cmd->moder.for_ms > 0)
               ? (uint64_t) now + (cmd->moder.for_ms + 999) / 1000 : 0;

    case NGX_CHAT_CMD_ROLE:

        /* a row that says "none" is for sessions that are there; later its
           absence says the same */

        return (ngx_chat_role_rank(&cmd->moder.role) > 0)
               ? 0 : (uint64_t) now + NGX_CHAT_ACT_TTL;

    case NGX_CHAT_CMD_REVOKE:

        if (cmd->moder.session.len > 0) {
            break;
        }

        z = c->conf->zone;

        return z->token_forever ? 0 : (uint64_t) (now + z->token_ttl);

    default:
        break;
    }

    return (uint64_t) now + NGX_CHAT_ACT_TTL;
}


static ngx_chat_err_e
ngx_chat_moder_undo(ngx_chat_caller_t *c, ngx_chat_row_t *row)
{
    ngx_int_t         rc;
    ngx_chat_zone_t  *z;

    z = c->conf->zone;

    rc = ngx_chat_table_get(z, row, (uint64_t) ngx_time());

    if (rc == NGX_OK) {
        rc = ngx_chat_table_delete(z, row);
    }

    if (rc != NGX_OK) {
        return (rc == NGX_AGAIN) ? NGX_CHAT_E_UNAVAILABLE
                                 : NGX_CHAT_E_NOT_FOUND;
    }

    ngx_chat_broker_changed(z);
    ngx_chat_state_flush(z, (uint64_t) ngx_time(), ngx_cycle->log);

    return NGX_CHAT_OK;
}


/* a role is known to all who are there */

static void
ngx_chat_moder_told(ngx_chat_caller_t *c, ngx_chat_cmd_t *cmd)
{
    ngx_chat_text_t  *t;

    if (cmd->type != NGX_CHAT_CMD_ROLE) {
        return;
    }

    t = ngx_chat_worker_text();

    ngx_chat_text_lit(t, "{\"type\":\"role\",\"room\":");
    ngx_chat_text_json(t, &cmd->room);
    ngx_chat_text_lit(t, ",\"user\":{\"id\":");
    ngx_chat_text_json(t, &cmd->moder.user);
    ngx_chat_text_lit(t, "},\"role\":");
    ngx_chat_text_json(t, &cmd->moder.role);
    ngx_chat_text_lit(t, ",\"by\":");
    ngx_chat_enc_user(t, c->user);
    ngx_chat_text_lit(t, "}");

    ngx_chat_dispatch_tell(c, &cmd->room, t);
}


static void
ngx_chat_moder_ok(ngx_chat_caller_t *c, ngx_chat_cmd_t *cmd, uint64_t until)
{
    ngx_chat_text_t  *t;

    if (cmd->reply_to.len == 0) {
        return;
    }

    t = ngx_chat_worker_text();

    ngx_chat_text_lit(t, "{\"type\":\"ok\"");
    ngx_chat_enc_reply_to(t, &cmd->reply_to);

    ngx_chat_text_member(t, "room", &cmd->room);
    ngx_chat_text_member(t, "user", &cmd->moder.user);
    ngx_chat_text_member(t, "role", &cmd->moder.role);

    if (cmd->type == NGX_CHAT_CMD_DISCONNECT) {
        ngx_chat_text_member(t, "session", &cmd->moder.session);
    }

    if (until > 0) {
        ngx_chat_text_lit(t, ",\"until\":");
        ngx_chat_text_num(t, (int64_t) (until * 1000));
    }

    ngx_chat_text_lit(t, "}");
    ngx_chat_dispatch_emit(c, t);
}
