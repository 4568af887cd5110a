
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Entering rooms: one or many by "join", one by a URL.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_dispatch.h"
#include "ngx_chat_name.h"
#include "ngx_chat_utf8.h"
#include "ngx_chat_worker.h"


static ngx_chat_err_e ngx_chat_dispatch_charge_join(ngx_chat_caller_t *c,
    ngx_chat_join_t *join);
static ngx_chat_err_e ngx_chat_dispatch_join(ngx_chat_caller_t *c,
    ngx_chat_join_t *join, ngx_str_t *reply_to, ngx_uint_t ordinal);
static void ngx_chat_command_join_many(ngx_chat_caller_t *c,
    ngx_chat_cmd_t *cmd);


ngx_chat_err_e
ngx_chat_dispatch_enter(ngx_chat_session_t *s, ngx_chat_join_t *join,
    ngx_uint_t ordinal)
{
    ngx_str_t          none, *room;
    ngx_chat_err_t     err;
    ngx_chat_caller_t  caller;

    ngx_str_null(&none);
    ngx_memzero(&err, sizeof(ngx_chat_err_t));

    ngx_memzero(&caller, sizeof(ngx_chat_caller_t));
    caller.conf = s->conf;
    caller.session = s;
    caller.user = &s->user;

    err.code = (ngx_chat_room_valid(&join->room) == NGX_OK)
               ? ngx_chat_dispatch_join(&caller, join, &none, ordinal)
               : NGX_CHAT_E_BAD_REQUEST;

    if (err.code == NGX_CHAT_OK) {
        return NGX_CHAT_OK;
    }

    ngx_chat_dispatch_when(&caller, &err);

    /* what isn't text can't be named */

    room = (ngx_chat_utf8_valid(join->room.data, join->room.len) == NGX_OK)
           ? &join->room : NULL;

    ngx_chat_dispatch_error(&caller, &none, room, &err);

    return err.code;
}


/* what is replayed, or is on the page, is charged as history is */

static ngx_chat_err_e
ngx_chat_dispatch_charge_join(ngx_chat_caller_t *c, ngx_chat_join_t *join)
{
    ngx_chat_err_e  code;

    code = ngx_chat_dispatch_charge(c, NGX_CHAT_RATE_JOIN, &join->room, 1);

    if (code == NGX_CHAT_OK && (join->after.given || join->last > 0)) {
        code = ngx_chat_dispatch_charge(c, NGX_CHAT_RATE_HISTORY, &join->room,
                                        1);
    }

    return code;
}


static ngx_chat_err_e
ngx_chat_dispatch_join(ngx_chat_caller_t *c, ngx_chat_join_t *join,
    ngx_str_t *reply_to, ngx_uint_t ordinal)
{
    ngx_chat_err_e  code;

    code = ngx_chat_dispatch_charge_join(c, join);

    return (code == NGX_CHAT_OK)
           ? ngx_chat_member_join(c->session, join, reply_to, ordinal,
                                  &c->until)
           : code;
}


void
ngx_chat_command_join(ngx_chat_caller_t *c, ngx_chat_cmd_t *cmd)
{
    ngx_chat_err_e       code;
    ngx_chat_join_t      join;
    ngx_chat_room_key_t  key;

    if (c->session == NULL) {
        ngx_chat_dispatch_refuse(c, cmd, NGX_CHAT_E_UNSUPPORTED);
        return;
    }

    if (cmd->rooms != NULL) {
        ngx_chat_command_join_many(c, cmd);
        return;
    }

    ngx_memzero(&join, sizeof(ngx_chat_join_t));

    join.room = cmd->room;
    join.after = cmd->after;
    join.last = cmd->last;
    join.presence = cmd->presence;
    join.presence_given = cmd->presence_given;

    key.kind = NGX_CHAT_ROOM_CHAT;
    key.name = cmd->room;

    /* once: it comes again with the outcome if the broker had to be asked */

    code = (c->outcome == NULL) ? ngx_chat_dispatch_charge_join(c, &join)
                                : NGX_CHAT_OK;

    if (code == NGX_CHAT_OK) {
        code = ngx_chat_dispatch_prepare(c, &key, &join);
    }

    if (code == NGX_CHAT_OK) {
        code = ngx_chat_member_join(c->session, &join, &cmd->reply_to, 0,
                                    &c->until);
    }

    if (code != NGX_CHAT_OK) {
        ngx_chat_dispatch_refuse(c, cmd, code);
    }
}


/* a `joined' each, then one `ok' with those that could not be entered */

static void
ngx_chat_command_join_many(ngx_chat_caller_t *c, ngx_chat_cmd_t *cmd)
{
    ngx_str_t         none;
    ngx_uint_t        i, failed;
    ngx_chat_join_t  *join;
    ngx_chat_text_t  *t;

    ngx_str_null(&none);

    join = cmd->rooms->elts;
    failed = 0;

    if (ngx_chat_dispatch_prepare_many(c, cmd->rooms, NGX_CHAT_ROOM_CHAT)
        == NGX_CHAT_E_WAIT)
    {
        return;
    }

    for (i = 0; i < cmd->rooms->nelts; i++) {

        if (join[i].error == NGX_CHAT_OK) {
            join[i].error = ngx_chat_dispatch_join(c, &join[i], &none, 0);
        }

        failed += (join[i].error != NGX_CHAT_OK);
    }

    if (cmd->reply_to.len == 0 && !failed) {
        return;
    }

    t = ngx_chat_worker_text();

    ngx_chat_text_lit(t, "{\"type\":\"ok\"");
    ngx_chat_enc_reply_to(t, &cmd->reply_to);
    ngx_chat_dispatch_failed(t, cmd->rooms);
    ngx_chat_text_lit(t, "}");
    ngx_chat_dispatch_emit(c, t);
}


void
ngx_chat_dispatch_failed(ngx_chat_text_t *t, ngx_array_t *rooms)
{
    ngx_uint_t        i, failed;
    ngx_chat_err_e    code;
    ngx_chat_join_t  *join;

    ngx_chat_text_lit(t, ",\"failed\":[");

    join = rooms->elts;

    for (i = 0, failed = 0; i < rooms->nelts; i++) {

        code = join[i].error;

        if (code == NGX_CHAT_OK) {
            continue;
        }

        if (failed++ > 0) {
            ngx_chat_text_lit(t, ",");
        }

        ngx_chat_text_lit(t, "{\"room\":");
        ngx_chat_text_json(t, &join[i].room);
        ngx_chat_text_lit(t, ",\"code\":\"");
        ngx_chat_text_str(t, &ngx_chat_err_info(code)->code);
        ngx_chat_text_lit(t, "\"}");
    }

    ngx_chat_text_lit(t, "]");
}
