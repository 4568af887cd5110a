
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Buckets lie in sets of a few places.  If a set has no place left, the bucket
 * that is nearest to being full makes room: so it takes more than many new keys
 * to make the zone forget who has taken too much.
 *
 * A process that is killed in here leaves the old bucket, the new one or a full
 * one: `full' is cleared before the key changes, and is stored last.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_rate.h"
#include "ngx_chat_shm.h"


static ngx_chat_rate_t *ngx_chat_rate_set(ngx_chat_sh_t *sh, uint64_t key);
static uint64_t ngx_chat_rate_full_locked(ngx_chat_sh_t *sh,
    ngx_chat_rate_bucket_t *b, uint64_t now);
static void ngx_chat_rate_store_locked(ngx_chat_sh_t *sh, uint64_t key,
    uint64_t full);
static uint64_t ngx_chat_rate_cost(ngx_chat_rates_t *r,
    ngx_chat_rate_rule_t *rule);


uint64_t
ngx_chat_rate_key(ngx_chat_zone_t *z, ngx_chat_rate_rule_t *rule,
    ngx_str_t *subject)
{
    uint64_t  h;

    h = ngx_chat_hash(z->sh->hash_key[0], rule->line.data, rule->line.len);

    return ngx_chat_hash(h, subject->data, subject->len);
}


ngx_int_t
ngx_chat_rate_take(ngx_chat_zone_t *z, ngx_chat_rates_t *r, uint64_t now)
{
    ngx_int_t  rc;

    ngx_chat_shm_lock(z);

    rc = ngx_chat_rate_check_locked(z->sh, r, now);

    if (rc == NGX_OK) {
        ngx_chat_rate_take_locked(z->sh, r, now);
    }

    ngx_chat_shm_unlock(z);

    return rc;
}


ngx_int_t
ngx_chat_rate_check_locked(ngx_chat_sh_t *sh, ngx_chat_rates_t *r,
    uint64_t now)
{
    uint64_t                full, depth, wait;
    ngx_uint_t              i, refused;
    ngx_chat_rate_rule_t   *rule;

    now *= 1000;

    r->wait = 0;
    r->rule = NULL;
    refused = 0;

    for (i = 0; i < r->n; i++) {
        rule = r->bucket[i].rule;

        depth = (rule->burst + 1) * rule->interval;
        full = ngx_chat_rate_full_locked(sh, &r->bucket[i], now)
               + ngx_chat_rate_cost(r, rule) * rule->interval;

        if (full <= now + depth) {
            continue;
        }

        wait = (full - now - depth + 999) / 1000;

        /* what refuses is told before what would */

        if (r->dry && refused && !rule->firm) {
            continue;
        }

        if (wait > r->wait || (r->dry && rule->firm && !refused)) {
            r->wait = (ngx_uint_t) wait;
            r->rule = rule;
        }

        refused |= !r->dry || rule->firm;
    }

    return refused ? NGX_BUSY : NGX_OK;
}


void
ngx_chat_rate_take_locked(ngx_chat_sh_t *sh, ngx_chat_rates_t *r,
    uint64_t now)
{
    uint64_t                full;
    ngx_uint_t              i;
    ngx_chat_rate_rule_t   *rule;

    now *= 1000;

    for (i = 0; i < r->n; i++) {
        rule = r->bucket[i].rule;

        if (r->wait > 0 && !rule->firm) {
            /* dry: what would have been refused takes nothing */
            continue;
        }

        full = ngx_chat_rate_full_locked(sh, &r->bucket[i], now)
               + ngx_chat_rate_cost(r, rule) * rule->interval;

        ngx_chat_rate_store_locked(sh, r->bucket[i].key, full);
    }
}


/* what costs more than a bucket holds would never be allowed */

static uint64_t
ngx_chat_rate_cost(ngx_chat_rates_t *r, ngx_chat_rate_rule_t *rule)
{
    return ngx_min(r->cost, rule->burst + 1);
}


static ngx_chat_rate_t *
ngx_chat_rate_set(ngx_chat_sh_t *sh, uint64_t key)
{
    return (ngx_chat_rate_t *) ngx_chat_sh_at(sh, sh->rates)
           + key % sh->rate_n * NGX_CHAT_RATE_WAYS;
}


/*
 * When it is full; `now' if it is.  Later than an empty one's: the clock was
 * set back, and what was taken is forgotten.
 */

static uint64_t
ngx_chat_rate_full_locked(ngx_chat_sh_t *sh, ngx_chat_rate_bucket_t *b,
    uint64_t now)
{
    uint64_t          last;
    ngx_uint_t        i;
    ngx_chat_rate_t  *e;

    e = ngx_chat_rate_set(sh, b->key);
    last = now + (b->rule->burst + 1) * b->rule->interval;

    for (i = 0; i < NGX_CHAT_RATE_WAYS; i++) {
        if (e[i].key == b->key) {
            return (e[i].full > now && e[i].full <= last) ? e[i].full : now;
        }
    }

    return now;
}


static void
ngx_chat_rate_store_locked(ngx_chat_sh_t *sh, uint64_t key, uint64_t full)
{
    ngx_uint_t        i;
    ngx_chat_rate_t  *e, *place;

    e = ngx_chat_rate_set(sh, key);
    place = e;

    for (i = 0; i < NGX_CHAT_RATE_WAYS; i++) {

        if (e[i].key == key) {
            place = &e[i];
            break;
        }

        if (e[i].full < place->full) {
            place = &e[i];
        }
    }

    if (place->key != key) {
        ngx_chat_store_relaxed(&place->full, 0);
        ngx_chat_barrier();
        ngx_chat_store_relaxed(&place->key, key);
        ngx_chat_barrier();
    }

    ngx_chat_store_relaxed(&place->full, full);
}
