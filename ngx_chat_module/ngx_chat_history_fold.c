
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Pages of messages as they are now: edited, deleted, with reactions and
 * replies.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_change.h"
#include "ngx_chat_history.h"
#include "ngx_chat_worker.h"


typedef struct {
    ngx_chat_zone_t       *zone;
    ngx_chat_room_info_t  *info;
    ngx_chat_text_t       *text;

    /* what was read last */
    u_char                *buf;
    u_char                *last;
    ngx_chat_rec_t        *rec;
} ngx_chat_fold_page_t;


static ngx_int_t ngx_chat_fold_find(ngx_chat_zone_t *z,
    ngx_chat_room_info_t *info, ngx_chat_page_t *page,
    ngx_chat_range_t *range, uint64_t *offset, ngx_uint_t *n,
    ngx_uint_t *more);
static ngx_int_t ngx_chat_fold_events(ngx_chat_fold_page_t *f,
    ngx_chat_range_t *range, uint64_t *offset, ngx_uint_t n,
    ngx_uint_t *given);
static ngx_int_t ngx_chat_fold_read(ngx_chat_fold_page_t *f, uint64_t offset,
    uint64_t upto);
static ngx_int_t ngx_chat_fold_message(ngx_chat_fold_page_t *f,
    uint64_t offset, uint64_t upto);
static ngx_int_t ngx_chat_fold_content(ngx_chat_fold_page_t *f,
    ngx_chat_folded_t *folded);
static ngx_int_t ngx_chat_fold_edit(ngx_chat_fold_page_t *f, uint64_t offset,
    ngx_str_t *name);
static void ngx_chat_fold_state(ngx_chat_fold_page_t *f, ngx_chat_rec_t *rec,
    ngx_chat_folded_t *folded);
static ngx_uint_t ngx_chat_fold_is(ngx_str_t *name, ngx_str_t *member);


static ngx_str_t  ngx_chat_fold_text = ngx_string("text");
static ngx_str_t  ngx_chat_fold_data = ngx_string("data");


ngx_int_t
ngx_chat_history_fold(ngx_chat_zone_t *z, ngx_chat_room_info_t *info,
    ngx_chat_page_t *page, ngx_chat_range_t *range, ngx_chat_text_t *t,
    ngx_uint_t *more)
{
    uint64_t              offset[NGX_CHAT_PAGE_MAX + 1];
    ngx_int_t             rc;
    ngx_uint_t            n, given;
    ngx_chat_fold_page_t  f;

    rc = ngx_chat_fold_find(z, info, page, range, offset, &n, more);

    if (rc != NGX_OK || n == 0) {
        return rc;
    }

    ngx_memzero(&f, sizeof(ngx_chat_fold_page_t));

    f.zone = z;
    f.info = info;
    f.text = t;

    rc = ngx_chat_fold_events(&f, range, offset, n, &given);

    if (rc == NGX_OK && given < n) {
        *more = 1;
    }

    return rc;
}


/*
 * Which messages: offset[] ascends.  One more than what is asked for tells
 * whether there is more.
 */

static ngx_int_t
ngx_chat_fold_find(ngx_chat_zone_t *z, ngx_chat_room_info_t *info,
    ngx_chat_page_t *page, ngx_chat_range_t *range, uint64_t *offset,
    ngx_uint_t *n, ngx_uint_t *more)
{
    uint64_t     upto, swap;
    ngx_uint_t   i, limit;

    *n = 0;
    *more = 0;

    limit = page->limit ? ngx_min(page->limit, NGX_CHAT_PAGE_MAX)
                        : NGX_CHAT_PAGE_DEFAULT;

    if (range->forward) {

        if (range->from > info->head) {
            return NGX_OK;
        }

        *n = ngx_chat_change_after(z, info->idx, info->life, range->from,
                                   limit, offset, &upto);
        *more = (upto < info->head);
        range->to = ngx_min(upto, info->head);

        while (*n > 0 && offset[*n - 1] > info->head) {
            (*n)--;
        }

        return NGX_OK;
    }

    if (page->thread.given) {

        if (ngx_memcmp(page->thread.id.epoch, info->epoch,
                       NGX_CHAT_EPOCH_LEN)
            != 0)
        {
            return NGX_DECLINED;
        }

        *n = limit + 1;

        if (ngx_chat_change_replies(z, info->idx, info->life,
                                    page->thread.id.offset,
                                    (range->to < info->head) ? range->to + 1
                                                             : 0,
                                    n, offset, &upto)
            != NGX_OK)
        {
            return NGX_DECLINED;
        }

        if (upto != 0) {
            /* it wasn't found so far: to go on from there */
            *more = 1;
            range->from = upto + 1;
        }

    } else if (range->to >= info->first && range->to > 0) {
        *n = ngx_chat_change_before(z, info->idx, info->life, range->to,
                                    limit + 1, offset);
    }

    if (*n > limit) {
        *more = 1;
        *n = limit;
    }

    for (i = 0; i < *n / 2; i++) {
        swap = offset[i];
        offset[i] = offset[*n - 1 - i];
        offset[*n - 1 - i] = swap;
    }

    return NGX_OK;
}


/* *given: how many are in the page; the others are left to the next one */

static ngx_int_t
ngx_chat_fold_events(ngx_chat_fold_page_t *f, ngx_chat_range_t *range,
    uint64_t *offset, ngx_uint_t n, ngx_uint_t *given)
{
    size_t       begin;
    uint32_t     starts[NGX_CHAT_PAGE_MAX];
    ngx_int_t    rc;
    ngx_uint_t   i, k, left, run;

    begin = ngx_chat_text_len(f->text);
    k = 0;
    *given = n;

    for (i = 0; i < n; i++) {

        starts[k] = (uint32_t) ngx_chat_text_len(f->text);

        if (k > 0) {
            ngx_chat_text_lit(f->text, ",");
        }

        for (run = i; run + 1 < n && offset[run + 1] == offset[run] + 1;
             run++)
        {
            /* void */
        }

        rc = ngx_chat_fold_message(f, offset[i], offset[run]);

        if (rc == NGX_DECLINED) {
            /* trimmed meanwhile */
            f->text->pos = f->text->start + starts[k];
            continue;
        }

        if (rc != NGX_OK || f->text->failed) {
            return NGX_ERROR;
        }

        k++;

        if (range->forward && k > 1
            && ngx_chat_text_len(f->text) - begin > NGX_CHAT_PAGE_BYTES)
        {
            f->text->pos = f->text->start + starts[k - 1];
            *given = i;
            range->to = offset[i - 1];
            return NGX_OK;
        }

        if (!range->forward
            && ngx_chat_text_len(f->text) - begin > NGX_CHAT_HISTORY_SLACK)
        {
            left = ngx_chat_history_cut(f->text, starts, k);
            *given -= k - left;
            k = left;
        }
    }

    if (!range->forward && k > 0) {
        *given -= k - ngx_chat_history_cut(f->text, starts, k);
        range->from = offset[n - ngx_min(*given, n)];
        range->to = offset[n - 1];
    }

    return NGX_OK;
}


/* f->rec is that record afterwards, until the next call */

static ngx_int_t
ngx_chat_fold_read(ngx_chat_fold_page_t *f, uint64_t offset, uint64_t upto)
{
    ssize_t          size;
    ngx_uint_t       i;
    ngx_chat_pos_t   pos;

    if (f->rec != NULL && f->rec->offset + 1 == offset) {
        f->rec = (ngx_chat_rec_t *) ((u_char *) f->rec
                                     + ngx_chat_rec_bytes(f->rec));

        if ((u_char *) f->rec < f->last && f->rec->offset == offset) {
            return NGX_OK;
        }
    }

    f->rec = NULL;

    for (i = 0; i < 3; i++) {

        if (ngx_chat_log_seek(f->zone, f->info->idx, f->info->life, offset,
                              &pos)
            != NGX_OK)
        {
            return NGX_DECLINED;
        }

        size = ngx_chat_worker_read(f->zone, &pos, upto,
                                    NGX_CHAT_HISTORY_READ, &f->buf);

        if (size > 0) {
            f->rec = (ngx_chat_rec_t *) f->buf;
            f->last = f->buf + size;
            return NGX_OK;
        }

        if (size != NGX_DECLINED) {
            return NGX_ERROR;
        }
    }

    return NGX_DECLINED;
}


static ngx_int_t
ngx_chat_fold_message(ngx_chat_fold_page_t *f, uint64_t offset, uint64_t upto)
{
    size_t              at;
    ngx_int_t           rc;
    ngx_str_t           json;
    ngx_uint_t          i;
    ngx_chat_rec_t      rec;
    ngx_chat_folded_t   folded;

    at = ngx_chat_text_len(f->text);

    for (i = 0; i < 3; i++) {

        rc = ngx_chat_fold_read(f, offset, upto);

        if (rc != NGX_OK) {
            return rc;
        }

        rec = *f->rec;

        if (rec.size < 2) {
            return NGX_ERROR;
        }

        folded.edit = 0;
        folded.data = 0;
        folded.replies = 0;
        folded.nemojis = 0;

        if ((rec.latest != 0 || (rec.thread == 0 && rec.target != 0))
            && ngx_chat_change_folded(f->zone, f->info->idx, f->info->life,
                                      &rec, &folded)
               != NGX_OK)
        {
            return NGX_DECLINED;
        }

        if (folded.edit == 0 || (rec.flags & NGX_CHAT_REC_DELETED)) {
            json.data = ngx_chat_rec_payload(f->rec);
            json.len = rec.size - 1;
            ngx_chat_text_str(f->text, &json);
            break;
        }

        if (ngx_chat_fold_content(f, &folded) == NGX_OK) {
            break;
        }

        /* deleted between two reads: once more */

        f->text->pos = f->text->start + at;
        f->rec = NULL;
    }

    if (i == 3) {
        return NGX_DECLINED;
    }

    ngx_chat_fold_state(f, &rec, &folded);

    return NGX_OK;
}


/* what its edits left of the message at f->rec, without the last brace */

static ngx_int_t
ngx_chat_fold_content(ngx_chat_fold_page_t *f, ngx_chat_folded_t *folded)
{
    u_char      *pos;
    ngx_str_t    json, name, value;
    ngx_uint_t   n;

    json.data = ngx_chat_rec_payload(f->rec);
    json.len = f->rec->size;
    pos = json.data;
    n = 0;

    while (ngx_chat_json_next_member(&json, &pos, &name, &value) == NGX_OK) {

        if (ngx_chat_fold_is(&name, &ngx_chat_fold_text)
            || (folded->data != 0
                && ngx_chat_fold_is(&name, &ngx_chat_fold_data)))
        {
            continue;
        }

        ngx_chat_text_add(f->text, (n++ > 0) ? ",\"" : "{\"", 2);
        ngx_chat_text_str(f->text, &name);
        ngx_chat_text_lit(f->text, "\":");
        ngx_chat_text_str(f->text, &value);
    }

    if (ngx_chat_fold_edit(f, folded->edit, &ngx_chat_fold_text) != NGX_OK) {
        return NGX_DECLINED;
    }

    if (folded->data == 0) {
        return NGX_OK;
    }

    return ngx_chat_fold_edit(f, folded->data, &ngx_chat_fold_data);
}


static ngx_int_t
ngx_chat_fold_edit(ngx_chat_fold_page_t *f, uint64_t offset, ngx_str_t *name)
{
    ngx_str_t  json, value;

    f->rec = NULL;

    if (ngx_chat_fold_read(f, offset, offset) != NGX_OK
        || (f->rec->flags & NGX_CHAT_REC_DELETED))
    {
        return NGX_DECLINED;
    }

    json.data = ngx_chat_rec_payload(f->rec);
    json.len = f->rec->size;

    if (f->rec->type != NGX_CHAT_REC_EDIT
        || ngx_chat_json_member(&json, name, &value) != NGX_OK)
    {
        return NGX_DECLINED;
    }

    ngx_chat_text_lit(f->text, ",\"");
    ngx_chat_text_str(f->text, name);
    ngx_chat_text_lit(f->text, "\":");
    ngx_chat_text_str(f->text, &value);

    return NGX_OK;
}


static void
ngx_chat_fold_state(ngx_chat_fold_page_t *f, ngx_chat_rec_t *rec,
    ngx_chat_folded_t *folded)
{
    ngx_str_t         emoji;
    ngx_uint_t        i;
    ngx_chat_text_t  *t;

    t = f->text;

    if (!(rec->flags & NGX_CHAT_REC_DELETED)) {

        if (folded->edit != 0) {
            ngx_chat_text_lit(t, ",\"edited\":true");
        }

        for (i = 0; i < folded->nemojis; i++) {
            emoji.data = folded->emoji[i].data;
            emoji.len = folded->emoji[i].len;

            if (i == 0) {
                ngx_chat_text_lit(t, ",\"reactions\":[");

            } else {
                ngx_chat_text_lit(t, ",");
            }

            ngx_chat_text_lit(t, "{\"emoji\":");
            ngx_chat_text_json(t, &emoji);
            ngx_chat_text_lit(t, ",\"count\":");
            ngx_chat_text_num(t, (int64_t) folded->emoji[i].count);
            ngx_chat_text_lit(t, "}");
        }

        if (folded->nemojis > 0) {
            ngx_chat_text_lit(t, "]");
        }
    }

    if (folded->replies != 0) {
        ngx_chat_text_lit(t, ",\"replies\":");
        ngx_chat_text_num(t, (int64_t) folded->replies);
        ngx_chat_text_lit(t, ",\"last_reply\":\"");
        ngx_chat_history_id(t, f->info->epoch, rec->target);
        ngx_chat_text_lit(t, "\"");
    }

    ngx_chat_text_lit(t, ",\"rev\":");
    ngx_chat_text_num(t, (int64_t) (rec->latest ? rec->latest : rec->offset));
    ngx_chat_text_lit(t, "}");
}


static ngx_uint_t
ngx_chat_fold_is(ngx_str_t *name, ngx_str_t *member)
{
    return name->len == member->len
           && ngx_memcmp(name->data, member->data, name->len) == 0;
}
