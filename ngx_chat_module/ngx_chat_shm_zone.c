
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * A zone's begin, the seats in it, its numbers.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_direct.h"
#include "ngx_chat_hook.h"
#include "ngx_chat_interest.h"
#include "ngx_chat_limit.h"
#include "ngx_chat_name.h"
#include "ngx_chat_shm.h"
#include "ngx_chat_table_private.h"


static ngx_int_t ngx_chat_zone_create(ngx_chat_zone_t *z);
static ngx_int_t ngx_chat_zone_random(u_char *p, size_t n);
static void ngx_chat_zone_clear_locked(ngx_chat_sh_t *sh, ngx_uint_t seat);


static ngx_chat_rule_t  ngx_chat_default_rule = {
    ngx_string("*"), 1000, 7 * 24 * 3600, 0, 0, 1, 0, 0
};


ngx_int_t
ngx_chat_zone_init(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_chat_zone_t  *oz = data;

    ngx_chat_zone_t  *z;

    z = shm_zone->data;

    z->shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;
    z->shm_zone = shm_zone;
    z->old = NULL;
    z->repaired = 0;
    z->state = NULL;
    z->fresh = 0;

    if (oz != NULL || shm_zone->shm.exists) {
        z->sh = (oz != NULL) ? oz->sh : z->shpool->data;

        /* of the same size, webhooks may have another part of it */

        if (z->sh == NULL || z->sh->magic != NGX_CHAT_SH_MAGIC
            || z->sh->version != NGX_CHAT_SH_VERSION
            || z->sh->hook.size != z->hook_ring
            || z->sh->hook.user_n != z->hook_users)
        {
            ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                          "chat zone \"%V\" has another layout, "
                          "change its size or restart", &shm_zone->shm.name);
            return NGX_ERROR;
        }

        if (ngx_chat_shm_nonces(shm_zone->shm.size - z->hook_memory,
                                z->nonce_size)
            != z->sh->nonce_n)
        {
            ngx_log_error(NGX_LOG_WARN, shm_zone->shm.log, 0,
                          "chat zone \"%V\" keeps the size of its nonce table "
                          "until its own size changes or a restart",
                          &shm_zone->shm.name);
        }

        ngx_chat_hook_enable(z);

        return NGX_OK;
    }

    if (ngx_chat_zone_create(z) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_chat_copy_zone(z) != NGX_OK) {
        return NGX_ERROR;
    }

    z->fresh = (z->old == NULL);

    return NGX_OK;
}


/* one allocation, the largest that works; the slab isn't used again */

static ngx_int_t
ngx_chat_zone_create(ngx_chat_zone_t *z)
{
    size_t          size, zone;
    ngx_log_t      *log;
    ngx_uint_t      pages;
    ngx_chat_sh_t  *sh;

    /* what webhooks take comes on top of what "chat_zone" says */

    zone = z->shm_zone->shm.size - z->hook_memory;
    log = z->shm_zone->shm.log;

    z->shpool->log_nomem = 0;

    sh = NULL;
    size = 0;

    for (pages = z->shpool->pfree; pages; pages--) {
        size = pages * ngx_pagesize;
        sh = ngx_slab_alloc_locked(z->shpool, size);

        if (sh != NULL) {
            break;
        }
    }

    if (sh == NULL || size <= z->hook_memory
        || ngx_chat_shm_layout(sh, size - z->hook_memory, zone, z->nonce_size)
           != NGX_OK)
    {
        ngx_log_error(NGX_LOG_EMERG, log, 0,
                      "chat zone \"%V\" is too small: write a size of at least "
                      "%uzk%s", &z->shm_zone->shm.name,
                      ngx_chat_zone_min_size() / 1024,
                      z->nonce_size ? ", and what \"chat_nonce\" takes" : "");
        return NGX_ERROR;
    }

    /* segments need no cleaning: none is read before it was written */

    ngx_memzero(ngx_chat_sh_at(sh, sh->seats), sh->segs - sh->seats);

    if (z->hook_memory > 0) {
        ngx_chat_hook_layout(sh, z, size - z->hook_memory);
    }

    if (ngx_chat_zone_random(sh->secret, sizeof(sh->secret)) != NGX_OK
        || ngx_chat_zone_random((u_char *) sh->hash_key, sizeof(sh->hash_key))
           != NGX_OK
        || ngx_chat_zone_random((u_char *) &sh->epoch_start,
                                sizeof(sh->epoch_start)) != NGX_OK)
    {
        ngx_log_error(NGX_LOG_EMERG, log, ngx_errno,
                      "reading \"/dev/urandom\" failed");
        return NGX_ERROR;
    }

    sh->version = NGX_CHAT_SH_VERSION;
    sh->magic = NGX_CHAT_SH_MAGIC;

    z->sh = sh;
    z->shpool->data = sh;

    /* nobody else has it yet; its lists are made from records that are free */

    ngx_chat_shm_lock_read(z);
    ngx_chat_table_repair_locked(sh);
    ngx_chat_shm_unlock(z);

    return NGX_OK;
}


static ngx_int_t
ngx_chat_zone_random(u_char *p, size_t n)
{
    ssize_t   rc;
    ngx_fd_t  fd;

    fd = open("/dev/urandom", O_RDONLY|O_CLOEXEC);

    if (fd == -1) {
        return NGX_ERROR;
    }

    rc = read(fd, p, n);

    (void) close(fd);

    return (rc == (ssize_t) n) ? NGX_OK : NGX_ERROR;
}


/*
 * The former holder may have died with the lock, and its pid may be another's
 * by now: only its start time, still in the seat, tells.  The pid is set last:
 * who finds it finds the right start time beside it.
 */

ngx_int_t
ngx_chat_zone_attach(ngx_chat_zone_t *z, ngx_uint_t seat, ngx_pid_t pid,
    uint64_t start)
{
    ngx_chat_seat_t  *s;

    if (seat >= NGX_CHAT_SEATS) {
        return NGX_ERROR;
    }

    s = &ngx_chat_seats(z->sh)[seat];

    ngx_chat_shm_relieve(z);

    ngx_chat_store(&s->start, start);
    ngx_chat_store(&s->pid, (uint64_t) pid);

    ngx_chat_shm_lock(z);
    ngx_chat_zone_clear_locked(z->sh, seat);
    ngx_chat_shm_unlock(z);

    return NGX_OK;
}


/* the pid goes after the lock: the holder may be the one who detaches */

void
ngx_chat_zone_detach(ngx_chat_zone_t *z, ngx_uint_t seat)
{
    ngx_chat_seat_t  *s;

    if (seat >= NGX_CHAT_SEATS) {
        return;
    }

    s = &ngx_chat_seats(z->sh)[seat];

    ngx_chat_shm_lock(z);
    ngx_chat_zone_clear_locked(z->sh, seat);
    ngx_chat_shm_unlock(z);

    ngx_chat_store(&s->pid, 0);
    ngx_chat_store(&s->start, 0);
}


/* a death in here counts something twice at worst */

static void
ngx_chat_zone_clear_locked(ngx_chat_sh_t *sh, ngx_uint_t seat)
{
    ngx_uint_t        i;
    ngx_chat_seat_t  *s;

    s = &ngx_chat_seats(sh)[seat];

    ngx_chat_interest_seat_locked(sh, seat);
    ngx_chat_limit_clear_locked(sh, seat);

    ngx_chat_store(&s->ring_first, s->ring_last);
    ngx_chat_store(&s->scan_all, 0);

    for (i = 0; i < NGX_CHAT_M_LAST; i++) {

        if (i < NGX_CHAT_M_COUNTERS) {
            sh->total[i] += s->metric[i];
            ngx_chat_barrier();
        }

        s->metric[i] = 0;
    }
}


ngx_uint_t
ngx_chat_zone_moved(ngx_chat_zone_t *z)
{
    return ngx_chat_load(&z->sh->moved);
}


void
ngx_chat_zone_unmove(ngx_chat_zone_t *old)
{
    ngx_chat_store(&old->sh->moved, 0);
}


u_char *
ngx_chat_zone_secret(ngx_chat_zone_t *z)
{
    return z->sh->secret;
}


ngx_int_t
ngx_chat_zone_keep_secret(ngx_chat_zone_t *z)
{
    u_char          value[NGX_CHAT_VALUE_MAX];
    ngx_int_t       rc;
    ngx_str_t       name;
    ngx_chat_row_t  row;

    ngx_str_set(&name, "guest");
    ngx_memzero(&row, sizeof(ngx_chat_row_t));

    row.kind = NGX_CHAT_KIND_SECRET;
    row.value.data = value;

    if (ngx_chat_table_key(row.subject, 's', &name) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_chat_table_get(z, &row, 0) == NGX_OK
        && row.value.len == sizeof(z->sh->secret))
    {
        ngx_memcpy(z->sh->secret, value, sizeof(z->sh->secret));
        return NGX_OK;
    }

    row.expires = 0;
    row.value.data = z->sh->secret;
    row.value.len = sizeof(z->sh->secret);

    rc = ngx_chat_table_set(z, &row, 0);

    return (rc == NGX_OK) ? NGX_OK : NGX_ERROR;
}


void
ngx_chat_metric_add(ngx_chat_zone_t *z, ngx_uint_t seat, ngx_chat_metric_e m,
    ngx_int_t n)
{
    uint64_t  *p;

    if (seat >= NGX_CHAT_SEATS) {
        return;
    }

    /* one writer: no locked instruction is needed */

    p = &ngx_chat_seats(z->sh)[seat].metric[m];

    ngx_chat_store_relaxed(p, ngx_chat_load_relaxed(p) + (uint64_t) n);
}


void
ngx_chat_zone_stat(ngx_chat_zone_t *z, ngx_chat_zone_stat_t *st)
{
    ngx_uint_t        i, m;
    ngx_chat_sh_t    *sh;
    ngx_chat_seat_t  *s;

    sh = z->sh;

    ngx_memzero(st, sizeof(ngx_chat_zone_stat_t));

    st->rooms = ngx_chat_load_relaxed(&sh->room_count);
    st->rooms_max = sh->room_n;
    st->segments = sh->seg_n;
    st->segments_free = ngx_chat_load_relaxed(&sh->seg_free_n)
                        + sh->seg_n - ngx_chat_load_relaxed(&sh->seg_fresh);
    st->segment_size = sh->seg_size;
    st->records = ngx_chat_load_relaxed(&sh->records);

    for (m = 0; m < NGX_CHAT_M_COUNTERS; m++) {
        st->metric[m] = ngx_chat_load_relaxed(&sh->total[m]);
    }

    s = ngx_chat_seats(sh);

    for (i = 0; i < NGX_CHAT_SEATS; i++) {

        if (ngx_chat_load(&s[i].pid) == 0) {
            continue;
        }

        for (m = 0; m < NGX_CHAT_M_LAST; m++) {
            st->metric[m] += ngx_chat_load_relaxed(&s[i].metric[m]);
        }
    }
}


ngx_chat_rule_t *
ngx_chat_zone_rule(ngx_chat_zone_t *z, ngx_str_t *room)
{
    ngx_uint_t        i;
    ngx_chat_rule_t  *rule;

    rule = z->rules.elts;

    for (i = 0; i < z->rules.nelts; i++) {
        if (ngx_chat_pattern_match(&rule[i].pattern, room)) {
            return &rule[i];
        }
    }

    return &ngx_chat_default_rule;
}


ngx_uint_t
ngx_chat_rule_creates(ngx_chat_rule_t *rule, ngx_str_t *room)
{
    return rule->create || ngx_chat_room_is_direct(room);
}
