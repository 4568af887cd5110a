
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * The file of chat_login: which lines are taken, and what broken ones do.
 */


#include "unit.h"
#include "../../ngx_chat_module/ngx_chat_file.c"
#include "../../ngx_chat_module/ngx_chat_passwd.c"
#include "../../ngx_chat_module/ngx_chat_passwd_scheme.c"


#define B22  "abcdefghijklmnopqrstuu"
#define B31  "bAvJmxpQuyV3jn7x.SUSPxe.DearCPe"
#define Y43  "Jakf0CHhzdQOivqISxvBXCIRIaxY0Fs1wJGsJSurry/"
#define S86  Y43 Y43


static ngx_time_t     now;
volatile ngx_time_t  *ngx_cached_time = &now;
static ngx_log_t     *test_log;


static const char  *good[] = {
    "$2a$08$" B22 B31, "$2b$10$" B22 B31, "$2y$14$" B22 B31,
    "$6$s$" S86, "$6$0123456789abcdef$" S86, "$6$rounds=5000$s$" S86,
    "$6$rounds=1000000$s$" S86,
    "$y$j75$abcdefgh$" Y43, "$y$j9T$abcdefgh$" Y43, "$y$jBT$abcdefgh$" Y43,
    NULL
};

static const char  *bad[] = {
    "", "*", "!", "x", "$", "$2", "$2b", "$2b$", "$2b$08", "$2b$08$",
    "$2x$08$" B22 B31, "$2b$07$" B22 B31, "$2b$15$" B22 B31,
    "$2b$8a$" B22 B31, "$2b$08$" B22 B31 "a", "$2b$08:" B22 B31,
    "$2b$08$" B22 "bAvJmxpQuyV3jn7x.SUSPxe.DearCP",
    "$2b$08$" B22 "bAvJmxpQuyV3jn7x.SUSPxe.DearC e",
    "$6$", "$6$s", "$6$s$", "$6$$" S86, "$6$0123456789abcdefg$" S86,
    "$6$s$" S86 "a", "$6$rounds=$s$" S86, "$6$rounds=4999$s$" S86,
    "$6$rounds=1000001$s$" S86, "$6$rounds=99999999999999999999$s$" S86,
    "$6$rounds=5000", "$6$rounds=5000$" S86, "$6$rounds=-1$s$" S86,
    "$y$", "$y$j", "$y$j9T", "$y$j9T$", "$y$j9T$$" Y43, "$y$k9T$abcdefgh$" Y43,
    "$y$j9T$abcdefgh$" Y43 "a", "$y$j65$abcdefgh$" Y43,
    "$y$jCT$abcdefgh$" Y43, "$y$jz5$abcdefgh$" Y43, "$y$j9z$abcdefgh$" Y43,
    "$y$j9T$abc defg$" Y43,
    "$5$s$" Y43, "$1$s$" B22, "$apr1$s$" B22, "{SHA}abc=", "abhfCpXqd4GrI",
    NULL
};


static ngx_int_t
parse(ngx_chat_passwd_list_t *list, const char *data, size_t len,
    const char **why)
{
    ngx_str_t  text;

    /* exactly as long, so that a step too far is seen */

    text.data = ngx_alloc(len ? len : 1, test_log);
    text.len = len;
    memcpy(text.data, data, len);

    return ngx_chat_passwd_parse(list, &text, test_log, why);
}


static void
schemes(void)
{
    int        i;
    ngx_str_t  hash;

    for (i = 0; good[i] != NULL; i++) {
        hash.data = (u_char *) good[i];
        hash.len = strlen(good[i]);
        ok(ngx_chat_passwd_scheme(&hash) == NULL, "taken: %s", good[i]);
    }

    for (i = 0; bad[i] != NULL; i++) {
        hash.data = (u_char *) bad[i];
        hash.len = strlen(bad[i]);
        ok(ngx_chat_passwd_scheme(&hash) != NULL, "refused: %s", bad[i]);
    }
}


static void
lines(void)
{
    ngx_str_t                name;
    ngx_uint_t               known, other;
    const char              *why;
    ngx_chat_passwd_t        p;
    ngx_chat_passwd_user_t  *u;

    static const char  text[] =
        "# of all\n"
        "\n"
        "\r\n"
        "zoe:$2b$08$" B22 B31 "\n"
        "ann:$2b$08$" B22 B31 ":member,moderator\r\n"
        "ann:$y$j75$abcdefgh$" Y43 "\n"
        "weak:$1$s$" B22 "\n"
        "roles:$2b$08$" B22 B31 ":a,,b\n"
        "more:$2b$08$" B22 B31 ":a,\n"
        "last:$6$s$" S86 ":";

    ngx_memzero(&p, sizeof(p));

    is_int(parse(&p.list, text, sizeof(text) - 1, &why), NGX_OK, "a file");
    is_int(p.list.n, 3, "three users");
    is_int(p.list.bad, 4, "four bad lines");
    is_int(p.list.line, 6, "the first one of them");

    ngx_str_set(&name, "ann");
    u = ngx_chat_passwd_find(&p, &name, &known);
    is_int(known, 1, "ann is known");
    is_str(u->roles.data, u->roles.len, "member,moderator", "her roles");
    is_int(u->line, 5, "of two lines the first");

    ngx_str_set(&name, "last");
    u = ngx_chat_passwd_find(&p, &name, &known);
    is_int(known, 1, "last is known");
    is_int(u->roles.len, 0, "without roles");

    ngx_str_set(&name, "zoe");
    (void) ngx_chat_passwd_find(&p, &name, &known);
    is_int(known, 1, "zoe is known");

    ngx_str_set(&name, "nobody");
    u = ngx_chat_passwd_find(&p, &name, &known);
    is_int(known, 0, "nobody isn't");
    ok(u == ngx_chat_passwd_find(&p, &name, &other) && other == 0,
       "and has the line of always the same one");

    name.len = 0;
    (void) ngx_chat_passwd_find(&p, &name, &known);
    is_int(known, 0, "nor is who has no name");

    ngx_chat_passwd_unload(&p);
}


static void
broken(void)
{
    char                     buf[512];
    long                     i;
    size_t                   n, len;
    const char              *why;
    ngx_chat_passwd_list_t   list;

    static const char  text[] =
        "ann:$2b$08$" B22 B31 ":a,b\n"
        "bob:$y$j75$abcdefgh$" Y43 "\n"
        "cat:$6$rounds=5000$s$" S86 ":c\n";

    for (i = 0; i < 20000; i++) {
        len = (size_t) (unit_random() % sizeof(text));
        memcpy(buf, text, len);

        for (n = unit_random() % 4; n > 0 && len > 0; n--) {
            buf[unit_random() % len] = ":$,\n\r#\0 ab"[unit_random() % 11];
        }

        why = NULL;

        if (parse(&list, buf, len, &why) == NGX_OK) {
            check(list.n > 0 && list.n <= 8, "somebody is in it");

        } else {
            check(list.n == 0 && why != NULL, "it says why");
        }

        ngx_chat_passwd_free(&list);
    }

    ok(1, "%ld broken files", i);
}


int
main(void)
{
    test_log = stub_init();

    schemes();
    lines();
    broken();

    return done();
}
