
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * A publish: one critical section from the nonce to the rings.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_change_private.h"
#include "ngx_chat_interest.h"
#include "ngx_chat_log.h"
#include "ngx_chat_nonce.h"
#include "ngx_chat_rate.h"
#include "ngx_chat_mark_private.h"
#include "ngx_chat_room.h"
#include "ngx_chat_test.h"


/* lead, payload around id and ts, count */
#define NGX_CHAT_PUBLISH_PIECES  7


static ngx_int_t ngx_chat_publish_locked(ngx_chat_zone_t *z, ngx_uint_t seat,
    ngx_chat_publish_t *p, uint32_t hash);
static ngx_uint_t ngx_chat_publish_limited_locked(ngx_chat_sh_t *sh,
    ngx_chat_publish_t *p);
static ngx_int_t ngx_chat_publish_append_locked(ngx_chat_zone_t *z,
    ngx_chat_slot_t *slot, ngx_chat_publish_t *p,
    ngx_chat_nonce_place_t *place);
static ngx_uint_t ngx_chat_publish_pieces(ngx_chat_publish_t *p,
    ngx_chat_rec_t *rec, ngx_str_t *piece, u_char *text);
static u_char *ngx_chat_publish_number(u_char *p, uint64_t n,
    ngx_uint_t width);


ngx_int_t
ngx_chat_log_publish(ngx_chat_zone_t *z, ngx_uint_t seat,
    ngx_chat_publish_t *p)
{
    uint32_t   hash;
    ngx_int_t  rc;

    p->duplicate = 0;
    p->ended = 0;
    ngx_memzero(&p->wake, sizeof(ngx_chat_mask_t));

    if (p->key.name.len == 0 || p->key.name.len > NGX_CHAT_ROOM_MAX) {
        return NGX_DECLINED;
    }

    if (p->rule == NULL) {
        p->rule = ngx_chat_zone_rule(z, &p->key.name);
    }

    hash = ngx_chat_slot_hash(z->sh, &p->key);

    ngx_chat_shm_lock(z);

    /* `remote': workers of another configuration have a broker already */

    rc = (z->sh->moved | z->sh->remote)
         ? NGX_AGAIN : ngx_chat_publish_locked(z, seat, p, hash);

    ngx_chat_shm_unlock(z);

    return rc;
}


static ngx_int_t
ngx_chat_publish_locked(ngx_chat_zone_t *z, ngx_uint_t seat,
    ngx_chat_publish_t *p, uint32_t hash)
{
    ngx_int_t                rc;
    ngx_chat_sh_t           *sh;
    ngx_chat_slot_t         *slot;
    ngx_chat_nonce_place_t  *place, nonce;

    sh = z->sh;
    sh->now = p->ts;

    slot = ngx_chat_slot_lookup_locked(sh, &p->key, hash);

    if (slot == NULL || slot->remote) {

        if ((slot == NULL && !p->rule->create) || p->change != NULL
            || p->thread_life != 0)
        {
            return NGX_DECLINED;
        }

        if (ngx_chat_publish_limited_locked(sh, p)) {
            return NGX_CHAT_LIMITED;
        }

        if (slot != NULL) {
            /* other hosts may give the same offsets to other events */
            p->ended = 1;
            ngx_chat_interest_end_locked(sh, slot, &p->wake);
        }

        slot = ngx_chat_slot_create_locked(z, &p->key, hash, 0);

        if (slot == NULL) {
            return NGX_BUSY;
        }
    }

    ngx_chat_slot_rule_locked(sh, slot, p->rule);
    ngx_chat_slot_touch_locked(sh, slot, p->ts);

    p->idx = (uint32_t) (slot - ngx_chat_slots(sh));
    p->life = slot->life;
    ngx_memcpy(p->epoch, slot->epoch, NGX_CHAT_EPOCH_LEN);

    place = NULL;

    if (p->nonce[0] | p->nonce[1]) {

        place = &nonce;
        rc = ngx_chat_nonce_find_locked(z, slot, p, place);

        if (rc == NGX_OK) {
            p->duplicate = 1;
        }

        if (rc != NGX_DECLINED) {
            return rc;
        }
    }

    if (ngx_chat_publish_limited_locked(sh, p)) {
        return NGX_CHAT_LIMITED;
    }

    rc = ngx_chat_publish_append_locked(z, slot, p, place);

    if (rc == NGX_DONE) {
        /* what it would change is so already */
        p->duplicate = 1;
        return NGX_OK;
    }

    if (rc == NGX_OK) {

        if (p->rates != NULL) {
            ngx_chat_rate_take_locked(sh, p->rates, sh->now);
        }

        if (p->type == NGX_CHAT_REC_MESSAGE) {
            ngx_chat_mark_published_locked(sh, slot, p);
        }

        ngx_chat_log_trim_locked(sh, slot, p->ts);
        ngx_chat_interest_queue_locked(sh, slot, seat, &p->wake);
    }

    return rc;
}


static ngx_uint_t
ngx_chat_publish_limited_locked(ngx_chat_sh_t *sh, ngx_chat_publish_t *p)
{
    return p->rates != NULL
           && ngx_chat_rate_check_locked(sh, p->rates, sh->now) != NGX_OK;
}


/* first the place, then the nonce, then the record: no step after the first
   can fail, and a death between two leaves a nonce that repair drops */

static ngx_int_t
ngx_chat_publish_append_locked(ngx_chat_zone_t *z, ngx_chat_slot_t *slot,
    ngx_chat_publish_t *p, ngx_chat_nonce_place_t *place)
{
    ngx_int_t       rc;
    ngx_str_t       piece[NGX_CHAT_PUBLISH_PIECES];
    ngx_uint_t      n;
    ngx_chat_rec_t  rec;
    ngx_chat_lead_t lead;
    u_char          text[NGX_CHAT_ID_LEN + NGX_CHAT_TS_LEN + 24];

    ngx_memzero(&rec, sizeof(ngx_chat_rec_t));

    rec.type = (uint16_t) p->type;
    rec.offset = slot->head + 1;
    rec.ts = ngx_max(p->ts, slot->ts);
    rec.n = slot->n + 1;
    rec.sender = p->sender;
    rec.nonce = p->nonce[0];
    rec.thread = p->thread;

    lead.len = 0;

    rc = ngx_chat_change_prepare_locked(z->sh, slot, p, &rec, &lead);

    if (rc != NGX_OK) {
        return rc;
    }

    piece[0].data = lead.u.data;
    piece[0].len = lead.len;
    rec.lead = (uint16_t) lead.len;

    n = 1 + ngx_chat_publish_pieces(p, &rec, piece + 1, text);

    if (p->type == NGX_CHAT_REC_EDIT) {
        /* id and ts are before the content, too */
        lead.u.fold.cut += (uint16_t) (piece[2].len + piece[4].len);
    }

    rec.space = (uint32_t) (rec.lead
                            + ngx_align(rec.size + p->reserve, 8));

    rc = ngx_chat_log_reserve_locked(z->sh, slot, rec.space);

    if (rc != NGX_OK) {
        return rc;
    }

    /* the place may have been its */

    if (ngx_chat_change_lost_locked(slot, p)) {
        return NGX_DECLINED;
    }

    if (place != NULL) {
        ngx_chat_nonce_put_locked(z->sh, slot, p, place, rec.offset, rec.ts);
    }

    ngx_chat_hook_pend_locked(z->sh, p, p->idx, &rec, piece + 1, n - 1);

    ngx_chat_test_point("nonce");

    ngx_chat_log_append_locked(z->sh, slot, &rec, piece, n);

    ngx_chat_hook_commit_locked(z->sh);

    if (rec.lead != 0) {
        ngx_chat_change_link_locked(z->sh, slot);
    }

    p->offset = rec.offset;
    p->ts = rec.ts;

    return NGX_OK;
}


/* the payload: what the publisher prepared around the id and the time */

static ngx_uint_t
ngx_chat_publish_pieces(ngx_chat_publish_t *p, ngx_chat_rec_t *rec,
    ngx_str_t *piece, u_char *text)
{
    size_t       size;
    u_char      *ts, *last, *end;
    ngx_uint_t   i, n;

    piece[0] = p->piece[0];

    if (p->type == NGX_CHAT_REC_RAW_TEXT
        || p->type == NGX_CHAT_REC_RAW_BINARY)
    {
        rec->size = (uint32_t) ngx_min(piece[0].len, 0x7fffff00);
        return 1;
    }

    ngx_memcpy(text, p->epoch, NGX_CHAT_EPOCH_LEN);
    text[NGX_CHAT_EPOCH_LEN] = '-';

    ts = ngx_chat_publish_number(text + NGX_CHAT_EPOCH_LEN + 1, rec->offset,
                                 0);
    last = ngx_chat_publish_number(ts, rec->ts, NGX_CHAT_TS_LEN);

    piece[1].data = text;
    piece[1].len = ts - text;
    piece[2] = p->piece[1];
    piece[3].data = ts;
    piece[3].len = last - ts;
    piece[4] = p->piece[2];
    n = 5;

    if (p->type == NGX_CHAT_REC_REACT) {
        /* .. which ends before the count */
        end = ngx_chat_publish_number(last, p->change->count, 0);
        *end++ = '}';

        piece[n].data = last;
        piece[n++].len = end - last;
    }

    size = 0;

    for (i = 0; i < n; i++) {
        size += piece[i].len;
    }

    rec->size = (uint32_t) ngx_min(size, 0x7fffff00);

    return n;
}


/* at least `width' digits; returns the end */

static u_char *
ngx_chat_publish_number(u_char *p, uint64_t n, ngx_uint_t width)
{
    u_char      *t;
    ngx_uint_t   len;
    u_char       digits[20];

    t = digits + sizeof(digits);

    do {
        *--t = (u_char) (n % 10 + '0');
        n /= 10;
    } while (n);

    len = digits + sizeof(digits) - t;

    while (len < width) {
        *--t = '0';
        len++;
    }

    return ngx_cpymem(p, t, len);
}
