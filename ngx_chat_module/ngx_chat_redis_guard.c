
/*
 * Copyright (C) the ngx_chat_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_redis_guard.h"


static ngx_int_t ngx_chat_redis_guard_byte(ngx_chat_redis_guard_t *g,
    u_char ch);
static ngx_int_t ngx_chat_redis_guard_number(ngx_chat_redis_guard_t *g,
    u_char ch);
static ngx_int_t ngx_chat_redis_guard_end(ngx_chat_redis_guard_t *g);


ngx_int_t
ngx_chat_redis_guard(ngx_chat_redis_guard_t *g, const u_char *p, size_t n)
{
    size_t  part;

    g->total += n;

    if (g->total > NGX_CHAT_REDIS_REPLY_MAX) {
        return NGX_ERROR;
    }

    while (n) {

        if (g->skip) {
            part = (size_t) ngx_min(g->skip, n);
            g->skip -= part;
            p += part;
            n -= part;
            continue;
        }

        if (ngx_chat_redis_guard_byte(g, *p) != NGX_OK) {
            return NGX_ERROR;
        }

        p++;
        n--;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_chat_redis_guard_byte(ngx_chat_redis_guard_t *g, u_char ch)
{
    if (g->type == 0) {

        if (ch != '+' && ch != '-' && ch != ':' && ch != '$' && ch != '*') {
            return NGX_ERROR;
        }

        g->type = ch;
        g->line = 0;
        g->number = 0;
        g->negative = 0;
        g->digits = 0;
        g->cr = 0;

        return NGX_OK;
    }

    if (++g->line > NGX_CHAT_REDIS_LINE_MAX) {
        return NGX_ERROR;
    }

    if (g->cr) {
        return (ch == LF) ? ngx_chat_redis_guard_end(g) : NGX_ERROR;
    }

    if (ch == CR) {
        g->cr = 1;
        return NGX_OK;
    }

    return (g->type == '+' || g->type == '-')
           ? NGX_OK : ngx_chat_redis_guard_number(g, ch);
}


static ngx_int_t
ngx_chat_redis_guard_number(ngx_chat_redis_guard_t *g, u_char ch)
{
    if (ch == '-' && g->line == 1) {
        g->negative = 1;
        return NGX_OK;
    }

    /* 19 digits and a sign: any integer that there is, and none wraps */

    if (ch < '0' || ch > '9' || g->line > 19 + (size_t) g->negative) {
        return NGX_ERROR;
    }

    g->number = g->number * 10 + (ch - '0');
    g->digits = 1;

    return NGX_OK;
}


/* of a line */

static ngx_int_t
ngx_chat_redis_guard_end(ngx_chat_redis_guard_t *g)
{
    u_char  type;

    type = g->type;
    g->type = 0;

    if (type == '+' || type == '-') {
        return NGX_OK;
    }

    if (!g->digits) {
        return NGX_ERROR;
    }

    if (type == ':') {
        return NGX_OK;
    }

    if (g->negative) {
        /* a null */
        return (g->number == 1) ? NGX_OK : NGX_ERROR;
    }

    if (type == '*') {
        return (g->number <= (g->elements ? g->elements
                                          : NGX_CHAT_REDIS_ELEMENTS_MAX))
               ? NGX_OK : NGX_ERROR;
    }

    if (g->number > NGX_CHAT_REDIS_BULK_MAX) {
        return NGX_ERROR;
    }

    g->skip = g->number + 2;

    return NGX_OK;
}
