
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * "room": what is true of a room.  It is one row of the table, a JSON object as
 * clients see it; of two changes at once each begins with what the other has
 * made.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_audit.h"
#include "ngx_chat_control.h"
#include "ngx_chat_dispatch.h"
#include "ngx_chat_standing.h"
#include "ngx_chat_state.h"
#include "ngx_chat_transient.h"
#include "ngx_chat_worker.h"


/* changes of others that come between reading and writing */
#define NGX_CHAT_ROOM_TRIES  8


static ngx_chat_err_e ngx_chat_room_set(ngx_chat_caller_t *c,
    ngx_chat_cmd_t *cmd, ngx_str_t *state);
static ngx_chat_err_e ngx_chat_room_shared(ngx_chat_caller_t *c,
    ngx_str_t *set);
static ngx_chat_err_e ngx_chat_room_closed(ngx_chat_caller_t *c,
    ngx_chat_cmd_t *cmd);
static ngx_uint_t ngx_chat_room_unknown(ngx_chat_caller_t *c,
    ngx_str_t *room);
static ngx_int_t ngx_chat_room_merge(ngx_chat_caller_t *c, ngx_str_t *old,
    ngx_str_t *set, ngx_str_t *state);
static u_char *ngx_chat_room_add(u_char *p, ngx_str_t *name,
    ngx_str_t *value);


static u_char  ngx_chat_room_value[NGX_CHAT_VALUE_MAX];


void
ngx_chat_command_room(ngx_chat_caller_t *c, ngx_chat_cmd_t *cmd)
{
    ngx_uint_t        asks;
    ngx_str_t         state;
    ngx_chat_err_e    code;
    ngx_chat_text_t  *t;

    asks = (cmd->moder.set.len == 0);

    code = ngx_chat_dispatch_may(c, asks ? NGX_CHAT_MAY_READ
                                         : NGX_CHAT_MAY_ROOM, &cmd->room);

    if (code == NGX_CHAT_OK) {
        code = ngx_chat_room_shared(c, &cmd->moder.set);
    }

    if (code == NGX_CHAT_OK) {
        code = ngx_chat_room_closed(c, cmd);
    }

    if (code == NGX_CHAT_OK) {
        code = ngx_chat_room_set(c, cmd, &state);
    }

    if (code != NGX_CHAT_OK) {
        ngx_chat_dispatch_refuse(c, cmd, code);
        return;
    }

    if (!asks) {
        ngx_chat_audit_moder(c, cmd);

        t = ngx_chat_worker_text();

        ngx_chat_text_lit(t, "{\"type\":\"room\",\"room\":");
        ngx_chat_text_json(t, &cmd->room);
        ngx_chat_text_lit(t, ",\"state\":");
        ngx_chat_text_str(t, &state);
        ngx_chat_text_lit(t, ",\"by\":");
        ngx_chat_enc_user(t, c->user);
        ngx_chat_text_lit(t, "}");

        ngx_chat_dispatch_tell(c, &cmd->room, t);

        if (ngx_chat_standing_invites(c->conf->zone, &cmd->room, &state)) {
            /* who isn't a member leaves, wherever he is */
            ngx_chat_control_changed();
        }
    }

    if (cmd->reply_to.len == 0) {
        return;
    }

    t = ngx_chat_worker_text();

    ngx_chat_text_lit(t, "{\"type\":\"ok\"");
    ngx_chat_enc_reply_to(t, &cmd->reply_to);
    ngx_chat_text_lit(t, ",\"room\":");
    ngx_chat_text_json(t, &cmd->room);
    ngx_chat_text_lit(t, ",\"state\":");
    ngx_chat_text_str(t, &state);
    ngx_chat_text_lit(t, "}");

    ngx_chat_dispatch_emit(c, t);
}


/* how many are there on other hosts isn't known */

static ngx_chat_err_e
ngx_chat_room_shared(ngx_chat_caller_t *c, ngx_str_t *set)
{
    ngx_str_t  value;

    static ngx_str_t  members = ngx_string("max_members");

    return (c->conf->broker->prepare != NULL && set->len > 0
            && ngx_chat_json_member(set, &members, &value) == NGX_OK)
           ? NGX_CHAT_E_UNSUPPORTED : NGX_CHAT_OK;
}


/* who closes a room to others stays in it */

static ngx_chat_err_e
ngx_chat_room_closed(ngx_chat_caller_t *c, ngx_chat_cmd_t *cmd)
{
    return (c->rank < NGX_CHAT_RANK_MODERATOR
            && ngx_chat_standing_true(&cmd->moder.set, "invite"))
           ? ngx_chat_dispatch_member(c, &cmd->room, &c->user->id, 1)
           : NGX_CHAT_OK;
}


/* one that can't be made by asking looks the same as one for others */

static ngx_uint_t
ngx_chat_room_unknown(ngx_chat_caller_t *c, ngx_str_t *room)
{
    ngx_chat_rule_t       *rule;
    ngx_chat_room_key_t    key;
    ngx_chat_room_info_t   info;

    rule = ngx_chat_zone_rule(c->conf->zone, room);

    key.kind = NGX_CHAT_ROOM_CHAT;
    key.name = *room;

    return !ngx_chat_rule_creates(rule, room)
           && c->conf->broker->prepare == NULL
           && ngx_chat_room_find(c->conf->zone, &key, rule, &info) != NGX_OK;
}


/* *state is in memory that is good until the next command */

static ngx_chat_err_e
ngx_chat_room_set(ngx_chat_caller_t *c, ngx_chat_cmd_t *cmd, ngx_str_t *state)
{
    uint64_t          seq, now;
    ngx_int_t         rc;
    ngx_str_t         old;
    ngx_uint_t        tries;
    ngx_chat_row_t    row;
    ngx_chat_zone_t  *z;

    z = c->conf->zone;
    now = (uint64_t) ngx_time();

    for (tries = 0; tries < NGX_CHAT_ROOM_TRIES; tries++) {

        if (ngx_chat_standing_row(&row, NGX_CHAT_KIND_ROOM, &cmd->room, 0,
                                  NULL)
            != NGX_OK)
        {
            return NGX_CHAT_E_INTERNAL;
        }

        row.value.data = ngx_chat_room_value;

        ngx_chat_table_get_some(z, &row, 1, now);

        seq = row.seq;

        if (seq != 0) {
            old = row.value;

        } else {
            ngx_str_set(&old, "{}");
        }

        if (cmd->moder.set.len == 0) {

            if (seq == 0 && ngx_chat_room_unknown(c, &cmd->room)) {
                return NGX_CHAT_E_NOT_FOUND;
            }

            *state = old;
            return NGX_CHAT_OK;
        }

        rc = ngx_chat_room_merge(c, &old, &cmd->moder.set, state);

        if (rc != NGX_OK) {
            return NGX_CHAT_E_INTERNAL;
        }

        if (state->len > NGX_CHAT_VALUE_MAX) {
            return NGX_CHAT_E_TOO_LARGE;
        }

        row.value = *state;
        row.expires = 0;

        rc = ngx_chat_table_replace(z, &row, seq, now);

        if (rc == NGX_OK) {
            ngx_chat_broker_changed(z);
            ngx_chat_state_flush(z, now, ngx_cycle->log);
            return NGX_CHAT_OK;
        }

        if (rc != NGX_DECLINED) {
            return (rc == NGX_BUSY) ? NGX_CHAT_E_FULL
                                    : NGX_CHAT_E_UNAVAILABLE;
        }
    }

    return NGX_CHAT_E_UNAVAILABLE;
}


/* what `set' doesn't name stays, what is null in it goes */

static ngx_int_t
ngx_chat_room_merge(ngx_chat_caller_t *c, ngx_str_t *old, ngx_str_t *set,
    ngx_str_t *state)
{
    u_char     *p, *pos;
    ngx_str_t   name, value, other;

    p = ngx_pnalloc(c->pool, old->len + set->len + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    state->data = p;
    *p++ = '{';

    pos = old->data;

    while (ngx_chat_json_next_member(old, &pos, &name, &value) == NGX_OK) {
        if (ngx_chat_json_member(set, &name, &other) != NGX_OK) {
            p = ngx_chat_room_add(p, &name, &value);
        }
    }

    pos = set->data;

    while (ngx_chat_json_next_member(set, &pos, &name, &value) == NGX_OK) {
        if (value.data[0] != 'n') {
            p = ngx_chat_room_add(p, &name, &value);
        }
    }

    if (p[-1] == ',') {
        p--;
    }

    *p++ = '}';

    state->len = (size_t) (p - state->data);

    return NGX_OK;
}


/* as long as it was, with its comma */

static u_char *
ngx_chat_room_add(u_char *p, ngx_str_t *name, ngx_str_t *value)
{
    *p++ = '"';
    p = ngx_cpymem(p, name->data, name->len);
    *p++ = '"';
    *p++ = ':';
    p = ngx_cpymem(p, value->data, value->len);
    *p++ = ',';

    return p;
}


void
ngx_chat_dispatch_tell(ngx_chat_caller_t *c, ngx_str_t *room,
    ngx_chat_text_t *t)
{
    ngx_chat_transient_put_t  p;

    if (t->failed) {
        return;
    }

    ngx_memzero(&p, sizeof(ngx_chat_transient_put_t));

    p.key.kind = NGX_CHAT_ROOM_CHAT;
    p.key.name = *room;
    p.payload.data = t->start;
    p.payload.len = ngx_chat_text_len(t);
    p.now = ngx_chat_worker_now();

    /* where there is no such room nobody is in it */

    if (ngx_chat_transient_put(c->conf->zone, ngx_chat_bus_seat(), &p)
        == NGX_OK
        && p.passed)
    {
        ngx_chat_bus_wake(&p.wake);
        ngx_chat_hub_transients();
    }
}
