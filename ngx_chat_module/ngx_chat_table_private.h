
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * The memory of the table.  Private to the store; what others may call is in
 * ngx_chat_table.h.
 *
 * A record that has a sequence exists, with its key, its value and the chain of
 * its blocks.  Hash chains, free lists and the owners of blocks follow from
 * that.  Two records of one key exist for a moment, when one replaces the
 * other: the one with the greater sequence is true.
 */


#ifndef _NGX_CHAT_TABLE_PRIVATE_H_INCLUDED_
#define _NGX_CHAT_TABLE_PRIVATE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_shm.h"
#include "ngx_chat_table.h"


/* 64 bytes, and apart from the values, so that a walk reads little */

typedef struct {
    uint64_t          seq;           /* 0: free; the last to be set */
    uint64_t          expires;
    u_char            room[NGX_CHAT_KEY_LEN];
    u_char            subject[NGX_CHAT_KEY_LEN];
    uint32_t          next;          /* in the hash chain or the free list */
    uint32_t          block;         /* the first of the value; 0: none */
    uint16_t          len;
    uint8_t           kind;
    uint8_t           deleted:1;     /* stays until the file and hosts know */
    uint8_t           shared:1;      /* hosts can know */
    uint32_t          changed;       /* seconds, by its author's clock */
} ngx_chat_record_t;


#define NGX_CHAT_BLOCK        248

typedef struct {
    uint32_t          next;          /* of the value or the free list */
    uint32_t          owner;         /* the record; 0: free */
    u_char            data[NGX_CHAT_BLOCK];
} ngx_chat_block_t;


#define ngx_chat_record(sh, ref)                                              \
    ((ngx_chat_record_t *) ngx_chat_sh_at(sh, (sh)->records_at) + (ref) - 1)
#define ngx_chat_record_ref(sh, r)                                            \
    ((uint32_t) ((r) - ngx_chat_record(sh, 1)) + 1)
#define ngx_chat_block(sh, ref)                                               \
    ((ngx_chat_block_t *) ngx_chat_sh_at(sh, (sh)->blocks_at) + (ref) - 1)
#define ngx_chat_table_buckets(sh)                                            \
    ((uint32_t *) ngx_chat_sh_at(sh, (sh)->table_buckets))

#define ngx_chat_table_blocks(len)                                            \
    (((len) + NGX_CHAT_BLOCK - 1) / NGX_CHAT_BLOCK)

/* it is there, but true no more */
#define ngx_chat_record_over(r, now)                                          \
    ((r)->deleted || ((r)->expires != 0 && (r)->expires <= (now)))

/* the file, if there is one, has its last change */
#define ngx_chat_record_saved(sh, r)                                          \
    (!(sh)->state_on || (r)->seq <= ngx_chat_load_relaxed(&(sh)->state_saved))

/* .. and so do the other hosts, if there are any */
#define ngx_chat_record_told(sh, r)                                           \
    (!(sh)->share_on || (r)->shared || !ngx_chat_table_is_shared((r)->kind))


/* stamps of rows may be ahead of a host's clock by so much, s; by how much
   that moves its own */
#define NGX_CHAT_TABLE_AHEAD  86400
#define NGX_CHAT_TABLE_DRIFT  3600


/* ngx_chat_table_memory.c */

/* sets the sizes and places of `sh' for a zone, from byte `at' on; returns
   where they end */
size_t ngx_chat_table_layout(ngx_chat_sh_t *sh, size_t at, size_t zone);

/* for a new row (`old' is NULL) or in place of one; `again': it is from a file
   or from other memory.  NULL: there is no place for such a one */
ngx_chat_record_t *ngx_chat_record_take_locked(ngx_chat_sh_t *sh,
    ngx_chat_row_t *row, ngx_chat_record_t *old, ngx_uint_t again);
/* fills it and makes it exist */
void ngx_chat_record_write_locked(ngx_chat_sh_t *sh, ngx_chat_record_t *r,
    ngx_chat_row_t *row, uint64_t seq);
/* it is in no chain any more; its blocks go, too */
void ngx_chat_record_free_locked(ngx_chat_sh_t *sh, ngx_chat_record_t *r);
/* into row->value, if that has memory */
void ngx_chat_record_read_locked(ngx_chat_sh_t *sh, ngx_chat_record_t *r,
    ngx_chat_row_t *row);

/* where a key's chain begins */
uint32_t *ngx_chat_record_bucket_locked(ngx_chat_sh_t *sh, ngx_uint_t kind,
    u_char *room, u_char *subject);
/* *link is what refers to it; NULL: there is none */
ngx_chat_record_t *ngx_chat_record_find_locked(ngx_chat_sh_t *sh,
    ngx_uint_t kind, u_char *room, u_char *subject, uint32_t **link);

/* lists and counters from what the records say; also a new zone's begin */
void ngx_chat_table_repair_locked(ngx_chat_sh_t *sh);

/* NGX_DECLINED: they don't fit, `sh' has but some of them */
ngx_int_t ngx_chat_table_copy_locked(ngx_chat_sh_t *sh, ngx_chat_sh_t *from);


/* ngx_chat_table.c */

/* what a row that is set comes from */
typedef enum {
    NGX_CHAT_TABLE_HERE = 0,
    NGX_CHAT_TABLE_AGAIN,            /* a file: it had its place before */
    NGX_CHAT_TABLE_HOST              /* another host */
} ngx_chat_table_from_e;

ngx_int_t ngx_chat_table_set_locked(ngx_chat_sh_t *sh, ngx_chat_row_t *row,
    uint64_t now, ngx_chat_table_from_e from);
/* `changed' 0: now, and only this host knows */
ngx_int_t ngx_chat_table_delete_locked(ngx_chat_sh_t *sh, ngx_chat_row_t *row,
    uint32_t changed, ngx_uint_t shared);

/* a clock says so, s; stamps are later than what was given before */
void ngx_chat_table_time_locked(ngx_chat_sh_t *sh, uint64_t now);

/* once a second: some of the records that are over go */
void ngx_chat_table_sweep_locked(ngx_chat_sh_t *sh, uint64_t now);


#endif /* _NGX_CHAT_TABLE_PRIVATE_H_INCLUDED_ */
