
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Claims by the names of variables.
 */


#include "unit.h"
#include "ngx_chat_jwt.h"


static ngx_pool_t  *pool;


static ngx_str_t
str(const char *text)
{
    ngx_str_t  s;

    s.data = (u_char *) text;
    s.len = strlen(text);

    return s;
}


static const char *
claim(const char *json, const char *name)
{
    ngx_int_t    rc;
    ngx_str_t    text, n, value;
    static char  got[64];

    text = str(json);
    n = str(name);

    rc = ngx_chat_jwt_variable(pool, &text, &n, &value);

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? "none" : "error";
    }

    snprintf(got, sizeof(got), "%.*s", (int) value.len, (char *) value.data);

    return got;
}


static void
test_variable(void)
{
    static const char  json[] =
        "{\"a\":\"x\",\"A-b\":2,\"r_s\":{\"t\":{\"u\":[1,2]},\"n\":null},"
        "\"https://x/y\":\"z\",\"r\":{\"s_v\":true},\"\":{\"w\":1},"
        "\"e\":\"\\u00e9\"}";

    ok(strcmp(claim(json, "a"), "x") == 0, "a string");
    ok(strcmp(claim(json, "a_b"), "2") == 0, "capitals and other characters");
    ok(strcmp(claim(json, "r_s_t_u"), "[1,2]") == 0, "inside of objects");
    ok(strcmp(claim(json, "r_s_n"), "none") == 0, "null is none");
    ok(strcmp(claim(json, "https___x_y"), "z") == 0, "a URL");
    ok(strcmp(claim(json, "r_s_v"), "true") == 0, "another way of cutting");
    ok(strcmp(claim(json, "_w"), "none") == 0, "not below an empty name");
    ok(strcmp(claim(json, "r_s_t"), "{\"u\":[1,2]}") == 0, "an object");
    ok(strcmp(claim(json, "e"), "\xc3\xa9") == 0, "an escaped character");
    ok(strcmp(claim(json, "r_s_"), "none") == 0
       && strcmp(claim(json, ""), "none") == 0
       && strcmp(claim("{}", "a"), "none") == 0, "none");
}


int
main(void)
{
    pool = ngx_create_pool(4096, stub_init());
    if (pool == NULL) {
        return 1;
    }

    test_variable();

    ngx_destroy_pool(pool);

    return done();
}
