
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Calls of scripts.  A call is sent again until it is answered or late: every
 * publish has a nonce, and reading changes nothing.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_sha1.h>
#include <hiredis/hiredis.h>
#include <openssl/rand.h>
#include "ngx_chat_name.h"
#include "ngx_chat_redis_op.h"


#define NGX_CHAT_REDIS_AGAIN   100       /* ms */
#define NGX_CHAT_REDIS_LOGGED  200       /* bytes of what a server says */


/* what becomes of a call that the server refuses */

typedef enum {
    NGX_CHAT_REDIS_FAIL = 0,
    NGX_CHAT_REDIS_EVAL,                 /* send the script itself */
    NGX_CHAT_REDIS_RETRY,                /* the same connection, later */
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
    { "CLUSTERDOWN", NGX_CHAT_REDIS_RETRY, NGX_CHAT_OK, "a cluster is down" },
    { "LOADING", NGX_CHAT_REDIS_LEAVE, NGX_CHAT_OK, "it loads its data" },
    { "MASTERDOWN", NGX_CHAT_REDIS_LEAVE, NGX_CHAT_OK, "it is a replica" },
    { "READONLY", NGX_CHAT_REDIS_LEAVE, NGX_CHAT_OK, "it is a replica" },
    { "UNBLOCKED", NGX_CHAT_REDIS_LEAVE, NGX_CHAT_OK, "it is a replica now" },
    { "NOREPLICAS", NGX_CHAT_REDIS_FAIL, NGX_CHAT_E_UNAVAILABLE,
      "it has not enough replicas" },
    { "OOM", NGX_CHAT_REDIS_FAIL, NGX_CHAT_E_FULL, "its memory is full" },
    { "MISCONF", NGX_CHAT_REDIS_FAIL, NGX_CHAT_E_UNAVAILABLE,
      "it can't write to its disk" },
    { "MOVED", NGX_CHAT_REDIS_FAIL, NGX_CHAT_E_UNAVAILABLE,
      "it is a node of a cluster, which is not supported" },
    { "ASK", NGX_CHAT_REDIS_FAIL, NGX_CHAT_E_UNAVAILABLE,
      "it is a node of a cluster, which is not supported" },
    { "NOPERM", NGX_CHAT_REDIS_FAIL, NGX_CHAT_E_UNAVAILABLE,
      "the user lacks a permission" },
    { "NOAUTH", NGX_CHAT_REDIS_LEAVE, NGX_CHAT_OK, "it wants a password" },
    { "", NGX_CHAT_REDIS_FAIL, NGX_CHAT_E_INTERNAL, "an error" }
};


static ngx_chat_redis_op_t *ngx_chat_redis_op_create(ngx_str_t *arg,
    ngx_uint_t n, ngx_chat_room_key_t *key, ngx_log_t *log);
static void ngx_chat_redis_op_send(ngx_chat_redis_op_t *op);
static void ngx_chat_redis_op_answer(void *data,
    ngx_chat_redis_reply_t *reply);
static void ngx_chat_redis_op_refused(ngx_chat_redis_op_t *op,
    ngx_chat_redis_reply_t *reply);
static void ngx_chat_redis_op_why(ngx_chat_redis_reply_t *reply,
    ngx_str_t *why);
static void ngx_chat_redis_op_finish(ngx_chat_redis_op_t *op,
    ngx_chat_redis_reply_t *reply, ngx_chat_err_e code);
static void ngx_chat_redis_op_timer(ngx_chat_redis_t *redis);
static void ngx_chat_redis_op_timer_handler(ngx_event_t *ev);
static ngx_str_t *ngx_chat_redis_script_sha(ngx_chat_redis_script_t *script,
    ngx_str_t *sha);


ngx_chat_redis_op_t *
ngx_chat_redis_op_start(ngx_chat_redis_t *redis,
    ngx_chat_redis_script_t *script, ngx_str_t *arg, ngx_uint_t n,
    ngx_uint_t nkeys, ngx_chat_room_key_t *key, ngx_chat_redis_done_pt done)
{
    ngx_msec_t            patience;
    ngx_chat_redis_op_t  *op;

    static const char  digits[] = "0123";

    op = ngx_chat_redis_op_create(arg, n, key, redis->log);
    if (op == NULL) {
        return NULL;
    }

    op->redis = redis;
    op->script = script;
    op->done = done;
    op->argv[2] = &digits[nkeys];
    op->lens[2] = 1;

    /* one that can't be sent isn't kept as long as one that was */

    patience = ngx_chat_redis_conn_is_ready(&redis->calls)
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
ngx_chat_redis_up(ngx_chat_redis_t *redis)
{
    return ngx_chat_redis_conn_down_for(&redis->calls)
           <= NGX_CHAT_REDIS_PATIENCE;
}


static void
ngx_chat_redis_op_send(ngx_chat_redis_op_t *op)
{
    ngx_str_t          sha;
    ngx_chat_redis_t  *redis;

    redis = op->redis;

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

    /* what can't be sent now is tried again by the timer, or when ready */

    if (ngx_chat_redis_conn_send(&redis->calls, op->argc, op->argv, op->lens,
                                 ngx_chat_redis_op_answer, op)
        == NGX_OK)
    {
        op->in_flight = 1;
    }
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

    case NGX_CHAT_REDIS_LEAVE:
        /* it was not done, and will be sent by the next connection */
        ngx_chat_redis_conn_refused(&op->redis->calls, r->cure);
        return;

    case NGX_CHAT_REDIS_FAIL:
        break;
    }

    ngx_chat_redis_op_finish(op, NULL, r->code);
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

    ngx_uint_t            late, unanswered;
    ngx_queue_t          *q;
    ngx_chat_redis_op_t  *op;

    unanswered = 0;

    /* deadlines differ little: those of a broken connection come first */

    do {
        late = 0;

        for (q = ngx_queue_head(&redis->ops);
             q != ngx_queue_sentinel(&redis->ops);
             q = ngx_queue_next(q))
        {
            op = ngx_queue_data(q, ngx_chat_redis_op_t, queue);

            /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): not in the queue */
            if ((ngx_msec_int_t) (ngx_current_msec - op->deadline) >= 0) {
                late = 1;
                unanswered |= op->in_flight;

                ngx_chat_redis_op_finish(op, NULL,
                                         (op->in_flight || op->unknown)
                                             ? NGX_CHAT_E_TIMEOUT
                                             : NGX_CHAT_E_UNAVAILABLE);
                break;
            }
        }

    } while (late);

    /*
     * Bytes may come all the while: a reply that never ends takes those behind
     * it for its own.  The others are sent again over a new connection.
     */

    if (unanswered && ngx_chat_redis_conn_is_ready(&redis->calls)) {
        ngx_chat_redis_conn_lose(&redis->calls, "no answer came in time");
    }

    if (ngx_chat_redis_conn_is_ready(&redis->calls)) {
        ngx_chat_redis_op_resend(redis);
    }

    if (!ngx_queue_empty(&redis->ops)) {
        ngx_chat_redis_op_timer(redis);
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


void
ngx_chat_redis_log(ngx_chat_redis_t *redis, const char *what,
    const char *text, size_t len)
{
    u_char  line[NGX_CHAT_REDIS_LOGGED];
    size_t  i;

    if (redis->logged != 0 && ngx_current_msec - redis->logged < 1000) {
        return;
    }

    redis->logged = ngx_current_msec;

    /* it is somebody else's, and may hold what a terminal obeys */

    len = ngx_min(len, sizeof(line));

    for (i = 0; i < len; i++) {
        line[i] = (text[i] >= ' ' && text[i] <= '~') ? (u_char) text[i] : '.';
    }

    ngx_log_error(NGX_LOG_ERR, redis->log, 0,
                  "chat: \"%V\" refuses, %s: \"%*s\"",
                  &redis->conf->server.url, what, len, line);
}


void
ngx_chat_redis_key(ngx_chat_redis_t *redis, u_char letter,
    ngx_chat_room_key_t *key, u_char *buf, ngx_str_t *str)
{
    u_char  *p;

    p = ngx_cpymem(buf, redis->conf->prefix.data, redis->conf->prefix.len);

    *p++ = (key->kind == NGX_CHAT_ROOM_RAW) ? ngx_toupper(letter) : letter;
    *p++ = ':';
    *p++ = '{';
    p = ngx_cpymem(p, key->name.data, key->name.len);
    *p++ = '}';

    str->data = buf;
    str->len = (size_t) (p - buf);
}


ngx_int_t
ngx_chat_redis_epoch(u_char epoch[NGX_CHAT_EPOCH_LEN])
{
    uint64_t  n;

    if (RAND_bytes((u_char *) &n, sizeof(n)) != 1) {
        return NGX_ERROR;
    }

    ngx_chat_epoch_print(epoch, n, 0);

    return NGX_OK;
}


void
ngx_chat_redis_known(ngx_chat_redis_t *redis, ngx_chat_room_key_t *key,
    ngx_chat_redis_known_t *known)
{
    ngx_chat_remote_known(redis->zone, key, &known->remote);

    known->head = known->remote.head;
    known->epoch.data = known->remote.epoch;
    known->epoch.len = known->remote.found ? NGX_CHAT_EPOCH_LEN : 0;

    ngx_str_null(&known->tag);

    if (known->remote.tagged) {
        ngx_chat_redis_arg(&known->tag, known->bytes, known->remote.tag);
    }
}


void
ngx_chat_redis_arg(ngx_str_t *arg, u_char *buf, uint64_t n)
{
    arg->data = buf;
    arg->len = (size_t) (ngx_sprintf(buf, "%uL", n) - buf);
}
