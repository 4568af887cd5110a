
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Who is in a room: entries, versions, pages, deadlines, deaths.
 */

#include "unit.h"

#include "store_sources.h"
#include "store_env.h"
#include "presence_env.h"


static void
test_versions(void)
{
    uint32_t         ann, bob;
    uint64_t         v, w, head;
    ngx_chat_mask_t  wake;

    begin(1024 * 1024);

    is_int(count(), 0, "nobody");
    says(diff(0), "nothing", "no version");

    head = ngx_chat_transient_head(&env.z);
    ann = enter("ann", 1);
    ok(ann != 0, "ann is there");
    is_int(place.count, 1, "she alone");
    ok(!ngx_chat_mask_has(&place.wake, 2), "nobody is told");
    ok(ngx_chat_transient_head(&env.z) == head, "nor is there an event");
    v = place.v;
    says(diff(0), "+ann", "a first version");
    ok(d.v == v && d.prev == 0 && d.count == 1, "its numbers");

    ngx_chat_presence_watch(&env.z, here.idx, here.life, 2, 1);

    bob = enter("bob", 1);
    says(diff(v), "nothing", "too early for another");
    is_int(place.count, 2, "but he is counted");
    says(all(), "ann bob", "and listed");
    ok(pg.v == v, "with the version that was told");
    whole("two");

    wait_ms(900);
    says(diff(v), "nothing", "still too early");
    wait_ms(400);
    says(diff(v), "+bob", "a second later");
    ok(d.prev == v, "it follows");
    ok(ngx_chat_transient_head(&env.z) > head, "there is an event");
    w = d.v;

    is_int(enter("bob", 2), (ngx_int_t) bob, "the same by another seat");
    is_int(count(), 2, "no more of them");
    leave(bob, 1, 1);
    is_int(count(), 2, "he is there by the other");
    leave(bob, 1, 1);
    is_int(count(), 2, "what a seat hasn't it can't take away");
    leave(bob, 2, 0);
    is_int(count(), 2, "in the grace time");
    wait_ms(1900);
    says(all(), "ann bob", "still");
    says(diff(w), "nothing", "nothing happened");
    is_int(enter("bob", 2), (ngx_int_t) bob, "he comes again");
    wait_ms(5000);
    says(diff(w), "nothing", "nobody knows");
    leave(bob, 2, 0);
    wait_ms(2600);
    says(diff(w), "-bob", "the grace is over");
    says(diff(0), "-bob +ann", "all since the begin");
    is_int(count(), 1, "ann alone");
    ok(ngx_chat_presence_busy(&env.z), "he is remembered");
    whole("gone");
    wait_ms(6000);
    says(diff(w), "", "he is forgotten");
    ok(d.prev > w && d.prev <= d.v, "and who needs to know must ask");
    ok(!ngx_chat_presence_busy(&env.z), "nothing left to do");
    whole("forgotten");

    leave(ann, 1, 1);
    is_int(count(), 0, "nobody");
    says(all(), "", "no names");
    ok(ngx_chat_mask_has(&place.wake, 2), "the other seat is woken");

    /* one worker of several does it */

    memset(&wake, 0, sizeof(wake));
    ngx_chat_presence_run(&env.z, 1, now, &wake);
    ok(!ngx_chat_mask_has(&wake, 1), "not its own seat");
}


static void
test_names(void)
{
    uint64_t                   v;
    ngx_chat_presence_user_t   u;

    begin(1024 * 1024);
    enter("ann", 1);
    v = place.v;

    wait_ms(1500);
    user_of(&u, "ann", "Ann");
    at(2);
    ngx_chat_presence_enter(&env.z, &place, &u);
    says(diff(v), "+ann", "a name is a change");
    is_int(users[0].name_len, 3, "it has it");
    v = d.v;
    wait_ms(1500);
    user_of(&u, "ann", "");
    ngx_chat_presence_enter(&env.z, &place, &u);
    says(diff(v), "nothing", "none is no change");
    is_int(count(), 1, "one user");
}


static void
test_pages(void)
{
    char         id[16];
    uint32_t     ref[10];
    ngx_uint_t   i;

    begin(1024 * 1024);

    for (i = 0; i < 10; i++) {
        sprintf(id, "u%lu", (unsigned long) i);
        ref[i] = enter(id, 1);
    }

    says(page(4), "u0 u1 u2 u3", "the first page");
    ok(pg.more, "there are more");
    leave(ref[3], 1, 1);
    leave(ref[5], 1, 1);
    enter("u3", 1);
    says(page(4), "u4 u6 u7 u8", "the second, its cursor is gone");
    ok(pg.more, "there are more");
    says(page(4), "u9 u3", "the last");
    ok(!pg.more, "no more");

    memset(&pg, 0, sizeof(pg));
    pg.at.ref = 0xffffffff;
    pg.at.seq = 1;
    says(page(2), "u0 u1", "a cursor of nothing");
    memset(&pg, 0, sizeof(pg));
    pg.at.skip = 1000000;
    says(page(2), "", "a cursor behind all");
    ok(!pg.more, "no more");
}


static void
test_long(void)
{
    char         id[16];
    ngx_uint_t   i, n, rounds;

    begin(16 * 1024 * 1024);
    place.max = 10;

    for (i = 0; i < 3000; i++) {
        sprintf(id, "u%lu", (unsigned long) i);
        enter(id, 1);
    }

    is_int(count(), 3000, "many");
    wait_ms(6000);
    diff(1);
    ok(d.counts && d.n == 0 && d.count == 3000, "are only counted");
    ok(d.prev == 1, "in one line of versions");

    /* a cursor that has lost its place goes the way in steps */

    pg.at.skip = env.z.sh->presence.seq - 10;

    for (rounds = 0, n = 0; rounds < 10; rounds++) {
        page(100);
        n += pg.n;

        if (!pg.more) {
            break;
        }
    }

    ok(n > 0 && n <= 10, "the last ones: %lu", (unsigned long) n);
    ok(rounds >= 2, "in several steps");

    ngx_chat_presence_clear(&env.z, 1, now);
    is_int(count(), 3000, "their seat is gone");
    whole("cleared");
    wait_ms(3000);
    is_int(count(), 0, "and they are");
    wait_ms(11000);
    is_int(env.z.sh->presence.used, 0, "no one is remembered");
    whole("empty");
}


static void
test_small_again(void)
{
    uint32_t  ref[8];
    uint64_t  v;
    char      id[16];
    ngx_uint_t  i;

    begin(1024 * 1024);
    place.max = 3;

    for (i = 0; i < 8; i++) {
        sprintf(id, "u%lu", (unsigned long) i);
        ref[i] = enter(id, 1);
    }

    wait_ms(1500);
    diff(1);
    ok(d.counts, "counted");
    v = d.v;

    for (i = 2; i < 8; i++) {
        leave(ref[i], 1, 1);
    }

    wait_ms(5500);
    says(diff(v), "", "listed again");
    ok(!d.counts && d.prev > v && d.prev < d.v, "from a version of nobody");
    says(all(), "u0 u1", "who asks knows");
    v = pg.v;
    wait_ms(1500);
    enter("new", 1);
    says(diff(v), "+new", "then it goes on");
    ok(d.prev == v, "from there");
}


static void
test_full(void)
{
    char        id[16];
    uint32_t    i, n, told;

    begin(1024 * 1024);
    n = ngx_chat_presence_size(&env.z, NULL);
    told = 0;

    for (i = 0; i < n + 5; i++) {
        sprintf(id, "u%lu", (unsigned long) i);

        if (enter(id, 1) == NGX_CHAT_PRESENCE_UNLISTED) {
            told += place.full;

            if (i < n) {
                break;
            }
        }
    }

    is_int(i, n + 5, "%lu fit", (unsigned long) n);
    is_int(told, 1, "told once");
    is_int(count(), n + 5, "all are counted");
    leave(NGX_CHAT_PRESENCE_UNLISTED, 1, 0);
    is_int(count(), n + 4, "one less");
    whole("full");

    /* they go with their seat */

    ngx_chat_presence_clear(&env.z, 1, now);
    ngx_chat_zone_detach(&env.z, 1);
    is_int(count(), n, "the seat is gone");
    wait_ms(3000);
    is_int(count(), 0, "and all its users");
    wait_ms(11000);
    ok(enter("late", 2) != NGX_CHAT_PRESENCE_UNLISTED, "there is place again");
    whole("again");
}


/* a room begins a new life in its slot */

static void
test_life(void)
{
    uint32_t          ann;
    ngx_chat_slot_t  *slot;

    begin(1024 * 1024);
    ann = enter("ann", 1);
    leave(ann, 1, 0);

    ngx_chat_room_close(&env.z, here.idx, here.life, 1);
    ngx_chat_room_close(&env.z, here.idx, here.life, 2);

    ngx_chat_shm_lock(&env.z);
    slot = ngx_chat_slot_at(env.z.sh, here.idx, here.life);
    ngx_chat_slot_remove_locked(env.z.sh, slot);
    ngx_chat_shm_unlock(&env.z);

    says(all(), "no room", "it is gone");
    is_int(follow("a", 1, &here), NGX_OK, "anew");
    says(all(), "", "nobody is there");
    enter("bob", 1);
    says(all(), "bob", "but who came now");
    whole("a new life");
    leave(ann, 1, 1);
    wait_ms(8000);
    whole("after the deadlines of the old one");
}


/* a worker in a long turn has an old clock */

static void
test_clocks(void)
{
    uint32_t  ann, bob;
    uint64_t  newest;

    begin(1024 * 1024);
    place.grace = 500;

    ann = enter("ann", 1);
    bob = enter("bob", 2);
    leave(bob, 2, 1);
    wait_ms(3000);
    is_int(count(), 1, "ann, and the wheel turns for bob");

    newest = now;
    now -= 2000;
    leave(ann, 1, 0);
    now = newest;
    whole("a leave by an old clock");

    wait_ms(1500);
    is_int(count(), 0, "her grace is over in time");
    wait_ms(6000);
    ok(!ngx_chat_presence_busy(&env.z), "nothing left to do");
}


int
main(void)
{
    env_log = stub_init();
    ngx_slab_sizes_init();

    test_versions();
    test_names();
    test_pages();
    test_long();
    test_small_again();
    test_full();
    test_life();
    test_clocks();

    return done();
}
