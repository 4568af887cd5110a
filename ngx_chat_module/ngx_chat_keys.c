
/*
 * Copyright (C) the ngx_chat_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <openssl/crypto.h>
#include "ngx_chat_keys.h"
#include "ngx_chat_table.h"


static ngx_chat_jwt_keys_t *ngx_chat_keys_read(ngx_chat_keys_file_t *f,
    ngx_log_t *log, const char **why, ngx_err_t *err);
static ngx_int_t ngx_chat_keys_read_fd(ngx_fd_t fd, u_char *buf, size_t size,
    size_t *len);
static void ngx_chat_keys_version(ngx_file_info_t *fi,
    ngx_chat_keys_version_t *v);
static void ngx_chat_keys_refresh(ngx_chat_keys_file_t *f, ngx_log_t *log);
static ngx_int_t ngx_chat_auth_signature(ngx_chat_auth_t *auth,
    ngx_chat_jwt_t *jwt, ngx_pool_t *pool, ngx_log_t *log, ngx_uint_t waited,
    const char **why);
static ngx_int_t ngx_chat_auth_refetch(ngx_chat_auth_t *auth,
    ngx_chat_keys_file_t *lacking, ngx_uint_t waited);


ngx_int_t
ngx_chat_keys_load(ngx_chat_keys_file_t *f, ngx_log_t *log, const char **why,
    ngx_err_t *err)
{
    f->keys = ngx_chat_keys_read(f, log, why, err);

    return (f->keys != NULL) ? NGX_OK : NGX_DECLINED;
}


void
ngx_chat_keys_unload(ngx_chat_keys_file_t *f)
{
    if (f->keys != NULL) {
        ngx_chat_jwt_keys_free(f->keys);
        f->keys = NULL;
    }
}


/* f->version is what was read, or what could not be */

static ngx_chat_jwt_keys_t *
ngx_chat_keys_read(ngx_chat_keys_file_t *f, ngx_log_t *log, const char **why,
    ngx_err_t *err)
{
    ngx_fd_t              fd;
    ngx_str_t             text;
    ngx_file_info_t       fi;
    ngx_chat_jwt_keys_t  *keys;

    *why = "it can't be read";

    /* without waiting, should it be a pipe */

    fd = ngx_open_file(f->name.data, NGX_FILE_RDONLY|NGX_FILE_NONBLOCK,
                       NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {
        *err = ngx_errno;
        return NULL;
    }

    *err = 0;
    keys = NULL;
    text.data = NULL;

    if (ngx_fd_info(fd, &fi) == NGX_FILE_ERROR) {
        *err = ngx_errno;
        goto done;
    }

    ngx_chat_keys_version(&fi, &f->version);

    if (!ngx_is_file(&fi)) {
        *why = "it is no regular file";
        goto done;
    }

    if (ngx_file_size(&fi) > NGX_CHAT_JWT_FILE_MAX) {
        *why = "it is larger than 64k";
        goto done;
    }

    text.data = ngx_alloc(NGX_CHAT_JWT_FILE_MAX + 1, log);

    if (text.data == NULL
        || ngx_chat_keys_read_fd(fd, text.data, NGX_CHAT_JWT_FILE_MAX,
                                 &text.len)
           != NGX_OK)
    {
        goto done;
    }

    keys = ngx_chat_jwt_keys_read(&text, f->algs, log, why);

    OPENSSL_cleanse(text.data, text.len);

done:

    if (text.data != NULL) {
        ngx_free(text.data);
    }

    if (ngx_close_file(fd) == NGX_FILE_ERROR) {
        ngx_log_error(NGX_LOG_ALERT, log, ngx_errno,
                      ngx_close_file_n " \"%V\" failed", &f->name);
    }

    return keys;
}


static ngx_int_t
ngx_chat_keys_read_fd(ngx_fd_t fd, u_char *buf, size_t size, size_t *len)
{
    ssize_t  n;

    *len = 0;

    while (*len < size) {
        n = ngx_read_fd(fd, buf + *len, size - *len);

        if (n == 0) {
            return NGX_OK;
        }

        if (n < 0) {
            return NGX_ERROR;
        }

        *len += (size_t) n;
    }

    return NGX_OK;
}


static void
ngx_chat_keys_version(ngx_file_info_t *fi, ngx_chat_keys_version_t *v)
{
    /* compared as bytes */
    ngx_memzero(v, sizeof(ngx_chat_keys_version_t));

    v->inode = ngx_file_uniq(fi);
    v->size = ngx_file_size(fi);
    v->sec = fi->st_mtim.tv_sec;
    v->nsec = fi->st_mtim.tv_nsec;
}


/* at most once a second; a file that is worse than before changes nothing */

static void
ngx_chat_keys_refresh(ngx_chat_keys_file_t *f, ngx_log_t *log)
{
    ngx_err_t                 err;
    const char               *why;
    ngx_file_info_t           fi;
    ngx_chat_jwt_keys_t      *keys;
    ngx_chat_keys_version_t   version;

    if (f->url != NULL || f->checked == ngx_time()) {
        return;
    }

    f->checked = ngx_time();

    ngx_memzero(&version, sizeof(ngx_chat_keys_version_t));

    if (ngx_file_info(f->name.data, &fi) != NGX_FILE_ERROR) {
        ngx_chat_keys_version(&fi, &version);
    }

    if (ngx_memcmp(&version, &f->version, sizeof(ngx_chat_keys_version_t))
        == 0)
    {
        return;
    }

    /* logged once for each version, and once if it isn't there */

    f->version = version;

    keys = ngx_chat_keys_read(f, log, &why, &err);

    if (keys == NULL) {
        ngx_log_error(NGX_LOG_ERR, log, err,
                      "the keys of chat tokens in \"%V\" have changed and "
                      "can't be used, those of before are kept: %s",
                      &f->name, why);
        return;
    }

    /* `log' may be a connection's, which the keys outlive */
    keys->pool->log = ngx_cycle->log;

    ngx_chat_keys_unload(f);
    f->keys = keys;

    ngx_log_error(NGX_LOG_NOTICE, log, 0,
                  "the keys of chat tokens in \"%V\" were read again",
                  &f->name);
}


ngx_int_t
ngx_chat_auth_token(ngx_chat_auth_t *auth, ngx_str_t *token, ngx_pool_t *pool,
    ngx_log_t *log, ngx_uint_t waited, ngx_chat_user_t *user, time_t *expires)
{
    ngx_int_t       rc;
    const char     *why;
    ngx_chat_jwt_t  jwt;

    rc = ngx_chat_jwt_parse(&jwt, token, auth->algs, pool, &why);

    if (rc == NGX_OK) {
        rc = ngx_chat_auth_signature(auth, &jwt, pool, log, waited, &why);
    }

    if (rc == NGX_OK) {
        rc = ngx_chat_jwt_check_claims(&jwt, &auth->rules, ngx_time(), pool,
                                       expires, &why);
    }

    if (rc == NGX_OK) {
        rc = ngx_chat_jwt_user(&jwt, &auth->rules, pool, user, &why);
    }

    if (rc == NGX_OK) {
        user->claims = jwt.claims;
    }

    if (rc == NGX_DECLINED || rc == NGX_ABORT || rc == NGX_DONE) {
        ngx_log_error(NGX_LOG_INFO, log, 0, "chat token refused: %s", why);
    }

    return rc;
}


/*
 * A set with an issuer is good for its tokens alone: who signs for one must not
 * speak for another.
 */

static ngx_int_t
ngx_chat_auth_signature(ngx_chat_auth_t *auth, ngx_chat_jwt_t *jwt,
    ngx_pool_t *pool, ngx_log_t *log, ngx_uint_t waited, const char **why)
{
    ngx_int_t              rc;
    ngx_str_t              iss;
    ngx_uint_t             i, known;
    ngx_chat_keys_file_t  *f, *lacking;

    rc = ngx_chat_jwt_string(pool, &jwt->claims, "iss", &iss);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    f = auth->files->elts;
    known = 0;
    lacking = NULL;

    for (i = 0; i < auth->files->nelts; i++) {

        if (!(f[i].algs & ((ngx_uint_t) 1 << jwt->alg))
            || (f[i].iss.len > 0
                && (rc != NGX_OK || iss.len != f[i].iss.len
                    || ngx_memcmp(iss.data, f[i].iss.data, iss.len) != 0)))
        {
            continue;
        }

        ngx_chat_keys_refresh(&f[i], log);

        switch (f[i].keys ? ngx_chat_jwt_check_signature(jwt, f[i].keys)
                          : NGX_AGAIN)
        {
        case NGX_OK:
            return NGX_OK;

        case NGX_DECLINED:
            known = 1;
            break;

        default:
            /* one without keys is more urgent */

            if (f[i].url != NULL
                && (lacking == NULL || f[i].keys == NULL))
            {
                lacking = &f[i];
            }
        }
    }

    *why = known ? "its signature isn't of a key that we have"
                 : "its \"kid\" is no key that we have";

    if (known || lacking == NULL) {
        return NGX_DECLINED;
    }

    rc = ngx_chat_auth_refetch(auth, lacking, waited);

    if (rc == NGX_DONE) {
        *why = "the key set can't be had";
    }

    return rc;
}


static ngx_int_t
ngx_chat_auth_refetch(ngx_chat_auth_t *auth, ngx_chat_keys_file_t *lacking,
    ngx_uint_t waited)
{
    if (!waited && ngx_chat_keys_unknown(lacking) == NGX_OK) {
        auth->fetching = lacking;
        return NGX_AGAIN;
    }

    return (lacking->keys == NULL) ? NGX_DONE : NGX_DECLINED;
}


ngx_chat_jwt_key_t *
ngx_chat_auth_signer(ngx_chat_auth_t *auth, ngx_log_t *log, ngx_uint_t *alg)
{
    ngx_uint_t             i, k, algs;
    ngx_chat_jwt_key_t    *key;
    ngx_chat_keys_file_t  *f;

    f = auth->files->elts;

    for (i = 0; i < auth->files->nelts; i++) {

        if (f[i].set) {
            continue;
        }

        ngx_chat_keys_refresh(&f[i], log);

        for (k = 0; f[i].keys != NULL && k < f[i].keys->n; k++) {
            key = &f[i].keys->key[k];
            algs = key->algs & f[i].algs;

            if (key->pkey != NULL || algs == 0) {
                continue;
            }

            for (*alg = 0; !(algs & ((ngx_uint_t) 1 << *alg)); (*alg)++) {
                /* void */
            }

            return key;
        }
    }

    return NULL;
}
