
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * The bytes of a state file: a header of 32 bytes, then records, each padded to
 * 8 bytes.  Numbers have the host's order of bytes.  A record has a CRC over
 * its bytes and the file's salt, which no user knows: so nobody can send a
 * value that looks like a record when the file is damaged.
 */


#ifndef _NGX_CHAT_STATE_RECORD_H_INCLUDED_
#define _NGX_CHAT_STATE_RECORD_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_table.h"


#define NGX_CHAT_STATE_HEADER    32
#define NGX_CHAT_STATE_RECORD    64

/* bytes of the largest record */
#define NGX_CHAT_STATE_MAX       (NGX_CHAT_STATE_RECORD + NGX_CHAT_VALUE_MAX)

/* types of records */
#define NGX_CHAT_STATE_ROW       1       /* of the whole table */
#define NGX_CHAT_STATE_END       2       /* the table is whole */
#define NGX_CHAT_STATE_SET       3       /* and what has changed since */
#define NGX_CHAT_STATE_DELETE    4


typedef struct {
    u_char      *start;
    u_char      *pos;
    u_char      *last;
    uint64_t     generation;
    uint64_t     salt;
    uint64_t     seq;                /* the greatest that was seen */
    size_t       skipped;            /* damaged bytes between records */
    size_t       torn;               /* and behind the last one */
    unsigned     whole:1;            /* the table's end was seen */
} ngx_chat_state_reader_t;


/* to `dst'; returns the end */
u_char *ngx_chat_state_put_header(u_char *dst, uint64_t generation,
    uint64_t salt);
u_char *ngx_chat_state_put(u_char *dst, uint64_t salt, ngx_uint_t type,
    ngx_chat_row_t *row);

/*
 * NGX_OK; NGX_DONE: it is empty, or not even a header; NGX_DECLINED: it is no
 * state file; NGX_ABORT: of another version; NGX_ERROR: its header is damaged
 */
ngx_int_t ngx_chat_state_reader(ngx_chat_state_reader_t *rd, u_char *p,
    size_t len);

/*
 * The next record that is whole; damaged ones are skipped.  row->value points
 * into the reader's memory.  NGX_OK or NGX_DONE.
 */
ngx_int_t ngx_chat_state_get(ngx_chat_state_reader_t *rd, ngx_uint_t *type,
    ngx_chat_row_t *row);


#endif /* _NGX_CHAT_STATE_RECORD_H_INCLUDED_ */
