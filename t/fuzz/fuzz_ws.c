
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * The frame parser.  The input's first 4 bytes choose the limit and how the
 * rest is cut; the rest is what a client sends.  Each input is parsed whole
 * and in pieces: both have to come to the same end.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_ws.h"
#include "ngx_chat_utf8.h"


typedef struct {
    uint64_t               hash;      /* of all that was delivered whole */
    size_t                 frames;
    ngx_uint_t             code;      /* 0: no error */
    size_t                 max;

    ngx_chat_ws_parser_t   parser;
    ngx_uint_t             open;
    ngx_uint_t             opcode;
    size_t                 len;
    u_char                 message[65536];
} fuzz_run_t;


ngx_log_t *stub_init(void);

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static fuzz_run_t  whole, pieces;


#define fuzz_require(cond)                                                    \
    if (!(cond)) {                                                            \
        __builtin_trap();                                                     \
    }


static void
fuzz_hash(fuzz_run_t *r, const void *data, size_t len)
{
    size_t         i;
    const u_char  *p;

    p = data;

    for (i = 0; i < len; i++) {
        r->hash = (r->hash ^ p[i]) * 0x100000001b3ULL;
    }
}


static void
fuzz_deliver(fuzz_run_t *r, ngx_uint_t opcode, u_char *data, size_t len)
{
    r->frames++;

    fuzz_hash(r, &opcode, sizeof(opcode));
    fuzz_hash(r, &len, sizeof(len));
    fuzz_hash(r, data, len);
}


static void
fuzz_close(u_char *data, size_t len)
{
    u_char      frame[127], *end;
    ngx_int_t   rc;
    ngx_str_t   reason, again;
    ngx_uint_t  code, code2;

    rc = ngx_chat_ws_close_parse(data, len, &code, &reason);

    if (rc != NGX_OK) {
        fuzz_require(code == 1002 || code == 1007);
        fuzz_require(reason.len == 0);
        return;
    }

    fuzz_require(ngx_chat_utf8_valid(reason.data, reason.len) == NGX_OK);

    /* there and back */

    end = ngx_chat_ws_close_frame(frame, code, &reason);

    fuzz_require((size_t) (end - frame) == 2 + len);
    fuzz_require(frame[0] == 0x88 && frame[1] == len);

    rc = ngx_chat_ws_close_parse(frame + 2, len, &code2, &again);

    fuzz_require(rc == NGX_OK && code2 == code && again.len == reason.len);
}


static void
fuzz_piece(fuzz_run_t *r, ngx_chat_ws_piece_t *piece)
{
    if (piece->opcode >= NGX_CHAT_WS_CLOSE) {
        fuzz_require(piece->opcode <= NGX_CHAT_WS_PONG);
        fuzz_require(piece->len <= NGX_CHAT_WS_CONTROL_MAX);
        fuzz_require(piece->first && piece->last);

        fuzz_deliver(r, piece->opcode, piece->data, piece->len);

        if (piece->opcode == NGX_CHAT_WS_CLOSE) {
            fuzz_close(piece->data, piece->len);
        }

        return;
    }

    fuzz_require(piece->opcode == NGX_CHAT_WS_TEXT
                 || piece->opcode == NGX_CHAT_WS_BINARY);
    fuzz_require(piece->first == !r->open);
    fuzz_require(piece->first || piece->opcode == r->opcode);
    fuzz_require(piece->len <= r->max && r->len <= r->max - piece->len);

    r->opcode = piece->opcode;
    r->open = 1;

    if (piece->len) {
        ngx_memcpy(r->message + r->len, piece->data, piece->len);
        r->len += piece->len;
    }

    if (!piece->last) {
        fuzz_require(piece->len);
        return;
    }

    if (piece->opcode == NGX_CHAT_WS_TEXT) {
        fuzz_require(ngx_chat_utf8_valid(r->message, r->len) == NGX_OK);
    }

    fuzz_deliver(r, r->opcode, r->message, r->len);

    r->open = 0;
    r->len = 0;
}


static void
fuzz_begin(fuzz_run_t *r, size_t max)
{
    ngx_chat_ws_parser_init(&r->parser, max);

    r->hash = 0xcbf29ce484222325ULL;
    r->frames = 0;
    r->code = 0;
    r->max = max;
    r->open = 0;
    r->len = 0;
}


/* a copy of the exact size: to read or write beyond it is an error of ASan */

static void
fuzz_feed(fuzz_run_t *r, const uint8_t *data, size_t size)
{
    u_char               *block, *pos, *last;
    ngx_int_t             rc;
    ngx_chat_ws_piece_t   piece;

    if (r->code) {
        return;
    }

    block = malloc(size ? size : 1);
    fuzz_require(block != NULL);

    if (size) {
        ngx_memcpy(block, data, size);
    }

    pos = block;
    last = block + size;

    for ( ;; ) {
        rc = ngx_chat_ws_parse(&r->parser, &pos, last, &piece);

        fuzz_require(pos >= block && pos <= last);

        if (rc != NGX_OK) {
            break;
        }

        fuzz_piece(r, &piece);
    }

    if (rc == NGX_ERROR) {
        r->code = r->parser.close_code;
        fuzz_require(r->code == 1002 || r->code == 1007 || r->code == 1009);

    } else {
        fuzz_require(rc == NGX_AGAIN && pos == last);
    }

    free(block);
}


int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void) stub_init();

    return 0;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t    n, max, pos, step;
    uint32_t  seed;

    if (size < 4) {
        return 0;
    }

    max = (size_t) data[0] << (data[1] & 7);
    step = 1 + (data[1] >> 3);
    seed = 1 + data[2] + ((uint32_t) data[3] << 8);

    data += 4;
    size -= 4;

    fuzz_begin(&whole, max);
    fuzz_feed(&whole, data, size);
    ngx_chat_ws_parser_cleanup(&whole.parser);

    fuzz_begin(&pieces, max);

    for (pos = 0; pos < size; pos += n) {
        seed = seed * 1103515245 + 12345;
        n = ngx_min((seed >> 16) % (step + 1), size - pos);

        fuzz_feed(&pieces, data + pos, n);
    }

    ngx_chat_ws_parser_cleanup(&pieces.parser);

    fuzz_require(whole.code == pieces.code);
    fuzz_require(whole.frames == pieces.frames);
    fuzz_require(whole.hash == pieces.hash);

    return 0;
}
