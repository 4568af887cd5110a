
/*
 * Copyright (C) the ngx_chat_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_sse.h"


#define NGX_CHAT_SSE_DATA      "data: "
#define NGX_CHAT_SSE_DATA_LEN  (sizeof(NGX_CHAT_SSE_DATA) - 1)

/* some byte of the word is 0; exact about the word, not about which byte */
#define ngx_chat_sse_has_zero(word)                                           \
    (((word) - 0x0101010101010101ULL) & ~(word) & 0x8080808080808080ULL)

#define NGX_CHAT_SSE_CRS       0x0d0d0d0d0d0d0d0dULL
#define NGX_CHAT_SSE_LFS       0x0a0a0a0a0a0a0a0aULL


static u_char *ngx_chat_sse_line_end(u_char *p, u_char *last);
static u_char *ngx_chat_sse_next_line(u_char *p, u_char *last);


/*
 * A line break at the end of the text begins one more, empty, line: the reader
 * joins lines by LF and takes the last LF away, so that the text arrives as it
 * was but for CR and CRLF, which arrive as LF.
 */

size_t
ngx_chat_sse_data_len(u_char *text, size_t len)
{
    u_char  *p, *end, *last;
    size_t   size;

    /* the empty line that ends the block */
    size = 1;

    p = text;
    last = len ? text + len : text;

    for ( ;; ) {
        end = ngx_chat_sse_line_end(p, last);

        size += NGX_CHAT_SSE_DATA_LEN + (end - p) + 1;

        if (end == last) {
            return size;
        }

        p = ngx_chat_sse_next_line(end, last);
    }
}


u_char *
ngx_chat_sse_data(u_char *dst, u_char *text, size_t len)
{
    u_char  *p, *end, *last;

    p = text;
    last = len ? text + len : text;

    for ( ;; ) {
        end = ngx_chat_sse_line_end(p, last);

        dst = ngx_cpymem(dst, NGX_CHAT_SSE_DATA, NGX_CHAT_SSE_DATA_LEN);

        if (end != p) {
            dst = ngx_cpymem(dst, p, end - p);
        }

        *dst++ = LF;

        if (end == last) {
            break;
        }

        p = ngx_chat_sse_next_line(end, last);
    }

    *dst++ = LF;

    return dst;
}


/* the first CR or LF, or `last' */

static u_char *
ngx_chat_sse_line_end(u_char *p, u_char *last)
{
    uint64_t  word;

    while (last - p >= 8) {
        ngx_memcpy(&word, p, 8);

        if (ngx_chat_sse_has_zero(word ^ NGX_CHAT_SSE_CRS)
            || ngx_chat_sse_has_zero(word ^ NGX_CHAT_SSE_LFS))
        {
            break;
        }

        p += 8;
    }

    while (p < last && *p != CR && *p != LF) {
        p++;
    }

    return p;
}


/* behind the line break at `p': CR, LF or both */

static u_char *
ngx_chat_sse_next_line(u_char *p, u_char *last)
{
    if (*p++ == CR && p < last && *p == LF) {
        p++;
    }

    return p;
}
