
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Compression Extensions for WebSocket (RFC 7692): permessage-deflate without
 * context takeover on either side.  A message stands alone, so that an event is
 * compressed once for all connections of a worker, and a connection needs no
 * memory for it.
 *
 * The states of zlib (some 270 KB and 45 KB) belong to the process; they are
 * made when they are first needed.
 */


#ifndef _NGX_CHAT_DEFLATE_H_INCLUDED_
#define _NGX_CHAT_DEFLATE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat.h"


/* the longest answer to an offer */
#define NGX_CHAT_DEFLATE_ANSWER_MAX  128


/*
 * Section 7.1: looks through a line of Sec-WebSocket-Extensions for an offer
 * that can be taken, and writes the answer to dst.  Returns its end; NULL:
 * there is none.
 */
u_char *ngx_chat_deflate_negotiate(ngx_str_t *offers, u_char *dst);

/* of this process: level 1 to 9; what is shorter than `min' stays as it is */
void ngx_chat_deflate_configure(ngx_uint_t level, size_t min);
void ngx_chat_deflate_exit(void);

/*
 * Section 7.2.1: the payload of a message into dst, which has room for `len'
 * bytes.  0: it would not get smaller (or there is no memory), send it as it
 * is.
 */
size_t ngx_chat_deflate(u_char *dst, u_char *src, size_t len);

/*
 * Section 7.2.2.  NGX_OK: *out is valid until the next call; NGX_DECLINED: more
 * than `max' bytes; NGX_ERROR: broken; NGX_ABORT: no memory.
 */
ngx_int_t ngx_chat_inflate(u_char *src, size_t len, size_t max,
    ngx_str_t *out, ngx_log_t *log);


#endif /* _NGX_CHAT_DEFLATE_H_INCLUDED_ */
