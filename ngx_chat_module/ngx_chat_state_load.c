
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Reading the state files: the one with the greater generation whose table is
 * whole.  Of a damaged file all records count that are whole.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_state_private.h"


/* one of the two files, read into memory */

typedef struct {
    ngx_int_t                rc;     /* of ngx_chat_state_reader() */
    u_char                  *data;
    size_t                   size;
    ngx_chat_state_reader_t  rd;
} ngx_chat_state_image_t;


static ngx_int_t ngx_chat_state_image(ngx_chat_state_image_t *im,
    ngx_str_t *path, ngx_fd_t fd, ngx_log_t *log);
static void ngx_chat_state_scan(ngx_chat_state_image_t *im);
static ngx_int_t ngx_chat_state_choose(ngx_chat_zone_t *z,
    ngx_chat_state_t *st, ngx_chat_state_image_t *im, ngx_log_t *log);
static ngx_int_t ngx_chat_state_restore(ngx_chat_zone_t *z,
    ngx_chat_state_image_t *im, uint64_t after, uint64_t upto,
    ngx_log_t *log);


ngx_int_t
ngx_chat_state_load(ngx_chat_zone_t *z, ngx_chat_state_t *st, uint64_t after,
    uint64_t upto, ngx_log_t *log)
{
    ngx_int_t                rc, i;
    ngx_chat_state_image_t   im[2];

    ngx_memzero(im, sizeof(im));

    rc = NGX_OK;

    for (i = 0; i < 2 && rc == NGX_OK; i++) {
        rc = ngx_chat_state_image(&im[i], &st->path, st->fd[i], log);
    }

    if (rc == NGX_OK) {
        i = ngx_chat_state_choose(z, st, im, log);

        if (i == NGX_ERROR) {
            rc = NGX_ERROR;

        } else if (i != NGX_DONE) {
            rc = ngx_chat_state_restore(z, &im[i], after, upto, log);
        }
    }

    for (i = 0; i < 2; i++) {
        if (im[i].data != NULL) {
            ngx_explicit_memzero(im[i].data, im[i].size);
            ngx_free(im[i].data);
        }
    }

    return rc;
}


ngx_int_t
ngx_chat_state_probe(ngx_str_t *path, ngx_fd_t fd, ngx_log_t *log)
{
    ngx_int_t               rc;
    ngx_chat_state_image_t  im;

    ngx_memzero(&im, sizeof(im));

    rc = ngx_chat_state_image(&im, path, fd, log);

    if (im.data != NULL) {
        ngx_free(im.data);
    }

    return rc;
}


static ngx_int_t
ngx_chat_state_image(ngx_chat_state_image_t *im, ngx_str_t *path, ngx_fd_t fd,
    ngx_log_t *log)
{
    ssize_t      n;
    struct stat  st;

    if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode)
        || st.st_size > NGX_CHAT_STATE_FILE_MAX)
    {
        ngx_log_error(NGX_LOG_EMERG, log, 0,
                      "\"%V\" can't be a state file, write another \"state=\"",
                      path);
        return NGX_ERROR;
    }

    im->data = ngx_alloc((size_t) st.st_size + 1, log);
    if (im->data == NULL) {
        return NGX_ERROR;
    }

    while (im->size < (size_t) st.st_size) {

        n = pread(fd, im->data + im->size, (size_t) st.st_size - im->size,
                  (off_t) im->size);

        if (n == -1 && ngx_errno == NGX_EINTR) {
            continue;
        }

        if (n == -1) {
            ngx_log_error(NGX_LOG_EMERG, log, ngx_errno,
                          "reading the state file \"%V\" failed", path);
            return NGX_ERROR;
        }

        if (n == 0) {
            break;
        }

        im->size += (size_t) n;
    }

    im->rc = ngx_chat_state_reader(&im->rd, im->data, im->size);

    if (im->rc == NGX_DECLINED) {
        ngx_log_error(NGX_LOG_EMERG, log, 0,
                      "\"%V\" is no state file, write another \"state=\" or "
                      "remove it", path);
        return NGX_ERROR;
    }

    if (im->rc == NGX_ABORT) {
        ngx_log_error(NGX_LOG_EMERG, log, 0,
                      "\"%V\" is a state file of another version, write "
                      "another \"state=\" or remove it", path);
        return NGX_ERROR;
    }

    if (im->rc == NGX_OK) {
        ngx_chat_state_scan(im);
    }

    return NGX_OK;
}


static void
ngx_chat_state_scan(ngx_chat_state_image_t *im)
{
    u_char          *pos;
    ngx_uint_t       type;
    ngx_chat_row_t   row;

    pos = im->rd.pos;

    while (ngx_chat_state_get(&im->rd, &type, &row) == NGX_OK) { /* void */ }

    im->rd.pos = pos;
}


/* which of them; NGX_DONE: there is nothing; NGX_ERROR: nothing is usable */

static ngx_int_t
ngx_chat_state_choose(ngx_chat_zone_t *z, ngx_chat_state_t *st,
    ngx_chat_state_image_t *im, ngx_log_t *log)
{
    ngx_int_t    i, best;
    const char  *kept, *lost;

    best = NGX_DONE;

    for (i = 0; i < 2; i++) {

        if (im[i].rc == NGX_OK && im[i].rd.whole
            && (best == NGX_DONE
                || im[i].rd.generation > im[best].rd.generation))
        {
            best = i;
        }
    }

    /* the first table was not finished, or both files are damaged: then what
       is left of the newer one is better than nothing */

    for (i = 0; i < 2 && best == NGX_DONE; i++) {
        if (im[i].rc == NGX_OK
            && (im[!i].rc != NGX_OK
                || im[i].rd.generation >= im[!i].rd.generation))
        {
            best = i;
        }
    }

    if (best == NGX_DONE) {

        if (im[0].rc == NGX_ERROR || im[1].rc == NGX_ERROR) {
            ngx_log_error(NGX_LOG_EMERG, log, 0,
                          "the state file \"%V\" is damaged at its begin: "
                          "restore it and \"%V.alt\" from a backup, or remove "
                          "both", &st->path, &st->path);
            return NGX_ERROR;
        }

        z->sh->state_active = 1;
        return NGX_DONE;
    }

    if (im[!best].rc == NGX_ERROR) {
        kept = best ? ".alt" : "";
        lost = best ? "" : ".alt";

        ngx_log_error(NGX_LOG_ERR, log, 0,
                      "the state file \"%V%s\" is damaged at its begin, what "
                      "\"%V%s\" has was read, which may be older",
                      &st->path, lost, &st->path, kept);
    }

    z->sh->state_active = (uint32_t) best;
    z->sh->state_file[best].generation = im[best].rd.generation;

    if (im[!best].rc == NGX_OK
        && im[!best].rd.generation > im[best].rd.generation)
    {
        /* that one was being written, and never got whole; the next one must
           be newer than both */

        z->sh->state_file[best].generation = im[!best].rd.generation;
    }

    return best;
}


static ngx_int_t
ngx_chat_state_restore(ngx_chat_zone_t *z, ngx_chat_state_image_t *im,
    uint64_t after, uint64_t upto, ngx_log_t *log)
{
    uint64_t         base;
    ngx_uint_t       type, rows, deleted;
    ngx_chat_row_t   row;

    /* what was read before, if this is not the first time */
    base = (upto != 0) ? z->sh->state_base : 0;
    rows = 0;

    ngx_chat_table_floor(z, im->rd.seq);

    im->rd.skipped = 0;

    while (ngx_chat_state_get(&im->rd, &type, &row) == NGX_OK) {

        if (type == NGX_CHAT_STATE_END || row.seq <= base) {
            continue;
        }

        deleted = (type == NGX_CHAT_STATE_DELETE
                   || (row.expires != 0
                       && row.expires <= (uint64_t) ngx_time()));
        rows++;

        if (ngx_chat_table_restore(z, &row, deleted, after, upto) != NGX_OK) {
            ngx_log_error(NGX_LOG_EMERG, log, 0,
                          "chat zone \"%V\" is too small for what its state "
                          "file has, write a larger size", &z->name);
            return NGX_ERROR;
        }
    }

    if (im->rd.skipped || im->rd.torn) {
        ngx_log_error(NGX_LOG_ERR, log, 0,
                      "the state file of chat zone \"%V\" is damaged: %uz "
                      "bytes in it and %uz at its end were ignored, %ui "
                      "records were read", &z->name, im->rd.skipped,
                      im->rd.torn, rows);
    }

    z->sh->state_base = im->rd.seq;

    return NGX_OK;
}
