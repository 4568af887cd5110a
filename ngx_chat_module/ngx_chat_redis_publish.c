
/*
 * Copyright (C) the ngx_chat_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <hiredis/hiredis.h>
#include <openssl/rand.h>
#include "ngx_chat_bus.h"
#include "ngx_chat_hook.h"
#include "ngx_chat_redis_cluster.h"


/* seconds of a period of nonces: clients', and our own */
#define NGX_CHAT_REDIS_NONCE_TTL   300
#define NGX_CHAT_REDIS_NONCE_OWN   30

/* keys: the meta, the stream, and those of nonces */
#define NGX_CHAT_REDIS_KEYS        5
#define NGX_CHAT_REDIS_KEYS_OWN    3

/* arguments of the call, behind its keys */
#define NGX_CHAT_REDIS_ARGS_MAX    18
#define NGX_CHAT_REDIS_ARG_HEADER  11
#define NGX_CHAT_REDIS_ARG_PIECE   15

/* .. where they begin: behind the command, the script, the number, the keys */
#define ngx_chat_redis_first(op)                                              \
    (3 + ((op)->own_nonce ? NGX_CHAT_REDIS_KEYS_OWN : NGX_CHAT_REDIS_KEYS))

#define ngx_chat_redis_size(p)                                                \
    ((p)->piece[0].len + (p)->piece[1].len + (p)->piece[2].len                \
     + NGX_CHAT_ID_LEN + NGX_CHAT_TS_LEN)

#define NGX_CHAT_REDIS_HEADER_MAX  (6 * (NGX_INT64_LEN + 1))


/* a call while it is made; the operation has a copy */

typedef struct {
    ngx_str_t                 args[NGX_CHAT_REDIS_KEYS
                                   + NGX_CHAT_REDIS_ARGS_MAX];
    ngx_uint_t                n;
    ngx_uint_t                nkeys;
    ngx_uint_t                mine;          /* the nonce is our own */
    uint64_t                  period;        /* of nonces, s */
    uint64_t                  own[2];        /* the nonce */
    ngx_chat_redis_known_t    known;

    u_char                    epoch[NGX_CHAT_EPOCH_LEN];
    u_char                    keys[NGX_CHAT_REDIS_KEYS]
                                  [NGX_CHAT_REDIS_KEY_MAX + NGX_INT64_LEN + 1];
    u_char                    channel[NGX_CHAT_REDIS_KEY_MAX];
    u_char                    nonce[48];
    u_char                    header[NGX_CHAT_REDIS_HEADER_MAX];
    u_char                    num[6][NGX_INT64_LEN];
} ngx_chat_redis_call_t;


static void ngx_chat_redis_publish_keys(ngx_chat_redis_t *redis,
    ngx_chat_publish_t *p, ngx_chat_redis_call_t *call);
static void ngx_chat_redis_publish_args(ngx_chat_redis_t *redis,
    ngx_chat_publish_t *p, ngx_chat_redis_call_t *call);
static ngx_int_t ngx_chat_redis_nonce(ngx_chat_publish_t *p,
    uint64_t nonce[2]);
static void ngx_chat_redis_published(ngx_chat_redis_op_t *op,
    ngx_chat_redis_reply_t *reply, ngx_chat_err_e code);
static void ngx_chat_redis_hook(ngx_chat_redis_op_t *op,
    ngx_chat_publish_t *p);
static void ngx_chat_redis_echo(ngx_chat_redis_op_t *op,
    ngx_chat_publish_t *p);
static void ngx_chat_redis_echo_append(ngx_chat_redis_room_t *room,
    ngx_str_t *message);
static void ngx_chat_redis_hint(ngx_chat_redis_op_t *op,
    ngx_str_t *message);
static u_char *ngx_chat_redis_payload(ngx_chat_redis_op_t *op,
    ngx_chat_publish_t *p, u_char *end);
static ngx_chat_err_e ngx_chat_redis_outcome(ngx_chat_redis_op_t *op,
    ngx_chat_redis_reply_t *reply, ngx_chat_publish_t *p);


ngx_int_t
ngx_chat_redis_publish(ngx_chat_zone_t *z, ngx_chat_publish_t *p,
    ngx_chat_wait_t *w)
{
    ngx_chat_redis_t      *redis;
    ngx_chat_redis_op_t   *op;
    ngx_chat_redis_call_t  call;

    redis = ((ngx_chat_redis_conf_t *) z->remote)->redis;

    if (redis == NULL || ngx_chat_bus_seat() == NGX_CHAT_NO_SEAT
        || !ngx_chat_redis_up(redis, &p->key)
        || ngx_chat_redis_epoch(call.epoch) != NGX_OK
        || ngx_chat_redis_nonce(p, call.own) != NGX_OK)
    {
        return NGX_AGAIN;
    }

    if (ngx_chat_remote_holds(z, p->rule, ngx_chat_redis_size(p)) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_chat_redis_publish_keys(redis, p, &call);
    ngx_chat_redis_publish_args(redis, p, &call);

    op = ngx_chat_redis_op_start(redis, &ngx_chat_redis_publish_script,
                                 call.args, call.n, call.nkeys, &p->key,
                                 ngx_chat_redis_published);
    if (op == NULL) {
        return NGX_AGAIN;
    }

    op->own_nonce = call.mine ? 1 : 0;
    op->wait = w;
    w->ref = &op->wait;

    return NGX_DONE;
}


/*
 * Periods of nonces are by this host's clock: another host that a publish is
 * repeated on may be in the one before or after.  Our own are repeated by this
 * worker alone, with the same keys.
 */

static void
ngx_chat_redis_publish_keys(ngx_chat_redis_t *redis, ngx_chat_publish_t *p,
    ngx_chat_redis_call_t *call)
{
    uint64_t     now;
    ngx_str_t   *key;
    ngx_uint_t   i;

    call->mine = (p->nonce[0] | p->nonce[1]) == 0;
    call->nkeys = call->mine ? NGX_CHAT_REDIS_KEYS_OWN : NGX_CHAT_REDIS_KEYS;

    if (call->mine) {
        call->period = NGX_CHAT_REDIS_NONCE_OWN;

    } else {
        call->period = redis->zone->nonce_ttl
                       ? (uint64_t) redis->zone->nonce_ttl
                       : NGX_CHAT_REDIS_NONCE_TTL;
    }

    now = (uint64_t) ngx_time() / call->period;

    ngx_chat_redis_key(redis, 'm', &p->key, call->keys[0], &call->args[0]);
    ngx_chat_redis_key(redis, 's', &p->key, call->keys[1], &call->args[1]);

    for (i = 2; i < call->nkeys; i++) {
        key = &call->args[i];

        ngx_chat_redis_key(redis, call->mine ? 'o' : 'n', &p->key,
                           call->keys[i], key);

        /* this one, the one before, the next */

        key->len = (size_t) (ngx_sprintf(key->data + key->len, ":%uL",
                                         (i == 4) ? now + 1 : now + 2 - i)
                             - key->data);
    }
}


static void
ngx_chat_redis_publish_args(ngx_chat_redis_t *redis, ngx_chat_publish_t *p,
    ngx_chat_redis_call_t *call)
{
    ngx_str_t   *arg;
    ngx_uint_t   raw;

    arg = &call->args[call->nkeys];

    raw = (p->type == NGX_CHAT_REC_RAW_TEXT
           || p->type == NGX_CHAT_REC_RAW_BINARY);

    call->n = call->nkeys + NGX_CHAT_REDIS_ARG_PIECE + (raw ? 1 : 3);

    ngx_chat_redis_known(redis, &p->key, &call->known);

    arg[0].data = call->epoch;
    arg[0].len = NGX_CHAT_EPOCH_LEN;

    arg[1].data = (u_char *) (p->rule->create ? "1" : "0");
    arg[1].len = 1;

    arg[2] = call->known.epoch;
    ngx_chat_redis_arg(&arg[3], call->num[0], call->known.head);

    arg[4].data = call->nonce;
    arg[4].len = (size_t) (ngx_sprintf(call->nonce, "%016xL%016xL%016xL",
                                       p->user, call->own[0], call->own[1])
                           - call->nonce);

    ngx_chat_redis_arg(&arg[5], call->num[1], p->body);
    ngx_chat_redis_arg(&arg[6], call->num[2], call->period);

    ngx_chat_redis_arg(&arg[7], call->num[3],
                       ngx_max(p->rule->history, NGX_CHAT_REDIS_KEEP_MIN));
    ngx_chat_redis_arg(&arg[8], call->num[4],
                       p->rule->age ? (uint64_t) p->rule->age
                                    : NGX_CHAT_REDIS_META_TTL);
    ngx_chat_redis_arg(&arg[9], call->num[5],
                       ngx_chat_redis_meta_ttl(p->rule));

    ngx_chat_redis_key(redis, 'c', &p->key, call->channel, &arg[10]);

    arg[NGX_CHAT_REDIS_ARG_HEADER].data = call->header;
    arg[NGX_CHAT_REDIS_ARG_HEADER].len =
        (size_t) (ngx_sprintf(call->header, "%ui 0 %uL %uL %uL 0", p->type,
                              p->sender, call->own[0], p->thread)
                  - call->header);

    arg[12].data = (u_char *) (raw ? "1" : "0");
    arg[12].len = 1;

    /* set when it is sent: what that server has, and who it is */

    ngx_str_null(&arg[ngx_chat_redis_publish_script.command - 1]);
    ngx_str_null(&arg[ngx_chat_redis_publish_script.command]);

    ngx_memcpy(&arg[NGX_CHAT_REDIS_ARG_PIECE], p->piece,
               3 * sizeof(ngx_str_t));
}


/* without a nonce an unknown outcome could not be found out */

static ngx_int_t
ngx_chat_redis_nonce(ngx_chat_publish_t *p, uint64_t nonce[2])
{
    nonce[0] = p->nonce[0];
    nonce[1] = p->nonce[1];

    if ((nonce[0] | nonce[1]) == 0
        && RAND_bytes((u_char *) nonce, 2 * sizeof(uint64_t)) != 1)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static void
ngx_chat_redis_published(ngx_chat_redis_op_t *op,
    ngx_chat_redis_reply_t *reply, ngx_chat_err_e code)
{
    ngx_uint_t          seat;
    ngx_chat_publish_t  p;

    ngx_memzero(&p, sizeof(ngx_chat_publish_t));

    if (reply != NULL) {
        code = ngx_chat_redis_outcome(op, reply, &p);

        if (code == NGX_CHAT_E_INTERNAL) {
            /* it may be the answer to something else, and so on */
            ngx_chat_redis_conn_lose(&op->node->calls,
                                     "an answer that isn't one");
        }
    }

    seat = ngx_chat_bus_seat();

    if (seat != NGX_CHAT_NO_SEAT) {

        if (code == NGX_CHAT_OK) {
            ngx_chat_metric_add(op->redis->zone, seat,
                                p.duplicate ? NGX_CHAT_M_DUPLICATES
                                            : NGX_CHAT_M_MESSAGES, 1);

        } else if (code == NGX_CHAT_E_FULL) {
            ngx_chat_metric_add(op->redis->zone, seat, NGX_CHAT_M_FULL, 1);
        }
    }

    if (code == NGX_CHAT_OK) {

        if (!p.duplicate) {
            ngx_chat_redis_hook(op, &p);
        }

        ngx_chat_redis_echo(op, &p);
    }

    if (op->wait != NULL) {
        op->wait->publish = p;
        ngx_chat_redis_complete(op->wait, code);
    }
}


/* webhooks are told by the host that has published */

static void
ngx_chat_redis_hook(ngx_chat_redis_op_t *op, ngx_chat_publish_t *p)
{
    int         i;
    u_char     *header;
    ngx_str_t   payload;
    ngx_int_t   kind;

    i = ngx_chat_redis_first(op) + NGX_CHAT_REDIS_ARG_PIECE;

    /* it begins with the type, one digit */

    header = (u_char *) op->argv[i - NGX_CHAT_REDIS_ARG_PIECE
                                 + NGX_CHAT_REDIS_ARG_HEADER];
    kind = ngx_chat_hook_of(header[0] - '0');

    if (kind == NGX_ERROR || op->argc <= i + 2
        || !ngx_chat_hook_wants(op->redis->zone, kind))
    {
        return;
    }

    payload.data = ngx_alloc(op->lens[i] + op->lens[i + 1] + op->lens[i + 2]
                             + NGX_CHAT_ID_LEN + NGX_CHAT_TS_LEN + 8,
                             op->redis->log);
    if (payload.data == NULL) {
        return;
    }

    payload.len = (size_t) (ngx_chat_redis_payload(op, p, payload.data)
                            - payload.data);

    ngx_chat_hook_put(op->redis->zone, kind, &op->key.name, &payload);
    ngx_free(payload.data);
}


/*
 * What was published here is here before it is acknowledged, whoever reads it
 * and by whatever way; the message that the server sends is dropped then.
 */

static void
ngx_chat_redis_echo(ngx_chat_redis_op_t *op, ngx_chat_publish_t *p)
{
    int                       arg;
    u_char                   *end, *header;
    size_t                    len;
    ngx_str_t                 message;
    ngx_chat_redis_room_t    *room;

    room = ngx_chat_redis_room_find(op->redis, &op->key);

    if (room != NULL && room->hub == NULL) {
        room = NULL;
    }

    if (room == NULL && !op->asked) {
        return;
    }

    arg = ngx_chat_redis_first(op);

    len = NGX_CHAT_ID_LEN + 2 * (NGX_INT64_LEN + 1)
          + op->lens[arg + NGX_CHAT_REDIS_ARG_HEADER]
          + op->lens[arg + NGX_CHAT_REDIS_ARG_PIECE] + NGX_CHAT_ID_LEN
          + NGX_CHAT_TS_LEN + 8 + NGX_CHAT_REDIS_ID + 1;

    if (op->argc > arg + NGX_CHAT_REDIS_ARG_PIECE + 1) {
        len += op->lens[arg + NGX_CHAT_REDIS_ARG_PIECE + 1]
               + op->lens[arg + NGX_CHAT_REDIS_ARG_PIECE + 2];
    }

    message.data = ngx_alloc(len, op->redis->log);
    if (message.data == NULL) {
        return;
    }

    header = (u_char *) op->argv[arg + NGX_CHAT_REDIS_ARG_HEADER];

    /* place for the tag of a server before it */

    message.data += NGX_CHAT_REDIS_ID + 1;

    end = ngx_sprintf(message.data, "%*s %uL %uL %*s\n",
                      (size_t) NGX_CHAT_EPOCH_LEN, p->epoch, p->offset, p->ts,
                      op->lens[arg + NGX_CHAT_REDIS_ARG_HEADER], header);
    end = ngx_chat_redis_payload(op, p, end);

    message.len = (size_t) (end - message.data);

    if (room != NULL) {
        ngx_chat_redis_echo_append(room, &message);
    }

    if (op->asked) {
        ngx_chat_redis_hint(op, &message);
    }

    ngx_free(message.data - NGX_CHAT_REDIS_ID - 1);
}


static void
ngx_chat_redis_echo_append(ngx_chat_redis_room_t *room, ngx_str_t *message)
{
    ngx_chat_remote_event_t  ev;

    ngx_memzero(&ev, sizeof(ngx_chat_remote_event_t));

    if (ngx_chat_redis_event_message(message, &ev) != NGX_OK) {
        return;
    }

    ev.key = room->key;
    ev.rule = ngx_chat_zone_rule(room->redis->zone, &room->key.name);

    if (ngx_chat_redis_append(room->redis, &ev) != NGX_OK && room->owner
        && !room->subscribed)
    {
        /* nobody will tell us of what is missing */
        ngx_chat_redis_fetch(room);
    }
}


/*
 * The room is being moved: where it was published nobody listens yet, so those
 * who listen at the slot's old place are told there.
 */

static void
ngx_chat_redis_hint(ngx_chat_redis_op_t *op, ngx_str_t *message)
{
    u_char                 *buf;
    size_t                  len, lens[3];
    ngx_str_t               channel;
    const char             *argv[3];
    u_char                  key[NGX_CHAT_REDIS_KEY_MAX];
    ngx_chat_redis_node_t  *node;

    node = ngx_chat_redis_route(op->redis, op->slot);

    if (node == NULL || !node->sharded) {
        /* a plain PUBLISH is heard everywhere */
        return;
    }

    len = ngx_strlen(node->tag);
    buf = message->data - len;
    ngx_memcpy(buf, node->tag, len);

    ngx_chat_redis_key(op->redis, 'c', &op->key, key, &channel);

    argv[0] = "SPUBLISH";
    lens[0] = 8;
    argv[1] = (char *) channel.data;
    lens[1] = channel.len;
    argv[2] = (char *) buf;
    lens[2] = message->len + len;

    (void) ngx_chat_redis_conn_send(&node->calls, 3, argv, lens, NULL, NULL);
}


static u_char *
ngx_chat_redis_payload(ngx_chat_redis_op_t *op, ngx_chat_publish_t *p,
    u_char *end)
{
    int  i;

    i = ngx_chat_redis_first(op) + NGX_CHAT_REDIS_ARG_PIECE;

    end = ngx_cpymem(end, op->argv[i], op->lens[i]);

    if (op->argc <= i + 1) {
        /* raw */
        return end;
    }

    end = ngx_sprintf(end, "%*s-%uL", (size_t) NGX_CHAT_EPOCH_LEN, p->epoch,
                      p->offset);
    end = ngx_cpymem(end, op->argv[i + 1], op->lens[i + 1]);
    end = ngx_sprintf(end, "%013uL", p->ts);

    return ngx_cpymem(end, op->argv[i + 2], op->lens[i + 2]);
}


/* [ "P" or "D", epoch, offset, time ]; [ "N" ]: no such room; [ "C" ]:
   conflict */

static ngx_chat_err_e
ngx_chat_redis_outcome(ngx_chat_redis_op_t *op, ngx_chat_redis_reply_t *reply,
    ngx_chat_publish_t *p)
{
    u_char                    what;
    ngx_uint_t                i;
    ngx_chat_redis_reply_t  **e;

    if (reply->type != REDIS_REPLY_ARRAY || reply->elements == 0) {
        return NGX_CHAT_E_INTERNAL;
    }

    e = reply->element;

    for (i = 0; i < reply->elements; i++) {
        if (e[i]->type != REDIS_REPLY_STRING) {
            return NGX_CHAT_E_INTERNAL;
        }
    }

    what = (e[0]->len == 1) ? (u_char) e[0]->str[0] : 0;

    if (what == 'N') {
        return NGX_CHAT_E_NOT_FOUND;
    }

    if (what == 'C') {
        return NGX_CHAT_E_CONFLICT;
    }

    if ((what != 'P' && what != 'D') || reply->elements != 4
        || e[1]->len != NGX_CHAT_EPOCH_LEN
        || ngx_chat_redis_number((u_char *) e[2]->str, e[2]->len, &p->offset)
           != NGX_OK
        || ngx_chat_redis_number((u_char *) e[3]->str, e[3]->len, &p->ts)
           != NGX_OK)
    {
        return NGX_CHAT_E_INTERNAL;
    }

    ngx_memcpy(p->epoch, e[1]->str, NGX_CHAT_EPOCH_LEN);

    /* our own nonce is found again by our own second attempt only */

    p->duplicate = (what == 'D' && !op->own_nonce);

    return NGX_CHAT_OK;
}
