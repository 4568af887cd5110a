
/*
 * Copyright (C) the ngx_chat_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <openssl/crypto.h>
#include <crypt.h>
#include "ngx_chat_login.h"


#if (NGX_THREADS)


/* ms; a worker that is told to quit waits for its timers, and so for a check
   that is under way */
#define NGX_CHAT_LOGIN_TIME  60000


struct ngx_chat_login_s {
    ngx_queue_t           queue;        /* of those that wait */
    ngx_thread_pool_t    *pool;
    ngx_thread_task_t     task;
    ngx_chat_login_pt     handler;      /* NULL: nobody wants to know */
    void                 *data;
    unsigned              known:1;
    unsigned              running:1;

    /* the thread's, while it is running */
    ngx_uint_t            right;
    char                  password[NGX_CHAT_PASSWORD_MAX + 1];
    char                  hash[NGX_CHAT_PASSWD_HASH_MAX + 1];
    struct crypt_data     crypt;
};


static ngx_int_t ngx_chat_login_run(ngx_chat_login_t *l);
static void ngx_chat_login_thread(void *data, ngx_log_t *log);
static void ngx_chat_login_done(ngx_event_t *ev);
static void ngx_chat_login_next(void);
static void ngx_chat_login_end(ngx_chat_login_t *l);


/* of this worker */

static ngx_uint_t   ngx_chat_login_running;
static ngx_uint_t   ngx_chat_login_waiting;
static ngx_queue_t  ngx_chat_login_queue;


ngx_chat_login_t *
ngx_chat_login_check(ngx_thread_pool_t *tp, ngx_str_t *password,
    ngx_str_t *hash, ngx_uint_t known, ngx_chat_login_pt handler, void *data,
    ngx_log_t *log)
{
    ngx_chat_login_t  *l;

    if (ngx_chat_login_queue.next == NULL) {
        ngx_queue_init(&ngx_chat_login_queue);
    }

    if (password->len > NGX_CHAT_PASSWORD_MAX
        || hash->len > NGX_CHAT_PASSWD_HASH_MAX
        || (ngx_chat_login_running >= NGX_CHAT_LOGIN_RUNNING
            && ngx_chat_login_waiting >= NGX_CHAT_LOGIN_WAITING))
    {
        return NULL;
    }

    l = ngx_calloc(sizeof(ngx_chat_login_t), log);
    if (l == NULL) {
        return NULL;
    }

    l->pool = tp;
    l->handler = handler;
    l->data = data;
    l->known = known ? 1 : 0;

    l->task.ctx = l;
    l->task.handler = ngx_chat_login_thread;
    l->task.event.data = l;
    l->task.event.handler = ngx_chat_login_done;
    l->task.event.log = ngx_cycle->log;

    ngx_memcpy(l->password, password->data, password->len);
    ngx_memcpy(l->hash, hash->data, hash->len);

    if (ngx_chat_login_running >= NGX_CHAT_LOGIN_RUNNING) {
        ngx_queue_insert_tail(&ngx_chat_login_queue, &l->queue);
        ngx_chat_login_waiting++;
        return l;
    }

    if (ngx_chat_login_run(l) != NGX_OK) {
        ngx_chat_login_end(l);
        return NULL;
    }

    return l;
}


static ngx_int_t
ngx_chat_login_run(ngx_chat_login_t *l)
{
    if (ngx_thread_task_post(l->pool, &l->task) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_add_timer(&l->task.event, NGX_CHAT_LOGIN_TIME);

    l->running = 1;
    ngx_chat_login_running++;

    return NGX_OK;
}


/* in a thread: nothing but *l may be touched, and nothing logged */

static void
ngx_chat_login_thread(void *data, ngx_log_t *log)
{
    ngx_chat_login_t *l = data;

    char    *value;
    size_t   len;

    value = crypt_r(l->password, l->hash, &l->crypt);
    len = ngx_strlen(l->hash);

    l->right = (value != NULL && ngx_strlen(value) == len
                && CRYPTO_memcmp(value, l->hash, len) == 0)
               ? 1 : 0;

    OPENSSL_cleanse(l->password, sizeof(l->password));
    OPENSSL_cleanse(&l->crypt, sizeof(l->crypt));
}


static void
ngx_chat_login_done(ngx_event_t *ev)
{
    ngx_int_t           rc;
    ngx_chat_login_t   *l;
    ngx_chat_login_pt   handler;
    void               *data;

    l = ev->data;

    if (!ev->complete) {
        /* the machine is slow; there is no way to call the thread off */
        ev->timedout = 0;
        ngx_add_timer(ev, NGX_CHAT_LOGIN_TIME);
        return;
    }

    if (ev->timer_set) {
        ngx_del_timer(ev);
    }

    rc = (l->right && l->known) ? NGX_OK : NGX_DECLINED;
    handler = l->handler;
    data = l->data;

    ngx_chat_login_running--;
    ngx_chat_login_end(l);

    ngx_chat_login_next();

    if (handler != NULL) {
        handler(data, rc);
    }
}


static void
ngx_chat_login_next(void)
{
    ngx_queue_t        *q;
    ngx_chat_login_t   *l;
    ngx_chat_login_pt   handler;
    void               *data;

    while (ngx_chat_login_waiting > 0
           && ngx_chat_login_running < NGX_CHAT_LOGIN_RUNNING)
    {
        q = ngx_queue_head(&ngx_chat_login_queue);
        l = ngx_queue_data(q, ngx_chat_login_t, queue);

        ngx_queue_remove(q);
        ngx_chat_login_waiting--;

        if (ngx_chat_login_run(l) == NGX_OK) {
            continue;
        }

        /* nginx has logged why */

        handler = l->handler;
        data = l->data;

        ngx_chat_login_end(l);

        handler(data, NGX_ERROR);
    }
}


void
ngx_chat_login_leave(ngx_chat_login_t *l)
{
    if (l->running) {
        l->handler = NULL;
        return;
    }

    ngx_queue_remove(&l->queue);
    ngx_chat_login_waiting--;

    ngx_chat_login_end(l);
}


static void
ngx_chat_login_end(ngx_chat_login_t *l)
{
    OPENSSL_cleanse(l, sizeof(ngx_chat_login_t));
    ngx_free(l);
}


#endif
