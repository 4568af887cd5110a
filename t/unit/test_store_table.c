
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * The table of what is known for longer than a log.
 */

#define NGX_CHAT_TEST_POINTS  1

#include "unit.h"

#include "store_sources.h"
#include "store_env.h"


#define SECONDS  (NOW / 1000)


static u_char  value[NGX_CHAT_VALUE_MAX];


static ngx_chat_row_t
row(ngx_uint_t kind, const char *room_, const char *subject)
{
    ngx_str_t       s;
    ngx_chat_row_t  r;

    memset(&r, 0, sizeof(r));
    r.kind = kind;

    if (*room_) {
        s.data = (u_char *) room_;
        s.len = strlen(room_);
        ngx_chat_table_key(r.room, 'r', &s);
    }

    if (*subject) {
        s.data = (u_char *) subject;
        s.len = strlen(subject);
        ngx_chat_table_key(r.subject, 'u', &s);
    }

    return r;
}


static ngx_int_t
set(ngx_uint_t kind, const char *room_, const char *subject, const char *text,
    uint64_t expires)
{
    ngx_chat_row_t  r;

    r = row(kind, room_, subject);
    r.expires = expires;
    r.value.data = (u_char *) text;
    r.value.len = strlen(text);

    return ngx_chat_table_set(&env.z, &r, SECONDS);
}


/* "-": there is none */

static const char *
value_of(ngx_uint_t kind, const char *room_, const char *subject,
    uint64_t now)
{
    ngx_chat_row_t  r;

    static char     text[NGX_CHAT_VALUE_MAX + 1];

    r = row(kind, room_, subject);
    r.value.data = (u_char *) text;

    if (ngx_chat_table_get(&env.z, &r, now) != NGX_OK) {
        return "-";
    }

    text[r.value.len] = '\0';

    return text;
}


#define is_value(kind, room_, subject, want, what)                            \
    do {                                                                      \
        const char  *got_ = value_of(kind, room_, subject, SECONDS);          \
        is_str(got_, strlen(got_), want, what);                               \
    } while (0)


static ngx_int_t
del(ngx_uint_t kind, const char *room_, const char *subject)
{
    ngx_chat_row_t  r;

    r = row(kind, room_, subject);

    return ngx_chat_table_delete(&env.z, &r);
}


static ngx_uint_t
walk(ngx_uint_t kind, const char *room_, const char *subject)
{
    uint32_t        pos;
    ngx_int_t       rc;
    ngx_uint_t      n, calls;
    ngx_chat_row_t  like, r;

    like = row(kind, room_, subject);
    pos = 0;
    n = 0;
    calls = 0;

    do {
        r.value.data = NULL;
        rc = ngx_chat_table_next(&env.z, &like, &pos, SECONDS, &r);
        n += (rc == NGX_OK);

        if (rc == NGX_OK && kind && r.kind != kind) {
            return 10000;
        }

    } while (rc != NGX_DONE && ++calls < 100000);

    return n;
}


static void
test_rows(void)
{
    uint64_t        v;
    ngx_chat_row_t  r;

    fresh(1024 * 1024);

    v = ngx_chat_table_version(&env.z);

    is_value(NGX_CHAT_KIND_BAN, "lobby", "bob", "-", "nothing yet");
    is_int(del(NGX_CHAT_KIND_BAN, "lobby", "bob"), NGX_DECLINED, "nor to go");
    is_int(ngx_chat_table_version(&env.z), v, "and no change");

    is_int(set(NGX_CHAT_KIND_BAN, "lobby", "bob", "spam", 0), NGX_OK, "set");
    is_value(NGX_CHAT_KIND_BAN, "lobby", "bob", "spam", "found");
    is_value(NGX_CHAT_KIND_BAN, "lobby", "ann", "-", "another user");
    is_value(NGX_CHAT_KIND_BAN, "", "bob", "-", "another room");
    is_value(NGX_CHAT_KIND_MUTE, "lobby", "bob", "-", "another kind");
    ok(ngx_chat_table_version(&env.z) > v, "a change");

    v = ngx_chat_table_version(&env.z);
    is_int(set(NGX_CHAT_KIND_BAN, "lobby", "bob", "", SECONDS + 5), NGX_OK,
           "replaced, no value");
    is_value(NGX_CHAT_KIND_BAN, "lobby", "bob", "", "the new one");
    ok(ngx_chat_table_version(&env.z) > v, "a change");
    is_int(walk(0, "", ""), 1, "there is one");

    r = row(NGX_CHAT_KIND_BAN, "lobby", "bob");
    is_int(ngx_chat_table_get(&env.z, &r, SECONDS + 4), NGX_OK, "before");
    is_int(r.expires, SECONDS + 5, "its end is told");
    is_int(r.seq, ngx_chat_table_version(&env.z), "and when it was set");
    is_int(ngx_chat_table_get(&env.z, &r, SECONDS + 5), NGX_DECLINED, "over");
    sound("rows");

    v = ngx_chat_table_version(&env.z);
    is_int(del(NGX_CHAT_KIND_BAN, "lobby", "bob"), NGX_OK, "deleted");
    ok(ngx_chat_table_version(&env.z) > v, "a change");
    is_value(NGX_CHAT_KIND_BAN, "lobby", "bob", "-", "gone");
    is_int(env.z.sh->record_free_n, env.z.sh->record_n, "all are free");
    is_int(env.z.sh->block_free_n, env.z.sh->block_n, "and the blocks");

    r = row(0, "a", "b");
    is_int(ngx_chat_table_set(&env.z, &r, SECONDS), NGX_ERROR, "no kind");
    r.kind = NGX_CHAT_KIND_MAX + 1;
    is_int(ngx_chat_table_set(&env.z, &r, SECONDS), NGX_ERROR, "no kind");
    r.kind = NGX_CHAT_KIND_BAN;
    r.value.data = value;
    r.value.len = NGX_CHAT_VALUE_MAX + 1;
    is_int(ngx_chat_table_set(&env.z, &r, SECONDS), NGX_ERROR, "too long");

    env.z.sh->moved = 1;
    is_int(set(NGX_CHAT_KIND_BAN, "a", "b", "", 0), NGX_AGAIN, "moved");
    is_int(del(NGX_CHAT_KIND_BAN, "a", "b"), NGX_AGAIN, "moved");
    sound("nothing left");
}


static void
test_keys(void)
{
    u_char               a[NGX_CHAT_KEY_LEN], b[NGX_CHAT_KEY_LEN];
    ngx_str_t            name;
    ngx_chat_room_key_t  key;

    static const u_char  known[NGX_CHAT_KEY_LEN] = {
        /* the first half of SHA-256 of "rlobby", its first bit set */
        0x1f, 0x4d, 0x13, 0xc9, 0x49, 0xbf, 0x7d, 0xe4,
        0x29, 0x63, 0x8f, 0x6d, 0xa6, 0xf4, 0xa5, 0xbe
    };

    name.data = (u_char *) "lobby";
    name.len = 5;

    is_int(ngx_chat_table_key(a, 'r', &name), NGX_OK, "a key");
    ok(memcmp(a, known, sizeof(known)) == 0, "the same for ever");
    ngx_chat_table_key(b, 'u', &name);
    ok(memcmp(a, b, sizeof(a)) != 0, "of what matters");

    key = room("lobby");
    ngx_chat_table_room(b, &key);
    ok(memcmp(a, b, sizeof(a)) == 0, "a room");
    key.kind = NGX_CHAT_ROOM_RAW;
    ngx_chat_table_room(b, &key);
    ok(memcmp(a, b, sizeof(a)) != 0, "a raw room is another");

    name.data = value;
    name.len = NGX_CHAT_ROOM_MAX + 2;
    is_int(ngx_chat_table_key(a, 'r', &name), NGX_ERROR, "no name is longer");
}


static void
test_values(void)
{
    size_t          len;
    u_char          back[NGX_CHAT_VALUE_MAX];
    ngx_uint_t      bad;
    ngx_chat_row_t  r;

    fresh(1024 * 1024);

    for (bad = 0, len = 0; len <= NGX_CHAT_VALUE_MAX; len += 31) {

        pattern(value, len, "value", len);

        r = row(NGX_CHAT_KIND_ROOM, "lobby", "");
        r.value.data = value;
        r.value.len = len;
        bad += (ngx_chat_table_set(&env.z, &r, SECONDS) != NGX_OK);

        r.value.data = back;
        r.value.len = 0;
        bad += (ngx_chat_table_get(&env.z, &r, SECONDS) != NGX_OK
                || r.value.len != len || memcmp(back, value, len) != 0);
    }

    is_int(bad, 0, "values of 0 to %d bytes", NGX_CHAT_VALUE_MAX);
    sound("values");

    set(NGX_CHAT_KIND_ROOM, "lobby", "", "short", 0);
    is_value(NGX_CHAT_KIND_ROOM, "lobby", "", "short", "a short one again");
    is_int(env.z.sh->block_free_n, env.z.sh->block_n - 1, "its blocks went");
    sound("shorter");
}


static void
test_walk(void)
{
    char        name[32];
    ngx_uint_t  i;

    fresh(16 * 1024 * 1024);

    for (i = 0; i < 300; i++) {
        sprintf(name, "user-%lu", i);
        set(NGX_CHAT_KIND_BAN, i % 3 ? "lobby" : "", name, "x", 0);
        set(NGX_CHAT_KIND_MEMBER, i % 2 ? "lobby" : "other", name, "", 0);
    }

    is_int(walk(0, "", ""), 600, "all");
    is_int(walk(NGX_CHAT_KIND_BAN, "", ""), 300, "of a kind");
    is_int(walk(NGX_CHAT_KIND_BAN, "lobby", ""), 200, "of a room");
    is_int(walk(NGX_CHAT_KIND_MEMBER, "", "user-7"), 1, "of a user");
    is_int(walk(NGX_CHAT_KIND_MUTE, "", ""), 0, "none");

    for (i = 0; i < 300; i++) {
        sprintf(name, "user-%lu", i);
        set(NGX_CHAT_KIND_MEMBER, "x", name, "", SECONDS - 1);
    }

    is_int(walk(NGX_CHAT_KIND_MEMBER, "x", ""), 0, "what is over isn't seen");

    for (i = 0; i <= env.z.sh->record_n; i += NGX_CHAT_TABLE_STEP) {
        ngx_chat_zone_sweep(&env.z, 0, NOW + i * 1000);
    }

    is_int(env.z.sh->record_n - env.z.sh->record_free_n, 600,
           "and goes by and by");
    sound("swept");
}


/* so many changes come between two steps that the last ones are others */

static void
test_changed(void)
{
    char        name[32];
    uint32_t    pos;
    uint64_t    after, upto;
    ngx_int_t   rc;
    ngx_uint_t  i, n, deleted;

    ngx_chat_row_t  r;

    fresh(1024 * 1024);

    after = ngx_chat_table_version(&env.z);

    for (i = 0; i < 4; i++) {
        sprintf(name, "first-%lu", i);
        set(NGX_CHAT_KIND_BAN, "", name, "", 0);
    }

    upto = ngx_chat_table_version(&env.z);
    pos = 0;
    r.value.data = NULL;

    rc = ngx_chat_table_changed(&env.z, after, upto, &pos, &r, &deleted);
    is_int(rc, NGX_OK, "a change");
    is_int(r.seq, after + 1, "the first");

    for (i = 0; i < NGX_CHAT_RECENT + 4; i++) {
        sprintf(name, "next-%lu", i);
        set(NGX_CHAT_KIND_BAN, "", name, "", 0);
    }

    for (n = 0, i = 0; rc != NGX_DONE && i < 1000; i++) {
        rc = ngx_chat_table_changed(&env.z, after, upto, &pos, &r, &deleted);
        n |= (rc == NGX_OK) ? 1 << (r.seq - after - 1) : 0;
    }

    is_int(rc, NGX_DONE, "it ends");
    ok((n & 14) == 14, "none is missed, %lu", n);
}


/* fills with `kind'; how many there were */

static ngx_uint_t
fill(ngx_uint_t kind, const char *text, uint64_t expires)
{
    char        name[32];
    ngx_uint_t  i;

    for (i = 0; i < 100000; i++) {
        sprintf(name, "u%lu-%lu", kind, i);

        if (set(kind, "room", name, text, expires) != NGX_OK) {
            break;
        }
    }

    return i;
}


static void
test_full(void)
{
    ngx_int_t   rc;
    ngx_uint_t  users, own, n;

    fresh(1024 * 1024);
    n = env.z.sh->record_n;

    users = fill(NGX_CHAT_KIND_MEMBER, "", 0);
    ok(users > n / 4 && users <= n / 2, "members: %lu of %lu", users, n);
    rc = set(NGX_CHAT_KIND_BLOCK, "r", "", "", 0);
    is_int(rc, NGX_BUSY, "and no more, nor blocks");

    users += fill(NGX_CHAT_KIND_ROOM, "", 0);
    ok(users > n / 2 && users <= n * 3 / 4, "users made %lu of %lu", users, n);
    rc = set(NGX_CHAT_KIND_ROOM, "r", "", "", 0);
    is_int(rc, NGX_BUSY, "and no more");

    own = fill(NGX_CHAT_KIND_BAN, "", 0);
    is_int(users + own, n - 1, "bans have the rest");
    rc = set(NGX_CHAT_KIND_BAN, "r", "x", "", 0);
    is_int(rc, NGX_BUSY, "and no more");
    sound("full");

    is_int(set(NGX_CHAT_KIND_BAN, "room", "u3-0", "longer", 0), NGX_OK,
           "what is there can be replaced");
    is_int(set(NGX_CHAT_KIND_MEMBER, "room", "u33-0", "longer", 0), NGX_OK,
           "also a member");
    is_value(NGX_CHAT_KIND_BAN, "room", "u3-0", "longer", "it was");

    is_int(del(NGX_CHAT_KIND_BAN, "room", "u3-1"), NGX_OK, "one goes");
    is_int(set(NGX_CHAT_KIND_BAN, "r", "x", "", 0), NGX_OK, "one comes");
    sound("full, and changed");

    /* what is over makes place at once */

    fresh(1024 * 1024);
    fill(NGX_CHAT_KIND_BAN, "", SECONDS + 1);

    {
        ngx_chat_row_t  r;

        r = row(NGX_CHAT_KIND_BAN, "r", "y");
        is_int(ngx_chat_table_set(&env.z, &r, SECONDS), NGX_BUSY, "full");
        is_int(ngx_chat_table_set(&env.z, &r, SECONDS + 1), NGX_OK,
               "the others are over");
    }

    is_int(env.z.sh->record_n - env.z.sh->record_free_n, 1, "and gone");
    sound("cleaned");

    /* blocks end before records do */

    fresh(1024 * 1024);
    memset(value, 'v', 2000);
    value[2000] = '\0';
    users = fill(NGX_CHAT_KIND_ROOM, (char *) value, 0);
    ok(users > 4 && users * 9 <= env.z.sh->block_n * 3 / 4, "%lu large",
       users);
    is_int(set(NGX_CHAT_KIND_ROOM, "r", "", "", 0), NGX_OK,
           "one without a value has place");
    is_int(set(NGX_CHAT_KIND_BAN, "r", "x", "why", 0), NGX_OK, "and a ban");
    sound("blocks");

    /* users can't get around it: first many small ones, then longer ones */

    fresh(1024 * 1024);
    fill(NGX_CHAT_KIND_ROOM, "small", 0);
    users = 0;

    for (n = 0; n < env.z.sh->record_n; n++) {
        char  name[32];

        sprintf(name, "u%d-%lu", NGX_CHAT_KIND_ROOM, n);
        rc = set(NGX_CHAT_KIND_ROOM, "room", name, (char *) value, 0);

        if (rc != NGX_OK) {
            break;
        }
    }

    is_int(rc, NGX_BUSY, "users can't make them all longer");
    ok(env.z.sh->block_free_n >= env.z.sh->block_n / 4, "%u blocks are left",
       env.z.sh->block_free_n);
    is_int(set(NGX_CHAT_KIND_BAN, "r", "x", "why", 0), NGX_OK, "for a ban");
    is_int(set(NGX_CHAT_KIND_ROOM, "room", "u32-0", (char *) value, 0),
           NGX_OK, "as long as before can be set");
    sound("longer");
}


static void
set_room(void *data)
{
    (void) set(NGX_CHAT_KIND_ROOM, "lobby", "", data, 0);
}


/* a process is killed at a point; who comes next repairs */

static void
killed_at(const char *point, const char *want)
{
    ok(dies_at(point, 5, set_room, value), "killed at %s", point);

    is_value(NGX_CHAT_KIND_ROOM, "lobby", "", want, "what there is");
    is_value(NGX_CHAT_KIND_BAN, "lobby", "bob", "spam", "what stays");
    sound(point);
}


static void
test_killed(void)
{
    char  old[601], new[901];

    memset(old, 'o', 600);
    old[600] = '\0';
    memset(new, 'n', 900);
    new[900] = '\0';

    fresh(1024 * 1024);
    set(NGX_CHAT_KIND_BAN, "lobby", "bob", "spam", 0);

    strcpy((char *) value, new);
    killed_at("table:before", "-");
    killed_at("table:exists", new);

    set(NGX_CHAT_KIND_ROOM, "lobby", "", old, 0);
    killed_at("table:before", old);
    killed_at("table:exists", new);

    set(NGX_CHAT_KIND_ROOM, "lobby", "", old, 0);
    killed_at("table:replaced", new);

    is_int(del(NGX_CHAT_KIND_ROOM, "lobby", ""), NGX_OK, "all can go");
    is_int(del(NGX_CHAT_KIND_BAN, "lobby", "bob"), NGX_OK, "all can go");
    is_int(env.z.sh->block_free_n, env.z.sh->block_n, "no block is lost");
    is_int(env.z.sh->record_free_n, env.z.sh->record_n, "and no record");
}


/* whatever bytes the table has, repair makes something sound of it */

static void
test_torn(void)
{
    ngx_uint_t      i, n, bad;
    ngx_chat_sh_t  *sh;

    for (bad = 0, n = 0; n < 200; n++) {

        fresh(600 * 1024);
        sh = env.z.sh;
        fill(NGX_CHAT_KIND_BAN, n % 2 ? "x" : "", 0);
        fill(NGX_CHAT_KIND_ROOM, (char *) value, 0);

        for (i = 0; i < 1 + n % 20; i++) {
            ((u_char *) sh)[sh->records_at
                + unit_random() % (sh->table_buckets - sh->records_at)]
                ^= (u_char) (1 + unit_random() % 255);
        }

        /* but for one thing: it is of no use here, and too great to compare */

        for (i = 1; i <= sh->record_n; i++) {
            ngx_chat_record(sh, i)->seq &= 0xffffffff;
        }

        sh->dirty = 1;
        ngx_chat_shm_lock(&env.z);
        ngx_chat_shm_unlock(&env.z);

        bad += (store_check_table(sh) != NULL);
    }

    is_int(bad, 0, "200 tables with wrong bytes");
}


int
main(void)
{
    env_log = stub_init();
    ngx_slab_sizes_init();

    test_rows();
    test_keys();
    test_values();
    test_walk();
    test_changed();
    test_full();
    test_killed();
    test_torn();

    return done();
}
