
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Nonces: a publish that is repeated is published once.
 */

#include "unit.h"

#include "store_sources.h"
#include "store_env.h"


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


int
main(void)
{
    env_log = stub_init();
    ngx_slab_sizes_init();

    test_nonces();

    return done();
}
