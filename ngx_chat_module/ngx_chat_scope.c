
/*
 * Copyright (C) the ngx_chat_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_policy.h"
#include "ngx_chat_scope.h"


typedef struct {
    ngx_str_t        name;
    uint32_t         scope;
} ngx_chat_scope_name_t;


/* one of the scopes is enough; a command that isn't here makes no sense without
   a session or a user */

typedef struct {
    ngx_chat_cmd_e   type;
    uint32_t         scopes;
} ngx_chat_scope_cmd_t;


static ngx_chat_scope_name_t  ngx_chat_scope_names[] = {
    { ngx_string("publish"), NGX_CHAT_SCOPE_PUBLISH },
    { ngx_string("history"), NGX_CHAT_SCOPE_HISTORY },
    { ngx_string("presence"), NGX_CHAT_SCOPE_PRESENCE },
    { ngx_string("rooms"), NGX_CHAT_SCOPE_ROOMS },
    { ngx_string("sessions"), NGX_CHAT_SCOPE_SESSIONS },
    { ngx_string("moderate"), NGX_CHAT_SCOPE_MODERATE },
    { ngx_string("admin"), NGX_CHAT_SCOPE_ADMIN },
    { ngx_string("audit"), NGX_CHAT_SCOPE_AUDIT },
    { ngx_string("users"), NGX_CHAT_SCOPE_USERS },
    { ngx_string("*"), NGX_CHAT_SCOPE_ALL },
    { ngx_null_string, 0 }
};


static ngx_chat_scope_cmd_t  ngx_chat_scope_cmds[] = {
    { NGX_CHAT_CMD_PING, NGX_CHAT_SCOPE_ALL },
    { NGX_CHAT_CMD_MESSAGE, NGX_CHAT_SCOPE_PUBLISH },
    { NGX_CHAT_CMD_REACT, NGX_CHAT_SCOPE_PUBLISH },
    { NGX_CHAT_CMD_SIGNAL, NGX_CHAT_SCOPE_PUBLISH },
    { NGX_CHAT_CMD_EDIT, NGX_CHAT_SCOPE_PUBLISH|NGX_CHAT_SCOPE_MODERATE },
    { NGX_CHAT_CMD_DELETE, NGX_CHAT_SCOPE_PUBLISH|NGX_CHAT_SCOPE_MODERATE },
    { NGX_CHAT_CMD_HISTORY, NGX_CHAT_SCOPE_HISTORY|NGX_CHAT_SCOPE_AUDIT },
    { NGX_CHAT_CMD_MEMBERS, NGX_CHAT_SCOPE_PRESENCE },
    { NGX_CHAT_CMD_ROOM, NGX_CHAT_SCOPE_ROOMS },
    { NGX_CHAT_CMD_ROOMS, NGX_CHAT_SCOPE_ROOMS },
    { NGX_CHAT_CMD_INVITE, NGX_CHAT_SCOPE_ROOMS },
    { NGX_CHAT_CMD_UNINVITE, NGX_CHAT_SCOPE_ROOMS },
    { NGX_CHAT_CMD_DISCONNECT, NGX_CHAT_SCOPE_SESSIONS },
    { NGX_CHAT_CMD_EXPORT, NGX_CHAT_SCOPE_USERS },
    { NGX_CHAT_CMD_ERASE, NGX_CHAT_SCOPE_USERS },
    { NGX_CHAT_CMD_KICK, NGX_CHAT_SCOPE_MODERATE },
    { NGX_CHAT_CMD_BAN, NGX_CHAT_SCOPE_MODERATE },
    { NGX_CHAT_CMD_UNBAN, NGX_CHAT_SCOPE_MODERATE },
    { NGX_CHAT_CMD_MUTE, NGX_CHAT_SCOPE_MODERATE },
    { NGX_CHAT_CMD_UNMUTE, NGX_CHAT_SCOPE_MODERATE },
    { NGX_CHAT_CMD_ROLE, NGX_CHAT_SCOPE_ADMIN },
    { NGX_CHAT_CMD_REVOKE, NGX_CHAT_SCOPE_ADMIN },
    { NGX_CHAT_CMD_NONE, 0 }
};


uint32_t
ngx_chat_scope(ngx_str_t *name)
{
    ngx_chat_scope_name_t  *n;

    for (n = ngx_chat_scope_names; n->name.len > 0; n++) {
        if (n->name.len == name->len
            && ngx_memcmp(n->name.data, name->data, name->len) == 0)
        {
            break;
        }
    }

    return n->scope;
}


/* what the server's own room has is for who may know what others have done */

ngx_chat_err_e
ngx_chat_scope_may(ngx_chat_user_t *user, ngx_chat_cmd_e type,
    ngx_str_t *room)
{
    uint32_t               needed;
    ngx_chat_scope_cmd_t  *c;

    if (!user->api) {
        return (type >= NGX_CHAT_CMD_DISCONNECT && type <= NGX_CHAT_CMD_ERASE)
               ? NGX_CHAT_E_UNKNOWN_COMMAND : NGX_CHAT_OK;
    }

    for (c = ngx_chat_scope_cmds; c->scopes != 0 && c->type != type; c++) {
        /* void */
    }

    if (c->scopes == 0) {
        return (type == NGX_CHAT_CMD_UNKNOWN) ? NGX_CHAT_E_UNKNOWN_COMMAND
                                              : NGX_CHAT_E_UNSUPPORTED;
    }

    needed = c->scopes;

    if (type == NGX_CHAT_CMD_HISTORY && room->len > 0) {
        needed = ngx_chat_room_is_audit(room) ? NGX_CHAT_SCOPE_AUDIT
                                              : NGX_CHAT_SCOPE_HISTORY;
    }

    return (user->scopes & needed) ? NGX_CHAT_OK : NGX_CHAT_E_FORBIDDEN;
}
