
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * What a session writes in a turn of the hub, in this order: the rest of a
 * frame that was cut, replies, this turn's batches of the rooms where it is
 * live, then what it missed in the rooms where it is behind.  So `ok' comes
 * before its event and `joined' before the room's.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_session.h"
#include "ngx_chat_worker.h"


#define NGX_CHAT_FLUSH_SLICES  64
#define NGX_CHAT_FLUSH_READ    (64 * 1024)
#define NGX_CHAT_FLUSH_QUANTUM (256 * 1024)

/* a rest of less than this part of its chunk is copied */
#define NGX_CHAT_FLUSH_COPY    4


typedef enum {
    NGX_CHAT_FROM_PARTIAL = 0,
    NGX_CHAT_FROM_OUT,
    NGX_CHAT_FROM_BATCH
} ngx_chat_source_e;


/* what a slice is a part of */

typedef struct {
    ngx_chat_source_e        type;
    ngx_chat_sub_t          *sub;
    ngx_chat_batch_wire_t   *batch;
} ngx_chat_source_t;


/* one flush at a time: a worker has one thread */

typedef struct {
    ngx_chat_slice_t         slice[NGX_CHAT_FLUSH_SLICES];
    ngx_chat_source_t        source[NGX_CHAT_FLUSH_SLICES];
    ngx_uint_t               n;
} ngx_chat_offer_t;


static void ngx_chat_flush_add(ngx_chat_offer_t *o, ngx_chat_chunk_t *chunk,
    u_char *pos, u_char *end, ngx_chat_source_e type, ngx_chat_sub_t *sub,
    ngx_chat_batch_wire_t *batch);
static void ngx_chat_flush_collect(ngx_chat_session_t *s,
    ngx_chat_offer_t *o);
static ngx_int_t ngx_chat_flush_send(ngx_chat_session_t *s,
    ngx_chat_offer_t *o);
static void ngx_chat_flush_whole(ngx_chat_session_t *s,
    ngx_chat_source_t *src);
static void ngx_chat_flush_cut(ngx_chat_session_t *s, ngx_chat_slice_t *slice,
    ngx_chat_source_t *src, size_t taken, size_t attempt);
static void ngx_chat_flush_pin(ngx_chat_session_t *s, ngx_chat_chunk_t *chunk,
    u_char *pos, u_char *end);
static void ngx_chat_flush_drop_pending(ngx_chat_session_t *s);
static void ngx_chat_flush_catch_up(ngx_chat_session_t *s);
static ngx_int_t ngx_chat_flush_read_on(ngx_chat_session_t *s,
    ngx_chat_sub_t *sub, size_t *quantum);
static ngx_int_t ngx_chat_flush_encode(ngx_chat_session_t *s,
    ngx_chat_sub_t *sub, ngx_chat_rec_t *rec, u_char *last,
    ngx_chat_batch_wire_t *batch);
static ngx_int_t ngx_chat_flush_gap(ngx_chat_session_t *s,
    ngx_chat_sub_t *sub);


static ngx_chat_offer_t  ngx_chat_offer;


void
ngx_chat_session_flush(ngx_chat_reader_t *rd)
{
    ngx_int_t            rc;
    ngx_chat_session_t  *s;

    s = (ngx_chat_session_t *) rd;

    if (s->dead || rd->blocked) {
        ngx_chat_flush_drop_pending(s);
        return;
    }

    ngx_chat_flush_collect(s, &ngx_chat_offer);

    rc = ngx_chat_flush_send(s, &ngx_chat_offer);

    ngx_chat_flush_drop_pending(s);

    if (rc == NGX_ERROR || s->reader.blocked) {
        return;
    }

    if (s->closing) {
        s->dead = 1;
        s->transport->finish(s);
        return;
    }

    if (s->reader.behind && !s->reader.held) {
        ngx_chat_flush_catch_up(s);
    }

    if (s->throttled && !s->dead && !s->reader.blocked) {
        s->throttled = 0;

        /* who was not listened to has not been silent */
        ngx_chat_session_alive(s);

        s->transport->resume(s);
    }
}


/* that life of a room is over: the client comes back and sees a new epoch */

void
ngx_chat_session_reset(ngx_chat_reader_t *rd)
{
    ngx_chat_session_close((ngx_chat_session_t *) rd,
                           NGX_CHAT_CLOSE_RESTART, "room was reset", 0);
}


static void
ngx_chat_flush_add(ngx_chat_offer_t *o, ngx_chat_chunk_t *chunk, u_char *pos,
    u_char *end, ngx_chat_source_e type, ngx_chat_sub_t *sub,
    ngx_chat_batch_wire_t *batch)
{
    o->slice[o->n].chunk = chunk;
    o->slice[o->n].pos = pos;
    o->slice[o->n].end = end;

    o->source[o->n].type = type;
    o->source[o->n].sub = sub;
    o->source[o->n].batch = batch;

    o->n++;
}


static void
ngx_chat_flush_collect(ngx_chat_session_t *s, ngx_chat_offer_t *o)
{
    ngx_queue_t            *q;
    ngx_chat_sub_t         *sub;
    ngx_chat_batch_wire_t  *batch;

    o->n = 0;

    if (s->partial != NULL) {
        ngx_chat_flush_add(o, s->partial, s->partial_pos, s->partial_end,
                           NGX_CHAT_FROM_PARTIAL, NULL, NULL);
    }

    if (s->out != NULL) {
        ngx_chat_flush_add(o, s->out, s->out_pos, s->out->last,
                           NGX_CHAT_FROM_OUT, NULL, NULL);
    }

    if (s->closing || s->reader.held || s->wire == NGX_CHAT_WIRE_PRIVATE) {
        /* pending ones fall behind; that path encodes privately */
        return;
    }

    for (q = ngx_queue_head(&s->reader.pending);
         q != ngx_queue_sentinel(&s->reader.pending);
         q = ngx_queue_next(q))
    {
        if (o->n == NGX_CHAT_FLUSH_SLICES) {
            return;
        }

        sub = ngx_queue_data(q, ngx_chat_sub_t, pending);

        batch = ngx_chat_hub_batch(sub->room, s->wire);
        if (batch == NULL) {
            continue;
        }

        ngx_chat_flush_add(o, batch->chunk, batch->chunk->data,
                           batch->chunk->last, NGX_CHAT_FROM_BATCH, sub,
                           batch);
    }
}


/*
 * A pending subscription whose batch was taken is cleared on the way; the
 * others are found by ngx_chat_flush_drop_pending() and fall behind.
 */

static ngx_int_t
ngx_chat_flush_send(ngx_chat_session_t *s, ngx_chat_offer_t *o)
{
    size_t       attempt, len, left;
    ssize_t      n;
    uint64_t     sent;
    ngx_uint_t   i;

    if (o->n == 0) {
        return NGX_OK;
    }

    attempt = 0;
    sent = s->sent;

    n = s->transport->send(s, o->slice, o->n, &attempt);

    if (n == NGX_ERROR) {
        ngx_chat_session_abort(s, NGX_CHAT_CLOSE_ABNORMAL);
        return NGX_ERROR;
    }

    left = (size_t) n;

    for (i = 0; i < o->n; i++) {
        len = (size_t) (o->slice[i].end - o->slice[i].pos);

        if (left < len) {
            ngx_chat_flush_cut(s, &o->slice[i], &o->source[i], left, attempt);
            ngx_chat_session_stuck(s);
            break;
        }

        left -= len;
        ngx_chat_flush_whole(s, &o->source[i]);
    }

    ngx_chat_worker_metric(s->conf->zone, NGX_CHAT_M_BYTES_OUT,
                           (ngx_int_t) n);
    ngx_chat_worker_metric(s->conf->zone, NGX_CHAT_M_DELIVERIES,
                           (ngx_int_t) (s->sent - sent));

    if (n > 0) {
        s->last_out = ngx_chat_worker_time();
        s->stuck_since = s->last_out;
    }

    return NGX_OK;
}


static void
ngx_chat_flush_whole(ngx_chat_session_t *s, ngx_chat_source_t *src)
{
    ngx_chat_sub_t  *sub;

    switch (src->type) {

    case NGX_CHAT_FROM_PARTIAL:
        ngx_chat_chunk_unref(s->partial);
        s->partial = NULL;
        break;

    case NGX_CHAT_FROM_OUT:
        ngx_chat_chunk_unref(s->out);
        s->out = NULL;
        break;

    case NGX_CHAT_FROM_BATCH:
        sub = src->sub;
        sub->cursor = src->batch->first + src->batch->n - 1;
        s->sent += src->batch->n;

        if (sub->is_pending) {
            sub->is_pending = 0;
            ngx_queue_remove(&sub->pending);
        }

        break;
    }
}


/*
 * `taken' bytes of the slice went out.  A frame that was begun, or that TLS has
 * begun to encrypt, must be ended before anything else: it is pinned.
 */

static void
ngx_chat_flush_cut(ngx_chat_session_t *s, ngx_chat_slice_t *slice,
    ngx_chat_source_t *src, size_t taken, size_t attempt)
{
    uint32_t                begun;
    ngx_uint_t              i;
    ngx_chat_batch_wire_t  *b;

    switch (src->type) {

    case NGX_CHAT_FROM_PARTIAL:
        s->partial_pos += taken;
        break;

    case NGX_CHAT_FROM_OUT:
        s->out_pos += taken;
        break;

    case NGX_CHAT_FROM_BATCH:
        b = src->batch;
        begun = (uint32_t) (taken + attempt);

        for (i = 0; i < b->n && b->ends[i] <= begun; i++) { /* void */ }

        /* frames before i have ended by then; i itself may have been begun */

        if (i < b->n && begun > (i > 0 ? b->ends[i - 1] : 0)) {
            i++;
        }

        src->sub->cursor = b->first + i - 1;
        s->sent += i;

        if (i > 0 && b->ends[i - 1] > taken) {
            ngx_chat_flush_pin(s, b->chunk, slice->pos + taken,
                               slice->pos + b->ends[i - 1]);
        }

        break;
    }
}


/* a few bytes are copied, lest one stalled reader keeps a turn's whole chunk */

static void
ngx_chat_flush_pin(ngx_chat_session_t *s, ngx_chat_chunk_t *chunk,
    u_char *pos, u_char *end)
{
    size_t             rest;
    ngx_chat_chunk_t  *own;

    rest = (size_t) (end - pos);

    if (rest <= chunk->size / NGX_CHAT_FLUSH_COPY) {
        own = ngx_chat_chunk_create(rest, s->log);

        if (own != NULL) {
            own->last = ngx_cpymem(own->data, pos, rest);

            s->partial = own;
            s->partial_pos = own->data;
            s->partial_end = own->last;
            return;
        }
    }

    ngx_chat_chunk_ref(chunk);

    s->partial = chunk;
    s->partial_pos = pos;
    s->partial_end = end;
}


void
ngx_chat_session_stuck(ngx_chat_session_t *s)
{
    s->slow = 1;
    s->reader.blocked = 1;
    s->stuck_since = ngx_chat_worker_time();

    ngx_chat_worker_stuck(s);
    ngx_chat_worker_reclaim();
}


static void
ngx_chat_flush_drop_pending(ngx_chat_session_t *s)
{
    ngx_queue_t     *q;
    ngx_chat_sub_t  *sub;

    while (!ngx_queue_empty(&s->reader.pending)) {
        q = ngx_queue_head(&s->reader.pending);
        sub = ngx_queue_data(q, ngx_chat_sub_t, pending);

        ngx_queue_remove(q);
        sub->is_pending = 0;

        ngx_chat_hub_behind(sub);
        s->reader.behind = 1;
    }
}


static void
ngx_chat_flush_catch_up(ngx_chat_session_t *s)
{
    size_t              quantum;
    ngx_int_t           rc;
    ngx_uint_t          again, n;
    ngx_queue_t        *q;
    ngx_chat_member_t  *m;

    again = 0;
    s->reader.behind = 0;
    quantum = NGX_CHAT_FLUSH_QUANTUM;

    q = (s->turn != NULL) ? s->turn : ngx_queue_head(&s->members);

    for (n = s->nmembers; n > 0; n--, q = ngx_queue_next(q)) {

        if (q == ngx_queue_sentinel(&s->members)) {
            q = ngx_queue_head(&s->members);
        }

        m = ngx_queue_data(q, ngx_chat_member_t, queue);

        if (m->sub.live) {
            continue;
        }

        if (m->sub.cursor > m->sub.room->head) {
            /* `joined' ran ahead of the hub, which will offer */
            s->reader.behind = 1;
            continue;
        }

        rc = ngx_chat_flush_read_on(s, &m->sub, &quantum);

        if (rc == NGX_ERROR || s->reader.blocked || s->closing) {
            /* a slow reader's rooms take turns, or one could starve others */
            s->turn = ngx_queue_next(q);
            s->reader.behind = 1;
            return;
        }

        if (rc == NGX_AGAIN) {
            s->reader.behind = 1;
            again = 1;
        }

        if (s->out != NULL) {
            /*
             * A gap, which posts the session: it goes out before events of
             * other rooms, whose ids name the place behind it.
             */
            s->reader.behind = 1;
            return;
        }
    }

    if (again) {
        ngx_chat_hub_post(&s->reader);
    }
}


/*
 * NGX_OK: live; NGX_AGAIN: more to read in the next turn, or blocked, or
 * replies must go first; NGX_ERROR: the session ends
 */

static ngx_int_t
ngx_chat_flush_read_on(ngx_chat_session_t *s, ngx_chat_sub_t *sub,
    size_t *quantum)
{
    u_char                 *buf;
    ssize_t                 n;
    ngx_int_t               rc;
    ngx_uint_t              tries;
    ngx_chat_pos_t          pos;
    ngx_chat_hub_room_t    *room;
    ngx_chat_batch_wire_t   batch;

    room = sub->room;
    tries = 0;

    while (ngx_chat_hub_caught_up(sub) != NGX_OK) {

        if (*quantum == 0) {
            return NGX_AGAIN;
        }

        if (room->lost
            || ngx_chat_log_seek(room->zone, room->idx, room->life,
                                 sub->cursor + 1, &pos)
               != NGX_OK)
        {
            return ngx_chat_flush_gap(s, sub);
        }

        n = ngx_chat_worker_read(room->zone, &pos, room->head,
                                 NGX_CHAT_FLUSH_READ, &buf);

        if (n <= 0) {

            if (n == NGX_DECLINED && tries++ < 3) {
                continue;
            }

            return (n == NGX_ERROR) ? NGX_AGAIN : ngx_chat_flush_gap(s, sub);
        }

        if (ngx_chat_flush_encode(s, sub, (ngx_chat_rec_t *) buf, buf + n,
                                  &batch)
            != NGX_OK)
        {
            ngx_chat_session_abort(s, NGX_CHAT_CLOSE_TRY_LATER);
            return NGX_ERROR;
        }

        *quantum -= ngx_min(*quantum, (size_t) n);

        ngx_chat_offer.n = 0;
        ngx_chat_flush_add(&ngx_chat_offer, batch.chunk, batch.chunk->data,
                           batch.chunk->last, NGX_CHAT_FROM_BATCH, sub,
                           &batch);

        rc = ngx_chat_flush_send(s, &ngx_chat_offer);

        ngx_chat_chunk_unref(batch.chunk);

        if (rc != NGX_OK) {
            return NGX_ERROR;
        }

        if (s->reader.blocked) {
            return NGX_AGAIN;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_chat_flush_encode(ngx_chat_session_t *s, ngx_chat_sub_t *sub,
    ngx_chat_rec_t *rec, u_char *last, ngx_chat_batch_wire_t *b)
{
    size_t           len;
    uint32_t        *ends;
    uint64_t         cursor;
    ngx_chat_rec_t  *r;

    ends = ngx_chat_worker_ends((size_t) (last - (u_char *) rec));
    if (ends == NULL) {
        return NGX_ERROR;
    }

    if (s->wire != NGX_CHAT_WIRE_PRIVATE) {
        return ngx_chat_wire_encode(s->wire, rec, last, sub->room->epoch,
                                    ends, b, s->log);
    }

    /* an id may name every room of the session: it moves with the cursor */

    cursor = sub->cursor;
    len = 0;

    for (r = rec; (u_char *) r < last; r = ngx_chat_rec_next(r)) {
        sub->cursor = r->offset;
        len += s->transport->record_len(s, sub, r);
    }

    b->n = 0;
    b->ends = ends;
    b->first = rec->offset;
    b->chunk = ngx_chat_chunk_create(len, s->log);

    if (b->chunk != NULL) {
        for (r = rec; (u_char *) r < last; r = ngx_chat_rec_next(r)) {
            sub->cursor = r->offset;
            b->chunk->last = s->transport->record(s, sub, b->chunk->last, r);
            ends[b->n++] = (uint32_t) (b->chunk->last - b->chunk->data);
        }
    }

    sub->cursor = cursor;

    return (b->chunk != NULL) ? NGX_OK : NGX_ERROR;
}


/* what comes next isn't kept any more: say so, then go on behind it */

static ngx_int_t
ngx_chat_flush_gap(ngx_chat_session_t *s, ngx_chat_sub_t *sub)
{
    uint64_t               from, to;
    ngx_str_t              reason;
    ngx_chat_text_t       *t;
    ngx_chat_hub_room_t   *room;
    ngx_chat_room_info_t   info;

    static ngx_str_t  slow = ngx_string("slow");
    static ngx_str_t  trimmed = ngx_string("trimmed");

    room = sub->room;

    if (room->lost
        || ngx_chat_room_info(room->zone, room->idx, room->life, &info)
           != NGX_OK)
    {
        ngx_chat_session_reset(&s->reader);
        return NGX_AGAIN;
    }

    from = sub->cursor + 1;
    to = ngx_max(info.first, from + 1) - 1;
    to = ngx_min(to, info.head);
    reason = s->slow ? slow : trimmed;

    ngx_chat_worker_metric(s->conf->zone, NGX_CHAT_M_GAPS, 1);

    t = ngx_chat_worker_text();

    ngx_chat_text_lit(t, "{\"type\":\"gap\",\"room\":");
    ngx_chat_text_json(t, &room->key.name);
    ngx_chat_text_lit(t, ",\"from\":");
    ngx_chat_text_num(t, (int64_t) from);
    ngx_chat_text_lit(t, ",\"to\":");
    ngx_chat_text_num(t, (int64_t) to);
    ngx_chat_text_lit(t, ",\"missed\":");
    ngx_chat_text_num(t, (int64_t) (to - from + 1));
    ngx_chat_text_lit(t, ",\"reason\":");
    ngx_chat_text_json(t, &reason);
    ngx_chat_text_lit(t, "}");

    ngx_chat_session_send_text(s, t);

    if (s->dead) {
        return NGX_ERROR;
    }

    sub->cursor = to;

    if (sub->cursor == room->head) {
        (void) ngx_chat_hub_caught_up(sub);
        return NGX_OK;
    }

    return NGX_AGAIN;
}
