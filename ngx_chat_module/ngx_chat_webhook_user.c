
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * How many sessions of a user this worker has: the zone is told of the first
 * and of the last.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_bus.h"
#include "ngx_chat_direct.h"
#include "ngx_chat_webhook.h"


uint32_t
ngx_chat_webhook_enter(ngx_chat_zone_t *z, ngx_str_t *user, ngx_uint_t guest)
{
    u_char                key[NGX_CHAT_DIRECT_KEY];
    uint32_t              ref;
    ngx_uint_t            full;
    ngx_chat_webhooks_t  *w;

    w = z->webhooks;

    if (w == NULL || z->hook_users == 0 || user->len == 0
        || ngx_chat_direct_key(key, user) != NGX_OK)
    {
        return 0;
    }

    if (w->sessions == NULL) {
        w->sessions = ngx_calloc(z->hook_users * sizeof(uint32_t),
                                 ngx_cycle->log);
        if (w->sessions == NULL) {
            return 0;
        }
    }

    ref = ngx_chat_hook_enter(z, ngx_chat_bus_seat(), key, user, guest,
                              (uint64_t) ngx_current_msec, &full);

    if (full) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "chat zone \"%V\" has no place for more users that "
                      "webhooks are told of: write a larger size", &z->name);
    }

    if (ref == 0 || ref > z->hook_users) {
        return 0;
    }

    w->sessions[ref - 1]++;

    return ref;
}


void
ngx_chat_webhook_leave(ngx_chat_zone_t *z, uint32_t ref)
{
    ngx_chat_webhooks_t  *w;

    w = z->webhooks;

    if (ref == 0 || w == NULL || w->sessions == NULL
        || w->sessions[ref - 1] == 0 || --w->sessions[ref - 1] > 0)
    {
        return;
    }

    ngx_chat_hook_leave(z, ngx_chat_bus_seat(), ref,
                        (uint64_t) ngx_current_msec);
}
