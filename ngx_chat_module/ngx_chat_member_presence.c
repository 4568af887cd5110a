
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Presence of sessions: PROTOCOL, section 10.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_session.h"
#include "ngx_chat_worker.h"


static void ngx_chat_member_user(ngx_chat_session_t *s,
    ngx_chat_presence_t *p, ngx_chat_presence_user_t *user);
static void ngx_chat_member_names(ngx_chat_text_t *t,
    ngx_chat_presence_diff_t *d);


/* of the diff that is being told */
static ngx_chat_presence_user_t
    ngx_chat_member_users[NGX_CHAT_PRESENCE_MAX];


static void
ngx_chat_member_user(ngx_chat_session_t *s, ngx_chat_presence_t *p,
    ngx_chat_presence_user_t *user)
{
    size_t  id, name;

    ngx_memzero(p, sizeof(ngx_chat_presence_t));
    ngx_memzero(user, sizeof(ngx_chat_presence_user_t));

    p->max = (uint32_t) s->conf->presence_max;
    p->grace = (uint32_t) s->conf->presence_grace;

    id = ngx_min(s->user.id.len, NGX_CHAT_USER_MAX);
    name = ngx_min(s->user.name.len, NGX_CHAT_NAME_MAX);

    user->guest = s->user.guest;
    user->id_len = (uint8_t) id;
    user->name_len = (uint8_t) name;
    ngx_memcpy(user->id, s->user.id.data, id);
    ngx_memcpy(user->name, s->user.name.data, name);
}


/* by a session that is there already: only what the command says */

void
ngx_chat_member_present(ngx_chat_session_t *s, ngx_chat_member_t *m,
    ngx_chat_join_t *join, uint64_t *members)
{
    ngx_chat_presence_t        p;
    ngx_chat_presence_user_t   user;

    *members = 0;

    if (s->conf->raw) {
        return;
    }

    ngx_chat_member_user(s, &p, &user);

    if (join->presence && m->present == 0) {
        m->present = ngx_chat_hub_enter(m->sub.room, &p, &user);

    } else {

        if (!join->presence && join->presence_given) {
            ngx_chat_member_absent(s, m, 1);
        }

        ngx_chat_hub_look(m->sub.room, &p);
    }

    *members = p.count;

    if (!join->presence_given) {
        return;
    }

    if (join->presence) {
        ngx_chat_hub_watch(&m->sub, p.v);

    } else {
        ngx_chat_hub_unwatch(&m->sub);
    }
}


void
ngx_chat_member_absent(ngx_chat_session_t *s, ngx_chat_member_t *m,
    ngx_uint_t at_once)
{
    ngx_chat_presence_t  p;

    if (m->present == 0) {
        return;
    }

    ngx_memzero(&p, sizeof(ngx_chat_presence_t));

    ngx_chat_hub_leave(m->sub.room, &p, m->present, at_once);

    m->present = 0;
}


/* the new one comes before the old one goes: he may be the same */

void
ngx_chat_member_renamed(ngx_chat_session_t *s)
{
    uint32_t                   old;
    ngx_queue_t               *q;
    ngx_chat_member_t         *m;
    ngx_chat_presence_t        p;
    ngx_chat_presence_user_t   user;

    for (q = ngx_queue_head(&s->members);
         q != ngx_queue_sentinel(&s->members);
         q = ngx_queue_next(q))
    {
        m = ngx_queue_data(q, ngx_chat_member_t, queue);
        old = m->present;

        if (old == 0) {
            continue;
        }

        ngx_chat_member_user(s, &p, &user);

        m->present = ngx_chat_hub_enter(m->sub.room, &p, &user);
        ngx_chat_hub_leave(m->sub.room, &p, old, 1);
    }
}


void
ngx_chat_member_enc(ngx_chat_text_t *t, ngx_chat_presence_user_t *user)
{
    ngx_chat_user_t  u;

    ngx_memzero(&u, sizeof(ngx_chat_user_t));

    u.id.data = user->id;
    u.id.len = user->id_len;
    u.name.data = user->name;
    u.name.len = user->name_len;
    u.guest = user->guest;

    ngx_chat_enc_user(t, &u);
}


void
ngx_chat_member_changes(ngx_chat_hub_room_t *room)
{
    ngx_str_t                 object;
    ngx_chat_text_t          *t;
    ngx_chat_presence_diff_t  d;

    d.told = room->told;
    d.users = ngx_chat_member_users;

    if (ngx_chat_presence_diff(room->zone, room->idx, room->life, &d)
        != NGX_OK)
    {
        return;
    }

    t = ngx_chat_worker_text();

    ngx_chat_text_lit(t, "{\"type\":\"presence\",\"room\":");
    ngx_chat_text_json(t, &room->key.name);
    ngx_chat_text_lit(t, ",\"v\":");
    ngx_chat_text_num(t, (int64_t) d.v);
    ngx_chat_text_lit(t, ",\"prev\":");
    ngx_chat_text_num(t, (int64_t) d.prev);

    if (!d.counts) {
        ngx_chat_member_names(t, &d);
    }

    ngx_chat_text_lit(t, ",\"count\":");
    ngx_chat_text_num(t, (int64_t) d.count);
    ngx_chat_text_lit(t, "}");

    if (t->failed) {
        /* the next one tells it all */
        return;
    }

    object.data = t->start;
    object.len = ngx_chat_text_len(t);

    ngx_chat_hub_presence_give(room, &object, d.v);
}


/* the newest change is the first of them */

static void
ngx_chat_member_names(ngx_chat_text_t *t, ngx_chat_presence_diff_t *d)
{
    ngx_str_t   id;
    ngx_uint_t  i, n;

    ngx_chat_text_lit(t, ",\"join\":[");

    for (i = d->n, n = 0; i > 0; i--) {

        if (d->users[i - 1].gone) {
            continue;
        }

        if (n++ > 0) {
            ngx_chat_text_lit(t, ",");
        }

        ngx_chat_member_enc(t, &d->users[i - 1]);
    }

    ngx_chat_text_lit(t, "],\"leave\":[");

    for (i = d->n, n = 0; i > 0; i--) {

        if (!d->users[i - 1].gone) {
            continue;
        }

        if (n++ > 0) {
            ngx_chat_text_lit(t, ",");
        }

        id.data = d->users[i - 1].id;
        id.len = d->users[i - 1].id_len;

        ngx_chat_text_json(t, &id);
    }

    ngx_chat_text_lit(t, "]");
}
