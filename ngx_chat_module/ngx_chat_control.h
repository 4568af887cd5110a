
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * What a change of the table does to sessions that are open: who is kicked or
 * banned leaves, whose token is revoked ends, who lost a role leaves rooms.
 *
 * There is no message that could be lost.  Each worker knows up to which
 * version it has handled the table, and looks what has changed since when it is
 * woken and once a second.  If more has changed than the table can tell, every
 * row is looked at.  A death between a change and the wake-up costs a second.
 *
 * Sessions are gone through some hundred in a turn of the event loop.
 */


#ifndef _NGX_CHAT_CONTROL_H_INCLUDED_
#define _NGX_CHAT_CONTROL_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_session.h"


/* a worker begins; `sessions' is the list of all that it has.  NGX_ERROR: no
   memory */
ngx_int_t ngx_chat_control_init(ngx_array_t *zones, ngx_queue_t *sessions,
    ngx_log_t *log);
void ngx_chat_control_exit(void);

/* a session begins: puts it into the list where it has to be */
void ngx_chat_control_enter(ngx_chat_session_t *s);

/* whether there is a change: when woken, once a second.  A load per zone. */
void ngx_chat_control_look(void);

/* this worker has changed a row that is true of sessions: it looks itself and
   wakes the others */
void ngx_chat_control_changed(void);


#endif /* _NGX_CHAT_CONTROL_H_INCLUDED_ */
