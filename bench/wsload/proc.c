
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * What the kernel knows: CPU and memory of the server, the machine's load.
 */


#include "wsload.h"
#include <arpa/inet.h>
#include <ctype.h>
#include <dirent.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>


#define MAX_PIDS     128
#define MAX_ALL      4096
#define CALIBRATION  2000


typedef struct {
    int  pid;
    int  parent;
} process_t;


/* the whole file as a string; returns 0 if there is none */

static int
slurp(char *to, size_t size, const char *path)
{
    FILE   *f;
    size_t  n;

    f = fopen(path, "r");

    if (f == NULL) {
        return 0;
    }

    n = fread(to, 1, size - 1, f);
    to[n] = '\0';
    fclose(f);

    return n > 0;
}


static int
process_file(char *to, size_t size, int pid, const char *name)
{
    char  path[512];

    snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);

    return slurp(to, size, path);
}


/* what stands behind the name, which may hold anything */

static const char *
process_stat(char *to, size_t size, int pid)
{
    char  *end;

    if (!process_file(to, size, pid, "stat")) {
        return NULL;
    }

    end = strrchr(to, ')');

    return end ? end + 2 : NULL;
}


static int
processes(process_t *all, int max)
{
    int             n;
    DIR            *dir;
    char            text[1024];
    const char     *stat;
    struct dirent  *e;

    n = 0;
    dir = opendir("/proc");

    while (dir && n < max && (e = readdir(dir)) != NULL) {
        if (!isdigit((unsigned char) e->d_name[0])) {
            continue;
        }

        all[n].pid = atoi(e->d_name);
        stat = process_stat(text, sizeof(text), all[n].pid);

        if (stat && sscanf(stat, "%*c %d", &all[n].parent) == 1) {
            n++;
        }
    }

    if (dir) {
        closedir(dir);
    }

    return n;
}


/* the server and all that it has started */

static int
server_pids(int *pids)
{
    int                i, j, n, all;
    static process_t   process[MAX_ALL];

    if (opt.server == 0) {
        return 0;
    }

    all = processes(process, MAX_ALL);
    pids[0] = opt.server;

    for (n = 1, i = 0; i < n; i++) {
        for (j = 0; j < all && n < MAX_PIDS; j++) {
            if (process[j].parent == pids[i] && process[j].pid != getpid()) {
                pids[n++] = process[j].pid;
            }
        }
    }

    return n;
}


/*
 * Of all threads, in ns, where utime and stime are clock ticks: the time on a
 * CPU, and the time ready to run while another process had it.
 */

static void
process_times(int pid, double *cpu, double *waited)
{
    DIR            *dir;
    char            path[400], text[256];
    double          on, off;
    struct dirent  *e;

    snprintf(path, sizeof(path), "/proc/%d/task", pid);
    dir = opendir(path);

    while (dir && (e = readdir(dir)) != NULL) {
        if (e->d_name[0] == '.') {
            continue;
        }

        snprintf(path, sizeof(path), "/proc/%d/task/%s/schedstat", pid,
                 e->d_name);

        if (slurp(text, sizeof(text), path)
            && sscanf(text, "%lf %lf", &on, &off) == 2)
        {
            *cpu += on / SECOND;
            *waited += off / SECOND;
        }
    }

    if (dir) {
        closedir(dir);
    }
}


static long
field(const char *text, const char *name)
{
    const char  *p;

    p = strstr(text, name);

    return p ? atol(p + strlen(name)) : 0;
}


server_t
server_read(int memory)
{
    int          i, n, pids[MAX_PIDS];
    char         text[4096];
    double       hz;
    server_t     s;
    const char  *stat;

    unsigned long  user, system;

    memset(&s, 0, sizeof(s));
    hz = sysconf(_SC_CLK_TCK);
    n = server_pids(pids);

    for (i = 0; i < n; i++) {
        stat = process_stat(text, sizeof(text), pids[i]);

        if (stat == NULL
            || sscanf(stat, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u "
                      "%lu %lu", &user, &system) != 2)
        {
            continue;
        }

        s.n++;
        s.user += user / hz;
        s.system += system / hz;
        process_times(pids[i], &s.cpu, &s.waited);

        if (memory && process_file(text, sizeof(text), pids[i], "smaps_rollup")) {
            s.pss += field(text, "\nPss:");
            s.rss += field(text, "\nRss:");
        }
    }

    return s;
}


long
slab_kb(void)
{
    char  text[4096];

    return slurp(text, sizeof(text), "/proc/meminfo")
           ? field(text, "\nSlab:") : 0;
}


/* niced processes give way: they don't count */

load_t
load_read(void)
{
    char                text[4096];
    double              hz;
    load_t              load;
    unsigned long long  user, system, irq, softirq, steal;

    memset(&load, 0, sizeof(load));
    hz = sysconf(_SC_CLK_TCK);

    if (slurp(text, sizeof(text), "/proc/stat")
        && sscanf(text, "cpu %llu %*u %llu %*u %*u %llu %llu %llu", &user,
                  &system, &irq, &softirq, &steal) == 5)
    {
        load.busy = (user + system + irq + softirq) / hz;
        load.steal = steal / hz;
    }

    return load;
}


server_t
own_read(void)
{
    server_t  s;

    memset(&s, 0, sizeof(s));
    process_times(getpid(), &s.cpu, &s.waited);

    return s;
}


static double
calibrate_pair(int a, int b)
{
    int       i, one;
    char      buf[132];
    uint64_t  begin;

    one = 1;
    begin = 0;
    memset(buf, 0, sizeof(buf));
    setsockopt(a, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));

    for (i = -CALIBRATION / 10; i < CALIBRATION; i++) {
        if (i == 0) {
            begin = now_ns();
        }

        if (send(a, buf, sizeof(buf), MSG_NOSIGNAL) != sizeof(buf)
            || recv(b, buf, sizeof(buf), MSG_WAITALL) != sizeof(buf))
        {
            return 0;
        }
    }

    return (now_ns() - begin) / 1e3 / CALIBRATION;
}


/*
 * How fast the machine is at the moment: us for a send() and a recv() of a
 * frame's size over a TCP connection of its own.
 */

double
calibrate(void)
{
    int                 l, a, b;
    double              us;
    socklen_t           len;
    struct sockaddr_in  addr;

    memset(&addr, 0, sizeof(addr));
    addr.sin_family = AF_INET;
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    len = sizeof(addr);

    us = 0;
    l = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    a = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (bind(l, (struct sockaddr *) &addr, len) == 0
        && listen(l, 1) == 0
        && getsockname(l, (struct sockaddr *) &addr, &len) == 0
        && connect(a, (struct sockaddr *) &addr, len) == 0)
    {
        b = accept(l, NULL, NULL);

        if (b >= 0) {
            us = calibrate_pair(a, b);
            close(b);
        }
    }

    close(l);
    close(a);

    return us;
}
