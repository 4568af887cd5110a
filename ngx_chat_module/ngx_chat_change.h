
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Events that change messages, and threads: what the worker layer asks of the
 * store.  How they are published: ngx_chat_publish_t.
 */


#ifndef _NGX_CHAT_CHANGE_H_INCLUDED_
#define _NGX_CHAT_CHANGE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_store.h"


/* different ones that a message can have */
#define NGX_CHAT_EMOJIS_MAX   20
/* bytes of one */
#define NGX_CHAT_EMOJI_MAX    64
/* of one message; deleting it erases all of them */
#define NGX_CHAT_EDITS_MAX    256

/* what a deleted record says instead of what it said */
#define NGX_CHAT_TOMBSTONE    ",\"deleted\":true}"


/* what a publish changes */

struct ngx_chat_change_s {
    uint64_t      target;        /* offset of a message */
    uint64_t      life;          /* of the room in which it was looked up */
    uint64_t      cut;           /* delete: bytes of it that stay;
                                    edit: of the event, once deleted */
    ngx_str_t     emoji;
    ngx_str_t     user;          /* react: whose */
    unsigned      on:1;
    unsigned      data:1;        /* edit: it has data */
    unsigned      gone:1;        /* it wasn't there */

    uint64_t      count;         /* out: of react */
};


/* a reaction, and how many have it */

typedef struct {
    uint32_t      count;
    uint32_t      len;
    u_char        data[NGX_CHAT_EMOJI_MAX];
} ngx_chat_emoji_t;


/* what was made of a message */

typedef struct {
    uint64_t          edit;      /* the edit whose text it has now; 0: none */
    uint64_t          data;      /* the edit whose data; 0: none */
    uint64_t          replies;
    ngx_uint_t        nemojis;
    ngx_chat_emoji_t  emoji[NGX_CHAT_EMOJIS_MAX];
} ngx_chat_folded_t;


/*
 * What has become of a message whose header is `rec'.  NGX_OK, or NGX_DECLINED:
 * it isn't kept any more.
 */
ngx_int_t ngx_chat_change_folded(ngx_chat_zone_t *z, uint32_t idx,
    uint64_t life, ngx_chat_rec_t *rec, ngx_chat_folded_t *f);

/*
 * The offsets of up to `n' messages from `from' on backwards, the newest first.
 * What lies between two messages is skipped in one step.
 */
ngx_uint_t ngx_chat_change_before(ngx_chat_zone_t *z, uint32_t idx,
    uint64_t life, uint64_t from, ngx_uint_t n, uint64_t *offset);

/*
 * The same forwards, the oldest first, but records are looked at one by one, at
 * most NGX_CHAT_CHANGE_STEPS: *upto is the last one.
 */
#define NGX_CHAT_CHANGE_STEPS  1024

ngx_uint_t ngx_chat_change_after(ngx_chat_zone_t *z, uint32_t idx,
    uint64_t life, uint64_t from, ngx_uint_t n, uint64_t *offset,
    uint64_t *upto);

/*
 * The offsets of up to `n' replies to `root' that are before `before' (0: the
 * newest), the newest first.  Where `before' is none of the replies, it is
 * looked for in at most NGX_CHAT_CHANGE_STEPS of them: then *upto is how far
 * that came, else 0.  NGX_DECLINED: there is no such root.
 */
ngx_int_t ngx_chat_change_replies(ngx_chat_zone_t *z, uint32_t idx,
    uint64_t life, uint64_t root, uint64_t before, ngx_uint_t *n,
    uint64_t *offset, uint64_t *upto);


#endif /* _NGX_CHAT_CHANGE_H_INCLUDED_ */
