
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * A session: one connected client, whatever its transport.  It owns what is on
 * its way to the client and the client's memberships of rooms.
 *
 * Everything is posted: a call here never writes to the connection and never
 * frees the session; the hub's next turn does the first, the transport the
 * second (ngx_chat_session_destroy).
 */


#ifndef _NGX_CHAT_SESSION_H_INCLUDED_
#define _NGX_CHAT_SESSION_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat.h"
#include "ngx_chat_ask.h"
#include "ngx_chat_broker.h"
#include "ngx_chat_guest.h"
#include "ngx_chat_hub.h"
#include "ngx_chat_keys.h"
#include "ngx_chat_proto.h"
#include "ngx_chat_rate.h"
#include "ngx_chat_standing.h"
#include "ngx_chat_wire.h"


#define NGX_CHAT_SESSION_ID_LEN  16

/*
 * Unsent replies, bytes: with more than TRANSIENT nothing transient is added
 * (nor while the connection takes no more), more than THROTTLE stop reading
 * from the client, with more than PAGES the pages of `joined' shrink, more than
 * MAX end the session.
 */
#define NGX_CHAT_OUT_TRANSIENT   (16 * 1024)
#define NGX_CHAT_OUT_THROTTLE    (64 * 1024)
#define NGX_CHAT_OUT_PAGES       (1024 * 1024)
#define NGX_CHAT_OUT_MAX         (4 * 1024 * 1024)


typedef struct ngx_chat_session_s  ngx_chat_session_t;
typedef struct ngx_chat_backlog_s  ngx_chat_backlog_t;
typedef struct ngx_chat_audit_log_s  ngx_chat_audit_log_t;


/* what a location says about its sessions */

typedef struct {
    ngx_chat_zone_t           *zone;
    const ngx_chat_broker_t   *broker;
    size_t                     message_max;    /* bytes of a command */
    size_t                     text_max;
    ngx_uint_t                 replay_max;     /* events */
    size_t                     replay_bytes;
    time_t                     ping;           /* seconds */
    time_t                     ping_timeout;
    time_t                     slow_timeout;
    ngx_msec_t                 drain;
    time_t                     session_max;    /* 0: no bound */
    ngx_uint_t                 typing_max;     /* sessions in a room */
    ngx_flag_t                 receipts;       /* who reads is told */
    ngx_flag_t                 notice;         /* of what is elsewhere */
    ngx_uint_t                 presence_max;   /* users of one with names */
    ngx_msec_t                 presence_grace;
    ngx_uint_t                 raw;            /* chat_format raw */
    ngx_uint_t                 guest;          /* identity may change */
    ngx_array_t               *limits;         /* of ngx_chat_rate_rule_t */
    ngx_uint_t                 limits_dry;
    ngx_chat_auth_t           *auth;           /* tokens; NULL: none */
    ngx_chat_secrets_t        *secrets;        /* guests; NULL: the zone's */
    ngx_array_t               *allow;          /* of ngx_chat_allow_t; NULL */
    ngx_array_t               *roles;          /* ngx_chat_role_line_t first */
    ngx_chat_audit_log_t      *audit;          /* chat_audit_log; NULL */
    ngx_chat_ask_conf_t       *ask_publish;    /* chat_auth_publish; NULL */
} ngx_chat_conf_t;


/*
 * The seam to WebSocket, SSE and others.  All run inside the hub's turn or a
 * timer, and none of them may destroy the session: ending is posted.
 */

typedef struct {
    ngx_str_t     name;

    /* an object of the protocol as a frame or block: its size, its bytes */
    size_t      (*object_len)(ngx_chat_session_t *s, ngx_str_t *object);
    u_char     *(*object)(ngx_chat_session_t *s, u_char *p, ngx_str_t *object);

    /* the same for a record, where the wire is NGX_CHAT_WIRE_PRIVATE */
    size_t      (*record_len)(ngx_chat_session_t *s, ngx_chat_sub_t *sub,
                              ngx_chat_rec_t *rec);
    u_char     *(*record)(ngx_chat_session_t *s, ngx_chat_sub_t *sub,
                          u_char *p, ngx_chat_rec_t *rec);

    /*
     * Writes; returns how many bytes were taken, or NGX_ERROR.  Fewer than
     * offered: the connection is blocked, ngx_chat_session_writable() will be
     * called; a transport that takes all and keeps what the connection does not
     * take calls ngx_chat_session_stuck() instead.  *attempt: of the bytes
     * behind those taken, so many must be offered first and unchanged (TLS).
     */
    ssize_t     (*send)(ngx_chat_session_t *s, ngx_chat_slice_t *slice,
                        ngx_uint_t n, size_t *attempt);

    /* a sign of life to an idle client */
    void        (*ping)(ngx_chat_session_t *s);

    /* the last bytes of the transport itself (a Close frame) into the queue */
    void        (*closing)(ngx_chat_session_t *s, ngx_uint_t code,
                           ngx_str_t *reason);

    /* all is written: end in an orderly way (posted) */
    void        (*finish)(ngx_chat_session_t *s);

    /* end now, whatever is unsent (posted) */
    void        (*abort)(ngx_chat_session_t *s);

    /* the client is to be read again, after a throttle */
    void        (*resume)(ngx_chat_session_t *s);

    /* the session becomes another user's: NGX_CHAT_OK, or why it may not */
    ngx_chat_err_e  (*identify)(ngx_chat_session_t *s, ngx_chat_user_t *user);

    unsigned      pings:1;       /* the client answers pings */
} ngx_chat_transport_t;


/* a session's place in a room */

typedef struct {
    ngx_chat_sub_t               sub;          /* first */
    ngx_queue_t                  queue;        /* session->members */
    ngx_chat_standing_t         *standing;     /* of who has acted; malloc */
    uint32_t                     ordinal;      /* of rooms= in a URL */
    uint32_t                     present;      /* its user's; 0: no member */
} ngx_chat_member_t;


struct ngx_chat_session_s {
    ngx_chat_reader_t            reader;       /* first */
    const ngx_chat_transport_t  *transport;
    ngx_chat_conf_t             *conf;
    ngx_log_t                   *log;

    ngx_queue_t                  queue;        /* all of this worker's */
    ngx_queue_t                  deadline;     /* a slot of the wheel */
    ngx_queue_t                  stuck;        /* while blocked, by age */
    ngx_chat_session_t          *inbox_next;   /* ngx_chat_inbox.c */
    ngx_chat_session_t         **inbox_prev;   /* NULL: it is in none */
    ngx_queue_t                  members;
    ngx_uint_t                   nmembers;
    ngx_queue_t                 *turn;         /* of them; NULL: the first */

    /* a command that waits, and what is behind it; NULL: none */
    ngx_chat_backlog_t          *backlog;

    /* replies not yet sent: frames, ours alone */
    ngx_chat_chunk_t            *out;
    u_char                      *out_pos;

    /* the rest of a shared frame that was sent in part */
    ngx_chat_chunk_t            *partial;
    u_char                      *partial_pos;
    u_char                      *partial_end;

    ngx_chat_user_t              user;         /* one malloc, at the roles */
    u_char                       id[NGX_CHAT_SESSION_ID_LEN];

    uint64_t                     received;     /* commands */
    uint64_t                     sent;         /* events */
    uint64_t                     flood;        /* ms: refusals are forgotten */
    uint32_t                     last_in;      /* seconds, monotonic */
    uint32_t                     last_out;
    uint32_t                     stuck_since;
    uint32_t                     ends;         /* with its token; 0: never */
    uint32_t                     warns;        /* `expiring'; 0: told */
    uint32_t                     drain_at;     /* ms, 0: not draining */
    uint32_t                     checked;      /* ngx_chat_control.c */
    uint32_t                     present;      /* ngx_chat_webhook_enter() */
    uint32_t                     inbox;        /* a hash of the user */
    uint16_t                     close_code;
    uint8_t                      wire;         /* ngx_chat_wire_e */

    unsigned                     slow:1;       /* has been blocked */
    unsigned                     held:1;       /* the transport has chunks */
    unsigned                     pinged:1;
    unsigned                     heartbeat:1;  /* pings are objects */
    unsigned                     throttled:1;
    unsigned                     greeted:1;    /* with `welcome' */
    unsigned                     limited:1;    /* that was logged */
    unsigned                     capped:1;     /* ends by session_max */
    unsigned                     closing:1;    /* after what is queued */
    unsigned                     dead:1;       /* the transport is ending */
    unsigned                     listed:1;     /* in the worker's lists */
    unsigned                     recheck:1;    /* ngx_chat_control.c */
};


/*
 * Prepares a session that its transport has zeroed.  `user' is copied.
 * NGX_OK, NGX_ERROR (no memory), NGX_DECLINED (this worker can't serve now).
 */
ngx_int_t ngx_chat_session_init(ngx_chat_session_t *s,
    const ngx_chat_transport_t *transport, ngx_chat_conf_t *conf,
    ngx_chat_user_t *user, ngx_chat_wire_e wire, ngx_log_t *log);

/* leaves all rooms, frees everything but `s' itself; idempotent */
void ngx_chat_session_destroy(ngx_chat_session_t *s);

/* another identity (a guest's token); NGX_ERROR: no memory, nothing changed */
ngx_int_t ngx_chat_session_set_user(ngx_chat_session_t *s,
    ngx_chat_user_t *user);

/* queues an object of the protocol; ignored in raw format */
void ngx_chat_session_send(ngx_chat_session_t *s, ngx_str_t *object);

/* the same for a text just built; one that failed ends the session (1013) */
void ngx_chat_session_send_text(ngx_chat_session_t *s, ngx_chat_text_t *t);

/* queues bytes of the transport itself (a pong); NGX_ERROR: no memory, or
   too much is unsent */
ngx_int_t ngx_chat_session_queue(ngx_chat_session_t *s, u_char *p, size_t n);

/* unsent replies, bytes */
size_t ngx_chat_session_unsent(ngx_chat_session_t *s);

/* the connection takes no more: for a transport that keeps the rest itself */
void ngx_chat_session_stuck(ngx_chat_session_t *s);

/* it has taken some of what such a transport keeps, but not all */
void ngx_chat_session_progress(ngx_chat_session_t *s);

/* the connection takes bytes again */
void ngx_chat_session_writable(ngx_chat_session_t *s);

/*
 * The session ends then, Unix time in seconds, with 4401, and is told in time;
 * 0: it does not, but for conf->session_max, which begins now.  The last call
 * counts.
 */
void ngx_chat_session_expires(ngx_chat_session_t *s, time_t at);

/* something came from the client */
void ngx_chat_session_alive(ngx_chat_session_t *s);

/*
 * Ends after what is queued: `closing' (not in raw format), then the
 * transport's own goodbye.  The first call counts.  retry_after_ms 0: none.
 */
void ngx_chat_session_close(ngx_chat_session_t *s, ngx_uint_t code,
    const char *reason, ngx_uint_t retry_after_ms);

/* whether a client may come back after this code: PROTOCOL, section 7 */
ngx_uint_t ngx_chat_close_is_final(ngx_uint_t code);

/* ends now */
void ngx_chat_session_abort(ngx_chat_session_t *s, ngx_uint_t code);


/* --- rooms (ngx_chat_member.c) --- */

ngx_chat_member_t *ngx_chat_member_find(ngx_chat_session_t *s,
    ngx_str_t *room);

/*
 * Enters a room and queues `joined' (with reply_to if its len is not 0), unless
 * the session is raw.  NGX_CHAT_OK or why not; *until: of NGX_CHAT_E_BANNED.
 */
ngx_chat_err_e ngx_chat_member_join(ngx_chat_session_t *s,
    ngx_chat_join_t *join, ngx_str_t *reply_to, ngx_uint_t ordinal,
    uint64_t *until);

/* queues `left'; `reason' is a word of PROTOCOL section 3 */
void ngx_chat_member_leave(ngx_chat_session_t *s, ngx_chat_member_t *m,
    ngx_str_t *reply_to, const char *reason);

/* leaves it if the user may not be there any more */
void ngx_chat_member_recheck(ngx_chat_session_t *s, ngx_chat_member_t *m);

/* looks again how the user stands, when he acts next */
void ngx_chat_member_forget(ngx_chat_member_t *m);

/* without a word */
void ngx_chat_member_remove(ngx_chat_session_t *s, ngx_chat_member_t *m);


/* --- presence (ngx_chat_member_presence.c) --- */

/* the session's user is in the room, is told of others, or neither, as `join'
   says; *members: how many users there are */
void ngx_chat_member_present(ngx_chat_session_t *s, ngx_chat_member_t *m,
    ngx_chat_join_t *join, uint64_t *members);

/* he isn't by this session, at once or after the grace time */
void ngx_chat_member_absent(ngx_chat_session_t *s, ngx_chat_member_t *m,
    ngx_uint_t at_once);

/* s->user is another one, or has another name: in all rooms */
void ngx_chat_member_renamed(ngx_chat_session_t *s);

/* a reader's handler: tells what is new in a room */
void ngx_chat_member_changes(ngx_chat_hub_room_t *room);

/* `{"id":…,"name":…}' */
void ngx_chat_member_enc(ngx_chat_text_t *t, ngx_chat_presence_user_t *user);


/* --- the flush (ngx_chat_flush.c) --- */

void ngx_chat_session_flush(ngx_chat_reader_t *rd);
void ngx_chat_session_reset(ngx_chat_reader_t *rd);

/* takes a transient event, unless it is the session's own or must wait */
void ngx_chat_session_transient(ngx_chat_reader_t *rd,
    ngx_chat_hub_transient_t *t);


#endif /* _NGX_CHAT_SESSION_H_INCLUDED_ */
