
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Who sends a request: PROTOCOL, section 9.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_http_chat.h"
#include "ngx_chat_name.h"
#include "ngx_chat_token.h"


static ngx_int_t ngx_http_chat_identify_token(ngx_http_request_t *r,
    ngx_http_chat_loc_conf_t *clcf, ngx_http_chat_ctx_t *ctx);
static ngx_int_t ngx_http_chat_identify_guest(ngx_http_request_t *r,
    ngx_http_chat_loc_conf_t *clcf, ngx_http_chat_ctx_t *ctx,
    ngx_str_t *token);
static ngx_int_t ngx_http_chat_identify_user(ngx_http_request_t *r,
    ngx_http_chat_loc_conf_t *clcf, ngx_http_chat_ctx_t *ctx);


ngx_int_t
ngx_http_chat_identify(ngx_http_request_t *r, ngx_http_chat_loc_conf_t *clcf,
    ngx_http_chat_ctx_t *ctx)
{
    ngx_str_t  token;

    if (clcf->chat.auth != NULL) {
        return ngx_http_chat_identify_token(r, clcf, ctx);
    }

    if (clcf->auth_uri.len > 0) {
        return ngx_http_chat_identify_request(r, clcf, ctx);
    }

    if (!clcf->guest) {
        return ngx_http_chat_identify_user(r, clcf, ctx);
    }

    return ngx_http_chat_identify_guest(r, clcf, ctx,
                                        ngx_http_chat_bearer(r, &token)
                                        == NGX_OK ? &token : NULL);
}


/*
 * Who comes with a token is whom it names or nobody; guests are only those who
 * have none, or a guest's.
 */

static ngx_int_t
ngx_http_chat_identify_token(ngx_http_request_t *r,
    ngx_http_chat_loc_conf_t *clcf, ngx_http_chat_ctx_t *ctx)
{
    ngx_int_t  rc;
    ngx_str_t  token;

    if (ngx_http_chat_bearer(r, &token) != NGX_OK) {

        rc = ngx_http_chat_ticket_identify(r, clcf, ctx);

        if (rc != NGX_HTTP_CHAT_NO_TICKET) {
            return rc;
        }

        if (ngx_http_chat_cookie(r, &clcf->jwt.cookie, &token) != NGX_OK) {
            ctx->no_token = 1;

            return clcf->guest
                   ? ngx_http_chat_identify_guest(r, clcf, ctx, NULL)
                   : NGX_DECLINED;
        }
    }

    if (clcf->guest && ngx_chat_guest_token_like(&token)) {
        return ngx_http_chat_identify_guest(r, clcf, ctx, &token);
    }

    rc = ngx_chat_auth_token(clcf->chat.auth, &token, r->pool,
                             r->connection->log, ctx->waited, &ctx->user,
                             &ctx->expires);

    if (rc != NGX_OK) {
        ngx_memzero(&ctx->user, sizeof(ngx_chat_user_t));
        ctx->expires = 0;
    }

    return rc;
}


/*
 * A token that a client sends is either right or an error; a cookie that has
 * outlived the server's secret is nobody's fault and makes a new guest.
 */

static ngx_int_t
ngx_http_chat_identify_guest(ngx_http_request_t *r,
    ngx_http_chat_loc_conf_t *clcf, ngx_http_chat_ctx_t *ctx,
    ngx_str_t *token)
{
    uint64_t          until;
    ngx_int_t         rc;
    ngx_str_t         cookie;
    ngx_chat_conf_t  *conf;

    static ngx_str_t  name = ngx_string("cookie___Host-chat_guest");

    conf = &clcf->chat;

    ctx->user.id.data = ctx->guest_id;
    ctx->user.id.len = NGX_CHAT_GUEST_ID_LEN;
    ctx->user.guest = 1;

    if (token != NULL) {
        rc = ngx_chat_guest_check(conf->secrets, conf->zone, token,
                                  ctx->guest_id, &ctx->user.issued,
                                  r->connection->log);
        if (rc != NGX_OK) {
            ctx->user.id.len = 0;
        }

        return rc;
    }

    if (ngx_http_chat_cookie(r, &name, &cookie) == NGX_OK
        && ngx_chat_guest_check(conf->secrets, conf->zone, &cookie,
                                ctx->guest_id, &ctx->user.issued,
                                r->connection->log)
           == NGX_OK)
    {
        if (ngx_chat_standing_admit(conf->zone, &ctx->user, &until)
            != NGX_CHAT_E_UNAUTHORIZED)
        {
            return NGX_OK;
        }

        /* one that was revoked is as good as none */

        ctx->user.issued = 0;
    }

    ctx->new_guest = 1;

    return ngx_chat_guest_id(ctx->guest_id);
}


static ngx_int_t
ngx_http_chat_identify_user(ngx_http_request_t *r,
    ngx_http_chat_loc_conf_t *clcf, ngx_http_chat_ctx_t *ctx)
{
    if (ngx_http_complex_value(r, clcf->user, &ctx->user.id) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ctx->user.id.len == 0) {
        return NGX_DECLINED;
    }

    if (ngx_chat_user_id_valid(&ctx->user.id, 0) != NGX_OK) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "the value of \"chat_user\" can't be a user's id: 1-64 "
                      "bytes of UTF-8 without spaces and / \\ ? # %% , * { } "
                      "\" < >, not beginning with ~ . $ @");
        ctx->user.id.len = 0;
        return NGX_DECLINED;
    }

    if (clcf->user_name == NULL) {
        return NGX_OK;
    }

    if (ngx_http_complex_value(r, clcf->user_name, &ctx->user.name)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* it is tidied in place, and a constant is the configuration's own */

    ctx->user.name.data = ngx_pstrdup(r->pool, &ctx->user.name);
    if (ctx->user.name.data == NULL) {
        return NGX_ERROR;
    }

    if (ctx->user.name.len > 0
        && ngx_chat_display_name(&ctx->user.name) != NGX_OK)
    {
        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "the name of \"chat_user\" can't be shown, the id is");
        ctx->user.name.len = 0;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_chat_bearer(ngx_http_request_t *r, ngx_str_t *token)
{
    ngx_str_t               word;
    ngx_table_elt_t        *h;
    ngx_http_chat_words_t   words;

    h = ngx_http_chat_header_in(r, "authorization");

    if (h != NULL && h->value.len > 7
        && ngx_strncasecmp(h->value.data, (u_char *) "bearer ", 7) == 0)
    {
        token->data = h->value.data + 7;
        token->len = h->value.len - 7;
        return NGX_OK;
    }

    /* a browser can put it only beside the name of the protocol */

    ngx_memzero(&words, sizeof(ngx_http_chat_words_t));

    while (ngx_http_chat_header_word(r, "sec-websocket-protocol", &words,
                                     &word)
           == NGX_OK)
    {
        if (word.len >= 7 && ngx_strncmp(word.data, "bearer.", 7) == 0) {
            token->data = word.data + 7;
            token->len = word.len - 7;
            return NGX_OK;
        }
    }

    return NGX_DECLINED;
}


ngx_int_t
ngx_http_chat_cookie(ngx_http_request_t *r, ngx_str_t *variable,
    ngx_str_t *token)
{
    ngx_uint_t                  key;
    ngx_http_variable_value_t  *v;

    if (variable->len == 0) {
        return NGX_DECLINED;
    }

    /* through the variable: nginx 1.23 changed the functions below it */

    key = ngx_hash_key(variable->data, variable->len);

    v = ngx_http_get_variable(r, variable, key);

    if (v == NULL || v->not_found || v->len == 0) {
        return NGX_DECLINED;
    }

    token->data = v->data;
    token->len = v->len;

    return NGX_OK;
}


/* __Host- needs Secure, so there is none without TLS */

ngx_int_t
ngx_http_chat_guest_cookie(ngx_http_request_t *r, ngx_http_chat_ctx_t *ctx)
{
    u_char     *p, *last, token[NGX_CHAT_GUEST_TOKEN_MAX];
    ngx_str_t   value;

#if (NGX_HTTP_SSL)
    if (r->connection->ssl == NULL) {
        return NGX_OK;
    }
#else
    return NGX_OK;
#endif

    if (!ctx->new_guest) {
        return NGX_OK;
    }

    last = ngx_chat_guest_sign(ctx->conf->secrets, ctx->conf->zone, token,
                               ctx->guest_id, r->connection->log);
    if (last == NULL) {
        return NGX_ERROR;
    }

    p = ngx_pnalloc(r->pool, NGX_CHAT_GUEST_TOKEN_MAX + 128);
    if (p == NULL) {
        return NGX_ERROR;
    }

    value.data = p;
    p = ngx_sprintf(p, "__Host-chat_guest=%*s; Path=/; Max-Age=%d; Secure; "
                    "HttpOnly; SameSite=Lax",
                    (size_t) (last - token), token, NGX_CHAT_GUEST_TTL);
    value.len = (size_t) (p - value.data);

    return ngx_http_chat_add_header(r, "Set-Cookie", &value);
}
