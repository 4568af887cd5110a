
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Objects of the server.  Commands are read in ngx_chat_proto_batch.c.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat.h"
#include "ngx_chat_error.h"
#include "ngx_chat_json.h"
#include "ngx_chat_name.h"
#include "ngx_chat_proto.h"


#define NGX_CHAT_FNV_BASIS  0xcbf29ce484222325ULL
#define NGX_CHAT_FNV_PRIME  0x00000100000001b3ULL


static void ngx_chat_enc_sentence(ngx_chat_text_t *t, ngx_chat_err_t *err);
static void ngx_chat_enc_retry(ngx_chat_text_t *t, ngx_chat_err_t *err);
static void ngx_chat_enc_field(ngx_chat_text_t *t, ngx_chat_err_t *err);
static void ngx_chat_enc_cstr(ngx_chat_text_t *t, const char *s);
static const char *ngx_chat_status_phrase(ngx_uint_t status);


void
ngx_chat_enc_content(ngx_chat_text_t *t, ngx_chat_cmd_t *cmd)
{
    /* it stays when the message is deleted, so it is before the content */

    if (cmd->thread.given) {
        ngx_chat_text_lit(t, ",\"thread\":");
        ngx_chat_enc_id(t, &cmd->thread.id);
    }

    /* a text that was given may be empty */

    if (cmd->text.data != NULL) {
        ngx_chat_text_lit(t, ",\"text\":");
        ngx_chat_text_json(t, &cmd->text);
    }

    if (cmd->data.len) {
        ngx_chat_text_lit(t, ",\"data\":");
        ngx_chat_text_str(t, &cmd->data);
    }

    if (cmd->mentions.len) {
        ngx_chat_text_lit(t, ",\"mentions\":");
        ngx_chat_text_str(t, &cmd->mentions);
    }
}


void
ngx_chat_event_message(ngx_chat_text_t *t, ngx_chat_cmd_t *cmd,
    ngx_chat_user_t *user, size_t *cut1, size_t *cut2)
{
    ngx_chat_text_lit(t, "{\"type\":\"message\",\"room\":");
    ngx_chat_text_json(t, &cmd->room);
    ngx_chat_text_lit(t, ",\"id\":\"");

    *cut1 = ngx_chat_text_len(t);

    ngx_chat_text_lit(t, "\",\"ts\":");

    *cut2 = ngx_chat_text_len(t);

    ngx_chat_text_lit(t, ",\"user\":");
    ngx_chat_enc_user(t, user);

    ngx_chat_enc_content(t, cmd);

    if (cmd->nonce.len) {
        ngx_chat_text_lit(t, ",\"nonce\":");
        ngx_chat_text_json(t, &cmd->nonce);
    }

    ngx_chat_text_lit(t, "}");
}


void
ngx_chat_enc_user(ngx_chat_text_t *t, ngx_chat_user_t *user)
{
    ngx_chat_text_lit(t, "{\"id\":");
    ngx_chat_text_json(t, &user->id);

    if (user->name.len) {
        ngx_chat_text_lit(t, ",\"name\":");
        ngx_chat_text_json(t, &user->name);
    }

    if (user->guest) {
        ngx_chat_text_lit(t, ",\"guest\":true");
    }

    ngx_chat_text_lit(t, "}");
}


void
ngx_chat_enc_reply_to(ngx_chat_text_t *t, ngx_str_t *reply_to)
{
    if (reply_to == NULL || reply_to->len == 0) {
        return;
    }

    ngx_chat_text_lit(t, ",\"reply_to\":");
    ngx_chat_text_str(t, reply_to);
}


void
ngx_chat_enc_error(ngx_chat_text_t *t, ngx_str_t *reply_to, ngx_str_t *room,
    ngx_chat_err_t *err)
{
    const ngx_chat_err_info_t  *info;

    info = ngx_chat_err_info(err->code);

    ngx_chat_text_lit(t, "{\"type\":\"error\"");
    ngx_chat_enc_reply_to(t, reply_to);

    ngx_chat_text_lit(t, ",\"code\":\"");
    ngx_chat_text_str(t, &info->code);

    ngx_chat_text_lit(t, "\",\"message\":");
    ngx_chat_enc_sentence(t, err);

    ngx_chat_enc_retry(t, err);

    if (room != NULL && room->len) {
        ngx_chat_text_lit(t, ",\"room\":");
        ngx_chat_text_json(t, room);
    }

    ngx_chat_enc_field(t, err);

    ngx_chat_text_lit(t, "}");
}


void
ngx_chat_enc_problem(ngx_chat_text_t *t, ngx_chat_err_t *err,
    ngx_uint_t status)
{
    const ngx_chat_err_info_t  *info;

    info = ngx_chat_err_info(err->code);

    if (status == 0) {
        status = info->status;
    }

    ngx_chat_text_lit(t, "{\"type\":\"about:blank\",\"title\":");
    ngx_chat_enc_cstr(t, ngx_chat_status_phrase(status));

    ngx_chat_text_lit(t, ",\"status\":");
    ngx_chat_text_num(t, (int64_t) status);

    ngx_chat_text_lit(t, ",\"detail\":");
    ngx_chat_enc_sentence(t, err);

    ngx_chat_text_lit(t, ",\"code\":\"");
    ngx_chat_text_str(t, &info->code);
    ngx_chat_text_lit(t, "\"");

    ngx_chat_enc_retry(t, err);
    ngx_chat_enc_field(t, err);

    ngx_chat_text_lit(t, "}");
}


void
ngx_chat_enc_id(ngx_chat_text_t *t, ngx_chat_id_t *id)
{
    u_char  *last, text[NGX_CHAT_ID_LEN];

    last = ngx_chat_id_print(text, id->epoch, id->offset);

    ngx_chat_text_lit(t, "\"");
    ngx_chat_text_add(t, text, last - text);
    ngx_chat_text_lit(t, "\"");
}


static void
ngx_chat_enc_sentence(ngx_chat_text_t *t, ngx_chat_err_t *err)
{
    ngx_str_t  message;

    if (err->message != NULL) {
        ngx_chat_enc_cstr(t, err->message);
        return;
    }

    message = ngx_chat_err_info(err->code)->message;

    ngx_chat_text_json(t, &message);
}


static void
ngx_chat_enc_retry(ngx_chat_text_t *t, ngx_chat_err_t *err)
{
    if (ngx_chat_err_info(err->code)->temporary) {
        ngx_chat_text_lit(t, ",\"temporary\":true");

    } else {
        ngx_chat_text_lit(t, ",\"temporary\":false");
    }

    if (err->retry_after_ms) {
        ngx_chat_text_lit(t, ",\"retry_after_ms\":");
        ngx_chat_text_num(t, (int64_t) err->retry_after_ms);
    }

    if (err->until) {
        ngx_chat_text_lit(t, ",\"until\":");
        ngx_chat_text_num(t, (int64_t) (err->until * 1000));
    }
}


static void
ngx_chat_enc_field(ngx_chat_text_t *t, ngx_chat_err_t *err)
{
    if (err->field == NULL) {
        return;
    }

    ngx_chat_text_lit(t, ",\"field\":");
    ngx_chat_enc_cstr(t, err->field);
}


static void
ngx_chat_enc_cstr(ngx_chat_text_t *t, const char *s)
{
    ngx_str_t  str;

    str.data = (u_char *) s;
    str.len = ngx_strlen(s);

    ngx_chat_text_json(t, &str);
}


/* what RFC 9457 wants as "title" of "about:blank" */

static const char *
ngx_chat_status_phrase(ngx_uint_t status)
{
    switch (status) {

    case 400:
        return "Bad Request";

    case 401:
        return "Unauthorized";

    case 403:
        return "Forbidden";

    case 404:
        return "Not Found";

    case 405:
        return "Method Not Allowed";

    case 409:
        return "Conflict";

    case 413:
        return "Content Too Large";

    case 415:
        return "Unsupported Media Type";

    case 422:
        return "Unprocessable Content";

    case 426:
        return "Upgrade Required";

    case 429:
        return "Too Many Requests";

    case 503:
        return "Service Unavailable";

    case 504:
        return "Gateway Timeout";

    default:
        return "Internal Server Error";
    }
}


uint64_t
ngx_chat_body_hash(ngx_chat_cmd_t *cmd)
{
    uint64_t        h;
    ngx_chat_id_t  *thread;

    thread = &cmd->thread.id;

    h = ngx_chat_hash_part(0, cmd->text.data != NULL, cmd->text.data,
                           cmd->text.len);
    h = ngx_chat_hash_part(h, cmd->data.len != 0, cmd->data.data,
                           cmd->data.len);
    h = ngx_chat_hash_part(h, cmd->thread.given, thread->epoch,
                           NGX_CHAT_EPOCH_LEN);
    h = ngx_chat_hash_part(h, cmd->thread.given, &thread->offset,
                           sizeof(uint64_t));

    return ngx_chat_hash_part(h, cmd->mentions.len != 0, cmd->mentions.data,
                              cmd->mentions.len);
}


uint64_t
ngx_chat_hash_part(uint64_t h, ngx_uint_t given, const void *data, size_t len)
{
    u_char    there;
    uint64_t  size;

    there = given ? 1 : 0;
    size = given ? len : 0;

    h = ngx_chat_hash64(h, &there, 1);
    h = ngx_chat_hash64(h, &size, sizeof(uint64_t));

    return ngx_chat_hash64(h, data, (size_t) size);
}


uint64_t
ngx_chat_hash64(uint64_t h, const void *data, size_t len)
{
    size_t         i;
    const u_char  *p;

    p = data;

    if (h == 0) {
        h = NGX_CHAT_FNV_BASIS;
    }

    for (i = 0; i < len; i++) {
        h = (h ^ p[i]) * NGX_CHAT_FNV_PRIME;
    }

    return h;
}
