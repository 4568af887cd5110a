
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Commands.  jansson is the judge: what it accepts we accept as JSON, strings
 * have the values that it gives them, and what becomes of a message is JSON.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <jansson.h>
#include "ngx_chat_json.h"
#include "ngx_chat_name.h"
#include "ngx_chat_proto.h"
#include "ngx_chat_utf8.h"


#define FUZZ_TEXT_MAX  4096
#define FUZZ_FLAGS     (JSON_DECODE_ANY|JSON_DECODE_INT_AS_REAL)


ngx_log_t *stub_init(void);

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static ngx_log_t   *fuzz_log;
static ngx_pool_t  *fuzz_pool;


#define fuzz_require(cond)                                                    \
    if (!(cond)) {                                                            \
        __builtin_trap();                                                     \
    }


static json_t *
fuzz_load(const void *p, size_t len, size_t flags, enum json_error_code *code)
{
    json_t        *j;
    json_error_t   e;

    memset(&e, 0, sizeof(json_error_t));

    j = json_loadb(p, len, FUZZ_FLAGS|flags, &e);

    *code = json_error_code(&e);

    return j;
}


/* the grammar here and that of jansson */

static void
fuzz_grammar(ngx_str_t *json)
{
    json_t                *j;
    ngx_int_t              rc;
    enum json_error_code   code;

    /* jansson overlooks a NUL behind a number */

    if (ngx_chat_utf8_valid(json->data, json->len) != NGX_OK
        || memchr(json->data, 0, json->len) != NULL)
    {
        return;
    }

    rc = ngx_chat_json_valid(json);
    j = fuzz_load(json->data, json->len, JSON_ALLOW_NUL, &code);

    if (j != NULL) {
        fuzz_require(rc == NGX_OK);
        json_decref(j);
        return;
    }

    /* of a lone surrogate only jansson knows, and of its own limits */

    if (rc == NGX_OK) {
        fuzz_require(code == json_error_invalid_syntax
                     || code == json_error_null_byte_in_key
                     || code == json_error_numeric_overflow
                     || code == json_error_stack_overflow);

        if (code == json_error_invalid_syntax) {
            fuzz_require(memmem(json->data, json->len, "\\u", 2) != NULL);
        }
    }
}


static void
fuzz_string(json_t *object, const char *name, ngx_str_t *value)
{
    json_t  *j;

    j = json_object_get(object, name);

    if (j == NULL) {
        fuzz_require(value->len == 0);
        return;
    }

    fuzz_require(json_is_string(j));
    fuzz_require(json_string_length(j) == value->len);
    fuzz_require(memcmp(json_string_value(j), value->data, value->len) == 0);
}


static void
fuzz_message(ngx_chat_cmd_t *cmd)
{
    size_t                 cut1, cut2;
    json_t                *j;
    ngx_chat_text_t        t, event;
    ngx_chat_user_t        user;
    enum json_error_code   code;

    memset(&user, 0, sizeof(ngx_chat_user_t));

    ngx_str_set(&user.id, "~gx");
    ngx_str_set(&user.name, "G \"x\"");
    user.guest = 1;

    ngx_chat_text_init(&t, 0, fuzz_log);
    ngx_chat_text_init(&event, 0, fuzz_log);

    ngx_chat_event_message(&t, cmd, &user, &cut1, &cut2);

    ngx_chat_text_add(&event, t.start, cut1);
    ngx_chat_text_lit(&event, "k3f9q2x0ab-42");
    ngx_chat_text_add(&event, t.start + cut1, cut2 - cut1);
    ngx_chat_text_lit(&event, "1732413000123");
    ngx_chat_text_add(&event, t.start + cut2, ngx_chat_text_len(&t) - cut2);

    j = fuzz_load(event.start, ngx_chat_text_len(&event),
                  JSON_REJECT_DUPLICATES, &code);
    fuzz_require(j != NULL);

    fuzz_string(j, "room", &cmd->room);
    fuzz_string(j, "text", &cmd->text);
    fuzz_string(j, "nonce", &cmd->nonce);

    fuzz_require(ngx_chat_room_name_valid(&cmd->room, 0) == NGX_OK);
    fuzz_require(cmd->text.len <= FUZZ_TEXT_MAX);
    fuzz_require(cmd->data.len <= NGX_CHAT_DATA_MAX);
    fuzz_require(ngx_chat_json_depth(&cmd->data, 100) <= NGX_CHAT_DATA_DEPTH);
    fuzz_require(cmd->text.len || cmd->data.len);

    json_decref(j);
    ngx_chat_text_free(&t);
    ngx_chat_text_free(&event);
}


static void
fuzz_error(ngx_chat_cmd_t *cmd, ngx_chat_err_t *err)
{
    json_t                *j;
    ngx_chat_text_t        t;
    enum json_error_code   code;

    fuzz_require(err->code == NGX_CHAT_E_BAD_REQUEST
                 || err->code == NGX_CHAT_E_TOO_LARGE);

    ngx_chat_text_init(&t, 0, fuzz_log);
    ngx_chat_enc_error(&t, &cmd->reply_to, &cmd->room, err);

    j = fuzz_load(t.start, ngx_chat_text_len(&t), JSON_REJECT_DUPLICATES,
                  &code);
    fuzz_require(j != NULL);

    json_decref(j);
    ngx_chat_text_free(&t);
}


/* what was accepted is what jansson reads in the source */

static void
fuzz_command(ngx_chat_cmd_t *cmd, json_t *source)
{
    ngx_str_t  type;

    type = cmd->type_name;
    fuzz_string(source, "type", &type);

    switch (cmd->type) {

    case NGX_CHAT_CMD_MESSAGE:
        fuzz_string(source, "text", &cmd->text);
        fuzz_string(source, "nonce", &cmd->nonce);
        fuzz_string(source, "room", &cmd->room);
        fuzz_require((json_object_get(source, "data") != NULL)
                     == (cmd->data.len != 0));
        fuzz_message(cmd);
        break;

    case NGX_CHAT_CMD_JOIN:
        fuzz_require((json_object_get(source, "rooms") != NULL)
                     == (cmd->rooms != NULL));
        fuzz_require(cmd->last <= 100);
        break;

    case NGX_CHAT_CMD_HISTORY:
        fuzz_string(source, "room", &cmd->room);
        fuzz_require(cmd->limit <= 100);
        break;

    case NGX_CHAT_CMD_HELLO:
        fuzz_string(source, "client", &cmd->client);
        fuzz_string(source, "token", &cmd->token);
        break;

    default:
        break;
    }

    fuzz_require((json_object_get(source, "id") != NULL)
                 == (cmd->reply_to.len != 0));
}


int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
    fuzz_log = stub_init();

    fuzz_pool = ngx_create_pool(16384, fuzz_log);
    if (fuzz_pool == NULL) {
        return 1;
    }

    json_object_seed(1);

    return 0;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    u_char                *copy, *before;
    json_t                *root, *source;
    ngx_int_t              rc;
    ngx_str_t              json;
    ngx_uint_t             n;
    ngx_chat_cmd_t         cmd;
    ngx_chat_err_t         err;
    ngx_chat_batch_t       b;
    enum json_error_code   code;

    ngx_reset_pool(fuzz_pool);

    /* exactly as large, so that a byte too far is seen */

    copy = malloc(size ? size : 1);
    before = malloc(size ? size : 1);
    memcpy(copy, data, size);
    memcpy(before, data, size);

    json.data = copy;
    json.len = size;

    fuzz_grammar(&json);

    n = 0;
    memset(&cmd, 0, sizeof(ngx_chat_cmd_t));

    if (ngx_chat_batch_open(&b, fuzz_pool, &json, FUZZ_TEXT_MAX, 1, &err)
        != NGX_OK)
    {
        fuzz_error(&cmd, &err);
        goto done;
    }

    /* NULL if there is something wrong in one of several commands */

    root = fuzz_load(copy, size, JSON_REJECT_DUPLICATES, &code);

    while ((rc = ngx_chat_batch_next(&b, &cmd, &err)) != NGX_DONE) {

        source = json_is_array(root) ? json_array_get(root, n) : root;
        n++;

        if (rc != NGX_OK) {
            fuzz_error(&cmd, &err);
            continue;
        }

        if (source != NULL) {
            fuzz_command(&cmd, source);

        } else {
            fuzz_require(b.count > 1);

            if (cmd.type == NGX_CHAT_CMD_MESSAGE) {
                fuzz_message(&cmd);
            }
        }
    }

    fuzz_require(n >= 1 && n <= NGX_CHAT_BATCH_MAX && n == b.count);

    ngx_chat_batch_close(&b);
    json_decref(root);

done:

    fuzz_require(memcmp(copy, before, size) == 0);

    free(copy);
    free(before);

    return 0;
}
