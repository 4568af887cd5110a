
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
    ngx_chat_cursor_t    thread;       /* replies to that message alone */
    ngx_chat_cursor_t    before;
    ngx_chat_cursor_t    after;
    ngx_uint_t           limit;        /* 0: the default */
    ngx_chat_wait_t     *source;       /* its records; NULL: they are here */
    unsigned             raw:1;        /* log events, no "rev" */
} ngx_chat_page_t;


/*
 * Appends the members of a page to `t', from "epoch" to "next", without braces
 * and without a leading comma.  NGX_OK, NGX_ERROR (no memory), NGX_DECLINED
 * (no such thread).
 */
ngx_int_t ngx_chat_history_page(ngx_chat_zone_t *z,
    ngx_chat_room_info_t *info, ngx_chat_page_t *page, ngx_chat_text_t *t);

/* "epoch", "first" and "head" of a room, the same way */
void ngx_chat_history_life(ngx_chat_text_t *t, ngx_chat_room_info_t *info);

/* --- for ngx_chat_history_fold.c --- */

/* a page on its way back may pass its bound so far before it is cut */
#define NGX_CHAT_HISTORY_SLACK (2 * NGX_CHAT_PAGE_BYTES)

#define NGX_CHAT_HISTORY_READ  (64 * 1024)

/* offsets from `from' to `to', both included; from > to: none */

typedef struct {
    uint64_t     from;
    uint64_t     to;
    unsigned     forward:1;       /* paged by `after' */
    unsigned     reset:1;
} ngx_chat_range_t;

/*
 * The events of a page of messages as they are now; range is where to look, and
 * then what was looked at.  *more says whether there is more.  The codes are
 * those of ngx_chat_history_page().
 */
ngx_int_t ngx_chat_history_fold(ngx_chat_zone_t *z,
    ngx_chat_room_info_t *info, ngx_chat_page_t *page,
    ngx_chat_range_t *range, ngx_chat_text_t *t, ngx_uint_t *more);

/*
 * Drops the oldest of n events until the rest fits, but not the newest; returns
 * how many are left.  starts[] is where each begins, with its comma.
 */
ngx_uint_t ngx_chat_history_cut(ngx_chat_text_t *t, uint32_t *starts,
    ngx_uint_t n);

void ngx_chat_history_id(ngx_chat_text_t *t, u_char *epoch, uint64_t offset);

/*
 * The newest record of a room: NGX_OK, *rec is valid until the worker's next
 * read; NGX_DECLINED: none.
 */
ngx_int_t ngx_chat_history_newest(ngx_chat_zone_t *z,
    ngx_chat_room_info_t *info, ngx_chat_rec_t **rec);


#endif /* _NGX_CHAT_HISTORY_H_INCLUDED_ */
