
/*
 * Copyright (C) the ngx_chat_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <hiredis/hiredis.h>
#include <openssl/rand.h>
#include "ngx_chat_bus.h"
#include "ngx_chat_redis_op.h"


/* seconds of a period of nonces: clients', and our own */
#define NGX_CHAT_REDIS_NONCE_TTL   300
#define NGX_CHAT_REDIS_NONCE_OWN   30

/* arguments of the command that are used again */
#define NGX_CHAT_REDIS_ARG_HEADER  17
#define NGX_CHAT_REDIS_ARG_PIECE   19

#define NGX_CHAT_REDIS_HEADER_MAX  (6 * (NGX_INT64_LEN + 1))


static ngx_int_t ngx_chat_redis_nonce(ngx_chat_publish_t *p,
    uint64_t nonce[2]);
static void ngx_chat_redis_published(ngx_chat_redis_op_t *op,
    ngx_chat_redis_reply_t *reply, ngx_chat_err_e code);
static void ngx_chat_redis_echo(ngx_chat_redis_op_t *op,
    ngx_chat_publish_t *p);
static u_char *ngx_chat_redis_payload(ngx_chat_redis_op_t *op,
    ngx_chat_publish_t *p, u_char *end);
static ngx_chat_err_e ngx_chat_redis_outcome(ngx_chat_redis_op_t *op,
    ngx_chat_redis_reply_t *reply, ngx_chat_publish_t *p);


ngx_int_t
ngx_chat_redis_publish(ngx_chat_zone_t *z, ngx_chat_publish_t *p,
    ngx_chat_wait_t *w)
{
    u_char                  epoch[NGX_CHAT_EPOCH_LEN], *end;
    u_char                  keys[4][NGX_CHAT_REDIS_KEY_MAX];
    u_char                  num[6][NGX_INT64_LEN];
    u_char                  nonce[48 + 1], header[NGX_CHAT_REDIS_HEADER_MAX];
    uint64_t                own[2];
    ngx_str_t               arg[3 + 16];
    ngx_uint_t              raw, mine;
    ngx_chat_redis_t       *redis;
    ngx_chat_redis_op_t    *op;
    ngx_chat_redis_known_t  known;

    redis = ((ngx_chat_redis_conf_t *) z->remote)->redis;

    if (redis == NULL || ngx_chat_bus_seat() == NGX_CHAT_NO_SEAT
        || !ngx_chat_redis_up(redis) || ngx_chat_redis_epoch(epoch) != NGX_OK
        || ngx_chat_redis_nonce(p, own) != NGX_OK)
    {
        return NGX_AGAIN;
    }

    raw = (p->type == NGX_CHAT_REC_RAW_TEXT
           || p->type == NGX_CHAT_REC_RAW_BINARY);

    if (ngx_chat_remote_holds(z, p->rule,
                              p->piece[0].len + p->piece[1].len
                              + p->piece[2].len + NGX_CHAT_ID_LEN
                              + NGX_CHAT_TS_LEN)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    mine = (p->nonce[0] | p->nonce[1]) == 0;

    ngx_chat_redis_known(redis, &p->key, &known);

    ngx_chat_redis_key(redis, 'm', &p->key, keys[0], &arg[0]);
    ngx_chat_redis_key(redis, 's', &p->key, keys[1], &arg[1]);
    ngx_chat_redis_key(redis, mine ? 'o' : 'n', &p->key, keys[2], &arg[2]);

    arg[3].data = epoch;
    arg[3].len = NGX_CHAT_EPOCH_LEN;

    arg[4].data = (u_char *) (p->rule->create ? "1" : "0");
    arg[4].len = 1;

    arg[5] = known.epoch;
    ngx_chat_redis_arg(&arg[6], num[0], known.head);

    arg[7].data = nonce;
    arg[7].len = (size_t) (ngx_sprintf(nonce, "%016xL%016xL%016xL", p->user,
                                       own[0], own[1]) - nonce);

    ngx_chat_redis_arg(&arg[8], num[1], p->body);

    ngx_chat_redis_arg(&arg[9], num[2],
                       mine ? NGX_CHAT_REDIS_NONCE_OWN
                            : (z->nonce_ttl ? (uint64_t) z->nonce_ttl
                                            : NGX_CHAT_REDIS_NONCE_TTL));

    ngx_chat_redis_arg(&arg[10], num[3],
                       ngx_max(p->rule->history, NGX_CHAT_REDIS_KEEP_MIN));
    ngx_chat_redis_arg(&arg[11], num[4],
                       p->rule->age ? (uint64_t) p->rule->age
                                    : NGX_CHAT_REDIS_META_TTL);
    ngx_chat_redis_arg(&arg[12], num[5], ngx_chat_redis_meta_ttl(p->rule));

    ngx_chat_redis_key(redis, 'c', &p->key, keys[3], &arg[13]);

    end = ngx_sprintf(header, "%ui 0 %uL %uL %uL 0", p->type, p->sender,
                      own[0], p->thread);
    arg[14].data = header;
    arg[14].len = (size_t) (end - header);

    arg[15].data = (u_char *) (raw ? "1" : "0");
    arg[15].len = 1;

    arg[16] = p->piece[0];
    arg[17] = p->piece[1];
    arg[18] = p->piece[2];

    op = ngx_chat_redis_op_start(redis, &ngx_chat_redis_publish_script, arg,
                                 raw ? 17 : 19, 3, &p->key,
                                 ngx_chat_redis_published);
    if (op == NULL) {
        return NGX_AGAIN;
    }

    op->own_nonce = mine ? 1 : 0;
    op->wait = w;
    w->ref = &op->wait;

    return NGX_DONE;
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
            ngx_chat_redis_conn_lose(&op->redis->calls,
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
        ngx_chat_redis_echo(op, &p);
    }

    if (op->wait != NULL) {
        op->wait->publish = p;
        ngx_chat_redis_complete(op->wait, code);
    }
}


/*
 * What was published here is here before it is acknowledged, whoever reads it
 * and by whatever way; the message that the server sends is dropped then.
 */

static void
ngx_chat_redis_echo(ngx_chat_redis_op_t *op, ngx_chat_publish_t *p)
{
    u_char                   *end, *header;
    size_t                    len;
    ngx_str_t                 message;
    ngx_chat_redis_room_t    *room;
    ngx_chat_remote_event_t   ev;

    room = ngx_chat_redis_room_find(op->redis, &op->key);

    if (room == NULL || room->hub == NULL) {
        return;
    }

    len = NGX_CHAT_ID_LEN + 2 * (NGX_INT64_LEN + 1)
          + op->lens[NGX_CHAT_REDIS_ARG_HEADER]
          + op->lens[NGX_CHAT_REDIS_ARG_PIECE] + NGX_CHAT_ID_LEN
          + NGX_CHAT_TS_LEN + 8;

    if (op->argc > NGX_CHAT_REDIS_ARG_PIECE + 1) {
        len += op->lens[NGX_CHAT_REDIS_ARG_PIECE + 1]
               + op->lens[NGX_CHAT_REDIS_ARG_PIECE + 2];
    }

    message.data = ngx_alloc(len, op->redis->log);
    if (message.data == NULL) {
        return;
    }

    header = (u_char *) op->argv[NGX_CHAT_REDIS_ARG_HEADER];

    end = ngx_sprintf(message.data, "%*s %uL %uL %*s\n",
                      (size_t) NGX_CHAT_EPOCH_LEN, p->epoch, p->offset, p->ts,
                      op->lens[NGX_CHAT_REDIS_ARG_HEADER], header);
    end = ngx_chat_redis_payload(op, p, end);

    message.len = (size_t) (end - message.data);

    ngx_memzero(&ev, sizeof(ngx_chat_remote_event_t));

    if (ngx_chat_redis_event_message(&message, &ev) == NGX_OK) {
        ev.key = op->key;
        ev.rule = ngx_chat_zone_rule(op->redis->zone, &op->key.name);

        if (ngx_chat_redis_append(op->redis, &ev) != NGX_OK && room->owner
            && !room->subscribed)
        {
            /* nobody will tell us of what is missing */
            ngx_chat_redis_fetch(room);
        }
    }

    ngx_free(message.data);
}


static u_char *
ngx_chat_redis_payload(ngx_chat_redis_op_t *op, ngx_chat_publish_t *p,
    u_char *end)
{
    ngx_uint_t  i;

    i = NGX_CHAT_REDIS_ARG_PIECE;

    end = ngx_cpymem(end, op->argv[i], op->lens[i]);

    if (op->argc <= (int) i + 1) {
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
