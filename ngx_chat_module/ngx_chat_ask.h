
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Questions to a server about commands (chat_auth_publish): by POST, some at a
 * time, the rest in turn.  A command waits for its answer as it does for a
 * broker's.
 */


#ifndef _NGX_CHAT_ASK_H_INCLUDED_
#define _NGX_CHAT_ASK_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_broker.h"
#include "ngx_chat_fetch.h"


/* of a worker: under way at one time, and those that wait for their turn */
#define NGX_CHAT_ASK_MAX      64
#define NGX_CHAT_ASK_PENDING  1024
#define NGX_CHAT_ASK_BYTES    (16 * 1024 * 1024)


typedef struct {
    ngx_chat_fetch_url_t   url;
    ngx_msec_t             timeout;      /* its turn included */
    size_t                 max;          /* bytes of an answer */
} ngx_chat_ask_conf_t;


/*
 * Asks; w->handler runs with the answer: w->asked is set, w->code is
 * NGX_CHAT_OK, FORBIDDEN, UNAUTHORIZED or UNAVAILABLE, and w->records, w->size
 * are the body of a 200.  `body' is copied.  NGX_ERROR: no memory, or too much
 * is waiting; w stays the caller's.
 */
ngx_int_t ngx_chat_ask(ngx_chat_ask_conf_t *conf, ngx_str_t *body,
    ngx_chat_wait_t *w, ngx_log_t *log);

/* the worker ends; before ngx_chat_fetch_exit() */
void ngx_chat_ask_exit(void);


#endif /* _NGX_CHAT_ASK_H_INCLUDED_ */
