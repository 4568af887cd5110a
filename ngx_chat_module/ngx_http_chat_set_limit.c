
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * chat_limit: how often something may be done.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_http_chat_set.h"


#define NGX_HTTP_CHAT_RATE_MAX   100000
#define NGX_HTTP_CHAT_BURST_MAX  100000


static char *ngx_http_chat_limit_off(ngx_conf_t *cf,
    ngx_http_chat_loc_conf_t *clcf);
static char *ngx_http_chat_limit_params(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_chat_rate_rule_t *rule);
static ngx_uint_t ngx_http_chat_limit_rate(ngx_str_t *value,
    uint64_t *interval);
static char *ngx_http_chat_limit_key(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_str_t *arg, ngx_str_t *value, ngx_chat_rate_rule_t *rule);
static char *ngx_http_chat_limit_line(ngx_conf_t *cf, ngx_str_t *rate,
    ngx_chat_rate_rule_t *rule);
static ngx_int_t ngx_http_chat_limit_word(const char **words,
    ngx_str_t *value);


static const char  *ngx_http_chat_limit_whats[] = {
    "connect", "command", "join", "message", "history", "guest",
    "login", NULL
};

static const char  *ngx_http_chat_limit_keys[] = {
    "user", "ip", "session", "room", NULL
};


/* chat_limit off | WHAT rate=Nr/s|r/m|r/h [burst=N] [key=KEY]; */

char *
ngx_http_chat_set_limit(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_chat_loc_conf_t  *clcf = conf;

    char                  *rv;
    ngx_int_t              what;
    ngx_str_t             *arg;
    ngx_uint_t             i;
    ngx_chat_rate_rule_t  *rule, *other;

    arg = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(arg[1].data, "off") == 0) {
        return ngx_http_chat_limit_off(cf, clcf);
    }

    if (clcf->limits == NGX_CONF_UNSET_PTR) {
        clcf->limits = ngx_array_create(cf->pool, 4,
                                        sizeof(ngx_chat_rate_rule_t));
        if (clcf->limits == NULL) {
            return NGX_CONF_ERROR;
        }

    } else if (clcf->limits == NULL) {
        return "is \"off\" already: remove that line or this one";
    }

    if (clcf->limits->nelts == NGX_CHAT_RATES) {
        return "is there eight times already, which is the most: remove one";
    }

    what = ngx_http_chat_limit_word(ngx_http_chat_limit_whats, &arg[1]);

    if (what == NGX_ERROR) {
        return ngx_http_chat_bad_param(cf, cmd, &arg[1],
                                       "write what is limited: connect, "
                                       "command, join, message, history, "
                                       "guest or login");
    }

    rule = ngx_array_push(clcf->limits);
    if (rule == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(rule, sizeof(ngx_chat_rate_rule_t));
    rule->what = (ngx_chat_rate_what_e) what;

    rv = ngx_http_chat_limit_params(cf, cmd, rule);

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    other = clcf->limits->elts;

    for (i = 0; &other[i] != rule; i++) {
        if (other[i].line.len == rule->line.len
            && ngx_strncmp(other[i].line.data, rule->line.data,
                           rule->line.len) == 0)
        {
            return "is duplicate";
        }
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_chat_limit_off(ngx_conf_t *cf, ngx_http_chat_loc_conf_t *clcf)
{
    if (clcf->limits != NGX_CONF_UNSET_PTR) {
        return "can't be \"off\" beside other lines: remove this one or them";
    }

    clcf->limits = NULL;

    return NGX_CONF_OK;
}


static char *
ngx_http_chat_limit_params(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_chat_rate_rule_t *rule)
{
    char        *rv;
    ngx_int_t    n;
    ngx_str_t   *arg, value, rate;
    ngx_uint_t   i;

    if (ngx_http_chat_param_twice(cf, cmd, 2) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    arg = cf->args->elts;

    ngx_str_null(&rate);

    rule->key = (rule->what == NGX_CHAT_RATE_CONNECT
                 || rule->what == NGX_CHAT_RATE_GUEST)
                ? NGX_CHAT_RATE_IP : NGX_CHAT_RATE_USER;

    for (i = 2; i < cf->args->nelts; i++) {

        if (ngx_http_chat_param(&arg[i], "rate", &rate)) {

            if (!ngx_http_chat_limit_rate(&rate, &rule->interval)) {
                return ngx_http_chat_bad_param(cf, cmd, &arg[i],
                                   "write a rate of 1 to 100000 a second, "
                                   "minute or hour, \"rate=5r/s\", "
                                   "\"rate=30r/m\" or \"rate=100r/h\"");
            }

        } else if (ngx_http_chat_param(&arg[i], "burst", &value)) {
            n = ngx_http_chat_number(&value, 0, NGX_HTTP_CHAT_BURST_MAX);

            if (n == NGX_ERROR) {
                return ngx_http_chat_bad_param(cf, cmd, &arg[i],
                                   "write a number of 0 to 100000, "
                                   "\"burst=20\"");
            }

            rule->burst = (uint64_t) n;

        } else if (ngx_http_chat_param(&arg[i], "key", &value)) {
            rv = ngx_http_chat_limit_key(cf, cmd, &arg[i], &value, rule);

            if (rv != NGX_CONF_OK) {
                return rv;
            }

        } else {
            return ngx_http_chat_bad_param(cf, cmd, &arg[i],
                                           "known are rate=, burst= and key=");
        }
    }

    if (rate.len == 0) {
        return "needs a rate: add \"rate=5r/s\"";
    }

    return ngx_http_chat_limit_line(cf, &rate, rule);
}


static ngx_uint_t
ngx_http_chat_limit_rate(ngx_str_t *value, uint64_t *interval)
{
    uint64_t   second;
    ngx_int_t  n;
    ngx_str_t  number;

    if (value->len < 4
        || ngx_strncmp(value->data + value->len - 3, "r/", 2) != 0)
    {
        return 0;
    }

    second = 1000000;

    switch (value->data[value->len - 1]) {

    case 's':
        break;

    case 'm':
        second *= 60;
        break;

    case 'h':
        second *= 3600;
        break;

    default:
        return 0;
    }

    number.data = value->data;
    number.len = value->len - 3;

    n = ngx_http_chat_number(&number, 1, NGX_HTTP_CHAT_RATE_MAX);

    if (n == NGX_ERROR) {
        return 0;
    }

    *interval = second / (uint64_t) n;

    return 1;
}


static char *
ngx_http_chat_limit_key(ngx_conf_t *cf, ngx_command_t *cmd, ngx_str_t *arg,
    ngx_str_t *value, ngx_chat_rate_rule_t *rule)
{
    ngx_int_t  key;

    key = ngx_http_chat_limit_word(ngx_http_chat_limit_keys, value);

    if (key == NGX_ERROR) {
        return ngx_http_chat_bad_param(cf, cmd, arg,
                       "write key=user, key=ip, key=session or key=room");
    }

    rule->key = (ngx_chat_rate_key_e) key;

    if (rule->what == NGX_CHAT_RATE_CONNECT
        && rule->key != NGX_CHAT_RATE_USER && rule->key != NGX_CHAT_RATE_IP)
    {
        return ngx_http_chat_bad_param(cf, cmd, arg,
                      "who connects is in no room yet, write key=ip or "
                      "key=user");
    }

    if (rule->what == NGX_CHAT_RATE_GUEST && rule->key != NGX_CHAT_RATE_IP) {
        return ngx_http_chat_bad_param(cf, cmd, arg,
                      "a new guest is known by his address only, write "
                      "key=ip");
    }

    if (rule->what == NGX_CHAT_RATE_LOGIN && rule->key != NGX_CHAT_RATE_IP
        && rule->key != NGX_CHAT_RATE_USER)
    {
        return ngx_http_chat_bad_param(cf, cmd, arg,
                      "who logs in has no session and is in no room, write "
                      "key=user or key=ip");
    }

    if (rule->what == NGX_CHAT_RATE_COMMAND
        && rule->key == NGX_CHAT_RATE_ROOM)
    {
        return ngx_http_chat_bad_param(cf, cmd, arg,
                      "not every command has a room, write key=user, key=ip "
                      "or key=session");
    }

    return NGX_CONF_OK;
}


/* with the defaults: equal lines have one name, and so one bucket */

static char *
ngx_http_chat_limit_line(ngx_conf_t *cf, ngx_str_t *rate,
    ngx_chat_rate_rule_t *rule)
{
    size_t   len;
    u_char  *p;

    len = sizeof("connect rate= burst= key=session") + rate->len
          + NGX_INT64_LEN;

    p = ngx_pnalloc(cf->pool, len);
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    rule->line.data = p;
    p = ngx_snprintf(p, len, "%s rate=%V burst=%uL key=%s",
                     ngx_http_chat_limit_whats[rule->what], rate, rule->burst,
                     ngx_http_chat_limit_keys[rule->key]);
    rule->line.len = (size_t) (p - rule->line.data);

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_chat_limit_word(const char **words, ngx_str_t *value)
{
    ngx_int_t  i;

    for (i = 0; words[i] != NULL; i++) {
        if (value->len == ngx_strlen(words[i])
            && ngx_strncmp(value->data, words[i], value->len) == 0)
        {
            return i;
        }
    }

    return NGX_ERROR;
}
