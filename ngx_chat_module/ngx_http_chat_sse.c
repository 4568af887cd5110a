
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * How an event stream begins: PROTOCOL, section 6.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_http_chat_limit.h"
#include "ngx_http_chat_sse.h"
#include "ngx_chat_name.h"
#include "ngx_chat_sse.h"
#include "ngx_chat_worker.h"


static ngx_chat_err_e ngx_http_chat_sse_rooms(ngx_http_request_t *r,
    ngx_http_chat_ctx_t *ctx, ngx_array_t *rooms);
static ngx_int_t ngx_http_chat_sse_split(ngx_http_request_t *r,
    ngx_str_t *list, ngx_uint_t max, ngx_array_t *rooms);
static void ngx_http_chat_sse_cursors(ngx_http_request_t *r,
    ngx_array_t *rooms);
static void ngx_http_chat_sse_vector(ngx_str_t *id, ngx_array_t *rooms);
static ngx_uint_t ngx_http_chat_sse_named(ngx_http_request_t *r);
static ngx_http_chat_sse_t *ngx_http_chat_sse_create(ngx_http_request_t *r,
    ngx_http_chat_ctx_t *ctx, ngx_chat_wire_e wire, ngx_array_t *rooms);
static void ngx_http_chat_sse_request_cleanup(void *data);
static ngx_chat_err_e ngx_http_chat_sse_enter(ngx_http_chat_sse_t *sse,
    ngx_array_t *rooms);
static ngx_int_t ngx_http_chat_sse_begin(ngx_http_request_t *r,
    ngx_http_chat_sse_t *sse);


/*
 * GET: rooms from the URL.  Rooms are entered before the status is known: what
 * only passes must not look like a refusal to EventSource, which would give up.
 */

ngx_int_t
ngx_http_chat_sse_handler(ngx_http_request_t *r, ngx_http_chat_ctx_t *ctx)
{
    ngx_int_t              rc;
    ngx_uint_t             named, many;
    ngx_array_t            rooms;
    ngx_chat_err_e         code;
    ngx_chat_wire_e        wire;
    ngx_http_chat_sse_t   *sse;
    ngx_http_chat_conn_t  *counted;

    ctx->transport = ngx_http_chat_sse_transport.name;

    if (r->headers_in.content_length_n > 0 || r->headers_in.chunked) {
        return ngx_http_chat_error(r, NGX_CHAT_E_BAD_REQUEST,
                                   "a GET has no body");
    }

    if (ngx_array_init(&rooms, r->pool, 1, sizeof(ngx_chat_join_t))
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    code = ngx_http_chat_sse_rooms(r, ctx, &rooms);

    if (code != NGX_CHAT_OK) {
        return ngx_http_chat_sse_refuse(r, code,
                                        code == NGX_CHAT_E_BAD_REQUEST
                                            ? "name rooms that there can be: "
                                              "in the path or in ?rooms=a,b"
                                            : NULL);
    }

    ngx_http_chat_sse_cursors(r, &rooms);

    if (ngx_exiting || ngx_chat_bus_seat() == NGX_CHAT_NO_SEAT) {
        return ngx_http_chat_sse_refuse(r, NGX_CHAT_E_UNAVAILABLE, NULL);
    }

    rc = ngx_http_chat_wait_rooms(r, ctx, &rooms, ngx_http_chat_sse_handler);

    if (rc != NGX_OK) {
        return rc;
    }

    code = ngx_http_chat_conn_acquire(r, ctx, r->pool, &counted);

    if (code != NGX_CHAT_OK) {
        return ngx_http_chat_sse_refuse(r, code, NULL);
    }

    named = ngx_http_chat_sse_named(r) && !ctx->conf->raw;
    many = rooms.nelts > 1;
    wire = (named || many) ? NGX_CHAT_WIRE_PRIVATE : NGX_CHAT_WIRE_SSE_ID;

    sse = ngx_http_chat_sse_create(r, ctx, wire, &rooms);
    if (sse == NULL) {
        return ngx_http_chat_sse_refuse(r, NGX_CHAT_E_INTERNAL, NULL);
    }

    sse->named = named ? 1 : 0;
    sse->id = many ? NGX_HTTP_CHAT_SSE_VECTOR : NGX_HTTP_CHAT_SSE_EVENT_ID;
    sse->hold.counted = counted;

    code = ngx_http_chat_sse_enter(sse, &rooms);

    if (sse->session.nmembers == 0) {
        ngx_chat_session_destroy(&sse->session);
        return ngx_http_chat_sse_refuse(r, code, NULL);
    }

    rc = ngx_http_chat_sse_begin(r, sse);

    if (rc == NGX_DONE) {
        r->main->count++;
    }

    return rc;
}


ngx_chat_session_t *
ngx_http_chat_stream_create(ngx_http_request_t *r, ngx_http_chat_ctx_t *ctx,
    ngx_http_chat_conn_t *counted)
{
    ngx_str_t             none;
    ngx_http_chat_sse_t  *sse;

    static ngx_str_t  stream = ngx_string("stream");

    ctx->transport = stream;

    sse = ngx_http_chat_sse_create(r, ctx, NGX_CHAT_WIRE_SSE, NULL);
    if (sse == NULL) {
        return NULL;
    }

    sse->hold.counted = counted;

    ngx_str_null(&none);
    ngx_chat_dispatch_welcome(&sse->session, &none);

    return &sse->session;
}


ngx_int_t
ngx_http_chat_stream_begin(ngx_http_request_t *r, ngx_chat_session_t *s)
{
    return ngx_http_chat_sse_begin(r, (ngx_http_chat_sse_t *) s);
}


/* NGX_CHAT_E_BAD_REQUEST: none, or one that can't be a room's name */

static ngx_chat_err_e
ngx_http_chat_sse_rooms(ngx_http_request_t *r, ngx_http_chat_ctx_t *ctx,
    ngx_array_t *rooms)
{
    ngx_str_t                  list;
    ngx_chat_join_t           *join;
    ngx_http_chat_loc_conf_t  *clcf;

    clcf = ngx_http_get_module_loc_conf(r, ngx_chat_module);

    if (ctx->room.len == 0) {

        if (ctx->conf->raw
            || ngx_http_arg(r, (u_char *) "rooms", 5, &list) != NGX_OK)
        {
            return NGX_CHAT_E_BAD_REQUEST;
        }

        if (ngx_http_chat_sse_split(r, &list, clcf->sse_rooms, rooms)
            != NGX_OK)
        {
            return NGX_CHAT_E_INTERNAL;
        }

        if (rooms->nelts > clcf->sse_rooms) {
            return NGX_CHAT_E_TOO_MANY_ROOMS;
        }

        return (rooms->nelts > 0) ? NGX_CHAT_OK : NGX_CHAT_E_BAD_REQUEST;
    }

    join = ngx_array_push(rooms);
    if (join == NULL) {
        return NGX_CHAT_E_INTERNAL;
    }

    ngx_memzero(join, sizeof(ngx_chat_join_t));
    join->room = ctx->room;
    join->presence = 1;

    return NGX_CHAT_OK;
}


/* at commas, then decoded: a name can't have one in it */

static ngx_int_t
ngx_http_chat_sse_split(ngx_http_request_t *r, ngx_str_t *list,
    ngx_uint_t max, ngx_array_t *rooms)
{
    u_char           *p, *end, *last;
    ngx_chat_join_t  *join;

    last = list->data + list->len;

    for (p = list->data; p < last; p = end + 1) {
        end = ngx_strlchr(p, last, ',');

        if (end == NULL) {
            end = last;
        }

        if (rooms->nelts > max) {
            /* too many already */
            break;
        }

        join = ngx_array_push(rooms);
        if (join == NULL) {
            return NGX_ERROR;
        }

        ngx_memzero(join, sizeof(ngx_chat_join_t));
        join->presence = 1;
        join->room.data = p;
        join->room.len = (size_t) (end - p);

        if (ngx_http_chat_decode(r, &join->room) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* EventSource repeats its URL: Last-Event-ID is newer than ?after= */

static void
ngx_http_chat_sse_cursors(ngx_http_request_t *r, ngx_array_t *rooms)
{
    ngx_uint_t        i;
    ngx_chat_join_t  *join, args;
    ngx_table_elt_t  *h;

    ngx_memzero(&args, sizeof(ngx_chat_join_t));
    ngx_http_chat_args_join(r, &args);

    join = rooms->elts;

    for (i = 0; i < rooms->nelts; i++) {
        join[i].last = args.last;
        join[i].presence = args.presence;
        join[i].presence_given = args.presence_given;
    }

    h = ngx_http_chat_header_in(r, "last-event-id");

    if (h != NULL && h->value.len > 0) {

        if (rooms->nelts > 1) {
            ngx_http_chat_sse_vector(&h->value, rooms);
            return;
        }

        join[0].after.given = 1;
        join[0].after.broken = ngx_chat_id_parse(&h->value,
                                                 &join[0].after.id)
                               != NGX_OK;
        return;
    }

    if (rooms->nelts == 1) {
        join[0].after = args.after;
    }
}


/*
 * "m1:<cursor>.<cursor>", a place per room, empty where it was not entered.
 * What can't be parsed is of another life of the room.
 */

static void
ngx_http_chat_sse_vector(ngx_str_t *id, ngx_array_t *rooms)
{
    u_char           *p, *end, *last;
    ngx_str_t         place;
    ngx_uint_t        i, broken;
    ngx_chat_join_t  *join;

    p = id->data;
    last = p + id->len;
    broken = id->len < 3 || ngx_strncmp(p, "m1:", 3) != 0;

    p += broken ? 0 : 3;
    join = rooms->elts;

    for (i = 0; i < rooms->nelts; i++) {

        if (broken) {
            join[i].after.given = 1;
            join[i].after.broken = 1;
            continue;
        }

        end = (p < last) ? ngx_strlchr(p, last, '.') : NULL;

        if (end == NULL) {
            end = last;
        }

        place.data = p;
        place.len = (size_t) (end - p);

        if (place.len > 0) {
            join[i].after.given = 1;
            join[i].after.broken = ngx_chat_id_parse(&place,
                                                     &join[i].after.id)
                                   != NGX_OK;
        }

        p = (end < last) ? end + 1 : last;
    }
}


static ngx_uint_t
ngx_http_chat_sse_named(ngx_http_request_t *r)
{
    ngx_str_t  value;

    return ngx_http_arg(r, (u_char *) "named", 5, &value) == NGX_OK
           && value.len == 1 && value.data[0] == '1';
}


/* `rooms' of the URL, or NULL */

static ngx_http_chat_sse_t *
ngx_http_chat_sse_create(ngx_http_request_t *r, ngx_http_chat_ctx_t *ctx,
    ngx_chat_wire_e wire, ngx_array_t *rooms)
{
    ngx_uint_t            i, places;
    ngx_chat_join_t      *join;
    ngx_http_cleanup_t   *cln;
    ngx_pool_cleanup_t   *pcln;
    ngx_http_chat_sse_t  *sse;

    pcln = ngx_pool_cleanup_add(r->pool, 0);
    cln = ngx_http_cleanup_add(r, 0);

    if (pcln == NULL || cln == NULL) {
        return NULL;
    }

    places = (rooms != NULL) ? rooms->nelts : 0;

    sse = ngx_calloc(sizeof(ngx_http_chat_sse_t)
                     + places * sizeof(ngx_chat_cursor_t), r->connection->log);
    if (sse == NULL) {
        return NULL;
    }

    sse->request = r;
    sse->ctx = ctx;
    sse->busy_last = &sse->busy;
    sse->places = places;
    sse->given = (ngx_chat_cursor_t *) (sse + 1);

    for (i = 0; i < places; i++) {
        join = rooms->elts;
        sse->given[i] = join[i].after;
    }

    if (ngx_chat_session_init(&sse->session, &ngx_http_chat_sse_transport,
                              ctx->conf, &ctx->user, wire, r->connection->log)
        != NGX_OK)
    {
        ngx_free(sse);
        return NULL;
    }

    ngx_chat_session_expires(&sse->session, ctx->expires);

    pcln->handler = ngx_http_chat_sse_pool_cleanup;
    pcln->data = sse;

    cln->handler = ngx_http_chat_sse_request_cleanup;
    cln->data = sse;

    return sse;
}


/* before the access log is written */

static void
ngx_http_chat_sse_request_cleanup(void *data)
{
    ngx_http_chat_sse_t *sse = data;

    ngx_chat_session_t   *s;
    ngx_http_chat_ctx_t  *ctx;

    if (sse->hold.hc != NULL) {
        /* let go of */
        return;
    }

    s = &sse->session;
    ctx = sse->ctx;

    ctx->received = s->received;
    ctx->sent = s->sent;
    ctx->close_code = s->close_code;

    ngx_chat_session_destroy(s);
}


/*
 * Welcome, then each room: NGX_CHAT_OK or a refusal; one that passes, if there
 * is any.
 */

static ngx_chat_err_e
ngx_http_chat_sse_enter(ngx_http_chat_sse_t *sse, ngx_array_t *rooms)
{
    ngx_str_t            none;
    ngx_uint_t           i;
    ngx_chat_err_e       code, refused;
    ngx_chat_join_t     *join;
    ngx_chat_session_t  *s;

    s = &sse->session;

    if (!s->conf->raw) {
        ngx_str_null(&none);
        ngx_chat_dispatch_welcome(s, &none);
    }

    refused = NGX_CHAT_OK;
    join = rooms->elts;

    for (i = 0; i < rooms->nelts; i++) {

        if (ngx_chat_member_find(s, &join[i].room) != NULL) {
            /* named twice: its second place stays empty */
            sse->given[i].given = 0;
            continue;
        }

        code = ngx_chat_dispatch_enter(s, &join[i], i);

        if (code == NGX_CHAT_OK) {
            continue;
        }

        if (refused == NGX_CHAT_OK || ngx_chat_err_info(code)->temporary) {
            refused = code;
        }

        if (!ngx_chat_err_info(code)->temporary) {
            /* its place stays empty, too */
            sse->given[i].given = 0;
        }
    }

    return refused;
}


/*
 * The header; the first objects follow in the hub's next turn.  NGX_DONE, or
 * what the request is to be finalized with.
 */

static ngx_int_t
ngx_http_chat_sse_begin(ngx_http_request_t *r, ngx_http_chat_sse_t *sse)
{
    ngx_int_t          rc;
    ngx_connection_t  *c;

    c = r->connection;

    r->headers_out.status = NGX_HTTP_OK;
    ngx_str_set(&r->headers_out.content_type, "text/event-stream");
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_type_lowcase = NULL;

    ngx_http_clear_content_length(r);
    ngx_http_clear_accept_ranges(r);

    /* it may end without a request, which could be followed by another one */
    r->keepalive = 0;

    rc = NGX_ERROR;

    if (ngx_http_chat_add_common(r, 1) == NGX_OK
        && ngx_http_chat_guest_cookie(r, sse->ctx) == NGX_OK)
    {
        rc = ngx_http_send_header(r);
    }

    if (rc == NGX_ERROR || rc > NGX_OK) {
        return rc;
    }

    /* events are small and must not wait for one another */

    if (r->http_version < NGX_HTTP_VERSION_20
        && ngx_tcp_nodelay(c) != NGX_OK)
    {
        return NGX_ERROR;
    }

    r->read_event_handler = ngx_http_test_reading;
    r->write_event_handler = ngx_http_chat_sse_write_handler;

    if (ngx_http_chat_sse_plain(r)) {
        ngx_http_chat_sse_plain_begin(r, sse);
    }

    if (c->read->ready) {
        /* gone already, perhaps */
        ngx_post_event(c->read, &ngx_posted_events);
    }

    /* without objects nothing else would send the header over HTTP/2 */

    if (sse->session.conf->raw) {
        sse->session.transport->ping(&sse->session);
    }

    return NGX_DONE;
}


/*
 * 200 and the stream's end for what passes, with the time to come back; a
 * status that makes EventSource give up for what doesn't.
 */

ngx_int_t
ngx_http_chat_sse_refuse(ngx_http_request_t *r, ngx_chat_err_e code,
    const char *detail)
{
    size_t                     len;
    u_char                    *p;
    ngx_str_t                  body, none, object;
    ngx_chat_err_t             err;
    ngx_chat_text_t           *t;
    ngx_http_chat_ctx_t       *ctx;
    ngx_http_chat_loc_conf_t  *clcf;

    if (code == NGX_CHAT_E_BANNED) {
        return ngx_http_chat_gone(r);
    }

    if (!ngx_chat_err_info(code)->temporary) {
        return ngx_http_chat_error(r, code, detail);
    }

    clcf = ngx_http_get_module_loc_conf(r, ngx_chat_module);

    ngx_chat_worker_metric(clcf->chat.zone, NGX_CHAT_M_ERRORS, 1);

    ngx_str_null(&none);
    ngx_memzero(&err, sizeof(ngx_chat_err_t));
    err.code = code;

    if (code == NGX_CHAT_E_RATE_LIMITED) {
        ctx = ngx_http_get_module_ctx(r, ngx_chat_module);
        err.retry_after_ms = ctx->retry_after_ms;
    }

    t = ngx_chat_worker_text();

    if (!clcf->chat.raw) {
        ngx_chat_enc_error(t, &none, NULL, &err);
    }

    if (t->failed) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    object.data = t->start;
    object.len = ngx_chat_text_len(t);

    len = NGX_HTTP_CHAT_SSE_RETRY_LEN + ngx_http_chat_sse_name_len(&object)
          + ngx_chat_sse_data_len(object.data, object.len);

    body.data = ngx_pnalloc(r->pool, len);
    if (body.data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    p = ngx_http_chat_sse_retry(body.data);

    if (object.len > 0) {

        if (ngx_http_chat_sse_named(r)) {
            p = ngx_http_chat_sse_name(p, &object);
        }

        p = ngx_chat_sse_data(p, object.data, object.len);
    }

    body.len = (size_t) (p - body.data);

    return ngx_http_chat_respond_stream(r, &body);
}


ngx_chat_err_e
ngx_http_chat_sse_identify(ngx_chat_session_t *s, ngx_chat_user_t *user)
{
    return ngx_http_chat_conn_user(((ngx_http_chat_sse_t *) s)->hold.counted,
                                   user, s->log);
}
