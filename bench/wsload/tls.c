
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * --tls: the bytes of connections, whose certificates nobody looks at.
 */


#include "wsload.h"
#include <errno.h>
#include <openssl/ssl.h>
#include <sys/socket.h>


void
tls_open(conn_t *c)
{
    static SSL_CTX  *ctx;

    if (!opt.tls) {
        return;
    }

    if (ctx == NULL) {
        ctx = SSL_CTX_new(TLS_client_method());

        if (ctx == NULL) {
            die("no TLS");
        }

        SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE
                              |SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER
                              |SSL_MODE_RELEASE_BUFFERS);
    }

    c->tls = SSL_new(ctx);

    if (c->tls == NULL || SSL_set_fd(c->tls, c->fd) != 1) {
        die("out of memory");
    }

    SSL_set_connect_state(c->tls);
}


void
tls_close(conn_t *c)
{
    SSL_free(c->tls);
    c->tls = NULL;
}


/* what SSL_read() and SSL_write() say, as errno */

static ssize_t
tls_result(conn_t *c, int n)
{
    int  error;

    error = SSL_get_error(c->tls, n);

    if (error == SSL_ERROR_ZERO_RETURN) {
        return 0;
    }

    errno = (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
            ? EAGAIN : EIO;

    return -1;
}


ssize_t
tls_send(conn_t *c, const void *data, size_t n)
{
    int  sent;

    if (c->tls == NULL) {
        return send(c->fd, data, n, MSG_NOSIGNAL);
    }

    sent = SSL_write(c->tls, data, n);

    return sent > 0 ? sent : tls_result(c, sent);
}


/* many records at once, as one recv() has many segments */

ssize_t
tls_recv(conn_t *c, void *to, size_t n)
{
    int      got;
    size_t   len;
    ssize_t  rc;

    if (c->tls == NULL) {
        return recv(c->fd, to, n, 0);
    }

    for (len = 0; len < n; len += got) {
        got = SSL_read(c->tls, (char *) to + len, n - len);

        if (got <= 0) {
            rc = tls_result(c, got);
            return len ? (ssize_t) len : rc;
        }
    }

    return len;
}
