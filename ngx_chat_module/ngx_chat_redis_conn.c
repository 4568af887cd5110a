
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * The life of a connection: connecting, greeting, heartbeat, loss.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_event_connect.h>
#include <hiredis/hiredis.h>
#include "ngx_chat_redis_conn.h"
#include "ngx_chat_redis_io.h"
#include "ngx_chat_redis_names.h"
#include "ngx_chat_redis_sentinel.h"
#include "ngx_chat_redis_tls.h"


#define NGX_CHAT_REDIS_BACKOFF_MIN  50        /* ms */
#define NGX_CHAT_REDIS_BACKOFF_MAX  3000
#define NGX_CHAT_REDIS_BEAT         400
#define NGX_CHAT_REDIS_LOG          1000

/* one that holds so long isn't refused any more, ms */
#define NGX_CHAT_REDIS_PROVED       5000


static void ngx_chat_redis_conn_connect(ngx_chat_redis_conn_t *rc);
static void ngx_chat_redis_conn_connected(ngx_chat_redis_conn_t *rc);
static void ngx_chat_redis_conn_named(ngx_chat_redis_conn_t *rc);
static void ngx_chat_redis_conn_insecure(ngx_chat_redis_conn_t *rc);
static void ngx_chat_redis_conn_secured(ngx_chat_redis_conn_t *rc);
static ngx_int_t ngx_chat_redis_conn_test(ngx_connection_t *c);
static ngx_int_t ngx_chat_redis_conn_greet(ngx_chat_redis_conn_t *rc);
static ngx_int_t ngx_chat_redis_conn_login(ngx_chat_redis_conn_t *rc,
    ngx_str_t *user, ngx_str_t *password);
static void ngx_chat_redis_conn_pong(void *data,
    ngx_chat_redis_reply_t *reply);
static void ngx_chat_redis_conn_write_handler(ngx_event_t *wev);
static void ngx_chat_redis_conn_read_handler(ngx_event_t *rev);
static void ngx_chat_redis_conn_timer_handler(ngx_event_t *ev);
static void ngx_chat_redis_conn_beat(ngx_chat_redis_conn_t *rc);
static void ngx_chat_redis_conn_close(ngx_chat_redis_conn_t *rc);


ngx_int_t
ngx_chat_redis_conn_start(ngx_chat_redis_conn_t *rc)
{
    rc->timer.handler = ngx_chat_redis_conn_timer_handler;
    rc->timer.data = rc;
    rc->timer.log = rc->log;
    rc->timer.cancelable = 1;

    rc->down_since = ngx_current_msec;

    /* not before the event loop runs */

    ngx_add_timer(&rc->timer, 1);

    return NGX_OK;
}


void
ngx_chat_redis_conn_stop(ngx_chat_redis_conn_t *rc)
{
    rc->stopped = 1;

    ngx_chat_redis_names_forget(rc);
    ngx_chat_redis_conn_close(rc);

    if (rc->timer.timer_set) {
        ngx_del_timer(&rc->timer);
    }

    ngx_chat_redis_io_free(rc);
}


void
ngx_chat_redis_conn_lose(ngx_chat_redis_conn_t *rc, const char *why)
{
    ngx_uint_t  was, delay, i;

    if (rc->stopped || rc->state == NGX_CHAT_REDIS_DOWN) {
        return;
    }

    /* one that is lost as soon as it is there isn't told of each time */

    if (why != NULL && !rc->told
        && (rc->logged == 0
            || ngx_current_msec - rc->logged >= NGX_CHAT_REDIS_LOG))
    {
        rc->logged = ngx_current_msec;

        ngx_log_error(NGX_LOG_ERR, rc->log, 0,
                      "chat: connection of %s to \"%V\" (%V) is lost: %s",
                      rc->name, &rc->server->url, rc->peer.name, why);
        rc->told = 1;
    }

    was = (rc->state == NGX_CHAT_REDIS_READY);

    if (was) {
        rc->down_since = ngx_current_msec;
        rc->failures = 0;

        if (ngx_current_msec - rc->ready_since >= NGX_CHAT_REDIS_PROVED) {
            rc->refusals = 0;
        }
    }

    /* the next address, and later and later */

    rc->named = 0;
    rc->address++;
    rc->failures++;

    delay = NGX_CHAT_REDIS_BACKOFF_MIN;

    for (i = 1;
         i < rc->failures + rc->refusals
         && delay < NGX_CHAT_REDIS_BACKOFF_MAX;
         i++)
    {
        delay *= 2;
    }

    delay = ngx_min(delay, NGX_CHAT_REDIS_BACKOFF_MAX);
    delay = delay / 2 + (ngx_uint_t) ngx_random() % (delay / 2 + 1);

    ngx_chat_redis_conn_close(rc);

    ngx_add_timer(&rc->timer, delay);

    if (was) {
        rc->down(rc->data);
    }
}


void
ngx_chat_redis_conn_refused(ngx_chat_redis_conn_t *rc, const char *why)
{
    if (rc->state == NGX_CHAT_REDIS_READY) {
        rc->refusals++;
    }

    ngx_chat_redis_conn_lose(rc, why);
}


static void
ngx_chat_redis_conn_close(ngx_chat_redis_conn_t *rc)
{
    ngx_connection_t  *c;

    c = rc->connection;
    rc->connection = NULL;
    rc->state = NGX_CHAT_REDIS_DOWN;
    rc->generation++;
    rc->pinged = 0;

    if (c != NULL) {
        ngx_chat_redis_tls_close(c);
    }

    ngx_chat_redis_io_reset(rc);
}


static void
ngx_chat_redis_conn_connect(ngx_chat_redis_conn_t *rc)
{
    ngx_int_t          rv;
    ngx_connection_t  *c;

    if (!rc->named && ngx_chat_redis_conn_ask(rc) != NGX_OK) {
        return;
    }

    ngx_memzero(&rc->peer, sizeof(ngx_peer_connection_t));

    ngx_chat_redis_conn_address(rc);

    if (rc->peer.sockaddr == NULL) {
        rc->state = NGX_CHAT_REDIS_CONNECTING;
        ngx_chat_redis_conn_lose(rc, "its name has no address yet");
        return;
    }

    rc->peer.get = ngx_event_get_peer;
    rc->peer.log = rc->log;
    rc->peer.log_error = NGX_ERROR_ERR;

    if (rc->told) {
        /* one line for an outage, not one for each attempt */
        rc->quiet = *rc->log;
        rc->quiet.log_level = NGX_LOG_ALERT;
        rc->peer.log = &rc->quiet;
        rc->peer.log_error = NGX_ERROR_INFO;
    }

    rc->state = NGX_CHAT_REDIS_CONNECTING;

    rv = ngx_event_connect_peer(&rc->peer);

    if (rv != NGX_OK && rv != NGX_AGAIN) {

        /* the connection that couldn't connect is freed by us, if any */

        if (rc->peer.connection != NULL) {
            ngx_close_connection(rc->peer.connection);
            rc->peer.connection = NULL;
        }

        ngx_chat_redis_conn_lose(rc, "it can't be made");
        return;
    }

    c = rc->peer.connection;

    c->data = rc;
    c->log = rc->log;
    c->read->log = rc->log;
    c->write->log = rc->log;
    c->read->handler = ngx_chat_redis_conn_read_handler;
    c->write->handler = ngx_chat_redis_conn_write_handler;

    rc->connection = c;
    rc->last_in = ngx_current_msec;

    ngx_add_timer(&rc->timer, rc->server->connect_timeout);

    if (rv == NGX_OK) {
        ngx_chat_redis_conn_connected(rc);
    }
}


/* from inside a handler of this connection: the next one isn't made in it */

static void
ngx_chat_redis_conn_named(ngx_chat_redis_conn_t *rc)
{
    ngx_chat_redis_conn_close(rc);

    rc->named = 1;

    ngx_add_timer(&rc->timer, 1);
}


static void
ngx_chat_redis_conn_connected(ngx_chat_redis_conn_t *rc)
{
    ngx_connection_t  *c;

    c = rc->connection;

    if (ngx_chat_redis_conn_test(c) != NGX_OK) {
        ngx_chat_redis_conn_lose(rc, "connecting failed");
        return;
    }

    if (rc->peer.sockaddr->sa_family != AF_UNIX
        && ngx_tcp_nodelay(c) != NGX_OK)
    {
        ngx_chat_redis_conn_lose(rc, "it can't be used");
        return;
    }

    if (rc->server->tls == NULL) {
        ngx_chat_redis_conn_secured(rc);
        return;
    }

    rc->state = NGX_CHAT_REDIS_SECURING;

    if (ngx_chat_redis_tls_start(rc, c, ngx_chat_redis_conn_secured,
                                 ngx_chat_redis_conn_insecure)
        != NGX_OK)
    {
        ngx_chat_redis_conn_insecure(rc);
    }
}


static void
ngx_chat_redis_conn_insecure(ngx_chat_redis_conn_t *rc)
{
    ngx_chat_redis_conn_lose(rc, "the TLS handshake failed");
}


/* the first bytes of ours, and of the server */

static void
ngx_chat_redis_conn_secured(ngx_chat_redis_conn_t *rc)
{
    ngx_connection_t  *c;

    c = rc->connection;

    c->read->handler = ngx_chat_redis_conn_read_handler;
    c->write->handler = ngx_chat_redis_conn_write_handler;

    rc->state = NGX_CHAT_REDIS_GREETING;

    if (ngx_chat_redis_conn_greet(rc) != NGX_OK) {
        ngx_chat_redis_conn_lose(rc, "out of memory");
    }
}


static ngx_int_t
ngx_chat_redis_conn_test(ngx_connection_t *c)
{
    int        err;
    socklen_t  len;

    err = 0;
    len = sizeof(int);

    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, (void *) &err, &len) == -1) {
        err = ngx_socket_errno;
    }

    if (err) {
        (void) ngx_connection_error(c, err, "connect() to Redis failed");
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* the last answer, to PING, tells whether the server serves */

static ngx_int_t
ngx_chat_redis_conn_greet(ngx_chat_redis_conn_t *rc)
{
    size_t                    lens[2];
    const char               *argv[2];
    ngx_chat_redis_server_t  *srv;

    srv = rc->server;

    if (rc->asking) {

        if (ngx_chat_redis_conn_login(rc, &srv->sentinel_user,
                                      &srv->sentinel_password)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        return ngx_chat_redis_sentinel_ask(rc, ngx_chat_redis_conn_named);
    }

    if (ngx_chat_redis_conn_login(rc, &srv->user, &srv->password) != NGX_OK) {
        return NGX_ERROR;
    }

    if (srv->database.len > 0) {
        argv[0] = "SELECT";
        lens[0] = 6;
        argv[1] = (char *) srv->database.data;
        lens[1] = srv->database.len;

        if (ngx_chat_redis_io_put(rc, 2, argv, lens,
                                  ngx_chat_redis_conn_greeted, rc)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    if (srv->sentinel.len > 0 && ngx_chat_redis_sentinel_role(rc) != NGX_OK) {
        return NGX_ERROR;
    }

    if (rc->greet != NULL && rc->greet(rc) != NGX_OK) {
        return NGX_ERROR;
    }

    argv[0] = "PING";
    lens[0] = 4;

    return ngx_chat_redis_io_put(rc, 1, argv, lens,
                                 ngx_chat_redis_conn_pong, rc);
}


static ngx_int_t
ngx_chat_redis_conn_login(ngx_chat_redis_conn_t *rc, ngx_str_t *user,
    ngx_str_t *password)
{
    int          argc;
    size_t       lens[3];
    const char  *argv[3];

    if (password->len == 0) {
        return NGX_OK;
    }

    argc = 0;
    argv[argc] = "AUTH";
    lens[argc++] = 4;

    if (user->len > 0) {
        argv[argc] = (char *) user->data;
        lens[argc++] = user->len;
    }

    argv[argc] = (char *) password->data;
    lens[argc++] = password->len;

    return ngx_chat_redis_io_put(rc, argc, argv, lens,
                                 ngx_chat_redis_conn_greeted, rc);
}


void
ngx_chat_redis_conn_greeted(void *data, ngx_chat_redis_reply_t *reply)
{
    ngx_chat_redis_conn_t *rc = data;

    char    *args;
    size_t   len;

    if (reply != NULL && reply->type == REDIS_REPLY_ERROR) {

        /* "unknown command 'AUTH', with args beginning with: 'secret'" */

        args = strstr(reply->str, ", with args");
        len = args ? (size_t) (args - reply->str) : reply->len;

        if (!rc->told) {
            ngx_log_error(NGX_LOG_ERR, rc->log, 0,
                          "chat: \"%V\" refuses: \"%*s\"",
                          &rc->server->url, ngx_min(len, 200), reply->str);
        }

        ngx_chat_redis_conn_lose(rc, "the server refuses");
    }
}


static void
ngx_chat_redis_conn_pong(void *data, ngx_chat_redis_reply_t *reply)
{
    ngx_chat_redis_conn_t *rc = data;

    if (reply == NULL) {
        return;
    }

    if (reply->type == REDIS_REPLY_ERROR) {
        ngx_chat_redis_conn_greeted(data, reply);
        return;
    }

    if (rc->state != NGX_CHAT_REDIS_GREETING) {
        return;
    }

    rc->state = NGX_CHAT_REDIS_READY;
    rc->ready_since = ngx_current_msec;
    rc->failures = 0;

    if (rc->told) {
        ngx_log_error(NGX_LOG_NOTICE, rc->log, 0,
                      "chat: connection of %s to \"%V\" is there again",
                      rc->name, &rc->server->url);
        rc->told = 0;
    }

    ngx_add_timer(&rc->timer, NGX_CHAT_REDIS_BEAT);

    rc->ready(rc->data);
}


static void
ngx_chat_redis_conn_write_handler(ngx_event_t *wev)
{
    ngx_connection_t       *c;
    ngx_chat_redis_conn_t  *rc;

    c = wev->data;
    rc = c->data;

    if (rc->state == NGX_CHAT_REDIS_CONNECTING) {
        ngx_chat_redis_conn_connected(rc);
        return;
    }

    if (ngx_chat_redis_io_write(rc) != NGX_OK) {
        ngx_chat_redis_conn_lose(rc, "writing failed");
    }
}


static void
ngx_chat_redis_conn_read_handler(ngx_event_t *rev)
{
    ngx_connection_t       *c;
    ngx_chat_redis_conn_t  *rc;

    c = rev->data;
    rc = c->data;

    if (c->close) {
        ngx_chat_redis_conn_lose(rc, "this worker quits");
        return;
    }

    if (rc->state == NGX_CHAT_REDIS_CONNECTING) {
        ngx_chat_redis_conn_connected(rc);

        if (rc->connection != c || rc->state == NGX_CHAT_REDIS_SECURING) {
            return;
        }
    }

    ngx_chat_redis_io_read(rc);
}


static void
ngx_chat_redis_conn_timer_handler(ngx_event_t *ev)
{
    ngx_chat_redis_conn_t *rc = ev->data;

    switch (rc->state) {

    case NGX_CHAT_REDIS_DOWN:
        ngx_chat_redis_conn_connect(rc);
        break;

    case NGX_CHAT_REDIS_CONNECTING:
        ngx_chat_redis_conn_lose(rc, "connecting timed out");
        break;

    case NGX_CHAT_REDIS_SECURING:
    case NGX_CHAT_REDIS_GREETING:
        ngx_chat_redis_conn_lose(rc, "the server doesn't answer");
        break;

    case NGX_CHAT_REDIS_READY:
        ngx_chat_redis_conn_beat(rc);
        break;
    }
}


/* who is silent is asked; who doesn't answer then is lost */

static void
ngx_chat_redis_conn_beat(ngx_chat_redis_conn_t *rc)
{
    size_t       len;
    ngx_msec_t   silent;
    const char  *ping;

    silent = ngx_current_msec - rc->last_in;

    if ((rc->pinged || rc->pending_n > 0)
        && silent >= rc->server->read_timeout)
    {
        ngx_chat_redis_conn_lose(rc, "the server doesn't answer");
        return;
    }

    if (!rc->pinged && silent >= NGX_CHAT_REDIS_BEAT) {
        ping = "PING";
        len = 4;

        if (ngx_chat_redis_io_put(rc, 1, &ping, &len,
                                  rc->push ? NULL : ngx_chat_redis_conn_pong,
                                  rc)
            != NGX_OK)
        {
            ngx_chat_redis_conn_lose(rc, "too much is queued");
            return;
        }

        rc->pinged = 1;
    }

    ngx_add_timer(&rc->timer, NGX_CHAT_REDIS_BEAT);
}


ngx_int_t
ngx_chat_redis_conn_send(ngx_chat_redis_conn_t *rc, int argc,
    const char **argv, const size_t *lens, ngx_chat_redis_reply_pt handler,
    void *data)
{
    if (rc->state != NGX_CHAT_REDIS_READY) {
        return NGX_AGAIN;
    }

    return ngx_chat_redis_io_put(rc, argc, argv, lens, handler, data);
}
