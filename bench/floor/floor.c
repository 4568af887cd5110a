
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * The least that WebSocket fan-out can cost: epoll and send(), no HTTP beyond
 * finding the key, no limits, no safety.  A measure, not a server.
 *
 *     floor PORT each|batch
 *
 * A WebSocket at /s/N is in room N, one at /p/N only publishes to it; what
 * comes in a frame is sent to the room.
 *
 *     each    one send() for a subscriber and a message
 *     batch   one send() for a subscriber and a turn of the loop
 */


#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>


#define ROOMS      65536
#define READ       (256 * 1024)
#define EVENTS     512
#define KEY        "Sec-WebSocket-Key: "
#define KEY_LEN    24
#define GUID       "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


typedef struct {
    uint8_t      *data;
    size_t        len;
    size_t        cap;
} buf_t;


typedef struct {
    int           fd;
    uint32_t      room;
    uint32_t      index;        /* in the room's subscribers */
    uint8_t       open;
    uint8_t       publisher;
    buf_t         in;           /* a frame that has not come whole */
    buf_t         out;          /* what the socket did not take */
} conn_t;


typedef struct {
    conn_t      **subscribers;
    uint32_t      n;
    uint32_t      cap;
    buf_t         frames;
    uint8_t       dirty;
} room_t;


static room_t    rooms[ROOMS];
static uint32_t  dirty[ROOMS];
static uint32_t  ndirty;
static uint8_t   input[READ];
static int       batch;
static int       ep;


static void
die(const char *what)
{
    perror(what);
    exit(1);
}


static void
buf_add(buf_t *b, const void *data, size_t len)
{
    if (b->len + len > b->cap) {
        b->cap = (b->len + len) * 2;
        b->data = realloc(b->data, b->cap);

        if (b->data == NULL) {
            die("realloc");
        }
    }

    memcpy(b->data + b->len, data, len);
    b->len += len;
}


/* an idle connection has no buffers */

static void
buf_free(buf_t *b)
{
    free(b->data);
    memset(b, 0, sizeof(buf_t));
}


static void
room_enter(conn_t *c)
{
    room_t  *r;

    r = &rooms[c->room];

    if (r->n == r->cap) {
        r->cap = r->cap ? r->cap * 2 : 4;
        r->subscribers = realloc(r->subscribers, r->cap * sizeof(conn_t *));

        if (r->subscribers == NULL) {
            die("realloc");
        }
    }

    c->index = r->n;
    r->subscribers[r->n++] = c;
}


static void
conn_close(conn_t *c)
{
    room_t  *r;

    if (c->open && !c->publisher) {
        r = &rooms[c->room];
        r->subscribers[c->index] = r->subscribers[--r->n];
        r->subscribers[c->index]->index = c->index;
    }

    close(c->fd);
    buf_free(&c->in);
    buf_free(&c->out);
    free(c);
}


/* errors are left to epoll, which tells of them */

static void
conn_write(conn_t *c, const uint8_t *data, size_t len)
{
    ssize_t  n;

    n = 0;

    if (c->out.len == 0) {
        n = send(c->fd, data, len, MSG_NOSIGNAL);

        if (n < 0) {
            if (errno != EAGAIN) {
                return;
            }

            n = 0;
        }
    }

    if ((size_t) n < len) {
        buf_add(&c->out, data + n, len - n);
    }
}


static void
conn_flush(conn_t *c)
{
    ssize_t  n;

    n = send(c->fd, c->out.data, c->out.len, MSG_NOSIGNAL);

    if (n <= 0) {
        return;
    }

    c->out.len -= n;

    if (c->out.len == 0) {
        buf_free(&c->out);
        return;
    }

    memmove(c->out.data, c->out.data + n, c->out.len);
}


static void
room_flush(room_t *r)
{
    uint32_t  i;

    for (i = 0; i < r->n; i++) {
        conn_write(r->subscribers[i], r->frames.data, r->frames.len);
    }

    r->frames.len = 0;
    r->dirty = 0;
}


static void
publish(uint32_t number, const uint8_t *payload, size_t len)
{
    size_t    n;
    room_t   *r;
    uint8_t   head[4];

    n = 2;
    head[0] = 0x81;

    if (len < 126) {
        head[1] = len;

    } else {
        head[1] = 126;
        head[2] = len >> 8;
        head[3] = len;
        n = 4;
    }

    r = &rooms[number];
    buf_add(&r->frames, head, n);
    buf_add(&r->frames, payload, len);

    if (!batch) {
        room_flush(r);

    } else if (!r->dirty) {
        r->dirty = 1;
        dirty[ndirty++] = number;
    }
}


static void
unmask(uint8_t *p, size_t len, const uint8_t *mask)
{
    size_t    i;
    uint32_t  m4;
    uint64_t  m8, v;

    memcpy(&m4, mask, 4);
    m8 = (uint64_t) m4 << 32 | m4;

    for (i = 0; i + 8 <= len; i += 8) {
        memcpy(&v, p + i, 8);
        v ^= m8;
        memcpy(p + i, &v, 8);
    }

    for (/* void */; i < len; i++) {
        p[i] ^= mask[i & 3];
    }
}


/* the frames that are there; returns their length, -1 to close */

static ssize_t
conn_frames(conn_t *c, uint8_t *p, size_t n)
{
    int       op;
    size_t    head, len, off;
    uint8_t  *f;

    off = 0;

    while (n - off >= 6) {
        f = p + off;
        op = f[0] & 0x0f;
        len = f[1] & 0x7f;
        head = 2;

        if (len == 127) {
            return -1;
        }

        if (len == 126) {
            len = (size_t) f[2] << 8 | f[3];
            head = 4;
        }

        if (n - off < head + 4 + len) {
            break;
        }

        if (op == 8) {
            return -1;
        }

        off += head + 4 + len;

        if (op == 1 || op == 2) {
            unmask(f + head + 4, len, f + head);
            publish(c->room, f + head + 4, len);
        }
    }

    return off;
}


/* the handshake, when it is there; returns its length, -1 to close */

static ssize_t
conn_handshake(conn_t *c, uint8_t *p, size_t n)
{
    int       len;
    char      response[256], accept[64];
    uint8_t  *end, *key, *path, *number, digest[SHA_DIGEST_LENGTH];
    uint8_t   text[KEY_LEN + sizeof(GUID)];

    end = memmem(p, n, "\r\n\r\n", 4);

    if (end == NULL) {
        return 0;
    }

    key = memmem(p, n, KEY, sizeof(KEY) - 1);
    path = memchr(p, '/', n);

    if (key == NULL || path == NULL) {
        return -1;
    }

    number = memchr(path, ' ', end - path);

    if (number == NULL) {
        return -1;
    }

    while (number[-1] >= '0' && number[-1] <= '9') {
        number--;
    }

    memcpy(text, key + sizeof(KEY) - 1, KEY_LEN);
    memcpy(text + KEY_LEN, GUID, sizeof(GUID) - 1);
    SHA1(text, sizeof(text) - 1, digest);
    EVP_EncodeBlock((uint8_t *) accept, digest, sizeof(digest));

    len = snprintf(response, sizeof(response),
                   "HTTP/1.1 101 Switching Protocols\r\n"
                   "Upgrade: websocket\r\nConnection: Upgrade\r\n"
                   "Sec-WebSocket-Accept: %s\r\n\r\n", accept);

    conn_write(c, (uint8_t *) response, len);

    c->room = strtoul((char *) number, NULL, 10) % ROOMS;
    c->publisher = path[1] == 'p';
    c->open = 1;

    if (!c->publisher) {
        room_enter(c);
    }

    return end + 4 - p;
}


/* reads all that is there; returns -1 to close */

static int
conn_read(conn_t *c)
{
    size_t   had, len, off;
    ssize_t  n, used;

    for ( ;; ) {
        had = c->in.len;

        if (had > READ / 2) {
            return -1;
        }

        if (had) {
            memcpy(input, c->in.data, had);
        }

        n = recv(c->fd, input + had, READ - had, 0);

        if (n <= 0) {
            return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
        }

        len = had + n;
        off = 0;

        if (!c->open) {
            used = conn_handshake(c, input, len);

            if (used < 0) {
                return -1;
            }

            off = used;
        }

        if (c->open) {
            used = conn_frames(c, input + off, len - off);

            if (used < 0) {
                return -1;
            }

            off += used;
        }

        c->in.len = 0;

        if (off < len) {
            buf_add(&c->in, input + off, len - off);

        } else {
            buf_free(&c->in);
        }

        if ((size_t) n < READ - had) {
            return 0;
        }
    }
}


static void
accept_all(int listening)
{
    int                 fd, one;
    conn_t             *c;
    struct epoll_event  e;

    one = 1;

    for ( ;; ) {
        fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK);

        if (fd < 0) {
            return;
        }

        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));

        c = calloc(1, sizeof(conn_t));

        if (c == NULL) {
            die("calloc");
        }

        c->fd = fd;
        e.events = EPOLLIN | EPOLLOUT | EPOLLET | EPOLLRDHUP;
        e.data.ptr = c;

        if (epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e) != 0) {
            die("epoll_ctl");
        }
    }
}


static void
turn(int listening)
{
    int                        i, n;
    conn_t                    *c;
    uint32_t                   j;
    static struct epoll_event  events[EVENTS];

    n = epoll_wait(ep, events, EVENTS, -1);

    for (i = 0; i < n; i++) {
        c = events[i].data.ptr;

        if (c == NULL) {
            accept_all(listening);
            continue;
        }

        if ((events[i].events & EPOLLOUT) && c->out.len) {
            conn_flush(c);
        }

        if ((events[i].events & ~EPOLLOUT) && conn_read(c) < 0) {
            conn_close(c);
        }
    }

    for (j = 0; j < ndirty; j++) {
        room_flush(&rooms[dirty[j]]);
    }

    ndirty = 0;
}


int
main(int argc, char **argv)
{
    int                 listening, one;
    struct rlimit       limit;
    struct epoll_event  e;
    struct sockaddr_in  addr;

    if (argc != 3) {
        fprintf(stderr, "usage: floor PORT each|batch\n");
        return 1;
    }

    one = 1;
    batch = strcmp(argv[2], "batch") == 0;
    signal(SIGPIPE, SIG_IGN);

    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);

    memset(&addr, 0, sizeof(addr));
    addr.sin_family = AF_INET;
    addr.sin_port = htons(atoi(argv[1]));
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);

    listening = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    setsockopt(listening, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));

    if (bind(listening, (struct sockaddr *) &addr, sizeof(addr)) != 0
        || listen(listening, 4096) != 0)
    {
        die("listen");
    }

    ep = epoll_create1(0);
    e.events = EPOLLIN;
    e.data.ptr = NULL;

    if (ep < 0 || epoll_ctl(ep, EPOLL_CTL_ADD, listening, &e) != 0) {
        die("epoll");
    }

    for ( ;; ) {
        turn(listening);
    }
}
