
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * The server API: POST to a command's name, with its members as a JSON object.
 * The command goes to the dispatcher, in the name of the key, and what it
 * answers is the response.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_http_chat.h"
#include "ngx_http_chat_limit.h"
#include "ngx_chat_scope.h"
#include "ngx_chat_utf8.h"


/* rooms of one publish */
#define NGX_HTTP_CHAT_API_ROOMS  100

/* the id that the command has, since what has none is not answered */
#define NGX_HTTP_CHAT_API_ID     ",\"reply_to\":0"


typedef struct {
    ngx_str_t        path;           /* behind the location */
    ngx_str_t        command;        /* len 0: a list of any */
    ngx_chat_cmd_e   type;
    unsigned         publishes:1;    /* takes an Idempotency-Key */
} ngx_http_chat_endpoint_t;


static ngx_int_t ngx_http_chat_server_who(ngx_http_request_t *r,
    ngx_http_chat_loc_conf_t *clcf, ngx_http_chat_ctx_t *ctx);
static ngx_int_t ngx_http_chat_server_method(ngx_http_request_t *r);
static ngx_http_chat_endpoint_t *ngx_http_chat_server_endpoint(
    ngx_http_request_t *r, ngx_http_chat_loc_conf_t *clcf);
static ngx_int_t ngx_http_chat_server_read(ngx_http_request_t *r,
    ngx_http_chat_ctx_t *ctx);
static void ngx_http_chat_server_body(ngx_http_request_t *r);
static ngx_int_t ngx_http_chat_server_run(ngx_http_request_t *r,
    ngx_http_chat_ctx_t *ctx, ngx_str_t *body);
static ngx_int_t ngx_http_chat_server_one(ngx_http_request_t *r,
    ngx_http_chat_ctx_t *ctx, ngx_str_t *begin, ngx_str_t *body);
static ngx_int_t ngx_http_chat_server_many(ngx_http_request_t *r,
    ngx_http_chat_ctx_t *ctx, ngx_str_t *begin, ngx_str_t *rooms,
    ngx_str_t *body);
static ngx_int_t ngx_http_chat_server_wait(ngx_http_request_t *r,
    ngx_http_chat_ctx_t *ctx, ngx_chat_caller_t *c);
static ngx_chat_caller_t *ngx_http_chat_server_caller(ngx_http_request_t *r,
    ngx_http_chat_ctx_t *ctx, const char *begin);
static ngx_int_t ngx_http_chat_server_begin(ngx_http_request_t *r,
    ngx_http_chat_endpoint_t *e, ngx_str_t *begin);
static u_char *ngx_http_chat_server_members(u_char *p, ngx_str_t *body);
static void ngx_http_chat_server_unnumber(ngx_chat_text_t *t, size_t at);
static ngx_int_t ngx_http_chat_server_answer(ngx_http_request_t *r,
    ngx_chat_text_t *t);


static ngx_http_chat_endpoint_t  ngx_http_chat_endpoints[] = {
    { ngx_string("publish"), ngx_string("message"), NGX_CHAT_CMD_MESSAGE, 1 },
    { ngx_string("edit"), ngx_string("edit"), NGX_CHAT_CMD_EDIT, 1 },
    { ngx_string("delete"), ngx_string("delete"), NGX_CHAT_CMD_DELETE, 1 },
    { ngx_string("react"), ngx_string("react"), NGX_CHAT_CMD_REACT, 1 },
    { ngx_string("signal"), ngx_string("signal"), NGX_CHAT_CMD_SIGNAL, 0 },
    { ngx_string("history"), ngx_string("history"), NGX_CHAT_CMD_HISTORY, 0 },
    { ngx_string("members"), ngx_string("members"), NGX_CHAT_CMD_MEMBERS, 0 },
    { ngx_string("room"), ngx_string("room"), NGX_CHAT_CMD_ROOM, 0 },
    { ngx_string("rooms"), ngx_string("rooms"), NGX_CHAT_CMD_ROOMS, 0 },
    { ngx_string("invite"), ngx_string("invite"), NGX_CHAT_CMD_INVITE, 0 },
    { ngx_string("uninvite"), ngx_string("uninvite"), NGX_CHAT_CMD_UNINVITE,
      0 },
    { ngx_string("disconnect"), ngx_string("disconnect"),
      NGX_CHAT_CMD_DISCONNECT, 0 },
    { ngx_string("export"), ngx_string("export"), NGX_CHAT_CMD_EXPORT, 0 },
    { ngx_string("erase"), ngx_string("erase"), NGX_CHAT_CMD_ERASE, 0 },
    { ngx_string("kick"), ngx_string("kick"), NGX_CHAT_CMD_KICK, 0 },
    { ngx_string("ban"), ngx_string("ban"), NGX_CHAT_CMD_BAN, 0 },
    { ngx_string("unban"), ngx_string("unban"), NGX_CHAT_CMD_UNBAN, 0 },
    { ngx_string("mute"), ngx_string("mute"), NGX_CHAT_CMD_MUTE, 0 },
    { ngx_string("unmute"), ngx_string("unmute"), NGX_CHAT_CMD_UNMUTE, 0 },
    { ngx_string("role"), ngx_string("role"), NGX_CHAT_CMD_ROLE, 0 },
    { ngx_string("revoke"), ngx_string("revoke"), NGX_CHAT_CMD_REVOKE, 0 },
    { ngx_string("batch"), ngx_null_string, NGX_CHAT_CMD_PING, 0 },
    { ngx_null_string, ngx_null_string, NGX_CHAT_CMD_NONE, 0 }
};


ngx_int_t
ngx_http_chat_server_handler(ngx_http_request_t *r)
{
    ngx_int_t                  rc;
    ngx_str_t                  none;
    ngx_chat_err_e             code;
    ngx_http_chat_ctx_t       *ctx;
    ngx_http_chat_endpoint_t  *e;
    ngx_http_chat_loc_conf_t  *clcf;

    static ngx_str_t  api = ngx_string("api");

    clcf = ngx_http_get_module_loc_conf(r, ngx_chat_module);

    if (r != r->main) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "chat_api can't be a subrequest, as \"%V\" is", &r->uri);
        return NGX_HTTP_FORBIDDEN;
    }

    ctx = ngx_pcalloc(r->pool, sizeof(ngx_http_chat_ctx_t));
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->conf = &clcf->chat;
    ctx->transport = api;

    ngx_http_set_ctx(r, ctx, ngx_chat_module);

    r->disable_not_modified = 1;

    if (ngx_http_chat_header_in(r, "origin") != NULL) {
        return ngx_http_chat_error(r, NGX_CHAT_E_FORBIDDEN,
                                   "this is for servers, not for pages");
    }

    rc = ngx_http_chat_server_who(r, clcf, ctx);

    if (rc == NGX_ERROR) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (rc != NGX_OK) {
        return ngx_http_chat_error(r, NGX_CHAT_E_UNAUTHORIZED,
                                   "send Authorization: Bearer KEY");
    }

    e = ngx_http_chat_server_endpoint(r, clcf);

    if (e == NULL) {
        return ngx_http_chat_error(r, NGX_CHAT_E_NOT_FOUND,
                                   "the path has the name of no command");
    }

    if (r->method != NGX_HTTP_POST) {
        return ngx_http_chat_server_method(r);
    }

    ngx_str_null(&none);

    code = ngx_chat_scope_may(&ctx->user, e->type, &none);

    if (code != NGX_CHAT_OK) {
        return ngx_http_chat_error(r, code, "the key has no scope for this");
    }

    if (e->command.len > 0) {
        return ngx_http_chat_server_read(r, ctx);
    }

    if (ngx_http_chat_header_in(r, "idempotency-key") != NULL) {
        return ngx_http_chat_error(r, NGX_CHAT_E_BAD_REQUEST,
                                   "give each command of a batch a nonce");
    }

    return ngx_http_chat_post_handler(r, ctx);
}


/* by the header alone: what is in a URL is in logs */

static ngx_int_t
ngx_http_chat_server_who(ngx_http_request_t *r,
    ngx_http_chat_loc_conf_t *clcf, ngx_http_chat_ctx_t *ctx)
{
    ngx_int_t         rc;
    ngx_str_t         key;
    ngx_table_elt_t  *h;

    if (clcf->api->nelts == 0) {
        ngx_chat_apikey_none(&ctx->user);
        ngx_http_chat_address(r->connection, &ctx->user);
        return NGX_OK;
    }

    h = ngx_http_chat_header_in(r, "authorization");

    if (h == NULL || h->value.len <= 7
        || ngx_strncasecmp(h->value.data, (u_char *) "bearer ", 7) != 0)
    {
        ctx->no_token = 1;
        return NGX_DECLINED;
    }

    key.data = h->value.data + 7;
    key.len = h->value.len - 7;

    rc = ngx_chat_apikey_find(clcf->api, &key, r->pool, r->connection->log,
                              &ctx->user);

    if (rc == NGX_OK) {
        ngx_http_chat_address(r->connection, &ctx->user);
    }

    return rc;
}


static ngx_int_t
ngx_http_chat_server_method(ngx_http_request_t *r)
{
    ngx_str_t  allow;

    ngx_str_set(&allow, "POST");

    if (ngx_http_chat_add_header(r, "Allow", &allow) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_chat_refuse(r, NGX_HTTP_NOT_ALLOWED,
                                NGX_CHAT_E_BAD_REQUEST, "use POST");
}


static ngx_http_chat_endpoint_t *
ngx_http_chat_server_endpoint(ngx_http_request_t *r,
    ngx_http_chat_loc_conf_t *clcf)
{
    size_t                     len;
    ngx_str_t                  path;
    ngx_http_chat_endpoint_t  *e;

    len = clcf->clcf->name.len;

    if (r->uri.len <= len) {
        return NULL;
    }

    path.data = r->uri.data + len;
    path.len = r->uri.len - len;

    for (e = ngx_http_chat_endpoints; e->path.len > 0; e++) {
        if (e->path.len == path.len
            && ngx_memcmp(e->path.data, path.data, path.len) == 0)
        {
            return e;
        }
    }

    return NULL;
}


static ngx_int_t
ngx_http_chat_server_read(ngx_http_request_t *r, ngx_http_chat_ctx_t *ctx)
{
    ngx_int_t  rc;

    if (!ngx_http_chat_type_is(r, "application/json")) {
        return ngx_http_chat_refuse(r, NGX_HTTP_UNSUPPORTED_MEDIA_TYPE,
                                    NGX_CHAT_E_BAD_REQUEST,
                                    "send Content-Type: application/json");
    }

    if (r->headers_in.content_length_n > (off_t) ctx->conf->message_max) {
        return ngx_http_chat_error(r, NGX_CHAT_E_TOO_LARGE, NULL);
    }

    rc = ngx_http_read_client_request_body(r, ngx_http_chat_server_body);

    return (rc >= NGX_HTTP_SPECIAL_RESPONSE) ? rc : NGX_DONE;
}


static void
ngx_http_chat_server_body(ngx_http_request_t *r)
{
    ngx_int_t             rc;
    ngx_str_t             body;
    ngx_http_chat_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_chat_module);

    rc = ngx_http_chat_body(r, ctx->conf->message_max, &body);

    if (rc == NGX_DECLINED) {
        rc = ngx_http_chat_error(r, NGX_CHAT_E_TOO_LARGE, NULL);

    } else if (rc == NGX_OK) {
        rc = ngx_http_chat_server_run(r, ctx, &body);

        if (ctx->wait != NULL) {
            /* the broker answers later */
            return;
        }
    }

    ngx_http_finalize_request(r, rc);
}


/*
 * The object of the body becomes a command by what is put before its members;
 * "type" and "id" in it are there twice then, and refused.
 */

static ngx_int_t
ngx_http_chat_server_run(ngx_http_request_t *r, ngx_http_chat_ctx_t *ctx,
    ngx_str_t *body)
{
    ngx_str_t                  json, begin, rooms;
    ngx_http_chat_endpoint_t  *e;

    static ngx_str_t  name = ngx_string("rooms");

    e = ngx_http_chat_server_endpoint(r,
                        ngx_http_get_module_loc_conf(r, ngx_chat_module));

    if (e == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    json = *body;

    while (json.len > 0 && (json.data[0] == ' ' || json.data[0] == '\t'
                            || json.data[0] == CR || json.data[0] == LF))
    {
        json.data++;
        json.len--;
    }

    if (json.len == 0 || json.data[0] != '{'
        || ngx_chat_utf8_valid(json.data, json.len) != NGX_OK
        || ngx_chat_json_valid(&json) != NGX_OK)
    {
        return ngx_http_chat_error(r, NGX_CHAT_E_BAD_REQUEST,
                                   "the body is no JSON object");
    }

    switch (ngx_http_chat_server_begin(r, e, &begin)) {

    case NGX_OK:
        break;

    case NGX_DECLINED:
        return ngx_http_chat_error(r, NGX_CHAT_E_BAD_REQUEST,
                                   "Idempotency-Key must be 8 to 64 bytes");

    default:
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (e->type == NGX_CHAT_CMD_MESSAGE
        && ngx_chat_json_member(&json, &name, &rooms) == NGX_OK)
    {
        return ngx_http_chat_server_many(r, ctx, &begin, &rooms, &json);
    }

    return ngx_http_chat_server_one(r, ctx, &begin, &json);
}


static ngx_int_t
ngx_http_chat_server_one(ngx_http_request_t *r, ngx_http_chat_ctx_t *ctx,
    ngx_str_t *begin, ngx_str_t *body)
{
    u_char             *p;
    ngx_str_t           text;
    ngx_chat_err_t      err;
    ngx_chat_caller_t  *c;

    c = ngx_http_chat_server_caller(r, ctx, "");

    text.data = ngx_pnalloc(r->pool, begin->len + 1 + body->len);

    if (c == NULL || text.data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    p = ngx_cpymem(text.data, begin->data, begin->len);
    p = ngx_http_chat_server_members(p, body);
    text.len = (size_t) (p - text.data);

    err.code = NGX_CHAT_OK;
    c->err = &err;

    ngx_chat_dispatch(c, &text);

    ctx->received = c->received;

    if (c->wait != NULL) {
        return ngx_http_chat_server_wait(r, ctx, c);
    }

    if (err.code != NGX_CHAT_OK) {
        return ngx_http_chat_problem(r, 0, &err);
    }

    ngx_http_chat_server_unnumber(c->replies, 0);

    return ngx_http_chat_server_answer(r, c->replies);
}


/* one answer for each room; those before ctx->line have theirs */

static ngx_int_t
ngx_http_chat_server_many(ngx_http_request_t *r, ngx_http_chat_ctx_t *ctx,
    ngx_str_t *begin, ngx_str_t *rooms, ngx_str_t *body)
{
    size_t              at;
    u_char             *p, *pos;
    ngx_str_t           text, room;
    ngx_uint_t          n;
    ngx_chat_caller_t  *c;

    n = 0;
    pos = rooms->data;

    while (rooms->data[0] == '['
           && ngx_chat_json_element(rooms, &pos, &room) == NGX_OK)
    {
        n++;
    }

    if (n == 0 || n > NGX_HTTP_CHAT_API_ROOMS) {
        return ngx_http_chat_error(r, NGX_CHAT_E_BAD_REQUEST,
                                   "rooms must be an array of 1 to 100 names");
    }

    c = ngx_http_chat_server_caller(r, ctx,
                                    "{\"type\":\"published\",\"results\":[");

    /* a room is a part of the body */

    text.data = ngx_pnalloc(r->pool, begin->len + sizeof("\"room\":,")
                                     + 2 * body->len);

    if (c == NULL || text.data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    c->err = NULL;
    pos = rooms->data;

    for (n = 0; ngx_chat_json_element(rooms, &pos, &room) == NGX_OK; n++) {

        if (n < ctx->line) {
            continue;
        }

        p = ngx_cpymem(text.data, begin->data, begin->len);
        p = ngx_cpymem(p, ",\"room\":", sizeof(",\"room\":") - 1);
        p = ngx_cpymem(p, room.data, room.len);
        p = ngx_http_chat_server_members(p, body);
        text.len = (size_t) (p - text.data);

        at = ngx_chat_text_len(c->replies) + (c->nreplies > 0);

        ngx_chat_dispatch(c, &text);

        ctx->received = c->received;

        if (c->wait != NULL) {
            ctx->line = n;

            return ngx_http_chat_server_wait(r, ctx, c);
        }

        ngx_http_chat_server_unnumber(c->replies, at);
    }

    ngx_chat_text_lit(c->replies, "]}");

    return ngx_http_chat_server_answer(r, c->replies);
}


static ngx_int_t
ngx_http_chat_server_wait(ngx_http_request_t *r, ngx_http_chat_ctx_t *ctx,
    ngx_chat_caller_t *c)
{
    ngx_int_t  rc;

    rc = ngx_http_chat_wait(r, ctx, c, ngx_http_chat_server_body);
    c->wait = NULL;

    return (rc == NGX_OK) ? NGX_DONE : NGX_HTTP_INTERNAL_SERVER_ERROR;
}


/* the one of this request, with the outcome that it has waited for */

static ngx_chat_caller_t *
ngx_http_chat_server_caller(ngx_http_request_t *r, ngx_http_chat_ctx_t *ctx,
    const char *begin)
{
    ngx_chat_caller_t  *c;

    c = ctx->batch;

    if (c == NULL) {
        c = ngx_http_chat_batch(r, ctx);

        if (c == NULL) {
            return NULL;
        }

        c->single = 1;

        ngx_chat_text_reset(c->replies);
        ngx_chat_text_add(c->replies, begin, ngx_strlen(begin));
    }

    ngx_http_chat_wait_caller(ctx, c);

    return c;
}


/* the first members of the command; NGX_DECLINED: the nonce is none */

static ngx_int_t
ngx_http_chat_server_begin(ngx_http_request_t *r, ngx_http_chat_endpoint_t *e,
    ngx_str_t *begin)
{
    u_char     *p;
    ngx_str_t   nonce;

    ngx_str_null(&nonce);

    if (e->publishes && ngx_http_chat_idempotency_key(r, &nonce) != NGX_OK) {
        return NGX_DECLINED;
    }

    p = ngx_pnalloc(r->pool, sizeof("{\"type\":\"\",\"id\":0,\"nonce\":")
                             + e->command.len
                             + ngx_chat_json_string_len(&nonce));
    if (p == NULL) {
        return NGX_ERROR;
    }

    begin->data = p;
    p = ngx_sprintf(p, "{\"type\":\"%V\",\"id\":0", &e->command);

    if (nonce.len > 0) {
        p = ngx_cpymem(p, ",\"nonce\":", sizeof(",\"nonce\":") - 1);
        p = ngx_chat_json_string(p, &nonce);
    }

    begin->len = (size_t) (p - begin->data);

    return NGX_OK;
}


/* the body from behind its brace on, which it has */

static u_char *
ngx_http_chat_server_members(u_char *p, ngx_str_t *body)
{
    size_t  i;

    for (i = 1; body->data[i] <= ' '; i++) { /* void */ }

    if (body->data[i] != '}') {
        *p++ = ',';
    }

    return ngx_cpymem(p, body->data + i, body->len - i);
}


/* the object that begins there, without the number of its command */

static void
ngx_http_chat_server_unnumber(ngx_chat_text_t *t, size_t at)
{
    u_char  *p;
    size_t   len;

    len = sizeof("{\"type\":\"") - 1;

    if (t->failed || ngx_chat_text_len(t) < at + len) {
        return;
    }

    p = ngx_strlchr(t->start + at + len, t->pos, '"');
    len = sizeof(NGX_HTTP_CHAT_API_ID) - 1;

    if (p == NULL || (size_t) (t->pos - ++p) < len
        || ngx_memcmp(p, NGX_HTTP_CHAT_API_ID, len) != 0)
    {
        return;
    }

    ngx_memmove(p, p + len, (size_t) (t->pos - p) - len);
    t->pos -= len;
}


static ngx_int_t
ngx_http_chat_server_answer(ngx_http_request_t *r, ngx_chat_text_t *t)
{
    return (ngx_chat_text_len(t) > 0)
           ? ngx_http_chat_respond_text(r, NGX_HTTP_OK, "application/json", t)
           : NGX_HTTP_INTERNAL_SERVER_ERROR;
}
