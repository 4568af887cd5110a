
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * "read" and "unread": how far a user has read, and what has come since.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_dispatch.h"
#include "ngx_chat_inbox.h"
#include "ngx_chat_name.h"
#include "ngx_chat_mark.h"
#include "ngx_chat_transient.h"
#include "ngx_chat_worker.h"


static ngx_chat_err_e ngx_chat_dispatch_read_room(ngx_chat_caller_t *c,
    ngx_str_t *room, ngx_chat_id_t *upto, ngx_chat_marking_t *r);
static ngx_array_t *ngx_chat_unread_joined(ngx_chat_caller_t *c);
static void ngx_chat_enc_unread(ngx_chat_text_t *t, ngx_chat_marking_t *r);
static void ngx_chat_enc_marker(ngx_chat_text_t *t, ngx_chat_marking_t *r);
static void ngx_chat_dispatch_receipt(ngx_chat_caller_t *c,
    ngx_chat_marking_t *r);


void
ngx_chat_command_read(ngx_chat_caller_t *c, ngx_chat_cmd_t *cmd)
{
    ngx_chat_err_e       code;
    ngx_chat_err_t       err;
    ngx_chat_text_t     *t;
    ngx_chat_marking_t   r;

    code = ngx_chat_dispatch_read_room(c, &cmd->room, &cmd->upto.id, &r);

    if (code == NGX_CHAT_E_BAD_REQUEST) {
        ngx_memzero(&err, sizeof(ngx_chat_err_t));
        err.code = NGX_CHAT_E_NOT_FOUND;
        err.message = "\"upto\" is of a log of the room that is gone";
        err.field = "upto";
        ngx_chat_dispatch_error(c, &cmd->reply_to, &cmd->room, &err);
        return;
    }

    if (code != NGX_CHAT_OK) {
        ngx_chat_dispatch_refuse(c, cmd, code);
        return;
    }

    if (cmd->reply_to.len > 0) {
        t = ngx_chat_worker_text();

        ngx_chat_text_lit(t, "{\"type\":\"ok\"");
        ngx_chat_enc_reply_to(t, &cmd->reply_to);
        ngx_chat_text_lit(t, ",");
        ngx_chat_enc_unread(t, &r);
        ngx_chat_text_lit(t, "}");
        ngx_chat_dispatch_emit(c, t);
    }

    if (r.moved) {
        ngx_chat_inbox_read(c, &r);
    }

    if (r.moved && c->conf->receipts) {
        ngx_chat_dispatch_receipt(c, &r);
    }
}


/* one object for all rooms, and those that can't be told of */

void
ngx_chat_command_unread(ngx_chat_caller_t *c, ngx_chat_cmd_t *cmd)
{
    ngx_uint_t        i, n;
    ngx_array_t      *rooms;
    ngx_chat_err_t    err;
    ngx_chat_join_t  *room;
    ngx_chat_marking_t   r;
    ngx_chat_text_t  *t;

    rooms = (cmd->rooms != NULL) ? cmd->rooms : ngx_chat_unread_joined(c);

    if (rooms == NULL) {
        ngx_memzero(&err, sizeof(ngx_chat_err_t));
        err.code = (c->session == NULL) ? NGX_CHAT_E_BAD_REQUEST
                                        : NGX_CHAT_E_INTERNAL;
        err.message = (c->session == NULL)
                      ? "a request is in no room: name \"rooms\"" : NULL;
        err.field = (c->session == NULL) ? "rooms" : NULL;
        ngx_chat_dispatch_error(c, &cmd->reply_to, NULL, &err);
        return;
    }

    if (c->conf->broker->prepare != NULL) {
        ngx_chat_dispatch_refuse(c, cmd, NGX_CHAT_E_UNSUPPORTED);
        return;
    }

    t = ngx_chat_worker_text();

    ngx_chat_text_lit(t, "{\"type\":\"unread\"");
    ngx_chat_enc_reply_to(t, &cmd->reply_to);
    ngx_chat_text_lit(t, ",\"rooms\":[");

    room = rooms->elts;
    n = 0;

    for (i = 0; i < rooms->nelts; i++) {

        if (room[i].error == NGX_CHAT_OK) {
            room[i].error = ngx_chat_dispatch_read_room(c, &room[i].room,
                                                        NULL, &r);
        }

        if (room[i].error == NGX_CHAT_OK) {
            if (n++ > 0) {
                ngx_chat_text_lit(t, ",");
            }

            ngx_chat_text_lit(t, "{");
            ngx_chat_enc_unread(t, &r);
            ngx_chat_text_lit(t, "}");
        }
    }

    ngx_chat_text_lit(t, "]");
    ngx_chat_dispatch_failed(t, rooms);
    ngx_chat_text_lit(t, "}");

    if (cmd->reply_to.len > 0) {
        ngx_chat_dispatch_emit(c, t);
    }
}


/* NGX_CHAT_E_BAD_REQUEST: `upto' is of another epoch */

static ngx_chat_err_e
ngx_chat_dispatch_read_room(ngx_chat_caller_t *c, ngx_str_t *room,
    ngx_chat_id_t *upto, ngx_chat_marking_t *r)
{
    ngx_int_t       rc;
    ngx_chat_err_e  code;

    if (c->conf->broker->prepare != NULL) {
        return NGX_CHAT_E_UNSUPPORTED;
    }

    code = ngx_chat_dispatch_may(c, NGX_CHAT_MAY_READ, room);

    if (code != NGX_CHAT_OK) {
        return code;
    }

    ngx_memzero(r, sizeof(ngx_chat_marking_t));

    r->key.kind = NGX_CHAT_ROOM_CHAT;
    r->key.name = *room;
    r->upto = upto;
    r->now = ngx_chat_worker_now();

    ngx_chat_mark_user(c->conf->zone, &c->user->id, r->user);

    rc = ngx_chat_mark_read(c->conf->zone, r);

    if (rc == NGX_OK) {
        return NGX_CHAT_OK;
    }

    return (rc == NGX_ABORT) ? NGX_CHAT_E_BAD_REQUEST : NGX_CHAT_E_NOT_FOUND;
}


/* the rooms that the session is in; NULL: no session, or no memory */

static ngx_array_t *
ngx_chat_unread_joined(ngx_chat_caller_t *c)
{
    ngx_queue_t        *q;
    ngx_array_t        *rooms;
    ngx_chat_join_t    *room;
    ngx_chat_member_t  *m;

    if (c->session == NULL) {
        return NULL;
    }

    rooms = ngx_array_create(c->pool, 4, sizeof(ngx_chat_join_t));
    if (rooms == NULL) {
        return NULL;
    }

    for (q = ngx_queue_head(&c->session->members);
         q != ngx_queue_sentinel(&c->session->members);
         q = ngx_queue_next(q))
    {
        m = ngx_queue_data(q, ngx_chat_member_t, queue);

        room = ngx_array_push(rooms);
        if (room == NULL) {
            return NULL;
        }

        ngx_memzero(room, sizeof(ngx_chat_join_t));
        room->room = m->sub.room->key.name;
    }

    return rooms;
}


static void
ngx_chat_enc_unread(ngx_chat_text_t *t, ngx_chat_marking_t *r)
{
    ngx_chat_text_lit(t, "\"room\":");
    ngx_chat_text_json(t, &r->key.name);
    ngx_chat_text_lit(t, ",\"unread\":");
    ngx_chat_text_num(t, (int64_t) r->unread);
    ngx_chat_text_lit(t, ",\"mentions\":");
    ngx_chat_text_num(t, (int64_t) r->mentions);
    ngx_chat_text_lit(t, ",\"marker\":");

    if (r->marked) {
        ngx_chat_enc_marker(t, r);

    } else {
        ngx_chat_text_lit(t, "null");
    }

    ngx_chat_text_lit(t, ",\"head\":");
    ngx_chat_text_num(t, (int64_t) r->head);
}


static void
ngx_chat_enc_marker(ngx_chat_text_t *t, ngx_chat_marking_t *r)
{
    u_char  id[NGX_CHAT_ID_LEN], *last;

    last = ngx_chat_id_print(id, r->epoch, r->marker);

    ngx_chat_text_lit(t, "\"");
    ngx_chat_text_add(t, id, (size_t) (last - id));
    ngx_chat_text_lit(t, "\"");
}


/* "chat_receipts": to whoever is in the room now, but the reader's session */

static void
ngx_chat_dispatch_receipt(ngx_chat_caller_t *c, ngx_chat_marking_t *r)
{
    ngx_chat_text_t           *t;
    ngx_chat_transient_put_t   p;

    t = ngx_chat_worker_text();

    ngx_chat_text_lit(t, "{\"type\":\"read\",\"room\":");
    ngx_chat_text_json(t, &r->key.name);
    ngx_chat_text_lit(t, ",\"user\":");
    ngx_chat_enc_user(t, c->user);
    ngx_chat_text_lit(t, ",\"upto\":");
    ngx_chat_enc_marker(t, r);
    ngx_chat_text_lit(t, "}");

    if (t->failed) {
        return;
    }

    ngx_memzero(&p, sizeof(ngx_chat_transient_put_t));

    p.key = r->key;
    p.payload.data = t->start;
    p.payload.len = ngx_chat_text_len(t);
    p.from = (c->session != NULL) ? c->session->id : c->from;
    p.now = r->now;

    if (ngx_chat_transient_put(c->conf->zone, ngx_chat_bus_seat(), &p)
        == NGX_OK && p.passed)
    {
        ngx_chat_bus_wake(&p.wake);
        ngx_chat_hub_transients();
    }
}
