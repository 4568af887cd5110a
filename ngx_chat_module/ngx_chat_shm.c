
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * The layout of the zone and its lock.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_shm.h"
#include "ngx_chat_limit.h"
#include "ngx_chat_nonce.h"
#include "ngx_chat_rate.h"
#include "ngx_chat_mark.h"
#include "ngx_chat_table_private.h"
#include "ngx_chat_test.h"
#include "ngx_chat_transient.h"


#define NGX_CHAT_ROOMS_MIN     64
#define NGX_CHAT_LIMIT_SHARE   64       /* of the zone one part in */
#define NGX_CHAT_RATE_SHARE    64
#define NGX_CHAT_TYPING_SHARE  512
#define NGX_CHAT_MARK_SHARE    32
#define NGX_CHAT_LOCK_WAIT     10000    /* us */
#define NGX_CHAT_LOCK_SPIN     1024


static size_t ngx_chat_shm_fixed(ngx_chat_sh_t *sh, size_t size, size_t zone,
    size_t nonce_size);
static size_t ngx_chat_shm_scaled(ngx_chat_sh_t *sh, uint32_t seg_n);
static void ngx_chat_shm_acquire(ngx_chat_zone_t *z);
static void ngx_chat_shm_wait(ngx_chat_zone_t *z, uint64_t start);
static ngx_uint_t ngx_chat_shm_owner_alive(ngx_chat_sh_t *sh, ngx_pid_t pid);
static uint64_t ngx_chat_shm_clock(void);


/*
 * One slot for two segments: with a guarantee of two segments a room a segment
 * can always be found for a room that has less, see
 * ngx_chat_seg_reserve_...().
 */

ngx_int_t
ngx_chat_shm_layout(ngx_chat_sh_t *sh, size_t size, size_t zone,
    size_t nonce_size)
{
    size_t         fixed, rest;
    uint32_t       n;
    ngx_chat_sh_t  l;

    ngx_memzero(&l, sizeof(ngx_chat_sh_t));

    l.size = size;
    l.seg_size = (zone < 8 * 1024 * 1024) ? 2048 : 4096;

    fixed = ngx_chat_shm_fixed(&l, size, zone, nonce_size);

    if (fixed >= size) {
        return NGX_DECLINED;
    }

    rest = size - fixed;
    n = (uint32_t) ngx_min(rest / l.seg_size, 0x7fffffff);

    while (n && ngx_chat_shm_scaled(&l, n) > rest) {
        n -= (n > 4096) ? n / 4096 : 1;
    }

    if (n < 2 * NGX_CHAT_ROOMS_MIN) {
        return NGX_DECLINED;
    }

    if (sh == NULL) {
        return NGX_OK;
    }

    /* the arrays behind the fixed ones; segments aligned to their size */

    l.rooms = fixed;
    l.buckets = l.rooms + (uint64_t) l.room_n * sizeof(ngx_chat_slot_t);
    l.interests = l.buckets + (uint64_t) l.bucket_n * sizeof(uint32_t);
    l.fair = l.interests
             + (uint64_t) l.interest_n * sizeof(ngx_chat_interest_t);
    l.presence.rooms = l.fair + ((uint64_t) n + 1) * sizeof(uint32_t);
    l.presence.rooms = ngx_align(l.presence.rooms, sizeof(uint64_t));
    l.segs = l.presence.rooms
             + (uint64_t) l.room_n * sizeof(ngx_chat_presence_room_t);
    l.segs = ngx_align(l.segs, l.seg_size);

    l.cap = ngx_max(n / 16, NGX_CHAT_CAP_MIN / l.seg_size);

    *sh = l;

    return NGX_OK;
}


/* what doesn't depend on the number of segments */

static size_t
ngx_chat_shm_fixed(ngx_chat_sh_t *sh, size_t size, size_t zone,
    size_t nonce_size)
{
    size_t  off;

    off = ngx_align(sizeof(ngx_chat_sh_t), 64);

    sh->seats = off;
    off += NGX_CHAT_SEATS * sizeof(ngx_chat_seat_t);
    off = ngx_align(off, 64);

    /* 1024 rooms a ring from 32m on; in a small zone not more than 1/32 */

    sh->ring_n = 1024;

    while (sh->ring_n > 64
           && NGX_CHAT_SEATS * sh->ring_n * sizeof(uint32_t) > zone / 32)
    {
        sh->ring_n /= 2;
    }

    sh->rings = off;
    off += (size_t) NGX_CHAT_SEATS * sh->ring_n * sizeof(uint32_t);
    off = ngx_align(off, 64);

    sh->nonce_n = ngx_chat_shm_nonces(zone, nonce_size);
    sh->nonces = off;
    off += (size_t) sh->nonce_n * NGX_CHAT_NONCE_GROUP;
    off = ngx_align(off, 64);

    sh->limit_n = (uint32_t) (zone / NGX_CHAT_LIMIT_SHARE
                              / NGX_CHAT_LIMIT_SET);
    sh->limits = off;
    off += (size_t) sh->limit_n * NGX_CHAT_LIMIT_SET;
    off = ngx_align(off, 64);

    sh->rate_n = (uint32_t) (zone / NGX_CHAT_RATE_SHARE / NGX_CHAT_RATE_SET);
    sh->rates = off;
    off += (size_t) sh->rate_n * NGX_CHAT_RATE_SET;
    off = ngx_align(off, 64);

    /* 1m from 64m on, never less than the largest event */

    sh->transient_n = 1024 * 1024;

    while (sh->transient_n > NGX_CHAT_TRANSIENT_MAX
           && sh->transient_n > zone / 64)
    {
        sh->transient_n /= 2;
    }

    sh->transients = off;
    off += (size_t) sh->transient_n;

    sh->typing_n = zone / NGX_CHAT_TYPING_SHARE / sizeof(ngx_chat_typing_t);
    sh->typings = off;
    off += (size_t) sh->typing_n * sizeof(ngx_chat_typing_t);
    off = ngx_align(off, 64);

    sh->mark_n = zone / NGX_CHAT_MARK_SHARE / NGX_CHAT_MARK_SET;
    sh->marks = off;
    off += (size_t) sh->mark_n * NGX_CHAT_MARK_SET;
    off = ngx_align(off, 64);

    off = ngx_chat_presence_layout(sh, off, zone);

    return ngx_chat_table_layout(sh, off, zone);
}


uint32_t
ngx_chat_shm_nonces(size_t zone, size_t nonce_size)
{
    if (nonce_size == 0) {
        nonce_size = zone / 16;
    }

    return (uint32_t) ngx_max(nonce_size / NGX_CHAT_NONCE_GROUP, 1);
}


/* what the arrays need that depend on it, in bytes */

static size_t
ngx_chat_shm_scaled(ngx_chat_sh_t *sh, uint32_t seg_n)
{
    uint32_t  buckets;

    sh->seg_n = seg_n;
    sh->room_n = ngx_max(seg_n / 2, NGX_CHAT_ROOMS_MIN);
    sh->interest_n = ngx_max(sh->room_n * 4, 256);

    for (buckets = 64; buckets < sh->room_n; buckets *= 2) { /* void */ }

    sh->bucket_n = buckets;

    return (size_t) sh->room_n * sizeof(ngx_chat_slot_t)
           + (size_t) buckets * sizeof(uint32_t)
           + (size_t) sh->interest_n * sizeof(ngx_chat_interest_t)
           + ((size_t) seg_n + 1) * sizeof(uint32_t) + sizeof(uint64_t)
           + (size_t) sh->room_n * sizeof(ngx_chat_presence_room_t)
           + sh->seg_size                      /* to align */
           + (size_t) seg_n * sh->seg_size;
}


size_t
ngx_chat_zone_min_size(void)
{
    size_t  size, pages;

    for (size = 256 * 1024; /* void */ ; size += 4 * ngx_pagesize) {

        /* what the slab's own tables take, and two pages for alignment */

        pages = size / (ngx_pagesize + sizeof(ngx_slab_page_t)) - 2;

        if (ngx_chat_shm_layout(NULL, pages * ngx_pagesize, size, 0)
            == NGX_OK)
        {
            return size;
        }
    }
}


void
ngx_chat_shm_lock(ngx_chat_zone_t *z)
{
    ngx_chat_shm_lock_read(z);

    ngx_chat_store_relaxed(&z->sh->dirty, 1);
    ngx_chat_barrier();

    ngx_chat_test_point("lock");
}


void
ngx_chat_shm_lock_read(ngx_chat_zone_t *z)
{
    ngx_chat_shm_acquire(z);

    if (z->sh->dirty) {
        ngx_chat_repair_locked(z->sh);
        z->sh->total[NGX_CHAT_M_REPAIRS]++;
        ngx_chat_barrier();
        z->sh->dirty = 0;
        z->repaired = 1;
    }
}


void
ngx_chat_shm_unlock(ngx_chat_zone_t *z)
{
    ngx_uint_t  repaired;

    repaired = z->repaired;
    z->repaired = 0;

    ngx_chat_barrier();
    ngx_chat_store_relaxed(&z->sh->dirty, 0);

    ngx_shmtx_unlock(&z->shpool->mutex);

    if (repaired) {
        ngx_log_error(NGX_LOG_WARN, z->log ? z->log : ngx_cycle->log, 0,
                      "chat zone \"%V\" was repaired after a process died",
                      &z->name);
    }
}


/*
 * Not ngx_shmtx_lock(): who sleeps in its semaphore waits for a dead holder
 * until the master notices, which may be late (SIGCHLD is blocked during a
 * reload) or never (the zone isn't in the current cycle).
 */

static void
ngx_chat_shm_acquire(ngx_chat_zone_t *z)
{
    uint64_t  start;

    if (ngx_shmtx_trylock(&z->shpool->mutex)) {
        return;
    }

    start = ngx_chat_shm_clock();

    ngx_chat_shm_wait(z, start);

    z->sh->total[NGX_CHAT_M_LOCK_WAITS]++;
    z->sh->total[NGX_CHAT_M_LOCK_WAIT_US] += ngx_chat_shm_clock() - start;
}


/* returns with the lock; `start' is now, us */

static void
ngx_chat_shm_wait(ngx_chat_zone_t *z, uint64_t start)
{
    ngx_uint_t    i, n;
    ngx_shmtx_t  *mtx;

    mtx = &z->shpool->mutex;

    for (n = 0; /* void */ ; n++) {

        if (ngx_ncpu > 1) {
            for (i = 0; i < NGX_CHAT_LOCK_SPIN && *mtx->lock != 0; i++) {
                ngx_cpu_pause();
            }

            if (ngx_shmtx_trylock(mtx)) {
                return;
            }
        }

        ngx_sched_yield();

        if (ngx_shmtx_trylock(mtx)) {
            return;
        }

        if (n % 16 != 15
            || ngx_chat_shm_clock() - start < NGX_CHAT_LOCK_WAIT)
        {
            continue;
        }

        ngx_chat_shm_relieve(z);
        ngx_msleep(1);

        start = ngx_chat_shm_clock();
    }
}


/* a dead owner is relieved by compare-and-swap, so only once, and never of a
   lock that somebody else has got meanwhile */

void
ngx_chat_shm_relieve(ngx_chat_zone_t *z)
{
    ngx_pid_t  pid;

    pid = (ngx_pid_t) *z->shpool->mutex.lock;

    if (pid == 0 || ngx_chat_shm_owner_alive(z->sh, pid)) {
        return;
    }

    (void) ngx_shmtx_force_unlock(&z->shpool->mutex, pid);
}


/*
 * Two seats may name one pid, a dead worker's and that of a worker who got its
 * pid.  Without a seat (the master copying a zone) there is no start time.
 */

static ngx_uint_t
ngx_chat_shm_owner_alive(ngx_chat_sh_t *sh, ngx_pid_t pid)
{
    ngx_uint_t        i, seen;
    ngx_chat_seat_t  *seat;

    seat = ngx_chat_seats(sh);
    seen = 0;

    for (i = 0; i < NGX_CHAT_SEATS; i++) {

        if (ngx_chat_load(&seat[i].pid) != (uint64_t) pid) {
            continue;
        }

        seen = 1;

        if (ngx_chat_process_alive(pid, ngx_chat_load(&seat[i].start))
            == NGX_OK)
        {
            return 1;
        }
    }

    return seen ? 0 : ngx_chat_process_alive(pid, 0) == NGX_OK;
}


/* us */

static uint64_t
ngx_chat_shm_clock(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}


/* with a random seed, so that nobody can choose names that collide */

uint64_t
ngx_chat_hash(uint64_t seed, u_char *p, size_t len)
{
    uint64_t  h, w;

    h = seed ^ (len * 0x9e3779b97f4a7c15ULL);

    for ( /* void */ ; len >= 8; p += 8, len -= 8) {
        ngx_memcpy(&w, p, 8);
        h = (h ^ w) * 0xff51afd7ed558ccdULL;
        h ^= h >> 32;
    }

    w = 0;
    ngx_memcpy(&w, p, len);

    h = (h ^ w) * 0xc4ceb9fe1a85ec53ULL;
    h ^= h >> 29;
    h *= 0xff51afd7ed558ccdULL;

    return h ^ (h >> 32);
}
