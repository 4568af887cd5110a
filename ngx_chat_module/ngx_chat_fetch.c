
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * The life of a request: connecting, writing, reading, one of several ends.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_event_connect.h>
#include "ngx_chat.h"
#include "ngx_chat_fetch.h"


#define NGX_CHAT_FETCH_READ  16384
#define NGX_CHAT_FETCH_TURN  16            /* reads in one turn */


struct ngx_chat_fetch_s {
    ngx_queue_t                queue;
    ngx_peer_connection_t      peer;
    ngx_sockaddr_t             sockaddr;
    ngx_str_t                  name;         /* in `out' */
    ngx_connection_t          *connection;   /* NULL: none, or closed */
    ngx_event_t                timer;
    ngx_log_t                 *log;
    ngx_log_t                  quiet;
    ngx_err_t                  err;
    ngx_chat_fetch_parser_t    parser;

    u_char                    *out;
    size_t                     out_len;
    size_t                     out_pos;

    void                     (*handler)(void *data,
                                        ngx_chat_fetch_answer_t *answer);
    void                      *data;
    const char                *failed;       /* why, told by the timer */

    unsigned                   connected:1;
};


static ngx_int_t ngx_chat_fetch_write_request(ngx_chat_fetch_t *f,
    ngx_chat_fetch_request_t *rq);
static void ngx_chat_fetch_connect(ngx_chat_fetch_t *f);
static ngx_int_t ngx_chat_fetch_test(ngx_chat_fetch_t *f);
static void ngx_chat_fetch_write_handler(ngx_event_t *wev);
static void ngx_chat_fetch_read_handler(ngx_event_t *rev);
static void ngx_chat_fetch_timer_handler(ngx_event_t *ev);
static void ngx_chat_fetch_end(ngx_chat_fetch_t *f, const char *why);
static void ngx_chat_fetch_close(ngx_chat_fetch_t *f);
static void ngx_chat_fetch_free(ngx_chat_fetch_t *f);


static ngx_queue_t  ngx_chat_fetches;        /* prev NULL: never used */
static ngx_uint_t   ngx_chat_fetches_n;
static u_char       ngx_chat_fetch_input[NGX_CHAT_FETCH_READ];


ngx_chat_fetch_t *
ngx_chat_fetch_start(ngx_chat_fetch_request_t *rq, ngx_log_t *log)
{
    ngx_chat_fetch_t  *f;

    if (ngx_chat_fetches.prev == NULL) {
        ngx_queue_init(&ngx_chat_fetches);
    }

    if (ngx_chat_fetches_n == NGX_CHAT_FETCH_MAX) {
        return NULL;
    }

    f = ngx_calloc(sizeof(ngx_chat_fetch_t), log);
    if (f == NULL) {
        return NULL;
    }

    f->log = log;

    ngx_chat_fetch_parser_init(&f->parser, rq->max, log);

    if (ngx_chat_fetch_write_request(f, rq) != NGX_OK) {
        ngx_free(f);
        return NULL;
    }

    f->handler = rq->handler;
    f->data = rq->data;

    /* the configuration may go before us, where nginx is one process */

    ngx_memcpy(&f->sockaddr, rq->url->sockaddr, rq->url->socklen);

    f->peer.sockaddr = &f->sockaddr.sockaddr;
    f->peer.socklen = rq->url->socklen;
    f->peer.name = &f->name;
    f->peer.get = ngx_event_get_peer;
    /* who asked says what went wrong, and how often that is said */

    f->quiet = *log;
    f->quiet.log_level = ngx_min(log->log_level, NGX_LOG_ALERT);
    f->peer.log = &f->quiet;
    f->peer.log_error = NGX_ERROR_INFO;

    f->timer.handler = ngx_chat_fetch_timer_handler;
    f->timer.data = f;
    f->timer.log = log;
    f->timer.cancelable = rq->background;

    ngx_queue_insert_tail(&ngx_chat_fetches, &f->queue);
    ngx_chat_fetches_n++;

    ngx_add_timer(&f->timer, rq->timeout);

    ngx_chat_fetch_connect(f);

    return f;
}


/* the request as bytes, and the address's name behind it */

static ngx_int_t
ngx_chat_fetch_write_request(ngx_chat_fetch_t *f,
    ngx_chat_fetch_request_t *rq)
{
    u_char                *p;
    size_t                 len;
    ngx_chat_fetch_url_t  *url;

    url = rq->url;

    len = sizeof("POST  HTTP/1.1\r\nHost: \r\nUser-Agent: \r\n"
                 "Accept: application/json\r\nAccept-Encoding: identity\r\n"
                 "Connection: close\r\nContent-Type: application/json\r\n"
                 "Content-Length: \r\n\r\n")
          + sizeof(NGX_CHAT_SERVER) + NGX_SIZE_T_LEN
          + url->uri.len + url->host.len + rq->headers.len + rq->body.len
          + url->name.len;

    f->out = ngx_alloc(len, f->log);
    if (f->out == NULL) {
        return NGX_ERROR;
    }

    p = ngx_sprintf(f->out, "%s %V HTTP/1.1" CRLF "Host: %V" CRLF
                    "User-Agent: " NGX_CHAT_SERVER CRLF
                    "Accept: application/json" CRLF
                    "Accept-Encoding: identity" CRLF
                    "Connection: close" CRLF,
                    rq->post ? "POST" : "GET", &url->uri, &url->host);

    if (rq->post) {
        p = ngx_sprintf(p, "Content-Type: application/json" CRLF
                        "Content-Length: %uz" CRLF, rq->body.len);
    }

    p = ngx_cpymem(p, rq->headers.data, rq->headers.len);
    *p++ = CR;
    *p++ = LF;

    if (rq->post) {
        p = ngx_cpymem(p, rq->body.data, rq->body.len);
    }

    f->out_len = (size_t) (p - f->out);

    f->name.data = p;
    f->name.len = url->name.len;
    ngx_memcpy(p, url->name.data, url->name.len);

    return NGX_OK;
}


static void
ngx_chat_fetch_connect(ngx_chat_fetch_t *f)
{
    ngx_err_t          err;
    ngx_int_t          rc;
    ngx_connection_t  *c;

    ngx_set_errno(0);

    rc = ngx_event_connect_peer(&f->peer);

    err = ngx_socket_errno;

    if (rc != NGX_OK && rc != NGX_AGAIN) {

        if (f->peer.connection != NULL) {
            ngx_close_connection(f->peer.connection);
            f->peer.connection = NULL;
        }

        f->err = err;

        /* our caller doesn't have what we return yet */

        f->failed = "connecting failed";
        ngx_add_timer(&f->timer, 0);
        return;
    }

    c = f->peer.connection;

    c->data = f;
    /* `quiet' stays as long as the connection */
    c->read->handler = ngx_chat_fetch_read_handler;
    c->write->handler = ngx_chat_fetch_write_handler;

    f->connection = c;

    if (rc == NGX_OK) {
        ngx_post_event(c->write, &ngx_posted_events);
    }
}


static ngx_int_t
ngx_chat_fetch_test(ngx_chat_fetch_t *f)
{
    int        err;
    socklen_t  len;

    if (f->connected) {
        return NGX_OK;
    }

    err = 0;
    len = sizeof(int);

    if (getsockopt(f->connection->fd, SOL_SOCKET, SO_ERROR, (void *) &err,
                   &len)
        == -1)
    {
        err = ngx_socket_errno;
    }

    if (err) {
        f->err = err;
        return NGX_ERROR;
    }

    f->connected = 1;

    return NGX_OK;
}


static void
ngx_chat_fetch_write_handler(ngx_event_t *wev)
{
    ssize_t            n;
    ngx_connection_t  *c;
    ngx_chat_fetch_t  *f;

    c = wev->data;
    f = c->data;

    if (ngx_chat_fetch_test(f) != NGX_OK) {
        ngx_chat_fetch_end(f, "connecting failed");
        return;
    }

    while (f->out_pos < f->out_len) {
        n = c->send(c, f->out + f->out_pos, f->out_len - f->out_pos);

        if (n == NGX_AGAIN || n == 0) {
            break;
        }

        if (n < 0) {
            /* it may have answered without reading all: that is to be read */
            f->out_pos = f->out_len;
            break;
        }

        f->out_pos += (size_t) n;
    }

    if (ngx_handle_write_event(wev, 0) != NGX_OK) {
        ngx_chat_fetch_end(f, "writing failed");
    }
}


static void
ngx_chat_fetch_read_handler(ngx_event_t *rev)
{
    ssize_t            n;
    ngx_int_t          rc;
    ngx_uint_t         i;
    const char        *why;
    ngx_connection_t  *c;
    ngx_chat_fetch_t  *f;

    c = rev->data;
    f = c->data;

    if (c->close) {
        ngx_chat_fetch_end(f, "this worker quits");
        return;
    }

    if (ngx_chat_fetch_test(f) != NGX_OK) {
        ngx_chat_fetch_end(f, "connecting failed");
        return;
    }

    for (i = 0; i < NGX_CHAT_FETCH_TURN; i++) {
        n = c->recv(c, ngx_chat_fetch_input, NGX_CHAT_FETCH_READ);

        if (n == NGX_AGAIN) {

            if (ngx_handle_read_event(rev, 0) != NGX_OK) {
                ngx_chat_fetch_end(f, "reading failed");
            }

            return;
        }

        if (n == NGX_ERROR) {
            ngx_chat_fetch_end(f, "reading failed");
            return;
        }

        why = NULL;

        rc = (n == 0)
             ? ngx_chat_fetch_parse_end(&f->parser, &why)
             : ngx_chat_fetch_parse(&f->parser, ngx_chat_fetch_input,
                                    (size_t) n, &why);

        if (rc != NGX_AGAIN) {
            ngx_chat_fetch_end(f, (rc == NGX_OK) ? NULL : why);
            return;
        }
    }

    ngx_post_event(rev, &ngx_posted_next_events);
}


static void
ngx_chat_fetch_timer_handler(ngx_event_t *ev)
{
    ngx_chat_fetch_t *f = ev->data;

    ngx_chat_fetch_end(f, (f->failed != NULL) ? f->failed
                                              : "it has taken too long");
}


/* the connection goes before anybody else runs */

static void
ngx_chat_fetch_end(ngx_chat_fetch_t *f, const char *why)
{
    ngx_chat_fetch_answer_t  answer;

    ngx_chat_fetch_close(f);

    ngx_memzero(&answer, sizeof(ngx_chat_fetch_answer_t));

    answer.why = why;
    answer.err = (why != NULL) ? f->err : 0;
    answer.parser = &f->parser;

    answer.status = f->parser.status;

    if (why == NULL) {
        answer.body = f->parser.body;
    }

    f->handler(f->data, &answer);

    ngx_chat_fetch_free(f);
}


static void
ngx_chat_fetch_close(ngx_chat_fetch_t *f)
{
    if (f->timer.timer_set) {
        ngx_del_timer(&f->timer);
    }

    if (f->connection != NULL) {
        ngx_close_connection(f->connection);
        f->connection = NULL;
    }

    ngx_queue_remove(&f->queue);
    ngx_chat_fetches_n--;
}


static void
ngx_chat_fetch_free(ngx_chat_fetch_t *f)
{
    ngx_chat_fetch_parser_free(&f->parser);
    ngx_free(f->out);
    ngx_free(f);
}


void
ngx_chat_fetch_wanted(ngx_chat_fetch_t *f)
{
    f->timer.cancelable = 0;
}


void
ngx_chat_fetch_cancel(ngx_chat_fetch_t *f)
{
    if (f != NULL) {
        ngx_chat_fetch_close(f);
        ngx_chat_fetch_free(f);
    }
}


void
ngx_chat_fetch_exit(void)
{
    ngx_queue_t  *q;

    if (ngx_chat_fetches.prev == NULL) {
        return;
    }

    while (!ngx_queue_empty(&ngx_chat_fetches)) {
        q = ngx_queue_head(&ngx_chat_fetches);
        ngx_chat_fetch_cancel(ngx_queue_data(q, ngx_chat_fetch_t, queue));
    }
}
