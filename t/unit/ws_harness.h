
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * For test_ws*.c: a vector of bytes is built frame by frame together with what
 * a parser has to make of it, and is then fed in one piece, byte by byte, in
 * two pieces cut at every place and in random pieces; the outcome has to be
 * the same every time.
 */


#ifndef _WS_HARNESS_H_INCLUDED_
#define _WS_HARNESS_H_INCLUDED_


#define WS_SIZE  (1024 * 1024)

#define FIN      0x80
#define RSV1     0x40
#define RSV2     0x20
#define RSV3     0x10
#define CONT     NGX_CHAT_WS_CONTINUATION
#define TEXT     NGX_CHAT_WS_TEXT
#define BINARY   NGX_CHAT_WS_BINARY
#define CLOSE    NGX_CHAT_WS_CLOSE
#define PING     NGX_CHAT_WS_PING
#define PONG     NGX_CHAT_WS_PONG

/* forms of a frame's length, 0 is the shortest one */
#define LEN7     1
#define LEN16    2
#define LEN64    8


/* what came out: one short line per message, the end last */

typedef struct {
    char                   text[65536];
    size_t                 len;
} ws_record_t;


typedef struct {
    const char            *name;
    size_t                 max;

    u_char                 in[WS_SIZE + 65536];
    size_t                 len;

    ws_record_t            want;
    size_t                 want_at;     /* bytes until the error, 0: any */

    /* of one run */

    ngx_chat_ws_parser_t   parser;
    ws_record_t            got;
    u_char                 message[WS_SIZE];
    size_t                 message_len;
    ngx_uint_t             message_open;
    size_t                 fed;
    ngx_int_t              rc;
} ws_vector_t;


static ws_vector_t  v;


static void
ws_put(ws_record_t *r, ngx_uint_t opcode, const u_char *data, size_t len)
{
    static const char  *names[] = {
        "cont", "text", "binary", "3", "4", "5", "6", "7",
        "close", "ping", "pong", "b", "c", "d", "e", "f"
    };

    if (r->len > sizeof(r->text) - 128) {
        return;
    }

    r->len += snprintf(r->text + r->len, 128, "%s %lu %08x %.*s\n",
                       names[opcode & 0xf], (unsigned long) len,
                       (unsigned) ngx_crc32_long((u_char *) data, len),
                       (int) ngx_min(len, 16), (const char *) data);
}


static void
ws_put_end(ws_record_t *r, ngx_uint_t code)
{
    r->len += snprintf(r->text + r->len, 32, "end %lu\n",
                       (unsigned long) code);
}


/* the vector */

static void
ws_begin(const char *name, size_t max)
{
    v.name = name;
    v.max = max;
    v.len = 0;
    v.want.len = 0;
    v.want_at = 0;
}


static void
ws_raw(const void *data, size_t len)
{
    if (v.len + len > sizeof(v.in)) {
        abort();
    }

    if (len) {
        memcpy(v.in + v.len, data, len);
        v.len += len;
    }
}


/* the header: `first' is FIN, RSV and opcode */

static void
ws_header(unsigned first, unsigned form, unsigned masked, uint64_t len,
    u_char *mask)
{
    u_char      h[10];
    unsigned    i, n;

    if (form == 0) {
        form = (len < 126) ? LEN7 : (len < 65536) ? LEN16 : LEN64;
    }

    n = (form == LEN7) ? 0 : form;

    h[0] = (u_char) first;
    h[1] = (u_char) (n == 0 ? len : (n == LEN16) ? 126 : 127);
    h[1] |= masked ? 0x80 : 0;

    for (i = 0; i < n; i++) {
        h[2 + i] = (u_char) (len >> (8 * (n - 1 - i)));
    }

    ws_raw(h, 2 + n);

    if (masked) {
        ws_raw(mask, 4);
    }
}


static void
ws_frame(unsigned first, const void *data, size_t len)
{
    size_t           i;
    u_char           mask[4];
    uint64_t         r;
    static unsigned  turn;

    /* a mask of zeros now and then: it hides no mistake in the payload */

    r = (turn++ % 5 == 0) ? 0 : unit_random();
    memcpy(mask, &r, 4);

    ws_header(first, 0, 1, len, mask);
    ws_raw(data, len);

    for (i = 0; i < len; i++) {
        v.in[v.len - len + i] ^= mask[i % 4];
    }
}


/* what is expected of it */

static void
ws_want(ngx_uint_t opcode, const void *data, size_t len)
{
    ws_put(&v.want, opcode, data, len);
}


/* a frame that is delivered as it is */

static void
ws_pass(unsigned opcode, const void *data, size_t len)
{
    ws_frame(FIN|opcode, data, len);
    ws_want(opcode, data, len);
}


/* one run */

static void
ws_piece(ngx_chat_ws_piece_t *piece)
{
    if (piece->opcode >= CLOSE) {
        check(piece->first && piece->last && piece->len <= 125,
              "%s: control frame is whole", v.name);
        ws_put(&v.got, piece->opcode, piece->data, piece->len);
        return;
    }

    check(piece->opcode == TEXT || piece->opcode == BINARY,
          "%s: opcode %lu", v.name, (unsigned long) piece->opcode);

    check(piece->first == !v.message_open, "%s: first", v.name);
    check(piece->len != 0 || piece->last, "%s: empty piece", v.name);
    check(v.message_len + piece->len <= v.max, "%s: over limit", v.name);

    if (v.message_len + piece->len > sizeof(v.message)) {
        abort();
    }

    if (piece->len) {
        memcpy(v.message + v.message_len, piece->data, piece->len);
    }

    v.message_len += piece->len;
    v.message_open = 1;

    if (piece->last) {
        ws_put(&v.got, piece->opcode, v.message, v.message_len);
        v.message_len = 0;
        v.message_open = 0;
    }
}


static void
ws_run_begin(void)
{
    ngx_chat_ws_parser_init(&v.parser, v.max);

    v.got.len = 0;
    v.message_len = 0;
    v.message_open = 0;
    v.fed = 0;
    v.rc = NGX_AGAIN;
}


/* a block of the exact size, freed after: nothing may reach beyond it */

static void
ws_feed(const u_char *data, size_t len)
{
    u_char               *block, *pos, *last;
    ngx_chat_ws_piece_t   piece;

    if (v.rc == NGX_ERROR) {
        return;
    }

    block = malloc(len ? len : 1);
    if (block == NULL) {
        abort();
    }

    if (len) {
        memcpy(block, data, len);
    }

    pos = block;
    last = block + len;

    for ( ;; ) {
        memset(&piece, 0xa5, sizeof(piece));

        v.rc = ngx_chat_ws_parse(&v.parser, &pos, last, &piece);

        if (v.rc != NGX_OK) {
            break;
        }

        ws_piece(&piece);
    }

    v.fed += pos - block;

    if (v.rc == NGX_AGAIN) {
        check(pos == last, "%s: all is consumed", v.name);

    } else {
        check(v.rc == NGX_ERROR && v.parser.close_code != 0,
              "%s: error with a code", v.name);
        check(ngx_chat_ws_parse(&v.parser, &pos, last, &piece) == NGX_ERROR,
              "%s: the error stays", v.name);
    }

    free(block);
}


static int
ws_run_end(const char *how, size_t n)
{
    ws_put_end(&v.got, v.rc == NGX_ERROR ? v.parser.close_code : 0);

    ngx_chat_ws_parser_cleanup(&v.parser);
    ngx_chat_ws_parser_cleanup(&v.parser);

    if (v.got.len == v.want.len
        && memcmp(v.got.text, v.want.text, v.want.len) == 0)
    {
        return check(1, "same");
    }

    ok(0, "%s: %s %lu", v.name, how, (unsigned long) n);
    unit_dump("got     ", v.got.text, v.got.len);
    unit_dump("expected", v.want.text, v.want.len);

    return 0;
}


static int
ws_run_bytes(void)
{
    size_t  i;

    ws_run_begin();

    for (i = 0; i < v.len; i++) {
        ws_feed(v.in + i, 1);
        ws_feed(v.in, 0);
    }

    if (v.want_at) {
        check(v.fed == v.want_at, "%s: refused after %lu bytes, not %lu",
              v.name, (unsigned long) v.fed, (unsigned long) v.want_at);
    }

    return ws_run_end("byte by byte", 0);
}


static int
ws_run_cut(size_t cut)
{
    ws_run_begin();
    ws_feed(v.in, cut);
    ws_feed(v.in + cut, v.len - cut);

    return ws_run_end("cut at", cut);
}


static int
ws_run_random(size_t round)
{
    size_t  n, pos, max;

    ws_run_begin();

    max = 1 + unit_random() % (v.len > 4096 ? v.len / 4 : 24);

    for (pos = 0; pos < v.len; pos += n) {
        n = unit_random() % (max + 1);
        n = ngx_min(n, v.len - pos);
        ws_feed(v.in + pos, n);
    }

    return ws_run_end("random", round);
}


/* `code' is of the error that ends it, 0: none */

static int
ws_run_all(ngx_uint_t code)
{
    int     passed;
    size_t  i;

    ws_put_end(&v.want, code);

    passed = ws_run_cut(0) && ws_run_bytes();

    for (i = 1; i < v.len && passed; i++) {

        /* of long vectors every cut near the ends, some in the middle */

        if (v.len > 2048 && i > 300 && i < v.len - 300) {
            i += unit_random() % (v.len / 50 + 1);
            i = ngx_min(i, v.len);
        }

        passed = ws_run_cut(i);
    }

    for (i = 0; i < (v.len > 4096 ? 10 : 60) && passed; i++) {
        passed = ws_run_random(i);
    }

    return passed;
}


static void
ws_end(ngx_uint_t code)
{
    unsigned long  failed;

    failed = unit_failed;

    (void) ws_run_all(code);

    ok(unit_failed == failed, "%s", v.name);
}


#endif /* _WS_HARNESS_H_INCLUDED_ */
