
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * The permission point of commands: the configuration, and what moderators
 * have done.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_direct.h"
#include "ngx_chat_dispatch.h"
#include "ngx_chat_scope.h"
#include "ngx_chat_standing.h"


static ngx_chat_err_e ngx_chat_dispatch_standing(ngx_chat_caller_t *c,
    ngx_str_t *room, ngx_chat_standing_t *st);


ngx_chat_err_e
ngx_chat_dispatch_may(ngx_chat_caller_t *c, ngx_chat_action_e action,
    ngx_str_t *room)
{
    u_char               other[NGX_CHAT_DIRECT_KEY];
    ngx_chat_err_e       err;
    ngx_chat_standing_t  st;

    if (c->user->id.len == 0) {
        return NGX_CHAT_E_UNAUTHORIZED;
    }

    if (c->user->api) {
        /* it can't be banned or muted, and no room's slow mode is for it */
        c->rank = NGX_CHAT_RANK_API;
        c->slow_ms = 0;
        c->invite = 1;
        c->made = 1;

        if (c->of != NULL && ngx_chat_room_is_direct(room)) {
            return (ngx_chat_direct_other(room, c->of, other) == NGX_OK)
                   ? NGX_CHAT_OK : NGX_CHAT_E_NOT_FOUND;
        }

        if ((action == NGX_CHAT_MAY_EDIT_ANY
             && !(c->user->scopes & NGX_CHAT_SCOPE_MODERATE))
            || (action == NGX_CHAT_MAY_DELETE_ANY
                && !(c->user->scopes & (NGX_CHAT_SCOPE_MODERATE
                                        |NGX_CHAT_SCOPE_USERS))))
        {
            return NGX_CHAT_E_FORBIDDEN;
        }

        return ngx_chat_policy(c->user, action, room);
    }

    err = ngx_chat_dispatch_standing(c, room, &st);

    if (err != NGX_CHAT_OK) {
        return err;
    }

    c->rank = st.rank;
    c->invite = st.invite;
    c->made = st.made;
    c->slow_ms = (st.rank < NGX_CHAT_RANK_MODERATOR) ? st.slow_ms : 0;

    return ngx_chat_standing_may(&st, c->user, action, room, &c->until);
}


/* of who is in the room it is remembered */

static ngx_chat_err_e
ngx_chat_dispatch_standing(ngx_chat_caller_t *c, ngx_str_t *room,
    ngx_chat_standing_t *st)
{
    ngx_chat_zone_t      *z;
    ngx_chat_member_t    *m;
    ngx_chat_room_key_t   key;

    z = c->conf->zone;

    m = (c->session != NULL && room->len > 0)
        ? ngx_chat_member_find(c->session, room) : NULL;

    if (m != NULL && m->standing != NULL
        && ngx_chat_standing_holds(z, m->standing))
    {
        *st = *m->standing;
        return NGX_CHAT_OK;
    }

    key.kind = c->conf->raw ? NGX_CHAT_ROOM_RAW : NGX_CHAT_ROOM_CHAT;
    key.name = *room;

    if (ngx_chat_standing(z, c->user, &key, st, NULL) != NGX_OK) {
        return NGX_CHAT_E_INTERNAL;
    }

    if (m == NULL) {
        return NGX_CHAT_OK;
    }

    if (m->standing == NULL) {

        m->standing = ngx_alloc(sizeof(ngx_chat_standing_t), c->session->log);
        if (m->standing == NULL) {
            /* it is looked up again, then */
            return NGX_CHAT_OK;
        }
    }

    *m->standing = *st;

    return NGX_CHAT_OK;
}


void
ngx_chat_dispatch_when(ngx_chat_caller_t *c, ngx_chat_err_t *err)
{
    switch (err->code) {

    case NGX_CHAT_E_RATE_LIMITED:
    case NGX_CHAT_E_SLOW_MODE:
        err->retry_after_ms = c->retry_after_ms;
        break;

    case NGX_CHAT_E_BANNED:
    case NGX_CHAT_E_MUTED:
        err->until = (c->until != NGX_CHAT_FOREVER) ? c->until : 0;
        break;

    case NGX_CHAT_E_FILTERED:
        err->message = c->message;
        break;

    default:
        break;
    }
}
