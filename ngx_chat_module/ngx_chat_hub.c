
/*
 * Copyright (C) the ngx_chat_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include "ngx_chat_hub.h"
#include "ngx_chat_bus.h"


/*
 * What a turn reads.  A room gets at most NGX_CHAT_HUB_ROOM of the arena, so
 * that one flooded room doesn't keep the others waiting; a single record may
 * be as large as the arena.
 */

#define NGX_CHAT_HUB_ARENA     (1024 * 1024 + 4096)
#define NGX_CHAT_HUB_ROOM      (256 * 1024)
#define NGX_CHAT_HUB_RECORDS   (NGX_CHAT_HUB_ARENA / sizeof(ngx_chat_rec_t))
#define NGX_CHAT_HUB_RING      256


typedef struct {
    ngx_chat_zone_t        *zone;
    ngx_chat_hub_room_t   **rooms;           /* by slot */
    ngx_uint_t              nslots;
} ngx_chat_hub_zone_t;


typedef struct {
    ngx_chat_hub_zone_t    *zones;
    ngx_uint_t              nzones;
    ngx_uint_t              nrooms;

    ngx_queue_t             dirty;           /* rooms to be read */
    ngx_queue_t             loaded;          /* rooms read in this turn */
    ngx_queue_t             flush;           /* readers to be served */

    u_char                 *arena;
    u_char                 *arena_pos;
    uint32_t               *ends;
    uint32_t               *ends_pos;

    ngx_event_t             turn;
    ngx_log_t              *log;
} ngx_chat_hub_t;


static ngx_chat_hub_zone_t *ngx_chat_hub_zone(ngx_chat_zone_t *z);
static void ngx_chat_hub_mark(ngx_chat_hub_room_t *room);
static void ngx_chat_hub_schedule(void);
static void ngx_chat_hub_turn(ngx_event_t *ev);
static void ngx_chat_hub_load_rooms(void);
static ngx_int_t ngx_chat_hub_load(ngx_chat_hub_room_t *room);
static void ngx_chat_hub_lagged(ngx_chat_hub_room_t *room);
static void ngx_chat_hub_lose(ngx_chat_hub_room_t *room);
static void ngx_chat_hub_offer(ngx_chat_hub_room_t *room);
static void ngx_chat_hub_unload(void);
static void ngx_chat_hub_wake_zone(ngx_chat_hub_zone_t *hz, ngx_uint_t seat,
    ngx_uint_t scan_all);


static ngx_chat_hub_t  ngx_chat_hub;


ngx_int_t
ngx_chat_hub_init(ngx_cycle_t *cycle, ngx_array_t *zones)
{
    ngx_uint_t             i;
    ngx_chat_hub_t        *hub;
    ngx_chat_zone_t      **z;
    ngx_chat_hub_zone_t   *hz;
    ngx_chat_zone_stat_t   st;

    hub = &ngx_chat_hub;

    ngx_memzero(hub, sizeof(ngx_chat_hub_t));

    hub->log = cycle->log;

    ngx_queue_init(&hub->dirty);
    ngx_queue_init(&hub->loaded);
    ngx_queue_init(&hub->flush);

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


static ngx_chat_hub_zone_t *
ngx_chat_hub_zone(ngx_chat_zone_t *z)
{
    ngx_uint_t  i;

    for (i = 0; i < ngx_chat_hub.nzones; i++) {
        if (ngx_chat_hub.zones[i].zone == z) {
            return &ngx_chat_hub.zones[i];
        }
    }

    return NULL;
}


ngx_int_t
ngx_chat_hub_open(ngx_chat_zone_t *z, ngx_chat_room_key_t *key,
    ngx_chat_rule_t *rule, ngx_uint_t create, ngx_chat_hub_room_t **rp,
    ngx_chat_room_info_t *info)
{
    ngx_int_t             rc;
    ngx_uint_t            seat;
    ngx_chat_hub_zone_t  *hz;
    ngx_chat_hub_room_t  *room;

    seat = ngx_chat_bus_seat();
    hz = ngx_chat_hub_zone(z);

    rc = ngx_chat_room_open(z, key, rule, seat, create, info);
    if (rc != NGX_OK) {
        return rc;
    }

    if (info->idx >= hz->nslots) {
        return NGX_ERROR;
    }

    room = hz->rooms[info->idx];

    if (room != NULL) {

        if (room->life == info->life) {
            *rp = room;
            return NGX_OK;
        }

        /* it was rebuilt after a crash; its readers are told in a turn */
        ngx_chat_hub_lose(room);
    }

    room = ngx_calloc(sizeof(ngx_chat_hub_room_t) + key->name.len,
                      ngx_chat_hub.log);
    if (room == NULL) {
        ngx_chat_room_close(z, info->idx, info->life, seat);
        return NGX_ERROR;
    }

    room->zone = z;
    room->idx = info->idx;
    room->life = info->life;
    room->head = info->head;
    room->pos = info->tail;

    ngx_memcpy(room->epoch, info->epoch, NGX_CHAT_EPOCH_LEN);

    room->key.kind = key->kind;
    room->key.name.len = key->name.len;
    room->key.name.data = (u_char *) room + sizeof(ngx_chat_hub_room_t);
    ngx_memcpy(room->key.name.data, key->name.data, key->name.len);

    ngx_queue_init(&room->live);
    ngx_queue_init(&room->behind);

    hz->rooms[info->idx] = room;
    ngx_chat_hub.nrooms++;

    *rp = room;

    return NGX_OK;
}


void
ngx_chat_hub_release(ngx_chat_hub_room_t *room)
{
    ngx_chat_hub_zone_t  *hz;

    if (!ngx_queue_empty(&room->live) || !ngx_queue_empty(&room->behind)
        || room->is_loaded)
    {
        /* the end of the turn looks again */
        return;
    }

    if (room->is_dirty) {
        ngx_queue_remove(&room->dirty);
    }

    hz = ngx_chat_hub_zone(room->zone);

    if (hz->rooms[room->idx] == room) {
        hz->rooms[room->idx] = NULL;
    }

    if (!room->lost) {
        ngx_chat_room_close(room->zone, room->idx, room->life,
                            ngx_chat_bus_seat());
    }

    ngx_chat_hub.nrooms--;

    ngx_free(room);
}


void
ngx_chat_hub_attach(ngx_chat_hub_room_t *room, ngx_chat_sub_t *sub,
    ngx_chat_reader_t *rd, uint64_t cursor)
{
    sub->room = room;
    sub->reader = rd;
    sub->cursor = cursor;
    sub->is_pending = 0;

    /* a batch of this turn, if any, was not made for it */

    if (cursor == room->head && !room->is_loaded && !rd->blocked) {
        sub->live = 1;
        ngx_queue_insert_tail(&room->live, &sub->queue);
        return;
    }

    sub->live = 0;
    ngx_queue_insert_tail(&room->behind, &sub->queue);

    if (cursor != room->head) {
        ngx_chat_hub_mark(room);
    }

    ngx_chat_hub_post(rd);
}


void
ngx_chat_hub_detach(ngx_chat_sub_t *sub)
{
    ngx_chat_hub_room_t  *room;

    room = sub->room;

    if (sub->is_pending) {
        ngx_queue_remove(&sub->pending);
        sub->is_pending = 0;
    }

    ngx_queue_remove(&sub->queue);
    sub->room = NULL;

    ngx_chat_hub_release(room);
}


void
ngx_chat_hub_behind(ngx_chat_sub_t *sub)
{
    if (sub->live) {
        sub->live = 0;
        ngx_queue_remove(&sub->queue);
        ngx_queue_insert_tail(&sub->room->behind, &sub->queue);
    }
}


ngx_int_t
ngx_chat_hub_caught_up(ngx_chat_sub_t *sub)
{
    if (sub->live) {
        return NGX_OK;
    }

    if (sub->cursor != sub->room->head) {
        return NGX_AGAIN;
    }

    sub->live = 1;
    ngx_queue_remove(&sub->queue);
    ngx_queue_insert_tail(&sub->room->live, &sub->queue);

    return NGX_OK;
}


ngx_chat_batch_wire_t *
ngx_chat_hub_batch(ngx_chat_hub_room_t *room, ngx_chat_wire_e wire)
{
    ngx_chat_batch_wire_t  *b;

    if (!room->is_loaded) {
        return NULL;
    }

    b = &room->batch[wire];

    if (b->chunk != NULL) {
        return b;
    }

    if (ngx_chat_wire_encode(wire, room->rec, room->rec_last, room->epoch,
                             ngx_chat_hub.ends_pos, b, ngx_chat_hub.log)
        != NGX_OK)
    {
        return NULL;
    }

    ngx_chat_hub.ends_pos += room->nrec;

    return b;
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


static void
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

static void
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

        rd->handler(rd);
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


/*
 * Reads what is new.  Leaves the room in the dirty queue (behind the others) if
 * more is there than its share of a turn.
 */

static ngx_int_t
ngx_chat_hub_load(ngx_chat_hub_room_t *room)
{
    size_t           left, need;
    ssize_t          n;
    uint64_t         head;
    ngx_chat_hub_t  *hub;
    ngx_chat_rec_t  *r;

    hub = &ngx_chat_hub;
    left = hub->arena + NGX_CHAT_HUB_ARENA - hub->arena_pos;
    need = 0;

    head = ngx_chat_room_head(room->zone, room->idx);

    n = ngx_chat_log_read(room->zone, &room->pos, head, hub->arena_pos,
                          ngx_min(left, NGX_CHAT_HUB_ROOM), &need);

    if (n == NGX_BUSY && need <= left) {
        n = ngx_chat_log_read(room->zone, &room->pos, head, hub->arena_pos,
                              need, &need);
    }

    if (n == NGX_BUSY && hub->arena_pos != hub->arena) {
        return NGX_AGAIN;
    }

    ngx_queue_remove(&room->dirty);
    room->is_dirty = 0;

    if (n == 0) {
        ngx_chat_hub_offer(room);
        ngx_chat_hub_release(room);
        return NGX_OK;
    }

    if (n < 0) {
        ngx_chat_hub_lagged(room);
        return NGX_OK;
    }

    room->rec = (ngx_chat_rec_t *) hub->arena_pos;
    hub->arena_pos += n;
    room->rec_last = hub->arena_pos;

    for (r = room->rec; (u_char *) r < room->rec_last;
         r = ngx_chat_rec_next(r))
    {
        room->nrec++;
        room->head = r->offset;
    }

    room->is_loaded = 1;
    ngx_queue_insert_tail(&hub->loaded, &room->loaded);

    ngx_chat_room_read(room->zone, room->idx, room->life, ngx_chat_bus_seat(),
                       room->head);

    ngx_chat_hub_offer(room);

    return NGX_OK;
}


/*
 * The worker was too slow for the live window.  Everybody is behind now and
 * finds out alone what can still be read.
 */

static void
ngx_chat_hub_lagged(ngx_chat_hub_room_t *room)
{
    ngx_queue_t           *q;
    ngx_chat_sub_t        *sub;
    ngx_chat_room_info_t   info;

    if (ngx_chat_room_info(room->zone, room->idx, room->life, &info)
        != NGX_OK)
    {
        ngx_chat_hub_lose(room);
        ngx_chat_hub_release(room);
        return;
    }

    while (!ngx_queue_empty(&room->live)) {
        q = ngx_queue_head(&room->live);
        sub = ngx_queue_data(q, ngx_chat_sub_t, queue);
        ngx_chat_hub_behind(sub);
    }

    room->head = info.head;
    room->pos = info.tail;

    ngx_chat_room_read(room->zone, room->idx, room->life, ngx_chat_bus_seat(),
                       room->head);

    ngx_chat_hub_offer(room);
}


/* that life of the room is over: its readers start anew */

static void
ngx_chat_hub_lose(ngx_chat_hub_room_t *room)
{
    ngx_queue_t          *q, *next;
    ngx_chat_sub_t       *sub;
    ngx_chat_hub_zone_t  *hz;

    if (room->lost) {
        return;
    }

    room->lost = 1;

    hz = ngx_chat_hub_zone(room->zone);

    if (hz->rooms[room->idx] == room) {
        hz->rooms[room->idx] = NULL;
    }

    while (!ngx_queue_empty(&room->live)) {
        q = ngx_queue_head(&room->live);
        ngx_chat_hub_behind(ngx_queue_data(q, ngx_chat_sub_t, queue));
    }

    for (q = ngx_queue_head(&room->behind);
         q != ngx_queue_sentinel(&room->behind);
         q = next)
    {
        next = ngx_queue_next(q);
        sub = ngx_queue_data(q, ngx_chat_sub_t, queue);
        sub->reader->reset(sub->reader);
    }
}


/* to those that are live: the batch; to those behind: a chance to go on */

static void
ngx_chat_hub_offer(ngx_chat_hub_room_t *room)
{
    ngx_queue_t        *q, *next;
    ngx_chat_sub_t     *sub;
    ngx_chat_reader_t  *rd;

    for (q = ngx_queue_head(&room->behind);
         q != ngx_queue_sentinel(&room->behind);
         q = ngx_queue_next(q))
    {
        sub = ngx_queue_data(q, ngx_chat_sub_t, queue);

        if (!sub->reader->blocked) {
            ngx_chat_hub_post(sub->reader);
        }
    }

    if (!room->is_loaded) {
        return;
    }

    for (q = ngx_queue_head(&room->live);
         q != ngx_queue_sentinel(&room->live);
         q = next)
    {
        next = ngx_queue_next(q);

        sub = ngx_queue_data(q, ngx_chat_sub_t, queue);
        rd = sub->reader;

        if (rd->blocked) {
            ngx_chat_hub_behind(sub);
            continue;
        }

        sub->is_pending = 1;
        ngx_queue_insert_tail(&rd->pending, &sub->pending);
        ngx_chat_hub_post(rd);
    }
}


static void
ngx_chat_hub_unload(void)
{
    ngx_uint_t            i;
    ngx_queue_t          *q;
    ngx_chat_hub_t       *hub;
    ngx_chat_hub_room_t  *room;

    hub = &ngx_chat_hub;

    while (!ngx_queue_empty(&hub->loaded)) {
        q = ngx_queue_head(&hub->loaded);
        ngx_queue_remove(q);

        room = ngx_queue_data(q, ngx_chat_hub_room_t, loaded);

        for (i = 0; i < NGX_CHAT_WIRE_SHARED; i++) {
            if (room->batch[i].chunk != NULL) {
                ngx_chat_chunk_unref(room->batch[i].chunk);
                room->batch[i].chunk = NULL;
            }
        }

        room->is_loaded = 0;
        room->nrec = 0;
        room->rec = NULL;
        room->rec_last = NULL;

        if (!room->is_dirty
            && ngx_chat_room_head(room->zone, room->idx) != room->head)
        {
            ngx_chat_hub_mark(room);
        }

        ngx_chat_hub_release(room);
    }

    hub->arena_pos = hub->arena;
    hub->ends_pos = hub->ends;
}
