
/*
 * Copyright (C) the ngx_chat_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_backlog.h"
#include "ngx_chat_dispatch.h"
#include "ngx_chat_name.h"
#include "ngx_chat_scope.h"
#include "ngx_chat_token.h"
#include "ngx_chat_utf8.h"
#include "ngx_chat_worker.h"


typedef void (*ngx_chat_handler_pt)(ngx_chat_caller_t *c,
    ngx_chat_cmd_t *cmd);


static void ngx_chat_dispatch_redo(ngx_chat_session_t *s,
    ngx_chat_backlog_item_t *item, ngx_chat_wait_t *outcome);
static void ngx_chat_dispatch_command(ngx_chat_caller_t *c,
    ngx_chat_cmd_t *cmd);

static void ngx_chat_command_unknown(ngx_chat_caller_t *c,
    ngx_chat_cmd_t *cmd);
static void ngx_chat_command_hello(ngx_chat_caller_t *c, ngx_chat_cmd_t *cmd);
static void ngx_chat_command_ping(ngx_chat_caller_t *c, ngx_chat_cmd_t *cmd);
static void ngx_chat_command_pong(ngx_chat_caller_t *c, ngx_chat_cmd_t *cmd);
static void ngx_chat_command_leave(ngx_chat_caller_t *c, ngx_chat_cmd_t *cmd);
static void ngx_chat_command_message(ngx_chat_caller_t *c,
    ngx_chat_cmd_t *cmd);
static void ngx_chat_command_history(ngx_chat_caller_t *c,
    ngx_chat_cmd_t *cmd);
static void ngx_chat_command_transient(ngx_chat_caller_t *c,
    ngx_chat_cmd_t *cmd);
static void ngx_chat_command_auth(ngx_chat_caller_t *c, ngx_chat_cmd_t *cmd);


/* by ngx_chat_cmd_e */

static ngx_chat_handler_pt  ngx_chat_commands[] = {
    ngx_chat_command_unknown,         /* NGX_CHAT_CMD_NONE: refused before */
    ngx_chat_command_unknown,
    ngx_chat_command_hello,
    ngx_chat_command_ping,
    ngx_chat_command_pong,
    ngx_chat_command_join,
    ngx_chat_command_leave,
    ngx_chat_command_message,
    ngx_chat_command_history,
    ngx_chat_command_transient,       /* signal */
    ngx_chat_command_transient,       /* typing */
    ngx_chat_command_auth,
    ngx_chat_command_read,
    ngx_chat_command_unread,
    ngx_chat_command_moder,           /* kick */
    ngx_chat_command_moder,           /* ban */
    ngx_chat_command_moder,           /* unban */
    ngx_chat_command_moder,           /* mute */
    ngx_chat_command_moder,           /* unmute */
    ngx_chat_command_moder,           /* role */
    ngx_chat_command_moder,           /* revoke */
    ngx_chat_command_room,
    ngx_chat_command_members,
    ngx_chat_command_rooms,
    ngx_chat_command_moder,           /* disconnect */
    ngx_chat_command_user,            /* export */
    ngx_chat_command_user,            /* erase */
    ngx_chat_command_message,         /* edit */
    ngx_chat_command_message,         /* delete */
    ngx_chat_command_message,         /* react */
    ngx_chat_command_direct,
    ngx_chat_command_invite,
    ngx_chat_command_invite,          /* uninvite */
    ngx_chat_command_block,
    ngx_chat_command_block,           /* unblock */
    ngx_chat_command_blocks
};


void
ngx_chat_dispatch(ngx_chat_caller_t *c, ngx_str_t *json)
{
    ngx_int_t         rc;
    ngx_uint_t        n, skip;
    ngx_chat_cmd_t    cmd;
    ngx_chat_err_t    err;
    ngx_chat_batch_t  batch;

    if (c->session != NULL && ngx_chat_backlog_waits(c->session) && !c->redo)
    {
        ngx_chat_backlog_add(c->session, json, c->single,
                             ngx_chat_dispatch_redo);
        return;
    }

    if (c->session != NULL) {
        c->resume = ngx_chat_backlog_handler;
        c->resume_data = c->session;
    }

    skip = c->skip;
    c->skip = 0;

    if (ngx_chat_batch_open(&batch, c->pool, json, c->conf->text_max,
                            !c->single, &err)
        != NGX_OK)
    {
        ngx_chat_dispatch_error(c, NULL, NULL, &err);
        return;
    }

    for (n = 0; /* void */ ; n++) {
        rc = ngx_chat_batch_next(&batch, &cmd, &err);

        if (rc == NGX_DONE
            || (c->session != NULL
                && (c->session->dead || c->session->closing)))
        {
            break;
        }

        if (n < skip) {
            continue;
        }

        if (rc == NGX_ERROR) {
            ngx_chat_dispatch_error(c, &cmd.reply_to, NULL, &err);
            continue;
        }

        ngx_chat_dispatch_command(c, &cmd);

        ngx_chat_dispatch_outcome(c, NULL);

        if (c->wait == NULL) {
            continue;
        }

        if (c->session != NULL) {
            ngx_chat_backlog_suspend(c->session, json, n, c->single, c->wait,
                                     ngx_chat_dispatch_redo);
            c->wait = NULL;

        } else {
            c->skip = n;
        }

        break;
    }

    ngx_chat_batch_close(&batch);
}


/* the same text again: its first commands are done, the next has waited */

static void
ngx_chat_dispatch_redo(ngx_chat_session_t *s, ngx_chat_backlog_item_t *item,
    ngx_chat_wait_t *outcome)
{
    ngx_chat_caller_t  c;

    ngx_memzero(&c, offsetof(ngx_chat_caller_t, guest_id));

    c.conf = s->conf;
    c.session = s;
    c.user = &s->user;
    c.pool = ngx_chat_worker_pool();
    ngx_chat_dispatch_outcome(&c, outcome);
    c.skip = item->skip;
    c.single = item->kind ? 1 : 0;
    c.redo = 1;

    ngx_chat_dispatch(&c, &item->text);

    ngx_chat_worker_pool_reset();
}


/* replies that nobody reads are bounded: the rest of a batch is refused */

static void
ngx_chat_dispatch_command(ngx_chat_caller_t *c, ngx_chat_cmd_t *cmd)
{
    size_t          pending, max;
    ngx_chat_err_e  code;
    ngx_chat_err_t  err;

    if (c->session != NULL) {
        pending = ngx_chat_session_unsent(c->session);
        max = NGX_CHAT_OUT_MAX - NGX_CHAT_PAGE_BYTES * 2;
        c->session->received += ngx_chat_dispatch_first(c);

    } else {
        pending = ngx_chat_text_len(c->replies);
        max = NGX_CHAT_REPLIES_MAX - NGX_CHAT_PAGE_BYTES * 2;
        c->received += ngx_chat_dispatch_first(c);
    }

    if (pending > max && cmd->type != NGX_CHAT_CMD_MESSAGE) {
        ngx_memzero(&err, sizeof(ngx_chat_err_t));
        err.code = NGX_CHAT_E_RATE_LIMITED;
        err.message = "read the replies before asking for more";
        err.retry_after_ms = 1000;
        ngx_chat_dispatch_error(c, &cmd->reply_to, NULL, &err);
        return;
    }

    /* one that has waited has paid, and its outcome must be told */

    code = ngx_chat_dispatch_first(c)
           ? ngx_chat_dispatch_charge(c, NGX_CHAT_RATE_COMMAND, NULL, 1)
           : NGX_CHAT_OK;

    if (code == NGX_CHAT_OK && c->outcome == NULL) {
        code = ngx_chat_scope_may(c->user, cmd->type, &cmd->room);
    }

    if (code != NGX_CHAT_OK) {
        cmd->room.len = 0;
        ngx_chat_dispatch_refuse(c, cmd, code);
        return;
    }

    ngx_chat_commands[cmd->type](c, cmd);
}


void
ngx_chat_dispatch_emit(ngx_chat_caller_t *c, ngx_chat_text_t *t)
{
    ngx_str_t  object;

    if (t->failed) {

        if (c->session != NULL) {
            ngx_chat_session_abort(c->session, NGX_CHAT_CLOSE_TRY_LATER);

        } else {
            c->replies->failed = 1;
        }

        return;
    }

    object.data = t->start;
    object.len = ngx_chat_text_len(t);

    if (c->session != NULL) {
        ngx_chat_session_send(c->session, &object);
        return;
    }

    if (c->nreplies++ > 0) {
        ngx_chat_text_lit(c->replies, ",");
    }

    ngx_chat_text_str(c->replies, &object);
}


void
ngx_chat_dispatch_error(ngx_chat_caller_t *c, ngx_str_t *reply_to,
    ngx_str_t *room, ngx_chat_err_t *err)
{
    ngx_chat_text_t  *t;

    if (c->err != NULL) {
        *c->err = *err;
        return;
    }

    ngx_chat_worker_metric(c->conf->zone, NGX_CHAT_M_ERRORS, 1);

    t = ngx_chat_worker_text();

    ngx_chat_enc_error(t, reply_to, room, err);
    ngx_chat_dispatch_emit(c, t);
}


void
ngx_chat_dispatch_refuse(ngx_chat_caller_t *c, ngx_chat_cmd_t *cmd,
    ngx_chat_err_e code)
{
    ngx_chat_err_t  err;

    if (code == NGX_CHAT_E_WAIT) {
        /* it will be dispatched again */
        return;
    }

    ngx_memzero(&err, sizeof(ngx_chat_err_t));
    err.code = code;

    ngx_chat_dispatch_when(c, &err);

    ngx_chat_dispatch_error(c, &cmd->reply_to,
                            cmd->room.len ? &cmd->room : NULL, &err);

    if (c->session != NULL
        && (code == NGX_CHAT_E_RATE_LIMITED || code == NGX_CHAT_E_SLOW_MODE))
    {
        /* the error goes before the end */
        ngx_chat_dispatch_flood(c->session);
    }
}


static void
ngx_chat_command_unknown(ngx_chat_caller_t *c, ngx_chat_cmd_t *cmd)
{
    cmd->room.len = 0;
    ngx_chat_dispatch_refuse(c, cmd, NGX_CHAT_E_UNKNOWN_COMMAND);
}


static void
ngx_chat_command_hello(ngx_chat_caller_t *c, ngx_chat_cmd_t *cmd)
{
    ngx_int_t         rc;
    ngx_uint_t        changed;
    ngx_chat_err_e    code;
    ngx_chat_err_t    err;
    ngx_chat_user_t   user;

    if (c->session != NULL) {
        c->session->heartbeat = cmd->heartbeat;
    }

    if (c->conf->auth != NULL && cmd->token.len != 0
        && !(c->user->guest && ngx_chat_guest_token_like(&cmd->token)))
    {
        ngx_chat_dispatch_token(c, cmd);
        return;
    }

    user = *c->user;
    rc = ngx_chat_identity_hello(c, cmd, &user, &changed);

    if (rc != NGX_OK) {
        ngx_memzero(&err, sizeof(ngx_chat_err_t));
        err.code = (rc == NGX_ABORT) ? NGX_CHAT_E_EXPIRED
                                     : NGX_CHAT_E_UNAUTHORIZED;
        err.field = "token";
        ngx_chat_dispatch_error(c, &cmd->reply_to, NULL, &err);
        return;
    }

    if (changed) {
        code = ngx_chat_standing_admit(c->conf->zone, &user, &c->until);

        if (code != NGX_CHAT_OK) {
            ngx_chat_dispatch_denied(c, cmd, code);
            return;
        }
    }

    if (changed && c->session == NULL) {
        *c->user = user;

    } else if (changed) {

        if (ngx_chat_dispatch_become(c, cmd, &user) != NGX_OK) {
            return;
        }

        ngx_chat_dispatch_welcome(c->session, &cmd->reply_to);
        return;
    }

    ngx_chat_dispatch_done(c, cmd, NULL, NULL);
}


static void
ngx_chat_command_auth(ngx_chat_caller_t *c, ngx_chat_cmd_t *cmd)
{
    if (c->conf->auth == NULL) {
        ngx_chat_dispatch_refuse(c, cmd, NGX_CHAT_E_UNSUPPORTED);
        return;
    }

    ngx_chat_dispatch_token(c, cmd);
}


void
ngx_chat_dispatch_done(ngx_chat_caller_t *c, ngx_chat_cmd_t *cmd,
    ngx_str_t *room, ngx_str_t *user)
{
    ngx_chat_text_t  *t;

    if (cmd->reply_to.len == 0) {
        return;
    }

    t = ngx_chat_worker_text();

    ngx_chat_text_lit(t, "{\"type\":\"ok\"");
    ngx_chat_enc_reply_to(t, &cmd->reply_to);

    if (room != NULL) {
        ngx_chat_text_member(t, "room", room);
    }

    if (user != NULL) {
        ngx_chat_text_member(t, "user", user);
    }

    ngx_chat_text_lit(t, "}");
    ngx_chat_dispatch_emit(c, t);
}


static void
ngx_chat_command_ping(ngx_chat_caller_t *c, ngx_chat_cmd_t *cmd)
{
    ngx_chat_text_t  *t;

    t = ngx_chat_worker_text();

    ngx_chat_text_lit(t, "{\"type\":\"pong\"");
    ngx_chat_enc_reply_to(t, &cmd->reply_to);
    ngx_chat_text_lit(t, ",\"ts\":");
    ngx_chat_text_num(t, (int64_t) ngx_chat_worker_now());
    ngx_chat_text_lit(t, "}");
    ngx_chat_dispatch_emit(c, t);
}


static void
ngx_chat_command_pong(ngx_chat_caller_t *c, ngx_chat_cmd_t *cmd)
{
    /* that it came is all it says */
}


static void
ngx_chat_command_leave(ngx_chat_caller_t *c, ngx_chat_cmd_t *cmd)
{
    ngx_chat_member_t  *m;

    if (c->session == NULL) {
        ngx_chat_dispatch_refuse(c, cmd, NGX_CHAT_E_UNSUPPORTED);
        return;
    }

    m = ngx_chat_member_find(c->session, &cmd->room);

    if (m == NULL) {
        ngx_chat_dispatch_refuse(c, cmd, NGX_CHAT_E_NOT_JOINED);
        return;
    }

    ngx_chat_member_leave(c->session, m, &cmd->reply_to, "left");
}


static void
ngx_chat_command_message(ngx_chat_caller_t *c, ngx_chat_cmd_t *cmd)
{
    ngx_chat_err_e       code;
    ngx_chat_text_t     *t;
    ngx_chat_publish_t   p;

    if (c->session != NULL && c->outcome == NULL
        && ngx_chat_member_find(c->session, &cmd->room) == NULL)
    {
        ngx_chat_dispatch_refuse(c, cmd, NGX_CHAT_E_NOT_JOINED);
        return;
    }

    code = (cmd->type == NGX_CHAT_CMD_MESSAGE)
           ? ngx_chat_dispatch_publish(c, cmd, &p)
           : ngx_chat_dispatch_change(c, cmd, &p);

    if (code != NGX_CHAT_OK) {
        ngx_chat_dispatch_refuse(c, cmd, code);
        return;
    }

    if (cmd->reply_to.len == 0) {
        return;
    }

    t = ngx_chat_worker_text();

    ngx_chat_dispatch_ok(t, &cmd->reply_to, &cmd->room, &p);
    ngx_chat_dispatch_emit(c, t);
}


static void
ngx_chat_command_history(ngx_chat_caller_t *c, ngx_chat_cmd_t *cmd)
{
    ngx_chat_err_e        code;
    ngx_chat_page_t       page;
    ngx_chat_text_t      *t;
    ngx_chat_room_key_t   key;

    key.kind = NGX_CHAT_ROOM_CHAT;
    key.name = cmd->room;

    page.thread = cmd->thread;
    page.before = cmd->before;
    page.after = cmd->after;
    page.limit = cmd->limit;
    page.raw = cmd->raw;

    t = ngx_chat_worker_text();

    ngx_chat_text_lit(t, "{\"type\":\"history\"");
    ngx_chat_enc_reply_to(t, &cmd->reply_to);
    ngx_chat_text_lit(t, ",\"room\":");
    ngx_chat_text_json(t, &cmd->room);
    ngx_chat_text_lit(t, ",");

    code = ngx_chat_dispatch_page(c, &key, &page, t);

    if (code != NGX_CHAT_OK) {
        ngx_chat_dispatch_refuse(c, cmd, code);
        return;
    }

    ngx_chat_text_lit(t, "}");

    if (cmd->reply_to.len > 0) {
        ngx_chat_dispatch_emit(c, t);
    }
}


static void
ngx_chat_command_transient(ngx_chat_caller_t *c, ngx_chat_cmd_t *cmd)
{
    ngx_chat_err_e  code;

    code = ngx_chat_dispatch_transient(c, cmd);

    if (code != NGX_CHAT_OK) {
        ngx_chat_dispatch_refuse(c, cmd, code);
        return;
    }

    ngx_chat_dispatch_done(c, cmd, &cmd->room, NULL);
}
