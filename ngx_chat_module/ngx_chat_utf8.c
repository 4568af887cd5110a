
/*
 * Copyright (C) the ngx_chat_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_utf8.h"


/*
 * The state inside a character says how many bytes are to come and between
 * what bounds the next of them is (RFC 3629, section 4).  Only the byte after
 * the first has bounds of its own: they exclude overlong forms (E0, F0),
 * surrogates (ED) and what is above U+10FFFF (F4).
 *
 * `low' is never 0, so that neither ACCEPT nor REJECT is such a state.
 */

#define ngx_chat_utf8_state(need, low, high)                                  \
    ((uint32_t) (need) | (uint32_t) (low) << 8 | (uint32_t) (high) << 16)

#define ngx_chat_utf8_need(state)  ((state) & 0xff)
#define ngx_chat_utf8_low(state)   ((state) >> 8 & 0xff)
#define ngx_chat_utf8_high(state)  ((state) >> 16)

#define NGX_CHAT_UTF8_HIGH_BITS    0x8080808080808080ULL


static uint32_t ngx_chat_utf8_lead(u_char c);
static u_char *ngx_chat_utf8_skip_ascii(u_char *p, u_char *last);


ngx_int_t
ngx_chat_utf8_feed(uint32_t *state, u_char *p, size_t n)
{
    u_char    *last;
    uint32_t   s, need;

    s = *state;

    if (s == NGX_CHAT_UTF8_REJECT) {
        return NGX_ERROR;
    }

    if (n == 0) {
        return NGX_OK;
    }

    last = p + n;

    for ( ;; ) {

        if (s == NGX_CHAT_UTF8_ACCEPT) {

            p = ngx_chat_utf8_skip_ascii(p, last);

            if (p == last) {
                break;
            }

            s = ngx_chat_utf8_lead(*p++);

            if (s == NGX_CHAT_UTF8_REJECT) {
                break;
            }
        }

        if (p == last) {
            break;
        }

        if (*p < ngx_chat_utf8_low(s) || *p > ngx_chat_utf8_high(s)) {
            s = NGX_CHAT_UTF8_REJECT;
            break;
        }

        p++;

        need = ngx_chat_utf8_need(s) - 1;

        s = need ? ngx_chat_utf8_state(need, 0x80, 0xbf)
                 : NGX_CHAT_UTF8_ACCEPT;
    }

    *state = s;

    return (s == NGX_CHAT_UTF8_REJECT) ? NGX_ERROR : NGX_OK;
}


ngx_int_t
ngx_chat_utf8_valid(u_char *p, size_t n)
{
    uint32_t  state;

    state = NGX_CHAT_UTF8_ACCEPT;

    if (ngx_chat_utf8_feed(&state, p, n) != NGX_OK) {
        return NGX_ERROR;
    }

    return (state == NGX_CHAT_UTF8_ACCEPT) ? NGX_OK : NGX_ERROR;
}


uint32_t
ngx_chat_utf8_next(u_char **p, u_char *last)
{
    u_char    *q;
    uint32_t   c, s, need;

    q = *p;

    if (q == last) {
        return 0xffffffff;
    }

    c = *q++;

    if (c < 0x80) {
        *p = q;
        return c;
    }

    s = ngx_chat_utf8_lead((u_char) c);

    if (s == NGX_CHAT_UTF8_REJECT) {
        return 0xffffffff;
    }

    need = ngx_chat_utf8_need(s);

    if ((size_t) (last - q) < need
        || *q < ngx_chat_utf8_low(s) || *q > ngx_chat_utf8_high(s))
    {
        return 0xffffffff;
    }

    /* the more bytes follow, the fewer bits are in the first */

    c &= 0x3f >> need;

    for ( ;; ) {
        c = c << 6 | (*q++ & 0x3f);

        if (--need == 0) {
            break;
        }

        if ((*q & 0xc0) != 0x80) {
            return 0xffffffff;
        }
    }

    *p = q;

    return c;
}


/* the state after the first byte, not ASCII, of a character */

static uint32_t
ngx_chat_utf8_lead(u_char c)
{
    if (c < 0xc2) {
        return NGX_CHAT_UTF8_REJECT;
    }

    if (c < 0xe0) {
        return ngx_chat_utf8_state(1, 0x80, 0xbf);
    }

    if (c < 0xf0) {
        return ngx_chat_utf8_state(2, (c == 0xe0) ? 0xa0 : 0x80,
                                   (c == 0xed) ? 0x9f : 0xbf);
    }

    if (c < 0xf5) {
        return ngx_chat_utf8_state(3, (c == 0xf0) ? 0x90 : 0x80,
                                   (c == 0xf4) ? 0x8f : 0xbf);
    }

    return NGX_CHAT_UTF8_REJECT;
}


/* the first byte that is not ASCII, or `last' */

static u_char *
ngx_chat_utf8_skip_ascii(u_char *p, u_char *last)
{
    uint64_t  word;

    while (last - p >= 8) {
        ngx_memcpy(&word, p, 8);

        if (word & NGX_CHAT_UTF8_HIGH_BITS) {

            /* one of these eight ends it, so `last' need not be watched */

            while (*p < 0x80) {
                p++;
            }

            return p;
        }

        p += 8;
    }

    while (p < last && *p < 0x80) {
        p++;
    }

    return p;
}
