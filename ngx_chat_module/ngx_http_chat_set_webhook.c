
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * chat_webhook ZONE URL key=FILE [events=NAME,...] [rooms=PATTERN,...]
 *                       [batch=N] [timeout=T] [queue=SIZE] [grace=T];
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_http_chat_set.h"
#include "ngx_chat_webhook.h"


#define NGX_HTTP_CHAT_WEBHOOK_ROOMS  64


static char *ngx_http_chat_webhook_param(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_str_t *arg, ngx_chat_webhooks_t *list, ngx_chat_webhook_t *h);
static char *ngx_http_chat_webhook_size(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_str_t *arg, ngx_str_t *value, ngx_chat_webhooks_t *list);
static char *ngx_http_chat_webhook_time(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_str_t *arg, ngx_str_t *value, ngx_msec_t *msec);
static char *ngx_http_chat_webhook_events(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_str_t *arg, ngx_str_t *value, ngx_chat_webhook_t *h);
static char *ngx_http_chat_webhook_rooms(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_str_t *arg, ngx_str_t *value, ngx_chat_webhook_t *h);
static ngx_uint_t ngx_http_chat_webhook_word(ngx_str_t *list,
    ngx_str_t *word);
static char *ngx_http_chat_webhook_url(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_chat_webhooks_t *list, ngx_str_t *arg, ngx_chat_webhook_t *h);
static char *ngx_http_chat_webhook_key(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_chat_webhook_t *h);
static ngx_chat_webhooks_t *ngx_http_chat_webhook_list(ngx_conf_t *cf,
    ngx_chat_zone_t *z);
static void ngx_http_chat_webhook_cleanup(void *data);


char *
ngx_http_chat_set_webhook(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char                  *rv;
    ngx_str_t             *arg;
    ngx_uint_t             i;
    ngx_chat_webhook_t    *h;
    ngx_chat_webhooks_t   *list;
    ngx_http_chat_zone_t  *zone;

    arg = cf->args->elts;

    zone = ngx_http_chat_get_zone(cf, &arg[1], "chat_webhook");
    if (zone == NULL) {
        return NGX_CONF_ERROR;
    }

    list = ngx_http_chat_webhook_list(cf, &zone->zone);
    if (list == NULL) {
        return NGX_CONF_ERROR;
    }

    if (list->list.nelts == NGX_CHAT_WEBHOOKS_MAX) {
        return "is there 8 times for this zone, which is all there can be";
    }

    h = ngx_array_push(&list->list);
    if (h == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(h, sizeof(ngx_chat_webhook_t));

    h->zone = &zone->zone;
    h->mask = 1 << NGX_CHAT_HOOK_MESSAGE;
    h->batch = 64;
    h->timeout = 10000;
    h->slot = NGX_ERROR;

    rv = ngx_http_chat_param_twice(cf, cmd, 3);

    if (rv == NGX_CONF_OK) {
        rv = ngx_http_chat_webhook_url(cf, cmd, list, &arg[2], h);
    }

    for (i = 3; rv == NGX_CONF_OK && i < cf->args->nelts; i++) {
        rv = ngx_http_chat_webhook_param(cf, cmd, &arg[i], list, h);
    }

    list->mask |= h->mask;

    return (rv == NGX_CONF_OK) ? ngx_http_chat_webhook_key(cf, cmd, h) : rv;
}


/* those of the zone; they must not move, as cleanups have them */

static ngx_chat_webhooks_t *
ngx_http_chat_webhook_list(ngx_conf_t *cf, ngx_chat_zone_t *z)
{
    ngx_chat_webhooks_t  *list;

    if (z->webhooks != NULL) {
        return z->webhooks;
    }

    list = ngx_pcalloc(cf->pool, sizeof(ngx_chat_webhooks_t));

    if (list == NULL
        || ngx_array_init(&list->list, cf->pool, NGX_CHAT_WEBHOOKS_MAX,
                          sizeof(ngx_chat_webhook_t))
           != NGX_OK)
    {
        return NULL;
    }

    list->grace = NGX_CONF_UNSET_MSEC;
    z->webhooks = list;

    return list;
}


static char *
ngx_http_chat_webhook_url(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_chat_webhooks_t *list, ngx_str_t *arg, ngx_chat_webhook_t *h)
{
    ngx_int_t            rc;
    ngx_uint_t           i;
    const char          *why;
    ngx_chat_webhook_t  *other;

    other = list->list.elts;

    for (i = 0; i + 1 < list->list.nelts; i++) {
        if (other[i].url.url.len == arg->len
            && ngx_strncmp(other[i].url.url.data, arg->data, arg->len) == 0)
        {
            return ngx_http_chat_bad_param(cf, cmd, arg,
                                "this zone has a webhook there, write one "
                                "line with all \"events=\"");
        }
    }

    rc = ngx_chat_fetch_url(cf->pool, arg, &h->url, &why);

    if (rc == NGX_DECLINED) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" can't send to \"%V\": %s", &cmd->name, arg,
                           why);
    }

    return (rc == NGX_OK) ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static char *
ngx_http_chat_webhook_param(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_str_t *arg, ngx_chat_webhooks_t *list, ngx_chat_webhook_t *h)
{
    ngx_int_t  n;
    ngx_str_t  value;

    if (ngx_http_chat_param(arg, "key", &value) && value.len > 0) {
        h->file.name = value;
        return NGX_CONF_OK;
    }

    if (ngx_http_chat_param(arg, "events", &value)) {
        return ngx_http_chat_webhook_events(cf, cmd, arg, &value, h);
    }

    if (ngx_http_chat_param(arg, "rooms", &value)) {
        return ngx_http_chat_webhook_rooms(cf, cmd, arg, &value, h);
    }

    if (ngx_http_chat_param(arg, "queue", &value)) {
        return ngx_http_chat_webhook_size(cf, cmd, arg, &value, list);
    }

    if (ngx_http_chat_param(arg, "timeout", &value)) {
        return ngx_http_chat_webhook_time(cf, cmd, arg, &value, &h->timeout);
    }

    if (ngx_http_chat_param(arg, "grace", &value)) {

        if (list->grace != NGX_CONF_UNSET_MSEC) {
            return ngx_http_chat_bad_param(cf, cmd, arg,
                                "it is for all webhooks of the zone, write "
                                "it once");
        }

        return ngx_http_chat_webhook_time(cf, cmd, arg, &value, &list->grace);
    }

    if (ngx_http_chat_param(arg, "batch", &value)) {
        n = ngx_http_chat_number(&value, 1, NGX_CHAT_WEBHOOK_BATCH);

        if (n == NGX_ERROR) {
            return ngx_http_chat_bad_param(cf, cmd, arg,
                                "write a number of events, 1 to 1000");
        }

        h->batch = (ngx_uint_t) n;
        return NGX_CONF_OK;
    }

    return ngx_http_chat_bad_param(cf, cmd, arg,
                                   "known are key=, events=, rooms=, batch=, "
                                   "timeout=, queue= and grace=");
}


/* what is said of a zone's queue by one line is so for all */

static char *
ngx_http_chat_webhook_size(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_str_t *arg, ngx_str_t *value, ngx_chat_webhooks_t *list)
{
    ssize_t  size;

    size = ngx_parse_size(value);

    if (size < NGX_CHAT_HOOK_MIN || size > 1024 * 1024 * 1024) {
        return ngx_http_chat_bad_param(cf, cmd, arg,
                             "write a size of 256k to 1024m, \"queue=16m\"");
    }

    if (list->queue != 0) {
        return ngx_http_chat_bad_param(cf, cmd, arg,
                             "it is for all webhooks of the zone, write it "
                             "once");
    }

    list->queue = ngx_align((size_t) size, 64);

    return NGX_CONF_OK;
}


static char *
ngx_http_chat_webhook_time(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_str_t *arg, ngx_str_t *value, ngx_msec_t *msec)
{
    ngx_int_t  t;

    t = ngx_parse_time(value, 0);

    if (t < 100 || t > 60000) {
        return ngx_http_chat_bad_param(cf, cmd, arg,
                                       "write a time of 100ms to 60s");
    }

    *msec = (ngx_msec_t) t;

    return NGX_CONF_OK;
}


static char *
ngx_http_chat_webhook_events(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_str_t *arg, ngx_str_t *value, ngx_chat_webhook_t *h)
{
    ngx_int_t  kind;
    ngx_str_t  word;

    h->mask = 0;

    if (ngx_strcmp(value->data, "*") == 0) {
        h->mask = NGX_CHAT_HOOK_ALL;
        return NGX_CONF_OK;
    }

    while (ngx_http_chat_webhook_word(value, &word)) {

        kind = ngx_chat_hook_kind(&word);

        if (kind == NGX_ERROR) {
            h->mask = 0;
            break;
        }

        h->mask |= 1 << kind;
    }

    if (h->mask == 0) {
        return ngx_http_chat_bad_param(cf, cmd, arg,
                            "known are message, edit, delete, react, "
                            "message.missed, join, leave, occupied, vacated, "
                            "connect and disconnect, or \"events=*\"");
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_chat_webhook_rooms(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_str_t *arg, ngx_str_t *value, ngx_chat_webhook_t *h)
{
    ngx_str_t  word, *pattern;

    h->rooms = ngx_array_create(cf->pool, 4, sizeof(ngx_str_t));
    if (h->rooms == NULL) {
        return NGX_CONF_ERROR;
    }

    while (ngx_http_chat_webhook_word(value, &word)) {

        if (word.len == 0 || word.len > NGX_CHAT_ROOM_MAX
            || h->rooms->nelts == NGX_HTTP_CHAT_WEBHOOK_ROOMS)
        {
            return ngx_http_chat_bad_param(cf, cmd, arg,
                            "write at most 64 names of rooms with \",\" "
                            "between, \"*\" stands for any part");
        }

        pattern = ngx_array_push(h->rooms);
        if (pattern == NULL) {
            return NGX_CONF_ERROR;
        }

        *pattern = word;
    }

    return NGX_CONF_OK;
}


/* the next word of a list with commas, which it is cut off from; 0: none */

static ngx_uint_t
ngx_http_chat_webhook_word(ngx_str_t *list, ngx_str_t *word)
{
    u_char  *comma, *last;

    if (list->data == NULL) {
        return 0;
    }

    last = list->data + list->len;
    comma = ngx_strlchr(list->data, last, ',');

    word->data = list->data;
    word->len = (size_t) ((comma ? comma : last) - list->data);

    if (comma == NULL) {
        list->data = NULL;

    } else {
        list->data = comma + 1;
        list->len = (size_t) (last - list->data);
    }

    return 1;
}


static char *
ngx_http_chat_webhook_key(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_chat_webhook_t *h)
{
    ngx_err_t            err;
    const char          *why;
    ngx_pool_cleanup_t  *cln;

    if (h->file.name.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" needs to sign what it sends: write "
                           "\"key=FILE\", a file with "
                           "\"whsec_$(openssl rand -base64 32)\"",
                           &cmd->name);
        return NGX_CONF_ERROR;
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);

    if (cln == NULL
        || ngx_conf_full_name(cf->cycle, &h->file.name, 1) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (ngx_chat_webhook_load(h, cf->log, &why, &err) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, err,
                           "\"%V\" can't use the keys in \"%V\": %s",
                           &cmd->name, &h->file.name, why);
        return NGX_CONF_ERROR;
    }

    cln->handler = ngx_http_chat_webhook_cleanup;
    cln->data = h;

    return NGX_CONF_OK;
}


static void
ngx_http_chat_webhook_cleanup(void *data)
{
    ngx_chat_webhook_t *h = data;

    ngx_explicit_memzero(h->key, sizeof(h->key));
}


/*
 * The memory comes on top of what "chat_zone" says: so a zone with other
 * webhooks is one of another size, which takes over what the old one has.
 */

ngx_int_t
ngx_http_chat_webhooks_conf(ngx_conf_t *cf, ngx_chat_zone_t *z)
{
    ngx_chat_webhooks_t  *list;

    list = z->webhooks;

    if (list == NULL) {
        return NGX_OK;
    }

    if (z->remote != NULL && (list->mask & (1 << NGX_CHAT_HOOK_MISSED))) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"message.missed\" of \"chat_webhook\" can't be told "
                      "of in chat zone \"%V\", as \"chat_redis\" has users on "
                      "other hosts: take it from \"events=\"", &z->name);
        return NGX_ERROR;
    }

    ngx_conf_init_msec_value(list->grace, 10000);

    z->hook_ring = (list->queue > 0) ? list->queue : 1024 * 1024;
    z->hook_memory = ngx_chat_hook_memory(z->shm_zone->shm.size, z->hook_ring,
                                          list->mask, &z->hook_users);
    z->shm_zone->shm.size += z->hook_memory;

    return NGX_OK;
}
