
/*
 * Copyright (C) the ngx_chat_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_backlog.h"
#include "ngx_chat_inbox.h"
#include "ngx_chat_policy.h"
#include "ngx_chat_session.h"
#include "ngx_chat_token.h"
#include "ngx_chat_webhook.h"
#include "ngx_chat_worker.h"


#define NGX_CHAT_OUT_START  512


static ngx_int_t ngx_chat_session_reserve(ngx_chat_session_t *s, size_t n);
static void ngx_chat_session_closing(ngx_chat_session_t *s, ngx_uint_t code,
    ngx_str_t *reason, ngx_uint_t retry_after_ms);


ngx_int_t
ngx_chat_session_init(ngx_chat_session_t *s,
    const ngx_chat_transport_t *transport, ngx_chat_conf_t *conf,
    ngx_chat_user_t *user, ngx_chat_wire_e wire, ngx_log_t *log)
{
    static u_char  base32[] = "abcdefghijklmnopqrstuvwxyz234567";

    ngx_uint_t  i;

    if (ngx_chat_bus_seat() == NGX_CHAT_NO_SEAT) {
        return NGX_DECLINED;
    }

    s->transport = transport;
    s->conf = conf;
    s->log = log;
    s->wire = (uint8_t) wire;

    ngx_queue_init(&s->reader.pending);
    ngx_queue_init(&s->members);

    if (ngx_chat_session_set_user(s, user) != NGX_OK
        || ngx_chat_random(s->id, NGX_CHAT_SESSION_ID_LEN) != NGX_OK)
    {
        ngx_chat_session_destroy(s);
        return NGX_ERROR;
    }

    for (i = 0; i < NGX_CHAT_SESSION_ID_LEN; i++) {
        s->id[i] = base32[s->id[i] & 31];
    }

    ngx_chat_worker_enter(s);

    ngx_chat_worker_metric(conf->zone, NGX_CHAT_M_SESSIONS, 1);
    ngx_chat_worker_metric(conf->zone, NGX_CHAT_M_SESSIONS_TOTAL, 1);
    ngx_chat_worker_metric(conf->zone, transport->pings ? NGX_CHAT_M_WS
                                                        : NGX_CHAT_M_SSE, 1);
    ngx_chat_worker_metric(conf->zone,
                           transport->pings ? NGX_CHAT_M_WS_TOTAL
                                            : NGX_CHAT_M_SSE_TOTAL, 1);

    return NGX_OK;
}


void
ngx_chat_session_destroy(ngx_chat_session_t *s)
{
    ngx_queue_t  *q;

    s->dead = 1;

    while (!ngx_queue_empty(&s->members)) {
        q = ngx_queue_head(&s->members);
        ngx_chat_member_remove(s, ngx_queue_data(q, ngx_chat_member_t,
                                                 queue));
    }

    ngx_chat_webhook_leave(s->conf->zone, s->present);
    s->present = 0;

    ngx_chat_inbox_leave(s);
    ngx_chat_backlog_free(s);
    ngx_chat_hub_unpost(&s->reader);

    if (s->listed) {
        ngx_chat_worker_leave(s);
        ngx_chat_worker_metric(s->conf->zone, NGX_CHAT_M_SESSIONS, -1);
        ngx_chat_worker_metric(s->conf->zone,
                               s->transport->pings ? NGX_CHAT_M_WS
                                                   : NGX_CHAT_M_SSE, -1);
    }

    if (s->out != NULL) {
        ngx_chat_chunk_unref(s->out);
        s->out = NULL;
    }

    if (s->partial != NULL) {
        ngx_chat_chunk_unref(s->partial);
        s->partial = NULL;
    }

    if (s->user.roles.names != NULL) {
        ngx_free(s->user.roles.names);
        ngx_memzero(&s->user, sizeof(ngx_chat_user_t));
    }
}


ngx_int_t
ngx_chat_session_set_user(ngx_chat_session_t *s, ngx_chat_user_t *user)
{
    void             *old;
    u_char           *p;
    uint32_t          present;
    ngx_queue_t      *q;
    ngx_chat_user_t   kept;

    kept = *user;

    if (s->conf->auth == NULL || !*s->conf->auth->claims) {
        kept.claims.len = 0;
    }

    p = ngx_alloc(ngx_chat_user_size(&kept), s->log);
    if (p == NULL) {
        return NGX_ERROR;
    }

    old = s->user.roles.names;

    ngx_chat_user_copy(&s->user, &kept, p);

    /* the new one comes before the old one goes: he may be the same */

    present = s->present;
    s->present = ngx_chat_webhook_enter(s->conf->zone, &s->user.id,
                                        s->user.guest);
    ngx_chat_webhook_leave(s->conf->zone, present);

    if (old != NULL) {
        ngx_chat_member_renamed(s);
        ngx_free(old);
    }

    ngx_chat_inbox_enter(s);

    /* another one stands otherwise in his rooms */

    for (q = ngx_queue_head(&s->members);
         q != ngx_queue_sentinel(&s->members);
         q = ngx_queue_next(q))
    {
        ngx_chat_member_forget(ngx_queue_data(q, ngx_chat_member_t, queue));
    }

    return NGX_OK;
}


/* room for n more bytes behind what is queued; what was sent is dropped */

static ngx_int_t
ngx_chat_session_reserve(ngx_chat_session_t *s, size_t n)
{
    size_t             left, size;
    ngx_chat_chunk_t  *c;

    left = ngx_chat_session_unsent(s);

    if (left + n > NGX_CHAT_OUT_MAX) {
        return NGX_ERROR;
    }

    if (s->out != NULL && s->out->refs == 1
        && s->out->size - (size_t) (s->out->last - s->out->data) >= n)
    {
        return NGX_OK;
    }

    size = (left == 0) ? n : ngx_max(2 * (left + n), NGX_CHAT_OUT_START);

    c = ngx_chat_chunk_create(size, s->log);
    if (c == NULL) {
        return NGX_ERROR;
    }

    if (s->out != NULL) {
        c->last = ngx_cpymem(c->data, s->out_pos, left);
        ngx_chat_chunk_unref(s->out);
    }

    s->out = c;
    s->out_pos = c->data;

    return NGX_OK;
}


size_t
ngx_chat_session_unsent(ngx_chat_session_t *s)
{
    return (s->out != NULL) ? (size_t) (s->out->last - s->out_pos) : 0;
}


void
ngx_chat_session_send(ngx_chat_session_t *s, ngx_str_t *object)
{
    if (s->dead || s->closing || s->conf->raw) {
        return;
    }

    if (ngx_chat_session_reserve(s, s->transport->object_len(s, object))
        != NGX_OK)
    {
        /* it would not be true to go on without this object */
        ngx_chat_session_abort(s, NGX_CHAT_CLOSE_SLOW);
        return;
    }

    s->out->last = s->transport->object(s, s->out->last, object);

    if (ngx_chat_session_unsent(s) > NGX_CHAT_OUT_THROTTLE) {
        s->throttled = 1;
    }

    ngx_chat_hub_post(&s->reader);
}


void
ngx_chat_session_send_text(ngx_chat_session_t *s, ngx_chat_text_t *t)
{
    ngx_str_t  object;

    if (t->failed) {
        ngx_chat_session_abort(s, NGX_CHAT_CLOSE_TRY_LATER);
        return;
    }

    object.data = t->start;
    object.len = ngx_chat_text_len(t);

    ngx_chat_session_send(s, &object);
}


ngx_int_t
ngx_chat_session_queue(ngx_chat_session_t *s, u_char *p, size_t n)
{
    if (s->dead || ngx_chat_session_reserve(s, n) != NGX_OK) {
        return NGX_ERROR;
    }

    s->out->last = ngx_cpymem(s->out->last, p, n);

    if (ngx_chat_session_unsent(s) > NGX_CHAT_OUT_THROTTLE) {
        s->throttled = 1;
    }

    ngx_chat_hub_post(&s->reader);

    return NGX_OK;
}


void
ngx_chat_session_transient(ngx_chat_reader_t *rd, ngx_chat_hub_transient_t *t)
{
    ngx_str_t           *frame;
    ngx_chat_session_t  *s;

    s = (ngx_chat_session_t *) rd;

    if (s->dead || s->closing || s->conf->raw || rd->blocked
        || ngx_chat_session_unsent(s) > NGX_CHAT_OUT_TRANSIENT
        || ngx_memcmp(t->from, s->id, NGX_CHAT_SESSION_ID_LEN) == 0)
    {
        return;
    }

    if (s->wire == NGX_CHAT_WIRE_PRIVATE) {
        ngx_chat_session_send(s, &t->object);
        return;
    }

    frame = ngx_chat_hub_transient_frame(t, s->wire);

    /* what there is no memory for is dropped */

    (void) ngx_chat_session_queue(s, frame->data, frame->len);
}


void
ngx_chat_session_writable(ngx_chat_session_t *s)
{
    if (s->dead) {
        return;
    }

    ngx_chat_worker_unstuck(s);

    if (!ngx_queue_empty(&s->members)) {
        s->reader.behind = 1;
    }

    ngx_chat_hub_post(&s->reader);
}


void
ngx_chat_session_progress(ngx_chat_session_t *s)
{
    if (s->dead || !s->reader.blocked) {
        return;
    }

    s->stuck_since = ngx_chat_worker_time();

    ngx_chat_worker_stuck_anew(s);
}


void
ngx_chat_session_alive(ngx_chat_session_t *s)
{
    s->last_in = ngx_chat_worker_time();
    s->pinged = 0;
}


void
ngx_chat_session_close(ngx_chat_session_t *s, ngx_uint_t code,
    const char *reason, ngx_uint_t retry_after_ms)
{
    ngx_str_t  text;

    if (s->dead || s->closing) {
        return;
    }

    text.data = (u_char *) reason;
    text.len = ngx_strlen(reason);

    s->close_code = (uint16_t) code;

    ngx_chat_session_closing(s, code, &text, retry_after_ms);

    if (s->dead) {
        return;
    }

    s->transport->closing(s, code, &text);
    s->closing = 1;

    ngx_chat_hub_post(&s->reader);
}


ngx_uint_t
ngx_chat_close_is_final(ngx_uint_t code)
{
    switch (code) {

    case NGX_CHAT_CLOSE_NORMAL:
    case NGX_CHAT_CLOSE_PROTOCOL:
    case NGX_CHAT_CLOSE_UNSUPPORTED:
    case NGX_CHAT_CLOSE_INVALID:
    case NGX_CHAT_CLOSE_POLICY:
    case NGX_CHAT_CLOSE_TOO_BIG:
        return 1;

    default:
        return code >= 4500 && code <= 4999;
    }
}


static void
ngx_chat_session_closing(ngx_chat_session_t *s, ngx_uint_t code,
    ngx_str_t *reason, ngx_uint_t retry_after_ms)
{
    ngx_chat_text_t  *t;

    t = ngx_chat_worker_text();

    ngx_chat_text_lit(t, "{\"type\":\"closing\",\"code\":");
    ngx_chat_text_num(t, (int64_t) code);
    ngx_chat_text_lit(t, ",\"reason\":");
    ngx_chat_text_json(t, reason);
    ngx_chat_text_lit(t, ",\"reconnect\":");

    /* 4401 comes back with another token only, which is for the client */

    if (ngx_chat_close_is_final(code)) {
        ngx_chat_text_lit(t, "false");

    } else {
        ngx_chat_text_lit(t, "true");
    }

    if (retry_after_ms > 0) {
        ngx_chat_text_lit(t, ",\"retry_after_ms\":");
        ngx_chat_text_num(t, (int64_t) retry_after_ms);
    }

    ngx_chat_text_lit(t, "}");

    ngx_chat_session_send_text(s, t);
}


void
ngx_chat_session_abort(ngx_chat_session_t *s, ngx_uint_t code)
{
    if (s->dead) {
        return;
    }

    s->dead = 1;

    if (s->close_code == 0) {
        s->close_code = (uint16_t) code;
    }

    s->transport->abort(s);
}
