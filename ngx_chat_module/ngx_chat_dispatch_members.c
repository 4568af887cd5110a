
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * "members": who is in a room, page by page.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_dispatch.h"
#include "ngx_chat_worker.h"


static ngx_int_t ngx_chat_members_cursor(ngx_str_t *text,
    ngx_chat_presence_cursor_t *at);
static ngx_int_t ngx_chat_members_number(u_char **pos, u_char *last,
    uint64_t *n);
static void ngx_chat_members_next(ngx_chat_text_t *t,
    ngx_chat_presence_cursor_t *at);


void
ngx_chat_command_members(ngx_chat_caller_t *c, ngx_chat_cmd_t *cmd)
{
    ngx_chat_err_e    code;
    ngx_chat_err_t    err;
    ngx_chat_text_t  *t;

    t = ngx_chat_worker_text();

    code = ngx_chat_dispatch_members(c, cmd, t);

    if (code == NGX_CHAT_E_BAD_REQUEST) {
        ngx_memzero(&err, sizeof(ngx_chat_err_t));
        err.code = code;
        err.field = "next";
        err.message = "\"next\" must be that of a page of members";
        ngx_chat_dispatch_error(c, &cmd->reply_to, &cmd->room, &err);
        return;
    }

    if (code != NGX_CHAT_OK) {
        ngx_chat_dispatch_refuse(c, cmd, code);
        return;
    }

    if (cmd->reply_to.len > 0) {
        ngx_chat_dispatch_emit(c, t);
    }
}


/*
 * What hosts have is not shared yet: with "chat_redis" these are the members by
 * this host, and a room that only others have is empty.
 */

ngx_chat_err_e
ngx_chat_dispatch_members(ngx_chat_caller_t *c, ngx_chat_cmd_t *cmd,
    ngx_chat_text_t *t)
{
    ngx_uint_t                       i;
    ngx_chat_err_e                   code;
    ngx_chat_room_key_t              key;
    ngx_chat_presence_page_t         page;

    static ngx_chat_presence_user_t  users[NGX_CHAT_PRESENCE_PAGE];

    code = ngx_chat_dispatch_may(c, NGX_CHAT_MAY_READ, &cmd->room);

    if (code == NGX_CHAT_OK) {
        code = ngx_chat_dispatch_charge(c, NGX_CHAT_RATE_HISTORY, &cmd->room,
                                        1);
    }

    if (code != NGX_CHAT_OK) {
        return code;
    }

    ngx_memzero(&page, sizeof(ngx_chat_presence_page_t));

    if (cmd->next.len > 0
        && ngx_chat_members_cursor(&cmd->next, &page.at) != NGX_OK)
    {
        return NGX_CHAT_E_BAD_REQUEST;
    }

    page.users = users;
    page.n = NGX_CHAT_PRESENCE_PAGE;

    if (cmd->limit > 0) {
        page.n = ngx_min(cmd->limit, NGX_CHAT_PRESENCE_PAGE);
    }

    key.kind = NGX_CHAT_ROOM_CHAT;
    key.name = cmd->room;

    if (ngx_chat_presence_page(c->conf->zone, &key, &page) != NGX_OK
        && c->conf->broker->prepare == NULL)
    {
        return NGX_CHAT_E_NOT_FOUND;
    }

    ngx_chat_text_lit(t, "{\"type\":\"members\"");
    ngx_chat_enc_reply_to(t, &cmd->reply_to);
    ngx_chat_text_lit(t, ",\"room\":");
    ngx_chat_text_json(t, &cmd->room);
    ngx_chat_text_lit(t, ",\"v\":");
    ngx_chat_text_num(t, (int64_t) page.v);
    ngx_chat_text_lit(t, ",\"count\":");
    ngx_chat_text_num(t, (int64_t) page.count);
    ngx_chat_text_lit(t, ",\"members\":[");

    for (i = 0; i < page.n; i++) {

        if (i > 0) {
            ngx_chat_text_lit(t, ",");
        }

        ngx_chat_member_enc(t, &users[i]);
    }

    ngx_chat_text_lit(t, "]");

    if (page.more) {
        ngx_chat_text_lit(t, ",\"next\":\"");
        ngx_chat_members_next(t, &page.at);
        ngx_chat_text_lit(t, "\"");
    }

    ngx_chat_text_lit(t, "}");

    return NGX_CHAT_OK;
}


/* three numbers: any are harmless, so there is nothing to sign */

static ngx_int_t
ngx_chat_members_cursor(ngx_str_t *text, ngx_chat_presence_cursor_t *at)
{
    u_char    *p, *last;
    uint64_t   ref;

    p = text->data;
    last = p + text->len;

    if (ngx_chat_members_number(&p, last, &ref) != NGX_OK
        || p == last || *p++ != '-' || ref > 0xffffffff
        || ngx_chat_members_number(&p, last, &at->seq) != NGX_OK
        || p == last || *p++ != '-'
        || ngx_chat_members_number(&p, last, &at->skip) != NGX_OK
        || p != last)
    {
        return NGX_DECLINED;
    }

    at->ref = (uint32_t) ref;

    return NGX_OK;
}


static ngx_int_t
ngx_chat_members_number(u_char **pos, u_char *last, uint64_t *n)
{
    u_char  *p;

    *n = 0;

    for (p = *pos; p < last && *p >= '0' && *p <= '9'; p++) {

        if (*n > NGX_CHAT_SAFE_INT / 10) {
            return NGX_DECLINED;
        }

        *n = *n * 10 + (*p - '0');
    }

    if (p == *pos) {
        return NGX_DECLINED;
    }

    *pos = p;

    return NGX_OK;
}


static void
ngx_chat_members_next(ngx_chat_text_t *t, ngx_chat_presence_cursor_t *at)
{
    ngx_chat_text_num(t, (int64_t) at->ref);
    ngx_chat_text_lit(t, "-");
    ngx_chat_text_num(t, (int64_t) at->seq);
    ngx_chat_text_lit(t, "-");
    ngx_chat_text_num(t, (int64_t) at->skip);
}
