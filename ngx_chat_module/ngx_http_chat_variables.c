
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * $chat_* for access logs.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_http_chat.h"


#define NGX_HTTP_CHAT_V_STR   0
#define NGX_HTTP_CHAT_V_U64   1
#define NGX_HTTP_CHAT_V_CODE  2


typedef struct {
    ngx_str_t    name;
    ngx_uint_t   type;
    size_t       offset;
} ngx_http_chat_variable_t;


static ngx_int_t ngx_http_chat_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);


static ngx_http_chat_variable_t  ngx_http_chat_variables[] = {
    { ngx_string("chat_room"), NGX_HTTP_CHAT_V_STR,
      offsetof(ngx_http_chat_ctx_t, room) },
    { ngx_string("chat_user"), NGX_HTTP_CHAT_V_STR,
      offsetof(ngx_http_chat_ctx_t, user.id) },
    { ngx_string("chat_transport"), NGX_HTTP_CHAT_V_STR,
      offsetof(ngx_http_chat_ctx_t, transport) },
    { ngx_string("chat_received"), NGX_HTTP_CHAT_V_U64,
      offsetof(ngx_http_chat_ctx_t, received) },
    { ngx_string("chat_sent"), NGX_HTTP_CHAT_V_U64,
      offsetof(ngx_http_chat_ctx_t, sent) },
    { ngx_string("chat_close_code"), NGX_HTTP_CHAT_V_CODE,
      offsetof(ngx_http_chat_ctx_t, close_code) },
    { ngx_null_string, 0, 0 }
};


ngx_int_t
ngx_http_chat_add_variables(ngx_conf_t *cf)
{
    ngx_http_variable_t       *var;
    ngx_http_chat_variable_t  *v;

    for (v = ngx_http_chat_variables; v->name.len; v++) {
        var = ngx_http_add_variable(cf, &v->name, NGX_HTTP_VAR_NOCACHEABLE);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = ngx_http_chat_variable;
        var->data = (uintptr_t) v;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_chat_variable(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data)
{
    u_char                    *p;
    uint64_t                   n;
    ngx_str_t                 *s;
    ngx_http_chat_ctx_t       *ctx;
    ngx_http_chat_variable_t  *var;

    var = (ngx_http_chat_variable_t *) data;
    ctx = ngx_http_get_module_ctx(r, ngx_chat_module);

    if (ctx == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    v->valid = 1;
    v->no_cacheable = 1;
    v->not_found = 0;

    p = (u_char *) ctx + var->offset;

    if (var->type == NGX_HTTP_CHAT_V_STR) {
        s = (ngx_str_t *) p;
        v->data = s->data;
        v->len = s->len;
        v->not_found = (s->len == 0);
        return NGX_OK;
    }

    if (var->type == NGX_HTTP_CHAT_V_U64) {
        n = *(uint64_t *) p;

    } else {
        n = *(ngx_uint_t *) p;

        if (n == 0) {
            /* nothing that ends with a Close frame */
            v->not_found = 1;
            return NGX_OK;
        }
    }

    v->data = ngx_pnalloc(r->pool, NGX_INT64_LEN);
    if (v->data == NULL) {
        return NGX_ERROR;
    }

    v->len = ngx_sprintf(v->data, "%uL", n) - v->data;

    return NGX_OK;
}
