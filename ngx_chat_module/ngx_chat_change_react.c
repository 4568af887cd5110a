
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Reactions: a set of (user, emoji) for each message, made of the react events
 * themselves.  Each is a node of a radix tree by a hash of user and emoji, and
 * the root of the tree that was at its time; its branches are older events.
 * Who has reacted already is found in as many steps as the logarithm of the
 * number of reactions, and a new event needs as many branches.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_change_private.h"


typedef struct {
    ngx_chat_fold_t   fold;
    uint32_t          branch[NGX_CHAT_LEVELS];
} ngx_chat_node_t;


static ngx_int_t ngx_chat_react_node_locked(ngx_chat_sh_t *sh,
    ngx_chat_slot_t *slot, uint64_t offset, ngx_chat_cursor_t *cur,
    ngx_chat_node_t *node);
static ngx_int_t ngx_chat_react_climb_locked(ngx_chat_sh_t *sh,
    ngx_chat_slot_t *slot, uint64_t from, ngx_chat_publish_t *p,
    ngx_chat_fold_t *fold, uint32_t *branch);
static ngx_int_t ngx_chat_react_count(ngx_chat_change_t *ch,
    ngx_chat_emoji_t *emoji, ngx_uint_t *n);
static void ngx_chat_react_write(ngx_chat_lead_t *lead, uint32_t *branch,
    ngx_chat_emoji_t *emoji, ngx_uint_t n);


/* which of the branches that there are is that of a level */

#define ngx_chat_react_rank(levels, i)                                        \
    ((ngx_uint_t) __builtin_popcountll((levels) & ((1ULL << (i)) - 1)))

#define ngx_chat_react_has(levels, i)  ((levels) & (1ULL << (i)))


ngx_int_t
ngx_chat_change_react_locked(ngx_chat_sh_t *sh, ngx_chat_slot_t *slot,
    uint64_t from, ngx_chat_publish_t *p, ngx_chat_lead_t *lead)
{
    uint64_t            h;
    uint32_t            branch[NGX_CHAT_LEVELS];
    ngx_int_t           rc;
    ngx_uint_t          n;
    ngx_chat_fold_t    *fold;
    ngx_chat_emoji_t    emoji[NGX_CHAT_EMOJIS_MAX];
    ngx_chat_change_t  *ch;
    ngx_chat_cursor_t   cur;

    ch = p->change;
    fold = &lead->u.fold;

    h = ngx_chat_hash(sh->hash_key[0], ch->user.data, ch->user.len);
    fold->key = ngx_chat_hash(h ^ sh->hash_key[1], ch->emoji.data,
                              ch->emoji.len);
    fold->on = ch->on;

    rc = ngx_chat_react_climb_locked(sh, slot, from, p, fold, branch);

    if (rc != NGX_OK) {
        return rc;
    }

    n = 0;

    if (from != 0) {

        if (ngx_chat_log_locate_locked(sh, slot, from, &cur) != NGX_OK) {
            return NGX_DECLINED;
        }

        n = ngx_chat_change_emojis_locked(sh, &cur, emoji);
    }

    rc = ngx_chat_react_count(ch, emoji, &n);

    if (rc != NGX_OK) {
        return rc;
    }

    fold->react = slot->head + 1;
    fold->nemojis = (uint8_t) n;

    ngx_chat_react_write(lead, branch, emoji, n);

    return NGX_OK;
}


/*
 * From the newest event down to the one with the same key, if there is one.
 * What branches off the way becomes the new event's branches: on each level
 * the newest event that is different there, which is the node itself where the
 * way turns, or a branch of it above.
 */

static ngx_int_t
ngx_chat_react_climb_locked(ngx_chat_sh_t *sh, ngx_chat_slot_t *slot,
    uint64_t from, ngx_chat_publish_t *p, ngx_chat_fold_t *fold,
    uint32_t *branch)
{
    uint64_t            offset, turn;
    ngx_uint_t          i, level, on;
    ngx_chat_node_t     node;
    ngx_chat_change_t  *ch;
    ngx_chat_cursor_t   cur;

    ch = p->change;
    level = 0;
    on = 0;
    offset = from;

    while (offset != 0) {

        if (ngx_chat_react_node_locked(sh, slot, offset, &cur, &node)
            != NGX_OK)
        {
            return NGX_DECLINED;
        }

        turn = node.fold.key ^ fold->key;
        i = turn ? (ngx_uint_t) __builtin_clzll(turn) : NGX_CHAT_LEVELS;

        for ( /* void */ ; level < i; level++) {
            if (ngx_chat_react_has(node.fold.levels, level)) {
                fold->levels |= 1ULL << level;
                branch[level] = node.branch[ngx_chat_react_rank(
                                                node.fold.levels, level)];
            }
        }

        if (turn == 0) {
            on = node.fold.on;
            break;
        }

        if (level > i) {
            /* damaged: it doesn't belong below where the way has turned */
            return NGX_DECLINED;
        }

        fold->levels |= 1ULL << i;
        branch[i] = (uint32_t) (offset - ch->target);
        level = i + 1;

        offset = ngx_chat_react_has(node.fold.levels, i)
                 ? ch->target + node.branch[ngx_chat_react_rank(
                                                node.fold.levels, i)]
                 : 0;
    }

    if (on != ch->on) {
        return NGX_OK;
    }

    p->offset = offset;
    p->ts = offset ? ngx_chat_log_rec(&cur)->ts : 0;

    return NGX_DONE;
}


static ngx_int_t
ngx_chat_react_node_locked(ngx_chat_sh_t *sh, ngx_chat_slot_t *slot,
    uint64_t offset, ngx_chat_cursor_t *cur, ngx_chat_node_t *node)
{
    size_t  n;

    if (offset < slot->kept || offset > slot->head
        || ngx_chat_log_locate_locked(sh, slot, offset, cur) != NGX_OK
        || ngx_chat_log_rec(cur)->type != NGX_CHAT_REC_REACT
        || ngx_chat_change_fold_locked(sh, cur, &node->fold) != NGX_OK)
    {
        return NGX_ERROR;
    }

    n = (size_t) __builtin_popcountll(node->fold.levels) * sizeof(uint32_t);

    if (sizeof(ngx_chat_fold_t) + n > ngx_chat_log_rec(cur)->lead) {
        return NGX_ERROR;
    }

    if (n == 0) {
        return NGX_OK;
    }

    return ngx_chat_log_copy_locked(sh, cur, sizeof(ngx_chat_fold_t),
                                    (u_char *) node->branch, n);
}


static ngx_int_t
ngx_chat_react_count(ngx_chat_change_t *ch, ngx_chat_emoji_t *emoji,
    ngx_uint_t *n)
{
    ngx_uint_t  i;

    for (i = 0; i < *n; i++) {
        if (emoji[i].len == ch->emoji.len
            && ngx_memcmp(emoji[i].data, ch->emoji.data, ch->emoji.len) == 0)
        {
            break;
        }
    }

    if (i == *n) {

        if (!ch->on) {
            return NGX_DECLINED;
        }

        if (*n == NGX_CHAT_EMOJIS_MAX) {
            return NGX_CHAT_MANY;
        }

        emoji[i].count = 0;
        emoji[i].len = (uint32_t) ch->emoji.len;
        ngx_memcpy(emoji[i].data, ch->emoji.data, ch->emoji.len);
        (*n)++;
    }

    if (ch->on) {
        emoji[i].count++;

    } else {
        emoji[i].count--;
    }

    ch->count = emoji[i].count;

    if (emoji[i].count == 0) {
        (*n)--;
        ngx_memmove(&emoji[i], &emoji[i + 1],
                    (*n - i) * sizeof(ngx_chat_emoji_t));
    }

    return NGX_OK;
}


static void
ngx_chat_react_write(ngx_chat_lead_t *lead, uint32_t *branch,
    ngx_chat_emoji_t *emoji, ngx_uint_t n)
{
    u_char      *p;
    ngx_uint_t   i;

    p = lead->u.data + sizeof(ngx_chat_fold_t);

    for (i = 0; i < NGX_CHAT_LEVELS; i++) {
        if (ngx_chat_react_has(lead->u.fold.levels, i)) {
            p = ngx_cpymem(p, &branch[i], sizeof(uint32_t));
        }
    }

    for (i = 0; i < n; i++) {
        p = ngx_cpymem(p, &emoji[i].count, sizeof(uint32_t));
        *p++ = (u_char) emoji[i].len;
        p = ngx_cpymem(p, emoji[i].data, emoji[i].len);
    }

    while ((p - lead->u.data) % 8 != 0) {
        *p++ = 0;
    }

    lead->len = (size_t) (p - lead->u.data);
}


ngx_uint_t
ngx_chat_change_emojis_locked(ngx_chat_sh_t *sh, ngx_chat_cursor_t *cur,
    ngx_chat_emoji_t *emoji)
{
    u_char            *p, *last;
    size_t             skip, len;
    ngx_uint_t         i;
    ngx_chat_fold_t    fold;
    u_char             data[NGX_CHAT_LEAD_MAX];

    if (ngx_chat_log_rec(cur)->type != NGX_CHAT_REC_REACT
        || ngx_chat_change_fold_locked(sh, cur, &fold) != NGX_OK)
    {
        return 0;
    }

    skip = sizeof(ngx_chat_fold_t)
           + (size_t) __builtin_popcountll(fold.levels) * sizeof(uint32_t);
    len = ngx_chat_log_rec(cur)->lead;

    if (len <= skip || len > NGX_CHAT_LEAD_MAX
        || ngx_chat_log_copy_locked(sh, cur, skip, data, len - skip)
           != NGX_OK)
    {
        return 0;
    }

    p = data;
    last = data + (len - skip);

    for (i = 0; i < fold.nemojis && i < NGX_CHAT_EMOJIS_MAX; i++) {

        if ((size_t) (last - p) < NGX_CHAT_EMOJI_HEAD) {
            break;
        }

        ngx_memcpy(&emoji[i].count, p, sizeof(uint32_t));
        emoji[i].len = p[sizeof(uint32_t)];
        p += NGX_CHAT_EMOJI_HEAD;

        if (emoji[i].len > NGX_CHAT_EMOJI_MAX
            || emoji[i].len > (size_t) (last - p))
        {
            break;
        }

        ngx_memcpy(emoji[i].data, p, emoji[i].len);
        p += emoji[i].len;
    }

    return i;
}
