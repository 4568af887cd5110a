
/*
 * Copyright (C) the ngx_chat_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_sha1.h>
#include "ngx_chat.h"
#include "ngx_chat_ws.h"
#include "ngx_chat_utf8.h"


#define NGX_CHAT_WS_FIN         0x80
#define NGX_CHAT_WS_RSV         0x70
#define NGX_CHAT_WS_OPCODE      0x0f
#define NGX_CHAT_WS_MASK        0x80
#define NGX_CHAT_WS_LENGTH      0x7f

/* values of the 7-bit length that announce a longer one (section 5.2) */
#define NGX_CHAT_WS_LENGTH_16   126
#define NGX_CHAT_WS_LENGTH_64   127

#define NGX_CHAT_WS_MASK_LEN    4

#define NGX_CHAT_WS_REASON_MAX  (NGX_CHAT_WS_CONTROL_MAX - 2)

#define NGX_CHAT_WS_KEY_LEN     24
#define NGX_CHAT_WS_GUID        "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

#define ngx_chat_ws_is_control(opcode)  ((opcode) & 0x8)


typedef enum {
    sw_start = 0,
    sw_header,
    sw_data,
    sw_control,
    sw_closed,
    sw_error
} ngx_chat_ws_state_e;


static ngx_int_t ngx_chat_ws_parse_header(ngx_chat_ws_parser_t *p,
    u_char **pos, u_char *last);
static size_t ngx_chat_ws_header_need(ngx_chat_ws_parser_t *p);
static ngx_int_t ngx_chat_ws_check_start(ngx_chat_ws_parser_t *p);
static ngx_int_t ngx_chat_ws_check_length(ngx_chat_ws_parser_t *p);
static ngx_int_t ngx_chat_ws_parse_data(ngx_chat_ws_parser_t *p,
    u_char **pos, size_t n, ngx_chat_ws_piece_t *piece);
static ngx_int_t ngx_chat_ws_parse_control(ngx_chat_ws_parser_t *p,
    u_char **pos, size_t n, ngx_chat_ws_piece_t *piece);
static ngx_int_t ngx_chat_ws_save_control(ngx_chat_ws_parser_t *p,
    u_char **pos, size_t n);
static void ngx_chat_ws_unmask(ngx_chat_ws_parser_t *p, u_char *data,
    size_t n);
static ngx_int_t ngx_chat_ws_error(ngx_chat_ws_parser_t *p, ngx_uint_t code);
static ngx_uint_t ngx_chat_ws_close_code_valid(ngx_uint_t code);


void
ngx_chat_ws_parser_init(ngx_chat_ws_parser_t *p, size_t max_message)
{
    /* zeros are sw_start, no message, NGX_CHAT_UTF8_ACCEPT */

    ngx_memzero(p, sizeof(ngx_chat_ws_parser_t));

    p->max_message = max_message;
}


void
ngx_chat_ws_parser_cleanup(ngx_chat_ws_parser_t *p)
{
    if (p->control != NULL) {
        ngx_free(p->control);
        p->control = NULL;
    }
}


ngx_int_t
ngx_chat_ws_parse(ngx_chat_ws_parser_t *p, u_char **pos, u_char *last,
    ngx_chat_ws_piece_t *piece)
{
    size_t     n;
    ngx_int_t  rc;

    for ( ;; ) {

        switch ((ngx_chat_ws_state_e) p->state) {

        case sw_start:

            /* what the last call delivered has been used by now */

            ngx_chat_ws_parser_cleanup(p);

            p->header_len = 0;
            p->state = sw_header;

            /* fall through */

        case sw_header:

            rc = ngx_chat_ws_parse_header(p, pos, last);

            if (rc != NGX_OK) {
                return rc;
            }

            break;

        case sw_data:
        case sw_control:

            n = last - *pos;

            if (n >= p->left) {
                n = (size_t) p->left;

            } else if (n == 0) {
                return NGX_AGAIN;
            }

            return (p->state == sw_data)
                   ? ngx_chat_ws_parse_data(p, pos, n, piece)
                   : ngx_chat_ws_parse_control(p, pos, n, piece);

        case sw_closed:

            /* nothing that follows a Close frame counts (section 5.5.1) */

            ngx_chat_ws_parser_cleanup(p);

            *pos = last;

            return NGX_AGAIN;

        case sw_error:
            return NGX_ERROR;
        }
    }
}


static ngx_int_t
ngx_chat_ws_parse_header(ngx_chat_ws_parser_t *p, u_char **pos, u_char *last)
{
    while (p->header_len < ngx_chat_ws_header_need(p)) {

        if (*pos == last) {
            return NGX_AGAIN;
        }

        p->header[p->header_len++] = *(*pos)++;

        if (p->header_len == 2 && ngx_chat_ws_check_start(p) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return ngx_chat_ws_check_length(p);
}


static size_t
ngx_chat_ws_header_need(ngx_chat_ws_parser_t *p)
{
    if (p->header_len < 2) {
        return 2;
    }

    switch (p->header[1] & NGX_CHAT_WS_LENGTH) {

    case NGX_CHAT_WS_LENGTH_16:
        return 2 + 2 + NGX_CHAT_WS_MASK_LEN;

    case NGX_CHAT_WS_LENGTH_64:
        return 2 + 8 + NGX_CHAT_WS_MASK_LEN;

    default:
        return 2 + NGX_CHAT_WS_MASK_LEN;
    }
}


/* all that the first two bytes tell */

static ngx_int_t
ngx_chat_ws_check_start(ngx_chat_ws_parser_t *p)
{
    ngx_uint_t  rsv;

    p->fin = (p->header[0] & NGX_CHAT_WS_FIN) ? 1 : 0;
    p->opcode = p->header[0] & NGX_CHAT_WS_OPCODE;

    /* a client masks everything (section 5.1) */

    rsv = p->header[0] & NGX_CHAT_WS_RSV;

    if (rsv == NGX_CHAT_WS_RSV1 && p->deflate
        && (p->opcode == NGX_CHAT_WS_TEXT || p->opcode == NGX_CHAT_WS_BINARY))
    {
        rsv = 0;
    }

    if (rsv || !(p->header[1] & NGX_CHAT_WS_MASK)) {
        return ngx_chat_ws_error(p, NGX_CHAT_CLOSE_PROTOCOL);
    }

    switch (p->opcode) {

    case NGX_CHAT_WS_CONTINUATION:

        if (p->message != 0) {
            return NGX_OK;
        }

        break;

    case NGX_CHAT_WS_TEXT:
    case NGX_CHAT_WS_BINARY:

        if (p->message == 0) {
            p->message = p->opcode;
            p->first = 1;
            p->received = 0;
            p->compressed = (p->header[0] & NGX_CHAT_WS_RSV) ? 1 : 0;

            return NGX_OK;
        }

        break;

    case NGX_CHAT_WS_CLOSE:
    case NGX_CHAT_WS_PING:
    case NGX_CHAT_WS_PONG:

        /* section 5.5 */

        if (p->fin
            && (p->header[1] & NGX_CHAT_WS_LENGTH) <= NGX_CHAT_WS_CONTROL_MAX)
        {
            return NGX_OK;
        }

        break;
    }

    return ngx_chat_ws_error(p, NGX_CHAT_CLOSE_PROTOCOL);
}


/* the header is complete: chooses what comes next */

static ngx_int_t
ngx_chat_ws_check_length(ngx_chat_ws_parser_t *p)
{
    u_char    *b, *mask;
    uint64_t   len, min;

    b = p->header + 2;
    mask = p->header + p->header_len - NGX_CHAT_WS_MASK_LEN;

    if (b == mask) {
        len = p->header[1] & NGX_CHAT_WS_LENGTH;

    } else {

        /* the length has to be in its shortest form (section 5.2) */

        min = (mask - b == 2) ? NGX_CHAT_WS_LENGTH_16 : 65536;

        for (len = 0; b < mask; b++) {
            len = len << 8 | *b;
        }

        if (len < min || len >> 63) {
            return ngx_chat_ws_error(p, NGX_CHAT_CLOSE_PROTOCOL);
        }
    }

    p->left = len;
    p->mask_pos = 0;

    if (ngx_chat_ws_is_control(p->opcode)) {
        p->control_len = 0;
        p->state = sw_control;
        return NGX_OK;
    }

    if (len > p->max_message - p->received) {
        return ngx_chat_ws_error(p, NGX_CHAT_CLOSE_TOO_BIG);
    }

    /* an empty fragment that ends nothing is not worth a piece */

    p->state = (len == 0 && !p->fin) ? sw_start : sw_data;

    return NGX_OK;
}


/* `n' bytes at *pos are of this frame; 0 only if it is empty */

static ngx_int_t
ngx_chat_ws_parse_data(ngx_chat_ws_parser_t *p, u_char **pos, size_t n,
    ngx_chat_ws_piece_t *piece)
{
    ngx_chat_ws_unmask(p, *pos, n);

    piece->opcode = p->message;
    piece->data = *pos;
    piece->len = n;
    piece->first = p->first;
    piece->compressed = p->compressed;

    *pos += n;

    p->left -= n;
    p->received += n;
    p->first = 0;

    piece->last = (p->left == 0 && p->fin);

    /* a text that ends leaves `utf8' as the next one needs it */

    if (p->message == NGX_CHAT_WS_TEXT && !p->compressed) {

        if (ngx_chat_utf8_feed(&p->utf8, piece->data, n) != NGX_OK
            || (piece->last && p->utf8 != NGX_CHAT_UTF8_ACCEPT))
        {
            return ngx_chat_ws_error(p, NGX_CHAT_CLOSE_INVALID);
        }
    }

    if (p->left == 0) {
        p->state = sw_start;
    }

    if (piece->last) {
        p->message = 0;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_chat_ws_parse_control(ngx_chat_ws_parser_t *p, u_char **pos, size_t n,
    ngx_chat_ws_piece_t *piece)
{
    if (n == p->left && p->control_len == 0) {

        /* nearly always: the frame is whole in the caller's buffer */

        piece->data = *pos;
        piece->len = n;

        *pos += n;

    } else {

        if (ngx_chat_ws_save_control(p, pos, n) != NGX_OK) {
            return NGX_ERROR;
        }

        if (p->left != 0) {
            return NGX_AGAIN;
        }

        piece->data = p->control;
        piece->len = p->control_len;
    }

    ngx_chat_ws_unmask(p, piece->data, piece->len);

    piece->opcode = p->opcode;
    piece->first = 1;
    piece->last = 1;
    piece->compressed = 0;

    p->left = 0;
    p->state = (p->opcode == NGX_CHAT_WS_CLOSE) ? sw_closed : sw_start;

    return NGX_OK;
}


static ngx_int_t
ngx_chat_ws_save_control(ngx_chat_ws_parser_t *p, u_char **pos, size_t n)
{
    if (p->control == NULL) {

        p->control = ngx_alloc(NGX_CHAT_WS_CONTROL_MAX, ngx_cycle->log);

        if (p->control == NULL) {
            return ngx_chat_ws_error(p, NGX_CHAT_CLOSE_INTERNAL);
        }
    }

    ngx_memcpy(p->control + p->control_len, *pos, n);

    *pos += n;

    p->control_len += (uint8_t) n;
    p->left -= n;

    return NGX_OK;
}


/* section 5.3; a piece may begin at any byte of the mask and of memory */

static void
ngx_chat_ws_unmask(ngx_chat_ws_parser_t *p, u_char *data, size_t n)
{
    u_char      key[8], *mask;
    uint64_t    word, mask8;
    ngx_uint_t  i;

    mask = p->header + p->header_len - NGX_CHAT_WS_MASK_LEN;

    for (i = 0; i < 8; i++) {
        key[i] = mask[(p->mask_pos + i) % NGX_CHAT_WS_MASK_LEN];
    }

    p->mask_pos = (uint8_t) ((p->mask_pos + n) % NGX_CHAT_WS_MASK_LEN);

    ngx_memcpy(&mask8, key, 8);

    while (n >= 8) {
        ngx_memcpy(&word, data, 8);
        word ^= mask8;
        ngx_memcpy(data, &word, 8);

        data += 8;
        n -= 8;
    }

    for (i = 0; i < n; i++) {
        data[i] ^= key[i];
    }
}


static ngx_int_t
ngx_chat_ws_error(ngx_chat_ws_parser_t *p, ngx_uint_t code)
{
    p->state = sw_error;
    p->close_code = (uint16_t) code;

    return NGX_ERROR;
}


u_char *
ngx_chat_ws_header(u_char *p, ngx_uint_t opcode, size_t len)
{
    ngx_uint_t  shift;

    *p++ = (u_char) (NGX_CHAT_WS_FIN | opcode);

    if (len < NGX_CHAT_WS_LENGTH_16) {
        *p++ = (u_char) len;
        return p;
    }

    if (len < 65536) {
        *p++ = NGX_CHAT_WS_LENGTH_16;
        *p++ = (u_char) (len >> 8);
        *p++ = (u_char) len;
        return p;
    }

    *p++ = NGX_CHAT_WS_LENGTH_64;

    for (shift = 64; shift; /* void */) {
        shift -= 8;
        *p++ = (u_char) ((uint64_t) len >> shift);
    }

    return p;
}


size_t
ngx_chat_ws_header_len(size_t len)
{
    return (len < NGX_CHAT_WS_LENGTH_16) ? 2
           : (len < 65536) ? 4 : NGX_CHAT_WS_HEADER_MAX;
}


u_char *
ngx_chat_ws_close_frame(u_char *p, ngx_uint_t code, ngx_str_t *reason)
{
    size_t  len;

    /* 1005 and what else is not for the wire tells by an empty payload */

    if (!ngx_chat_ws_close_code_valid(code)) {
        return ngx_chat_ws_header(p, NGX_CHAT_WS_CLOSE, 0);
    }

    len = (reason != NULL) ? reason->len : 0;

    if (len > NGX_CHAT_WS_REASON_MAX) {
        len = NGX_CHAT_WS_REASON_MAX;

        /* the byte behind the cut has to begin a character */

        while (len && (reason->data[len] & 0xc0) == 0x80) {
            len--;
        }
    }

    p = ngx_chat_ws_header(p, NGX_CHAT_WS_CLOSE, 2 + len);

    *p++ = (u_char) (code >> 8);
    *p++ = (u_char) code;

    return len ? ngx_cpymem(p, reason->data, len) : p;
}


ngx_int_t
ngx_chat_ws_close_parse(u_char *data, size_t len, ngx_uint_t *code,
    ngx_str_t *reason)
{
    ngx_str_null(reason);

    if (len == 0) {
        *code = NGX_CHAT_CLOSE_NO_STATUS;
        return NGX_OK;
    }

    if (len == 1) {
        *code = NGX_CHAT_CLOSE_PROTOCOL;
        return NGX_ERROR;
    }

    *code = (ngx_uint_t) data[0] << 8 | data[1];

    if (!ngx_chat_ws_close_code_valid(*code)) {
        *code = NGX_CHAT_CLOSE_PROTOCOL;
        return NGX_ERROR;
    }

    if (ngx_chat_utf8_valid(data + 2, len - 2) != NGX_OK) {
        *code = NGX_CHAT_CLOSE_INVALID;
        return NGX_ERROR;
    }

    reason->data = data + 2;
    reason->len = len - 2;

    return NGX_OK;
}


/*
 * Section 7.4 and the IANA registry: 1004 is reserved, 1005, 1006 and 1015 are
 * for the API of an endpoint; 3000-3999 are registered, 4000-4999 private.
 */

static ngx_uint_t
ngx_chat_ws_close_code_valid(ngx_uint_t code)
{
    if (code >= 1000 && code <= 1014) {
        return code < 1004 || code > 1006;
    }

    return code >= 3000 && code <= 4999;
}


void
ngx_chat_ws_accept(u_char dst[NGX_CHAT_WS_ACCEPT_LEN], ngx_str_t *key)
{
    u_char      digest[20];
    ngx_str_t   encoded, binary;
    ngx_sha1_t  sha1;

    ngx_sha1_init(&sha1);
    ngx_sha1_update(&sha1, key->data, key->len);
    ngx_sha1_update(&sha1, NGX_CHAT_WS_GUID, sizeof(NGX_CHAT_WS_GUID) - 1);
    ngx_sha1_final(digest, &sha1);

    binary.len = sizeof(digest);
    binary.data = digest;

    /* 20 bytes make exactly NGX_CHAT_WS_ACCEPT_LEN characters */

    encoded.data = dst;

    ngx_encode_base64(&encoded, &binary);
}


ngx_int_t
ngx_chat_ws_key_valid(ngx_str_t *key)
{
    u_char     nonce[ngx_base64_decoded_length(NGX_CHAT_WS_KEY_LEN)];
    ngx_str_t  decoded;

    /* the decoder stops at the first "=" and looks no further */

    if (key->len != NGX_CHAT_WS_KEY_LEN
        || key->data[NGX_CHAT_WS_KEY_LEN - 1] != '=')
    {
        return NGX_DECLINED;
    }

    decoded.data = nonce;

    if (ngx_decode_base64(&decoded, key) != NGX_OK || decoded.len != 16) {
        return NGX_DECLINED;
    }

    return NGX_OK;
}
