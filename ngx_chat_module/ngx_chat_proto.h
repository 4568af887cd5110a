
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * chat.v1: commands of a client and objects of the server, without I/O.
 * PROTOCOL, sections 1-8.
 */


#ifndef _NGX_CHAT_PROTO_H_INCLUDED_
#define _NGX_CHAT_PROTO_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat.h"
#include "ngx_chat_error.h"
#include "ngx_chat_json.h"


typedef enum {
    NGX_CHAT_CMD_NONE = 0,        /* no or a broken "type" */
    NGX_CHAT_CMD_UNKNOWN,
    NGX_CHAT_CMD_HELLO,
    NGX_CHAT_CMD_PING,
    NGX_CHAT_CMD_PONG,
    NGX_CHAT_CMD_JOIN,
    NGX_CHAT_CMD_LEAVE,
    NGX_CHAT_CMD_MESSAGE,
    NGX_CHAT_CMD_HISTORY,
    NGX_CHAT_CMD_SIGNAL,
    NGX_CHAT_CMD_TYPING,
    NGX_CHAT_CMD_AUTH,
    NGX_CHAT_CMD_READ,
    NGX_CHAT_CMD_UNREAD,
    NGX_CHAT_CMD_KICK,
    NGX_CHAT_CMD_BAN,
    NGX_CHAT_CMD_UNBAN,
    NGX_CHAT_CMD_MUTE,
    NGX_CHAT_CMD_UNMUTE,
    NGX_CHAT_CMD_ROLE,
    NGX_CHAT_CMD_REVOKE,
    NGX_CHAT_CMD_ROOM,
    NGX_CHAT_CMD_MEMBERS,
    NGX_CHAT_CMD_ROOMS,
    NGX_CHAT_CMD_DISCONNECT,      /* these three: of the server API alone */
    NGX_CHAT_CMD_EXPORT,
    NGX_CHAT_CMD_ERASE,
    NGX_CHAT_CMD_EDIT,
    NGX_CHAT_CMD_DELETE,
    NGX_CHAT_CMD_REACT,
    NGX_CHAT_CMD_DIRECT,
    NGX_CHAT_CMD_INVITE,
    NGX_CHAT_CMD_UNINVITE,
    NGX_CHAT_CMD_BLOCK,
    NGX_CHAT_CMD_UNBLOCK,
    NGX_CHAT_CMD_BLOCKS
} ngx_chat_cmd_e;


/* where a client wants to go on from */

typedef struct {
    ngx_chat_id_t         id;
    unsigned              given:1;
    unsigned              broken:1;      /* could not be parsed */
} ngx_chat_cursor_t;


typedef struct {
    ngx_str_t             room;          /* as given, maybe not valid */
    ngx_chat_cursor_t     after;
    ngx_uint_t            last;          /* 0: none, at most 100 */
    ngx_chat_err_e        error;         /* why this room can't be entered */
    unsigned              presence:1;    /* as a member */
    unsigned              presence_given:1;
} ngx_chat_join_t;


/* what moderators say; len 0, 0: not given */

typedef struct {
    ngx_str_t             user;
    ngx_str_t             role;
    ngx_str_t             reason;
    ngx_str_t             session;       /* an id; revoke */
    ngx_str_t             jti;           /* revoke */
    ngx_str_t             set;           /* room: JSON, an object */
    ngx_uint_t            for_ms;
    ngx_uint_t            purge_ms;
    unsigned              address:1;     /* ban his address, too */
} ngx_chat_moder_t;


/*
 * A command.  Strings are decoded, in the pool given to the parser or slices
 * of its input; `data' and `mentions' are source bytes (minified JSON).
 */

typedef struct {
    ngx_chat_cmd_e        type;
    ngx_str_t             type_name;
    ngx_str_t             reply_to;      /* JSON text of "id"; len 0: none */

    ngx_str_t             room;
    ngx_str_t             text;
    ngx_str_t             data;
    ngx_str_t             nonce;
    ngx_str_t             mentions;
    ngx_str_t             token;         /* hello */
    ngx_str_t             client;        /* hello */
    ngx_str_t             name;          /* hello, tidied; signal */
    ngx_str_t             to;            /* direct: a user's id */
    ngx_str_t             emoji;         /* react */
    ngx_str_t             reason;        /* delete */
    ngx_chat_cursor_t     target;        /* edit, delete, react */
    ngx_chat_cursor_t     thread;
    ngx_chat_cursor_t     after;
    ngx_chat_cursor_t     before;
    ngx_chat_cursor_t     upto;          /* read */
    ngx_uint_t            last;
    ngx_uint_t            limit;         /* 0: not given */
    ngx_str_t             next;          /* members */

    ngx_array_t          *rooms;         /* of ngx_chat_join_t; NULL: none */

    ngx_chat_moder_t      moder;

    unsigned              presence:1;
    unsigned              presence_given:1;
    unsigned              batch:1;       /* hello */
    unsigned              heartbeat:1;   /* hello */
    unsigned              raw:1;         /* history */
    unsigned              on:1;          /* typing, react */
} ngx_chat_cmd_t;


/*
 * Input: one JSON text, an object or (allow_array) an array of at most 64.
 * _open checks it as a whole, _next gives the commands in turn.
 */

typedef struct {
    ngx_pool_t           *pool;
    ngx_str_t             json;
    void                 *root;          /* json_t */
    size_t                index;
    size_t                count;
    u_char               *pos;           /* source of the next element */
    size_t                text_max;      /* limits.text */
} ngx_chat_batch_t;


/*
 * NGX_OK, or NGX_ERROR with `err' set (bad_request: not JSON, not UTF-8,
 * duplicate keys, lone surrogates, \u0000, too deep; more than 64 commands or
 * none).  After NGX_OK _close must be called; it frees jansson's tree.
 */
ngx_int_t ngx_chat_batch_open(ngx_chat_batch_t *b, ngx_pool_t *pool,
    ngx_str_t *json, size_t text_max, ngx_uint_t allow_array,
    ngx_chat_err_t *err);

/*
 * NGX_OK: `cmd' is filled and its members have the right types and lengths;
 * NGX_ERROR: `err' is set; cmd->type and cmd->reply_to are valid as far as they
 * could be read; NGX_DONE: no more commands.
 */
ngx_int_t ngx_chat_batch_next(ngx_chat_batch_t *b, ngx_chat_cmd_t *cmd,
    ngx_chat_err_t *err);

void ngx_chat_batch_close(ngx_chat_batch_t *b);


/*
 * The body of a publish over HTTP: a message without "type", "id" and "room",
 * which are ignored.  NGX_OK, or NGX_ERROR with `err' set.
 */
ngx_int_t ngx_chat_message_parse(ngx_pool_t *pool, ngx_str_t *json,
    size_t text_max, ngx_chat_cmd_t *cmd, ngx_chat_err_t *err);


/* names of roles, or patterns of rooms */

typedef struct {
    ngx_uint_t            n;
    ngx_str_t            *names;         /* 1-64 (128) bytes each */
} ngx_chat_roles_t;


/* who speaks; strings owned by the session or the request */

typedef struct {
    ngx_str_t             id;
    ngx_str_t             name;          /* len 0: none */
    ngx_chat_roles_t      roles;         /* what the source of identity says */
    ngx_chat_roles_t      rooms;         /* where `confined': nowhere else */
    ngx_array_t          *allow;         /* of ngx_chat_allow_t; NULL: none */

    ngx_str_t             claims;        /* his token's, JSON; len 0: not
                                            wanted, or none */
    u_char                addr[8];       /* IPv4, or the first half of IPv6 */
    uint8_t               addr_len;      /* 4 or 8; 0: a UNIX socket's */
    time_t                issued;        /* his token; 0: he has none */
    ngx_str_t             jti;           /* the token's; len 0: none */
    uint64_t              version;       /* of the table when he was let in */
    uint32_t              scopes;        /* of a key: ngx_chat_scope.h */
    unsigned              guest:1;
    unsigned              confined:1;
    unsigned              api:1;         /* a key of "chat_api" */
} ngx_chat_user_t;


/*
 * The event of a message in three pieces: append writes "<epoch>-<offset>"
 * between the first two and the 13 digits of ts between the last two.  All
 * three lie one behind the other in `t'; *cut1 and *cut2 are where the second
 * and the third begin.
 */
void ngx_chat_event_message(ngx_chat_text_t *t, ngx_chat_cmd_t *cmd,
    ngx_chat_user_t *user, size_t *cut1, size_t *cut2);

/*
 * The same for edit, delete and react; *keep is how much of it stays when it is
 * erased, without the id and the time.  That of react ends where its count
 * begins, and lacks its brace.
 */
void ngx_chat_event_change(ngx_chat_text_t *t, ngx_chat_cmd_t *cmd,
    ngx_chat_user_t *user, size_t *cut1, size_t *cut2, size_t *keep);

/* 64-bit hash of what makes such a command the same */
uint64_t ngx_chat_change_hash(ngx_chat_cmd_t *cmd);

/* an event's id with its quotes */
void ngx_chat_enc_id(ngx_chat_text_t *t, ngx_chat_id_t *id);

/* `{"id":…,"name":…,"guest":true}' */
void ngx_chat_enc_user(ngx_chat_text_t *t, ngx_chat_user_t *user);

/* what there is of `,"thread":…,"text":…,"data":…,"mentions":…' */
void ngx_chat_enc_content(ngx_chat_text_t *t, ngx_chat_cmd_t *cmd);

/* `,"reply_to":…' or nothing */
void ngx_chat_enc_reply_to(ngx_chat_text_t *t, ngx_str_t *reply_to);

/* the "error" object of section 8 */
void ngx_chat_enc_error(ngx_chat_text_t *t, ngx_str_t *reply_to,
    ngx_str_t *room, ngx_chat_err_t *err);

/* application/problem+json (RFC 9457): type, title, status, detail, code,
   temporary, and field, retry_after_ms if set.  `status' 0: the table's */
void ngx_chat_enc_problem(ngx_chat_text_t *t, ngx_chat_err_t *err,
    ngx_uint_t status);

/*
 * The users in the `mentions' of a command that was parsed: *pos is
 * mentions->data at first.  NGX_OK; NGX_DONE; NGX_ERROR: no memory
 */
ngx_int_t ngx_chat_mention_next(ngx_pool_t *pool, ngx_str_t *mentions,
    u_char **pos, ngx_str_t *user);

/* 64-bit hash of what makes a message the same: text, data, thread, mentions */
uint64_t ngx_chat_body_hash(ngx_chat_cmd_t *cmd);

/* a part of such a hash, with its presence and length, so that parts can't be
   taken for others; `h' is 0 at first */
uint64_t ngx_chat_hash_part(uint64_t h, ngx_uint_t given, const void *data,
    size_t len);

/* FNV-1a, 64 bit; `h' is 0 at first */
uint64_t ngx_chat_hash64(uint64_t h, const void *data, size_t len);


#endif /* _NGX_CHAT_PROTO_H_INCLUDED_ */
