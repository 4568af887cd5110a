
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * UTF-8 (RFC 3629): overlong forms, surrogates and values above U+10FFFF are
 * errors.
 */


#ifndef _NGX_CHAT_UTF8_H_INCLUDED_
#define _NGX_CHAT_UTF8_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


#define NGX_CHAT_UTF8_ACCEPT  0
#define NGX_CHAT_UTF8_REJECT  1


/*
 * Incremental: *state is NGX_CHAT_UTF8_ACCEPT at first.  NGX_ERROR at the
 * first byte that can't be right, and ever after; else NGX_OK, and the text so
 * far ends at the end of a character only if *state is NGX_CHAT_UTF8_ACCEPT.
 */
ngx_int_t ngx_chat_utf8_feed(uint32_t *state, u_char *p, size_t n);

/* the whole string at once: NGX_OK or NGX_ERROR */
ngx_int_t ngx_chat_utf8_valid(u_char *p, size_t n);

/*
 * The next character of valid UTF-8 text; moves *p behind it.
 * 0xffffffff: broken, cut or nothing left, and *p stays.
 */
uint32_t ngx_chat_utf8_next(u_char **p, u_char *last);


#endif /* _NGX_CHAT_UTF8_H_INCLUDED_ */
