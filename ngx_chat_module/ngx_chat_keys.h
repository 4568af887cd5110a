
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Files with keys of tokens, read again when they have changed, and who a
 * token says somebody is.
 */


#ifndef _NGX_CHAT_KEYS_H_INCLUDED_
#define _NGX_CHAT_KEYS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_jwt.h"


/* which version of a file it is */

typedef struct {
    ngx_file_uniq_t          inode;
    off_t                    size;
    time_t                   sec;
    long                     nsec;
} ngx_chat_keys_version_t;


typedef struct {
    ngx_str_t                name;       /* with a terminating zero */
    ngx_uint_t               algs;
    ngx_uint_t               set;        /* chat_jwt_jwks */
    ngx_chat_jwt_keys_t     *keys;       /* the last good ones */
    ngx_chat_keys_version_t  version;    /* the last seen, good or not */
    time_t                   checked;    /* when it was looked at */
} ngx_chat_keys_file_t;


/* what a location says about tokens */

typedef struct {
    ngx_array_t             *files;      /* of ngx_chat_keys_file_t */
    ngx_uint_t               algs;       /* of all of them */
    ngx_chat_jwt_rules_t     rules;
    ngx_uint_t              *claims;     /* sessions keep them, for the log */
} ngx_chat_auth_t;


/*
 * Reads the keys; for nginx -t.  NGX_OK; NGX_DECLINED: *why says why, and *err
 * is errno or 0.
 */
ngx_int_t ngx_chat_keys_load(ngx_chat_keys_file_t *f, ngx_log_t *log,
    const char **why, ngx_err_t *err);
void ngx_chat_keys_unload(ngx_chat_keys_file_t *f);

/*
 * Whom the token names; his strings are in the pool.  *expires is Unix time,
 * leeway included, 0: never.  NGX_OK; NGX_DECLINED: refused, NGX_ABORT: it has
 * expired (both are logged); NGX_ERROR: no memory.
 */
ngx_int_t ngx_chat_auth_token(ngx_chat_auth_t *auth, ngx_str_t *token,
    ngx_pool_t *pool, ngx_log_t *log, ngx_chat_user_t *user, time_t *expires);


#endif /* _NGX_CHAT_KEYS_H_INCLUDED_ */
