
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Events of webhooks as JSON: docs/webhooks.md.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_direct.h"
#include "ngx_chat_name.h"
#include "ngx_chat_proto.h"
#include "ngx_chat_webhook.h"


/* a record and what is behind it */

typedef struct {
    ngx_chat_hook_rec_t   rec;
    ngx_str_t             room;
    ngx_chat_user_t       user;
    ngx_str_t             missed;
    ngx_str_t             event;
} ngx_chat_webhook_rec_t;


static void ngx_chat_webhook_parts(ngx_chat_webhook_rec_t *r, u_char *p);
static ngx_uint_t ngx_chat_webhook_in(ngx_chat_webhook_t *h, ngx_str_t *room);
static uint32_t ngx_chat_webhook_kinds(ngx_chat_webhook_t *h,
    ngx_chat_webhook_rec_t *r);
static void ngx_chat_webhook_event(ngx_chat_text_t *t, u_char *origin,
    ngx_chat_webhook_rec_t *r, ngx_uint_t kind);
static void ngx_chat_webhook_data(ngx_chat_text_t *t,
    ngx_chat_webhook_rec_t *r, ngx_uint_t kind);
static void ngx_chat_webhook_missed(ngx_chat_text_t *t, ngx_str_t *missed);
static void ngx_chat_webhook_time(ngx_chat_text_t *t, uint64_t ms);


void
ngx_chat_webhook_batch(ngx_chat_webhook_t *h, ngx_chat_hook_batch_t *b,
    time_t now, ngx_chat_text_t *t, ngx_chat_webhook_text_t *out)
{
    u_char                  *p, *last, id[64];
    size_t                   at;
    uint32_t                 kinds;
    uint64_t                 first;
    ngx_uint_t               kind, n;
    ngx_chat_webhook_rec_t   r;

    ngx_memzero(out, sizeof(ngx_chat_webhook_text_t));

    ngx_chat_text_reset(t);

    /* id and time are known when the events are: place for them */

    ngx_memset(id, ' ', sizeof(id));
    ngx_chat_text_add(t, id, sizeof(id));

    ngx_chat_text_lit(t, "{\"type\":\"batch\",\"timestamp\":\"");
    ngx_chat_webhook_time(t, (uint64_t) now * 1000);
    ngx_chat_text_lit(t, "\",\"data\":[");

    first = 0;
    last = b->buf + b->len;

    for (p = b->buf; p < last; p += r.rec.size) {

        ngx_chat_webhook_parts(&r, p);
        kinds = ngx_chat_webhook_kinds(h, &r);

        n = (kinds & (kinds - 1)) ? 2 : (kinds != 0);

        if (out->events > 0 && out->events + n > h->batch) {
            break;
        }

        for (kind = 0; kind < NGX_CHAT_HOOK_LAST; kind++) {

            if (!((kinds >> kind) & 1)) {
                continue;
            }

            if (out->events++ > 0) {
                ngx_chat_text_lit(t, ",");
            }

            ngx_chat_webhook_event(t, b->origin, &r, kind);
        }

        if (out->events > 0 && first == 0) {
            first = r.rec.seq;
        }

        out->seq = r.rec.seq + 1;
        out->upto = b->at + (uint64_t) (p - b->buf) + r.rec.size;
    }

    ngx_chat_text_lit(t, "]}");

    if (t->failed || out->events == 0) {
        return;
    }

    /* the same batch has the same id, whoever sends it */

    last = ngx_sprintf(id, "msg_%*s_%uL_%uL.%T.",
                       (size_t) NGX_CHAT_EPOCH_LEN, b->origin, first,
                       out->seq - 1, now);

    at = sizeof(id) - (size_t) (last - id);
    ngx_memcpy(t->start + at, id, (size_t) (last - id));

    out->id.data = t->start + at;
    out->id.len = (size_t) (ngx_strlchr(id, last, '.') - id);
    out->body.data = t->start + sizeof(id);
    out->body.len = ngx_chat_text_len(t) - sizeof(id);
}


static void
ngx_chat_webhook_parts(ngx_chat_webhook_rec_t *r, u_char *p)
{
    ngx_memzero(r, sizeof(ngx_chat_webhook_rec_t));
    ngx_memcpy(&r->rec, p, sizeof(ngx_chat_hook_rec_t));

    p += sizeof(ngx_chat_hook_rec_t);

    r->room.data = p;
    r->room.len = r->rec.room;
    p += r->rec.room;

    r->user.id.data = p;
    r->user.id.len = r->rec.user;
    r->user.guest = r->rec.guest;
    p += r->rec.user;

    r->user.name.data = p;
    r->user.name.len = r->rec.name;
    p += r->rec.name;

    r->missed.data = p;
    r->missed.len = r->rec.missed;
    p += r->rec.missed;

    r->event.data = p;
    r->event.len = r->rec.payload;
}


/* of the record those that the webhook wants, two at most */

static uint32_t
ngx_chat_webhook_kinds(ngx_chat_webhook_t *h, ngx_chat_webhook_rec_t *r)
{
    uint32_t  kinds;

    kinds = 1 << r->rec.kind;

    if (r->missed.len > 0) {
        kinds |= 1 << NGX_CHAT_HOOK_MISSED;
    }

    kinds &= h->mask;

    return (kinds != 0 && r->room.len > 0
            && !ngx_chat_webhook_in(h, &r->room)) ? 0 : kinds;
}


static ngx_uint_t
ngx_chat_webhook_in(ngx_chat_webhook_t *h, ngx_str_t *room)
{
    ngx_str_t   *pattern;
    ngx_uint_t   i;

    if (h->rooms == NULL) {
        return 1;
    }

    pattern = h->rooms->elts;

    for (i = 0; i < h->rooms->nelts; i++) {
        if (ngx_chat_pattern_match(&pattern[i], room)) {
            return 1;
        }
    }

    return 0;
}


static void
ngx_chat_webhook_event(ngx_chat_text_t *t, u_char *origin,
    ngx_chat_webhook_rec_t *r, ngx_uint_t kind)
{
    u_char  id[64], *last;

    last = ngx_sprintf(id, "evt_%*s_%uL%s", (size_t) NGX_CHAT_EPOCH_LEN, origin,
                       r->rec.seq, (kind == NGX_CHAT_HOOK_MISSED) ? "m" : "");

    ngx_chat_text_lit(t, "{\"id\":\"");
    ngx_chat_text_add(t, id, (size_t) (last - id));
    ngx_chat_text_lit(t, "\",\"type\":\"");
    ngx_chat_text_str(t, ngx_chat_hook_name(kind));
    ngx_chat_text_lit(t, "\",\"timestamp\":\"");
    ngx_chat_webhook_time(t, r->rec.ts);
    ngx_chat_text_lit(t, "\",\"data\":");
    ngx_chat_webhook_data(t, r, kind);
    ngx_chat_text_lit(t, "}");
}


static void
ngx_chat_webhook_data(ngx_chat_text_t *t, ngx_chat_webhook_rec_t *r,
    ngx_uint_t kind)
{
    switch (kind) {

    case NGX_CHAT_HOOK_MESSAGE:
    case NGX_CHAT_HOOK_EDIT:
    case NGX_CHAT_HOOK_DELETE:
    case NGX_CHAT_HOOK_REACT:
        ngx_chat_text_str(t, &r->event);
        return;

    case NGX_CHAT_HOOK_MISSED:
        ngx_chat_text_lit(t, "{\"users\":[");
        ngx_chat_webhook_missed(t, &r->missed);
        ngx_chat_text_lit(t, "],\"message\":");
        ngx_chat_text_str(t, &r->event);
        ngx_chat_text_lit(t, "}");
        return;

    case NGX_CHAT_HOOK_OCCUPIED:
    case NGX_CHAT_HOOK_VACATED:
        ngx_chat_text_lit(t, "{\"room\":");
        ngx_chat_text_json(t, &r->room);
        ngx_chat_text_lit(t, "}");
        return;

    case NGX_CHAT_HOOK_JOIN:
    case NGX_CHAT_HOOK_LEAVE:
        ngx_chat_text_lit(t, "{\"room\":");
        ngx_chat_text_json(t, &r->room);
        ngx_chat_text_lit(t, ",\"user\":");
        ngx_chat_enc_user(t, &r->user);
        ngx_chat_text_lit(t, ",\"members\":");
        ngx_chat_text_num(t, (int64_t) r->rec.count);
        ngx_chat_text_lit(t, "}");
        return;

    default:  /* NGX_CHAT_HOOK_CONNECT, NGX_CHAT_HOOK_DISCONNECT */
        ngx_chat_text_lit(t, "{\"user\":");
        ngx_chat_enc_user(t, &r->user);
        ngx_chat_text_lit(t, "}");
    }
}


/* who isn't known by his id is by his key in the names of direct rooms */

static void
ngx_chat_webhook_missed(ngx_chat_text_t *t, ngx_str_t *missed)
{
    u_char      *p, *last, key[NGX_CHAT_DIRECT_DIGITS];
    ngx_str_t    id;
    ngx_uint_t   by_key;

    last = missed->data + missed->len;

    for (p = missed->data; p < last; p += id.len) {

        if (p > missed->data) {
            ngx_chat_text_lit(t, ",");
        }

        by_key = *p++;
        id.len = *p++;
        id.data = p;

        if (by_key) {
            ngx_chat_direct_print(key, id.data);
            ngx_chat_text_lit(t, "{\"key\":\"");
            ngx_chat_text_add(t, key, NGX_CHAT_DIRECT_DIGITS);
            ngx_chat_text_lit(t, "\"}");
            continue;
        }

        ngx_chat_text_lit(t, "{\"id\":");
        ngx_chat_text_json(t, &id);
        ngx_chat_text_lit(t, "}");
    }
}


/* RFC 3339 */

static void
ngx_chat_webhook_time(ngx_chat_text_t *t, uint64_t ms)
{
    u_char    text[64], *last;
    ngx_tm_t  tm;

    ngx_gmtime((time_t) (ms / 1000), &tm);

    last = ngx_sprintf(text, "%04d-%02d-%02dT%02d:%02d:%02d.%03uLZ",
                       tm.ngx_tm_year, tm.ngx_tm_mon, tm.ngx_tm_mday,
                       tm.ngx_tm_hour, tm.ngx_tm_min, tm.ngx_tm_sec,
                       ms % 1000);

    ngx_chat_text_add(t, text, (size_t) (last - text));
}
