
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Where a publish goes and a room is found.  "local" is this host's shared
 * memory, "redis" is shared by hosts (ngx_chat_redis.h).
 *
 * What a broker can't answer at once it answers later: the caller gives it a
 * ngx_chat_wait_t, and is run again when that is done.
 */


#ifndef _NGX_CHAT_BROKER_H_INCLUDED_
#define _NGX_CHAT_BROKER_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat.h"
#include "ngx_chat_hub.h"
#include "ngx_chat_store.h"


typedef struct ngx_chat_wait_s  ngx_chat_wait_t;

struct ngx_chat_wait_s {
    /* runs from the event loop, never from inside the broker's call */
    void                  (*handler)(ngx_chat_wait_t *w);
    void                   *data;

    /* the outcome */
    ngx_chat_err_e          code;
    ngx_chat_publish_t      publish;     /* epoch, offset, ts, duplicate */
    ngx_chat_room_info_t    info;        /* of a page: epoch, first, head */
    u_char                 *records;     /* of a page: as the store reads */
    size_t                  size;

    /* the broker's */
    ngx_queue_t             queue;
    ngx_chat_wait_t       **ref;         /* cleared when this goes */
    unsigned                queued:1;

    /* an answer of ngx_chat_ask.h: the body is in `records' */
    unsigned                asked:1;
};


/* of a page: offsets before or after a cursor; neither: the newest */

typedef struct {
    ngx_chat_id_t           id;
    ngx_uint_t              limit;
    unsigned                before:1;
    unsigned                after:1;
    unsigned                broken:1;    /* the cursor is of another life */
} ngx_chat_want_t;


typedef struct {
    ngx_str_t    name;

    /*
     * The return codes are those of ngx_chat_log_publish(), and NGX_DONE: the
     * answer comes with `w', which the local broker never uses.
     */
    ngx_int_t  (*publish)(ngx_chat_zone_t *z, ngx_chat_publish_t *p,
                          ngx_chat_wait_t *w);

    /* NGX_OK: publishes and reads will work; NGX_DECLINED: not now */
    ngx_int_t  (*ready)(ngx_chat_zone_t *z);

    /* the rest is NULL for a broker whose rooms are always here */

    /* slots of a cluster whose rooms can't be published to or read now */
    ngx_uint_t (*unserved)(ngx_chat_zone_t *z);

    /*
     * Has the room's window here brought up to date.  `after' is a cursor that
     * it should know (NULL: none); `again': this was waited for before.
     * NGX_OK: it is; NGX_AGAIN: not yet, wait; NGX_DECLINED: not now
     */
    ngx_int_t  (*prepare)(ngx_chat_zone_t *z, ngx_chat_room_key_t *key,
                          ngx_chat_id_t *after, ngx_uint_t again);
    /* after NGX_AGAIN; NGX_OK or NGX_ERROR */
    ngx_int_t  (*wait)(ngx_chat_zone_t *z, ngx_chat_room_key_t *key,
                       ngx_chat_wait_t *w);

    /* NGX_OK: the window here has it all; NGX_DONE: it comes with `w';
       NGX_DECLINED: not now */
    ngx_int_t  (*page)(ngx_chat_zone_t *z, ngx_chat_room_key_t *key,
                       ngx_chat_want_t *want, ngx_chat_wait_t *w);

    /* has an object that is kept nowhere shown on other hosts, perhaps; not to
       the session `from' (NULL: to all) */
    void       (*transient)(ngx_chat_zone_t *z, ngx_chat_room_key_t *key,
                            ngx_str_t *object, u_char *from);

    /* the table (ngx_chat_table.h) has changed here, perhaps */
    void       (*changed)(ngx_chat_zone_t *z);

    /* a worker begins, ticks once a second, is told to quit, ends */
    ngx_int_t  (*start)(ngx_chat_zone_t *z, ngx_cycle_t *cycle);
    void       (*tick)(ngx_chat_zone_t *z);
    void       (*drain)(ngx_chat_zone_t *z);
    void       (*stop)(ngx_chat_zone_t *z);
} ngx_chat_broker_t;


extern const ngx_chat_broker_t  ngx_chat_broker_local;

/* the zone's */
const ngx_chat_broker_t *ngx_chat_broker(ngx_chat_zone_t *z);

/* the table has changed: other hosts, if there are any, are to know at once;
   where sessions here have to, ngx_chat_control_changed() says so, too */
void ngx_chat_broker_changed(ngx_chat_zone_t *z);

/* NULL: no memory */
ngx_chat_wait_t *ngx_chat_wait_create(void (*handler)(ngx_chat_wait_t *w),
    void *data, ngx_log_t *log);
/* whether it is done or not: nothing comes of it then.  NULL is ignored. */
void ngx_chat_wait_free(ngx_chat_wait_t *w);


#endif /* _NGX_CHAT_BROKER_H_INCLUDED_ */
