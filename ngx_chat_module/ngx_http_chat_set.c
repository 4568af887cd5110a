
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Setters of the directives of a location, where they take more than one plain
 * value, and what all setters do alike.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_http_chat_set.h"


#define NGX_HTTP_CHAT_MESSAGE_MIN  1024
#define NGX_HTTP_CHAT_MESSAGE_MAX  (512 * 1024)


static const char *ngx_http_chat_origin_cure(ngx_str_t *arg);


char *
ngx_http_chat_set_chat(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_chat_loc_conf_t  *clcf = conf;

    ngx_str_t                  *arg;
    ngx_http_chat_zone_t       *zone;
    ngx_http_core_loc_conf_t   *core;
    ngx_http_chat_location_t   *l;
    ngx_http_chat_main_conf_t  *cmcf;

    if (clcf->api != NULL) {
        return "can't be beside \"chat_api\" in one location: write two";
    }

    if (clcf->chat.zone != NULL) {
        return "is duplicate";
    }

    if (clcf->status != NULL) {
        return "can't be beside \"chat_status\" in one location: write two";
    }

    arg = cf->args->elts;

    zone = ngx_http_chat_get_zone(cf, &arg[1], "chat");
    if (zone == NULL) {
        return NGX_CONF_ERROR;
    }

    core = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    clcf->chat.zone = &zone->zone;
    clcf->chat.broker = &ngx_chat_broker_local;
    clcf->clcf = core;

    core->handler = ngx_http_chat_handler;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_chat_module);

    l = ngx_array_push(&cmcf->locations);
    if (l == NULL) {
        return NGX_CONF_ERROR;
    }

    l->cscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_core_module);
    l->clcf = core;
    l->file = cf->conf_file->file.name.data;
    l->line = cf->conf_file->line;

    return NGX_CONF_OK;
}


char *
ngx_http_chat_set_status(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_chat_loc_conf_t  *clcf = conf;

    ngx_str_t                 *arg;
    ngx_http_chat_zone_t      *zone;
    ngx_http_core_loc_conf_t  *core;

    if (clcf->status != NULL) {
        return "is duplicate";
    }

    if (clcf->api != NULL) {
        return "can't be beside \"chat_api\" in one location: write two";
    }

    if (clcf->chat.zone != NULL) {
        return "can't be beside \"chat\" in one location: write two";
    }

    arg = cf->args->elts;

    zone = ngx_http_chat_get_zone(cf, &arg[1], "chat_status");
    if (zone == NULL) {
        return NGX_CONF_ERROR;
    }

    clcf->status = &zone->zone;

    core = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    core->handler = ngx_http_chat_status_handler;

    return NGX_CONF_OK;
}


/* chat_user VALUE [trusted] [name=VALUE]; */

char *
ngx_http_chat_set_user(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_chat_loc_conf_t  *clcf = conf;

    char        *rv;
    ngx_str_t   *arg, value;
    ngx_uint_t   i, trusted;

    if (clcf->user != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    arg = cf->args->elts;
    trusted = 0;

    rv = ngx_http_chat_param_twice(cf, cmd, 2);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    for (i = 2; i < cf->args->nelts; i++) {

        if (ngx_strcmp(arg[i].data, "trusted") == 0) {
            trusted = 1;
            continue;
        }

        if (ngx_http_chat_param(&arg[i], "name", &value)) {
            clcf->user_name = ngx_http_chat_complex(cf, &value);

            if (clcf->user_name == NULL) {
                return NGX_CONF_ERROR;
            }

            continue;
        }

        return ngx_http_chat_bad_param(cf, cmd, &arg[i],
                                       "known are \"trusted\" and name=");
    }

    if (!trusted && ngx_http_chat_spoofable(&arg[1])) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"chat_user %V\" lets any client be anybody, "
                           "since clients choose this value: use a variable "
                           "that an access module sets (auth_request_set), or "
                           "write \"chat_user %V trusted;\" if a proxy in "
                           "front overwrites it", &arg[1], &arg[1]);
        return NGX_CONF_ERROR;
    }

    clcf->user = ngx_http_chat_complex(cf, &arg[1]);

    return (clcf->user != NULL) ? NGX_CONF_OK : NGX_CONF_ERROR;
}


/* variables whose value is the client's to choose */

ngx_uint_t
ngx_http_chat_spoofable(ngx_str_t *value)
{
    u_char      *p, *last;
    ngx_uint_t   i;

    static const char  *names[] = {
        "arg_", "http_", "cookie_", "request", "uri", "args", "query_string",
        "is_args", "host", "document_uri", NULL
    };

    last = value->data + value->len;

    for (p = value->data; p < last; p++) {

        if (*p != '$') {
            continue;
        }

        p++;

        if (p < last && *p == '{') {
            p++;
        }

        for (i = 0; names[i] != NULL; i++) {
            if ((size_t) (last - p) >= ngx_strlen(names[i])
                && ngx_strncasecmp(p, (u_char *) names[i],
                                   ngx_strlen(names[i])) == 0)
            {
                return 1;
            }
        }
    }

    return 0;
}


ngx_http_complex_value_t *
ngx_http_chat_complex(ngx_conf_t *cf, ngx_str_t *value)
{
    ngx_http_complex_value_t          *cv;
    ngx_http_compile_complex_value_t   ccv;

    cv = ngx_pcalloc(cf->pool, sizeof(ngx_http_complex_value_t));
    if (cv == NULL) {
        return NULL;
    }

    ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

    ccv.cf = cf;
    ccv.value = value;
    ccv.complex_value = cv;

    return (ngx_http_compile_complex_value(&ccv) == NGX_OK) ? cv : NULL;
}


/* chat_origin same | any | ORIGIN ...; */

char *
ngx_http_chat_set_origin(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_chat_loc_conf_t  *clcf = conf;

    ngx_str_t   *arg, *origin;
    ngx_uint_t   i;
    const char  *cure;

    if (clcf->origins != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    arg = cf->args->elts;

    clcf->origins = ngx_array_create(cf->pool, cf->args->nelts,
                                     sizeof(ngx_str_t));
    if (clcf->origins == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 1; i < cf->args->nelts; i++) {
        cure = ngx_http_chat_origin_cure(&arg[i]);

        if (cure != NULL) {
            return ngx_http_chat_bad_param(cf, cmd, &arg[i], cure);
        }

        origin = ngx_array_push(clcf->origins);
        if (origin == NULL) {
            return NGX_CONF_ERROR;
        }

        *origin = arg[i];
        ngx_strlow(origin->data, origin->data, origin->len);
    }

    return NGX_CONF_OK;
}


/* NULL: it is an origin, or a word for some */

static const char *
ngx_http_chat_origin_cure(ngx_str_t *arg)
{
    u_char  *p, *last, *star;

    p = arg->data;
    last = p + arg->len;

    if (ngx_strcmp(p, "same") == 0 || ngx_strcmp(p, "any") == 0) {
        return NULL;
    }

    if (arg->len > 7 && ngx_strncmp(p, "http://", 7) == 0) {
        p += 7;

    } else if (arg->len > 8 && ngx_strncmp(p, "https://", 8) == 0) {
        p += 8;

    } else {
        return "write \"same\", \"any\" or an origin such as "
               "\"https://www.example.com\" or \"https://*.example.com\"";
    }

    if (ngx_strlchr(p, last, '/') != NULL) {
        return "an origin has no path and no \"/\" at its end, write "
               "\"https://www.example.com\"";
    }

    star = ngx_strlchr(p, last, '*');

    if (star != NULL && ngx_strlchr(star + 1, last, '*') != NULL) {
        return "write one \"*\" at most";
    }

    return NULL;
}


/* chat_message_max SIZE [text=SIZE]; */

char *
ngx_http_chat_set_message_max(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_chat_loc_conf_t  *clcf = conf;

    ssize_t     size;
    ngx_str_t  *arg, value;

    if (clcf->chat.message_max != NGX_CONF_UNSET_SIZE) {
        return "is duplicate";
    }

    arg = cf->args->elts;
    size = ngx_parse_size(&arg[1]);

    if (size == NGX_ERROR || size < NGX_HTTP_CHAT_MESSAGE_MIN
        || size > NGX_HTTP_CHAT_MESSAGE_MAX)
    {
        return ngx_http_chat_bad_param(cf, cmd, &arg[1],
                                       "write a size of 1k to 512k");
    }

    clcf->chat.message_max = (size_t) size;

    if (cf->args->nelts == 2) {
        return NGX_CONF_OK;
    }

    size = ngx_http_chat_param(&arg[2], "text", &value)
           ? ngx_parse_size(&value) : NGX_ERROR;

    if (size == NGX_ERROR || size < 1
        || (size_t) size > clcf->chat.message_max)
    {
        return ngx_http_chat_bad_param(cf, cmd, &arg[2],
                   "write \"text=SIZE\", not more than the whole command");
    }

    clcf->chat.text_max = (size_t) size;

    return NGX_CONF_OK;
}


/* chat_replay_max N [SIZE]; */

char *
ngx_http_chat_set_replay_max(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_chat_loc_conf_t  *clcf = conf;

    ssize_t     size;
    ngx_int_t   n;
    ngx_str_t  *arg;

    if (clcf->chat.replay_max != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    arg = cf->args->elts;
    n = ngx_http_chat_number(&arg[1], 0, 1000000);

    if (n == NGX_ERROR) {
        return ngx_http_chat_bad_param(cf, cmd, &arg[1],
                                   "write a number of events, 0 to 1000000");
    }

    clcf->chat.replay_max = (ngx_uint_t) n;

    if (cf->args->nelts == 2) {
        return NGX_CONF_OK;
    }

    size = ngx_parse_size(&arg[2]);

    if (size == NGX_ERROR || size < 4096) {
        return ngx_http_chat_bad_param(cf, cmd, &arg[2],
                                       "write a size of at least 4k");
    }

    clcf->chat.replay_bytes = (size_t) size;

    return NGX_CONF_OK;
}


ngx_uint_t
ngx_http_chat_param(ngx_str_t *arg, const char *name, ngx_str_t *value)
{
    size_t  len;

    len = ngx_strlen(name);

    if (arg->len <= len || arg->data[len] != '='
        || ngx_strncmp(arg->data, name, len) != 0)
    {
        return 0;
    }

    value->data = arg->data + len + 1;
    value->len = arg->len - len - 1;

    return 1;
}


char *
ngx_http_chat_bad_param(ngx_conf_t *cf, ngx_command_t *cmd, ngx_str_t *arg,
    const char *cure)
{
    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid parameter \"%V\" of \"%V\": %s",
                       arg, &cmd->name, cure);

    return NGX_CONF_ERROR;
}


char *
ngx_http_chat_param_twice(ngx_conf_t *cf, ngx_command_t *cmd, ngx_uint_t n)
{
    size_t       len;
    u_char      *p;
    ngx_str_t   *arg;
    ngx_uint_t   i, k;

    arg = cf->args->elts;

    for (i = n; i < cf->args->nelts; i++) {

        p = ngx_strlchr(arg[i].data, arg[i].data + arg[i].len, '=');
        len = (p != NULL) ? (size_t) (p - arg[i].data) + 1 : arg[i].len + 1;

        /* "name=", or a flag with its terminating zero */

        for (k = n; k < i; k++) {
            if (ngx_strncmp(arg[k].data, arg[i].data, len) == 0) {
                return ngx_http_chat_twice(cf, cmd, &arg[i]);
            }
        }
    }

    return NGX_CONF_OK;
}


ngx_int_t
ngx_http_chat_number(ngx_str_t *value, ngx_int_t min, ngx_int_t max)
{
    ngx_int_t  n;

    n = ngx_atoi(value->data, value->len);

    return (n == NGX_ERROR || n < min || n > max) ? NGX_ERROR : n;
}
