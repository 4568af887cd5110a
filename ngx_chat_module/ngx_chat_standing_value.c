
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * What is in the rows that ngx_chat_standing.h tells of: JSON, which may be of
 * a file that somebody has written to.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_standing.h"


ngx_int_t
ngx_chat_standing_string(ngx_str_t *value, const char *name, ngx_str_t *str)
{
    ngx_str_t  key, source;

    key.data = (u_char *) name;
    key.len = ngx_strlen(name);

    if (ngx_chat_json_valid(value) != NGX_OK || value->data[0] != '{'
        || ngx_chat_json_member(value, &key, &source) != NGX_OK
        || source.data[0] != '"')
    {
        return NGX_DECLINED;
    }

    str->data = source.data + 1;
    str->len = source.len - 2;

    return NGX_OK;
}


uint64_t
ngx_chat_standing_number(ngx_str_t *value, const char *name)
{
    u_char     *p;
    uint64_t    n;
    ngx_str_t   key, source;

    key.data = (u_char *) name;
    key.len = ngx_strlen(name);

    if (ngx_chat_json_valid(value) != NGX_OK || value->data[0] != '{'
        || ngx_chat_json_member(value, &key, &source) != NGX_OK)
    {
        return 0;
    }

    n = 0;

    for (p = source.data; p < source.data + source.len; p++) {

        if (*p < '0' || *p > '9' || n > NGX_CHAT_SAFE_INT / 10) {
            break;
        }

        n = n * 10 + (*p - '0');
    }

    return n;
}


/* a member that is true */

ngx_uint_t
ngx_chat_standing_true(ngx_str_t *value, const char *name)
{
    ngx_str_t  key, source;

    key.data = (u_char *) name;
    key.len = ngx_strlen(name);

    return ngx_chat_json_valid(value) == NGX_OK && value->data[0] == '{'
           && ngx_chat_json_member(value, &key, &source) == NGX_OK
           && source.data[0] == 't';
}


size_t
ngx_chat_standing_ip(ngx_str_t *value, u_char *p)
{
    size_t     n;
    ngx_str_t  str;

    if (ngx_chat_standing_string(value, "ip", &str) != NGX_OK
        || (str.len != 8 && str.len != 16))
    {
        return 0;
    }

    for (n = 0; n < str.len / 2; n++) {
        p[n] = (u_char) ngx_hextoi(str.data + 2 * n, 2);
    }

    return n;
}


/* ids have nothing in them that JSON would escape */

ngx_uint_t
ngx_chat_standing_blocks(ngx_str_t *value, ngx_str_t *user)
{
    u_char     *pos;
    ngx_str_t   users, id;

    pos = NULL;

    while (ngx_chat_standing_blocked(value, &users, &pos, &id) == NGX_OK) {
        if (id.len == user->len
            && ngx_memcmp(id.data, user->data, user->len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


ngx_int_t
ngx_chat_standing_blocked(ngx_str_t *value, ngx_str_t *users, u_char **pos,
    ngx_str_t *id)
{
    static ngx_str_t  name = ngx_string("users");

    if (*pos == NULL) {

        if (ngx_chat_json_valid(value) != NGX_OK || value->data[0] != '{'
            || ngx_chat_json_member(value, &name, users) != NGX_OK
            || users->data[0] != '[')
        {
            return NGX_DONE;
        }

        *pos = users->data;
    }

    if (ngx_chat_json_element(users, pos, id) != NGX_OK || id->len < 2) {
        return NGX_DONE;
    }

    id->data++;
    id->len -= 2;

    return NGX_OK;
}


ngx_uint_t
ngx_chat_standing_invites(ngx_chat_zone_t *z, ngx_str_t *room,
    ngx_str_t *state)
{
    ngx_str_t  value;

    static ngx_str_t  invite = ngx_string("invite");

    if (state != NULL
        && ngx_chat_json_valid(state) == NGX_OK && state->data[0] == '{'
        && ngx_chat_json_member(state, &invite, &value) == NGX_OK)
    {
        return value.data[0] == 't';
    }

    /* the names of the server's own rooms are no rule's */

    return room->data[0] != '~' && ngx_chat_zone_rule(z, room)->private;
}
