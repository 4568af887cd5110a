
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Which workers have sessions of a user.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include "ngx_chat_bus_private.h"


void
ngx_chat_bus_users_clear(ngx_chat_bus_sh_t *sh, ngx_uint_t seat)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_CHAT_BUS_USERS / 64; i++) {

        /* a page that is only read stays untouched */

        if (__atomic_load_n(&sh->users[seat][i], __ATOMIC_RELAXED) != 0) {
            __atomic_store_n(&sh->users[seat][i], 0, __ATOMIC_RELAXED);
        }
    }
}


void
ngx_chat_bus_user(uint32_t hash, ngx_uint_t on)
{
    uint32_t                bit;
    uint64_t                word, *p;
    ngx_chat_bus_worker_t  *w;

    w = &ngx_chat_bus_worker;

    if (w->bus == NULL || w->seat == NGX_CHAT_NO_SEAT) {
        return;
    }

    bit = ngx_chat_bus_user_bit(hash);
    p = &w->bus->sh->users[w->seat][bit / 64];

    word = __atomic_load_n(p, __ATOMIC_RELAXED);

    if (on) {
        word |= (uint64_t) 1 << (bit % 64);

    } else {
        word &= ~((uint64_t) 1 << (bit % 64));
    }

    __atomic_store_n(p, word, __ATOMIC_RELEASE);
}


ngx_uint_t
ngx_chat_bus_user_mask(uint32_t hash, ngx_chat_mask_t *mask)
{
    uint32_t                bit;
    ngx_uint_t              i, n;
    ngx_chat_bus_sh_t      *sh;
    ngx_chat_bus_worker_t  *w;

    w = &ngx_chat_bus_worker;
    sh = w->bus->sh;
    bit = ngx_chat_bus_user_bit(hash);
    n = 0;

    ngx_memzero(mask, sizeof(ngx_chat_mask_t));

    for (i = 0; i < NGX_CHAT_SEATS; i++) {

        if (i == w->seat
            || __atomic_load_n(&sh->seats[i].holder, __ATOMIC_ACQUIRE) == 0)
        {
            continue;
        }

        if (__atomic_load_n(&sh->users[i][bit / 64], __ATOMIC_ACQUIRE)
            & (uint64_t) 1 << (bit % 64))
        {
            ngx_chat_mask_set(mask, i);
            n++;
        }
    }

    return n;
}
