
/*
 * Copyright (C) the ngx_chat_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include "ngx_chat.h"
#include "ngx_chat_name.h"
#include "ngx_chat_utf8.h"


#define NGX_CHAT_UTF8_BROKEN    0xffffffff

#define NGX_CHAT_MARKS_MAX      3

/* 36^10 and, near its golden section, a number that is prime to it */

#define NGX_CHAT_EPOCH_MODULUS  3656158440062976ULL
#define NGX_CHAT_EPOCH_STEP     2259630184213715ULL


typedef struct {
    uint32_t    first;
    uint32_t    last;
} ngx_chat_range_t;


static ngx_int_t ngx_chat_name_valid(ngx_str_t *name, size_t max,
    ngx_uint_t tilde);
static ngx_uint_t ngx_chat_in_ranges(const ngx_chat_range_t *range,
    uint32_t ch);
static uint64_t ngx_chat_epoch_mulmod(uint64_t a, uint64_t b);


/*
 * Characters that can't be seen, only their effect: zero-width, bidi controls,
 * line separators, tags.  U+200D is one of them, so emoji that are joined by
 * it are refused in names; variation selectors (U+FE0F) are not.
 * The tables are sorted and end with an empty range.
 */

static const ngx_chat_range_t  ngx_chat_invisible[] = {
    { 0x00ad, 0x00ad },
    { 0x034f, 0x034f },
    { 0x061c, 0x061c },
    { 0x180e, 0x180e },
    { 0x200b, 0x200f },
    { 0x2028, 0x202e },
    { 0x2060, 0x206f },
    { 0xfeff, 0xfeff },
    { 0xfff9, 0xfffb },
    { 0xe0000, 0xe007f },
    { 0, 0 }
};


/* what looks like a space */

static const ngx_chat_range_t  ngx_chat_spaces[] = {
    { 0x0020, 0x0020 },
    { 0x00a0, 0x00a0 },
    { 0x1680, 0x1680 },
    { 0x2000, 0x200a },
    { 0x202f, 0x202f },
    { 0x205f, 0x205f },
    { 0x2800, 0x2800 },
    { 0x3000, 0x3000 },
    { 0x3164, 0x3164 },
    { 0xffa0, 0xffa0 },
    { 0, 0 }
};


/* marks that are stacked on the character before them */

static const ngx_chat_range_t  ngx_chat_marks[] = {
    { 0x0300, 0x036f },
    { 0x0483, 0x0489 },
    { 0x0591, 0x05bd },
    { 0x05bf, 0x05bf },
    { 0x05c1, 0x05c2 },
    { 0x05c4, 0x05c5 },
    { 0x05c7, 0x05c7 },
    { 0x0610, 0x061a },
    { 0x064b, 0x065f },
    { 0x0670, 0x0670 },
    { 0x06d6, 0x06dc },
    { 0x06df, 0x06e4 },
    { 0x06e7, 0x06e8 },
    { 0x06ea, 0x06ed },
    { 0x0711, 0x0711 },
    { 0x0730, 0x074a },
    { 0x07a6, 0x07b0 },
    { 0x07eb, 0x07f3 },
    { 0x0816, 0x0819 },
    { 0x081b, 0x0823 },
    { 0x0825, 0x082d },
    { 0x0898, 0x089f },
    { 0x08ca, 0x08e1 },
    { 0x08e3, 0x0902 },
    { 0x093c, 0x093c },
    { 0x0951, 0x0957 },
    { 0x0e31, 0x0e31 },
    { 0x0e34, 0x0e3a },
    { 0x0e47, 0x0e4e },
    { 0x0eb1, 0x0eb1 },
    { 0x0eb4, 0x0ebc },
    { 0x0ec8, 0x0ece },
    { 0x0f35, 0x0f35 },
    { 0x0f37, 0x0f37 },
    { 0x0f39, 0x0f39 },
    { 0x0f71, 0x0f7e },
    { 0x0f80, 0x0f84 },
    { 0x0f86, 0x0f87 },
    { 0x135d, 0x135f },
    { 0x1ab0, 0x1aff },
    { 0x1cd0, 0x1ce8 },
    { 0x1dc0, 0x1dff },
    { 0x20d0, 0x20ff },
    { 0x2cef, 0x2cf1 },
    { 0x2de0, 0x2dff },
    { 0x302a, 0x302f },
    { 0x3099, 0x309a },
    { 0xa66f, 0xa672 },
    { 0xa674, 0xa67d },
    { 0xa69e, 0xa69f },
    { 0xa6f0, 0xa6f1 },
    { 0xa8e0, 0xa8f1 },
    { 0xfb1e, 0xfb1e },
    { 0xfe00, 0xfe0f },
    { 0xfe20, 0xfe2f },
    { 0x1d165, 0x1d169 },
    { 0x1d16d, 0x1d172 },
    { 0x1d17b, 0x1d182 },
    { 0x1d185, 0x1d18b },
    { 0x1d1aa, 0x1d1ad },
    { 0xe0100, 0xe01ef },
    { 0, 0 }
};


ngx_int_t
ngx_chat_room_name_valid(ngx_str_t *name, ngx_uint_t server)
{
    return ngx_chat_name_valid(name, NGX_CHAT_ROOM_MAX, server);
}


ngx_int_t
ngx_chat_user_id_valid(ngx_str_t *id, ngx_uint_t guest)
{
    return ngx_chat_name_valid(id, NGX_CHAT_USER_MAX, guest);
}


static ngx_int_t
ngx_chat_name_valid(ngx_str_t *name, size_t max, ngx_uint_t tilde)
{
    u_char    *p, *last;
    uint32_t   ch;

    if (name->len == 0 || name->len > max) {
        return NGX_DECLINED;
    }

    p = name->data;
    last = p + name->len;

    switch (*p) {

    case '~':
        if (tilde) {
            break;
        }

        /* fall through */

    case '.':
    case '$':
    case '@':
        return NGX_DECLINED;
    }

    while (p < last) {

        ch = ngx_chat_utf8_next(&p, last);

        if (ch == NGX_CHAT_UTF8_BROKEN || ch <= 0x20
            || (ch >= 0x7f && ch <= 0x9f))
        {
            return NGX_DECLINED;
        }

        if (ch < 0x7f) {
            if (ngx_strchr("/\\?#%,*{}\"<>", (int) ch) != NULL) {
                return NGX_DECLINED;
            }

            continue;
        }

        if (ngx_chat_in_ranges(ngx_chat_invisible, ch)) {
            return NGX_DECLINED;
        }
    }

    return NGX_OK;
}


/* after NGX_DECLINED the bytes of the name are undefined */

ngx_int_t
ngx_chat_display_name(ngx_str_t *name)
{
    u_char      *p, *last, *dst, *start;
    uint32_t     ch;
    ngx_uint_t   marks, space;

    p = name->data;
    last = p + name->len;
    dst = p;
    marks = 0;
    space = 0;

    while (p < last) {

        start = p;
        ch = ngx_chat_utf8_next(&p, last);

        if (ch == NGX_CHAT_UTF8_BROKEN || ch < 0x20
            || (ch >= 0x7f && ch <= 0x9f)
            || ngx_chat_in_ranges(ngx_chat_invisible, ch))
        {
            return NGX_DECLINED;
        }

        if (ngx_chat_in_ranges(ngx_chat_spaces, ch)) {
            space = 1;
            marks = 0;
            continue;
        }

        if (ngx_chat_in_ranges(ngx_chat_marks, ch)) {
            if (++marks > NGX_CHAT_MARKS_MAX) {
                return NGX_DECLINED;
            }

        } else {
            marks = 0;
        }

        if (space && dst != name->data) {
            *dst++ = ' ';
        }

        space = 0;
        dst = ngx_movemem(dst, start, p - start);
    }

    name->len = dst - name->data;

    if (name->len == 0 || name->len > NGX_CHAT_NAME_MAX) {
        return NGX_DECLINED;
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_chat_in_ranges(const ngx_chat_range_t *range, uint32_t ch)
{
    for ( /* void */ ; range->last != 0 && range->first <= ch; range++) {
        if (ch <= range->last) {
            return 1;
        }
    }

    return 0;
}


ngx_int_t
ngx_chat_id_parse(ngx_str_t *text, ngx_chat_id_t *id)
{
    u_char      ch, *p, *last;
    uint64_t    offset;
    ngx_uint_t  i;

    ngx_memzero(id, sizeof(ngx_chat_id_t));

    if (text->len == 1 && text->data[0] == '0') {
        return NGX_OK;
    }

    if (text->len < NGX_CHAT_EPOCH_LEN + 2 || text->len > NGX_CHAT_ID_LEN) {
        return NGX_DECLINED;
    }

    p = text->data;
    last = p + text->len;

    for (i = 0; i < NGX_CHAT_EPOCH_LEN; i++) {
        ch = *p++;

        if ((ch < '0' || ch > '9') && (ch < 'a' || ch > 'z')) {
            return NGX_DECLINED;
        }
    }

    if (*p++ != '-' || (*p == '0' && p + 1 != last)) {
        return NGX_DECLINED;
    }

    offset = 0;

    while (p < last) {
        ch = *p++;

        if (ch < '0' || ch > '9') {
            return NGX_DECLINED;
        }

        offset = offset * 10 + (ch - '0');

        if (offset > NGX_CHAT_SAFE_INT) {
            return NGX_DECLINED;
        }
    }

    ngx_memcpy(id->epoch, text->data, NGX_CHAT_EPOCH_LEN);
    id->offset = offset;

    return NGX_OK;
}


u_char *
ngx_chat_id_print(u_char *p, u_char *epoch, uint64_t offset)
{
    u_char  *d, digits[20];

    p = ngx_cpymem(p, epoch, NGX_CHAT_EPOCH_LEN);
    *p++ = '-';

    d = digits + sizeof(digits);

    do {
        *--d = (u_char) ('0' + offset % 10);
        offset /= 10;
    } while (offset != 0);

    return ngx_cpymem(p, d, digits + sizeof(digits) - d);
}


void
ngx_chat_epoch_print(u_char dst[NGX_CHAT_EPOCH_LEN], uint64_t start,
    uint64_t n)
{
    uint64_t    value;
    ngx_uint_t  i;

    static const u_char  base36[] = "0123456789abcdefghijklmnopqrstuvwxyz";

    value = start % NGX_CHAT_EPOCH_MODULUS
            + ngx_chat_epoch_mulmod(n % NGX_CHAT_EPOCH_MODULUS,
                                    NGX_CHAT_EPOCH_STEP);
    value %= NGX_CHAT_EPOCH_MODULUS;

    for (i = NGX_CHAT_EPOCH_LEN; i > 0; i--) {
        dst[i - 1] = base36[value % 36];
        value /= 36;
    }
}


/* by doubling: the product does not fit in 64 bits */

static uint64_t
ngx_chat_epoch_mulmod(uint64_t a, uint64_t b)
{
    uint64_t  product;

    product = 0;

    for ( /* void */ ; b != 0; b >>= 1) {

        if (b & 1) {
            product = (product + a) % NGX_CHAT_EPOCH_MODULUS;
        }

        a = (a << 1) % NGX_CHAT_EPOCH_MODULUS;
    }

    return product;
}


/* a "*" that fails is tried one byte further; only the last one has to be */

ngx_uint_t
ngx_chat_pattern_match(ngx_str_t *pattern, ngx_str_t *name)
{
    size_t  p, n, star, mark;

    p = 0;
    n = 0;
    star = (size_t) -1;
    mark = 0;

    while (n < name->len) {

        if (p < pattern->len && pattern->data[p] == '*') {
            star = p++;
            mark = n;
            continue;
        }

        if (p < pattern->len && pattern->data[p] == name->data[n]) {
            p++;
            n++;
            continue;
        }

        if (star == (size_t) -1) {
            return 0;
        }

        p = star + 1;
        n = ++mark;
    }

    while (p < pattern->len && pattern->data[p] == '*') {
        p++;
    }

    return p == pattern->len;
}


ngx_int_t
ngx_chat_name_key(u_char key[NGX_CHAT_NAME_KEY], u_char what, ngx_str_t *name)
{
    u_char        text[1 + NGX_CHAT_ROOM_MAX + 1], md[EVP_MAX_MD_SIZE];
    ngx_int_t     rc;
    unsigned int  n;

    if (name->len > sizeof(text) - 1) {
        return NGX_ERROR;
    }

    text[0] = what;
    ngx_memcpy(text + 1, name->data, name->len);

    rc = (EVP_Digest(text, name->len + 1, md, &n, EVP_sha256(), NULL) == 1)
         ? NGX_OK : NGX_ERROR;

    ERR_clear_error();

    if (rc == NGX_OK) {
        ngx_memcpy(key, md, NGX_CHAT_NAME_KEY);
    }

    return rc;
}
