
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * For the tests of the state file, which include its sources first: a zone with
 * a file, rows by numbers, another nginx.
 */


#ifndef _STATE_ENV_H_INCLUDED_
#define _STATE_ENV_H_INCLUDED_


#include "store_env.h"


#define SIZE  (1024 * 1024)

/* of nginx.c */
ngx_uint_t  ngx_inherited;

/* of ngx_times.c */
static ngx_time_t      cached_time;
volatile ngx_time_t   *ngx_cached_time = &cached_time;

static char      dir[128], path[160], alt[170];
static uint64_t  now;
static u_char    text[NGX_CHAT_VALUE_MAX + 1];


static ngx_chat_row_t
row(ngx_uint_t kind, ngx_uint_t n)
{
    ngx_chat_row_t  r;

    memset(&r, 0, sizeof(r));
    r.kind = kind;
    memcpy(r.subject, &n, sizeof(n));

    return r;
}


static ngx_int_t
set(ngx_uint_t kind, ngx_uint_t n, const char *value, uint64_t expires)
{
    ngx_chat_row_t  r;

    r = row(kind, n);
    r.expires = expires;
    r.value.data = (u_char *) value;
    r.value.len = strlen(value);

    return ngx_chat_table_set(&env.z, &r, now);
}


static ngx_int_t
del(ngx_uint_t kind, ngx_uint_t n)
{
    ngx_chat_row_t  r;

    r = row(kind, n);

    return ngx_chat_table_delete(&env.z, &r);
}


/* "-": there is none */

static char *
value_of(ngx_uint_t kind, ngx_uint_t n)
{
    ngx_chat_row_t  r;

    r = row(kind, n);
    r.value.data = text;

    if (ngx_chat_table_get(&env.z, &r, now) != NGX_OK) {
        return "-";
    }

    text[r.value.len] = '\0';

    return (char *) text;
}


#define is_value(kind, n, want, what)                                         \
    do {                                                                      \
        const char  *got_ = value_of(kind, n);                                \
        is_str(got_, strlen(got_), want, what);                               \
    } while (0)

#define BAN   NGX_CHAT_KIND_BAN
#define ROOM  NGX_CHAT_KIND_ROOM


/* another nginx: new memory */

static ngx_int_t
start_sized(size_t size)
{
    if (env.z.sh != NULL) {
        ngx_chat_state_close(&env.z);
    }

    fresh(size);
    env.z.state_path.data = (u_char *) path;
    env.z.state_path.len = strlen(path);

    return ngx_chat_state_open(&env.z, NULL, env_log);
}


static ngx_int_t
start(void)
{
    return start_sized(SIZE);
}


static void
flush(void)
{
    now++;
    cached_time.sec = (time_t) now;
    ngx_chat_state_flush(&env.z, now, env_log);
}


static const char *
state(void)
{
    ngx_chat_state_stat_t  st;

    ngx_chat_state_stat(&env.z, &st);

    return st.word;
}


static void
remove_files(void)
{
    unlink(path);
    unlink(alt);
}


static size_t
slurp(const char *name, u_char *p, size_t size)
{
    int      fd;
    ssize_t  n;

    fd = open(name, O_RDONLY);
    n = (fd == -1) ? 0 : read(fd, p, size);
    close(fd);

    return n < 0 ? 0 : n;
}


static void
spew(const char *name, u_char *p, size_t size)
{
    int  fd;

    fd = open(name, O_WRONLY|O_CREAT|O_TRUNC, 0600);
    (void) !write(fd, p, size);
    close(fd);
}


/* a directory for the files */

static ngx_int_t
state_begin(void)
{
    env_log = stub_init();
    ngx_slab_sizes_init();

    now = (uint64_t) time(NULL);
    cached_time.sec = (time_t) now;

    snprintf(dir, sizeof(dir), "%s/ngx_chat_state.XXXXXX",
             getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");

    if (mkdtemp(dir) == NULL) {
        return NGX_ERROR;
    }

    snprintf(path, sizeof(path), "%s/state", dir);
    snprintf(alt, sizeof(alt), "%s/state.alt", dir);
    alarm(300);

    return NGX_OK;
}


static int
state_done(void)
{
    remove_files();
    rmdir(dir);

    return done();
}


#endif /* _STATE_ENV_H_INCLUDED_ */
