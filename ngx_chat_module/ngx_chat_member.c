
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Entering and leaving rooms: PROTOCOL, section 3.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_history.h"
#include "ngx_chat_name.h"
#include "ngx_chat_policy.h"
#include "ngx_chat_session.h"
#include "ngx_chat_worker.h"


/* what becomes of the client's cursor */

typedef struct {
    uint64_t         cursor;         /* the subscription begins behind it */
    uint64_t         missed;
    unsigned         asked:1;        /* `after' was given */
    unsigned         recovered:1;
    unsigned         unknown:1;      /* missed: null */
} ngx_chat_resume_t;


/* how the user stands in the room, and what is true of it */

typedef struct {
    ngx_chat_standing_t   st;
    ngx_str_t             state;
} ngx_chat_stands_t;


static void ngx_chat_member_resume(ngx_chat_session_t *s,
    ngx_chat_join_t *join, ngx_chat_room_info_t *info, ngx_chat_resume_t *r);
static ngx_uint_t ngx_chat_member_replayable(ngx_chat_session_t *s,
    ngx_chat_room_info_t *info, uint64_t cursor);
static void ngx_chat_member_joined(ngx_chat_session_t *s,
    ngx_chat_join_t *join, ngx_str_t *reply_to, ngx_chat_room_info_t *info,
    ngx_chat_resume_t *r, ngx_chat_stands_t *stands,
    uint64_t members);
static ngx_uint_t ngx_chat_member_too_many(ngx_chat_session_t *s,
    ngx_chat_member_t *m, ngx_chat_stands_t *stands, uint64_t members);
static ngx_chat_err_e ngx_chat_member_may(ngx_chat_session_t *s,
    ngx_chat_join_t *join, ngx_chat_room_key_t *key,
    ngx_chat_stands_t *stands, uint64_t *until);
static ngx_chat_err_e ngx_chat_member_refused(ngx_int_t rc);
static void ngx_chat_member_stands(ngx_chat_text_t *t, ngx_chat_session_t *s,
    ngx_str_t *room, ngx_chat_stands_t *stands);
static ngx_chat_err_e ngx_chat_member_again(ngx_chat_session_t *s,
    ngx_chat_member_t *m, ngx_chat_join_t *join, ngx_str_t *reply_to);


ngx_chat_member_t *
ngx_chat_member_find(ngx_chat_session_t *s, ngx_str_t *room)
{
    ngx_str_t          *name;
    ngx_queue_t        *q;
    ngx_chat_member_t  *m;

    for (q = ngx_queue_head(&s->members);
         q != ngx_queue_sentinel(&s->members);
         q = ngx_queue_next(q))
    {
        m = ngx_queue_data(q, ngx_chat_member_t, queue);
        name = &m->sub.room->key.name;

        if (name->len == room->len
            && ngx_memcmp(name->data, room->data, room->len) == 0)
        {
            return m;
        }
    }

    return NULL;
}


ngx_chat_err_e
ngx_chat_member_join(ngx_chat_session_t *s, ngx_chat_join_t *join,
    ngx_str_t *reply_to, ngx_uint_t ordinal, uint64_t *until)
{
    uint64_t               members;
    ngx_int_t              rc;
    ngx_uint_t             create;
    ngx_chat_err_e         err;
    ngx_chat_rule_t       *rule;
    ngx_chat_zone_t       *z;
    ngx_chat_member_t     *m;
    ngx_chat_stands_t      stands;
    ngx_chat_resume_t      resume;
    ngx_chat_hub_room_t   *room;
    ngx_chat_room_key_t    key;
    ngx_chat_room_info_t   info;

    z = s->conf->zone;
    m = ngx_chat_member_find(s, &join->room);

    if (m != NULL) {
        return ngx_chat_member_again(s, m, join, reply_to);
    }

    if (s->nmembers >= z->session_rooms) {
        return NGX_CHAT_E_TOO_MANY_ROOMS;
    }

    key.kind = s->conf->raw ? NGX_CHAT_ROOM_RAW : NGX_CHAT_ROOM_CHAT;
    key.name = join->room;

    err = ngx_chat_member_may(s, join, &key, &stands, until);
    if (err != NGX_CHAT_OK) {
        return err;
    }

    rule = ngx_chat_zone_rule(z, &join->room);
    create = stands.st.made || ngx_chat_rule_creates(rule, &join->room)
             || ngx_chat_room_is_audit(&join->room);

    if (s->conf->broker->prepare != NULL) {
        /* what is here must be what all hosts have */
        create = 0;
        rc = s->conf->broker->prepare(z, &key, NULL, 1);

        if (rc != NGX_OK) {
            return (rc == NGX_ABORT) ? NGX_CHAT_E_NOT_FOUND
                                     : NGX_CHAT_E_UNAVAILABLE;
        }
    }

    m = ngx_calloc(sizeof(ngx_chat_member_t), s->log);
    if (m == NULL) {
        return NGX_CHAT_E_INTERNAL;
    }

    rc = ngx_chat_hub_open(z, &key, rule, create, &room, &info);

    if (rc != NGX_OK) {
        ngx_free(m);
        return ngx_chat_member_refused(rc);
    }

    ngx_chat_member_resume(s, join, &info, &resume);

    m->ordinal = (uint32_t) ordinal;

    ngx_queue_insert_tail(&s->members, &m->queue);
    s->nmembers++;

    ngx_chat_hub_attach(room, &m->sub, &s->reader, resume.cursor);

    if (!m->sub.live) {
        s->reader.behind = 1;
    }

    ngx_chat_worker_metric(z, NGX_CHAT_M_SUBSCRIPTIONS, 1);

    ngx_chat_member_present(s, m, join, &members);

    if (ngx_chat_member_too_many(s, m, &stands, members)) {
        return NGX_CHAT_E_FULL;
    }

    ngx_chat_member_joined(s, join, reply_to, &info, &resume, &stands,
                           members);

    return NGX_CHAT_OK;
}


/* of ngx_chat_hub_open() */

static ngx_chat_err_e
ngx_chat_member_refused(ngx_int_t rc)
{
    switch (rc) {

    case NGX_DECLINED:
        return NGX_CHAT_E_NOT_FOUND;

    case NGX_BUSY:
        return NGX_CHAT_E_FULL;

    case NGX_AGAIN:
        return NGX_CHAT_E_UNAVAILABLE;

    default:
        return NGX_CHAT_E_INTERNAL;
    }
}


/* only when he is counted is it known whether he is one more: he goes then */

static ngx_uint_t
ngx_chat_member_too_many(ngx_chat_session_t *s, ngx_chat_member_t *m,
    ngx_chat_stands_t *stands, uint64_t members)
{
    if (stands->st.max_members == 0 || members <= stands->st.max_members
        || m->present == 0 || stands->st.rank >= NGX_CHAT_RANK_MODERATOR)
    {
        return 0;
    }

    ngx_chat_member_absent(s, m, 1);
    ngx_chat_member_remove(s, m);

    return 1;
}


/* whether he may enter; without the right to read history there is no page */

static ngx_chat_err_e
ngx_chat_member_may(ngx_chat_session_t *s, ngx_chat_join_t *join,
    ngx_chat_room_key_t *key, ngx_chat_stands_t *stands, uint64_t *until)
{
    uint64_t        ignored;
    ngx_chat_err_e  err;

    if (ngx_chat_standing(s->conf->zone, &s->user, key, &stands->st,
                          &stands->state)
        != NGX_OK)
    {
        return NGX_CHAT_E_INTERNAL;
    }

    err = ngx_chat_standing_may(&stands->st, &s->user, NGX_CHAT_MAY_JOIN,
                                &key->name, until);

    if (err == NGX_CHAT_OK && join->last > 0
        && ngx_chat_standing_may(&stands->st, &s->user, NGX_CHAT_MAY_HISTORY,
                                 &key->name, &ignored)
           != NGX_CHAT_OK)
    {
        join->last = 0;
    }

    return err;
}


/* joined already: the same answer, and nothing moves; but it may say anew
   whether its user is there, and who is told */

static ngx_chat_err_e
ngx_chat_member_again(ngx_chat_session_t *s, ngx_chat_member_t *m,
    ngx_chat_join_t *join, ngx_str_t *reply_to)
{
    uint64_t               members;
    ngx_chat_join_t        plain;
    ngx_chat_stands_t      stands;
    ngx_chat_resume_t      resume;
    ngx_chat_hub_room_t   *room;
    ngx_chat_room_info_t   info;

    room = m->sub.room;

    if (ngx_chat_room_info(room->zone, room->idx, room->life, &info)
        != NGX_OK)
    {
        return NGX_CHAT_E_UNAVAILABLE;
    }

    if (ngx_chat_standing(room->zone, &s->user, &room->key, &stands.st,
                          &stands.state)
        != NGX_OK)
    {
        return NGX_CHAT_E_INTERNAL;
    }

    ngx_memzero(&plain, sizeof(ngx_chat_join_t));
    ngx_memzero(&resume, sizeof(ngx_chat_resume_t));

    plain.room = join->room;

    ngx_chat_member_present(s, m, join, &members);
    ngx_chat_member_joined(s, &plain, reply_to, &info, &resume, &stands,
                           members);

    return NGX_CHAT_OK;
}


static void
ngx_chat_member_resume(ngx_chat_session_t *s, ngx_chat_join_t *join,
    ngx_chat_room_info_t *info, ngx_chat_resume_t *r)
{
    uint64_t        offset;
    ngx_chat_id_t  *id;

    ngx_memzero(r, sizeof(ngx_chat_resume_t));

    r->cursor = info->head;
    r->asked = join->after.given;

    if (!join->after.given) {
        return;
    }

    id = &join->after.id;

    if (join->after.broken
        || (!ngx_chat_id_is_zero(id)
            && (ngx_memcmp(id->epoch, info->epoch, NGX_CHAT_EPOCH_LEN) != 0
                || id->offset > info->head)))
    {
        r->unknown = 1;
        return;
    }

    offset = ngx_chat_id_is_zero(id) ? info->first - 1 : id->offset;

    if (offset + 1 < info->first
        || !ngx_chat_member_replayable(s, info, offset))
    {
        r->missed = info->head - id->offset;
        return;
    }

    r->recovered = 1;
    r->cursor = offset;

    if (ngx_chat_id_is_zero(id)) {
        r->missed = offset;
    }
}


/* replay_max bounds events and bytes; these are counted by whole segments */

static ngx_uint_t
ngx_chat_member_replayable(ngx_chat_session_t *s, ngx_chat_room_info_t *info,
    uint64_t cursor)
{
    uint64_t        bytes;
    ngx_chat_pos_t  pos;

    if (cursor == info->head) {
        return 1;
    }

    if (info->head - cursor > s->conf->replay_max) {
        return 0;
    }

    if (ngx_chat_log_seek(s->conf->zone, info->idx, info->life, cursor + 1,
                          &pos)
        != NGX_OK)
    {
        return 0;
    }

    bytes = ngx_chat_pos_distance(s->conf->zone, &pos, &info->tail);

    return bytes <= s->conf->replay_bytes;
}


static void
ngx_chat_member_joined(ngx_chat_session_t *s, ngx_chat_join_t *join,
    ngx_str_t *reply_to, ngx_chat_room_info_t *info, ngx_chat_resume_t *r,
    ngx_chat_stands_t *stands, uint64_t members)
{
    ngx_chat_page_t   page;
    ngx_chat_text_t  *t;

    if (s->conf->raw) {
        return;
    }

    t = ngx_chat_worker_text();

    ngx_chat_text_lit(t, "{\"type\":\"joined\"");
    ngx_chat_enc_reply_to(t, reply_to);
    ngx_chat_text_lit(t, ",\"room\":");
    ngx_chat_text_json(t, &join->room);
    ngx_chat_text_lit(t, ",");
    ngx_chat_history_life(t, info);
    ngx_chat_text_lit(t, ",\"members\":");
    ngx_chat_text_num(t, (int64_t) members);

    if (r->asked) {

        if (r->recovered) {
            ngx_chat_text_lit(t, ",\"recovered\":true,\"missed\":");

        } else {
            ngx_chat_text_lit(t, ",\"recovered\":false,\"missed\":");
        }

        if (r->unknown) {
            ngx_chat_text_lit(t, "null");

        } else {
            ngx_chat_text_num(t, (int64_t) r->missed);
        }
    }

    ngx_chat_member_stands(t, s, &join->room, stands);

    if (join->last > 0 && !r->recovered) {
        ngx_memzero(&page, sizeof(ngx_chat_page_t));
        page.limit = join->last;

        /* a join of many rooms may ask for more than can be queued at once */

        if (ngx_chat_session_unsent(s) > NGX_CHAT_OUT_PAGES) {
            page.limit = 1;
        }

        ngx_chat_text_lit(t, ",\"page\":{");

        if (ngx_chat_history_page(s->conf->zone, info, &page, t) != NGX_OK) {
            t->failed = 1;
        }

        ngx_chat_text_lit(t, "}");
    }

    ngx_chat_text_lit(t, "}");

    ngx_chat_session_send_text(s, t);
}


/* `role', `can', `state': what he may try, if nothing else is in the way */

static void
ngx_chat_member_stands(ngx_chat_text_t *t, ngx_chat_session_t *s,
    ngx_str_t *room, ngx_chat_stands_t *stands)
{
    ngx_uint_t  i, n;

    ngx_chat_text_lit(t, ",\"role\":\"");
    ngx_chat_text_str(t, ngx_chat_rank_role(stands->st.rank));
    ngx_chat_text_lit(t, "\",\"can\":[");

    n = 0;

    for (i = NGX_CHAT_MAY_SEND; i < NGX_CHAT_MAY_LAST; i++) {

        if (ngx_chat_policy_rank(&s->user, stands->st.rank, i, room)
            != NGX_CHAT_OK)
        {
            continue;
        }

        if (n++ > 0) {
            ngx_chat_text_lit(t, ",");
        }

        ngx_chat_text_lit(t, "\"");
        ngx_chat_text_str(t, ngx_chat_action_name(i));
        ngx_chat_text_lit(t, "\"");
    }

    ngx_chat_text_lit(t, "]");

    if (stands->state.len > 0) {
        ngx_chat_text_lit(t, ",\"state\":");
        ngx_chat_text_str(t, &stands->state);
    }
}


void
ngx_chat_member_leave(ngx_chat_session_t *s, ngx_chat_member_t *m,
    ngx_str_t *reply_to, const char *reason)
{
    ngx_chat_text_t  *t;

    t = ngx_chat_worker_text();

    ngx_chat_text_lit(t, "{\"type\":\"left\"");
    ngx_chat_enc_reply_to(t, reply_to);
    ngx_chat_text_lit(t, ",\"room\":");
    ngx_chat_text_json(t, &m->sub.room->key.name);
    ngx_chat_text_lit(t, ",\"reason\":\"");
    ngx_chat_text_add(t, reason, ngx_strlen(reason));
    ngx_chat_text_lit(t, "\"}");

    ngx_chat_member_absent(s, m, 1);
    ngx_chat_member_remove(s, m);

    ngx_chat_session_send_text(s, t);
}


void
ngx_chat_member_recheck(ngx_chat_session_t *s, ngx_chat_member_t *m)
{
    uint64_t              until;
    ngx_str_t             none;
    ngx_chat_err_e        err;
    ngx_chat_room_key_t  *key;
    ngx_chat_standing_t   st;

    ngx_str_null(&none);
    key = &m->sub.room->key;

    if (ngx_chat_standing(s->conf->zone, &s->user, key, &st, NULL) != NGX_OK) {
        return;
    }

    err = ngx_chat_standing_may(&st, &s->user, NGX_CHAT_MAY_JOIN, &key->name,
                                &until);

    if (err == NGX_CHAT_E_BANNED) {
        ngx_chat_member_leave(s, m, &none, "banned");

    } else if (err != NGX_CHAT_OK) {
        ngx_chat_member_leave(s, m, &none, "revoked");
    }
}


void
ngx_chat_member_forget(ngx_chat_member_t *m)
{
    if (m->standing != NULL) {
        ngx_free(m->standing);
        m->standing = NULL;
    }
}


void
ngx_chat_member_remove(ngx_chat_session_t *s, ngx_chat_member_t *m)
{
    ngx_chat_member_absent(s, m, 0);
    ngx_chat_hub_detach(&m->sub);
    ngx_chat_member_forget(m);

    if (s->turn == &m->queue) {
        s->turn = ngx_queue_next(&m->queue);
    }

    ngx_queue_remove(&m->queue);
    s->nmembers--;

    ngx_free(m);

    ngx_chat_worker_metric(s->conf->zone, NGX_CHAT_M_SUBSCRIPTIONS, -1);
}
