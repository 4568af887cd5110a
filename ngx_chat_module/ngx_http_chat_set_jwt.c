
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Setters of chat_jwt_*, and what they come to in a location.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_http_chat_set.h"


#define NGX_HTTP_CHAT_JWT_FILES    16
#define NGX_HTTP_CHAT_JWT_REFRESH  300


static ngx_int_t ngx_http_chat_jwt_algs(ngx_conf_t *cf, ngx_str_t *value,
    ngx_uint_t *algs);
static char *ngx_http_chat_jwt_params(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_chat_keys_file_t *f);
static char *ngx_http_chat_jwt_file(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_chat_keys_file_t *f);
static char *ngx_http_chat_jwt_url(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_chat_keys_file_t *f);
static void ngx_http_chat_jwt_cleanup(void *data);


/*
 * chat_jwt_key FILE alg=A[,B];
 * chat_jwt_jwks FILE|URL alg=A[,B] [iss=ISSUER] [refresh=TIME];
 */

char *
ngx_http_chat_set_jwt_key(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_chat_loc_conf_t  *clcf = conf;

    char                  *rv;
    ngx_str_t             *arg;
    ngx_chat_keys_file_t  *f;

    arg = cf->args->elts;

    if (clcf->jwt.files == NULL) {
        /* cleanups have its elements: it must not move */
        clcf->jwt.files = ngx_array_create(cf->pool, NGX_HTTP_CHAT_JWT_FILES,
                                           sizeof(ngx_chat_keys_file_t));
        if (clcf->jwt.files == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    if (clcf->jwt.files->nelts == NGX_HTTP_CHAT_JWT_FILES) {
        return "has more than 16 files: put keys together into one JWKS";
    }

    f = ngx_array_push(clcf->jwt.files);
    if (f == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(f, sizeof(ngx_chat_keys_file_t));

    f->set = (cmd->name.len == sizeof("chat_jwt_jwks") - 1);
    f->name = arg[1];

    rv = ngx_http_chat_jwt_params(cf, cmd, f);

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    if (f->set && arg[1].len >= 7
        && ngx_strncasecmp(arg[1].data, (u_char *) "http", 4) == 0
        && ngx_strlchr(arg[1].data, arg[1].data + 6, ':') != NULL)
    {
        return ngx_http_chat_jwt_url(cf, cmd, f);
    }

    if (f->every != 0) {
        return ngx_http_chat_bad_param(cf, cmd, &arg[1],
                                       "\"refresh=\" is for a URL, a file is "
                                       "read again when it has changed");
    }

    return ngx_http_chat_jwt_file(cf, cmd, f);
}


static char *
ngx_http_chat_jwt_params(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_chat_keys_file_t *f)
{
    char        *rv;
    ngx_str_t   *arg, value;
    ngx_uint_t   i;

    arg = cf->args->elts;

    rv = ngx_http_chat_param_twice(cf, cmd, 2);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    for (i = 2; i < cf->args->nelts; i++) {

        if (ngx_http_chat_param(&arg[i], "alg", &value)) {

            if (ngx_http_chat_jwt_algs(cf, &value, &f->algs) != NGX_OK) {
                return ngx_http_chat_bad_param(cf, cmd, &arg[i],
                              "known are HS256, RS256, PS256, ES256, the same "
                              "with 384 and 512, and EdDSA; not HS beside "
                              "others");
            }

        } else if (f->set && ngx_http_chat_param(&arg[i], "iss", &f->iss)
                   && f->iss.len > 0)
        {
            continue;

        } else if (f->set
                   && ngx_http_chat_param(&arg[i], "refresh", &value))
        {
            f->every = ngx_parse_time(&value, 1);

            if (f->every == NGX_ERROR || f->every < 1 || f->every > 86400) {
                return ngx_http_chat_bad_param(cf, cmd, &arg[i],
                                      "write a time of 1s to 1d, "
                                      "\"refresh=5m\"");
            }

        } else if (f->set) {
            return ngx_http_chat_bad_param(cf, cmd, &arg[i],
                                  "known are alg=, iss= and refresh=");

        } else {
            break;
        }
    }

    if (f->algs == 0) {
        return ngx_http_chat_bad_param(cf, cmd, &arg[2],
                                       "write \"FILE alg=ES256\", with the "
                                       "algorithms that tokens may have");
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_chat_jwt_file(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_chat_keys_file_t *f)
{
    ngx_err_t            err;
    const char          *why;
    ngx_pool_cleanup_t  *cln;

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NGX_CONF_ERROR;
    }

    if (ngx_conf_full_name(cf->cycle, &f->name, 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (ngx_chat_keys_load(f, cf->log, &why, &err) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, err,
                           "\"%V\" can't use the keys in \"%V\": %s",
                           &cmd->name, &f->name, why);
        return NGX_CONF_ERROR;
    }

    /* cf->log is of the configuration before, which goes when this comes */
    f->keys->pool->log = &cf->cycle->new_log;

    cln->handler = ngx_http_chat_jwt_cleanup;
    cln->data = f;

    return NGX_CONF_OK;
}


/* nothing is fetched before there are workers: the source may be one of them */

static char *
ngx_http_chat_jwt_url(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_chat_keys_file_t *f)
{
    ngx_int_t                    rc;
    const char                  *why;
    ngx_pool_cleanup_t          *cln;
    ngx_chat_keys_file_t       **jwks;
    ngx_http_chat_main_conf_t   *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_chat_module);

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    jwks = ngx_array_push(&cmcf->jwks);
    f->url = ngx_palloc(cf->pool, sizeof(ngx_chat_fetch_url_t));

    if (cln == NULL || jwks == NULL || f->url == NULL) {
        return NGX_CONF_ERROR;
    }

    rc = ngx_chat_fetch_url(cf->pool, &f->name, f->url, &why);

    if (rc == NGX_ERROR) {
        return NGX_CONF_ERROR;
    }

    if (rc == NGX_DECLINED) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" can't fetch from \"%V\": %s",
                           &cmd->name, &f->name, why);
        return NGX_CONF_ERROR;
    }

    *jwks = f;

    if (f->every == 0) {
        f->every = NGX_HTTP_CHAT_JWT_REFRESH;
    }

    cln->handler = ngx_http_chat_jwt_cleanup;
    cln->data = f;

    return NGX_CONF_OK;
}


void
ngx_http_chat_jwt_start(ngx_http_chat_main_conf_t *cmcf, ngx_cycle_t *cycle)
{
    ngx_uint_t              i;
    ngx_chat_keys_file_t  **jwks;

    jwks = cmcf->jwks.elts;

    for (i = 0; i < cmcf->jwks.nelts; i++) {
        ngx_chat_keys_start(jwks[i], cycle->log);
    }
}


void
ngx_http_chat_jwt_stop(ngx_http_chat_main_conf_t *cmcf)
{
    ngx_uint_t              i;
    ngx_chat_keys_file_t  **jwks;

    jwks = cmcf->jwks.elts;

    for (i = 0; i < cmcf->jwks.nelts; i++) {
        ngx_chat_keys_stop(jwks[i]);
    }
}


static void
ngx_http_chat_jwt_cleanup(void *data)
{
    ngx_chat_keys_unload(data);
}


/* a secret and a public key are never taken for each other */

static ngx_int_t
ngx_http_chat_jwt_algs(ngx_conf_t *cf, ngx_str_t *value, ngx_uint_t *algs)
{
    u_char      *p, *comma, *last;
    ngx_int_t    alg;
    ngx_str_t    name;
    ngx_uint_t   secret;

    p = value->data;
    last = p + value->len;
    secret = 0;

    for ( ;; ) {
        comma = ngx_strlchr(p, last, ',');

        name.data = p;
        name.len = (size_t) ((comma ? comma : last) - p);

        alg = ngx_chat_jwt_alg(&name);

        if (alg == NGX_ERROR) {
            return NGX_ERROR;
        }

        *algs |= (ngx_uint_t) 1 << alg;

        secret |= (ngx_chat_jwt_algs[alg].family == NGX_CHAT_JWT_HMAC) ? 1 : 2;

        if (comma == NULL) {
            return (secret != 3) ? NGX_OK : NGX_ERROR;
        }

        p = comma + 1;
    }
}


/* chat_jwt_iss VALUE ...; chat_jwt_aud VALUE ...; cmd->offset is the list's */

char *
ngx_http_chat_set_jwt_list(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t    *arg, *value;
    ngx_uint_t    i;
    ngx_array_t **list;

    list = (ngx_array_t **) ((u_char *) conf + cmd->offset);

    if (*list != NULL) {
        return "is duplicate";
    }

    *list = ngx_array_create(cf->pool, cf->args->nelts, sizeof(ngx_str_t));
    if (*list == NULL) {
        return NGX_CONF_ERROR;
    }

    arg = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        if (arg[i].len == 0) {
            return ngx_http_chat_bad_param(cf, cmd, &arg[i],
                                           "write what the claim must be");
        }

        value = ngx_array_push(*list);
        if (value == NULL) {
            return NGX_CONF_ERROR;
        }

        *value = arg[i];
    }

    return NGX_CONF_OK;
}


/* chat_jwt_exp required | optional; */

char *
ngx_http_chat_set_jwt_exp(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_chat_loc_conf_t  *clcf = conf;

    ngx_str_t  *arg;

    if (clcf->jwt.exp_optional != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    arg = cf->args->elts;

    if (ngx_strcmp(arg[1].data, "required") == 0) {
        clcf->jwt.exp_optional = 0;

    } else if (ngx_strcmp(arg[1].data, "optional") == 0) {
        clcf->jwt.exp_optional = 1;

    } else {
        return ngx_http_chat_bad_param(cf, cmd, &arg[1],
                                       "write \"chat_jwt_exp required;\" or "
                                       "\"chat_jwt_exp optional;\"");
    }

    return NGX_CONF_OK;
}


/* chat_jwt_claim [user=CLAIM] [name=CLAIM] [roles=CLAIM] [rooms=CLAIM]; */

char *
ngx_http_chat_set_jwt_claim(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_chat_loc_conf_t  *clcf = conf;

    char        *rv;
    ngx_str_t   *arg;
    ngx_uint_t   i;

    rv = ngx_http_chat_param_twice(cf, cmd, 1);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    if (clcf->jwt.claims) {
        return "is duplicate";
    }

    clcf->jwt.claims = 1;
    arg = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        if ((ngx_http_chat_param(&arg[i], "user", &clcf->jwt.user)
             && clcf->jwt.user.len > 0)
            || (ngx_http_chat_param(&arg[i], "name", &clcf->jwt.name)
                && clcf->jwt.name.len > 0)
            || (ngx_http_chat_param(&arg[i], "roles", &clcf->jwt.roles)
                && clcf->jwt.roles.len > 0)
            || (ngx_http_chat_param(&arg[i], "rooms", &clcf->jwt.rooms)
                && clcf->jwt.rooms.len > 0))
        {
            continue;
        }

        return ngx_http_chat_bad_param(cf, cmd, &arg[i],
                                       "known are user=, name=, roles= and "
                                       "rooms=, with the name of a claim, "
                                       "\"a.b\" for b of the object a");
    }

    return NGX_CONF_OK;
}


/* chat_jwt_cookie NAME; */

char *
ngx_http_chat_set_jwt_cookie(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_chat_loc_conf_t  *clcf = conf;

    u_char      ch, *p;
    size_t      i;
    ngx_str_t  *arg, *variable;

    variable = &clcf->jwt.cookie;

    if (variable->data != NULL) {
        return "is duplicate";
    }

    arg = cf->args->elts;

    for (i = 0; i < arg[1].len; i++) {
        ch = arg[1].data[i];

        if ((ch | 0x20) < 'a' || (ch | 0x20) > 'z') {
            if ((ch < '0' || ch > '9') && ch != '_' && ch != '-') {
                break;
            }
        }
    }

    if (i == 0 || i < arg[1].len) {
        return ngx_http_chat_bad_param(cf, cmd, &arg[1],
                                       "write the name of a cookie, of "
                                       "letters, digits, \"_\" and \"-\"");
    }

    p = ngx_pnalloc(cf->pool, sizeof("cookie_") - 1 + arg[1].len);
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    variable->data = p;
    p = ngx_cpymem(p, "cookie_", sizeof("cookie_") - 1);
    p = ngx_cpymem(p, arg[1].data, arg[1].len);
    variable->len = (size_t) (p - variable->data);

    return NGX_CONF_OK;
}


void
ngx_http_chat_jwt_create(ngx_http_chat_jwt_conf_t *conf)
{
    conf->leeway = NGX_CONF_UNSET;
    conf->lifetime = NGX_CONF_UNSET;
    conf->exp_optional = NGX_CONF_UNSET_UINT;
}


void
ngx_http_chat_jwt_merge(ngx_http_chat_jwt_conf_t *conf,
    ngx_http_chat_jwt_conf_t *prev)
{
    if (conf->iss == NULL) {
        conf->iss = prev->iss;
    }

    if (conf->aud == NULL) {
        conf->aud = prev->aud;
    }

    ngx_conf_merge_sec_value(conf->leeway, prev->leeway, 30);
    ngx_conf_merge_sec_value(conf->lifetime, prev->lifetime, 86400);
    ngx_conf_merge_uint_value(conf->exp_optional, prev->exp_optional, 0);

    ngx_conf_merge_str_value(conf->cookie, prev->cookie, "");

    /* all of one directive, written or not */

    if (!conf->claims && prev->claims) {
        conf->claims = 1;
        conf->user = prev->user;
        conf->name = prev->name;
        conf->roles = prev->roles;
        conf->rooms = prev->rooms;
    }

    ngx_conf_merge_str_value(conf->user, conf->user, "sub");
    ngx_conf_merge_str_value(conf->name, conf->name, "name");
    ngx_conf_merge_str_value(conf->roles, conf->roles, "roles");
    ngx_conf_merge_str_value(conf->rooms, conf->rooms, "rooms");
}


char *
ngx_http_chat_jwt_check(ngx_conf_t *cf, ngx_http_chat_jwt_conf_t *conf,
    ngx_str_t *location, ngx_chat_auth_t **auth)
{
    ngx_uint_t                  i;
    ngx_chat_auth_t            *a;
    ngx_chat_keys_file_t       *f;
    ngx_http_chat_main_conf_t  *cmcf;

    if (conf->files == NULL) {
        return NGX_CONF_OK;
    }

    a = ngx_pcalloc(cf->pool, sizeof(ngx_chat_auth_t));
    if (a == NULL) {
        return NGX_CONF_ERROR;
    }

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_chat_module);

    a->claims = &cmcf->claims;
    a->files = conf->files;
    f = a->files->elts;

    for (i = 0; i < a->files->nelts; i++) {

        a->algs |= f[i].algs;

        if (f[i].set
            && ((conf->iss == NULL && f[i].iss.len == 0)
                || conf->aud == NULL))
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"chat_jwt_jwks\" in location \"%V\" lets in "
                               "whoever has a token for anything: write "
                               "\"chat_jwt_iss\" with the issuer and "
                               "\"chat_jwt_aud\" with the name that it has "
                               "for this service", location);
            return NGX_CONF_ERROR;
        }
    }

    a->rules.iss = conf->iss;
    a->rules.aud = conf->aud;
    a->rules.leeway = conf->leeway;
    a->rules.lifetime = conf->lifetime;
    a->rules.exp_optional = conf->exp_optional;
    a->rules.user = conf->user;
    a->rules.name = conf->name;
    a->rules.roles = conf->roles;
    a->rules.rooms = conf->rooms;

    *auth = a;

    return NGX_CONF_OK;
}
