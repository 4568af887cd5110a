
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Deletes what somebody has written, in one room or in all of them: "ban" with
 * `purge_ms'.  Each message gets a delete of its own, as if the moderator had
 * sent them one by one.
 *
 * The worker that was asked does it, some messages in a turn of its event loop,
 * and doesn't quit before it is done.  If it dies what is left stays.
 */


#ifndef _NGX_CHAT_PURGE_H_INCLUDED_
#define _NGX_CHAT_PURGE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_dispatch.h"


/* purges of one worker at a time */
#define NGX_CHAT_PURGES_MAX  64


/* as many as there can be are under way */
ngx_uint_t ngx_chat_purge_busy(void);

/* of cmd->moder.user in cmd->room (len 0: all rooms), newer than
   cmd->moder.purge_ms; if there is no memory that is logged */
void ngx_chat_purge_start(ngx_chat_caller_t *c, ngx_chat_cmd_t *cmd);

/* the worker ends: what is left is logged */
void ngx_chat_purge_exit(void);


#endif /* _NGX_CHAT_PURGE_H_INCLUDED_ */
