
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Whether a process lives, by /proc.  A pid alone says little: it may be a
 * zombie's, or already another's.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat.h"
#include "ngx_chat_store.h"


static ngx_int_t ngx_chat_process_stat(ngx_pid_t pid, u_char *state,
    uint64_t *start);


/*
 * What /proc doesn't show may still be there: without a mounted /proc, or a
 * process of another user under hidepid=.  Only then kill() is asked, and only
 * its "no such process" is believed.
 */

ngx_int_t
ngx_chat_process_alive(ngx_pid_t pid, uint64_t start)
{
    u_char    state;
    uint64_t  now;

    if (ngx_chat_process_stat(pid, &state, &now) != NGX_OK) {

        if (kill(pid, 0) == -1 && ngx_errno == ESRCH) {
            return NGX_DECLINED;
        }

        return NGX_OK;
    }

    if (state == 'Z' || state == 'X' || state == 'x') {
        return NGX_DECLINED;
    }

    if (start && now && start != now) {
        return NGX_DECLINED;
    }

    return NGX_OK;
}


uint64_t
ngx_chat_process_start(ngx_pid_t pid)
{
    u_char    state;
    uint64_t  start;

    if (ngx_chat_process_stat(pid, &state, &start) != NGX_OK) {
        return 0;
    }

    return start;
}


/* the name, the second field, is in parentheses and may contain any byte */

static ngx_int_t
ngx_chat_process_stat(ngx_pid_t pid, u_char *state, uint64_t *start)
{
    u_char      *p, *last;
    ssize_t      n;
    ngx_fd_t     fd;
    ngx_uint_t   field;
    u_char       path[sizeof("/proc//stat") + NGX_INT64_LEN];
    u_char       buf[1024];

    (void) ngx_sprintf(path, "/proc/%P/stat%Z", pid);

    fd = open((char *) path, O_RDONLY|O_CLOEXEC);

    if (fd == -1) {
        return NGX_ERROR;
    }

    n = read(fd, buf, sizeof(buf));

    (void) close(fd);

    if (n <= 0) {
        return NGX_ERROR;
    }

    last = buf + n;

    for (p = last - 1; p > buf && *p != ')'; p--) { /* void */ }

    if (p == buf || last - p < 3) {
        return NGX_ERROR;
    }

    p += 2;
    *state = *p;
    *start = 0;

    for (field = 3; field < 22; field++) {

        while (p < last && *p != ' ') {
            p++;
        }

        while (p < last && *p == ' ') {
            p++;
        }
    }

    while (p < last && *p >= '0' && *p <= '9') {
        *start = *start * 10 + (*p++ - '0');
    }

    return NGX_OK;
}
