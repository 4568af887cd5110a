
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * The inbox of a user: "notice" tells his sessions, of all workers, what
 * concerns him in rooms that they have not joined.
 *
 * A worker finds its sessions by user in a hash; the bus has a filter for each
 * seat, so that only those workers are woken that have a session of the user.
 * What is published or read goes through the ring of transient events.  What
 * moderators do is seen by each worker as a change of the table, and so it is
 * told where that is handled (ngx_chat_control.c), after the session that is in
 * the room has left it.
 */


#ifndef _NGX_CHAT_INBOX_H_INCLUDED_
#define _NGX_CHAT_INBOX_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_dispatch.h"
#include "ngx_chat_mark.h"
#include "ngx_chat_transient.h"


/* what a row of the table says of a user, copied from it */

typedef struct {
    const char           *kind;          /* NULL: nothing to be told */
    ngx_str_t             by;
    ngx_str_t             role;
    unsigned              banned:1;      /* that he is so is what is told */
    unsigned              uninvited:1;
    u_char                text[2 * NGX_CHAT_USER_MAX];
} ngx_chat_inbox_change_t;


/* a worker begins, and ends.  NGX_ERROR: no memory */
ngx_int_t ngx_chat_inbox_init(ngx_cycle_t *cycle);
void ngx_chat_inbox_exit(void);

/* the session is its user's from now on: it is put where it is found by him */
void ngx_chat_inbox_enter(ngx_chat_session_t *s);
/* it isn't found any more; idempotent */
void ngx_chat_inbox_leave(ngx_chat_session_t *s);

/* it was published: tells the other one of a direct conversation, or who is
   mentioned */
void ngx_chat_inbox_published(ngx_chat_caller_t *c, ngx_chat_publish_t *p);

/* the caller's marker was moved: tells his other sessions */
void ngx_chat_inbox_read(ngx_chat_caller_t *c, ngx_chat_marking_t *r);

/* a reader's handler: what others have put into the ring */
void ngx_chat_inbox_give(ngx_chat_zone_t *z, ngx_chat_transient_t *e);

/* what the value of a row of that kind says; c->kind is NULL if nothing */
void ngx_chat_inbox_change(ngx_chat_inbox_change_t *c, ngx_uint_t kind,
    ngx_str_t *value);
/* .. is told to a session of that user that is not in the room */
void ngx_chat_inbox_changed(ngx_chat_session_t *s, ngx_chat_inbox_change_t *c,
    ngx_str_t *room);


#endif /* _NGX_CHAT_INBOX_H_INCLUDED_ */
