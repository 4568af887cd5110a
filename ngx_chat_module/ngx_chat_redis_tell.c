
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * The server is told what was changed in this host's table.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <hiredis/hiredis.h>
#include "ngx_chat_bus.h"
#include "ngx_chat_redis_table.h"


static ngx_int_t ngx_chat_redis_table_collect(ngx_chat_redis_table_t *t,
    u_char *p, ngx_str_t *arg);
static ngx_int_t ngx_chat_redis_table_send(ngx_chat_redis_table_t *t,
    ngx_str_t *row);
static void ngx_chat_redis_table_said(ngx_chat_redis_op_t *op,
    ngx_chat_redis_reply_t *reply, ngx_chat_err_e code);


void
ngx_chat_redis_table_walk(ngx_chat_redis_table_t *t)
{
    t->phase = NGX_CHAT_REDIS_TELLING;
    t->after = ngx_chat_table_told_upto(t->redis->zone);
    t->upto = ngx_chat_table_version(t->redis->zone);
    t->pos = 0;
}


ngx_int_t
ngx_chat_redis_table_tell(ngx_chat_redis_table_t *t)
{
    u_char     *buf;
    ngx_int_t   rc;
    ngx_str_t   arg[NGX_CHAT_REDIS_TELL];

    buf = ngx_alloc(NGX_CHAT_REDIS_TELL * NGX_CHAT_REDIS_ROW_MAX,
                    t->redis->log);
    if (buf == NULL) {
        return NGX_ERROR;
    }

    rc = ngx_chat_redis_table_collect(t, buf, arg);

    if (t->n > 0) {
        t->walked = (rc == NGX_DONE);
        rc = ngx_chat_redis_table_send(t, arg);

        if (rc != NGX_AGAIN) {
            /* from the begin: these weren't told */
            t->phase = NGX_CHAT_REDIS_IDLE_TABLE;
        }

    } else if (rc == NGX_AGAIN) {
        ngx_chat_redis_table_later(t);

    } else {
        t->phase = NGX_CHAT_REDIS_IDLE_TABLE;
        rc = ngx_chat_table_set_told(t->redis->zone, ngx_chat_bus_seat(),
                                     t->upto);
    }

    ngx_free(buf);

    return rc;
}


/* t->n rows; NGX_DONE: there are no more, NGX_AGAIN: perhaps */

static ngx_int_t
ngx_chat_redis_table_collect(ngx_chat_redis_table_t *t, u_char *p,
    ngx_str_t *arg)
{
    u_char          value[NGX_CHAT_VALUE_MAX];
    ngx_int_t       rc;
    ngx_uint_t      calls, deleted;
    ngx_chat_row_t  row;

    t->n = 0;

    for (calls = 0; calls < NGX_CHAT_REDIS_CALLS; calls++) {

        row.value.data = value;

        rc = ngx_chat_table_changed(t->redis->zone, t->after, t->upto,
                                    &t->pos, &row, &deleted);
        if (rc == NGX_DONE) {
            return NGX_DONE;
        }

        if (rc != NGX_OK || row.shared || !ngx_chat_table_is_shared(row.kind))
        {
            continue;
        }

        arg[t->n].data = p;
        p = ngx_chat_redis_row_put(p, &row, deleted);
        arg[t->n].len = (size_t) (p - arg[t->n].data);

        t->row[t->n] = row;

        if (++t->n == NGX_CHAT_REDIS_TELL) {
            break;
        }
    }

    return NGX_AGAIN;
}


static ngx_int_t
ngx_chat_redis_table_send(ngx_chat_redis_table_t *t, ngx_str_t *row)
{
    u_char      rows[NGX_CHAT_REDIS_KEY_MAX], order[NGX_CHAT_REDIS_KEY_MAX];
    u_char      ends[NGX_CHAT_REDIS_KEY_MAX], epoch[NGX_CHAT_EPOCH_LEN];
    ngx_str_t   arg[NGX_CHAT_REDIS_TELL_ARGS + NGX_CHAT_REDIS_TELL];

    if (ngx_chat_redis_epoch(epoch) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_chat_redis_table_key(t, 't', rows, &arg[0]);
    ngx_chat_redis_table_key(t, 'v', order, &arg[1]);
    ngx_chat_redis_table_key(t, 'x', ends, &arg[2]);

    arg[3].data = epoch;
    arg[3].len = NGX_CHAT_EPOCH_LEN;

    /* set where it is sent */
    ngx_str_null(&arg[4]);
    ngx_str_null(&arg[5]);

    arg[6] = arg[0];

    ngx_memcpy(&arg[NGX_CHAT_REDIS_TELL_ARGS], row,
               t->n * sizeof(ngx_str_t));

    t->op = ngx_chat_redis_op_start(t->redis, &ngx_chat_redis_tell_script, arg,
                                    NGX_CHAT_REDIS_TELL_ARGS + t->n, 3,
                                    &t->key, ngx_chat_redis_table_said);

    return (t->op != NULL) ? NGX_AGAIN : NGX_ERROR;
}


/* [ "P", epoch, name, text, ... ]: each of them is there, or a later one, and
   then which */

static void
ngx_chat_redis_table_said(ngx_chat_redis_op_t *op,
    ngx_chat_redis_reply_t *reply, ngx_chat_err_e code)
{
    ngx_uint_t               i;
    ngx_chat_redis_table_t  *t;

    t = op->redis->table;

    if (t == NULL) {
        return;
    }

    t->op = NULL;

    if (reply == NULL || !ngx_chat_redis_table_connected(t)
        || t->phase != NGX_CHAT_REDIS_TELLING)
    {
        /* what was told is told again */

        if (t->phase == NGX_CHAT_REDIS_TELLING) {
            t->phase = NGX_CHAT_REDIS_IDLE_TABLE;
        }

        return;
    }

    if (ngx_chat_redis_table_strings(reply) != NGX_OK
        || reply->elements < 2 || reply->elements % 2 != 0
        || reply->element[1]->len != NGX_CHAT_EPOCH_LEN)
    {
        ngx_chat_redis_log(t->redis, "an answer that isn't ours", "", 0);
        t->phase = NGX_CHAT_REDIS_IDLE_TABLE;
        return;
    }

    if (t->known
        && ngx_memcmp(t->epoch, reply->element[1]->str, NGX_CHAT_EPOCH_LEN)
           != 0)
    {
        /* it has lost what it had; once a second, whatever it says */
        ngx_chat_redis_table_forget(t);
        return;
    }

    t->known = 1;
    ngx_memcpy(t->epoch, reply->element[1]->str, NGX_CHAT_EPOCH_LEN);

    ngx_chat_redis_table_rows(t, reply, 2);

    for (i = 0; i < t->n; i++) {
        ngx_chat_table_told(t->redis->zone, &t->row[i]);
    }

    if (t->walked) {
        t->phase = NGX_CHAT_REDIS_IDLE_TABLE;
        (void) ngx_chat_table_set_told(t->redis->zone, ngx_chat_bus_seat(),
                                       t->upto);
    }

    ngx_chat_redis_table_go(t);
}
