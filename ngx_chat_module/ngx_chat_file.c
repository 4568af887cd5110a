
/*
 * Copyright (C) the ngx_chat_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <openssl/crypto.h>
#include "ngx_chat_file.h"


static ngx_int_t ngx_chat_file_read_fd(ngx_chat_file_t *f, ngx_fd_t fd,
    size_t max, ngx_log_t *log, ngx_str_t *text, const char **why,
    ngx_err_t *err);
static ngx_uint_t ngx_chat_file_version(ngx_chat_file_t *f,
    ngx_file_info_t *fi);


ngx_int_t
ngx_chat_file_read(ngx_chat_file_t *f, size_t max, ngx_log_t *log,
    ngx_str_t *text, const char **why, ngx_err_t *err)
{
    ngx_fd_t   fd;
    ngx_int_t  rc;

    ngx_str_null(text);

    *why = "it can't be read";
    *err = 0;

    /* without waiting, should it be a pipe */

    fd = ngx_open_file(f->name.data, NGX_FILE_RDONLY|NGX_FILE_NONBLOCK,
                       NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {
        *err = ngx_errno;
        return NGX_DECLINED;
    }

    rc = ngx_chat_file_read_fd(f, fd, max, log, text, why, err);

    if (rc != NGX_OK) {
        ngx_chat_file_wipe(text);
    }

    if (ngx_close_file(fd) == NGX_FILE_ERROR) {
        ngx_log_error(NGX_LOG_ALERT, log, ngx_errno,
                      ngx_close_file_n " \"%V\" failed", &f->name);
    }

    return rc;
}


static ngx_int_t
ngx_chat_file_read_fd(ngx_chat_file_t *f, ngx_fd_t fd, size_t max,
    ngx_log_t *log, ngx_str_t *text, const char **why, ngx_err_t *err)
{
    ssize_t          n;
    ngx_file_info_t  fi;

    if (ngx_fd_info(fd, &fi) == NGX_FILE_ERROR) {
        *err = ngx_errno;
        return NGX_DECLINED;
    }

    (void) ngx_chat_file_version(f, &fi);

    if (!ngx_is_file(&fi)) {
        *why = "it is no regular file";
        return NGX_DECLINED;
    }

    /* one byte more: it may have grown since it was looked at */

    text->data = ngx_alloc(max + 1, log);
    if (text->data == NULL) {
        return NGX_DECLINED;
    }

    while (text->len <= max) {
        n = ngx_read_fd(fd, text->data + text->len, max + 1 - text->len);

        if (n == 0) {
            return NGX_OK;
        }

        if (n < 0) {
            *err = ngx_errno;
            return NGX_DECLINED;
        }

        text->len += (size_t) n;
    }

    *why = "it is too large";

    return NGX_DECLINED;
}


void
ngx_chat_file_wipe(ngx_str_t *text)
{
    if (text->data == NULL) {
        return;
    }

    OPENSSL_cleanse(text->data, text->len);
    ngx_free(text->data);
    ngx_str_null(text);
}


ngx_uint_t
ngx_chat_file_changed(ngx_chat_file_t *f)
{
    ngx_file_info_t  fi;

    if (f->checked == ngx_time()) {
        return 0;
    }

    f->checked = ngx_time();

    if (ngx_file_info(f->name.data, &fi) == NGX_FILE_ERROR) {
        /* nothing there is a version, too */
        ngx_memzero(&fi, sizeof(ngx_file_info_t));
    }

    return ngx_chat_file_version(f, &fi);
}


/* whether it is another one */

static ngx_uint_t
ngx_chat_file_version(ngx_chat_file_t *f, ngx_file_info_t *fi)
{
    ngx_uint_t  other;

    other = f->inode != ngx_file_uniq(fi) || f->size != ngx_file_size(fi)
            || f->sec != fi->st_mtim.tv_sec
            || f->nsec != fi->st_mtim.tv_nsec;

    f->inode = ngx_file_uniq(fi);
    f->size = ngx_file_size(fi);
    f->sec = fi->st_mtim.tv_sec;
    f->nsec = fi->st_mtim.tv_nsec;

    return other;
}
