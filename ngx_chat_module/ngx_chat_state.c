
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * The state file's life: it is opened, read, taken over from another nginx,
 * written, closed.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <sys/file.h>
#include "ngx_chat_state_private.h"


#define NGX_CHAT_STATE_WAIT      2500    /* ms, as nginx waits for an address */
#define NGX_CHAT_STATE_GARBAGE   (1024 * 1024)


static ngx_int_t ngx_chat_state_continue(ngx_chat_zone_t *z,
    ngx_chat_zone_t *before, ngx_log_t *log);
static ngx_int_t ngx_chat_state_files(ngx_chat_state_t *st, ngx_log_t *log);
static void ngx_chat_state_rights(ngx_fd_t fd, u_char *name, ngx_log_t *log);
static ngx_int_t ngx_chat_state_start(ngx_chat_zone_t *z, ngx_log_t *log);
static void ngx_chat_state_free(ngx_chat_state_t *st);
static ngx_int_t ngx_chat_state_write(ngx_chat_zone_t *z, uint64_t now,
    ngx_log_t *log);
static ngx_int_t ngx_chat_state_takeover(ngx_chat_zone_t *z, ngx_log_t *log);
static void ngx_chat_state_told(ngx_chat_zone_t *z, ngx_int_t rc,
    ngx_log_t *log);
static ngx_int_t ngx_chat_state_lock(ngx_chat_state_t *st, short type);
static ngx_uint_t ngx_chat_state_wants_whole(ngx_chat_sh_t *sh);


ngx_int_t
ngx_chat_state_test(ngx_chat_zone_t *z, ngx_log_t *log)
{
    ngx_fd_t    fd;
    ngx_int_t   rc;
    ngx_err_t   err;
    ngx_str_t   dir;

    fd = open((char *) z->state_path.data, O_RDONLY|O_NONBLOCK|O_CLOEXEC);

    if (fd != -1) {
        rc = ngx_chat_state_probe(&z->state_path, fd, log);
        (void) close(fd);

        return rc;
    }

    err = ngx_errno;

    dir = z->state_path;

    while (dir.len > 1 && dir.data[dir.len - 1] != '/') {
        dir.len--;
    }

    if (err == NGX_ENOENT) {
        u_char  name[NGX_MAX_PATH + 1];

        (void) ngx_cpystrn(name, dir.data, ngx_min(dir.len + 1,
                                                   sizeof(name)));

        if (access((char *) name, W_OK|X_OK) == 0) {
            return NGX_OK;
        }

        err = ngx_errno;
    }

    ngx_log_error(NGX_LOG_EMERG, log, err,
                  "the state file \"%V\" can't be opened: \"state=\" needs a "
                  "directory that is there and a file that nginx's master may "
                  "read and write", &z->state_path);

    return NGX_ERROR;
}


ngx_int_t
ngx_chat_state_open(ngx_chat_zone_t *z, ngx_chat_zone_t *before,
    ngx_log_t *log)
{
    ngx_chat_state_t  *st;

    if (before != NULL && before->state != NULL) {
        return ngx_chat_state_continue(z, before, log);
    }

    st = ngx_calloc(sizeof(ngx_chat_state_t) + z->state_path.len + 1, log);
    if (st == NULL) {
        return NGX_ERROR;
    }

    st->refs = 1;
    st->fd[0] = NGX_INVALID_FILE;
    st->fd[1] = NGX_INVALID_FILE;
    st->path.data = (u_char *) (st + 1);
    st->path.len = z->state_path.len;
    ngx_memcpy(st->path.data, z->state_path.data, st->path.len);

    if (ngx_chat_state_files(st, log) != NGX_OK) {
        ngx_chat_state_free(st);
        return NGX_ERROR;
    }

    z->state = st;

    if (ngx_chat_state_start(z, log) != NGX_OK) {
        ngx_chat_state_close(z);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* the next cycle, with the same memory or a copy of it */

static ngx_int_t
ngx_chat_state_continue(ngx_chat_zone_t *z, ngx_chat_zone_t *before,
    ngx_log_t *log)
{
    ngx_msec_t         ms;
    ngx_chat_sh_t     *sh, *from;
    ngx_chat_state_t  *st;

    st = before->state;

    if (st->path.len != z->state_path.len
        || ngx_memcmp(st->path.data, z->state_path.data, st->path.len) != 0)
    {
        ngx_log_error(NGX_LOG_EMERG, log, 0,
                      "chat zone \"%V\" keeps its state in \"%V\": another "
                      "\"state=\" needs a restart", &z->name, &st->path);
        return NGX_ERROR;
    }

    sh = z->sh;
    from = before->sh;

    if (sh != from) {

        /* a worker may just be writing; the next one will find it moved */

        for (ms = 0; ngx_chat_state_begin(st) != NGX_OK; ms += 10) {

            if (ms >= 2 * NGX_CHAT_STATE_WAIT) {
                ngx_log_error(NGX_LOG_EMERG, log, 0,
                              "the state file \"%V\" is being written for too "
                              "long, try again", &st->path);
                return NGX_ERROR;
            }

            ngx_msleep(10);
        }

        sh->state_on = 1;
        sh->state_ready = from->state_ready;
        sh->state_active = from->state_active;
        sh->state_base = from->state_base;
        sh->state_mark = from->state_mark;
        sh->state_saved = from->state_saved;
        sh->state_file[0] = from->state_file[0];
        sh->state_file[1] = from->state_file[1];
        sh->state_whole = 1;
        sh->state_wholes = 0;

        ngx_chat_state_end(st);
    }

    st->refs++;
    z->state = st;

    return NGX_OK;
}


static ngx_int_t
ngx_chat_state_files(ngx_chat_state_t *st, ngx_log_t *log)
{
    u_char      name[NGX_MAX_PATH + sizeof(".alt")];
    ngx_int_t   rc;
    ngx_uint_t  i, ms;

    if (st->path.len > NGX_MAX_PATH) {
        return NGX_ERROR;
    }

    for (i = 0; i < 2; i++) {

        (void) ngx_sprintf(name, "%V%s%Z", &st->path, i ? ".alt" : "");

        st->fd[i] = open((char *) name, O_RDWR|O_CREAT|O_NONBLOCK|O_CLOEXEC,
                         0600);

        if (st->fd[i] == NGX_INVALID_FILE) {
            ngx_log_error(NGX_LOG_EMERG, log, ngx_errno,
                          "the state file \"%s\" can't be opened: \"state=\" "
                          "needs a directory that is there and a file that "
                          "nginx's master may read and write", name);
            return NGX_ERROR;
        }

        ngx_chat_state_rights(st->fd[i], name, log);
    }

    rc = ngx_chat_state_take(st);

    /* the workers of one that was killed are about to end; the one that we are
       to replace is not */

    for (ms = 0; rc != NGX_OK && !ngx_inherited && ms < NGX_CHAT_STATE_WAIT;
         ms += 50)
    {
        ngx_msleep(50);
        rc = ngx_chat_state_take(st);
    }

    if (rc != NGX_OK && !ngx_inherited) {
        ngx_log_error(NGX_LOG_EMERG, log, 0,
                      "the state file \"%V\" is in use by another nginx, "
                      "write another \"state=\" or stop that one", &st->path);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* one that was there before, from a backup or made by hand, keeps its mode */

static void
ngx_chat_state_rights(ngx_fd_t fd, u_char *name, ngx_log_t *log)
{
    struct stat  st;

    if (fstat(fd, &st) == 0 && (st.st_mode & S_IRWXO) != 0) {
        ngx_log_error(NGX_LOG_WARN, log, 0,
                      "the state file \"%s\" is open to everybody, it has the "
                      "secret of all tokens: run \"chmod 600\" on it", name);
    }
}


/* rows that the zone has already, since it was without a file, are newer */

static ngx_int_t
ngx_chat_state_start(ngx_chat_zone_t *z, ngx_log_t *log)
{
    uint64_t           now;
    ngx_chat_sh_t     *sh;
    ngx_chat_state_t  *st;

    sh = z->sh;
    st = z->state;

    sh->state_ready = 0;
    sh->state_base = 0;

    now = ngx_chat_table_version(z);

    if (ngx_chat_state_load(z, st, 0, z->fresh ? 0 : now, log) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_chat_zone_keep_secret(z) != NGX_OK) {
        ngx_log_error(NGX_LOG_EMERG, log, 0,
                      "chat zone \"%V\" has no place for its secret, write a "
                      "larger size", &z->name);
        return NGX_ERROR;
    }

    sh->state_mark = ngx_chat_table_version(z);
    sh->state_saved = 0;
    sh->state_on = 1;

    if (!st->locked) {
        ngx_log_error(NGX_LOG_NOTICE, log, 0,
                      "the state file \"%V\" is read, and written as soon as "
                      "the nginx that has it has quit", &st->path);
        return NGX_OK;
    }

    sh->state_ready = 1;
    sh->state_whole = sh->state_wholes + 1;

    ngx_chat_state_flush(z, (uint64_t) ngx_time(), log);

    return NGX_OK;
}


void
ngx_chat_state_close(ngx_chat_zone_t *z)
{
    if (z->state != NULL) {
        ngx_chat_state_free(z->state);
        z->state = NULL;
    }
}


static void
ngx_chat_state_free(ngx_chat_state_t *st)
{
    ngx_uint_t  i;

    if (--st->refs > 0) {
        return;
    }

    for (i = 0; i < 2; i++) {
        if (st->fd[i] != NGX_INVALID_FILE) {
            (void) close(st->fd[i]);
        }
    }

    ngx_free(st);
}


/* the lock is the open file's, which all processes of this nginx share */

ngx_int_t
ngx_chat_state_take(ngx_chat_state_t *st)
{
    if (!st->locked && flock(st->fd[0], LOCK_EX|LOCK_NB) == 0) {
        st->locked = 1;
    }

    return st->locked ? NGX_OK : NGX_DECLINED;
}


ngx_int_t
ngx_chat_state_begin(ngx_chat_state_t *st)
{
    return ngx_chat_state_lock(st, F_WRLCK);
}


void
ngx_chat_state_end(ngx_chat_state_t *st)
{
    (void) ngx_chat_state_lock(st, F_UNLCK);
}


static ngx_int_t
ngx_chat_state_lock(ngx_chat_state_t *st, short type)
{
    struct flock  fl;

    ngx_memzero(&fl, sizeof(struct flock));
    fl.l_type = type;
    fl.l_whence = SEEK_SET;

    return (fcntl(st->fd[0], F_SETLK, &fl) == 0) ? NGX_OK : NGX_DECLINED;
}


void
ngx_chat_state_flush(ngx_chat_zone_t *z, uint64_t now, ngx_log_t *log)
{
    ngx_chat_sh_t     *sh;
    ngx_chat_state_t  *st;

    st = z->state;
    sh = z->sh;

    if (st == NULL || ngx_chat_load(&sh->moved)
        || (ngx_chat_load(&sh->state_error) && sh->state_tried == now)
        || ngx_chat_state_take(st) != NGX_OK)
    {
        return;
    }

    if (ngx_chat_load(&sh->state_ready)
        && ngx_chat_table_version(z) == ngx_chat_load(&sh->state_saved)
        && !ngx_chat_state_wants_whole(sh) && !sh->state_unsynced)
    {
        return;
    }

    if (ngx_chat_state_begin(st) != NGX_OK) {
        return;
    }

    /* it may have moved before we got here: then the file is another's */

    if (!ngx_chat_load(&sh->moved)) {
        sh->state_tried = now;
        ngx_chat_state_told(z, ngx_chat_state_write(z, now, log), log);
    }

    ngx_chat_state_end(st);
}


static ngx_int_t
ngx_chat_state_write(ngx_chat_zone_t *z, uint64_t now, ngx_log_t *log)
{
    ngx_int_t          rc;
    ngx_uint_t         n;
    ngx_chat_sh_t     *sh;
    ngx_chat_state_t  *st;

    sh = z->sh;
    st = z->state;

    if (!sh->state_ready) {
        rc = ngx_chat_state_takeover(z, log);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    /* others change it meanwhile and find us at it; not for ever */

    for (n = 0; n < 8; n++) {

        if (ngx_chat_state_wants_whole(sh)) {
            rc = ngx_chat_state_whole(z, st);

        } else if (sh->state_saved != ngx_chat_table_version(z)) {
            rc = ngx_chat_state_append(z, st);

        } else {
            break;
        }

        if (rc != NGX_OK) {
            return rc;
        }
    }

    return ngx_chat_state_sync(z, st, now);
}


/* what the other nginx has changed since we read its file */

static ngx_int_t
ngx_chat_state_takeover(ngx_chat_zone_t *z, ngx_log_t *log)
{
    ngx_chat_sh_t  *sh;

    sh = z->sh;

    if (ngx_chat_state_load(z, z->state, sh->state_mark,
                            ngx_chat_table_version(z), log)
        != NGX_OK)
    {
        ngx_set_errno(NGX_EINVAL);
        return NGX_ERROR;
    }

    ngx_chat_store(&sh->state_whole, sh->state_wholes + 1);
    ngx_chat_store(&sh->state_ready, 1);

    ngx_log_error(NGX_LOG_NOTICE, log, 0,
                  "the state file \"%V\" is taken over", &z->state->path);

    return NGX_OK;
}


static void
ngx_chat_state_told(ngx_chat_zone_t *z, ngx_int_t rc, ngx_log_t *log)
{
    ngx_err_t       err;
    ngx_chat_sh_t  *sh;

    sh = z->sh;
    err = (rc == NGX_OK) ? 0 : ngx_errno;

    if (rc != NGX_OK && err == 0) {
        err = NGX_EINVAL;
    }

    if (err != 0 && sh->state_error == 0) {
        ngx_log_error(NGX_LOG_ERR, log, err,
                      "writing the state file \"%V\" failed, it is tried "
                      "again each second", &z->state->path);
    }

    if (err == 0 && sh->state_error != 0) {
        ngx_log_error(NGX_LOG_NOTICE, log, 0,
                      "the state file \"%V\" is written again",
                      &z->state->path);
    }

    ngx_chat_store(&sh->state_error, (uint32_t) err);
}


static ngx_uint_t
ngx_chat_state_wants_whole(ngx_chat_sh_t *sh)
{
    ngx_chat_state_file_t  *file;

    file = &sh->state_file[sh->state_active];

    return sh->state_wholes != ngx_chat_load(&sh->state_whole)
           || file->pos > 2 * file->snapshot + NGX_CHAT_STATE_GARBAGE;
}


void
ngx_chat_state_stat(ngx_chat_zone_t *z, ngx_chat_state_stat_t *st)
{
    ngx_chat_sh_t  *sh;

    sh = z->sh;

    ngx_memzero(st, sizeof(ngx_chat_state_stat_t));

    if (z->state == NULL) {
        st->word = "off";
        return;
    }

    st->unsaved = ngx_chat_table_version(z) - ngx_chat_load(&sh->state_saved);
    st->size = ngx_chat_load(&sh->state_file[sh->state_active].pos);

    st->word = ngx_chat_load(&sh->state_error) ? "failed"
               : ngx_chat_load(&sh->state_ready) ? "ok" : "waiting";
}
