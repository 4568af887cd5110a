
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Presence in a worker: how many sessions a user has here, who is told of
 * changes, and the timer that has deadlines and versions looked at.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include "ngx_chat_bus.h"
#include "ngx_chat_hub_private.h"
#include "ngx_chat_transient.h"


#define NGX_CHAT_HUB_PRESENCE_TIMER  250

/* of the arena, for the form in each format */
#define NGX_CHAT_HUB_PRESENCE_FRAME  (NGX_CHAT_HUB_PRESENCE + 64 * 1024)

#if (NGX_CHAT_HUB_PRESENCE_FRAME * 3 > NGX_CHAT_HUB_ARENA)
#error "diffs of presence don't fit into the hub's arena"
#endif


static ngx_chat_hub_present_t *ngx_chat_hub_present(ngx_chat_hub_room_t *room,
    uint32_t ref);
static void ngx_chat_hub_presence_place(ngx_chat_hub_room_t *room,
    ngx_chat_presence_t *p);
static void ngx_chat_hub_presence_wake(ngx_chat_mask_t *wake);
static void ngx_chat_hub_presence_handler(ngx_event_t *ev);
static void ngx_chat_hub_presence_timer(void);


void
ngx_chat_hub_presence_init(void)
{
    ngx_event_t  *ev;

    ngx_queue_init(&ngx_chat_hub.watched);
    ngx_queue_init(&ngx_chat_hub.changed);

    ev = &ngx_chat_hub.presence;
    ev->handler = ngx_chat_hub_presence_handler;
    ev->data = ngx_chat_bus_connection();
    ev->log = ngx_chat_hub.log;
    ev->cancelable = 1;
}


void
ngx_chat_hub_presence_exit(void)
{
    ngx_uint_t  i;

    if (ngx_chat_hub.presence.timer_set) {
        ngx_del_timer(&ngx_chat_hub.presence);
    }

    for (i = 0; i < ngx_chat_hub.nzones; i++) {
        if (ngx_chat_hub.zones[i].present != NULL) {
            ngx_free(ngx_chat_hub.zones[i].present);
        }
    }
}


/*
 * Pages that no entry touches cost nothing.  NULL: no memory; then the user
 * stays until this worker ends.
 */

static ngx_chat_hub_present_t *
ngx_chat_hub_present(ngx_chat_hub_room_t *room, uint32_t ref)
{
    size_t                n;
    ngx_chat_hub_zone_t  *hz;

    hz = ngx_chat_hub_zone(room->zone);
    n = ngx_chat_presence_size(hz->zone, NULL);

    if (ref == 0 || ref > n) {
        return NULL;
    }

    if (hz->present == NULL) {
        hz->present = ngx_calloc(n * sizeof(ngx_chat_hub_present_t),
                                 ngx_chat_hub.log);
        if (hz->present == NULL) {
            return NULL;
        }
    }

    return &hz->present[ref - 1];
}


static void
ngx_chat_hub_presence_place(ngx_chat_hub_room_t *room, ngx_chat_presence_t *p)
{
    p->idx = room->idx;
    p->life = room->life;
    p->seat = ngx_chat_bus_seat();
    p->now = (uint64_t) ngx_current_msec;
}


uint32_t
ngx_chat_hub_enter(ngx_chat_hub_room_t *room, ngx_chat_presence_t *p,
    ngx_chat_presence_user_t *user)
{
    uint32_t                 ref;
    ngx_chat_hub_present_t  *here;

    ngx_chat_hub_presence_place(room, p);

    ref = ngx_chat_presence_enter(room->zone, p, user);

    if (p->full) {
        ngx_log_error(NGX_LOG_ERR, ngx_chat_hub.log, 0,
                      "chat zone \"%V\" has no place for more members of "
                      "rooms, they are counted but not listed: write a larger "
                      "size", &room->zone->name);
    }

    here = ngx_chat_hub_present(room, ref);

    if (here != NULL) {

        /* what it had in another life of the room was forgotten there */

        if (here->life != room->life) {
            here->life = room->life;
            here->n = 0;
        }

        here->n++;
    }

    ngx_chat_hub_presence_wake(&p->wake);

    return ref;
}


void
ngx_chat_hub_leave(ngx_chat_hub_room_t *room, ngx_chat_presence_t *p,
    uint32_t ref, ngx_uint_t at_once)
{
    ngx_chat_hub_present_t  *here;

    if (ref == 0 || room->lost) {
        return;
    }

    if (ref != NGX_CHAT_PRESENCE_UNLISTED) {

        here = ngx_chat_hub_present(room, ref);

        if (here == NULL || here->life != room->life || here->n == 0
            || --here->n > 0)
        {
            return;
        }
    }

    ngx_chat_hub_presence_place(room, p);
    ngx_chat_presence_leave(room->zone, p, ref, at_once);
    ngx_chat_hub_presence_wake(&p->wake);
}


void
ngx_chat_hub_look(ngx_chat_hub_room_t *room, ngx_chat_presence_t *p)
{
    ngx_chat_hub_presence_place(room, p);
    ngx_chat_presence_look(room->zone, p);
}


static void
ngx_chat_hub_presence_wake(ngx_chat_mask_t *wake)
{
    ngx_chat_bus_wake(wake);
    ngx_chat_hub_transients();
    ngx_chat_hub_presence_timer();
}


void
ngx_chat_hub_watch(ngx_chat_sub_t *sub, uint64_t v)
{
    ngx_chat_hub_room_t  *room;

    room = sub->room;

    if (sub->watch) {
        return;
    }

    sub->watch = 1;
    sub->told = (uint32_t) v;

    if (room->nwatch++ == 0) {
        room->told = v;
        ngx_queue_insert_tail(&ngx_chat_hub.watched, &room->watched);
    }

    ngx_chat_presence_watch(room->zone, room->idx, room->life,
                            ngx_chat_bus_seat(), room->nwatch);

    if (ngx_chat_presence_version(room->zone, room->idx, room->life)
        != room->told)
    {
        /* before it was said that somebody watches, perhaps */
        ngx_chat_hub_presence_mark(room);
    }
}


void
ngx_chat_hub_unwatch(ngx_chat_sub_t *sub)
{
    ngx_chat_hub_room_t  *room;

    room = sub->room;

    if (!sub->watch) {
        return;
    }

    sub->watch = 0;

    if (--room->nwatch == 0) {
        ngx_queue_remove(&room->watched);
    }

    ngx_chat_presence_watch(room->zone, room->idx, room->life,
                            ngx_chat_bus_seat(), room->nwatch);
}


void
ngx_chat_hub_presence_forget(ngx_chat_hub_room_t *room)
{
    if (room->is_changed) {
        room->is_changed = 0;
        ngx_queue_remove(&room->changed);
    }
}


void
ngx_chat_hub_presence_mark(ngx_chat_hub_room_t *room)
{
    if (!room->is_changed && !room->lost && room->nwatch > 0) {
        room->is_changed = 1;
        ngx_queue_insert_tail(&ngx_chat_hub.changed, &room->changed);
        ngx_chat_hub_schedule();
    }
}


void
ngx_chat_hub_presence_load(void)
{
    ngx_queue_t          *q;
    ngx_chat_hub_room_t  *room;

    while (!ngx_queue_empty(&ngx_chat_hub.changed)) {
        q = ngx_queue_head(&ngx_chat_hub.changed);
        room = ngx_queue_data(q, ngx_chat_hub_room_t, changed);

        room->is_changed = 0;
        ngx_queue_remove(q);

        if (!room->lost && room->nwatch > 0) {
            ngx_chat_hub.readers->presence(room);
        }
    }
}


void
ngx_chat_hub_presence_give(ngx_chat_hub_room_t *room, ngx_str_t *object,
    uint64_t v)
{
    u_char                     none[NGX_CHAT_TRANSIENT_FROM];
    ngx_chat_hub_transient_t   t;

    room->told = v;

    if (object->len > NGX_CHAT_HUB_PRESENCE) {
        return;
    }

    ngx_memzero(&t, sizeof(ngx_chat_hub_transient_t));
    ngx_memzero(none, sizeof(none));

    t.object = *object;
    t.from = none;
    t.scratch = ngx_chat_hub.arena;
    t.step = NGX_CHAT_HUB_PRESENCE_FRAME;
    t.version = v;

    ngx_chat_hub_transient_queue(&room->live, &t);
    ngx_chat_hub_transient_queue(&room->behind, &t);
}


/* what a death has left to be done, and what nobody was woken for */

void
ngx_chat_hub_presence_tick(void)
{
    ngx_queue_t          *q;
    ngx_chat_hub_room_t  *room;

    ngx_chat_hub_presence_timer();

    for (q = ngx_queue_head(&ngx_chat_hub.watched);
         q != ngx_queue_sentinel(&ngx_chat_hub.watched);
         q = ngx_queue_next(q))
    {
        room = ngx_queue_data(q, ngx_chat_hub_room_t, watched);

        if (ngx_chat_presence_version(room->zone, room->idx, room->life)
            != room->told)
        {
            ngx_chat_hub_presence_mark(room);
        }
    }
}


static void
ngx_chat_hub_presence_timer(void)
{
    ngx_uint_t  i;

    if (ngx_chat_hub.presence.timer_set) {
        return;
    }

    for (i = 0; i < ngx_chat_hub.nzones; i++) {
        if (ngx_chat_presence_busy(ngx_chat_hub.zones[i].zone)) {
            ngx_add_timer(&ngx_chat_hub.presence,
                          NGX_CHAT_HUB_PRESENCE_TIMER);
            return;
        }
    }
}


static void
ngx_chat_hub_presence_handler(ngx_event_t *ev)
{
    ngx_uint_t       i;
    ngx_chat_mask_t  wake;

    ngx_memzero(&wake, sizeof(ngx_chat_mask_t));

    for (i = 0; i < ngx_chat_hub.nzones; i++) {
        ngx_chat_presence_run(ngx_chat_hub.zones[i].zone, ngx_chat_bus_seat(),
                              (uint64_t) ngx_current_msec, &wake);
    }

    ngx_chat_hub_presence_wake(&wake);
}
