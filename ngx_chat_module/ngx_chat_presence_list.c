
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * The entries of presence and the lists they are in.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_shm.h"
#include "ngx_chat_test.h"


static void ngx_chat_presence_unchain_locked(ngx_chat_sh_t *sh,
    ngx_chat_presence_entry_t *e);
static void ngx_chat_presence_remove_locked(ngx_chat_sh_t *sh,
    ngx_chat_presence_room_t *p, ngx_chat_presence_entry_t *e);


/* those of a former life were of a room that nobody followed any more */

ngx_chat_presence_room_t *
ngx_chat_presence_room_locked(ngx_chat_sh_t *sh, uint32_t room, uint64_t life)
{
    ngx_chat_presence_room_t  *p;

    p = &ngx_chat_presence_rooms(sh)[room - 1];

    if (p->life == life) {
        return p;
    }

    while (p->first) {
        ngx_chat_presence_free_locked(sh, p,
                                      ngx_chat_presence_entry(sh, p->first));
    }

    p->n = 0;
    p->seq = 0;
    p->lost = 0;
    p->counting = 0;
    ngx_chat_store_relaxed(&p->v, 0);

    ngx_chat_store(&p->life, life);

    return p;
}


uint32_t
ngx_chat_presence_hash(ngx_chat_sh_t *sh, uint64_t life, ngx_str_t *id)
{
    return (uint32_t) ngx_chat_hash(sh->hash_key[1] ^ life, id->data, id->len);
}


ngx_chat_presence_entry_t *
ngx_chat_presence_find_locked(ngx_chat_sh_t *sh, uint32_t room, uint64_t life,
    uint32_t hash, ngx_str_t *id)
{
    uint32_t                    ref;
    ngx_chat_presence_entry_t  *e;

    ref = ngx_chat_presence_buckets(sh)[hash & (sh->presence.bucket_n - 1)];

    while (ref) {
        e = ngx_chat_presence_entry(sh, ref);

        if (e->hash == hash && e->room == room && e->life == life
            && e->id_len == id->len
            && ngx_memcmp(e->id, id->data, id->len) == 0)
        {
            return e;
        }

        ref = e->chain;
    }

    return NULL;
}


ngx_chat_presence_entry_t *
ngx_chat_presence_take_locked(ngx_chat_sh_t *sh)
{
    ngx_chat_presence_sh_t     *ps;
    ngx_chat_presence_entry_t  *e;

    ps = &sh->presence;

    if (ps->free) {
        e = ngx_chat_presence_entry(sh, ps->free);
        ps->free = e->chain;

    } else if (ps->fresh < ps->n) {
        e = ngx_chat_presence_entry(sh, ++ps->fresh);

    } else {
        return NULL;
    }

    ps->used++;

    ngx_memzero(e, sizeof(ngx_chat_presence_entry_t));

    return e;
}


/* it doesn't exist from the first store on */

void
ngx_chat_presence_free_locked(ngx_chat_sh_t *sh, ngx_chat_presence_room_t *p,
    ngx_chat_presence_entry_t *e)
{
    ngx_chat_presence_sh_t  *ps;

    ps = &sh->presence;

    e->room = 0;
    ngx_chat_barrier();

    ngx_chat_test_point("presence:freed");

    ngx_chat_presence_wheel_locked(sh, e, 0);
    ngx_chat_presence_remove_locked(sh, p, e);
    ngx_chat_presence_unchain_locked(sh, e);

    e->chain = ps->free;
    ps->free = ngx_chat_presence_ref(sh, e);
    ps->used--;

    if (ps->full && ps->used < ps->n - ps->n / 8) {
        ps->full = 0;
    }
}


void
ngx_chat_presence_chain_locked(ngx_chat_sh_t *sh, ngx_chat_presence_entry_t *e)
{
    uint32_t  *bucket;

    bucket = &ngx_chat_presence_buckets(sh)[e->hash
                                            & (sh->presence.bucket_n - 1)];
    e->chain = *bucket;
    ngx_chat_barrier();

    *bucket = ngx_chat_presence_ref(sh, e);
}


static void
ngx_chat_presence_unchain_locked(ngx_chat_sh_t *sh,
    ngx_chat_presence_entry_t *e)
{
    uint32_t  *ref, own;

    own = ngx_chat_presence_ref(sh, e);
    ref = &ngx_chat_presence_buckets(sh)[e->hash
                                         & (sh->presence.bucket_n - 1)];

    while (*ref && *ref != own) {
        ref = &ngx_chat_presence_entry(sh, *ref)->chain;
    }

    if (*ref) {
        *ref = e->chain;
    }
}


void
ngx_chat_presence_append_locked(ngx_chat_sh_t *sh,
    ngx_chat_presence_room_t *p, ngx_chat_presence_entry_t *e)
{
    uint32_t  ref;

    ref = ngx_chat_presence_ref(sh, e);

    e->prev = p->last;
    e->next = 0;

    if (p->last) {
        ngx_chat_presence_entry(sh, p->last)->next = ref;

    } else {
        p->first = ref;
    }

    p->last = ref;
}


static void
ngx_chat_presence_remove_locked(ngx_chat_sh_t *sh,
    ngx_chat_presence_room_t *p, ngx_chat_presence_entry_t *e)
{
    if (e->prev) {
        ngx_chat_presence_entry(sh, e->prev)->next = e->next;

    } else {
        p->first = e->next;
    }

    if (e->next) {
        ngx_chat_presence_entry(sh, e->next)->prev = e->prev;

    } else {
        p->last = e->prev;
    }
}


void
ngx_chat_presence_touch_locked(ngx_chat_sh_t *sh, ngx_chat_presence_room_t *p,
    ngx_chat_presence_entry_t *e)
{
    ngx_chat_presence_remove_locked(sh, p, e);

    p->seq = ++sh->presence.seq;
    e->seq = p->seq;

    ngx_chat_presence_append_locked(sh, p, e);
}


void
ngx_chat_presence_wheel_locked(ngx_chat_sh_t *sh, ngx_chat_presence_entry_t *e,
    uint64_t until)
{
    uint32_t                *slot, ref;
    ngx_chat_presence_sh_t  *ps;

    ps = &sh->presence;
    ref = ngx_chat_presence_ref(sh, e);

    if (e->until) {
        slot = &ps->wheel[e->until / NGX_CHAT_PRESENCE_STEP
                          % NGX_CHAT_PRESENCE_WHEEL];

        if (e->before) {
            ngx_chat_presence_entry(sh, e->before)->after = e->after;

        } else {
            *slot = e->after;
        }

        if (e->after) {
            ngx_chat_presence_entry(sh, e->after)->before = e->before;
        }

        ps->busy--;
    }

    e->until = until;
    e->before = 0;
    e->after = 0;

    if (until == 0) {
        return;
    }

    slot = &ps->wheel[until / NGX_CHAT_PRESENCE_STEP
                      % NGX_CHAT_PRESENCE_WHEEL];

    e->after = *slot;

    if (*slot) {
        ngx_chat_presence_entry(sh, *slot)->before = ref;
    }

    *slot = ref;

    if (ps->busy++ == 0) {
        /* it may have stood still for long */
        ps->done = ps->now / NGX_CHAT_PRESENCE_STEP - 1;
    }
}


void
ngx_chat_presence_cool_locked(ngx_chat_sh_t *sh, ngx_chat_presence_room_t *p,
    ngx_uint_t i)
{
    uint32_t                 ref;
    ngx_chat_presence_sh_t  *ps;

    ps = &sh->presence;
    ref = (uint32_t) (p - ngx_chat_presence_rooms(sh)) + 1;

    p->cool = 0;
    p->cooling = (uint8_t) (i + 1);

    if (ps->cool_last[i]) {
        ngx_chat_presence_rooms(sh)[ps->cool_last[i] - 1].cool = ref;

    } else {
        ps->cool_first[i] = ref;
    }

    ps->cool_last[i] = ref;

    if (ps->busy++ == 0) {
        ps->done = ps->now / NGX_CHAT_PRESENCE_STEP - 1;
    }
}


void
ngx_chat_presence_uncool_locked(ngx_chat_sh_t *sh, ngx_uint_t i)
{
    ngx_chat_presence_sh_t    *ps;
    ngx_chat_presence_room_t  *p;

    ps = &sh->presence;
    p = &ngx_chat_presence_rooms(sh)[ps->cool_first[i] - 1];

    ps->cool_first[i] = p->cool;

    if (p->cool == 0) {
        ps->cool_last[i] = 0;
    }

    p->cool = 0;
    p->cooling = 0;
    ps->busy--;
}
