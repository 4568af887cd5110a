
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * chat_api: where servers ask, and by which keys.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_http_chat_set.h"


#define NGX_HTTP_CHAT_API_FILES  8


static char *ngx_http_chat_api_location(ngx_conf_t *cf,
    ngx_http_core_loc_conf_t *core);
static char *ngx_http_chat_api_key(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_array_t *files, ngx_str_t *value);
static void ngx_http_chat_api_cleanup(void *data);


/* chat_api NAME key=FILE ... | key=off; */

char *
ngx_http_chat_set_api(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_chat_loc_conf_t  *clcf = conf;

    char                      *rv;
    ngx_str_t                 *arg, value;
    ngx_uint_t                 i;
    ngx_http_chat_zone_t      *zone;
    ngx_http_core_loc_conf_t  *core;

    if (clcf->api != NULL) {
        return "is duplicate";
    }

    if (clcf->chat.zone != NULL) {
        return "can't be beside \"chat\" in one location: write two";
    }

    if (clcf->status != NULL) {
        return "can't be beside \"chat_status\" in one location: write two";
    }

    arg = cf->args->elts;
    core = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    rv = ngx_http_chat_api_location(cf, core);

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    zone = ngx_http_chat_get_zone(cf, &arg[1], "chat_api");
    if (zone == NULL) {
        return NGX_CONF_ERROR;
    }

    /* cleanups have its elements: it must not move */

    clcf->api = ngx_array_create(cf->pool, NGX_HTTP_CHAT_API_FILES,
                                 sizeof(ngx_chat_apikey_file_t));
    if (clcf->api == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 2; i < cf->args->nelts; i++) {

        if (!ngx_http_chat_param(&arg[i], "key", &value) || value.len == 0) {
            return ngx_http_chat_bad_param(cf, cmd, &arg[i],
                                           "write key=FILE, a file with keys "
                                           "and their scopes");
        }

        if (ngx_strcmp(value.data, "off") == 0) {

            if (cf->args->nelts > 3) {
                return ngx_http_chat_bad_param(cf, cmd, &arg[i],
                                               "it can't be beside files");
            }

            break;
        }

        rv = ngx_http_chat_api_key(cf, cmd, clcf->api, &value);

        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    clcf->chat.zone = &zone->zone;
    clcf->chat.broker = &ngx_chat_broker_local;
    clcf->clcf = core;

    core->handler = ngx_http_chat_server_handler;

    return NGX_CONF_OK;
}


/* what follows its name in the path is a command's name */

static char *
ngx_http_chat_api_location(ngx_conf_t *cf, ngx_http_core_loc_conf_t *core)
{
    if (core->named || core->exact_match
#if (NGX_PCRE)
        || core->regex != NULL
#endif
        || core->name.len == 0
        || core->name.data[core->name.len - 1] != '/')
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"chat_api\" in location \"%V\" can't take "
                           "commands from the rest of the path: write "
                           "\"location ^~ /chat-api/\" (with a \"/\" at the "
                           "end)", &core->name);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_chat_api_key(ngx_conf_t *cf, ngx_command_t *cmd, ngx_array_t *files,
    ngx_str_t *value)
{
    ngx_err_t                err;
    const char              *why;
    ngx_pool_cleanup_t      *cln;
    ngx_chat_apikey_file_t  *f;

    if (files->nelts == NGX_HTTP_CHAT_API_FILES) {
        return "has more than 8 files";
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    f = ngx_array_push(files);

    if (cln == NULL || f == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(f, sizeof(ngx_chat_apikey_file_t));

    f->file.name = *value;

    if (ngx_conf_full_name(cf->cycle, &f->file.name, 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (ngx_chat_apikey_load(f, cf->log, &why, &err) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, err,
                           "\"%V\" can't use the keys in \"%V\": %s",
                           &cmd->name, &f->file.name, why);
        return NGX_CONF_ERROR;
    }

    /* cf->log is of the configuration before, which goes when this comes */
    f->pool->log = &cf->cycle->new_log;

    cln->handler = ngx_http_chat_api_cleanup;
    cln->data = f;

    return NGX_CONF_OK;
}


static void
ngx_http_chat_api_cleanup(void *data)
{
    ngx_chat_apikey_unload(data);
}


/* the rooms are those of chat.v1, and who asks is a key, which no chat_allow,
   no chat_role and no guest's name is about */

char *
ngx_http_chat_server_conf(ngx_http_chat_loc_conf_t *conf)
{
    conf->chat.raw = 0;
    conf->chat.guest = 0;
    conf->chat.allow = NULL;
    conf->chat.roles = NULL;

    return NGX_CONF_OK;
}
