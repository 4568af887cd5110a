
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * POST /chat/login: a name and a password, which is checked in a thread.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include <openssl/crypto.h>
#include "ngx_http_chat_limit.h"
#include "ngx_http_chat_login.h"
#include "ngx_chat_proto_member.h"
#include "ngx_chat_utf8.h"
#include "ngx_chat_worker.h"


/* names and passwords, all of them escaped */
#define NGX_HTTP_CHAT_LOGIN_BODY  2048


#if (NGX_THREADS)


static ngx_int_t ngx_http_chat_login_post(ngx_http_request_t *r);
static void ngx_http_chat_login_body(ngx_http_request_t *r);
static void ngx_http_chat_login_wipe(ngx_http_request_t *r, ngx_str_t *body);
static ngx_int_t ngx_http_chat_login_read(ngx_http_request_t *r,
    ngx_str_t *body);
static ngx_int_t ngx_http_chat_login_members(ngx_http_request_t *r,
    ngx_str_t *body, ngx_str_t *user, ngx_str_t *password);
static ngx_int_t ngx_http_chat_login_ask(ngx_http_request_t *r,
    ngx_str_t *user, ngx_str_t *password);
static ngx_int_t ngx_http_chat_login_begin(ngx_http_request_t *r,
    ngx_str_t *user, ngx_str_t *password);
static void ngx_http_chat_login_cleanup(void *data);
static void ngx_http_chat_login_done(void *data, ngx_int_t rc);


ngx_int_t
ngx_http_chat_login_handler(ngx_http_request_t *r,
    ngx_http_chat_loc_conf_t *clcf, ngx_http_chat_ctx_t *ctx)
{
    size_t   len;
    u_char  *p;

    len = clcf->clcf->name.len;

    if (r->uri.len < len) {
        return NGX_DECLINED;
    }

    p = r->uri.data + len;
    len = r->uri.len - len;

    if (len == 5 && ngx_strncmp(p, "login", 5) == 0) {
        ctx->no_token = 1;
        return ngx_http_chat_login_post(r);
    }

    if (len == 6 && ngx_strncmp(p, "logout", 6) == 0) {
        return ngx_http_chat_logout(r);
    }

    return NGX_DECLINED;
}


static ngx_int_t
ngx_http_chat_login_post(ngx_http_request_t *r)
{
    ngx_int_t  rc;

    /* no form of another site can send it */

    if (!ngx_http_chat_type_is(r, "application/json")) {
        return ngx_http_chat_refuse(r, NGX_HTTP_UNSUPPORTED_MEDIA_TYPE,
                                    NGX_CHAT_E_BAD_REQUEST,
                                    "send Content-Type: application/json");
    }

    if (r->headers_in.content_length_n > NGX_HTTP_CHAT_LOGIN_BODY) {
        return ngx_http_chat_error(r, NGX_CHAT_E_TOO_LARGE, NULL);
    }

    r->request_body_in_single_buf = 1;

    rc = ngx_http_read_client_request_body(r, ngx_http_chat_login_body);

    return (rc >= NGX_HTTP_SPECIAL_RESPONSE) ? rc : NGX_DONE;
}


static void
ngx_http_chat_login_body(ngx_http_request_t *r)
{
    ngx_int_t  rc;
    ngx_str_t  body;

    rc = ngx_http_chat_body(r, NGX_HTTP_CHAT_LOGIN_BODY, &body);

    if (rc == NGX_DECLINED) {
        rc = ngx_http_chat_error(r, NGX_CHAT_E_TOO_LARGE, NULL);

    } else if (rc == NGX_OK) {
        rc = ngx_http_chat_login_read(r, &body);
    }

    ngx_http_chat_login_wipe(r, &body);

    if (rc != NGX_DONE) {
        ngx_http_finalize_request(r, rc);
    }
}


static void
ngx_http_chat_login_wipe(ngx_http_request_t *r, ngx_str_t *body)
{
    ngx_chain_t  *cl;

    if (body->len > 0) {
        OPENSSL_cleanse(body->data, body->len);
    }

    if (r->request_body == NULL) {
        return;
    }

    for (cl = r->request_body->bufs; cl; cl = cl->next) {
        if (ngx_buf_in_memory(cl->buf) && cl->buf->last > cl->buf->pos) {
            OPENSSL_cleanse(cl->buf->pos,
                            (size_t) (cl->buf->last - cl->buf->pos));
        }
    }
}


/* NGX_DONE: there is no answer yet */

static ngx_int_t
ngx_http_chat_login_read(ngx_http_request_t *r, ngx_str_t *body)
{
    ngx_int_t  rc;
    ngx_str_t  user, password;

    ngx_str_null(&user);
    ngx_str_null(&password);

    rc = ngx_http_chat_login_members(r, body, &user, &password);

    if (rc == NGX_ERROR) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (rc != NGX_OK
        || user.len == 0 || user.len > NGX_CHAT_USER_MAX
        || password.len == 0 || password.len > NGX_CHAT_PASSWORD_MAX)
    {
        rc = ngx_http_chat_error(r, NGX_CHAT_E_BAD_REQUEST,
                                 "send {\"user\":..., \"password\":...}, "
                                 "strings of 1 to 64 and of 1 to 128 bytes");

    } else {
        rc = ngx_http_chat_login_ask(r, &user, &password);
    }

    if (password.len > 0) {
        OPENSSL_cleanse(password.data, password.len);
    }

    return rc;
}


/*
 * Without jansson, which would leave the password in memory that it has freed.
 * NGX_DECLINED: it is no such object.
 */

static ngx_int_t
ngx_http_chat_login_members(ngx_http_request_t *r, ngx_str_t *body,
    ngx_str_t *user, ngx_str_t *password)
{
    u_char     *pos, *p;
    ngx_int_t   rc;
    ngx_str_t   json, name, value, *str;

    json = *body;
    p = json.data + json.len;

    while (json.len > 0 && (*json.data == ' ' || *json.data == '\t'
                            || *json.data == CR || *json.data == LF))
    {
        json.data++;
        json.len--;
    }

    if (json.len == 0 || json.data == p || json.data[0] != '{'
        || ngx_chat_utf8_valid(json.data, json.len) != NGX_OK
        || ngx_chat_json_depth(&json, 1) > 1
        || ngx_chat_json_valid(&json) != NGX_OK)
    {
        return NGX_DECLINED;
    }

    pos = json.data;

    while (ngx_chat_json_next_member(&json, &pos, &name, &value) == NGX_OK) {

        if (name.len == 4 && ngx_strncmp(name.data, "user", 4) == 0) {
            str = user;

        } else if (name.len == 8
                   && ngx_strncmp(name.data, "password", 8) == 0)
        {
            str = password;

        } else {
            continue;
        }

        if (str->data != NULL) {
            /* twice */
            return NGX_DECLINED;
        }

        rc = ngx_chat_json_decode(r->pool, &value, str);

        if (rc != NGX_OK) {
            return rc;
        }

        if (ngx_strlchr(str->data, str->data + str->len, '\0') != NULL) {
            return NGX_DECLINED;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_chat_login_ask(ngx_http_request_t *r, ngx_str_t *user,
    ngx_str_t *password)
{
    ngx_chat_err_e        code;
    ngx_chat_user_t       subject;
    ngx_chat_caller_t     c;
    ngx_http_chat_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_chat_module);

    ngx_memzero(&c, sizeof(ngx_chat_caller_t));
    ngx_memzero(&subject, sizeof(ngx_chat_user_t));

    /* whoever may be there or not; a name that was typed is in no log: it may
       be a password in the wrong field */

    ngx_http_chat_address(r->connection, &subject);
    subject.id = *user;

    c.conf = ctx->conf;
    c.user = &subject;

    code = ngx_chat_dispatch_charge(&c, NGX_CHAT_RATE_LOGIN, NULL, 1);

    return (code == NGX_CHAT_OK) ? ngx_http_chat_login_begin(r, user, password)
                                 : ngx_http_chat_refused(r, code, &c);
}


static ngx_int_t
ngx_http_chat_login_begin(ngx_http_request_t *r, ngx_str_t *user,
    ngx_str_t *password)
{
    ngx_uint_t                  known;
    ngx_pool_cleanup_t         *cln;
    ngx_http_chat_login_t      *login;
    ngx_chat_passwd_user_t     *line;
    ngx_http_chat_loc_conf_t   *clcf;
    ngx_http_chat_login_job_t  *job;

    clcf = ngx_http_get_module_loc_conf(r, ngx_chat_module);
    login = clcf->login;

    ngx_chat_passwd_refresh(&login->passwd, r->connection->log);

    line = ngx_chat_passwd_find(&login->passwd, user, &known);

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_chat_login_job_t));
    if (cln == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    job = cln->data;
    job->request = r;
    job->check = NULL;

    /* the file may change meanwhile */

    job->user.len = line->name.len;
    job->user.data = ngx_pstrdup(r->pool, &line->name);
    job->roles.len = line->roles.len;
    job->roles.data = ngx_pstrdup(r->pool, &line->roles);

    if (job->user.data == NULL || job->roles.data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    cln->handler = ngx_http_chat_login_cleanup;

    job->check = ngx_chat_login_check(login->pool, password, &line->hash,
                                      known, ngx_http_chat_login_done, job,
                                      ngx_cycle->log);
    if (job->check == NULL) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "chat login refused, too many passwords are being "
                      "checked already");
        return ngx_http_chat_error(r, NGX_CHAT_E_UNAVAILABLE, NULL);
    }

    if (!known) {
        /* not the name of him whose line it is */
        job->user.len = 0;
    }

    r->read_event_handler = ngx_http_test_reading;
    r->write_event_handler = ngx_http_request_empty_handler;

    return NGX_DONE;
}


static void
ngx_http_chat_login_cleanup(void *data)
{
    ngx_http_chat_login_job_t *job = data;

    if (job->check != NULL) {
        ngx_chat_login_leave(job->check);
    }
}


static void
ngx_http_chat_login_done(void *data, ngx_int_t rc)
{
    ngx_http_chat_login_job_t *job = data;

    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = job->request;
    c = r->connection;

    job->check = NULL;

    ngx_http_set_log_request(c->log, r);

    if (rc == NGX_OK) {
        rc = ngx_http_chat_login_answer(r, job);

    } else if (rc == NGX_ERROR) {
        rc = ngx_http_chat_error(r, NGX_CHAT_E_UNAVAILABLE, NULL);

    } else {
        ngx_log_error(NGX_LOG_ERR, c->log, 0,
                      "chat login refused: wrong password%s%V",
                      job->user.len > 0 ? " of " : ", and no such user",
                      &job->user);

        rc = ngx_http_chat_error(r, NGX_CHAT_E_UNAUTHORIZED,
                                 "the name or the password is wrong");
    }

    ngx_http_finalize_request(r, rc);
    ngx_http_run_posted_requests(c);
}


#else


ngx_int_t
ngx_http_chat_login_handler(ngx_http_request_t *r,
    ngx_http_chat_loc_conf_t *clcf, ngx_http_chat_ctx_t *ctx)
{
    return NGX_DECLINED;
}


#endif
