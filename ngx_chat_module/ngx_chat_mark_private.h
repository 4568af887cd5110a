
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Read state, for the store's own files.
 */


#ifndef _NGX_CHAT_MARK_PRIVATE_H_INCLUDED_
#define _NGX_CHAT_MARK_PRIVATE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_mark.h"
#include "ngx_chat_shm.h"


#define ngx_chat_marks(sh)                                                    \
    ((ngx_chat_mark_t *) ngx_chat_sh_at(sh, (sh)->marks))


/* as ngx_chat_mark_read(); `hash' is of the room's key */
ngx_int_t ngx_chat_mark_read_locked(ngx_chat_sh_t *sh, ngx_chat_marking_t *r,
    uint32_t hash);

/*
 * The room's last record is p's: notes who is mentioned in it, and moves the
 * marker of p->reader behind it.
 */
void ngx_chat_mark_published_locked(ngx_chat_sh_t *sh, ngx_chat_slot_t *slot,
    ngx_chat_publish_t *p);

/* into a zone of another size, with the same lives and keys of hashes */
void ngx_chat_mark_copy_locked(ngx_chat_sh_t *sh, ngx_chat_sh_t *from);


#endif /* _NGX_CHAT_MARK_PRIVATE_H_INCLUDED_ */
