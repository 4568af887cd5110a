
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Objects of the server; what becomes of commands that were damaged on their
 * way.  jansson reads everything that is written.
 */


#include "unit.h"
#include <jansson.h>
#include "ngx_chat_name.h"
#include "ngx_chat_proto.h"


static ngx_log_t        *test_log;
static ngx_pool_t       *pool;
static ngx_chat_text_t   text;


static ngx_str_t
str(const char *s)
{
    ngx_str_t  v;

    v.data = (u_char *) s;
    v.len = strlen(s);

    return v;
}


static void
is_text(const char *want, const char *name)
{
    is_str(text.start, ngx_chat_text_len(&text), want, "%s", name);
    ngx_chat_text_reset(&text);
}


/* the table of PROTOCOL, section 8 */

static const struct {
    ngx_chat_err_e   code;
    const char      *name;
    int              status;
    int              temporary;
} errors[] = {
    { NGX_CHAT_E_BAD_REQUEST, "bad_request", 400, 0 },
    { NGX_CHAT_E_UNKNOWN_COMMAND, "unknown_command", 400, 0 },
    { NGX_CHAT_E_UNSUPPORTED, "unsupported", 400, 0 },
    { NGX_CHAT_E_UNAUTHORIZED, "unauthorized", 401, 0 },
    { NGX_CHAT_E_EXPIRED, "expired", 401, 0 },
    { NGX_CHAT_E_FORBIDDEN, "forbidden", 403, 0 },
    { NGX_CHAT_E_BANNED, "banned", 403, 0 },
    { NGX_CHAT_E_MUTED, "muted", 403, 0 },
    { NGX_CHAT_E_READ_ONLY, "read_only", 403, 0 },
    { NGX_CHAT_E_NOT_FOUND, "not_found", 404, 0 },
    { NGX_CHAT_E_NOT_JOINED, "not_joined", 409, 0 },
    { NGX_CHAT_E_CONFLICT, "conflict", 409, 0 },
    { NGX_CHAT_E_TOO_MANY_ROOMS, "too_many_rooms", 409, 0 },
    { NGX_CHAT_E_TOO_LARGE, "too_large", 413, 0 },
    { NGX_CHAT_E_FILTERED, "filtered", 422, 0 },
    { NGX_CHAT_E_RATE_LIMITED, "rate_limited", 429, 1 },
    { NGX_CHAT_E_SLOW_MODE, "slow_mode", 429, 1 },
    { NGX_CHAT_E_FULL, "full", 503, 1 },
    { NGX_CHAT_E_UNAVAILABLE, "unavailable", 503, 1 },
    { NGX_CHAT_E_TIMEOUT, "timeout", 504, 1 },
    { NGX_CHAT_E_INTERNAL, "internal", 500, 1 }
};


static json_t *
parsed(void)
{
    json_t        *j;
    json_error_t   e;

    j = json_loadb((char *) text.start, ngx_chat_text_len(&text),
                   JSON_REJECT_DUPLICATES|JSON_DECODE_INT_AS_REAL, &e);

    check(j != NULL, "valid JSON: %s: %.*s", e.text,
          (int) ngx_chat_text_len(&text), text.start);

    return j;
}


static void
test_errors(void)
{
    json_t                     *j;
    ngx_str_t                   reply, room;
    ngx_uint_t                  i;
    ngx_chat_err_t              err;
    const ngx_chat_err_info_t  *info;

    is_int(sizeof(errors) / sizeof(errors[0]), NGX_CHAT_E_LAST - 1,
           "all codes");

    for (i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        info = ngx_chat_err_info(errors[i].code);

        is_str(info->code.data, info->code.len, errors[i].name, "code");
        is_int(info->status, errors[i].status, "status of %s", errors[i].name);
        is_int(info->temporary, errors[i].temporary, "temporary of %s",
               errors[i].name);
        ok(info->message.len > 10, "%s: %s", errors[i].name,
           info->message.data);

        memset(&err, 0, sizeof(err));
        err.code = errors[i].code;
        ngx_chat_enc_error(&text, NULL, NULL, &err);
        j = parsed();
        check(strcmp(json_string_value(json_object_get(j, "message")),
                     (char *) info->message.data) == 0, "message");
        json_decref(j);
        ngx_chat_text_reset(&text);

        ngx_chat_enc_problem(&text, &err, 0);
        j = parsed();
        check(json_real_value(json_object_get(j, "status"))
              == errors[i].status, "status");
        check(json_string_length(json_object_get(j, "title")) > 5, "title");
        check(json_is_true(json_object_get(j, "temporary"))
              == errors[i].temporary, "temporary");
        json_decref(j);
        ngx_chat_text_reset(&text);
    }

    info = ngx_chat_err_info(NGX_CHAT_E_LAST);
    is_str(info->code.data, info->code.len, "internal", "no such code");
    info = ngx_chat_err_info((ngx_chat_err_e) -1);
    is_str(info->code.data, info->code.len, "internal", "no such code");

    memset(&err, 0, sizeof(err));
    err.code = NGX_CHAT_E_RATE_LIMITED;
    err.message = "a \"message\"";
    err.field = "text";
    err.retry_after_ms = 1500;
    reply = str("\"a\\\"\"");
    room = str("l\"obby");

    ngx_chat_enc_error(&text, &reply, &room, &err);
    is_text("{\"type\":\"error\",\"reply_to\":\"a\\\"\",\"code\":"
            "\"rate_limited\",\"message\":\"a \\\"message\\\"\",\"temporary\":"
            "true,\"retry_after_ms\":1500,\"room\":\"l\\\"obby\",\"field\":"
            "\"text\"}", "an error with all members");

    ngx_chat_enc_problem(&text, &err, 0);
    is_text("{\"type\":\"about:blank\",\"title\":\"Too Many Requests\","
            "\"status\":429,\"detail\":\"a \\\"message\\\"\",\"code\":"
            "\"rate_limited\",\"temporary\":true,\"retry_after_ms\":1500,"
            "\"field\":\"text\"}", "a problem with all members");

    err.code = NGX_CHAT_E_NOT_JOINED;
    err.message = "x";
    err.field = NULL;
    err.retry_after_ms = 0;
    reply.len = 0;
    room.len = 0;
    ngx_chat_enc_error(&text, &reply, &room, &err);
    is_text("{\"type\":\"error\",\"code\":\"not_joined\",\"message\":\"x\","
            "\"temporary\":false}", "an error with few members");
}


static void
test_user(void)
{
    ngx_str_t        reply;
    ngx_chat_user_t  u;

    memset(&u, 0, sizeof(u));
    u.id = str("ann");
    ngx_chat_enc_user(&text, &u);
    is_text("{\"id\":\"ann\"}", "a user");

    u.name = str("Ann \"A\"");
    u.guest = 1;
    ngx_chat_enc_user(&text, &u);
    is_text("{\"id\":\"ann\",\"name\":\"Ann \\\"A\\\"\",\"guest\":true}",
            "a guest with a name");

    reply = str("7");
    ngx_chat_enc_reply_to(&text, &reply);
    is_text(",\"reply_to\":7", "reply_to");
    reply.len = 0;
    ngx_chat_enc_reply_to(&text, &reply);
    ngx_chat_enc_reply_to(&text, NULL);
    is_int(ngx_chat_text_len(&text), 0, "no reply_to");
}


/* the pieces as append joins them */

static void
join_event(ngx_chat_cmd_t *cmd, ngx_chat_user_t *user)
{
    size_t           cut1, cut2, len;
    ngx_chat_text_t  t;

    ngx_chat_text_init(&t, 0, test_log);
    ngx_chat_event_message(&t, cmd, user, &cut1, &cut2);
    len = ngx_chat_text_len(&t);

    check(!t.failed && cut1 < cut2 && cut2 < len, "cuts");

    ngx_chat_text_reset(&text);
    ngx_chat_text_add(&text, t.start, cut1);
    ngx_chat_text_lit(&text, "k3f9q2x0ab-42");
    ngx_chat_text_add(&text, t.start + cut1, cut2 - cut1);
    ngx_chat_text_lit(&text, "1732413000123");
    ngx_chat_text_add(&text, t.start + cut2, len - cut2);
    ngx_chat_text_free(&t);
}


static ngx_int_t
decode(const void *p, size_t len, ngx_chat_cmd_t *cmd, ngx_chat_err_t *err)
{
    u_char            *copy;
    ngx_int_t          rc;
    ngx_str_t          json;
    ngx_chat_batch_t   b;

    ngx_reset_pool(pool);

    copy = ngx_pnalloc(pool, len ? len : 1);
    if (copy == NULL) {
        abort();
    }

    memcpy(copy, p, len);

    json.data = copy;
    json.len = len;

    if (ngx_chat_batch_open(&b, pool, &json, 4096, 1, err) != NGX_OK) {
        check(err->code == NGX_CHAT_E_BAD_REQUEST, "code");
        return NGX_ERROR;
    }

    rc = ngx_chat_batch_next(&b, cmd, err);
    ngx_chat_batch_close(&b);

    return rc;
}


#define MESSAGE  "{\"type\":\"message\",\"room\":\"lobby\","

static void
test_event(void)
{
    size_t           cut1, cut2;
    ngx_chat_cmd_t   cmd;
    ngx_chat_err_t   err;
    ngx_chat_user_t  u;
    ngx_chat_text_t  t;

    const char  *all = MESSAGE "\"text\":\"h\\u00e9\\n\\u007f/<b>\",\"nonce\":"
        "\"0f3c\\\"678\",\"data\":{ \"k\": [1] },\"thread\":\"k3f9q2x0ab-7\","
        "\"mentions\":[ \"bob\" ],\"id\":1,\"ts\":5,\"user\":\"eve\"}";

    const char  *few = MESSAGE "\"text\":\"x\"}";

    memset(&u, 0, sizeof(u));
    u.id = str("ann");
    u.name = str("Ann");

    is_int(decode(few, strlen(few), &cmd, &err), NGX_OK, "a message");
    join_event(&cmd, &u);
    is_text("{\"type\":\"message\",\"room\":\"lobby\",\"id\":\"k3f9q2x0ab-42\","
            "\"ts\":1732413000123,\"user\":{\"id\":\"ann\",\"name\":\"Ann\"},"
            "\"text\":\"x\"}", "its event");

    is_int(decode(all, strlen(all), &cmd, &err), NGX_OK, "a full message");
    join_event(&cmd, &u);
    is_text("{\"type\":\"message\",\"room\":\"lobby\",\"id\":\"k3f9q2x0ab-42\","
            "\"ts\":1732413000123,\"user\":{\"id\":\"ann\",\"name\":\"Ann\"},"
            "\"thread\":\"k3f9q2x0ab-7\","
            "\"text\":\"h\xc3\xa9\\n\x7f/<b>\",\"data\":{\"k\":[1]},"
            "\"mentions\":[\"bob\"],"
            "\"nonce\":\"0f3c\\\"678\"}", "its event");

    all = MESSAGE "\"text\":\"\",\"data\":null}";
    is_int(decode(all, strlen(all), &cmd, &err), NGX_OK, "an empty text");
    u.guest = 1;
    u.name.len = 0;
    join_event(&cmd, &u);
    is_text("{\"type\":\"message\",\"room\":\"lobby\",\"id\":\"k3f9q2x0ab-42\","
            "\"ts\":1732413000123,\"user\":{\"id\":\"ann\",\"guest\":true},"
            "\"text\":\"\",\"data\":null}", "its event");

    /* behind something else the cuts count from the text's start */

    ngx_chat_text_init(&t, 0, test_log);
    ngx_chat_text_lit(&t, "0123456789");
    ngx_chat_event_message(&t, &cmd, &u, &cut1, &cut2);
    is_mem(t.start + cut1, 7, "\",\"ts\":", 7, "the second piece");
    is_mem(t.start + cut2, 8, ",\"user\":", 8, "the third piece");
    ngx_chat_text_free(&t);

    ngx_chat_text_init(&t, 50, test_log);
    ngx_chat_event_message(&t, &cmd, &u, &cut1, &cut2);
    is_int(t.failed, 1, "too large for its text");
    ngx_chat_text_free(&t);
}


static void
test_hash(void)
{
    uint64_t        h, list[16], two = 2, none = 0;
    ngx_uint_t      i, k, n;
    ngx_chat_err_t  err;
    ngx_chat_cmd_t  cmd;

    static const char  *bodies[] = {
        "\"text\":\"ab\"", "\"text\":\"a\",\"data\":1", "\"text\":\"ab\","
        "\"data\":1", "\"data\":\"ab\"", "\"data\":1", "\"text\":\"\","
        "\"data\":1", "\"text\":\"ab\",\"mentions\":[]", "\"text\":\"ab\","
        "\"thread\":\"k3f9q2x0ab-1\"", "\"text\":\"ab\",\"thread\":"
        "\"k3f9q2x0ab-2\"", "\"text\":\"ab\",\"thread\":\"k3f9q2x0ac-1\"",
        "\"text\":\"ab\",\"mentions\":[\"a\"]", "\"text\":\"ab\",\"data\":"
        "[\"a\"]", "\"text\":\"ab[\\\"a\\\"]\""
    };

    ok(ngx_chat_hash64(0, "", 0) == 0xcbf29ce484222325ULL, "FNV-1a of nothing");
    ok(ngx_chat_hash64(0, "a", 1) == 0xaf63dc4c8601ec8cULL, "FNV-1a of a");
    ok(ngx_chat_hash64(0, "foobar", 6) == 0x85944171f73967e8ULL,
       "FNV-1a of foobar");
    ok(ngx_chat_hash64(ngx_chat_hash64(0, "foo", 3), "bar", 3)
       == 0x85944171f73967e8ULL, "in two parts");

    n = sizeof(bodies) / sizeof(bodies[0]);

    for (i = 0; i < n; i++) {
        char  s[256];

        sprintf(s, MESSAGE "%s}", bodies[i]);
        check(decode(s, strlen(s), &cmd, &err) == NGX_OK, "%s", s);
        list[i] = ngx_chat_body_hash(&cmd);

        sprintf(s, "{\"x\":1,\"id\":77,\"nonce\":\"abcdefgh\",\"ts\":7,%s,"
                "\"room\":\"other\",\"type\":\"message\"}", bodies[i]);
        check(decode(s, strlen(s), &cmd, &err) == NGX_OK, "%s", s);
        h = ngx_chat_body_hash(&cmd);
        check(h == list[i], "only the body counts");

        for (k = 0; k < i; k++) {
            check(list[k] != h, "%s and %s", bodies[i], bodies[k]);
        }
    }

    ok(1, "hashes of bodies");

    /* presence, length, bytes of each part */

    decode(MESSAGE "\"text\":\"ab\",\"mentions\":[]}",
           strlen(MESSAGE "\"text\":\"ab\",\"mentions\":[]}"), &cmd, &err);
    h = ngx_chat_hash64(0, "\1", 1);
    h = ngx_chat_hash64(h, &two, 8);
    h = ngx_chat_hash64(h, "ab", 2);

    for (i = 0; i < 3; i++) {
        h = ngx_chat_hash64(h, "\0", 1);
        h = ngx_chat_hash64(h, &none, 8);
    }

    h = ngx_chat_hash64(h, "\1", 1);
    h = ngx_chat_hash64(h, &two, 8);
    h = ngx_chat_hash64(h, "[]", 2);
    ok(ngx_chat_body_hash(&cmd) == h, "and how they are made");
}


static const char  *seeds[] = {
    "{\"type\":\"hello\",\"client\":\"x/1\",\"token\":\"t\",\"batch\":true}",
    "{\"type\":\"join\",\"id\":1,\"room\":\"lobby\",\"after\":"
    "\"k3f9q2x0ab-41\",\"last\":50,\"presence\":true}",
    "{\"type\":\"join\",\"id\":\"ab\",\"rooms\":[{\"room\":\"a\",\"after\":"
    "\"0\"},{\"room\":\"b\",\"last\":20}]}",
    "{\"type\":\"leave\",\"id\":4,\"room\":\"lobby\"}",
    MESSAGE "\"text\":\"h\\u00e9 \\ud83d\\ude00 \xf0\x9f\x98\x80\",\"nonce\":"
    "\"0f3c5678\",\"data\":{ \"k\": [1, 2.5e3, null, \"\\n\"] },\"thread\":"
    "\"k3f9q2x0ab-7\",\"mentions\":[ \"bob\", \"~gx\" ],\"id\":1.0}",
    MESSAGE "\"t\\u0065xt\":\"x\",\"d\\u0061ta\":1e300}",
    "{\"type\":\"history\",\"id\":3,\"room\":\"lobby\",\"before\":"
    "\"k3f9q2x0ab-41\",\"limit\":50,\"raw\":false}",
    "[{\"type\":\"ping\",\"id\":1},{\"type\":\"pong\"}]"
};


/* whatever comes: no crash, and what is accepted makes a valid event */

static void
judge(const u_char *p, size_t len, ngx_uint_t *accepted)
{
    json_t           *j, *t;
    ngx_int_t         rc;
    ngx_chat_cmd_t    cmd;
    ngx_chat_err_t    err;
    ngx_chat_user_t   u;

    memset(&cmd, 0, sizeof(cmd));

    rc = decode(p, len, &cmd, &err);

    if (rc != NGX_OK) {
        check(err.code == NGX_CHAT_E_BAD_REQUEST
              || err.code == NGX_CHAT_E_TOO_LARGE, "code %d", err.code);
        ngx_chat_text_reset(&text);
        ngx_chat_enc_error(&text, &cmd.reply_to, &cmd.room, &err);
        json_decref(parsed());
        return;
    }

    if (cmd.type != NGX_CHAT_CMD_MESSAGE) {
        return;
    }

    (*accepted)++;

    memset(&u, 0, sizeof(u));
    u.id = str("~gx");
    u.guest = 1;

    join_event(&cmd, &u);

    j = parsed();
    t = json_object_get(j, "text");
    check((t != NULL) == (cmd.text.data != NULL), "text");
    check(t == NULL || (json_string_length(t) == cmd.text.len
                        && memcmp(json_string_value(t), cmd.text.data,
                                  cmd.text.len)
                           == 0),
          "the same text");
    json_decref(j);
}


static void
test_mutations(void)
{
    u_char       buf[512];
    size_t       len, i, k;
    ngx_uint_t   s, n, accepted;

    static const u_char  bytes[] = "\0\"\\{}[],: 01e-tu\xff\x80\xc3/~";

    accepted = 0;

    for (s = 0; s < sizeof(seeds) / sizeof(seeds[0]); s++) {
        len = strlen(seeds[s]);

        for (i = 0; i <= len; i++) {

            memcpy(buf, seeds[s], len);
            judge(buf, i, &accepted);                         /* cut */

            memcpy(buf, seeds[s] + i, len - i);
            judge(buf, len - i, &accepted);

            if (i == len) {
                break;
            }

            memcpy(buf, seeds[s], len);
            memmove(buf + i, buf + i + 1, len - i - 1);       /* drop */
            judge(buf, len - 1, &accepted);

            for (k = 0; k < 8; k++) {
                memcpy(buf, seeds[s], len);
                buf[i] ^= 1 << k;                             /* flip */
                judge(buf, len, &accepted);
            }

            for (k = 0; k < sizeof(bytes) - 1; k++) {
                memcpy(buf, seeds[s], len);
                buf[i] = bytes[k];                            /* replace */
                judge(buf, len, &accepted);

                memcpy(buf, seeds[s], len);
                memmove(buf + i + 1, buf + i, len - i);       /* insert */
                buf[i] = bytes[k];
                judge(buf, len + 1, &accepted);
            }
        }
    }

    ok(accepted > 1000, "damaged commands, %d of them accepted messages",
       (int) accepted);

    accepted = 0;

    for (n = 0; n < 60000; n++) {
        s = unit_random() % (sizeof(seeds) / sizeof(seeds[0]));
        len = strlen(seeds[s]);
        memcpy(buf, seeds[s], len);

        for (k = 1 + unit_random() % 4; k > 0; k--) {
            buf[unit_random() % len] = bytes[unit_random()
                                             % (sizeof(bytes) - 1)];
        }

        judge(buf, len, &accepted);
    }

    ok(accepted > 100, "badly damaged commands, %d accepted messages",
       (int) accepted);
}


/*
 * Every string that jansson accepts comes out of the event as it was, and the
 * others are bad requests; \u0000 is refused by both.
 */

static void
test_strings(void)
{
    char             buf[1024], *p;
    json_t          *j, *event;
    ngx_int_t        rc;
    ngx_uint_t       i, k, n, good, bad;
    json_error_t     e;
    ngx_chat_cmd_t   cmd;
    ngx_chat_err_t   err;
    ngx_chat_user_t  u;

    static const char  *parts[] = {
        "a", " ", "/", "<", "\x7f", "\xc3\xa9", "\xe2\x80\xa8",
        "\xf0\x9f\x98\x80", "\\\"", "\\\\", "\\/", "\\b", "\\f", "\\n",
        "\\r", "\\t", "\\u0001", "\\u001f", "\\u0041", "\\u007F", "\\u0080",
        "\\u07ff", "\\u0800", "\\uD7FF", "\\ue000", "\\uFFFF", "\\ufeff",
        "\\ud83d\\ude00", "\\ud800\\udc00", "\\uDBFF\\uDFFF", "\\u2028",
        "\\ud800", "\\udc00", "\\u0000"
    };

    memset(&u, 0, sizeof(u));
    u.id = str("ann");
    good = 0;
    bad = 0;

    for (i = 0; i < 30000; i++) {

        p = buf + sprintf(buf, MESSAGE "\"id\":1,\"data\":0,\"text\":\"");
        n = unit_random() % 12;

        /* few of them with what is refused */

        for (k = 0; k < n; k++) {
            p += sprintf(p, "%s", parts[unit_random() % (i % 4 ? 31 : 34)]);
        }

        p += sprintf(p, "\"}");

        j = json_loadb(buf, p - buf, JSON_REJECT_DUPLICATES, &e);
        rc = decode(buf, p - buf, &cmd, &err);

        check((j != NULL) == (rc == NGX_OK), "%s", buf);

        if (j == NULL) {
            bad++;
            check(err.code == NGX_CHAT_E_BAD_REQUEST && err.field != NULL
                  && strcmp(err.field, "text") == 0
                  && cmd.reply_to.len == 1, "%s", buf);
            continue;
        }

        good++;

        join_event(&cmd, &u);
        event = parsed();

        check(json_equal(json_object_get(j, "text"),
                         json_object_get(event, "text")), "%s", buf);

        json_decref(event);
        json_decref(j);
    }

    ok(good > 20000 && bad > 1000, "%d strings, %d refused", (int) good,
       (int) bad);
}


int
main(void)
{
    test_log = stub_init();

    pool = ngx_create_pool(16384, test_log);
    if (pool == NULL) {
        return 1;
    }

    ngx_chat_text_init(&text, 0, test_log);

    test_errors();
    test_user();
    test_event();
    test_hash();
    test_strings();
    test_mutations();

    ngx_chat_text_free(&text);
    ngx_destroy_pool(pool);

    return done();
}
