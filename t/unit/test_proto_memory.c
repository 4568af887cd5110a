
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Each allocation of a command fails once: the answer is "internal", or the
 * command is none the worse for it; nothing is lost.
 */


#include "unit.h"
#include <jansson.h>


static ngx_uint_t  alloc_count;
static ngx_uint_t  alloc_fail;


static ngx_uint_t
test_fails(void)
{
    return ++alloc_count == alloc_fail;
}


static void *
test_malloc(size_t size)
{
    return test_fails() ? NULL : malloc(size);
}


static void *
test_pnalloc(ngx_pool_t *p, size_t size)
{
    return test_fails() ? NULL : ngx_pnalloc(p, size);
}


static ngx_array_t *
test_array_create(ngx_pool_t *p, ngx_uint_t n, size_t size)
{
    return test_fails() ? NULL : ngx_array_create(p, n, size);
}


static void *
test_array_push(ngx_array_t *a)
{
    return test_fails() ? NULL : ngx_array_push(a);
}


#define ngx_pnalloc       test_pnalloc
#define ngx_array_create  test_array_create
#define ngx_array_push    test_array_push

#include "../../ngx_chat_module/ngx_chat_proto_batch.c"
#include "../../ngx_chat_module/ngx_chat_proto_cmd.c"
#include "../../ngx_chat_module/ngx_chat_proto_member.c"
#include "../../ngx_chat_module/ngx_chat_proto_value.c"

#undef ngx_pnalloc
#undef ngx_array_create
#undef ngx_array_push


static const char  *commands[] = {
    "{\"type\":\"hello\",\"client\":\"\\u0078\",\"token\":\"\\u0074\","
    "\"name\":\"\\u006e\"}",
    "{\"t\\u0079pe\":\"p\\u0069ng\",\"\\u0069d\":\"\\u0061\"}",
    "{\"type\":\"we\\u0069rd\",\"id\":7}",
    "{\"type\":\"join\",\"id\":1,\"room\":\"lo\\u0062by\",\"after\":"
    "\"k3f9q2x0\\u0061b-41\",\"last\":50,\"presence\":true}",
    "{\"type\":\"join\",\"id\":\"ab\",\"rooms\":[{\"room\":\"\\u0061\"},"
    "{\"room\":\"b\"},{\"room\":\"\\u0063\"},{\"room\":\"d\"},{\"room\":"
    "\"e\"}]}",
    "{\"type\":\"message\",\"id\":2,\"room\":\"a\",\"text\":\"\\u0061\","
    "\"nonce\":\"\\u0061bcdefgh\",\"data\":{ \"a\": [1, {\"b\":\"\\n\"}] },"
    "\"thread\":\"k3f9q2x0\\u0061b-1\",\"mentions\":[ \"\\u0062ob\" ]}",
    "{\"type\":\"message\",\"id\":2,\"room\":\"a\",\"text\":\"a\",\"x\":1e300}",
    "{\"type\":\"history\",\"id\":2,\"room\":\"a\",\"limit\":5}",
    "[{\"type\":\"ping\",\"id\":1},{\"type\":\"ping\",\"id\":2}]"
};


/* NGX_OK, or the error's code */

static ngx_int_t
run(ngx_pool_t *pool, const char *s, ngx_uint_t fail, ngx_uint_t *broken)
{
    ngx_int_t          rc;
    ngx_str_t          json;
    ngx_uint_t         i;
    ngx_chat_cmd_t     cmd;
    ngx_chat_err_t     err;
    ngx_chat_join_t   *join;
    ngx_chat_batch_t   b;

    ngx_reset_pool(pool);

    json.data = (u_char *) s;
    json.len = strlen(s);

    alloc_count = 0;
    alloc_fail = fail;
    *broken = 0;

    rc = ngx_chat_batch_open(&b, pool, &json, 4096, 1, &err);

    if (rc != NGX_OK) {
        alloc_fail = 0;
        return err.code;
    }

    rc = ngx_chat_batch_next(&b, &cmd, &err);
    ngx_chat_batch_close(&b);

    alloc_fail = 0;

    if (rc != NGX_OK) {
        return err.code;
    }

    if (cmd.rooms != NULL) {
        join = cmd.rooms->elts;

        for (i = 0; i < cmd.rooms->nelts; i++) {
            check(join[i].error == NGX_CHAT_OK
                  || join[i].error == NGX_CHAT_E_INTERNAL, "a room's error");
            *broken += (join[i].error != NGX_CHAT_OK);
        }
    }

    return NGX_OK;
}


int
main(void)
{
    ngx_int_t    rc;
    ngx_uint_t   i, n, broken, internal;
    ngx_pool_t  *pool;

    pool = ngx_create_pool(16384, stub_init());
    if (pool == NULL) {
        return 1;
    }

    json_object_seed(1);
    json_set_alloc_funcs(test_malloc, free);

    for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {

        is_int(run(pool, commands[i], 0, &broken), NGX_OK, "%s", commands[i]);
        n = alloc_count;
        internal = 0;

        while (n > 0) {
            rc = run(pool, commands[i], n--, &broken);

            check(rc == NGX_OK || rc == NGX_CHAT_E_INTERNAL, "code %d at %d",
                  (int) rc, (int) n + 1);
            internal += (rc != NGX_OK || broken);

            check(rc != NGX_OK || broken <= 1, "one room at most");
        }

        ok(internal > 0, "%d failures were answered", (int) internal);
    }

    ngx_destroy_pool(pool);

    return done();
}
