
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Connections and the loop.
 */


#include "wsload.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>


#define READ    (512 * 1024)
#define EVENTS  256


static int       ep;
static uint8_t  *input;
static size_t    input_size;


uint64_t
now_ns(void)
{
    struct timespec  t;

    clock_gettime(CLOCK_MONOTONIC, &t);

    return t.tv_sec * SECOND + t.tv_nsec;
}


uint32_t
random32(void)
{
    static uint32_t  x;

    while (x == 0) {
        x = now_ns() ^ (uint32_t) getpid() << 16;
    }

    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;

    return x;
}


void
die(const char *format, ...)
{
    va_list  args;

    fputs("wsload: ", stderr);

    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);

    fputc('\n', stderr);
    exit(2);
}


void *
allocate(size_t n, size_t size)
{
    void  *p;

    p = calloc(n ? n : 1, size);

    if (p == NULL) {
        die("out of memory");
    }

    return p;
}


static void
buf_reserve(uint8_t **data, size_t *cap, size_t need)
{
    if (need <= *cap) {
        return;
    }

    if (need > 2 * (size_t) MAX_FRAME) {
        die("too much to keep for one connection");
    }

    while (*cap < need) {
        *cap = *cap ? *cap * 2 : 256;
    }

    *data = realloc(*data, *cap);

    if (*data == NULL) {
        die("out of memory");
    }
}


void
buf_add(buf_t *b, const void *data, size_t len)
{
    buf_reserve(&b->data, &b->cap, b->len + len);
    memcpy(b->data + b->len, data, len);
    b->len += len;
}


void
buf_free(buf_t *b)
{
    free(b->data);
    memset(b, 0, sizeof(buf_t));
}


void
conn_flush(conn_t *c)
{
    ssize_t  n;
    buf_t   *b;

    b = &c->out;

    while (b->off < b->len) {
        n = tls_send(c, b->data + b->off, b->len - b->off);

        if (n < 0) {
            if (errno == EINTR) {
                continue;
            }

            if (errno != EAGAIN) {
                conn_close(c);
                return;
            }

            if (b->off > OUT_HIGH) {
                memmove(b->data, b->data + b->off, b->len - b->off);
                b->len -= b->off;
                b->off = 0;
            }

            return;
        }

        b->off += n;
    }

    b->off = 0;
    b->len = 0;
}


void
conn_ready(conn_t *c)
{
    if (c->ready) {
        return;
    }

    c->ready = 1;

    if (c->kind == SUBSCRIBER) {
        life.ready++;
        life.last = now_ns();

        if (!c->stalled) {
            room_joined(c);
        }
    }
}


void
conn_close(conn_t *c)
{
    int  ready;

    if (c->state == CLOSED) {
        return;
    }

    ready = c->ready;
    c->state = CLOSED;
    c->ready = 0;

    tls_close(c);

    if (c->fd >= 0) {
        close(c->fd);
    }

    buf_free(&c->in);
    buf_free(&c->out);
    buf_free(&c->message);

    if (c->kind != SUBSCRIBER) {
        return;
    }

    if (!ready) {
        life.failed++;
        return;
    }

    life.ready--;
    life.closed++;
    tally.closed++;

    if (!c->stalled) {
        room_left(c);
    }
}


static void
conn_failed(conn_t *c)
{
    life.err_connect++;
    conn_close(c);
}


/* so that little is in the kernel's buffers, on either side */

static void
conn_narrow(int fd)
{
    int  mss, size;

    mss = 536;
    size = 4096;

    setsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, &mss, sizeof(mss));
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
}


void
conn_start(conn_t *c, kind_e kind, uint32_t room)
{
    int                 one;
    struct sockaddr_in  addr;
    struct epoll_event  e;

    one = 1;
    c->kind = kind;
    c->room = room;
    c->state = CONNECTING;
    c->since = now_ns();

    if (kind == SUBSCRIBER && life.first == 0) {
        life.first = c->since;
    }

    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (c->fd < 0) {
        conn_failed(c);
        return;
    }

    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));

    if (c->stalled) {
        conn_narrow(c->fd);
    }

    memset(&addr, 0, sizeof(addr));
    addr.sin_family = AF_INET;
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    addr.sin_port = htons(opt.port);

    if (connect(c->fd, (struct sockaddr *) &addr, sizeof(addr)) != 0
        && errno != EINPROGRESS)
    {
        conn_failed(c);
        return;
    }

    e.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    e.data.ptr = c;

    if (epoll_ctl(ep, EPOLL_CTL_ADD, c->fd, &e) != 0) {
        conn_failed(c);
    }
}


static void
conn_connected(conn_t *c)
{
    int        error;
    socklen_t  len;

    error = 0;
    len = sizeof(error);

    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0 || error) {
        conn_failed(c);
        return;
    }

    tls_open(c);

    if (c->kind == HTTP_PUBLISHER) {
        c->state = OPEN;
        conn_ready(c);
        return;
    }

    c->state = HANDSHAKE;
    http_request(c);
}


/*
 * What has come, of which the first `had' bytes were seen before.  Returns how
 * much was taken, -1 to close.
 */

static ssize_t
conn_input(conn_t *c, size_t had, size_t *n, uint64_t now)
{
    ssize_t  used, taken;

    used = 0;

    if (c->state == HANDSHAKE) {
        used = http_handshake(c, input, *n);

        if (used <= 0) {
            return used;
        }

        had = used;
    }

    if (c->kind == HTTP_PUBLISHER) {
        taken = http_answers(c, input + used, *n - used, now);

    } else if (c->kind == WS_PUBLISHER || !opt.sse) {
        taken = ws_input(c, input + used, *n - used, now);

    } else {
        if (c->chunked) {
            taken = http_dechunk(c, input + had, *n - had);

            if (taken < 0) {
                return -1;
            }

            *n = had + taken;
        }

        taken = sse_input(c, input + used, *n - used, now);
    }

    return (taken < 0) ? -1 : used + taken;
}


/* false when there is no more, or the connection is closed */

static int
conn_read(conn_t *c)
{
    size_t   had, room, n;
    ssize_t  received, used;

    had = c->in.len;
    buf_reserve(&input, &input_size, had + READ);
    room = input_size - had;

    if (had) {
        memcpy(input, c->in.data, had);
    }

    received = tls_recv(c, input + had, room);

    if (received < 0 && (errno == EAGAIN || errno == EINTR)) {
        return errno == EINTR;
    }

    if (received <= 0) {
        conn_close(c);
        return 0;
    }

    tally.reads++;
    tally.bytes += received;

    n = had + received;
    used = conn_input(c, had, &n, now_ns());

    if (used < 0) {
        if (c->state == HANDSHAKE) {
            life.err_upgrade++;
        }

        conn_close(c);
    }

    if (c->state == CLOSED) {
        return 0;
    }

    c->in.len = 0;

    if ((size_t) used < n) {
        buf_add(&c->in, input + used, n - used);

    } else if (c->in.cap > 4096) {
        buf_free(&c->in);
    }

    return (size_t) received == room;
}


void
loop_init(void)
{
    ep = epoll_create1(EPOLL_CLOEXEC);

    if (ep < 0) {
        die("epoll_create1: %s", strerror(errno));
    }
}


void
loop_once(uint64_t timeout)
{
    int                        i, n;
    conn_t                    *c;
    uint32_t                   what;
    struct timespec            ts;
    static struct epoll_event  events[EVENTS];

    ts.tv_sec = timeout / SECOND;
    ts.tv_nsec = timeout % SECOND;

    n = epoll_pwait2(ep, events, EVENTS, &ts, NULL);

    for (i = 0; i < n; i++) {
        c = events[i].data.ptr;
        what = events[i].events;

        if (c->state == CONNECTING) {
            conn_connected(c);
        }

        if (c->state != CLOSED && (what & EPOLLOUT)
            && c->out.off < c->out.len)
        {
            conn_flush(c);
        }

        if (c->stalled && c->ready) {
            continue;
        }

        if (what & ~EPOLLOUT) {
            while (c->state != CLOSED && conn_read(c)) { /* void */ }
        }
    }
}
