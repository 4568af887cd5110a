
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Names of rooms and users, display names, event ids: PROTOCOL, section 1.
 */


#ifndef _NGX_CHAT_NAME_H_INCLUDED_
#define _NGX_CHAT_NAME_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat.h"


/*
 * 1-128 bytes of valid UTF-8 without C0/C1/DEL, space, / \ ? # % , * { } " < >,
 * zero-width and bidi controls, and not beginning with ~ . $ @
 * NGX_OK or NGX_DECLINED.  `server' admits a leading "~" (the server's rooms).
 */
ngx_int_t ngx_chat_room_name_valid(ngx_str_t *name, ngx_uint_t server);

/* the same rules, 1-64 bytes; `guest' admits a leading "~" */
ngx_int_t ngx_chat_user_id_valid(ngx_str_t *id, ngx_uint_t guest);

/*
 * A display name: 1-64 bytes of valid UTF-8; controls, zero-width, bidi and
 * tag characters are refused, runs of space are collapsed in place and trimmed,
 * more than 3 combining marks in a row are refused.  NGX_OK or NGX_DECLINED.
 */
ngx_int_t ngx_chat_display_name(ngx_str_t *name);

/* whether a room's name matches a pattern, in which "*" is any run of bytes */
ngx_uint_t ngx_chat_pattern_match(ngx_str_t *pattern, ngx_str_t *name);

/*
 * "<epoch>-<offset>" or "0".  NGX_DECLINED: not of that form (offset has no
 * leading zeros except "0" itself and is at most 2^53-1).
 */
ngx_int_t ngx_chat_id_parse(ngx_str_t *text, ngx_chat_id_t *id);

/*
 * 128 bits of SHA-256 of a name, the same on every host; nobody can find two
 * names with one key.  `what', a letter, keeps names of different things apart.
 * NGX_ERROR: longer than a room's name, or OpenSSL failed.
 */
#define NGX_CHAT_NAME_KEY  16
ngx_int_t ngx_chat_name_key(u_char key[NGX_CHAT_NAME_KEY], u_char what,
    ngx_str_t *name);

/* writes "<epoch>-<offset>", at most NGX_CHAT_ID_LEN bytes; returns the end */
u_char *ngx_chat_id_print(u_char *p, u_char *epoch, uint64_t offset);

/*
 * 10 base-36 digits (0-9a-z) of (start + n * K) mod 36^10; K is odd and not
 * divisible by 3, so that 36^10 values of n give as many epochs.
 */
void ngx_chat_epoch_print(u_char dst[NGX_CHAT_EPOCH_LEN], uint64_t start,
    uint64_t n);


#endif /* _NGX_CHAT_NAME_H_INCLUDED_ */
