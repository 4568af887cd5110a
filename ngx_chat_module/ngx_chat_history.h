
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Pages of a room's log: PROTOCOL, section 5.
 */


#ifndef _NGX_CHAT_HISTORY_H_INCLUDED_
#define _NGX_CHAT_HISTORY_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_broker.h"
#include "ngx_chat_json.h"
#include "ngx_chat_proto.h"
#include "ngx_chat_store.h"


#define NGX_CHAT_PAGE_DEFAULT  50


typedef struct {
    ngx_chat_cursor_t    before;
    ngx_chat_cursor_t    after;
    ngx_uint_t           limit;        /* 0: the default */
    ngx_chat_wait_t     *source;       /* its records; NULL: they are here */
    unsigned             raw:1;        /* log events, no "rev" */
} ngx_chat_page_t;


/*
 * Appends the members of a page to `t', from "epoch" to "next", without braces
 * and without a leading comma.  NGX_OK or NGX_ERROR (no memory).
 */
ngx_int_t ngx_chat_history_page(ngx_chat_zone_t *z,
    ngx_chat_room_info_t *info, ngx_chat_page_t *page, ngx_chat_text_t *t);

/*
 * The newest record of a room: NGX_OK, *rec is valid until the worker's next
 * read; NGX_DECLINED: none.
 */
ngx_int_t ngx_chat_history_newest(ngx_chat_zone_t *z,
    ngx_chat_room_info_t *info, ngx_chat_rec_t **rec);


#endif /* _NGX_CHAT_HISTORY_H_INCLUDED_ */
