
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * A zone that is taken over by one of another size, or by the next cycle.
 */

#include "unit.h"

#include "store_sources.h"
#include "store_env.h"


static env_t            other;
static ngx_cycle_t      cycle;
static ngx_shm_zone_t   zones[3];


/* the running cycle has the zone `env' */

static void
running(void)
{
    memset(&cycle, 0, sizeof(cycle));
    memset(zones, 0, sizeof(zones));

    cycle.log = env_log;
    cycle.shared_memory.part.elts = zones;
    cycle.shared_memory.part.nelts = 3;

    ngx_str_set(&zones[0].shm.name, "else");
    zones[2] = env.shm_zone;

    ngx_cycle = &cycle;
}


/* from here on the tests see the other zone as `env' */

static void
swap(void)
{
    env_t  t;

    t = env;
    env = other;
    other = t;

    env.shm_zone.data = &env.z;
    other.shm_zone.data = &other.z;
    env.z.shm_zone = &env.shm_zone;
    other.z.shm_zone = &other.shm_zone;
}


static void
fill(void)
{
    char                  name[32];
    uint64_t              offset;
    ngx_uint_t            i;

    for (offset = 1; offset <= 40; offset++) {
        for (i = 0; i < 20; i++) {
            flood_name(name, i);
            put(name, (offset * 37 + i * 101) % 900, offset, NOW + offset);
        }

        put("large", 8000 + offset, offset, NOW + offset);
    }

    rule.history = 0;
    put("none", 10, 1, NOW);
    put("none", 10, 2, NOW);
    rule.history = 10;
    rule.age = 77;
    rule.size = 9000;

    for (offset = 1; offset <= 40; offset++) {
        put("ten", 1000, offset, NOW + offset);
    }

    rule.history = 1000;
    rule.age = 0;
    rule.size = 0;
}


static void
test_copy(size_t from, size_t to)
{
    char                  name[32];
    uint64_t              lives;
    ngx_int_t             n;
    ngx_uint_t            i, bad, lost;
    u_char                secret[32];
    ngx_chat_pos_t        pos;
    ngx_chat_slot_t      *slot;
    ngx_chat_publish_t    p;
    ngx_chat_zone_stat_t  st, st2;
    ngx_chat_room_info_t  x, y, old[20];

    note("from %luk to %luk", from / 1024, to / 1024);

    fresh(from);
    fill();
    running();

    p = last;
    p.key = room("large");
    p.piece[0].len = 100;
    p.nonce[0] = 1;
    p.nonce[1] = 2;
    p.user = 3;
    p.body = 4;
    ngx_chat_log_publish(&env.z, 0, &p);

    for (i = 0; i < 20; i++) {
        flood_name(name, i);
        old[i] = info(name);
    }

    y = info("room-3");
    ngx_chat_room_open(&env.z, &p.key, &rule, 1, 0, &x);
    memcpy(secret, env.z.sh->secret, 32);
    lives = env.z.sh->lives;
    ngx_chat_metric_add(&env.z, 1, NGX_CHAT_M_DELIVERIES, 10);
    ngx_chat_zone_stat(&env.z, &st);

    /* -t doesn't touch what runs */

    ngx_test_config = 1;
    is_int(env_init(&other, "test", to, env_log), NGX_OK, "under nginx -t");
    ok(other.z.old == NULL && other.z.sh->room_count == 0
       && !ngx_chat_zone_moved(&env.z), "nothing is copied");
    env_done(&other);
    ngx_test_config = 0;

    is_int(env_init(&other, "nobody", to, env_log), NGX_OK, "another name");
    ok(other.z.old == NULL && other.z.sh->room_count == 0, "another zone");
    env_done(&other);

    is_int(env_init(&other, "test", to, env_log), NGX_OK, "resized");
    ok(other.z.old == &env.z && ngx_chat_zone_moved(&env.z), "moved");
    is_int(put("room-3", 10, 41, NOW), NGX_AGAIN, "no publish to the old");
    ok(get("room-3", info("room-3").first, 5000) > 0, "but it is read");
    sound("the old one");

    /* the cycle isn't taken */

    ngx_chat_zone_unmove(other.z.old);
    is_int(put("room-3", 10, 41, NOW), NGX_OK, "taken back");
    env_done(&other);
    y.head++;

    is_int(env_init(&other, "test", to, env_log), NGX_OK, "resized again");
    swap();

    sound("the new one");
    ok(!ngx_chat_zone_moved(&env.z), "is not moved");
    is_mem(ngx_chat_zone_secret(&env.z), 32, secret, 32, "the same secret");
    is_int(env.z.sh->lives, lives, "lives go on");

    ngx_chat_zone_stat(&env.z, &st2);
    is_int(st2.records, st.records + 1, "records");
    is_int(st2.metric[NGX_CHAT_M_DELIVERIES], 10, "counters");

    bad = 0;
    lost = 0;

    for (i = 0; i < 20; i++) {
        flood_name(name, i);
        x = info(name);

        if (i == 3) {
            bad += (memcmp(x.epoch, y.epoch, NGX_CHAT_EPOCH_LEN) != 0
                    || x.life != y.life || x.head != y.head);
        } else {
            bad += (x.head != old[i].head || x.life != old[i].life);
        }

        lost += x.first - old[i].first;

        if (i == 3) {
            bad += (ngx_chat_log_seek(&env.z, x.idx, x.life, 41, &pos)
                    != NGX_OK);
            continue;
        }

        n = get(name, x.first, 5000);
        bad += (n != (ngx_int_t) (x.head + 1 - x.first));
    }

    is_int(bad, 0, "rooms, epochs, offsets");

    if (to > from) {
        is_int(lost, 0, "all records");

    } else {
        note("%lu records of 800 didn't fit", lost);
        ok(lost < 700, "records");
    }

    x = info("none");
    ok(x.head == 2 && x.first == 3, "an empty room keeps its head");
    rule.history = 10;
    rule.age = 77;
    rule.size = 9000;
    x = info("ten");
    ok(x.head == 40 && x.first > 31 && x.first < 36, "and what is shown: %lu",
       x.first);
    slot = &ngx_chat_slots(env.z.sh)[x.idx];
    ok(slot->age == 77 && slot->size == 9000, "and the rule");
    rule.history = 1000;
    rule.age = 0;
    rule.size = 0;

    /* resume: the epoch and the offsets are the same, a retry is known */

    is_int(ngx_chat_log_publish(&env.z, 0, &p), NGX_OK, "a nonce");
    ok(p.duplicate && p.offset == 41, "is known");
    is_int(put("room-4", 10, 41, NOW), NGX_OK, "publish");
    is_int(last.offset, 41, "goes on");
    is_int(put("brand new", 10, 1, NOW), NGX_OK, "a new room");
    is_int(last.life, lives + 1, "a new life");

    sound("in use");

    swap();
    env_done(&other);
    env_done(&env);
    cycle.shared_memory.part.nelts = 0;
}


/* what is kept goes along, or the old zone stays */

static void
test_table(void)
{
    u_char          value[1000];
    uint64_t        v;
    ngx_int_t       rc;
    ngx_uint_t      i, n;
    ngx_chat_row_t  r;

    fresh(2 * 1024 * 1024);
    running();

    memset(&r, 0, sizeof(r));

    for (n = 0; /* void */ ; n++) {
        r.kind = (n % 4 == 0) ? NGX_CHAT_KIND_BAN : NGX_CHAT_KIND_MEMBER;
        memcpy(r.subject, &n, sizeof(n));
        pattern(value, sizeof(value), "row", n);
        r.value.data = value;
        r.value.len = (n % 8 == 0) ? n % sizeof(value) : 0;

        if (ngx_chat_table_set(&env.z, &r, 0) != NGX_OK) {
            break;
        }
    }

    v = ngx_chat_table_version(&env.z);

    /* less than what there is */

    stub_log_level = NGX_LOG_DEBUG;
    is_int(env_init(&other, "test", 600 * 1024, env_log), NGX_ERROR, "less");
    is_int(stub_log_level, NGX_LOG_EMERG, "says so: %s", stub_log_last);
    ok(other.z.old == NULL && !ngx_chat_zone_moved(&env.z), "nothing moved");
    sound("the old one");
    env_done(&other);

    is_int(env_init(&other, "test", 4 * 1024 * 1024, env_log), NGX_OK,
           "more");
    swap();
    sound("the new one");
    is_int(ngx_chat_table_version(&env.z), v, "the version");

    for (rc = NGX_OK, i = 0; i < n && rc == NGX_OK; i++) {
        r.kind = (i % 4 == 0) ? NGX_CHAT_KIND_BAN : NGX_CHAT_KIND_MEMBER;
        memcpy(r.subject, &i, sizeof(i));
        r.value.data = buf;
        rc = ngx_chat_table_get(&env.z, &r, 0);
        pattern(value, sizeof(value), "row", i);

        if (r.value.len != ((i % 8 == 0) ? i % sizeof(value) : 0)
            || memcmp(buf, value, r.value.len) != 0)
        {
            rc = NGX_ERROR;
        }
    }

    is_int(rc, NGX_OK, "%lu rows", n);
    env_done(&other);
}


/* the same size: the next cycle goes on with the memory */

static void
test_keep(void)
{
    ngx_shm_zone_t   zone;
    ngx_chat_zone_t  z;

    fresh(1024 * 1024);
    put("a", 10, 1, NOW);

    zone = env.shm_zone;
    memset(&z, 0, sizeof(z));
    zone.data = &z;
    is_int(ngx_chat_zone_init(&zone, &env.z), NGX_OK, "the next cycle");
    ok(z.sh == env.z.sh && z.shpool == env.z.shpool, "the same memory");

    z.nonce_size = 500000;
    stub_log_level = NGX_LOG_DEBUG;
    is_int(ngx_chat_zone_init(&zone, &env.z), NGX_OK, "another chat_nonce");
    is_int(stub_log_level, NGX_LOG_WARN, "has to wait: %s", stub_log_last);

    env.z.sh->version++;
    is_int(ngx_chat_zone_init(&zone, &env.z), NGX_ERROR, "another layout");
    env.z.sh->version--;
    env_done(&env);
}


int
main(void)
{
    env_log = stub_init();
    ngx_slab_sizes_init();

    test_copy(2 * 1024 * 1024, 4 * 1024 * 1024);
    test_copy(4 * 1024 * 1024, 16 * 1024 * 1024);
    test_copy(16 * 1024 * 1024, 4 * 1024 * 1024);
    test_copy(2 * 1024 * 1024, 600 * 1024);
    test_table();
    test_keep();

    return done();
}
