
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * How far users have read.
 */

#include "unit.h"

#include "store_sources.h"
#include "store_env.h"


static ngx_chat_marking_t  out;


static void
who(const char *user, uint64_t h[2])
{
    ngx_str_t  id;

    id.data = (u_char *) user;
    id.len = strlen(user);

    ngx_chat_mark_user(&env.z, &id, h);
}


static ngx_int_t
say(const char *name, const char *user, const char *mentioned)
{
    uint64_t            mention[1][2];
    ngx_chat_publish_t  p;

    memset(&p, 0, sizeof(p));

    p.key = room(name);
    p.rule = &rule;
    p.type = NGX_CHAT_REC_MESSAGE;
    p.piece[0].data = (u_char *) "{}";
    p.piece[0].len = 2;
    p.ts = 1000;

    who(user, p.reader);

    if (mentioned) {
        who(mentioned, mention[0]);
        p.mention = mention;
        p.nmentions = 1;
    }

    return ngx_chat_log_publish(&env.z, 0, &p);
}


/* upto -1: only asks */

static ngx_int_t
upto(const char *name, const char *user, int64_t offset, uint64_t now)
{
    ngx_chat_id_t  id;

    memset(&out, 0, sizeof(out));
    memset(&id, 0, sizeof(id));

    out.key = room(name);
    out.now = now * 1000;
    who(user, out.user);

    if (offset >= 0) {
        id.offset = (uint64_t) offset;
        out.upto = &id;
    }

    return ngx_chat_mark_read(&env.z, &out);
}


static void
test_markers(void)
{
    ngx_uint_t     i;
    ngx_chat_id_t  id;

    fresh(1024 * 1024);

    is_int(upto("a", "ann", -1, 1), NGX_DECLINED, "no room");

    for (i = 0; i < 5; i++) {
        is_int(say("a", "bob", NULL), NGX_OK, "a message");
    }

    is_int(upto("a", "ann", -1, 1), NGX_OK, "asked");
    ok(!out.marked && out.unread == 5, "no marker");
    is_int(upto("a", "ann", 3, 1), NGX_OK, "read");
    ok(out.marked && out.moved && out.marker == 3 && out.unread == 2,
       "forward");
    is_int(upto("a", "ann", 2, 1), NGX_OK, "read");
    ok(out.marked && !out.moved && out.marker == 3 && out.unread == 2,
       "not back");
    is_int(upto("a", "ann", 99, 1), NGX_OK, "read");
    ok(out.moved && out.marker == 5 && out.unread == 0, "not beyond");

    /* a raw record is a message, too; others' markers stay */

    is_int(upto("a", "bob", -1, 1), NGX_OK, "asked");
    ok(!out.marked, "who has never read has no marker by speaking");

    is_int(say("a", "ann", NULL), NGX_OK, "she speaks");
    is_int(upto("a", "ann", -1, 1), NGX_OK, "asked");
    ok(out.marker == 6 && out.unread == 0, "and has read");

    memset(&id, 'x', sizeof(id));
    memset(&out, 0, sizeof(out));
    out.key = room("a");
    out.upto = &id;
    is_int(ngx_chat_mark_read(&env.z, &out), NGX_ABORT, "another epoch");

    sound("markers");
}


static void
test_mentions(void)
{
    ngx_uint_t  i;

    fresh(1024 * 1024);

    is_int(say("a", "bob", "ann"), NGX_OK, "nobody knows her yet");
    is_int(upto("a", "ann", 0, 1), NGX_OK, "read");
    ok(out.marked && out.marker == 0 && out.unread == 1 && !out.mentions,
       "a marker before all");

    for (i = 0; i < 3 * NGX_CHAT_MARK_MENTIONS; i++) {
        is_int(say("a", "bob", "ann"), NGX_OK, "ann");
        is_int(say("a", "bob", NULL), NGX_OK, "nobody");
    }

    is_int(upto("a", "ann", -1, 1), NGX_OK, "asked");
    is_int(out.mentions, NGX_CHAT_MARK_MENTIONS, "the newest");
    is_int(upto("a", "ann", (int64_t) out.head - 4, 1), NGX_OK, "read");
    ok(out.mentions == 2 && out.unread == 4, "the last two");
    is_int(upto("a", "ann", (int64_t) out.head, 1), NGX_OK, "read");
    ok(out.mentions == 0 && out.unread == 0, "none");
}


/* a set never grows: whoever was not there for longest goes */

static void
test_full(void)
{
    char        user[32];
    ngx_uint_t  i, n, kept;

    fresh(1024 * 1024);

    is_int(say("a", "bob", NULL), NGX_OK, "a message");

    n = env.z.sh->mark_n * NGX_CHAT_MARK_WAYS * 4;

    for (i = 0; i < n; i++) {
        snprintf(user, sizeof(user), "u%lu", (unsigned long) i);
        (void) upto("a", user, 1, 10 + i);

        /* she is always there */
        (void) upto("a", "ann", i ? -1 : 1, 10 + i);
        if (!out.marked) {
            break;
        }
    }

    is_int(i, n, "who is used stays");

    for (i = 0, kept = 0; i < n; i++) {
        snprintf(user, sizeof(user), "u%lu", (unsigned long) i);
        (void) upto("a", user, -1, 0);
        kept += out.marked;
    }

    ok(kept >= n / 8 && kept <= n / 4, "%lu of %lu are kept",
       (unsigned long) kept, (unsigned long) n);

    sound("full");
}


int
main(void)
{
    env_log = stub_init();
    ngx_slab_sizes_init();

    test_markers();
    test_mentions();
    test_full();

    return done();
}
