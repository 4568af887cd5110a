
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Changes of the table are read, then the sessions are gone through, which are
 * in a circle: who has been looked at goes to its end.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include "ngx_chat_address.h"
#include "ngx_chat_broker.h"
#include "ngx_chat_bus.h"
#include "ngx_chat_control.h"
#include "ngx_chat_inbox.h"
#include "ngx_chat_standing.h"


/* changes that are handled in one round through the sessions */
#define NGX_CHAT_CONCERNS       64

/* calls into the table, and sessions, in one turn */
#define NGX_CHAT_CONTROL_CALLS  64
#define NGX_CHAT_CONTROL_STEP   512


/* a row that has changed, and whom it is about */

typedef struct {
    ngx_chat_zone_t   *zone;
    ngx_uint_t         kind;
    u_char             subject[NGX_CHAT_KEY_LEN];
    ngx_str_t          user;             /* one of these, or none: a jti */
    ngx_str_t          addr;
    ngx_str_t          session;
    ngx_str_t          room;             /* len 0: all */
    uint64_t           before;
    ngx_chat_address_ban_t  ban;         /* of his addresses */
    ngx_chat_inbox_change_t  notice;
    unsigned           address:1;        /* and it is wanted */
    u_char             text[NGX_CHAT_USER_MAX + NGX_CHAT_ROOM_MAX];
} ngx_chat_concern_t;


typedef struct {
    ngx_chat_zone_t   *zone;
    uint64_t           seen;             /* handled up to this version */
    uint64_t           upto;             /* of the walk under way */
    uint32_t           pos;
    unsigned           walking:1;
} ngx_chat_control_zone_t;


typedef struct {
    ngx_chat_control_zone_t  *zones;
    ngx_uint_t                nzones;
    ngx_queue_t              *sessions;
    ngx_log_t                *log;
    ngx_event_t               event;
    uint32_t                  round;     /* of going through the sessions */
    ngx_uint_t                n;
    unsigned                  late:1;    /* sessions have `recheck' set */
    unsigned                  going:1;   /* through the sessions */
    ngx_chat_concern_t        concern[NGX_CHAT_CONCERNS];
} ngx_chat_control_t;


static void ngx_chat_control_schedule(void);
static void ngx_chat_control_handler(ngx_event_t *ev);
static ngx_uint_t ngx_chat_control_walk(void);
static ngx_int_t ngx_chat_control_walk_zone(ngx_chat_control_zone_t *cz,
    ngx_uint_t *calls);
static void ngx_chat_control_concern(ngx_chat_zone_t *z,
    ngx_chat_row_t *row);
static void ngx_chat_control_whom(ngx_chat_concern_t *c, ngx_str_t *value);
static ngx_uint_t ngx_chat_control_go(void);
static void ngx_chat_control_session(ngx_chat_session_t *s);
static void ngx_chat_control_everything(ngx_chat_session_t *s);
static ngx_uint_t ngx_chat_control_is(ngx_chat_session_t *s,
    ngx_chat_concern_t *c);
static void ngx_chat_control_apply(ngx_chat_session_t *s,
    ngx_chat_concern_t *c);
static void ngx_chat_control_admitted(ngx_chat_session_t *s);
static ngx_uint_t ngx_chat_control_same(ngx_str_t *a, ngx_str_t *b);


static ngx_chat_control_t  *ngx_chat_control;


ngx_int_t
ngx_chat_control_init(ngx_array_t *zones, ngx_queue_t *sessions,
    ngx_log_t *log)
{
    ngx_uint_t            i;
    ngx_chat_zone_t     **z;
    ngx_chat_control_t   *ct;

    ngx_chat_control_exit();

    ct = ngx_calloc(sizeof(ngx_chat_control_t)
                    + zones->nelts * sizeof(ngx_chat_control_zone_t), log);
    if (ct == NULL) {
        return NGX_ERROR;
    }

    ct->zones = (ngx_chat_control_zone_t *) &ct[1];
    ct->nzones = zones->nelts;
    ct->sessions = sessions;
    ct->log = log;

    z = zones->elts;

    for (i = 0; i < zones->nelts; i++) {
        ct->zones[i].zone = z[i];
        ct->zones[i].seen = ngx_chat_table_version(z[i]);
    }

    ngx_chat_control = ct;

    return NGX_OK;
}


void
ngx_chat_control_exit(void)
{
    if (ngx_chat_control == NULL) {
        return;
    }

    if (ngx_chat_control->event.posted) {
        ngx_delete_posted_event(&ngx_chat_control->event);
    }

    ngx_free(ngx_chat_control);
    ngx_chat_control = NULL;
}


/* who was let in before the last change may have been missed by it */

void
ngx_chat_control_enter(ngx_chat_session_t *s)
{
    uint64_t                  seen;
    ngx_uint_t                i;
    ngx_chat_control_t       *ct;
    ngx_chat_control_zone_t  *cz;

    ct = ngx_chat_control;

    s->checked = ct->round;

    for (i = 0; i < ct->nzones; i++) {
        cz = &ct->zones[i];
        seen = cz->walking ? cz->upto : cz->seen;

        if (cz->zone != s->conf->zone || s->user.version >= seen) {
            continue;
        }

        s->checked = ct->round - 1;
        s->recheck = 1;

        ngx_queue_insert_head(ct->sessions, &s->queue);

        ct->late = 1;
        ngx_chat_control_schedule();

        return;
    }

    ngx_queue_insert_tail(ct->sessions, &s->queue);
}


void
ngx_chat_control_look(void)
{
    ngx_uint_t                i;
    ngx_chat_zone_t          *z;
    ngx_chat_control_zone_t  *cz;

    if (ngx_chat_control == NULL) {
        return;
    }

    for (i = 0; i < ngx_chat_control->nzones; i++) {
        z = ngx_chat_control->zones[i].zone;

        if (ngx_chat_broker(z)->changed != NULL) {
            ngx_chat_broker(z)->changed(z);
        }
    }

    for (i = 0; i < ngx_chat_control->nzones; i++) {
        cz = &ngx_chat_control->zones[i];

        if (ngx_chat_table_version(cz->zone) != cz->seen) {
            ngx_chat_control_schedule();
            return;
        }
    }
}


void
ngx_chat_control_changed(void)
{
    ngx_chat_bus_changed();
    ngx_chat_bus_wake_others();

    ngx_chat_control_look();
}


static void
ngx_chat_control_schedule(void)
{
    ngx_event_t  *ev;

    ev = &ngx_chat_control->event;

    if (ev->posted) {
        return;
    }

    ev->handler = ngx_chat_control_handler;
    ev->data = ngx_chat_bus_connection();
    ev->log = ngx_chat_control->log;

    ngx_post_event(ev, &ngx_posted_next_events);
}


static void
ngx_chat_control_handler(ngx_event_t *ev)
{
    ngx_chat_control_t  *ct;

    ct = ngx_chat_control;

    if (!ct->going) {

        if (!ngx_chat_control_walk()) {
            ngx_chat_control_schedule();
            return;
        }

        if (ct->n == 0 && !ct->late) {
            return;
        }

        ct->going = 1;
        ct->late = 0;
        ct->round++;
    }

    if (!ngx_chat_control_go()) {
        ngx_chat_control_schedule();
        return;
    }

    ct->going = 0;
    ct->n = 0;

    if (ct->late) {
        ngx_chat_control_schedule();
        return;
    }

    ngx_chat_control_look();
}


/* 1: the changes that there are have been read, or as many as can be handled */

static ngx_uint_t
ngx_chat_control_walk(void)
{
    ngx_int_t   rc;
    ngx_uint_t  i, calls;

    calls = 0;
    rc = NGX_OK;

    for (i = 0; i < ngx_chat_control->nzones && rc == NGX_OK; i++) {
        rc = ngx_chat_control_walk_zone(&ngx_chat_control->zones[i], &calls);
    }

    return rc != NGX_AGAIN;
}


/* NGX_OK; NGX_AGAIN: more in the next turn; NGX_BUSY: these first */

static ngx_int_t
ngx_chat_control_walk_zone(ngx_chat_control_zone_t *cz, ngx_uint_t *calls)
{
    u_char          value[NGX_CHAT_VALUE_MAX];
    ngx_int_t       rc;
    ngx_uint_t      deleted;
    ngx_chat_row_t  row;

    if (!cz->walking) {
        cz->upto = ngx_chat_table_version(cz->zone);

        if (cz->upto == cz->seen) {
            return NGX_OK;
        }

        cz->pos = 0;
        cz->walking = 1;
    }

    for ( ;; ) {

        if (ngx_chat_control->n == NGX_CHAT_CONCERNS) {
            return NGX_BUSY;
        }

        if ((*calls)++ > NGX_CHAT_CONTROL_CALLS) {
            return NGX_AGAIN;
        }

        row.value.data = value;

        rc = ngx_chat_table_changed(cz->zone, cz->seen, cz->upto, &cz->pos,
                                    &row, &deleted);
        if (rc == NGX_DONE) {
            break;
        }

        if (rc == NGX_OK && !deleted) {
            ngx_chat_control_concern(cz->zone, &row);
        }
    }

    cz->walking = 0;
    cz->seen = cz->upto;

    return NGX_OK;
}


static void
ngx_chat_control_concern(ngx_chat_zone_t *z, ngx_chat_row_t *row)
{
    ngx_str_t           *name;
    ngx_chat_concern_t  *c;

    name = NULL;

    switch (row->kind) {

    case NGX_CHAT_KIND_BAN:
    case NGX_CHAT_KIND_KICK:
    case NGX_CHAT_KIND_ROLE:
    case NGX_CHAT_KIND_HORIZON:
    case NGX_CHAT_KIND_MEMBER:
        break;

    case NGX_CHAT_KIND_ROOM:
        /* it is for its members now: who is in it here is looked at */
        name = ngx_chat_hub_room_name(z, row->room);

        if (name == NULL || !ngx_chat_standing_invites(z, name, &row->value))
        {
            return;
        }

        break;

    default:
        return;
    }

    c = &ngx_chat_control->concern[ngx_chat_control->n];

    ngx_memzero(c, sizeof(ngx_chat_concern_t));

    c->zone = z;
    c->kind = row->kind;
    ngx_memcpy(c->subject, row->subject, NGX_CHAT_KEY_LEN);

    c->ban.room = &c->room;
    c->ban.expires = row->expires;

    if (name != NULL) {
        c->room.data = c->text;
        c->room.len = name->len;
        ngx_memcpy(c->text, name->data, name->len);

    } else {
        ngx_chat_control_whom(c, &row->value);
    }

    ngx_chat_control->n++;
}


/* names are copied: the row's memory is another's soon */

static void
ngx_chat_control_whom(ngx_chat_concern_t *c, ngx_str_t *value)
{
    u_char     *p;
    ngx_str_t   str;

    p = c->text;

    if (ngx_chat_standing_string(value, "user", &str) == NGX_OK
        && str.len <= NGX_CHAT_USER_MAX)
    {
        c->user.data = p;
        c->user.len = str.len;
        p = ngx_cpymem(p, str.data, str.len);

    } else if (ngx_chat_standing_string(value, "session", &str) == NGX_OK
               && str.len == NGX_CHAT_SESSION_ID_LEN)
    {
        c->session.data = p;
        c->session.len = str.len;
        p = ngx_cpymem(p, str.data, str.len);

    } else {
        c->addr.data = p;
        c->addr.len = ngx_chat_standing_ip(value, p);
        p += c->addr.len;
    }

    if (ngx_chat_standing_string(value, "room", &str) == NGX_OK
        && str.len <= NGX_CHAT_ROOM_MAX)
    {
        c->room.data = p;
        c->room.len = str.len;
        ngx_memcpy(p, str.data, str.len);
    }

    ngx_chat_inbox_change(&c->notice, c->kind, value);

    c->before = ngx_chat_standing_number(value, "before");
    c->ban.at = ngx_chat_standing_number(value, "at");
    c->address = (ngx_chat_standing_number(value, "address") != 0);
}


/* 1: all sessions have been looked at */

static ngx_uint_t
ngx_chat_control_go(void)
{
    ngx_uint_t           n;
    ngx_queue_t         *q;
    ngx_chat_session_t  *s;
    ngx_chat_control_t  *ct;

    ct = ngx_chat_control;

    for (n = 0; n < NGX_CHAT_CONTROL_STEP; n++) {

        if (ngx_queue_empty(ct->sessions)) {
            return 1;
        }

        q = ngx_queue_head(ct->sessions);
        s = ngx_queue_data(q, ngx_chat_session_t, queue);

        if (s->checked == ct->round) {
            return 1;
        }

        s->checked = ct->round;

        ngx_queue_remove(q);
        ngx_queue_insert_tail(ct->sessions, q);

        ngx_chat_control_session(s);
    }

    return 0;
}


static void
ngx_chat_control_session(ngx_chat_session_t *s)
{
    ngx_uint_t           i;
    ngx_chat_concern_t  *c;

    for (i = 0; i < ngx_chat_control->n; i++) {
        c = &ngx_chat_control->concern[i];

        if (c->zone != s->conf->zone || !ngx_chat_control_is(s, c)) {
            continue;
        }

        if (s->dead || s->closing) {
            return;
        }

        ngx_chat_control_apply(s, c);
    }

    if (s->recheck) {
        s->recheck = 0;
        ngx_chat_control_everything(s);
    }
}


static void
ngx_chat_control_everything(ngx_chat_session_t *s)
{
    ngx_queue_t  *q, *next;

    if (s->dead || s->closing) {
        return;
    }

    ngx_chat_control_admitted(s);

    for (q = ngx_queue_head(&s->members);
         q != ngx_queue_sentinel(&s->members) && !s->dead && !s->closing;
         q = next)
    {
        next = ngx_queue_next(q);
        ngx_chat_member_recheck(s, ngx_queue_data(q, ngx_chat_member_t,
                                                  queue));
    }
}


static ngx_uint_t
ngx_chat_control_is(ngx_chat_session_t *s, ngx_chat_concern_t *c)
{
    u_char     key[NGX_CHAT_KEY_LEN];
    ngx_str_t  str;

    if (c->kind == NGX_CHAT_KIND_ROOM) {
        return 1;
    }

    if (c->user.len > 0) {
        return ngx_chat_control_same(&c->user, &s->user.id);
    }

    if (c->session.len > 0) {
        str.data = s->id;
        str.len = NGX_CHAT_SESSION_ID_LEN;
        return ngx_chat_control_same(&c->session, &str);
    }

    if (c->addr.len > 0) {
        str.data = s->user.addr;
        str.len = s->user.addr_len;
        return ngx_chat_control_same(&c->addr, &str);
    }

    return s->user.jti.len > 0 && s->user.jti.len <= NGX_CHAT_JTI_MAX
           && ngx_chat_table_key(key, 'j', &s->user.jti) == NGX_OK
           && ngx_memcmp(key, c->subject, NGX_CHAT_KEY_LEN) == 0;
}


/* an act is done; of what lasts the table says what is true now */

static void
ngx_chat_control_apply(ngx_chat_session_t *s, ngx_chat_concern_t *c)
{
    ngx_str_t           none;
    ngx_chat_member_t  *m;

    ngx_str_null(&none);

    if (c->kind == NGX_CHAT_KIND_BAN && c->address) {
        ngx_chat_address_ban(ngx_chat_control->sessions, s, &c->ban);
    }

    if (c->kind == NGX_CHAT_KIND_HORIZON) {

        if (c->user.len == 0 || (uint64_t) s->user.issued <= c->before) {
            ngx_chat_session_close(s, NGX_CHAT_CLOSE_TOKEN,
                                   "the token has been revoked", 0);
        }

        return;
    }

    if (c->room.len == 0) {

        if (c->kind == NGX_CHAT_KIND_KICK) {
            ngx_chat_session_close(s, NGX_CHAT_CLOSE_DISCONNECTED,
                                   "disconnected by a moderator", 0);
            return;
        }

        ngx_chat_control_admitted(s);
        return;
    }

    m = s->conf->raw ? NULL : ngx_chat_member_find(s, &c->room);

    if (m != NULL && c->kind == NGX_CHAT_KIND_KICK) {
        ngx_chat_member_leave(s, m, &none, "kicked");

    } else if (m != NULL) {
        ngx_chat_member_recheck(s, m);

    } else if (c->user.len > 0) {
        ngx_chat_inbox_changed(s, &c->notice, &c->room);
    }
}


static void
ngx_chat_control_admitted(ngx_chat_session_t *s)
{
    uint64_t        until;
    ngx_chat_err_e  err;

    if (s->user.id.len == 0) {
        /* nobody yet */
        return;
    }

    err = ngx_chat_standing_admit(s->conf->zone, &s->user, &until);

    if (err == NGX_CHAT_E_BANNED) {
        ngx_chat_session_close(s, NGX_CHAT_CLOSE_DISCONNECTED, "banned", 0);

    } else if (err == NGX_CHAT_E_UNAUTHORIZED) {
        ngx_chat_session_close(s, NGX_CHAT_CLOSE_TOKEN,
                               "the token has been revoked", 0);
    }
}


static ngx_uint_t
ngx_chat_control_same(ngx_str_t *a, ngx_str_t *b)
{
    return a->len == b->len && ngx_memcmp(a->data, b->data, a->len) == 0;
}
