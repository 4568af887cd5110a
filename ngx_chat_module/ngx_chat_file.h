
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Small files of the operator's that are read again when they have changed.
 */


#ifndef _NGX_CHAT_FILE_H_INCLUDED_
#define _NGX_CHAT_FILE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


typedef struct {
    ngx_str_t        name;       /* with a terminating zero */

    /* which version was read, good or not */
    ngx_file_uniq_t  inode;
    off_t            size;
    time_t           sec;
    long             nsec;

    time_t           checked;    /* when it was looked at */
} ngx_chat_file_t;


/*
 * All of it, at most `max' bytes, in memory of ngx_alloc(), which the caller
 * gives back by ngx_chat_file_wipe().  NGX_OK; NGX_DECLINED: *why says why, and
 * *err is errno or 0.
 */
ngx_int_t ngx_chat_file_read(ngx_chat_file_t *f, size_t max, ngx_log_t *log,
    ngx_str_t *text, const char **why, ngx_err_t *err);

/* overwrites and frees it */
void ngx_chat_file_wipe(ngx_str_t *text);

/* whether it must be read; looks at most once a second, and says so once of
   each version */
ngx_uint_t ngx_chat_file_changed(ngx_chat_file_t *f);


#endif /* _NGX_CHAT_FILE_H_INCLUDED_ */
