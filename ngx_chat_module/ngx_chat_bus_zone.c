
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * The bus's zone, and the eventfds that workers inherit from the master.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include "ngx_chat_bus_private.h"

#include <sys/eventfd.h>


#define NGX_CHAT_BUS_MAGIC  0x63686174627573ULL


static ngx_int_t ngx_chat_bus_init_zone(ngx_shm_zone_t *shm_zone, void *data);
static ngx_chat_bus_fds_t *ngx_chat_bus_create_fds(ngx_log_t *log);
static ngx_int_t ngx_chat_bus_grow_fds(ngx_chat_bus_fds_t *fds, ngx_uint_t n,
    ngx_log_t *log);
static void ngx_chat_bus_release_fds(void *data);


ngx_chat_bus_t *
ngx_chat_bus_add(ngx_conf_t *cf, void *tag)
{
    size_t           size;
    ngx_chat_bus_t  *bus;

    static ngx_str_t  name = ngx_string(NGX_CHAT_BUS_ZONE);

    bus = ngx_pcalloc(cf->pool, sizeof(ngx_chat_bus_t));
    if (bus == NULL) {
        return NULL;
    }

    /* the slab's own pages, a part of which go by the number of all, and one
       contiguous block for us */

    size = ngx_align(sizeof(ngx_chat_bus_sh_t), ngx_pagesize);
    size += ngx_align(size / 64, ngx_pagesize) + 8 * ngx_pagesize;

    bus->shm_zone = ngx_shared_memory_add(cf, &name, size, tag);
    if (bus->shm_zone == NULL) {
        return NULL;
    }

    bus->cycle = cf->cycle;
    bus->shm_zone->init = ngx_chat_bus_init_zone;
    bus->shm_zone->data = bus;

    return bus;
}


/*
 * Runs in the master, or in the single process, before workers are forked.
 * init_module would be too late to fail: its failure ends a running master.
 */

static ngx_int_t
ngx_chat_bus_init_zone(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_chat_bus_t  *obus = data;

    ngx_uint_t           n;
    ngx_chat_bus_t      *bus;
    ngx_core_conf_t     *ccf;
    ngx_slab_pool_t     *shpool;
    ngx_pool_cleanup_t  *cln;

    bus = shm_zone->data;
    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    if (obus != NULL) {
        bus->sh = obus->sh;

    } else if (shm_zone->shm.exists) {
        bus->sh = shpool->data;

    } else {
        bus->sh = ngx_slab_alloc(shpool, sizeof(ngx_chat_bus_sh_t));
        if (bus->sh == NULL) {
            return NGX_ERROR;
        }

        /* who takes a seat clears its users */
        ngx_memzero(bus->sh, offsetof(ngx_chat_bus_sh_t, users));

        bus->sh->magic = NGX_CHAT_BUS_MAGIC;
        shpool->data = bus->sh;
        shpool->log_nomem = 0;
    }

    if (ngx_test_config) {
        return NGX_OK;
    }

    bus->fds = (obus != NULL) ? obus->fds : NULL;

    if (bus->fds == NULL) {
        bus->fds = ngx_chat_bus_create_fds(shm_zone->shm.log);
        if (bus->fds == NULL) {
            return NGX_ERROR;
        }
    }

    cln = ngx_pool_cleanup_add(bus->cycle->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_chat_bus_release_fds;
    cln->data = bus->fds;
    bus->fds->refs++;

    ccf = (ngx_core_conf_t *) ngx_get_conf(bus->cycle->conf_ctx,
                                           ngx_core_module);

    n = 4 * ngx_max(ccf->worker_processes, 1) + 16;

    return ngx_chat_bus_grow_fds(bus->fds, ngx_min(n, NGX_CHAT_SEATS),
                                 shm_zone->shm.log);
}


static ngx_chat_bus_fds_t *
ngx_chat_bus_create_fds(ngx_log_t *log)
{
    return ngx_calloc(sizeof(ngx_chat_bus_fds_t), log);
}


/*
 * Old workers don't have the descriptors added here; they can't ring those
 * seats, whose ticks see the change counter instead.
 */

static ngx_int_t
ngx_chat_bus_grow_fds(ngx_chat_bus_fds_t *fds, ngx_uint_t n, ngx_log_t *log)
{
    int  fd;

    while (fds->n < n) {
        fd = eventfd(0, EFD_NONBLOCK|EFD_CLOEXEC);

        if (fd == -1) {
            ngx_log_error(NGX_LOG_EMERG, log, ngx_errno,
                          "eventfd() failed for the chat bus, raise "
                          "\"worker_rlimit_nofile\" or the limit of open files "
                          "of the master");
            return NGX_ERROR;
        }

        fds->fd[fds->n++] = fd;
    }

    return NGX_OK;
}


static void
ngx_chat_bus_release_fds(void *data)
{
    ngx_chat_bus_fds_t  *fds = data;

    ngx_uint_t  i;

    if (--fds->refs > 0) {
        return;
    }

    for (i = 0; i < fds->n; i++) {
        (void) close(fds->fd[i]);
    }

    ngx_free(fds);
}
