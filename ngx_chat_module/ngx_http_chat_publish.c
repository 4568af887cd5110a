
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Publishing into the room of the URL, and what a raw room gives to a plain
 * GET: PROTOCOL, section 6.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_http_chat.h"
#include "ngx_chat_utf8.h"
#include "ngx_chat_worker.h"


static ngx_uint_t ngx_http_chat_forgeable(ngx_http_request_t *r);
static void ngx_http_chat_publish_body(ngx_http_request_t *r);
static ngx_int_t ngx_http_chat_publish_message(ngx_http_request_t *r,
    ngx_http_chat_ctx_t *ctx, ngx_str_t *body, ngx_str_t *nonce);
static ngx_int_t ngx_http_chat_publish_raw(ngx_http_request_t *r,
    ngx_http_chat_ctx_t *ctx, ngx_str_t *body, ngx_str_t *nonce);
static ngx_uint_t ngx_http_chat_raw_type(ngx_http_request_t *r,
    ngx_str_t *body);


ngx_int_t
ngx_http_chat_publish_handler(ngx_http_request_t *r, ngx_http_chat_ctx_t *ctx)
{
    ngx_int_t  rc;

    if (!ctx->conf->raw
        && !ngx_http_chat_type_is(r, "application/json")
        && !ngx_http_chat_type_is(r, "text/plain"))
    {
        return ngx_http_chat_refuse(r, NGX_HTTP_UNSUPPORTED_MEDIA_TYPE,
                                    NGX_CHAT_E_BAD_REQUEST,
                                    "send Content-Type: application/json or "
                                    "text/plain");
    }

    if (ngx_http_chat_forgeable(r)) {
        return ngx_http_chat_error(r, NGX_CHAT_E_FORBIDDEN,
                                   "with cookies, this Content-Type needs an "
                                   "Origin header");
    }

    if (r->headers_in.content_length_n > (off_t) ctx->conf->message_max) {
        return ngx_http_chat_error(r, NGX_CHAT_E_TOO_LARGE, NULL);
    }

    rc = ngx_http_read_client_request_body(r, ngx_http_chat_publish_body);

    return (rc >= NGX_HTTP_SPECIAL_RESPONSE) ? rc : NGX_DONE;
}


/*
 * A form of another site can send cookies along with a few types of content,
 * and old browsers do it without Origin.
 */

static ngx_uint_t
ngx_http_chat_forgeable(ngx_http_request_t *r)
{
    if (ngx_http_chat_header_in(r, "cookie") == NULL
        || ngx_http_chat_header_in(r, "origin") != NULL)
    {
        return 0;
    }

    return r->headers_in.content_type == NULL
           || ngx_http_chat_type_is(r, "text/plain")
           || ngx_http_chat_type_is(r, "application/x-www-form-urlencoded")
           || ngx_http_chat_type_is(r, "multipart/form-data");
}


static void
ngx_http_chat_publish_body(ngx_http_request_t *r)
{
    ngx_int_t             rc;
    ngx_str_t             body, nonce;
    ngx_http_chat_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_chat_module);

    rc = ngx_http_chat_body(r, ctx->conf->message_max, &body);

    if (rc == NGX_DECLINED) {
        rc = ngx_http_chat_error(r, NGX_CHAT_E_TOO_LARGE, NULL);

    } else if (rc == NGX_ABORT) {
        rc = ngx_http_chat_error(r, NGX_CHAT_E_EXPIRED, NULL);

    } else if (rc == NGX_OK
               && ngx_http_chat_idempotency_key(r, &nonce) != NGX_OK)
    {
        rc = ngx_http_chat_error(r, NGX_CHAT_E_BAD_REQUEST,
                                 "Idempotency-Key must be 8 to 64 bytes");

    } else if (rc == NGX_OK) {
        rc = ctx->conf->raw
             ? ngx_http_chat_publish_raw(r, ctx, &body, &nonce)
             : ngx_http_chat_publish_message(r, ctx, &body, &nonce);

        if (ctx->wait != NULL) {
            /* the broker answers later */
            return;
        }
    }

    ngx_http_finalize_request(r, rc);
}


/* as it is, or as the string of RFC 8941 that the header's draft wants */

ngx_int_t
ngx_http_chat_idempotency_key(ngx_http_request_t *r, ngx_str_t *nonce)
{
    ngx_table_elt_t  *h;

    ngx_str_null(nonce);

    h = ngx_http_chat_header_in(r, "idempotency-key");

    if (h == NULL) {
        return NGX_OK;
    }

    *nonce = h->value;

    if (nonce->len >= 2 && nonce->data[0] == '"'
        && nonce->data[nonce->len - 1] == '"')
    {
        nonce->data++;
        nonce->len -= 2;
    }

    if (nonce->len < NGX_CHAT_NONCE_MIN || nonce->len > NGX_CHAT_NONCE_MAX
        || ngx_chat_utf8_valid(nonce->data, nonce->len) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_chat_publish_message(ngx_http_request_t *r, ngx_http_chat_ctx_t *ctx,
    ngx_str_t *body, ngx_str_t *nonce)
{
    ngx_str_t            none;
    ngx_chat_cmd_t       cmd;
    ngx_chat_err_t       err;
    ngx_chat_text_t     *t;
    ngx_chat_caller_t    c;
    ngx_chat_publish_t   p;

    ngx_str_null(&none);
    ngx_memzero(&c, sizeof(ngx_chat_caller_t));

    c.conf = ctx->conf;
    c.user = &ctx->user;
    c.pool = r->pool;

    ngx_http_chat_wait_caller(ctx, &c);

    if (ngx_http_chat_type_is(r, "text/plain")) {
        ngx_memzero(&cmd, sizeof(ngx_chat_cmd_t));
        ngx_memzero(&err, sizeof(ngx_chat_err_t));

        cmd.text = *body;

        if (body->len == 0
            || ngx_chat_utf8_valid(body->data, body->len) != NGX_OK
            || ngx_strlchr(body->data, body->data + body->len, '\0') != NULL)
        {
            return ngx_http_chat_error(r, NGX_CHAT_E_BAD_REQUEST,
                                       "text is UTF-8, without NUL and not "
                                       "empty");
        }

        if (body->len > ctx->conf->text_max) {
            return ngx_http_chat_error(r, NGX_CHAT_E_TOO_LARGE, NULL);
        }

    } else if (ngx_chat_message_parse(r->pool, body, ctx->conf->text_max,
                                      &cmd, &err)
               != NGX_OK)
    {
        return ngx_http_chat_problem(r, 0, &err);
    }

    cmd.room = ctx->room;

    if (nonce->len > 0) {
        cmd.nonce = *nonce;
    }

    err.code = ngx_chat_dispatch_publish(&c, &cmd, &p);

    if (err.code == NGX_CHAT_E_WAIT) {
        return ngx_http_chat_wait(r, ctx, &c, ngx_http_chat_publish_body);
    }

    if (err.code != NGX_CHAT_OK) {
        return ngx_http_chat_refused(r, err.code, &c);
    }

    t = ngx_chat_worker_text();

    ngx_chat_dispatch_ok(t, &none, &cmd.room, &p);

    return ngx_http_chat_respond_text(r, p.duplicate ? NGX_HTTP_OK
                                                     : NGX_HTTP_CREATED,
                                      "application/json", t);
}


static ngx_int_t
ngx_http_chat_publish_raw(ngx_http_request_t *r, ngx_http_chat_ctx_t *ctx,
    ngx_str_t *body, ngx_str_t *nonce)
{
    ngx_str_t           none;
    ngx_chat_err_e      code;
    ngx_chat_caller_t   c;
    ngx_chat_publish_t  p;

    ngx_str_null(&none);
    ngx_memzero(&c, sizeof(ngx_chat_caller_t));

    c.conf = ctx->conf;
    c.user = &ctx->user;

    ngx_http_chat_wait_caller(ctx, &c);

    code = ngx_chat_dispatch_raw(&c, &ctx->room, body,
                                 ngx_http_chat_raw_type(r, body), nonce, &p);

    if (code == NGX_CHAT_E_WAIT) {
        return ngx_http_chat_wait(r, ctx, &c, ngx_http_chat_publish_body);
    }

    if (code != NGX_CHAT_OK) {
        return ngx_http_chat_refused(r, code, &c);
    }

    return ngx_http_chat_respond(r, p.duplicate ? NGX_HTTP_OK
                                                : NGX_HTTP_CREATED,
                                 "text/plain; charset=utf-8", &none);
}


/* text can be shown to everybody; binary is what says so or isn't UTF-8 */

static ngx_uint_t
ngx_http_chat_raw_type(ngx_http_request_t *r, ngx_str_t *body)
{
    ngx_uint_t        i;
    ngx_table_elt_t  *h;

    static ngx_str_t  binary[] = {
        ngx_string("application/octet-stream"),
        ngx_string("image/"),
        ngx_string("audio/"),
        ngx_string("video/"),
        ngx_string("font/"),
        ngx_null_string
    };

    h = r->headers_in.content_type;

    for (i = 0; h != NULL && binary[i].len > 0; i++) {

        if (h->value.len >= binary[i].len
            && ngx_strncasecmp(h->value.data, binary[i].data, binary[i].len)
               == 0)
        {
            return NGX_CHAT_REC_RAW_BINARY;
        }
    }

    return (ngx_chat_utf8_valid(body->data, body->len) == NGX_OK)
           ? NGX_CHAT_REC_RAW_TEXT
           : NGX_CHAT_REC_RAW_BINARY;
}


ngx_int_t
ngx_http_chat_newest_handler(ngx_http_request_t *r, ngx_http_chat_ctx_t *ctx)
{
    ngx_str_t              payload;
    ngx_chat_err_e         code;
    ngx_chat_rec_t        *rec;
    ngx_chat_page_t        page;
    ngx_chat_zone_t       *z;
    ngx_chat_caller_t      c;
    ngx_chat_room_key_t    key;
    ngx_chat_room_info_t   info;

    z = ctx->conf->zone;

    ngx_memzero(&c, sizeof(ngx_chat_caller_t));
    c.conf = ctx->conf;
    c.user = &ctx->user;

    ngx_http_chat_wait_caller(ctx, &c);

    code = (c.outcome == NULL)
           ? ngx_chat_dispatch_charge(&c, NGX_CHAT_RATE_HISTORY, &ctx->room, 1)
           : NGX_CHAT_OK;

    if (code == NGX_CHAT_OK) {
        code = ngx_chat_dispatch_may(&c, NGX_CHAT_MAY_HISTORY, &ctx->room);
    }

    if (code != NGX_CHAT_OK) {
        return ngx_http_chat_refused(r, code, &c);
    }

    key.kind = NGX_CHAT_ROOM_RAW;
    key.name = ctx->room;

    ngx_memzero(&page, sizeof(ngx_chat_page_t));

    if (ctx->conf->broker->page != NULL) {
        page.limit = 1;

        code = ngx_chat_dispatch_want(&c, &key, &page);

        if (code == NGX_CHAT_E_WAIT) {
            return ngx_http_chat_wait_handler(r, ctx, &c,
                                              ngx_http_chat_newest_handler);
        }

        if (code != NGX_CHAT_OK) {
            return ngx_http_chat_error(r, code, NULL);
        }
    }

    if (page.source != NULL && page.source->size > 0) {
        rec = (ngx_chat_rec_t *) page.source->records;

    } else if (page.source != NULL
               || ngx_chat_room_find(z, &key,
                                     ngx_chat_zone_rule(z, &key.name), &info)
                  != NGX_OK
               || ngx_chat_history_newest(z, &info, &rec) != NGX_OK)
    {
        return ngx_http_chat_error(r, NGX_CHAT_E_NOT_FOUND, NULL);
    }

    payload.data = ngx_chat_rec_payload(rec);
    payload.len = rec->size;

    return ngx_http_chat_respond(r, NGX_HTTP_OK,
                                 rec->type == NGX_CHAT_REC_RAW_BINARY
                                     ? "application/octet-stream"
                                     : "text/plain; charset=utf-8",
                                 &payload);
}
