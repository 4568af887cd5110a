
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Events that change messages, and threads: chains of records.
 *
 * A record is written first, with what its chain was, and exists with the
 * room's head.  Then the slot in the message (`latest', in a root `target') is
 * moved by one store.  A death between the two leaves a record that is in no
 * chain; it is the room's last one, so repair finds it there.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_change_private.h"
#include "ngx_chat_room.h"
#include "ngx_chat_test.h"


static ngx_int_t ngx_chat_change_target_locked(ngx_chat_sh_t *sh,
    ngx_chat_slot_t *slot, uint64_t offset, ngx_chat_cursor_t *cur);
static ngx_int_t ngx_chat_change_reply_locked(ngx_chat_sh_t *sh,
    ngx_chat_slot_t *slot, ngx_chat_publish_t *p, ngx_chat_rec_t *rec,
    ngx_chat_lead_t *lead);
static uint64_t ngx_chat_change_newest_locked(ngx_chat_sh_t *sh,
    ngx_chat_slot_t *slot);
static ngx_int_t ngx_chat_change_edit_locked(ngx_chat_publish_t *p,
    ngx_chat_rec_t *rec, ngx_chat_fold_t *fold);
static void ngx_chat_change_erase_locked(ngx_chat_sh_t *sh,
    ngx_chat_slot_t *slot, ngx_chat_cursor_t *target, uint16_t cut);
static void ngx_chat_change_bury_locked(ngx_chat_sh_t *sh,
    ngx_chat_cursor_t *cur, uint16_t cut);


#define ngx_chat_change_is_event(rec)                                         \
    ((rec)->type >= NGX_CHAT_REC_EDIT && (rec)->type <= NGX_CHAT_REC_REACT    \
     && (rec)->lead >= sizeof(ngx_chat_fold_t))


ngx_int_t
ngx_chat_change_prepare_locked(ngx_chat_sh_t *sh, ngx_chat_slot_t *slot,
    ngx_chat_publish_t *p, ngx_chat_rec_t *rec, ngx_chat_lead_t *lead)
{
    ngx_chat_rec_t     *target;
    ngx_chat_fold_t    *fold;
    ngx_chat_change_t  *ch;
    ngx_chat_cursor_t   cur;

    ch = p->change;

    if (ch == NULL) {
        return (p->thread_life == 0)
               ? NGX_OK
               : ngx_chat_change_reply_locked(sh, slot, p, rec, lead);
    }

    if (ch->gone || ch->life != slot->life
        || ngx_chat_change_target_locked(sh, slot, ch->target, &cur)
           != NGX_OK)
    {
        return NGX_DECLINED;
    }

    target = ngx_chat_log_rec(&cur);
    fold = &lead->u.fold;

    ngx_memzero(fold, sizeof(ngx_chat_fold_t));

    rec->n = slot->n;
    rec->target = ch->target;
    rec->latest = target->latest;

    if (target->latest != 0
        && (ngx_chat_log_locate_locked(sh, slot, target->latest, &cur)
            != NGX_OK
            || ngx_chat_change_fold_locked(sh, &cur, fold) != NGX_OK))
    {
        return NGX_DECLINED;
    }

    fold->message = ngx_chat_change_newest_locked(sh, slot);
    fold->older = 0;
    fold->key = 0;
    fold->levels = 0;
    fold->nemojis = 0;
    fold->on = 0;
    fold->cut = (uint16_t) ngx_min(ch->cut, 0xffff);

    lead->len = sizeof(ngx_chat_fold_t);

    if (p->type == NGX_CHAT_REC_EDIT) {
        return ngx_chat_change_edit_locked(p, rec, fold);
    }

    if (p->type == NGX_CHAT_REC_REACT) {
        return ngx_chat_change_react_locked(sh, slot, fold->react, p, lead);
    }

    return NGX_OK;
}


/* a message that is shown and was not deleted */

static ngx_int_t
ngx_chat_change_target_locked(ngx_chat_sh_t *sh, ngx_chat_slot_t *slot,
    uint64_t offset, ngx_chat_cursor_t *cur)
{
    ngx_chat_rec_t  *rec;

    if (offset < slot->first || offset > slot->head
        || ngx_chat_log_locate_locked(sh, slot, offset, cur) != NGX_OK)
    {
        return NGX_DECLINED;
    }

    rec = ngx_chat_log_rec(cur);

    return (rec->type == NGX_CHAT_REC_MESSAGE
            && !(rec->flags & NGX_CHAT_REC_DELETED))
           ? NGX_OK : NGX_DECLINED;
}


static ngx_int_t
ngx_chat_change_reply_locked(ngx_chat_sh_t *sh, ngx_chat_slot_t *slot,
    ngx_chat_publish_t *p, ngx_chat_rec_t *rec, ngx_chat_lead_t *lead)
{
    uint64_t            ordinal;
    ngx_chat_rec_t     *root;
    ngx_chat_cursor_t   cur;

    if (p->thread_life != slot->life
        || ngx_chat_change_target_locked(sh, slot, p->thread, &cur)
           != NGX_OK)
    {
        return NGX_DECLINED;
    }

    root = ngx_chat_log_rec(&cur);

    if (root->thread != 0) {
        return NGX_CHAT_NO_ROOT;
    }

    rec->target = root->target;
    ordinal = 0;

    if (root->target != 0
        && (ngx_chat_log_locate_locked(sh, slot, root->target, &cur) != NGX_OK
            || ngx_chat_log_rec(&cur)->lead != sizeof(uint64_t)
            || ngx_chat_log_copy_locked(sh, &cur, 0, (u_char *) &ordinal,
                                        sizeof(uint64_t))
               != NGX_OK))
    {
        return NGX_DECLINED;
    }

    lead->u.ordinal = ordinal + 1;
    lead->len = sizeof(uint64_t);

    return NGX_OK;
}


/* the newest message of the log; an event behind it tells */

static uint64_t
ngx_chat_change_newest_locked(ngx_chat_sh_t *sh, ngx_chat_slot_t *slot)
{
    ngx_chat_fold_t    fold;
    ngx_chat_cursor_t  cur;

    if (ngx_chat_log_locate_locked(sh, slot, slot->head, &cur) != NGX_OK
        || ngx_chat_change_fold_locked(sh, &cur, &fold) != NGX_OK)
    {
        return slot->head;
    }

    return fold.message;
}


static ngx_int_t
ngx_chat_change_edit_locked(ngx_chat_publish_t *p, ngx_chat_rec_t *rec,
    ngx_chat_fold_t *fold)
{
    if (fold->edits >= NGX_CHAT_EDITS_MAX) {
        return NGX_CHAT_MANY;
    }

    fold->edits++;
    fold->older = fold->edit;
    fold->edit = rec->offset;

    if (p->change->data) {
        fold->data = rec->offset;
    }

    return NGX_OK;
}


ngx_uint_t
ngx_chat_change_lost_locked(ngx_chat_slot_t *slot, ngx_chat_publish_t *p)
{
    if (p->change != NULL) {
        return p->change->target < slot->kept;
    }

    return p->thread_life != 0 && p->thread < slot->kept;
}


ngx_int_t
ngx_chat_change_fold_locked(ngx_chat_sh_t *sh, ngx_chat_cursor_t *cur,
    ngx_chat_fold_t *fold)
{
    if (!ngx_chat_change_is_event(ngx_chat_log_rec(cur))) {
        return NGX_ERROR;
    }

    return ngx_chat_log_copy_locked(sh, cur, 0, (u_char *) fold,
                                    sizeof(ngx_chat_fold_t));
}


void
ngx_chat_change_link_locked(ngx_chat_sh_t *sh, ngx_chat_slot_t *slot)
{
    uint64_t            offset;
    ngx_chat_rec_t     *rec;
    ngx_chat_fold_t     fold;
    ngx_chat_cursor_t   cur, to;

    if (slot->head < slot->kept
        || ngx_chat_log_locate_locked(sh, slot, slot->head, &cur) != NGX_OK)
    {
        return;
    }

    rec = ngx_chat_log_rec(&cur);

    if (rec->type == NGX_CHAT_REC_MESSAGE) {

        if (rec->thread >= slot->kept && rec->thread < slot->head
            && rec->lead == sizeof(uint64_t)
            && ngx_chat_log_locate_locked(sh, slot, rec->thread, &to)
               == NGX_OK)
        {
            ngx_chat_test_point("thread:unlinked");
            ngx_chat_store(&ngx_chat_log_rec(&to)->target, slot->head);
        }

        return;
    }

    offset = rec->target;

    if (offset < slot->kept || offset >= slot->head
        || ngx_chat_change_fold_locked(sh, &cur, &fold) != NGX_OK
        || ngx_chat_log_locate_locked(sh, slot, offset, &to) != NGX_OK)
    {
        return;
    }

    ngx_chat_test_point("change:unlinked");

    ngx_chat_store(&ngx_chat_log_rec(&to)->latest, slot->head);

    if (rec->type == NGX_CHAT_REC_DELETE) {
        ngx_chat_test_point("delete:begin");
        ngx_chat_change_erase_locked(sh, slot, &to, fold.cut);
        ngx_chat_test_point("delete:end");
    }
}


void
ngx_chat_change_repair_locked(ngx_chat_sh_t *sh, ngx_chat_slot_t *slot)
{
    /* no reader has taken anything for whole since it was made odd */

    if (slot->mutation & 1) {
        ngx_chat_store(&slot->mutation, slot->mutation + 1);
    }

    ngx_chat_change_link_locked(sh, slot);
}


/*
 * The message and all its edits.  Readers without the lock see that `mutation'
 * is odd, or another one than before, and copy again.
 */

static void
ngx_chat_change_erase_locked(ngx_chat_sh_t *sh, ngx_chat_slot_t *slot,
    ngx_chat_cursor_t *target, uint16_t cut)
{
    uint64_t            edit;
    ngx_uint_t          n;
    ngx_chat_rec_t     *rec;
    ngx_chat_fold_t     fold;
    ngx_chat_cursor_t   cur;

    ngx_chat_store_relaxed(&slot->mutation, slot->mutation + 1);
    ngx_chat_fence_release();

    ngx_chat_change_bury_locked(sh, target, cut);

    ngx_chat_test_point("delete:message");

    edit = 0;
    rec = ngx_chat_log_rec(target);

    if (ngx_chat_log_locate_locked(sh, slot, rec->latest, &cur) == NGX_OK
        && ngx_chat_change_fold_locked(sh, &cur, &fold) == NGX_OK)
    {
        edit = fold.edit;
    }

    for (n = 0; edit > target->offset && n < NGX_CHAT_EDITS_MAX; n++) {

        if (ngx_chat_log_locate_locked(sh, slot, edit, &cur) != NGX_OK
            || ngx_chat_change_fold_locked(sh, &cur, &fold) != NGX_OK)
        {
            break;
        }

        ngx_chat_change_bury_locked(sh, &cur, fold.cut);
        ngx_chat_test_point("delete:edit");

        edit = fold.older;
    }

    ngx_chat_store(&slot->mutation, slot->mutation + 1);
}


/* bytes first, the size last: doing it again writes the same */

static void
ngx_chat_change_bury_locked(ngx_chat_sh_t *sh, ngx_chat_cursor_t *cur,
    uint16_t cut)
{
    size_t           end, room;
    ngx_chat_rec_t  *rec;

    rec = ngx_chat_log_rec(cur);

    room = rec->space - rec->lead;
    end = cut + sizeof(NGX_CHAT_TOMBSTONE) - 1;

    if (end > room) {
        /* can't be: p->reserve is for it */
        return;
    }

    (void) ngx_chat_log_over_locked(sh, cur, rec->lead + cut,
                                    (u_char *) NGX_CHAT_TOMBSTONE,
                                    sizeof(NGX_CHAT_TOMBSTONE) - 1);

    ngx_chat_test_point("delete:mid");

    (void) ngx_chat_log_over_locked(sh, cur, rec->lead + end, NULL,
                                    room - end);

    rec->flags |= NGX_CHAT_REC_DELETED;
    rec->size = (uint32_t) end;
}


ngx_int_t
ngx_chat_change_folded(ngx_chat_zone_t *z, uint32_t idx, uint64_t life,
    ngx_chat_rec_t *rec, ngx_chat_folded_t *f)
{
    ngx_int_t           rc;
    ngx_chat_sh_t      *sh;
    ngx_chat_fold_t     fold;
    ngx_chat_slot_t    *slot;
    ngx_chat_cursor_t   cur;

    f->edit = 0;
    f->data = 0;
    f->replies = 0;
    f->nemojis = 0;

    sh = z->sh;
    rc = NGX_DECLINED;

    ngx_chat_shm_lock_read(z);

    slot = ngx_chat_slot_at(sh, idx, life);

    if (slot == NULL || rec->offset < slot->kept) {
        goto done;
    }

    if (rec->latest != 0
        && ngx_chat_log_locate_locked(sh, slot, rec->latest, &cur) == NGX_OK
        && ngx_chat_change_fold_locked(sh, &cur, &fold) == NGX_OK)
    {
        f->edit = fold.edit;
        f->data = fold.data;

        if (fold.react != 0
            && ngx_chat_log_locate_locked(sh, slot, fold.react, &cur)
               == NGX_OK)
        {
            f->nemojis = ngx_chat_change_emojis_locked(sh, &cur, f->emoji);
        }
    }

    if (rec->thread == 0 && rec->target != 0
        && ngx_chat_log_locate_locked(sh, slot, rec->target, &cur) == NGX_OK
        && ngx_chat_log_rec(&cur)->lead == sizeof(uint64_t))
    {
        (void) ngx_chat_log_copy_locked(sh, &cur, 0, (u_char *) &f->replies,
                                        sizeof(uint64_t));
    }

    rc = NGX_OK;

done:

    ngx_chat_shm_unlock(z);

    return rc;
}
