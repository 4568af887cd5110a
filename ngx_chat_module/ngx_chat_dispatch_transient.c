
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Commands whose events are live only: "signal" and "typing".
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_dispatch.h"
#include "ngx_chat_transient.h"
#include "ngx_chat_worker.h"


#if (NGX_CHAT_TRANSIENT_FROM != NGX_CHAT_SESSION_ID_LEN)
#error "a transient event names a session by its id"
#endif


static void ngx_chat_transient_event(ngx_chat_text_t *t, ngx_chat_caller_t *c,
    ngx_chat_cmd_t *cmd);


ngx_chat_err_e
ngx_chat_dispatch_transient(ngx_chat_caller_t *c, ngx_chat_cmd_t *cmd)
{
    ngx_int_t                  rc;
    ngx_chat_err_e             code;
    ngx_chat_text_t           *t;
    ngx_chat_zone_t           *z;
    ngx_chat_transient_put_t   p;

    if (c->session != NULL
        && ngx_chat_member_find(c->session, &cmd->room) == NULL)
    {
        return NGX_CHAT_E_NOT_JOINED;
    }

    code = ngx_chat_dispatch_may(c, NGX_CHAT_MAY_SIGNAL, &cmd->room);
    if (code != NGX_CHAT_OK) {
        return code;
    }

    z = c->conf->zone;
    t = ngx_chat_worker_text();

    ngx_chat_transient_event(t, c, cmd);

    if (t->failed) {
        return NGX_CHAT_E_INTERNAL;
    }

    ngx_memzero(&p, sizeof(ngx_chat_transient_put_t));

    p.key.kind = NGX_CHAT_ROOM_CHAT;
    p.key.name = cmd->room;
    p.payload.data = t->start;
    p.payload.len = ngx_chat_text_len(t);
    p.from = (c->session != NULL) ? c->session->id : c->from;
    p.user = ngx_chat_hash64(0, c->user->id.data, c->user->id.len);
    p.now = ngx_chat_worker_now();
    p.max = c->conf->typing_max;
    p.typing = (cmd->type == NGX_CHAT_CMD_TYPING);
    p.on = cmd->on;

    rc = ngx_chat_transient_put(z, ngx_chat_bus_seat(), &p);

    if (rc != NGX_ERROR && c->conf->broker->transient != NULL) {

        /* a room that nobody follows here may be followed elsewhere */

        if (!p.typing || p.passed || rc == NGX_DECLINED) {
            c->conf->broker->transient(z, &p.key, &p.payload, p.from);
        }

        rc = NGX_OK;
    }

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_CHAT_E_NOT_FOUND
                                    : NGX_CHAT_E_TOO_LARGE;
    }

    if (p.passed) {
        ngx_chat_bus_wake(&p.wake);
        ngx_chat_hub_transients();
    }

    return NGX_CHAT_OK;
}


static void
ngx_chat_transient_event(ngx_chat_text_t *t, ngx_chat_caller_t *c,
    ngx_chat_cmd_t *cmd)
{
    ngx_chat_text_lit(t, "{\"type\":\"");
    ngx_chat_text_str(t, &cmd->type_name);
    ngx_chat_text_lit(t, "\",\"room\":");
    ngx_chat_text_json(t, &cmd->room);
    ngx_chat_text_lit(t, ",\"user\":");
    ngx_chat_enc_user(t, c->user);

    if (cmd->type == NGX_CHAT_CMD_TYPING) {
        ngx_chat_text_lit(t, ",\"on\":");

        if (cmd->on) {
            ngx_chat_text_lit(t, "true");

        } else {
            ngx_chat_text_lit(t, "false");
        }

    } else {
        ngx_chat_text_lit(t, ",\"name\":");
        ngx_chat_text_json(t, &cmd->name);

        if (cmd->data.len > 0) {
            ngx_chat_text_lit(t, ",\"data\":");
            ngx_chat_text_str(t, &cmd->data);
        }
    }

    ngx_chat_text_lit(t, "}");
}
