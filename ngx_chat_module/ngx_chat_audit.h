
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Who did what to whom: an event of the room "~audit", and a line of
 * "chat_audit_log".
 */


#ifndef _NGX_CHAT_AUDIT_H_INCLUDED_
#define _NGX_CHAT_AUDIT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_dispatch.h"


/* where the lines go: one of these */

struct ngx_chat_audit_log_s {
    ngx_open_file_t    *file;            /* nginx opens it again at USR1 */
    ngx_syslog_peer_t  *syslog;
    time_t              complained;
};


/* a command of a moderator that was carried out */
void ngx_chat_audit_moder(ngx_chat_caller_t *c, ngx_chat_cmd_t *cmd);


#endif /* _NGX_CHAT_AUDIT_H_INCLUDED_ */
