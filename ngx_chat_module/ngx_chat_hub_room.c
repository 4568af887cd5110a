
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * A room in the hub: opened with its first reader here, read when it is dirty,
 * encoded at most once per format, released with its last reader.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include "ngx_chat_hub_private.h"
#include "ngx_chat_bus.h"
#include "ngx_chat_table.h"


static void ngx_chat_hub_lagged(ngx_chat_hub_room_t *room);


/* of the rooms that are followed here; names are hashed one by one */

ngx_str_t *
ngx_chat_hub_room_name(ngx_chat_zone_t *z, u_char *key)
{
    u_char                hash[NGX_CHAT_KEY_LEN];
    ngx_uint_t            i;
    ngx_chat_hub_zone_t  *hz;

    hz = ngx_chat_hub_zone(z);

    for (i = 0; hz != NULL && i < hz->nslots; i++) {

        if (hz->rooms[i] != NULL
            && ngx_chat_table_room(hash, &hz->rooms[i]->key) == NGX_OK
            && ngx_memcmp(hash, key, NGX_CHAT_KEY_LEN) == 0)
        {
            return &hz->rooms[i]->key.name;
        }
    }

    return NULL;
}


ngx_chat_hub_zone_t *
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
    room->low = info->head;
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
        || room->is_loaded || room->pins > 0)
    {
        /* the end of the turn looks again */
        return;
    }

    if (room->is_dirty) {
        ngx_queue_remove(&room->dirty);
    }

    ngx_chat_hub_presence_forget(room);

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
ngx_chat_hub_unpin(ngx_chat_hub_room_t *room)
{
    room->pins--;
    ngx_chat_hub_release(room);
}


/*
 * Reads what is new.  Leaves the room in the dirty queue (behind the others) if
 * more is there than its share of a turn.
 */

ngx_int_t
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

    ngx_chat_hub_low(room);

    ngx_chat_hub_offer(room);
}


void
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
        ngx_chat_hub.readers->reset(sub->reader);
    }
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
ngx_chat_hub_unload(void)
{
    ngx_uint_t            i;
    ngx_queue_t          *q, *next;
    ngx_chat_hub_t       *hub;
    ngx_chat_hub_room_t  *room;

    hub = &ngx_chat_hub;

    for (q = ngx_queue_head(&hub->loaded);
         q != ngx_queue_sentinel(&hub->loaded);
         q = next)
    {
        next = ngx_queue_next(q);
        room = ngx_queue_data(q, ngx_chat_hub_room_t, loaded);

        for (i = 0; i < NGX_CHAT_WIRE_SHARED; i++) {
            if (room->batch[i].chunk != NULL) {
                ngx_chat_chunk_unref(room->batch[i].chunk);
                room->batch[i].chunk = NULL;
            }
        }

        ngx_chat_hub_low(room);

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

    ngx_queue_init(&hub->loaded);

    hub->arena_pos = hub->arena;
    hub->ends_pos = hub->ends;
}
