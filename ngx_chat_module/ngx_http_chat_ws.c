
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * The WebSocket transport: handshake (RFC 6455, section 4.2), then a connection
 * without a request.  c->data is ngx_http_chat_ws_t from then on.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_http_chat_ws.h"
#include "ngx_http_chat_limit.h"
#include "ngx_chat_deflate.h"
#include "ngx_chat_worker.h"


static ngx_int_t ngx_http_chat_ws_check(ngx_http_request_t *r,
    ngx_table_elt_t **key, const char **why);
static ngx_uint_t ngx_http_chat_ws_connection(ngx_http_request_t *r);
static ngx_int_t ngx_http_chat_ws_version(ngx_http_request_t *r);
static ngx_int_t ngx_http_chat_ws_protocol(ngx_http_request_t *r,
    ngx_http_chat_ctx_t *ctx, ngx_str_t *protocol);
static ngx_int_t ngx_http_chat_ws_respond(ngx_http_request_t *r,
    ngx_http_chat_ctx_t *ctx, ngx_table_elt_t *key, ngx_str_t *protocol);
static ngx_int_t ngx_http_chat_ws_wait(ngx_http_request_t *r,
    ngx_http_chat_ctx_t *ctx);
static ngx_int_t ngx_http_chat_ws_again(ngx_http_request_t *r,
    ngx_http_chat_ctx_t *ctx);
static ngx_int_t ngx_http_chat_ws_extensions(ngx_http_request_t *r,
    ngx_http_chat_ws_t *ws);
static ngx_http_chat_ws_t *ngx_http_chat_ws_create(ngx_http_request_t *r,
    ngx_http_chat_ctx_t *ctx, ngx_http_chat_conn_t *counted);
static void ngx_http_chat_ws_request_cleanup(void *data);


/* `identified': NGX_OK, or why the client is told 4401 after the handshake */

ngx_int_t
ngx_http_chat_ws_handler(ngx_http_request_t *r, ngx_http_chat_ctx_t *ctx,
    ngx_int_t identified)
{
    ngx_int_t              rc;
    ngx_str_t              protocol;
    const char            *why;
    ngx_chat_err_e         code;
    ngx_table_elt_t       *key;
    ngx_http_chat_ws_t    *ws;
    ngx_http_chat_conn_t  *counted;

    static ngx_str_t  websocket = ngx_string("websocket");

    ctx->transport = websocket;

    rc = ngx_http_chat_ws_check(r, &key, &why);

    if (rc == NGX_ABORT) {
        return ngx_http_chat_ws_version(r);
    }

    if (rc != NGX_OK) {
        return ngx_http_chat_error(r, NGX_CHAT_E_BAD_REQUEST, why);
    }

    rc = ngx_http_chat_ws_protocol(r, ctx, &protocol);

    if (rc != NGX_OK) {
        return ngx_http_chat_error(r, NGX_CHAT_E_BAD_REQUEST,
                                   "offer the subprotocol chat.v1, or none");
    }

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    if (ngx_chat_bus_seat() == NGX_CHAT_NO_SEAT) {
        return ngx_http_chat_error(r, NGX_CHAT_E_UNAVAILABLE, NULL);
    }

    if (identified == NGX_OK && ctx->room.len > 0) {
        rc = ngx_http_chat_ws_wait(r, ctx);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    code = ngx_http_chat_conn_acquire(r, ctx, r->pool, &counted);

    if (code != NGX_CHAT_OK) {
        return ngx_http_chat_error(r, code, NULL);
    }

    ws = ngx_http_chat_ws_create(r, ctx, counted);
    if (ws == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ngx_http_chat_ws_extensions(r, ws) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    /* first, so that whoever has the 101 misses nothing of the room */
    ngx_http_chat_ws_greet(r, ws, identified);

    rc = ngx_http_chat_ws_respond(r, ctx, key, &protocol);

    if (rc == NGX_ERROR || rc > NGX_OK) {
        return NGX_ERROR;
    }

    /* we return into the phases; the request is let go from a posted event */

    r->main->count++;
    r->write_event_handler = ngx_http_chat_ws_detach_handler;
    r->read_event_handler = ngx_http_block_reading;

    ngx_post_event(r->connection->write, &ngx_posted_events);

    return NGX_DONE;
}


/* a room that isn't here is brought before the handshake is answered */

static ngx_int_t
ngx_http_chat_ws_wait(ngx_http_request_t *r, ngx_http_chat_ctx_t *ctx)
{
    ngx_array_t       rooms;
    ngx_chat_join_t   join;

    ngx_memzero(&join, sizeof(ngx_chat_join_t));
    ngx_http_chat_args_join(r, &join);
    join.room = ctx->room;

    ngx_memzero(&rooms, sizeof(ngx_array_t));
    rooms.elts = &join;
    rooms.nelts = 1;

    return ngx_http_chat_wait_rooms(r, ctx, &rooms,
                                    ngx_http_chat_ws_again);
}


static ngx_int_t
ngx_http_chat_ws_again(ngx_http_request_t *r, ngx_http_chat_ctx_t *ctx)
{
    return ngx_http_chat_ws_handler(r, ctx, NGX_OK);
}


static ngx_int_t
ngx_http_chat_ws_check(ngx_http_request_t *r, ngx_table_elt_t **key,
    const char **why)
{
    ngx_table_elt_t  *h;

    if (r->http_version != NGX_HTTP_VERSION_11) {
        *why = "a WebSocket handshake is HTTP/1.1";
        return NGX_DECLINED;
    }

    if (!ngx_http_chat_ws_connection(r)) {
        *why = "the Connection header must name Upgrade";
        return NGX_DECLINED;
    }

    h = ngx_http_chat_header_in(r, "sec-websocket-version");

    if (h == NULL || h->value.len != 2
        || ngx_strncmp(h->value.data, "13", 2) != 0)
    {
        return NGX_ABORT;
    }

    *key = ngx_http_chat_header_in(r, "sec-websocket-key");

    if (*key == NULL || ngx_chat_ws_key_valid(&(*key)->value) != NGX_OK) {
        *why = "Sec-WebSocket-Key must be base64 of 16 bytes";
        return NGX_DECLINED;
    }

    if (r->headers_in.content_length_n > 0 || r->headers_in.chunked) {
        *why = "a handshake has no body";
        return NGX_DECLINED;
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_http_chat_ws_connection(ngx_http_request_t *r)
{
    ngx_str_t              word;
    ngx_http_chat_words_t  words;

    ngx_memzero(&words, sizeof(ngx_http_chat_words_t));

    while (ngx_http_chat_header_word(r, "connection", &words, &word)
           == NGX_OK)
    {
        if (word.len == 7
            && ngx_strncasecmp(word.data, (u_char *) "upgrade", 7) == 0)
        {
            return 1;
        }
    }

    return 0;
}


static ngx_int_t
ngx_http_chat_ws_version(ngx_http_request_t *r)
{
    ngx_str_t  version;

    ngx_str_set(&version, "13");

    if (ngx_http_chat_add_header(r, "Sec-WebSocket-Version", &version)
        != NGX_OK
        || ngx_http_chat_add_upgrade(r) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_chat_refuse(r, 426, NGX_CHAT_E_BAD_REQUEST,
                                "Sec-WebSocket-Version must be 13");
}


/*
 * Of what is offered chat.v1 is answered, a bearer.TOKEN never.  A raw location
 * has no protocol of its own: the first that isn't a token.
 */

static ngx_int_t
ngx_http_chat_ws_protocol(ngx_http_request_t *r, ngx_http_chat_ctx_t *ctx,
    ngx_str_t *protocol)
{
    ngx_str_t              word;
    ngx_http_chat_words_t  words;

    ngx_str_null(protocol);

    if (ngx_http_chat_header_in(r, "sec-websocket-protocol") == NULL) {
        return NGX_OK;
    }

    ngx_memzero(&words, sizeof(ngx_http_chat_words_t));

    while (ngx_http_chat_header_word(r, "sec-websocket-protocol", &words,
                                     &word)
           == NGX_OK)
    {
        if (word.len >= 7 && ngx_strncmp(word.data, "bearer.", 7) == 0) {
            continue;
        }

        if (ctx->conf->raw
            || (word.len == 7 && ngx_strncmp(word.data, "chat.v1", 7) == 0))
        {
            *protocol = word;
            return NGX_OK;
        }
    }

    return ctx->conf->raw ? NGX_OK : NGX_DECLINED;
}


static ngx_int_t
ngx_http_chat_ws_respond(ngx_http_request_t *r, ngx_http_chat_ctx_t *ctx,
    ngx_table_elt_t *key, ngx_str_t *protocol)
{
    ngx_int_t  rc;
    ngx_str_t  accept;

    accept.len = NGX_CHAT_WS_ACCEPT_LEN;
    accept.data = ngx_pnalloc(r->pool, NGX_CHAT_WS_ACCEPT_LEN);
    if (accept.data == NULL) {
        return NGX_ERROR;
    }

    ngx_chat_ws_accept(accept.data, &key->value);

    if (ngx_http_chat_add_upgrade(r) != NGX_OK
        || ngx_http_chat_add_header(r, "Sec-WebSocket-Accept", &accept)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (protocol->len > 0
        && ngx_http_chat_add_header(r, "Sec-WebSocket-Protocol", protocol)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_http_chat_guest_cookie(r, ctx) != NGX_OK) {
        return NGX_ERROR;
    }

    r->keepalive = 0;
    r->headers_out.status = NGX_HTTP_SWITCHING_PROTOCOLS;

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK) {
        return rc;
    }

    return ngx_http_chat_hold_flush(r);
}


/* the first offer of compression that can be taken, on whatever line */

static ngx_int_t
ngx_http_chat_ws_extensions(ngx_http_request_t *r, ngx_http_chat_ws_t *ws)
{
    u_char                    *last;
    ngx_str_t                  answer;
    ngx_uint_t                 i;
    ngx_table_elt_t           *h;
    ngx_http_chat_loc_conf_t  *clcf;

    clcf = ngx_http_get_module_loc_conf(r, ngx_chat_module);

    if (!clcf->deflate) {
        return NGX_OK;
    }

    for (i = 0; /* void */ ; i++) {
        h = ngx_http_chat_header_line(&r->headers_in.headers,
                                      "sec-websocket-extensions", i);

        if (h == NULL) {
            return NGX_OK;
        }

        answer.data = ngx_pnalloc(r->pool, NGX_CHAT_DEFLATE_ANSWER_MAX);
        if (answer.data == NULL) {
            return NGX_ERROR;
        }

        last = ngx_chat_deflate_negotiate(&h->value, answer.data);

        if (last != NULL) {
            break;
        }
    }

    answer.len = (size_t) (last - answer.data);

    ws->parser.deflate = 1;
    ws->session.wire = NGX_CHAT_WIRE_WS_DEFLATE;

    return ngx_http_chat_add_header(r, "Sec-WebSocket-Extensions", &answer);
}


static ngx_http_chat_ws_t *
ngx_http_chat_ws_create(ngx_http_request_t *r, ngx_http_chat_ctx_t *ctx,
    ngx_http_chat_conn_t *counted)
{
    ngx_pool_t          *pool;
    ngx_connection_t    *c;
    ngx_http_cleanup_t  *cln;
    ngx_http_chat_ws_t  *ws;

    c = r->connection;

    cln = ngx_http_cleanup_add(r, 0);
    if (cln == NULL) {
        return NULL;
    }

    /* lives as long as the connection */

    pool = ngx_http_chat_hold_pool(r, sizeof(ngx_http_chat_ws_t)
                                      + ctx->room.len
                                      + ngx_http_chat_conn_size(counted));
    if (pool == NULL) {
        return NULL;
    }

    ws = ngx_pcalloc(pool, sizeof(ngx_http_chat_ws_t));
    if (ws == NULL) {
        return NULL;
    }

    ws->hold.connection = c;
    ws->hold.pool = pool;
    ws->hold.counted = counted;

    if (ctx->room.len > 0) {
        ws->hold.room.data = ngx_pstrdup(pool, &ctx->room);
        if (ws->hold.room.data == NULL) {
            return NULL;
        }

        ws->hold.room.len = ctx->room.len;
    }

    if (ngx_chat_session_init(&ws->session, &ngx_http_chat_ws_transport,
                              ctx->conf, &ctx->user, NGX_CHAT_WIRE_WS, c->log)
        != NGX_OK)
    {
        return NULL;
    }

    ngx_chat_session_expires(&ws->session, ctx->expires);

    ngx_chat_ws_parser_init(&ws->parser, ctx->conf->message_max);

    /* nothing is written before the handshake */
    ngx_http_chat_hold_block(&ws->session);

    cln->handler = ngx_http_chat_ws_request_cleanup;
    cln->data = ws;

    ctx->session = ws;

    return ws;
}


/* the request ends before it was let go, or is being let go */

static void
ngx_http_chat_ws_request_cleanup(void *data)
{
    ngx_http_chat_ws_t  *ws = data;

    if (ws->hold.hc == NULL) {
        ngx_http_chat_ws_release(ws);
    }
}
