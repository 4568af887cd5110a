
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * The setter of chat_login, and what a location with it must have.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_http_chat_login.h"
#include "ngx_http_chat_set.h"
#include "ngx_chat_rate.h"


#if (NGX_THREADS)

static void ngx_http_chat_login_cleanup(void *data);

#endif

static ngx_uint_t ngx_http_chat_login_signer(ngx_http_chat_loc_conf_t *conf);
static char *ngx_http_chat_login_limits(ngx_conf_t *cf,
    ngx_http_chat_loc_conf_t *conf);


/*
 * How often, if "chat_limit login" doesn't say it: ten times at once and then
 * each two minutes for a name, thirty times and each thirty seconds from an
 * address.  These hold in a dry run, too.
 */

static ngx_chat_rate_rule_t  ngx_http_chat_login_rules[] = {

    { NGX_CHAT_RATE_LOGIN, NGX_CHAT_RATE_USER, 120000000, 9,
      ngx_string("login rate=30r/h burst=9 key=user"), 1 },

    { NGX_CHAT_RATE_LOGIN, NGX_CHAT_RATE_IP, 30000000, 29,
      ngx_string("login rate=120r/h burst=29 key=ip"), 1 }
};


/* chat_login FILE [expires=TIME]; */

char *
ngx_http_chat_set_login(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
#if (NGX_THREADS)

    ngx_http_chat_loc_conf_t  *clcf = conf;

    ngx_err_t               err;
    ngx_str_t              *arg, value;
    const char             *why;
    ngx_pool_cleanup_t     *cln;
    ngx_http_chat_login_t  *login;

    if (clcf->login != NULL) {
        return "is duplicate";
    }

    cln = ngx_pool_cleanup_add(cf->pool, sizeof(ngx_http_chat_login_t));
    if (cln == NULL) {
        return NGX_CONF_ERROR;
    }

    login = cln->data;
    ngx_memzero(login, sizeof(ngx_http_chat_login_t));
    cln->handler = ngx_http_chat_login_cleanup;

    clcf->login = login;
    login->expires = 12 * 3600;

    arg = cf->args->elts;

    if (cf->args->nelts > 2) {

        if (!ngx_http_chat_param(&arg[2], "expires", &value)) {
            return ngx_http_chat_bad_param(cf, cmd, &arg[2],
                                           "known is expires=");
        }

        login->expires = ngx_parse_time(&value, 1);

        /* NGX_ERROR is less, too */

        if (login->expires < 60 || login->expires > 365 * 86400) {
            return ngx_http_chat_bad_param(cf, cmd, &arg[2],
                                           "write a time of 1m to 365d, "
                                           "\"expires=12h\"");
        }
    }

    login->pool = ngx_thread_pool_add(cf, NULL);
    if (login->pool == NULL) {
        return NGX_CONF_ERROR;
    }

    login->passwd.file.name = arg[1];

    if (ngx_conf_full_name(cf->cycle, &login->passwd.file.name, 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (ngx_chat_passwd_load(&login->passwd, cf->log, &why, &err) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, err,
                           "\"chat_login\" can't use \"%V\": %s",
                           &login->passwd.file.name, why);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;

#else

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "\"chat_login\" needs an nginx with threads: build it "
                       "with \"--with-threads\"");
    return NGX_CONF_ERROR;

#endif
}


#if (NGX_THREADS)

static void
ngx_http_chat_login_cleanup(void *data)
{
    ngx_http_chat_login_t *login = data;

    ngx_chat_passwd_unload(&login->passwd);
}

#endif


char *
ngx_http_chat_login_conf(ngx_conf_t *cf, ngx_http_chat_loc_conf_t *conf)
{
    ngx_str_t  *name;

    if (conf->login == NULL) {
        return NGX_CONF_OK;
    }

    name = &conf->clcf->name;

    if (!ngx_http_chat_login_signer(conf)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"chat_login\" in location \"%V\" needs a secret "
                           "to sign tokens with: write \"chat_jwt_key FILE "
                           "alg=HS256;\" with a file of 32 random bytes",
                           name);
        return NGX_CONF_ERROR;
    }

    if (conf->room != NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"chat_login\" can't be with \"chat_room\" in "
                           "location \"%V\": it is a POST to \"login\" behind "
                           "the location's path", name);
        return NGX_CONF_ERROR;
    }

    if (conf->jwt.cookie.len == 0) {
        ngx_str_set(&conf->jwt.cookie, "cookie___Host-chat_login");

    } else if (ngx_strncmp(conf->jwt.cookie.data, "cookie___Host-", 14) != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"chat_login\" in location \"%V\" sets the cookie "
                           "of \"chat_jwt_cookie\", whose name must begin "
                           "with \"__Host-\" then, or is __Host-chat_login if "
                           "that isn't written", name);
        return NGX_CONF_ERROR;
    }

    if (conf->jwt.lifetime > 0 && conf->login->expires > conf->jwt.lifetime) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"expires=\" of \"chat_login\" (%T s) in location "
                           "\"%V\" must not be more than "
                           "\"chat_jwt_lifetime\" (%T s)",
                           conf->login->expires, name, conf->jwt.lifetime);
        return NGX_CONF_ERROR;
    }

    return ngx_http_chat_login_limits(cf, conf);
}


static ngx_uint_t
ngx_http_chat_login_signer(ngx_http_chat_loc_conf_t *conf)
{
    ngx_uint_t             i;
    ngx_chat_keys_file_t  *f;

    if (conf->jwt.files == NULL) {
        return 0;
    }

    f = conf->jwt.files->elts;

    for (i = 0; i < conf->jwt.files->nelts; i++) {
        if (!f[i].set && f[i].keys != NULL && f[i].keys->n > 0
            && f[i].keys->key[0].pkey == NULL)
        {
            return 1;
        }
    }

    return 0;
}


/* a list of its own: the other one is also other locations' */

static char *
ngx_http_chat_login_limits(ngx_conf_t *cf, ngx_http_chat_loc_conf_t *conf)
{
    ngx_uint_t             i, n;
    ngx_array_t           *limits;
    ngx_chat_rate_rule_t  *rule, *copy;

    n = (conf->limits != NULL) ? conf->limits->nelts : 0;
    rule = (n > 0) ? conf->limits->elts : NULL;

    for (i = 0; i < n; i++) {
        if (rule[i].what == NGX_CHAT_RATE_LOGIN) {
            return NGX_CONF_OK;
        }
    }

    limits = ngx_array_create(cf->pool, n + 2, sizeof(ngx_chat_rate_rule_t));
    if (limits == NULL) {
        return NGX_CONF_ERROR;
    }

    copy = ngx_array_push_n(limits, n + 2);
    if (copy == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 0; i < n; i++) {
        copy[i] = rule[i];
    }

    copy[n] = ngx_http_chat_login_rules[0];
    copy[n + 1] = ngx_http_chat_login_rules[1];

    conf->chat.limits = limits;

    return NGX_CONF_OK;
}
