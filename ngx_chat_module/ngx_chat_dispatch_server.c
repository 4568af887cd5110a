
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * "rooms": which rooms there are, page by page.  The cursor is a slot: a room
 * that stays is told once, one that comes or goes meanwhile perhaps.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_dispatch.h"
#include "ngx_chat_presence.h"
#include "ngx_chat_worker.h"


/* slots that are looked at for a page, with the lock taken for each */
#define NGX_CHAT_ROOMS_LOOK  1024


static void ngx_chat_rooms_one(ngx_chat_caller_t *c, ngx_chat_text_t *t,
    ngx_chat_room_key_t *key, ngx_chat_room_info_t *info);


void
ngx_chat_command_rooms(ngx_chat_caller_t *c, ngx_chat_cmd_t *cmd)
{
    u_char                 name[NGX_CHAT_ROOM_MAX];
    uint32_t               idx, look;
    ngx_int_t              rc, at;
    ngx_uint_t             n, max;
    ngx_chat_err_e         code;
    ngx_chat_text_t       *t;
    ngx_chat_room_key_t    key;
    ngx_chat_room_info_t   info;

    code = ngx_chat_dispatch_charge(c, NGX_CHAT_RATE_HISTORY, NULL, 1);

    if (code != NGX_CHAT_OK) {
        ngx_chat_dispatch_refuse(c, cmd, code);
        return;
    }

    at = (cmd->next.len > 0) ? ngx_atoi(cmd->next.data, cmd->next.len) : 0;

    if (at == NGX_ERROR || at > NGX_MAX_INT32_VALUE) {
        ngx_chat_dispatch_refuse(c, cmd, NGX_CHAT_E_BAD_REQUEST);
        return;
    }

    t = ngx_chat_worker_text();

    ngx_chat_text_lit(t, "{\"type\":\"rooms\"");
    ngx_chat_enc_reply_to(t, &cmd->reply_to);
    ngx_chat_text_lit(t, ",\"rooms\":[");

    key.name.data = name;
    max = (cmd->limit > 0) ? cmd->limit : NGX_CHAT_PAGE_MAX;
    idx = (uint32_t) at;
    rc = NGX_OK;
    n = 0;

    for (look = 0; look < NGX_CHAT_ROOMS_LOOK && n < max; look++, idx++) {

        rc = ngx_chat_room_at(c->conf->zone, idx, &key, &info);

        if (rc == NGX_DONE) {
            break;
        }

        /* those of the server are nobody's to be listed */

        if (rc != NGX_OK || key.kind != NGX_CHAT_ROOM_CHAT
            || key.name.data[0] == '~'
            || ngx_chat_dispatch_may(c, NGX_CHAT_MAY_READ, &key.name)
               != NGX_CHAT_OK)
        {
            continue;
        }

        if (n++ > 0) {
            ngx_chat_text_lit(t, ",");
        }

        ngx_chat_rooms_one(c, t, &key, &info);
    }

    ngx_chat_text_lit(t, "]");

    if (rc != NGX_DONE) {
        ngx_chat_text_lit(t, ",\"next\":\"");
        ngx_chat_text_num(t, (int64_t) idx);
        ngx_chat_text_lit(t, "\"");
    }

    ngx_chat_text_lit(t, "}");

    if (cmd->reply_to.len > 0) {
        ngx_chat_dispatch_emit(c, t);
    }
}


static void
ngx_chat_rooms_one(ngx_chat_caller_t *c, ngx_chat_text_t *t,
    ngx_chat_room_key_t *key, ngx_chat_room_info_t *info)
{
    ngx_chat_presence_page_t  page;
    ngx_chat_presence_user_t  user;

    ngx_memzero(&page, sizeof(ngx_chat_presence_page_t));

    page.users = &user;
    page.n = 1;

    (void) ngx_chat_presence_page(c->conf->zone, key, &page);

    ngx_chat_text_lit(t, "{\"room\":");
    ngx_chat_text_json(t, &key->name);
    ngx_chat_text_lit(t, ",\"epoch\":\"");
    ngx_chat_text_add(t, info->epoch, NGX_CHAT_EPOCH_LEN);
    ngx_chat_text_lit(t, "\",\"first\":");
    ngx_chat_text_num(t, (int64_t) info->first);
    ngx_chat_text_lit(t, ",\"head\":");
    ngx_chat_text_num(t, (int64_t) info->head);
    ngx_chat_text_lit(t, ",\"members\":");
    ngx_chat_text_num(t, (int64_t) page.count);
    ngx_chat_text_lit(t, "}");
}
