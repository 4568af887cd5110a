
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Passwords are checked in threads of nginx, since that takes a good part of a
 * second.  A worker has a few checks under way and some that wait, not more.
 *
 * A check is in memory of its own and owns all that the thread touches, so that
 * whoever wants to know may go away meanwhile.
 */


#ifndef _NGX_CHAT_LOGIN_H_INCLUDED_
#define _NGX_CHAT_LOGIN_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_passwd.h"


#define NGX_CHAT_PASSWORD_MAX     128
#define NGX_CHAT_LOGIN_RUNNING    2
#define NGX_CHAT_LOGIN_WAITING    32


#if (NGX_THREADS)

#include <ngx_thread_pool.h>


typedef struct ngx_chat_login_s  ngx_chat_login_t;

/* NGX_OK: it is right; NGX_DECLINED: it is not; NGX_ERROR: nobody knows */
typedef void (*ngx_chat_login_pt)(void *data, ngx_int_t rc);


/*
 * The password has no zero in it, and at most NGX_CHAT_PASSWORD_MAX bytes; it
 * is copied, and the copy wiped.  If `known' is 0 it will not be right,
 * whatever it is.  `handler' is called later, once, unless
 * ngx_chat_login_leave() was.  NULL: there are too many already, or no memory.
 */
ngx_chat_login_t *ngx_chat_login_check(ngx_thread_pool_t *tp,
    ngx_str_t *password, ngx_str_t *hash, ngx_uint_t known,
    ngx_chat_login_pt handler, void *data, ngx_log_t *log);

/* nobody waits for it any more */
void ngx_chat_login_leave(ngx_chat_login_t *l);

#endif


#endif /* _NGX_CHAT_LOGIN_H_INCLUDED_ */
