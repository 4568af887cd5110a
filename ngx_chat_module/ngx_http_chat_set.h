
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * What setters of directives share.
 */


#ifndef _NGX_HTTP_CHAT_SET_H_INCLUDED_
#define _NGX_HTTP_CHAT_SET_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_http_chat.h"
#include "ngx_chat_redis_conn.h"


/* finds a zone by its name, or notes that it must be defined somewhere */
ngx_http_chat_zone_t *ngx_http_chat_get_zone(ngx_conf_t *cf, ngx_str_t *name,
    const char *directive);

/* "name=value": 1, and the value */
ngx_uint_t ngx_http_chat_param(ngx_str_t *arg, const char *name,
    ngx_str_t *value);
/* logs it with what to write instead; NGX_CONF_ERROR */
char *ngx_http_chat_bad_param(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_str_t *arg, const char *cure);
/* the same of a parameter that is there already */
#define ngx_http_chat_twice(cf, cmd, arg)                                     \
    ngx_http_chat_bad_param(cf, cmd, arg, "write it once")
/* NGX_CONF_ERROR if a parameter from the n-th on is */
char *ngx_http_chat_param_twice(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_uint_t n);
/* "cluster" of "chat_redis": NGX_CONF_OK if the rest goes with it */
char *ngx_http_chat_redis_cluster(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_chat_redis_server_t *srv);
/* whether it has variables whose value is the client's to choose */
ngx_uint_t ngx_http_chat_spoofable(ngx_str_t *value);
/* a value with variables, perhaps */
ngx_http_complex_value_t *ngx_http_chat_complex(ngx_conf_t *cf,
    ngx_str_t *value);
/* HOST[:PORT],... of "chat_redis"; *host is the first one's name */
ngx_int_t ngx_http_chat_redis_hosts(ngx_conf_t *cf, u_char *p, u_char *last,
    ngx_chat_redis_server_t *srv, ngx_str_t *host);
/* at the end: whether a resolver looks its names up */
ngx_int_t ngx_http_chat_redis_resolver(ngx_conf_t *cf, ngx_chat_zone_t *z);

/* within these bounds, or NGX_ERROR */
ngx_int_t ngx_http_chat_number(ngx_str_t *value, ngx_int_t min,
    ngx_int_t max);


#endif /* _NGX_HTTP_CHAT_SET_H_INCLUDED_ */
