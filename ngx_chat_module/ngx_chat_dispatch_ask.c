
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * chat_auth_publish: another server says whether a message is published, and
 * with what content.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_ask.h"
#include "ngx_chat_dispatch.h"
#include "ngx_chat_jwt.h"
#include "ngx_chat_utf8.h"
#include "ngx_chat_worker.h"


static ngx_chat_err_e ngx_chat_dispatch_asked(ngx_chat_caller_t *c,
    ngx_chat_cmd_t *cmd);
static ngx_chat_err_e ngx_chat_dispatch_rewrite(ngx_chat_caller_t *c,
    ngx_chat_cmd_t *cmd, ngx_str_t *body);
static ngx_chat_err_e ngx_chat_dispatch_filtered(ngx_chat_caller_t *c,
    ngx_str_t *body, ngx_str_t *error);
static ngx_chat_err_e ngx_chat_dispatch_garbage(ngx_chat_caller_t *c,
    const char *why);
static void ngx_chat_dispatch_question(ngx_chat_caller_t *c,
    ngx_chat_cmd_t *cmd, ngx_chat_text_t *t);


void
ngx_chat_dispatch_outcome(ngx_chat_caller_t *c, ngx_chat_wait_t *w)
{
    c->outcome = NULL;
    c->answer = NULL;

    if (w != NULL && w->asked) {
        c->answer = w;

    } else {
        c->outcome = w;
    }
}


ngx_chat_err_e
ngx_chat_dispatch_ask(ngx_chat_caller_t *c, ngx_chat_cmd_t *cmd)
{
    ngx_str_t         body;
    ngx_chat_text_t  *t;
    ngx_chat_wait_t  *w;

    if (c->conf->ask_publish == NULL || c->user->api || c->outcome != NULL) {
        return NGX_CHAT_OK;
    }

    if (c->answer != NULL) {
        return ngx_chat_dispatch_asked(c, cmd);
    }

    t = ngx_chat_worker_text();

    ngx_chat_dispatch_question(c, cmd, t);

    if (t->failed) {
        return NGX_CHAT_E_INTERNAL;
    }

    body.data = t->start;
    body.len = ngx_chat_text_len(t);

    w = ngx_chat_dispatch_wait(c);

    if (w == NULL
        || ngx_chat_ask(c->conf->ask_publish, &body, w, c->conf->zone->log)
           != NGX_OK)
    {
        ngx_chat_wait_free(w);
        return NGX_CHAT_E_UNAVAILABLE;
    }

    c->wait = w;

    return NGX_CHAT_E_WAIT;
}


static void
ngx_chat_dispatch_question(ngx_chat_caller_t *c, ngx_chat_cmd_t *cmd,
    ngx_chat_text_t *t)
{
    ngx_uint_t  i;

    ngx_chat_text_lit(t, "{\"action\":\"");

    if (cmd->type == NGX_CHAT_CMD_EDIT) {
        ngx_chat_text_lit(t, "edit\",\"target\":");
        ngx_chat_enc_id(t, &cmd->target.id);

    } else {
        ngx_chat_text_lit(t, "publish\"");
    }

    ngx_chat_text_lit(t, ",\"room\":");
    ngx_chat_text_json(t, &cmd->room);
    ngx_chat_text_lit(t, ",\"user\":");
    ngx_chat_enc_user(t, c->user);
    ngx_chat_text_lit(t, ",\"roles\":[");

    for (i = 0; i < c->user->roles.n; i++) {

        if (i > 0) {
            ngx_chat_text_lit(t, ",");
        }

        ngx_chat_text_json(t, &c->user->roles.names[i]);
    }

    ngx_chat_text_lit(t, "]");

    ngx_chat_enc_content(t, cmd);

    ngx_chat_text_lit(t, "}");
}


static ngx_chat_err_e
ngx_chat_dispatch_asked(ngx_chat_caller_t *c, ngx_chat_cmd_t *cmd)
{
    ngx_str_t   body, error;
    ngx_int_t   rc;

    if (c->answer->code != NGX_CHAT_OK || c->answer->size == 0) {
        return c->answer->code;
    }

    body.data = c->answer->records;
    body.len = c->answer->size;

    if (ngx_chat_utf8_valid(body.data, body.len) != NGX_OK
        || ngx_chat_jwt_object(&body) != NGX_OK)
    {
        return ngx_chat_dispatch_garbage(c, "it is no JSON object");
    }

    rc = ngx_chat_jwt_string(c->pool, &body, "error", &error);

    switch (rc) {

    case NGX_OK:
        return ngx_chat_dispatch_filtered(c, &body, &error);

    case NGX_DECLINED:
        return ngx_chat_dispatch_rewrite(c, cmd, &body);

    case NGX_ABORT:
        return ngx_chat_dispatch_garbage(c, "\"error\" is no string");

    default:
        return NGX_CHAT_E_INTERNAL;
    }
}


static ngx_chat_err_e
ngx_chat_dispatch_filtered(ngx_chat_caller_t *c, ngx_str_t *body,
    ngx_str_t *error)
{
    char       *message;
    ngx_int_t   rc;
    ngx_str_t   text;

    if (error->len != sizeof("filtered") - 1
        || ngx_strncmp(error->data, "filtered", error->len) != 0)
    {
        return ngx_chat_dispatch_garbage(c, "\"error\" isn't \"filtered\"");
    }

    rc = ngx_chat_jwt_string(c->pool, body, "message", &text);

    if (rc == NGX_ERROR) {
        return NGX_CHAT_E_INTERNAL;
    }

    if (rc == NGX_OK && text.len > 0 && text.len <= NGX_CHAT_ASK_MESSAGE
        && ngx_strlchr(text.data, text.data + text.len, '\0') == NULL)
    {
        message = ngx_pnalloc(c->pool, text.len + 1);
        if (message == NULL) {
            return NGX_CHAT_E_INTERNAL;
        }

        (void) ngx_cpystrn((u_char *) message, text.data, text.len + 1);
        c->message = message;
    }

    return NGX_CHAT_E_FILTERED;
}


/* what of "text" and "data" is there takes the place of the client's */

static ngx_chat_err_e
ngx_chat_dispatch_rewrite(ngx_chat_caller_t *c, ngx_chat_cmd_t *cmd,
    ngx_str_t *body)
{
    ngx_int_t       text, data;
    ngx_str_t       value;
    ngx_chat_cmd_t  other;
    ngx_chat_err_t  err;

    static ngx_str_t  names[] = { ngx_string("text"), ngx_string("data") };

    text = ngx_chat_jwt_member(c->pool, body, &names[0], &value);
    data = ngx_chat_jwt_member(c->pool, body, &names[1], &value);

    if (text == NGX_ERROR || data == NGX_ERROR) {
        return NGX_CHAT_E_INTERNAL;
    }

    if (text == NGX_DECLINED && data == NGX_DECLINED) {
        return NGX_CHAT_OK;
    }

    if (ngx_chat_message_parse(c->pool, body, c->conf->text_max, &other, &err)
        != NGX_OK)
    {
        return ngx_chat_dispatch_garbage(c, "no message can have its \"text\" "
                                            "or \"data\"");
    }

    if (text == NGX_OK) {
        cmd->text = other.text;
    }

    if (data == NGX_OK) {
        cmd->data = other.data;
    }

    return NGX_CHAT_OK;
}


static ngx_chat_err_e
ngx_chat_dispatch_garbage(ngx_chat_caller_t *c, const char *why)
{
    ngx_log_error(NGX_LOG_ERR, c->conf->zone->log, 0,
                  "a chat message is refused, what \"chat_auth_publish\" was "
                  "answered is of no use: %s", why);

    return NGX_CHAT_E_UNAVAILABLE;
}
