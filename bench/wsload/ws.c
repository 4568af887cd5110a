
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * WebSocket: RFC 6455 without extensions.
 */


#include "wsload.h"
#include <openssl/evp.h>
#include <openssl/sha.h>


#define GUID  "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


void
ws_key(conn_t *c)
{
    int       i;
    uint32_t  random[4];

    for (i = 0; i < 4; i++) {
        random[i] = random32();
    }

    EVP_EncodeBlock((uint8_t *) c->key, (uint8_t *) random, sizeof(random));
}


int
ws_accepted(conn_t *c, const char *accept, size_t len)
{
    char     want[32], text[64];
    int      n;
    uint8_t  digest[SHA_DIGEST_LENGTH];

    n = snprintf(text, sizeof(text), "%s%s", c->key, GUID);
    SHA1((uint8_t *) text, n, digest);
    n = EVP_EncodeBlock((uint8_t *) want, digest, sizeof(digest));

    return len == (size_t) n && memcmp(accept, want, n) == 0;
}


static void
ws_mask(uint8_t *p, size_t len, uint32_t mask)
{
    size_t    i;
    uint64_t  m8, v;

    m8 = (uint64_t) mask << 32 | mask;

    for (i = 0; i + 8 <= len; i += 8) {
        memcpy(&v, p + i, 8);
        v ^= m8;
        memcpy(p + i, &v, 8);
    }

    for (/* void */; i < len; i++) {
        p[i] ^= ((uint8_t *) &mask)[i & 3];
    }
}


void
ws_put(conn_t *c, int opcode, const void *data, size_t len)
{
    int       i, n;
    uint8_t   head[14];
    uint32_t  mask;

    n = 2;
    head[0] = 0x80 | opcode;

    if (len < 126) {
        head[1] = 0x80 | len;

    } else if (len < 65536) {
        head[1] = 0x80 | 126;
        head[n++] = len >> 8;
        head[n++] = len;

    } else {
        head[1] = 0x80 | 127;

        for (i = 56; i >= 0; i -= 8) {
            head[n++] = (uint64_t) len >> i;
        }
    }

    mask = random32();
    memcpy(head + n, &mask, 4);

    buf_add(&c->out, head, n + 4);
    buf_add(&c->out, data, len);
    ws_mask(c->out.data + c->out.len - len, len, mask);
}


/* "2=3": the message 2 is answered 3; with "40*=..." each that begins with 40 */

static void
ws_autoreply(conn_t *c, const uint8_t *p, size_t n)
{
    int          i, prefix;
    char         reply[4096];
    size_t       len;
    const char  *in, *out;

    for (i = 0; i < opt.autoreply.n; i++) {
        in = opt.autoreply.line[i];
        out = strchr(in, '=');
        len = out - in;
        prefix = len && in[len - 1] == '*';
        len -= prefix;

        if (n < len || memcmp(p, in, len) != 0 || (!prefix && n != len)) {
            continue;
        }

        ws_put(c, 1, reply, expand(reply, sizeof(reply), out + 1, c->room));
    }

    conn_flush(c);
}


static void
ws_message(conn_t *c, const uint8_t *p, size_t n, uint64_t now)
{
    const char  *match;

    account_scan(c, p, n, now);

    if (!c->ready) {
        match = (c->kind == SUBSCRIBER) ? opt.ready_match : opt.pub_ready;

        if (match && memmem(p, n, match, strlen(match))) {
            conn_ready(c);
        }
    }

    if (opt.autoreply.n) {
        ws_autoreply(c, p, n);
    }
}


/* returns 0 to close */

static int
ws_frame(conn_t *c, int fin, int opcode, const uint8_t *p, size_t n,
    uint64_t now)
{
    switch (opcode) {

    case 0:
        if (!c->fragmented) {
            return 0;
        }
        break;

    case 1:
    case 2:
        if (c->fragmented) {
            return 0;
        }

        if (fin) {
            ws_message(c, p, n, now);
            return 1;
        }
        break;

    case 9:
        ws_put(c, 10, p, n);
        conn_flush(c);
        return 1;

    case 10:
        return 1;

    default:
        return 0;
    }

    buf_add(&c->message, p, n);
    c->fragmented = !fin;

    if (fin) {
        ws_message(c, c->message.data, c->message.len, now);
        c->message.len = 0;
    }

    return 1;
}


/* the length of a frame's head, 0 if it has not come */

static size_t
ws_head(const uint8_t *f, size_t n, uint64_t *len)
{
    size_t  i, head;

    if (n < 2) {
        return 0;
    }

    *len = f[1] & 0x7f;
    head = (*len == 126) ? 4 : (*len == 127) ? 10 : 2;

    if (n < head) {
        return 0;
    }

    if (head > 2) {
        for (*len = 0, i = 2; i < head; i++) {
            *len = *len << 8 | f[i];
        }
    }

    return head;
}


/* returns how much was taken, -1 to close */

ssize_t
ws_input(conn_t *c, uint8_t *p, size_t n, uint64_t now)
{
    int       opcode;
    size_t    off, head;
    uint64_t  len;

    off = 0;

    while ((head = ws_head(p + off, n - off, &len)) != 0) {

        /* nobody asked for an extension, and only clients mask */
        if ((p[off] & 0x70) || (p[off + 1] & 0x80) || len > MAX_FRAME) {
            life.err_proto++;
            return -1;
        }

        if (n - off < head + len) {
            break;
        }

        opcode = p[off] & 0x0f;

        if (opcode == 8) {
            ws_put(c, 8, p + off + head, len > 125 ? 125 : len);
            conn_flush(c);
            return -1;
        }

        if (!ws_frame(c, p[off] & 0x80, opcode, p + off + head, len, now)) {
            life.err_proto++;
            return -1;
        }

        if (c->state == CLOSED) {
            return -1;
        }

        off += head + len;
    }

    return off;
}
