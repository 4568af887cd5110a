
/*
 * Copyright (C) the ngx_chat_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_http_chat.h"
#include "ngx_chat_worker.h"


static ngx_int_t ngx_http_chat_add_static(ngx_http_request_t *r,
    const char *name, const char *value);
static ngx_int_t ngx_http_chat_add_retry(ngx_http_request_t *r,
    ngx_uint_t ms);
static ngx_int_t ngx_http_chat_add_challenge(ngx_http_request_t *r,
    ngx_http_chat_loc_conf_t *clcf, ngx_chat_err_t *err);
static ngx_int_t ngx_http_chat_respond_as(ngx_http_request_t *r,
    ngx_uint_t status, const char *type, ngx_str_t *body, ngx_uint_t stream);


ngx_int_t
ngx_http_chat_add_header(ngx_http_request_t *r, const char *name,
    ngx_str_t *value)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    h->hash = 1;
    h->key.data = (u_char *) name;
    h->key.len = ngx_strlen(name);
    h->value = *value;
    h->lowcase_key = NULL;

    /* nginx 1.23.0 links headers; the only test for a version in the tree */

#if (nginx_version >= 1023000)
    h->next = NULL;
#endif

    return NGX_OK;
}


static ngx_int_t
ngx_http_chat_add_static(ngx_http_request_t *r, const char *name,
    const char *value)
{
    ngx_str_t  text;

    text.data = (u_char *) value;
    text.len = ngx_strlen(value);

    return ngx_http_chat_add_header(r, name, &text);
}


ngx_int_t
ngx_http_chat_add_upgrade(ngx_http_request_t *r)
{
    if (r->http_version > NGX_HTTP_VERSION_11) {
        /* a header of a connection makes the response malformed there */
        return NGX_OK;
    }

    return ngx_http_chat_add_static(r, "Upgrade", "websocket");
}


ngx_int_t
ngx_http_chat_add_common(ngx_http_request_t *r, ngx_uint_t stream)
{
    ngx_http_chat_loc_conf_t  *clcf;

    clcf = ngx_http_get_module_loc_conf(r, ngx_chat_module);

    if (ngx_http_chat_add_static(r, "Cache-Control",
                                 stream ? "no-store, no-transform"
                                        : "no-store")
        != NGX_OK
        || ngx_http_chat_add_static(r, "Vary", "Origin, Accept") != NGX_OK
        || ngx_http_chat_add_static(r, "X-Content-Type-Options", "nosniff")
           != NGX_OK
        || ngx_http_chat_cors(r, clcf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (stream
        && ngx_http_chat_add_static(r, "X-Accel-Buffering", "no") != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* what clients have published must stay inert if a browser opens it */

    if (clcf->chat.raw && !stream
        && ngx_http_chat_add_static(r, "Content-Security-Policy", "sandbox")
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_chat_respond(ngx_http_request_t *r, ngx_uint_t status,
    const char *type, ngx_str_t *body)
{
    return ngx_http_chat_respond_as(r, status, type, body, 0);
}


ngx_int_t
ngx_http_chat_respond_text(ngx_http_request_t *r, ngx_uint_t status,
    const char *type, ngx_chat_text_t *t)
{
    ngx_str_t  body;

    if (t->failed) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    body.data = t->start;
    body.len = ngx_chat_text_len(t);

    return ngx_http_chat_respond(r, status, type, &body);
}


ngx_int_t
ngx_http_chat_respond_stream(ngx_http_request_t *r, ngx_str_t *body)
{
    return ngx_http_chat_respond_as(r, NGX_HTTP_OK, "text/event-stream", body,
                                    1);
}


static ngx_int_t
ngx_http_chat_respond_as(ngx_http_request_t *r, ngx_uint_t status,
    const char *type, ngx_str_t *body, ngx_uint_t stream)
{
    ngx_int_t     rc;
    ngx_buf_t    *b;
    ngx_chain_t   out;

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    r->headers_out.status = status;
    r->headers_out.content_length_n = (off_t) body->len;

    r->headers_out.content_type.data = (u_char *) type;
    r->headers_out.content_type.len = ngx_strlen(type);
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_type_lowcase = NULL;

    if (ngx_http_chat_add_common(r, stream) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (body->len == 0) {
        r->header_only = 1;
    }

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only || body->len == 0) {
        return rc;
    }

    b = ngx_create_temp_buf(r->pool, body->len);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->last = ngx_cpymem(b->last, body->data, body->len);
    b->last_buf = (r == r->main) ? 1 : 0;
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}


ngx_int_t
ngx_http_chat_error(ngx_http_request_t *r, ngx_chat_err_e code,
    const char *detail)
{
    return ngx_http_chat_refuse(r, 0, code, detail);
}


ngx_int_t
ngx_http_chat_refuse(ngx_http_request_t *r, ngx_uint_t status,
    ngx_chat_err_e code, const char *detail)
{
    ngx_chat_err_t        err;
    ngx_http_chat_ctx_t  *ctx;

    ngx_memzero(&err, sizeof(ngx_chat_err_t));

    err.code = code;
    err.message = detail;

    ctx = ngx_http_get_module_ctx(r, ngx_chat_module);

    if (ctx != NULL && code == NGX_CHAT_E_RATE_LIMITED) {
        err.retry_after_ms = ctx->retry_after_ms;
    }

    if (ctx != NULL && code == NGX_CHAT_E_BANNED) {
        err.until = ctx->until;
    }

    return ngx_http_chat_problem(r, status, &err);
}


ngx_int_t
ngx_http_chat_gone(ngx_http_request_t *r)
{
    ngx_str_t  empty;

    ngx_str_null(&empty);

    return ngx_http_chat_respond(r, NGX_HTTP_NO_CONTENT, "", &empty);
}


/* by the dispatcher, which may know when to try again */

ngx_int_t
ngx_http_chat_refused(ngx_http_request_t *r, ngx_chat_err_e code,
    ngx_chat_caller_t *c)
{
    ngx_chat_err_t  err;

    ngx_memzero(&err, sizeof(ngx_chat_err_t));

    err.code = code;

    ngx_chat_dispatch_when(c, &err);

    return ngx_http_chat_problem(r, 0, &err);
}


static ngx_int_t
ngx_http_chat_add_retry(ngx_http_request_t *r, ngx_uint_t ms)
{
    u_char     *p;
    ngx_str_t   value;

    p = ngx_pnalloc(r->pool, NGX_INT_T_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    value.data = p;
    value.len = (size_t) (ngx_sprintf(p, "%ui", (ms + 999) / 1000) - p);

    return ngx_http_chat_add_header(r, "Retry-After", &value);
}


/*
 * RFC 6750, section 3: who has sent no token is told of no error.  Where users
 * come by other means we don't know by which.
 */

static ngx_int_t
ngx_http_chat_add_challenge(ngx_http_request_t *r,
    ngx_http_chat_loc_conf_t *clcf, ngx_chat_err_t *err)
{
    const char           *value;
    ngx_http_chat_ctx_t  *ctx;

    if (clcf->chat.auth == NULL && !clcf->guest && clcf->api == NULL) {
        return NGX_OK;
    }

    ctx = ngx_http_get_module_ctx(r, ngx_chat_module);

    if (ctx != NULL && ctx->no_token) {
        value = "Bearer realm=\"chat\"";

    } else if (err->code == NGX_CHAT_E_EXPIRED) {
        value = "Bearer realm=\"chat\", error=\"invalid_token\", "
                "error_description=\"The token has expired\"";

    } else {
        value = "Bearer realm=\"chat\", error=\"invalid_token\"";
    }

    return ngx_http_chat_add_static(r, "WWW-Authenticate", value);
}


ngx_int_t
ngx_http_chat_problem(ngx_http_request_t *r, ngx_uint_t status,
    ngx_chat_err_t *err)
{
    ngx_str_t                  body;
    ngx_chat_text_t           *t;
    ngx_http_chat_loc_conf_t  *clcf;

    clcf = ngx_http_get_module_loc_conf(r, ngx_chat_module);

    if (status == 0) {
        status = ngx_chat_err_info(err->code)->status;
    }

    ngx_chat_worker_metric(clcf->chat.zone, NGX_CHAT_M_ERRORS, 1);

    if (status == NGX_HTTP_UNAUTHORIZED
        && ngx_http_chat_add_challenge(r, clcf, err) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (err->retry_after_ms > 0
        && ngx_http_chat_add_retry(r, err->retry_after_ms) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (clcf->chat.raw) {
        ngx_str_null(&body);
        return ngx_http_chat_respond(r, status, "text/plain; charset=utf-8",
                                     &body);
    }

    t = ngx_chat_worker_text();

    ngx_chat_enc_problem(t, err, status);

    if (t->failed) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    body.data = t->start;
    body.len = ngx_chat_text_len(t);

    return ngx_http_chat_respond(r, status, "application/problem+json",
                                 &body);
}
