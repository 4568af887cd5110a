
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Setters of the directives that make a zone, its rooms and its limits.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_http_chat_set.h"
#include "ngx_chat_name.h"
#include "ngx_chat_state.h"


static char *ngx_http_chat_set_zone_size(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_str_t *arg, ngx_str_t *value, ngx_http_chat_zone_t **zp);
static ngx_int_t ngx_http_chat_state_sync(ngx_str_t *value);
static char *ngx_http_chat_set_state(ngx_conf_t *cf,
    ngx_http_chat_zone_t *zone, ngx_str_t *state);
static ngx_uint_t ngx_http_chat_same_state(ngx_str_t *a, ngx_str_t *b);
static ngx_int_t ngx_http_chat_pattern(ngx_str_t *pattern);
static void ngx_http_chat_warn_rule(ngx_conf_t *cf,
    ngx_http_chat_zone_t *zone, ngx_str_t *pattern);
static char *ngx_http_chat_set_rule(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_str_t *arg, ngx_chat_rule_t *rule);


/* chat_zone zone=NAME:SIZE [state=PATH] [state_sync=1s|always|off]; */

char *
ngx_http_chat_set_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char                  *rv;
    ngx_str_t             *arg, value, state;
    ngx_int_t              sync;
    ngx_uint_t             i;
    ngx_http_chat_zone_t  *zone;

    arg = cf->args->elts;
    zone = NULL;
    sync = NGX_ERROR;
    ngx_str_null(&state);

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_http_chat_param(&arg[i], "zone", &value) && zone == NULL) {

            rv = ngx_http_chat_set_zone_size(cf, cmd, &arg[i], &value, &zone);
            if (rv != NGX_CONF_OK) {
                return rv;
            }

            continue;
        }

        if (ngx_http_chat_param(&arg[i], "state", &value)
            && state.data == NULL)
        {
            if (value.len == 0 || value.len > NGX_MAX_PATH - sizeof(".alt")) {
                return ngx_http_chat_bad_param(cf, cmd, &arg[i],
                       "write a file's name, \"state=/var/lib/nginx/chat\"");
            }

            state = value;
            continue;
        }

        if (ngx_http_chat_param(&arg[i], "state_sync", &value)
            && sync == NGX_ERROR)
        {
            sync = ngx_http_chat_state_sync(&value);

            if (sync == NGX_ERROR) {
                return ngx_http_chat_bad_param(cf, cmd, &arg[i],
                                     "write \"1s\", \"always\" or \"off\"");
            }

            continue;
        }

        return ngx_http_chat_bad_param(cf, cmd, &arg[i],
                                       "write \"zone=NAME:SIZE\" once, and "
                                       "\"state=FILE\" and \"state_sync=\"");
    }

    if (zone == NULL) {
        return ngx_http_chat_bad_param(cf, cmd, &arg[1],
                                       "write \"zone=NAME:SIZE\" once");
    }

    if (state.data == NULL) {
        return (sync == NGX_ERROR) ? NGX_CONF_OK
               : ngx_http_chat_bad_param(cf, cmd, &arg[1],
                       "\"state_sync=\" needs \"state=FILE\"");
    }

    zone->zone.state_sync = (sync == NGX_ERROR) ? NGX_CHAT_SYNC_SECOND
                                                : (ngx_uint_t) sync;

    return ngx_http_chat_set_state(cf, zone, &state);
}


static ngx_int_t
ngx_http_chat_state_sync(ngx_str_t *value)
{
    ngx_int_t  i;

    static const char  *words[] = { "1s", "always", "off" };

    for (i = 0; i < 3; i++) {
        if (ngx_strcmp(value->data, words[i]) == 0) {
            return i;
        }
    }

    return NGX_ERROR;
}


/* a file is one zone's, and so is the other one beside it, ".alt" */

static char *
ngx_http_chat_set_state(ngx_conf_t *cf, ngx_http_chat_zone_t *zone,
    ngx_str_t *state)
{
    ngx_str_t                   *path;
    ngx_uint_t                   i;
    ngx_http_chat_zone_t       **z;
    ngx_http_chat_main_conf_t   *cmcf;

    path = &zone->zone.state_path;
    *path = *state;

    if (ngx_conf_full_name(cf->cycle, path, 0) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_chat_module);

    z = cmcf->zones.elts;

    for (i = 0; i < cmcf->zones.nelts; i++) {

        if (z[i] != zone
            && (ngx_http_chat_same_state(&z[i]->zone.state_path, path)
                || ngx_http_chat_same_state(path, &z[i]->zone.state_path)))
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"state=%V\" is the state file of chat zone "
                               "\"%V\", write another one for \"%V\"",
                               state, &z[i]->zone.name, &zone->zone.name);
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


/* `b' is `a', or "a.alt" */

static ngx_uint_t
ngx_http_chat_same_state(ngx_str_t *a, ngx_str_t *b)
{
    if (a->len == 0 || b->len < a->len
        || ngx_strncmp(a->data, b->data, a->len) != 0)
    {
        return 0;
    }

    return b->len == a->len || ngx_strcmp(b->data + a->len, ".alt") == 0;
}


static char *
ngx_http_chat_set_zone_size(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_str_t *arg, ngx_str_t *value, ngx_http_chat_zone_t **zp)
{
    u_char                *p;
    ssize_t                size;
    ngx_str_t              name;
    ngx_http_chat_zone_t  *zone;

    p = ngx_strlchr(value->data, value->data + value->len, ':');

    if (p == NULL || p == value->data) {
        return ngx_http_chat_bad_param(cf, cmd, arg,
                                  "write a name and a size, \"zone=main:64m\"");
    }

    name.data = value->data;
    name.len = (size_t) (p - value->data);

    value->len -= name.len + 1;
    value->data = p + 1;

    if (name.len == sizeof(NGX_CHAT_BUS_ZONE) - 1
        && ngx_strncmp(name.data, NGX_CHAT_BUS_ZONE, name.len) == 0)
    {
        return ngx_http_chat_bad_param(cf, cmd, arg,
                           "this name is the module's own, write another");
    }

    size = ngx_parse_size(value);

    if (size == NGX_ERROR || (size_t) size < ngx_chat_zone_min_size()) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\" of \"chat_zone\": "
                           "write a size of at least %uzk, "
                           "\"zone=main:64m\"",
                           arg, ngx_chat_zone_min_size() / 1024);
        return NGX_CONF_ERROR;
    }

    zone = ngx_http_chat_get_zone(cf, &name, "chat_zone");
    if (zone == NULL) {
        return NGX_CONF_ERROR;
    }

    if (zone->size != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "chat zone \"%V\" is duplicate: write it once, or "
                           "another name", &name);
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

    *zp = zone;

    return NGX_CONF_OK;
}


/*
 * chat_rooms ZONE PATTERN [history=N] [age=T] [size=S] [create=on|off]
 *                         [list=on|off] [idle=T] [private];
 */

char *
ngx_http_chat_set_rooms(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char                  *rv;
    ngx_str_t             *arg;
    ngx_uint_t             i;
    ngx_chat_rule_t       *rule;
    ngx_http_chat_zone_t  *zone;

    arg = cf->args->elts;

    zone = ngx_http_chat_get_zone(cf, &arg[1], "chat_rooms");
    if (zone == NULL) {
        return NGX_CONF_ERROR;
    }

    if (ngx_http_chat_pattern(&arg[2]) != NGX_OK) {
        return ngx_http_chat_bad_param(cf, cmd, &arg[2],
                     "write a room's name here, \"*\" stands for any part");
    }

    rv = ngx_http_chat_param_twice(cf, cmd, 3);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    ngx_http_chat_warn_rule(cf, zone, &arg[2]);

    rule = ngx_array_push(&zone->zone.rules);
    if (rule == NULL) {
        return NGX_CONF_ERROR;
    }

    rule->pattern = arg[2];
    rule->history = 1000;
    rule->age = 7 * 24 * 3600;
    rule->size = 0;
    rule->create = 1;
    rule->private = 0;
    rule->list = 0;
    rule->idle = 0;

    for (i = 3; i < cf->args->nelts; i++) {
        rv = ngx_http_chat_set_rule(cf, cmd, &arg[i], rule);

        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    return NGX_CONF_OK;
}


/* what could be a room's name if each "*" were a letter */

static ngx_int_t
ngx_http_chat_pattern(ngx_str_t *pattern)
{
    u_char      name[NGX_CHAT_ROOM_MAX];
    ngx_str_t   room;
    ngx_uint_t  i;

    if (pattern->len > NGX_CHAT_ROOM_MAX
        || ngx_strlchr(pattern->data, pattern->data + pattern->len, '=')
           != NULL)
    {
        /* the pattern was forgotten */
        return NGX_DECLINED;
    }

    for (i = 0; i < pattern->len; i++) {
        name[i] = (pattern->data[i] == '*') ? 'x' : pattern->data[i];
    }

    room.data = name;
    room.len = pattern->len;

    return ngx_chat_room_name_valid(&room, 1);
}


/*
 * The first line that matches counts.  A "*" of this pattern is matched by
 * nothing but a "*" of an earlier one, so that one matches all that this does.
 */

static void
ngx_http_chat_warn_rule(ngx_conf_t *cf, ngx_http_chat_zone_t *zone,
    ngx_str_t *pattern)
{
    ngx_chat_rule_t  *rule, *first;

    first = zone->zone.rules.elts;
    rule = ngx_chat_zone_rule(&zone->zone, pattern);

    if (rule < first || rule >= first + zone->zone.rules.nelts) {
        /* the default */
        return;
    }

    ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                       "\"chat_rooms %V %V\" has no effect, since \"%V\" "
                       "comes before it: write it above",
                       &zone->zone.name, pattern, &rule->pattern);
}


static char *
ngx_http_chat_set_rule(ngx_conf_t *cf, ngx_command_t *cmd, ngx_str_t *arg,
    ngx_chat_rule_t *rule)
{
    ssize_t    size;
    time_t     t;
    ngx_int_t  n;
    ngx_str_t  value;

    if (ngx_strcmp(arg->data, "private") == 0) {
        rule->private = 1;
        return NGX_CONF_OK;
    }

    if (ngx_http_chat_param(arg, "history", &value)) {
        n = ngx_http_chat_number(&value, 0, 10000000);

        if (n == NGX_ERROR) {
            return ngx_http_chat_bad_param(cf, cmd, arg,
                               "write a number of events, 0 to 10000000");
        }

        rule->history = (ngx_uint_t) n;
        return NGX_CONF_OK;
    }

    if (ngx_http_chat_param(arg, "age", &value)) {
        t = ngx_parse_time(&value, 1);

        if (t < 1) {
            return ngx_http_chat_bad_param(cf, cmd, arg,
                                           "write a time, \"age=7d\"");
        }

        rule->age = t;
        return NGX_CONF_OK;
    }

    if (ngx_http_chat_param(arg, "idle", &value)) {
        t = ngx_parse_time(&value, 1);

        if (t < 1) {
            return ngx_http_chat_bad_param(cf, cmd, arg,
                                           "write a time, \"idle=60s\"");
        }

        rule->idle = t;
        return NGX_CONF_OK;
    }

    if (ngx_http_chat_param(arg, "size", &value)) {
        size = ngx_parse_size(&value);

        if (size < 16384) {
            return ngx_http_chat_bad_param(cf, cmd, arg,
                               "write a size of at least 16k, \"size=1m\"");
        }

        rule->size = (size_t) size;
        return NGX_CONF_OK;
    }

    if (ngx_http_chat_param(arg, "create", &value)) {

        if (ngx_strcmp(value.data, "on") != 0
            && ngx_strcmp(value.data, "off") != 0)
        {
            return ngx_http_chat_bad_param(cf, cmd, arg,
                               "write \"create=on\" or \"create=off\"");
        }

        rule->create = (value.len == 2);
        return NGX_CONF_OK;
    }

    if (ngx_http_chat_param(arg, "list", &value)) {

        if (ngx_strcmp(value.data, "on") != 0
            && ngx_strcmp(value.data, "off") != 0)
        {
            return ngx_http_chat_bad_param(cf, cmd, arg,
                               "write \"list=on\" or \"list=off\"");
        }

        rule->list = (value.len == 2);
        return NGX_CONF_OK;
    }

    return ngx_http_chat_bad_param(cf, cmd, arg,
               "known are history=, age=, size=, create=, list=, idle= and "
               "private");
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

            if (zone->zone.nonce_size != 0) {
                return ngx_http_chat_twice(cf, cmd, &arg[i]);
            }

            size = ngx_parse_size(&value);

            if (size < 65536) {
                return ngx_http_chat_bad_param(cf, cmd, &arg[i],
                               "write a size of at least 64k, \"size=4m\"");
            }

            zone->zone.nonce_size = (size_t) size;
            continue;
        }

        if (ngx_http_chat_param(&arg[i], "ttl", &value)) {

            if (zone->zone.nonce_ttl != 0) {
                return ngx_http_chat_twice(cf, cmd, &arg[i]);
            }

            ttl = ngx_parse_time(&value, 1);

            if (ttl < 1 || ttl > 86400) {
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

            if (zone->zone.session_rooms != 0) {
                return ngx_http_chat_twice(cf, cmd, &arg[i]);
            }

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

        if (zone->zone.max_rooms != 0) {
            return ngx_http_chat_twice(cf, cmd, &arg[i]);
        }

        zone->zone.max_rooms = (ngx_uint_t) n;
    }

    return NGX_CONF_OK;
}


ngx_http_chat_zone_t *
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
