
/*
 * Copyright (C) the ngx_chat_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_log.h"
#include "ngx_chat_mark_private.h"
#include "ngx_chat_room.h"


static void ngx_chat_mark_key(ngx_chat_slot_t *slot, uint64_t user[2],
    ngx_chat_mark_t *mark);
static ngx_chat_mark_t *ngx_chat_mark_find_locked(ngx_chat_sh_t *sh,
    ngx_chat_mark_t *like);
static ngx_chat_mark_t *ngx_chat_mark_place_locked(ngx_chat_sh_t *sh,
    ngx_chat_mark_t *like);
static void ngx_chat_mark_store_locked(ngx_chat_mark_t *place,
    ngx_chat_mark_t *mark);
static void ngx_chat_mark_move_locked(ngx_chat_sh_t *sh,
    ngx_chat_slot_t *slot, ngx_chat_mark_t *mark, uint64_t offset);
static uint64_t ngx_chat_mark_ordinal_locked(ngx_chat_sh_t *sh,
    ngx_chat_slot_t *slot, uint64_t offset);


void
ngx_chat_mark_user(ngx_chat_zone_t *z, ngx_str_t *id, uint64_t user[2])
{
    user[0] = ngx_chat_hash(z->sh->hash_key[0], id->data, id->len);
    user[1] = ngx_chat_hash(z->sh->hash_key[1], id->data, id->len);
}


ngx_int_t
ngx_chat_mark_read(ngx_chat_zone_t *z, ngx_chat_marking_t *r)
{
    uint32_t   hash;
    ngx_int_t  rc;

    hash = ngx_chat_slot_hash(z->sh, &r->key);

    ngx_chat_shm_lock(z);
    rc = ngx_chat_mark_read_locked(z->sh, r, hash);
    ngx_chat_shm_unlock(z);

    return rc;
}


ngx_int_t
ngx_chat_mark_read_locked(ngx_chat_sh_t *sh, ngx_chat_marking_t *r,
    uint32_t hash)
{
    uint64_t          offset;
    ngx_chat_slot_t  *slot;
    ngx_chat_mark_t   mark, *place;

    slot = ngx_chat_slot_lookup_locked(sh, &r->key, hash);

    if (slot == NULL) {
        return NGX_DECLINED;
    }

    ngx_memcpy(r->epoch, slot->epoch, NGX_CHAT_EPOCH_LEN);
    r->head = slot->head;
    r->moved = 0;

    if (r->upto != NULL && r->upto->epoch[0] != 0
        && ngx_memcmp(r->upto->epoch, slot->epoch, NGX_CHAT_EPOCH_LEN) != 0)
    {
        return NGX_ABORT;
    }

    ngx_memzero(&mark, sizeof(ngx_chat_mark_t));
    ngx_chat_mark_key(slot, r->user, &mark);

    place = ngx_chat_mark_find_locked(sh, &mark);

    if (place != NULL) {
        mark = *place;

    } else {
        /* all that is shown is unread */
        mark.offset = slot->first - 1;
        mark.n = ngx_chat_mark_ordinal_locked(sh, slot, mark.offset);
    }

    offset = (r->upto != NULL) ? ngx_min(r->upto->offset, slot->head) : 0;

    if (r->upto != NULL && (place == NULL || offset > mark.offset)) {

        if (offset > mark.offset) {
            ngx_chat_mark_move_locked(sh, slot, &mark, offset);
        }

        if (place == NULL) {
            place = ngx_chat_mark_place_locked(sh, &mark);
        }

        mark.used = (uint32_t) (r->now / 1000);
        ngx_chat_mark_store_locked(place, &mark);
        r->moved = 1;

    } else if (place != NULL) {
        place->used = (uint32_t) (r->now / 1000);
    }

    r->marked = (place != NULL);
    r->marker = mark.offset;
    r->unread = (slot->n > mark.n) ? slot->n - mark.n : 0;
    r->mentions = mark.mentions;

    return NGX_OK;
}


void
ngx_chat_mark_published_locked(ngx_chat_sh_t *sh, ngx_chat_slot_t *slot,
    ngx_chat_publish_t *p)
{
    ngx_uint_t        i;
    ngx_chat_mark_t   mark, *place;

    for (i = 0; i < p->nmentions; i++) {

        ngx_chat_mark_key(slot, p->mention[i], &mark);
        place = ngx_chat_mark_find_locked(sh, &mark);

        if (place == NULL) {
            continue;
        }

        mark = *place;

        if (mark.mentions == NGX_CHAT_MARK_MENTIONS) {
            ngx_memmove(&mark.mention[0], &mark.mention[1],
                        (NGX_CHAT_MARK_MENTIONS - 1) * sizeof(uint64_t));
            mark.mentions--;
        }

        /* a name that is there twice counts once */

        if (mark.mentions == 0
            || mark.mention[mark.mentions - 1] != slot->head)
        {
            mark.mention[mark.mentions++] = slot->head;
            ngx_chat_mark_store_locked(place, &mark);
        }
    }

    if ((p->reader[0] | p->reader[1]) == 0) {
        return;
    }

    /* who speaks has read what was said before */

    ngx_chat_mark_key(slot, p->reader, &mark);
    place = ngx_chat_mark_find_locked(sh, &mark);

    if (place != NULL) {
        mark = *place;
        mark.offset = slot->head;
        mark.n = slot->n;
        mark.mentions = 0;
        mark.used = (uint32_t) (p->ts / 1000);
        ngx_chat_mark_store_locked(place, &mark);
    }
}


void
ngx_chat_mark_copy_locked(ngx_chat_sh_t *sh, ngx_chat_sh_t *from)
{
    uint64_t          n;
    ngx_chat_mark_t  *mark, *place;

    mark = ngx_chat_marks(from);

    for (n = (uint64_t) from->mark_n * NGX_CHAT_MARK_WAYS; n; n--, mark++) {

        if (mark->key == 0) {
            continue;
        }

        place = ngx_chat_mark_place_locked(sh, mark);

        if (place->key == 0 || place->used <= mark->used) {
            *place = *mark;
        }
    }
}


static void
ngx_chat_mark_key(ngx_chat_slot_t *slot, uint64_t user[2],
    ngx_chat_mark_t *mark)
{
    mark->key = ngx_chat_hash(user[0], (u_char *) &slot->life,
                              sizeof(slot->life));
    mark->check = ngx_chat_hash(user[1], (u_char *) &slot->life,
                                sizeof(slot->life));

    if (mark->key == 0) {
        mark->key = 1;
    }
}


static ngx_chat_mark_t *
ngx_chat_mark_find_locked(ngx_chat_sh_t *sh, ngx_chat_mark_t *like)
{
    ngx_uint_t        i;
    ngx_chat_mark_t  *mark;

    mark = ngx_chat_marks(sh) + like->key % sh->mark_n * NGX_CHAT_MARK_WAYS;

    for (i = 0; i < NGX_CHAT_MARK_WAYS; i++) {
        if (mark[i].key == like->key && mark[i].check == like->check) {
            return &mark[i];
        }
    }

    return NULL;
}


/* a free place, or that of the marker that was not used for longest */

static ngx_chat_mark_t *
ngx_chat_mark_place_locked(ngx_chat_sh_t *sh, ngx_chat_mark_t *like)
{
    ngx_uint_t        i;
    ngx_chat_mark_t  *mark, *place;

    mark = ngx_chat_marks(sh) + like->key % sh->mark_n * NGX_CHAT_MARK_WAYS;
    place = mark;

    for (i = 0; i < NGX_CHAT_MARK_WAYS; i++) {

        if (mark[i].key == 0) {
            return &mark[i];
        }

        if (mark[i].used < place->used) {
            place = &mark[i];
        }
    }

    return place;
}


static void
ngx_chat_mark_store_locked(ngx_chat_mark_t *place, ngx_chat_mark_t *mark)
{
    uint64_t  key;

    key = mark->key;
    mark->key = 0;

    ngx_chat_store_relaxed(&place->key, 0);
    ngx_chat_barrier();

    *place = *mark;

    ngx_chat_barrier();
    ngx_chat_store_relaxed(&place->key, key);

    mark->key = key;
}


static void
ngx_chat_mark_move_locked(ngx_chat_sh_t *sh, ngx_chat_slot_t *slot,
    ngx_chat_mark_t *mark, uint64_t offset)
{
    ngx_uint_t  i, gone;

    mark->offset = offset;
    mark->n = ngx_chat_mark_ordinal_locked(sh, slot, offset);

    for (gone = 0; gone < mark->mentions; gone++) {
        if (mark->mention[gone] > offset) {
            break;
        }
    }

    mark->mentions -= (uint32_t) gone;

    for (i = 0; i < mark->mentions; i++) {
        mark->mention[i] = mark->mention[i + gone];
    }
}


/*
 * The ordinal of the last message at `offset' or before.  What isn't kept any
 * more counts as read.
 */

static uint64_t
ngx_chat_mark_ordinal_locked(ngx_chat_sh_t *sh, ngx_chat_slot_t *slot,
    uint64_t offset)
{
    ngx_chat_rec_t    *rec;
    ngx_chat_cursor_t  cur;

    if (offset >= slot->head) {
        return slot->n;
    }

    offset = ngx_max(offset, slot->kept - 1);

    /* the next record tells, as there is one before it only sometimes */

    if (ngx_chat_log_locate_locked(sh, slot, offset + 1, &cur) != NGX_OK) {
        return slot->n;
    }

    rec = ngx_chat_log_rec(&cur);

    /* what changes a message has the ordinal of the last one before it */

    return (rec->type == NGX_CHAT_REC_MESSAGE && rec->n > 0) ? rec->n - 1
                                                             : rec->n;
}
