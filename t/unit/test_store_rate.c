
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Token buckets.
 */

#include "unit.h"

#include "store_sources.h"
#include "store_env.h"


static ngx_chat_rate_rule_t  five = {          /* 5 a second, burst 3 */
    NGX_CHAT_RATE_MESSAGE, NGX_CHAT_RATE_USER, 200000, 3,
    ngx_string("message rate=5r/s burst=3 key=user"), 0
};

static ngx_chat_rate_rule_t  hourly = {
    NGX_CHAT_RATE_MESSAGE, NGX_CHAT_RATE_ROOM, 3600000000ULL, 0,
    ngx_string("message rate=1r/h burst=0 key=room"), 0
};

static ngx_chat_rates_t  r;


static uint64_t
key(ngx_chat_rate_rule_t *rr, const char *value)
{
    ngx_str_t  v;

    v.data = (u_char *) value;
    v.len = strlen(value);

    return ngx_chat_rate_key(&env.z, rr, &v);
}


static void
bucket(ngx_chat_rate_rule_t *rr, const char *value)
{
    r.bucket[r.n].rule = rr;
    r.bucket[r.n].key = key(rr, value);
    r.n++;
}


static ngx_int_t
take(uint64_t cost, uint64_t ms)
{
    r.cost = cost;

    return ngx_chat_rate_take(&env.z, &r, NOW + ms);
}


static void
begin(void)
{
    fresh(1024 * 1024);
    memset(&r, 0, sizeof(r));
}


static void
test_bucket(void)
{
    ngx_uint_t  i;

    begin();
    bucket(&five, "ann");

    for (i = 0; i < 4; i++) {
        is_int(take(1, 0), NGX_OK, "%lu of four at once", i + 1);
        is_int(r.wait, 0, "nothing to wait for");
    }

    is_int(take(1, 0), NGX_BUSY, "not a fifth");
    is_int(r.wait, 200, "until one is there");
    ok(r.rule == &five, "whose");
    is_int(take(2, 0), NGX_BUSY, "nor two");
    is_int(r.wait, 400, "until two are there");
    is_int(take(1, 199), NGX_BUSY, "nearly");
    is_int(r.wait, 1, "a moment");
    is_int(take(1, 200), NGX_OK, "now");
    is_int(take(1, 200), NGX_BUSY, "and no more");
    is_int(take(1, 100000), NGX_OK, "later it is full again,");
    is_int(take(3, 100000), NGX_OK, "which is four");
    is_int(take(1, 100000), NGX_BUSY, "and not more");
    sound("taken");
}


static void
test_cost(void)
{
    begin();
    bucket(&five, "ann");

    is_int(take(1000, 0), NGX_OK, "more than there can be is all of it");
    is_int(take(1, 0), NGX_BUSY, "which is gone");
    is_int(r.wait, 200, "as after four");
    is_int(take(1000, 200), NGX_BUSY, "all of it");
    is_int(r.wait, 600, "needs all of it");
}


static void
test_several(void)
{
    begin();
    bucket(&five, "ann");
    bucket(&hourly, "lobby");

    is_int(take(1, 0), NGX_OK, "from both");
    is_int(take(1, 0), NGX_BUSY, "one is empty");
    is_int(r.wait, 3600000, "the longer wait");
    ok(r.rule == &hourly, "whose");

    /* the other lost nothing by it */

    r.n = 1;
    is_int(take(3, 0), NGX_OK, "three are left");
    is_int(take(1, 0), NGX_BUSY, "and no more");

    r.n = 0;
    bucket(&five, "bob");
    is_int(take(4, 0), NGX_OK, "another's is full");

    r.n = 0;
    is_int(take(1, 0), NGX_OK, "from none");
}


static void
test_dry(void)
{
    begin();
    bucket(&hourly, "lobby");
    r.dry = 1;

    is_int(take(1, 0), NGX_OK, "taken");
    is_int(r.wait, 0, "it was there");
    is_int(take(1, 1000), NGX_OK, "allowed");
    is_int(r.wait, 3599000, "told");
    is_int(take(1, 3600000), NGX_OK, "what was not there was not taken");
    is_int(r.wait, 0, "so it is there");
}


static void
test_clock(void)
{
    begin();
    bucket(&five, "ann");

    is_int(take(4, 10 * 3600 * 1000), NGX_OK, "in ten hours");
    is_int(take(4, 0), NGX_OK, "the clock was set back: it is full");
    is_int(take(1, 0), NGX_BUSY, "and counts from now on");
    is_int(r.wait, 200, "as ever");
}


/* many others make room in a set by taking place from the fullest */

static void
test_many(void)
{
    char        name[32];
    ngx_uint_t  i, n;

    begin();
    bucket(&hourly, "flooder");
    is_int(take(1, 0), NGX_OK, "empty now");

    n = env.z.sh->rate_n * NGX_CHAT_RATE_WAYS;

    for (i = 0; i < 4 * n; i++) {
        snprintf(name, sizeof(name), "%lu", (unsigned long) i);
        r.n = 0;
        bucket(&five, name);

        if (take(1, 0) != NGX_OK) {
            ok(0, "%s was refused", name);
        }
    }

    r.n = 0;
    bucket(&hourly, "flooder");
    is_int(take(1, 1000), NGX_BUSY, "four times as many forget nothing of it");
    sound("many");
}


/* in a publish: a duplicate is free, what is refused leaves nothing */

static void
test_publish(void)
{
    ngx_int_t             rc;
    ngx_chat_publish_t    p;
    ngx_chat_room_info_t  info;

    begin();
    bucket(&hourly, "lobby");
    r.cost = 1;

    memset(&p, 0, sizeof(p));
    p.key = room("lobby");
    p.rule = &rule;
    p.type = NGX_CHAT_REC_RAW_TEXT;
    p.piece[0].data = (u_char *) "hi";
    p.piece[0].len = 2;
    p.nonce[0] = 1;
    p.user = 7;
    p.ts = NOW;
    p.rates = &r;

    is_int(ngx_chat_log_publish(&env.z, 0, &p), NGX_OK, "published");
    p.ts = NOW;
    is_int(ngx_chat_log_publish(&env.z, 0, &p), NGX_OK, "again");
    ok(p.duplicate, "which is a duplicate");

    p.nonce[0] = 2;
    p.ts = NOW;
    is_int(ngx_chat_log_publish(&env.z, 0, &p), NGX_CHAT_LIMITED,
           "another");
    is_int(r.wait, 3600000, "may come in an hour");

    p.key = room("other");
    p.ts = NOW;
    is_int(ngx_chat_log_publish(&env.z, 0, &p), NGX_CHAT_LIMITED,
           "elsewhere, too");
    rc = ngx_chat_room_find(&env.z, &p.key, &rule, &info);
    is_int(rc, NGX_DECLINED, "where no room was made");

    p.ts = NOW + 3600000;
    is_int(ngx_chat_log_publish(&env.z, 0, &p), NGX_OK, "in an hour");
    sound("published");
}


int
main(void)
{
    env_log = stub_init();
    ngx_slab_sizes_init();

    test_bucket();
    test_cost();
    test_several();
    test_dry();
    test_clock();
    test_many();
    test_publish();

    return done();
}
