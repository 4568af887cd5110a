
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * POST /chat/ticket, and ?ticket= in the URL of what a browser opens without
 * headers: PROTOCOL, section 9.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_http_chat.h"
#include "ngx_chat_ticket.h"


static ngx_int_t ngx_http_chat_ticket_place(ngx_http_request_t *r,
    ngx_http_chat_loc_conf_t *clcf, ngx_str_t *place);
static void ngx_http_chat_ticket_mask(ngx_str_t *url, ngx_uint_t args);


ngx_uint_t
ngx_http_chat_is_ticket(ngx_http_chat_loc_conf_t *clcf,
    ngx_http_chat_ctx_t *ctx)
{
    return (clcf->chat.auth != NULL || clcf->auth_uri.len > 0)
           && clcf->room == NULL
           && ctx->room.len == 6
           && ngx_strncmp(ctx->room.data, "ticket", 6) == 0;
}


ngx_int_t
ngx_http_chat_ticket_handler(ngx_http_request_t *r, ngx_http_chat_ctx_t *ctx)
{
    u_char                    *p;
    ngx_int_t                  rc;
    ngx_str_t                  body, place;
    ngx_chat_err_e             code;
    ngx_chat_caller_t          c;
    ngx_http_chat_loc_conf_t  *clcf;

    clcf = ngx_http_get_module_loc_conf(r, ngx_chat_module);

    ngx_memzero(&c, sizeof(ngx_chat_caller_t));
    c.conf = ctx->conf;
    c.user = &ctx->user;

    code = ngx_chat_dispatch_charge(&c, NGX_CHAT_RATE_COMMAND, NULL, 1);

    if (code != NGX_CHAT_OK) {
        return ngx_http_chat_refused(r, code, &c);
    }

    body.data = ngx_pnalloc(r->pool, 128);

    if (body.data == NULL
        || ngx_http_chat_ticket_place(r, clcf, &place) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    p = ngx_cpymem(body.data, "{\"type\":\"ticket\",\"ticket\":\"",
                   sizeof("{\"type\":\"ticket\",\"ticket\":\"") - 1);

    rc = ngx_chat_ticket_make(ctx->conf->zone, &place, &ctx->user,
                              ctx->expires, ngx_time(), p);

    switch (rc) {

    case NGX_OK:
        break;

    case NGX_BUSY:
        return ngx_http_chat_error(r, NGX_CHAT_E_FULL, NULL);

    case NGX_AGAIN:
        return ngx_http_chat_error(r, NGX_CHAT_E_UNAVAILABLE, NULL);

    case NGX_DECLINED:
        return ngx_http_chat_error(r, NGX_CHAT_E_TOO_LARGE,
                                   "the token says more than a ticket holds");

    default:
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    p = ngx_sprintf(p + NGX_CHAT_TICKET_LEN, "\",\"expires_in_ms\":%d}",
                    NGX_CHAT_TICKET_TIME * 1000);

    body.len = (size_t) (p - body.data);

    return ngx_http_chat_respond(r, NGX_HTTP_CREATED, "application/json",
                                 &body);
}


ngx_int_t
ngx_http_chat_ticket_identify(ngx_http_request_t *r,
    ngx_http_chat_loc_conf_t *clcf, ngx_http_chat_ctx_t *ctx)
{
    ngx_int_t  rc;
    ngx_str_t  ticket, place;

    if (!ctx->may_ticket) {
        return NGX_HTTP_CHAT_NO_TICKET;
    }

    if (ngx_http_chat_arg(r, "ticket", &ticket) != NGX_OK) {
        return NGX_HTTP_CHAT_NO_TICKET;
    }

    /* before anything logs the URL; `ticket' is a copy */

    ngx_http_chat_ticket_mask(&r->args, 1);
    ngx_http_chat_ticket_mask(&r->unparsed_uri, 0);
    ngx_http_chat_ticket_mask(&r->request_line, 0);

    if (ngx_http_chat_ticket_place(r, clcf, &place) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_chat_ticket_take(clcf->chat.zone, &place, &ticket, ngx_time(),
                              r->pool, &ctx->user, &ctx->expires);

    if (rc == NGX_DECLINED) {
        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "chat ticket refused: it was used, or is too old");
    }

    if (rc != NGX_OK) {
        ngx_memzero(&ctx->user, sizeof(ngx_chat_user_t));
        ctx->expires = 0;
    }

    return rc;
}


/* another server may have a location of that name, and get its users from
   elsewhere */

static ngx_int_t
ngx_http_chat_ticket_place(ngx_http_request_t *r,
    ngx_http_chat_loc_conf_t *clcf, ngx_str_t *place)
{
    u_char                    *p;
    ngx_str_t                 *name;
    ngx_http_core_srv_conf_t  *cscf;

    cscf = ngx_http_get_module_srv_conf(r, ngx_http_core_module);
    name = &clcf->clcf->name;

    p = ngx_pnalloc(r->pool, name->len + 1 + cscf->server_name.len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    place->data = p;

    p = ngx_cpymem(p, name->data, name->len);
    *p++ = ' ';
    p = ngx_cpymem(p, cscf->server_name.data, cscf->server_name.len);

    place->len = (size_t) (p - place->data);

    return NGX_OK;
}


/* stars in its place; `args' has no question mark before it */

static void
ngx_http_chat_ticket_mask(ngx_str_t *url, ngx_uint_t args)
{
    u_char  *p, *last;

    p = url->data;
    last = p + url->len;

    if (!args) {
        p = ngx_strlchr(p, last, '?');

        if (p == NULL) {
            return;
        }

        p++;
    }

    while (p != NULL && last - p > 7) {

        if (ngx_strncasecmp(p, (u_char *) "ticket=", 7) == 0) {
            for (p += 7; p < last && *p != '&' && *p != ' '; p++) {
                *p = '*';
            }
        }

        p = ngx_strlchr(p, last, '&');
        p = (p != NULL) ? p + 1 : NULL;
    }
}
