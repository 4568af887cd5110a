
/*
 * Copyright (C) the ngx_chat_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_table.h"
#include "ngx_chat_test.h"
#include "ngx_chat_ticket.h"
#include "ngx_chat_token.h"


/* what begins a value; strings follow, each with its length in 2 bytes */

typedef struct {
    int64_t    expires;
    int64_t    issued;
    uint16_t   roles;
    uint16_t   rooms;
    uint8_t    guest;
    uint8_t    confined;
    uint8_t    spare[2];
} ngx_chat_ticket_t;


static ngx_int_t ngx_chat_ticket_row(ngx_chat_row_t *row, ngx_str_t *place,
    ngx_str_t *ticket);
static size_t ngx_chat_ticket_write(u_char *p, ngx_chat_user_t *user,
    time_t expires);
static u_char *ngx_chat_ticket_put(u_char *p, u_char *last, ngx_str_t *s);
static ngx_int_t ngx_chat_ticket_read(u_char *p, size_t len, ngx_pool_t *pool,
    ngx_chat_user_t *user, time_t *expires);
static u_char *ngx_chat_ticket_get(u_char *p, u_char *last, ngx_str_t *s);
static u_char *ngx_chat_ticket_list(u_char *p, u_char *last, ngx_uint_t n,
    ngx_pool_t *pool, ngx_chat_roles_t *list);


ngx_int_t
ngx_chat_ticket_make(ngx_chat_zone_t *z, ngx_str_t *place,
    ngx_chat_user_t *user, time_t expires, time_t now, u_char *dst)
{
    u_char          random[16], value[NGX_CHAT_VALUE_MAX];
    ngx_str_t       bits, text;
    ngx_chat_row_t  row;

    bits.data = random;
    bits.len = sizeof(random);
    text.data = dst;

    if (ngx_chat_random(random, sizeof(random)) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_encode_base64url(&text, &bits);

    if (ngx_chat_ticket_row(&row, place, &text) != NGX_OK) {
        return NGX_ERROR;
    }

    row.expires = (uint64_t) now + NGX_CHAT_TICKET_TIME;
    row.value.data = value;
    row.value.len = ngx_chat_ticket_write(value, user, expires);

    if (row.value.len == 0) {
        return NGX_DECLINED;
    }

    return ngx_chat_table_set(z, &row, (uint64_t) now);
}


/* a ticket is good where it was given, by whatever rules hold there */

static ngx_int_t
ngx_chat_ticket_row(ngx_chat_row_t *row, ngx_str_t *place, ngx_str_t *ticket)
{
    ngx_str_t  name;

    ngx_memzero(row, sizeof(ngx_chat_row_t));

    row->kind = NGX_CHAT_KIND_TICKET;

    /* the end of a long name tells more */

    name = *place;

    if (name.len > NGX_CHAT_ROOM_MAX) {
        name.data += name.len - NGX_CHAT_ROOM_MAX;
        name.len = NGX_CHAT_ROOM_MAX;
    }

    if (ngx_chat_table_key(row->room, 'l', &name) != NGX_OK
        || ngx_chat_table_key(row->subject, 't', ticket) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* the length, or 0: it doesn't fit */

static size_t
ngx_chat_ticket_write(u_char *p, ngx_chat_user_t *user, time_t expires)
{
    u_char             *start, *last, *end;
    ngx_uint_t          i;
    ngx_chat_ticket_t   t;

    start = p;
    last = p + NGX_CHAT_VALUE_MAX;

    ngx_memzero(&t, sizeof(ngx_chat_ticket_t));

    t.expires = (int64_t) expires;
    t.issued = user->issued;
    t.roles = (uint16_t) user->roles.n;
    t.rooms = (uint16_t) user->rooms.n;
    t.guest = user->guest;
    t.confined = user->confined;

    p = ngx_cpymem(p, &t, sizeof(ngx_chat_ticket_t));

    p = ngx_chat_ticket_put(p, last, &user->id);
    p = ngx_chat_ticket_put(p, last, &user->name);
    p = ngx_chat_ticket_put(p, last, &user->jti);

    for (i = 0; i < user->roles.n; i++) {
        p = ngx_chat_ticket_put(p, last, &user->roles.names[i]);
    }

    for (i = 0; i < user->rooms.n; i++) {
        p = ngx_chat_ticket_put(p, last, &user->rooms.names[i]);
    }

    if (p == NULL) {
        return 0;
    }

    end = ngx_chat_ticket_put(p, last, &user->claims);

    return (size_t) ((end ? end : p) - start);
}


static u_char *
ngx_chat_ticket_put(u_char *p, u_char *last, ngx_str_t *s)
{
    uint16_t  len;

    if (p == NULL || (size_t) (last - p) < sizeof(uint16_t) + s->len) {
        return NULL;
    }

    len = (uint16_t) s->len;

    p = ngx_cpymem(p, &len, sizeof(uint16_t));

    return (len > 0) ? ngx_cpymem(p, s->data, len) : p;
}


ngx_int_t
ngx_chat_ticket_take(ngx_chat_zone_t *z, ngx_str_t *place, ngx_str_t *ticket,
    time_t now, ngx_pool_t *pool, ngx_chat_user_t *user, time_t *expires)
{
    u_char          value[NGX_CHAT_VALUE_MAX];
    ngx_int_t       rc;
    ngx_chat_row_t  row;

    if (ticket->len != NGX_CHAT_TICKET_LEN) {
        return NGX_DECLINED;
    }

    if (ngx_chat_ticket_row(&row, place, ticket) != NGX_OK) {
        return NGX_ERROR;
    }

    row.value.data = value;

    rc = ngx_chat_table_take(z, &row, (uint64_t) now);

    if (rc != NGX_OK) {
        return NGX_DECLINED;
    }

    ngx_chat_test_point("ticket:taken");

    rc = ngx_chat_ticket_read(value, row.value.len, pool, user, expires);

    if (rc == NGX_OK && *expires != 0 && now >= *expires) {
        return NGX_ABORT;
    }

    return rc;
}


static ngx_int_t
ngx_chat_ticket_read(u_char *p, size_t len, ngx_pool_t *pool,
    ngx_chat_user_t *user, time_t *expires)
{
    u_char             *copy, *last;
    ngx_chat_ticket_t   t;

    if (len < sizeof(ngx_chat_ticket_t)) {
        return NGX_DECLINED;
    }

    copy = ngx_pnalloc(pool, len);
    if (copy == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(copy, p, len);
    ngx_memcpy(&t, p, sizeof(ngx_chat_ticket_t));

    p = copy + sizeof(ngx_chat_ticket_t);
    last = copy + len;

    ngx_memzero(user, sizeof(ngx_chat_user_t));

    user->issued = t.issued;
    user->guest = t.guest & 1;
    user->confined = t.confined & 1;

    p = ngx_chat_ticket_get(p, last, &user->id);
    p = ngx_chat_ticket_get(p, last, &user->name);
    p = ngx_chat_ticket_get(p, last, &user->jti);
    p = ngx_chat_ticket_list(p, last, t.roles, pool, &user->roles);
    p = ngx_chat_ticket_list(p, last, t.rooms, pool, &user->rooms);

    if (p == NULL) {
        return NGX_ERROR;
    }

    if (ngx_chat_ticket_get(p, last, &user->claims) == NULL) {
        ngx_str_null(&user->claims);
    }

    *expires = (time_t) t.expires;

    return NGX_OK;
}


static u_char *
ngx_chat_ticket_get(u_char *p, u_char *last, ngx_str_t *s)
{
    uint16_t  len;

    if (p == NULL || (size_t) (last - p) < sizeof(uint16_t)) {
        return NULL;
    }

    ngx_memcpy(&len, p, sizeof(uint16_t));
    p += sizeof(uint16_t);

    if ((size_t) (last - p) < len) {
        return NULL;
    }

    s->data = p;
    s->len = len;

    return p + len;
}


static u_char *
ngx_chat_ticket_list(u_char *p, u_char *last, ngx_uint_t n, ngx_pool_t *pool,
    ngx_chat_roles_t *list)
{
    if (p == NULL || n == 0) {
        return p;
    }

    if (n * sizeof(uint16_t) > (size_t) (last - p)) {
        return NULL;
    }

    list->names = ngx_palloc(pool, n * sizeof(ngx_str_t));
    if (list->names == NULL) {
        return NULL;
    }

    for (list->n = 0; list->n < n && p != NULL; list->n++) {
        p = ngx_chat_ticket_get(p, last, &list->names[list->n]);
    }

    return p;
}
