
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * edit, delete, react: the commands and their events.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat.h"
#include "ngx_chat_json.h"
#include "ngx_chat_proto.h"
#include "ngx_chat_proto_cmd.h"
#include "ngx_chat_proto_member.h"
#include "ngx_chat_utf8.h"


#define NGX_CHAT_REASON_MAX     256
#define NGX_CHAT_EMOJI_LEN_MAX  64


static ngx_int_t ngx_chat_change_target(ngx_chat_members_t *m,
    ngx_chat_cmd_t *cmd);
static ngx_int_t ngx_chat_change_edit(ngx_chat_members_t *m,
    ngx_chat_batch_t *b, ngx_chat_cmd_t *cmd);
static ngx_int_t ngx_chat_change_react(ngx_chat_members_t *m,
    ngx_chat_cmd_t *cmd);
static ngx_uint_t ngx_chat_emoji_valid(ngx_str_t *emoji);


ngx_int_t
ngx_chat_cmd_change(ngx_chat_members_t *m, ngx_chat_batch_t *b,
    ngx_chat_cmd_t *cmd)
{
    if (ngx_chat_cmd_room(m, &cmd->room) != NGX_OK
        || ngx_chat_change_target(m, cmd) != NGX_OK
        || ngx_chat_cmd_nonce(m, &cmd->nonce) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (cmd->type == NGX_CHAT_CMD_EDIT) {
        return ngx_chat_change_edit(m, b, cmd);
    }

    if (cmd->type == NGX_CHAT_CMD_REACT) {
        return ngx_chat_change_react(m, cmd);
    }

    if (ngx_chat_member_string(m, NGX_CHAT_IN_REASON, &cmd->reason)
        == NGX_ERROR)
    {
        return NGX_ERROR;
    }

    return (cmd->reason.len > NGX_CHAT_REASON_MAX)
           ? ngx_chat_member_bad(m, NGX_CHAT_IN_REASON) : NGX_OK;
}


static ngx_int_t
ngx_chat_change_target(ngx_chat_members_t *m, ngx_chat_cmd_t *cmd)
{
    ngx_int_t  rc;

    rc = ngx_chat_member_cursor(m, NGX_CHAT_IN_TARGET, &cmd->target);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc == NGX_DECLINED || cmd->target.id.offset == 0) {
        return ngx_chat_member_bad(m, NGX_CHAT_IN_TARGET);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_chat_change_edit(ngx_chat_members_t *m, ngx_chat_batch_t *b,
    ngx_chat_cmd_t *cmd)
{
    ngx_int_t  rc;

    rc = ngx_chat_member_string(m, NGX_CHAT_IN_TEXT, &cmd->text);

    if (rc == NGX_ERROR || ngx_chat_cmd_data(m, &cmd->data) != NGX_OK) {
        return NGX_ERROR;
    }

    if (rc == NGX_DECLINED || (cmd->text.len == 0 && cmd->data.len == 0)) {
        return ngx_chat_member_bad(m, NGX_CHAT_IN_TEXT);
    }

    return (cmd->text.len > b->text_max)
           ? ngx_chat_member_large(m, NGX_CHAT_IN_TEXT) : NGX_OK;
}


static ngx_int_t
ngx_chat_change_react(ngx_chat_members_t *m, ngx_chat_cmd_t *cmd)
{
    ngx_int_t   rc;
    ngx_uint_t  on;

    rc = ngx_chat_member_string(m, NGX_CHAT_IN_EMOJI, &cmd->emoji);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc == NGX_DECLINED || !ngx_chat_emoji_valid(&cmd->emoji)) {
        return ngx_chat_member_bad(m, NGX_CHAT_IN_EMOJI);
    }

    on = 0;
    rc = ngx_chat_member_boolean(m, NGX_CHAT_IN_ON, &on);

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED)
               ? ngx_chat_member_bad(m, NGX_CHAT_IN_ON) : NGX_ERROR;
    }

    cmd->on = on ? 1 : 0;

    return NGX_OK;
}


/*
 * A name or a picture.  What joins pictures (U+200D) and what makes flags is
 * needed; controls, spaces and what turns the direction of text are not.
 */

static ngx_uint_t
ngx_chat_emoji_valid(ngx_str_t *emoji)
{
    u_char    *p, *last;
    uint32_t   ch;

    if (emoji->len == 0 || emoji->len > NGX_CHAT_EMOJI_LEN_MAX) {
        return 0;
    }

    p = emoji->data;
    last = p + emoji->len;

    while (p < last) {
        ch = ngx_chat_utf8_next(&p, last);

        if (ch <= 0x20 || (ch >= 0x7f && ch <= 0xa0) || ch > 0x10ffff
            || ch == 0x61c || ch == 0x200e || ch == 0x200f
            || (ch >= 0x2028 && ch <= 0x202f)
            || (ch >= 0x2060 && ch <= 0x206f) || ch == 0xfeff)
        {
            return 0;
        }
    }

    return 1;
}


void
ngx_chat_event_change(ngx_chat_text_t *t, ngx_chat_cmd_t *cmd,
    ngx_chat_user_t *user, size_t *cut1, size_t *cut2, size_t *keep)
{
    ngx_chat_text_lit(t, "{\"type\":\"");
    ngx_chat_text_str(t, &cmd->type_name);
    ngx_chat_text_lit(t, "\",\"room\":");
    ngx_chat_text_json(t, &cmd->room);
    ngx_chat_text_lit(t, ",\"id\":\"");

    *cut1 = ngx_chat_text_len(t);

    ngx_chat_text_lit(t, "\",\"ts\":");

    *cut2 = ngx_chat_text_len(t);

    ngx_chat_text_lit(t, ",\"user\":");
    ngx_chat_enc_user(t, user);
    ngx_chat_text_lit(t, ",\"target\":");
    ngx_chat_enc_id(t, &cmd->target.id);

    *keep = ngx_chat_text_len(t);

    if (cmd->type == NGX_CHAT_CMD_EDIT) {
        ngx_chat_text_lit(t, ",\"text\":");
        ngx_chat_text_json(t, &cmd->text);
    }

    if (cmd->data.len) {
        ngx_chat_text_lit(t, ",\"data\":");
        ngx_chat_text_str(t, &cmd->data);
    }

    if (cmd->reason.len) {
        ngx_chat_text_lit(t, ",\"reason\":");
        ngx_chat_text_json(t, &cmd->reason);
    }

    if (cmd->nonce.len) {
        ngx_chat_text_lit(t, ",\"nonce\":");
        ngx_chat_text_json(t, &cmd->nonce);
    }

    if (cmd->type != NGX_CHAT_CMD_REACT) {
        ngx_chat_text_lit(t, "}");
        return;
    }

    ngx_chat_text_lit(t, ",\"emoji\":");
    ngx_chat_text_json(t, &cmd->emoji);

    if (cmd->on) {
        ngx_chat_text_lit(t, ",\"on\":true,\"count\":");

    } else {
        ngx_chat_text_lit(t, ",\"on\":false,\"count\":");
    }
}


uint64_t
ngx_chat_change_hash(ngx_chat_cmd_t *cmd)
{
    u_char          what[2];
    uint64_t        h;
    ngx_chat_id_t  *target;

    what[0] = (u_char) cmd->type;
    what[1] = cmd->on;
    target = &cmd->target.id;

    h = ngx_chat_hash_part(0, 1, what, sizeof(what));
    h = ngx_chat_hash_part(h, 1, target->epoch, NGX_CHAT_EPOCH_LEN);
    h = ngx_chat_hash_part(h, 1, &target->offset, sizeof(uint64_t));
    h = ngx_chat_hash_part(h, cmd->text.data != NULL, cmd->text.data,
                           cmd->text.len);
    h = ngx_chat_hash_part(h, cmd->data.len != 0, cmd->data.data,
                           cmd->data.len);
    h = ngx_chat_hash_part(h, cmd->emoji.len != 0, cmd->emoji.data,
                           cmd->emoji.len);

    return ngx_chat_hash_part(h, cmd->reason.len != 0, cmd->reason.data,
                              cmd->reason.len);
}
