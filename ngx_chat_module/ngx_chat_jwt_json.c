
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Reading what tokens and keys are written in.  The module's own reader, as for
 * commands: values are slices of a text that was found valid as a whole, and
 * strings don't come from jansson, which without memory may leave characters
 * out of them.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_json.h"
#include "ngx_chat_jwt.h"
#include "ngx_chat_proto_member.h"
#include "ngx_chat_utf8.h"


#define ngx_chat_jwt_is_space(ch)                                             \
    ((ch) == ' ' || (ch) == '\t' || (ch) == CR || (ch) == LF)


static ngx_int_t ngx_chat_jwt_named(ngx_pool_t *pool, ngx_str_t *key,
    ngx_str_t *name);


ngx_int_t
ngx_chat_jwt_object(ngx_str_t *json)
{
    size_t       position;
    const char  *message;

    while (json->len > 0 && ngx_chat_jwt_is_space(json->data[0])) {
        json->data++;
        json->len--;
    }

    while (json->len > 0 && ngx_chat_jwt_is_space(json->data[json->len - 1])) {
        json->len--;
    }

    if (json->len == 0 || json->data[0] != '{'
        || ngx_chat_utf8_valid(json->data, json->len) != NGX_OK
        || ngx_chat_json_depth(json, NGX_CHAT_JWT_DEPTH_MAX)
           > NGX_CHAT_JWT_DEPTH_MAX
        || ngx_chat_json_valid(json) != NGX_OK)
    {
        return NGX_DECLINED;
    }

    return ngx_chat_json_check(json, &position, &message);
}


ngx_int_t
ngx_chat_jwt_member(ngx_pool_t *pool, ngx_str_t *json, ngx_str_t *name,
    ngx_str_t *value)
{
    u_char     *pos;
    ngx_int_t   rc;
    ngx_str_t   key, val;

    pos = json->data;

    while (ngx_chat_json_next_member(json, &pos, &key, &val) == NGX_OK) {

        rc = ngx_chat_jwt_named(pool, &key, name);

        if (rc == NGX_OK) {
            *value = val;
        }

        if (rc != NGX_DECLINED) {
            return rc;
        }
    }

    return NGX_DECLINED;
}


static ngx_int_t
ngx_chat_jwt_named(ngx_pool_t *pool, ngx_str_t *key, ngx_str_t *name)
{
    ngx_int_t  rc;
    ngx_str_t  text, quoted;

    text = *key;

    if (ngx_strlchr(key->data, key->data + key->len, '\\') != NULL) {

        quoted.data = key->data - 1;
        quoted.len = key->len + 2;

        rc = ngx_chat_json_decode(pool, &quoted, &text);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    return (text.len == name->len
            && ngx_memcmp(text.data, name->data, text.len) == 0)
           ? NGX_OK : NGX_DECLINED;
}


ngx_int_t
ngx_chat_jwt_path(ngx_pool_t *pool, ngx_str_t *json, ngx_str_t *path,
    ngx_str_t *value)
{
    u_char     *p, *dot, *last;
    ngx_int_t   rc;
    ngx_str_t   object, name;

    /* "https://example.com/roles" is one name */

    rc = ngx_chat_jwt_member(pool, json, path, value);

    if (rc != NGX_DECLINED) {
        return rc;
    }

    object = *json;
    last = path->data + path->len;

    for (p = path->data; /* void */ ; p = dot + 1) {

        dot = ngx_strlchr(p, last, '.');

        name.data = p;
        name.len = (size_t) ((dot ? dot : last) - p);

        rc = ngx_chat_jwt_member(pool, &object, &name, value);

        if (rc != NGX_OK || dot == NULL) {
            return rc;
        }

        if (value->data[0] != '{') {
            return NGX_DECLINED;
        }

        object = *value;
    }
}


ngx_int_t
ngx_chat_jwt_string(ngx_pool_t *pool, ngx_str_t *json, const char *name,
    ngx_str_t *value)
{
    ngx_int_t  rc;
    ngx_str_t  key, source;

    key.data = (u_char *) name;
    key.len = ngx_strlen(name);

    ngx_str_null(value);

    rc = ngx_chat_jwt_member(pool, json, &key, &source);

    if (rc != NGX_OK) {
        return rc;
    }

    rc = ngx_chat_json_decode(pool, &source, value);

    return (rc == NGX_DECLINED) ? NGX_ABORT : rc;
}


ngx_int_t
ngx_chat_jwt_base64(ngx_pool_t *pool, ngx_str_t *text, ngx_str_t *value)
{
    u_char     ch, *p, tail[4];
    size_t     i, spare;
    ngx_str_t  rest, again;

    for (i = 0; i < text->len; i++) {
        ch = text->data[i];

        if ((ch < 'a' || ch > 'z') && (ch < 'A' || ch > 'Z')
            && (ch < '0' || ch > '9') && ch != '-' && ch != '_')
        {
            return NGX_DECLINED;
        }
    }

    spare = text->len % 4;

    if (text->len == 0 || spare == 1) {
        return NGX_DECLINED;
    }

    p = ngx_pnalloc(pool, ngx_base64_decoded_length(text->len) + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    value->data = p;

    if (ngx_decode_base64url(value, text) != NGX_OK) {
        return NGX_DECLINED;
    }

    if (spare == 0) {
        return NGX_OK;
    }

    /* bits of the last digit that stand for nothing are zero */

    rest.data = value->data + value->len - (spare - 1);
    rest.len = spare - 1;
    again.data = tail;

    ngx_encode_base64url(&again, &rest);

    return (ngx_memcmp(tail, text->data + text->len - spare, spare) == 0)
           ? NGX_OK : NGX_DECLINED;
}
