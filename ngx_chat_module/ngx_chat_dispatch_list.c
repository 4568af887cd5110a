
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * "rooms": which rooms there are, page by page.  Users are told of those that
 * they may enter, of the ones that the configuration lets be told of; keys of
 * the server API of all that they are good for.  The cursor is a slot: a room
 * that stays is told once, one that comes or goes meanwhile perhaps.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_dispatch.h"
#include "ngx_chat_presence.h"
#include "ngx_chat_standing.h"
#include "ngx_chat_worker.h"


/* slots that are looked at for a page, with the lock taken for each */
#define NGX_CHAT_ROOMS_LOOK  1024

/* of a user's page, where he says nothing */
#define NGX_CHAT_ROOMS_PAGE  50


static ngx_uint_t ngx_chat_rooms_add(ngx_chat_caller_t *c,
    ngx_chat_text_t *t, ngx_chat_room_key_t *key, ngx_chat_room_info_t *info,
    ngx_uint_t n);
static ngx_uint_t ngx_chat_rooms_listed(ngx_chat_caller_t *c,
    ngx_chat_room_key_t *key, ngx_str_t *state);
static ngx_uint_t ngx_chat_rooms_members(ngx_chat_caller_t *c,
    ngx_chat_room_key_t *key);


void
ngx_chat_command_rooms(ngx_chat_caller_t *c, ngx_chat_cmd_t *cmd)
{
    u_char                 name[NGX_CHAT_ROOM_MAX];
    uint32_t               idx, look;
    ngx_int_t              rc;
    ngx_uint_t             n, max;
    ngx_chat_err_e         code;
    ngx_chat_text_t       *t;
    ngx_chat_room_key_t    key;
    ngx_chat_room_info_t   info;

    /* rooms that other hosts have are not all known here */

    code = (c->user->id.len == 0) ? NGX_CHAT_E_UNAUTHORIZED
           : (c->conf->broker->prepare != NULL && !c->user->api)
             ? NGX_CHAT_E_UNSUPPORTED
           : ngx_chat_dispatch_charge(c, NGX_CHAT_RATE_HISTORY, NULL, 1);

    if (code != NGX_CHAT_OK) {
        ngx_chat_dispatch_refuse(c, cmd, code);
        return;
    }

    t = ngx_chat_worker_text();

    ngx_chat_text_lit(t, "{\"type\":\"rooms\"");
    ngx_chat_enc_reply_to(t, &cmd->reply_to);
    ngx_chat_text_lit(t, ",\"rooms\":[");

    key.name.data = name;
    max = (cmd->limit > 0) ? cmd->limit
          : c->user->api ? NGX_CHAT_PAGE_MAX : NGX_CHAT_ROOMS_PAGE;
    idx = (cmd->next.len > 0)
          ? (uint32_t) ngx_atoi(cmd->next.data, cmd->next.len) : 0;
    rc = NGX_OK;
    n = 0;

    for (look = 0; look < NGX_CHAT_ROOMS_LOOK && n < max; look++, idx++) {

        rc = ngx_chat_room_at(c->conf->zone, idx, &key, &info);

        if (rc == NGX_DONE) {
            break;
        }

        if (rc == NGX_OK) {
            n += ngx_chat_rooms_add(c, t, &key, &info, n);
        }
    }

    ngx_chat_text_lit(t, "]");

    /* a page that is full may be the last */

    if (rc != NGX_DONE
        && ngx_chat_room_at(c->conf->zone, idx, &key, &info) != NGX_DONE)
    {
        ngx_chat_text_lit(t, ",\"next\":\"");
        ngx_chat_text_num(t, (int64_t) idx);
        ngx_chat_text_lit(t, "\"");
    }

    ngx_chat_text_lit(t, "}");

    if (cmd->reply_to.len > 0) {
        ngx_chat_dispatch_emit(c, t);
    }
}


/* 1: it is in the list; those of the server are nobody's to be listed */

static ngx_uint_t
ngx_chat_rooms_add(ngx_chat_caller_t *c, ngx_chat_text_t *t,
    ngx_chat_room_key_t *key, ngx_chat_room_info_t *info, ngx_uint_t n)
{
    ngx_str_t  state;

    ngx_str_null(&state);

    if (key->kind != NGX_CHAT_ROOM_CHAT || key->name.data[0] == '~'
        || !(c->user->api
             ? ngx_chat_dispatch_may(c, NGX_CHAT_MAY_READ, &key->name)
               == NGX_CHAT_OK
             : ngx_chat_rooms_listed(c, key, &state)))
    {
        return 0;
    }

    if (n > 0) {
        ngx_chat_text_lit(t, ",");
    }

    ngx_chat_text_lit(t, "{\"room\":");
    ngx_chat_text_json(t, &key->name);

    if (c->user->api) {
        ngx_chat_text_lit(t, ",");
        ngx_chat_history_life(t, info);
    }

    ngx_chat_text_lit(t, ",\"members\":");
    ngx_chat_text_num(t, (int64_t) ngx_chat_rooms_members(c, key));

    if (state.len > 0) {
        ngx_chat_text_lit(t, ",\"state\":");
        ngx_chat_text_str(t, &state);
    }

    ngx_chat_text_lit(t, "}");

    return 1;
}


/* to a user, and *state: what is true of the room */

static ngx_uint_t
ngx_chat_rooms_listed(ngx_chat_caller_t *c, ngx_chat_room_key_t *key,
    ngx_str_t *state)
{
    uint64_t             until;
    ngx_chat_standing_t  st;

    return ngx_chat_zone_rule(c->conf->zone, &key->name)->list
           && ngx_chat_standing(c->conf->zone, c->user, key, &st, state)
              == NGX_OK
           && ngx_chat_standing_may(&st, c->user, NGX_CHAT_MAY_JOIN,
                                    &key->name, &until)
              == NGX_CHAT_OK;
}


static ngx_uint_t
ngx_chat_rooms_members(ngx_chat_caller_t *c, ngx_chat_room_key_t *key)
{
    ngx_chat_presence_page_t  page;
    ngx_chat_presence_user_t  user;

    ngx_memzero(&page, sizeof(ngx_chat_presence_page_t));

    page.users = &user;
    page.n = 1;

    (void) ngx_chat_presence_page(c->conf->zone, key, &page);

    return page.count;
}
