
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * chat_login.
 */


#ifndef _NGX_HTTP_CHAT_LOGIN_H_INCLUDED_
#define _NGX_HTTP_CHAT_LOGIN_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_http_chat.h"
#include "ngx_chat_login.h"


struct ngx_http_chat_login_s {
    ngx_chat_passwd_t    passwd;
#if (NGX_THREADS)
    ngx_thread_pool_t   *pool;
#endif
    time_t               expires;      /* seconds that a token is good for */
};


#if (NGX_THREADS)

/* in the request's pool */

typedef struct {
    ngx_http_request_t   *request;
    ngx_chat_login_t     *check;       /* NULL: it has come to its end */
    ngx_str_t             user;
    ngx_str_t             roles;       /* with commas between them */
} ngx_http_chat_login_job_t;


/* he has given the right password */
ngx_int_t ngx_http_chat_login_answer(ngx_http_request_t *r,
    ngx_http_chat_login_job_t *job);

ngx_int_t ngx_http_chat_logout(ngx_http_request_t *r);

#endif


#endif /* _NGX_HTTP_CHAT_LOGIN_H_INCLUDED_ */
