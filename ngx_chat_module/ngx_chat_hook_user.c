
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Who has sessions, by whichever workers.  Who had some a moment ago waits to
 * be gone, as clients come back; who has gone is kept as long as nobody needs
 * his place, since his id is not to be had from the name of a direct room.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_hook.h"
#include "ngx_chat_shm.h"
#include "ngx_chat_test.h"


/* under the lock at a time */
#define NGX_CHAT_HOOK_SCAN   2048
#define NGX_CHAT_HOOK_GO     256


static ngx_chat_hook_user_t *ngx_chat_hook_find_locked(ngx_chat_sh_t *sh,
    u_char key[NGX_CHAT_HOOK_KEY]);
static ngx_chat_hook_user_t *ngx_chat_hook_place_locked(ngx_chat_sh_t *sh);
static void ngx_chat_hook_free_locked(ngx_chat_sh_t *sh,
    ngx_chat_hook_user_t *u);
static void ngx_chat_hook_come_locked(ngx_chat_sh_t *sh,
    ngx_chat_hook_user_t *u, ngx_uint_t seat);
static void ngx_chat_hook_wait_locked(ngx_chat_sh_t *sh,
    ngx_chat_hook_user_t *u);
static void ngx_chat_hook_go_locked(ngx_chat_sh_t *sh,
    ngx_chat_hook_user_t *u);
static void ngx_chat_hook_tell_locked(ngx_chat_sh_t *sh, ngx_uint_t kind,
    ngx_chat_hook_user_t *u);
static uint32_t *ngx_chat_hook_bucket(ngx_chat_sh_t *sh,
    u_char key[NGX_CHAT_HOOK_KEY]);
static void ngx_chat_hook_append(ngx_chat_sh_t *sh, ngx_chat_hook_list_t *l,
    ngx_chat_hook_user_t *u);
static void ngx_chat_hook_remove(ngx_chat_sh_t *sh, ngx_chat_hook_list_t *l,
    ngx_chat_hook_user_t *u);
static ngx_uint_t ngx_chat_hook_seated(ngx_chat_hook_user_t *u);


uint32_t
ngx_chat_hook_enter(ngx_chat_zone_t *z, ngx_uint_t seat,
    u_char key[NGX_CHAT_HOOK_KEY], ngx_str_t *user, ngx_uint_t guest,
    uint64_t now, ngx_uint_t *full)
{
    uint32_t               ref, *bucket;
    ngx_chat_sh_t         *sh;
    ngx_chat_hook_user_t  *u;

    sh = z->sh;
    *full = 0;

    if (sh->hook.user_n == 0 || seat >= NGX_CHAT_SEATS || user->len == 0
        || user->len > NGX_CHAT_USER_MAX)
    {
        return 0;
    }

    ngx_chat_shm_lock(z);

    sh->hook.now = ngx_max(sh->hook.now, now);
    u = ngx_chat_hook_find_locked(sh, key);

    if (u == NULL) {
        u = ngx_chat_hook_place_locked(sh);

        if (u == NULL) {
            *full = !sh->hook.full;
            sh->hook.full = 1;
            ngx_chat_shm_unlock(z);
            return 0;
        }

        ngx_memcpy(u->key, key, NGX_CHAT_HOOK_KEY);
        ngx_memcpy(u->user, user->data, user->len);
        u->guest = (uint8_t) guest;
        u->gone = 1;
        u->until = 0;
        ngx_chat_barrier();
        u->len = (uint8_t) user->len;

        ngx_chat_test_point("hook:user");

        ngx_chat_hook_append(sh, &sh->hook.gone, u);

        bucket = ngx_chat_hook_bucket(sh, key);
        u->chain = *bucket;
        *bucket = ngx_chat_hook_user_ref(sh, u);
    }

    ngx_chat_hook_come_locked(sh, u, seat);
    ref = ngx_chat_hook_user_ref(sh, u);

    ngx_chat_shm_unlock(z);

    return ref;
}


static void
ngx_chat_hook_come_locked(ngx_chat_sh_t *sh, ngx_chat_hook_user_t *u,
    ngx_uint_t seat)
{
    if (u->gone) {
        ngx_chat_hook_remove(sh, &sh->hook.gone, u);

        /* in this order: it is told twice rather than not at all */

        ngx_chat_hook_tell_locked(sh, NGX_CHAT_HOOK_CONNECT, u);
        ngx_chat_barrier();
        ngx_chat_mask_set(&u->seats, seat);
        u->gone = 0;
        return;
    }

    ngx_chat_mask_set(&u->seats, seat);

    if (u->until != 0) {
        u->until = 0;
        ngx_chat_hook_remove(sh, &sh->hook.waiting, u);
    }
}


void
ngx_chat_hook_leave(ngx_chat_zone_t *z, ngx_uint_t seat, uint32_t ref,
    uint64_t now)
{
    ngx_chat_sh_t         *sh;
    ngx_chat_hook_user_t  *u;

    sh = z->sh;

    if (seat >= NGX_CHAT_SEATS) {
        return;
    }

    ngx_chat_shm_lock(z);

    if (ref > 0 && ref <= sh->hook.fresh) {
        u = ngx_chat_hook_user(sh, ref);
        sh->hook.now = ngx_max(sh->hook.now, now);

        if (u->len > 0 && ngx_chat_mask_has(&u->seats, seat)) {
            ngx_chat_mask_clear(&u->seats, seat);

            if (!ngx_chat_hook_seated(u)) {
                ngx_chat_hook_wait_locked(sh, u);
            }
        }
    }

    ngx_chat_shm_unlock(z);
}


static void
ngx_chat_hook_wait_locked(ngx_chat_sh_t *sh, ngx_chat_hook_user_t *u)
{
    u->until = sh->hook.now + sh->hook.grace + 1;
    ngx_chat_hook_append(sh, &sh->hook.waiting, u);
}


/* he is told of first: after a death perhaps again */

static void
ngx_chat_hook_go_locked(ngx_chat_sh_t *sh, ngx_chat_hook_user_t *u)
{
    ngx_chat_hook_tell_locked(sh, NGX_CHAT_HOOK_DISCONNECT, u);
    ngx_chat_barrier();

    ngx_chat_hook_remove(sh, &sh->hook.waiting, u);
    u->gone = 1;
    u->until = 0;
    ngx_chat_hook_append(sh, &sh->hook.gone, u);
}


static void
ngx_chat_hook_tell_locked(ngx_chat_sh_t *sh, ngx_uint_t kind,
    ngx_chat_hook_user_t *u)
{
    ngx_str_t  user, none;

    user.data = u->user;
    user.len = u->len;
    ngx_str_null(&none);

    ngx_chat_hook_event_locked(sh, kind, &none, &user, &none, u->guest, 0);
}


void
ngx_chat_hook_clear(ngx_chat_zone_t *z, ngx_uint_t seat, uint64_t now)
{
    uint32_t               i, last;
    ngx_uint_t             more;
    ngx_chat_sh_t         *sh;
    ngx_chat_hook_user_t  *u;

    sh = z->sh;

    if (sh->hook.user_n == 0 || seat >= NGX_CHAT_SEATS) {
        return;
    }

    for (i = 0; /* void */ ; i = last) {

        ngx_chat_shm_lock(z);

        sh->hook.now = ngx_max(sh->hook.now, now);
        last = ngx_min(i + NGX_CHAT_HOOK_SCAN, sh->hook.fresh);

        for ( /* void */ ; i < last; i++) {

            u = &ngx_chat_hook_users(sh)[i];

            if (u->len == 0 || !ngx_chat_mask_has(&u->seats, seat)) {
                continue;
            }

            ngx_chat_mask_clear(&u->seats, seat);

            if (!ngx_chat_hook_seated(u)) {
                ngx_chat_hook_wait_locked(sh, u);
            }
        }

        more = (last < sh->hook.fresh);

        ngx_chat_shm_unlock(z);

        if (!more) {
            return;
        }
    }
}


void
ngx_chat_hook_run(ngx_chat_zone_t *z, uint64_t now)
{
    ngx_uint_t             i, more;
    ngx_chat_sh_t         *sh;
    ngx_chat_hook_user_t  *u;

    sh = z->sh;

    if (ngx_chat_load_relaxed(&sh->hook.waiting.first) == 0) {
        return;
    }

    do {
        more = 0;

        ngx_chat_shm_lock(z);

        sh->hook.now = ngx_max(sh->hook.now, now);

        for (i = 0; sh->hook.waiting.first != 0; i++) {

            u = ngx_chat_hook_user(sh, sh->hook.waiting.first);

            if (u->until > sh->hook.now) {
                break;
            }

            if (i == NGX_CHAT_HOOK_GO) {
                more = 1;
                break;
            }

            ngx_chat_hook_go_locked(sh, u);
        }

        ngx_chat_shm_unlock(z);

    } while (more);
}


ngx_uint_t
ngx_chat_hook_online_locked(ngx_chat_sh_t *sh, u_char key[NGX_CHAT_HOOK_KEY],
    ngx_chat_hook_user_t **u)
{
    *u = (sh->hook.user_n > 0) ? ngx_chat_hook_find_locked(sh, key) : NULL;

    return *u != NULL && ngx_chat_hook_seated(*u);
}


static ngx_chat_hook_user_t *
ngx_chat_hook_find_locked(ngx_chat_sh_t *sh, u_char key[NGX_CHAT_HOOK_KEY])
{
    uint32_t               ref;
    ngx_chat_hook_user_t  *u;

    for (ref = *ngx_chat_hook_bucket(sh, key); ref; ref = u->chain) {

        u = ngx_chat_hook_user(sh, ref);

        if (ngx_memcmp(u->key, key, NGX_CHAT_HOOK_KEY) == 0) {
            return u;
        }
    }

    return NULL;
}


/* a free one, or that of who has gone the longest ago, or of who waits to */

static ngx_chat_hook_user_t *
ngx_chat_hook_place_locked(ngx_chat_sh_t *sh)
{
    ngx_chat_hook_sh_t    *hs;
    ngx_chat_hook_user_t  *u;

    hs = &sh->hook;

    if (hs->free) {
        u = ngx_chat_hook_user(sh, hs->free);
        hs->free = u->chain;

    } else if (hs->fresh < hs->user_n) {
        u = &ngx_chat_hook_users(sh)[hs->fresh++];

    } else {

        if (hs->gone.first == 0) {

            if (hs->waiting.first == 0) {
                return NULL;
            }

            ngx_chat_hook_go_locked(sh,
                               ngx_chat_hook_user(sh, hs->waiting.first));
        }

        u = ngx_chat_hook_user(sh, hs->gone.first);
        ngx_chat_hook_free_locked(sh, u);
    }

    ngx_memzero(&u->seats, sizeof(ngx_chat_mask_t));

    return u;
}


/* of who has gone */

static void
ngx_chat_hook_free_locked(ngx_chat_sh_t *sh, ngx_chat_hook_user_t *u)
{
    uint32_t  *link, ref;

    u->len = 0;
    ngx_chat_barrier();

    ngx_chat_hook_remove(sh, &sh->hook.gone, u);

    ref = ngx_chat_hook_user_ref(sh, u);

    for (link = ngx_chat_hook_bucket(sh, u->key);
         *link && *link != ref;
         link = &ngx_chat_hook_user(sh, *link)->chain)
    {
        /* void */
    }

    if (*link) {
        *link = u->chain;
    }
}


static uint32_t *
ngx_chat_hook_bucket(ngx_chat_sh_t *sh, u_char key[NGX_CHAT_HOOK_KEY])
{
    uint32_t  n;

    /* it is a digest */

    ngx_memcpy(&n, key, sizeof(uint32_t));

    return &ngx_chat_hook_buckets(sh)[n & (sh->hook.bucket_n - 1)];
}


static void
ngx_chat_hook_append(ngx_chat_sh_t *sh, ngx_chat_hook_list_t *l,
    ngx_chat_hook_user_t *u)
{
    uint32_t  ref;

    ref = ngx_chat_hook_user_ref(sh, u);

    u->prev = l->last;
    u->next = 0;

    if (l->last) {
        ngx_chat_hook_user(sh, l->last)->next = ref;

    } else {
        ngx_chat_store_relaxed(&l->first, ref);
    }

    l->last = ref;
}


static void
ngx_chat_hook_remove(ngx_chat_sh_t *sh, ngx_chat_hook_list_t *l,
    ngx_chat_hook_user_t *u)
{
    if (u->prev) {
        ngx_chat_hook_user(sh, u->prev)->next = u->next;

    } else {
        ngx_chat_store_relaxed(&l->first, u->next);
    }

    if (u->next) {
        ngx_chat_hook_user(sh, u->next)->prev = u->prev;

    } else {
        l->last = u->prev;
    }
}


static ngx_uint_t
ngx_chat_hook_seated(ngx_chat_hook_user_t *u)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_CHAT_SEATS / 64; i++) {
        if (u->seats.w[i]) {
            return 1;
        }
    }

    return 0;
}


/* lists and chains anew, the order of lists being that of the entries */

void
ngx_chat_hook_user_repair_locked(ngx_chat_sh_t *sh)
{
    uint32_t               i, *bucket;
    ngx_chat_hook_sh_t    *hs;
    ngx_chat_hook_user_t  *u;

    hs = &sh->hook;

    if (hs->user_n == 0) {
        return;
    }

    hs->fresh = ngx_min(hs->fresh, hs->user_n);
    hs->free = 0;
    ngx_memzero(&hs->waiting, sizeof(ngx_chat_hook_list_t));
    ngx_memzero(&hs->gone, sizeof(ngx_chat_hook_list_t));
    ngx_memzero(ngx_chat_hook_buckets(sh), hs->bucket_n * sizeof(uint32_t));

    for (i = 1; i <= hs->fresh; i++) {

        u = ngx_chat_hook_user(sh, i);

        if (u->len == 0 || u->len > NGX_CHAT_USER_MAX) {
            u->len = 0;
            u->chain = hs->free;
            hs->free = i;
            continue;
        }

        bucket = ngx_chat_hook_bucket(sh, u->key);
        u->chain = *bucket;
        *bucket = i;

        if (ngx_chat_hook_seated(u)) {
            u->gone = 0;
            u->until = 0;

        } else if (u->gone) {
            u->until = 0;
            ngx_chat_hook_append(sh, &hs->gone, u);

        } else {
            ngx_chat_hook_wait_locked(sh, u);
        }
    }
}


/* they have to come again, in time */

void
ngx_chat_hook_user_copy_locked(ngx_chat_sh_t *sh, ngx_chat_sh_t *from)
{
    uint32_t               i, *bucket;
    struct timespec        ts;
    ngx_chat_hook_user_t  *u, *o;

    if (sh->hook.user_n == 0 || from->hook.user_n == 0) {
        return;
    }

    /* the last that was given may be long ago */

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    sh->hook.now = (uint64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;

    for (i = 0; i < from->hook.fresh; i++) {

        o = &ngx_chat_hook_users(from)[i];

        if (o->len == 0 || o->gone) {
            continue;
        }

        if (sh->hook.fresh == sh->hook.user_n) {
            return;
        }

        u = &ngx_chat_hook_users(sh)[sh->hook.fresh++];

        *u = *o;
        ngx_memzero(&u->seats, sizeof(ngx_chat_mask_t));

        bucket = ngx_chat_hook_bucket(sh, u->key);
        u->chain = *bucket;
        *bucket = ngx_chat_hook_user_ref(sh, u);

        ngx_chat_hook_wait_locked(sh, u);
        u->until += NGX_CHAT_HOOK_MOVE;
    }
}
