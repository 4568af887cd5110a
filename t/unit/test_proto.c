
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Commands: PROTOCOL, sections 1-5; the inputs are in proto_cases.h.
 */


#include "unit.h"
#include "ngx_chat_name.h"
#include "ngx_chat_proto.h"
#include "proto_cases.h"


static ngx_log_t   *test_log;
static ngx_pool_t  *pool;

static const char  *type_names[] = {
    "-", "unknown", "hello", "ping", "pong", "join", "leave",
    "message", "history", "signal", "typing", "auth", "read",
    "unread", "kick", "ban", "unban", "mute", "unmute", "role", "revoke",
    "room", "members", "rooms", "disconnect", "export", "erase", "edit",
    "delete", "react", "direct", "invite", "uninvite", "block", "unblock",
    "blocks"
};


/* on the heap and of exactly that size, so that a byte too far is seen */

static ngx_str_t
heap(const void *p, size_t len)
{
    ngx_str_t  v;

    v.data = malloc(len ? len : 1);
    v.len = len;
    memcpy(v.data, p, len);

    return v;
}


static char *
outcome(char *p, ngx_int_t rc, ngx_chat_cmd_t *cmd, ngx_chat_err_t *err)
{
    p += sprintf(p, "%s %.*s ", type_names[cmd->type],
                 cmd->reply_to.len ? (int) cmd->reply_to.len : 1,
                 cmd->reply_to.len ? (char *) cmd->reply_to.data : "-");

    if (rc == NGX_OK) {
        return p + sprintf(p, "ok");
    }

    return p + sprintf(p, "%s:%s", ngx_chat_err_info(err->code)->code.data,
                       err->field ? err->field : "-");
}


/* what all of the text comes to; the last command is left in *cmd */

static const char *
run_mem(const void *text, size_t len, ngx_uint_t array, ngx_chat_cmd_t *cmd)
{
    char              *p;
    ngx_int_t          rc;
    ngx_str_t          json;
    ngx_chat_err_t     err;
    ngx_chat_batch_t   b;

    static char        out[16384];
    static ngx_str_t   kept;
    static u_char     *before;

    free(kept.data);
    free(before);

    kept = heap(text, len);
    before = heap(text, len).data;
    json = kept;

    ngx_reset_pool(pool);

    p = out;
    *p = '\0';

    if (ngx_chat_batch_open(&b, pool, &json, 4096, array, &err) != NGX_OK) {
        ngx_memzero(cmd, sizeof(ngx_chat_cmd_t));
        sprintf(p, "%s:%s", ngx_chat_err_info(err.code)->code.data,
                err.field ? err.field : "-");
        return out;
    }

    for ( ;; ) {
        ngx_chat_cmd_t  next;

        rc = ngx_chat_batch_next(&b, &next, &err);

        if (rc == NGX_DONE) {
            break;
        }

        *cmd = next;

        if (p != out) {
            p += sprintf(p, "; ");
        }

        p = outcome(p, rc, cmd, &err);
    }

    ngx_chat_batch_close(&b);

    check(memcmp(before, kept.data, len) == 0, "the input is not changed");

    return out;
}


static const char *
run(const char *json, ngx_chat_cmd_t *cmd)
{
    return run_mem(json, strlen(json), 1, cmd);
}


static void
test_cases(void)
{
    const char            *got;
    ngx_chat_cmd_t         cmd;
    const proto_case_t    *c;

    for (c = cases; c->json; c++) {
        got = run(c->json, &cmd);
        is_str(got, strlen(got), c->want, "%s", c->json);
    }

    got = run_mem("[{\"type\":\"ping\"}]", 17, 0, &cmd);
    is_str(got, strlen(got), "bad_request:-", "an array isn't allowed here");
    got = run_mem("{\"type\":\"ping\"}", 15, 0, &cmd);
    is_str(got, strlen(got), "ping - ok", "an object is");
    got = run_mem("{\"type\":\"ping\"\0}", 16, 1, &cmd);
    is_str(got, strlen(got), "bad_request:-", "a NUL");
    got = run_mem("{\"type\":\"ping\",\"id\":7\0}", 23, 1, &cmd);
    is_str(got, strlen(got), "bad_request:-", "a NUL behind a number");
}


/* a text made of a head, n times a piece and a tail */

static const char *
built(const char *head, const char *piece, ngx_uint_t n, const char *tail,
    ngx_chat_cmd_t *cmd)
{
    size_t       len;
    ngx_uint_t   i;

    static char  text[65536];

    len = sprintf(text, "%s", head);

    for (i = 0; i < n; i++) {
        len += sprintf(text + len, "%s", piece);
    }

    len += sprintf(text + len, "%s", tail);

    return run_mem(text, len, 1, cmd);
}


static const char *
nested(ngx_uint_t n, const char *head, const char *tail, ngx_chat_cmd_t *cmd)
{
    static char  text[65536], close[32768];

    memset(text, '[', n);
    memset(close, ']', n);
    close[n] = '\0';
    sprintf(text + n, "%s%s", close, tail);

    return built(head, "", 0, text, cmd);
}


#define MESSAGE  "{\"type\":\"message\",\"id\":1,\"room\":\"a\","

static void
test_limits(void)
{
    const char      *got;
    ngx_uint_t       i;
    ngx_chat_cmd_t   cmd;

    static const struct {
        const char  *head;
        const char  *piece;
        ngx_uint_t   n;
        const char  *tail;
        const char  *want;
    } c[] = {
        { MESSAGE "\"text\":\"", "x", 4096, "\"}", "message 1 ok" },
        { MESSAGE "\"text\":\"", "x", 4097, "\"}", "message 1 too_large:text" },
        { MESSAGE "\"text\":\"", "\\u0061", 2700, "\"}", "message 1 ok" },
        { MESSAGE "\"text\":\"", "\\u00e9", 2048, "\"}", "message 1 ok" },
        { MESSAGE "\"text\":\"", "\\u00e9", 2049, "\"}",
          "message 1 too_large:text" },
        { MESSAGE "\"data\":\"", "x", 8190, "\"}", "message 1 ok" },
        { MESSAGE "\"data\":\"", "x", 8191, "\"}", "message 1 too_large:data" },
        { MESSAGE "\"data\":[1", " ", 9000, "]}", "message 1 ok" },
        { MESSAGE "\"data\":[\"", " ", 9000, "\"]}",
          "message 1 too_large:data" },
        { MESSAGE "\"data\":", "1", 308, "}", "message 1 ok" },
        { MESSAGE "\"data\":", "1", 310, "}", "message 1 bad_request:data" },
        { MESSAGE "\"data\":[1", ",1", 4095, "]}", "message 1 too_large:data" },
        { MESSAGE "\"data\":[11", ",1", 4094, "]}", "message 1 ok" },
        { MESSAGE "\"text\":\"x\",\"mentions\":[\"u\"", ",\"u\"", 49, "]}",
          "message 1 ok" },
        { MESSAGE "\"text\":\"x\",\"mentions\":[\"u\"", ",\"u\"", 50, "]}",
          "message 1 bad_request:mentions" },
        { MESSAGE "\"text\":\"x\",\"mentions\":[\"", "u", 64, "\"]}",
          "message 1 ok" },
        { MESSAGE "\"text\":\"x\",\"mentions\":[\"", "u", 65, "\"]}",
          "message 1 bad_request:mentions" },
        { "{\"type\":\"leave\",\"room\":\"", "a", 128, "\"}", "leave - ok" },
        { "{\"type\":\"leave\",\"room\":\"", "a", 129, "\"}",
          "leave - bad_request:room" },
        { "{\"type\":\"hello\",\"token\":\"", "a", 8192, "\"}", "hello - ok" },
        { "{\"type\":\"hello\",\"token\":\"", "a", 8193, "\"}",
          "hello - bad_request:token" },
        { "{\"type\":\"join\",\"rooms\":[{\"room\":\"a\"}",
          ",{\"room\":\"a\"}", 99, "]}", "join - ok" },
        { "{\"type\":\"join\",\"rooms\":[{\"room\":\"a\"}",
          ",{\"room\":\"a\"}", 100, "]}", "join - bad_request:rooms" },
        { "{\"type\":\"ping\",\"id\":1", "0", 15, "}",
          "ping 1000000000000000 ok" },
        { "{\"type\":\"ping\",\"id\":0.", "0", 9000, "1e9001}", "ping 1 ok" },
        { "{\"type\":\"ping\",\"id\":1", "0", 9000, "e-9000}", "ping 1 ok" },
        { "{\"type\":\"ping\",\"id\":1", "0", 9000, "}",
          "ping - bad_request:id" },
        { "{\"type\":\"ping\",\"x\":[1", ",1", 5000, "]}", "ping - ok" },
        { "[1", ",1", 64, "]", "bad_request:-" },
        { "{\"type\":\"ping\",\"", "n", 64, "\":\"\\ud800\"}",
          "ping - bad_request:nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"
          "nnnnnnnnnnnnnnnn" },
        { "{\"type\":\"ping\",\"", "n", 65, "\":\"\\ud800\"}",
          "ping - bad_request:-" }
    };

    for (i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
        got = built(c[i].head, c[i].piece, c[i].n, c[i].tail, &cmd);
        is_str(got, strlen(got), c[i].want, "limit %d", (int) i);
    }

    got = built("[{\"type\":\"ping\"}", ",{\"type\":\"ping\"}", 63, "]", &cmd);
    is_int(strlen(got), 64 * 9 + 63 * 2, "64 commands");

    for (i = 1; i < 30000; i = (i < 20) ? i + 1 : i * 2) {

        got = nested(i, MESSAGE "\"data\":", "}", &cmd);

        if (i <= 8) {
            is_str(got, strlen(got), "message 1 ok", "data %d deep", (int) i);

        } else if (i < 16384) {
            is_str(got, strlen(got), "message 1 bad_request:data",
                   "data %d deep", (int) i);

        } else {
            is_str(got, strlen(got), "bad_request:-", "data %d deep", (int) i);
        }

        if (i < 16384) {
            got = nested(i, "[{\"type\":\"ping\",\"id\":1,\"x\":",
                         "},{\"type\":\"ping\",\"id\":2}]", &cmd);
            is_str(got, strlen(got), i <= 10 ? "ping 1 ok; ping 2 ok"
                   : "ping 1 bad_request:x; ping 2 ok", "x %d deep", (int) i);
        }
    }
}


static void
test_values(void)
{
    ngx_chat_cmd_t    cmd;
    ngx_chat_join_t  *j;

    run(MESSAGE "\"text\":\"h\\u00e9llo\\n\\u0001\",\"nonce\":\"n\\u002d345678"
        "\",\"data\": { \"a b\" : [ 1 , \"\\u0041\" ] } ,\"thread\":"
        "\"k3f9q2x0ab-41\",\"mentions\":[ \"bob\" , \"~gann\" ]}", &cmd);
    is_str(cmd.room.data, cmd.room.len, "a", "room");
    is_str(cmd.text.data, cmd.text.len, "h\xc3\xa9llo\n\x01", "text");
    is_str(cmd.nonce.data, cmd.nonce.len, "n-345678", "nonce");
    is_str(cmd.data.data, cmd.data.len, "{\"a b\":[1,\"\\u0041\"]}", "data");
    is_str(cmd.mentions.data, cmd.mentions.len, "[\"bob\",\"~gann\"]",
           "mentions");
    ok(cmd.thread.given && !cmd.thread.broken, "thread");
    is_mem(cmd.thread.id.epoch, 10, "k3f9q2x0ab", 10, "its epoch");
    is_int(cmd.thread.id.offset, 41, "its offset");
    is_str(cmd.type_name.data, cmd.type_name.len, "message", "type");

    run(MESSAGE "\"d\\u0061ta\":[ 1e300 , 123456789012345678901234567890 ]}",
        &cmd);
    is_str(cmd.data.data, cmd.data.len,
           "[1e300,123456789012345678901234567890]", "large numbers");
    ok(cmd.text.data == NULL, "no text");

    run(MESSAGE "\"text\":\"\",\"data\":1}", &cmd);
    ok(cmd.text.data != NULL && cmd.text.len == 0, "an empty text");

    run("{\"type\":\"join\",\"room\":\"lobby\",\"after\":\"0\",\"last\":500,"
        "\"presence\":false}", &cmd);
    ok(cmd.after.given && !cmd.after.broken
       && ngx_chat_id_is_zero(&cmd.after.id), "after 0");
    is_int(cmd.last, 100, "last is at most 100");
    is_int(cmd.presence, 0, "presence");
    ok(cmd.rooms == NULL, "one room");

    run("{\"type\":\"join\",\"room\":\"lobby\"}", &cmd);
    is_int(cmd.presence, 1, "presence by default");
    is_int(cmd.last, 0, "last by default");
    is_int(cmd.after.given, 0, "no after");

    run("{\"type\":\"join\",\"room\":\"a b\",\"after\":\"x\"}", &cmd);
    is_str(cmd.room.data, cmd.room.len, "a b", "the room that was refused");

    run("{\"type\":\"history\",\"room\":\"lobby\",\"limit\":500,\"raw\":true,"
        "\"before\":\"k3f9q2x0ab-41\"}", &cmd);
    is_int(cmd.limit, 100, "limit is at most 100");
    is_int(cmd.raw, 1, "raw");
    is_int(cmd.before.given, 1, "before");
    is_int(cmd.before.id.offset, 41, "before");
    run("{\"type\":\"history\",\"room\":\"lobby\"}", &cmd);
    is_int(cmd.limit, 0, "no limit given");

    run("{\"type\":\"hello\",\"client\":\"x/1\",\"token\":\"tok\",\"batch\":"
        "true,\"heartbeat\":true}", &cmd);
    is_str(cmd.client.data, cmd.client.len, "x/1", "client");
    is_str(cmd.token.data, cmd.token.len, "tok", "token");
    ok(cmd.batch && cmd.heartbeat, "flags");
    ok(cmd.name.data == NULL, "no name");

    /* a slice of the input, which is not changed, and one with an escape */

    run("{\"type\":\"hello\",\"name\":\"  Ann   of Ely \"}", &cmd);
    is_str(cmd.name.data, cmd.name.len, "Ann of Ely", "a name, tidied");
    run("{\"type\":\"hello\",\"name\":\"\\u0041nn\\u00a0 of  Ely\"}", &cmd);
    is_str(cmd.name.data, cmd.name.len, "Ann of Ely", "a name, unescaped");

    run("{\"type\":\"we\\u006crd\"}", &cmd);
    is_str(cmd.type_name.data, cmd.type_name.len, "welrd", "unknown type");

    run("{\"type\":\"join\",\"presence\":false,\"rooms\":[{\"room\":\"a\","
        "\"after\":\"k3f9q2x0ab-1\"},{\"room\":\"b\",\"last\":20,\"presence\":"
        "true},{\"room\":\"c d\"},{\"room\":\"e\",\"after\":\"x\"},{\"room\":"
        "\"f\",\"last\":-1},{\"room\":7},{\"x\":1},{\"r\\u006fom\":\"g\"},"
        "{\"room\":\"~h\"},{\"room\":\"i\",\"presence\":0},{\"room\":\"j\","
        "\"last\":1000}]}", &cmd);

    if (!ok(cmd.rooms != NULL && cmd.rooms->nelts == 11, "11 rooms")) {
        return;
    }

    j = cmd.rooms->elts;
    is_str(j[0].room.data, j[0].room.len, "a", "its name");
    ok(j[0].error == 0 && j[0].after.given && j[0].after.id.offset == 1, "a");
    is_int(j[0].presence, 0, "presence from above");
    ok(j[1].error == 0 && j[1].last == 20 && j[1].presence == 1, "b");
    is_int(j[2].error, NGX_CHAT_E_BAD_REQUEST, "a bad name");
    is_str(j[2].room.data, j[2].room.len, "c d", "which is told");
    is_int(j[3].error, NGX_CHAT_E_BAD_REQUEST, "a bad cursor");
    is_int(j[3].after.broken, 1, "broken");
    is_str(j[3].room.data, j[3].room.len, "e", "its name");
    is_int(j[4].error, NGX_CHAT_E_BAD_REQUEST, "a bad last");
    is_int(j[5].error, NGX_CHAT_E_BAD_REQUEST, "no string");
    is_int(j[5].room.len, 0, "no name");
    is_int(j[6].error, NGX_CHAT_E_BAD_REQUEST, "no room");
    is_int(j[7].error, NGX_CHAT_OK, "an escaped member");
    is_str(j[7].room.data, j[7].room.len, "g", "its name");
    is_int(j[8].error, NGX_CHAT_E_BAD_REQUEST, "the server's room");
    is_int(j[9].error, NGX_CHAT_E_BAD_REQUEST, "a bad presence");
    is_int(j[10].last, 100, "last is at most 100");
}


int
main(void)
{
    test_log = stub_init();

    pool = ngx_create_pool(16384, test_log);
    if (pool == NULL) {
        return 1;
    }

    test_cases();
    test_limits();
    test_values();

    run_mem("", 0, 1, &(ngx_chat_cmd_t) { 0 });
    ngx_destroy_pool(pool);

    return done();
}
