
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * "edit", "delete" and "react", and messages that answer others.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_change.h"
#include "ngx_chat_dispatch.h"
#include "ngx_chat_worker.h"


static ngx_chat_err_e ngx_chat_change_may(ngx_chat_caller_t *c,
    ngx_chat_cmd_t *cmd);
static ngx_chat_err_e ngx_chat_change_look(ngx_chat_caller_t *c,
    ngx_chat_cmd_t *cmd, ngx_chat_room_key_t *key, ngx_chat_change_t *ch);
static ngx_chat_err_e ngx_chat_change_message(ngx_chat_caller_t *c,
    ngx_chat_cmd_t *cmd, ngx_chat_rec_t *rec, ngx_chat_change_t *ch);
static size_t ngx_chat_change_kept(ngx_str_t *json, ngx_str_t *user);
static ngx_chat_action_e ngx_chat_change_action(ngx_chat_cmd_t *cmd,
    ngx_uint_t own);
static ngx_uint_t ngx_chat_change_type(ngx_chat_cmd_t *cmd);


ngx_chat_err_e
ngx_chat_dispatch_change(ngx_chat_caller_t *c, ngx_chat_cmd_t *cmd,
    ngx_chat_publish_t *p)
{
    size_t              cut1, cut2, keep, size;
    uint64_t            body;
    ngx_chat_err_e      code;
    ngx_chat_text_t    *t;
    ngx_chat_change_t  *ch;

    code = ngx_chat_change_may(c, cmd);
    if (code != NGX_CHAT_OK) {
        return code;
    }

    if (c->conf->broker->prepare != NULL) {
        /* rooms that live elsewhere */
        return NGX_CHAT_E_UNSUPPORTED;
    }

    ch = ngx_pcalloc(c->pool, sizeof(ngx_chat_change_t));
    if (ch == NULL) {
        return NGX_CHAT_E_INTERNAL;
    }

    ngx_memzero(p, sizeof(ngx_chat_publish_t));

    p->key.kind = NGX_CHAT_ROOM_CHAT;
    p->key.name = cmd->room;
    p->type = ngx_chat_change_type(cmd);
    p->change = ch;

    code = ngx_chat_change_look(c, cmd, &p->key, ch);
    if (code != NGX_CHAT_OK) {
        return code;
    }

    size = cmd->text.len + cmd->data.len;
    body = (cmd->nonce.len > 0) ? ngx_chat_change_hash(cmd) : 0;

    if (cmd->type == NGX_CHAT_CMD_EDIT) {
        code = ngx_chat_dispatch_ask(c, cmd);

        if (code != NGX_CHAT_OK) {
            return code;
        }
    }

    t = ngx_chat_worker_text();

    ngx_chat_event_change(t, cmd, c->user, &cut1, &cut2, &keep);

    if (t->failed) {
        return NGX_CHAT_E_INTERNAL;
    }

    ngx_chat_dispatch_pieces(p, t, cut1, cut2);

    if (p->type == NGX_CHAT_REC_EDIT) {
        /* where its content begins, which the id moves under the lock */
        ch->cut = keep;
        ch->data = (cmd->data.len > 0);
        p->reserve = sizeof(NGX_CHAT_TOMBSTONE);
    }

    ch->on = cmd->on;
    ch->emoji = cmd->emoji;
    ch->user = c->user->id;

    ngx_chat_dispatch_nonce(c, p, &cmd->nonce);

    p->body = body;

    code = ngx_chat_dispatch_broker(c, p, size);

    p->change = NULL;

    return code;
}


static ngx_uint_t
ngx_chat_change_type(ngx_chat_cmd_t *cmd)
{
    switch (cmd->type) {

    case NGX_CHAT_CMD_EDIT:
        return NGX_CHAT_REC_EDIT;

    case NGX_CHAT_CMD_DELETE:
        return NGX_CHAT_REC_DELETE;

    default:
        return NGX_CHAT_REC_REACT;
    }
}


/*
 * Whose the message is, and how much of it stays when it is deleted: it is read
 * before the lock is taken, for neither ever changes.  What isn't there is told
 * under the lock only: the command may be a repetition.
 */

static ngx_chat_err_e
ngx_chat_change_look(ngx_chat_caller_t *c, ngx_chat_cmd_t *cmd,
    ngx_chat_room_key_t *key, ngx_chat_change_t *ch)
{
    u_char                *buf;
    uint64_t               offset;
    ngx_chat_pos_t         pos;
    ngx_chat_zone_t       *z;
    ngx_chat_room_info_t   info;

    z = c->conf->zone;
    offset = cmd->target.id.offset;

    if (ngx_chat_room_find(z, key, ngx_chat_zone_rule(z, &key->name), &info)
        != NGX_OK
        || ngx_memcmp(cmd->target.id.epoch, info.epoch, NGX_CHAT_EPOCH_LEN)
           != 0)
    {
        return NGX_CHAT_E_NOT_FOUND;
    }

    ch->life = info.life;
    ch->target = offset;
    ch->gone = 1;

    if (offset < info.first || offset > info.head
        || ngx_chat_log_seek(z, info.idx, info.life, offset, &pos) != NGX_OK
        || ngx_chat_worker_read(z, &pos, offset, NGX_CHAT_HISTORY_READ, &buf)
           <= 0)
    {
        return NGX_CHAT_OK;
    }

    return ngx_chat_change_message(c, cmd, (ngx_chat_rec_t *) buf, ch);
}


static ngx_chat_err_e
ngx_chat_change_message(ngx_chat_caller_t *c, ngx_chat_cmd_t *cmd,
    ngx_chat_rec_t *rec, ngx_chat_change_t *ch)
{
    size_t          cut;
    ngx_str_t       author;
    ngx_uint_t      own;
    ngx_chat_err_e  code;

    cut = ngx_chat_dispatch_author(rec, &author);

    if (cut == 0) {
        return NGX_CHAT_OK;
    }

    own = author.len == c->user->id.len
          && ngx_memcmp(author.data, c->user->id.data, author.len) == 0;

    code = ngx_chat_dispatch_may(c, ngx_chat_change_action(cmd, own),
                                 &cmd->room);

    if (code != NGX_CHAT_OK) {
        return code;
    }

    ch->cut = cut;
    ch->gone = 0;

    return NGX_CHAT_OK;
}


/* ids of users need no escapes */

size_t
ngx_chat_dispatch_author(ngx_chat_rec_t *rec, ngx_str_t *id)
{
    ngx_str_t  json, user, value;

    static ngx_str_t  user_name = ngx_string("user");
    static ngx_str_t  id_name = ngx_string("id");

    json.data = ngx_chat_rec_payload(rec);
    json.len = rec->size;

    if (rec->type != NGX_CHAT_REC_MESSAGE
        || (rec->flags & NGX_CHAT_REC_DELETED)
        || ngx_chat_json_member(&json, &user_name, &user) != NGX_OK
        || ngx_chat_json_member(&user, &id_name, &value) != NGX_OK
        || value.len < 2)
    {
        return 0;
    }

    id->data = value.data + 1;
    id->len = value.len - 2;

    return ngx_chat_change_kept(&json, &user);
}


/* up to the user, and a reply stays one: roots are told how many they have */

static size_t
ngx_chat_change_kept(ngx_str_t *json, ngx_str_t *user)
{
    u_char     *end;
    ngx_str_t   thread;

    static ngx_str_t  name = ngx_string("thread");

    end = user->data + user->len;

    if (ngx_chat_json_member(json, &name, &thread) == NGX_OK
        && thread.data == end + sizeof(",\"thread\":") - 1)
    {
        end = thread.data + thread.len;
    }

    return (size_t) (end - json->data);
}


/* the one place that decides whose messages may be changed */

static ngx_chat_action_e
ngx_chat_change_action(ngx_chat_cmd_t *cmd, ngx_uint_t own)
{
    switch (cmd->type) {

    case NGX_CHAT_CMD_EDIT:
        return own ? NGX_CHAT_MAY_EDIT_OWN : NGX_CHAT_MAY_EDIT_ANY;

    case NGX_CHAT_CMD_DELETE:
        return own ? NGX_CHAT_MAY_DELETE_OWN : NGX_CHAT_MAY_DELETE_ANY;

    default:
        return NGX_CHAT_MAY_REACT;
    }
}


/*
 * Before anything is looked for: who may change neither his own messages nor
 * those of others isn't told which there are.
 */

static ngx_chat_err_e
ngx_chat_change_may(ngx_chat_caller_t *c, ngx_chat_cmd_t *cmd)
{
    ngx_chat_err_e  code;

    code = ngx_chat_dispatch_may(c, ngx_chat_change_action(cmd, 1),
                                 &cmd->room);

    return (code == NGX_CHAT_E_FORBIDDEN)
           ? ngx_chat_dispatch_may(c, ngx_chat_change_action(cmd, 0),
                                   &cmd->room)
           : code;
}


ngx_chat_err_e
ngx_chat_dispatch_thread(ngx_chat_caller_t *c, ngx_chat_cmd_t *cmd,
    ngx_chat_publish_t *p)
{
    ngx_chat_zone_t       *z;
    ngx_chat_room_info_t   info;

    p->thread = cmd->thread.id.offset;

    if (c->conf->broker->prepare != NULL) {
        /* rooms that live elsewhere: it is passed on */
        return NGX_CHAT_OK;
    }

    z = c->conf->zone;

    if (ngx_chat_room_find(z, &p->key, ngx_chat_zone_rule(z, &p->key.name),
                           &info)
        != NGX_OK
        || ngx_memcmp(cmd->thread.id.epoch, info.epoch, NGX_CHAT_EPOCH_LEN)
           != 0)
    {
        return NGX_CHAT_E_NOT_FOUND;
    }

    p->thread_life = info.life;

    return NGX_CHAT_OK;
}
