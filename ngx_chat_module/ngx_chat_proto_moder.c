
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Commands of moderators.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat.h"
#include "ngx_chat_name.h"
#include "ngx_chat_policy.h"
#include "ngx_chat_proto_cmd.h"
#include "ngx_chat_proto_member.h"


#define NGX_CHAT_REASON_MAX    256
#define NGX_CHAT_JTI_BYTES     128
#define NGX_CHAT_SESSION_BYTES 16

/* of a room: bytes of a topic, of an application's name; ids of events */
#define NGX_CHAT_TOPIC_MAX     512
#define NGX_CHAT_X_MAX         64
#define NGX_CHAT_PINNED_MAX    10
#define NGX_CHAT_MEMBERS_MAX   1000000

/* names of "set" */
#define NGX_CHAT_SETS          7

/* ten years: what is longer is for ever */
#define NGX_CHAT_FOR_MAX       315360000000


static ngx_int_t ngx_chat_moder_user(ngx_chat_members_t *m,
    ngx_chat_cmd_t *cmd);
static ngx_int_t ngx_chat_moder_role(ngx_chat_members_t *m,
    ngx_chat_cmd_t *cmd);
static ngx_int_t ngx_chat_moder_revoke(ngx_chat_members_t *m,
    ngx_chat_cmd_t *cmd);
static ngx_int_t ngx_chat_moder_times(ngx_chat_members_t *m,
    ngx_chat_cmd_t *cmd);
static ngx_int_t ngx_chat_moder_set(ngx_chat_members_t *m,
    ngx_chat_cmd_t *cmd);
static ngx_int_t ngx_chat_moder_set_member(ngx_chat_members_t *m,
    ngx_str_t *name, ngx_str_t *value);
static ngx_int_t ngx_chat_moder_pinned(ngx_chat_members_t *m,
    ngx_str_t *value);


ngx_int_t
ngx_chat_cmd_moder(ngx_chat_members_t *m, ngx_chat_batch_t *b,
    ngx_chat_cmd_t *cmd)
{
    ngx_uint_t         address;
    ngx_chat_moder_t  *moder;

    moder = &cmd->moder;

    if (cmd->type == NGX_CHAT_CMD_REVOKE) {
        return ngx_chat_moder_revoke(m, cmd);
    }

    /* without a room it is done to all of them */

    if ((cmd->type == NGX_CHAT_CMD_ROOM || cmd->type == NGX_CHAT_CMD_ROLE
         || ngx_chat_member_given(m, NGX_CHAT_IN_ROOM))
        && ngx_chat_cmd_room(m, &cmd->room) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (cmd->type == NGX_CHAT_CMD_ROOM) {
        return ngx_chat_moder_set(m, cmd);
    }

    if (ngx_chat_moder_user(m, cmd) != NGX_OK
        || ngx_chat_moder_times(m, cmd) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_chat_member_string(m, NGX_CHAT_IN_REASON, &moder->reason)
        == NGX_ERROR)
    {
        return NGX_ERROR;
    }

    if (moder->reason.len > NGX_CHAT_REASON_MAX) {
        return ngx_chat_member_bad(m, NGX_CHAT_IN_REASON);
    }

    address = 0;

    if (ngx_chat_member_boolean(m, NGX_CHAT_IN_ADDRESS, &address)
        == NGX_ERROR)
    {
        return NGX_ERROR;
    }

    moder->address = address ? 1 : 0;

    return (cmd->type == NGX_CHAT_CMD_ROLE) ? ngx_chat_moder_role(m, cmd)
                                            : NGX_OK;
}


static ngx_int_t
ngx_chat_moder_user(ngx_chat_members_t *m, ngx_chat_cmd_t *cmd)
{
    ngx_int_t  rc;

    rc = ngx_chat_member_string(m, NGX_CHAT_IN_USER, &cmd->moder.user);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc == NGX_DECLINED
        || ngx_chat_user_id_valid(&cmd->moder.user, 1) != NGX_OK)
    {
        return ngx_chat_member_bad(m, NGX_CHAT_IN_USER);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_chat_moder_times(ngx_chat_members_t *m, ngx_chat_cmd_t *cmd)
{
    if (ngx_chat_member_integer(m, NGX_CHAT_IN_FOR_MS, 1, NGX_CHAT_FOR_MAX,
                                &cmd->moder.for_ms)
        == NGX_ERROR
        || ngx_chat_member_integer(m, NGX_CHAT_IN_PURGE_MS, 1,
                                   NGX_CHAT_FOR_MAX, &cmd->moder.purge_ms)
           == NGX_ERROR)
    {
        return NGX_ERROR;
    }

    if (cmd->moder.for_ms == NGX_CHAT_FOR_MAX) {
        cmd->moder.for_ms = 0;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_chat_moder_role(ngx_chat_members_t *m, ngx_chat_cmd_t *cmd)
{
    ngx_int_t   rc;
    ngx_str_t  *role;

    role = &cmd->moder.role;

    rc = ngx_chat_member_string(m, NGX_CHAT_IN_ROLE, role);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc == NGX_DECLINED
        || (ngx_chat_role_rank(role) == 0
            && (role->len != 4 || ngx_strncmp(role->data, "none", 4) != 0)))
    {
        return ngx_chat_member_bad(m, NGX_CHAT_IN_ROLE);
    }

    return NGX_OK;
}


/* one of user, session and jti */

static ngx_int_t
ngx_chat_moder_revoke(ngx_chat_members_t *m, ngx_chat_cmd_t *cmd)
{
    ngx_uint_t         user, session, jti;
    ngx_chat_moder_t  *moder;

    moder = &cmd->moder;

    user = ngx_chat_member_given(m, NGX_CHAT_IN_USER);
    session = ngx_chat_member_given(m, NGX_CHAT_IN_SESSION);
    jti = ngx_chat_member_given(m, NGX_CHAT_IN_JTI);

    if (session && (user || jti)) {
        return ngx_chat_member_bad(m, NGX_CHAT_IN_SESSION);
    }

    if (jti && user) {
        return ngx_chat_member_bad(m, NGX_CHAT_IN_JTI);
    }

    if (session) {

        if (ngx_chat_member_string(m, NGX_CHAT_IN_SESSION, &moder->session)
            == NGX_ERROR)
        {
            return NGX_ERROR;
        }

        return (moder->session.len == NGX_CHAT_SESSION_BYTES)
               ? NGX_OK : ngx_chat_member_bad(m, NGX_CHAT_IN_SESSION);
    }

    if (jti) {

        if (ngx_chat_member_string(m, NGX_CHAT_IN_JTI, &moder->jti)
            == NGX_ERROR)
        {
            return NGX_ERROR;
        }

        return (moder->jti.len > 0 && moder->jti.len <= NGX_CHAT_JTI_BYTES)
               ? NGX_OK : ngx_chat_member_bad(m, NGX_CHAT_IN_JTI);
    }

    return ngx_chat_moder_user(m, cmd);
}


/* without "set" it is a question */

static ngx_int_t
ngx_chat_moder_set(ngx_chat_members_t *m, ngx_chat_cmd_t *cmd)
{
    u_char     *pos;
    ngx_int_t   rc;
    ngx_str_t  *set, name, value;

    set = &cmd->moder.set;

    rc = ngx_chat_member_source(m, NGX_CHAT_IN_SET, set);

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : NGX_ERROR;
    }

    if (set->data[0] != '{') {
        return ngx_chat_member_bad(m, NGX_CHAT_IN_SET);
    }

    pos = set->data;

    while (ngx_chat_json_next_member(set, &pos, &name, &value) == NGX_OK) {

        rc = ngx_chat_moder_set_member(m, &name, &value);

        if (rc == NGX_ERROR) {
            return ngx_chat_member_failed(m);
        }

        if (rc != NGX_OK) {
            return ngx_chat_member_bad(m, NGX_CHAT_IN_SET);
        }
    }

    return NGX_OK;
}


/* a name is as it is written: one with escapes is none that is known */

static ngx_int_t
ngx_chat_moder_set_member(ngx_chat_members_t *m, ngx_str_t *name,
    ngx_str_t *value)
{
    uint64_t    n;
    ngx_int_t   rc;
    ngx_str_t   text;
    ngx_uint_t  i;

    static ngx_str_t  known[] = {
        ngx_string("slow_ms"),
        ngx_string("locked"),
        ngx_string("topic"),
        ngx_string("pinned"),
        ngx_string("invite"),
        ngx_string("send"),
        ngx_string("max_members")
    };

    for (i = 0; i < NGX_CHAT_SETS; i++) {
        if (name->len == known[i].len
            && ngx_memcmp(name->data, known[i].data, name->len) == 0)
        {
            break;
        }
    }

    if (i < NGX_CHAT_SETS && value->data[0] == 'n') {
        return NGX_OK;
    }

    switch (i) {

    case 0:
        return (ngx_chat_json_integer(value, &n) == NGX_OK
                && n <= NGX_CHAT_SLOW_MAX)
               ? NGX_OK : NGX_DECLINED;

    case 1:
    case 4:
        return (value->data[0] == 't' || value->data[0] == 'f')
               ? NGX_OK : NGX_DECLINED;

    case 2:
        rc = ngx_chat_json_decode(m->pool, value, &text);

        return (rc == NGX_OK && text.len > NGX_CHAT_TOPIC_MAX) ? NGX_DECLINED
                                                               : rc;

    case 3:
        return ngx_chat_moder_pinned(m, value);

    case 5:
        rc = ngx_chat_json_decode(m->pool, value, &text);

        return (rc == NGX_OK && ngx_chat_role_rank(&text) == 0) ? NGX_DECLINED
                                                                : rc;

    case 6:
        return (ngx_chat_json_integer(value, &n) == NGX_OK
                && n > 0 && n <= NGX_CHAT_MEMBERS_MAX)
               ? NGX_OK : NGX_DECLINED;

    default:
        /* an application's own */

        return (name->len > 2 && name->len <= NGX_CHAT_X_MAX
                && name->data[0] == 'x' && name->data[1] == '_'
                && ngx_strlchr(name->data, name->data + name->len, '\\')
                   == NULL)
               ? NGX_OK : NGX_DECLINED;
    }
}


static ngx_int_t
ngx_chat_moder_pinned(ngx_chat_members_t *m, ngx_str_t *value)
{
    u_char         *pos;
    ngx_int_t       rc;
    ngx_str_t       element, text;
    ngx_uint_t      n;
    ngx_chat_id_t   id;

    if (value->data[0] != '[') {
        return NGX_DECLINED;
    }

    pos = value->data;
    n = 0;

    while (ngx_chat_json_element(value, &pos, &element) == NGX_OK) {

        rc = ngx_chat_json_decode(m->pool, &element, &text);

        if (rc != NGX_OK) {
            return rc;
        }

        if (++n > NGX_CHAT_PINNED_MAX
            || ngx_chat_id_parse(&text, &id) != NGX_OK || id.offset == 0)
        {
            return NGX_DECLINED;
        }
    }

    return NGX_OK;
}
