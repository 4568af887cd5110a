
/*
 * Copyright (C) the ngx_chat_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_http_chat.h"
#include "ngx_http_chat_status.h"
#include "ngx_chat_broker.h"
#include "ngx_chat_worker.h"


typedef enum {
    NGX_HTTP_CHAT_STATUS_JSON = 0,
    NGX_HTTP_CHAT_STATUS_PROMETHEUS,
    NGX_HTTP_CHAT_STATUS_OPENMETRICS,
    NGX_HTTP_CHAT_STATUS_HTML,
    NGX_HTTP_CHAT_STATUS_UNKNOWN
} ngx_http_chat_status_e;


static ngx_int_t ngx_http_chat_status_check(ngx_http_request_t *r,
    ngx_chat_zone_t *z, ngx_str_t *what);
static void ngx_http_chat_status_unserved(ngx_chat_text_t *t,
    ngx_chat_zone_t *z);
static ngx_http_chat_status_e ngx_http_chat_status_format(
    ngx_http_request_t *r);
static ngx_uint_t ngx_http_chat_status_accepts(ngx_http_request_t *r,
    const char *type);
static ngx_int_t ngx_http_chat_status_html(ngx_http_request_t *r);


#define ngx_http_chat_is(value, word)                                         \
    ((value)->len == sizeof(word) - 1                                         \
     && ngx_strncmp((value)->data, word, sizeof(word) - 1) == 0)


ngx_int_t
ngx_http_chat_status_handler(ngx_http_request_t *r)
{
    ngx_str_t                  what;
    ngx_chat_text_t           *t;
    ngx_http_chat_status_e     format;
    ngx_http_chat_loc_conf_t  *clcf;

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return NGX_HTTP_NOT_ALLOWED;
    }

    clcf = ngx_http_get_module_loc_conf(r, ngx_chat_module);

    if (ngx_http_arg(r, (u_char *) "check", 5, &what) == NGX_OK) {
        return ngx_http_chat_status_check(r, clcf->status, &what);
    }

    format = ngx_http_chat_status_format(r);

    t = ngx_chat_worker_text();

    switch (format) {

    case NGX_HTTP_CHAT_STATUS_JSON:
        ngx_http_chat_numbers_json(t, clcf->status);
        return ngx_http_chat_respond_text(r, NGX_HTTP_OK, "application/json",
                                          t);

    case NGX_HTTP_CHAT_STATUS_PROMETHEUS:
        ngx_http_chat_numbers_text(t, clcf->status, 0);
        return ngx_http_chat_respond_text(r, NGX_HTTP_OK,
                              "text/plain; version=0.0.4; charset=utf-8", t);

    case NGX_HTTP_CHAT_STATUS_OPENMETRICS:
        ngx_http_chat_numbers_text(t, clcf->status, 1);
        return ngx_http_chat_respond_text(r, NGX_HTTP_OK,
               "application/openmetrics-text; version=1.0.0; charset=utf-8",
               t);

    case NGX_HTTP_CHAT_STATUS_HTML:
        return ngx_http_chat_status_html(r);

    default: /* NGX_HTTP_CHAT_STATUS_UNKNOWN */
        ngx_chat_text_lit(t, "format is json, prometheus or html\n");
        return ngx_http_chat_respond_text(r, NGX_HTTP_BAD_REQUEST,
                                          "text/plain", t);
    }
}


/*
 * "live": a worker answers.  "ready": it can do what it is for; whoever shares
 * load between hosts asks for this.
 */

static ngx_int_t
ngx_http_chat_status_check(ngx_http_request_t *r, ngx_chat_zone_t *z,
    ngx_str_t *what)
{
    const char       *why;
    ngx_uint_t        status;
    ngx_chat_text_t  *t;

    t = ngx_chat_worker_text();
    status = NGX_HTTP_OK;

    if (ngx_http_chat_is(what, "live")) {
        ngx_chat_text_lit(t, "{\"live\":true}\n");

    } else if (!ngx_http_chat_is(what, "ready")) {
        ngx_chat_text_lit(t, "check is live or ready\n");
        return ngx_http_chat_respond_text(r, NGX_HTTP_BAD_REQUEST,
                                          "text/plain", t);

    } else if (ngx_http_chat_is_ready(z, &why)) {
        ngx_chat_text_lit(t, "{\"ready\":true");
        ngx_http_chat_status_unserved(t, z);
        ngx_chat_text_lit(t, "}\n");

    } else {
        status = NGX_HTTP_SERVICE_UNAVAILABLE;
        ngx_chat_text_lit(t, "{\"ready\":false,\"why\":\"");
        ngx_chat_text_add(t, why, ngx_strlen(why));
        ngx_chat_text_lit(t, "\"}\n");
    }

    return ngx_http_chat_respond_text(r, status, "application/json", t);
}


/* a part of a cluster that is down: another host could do no more */

static void
ngx_http_chat_status_unserved(ngx_chat_text_t *t, ngx_chat_zone_t *z)
{
    ngx_uint_t                n;
    const ngx_chat_broker_t  *broker;

    broker = ngx_chat_broker(z);
    n = (broker->unserved != NULL) ? broker->unserved(z) : 0;

    if (n > 0) {
        ngx_chat_text_lit(t, ",\"slots_unserved\":");
        ngx_chat_text_num(t, (int64_t) n);
    }
}


/* what the URL asks for; else what the client says that it takes */

static ngx_http_chat_status_e
ngx_http_chat_status_format(ngx_http_request_t *r)
{
    ngx_str_t   value;
    ngx_uint_t  open;

    open = ngx_http_chat_status_accepts(r, "application/openmetrics-text");

    if (ngx_http_arg(r, (u_char *) "format", 6, &value) == NGX_OK) {

        if (ngx_http_chat_is(&value, "json")) {
            return NGX_HTTP_CHAT_STATUS_JSON;
        }

        if (ngx_http_chat_is(&value, "html")) {
            return NGX_HTTP_CHAT_STATUS_HTML;
        }

        if (!ngx_http_chat_is(&value, "prometheus")) {
            return NGX_HTTP_CHAT_STATUS_UNKNOWN;
        }

        return open ? NGX_HTTP_CHAT_STATUS_OPENMETRICS
                    : NGX_HTTP_CHAT_STATUS_PROMETHEUS;
    }

    if (open) {
        return NGX_HTTP_CHAT_STATUS_OPENMETRICS;
    }

    if (ngx_http_chat_status_accepts(r, "text/html")) {
        return NGX_HTTP_CHAT_STATUS_HTML;
    }

    if (ngx_http_chat_status_accepts(r, "text/plain")) {
        return NGX_HTTP_CHAT_STATUS_PROMETHEUS;
    }

    return NGX_HTTP_CHAT_STATUS_JSON;
}


static ngx_uint_t
ngx_http_chat_status_accepts(ngx_http_request_t *r, const char *type)
{
    ngx_table_elt_t  *h;

    h = ngx_http_chat_header_in(r, "accept");

    return h != NULL
           && ngx_strlcasestrn(h->value.data, h->value.data + h->value.len,
                               (u_char *) type, ngx_strlen(type) - 1)
              != NULL;
}


static ngx_int_t
ngx_http_chat_status_html(ngx_http_request_t *r)
{
    if (ngx_http_chat_add_header(r, "Content-Security-Policy",
                                 &ngx_http_chat_status_policy)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_chat_respond(r, NGX_HTTP_OK, "text/html; charset=utf-8",
                                 &ngx_http_chat_status_page);
}
