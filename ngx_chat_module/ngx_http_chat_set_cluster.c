
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * chat_redis ... cluster: what doesn't go with it.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_http_chat_set.h"
#include "ngx_chat_redis.h"


char *
ngx_http_chat_redis_cluster(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_chat_redis_server_t *srv)
{
    ngx_str_t  word;

    ngx_str_set(&word, "cluster");

    if (srv->addrs[0].sockaddr->sa_family == AF_UNIX) {
        return ngx_http_chat_bad_param(cf, cmd, &word,
                                "its servers are reached by TCP, write "
                                "\"redis://HOST:PORT,HOST:PORT cluster\"");
    }

    if (srv->sentinel.len > 0 || srv->sentinel_password.len > 0) {
        return ngx_http_chat_bad_param(cf, cmd, &word,
                                "a cluster has no Sentinels, write either "
                                "\"cluster\" or \"sentinel=NAME\"");
    }

    if (srv->database.len > 0
        && ngx_http_chat_number(&srv->database, 0, 0) == NGX_ERROR)
    {
        return ngx_http_chat_bad_param(cf, cmd, &word,
                                "a cluster has one database, write the URL "
                                "without \"/NUMBER\"");
    }

    srv->database.len = 0;

    return NGX_CONF_OK;
}
