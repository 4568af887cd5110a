
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * State files that are cut, have wrong bytes, or were forged.
 */

#include "unit.h"

#include "store_sources.h"
#include "../../ngx_chat_module/ngx_chat_state.c"
#include "../../ngx_chat_module/ngx_chat_state_load.c"
#include "../../ngx_chat_module/ngx_chat_state_record.c"
#include "../../ngx_chat_module/ngx_chat_state_write.c"
#include "state_env.h"


/* every value that a row ever had begins with its number */

static void
make_history(void)
{
    char        value[600];
    ngx_uint_t  i;

    remove_files();
    start();

    for (i = 0; i < 12; i++) {
        memset(value, 'x', sizeof(value));
        value[sprintf(value, "%lu:%lu:", i % 5, i)] = 'y';
        value[30 + i * 40] = '\0';
        set(BAN, i % 5, value, 0);
        flush();
    }

    del(BAN, 3);
    flush();
}


static ngx_uint_t
history_ok(void)
{
    char        want[16];
    uint32_t    pos;
    ngx_int_t   rc;
    ngx_uint_t  n;
    ngx_chat_row_t  like, r;

    for (n = 0; n < 5; n++) {
        sprintf(want, "%lu:", n);
        if (strcmp(value_of(BAN, n), "-") != 0
            && strncmp((char *) text, want, 2) != 0)
        {
            return 0;
        }
    }

    /* and nothing else */

    memset(&like, 0, sizeof(like));
    like.kind = BAN;
    n = 0;
    pos = 0;

    do {
        r.value.data = NULL;
        rc = ngx_chat_table_next(&env.z, &like, &pos, now, &r);
        n += (rc == NGX_OK);
    } while (rc != NGX_DONE);

    return n <= 5;
}


static void
test_damage(void)
{
    u_char      *p, *q, *old;
    size_t       n, m, i;
    ngx_int_t    rc;
    ngx_uint_t   bad, refused, active;

    p = malloc(SIZE);
    q = malloc(SIZE);
    old = malloc(SIZE);

    make_history();
    active = env.z.sh->state_active;
    n = slurp(active ? alt : path, p, SIZE);
    m = slurp(active ? path : alt, old, SIZE);

    /* cut anywhere: what is before the cut is there */

    for (bad = 0, i = 0; i <= n; i += (i < 300 || n - i < 300) ? 1 : 13) {
        spew(active ? alt : path, p, i);
        spew(active ? path : alt, old, m);
        rc = start();
        bad += (rc != NGX_OK || !history_ok());
    }

    is_int(bad, 0, "cut at each of %lu bytes", n);
    is_value(BAN, 3, "-", "uncut, it is all there");
    is_str(value_of(BAN, 1), 5, "1:11:", "and the last value");

    /* any byte is another one */

    for (bad = 0, refused = 0, i = 0; i < n; i += (i < 400) ? 1 : 7) {
        memcpy(q, p, n);
        q[i] ^= (u_char) (1 + unit_random() % 255);
        spew(active ? alt : path, q, n);
        spew(active ? path : alt, old, m);
        rc = start();
        refused += (rc != NGX_OK);
        bad += (rc != NGX_OK) ? (i >= 32) : !history_ok();
    }

    is_int(bad, 0, "a wrong byte in each place, %lu refused", refused);
    is_int(refused, 32, "only without a header: %s", stub_log_last);

    /* but if the other file has one, what that has is better than nothing */

    make_history();
    active = env.z.sh->state_active;
    is_int(start(), NGX_OK, "both files");
    ok(active != env.z.sh->state_active, "are written");
    n = slurp(active ? path : alt, q, SIZE);
    q[20] ^= 1;
    spew(active ? path : alt, q, n);
    stub_log_last[0] = '\0';
    is_int(start(), NGX_OK, "the newer one has no header");
    ok(strstr((char *) stub_log_last, "is damaged at its begin, what") != NULL,
       "and the log says so: %s", stub_log_last);
    is_str(value_of(BAN, 1), 5, "1:11:", "the other one is read");

    make_history();
    active = env.z.sh->state_active;
    n = slurp(active ? alt : path, p, SIZE);

    /* many of them, in both files */

    for (bad = 0, i = 0; i < 300; i++) {
        memcpy(q, p, n);
        for (m = 0; m < 1 + i % 9; m++) {
            q[12 + unit_random() % (n - 12)] = (u_char) unit_random();
        }
        spew(active ? alt : path, q, n - unit_random() % 40);
        unlink(active ? path : alt);
        rc = start();
        bad += (rc == NGX_OK && !history_ok());
    }

    is_int(bad, 0, "300 times many wrong bytes");

    /* a user's value that looks like a record, of a salt that he guesses */

    remove_files();
    start();
    {
        u_char           value[200], *e;
        ngx_chat_row_t   r;

        r = row(BAN, 77);
        r.seq = 1000000;
        e = ngx_chat_state_put(value, 0, NGX_CHAT_STATE_SET, &r);
        r = row(ROOM, 1);
        r.value.data = value;
        r.value.len = e - value;
        ngx_chat_table_set(&env.z, &r, now);
        flush();
    }

    active = env.z.sh->state_active;
    n = slurp(active ? alt : path, p, SIZE);
    p[n - 64 - 60] ^= 1;
    spew(active ? alt : path, p, n);
    is_int(start(), NGX_OK, "a damaged record with a forged one in it");
    is_value(BAN, 77, "-", "is not read for one");
    is_value(ROOM, 1, "-", "the damaged one is lost");

    remove_files();
    spew(path, (u_char *) "root:x:0:0:", 11);
    is_int(start(), NGX_ERROR, "another file: %s", stub_log_last);
    is_int(slurp(path, p, SIZE), 11, "is not touched");

    free(p);
    free(q);
    free(old);
}


int
main(void)
{
    if (state_begin() != NGX_OK) {
        return 1;
    }

    test_damage();

    return state_done();
}
