
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * What the files of the table on all hosts share.
 */


#ifndef _NGX_CHAT_REDIS_TABLE_H_INCLUDED_
#define _NGX_CHAT_REDIS_TABLE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include "ngx_chat_redis_op.h"


/* its keys and its channel are "<prefix><letter>:{table}" */
#define NGX_CHAT_REDIS_TABLE      "table"

/* rows of a call; arguments of a script before them */
#define NGX_CHAT_REDIS_TELL       12
#define NGX_CHAT_REDIS_TELL_ARGS  7
#define NGX_CHAT_REDIS_ASK        "32"

/* all is read again if there was no place for something, ms */
#define NGX_CHAT_REDIS_MISSING    30000

/* calls into the table in one turn */
#define NGX_CHAT_REDIS_CALLS      64


typedef enum {
    NGX_CHAT_REDIS_FORGET = 0,           /* nothing is known of the server's */
    NGX_CHAT_REDIS_ASKING,
    NGX_CHAT_REDIS_TELLING,
    NGX_CHAT_REDIS_IDLE_TABLE
} ngx_chat_redis_table_phase_e;


struct ngx_chat_redis_table_s {
    ngx_chat_redis_t              *redis;
    ngx_chat_redis_room_t         *room;     /* for the channel */
    ngx_chat_room_key_t            key;
    ngx_uint_t                     slot;
    ngx_chat_redis_op_t           *op;       /* the call under way */
    ngx_event_t                    event;
    ngx_chat_redis_table_phase_e   phase;

    ngx_chat_redis_node_t         *node;     /* whose connection, */
    ngx_uint_t                     generation;        /* and which */

    u_char                         epoch[NGX_CHAT_EPOCH_LEN];
    uint64_t                       version;  /* read up to this */

    /* a walk over the table */
    uint32_t                       pos;
    uint64_t                       after;
    uint64_t                       upto;

    /* what is being told; with the values' memory gone */
    ngx_chat_row_t                 row[NGX_CHAT_REDIS_TELL];
    ngx_uint_t                     n;

    ngx_msec_t                     missed;   /* since when */

    unsigned                       missing:1;         /* there was no place */
    unsigned                       owner:1;
    unsigned                       known:1;  /* the epoch is */
    unsigned                       again:1;  /* to be asked */
    unsigned                       walked:1; /* .. to its end */
};


/* --- ngx_chat_redis_table.c --- */

/* goes on with whatever is next */
void ngx_chat_redis_table_go(ngx_chat_redis_table_t *t);
/* .. in the next turn of the event loop */
void ngx_chat_redis_table_later(ngx_chat_redis_table_t *t);
/* whether it may go on: if by another connection, then from the begin */
ngx_uint_t ngx_chat_redis_table_connected(ngx_chat_redis_table_t *t);
/* nothing is known any more of what the server has */
void ngx_chat_redis_table_forget(ngx_chat_redis_table_t *t);
/* NGX_OK: an array of strings, and not an empty one */
ngx_int_t ngx_chat_redis_table_strings(ngx_chat_redis_reply_t *reply);
/* names and texts of rows, from that element on, are what is true here, too */
void ngx_chat_redis_table_rows(ngx_chat_redis_table_t *t,
    ngx_chat_redis_reply_t *reply, size_t first);
void ngx_chat_redis_table_key(ngx_chat_redis_table_t *t, u_char letter,
    u_char *buf, ngx_str_t *str);

/* --- ngx_chat_redis_tell.c --- */

/* what was changed here is to be told, from the begin */
void ngx_chat_redis_table_walk(ngx_chat_redis_table_t *t);
/* some of it; NGX_OK: that was all; NGX_AGAIN: it goes on by itself;
   NGX_DECLINED, NGX_ERROR: not now */
ngx_int_t ngx_chat_redis_table_tell(ngx_chat_redis_table_t *t);


#endif /* _NGX_CHAT_REDIS_TABLE_H_INCLUDED_ */
