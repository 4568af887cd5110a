
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * What webhooks are told: the ring, how far they are, deaths, who has sessions.
 */

#define NGX_CHAT_TEST_POINTS  1

#include "unit.h"

#include "store_sources.h"
#include "store_env.h"


#define RING  NGX_CHAT_HOOK_MIN


static ngx_chat_hook_stat_t   stat_;
static size_t                 ring = RING;
static u_char                 large_[RING / 4];
static u_char                 out[NGX_CHAT_HOOK_MAX];
static ngx_chat_hook_batch_t  batch;


static void
hooked(uint32_t mask)
{
    size_t  size;

    if (env.z.sh != NULL) {
        env_done(&env);
    }

    size = 1024 * 1024;

    env.z.hook_ring = ring;
    env.z.hook_memory = ngx_chat_hook_memory(size, ring, mask,
                                             &env.z.hook_users);

    if (env_init(&env, "test", size + env.z.hook_memory, env_log) != NGX_OK) {
        ok(0, "a zone with webhooks");
        exit(done());
    }

    memset(&rule, 0, sizeof(rule));
    rule.history = 1000;
    rule.create = 1;

    ngx_chat_zone_attach(&env.z, 0, ngx_pid, ngx_chat_process_start(ngx_pid));
    ngx_chat_zone_attach(&env.z, 1, ngx_pid, ngx_chat_process_start(ngx_pid));
    ngx_chat_hook_start(&env.z, mask, 1000);
}


/* a message whose text tells its number */

static ngx_int_t
say(const char *name, ngx_uint_t n, size_t len)
{
    static char  text[64 * 1024];

    ngx_chat_publish_t  p;

    memset(text, 'x', sizeof(text));
    snprintf(text, 32, "%08lu", (unsigned long) n);
    text[8] = 'x';

    memset(&p, 0, sizeof(p));

    p.key = room(name);
    p.rule = &rule;
    p.type = NGX_CHAT_REC_MESSAGE;
    p.ts = NOW + n;
    p.piece[0].data = (u_char *) "<";
    p.piece[0].len = 1;
    p.piece[1].data = (u_char *) "=";
    p.piece[1].len = 1;
    p.piece[2].data = (u_char *) text;
    p.piece[2].len = len;

    return ngx_chat_log_publish(&env.z, 0, &p);
}


static ngx_chat_hook_rec_t *
at(size_t pos)
{
    return (ngx_chat_hook_rec_t *) (out + pos);
}


/* how many records a batch has, whose numbers must follow one another */

static ngx_uint_t
take(ngx_uint_t slot)
{
    size_t      pos;
    uint64_t    seq;
    ngx_uint_t  n;

    batch.slot = slot;
    batch.buf = out;
    batch.size = sizeof(out);

    ngx_chat_hook_take(&env.z, &batch);

    seq = 0;
    n = 0;

    for (pos = 0; pos < batch.len; pos += at(pos)->size) {

        if (seq != 0 && at(pos)->seq != seq + 1) {
            return 0;
        }

        seq = at(pos)->seq;
        n++;
    }

    return n;
}


static void
accept_all(ngx_uint_t slot)
{
    size_t    pos;
    uint64_t  seq;

    for ( ;; ) {
        take(slot);

        if (batch.len == 0) {
            return;
        }

        for (pos = 0, seq = 0; pos < batch.len; pos += at(pos)->size) {
            seq = at(pos)->seq;
        }

        ngx_chat_hook_done(&env.z, slot, batch.at + batch.len, seq + 1, 1);
    }
}


static void
test_ring(void)
{
    uint64_t    lost;
    ngx_int_t   a, b;
    ngx_uint_t  i, n;

    hooked(1 << NGX_CHAT_HOOK_MESSAGE);

    is_int(say("lobby", 1, 100), NGX_OK, "before anybody listens");

    a = ngx_chat_hook_slot(&env.z, 7, NULL, 0);
    b = ngx_chat_hook_slot(&env.z, 8, NULL, 0);

    ok(a != b && a >= 0 && b >= 0, "two webhooks");
    is_int(ngx_chat_hook_slot(&env.z, 7, NULL, 0), a, "the same one");
    ok(!ngx_chat_hook_due(&env.z, a, NOW), "nothing for it yet");

    is_int(say("lobby", 2, 100), NGX_OK, "a message");
    is_int(put("lobby", 100, 0, NOW + 3), NGX_OK, "of another kind");

    ok(ngx_chat_hook_due(&env.z, a, NOW), "something is there");
    is_int(take(a), 1, "one record");
    ok(memcmp(at(0) + 1, "lobby<", 6) == 0, "room and event");
    is_int(at(0)->ts, NOW + 2, "its time");

    /* a batch that failed stays what it was */

    ngx_chat_hook_try(&env.z, a, batch.at + batch.len);
    ngx_chat_hook_failed(&env.z, a, NOW + 1000);
    is_int(say("lobby", 4, 100), NGX_OK, "another one");
    ok(!ngx_chat_hook_due(&env.z, a, NOW + 999), "not yet");
    ok(ngx_chat_hook_due(&env.z, a, NOW + 1000), "again");
    is_int(take(a), 1, "the same batch");
    is_int(ngx_chat_hook_tries(&env.z, a), 1, "tried once");
    ngx_chat_hook_stat(&env.z, &stat_);
    is_int(stat_.waiting, 0, "nobody sends yet");
    ok(ngx_chat_hook_hold(&env.z, a, 0, 5), "somebody does");
    ok(!ngx_chat_hook_hold(&env.z, a, 0, 6), "nobody else");
    ngx_chat_hook_stat(&env.z, &stat_);
    is_int(stat_.waiting, 2, "two wait");
    is_int(stat_.failed, 1, "one attempt has failed");

    ngx_chat_hook_done(&env.z, a, batch.at + batch.len, at(0)->seq + 1,
                       1);
    is_int(take(a), 1, "the next");
    is_int(take(b), 2, "both, for the other");

    /* round the ring, many times */

    accept_all(b);

    for (i = 0, n = 0; i < 2000; i++) {
        (void) say("lobby", i, 8 + i * 37 % 5000);
        n += take(b);
        accept_all(b);
    }

    is_int(n, 2000, "each of them, whole");

    lost = 0;
    take(a);
    lost += batch.lost;
    ok(lost > 1800 && lost < 2000, "who slept has lost %lu",
       (unsigned long) lost);
    take(a);
    is_int(batch.lost, 0, "which is told once");

    is_int(say("lobby", 1, 30 * 1024), NGX_OK, "a large one");
    accept_all(b);
    sound("after all of it");

    /* the old are given up */

    (void) say("lobby", 100000, 100);
    n = ngx_chat_hook_expire(&env.z, a, NOW + 100000);
    ok(n > 20, "%lu are too old", (unsigned long) n);
    is_int(take(a), 1, "one isn't");

    ngx_chat_hook_off(&env.z, a);
    ok(!ngx_chat_hook_due(&env.z, a, NOW * 2), "told nothing");
    ngx_chat_hook_enable(&env.z);
    is_int(take(a), 0, "until it is asked again");
}


/* places go to others when there are no free ones, those of one's own not */

static void
test_places(void)
{
    uint64_t    ids[8];
    ngx_int_t   place;
    ngx_uint_t  i, seen;

    hooked(1 << NGX_CHAT_HOOK_MESSAGE);

    for (i = 0; i < NGX_CHAT_HOOK_SLOTS; i++) {
        (void) ngx_chat_hook_slot(&env.z, 101 + i, NULL, 0);
    }

    for (i = 0; i < 8; i++) {
        ids[i] = 201 + i;
    }

    (void) ngx_chat_hook_hold(&env.z, 3, 0, 5);

    for (i = 0, seen = 0; i < 8; i++) {
        place = ngx_chat_hook_slot(&env.z, ids[i], ids, 8);
        ok(place >= 0 && place != 3, "a place");
        seen |= (ngx_uint_t) 1 << place;
    }

    is_int(__builtin_popcountl(seen), 8, "each its own");

    for (i = 0; i < 8; i++) {
        (void) ngx_chat_hook_hold(&env.z, 8 + i, 0, 6);
    }

    is_int(ngx_chat_hook_slot(&env.z, 300, ids, 8), NGX_ERROR,
           "none, as the others are held or of the same configuration");
}


/* a smaller ring has what is behind the last that is too large for it */

static void
test_copy(void)
{
    ngx_int_t         slot;
    ngx_str_t         lobby, large;
    ngx_chat_sh_t    *sh;
    ngx_chat_zone_t   old;

    ngx_str_set(&lobby, "lobby");
    large.data = large_;
    large.len = sizeof(large_);

    ring = 4 * RING;
    hooked(1 << NGX_CHAT_HOOK_MESSAGE);
    old = env.z;

    slot = ngx_chat_hook_slot(&env.z, 7, NULL, 0);
    (void) say("lobby", 1, 100);
    ngx_chat_hook_put(&env.z, NGX_CHAT_HOOK_MESSAGE, &lobby, &large);
    (void) say("lobby", 2, 100);
    (void) say("lobby", 3, 100);
    is_int(take(slot), 4, "four wait");

    /* the new one lies in memory that nobody else has */

    sh = calloc(1, sizeof(ngx_chat_sh_t) + 2 * RING);
    sh->hook.size = RING;
    sh->hook.ring = sizeof(ngx_chat_sh_t);
    sh->hook.slots = sh->hook.ring + RING;

    ngx_chat_hook_copy_locked(sh, old.sh);

    env.z.sh = sh;
    is_int(take(slot), 2, "two of them in the smaller one");
    is_int(batch.lost, 2, "two were lost");
    ok(memcmp(at(0) + 1, "lobby<", 6) == 0, "whole");

    env.z.sh = old.sh;
    free(sh);
    ring = RING;
}


/* who dies at a point of a publish, and whether it is in both, or in none */

static void
say_long(void *data)
{
    (void) say("lobby", *(ngx_uint_t *) data, 3000);
}


static void
test_death(void)
{
    uint64_t              head;
    ngx_int_t             slot;
    ngx_uint_t            i;
    ngx_chat_room_info_t  now;

    static const char  *points[] = {
        "hook:pending", "nonce", "append:mid", "head:before", "head:after",
        "hook:published", "publish:none"
    };

    hooked(1 << NGX_CHAT_HOOK_MESSAGE);
    slot = ngx_chat_hook_slot(&env.z, 7, NULL, 0);
    (void) say("lobby", 0, 100);
    accept_all(slot);

    for (i = 0; i < sizeof(points) / sizeof(points[0]); i++) {

        head = info("lobby").head;

        ok(dies_at(points[i], 2, say_long, &i) || i == 6, "dies at %s",
           points[i]);

        now = info("lobby");
        is_int(take(slot), now.head - head, "%s: as many as in the room",
               points[i]);
        accept_all(slot);

        is_int(say("lobby", i, 100), NGX_OK, "%s: it goes on", points[i]);
        is_int(take(slot), 1, "%s: and is told", points[i]);
        accept_all(slot);
        sound(points[i]);
    }
}


static ngx_str_t
name(const char *s)
{
    ngx_str_t  n;

    n.data = (u_char *) s;
    n.len = strlen(s);

    return n;
}


static uint32_t
come(const char *who, ngx_uint_t seat, uint64_t now)
{
    u_char      key[NGX_CHAT_HOOK_KEY];
    ngx_str_t   user;
    ngx_uint_t  full;

    user = name(who);
    memset(key, 0, sizeof(key));
    memcpy(key, who, ngx_min(user.len, sizeof(key)));

    return ngx_chat_hook_enter(&env.z, seat, key, &user, 0, now, &full);
}


static ngx_uint_t
online(const char *who)
{
    u_char                 key[NGX_CHAT_HOOK_KEY];
    ngx_uint_t             is;
    ngx_chat_hook_user_t  *u;

    memset(key, 0, sizeof(key));
    memcpy(key, who, ngx_min(strlen(who), sizeof(key)));

    ngx_chat_shm_lock(&env.z);
    is = ngx_chat_hook_online_locked(env.z.sh, key, &u);
    ngx_chat_shm_unlock(&env.z);

    return is;
}


static void
test_users(void)
{
    char        who[16];
    uint32_t    ann, bob;
    ngx_int_t   slot;
    ngx_uint_t  i, n;

    hooked(NGX_CHAT_HOOK_ALL);
    slot = ngx_chat_hook_slot(&env.z, 7, NULL, 0);

    ann = come("ann", 0, 1000);
    ok(ann != 0 && online("ann") && !online("bob"), "ann has a session");
    is_int(come("ann", 1, 1000), ann, "and one elsewhere");
    bob = come("bob", 1, 1000);

    is_int(take(slot), 2, "two came");
    is_int(at(0)->kind, NGX_CHAT_HOOK_CONNECT, "which is told");
    accept_all(slot);

    ngx_chat_hook_leave(&env.z, 0, ann, 2000);
    ok(online("ann"), "one of two is left");
    ngx_chat_hook_clear(&env.z, 1, 2000);
    ok(!online("ann") && !online("bob"), "a worker dies");

    ngx_chat_hook_run(&env.z, 2900);
    is_int(take(slot), 0, "they may come again");
    is_int(come("bob", 0, 2950), bob, "one does");
    ngx_chat_hook_run(&env.z, 3100);
    is_int(take(slot), 1, "one has gone");
    is_int(at(0)->kind, NGX_CHAT_HOOK_DISCONNECT, "which is told");
    ok(memcmp(at(0) + 1, "ann", 3) == 0, "by name");
    accept_all(slot);

    /* as after a death inside */

    env.z.sh->dirty = 1;
    ok(online("bob") && !online("ann"), "after a repair");
    is_int(come("ann", 0, 4000), ann, "and who has gone is still known");
    is_int(take(slot), 1, "he came");
    accept_all(slot);

    /* more than there is place for: first who has gone, then who waits */

    for (i = 0, n = 0; i < env.z.hook_users; i++) {
        snprintf(who, sizeof(who), "user%lu", (unsigned long) i);
        n += (come(who, 0, 5000) != 0);
    }

    is_int(n, env.z.hook_users - 2, "all places are taken");
    ngx_chat_hook_leave(&env.z, 0, bob, 6000);
    ok(come("late", 0, 6000) != 0, "who waits gives his up");
    ok(come("later", 0, 6000) == 0, "nobody else does");
}


int
main(void)
{
    env_log = stub_init();
    ngx_slab_sizes_init();

    test_ring();
    test_places();
    test_copy();
    test_death();
    test_users();

    return done();
}
