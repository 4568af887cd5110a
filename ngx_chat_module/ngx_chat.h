
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * What every layer shares: limits, close codes, error codes, names of rooms.
 * Not an umbrella header: it includes nothing of this module.
 */


#ifndef _NGX_CHAT_H_INCLUDED_
#define _NGX_CHAT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


#if (nginx_version < 1018000)
#error "ngx_chat_module needs nginx 1.18.0 or newer"
#endif


#define NGX_CHAT_VERSION             "0.1"
#define NGX_CHAT_SERVER              "ngx_chat/" NGX_CHAT_VERSION

/* PROTOCOL: sizes that never change within chat.v1, in bytes */

#define NGX_CHAT_EPOCH_LEN           10
#define NGX_CHAT_ROOM_MAX            128
#define NGX_CHAT_USER_MAX            64
#define NGX_CHAT_NAME_MAX            64
#define NGX_CHAT_REPLY_TO_MAX        64
#define NGX_CHAT_NONCE_MIN           8
#define NGX_CHAT_NONCE_MAX           64
#define NGX_CHAT_TEXT_MAX            4096
#define NGX_CHAT_DATA_MAX            8192
#define NGX_CHAT_DATA_DEPTH          8
#define NGX_CHAT_FRAME_MAX           16384
#define NGX_CHAT_BATCH_MAX           64
#define NGX_CHAT_JOIN_MAX            100
#define NGX_CHAT_PAGE_MAX            100
#define NGX_CHAT_PAGE_BYTES          (256 * 1024)
#define NGX_CHAT_MENTIONS_MAX        50
#define NGX_CHAT_TS_LEN              13
#define NGX_CHAT_SAFE_INT            9007199254740991LL

/* "<epoch>-<offset>", offset at most 20 digits */
#define NGX_CHAT_ID_LEN              (NGX_CHAT_EPOCH_LEN + 1 + 20)

/* workers of all generations that can be alive at once */
#define NGX_CHAT_SEATS               256

/* WebSocket close codes of RFC 6455, section 7.4, and our bands */

#define NGX_CHAT_CLOSE_NORMAL        1000
#define NGX_CHAT_CLOSE_GOING_AWAY    1001
#define NGX_CHAT_CLOSE_PROTOCOL      1002
#define NGX_CHAT_CLOSE_UNSUPPORTED   1003
#define NGX_CHAT_CLOSE_NO_STATUS     1005
#define NGX_CHAT_CLOSE_ABNORMAL      1006
#define NGX_CHAT_CLOSE_INVALID       1007
#define NGX_CHAT_CLOSE_POLICY        1008
#define NGX_CHAT_CLOSE_TOO_BIG       1009
#define NGX_CHAT_CLOSE_INTERNAL      1011
#define NGX_CHAT_CLOSE_RESTART       1012
#define NGX_CHAT_CLOSE_TRY_LATER     1013
#define NGX_CHAT_CLOSE_TOKEN         4401
#define NGX_CHAT_CLOSE_SLOW          4408
#define NGX_CHAT_CLOSE_FLOOD         4429
#define NGX_CHAT_CLOSE_DISCONNECTED  4503
#define NGX_CHAT_CLOSE_VERSION       4510


/* PROTOCOL, section 8; the table is in ngx_chat_error.c */

typedef enum {
    NGX_CHAT_OK = 0,
    NGX_CHAT_E_BAD_REQUEST,
    NGX_CHAT_E_UNKNOWN_COMMAND,
    NGX_CHAT_E_UNSUPPORTED,
    NGX_CHAT_E_UNAUTHORIZED,
    NGX_CHAT_E_EXPIRED,
    NGX_CHAT_E_FORBIDDEN,
    NGX_CHAT_E_BANNED,
    NGX_CHAT_E_MUTED,
    NGX_CHAT_E_READ_ONLY,
    NGX_CHAT_E_NOT_FOUND,
    NGX_CHAT_E_NOT_JOINED,
    NGX_CHAT_E_CONFLICT,
    NGX_CHAT_E_TOO_MANY_ROOMS,
    NGX_CHAT_E_TOO_LARGE,
    NGX_CHAT_E_FILTERED,
    NGX_CHAT_E_RATE_LIMITED,
    NGX_CHAT_E_SLOW_MODE,
    NGX_CHAT_E_FULL,
    NGX_CHAT_E_UNAVAILABLE,
    NGX_CHAT_E_TIMEOUT,
    NGX_CHAT_E_INTERNAL,
    NGX_CHAT_E_LAST,
    NGX_CHAT_E_WAIT      /* no error: the answer comes later */
} ngx_chat_err_e;


/*
 * Rooms of raw locations and of chat.v1 locations are different rooms even
 * with one name: the kind is a part of the key.
 */

typedef enum {
    NGX_CHAT_ROOM_CHAT = 0,
    NGX_CHAT_ROOM_RAW
} ngx_chat_room_kind_e;


typedef struct {
    ngx_chat_room_kind_e   kind;
    ngx_str_t              name;
} ngx_chat_room_key_t;


/* a parsed event id or cursor; "0" of the wire has epoch[0] == 0, offset 0 */

typedef struct {
    u_char                 epoch[NGX_CHAT_EPOCH_LEN];
    uint64_t               offset;
} ngx_chat_id_t;


#define ngx_chat_id_is_zero(id)      ((id)->epoch[0] == 0)


#endif /* _NGX_CHAT_H_INCLUDED_ */
