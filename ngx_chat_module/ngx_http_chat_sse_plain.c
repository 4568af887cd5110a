
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * An event stream over HTTP/1.x with whose body no filter has to do: it lets go
 * of its request once the header is made.  c->data is ngx_http_chat_sse_t from
 * then on.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_http_chat_limit.h"
#include "ngx_http_chat_sse.h"
#include "ngx_chat_worker.h"


static ngx_uint_t ngx_http_chat_sse_filtered(ngx_http_request_t *r);
static ngx_int_t ngx_http_chat_sse_own(ngx_http_request_t *r,
    ngx_http_chat_sse_t *sse);
static void ngx_http_chat_sse_detach_handler(ngx_http_request_t *r);
static void ngx_http_chat_sse_detach(ngx_http_request_t *r,
    ngx_http_chat_sse_t *sse);
static void ngx_http_chat_sse_plain_finish(ngx_chat_session_t *s);
static void ngx_http_chat_sse_plain_abort(ngx_chat_session_t *s);
static void ngx_http_chat_sse_plain_read_handler(ngx_event_t *rev);
static void ngx_http_chat_sse_plain_write_handler(ngx_event_t *wev);
static ngx_uint_t ngx_http_chat_sse_gone(ngx_connection_t *c);
static void ngx_http_chat_sse_linger(ngx_http_chat_sse_t *sse);
static void ngx_http_chat_sse_discard(ngx_http_chat_sse_t *sse);
static void ngx_http_chat_sse_terminate(ngx_http_chat_sse_t *sse);


static const ngx_chat_transport_t  ngx_http_chat_sse_plain_transport = {
    ngx_string("sse"),
    ngx_http_chat_sse_object_len,
    ngx_http_chat_sse_object,
    ngx_http_chat_sse_record_len,
    ngx_http_chat_sse_record,
    ngx_http_chat_sse_plain_send,
    ngx_http_chat_sse_ping,
    ngx_http_chat_sse_closing,
    ngx_http_chat_sse_plain_finish,
    ngx_http_chat_sse_plain_abort,
    ngx_http_chat_sse_resume,
    ngx_http_chat_sse_identify,
    0
};


/* after the header filters: those of bodies have made themselves ready */

ngx_uint_t
ngx_http_chat_sse_plain(ngx_http_request_t *r)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    if (!r->limit_rate_set) {
        /* as the filter that writes does it, with the first byte of a body */
        r->limit_rate = ngx_http_complex_value_size(r, clcf->limit_rate, 0);
        r->limit_rate_set = 1;
    }

    return r == r->main
           && r->http_version < NGX_HTTP_VERSION_20
           && !r->filter_need_in_memory
           && !r->main_filter_need_in_memory
           && !r->filter_need_temporary
           && !r->expect_trailers
           && r->limit_rate == 0
           && clcf->post_action.len == 0
           && !ngx_http_chat_sse_filtered(r);
}


/*
 * Filters are behind ngx_http_write_filter_module in the list of modules, and
 * have a context if they are going to change the body.  Our own, and that of
 * the chunked filter, which is done here, are none of that kind.
 */

static ngx_uint_t
ngx_http_chat_sse_filtered(ngx_http_request_t *r)
{
    const char     *name;
    ngx_uint_t      i, filters;
    ngx_module_t  **modules;

    modules = ngx_cycle->modules;
    filters = 0;

    for (i = 0; modules[i] != NULL; i++) {

        if (modules[i]->type != NGX_HTTP_MODULE) {
            continue;
        }

        name = modules[i]->name;

        if (!filters) {
            filters = ngx_strcmp(name, "ngx_http_write_filter_module") == 0;
            continue;
        }

        if (r->ctx[modules[i]->ctx_index] != NULL
            && modules[i] != &ngx_chat_module
            && ngx_strcmp(name, "ngx_http_chunked_filter_module") != 0)
        {
            return 1;
        }
    }

    return 0;
}


void
ngx_http_chat_sse_plain_begin(ngx_http_request_t *r, ngx_http_chat_sse_t *sse)
{
    /* we return into the phases; the request is let go from a posted event */

    ngx_http_chat_hold_block(&sse->session);

    r->write_event_handler = ngx_http_chat_sse_detach_handler;

    ngx_post_event(r->connection->write, &ngx_posted_events);
}


static void
ngx_http_chat_sse_detach_handler(ngx_http_request_t *r)
{
    ngx_int_t             rc;
    ngx_connection_t     *c;
    ngx_http_chat_sse_t  *sse;

    c = r->connection;
    sse = ngx_http_chat_sse_get(r);

    if (sse == NULL || sse->aborted || c->error) {
        ngx_http_finalize_request(r, NGX_ERROR);
        return;
    }

    if (c->buffered) {
        /* a long header, and a socket without room for it */

        rc = ngx_http_chat_hold_flushed(r);

        if (rc == NGX_AGAIN) {
            return;
        }

        if (rc != NGX_OK) {
            ngx_http_finalize_request(r, NGX_ERROR);
            return;
        }
    }

    if (!ngx_http_chat_hold_alone(r)) {
        /* a subrequest goes on: that of mirror, say */

        r->write_event_handler = ngx_http_chat_sse_write_handler;
        ngx_chat_session_writable(&sse->session);
        return;
    }

    ngx_http_chat_sse_detach(r, sse);
}


static void
ngx_http_chat_sse_detach(ngx_http_request_t *r, ngx_http_chat_sse_t *sse)
{
    ngx_buf_t         *b;
    ngx_int_t          rc;
    ngx_connection_t  *c;

    if (ngx_http_chat_sse_own(r, sse) != NGX_OK
        || ngx_http_chat_sse_take_header(r, sse) != NGX_OK)
    {
        ngx_http_finalize_request(r, NGX_ERROR);
        return;
    }

    sse->chunked = r->chunked;
    sse->transport = sse->ctx->transport;

    b = r->header_in;
    c = r->connection;

    rc = ngx_http_chat_hold_take(r, &sse->hold, sse,
                                 ngx_http_chat_sse_plain_read_handler,
                                 ngx_http_chat_sse_plain_write_handler);

    if (rc == NGX_ERROR) {
        ngx_http_finalize_request(r, NGX_ERROR);
        return;
    }

    sse->session.transport = &ngx_http_chat_sse_plain_transport;
    sse->ctx = NULL;
    sse->request = NULL;

    if (rc != NGX_OK) {
        ngx_chat_session_abort(&sse->session, NGX_CHAT_CLOSE_ABNORMAL);
        return;
    }

    /* a request behind a stream, whose header said "close", is not answered */
    sse->more = b->pos < b->last;

    ngx_http_chat_hold_free_buffers(&sse->hold,
                                    ngx_http_chat_hold_move(&sse->hold,
                                                            &sse->session));
    ngx_chat_session_writable(&sse->session);

    if (ngx_chat_session_unsent(&sse->session) == 0) {
        /* nothing that the header could go with */
        ngx_post_event(c->write, &ngx_posted_events);
    }

    if (c->read->ready) {
        ngx_post_event(c->read, &ngx_posted_events);
    }
}


/* what is the request's and has to outlive it */

static ngx_int_t
ngx_http_chat_sse_own(ngx_http_request_t *r, ngx_http_chat_sse_t *sse)
{
    ngx_pool_t  *pool;

    pool = ngx_http_chat_hold_pool(r, sse->ctx->room.len
                               + ngx_http_chat_conn_size(sse->hold.counted));
    if (pool == NULL) {
        return NGX_ERROR;
    }

    sse->hold.pool = pool;

    if (sse->ctx->room.len > 0) {
        sse->hold.room.data = ngx_pstrdup(pool, &sse->ctx->room);
        if (sse->hold.room.data == NULL) {
            return NGX_ERROR;
        }

        sse->hold.room.len = sse->ctx->room.len;
    }

    return ngx_http_chat_conn_move(&sse->hold.counted, pool);
}


static void
ngx_http_chat_sse_plain_finish(ngx_chat_session_t *s)
{
    ngx_http_chat_sse_t  *sse;

    sse = (ngx_http_chat_sse_t *) s;

    sse->end = 1;
    ngx_post_event(sse->hold.connection->write, &ngx_posted_events);
}


static void
ngx_http_chat_sse_plain_abort(ngx_chat_session_t *s)
{
    ngx_http_chat_sse_t  *sse;

    sse = (ngx_http_chat_sse_t *) s;

    sse->aborted = 1;
    ngx_post_event(sse->hold.connection->write, &ngx_posted_events);
}


static void
ngx_http_chat_sse_plain_read_handler(ngx_event_t *rev)
{
    ngx_connection_t     *c;
    ngx_http_chat_sse_t  *sse;

    c = rev->data;
    sse = c->data;

    if (c->close || c->error || rev->timedout) {
        /* the worker's own shutdown timer, or the end of lingering */
        ngx_http_chat_sse_terminate(sse);
        return;
    }

    if (sse->lingering) {
        ngx_http_chat_sse_discard(sse);
        return;
    }

    if (ngx_http_chat_sse_gone(c)) {
        rev->eof = 1;
        c->error = 1;
        ngx_http_chat_sse_terminate(sse);
        return;
    }

    /* a stream is not read from */

    if ((ngx_event_flags & NGX_USE_LEVEL_EVENT) && rev->active
        && ngx_del_event(rev, NGX_READ_EVENT, 0) != NGX_OK)
    {
        ngx_http_chat_sse_terminate(sse);
    }
}


/* as ngx_http_test_reading() finds it out */

static ngx_uint_t
ngx_http_chat_sse_gone(ngx_connection_t *c)
{
    char     buf[1];
    ssize_t  n;

#if (NGX_HAVE_KQUEUE)
    if (ngx_event_flags & NGX_USE_KQUEUE_EVENT) {
        return c->read->pending_eof;
    }
#endif

#if (NGX_HAVE_EPOLLRDHUP)
    if ((ngx_event_flags & NGX_USE_EPOLL_EVENT) && ngx_use_epoll_rdhup) {
        return c->read->pending_eof;
    }
#endif

    n = recv(c->fd, buf, 1, MSG_PEEK);

    return n == 0 || (n == -1 && ngx_socket_errno != NGX_EAGAIN);
}


static void
ngx_http_chat_sse_plain_write_handler(ngx_event_t *wev)
{
    ngx_int_t             rc;
    ngx_connection_t     *c;
    ngx_http_chat_sse_t  *sse;

    c = wev->data;
    sse = c->data;

    if (sse->aborted || c->close || c->error) {
        ngx_http_chat_sse_terminate(sse);
        return;
    }

    if (sse->lingering) {
        return;
    }

    if (sse->rest != NULL) {
        rc = ngx_http_chat_sse_drain(sse);

        if (rc == NGX_AGAIN) {
            return;
        }

        if (rc == NGX_ERROR) {
            ngx_http_chat_sse_terminate(sse);
            return;
        }
    }

    if (sse->end) {
        ngx_http_chat_sse_linger(sse);
        return;
    }

    if (sse->session.reader.blocked) {
        ngx_chat_session_writable(&sse->session);
    }
}


/* the last chunk is out */

static void
ngx_http_chat_sse_linger(ngx_http_chat_sse_t *sse)
{
    sse->hold.complete = 1;

    if (!sse->more && !sse->hold.connection->read->ready) {
        ngx_http_chat_sse_terminate(sse);
        return;
    }

    ngx_http_chat_hold_release(&sse->hold, &sse->session);
    sse->lingering = 1;

    if (ngx_http_chat_hold_fin(&sse->hold) != NGX_OK) {
        ngx_http_chat_sse_terminate(sse);
        return;
    }

    ngx_http_chat_sse_discard(sse);
}


static void
ngx_http_chat_sse_discard(ngx_http_chat_sse_t *sse)
{
    if (ngx_http_chat_hold_discard(&sse->hold, NULL, NULL) == NGX_OK) {
        ngx_http_chat_sse_terminate(sse);
    }
}


/* the one exit of a stream that has no request */

static void
ngx_http_chat_sse_terminate(ngx_http_chat_sse_t *sse)
{
    ngx_str_t  transport;

    if (!sse->hold.complete && sse->session.reader.blocked) {
        /* TLS may have a record under way, behind which no goodbye can go */
        sse->hold.connection->timedout = 1;
    }

    transport = sse->transport;

    ngx_http_chat_sse_rest_free(sse);

    if (!sse->lingering) {
        ngx_http_chat_hold_release(&sse->hold, &sse->session);
    }

    ngx_http_chat_hold_close(&sse->hold, &sse->session, &transport);

    ngx_free(sse);
}
