
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * The store's seats, and what becomes of the lock when who holds it is dead.
 */

#include "unit.h"

#include "store_sources.h"
#include "store_env.h"


#define SEAT_DEAD  200


static void
test_seats(void)
{
    char                  name[32];
    ngx_uint_t            i;
    ngx_chat_zone_stat_t  st;
    ngx_chat_room_info_t  a;

    fresh(1024 * 1024);

    ngx_chat_zone_attach(&env.z, 9, 12345678, 99);
    ngx_chat_metric_add(&env.z, 9, NGX_CHAT_M_DELIVERIES, 10);
    ngx_chat_metric_add(&env.z, 9, NGX_CHAT_M_SESSIONS, 3);
    ngx_chat_metric_add(&env.z, 9, NGX_CHAT_M_SESSIONS, -1);
    ngx_chat_metric_add(&env.z, 1, NGX_CHAT_M_DELIVERIES, 1);
    ngx_chat_metric_add(&env.z, 1, NGX_CHAT_M_SESSIONS, 1);

    ngx_chat_zone_stat(&env.z, &st);
    is_int(st.metric[NGX_CHAT_M_DELIVERIES], 11, "counters are summed");
    is_int(st.metric[NGX_CHAT_M_SESSIONS], 3, "gauges too");

    for (i = 0; i < 20; i++) {
        flood_name(name, i);
        follow(name, 9, &a);
        put(name, 10, 1, NOW);
    }

    is_int(env.z.sh->lru_first, 0, "all are followed");

    ngx_chat_zone_detach(&env.z, 9);
    ngx_chat_zone_stat(&env.z, &st);
    is_int(st.metric[NGX_CHAT_M_DELIVERIES], 11, "counters stay");
    is_int(st.metric[NGX_CHAT_M_SESSIONS], 1, "gauges go");
    ok(env.z.sh->lru_first != 0, "nothing is followed");
    put(name, 10, 2, NOW);
    ok(last.wake.w[0] == 0, "nobody is woken");
    sound("detached");
    ngx_chat_zone_detach(&env.z, 9);

    /* who takes a dead one's seat sweeps it */

    ngx_chat_zone_attach(&env.z, 9, 12345678, 99);
    ngx_chat_metric_add(&env.z, 9, NGX_CHAT_M_DELIVERIES, 5);
    ngx_chat_metric_add(&env.z, 9, NGX_CHAT_M_SESSIONS, 5);
    follow(name, 9, &a);
    put(name, 10, 3, NOW);
    ngx_chat_zone_attach(&env.z, 9, ngx_pid, 0);
    ngx_chat_zone_stat(&env.z, &st);
    is_int(st.metric[NGX_CHAT_M_DELIVERIES], 16, "its counters are kept");
    is_int(st.metric[NGX_CHAT_M_SESSIONS], 1, "its gauges are not");
    is_int(ngx_chat_slots(env.z.sh)[a.idx].followers, 0, "it doesn't follow");
    is_int(ngx_chat_zone_attach(&env.z, NGX_CHAT_SEATS, ngx_pid, 0),
           NGX_ERROR, "no such seat");
    ngx_chat_zone_detach(&env.z, NGX_CHAT_SEATS);
    sound("seats");

    ok(ngx_chat_zone_secret(&env.z) == env.z.sh->secret, "secret");
}


static void
test_process(void)
{
    int        status;
    pid_t      pid;
    uint64_t   start;

    start = ngx_chat_process_start(ngx_pid);

    ok(start != 0, "started at %lu", start);
    is_int(ngx_chat_process_alive(ngx_pid, start), NGX_OK, "this one lives");
    is_int(ngx_chat_process_alive(ngx_pid, 0), NGX_OK, "by pid alone");
    is_int(ngx_chat_process_alive(ngx_pid, start + 1), NGX_DECLINED,
           "not another of its pid");
    is_int(ngx_chat_process_alive(1, 0), NGX_OK, "init lives");

    pid = fork();

    if (pid == 0) {
        pause();
        _exit(0);
    }

    start = ngx_chat_process_start(pid);
    is_int(ngx_chat_process_alive(pid, start), NGX_OK, "a child lives");
    kill(pid, SIGSTOP);
    usleep(20000);
    is_int(ngx_chat_process_alive(pid, start), NGX_OK, "stopped, it lives");
    kill(pid, SIGKILL);

    while (ngx_chat_process_alive(pid, start) == NGX_OK) {
        usleep(1000);
    }

    ok(1, "killed and not waited for: a zombie is dead");
    is_int(kill(pid, 0), 0, "though it can be signalled");
    waitpid(pid, &status, 0);
    is_int(ngx_chat_process_alive(pid, start), NGX_DECLINED, "waited for");
    is_int(ngx_chat_process_start(pid), 0, "no start time");
}


static double
now_(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return ts.tv_sec + ts.tv_nsec / 1e9;
}


/* takes the lock as seat SEAT_DEAD; dies, or gives it back after 100 ms */

static pid_t
holder(ngx_uint_t dies, ngx_uint_t attach)
{
    int    fd[2];
    char   c;
    pid_t  pid;

    if (pipe(fd) == -1) {
        return -1;
    }

    pid = fork();

    if (pid == 0) {
        ngx_pid = getpid();

        if (attach) {
            ngx_chat_zone_attach(&env.z, SEAT_DEAD, ngx_pid,
                                 ngx_chat_process_start(ngx_pid));
        }

        ngx_chat_shm_lock(&env.z);
        (void) !write(fd[1], "x", 1);

        if (dies) {
            raise(SIGKILL);
        }

        usleep(100000);
        ngx_chat_shm_unlock(&env.z);
        _exit(0);
    }

    (void) !read(fd[0], &c, 1);
    close(fd[0]);
    close(fd[1]);

    return pid;
}


static void
test_lock(void)
{
    int         status;
    pid_t       pid;
    double      t;
    uint64_t    repairs;

    fresh(1024 * 1024);
    put("a", 10, 1, NOW);

    stub_log_lines = 0;
    pid = holder(1, 1);
    repairs = env.z.sh->total[NGX_CHAT_M_REPAIRS];
    t = now_();
    is_int(put("a", 10, 2, NOW), NGX_OK, "the holder died");
    t = now_() - t;
    ok(t < 1.0, "its lock was taken in %.0f ms, by nobody's master", t * 1e3);
    is_int(env.z.sh->total[NGX_CHAT_M_REPAIRS], repairs + 1, "repaired");
    is_int(stub_log_lines, 1, "and logged: %s", stub_log_last);
    waitpid(pid, &status, 0);
    sound("a dead holder");

    pid = holder(0, 1);
    repairs = env.z.sh->total[NGX_CHAT_M_REPAIRS];
    t = now_();
    is_int(put("a", 10, 3, NOW), NGX_OK, "the holder is slow");
    t = now_() - t;
    ok(t > 0.05, "it was waited for, %.0f ms", t * 1e3);
    is_int(env.z.sh->total[NGX_CHAT_M_REPAIRS], repairs, "no repair");
    waitpid(pid, &status, 0);
    sound("a slow holder");

    pid = holder(0, 0);
    t = now_();
    is_int(put("a", 10, 4, NOW), NGX_OK, "one without a seat is slow");
    t = now_() - t;
    ok(t > 0.05, "it was waited for, too");
    waitpid(pid, &status, 0);

    pid = holder(1, 0);
    is_int(put("a", 10, 5, NOW), NGX_OK, "one without a seat died");
    waitpid(pid, &status, 0);

    /* its pid is another's by now: this process has it */

    ngx_chat_zone_attach(&env.z, SEAT_DEAD, ngx_pid, 1);
    ngx_chat_seats(env.z.sh)[0].pid = 0;
    ngx_chat_seats(env.z.sh)[1].pid = 0;
    *env.z.shpool->mutex.lock = ngx_pid;
    env.z.sh->dirty = 1;
    is_int(put("a", 10, 6, NOW), NGX_OK, "the dead one's pid was reused");
    ngx_chat_zone_detach(&env.z, SEAT_DEAD);
    sound("taken over");
}


int
main(void)
{
    env_log = stub_init();
    ngx_slab_sizes_init();

    test_seats();
    test_process();
    test_lock();

    return done();
}
