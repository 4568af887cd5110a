
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * chat_guest_secret.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include <openssl/crypto.h>
#include "ngx_http_chat_set.h"
#include "ngx_chat_guest.h"


static void ngx_http_chat_guest_cleanup(void *data);


/* chat_guest_secret FILE [OLD]; */

char *
ngx_http_chat_set_guest_secret(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_chat_loc_conf_t  *clcf = conf;

    ngx_err_t            err;
    ngx_str_t           *arg;
    ngx_uint_t           i;
    const char          *why;
    ngx_chat_secret_t   *s;
    ngx_pool_cleanup_t  *cln;

    if (clcf->chat.secrets != NULL) {
        return "is duplicate";
    }

    cln = ngx_pool_cleanup_add(cf->pool, sizeof(ngx_chat_secrets_t));
    if (cln == NULL) {
        return NGX_CONF_ERROR;
    }

    clcf->chat.secrets = cln->data;
    ngx_memzero(clcf->chat.secrets, sizeof(ngx_chat_secrets_t));
    cln->handler = ngx_http_chat_guest_cleanup;

    arg = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {
        s = &clcf->chat.secrets->secret[clcf->chat.secrets->n++];
        s->file.name = arg[i];

        if (ngx_conf_full_name(cf->cycle, &s->file.name, 1) != NGX_OK) {
            return NGX_CONF_ERROR;
        }

        if (ngx_chat_secret_load(s, cf->log, &why, &err) != NGX_OK) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, err,
                               "\"chat_guest_secret\" can't use \"%V\": "
                               "%s; write one by \"head -c 32 /dev/urandom > "
                               "%V\"",
                               &s->file.name, why, &s->file.name);
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


static void
ngx_http_chat_guest_cleanup(void *data)
{
    OPENSSL_cleanse(data, sizeof(ngx_chat_secrets_t));
}
