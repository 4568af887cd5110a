
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


/* a command of a moderator that was carried out */
void ngx_chat_audit_moder(ngx_chat_caller_t *c, ngx_chat_cmd_t *cmd);


#endif /* _NGX_CHAT_AUDIT_H_INCLUDED_ */
