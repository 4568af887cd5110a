
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
#define NGX_HTTP_CHAT_V_CLAIM 3

#define NGX_HTTP_CHAT_CLAIM_LEN  (sizeof("chat_claim_") - 1)
#define NGX_HTTP_CHAT_CLAIM_MAX  4096


typedef struct {
    ngx_str_t    name;
    ngx_uint_t   type;
    size_t       offset;
} ngx_http_chat_variable_t;


static ngx_int_t ngx_http_chat_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_chat_claim(ngx_http_request_t *r,
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
    { ngx_string("chat_claim_"), NGX_HTTP_CHAT_V_CLAIM, 0 },
    { ngx_null_string, 0, 0 }
};


ngx_int_t
ngx_http_chat_add_variables(ngx_conf_t *cf)
{
    ngx_http_variable_t       *var;
    ngx_http_chat_variable_t  *v;

    for (v = ngx_http_chat_variables; v->name.len; v++) {
        var = ngx_http_add_variable(cf, &v->name,
                                    (v->type == NGX_HTTP_CHAT_V_CLAIM)
                                        ? NGX_HTTP_VAR_NOCACHEABLE
                                          |NGX_HTTP_VAR_PREFIX
                                        : NGX_HTTP_VAR_NOCACHEABLE);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = (v->type == NGX_HTTP_CHAT_V_CLAIM)
                           ? ngx_http_chat_claim : ngx_http_chat_variable;
        var->data = (uintptr_t) v;
    }

    return NGX_OK;
}


ngx_uint_t
ngx_http_chat_claims_used(ngx_conf_t *cf)
{
    ngx_uint_t                  i;
    ngx_http_variable_t        *v;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    v = cmcf->variables.elts;

    for (i = 0; i < cmcf->variables.nelts; i++) {
        if (v[i].name.len > NGX_HTTP_CHAT_CLAIM_LEN
            && ngx_strncmp(v[i].name.data, "chat_claim_",
                           NGX_HTTP_CHAT_CLAIM_LEN)
               == 0)
        {
            return 1;
        }
    }

    return 0;
}


/* `data' is the variable's whole name, as of all with a prefix */

static ngx_int_t
ngx_http_chat_claim(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data)
{
    ngx_int_t             rc;
    ngx_str_t            *whole, name, value;
    ngx_http_chat_ctx_t  *ctx;

    whole = (ngx_str_t *) data;
    ctx = ngx_http_get_module_ctx(r, ngx_chat_module);

    name.data = whole->data + NGX_HTTP_CHAT_CLAIM_LEN;
    name.len = whole->len - NGX_HTTP_CHAT_CLAIM_LEN;

    if (ctx == NULL || ctx->user.claims.len == 0) {
        v->not_found = 1;
        return NGX_OK;
    }

    rc = ngx_chat_jwt_variable(r->pool, &ctx->user.claims, &name, &value);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc == NGX_DECLINED || value.len > NGX_HTTP_CHAT_CLAIM_MAX) {
        v->not_found = 1;
        return NGX_OK;
    }

    v->valid = 1;
    v->no_cacheable = 1;
    v->not_found = 0;
    v->len = value.len;
    v->data = value.data;

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
