
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * The ring of what webhooks are told: writing, and after a death.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_hook.h"
#include "ngx_chat_shm.h"
#include "ngx_chat_test.h"


/* of a zone so many bytes for each user that may be there at a time */
#define NGX_CHAT_HOOK_SHARE  4096
#define NGX_CHAT_HOOK_LEAST  1024

/* a record while it is written */

typedef struct {
    ngx_chat_hook_rec_t   rec;
    uint64_t              at;
    uint64_t              last;
} ngx_chat_hook_put_t;


static ngx_int_t ngx_chat_hook_begin_locked(ngx_chat_sh_t *sh,
    ngx_chat_hook_put_t *put);
static void ngx_chat_hook_end_locked(ngx_chat_sh_t *sh,
    ngx_chat_hook_put_t *put);
static void ngx_chat_hook_write(ngx_chat_sh_t *sh, ngx_chat_hook_put_t *put,
    const void *data, size_t len);
static size_t ngx_chat_hook_missed_locked(ngx_chat_sh_t *sh,
    ngx_chat_publish_t *p, u_char *buf);
static uint64_t ngx_chat_hook_clock(void);


static ngx_str_t  ngx_chat_hook_names[] = {
    ngx_string("message"),
    ngx_string("edit"),
    ngx_string("delete"),
    ngx_string("react"),
    ngx_string("message.missed"),
    ngx_string("join"),
    ngx_string("leave"),
    ngx_string("occupied"),
    ngx_string("vacated"),
    ngx_string("connect"),
    ngx_string("disconnect")
};


size_t
ngx_chat_hook_memory(size_t size, size_t ring, uint32_t mask, uint32_t *users)
{
    size_t    bytes;
    uint32_t  n;

    *users = 0;
    bytes = ngx_align(ring, 64)
            + NGX_CHAT_HOOK_SLOTS * sizeof(ngx_chat_hook_slot_t);

    if (mask & NGX_CHAT_HOOK_USERS) {
        *users = (uint32_t) ngx_min(size / NGX_CHAT_HOOK_SHARE, 1024 * 1024);
        *users = ngx_max(*users, NGX_CHAT_HOOK_LEAST);

        for (n = 64; n < *users; n *= 2) { /* void */ }

        bytes += *users * sizeof(ngx_chat_hook_user_t);
        bytes = ngx_align(bytes, 64) + n * sizeof(uint32_t);
    }

    return ngx_align(bytes, ngx_pagesize);
}


void
ngx_chat_hook_layout(ngx_chat_sh_t *sh, ngx_chat_zone_t *z, size_t at)
{
    uint32_t             n;
    ngx_chat_hook_sh_t  *hs;

    hs = &sh->hook;

    hs->ring = at;
    hs->size = z->hook_ring;
    hs->slots = at + ngx_align(z->hook_ring, 64);
    hs->users = hs->slots
                + NGX_CHAT_HOOK_SLOTS * sizeof(ngx_chat_hook_slot_t);
    hs->user_n = z->hook_users;

    ngx_memzero(ngx_chat_hook_slots(sh), hs->users - hs->slots);

    for (n = 64; n < hs->user_n; n *= 2) { /* void */ }

    hs->bucket_n = n;
    hs->buckets = hs->users
                  + (uint64_t) hs->user_n * sizeof(ngx_chat_hook_user_t);
    hs->buckets = ngx_align(hs->buckets, 64);

    if (hs->user_n > 0) {
        ngx_memzero(ngx_chat_hook_users(sh),
                    hs->buckets - hs->users + n * sizeof(uint32_t));
    }
}


ngx_str_t *
ngx_chat_hook_name(ngx_uint_t kind)
{
    return &ngx_chat_hook_names[kind];
}


ngx_int_t
ngx_chat_hook_kind(ngx_str_t *name)
{
    ngx_int_t  i;

    for (i = 0; i < NGX_CHAT_HOOK_LAST; i++) {
        if (ngx_chat_hook_names[i].len == name->len
            && ngx_strncmp(ngx_chat_hook_names[i].data, name->data, name->len)
               == 0)
        {
            return i;
        }
    }

    return NGX_ERROR;
}


void
ngx_chat_hook_start(ngx_chat_zone_t *z, uint32_t mask, uint32_t grace)
{
    ngx_chat_hook_sh_t  *hs;

    hs = &z->sh->hook;

    if (hs->size == 0) {
        return;
    }

    ngx_chat_shm_lock(z);
    ngx_chat_store_relaxed(&hs->mask, mask);
    hs->grace = grace;
    ngx_chat_shm_unlock(z);
}


void
ngx_chat_hook_enable(ngx_chat_zone_t *z)
{
    ngx_uint_t             i;
    ngx_chat_hook_sh_t    *hs;
    ngx_chat_hook_slot_t  *s;

    hs = &z->sh->hook;

    if (hs->size == 0) {
        return;
    }

    ngx_chat_shm_lock(z);

    for (i = 0; i < NGX_CHAT_HOOK_SLOTS; i++) {

        s = &ngx_chat_hook_slots(z->sh)[i];

        if (s->off) {
            s->upto = 0;
            s->tries = 0;
            s->next = 0;
            s->seq = hs->seq + 1;
            ngx_chat_store_relaxed(&s->at, hs->last);
            ngx_chat_barrier();
            ngx_chat_store_relaxed(&s->off, 0);
        }
    }

    ngx_chat_shm_unlock(z);
}


ngx_uint_t
ngx_chat_hook_wants(ngx_chat_zone_t *z, ngx_uint_t kind)
{
    return (ngx_chat_load_relaxed(&z->sh->hook.mask) >> kind) & 1;
}


/*
 * Room for the record, which takes that of the oldest: they are gone before a
 * byte is overwritten.  Old workers of a zone that was copied tell nobody.
 */

static ngx_int_t
ngx_chat_hook_begin_locked(ngx_chat_sh_t *sh, ngx_chat_hook_put_t *put)
{
    size_t                size;
    uint32_t              n;
    ngx_chat_hook_rec_t  *rec;
    ngx_chat_hook_sh_t   *hs;

    hs = &sh->hook;
    rec = &put->rec;

    size = sizeof(ngx_chat_hook_rec_t) + rec->room + rec->user + rec->name
           + rec->missed + (size_t) rec->payload;
    size = ngx_align(size, 8);

    if (sh->moved || hs->size == 0) {
        return NGX_DECLINED;
    }

    if (size > NGX_CHAT_HOOK_MAX || size > hs->size / 4) {
        /* a number without a record is one that was lost */
        hs->seq++;
        return NGX_DECLINED;
    }

    while (hs->last + size - hs->first > hs->size) {
        n = ngx_chat_hook_size(sh, hs->first, NULL, NULL);
        hs->first = (n == 0) ? hs->last : hs->first + n;
    }

    ngx_chat_barrier();

    rec->size = (uint32_t) size;
    rec->seq = hs->seq + 1;

    if (rec->ts == 0) {
        rec->ts = ngx_chat_hook_clock();
    }

    put->at = hs->last;
    put->last = hs->last + size;

    ngx_chat_hook_write(sh, put, rec, sizeof(ngx_chat_hook_rec_t));

    return NGX_OK;
}


static void
ngx_chat_hook_end_locked(ngx_chat_sh_t *sh, ngx_chat_hook_put_t *put)
{
    ngx_chat_barrier();
    sh->hook.seq = put->rec.seq;

    ngx_chat_test_point("hook:written");

    ngx_chat_store(&sh->hook.last, put->last);
}


static void
ngx_chat_hook_write(ngx_chat_sh_t *sh, ngx_chat_hook_put_t *put,
    const void *data, size_t len)
{
    size_t         n, begin;
    u_char        *ring;
    const u_char  *p;

    if (len == 0) {
        return;
    }

    p = data;
    ring = ngx_chat_sh_at(sh, sh->hook.ring);
    begin = (size_t) (put->at % sh->hook.size);
    n = ngx_min(len, sh->hook.size - begin);

    ngx_memcpy(ring + begin, p, n);
    ngx_memcpy(ring, p + n, len - n);

    put->at += len;
}


void
ngx_chat_hook_read(ngx_chat_sh_t *sh, uint64_t at, void *buf, size_t len)
{
    size_t   n, begin;
    u_char  *ring, *p;

    p = buf;
    ring = ngx_chat_sh_at(sh, sh->hook.ring);
    begin = (size_t) (at % sh->hook.size);
    n = ngx_min(len, sh->hook.size - begin);

    ngx_memcpy(p, ring + begin, n);
    ngx_memcpy(p + n, ring, len - n);
}


uint32_t
ngx_chat_hook_size(ngx_chat_sh_t *sh, uint64_t at, uint64_t *seq, uint64_t *ts)
{
    ngx_chat_hook_rec_t  rec;

    if (sh->hook.last - at < sizeof(ngx_chat_hook_rec_t)) {
        return 0;
    }

    ngx_chat_hook_read(sh, at, &rec, sizeof(ngx_chat_hook_rec_t));

    if (rec.size < sizeof(ngx_chat_hook_rec_t) || rec.size % 8 != 0
        || rec.size > sh->hook.last - at || rec.size > NGX_CHAT_HOOK_MAX)
    {
        return 0;
    }

    if (seq != NULL) {
        *seq = rec.seq;
    }

    if (ts != NULL) {
        *ts = rec.ts;
    }

    return rec.size;
}


void
ngx_chat_hook_pend_locked(ngx_chat_sh_t *sh, ngx_chat_publish_t *p,
    uint32_t room, ngx_chat_rec_t *rec, ngx_str_t *piece, ngx_uint_t n)
{
    size_t               missed;
    ngx_int_t            kind;
    ngx_uint_t           i;
    ngx_chat_hook_put_t  put;

    static u_char        who[(NGX_CHAT_MENTIONS_MAX + 1)
                             * (NGX_CHAT_USER_MAX + 2)];

    kind = ngx_chat_hook_of(p->type);

    if (kind == NGX_ERROR || sh->hook.mask == 0) {
        return;
    }

    missed = (p->nmissed > 0) ? ngx_chat_hook_missed_locked(sh, p, who) : 0;

    if (!ngx_chat_hook_wanted(sh, kind) && missed == 0) {
        return;
    }

    ngx_memzero(&put.rec, sizeof(ngx_chat_hook_rec_t));

    put.rec.kind = (uint8_t) kind;
    put.rec.ts = rec->ts;
    put.rec.room = (uint8_t) p->key.name.len;
    put.rec.missed = (uint16_t) missed;
    put.rec.payload = rec->size;

    if (ngx_chat_hook_begin_locked(sh, &put) != NGX_OK) {
        return;
    }

    ngx_chat_hook_write(sh, &put, p->key.name.data, p->key.name.len);
    ngx_chat_hook_write(sh, &put, who, missed);

    for (i = 0; i < n; i++) {
        ngx_chat_hook_write(sh, &put, piece[i].data, piece[i].len);
    }

    sh->hook.pend_room = room;
    sh->hook.pend_life = p->life;
    sh->hook.pend_offset = rec->offset;
    ngx_chat_barrier();

    sh->hook.pend = put.last;
    ngx_chat_barrier();

    ngx_chat_test_point("hook:pending");
}


/* a death before leaves it to ngx_chat_hook_repair_locked() */

void
ngx_chat_hook_commit_locked(ngx_chat_sh_t *sh)
{
    ngx_chat_hook_sh_t  *hs;

    hs = &sh->hook;

    if (hs->pend == 0) {
        return;
    }

    ngx_chat_test_point("hook:published");

    ngx_chat_barrier();
    hs->seq++;
    ngx_chat_barrier();
    ngx_chat_store(&hs->last, hs->pend);
    ngx_chat_barrier();
    hs->pend = 0;
}


/*
 * A message that is there is in the ring, and one that isn't there is not.  A
 * number may be left out by it.
 */

void
ngx_chat_hook_repair_locked(ngx_chat_sh_t *sh)
{
    ngx_chat_slot_t     *slot;
    ngx_chat_hook_sh_t  *hs;

    hs = &sh->hook;

    if (hs->size == 0) {
        return;
    }

    if (hs->pend > hs->last && hs->pend_room < sh->room_fresh) {

        slot = &ngx_chat_slots(sh)[hs->pend_room];

        if (slot->life == hs->pend_life && slot->head >= hs->pend_offset) {
            hs->seq++;
            ngx_chat_barrier();
            ngx_chat_store(&hs->last, hs->pend);
        }
    }

    ngx_chat_barrier();
    hs->pend = 0;

    ngx_chat_hook_user_repair_locked(sh);
}


/* positions stay: what the new ring has place for, from the newest backwards */

void
ngx_chat_hook_copy_locked(ngx_chat_sh_t *sh, ngx_chat_sh_t *from)
{
    uint64_t              at;
    uint32_t              n;
    ngx_uint_t            i;
    ngx_chat_hook_sh_t   *hs, *os;
    ngx_chat_hook_put_t   put;
    ngx_chat_hook_slot_t *slot;

    static u_char         rec[NGX_CHAT_HOOK_MAX];

    hs = &sh->hook;
    os = &from->hook;

    if (hs->size == 0 || os->size == 0) {
        return;
    }

    hs->sent = os->sent;
    hs->failed = os->failed;
    hs->lost = os->lost;
    hs->mask = os->mask;
    hs->grace = os->grace;
    hs->seq = os->seq;
    hs->first = os->last;
    hs->last = os->last;

    for (at = os->first; at < os->last; at += n) {

        n = ngx_chat_hook_size(from, at, NULL, NULL);

        if (n == 0) {
            break;
        }

        if (os->last - at > hs->size || n > hs->size / 4) {
            /* no gaps: what is before it can't stay, either */
            hs->first = os->last;
            continue;
        }

        hs->first = ngx_min(hs->first, at);

        ngx_chat_hook_read(from, at, rec, n);

        put.at = at;
        ngx_chat_hook_write(sh, &put, rec, n);
    }

    for (i = 0; i < NGX_CHAT_HOOK_SLOTS; i++) {
        slot = &ngx_chat_hook_slots(sh)[i];
        *slot = ngx_chat_hook_slots(from)[i];
        slot->holder = 0;
    }

    ngx_chat_hook_user_copy_locked(sh, from);
}


/* those who have no session, and how many bytes they are in the record */

static size_t
ngx_chat_hook_missed_locked(ngx_chat_sh_t *sh, ngx_chat_publish_t *p,
    u_char *buf)
{
    u_char                  *last;
    ngx_str_t                who;
    ngx_uint_t               i;
    ngx_chat_hook_user_t    *u;
    ngx_chat_hook_missed_t  *m;

    if (!ngx_chat_hook_wanted(sh, NGX_CHAT_HOOK_MISSED)) {
        return 0;
    }

    last = buf;

    for (i = 0; i < p->nmissed && i <= NGX_CHAT_MENTIONS_MAX; i++) {

        m = &p->missed[i];
        who = m->user;

        if (ngx_chat_hook_online_locked(sh, m->key, &u)) {
            continue;
        }

        if (who.len == 0 && u != NULL) {
            who.data = u->user;
            who.len = u->len;
        }

        *last++ = (who.len == 0);

        if (who.len == 0) {
            who.data = m->key;
            who.len = NGX_CHAT_HOOK_KEY;
        }

        *last++ = (u_char) who.len;
        last = ngx_cpymem(last, who.data, who.len);
    }

    return (size_t) (last - buf);
}


ngx_int_t
ngx_chat_hook_of(ngx_uint_t type)
{
    switch (type) {

    case NGX_CHAT_REC_MESSAGE:
        return NGX_CHAT_HOOK_MESSAGE;

    case NGX_CHAT_REC_EDIT:
        return NGX_CHAT_HOOK_EDIT;

    case NGX_CHAT_REC_DELETE:
        return NGX_CHAT_HOOK_DELETE;

    case NGX_CHAT_REC_REACT:
        return NGX_CHAT_HOOK_REACT;

    default:
        return NGX_ERROR;
    }
}


void
ngx_chat_hook_event_locked(ngx_chat_sh_t *sh, ngx_uint_t kind,
    ngx_str_t *room, ngx_str_t *user, ngx_str_t *name, ngx_uint_t guest,
    uint32_t count)
{
    ngx_chat_hook_put_t  put;

    if (!ngx_chat_hook_wanted(sh, kind)) {
        return;
    }

    ngx_memzero(&put.rec, sizeof(ngx_chat_hook_rec_t));

    put.rec.kind = (uint8_t) kind;
    put.rec.guest = (uint8_t) guest;
    put.rec.count = count;
    put.rec.room = (uint8_t) room->len;
    put.rec.user = (uint8_t) user->len;
    put.rec.name = (uint8_t) name->len;

    if (ngx_chat_hook_begin_locked(sh, &put) != NGX_OK) {
        return;
    }

    ngx_chat_hook_write(sh, &put, room->data, room->len);
    ngx_chat_hook_write(sh, &put, user->data, user->len);
    ngx_chat_hook_write(sh, &put, name->data, name->len);
    ngx_chat_hook_end_locked(sh, &put);
}


void
ngx_chat_hook_put(ngx_chat_zone_t *z, ngx_uint_t kind, ngx_str_t *room,
    ngx_str_t *payload)
{
    ngx_chat_hook_put_t  put;

    ngx_memzero(&put.rec, sizeof(ngx_chat_hook_rec_t));

    put.rec.kind = (uint8_t) kind;
    put.rec.room = (uint8_t) room->len;
    put.rec.payload = (uint32_t) ngx_min(payload->len, NGX_CHAT_HOOK_MAX);

    ngx_chat_shm_lock(z);

    if (ngx_chat_hook_begin_locked(z->sh, &put) == NGX_OK) {
        ngx_chat_hook_write(z->sh, &put, room->data, room->len);
        ngx_chat_hook_write(z->sh, &put, payload->data, payload->len);
        ngx_chat_hook_end_locked(z->sh, &put);
    }

    ngx_chat_shm_unlock(z);
}


/* ms of the wall clock: what tells of users has no other time */

static uint64_t
ngx_chat_hook_clock(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_REALTIME, &ts);

    return (uint64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}
