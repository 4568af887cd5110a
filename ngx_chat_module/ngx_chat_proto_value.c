
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * The values of strings and numbers, and jansson's part: what is wrong with a
 * command although its grammar is right.  Strings are not taken from jansson,
 * which without memory may leave characters out of them.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <jansson.h>
#include "ngx_chat.h"
#include "ngx_chat_proto_member.h"


/* integers as reals: those beyond 2^63 are no error, and none is used */
#define NGX_CHAT_JSON_FLAGS                                                   \
    (JSON_REJECT_DUPLICATES|JSON_DECODE_INT_AS_REAL|JSON_DECODE_ANY)


static const char *ngx_chat_json_problem(json_error_t *e);
static ngx_int_t ngx_chat_json_escape(u_char **pos, u_char *last);
static u_char *ngx_chat_json_utf8(u_char *p, uint32_t ch);
static int64_t ngx_chat_json_weight(u_char *p, u_char *last, u_char **end);


ngx_int_t
ngx_chat_json_check(ngx_str_t *json, size_t *position, const char **message)
{
    json_t        *root;
    json_error_t   e;

    ngx_memzero(&e, sizeof(json_error_t));

    root = json_loadb((char *) json->data, json->len, NGX_CHAT_JSON_FLAGS, &e);

    if (root != NULL) {
        json_decref(root);
        return NGX_OK;
    }

    *position = e.position;
    *message = ngx_chat_json_problem(&e);

    return (*message == NULL) ? NGX_ERROR : NGX_DECLINED;
}


/*
 * The grammar has been checked before.  So what jansson calls a mistake in it
 * is a lone surrogate or its way to say that a token did not fit into memory;
 * that there is no memory it also says in a code, or by saying nothing.
 */

static const char *
ngx_chat_json_problem(json_error_t *e)
{
    switch (json_error_code(e)) {

    case json_error_duplicate_key:
        return "an object has two members of one name";

    case json_error_null_character:
    case json_error_null_byte_in_key:
        return "a string must not contain \\u0000";

    case json_error_numeric_overflow:
        return "a number is too large for double precision";

    case json_error_invalid_syntax:

        if (ngx_strncmp(e->text, "invalid Unicode",
                        sizeof("invalid Unicode") - 1)
            == 0)
        {
            return "a string must not contain half of a surrogate pair";
        }

        return NULL;

    default:
        return NULL;
    }
}


ngx_int_t
ngx_chat_json_decode(ngx_pool_t *pool, ngx_str_t *json, ngx_str_t *str)
{
    u_char     *p, *last, *dst;
    ngx_int_t   ch;

    if (json->len < 2 || json->data[0] != '"') {
        return NGX_DECLINED;
    }

    p = json->data + 1;
    last = json->data + json->len - 1;

    if (ngx_strlchr(p, last, '\\') == NULL) {
        str->data = p;
        str->len = last - p;
        return NGX_OK;
    }

    /* every escape is longer than what it stands for */

    dst = ngx_pnalloc(pool, json->len);
    if (dst == NULL) {
        return NGX_ERROR;
    }

    str->data = dst;

    while (p < last) {

        if (*p != '\\') {
            *dst++ = *p++;
            continue;
        }

        p++;

        ch = ngx_chat_json_escape(&p, last);

        if (ch <= 0) {
            return NGX_DECLINED;
        }

        dst = ngx_chat_json_utf8(dst, (uint32_t) ch);
    }

    str->len = dst - str->data;

    return NGX_OK;
}


/* what stands behind a backslash; 0 or less: nothing that we take */

static ngx_int_t
ngx_chat_json_escape(u_char **pos, u_char *last)
{
    u_char     *p;
    ngx_int_t   ch, low;

    p = *pos;
    ch = (p < last) ? *p++ : 0;

    switch (ch) {

    case 'b':
        ch = '\b';
        break;

    case 'f':
        ch = '\f';
        break;

    case 'n':
        ch = LF;
        break;

    case 'r':
        ch = CR;
        break;

    case 't':
        ch = '\t';
        break;

    case 'u':

        ch = (last - p >= 4) ? ngx_hextoi(p, 4) : NGX_ERROR;
        p += 4;

        if (ch < 0xd800 || ch > 0xdfff) {
            break;
        }

        if (ch > 0xdbff || last - p < 6 || p[0] != '\\' || p[1] != 'u') {
            return NGX_ERROR;
        }

        low = ngx_hextoi(p + 2, 4);
        p += 6;

        if (low < 0xdc00 || low > 0xdfff) {
            return NGX_ERROR;
        }

        ch = 0x10000 + ((ch - 0xd800) << 10) + (low - 0xdc00);
        break;

    default: /* a quote, a slash or a backslash */
        break;
    }

    *pos = p;

    return ch;
}


static u_char *
ngx_chat_json_utf8(u_char *p, uint32_t ch)
{
    if (ch < 0x80) {
        *p++ = (u_char) ch;
        return p;
    }

    if (ch < 0x800) {
        *p++ = (u_char) (0xc0 | (ch >> 6));

    } else {

        if (ch < 0x10000) {
            *p++ = (u_char) (0xe0 | (ch >> 12));

        } else {
            *p++ = (u_char) (0xf0 | (ch >> 18));
            *p++ = (u_char) (0x80 | ((ch >> 12) & 0x3f));
        }

        *p++ = (u_char) (0x80 | ((ch >> 6) & 0x3f));
    }

    *p++ = (u_char) (0x80 | (ch & 0x3f));

    return p;
}


/*
 * All digits are looked at with their weights, so 1.0, 1e3 and 1200e-2 are
 * integers and 2^53+1 is not mistaken for 2^53.
 */

ngx_int_t
ngx_chat_json_integer(ngx_str_t *json, uint64_t *n)
{
    u_char      *p, *last, *end;
    int64_t      weight;
    uint64_t     value;
    ngx_uint_t   negative;

    p = json->data;
    last = p + json->len;

    negative = (p < last && *p == '-');
    p += negative;

    if (p == last || *p < '0' || *p > '9') {
        return NGX_DECLINED;
    }

    weight = ngx_chat_json_weight(p, last, &end);
    value = 0;

    for ( /* void */ ; p < end; p++) {

        if (*p == '.') {
            continue;
        }

        if (--weight >= 0) {
            value = value * 10 + (*p - '0');
            value = ngx_min(value, NGX_CHAT_SAFE_INT + 1);

        } else if (*p != '0') {
            return NGX_DECLINED;
        }
    }

    while (weight-- > 0 && value > 0 && value <= NGX_CHAT_SAFE_INT) {
        value *= 10;
    }

    if (negative && value != 0) {
        return NGX_DECLINED;
    }

    *n = ngx_min(value, NGX_CHAT_SAFE_INT + 1);

    return NGX_OK;
}


/* how many digits stand before the point once it is moved by the exponent */

static int64_t
ngx_chat_json_weight(u_char *p, u_char *last, u_char **end)
{
    int64_t     weight, exponent;
    ngx_uint_t  point, negative;

    weight = 0;
    point = 0;

    for ( /* void */ ; p < last && *p != 'e' && *p != 'E'; p++) {
        if (*p == '.') {
            point = 1;

        } else if (!point) {
            weight++;
        }
    }

    *end = p;

    if (p < last) {
        p++;
    }

    negative = (p < last && *p == '-');

    if (p < last && (*p == '-' || *p == '+')) {
        p++;
    }

    exponent = 0;

    for ( /* void */ ; p < last && exponent < NGX_MAX_INT32_VALUE / 16; p++) {
        exponent = exponent * 10 + (*p - '0');
    }

    return negative ? weight - exponent : weight + exponent;
}
