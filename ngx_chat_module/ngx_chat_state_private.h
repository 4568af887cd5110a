
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * What the files of the state file share.
 */


#ifndef _NGX_CHAT_STATE_PRIVATE_H_INCLUDED_
#define _NGX_CHAT_STATE_PRIVATE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_shm.h"
#include "ngx_chat_state.h"
#include "ngx_chat_state_record.h"


/* a file that is larger is none of ours */
#define NGX_CHAT_STATE_FILE_MAX  0x7fffffff


/* ngx_chat_state_load.c */

/*
 * Sets what the files have in the table, but for rows of it that were changed
 * after `after' and not after `upto'.  Tells sh->state_base and ->state_active.
 * NGX_OK; NGX_ERROR: logged.
 */
ngx_int_t ngx_chat_state_load(ngx_chat_zone_t *z, ngx_chat_state_t *st,
    uint64_t after, uint64_t upto, ngx_log_t *log);

/* under nginx -t: whether the bytes of a file could be read */
ngx_int_t ngx_chat_state_probe(ngx_str_t *path, ngx_fd_t fd, ngx_log_t *log);


/* ngx_chat_state_write.c */

/* all that was changed since sh->state_saved; NGX_OK or NGX_ERROR with errno */
ngx_int_t ngx_chat_state_append(ngx_chat_zone_t *z, ngx_chat_state_t *st);

/* the whole table, to the other file; the same */
ngx_int_t ngx_chat_state_whole(ngx_chat_zone_t *z, ngx_chat_state_t *st);

/* as z->state_sync says */
ngx_int_t ngx_chat_state_sync(ngx_chat_zone_t *z, ngx_chat_state_t *st,
    uint64_t now);


/* ngx_chat_state.c */

/* this process writes now; NGX_DECLINED: another one does */
ngx_int_t ngx_chat_state_begin(ngx_chat_state_t *st);
void ngx_chat_state_end(ngx_chat_state_t *st);

/* the files are this nginx's; NGX_DECLINED: another one has them */
ngx_int_t ngx_chat_state_take(ngx_chat_state_t *st);


#endif /* _NGX_CHAT_STATE_PRIVATE_H_INCLUDED_ */
