
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Setters of the directives that take more than one plain value.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_http_chat.h"


#define NGX_HTTP_CHAT_MESSAGE_MIN  1024
#define NGX_HTTP_CHAT_MESSAGE_MAX  (512 * 1024)


static ngx_http_chat_zone_t *ngx_http_chat_get_zone(ngx_conf_t *cf,
    ngx_str_t *name, const char *directive);
static ngx_uint_t ngx_http_chat_param(ngx_str_t *arg, const char *name,
    ngx_str_t *value);
static char *ngx_http_chat_bad_param(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_str_t *arg, const char *cure);
static ngx_int_t ngx_http_chat_number(ngx_str_t *value, ngx_int_t min,
    ngx_int_t max);
static ngx_uint_t ngx_http_chat_spoofable(ngx_str_t *value);
static ngx_http_complex_value_t *ngx_http_chat_complex(ngx_conf_t *cf,
    ngx_str_t *value);


/* finds a zone by its name, or notes that it must be defined somewhere */

static ngx_http_chat_zone_t *
ngx_http_chat_get_zone(ngx_conf_t *cf, ngx_str_t *name, const char *directive)
{
    ngx_uint_t                   i;
    ngx_http_chat_zone_t       **z, *zone;
    ngx_http_chat_main_conf_t   *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_chat_module);

    z = cmcf->zones.elts;

    for (i = 0; i < cmcf->zones.nelts; i++) {
        if (z[i]->zone.name.len == name->len
            && ngx_strncmp(z[i]->zone.name.data, name->data, name->len) == 0)
        {
            return z[i];
        }
    }

    zone = ngx_pcalloc(cf->pool, sizeof(ngx_http_chat_zone_t));
    if (zone == NULL) {
        return NULL;
    }

    zone->zone.name = *name;
    zone->zone.nonce_ttl = 300;
    zone->zone.session_rooms = NGX_CHAT_JOIN_MAX;
    zone->zone.log = &cf->cycle->new_log;

    zone->pool = cf->cycle->pool;
    zone->file = cf->conf_file->file.name.data;
    zone->line = cf->conf_file->line;
    zone->directive.data = (u_char *) directive;
    zone->directive.len = ngx_strlen(directive);

    if (ngx_array_init(&zone->zone.rules, cf->pool, 4,
                       sizeof(ngx_chat_rule_t))
        != NGX_OK)
    {
        return NULL;
    }

    z = ngx_array_push(&cmcf->zones);
    if (z == NULL) {
        return NULL;
    }

    *z = zone;

    return zone;
}


/* "name=value": 1, and the value */

static ngx_uint_t
ngx_http_chat_param(ngx_str_t *arg, const char *name, ngx_str_t *value)
{
    size_t  len;

    len = ngx_strlen(name);

    if (arg->len <= len || arg->data[len] != '='
        || ngx_strncmp(arg->data, name, len) != 0)
    {
        return 0;
    }

    value->data = arg->data + len + 1;
    value->len = arg->len - len - 1;

    return 1;
}


static char *
ngx_http_chat_bad_param(ngx_conf_t *cf, ngx_command_t *cmd, ngx_str_t *arg,
    const char *cure)
{
    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid parameter \"%V\" of \"%V\": %s",
                       arg, &cmd->name, cure);

    return NGX_CONF_ERROR;
}


static ngx_int_t
ngx_http_chat_number(ngx_str_t *value, ngx_int_t min, ngx_int_t max)
{
    ngx_int_t  n;

    n = ngx_atoi(value->data, value->len);

    return (n == NGX_ERROR || n < min || n > max) ? NGX_ERROR : n;
}


/* chat_zone zone=NAME:SIZE; */

char *
ngx_http_chat_set_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    u_char                *p;
    ssize_t                size;
    ngx_str_t             *arg, name, value;
    ngx_uint_t             i;
    ngx_http_chat_zone_t  *zone;

    arg = cf->args->elts;
    zone = NULL;

    for (i = 1; i < cf->args->nelts; i++) {

        if (!ngx_http_chat_param(&arg[i], "zone", &value) || zone != NULL) {
            return ngx_http_chat_bad_param(cf, cmd, &arg[i],
                                           "write \"zone=NAME:SIZE\" once");
        }

        p = ngx_strlchr(value.data, value.data + value.len, ':');

        if (p == NULL || p == value.data) {
            return ngx_http_chat_bad_param(cf, cmd, &arg[i],
                                  "write a name and a size, \"zone=main:64m\"");
        }

        name.data = value.data;
        name.len = (size_t) (p - value.data);

        value.len -= name.len + 1;
        value.data = p + 1;

        size = ngx_parse_size(&value);

        if (size == NGX_ERROR || (size_t) size < ngx_chat_zone_min_size()) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "the size in \"%V\" must be at least %uzk",
                               &arg[i], ngx_chat_zone_min_size() / 1024);
            return NGX_CONF_ERROR;
        }

        zone = ngx_http_chat_get_zone(cf, &name, "chat_zone");
        if (zone == NULL) {
            return NGX_CONF_ERROR;
        }

        if (zone->size != 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "chat zone \"%V\" is duplicate", &name);
            return NGX_CONF_ERROR;
        }

        zone->size = (size_t) size;
        zone->zone.shm_zone = ngx_shared_memory_add(cf, &zone->zone.name,
                                                    zone->size,
                                                    &ngx_chat_module);
        if (zone->zone.shm_zone == NULL) {
            return NGX_CONF_ERROR;
        }

        zone->zone.shm_zone->init = ngx_http_chat_init_zone;
        zone->zone.shm_zone->data = &zone->zone;
    }

    return NGX_CONF_OK;
}


/* chat_rooms ZONE PATTERN [history=N] [age=T] [size=S] [create=on|off]; */

char *
ngx_http_chat_set_rooms(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ssize_t                size;
    ngx_int_t              n;
    ngx_str_t             *arg, value;
    ngx_uint_t             i;
    ngx_chat_rule_t       *rule;
    ngx_http_chat_zone_t  *zone;

    arg = cf->args->elts;

    zone = ngx_http_chat_get_zone(cf, &arg[1], "chat_rooms");
    if (zone == NULL) {
        return NGX_CONF_ERROR;
    }

    rule = ngx_array_push(&zone->zone.rules);
    if (rule == NULL) {
        return NGX_CONF_ERROR;
    }

    rule->pattern = arg[2];
    rule->history = 1000;
    rule->age = 7 * 24 * 3600;
    rule->size = 0;
    rule->create = 1;

    if (arg[2].len > NGX_CHAT_ROOM_MAX
        || ngx_strlchr(arg[2].data, arg[2].data + arg[2].len, '=') != NULL)
    {
        return ngx_http_chat_bad_param(cf, cmd, &arg[2],
                     "write a room's name here, \"*\" stands for any part");
    }

    for (i = 3; i < cf->args->nelts; i++) {

        if (ngx_http_chat_param(&arg[i], "history", &value)) {
            n = ngx_http_chat_number(&value, 0, 10000000);

            if (n == NGX_ERROR) {
                return ngx_http_chat_bad_param(cf, cmd, &arg[i],
                               "write a number of events, 0 to 10000000");
            }

            rule->history = (ngx_uint_t) n;
            continue;
        }

        if (ngx_http_chat_param(&arg[i], "age", &value)) {
            rule->age = ngx_parse_time(&value, 1);

            if (rule->age == (time_t) NGX_ERROR || rule->age == 0) {
                return ngx_http_chat_bad_param(cf, cmd, &arg[i],
                                               "write a time, \"age=7d\"");
            }

            continue;
        }

        if (ngx_http_chat_param(&arg[i], "size", &value)) {
            size = ngx_parse_size(&value);

            if (size == NGX_ERROR || size < 16384) {
                return ngx_http_chat_bad_param(cf, cmd, &arg[i],
                               "write a size of at least 16k, \"size=1m\"");
            }

            rule->size = (size_t) size;
            continue;
        }

        if (ngx_strcmp(arg[i].data, "create=on") == 0) {
            rule->create = 1;
            continue;
        }

        if (ngx_strcmp(arg[i].data, "create=off") == 0) {
            rule->create = 0;
            continue;
        }

        return ngx_http_chat_bad_param(cf, cmd, &arg[i],
                             "known are history=, age=, size= and create=");
    }

    return NGX_CONF_OK;
}


/* chat_nonce ZONE [size=S] [ttl=T]; */

char *
ngx_http_chat_set_nonce(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ssize_t                size;
    time_t                 ttl;
    ngx_str_t             *arg, value;
    ngx_uint_t             i;
    ngx_http_chat_zone_t  *zone;

    arg = cf->args->elts;

    zone = ngx_http_chat_get_zone(cf, &arg[1], "chat_nonce");
    if (zone == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 2; i < cf->args->nelts; i++) {

        if (ngx_http_chat_param(&arg[i], "size", &value)) {
            size = ngx_parse_size(&value);

            if (size == NGX_ERROR || size < 65536) {
                return ngx_http_chat_bad_param(cf, cmd, &arg[i],
                               "write a size of at least 64k, \"size=4m\"");
            }

            zone->zone.nonce_size = (size_t) size;
            continue;
        }

        if (ngx_http_chat_param(&arg[i], "ttl", &value)) {
            ttl = ngx_parse_time(&value, 1);

            if (ttl == (time_t) NGX_ERROR || ttl < 1 || ttl > 86400) {
                return ngx_http_chat_bad_param(cf, cmd, &arg[i],
                               "write a time of 1s to 24h, \"ttl=5m\"");
            }

            zone->zone.nonce_ttl = ttl;
            continue;
        }

        return ngx_http_chat_bad_param(cf, cmd, &arg[i],
                                       "known are size= and ttl=");
    }

    return NGX_CONF_OK;
}


/* chat_max_rooms ZONE N [session=M]; */

char *
ngx_http_chat_set_max_rooms(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_int_t              n;
    ngx_str_t             *arg, value;
    ngx_uint_t             i;
    ngx_http_chat_zone_t  *zone;

    arg = cf->args->elts;

    zone = ngx_http_chat_get_zone(cf, &arg[1], "chat_max_rooms");
    if (zone == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 2; i < cf->args->nelts; i++) {

        if (ngx_http_chat_param(&arg[i], "session", &value)) {
            n = ngx_http_chat_number(&value, 1, 10000);

            if (n == NGX_ERROR) {
                return ngx_http_chat_bad_param(cf, cmd, &arg[i],
                                    "write a number of rooms, 1 to 10000");
            }

            zone->zone.session_rooms = (ngx_uint_t) n;
            continue;
        }

        n = ngx_http_chat_number(&arg[i], 1, 16 * 1024 * 1024);

        if (n == NGX_ERROR || i != 2) {
            return ngx_http_chat_bad_param(cf, cmd, &arg[i],
                      "write the zone, a number of rooms and \"session=N\"");
        }

        zone->zone.max_rooms = (ngx_uint_t) n;
    }

    return NGX_CONF_OK;
}


char *
ngx_http_chat_set_chat(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_chat_loc_conf_t  *clcf = conf;

    ngx_str_t                  *arg;
    ngx_http_chat_zone_t       *zone;
    ngx_http_core_loc_conf_t   *core;
    ngx_http_chat_location_t   *l;
    ngx_http_chat_main_conf_t  *cmcf;

    if (clcf->chat.zone != NULL) {
        return "is duplicate";
    }

    if (clcf->status != NULL) {
        return "can't be beside \"chat_status\" in one location";
    }

    arg = cf->args->elts;

    zone = ngx_http_chat_get_zone(cf, &arg[1], "chat");
    if (zone == NULL) {
        return NGX_CONF_ERROR;
    }

    core = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    clcf->chat.zone = &zone->zone;
    clcf->chat.broker = &ngx_chat_broker_local;
    clcf->clcf = core;

    core->handler = ngx_http_chat_handler;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_chat_module);

    l = ngx_array_push(&cmcf->locations);
    if (l == NULL) {
        return NGX_CONF_ERROR;
    }

    l->cscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_core_module);
    l->clcf = core;
    l->file = cf->conf_file->file.name.data;
    l->line = cf->conf_file->line;

    return NGX_CONF_OK;
}


char *
ngx_http_chat_set_status(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_chat_loc_conf_t  *clcf = conf;

    ngx_str_t                 *arg;
    ngx_http_chat_zone_t      *zone;
    ngx_http_core_loc_conf_t  *core;

    if (clcf->status != NULL) {
        return "is duplicate";
    }

    if (clcf->chat.zone != NULL) {
        return "can't be beside \"chat\" in one location";
    }

    arg = cf->args->elts;

    zone = ngx_http_chat_get_zone(cf, &arg[1], "chat_status");
    if (zone == NULL) {
        return NGX_CONF_ERROR;
    }

    clcf->status = &zone->zone;

    core = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    core->handler = ngx_http_chat_status_handler;

    return NGX_CONF_OK;
}


/* chat_user VALUE [trusted] [name=VALUE]; */

char *
ngx_http_chat_set_user(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_chat_loc_conf_t  *clcf = conf;

    ngx_str_t   *arg, value;
    ngx_uint_t   i, trusted;

    if (clcf->user != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    arg = cf->args->elts;
    trusted = 0;

    for (i = 2; i < cf->args->nelts; i++) {

        if (ngx_strcmp(arg[i].data, "trusted") == 0) {
            trusted = 1;
            continue;
        }

        if (ngx_http_chat_param(&arg[i], "name", &value)) {
            clcf->user_name = ngx_http_chat_complex(cf, &value);

            if (clcf->user_name == NULL) {
                return NGX_CONF_ERROR;
            }

            continue;
        }

        return ngx_http_chat_bad_param(cf, cmd, &arg[i],
                                       "known are \"trusted\" and name=");
    }

    if (!trusted && ngx_http_chat_spoofable(&arg[1])) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"chat_user %V\" lets any client be anybody, since "
                           "clients choose this value: use a variable that an "
                           "access module sets (auth_request_set), or write "
                           "\"chat_user %V trusted;\" if a proxy in front "
                           "overwrites it", &arg[1], &arg[1]);
        return NGX_CONF_ERROR;
    }

    clcf->user = ngx_http_chat_complex(cf, &arg[1]);

    return (clcf->user != NULL) ? NGX_CONF_OK : NGX_CONF_ERROR;
}


/* variables whose value is the client's to choose */

static ngx_uint_t
ngx_http_chat_spoofable(ngx_str_t *value)
{
    u_char      *p, *last;
    ngx_uint_t   i;

    static const char  *names[] = {
        "arg_", "http_", "cookie_", "request", "uri", "args", "query_string",
        "is_args", "host", "document_uri", NULL
    };

    last = value->data + value->len;

    for (p = value->data; p < last; p++) {

        if (*p != '$') {
            continue;
        }

        p++;

        if (p < last && *p == '{') {
            p++;
        }

        for (i = 0; names[i] != NULL; i++) {
            if ((size_t) (last - p) >= ngx_strlen(names[i])
                && ngx_strncasecmp(p, (u_char *) names[i],
                                   ngx_strlen(names[i])) == 0)
            {
                return 1;
            }
        }
    }

    return 0;
}


static ngx_http_complex_value_t *
ngx_http_chat_complex(ngx_conf_t *cf, ngx_str_t *value)
{
    ngx_http_complex_value_t          *cv;
    ngx_http_compile_complex_value_t   ccv;

    cv = ngx_pcalloc(cf->pool, sizeof(ngx_http_complex_value_t));
    if (cv == NULL) {
        return NULL;
    }

    ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

    ccv.cf = cf;
    ccv.value = value;
    ccv.complex_value = cv;

    return (ngx_http_compile_complex_value(&ccv) == NGX_OK) ? cv : NULL;
}


/* chat_origin same | any | ORIGIN ...; */

char *
ngx_http_chat_set_origin(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_chat_loc_conf_t  *clcf = conf;

    ngx_str_t   *arg, *origin;
    ngx_uint_t   i;

    if (clcf->origins != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    arg = cf->args->elts;

    clcf->origins = ngx_array_create(cf->pool, cf->args->nelts,
                                     sizeof(ngx_str_t));
    if (clcf->origins == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_strcmp(arg[i].data, "same") != 0
            && ngx_strcmp(arg[i].data, "any") != 0
            && ngx_strncmp(arg[i].data, "http://", 7) != 0
            && ngx_strncmp(arg[i].data, "https://", 8) != 0)
        {
            return ngx_http_chat_bad_param(cf, cmd, &arg[i],
                      "write \"same\", \"any\" or an origin such as "
                      "\"https://www.example.com\" or "
                      "\"https://*.example.com\"");
        }

        if (arg[i].data[arg[i].len - 1] == '/') {
            return ngx_http_chat_bad_param(cf, cmd, &arg[i],
                                           "an origin has no \"/\" at its end");
        }

        origin = ngx_array_push(clcf->origins);
        if (origin == NULL) {
            return NGX_CONF_ERROR;
        }

        *origin = arg[i];
        ngx_strlow(origin->data, origin->data, origin->len);
    }

    return NGX_CONF_OK;
}


/* chat_message_max SIZE [text=SIZE]; */

char *
ngx_http_chat_set_message_max(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_chat_loc_conf_t  *clcf = conf;

    ssize_t     size;
    ngx_str_t  *arg, value;

    if (clcf->chat.message_max != NGX_CONF_UNSET_SIZE) {
        return "is duplicate";
    }

    arg = cf->args->elts;
    size = ngx_parse_size(&arg[1]);

    if (size == NGX_ERROR || size < NGX_HTTP_CHAT_MESSAGE_MIN
        || size > NGX_HTTP_CHAT_MESSAGE_MAX)
    {
        return ngx_http_chat_bad_param(cf, cmd, &arg[1],
                                       "write a size of 1k to 512k");
    }

    clcf->chat.message_max = (size_t) size;

    if (cf->args->nelts == 2) {
        return NGX_CONF_OK;
    }

    size = ngx_http_chat_param(&arg[2], "text", &value)
           ? ngx_parse_size(&value) : NGX_ERROR;

    if (size == NGX_ERROR || size < 1
        || (size_t) size > clcf->chat.message_max)
    {
        return ngx_http_chat_bad_param(cf, cmd, &arg[2],
                   "write \"text=SIZE\", not more than the whole command");
    }

    clcf->chat.text_max = (size_t) size;

    return NGX_CONF_OK;
}


/* chat_replay_max N [SIZE]; */

char *
ngx_http_chat_set_replay_max(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_chat_loc_conf_t  *clcf = conf;

    ssize_t     size;
    ngx_int_t   n;
    ngx_str_t  *arg;

    if (clcf->chat.replay_max != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    arg = cf->args->elts;
    n = ngx_http_chat_number(&arg[1], 0, 1000000);

    if (n == NGX_ERROR) {
        return ngx_http_chat_bad_param(cf, cmd, &arg[1],
                                   "write a number of events, 0 to 1000000");
    }

    clcf->chat.replay_max = (ngx_uint_t) n;

    if (cf->args->nelts == 2) {
        return NGX_CONF_OK;
    }

    size = ngx_parse_size(&arg[2]);

    if (size == NGX_ERROR || size < 4096) {
        return ngx_http_chat_bad_param(cf, cmd, &arg[2],
                                       "write a size of at least 4k");
    }

    clcf->chat.replay_bytes = (size_t) size;

    return NGX_CONF_OK;
}
