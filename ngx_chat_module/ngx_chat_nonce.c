
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * A table of 64-byte entries.  A user in a room (a pair) has a group of 16
 * sets of 32 ways, shared with the pairs whose hash is the same; bits of the
 * nonce choose the set.  A pair alone in its group keeps its last 512.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_nonce.h"


#define NGX_CHAT_NONCE_TTL    300
#define NGX_CHAT_NONCE_COUNT  64


static void ngx_chat_nonce_place(ngx_chat_sh_t *sh, ngx_chat_slot_t *slot,
    uint64_t user, uint64_t *nonce, ngx_chat_nonce_place_t *place);
static ngx_uint_t ngx_chat_nonce_way(ngx_chat_nonce_place_t *place);
static ngx_uint_t ngx_chat_nonce_count(uint16_t *pair, uint8_t *count,
    uint16_t p);
static ngx_uint_t ngx_chat_nonce_expired(ngx_chat_nonce_place_t *place,
    ngx_uint_t i);
static ngx_uint_t ngx_chat_nonce_valid(ngx_chat_sh_t *sh, ngx_chat_nonce_t *e);


#define ngx_chat_nonce_sets(sh)                                               \
    ((ngx_chat_nonce_set_t *) ngx_chat_sh_at(sh, (sh)->nonces))


ngx_int_t
ngx_chat_nonce_find_locked(ngx_chat_zone_t *z, ngx_chat_slot_t *slot,
    ngx_chat_publish_t *p, ngx_chat_nonce_place_t *place)
{
    uint32_t           ref;
    ngx_uint_t         i;
    ngx_chat_nonce_t  *e;

    place->now = (uint32_t) (p->ts / 1000);
    place->ttl = z->nonce_ttl ? (uint32_t) z->nonce_ttl : NGX_CHAT_NONCE_TTL;

    ngx_chat_nonce_place(z->sh, slot, p->user, p->nonce, place);

    ref = ngx_chat_slot_ref(z->sh, slot);

    for (i = 0; i < NGX_CHAT_NONCE_WAYS; i++) {

        if (place->set->tag[i] != place->tag) {
            continue;
        }

        e = &place->set->entry[i];

        if (e->nonce[0] != p->nonce[0] || e->nonce[1] != p->nonce[1]
            || e->user != p->user || e->room != ref || e->life != slot->life
            || e->offset > slot->head || ngx_chat_nonce_expired(place, i))
        {
            continue;
        }

        if (e->body != p->body) {
            return NGX_ABORT;
        }

        p->offset = e->offset;
        p->ts = e->ts;

        return NGX_OK;
    }

    return NGX_DECLINED;
}


void
ngx_chat_nonce_put_locked(ngx_chat_sh_t *sh, ngx_chat_slot_t *slot,
    ngx_chat_publish_t *p, ngx_chat_nonce_place_t *place, uint64_t offset,
    uint64_t ts)
{
    ngx_uint_t             i;
    ngx_chat_nonce_t      *e;
    ngx_chat_nonce_set_t  *set;

    set = place->set;
    i = ngx_chat_nonce_way(place);
    e = &set->entry[i];

    set->tag[i] = 0;
    ngx_chat_barrier();

    e->room = ngx_chat_slot_ref(sh, slot);
    e->life = slot->life;
    e->user = p->user;
    e->nonce[0] = p->nonce[0];
    e->nonce[1] = p->nonce[1];
    e->body = p->body;
    e->offset = offset;
    e->ts = ts;

    set->pair[i] = place->pair;
    set->time[i] = place->now;

    ngx_chat_barrier();
    set->tag[i] = place->tag;
}


void
ngx_chat_nonce_repair_locked(ngx_chat_sh_t *sh)
{
    ngx_uint_t             i, n;
    ngx_chat_nonce_set_t  *set;

    set = ngx_chat_nonce_sets(sh);

    for (n = (ngx_uint_t) sh->nonce_n * NGX_CHAT_NONCE_SETS; n; n--, set++) {

        for (i = 0; i < NGX_CHAT_NONCE_WAYS; i++) {

            if (set->tag[i] && !ngx_chat_nonce_valid(sh, &set->entry[i])) {
                set->tag[i] = 0;
            }
        }
    }
}


void
ngx_chat_nonce_copy_locked(ngx_chat_sh_t *sh, ngx_chat_sh_t *from,
    uint32_t ttl)
{
    uint32_t                copy;
    ngx_uint_t              i, n;
    ngx_chat_nonce_t       *e;
    ngx_chat_slot_t        *slot;
    ngx_chat_publish_t      p;
    ngx_chat_nonce_set_t   *set;
    ngx_chat_nonce_place_t  place;

    ngx_memzero(&p, sizeof(ngx_chat_publish_t));

    place.now = (uint32_t) (from->now / 1000);
    place.ttl = ttl ? ttl : NGX_CHAT_NONCE_TTL;

    set = ngx_chat_nonce_sets(from);

    for (n = (ngx_uint_t) from->nonce_n * NGX_CHAT_NONCE_SETS; n; n--, set++) {

        for (i = 0; i < NGX_CHAT_NONCE_WAYS; i++) {

            e = &set->entry[i];

            if (set->tag[i] == 0 || !ngx_chat_nonce_valid(from, e)) {
                continue;
            }

            copy = ngx_chat_slot(from, e->room)->copy;

            if (copy == 0) {
                continue;
            }

            slot = ngx_chat_slot(sh, copy);

            if (slot->life != e->life || slot->head < e->offset) {
                continue;
            }

            p.user = e->user;
            p.nonce[0] = e->nonce[0];
            p.nonce[1] = e->nonce[1];
            p.body = e->body;

            ngx_chat_nonce_place(sh, slot, p.user, p.nonce, &place);

            place.now = set->time[i];

            ngx_chat_nonce_put_locked(sh, slot, &p, &place, e->offset, e->ts);
        }
    }
}


static void
ngx_chat_nonce_place(ngx_chat_sh_t *sh, ngx_chat_slot_t *slot, uint64_t user,
    uint64_t *nonce, ngx_chat_nonce_place_t *place)
{
    uint64_t    h, key[2];
    ngx_uint_t  i;

    key[0] = slot->life;
    key[1] = user;
    h = ngx_chat_hash(sh->hash_key[0], (u_char *) key, sizeof(key));

    i = (h >> 16) % sh->nonce_n * NGX_CHAT_NONCE_SETS;
    place->pair = (uint16_t) h;

    h = ngx_chat_hash(sh->hash_key[1], (u_char *) nonce, 2 * sizeof(uint64_t));

    place->set = ngx_chat_nonce_sets(sh) + i + h % NGX_CHAT_NONCE_SETS;
    place->tag = (uint16_t) (h >> 32);

    if (place->tag == 0) {
        place->tag = 1;
    }
}


/*
 * The entry to give up: a free or expired one, else the oldest of the pair
 * that has most in this set, counted with the one to come.  So who floods
 * takes from himself, and who is silent keeps what he has.
 */

static ngx_uint_t
ngx_chat_nonce_way(ngx_chat_nonce_place_t *place)
{
    uint8_t                most, count[NGX_CHAT_NONCE_COUNT];
    int32_t                age, oldest;
    uint16_t               pair[NGX_CHAT_NONCE_COUNT];
    ngx_uint_t             i, n, way;
    ngx_chat_nonce_set_t  *set;

    set = place->set;

    ngx_memzero(count, sizeof(count));
    ngx_memzero(pair, sizeof(pair));

    most = ++count[ngx_chat_nonce_count(pair, count, place->pair)];

    for (i = 0; i < NGX_CHAT_NONCE_WAYS; i++) {

        if (set->tag[i] == 0 || ngx_chat_nonce_expired(place, i)) {
            return i;
        }

        n = ngx_chat_nonce_count(pair, count, set->pair[i]);

        if (++count[n] > most) {
            most = count[n];
        }
    }

    way = NGX_CHAT_NONCE_WAYS;
    oldest = 0;

    for (i = 0; i < NGX_CHAT_NONCE_WAYS; i++) {

        if (count[ngx_chat_nonce_count(pair, count, set->pair[i])] != most) {
            continue;
        }

        age = (int32_t) (place->now - set->time[i]);

        /* of one second and one log the one written first */

        if (way == NGX_CHAT_NONCE_WAYS || age > oldest
            || (age == oldest
                && set->entry[i].life == set->entry[way].life
                && set->entry[i].offset < set->entry[way].offset))
        {
            way = i;
            oldest = age;
        }
    }

    return way;
}


/* a small hash table: where the pair is counted; it never fills */

static ngx_uint_t
ngx_chat_nonce_count(uint16_t *pair, uint8_t *count, uint16_t p)
{
    ngx_uint_t  n;

    n = p % NGX_CHAT_NONCE_COUNT;

    while (count[n] != 0 && pair[n] != p) {
        n = (n + 1) % NGX_CHAT_NONCE_COUNT;
    }

    pair[n] = p;

    return n;
}


/* an entry from the future (the clock was set back) hasn't expired */

static ngx_uint_t
ngx_chat_nonce_expired(ngx_chat_nonce_place_t *place, ngx_uint_t i)
{
    int32_t  age;

    age = (int32_t) (place->now - place->set->time[i]);

    return age > 0 && (uint32_t) age > place->ttl;
}


static ngx_uint_t
ngx_chat_nonce_valid(ngx_chat_sh_t *sh, ngx_chat_nonce_t *e)
{
    ngx_chat_slot_t  *slot;

    if (e->room == 0 || e->room > sh->room_n) {
        return 0;
    }

    slot = ngx_chat_slot(sh, e->room);

    return slot->life == e->life && e->offset <= slot->head;
}
