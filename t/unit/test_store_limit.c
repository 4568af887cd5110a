
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * How many connections there are of one key.
 */

#include "unit.h"

#include "store_sources.h"
#include "store_env.h"


static uint64_t
key(const char *name, const char *value)
{
    ngx_str_t  n, v;

    n.data = (u_char *) name;
    n.len = strlen(name);
    v.data = (u_char *) value;
    v.len = strlen(value);

    return ngx_chat_limit_key(&env.z, &n, &v);
}


static ngx_int_t
acquire(ngx_uint_t seat, uint64_t k, ngx_uint_t max)
{
    return ngx_chat_limit_acquire(&env.z, seat, k, max);
}


static uint64_t
total(uint64_t k)
{
    uint64_t  n;

    ngx_chat_shm_lock(&env.z);
    n = ngx_chat_limit_total_locked(env.z.sh, k);
    ngx_chat_shm_unlock(&env.z);

    return n;
}


static void
test_keys(void)
{
    fresh(1024 * 1024);

    ok(key("ip", "a") == key("ip", "a"), "the same");
    ok(key("ip", "a") != key("ip", "b"), "another value");
    ok(key("ip", "a") != key("user", "a"), "under another name");
    ok(key("ip", "a") != key("i", "pa"), "cut elsewhere");
    ok(key("ip", "") != key("ip", "a"), "nothing is something else");
}


static void
test_count(void)
{
    uint64_t    k, other;
    ngx_uint_t  i;

    fresh(1024 * 1024);

    k = key("ip", "192.0.2.1");
    other = key("ip", "192.0.2.2");

    is_int(acquire(0, k, 0), NGX_BUSY, "none are allowed");
    is_int(total(k), 0, "none are there");

    for (i = 0; i < 5; i++) {
        is_int(acquire(i % 2, k, 5), NGX_OK, "%lu of 5", i + 1);
    }

    is_int(acquire(0, k, 5), NGX_BUSY, "one too many");
    is_int(acquire(1, k, 5), NGX_BUSY, "on another seat, too");
    is_int(total(k), 5, "five");
    is_int(acquire(0, k, 6), NGX_OK, "another limit, the same count");
    is_int(acquire(0, other, 1), NGX_OK, "another key");
    is_int(acquire(0, other, 1), NGX_BUSY, "and no more of it");

    ngx_chat_limit_release(&env.z, 1, k);
    is_int(total(k), 5, "one less");
    is_int(acquire(1, k, 5), NGX_BUSY, "still five");
    ngx_chat_limit_release(&env.z, 0, k);
    is_int(acquire(1, k, 5), NGX_OK, "a place is free");

    for (i = 0; i < 10; i++) {
        ngx_chat_limit_release(&env.z, 0, k);
        ngx_chat_limit_release(&env.z, 1, k);
    }

    is_int(total(k), 0, "never below nothing");
    is_int(total(other), 1, "of that key alone");
    ngx_chat_limit_release(&env.z, 0, key("ip", "never seen"));

    is_int(acquire(NGX_CHAT_SEATS, k, 5), NGX_DECLINED, "no such seat");
    ngx_chat_limit_release(&env.z, NGX_CHAT_SEATS, k);
    ngx_chat_limit_forget(&env.z, NGX_CHAT_SEATS);
    sound("counted");
}


static void
test_seats(void)
{
    uint64_t  k;

    fresh(1024 * 1024);

    k = key("user", "ann");

    is_int(acquire(0, k, 9), NGX_OK, "one here");
    ngx_chat_zone_attach(&env.z, 7, 12345678, 99);
    is_int(acquire(7, k, 9), NGX_OK, "two there");
    is_int(acquire(7, k, 9), NGX_OK, "two there");
    is_int(total(k), 3, "three");

    /* a dead worker's go when its seat is swept */

    ngx_chat_zone_detach(&env.z, 7);
    is_int(total(k), 1, "detached");
    ngx_chat_limit_release(&env.z, 7, k);
    is_int(total(k), 1, "it has nothing to give back");

    ngx_chat_zone_attach(&env.z, 7, 12345678, 99);
    is_int(acquire(7, k, 9), NGX_OK, "again");
    ngx_chat_zone_attach(&env.z, 7, ngx_pid, 0);
    is_int(total(k), 1, "or when another takes it");

    /* a draining one's count no more, and may be given back later */

    is_int(acquire(7, k, 2), NGX_OK, "two");
    ngx_chat_limit_forget(&env.z, 7);
    is_int(acquire(0, k, 2), NGX_OK, "forgotten");
    ngx_chat_limit_release(&env.z, 7, k);
    is_int(total(k), 2, "and nobody else's is given back for it");
}


/* every seat has a key of its own place, so the key of all has one in each */

static void
test_many(void)
{
    char        name[32];
    uint64_t    k;
    ngx_int_t   rc;
    ngx_uint_t  i, n;

    fresh(1024 * 1024);

    k = key("all", "");

    for (i = 0; i < NGX_CHAT_SEATS; i++) {
        ngx_chat_zone_attach(&env.z, i, ngx_pid, 0);
    }

    for (n = 0, i = 0; i < 4 * NGX_CHAT_SEATS; i++) {
        n += (acquire(i % NGX_CHAT_SEATS, k, 4 * NGX_CHAT_SEATS) == NGX_OK);
    }

    is_int(n, 4 * NGX_CHAT_SEATS, "a key of all seats");
    is_int(acquire(0, k, 4 * NGX_CHAT_SEATS), NGX_BUSY, "and no more");

    /* the table fills, says so, and heals */

    fresh(1024 * 1024);
    n = (ngx_uint_t) env.z.sh->limit_n * NGX_CHAT_LIMIT_WAYS;

    for (i = 0; i < n / 2; i++) {
        snprintf(name, sizeof(name), "%lu", (unsigned long) i);

        if (acquire(0, key("ip", name), 1) != NGX_OK) {
            break;
        }
    }

    ok(i > n / 4, "%lu keys of %lu places", (unsigned long) i,
       (unsigned long) n);

    for (rc = NGX_OK, i = 0; i < 2 * n; i++) {
        snprintf(name, sizeof(name), "%lu", (unsigned long) i);
        rc = acquire(1, key("ip", name), 2);
    }

    is_int(rc, NGX_DECLINED, "full");
    sound("full");
    is_int(acquire(1, key("ip", "1"), 9), NGX_OK,
           "what is there can still be counted");

    ngx_chat_limit_forget(&env.z, 1);
    is_int(acquire(0, key("ip", name), 2), NGX_OK, "there is place again");
}


int
main(void)
{
    env_log = stub_init();
    ngx_slab_sizes_init();

    test_keys();
    test_count();
    test_seats();
    test_many();

    return done();
}
