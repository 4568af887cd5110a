
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * The hub of a worker and its turn: which rooms are read, and whose turn it is
 * to write.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include "ngx_chat_hub_private.h"
#include "ngx_chat_bus.h"
#include "ngx_chat_transient.h"


#define NGX_CHAT_HUB_RING  256


static void ngx_chat_hub_wake_zone(ngx_chat_hub_zone_t *hz, ngx_uint_t seat,
    ngx_uint_t scan_all);
static void ngx_chat_hub_turn(ngx_event_t *ev);
static void ngx_chat_hub_load_rooms(void);


ngx_chat_hub_t  ngx_chat_hub;


ngx_int_t
ngx_chat_hub_init(ngx_cycle_t *cycle, ngx_array_t *zones,
    const ngx_chat_reader_handlers_t *readers)
{
    ngx_uint_t             i;
    ngx_chat_hub_t        *hub;
    ngx_chat_zone_t      **z;
    ngx_chat_hub_zone_t   *hz;
    ngx_chat_zone_stat_t   st;

    hub = &ngx_chat_hub;

    ngx_memzero(hub, sizeof(ngx_chat_hub_t));

    hub->log = cycle->log;
    hub->readers = readers;

    ngx_queue_init(&hub->dirty);
    ngx_queue_init(&hub->loaded);
    ngx_queue_init(&hub->flush);

    ngx_chat_hub_presence_init();

    hub->zones = ngx_pcalloc(cycle->pool,
                             zones->nelts * sizeof(ngx_chat_hub_zone_t));
    if (hub->zones == NULL) {
        return NGX_ERROR;
    }

    z = zones->elts;

    for (i = 0; i < zones->nelts; i++) {
        ngx_chat_zone_stat(z[i], &st);

        hz = &hub->zones[i];
        hz->zone = z[i];
        hz->nslots = st.rooms_max;
        hz->transient = ngx_chat_transient_head(z[i]);

        /* pages that no room touches cost nothing */

        hz->rooms = ngx_calloc(hz->nslots * sizeof(ngx_chat_hub_room_t *),
                               cycle->log);
        if (hz->rooms == NULL) {
            return NGX_ERROR;
        }
    }

    hub->nzones = zones->nelts;

    hub->arena = ngx_alloc(NGX_CHAT_HUB_ARENA, cycle->log);
    hub->ends = ngx_alloc(NGX_CHAT_HUB_RECORDS * NGX_CHAT_WIRE_SHARED
                          * sizeof(uint32_t), cycle->log);

    if (hub->arena == NULL || hub->ends == NULL) {
        return NGX_ERROR;
    }

    hub->arena_pos = hub->arena;
    hub->ends_pos = hub->ends;

    hub->turn.handler = ngx_chat_hub_turn;
    hub->turn.data = ngx_chat_bus_connection();
    hub->turn.log = cycle->log;

    return NGX_OK;
}


void
ngx_chat_hub_exit(void)
{
    ngx_uint_t       i;
    ngx_chat_hub_t  *hub;

    hub = &ngx_chat_hub;

    if (hub->turn.posted) {
        ngx_delete_posted_event(&hub->turn);
    }

    ngx_chat_hub_presence_exit();

    for (i = 0; i < hub->nzones; i++) {
        ngx_free(hub->zones[i].rooms);
    }

    if (hub->arena != NULL) {
        ngx_free(hub->arena);
    }

    if (hub->ends != NULL) {
        ngx_free(hub->ends);
    }

    ngx_memzero(hub, sizeof(ngx_chat_hub_t));
}


void
ngx_chat_hub_post(ngx_chat_reader_t *rd)
{
    if (!rd->queued) {
        rd->queued = 1;
        ngx_queue_insert_tail(&ngx_chat_hub.flush, &rd->flush);
        ngx_chat_hub_schedule();
    }
}


void
ngx_chat_hub_unpost(ngx_chat_reader_t *rd)
{
    if (rd->queued) {
        rd->queued = 0;
        ngx_queue_remove(&rd->flush);
    }
}


void
ngx_chat_hub_published(ngx_chat_zone_t *z, uint32_t idx)
{
    ngx_chat_hub_zone_t  *hz;

    hz = ngx_chat_hub_zone(z);

    if (idx < hz->nslots && hz->rooms[idx] != NULL) {
        ngx_chat_hub_mark(hz->rooms[idx]);
    }
}


void
ngx_chat_hub_mark(ngx_chat_hub_room_t *room)
{
    if (!room->is_dirty) {
        room->is_dirty = 1;
        ngx_queue_insert_tail(&ngx_chat_hub.dirty, &room->dirty);
        ngx_chat_hub_schedule();
    }
}


/*
 * The next posted events run after one more look at the sockets, so everything
 * that clients have sent by then shares the turn: one write(2) a socket.
 */

void
ngx_chat_hub_schedule(void)
{
    if (!ngx_chat_hub.turn.posted) {
        ngx_post_event(&ngx_chat_hub.turn, &ngx_posted_next_events);
    }
}


void
ngx_chat_hub_wake(ngx_uint_t scan_all)
{
    ngx_uint_t  i, seat;

    seat = ngx_chat_bus_seat();

    if (seat == NGX_CHAT_NO_SEAT) {
        return;
    }

    for (i = 0; i < ngx_chat_hub.nzones; i++) {
        ngx_chat_hub_wake_zone(&ngx_chat_hub.zones[i], seat, scan_all);
    }

    ngx_chat_hub_transients();
}


/*
 * A repaired zone (a torn ring) may have given a room a new life; otherwise
 * comparing heads is enough, and takes no lock.
 */

static void
ngx_chat_hub_wake_zone(ngx_chat_hub_zone_t *hz, ngx_uint_t seat,
    ngx_uint_t scan_all)
{
    uint32_t               idx[NGX_CHAT_HUB_RING];
    ngx_uint_t             i, n, all, torn;
    ngx_chat_hub_room_t   *room;
    ngx_chat_room_info_t   info;

    torn = 0;

    do {
        all = 0;
        n = ngx_chat_ring_take(hz->zone, seat, idx, NGX_CHAT_HUB_RING, &all);

        for (i = 0; i < n; i++) {
            if (idx[i] < hz->nslots && hz->rooms[idx[i]] != NULL) {
                ngx_chat_hub_mark(hz->rooms[idx[i]]);
            }
        }

        torn |= all;

    } while (n == NGX_CHAT_HUB_RING);

    if (!(scan_all || torn) || ngx_chat_hub.nrooms == 0) {
        return;
    }

    for (i = 0; i < hz->nslots; i++) {
        room = hz->rooms[i];

        if (room == NULL) {
            continue;
        }

        if (torn && ngx_chat_room_info(hz->zone, room->idx, room->life, &info)
                    != NGX_OK)
        {
            ngx_chat_hub_lose(room);
            continue;
        }

        if (ngx_chat_room_head(hz->zone, room->idx) != room->head) {
            ngx_chat_hub_mark(room);
        }
    }
}


static void
ngx_chat_hub_turn(ngx_event_t *ev)
{
    ngx_queue_t        *q, turn;
    ngx_chat_hub_t     *hub;
    ngx_chat_reader_t  *rd;

    hub = &ngx_chat_hub;

    ngx_chat_hub_transients_load();
    ngx_chat_hub_load_rooms();

    /* a reader that is posted again by its handler waits for the next turn */

    ngx_queue_init(&turn);

    if (!ngx_queue_empty(&hub->flush)) {
        ngx_queue_add(&turn, &hub->flush);
        ngx_queue_init(&hub->flush);
    }

    while (!ngx_queue_empty(&turn)) {
        q = ngx_queue_head(&turn);
        rd = ngx_queue_data(q, ngx_chat_reader_t, flush);

        ngx_queue_remove(q);
        rd->queued = 0;

        hub->readers->write(rd);
    }

    ngx_chat_hub_unload();

    if (!ngx_queue_empty(&hub->dirty) || !ngx_queue_empty(&hub->flush)) {
        ngx_chat_hub_schedule();
    }
}


static void
ngx_chat_hub_load_rooms(void)
{
    ngx_queue_t          *q;
    ngx_chat_hub_t       *hub;
    ngx_chat_hub_room_t  *room;

    hub = &ngx_chat_hub;

    while (!ngx_queue_empty(&hub->dirty)) {
        q = ngx_queue_head(&hub->dirty);
        room = ngx_queue_data(q, ngx_chat_hub_room_t, dirty);

        if (ngx_chat_hub_load(room) == NGX_AGAIN) {
            /* the arena is full: the rest is for the next turn */
            return;
        }
    }
}
