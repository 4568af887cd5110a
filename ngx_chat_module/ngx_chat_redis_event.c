
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Events as Redis gives them.  Whoever can write to it is trusted with what
 * events say, but not with this process: everything is checked.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <hiredis/hiredis.h>
#include "ngx_chat_redis_op.h"


#define NGX_CHAT_REDIS_HEADER  7         /* numbers: ts ... target */


static ngx_int_t ngx_chat_redis_event_header(u_char *p, u_char *last,
    ngx_chat_rec_t *rec);
static ngx_int_t ngx_chat_redis_event_epoch(u_char *epoch, u_char *p);
static u_char *ngx_chat_redis_event_word(u_char *p, u_char *last);
static ngx_int_t ngx_chat_redis_event_digits(u_char *p, size_t len,
    uint64_t *n);
static ngx_int_t ngx_chat_redis_event_id(ngx_chat_redis_reply_t *id,
    uint64_t *offset);


ngx_int_t
ngx_chat_redis_event_message(ngx_str_t *message, ngx_chat_remote_event_t *ev)
{
    u_char  *p, *end, *line, *last;

    p = message->data;
    last = p + message->len;

    line = ngx_strlchr(p, last, LF);

    if (line == NULL || line - p < NGX_CHAT_EPOCH_LEN + 1
        || p[NGX_CHAT_EPOCH_LEN] != ' '
        || ngx_chat_redis_event_epoch(ev->epoch, p) != NGX_OK)
    {
        return NGX_ERROR;
    }

    p += NGX_CHAT_EPOCH_LEN + 1;

    end = ngx_chat_redis_event_word(p, line);

    ngx_memzero(&ev->rec, sizeof(ngx_chat_rec_t));

    if (ngx_chat_redis_number(p, (size_t) (end - p), &ev->rec.offset)
        != NGX_OK
        || ev->rec.offset == 0 || end == line
        || ngx_chat_redis_event_header(end + 1, line, &ev->rec) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ev->payload.data = line + 1;
    ev->payload.len = (size_t) (last - line) - 1;

    return NGX_OK;
}


/* [ "<offset>-0", [ "h", header, "d", payload ] ] */

ngx_int_t
ngx_chat_redis_event_entry(ngx_chat_redis_reply_t *entry,
    ngx_chat_remote_event_t *ev)
{
    u_char                   *p;
    ngx_uint_t                i;
    ngx_chat_redis_reply_t   *fields;
    ngx_chat_redis_reply_t  **f;

    if (entry->type != REDIS_REPLY_ARRAY || entry->elements != 2
        || entry->element[1]->type != REDIS_REPLY_ARRAY
        || entry->element[1]->elements != 4)
    {
        return NGX_ERROR;
    }

    ngx_memzero(&ev->rec, sizeof(ngx_chat_rec_t));

    fields = entry->element[1];
    f = fields->element;

    for (i = 0; i < 4; i++) {
        if (f[i]->type != REDIS_REPLY_STRING) {
            return NGX_ERROR;
        }
    }

    if (f[0]->len != 1 || f[0]->str[0] != 'h' || f[2]->len != 1
        || f[2]->str[0] != 'd'
        || ngx_chat_redis_event_id(entry->element[0], &ev->rec.offset)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    p = (u_char *) f[1]->str;

    ev->payload.data = (u_char *) f[3]->str;
    ev->payload.len = f[3]->len;

    return ngx_chat_redis_event_header(p, p + f[1]->len, &ev->rec);
}


static ngx_int_t
ngx_chat_redis_event_id(ngx_chat_redis_reply_t *id, uint64_t *offset)
{
    if (id->type != REDIS_REPLY_STRING || id->len < 3
        || id->str[id->len - 2] != '-' || id->str[id->len - 1] != '0')
    {
        return NGX_ERROR;
    }

    if (ngx_chat_redis_number((u_char *) id->str, id->len - 2, offset)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return (*offset > 0) ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_chat_redis_event_header(u_char *p, u_char *last, ngx_chat_rec_t *rec)
{
    u_char      *end;
    uint64_t     n[NGX_CHAT_REDIS_HEADER];
    ngx_uint_t   i;

    for (i = 0; i < NGX_CHAT_REDIS_HEADER; i++) {
        end = ngx_chat_redis_event_word(p, last);

        if (ngx_chat_redis_event_digits(p, (size_t) (end - p), &n[i])
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        if ((end == last) != (i == NGX_CHAT_REDIS_HEADER - 1)) {
            return NGX_ERROR;
        }

        p = end + 1;
    }

    if (n[0] > NGX_CHAT_SAFE_INT || n[1] == 0 || n[1] > 0xffff
        || n[2] > 0xffff)
    {
        return NGX_ERROR;
    }

    rec->ts = n[0];
    rec->type = (uint16_t) n[1];
    rec->flags = (uint16_t) n[2];
    rec->sender = n[3];
    rec->nonce = n[4];
    rec->thread = n[5];
    rec->target = n[6];

    return NGX_OK;
}


/* it goes into objects for clients as it is */

static ngx_int_t
ngx_chat_redis_event_epoch(u_char *epoch, u_char *p)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_CHAT_EPOCH_LEN; i++) {

        if ((p[i] < '0' || p[i] > '9') && (p[i] < 'a' || p[i] > 'z')) {
            return NGX_ERROR;
        }

        epoch[i] = p[i];
    }

    return NGX_OK;
}


static u_char *
ngx_chat_redis_event_word(u_char *p, u_char *last)
{
    while (p < last && *p != ' ') {
        p++;
    }

    return p;
}


/* any number of 64 bits */

static ngx_int_t
ngx_chat_redis_event_digits(u_char *p, size_t len, uint64_t *n)
{
    uint64_t  value, digit;

    if (len == 0 || len > 20) {
        return NGX_ERROR;
    }

    for (value = 0; len; len--, p++) {

        if (*p < '0' || *p > '9') {
            return NGX_ERROR;
        }

        digit = (uint64_t) (*p - '0');

        if (value > (UINT64_MAX - digit) / 10) {
            return NGX_ERROR;
        }

        value = value * 10 + digit;
    }

    *n = value;

    return NGX_OK;
}


ngx_int_t
ngx_chat_redis_number(u_char *p, size_t len, uint64_t *n)
{
    if (ngx_chat_redis_event_digits(p, len, n) != NGX_OK) {
        return NGX_ERROR;
    }

    return (*n <= NGX_CHAT_SAFE_INT) ? NGX_OK : NGX_ERROR;
}


/* [ "W", epoch, head, id of the first entry or "", entries ] or [ "N" ] */

ngx_int_t
ngx_chat_redis_event_read(ngx_chat_redis_reply_t *reply,
    ngx_chat_redis_read_t *rd)
{
    ngx_uint_t                i;
    ngx_chat_redis_reply_t  **e;

    if (reply->type != REDIS_REPLY_ARRAY || reply->elements == 0) {
        return NGX_ERROR;
    }

    e = reply->element;

    if (reply->elements == 1) {
        return (e[0]->type == REDIS_REPLY_STRING && e[0]->len == 1
                && e[0]->str[0] == 'N') ? NGX_DECLINED : NGX_ERROR;
    }

    if (reply->elements != 5 || e[4]->type != REDIS_REPLY_ARRAY) {
        return NGX_ERROR;
    }

    for (i = 0; i < 4; i++) {
        if (e[i]->type != REDIS_REPLY_STRING) {
            return NGX_ERROR;
        }
    }

    if (e[1]->len != NGX_CHAT_EPOCH_LEN
        || ngx_chat_redis_event_epoch(rd->epoch, (u_char *) e[1]->str)
           != NGX_OK
        || ngx_chat_redis_number((u_char *) e[2]->str, e[2]->len, &rd->head)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    rd->first = rd->head + 1;
    rd->entry = e[4]->element;
    rd->n = e[4]->elements;

    return (e[3]->len == 0) ? NGX_OK
                            : ngx_chat_redis_event_id(e[3], &rd->first);
}
