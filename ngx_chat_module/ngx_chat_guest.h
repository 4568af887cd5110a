
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * What the tokens of guests are signed with: files of the operator's, which
 * are the same on several hosts, or what the zone has made for itself.
 */


#ifndef _NGX_CHAT_GUEST_H_INCLUDED_
#define _NGX_CHAT_GUEST_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_file.h"
#include "ngx_chat_store.h"
#include "ngx_chat_token.h"


#define NGX_CHAT_SECRET_MIN   32
#define NGX_CHAT_SECRET_MAX   4096
#define NGX_CHAT_SECRETS      2


typedef struct {
    ngx_chat_file_t        file;
    u_char                 key[NGX_CHAT_GUEST_SECRET];
} ngx_chat_secret_t;


/* chat_guest_secret: the first signs, all are accepted */

typedef struct {
    ngx_uint_t             n;
    ngx_chat_secret_t      secret[NGX_CHAT_SECRETS];
} ngx_chat_secrets_t;


/* reads it; for nginx -t.  NGX_OK, or NGX_DECLINED: *why, and *err or 0 */
ngx_int_t ngx_chat_secret_load(ngx_chat_secret_t *s, ngx_log_t *log,
    const char **why, ngx_err_t *err);

/* as ngx_chat_guest_token(), valid for NGX_CHAT_GUEST_TTL; `secrets' may be
   NULL; a file that has changed is read, what becomes of that is logged */
u_char *ngx_chat_guest_sign(ngx_chat_secrets_t *secrets, ngx_chat_zone_t *z,
    u_char *dst, u_char *id, ngx_log_t *log);

/* as ngx_chat_guest_verify(); *issued is when the token was made */
ngx_int_t ngx_chat_guest_check(ngx_chat_secrets_t *secrets,
    ngx_chat_zone_t *z, ngx_str_t *token, u_char *id, time_t *issued,
    ngx_log_t *log);


#endif /* _NGX_CHAT_GUEST_H_INCLUDED_ */
