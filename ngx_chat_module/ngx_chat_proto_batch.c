
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Commands of a client.  The grammar of the whole text is checked first;
 * jansson then looks at one command after the other, since what is wrong
 * inside of one must be answered with its "id" while the others go on.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat.h"
#include "ngx_chat_error.h"
#include "ngx_chat_json.h"
#include "ngx_chat_proto.h"
#include "ngx_chat_proto_cmd.h"
#include "ngx_chat_proto_member.h"
#include "ngx_chat_utf8.h"


static ngx_int_t ngx_chat_batch_bad(ngx_chat_err_t *err, const char *message);
static ngx_int_t ngx_chat_batch_count(ngx_chat_batch_t *b);
static ngx_int_t ngx_chat_cmd_decode(ngx_chat_batch_t *b, ngx_str_t *json,
    ngx_chat_cmd_t *cmd, ngx_chat_err_t *err);
static const ngx_chat_cmd_name_t *ngx_chat_cmd_type(ngx_chat_members_t *m,
    ngx_chat_cmd_t *cmd);
static ngx_int_t ngx_chat_cmd_reply_to(ngx_chat_members_t *m,
    ngx_str_t *reply_to);


ngx_int_t
ngx_chat_batch_open(ngx_chat_batch_t *b, ngx_pool_t *pool, ngx_str_t *json,
    size_t text_max, ngx_uint_t allow_array, ngx_chat_err_t *err)
{
    size_t  i;

    ngx_memzero(b, sizeof(ngx_chat_batch_t));
    ngx_memzero(err, sizeof(ngx_chat_err_t));

    b->pool = pool;
    b->json = *json;
    b->text_max = text_max;

    if (json->len == 0) {
        return ngx_chat_batch_bad(err, "there is no command");
    }

    if (ngx_chat_utf8_valid(json->data, json->len) != NGX_OK) {
        return ngx_chat_batch_bad(err, "this is not UTF-8");
    }

    if (ngx_chat_json_valid(json) != NGX_OK) {
        return ngx_chat_batch_bad(err, "this is not JSON");
    }

    /* valid JSON has something besides white space */

    for (i = 0; json->data[i] <= ' '; i++) { /* void */ }

    if (json->data[i] == '{') {
        b->count = 1;
        return NGX_OK;
    }

    if (json->data[i] != '[' || !allow_array) {
        return ngx_chat_batch_bad(err, "a command is a JSON object");
    }

    if (ngx_chat_batch_count(b) != NGX_OK) {
        return ngx_chat_batch_bad(err, "an array must have 1 to 64 commands");
    }

    return NGX_OK;
}


static ngx_int_t
ngx_chat_batch_bad(ngx_chat_err_t *err, const char *message)
{
    err->code = NGX_CHAT_E_BAD_REQUEST;
    err->message = message;
    err->field = NULL;

    return NGX_ERROR;
}


static ngx_int_t
ngx_chat_batch_count(ngx_chat_batch_t *b)
{
    u_char     *pos;
    ngx_str_t   element;

    pos = b->json.data;

    while (ngx_chat_json_element(&b->json, &pos, &element) == NGX_OK) {
        if (++b->count > NGX_CHAT_BATCH_MAX) {
            return NGX_DECLINED;
        }
    }

    if (b->count == 0) {
        return NGX_DECLINED;
    }

    b->pos = b->json.data;

    return NGX_OK;
}


ngx_int_t
ngx_chat_batch_next(ngx_chat_batch_t *b, ngx_chat_cmd_t *cmd,
    ngx_chat_err_t *err)
{
    ngx_str_t  json;

    ngx_memzero(cmd, sizeof(ngx_chat_cmd_t));
    ngx_memzero(err, sizeof(ngx_chat_err_t));

    if (b->index == b->count) {
        return NGX_DONE;
    }

    b->index++;

    json = b->json;

    /* b->pos is only set for an array */

    if (b->pos != NULL) {
        if (ngx_chat_json_element(&b->json, &b->pos, &json) != NGX_OK) {
            return NGX_DONE;
        }

        if (json.data[0] != '{') {
            return ngx_chat_batch_bad(err, "a command is a JSON object");
        }
    }

    return ngx_chat_cmd_decode(b, &json, cmd, err);
}


/* commands are looked at one by one, so there is nothing to be freed yet */

void
ngx_chat_batch_close(ngx_chat_batch_t *b)
{
    b->index = b->count;
}


ngx_int_t
ngx_chat_message_parse(ngx_pool_t *pool, ngx_str_t *json, size_t text_max,
    ngx_chat_cmd_t *cmd, ngx_chat_err_t *err)
{
    ngx_chat_batch_t    b;
    ngx_chat_members_t  m;

    ngx_memzero(cmd, sizeof(ngx_chat_cmd_t));

    if (ngx_chat_batch_open(&b, pool, json, text_max, 0, err) != NGX_OK) {
        return NGX_ERROR;
    }

    cmd->type = NGX_CHAT_CMD_MESSAGE;

    m.pool = pool;
    m.err = err;

    if (ngx_chat_members_find(&m, json) != NGX_OK
        || ngx_chat_members_check(&m, json) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_chat_cmd_content(&m, &b, cmd);
}


/*
 * "type" and "id" come first: they are of use for an answer even if something
 * is wrong with the rest.
 */

static ngx_int_t
ngx_chat_cmd_decode(ngx_chat_batch_t *b, ngx_str_t *json, ngx_chat_cmd_t *cmd,
    ngx_chat_err_t *err)
{
    ngx_int_t                   found, id;
    ngx_chat_members_t          m;
    const ngx_chat_cmd_name_t  *name;

    cmd->presence = 1;

    m.pool = b->pool;
    m.err = err;

    found = ngx_chat_members_find(&m, json);

    name = ngx_chat_cmd_type(&m, cmd);
    id = ngx_chat_cmd_reply_to(&m, &cmd->reply_to);

    if (found != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_chat_members_check(&m, json) != NGX_OK) {

        /* of two ids neither is the command's */

        if (err->field != NULL && ngx_strcmp(err->field, "id") == 0) {
            ngx_str_null(&cmd->reply_to);
        }

        return NGX_ERROR;
    }

    if (id == NGX_ERROR) {
        return ngx_chat_member_failed(&m);
    }

    if (id == NGX_DECLINED) {
        return ngx_chat_member_bad(&m, NGX_CHAT_IN_ID);
    }

    if (name == NULL) {

        /* a string that could be decoded a moment ago: no memory */

        if (ngx_chat_member_given(&m, NGX_CHAT_IN_TYPE)
            && m.value[NGX_CHAT_IN_TYPE].data[0] == '"')
        {
            return ngx_chat_member_failed(&m);
        }

        return ngx_chat_member_bad(&m, NGX_CHAT_IN_TYPE);
    }

    if (name->decode == NULL) {
        return NGX_OK;
    }

    return name->decode(&m, b, cmd);
}


/* NULL: there is no "type", or it isn't a string */

static const ngx_chat_cmd_name_t *
ngx_chat_cmd_type(ngx_chat_members_t *m, ngx_chat_cmd_t *cmd)
{
    ngx_str_t                  *value;
    const ngx_chat_cmd_name_t  *name;

    value = &m->value[NGX_CHAT_IN_TYPE];

    if (value->data == NULL
        || ngx_chat_json_decode(m->pool, value, &cmd->type_name) != NGX_OK)
    {
        return NULL;
    }

    name = ngx_chat_cmd_lookup(&cmd->type_name);
    cmd->type = name->type;

    return name;
}


/* NGX_DECLINED: "id" is not what it must be; NGX_ERROR: no memory */

static ngx_int_t
ngx_chat_cmd_reply_to(ngx_chat_members_t *m, ngx_str_t *reply_to)
{
    u_char     *p;
    uint64_t    n;
    ngx_int_t   rc;
    ngx_str_t  *value, id;

    value = &m->value[NGX_CHAT_IN_ID];

    if (value->data == NULL) {
        return NGX_OK;
    }

    if (value->data[0] != '"') {

        if (ngx_chat_json_integer(value, &n) != NGX_OK
            || n > NGX_CHAT_SAFE_INT)
        {
            return NGX_DECLINED;
        }

        p = ngx_pnalloc(m->pool, NGX_INT64_LEN);
        if (p == NULL) {
            return NGX_ERROR;
        }

        reply_to->data = p;
        reply_to->len = ngx_sprintf(p, "%uL", n) - p;

        return NGX_OK;
    }

    rc = ngx_chat_json_decode(m->pool, value, &id);
    if (rc != NGX_OK) {
        return rc;
    }

    if (id.len == 0 || id.len > NGX_CHAT_REPLY_TO_MAX) {
        return NGX_DECLINED;
    }

    p = ngx_pnalloc(m->pool, ngx_chat_json_string_len(&id));
    if (p == NULL) {
        return NGX_ERROR;
    }

    reply_to->data = p;
    reply_to->len = ngx_chat_json_string(p, &id) - p;

    return NGX_OK;
}
