
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Read state: how far a user has read a room, and what has come since.  Nothing
 * is counted when a message is published: a marker remembers the ordinal of the
 * message that it stands at, and the room knows the ordinal of its last.
 *
 * Markers lie in sets of a few places; one that was not used for longest makes
 * room in its set.  A user without a marker has read nothing.  Who is mentioned
 * is noted with the user's marker, and so only if there is one.
 *
 * A process that is killed in here leaves the old marker, the new one or none:
 * `key' is cleared first and stored last.
 */


#ifndef _NGX_CHAT_MARK_H_INCLUDED_
#define _NGX_CHAT_MARK_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat.h"
#include "ngx_chat_store.h"


/* mentions of a user that are remembered, the newest */
#define NGX_CHAT_MARK_MENTIONS  11


typedef struct {
    ngx_chat_room_key_t   key;
    uint64_t              user[2];       /* of ngx_chat_mark_user() */
    ngx_chat_id_t        *upto;          /* NULL: only asks */
    uint64_t              now;           /* ms */

    /* out */
    u_char                epoch[NGX_CHAT_EPOCH_LEN];
    uint64_t              head;
    uint64_t              marker;        /* an offset */
    uint64_t              unread;        /* messages behind it */
    ngx_uint_t            mentions;      /* at most NGX_CHAT_MARK_MENTIONS */
    unsigned              marked:1;      /* there is a marker */
    unsigned              moved:1;       /* .. and it was moved */
} ngx_chat_marking_t;


/* 128 bits of the user's id; no lock */
void ngx_chat_mark_user(ngx_chat_zone_t *z, ngx_str_t *id, uint64_t user[2]);

/*
 * Moves the user's marker to r->upto, if that is forward, but not behind the
 * room's head; tells how it stands.  Takes the lock.
 *
 *   NGX_OK
 *   NGX_DECLINED  no such room
 *   NGX_ABORT     `upto' is of another life of it
 */
ngx_int_t ngx_chat_mark_read(ngx_chat_zone_t *z, ngx_chat_marking_t *r);


/* --- private to the store --- */

/* 128 bytes; free if `key' is 0 */

typedef struct {
    uint64_t              key;           /* a hash of user and life */
    uint64_t              check;         /* .. and another */
    uint64_t              offset;        /* read up to here */
    uint64_t              n;             /* messages up to there */
    uint32_t              used;          /* seconds */
    uint32_t              mentions;
    uint64_t              mention[NGX_CHAT_MARK_MENTIONS];
                                         /* offsets, ascending */
} ngx_chat_mark_t;

/* a marker can be in this many places */
#define NGX_CHAT_MARK_WAYS  8
#define NGX_CHAT_MARK_SET   (NGX_CHAT_MARK_WAYS * sizeof(ngx_chat_mark_t))


#endif /* _NGX_CHAT_MARK_H_INCLUDED_ */
