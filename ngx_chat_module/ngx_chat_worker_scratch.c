
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Scratch memory of a worker: one of each kind serves all of its sessions, for
 * nothing in it outlives an event.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_worker.h"


#define NGX_CHAT_POOL        16384
#define NGX_CHAT_TEXT_LIMIT  (2 * 1024 * 1024)


typedef struct {
    ngx_pool_t        *pool;
    ngx_chat_text_t    text;
    u_char            *read;
    size_t             read_size;
    uint32_t          *ends;
    size_t             nends;
    ngx_log_t         *log;
} ngx_chat_scratch_t;


static ngx_chat_scratch_t  ngx_chat_scratch;


ngx_int_t
ngx_chat_worker_scratch_init(ngx_log_t *log)
{
    ngx_chat_scratch_t  *sc;

    sc = &ngx_chat_scratch;

    ngx_memzero(sc, sizeof(ngx_chat_scratch_t));

    sc->log = log;

    sc->pool = ngx_create_pool(NGX_CHAT_POOL, log);
    if (sc->pool == NULL) {
        return NGX_ERROR;
    }

    ngx_chat_text_init(&sc->text, NGX_CHAT_TEXT_LIMIT, log);

    return NGX_OK;
}


void
ngx_chat_worker_scratch_free(void)
{
    ngx_chat_scratch_t  *sc;

    sc = &ngx_chat_scratch;

    if (sc->pool == NULL) {
        return;
    }

    ngx_chat_text_free(&sc->text);

    if (sc->read != NULL) {
        ngx_free(sc->read);
    }

    if (sc->ends != NULL) {
        ngx_free(sc->ends);
    }

    ngx_destroy_pool(sc->pool);

    ngx_memzero(sc, sizeof(ngx_chat_scratch_t));
}


ngx_chat_text_t *
ngx_chat_worker_text(void)
{
    ngx_chat_text_reset(&ngx_chat_scratch.text);

    return &ngx_chat_scratch.text;
}


ngx_pool_t *
ngx_chat_worker_pool(void)
{
    return ngx_chat_scratch.pool;
}


void
ngx_chat_worker_pool_reset(void)
{
    ngx_reset_pool(ngx_chat_scratch.pool);
}


ssize_t
ngx_chat_worker_read(ngx_chat_zone_t *z, ngx_chat_pos_t *pos, uint64_t upto,
    size_t size, u_char **buf)
{
    size_t               need;
    ssize_t              n;
    ngx_chat_scratch_t  *sc;

    sc = &ngx_chat_scratch;

    for ( ;; ) {

        if (sc->read_size < size) {

            if (sc->read != NULL) {
                ngx_free(sc->read);
                sc->read_size = 0;
            }

            sc->read = ngx_alloc(size, sc->log);
            if (sc->read == NULL) {
                return NGX_ERROR;
            }

            sc->read_size = size;
        }

        need = 0;

        n = ngx_chat_log_read(z, pos, upto, sc->read, size, &need);

        if (n != NGX_BUSY || need <= size) {
            *buf = sc->read;
            return n;
        }

        /* one record alone is larger; the buffer may be large enough already */
        size = need;
    }
}


uint32_t *
ngx_chat_worker_ends(size_t bytes)
{
    size_t               n;
    ngx_chat_scratch_t  *sc;

    sc = &ngx_chat_scratch;
    n = bytes / sizeof(ngx_chat_rec_t) + 1;

    if (sc->nends < n) {

        if (sc->ends != NULL) {
            ngx_free(sc->ends);
            sc->nends = 0;
        }

        sc->ends = ngx_alloc(n * sizeof(uint32_t), sc->log);
        if (sc->ends == NULL) {
            return NULL;
        }

        sc->nends = n;
    }

    return sc->ends;
}
