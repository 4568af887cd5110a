
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * The store's rooms: rules, lives, followers and their rings.
 */

#include "unit.h"

#include "store_sources.h"
#include "store_env.h"


static void
test_rules(void)
{
    ngx_str_t         name;
    ngx_uint_t        i, bad;
    ngx_chat_rule_t  *r, lines[4];

    static struct {
        const char  *pattern;
        const char  *name;
        ngx_uint_t   match;
    } cases[] = {
        { "*", "", 1 },
        { "*", "lobby", 1 },
        { "lobby", "lobby", 1 },
        { "lobby", "lobby2", 0 },
        { "lobby2", "lobby", 0 },
        { "support-*", "support-", 1 },
        { "support-*", "support-42", 1 },
        { "support-*", "suppor", 0 },
        { "*-x", "a-x-x", 1 },
        { "*-x", "a-x-y", 0 },
        { "a*b*c", "abc", 1 },
        { "a*b*c", "aXbXbXc", 1 },
        { "a*b*c", "aXcXb", 0 },
        { "**", "x", 1 },
        { "", "", 1 },
        { "", "x", 0 },
        { "*a*a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 0 }
    };

    fresh(1024 * 1024);
    bad = 0;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        memset(lines, 0, sizeof(lines));
        lines[0].pattern.data = (u_char *) cases[i].pattern;
        lines[0].pattern.len = strlen(cases[i].pattern);
        name.data = (u_char *) cases[i].name;
        name.len = strlen(cases[i].name);
        env.z.rules.elts = lines;
        env.z.rules.nelts = 1;

        r = ngx_chat_zone_rule(&env.z, &name);

        bad += ((r == lines) != (cases[i].match == 1));
    }

    is_int(bad, 0, "patterns");

    memset(lines, 0, sizeof(lines));
    ngx_str_set(&lines[0].pattern, "a*");
    ngx_str_set(&lines[1].pattern, "ab*");
    ngx_str_set(&lines[2].pattern, "b");
    env.z.rules.nelts = 3;

    ngx_str_set(&name, "abc");
    ok(ngx_chat_zone_rule(&env.z, &name) == &lines[0], "the first match wins");
    ngx_str_set(&name, "c");
    r = ngx_chat_zone_rule(&env.z, &name);
    ok(r->history == 1000 && r->age == 7 * 24 * 3600 && r->create
       && r->size == 0, "the default");

    env.z.rules.nelts = 0;
    env.z.rules.elts = NULL;
}


static void
test_lives(void)
{
    char                  name[32];
    uint64_t              life, now;
    ngx_uint_t            i, n;
    u_char                epoch[NGX_CHAT_EPOCH_LEN];
    ngx_chat_room_info_t  x, y;

    fresh(1024 * 1024);
    rule.age = 10;
    now = NOW;

    put("a", 10, 1, now);
    x = info("a");
    life = x.life;
    memcpy(epoch, x.epoch, NGX_CHAT_EPOCH_LEN);

    for (i = 0; i < 59; i++) {
        now += 1000;
        ngx_chat_zone_sweep(&env.z, 0, now);
    }

    is_int(ngx_chat_room_info(&env.z, x.idx, life, &y), NGX_OK,
           "59 s after its last use");
    ok(y.head == 1 && y.first == 2, "its log is empty");

    for (i = 0; i < 59; i++) {
        now += 1000;
        ngx_chat_zone_sweep(&env.z, 0, now);
    }

    is_int(ngx_chat_room_info(&env.z, x.idx, life, &y), NGX_OK,
           "a look at it was a use");

    for (i = 0; i < 60; i++) {
        now += 1000;
        ngx_chat_zone_sweep(&env.z, 0, now);
    }

    is_int(ngx_chat_room_info(&env.z, x.idx, life, &y), NGX_DECLINED,
           "60 s: it has gone");
    is_int(info("a").life, 0, "by name too");
    is_int(ngx_chat_log_seek(&env.z, x.idx, life, 1, &y.tail), NGX_DECLINED,
           "its log can't be found");

    put("a", 10, 1, now);
    y = info("a");
    ok(y.life > life && y.head == 1, "it comes back with a new life");
    ok(memcmp(epoch, y.epoch, NGX_CHAT_EPOCH_LEN) != 0, "and epoch");
    ngx_chat_epoch_print(epoch, env.z.sh->epoch_start, y.life);
    is_mem(y.epoch, NGX_CHAT_EPOCH_LEN, epoch, NGX_CHAT_EPOCH_LEN,
           "which follows from the life");

    /* one that is followed stays */

    follow("followed", 1, &x);
    rule.history = 0;
    put("followed", 10, 1, now);
    put("silent", 10, 1, now);
    rule.history = 1000;

    for (i = 0; i < 300; i++) {
        now += 1000;
        ngx_chat_zone_sweep(&env.z, 0, now);
    }

    is_int(ngx_chat_room_info(&env.z, x.idx, x.life, &y), NGX_OK,
           "a followed room stays");
    is_int(info("silent").life, 0, "history=0 and nobody: gone");

    ngx_chat_room_close(&env.z, x.idx, x.life, 1);
    now += 59000;
    ngx_chat_zone_sweep(&env.z, 0, now);
    ok(env.z.sh->room_count == 1, "left: still there");
    now += 2000;
    ngx_chat_zone_sweep(&env.z, 0, now);
    ok(env.z.sh->room_count == 0, "and gone after 60 s");
    sound("lives");

    /* a second's sweep is done once; the slots are visited in turn */

    fresh(4 * 1024 * 1024);
    n = env.z.sh->room_n;
    rule.history = 0;

    for (i = 0; i < n; i++) {
        flood_name(name, i);
        put(name, 10, 1, NOW);
    }

    is_int(env.z.sh->room_count, n, "%lu rooms", n);
    ngx_chat_zone_sweep(&env.z, 0, NOW + 100000);
    is_int(env.z.sh->room_count, 0, "swept");
    put("x", 10, 1, NOW);
    ngx_chat_zone_sweep(&env.z, 1, NOW + 100999);
    is_int(env.z.sh->room_count, 1, "in one second once");
    ngx_chat_zone_sweep(&env.z, 1, NOW + 101000);
    is_int(env.z.sh->room_count, 0, "in the next again");

    /* at a time of 0 nothing is known */

    follow("y", 1, &x);
    env.z.sh->now = 0;
    ngx_chat_room_close(&env.z, x.idx, x.life, 1);
    ngx_chat_zone_sweep(&env.z, 1, NOW + 300000);
    is_int(env.z.sh->room_count, 1, "a room used before time was known");
    ngx_chat_zone_sweep(&env.z, 1, NOW + 360000);
    is_int(env.z.sh->room_count, 0, "goes 60 s later");
    sound("sweep");
}


static void
test_rings(void)
{
    char                  name[32];
    uint32_t              rooms[4096];
    ngx_uint_t            i, n, all, bad;
    ngx_chat_room_info_t  a, b;

    fresh(16 * 1024 * 1024);
    rule.history = 10;

    is_int(ngx_chat_ring_take(&env.z, 1, rooms, 16, &all), 0, "empty");
    is_int(all, 0, "nothing to scan");

    follow("a", 1, &a);
    follow("a", 1, &b);
    ok(memcmp(&a, &b, sizeof(a)) == 0, "opened twice");
    is_int(ngx_chat_slots(env.z.sh)[a.idx].followers, 1, "one interest");
    follow("b", 1, &b);
    follow("b", 0, &b);

    put("a", 10, 1, NOW);
    ok(ngx_chat_mask_has(&last.wake, 1) && !ngx_chat_mask_has(&last.wake, 0),
       "wakes who follows");
    put("a", 10, 2, NOW);
    ok(ngx_chat_mask_has(&last.wake, 1), "also when it is queued");
    put("b", 10, 1, NOW);
    ok(ngx_chat_mask_has(&last.wake, 1) && !ngx_chat_mask_has(&last.wake, 0),
       "but not the publisher");
    put("c", 10, 1, NOW);
    ok(last.wake.w[0] == 0, "nobody follows");

    is_int(ngx_chat_ring_take(&env.z, 1, rooms, 1, &all), 1, "one is taken");
    ok(rooms[0] == a.idx && !all, "the room");
    is_int(ngx_chat_ring_take(&env.z, 1, rooms, 16, &all), 1, "the other");
    is_int(rooms[0], b.idx, "room");
    is_int(ngx_chat_ring_take(&env.z, 1, rooms, 16, &all), 0, "no more");
    is_int(ngx_chat_ring_take(&env.z, 0, rooms, 16, &all), 0,
           "nothing for the publisher");

    put("a", 10, 3, NOW);
    is_int(ngx_chat_ring_take(&env.z, 1, rooms, 16, &all), 1, "again");

    ngx_chat_room_close(&env.z, a.idx, a.life, 1);
    put("a", 10, 4, NOW);
    ok(last.wake.w[0] == 0, "left");
    ngx_chat_room_close(&env.z, a.idx, a.life, 1);
    ngx_chat_room_close(&env.z, a.idx, a.life, 77);
    ngx_chat_room_close(&env.z, 0xffffffff, 1, 1);
    sound("left twice");

    /* what is in the ring when it is left is harmless */

    put("b", 10, 2, NOW);
    ngx_chat_room_close(&env.z, b.idx, b.life, 1);
    follow("d", 0, &a);
    sound("left while queued");
    is_int(ngx_chat_ring_take(&env.z, 1, rooms, 16, &all), 0,
           "an entry of another seat is skipped");

    /* overflow */

    n = env.z.sh->ring_n + 100;
    bad = 0;

    for (i = 0; i < n; i++) {
        flood_name(name, i);
        bad += (follow(name, 1, &a) != NGX_OK);
    }

    for (i = 0; i < n; i++) {
        flood_name(name, i);
        put(name, 10, 1, NOW);
        bad += (!ngx_chat_mask_has(&last.wake, 1));
    }

    is_int(bad, 0, "%lu rooms", n);
    sound("ring is full");
    is_int(ngx_chat_ring_take(&env.z, 1, rooms, 4096, &all),
           env.z.sh->ring_n, "as many as the ring has");
    is_int(all, 1, "the others have to be looked for");
    is_int(ngx_chat_ring_take(&env.z, 1, rooms, 4096, &all), 0, "empty");
    is_int(all, 0, "once");
    put(name, 10, 2, NOW);
    is_int(ngx_chat_ring_take(&env.z, 1, rooms, 4096, &all), 1,
           "one that didn't fit is queued again");

    /* no seat */

    is_int(ngx_chat_ring_take(&env.z, (ngx_uint_t) -1, rooms, 1, &all), 0,
           "no seat: nothing");
    is_int(all, 1, "but to scan");
    is_int(follow("a", (ngx_uint_t) -1, &a), NGX_OK, "open without a seat");
    is_int(ngx_chat_slots(env.z.sh)[a.idx].followers, 0, "no interest");
    ngx_chat_room_read(&env.z, a.idx, a.life, (ngx_uint_t) -1, 1);
    ngx_chat_metric_add(&env.z, (ngx_uint_t) -1, NGX_CHAT_M_WS, 1);
    is_int(ngx_chat_log_publish(&env.z, (ngx_uint_t) -1, &last), NGX_OK,
           "publish without a seat");
    ok(ngx_chat_mask_has(&last.wake, 1), "wakes all that follow");
    sound("no seat");
}


/* more followers than the table has: they get a bit, and scan */

static void
test_mask(void)
{
    char                  name[32];
    uint32_t              rooms[16];
    ngx_uint_t            i, s, n, all, bad, seats;
    ngx_chat_room_info_t  a;

    fresh(1024 * 1024);

    n = env.z.sh->room_n;
    seats = env.z.sh->interest_n / n + 2;
    bad = 0;

    for (s = 2; s < 2 + seats; s++) {
        ngx_chat_zone_attach(&env.z, s, ngx_pid, 0);

        for (i = 0; i < n; i++) {
            flood_name(name, i);
            bad += (follow(name, s, &a) != NGX_OK);
        }
    }

    is_int(bad, 0, "%lu seats follow %lu rooms each", seats, n);
    is_int(env.z.sh->interest_fresh, env.z.sh->interest_n, "table is full");
    sound("masks");

    follow(name, s - 1, &a);
    is_int(ngx_chat_slots(env.z.sh)[a.idx].followers, seats, "opened again");

    put(name, 10, 1, NOW);

    for (s = 2; s < 2 + seats; s++) {
        bad += !ngx_chat_mask_has(&last.wake, s);
    }

    is_int(bad, 0, "all are woken");
    is_int(ngx_chat_ring_take(&env.z, s - 1, rooms, 16, &all), 0,
           "no entry in the ring");
    is_int(all, 1, "but to scan");
    ngx_chat_room_read(&env.z, a.idx, a.life, s - 1, 1);

    /* a repair keeps them */

    env.z.sh->dirty = 1;
    a = info(name);
    is_int(ngx_chat_slots(env.z.sh)[a.idx].followers, seats,
           "after a repair");
    sound("masks after a repair");

    /* room in the table again */

    for (i = 0; i < n; i++) {
        flood_name(name, i);
        a = info(name);
        ngx_chat_room_close(&env.z, a.idx, a.life, 2);
    }

    follow(name, s - 1, &a);
    ok(!ngx_chat_mask_has(&ngx_chat_slots(env.z.sh)[a.idx].mask, s - 1),
       "an entry instead of the bit");
    is_int(ngx_chat_slots(env.z.sh)[a.idx].followers, seats - 1, "counted");
    sound("masks and entries");

    for (s = 2; s < 2 + seats; s++) {
        ngx_chat_zone_detach(&env.z, s);
    }

    ok(env.z.sh->lru_first != 0
       && ngx_chat_slots(env.z.sh)[a.idx].followers == 0, "all detached");
    sound("detached");
}


int
main(void)
{
    env_log = stub_init();
    ngx_slab_sizes_init();

    test_rules();
    test_lives();
    test_rings();
    test_mask();

    return done();
}
