
/*
 * Copyright (C) the ngx_chat_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat.h"
#include "ngx_chat_error.h"


/* in the order of ngx_chat_err_e */

static const ngx_chat_err_info_t  ngx_chat_err_table[] = {

    { ngx_string("ok"),
      ngx_string("no error"),
      200, 0 },

    { ngx_string("bad_request"),
      ngx_string("the command is not well-formed; correct it before sending "
                 "it again"),
      400, 0 },

    { ngx_string("unknown_command"),
      ngx_string("there is no command of this \"type\"; look it up in the "
                 "description of chat.v1"),
      400, 0 },

    { ngx_string("unsupported"),
      ngx_string("this server does not offer that; test \"features\" of "
                 "\"welcome\" first"),
      400, 0 },

    { ngx_string("unauthorized"),
      ngx_string("who you are is not known; give a valid token"),
      401, 0 },

    { ngx_string("expired"),
      ngx_string("the token has expired; get a new one"),
      401, 0 },

    { ngx_string("forbidden"),
      ngx_string("you may not do that here; ask who runs the room for the "
                 "permission"),
      403, 0 },

    { ngx_string("banned"),
      ngx_string("you are banned; do not come back before the time in "
                 "\"until\""),
      403, 0 },

    { ngx_string("muted"),
      ngx_string("you are muted; do not publish before the time in "
                 "\"until\""),
      403, 0 },

    { ngx_string("read_only"),
      ngx_string("nobody may publish here; only read this room"),
      403, 0 },

    { ngx_string("not_found"),
      ngx_string("there is no such thing; check its name or id"),
      404, 0 },

    { ngx_string("not_joined"),
      ngx_string("this session is not in the room; send \"join\" first"),
      409, 0 },

    { ngx_string("conflict"),
      ngx_string("the nonce was used with another content; use a new random "
                 "nonce for each message"),
      409, 0 },

    { ngx_string("too_many_rooms"),
      ngx_string("the session is in as many rooms as it may be; leave one "
                 "first"),
      409, 0 },

    { ngx_string("too_large"),
      ngx_string("this is larger than allowed; see \"limits\" of \"welcome\" "
                 "and send less"),
      413, 0 },

    { ngx_string("filtered"),
      ngx_string("the content was refused by a rule of this site; change it"),
      422, 0 },

    { ngx_string("rate_limited"),
      ngx_string("too many commands; wait \"retry_after_ms\" and send fewer"),
      429, 1 },

    { ngx_string("slow_mode"),
      ngx_string("the room is in slow mode; wait \"retry_after_ms\" between "
                 "messages"),
      429, 1 },

    { ngx_string("full"),
      ngx_string("the server has no room for this now; try again later"),
      503, 1 },

    { ngx_string("unavailable"),
      ngx_string("the server can not do this now; try again later"),
      503, 1 },

    { ngx_string("timeout"),
      ngx_string("no answer came in time, the outcome is not known; send it "
                 "again with the same nonce"),
      504, 1 },

    { ngx_string("internal"),
      ngx_string("the server failed, its error log says why; try again "
                 "later"),
      500, 1 }
};


const ngx_chat_err_info_t *
ngx_chat_err_info(ngx_chat_err_e code)
{
    if ((ngx_uint_t) code >= NGX_CHAT_E_LAST) {
        code = NGX_CHAT_E_INTERNAL;
    }

    return &ngx_chat_err_table[code];
}
