
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * chat_auth_request: who the user is, is asked by a subrequest, as auth_request
 * does it, once for each connection or request.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_http_chat.h"
#include "ngx_http_chat_set.h"
#include "ngx_chat_jwt.h"
#include "ngx_chat_utf8.h"
#include "ngx_chat_worker.h"


/* what has been asked, and the answer */

struct ngx_http_chat_asked_s {
    ngx_http_request_t  *request;      /* the subrequest */
    ngx_uint_t           status;
    ngx_uint_t           failed;
    ngx_uint_t           done;
};


static ngx_int_t ngx_http_chat_auth_ask(ngx_http_request_t *r,
    ngx_http_chat_loc_conf_t *clcf, ngx_http_chat_ctx_t *ctx);
static ngx_int_t ngx_http_chat_auth_done(ngx_http_request_t *r, void *data,
    ngx_int_t rc);
static void ngx_http_chat_auth_resume(ngx_http_request_t *r);
static ngx_int_t ngx_http_chat_auth_answer(ngx_http_request_t *r,
    ngx_http_chat_ctx_t *ctx);
static ngx_int_t ngx_http_chat_auth_json(ngx_http_request_t *r,
    ngx_http_request_t *sr, ngx_str_t *json);
static ngx_int_t ngx_http_chat_auth_headers(ngx_http_request_t *r,
    ngx_http_request_t *sr, ngx_str_t *json);
static ngx_int_t ngx_http_chat_auth_user(ngx_http_request_t *r,
    ngx_http_chat_ctx_t *ctx, ngx_str_t *json, const char **why);
static ngx_int_t ngx_http_chat_auth_expires(ngx_pool_t *pool,
    ngx_str_t *json, time_t *expires);


/* chat_auth_request URI; */

char *
ngx_http_chat_set_auth_request(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_chat_loc_conf_t  *clcf = conf;

    ngx_str_t  *arg;

    if (clcf->auth_uri.data != NULL) {
        return "is duplicate";
    }

    arg = cf->args->elts;

    if (arg[1].len == 0 || arg[1].data[0] != '/') {
        return ngx_http_chat_bad_param(cf, cmd, &arg[1],
                                       "write the URI of a location of this "
                                       "server, \"chat_auth_request /auth;\"");
    }

    clcf->auth_uri = arg[1];

    return NGX_CONF_OK;
}


ngx_int_t
ngx_http_chat_identify_request(ngx_http_request_t *r,
    ngx_http_chat_loc_conf_t *clcf, ngx_http_chat_ctx_t *ctx)
{
    ngx_int_t  rc;

    if (ctx->asked != NULL) {
        return ngx_http_chat_auth_answer(r, ctx);
    }

    rc = ngx_http_chat_ticket_identify(r, clcf, ctx);

    if (rc != NGX_HTTP_CHAT_NO_TICKET) {
        return rc;
    }

    return (ngx_http_chat_auth_ask(r, clcf, ctx) == NGX_OK) ? NGX_AGAIN
                                                             : NGX_ERROR;
}


static ngx_int_t
ngx_http_chat_auth_ask(ngx_http_request_t *r, ngx_http_chat_loc_conf_t *clcf,
    ngx_http_chat_ctx_t *ctx)
{
    ngx_http_request_t          *sr;
    ngx_http_post_subrequest_t  *ps;

    ctx->asked = ngx_pcalloc(r->pool, sizeof(ngx_http_chat_asked_t));
    ps = ngx_palloc(r->pool, sizeof(ngx_http_post_subrequest_t));

    if (ctx->asked == NULL || ps == NULL) {
        return NGX_ERROR;
    }

    ps->handler = ngx_http_chat_auth_done;
    ps->data = ctx->asked;

    if (ngx_http_subrequest(r, &clcf->auth_uri, NULL, &sr, ps,
                            NGX_HTTP_SUBREQUEST_WAITED
                            |NGX_HTTP_SUBREQUEST_IN_MEMORY)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* the body is ours to read, later */

    sr->request_body = ngx_pcalloc(r->pool, sizeof(ngx_http_request_body_t));
    if (sr->request_body == NULL) {
        return NGX_ERROR;
    }

    ctx->asked->request = sr;

    return NGX_OK;
}


/*
 * Twice, if nginx makes a response of its own: the last one counts.  One that
 * failed must not end the client's request with it, unless nginx has given up
 * the connection, as it does when the answer is too large for its buffer.
 */

static ngx_int_t
ngx_http_chat_auth_done(ngx_http_request_t *r, void *data, ngx_int_t rc)
{
    ngx_http_chat_asked_t *asked = data;

    asked->done = 1;
    asked->failed = (rc == NGX_ERROR);
    asked->status = r->headers_out.status;

    return (rc == NGX_ERROR && !r->connection->error) ? NGX_OK : rc;
}


ngx_int_t
ngx_http_chat_auth_wait(ngx_http_request_t *r, ngx_http_chat_ctx_t *ctx,
    ngx_http_chat_content_pt again)
{
    ctx->handler = again;

    r->write_event_handler = ngx_http_chat_auth_resume;
    r->main->count++;

    return NGX_DONE;
}


static void
ngx_http_chat_auth_resume(ngx_http_request_t *r)
{
    ngx_http_chat_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_chat_module);

    if (!ctx->asked->done) {
        /* the socket is writable, which is of no interest yet */
        return;
    }

    r->write_event_handler = ngx_http_request_empty_handler;

    ngx_http_finalize_request(r, ctx->handler(r, ctx));
}


static ngx_int_t
ngx_http_chat_auth_answer(ngx_http_request_t *r, ngx_http_chat_ctx_t *ctx)
{
    ngx_int_t               rc;
    ngx_str_t               json;
    const char             *why;
    ngx_http_chat_asked_t  *asked;

    asked = ctx->asked;

    if (!asked->failed && asked->status == NGX_HTTP_UNAUTHORIZED) {
        return NGX_DECLINED;
    }

    if (!asked->failed && asked->status == NGX_HTTP_FORBIDDEN) {
        return NGX_BUSY;
    }

    if (asked->failed || asked->status < NGX_HTTP_OK
        || asked->status >= NGX_HTTP_SPECIAL_RESPONSE)
    {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "\"chat_auth_request\" was answered %ui, and not 2xx, "
                      "401 or 403", asked->status);
        return NGX_DONE;
    }

    why = "it is no JSON object";

    rc = ngx_http_chat_auth_json(r, asked->request, &json);

    if (rc == NGX_OK) {
        rc = ngx_http_chat_auth_user(r, ctx, &json, &why);
    }

    if (rc == NGX_DECLINED && why != NULL) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "what \"chat_auth_request\" was answered names no user: "
                      "%s", why);
    }

    if (rc != NGX_OK) {
        ngx_memzero(&ctx->user, sizeof(ngx_chat_user_t));
        ctx->expires = 0;
    }

    return rc;
}


/* the body, if it is JSON; else an object of the same form from headers */

static ngx_int_t
ngx_http_chat_auth_json(ngx_http_request_t *r, ngx_http_request_t *sr,
    ngx_str_t *json)
{
    ngx_buf_t  *b;
    ngx_str_t  *type;

    type = &sr->headers_out.content_type;

    if (sr->out == NULL || type->len < 16
        || ngx_strncasecmp(type->data, (u_char *) "application/json", 16)
           != 0)
    {
        return ngx_http_chat_auth_headers(r, sr, json);
    }

    b = sr->out->buf;

    if (!ngx_buf_in_memory(b)) {
        /* a static file is no answer */
        return NGX_DECLINED;
    }

    json->data = b->pos;
    json->len = (size_t) (b->last - b->pos);

    return ngx_chat_jwt_object(json);
}


static ngx_int_t
ngx_http_chat_auth_headers(ngx_http_request_t *r, ngx_http_request_t *sr,
    ngx_str_t *json)
{
    ngx_uint_t        i;
    ngx_chat_text_t  *t;
    ngx_table_elt_t  *h;

    static const char  *names[] = {
        "user", "name", "roles", "rooms", "expires"
    };

    static const char  *headers[] = {
        "x-chat-user", "x-chat-name", "x-chat-roles", "x-chat-rooms",
        "x-chat-expires"
    };

    t = ngx_chat_worker_text();

    ngx_chat_text_lit(t, "{\"from\":\"headers\"");

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        h = ngx_http_chat_header_line(&sr->headers_out.headers, headers[i], 0);

        if (h == NULL
            || ngx_chat_utf8_valid(h->value.data, h->value.len) != NGX_OK)
        {
            continue;
        }

        ngx_chat_text_lit(t, ",\"");
        ngx_chat_text_add(t, names[i], ngx_strlen(names[i]));
        ngx_chat_text_lit(t, "\":");
        ngx_chat_text_json(t, &h->value);
    }

    ngx_chat_text_lit(t, "}");

    if (t->failed) {
        return NGX_ERROR;
    }

    json->len = ngx_chat_text_len(t);
    json->data = ngx_pnalloc(r->pool, json->len);

    if (json->data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(json->data, t->start, json->len);

    return ngx_chat_jwt_object(json);
}


/* also what RFC 7662 answers: "active", "sub", "exp" */

static ngx_int_t
ngx_http_chat_auth_user(ngx_http_request_t *r, ngx_http_chat_ctx_t *ctx,
    ngx_str_t *json, const char **why)
{
    ngx_int_t             rc;
    ngx_str_t             value;
    ngx_chat_jwt_t        jwt;
    ngx_chat_jwt_rules_t  rules;

    static ngx_str_t  active = ngx_string("active");

    ngx_memzero(&jwt, sizeof(ngx_chat_jwt_t));
    ngx_memzero(&rules, sizeof(ngx_chat_jwt_rules_t));

    jwt.claims = *json;

    ngx_str_set(&rules.user, "user");
    ngx_str_set(&rules.name, "name");
    ngx_str_set(&rules.roles, "roles");
    ngx_str_set(&rules.rooms, "rooms");

    rc = ngx_chat_jwt_member(r->pool, json, &active, &value);

    if (rc == NGX_OK
        && (value.len != 4 || ngx_strncmp(value.data, "true", 4) != 0))
    {
        /* nobody's fault, and nothing for the log */
        *why = NULL;
        return NGX_DECLINED;
    }

    if (rc != NGX_ERROR) {
        rc = ngx_chat_jwt_member(r->pool, json, &rules.user, &value);
    }

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc == NGX_DECLINED) {
        ngx_str_set(&rules.user, "sub");
    }

    rc = ngx_chat_jwt_user(&jwt, &rules, r->pool, &ctx->user, why);

    if (rc != NGX_OK) {
        return rc;
    }

    *why = "\"expires\" is no time";

    rc = ngx_http_chat_auth_expires(r->pool, json, &ctx->expires);

    if (rc == NGX_OK && ctx->expires != 0 && ngx_time() >= ctx->expires) {
        return NGX_ABORT;
    }

    ctx->user.claims = *json;

    return rc;
}


/* Unix time, as a number or a string; none: the session has no end */

static ngx_int_t
ngx_http_chat_auth_expires(ngx_pool_t *pool, ngx_str_t *json,
    time_t *expires)
{
    time_t      t;
    ngx_int_t   rc;
    ngx_str_t   value;
    ngx_uint_t  i;

    static ngx_str_t  names[] = {
        ngx_string("expires"), ngx_string("exp")
    };

    *expires = 0;

    for (i = 0; i < 2; i++) {
        rc = ngx_chat_jwt_member(pool, json, &names[i], &value);

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (rc == NGX_OK) {
            break;
        }
    }

    if (i == 2) {
        return NGX_OK;
    }

    if (value.len > 2 && value.data[0] == '"') {
        value.data++;
        value.len -= 2;
    }

    t = ngx_atotm(value.data, value.len);

    if (t == NGX_ERROR || t == 0 || (int64_t) t > NGX_CHAT_JWT_TIME_MAX) {
        return NGX_DECLINED;
    }

    *expires = t;

    return NGX_OK;
}
