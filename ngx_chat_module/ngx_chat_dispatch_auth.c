
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Tokens that come as commands: `auth', and `hello' with a token.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_dispatch.h"
#include "ngx_chat_policy.h"
#include "ngx_chat_worker.h"


static ngx_int_t ngx_chat_token_user(ngx_chat_caller_t *c,
    ngx_chat_cmd_t *cmd, ngx_chat_user_t *user, time_t *expires);
static ngx_uint_t ngx_chat_token_same(ngx_str_t *a, ngx_str_t *b);
static void ngx_chat_token_renew(ngx_chat_caller_t *c, ngx_chat_cmd_t *cmd,
    ngx_chat_user_t *user, time_t expires);
static void ngx_chat_token_leave(ngx_chat_session_t *s);


/* who has said who he is may not become another; a guest may, or nobody */

void
ngx_chat_dispatch_token(ngx_chat_caller_t *c, ngx_chat_cmd_t *cmd)
{
    time_t           expires;
    ngx_int_t        rc;
    ngx_str_t        none;
    ngx_chat_err_e   code;
    ngx_chat_err_t   err;
    ngx_chat_user_t  user;

    ngx_str_null(&none);

    rc = ngx_chat_token_user(c, cmd, &user, &expires);

    if (rc == NGX_AGAIN) {
        /* dispatched again when the keys are there */
        return;
    }

    if (rc != NGX_OK) {
        ngx_memzero(&err, sizeof(ngx_chat_err_t));

        err.field = "token";
        err.code = (rc == NGX_ABORT) ? NGX_CHAT_E_EXPIRED
                   : (rc == NGX_ERROR) ? NGX_CHAT_E_INTERNAL
                   : (rc == NGX_DONE) ? NGX_CHAT_E_UNAVAILABLE
                                      : NGX_CHAT_E_UNAUTHORIZED;

        ngx_chat_dispatch_error(c, &cmd->reply_to, NULL, &err);

        if (c->session != NULL) {
            /* each costs a signature, and anybody may ask for it */
            ngx_chat_dispatch_flood(c->session);
        }

        return;
    }

    code = ngx_chat_policy(&user, NGX_CHAT_MAY_CONNECT, &none);

    if (code == NGX_CHAT_OK) {
        code = ngx_chat_standing_admit(c->conf->zone, &user, &c->until);
    }

    if (code != NGX_CHAT_OK) {
        ngx_chat_dispatch_denied(c, cmd, code);
        return;
    }

    if (c->session == NULL) {
        *c->user = user;
        ngx_chat_dispatch_done(c, cmd, NULL, NULL);
        return;
    }

    ngx_chat_token_renew(c, cmd, &user, expires);
}


/* he is who he says, and may not be here */

void
ngx_chat_dispatch_denied(ngx_chat_caller_t *c, ngx_chat_cmd_t *cmd,
    ngx_chat_err_e code)
{
    ngx_chat_err_t  err;

    ngx_memzero(&err, sizeof(ngx_chat_err_t));

    err.code = code;

    if (code == NGX_CHAT_E_UNAUTHORIZED) {
        err.field = "token";
    }

    ngx_chat_dispatch_when(c, &err);
    ngx_chat_dispatch_error(c, &cmd->reply_to, NULL, &err);

    if (c->session == NULL) {
        return;
    }

    if (code == NGX_CHAT_E_FORBIDDEN) {
        ngx_chat_session_close(c->session, NGX_CHAT_CLOSE_POLICY, "forbidden",
                               0);

    } else if (code == NGX_CHAT_E_BANNED) {
        ngx_chat_session_close(c->session, NGX_CHAT_CLOSE_DISCONNECTED,
                               "banned", 0);

    } else {
        ngx_chat_dispatch_flood(c->session);
    }
}


static ngx_int_t
ngx_chat_token_user(ngx_chat_caller_t *c, ngx_chat_cmd_t *cmd,
    ngx_chat_user_t *user, time_t *expires)
{
    ngx_int_t         rc;
    ngx_chat_wait_t  *w;

    if (c->conf->auth == NULL) {
        return NGX_DECLINED;
    }

    rc = ngx_chat_auth_token(c->conf->auth, &cmd->token, c->pool,
                             c->pool->log,
                             c->outcome != NULL || c->resume == NULL,
                             user, expires);

    if (rc == NGX_AGAIN) {
        w = ngx_chat_wait_create(c->resume, c->resume_data,
                                 c->conf->zone->log);
        if (w == NULL) {
            return NGX_ERROR;
        }

        ngx_chat_auth_wait(c->conf->auth, w);
        c->wait = w;

        return NGX_AGAIN;
    }

    if (rc == NGX_OK && c->user->id.len > 0 && !c->user->guest
        && !ngx_chat_token_same(&user->id, &c->user->id))
    {
        return NGX_DECLINED;
    }

    if (rc == NGX_OK) {
        /* what roles may do is said by the location, not by the token */

        user->allow = c->conf->allow;

        if (ngx_chat_user_give_roles(user, c->conf->roles, c->pool) != NGX_OK)
        {
            return NGX_ERROR;
        }

        /* where he comes from is no claim, and limits by address need it */

        ngx_memcpy(user->addr, c->user->addr, sizeof(user->addr));
        user->addr_len = c->user->addr_len;
    }

    return rc;
}


static ngx_uint_t
ngx_chat_token_same(ngx_str_t *a, ngx_str_t *b)
{
    return a->len == b->len && ngx_memcmp(a->data, b->data, a->len) == 0;
}


/* who has too many sessions already doesn't get another one by a command */

ngx_int_t
ngx_chat_dispatch_become(ngx_chat_caller_t *c, ngx_chat_cmd_t *cmd,
    ngx_chat_user_t *user)
{
    ngx_chat_err_t       err;
    ngx_chat_session_t  *s;

    s = c->session;

    ngx_memzero(&err, sizeof(ngx_chat_err_t));

    if (!ngx_chat_token_same(&user->id, &s->user.id)) {
        err.code = s->transport->identify(s, user);
    }

    if (err.code != NGX_CHAT_OK) {
        ngx_chat_dispatch_error(c, &cmd->reply_to, NULL, &err);
        ngx_chat_session_close(s, NGX_CHAT_CLOSE_FLOOD,
                               "too many connections", 30000);
        return NGX_DECLINED;
    }

    if (ngx_chat_session_set_user(s, user) != NGX_OK) {
        ngx_chat_session_abort(s, NGX_CHAT_CLOSE_TRY_LATER);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static void
ngx_chat_token_renew(ngx_chat_caller_t *c, ngx_chat_cmd_t *cmd,
    ngx_chat_user_t *user, time_t expires)
{
    ngx_uint_t           other;
    ngx_chat_session_t  *s;

    s = c->session;

    other = !ngx_chat_token_same(&user->id, &s->user.id)
            || !ngx_chat_token_same(&user->name, &s->user.name);

    if (ngx_chat_dispatch_become(c, cmd, user) != NGX_OK) {
        return;
    }

    ngx_chat_session_expires(s, expires);

    if (other) {
        ngx_chat_dispatch_welcome(s, &cmd->reply_to);

    } else {
        ngx_chat_dispatch_done(c, cmd, NULL, NULL);
    }

    ngx_chat_token_leave(s);
}


/* rooms that the new token has no right to */

static void
ngx_chat_token_leave(ngx_chat_session_t *s)
{
    uint64_t              until;
    ngx_str_t             none;
    ngx_queue_t          *q, *next;
    ngx_chat_member_t    *m;
    ngx_chat_room_key_t  *key;
    ngx_chat_standing_t   st;

    ngx_str_null(&none);

    for (q = ngx_queue_head(&s->members);
         q != ngx_queue_sentinel(&s->members);
         q = next)
    {
        next = ngx_queue_next(q);
        m = ngx_queue_data(q, ngx_chat_member_t, queue);
        key = &m->sub.room->key;

        if (ngx_chat_standing(s->conf->zone, &s->user, key, &st, NULL)
            != NGX_OK
            || ngx_chat_standing_may(&st, &s->user, NGX_CHAT_MAY_JOIN,
                                     &key->name, &until)
               != NGX_CHAT_OK)
        {
            ngx_chat_member_leave(s, m, &none, "revoked");
        }
    }
}
