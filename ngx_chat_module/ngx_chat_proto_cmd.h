
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * The commands by name, for ngx_chat_proto_batch.c.
 */


#ifndef _NGX_CHAT_PROTO_CMD_H_INCLUDED_
#define _NGX_CHAT_PROTO_CMD_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_proto.h"
#include "ngx_chat_proto_member.h"


/* NGX_OK, or NGX_ERROR with m->err set */

typedef ngx_int_t (*ngx_chat_cmd_pt)(ngx_chat_members_t *m,
    ngx_chat_batch_t *b, ngx_chat_cmd_t *cmd);


typedef struct {
    ngx_str_t          name;
    ngx_chat_cmd_e     type;
    ngx_chat_cmd_pt    decode;       /* NULL: no members of its own */
} ngx_chat_cmd_name_t;


/* never NULL: an unknown name is NGX_CHAT_CMD_UNKNOWN */
const ngx_chat_cmd_name_t *ngx_chat_cmd_lookup(ngx_str_t *type);


/* the getters of a command's members: NGX_OK, or NGX_ERROR with m->err set */

ngx_int_t ngx_chat_cmd_data(ngx_chat_members_t *m, ngx_str_t *data);
ngx_int_t ngx_chat_cmd_nonce(ngx_chat_members_t *m, ngx_str_t *nonce);
ngx_int_t ngx_chat_cmd_thread(ngx_chat_members_t *m, ngx_chat_cmd_t *cmd);

/* ngx_chat_proto_change.c: edit, delete, react */
ngx_int_t ngx_chat_cmd_change(ngx_chat_members_t *m, ngx_chat_batch_t *b,
    ngx_chat_cmd_t *cmd);

/*
 * What a message says: text, data, nonce, thread, mentions.  NGX_OK, or
 * NGX_ERROR with m->err set.
 */
ngx_int_t ngx_chat_cmd_content(ngx_chat_members_t *m, ngx_chat_batch_t *b,
    ngx_chat_cmd_t *cmd);

/* "room", which has to be there; *room is what was given, valid or not */
ngx_int_t ngx_chat_cmd_room(ngx_chat_members_t *m, ngx_str_t *room);

/* ngx_chat_proto_read.c: what was read */
ngx_int_t ngx_chat_cmd_read(ngx_chat_members_t *m, ngx_chat_batch_t *b,
    ngx_chat_cmd_t *cmd);
ngx_int_t ngx_chat_cmd_unread(ngx_chat_members_t *m, ngx_chat_batch_t *b,
    ngx_chat_cmd_t *cmd);

/* ngx_chat_proto_server.c: what keys of the server API send */
ngx_int_t ngx_chat_cmd_disconnect(ngx_chat_members_t *m, ngx_chat_batch_t *b,
    ngx_chat_cmd_t *cmd);
ngx_int_t ngx_chat_cmd_user(ngx_chat_members_t *m, ngx_chat_batch_t *b,
    ngx_chat_cmd_t *cmd);

/* ngx_chat_proto_direct.c: what users send to users; which rooms there are */
ngx_int_t ngx_chat_cmd_direct(ngx_chat_members_t *m, ngx_chat_batch_t *b,
    ngx_chat_cmd_t *cmd);
ngx_int_t ngx_chat_cmd_invite(ngx_chat_members_t *m, ngx_chat_batch_t *b,
    ngx_chat_cmd_t *cmd);
ngx_int_t ngx_chat_cmd_block(ngx_chat_members_t *m, ngx_chat_batch_t *b,
    ngx_chat_cmd_t *cmd);
ngx_int_t ngx_chat_cmd_rooms(ngx_chat_members_t *m, ngx_chat_batch_t *b,
    ngx_chat_cmd_t *cmd);

/* ngx_chat_proto_moder.c: what moderators send */
ngx_int_t ngx_chat_cmd_moder(ngx_chat_members_t *m, ngx_chat_batch_t *b,
    ngx_chat_cmd_t *cmd);


#endif /* _NGX_CHAT_PROTO_CMD_H_INCLUDED_ */
