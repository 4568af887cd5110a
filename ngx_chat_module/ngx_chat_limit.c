
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Key and seat together choose the set, so that a key of many workers needs no
 * more places in one set than a key of one.  The sum over the seats costs a
 * look into a set for each live worker, once per connection.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_limit.h"


static ngx_chat_limit_t *ngx_chat_limit_set(ngx_chat_sh_t *sh, uint64_t key,
    ngx_uint_t seat);
static ngx_chat_limit_t *ngx_chat_limit_find_locked(ngx_chat_sh_t *sh,
    uint64_t key, ngx_uint_t seat);
static ngx_chat_limit_t *ngx_chat_limit_take_locked(ngx_chat_sh_t *sh,
    uint64_t key, ngx_uint_t seat);
static uint64_t ngx_chat_limit_total_locked(ngx_chat_sh_t *sh, uint64_t key);


uint64_t
ngx_chat_limit_key(ngx_chat_zone_t *z, ngx_str_t *name, ngx_str_t *value)
{
    uint64_t  h;

    h = ngx_chat_hash(z->sh->hash_key[1], name->data, name->len);

    return ngx_chat_hash(h, value->data, value->len);
}


ngx_int_t
ngx_chat_limit_acquire(ngx_chat_zone_t *z, ngx_uint_t seat, uint64_t key,
    ngx_uint_t max)
{
    ngx_int_t          rc;
    ngx_chat_sh_t     *sh;
    ngx_chat_limit_t  *e;

    if (seat >= NGX_CHAT_SEATS) {
        return NGX_DECLINED;
    }

    sh = z->sh;
    rc = NGX_OK;

    ngx_chat_shm_lock(z);

    if (ngx_chat_limit_total_locked(sh, key) >= max) {
        rc = NGX_BUSY;

    } else {
        e = ngx_chat_limit_take_locked(sh, key, seat);

        if (e == NULL) {
            rc = NGX_DECLINED;

        } else {
            /* one store: it makes a new entry exist, too */
            ngx_chat_store_relaxed(&e->count, e->count + 1);
        }
    }

    ngx_chat_shm_unlock(z);

    return rc;
}


void
ngx_chat_limit_release(ngx_chat_zone_t *z, ngx_uint_t seat, uint64_t key)
{
    ngx_chat_limit_t  *e;

    if (seat >= NGX_CHAT_SEATS) {
        return;
    }

    ngx_chat_shm_lock(z);

    e = ngx_chat_limit_find_locked(z->sh, key, seat);

    if (e != NULL) {
        ngx_chat_store_relaxed(&e->count, e->count - 1);
    }

    ngx_chat_shm_unlock(z);
}


void
ngx_chat_limit_forget(ngx_chat_zone_t *z, ngx_uint_t seat)
{
    if (seat >= NGX_CHAT_SEATS) {
        return;
    }

    ngx_chat_shm_lock(z);
    ngx_chat_limit_clear_locked(z->sh, seat);
    ngx_chat_shm_unlock(z);
}


void
ngx_chat_limit_clear_locked(ngx_chat_sh_t *sh, ngx_uint_t seat)
{
    ngx_uint_t         n;
    ngx_chat_limit_t  *e;

    e = ngx_chat_limits(sh);

    for (n = (ngx_uint_t) sh->limit_n * NGX_CHAT_LIMIT_WAYS; n; n--, e++) {
        if (e->seat == seat) {
            ngx_chat_store_relaxed(&e->count, 0);
        }
    }
}


static ngx_chat_limit_t *
ngx_chat_limit_set(ngx_chat_sh_t *sh, uint64_t key, ngx_uint_t seat)
{
    uint64_t  both[2];

    both[0] = key;
    both[1] = seat;

    key = ngx_chat_hash(sh->hash_key[0], (u_char *) both, sizeof(both));

    return ngx_chat_limits(sh) + key % sh->limit_n * NGX_CHAT_LIMIT_WAYS;
}


static ngx_chat_limit_t *
ngx_chat_limit_find_locked(ngx_chat_sh_t *sh, uint64_t key, ngx_uint_t seat)
{
    ngx_uint_t         i;
    ngx_chat_limit_t  *e;

    e = ngx_chat_limit_set(sh, key, seat);

    for (i = 0; i < NGX_CHAT_LIMIT_WAYS; i++, e++) {
        if (e->count != 0 && e->key == key && e->seat == seat) {
            return e;
        }
    }

    return NULL;
}


/* the seat's entry, or a free one that is made it; NULL: the set is full */

static ngx_chat_limit_t *
ngx_chat_limit_take_locked(ngx_chat_sh_t *sh, uint64_t key, ngx_uint_t seat)
{
    ngx_uint_t         i;
    ngx_chat_limit_t  *e;

    e = ngx_chat_limit_find_locked(sh, key, seat);

    if (e != NULL) {
        return e;
    }

    e = ngx_chat_limit_set(sh, key, seat);

    for (i = 0; i < NGX_CHAT_LIMIT_WAYS; i++, e++) {

        if (e->count == 0) {
            e->key = key;
            e->seat = (uint16_t) seat;
            ngx_chat_barrier();

            return e;
        }
    }

    return NULL;
}


static uint64_t
ngx_chat_limit_total_locked(ngx_chat_sh_t *sh, uint64_t key)
{
    uint64_t           total;
    ngx_uint_t         i;
    ngx_chat_seat_t   *seat;
    ngx_chat_limit_t  *e;

    seat = ngx_chat_seats(sh);
    total = 0;

    for (i = 0; i < NGX_CHAT_SEATS; i++) {

        if (ngx_chat_load_relaxed(&seat[i].pid) == 0) {
            continue;
        }

        e = ngx_chat_limit_find_locked(sh, key, i);

        if (e != NULL) {
            total += e->count;
        }
    }

    return total;
}
