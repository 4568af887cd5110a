
/*
 * Copyright (C) the ngx_chat_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_policy.h"


/*
 * Rooms are public to whoever the location has identified; the server's own
 * ("~") are nobody's yet, and say the same whether they exist or not.
 */

ngx_chat_err_e
ngx_chat_policy(ngx_chat_user_t *user, ngx_chat_action_e action,
    ngx_str_t *room)
{
    if (user->id.len == 0) {
        return NGX_CHAT_E_UNAUTHORIZED;
    }

    if (room->len > 0 && room->data[0] == '~') {
        return NGX_CHAT_E_NOT_FOUND;
    }

    return NGX_CHAT_OK;
}
