
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * GET of the members of a room.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_http_chat.h"
#include "ngx_chat_worker.h"


ngx_int_t
ngx_http_chat_members_handler(ngx_http_request_t *r, ngx_http_chat_ctx_t *ctx)
{
    ngx_int_t           n;
    ngx_str_t           value;
    ngx_chat_cmd_t      cmd;
    ngx_chat_err_e      code;
    ngx_chat_text_t    *t;
    ngx_chat_caller_t   c;

    ngx_memzero(&cmd, sizeof(ngx_chat_cmd_t));
    ngx_memzero(&c, sizeof(ngx_chat_caller_t));

    c.conf = ctx->conf;
    c.user = &ctx->user;

    cmd.room = ctx->room;

    if (ngx_http_chat_arg(r, "limit", &value) == NGX_OK) {
        n = ngx_atoi(value.data, value.len);

        if (n == NGX_ERROR || n < 1) {
            return ngx_http_chat_error(r, NGX_CHAT_E_BAD_REQUEST,
                                       "limit must be 1 or more");
        }

        cmd.limit = (ngx_uint_t) n;
    }

    if (ngx_http_chat_arg(r, "next", &value) == NGX_OK) {
        cmd.next = value;
    }

    t = ngx_chat_worker_text();

    code = ngx_chat_dispatch_members(&c, &cmd, t);

    if (code == NGX_CHAT_E_BAD_REQUEST) {
        return ngx_http_chat_error(r, code, "next must be that of a page");
    }

    if (code != NGX_CHAT_OK) {
        return ngx_http_chat_refused(r, code, &c);
    }

    return ngx_http_chat_respond_text(r, NGX_HTTP_OK, "application/json", t);
}
