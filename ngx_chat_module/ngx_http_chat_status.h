
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * The numbers of a zone, and what "chat_status" answers with.
 */


#ifndef _NGX_HTTP_CHAT_STATUS_H_INCLUDED_
#define _NGX_HTTP_CHAT_STATUS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_json.h"
#include "ngx_chat_store.h"


/* --- ngx_http_chat_numbers.c: one table for all formats --- */

/* {"server":...,"zone":...,"rooms":1,...} and a line feed */
void ngx_http_chat_numbers_json(ngx_chat_text_t *t, ngx_chat_zone_t *z);

/*
 * Prometheus' text format 0.0.4, or OpenMetrics 1.0, where a counter's name is
 * told without its "_total" and the end is marked.
 */
void ngx_http_chat_numbers_text(ngx_chat_text_t *t, ngx_chat_zone_t *z,
    ngx_uint_t openmetrics);

/*
 * Whether this worker can publish and read now; if not, *why is a sentence.
 */
ngx_uint_t ngx_http_chat_is_ready(ngx_chat_zone_t *z, const char **why);


/* --- ngx_http_chat_status_page.c: made of web/status.html --- */

extern ngx_str_t  ngx_http_chat_status_page;
extern ngx_str_t  ngx_http_chat_status_policy;


#endif /* _NGX_HTTP_CHAT_STATUS_H_INCLUDED_ */
