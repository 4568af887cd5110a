
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * The invariants of the table, for the store's checker.
 */


#ifndef _STORE_TABLE_CHECK_H_INCLUDED_
#define _STORE_TABLE_CHECK_H_INCLUDED_


/* the value's blocks are the record's; returns how many, -1: they are not */

static int
store_check_value(ngx_chat_sh_t *sh, uint32_t ref)
{
    int                 n;
    uint32_t            b;
    ngx_chat_record_t  *r;

    r = ngx_chat_record(sh, ref);
    n = 0;

    for (b = r->block; b; b = ngx_chat_block(sh, b)->next) {
        if (b > sh->block_n || ngx_chat_block(sh, b)->owner != ref) {
            return -1;
        }
        n++;
    }

    return n == (int) ngx_chat_table_blocks(r->len) ? n : -1;
}


static const char *
store_check_table(ngx_chat_sh_t *sh)
{
    int                 n;
    uint32_t            ref, i, used, chained, blocks, *link;
    ngx_chat_record_t  *r;

    used = 0;
    blocks = 0;

    for (ref = 1; ref <= sh->record_n; ref++) {
        r = ngx_chat_record(sh, ref);

        if (r->seq == 0) {
            continue;
        }

        n = store_check_value(sh, ref);

        if (n == -1) {
            return "a value's blocks";
        }

        if (ngx_chat_record_find_locked(sh, r->kind, r->room, r->subject,
                                        &link)
            != r)
        {
            return "a record is not found, or two have one key";
        }

        if (r->seq > sh->table_seq) {
            return "a record of the future";
        }

        used++;
        blocks += n;
    }

    chained = 0;

    for (i = 0; i < sh->table_bucket_n; i++) {
        for (ref = ngx_chat_table_buckets(sh)[i]; ref;
             ref = ngx_chat_record(sh, ref)->next)
        {
            if (++chained > used) {
                return "more records in chains than there are";
            }
        }
    }

    for (n = 0, ref = sh->record_free; ref && n <= (int) sh->record_n;
         ref = ngx_chat_record(sh, ref)->next)
    {
        n++;
        if (ngx_chat_record(sh, ref)->seq) {
            return "a free record exists";
        }
    }

    if (chained != used || n != (int) sh->record_free_n
        || used + n != sh->record_n)
    {
        return "records are lost";
    }

    for (n = 0, ref = sh->block_free; ref && n <= (int) sh->block_n;
         ref = ngx_chat_block(sh, ref)->next)
    {
        n++;
        if (ngx_chat_block(sh, ref)->owner) {
            return "a free block has an owner";
        }
    }

    if (n != (int) sh->block_free_n || blocks + n != sh->block_n) {
        return "blocks are lost";
    }

    return NULL;
}


#endif /* _STORE_TABLE_CHECK_H_INCLUDED_ */
