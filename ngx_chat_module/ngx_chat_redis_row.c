
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * A row of the table as text.  What the server has may be anybody's: it is
 * believed only if it could be one of ours.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include "ngx_chat_json.h"
#include "ngx_chat_redis_op.h"
#include "ngx_chat_utf8.h"


#define NGX_CHAT_REDIS_ROW_DEPTH  8

/* clocks may differ by so much, s; the script has the same bound */
#define NGX_CHAT_REDIS_ROW_AHEAD  86400


static ngx_int_t ngx_chat_redis_row_name(ngx_chat_row_t *row,
    ngx_str_t *name);
static ngx_int_t ngx_chat_redis_row_hex(u_char *dst, u_char *p, size_t n);
static u_char *ngx_chat_redis_row_number(ngx_str_t *text, u_char *p,
    uint64_t *n);
static ngx_int_t ngx_chat_redis_row_value(ngx_str_t *value);


u_char *
ngx_chat_redis_row_put(u_char *dst, ngx_chat_row_t *row, ngx_uint_t deleted)
{
    u_char  kind, *p;

    kind = (u_char) row->kind;

    p = ngx_hex_dump(dst, &kind, 1);
    p = ngx_hex_dump(p, row->room, NGX_CHAT_KEY_LEN);
    p = ngx_hex_dump(p, row->subject, NGX_CHAT_KEY_LEN);

    p = ngx_sprintf(p, " %uD %uL %ui ", row->changed, row->expires, deleted);

    return (deleted || row->value.len == 0)
           ? p : ngx_cpymem(p, row->value.data, row->value.len);
}


ngx_int_t
ngx_chat_redis_row_get(ngx_chat_row_t *row, ngx_uint_t *deleted,
    ngx_str_t *name, ngx_str_t *text, uint64_t now)
{
    u_char    *p, *last;
    uint64_t   changed;

    if (ngx_chat_redis_row_name(row, name) != NGX_OK) {
        return NGX_ERROR;
    }

    last = text->data + text->len;

    p = ngx_chat_redis_row_number(text, text->data, &changed);

    if (p == NULL || changed > now + NGX_CHAT_REDIS_ROW_AHEAD
        || changed >= NGX_MAX_UINT32_VALUE)
    {
        return NGX_ERROR;
    }

    p = ngx_chat_redis_row_number(text, p, &row->expires);

    if (p == NULL || last - p < 2 || (*p != '0' && *p != '1') || p[1] != ' ')
    {
        return NGX_ERROR;
    }

    row->changed = (uint32_t) changed;
    *deleted = (*p == '1');

    row->value.data = p + 2;
    row->value.len = (size_t) (last - (p + 2));

    if (*deleted) {
        return (row->value.len == 0) ? NGX_OK : NGX_ERROR;
    }

    return ngx_chat_redis_row_value(&row->value);
}


static ngx_int_t
ngx_chat_redis_row_name(ngx_chat_row_t *row, ngx_str_t *name)
{
    u_char  kind;

    if (name->len != NGX_CHAT_REDIS_ROW_NAME
        || ngx_chat_redis_row_hex(&kind, name->data, 1) != NGX_OK
        || ngx_chat_redis_row_hex(row->room, name->data + 2,
                                  NGX_CHAT_KEY_LEN)
           != NGX_OK
        || ngx_chat_redis_row_hex(row->subject,
                                  name->data + 2 + 2 * NGX_CHAT_KEY_LEN,
                                  NGX_CHAT_KEY_LEN)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    row->kind = kind;

    return ngx_chat_table_is_shared(row->kind) ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_chat_redis_row_hex(u_char *dst, u_char *p, size_t n)
{
    size_t     i;
    ngx_int_t  v;

    for (i = 0; i < n; i++) {

        v = ngx_hextoi(p + 2 * i, 2);

        if (v == NGX_ERROR) {
            return NGX_ERROR;
        }

        dst[i] = (u_char) v;
    }

    return NGX_OK;
}


/* digits and a space; returns what is behind, or NULL */

static u_char *
ngx_chat_redis_row_number(ngx_str_t *text, u_char *p, uint64_t *n)
{
    u_char  *space, *last;

    last = text->data + text->len;
    space = ngx_strlchr(p, last, ' ');

    if (space == NULL
        || ngx_chat_redis_number(p, (size_t) (space - p), n) != NGX_OK)
    {
        return NULL;
    }

    return space + 1;
}


/* it goes to clients within other objects, and within lines */

static ngx_int_t
ngx_chat_redis_row_value(ngx_str_t *value)
{
    size_t  i;

    if (value->len < 2 || value->len > NGX_CHAT_VALUE_MAX
        || value->data[0] != '{')
    {
        return NGX_ERROR;
    }

    for (i = 0; i < value->len; i++) {
        if (value->data[i] < ' ') {
            return NGX_ERROR;
        }
    }

    if (ngx_chat_utf8_valid(value->data, value->len) != NGX_OK
        || ngx_chat_json_depth(value, NGX_CHAT_REDIS_ROW_DEPTH)
           > NGX_CHAT_REDIS_ROW_DEPTH)
    {
        return NGX_ERROR;
    }

    return ngx_chat_json_valid(value);
}
