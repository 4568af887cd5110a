
/*
 * Copyright (C) the ngx_chat_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_json.h"


typedef enum {
    sw_value = 0,
    sw_first_value,
    sw_name,
    sw_first_name,
    sw_colon,
    sw_after
} ngx_chat_json_state_e;


/* the kinds of the open containers are one bit each: 1 is an object */

typedef struct {
    ngx_chat_json_state_e   state;
    ngx_uint_t              depth;
    u_char                  stack[NGX_CHAT_JSON_DEPTH_MAX / 8];
} ngx_chat_json_valid_t;


static u_char *ngx_chat_json_token(ngx_chat_json_valid_t *v, u_char *p,
    u_char *last);
static u_char *ngx_chat_json_push(ngx_chat_json_valid_t *v, u_char *p);
static u_char *ngx_chat_json_pop(ngx_chat_json_valid_t *v, u_char *p);
static u_char *ngx_chat_json_scalar(u_char *p, u_char *last);
static u_char *ngx_chat_json_number(u_char *p, u_char *last);
static u_char *ngx_chat_json_digits(u_char *p, u_char *last);
static u_char *ngx_chat_json_quoted(u_char *p, u_char *last);
static u_char *ngx_chat_json_skip_space(u_char *p, u_char *last);
static u_char *ngx_chat_json_skip_string(u_char *p, u_char *last);
static u_char *ngx_chat_json_skip_value(u_char *p, u_char *last);


#define ngx_chat_json_is_space(ch)                                            \
    ((ch) == ' ' || (ch) == '\t' || (ch) == CR || (ch) == LF)

#define ngx_chat_json_is_digit(ch)  ((ch) >= '0' && (ch) <= '9')

#define ngx_chat_json_in_object(v)                                            \
    ((v)->stack[((v)->depth - 1) / 8] & (1 << (((v)->depth - 1) % 8)))


ngx_int_t
ngx_chat_json_valid(ngx_str_t *json)
{
    u_char                 *p, *last;
    ngx_chat_json_valid_t   v;

    if (json->len == 0) {
        return NGX_ERROR;
    }

    p = json->data;
    last = p + json->len;

    v.state = sw_value;
    v.depth = 0;

    while (p < last) {

        if (ngx_chat_json_is_space(*p)) {
            p++;
            continue;
        }

        p = ngx_chat_json_token(&v, p, last);

        if (p == NULL) {
            return NGX_ERROR;
        }
    }

    return (v.state == sw_after && v.depth == 0) ? NGX_OK : NGX_ERROR;
}


/* returns the end of the token, or NULL if it may not stand here */

static u_char *
ngx_chat_json_token(ngx_chat_json_valid_t *v, u_char *p, u_char *last)
{
    switch (v->state) {

    case sw_first_value:

        if (*p == ']') {
            return ngx_chat_json_pop(v, p);
        }

        /* fall through */

    case sw_value:

        if (*p == '{' || *p == '[') {
            return ngx_chat_json_push(v, p);
        }

        v->state = sw_after;

        return ngx_chat_json_scalar(p, last);

    case sw_first_name:

        if (*p == '}') {
            return ngx_chat_json_pop(v, p);
        }

        /* fall through */

    case sw_name:

        v->state = sw_colon;

        return (*p == '"') ? ngx_chat_json_quoted(p, last) : NULL;

    case sw_colon:

        v->state = sw_value;

        return (*p == ':') ? p + 1 : NULL;

    default: /* sw_after */

        if (v->depth == 0) {
            return NULL;
        }

        if (*p == ',') {
            v->state = ngx_chat_json_in_object(v) ? sw_name : sw_value;
            return p + 1;
        }

        return ngx_chat_json_pop(v, p);
    }
}


static u_char *
ngx_chat_json_push(ngx_chat_json_valid_t *v, u_char *p)
{
    u_char      bit;
    ngx_uint_t  i;

    if (v->depth == NGX_CHAT_JSON_DEPTH_MAX) {
        return NULL;
    }

    i = v->depth / 8;
    bit = (u_char) (1 << (v->depth % 8));

    if (bit == 1) {
        v->stack[i] = 0;
    }

    if (*p == '{') {
        v->stack[i] |= bit;
        v->state = sw_first_name;

    } else {
        v->stack[i] &= (u_char) ~bit;
        v->state = sw_first_value;
    }

    v->depth++;

    return p + 1;
}


static u_char *
ngx_chat_json_pop(ngx_chat_json_valid_t *v, u_char *p)
{
    if (*p != (ngx_chat_json_in_object(v) ? '}' : ']')) {
        return NULL;
    }

    v->depth--;
    v->state = sw_after;

    return p + 1;
}


static u_char *
ngx_chat_json_scalar(u_char *p, u_char *last)
{
    switch (*p) {

    case '"':
        return ngx_chat_json_quoted(p, last);

    case 't':
        if (last - p >= 4 && ngx_strncmp(p, "true", 4) == 0) {
            return p + 4;
        }

        return NULL;

    case 'f':
        if (last - p >= 5 && ngx_strncmp(p, "false", 5) == 0) {
            return p + 5;
        }

        return NULL;

    case 'n':
        if (last - p >= 4 && ngx_strncmp(p, "null", 4) == 0) {
            return p + 4;
        }

        return NULL;

    default:
        return ngx_chat_json_number(p, last);
    }
}


static u_char *
ngx_chat_json_number(u_char *p, u_char *last)
{
    u_char  *start;

    if (*p == '-') {
        p++;
    }

    start = p;
    p = ngx_chat_json_digits(p, last);

    if (p == start || (*start == '0' && p - start > 1)) {
        return NULL;
    }

    if (p < last && *p == '.') {
        start = ++p;
        p = ngx_chat_json_digits(p, last);

        if (p == start) {
            return NULL;
        }
    }

    if (p < last && (*p == 'e' || *p == 'E')) {
        p++;

        if (p < last && (*p == '+' || *p == '-')) {
            p++;
        }

        start = p;
        p = ngx_chat_json_digits(p, last);

        if (p == start) {
            return NULL;
        }
    }

    return p;
}


static u_char *
ngx_chat_json_digits(u_char *p, u_char *last)
{
    while (p < last && ngx_chat_json_is_digit(*p)) {
        p++;
    }

    return p;
}


static u_char *
ngx_chat_json_quoted(u_char *p, u_char *last)
{
    ngx_uint_t  i;

    for (p++; p < last; p++) {

        if (*p == '"') {
            return p + 1;
        }

        if (*p < 0x20) {
            return NULL;
        }

        if (*p != '\\') {
            continue;
        }

        if (++p == last) {
            return NULL;
        }

        if (*p != 'u') {
            if (ngx_strlchr((u_char *) "\"\\/bfnrt",
                            (u_char *) "\"\\/bfnrt" + 8, *p) == NULL)
            {
                return NULL;
            }

            continue;
        }

        if (last - p < 5) {
            return NULL;
        }

        for (i = 0; i < 4; i++) {
            p++;

            if (!ngx_chat_json_is_digit(*p)
                && ((*p | 0x20) < 'a' || (*p | 0x20) > 'f'))
            {
                return NULL;
            }
        }
    }

    return NULL;
}


/*
 * From here on the text is known to be valid.  The bounds are checked all the
 * same, so that a mistake of a caller can't read beyond the end.
 */

static u_char *
ngx_chat_json_skip_space(u_char *p, u_char *last)
{
    while (p < last && ngx_chat_json_is_space(*p)) {
        p++;
    }

    return p;
}


static u_char *
ngx_chat_json_skip_string(u_char *p, u_char *last)
{
    for (p++; p < last; p++) {

        if (*p == '"') {
            return p + 1;
        }

        if (*p == '\\' && ++p == last) {
            break;
        }
    }

    return last;
}


static u_char *
ngx_chat_json_skip_value(u_char *p, u_char *last)
{
    ngx_uint_t  depth;

    depth = 0;

    while (p < last) {

        switch (*p) {

        case '"':
            p = ngx_chat_json_skip_string(p, last);

            if (depth == 0) {
                return p;
            }

            continue;

        case '{':
        case '[':
            depth++;
            break;

        case '}':
        case ']':
            if (depth == 0) {
                return p;
            }

            if (--depth == 0) {
                return p + 1;
            }

            break;

        case ',':
        case ' ':
        case '\t':
        case CR:
        case LF:
            if (depth == 0) {
                return p;
            }

            break;
        }

        p++;
    }

    return last;
}


ngx_int_t
ngx_chat_json_element(ngx_str_t *json, u_char **pos, ngx_str_t *element)
{
    u_char  *p, *last;

    p = *pos;
    last = json->data + json->len;

    p = ngx_chat_json_skip_space(p, last);

    /* "[" before the first element, "," before the others */

    if (p < last && *p != ']') {
        p = ngx_chat_json_skip_space(p + 1, last);
    }

    if (p == last || *p == ']') {
        *pos = p;
        return NGX_DONE;
    }

    element->data = p;
    p = ngx_chat_json_skip_value(p, last);
    element->len = p - element->data;

    *pos = p;

    return NGX_OK;
}


ngx_int_t
ngx_chat_json_next_member(ngx_str_t *json, u_char **pos, ngx_str_t *name,
    ngx_str_t *value)
{
    u_char  *p, *last;

    p = *pos;
    last = json->data + json->len;

    p = ngx_chat_json_skip_space(p, last);

    /* "{" before the first member, "," before the others */

    if (p < last && *p != '}') {
        p = ngx_chat_json_skip_space(p + 1, last);
    }

    if (p == last || *p != '"') {
        *pos = p;
        return NGX_DONE;
    }

    name->data = p + 1;
    p = ngx_chat_json_skip_string(p, last);
    name->len = p - name->data - 1;

    p = ngx_chat_json_skip_space(p, last);

    if (p == last) {
        *pos = p;
        return NGX_DONE;
    }

    p = ngx_chat_json_skip_space(p + 1, last);

    value->data = p;
    p = ngx_chat_json_skip_value(p, last);
    value->len = p - value->data;

    *pos = p;

    return NGX_OK;
}


ngx_int_t
ngx_chat_json_member(ngx_str_t *json, ngx_str_t *name, ngx_str_t *value)
{
    u_char     *pos;
    ngx_str_t   key, val;

    pos = json->data;

    while (ngx_chat_json_next_member(json, &pos, &key, &val) == NGX_OK) {

        if (key.len == name->len
            && ngx_memcmp(key.data, name->data, key.len) == 0)
        {
            *value = val;
            return NGX_OK;
        }
    }

    return NGX_DECLINED;
}


void
ngx_chat_json_minify(ngx_str_t *json)
{
    u_char  *p, *last, *dst, *end;

    p = json->data;
    last = p + json->len;
    dst = p;

    while (p < last) {

        if (*p == '"') {
            end = ngx_chat_json_skip_string(p, last);
            dst = ngx_movemem(dst, p, end - p);
            p = end;
            continue;
        }

        if (!ngx_chat_json_is_space(*p)) {
            *dst++ = *p;
        }

        p++;
    }

    json->len = dst - json->data;
}


ngx_uint_t
ngx_chat_json_depth(ngx_str_t *json, ngx_uint_t max)
{
    u_char      *p, *last;
    ngx_uint_t   depth, deepest;

    if (json->len == 0) {
        return 0;
    }

    p = json->data;
    last = p + json->len;
    depth = 0;
    deepest = 0;

    while (p < last && deepest <= max) {

        switch (*p) {

        case '"':
            p = ngx_chat_json_skip_string(p, last);
            continue;

        case '{':
        case '[':
            depth++;
            deepest = ngx_max(deepest, depth);
            break;

        case '}':
        case ']':
            if (depth > 0) {
                depth--;
            }

            break;
        }

        p++;
    }

    return deepest;
}
