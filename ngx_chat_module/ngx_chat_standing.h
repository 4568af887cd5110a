
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * How somebody stands in a room: what moderators have done with him there and
 * in all rooms, what rank he has, and what is true of the room.  All of it is
 * in the table (ngx_chat_table.h); this reads it and decides.
 *
 * Rows have JSON objects as values, with "user" and "room" by name, since a
 * row's key can't be turned back:
 *
 *   BAN MUTE   {"user","room"?,"by","at","reason"?}
 *   BAN        {"ip","of","at","room"?} of an address: it holds while the ban
 *              of the user "of" with that "at" does
 *   KICK       the same; done once, when it is seen
 *   ROLE       {"user","room","role","by"}; "role" is "none" if it was taken
 *   MEMBER     {"user","room","member","by"}: may be in a room by invitation;
 *              "member" is false if that was taken
 *   BLOCK      {"users"}: from whom somebody wants no direct messages; its
 *              subject is a key of ngx_chat_direct.h
 *   RANK       {"user","rank"}: of the roles that the source of identity gave
 *   HORIZON    {"user","before"}, {"session"} or {"jti"}: what was revoked
 *   ROOM       what is true of a room, as `joined.state' has it
 */


#ifndef _NGX_CHAT_STANDING_H_INCLUDED_
#define _NGX_CHAT_STANDING_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_policy.h"
#include "ngx_chat_table.h"


/* when what has no end ends, Unix time */
#define NGX_CHAT_FOREVER   ((uint64_t) -1)

/* bytes of a token's id; longer ones can't be revoked by it */
#define NGX_CHAT_JTI_MAX   NGX_CHAT_ROOM_MAX


typedef struct {
    uint64_t      version;       /* of the table, before it was read */
    uint64_t      ends;          /* seconds: something is over then */
    uint64_t      banned;        /* until, seconds; 0: he is not */
    uint64_t      muted;
    uint32_t      slow_ms;
    uint16_t      rank;          /* in that room */
    uint16_t      send_rank;     /* who may send; 0: all who may */
    uint32_t      max_members;   /* 0: no bound */
    unsigned      locked:1;
    unsigned      invite:1;      /* for who was invited alone */
    unsigned      invited:1;
    unsigned      made:1;        /* it has data, so there may be such a room */
    unsigned      blocked:1;     /* by the other one of a direct room */
    unsigned      unsupported:1; /* a room that there can't be here */
} ngx_chat_standing_t;


/*
 * Reads it, with one lock.  `room' is NULL, or its name is empty, for all
 * rooms.  *state (NULL: not wanted) is the row of the room, JSON, in memory of
 * the worker until the next call; len 0: there is none.  NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_chat_standing(ngx_chat_zone_t *z, ngx_chat_user_t *user,
    ngx_chat_room_key_t *room, ngx_chat_standing_t *st, ngx_str_t *state);

/* whether that is still so; no lock */
ngx_uint_t ngx_chat_standing_holds(ngx_chat_zone_t *z,
    ngx_chat_standing_t *st);

/* NGX_CHAT_OK or the error to answer; *until: of BANNED and MUTED */
ngx_chat_err_e ngx_chat_standing_may(ngx_chat_standing_t *st,
    ngx_chat_user_t *user, ngx_chat_action_e action, ngx_str_t *room,
    uint64_t *until);

/*
 * Whether somebody who has just been identified may come in: NGX_CHAT_OK;
 * NGX_CHAT_E_BANNED, and *until; NGX_CHAT_E_UNAUTHORIZED: what identifies him
 * has been revoked; NGX_CHAT_E_INTERNAL.  Sets user->version, and remembers the
 * rank of his roles.
 */
ngx_chat_err_e ngx_chat_standing_admit(ngx_chat_zone_t *z,
    ngx_chat_user_t *user, uint64_t *until);

/* the rank of somebody else in a room, as far as it is known; 0: an error */
ngx_uint_t ngx_chat_standing_rank(ngx_chat_zone_t *z, ngx_str_t *user,
    ngx_str_t *room);


/* of a row of BLOCK: whether that user is blocked */
ngx_uint_t ngx_chat_standing_blocks(ngx_str_t *value, ngx_str_t *user);
/* .. the next one who is: *pos is NULL at first, `users' the walk's own; NGX_OK
   or NGX_DONE */
ngx_int_t ngx_chat_standing_blocked(ngx_str_t *value, ngx_str_t *users,
    u_char **pos, ngx_str_t *id);
/*
 * Whether one has to be invited: as its data say (a row of ROOM, NULL: there is
 * none), or else the line of "chat_rooms".
 */
ngx_uint_t ngx_chat_standing_invites(ngx_chat_zone_t *z, ngx_str_t *room,
    ngx_str_t *state);

/* fills kind, room (len 0: all) and subject, the key of `name' by `what';
   NGX_OK or NGX_ERROR */
ngx_int_t ngx_chat_standing_row(ngx_chat_row_t *row, ngx_uint_t kind,
    ngx_str_t *room, u_char what, ngx_str_t *name);

/* a string that needs no escapes, or a number, in a row's value */
ngx_int_t ngx_chat_standing_string(ngx_str_t *value, const char *name,
    ngx_str_t *str);
uint64_t ngx_chat_standing_number(ngx_str_t *value, const char *name);
/* whether it has a member that is true */
ngx_uint_t ngx_chat_standing_true(ngx_str_t *value, const char *name);
/* the bytes of "ip", at most 8; 0: there is none */
size_t ngx_chat_standing_ip(ngx_str_t *value, u_char *p);


#endif /* _NGX_CHAT_STANDING_H_INCLUDED_ */
