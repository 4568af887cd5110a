
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Rates: token buckets in the zone, shared by all workers.
 *
 * A bucket is one word, the time at which it will be full again (the generic
 * cell rate algorithm).  A bucket that is full is one that need not be there,
 * so nothing has to be swept, counted or repaired.
 */


#ifndef _NGX_CHAT_RATE_H_INCLUDED_
#define _NGX_CHAT_RATE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat.h"
#include "ngx_chat_store.h"


/* lines of "chat_limit" of a level, and so buckets of a command */
#define NGX_CHAT_RATES  8


typedef enum {
    NGX_CHAT_RATE_CONNECT = 0,
    NGX_CHAT_RATE_COMMAND,
    NGX_CHAT_RATE_JOIN,
    NGX_CHAT_RATE_MESSAGE,
    NGX_CHAT_RATE_HISTORY,
    NGX_CHAT_RATE_GUEST,
    NGX_CHAT_RATE_LOGIN
} ngx_chat_rate_what_e;


typedef enum {
    NGX_CHAT_RATE_USER = 0,
    NGX_CHAT_RATE_IP,
    NGX_CHAT_RATE_SESSION,
    NGX_CHAT_RATE_ROOM
} ngx_chat_rate_key_e;


/* a line of "chat_limit" */

typedef struct {
    ngx_chat_rate_what_e    what;
    ngx_chat_rate_key_e     key;
    uint64_t                interval;    /* us that one unit takes, >= 1 */
    uint64_t                burst;       /* units at once beyond the first */
    ngx_str_t               line;        /* as it is written, with defaults */
    ngx_uint_t              firm;        /* holds in a dry run, too */
} ngx_chat_rate_rule_t;


typedef struct {
    uint64_t                key;         /* of ngx_chat_rate_key() */
    ngx_chat_rate_rule_t   *rule;
} ngx_chat_rate_bucket_t;


/* what a command takes: from all buckets or from none */

struct ngx_chat_rates_s {
    ngx_uint_t              n;
    ngx_chat_rate_bucket_t  bucket[NGX_CHAT_RATES + 1];  /* and slow mode's */
    uint64_t                cost;        /* units; not more than a bucket has */
    unsigned                dry:1;       /* what isn't there is only told */

    /* out */
    ngx_uint_t              wait;        /* ms until all have it, 0: taken */
    ngx_chat_rate_rule_t   *rule;        /* whose bucket has not, for longest */
};


/*
 * Buckets of equal lines are shared by all locations of the zone.  `subject' is
 * who or what is limited, any bytes.
 */
uint64_t ngx_chat_rate_key(ngx_chat_zone_t *z, ngx_chat_rate_rule_t *rule,
    ngx_str_t *subject);

/* `now' in ms; NGX_OK: taken, or dry; NGX_BUSY: wait.  Takes the lock. */
ngx_int_t ngx_chat_rate_take(ngx_chat_zone_t *z, ngx_chat_rates_t *r,
    uint64_t now);

/*
 * The two halves of it, for who has the lock: NGX_BUSY if they don't have it
 * (nothing was taken), then what takes it if they do.
 */
ngx_int_t ngx_chat_rate_check_locked(ngx_chat_sh_t *sh, ngx_chat_rates_t *r,
    uint64_t now);
void ngx_chat_rate_take_locked(ngx_chat_sh_t *sh, ngx_chat_rates_t *r,
    uint64_t now);


/* --- private to the store --- */

/* 16 bytes; free if `full' has passed */

typedef struct {
    uint64_t                key;
    uint64_t                full;        /* us: it is full again */
} ngx_chat_rate_t;

/* a bucket can be in this many places */
#define NGX_CHAT_RATE_WAYS  8
#define NGX_CHAT_RATE_SET   (NGX_CHAT_RATE_WAYS * sizeof(ngx_chat_rate_t))


#endif /* _NGX_CHAT_RATE_H_INCLUDED_ */
