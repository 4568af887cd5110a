
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * The state file: the zone's table on disk.
 *
 * There are two files, PATH and PATH.alt.  The one that is active has the whole
 * table as it was, and behind it every change since.  When it is mostly changes
 * that later ones have replaced, the whole table is written to the other file,
 * which becomes the active one by its last record.  Neither is ever renamed or
 * opened again: the master opens them, and workers, which may have no right to,
 * inherit the descriptors.
 *
 * flock() on PATH says which nginx has the files, as long as one of its
 * processes lives.  Within it, fcntl() says which process writes; the kernel
 * takes that away from a process that dies, and the next one finds in the zone
 * how far the file is good.
 *
 * Nothing here is called with the zone's lock held.
 */


#ifndef _NGX_CHAT_STATE_H_INCLUDED_
#define _NGX_CHAT_STATE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_table.h"


/* when fdatasync() is called after a change */

#define NGX_CHAT_SYNC_SECOND     0       /* within a second */
#define NGX_CHAT_SYNC_ALWAYS     1       /* at once */
#define NGX_CHAT_SYNC_OFF        2       /* whenever the kernel writes it */


struct ngx_chat_state_s {
    ngx_str_t    path;
    ngx_fd_t     fd[2];
    ngx_uint_t   refs;               /* cycles */
    unsigned     locked:1;           /* as far as this process knows */
};


/* under nginx -t: whether z->state_path could be used; only reads */
ngx_int_t ngx_chat_state_test(ngx_chat_zone_t *z, ngx_log_t *log);

/*
 * In the init of the zone.  `before' is the zone that this one continues, with
 * the same memory or copied from it; NULL: none.  Opens the files and reads
 * them, or takes them over.  NGX_ERROR: logged, the cycle must not be taken.
 */
ngx_int_t ngx_chat_state_open(ngx_chat_zone_t *z, ngx_chat_zone_t *before,
    ngx_log_t *log);

/* the cycle goes; with the last one the files are closed */
void ngx_chat_state_close(ngx_chat_zone_t *z);

/*
 * Writes what has changed, unless another process is just doing it.  Called by
 * whoever has changed the table, and by every worker once a second; `now' is in
 * seconds.  What goes wrong is logged once, and tried again each second.
 */
void ngx_chat_state_flush(ngx_chat_zone_t *z, uint64_t now, ngx_log_t *log);


typedef struct {
    const char  *word;               /* off, ok, waiting or failed */
    uint64_t     unsaved;            /* changes that the file doesn't have */
    uint64_t     size;               /* bytes */
} ngx_chat_state_stat_t;

void ngx_chat_state_stat(ngx_chat_zone_t *z, ngx_chat_state_stat_t *st);


#endif /* _NGX_CHAT_STATE_H_INCLUDED_ */
