
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * The store's rooms: lives, followers and their rings, nonces, seats.
 */

#include "unit.h"

#include "../../ngx_chat_module/ngx_chat_proc.c"
#include "../../ngx_chat_module/ngx_chat_shm.c"
#include "../../ngx_chat_module/ngx_chat_nonce.c"
#include "../../ngx_chat_module/ngx_chat_segment.c"
#include "../../ngx_chat_module/ngx_chat_room.c"
#include "../../ngx_chat_module/ngx_chat_interest.c"
#include "../../ngx_chat_module/ngx_chat_log.c"
#include "../../ngx_chat_module/ngx_chat_log_read.c"
#include "../../ngx_chat_module/ngx_chat_log_publish.c"
#include "../../ngx_chat_module/ngx_chat_shm_zone.c"
#include "../../ngx_chat_module/ngx_chat_repair.c"
#include "../../ngx_chat_module/ngx_chat_copy.c"
#include "../../ngx_chat_module/ngx_chat_test.c"
#include "store_env.h"


#define SEAT_DEAD  200


static ngx_int_t
follow(const char *name, ngx_uint_t seat, ngx_chat_room_info_t *i)
{
    ngx_chat_room_key_t  key;

    key = room(name);

    return ngx_chat_room_open(&env.z, &key, &rule, seat, 1, i);
}


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


static ngx_int_t
nonce(const char *name, uint64_t user, uint64_t n, uint64_t body,
    uint64_t now)
{
    memset(&last, 0, sizeof(last));

    last.key = room(name);
    last.rule = &rule;
    last.type = NGX_CHAT_REC_RAW_TEXT;
    ngx_str_set(&last.piece[0], "hello");
    last.user = user;
    last.nonce[0] = ngx_chat_hash(1, (u_char *) &n, 8);
    last.nonce[1] = ngx_chat_hash(2, (u_char *) &n, 8);
    last.body = body;
    last.ts = now;

    return ngx_chat_log_publish(&env.z, 0, &last);
}


static ngx_int_t
again(const char *name, uint64_t user, uint64_t n, uint64_t now)
{
    return nonce(name, user, n, 5, now) == NGX_OK && last.duplicate;
}


static void
test_nonces(void)
{
    uint64_t              n, offset;
    ngx_uint_t            user, found;
    ngx_chat_room_info_t  i;

    fresh(4 * 1024 * 1024);

    is_int(nonce("a", 0, 1, 5, NOW), NGX_OK, "published");
    ok(!last.duplicate && last.offset == 1, "the first");
    is_int(nonce("a", 0, 1, 5, NOW + 1000), NGX_OK, "again");
    ok(last.duplicate && last.offset == 1 && last.ts == NOW
       && last.wake.w[0] == 0, "a duplicate of the first");
    is_int(info("a").head, 1, "not appended");
    is_int(nonce("a", 0, 1, 6, NOW), NGX_ABORT, "with another body");
    is_int(nonce("a", 1, 1, 6, NOW), NGX_OK, "another user");
    is_int(last.offset, 2, "is another");
    is_int(nonce("b", 0, 1, 6, NOW), NGX_OK, "another room");
    is_int(last.offset, 1, "is another");

    is_int(again("a", 0, 1, NOW + 300000), 1, "300 s later");
    is_int(again("a", 0, 1, NOW + 301999), 0, "but not 301 s");
    is_int(again("a", 0, 1, NOW + 301999), 1, "that one counts now");

    env.z.nonce_ttl = 10;
    is_int(nonce("a", 3, 1, 5, NOW + 302000), NGX_OK, "nonce_ttl=10");
    is_int(again("a", 3, 1, NOW + 310000), 1, "within");
    is_int(again("a", 3, 1, NOW + 313999), 0, "later");
    env.z.nonce_ttl = 0;

    /* it outlives its record, not its room's life */

    rule.history = 0;
    nonce("c", 0, 1, 5, NOW);
    i = info("c");
    n = last.offset;

    for (offset = 2; offset < 300; offset++) {
        put("c", 1000, offset, NOW);
    }

    is_int(ngx_chat_log_seek(&env.z, i.idx, i.life, n, &i.tail),
           NGX_DECLINED, "the record has gone");
    ok(again("c", 0, 1, NOW) && last.offset == n, "its nonce hasn't");
    ngx_chat_zone_sweep(&env.z, 0, NOW + 100000);
    is_int(again("c", 0, 1, NOW + 100000), 0, "a new life, a new record");
    rule.history = 1000;

    /* one without a record: killed in between */

    nonce("d", 0, 1, 5, NOW);
    i = info("d");
    nonce("d", 0, 2, 5, NOW);
    ngx_chat_slots(env.z.sh)[i.idx].head = 1;
    is_int(again("d", 0, 1, NOW), 1, "the first is valid");
    env.z.sh->dirty = 1;
    is_int(nonce("d", 0, 3, 5, NOW), NGX_OK, "repaired");
    is_int(last.offset, 2, "the offset is used by another");
    is_int(nonce("d", 0, 2, 5, NOW), NGX_OK, "the second again");
    ok(!last.duplicate && last.offset == 3, "is published");
    sound("nonces");

    /* a flooding user keeps about 256, and the others keep theirs */

    fresh(16 * 1024 * 1024);

    for (user = 100; user < 200; user++) {
        for (n = 0; n < 16; n++) {
            nonce("e", user, user * 1000 + n, 5, NOW + n);
        }
    }

    for (n = 0; n < 100000; n++) {
        nonce("e", 7, n, 5, NOW + n / 1000);
    }

    found = 0;

    for (n = 100000 - 256; n < 100000; n++) {
        found += again("e", 7, n, NOW + 100);
    }

    ok(found > 200, "%lu of the last 256 of a flood are known", found);

    found = 0;

    for (user = 100; user < 200; user++) {
        for (n = 0; n < 16; n++) {
            found += again("e", user, user * 1000 + n, NOW + 101);
        }
    }

    ok(found == 1600, "%lu of 1600 of others", found);

    found = 0;

    for (n = 0; n < 10000; n++) {
        found += again("f", 8, n, NOW + 102);
        found += again("f", 8, n, NOW + 102) ? 0 : 1;
    }

    is_int(found, 0, "a retry at once is always known");
    sound("flood of nonces");
}


static void
test_seats(void)
{
    char                  name[32];
    ngx_uint_t            i;
    ngx_chat_zone_stat_t  st;
    ngx_chat_room_info_t  a;

    fresh(1024 * 1024);

    ngx_chat_zone_attach(&env.z, 9, 12345678, 99);
    ngx_chat_metric_add(&env.z, 9, NGX_CHAT_M_DELIVERIES, 10);
    ngx_chat_metric_add(&env.z, 9, NGX_CHAT_M_SESSIONS, 3);
    ngx_chat_metric_add(&env.z, 9, NGX_CHAT_M_SESSIONS, -1);
    ngx_chat_metric_add(&env.z, 1, NGX_CHAT_M_DELIVERIES, 1);
    ngx_chat_metric_add(&env.z, 1, NGX_CHAT_M_SESSIONS, 1);

    ngx_chat_zone_stat(&env.z, &st);
    is_int(st.metric[NGX_CHAT_M_DELIVERIES], 11, "counters are summed");
    is_int(st.metric[NGX_CHAT_M_SESSIONS], 3, "gauges too");

    for (i = 0; i < 20; i++) {
        flood_name(name, i);
        follow(name, 9, &a);
        put(name, 10, 1, NOW);
    }

    is_int(env.z.sh->lru_first, 0, "all are followed");

    ngx_chat_zone_detach(&env.z, 9);
    ngx_chat_zone_stat(&env.z, &st);
    is_int(st.metric[NGX_CHAT_M_DELIVERIES], 11, "counters stay");
    is_int(st.metric[NGX_CHAT_M_SESSIONS], 1, "gauges go");
    ok(env.z.sh->lru_first != 0, "nothing is followed");
    put(name, 10, 2, NOW);
    ok(last.wake.w[0] == 0, "nobody is woken");
    sound("detached");
    ngx_chat_zone_detach(&env.z, 9);

    /* who takes a dead one's seat sweeps it */

    ngx_chat_zone_attach(&env.z, 9, 12345678, 99);
    ngx_chat_metric_add(&env.z, 9, NGX_CHAT_M_DELIVERIES, 5);
    ngx_chat_metric_add(&env.z, 9, NGX_CHAT_M_SESSIONS, 5);
    follow(name, 9, &a);
    put(name, 10, 3, NOW);
    ngx_chat_zone_attach(&env.z, 9, ngx_pid, 0);
    ngx_chat_zone_stat(&env.z, &st);
    is_int(st.metric[NGX_CHAT_M_DELIVERIES], 16, "its counters are kept");
    is_int(st.metric[NGX_CHAT_M_SESSIONS], 1, "its gauges are not");
    is_int(ngx_chat_slots(env.z.sh)[a.idx].followers, 0, "it doesn't follow");
    is_int(ngx_chat_zone_attach(&env.z, NGX_CHAT_SEATS, ngx_pid, 0),
           NGX_ERROR, "no such seat");
    ngx_chat_zone_detach(&env.z, NGX_CHAT_SEATS);
    sound("seats");

    ok(ngx_chat_zone_secret(&env.z) == env.z.sh->secret, "secret");
}


static void
test_process(void)
{
    int        status;
    pid_t      pid;
    uint64_t   start;

    start = ngx_chat_process_start(ngx_pid);

    ok(start != 0, "started at %lu", start);
    is_int(ngx_chat_process_alive(ngx_pid, start), NGX_OK, "this one lives");
    is_int(ngx_chat_process_alive(ngx_pid, 0), NGX_OK, "by pid alone");
    is_int(ngx_chat_process_alive(ngx_pid, start + 1), NGX_DECLINED,
           "not another of its pid");
    is_int(ngx_chat_process_alive(1, 0), NGX_OK, "init lives");

    pid = fork();

    if (pid == 0) {
        pause();
        _exit(0);
    }

    start = ngx_chat_process_start(pid);
    is_int(ngx_chat_process_alive(pid, start), NGX_OK, "a child lives");
    kill(pid, SIGSTOP);
    usleep(20000);
    is_int(ngx_chat_process_alive(pid, start), NGX_OK, "stopped, it lives");
    kill(pid, SIGKILL);

    while (ngx_chat_process_alive(pid, start) == NGX_OK) {
        usleep(1000);
    }

    ok(1, "killed and not waited for: a zombie is dead");
    is_int(kill(pid, 0), 0, "though it can be signalled");
    waitpid(pid, &status, 0);
    is_int(ngx_chat_process_alive(pid, start), NGX_DECLINED, "waited for");
    is_int(ngx_chat_process_start(pid), 0, "no start time");
}


static double
now_(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return ts.tv_sec + ts.tv_nsec / 1e9;
}


/* takes the lock as seat SEAT_DEAD; dies, or gives it back after 100 ms */

static pid_t
holder(ngx_uint_t dies, ngx_uint_t attach)
{
    int    fd[2];
    char   c;
    pid_t  pid;

    if (pipe(fd) == -1) {
        return -1;
    }

    pid = fork();

    if (pid == 0) {
        ngx_pid = getpid();

        if (attach) {
            ngx_chat_zone_attach(&env.z, SEAT_DEAD, ngx_pid,
                                 ngx_chat_process_start(ngx_pid));
        }

        ngx_chat_shm_lock(&env.z);
        (void) !write(fd[1], "x", 1);

        if (dies) {
            raise(SIGKILL);
        }

        usleep(100000);
        ngx_chat_shm_unlock(&env.z);
        _exit(0);
    }

    (void) !read(fd[0], &c, 1);
    close(fd[0]);
    close(fd[1]);

    return pid;
}


static void
test_lock(void)
{
    int         status;
    pid_t       pid;
    double      t;
    uint64_t    repairs;

    fresh(1024 * 1024);
    put("a", 10, 1, NOW);

    stub_log_lines = 0;
    pid = holder(1, 1);
    repairs = env.z.sh->total[NGX_CHAT_M_REPAIRS];
    t = now_();
    is_int(put("a", 10, 2, NOW), NGX_OK, "the holder died");
    t = now_() - t;
    ok(t < 1.0, "its lock was taken in %.0f ms, by nobody's master", t * 1e3);
    is_int(env.z.sh->total[NGX_CHAT_M_REPAIRS], repairs + 1, "repaired");
    is_int(stub_log_lines, 1, "and logged: %s", stub_log_last);
    waitpid(pid, &status, 0);
    sound("a dead holder");

    pid = holder(0, 1);
    repairs = env.z.sh->total[NGX_CHAT_M_REPAIRS];
    t = now_();
    is_int(put("a", 10, 3, NOW), NGX_OK, "the holder is slow");
    t = now_() - t;
    ok(t > 0.05, "it was waited for, %.0f ms", t * 1e3);
    is_int(env.z.sh->total[NGX_CHAT_M_REPAIRS], repairs, "no repair");
    waitpid(pid, &status, 0);
    sound("a slow holder");

    pid = holder(0, 0);
    t = now_();
    is_int(put("a", 10, 4, NOW), NGX_OK, "one without a seat is slow");
    t = now_() - t;
    ok(t > 0.05, "it was waited for, too");
    waitpid(pid, &status, 0);

    pid = holder(1, 0);
    is_int(put("a", 10, 5, NOW), NGX_OK, "one without a seat died");
    waitpid(pid, &status, 0);

    /* its pid is another's by now: this process has it */

    ngx_chat_zone_attach(&env.z, SEAT_DEAD, ngx_pid, 1);
    ngx_chat_seats(env.z.sh)[0].pid = 0;
    ngx_chat_seats(env.z.sh)[1].pid = 0;
    *env.z.shpool->mutex.lock = ngx_pid;
    env.z.sh->dirty = 1;
    is_int(put("a", 10, 6, NOW), NGX_OK, "the dead one's pid was reused");
    ngx_chat_zone_detach(&env.z, SEAT_DEAD);
    sound("taken over");
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
    test_nonces();
    test_seats();
    test_process();
    test_lock();

    return done();
}
