
/*
 * Copyright (C) the ngx_chat_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_direct.h"
#include "ngx_chat_name.h"
#include "ngx_chat_policy.h"


typedef struct {
    ngx_str_t    name;
    ngx_uint_t   rank;           /* where no line of chat_allow names it */
} ngx_chat_action_t;


static ngx_uint_t ngx_chat_policy_audit(ngx_chat_action_e action,
    ngx_str_t *room);
static ngx_chat_err_e ngx_chat_policy_direct(ngx_chat_user_t *user,
    ngx_uint_t rank, ngx_chat_action_e action, ngx_str_t *room);
static ngx_uint_t ngx_chat_policy_confined(ngx_chat_user_t *user,
    ngx_str_t *room);
static ngx_uint_t ngx_chat_policy_allows(ngx_chat_user_t *user,
    ngx_uint_t rank, ngx_chat_action_e action, ngx_str_t *room);
static ngx_uint_t ngx_chat_role_line_has(ngx_chat_role_line_t *line,
    ngx_str_t *id);
static size_t ngx_chat_roles_size(ngx_chat_roles_t *roles);
static u_char *ngx_chat_roles_copy(ngx_chat_roles_t *dst,
    ngx_chat_roles_t *roles, ngx_str_t *names, u_char *p);


/* in the order of ngx_chat_action_e */

static ngx_chat_action_t  ngx_chat_actions[] = {
    { ngx_string("connect"), NGX_CHAT_RANK_GUEST },
    { ngx_string("join"), NGX_CHAT_RANK_GUEST },
    { ngx_string("read"), NGX_CHAT_RANK_GUEST },
    { ngx_string("send"), NGX_CHAT_RANK_GUEST },
    { ngx_string("history"), NGX_CHAT_RANK_GUEST },
    { ngx_string("signal"), NGX_CHAT_RANK_GUEST },
    { ngx_string("edit-own"), NGX_CHAT_RANK_GUEST },
    { ngx_string("edit-any"), NGX_CHAT_RANK_OWNER },
    { ngx_string("delete-own"), NGX_CHAT_RANK_GUEST },
    { ngx_string("delete-any"), NGX_CHAT_RANK_MODERATOR },
    { ngx_string("react"), NGX_CHAT_RANK_GUEST },
    { ngx_string("presence"), NGX_CHAT_RANK_GUEST },
    { ngx_string("direct"), NGX_CHAT_RANK_MEMBER },
    { ngx_string("room"), NGX_CHAT_RANK_MODERATOR },
    { ngx_string("invite"), NGX_CHAT_RANK_MEMBER },
    { ngx_string("mute"), NGX_CHAT_RANK_MODERATOR },
    { ngx_string("kick"), NGX_CHAT_RANK_MODERATOR },
    { ngx_string("ban"), NGX_CHAT_RANK_MODERATOR },
    { ngx_string("admin"), NGX_CHAT_RANK_OWNER }
};


static ngx_chat_action_t  ngx_chat_ranks[] = {
    { ngx_string("guest"), NGX_CHAT_RANK_GUEST },
    { ngx_string("member"), NGX_CHAT_RANK_MEMBER },
    { ngx_string("moderator"), NGX_CHAT_RANK_MODERATOR },
    { ngx_string("owner"), NGX_CHAT_RANK_OWNER }
};

#define NGX_CHAT_RANKS  (sizeof(ngx_chat_ranks) / sizeof(ngx_chat_ranks[0]))


ngx_chat_err_e
ngx_chat_policy(ngx_chat_user_t *user, ngx_chat_action_e action,
    ngx_str_t *room)
{
    return ngx_chat_policy_rank(user, ngx_chat_user_rank(user), action, room);
}


/*
 * Rooms are public to whoever the location has identified, unless the source
 * of identity names the rooms that it is good for, or chat_allow says who may;
 * the server's own ("~") say the same whether they exist or not.
 */

ngx_chat_err_e
ngx_chat_policy_rank(ngx_chat_user_t *user, ngx_uint_t rank,
    ngx_chat_action_e action, ngx_str_t *room)
{
    ngx_str_t  none;

    if (user->id.len == 0) {
        return NGX_CHAT_E_UNAUTHORIZED;
    }

    if (room->len > 0 && room->data[0] == '~') {

        if (ngx_chat_room_is_direct(room)) {
            return ngx_chat_policy_direct(user, rank, action, room);
        }

        ngx_str_null(&none);

        return (ngx_chat_policy_audit(action, room)
                && ngx_chat_policy(user, NGX_CHAT_MAY_ADMIN, &none)
                   == NGX_CHAT_OK)
               ? NGX_CHAT_OK : NGX_CHAT_E_NOT_FOUND;
    }

    if (action != NGX_CHAT_MAY_CONNECT
        && (!ngx_chat_policy_confined(user, room)
            || !ngx_chat_policy_allows(user, rank, NGX_CHAT_MAY_READ, room)))
    {
        return NGX_CHAT_E_FORBIDDEN;
    }

    return ngx_chat_policy_allows(user, rank, action, room)
           ? NGX_CHAT_OK : NGX_CHAT_E_FORBIDDEN;
}


/*
 * For all but the pair there is no such room.  Nobody keeps order there: what
 * moderators do in a room can't be done in this one.
 */

static ngx_chat_err_e
ngx_chat_policy_direct(ngx_chat_user_t *user, ngx_uint_t rank,
    ngx_chat_action_e action, ngx_str_t *room)
{
    u_char  other[NGX_CHAT_DIRECT_KEY];

    if (ngx_chat_direct_other(room, &user->id, other) != NGX_OK) {
        return NGX_CHAT_E_NOT_FOUND;
    }

    switch (action) {

    case NGX_CHAT_MAY_JOIN:
    case NGX_CHAT_MAY_READ:
    case NGX_CHAT_MAY_SEND:
    case NGX_CHAT_MAY_HISTORY:
    case NGX_CHAT_MAY_SIGNAL:
    case NGX_CHAT_MAY_EDIT_OWN:
    case NGX_CHAT_MAY_DELETE_OWN:
    case NGX_CHAT_MAY_REACT:
    case NGX_CHAT_MAY_PRESENCE:
    case NGX_CHAT_MAY_DIRECT:
        break;

    default:
        return NGX_CHAT_E_FORBIDDEN;
    }

    return (ngx_chat_policy_confined(user, room)
            && ngx_chat_policy_allows(user, rank, NGX_CHAT_MAY_DIRECT, room)
            && ngx_chat_policy_allows(user, rank, NGX_CHAT_MAY_READ, room)
            && ngx_chat_policy_allows(user, rank, action, room))
           ? NGX_CHAT_OK : NGX_CHAT_E_FORBIDDEN;
}


/* what can be done in the server's room: reading, in any way */

static ngx_uint_t
ngx_chat_policy_audit(ngx_chat_action_e action, ngx_str_t *room)
{
    return ngx_chat_room_is_audit(room)
           && (action == NGX_CHAT_MAY_JOIN || action == NGX_CHAT_MAY_READ
               || action == NGX_CHAT_MAY_HISTORY);
}


ngx_uint_t
ngx_chat_room_is_audit(ngx_str_t *room)
{
    return room->len == sizeof(NGX_CHAT_AUDIT_ROOM) - 1
           && ngx_memcmp(room->data, NGX_CHAT_AUDIT_ROOM, room->len) == 0;
}


ngx_int_t
ngx_chat_room_valid(ngx_str_t *room)
{
    return (ngx_chat_room_is_audit(room) || ngx_chat_room_is_direct(room))
           ? NGX_OK : ngx_chat_room_name_valid(room, 0);
}


/* within the rooms that the source of identity names */

static ngx_uint_t
ngx_chat_policy_confined(ngx_chat_user_t *user, ngx_str_t *room)
{
    ngx_uint_t  i;

    if (!user->confined) {
        return 1;
    }

    for (i = 0; i < user->rooms.n; i++) {
        if (ngx_chat_pattern_match(&user->rooms.names[i], room)) {
            return 1;
        }
    }

    return 0;
}


/*
 * The first line that is about the action and the room decides which pattern
 * counts, and with it all lines of that pattern.  Nothing said: by rank.
 */

static ngx_uint_t
ngx_chat_policy_allows(ngx_chat_user_t *user, ngx_uint_t rank,
    ngx_chat_action_e action, ngx_str_t *room)
{
    ngx_str_t         *pattern;
    ngx_uint_t         i;
    ngx_chat_allow_t  *allow;

    if (user->allow == NULL) {
        return rank >= ngx_chat_actions[action].rank;
    }

    allow = user->allow->elts;
    pattern = NULL;

    for (i = 0; i < user->allow->nelts; i++) {

        if (!(allow[i].actions & (1 << action))) {
            continue;
        }

        if (pattern == NULL) {

            if (action != NGX_CHAT_MAY_CONNECT
                && !ngx_chat_pattern_match(&allow[i].pattern, room))
            {
                continue;
            }

            pattern = &allow[i].pattern;
        }

        if (allow[i].pattern.len != pattern->len
            || ngx_memcmp(allow[i].pattern.data, pattern->data, pattern->len)
               != 0)
        {
            continue;
        }

        if ((allow[i].rank > 0) ? rank >= allow[i].rank
                                : ngx_chat_user_has_role(user, &allow[i].role))
        {
            return 1;
        }
    }

    return pattern == NULL && rank >= ngx_chat_actions[action].rank;
}


ngx_str_t *
ngx_chat_action_name(ngx_chat_action_e action)
{
    return &ngx_chat_actions[action].name;
}


ngx_int_t
ngx_chat_action(ngx_str_t *name)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_CHAT_MAY_LAST; i++) {
        if (name->len == ngx_chat_actions[i].name.len
            && ngx_memcmp(name->data, ngx_chat_actions[i].name.data, name->len)
               == 0)
        {
            return (ngx_int_t) i;
        }
    }

    return NGX_ERROR;
}


ngx_uint_t
ngx_chat_role_rank(ngx_str_t *role)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_CHAT_RANKS; i++) {
        if (role->len == ngx_chat_ranks[i].name.len
            && ngx_memcmp(role->data, ngx_chat_ranks[i].name.data, role->len)
               == 0)
        {
            return ngx_chat_ranks[i].rank;
        }
    }

    return 0;
}


ngx_str_t *
ngx_chat_rank_role(ngx_uint_t rank)
{
    ngx_uint_t  i;

    for (i = NGX_CHAT_RANKS - 1; i > 0 && ngx_chat_ranks[i].rank > rank; i--) {
        /* void */
    }

    return &ngx_chat_ranks[i].name;
}


ngx_uint_t
ngx_chat_user_rank(ngx_chat_user_t *user)
{
    ngx_uint_t  rank;

    rank = ngx_chat_user_roles_rank(user);

    return ngx_max(rank, (ngx_uint_t) (user->guest ? NGX_CHAT_RANK_GUEST
                                                   : NGX_CHAT_RANK_MEMBER));
}


ngx_uint_t
ngx_chat_user_roles_rank(ngx_chat_user_t *user)
{
    ngx_uint_t  i, rank, highest;

    highest = user->api ? NGX_CHAT_RANK_API : 0;

    for (i = 0; i < user->roles.n; i++) {
        rank = ngx_chat_role_rank(&user->roles.names[i]);
        highest = ngx_max(highest, rank);
    }

    return highest;
}


ngx_int_t
ngx_chat_user_give_roles(ngx_chat_user_t *user, ngx_array_t *lines,
    ngx_pool_t *pool)
{
    u_char                *elt;
    ngx_str_t             *names;
    ngx_uint_t             i, n;
    ngx_chat_role_line_t  *line;

    if (lines == NULL || user->guest) {
        return NGX_OK;
    }

    names = ngx_palloc(pool, NGX_CHAT_ROLES_MAX * sizeof(ngx_str_t));
    if (names == NULL) {
        return NGX_ERROR;
    }

    n = ngx_min(user->roles.n, NGX_CHAT_ROLES_MAX);

    for (i = 0; i < n; i++) {
        names[i] = user->roles.names[i];
    }

    elt = lines->elts;

    for (i = 0; i < lines->nelts && n < NGX_CHAT_ROLES_MAX; i++) {
        line = (ngx_chat_role_line_t *) (elt + i * lines->size);

        if (ngx_chat_role_line_has(line, &user->id)) {
            names[n++] = line->role;
        }
    }

    user->roles.names = names;
    user->roles.n = n;

    return NGX_OK;
}


static ngx_uint_t
ngx_chat_role_line_has(ngx_chat_role_line_t *line, ngx_str_t *id)
{
    ngx_str_t   *user;
    ngx_uint_t   i;

    user = line->users.elts;

    for (i = 0; i < line->users.nelts; i++) {
        if (user[i].len == id->len
            && ngx_memcmp(user[i].data, id->data, id->len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


ngx_uint_t
ngx_chat_user_has_role(ngx_chat_user_t *user, ngx_str_t *role)
{
    ngx_str_t   *name;
    ngx_uint_t   i;

    name = user->roles.names;

    for (i = 0; i < user->roles.n; i++) {
        if (name[i].len == role->len
            && ngx_memcmp(name[i].data, role->data, role->len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


size_t
ngx_chat_user_size(ngx_chat_user_t *user)
{
    return ngx_chat_roles_size(&user->roles)
           + ngx_chat_roles_size(&user->rooms)
           + user->id.len + user->name.len + user->jti.len
           + user->claims.len + 1;
}


static size_t
ngx_chat_roles_size(ngx_chat_roles_t *roles)
{
    size_t      size;
    ngx_uint_t  i;

    size = roles->n * sizeof(ngx_str_t);

    for (i = 0; i < roles->n; i++) {
        size += roles->names[i].len;
    }

    return size;
}


/* the arrays first, for their alignment */

void
ngx_chat_user_copy(ngx_chat_user_t *dst, ngx_chat_user_t *user,
    u_char *memory)
{
    u_char     *p;
    ngx_str_t  *names;

    *dst = *user;

    names = (ngx_str_t *) memory;
    p = memory + (user->roles.n + user->rooms.n) * sizeof(ngx_str_t);

    p = ngx_chat_roles_copy(&dst->roles, &user->roles, names, p);
    p = ngx_chat_roles_copy(&dst->rooms, &user->rooms, names + user->roles.n,
                            p);

    dst->id.data = p;
    p = ngx_cpymem(p, user->id.data, user->id.len);

    dst->name.data = p;
    p = ngx_cpymem(p, user->name.data, user->name.len);

    if (user->jti.len > 0) {
        dst->jti.data = p;
        p = ngx_cpymem(p, user->jti.data, user->jti.len);
    }

    dst->claims.data = p;

    if (user->claims.len > 0) {
        ngx_memcpy(p, user->claims.data, user->claims.len);
    }
}


static u_char *
ngx_chat_roles_copy(ngx_chat_roles_t *dst, ngx_chat_roles_t *roles,
    ngx_str_t *names, u_char *p)
{
    ngx_uint_t  i;

    dst->names = names;

    for (i = 0; i < roles->n; i++) {
        names[i].len = roles->names[i].len;
        names[i].data = p;
        p = ngx_cpymem(p, roles->names[i].data, names[i].len);
    }

    return p;
}
