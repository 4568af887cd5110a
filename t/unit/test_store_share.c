
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * The table on several hosts: rows of others, what they have to be told, and
 * who tells them.
 */

#define NGX_CHAT_TEST_POINTS  1

#include "unit.h"

#include "store_sources.h"
#include "store_env.h"


#define SECONDS  (NOW / 1000)

#define is_row(want, what)                                                    \
    do {                                                                      \
        const char  *got_ = text_of();                                        \
        is_str(got_, strlen(got_), want, what);                               \
    } while (0)


static ngx_chat_row_t
row(const char *text, uint64_t changed)
{
    ngx_str_t       s;
    ngx_chat_row_t  r;

    memset(&r, 0, sizeof(r));
    r.kind = NGX_CHAT_KIND_BAN;
    ngx_str_set(&s, "ann");
    ngx_chat_table_key(r.subject, 'u', &s);
    r.value.data = (u_char *) text;
    r.value.len = strlen(text);
    r.changed = (uint32_t) changed;

    return r;
}


static ngx_int_t
here(const char *text, uint64_t now)
{
    ngx_chat_row_t  r;

    r = row(text, 0);

    return ngx_chat_table_set(&env.z, &r, now);
}


static ngx_int_t
lift(void)
{
    ngx_chat_row_t  r;

    r = row("", 0);

    return ngx_chat_table_delete(&env.z, &r);
}


/* "": another host has deleted it */

static ngx_int_t
there(const char *text, uint64_t changed, uint64_t now)
{
    ngx_chat_row_t  r;

    r = row(text, changed);

    return ngx_chat_table_apply(&env.z, &r, *text == '\0', now);
}


static ngx_chat_record_t *
record_locked(void)
{
    uint32_t        *link;
    ngx_chat_row_t   r;

    r = row("", 0);

    return ngx_chat_record_find_locked(env.z.sh, r.kind, r.room, r.subject,
                                       &link);
}


static const char *
text_of(void)
{
    ngx_chat_row_t  r;

    static char     text[NGX_CHAT_VALUE_MAX + 1];

    r = row("", 0);
    r.value.data = (u_char *) text;

    if (ngx_chat_table_get(&env.z, &r, SECONDS) != NGX_OK) {
        return "-";
    }

    text[r.value.len] = '\0';

    return text;
}


static uint32_t
stamp(void)
{
    return record_locked() ? record_locked()->changed : 0;
}


/* all that there is to tell is told; how many */

static ngx_uint_t
tell(void)
{
    uint32_t        pos;
    uint64_t        upto;
    ngx_int_t       rc;
    ngx_uint_t      n, deleted;
    ngx_chat_row_t  r;

    upto = ngx_chat_table_version(&env.z);
    pos = 0;
    n = 0;

    do {
        r.value.data = NULL;
        rc = ngx_chat_table_changed(&env.z, ngx_chat_table_told_upto(&env.z),
                                    upto, &pos, &r, &deleted);

        if (rc == NGX_OK && !r.shared && ngx_chat_table_is_shared(r.kind)) {
            ngx_chat_table_told(&env.z, &r);
            n++;
        }

    } while (rc != NGX_DONE);

    (void) ngx_chat_table_set_told(&env.z, 0, upto);

    return n;
}


static void
begin(void)
{
    fresh(1024 * 1024);
    ngx_chat_table_share(&env.z, 1);
    (void) ngx_chat_table_claim(&env.z, 0, SECONDS);
    (void) tell();
}


static void
test_apply(void)
{
    uint64_t  v;

    begin();

    is_int(there("", SECONDS, SECONDS), NGX_DECLINED, "nothing to delete");
    is_int(there("a", SECONDS, SECONDS), NGX_OK, "a row of another host");
    is_row("a", "it is here");

    v = ngx_chat_table_version(&env.z);
    is_int(there("a", SECONDS, SECONDS), NGX_DECLINED, "once more");
    is_int(there("b", SECONDS - 1, SECONDS), NGX_DECLINED, "an older one");
    is_int(there("", SECONDS - 1, SECONDS), NGX_DECLINED, "older, deleted");
    is_int(ngx_chat_table_version(&env.z), v, "no change");
    is_int(tell(), 0, "and nothing to tell");

    is_int(there("b", SECONDS, SECONDS), NGX_OK, "of one second, the server "
           "says which");
    is_row("b", "that one");
    is_int(there("", SECONDS + 1, SECONDS), NGX_OK, "deleted later");
    is_row("-", "gone");
    ok(record_locked() == NULL, "nothing remembers it");
    sound("applied");

    /* what is over before it comes */

    {
        ngx_chat_row_t  r;

        r = row("over", SECONDS + 2);
        r.expires = SECONDS;
        is_int(ngx_chat_table_apply(&env.z, &r, 0, SECONDS), NGX_DECLINED,
               "it is over");
        is_int(there("c", SECONDS + 1, SECONDS), NGX_OK, "one is there");
        is_int(ngx_chat_table_apply(&env.z, &r, 0, SECONDS), NGX_OK,
               "and goes by one that is over");
        is_row("-", "gone");
    }

    env.z.sh->moved = 1;
    is_int(there("d", SECONDS + 9, SECONDS), NGX_AGAIN, "moved");
    sound("moved");
}


/* of a host's own change of the same second nobody knows yet */

static void
test_tell(void)
{
    uint32_t  pos;

    begin();

    is_int(here("mine", SECONDS), NGX_OK, "a change here");
    is_int(there("other", SECONDS, SECONDS), NGX_DECLINED, "mine stays");
    is_int(tell(), 1, "it is told");
    is_int(tell(), 0, "once");
    is_int(there("other", SECONDS, SECONDS), NGX_OK, "now the server's");

    is_int(lift(), NGX_OK, "deleted here");
    ok(record_locked() != NULL && record_locked()->deleted,
       "remembered until it is told");
    is_int(there("again", SECONDS, SECONDS), NGX_DECLINED, "it was before");
    ngx_chat_zone_sweep(&env.z, 0, NOW);
    ok(record_locked() != NULL, "no sweep takes it");
    is_int(tell(), 1, "told");
    ngx_chat_zone_sweep(&env.z, 0, NOW + 1000);
    ok(record_locked() == NULL, "then one does");

    /* a server that has lost what it had */

    (void) here("x", SECONDS);
    (void) tell();
    pos = 0;
    while (ngx_chat_table_untold(&env.z, &pos) == NGX_AGAIN) { /* void */ }
    is_int(ngx_chat_table_told_upto(&env.z), 0, "nothing is told");
    is_int(tell(), 1, "all of it again");

    /* a change while it is being told */

    {
        ngx_chat_row_t  r;

        (void) here("y", SECONDS);
        r = row("", 0);
        r.value.data = NULL;
        (void) ngx_chat_table_get(&env.z, &r, SECONDS);
        (void) here("z", SECONDS);
        ngx_chat_table_told(&env.z, &r);
        is_int(tell(), 1, "is told, too");
    }

    sound("told");
}


static void
test_clocks(void)
{
    ngx_uint_t  i;

    begin();

    (void) here("a", SECONDS);
    is_int(stamp(), SECONDS, "a stamp");
    (void) here("b", SECONDS);
    is_int(stamp(), SECONDS + 1, "later than what it replaces");
    (void) here("c", SECONDS - 100);
    is_int(stamp(), SECONDS + 2, "also by a clock that went back");

    /* lifted, told and forgotten; what comes then is no older */

    (void) lift();
    (void) tell();
    ngx_chat_zone_sweep(&env.z, 0, NOW);
    ok(record_locked() == NULL, "forgotten");

    begin();
    (void) there("a", SECONDS + 50, SECONDS);
    (void) there("", SECONDS + 60, SECONDS);
    ok(record_locked() == NULL, "nothing is left");
    (void) here("again", SECONDS);
    ok(stamp() >= SECONDS + 60, "later than what another's clock has said");

    /* a flood doesn't run away from the others' clocks */

    begin();

    for (i = 0; i < 100000; i++) {
        (void) here("flood", SECONDS);
    }

    ok(stamp() < SECONDS + NGX_CHAT_TABLE_AHEAD / 2, "%u s ahead after many",
       stamp() - (uint32_t) SECONDS);

    /* a clock that was wrong for a while */

    begin();
    (void) here("wrong", SECONDS + 1000000);
    (void) tell();
    is_int(there("right", SECONDS + 1, SECONDS), NGX_OK, "it is put right");
    is_row("right", "by others");

    begin();
    (void) here("wrong", SECONDS + 1000000);
    (void) here("right", SECONDS);
    ok(stamp() < SECONDS + 10, "and by itself");

    /* the end of 32 bits */

    begin();
    (void) here("a", 0x1ffffffff);
    (void) here("b", 0x1ffffffff);
    ok(stamp() < NGX_MAX_UINT32_VALUE, "never the last second");

    /* no clock has been looked at: a row of a file is deleted */

    begin();
    env.z.sh->table_time = 0;

    {
        ngx_chat_row_t  r;

        r = row("file", SECONDS);
        is_int(ngx_chat_table_restore(&env.z, &r, 0, 0, 0), NGX_OK, "a file");
    }

    (void) lift();
    is_int(stamp(), SECONDS + 1, "later than what was in it");
}


static void
test_owner(void)
{
    fresh(1024 * 1024);

    is_int(ngx_chat_table_claim(&env.z, 0, 100), NGX_OK, "nobody's");
    is_int(ngx_chat_table_claim(&env.z, 1, 102), NGX_DECLINED, "taken");
    is_int(ngx_chat_table_claim(&env.z, 0, 102), NGX_OK, "kept");
    is_int(ngx_chat_table_claim(&env.z, 1, 105), NGX_OK, "who is silent "
           "loses it");
    is_int(ngx_chat_table_set_told(&env.z, 0, 7), NGX_DECLINED, "not his");
    is_int(ngx_chat_table_told_upto(&env.z), 0, "nothing was said");
    ngx_chat_table_release(&env.z, 0);
    is_int(ngx_chat_table_claim(&env.z, 0, 105), NGX_DECLINED, "not his to "
           "give");
    ngx_chat_table_release(&env.z, 1);
    is_int(ngx_chat_table_claim(&env.z, 0, 105), NGX_OK, "given");
    is_int(ngx_chat_table_claim(&env.z, 1, 50), NGX_OK, "a clock went back");
}


typedef struct {
    const char  *text;
    uint64_t     changed;
} elsewhere_t;


static void
take_over(void *data)
{
    elsewhere_t *e = data;

    (void) there(e->text, e->changed, SECONDS);
}


/* a worker dies while it takes over what another host has */

static void
killed_at(const char *point, const char *text, uint64_t changed,
    const char *want)
{
    elsewhere_t  e = { text, changed };

    ok(dies_at(point, 5, take_over, &e), "killed at %s", point);
    is_row(want, "what there is");
    sound(point);

    /* the next owner reads all of it again */

    (void) there(text, changed, SECONDS);
    is_row(*text ? text : "-", "what there will be");
    sound(point);
}


static void
test_killed(void)
{
    begin();
    env.z.sh->state_on = 1;

    killed_at("table:before", "a", SECONDS, "-");
    killed_at("table:exists", "b", SECONDS + 1, "b");
    killed_at("table:replaced", "c", SECONDS + 2, "c");
    killed_at("table:deleted", "", SECONDS + 3, "c");
}


int
main(void)
{
    env_log = stub_init();
    ngx_slab_sizes_init();

    test_apply();
    test_tell();
    test_clocks();
    test_owner();
    test_killed();

    return done();
}
