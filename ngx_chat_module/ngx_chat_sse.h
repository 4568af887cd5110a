
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Server-Sent Events blocks (WHATWG HTML, section 9.2).
 */


#ifndef _NGX_CHAT_SSE_H_INCLUDED_
#define _NGX_CHAT_SSE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/*
 * The data part of a block: one "data: " line per line of `text' (split at CR,
 * LF and CRLF alike, so that a payload can forge nothing) and the empty line
 * that ends the block.  An empty text, also the null string, is one empty
 * line; a line break at the end begins one more.  _len() is the exact size,
 * the other writes it and returns the end.
 */
size_t ngx_chat_sse_data_len(u_char *text, size_t len);
u_char *ngx_chat_sse_data(u_char *dst, u_char *text, size_t len);


#endif /* _NGX_CHAT_SSE_H_INCLUDED_ */
