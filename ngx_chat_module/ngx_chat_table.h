
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * What is known for longer than a log: bans, roles, a room's topic, secrets.  A
 * table of rows in the zone, found by (kind, room, subject), each with a small
 * value and a time when it ends.
 *
 * All functions take the zone's lock themselves, for a bounded time, but
 * ngx_chat_table_key() and ngx_chat_table_version(), which take none.  None of
 * them logs, wakes or allocates.  A change is whole or not there: a process
 * that is killed inside leaves the old row or the new one.
 *
 * Looking a row up costs the lock, so what is asked for each message is to be
 * remembered: as long as ngx_chat_table_version() is the same, no row was set
 * or deleted.  A row that comes to its end changes no version; who remembers a
 * row remembers its `expires', too.
 *
 * Other workers look at the version when they are woken, and once a second in
 * any case: who changes something that has to be true everywhere at once calls
 * ngx_chat_bus_changed() and wakes them, as after a publish.
 *
 * If the zone has a state file, a change gets there within a second, or by the
 * call of ngx_chat_state_flush() that follows it.
 */


#ifndef _NGX_CHAT_TABLE_H_INCLUDED_
#define _NGX_CHAT_TABLE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_store.h"


#define NGX_CHAT_KEY_LEN      16
#define NGX_CHAT_VALUE_MAX    4096


/*
 * Numbers never change their meaning.  Those from NGX_CHAT_KIND_USERS on are
 * what users make by themselves: they get at most 3/4 of the table, so that
 * they can't keep a moderator from banning, and MEMBER and BLOCK, which need
 * no moderator, 1/2, so that rooms can still be given a topic.
 */

typedef enum {
    NGX_CHAT_KIND_SECRET = 1,        /* subject: what it is for */
    NGX_CHAT_KIND_HORIZON = 2,       /* subject: a user; older is revoked */
    NGX_CHAT_KIND_BAN = 3,           /* of a room, or of all (room 0) */
    NGX_CHAT_KIND_MUTE = 4,
    NGX_CHAT_KIND_ROLE = 5,
    NGX_CHAT_KIND_KICK = 6,          /* done once, when it is new */
    NGX_CHAT_KIND_RANK = 7,          /* of a user's own roles, last seen */

    NGX_CHAT_KIND_USERS = 32,
    NGX_CHAT_KIND_ROOM = 32,         /* data of a room; subject 0 */
    NGX_CHAT_KIND_MEMBER = 33,       /* a user is a member of a room */
    NGX_CHAT_KIND_BLOCK = 34,        /* subject: a user, by another hash */
    NGX_CHAT_KIND_TICKET = 40,       /* ngx_chat_ticket.h; never in a file */
    NGX_CHAT_KIND_MAX = 63
} ngx_chat_kind_e;


typedef struct {
    ngx_uint_t   kind;               /* ngx_chat_kind_e */
    u_char       room[NGX_CHAT_KEY_LEN];         /* all 0: of no room */
    u_char       subject[NGX_CHAT_KEY_LEN];      /* all 0: of nobody */

    uint64_t     expires;            /* seconds since the epoch; 0: never */
    uint64_t     seq;                /* out: the version when it was set */

    /* out, and in of what comes from elsewhere: see ngx_chat_table_apply() */
    uint32_t     changed;
    unsigned     shared:1;           /* out */

    /*
     * In: what to store, at most NGX_CHAT_VALUE_MAX bytes, any bytes.  Out:
     * `data' is the caller's memory of NGX_CHAT_VALUE_MAX bytes, or NULL if
     * only `len' is of interest.
     */
    ngx_str_t    value;
} ngx_chat_row_t;


/*
 * The key of a name: 128 bits of SHA-256, the same on every host and after
 * every restart; nobody can find two names with one key.  `what' keeps names of
 * different things apart, a letter: 'u' a user's id, 'a' an address, 'r' a room
 * (ngx_chat_table_room()).  A key is never all 0.  NGX_ERROR: OpenSSL failed.
 */
ngx_int_t ngx_chat_table_key(u_char dst[NGX_CHAT_KEY_LEN], u_char what,
    ngx_str_t *name);

/* rooms of raw and of chat.v1 locations are different rooms */
ngx_int_t ngx_chat_table_room(u_char dst[NGX_CHAT_KEY_LEN],
    ngx_chat_room_key_t *room);

/*
 * Sets or replaces the row of row->kind, ->room and ->subject.  `now' is in
 * seconds.  row->seq is set.
 *
 *   NGX_OK
 *   NGX_BUSY      the table is full, nothing has changed
 *   NGX_AGAIN     the zone moved (reload with another size)
 *   NGX_ERROR     the kind or the length of the value is none
 */
ngx_int_t ngx_chat_table_set(ngx_chat_zone_t *z, ngx_chat_row_t *row,
    uint64_t now);

/* NGX_OK; NGX_DECLINED: there was none; NGX_AGAIN: the zone moved */
ngx_int_t ngx_chat_table_delete(ngx_chat_zone_t *z, ngx_chat_row_t *row);

/*
 * As ngx_chat_table_get(), and the row is deleted in the same critical section:
 * of all who ask, one gets it.  NGX_OK, NGX_DECLINED, NGX_AGAIN.
 */
ngx_int_t ngx_chat_table_take(ngx_chat_zone_t *z, ngx_chat_row_t *row,
    uint64_t now);

/* fills expires, seq and value; NGX_OK or NGX_DECLINED (none, or ended) */
ngx_int_t ngx_chat_table_get(ngx_chat_zone_t *z, ngx_chat_row_t *row,
    uint64_t now);

/*
 * The same for some rows with the lock taken once; `seq' is 0 of those that
 * aren't there.  At most NGX_CHAT_ROWS.
 */
#define NGX_CHAT_ROWS  16
void ngx_chat_table_get_some(ngx_chat_zone_t *z, ngx_chat_row_t *rows,
    ngx_uint_t n, uint64_t now);

/*
 * ngx_chat_table_set() if the row is still the one with that `seq', or if there
 * is none and it is 0; NGX_DECLINED: it isn't, nothing has changed.
 */
ngx_int_t ngx_chat_table_replace(ngx_chat_zone_t *z, ngx_chat_row_t *row,
    uint64_t seq, uint64_t now);

/*
 * Walks over the rows of a kind (0: any), in no order.  `like' tells the kind,
 * and the room and the subject if they aren't all 0.  *pos is 0 at first and
 * opaque then.  The lock is given back between calls, so a walk sees rows that
 * stay and may or may not see those that come and go meanwhile.  One call looks
 * at some hundred rows at most: NGX_AGAIN means that there was none among them
 * and the walk goes on with the next call.
 *
 *   NGX_OK        *row is filled
 *   NGX_AGAIN     call again
 *   NGX_DONE      there are no more
 */
ngx_int_t ngx_chat_table_next(ngx_chat_zone_t *z, ngx_chat_row_t *like,
    uint32_t *pos, uint64_t now, ngx_chat_row_t *row);

/*
 * For the state file.  Walks over the rows that were changed after version
 * `after' and not after `upto', also over those that are over or deleted; *pos,
 * the rest and what is returned are as in ngx_chat_table_next().
 */
ngx_int_t ngx_chat_table_changed(ngx_chat_zone_t *z, uint64_t after,
    uint64_t upto, uint32_t *pos, ngx_chat_row_t *row, ngx_uint_t *deleted);

/*
 * Sets a row that a file has, or deletes it, but for one that was changed here
 * after version `after' and not after `upto'.  NGX_OK or NGX_BUSY, as
 * ngx_chat_table_set().
 */
ngx_int_t ngx_chat_table_restore(ngx_chat_zone_t *z, ngx_chat_row_t *row,
    ngx_uint_t deleted, uint64_t after, uint64_t upto);

/* versions from here on are greater */
void ngx_chat_table_floor(ngx_chat_zone_t *z, uint64_t seq);


/* --- ngx_chat_table_share.c: the same table on several hosts --- */

/*
 * `changed' of a row is the second in which it was changed, by the clock of the
 * host that did, but always later than what that host replaced.  Of two rows
 * with one key the later one is true, wherever it comes from and however often,
 * so it doesn't matter in which order hosts hear of changes.
 *
 * A row is shared if the server between the hosts has it.  Until then it stays
 * here, even if it is deleted or over.
 */

/* whether rows of this kind are for all hosts */
ngx_uint_t ngx_chat_table_is_shared(ngx_uint_t kind);

/* whether this zone's table is for several hosts */
void ngx_chat_table_share(ngx_chat_zone_t *z, ngx_uint_t on);

/*
 * What the server has: sets or deletes the row if that is later than what is
 * here.  NGX_OK: it was; NGX_DECLINED: nothing has changed; NGX_BUSY: the table
 * is full; NGX_AGAIN: the zone moved
 */
ngx_int_t ngx_chat_table_apply(ngx_chat_zone_t *z, ngx_chat_row_t *row,
    ngx_uint_t deleted, uint64_t now);

/* the server has that row, unless it was changed since it was `row->seq' */
void ngx_chat_table_told(ngx_chat_zone_t *z, ngx_chat_row_t *row);

/*
 * Nothing is known of what the server has: some hundred rows; *pos is 0 at
 * first.  NGX_AGAIN: call again; NGX_DONE
 */
ngx_int_t ngx_chat_table_untold(ngx_chat_zone_t *z, uint32_t *pos);

/* changes up to this version are told; to set it one must have the claim:
   NGX_OK or NGX_DECLINED */
uint64_t ngx_chat_table_told_upto(ngx_chat_zone_t *z);
ngx_int_t ngx_chat_table_set_told(ngx_chat_zone_t *z, ngx_uint_t seat,
    uint64_t seq);

/*
 * One worker of a host tells and asks.  NGX_OK: it is this one (again), for 3
 * seconds; NGX_DECLINED: another one.
 */
ngx_int_t ngx_chat_table_claim(ngx_chat_zone_t *z, ngx_uint_t seat,
    uint64_t now);
void ngx_chat_table_release(ngx_chat_zone_t *z, ngx_uint_t seat);


/* changes whenever a row is set or deleted; one load, no lock */
uint64_t ngx_chat_table_version(ngx_chat_zone_t *z);


typedef struct {
    ngx_uint_t   rows;
    ngx_uint_t   rows_max;
    size_t       bytes_free;         /* for values */
    uint64_t     untold;             /* changes, of those for other hosts */
} ngx_chat_table_stat_t;

/* no lock */
void ngx_chat_table_stat(ngx_chat_zone_t *z, ngx_chat_table_stat_t *st);


#endif /* _NGX_CHAT_TABLE_H_INCLUDED_ */
