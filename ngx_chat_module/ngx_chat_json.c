
/*
 * Copyright (C) the ngx_chat_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_json.h"


#define NGX_CHAT_TEXT_MIN  256


/* bytes that an escaped byte takes: 1 as it is, 2 "\n", 6 "\u0001" */

static const u_char  ngx_chat_json_size[256] = {
    6, 6, 6, 6, 6, 6, 6, 6, 2, 2, 2, 6, 2, 2, 6, 6,
    6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6,
    1, 1, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 1, 1, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1
};


void
ngx_chat_text_init(ngx_chat_text_t *t, size_t max, ngx_log_t *log)
{
    ngx_memzero(t, sizeof(ngx_chat_text_t));

    t->max = max;
    t->log = log;
}


void
ngx_chat_text_free(ngx_chat_text_t *t)
{
    if (t->start != NULL) {
        ngx_free(t->start);
    }

    t->start = NULL;
    t->pos = NULL;
    t->end = NULL;
    t->failed = 0;
}


ngx_int_t
ngx_chat_text_reserve(ngx_chat_text_t *t, size_t n)
{
    u_char  *p;
    size_t   len, size, max;

    if (t->failed) {
        return NGX_ERROR;
    }

    len = ngx_chat_text_len(t);
    max = t->max ? t->max : NGX_MAX_SIZE_T_VALUE;

    if (len > max || n > max - len) {
        goto failed;
    }

    if (n <= (size_t) (t->end - t->pos)) {
        return NGX_OK;
    }

    size = ngx_max((size_t) (t->end - t->start), NGX_CHAT_TEXT_MIN);

    while (size < len + n) {
        size = (size > max / 2) ? max : size * 2;
    }

    p = ngx_alloc(size, t->log);
    if (p == NULL) {
        goto failed;
    }

    if (t->start != NULL) {
        ngx_memcpy(p, t->start, len);
        ngx_free(t->start);
    }

    t->start = p;
    t->pos = p + len;
    t->end = p + size;

    return NGX_OK;

failed:

    t->failed = 1;

    return NGX_ERROR;
}


void
ngx_chat_text_add(ngx_chat_text_t *t, const void *data, size_t len)
{
    if (len == 0 || ngx_chat_text_reserve(t, len) != NGX_OK) {
        return;
    }

    t->pos = ngx_cpymem(t->pos, data, len);
}


void
ngx_chat_text_num(ngx_chat_text_t *t, int64_t n)
{
    u_char    *p, digits[20];
    uint64_t   u;

    p = digits + sizeof(digits);

    /* the negation of the smallest number has no place in int64_t */

    u = (n < 0) ? 0 - (uint64_t) n : (uint64_t) n;

    do {
        *--p = (u_char) ('0' + u % 10);
        u /= 10;
    } while (u != 0);

    if (n < 0) {
        *--p = '-';
    }

    ngx_chat_text_add(t, p, digits + sizeof(digits) - p);
}


void
ngx_chat_text_json(ngx_chat_text_t *t, ngx_str_t *s)
{
    if (ngx_chat_text_reserve(t, ngx_chat_json_string_len(s)) != NGX_OK) {
        return;
    }

    t->pos = ngx_chat_json_string(t->pos, s);
}


void
ngx_chat_text_member(ngx_chat_text_t *t, const char *name, ngx_str_t *s)
{
    if (s->len == 0) {
        return;
    }

    ngx_chat_text_lit(t, ",\"");
    ngx_chat_text_add(t, name, ngx_strlen(name));
    ngx_chat_text_lit(t, "\":");
    ngx_chat_text_json(t, s);
}


size_t
ngx_chat_json_string_len(ngx_str_t *s)
{
    size_t  i, len;

    len = sizeof("\"\"") - 1;

    for (i = 0; i < s->len; i++) {
        len += ngx_chat_json_size[s->data[i]];
    }

    return len;
}


u_char *
ngx_chat_json_string(u_char *p, ngx_str_t *s)
{
    u_char  *src, *last, *run;

    static const u_char  hex[] = "0123456789abcdef";
    static const u_char  control[] = "........btn.fr..";

    *p++ = '"';

    /* the data of an empty string may be NULL */

    src = s->data;
    last = s->len ? src + s->len : src;

    while (src < last) {

        run = src;

        while (src < last && ngx_chat_json_size[*src] == 1) {
            src++;
        }

        p = ngx_cpymem(p, run, src - run);

        if (src == last) {
            break;
        }

        *p++ = '\\';

        if (ngx_chat_json_size[*src] == 2) {
            *p++ = (*src < 0x10) ? control[*src] : *src;

        } else {
            *p++ = 'u';
            *p++ = '0';
            *p++ = '0';
            *p++ = hex[*src >> 4];
            *p++ = hex[*src & 0xf];
        }

        src++;
    }

    *p++ = '"';

    return p;
}
