
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Events that change messages: the part of a publish that is done under the
 * lock, and its repair.
 */


#ifndef _NGX_CHAT_CHANGE_PRIVATE_H_INCLUDED_
#define _NGX_CHAT_CHANGE_PRIVATE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_change.h"
#include "ngx_chat_log.h"


/*
 * The lead of such an event: what its message has become by it.  Offsets; 0:
 * none.  They are all those of later records than the message, so they are
 * kept as long as it is.
 *
 * Behind that of NGX_CHAT_REC_REACT are its branches, and the emoji with their
 * counts.  A branch i is the newest react event of the message whose `key' is
 * the same in the first i bits and another in the next one: a radix tree, of
 * which every event is the root at its time.
 */

typedef struct {
    uint64_t          message;   /* the newest message before, in the log */
    uint64_t          edit;      /* newest edit, this event included */
    uint64_t          data;      /* newest edit with data */
    uint64_t          react;     /* newest react event */
    uint64_t          older;     /* edit: the edit before */
    uint64_t          key;       /* react: hash of user and emoji */
    uint64_t          levels;    /* react: bits, which branches there are */
    uint32_t          edits;
    uint16_t          cut;       /* edit: what stays of its payload when it is
                                    erased; delete: of the message's */
    uint8_t           nemojis;
    uint8_t           on;
} ngx_chat_fold_t;

#define NGX_CHAT_LEVELS       64

/* of an emoji: count, length, bytes */
#define NGX_CHAT_EMOJI_HEAD   (sizeof(uint32_t) + 1)

#define NGX_CHAT_LEAD_MAX                                                     \
    (sizeof(ngx_chat_fold_t) + NGX_CHAT_LEVELS * sizeof(uint32_t)             \
     + NGX_CHAT_EMOJIS_MAX * (NGX_CHAT_EMOJI_HEAD + NGX_CHAT_EMOJI_MAX) + 8)

typedef struct {
    size_t            len;
    union {
        ngx_chat_fold_t   fold;
        uint64_t          ordinal;       /* of a reply */
        u_char            data[NGX_CHAT_LEAD_MAX];
    } u;
} ngx_chat_lead_t;


/* ngx_chat_change.c */

/*
 * Fills in what the record p is about to become says of what it changes or
 * answers.  NGX_OK; NGX_DONE: it is so already, p->offset and p->ts tell since
 * when; NGX_DECLINED, NGX_CHAT_NO_ROOT, NGX_CHAT_MANY: of
 * ngx_chat_log_publish()
 */
ngx_int_t ngx_chat_change_prepare_locked(ngx_chat_sh_t *sh,
    ngx_chat_slot_t *slot, ngx_chat_publish_t *p, ngx_chat_rec_t *rec,
    ngx_chat_lead_t *lead);

/* whether that message has gone since then */
ngx_uint_t ngx_chat_change_lost_locked(ngx_chat_slot_t *slot,
    ngx_chat_publish_t *p);

/*
 * The record `head' takes its place in its chain; if it is a deletion, what it
 * deletes is erased.  Doing it again changes nothing.
 */
void ngx_chat_change_link_locked(ngx_chat_sh_t *sh, ngx_chat_slot_t *slot);

/* after a death: the same, for it may have been about to be done */
void ngx_chat_change_repair_locked(ngx_chat_sh_t *sh, ngx_chat_slot_t *slot);

/* the lead of an event of one of the three kinds; NGX_ERROR: it is none */
ngx_int_t ngx_chat_change_fold_locked(ngx_chat_sh_t *sh,
    ngx_chat_cursor_t *cur, ngx_chat_fold_t *fold);

/* ngx_chat_change_react.c: of NGX_CHAT_REC_REACT; `from' is the newest react
   event of the message, 0: none */
ngx_int_t ngx_chat_change_react_locked(ngx_chat_sh_t *sh,
    ngx_chat_slot_t *slot, uint64_t from, ngx_chat_publish_t *p,
    ngx_chat_lead_t *lead);

/* the emoji of the react event at cur, at most NGX_CHAT_EMOJIS_MAX */
ngx_uint_t ngx_chat_change_emojis_locked(ngx_chat_sh_t *sh,
    ngx_chat_cursor_t *cur, ngx_chat_emoji_t *emoji);


#endif /* _NGX_CHAT_CHANGE_PRIVATE_H_INCLUDED_ */
