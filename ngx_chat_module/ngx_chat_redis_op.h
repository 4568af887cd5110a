
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * A worker's side of Redis: its two connections to each server, calls of
 * scripts that are sent again until they are answered or late, and the rooms it
 * follows.  Private to the files of the broker.
 */


#ifndef _NGX_CHAT_REDIS_OP_H_INCLUDED_
#define _NGX_CHAT_REDIS_OP_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include "ngx_chat_redis.h"
#include "ngx_chat_redis_slots.h"
#include "ngx_chat_remote.h"
#include "ngx_chat_table.h"


#define NGX_CHAT_REDIS_ARGS       28

/* primaries of a cluster at most; hex digits of a node's id */
#define NGX_CHAT_REDIS_NODES      64
#define NGX_CHAT_REDIS_ID         40

/* events of a window's first fill, of one page of it; events that a stream
   keeps at least, so that who listens can read on */
#define NGX_CHAT_REDIS_WINDOW     1000
#define NGX_CHAT_REDIS_KEEP_MIN   128
#define NGX_CHAT_REDIS_PAGE       100
#define NGX_CHAT_REDIS_PAGE_BYTES (4 * 1024 * 1024)

/* without a connection for longer, calls are refused at once, ms */
#define NGX_CHAT_REDIS_PATIENCE   1000

/* an epoch of a room that may be needed is longer than anything kept, s */
#define NGX_CHAT_REDIS_META_TTL   (7 * 24 * 3600)

/* .. and that of a room without an event, since somebody entered it last, s */
#define NGX_CHAT_REDIS_EMPTY_TTL  (24 * 3600)


typedef struct ngx_chat_redis_op_s       ngx_chat_redis_op_t;
typedef struct ngx_chat_redis_room_s     ngx_chat_redis_room_t;
typedef struct ngx_chat_redis_node_s     ngx_chat_redis_node_t;
typedef struct ngx_chat_redis_table_s    ngx_chat_redis_table_t;
typedef struct ngx_chat_redis_cluster_s  ngx_chat_redis_cluster_t;


/*
 * A server, and the connections to it: the one there is, or a primary of a
 * cluster.
 */

struct ngx_chat_redis_node_s {
    ngx_chat_redis_t         *redis;
    ngx_chat_redis_conn_t     calls;
    ngx_chat_redis_conn_t     subscriptions;

    unsigned                  late:1;        /* an answer didn't come in time */

    /* of a cluster */

    unsigned                  sharded:1;     /* it has SPUBLISH */
    ngx_uint_t                slots;
    ngx_msec_t                used;          /* when something led here */
    u_char                    tag[NGX_CHAT_REDIS_ID + 2];   /* "<id> " or "" */

    ngx_chat_redis_server_t   server;
    ngx_chat_redis_address_t  address;
    ngx_addr_t                addr;          /* the same, for a connection */
    ngx_str_t                 name;          /* .. for TLS */
    u_char                    url[NGX_SOCKADDR_STRLEN + sizeof("rediss://")];
};


typedef struct {
    ngx_str_t                 text;
    u_char                    sha[41];       /* hex; made when first used */

    /* which ARGV is the command to publish with, if it does; the next one is
       what precedes the message.  Set for each server that it is sent to. */
    ngx_uint_t                command;
} ngx_chat_redis_script_t;

extern ngx_chat_redis_script_t  ngx_chat_redis_publish_script;
extern ngx_chat_redis_script_t  ngx_chat_redis_fetch_script;
extern ngx_chat_redis_script_t  ngx_chat_redis_page_script;
extern ngx_chat_redis_script_t  ngx_chat_redis_ask_script;
extern ngx_chat_redis_script_t  ngx_chat_redis_tell_script;

/* NULL: not done, and `code' says why; the operation is freed afterwards */
typedef void (*ngx_chat_redis_done_pt)(ngx_chat_redis_op_t *op,
    ngx_chat_redis_reply_t *reply, ngx_chat_err_e code);


struct ngx_chat_redis_op_s {
    ngx_queue_t               queue;         /* redis->ops */
    ngx_chat_redis_t         *redis;
    ngx_chat_redis_script_t  *script;
    int                       argc;
    const char               *argv[NGX_CHAT_REDIS_ARGS];
    size_t                    lens[NGX_CHAT_REDIS_ARGS];

    ngx_chat_redis_done_pt    done;
    ngx_chat_wait_t          *wait;
    ngx_chat_redis_room_t    *room;
    ngx_chat_room_key_t       key;           /* name in this block */
    ngx_chat_rule_t          *rule;
    ngx_msec_t                deadline;

    ngx_chat_redis_node_t    *node;          /* where it was sent last */
    ngx_chat_redis_node_t    *ask;           /* .. and has to be, if anywhere */
    ngx_uint_t                slot;
    ngx_uint_t                hops;          /* redirections in a row */
    ngx_uint_t                publishes;     /* the argument with the command
                                                of that, and then the tag */

    unsigned                  own_nonce:1;
    unsigned                  in_flight:1;
    unsigned                  unknown:1;     /* sent, and no answer came */
    unsigned                  eval:1;        /* the server lacks the script */
    unsigned                  over:1;        /* done; freed by the answer */
    unsigned                  asked:1;       /* sent to `ask' */
};


struct ngx_chat_redis_room_s {
    ngx_str_node_t            node;          /* its channel */
    ngx_queue_t               queue;         /* redis->rooms */
    ngx_chat_redis_t         *redis;
    ngx_chat_room_key_t       key;
    ngx_uint_t                slot;
    ngx_chat_redis_node_t    *server;        /* that was asked to tell us */
    ngx_chat_hub_room_t      *hub;           /* pinned; NULL: not open yet */
    ngx_queue_t               waits;         /* of ngx_chat_wait_t */
    ngx_chat_redis_op_t      *op;            /* the fetch under way */
    ngx_msec_t                synced;        /* when one was done; 0: never */
    ngx_msec_t                tried;         /* when one ended anyhow */
    ngx_chat_err_e            code;          /* .. and how */
    ngx_uint_t                idle;          /* ticks without a reader */

    unsigned                  table:1;       /* no room, but the table */
    unsigned                  again:1;       /* fetch once more */
    unsigned                  owner:1;
    unsigned                  subscribed:1;  /* the server has confirmed */
};


struct ngx_chat_redis_s {
    ngx_chat_redis_conf_t    *conf;
    ngx_chat_zone_t          *zone;
    ngx_log_t                *log;

    /* the one; or the primaries of a cluster, some of them NULL */
    ngx_chat_redis_node_t    *node[NGX_CHAT_REDIS_NODES];
    ngx_chat_redis_cluster_t *cluster;       /* NULL: there is none */

    ngx_queue_t               ops;           /* oldest deadline first */
    ngx_event_t               timer;         /* of them */

    ngx_rbtree_t              tree;          /* rooms by channel */
    ngx_rbtree_node_t         sentinel;
    ngx_queue_t               rooms;

    ngx_chat_redis_table_t   *table;

    ngx_msec_t                logged;        /* errors: one a second */
    unsigned                  draining:1;
};


/* --- ngx_chat_redis_op.c --- */

/*
 * Copies keys and arguments (`nkeys' of them keys) and calls the script, as
 * soon as there is a connection.  NULL: no memory.  op->done is called from
 * the event loop.
 */
ngx_chat_redis_op_t *ngx_chat_redis_op_start(ngx_chat_redis_t *redis,
    ngx_chat_redis_script_t *script, ngx_str_t *arg, ngx_uint_t n,
    ngx_uint_t nkeys, ngx_chat_room_key_t *key, ngx_chat_redis_done_pt done);

/* whether a call for that room has a chance now */
ngx_uint_t ngx_chat_redis_up(ngx_chat_redis_t *redis,
    ngx_chat_room_key_t *key);

/* a connection for calls is there (again), or slots have other servers */
void ngx_chat_redis_op_resend(ngx_chat_redis_t *redis);
/* a server goes: nothing is to be sent there */
void ngx_chat_redis_op_forget(ngx_chat_redis_node_t *node);
void ngx_chat_redis_op_exit(ngx_chat_redis_t *redis);

/* what waits is done: runs its handler */
void ngx_chat_redis_complete(ngx_chat_wait_t *w, ngx_chat_err_e code);

/* --- ngx_chat_redis_arg.c --- */

/* an error, at most one a second */
void ngx_chat_redis_log(ngx_chat_redis_t *redis, const char *what,
    const char *text, size_t len);

/* "<prefix><letter>:{<room>}" in `buf'; a capital letter for a raw room */
#define NGX_CHAT_REDIS_KEY_MAX  (NGX_CHAT_ROOM_MAX + 64 + 8)
void ngx_chat_redis_key(ngx_chat_redis_t *redis, u_char letter,
    ngx_chat_room_key_t *key, u_char *buf, ngx_str_t *str);

/* what this host knows of a room, as arguments: epoch, offset, tag */
typedef struct {
    ngx_str_t                 epoch;         /* len 0: nothing */
    ngx_str_t                 tag;           /* of the event; len 0: unknown */
    uint64_t                  head;
    u_char                    bytes[NGX_INT64_LEN];
    ngx_chat_remote_known_t   remote;
} ngx_chat_redis_known_t;

void ngx_chat_redis_known(ngx_chat_redis_t *redis, ngx_chat_room_key_t *key,
    ngx_chat_redis_known_t *known);

/* a number as an argument; `buf' has NGX_INT64_LEN bytes */
void ngx_chat_redis_arg(ngx_str_t *arg, u_char *buf, uint64_t n);

/* epochs live so long, s */
#define ngx_chat_redis_meta_ttl(rule)                                         \
    ((uint64_t) (rule)->age + NGX_CHAT_REDIS_META_TTL)

/* a new epoch; NGX_ERROR: no random numbers */
ngx_int_t ngx_chat_redis_epoch(u_char epoch[NGX_CHAT_EPOCH_LEN]);

/* --- ngx_chat_redis_node.c --- */

/* its connections begin to be made; `server' outlives them */
void ngx_chat_redis_node_start(ngx_chat_redis_node_t *node,
    ngx_chat_redis_t *redis, ngx_chat_redis_server_t *server);
void ngx_chat_redis_node_stop(ngx_chat_redis_node_t *node);

#define ngx_chat_redis_node_is_ready(node)                                    \
    (ngx_chat_redis_conn_is_ready(&(node)->calls)                             \
     && ngx_chat_redis_conn_is_ready(&(node)->subscriptions))

/* the slot of a room's keys; always 0 without a cluster */
ngx_uint_t ngx_chat_redis_room_slot(ngx_chat_redis_t *redis,
    ngx_chat_room_key_t *key);
/* who serves it; NULL: nobody is known */
ngx_chat_redis_node_t *ngx_chat_redis_route(ngx_chat_redis_t *redis,
    ngx_uint_t slot);

/* --- ngx_chat_redis_event.c --- */

/* "<epoch> <offset> <header>\n<payload>", as it is published */
ngx_int_t ngx_chat_redis_event_message(ngx_str_t *message,
    ngx_chat_remote_event_t *ev);
/* an entry of the stream */
ngx_int_t ngx_chat_redis_event_entry(ngx_chat_redis_reply_t *entry,
    ngx_chat_remote_event_t *ev);
/* a string of digits; NGX_ERROR: it isn't one, or more than 2^53 */
ngx_int_t ngx_chat_redis_number(u_char *p, size_t len, uint64_t *n);

/* what the scripts of reading answer */

typedef struct {
    u_char                    epoch[NGX_CHAT_EPOCH_LEN];
    uint64_t                  head;
    uint64_t                  first;         /* of the stream; head + 1 */
    ngx_chat_redis_reply_t  **entry;
    ngx_uint_t                n;
} ngx_chat_redis_read_t;

/* NGX_OK, NGX_DECLINED (no such room), NGX_ERROR */
ngx_int_t ngx_chat_redis_event_read(ngx_chat_redis_reply_t *reply,
    ngx_chat_redis_read_t *rd);

/* --- ngx_chat_redis_publish.c, ngx_chat_redis_page.c --- */

ngx_int_t ngx_chat_redis_publish(ngx_chat_zone_t *z, ngx_chat_publish_t *p,
    ngx_chat_wait_t *w);
ngx_int_t ngx_chat_redis_page(ngx_chat_zone_t *z, ngx_chat_room_key_t *key,
    ngx_chat_want_t *want, ngx_chat_wait_t *w);

/* --- ngx_chat_redis_transient.c --- */

void ngx_chat_redis_transient(ngx_chat_zone_t *z, ngx_chat_room_key_t *key,
    ngx_str_t *object, u_char *from);
/* one of another host, as it was published; NGX_ERROR: it isn't one */
ngx_int_t ngx_chat_redis_transient_take(ngx_chat_redis_room_t *room,
    ngx_str_t *message);

/* --- ngx_chat_redis_room.c --- */

ngx_int_t ngx_chat_redis_prepare(ngx_chat_zone_t *z,
    ngx_chat_room_key_t *key, ngx_chat_id_t *after, ngx_uint_t again);
ngx_int_t ngx_chat_redis_wait(ngx_chat_zone_t *z, ngx_chat_room_key_t *key,
    ngx_chat_wait_t *w);

ngx_chat_redis_room_t *ngx_chat_redis_room_find(ngx_chat_redis_t *redis,
    ngx_chat_room_key_t *key);
/* once a second, for all */
void ngx_chat_redis_rooms_tick(ngx_chat_redis_t *redis);
void ngx_chat_redis_rooms_exit(ngx_chat_redis_t *redis);
/* gives its rooms to other workers, and goes on until they listen */
void ngx_chat_redis_rooms_drain(ngx_chat_redis_t *redis);

ngx_chat_redis_room_t *ngx_chat_redis_room_create(ngx_chat_redis_t *redis,
    ngx_chat_room_key_t *key, ngx_str_t *channel);

/* --- ngx_chat_redis_table.c --- */

/* NGX_OK, or no memory */
ngx_int_t ngx_chat_redis_table_start(ngx_chat_redis_t *redis,
    ngx_cycle_t *cycle);
void ngx_chat_redis_table_stop(ngx_chat_redis_t *redis);
/* once a second; and the worker quits */
void ngx_chat_redis_table_tick(ngx_chat_redis_t *redis);
void ngx_chat_redis_table_drain(ngx_chat_redis_t *redis);
/* another host has changed it, perhaps */
void ngx_chat_redis_table_ask(ngx_chat_redis_t *redis);
/* .. and this one */
void ngx_chat_redis_table_changed(ngx_chat_zone_t *z);

/* --- ngx_chat_redis_row.c --- */

/* bytes of a row's name, and of all of it at most */
#define NGX_CHAT_REDIS_ROW_NAME  (2 + 4 * NGX_CHAT_KEY_LEN)
#define NGX_CHAT_REDIS_ROW_MAX   (NGX_CHAT_REDIS_ROW_NAME                     \
                                  + 2 * NGX_INT64_LEN + 5                     \
                                  + NGX_CHAT_VALUE_MAX)

/* "<name> <changed> <expires> <deleted> <value>" to `dst'; returns the end */
u_char *ngx_chat_redis_row_put(u_char *dst, ngx_chat_row_t *row,
    ngx_uint_t deleted);
/* what is behind the name; NGX_ERROR: it isn't one of ours */
ngx_int_t ngx_chat_redis_row_get(ngx_chat_row_t *row, ngx_uint_t *deleted,
    ngx_str_t *name, ngx_str_t *text, uint64_t now);

/* --- ngx_chat_redis_fetch.c --- */

/* reads on from the last event that is known here */
void ngx_chat_redis_fetch(ngx_chat_redis_room_t *room);
/* appends, wakes; NGX_AGAIN: a fetch is needed; or NGX_OK */
ngx_int_t ngx_chat_redis_append(ngx_chat_redis_t *redis,
    ngx_chat_remote_event_t *ev);

/* --- ngx_chat_redis_sub.c --- */

/* takes the room if nobody has it, and listens */
void ngx_chat_redis_subscribe(ngx_chat_redis_room_t *room);
void ngx_chat_redis_unsubscribe(ngx_chat_redis_room_t *room);
/* the table's channel: it has no owner but this worker */
void ngx_chat_redis_sub_table(ngx_chat_redis_room_t *room);
/* slots have other servers */
void ngx_chat_redis_sub_moved(ngx_chat_redis_t *redis);
/* what wasn't heard of is asked for again */
void ngx_chat_redis_sub_again(ngx_chat_redis_room_t *room);
/* handlers of a connection */
void ngx_chat_redis_sub_ready(void *data);
void ngx_chat_redis_sub_down(void *data);
void ngx_chat_redis_sub_push(void *data, ngx_chat_redis_reply_t *reply);


#endif /* _NGX_CHAT_REDIS_OP_H_INCLUDED_ */
