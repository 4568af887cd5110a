
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Webhooks: one worker sends what ngx_chat_hook.h keeps for a receiver, one
 * batch after the other, in the form of Standard Webhooks.  Which worker that
 * is says a word in the zone; when it dies another takes the word over.
 *
 * Nothing of chat waits for it: what can't be sent stays in the zone.
 */


#ifndef _NGX_CHAT_WEBHOOK_H_INCLUDED_
#define _NGX_CHAT_WEBHOOK_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_fetch.h"
#include "ngx_chat_file.h"
#include "ngx_chat_hook.h"
#include "ngx_chat_json.h"


#define NGX_CHAT_WEBHOOKS_MAX    8       /* of a zone */
#define NGX_CHAT_WEBHOOK_KEYS    4       /* in a file */
#define NGX_CHAT_WEBHOOK_SECRET  64      /* bytes of a key */
#define NGX_CHAT_WEBHOOK_BATCH   1000    /* events */

#define NGX_CHAT_WEBHOOK_GIVE_UP 86400   /* s */


typedef struct {
    size_t                   len;
    u_char                   secret[NGX_CHAT_WEBHOOK_SECRET];
} ngx_chat_webhook_key_t;


typedef struct {
    /* the configuration */

    ngx_chat_zone_t         *zone;
    ngx_chat_fetch_url_t     url;
    ngx_chat_file_t          file;         /* of the keys */
    ngx_chat_webhook_key_t   key[NGX_CHAT_WEBHOOK_KEYS];
    ngx_uint_t               nkeys;
    uint32_t                 mask;         /* kinds of events */
    ngx_array_t             *rooms;        /* of ngx_str_t; NULL: all */
    ngx_uint_t               batch;
    ngx_msec_t               timeout;

    /* a worker's */

    ngx_int_t                slot;         /* NGX_ERROR: none */
    ngx_chat_fetch_t        *fetch;
    uint64_t                 upto;         /* of the batch on its way */
    uint64_t                 seq;          /* behind it */
    ngx_uint_t               events;       /* in it */
    unsigned                 failing:1;    /* that was logged */
} ngx_chat_webhook_t;


/* those of a zone: zone->webhooks */

typedef struct {
    ngx_array_t              list;         /* of ngx_chat_webhook_t */
    uint32_t                 mask;         /* of all */
    size_t                   queue;
    ngx_msec_t               grace;
    uint32_t                *sessions;     /* a worker's, by user; NULL */
} ngx_chat_webhooks_t;


/* a batch as text: `<id>.<time>.<body>' is what is signed */

typedef struct {
    ngx_str_t                id;
    ngx_str_t                body;
    ngx_uint_t               events;       /* 0: none that it wants */
    uint64_t                 upto;         /* position behind it */
    uint64_t                 seq;          /* and number */
} ngx_chat_webhook_text_t;


/* --- ngx_chat_webhook.c --- */

/* the zone's writers learn what this configuration wants to be told */
void ngx_chat_webhook_want(ngx_chat_zone_t *z);

/* a worker begins (zones: of ngx_chat_zone_t pointers), ticks once a second, is
   told to quit, ends */
void ngx_chat_webhook_init(ngx_array_t *zones, ngx_log_t *log);
void ngx_chat_webhook_tick(void);
void ngx_chat_webhook_drain(void);
void ngx_chat_webhook_exit(void);

/* --- ngx_chat_webhook_text.c --- */

/* the records as events; what the text has is what the result refers to */
void ngx_chat_webhook_batch(ngx_chat_webhook_t *h, ngx_chat_hook_batch_t *b,
    time_t now, ngx_chat_text_t *t, ngx_chat_webhook_text_t *out);

/* --- ngx_chat_webhook_key.c --- */

/* reads the keys; on failure they stay.  NGX_OK, or NGX_DECLINED and *why */
ngx_int_t ngx_chat_webhook_load(ngx_chat_webhook_t *h, ngx_log_t *log,
    const char **why, ngx_err_t *err);
/* the same if the file has changed, and says so */
void ngx_chat_webhook_refresh(ngx_chat_webhook_t *h, ngx_log_t *log);
/* "v1,<signature>" by each key, with spaces between; NGX_ERROR: OpenSSL */
ngx_int_t ngx_chat_webhook_sign(ngx_chat_webhook_t *h, ngx_str_t *text,
    ngx_chat_text_t *t);

/* --- ngx_chat_webhook_user.c --- */

/* a session of the user begins; what is given back when it ends */
uint32_t ngx_chat_webhook_enter(ngx_chat_zone_t *z, ngx_str_t *user,
    ngx_uint_t guest);
void ngx_chat_webhook_leave(ngx_chat_zone_t *z, uint32_t ref);


#endif /* _NGX_CHAT_WEBHOOK_H_INCLUDED_ */
