
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Handshakes, event streams, and the answers to POST.
 */


#include "wsload.h"
#include <strings.h>


#define MAX_HEADER  65536


static const char *
http_path(conn_t *c)
{
    return (c->kind == SUBSCRIBER) ? opt.path : opt.pub_path;
}


static int
http_is_ws(conn_t *c)
{
    return c->kind == WS_PUBLISHER || !opt.sse;
}


void
http_request(conn_t *c)
{
    int   n;
    char  path[2048], request[4096];

    expand(path, sizeof(path), http_path(c), c->room);

    if (http_is_ws(c)) {
        ws_key(c);
        n = snprintf(request, sizeof(request),
                     "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n"
                     "Upgrade: websocket\r\nConnection: Upgrade\r\n"
                     "Sec-WebSocket-Key: %s\r\n"
                     "Sec-WebSocket-Version: 13\r\n\r\n",
                     path, opt.port, c->key);

    } else {
        n = snprintf(request, sizeof(request),
                     "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n"
                     "Accept: text/event-stream\r\n\r\n", path, opt.port);
    }

    buf_add(&c->out, request, n);
    conn_flush(c);
}


/* the value of a header, NULL if it isn't there */

static const char *
http_header(const uint8_t *head, size_t n, const char *name, size_t *len)
{
    size_t       l;
    const char  *line, *end, *eol;

    l = strlen(name);
    line = (const char *) head;
    end = line + n;

    while ((eol = memchr(line, '\n', end - line)) != NULL) {

        if ((size_t) (eol - line) > l && line[l] == ':'
            && strncasecmp(line, name, l) == 0)
        {
            line += l + 1;

            while (line < eol && *line == ' ') {
                line++;
            }

            while (eol > line && (eol[-1] == '\r' || eol[-1] == ' ')) {
                eol--;
            }

            *len = eol - line;
            return line;
        }

        line = eol + 1;
    }

    return NULL;
}


static int
http_chunked(const uint8_t *head, size_t n)
{
    size_t       len;
    const char  *value;

    value = http_header(head, n, "Transfer-Encoding", &len);

    return value != NULL && len >= 7
           && strncasecmp(value + len - 7, "chunked", 7) == 0;
}


/* the first of each kind is shown */

static void
http_unexpected(const char *what, const uint8_t *head, size_t n)
{
    static const char  *shown;

    if (shown == NULL) {
        shown = what;
        fprintf(stderr, "wsload: %s: %.*s\n", what, (int) (n > 300 ? 300 : n),
                head);
    }
}


/* the lines that are sent first */

static void
http_opened(conn_t *c)
{
    int             i;
    char            line[4096];
    const char     *match;
    const lines_t  *lines;

    c->state = OPEN;

    if (c->kind == SUBSCRIBER) {
        life.opened++;
        lines = &opt.send;
        match = opt.ready_match;

    } else {
        lines = &opt.pub_send;
        match = opt.pub_ready;
    }

    for (i = 0; i < lines->n; i++) {
        ws_put(c, 1, line,
               expand(line, sizeof(line), lines->line[i], c->room));
    }

    conn_flush(c);

    if (match == NULL && c->state == OPEN) {
        conn_ready(c);
    }
}


/* returns how much was taken, 0 if it is not whole, -1 if it was refused */

ssize_t
http_handshake(conn_t *c, uint8_t *p, size_t n)
{
    int          ws;
    size_t       head, len;
    uint8_t     *end;
    const char  *accept;

    end = memmem(p, n, "\r\n\r\n", 4);

    if (end == NULL) {
        return n > MAX_HEADER ? -1 : 0;
    }

    head = end + 4 - p;
    ws = http_is_ws(c);

    if (head < 13 || atoi((char *) p + 9) != (ws ? 101 : 200)) {
        http_unexpected("handshake answered", p, head);
        return -1;
    }

    if (ws) {
        accept = http_header(p, head, "Sec-WebSocket-Accept", &len);

        if (accept == NULL || !ws_accepted(c, accept, len)) {
            life.err_proto++;
            return -1;
        }

    } else {
        c->chunked = http_chunked(p, head);
    }

    http_opened(c);

    return c->state == CLOSED ? -1 : (ssize_t) head;
}


/* in place; returns the length without the chunks' own lines, -1 at the end */

ssize_t
http_dechunk(conn_t *c, uint8_t *p, size_t n)
{
    enum { SIZE = 0, EXTENSION, DATA, AFTER };

    size_t    k;
    uint8_t  *end, *to;
    int       digit;

    to = p;

    for (end = p + n; p < end; /* void */) {

        switch (c->chunk_state) {

        case SIZE:
            digit = (*p >= '0' && *p <= '9') ? *p - '0'
                    : ((*p | 0x20) >= 'a' && (*p | 0x20) <= 'f')
                    ? (*p | 0x20) - 'a' + 10 : -1;

            if (digit >= 0) {
                c->chunk_left = c->chunk_left << 4 | digit;
                p++;
                break;
            }

            c->chunk_state = EXTENSION;
            break;

        case EXTENSION:
            if (*p++ == '\n') {
                if (c->chunk_left == 0) {
                    return -1;
                }

                c->chunk_state = DATA;
            }
            break;

        case DATA:
            k = (size_t) (end - p);

            if (k > c->chunk_left) {
                k = c->chunk_left;
            }

            memmove(to, p, k);
            to += k;
            p += k;
            c->chunk_left -= k;

            if (c->chunk_left == 0) {
                c->chunk_state = AFTER;
            }
            break;

        default: /* AFTER */
            if (*p++ == '\n') {
                c->chunk_state = SIZE;
            }
        }
    }

    return n - (end - to);
}


ssize_t
sse_input(conn_t *c, uint8_t *p, size_t n, uint64_t now)
{
    size_t    off, len;
    uint8_t  *line, *eol;

    off = 0;

    while ((eol = memchr(p + off, '\n', n - off)) != NULL) {
        line = p + off;
        len = eol - line;
        off += len + 1;

        if (len < 5 || memcmp(line, "data:", 5) != 0) {
            continue;
        }

        account_scan(c, line, len, now);

        if (!c->ready && opt.ready_match
            && memmem(line, len, opt.ready_match, strlen(opt.ready_match)))
        {
            conn_ready(c);
        }
    }

    return off;
}


/* the head of an answer; returns its length, 0 if it is not whole */

static size_t
http_answer_head(conn_t *c, const uint8_t *p, size_t n)
{
    int             code;
    size_t          head, len;
    const char     *value;
    const uint8_t  *end;

    end = memmem(p, n, "\r\n\r\n", 4);

    if (end == NULL) {
        return 0;
    }

    head = end + 4 - p;
    code = head < 13 ? 0 : atoi((char *) p + 9);

    if (code < 200 || code > 299) {
        http_unexpected("publish answered", p, n);
        tally.refused++;
    }

    value = http_header(p, head, "Content-Length", &len);

    c->in_body = 1;
    c->body_left = value ? strtoull(value, NULL, 10) : 0;
    c->chunked = http_chunked(p, head);

    return head;
}


ssize_t
http_answers(conn_t *c, uint8_t *p, size_t n, uint64_t now)
{
    size_t    off, k;
    uint8_t  *end;

    off = 0;

    while (off < n) {

        if (!c->in_body) {
            k = http_answer_head(c, p + off, n - off);

            if (k == 0) {
                break;
            }

            off += k;
        }

        if (c->chunked) {
            end = memmem(p + off, n - off, "0\r\n\r\n", 5);

            if (end == NULL) {
                break;
            }

            off = end + 5 - p;

        } else {
            k = (n - off < c->body_left) ? n - off : c->body_left;
            off += k;
            c->body_left -= k;

            if (c->body_left) {
                break;
            }
        }

        c->in_body = 0;
        tally.acked++;

        if (c->waiting) {
            hist_add(&tally.ack, now - c->sent_at[c->first]);
            c->first = (c->first + 1) % opt.pipeline;
            c->waiting--;
        }
    }

    return off;
}
