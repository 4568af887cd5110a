
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Keys of the server API: a file with them, read again when it has changed, and
 * who a key is.
 */


#ifndef _NGX_CHAT_APIKEY_H_INCLUDED_
#define _NGX_CHAT_APIKEY_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_file.h"
#include "ngx_chat_policy.h"
#include "ngx_chat_scope.h"


/* what the id of a key begins with: no user can have it */
#define NGX_CHAT_APIKEY_PREFIX  "~api:"

#define NGX_CHAT_APIKEY_DIGEST  32


typedef struct {
    u_char                    digest[NGX_CHAT_APIKEY_DIGEST];    /* SHA-256 */
    ngx_str_t                 id;        /* "~api:NAME" */
    uint32_t                  scopes;
    ngx_chat_roles_t          rooms;     /* patterns, where `confined' */
    ngx_uint_t                confined;
} ngx_chat_apikey_t;


typedef struct {
    ngx_chat_file_t           file;
    ngx_pool_t               *pool;      /* of the keys; NULL: none */
    ngx_uint_t                n;
    ngx_chat_apikey_t        *keys;      /* the last good ones */
} ngx_chat_apikey_file_t;


/*
 * Reads the keys; for nginx -t.  NGX_OK; NGX_DECLINED: *why says why, and *err
 * is errno or 0.
 */
ngx_int_t ngx_chat_apikey_load(ngx_chat_apikey_file_t *f, ngx_log_t *log,
    const char **why, ngx_err_t *err);
void ngx_chat_apikey_unload(ngx_chat_apikey_file_t *f);

/*
 * Who it is that gives this key: his strings are in the pool.  The time it
 * takes tells nothing of the keys.  NGX_OK; NGX_DECLINED: nobody; NGX_ERROR: no
 * memory.
 */
ngx_int_t ngx_chat_apikey_find(ngx_array_t *files, ngx_str_t *secret,
    ngx_pool_t *pool, ngx_log_t *log, ngx_chat_user_t *user);

/* the one where no keys are asked for: he may do everything */
void ngx_chat_apikey_none(ngx_chat_user_t *user);


#endif /* _NGX_CHAT_APIKEY_H_INCLUDED_ */
