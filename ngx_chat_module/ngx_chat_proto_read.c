
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * The members of "read" and "unread", and the users of "mentions".
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat.h"
#include "ngx_chat_error.h"
#include "ngx_chat_json.h"
#include "ngx_chat_policy.h"
#include "ngx_chat_proto.h"
#include "ngx_chat_proto_cmd.h"
#include "ngx_chat_proto_member.h"


ngx_int_t
ngx_chat_cmd_read(ngx_chat_members_t *m, ngx_chat_batch_t *b,
    ngx_chat_cmd_t *cmd)
{
    ngx_int_t  rc;

    if (ngx_chat_cmd_room(m, &cmd->room) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_chat_member_cursor(m, NGX_CHAT_IN_UPTO, &cmd->upto);

    if (rc == NGX_DECLINED) {
        return ngx_chat_member_bad(m, NGX_CHAT_IN_UPTO);
    }

    return rc;
}


/* names that are wrong in themselves are refused one by one, as in "join" */

ngx_int_t
ngx_chat_cmd_unread(ngx_chat_members_t *m, ngx_chat_batch_t *b,
    ngx_chat_cmd_t *cmd)
{
    u_char           *pos;
    ngx_int_t         rc;
    ngx_str_t        *rooms, json;
    ngx_chat_join_t  *join;

    rooms = &m->value[NGX_CHAT_IN_ROOMS];

    if (rooms->data == NULL) {
        return NGX_OK;
    }

    if (rooms->data[0] != '[') {
        return ngx_chat_member_bad(m, NGX_CHAT_IN_ROOMS);
    }

    cmd->rooms = ngx_array_create(m->pool, 4, sizeof(ngx_chat_join_t));
    if (cmd->rooms == NULL) {
        return ngx_chat_member_failed(m);
    }

    pos = rooms->data;

    while (ngx_chat_json_element(rooms, &pos, &json) == NGX_OK) {

        if (cmd->rooms->nelts == NGX_CHAT_JOIN_MAX) {
            return ngx_chat_member_bad(m, NGX_CHAT_IN_ROOMS);
        }

        join = ngx_array_push(cmd->rooms);
        if (join == NULL) {
            return ngx_chat_member_failed(m);
        }

        ngx_memzero(join, sizeof(ngx_chat_join_t));

        rc = ngx_chat_json_decode(m->pool, &json, &join->room);

        if (rc == NGX_ERROR) {
            return ngx_chat_member_failed(m);
        }

        if (rc != NGX_OK) {
            return ngx_chat_member_bad(m, NGX_CHAT_IN_ROOMS);
        }

        if (ngx_chat_room_valid(&join->room) != NGX_OK) {
            join->error = NGX_CHAT_E_BAD_REQUEST;
        }
    }

    return (cmd->rooms->nelts > 0)
           ? NGX_OK : ngx_chat_member_bad(m, NGX_CHAT_IN_ROOMS);
}


ngx_int_t
ngx_chat_mention_next(ngx_pool_t *pool, ngx_str_t *mentions, u_char **pos,
    ngx_str_t *user)
{
    ngx_str_t  json;

    if (ngx_chat_json_element(mentions, pos, &json) != NGX_OK) {
        return NGX_DONE;
    }

    return (ngx_chat_json_decode(pool, &json, user) == NGX_OK)
           ? NGX_OK : NGX_ERROR;
}
