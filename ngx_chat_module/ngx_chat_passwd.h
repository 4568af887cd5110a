
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * A file of users and the hashes of their passwords, as htpasswd makes it, with
 * a user's roles in the third field: "ann:$2y$...:member,moderator".
 */


#ifndef _NGX_CHAT_PASSWD_H_INCLUDED_
#define _NGX_CHAT_PASSWD_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_file.h"


#define NGX_CHAT_PASSWD_FILE_MAX  (1024 * 1024)
#define NGX_CHAT_PASSWD_HASH_MAX  160
#define NGX_CHAT_PASSWD_ROLES     16


/* slices of the file's text */

typedef struct {
    ngx_str_t               name;
    ngx_str_t               hash;
    ngx_str_t               roles;       /* with commas between them */
    ngx_uint_t              line;
} ngx_chat_passwd_user_t;


typedef struct {
    ngx_str_t               text;
    ngx_chat_passwd_user_t *users;       /* by name */
    ngx_uint_t              n;

    ngx_uint_t              bad;         /* lines that can't be used */
    ngx_uint_t              line;        /* the first one of them, from 1 */
    const char             *why;
} ngx_chat_passwd_list_t;


typedef struct {
    ngx_chat_file_t         file;
    ngx_chat_passwd_list_t  list;        /* the last good one */
    u_char                  salt[32];    /* of the file, for who isn't in it */
} ngx_chat_passwd_t;


/* reads it; for nginx -t.  NGX_OK, or NGX_DECLINED: *why, and *err or 0 */
ngx_int_t ngx_chat_passwd_load(ngx_chat_passwd_t *p, ngx_log_t *log,
    const char **why, ngx_err_t *err);
void ngx_chat_passwd_unload(ngx_chat_passwd_t *p);

/* looks whether the file has changed, at most once a second; what becomes of
   that is logged */
void ngx_chat_passwd_refresh(ngx_chat_passwd_t *p, ngx_log_t *log);

/*
 * His line; or, and *known is 0, that of somebody else: always the same one for
 * a name, so that an answer takes as long as if he were there.
 */
ngx_chat_passwd_user_t *ngx_chat_passwd_find(ngx_chat_passwd_t *p,
    ngx_str_t *name, ngx_uint_t *known);

/* the text becomes the list's, whatever is returned; NGX_OK; NGX_DECLINED:
   nobody is in it, *why; NGX_ERROR: no memory */
ngx_int_t ngx_chat_passwd_parse(ngx_chat_passwd_list_t *list, ngx_str_t *text,
    ngx_log_t *log, const char **why);
void ngx_chat_passwd_free(ngx_chat_passwd_list_t *list);

/* NULL, or why a hash isn't one that we take */
const char *ngx_chat_passwd_scheme(ngx_str_t *hash);


#endif /* _NGX_CHAT_PASSWD_H_INCLUDED_ */
