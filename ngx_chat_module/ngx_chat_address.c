
/*
 * Copyright (C) the ngx_chat_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_address.h"
#include "ngx_chat_control.h"
#include "ngx_chat_standing.h"
#include "ngx_chat_state.h"


static ngx_uint_t ngx_chat_address_shared(ngx_queue_t *sessions,
    ngx_chat_session_t *s);
static ngx_uint_t ngx_chat_address_loopback(ngx_chat_user_t *user);


void
ngx_chat_address_ban(ngx_queue_t *sessions, ngx_chat_session_t *s,
    ngx_chat_address_ban_t *ban)
{
    u_char           *p, value[NGX_CHAT_VALUE_MAX], was[NGX_CHAT_VALUE_MAX];
    uint64_t          now;
    ngx_int_t         rc;
    ngx_str_t         addr;
    ngx_chat_row_t    row;
    ngx_chat_zone_t  *z;

    z = s->conf->zone;
    now = (uint64_t) ngx_time();

    addr.data = s->user.addr;
    addr.len = s->user.addr_len;

    if (addr.len == 0
        || ngx_chat_standing_row(&row, NGX_CHAT_KIND_BAN, ban->room, 'a',
                                 &addr)
           != NGX_OK)
    {
        return;
    }

    row.value.data = was;

    if (ngx_chat_table_get(z, &row, now) == NGX_OK
        && ngx_chat_standing_number(&row.value, "at") == ban->at)
    {
        /* by another of his sessions */
        return;
    }

    if (ngx_chat_address_loopback(&s->user)
        || ngx_chat_address_shared(sessions, s))
    {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "the address of the banned user \"%V\" is not banned in "
                      "chat: others come from it, too", &s->user.id);
        return;
    }

    p = ngx_cpymem(value, "{\"ip\":\"", sizeof("{\"ip\":\"") - 1);
    p = ngx_hex_dump(p, addr.data, addr.len);
    p = ngx_sprintf(p, "\",\"of\":\"%V\",\"at\":%uL", &s->user.id, ban->at);

    if (ban->room->len > 0) {
        p = ngx_sprintf(p, ",\"room\":\"%V\"", ban->room);
    }

    *p++ = '}';

    row.value.data = value;
    row.value.len = (size_t) (p - value);
    row.expires = ban->expires;

    rc = ngx_chat_table_set(z, &row, now);

    if (rc != NGX_OK) {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "the address of the banned user \"%V\" is not banned in "
                      "chat: there is no place for it", &s->user.id);
        return;
    }

    ngx_chat_control_changed();
    ngx_chat_state_flush(z, now, ngx_cycle->log);
}


/* a moderator is there, or so many others that it must be a proxy's or a
   network's */

static ngx_uint_t
ngx_chat_address_shared(ngx_queue_t *sessions, ngx_chat_session_t *s)
{
    ngx_str_t           *seen[NGX_CHAT_ADDRESS_USERS], *id;
    ngx_uint_t           i, n;
    ngx_queue_t         *q;
    ngx_chat_session_t  *other;

    seen[0] = &s->user.id;
    n = 1;

    for (q = ngx_queue_head(sessions);
         q != ngx_queue_sentinel(sessions);
         q = ngx_queue_next(q))
    {
        other = ngx_queue_data(q, ngx_chat_session_t, queue);

        if (other->conf->zone != s->conf->zone || other->user.id.len == 0
            || other->user.addr_len != s->user.addr_len
            || ngx_memcmp(other->user.addr, s->user.addr, s->user.addr_len)
               != 0)
        {
            continue;
        }

        id = &other->user.id;

        for (i = 0; i < n; i++) {
            if (id->len == seen[i]->len
                && ngx_memcmp(id->data, seen[i]->data, id->len) == 0)
            {
                break;
            }
        }

        if (i < n) {
            continue;
        }

        if (n == NGX_CHAT_ADDRESS_USERS
            || ngx_chat_user_rank(&other->user) >= NGX_CHAT_RANK_MODERATOR)
        {
            return 1;
        }

        seen[n++] = id;
    }

    return 0;
}


/* a proxy's on this host, whose real_ip isn't set */

static ngx_uint_t
ngx_chat_address_loopback(ngx_chat_user_t *user)
{
    static u_char  none[8];

    return (user->addr_len == 4) ? user->addr[0] == 127
                                 : ngx_memcmp(user->addr, none, 8) == 0;
}
