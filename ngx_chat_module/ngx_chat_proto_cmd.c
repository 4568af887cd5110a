
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * What the members of each command must be.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat.h"
#include "ngx_chat_error.h"
#include "ngx_chat_json.h"
#include "ngx_chat_name.h"
#include "ngx_chat_policy.h"
#include "ngx_chat_proto.h"
#include "ngx_chat_proto_cmd.h"
#include "ngx_chat_proto_member.h"


#define NGX_CHAT_TOKEN_MAX   8192
#define NGX_CHAT_CLIENT_MAX  64
#define NGX_CHAT_NEXT_MAX    64


static ngx_int_t ngx_chat_cmd_hello(ngx_chat_members_t *m,
    ngx_chat_batch_t *b, ngx_chat_cmd_t *cmd);
static ngx_int_t ngx_chat_cmd_auth(ngx_chat_members_t *m,
    ngx_chat_batch_t *b, ngx_chat_cmd_t *cmd);
static ngx_int_t ngx_chat_cmd_name(ngx_chat_members_t *m, ngx_str_t *name);
static ngx_int_t ngx_chat_cmd_join(ngx_chat_members_t *m,
    ngx_chat_batch_t *b, ngx_chat_cmd_t *cmd);
static ngx_int_t ngx_chat_cmd_join_rooms(ngx_chat_members_t *m,
    ngx_chat_cmd_t *cmd);
static ngx_int_t ngx_chat_cmd_join_room(ngx_chat_members_t *m,
    ngx_chat_join_t *join);
static ngx_int_t ngx_chat_cmd_leave(ngx_chat_members_t *m,
    ngx_chat_batch_t *b, ngx_chat_cmd_t *cmd);
static ngx_int_t ngx_chat_cmd_message(ngx_chat_members_t *m,
    ngx_chat_batch_t *b, ngx_chat_cmd_t *cmd);
static ngx_int_t ngx_chat_cmd_text(ngx_chat_members_t *m,
    ngx_chat_batch_t *b, ngx_chat_cmd_t *cmd);
static ngx_int_t ngx_chat_cmd_mentions(ngx_chat_members_t *m,
    ngx_chat_cmd_t *cmd);
static ngx_int_t ngx_chat_cmd_history(ngx_chat_members_t *m,
    ngx_chat_batch_t *b, ngx_chat_cmd_t *cmd);
static ngx_int_t ngx_chat_cmd_members(ngx_chat_members_t *m,
    ngx_chat_batch_t *b, ngx_chat_cmd_t *cmd);
static ngx_int_t ngx_chat_cmd_signal(ngx_chat_members_t *m,
    ngx_chat_batch_t *b, ngx_chat_cmd_t *cmd);
static ngx_int_t ngx_chat_cmd_typing(ngx_chat_members_t *m,
    ngx_chat_batch_t *b, ngx_chat_cmd_t *cmd);


static const ngx_chat_cmd_name_t  ngx_chat_cmd_names[] = {

    { ngx_string("message"), NGX_CHAT_CMD_MESSAGE, ngx_chat_cmd_message },
    { ngx_string("join"), NGX_CHAT_CMD_JOIN, ngx_chat_cmd_join },
    { ngx_string("leave"), NGX_CHAT_CMD_LEAVE, ngx_chat_cmd_leave },
    { ngx_string("history"), NGX_CHAT_CMD_HISTORY, ngx_chat_cmd_history },
    { ngx_string("typing"), NGX_CHAT_CMD_TYPING, ngx_chat_cmd_typing },
    { ngx_string("signal"), NGX_CHAT_CMD_SIGNAL, ngx_chat_cmd_signal },
    { ngx_string("ping"), NGX_CHAT_CMD_PING, NULL },
    { ngx_string("pong"), NGX_CHAT_CMD_PONG, NULL },
    { ngx_string("hello"), NGX_CHAT_CMD_HELLO, ngx_chat_cmd_hello },
    { ngx_string("auth"), NGX_CHAT_CMD_AUTH, ngx_chat_cmd_auth },
    { ngx_string("members"), NGX_CHAT_CMD_MEMBERS, ngx_chat_cmd_members },
    { ngx_string("rooms"), NGX_CHAT_CMD_ROOMS, ngx_chat_cmd_rooms },
    { ngx_string("disconnect"), NGX_CHAT_CMD_DISCONNECT,
      ngx_chat_cmd_disconnect },
    { ngx_string("export"), NGX_CHAT_CMD_EXPORT, ngx_chat_cmd_user },
    { ngx_string("erase"), NGX_CHAT_CMD_ERASE, ngx_chat_cmd_user },
    { ngx_string("read"), NGX_CHAT_CMD_READ, ngx_chat_cmd_read },
    { ngx_string("unread"), NGX_CHAT_CMD_UNREAD, ngx_chat_cmd_unread },
    { ngx_string("edit"), NGX_CHAT_CMD_EDIT, ngx_chat_cmd_change },
    { ngx_string("delete"), NGX_CHAT_CMD_DELETE, ngx_chat_cmd_change },
    { ngx_string("react"), NGX_CHAT_CMD_REACT, ngx_chat_cmd_change },

    { ngx_string("kick"), NGX_CHAT_CMD_KICK, ngx_chat_cmd_moder },
    { ngx_string("ban"), NGX_CHAT_CMD_BAN, ngx_chat_cmd_moder },
    { ngx_string("unban"), NGX_CHAT_CMD_UNBAN, ngx_chat_cmd_moder },
    { ngx_string("mute"), NGX_CHAT_CMD_MUTE, ngx_chat_cmd_moder },
    { ngx_string("unmute"), NGX_CHAT_CMD_UNMUTE, ngx_chat_cmd_moder },
    { ngx_string("role"), NGX_CHAT_CMD_ROLE, ngx_chat_cmd_moder },
    { ngx_string("revoke"), NGX_CHAT_CMD_REVOKE, ngx_chat_cmd_moder },
    { ngx_string("room"), NGX_CHAT_CMD_ROOM, ngx_chat_cmd_moder },

    { ngx_string("direct"), NGX_CHAT_CMD_DIRECT, ngx_chat_cmd_direct },
    { ngx_string("invite"), NGX_CHAT_CMD_INVITE, ngx_chat_cmd_invite },
    { ngx_string("uninvite"), NGX_CHAT_CMD_UNINVITE, ngx_chat_cmd_invite },
    { ngx_string("block"), NGX_CHAT_CMD_BLOCK, ngx_chat_cmd_block },
    { ngx_string("unblock"), NGX_CHAT_CMD_UNBLOCK, ngx_chat_cmd_block },
    { ngx_string("blocks"), NGX_CHAT_CMD_BLOCKS, NULL },

    /* any other */
    { ngx_null_string, NGX_CHAT_CMD_UNKNOWN, NULL }
};


const ngx_chat_cmd_name_t *
ngx_chat_cmd_lookup(ngx_str_t *type)
{
    const ngx_chat_cmd_name_t  *name;

    for (name = ngx_chat_cmd_names; name->name.len != 0; name++) {
        if (name->name.len == type->len
            && ngx_memcmp(name->name.data, type->data, type->len) == 0)
        {
            break;
        }
    }

    return name;
}


static ngx_int_t
ngx_chat_cmd_hello(ngx_chat_members_t *m, ngx_chat_batch_t *b,
    ngx_chat_cmd_t *cmd)
{
    ngx_uint_t  batch, heartbeat;

    batch = 0;
    heartbeat = 0;

    if (ngx_chat_member_string(m, NGX_CHAT_IN_CLIENT, &cmd->client)
        == NGX_ERROR
        || ngx_chat_member_string(m, NGX_CHAT_IN_TOKEN, &cmd->token)
           == NGX_ERROR
        || ngx_chat_cmd_name(m, &cmd->name) == NGX_ERROR
        || ngx_chat_member_boolean(m, NGX_CHAT_IN_BATCH, &batch) == NGX_ERROR
        || ngx_chat_member_boolean(m, NGX_CHAT_IN_HEARTBEAT, &heartbeat)
           == NGX_ERROR)
    {
        return NGX_ERROR;
    }

    if (cmd->client.len > NGX_CHAT_CLIENT_MAX) {
        return ngx_chat_member_bad(m, NGX_CHAT_IN_CLIENT);
    }

    if (cmd->token.len > NGX_CHAT_TOKEN_MAX) {
        return ngx_chat_member_bad(m, NGX_CHAT_IN_TOKEN);
    }

    cmd->batch = batch ? 1 : 0;
    cmd->heartbeat = heartbeat ? 1 : 0;

    return NGX_OK;
}


static ngx_int_t
ngx_chat_cmd_auth(ngx_chat_members_t *m, ngx_chat_batch_t *b,
    ngx_chat_cmd_t *cmd)
{
    if (ngx_chat_member_string(m, NGX_CHAT_IN_TOKEN, &cmd->token)
        == NGX_ERROR)
    {
        return NGX_ERROR;
    }

    if (cmd->token.len == 0 || cmd->token.len > NGX_CHAT_TOKEN_MAX) {
        return ngx_chat_member_bad(m, NGX_CHAT_IN_TOKEN);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_chat_cmd_name(ngx_chat_members_t *m, ngx_str_t *name)
{
    u_char     *p;
    ngx_int_t   rc;

    rc = ngx_chat_member_string(m, NGX_CHAT_IN_NAME, name);

    if (rc != NGX_OK) {
        return rc;
    }

    if (name->len == 0) {
        return ngx_chat_member_bad(m, NGX_CHAT_IN_NAME);
    }

    /* it is tidied in place, and may be a slice of the input */

    p = ngx_pnalloc(m->pool, name->len);
    if (p == NULL) {
        return ngx_chat_member_failed(m);
    }

    ngx_memcpy(p, name->data, name->len);
    name->data = p;

    return (ngx_chat_display_name(name) == NGX_OK)
           ? NGX_OK : ngx_chat_member_bad(m, NGX_CHAT_IN_NAME);
}


static ngx_int_t
ngx_chat_cmd_join(ngx_chat_members_t *m, ngx_chat_batch_t *b,
    ngx_chat_cmd_t *cmd)
{
    ngx_int_t        rc;
    ngx_chat_join_t  join;

    if (ngx_chat_member_given(m, NGX_CHAT_IN_ROOMS)) {
        return ngx_chat_cmd_join_rooms(m, cmd);
    }

    ngx_memzero(&join, sizeof(ngx_chat_join_t));

    join.presence = 1;

    rc = ngx_chat_cmd_join_room(m, &join);

    cmd->room = join.room;
    cmd->after = join.after;
    cmd->last = join.last;
    cmd->presence = join.presence;
    cmd->presence_given = join.presence_given;

    return rc;
}


/*
 * A room that is wrong in itself doesn't keep the session out of the others.
 * "presence" beside "rooms" is what each of them begins with.
 */

static ngx_int_t
ngx_chat_cmd_join_rooms(ngx_chat_members_t *m, ngx_chat_cmd_t *cmd)
{
    u_char              *pos;
    ngx_str_t           *rooms, json;
    ngx_uint_t           presence, given;
    ngx_chat_err_t       err;
    ngx_chat_join_t     *join;
    ngx_chat_members_t   sub;

    rooms = &m->value[NGX_CHAT_IN_ROOMS];
    presence = 1;

    if (rooms->data[0] != '[' || ngx_chat_member_given(m, NGX_CHAT_IN_ROOM)) {
        return ngx_chat_member_bad(m, NGX_CHAT_IN_ROOMS);
    }

    if (ngx_chat_member_boolean(m, NGX_CHAT_IN_PRESENCE, &presence)
        == NGX_ERROR)
    {
        return NGX_ERROR;
    }

    given = ngx_chat_member_given(m, NGX_CHAT_IN_PRESENCE);

    cmd->rooms = ngx_array_create(m->pool, 4, sizeof(ngx_chat_join_t));
    if (cmd->rooms == NULL) {
        return ngx_chat_member_failed(m);
    }

    ngx_memzero(&err, sizeof(ngx_chat_err_t));

    sub.pool = m->pool;
    sub.err = &err;
    pos = rooms->data;

    while (ngx_chat_json_element(rooms, &pos, &json) == NGX_OK) {

        if (json.data[0] != '{' || cmd->rooms->nelts == NGX_CHAT_JOIN_MAX) {
            return ngx_chat_member_bad(m, NGX_CHAT_IN_ROOMS);
        }

        join = ngx_array_push(cmd->rooms);
        if (join == NULL) {
            return ngx_chat_member_failed(m);
        }

        ngx_memzero(join, sizeof(ngx_chat_join_t));

        join->presence = presence ? 1 : 0;
        join->presence_given = given ? 1 : 0;

        if (ngx_chat_members_find(&sub, &json) != NGX_OK
            || ngx_chat_cmd_join_room(&sub, join) != NGX_OK)
        {
            join->error = err.code;
        }
    }

    if (cmd->rooms->nelts == 0) {
        return ngx_chat_member_bad(m, NGX_CHAT_IN_ROOMS);
    }

    cmd->presence = presence ? 1 : 0;

    return NGX_OK;
}


static ngx_int_t
ngx_chat_cmd_join_room(ngx_chat_members_t *m, ngx_chat_join_t *join)
{
    ngx_uint_t  presence;

    presence = join->presence;

    if (ngx_chat_cmd_room(m, &join->room) != NGX_OK
        || ngx_chat_member_cursor(m, NGX_CHAT_IN_AFTER, &join->after)
           == NGX_ERROR
        || ngx_chat_member_integer(m, NGX_CHAT_IN_LAST, 0, NGX_CHAT_PAGE_MAX,
                                   &join->last)
           == NGX_ERROR
        || ngx_chat_member_boolean(m, NGX_CHAT_IN_PRESENCE, &presence)
           == NGX_ERROR)
    {
        return NGX_ERROR;
    }

    join->presence = presence ? 1 : 0;

    if (ngx_chat_member_given(m, NGX_CHAT_IN_PRESENCE)) {
        join->presence_given = 1;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_chat_cmd_leave(ngx_chat_members_t *m, ngx_chat_batch_t *b,
    ngx_chat_cmd_t *cmd)
{
    return ngx_chat_cmd_room(m, &cmd->room);
}


static ngx_int_t
ngx_chat_cmd_message(ngx_chat_members_t *m, ngx_chat_batch_t *b,
    ngx_chat_cmd_t *cmd)
{
    if (ngx_chat_cmd_room(m, &cmd->room) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_chat_cmd_content(m, b, cmd);
}


ngx_int_t
ngx_chat_cmd_content(ngx_chat_members_t *m, ngx_chat_batch_t *b,
    ngx_chat_cmd_t *cmd)
{
    if (ngx_chat_cmd_text(m, b, cmd) != NGX_OK
        || ngx_chat_cmd_nonce(m, &cmd->nonce) != NGX_OK
        || ngx_chat_cmd_thread(m, cmd) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_chat_cmd_mentions(m, cmd);
}


ngx_int_t
ngx_chat_cmd_nonce(ngx_chat_members_t *m, ngx_str_t *nonce)
{
    ngx_int_t  rc;

    rc = ngx_chat_member_string(m, NGX_CHAT_IN_NONCE, nonce);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc == NGX_OK
        && (nonce->len < NGX_CHAT_NONCE_MIN
            || nonce->len > NGX_CHAT_NONCE_MAX))
    {
        return ngx_chat_member_bad(m, NGX_CHAT_IN_NONCE);
    }

    return NGX_OK;
}


ngx_int_t
ngx_chat_cmd_thread(ngx_chat_members_t *m, ngx_chat_cmd_t *cmd)
{
    ngx_int_t  rc;

    rc = ngx_chat_member_cursor(m, NGX_CHAT_IN_THREAD, &cmd->thread);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    /* the offset of a message is 1 or more; that of "0" is 0 */

    if (rc == NGX_OK && cmd->thread.id.offset == 0) {
        cmd->thread.broken = 1;
        return ngx_chat_member_bad(m, NGX_CHAT_IN_THREAD);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_chat_cmd_text(ngx_chat_members_t *m, ngx_chat_batch_t *b,
    ngx_chat_cmd_t *cmd)
{
    if (ngx_chat_member_string(m, NGX_CHAT_IN_TEXT, &cmd->text) == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (cmd->text.len > b->text_max) {
        return ngx_chat_member_large(m, NGX_CHAT_IN_TEXT);
    }

    if (ngx_chat_cmd_data(m, &cmd->data) != NGX_OK) {
        return NGX_ERROR;
    }

    if (cmd->text.len == 0 && cmd->data.len == 0) {
        return ngx_chat_member_bad(m, NGX_CHAT_IN_TEXT);
    }

    return NGX_OK;
}


ngx_int_t
ngx_chat_cmd_data(ngx_chat_members_t *m, ngx_str_t *data)
{
    if (ngx_chat_json_depth(&m->value[NGX_CHAT_IN_DATA], NGX_CHAT_DATA_DEPTH)
        > NGX_CHAT_DATA_DEPTH)
    {
        return ngx_chat_member_bad(m, NGX_CHAT_IN_DATA);
    }

    if (ngx_chat_member_source(m, NGX_CHAT_IN_DATA, data) == NGX_ERROR) {
        return NGX_ERROR;
    }

    return (data->len > NGX_CHAT_DATA_MAX)
           ? ngx_chat_member_large(m, NGX_CHAT_IN_DATA) : NGX_OK;
}


static ngx_int_t
ngx_chat_cmd_mentions(ngx_chat_members_t *m, ngx_chat_cmd_t *cmd)
{
    u_char      *pos;
    ngx_int_t    rc;
    ngx_str_t   *mentions, json, user;
    ngx_uint_t   n;

    mentions = &m->value[NGX_CHAT_IN_MENTIONS];

    if (mentions->data == NULL) {
        return NGX_OK;
    }

    if (mentions->data[0] != '[') {
        return ngx_chat_member_bad(m, NGX_CHAT_IN_MENTIONS);
    }

    n = 0;
    pos = mentions->data;

    while (ngx_chat_json_element(mentions, &pos, &json) == NGX_OK) {

        rc = ngx_chat_json_decode(m->pool, &json, &user);

        if (rc == NGX_ERROR) {
            return ngx_chat_member_failed(m);
        }

        if (rc != NGX_OK || ++n > NGX_CHAT_MENTIONS_MAX
            || ngx_chat_user_id_valid(&user, 1) != NGX_OK)
        {
            return ngx_chat_member_bad(m, NGX_CHAT_IN_MENTIONS);
        }
    }

    return ngx_chat_member_source(m, NGX_CHAT_IN_MENTIONS, &cmd->mentions);
}


static ngx_int_t
ngx_chat_cmd_history(ngx_chat_members_t *m, ngx_chat_batch_t *b,
    ngx_chat_cmd_t *cmd)
{
    ngx_uint_t  raw;

    raw = 0;

    if (ngx_chat_cmd_room(m, &cmd->room) != NGX_OK
        || ngx_chat_member_cursor(m, NGX_CHAT_IN_AFTER, &cmd->after)
           == NGX_ERROR
        || ngx_chat_member_cursor(m, NGX_CHAT_IN_BEFORE, &cmd->before)
           == NGX_ERROR
        || ngx_chat_member_integer(m, NGX_CHAT_IN_LIMIT, 1, NGX_CHAT_PAGE_MAX,
                                   &cmd->limit)
           == NGX_ERROR
        || ngx_chat_member_boolean(m, NGX_CHAT_IN_RAW, &raw) == NGX_ERROR)
    {
        return NGX_ERROR;
    }

    if (ngx_chat_cmd_thread(m, cmd) != NGX_OK) {
        return NGX_ERROR;
    }

    if (cmd->before.given && cmd->after.given) {
        return ngx_chat_member_bad(m, NGX_CHAT_IN_BEFORE);
    }

    /* a thread is a chain from its newest reply backwards */

    if (cmd->thread.given && (cmd->after.given || raw)) {
        return ngx_chat_member_bad(m, NGX_CHAT_IN_THREAD);
    }

    cmd->raw = raw ? 1 : 0;

    return NGX_OK;
}


static ngx_int_t
ngx_chat_cmd_members(ngx_chat_members_t *m, ngx_chat_batch_t *b,
    ngx_chat_cmd_t *cmd)
{
    if (ngx_chat_cmd_room(m, &cmd->room) != NGX_OK
        || ngx_chat_member_integer(m, NGX_CHAT_IN_LIMIT, 1, NGX_MAX_INT32_VALUE,
                                   &cmd->limit)
           == NGX_ERROR
        || ngx_chat_member_string(m, NGX_CHAT_IN_NEXT, &cmd->next)
           == NGX_ERROR)
    {
        return NGX_ERROR;
    }

    return (cmd->next.len > NGX_CHAT_NEXT_MAX)
           ? ngx_chat_member_bad(m, NGX_CHAT_IN_NEXT) : NGX_OK;
}


static ngx_int_t
ngx_chat_cmd_signal(ngx_chat_members_t *m, ngx_chat_batch_t *b,
    ngx_chat_cmd_t *cmd)
{
    ngx_int_t  rc;

    if (ngx_chat_cmd_room(m, &cmd->room) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_chat_cmd_name(m, &cmd->name);

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED)
               ? ngx_chat_member_bad(m, NGX_CHAT_IN_NAME) : NGX_ERROR;
    }

    return ngx_chat_cmd_data(m, &cmd->data);
}


static ngx_int_t
ngx_chat_cmd_typing(ngx_chat_members_t *m, ngx_chat_batch_t *b,
    ngx_chat_cmd_t *cmd)
{
    ngx_int_t   rc;
    ngx_uint_t  on;

    if (ngx_chat_cmd_room(m, &cmd->room) != NGX_OK) {
        return NGX_ERROR;
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


ngx_int_t
ngx_chat_cmd_room(ngx_chat_members_t *m, ngx_str_t *room)
{
    ngx_int_t  rc;

    rc = ngx_chat_member_string(m, NGX_CHAT_IN_ROOM, room);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc == NGX_DECLINED || ngx_chat_room_valid(room) != NGX_OK) {
        return ngx_chat_member_bad(m, NGX_CHAT_IN_ROOM);
    }

    return NGX_OK;
}
