
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Transient events in a turn: read from the zones' rings, encoded once for each
 * wire format, given to the readers of their rooms.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include "ngx_chat_bus.h"
#include "ngx_chat_hub_private.h"
#include "ngx_chat_sse.h"
#include "ngx_chat_transient.h"
#include "ngx_chat_ws.h"


/* the arena's begin; a part behind it for the form in each format */

#define NGX_CHAT_HUB_TRANSIENTS       (64 * 1024)
#define NGX_CHAT_HUB_TRANSIENT_FRAME  (2 * NGX_CHAT_TRANSIENT_MAX)

/* of one zone in one turn, bytes */
#define NGX_CHAT_HUB_TRANSIENT_TURN   (256 * 1024)


static void ngx_chat_hub_transients_zone(ngx_chat_hub_zone_t *hz);
static void ngx_chat_hub_transient_give(ngx_chat_hub_room_t *room,
    ngx_chat_transient_t *e);


void
ngx_chat_hub_transients(void)
{
    ngx_uint_t            i;
    ngx_chat_hub_zone_t  *hz;

    for (i = 0; i < ngx_chat_hub.nzones; i++) {

        hz = &ngx_chat_hub.zones[i];

        if (ngx_chat_transient_head(hz->zone) != hz->transient) {
            ngx_chat_hub_schedule();
            return;
        }
    }
}


void
ngx_chat_hub_transients_load(void)
{
    ngx_uint_t  i;

    for (i = 0; i < ngx_chat_hub.nzones; i++) {
        ngx_chat_hub_transients_zone(&ngx_chat_hub.zones[i]);
    }

    ngx_chat_hub_presence_load();
}


static void
ngx_chat_hub_transients_zone(ngx_chat_hub_zone_t *hz)
{
    size_t                 n, at, total;
    u_char                *buf;
    uint64_t               pos;
    ngx_chat_transient_t  *e;

    buf = ngx_chat_hub.arena;

    for (total = 0; total < NGX_CHAT_HUB_TRANSIENT_TURN; total += n) {

        pos = hz->transient;

        n = ngx_chat_transient_take(hz->zone, &hz->transient, buf,
                                    NGX_CHAT_HUB_TRANSIENTS);
        if (n == 0) {

            if (hz->transient != pos) {
                /* they were overwritten before this worker got to them */
                ngx_chat_metric_add(hz->zone, ngx_chat_bus_seat(),
                                    NGX_CHAT_M_TRANSIENT_LOST, 1);
            }

            return;
        }

        for (at = 0; at < n; at += ngx_chat_transient_size(e->size)) {

            e = (ngx_chat_transient_t *) (buf + at);

            if (e->room == NGX_CHAT_TRANSIENT_USER) {
                ngx_chat_hub.readers->notice(hz->zone, e);

            } else if (e->room < hz->nslots
                       && hz->rooms[e->room] != NULL)
            {
                ngx_chat_hub_transient_give(hz->rooms[e->room], e);
            }
        }
    }

    ngx_chat_hub_transients();
}


static void
ngx_chat_hub_transient_give(ngx_chat_hub_room_t *room,
    ngx_chat_transient_t *e)
{
    ngx_chat_hub_transient_t  t;

    if (room->life != e->life) {
        return;
    }

    if (e->size == 0) {
        ngx_chat_hub_presence_mark(room);
        return;
    }

    ngx_memzero(&t, sizeof(ngx_chat_hub_transient_t));

    t.object.data = ngx_chat_transient_payload(e);
    t.object.len = e->size;
    t.from = e->from;
    t.scratch = ngx_chat_hub.arena + NGX_CHAT_HUB_TRANSIENTS;
    t.step = NGX_CHAT_HUB_TRANSIENT_FRAME;

    ngx_chat_hub_transient_queue(&room->live, &t);
    ngx_chat_hub_transient_queue(&room->behind, &t);
}


void
ngx_chat_hub_transient_queue(ngx_queue_t *subs, ngx_chat_hub_transient_t *t)
{
    ngx_queue_t     *q;
    ngx_chat_sub_t  *sub;

    for (q = ngx_queue_head(subs);
         q != ngx_queue_sentinel(subs);
         q = ngx_queue_next(q))
    {
        sub = ngx_queue_data(q, ngx_chat_sub_t, queue);

        if (t->version != 0) {

            /* who came after the last diff has been told what it says */

            if (!sub->watch
                || (int32_t) ((uint32_t) t->version - sub->told) <= 0)
            {
                continue;
            }

            sub->told = (uint32_t) t->version;
        }

        ngx_chat_hub.readers->transient(sub->reader, t);
    }
}


ngx_str_t *
ngx_chat_hub_transient_frame(ngx_chat_hub_transient_t *t,
    ngx_chat_wire_e wire)
{
    u_char     *p;
    ngx_str_t  *frame;

    frame = &t->frame[wire];

    if (frame->data != NULL) {
        return frame;
    }

    p = t->scratch + wire * t->step;
    frame->data = p;

    switch (wire) {

    case NGX_CHAT_WIRE_WS:
        p = ngx_chat_ws_header(p, NGX_CHAT_WS_TEXT, t->object.len);
        p = ngx_cpymem(p, t->object.data, t->object.len);
        break;

    case NGX_CHAT_WIRE_WS_DEFLATE:
        p = ngx_chat_wire_frame(p, NGX_CHAT_WS_TEXT, t->object.data,
                                t->object.len);
        break;

    default:
        /* without an id; JSON as we write it has no line ends in it */
        p = ngx_chat_sse_data(p, t->object.data, t->object.len);
    }

    frame->len = (size_t) (p - frame->data);

    return frame;
}
