
/*
 * Copyright (C) the ngx_chat_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_broker.h"
#include "ngx_chat_bus.h"
#include "ngx_chat_hook.h"
#include "ngx_chat_presence.h"
#include "ngx_chat_state.h"
#include "ngx_http_chat_status.h"


/* all that is told of a zone, taken at one time */

typedef struct {
    ngx_uint_t             up;
    ngx_uint_t             unserved;
    ngx_uint_t             workers;
    uint32_t               present;
    uint32_t               present_max;
    ngx_chat_zone_stat_t   zone;
    ngx_chat_table_stat_t  table;
    ngx_chat_state_stat_t  state;
    ngx_chat_hook_stat_t   hook;
} ngx_http_chat_sample_t;


typedef enum {
    NGX_HTTP_CHAT_GAUGE = 0,
    NGX_HTTP_CHAT_COUNTER,
    NGX_HTTP_CHAT_SECONDS,           /* a counter of microseconds */
    NGX_HTTP_CHAT_BOOL
} ngx_http_chat_number_e;


typedef struct {
    const char              *name;   /* a counter ends in "_total" */
    ngx_http_chat_number_e   type;
    size_t                   offset;
    size_t                   size;   /* 4 or 8 bytes */
    const char              *help;
} ngx_http_chat_number_t;


static void ngx_http_chat_sample(ngx_http_chat_sample_t *s,
    ngx_chat_zone_t *z);
static uint64_t ngx_http_chat_number_get(const ngx_http_chat_number_t *n,
    ngx_http_chat_sample_t *s);
static void ngx_http_chat_number_value(ngx_chat_text_t *t,
    const ngx_http_chat_number_t *n, uint64_t value);
static void ngx_http_chat_text_family(ngx_chat_text_t *t, const char *name,
    const char *type, const char *help, ngx_uint_t openmetrics);
static void ngx_http_chat_text_label(ngx_chat_text_t *t, ngx_str_t *value);


#define ngx_http_chat_sample_at(type, field, name, help)                      \
    { name, type, offsetof(ngx_http_chat_sample_t, field),                    \
      sizeof(((ngx_http_chat_sample_t *) 0)->field), help }

#define ngx_http_chat_gauge(field, name, help)                                \
    ngx_http_chat_sample_at(NGX_HTTP_CHAT_GAUGE, field, name, help)

#define ngx_http_chat_metric(m, name, help)                                   \
    ngx_http_chat_sample_at(((m) < NGX_CHAT_M_COUNTERS)                       \
                                ? NGX_HTTP_CHAT_COUNTER                       \
                                : NGX_HTTP_CHAT_GAUGE,                        \
                            zone.metric[m], name, help)


static const ngx_http_chat_number_t  ngx_http_chat_numbers[] = {

    ngx_http_chat_sample_at(NGX_HTTP_CHAT_BOOL, up, "broker_up",
        "Whether this worker can publish and read."),
    ngx_http_chat_gauge(unserved, "broker_slots_unserved",
        "Slots of a Redis Cluster that this worker can't use."),

    ngx_http_chat_gauge(workers, "workers",
        "Workers that have a seat, those that are leaving too."),

    ngx_http_chat_gauge(zone.rooms, "rooms", "Rooms."),
    ngx_http_chat_gauge(zone.rooms_max, "rooms_max",
        "Rooms that there is place for."),
    ngx_http_chat_gauge(zone.segments, "segments",
        "Segments of memory for the logs."),
    ngx_http_chat_gauge(zone.segments_free, "segments_free",
        "Segments that no log has."),
    ngx_http_chat_gauge(zone.segment_size, "segment_size",
        "Bytes of a segment."),
    ngx_http_chat_sample_at(NGX_HTTP_CHAT_COUNTER, zone.records,
        "records_total", "Events appended to logs."),

    ngx_http_chat_gauge(table.rows, "kept",
        "Rows kept apart from the logs: bans, roles, data of rooms."),
    ngx_http_chat_gauge(table.rows_max, "kept_max",
        "Rows that there is place for."),
    ngx_http_chat_gauge(table.bytes_free, "kept_bytes_free",
        "Bytes left for what rows contain."),
    ngx_http_chat_gauge(table.untold, "kept_untold",
        "Changes of such rows that other hosts may not know yet."),
    ngx_http_chat_gauge(present, "presence",
        "Users that are in rooms, in each of them counted."),
    ngx_http_chat_gauge(present_max, "presence_max",
        "How many of them there is place for."),
    ngx_http_chat_gauge(state.unsaved, "state_unsaved",
        "Changes that are not in the state file yet."),
    ngx_http_chat_gauge(state.size, "state_bytes",
        "Size of the state file."),
    ngx_http_chat_gauge(hook.waiting, "webhook_waiting",
        "Events that the slowest webhook has not accepted yet."),

    ngx_http_chat_metric(NGX_CHAT_M_SESSIONS_TOTAL, "sessions_total",
        "Clients that have connected."),
    ngx_http_chat_metric(NGX_CHAT_M_WS_TOTAL, "websocket_sessions_total",
        "Clients that have connected by WebSocket."),
    ngx_http_chat_metric(NGX_CHAT_M_SSE_TOTAL, "sse_sessions_total",
        "Clients that have connected by event streams."),
    ngx_http_chat_metric(NGX_CHAT_M_MESSAGES, "messages_total",
        "Messages published."),
    ngx_http_chat_metric(NGX_CHAT_M_DUPLICATES, "duplicates_total",
        "Publishes that a nonce found to be repetitions."),
    ngx_http_chat_metric(NGX_CHAT_M_DELIVERIES, "deliveries_total",
        "Events sent to clients."),
    ngx_http_chat_metric(NGX_CHAT_M_BYTES_IN, "bytes_in_total",
        "Bytes from WebSocket clients."),
    ngx_http_chat_metric(NGX_CHAT_M_BYTES_OUT, "bytes_out_total",
        "Bytes to clients."),
    ngx_http_chat_metric(NGX_CHAT_M_ERRORS, "errors_total",
        "Errors answered."),
    ngx_http_chat_metric(NGX_CHAT_M_GAPS, "gaps_total",
        "Times that a client was told of lost events."),
    ngx_http_chat_metric(NGX_CHAT_M_SLOW_CLOSED, "slow_closed_total",
        "Connections cut off because the client took nothing."),
    ngx_http_chat_metric(NGX_CHAT_M_EVICTED, "evicted_segments_total",
        "Segments taken from a room because others needed them."),
    ngx_http_chat_metric(NGX_CHAT_M_FULL, "full_total",
        "Publishes refused because the zone was full."),
    ngx_http_chat_metric(NGX_CHAT_M_REPAIRS, "repairs_total",
        "Repairs of the zone after the death of a process."),
    ngx_http_chat_metric(NGX_CHAT_M_WAKEUPS, "wakeups_total",
        "Times that a worker was woken by another."),
    ngx_http_chat_metric(NGX_CHAT_M_LIMITED, "limited_total",
        "Connections refused by chat_conn_limit."),
    ngx_http_chat_metric(NGX_CHAT_M_RATE_LIMITED, "rate_limited_total",
        "Whatever chat_limit has refused."),
    ngx_http_chat_metric(NGX_CHAT_M_TRANSIENT_LOST, "transient_lost_total",
        "Times that a worker was too slow for signals and typing."),
    ngx_http_chat_sample_at(NGX_HTTP_CHAT_COUNTER, hook.sent,
        "webhook_events_total",
        "Events that webhooks have accepted."),
    ngx_http_chat_sample_at(NGX_HTTP_CHAT_COUNTER, hook.failed,
        "webhook_failures_total",
        "Attempts that webhooks have not accepted."),
    ngx_http_chat_sample_at(NGX_HTTP_CHAT_COUNTER, hook.lost,
        "webhook_lost_total",
        "Events that webhooks were not told of."),
    ngx_http_chat_metric(NGX_CHAT_M_LOCK_WAITS, "lock_waits_total",
        "Times that a process had to wait for the zone's lock."),
    ngx_http_chat_sample_at(NGX_HTTP_CHAT_SECONDS,
        zone.metric[NGX_CHAT_M_LOCK_WAIT_US], "lock_wait_seconds_total",
        "Time spent in waiting for the zone's lock."),

    ngx_http_chat_metric(NGX_CHAT_M_SESSIONS, "sessions",
        "Clients connected."),
    ngx_http_chat_metric(NGX_CHAT_M_WS, "websocket_sessions",
        "Clients connected by WebSocket."),
    ngx_http_chat_metric(NGX_CHAT_M_SSE, "sse_sessions",
        "Clients connected by event streams."),
    ngx_http_chat_metric(NGX_CHAT_M_STUCK, "slow_sessions",
        "Clients that take nothing at the moment."),
    ngx_http_chat_metric(NGX_CHAT_M_SUBSCRIPTIONS, "subscriptions",
        "Rooms of all clients, added up."),
    ngx_http_chat_metric(NGX_CHAT_M_BUFFERS, "buffer_bytes",
        "Bytes on their way to clients.")
};

#define NGX_HTTP_CHAT_NUMBERS                                                 \
    (sizeof(ngx_http_chat_numbers) / sizeof(ngx_http_chat_numbers[0]))


void
ngx_http_chat_numbers_json(ngx_chat_text_t *t, ngx_chat_zone_t *z)
{
    ngx_uint_t                     i;
    const ngx_chat_broker_t       *broker;
    ngx_http_chat_sample_t         s;
    const ngx_http_chat_number_t  *n;

    ngx_http_chat_sample(&s, z);

    broker = ngx_chat_broker(z);

    ngx_chat_text_lit(t, "{\"server\":\"" NGX_CHAT_SERVER "\",\"zone\":");
    ngx_chat_text_json(t, &z->name);
    ngx_chat_text_lit(t, ",\"broker\":\"");
    ngx_chat_text_str(t, &broker->name);
    ngx_chat_text_lit(t, "\",\"state\":\"");
    ngx_chat_text_add(t, s.state.word, ngx_strlen(s.state.word));
    ngx_chat_text_lit(t, "\"");

    for (i = 0; i < NGX_HTTP_CHAT_NUMBERS; i++) {

        n = &ngx_http_chat_numbers[i];

        ngx_chat_text_lit(t, ",\"");
        ngx_chat_text_add(t, n->name, ngx_strlen(n->name));
        ngx_chat_text_lit(t, "\":");

        if (n->type != NGX_HTTP_CHAT_BOOL) {
            ngx_http_chat_number_value(t, n, ngx_http_chat_number_get(n, &s));

        } else if (ngx_http_chat_number_get(n, &s)) {
            ngx_chat_text_lit(t, "true");

        } else {
            ngx_chat_text_lit(t, "false");
        }
    }

    ngx_chat_text_lit(t, "}\n");
}


void
ngx_http_chat_numbers_text(ngx_chat_text_t *t, ngx_chat_zone_t *z,
    ngx_uint_t openmetrics)
{
    ngx_uint_t                     i;
    const char                    *type;
    const ngx_chat_broker_t       *broker;
    ngx_http_chat_sample_t         s;
    const ngx_http_chat_number_t  *n;

    ngx_http_chat_sample(&s, z);

    broker = ngx_chat_broker(z);

    ngx_http_chat_text_family(t, "build_info", "gauge",
                              "The module's version, and the zone's broker.",
                              openmetrics);
    ngx_chat_text_lit(t, "ngx_chat_build_info{zone=\"");
    ngx_http_chat_text_label(t, &z->name);
    ngx_chat_text_lit(t, "\",version=\"" NGX_CHAT_VERSION "\",broker=\"");
    ngx_chat_text_str(t, &broker->name);
    ngx_chat_text_lit(t, "\"} 1\n");

    for (i = 0; i < NGX_HTTP_CHAT_NUMBERS; i++) {

        n = &ngx_http_chat_numbers[i];

        type = (n->type == NGX_HTTP_CHAT_COUNTER
                || n->type == NGX_HTTP_CHAT_SECONDS) ? "counter" : "gauge";

        ngx_http_chat_text_family(t, n->name, type, n->help, openmetrics);

        ngx_chat_text_lit(t, "ngx_chat_");
        ngx_chat_text_add(t, n->name, ngx_strlen(n->name));
        ngx_chat_text_lit(t, "{zone=\"");
        ngx_http_chat_text_label(t, &z->name);
        ngx_chat_text_lit(t, "\"} ");
        ngx_http_chat_number_value(t, n, ngx_http_chat_number_get(n, &s));
        ngx_chat_text_lit(t, "\n");
    }

    if (openmetrics) {
        ngx_chat_text_lit(t, "# EOF\n");
    }
}


ngx_uint_t
ngx_http_chat_is_ready(ngx_chat_zone_t *z, const char **why)
{
    if (ngx_chat_zone_moved(z)) {
        *why = "the zone has another size, and this worker still has the old";
        return 0;
    }

    if (ngx_chat_bus_seat() == NGX_CHAT_NO_SEAT) {
        *why = "this worker has no seat yet";
        return 0;
    }

    if (ngx_chat_broker(z)->ready(z) != NGX_OK) {
        *why = "the broker can't be reached";
        return 0;
    }

    return 1;
}


static void
ngx_http_chat_sample(ngx_http_chat_sample_t *s, ngx_chat_zone_t *z)
{
    const ngx_chat_broker_t  *broker;

    broker = ngx_chat_broker(z);

    s->up = (broker->ready(z) == NGX_OK);
    s->unserved = (broker->unserved != NULL) ? broker->unserved(z) : 0;
    s->workers = ngx_chat_bus_seats();

    s->present_max = ngx_chat_presence_size(z, &s->present);

    ngx_chat_zone_stat(z, &s->zone);
    ngx_chat_table_stat(z, &s->table);
    ngx_chat_state_stat(z, &s->state);
    ngx_chat_hook_stat(z, &s->hook);
}


static uint64_t
ngx_http_chat_number_get(const ngx_http_chat_number_t *n,
    ngx_http_chat_sample_t *s)
{
    u_char    *p;
    uint32_t   half;
    uint64_t   value;

    p = (u_char *) s + n->offset;

    if (n->size == sizeof(uint32_t)) {
        ngx_memcpy(&half, p, sizeof(uint32_t));
        return half;
    }

    ngx_memcpy(&value, p, sizeof(uint64_t));

    return value;
}


static void
ngx_http_chat_number_value(ngx_chat_text_t *t,
    const ngx_http_chat_number_t *n, uint64_t value)
{
    u_char  *p, buf[NGX_INT64_LEN + sizeof(".000000")];

    if (n->type != NGX_HTTP_CHAT_SECONDS) {
        ngx_chat_text_num(t, (int64_t) value);
        return;
    }

    p = ngx_sprintf(buf, "%uL.%06uL", value / 1000000, value % 1000000);

    ngx_chat_text_add(t, buf, (size_t) (p - buf));
}


static void
ngx_http_chat_text_family(ngx_chat_text_t *t, const char *name,
    const char *type, const char *help, ngx_uint_t openmetrics)
{
    size_t  len;

    len = ngx_strlen(name);

    if (openmetrics && type[0] == 'c') {
        len -= sizeof("_total") - 1;
    }

    ngx_chat_text_lit(t, "# HELP ngx_chat_");
    ngx_chat_text_add(t, name, len);
    ngx_chat_text_lit(t, " ");
    ngx_chat_text_add(t, help, ngx_strlen(help));
    ngx_chat_text_lit(t, "\n# TYPE ngx_chat_");
    ngx_chat_text_add(t, name, len);
    ngx_chat_text_lit(t, " ");
    ngx_chat_text_add(t, type, ngx_strlen(type));
    ngx_chat_text_lit(t, "\n");
}


/* a value of a label has \, " and line feeds escaped, and nothing else */

static void
ngx_http_chat_text_label(ngx_chat_text_t *t, ngx_str_t *value)
{
    size_t  i;

    for (i = 0; i < value->len; i++) {

        switch (value->data[i]) {

        case '\n':
            ngx_chat_text_lit(t, "\\n");
            break;

        case '\\':
        case '"':
            ngx_chat_text_lit(t, "\\");
            /* fall through */

        default:
            ngx_chat_text_add(t, &value->data[i], 1);
        }
    }
}
