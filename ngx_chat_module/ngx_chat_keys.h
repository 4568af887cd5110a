
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Files with keys of tokens, read again when they have changed, sets of keys
 * that are fetched, and who a token says somebody is.
 */


#ifndef _NGX_CHAT_KEYS_H_INCLUDED_
#define _NGX_CHAT_KEYS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_broker.h"
#include "ngx_chat_fetch.h"
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

    /* a set that is fetched; `name' is the URL then */
    ngx_chat_fetch_url_t    *url;        /* NULL: it is a file */
    ngx_str_t                iss;        /* only for its tokens; len 0: all */
    time_t                   every;      /* s, between two fetches */
    ngx_chat_fetch_t        *fetch;      /* that is under way */
    ngx_msec_t               begun;      /* the last one */
    ngx_msec_t               asked;      /* the last one for a "kid" */
    ngx_queue_t              waiting;    /* of ngx_chat_wait_t */
    ngx_event_t              timer;
    ngx_log_t               *log;        /* NULL: this is no worker */
    unsigned                 failing:1;  /* that was logged */
} ngx_chat_keys_file_t;


/* what a location says about tokens */

typedef struct {
    ngx_array_t             *files;      /* of ngx_chat_keys_file_t */
    ngx_uint_t               algs;       /* of all of them */
    ngx_chat_jwt_rules_t     rules;
    ngx_uint_t              *claims;     /* sessions keep them, for the log */
    ngx_chat_keys_file_t    *fetching;   /* what NGX_AGAIN was about */
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
 * expired (both are logged); NGX_ERROR: no memory; NGX_DONE: the keys can't be
 * had now.  NGX_AGAIN, not if `waited': they are being fetched, and
 * ngx_chat_auth_wait() has to be called at once, or nothing.
 */
ngx_int_t ngx_chat_auth_token(ngx_chat_auth_t *auth, ngx_str_t *token,
    ngx_pool_t *pool, ngx_log_t *log, ngx_uint_t waited,
    ngx_chat_user_t *user, time_t *expires);

/*
 * What tokens of our own are signed with: the first secret of a "chat_jwt_key",
 * with the first algorithm that it may be used with.  NULL: there is none.
 */
ngx_chat_jwt_key_t *ngx_chat_auth_signer(ngx_chat_auth_t *auth,
    ngx_log_t *log, ngx_uint_t *alg);

/* --- ngx_chat_keys_fetch.c --- */

/* w->handler runs when the fetch has come to an end, whichever */
void ngx_chat_auth_wait(ngx_chat_auth_t *auth, ngx_chat_wait_t *w);

/* a worker begins: has the set fetched, now and then again; and ends */
void ngx_chat_keys_start(ngx_chat_keys_file_t *f, ngx_log_t *log);
void ngx_chat_keys_stop(ngx_chat_keys_file_t *f);

/* a token has a "kid" that the set doesn't have, or there is no set.  NGX_OK:
   it is being fetched; NGX_DECLINED: not again so soon */
ngx_int_t ngx_chat_keys_unknown(ngx_chat_keys_file_t *f);


#endif /* _NGX_CHAT_KEYS_H_INCLUDED_ */
