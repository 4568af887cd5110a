
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Notices: whom they are for, what they say, who gets them.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include "ngx_chat_bus.h"
#include "ngx_chat_direct.h"
#include "ngx_chat_inbox.h"
#include "ngx_chat_name.h"
#include "ngx_chat_shm.h"
#include "ngx_chat_standing.h"
#include "ngx_chat_worker.h"


/* lists of sessions, by a hash of the user: a power of 2, about one for four
   connections */
#define NGX_CHAT_INBOX_MIN  64
#define NGX_CHAT_INBOX_MAX  16384


/* what is in the ring: this, the room's name, the object without its end */

typedef struct {
    u_char     user[NGX_CHAT_DIRECT_KEY];
    uint16_t   room;                     /* bytes of its name */
    uint16_t   joined;                   /* also to who is in it */
} ngx_chat_inbox_note_t;


/* where a user's sessions are */

typedef struct {
    u_char             key[NGX_CHAT_DIRECT_KEY];
    uint32_t           hash;
    ngx_chat_mask_t    wake;
} ngx_chat_inbox_user_t;


typedef struct {
    ngx_chat_session_t  **list;
    ngx_uint_t            mask;
} ngx_chat_inbox_t;


static uint32_t ngx_chat_inbox_hash(ngx_chat_zone_t *z,
    u_char key[NGX_CHAT_DIRECT_KEY]);
static ngx_uint_t ngx_chat_inbox_find(ngx_chat_zone_t *z,
    ngx_chat_inbox_user_t *u, ngx_chat_session_t *but);
static ngx_uint_t ngx_chat_inbox_blocked(ngx_chat_zone_t *z,
    u_char key[NGX_CHAT_DIRECT_KEY], ngx_str_t *by);
static void ngx_chat_inbox_message(ngx_chat_caller_t *c, const char *kind,
    ngx_chat_inbox_user_t *u, ngx_chat_publish_t *p);
static void ngx_chat_inbox_mentions(ngx_chat_caller_t *c,
    ngx_chat_publish_t *p);
static ngx_uint_t ngx_chat_inbox_again(ngx_chat_publish_t *p, ngx_uint_t n);
static ngx_chat_text_t *ngx_chat_inbox_begin(ngx_chat_inbox_user_t *u,
    ngx_str_t *room, const char *kind, ngx_uint_t joined);
static void ngx_chat_inbox_enc(ngx_chat_text_t *t, const char *kind,
    ngx_str_t *room);
static void ngx_chat_inbox_enc_id(ngx_chat_text_t *t, u_char *epoch,
    uint64_t offset);
static void ngx_chat_inbox_put(ngx_chat_zone_t *z, ngx_chat_inbox_user_t *u,
    ngx_chat_text_t *t, u_char *from);
static ngx_uint_t ngx_chat_inbox_is(ngx_chat_session_t *s,
    ngx_chat_zone_t *z, u_char key[NGX_CHAT_DIRECT_KEY]);
static ngx_uint_t ngx_chat_inbox_takes(ngx_chat_session_t *s,
    ngx_str_t *room, ngx_chat_inbox_change_t *change);
static ngx_int_t ngx_chat_inbox_object(ngx_chat_session_t *s,
    ngx_str_t *room, ngx_str_t *object);


static ngx_chat_inbox_t  ngx_chat_inbox;


ngx_int_t
ngx_chat_inbox_init(ngx_cycle_t *cycle)
{
    ngx_uint_t  n;

    ngx_chat_inbox_exit();

    n = NGX_CHAT_INBOX_MIN;

    while (n < NGX_CHAT_INBOX_MAX && n < cycle->connection_n / 4) {
        n *= 2;
    }

    ngx_chat_inbox.list = ngx_calloc(n * sizeof(ngx_chat_session_t *),
                                     cycle->log);
    if (ngx_chat_inbox.list == NULL) {
        return NGX_ERROR;
    }

    ngx_chat_inbox.mask = n - 1;

    return NGX_OK;
}


void
ngx_chat_inbox_exit(void)
{
    if (ngx_chat_inbox.list != NULL) {
        ngx_free(ngx_chat_inbox.list);
        ngx_chat_inbox.list = NULL;
    }
}


/* users have no say in it: the seed is the zone's */

static uint32_t
ngx_chat_inbox_hash(ngx_chat_zone_t *z, u_char key[NGX_CHAT_DIRECT_KEY])
{
    return (uint32_t) ngx_chat_hash(z->sh->hash_key[0], key,
                                    NGX_CHAT_DIRECT_KEY);
}


void
ngx_chat_inbox_enter(ngx_chat_session_t *s)
{
    u_char                key[NGX_CHAT_DIRECT_KEY];
    ngx_chat_session_t  **list;

    ngx_chat_inbox_leave(s);

    if (!s->conf->notice || s->conf->raw || s->user.id.len == 0
        || s->conf->broker->prepare != NULL || ngx_chat_inbox.list == NULL
        || ngx_chat_direct_key(key, &s->user.id) != NGX_OK)
    {
        return;
    }

    s->inbox = ngx_chat_inbox_hash(s->conf->zone, key);

    list = &ngx_chat_inbox.list[s->inbox & ngx_chat_inbox.mask];

    s->inbox_prev = list;
    s->inbox_next = *list;

    if (*list != NULL) {
        (*list)->inbox_prev = &s->inbox_next;
    }

    *list = s;

    ngx_chat_bus_user(s->inbox, 1);
}


void
ngx_chat_inbox_leave(ngx_chat_session_t *s)
{
    ngx_chat_session_t  *other;

    if (s->inbox_prev == NULL) {
        return;
    }

    *s->inbox_prev = s->inbox_next;

    if (s->inbox_next != NULL) {
        s->inbox_next->inbox_prev = s->inbox_prev;
    }

    s->inbox_prev = NULL;
    s->inbox_next = NULL;

    for (other = ngx_chat_inbox.list[s->inbox & ngx_chat_inbox.mask];
         other != NULL;
         other = other->inbox_next)
    {
        if (ngx_chat_bus_user_bit(other->inbox)
            == ngx_chat_bus_user_bit(s->inbox))
        {
            return;
        }
    }

    ngx_chat_bus_user(s->inbox, 0);
}


/* whether there may be sessions of the user whose key is in `u' */

static ngx_uint_t
ngx_chat_inbox_find(ngx_chat_zone_t *z, ngx_chat_inbox_user_t *u,
    ngx_chat_session_t *but)
{
    ngx_uint_t           n;
    ngx_chat_session_t  *s;

    u->hash = ngx_chat_inbox_hash(z, u->key);
    n = ngx_chat_bus_user_mask(u->hash, &u->wake);

    for (s = ngx_chat_inbox.list[u->hash & ngx_chat_inbox.mask];
         s != NULL && n == 0;
         s = s->inbox_next)
    {
        n = (s->inbox == u->hash && s != but);
    }

    return n != 0;
}


static ngx_uint_t
ngx_chat_inbox_blocked(ngx_chat_zone_t *z, u_char key[NGX_CHAT_DIRECT_KEY],
    ngx_str_t *by)
{
    u_char          value[NGX_CHAT_VALUE_MAX];
    ngx_chat_row_t  row;

    ngx_memzero(&row, sizeof(ngx_chat_row_t));

    row.kind = NGX_CHAT_KIND_BLOCK;
    row.value.data = value;
    ngx_memcpy(row.subject, key, NGX_CHAT_KEY_LEN);

    ngx_chat_table_get_some(z, &row, 1, (uint64_t) ngx_time());

    return row.seq != 0 && ngx_chat_standing_blocks(&row.value, by);
}


void
ngx_chat_inbox_published(ngx_chat_caller_t *c, ngx_chat_publish_t *p)
{
    ngx_chat_inbox_user_t  u;

    if (c->conf->broker->prepare != NULL || p->duplicate
        || ngx_chat_inbox.list == NULL)
    {
        return;
    }

    if (!ngx_chat_room_is_direct(&p->key.name)) {
        ngx_chat_inbox_mentions(c, p);
        return;
    }

    /* who has blocked the sender can't have been written to */

    if (ngx_chat_direct_other(&p->key.name, &c->user->id, u.key) == NGX_OK
        && ngx_chat_inbox_find(c->conf->zone, &u, NULL))
    {
        ngx_chat_inbox_message(c, "message", &u, p);
    }
}


static void
ngx_chat_inbox_mentions(ngx_chat_caller_t *c, ngx_chat_publish_t *p)
{
    ngx_str_t              *user;
    ngx_uint_t              n;
    ngx_chat_zone_t        *z;
    ngx_chat_inbox_user_t   u;

    z = c->conf->zone;

    for (n = 0; n < p->nmentions; n++) {

        user = &p->mentioned[n];

        if (ngx_chat_inbox_again(p, n)
            || (user->len == c->user->id.len
                && ngx_memcmp(user->data, c->user->id.data, user->len) == 0))
        {
            continue;
        }

        if (ngx_chat_direct_key(u.key, user) == NGX_OK
            && ngx_chat_inbox_find(z, &u, NULL)
            && !ngx_chat_inbox_blocked(z, u.key, &c->user->id))
        {
            ngx_chat_inbox_message(c, "mention", &u, p);
        }
    }
}


/* whether the nth who is mentioned was so before: p->mention has the same */

static ngx_uint_t
ngx_chat_inbox_again(ngx_chat_publish_t *p, ngx_uint_t n)
{
    ngx_uint_t  i;

    for (i = 0; i < n; i++) {
        if (p->mention[i][0] == p->mention[n][0]
            && p->mention[i][1] == p->mention[n][1])
        {
            return 1;
        }
    }

    return 0;
}


static void
ngx_chat_inbox_message(ngx_chat_caller_t *c, const char *kind,
    ngx_chat_inbox_user_t *u, ngx_chat_publish_t *p)
{
    ngx_chat_text_t  *t;

    t = ngx_chat_inbox_begin(u, &p->key.name, kind, 0);

    ngx_chat_inbox_enc_id(t, p->epoch, p->offset);
    ngx_chat_text_lit(t, ",\"user\":");
    ngx_chat_enc_user(t, c->user);

    ngx_chat_inbox_put(c->conf->zone, u, t, NULL);
}


void
ngx_chat_inbox_read(ngx_chat_caller_t *c, ngx_chat_marking_t *r)
{
    ngx_chat_text_t        *t;
    ngx_chat_inbox_user_t   u;

    if (ngx_chat_inbox.list == NULL
        || ngx_chat_direct_key(u.key, &c->user->id) != NGX_OK
        || !ngx_chat_inbox_find(c->conf->zone, &u, c->session))
    {
        return;
    }

    t = ngx_chat_inbox_begin(&u, &r->key.name, "read", 1);

    ngx_chat_inbox_enc_id(t, r->epoch, r->marker);

    ngx_chat_inbox_put(c->conf->zone, &u, t,
                       (c->session != NULL) ? c->session->id : c->from);
}


static ngx_chat_text_t *
ngx_chat_inbox_begin(ngx_chat_inbox_user_t *u, ngx_str_t *room,
    const char *kind, ngx_uint_t joined)
{
    ngx_chat_text_t        *t;
    ngx_chat_inbox_note_t   note;

    ngx_memcpy(note.user, u->key, NGX_CHAT_DIRECT_KEY);
    note.room = (uint16_t) room->len;
    note.joined = (uint16_t) joined;

    t = ngx_chat_worker_text();

    ngx_chat_text_add(t, (u_char *) &note, sizeof(ngx_chat_inbox_note_t));
    ngx_chat_text_add(t, room->data, room->len);

    ngx_chat_inbox_enc(t, kind, room);

    return t;
}


static void
ngx_chat_inbox_enc(ngx_chat_text_t *t, const char *kind, ngx_str_t *room)
{
    ngx_chat_text_lit(t, "{\"type\":\"notice\",\"kind\":\"");
    ngx_chat_text_add(t, (u_char *) kind, ngx_strlen(kind));
    ngx_chat_text_lit(t, "\",\"room\":");
    ngx_chat_text_json(t, room);
}


static void
ngx_chat_inbox_enc_id(ngx_chat_text_t *t, u_char *epoch, uint64_t offset)
{
    u_char  id[NGX_CHAT_ID_LEN], *last;

    last = ngx_chat_id_print(id, epoch, offset);

    ngx_chat_text_lit(t, ",\"id\":\"");
    ngx_chat_text_add(t, id, (size_t) (last - id));
    ngx_chat_text_lit(t, "\"");
}


static void
ngx_chat_inbox_put(ngx_chat_zone_t *z, ngx_chat_inbox_user_t *u,
    ngx_chat_text_t *t, u_char *from)
{
    ngx_str_t  payload;

    if (t->failed) {
        return;
    }

    payload.data = t->start;
    payload.len = ngx_chat_text_len(t);

    if (ngx_chat_transient_put_user(z, u->hash, &payload, from) == NGX_OK) {
        ngx_chat_bus_wake(&u->wake);
        ngx_chat_hub_transients();
    }
}


/*
 * The counters are looked up when there is somebody to be told, and so are as
 * of now.
 */

void
ngx_chat_inbox_give(ngx_chat_zone_t *z, ngx_chat_transient_t *e)
{
    u_char                 *p;
    ngx_str_t               room, object;
    ngx_uint_t              built;
    ngx_chat_session_t     *s;
    ngx_chat_inbox_note_t   note;

    if (e->size < sizeof(ngx_chat_inbox_note_t)) {
        return;
    }

    p = ngx_chat_transient_payload(e);
    ngx_memcpy(&note, p, sizeof(ngx_chat_inbox_note_t));

    room.data = p + sizeof(ngx_chat_inbox_note_t);
    room.len = note.room;

    object.data = room.data + room.len;
    object.len = e->size - sizeof(ngx_chat_inbox_note_t) - room.len;

    built = 0;

    for (s = ngx_chat_inbox.list[e->life & ngx_chat_inbox.mask];
         s != NULL;
         s = s->inbox_next)
    {
        if (s->inbox != e->life || !ngx_chat_inbox_is(s, z, note.user)
            || ngx_memcmp(s->id, e->from, NGX_CHAT_SESSION_ID_LEN) == 0
            || (!note.joined && ngx_chat_member_find(s, &room) != NULL)
            || !ngx_chat_inbox_takes(s, &room, NULL))
        {
            continue;
        }

        if (!built && ngx_chat_inbox_object(s, &room, &object) != NGX_OK) {
            return;
        }

        built = 1;
        ngx_chat_session_send(s, &object);
    }
}


static ngx_uint_t
ngx_chat_inbox_is(ngx_chat_session_t *s, ngx_chat_zone_t *z,
    u_char key[NGX_CHAT_DIRECT_KEY])
{
    u_char  own[NGX_CHAT_DIRECT_KEY];

    return s->conf->zone == z
           && ngx_chat_direct_key(own, &s->user.id) == NGX_OK
           && ngx_memcmp(own, key, NGX_CHAT_DIRECT_KEY) == 0;
}


/*
 * As for all that is transient; and only of rooms that the user may read, or
 * could before that change.
 */

static ngx_uint_t
ngx_chat_inbox_takes(ngx_chat_session_t *s, ngx_str_t *room,
    ngx_chat_inbox_change_t *change)
{
    uint64_t              until;
    ngx_chat_room_key_t   key;
    ngx_chat_standing_t   st;

    if (s->dead || s->closing || !s->greeted || s->reader.blocked
        || ngx_chat_session_unsent(s) > NGX_CHAT_OUT_TRANSIENT)
    {
        return 0;
    }

    key.kind = NGX_CHAT_ROOM_CHAT;
    key.name = *room;

    if (ngx_chat_standing(s->conf->zone, &s->user, &key, &st, NULL)
        != NGX_OK)
    {
        return 0;
    }

    if (change != NULL && change->banned) {
        st.banned = 0;
    }

    if (change != NULL && change->uninvited) {
        st.invited = 1;
    }

    return ngx_chat_standing_may(&st, &s->user, NGX_CHAT_MAY_READ, room,
                                 &until)
           == NGX_CHAT_OK;
}


static ngx_int_t
ngx_chat_inbox_object(ngx_chat_session_t *s, ngx_str_t *room,
    ngx_str_t *object)
{
    ngx_chat_text_t     *t;
    ngx_chat_marking_t   r;

    ngx_memzero(&r, sizeof(ngx_chat_marking_t));

    r.key.kind = NGX_CHAT_ROOM_CHAT;
    r.key.name = *room;
    r.now = ngx_chat_worker_now();

    ngx_chat_mark_user(s->conf->zone, &s->user.id, r.user);

    t = ngx_chat_worker_text();

    ngx_chat_text_add(t, object->data, object->len);

    if (ngx_chat_mark_read(s->conf->zone, &r) == NGX_OK) {
        ngx_chat_text_lit(t, ",\"unread\":");
        ngx_chat_text_num(t, (int64_t) r.unread);
        ngx_chat_text_lit(t, ",\"mentions\":");
        ngx_chat_text_num(t, (int64_t) r.mentions);
    }

    ngx_chat_text_lit(t, "}");

    if (t->failed) {
        return NGX_ERROR;
    }

    object->data = t->start;
    object->len = ngx_chat_text_len(t);

    return NGX_OK;
}


void
ngx_chat_inbox_change(ngx_chat_inbox_change_t *c, ngx_uint_t kind,
    ngx_str_t *value)
{
    u_char     *p;
    ngx_str_t   str;

    switch (kind) {

    case NGX_CHAT_KIND_BAN:
    case NGX_CHAT_KIND_KICK:
        c->kind = "removed";
        c->banned = 1;
        break;

    case NGX_CHAT_KIND_MEMBER:
        c->uninvited = !ngx_chat_standing_true(value, "member");
        c->kind = c->uninvited ? "removed" : "invite";
        break;

    case NGX_CHAT_KIND_ROLE:
        c->kind = "role";
        break;

    default:
        return;
    }

    p = c->text;

    if (ngx_chat_standing_string(value, "by", &str) == NGX_OK
        && str.len <= NGX_CHAT_USER_MAX)
    {
        c->by.data = p;
        c->by.len = str.len;
        p = ngx_cpymem(p, str.data, str.len);
    }

    if (kind == NGX_CHAT_KIND_ROLE
        && ngx_chat_standing_string(value, "role", &str) == NGX_OK
        && str.len <= NGX_CHAT_USER_MAX)
    {
        c->role.data = p;
        c->role.len = str.len;
        ngx_memcpy(p, str.data, str.len);
    }
}


void
ngx_chat_inbox_changed(ngx_chat_session_t *s, ngx_chat_inbox_change_t *c,
    ngx_str_t *room)
{
    u_char            key[NGX_CHAT_DIRECT_KEY];
    ngx_chat_text_t  *t;

    if (c->kind == NULL || s->inbox_prev == NULL
        || (c->by.len == s->user.id.len
            && ngx_memcmp(c->by.data, s->user.id.data, c->by.len) == 0)
        || !ngx_chat_inbox_takes(s, room, c)
        || ngx_chat_direct_key(key, &s->user.id) != NGX_OK
        || ngx_chat_inbox_blocked(s->conf->zone, key, &c->by))
    {
        return;
    }

    t = ngx_chat_worker_text();

    ngx_chat_inbox_enc(t, c->kind, room);

    if (c->by.len > 0) {
        ngx_chat_text_lit(t, ",\"user\":{\"id\":");
        ngx_chat_text_json(t, &c->by);
        ngx_chat_text_lit(t, "}");
    }

    ngx_chat_text_member(t, "role", &c->role);
    ngx_chat_text_lit(t, "}");

    if (!t->failed) {
        ngx_chat_session_send_text(s, t);
    }
}
