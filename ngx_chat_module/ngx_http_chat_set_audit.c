
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * chat_audit_log: where it is written who did what to whom.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_http_chat.h"
#include "ngx_chat_audit.h"


/* chat_audit_log FILE | syslog:server=...[,...] | off; */

char *
ngx_http_chat_set_audit_log(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_chat_loc_conf_t  *clcf = conf;

    ngx_str_t             *arg;
    ngx_chat_audit_log_t  *log;

    if (clcf->audit != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    arg = cf->args->elts;

    if (ngx_strcmp(arg[1].data, "off") == 0) {
        clcf->audit = NULL;
        return NGX_CONF_OK;
    }

    log = ngx_pcalloc(cf->pool, sizeof(ngx_chat_audit_log_t));
    if (log == NULL) {
        return NGX_CONF_ERROR;
    }

    clcf->audit = log;

    if (ngx_strncmp(arg[1].data, "syslog:", 7) == 0) {

        log->syslog = ngx_pcalloc(cf->pool, sizeof(ngx_syslog_peer_t));
        if (log->syslog == NULL) {
            return NGX_CONF_ERROR;
        }

        return ngx_syslog_process_conf(cf, log->syslog);
    }

    log->file = ngx_conf_open_file(cf->cycle, &arg[1]);

    return (log->file != NULL) ? NGX_CONF_OK : NGX_CONF_ERROR;
}
