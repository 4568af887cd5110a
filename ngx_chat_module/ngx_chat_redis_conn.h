
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * A connection to Redis on nginx's events.  hiredis prints commands and parses
 * replies; nothing in here blocks, whatever the server does.
 *
 * A connection that is lost is made again by itself, after a time that grows
 * to some seconds, with jitter, at the next address if there are several.
 */


#ifndef _NGX_CHAT_REDIS_CONN_H_INCLUDED_
#define _NGX_CHAT_REDIS_CONN_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_event_connect.h>
#include "ngx_chat_redis_guard.h"


/* commands without an answer, and bytes that the server hasn't taken */

#define NGX_CHAT_REDIS_PENDING_MAX   65536
#define NGX_CHAT_REDIS_OUT_MAX       (32 * 1024 * 1024)

/* bytes of a name */

#define NGX_CHAT_REDIS_HOST_MAX      255


typedef struct redisReply              ngx_chat_redis_reply_t;
typedef struct ngx_chat_redis_conn_s   ngx_chat_redis_conn_t;
typedef struct ngx_chat_redis_names_s  ngx_chat_redis_names_t;

/* reply NULL: the connection was lost, what became of the command is unknown;
   the reply is freed afterwards */
typedef void (*ngx_chat_redis_reply_pt)(void *data,
    ngx_chat_redis_reply_t *reply);


/* what "chat_redis" says of the server */

typedef struct {
    ngx_str_t             url;           /* for the log, without a password */
    ngx_addr_t           *addrs;         /* of Sentinels, if there are any */
    ngx_uint_t            naddrs;        /* 0: not known yet */
    ngx_chat_redis_names_t  *names;      /* NULL: they never change */
    ngx_str_t             sentinel;      /* the primary's name; len 0: none */
    ngx_str_t             sentinel_user;
    ngx_str_t             sentinel_password;
    ngx_str_t             user;          /* len 0: none */
    ngx_str_t             password;
    ngx_str_t             database;
    void                 *tls;           /* NULL: without */
    ngx_str_t            *tls_names;     /* of addrs; NULL or len 0: what `tls'
                                            says */
    ngx_msec_t            connect_timeout;
    ngx_msec_t            read_timeout;
} ngx_chat_redis_server_t;


typedef struct {
    ngx_chat_redis_reply_pt   handler;
    void                     *data;
} ngx_chat_redis_pending_t;


typedef enum {
    NGX_CHAT_REDIS_DOWN = 0,             /* waits for its next attempt */
    NGX_CHAT_REDIS_CONNECTING,
    NGX_CHAT_REDIS_SECURING,             /* TLS */
    NGX_CHAT_REDIS_GREETING,             /* AUTH, SELECT, PING */
    NGX_CHAT_REDIS_READY
} ngx_chat_redis_state_e;


struct ngx_chat_redis_conn_s {
    /* set by the owner, the rest is zero */

    ngx_chat_redis_server_t  *server;
    const char               *name;      /* for the log */
    ngx_log_t                *log;
    void                     *data;

    void                    (*ready)(void *data);
    void                    (*down)(void *data);
    /* NULL, or queues more commands before it is ready: NGX_OK */
    ngx_int_t               (*greet)(ngx_chat_redis_conn_t *rc);
    /* a subscriber's: every reply, once it is ready */
    ngx_chat_redis_reply_pt   push;

    ngx_uint_t                elements;  /* of an array at most; 0: as ever */

    /* private */

    ngx_chat_redis_state_e    state;
    ngx_peer_connection_t     peer;
    ngx_connection_t         *connection;
    ngx_uint_t                address;
    ngx_uint_t                failures;
    ngx_uint_t                refusals;    /* of a server that had greeted */
    ngx_uint_t                generation;  /* of the connection */

    void                     *reader;    /* redisReader */
    ngx_chat_redis_guard_t    guard;

    u_char                   *out;
    size_t                    out_pos;
    size_t                    out_last;
    size_t                    out_size;

    ngx_chat_redis_pending_t *pending;   /* a ring */
    ngx_uint_t                pending_first;
    ngx_uint_t                pending_n;
    ngx_uint_t                pending_size;

    ngx_log_t                 quiet;
    ngx_event_t               timer;
    ngx_msec_t                last_in;
    ngx_msec_t                down_since;
    ngx_msec_t                ready_since;
    ngx_msec_t                logged;    /* when the log was told last */
    /* where this one is connected to: of the server, or the primary that a
       Sentinel has named */
    ngx_sockaddr_t            target;
    socklen_t                 target_len;
    ngx_str_t                 target_name;
    u_char                    target_text[NGX_SOCKADDR_STRLEN];
    /* .. and the name of that for TLS, with a zero; len 0: of the server */
    ngx_str_t                 target_host;
    u_char                    target_host_text[NGX_CHAT_REDIS_HOST_MAX + 1];
    void                    (*found)(ngx_chat_redis_conn_t *rc);

    /* how the handshake of TLS ends */
    void                    (*tls_done)(ngx_chat_redis_conn_t *rc);
    void                    (*tls_failed)(ngx_chat_redis_conn_t *rc);

    ngx_queue_t               waiting;     /* for addresses */

    unsigned                  waits:1;     /* .. it is in the queue */
    unsigned                  asked:1;     /* .. or has been */
    unsigned                  pinged:1;
    unsigned                  stopped:1;
    unsigned                  asking:1;  /* this one is to a Sentinel */
    unsigned                  named:1;   /* `target' is the next to connect */
    unsigned                  told:1;    /* the log knows that it is down */
};


/* begins to connect; ready() is called later */
ngx_int_t ngx_chat_redis_conn_start(ngx_chat_redis_conn_t *rc);
/* closes for good; handlers of commands get NULL */
void ngx_chat_redis_conn_stop(ngx_chat_redis_conn_t *rc);

/* loses the connection, with a reason for the log (NULL: it needn't know); it
   will be made again */
void ngx_chat_redis_conn_lose(ngx_chat_redis_conn_t *rc, const char *why);

/* .. and the server may go on refusing: later and later */
void ngx_chat_redis_conn_refused(ngx_chat_redis_conn_t *rc, const char *why);

/*
 * Queues a command; written in this turn of the event loop.  handler NULL: the
 * reply doesn't matter (or is a push).  NGX_OK; NGX_AGAIN: not ready; NGX_BUSY:
 * too much is queued; NGX_ERROR: no memory
 */
ngx_int_t ngx_chat_redis_conn_send(ngx_chat_redis_conn_t *rc, int argc,
    const char **argv, const size_t *lens, ngx_chat_redis_reply_pt handler,
    void *data);

#define ngx_chat_redis_conn_is_ready(rc)                                      \
    ((rc)->state == NGX_CHAT_REDIS_READY)

/* for how long there has been no connection, ms */
#define ngx_chat_redis_conn_down_for(rc)                                      \
    ((rc)->state == NGX_CHAT_REDIS_READY                                      \
     ? 0 : (ngx_msec_t) (ngx_current_msec - (rc)->down_since))


/* --- ngx_chat_redis_conn_addr.c --- */

/*
 * Before it connects.  NGX_OK; NGX_AGAIN: the timer goes off when the name has
 * been looked up, or when that takes too long: then what was known is used
 */
ngx_int_t ngx_chat_redis_conn_ask(ngx_chat_redis_conn_t *rc);

/* rc->peer is an address of the server; or of a Sentinel, and then what that
   has named */
void ngx_chat_redis_conn_address(ngx_chat_redis_conn_t *rc);

/* loses it if it is to an address that the server doesn't have any more */
void ngx_chat_redis_conn_moved(ngx_chat_redis_conn_t *rc);


#endif /* _NGX_CHAT_REDIS_CONN_H_INCLUDED_ */
