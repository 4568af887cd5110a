
/*
 * Copyright (C) the ngx_chat_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_http_chat.h"
#include "ngx_chat_state.h"
#include "ngx_chat_worker.h"


static const char  *ngx_http_chat_metrics[NGX_CHAT_M_LAST] = {
    "sessions_total", "websocket_sessions_total", "sse_sessions_total",
    "messages_total", "duplicates_total", "deliveries_total",
    "bytes_in_total", "bytes_out_total", "errors_total", "gaps_total",
    "slow_closed_total", "evicted_segments_total", "full_total",
    "repairs_total", "wakeups_total", "limited_total",
    "rate_limited_total", "sessions", "websocket_sessions", "sse_sessions",
    "subscriptions", "buffer_bytes"
};


ngx_int_t
ngx_http_chat_status_handler(ngx_http_request_t *r)
{
    ngx_str_t                  body;
    ngx_uint_t                 i;
    ngx_chat_text_t           *t;
    const ngx_chat_broker_t   *broker;
    ngx_chat_zone_stat_t       st;
    ngx_chat_table_stat_t      ts;
    ngx_chat_state_stat_t      ss;
    ngx_http_chat_loc_conf_t  *clcf;

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return NGX_HTTP_NOT_ALLOWED;
    }

    clcf = ngx_http_get_module_loc_conf(r, ngx_chat_module);

    broker = ngx_chat_broker(clcf->status);

    ngx_chat_zone_stat(clcf->status, &st);
    ngx_chat_table_stat(clcf->status, &ts);
    ngx_chat_state_stat(clcf->status, &ss);

    t = ngx_chat_worker_text();

    ngx_chat_text_lit(t, "{\"server\":\"" NGX_CHAT_SERVER "\",\"zone\":");
    ngx_chat_text_json(t, &clcf->status->name);
    ngx_chat_text_lit(t, ",\"broker\":\"");
    ngx_chat_text_add(t, broker->name.data, broker->name.len);

    if (broker->ready(clcf->status) == NGX_OK) {
        ngx_chat_text_lit(t, "\",\"broker_up\":true,\"workers\":");

    } else {
        ngx_chat_text_lit(t, "\",\"broker_up\":false,\"workers\":");
    }

    ngx_chat_text_num(t, (int64_t) ngx_chat_bus_seats());
    ngx_chat_text_lit(t, ",\"rooms\":");
    ngx_chat_text_num(t, (int64_t) st.rooms);
    ngx_chat_text_lit(t, ",\"rooms_max\":");
    ngx_chat_text_num(t, (int64_t) st.rooms_max);
    ngx_chat_text_lit(t, ",\"segments\":");
    ngx_chat_text_num(t, (int64_t) st.segments);
    ngx_chat_text_lit(t, ",\"segments_free\":");
    ngx_chat_text_num(t, (int64_t) st.segments_free);
    ngx_chat_text_lit(t, ",\"segment_size\":");
    ngx_chat_text_num(t, (int64_t) st.segment_size);
    ngx_chat_text_lit(t, ",\"records_total\":");
    ngx_chat_text_num(t, (int64_t) st.records);
    ngx_chat_text_lit(t, ",\"kept\":");
    ngx_chat_text_num(t, (int64_t) ts.rows);
    ngx_chat_text_lit(t, ",\"kept_max\":");
    ngx_chat_text_num(t, (int64_t) ts.rows_max);
    ngx_chat_text_lit(t, ",\"kept_bytes_free\":");
    ngx_chat_text_num(t, (int64_t) ts.bytes_free);
    ngx_chat_text_lit(t, ",\"state\":\"");
    ngx_chat_text_add(t, ss.word, ngx_strlen(ss.word));
    ngx_chat_text_lit(t, "\",\"state_unsaved\":");
    ngx_chat_text_num(t, (int64_t) ss.unsaved);
    ngx_chat_text_lit(t, ",\"state_bytes\":");
    ngx_chat_text_num(t, (int64_t) ss.size);

    for (i = 0; i < NGX_CHAT_M_LAST; i++) {
        ngx_chat_text_lit(t, ",\"");
        ngx_chat_text_add(t, ngx_http_chat_metrics[i],
                          ngx_strlen(ngx_http_chat_metrics[i]));
        ngx_chat_text_lit(t, "\":");
        ngx_chat_text_num(t, (int64_t) st.metric[i]);
    }

    ngx_chat_text_lit(t, "}\n");

    if (t->failed) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    body.data = t->start;
    body.len = ngx_chat_text_len(t);

    return ngx_http_chat_respond(r, NGX_HTTP_OK, "application/json", &body);
}
