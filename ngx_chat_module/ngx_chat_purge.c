
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * A room is gone through from its newest message on backwards, until one is too
 * old; rooms by their slots.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include "ngx_chat_change.h"
#include "ngx_chat_purge.h"
#include "ngx_chat_test.h"
#include "ngx_chat_worker.h"


/* ms until the other workers know of the ban: what they were just about to
   publish is found, too */
#define NGX_CHAT_PURGE_DELAY    20
/* messages looked at, deleted, and empty slots passed in one turn */
#define NGX_CHAT_PURGE_LOOKS    256
#define NGX_CHAT_PURGE_DELETES  32
#define NGX_CHAT_PURGE_SLOTS    256
#define NGX_CHAT_PURGE_LIST     16


typedef struct {
    ngx_queue_t            queue;
    ngx_event_t            event;
    ngx_chat_zone_t       *zone;

    /* their strings are in the memory behind this */
    ngx_chat_user_t        by;
    ngx_str_t              user;
    ngx_str_t              only;     /* the one room; len 0: all */
    ngx_str_t              reason;
    uint64_t               since;    /* ms */

    uint32_t               slot;     /* the next one */
    ngx_chat_room_key_t    key;      /* the room that it is in */
    ngx_chat_room_info_t   info;
    uint64_t               from;     /* its messages up to there; 0: none */

    ngx_uint_t             failed;   /* deletes that found no place */
    u_char                 name[NGX_CHAT_ROOM_MAX];
} ngx_chat_purge_t;


typedef struct {
    ngx_uint_t             looks;
    ngx_uint_t             deletes;
    ngx_uint_t             slots;
} ngx_chat_purge_left_t;


static void ngx_chat_purge_copy(ngx_str_t *dst, u_char **p, ngx_str_t *src);
static void ngx_chat_purge_handler(ngx_event_t *ev);
static ngx_int_t ngx_chat_purge_turn(ngx_chat_purge_t *pg);
static ngx_int_t ngx_chat_purge_room(ngx_chat_purge_t *pg,
    ngx_chat_purge_left_t *left);
static ngx_int_t ngx_chat_purge_messages(ngx_chat_purge_t *pg,
    ngx_chat_purge_left_t *left);
static ngx_int_t ngx_chat_purge_message(ngx_chat_purge_t *pg,
    uint64_t offset, ngx_chat_purge_left_t *left);
static ngx_int_t ngx_chat_purge_delete(ngx_chat_purge_t *pg, uint64_t offset,
    size_t cut);
static void ngx_chat_purge_end(ngx_chat_purge_t *pg, ngx_uint_t aborted);


static ngx_queue_t  ngx_chat_purges;
static ngx_uint_t   ngx_chat_npurges;


ngx_uint_t
ngx_chat_purge_busy(void)
{
    return ngx_chat_npurges >= NGX_CHAT_PURGES_MAX;
}


void
ngx_chat_purge_start(ngx_chat_caller_t *c, ngx_chat_cmd_t *cmd)
{
    u_char            *p;
    uint64_t           now;
    ngx_chat_purge_t  *pg;

    pg = ngx_calloc(sizeof(ngx_chat_purge_t) + c->user->id.len
                    + c->user->name.len + cmd->moder.user.len + cmd->room.len
                    + cmd->moder.reason.len, ngx_cycle->log);
    if (pg == NULL) {
        return;
    }

    p = (u_char *) &pg[1];

    ngx_chat_purge_copy(&pg->by.id, &p, &c->user->id);
    ngx_chat_purge_copy(&pg->by.name, &p, &c->user->name);
    ngx_chat_purge_copy(&pg->user, &p, &cmd->moder.user);
    ngx_chat_purge_copy(&pg->only, &p, &cmd->room);
    ngx_chat_purge_copy(&pg->reason, &p, &cmd->moder.reason);

    pg->by.guest = c->user->guest;

    now = ngx_chat_worker_now();
    pg->since = (now > cmd->moder.purge_ms) ? now - cmd->moder.purge_ms : 0;

    pg->zone = c->conf->zone;
    pg->key.name.data = pg->name;

    pg->event.handler = ngx_chat_purge_handler;
    pg->event.data = pg;
    pg->event.log = ngx_cycle->log;

    if (ngx_chat_npurges++ == 0) {
        ngx_queue_init(&ngx_chat_purges);
    }

    ngx_queue_insert_tail(&ngx_chat_purges, &pg->queue);

    /* a worker that is told to quit waits for its timers */
    ngx_add_timer(&pg->event, NGX_CHAT_PURGE_DELAY);
}


static void
ngx_chat_purge_copy(ngx_str_t *dst, u_char **p, ngx_str_t *src)
{
    dst->data = *p;
    dst->len = src->len;

    *p = ngx_cpymem(*p, src->data, src->len);
}


void
ngx_chat_purge_exit(void)
{
    ngx_queue_t  *q, *next;

    if (ngx_chat_npurges == 0) {
        return;
    }

    for (q = ngx_queue_head(&ngx_chat_purges);
         q != ngx_queue_sentinel(&ngx_chat_purges);
         q = next)
    {
        next = ngx_queue_next(q);

        ngx_chat_purge_end(ngx_queue_data(q, ngx_chat_purge_t, queue), 1);
    }
}


static void
ngx_chat_purge_handler(ngx_event_t *ev)
{
    ngx_int_t          rc;
    ngx_chat_purge_t  *pg;

    pg = ev->data;

    rc = ngx_chat_purge_turn(pg);

    ngx_chat_test_point("purge:turn");

    if (rc == NGX_AGAIN) {
        ngx_add_timer(ev, 1);
        return;
    }

    ngx_chat_purge_end(pg, rc == NGX_ABORT);
}


/* NGX_AGAIN: there is more; NGX_OK: it is done; NGX_ABORT: it can't be */

static ngx_int_t
ngx_chat_purge_turn(ngx_chat_purge_t *pg)
{
    ngx_int_t              rc;
    ngx_chat_purge_left_t  left;

    left.looks = NGX_CHAT_PURGE_LOOKS;
    left.deletes = NGX_CHAT_PURGE_DELETES;
    left.slots = NGX_CHAT_PURGE_SLOTS;

    for ( ;; ) {

        if (pg->from == 0) {
            rc = ngx_chat_purge_room(pg, &left);

        } else {
            rc = ngx_chat_purge_messages(pg, &left);
        }

        if (rc != NGX_DECLINED) {
            return (rc == NGX_DONE) ? NGX_OK : rc;
        }
    }
}


/* on to the next room: NGX_DECLINED, and pg->from; NGX_DONE: there is none */

static ngx_int_t
ngx_chat_purge_room(ngx_chat_purge_t *pg, ngx_chat_purge_left_t *left)
{
    ngx_int_t  rc;

    if (pg->only.len > 0) {

        if (pg->slot++ > 0) {
            return NGX_DONE;
        }

        pg->key.kind = NGX_CHAT_ROOM_CHAT;
        pg->key.name = pg->only;

        rc = ngx_chat_room_find(pg->zone, &pg->key,
                                ngx_chat_zone_rule(pg->zone, &pg->only),
                                &pg->info);

        pg->from = (rc == NGX_OK) ? pg->info.head : 0;

        return NGX_DECLINED;
    }

    if (left->slots-- == 0) {
        left->slots = 0;
        return NGX_AGAIN;
    }

    rc = ngx_chat_room_at(pg->zone, pg->slot, &pg->key, &pg->info);

    if (rc == NGX_DONE) {
        return NGX_DONE;
    }

    pg->slot++;

    if (rc == NGX_OK && pg->key.kind == NGX_CHAT_ROOM_CHAT) {
        pg->from = pg->info.head;
    }

    return NGX_DECLINED;
}


/* NGX_DECLINED: so far so good, or this room is done and pg->from is 0 */

static ngx_int_t
ngx_chat_purge_messages(ngx_chat_purge_t *pg, ngx_chat_purge_left_t *left)
{
    uint64_t    offset[NGX_CHAT_PURGE_LIST];
    ngx_int_t   rc;
    ngx_uint_t  i, n;

    n = ngx_chat_change_before(pg->zone, pg->info.idx, pg->info.life,
                               pg->from, NGX_CHAT_PURGE_LIST, offset);

    for (i = 0; i < n; i++) {

        if (left->looks == 0 || left->deletes == 0) {
            pg->from = offset[i];
            return NGX_AGAIN;
        }

        left->looks--;

        rc = ngx_chat_purge_message(pg, offset[i], left);

        if (rc == NGX_DONE) {
            pg->from = 0;
            return NGX_DECLINED;
        }

        if (rc != NGX_OK) {
            return rc;
        }
    }

    pg->from = (n == NGX_CHAT_PURGE_LIST) ? offset[n - 1] - 1 : 0;

    return NGX_DECLINED;
}


/* NGX_OK; NGX_DONE: it is too old, or gone, and so are those before it;
   NGX_ABORT */

static ngx_int_t
ngx_chat_purge_message(ngx_chat_purge_t *pg, uint64_t offset,
    ngx_chat_purge_left_t *left)
{
    size_t           cut;
    u_char          *buf;
    ngx_str_t        author;
    ngx_chat_pos_t   pos;
    ngx_chat_rec_t  *rec;

    if (ngx_chat_log_seek(pg->zone, pg->info.idx, pg->info.life, offset, &pos)
        != NGX_OK
        || ngx_chat_worker_read(pg->zone, &pos, offset, NGX_CHAT_HISTORY_READ,
                                &buf)
           <= 0)
    {
        return NGX_DONE;
    }

    rec = (ngx_chat_rec_t *) buf;

    if (rec->ts < pg->since) {
        return NGX_DONE;
    }

    cut = ngx_chat_dispatch_author(rec, &author);

    if (cut == 0 || author.len != pg->user.len
        || ngx_memcmp(author.data, pg->user.data, author.len) != 0)
    {
        return NGX_OK;
    }

    left->deletes--;

    return ngx_chat_purge_delete(pg, offset, cut);
}


static ngx_int_t
ngx_chat_purge_delete(ngx_chat_purge_t *pg, uint64_t offset, size_t cut)
{
    size_t              cut1, cut2, keep;
    ngx_int_t           rc;
    ngx_chat_cmd_t      cmd;
    ngx_chat_text_t    *t;
    ngx_chat_change_t   change;
    ngx_chat_publish_t  p;

    ngx_memzero(&cmd, sizeof(ngx_chat_cmd_t));
    ngx_memzero(&change, sizeof(ngx_chat_change_t));
    ngx_memzero(&p, sizeof(ngx_chat_publish_t));

    cmd.type = NGX_CHAT_CMD_DELETE;
    ngx_str_set(&cmd.type_name, "delete");
    cmd.room = pg->key.name;
    cmd.reason = pg->reason;
    ngx_memcpy(cmd.target.id.epoch, pg->info.epoch, NGX_CHAT_EPOCH_LEN);
    cmd.target.id.offset = offset;

    t = ngx_chat_worker_text();

    ngx_chat_event_change(t, &cmd, &pg->by, &cut1, &cut2, &keep);

    if (t->failed) {
        return NGX_ABORT;
    }

    change.target = offset;
    change.life = pg->info.life;
    change.cut = cut;

    p.key = pg->key;
    p.rule = ngx_chat_zone_rule(pg->zone, &p.key.name);
    p.type = NGX_CHAT_REC_DELETE;
    p.change = &change;
    p.sender = ngx_chat_hash64(0, pg->by.id.data, pg->by.id.len);
    p.user = p.sender;
    p.ts = ngx_chat_worker_now();
    ngx_chat_dispatch_pieces(&p, t, cut1, cut2);

    rc = ngx_chat_broker_local.publish(pg->zone, &p, NULL);

    if (rc == NGX_AGAIN) {
        /* the zone is left for one of another size */
        return NGX_ABORT;
    }

    if (rc == NGX_BUSY || rc == NGX_ERROR) {
        pg->failed++;
    }

    return NGX_OK;
}


static void
ngx_chat_purge_end(ngx_chat_purge_t *pg, ngx_uint_t aborted)
{
    if (aborted) {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "deleting the messages of a banned user in chat has "
                      "ended early, ban with \"purge_ms\" again");

    } else if (pg->failed > 0) {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "%ui messages of a banned user in chat could not be "
                      "deleted, there is no place for it", pg->failed);
    }

    if (pg->event.timer_set) {
        ngx_del_timer(&pg->event);
    }

    ngx_queue_remove(&pg->queue);
    ngx_chat_npurges--;

    ngx_free(pg);
}
