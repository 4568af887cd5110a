
/*
 * Copyright (C) the ngx_chat_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat.h"
#include "ngx_chat_error.h"
#include "ngx_chat_json.h"
#include "ngx_chat_name.h"
#include "ngx_chat_proto.h"
#include "ngx_chat_proto_member.h"


/*
 * A command is nested at most 3 deeper than its data may be: the object
 * itself, and some room for members that are unknown here.
 */
#define NGX_CHAT_MEMBER_DEPTH  (NGX_CHAT_DATA_DEPTH + 3 - 1)

#define NGX_CHAT_FIELD_MAX     64

/* more than the longest name in the table */
#define NGX_CHAT_MEMBER_MAX    16


typedef struct {
    ngx_str_t     name;
    const char   *rule;
} ngx_chat_member_t;


static ngx_uint_t ngx_chat_member_lookup(ngx_str_t *name);
static ngx_int_t ngx_chat_member_unescape(ngx_str_t *name, u_char *buf);
static const char *ngx_chat_members_at(ngx_chat_members_t *m, ngx_str_t *json,
    u_char *at);
static const char *ngx_chat_member_field(ngx_pool_t *pool, ngx_str_t *name);


static const ngx_chat_member_t  ngx_chat_member_table[] = {

    { ngx_string("type"),
      "\"type\" must be a string, the name of a command" },

    { ngx_string("id"),
      "\"id\" must be an integer from 0 to 2^53-1 or a string of 1 to 64 "
      "bytes" },

    { ngx_string("room"),
      "\"room\" must be a string of 1 to 128 bytes without controls, spaces "
      "and / \\ ? # % , * { } \" < >, and must not begin with ~ . $ @" },

    { ngx_string("rooms"),
      "\"rooms\" must be an array of 1 to 100 objects (of \"unread\": of "
      "names of rooms), and \"room\" must not stand beside it" },

    { ngx_string("text"),
      "\"text\" must be a string; it may be missing or empty only beside "
      "\"data\"" },

    { ngx_string("data"),
      "\"data\" must not be nested more than 8 deep" },

    { ngx_string("nonce"),
      "\"nonce\" must be a string of 8 to 64 bytes" },

    { ngx_string("thread"),
      "\"thread\" must be the id of a message; \"after\" and \"raw\" must not "
      "stand beside that of a page" },

    { ngx_string("mentions"),
      "\"mentions\" must be an array of at most 50 ids of users" },

    { ngx_string("after"),
      "\"after\" must be the id of an event or \"0\"" },

    { ngx_string("before"),
      "\"before\" must be the id of an event, and \"after\" must not stand "
      "beside it" },

    { ngx_string("last"),
      "\"last\" must be an integer from 0 to 100" },

    { ngx_string("limit"),
      "\"limit\" must be an integer of 1 or more" },

    { ngx_string("presence"),
      "\"presence\" must be true or false" },

    { ngx_string("raw"),
      "\"raw\" must be true or false" },

    { ngx_string("token"),
      "\"token\" must be a string of at most 8192 bytes" },

    { ngx_string("client"),
      "\"client\" must be a string of at most 64 bytes" },

    { ngx_string("name"),
      "\"name\" must be a string of 1 to 64 bytes without controls and what "
      "can't be seen, and with at most 3 combining marks in a row" },

    { ngx_string("batch"),
      "\"batch\" must be true or false" },

    { ngx_string("heartbeat"),
      "\"heartbeat\" must be true or false" },

    { ngx_string("on"),
      "\"on\" must be true or false" },

    { ngx_string("upto"),
      "\"upto\" must be the id of an event" },

    { ngx_string("user"),
      "\"user\" must be the id of a user" },

    { ngx_string("role"),
      "\"role\" must be \"owner\", \"moderator\", \"member\", \"guest\" or "
      "\"none\"" },

    { ngx_string("reason"),
      "\"reason\" must be a string of at most 256 bytes" },

    { ngx_string("session"),
      "\"session\" must be the id of a session, and \"user\" and \"jti\" "
      "must not stand beside it" },

    { ngx_string("jti"),
      "\"jti\" must be the id of a token, 1 to 128 bytes, and \"user\" must "
      "not stand beside it" },

    { ngx_string("set"),
      "\"set\" must be an object: \"slow_ms\" 0 to 21600000, \"locked\" true "
      "or false, \"topic\" at most 512 bytes, \"pinned\" at most 10 ids of "
      "events, \"invite\" true or false, \"send\" a role, \"max_members\" 1 to "
      "1000000, and names that begin with x_; null removes" },

    { ngx_string("for_ms"),
      "\"for_ms\" must be an integer of 1 or more" },

    { ngx_string("purge_ms"),
      "\"purge_ms\" must be an integer of 1 or more" },

    { ngx_string("address"),
      "\"address\" must be true or false" },

    { ngx_string("next"),
      "\"next\" must be that of a page of members" },

    { ngx_string("target"),
      "\"target\" must be the id of a message" },

    { ngx_string("emoji"),
      "\"emoji\" must be a string of 1 to 64 bytes without controls and "
      "spaces" },

    { ngx_string("to"),
      "\"to\" must be the id of another user" }
};


ngx_int_t
ngx_chat_members_find(ngx_chat_members_t *m, ngx_str_t *json)
{
    u_char      *pos;
    ngx_int_t    rc;
    ngx_str_t    name, value;
    ngx_uint_t   i;

    ngx_memzero(m->value, sizeof(m->value));

    rc = NGX_OK;
    pos = json->data;

    while (ngx_chat_json_next_member(json, &pos, &name, &value) == NGX_OK) {

        if (rc == NGX_OK
            && ngx_chat_json_depth(&value, NGX_CHAT_MEMBER_DEPTH)
               > NGX_CHAT_MEMBER_DEPTH)
        {
            m->err->code = NGX_CHAT_E_BAD_REQUEST;
            m->err->message = "the command is nested too deep";
            m->err->field = ngx_chat_member_field(m->pool, &name);

            rc = NGX_ERROR;
        }

        i = ngx_chat_member_lookup(&name);

        /* of two the first one; ngx_chat_members_check() refuses both */

        if (i < NGX_CHAT_IN_N && m->value[i].data == NULL) {
            m->value[i] = value;
        }
    }

    return rc;
}


/* `name' is as written, maybe with escapes */

static ngx_uint_t
ngx_chat_member_lookup(ngx_str_t *name)
{
    u_char                    buf[NGX_CHAT_MEMBER_MAX];
    ngx_str_t                 key;
    ngx_uint_t                i;
    const ngx_chat_member_t  *table;

    key = *name;

    if (ngx_strlchr(key.data, key.data + key.len, '\\') != NULL
        && ngx_chat_member_unescape(&key, buf) != NGX_OK)
    {
        return NGX_CHAT_IN_N;
    }

    table = ngx_chat_member_table;

    for (i = 0; i < NGX_CHAT_IN_N; i++) {
        if (key.len == table[i].name.len
            && ngx_memcmp(key.data, table[i].name.data, key.len) == 0)
        {
            return i;
        }
    }

    return NGX_CHAT_IN_N;
}


/* letters may be written as "\u0061"; no name that is known here has others */

static ngx_int_t
ngx_chat_member_unescape(ngx_str_t *name, u_char *buf)
{
    u_char     *p, *last, *dst;
    ngx_int_t   ch;

    p = name->data;
    last = p + name->len;
    dst = buf;

    while (p < last) {

        if (dst == buf + NGX_CHAT_MEMBER_MAX) {
            return NGX_DECLINED;
        }

        ch = *p++;

        if (ch == '\\') {

            if (last - p < 5 || *p != 'u') {
                return NGX_DECLINED;
            }

            ch = ngx_hextoi(p + 1, 4);

            if (ch < 'a' || ch > 'z') {
                return NGX_DECLINED;
            }

            p += 5;
        }

        *dst++ = (u_char) ch;
    }

    name->data = buf;
    name->len = dst - buf;

    return NGX_OK;
}


ngx_int_t
ngx_chat_members_check(ngx_chat_members_t *m, ngx_str_t *json)
{
    size_t           position;
    ngx_int_t        rc;
    ngx_chat_err_t  *err;

    err = m->err;

    rc = ngx_chat_json_check(json, &position, &err->message);

    if (rc == NGX_OK) {
        return NGX_OK;
    }

    if (rc == NGX_ERROR) {
        return ngx_chat_member_failed(m);
    }

    err->code = NGX_CHAT_E_BAD_REQUEST;
    err->field = ngx_chat_members_at(m, json, json->data + position);

    return NGX_ERROR;
}


/* the member before whose end a parser has stopped */

static const char *
ngx_chat_members_at(ngx_chat_members_t *m, ngx_str_t *json, u_char *at)
{
    u_char     *pos;
    ngx_str_t   name, value;

    pos = json->data;

    while (ngx_chat_json_next_member(json, &pos, &name, &value) == NGX_OK) {

        if (at <= value.data + value.len) {
            return ngx_chat_member_field(m->pool, &name);
        }
    }

    return NULL;
}


/* a static string, or for a name that is unknown here one in the pool */

static const char *
ngx_chat_member_field(ngx_pool_t *pool, ngx_str_t *name)
{
    u_char      *p;
    ngx_uint_t   i;

    i = ngx_chat_member_lookup(name);

    if (i < NGX_CHAT_IN_N) {
        return (const char *) ngx_chat_member_table[i].name.data;
    }

    if (name->len == 0 || name->len > NGX_CHAT_FIELD_MAX
        || ngx_strlchr(name->data, name->data + name->len, '\\') != NULL)
    {
        return NULL;
    }

    p = ngx_pnalloc(pool, name->len + 1);
    if (p == NULL) {
        return NULL;
    }

    ngx_memcpy(p, name->data, name->len);
    p[name->len] = '\0';

    return (const char *) p;
}


ngx_int_t
ngx_chat_member_string(ngx_chat_members_t *m, ngx_uint_t i, ngx_str_t *str)
{
    ngx_int_t  rc;

    if (!ngx_chat_member_given(m, i)) {
        return NGX_DECLINED;
    }

    rc = ngx_chat_json_decode(m->pool, &m->value[i], str);

    if (rc == NGX_ERROR) {
        return ngx_chat_member_failed(m);
    }

    return (rc == NGX_OK) ? NGX_OK : ngx_chat_member_bad(m, i);
}


ngx_int_t
ngx_chat_member_boolean(ngx_chat_members_t *m, ngx_uint_t i, ngx_uint_t *flag)
{
    if (!ngx_chat_member_given(m, i)) {
        return NGX_DECLINED;
    }

    switch (m->value[i].data[0]) {

    case 't':
        *flag = 1;
        return NGX_OK;

    case 'f':
        *flag = 0;
        return NGX_OK;

    default:
        return ngx_chat_member_bad(m, i);
    }
}


ngx_int_t
ngx_chat_member_cursor(ngx_chat_members_t *m, ngx_uint_t i,
    ngx_chat_cursor_t *cursor)
{
    ngx_int_t  rc;
    ngx_str_t  text;

    rc = ngx_chat_member_string(m, i, &text);

    if (rc == NGX_DECLINED) {
        return rc;
    }

    cursor->given = 1;

    if (rc == NGX_OK && ngx_chat_id_parse(&text, &cursor->id) != NGX_OK) {
        rc = ngx_chat_member_bad(m, i);
    }

    if (rc != NGX_OK) {
        cursor->broken = 1;
    }

    return rc;
}


ngx_int_t
ngx_chat_member_integer(ngx_chat_members_t *m, ngx_uint_t i, ngx_uint_t min,
    ngx_uint_t max, ngx_uint_t *n)
{
    uint64_t  value;

    if (!ngx_chat_member_given(m, i)) {
        return NGX_DECLINED;
    }

    if (ngx_chat_json_integer(&m->value[i], &value) != NGX_OK || value < min) {
        return ngx_chat_member_bad(m, i);
    }

    *n = (value > max) ? max : (ngx_uint_t) value;

    return NGX_OK;
}


ngx_int_t
ngx_chat_member_source(ngx_chat_members_t *m, ngx_uint_t i, ngx_str_t *str)
{
    u_char     *p;
    size_t      n;
    ngx_str_t  *value;

    value = &m->value[i];

    if (value->data == NULL) {
        return NGX_DECLINED;
    }

    for (n = 0; n < value->len; n++) {
        if (value->data[n] <= ' ') {
            break;
        }
    }

    if (n == value->len) {
        *str = *value;
        return NGX_OK;
    }

    /* the input belongs to the caller, it is not changed */

    p = ngx_pnalloc(m->pool, value->len);
    if (p == NULL) {
        return ngx_chat_member_failed(m);
    }

    ngx_memcpy(p, value->data, value->len);

    str->data = p;
    str->len = value->len;

    ngx_chat_json_minify(str);

    return NGX_OK;
}


ngx_int_t
ngx_chat_member_bad(ngx_chat_members_t *m, ngx_uint_t i)
{
    m->err->code = NGX_CHAT_E_BAD_REQUEST;
    m->err->message = ngx_chat_member_table[i].rule;
    m->err->field = (const char *) ngx_chat_member_table[i].name.data;

    return NGX_ERROR;
}


ngx_int_t
ngx_chat_member_large(ngx_chat_members_t *m, ngx_uint_t i)
{
    m->err->code = NGX_CHAT_E_TOO_LARGE;
    m->err->message = NULL;
    m->err->field = (const char *) ngx_chat_member_table[i].name.data;

    return NGX_ERROR;
}


ngx_int_t
ngx_chat_member_failed(ngx_chat_members_t *m)
{
    m->err->code = NGX_CHAT_E_INTERNAL;
    m->err->message = NULL;
    m->err->field = NULL;

    return NGX_ERROR;
}
