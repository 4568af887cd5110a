
/*
 * Copyright (C) the ngx_chat_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_direct.h"
#include "ngx_chat_standing.h"


/* seconds that a rank is remembered after it was last seen */
#define NGX_CHAT_RANK_TTL     (30 * 86400)

/* values but a room's are small: longer ones are none of ours */
#define NGX_CHAT_STANDING_VALUE  1024


typedef enum {
    NGX_CHAT_ST_BAN = 0,
    NGX_CHAT_ST_BAN_ALL,
    NGX_CHAT_ST_BAN_ADDR,
    NGX_CHAT_ST_BAN_ADDR_ALL,
    NGX_CHAT_ST_MUTE,
    NGX_CHAT_ST_MUTE_ALL,
    NGX_CHAT_ST_ROLE,
    NGX_CHAT_ST_MEMBER,
    NGX_CHAT_ST_BLOCK,
    NGX_CHAT_ST_ROOM,
    NGX_CHAT_ST_N
} ngx_chat_standing_row_e;


typedef struct {
    ngx_uint_t    kind;
    unsigned      all:1;             /* of all rooms */
    unsigned      addr:1;            /* of an address */
    unsigned      room:1;            /* of the room, not of somebody */
    unsigned      other:1;           /* of a direct room's other user */
} ngx_chat_standing_what_t;


static void ngx_chat_standing_addresses(ngx_chat_zone_t *z,
    ngx_chat_row_t *row, ngx_uint_t known, uint64_t now);
static void ngx_chat_standing_read(ngx_chat_row_t *rows, ngx_uint_t known,
    ngx_chat_user_t *user, ngx_chat_standing_t *st);
static ngx_int_t ngx_chat_standing_address(ngx_chat_zone_t *z,
    ngx_chat_row_t *row, uint64_t now);
static uint64_t ngx_chat_standing_until(ngx_chat_row_t *row);
static ngx_uint_t ngx_chat_standing_role(ngx_str_t *value);
static void ngx_chat_standing_state(ngx_str_t *state,
    ngx_chat_standing_t *st);
static ngx_uint_t ngx_chat_standing_revoked(ngx_chat_row_t *horizon,
    ngx_chat_user_t *user);
static void ngx_chat_standing_remember(ngx_chat_zone_t *z,
    ngx_chat_user_t *user, ngx_chat_row_t *seen);


/* in the order of ngx_chat_standing_row_e */

static ngx_chat_standing_what_t  ngx_chat_standing_what[] = {
    { NGX_CHAT_KIND_BAN, 0, 0, 0, 0 },
    { NGX_CHAT_KIND_BAN, 1, 0, 0, 0 },
    { NGX_CHAT_KIND_BAN, 0, 1, 0, 0 },
    { NGX_CHAT_KIND_BAN, 1, 1, 0, 0 },
    { NGX_CHAT_KIND_MUTE, 0, 0, 0, 0 },
    { NGX_CHAT_KIND_MUTE, 1, 0, 0, 0 },
    { NGX_CHAT_KIND_ROLE, 0, 0, 0, 0 },
    { NGX_CHAT_KIND_MEMBER, 0, 0, 0, 0 },
    { NGX_CHAT_KIND_BLOCK, 1, 0, 0, 1 },
    { NGX_CHAT_KIND_ROOM, 0, 0, 1, 0 }
};

static u_char  ngx_chat_standing_none[NGX_CHAT_KEY_LEN];
static u_char  ngx_chat_standing_value[NGX_CHAT_ST_N][NGX_CHAT_VALUE_MAX];


ngx_int_t
ngx_chat_standing(ngx_chat_zone_t *z, ngx_chat_user_t *user,
    ngx_chat_room_key_t *room, ngx_chat_standing_t *st, ngx_str_t *state)
{
    u_char                     key[4][NGX_CHAT_KEY_LEN];
    uint64_t                   now;
    ngx_str_t                  addr;
    ngx_uint_t                 i, n, known, direct;
    ngx_chat_row_t             rows[NGX_CHAT_ST_N], *row;
    ngx_chat_standing_what_t  *what;

    ngx_memzero(st, sizeof(ngx_chat_standing_t));
    ngx_memzero(key, sizeof(key));

    if (state != NULL) {
        ngx_str_null(state);
    }

    now = (uint64_t) ngx_time();
    st->version = ngx_chat_table_version(z);

    addr.data = user->addr;
    addr.len = user->addr_len;

    if (room != NULL && room->name.len == 0) {
        room = NULL;
    }

    direct = (room != NULL && ngx_chat_room_is_direct(&room->name));

    st->unsupported = (direct && room->kind == NGX_CHAT_ROOM_RAW);

    if (direct
        && ngx_chat_direct_other(&room->name, &user->id, key[3]) != NGX_OK)
    {
        /* the permission point says what he is told */
        direct = 0;
    }

    if ((room != NULL && ngx_chat_table_room(key[0], room) != NGX_OK)
        || ngx_chat_table_key(key[1], 'u', &user->id) != NGX_OK
        || (addr.len > 0 && ngx_chat_table_key(key[2], 'a', &addr) != NGX_OK))
    {
        return NGX_ERROR;
    }

    known = 0;
    n = 0;

    for (i = 0; i < NGX_CHAT_ST_N; i++) {
        what = &ngx_chat_standing_what[i];

        if ((room == NULL && !what->all) || (what->addr && addr.len == 0)
            || (what->other && !direct))
        {
            continue;
        }

        row = &rows[n++];
        known |= (ngx_uint_t) 1 << i;

        row->kind = what->kind;
        row->value.data = NULL;

        ngx_memcpy(row->room, what->all ? ngx_chat_standing_none : key[0],
                   NGX_CHAT_KEY_LEN);
        ngx_memcpy(row->subject, what->room ? ngx_chat_standing_none
                                            : key[what->other ? 3
                                                  : what->addr ? 2 : 1],
                   NGX_CHAT_KEY_LEN);

        if (i >= NGX_CHAT_ST_ROLE || what->addr) {
            row->value.data = ngx_chat_standing_value[i];
        }
    }

    ngx_chat_table_get_some(z, rows, n, now);

    ngx_chat_standing_addresses(z, rows, known, now);
    ngx_chat_standing_read(rows, known, user, st);

    row = &rows[n - 1];

    if (room != NULL) {
        st->invite = ngx_chat_standing_invites(z, &room->name,
                                      (row->seq != 0) ? &row->value : NULL);
    }

    if (state != NULL && room != NULL && row->seq != 0) {
        *state = row->value;
    }

    return NGX_OK;
}


/* bans of an address that aren't part of a user's any more are none */

static void
ngx_chat_standing_addresses(ngx_chat_zone_t *z, ngx_chat_row_t *row,
    ngx_uint_t known, uint64_t now)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_CHAT_ST_N; i++) {

        if (!(known & ((ngx_uint_t) 1 << i))) {
            continue;
        }

        if (ngx_chat_standing_what[i].addr && row->seq != 0
            && ngx_chat_standing_address(z, row, now) != NGX_OK)
        {
            row->seq = 0;
        }

        row++;
    }
}


/* `rows' are those whose bits are in `known' */

static void
ngx_chat_standing_read(ngx_chat_row_t *rows, ngx_uint_t known,
    ngx_chat_user_t *user, ngx_chat_standing_t *st)
{
    uint64_t         until, address;
    ngx_uint_t       i, rank, given;
    ngx_chat_row_t  *row;

    given = 0;
    address = 0;
    row = rows;

    for (i = 0; i < NGX_CHAT_ST_N; i++) {

        if (!(known & ((ngx_uint_t) 1 << i))) {
            continue;
        }

        if (row->seq == 0) {
            row++;
            continue;
        }

        until = ngx_chat_standing_until(row);

        if (until != NGX_CHAT_FOREVER
            && (st->ends == 0 || until < st->ends))
        {
            st->ends = until;
        }

        switch (i) {

        case NGX_CHAT_ST_BAN_ADDR:
        case NGX_CHAT_ST_BAN_ADDR_ALL:
            address = ngx_max(address, until);
            break;

        case NGX_CHAT_ST_MUTE:
        case NGX_CHAT_ST_MUTE_ALL:
            st->muted = ngx_max(st->muted, until);
            break;

        case NGX_CHAT_ST_ROLE:
            given = ngx_chat_standing_role(&row->value);
            break;

        case NGX_CHAT_ST_MEMBER:
            st->invited = ngx_chat_standing_true(&row->value, "member");
            break;

        case NGX_CHAT_ST_BLOCK:
            st->blocked = ngx_chat_standing_blocks(&row->value, &user->id);
            break;

        case NGX_CHAT_ST_ROOM:
            st->made = 1;
            ngx_chat_standing_state(&row->value, st);
            break;

        default:
            st->banned = ngx_max(st->banned, until);
        }

        row++;
    }

    /* what the source of identity gives can't be taken by a command */

    rank = ngx_chat_user_rank(user);

    if (given > 0) {
        rank = ngx_max(given, ngx_chat_user_roles_rank(user));
    }

    if (given >= NGX_CHAT_RANK_MEMBER) {
        /* who was given a role in a room is wanted there */
        st->invited = 1;
    }

    st->rank = (uint16_t) rank;

    if (rank < NGX_CHAT_RANK_MODERATOR) {
        st->banned = ngx_max(st->banned, address);
    }
}


/* the ban of an address is part of a user's; NGX_OK or NGX_DECLINED */

static ngx_int_t
ngx_chat_standing_address(ngx_chat_zone_t *z, ngx_chat_row_t *row,
    uint64_t now)
{
    u_char          value[NGX_CHAT_VALUE_MAX];
    uint64_t        at;
    ngx_str_t       of;
    ngx_chat_row_t  ban;

    at = ngx_chat_standing_number(&row->value, "at");
    ban = *row;

    if (ngx_chat_standing_string(&row->value, "of", &of) != NGX_OK
        || ngx_chat_table_key(ban.subject, 'u', &of) != NGX_OK)
    {
        return NGX_DECLINED;
    }

    ban.value.data = value;

    return (ngx_chat_table_get(z, &ban, now) == NGX_OK
            && ngx_chat_standing_number(&ban.value, "at") == at)
           ? NGX_OK : NGX_DECLINED;
}


static uint64_t
ngx_chat_standing_until(ngx_chat_row_t *row)
{
    return (row->expires != 0) ? row->expires : NGX_CHAT_FOREVER;
}


/* a rank; 0: none was given */

static ngx_uint_t
ngx_chat_standing_role(ngx_str_t *value)
{
    ngx_str_t  role;

    return (ngx_chat_standing_string(value, "role", &role) == NGX_OK)
           ? ngx_chat_role_rank(&role) : 0;
}


static void
ngx_chat_standing_state(ngx_str_t *state, ngx_chat_standing_t *st)
{
    ngx_str_t  role;

    st->slow_ms = (uint32_t) ngx_min(ngx_chat_standing_number(state,
                                                              "slow_ms"),
                                     NGX_CHAT_SLOW_MAX);

    st->locked = ngx_chat_standing_true(state, "locked");

    st->max_members = (uint32_t) ngx_min(ngx_chat_standing_number(state,
                                                           "max_members"),
                                         NGX_MAX_INT32_VALUE);

    if (ngx_chat_standing_string(state, "send", &role) == NGX_OK) {
        st->send_rank = (uint16_t) ngx_chat_role_rank(&role);
    }
}


ngx_uint_t
ngx_chat_standing_holds(ngx_chat_zone_t *z, ngx_chat_standing_t *st)
{
    return st->version == ngx_chat_table_version(z)
           && (st->ends == 0 || st->ends > (uint64_t) ngx_time());
}


ngx_chat_err_e
ngx_chat_standing_may(ngx_chat_standing_t *st, ngx_chat_user_t *user,
    ngx_chat_action_e action, ngx_str_t *room, uint64_t *until)
{
    ngx_chat_err_e  err;

    err = ngx_chat_policy_rank(user, st->rank, action, room);

    if (err != NGX_CHAT_OK) {
        return err;
    }

    if (st->unsupported) {
        return NGX_CHAT_E_UNSUPPORTED;
    }

    /* for who isn't invited it looks as if there were none */

    if (st->invite && !st->invited && st->rank < NGX_CHAT_RANK_MODERATOR) {
        return NGX_CHAT_E_NOT_FOUND;
    }

    if (st->banned) {
        *until = st->banned;
        return NGX_CHAT_E_BANNED;
    }

    switch (action) {

    case NGX_CHAT_MAY_SEND:
    case NGX_CHAT_MAY_SIGNAL:
    case NGX_CHAT_MAY_EDIT_OWN:
    case NGX_CHAT_MAY_EDIT_ANY:
    case NGX_CHAT_MAY_DELETE_OWN:
    case NGX_CHAT_MAY_DELETE_ANY:
    case NGX_CHAT_MAY_REACT:

        if (st->muted) {
            *until = st->muted;
            return NGX_CHAT_E_MUTED;
        }

        if (st->locked && st->rank < NGX_CHAT_RANK_MODERATOR) {
            return NGX_CHAT_E_READ_ONLY;
        }

        /* what somebody has said he may take back, whatever is true there */

        if (action == NGX_CHAT_MAY_DELETE_OWN
            || action == NGX_CHAT_MAY_DELETE_ANY)
        {
            return NGX_CHAT_OK;
        }

        if (st->blocked) {
            return NGX_CHAT_E_FORBIDDEN;
        }

        /* in an announcement room everybody may still react */

        return (st->rank < st->send_rank && action != NGX_CHAT_MAY_REACT)
               ? NGX_CHAT_E_READ_ONLY : NGX_CHAT_OK;

    default:
        return NGX_CHAT_OK;
    }
}


ngx_chat_err_e
ngx_chat_standing_admit(ngx_chat_zone_t *z, ngx_chat_user_t *user,
    uint64_t *until)
{
    u_char          value[3][NGX_CHAT_VALUE_MAX];
    uint64_t        now, until_row;
    ngx_int_t       rc;
    ngx_str_t       addr, none;
    ngx_uint_t      i, n, bans;
    ngx_chat_row_t  rows[5];

    *until = 0;
    now = (uint64_t) ngx_time();
    user->version = ngx_chat_table_version(z);

    ngx_str_null(&none);
    addr.data = user->addr;
    addr.len = user->addr_len;

    /* NGX_OK is 0 */

    rc = ngx_chat_standing_row(&rows[0], NGX_CHAT_KIND_HORIZON, &none, 'u',
                               &user->id);
    rc |= ngx_chat_standing_row(&rows[1], NGX_CHAT_KIND_RANK, &none, 'u',
                                &user->id);
    rc |= ngx_chat_standing_row(&rows[2], NGX_CHAT_KIND_BAN, &none, 'u',
                                &user->id);

    rows[0].value.data = value[0];
    rows[1].value.data = value[1];
    n = 3;

    if (addr.len > 0 && ngx_chat_user_rank(user) < NGX_CHAT_RANK_MODERATOR) {
        rc |= ngx_chat_standing_row(&rows[n], NGX_CHAT_KIND_BAN, &none, 'a',
                                    &addr);
        rows[n++].value.data = value[2];
    }

    bans = n;

    if (user->jti.len > 0 && user->jti.len <= NGX_CHAT_JTI_MAX) {
        rc |= ngx_chat_standing_row(&rows[n++], NGX_CHAT_KIND_HORIZON, &none,
                                    'j', &user->jti);
    }

    if (rc != NGX_OK) {
        return NGX_CHAT_E_INTERNAL;
    }

    ngx_chat_table_get_some(z, rows, n, now);

    if (ngx_chat_standing_revoked(&rows[0], user)
        || (n > bans && rows[bans].seq != 0))
    {
        return NGX_CHAT_E_UNAUTHORIZED;
    }

    for (i = 2; i < bans; i++) {
        if (rows[i].seq != 0
            && (i == 2
                || ngx_chat_standing_address(z, &rows[i], now) == NGX_OK))
        {
            until_row = ngx_chat_standing_until(&rows[i]);
            *until = ngx_max(*until, until_row);
        }
    }

    if (*until != 0) {
        return NGX_CHAT_E_BANNED;
    }

    ngx_chat_standing_remember(z, user, &rows[1]);

    return NGX_CHAT_OK;
}


/* who comes without a token comes with nothing that could be revoked */

static ngx_uint_t
ngx_chat_standing_revoked(ngx_chat_row_t *horizon, ngx_chat_user_t *user)
{
    return horizon->seq != 0 && user->issued != 0
           && (uint64_t) user->issued
              <= ngx_chat_standing_number(&horizon->value, "before");
}


/*
 * Who acts on somebody must have a higher rank, and where roles come with a
 * token nobody knows those of who isn't here: so moderators and owners are
 * remembered, and forgotten when they come without their roles.
 */

static void
ngx_chat_standing_remember(ngx_chat_zone_t *z, ngx_chat_user_t *user,
    ngx_chat_row_t *seen)
{
    u_char     *p, value[NGX_CHAT_STANDING_VALUE];
    uint64_t    now, was;
    ngx_uint_t  rank;

    now = (uint64_t) ngx_time();
    rank = ngx_chat_user_roles_rank(user);
    was = (seen->seq != 0) ? ngx_chat_standing_number(&seen->value, "rank")
                           : 0;

    if (rank < NGX_CHAT_RANK_MODERATOR) {
        rank = 0;
    }

    if (rank == was
        && (rank == 0 || seen->expires > now + NGX_CHAT_RANK_TTL / 2))
    {
        return;
    }

    if (rank == 0) {
        (void) ngx_chat_table_delete(z, seen);
        return;
    }

    p = ngx_sprintf(value, "{\"user\":\"%V\",\"rank\":%ui}", &user->id, rank);

    seen->value.data = value;
    seen->value.len = (size_t) (p - value);
    seen->expires = now + NGX_CHAT_RANK_TTL;

    /* without a place for it he is protected while his role is one of a room */

    (void) ngx_chat_table_set(z, seen, now);
}


ngx_uint_t
ngx_chat_standing_rank(ngx_chat_zone_t *z, ngx_str_t *user, ngx_str_t *room)
{
    u_char          value[2][NGX_CHAT_VALUE_MAX];
    uint64_t        own;
    ngx_str_t       none;
    ngx_uint_t      rank, given;
    ngx_chat_row_t  rows[2];

    ngx_str_null(&none);

    if (ngx_chat_standing_row(&rows[0], NGX_CHAT_KIND_RANK, &none, 'u', user)
        != NGX_OK
        || ngx_chat_standing_row(&rows[1], NGX_CHAT_KIND_ROLE, room, 'u', user)
           != NGX_OK)
    {
        return 0;
    }

    rows[0].value.data = value[0];
    rows[1].value.data = value[1];

    ngx_chat_table_get_some(z, rows, 2, (uint64_t) ngx_time());

    own = (rows[0].seq != 0) ? ngx_chat_standing_number(&rows[0].value, "rank")
                             : 0;
    given = (rows[1].seq != 0) ? ngx_chat_standing_role(&rows[1].value) : 0;

    rank = (given != 0) ? given
           : (user->data[0] == '~') ? NGX_CHAT_RANK_GUEST
                                    : NGX_CHAT_RANK_MEMBER;

    return (ngx_uint_t) ngx_max(own, (uint64_t) rank);
}


ngx_int_t
ngx_chat_standing_row(ngx_chat_row_t *row, ngx_uint_t kind, ngx_str_t *room,
    u_char what, ngx_str_t *name)
{
    ngx_chat_room_key_t  key;

    ngx_memzero(row, sizeof(ngx_chat_row_t));

    row->kind = kind;

    key.kind = NGX_CHAT_ROOM_CHAT;
    key.name = *room;

    if ((room->len > 0 && ngx_chat_table_room(row->room, &key) != NGX_OK)
        || (name != NULL
            && ngx_chat_table_key(row->subject, what, name) != NGX_OK))
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}
