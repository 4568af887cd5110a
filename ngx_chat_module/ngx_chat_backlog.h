
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * A session with a command that waits for the broker: what the client has sent
 * meanwhile waits behind it, so answers keep their order, and events are held
 * back, so "ok" comes before its event.  A client isn't read while it waits;
 * what had been read already is bounded by the transport's buffer.
 */


#ifndef _NGX_CHAT_BACKLOG_H_INCLUDED_
#define _NGX_CHAT_BACKLOG_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_session.h"


typedef struct ngx_chat_backlog_item_s  ngx_chat_backlog_item_t;

struct ngx_chat_backlog_item_s {
    ngx_queue_t          queue;
    ngx_str_t            text;           /* in this block */
    ngx_uint_t           skip;           /* commands that are done */
    ngx_uint_t           kind;           /* the transport's */

    /* runs it (again); outcome NULL: for the first time */
    void               (*run)(ngx_chat_session_t *s,
                              ngx_chat_backlog_item_t *item,
                              ngx_chat_wait_t *outcome);
};


/* whether something waits */
#define ngx_chat_backlog_waits(s)  ((s)->backlog != NULL)

/*
 * Puts a text behind what waits.  A session that can't keep it ends; so does
 * one that has sent too much.
 */
void ngx_chat_backlog_add(ngx_chat_session_t *s, ngx_str_t *text,
    ngx_uint_t kind, void (*run)(ngx_chat_session_t *s,
    ngx_chat_backlog_item_t *item, ngx_chat_wait_t *outcome));

/*
 * A command of this text waits for `w', which is the backlog's from now on;
 * called from inside the text's run or from its first attempt.
 */
void ngx_chat_backlog_suspend(ngx_chat_session_t *s, ngx_str_t *text,
    ngx_uint_t skip, ngx_uint_t kind, ngx_chat_wait_t *w,
    void (*run)(ngx_chat_session_t *s, ngx_chat_backlog_item_t *item,
    ngx_chat_wait_t *outcome));

/* the handler for ngx_chat_wait_create(), with the session as its data */
void ngx_chat_backlog_handler(ngx_chat_wait_t *w);

void ngx_chat_backlog_free(ngx_chat_session_t *s);


#endif /* _NGX_CHAT_BACKLOG_H_INCLUDED_ */
