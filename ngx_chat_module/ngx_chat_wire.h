
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Wire formats: how records of a log become bytes on a connection, and the
 * chunks that hold those bytes, shared by every session of a worker that wants
 * the same format.
 */


#ifndef _NGX_CHAT_WIRE_H_INCLUDED_
#define _NGX_CHAT_WIRE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat.h"
#include "ngx_chat_store.h"


typedef enum {
    NGX_CHAT_WIRE_WS = 0,        /* a frame per record, text or binary */
    NGX_CHAT_WIRE_WS_DEFLATE,    /* the same, compressed where that helps */
    NGX_CHAT_WIRE_SSE_ID,        /* "id: <event id>" and data */
    NGX_CHAT_WIRE_SSE,           /* data alone */
    NGX_CHAT_WIRE_SHARED,        /* how many can be shared */
    NGX_CHAT_WIRE_PRIVATE = NGX_CHAT_WIRE_SHARED
                                 /* its bytes differ from session to session */
} ngx_chat_wire_e;


/*
 * Bytes that never change once written: chunks are shared by reference, and
 * each reader has its own position.  Freed with the last reference.
 */

typedef struct {
    ngx_uint_t    refs;
    size_t        size;          /* of data[] */
    u_char       *last;          /* end of what is written */
    u_char        data[1];
} ngx_chat_chunk_t;


/* consecutive records of one log in one format: chunk and where each ends */

typedef struct {
    ngx_chat_chunk_t  *chunk;
    uint32_t          *ends;     /* per record, relative to chunk->data */
    ngx_uint_t         n;
    uint64_t           first;    /* offset of the first record */
} ngx_chat_batch_wire_t;


/* bytes of a chunk on their way; owns no reference */

typedef struct {
    ngx_chat_chunk_t  *chunk;
    u_char            *pos;
    u_char            *end;
} ngx_chat_slice_t;


/* refs is 1; NULL: out of memory */
ngx_chat_chunk_t *ngx_chat_chunk_create(size_t size, ngx_log_t *log);
#define ngx_chat_chunk_ref(c)    ((c)->refs++)
void ngx_chat_chunk_unref(ngx_chat_chunk_t *c);

/* bytes in all chunks of this worker */
size_t ngx_chat_chunk_total(void);

/* iterates over what ngx_chat_log_read() has written */
#define ngx_chat_rec_next(r)                                                  \
    ((ngx_chat_rec_t *) ((u_char *) (r) + ngx_chat_rec_bytes(r)))

/* whether a record has a form there: an event stream is UTF-8 */
ngx_uint_t ngx_chat_wire_shows(ngx_chat_wire_e wire, ngx_chat_rec_t *rec);

/* the size of a record in a shared format, at most, and its writer */
size_t ngx_chat_wire_len(ngx_chat_wire_e wire, ngx_chat_rec_t *rec);
u_char *ngx_chat_wire_write(ngx_chat_wire_e wire, u_char *p,
    ngx_chat_rec_t *rec, u_char *epoch);

/*
 * A frame for a client that takes compressed ones, into room for
 * ngx_chat_ws_header_len(len) + len bytes; returns its end
 */
u_char *ngx_chat_wire_frame(u_char *p, ngx_uint_t opcode, u_char *payload,
    size_t len);

/*
 * Encodes all records between `rec' and `last' into one new chunk (refs 1);
 * ends[] has room for all of them.  NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_chat_wire_encode(ngx_chat_wire_e wire, ngx_chat_rec_t *rec,
    u_char *last, u_char *epoch, uint32_t *ends, ngx_chat_batch_wire_t *b,
    ngx_log_t *log);


#endif /* _NGX_CHAT_WIRE_H_INCLUDED_ */
