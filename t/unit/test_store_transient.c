
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * The ring of transient events, and who types.
 */

#include "unit.h"

#include "store_sources.h"
#include "store_env.h"


static u_char                events[64 * 1024];
static ngx_chat_room_info_t  here;


static void
enter(const char *name, ngx_uint_t seat)
{
    ngx_chat_room_key_t  key;

    key.kind = NGX_CHAT_ROOM_CHAT;
    key.name.data = (u_char *) name;
    key.name.len = strlen(name);

    is_int(ngx_chat_room_open(&env.z, &key,
                              ngx_chat_zone_rule(&env.z, &key.name), seat, 1,
                              &here),
           NGX_OK, "seat %lu follows %s", (unsigned long) seat, name);
}


static ngx_int_t
say(const char *room, size_t len, u_char c, ngx_chat_transient_put_t *p)
{
    static u_char  payload[32 * 1024];

    ngx_int_t  rc;

    memset(payload, c, sizeof(payload));

    p->key.kind = NGX_CHAT_ROOM_CHAT;
    p->key.name.data = (u_char *) room;
    p->key.name.len = strlen(room);
    p->payload.data = payload;
    p->payload.len = len;

    rc = ngx_chat_transient_put(&env.z, 1, p);

    return rc;
}


static void
test_ring(void)
{
    size_t                     n;
    uint64_t                   pos, slow;
    ngx_uint_t                 i, whole;
    ngx_chat_transient_t      *e;
    ngx_chat_transient_put_t   p;

    fresh(1024 * 1024);
    memset(&p, 0, sizeof(p));

    pos = ngx_chat_transient_head(&env.z);

    is_int(say("a", 10, 'x', &p), NGX_DECLINED, "no such room");

    ngx_chat_zone_attach(&env.z, 1, ngx_pid, 0);
    ngx_chat_zone_attach(&env.z, 2, ngx_pid, 0);
    enter("a", 1);
    enter("a", 2);

    is_int(say("a", NGX_CHAT_TRANSIENT_MAX, 'x', &p), NGX_ERROR, "too large");
    is_int(say("a", 13, 'x', &p), NGX_OK, "put");
    ok(p.passed, "it is there");
    ok(ngx_chat_mask_has(&p.wake, 2), "the other seat is woken");
    ok(!ngx_chat_mask_has(&p.wake, 1), "its own is not");

    n = ngx_chat_transient_take(&env.z, &pos, events, sizeof(events));
    e = (ngx_chat_transient_t *) events;

    is_int(n, ngx_chat_transient_size(13), "taken");
    is_int(e->size, 13, "its size");
    is_int(e->room, here.idx, "its room");
    ok(e->life == here.life, "its life");
    is_int(ngx_chat_transient_take(&env.z, &pos, events, sizeof(events)), 0,
           "no more");

    /* round the ring, many times, one reader in step and one that sleeps */

    slow = pos;
    whole = 0;

    for (i = 0; i < 1000; i++) {
        say("a", 1 + i * 7 % 3000, (u_char) i, &p);

        n = ngx_chat_transient_take(&env.z, &pos, events, sizeof(events));

        whole += (n == ngx_chat_transient_size(1 + i * 7 % 3000)
                  && e->size == 1 + i * 7 % 3000
                  && ngx_chat_transient_payload(e)[0] == (u_char) i
                  && ngx_chat_transient_payload(e)[e->size - 1]
                     == (u_char) i);
    }

    is_int(whole, 1000, "all of them, whole");
    is_int(ngx_chat_transient_take(&env.z, &slow, events, sizeof(events)), 0,
           "who slept has lost them");
    ok(slow == pos, "and goes on at the head");

    /* several at once: what does not fit is for the next time */

    for (i = 0; i < 8; i++) {
        say("a", 1000, 'y', &p);
    }

    for (i = 0; i < 8; i += n / ngx_chat_transient_size(1000)) {
        n = ngx_chat_transient_take(&env.z, &pos, events, 2500);

        if (n == 0) {
            break;
        }
    }

    is_int(i, 8, "by twos");

    /* a writer that died before the head was moved: bytes and tail only */

    slow = pos;
    env.z.sh->transient_tail = pos + 1;
    memset(ngx_chat_transients(env.z.sh), 0xff, env.z.sh->transient_n);

    is_int(ngx_chat_transient_take(&env.z, &pos, events, sizeof(events)), 0,
           "nothing is there");
    say("a", 20, 'z', &p);
    is_int(ngx_chat_transient_take(&env.z, &pos, events, sizeof(events)),
           ngx_chat_transient_size(20), "the next one is");
}


static ngx_uint_t
typing(const char *room, uint64_t user, ngx_uint_t on, uint64_t now)
{
    ngx_chat_transient_put_t  p;

    memset(&p, 0, sizeof(p));
    p.typing = 1;
    p.on = on ? 1 : 0;
    p.user = user;
    p.now = now;
    p.max = 2;

    is_int(say(room, 10, 'x', &p), NGX_OK, "typing");

    return p.passed;
}


static void
test_typing(void)
{
    fresh(1024 * 1024);
    ngx_chat_zone_attach(&env.z, 1, ngx_pid, 0);
    enter("b", 1);
    enter("a", 1);

    ok(!typing("a", 7, 0, 10000), "off, but never on");
    ok(typing("a", 7, 1, 10000), "on");
    ok(!typing("a", 7, 1, 12999), "on again, too early");
    ok(typing("a", 8, 1, 10000), "another user");
    ok(typing("b", 7, 1, 10000), "another room");
    ok(typing("a", 7, 1, 13000), "on again after a while");
    ok(typing("a", 7, 0, 13001), "off");
    ok(!typing("a", 7, 0, 13002), "off again");
    ok(!typing("a", 7, 1, 13999), "on too soon after");
    ok(typing("a", 7, 1, 14000), "on");

    ngx_chat_room_sessions(&env.z, here.idx, here.life, 1, 2);
    ok(typing("a", 9, 1, 10000), "two sessions");
    ngx_chat_room_sessions(&env.z, here.idx, here.life, 1, 3);
    ok(!typing("a", 10, 1, 10000), "three are too many");

    /* the numbers of a seat go with it */

    enter("a", 2);
    ngx_chat_zone_detach(&env.z, 1);
    ok(typing("a", 11, 1, 10000), "nobody is there any more");
}


int
main(void)
{
    env_log = stub_init();
    ngx_slab_sizes_init();

    test_ring();
    test_typing();

    return done();
}
