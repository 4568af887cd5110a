
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Writing the state file.  Only one process is in here at a time, with the
 * lock of fcntl(); what it leaves half done when it dies lies behind the
 * position that the zone knows, and is cut off.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_state_private.h"
#include "ngx_chat_test.h"
#include "ngx_chat_token.h"


#define NGX_CHAT_STATE_BUFFER  65536


typedef struct {
    ngx_fd_t     fd;
    off_t        pos;
    uint64_t     salt;
    u_char      *start;
    u_char      *last;
} ngx_chat_state_writer_t;


static ngx_int_t ngx_chat_state_writer(ngx_chat_state_writer_t *w,
    ngx_fd_t fd, off_t pos);
static ngx_int_t ngx_chat_state_rows(ngx_chat_zone_t *z,
    ngx_chat_state_writer_t *w);
static ngx_int_t ngx_chat_state_changes(ngx_chat_zone_t *z,
    ngx_chat_state_writer_t *w, uint64_t upto);
static ngx_int_t ngx_chat_state_add(ngx_chat_state_writer_t *w,
    ngx_uint_t type, ngx_chat_row_t *row);
static ngx_int_t ngx_chat_state_out(ngx_chat_state_writer_t *w);
static void ngx_chat_state_done(ngx_chat_state_writer_t *w);


ngx_int_t
ngx_chat_state_append(ngx_chat_zone_t *z, ngx_chat_state_t *st)
{
    uint64_t                  upto;
    ngx_int_t                 rc;
    ngx_chat_sh_t            *sh;
    ngx_chat_state_file_t    *file;
    ngx_chat_state_writer_t   w;

    sh = z->sh;
    file = &sh->state_file[sh->state_active];
    upto = ngx_chat_table_version(z);

    if (ngx_chat_state_writer(&w, st->fd[sh->state_active], (off_t) file->pos)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    w.salt = file->salt;

    rc = ngx_chat_state_changes(z, &w, upto);

    if (rc == NGX_OK) {
        rc = ngx_chat_state_out(&w);
    }

    if (rc == NGX_OK) {
        ngx_chat_test_point("state:written");

        sh->state_unsynced = 1;
        ngx_chat_store(&file->pos, (uint64_t) w.pos);
        ngx_chat_store(&sh->state_saved, upto);
    }

    ngx_chat_state_done(&w);

    return rc;
}


/*
 * What changes meanwhile has a sequence that is greater than the one at the
 * begin, so it is appended by the next call whether it is in here or not.
 */

ngx_int_t
ngx_chat_state_whole(ngx_chat_zone_t *z, ngx_chat_state_t *st)
{
    uint32_t                  other, wholes;
    uint64_t                  upto;
    ngx_int_t                 rc;
    ngx_chat_sh_t            *sh;
    ngx_chat_state_file_t     file;
    ngx_chat_state_writer_t   w;

    sh = z->sh;
    other = !sh->state_active;
    wholes = ngx_chat_load(&sh->state_whole);
    upto = ngx_chat_table_version(z);

    file.generation = sh->state_file[sh->state_active].generation + 1;

    if (ngx_chat_random((u_char *) &file.salt, sizeof(file.salt)) != NGX_OK
        || ngx_chat_state_writer(&w, st->fd[other], 0) != NGX_OK)
    {
        return NGX_ERROR;
    }

    w.salt = file.salt;
    w.last = ngx_chat_state_put_header(w.last, file.generation, file.salt);

    rc = ngx_chat_state_rows(z, &w);

    if (rc == NGX_OK) {
        rc = ngx_chat_state_out(&w);
    }

    ngx_chat_test_point("state:rows");

    /* its end must not be on the disk before the rest is */

    if (rc == NGX_OK && z->state_sync != NGX_CHAT_SYNC_OFF
        && fdatasync(w.fd) == -1)
    {
        rc = NGX_ERROR;
    }

    if (rc == NGX_OK) {
        rc = ngx_chat_state_add(&w, NGX_CHAT_STATE_END, NULL);
    }

    if (rc == NGX_OK) {
        rc = ngx_chat_state_out(&w);
    }

    if (rc == NGX_OK && z->state_sync != NGX_CHAT_SYNC_OFF
        && fdatasync(w.fd) == -1)
    {
        rc = NGX_ERROR;
    }

    if (rc == NGX_OK) {
        ngx_chat_test_point("state:whole");

        file.pos = (uint64_t) w.pos;
        file.snapshot = file.pos;
        sh->state_file[other] = file;

        ngx_chat_store(&sh->state_active, other);
        ngx_chat_store(&sh->state_saved, upto);
        ngx_chat_store(&sh->state_wholes, wholes);
    }

    ngx_chat_state_done(&w);

    return rc;
}


ngx_int_t
ngx_chat_state_sync(ngx_chat_zone_t *z, ngx_chat_state_t *st, uint64_t now)
{
    ngx_chat_sh_t  *sh;

    sh = z->sh;

    if (z->state_sync == NGX_CHAT_SYNC_OFF || !sh->state_unsynced
        || (z->state_sync == NGX_CHAT_SYNC_SECOND && sh->state_synced == now))
    {
        return NGX_OK;
    }

    sh->state_unsynced = 0;
    sh->state_synced = now;

    if (fdatasync(st->fd[sh->state_active]) == -1) {

        /* the kernel may have dropped what it could not write */

        ngx_chat_store(&sh->state_whole, sh->state_whole + 1);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* nothing that was left behind `pos' may be taken for what is written there */

static ngx_int_t
ngx_chat_state_writer(ngx_chat_state_writer_t *w, ngx_fd_t fd, off_t pos)
{
    struct stat  st;

    w->fd = fd;
    w->pos = pos;

    if (fstat(fd, &st) == -1
        || (st.st_size > pos && ftruncate(fd, pos) == -1))
    {
        return NGX_ERROR;
    }

    w->start = malloc(NGX_CHAT_STATE_BUFFER + NGX_CHAT_STATE_MAX);
    w->last = w->start;

    return (w->start != NULL) ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_chat_state_rows(ngx_chat_zone_t *z, ngx_chat_state_writer_t *w)
{
    u_char          value[NGX_CHAT_VALUE_MAX];
    uint32_t        pos;
    ngx_int_t       rc;
    ngx_chat_row_t  like, row;

    ngx_memzero(&like, sizeof(ngx_chat_row_t));
    pos = 0;

    for ( ;; ) {
        row.value.data = value;

        rc = ngx_chat_table_next(z, &like, &pos, (uint64_t) ngx_time(), &row);

        if (rc == NGX_DONE) {
            return NGX_OK;
        }

        if (rc == NGX_OK
            && ngx_chat_state_add(w, NGX_CHAT_STATE_ROW, &row) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }
}


static ngx_int_t
ngx_chat_state_changes(ngx_chat_zone_t *z, ngx_chat_state_writer_t *w,
    uint64_t upto)
{
    u_char          value[NGX_CHAT_VALUE_MAX];
    uint32_t        pos;
    ngx_int_t       rc;
    ngx_uint_t      deleted;
    ngx_chat_row_t  row;

    pos = 0;

    for ( ;; ) {
        row.value.data = value;

        rc = ngx_chat_table_changed(z, z->sh->state_saved, upto, &pos, &row,
                                    &deleted);
        if (rc == NGX_DONE) {
            return NGX_OK;
        }

        if (rc != NGX_OK) {
            continue;
        }

        if (deleted) {
            row.value.len = 0;
        }

        if (ngx_chat_state_add(w, deleted ? NGX_CHAT_STATE_DELETE
                                          : NGX_CHAT_STATE_SET, &row)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }
}


static ngx_int_t
ngx_chat_state_add(ngx_chat_state_writer_t *w, ngx_uint_t type,
    ngx_chat_row_t *row)
{
    w->last = ngx_chat_state_put(w->last, w->salt, type, row);

    return (w->last - w->start < NGX_CHAT_STATE_BUFFER)
           ? NGX_OK : ngx_chat_state_out(w);
}


static ngx_int_t
ngx_chat_state_out(ngx_chat_state_writer_t *w)
{
    u_char   *p;
    ssize_t   n;

    for (p = w->start; p < w->last; p += n) {

        n = pwrite(w->fd, p, (size_t) (w->last - p), w->pos);

        if (n == -1 && ngx_errno == NGX_EINTR) {
            n = 0;
        }

        if (n == -1) {
            return NGX_ERROR;
        }

        w->pos += n;
    }

    w->last = w->start;

    return NGX_OK;
}


/* there may be secrets in it */

static void
ngx_chat_state_done(ngx_chat_state_writer_t *w)
{
    ngx_err_t  err;

    err = ngx_errno;

    ngx_explicit_memzero(w->start, NGX_CHAT_STATE_BUFFER + NGX_CHAT_STATE_MAX);
    free(w->start);

    ngx_set_errno(err);
}
