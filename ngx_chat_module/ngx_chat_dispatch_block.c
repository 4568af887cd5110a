
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * "block", "unblock", "blocks": from whom a user wants no direct messages.  It
 * is one row of the table for each who has blocked somebody, so nobody has more
 * of them than there is place in a row.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_direct.h"
#include "ngx_chat_dispatch.h"
#include "ngx_chat_standing.h"
#include "ngx_chat_state.h"
#include "ngx_chat_worker.h"


/* changes by other sessions that come between reading and writing */
#define NGX_CHAT_BLOCK_TRIES  8

/* an empty list goes after, seconds */
#define NGX_CHAT_BLOCK_TTL    60


static ngx_chat_err_e ngx_chat_block_may(ngx_chat_caller_t *c,
    ngx_str_t *user);
static ngx_chat_err_e ngx_chat_block_change(ngx_chat_caller_t *c,
    ngx_chat_cmd_t *cmd);
static ngx_chat_err_e ngx_chat_block_row(ngx_chat_caller_t *c,
    ngx_chat_row_t *row);
static ngx_uint_t ngx_chat_block_users(ngx_chat_text_t *t, ngx_str_t *value,
    ngx_str_t *without);


static u_char  ngx_chat_block_value[NGX_CHAT_VALUE_MAX];


void
ngx_chat_command_block(ngx_chat_caller_t *c, ngx_chat_cmd_t *cmd)
{
    ngx_chat_err_e  code;

    code = ngx_chat_block_may(c, &cmd->moder.user);

    if (code == NGX_CHAT_OK) {
        code = ngx_chat_block_change(c, cmd);
    }

    if (code != NGX_CHAT_OK) {
        ngx_chat_dispatch_refuse(c, cmd, code);
        return;
    }

    ngx_chat_dispatch_done(c, cmd, NULL, &cmd->moder.user);
}


void
ngx_chat_command_blocks(ngx_chat_caller_t *c, ngx_chat_cmd_t *cmd)
{
    ngx_chat_err_e    code;
    ngx_chat_row_t    row;
    ngx_chat_text_t  *t;

    code = ngx_chat_block_row(c, &row);

    if (code != NGX_CHAT_OK) {
        ngx_chat_dispatch_refuse(c, cmd, code);
        return;
    }

    if (cmd->reply_to.len == 0) {
        return;
    }

    t = ngx_chat_worker_text();

    ngx_chat_text_lit(t, "{\"type\":\"blocks\"");
    ngx_chat_enc_reply_to(t, &cmd->reply_to);
    ngx_chat_text_lit(t, ",\"users\":[");
    (void) ngx_chat_block_users(t, &row.value, NULL);
    ngx_chat_text_lit(t, "]}");
    ngx_chat_dispatch_emit(c, t);
}


/* who can have a direct conversation with somebody can do without it */

static ngx_chat_err_e
ngx_chat_block_may(ngx_chat_caller_t *c, ngx_str_t *user)
{
    u_char     name[NGX_CHAT_DIRECT_LEN];
    ngx_int_t  rc;
    ngx_str_t  room;

    rc = ngx_chat_direct_name(name, &c->user->id, user);

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_CHAT_E_FORBIDDEN
                                    : NGX_CHAT_E_INTERNAL;
    }

    room.data = name;
    room.len = NGX_CHAT_DIRECT_LEN;

    return ngx_chat_dispatch_may(c, NGX_CHAT_MAY_DIRECT, &room);
}


static ngx_chat_err_e
ngx_chat_block_change(ngx_chat_caller_t *c, ngx_chat_cmd_t *cmd)
{
    uint64_t          seq, now;
    ngx_int_t         rc;
    ngx_str_t        *user;
    ngx_uint_t        n, tries, block, is;
    ngx_chat_err_e    code;
    ngx_chat_row_t    row;
    ngx_chat_text_t  *t;

    user = &cmd->moder.user;
    block = (cmd->type == NGX_CHAT_CMD_BLOCK);
    now = (uint64_t) ngx_time();

    for (tries = 0; tries < NGX_CHAT_BLOCK_TRIES; tries++) {

        code = ngx_chat_block_row(c, &row);

        if (code != NGX_CHAT_OK) {
            return code;
        }

        seq = row.seq;
        is = (seq != 0 && ngx_chat_standing_blocks(&row.value, user));

        if (is == block) {
            return block ? NGX_CHAT_OK : NGX_CHAT_E_NOT_FOUND;
        }

        t = ngx_chat_worker_text();

        ngx_chat_text_lit(t, "{\"users\":[");
        n = ngx_chat_block_users(t, &row.value, user);

        if (block) {
            if (n++ > 0) {
                ngx_chat_text_lit(t, ",");
            }

            ngx_chat_text_json(t, user);
        }

        ngx_chat_text_lit(t, "]}");

        if (t->failed) {
            return NGX_CHAT_E_INTERNAL;
        }

        row.value.data = t->start;
        row.value.len = ngx_chat_text_len(t);
        row.expires = (n > 0) ? 0 : now + NGX_CHAT_BLOCK_TTL;

        if (row.value.len > NGX_CHAT_VALUE_MAX) {
            return NGX_CHAT_E_TOO_LARGE;
        }

        rc = ngx_chat_table_replace(c->conf->zone, &row, seq, now);

        if (rc == NGX_OK) {
            ngx_chat_broker_changed(c->conf->zone);
            ngx_chat_state_flush(c->conf->zone, now, ngx_cycle->log);
            return NGX_CHAT_OK;
        }

        if (rc == NGX_BUSY) {
            return NGX_CHAT_E_FULL;
        }

        if (rc != NGX_DECLINED) {
            break;
        }
    }

    return NGX_CHAT_E_UNAVAILABLE;
}


/* the caller's; its seq is 0 and its value empty if he has blocked nobody */

static ngx_chat_err_e
ngx_chat_block_row(ngx_chat_caller_t *c, ngx_chat_row_t *row)
{
    if (c->user->id.len == 0) {
        return NGX_CHAT_E_UNAUTHORIZED;
    }

    ngx_memzero(row, sizeof(ngx_chat_row_t));

    row->kind = NGX_CHAT_KIND_BLOCK;
    row->value.data = ngx_chat_block_value;

    if (ngx_chat_direct_key(row->subject, &c->user->id) != NGX_OK) {
        return NGX_CHAT_E_INTERNAL;
    }

    ngx_chat_table_get_some(c->conf->zone, row, 1, (uint64_t) ngx_time());

    if (row->seq == 0) {
        ngx_str_set(&row->value, "{\"users\":[]}");
    }

    return NGX_CHAT_OK;
}


/* the elements of the row's array, but for that user; returns how many */

static ngx_uint_t
ngx_chat_block_users(ngx_chat_text_t *t, ngx_str_t *value,
    ngx_str_t *without)
{
    u_char      *pos;
    ngx_str_t    users, id;
    ngx_uint_t   n;

    pos = NULL;
    n = 0;

    while (ngx_chat_standing_blocked(value, &users, &pos, &id) == NGX_OK) {

        if (without != NULL && id.len == without->len
            && ngx_memcmp(id.data, without->data, without->len) == 0)
        {
            continue;
        }

        if (n++ > 0) {
            ngx_chat_text_lit(t, ",");
        }

        ngx_chat_text_json(t, &id);
    }

    return n;
}
