
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * From a request to its handler: PROTOCOL, section 6.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_http_chat.h"
#include "ngx_http_chat_limit.h"
#include "ngx_chat_name.h"


#define ngx_http_chat_between_words(ch)                                       \
    ((ch) == ' ' || (ch) == '\t' || (ch) == ',')


/* what the request asks for, by method and headers */

typedef struct {
    unsigned  upgrade:1;          /* WebSocket */
    unsigned  broken_upgrade:1;   /* a proxy has dropped the Upgrade header */
    unsigned  stream:1;           /* Accept: text/event-stream */
} ngx_http_chat_wish_t;


static void ngx_http_chat_wish(ngx_http_request_t *r,
    ngx_http_chat_wish_t *wish);
static ngx_int_t ngx_http_chat_route(ngx_http_request_t *r,
    ngx_http_chat_ctx_t *ctx);
static ngx_int_t ngx_http_chat_nobody(ngx_http_request_t *r,
    ngx_http_chat_ctx_t *ctx, ngx_http_chat_wish_t *wish,
    ngx_int_t identified);
static ngx_int_t ngx_http_chat_who(ngx_http_request_t *r,
    ngx_http_chat_loc_conf_t *clcf, ngx_http_chat_ctx_t *ctx);
static ngx_int_t ngx_http_chat_admit(ngx_http_chat_ctx_t *ctx);
static ngx_int_t ngx_http_chat_room(ngx_http_request_t *r,
    ngx_http_chat_loc_conf_t *clcf, ngx_http_chat_ctx_t *ctx);
static ngx_int_t ngx_http_chat_route_get(ngx_http_request_t *r,
    ngx_http_chat_ctx_t *ctx);
static ngx_int_t ngx_http_chat_post_guest(ngx_http_request_t *r,
    ngx_http_chat_ctx_t *ctx);
static ngx_int_t ngx_http_chat_method(ngx_http_request_t *r);
static ngx_int_t ngx_http_chat_lost_upgrade(ngx_http_request_t *r);


ngx_int_t
ngx_http_chat_handler(ngx_http_request_t *r)
{
    ngx_int_t                  rc;
    ngx_http_chat_ctx_t       *ctx;
    ngx_http_chat_wish_t       wish;
    ngx_http_chat_loc_conf_t  *clcf;

    static ngx_str_t  http = ngx_string("http");

    clcf = ngx_http_get_module_loc_conf(r, ngx_chat_module);

    if (r != r->main) {
        /* the connection isn't its own: it can't be upgraded */
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "chat can't be a subrequest (of \"mirror\", "
                      "\"auth_request\", SSI ...), as \"%V\" is", &r->uri);
        return NGX_HTTP_FORBIDDEN;
    }

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD|NGX_HTTP_POST))) {
        return ngx_http_chat_method(r);
    }

    ctx = ngx_pcalloc(r->pool, sizeof(ngx_http_chat_ctx_t));
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->conf = &clcf->chat;
    ctx->transport = http;

    ngx_http_set_ctx(r, ctx, ngx_chat_module);

    /*
     * Nothing here has a validator.  A precondition that can't hold would have
     * a message published and then answered 412, and a stream replaced by it.
     */

    r->disable_not_modified = 1;

    ngx_http_chat_wish(r, &wish);

    if ((wish.upgrade || wish.stream || r->method == NGX_HTTP_POST)
        && ngx_http_chat_origin_allowed(r, clcf) != NGX_OK)
    {
        return ngx_http_chat_error(r, NGX_CHAT_E_FORBIDDEN,
                                   "this origin is not allowed, the server's "
                                   "error log names the cure");
    }

    if (wish.broken_upgrade) {
        return ngx_http_chat_lost_upgrade(r);
    }

    if (r->method == NGX_HTTP_POST && clcf->login != NULL) {
        rc = ngx_http_chat_login_handler(r, clcf, ctx);

        if (rc != NGX_DECLINED) {
            return rc;
        }
    }

    return ngx_http_chat_route(r, ctx);
}


/* again, if it wasn't known at first who the user is */

static ngx_int_t
ngx_http_chat_route(ngx_http_request_t *r, ngx_http_chat_ctx_t *ctx)
{
    ngx_int_t                  rc, identified;
    ngx_http_chat_wish_t       wish;
    ngx_http_chat_loc_conf_t  *clcf;

    clcf = ngx_http_get_module_loc_conf(r, ngx_chat_module);

    ngx_http_chat_wish(r, &wish);

    ctx->may_ticket = wish.upgrade
                      || (wish.stream && r->method == NGX_HTTP_GET);

    identified = ngx_http_chat_who(r, clcf, ctx);

    if (identified == NGX_AGAIN) {
        return (ctx->asked != NULL)
               ? ngx_http_chat_auth_wait(r, ctx, ngx_http_chat_route)
               : ngx_http_chat_wait_identity(r, ctx, ngx_http_chat_route);
    }

    if (identified == NGX_ERROR) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (identified == NGX_DONE) {
        return (wish.stream && r->method == NGX_HTTP_GET)
               ? ngx_http_chat_sse_refuse(r, NGX_CHAT_E_UNAVAILABLE, NULL)
               : ngx_http_chat_error(r, NGX_CHAT_E_UNAVAILABLE, NULL);
    }

    rc = ngx_http_chat_room(r, clcf, ctx);

    if (wish.upgrade) {
        /* what a page must understand is said after the handshake */
        return ngx_http_chat_ws_handler(r, ctx, identified);
    }

    if (identified != NGX_OK) {
        return ngx_http_chat_nobody(r, ctx, &wish, identified);
    }

    if (rc != NGX_OK) {
        return ngx_http_chat_error(r, NGX_CHAT_E_BAD_REQUEST,
                                   "this is not the name of a room");
    }

    if (r->method == NGX_HTTP_POST) {
        ctx->stream = wish.stream;

        if (ngx_http_chat_is_ticket(clcf, ctx)) {
            return ngx_http_chat_ticket_handler(r, ctx);
        }

        if (!wish.stream) {
            rc = ngx_http_chat_post_guest(r, ctx);

            if (rc != NGX_DECLINED) {
                return rc;
            }
        }

        return (ctx->room.len == 0) ? ngx_http_chat_post_handler(r, ctx)
                                    : ngx_http_chat_publish_handler(r, ctx);
    }

    if (wish.stream && r->method == NGX_HTTP_GET && !ctx->members) {
        return ngx_http_chat_sse_handler(r, ctx);
    }

    return ngx_http_chat_route_get(r, ctx);
}


/* what is said to who isn't known, or may not connect */

static ngx_int_t
ngx_http_chat_nobody(ngx_http_request_t *r, ngx_http_chat_ctx_t *ctx,
    ngx_http_chat_wish_t *wish, ngx_int_t identified)
{
    if (identified == NGX_BUSY) {

        if (wish->stream && ctx->refused == NGX_CHAT_E_BANNED) {
            return ngx_http_chat_gone(r);
        }

        return ngx_http_chat_error(r, ctx->refused, NULL);
    }

    return ngx_http_chat_error(r,
                               identified == NGX_ABORT
                                   ? NGX_CHAT_E_EXPIRED
                                   : NGX_CHAT_E_UNAUTHORIZED, NULL);
}


/* as ngx_http_chat_identify(); NGX_BUSY: known, and may not connect */

static ngx_int_t
ngx_http_chat_who(ngx_http_request_t *r, ngx_http_chat_loc_conf_t *clcf,
    ngx_http_chat_ctx_t *ctx)
{
    ngx_int_t  rc;

    rc = ngx_http_chat_identify(r, clcf, ctx);

    if (rc == NGX_ERROR || rc == NGX_AGAIN || rc == NGX_DONE) {
        return rc;
    }

    if (rc == NGX_BUSY) {
        /* whoever was asked says so */
        ctx->refused = NGX_CHAT_E_FORBIDDEN;
        return NGX_BUSY;
    }

    ngx_http_chat_address(r->connection, &ctx->user);

    if (rc != NGX_OK || ctx->user.id.len == 0) {
        /* nobody yet: what the token allows that comes later is asked then */
        return rc;
    }

    rc = ngx_http_chat_roles(r, clcf, ctx);

    if (rc == NGX_DECLINED) {
        ctx->refused = NGX_CHAT_E_FORBIDDEN;
        return NGX_BUSY;
    }

    return (rc == NGX_OK) ? ngx_http_chat_admit(ctx) : rc;
}


/* bans, and tokens that have been revoked */

static ngx_int_t
ngx_http_chat_admit(ngx_http_chat_ctx_t *ctx)
{
    uint64_t  until;

    ctx->refused = ngx_chat_standing_admit(ctx->conf->zone, &ctx->user,
                                           &until);
    switch (ctx->refused) {

    case NGX_CHAT_OK:
        return NGX_OK;

    case NGX_CHAT_E_BANNED:
        ctx->until = (until != NGX_CHAT_FOREVER) ? until : 0;
        return NGX_BUSY;

    case NGX_CHAT_E_UNAUTHORIZED:
        return NGX_DECLINED;

    default:
        return NGX_ERROR;
    }
}


/* who publishes without a token is new, and can stay who he became;
   NGX_DECLINED: go on */

static ngx_int_t
ngx_http_chat_post_guest(ngx_http_request_t *r, ngx_http_chat_ctx_t *ctx)
{
    ngx_chat_err_e  code;

    code = ngx_http_chat_guest_charge(ctx);

    if (code != NGX_CHAT_OK) {
        return ngx_http_chat_error(r, code, NULL);
    }

    return (ngx_http_chat_guest_cookie(r, ctx) == NGX_OK)
           ? NGX_DECLINED : NGX_HTTP_INTERNAL_SERVER_ERROR;
}


static ngx_int_t
ngx_http_chat_method(ngx_http_request_t *r)
{
    ngx_str_t  empty, allow;

    ngx_str_null(&empty);
    ngx_str_set(&allow, "GET, HEAD, POST");

    if (ngx_http_chat_add_header(r, "Allow", &allow) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (r->method == NGX_HTTP_OPTIONS) {
        return ngx_http_chat_respond(r, NGX_HTTP_NO_CONTENT, "", &empty);
    }

    return ngx_http_chat_refuse(r, NGX_HTTP_NOT_ALLOWED,
                                NGX_CHAT_E_BAD_REQUEST,
                                "use GET, HEAD or POST");
}


static ngx_int_t
ngx_http_chat_lost_upgrade(ngx_http_request_t *r)
{
    ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                  "a WebSocket handshake came without \"Upgrade\": a "
                  "proxy in front must set \"proxy_http_version 1.1; "
                  "proxy_set_header Upgrade $http_upgrade; "
                  "proxy_set_header Connection upgrade;\"");

    if (ngx_http_chat_add_upgrade(r) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_chat_refuse(r, 426, NGX_CHAT_E_BAD_REQUEST,
                                "the Upgrade header was lost on the way");
}


static void
ngx_http_chat_wish(ngx_http_request_t *r, ngx_http_chat_wish_t *wish)
{
    ngx_table_elt_t  *h;

    ngx_memzero(wish, sizeof(ngx_http_chat_wish_t));

    if (r->method == NGX_HTTP_GET) {
        h = ngx_http_chat_header_in(r, "upgrade");

        if (h != NULL && h->value.len == 9
            && ngx_strncasecmp(h->value.data, (u_char *) "websocket", 9) == 0)
        {
            wish->upgrade = 1;
            return;
        }

        if (ngx_http_chat_header_in(r, "sec-websocket-key") != NULL) {
            wish->broken_upgrade = 1;
            return;
        }
    }

    h = ngx_http_chat_header_in(r, "accept");

    if (h != NULL
        && ngx_strlcasestrn(h->value.data, h->value.data + h->value.len,
                            (u_char *) "text/event-stream",
                            sizeof("text/event-stream") - 2)
           != NULL)
    {
        wish->stream = 1;
    }
}


/*
 * The room of the URL: chat_room's value or what follows the location's prefix;
 * none of it is the base.  NGX_DECLINED: it can't be a room's name.
 */

static ngx_int_t
ngx_http_chat_room(ngx_http_request_t *r, ngx_http_chat_loc_conf_t *clcf,
    ngx_http_chat_ctx_t *ctx)
{
    size_t  len;

    if (clcf->room != NULL) {

        if (ngx_http_complex_value(r, clcf->room, &ctx->room) != NGX_OK) {
            return NGX_ERROR;
        }

    } else {
        len = clcf->clcf->name.len;

        if (r->uri.len < len) {
            /* rewritten by something between the location and us */
            return NGX_DECLINED;
        }

        ctx->room.data = r->uri.data + len;
        ctx->room.len = r->uri.len - len;
    }

    if (ctx->room.len == 0) {
        return NGX_OK;
    }

    /* a room's name has no "/" in it */

    len = sizeof("/members") - 1;

    if (clcf->room == NULL && !ctx->conf->raw && ctx->room.len > len
        && r->method != NGX_HTTP_POST
        && ngx_http_chat_header_in(r, "upgrade") == NULL
        && ngx_memcmp(ctx->room.data + ctx->room.len - len, "/members", len)
           == 0)
    {
        ctx->room.len -= len;
        ctx->members = 1;
    }

    return ngx_chat_room_valid(&ctx->room);
}


static ngx_int_t
ngx_http_chat_route_get(ngx_http_request_t *r, ngx_http_chat_ctx_t *ctx)
{
    if (ctx->room.len == 0) {
        return ngx_http_chat_error(r, NGX_CHAT_E_BAD_REQUEST,
                                   "name a room in the path, or connect by "
                                   "WebSocket, or accept text/event-stream");
    }

    if (ctx->members) {
        return ngx_http_chat_members_handler(r, ctx);
    }

    return ctx->conf->raw ? ngx_http_chat_newest_handler(r, ctx)
                          : ngx_http_chat_history_handler(r, ctx);
}


ngx_table_elt_t *
ngx_http_chat_header_in(ngx_http_request_t *r, const char *name)
{
    return ngx_http_chat_header_line(&r->headers_in.headers, name, 0);
}


/* the line n of that name, from 0 */

ngx_table_elt_t *
ngx_http_chat_header_line(ngx_list_t *headers, const char *name,
    ngx_uint_t n)
{
    size_t            len;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    len = ngx_strlen(name);

    part = &headers->part;
    h = part->elts;

    for (i = 0; /* void */ ; i++) {

        if (i >= part->nelts) {

            if (part->next == NULL) {
                return NULL;
            }

            part = part->next;
            h = part->elts;
            i = 0;
        }

        if (h[i].hash != 0 && h[i].key.len == len
            && ngx_strncasecmp(h[i].key.data, (u_char *) name, len) == 0
            && n-- == 0)
        {
            return &h[i];
        }
    }
}


ngx_int_t
ngx_http_chat_header_word(ngx_http_request_t *r, const char *name,
    ngx_http_chat_words_t *words, ngx_str_t *word)
{
    ngx_table_elt_t  *h;

    for ( ;; ) {

        while (words->pos < words->last
               && ngx_http_chat_between_words(*words->pos))
        {
            words->pos++;
        }

        if (words->pos < words->last) {
            break;
        }

        h = ngx_http_chat_header_line(&r->headers_in.headers, name,
                                      words->line++);

        if (h == NULL) {
            return NGX_DONE;
        }

        words->pos = h->value.data;
        words->last = h->value.data + h->value.len;
    }

    word->data = words->pos;

    while (words->pos < words->last
           && !ngx_http_chat_between_words(*words->pos))
    {
        words->pos++;
    }

    word->len = (size_t) (words->pos - word->data);

    return NGX_OK;
}


ngx_int_t
ngx_http_chat_arg(ngx_http_request_t *r, const char *name, ngx_str_t *value)
{
    if (ngx_http_arg(r, (u_char *) name, ngx_strlen(name), value) != NGX_OK) {
        return NGX_DECLINED;
    }

    return ngx_http_chat_decode(r, value);
}


ngx_int_t
ngx_http_chat_decode(ngx_http_request_t *r, ngx_str_t *value)
{
    u_char  *p, *src, *dst;

    p = ngx_pnalloc(r->pool, value->len + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    src = value->data;
    dst = p;

    ngx_unescape_uri(&dst, &src, value->len, 0);

    value->data = p;
    value->len = (size_t) (dst - p);

    return NGX_OK;
}


void
ngx_http_chat_args_join(ngx_http_request_t *r, ngx_chat_join_t *join)
{
    ngx_int_t  n;
    ngx_str_t  value;

    if (ngx_http_chat_arg(r, "after", &value) == NGX_OK && value.len > 0) {
        join->after.given = 1;
        join->after.broken = ngx_chat_id_parse(&value, &join->after.id)
                             != NGX_OK;
    }

    if (ngx_http_chat_arg(r, "last", &value) == NGX_OK) {
        n = ngx_atoi(value.data, value.len);

        if (n > 0) {
            join->last = ngx_min((ngx_uint_t) n, NGX_CHAT_PAGE_MAX);
        }
    }

    join->presence = 1;

    if (ngx_http_chat_arg(r, "presence", &value) == NGX_OK
        && value.len == 1 && (value.data[0] == '0' || value.data[0] == '1'))
    {
        join->presence = value.data[0] - '0';
        join->presence_given = 1;
    }
}
