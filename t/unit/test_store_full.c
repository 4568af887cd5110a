
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * The store under pressure: whose history goes when the zone is full, what a
 * repair saves, and random work against a model.
 */

#include "unit.h"

#include "store_sources.h"
#include "store_env.h"


/* 50 rooms of 50 messages and one with 10 times the zone */

static void
test_fair(void)
{
    char                  name[32];
    size_t                size;
    uint64_t              offset, n;
    ngx_uint_t            i, bad, pass;
    ngx_chat_zone_stat_t  st;

    for (size = 2; size <= 16; size *= 2) {

        fresh(size * 1024 * 1024);
        bad = 0;

        for (offset = 1; offset <= 80; offset++) {
            for (i = 0; i < 50; i++) {
                flood_name(name, i);
                bad += (put(name, 300, offset, NOW) != NGX_OK);
            }
        }

        n = size * 1024 * 1024 * 10 / 372;

        for (offset = 1; offset <= n; offset++) {
            bad += (put("flood", 300, offset, NOW) != NGX_OK);
        }

        is_int(bad, 0, "%lum: nothing is refused", size);

        for (i = 0; i < 50; i++) {
            flood_name(name, i);

            if (info(name).first > 31 || info(name).head != 80
                || get(name, 31, 5000) != 50)
            {
                bad++;
            }
        }

        is_int(bad, 0, "%lum: a flooded room takes nobody's history", size);
        sound("flood");
    }

    /* with a cap as large as the zone it takes what is free, and gives back */

    fresh(2 * 1024 * 1024);
    rule.history = 1000000;
    rule.size = 64 * 1024 * 1024;

    for (offset = 1; offset <= 60000; offset++) {
        put("flood", 300, offset, NOW);
    }

    ngx_chat_zone_stat(&env.z, &st);
    is_int(st.segments_free, 0, "one room has all");
    bad = 0;

    for (offset = 1; offset <= 50; offset++) {
        for (i = 0; i < 30; i++) {
            flood_name(name, i);
            bad += (put(name, 300, offset, NOW) != NGX_OK);
        }

        for (pass = 0; pass < 100; pass++) {
            put("flood", 300, 60001, NOW);
        }
    }

    for (i = 0; i < 30; i++) {
        flood_name(name, i);
        bad += (get(name, 1, 5000) != 50);
    }

    is_int(bad, 0, "others get from it what they need");
    ngx_chat_zone_stat(&env.z, &st);
    ok(st.metric[NGX_CHAT_M_EVICTED] > 200, "%lu segments were taken",
       st.metric[NGX_CHAT_M_EVICTED]);
    sound("flood, large cap");

    /* the exact maximum: two large rooms give before a middle one does */

    fresh(2 * 1024 * 1024);
    rule.history = 1000000;
    rule.size = 64 * 1024 * 1024;

    for (offset = 1; offset <= 500; offset++) {
        put("middle", 300, offset, NOW);
    }

    for (offset = 1; offset <= 30000; offset++) {
        put("one", 300, offset, NOW);
        put("two", 300, offset, NOW);
    }

    is_int(info("middle").first, 1, "the middle one keeps all");
    i = ngx_chat_slots(env.z.sh)[info("one").idx].seg_count;
    bad = ngx_chat_slots(env.z.sh)[info("two").idx].seg_count;
    ok(i - bad + 1 <= 2, "the others share: %lu and %lu", i, bad);
    sound("two floods");
}


/* slots and segments are exhausted: defined answers, and it heals */

static void
test_full(void)
{
    char                   name[32];
    uint64_t               offset;
    ngx_uint_t             i, n, bad;
    ngx_chat_room_key_t    key;
    ngx_chat_zone_stat_t   st;
    ngx_chat_room_info_t  *open, x;

    fresh(1024 * 1024);

    n = env.z.sh->room_n;
    open = calloc(n, sizeof(ngx_chat_room_info_t));
    bad = 0;

    for (i = 0; i < n; i++) {
        flood_name(name, i);
        key = room(name);
        bad += (ngx_chat_room_open(&env.z, &key, &rule, 1, 1, &open[i])
                != NGX_OK);
    }

    is_int(bad, 0, "%lu rooms", n);

    key = room("another");
    is_int(ngx_chat_room_open(&env.z, &key, &rule, 1, 1, &x), NGX_BUSY,
           "one more is too many");
    is_int(put("another", 10, 1, NOW), NGX_BUSY, "for a publish too");

    for (offset = 1; offset <= 30; offset++) {
        for (i = 0; i < n; i++) {
            flood_name(name, i);
            bad += (put(name, 300, offset, NOW) != NGX_OK);
        }
    }

    is_int(bad, 0, "those that exist go on");

    for (i = 0; i < n; i++) {
        flood_name(name, i);
        bad += (get(name, info(name).first, 5000) < 4);
        bad += (ngx_chat_slots(env.z.sh)[i].seg_count < 1);
    }

    is_int(bad, 0, "each with its last messages");

    ngx_chat_zone_stat(&env.z, &st);
    is_int(st.rooms, n, "all are there");
    sound("full");

    /* a record of many segments, when all are at their guarantee */

    is_int(put("room-0", 16384, 31, NOW), NGX_BUSY, "a large one is refused");
    sound("refused");
    is_int(put("room-0", 10, 31, NOW), NGX_OK, "a small one is not");

    ngx_chat_room_close(&env.z, open[5].idx, open[5].life, 1);
    is_int(put("another", 10, 1, NOW), NGX_OK,
           "the room that nobody follows goes");
    is_int(info("room-5").life, 0, "which it was");

    for (i = 10; i < n; i++) {
        ngx_chat_room_close(&env.z, open[i].idx, open[i].life, 1);
    }

    is_int(put("room-0", 16384, 32, NOW), NGX_OK, "and there is room for it");
    is_int(get("room-0", 32, 100), 1, "read");
    is_int(info("room-10").life, 0, "the least recently used has gone");
    ok(info("room-9").life != 0, "one that is followed hasn't");

    sound("healed");

    /* max_rooms */

    fresh(1024 * 1024);
    env.z.max_rooms = 3;
    put("1", 10, 1, NOW);
    put("2", 10, 1, NOW);
    put("3", 10, 1, NOW);
    put("1", 10, 2, NOW);
    is_int(put("4", 10, 1, NOW), NGX_OK, "max_rooms=3");
    ok(info("2").life == 0 && info("1").life && info("3").life
       && info("4").life, "the least recently used went");
    env.z.max_rooms = 0;
    sound("max_rooms");

    free(open);
}


/*
 * Random work against a model: for each room what was published and how much;
 * now and then all lists are torn and rebuilt.
 */

#define ROOMS  40

static void
tear(ngx_chat_sh_t *sh)
{
    ngx_uint_t        i;
    ngx_chat_seg_t   *seg;
    ngx_chat_slot_t  *slot;

    for (i = 0; i < sh->room_fresh; i++) {
        slot = &ngx_chat_slots(sh)[i];
        slot->next = unit_random();
        slot->seg_first = unit_random();
        slot->seg_last = unit_random();
        slot->seg_count = unit_random();
        slot->at = unit_random();
        slot->second = unit_random();
        slot->lru_next = unit_random();
        slot->lru_prev = unit_random();
        slot->fair_next = unit_random();
        slot->fair_prev = unit_random();
        slot->interest = unit_random();
        slot->followers = unit_random();
        slot->epoch[3] = '!';
    }

    for (i = 1; i <= sh->seg_fresh; i++) {
        seg = ngx_chat_seg(sh, i);
        seg->next = unit_random();
        seg->prev = unit_random();
        seg->jump = unit_random();
    }

    for (i = 1; i <= sh->interest_fresh; i++) {
        ngx_chat_interest(sh, i)->next = unit_random();
        ngx_chat_interest(sh, i)->queued = unit_random();
    }

    for (i = 0; i < sh->bucket_n; i++) {
        ngx_chat_buckets(sh)[i] = unit_random();
    }

    for (i = 0; i <= sh->seg_n; i++) {
        ngx_chat_fair(sh)[i] = unit_random();
    }

    sh->seg_free = unit_random();
    sh->seg_free_n = unit_random();
    sh->room_free = unit_random();
    sh->room_count = unit_random();
    sh->interest_free = unit_random();
    sh->lru_first = unit_random();
    sh->lru_last = unit_random();
    sh->fair_max = unit_random();
    sh->dirty = 1;
}


static void
test_model(void)
{
    char                  name[32];
    size_t                len;
    uint64_t              head[ROOMS], life[ROOMS], now, before;
    ngx_int_t             n, rc;
    ngx_uint_t            step, r, bad, tears;
    const char           *err;
    ngx_chat_room_key_t   key;
    ngx_chat_room_info_t  i, x;

    fresh(1024 * 1024);
    memset(head, 0, sizeof(head));
    memset(life, 0, sizeof(life));
    bad = 0;
    tears = 0;
    now = NOW;

    for (step = 0; step < 60000 && bad == 0; step++) {

        r = unit_random() % ROOMS;
        r = r * (unit_random() % ROOMS) / ROOMS;
        flood_name(name, r);
        key = room(name);
        now += unit_random() % 20;

        rule.history = (r % 4 == 0) ? 0 : (r % 4 == 1) ? 20 : 100000;
        rule.age = (r % 3 == 0) ? 5 : 0;
        rule.size = (r % 5 == 0) ? 20000 : 0;

        switch (unit_random() % 16) {

        case 0:
            rc = ngx_chat_room_open(&env.z, &key, &rule, unit_random() % 2,
                                    1, &x);
            bad += check(rc == NGX_OK, "open") ? 0 : 1;
            if (life[r] != x.life) {
                bad += check(x.head == 0, "a new life is empty") ? 0 : 1;
                life[r] = x.life;
                head[r] = 0;
            }
            break;

        case 1:
            ngx_chat_room_close(&env.z, r, life[r], unit_random() % 2);
            i = info(name);
            if (i.life) {
                ngx_chat_room_close(&env.z, i.idx, i.life,
                                    unit_random() % 2);
            }
            break;

        case 2:
            ngx_chat_zone_sweep(&env.z, 0, now);
            break;

        case 3:
            i = info(name);
            if (i.life) {
                ngx_chat_room_read(&env.z, i.idx, i.life, unit_random() % 2,
                                   i.head);
            }
            break;

        case 4:
            i = info(name);

            if (i.life == 0) {
                break;
            }

            bad += check(i.life == life[r] && i.head == head[r],
                         "room %lu: life %lu %lu head %lu %lu", r, i.life,
                         life[r], i.head, head[r]) ? 0 : 1;

            n = get(name, i.first, 100 + unit_random() % 20000);
            bad += check(n == (ngx_int_t) (i.head + 1 - i.first),
                         "room %lu: %ld of %lu read", r, n,
                         i.head + 1 - i.first) ? 0 : 1;

            if (rule.history < 1000) {
                bad += check(i.head + 1 - i.first <= rule.history,
                             "history") ? 0 : 1;
            }
            break;

        case 5:
            if (unit_random() % 20 != 0) {
                break;
            }

            i = info(name);
            before = env.z.sh->total[NGX_CHAT_M_REPAIRS];
            tear(env.z.sh);
            x = info(name);
            bad += check(i.life == x.life && i.head == x.head
                         && (rule.age ? x.first >= i.first
                                      : x.first == i.first)
                         && memcmp(i.epoch, x.epoch, 10) == 0,
                         "after a repair: life %lu %lu head %lu %lu first "
                         "%lu %lu", i.life, x.life, i.head, x.head, i.first,
                         x.first) ? 0 : 1;
            bad += check(env.z.sh->total[NGX_CHAT_M_REPAIRS] == before + 1,
                         "one repair") ? 0 : 1;
            err = ngx_chat_store_check(env.z.sh);
            bad += check(err == NULL, "after a repair: %s", err) ? 0 : 1;
            tears++;
            break;

        default:
            len = unit_random() % 700;

            if (unit_random() % 30 == 0) {
                len = unit_random() % 17000;
            }

            i = info(name);
            rc = put(name, len, i.head + 1, now);

            bad += check(rc == NGX_OK, "step %lu publish %ld of %lu", step,
                         rc, len) ? 0 : 1;

            if (life[r] != last.life) {
                bad += check(last.offset == 1, "a new life begins") ? 0 : 1;
                life[r] = last.life;
            } else {
                bad += check(last.offset == head[r] + 1, "offset") ? 0 : 1;
            }

            head[r] = last.offset;
        }

        if (step % 500 == 0) {
            err = ngx_chat_store_check(env.z.sh);
            bad += check(err == NULL, "step %lu: %s", step, err) ? 0 : 1;
        }
    }

    is_int(bad, 0, "random work and a model agree, %lu repairs", tears);
}


/* a log that is damaged: the others stay, this one begins anew */

static void
test_damage(void)
{
    uint64_t              offset;
    ngx_chat_seg_t       *seg;
    ngx_chat_slot_t      *slot;
    ngx_chat_room_key_t   key;
    ngx_chat_room_info_t  i, x;

    fresh(2 * 1024 * 1024);

    for (offset = 1; offset <= 100; offset++) {
        put("a", 300, offset, NOW);
        put("b", 300, offset, NOW);
        put("c", 3000, offset, NOW);
    }

    key = room("b");
    ngx_chat_room_open(&env.z, &key, &rule, 1, 1, &i);

    /* a segment in the middle */

    slot = &ngx_chat_slots(env.z.sh)[info("a").idx];
    seg = ngx_chat_seg(env.z.sh, slot->seg_first);
    seg = ngx_chat_seg(env.z.sh, seg->next);
    seg = ngx_chat_seg(env.z.sh, seg->next);
    seg->sequence = 0;

    /* the head's record */

    slot = &ngx_chat_slots(env.z.sh)[i.idx];
    ngx_chat_seg(env.z.sh, slot->seg_last)->magic = 0;

    env.z.sh->dirty = 1;

    x = info("a");
    ok(x.head == 100 && x.first > 10 && x.first < 40,
       "what is behind the gap: %lu", x.first);
    is_int(get("a", x.first, 5000), (ngx_int_t) (101 - x.first), "is read");

    x = info("b");
    ok(x.head == 0 && x.life != i.life && x.life != 0, "a new life");
    ok(memcmp(x.epoch, i.epoch, NGX_CHAT_EPOCH_LEN) != 0, "a new epoch");
    is_int(ngx_chat_room_info(&env.z, i.idx, i.life, &x), NGX_DECLINED,
           "the old life is over");
    is_int(put("b", 300, 1, NOW), NGX_OK, "it can be used");
    is_int(last.offset, 1, "from the begin");

    x = info("c");
    is_int(get("c", x.first, 5000), (ngx_int_t) (101 - x.first),
           "another room is whole");
    sound("damage");

    /* the zone's memory is nonsense: no crash, and it works again */

    for (offset = 0; offset < env.z.sh->seg_n; offset++) {
        memset(ngx_chat_seg(env.z.sh, offset + 1), unit_random(), 64);
    }

    env.z.sh->dirty = 1;
    is_int(put("a", 300, 1, NOW), NGX_OK, "all segments are nonsense");
    is_int(last.offset, 1, "all begins anew");
    sound("nonsense");
}


int
main(void)
{
    env_log = stub_init();
    ngx_slab_sizes_init();

    test_fair();
    test_full();
    test_damage();
    test_model();

    return done();
}
