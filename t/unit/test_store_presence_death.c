
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Who is in a room: after deaths.
 */

#include "unit.h"

#include "store_sources.h"
#include "store_env.h"
#include "presence_env.h"


/* killed at any place: who is there, is there */

static void
test_deaths(void)
{
    char              id[16];
    uint32_t          ref;
    uint64_t          v;
    ngx_uint_t        i, k, n;
    ngx_chat_sh_t    *sh;
    unsigned          seed;

    begin(1024 * 1024);
    sh = env.z.sh;
    seed = 1;

    for (i = 0; i < 60; i++) {
        sprintf(id, "u%lu", (unsigned long) i);
        ref = enter(id, 1 + i % 2);

        if (i % 3 == 0) {
            leave(ref, 1 + i % 2, i % 2);
        }
    }

    wait_ms(1200);
    n = count();
    v = place.v;

    /* everything that is derived is torn */

    for (k = 0; k < 20; k++) {
        seed = seed * 1103515245 + 12345;
        sh->dirty = 1;
        sh->presence.free = seed % 50;
        sh->presence.used = seed;
        sh->presence.cool_first[k % 2] = seed % 3;
        sh->presence.busy = k;
        memset(sh->presence.wheel, seed & 1,
               sizeof(sh->presence.wheel) / (1 + k));
        memset(ngx_chat_presence_buckets(sh), (int) k, 64);
        ngx_chat_presence_rooms(sh)[here.idx].first = seed % 20;
        ngx_chat_presence_rooms(sh)[here.idx].n = seed;

        is_int(count(), n, "nobody is lost");
        whole("repaired");
    }

    says(diff(v), "", "no diff leads there");
    ok(d.prev > v && d.prev == d.v, "everybody asks");

    /* those that were on their way out go, the others stay */

    wait_ms(10000);
    is_int(count(), 40, "in time");
    ngx_chat_presence_clear(&env.z, 1, now);
    wait_ms(10000);
    is_int(count(), 20, "of the other seat");
    whole("at last");
}


static ngx_int_t
die_at(const char *point, const char *what)
{
    int    status;
    pid_t  pid;

    pid = fork();

    if (pid == 0) {
        ngx_pid = getpid();
        ngx_chat_shm_lock(&env.z);

        if (strcmp(what, "enter") == 0) {
            ngx_chat_presence_room_t   *p;
            ngx_chat_presence_entry_t  *e;

            /* the stores of a create up to the one that counts */

            p = ngx_chat_presence_room_locked(env.z.sh, here.idx + 1,
                                              here.life);
            e = ngx_chat_presence_take_locked(env.z.sh);
            e->life = here.life;
            e->id_len = 3;
            memcpy(e->id, "zoe", 3);
            e->seq = ++env.z.sh->presence.seq;
            ngx_chat_mask_set(&e->seats, 1);

            if (point[0] == '2') {
                e->room = here.idx + 1;
            }

            if (point[0] == '3') {
                e->room = here.idx + 1;
                ngx_chat_presence_append_locked(env.z.sh, p, e);
            }
        }

        _exit(0);
    }

    (void) waitpid(pid, &status, 0);

    return (status == 0) ? NGX_OK : NGX_ERROR;
}


static void
test_create_deaths(void)
{
    begin(1024 * 1024);
    enter("ann", 1);

    is_int(die_at("1", "enter"), NGX_OK, "before it exists");
    is_int(count(), 1, "it doesn't");
    whole("before");
    is_int(die_at("2", "enter"), NGX_OK, "when it exists");
    is_int(count(), 2, "it does");
    whole("when");
    ngx_chat_presence_clear(&env.z, 1, now);
    wait_ms(8000);
    is_int(count(), 0, "and goes with its seat");
    is_int(die_at("3", "enter"), NGX_OK, "when it is listed");
    is_int(count(), 1, "it is there");
    whole("listed");
}


int
main(void)
{
    env_log = stub_init();
    ngx_slab_sizes_init();

    test_deaths();
    test_create_deaths();

    return done();
}
