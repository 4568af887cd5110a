
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Where a publish goes and a room is found.  "local" is this host's shared
 * memory; another broker (between hosts) is another table.
 */


#ifndef _NGX_CHAT_BROKER_H_INCLUDED_
#define _NGX_CHAT_BROKER_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat.h"
#include "ngx_chat_hub.h"
#include "ngx_chat_store.h"


typedef struct {
    ngx_str_t    name;

    /* the return codes are those of ngx_chat_log_publish() */
    ngx_int_t  (*publish)(ngx_chat_zone_t *z, ngx_chat_publish_t *p);

    /* NGX_OK: publishes and reads will work; NGX_DECLINED: not now */
    ngx_int_t  (*ready)(ngx_chat_zone_t *z);
} ngx_chat_broker_t;


extern const ngx_chat_broker_t  ngx_chat_broker_local;


#endif /* _NGX_CHAT_BROKER_H_INCLUDED_ */
