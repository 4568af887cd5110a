
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * The one dispatcher: commands of chat.v1 from a session (WebSocket, a stream
 * by fetch) or from a stateless request (POST), and where their answers go.
 */


#ifndef _NGX_CHAT_DISPATCH_H_INCLUDED_
#define _NGX_CHAT_DISPATCH_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_history.h"
#include "ngx_chat_policy.h"
#include "ngx_chat_proto.h"
#include "ngx_chat_session.h"


/* replies of one stateless request, bytes */
#define NGX_CHAT_REPLIES_MAX  (4 * 1024 * 1024)


typedef struct {
    ngx_chat_conf_t       *conf;
    ngx_chat_session_t    *session;      /* NULL: stateless */
    ngx_chat_user_t       *user;         /* the session's, or the request's */
    ngx_pool_t            *pool;         /* scratch, not reset in here */

    /* stateless: the elements of a JSON array, joined by commas */
    ngx_chat_text_t       *replies;
    ngx_uint_t             nreplies;
    uint64_t               received;     /* commands */

    /*
     * A broker that answers later: `resume' is called with the outcome, and the
     * caller dispatches again, with it and with `skip' commands that are done.
     * NULL: it can't wait.
     */
    void                 (*resume)(ngx_chat_wait_t *w);
    void                  *resume_data;
    ngx_chat_wait_t       *outcome;
    ngx_chat_wait_t       *wait;         /* out: so it waits */
    ngx_chat_wait_t       *answer;       /* of chat_auth_publish; NULL */
    const char            *message;      /* out: of its refusal, in `pool' */
    ngx_uint_t             skip;

    ngx_uint_t             retry_after_ms;   /* of the last refusal */
    uint64_t               until;        /* the same, seconds; 0: for ever */
    uint32_t               slow_ms;      /* of the room that was asked for */
    ngx_uint_t             rank;         /* in that room */
    ngx_uint_t             invite;       /* .. one has to be invited */
    ngx_uint_t             made;         /* .. it may be made by a publish */

    /* a key's: whose direct conversations it is about; NULL: nobody's */
    ngx_str_t             *of;

    /* stateless: id of the session that asks, not to be told; NULL: none */
    u_char                *from;

    /* out: the last error, which then is no reply; NULL: it is one */
    ngx_chat_err_t        *err;

    unsigned               single:1;     /* a text is one object, no array */
    unsigned               redo:1;       /* from the session's backlog */

    /* the identity that hello gives to a guest */
    u_char                 guest_id[32];
} ngx_chat_caller_t;


/*
 * One JSON text: an object, or an array of at most 64.  If a command has to
 * wait, c->wait and c->skip are set for a stateless caller; a session keeps
 * the text itself.
 */
void ngx_chat_dispatch(ngx_chat_caller_t *c, ngx_str_t *json);

/*
 * The same for many rooms at once, of ngx_chat_join_t: NGX_CHAT_E_WAIT, or
 * NGX_CHAT_OK, and each has its error or none.
 */
ngx_chat_err_e ngx_chat_dispatch_prepare_many(ngx_chat_caller_t *c,
    ngx_array_t *rooms, ngx_chat_room_kind_e kind);

/*
 * Has the broker bring a room up to date before it is entered: NGX_CHAT_OK;
 * NGX_CHAT_E_WAIT: c->wait is set; or why not.  join NULL: no cursor.
 */
ngx_chat_err_e ngx_chat_dispatch_prepare(ngx_chat_caller_t *c,
    ngx_chat_room_key_t *key, ngx_chat_join_t *join);

/* queues or collects an error; what HTTP finds out before the dispatcher */
void ngx_chat_dispatch_error(ngx_chat_caller_t *c, ngx_str_t *reply_to,
    ngx_str_t *room, ngx_chat_err_t *err);

/*
 * Publishes cmd->room, text, data, thread, mentions, nonce in the name of the
 * caller's user, joined or not.  p has the outcome.
 */
ngx_chat_err_e ngx_chat_dispatch_publish(ngx_chat_caller_t *c,
    ngx_chat_cmd_t *cmd, ngx_chat_publish_t *p);

/* the same for a raw payload, type NGX_CHAT_REC_RAW_TEXT or _BINARY */
ngx_chat_err_e ngx_chat_dispatch_raw(ngx_chat_caller_t *c, ngx_str_t *room,
    ngx_str_t *payload, ngx_uint_t type, ngx_str_t *nonce,
    ngx_chat_publish_t *p);

/*
 * Whether the caller may do that in a room of his kind (chat or raw), or, if
 * `room' is empty, in all of them: NGX_CHAT_OK or the error to answer.  Asks
 * the configuration, and who has been banned, muted or given a role.  For a
 * session in the room it costs no lock until one of these changes.
 */
ngx_chat_err_e ngx_chat_dispatch_may(ngx_chat_caller_t *c,
    ngx_chat_action_e action, ngx_str_t *room);

/* when it may be tried again, into an error that has its code */
void ngx_chat_dispatch_when(ngx_chat_caller_t *c, ngx_chat_err_t *err);

/* --- for the dispatcher alone --- */

/* queues an answer for the session, or adds it to the array of a request */
void ngx_chat_dispatch_emit(ngx_chat_caller_t *c, ngx_chat_text_t *t);

/* the error that answers cmd; who was limited too often is closed by it */
void ngx_chat_dispatch_refuse(ngx_chat_caller_t *c, ngx_chat_cmd_t *cmd,
    ngx_chat_err_e code);

void ngx_chat_command_join(ngx_chat_caller_t *c, ngx_chat_cmd_t *cmd);
void ngx_chat_command_read(ngx_chat_caller_t *c, ngx_chat_cmd_t *cmd);
void ngx_chat_command_unread(ngx_chat_caller_t *c, ngx_chat_cmd_t *cmd);

/* `,"failed":[...]', of the ngx_chat_join_t that have an error */
void ngx_chat_dispatch_failed(ngx_chat_text_t *t, ngx_array_t *rooms);

/* `ok', if the command had an id; room and user: named in it, or NULL */
void ngx_chat_dispatch_done(ngx_chat_caller_t *c, ngx_chat_cmd_t *cmd,
    ngx_str_t *room, ngx_str_t *user);

/* ngx_chat_dispatch_auth.c: `auth', and `hello' with a token */
void ngx_chat_dispatch_token(ngx_chat_caller_t *c, ngx_chat_cmd_t *cmd);
/* whoever the token names may not be here: the answer, and the end */
void ngx_chat_dispatch_denied(ngx_chat_caller_t *c, ngx_chat_cmd_t *cmd,
    ngx_chat_err_e code);

/* ngx_chat_dispatch_direct.c: direct conversations */
void ngx_chat_command_direct(ngx_chat_caller_t *c, ngx_chat_cmd_t *cmd);

/* ngx_chat_dispatch_block.c: from whom one wants no direct messages */
void ngx_chat_command_block(ngx_chat_caller_t *c, ngx_chat_cmd_t *cmd);
void ngx_chat_command_blocks(ngx_chat_caller_t *c, ngx_chat_cmd_t *cmd);

/* ngx_chat_dispatch_invite.c: who is a member of a room by invitation */
void ngx_chat_command_invite(ngx_chat_caller_t *c, ngx_chat_cmd_t *cmd);
/* NGX_CHAT_OK, or the error to answer; `in' 0: he isn't any more */
ngx_chat_err_e ngx_chat_dispatch_member(ngx_chat_caller_t *c, ngx_str_t *room,
    ngx_str_t *user, ngx_uint_t in);

/* ngx_chat_dispatch_list.c: which rooms there are */
void ngx_chat_command_rooms(ngx_chat_caller_t *c, ngx_chat_cmd_t *cmd);

/* ngx_chat_dispatch_moder.c: what moderators do to people; and _room.c */
void ngx_chat_command_moder(ngx_chat_caller_t *c, ngx_chat_cmd_t *cmd);
void ngx_chat_command_room(ngx_chat_caller_t *c, ngx_chat_cmd_t *cmd);
/* tells whoever is in the room now */
void ngx_chat_dispatch_tell(ngx_chat_caller_t *c, ngx_str_t *room,
    ngx_chat_text_t *t);
/* the session is this user's from now on: NGX_OK, or it ends */
ngx_int_t ngx_chat_dispatch_become(ngx_chat_caller_t *c, ngx_chat_cmd_t *cmd,
    ngx_chat_user_t *user);

/* --- ngx_chat_dispatch_ask.c: chat_auth_publish --- */

/* bytes of the message of a refusal */
#define NGX_CHAT_ASK_MESSAGE  1000

/* what a command has waited for, a broker or that: c->outcome or c->answer;
   `w' may be NULL */
void ngx_chat_dispatch_outcome(ngx_chat_caller_t *c, ngx_chat_wait_t *w);

/* whether it is the first time that the command is dispatched */
#define ngx_chat_dispatch_first(c)                                            \
    ((c)->outcome == NULL && (c)->answer == NULL)

/*
 * Room, text, data, target of a command that may be published: NGX_CHAT_OK, and
 * text and data may be others now, in c->pool; NGX_CHAT_E_WAIT: c->wait is set;
 * or why not.
 */
ngx_chat_err_e ngx_chat_dispatch_ask(ngx_chat_caller_t *c,
    ngx_chat_cmd_t *cmd);

/* --- ngx_chat_dispatch_later.c, for the dispatcher alone --- */

/* for c->wait, the caller's to free; NULL: it can't wait, or no memory */
ngx_chat_wait_t *ngx_chat_dispatch_wait(ngx_chat_caller_t *c);

/* a publish's NGX_DONE: c->wait is set, or p has the outcome */
ngx_int_t ngx_chat_dispatch_later(ngx_chat_caller_t *c,
    ngx_chat_publish_t *p);
/* a page: NGX_CHAT_OK, and page->source if it isn't here; NGX_CHAT_E_WAIT */
ngx_chat_err_e ngx_chat_dispatch_want(ngx_chat_caller_t *c,
    ngx_chat_room_key_t *key, ngx_chat_page_t *page);


/* --- ngx_chat_dispatch_members.c --- */

void ngx_chat_command_members(ngx_chat_caller_t *c, ngx_chat_cmd_t *cmd);

/*
 * Writes the object `members' of cmd->room, limit and next: NGX_CHAT_OK, or the
 * error.  Who may not read gets the same error whether the room exists or not.
 */
ngx_chat_err_e ngx_chat_dispatch_members(ngx_chat_caller_t *c,
    ngx_chat_cmd_t *cmd, ngx_chat_text_t *t);


/* ngx_chat_dispatch_user.c */
void ngx_chat_command_user(ngx_chat_caller_t *c, ngx_chat_cmd_t *cmd);


/* a publish that is made ready but for its time; `size' is what the client has
   sent: each KB more costs a unit more */
ngx_chat_err_e ngx_chat_dispatch_broker(ngx_chat_caller_t *c,
    ngx_chat_publish_t *p, size_t size);
/* the pieces of an event: the id goes to `cut1', the time to `cut2' */
void ngx_chat_dispatch_pieces(ngx_chat_publish_t *p, ngx_chat_text_t *t,
    size_t cut1, size_t cut2);
/* p's sender, and its nonce */
void ngx_chat_dispatch_nonce(ngx_chat_caller_t *c, ngx_chat_publish_t *p,
    ngx_str_t *nonce);

/* --- ngx_chat_dispatch_change.c --- */

/* "edit", "delete", "react"; p has the outcome */
ngx_chat_err_e ngx_chat_dispatch_change(ngx_chat_caller_t *c,
    ngx_chat_cmd_t *cmd, ngx_chat_publish_t *p);
/* whose message a record is, and how many bytes of it stay when it is deleted;
   0: it is none, or is deleted */
size_t ngx_chat_dispatch_author(ngx_chat_rec_t *rec, ngx_str_t *id);
/* p answers cmd->thread: NGX_CHAT_OK, or that there is no such thread */
ngx_chat_err_e ngx_chat_dispatch_thread(ngx_chat_caller_t *c,
    ngx_chat_cmd_t *cmd, ngx_chat_publish_t *p);

/* "signal" and "typing": to whoever is in the room now */
ngx_chat_err_e ngx_chat_dispatch_transient(ngx_chat_caller_t *c,
    ngx_chat_cmd_t *cmd);

/* the "ok" of a publish */
void ngx_chat_dispatch_ok(ngx_chat_text_t *t, ngx_str_t *reply_to,
    ngx_str_t *room, ngx_chat_publish_t *p);

/*
 * --- ngx_chat_dispatch_rate.c: chat_limit ---
 *
 * What the location's lines for `what' take, 1 unit of each; `room' may be
 * NULL.  r->n is 0 if there are none.
 */
void ngx_chat_dispatch_rates(ngx_chat_caller_t *c, ngx_chat_rate_what_e what,
    ngx_str_t *room, ngx_chat_rates_t *r);

/* takes it at once: NGX_CHAT_OK, or NGX_CHAT_E_RATE_LIMITED, and
   c->retry_after_ms is set */
ngx_chat_err_e ngx_chat_dispatch_charge(ngx_chat_caller_t *c,
    ngx_chat_rate_what_e what, ngx_str_t *room, uint64_t cost);

/* r->wait isn't 0: counts and logs it, and has c->retry_after_ms say so */
void ngx_chat_dispatch_limited(ngx_chat_caller_t *c, ngx_chat_rates_t *r);

/* adds the bucket of the room's slow mode, if c->slow_ms says there is one */
extern ngx_chat_rate_rule_t  ngx_chat_slow_rule;
void ngx_chat_dispatch_slow(ngx_chat_caller_t *c, ngx_str_t *room,
    ngx_chat_rates_t *r);
/* takes it at once: NGX_CHAT_OK or NGX_CHAT_E_SLOW_MODE */
ngx_chat_err_e ngx_chat_dispatch_charge_slow(ngx_chat_caller_t *c,
    ngx_str_t *room);

/* a command was refused as one too many; too often, and the session ends */
void ngx_chat_dispatch_flood(ngx_chat_session_t *s);

/*
 * A page by room name: appends its members (no braces) to `t'.
 * Who may not read gets the same error whether the room exists or not.
 */
ngx_chat_err_e ngx_chat_dispatch_page(ngx_chat_caller_t *c,
    ngx_chat_room_key_t *key, ngx_chat_page_t *page, ngx_chat_text_t *t);

/*
 * What `hello' makes of the caller's user: *changed says whether *user is
 * another one, or has another name, now (its strings are then the caller's and
 * the command's).  NGX_DECLINED: not a token of ours; NGX_ABORT: it has
 * expired.
 */
ngx_int_t ngx_chat_identity_hello(ngx_chat_caller_t *c, ngx_chat_cmd_t *cmd,
    ngx_chat_user_t *user, ngx_uint_t *changed);

/*
 * The room of a URL: enters it, or queues an `error' that names it.
 * NGX_CHAT_OK or why not.
 */
ngx_chat_err_e ngx_chat_dispatch_enter(ngx_chat_session_t *s,
    ngx_chat_join_t *join, ngx_uint_t ordinal);

/* queues `welcome' */
void ngx_chat_dispatch_welcome(ngx_chat_session_t *s, ngx_str_t *reply_to);


#endif /* _NGX_CHAT_DISPATCH_H_INCLUDED_ */
