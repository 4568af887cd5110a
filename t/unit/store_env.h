
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * For the tests of the store, which include its sources first: a zone without
 * nginx, and rooms whose records' bytes follow from room, offset and size.
 */


#ifndef _STORE_ENV_H_INCLUDED_
#define _STORE_ENV_H_INCLUDED_


#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include "store_check.h"


/* of nginx.c, unless the stub has it */
ngx_uint_t  ngx_test_config __attribute__((weak));


typedef struct {
    ngx_shm_zone_t    shm_zone;
    ngx_chat_zone_t   z;
} env_t;


/* ngx_shm_alloc() and ngx_init_zone_pool() */

static ngx_int_t
env_init(env_t *env, const char *name, size_t size, ngx_log_t *log)
{
    u_char           *addr;
    ngx_slab_pool_t  *sp;

    static int        tag;

    addr = mmap(NULL, size, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANONYMOUS,
                -1, 0);
    if (addr == MAP_FAILED) {
        return NGX_ERROR;
    }

    env->shm_zone.shm.addr = addr;
    env->shm_zone.shm.size = size;
    env->shm_zone.shm.log = log;
    env->shm_zone.shm.name.data = (u_char *) name;
    env->shm_zone.shm.name.len = strlen(name);
    env->shm_zone.tag = &tag;
    env->shm_zone.data = &env->z;
    env->z.name = env->shm_zone.shm.name;
    env->z.log = log;

    sp = (ngx_slab_pool_t *) addr;
    sp->end = addr + size;
    sp->min_shift = 3;
    sp->addr = addr;

    if (ngx_shmtx_create(&sp->mutex, &sp->lock, NULL) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_slab_init(sp);

    return ngx_chat_zone_init(&env->shm_zone, NULL);
}


static void
env_done(env_t *env)
{
    munmap(env->shm_zone.shm.addr, env->shm_zone.shm.size);
    memset(env, 0, sizeof(env_t));
}


#define NOW  1700000000000ULL


static ngx_log_t       *env_log;
static env_t            env;
static ngx_chat_rule_t  rule;
static u_char           buf[1024 * 1024];


static ngx_chat_room_key_t
room(const char *name)
{
    ngx_chat_room_key_t  key;

    key.kind = NGX_CHAT_ROOM_CHAT;
    key.name.data = (u_char *) name;
    key.name.len = strlen(name);

    return key;
}


static void
fresh(size_t size)
{
    if (env.z.sh != NULL) {
        env_done(&env);
    }

    if (env_init(&env, "test", size, env_log) != NGX_OK) {
        ok(0, "zone of %lu", size);
        exit(done());
    }

    /* the same in every run */

    env.z.sh->hash_key[0] = 1;
    env.z.sh->hash_key[1] = 2;

    memset(&rule, 0, sizeof(rule));
    rule.history = 1000;
    rule.create = 1;

    ngx_chat_zone_attach(&env.z, 0, ngx_pid, ngx_chat_process_start(ngx_pid));
    ngx_chat_zone_attach(&env.z, 1, ngx_pid, ngx_chat_process_start(ngx_pid));
}


static void
sound(const char *what)
{
    const char  *err;

    err = ngx_chat_store_check(env.z.sh);
    ok(err == NULL, "invariants: %s%s%s", what, err ? ": " : "",
       err ? err : "");
}


/* a raw record whose bytes follow from room, offset and size */

static void
pattern(u_char *p, size_t len, const char *name, uint64_t offset)
{
    size_t    i;
    uint64_t  h;

    h = ngx_chat_hash(offset, (u_char *) name, strlen(name));

    for (i = 0; i < len; i++) {
        p[i] = (u_char) (h >> (i % 8 * 8)) ^ (u_char) (i / 8);
    }
}


static ngx_chat_publish_t  last;


static ngx_int_t
put(const char *name, size_t len, uint64_t offset, uint64_t now)
{
    static u_char  body[512 * 1024];

    memset(&last, 0, sizeof(last));
    pattern(body, len, name, offset);

    last.key = room(name);
    last.rule = &rule;
    last.type = NGX_CHAT_REC_RAW_BINARY;
    last.piece[0].data = body;
    last.piece[0].len = len;
    last.ts = now;

    return ngx_chat_log_publish(&env.z, 0, &last);
}


/* whether the records in buf are those from `offset' on; returns how many */

static ngx_int_t
records(u_char *p, ssize_t n, const char *name, uint64_t offset)
{
    u_char          *end;
    ngx_int_t        count;
    ngx_chat_rec_t  *r;

    static u_char    want[512 * 1024];

    count = 0;
    end = p + n;

    while (p < end) {
        r = (ngx_chat_rec_t *) p;

        if (r->offset != offset) {
            return -1;
        }

        pattern(want, r->size, name, offset);

        if (memcmp(ngx_chat_rec_payload((ngx_chat_rec_t *) p), want, r->size) != 0) {
            return -1;
        }

        p += ngx_chat_rec_bytes(r);
        offset++;
        count++;
    }

    return p == end ? count : -1;
}


static ngx_int_t
follow(const char *name, ngx_uint_t seat, ngx_chat_room_info_t *i)
{
    ngx_chat_room_key_t  key;

    key = room(name);

    return ngx_chat_room_open(&env.z, &key, &rule, seat, 1, i);
}


static ngx_chat_room_info_t
info(const char *name)
{
    ngx_chat_room_key_t   key;
    ngx_chat_room_info_t  i;

    key = room(name);
    memset(&i, 0, sizeof(i));

    if (ngx_chat_room_find(&env.z, &key, &rule, &i) != NGX_OK) {
        i.life = 0;
    }

    return i;
}


/* all that is kept from `offset' on, through a buffer of `size' */

static ngx_int_t
get(const char *name, uint64_t offset, size_t size)
{
    size_t                need;
    ssize_t               n;
    ngx_int_t             count, c;
    ngx_chat_pos_t        pos;
    ngx_chat_room_info_t  i;

    i = info(name);

    if (ngx_chat_log_seek(&env.z, i.idx, i.life, offset, &pos) != NGX_OK) {
        return -1;
    }

    for (count = 0; /* void */ ; count += c) {

        n = ngx_chat_log_read(&env.z, &pos, i.head, buf, size, &need);

        if (n == NGX_BUSY) {
            if (need <= size || need > sizeof(buf)) {
                return -2;
            }
            n = ngx_chat_log_read(&env.z, &pos, i.head, buf, need, &need);
        }

        if (n == 0) {
            return (pos.offset == i.head + 1) ? count : -3;
        }

        if (n < 0) {
            return -4;
        }

        c = records(buf, n, name, offset + count);

        if (c <= 0) {
            return -5;
        }
    }
}


static void
flood_name(char *name, ngx_uint_t i)
{
    sprintf(name, "room-%lu", i);
}


/* whether a process that has this seat is killed at a point of the call */

static int
dies_at(const char *point, ngx_uint_t seat, void (*call)(void *data),
    void *data)
{
    int    fd, status;
    char   file[128];
    pid_t  pid;

    snprintf(file, sizeof(file), "%s/ngx_chat_point.%d",
             getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp", getpid());
    setenv("CHAT_TEST_POINT", file, 1);

    fd = open(file, O_CREAT|O_TRUNC|O_WRONLY, 0600);
    (void) !write(fd, point, strlen(point));
    close(fd);

    pid = fork();

    if (pid == 0) {
        ngx_pid = getpid();
        ngx_chat_zone_attach(&env.z, seat, ngx_pid,
                             ngx_chat_process_start(ngx_pid));
        call(data);
        _exit(0);
    }

    waitpid(pid, &status, 0);

    unlink(file);
    unsetenv("CHAT_TEST_POINT");

    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}


#endif /* _STORE_ENV_H_INCLUDED_ */
