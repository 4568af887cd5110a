
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * "export" and "erase": all that a user has written, for keys of the server
 * API.  A command does a part that is bounded, and its answer says where the
 * next one begins; so nothing is kept in between, any worker goes on, and a
 * death loses nothing.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_audit.h"
#include "ngx_chat_dispatch.h"
#include "ngx_chat_name.h"
#include "ngx_chat_worker.h"


/* of one command: slots and pages that are looked at, messages deleted */
#define NGX_CHAT_USER_SLOTS    1024
#define NGX_CHAT_USER_PAGES    4
#define NGX_CHAT_USER_ERASES   100


typedef struct {
    ngx_chat_caller_t    *c;
    ngx_chat_cmd_t       *cmd;
    ngx_chat_text_t       out;       /* the answer */
    ngx_chat_text_t       text;      /* a page */

    /* where it is: a room's slot, and what is before that event in it */
    uint32_t              slot;
    ngx_chat_cursor_t     before;

    ngx_chat_room_key_t   key;
    ngx_uint_t            slots;
    ngx_uint_t            pages;
    ngx_uint_t            found;     /* events told, or messages erased */
    unsigned              done:1;
    u_char                name[NGX_CHAT_ROOM_MAX];
} ngx_chat_user_walk_t;


static ngx_chat_err_e ngx_chat_user_begin(ngx_chat_user_walk_t *w);
static ngx_int_t ngx_chat_user_cursor(ngx_chat_user_walk_t *w);
static ngx_chat_err_e ngx_chat_user_walk(ngx_chat_user_walk_t *w);
static ngx_int_t ngx_chat_user_room(ngx_chat_user_walk_t *w);
static ngx_chat_err_e ngx_chat_user_page(ngx_chat_user_walk_t *w);
static ngx_chat_err_e ngx_chat_user_event(ngx_chat_user_walk_t *w,
    ngx_str_t *event);
static ngx_uint_t ngx_chat_user_wrote(ngx_str_t *event, ngx_str_t *user);
static ngx_chat_err_e ngx_chat_user_erase(ngx_chat_user_walk_t *w,
    ngx_str_t *event);
static void ngx_chat_user_end(ngx_chat_user_walk_t *w);


void
ngx_chat_command_user(ngx_chat_caller_t *c, ngx_chat_cmd_t *cmd)
{
    ngx_chat_err_e        code;
    ngx_chat_user_walk_t  w;

    ngx_memzero(&w, sizeof(ngx_chat_user_walk_t));

    w.c = c;
    w.cmd = cmd;
    w.key.name.data = w.name;
    c->of = &cmd->moder.user;

    ngx_chat_text_init(&w.out, NGX_CHAT_REPLIES_MAX, ngx_cycle->log);
    ngx_chat_text_init(&w.text, NGX_CHAT_REPLIES_MAX, ngx_cycle->log);

    code = ngx_chat_user_begin(&w);

    if (code == NGX_CHAT_OK) {
        code = ngx_chat_user_walk(&w);
    }

    /* what was done before it failed is told, and where to go on */

    if (code == NGX_CHAT_OK || w.found > 0) {
        ngx_chat_user_end(&w);

    } else {
        ngx_chat_dispatch_refuse(c, cmd, code);
    }

    ngx_chat_text_free(&w.out);
    ngx_chat_text_free(&w.text);

    c->of = NULL;
}


static ngx_chat_err_e
ngx_chat_user_begin(ngx_chat_user_walk_t *w)
{
    ngx_str_t       all;
    ngx_chat_err_e  code;

    ngx_str_null(&all);

    code = ngx_chat_dispatch_may(w->c, NGX_CHAT_MAY_ADMIN, &all);

    if (code != NGX_CHAT_OK) {
        return code;
    }

    if (w->c->conf->broker->prepare != NULL) {
        /* rooms that live elsewhere */
        return NGX_CHAT_E_UNSUPPORTED;
    }

    if (w->cmd->next.len > 0) {

        if (ngx_chat_user_cursor(w) != NGX_OK) {
            return NGX_CHAT_E_BAD_REQUEST;
        }

    } else {
        ngx_chat_audit_moder(w->c, w->cmd);
    }

    ngx_chat_text_lit(&w->out, "{\"type\":\"");
    ngx_chat_text_str(&w->out, &w->cmd->type_name);
    ngx_chat_text_lit(&w->out, "\"");
    ngx_chat_enc_reply_to(&w->out, &w->cmd->reply_to);
    ngx_chat_text_lit(&w->out, ",\"user\":");
    ngx_chat_text_json(&w->out, &w->cmd->moder.user);

    if (w->cmd->type == NGX_CHAT_CMD_EXPORT) {
        ngx_chat_text_lit(&w->out, ",\"events\":[");
    }

    return NGX_CHAT_OK;
}


/* SLOT, or SLOT:ID; any are harmless, so there is nothing to sign */

static ngx_int_t
ngx_chat_user_cursor(ngx_chat_user_walk_t *w)
{
    u_char     *p, *last, *colon;
    ngx_int_t   n;
    ngx_str_t   id;

    p = w->cmd->next.data;
    last = p + w->cmd->next.len;

    colon = ngx_strlchr(p, last, ':');

    n = ngx_atoi(p, (size_t) ((colon ? colon : last) - p));

    if (n == NGX_ERROR || n > NGX_MAX_INT32_VALUE) {
        return NGX_DECLINED;
    }

    w->slot = (uint32_t) n;

    if (colon == NULL) {
        return NGX_OK;
    }

    id.data = colon + 1;
    id.len = (size_t) (last - id.data);

    w->before.given = 1;

    return ngx_chat_id_parse(&id, &w->before.id);
}


/* until the bounds of one command */

static ngx_chat_err_e
ngx_chat_user_walk(ngx_chat_user_walk_t *w)
{
    ngx_int_t       rc;
    ngx_chat_err_e  code;

    while (w->slots < NGX_CHAT_USER_SLOTS && w->pages < NGX_CHAT_USER_PAGES
           && (w->cmd->type != NGX_CHAT_CMD_ERASE
               || w->found < NGX_CHAT_USER_ERASES)
           && ngx_chat_text_len(&w->out) < NGX_CHAT_PAGE_BYTES)
    {
        w->slots++;

        rc = ngx_chat_user_room(w);

        if (rc == NGX_DONE) {
            w->done = 1;
            break;
        }

        if (rc != NGX_OK) {
            w->slot++;
            w->before.given = 0;
            continue;
        }

        w->pages++;

        code = ngx_chat_user_page(w);

        if (code != NGX_CHAT_OK) {
            return code;
        }
    }

    return NGX_CHAT_OK;
}


/* another room than the cursor's in its slot begins with its newest message */

static ngx_int_t
ngx_chat_user_room(ngx_chat_user_walk_t *w)
{
    ngx_int_t             rc;
    ngx_chat_room_info_t  info;

    rc = ngx_chat_room_at(w->c->conf->zone, w->slot, &w->key, &info);

    if (rc != NGX_OK) {
        return rc;
    }

    if (w->key.kind != NGX_CHAT_ROOM_CHAT
        || ngx_chat_dispatch_may(w->c, NGX_CHAT_MAY_SEND, &w->key.name)
           != NGX_CHAT_OK)
    {
        return NGX_DECLINED;
    }

    if (w->before.given
        && ngx_memcmp(w->before.id.epoch, info.epoch, NGX_CHAT_EPOCH_LEN) != 0)
    {
        w->before.given = 0;
    }

    return NGX_OK;
}


/* a page of all messages; the place moves on when all of it has been done */

static ngx_chat_err_e
ngx_chat_user_page(ngx_chat_user_walk_t *w)
{
    u_char           *pos;
    ngx_str_t         json, events, event, next;
    ngx_chat_err_e    code;
    ngx_chat_page_t   page;

    static ngx_str_t  events_name = ngx_string("events");
    static ngx_str_t  next_name = ngx_string("next");

    ngx_memzero(&page, sizeof(ngx_chat_page_t));

    page.before = w->before;
    page.limit = NGX_CHAT_PAGE_MAX;

    ngx_chat_text_reset(&w->text);
    ngx_chat_text_lit(&w->text, "{");

    code = ngx_chat_dispatch_page(w->c, &w->key, &page, &w->text);

    if (code == NGX_CHAT_E_NOT_FOUND) {
        w->slot++;
        w->before.given = 0;
        return NGX_CHAT_OK;
    }

    if (code != NGX_CHAT_OK) {
        return code;
    }

    ngx_chat_text_lit(&w->text, "}");

    json.data = w->text.start;
    json.len = ngx_chat_text_len(&w->text);

    if (w->text.failed
        || ngx_chat_json_member(&json, &events_name, &events) != NGX_OK)
    {
        return NGX_CHAT_E_INTERNAL;
    }

    pos = events.data;

    while (ngx_chat_json_element(&events, &pos, &event) == NGX_OK) {

        if (!ngx_chat_user_wrote(&event, &w->cmd->moder.user)) {
            continue;
        }

        code = ngx_chat_user_event(w, &event);

        if (code != NGX_CHAT_OK) {
            return code;
        }
    }

    w->before.given = 0;

    if (ngx_chat_json_member(&json, &next_name, &next) == NGX_OK
        && next.len > 2)
    {
        next.data++;
        next.len -= 2;

        w->before.given = ngx_chat_id_parse(&next, &w->before.id) == NGX_OK;
    }

    if (!w->before.given) {
        w->slot++;
    }

    return NGX_CHAT_OK;
}


static ngx_chat_err_e
ngx_chat_user_event(ngx_chat_user_walk_t *w, ngx_str_t *event)
{
    ngx_chat_err_e  code;

    if (w->cmd->type == NGX_CHAT_CMD_ERASE) {
        code = ngx_chat_user_erase(w, event);

        if (code == NGX_CHAT_OK) {
            w->found++;
        }

        /* somebody was faster */
        return (code == NGX_CHAT_E_NOT_FOUND) ? NGX_CHAT_OK : code;
    }

    if (w->found++ > 0) {
        ngx_chat_text_lit(&w->out, ",");
    }

    ngx_chat_text_str(&w->out, event);

    return NGX_CHAT_OK;
}


/* ids of users need no escapes; a tombstone has nothing of him but his id */

static ngx_uint_t
ngx_chat_user_wrote(ngx_str_t *event, ngx_str_t *user)
{
    ngx_str_t  value, id;

    static ngx_str_t  user_name = ngx_string("user");
    static ngx_str_t  id_name = ngx_string("id");
    static ngx_str_t  deleted = ngx_string("deleted");

    return event->data[0] == '{'
           && ngx_chat_json_member(event, &user_name, &value) == NGX_OK
           && value.data[0] == '{'
           && ngx_chat_json_member(&value, &id_name, &id) == NGX_OK
           && id.len == user->len + 2
           && ngx_memcmp(id.data + 1, user->data, user->len) == 0
           && ngx_chat_json_member(event, &deleted, &value) != NGX_OK;
}


/* as if the key had sent "delete" */

static ngx_chat_err_e
ngx_chat_user_erase(ngx_chat_user_walk_t *w, ngx_str_t *event)
{
    ngx_str_t           id;
    ngx_chat_cmd_t      cmd;
    ngx_chat_publish_t  p;

    static ngx_str_t  name = ngx_string("id");

    ngx_memzero(&cmd, sizeof(ngx_chat_cmd_t));

    cmd.type = NGX_CHAT_CMD_DELETE;
    ngx_str_set(&cmd.type_name, "delete");
    cmd.room = w->key.name;

    if (ngx_chat_json_member(event, &name, &id) != NGX_OK || id.len <= 2) {
        return NGX_CHAT_E_INTERNAL;
    }

    id.data++;
    id.len -= 2;

    cmd.target.given = 1;

    if (ngx_chat_id_parse(&id, &cmd.target.id) != NGX_OK) {
        return NGX_CHAT_E_INTERNAL;
    }

    return ngx_chat_dispatch_change(w->c, &cmd, &p);
}


static void
ngx_chat_user_end(ngx_chat_user_walk_t *w)
{
    u_char  id[NGX_CHAT_ID_LEN], *last;

    if (w->cmd->type == NGX_CHAT_CMD_EXPORT) {
        ngx_chat_text_lit(&w->out, "]");

    } else {
        ngx_chat_text_lit(&w->out, ",\"erased\":");
        ngx_chat_text_num(&w->out, (int64_t) w->found);
    }

    if (!w->done) {
        ngx_chat_text_lit(&w->out, ",\"next\":\"");
        ngx_chat_text_num(&w->out, (int64_t) w->slot);

        if (w->before.given) {
            last = ngx_chat_id_print(id, w->before.id.epoch,
                                     w->before.id.offset);

            ngx_chat_text_lit(&w->out, ":");
            ngx_chat_text_add(&w->out, id, (size_t) (last - id));
        }

        ngx_chat_text_lit(&w->out, "\"");
    }

    ngx_chat_text_lit(&w->out, "}");

    if (w->cmd->reply_to.len > 0) {
        ngx_chat_dispatch_emit(w->c, &w->out);
    }
}
