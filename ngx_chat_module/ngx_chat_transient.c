
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * The ring of transient events, and who was said to type when.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_interest.h"
#include "ngx_chat_room.h"
#include "ngx_chat_test.h"
#include "ngx_chat_transient.h"


static void ngx_chat_transient_room_locked(ngx_chat_sh_t *sh,
    ngx_chat_slot_t *slot, ngx_str_t *payload, u_char *from);
static void ngx_chat_transient_write_locked(ngx_chat_sh_t *sh,
    ngx_chat_transient_t *e, ngx_str_t *payload, u_char *from);
static uint64_t ngx_chat_transient_copy_in(ngx_chat_sh_t *sh, uint64_t at,
    const void *data, size_t size);
static void ngx_chat_transient_copy_out(ngx_chat_sh_t *sh, uint64_t at,
    u_char *buf, size_t size);
static ngx_uint_t ngx_chat_typing_passes_locked(ngx_chat_sh_t *sh,
    ngx_chat_slot_t *slot, ngx_chat_transient_put_t *p);


ngx_int_t
ngx_chat_transient_put(ngx_chat_zone_t *z, ngx_uint_t seat,
    ngx_chat_transient_put_t *p)
{
    uint32_t          hash;
    ngx_int_t         rc;
    ngx_chat_sh_t    *sh;
    ngx_chat_slot_t  *slot;

    sh = z->sh;

    p->passed = 0;
    ngx_memzero(&p->wake, sizeof(ngx_chat_mask_t));

    if (ngx_chat_transient_size(p->payload.len) > NGX_CHAT_TRANSIENT_MAX) {
        return NGX_ERROR;
    }

    hash = ngx_chat_slot_hash(sh, &p->key);
    rc = NGX_OK;

    ngx_chat_shm_lock(z);

    slot = ngx_chat_slot_lookup_locked(sh, &p->key, hash);

    if (slot == NULL) {
        rc = NGX_DECLINED;

    } else if (slot->followers > 0
               && (!p->typing || ngx_chat_typing_passes_locked(sh, slot, p)))
    {
        ngx_chat_transient_room_locked(sh, slot, &p->payload, p->from);
        p->wake = slot->mask;
        ngx_chat_interest_mask_locked(sh, slot, &p->wake);
        p->passed = 1;

        if (seat < NGX_CHAT_SEATS) {
            ngx_chat_mask_clear(&p->wake, seat);
        }
    }

    ngx_chat_shm_unlock(z);

    return rc;
}


ngx_int_t
ngx_chat_transient_put_user(ngx_chat_zone_t *z, uint64_t user,
    ngx_str_t *payload, u_char *from)
{
    ngx_chat_transient_t  e;

    if (ngx_chat_transient_size(payload->len) > NGX_CHAT_TRANSIENT_MAX) {
        return NGX_ERROR;
    }

    ngx_memzero(&e, sizeof(ngx_chat_transient_t));

    e.room = NGX_CHAT_TRANSIENT_USER;
    e.life = user;

    ngx_chat_shm_lock(z);
    ngx_chat_transient_write_locked(z->sh, &e, payload, from);
    ngx_chat_shm_unlock(z);

    return NGX_OK;
}


static void
ngx_chat_transient_room_locked(ngx_chat_sh_t *sh, ngx_chat_slot_t *slot,
    ngx_str_t *payload, u_char *from)
{
    ngx_chat_transient_t  e;

    ngx_memzero(&e, sizeof(ngx_chat_transient_t));

    e.room = ngx_chat_slot_ref(sh, slot) - 1;
    e.life = slot->life;

    ngx_chat_transient_write_locked(sh, &e, payload, from);
}


static void
ngx_chat_transient_write_locked(ngx_chat_sh_t *sh, ngx_chat_transient_t *e,
    ngx_str_t *payload, u_char *from)
{
    uint64_t  at, last;

    e->size = (uint32_t) payload->len;

    if (from != NULL) {
        ngx_memcpy(e->from, from, NGX_CHAT_TRANSIENT_FROM);
    }

    at = sh->transient_head;
    last = at + ngx_chat_transient_size(e->size);

    /* who copies what is overwritten now finds the tail moved afterwards */

    if (last > sh->transient_n) {
        ngx_chat_store_relaxed(&sh->transient_tail, last - sh->transient_n);
    }

    ngx_chat_fence_release();

    at = ngx_chat_transient_copy_in(sh, at, e, sizeof(ngx_chat_transient_t));

    (void) ngx_chat_transient_copy_in(sh, at, payload->data, e->size);

    ngx_chat_test_point("transient:written");

    ngx_chat_store(&sh->transient_head, last);
}


void
ngx_chat_transient_presence_locked(ngx_chat_sh_t *sh, ngx_chat_slot_t *slot)
{
    ngx_str_t  none;

    none.len = 0;
    none.data = (u_char *) "";

    ngx_chat_transient_room_locked(sh, slot, &none, NULL);
}


static uint64_t
ngx_chat_transient_copy_in(ngx_chat_sh_t *sh, uint64_t at, const void *data,
    size_t size)
{
    size_t         n, begin;
    u_char        *ring;
    const u_char  *p;

    ring = ngx_chat_transients(sh);
    begin = (size_t) (at & (sh->transient_n - 1));
    n = ngx_min(size, sh->transient_n - begin);
    p = data;

    ngx_memcpy(ring + begin, p, n);
    ngx_memcpy(ring, p + n, size - n);

    return at + size;
}


static void
ngx_chat_transient_copy_out(ngx_chat_sh_t *sh, uint64_t at, u_char *buf,
    size_t size)
{
    size_t   n, begin;
    u_char  *ring;

    ring = ngx_chat_transients(sh);
    begin = (size_t) (at & (sh->transient_n - 1));
    n = ngx_min(size, sh->transient_n - begin);

    ngx_memcpy(buf, ring + begin, n);
    ngx_memcpy(buf + n, ring, size - n);
}


uint64_t
ngx_chat_transient_head(ngx_chat_zone_t *z)
{
    return ngx_chat_load(&z->sh->transient_head);
}


size_t
ngx_chat_transient_take(ngx_chat_zone_t *z, uint64_t *pos, u_char *buf,
    size_t size)
{
    size_t                 n, done, need;
    uint64_t               head;
    ngx_chat_sh_t         *sh;
    ngx_chat_transient_t  *e;

    sh = z->sh;
    head = ngx_chat_load(&sh->transient_head);

    if (head - *pos > sh->transient_n) {
        *pos = head;
        return 0;
    }

    n = ngx_min(size, (size_t) (head - *pos));

    ngx_chat_transient_copy_out(sh, *pos, buf, n);

    ngx_chat_fence_acquire();

    if (ngx_chat_load_relaxed(&sh->transient_tail) > *pos) {
        *pos = ngx_chat_load(&sh->transient_head);
        return 0;
    }

    for (done = 0; n - done >= sizeof(ngx_chat_transient_t); done += need) {

        e = (ngx_chat_transient_t *) (buf + done);
        need = ngx_chat_transient_size(e->size);

        if (need > n - done) {
            break;
        }
    }

    *pos += done;

    return done;
}


/*
 * Of one user in one room two events a second at most: "on" again only after a
 * while, "off" only if "on" was passed.  An entry that another user's takes the
 * place of is forgotten, which costs an event too many or an "off".
 */

static ngx_uint_t
ngx_chat_typing_passes_locked(ngx_chat_sh_t *sh, ngx_chat_slot_t *slot,
    ngx_chat_transient_put_t *p)
{
    uint64_t            key[2], h;
    ngx_uint_t          known;
    ngx_chat_typing_t  *t;

    if (ngx_chat_interest_sessions_locked(sh, slot) > p->max) {
        return 0;
    }

    key[0] = p->user;
    key[1] = slot->life;

    h = ngx_chat_hash(sh->hash_key[0], (u_char *) key, sizeof(key));
    t = &ngx_chat_typings(sh)[h % sh->typing_n];
    known = (t->key == h);

    if (!p->on) {

        if (!known || !t->on) {
            return 0;
        }

        t->on = 0;

        return 1;
    }

    if (known && p->now >= t->ts
        && p->now - t->ts < (t->on ? NGX_CHAT_TYPING_REPEAT
                                   : NGX_CHAT_TYPING_AGAIN))
    {
        return 0;
    }

    t->key = h;
    t->ts = p->now;
    t->on = 1;

    return 1;
}
