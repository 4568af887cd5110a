
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * chat_auth_publish URL [timeout=TIME] | off;
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_http_chat_set.h"
#include "ngx_chat_ask.h"


/* an answer may have a text of the largest chat_message_max in escapes, but
   isn't worth more memory than that */
#define NGX_HTTP_CHAT_ASK_ANSWER  (1024 * 1024)


char *
ngx_http_chat_set_auth_publish(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_chat_loc_conf_t  *clcf = conf;

    ngx_int_t             rc, t;
    ngx_str_t            *arg, value;
    const char           *why;
    ngx_chat_ask_conf_t  *ask;

    if (clcf->chat.ask_publish != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    arg = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(arg[1].data, "off") == 0) {
        clcf->chat.ask_publish = NULL;
        return NGX_CONF_OK;
    }

    ask = ngx_pcalloc(cf->pool, sizeof(ngx_chat_ask_conf_t));
    if (ask == NULL) {
        return NGX_CONF_ERROR;
    }

    ask->timeout = 3000;
    ask->max = NGX_HTTP_CHAT_ASK_ANSWER;

    rc = ngx_chat_fetch_url(cf->pool, &arg[1], &ask->url, &why);

    if (rc != NGX_OK) {

        if (rc == NGX_DECLINED) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"%V\" can't ask \"%V\": %s", &cmd->name,
                               &arg[1], why);
        }

        return NGX_CONF_ERROR;
    }

    if (cf->args->nelts == 3) {

        if (!ngx_http_chat_param(&arg[2], "timeout", &value)) {
            return ngx_http_chat_bad_param(cf, cmd, &arg[2],
                                           "known is timeout=");
        }

        t = ngx_parse_time(&value, 0);

        if (t < 100 || t > 60000) {
            return ngx_http_chat_bad_param(cf, cmd, &arg[2],
                                           "write a time of 100ms to 60s");
        }

        ask->timeout = (ngx_msec_t) t;
    }

    clcf->chat.ask_publish = ask;

    return NGX_CONF_OK;
}
