
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * WebSocket frames of RFC 6455 without I/O: a pull parser for what a client
 * sends and builders for what a server sends.
 */


#ifndef _NGX_CHAT_WS_H_INCLUDED_
#define _NGX_CHAT_WS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat.h"


#define NGX_CHAT_WS_CONTINUATION  0x0
#define NGX_CHAT_WS_TEXT          0x1
#define NGX_CHAT_WS_BINARY        0x2
#define NGX_CHAT_WS_CLOSE         0x8
#define NGX_CHAT_WS_PING          0x9
#define NGX_CHAT_WS_PONG          0xa

/* of a message's first frame: it is compressed (RFC 7692, section 6) */
#define NGX_CHAT_WS_RSV1          0x40

/* the longest header of a frame from a server: no mask */
#define NGX_CHAT_WS_HEADER_MAX    10
#define NGX_CHAT_WS_CONTROL_MAX   125
#define NGX_CHAT_WS_ACCEPT_LEN    28


/*
 * One piece of input.  For TEXT and BINARY `data' is a part of a message,
 * unmasked in place in the caller's buffer: `first' and `last' tell where the
 * message begins and ends (a piece may be both; only the last of a message may
 * be empty).  A control frame is always delivered whole, between the pieces of
 * a message too; its data is valid until the next call.
 */

typedef struct {
    ngx_uint_t   opcode;        /* TEXT, BINARY, CLOSE, PING or PONG */
    u_char      *data;
    size_t       len;
    unsigned     first:1;
    unsigned     last:1;
    unsigned     compressed:1;  /* a part of a compressed message */
} ngx_chat_ws_piece_t;


/* kept in every session: small on purpose */

typedef struct {
    uint64_t     left;          /* payload bytes of the frame still to come */
    size_t       received;      /* payload bytes of the message so far */
    size_t       max_message;
    u_char      *control;       /* a control frame split over reads */
    uint32_t     utf8;          /* state of ngx_chat_utf8_feed() */
    u_char       header[14];
    uint8_t      header_len;
    uint8_t      state;
    uint8_t      opcode;        /* of the frame */
    uint8_t      message;       /* opcode of the message, 0: none */
    uint8_t      mask_pos;
    uint8_t      control_len;
    unsigned     fin:1;
    unsigned     first:1;
    unsigned     deflate:1;     /* RSV1 may be set (RFC 7692) */
    unsigned     compressed:1;  /* of the message */
    uint16_t     close_code;    /* after NGX_ERROR: what to close with */
} ngx_chat_ws_parser_t;


/* `max_message' bounds the sum of all fragments of a message, in bytes */
void ngx_chat_ws_parser_init(ngx_chat_ws_parser_t *p, size_t max_message);

/* frees what a split control frame holds; idempotent */
void ngx_chat_ws_parser_cleanup(ngx_chat_ws_parser_t *p);

/*
 * Consumes from *pos to `last'.
 *
 *   NGX_OK     a piece is in `piece', call again
 *   NGX_AGAIN  everything was consumed, nothing to deliver
 *   NGX_ERROR  p->close_code says why (1002, 1007, 1009; 1011: no memory);
 *              the parser must not be fed again, and says the same if it is
 *
 * Pieces of a message that turns out to be broken may have been delivered
 * before: only the one with `last' vouches for the whole.  What follows a
 * Close frame is consumed and dropped (5.5.1).
 *
 * What is compressed is delivered as it is: its size when inflated and its
 * UTF-8 are for the caller to check.
 *
 * Refused: unmasked frames, RSV bits but the one that was negotiated, unknown
 * opcodes, fragmented or long control frames, lengths not in their shortest
 * form or with the top bit set, continuation without a message, a new message
 * inside one (sections 5.2, 5.4, 5.5), text that is not UTF-8 as soon as it
 * shows (8.1).  A length that would exceed max_message is refused from its
 * header, before any payload.
 */
ngx_int_t ngx_chat_ws_parse(ngx_chat_ws_parser_t *p, u_char **pos,
    u_char *last, ngx_chat_ws_piece_t *piece);

/* writes a header (FIN, no mask) to `p', at most NGX_CHAT_WS_HEADER_MAX bytes;
   returns its end */
u_char *ngx_chat_ws_header(u_char *p, ngx_uint_t opcode, size_t len);

/* the exact size that ngx_chat_ws_header() writes for this length: 2, 4, 10 */
size_t ngx_chat_ws_header_len(size_t len);

/* a whole Close frame; `code' 1005, 0 and what else must not be on the wire
   (7.4) write an empty one; `reason', or NULL, is cut to 123 bytes at a
   character's start; `p' has room for 127 bytes */
u_char *ngx_chat_ws_close_frame(u_char *p, ngx_uint_t code, ngx_str_t *reason);

/*
 * Reads the payload of a Close frame (section 5.5.1).  An empty one is 1005.
 * NGX_ERROR: one byte long, a code that must not be on the wire (7.4), or a
 * reason that is not UTF-8; *code is then what to answer (1002 or 1007) and
 * the reason is empty.
 */
ngx_int_t ngx_chat_ws_close_parse(u_char *data, size_t len, ngx_uint_t *code,
    ngx_str_t *reason);

/* Sec-WebSocket-Accept for a key (section 4.2.2); not null-terminated */
void ngx_chat_ws_accept(u_char dst[NGX_CHAT_WS_ACCEPT_LEN], ngx_str_t *key);

/* NGX_OK if it is base64 of 16 bytes (section 4.1), else NGX_DECLINED */
ngx_int_t ngx_chat_ws_key_valid(ngx_str_t *key);


#endif /* _NGX_CHAT_WS_H_INCLUDED_ */
