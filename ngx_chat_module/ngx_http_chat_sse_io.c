
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Event streams as a transport of sessions: blocks, ids, writing through the
 * output filters, and the end.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_http_chat_sse.h"
#include "ngx_chat_name.h"
#include "ngx_chat_sse.h"
#include "ngx_chat_worker.h"


#define NGX_HTTP_CHAT_SSE_RETRY_MIN     500
#define NGX_HTTP_CHAT_SSE_RETRY_SPREAD  4500

#define NGX_HTTP_CHAT_SSE_TYPE      "{\"type\":\""
#define NGX_HTTP_CHAT_SSE_TYPE_LEN  (sizeof(NGX_HTTP_CHAT_SSE_TYPE) - 1)
#define NGX_HTTP_CHAT_SSE_JOINED    NGX_HTTP_CHAT_SSE_TYPE "joined\""


/* a buffer for the filters and what its bytes are a part of */

typedef struct {
    ngx_buf_t                 buf;          /* first */
    ngx_chat_chunk_t         *chunk;
} ngx_http_chat_sse_buf_t;


static size_t ngx_http_chat_sse_id_len(ngx_http_chat_sse_t *sse);
static u_char *ngx_http_chat_sse_id(ngx_http_chat_sse_t *sse, u_char *p);
static u_char *ngx_http_chat_sse_given(ngx_chat_cursor_t *cursor, u_char *p);
static ngx_uint_t ngx_http_chat_sse_is_joined(ngx_str_t *object);
static ssize_t ngx_http_chat_sse_send(ngx_chat_session_t *s,
    ngx_chat_slice_t *slice, ngx_uint_t n, size_t *attempt);
static ngx_chain_t *ngx_http_chat_sse_link(ngx_http_chat_sse_t *sse,
    ngx_chat_slice_t *slice);
static void ngx_http_chat_sse_reclaim(ngx_http_chat_sse_t *sse);
static void ngx_http_chat_sse_finish(ngx_chat_session_t *s);
static void ngx_http_chat_sse_abort(ngx_chat_session_t *s);


const ngx_chat_transport_t  ngx_http_chat_sse_transport = {
    ngx_string("sse"),
    ngx_http_chat_sse_object_len,
    ngx_http_chat_sse_object,
    ngx_http_chat_sse_record_len,
    ngx_http_chat_sse_record,
    ngx_http_chat_sse_send,
    ngx_http_chat_sse_ping,
    ngx_http_chat_sse_closing,
    ngx_http_chat_sse_finish,
    ngx_http_chat_sse_abort,
    ngx_http_chat_sse_resume,
    ngx_http_chat_sse_identify,
    0
};


/* at most, as places of a vector may be empty */

static size_t
ngx_http_chat_sse_id_len(ngx_http_chat_sse_t *sse)
{
    if (sse->id == NGX_HTTP_CHAT_SSE_NO_ID) {
        return 0;
    }

    return sizeof("id: m1:\n") - 1 + sse->places * (NGX_CHAT_ID_LEN + 1);
}


/*
 * Where the client is now.  Members are in the order of rooms= as they were
 * entered in it and are never entered again.
 */

static u_char *
ngx_http_chat_sse_id(ngx_http_chat_sse_t *sse, u_char *p)
{
    ngx_uint_t          place;
    ngx_queue_t        *q;
    ngx_chat_member_t  *m;

    if (sse->id == NGX_HTTP_CHAT_SSE_NO_ID) {
        return p;
    }

    p = ngx_cpymem(p, "id: ", sizeof("id: ") - 1);

    if (sse->id == NGX_HTTP_CHAT_SSE_VECTOR) {
        p = ngx_cpymem(p, "m1:", sizeof("m1:") - 1);
    }

    q = ngx_queue_head(&sse->session.members);

    for (place = 0; place < sse->places; place++) {

        if (place > 0) {
            *p++ = '.';
        }

        if (q != ngx_queue_sentinel(&sse->session.members)) {
            m = ngx_queue_data(q, ngx_chat_member_t, queue);

            if (m->ordinal == place) {
                p = ngx_chat_id_print(p, m->sub.room->epoch, m->sub.cursor);
                q = ngx_queue_next(q);
                continue;
            }
        }

        p = ngx_http_chat_sse_given(&sse->given[place], p);
    }

    *p++ = LF;

    return p;
}


/*
 * A room that is not entered (yet): the client's own cursor, which it must not
 * lose if the connection does not last until it is.  "-" is of another life.
 */

static u_char *
ngx_http_chat_sse_given(ngx_chat_cursor_t *cursor, u_char *p)
{
    if (!cursor->given) {
        return p;
    }

    if (cursor->broken) {
        *p++ = '-';
        return p;
    }

    if (ngx_chat_id_is_zero(&cursor->id)) {
        *p++ = '0';
        return p;
    }

    return ngx_chat_id_print(p, cursor->id.epoch, cursor->id.offset);
}


size_t
ngx_http_chat_sse_name_len(ngx_str_t *object)
{
    return sizeof("event: chat.\n") - 1 + object->len;
}


u_char *
ngx_http_chat_sse_name(u_char *p, ngx_str_t *object)
{
    u_char  *type, *last;

    p = ngx_cpymem(p, "event: chat.", sizeof("event: chat.") - 1);

    last = object->data + object->len;
    type = object->data + ngx_min(NGX_HTTP_CHAT_SSE_TYPE_LEN, object->len);

    while (type < last && *type != '"') {
        *p++ = *type++;
    }

    *p++ = LF;

    return p;
}


size_t
ngx_http_chat_sse_object_len(ngx_chat_session_t *s, ngx_str_t *object)
{
    size_t                len;
    ngx_http_chat_sse_t  *sse;

    sse = (ngx_http_chat_sse_t *) s;

    len = ngx_chat_sse_data_len(object->data, object->len);

    if (sse->named) {
        len += ngx_http_chat_sse_name_len(object);
    }

    if (ngx_http_chat_sse_is_joined(object)) {
        len += ngx_http_chat_sse_id_len(sse);
    }

    return len;
}


u_char *
ngx_http_chat_sse_object(ngx_chat_session_t *s, u_char *p, ngx_str_t *object)
{
    ngx_http_chat_sse_t  *sse;

    sse = (ngx_http_chat_sse_t *) s;

    if (sse->named) {
        p = ngx_http_chat_sse_name(p, object);
    }

    if (ngx_http_chat_sse_is_joined(object)) {
        p = ngx_http_chat_sse_id(sse, p);
    }

    return ngx_chat_sse_data(p, object->data, object->len);
}


/*
 * `joined' carries the client's first cursor.  Replies go out before what is
 * new in the rooms, so the cursors at this moment are those at the client.
 */

static ngx_uint_t
ngx_http_chat_sse_is_joined(ngx_str_t *object)
{
    return object->len > sizeof(NGX_HTTP_CHAT_SSE_JOINED) - 1
           && ngx_memcmp(object->data, NGX_HTTP_CHAT_SSE_JOINED,
                         sizeof(NGX_HTTP_CHAT_SSE_JOINED) - 1)
              == 0;
}


size_t
ngx_http_chat_sse_record_len(ngx_chat_session_t *s, ngx_chat_sub_t *sub,
    ngx_chat_rec_t *rec)
{
    size_t                len;
    ngx_str_t             object;
    ngx_http_chat_sse_t  *sse;

    sse = (ngx_http_chat_sse_t *) s;

    if (!ngx_chat_wire_shows(NGX_CHAT_WIRE_SSE, rec)) {
        return 0;
    }

    len = ngx_chat_wire_len(NGX_CHAT_WIRE_SSE, rec);

    if (sse->named) {
        object.data = ngx_chat_rec_payload(rec);
        object.len = rec->size;
        len += ngx_http_chat_sse_name_len(&object);
    }

    return len + ngx_http_chat_sse_id_len(sse);
}


/* sub->cursor is this record's offset */

u_char *
ngx_http_chat_sse_record(ngx_chat_session_t *s, ngx_chat_sub_t *sub,
    u_char *p, ngx_chat_rec_t *rec)
{
    ngx_str_t             object;
    ngx_http_chat_sse_t  *sse;

    sse = (ngx_http_chat_sse_t *) s;

    if (!ngx_chat_wire_shows(NGX_CHAT_WIRE_SSE, rec)) {
        return p;
    }

    if (sse->named) {
        object.data = ngx_chat_rec_payload(rec);
        object.len = rec->size;
        p = ngx_http_chat_sse_name(p, &object);
    }

    p = ngx_http_chat_sse_id(sse, p);

    return ngx_chat_wire_write(NGX_CHAT_WIRE_SSE, p, rec, sub->room->epoch);
}


/*
 * The filters take everything; what the connection does not take is theirs and
 * blocks the session.  Runs in the hub's turn: the request isn't finalized in
 * here.
 */

static ssize_t
ngx_http_chat_sse_send(ngx_chat_session_t *s, ngx_chat_slice_t *slice,
    ngx_uint_t n, size_t *attempt)
{
    ssize_t               size;
    ngx_uint_t            i;
    ngx_chain_t          *out, *cl, **ll;
    ngx_connection_t     *c;
    ngx_http_request_t   *r;
    ngx_http_chat_sse_t  *sse;

    sse = (ngx_http_chat_sse_t *) s;
    r = sse->request;
    c = r->connection;

    if (c->error || c->close) {
        return NGX_ERROR;
    }

    size = 0;
    out = NULL;
    cl = NULL;
    ll = &out;

    for (i = 0; i < n; i++) {

        if (slice[i].pos == slice[i].end) {
            /* records that have no form here */
            continue;
        }

        cl = ngx_http_chat_sse_link(sse, &slice[i]);
        if (cl == NULL) {
            return NGX_ERROR;
        }

        *ll = cl;
        ll = &cl->next;

        *sse->busy_last = cl;
        sse->busy_last = &cl->next;

        size += slice[i].end - slice[i].pos;
    }

    if (out == NULL) {
        return 0;
    }

    cl->buf->flush = 1;

    ngx_http_set_log_request(c->log, r);

    if (ngx_http_output_filter(r, out) == NGX_ERROR) {
        return NGX_ERROR;
    }

    ngx_http_chat_sse_reclaim(sse);

    if (r->main->posted_requests != NULL) {
        /*
         * A filter wants to insert something.  The hub's turn is no event of
         * the connection, after which nginx would run it; reading does nothing
         * else.
         */
        ngx_post_event(c->read, &ngx_posted_events);
    }

    if (sse->busy != NULL || c->buffered) {
        sse->sent = c->sent;
        ngx_chat_session_stuck(s);

        if (ngx_handle_write_event(c->write, 0) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return size;
}


static ngx_chain_t *
ngx_http_chat_sse_link(ngx_http_chat_sse_t *sse, ngx_chat_slice_t *slice)
{
    ngx_buf_t                *b;
    ngx_pool_t               *pool;
    ngx_chain_t              *cl;
    ngx_http_chat_sse_buf_t  *sb;

    pool = sse->request->pool;

    cl = sse->free;

    if (cl != NULL) {
        sse->free = cl->next;
        sb = (ngx_http_chat_sse_buf_t *) cl->buf;

    } else {
        sb = ngx_palloc(pool, sizeof(ngx_http_chat_sse_buf_t));
        cl = ngx_alloc_chain_link(pool);

        if (sb == NULL || cl == NULL) {
            return NULL;
        }
    }

    ngx_memzero(sb, sizeof(ngx_http_chat_sse_buf_t));

    sb->chunk = slice->chunk;
    ngx_chat_chunk_ref(sb->chunk);

    b = &sb->buf;

    b->start = slice->pos;
    b->pos = slice->pos;
    b->last = slice->end;
    b->end = slice->end;
    b->memory = 1;
    b->tag = (ngx_buf_tag_t) &ngx_http_chat_sse_transport;

    cl->buf = b;
    cl->next = NULL;

    return cl;
}


/* buffers whose bytes are out */

static void
ngx_http_chat_sse_reclaim(ngx_http_chat_sse_t *sse)
{
    ngx_chain_t              *cl;
    ngx_http_chat_sse_buf_t  *sb;

    while (sse->busy != NULL) {
        cl = sse->busy;
        sb = (ngx_http_chat_sse_buf_t *) cl->buf;

        if (ngx_buf_size(&sb->buf) != 0) {
            sse->session.held = 1;
            return;
        }

        sse->busy = cl->next;

        cl->next = sse->free;
        sse->free = cl;

        ngx_chat_chunk_unref(sb->chunk);
        sb->chunk = NULL;
    }

    sse->busy_last = &sse->busy;
    sse->session.held = 0;
}


void
ngx_http_chat_sse_pool_cleanup(void *data)
{
    ngx_http_chat_sse_t *sse = data;

    ngx_chain_t              *cl;
    ngx_http_chat_sse_buf_t  *sb;

    if (sse->hold.hc != NULL) {
        /* let go of */
        return;
    }

    for (cl = sse->busy; cl != NULL; cl = cl->next) {
        sb = (ngx_http_chat_sse_buf_t *) cl->buf;
        ngx_chat_chunk_unref(sb->chunk);
    }

    ngx_http_chat_sse_rest_free(sse);
    ngx_free(sse);
}


void
ngx_http_chat_sse_ping(ngx_chat_session_t *s)
{
    static u_char  comment[] = ":\n\n";

    (void) ngx_chat_session_queue(s, comment, sizeof(comment) - 1);
}


u_char *
ngx_http_chat_sse_retry(u_char *p)
{
    ngx_uint_t  ms;

    ms = NGX_HTTP_CHAT_SSE_RETRY_MIN
         + ngx_chat_worker_jitter(NGX_HTTP_CHAT_SSE_RETRY_SPREAD);

    return ngx_sprintf(p, "retry: %ui\n\n", ms);
}


void
ngx_http_chat_sse_closing(ngx_chat_session_t *s, ngx_uint_t code,
    ngx_str_t *reason)
{
    u_char  text[NGX_HTTP_CHAT_SSE_RETRY_LEN], *last;

    last = ngx_http_chat_sse_retry(text);

    if (ngx_chat_session_queue(s, text, (size_t) (last - text)) != NGX_OK) {
        ngx_chat_session_abort(s, code);
    }
}


static void
ngx_http_chat_sse_finish(ngx_chat_session_t *s)
{
    ngx_http_chat_sse_t  *sse;

    sse = (ngx_http_chat_sse_t *) s;

    sse->end = 1;
    ngx_post_event(sse->request->connection->write, &ngx_posted_events);
}


static void
ngx_http_chat_sse_abort(ngx_chat_session_t *s)
{
    ngx_http_chat_sse_t  *sse;

    sse = (ngx_http_chat_sse_t *) s;

    sse->aborted = 1;
    ngx_post_event(sse->request->connection->write, &ngx_posted_events);
}


/* a stream is not read from */

void
ngx_http_chat_sse_resume(ngx_chat_session_t *s)
{
    /* void */
}


/*
 * A filter that refuses the response clears r->ctx; the pool's cleanup, which
 * is there as long as the stream, knows it as well (realip does the same).
 */

ngx_http_chat_sse_t *
ngx_http_chat_sse_get(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t  *cln;

    for (cln = r->pool->cleanup; cln != NULL; cln = cln->next) {

        if (cln->handler == ngx_http_chat_sse_pool_cleanup) {
            return cln->data;
        }
    }

    return NULL;
}


void
ngx_http_chat_sse_write_handler(ngx_http_request_t *r)
{
    ngx_event_t          *wev;
    ngx_connection_t     *c;
    ngx_http_chat_sse_t  *sse;

    c = r->connection;
    wev = c->write;
    sse = ngx_http_chat_sse_get(r);

    if (sse == NULL || sse->aborted || c->error) {
        ngx_http_finalize_request(r, NGX_ERROR);
        return;
    }

    if (sse->end) {
        ngx_http_finalize_request(r, ngx_http_send_special(r, NGX_HTTP_LAST));
        return;
    }

    /* limit_rate: its timer calls again */

    if (!wev->delayed) {

        if ((r->buffered || r->postponed || c->buffered)
            && ngx_http_output_filter(r, NULL) == NGX_ERROR)
        {
            ngx_http_finalize_request(r, NGX_ERROR);
            return;
        }

        ngx_http_chat_sse_reclaim(sse);

        if (sse->busy == NULL && !c->buffered) {

            if (sse->session.reader.blocked) {
                ngx_chat_session_writable(&sse->session);
            }

            return;
        }

        if (c->sent != sse->sent) {
            sse->sent = c->sent;
            ngx_chat_session_progress(&sse->session);
        }
    }

    if (ngx_handle_write_event(wev, 0) != NGX_OK) {
        ngx_http_finalize_request(r, NGX_ERROR);
    }
}
