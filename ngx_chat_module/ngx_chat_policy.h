
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * The one permission point: every command, from whatever transport, asks here
 * before it touches a room.
 */


#ifndef _NGX_CHAT_POLICY_H_INCLUDED_
#define _NGX_CHAT_POLICY_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat.h"
#include "ngx_chat_proto.h"


/*
 * In the order of the table in ngx_chat_policy.c, which has their names and who
 * may by default.
 */

typedef enum {
    NGX_CHAT_MAY_CONNECT = 0,
    NGX_CHAT_MAY_JOIN,
    NGX_CHAT_MAY_READ,
    NGX_CHAT_MAY_SEND,
    NGX_CHAT_MAY_HISTORY,
    NGX_CHAT_MAY_SIGNAL,         /* also typing */
    NGX_CHAT_MAY_EDIT_OWN,
    NGX_CHAT_MAY_EDIT_ANY,
    NGX_CHAT_MAY_DELETE_OWN,
    NGX_CHAT_MAY_DELETE_ANY,
    NGX_CHAT_MAY_REACT,
    NGX_CHAT_MAY_PRESENCE,       /* who is there */
    NGX_CHAT_MAY_DIRECT,
    NGX_CHAT_MAY_ROOM,           /* what is true of a room */
    NGX_CHAT_MAY_INVITE,
    NGX_CHAT_MAY_MUTE,
    NGX_CHAT_MAY_KICK,
    NGX_CHAT_MAY_BAN,
    NGX_CHAT_MAY_ADMIN,          /* give roles, revoke, read ~audit */
    NGX_CHAT_MAY_LAST
} ngx_chat_action_e;


/* who has one of these roles may do what they of a lower rank may */

#define NGX_CHAT_RANK_GUEST      10
#define NGX_CHAT_RANK_MEMBER     20
#define NGX_CHAT_RANK_MODERATOR  30
#define NGX_CHAT_RANK_OWNER      40

/* of a key of the server API, which its scopes limit; no role has it */
#define NGX_CHAT_RANK_API        50


/* "slow_ms" of a room: between two messages of one user */
#define NGX_CHAT_SLOW_MAX        21600000

/* a line of "chat_allow" */

typedef struct {
    ngx_str_t             role;
    ngx_uint_t            rank;          /* 0: a role without one */
    ngx_uint_t            actions;       /* bits 1 << ngx_chat_action_e */
    ngx_str_t             pattern;       /* of rooms */
} ngx_chat_allow_t;


/* the server's own room, which tells what moderators have done */
#define NGX_CHAT_AUDIT_ROOM  "~audit"

ngx_uint_t ngx_chat_room_is_audit(ngx_str_t *room);
/* what a client may name: ngx_chat_room_name_valid(), that room, or a direct
   conversation's */
ngx_int_t ngx_chat_room_valid(ngx_str_t *room);


/* a line of "chat_role" that names users; `users' is empty if it doesn't */

typedef struct {
    ngx_str_t             role;
    ngx_array_t           users;         /* of ngx_str_t */
} ngx_chat_role_line_t;


/*
 * What the configuration and the source of identity say: NGX_CHAT_OK, or the
 * error to answer, also where the user's `rooms' don't have the room.  An
 * action in a room needs NGX_CHAT_MAY_READ there, too, so that who may not read
 * gets one answer, whether there is such a room or not.  The room is empty for
 * NGX_CHAT_MAY_CONNECT, and for what is done to all rooms at once.
 *
 * Who has been muted, banned or given a role is not asked: commands ask by
 * ngx_chat_dispatch_may() (ngx_chat_dispatch.h), which asks this, too.
 */
ngx_chat_err_e ngx_chat_policy(ngx_chat_user_t *user,
    ngx_chat_action_e action, ngx_str_t *room);

/* the same for who has that rank in the room */
ngx_chat_err_e ngx_chat_policy_rank(ngx_chat_user_t *user, ngx_uint_t rank,
    ngx_chat_action_e action, ngx_str_t *room);

/* the name of an action, and an action by its name: NGX_ERROR if it is none */
ngx_str_t *ngx_chat_action_name(ngx_chat_action_e action);
ngx_int_t ngx_chat_action(ngx_str_t *name);


/* the rank that goes with the name of a role, or 0 */
ngx_uint_t ngx_chat_role_rank(ngx_str_t *role);
/* the name of a rank's role */
ngx_str_t *ngx_chat_rank_role(ngx_uint_t rank);
/* the highest of the user's: a guest's or a member's at least */
ngx_uint_t ngx_chat_user_rank(ngx_chat_user_t *user);
/* the highest that goes with one of the user's roles, or 0 */
ngx_uint_t ngx_chat_user_roles_rank(ngx_chat_user_t *user);

/* roles that one user may have; what is beyond them is left out */
#define NGX_CHAT_ROLES_MAX       32

/*
 * Adds the roles that lines give the user by his id, if he is no guest.
 * Elements of `lines' begin with ngx_chat_role_line_t.  NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_chat_user_give_roles(ngx_chat_user_t *user, ngx_array_t *lines,
    ngx_pool_t *pool);

/* whether the user has a role of that name */
ngx_uint_t ngx_chat_user_has_role(ngx_chat_user_t *user, ngx_str_t *role);

/* bytes that a copy of all the user's strings takes, aligned as a pointer */
size_t ngx_chat_user_size(ngx_chat_user_t *user);
/*
 * Copies; `memory' has that many bytes and is the copy's from then on: it is
 * where dst->roles.names points to, also if there are no roles.
 */
void ngx_chat_user_copy(ngx_chat_user_t *dst, ngx_chat_user_t *user,
    u_char *memory);


#endif /* _NGX_CHAT_POLICY_H_INCLUDED_ */
