
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * The members of one object of a command: found in its source, decoded and
 * checked one by one.  Only ngx_chat_proto_batch.c and ngx_chat_proto_cmd.c
 * use this.
 */


#ifndef _NGX_CHAT_PROTO_MEMBER_H_INCLUDED_
#define _NGX_CHAT_PROTO_MEMBER_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat.h"
#include "ngx_chat_error.h"
#include "ngx_chat_proto.h"


/* in the order of the table in ngx_chat_proto_member.c */

typedef enum {
    NGX_CHAT_IN_TYPE = 0,
    NGX_CHAT_IN_ID,
    NGX_CHAT_IN_ROOM,
    NGX_CHAT_IN_ROOMS,
    NGX_CHAT_IN_TEXT,
    NGX_CHAT_IN_DATA,
    NGX_CHAT_IN_NONCE,
    NGX_CHAT_IN_THREAD,
    NGX_CHAT_IN_MENTIONS,
    NGX_CHAT_IN_AFTER,
    NGX_CHAT_IN_BEFORE,
    NGX_CHAT_IN_LAST,
    NGX_CHAT_IN_LIMIT,
    NGX_CHAT_IN_PRESENCE,
    NGX_CHAT_IN_RAW,
    NGX_CHAT_IN_TOKEN,
    NGX_CHAT_IN_CLIENT,
    NGX_CHAT_IN_NAME,
    NGX_CHAT_IN_BATCH,
    NGX_CHAT_IN_HEARTBEAT,
    NGX_CHAT_IN_ON,
    NGX_CHAT_IN_UPTO,
    NGX_CHAT_IN_USER,
    NGX_CHAT_IN_ROLE,
    NGX_CHAT_IN_REASON,
    NGX_CHAT_IN_SESSION,
    NGX_CHAT_IN_JTI,
    NGX_CHAT_IN_SET,
    NGX_CHAT_IN_FOR_MS,
    NGX_CHAT_IN_PURGE_MS,
    NGX_CHAT_IN_ADDRESS,
    NGX_CHAT_IN_NEXT,
    NGX_CHAT_IN_TARGET,
    NGX_CHAT_IN_EMOJI,
    NGX_CHAT_IN_TO,
    NGX_CHAT_IN_N
} ngx_chat_in_e;


/* the values' source bytes; data is NULL if there is no such member */

typedef struct {
    ngx_pool_t           *pool;
    ngx_chat_err_t       *err;
    ngx_str_t             value[NGX_CHAT_IN_N];
} ngx_chat_members_t;


#define ngx_chat_member_given(m, i)  ((m)->value[i].data != NULL)


/*
 * Finds the members of `json', which is valid and an object.  NGX_ERROR: one
 * is nested too deep, `err' is set; the others have been found all the same.
 */
ngx_int_t ngx_chat_members_find(ngx_chat_members_t *m, ngx_str_t *json);

/*
 * What the grammar does not say: see ngx_chat_json_check().  NGX_ERROR: `err'
 * is set.  Only for a `json' in which _find has found nothing too deep.
 */
ngx_int_t ngx_chat_members_check(ngx_chat_members_t *m, ngx_str_t *json);

/*
 * The getters return NGX_DECLINED if there is no such member (the result is
 * left as it was) and NGX_ERROR with `err' set if it is not what it should be.
 */

ngx_int_t ngx_chat_member_string(ngx_chat_members_t *m, ngx_uint_t i,
    ngx_str_t *str);
ngx_int_t ngx_chat_member_boolean(ngx_chat_members_t *m, ngx_uint_t i,
    ngx_uint_t *flag);
ngx_int_t ngx_chat_member_cursor(ngx_chat_members_t *m, ngx_uint_t i,
    ngx_chat_cursor_t *cursor);

/* less than `min' is an error, what is more than `max' becomes `max' */
ngx_int_t ngx_chat_member_integer(ngx_chat_members_t *m, ngx_uint_t i,
    ngx_uint_t min, ngx_uint_t max, ngx_uint_t *n);

/* the source without white space */
ngx_int_t ngx_chat_member_source(ngx_chat_members_t *m, ngx_uint_t i,
    ngx_str_t *str);

/* sets bad_request with the member's name and rule; returns NGX_ERROR */
ngx_int_t ngx_chat_member_bad(ngx_chat_members_t *m, ngx_uint_t i);

/* the same with too_large */
ngx_int_t ngx_chat_member_large(ngx_chat_members_t *m, ngx_uint_t i);

/* sets internal: no memory */
ngx_int_t ngx_chat_member_failed(ngx_chat_members_t *m);


/* in ngx_chat_proto_value.c */

/*
 * `json' is valid and not deep.  NGX_DECLINED: a name twice in an object, a
 * lone surrogate, \u0000, or a number that no double can hold; *position is
 * behind it, *message is static.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_chat_json_check(ngx_str_t *json, size_t *position,
    const char **message);

/*
 * The value of a string's source, which is a slice of it or in the pool.
 * NGX_DECLINED: no string, or it can't be decoded; NGX_ERROR: no memory.
 */
ngx_int_t ngx_chat_json_decode(ngx_pool_t *pool, ngx_str_t *json,
    ngx_str_t *str);

/*
 * The value of a number's source if it is an integer of 0 or more, however it
 * is written; more than 2^53-1 is 2^53.  NGX_DECLINED: no such number.
 */
ngx_int_t ngx_chat_json_integer(ngx_str_t *json, uint64_t *n);


#endif /* _NGX_CHAT_PROTO_MEMBER_H_INCLUDED_ */
