
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * What a server writes: frame headers, Close frames, the handshake's answer;
 * and how it reads the payload of a Close frame.
 */


#include "unit.h"
#include "ngx_chat_ws.h"


/* of the exact size: nothing may reach beyond it */

static u_char *
block(const void *data, size_t len)
{
    u_char  *p;

    p = malloc(len ? len : 1);
    if (p == NULL) {
        abort();
    }

    if (len) {
        memcpy(p, data, len);
    }

    return p;
}


static void
test_header(void)
{
    size_t      n;
    u_char     *p, *end;
    ngx_uint_t  i;

    static const struct {
        ngx_uint_t   opcode;
        size_t       len;
        const char  *bytes;
        size_t       n;
    } headers[] = {
        { NGX_CHAT_WS_TEXT, 0, "\x81\x00", 2 },
        { NGX_CHAT_WS_TEXT, 5, "\x81\x05", 2 },
        { NGX_CHAT_WS_BINARY, 125, "\x82\x7d", 2 },
        { NGX_CHAT_WS_BINARY, 126, "\x82\x7e\x00\x7e", 4 },
        { NGX_CHAT_WS_BINARY, 256, "\x82\x7e\x01\x00", 4 },
        { NGX_CHAT_WS_TEXT, 65535, "\x81\x7e\xff\xff", 4 },
        { NGX_CHAT_WS_TEXT, 65536, "\x81\x7f\0\0\0\0\0\x01\0\0", 10 },
        { NGX_CHAT_WS_BINARY, 0x12345678, "\x82\x7f\0\0\0\0\x12\x34\x56\x78",
          10 },
#if (NGX_PTR_SIZE == 8)
        { NGX_CHAT_WS_BINARY, 0x0123456789abcdefULL,
          "\x82\x7f\x01\x23\x45\x67\x89\xab\xcd\xef", 10 },
#endif
        { NGX_CHAT_WS_PING, 0, "\x89\x00", 2 },
        { NGX_CHAT_WS_PONG, 125, "\x8a\x7d", 2 },
        { NGX_CHAT_WS_CLOSE, 2, "\x88\x02", 2 },
        { NGX_CHAT_WS_CONTINUATION, 3, "\x80\x03", 2 }
    };

    for (i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        n = ngx_chat_ws_header_len(headers[i].len);
        is_int(n, headers[i].n, "size of a header for %lu",
               (unsigned long) headers[i].len);

        p = malloc(n);
        if (p == NULL) {
            abort();
        }

        end = ngx_chat_ws_header(p, headers[i].opcode, headers[i].len);

        is_mem(p, end - p, headers[i].bytes, headers[i].n,
               "header for opcode %lu, %lu bytes",
               (unsigned long) headers[i].opcode,
               (unsigned long) headers[i].len);

        free(p);
    }
}


static void
close_frame(ngx_uint_t code, const char *reason, const char *want, size_t len,
    const char *name)
{
    u_char     *p, *end;
    ngx_str_t   str;

    /* of the exact size */

    p = malloc(len);
    if (p == NULL) {
        abort();
    }

    ngx_str_null(&str);

    if (reason != NULL) {
        str.len = strlen(reason);
        str.data = block(reason, str.len);
    }

    end = ngx_chat_ws_close_frame(p, code, reason ? &str : NULL);

    is_mem(p, end - p, want, len, "%s", name);

    free(str.data);
    free(p);
}


static void
test_close_frame(void)
{
    u_char       p[127], *end;
    char         reason[256], want[127];
    size_t       n, keep;
    ngx_str_t    empty = ngx_null_string;
    ngx_uint_t   i;

    static const ngx_uint_t  silent[] = {
        0, 1005, 1, 999, 1004, 1006, 1015, 1016, 2999, 5000, 65536, 66536
    };

    static const char  *chars[] = {
        "x", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80"
    };

    for (i = 0; i < sizeof(silent) / sizeof(silent[0]); i++) {
        close_frame(silent[i], "reason", "\x88\x00", 2, "no code, no payload");
    }

    close_frame(1000, NULL, "\x88\x02\x03\xe8", 4, "1000 without a reason");
    close_frame(1000, "", "\x88\x02\x03\xe8", 4, "1000, reason of length 0");
    close_frame(1009, "too big", "\x88\x09\x03\xf1too big", 11, "1009");
    close_frame(4429, "flood", "\x88\x07\x11\x4d" "flood", 9, "4429");

    end = ngx_chat_ws_close_frame(p, 1001, &empty);
    is_mem(p, end - p, "\x88\x02\x03\xe9", 4, "the null string");

    /* a character of 1 to 4 bytes behind 120 to 126 of one byte */

    for (i = 0; i < 4; i++) {
        for (n = 118; n <= 126; n++) {
            memset(reason, 'r', n);
            strcpy(reason + n, chars[i]);
            strcat(reason, chars[i]);

            /* as many whole characters as there is room for */

            keep = ngx_min(n, 123);

            while (keep >= n && keep + i + 1 <= 123
                   && keep < n + 2 * (i + 1))
            {
                keep += i + 1;
            }

            memcpy(want, "\x88\x00\x03\xe8", 4);
            want[1] = (char) (keep + 2);
            memcpy(want + 4, reason, keep);

            close_frame(1000, reason, want, keep + 4,
                        "a long reason is cut where a character starts");
        }
    }

    memset(reason, 0x80, 200);
    reason[200] = '\0';
    close_frame(1000, reason, "\x88\x02\x03\xe8", 4,
                "a reason that is no text does no harm");
}


static ngx_int_t
close_parse(const void *data, size_t len, ngx_uint_t *code, char *reason)
{
    u_char     *p;
    ngx_int_t   rc;
    ngx_str_t   str;

    p = block(data, len);

    *code = 7777;
    str.len = 77;
    str.data = (u_char *) "junk";

    rc = ngx_chat_ws_close_parse(p, len, code, &str);

    memcpy(reason, str.len ? str.data : (u_char *) "", str.len);
    reason[str.len] = '\0';

    free(p);

    return rc;
}


static void
test_close_parse(void)
{
    u_char         data[125];
    char           reason[126];
    ngx_int_t      rc;
    ngx_uint_t     code, i, valid;
    unsigned long  failed;

    rc = close_parse("", 0, &code, reason);
    ok(rc == NGX_OK && code == 1005 && reason[0] == '\0', "7.3.1 empty");

    rc = close_parse("\x03", 1, &code, reason);
    ok(rc == NGX_ERROR && code == 1002 && reason[0] == '\0', "7.3.2 one byte");

    rc = close_parse("\x03\xe8", 2, &code, reason);
    ok(rc == NGX_OK && code == 1000 && reason[0] == '\0', "7.3.3 only a code");

    rc = close_parse("\x11\x30Hello", 7, &code, reason);
    ok(rc == NGX_OK && code == 4400, "7.3.4 code and reason");
    is_str(reason, strlen(reason), "Hello", "the reason");

    memset(data, 'x', 125);
    data[0] = 0x03;
    data[1] = 0xe8;
    rc = close_parse(data, 125, &code, reason);
    ok(rc == NGX_OK && code == 1000 && strlen(reason) == 123,
       "7.3.5 the longest reason");

    rc = close_parse("\x03\xe8\xce\xba\xe1\xbd\xb9\xed\xa0\x80", 10, &code,
                     reason);
    ok(rc == NGX_ERROR && code == 1007 && reason[0] == '\0',
       "7.5.1 reason with a surrogate");

    rc = close_parse("\x03\xe8\xe2\x82", 4, &code, reason);
    ok(rc == NGX_ERROR && code == 1007, "reason that ends in a character");

    rc = close_parse("\x03\xe8\xe2\x82\xac", 5, &code, reason);
    ok(rc == NGX_OK && code == 1000 && strlen(reason) == 3,
       "reason of one character");

    rc = close_parse("\x03\xec\xff", 3, &code, reason);
    ok(rc == NGX_ERROR && code == 1002, "a wrong code comes first");

    /* 7.7, 7.9, 7.13: all codes there can be */

    failed = unit_failed;

    for (i = 0; i < 65536; i++) {

        valid = (i >= 1000 && i <= 1003) || (i >= 1007 && i <= 1014)
                || (i >= 3000 && i < 5000);

        data[0] = (u_char) (i >> 8);
        data[1] = (u_char) i;

        rc = close_parse(data, 2, &code, reason);

        if (valid) {
            check(rc == NGX_OK && code == i, "7.7 code %lu",
                  (unsigned long) i);

        } else {
            check(rc == NGX_ERROR && code == 1002, "7.9 code %lu",
                  (unsigned long) i);
        }
    }

    ok(unit_failed == failed, "7.7, 7.9 all codes");
}


static void
test_handshake(void)
{
    u_char      dst[NGX_CHAT_WS_ACCEPT_LEN + 1];
    ngx_str_t   key;
    ngx_uint_t  i;

    static const struct {
        const char  *key;
        ngx_int_t    rc;
    } keys[] = {
        { "dGhlIHNhbXBsZSBub25jZQ==", NGX_OK },
        { "AAAAAAAAAAAAAAAAAAAAAA==", NGX_OK },
        { "+/+/+/+/+/+/+/+/+/+/+w==", NGX_OK },
        { "", NGX_DECLINED },
        { "dGhlIHNhbXBsZSBub25jZQ=", NGX_DECLINED },
        { "dGhlIHNhbXBsZSBub25jZQ", NGX_DECLINED },
        { "dGhlIHNhbXBsZSBub25jZQ===", NGX_DECLINED },
        { "dGhlIHNhbXBsZSBub25jZQ=A", NGX_DECLINED },
        { "dGhlIHNhbXBsZSBub25jZQA=", NGX_DECLINED },
        { "dGhlIHNhbXBsZSBub25jZQAA", NGX_DECLINED },
        { "dGhlIHNhbXBsZSBub25j====", NGX_DECLINED },
        { "dGhlIHNhbXBs=SBub25jZQ==", NGX_DECLINED },
        { "dGhlIHNhbXBsZSBub25jZ!==", NGX_DECLINED },
        { "dGhlIHNhbXBsZSBub25jZ-==", NGX_DECLINED },
        { "dGhl IHNhbXBsZSBub25jZ==", NGX_DECLINED },
        { "========================", NGX_DECLINED },
        { "dGhlIHNhbXBsZSBub25jZQ==dGhlIHNhbXBsZSBub25jZQ==", NGX_DECLINED }
    };

    dst[NGX_CHAT_WS_ACCEPT_LEN] = 0x5a;

    ngx_str_set(&key, "dGhlIHNhbXBsZSBub25jZQ==");
    ngx_chat_ws_accept(dst, &key);

    is_mem(dst, NGX_CHAT_WS_ACCEPT_LEN, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", 28,
           "the example of section 1.3");
    ok(dst[NGX_CHAT_WS_ACCEPT_LEN] == 0x5a, "not one byte more");

    ngx_str_set(&key, "x3JJHMbDL1EzLkh9GBhXDw==");
    ngx_chat_ws_accept(dst, &key);

    is_mem(dst, NGX_CHAT_WS_ACCEPT_LEN, "HSmrc0sMlYUkAGmm5OPpG2HaGWk=", 28,
           "another key");

    for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        key.len = strlen(keys[i].key);
        key.data = block(keys[i].key, key.len);

        is_int(ngx_chat_ws_key_valid(&key), keys[i].rc, "key \"%s\"",
               keys[i].key);

        free(key.data);
    }
}


int
main(void)
{
    (void) stub_init();

    test_header();
    test_close_frame();
    test_close_parse();
    test_handshake();

    return done();
}
