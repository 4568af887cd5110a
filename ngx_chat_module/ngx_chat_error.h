
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * The error table: PROTOCOL, section 8.
 */


#ifndef _NGX_CHAT_ERROR_H_INCLUDED_
#define _NGX_CHAT_ERROR_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat.h"


typedef struct {
    ngx_str_t    code;          /* "bad_request" */
    ngx_str_t    message;       /* the default English sentence */
    ngx_uint_t   status;        /* of HTTP */
    unsigned     temporary:1;
} ngx_chat_err_info_t;


/* an error on its way to a client */

typedef struct {
    ngx_chat_err_e   code;
    const char      *message;   /* NULL: the table's; a static string */
    const char      *field;     /* NULL: none; a static string */
    ngx_uint_t       retry_after_ms;   /* 0: none */
    uint64_t         until;     /* Unix time, seconds; 0: none */
} ngx_chat_err_t;


/* never NULL */
const ngx_chat_err_info_t *ngx_chat_err_info(ngx_chat_err_e code);


#endif /* _NGX_CHAT_ERROR_H_INCLUDED_ */
