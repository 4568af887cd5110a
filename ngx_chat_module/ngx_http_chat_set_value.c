
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Setters of directives with one plain value.  nginx's own say "invalid value"
 * of what they can't read and know no bounds; these say what to write.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_http_chat_set.h"


static ngx_int_t ngx_http_chat_parse_sec(ngx_str_t *value);
static ngx_int_t ngx_http_chat_parse_msec(ngx_str_t *value);
static ngx_int_t ngx_http_chat_parse_size(ngx_str_t *value);
static ngx_int_t ngx_http_chat_parse_num(ngx_str_t *value);


struct ngx_http_chat_value_s {
    char         *(*slot)(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
    ngx_int_t     (*parse)(ngx_str_t *value);
    ngx_int_t       min;
    ngx_int_t       max;
    const char     *cure;
};


ngx_http_chat_value_t  ngx_http_chat_value_ping = {
    ngx_conf_set_sec_slot, ngx_http_chat_parse_sec, 1, 100,
    "write a time of 1s to 100s, \"chat_ping 25s;\""
};

ngx_http_chat_value_t  ngx_http_chat_value_ping_timeout = {
    ngx_conf_set_sec_slot, ngx_http_chat_parse_sec, 2, 86400,
    "write a time of 2s to 24h, \"chat_ping_timeout 60s;\""
};

ngx_http_chat_value_t  ngx_http_chat_value_slow_timeout = {
    ngx_conf_set_sec_slot, ngx_http_chat_parse_sec, 1, 86400,
    "write a time of 1s to 24h, \"chat_slow_timeout 30s;\""
};

ngx_http_chat_value_t  ngx_http_chat_value_drain = {
    ngx_conf_set_msec_slot, ngx_http_chat_parse_msec, 100, 3600000,
    "write a time of 100ms to 1h, \"chat_drain 10s;\""
};

ngx_http_chat_value_t  ngx_http_chat_value_session_max = {
    ngx_conf_set_sec_slot, ngx_http_chat_parse_sec, 0, 31536000,
    "write a time of 1s to 365d, \"chat_session_max 12h;\", or 0"
};

ngx_http_chat_value_t  ngx_http_chat_value_buffers = {
    ngx_conf_set_size_slot, ngx_http_chat_parse_size, 1024 * 1024,
    NGX_MAX_SIZE_T_VALUE / 2,
    "write a size of at least 1m, \"chat_buffers 64m;\""
};

ngx_http_chat_value_t  ngx_http_chat_value_sse_rooms = {
    ngx_conf_set_num_slot, ngx_http_chat_parse_num, 1, NGX_HTTP_CHAT_SSE_ROOMS,
    "write a number of rooms, 1 to 100, \"chat_sse_rooms 32;\""
};

ngx_http_chat_value_t  ngx_http_chat_value_typing_max = {
    ngx_conf_set_num_slot, ngx_http_chat_parse_num, 0, 1000000,
    "write a number of sessions, 0 to 1000000, \"chat_typing_max 100;\""
};

ngx_http_chat_value_t  ngx_http_chat_value_presence_max = {
    ngx_conf_set_num_slot, ngx_http_chat_parse_num, 0, NGX_CHAT_PRESENCE_MAX,
    "write a number of users, 0 to 1000, \"chat_presence_max 200;\""
};

ngx_http_chat_value_t  ngx_http_chat_value_presence_grace = {
    ngx_conf_set_msec_slot, ngx_http_chat_parse_msec, 0, 240000,
    "write a time of 0s to 4m, \"chat_presence_grace 10s;\""
};

ngx_http_chat_value_t  ngx_http_chat_value_jwt_leeway = {
    ngx_conf_set_sec_slot, ngx_http_chat_parse_sec, 0, 300,
    "write a time of 0s to 5m, \"chat_jwt_leeway 30s;\""
};

ngx_http_chat_value_t  ngx_http_chat_value_jwt_lifetime = {
    ngx_conf_set_sec_slot, ngx_http_chat_parse_sec, 60, 31536000,
    "write a time of 60s to 365d, \"chat_jwt_lifetime 1d;\""
};


/* cmd->post is ngx_http_chat_value_t; nginx's slot stores it then */

char *
ngx_http_chat_set_value(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_int_t               n;
    ngx_str_t              *arg;
    ngx_command_t           plain;
    ngx_http_chat_value_t  *v;

    v = cmd->post;
    arg = cf->args->elts;

    n = v->parse(&arg[1]);

    if (n == NGX_ERROR || n < v->min || n > v->max) {
        return ngx_http_chat_bad_param(cf, cmd, &arg[1], v->cure);
    }

    plain = *cmd;
    plain.post = NULL;

    /* a slot returns a constant, nothing that points into its command */
    /* cppcheck-suppress returnDanglingLifetime */
    return v->slot(cf, &plain, conf);
}


/* chat_format chat | raw; */

char *
ngx_http_chat_set_format(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_chat_loc_conf_t  *clcf = conf;

    ngx_str_t  *arg;

    if (clcf->format != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    arg = cf->args->elts;

    if (ngx_strcmp(arg[1].data, "chat") == 0) {
        clcf->format = 0;
        return NGX_CONF_OK;
    }

    if (ngx_strcmp(arg[1].data, "raw") == 0) {
        clcf->format = 1;
        return NGX_CONF_OK;
    }

    return ngx_http_chat_bad_param(cf, cmd, &arg[1],
                        "write \"chat_format chat;\" or \"chat_format raw;\"");
}


static ngx_int_t
ngx_http_chat_parse_sec(ngx_str_t *value)
{
    return ngx_parse_time(value, 1);
}


static ngx_int_t
ngx_http_chat_parse_msec(ngx_str_t *value)
{
    return ngx_parse_time(value, 0);
}


static ngx_int_t
ngx_http_chat_parse_size(ngx_str_t *value)
{
    return ngx_parse_size(value);
}


static ngx_int_t
ngx_http_chat_parse_num(ngx_str_t *value)
{
    return ngx_atoi(value->data, value->len);
}
