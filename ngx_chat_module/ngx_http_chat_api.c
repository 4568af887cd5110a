
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * History pages and commands over plain HTTP.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_http_chat_limit.h"
#include "ngx_chat_name.h"
#include "ngx_chat_utf8.h"
#include "ngx_chat_worker.h"


static size_t ngx_http_chat_body_max(ngx_http_request_t *r,
    ngx_http_chat_ctx_t *ctx);
static void ngx_http_chat_body_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_chat_commands(ngx_http_request_t *r,
    ngx_http_chat_ctx_t *ctx, ngx_str_t *body);
static ngx_int_t ngx_http_chat_stream(ngx_http_request_t *r,
    ngx_http_chat_ctx_t *ctx, ngx_str_t *body);
static ngx_uint_t ngx_http_chat_line_blank(ngx_str_t *line);
static void ngx_http_chat_batch_cleanup(void *data);
static void ngx_http_chat_run(ngx_http_request_t *r, ngx_http_chat_ctx_t *ctx,
    ngx_chat_caller_t *c, ngx_str_t *body);


ngx_int_t
ngx_http_chat_history_handler(ngx_http_request_t *r, ngx_http_chat_ctx_t *ctx)
{
    ngx_int_t             n;
    ngx_str_t             value;
    ngx_chat_err_e        code;
    ngx_chat_page_t       page;
    ngx_chat_text_t      *t;
    ngx_chat_caller_t     c;
    ngx_chat_room_key_t   key;

    ngx_memzero(&page, sizeof(ngx_chat_page_t));
    ngx_memzero(&c, sizeof(ngx_chat_caller_t));

    c.conf = ctx->conf;
    c.user = &ctx->user;

    if (ngx_http_chat_arg(r, "after", &value) == NGX_OK) {
        page.after.given = 1;
        page.after.broken = ngx_chat_id_parse(&value, &page.after.id)
                            != NGX_OK;
    }

    if (ngx_http_chat_arg(r, "before", &value) == NGX_OK) {
        page.before.given = 1;
        page.before.broken = ngx_chat_id_parse(&value, &page.before.id)
                             != NGX_OK;
    }

    if (ngx_http_chat_arg(r, "thread", &value) == NGX_OK) {
        page.thread.given = 1;

        if (page.after.given
            || ngx_chat_id_parse(&value, &page.thread.id) != NGX_OK)
        {
            return ngx_http_chat_error(r, NGX_CHAT_E_BAD_REQUEST,
                                       "thread must be the id of a message, "
                                       "and is paged by before");
        }
    }

    if (page.after.given && page.before.given) {
        return ngx_http_chat_error(r, NGX_CHAT_E_BAD_REQUEST,
                                   "give before or after, not both");
    }

    if (ngx_http_chat_arg(r, "limit", &value) == NGX_OK) {
        n = ngx_atoi(value.data, value.len);

        if (n == NGX_ERROR || n < 1) {
            return ngx_http_chat_error(r, NGX_CHAT_E_BAD_REQUEST,
                                       "limit must be 1 to 100");
        }

        page.limit = (ngx_uint_t) n;
    }

    key.kind = NGX_CHAT_ROOM_CHAT;
    key.name = ctx->room;

    t = ngx_chat_worker_text();

    ngx_chat_text_lit(t, "{\"type\":\"history\",\"room\":");
    ngx_chat_text_json(t, &ctx->room);
    ngx_chat_text_lit(t, ",");

    ngx_http_chat_wait_caller(ctx, &c);

    code = ngx_chat_dispatch_page(&c, &key, &page, t);

    if (code == NGX_CHAT_E_WAIT) {
        return ngx_http_chat_wait_handler(r, ctx, &c,
                                          ngx_http_chat_history_handler);
    }

    if (code != NGX_CHAT_OK) {
        return ngx_http_chat_refused(r, code, &c);
    }

    ngx_chat_text_lit(t, "}");

    return ngx_http_chat_respond_text(r, NGX_HTTP_OK, "application/json", t);
}


ngx_int_t
ngx_http_chat_post_handler(ngx_http_request_t *r, ngx_http_chat_ctx_t *ctx)
{
    ngx_int_t  rc;

    if (ctx->conf->raw) {
        return ngx_http_chat_error(r, NGX_CHAT_E_BAD_REQUEST,
                                   "name a room in the path");
    }

    if (!ngx_http_chat_type_is(r, "application/json")
        && !ngx_http_chat_type_is(r, "application/x-ndjson"))
    {
        return ngx_http_chat_refuse(r, NGX_HTTP_UNSUPPORTED_MEDIA_TYPE,
                                    NGX_CHAT_E_BAD_REQUEST,
                                    "send Content-Type: application/json or "
                                    "application/x-ndjson");
    }

    if (r->headers_in.content_length_n
        > (off_t) ngx_http_chat_body_max(r, ctx))
    {
        return ngx_http_chat_error(r, NGX_CHAT_E_TOO_LARGE, NULL);
    }

    rc = ngx_http_read_client_request_body(r, ngx_http_chat_body_handler);

    return (rc >= NGX_HTTP_SPECIAL_RESPONSE) ? rc : NGX_DONE;
}


ngx_uint_t
ngx_http_chat_type_is(ngx_http_request_t *r, const char *type)
{
    size_t            len;
    ngx_table_elt_t  *h;

    h = r->headers_in.content_type;
    len = ngx_strlen(type);

    return h != NULL && h->value.len >= len
           && ngx_strncasecmp(h->value.data, (u_char *) type, len) == 0
           && (h->value.len == len || h->value.data[len] == ';'
               || h->value.data[len] == ' ');
}


/* a command, or as many of them as there may be lines */

static size_t
ngx_http_chat_body_max(ngx_http_request_t *r, ngx_http_chat_ctx_t *ctx)
{
    return ngx_http_chat_type_is(r, "application/x-ndjson")
           ? NGX_CHAT_BATCH_MAX * ctx->conf->message_max
           : ctx->conf->message_max;
}


static void
ngx_http_chat_body_handler(ngx_http_request_t *r)
{
    ngx_int_t             rc;
    ngx_str_t             body;
    ngx_http_chat_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_chat_module);

    rc = ngx_http_chat_body(r, ngx_http_chat_body_max(r, ctx), &body);

    if (rc == NGX_DECLINED) {
        rc = ngx_http_chat_error(r, NGX_CHAT_E_TOO_LARGE, NULL);

    } else if (rc == NGX_ABORT) {
        rc = ngx_http_chat_error(r, NGX_CHAT_E_EXPIRED, NULL);

    } else if (rc == NGX_OK
               && ngx_chat_utf8_valid(body.data, body.len) != NGX_OK)
    {
        rc = ngx_http_chat_error(r, NGX_CHAT_E_BAD_REQUEST,
                                 "the body is not UTF-8");

    } else if (rc == NGX_OK) {
        rc = ctx->stream ? ngx_http_chat_stream(r, ctx, &body)
                         : ngx_http_chat_commands(r, ctx, &body);

        if (rc == NGX_DONE || ctx->wait != NULL) {
            /* the stream keeps the request, or the broker answers later */
            return;
        }
    }

    ngx_http_finalize_request(r, rc);
}


ngx_int_t
ngx_http_chat_body(ngx_http_request_t *r, size_t max, ngx_str_t *body)
{
    u_char               *p;
    size_t                size, len;
    ngx_buf_t            *b;
    ngx_chain_t          *cl;
    ngx_http_chat_ctx_t  *ctx;

    ngx_str_null(body);

    ctx = ngx_http_get_module_ctx(r, ngx_chat_module);

    if (ctx->expires != 0 && ngx_time() >= ctx->expires
        && ctx->outcome == NULL)
    {
        /* it came slower than the token's end */
        return NGX_ABORT;
    }

    if (r->request_body == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    size = 0;

    for (cl = r->request_body->bufs; cl; cl = cl->next) {
        size += (size_t) ngx_buf_size(cl->buf);
    }

    if (size > max) {
        return NGX_DECLINED;
    }

    cl = r->request_body->bufs;

    if (cl != NULL && cl->next == NULL && ngx_buf_in_memory(cl->buf)) {
        /* nearly always */
        body->data = cl->buf->pos;
        body->len = size;
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, size + 1);
    if (p == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    body->data = p;
    body->len = size;

    for (cl = r->request_body->bufs; cl; cl = cl->next) {
        b = cl->buf;
        len = (size_t) ngx_buf_size(b);

        if (len == 0) {
            /* the end of a body in chunks: neither in memory nor in a file */
            continue;
        }

        if (ngx_buf_in_memory(b)) {
            p = ngx_cpymem(p, b->pos, len);
            continue;
        }

        if (ngx_read_file(b->file, p, len, b->file_pos) != (ssize_t) len) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        p += len;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_chat_commands(ngx_http_request_t *r, ngx_http_chat_ctx_t *ctx,
    ngx_str_t *body)
{
    ngx_int_t           rc;
    ngx_chat_text_t    *replies;
    ngx_chat_caller_t  *c;

    c = ctx->batch;

    if (c == NULL) {
        c = ngx_http_chat_batch(r, ctx);

        if (c == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    replies = c->replies;

    ngx_http_chat_wait_caller(ctx, c);
    ngx_http_chat_run(r, ctx, c, body);

    ctx->received = c->received;

    if (c->wait != NULL) {
        rc = ngx_http_chat_wait(r, ctx, c, ngx_http_chat_body_handler);
        c->wait = NULL;

        return rc;
    }

    ngx_chat_text_lit(replies, "]");

    return ngx_http_chat_respond_text(r, NGX_HTTP_OK, "application/json",
                                      replies);
}


ngx_chat_caller_t *
ngx_http_chat_batch(ngx_http_request_t *r, ngx_http_chat_ctx_t *ctx)
{
    ngx_chat_text_t     *replies;
    ngx_chat_caller_t   *c;
    ngx_table_elt_t     *h;
    ngx_pool_cleanup_t  *cln;

    c = ngx_pcalloc(r->pool, sizeof(ngx_chat_caller_t));
    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_chat_text_t));

    if (c == NULL || cln == NULL) {
        return NULL;
    }

    replies = cln->data;

    ngx_chat_text_init(replies, NGX_CHAT_REPLIES_MAX, r->connection->log);
    ngx_chat_text_lit(replies, "[");

    cln->handler = ngx_http_chat_batch_cleanup;

    c->conf = ctx->conf;
    c->user = &ctx->user;
    c->pool = r->pool;
    c->replies = replies;

    h = ngx_http_chat_header_in(r, "chat-session");

    if (h != NULL && h->value.len == NGX_CHAT_SESSION_ID_LEN) {
        c->from = h->value.data;
    }

    ctx->batch = c;

    return c;
}


static void
ngx_http_chat_batch_cleanup(void *data)
{
    ngx_chat_text_free(data);
}


/* a stream by fetch: the same commands, their answers are its first objects */

static ngx_int_t
ngx_http_chat_stream(ngx_http_request_t *r, ngx_http_chat_ctx_t *ctx,
    ngx_str_t *body)
{
    ngx_chat_err_e         code;
    ngx_chat_caller_t      c;
    ngx_chat_session_t    *s;
    ngx_http_chat_conn_t  *counted;

    if (ngx_exiting || ngx_chat_bus_seat() == NGX_CHAT_NO_SEAT) {
        return ngx_http_chat_error(r, NGX_CHAT_E_UNAVAILABLE, NULL);
    }

    code = ngx_http_chat_conn_acquire(r, ctx, r->pool, &counted);

    if (code != NGX_CHAT_OK) {
        return ngx_http_chat_error(r, code, NULL);
    }

    s = ngx_http_chat_stream_create(r, ctx, counted);
    if (s == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_memzero(&c, sizeof(ngx_chat_caller_t));

    c.conf = ctx->conf;
    c.session = s;
    c.user = &s->user;
    c.pool = ngx_chat_worker_pool();

    ngx_http_chat_run(r, ctx, &c, body);

    ngx_chat_worker_pool_reset();

    return ngx_http_chat_stream_begin(r, s);
}


static ngx_uint_t
ngx_http_chat_line_blank(ngx_str_t *line)
{
    return line->len == 0 || (line->len == 1 && line->data[0] == CR);
}


/* a JSON text, or one per line */

static void
ngx_http_chat_run(ngx_http_request_t *r, ngx_http_chat_ctx_t *ctx,
    ngx_chat_caller_t *c, ngx_str_t *body)
{
    u_char          *p, *last, *end;
    ngx_str_t        line;
    ngx_uint_t       n;
    ngx_chat_err_t   err;

    ngx_memzero(&err, sizeof(ngx_chat_err_t));

    c->single = ngx_http_chat_type_is(r, "application/x-ndjson");

    last = body->data + body->len;
    n = 0;

    for (p = body->data; p < last; p = end + 1) {
        end = last;

        if (c->single) {
            for (end = p; end < last && *end != LF; end++) { /* void */ }
        }

        line.data = p;
        line.len = (size_t) (end - p);

        if (c->single && ngx_http_chat_line_blank(&line)) {
            continue;
        }

        if (++n <= ctx->line) {
            /* done before it had to wait */
            continue;
        }

        if (n > NGX_CHAT_BATCH_MAX || line.len > c->conf->message_max) {
            err.code = NGX_CHAT_E_TOO_LARGE;
            ngx_chat_dispatch_error(c, NULL, NULL, &err);
            break;
        }

        ngx_chat_dispatch(c, &line);

        if (c->wait != NULL) {
            ctx->line = n - 1;
            return;
        }
    }

    if (n == 0) {
        err.code = NGX_CHAT_E_BAD_REQUEST;
        ngx_chat_dispatch_error(c, NULL, NULL, &err);
    }
}
