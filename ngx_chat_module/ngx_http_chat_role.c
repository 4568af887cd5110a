
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * chat_role gives users roles, chat_allow says what a role may do.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_http_chat_set.h"
#include "ngx_chat_name.h"
#include "ngx_chat_policy.h"


/* bytes of a role's name */
#define NGX_HTTP_CHAT_ROLE_MAX  64


/* a line of chat_role: a role for some users, or a value with names of roles */

typedef struct {
    ngx_chat_role_line_t       line;         /* first */
    ngx_http_complex_value_t  *value;
} ngx_http_chat_role_t;


static char *ngx_http_chat_role_users(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_http_chat_role_t *line);
static char *ngx_http_chat_role_value(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_http_chat_role_t *line);
static ngx_uint_t ngx_http_chat_role_valid(ngx_str_t *role);
static ngx_int_t ngx_http_chat_roles_line(ngx_http_request_t *r,
    ngx_http_chat_role_t *line, ngx_http_chat_ctx_t *ctx,
    ngx_array_t *roles);
static ngx_int_t ngx_http_chat_roles_add(ngx_array_t *roles, ngx_str_t *role);


#define NGX_HTTP_CHAT_ACTIONS                                                 \
    "connect, join, read, send, history, signal, edit-own, edit-any, "        \
    "delete-own, delete-any, react, presence, direct, room, invite, mute, "   \
    "kick, ban, admin"


/* chat_allow ROLE ACTION ... [room=PATTERN]; */

char *
ngx_http_chat_set_allow(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_chat_loc_conf_t  *clcf = conf;

    ngx_int_t          action;
    ngx_str_t         *arg;
    ngx_uint_t         i;
    ngx_chat_allow_t  *allow;

    if (clcf->allow == NGX_CONF_UNSET_PTR) {
        clcf->allow = ngx_array_create(cf->pool, 4, sizeof(ngx_chat_allow_t));
        if (clcf->allow == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    arg = cf->args->elts;

    if (!ngx_http_chat_role_valid(&arg[1])) {
        return ngx_http_chat_bad_param(cf, cmd, &arg[1],
                           "write the name of a role, guest, member, "
                           "moderator, owner or one of your own");
    }

    allow = ngx_array_push(clcf->allow);
    if (allow == NULL) {
        return NGX_CONF_ERROR;
    }

    allow->role = arg[1];
    allow->rank = ngx_chat_role_rank(&arg[1]);
    allow->actions = 0;
    ngx_str_null(&allow->pattern);

    for (i = 2; i < cf->args->nelts; i++) {

        if (allow->pattern.len == 0
            && ngx_http_chat_param(&arg[i], "room", &allow->pattern)
            && allow->pattern.len > 0)
        {
            continue;
        }

        action = ngx_chat_action(&arg[i]);

        if (action == NGX_ERROR) {
            return ngx_http_chat_bad_param(cf, cmd, &arg[i],
                           "known are " NGX_HTTP_CHAT_ACTIONS
                           " and one room=PATTERN");
        }

        allow->actions |= (ngx_uint_t) 1 << action;
    }

    if (allow->actions == 0) {
        return "needs an action, one of " NGX_HTTP_CHAT_ACTIONS;
    }

    if (allow->pattern.len == 0) {
        ngx_str_set(&allow->pattern, "*");

    } else if (allow->actions & (1 << NGX_CHAT_MAY_CONNECT)) {
        return "has \"connect\" with \"room=\": who connects is in no room "
               "yet, write two lines";
    }

    return NGX_CONF_OK;
}


/* chat_role ROLE user=ID ...; or chat_role VALUE [trusted]; */

char *
ngx_http_chat_set_role(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_chat_loc_conf_t  *clcf = conf;

    ngx_str_t             *arg;
    ngx_http_chat_role_t  *line;

    if (clcf->roles == NGX_CONF_UNSET_PTR) {
        clcf->roles = ngx_array_create(cf->pool, 4,
                                       sizeof(ngx_http_chat_role_t));
        if (clcf->roles == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    line = ngx_array_push(clcf->roles);
    if (line == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(line, sizeof(ngx_http_chat_role_t));

    arg = cf->args->elts;

    return (ngx_http_script_variables_count(&arg[1]) > 0)
           ? ngx_http_chat_role_value(cf, cmd, line)
           : ngx_http_chat_role_users(cf, cmd, line);
}


static char *
ngx_http_chat_role_users(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_http_chat_role_t *line)
{
    ngx_str_t   *arg, *user, value;
    ngx_uint_t   i;

    arg = cf->args->elts;

    if (!ngx_http_chat_role_valid(&arg[1])) {
        return ngx_http_chat_bad_param(cf, cmd, &arg[1],
                           "write the name of a role, or a variable whose "
                           "value has names of roles");
    }

    if (cf->args->nelts == 2) {
        return "needs users: add \"user=ID\", or write a variable";
    }

    line->line.role = arg[1];

    if (ngx_array_init(&line->line.users, cf->pool, cf->args->nelts,
                       sizeof(ngx_str_t))
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    for (i = 2; i < cf->args->nelts; i++) {

        if (!ngx_http_chat_param(&arg[i], "user", &value)
            || ngx_chat_user_id_valid(&value, 0) != NGX_OK)
        {
            return ngx_http_chat_bad_param(cf, cmd, &arg[i],
                           "write \"user=ID\" with the id of a user who is "
                           "no guest");
        }

        user = ngx_array_push(&line->line.users);
        if (user == NULL) {
            return NGX_CONF_ERROR;
        }

        *user = value;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_chat_role_value(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_http_chat_role_t *line)
{
    ngx_str_t   *arg;
    ngx_uint_t   trusted;

    arg = cf->args->elts;

    trusted = cf->args->nelts == 3
              && ngx_strcmp(arg[2].data, "trusted") == 0;

    if (cf->args->nelts > 2 && !trusted) {
        return ngx_http_chat_bad_param(cf, cmd, &arg[2],
                                    "known is \"trusted\" behind a variable");
    }

    if (!trusted && ngx_http_chat_spoofable(&arg[1])) {
        return ngx_http_chat_bad_param(cf, cmd, &arg[1],
                           "clients choose this value and so their roles: use "
                           "a variable that an access module sets, or add "
                           "\"trusted\" if a proxy in front overwrites it");
    }

    line->value = ngx_http_chat_complex(cf, &arg[1]);

    return (line->value != NULL) ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static ngx_uint_t
ngx_http_chat_role_valid(ngx_str_t *role)
{
    u_char      ch;
    ngx_uint_t  i;

    for (i = 0; i < role->len; i++) {
        ch = role->data[i];

        if (!(ch >= 'a' && ch <= 'z') && !(ch >= 'A' && ch <= 'Z')
            && !(ch >= '0' && ch <= '9') && ch != '-' && ch != '_'
            && ch != '.' && ch != ':')
        {
            return 0;
        }
    }

    return role->len > 0 && role->len <= NGX_HTTP_CHAT_ROLE_MAX;
}


ngx_int_t
ngx_http_chat_roles(ngx_http_request_t *r, ngx_http_chat_loc_conf_t *clcf,
    ngx_http_chat_ctx_t *ctx)
{
    ngx_str_t              none;
    ngx_uint_t             i;
    ngx_array_t            roles;
    ngx_http_chat_role_t  *line;

    ctx->user.allow = clcf->allow;

    if (clcf->roles != NULL) {

        if (ngx_chat_user_give_roles(&ctx->user, clcf->roles, r->pool)
            != NGX_OK
            || ngx_array_init(&roles, r->pool, 4, sizeof(ngx_str_t))
               != NGX_OK)
        {
            return NGX_ERROR;
        }

        for (i = 0; i < ctx->user.roles.n; i++) {
            if (ngx_http_chat_roles_add(&roles, &ctx->user.roles.names[i])
                != NGX_OK)
            {
                return NGX_ERROR;
            }
        }

        line = clcf->roles->elts;

        for (i = 0; i < clcf->roles->nelts; i++) {
            if (ngx_http_chat_roles_line(r, &line[i], ctx, &roles) != NGX_OK)
            {
                return NGX_ERROR;
            }
        }

        ctx->user.roles.names = roles.elts;
        ctx->user.roles.n = roles.nelts;
    }

    ngx_str_null(&none);

    return (ngx_chat_policy(&ctx->user, NGX_CHAT_MAY_CONNECT, &none)
            == NGX_CHAT_OK)
           ? NGX_OK : NGX_DECLINED;
}


static ngx_int_t
ngx_http_chat_roles_line(ngx_http_request_t *r, ngx_http_chat_role_t *line,
    ngx_http_chat_ctx_t *ctx, ngx_array_t *roles)
{
    u_char     *p, *last;
    ngx_str_t   value, role;

    if (line->value == NULL) {
        return NGX_OK;
    }

    if (ngx_http_complex_value(r, line->value, &value) != NGX_OK) {
        return NGX_ERROR;
    }

    last = value.data + value.len;

    for (p = value.data; p < last; p = role.data + role.len + 1) {
        role.data = p;

        while (p < last && *p != ' ' && *p != ',') {
            p++;
        }

        role.len = (size_t) (p - role.data);

        if (ngx_http_chat_role_valid(&role)
            && ngx_http_chat_roles_add(roles, &role) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


ngx_uint_t
ngx_http_chat_roles_vary(ngx_array_t *roles)
{
    ngx_uint_t             i;
    ngx_http_chat_role_t  *line;

    if (roles == NULL) {
        return 0;
    }

    line = roles->elts;

    for (i = 0; i < roles->nelts; i++) {
        if (line[i].value != NULL) {
            return 1;
        }
    }

    return 0;
}


/* more than there may be are left out */

static ngx_int_t
ngx_http_chat_roles_add(ngx_array_t *roles, ngx_str_t *role)
{
    ngx_str_t  *name;

    if (roles->nelts >= NGX_CHAT_ROLES_MAX) {
        return NGX_OK;
    }

    name = ngx_array_push(roles);
    if (name == NULL) {
        return NGX_ERROR;
    }

    *name = *role;

    return NGX_OK;
}
