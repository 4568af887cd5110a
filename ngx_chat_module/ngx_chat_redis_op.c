
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Calls of scripts.  A call is sent again until it is answered or late: every
 * publish has a nonce, and reading changes nothing.  In a cluster it goes to
 * who serves its slot, or to whom that sends it.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_sha1.h>
#include <hiredis/hiredis.h>
#include "ngx_chat_redis_cluster.h"


#define NGX_CHAT_REDIS_AGAIN   100       /* ms */
#define NGX_CHAT_REDIS_HOPS    8         /* redirections at once */


/* what becomes of a call that the server refuses */

typedef enum {
    NGX_CHAT_REDIS_FAIL = 0,
    NGX_CHAT_REDIS_EVAL,                 /* send the script itself */
    NGX_CHAT_REDIS_RETRY,                /* the same connection, later */
    NGX_CHAT_REDIS_UNSERVED,             /* by whoever serves its slot then */
    NGX_CHAT_REDIS_MOVE,                 /* where it says */
    NGX_CHAT_REDIS_LEAVE                 /* another connection, later */
} ngx_chat_redis_action_e;


typedef struct {
    const char                *prefix;
    ngx_chat_redis_action_e    action;
    ngx_chat_err_e             code;
    const char                *cure;     /* NULL: not worth a line */
} ngx_chat_redis_refusal_t;


static ngx_chat_redis_refusal_t  ngx_chat_redis_refusals[] = {
    { "NOSCRIPT", NGX_CHAT_REDIS_EVAL, NGX_CHAT_E_INTERNAL, NULL },
    { "TRYAGAIN", NGX_CHAT_REDIS_RETRY, NGX_CHAT_OK, NULL },
    { "BUSY", NGX_CHAT_REDIS_RETRY, NGX_CHAT_OK, "a script runs for long" },
    { "CLUSTERDOWN", NGX_CHAT_REDIS_UNSERVED, NGX_CHAT_OK,
      "a cluster is down" },
    { "LOADING", NGX_CHAT_REDIS_LEAVE, NGX_CHAT_OK, "it loads its data" },
    { "MASTERDOWN", NGX_CHAT_REDIS_LEAVE, NGX_CHAT_OK, "it is a replica" },
    { "READONLY", NGX_CHAT_REDIS_LEAVE, NGX_CHAT_OK, "it is a replica" },
    { "UNBLOCKED", NGX_CHAT_REDIS_LEAVE, NGX_CHAT_OK, "it is a replica now" },
    { "NOREPLICAS", NGX_CHAT_REDIS_FAIL, NGX_CHAT_E_UNAVAILABLE,
      "it has not enough replicas" },
    { "OOM", NGX_CHAT_REDIS_FAIL, NGX_CHAT_E_FULL, "its memory is full" },
    { "MISCONF", NGX_CHAT_REDIS_FAIL, NGX_CHAT_E_UNAVAILABLE,
      "it can't write to its disk" },
    { "MOVED", NGX_CHAT_REDIS_MOVE, NGX_CHAT_E_UNAVAILABLE, NULL },
    { "ASK", NGX_CHAT_REDIS_MOVE, NGX_CHAT_E_UNAVAILABLE, NULL },
    { "NOPERM", NGX_CHAT_REDIS_FAIL, NGX_CHAT_E_UNAVAILABLE,
      "the user lacks a permission" },
    { "NOAUTH", NGX_CHAT_REDIS_LEAVE, NGX_CHAT_OK, "it wants a password" },
    { "", NGX_CHAT_REDIS_FAIL, NGX_CHAT_E_INTERNAL, "an error" }
};


static ngx_chat_redis_op_t *ngx_chat_redis_op_create(ngx_str_t *arg,
    ngx_uint_t n, ngx_chat_room_key_t *key, ngx_log_t *log);
static void ngx_chat_redis_op_send(ngx_chat_redis_op_t *op);
static ngx_chat_redis_node_t *ngx_chat_redis_op_node(
    ngx_chat_redis_op_t *op);
static void ngx_chat_redis_op_answer(void *data,
    ngx_chat_redis_reply_t *reply);
static void ngx_chat_redis_op_refused(ngx_chat_redis_op_t *op,
    ngx_chat_redis_reply_t *reply);
static ngx_int_t ngx_chat_redis_op_move(ngx_chat_redis_op_t *op,
    ngx_str_t *why);
static void ngx_chat_redis_op_why(ngx_chat_redis_reply_t *reply,
    ngx_str_t *why);
static void ngx_chat_redis_op_finish(ngx_chat_redis_op_t *op,
    ngx_chat_redis_reply_t *reply, ngx_chat_err_e code);
static void ngx_chat_redis_op_timer(ngx_chat_redis_t *redis);
static void ngx_chat_redis_op_timer_handler(ngx_event_t *ev);
static ngx_uint_t ngx_chat_redis_op_late(ngx_chat_redis_t *redis);
static ngx_str_t *ngx_chat_redis_script_sha(ngx_chat_redis_script_t *script,
    ngx_str_t *sha);


ngx_chat_redis_op_t *
ngx_chat_redis_op_start(ngx_chat_redis_t *redis,
    ngx_chat_redis_script_t *script, ngx_str_t *arg, ngx_uint_t n,
    ngx_uint_t nkeys, ngx_chat_room_key_t *key, ngx_chat_redis_done_pt done)
{
    ngx_msec_t              patience;
    ngx_chat_redis_op_t    *op;
    ngx_chat_redis_node_t  *node;

    static const char  digits[] = "012345";

    op = ngx_chat_redis_op_create(arg, n, key, redis->log);
    if (op == NULL) {
        return NULL;
    }

    op->redis = redis;
    op->script = script;
    op->done = done;
    op->slot = ngx_chat_redis_room_slot(redis, key);

    if (script->command) {
        op->publishes = 3 + nkeys + script->command - 1;
    }

    op->argv[2] = &digits[nkeys];
    op->lens[2] = 1;

    /* one that can't be sent isn't kept as long as one that was */

    node = ngx_chat_redis_route(redis, op->slot);

    patience = (node != NULL && ngx_chat_redis_conn_is_ready(&node->calls))
               ? redis->conf->timeout : NGX_CHAT_REDIS_PATIENCE;

    op->deadline = ngx_current_msec + ngx_min(patience, redis->conf->timeout);

    ngx_queue_insert_tail(&redis->ops, &op->queue);

    ngx_chat_redis_op_send(op);
    ngx_chat_redis_op_timer(redis);

    return op;
}


static ngx_chat_redis_op_t *
ngx_chat_redis_op_create(ngx_str_t *arg, ngx_uint_t n,
    ngx_chat_room_key_t *key, ngx_log_t *log)
{
    u_char               *p;
    size_t                size;
    ngx_uint_t            i;
    ngx_chat_redis_op_t  *op;

    size = key->name.len;

    for (i = 0; i < n; i++) {
        size += arg[i].len;
    }

    op = ngx_alloc(sizeof(ngx_chat_redis_op_t) + size, log);
    if (op == NULL) {
        return NULL;
    }

    ngx_memzero(op, sizeof(ngx_chat_redis_op_t));

    p = (u_char *) op + sizeof(ngx_chat_redis_op_t);

    op->key.kind = key->kind;
    op->key.name.len = key->name.len;
    op->key.name.data = p;
    p = ngx_cpymem(p, key->name.data, key->name.len);

    /* before them: the command, the script, the number of keys */

    for (i = 0; i < n; i++) {
        op->argv[i + 3] = (char *) p;
        op->lens[i + 3] = arg[i].len;

        if (arg[i].len > 0) {
            p = ngx_cpymem(p, arg[i].data, arg[i].len);
        }
    }

    op->argc = (int) n + 3;

    return op;
}


ngx_uint_t
ngx_chat_redis_up(ngx_chat_redis_t *redis, ngx_chat_room_key_t *key)
{
    if (redis->cluster != NULL) {
        return ngx_chat_redis_cluster_up(redis->cluster,
                                         ngx_chat_redis_room_slot(redis, key),
                                         NGX_CHAT_REDIS_PATIENCE);
    }

    return ngx_chat_redis_conn_down_for(&redis->node[0]->calls)
           <= NGX_CHAT_REDIS_PATIENCE;
}


static void
ngx_chat_redis_op_send(ngx_chat_redis_op_t *op)
{
    size_t                  len;
    ngx_str_t               sha;
    const char             *asking;
    ngx_chat_redis_node_t  *node;

    /* what can't be sent now is tried again by the timer, or when ready */

    node = ngx_chat_redis_op_node(op);

    if (node == NULL || !ngx_chat_redis_conn_is_ready(&node->calls)) {
        return;
    }

    if (op->publishes) {
        op->argv[op->publishes] = node->sharded ? "SPUBLISH" : "PUBLISH";
        op->lens[op->publishes] = node->sharded ? 8 : 7;
        op->argv[op->publishes + 1] = (char *) node->tag;
        op->lens[op->publishes + 1] = ngx_strlen(node->tag);
    }

    if (op->eval) {
        op->argv[0] = "EVAL";
        op->lens[0] = 4;
        op->argv[1] = (char *) op->script->text.data;
        op->lens[1] = op->script->text.len;

    } else {
        (void) ngx_chat_redis_script_sha(op->script, &sha);
        op->argv[0] = "EVALSHA";
        op->lens[0] = 7;
        op->argv[1] = (char *) sha.data;
        op->lens[1] = sha.len;
    }

    op->asked = (node == op->ask);

    if (op->asked) {
        asking = "ASKING";
        len = 6;

        if (ngx_chat_redis_conn_send(&node->calls, 1, &asking, &len, NULL,
                                     NULL)
            != NGX_OK)
        {
            return;
        }
    }

    if (ngx_chat_redis_conn_send(&node->calls, op->argc, op->argv, op->lens,
                                 ngx_chat_redis_op_answer, op)
        == NGX_OK)
    {
        op->in_flight = 1;
        op->node = node;
    }
}


/* who was named for it, unless that can't be reached; or who has its slot */

static ngx_chat_redis_node_t *
ngx_chat_redis_op_node(ngx_chat_redis_op_t *op)
{
    if (op->ask != NULL
        && ngx_chat_redis_conn_down_for(&op->ask->calls)
           > NGX_CHAT_REDIS_PATIENCE)
    {
        op->ask = NULL;
    }

    return (op->ask != NULL) ? op->ask
                             : ngx_chat_redis_route(op->redis, op->slot);
}


static void
ngx_chat_redis_op_answer(void *data, ngx_chat_redis_reply_t *reply)
{
    ngx_chat_redis_op_t *op = data;

    op->in_flight = 0;

    if (op->over) {
        ngx_free(op);
        return;
    }

    if (reply == NULL) {
        op->unknown = 1;
        op->ask = NULL;
        return;
    }

    if (reply->type == REDIS_REPLY_ERROR) {
        ngx_chat_redis_op_refused(op, reply);
        return;
    }

    ngx_chat_redis_op_finish(op, reply, NGX_CHAT_OK);
}


static void
ngx_chat_redis_op_refused(ngx_chat_redis_op_t *op,
    ngx_chat_redis_reply_t *reply)
{
    size_t                     len;
    ngx_str_t                  why;
    ngx_uint_t                 i;
    ngx_chat_redis_refusal_t  *r;

    ngx_chat_redis_op_why(reply, &why);

    for (i = 0; /* void */ ; i++) {
        r = &ngx_chat_redis_refusals[i];
        len = ngx_strlen(r->prefix);

        if (len == 0
            || (why.len >= len
                && ngx_strncmp(why.data, r->prefix, len) == 0))
        {
            break;
        }
    }

    if (r->cure != NULL) {
        ngx_chat_redis_log(op->redis, r->cure, (char *) why.data, why.len);
    }

    switch (r->action) {

    case NGX_CHAT_REDIS_EVAL:

        if (!op->eval) {
            op->eval = 1;
            ngx_chat_redis_op_send(op);
            return;
        }

        break;

    case NGX_CHAT_REDIS_RETRY:
        /* the timer sends it again */
        return;

    case NGX_CHAT_REDIS_UNSERVED:
        ngx_chat_redis_cluster_down(op->redis, op->slot, &why);
        return;

    case NGX_CHAT_REDIS_MOVE:

        if (ngx_chat_redis_op_move(op, &why) == NGX_OK) {
            return;
        }

        break;

    case NGX_CHAT_REDIS_LEAVE:
        /* it was not done, and will be sent by the next connection */
        ngx_chat_redis_conn_refused(&op->node->calls, r->cure);
        return;

    case NGX_CHAT_REDIS_FAIL:
        break;
    }

    ngx_chat_redis_op_finish(op, NULL, r->code);
}


/*
 * It was not done where it was sent.  After some redirections in a row the
 * timer goes on, so nobody keeps us busy.
 */

static ngx_int_t
ngx_chat_redis_op_move(ngx_chat_redis_op_t *op, ngx_str_t *why)
{
    ngx_int_t  rc;

    if (op->redis->cluster == NULL) {
        ngx_chat_redis_log(op->redis, "it is a node of a cluster, write "
                           "\"cluster\"", (char *) why->data, why->len);
        return NGX_DECLINED;
    }

    op->ask = NULL;

    rc = ngx_chat_redis_cluster_redirect(op->node, why, &op->ask);

    if (rc == NGX_OK && ++op->hops % NGX_CHAT_REDIS_HOPS != 0) {
        ngx_chat_redis_op_send(op);
    }

    return NGX_OK;
}


/* before 7.0: "ERR Error running script (...): ...: -CODE what it says" */

static void
ngx_chat_redis_op_why(ngx_chat_redis_reply_t *reply, ngx_str_t *why)
{
    u_char  *p;

    static const char  wrap[] = "ERR Error running script";

    why->data = (u_char *) reply->str;
    why->len = reply->len;

    if (ngx_strncmp(why->data, wrap, sizeof(wrap) - 1) != 0) {
        return;
    }

    p = ngx_strnstr(why->data, ": -", why->len);

    if (p != NULL) {
        why->len -= (size_t) (p + 3 - why->data);
        why->data = p + 3;
    }
}


static void
ngx_chat_redis_op_finish(ngx_chat_redis_op_t *op,
    ngx_chat_redis_reply_t *reply, ngx_chat_err_e code)
{
    ngx_queue_remove(&op->queue);
    op->over = 1;

    op->done(op, reply, code);

    if (!op->in_flight) {
        ngx_free(op);
    }
}


void
ngx_chat_redis_op_resend(ngx_chat_redis_t *redis)
{
    ngx_queue_t          *q;
    ngx_chat_redis_op_t  *op;

    for (q = ngx_queue_head(&redis->ops);
         q != ngx_queue_sentinel(&redis->ops);
         q = ngx_queue_next(q))
    {
        op = ngx_queue_data(q, ngx_chat_redis_op_t, queue);

        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): not in the queue */
        if (!op->in_flight) {
            ngx_chat_redis_op_send(op);
        }
    }
}


/* not cancelable: a worker that quits waits for what its clients wait for */

static void
ngx_chat_redis_op_timer(ngx_chat_redis_t *redis)
{
    ngx_event_t  *ev;

    ev = &redis->timer;

    if (ev->timer_set) {
        return;
    }

    ev->handler = ngx_chat_redis_op_timer_handler;
    ev->data = redis;
    ev->log = redis->log;

    ngx_add_timer(ev, NGX_CHAT_REDIS_AGAIN);
}


static void
ngx_chat_redis_op_timer_handler(ngx_event_t *ev)
{
    ngx_chat_redis_t *redis = ev->data;

    ngx_uint_t              i;
    ngx_chat_redis_node_t  *node;

    while (ngx_chat_redis_op_late(redis)) { /* void */ }

    /*
     * Bytes may come all the while: a reply that never ends takes those behind
     * it for its own.  The others are sent again over a new connection.
     */

    for (i = 0; i < NGX_CHAT_REDIS_NODES; i++) {
        node = redis->node[i];

        if (node != NULL && node->late) {
            node->late = 0;
            ngx_chat_redis_conn_lose(&node->calls, "no answer came in time");
        }
    }

    ngx_chat_redis_op_resend(redis);

    if (!ngx_queue_empty(&redis->ops)) {
        ngx_chat_redis_op_timer(redis);
    }
}


/* the first one whose time is over; 0: there is none */

static ngx_uint_t
ngx_chat_redis_op_late(ngx_chat_redis_t *redis)
{
    ngx_queue_t          *q;
    ngx_chat_redis_op_t  *op;

    for (q = ngx_queue_head(&redis->ops);
         q != ngx_queue_sentinel(&redis->ops);
         q = ngx_queue_next(q))
    {
        op = ngx_queue_data(q, ngx_chat_redis_op_t, queue);

        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): not in the queue */
        if ((ngx_msec_int_t) (ngx_current_msec - op->deadline) < 0) {
            continue;
        }

        if (op->in_flight) {
            op->node->late = 1;
        }

        ngx_chat_redis_op_finish(op, NULL,
                                 (op->in_flight || op->unknown)
                                     ? NGX_CHAT_E_TIMEOUT
                                     : NGX_CHAT_E_UNAVAILABLE);
        return 1;
    }

    return 0;
}


void
ngx_chat_redis_op_forget(ngx_chat_redis_node_t *node)
{
    ngx_queue_t          *q;
    ngx_chat_redis_op_t  *op;

    for (q = ngx_queue_head(&node->redis->ops);
         q != ngx_queue_sentinel(&node->redis->ops);
         q = ngx_queue_next(q))
    {
        op = ngx_queue_data(q, ngx_chat_redis_op_t, queue);

        if (op->ask == node) {
            op->ask = NULL;
        }

        if (op->node == node) {
            op->node = NULL;
        }
    }
}


void
ngx_chat_redis_op_exit(ngx_chat_redis_t *redis)
{
    ngx_queue_t          *q;
    ngx_chat_redis_op_t  *op;

    if (redis->timer.timer_set) {
        ngx_del_timer(&redis->timer);
    }

    /* the connections are closed: none is in flight */

    while (!ngx_queue_empty(&redis->ops)) {
        q = ngx_queue_head(&redis->ops);
        op = ngx_queue_data(q, ngx_chat_redis_op_t, queue);

        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): not in the queue */
        ngx_queue_remove(q);

        if (op->wait != NULL) {
            op->wait->ref = NULL;
        }

        ngx_free(op);
    }
}


void
ngx_chat_redis_complete(ngx_chat_wait_t *w, ngx_chat_err_e code)
{
    w->ref = NULL;
    w->code = code;
    w->handler(w);
}


static ngx_str_t *
ngx_chat_redis_script_sha(ngx_chat_redis_script_t *script, ngx_str_t *sha)
{
    u_char      digest[20];
    ngx_sha1_t  ctx;

    if (script->sha[0] == '\0') {
        ngx_sha1_init(&ctx);
        ngx_sha1_update(&ctx, script->text.data, script->text.len);
        ngx_sha1_final(digest, &ctx);
        ngx_hex_dump(script->sha, digest, sizeof(digest));
    }

    sha->data = script->sha;
    sha->len = 40;

    return sha;
}
