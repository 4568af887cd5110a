
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Claims by the names of nginx's variables, which know neither capitals nor
 * most characters.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_json.h"
#include "ngx_chat_jwt.h"
#include "ngx_chat_proto_member.h"


static size_t ngx_chat_jwt_variable_like(ngx_str_t *key, ngx_str_t *name);
static ngx_int_t ngx_chat_jwt_variable_value(ngx_pool_t *pool,
    ngx_str_t *source, ngx_str_t *value);
static ngx_int_t ngx_chat_jwt_variable_in(ngx_pool_t *pool, ngx_str_t *json,
    ngx_str_t *name, ngx_str_t *value, ngx_uint_t depth);


ngx_int_t
ngx_chat_jwt_variable(ngx_pool_t *pool, ngx_str_t *json, ngx_str_t *name,
    ngx_str_t *value)
{
    return ngx_chat_jwt_variable_in(pool, json, name, value,
                                    NGX_CHAT_JWT_DEPTH_MAX);
}


/*
 * Each member is looked at once at each level, so the work is bounded by the
 * length of the token times that of the name.
 */

static ngx_int_t
ngx_chat_jwt_variable_in(ngx_pool_t *pool, ngx_str_t *json, ngx_str_t *name,
    ngx_str_t *value, ngx_uint_t depth)
{
    size_t      n;
    u_char     *pos;
    ngx_int_t   rc;
    ngx_str_t   key, source, rest;

    if (depth == 0) {
        return NGX_DECLINED;
    }

    pos = json->data;

    while (ngx_chat_json_next_member(json, &pos, &key, &source) == NGX_OK) {

        n = ngx_chat_jwt_variable_like(&key, name);

        if (n == name->len && n > 0) {
            return ngx_chat_jwt_variable_value(pool, &source, value);
        }

        if (n == 0 || name->data[n] != '_' || source.data[0] != '{') {
            continue;
        }

        rest.data = name->data + n + 1;
        rest.len = name->len - n - 1;

        rc = ngx_chat_jwt_variable_in(pool, &source, &rest, value, depth - 1);

        if (rc != NGX_DECLINED) {
            return rc;
        }
    }

    return NGX_DECLINED;
}


/* the whole key is what the name begins with: its length, or 0 */

static size_t
ngx_chat_jwt_variable_like(ngx_str_t *key, ngx_str_t *name)
{
    size_t  i;
    u_char  ch;

    if (key->len > name->len) {
        return 0;
    }

    for (i = 0; i < key->len; i++) {
        ch = ngx_tolower(key->data[i]);

        if ((ch < 'a' || ch > 'z') && (ch < '0' || ch > '9')) {
            ch = '_';
        }

        if (ch != ngx_tolower(name->data[i])) {
            return 0;
        }
    }

    return key->len;
}


static ngx_int_t
ngx_chat_jwt_variable_value(ngx_pool_t *pool, ngx_str_t *source,
    ngx_str_t *value)
{
    if (source->data[0] == '"') {
        return ngx_chat_json_decode(pool, source, value);
    }

    if (source->data[0] == 'n') {
        return NGX_DECLINED;
    }

    *value = *source;

    return NGX_OK;
}
