
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * What chat_login answers: a token, as JSON and as a cookie; and POST
 * /chat/logout, after which it is good for nothing.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_http_chat_login.h"
#include "ngx_chat_control.h"
#include "ngx_chat_standing.h"
#include "ngx_chat_state.h"
#include "ngx_chat_token.h"
#include "ngx_chat_worker.h"


#define NGX_HTTP_CHAT_JTI_BYTES   16
#define NGX_HTTP_CHAT_JTI_LEN     22


#if (NGX_THREADS)


static ngx_int_t ngx_http_chat_login_token(ngx_http_request_t *r,
    ngx_http_chat_login_job_t *job, ngx_str_t *token);
static ngx_int_t ngx_http_chat_login_claims(ngx_http_request_t *r,
    ngx_http_chat_login_job_t *job, ngx_str_t *claims);
static void ngx_http_chat_login_first(ngx_chat_text_t *t, const char *name,
    ngx_array_t *values);
static void ngx_http_chat_login_roles(ngx_chat_text_t *t, ngx_str_t *name,
    ngx_str_t *roles);
static ngx_int_t ngx_http_chat_login_cookie(ngx_http_request_t *r,
    ngx_str_t *token, time_t age);
static ngx_chat_err_e ngx_http_chat_logout_token(ngx_http_request_t *r,
    ngx_str_t *token);


ngx_int_t
ngx_http_chat_login_answer(ngx_http_request_t *r,
    ngx_http_chat_login_job_t *job)
{
    ngx_str_t                  token;
    ngx_chat_text_t           *t;
    ngx_http_chat_ctx_t       *ctx;
    ngx_http_chat_loc_conf_t  *clcf;

    clcf = ngx_http_get_module_loc_conf(r, ngx_chat_module);
    ctx = ngx_http_get_module_ctx(r, ngx_chat_module);

    ctx->user.id = job->user;

    if (ngx_http_chat_login_token(r, job, &token) != NGX_OK
        || ngx_http_chat_login_cookie(r, &token, clcf->login->expires)
           != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    t = ngx_chat_worker_text();

    ngx_chat_text_lit(t, "{\"type\":\"login\",\"user\":{\"id\":");
    ngx_chat_text_json(t, &job->user);
    ngx_chat_text_lit(t, "},\"token\":\"");
    ngx_chat_text_str(t, &token);
    ngx_chat_text_lit(t, "\",\"expires_in_ms\":");
    ngx_chat_text_num(t, (int64_t) clcf->login->expires * 1000);
    ngx_chat_text_lit(t, "}");

    return ngx_http_chat_respond_text(r, NGX_HTTP_OK, "application/json", t);
}


static ngx_int_t
ngx_http_chat_login_token(ngx_http_request_t *r,
    ngx_http_chat_login_job_t *job, ngx_str_t *token)
{
    ngx_str_t                  claims;
    ngx_uint_t                 alg;
    ngx_chat_jwt_key_t        *key;
    ngx_http_chat_loc_conf_t  *clcf;

    clcf = ngx_http_get_module_loc_conf(r, ngx_chat_module);

    if (ngx_http_chat_login_claims(r, job, &claims) != NGX_OK) {
        return NGX_ERROR;
    }

    key = ngx_chat_auth_signer(clcf->chat.auth, r->connection->log, &alg);

    if (key == NULL) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "\"chat_login\" has no secret to sign a token with: the "
                      "file of \"chat_jwt_key\" has other keys now");
        return NGX_ERROR;
    }

    return ngx_chat_jwt_sign(key, alg, &claims, r->pool, token);
}


static ngx_int_t
ngx_http_chat_login_claims(ngx_http_request_t *r,
    ngx_http_chat_login_job_t *job, ngx_str_t *claims)
{
    u_char                     bytes[NGX_HTTP_CHAT_JTI_BYTES];
    u_char                     jti[NGX_HTTP_CHAT_JTI_LEN + 2];
    ngx_str_t                  src, dst;
    ngx_chat_text_t           *t;
    ngx_chat_jwt_rules_t      *rules;
    ngx_http_chat_loc_conf_t  *clcf;

    clcf = ngx_http_get_module_loc_conf(r, ngx_chat_module);
    rules = &clcf->chat.auth->rules;

    if (ngx_chat_random(bytes, sizeof(bytes)) != NGX_OK) {
        return NGX_ERROR;
    }

    src.data = bytes;
    src.len = sizeof(bytes);
    dst.data = jti;

    ngx_encode_base64url(&dst, &src);

    t = ngx_chat_worker_text();

    ngx_chat_text_lit(t, "{");
    ngx_http_chat_login_first(t, "iss", rules->iss);
    ngx_http_chat_login_first(t, "aud", rules->aud);
    ngx_chat_text_json(t, &rules->user);
    ngx_chat_text_lit(t, ":");
    ngx_chat_text_json(t, &job->user);
    ngx_http_chat_login_roles(t, &rules->roles, &job->roles);
    ngx_chat_text_lit(t, ",\"jti\":");
    ngx_chat_text_json(t, &dst);
    ngx_chat_text_lit(t, ",\"iat\":");
    ngx_chat_text_num(t, (int64_t) ngx_time());
    ngx_chat_text_lit(t, ",\"exp\":");
    ngx_chat_text_num(t, (int64_t) (ngx_time() + clcf->login->expires));
    ngx_chat_text_lit(t, "}");

    if (t->failed) {
        return NGX_ERROR;
    }

    claims->len = ngx_chat_text_len(t);
    claims->data = ngx_pnalloc(r->pool, claims->len);

    if (claims->data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(claims->data, t->start, claims->len);

    return NGX_OK;
}


/* the location takes any of these */

static void
ngx_http_chat_login_first(ngx_chat_text_t *t, const char *name,
    ngx_array_t *values)
{
    if (values == NULL) {
        return;
    }

    ngx_chat_text_lit(t, "\"");
    ngx_chat_text_add(t, name, ngx_strlen(name));
    ngx_chat_text_lit(t, "\":");
    ngx_chat_text_json(t, values->elts);
    ngx_chat_text_lit(t, ",");
}


static void
ngx_http_chat_login_roles(ngx_chat_text_t *t, ngx_str_t *name,
    ngx_str_t *roles)
{
    u_char     *p, *comma, *last;
    ngx_str_t   role;

    if (roles->len == 0) {
        return;
    }

    ngx_chat_text_lit(t, ",");
    ngx_chat_text_json(t, name);
    ngx_chat_text_lit(t, ":[");

    last = roles->data + roles->len;

    for (p = roles->data; /* void */ ; p = comma + 1) {
        comma = ngx_strlchr(p, last, ',');

        role.data = p;
        role.len = (size_t) ((comma != NULL ? comma : last) - p);

        ngx_chat_text_json(t, &role);

        if (comma == NULL) {
            break;
        }

        ngx_chat_text_lit(t, ",");
    }

    ngx_chat_text_lit(t, "]");
}


/* also without TLS, which may end in front of us; a browser that doesn't see
   https: drops it */

static ngx_int_t
ngx_http_chat_login_cookie(ngx_http_request_t *r, ngx_str_t *token,
    time_t age)
{
    size_t                     len;
    u_char                    *p;
    ngx_str_t                  name, value;
    ngx_http_chat_loc_conf_t  *clcf;

    clcf = ngx_http_get_module_loc_conf(r, ngx_chat_module);

    name = clcf->jwt.cookie;
    name.data += sizeof("cookie_") - 1;
    name.len -= sizeof("cookie_") - 1;

    len = name.len + token->len + NGX_TIME_T_LEN
          + sizeof("=; Path=/; Max-Age=; Secure; HttpOnly; SameSite=Strict");

    p = ngx_pnalloc(r->pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    value.data = p;
    p = ngx_sprintf(p, "%V=%V; Path=/; Max-Age=%T; Secure; HttpOnly; "
                    "SameSite=Strict", &name, token, age);
    value.len = (size_t) (p - value.data);

    return ngx_http_chat_add_header(r, "Set-Cookie", &value);
}


ngx_int_t
ngx_http_chat_logout(ngx_http_request_t *r)
{
    ngx_str_t                  token, empty;
    ngx_chat_err_e             code, other;
    ngx_http_chat_loc_conf_t  *clcf;

    clcf = ngx_http_get_module_loc_conf(r, ngx_chat_module);

    ngx_str_null(&empty);
    code = NGX_CHAT_OK;

    if (ngx_http_chat_bearer(r, &token) == NGX_OK) {
        code = ngx_http_chat_logout_token(r, &token);
    }

    if (ngx_http_chat_cookie(r, &clcf->jwt.cookie, &token) == NGX_OK) {
        other = ngx_http_chat_logout_token(r, &token);
        code = (code == NGX_CHAT_OK) ? other : code;
    }

    if (ngx_http_chat_login_cookie(r, &empty, 0) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return (code == NGX_CHAT_OK)
           ? ngx_http_chat_respond(r, NGX_HTTP_NO_CONTENT, "", &empty)
           : ngx_http_chat_error(r, code, NULL);
}


/* one that is good for nothing needs nothing; as "revoke" does it */

static ngx_chat_err_e
ngx_http_chat_logout_token(ngx_http_request_t *r, ngx_str_t *token)
{
    u_char                     value[128];
    time_t                     expires;
    ngx_int_t                  rc;
    ngx_str_t                  everywhere;
    ngx_chat_row_t             row;
    ngx_chat_user_t            user;
    ngx_http_chat_loc_conf_t  *clcf;

    clcf = ngx_http_get_module_loc_conf(r, ngx_chat_module);

    rc = ngx_chat_auth_token(clcf->chat.auth, token, r->pool,
                             r->connection->log, 1, &user, &expires);

    if (rc != NGX_OK || user.jti.len == 0
        || user.jti.len > NGX_CHAT_JTI_MAX)
    {
        return (rc == NGX_ERROR) ? NGX_CHAT_E_INTERNAL : NGX_CHAT_OK;
    }

    ngx_str_null(&everywhere);

    if (ngx_chat_standing_row(&row, NGX_CHAT_KIND_HORIZON, &everywhere, 'j',
                              &user.jti)
        != NGX_OK)
    {
        return NGX_CHAT_E_INTERNAL;
    }

    row.expires = (uint64_t) expires;
    row.value.data = value;
    row.value.len = (size_t) (ngx_sprintf(value, "{\"by\":\"%V\",\"at\":%uL}",
                                          &user.id, ngx_chat_worker_now())
                              - value);

    rc = ngx_chat_table_set(clcf->chat.zone, &row, (uint64_t) ngx_time());

    if (rc != NGX_OK) {
        return (rc == NGX_BUSY) ? NGX_CHAT_E_FULL
               : (rc == NGX_AGAIN) ? NGX_CHAT_E_UNAVAILABLE
                                   : NGX_CHAT_E_INTERNAL;
    }

    ngx_chat_control_changed();

    ngx_chat_state_flush(clcf->chat.zone, (uint64_t) ngx_time(),
                         ngx_cycle->log);

    return NGX_CHAT_OK;
}


#endif
