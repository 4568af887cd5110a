
/*
 * Copyright (C) the ngx_chat_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_history.h"
#include "ngx_chat_name.h"
#include "ngx_chat_worker.h"


/* what a page has so far */

typedef struct {
    size_t       begin;           /* of its events in the text */
    uint32_t     starts[NGX_CHAT_PAGE_MAX];
    ngx_uint_t   n;
    uint64_t     next;            /* offset */
} ngx_chat_written_t;


static void ngx_chat_history_range(ngx_chat_room_info_t *info,
    ngx_chat_page_t *page, ngx_chat_range_t *range);
static ngx_int_t ngx_chat_history_events(ngx_chat_zone_t *z,
    ngx_chat_room_info_t *info, ngx_chat_page_t *page,
    ngx_chat_range_t *range, ngx_chat_text_t *t);
static ngx_int_t ngx_chat_history_records(ngx_chat_page_t *page,
    ngx_chat_range_t *range, ngx_chat_text_t *t, u_char *buf, size_t size,
    ngx_chat_written_t *out);
static void ngx_chat_history_event(ngx_chat_text_t *t, ngx_chat_rec_t *rec,
    ngx_uint_t raw, ngx_uint_t first);


void
ngx_chat_history_life(ngx_chat_text_t *t, ngx_chat_room_info_t *info)
{
    ngx_chat_text_lit(t, "\"epoch\":\"");
    ngx_chat_text_add(t, info->epoch, NGX_CHAT_EPOCH_LEN);
    ngx_chat_text_lit(t, "\",\"first\":");
    ngx_chat_text_num(t, (int64_t) info->first);
    ngx_chat_text_lit(t, ",\"head\":");
    ngx_chat_text_num(t, (int64_t) info->head);
}


ngx_int_t
ngx_chat_history_page(ngx_chat_zone_t *z, ngx_chat_room_info_t *info,
    ngx_chat_page_t *page, ngx_chat_text_t *t)
{
    ngx_int_t         rc;
    ngx_uint_t        more;
    ngx_chat_range_t  range;

    ngx_chat_history_range(info, page, &range);

    ngx_chat_history_life(t, info);
    ngx_chat_text_lit(t, ",\"as_of\":");
    ngx_chat_text_num(t, (int64_t) info->head);

    if (range.reset) {
        ngx_chat_text_lit(t, ",\"reset\":true");
    }

    ngx_chat_text_lit(t, ",\"events\":[");

    if (page->source != NULL || page->raw) {
        rc = ngx_chat_history_events(z, info, page, &range, t);

        /* the range is now what was really given */

        more = (range.from <= range.to)
               && (range.forward ? range.to < info->head
                                 : range.from > info->first);

    } else {
        rc = ngx_chat_history_fold(z, info, page, &range, t, &more);
    }

    if (rc != NGX_OK) {
        return rc;
    }

    ngx_chat_text_lit(t, "],\"more\":");

    if (more) {
        ngx_chat_text_lit(t, "true,\"next\":\"");
        ngx_chat_history_id(t, info->epoch,
                            range.forward ? range.to : range.from);
        ngx_chat_text_lit(t, "\"");

    } else {
        ngx_chat_text_lit(t, "false");
    }

    return t->failed ? NGX_ERROR : NGX_OK;
}


static void
ngx_chat_history_range(ngx_chat_room_info_t *info, ngx_chat_page_t *page,
    ngx_chat_range_t *range)
{
    uint64_t            limit;
    ngx_chat_cursor_t  *c;

    limit = page->limit ? ngx_min(page->limit, NGX_CHAT_PAGE_MAX)
                        : NGX_CHAT_PAGE_DEFAULT;

    range->reset = 0;
    range->forward = page->after.given;

    c = page->after.given ? &page->after : &page->before;

    if (c->given
        && (c->broken
            || (!ngx_chat_id_is_zero(&c->id)
                && ngx_memcmp(c->id.epoch, info->epoch, NGX_CHAT_EPOCH_LEN)
                   != 0)))
    {
        /* a cursor of another life: the newest page */
        range->reset = 1;
        range->forward = 0;
        c = NULL;
    }

    if (range->forward) {
        range->from = ngx_max(info->first, c->id.offset + 1);
        range->to = ngx_min(info->head, range->from + limit - 1);
        return;
    }

    range->to = info->head;

    if (c != NULL && c->given) {

        if (c->id.offset == 0) {
            /* nothing is before the oldest */
            range->from = 1;
            range->to = 0;
            return;
        }

        range->to = ngx_min(info->head, c->id.offset - 1);
    }

    range->from = (range->to >= limit) ? range->to - limit + 1 : 1;
    range->from = ngx_max(info->first, range->from);
}


/*
 * A page is at most NGX_CHAT_PAGE_BYTES: what doesn't fit is left to the next
 * page, on the side where it lies.
 */

static ngx_int_t
ngx_chat_history_events(ngx_chat_zone_t *z, ngx_chat_room_info_t *info,
    ngx_chat_page_t *page, ngx_chat_range_t *range, ngx_chat_text_t *t)
{
    u_char              *buf;
    ssize_t              size;
    ngx_chat_pos_t       pos;
    ngx_chat_written_t   out;

    out.begin = ngx_chat_text_len(t);
    out.next = range->from;
    out.n = 0;

    if (page->source != NULL && page->source->size > 0
        && ngx_chat_history_records(page, range, t, page->source->records,
                                    page->source->size, &out)
           == NGX_DONE)
    {
        return NGX_OK;
    }

    while (page->source == NULL && out.next <= range->to) {

        if (ngx_chat_log_seek(z, info->idx, info->life, out.next, &pos)
            != NGX_OK)
        {
            /* trimmed meanwhile: begin behind it */

            if (out.n > 0 || ++range->from > range->to) {
                break;
            }

            out.next = range->from;
            continue;
        }

        size = ngx_chat_worker_read(z, &pos, range->to, NGX_CHAT_HISTORY_READ,
                                    &buf);
        if (size == NGX_DECLINED) {
            /* overwritten after the seek, which will say so now */
            continue;
        }

        if (size <= 0) {
            return NGX_ERROR;
        }

        if (ngx_chat_history_records(page, range, t, buf, (size_t) size, &out)
            == NGX_DONE)
        {
            return NGX_OK;
        }

        out.next = pos.offset;
    }

    if (t->failed) {
        return NGX_ERROR;
    }

    range->to = out.next - 1;

    if (!range->forward && out.n > 0) {
        range->from += out.n - ngx_chat_history_cut(t, out.starts, out.n);
    }

    return NGX_OK;
}


/* NGX_DONE: the page is full, and range->to where it ends */

static ngx_int_t
ngx_chat_history_records(ngx_chat_page_t *page, ngx_chat_range_t *range,
    ngx_chat_text_t *t, u_char *buf, size_t size, ngx_chat_written_t *out)
{
    size_t           len;
    ngx_uint_t       n;
    ngx_chat_rec_t  *rec;

    for (rec = (ngx_chat_rec_t *) buf;
         (u_char *) rec < buf + size;
         rec = ngx_chat_rec_next(rec))
    {
        if (rec->offset < range->from || rec->offset > range->to
            || out->n == NGX_CHAT_PAGE_MAX)
        {
            /* a source from elsewhere may give more than was asked for */
            continue;
        }

        len = ngx_chat_text_len(t) - out->begin;

        if (range->forward && out->n > 0
            && len + rec->size + 32 > NGX_CHAT_PAGE_BYTES)
        {
            range->to = rec->offset - 1;
            return NGX_DONE;
        }

        if (page->source != NULL && !range->forward && out->n == 0) {
            /* .. and less: its oldest ones are left to the next page */
            range->from = rec->offset;
        }

        out->starts[out->n++] = (uint32_t) ngx_chat_text_len(t);
        out->next = rec->offset + 1;

        ngx_chat_history_event(t, rec, page->raw, out->n == 1);

        if (!range->forward
            && ngx_chat_text_len(t) - out->begin > NGX_CHAT_HISTORY_SLACK)
        {
            n = ngx_chat_history_cut(t, out->starts, out->n);
            range->from += out->n - n;
            out->n = n;
        }
    }

    return NGX_OK;
}


ngx_uint_t
ngx_chat_history_cut(ngx_chat_text_t *t, uint32_t *starts, ngx_uint_t n)
{
    size_t      end, gone;
    ngx_uint_t  cut, i;

    end = ngx_chat_text_len(t);

    for (cut = 0; cut + 1 < n; cut++) {
        if (end - starts[cut] <= NGX_CHAT_PAGE_BYTES) {
            break;
        }
    }

    if (cut == 0 || t->failed) {
        return n;
    }

    /* the comma that joined the first one kept goes too */

    gone = starts[cut] + 1 - starts[0];

    ngx_memmove(t->start + starts[0], t->start + starts[0] + gone,
                end - starts[0] - gone);
    t->pos -= gone;

    for (i = cut + 1; i < n; i++) {
        starts[i - cut] = (uint32_t) (starts[i] - gone);
    }

    return n - cut;
}


/* the record's JSON; a message of a room that lives elsewhere has no changes */

static void
ngx_chat_history_event(ngx_chat_text_t *t, ngx_chat_rec_t *rec,
    ngx_uint_t raw, ngx_uint_t first)
{
    if (!first) {
        ngx_chat_text_lit(t, ",");
    }

    if (raw || rec->size < 2) {
        ngx_chat_text_add(t, ngx_chat_rec_payload(rec), rec->size);
        return;
    }

    ngx_chat_text_add(t, ngx_chat_rec_payload(rec), rec->size - 1);
    ngx_chat_text_lit(t, ",\"rev\":");
    ngx_chat_text_num(t, (int64_t) rec->offset);
    ngx_chat_text_lit(t, "}");
}


void
ngx_chat_history_id(ngx_chat_text_t *t, u_char *epoch, uint64_t offset)
{
    u_char  buf[NGX_CHAT_ID_LEN], *p;

    p = ngx_chat_id_print(buf, epoch, offset);

    ngx_chat_text_add(t, buf, (size_t) (p - buf));
}


ngx_int_t
ngx_chat_history_newest(ngx_chat_zone_t *z, ngx_chat_room_info_t *info,
    ngx_chat_rec_t **rec)
{
    u_char          *buf;
    ngx_chat_pos_t   pos;

    if (info->first > info->head
        || ngx_chat_log_seek(z, info->idx, info->life, info->head, &pos)
           != NGX_OK
        || ngx_chat_worker_read(z, &pos, info->head, NGX_CHAT_HISTORY_READ,
                                &buf)
           <= 0)
    {
        return NGX_DECLINED;
    }

    *rec = (ngx_chat_rec_t *) buf;

    return NGX_OK;
}
