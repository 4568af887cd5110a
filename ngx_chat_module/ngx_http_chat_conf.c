
/*
 * Copyright (C) the ngx_chat_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_http_chat.h"
#include "ngx_http_chat_set.h"
#include "ngx_chat_state.h"
#include "ngx_chat_token.h"


static void ngx_http_chat_zone_cleanup(void *data);
static void ngx_http_chat_merge_users(ngx_http_chat_loc_conf_t *conf,
    ngx_http_chat_loc_conf_t *prev);
static void ngx_http_chat_inherit_block(ngx_http_core_loc_conf_t *clcf,
    ngx_http_chat_loc_conf_t *conf, ngx_http_chat_loc_conf_t *prev);
static void ngx_http_chat_token_ttl(ngx_http_chat_loc_conf_t *conf);
static char *ngx_http_chat_check_room(ngx_conf_t *cf,
    ngx_http_core_loc_conf_t *clcf);
static char *ngx_http_chat_check_location(ngx_conf_t *cf,
    ngx_http_chat_loc_conf_t *conf);
static void ngx_http_chat_warn_location(ngx_conf_t *cf,
    ngx_http_chat_location_t *l);


/*
 * The store's init, and the undo of what it did to the zone that it replaces if
 * this configuration is not taken after all.
 */

ngx_int_t
ngx_http_chat_init_zone(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_log_t           *log;
    ngx_chat_zone_t     *z;
    ngx_pool_cleanup_t  *cln;

    z = shm_zone->data;

    cln = ngx_pool_cleanup_add(((ngx_http_chat_zone_t *) z)->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_http_chat_zone_cleanup;
    cln->data = z;

    if (ngx_chat_zone_init(shm_zone, data) != NGX_OK) {
        return NGX_ERROR;
    }

    if (z->state_path.len == 0) {
        return NGX_OK;
    }

    log = shm_zone->shm.log;

    return ngx_test_config
           ? ngx_chat_state_test(z, log)
           : ngx_chat_state_open(z, (data != NULL) ? data : z->old, log);
}


/* the cycle's pool goes: z->old is still there if the cycle was not taken */

static void
ngx_http_chat_zone_cleanup(void *data)
{
    ngx_chat_zone_t  *z = data;

    if (z->old != NULL) {
        ngx_chat_zone_unmove(z->old);
        z->old = NULL;
    }

    ngx_chat_state_close(z);
}


/* the cycle is taken: what it replaced is the old cycle's memory */

void
ngx_http_chat_zones_taken(ngx_http_chat_main_conf_t *cmcf)
{
    ngx_uint_t         i;
    ngx_chat_zone_t  **z;

    z = cmcf->zones.elts;

    for (i = 0; i < cmcf->zones.nelts; i++) {
        z[i]->old = NULL;
    }
}


void *
ngx_http_chat_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_chat_main_conf_t  *conf;

    conf = ngx_pcalloc(cf->pool, sizeof(ngx_http_chat_main_conf_t));
    if (conf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     conf->bus = NULL;
     */

    if (ngx_array_init(&conf->zones, cf->pool, 1, sizeof(ngx_chat_zone_t *))
        != NGX_OK
        || ngx_array_init(&conf->locations, cf->pool, 4,
                          sizeof(ngx_http_chat_location_t))
           != NGX_OK
        || ngx_array_init(&conf->jwks, cf->pool, 1,
                          sizeof(ngx_chat_keys_file_t *))
           != NGX_OK)
    {
        return NULL;
    }

    conf->buffers = NGX_CONF_UNSET_SIZE;
    conf->deflate_level = NGX_CONF_UNSET;
    conf->deflate_min = NGX_CONF_UNSET_SIZE;

    return conf;
}


char *
ngx_http_chat_init_main_conf(ngx_conf_t *cf, void *conf)
{
    ngx_http_chat_main_conf_t  *cmcf = conf;

    ngx_conf_init_size_value(cmcf->buffers, 64 * 1024 * 1024);
    ngx_conf_init_value(cmcf->deflate_level, 1);
    ngx_conf_init_size_value(cmcf->deflate_min, 256);

    return NGX_CONF_OK;
}


void *
ngx_http_chat_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_chat_loc_conf_t  *conf;

    conf = ngx_pcalloc(cf->pool, sizeof(ngx_http_chat_loc_conf_t));
    if (conf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     conf->chat.zone = NULL;
     *     conf->chat.broker = NULL;
     *     conf->clcf = NULL;
     *     conf->status = NULL;
     *     conf->api = NULL;
     */

    conf->guest = NGX_CONF_UNSET;
    conf->chat.session_max = NGX_CONF_UNSET;
    conf->user = NGX_CONF_UNSET_PTR;
    conf->user_name = NGX_CONF_UNSET_PTR;
    conf->room = NULL;
    conf->format = NGX_CONF_UNSET_UINT;
    conf->sse_rooms = NGX_CONF_UNSET_UINT;
    conf->deflate = NGX_CONF_UNSET;
    conf->origins = NGX_CONF_UNSET_PTR;
    conf->conn_limits = NGX_CONF_UNSET_PTR;
    conf->limits = NGX_CONF_UNSET_PTR;
    conf->allow = NGX_CONF_UNSET_PTR;
    conf->roles = NGX_CONF_UNSET_PTR;
    conf->limit_dry_run = NGX_CONF_UNSET;
    conf->audit = NGX_CONF_UNSET_PTR;
    conf->chat.ask_publish = NGX_CONF_UNSET_PTR;

    ngx_http_chat_jwt_create(&conf->jwt);

    conf->chat.message_max = NGX_CONF_UNSET_SIZE;
    conf->chat.text_max = NGX_CONF_UNSET_SIZE;
    conf->chat.replay_max = NGX_CONF_UNSET_UINT;
    conf->chat.replay_bytes = NGX_CONF_UNSET_SIZE;
    conf->chat.typing_max = NGX_CONF_UNSET_UINT;
    conf->chat.receipts = NGX_CONF_UNSET;
    conf->chat.notice = NGX_CONF_UNSET;
    conf->chat.presence_max = NGX_CONF_UNSET_UINT;
    conf->chat.presence_grace = NGX_CONF_UNSET_MSEC;
    conf->chat.ping = NGX_CONF_UNSET;
    conf->chat.ping_timeout = NGX_CONF_UNSET;
    conf->chat.slow_timeout = NGX_CONF_UNSET;
    conf->chat.drain = NGX_CONF_UNSET_MSEC;

    return conf;
}


char *
ngx_http_chat_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_chat_loc_conf_t  *prev = parent;
    ngx_http_chat_loc_conf_t  *conf = child;

    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->noname) {
        ngx_http_chat_inherit_block(clcf, conf, prev);
    }

    ngx_http_chat_merge_users(conf, prev);

    if (conf->room == NULL) {
        conf->room = prev->room;
    }

    ngx_conf_merge_uint_value(conf->format, prev->format, 0);
    ngx_conf_merge_uint_value(conf->sse_rooms, prev->sse_rooms, 32);
    ngx_conf_merge_value(conf->deflate, prev->deflate, 0);
    ngx_conf_merge_ptr_value(conf->origins, prev->origins, NULL);
    ngx_conf_merge_ptr_value(conf->conn_limits, prev->conn_limits, NULL);
    ngx_conf_merge_ptr_value(conf->limits, prev->limits, NULL);
    ngx_conf_merge_ptr_value(conf->allow, prev->allow, NULL);
    ngx_conf_merge_ptr_value(conf->roles, prev->roles, NULL);
    ngx_conf_merge_value(conf->limit_dry_run, prev->limit_dry_run, 0);
    ngx_conf_merge_ptr_value(conf->audit, prev->audit, NULL);
    ngx_conf_merge_ptr_value(conf->chat.ask_publish, prev->chat.ask_publish,
                             NULL);

    /* two values of one directive: inherited together or not at all */

    if (conf->chat.message_max == NGX_CONF_UNSET_SIZE) {
        conf->chat.message_max = prev->chat.message_max;
        conf->chat.text_max = prev->chat.text_max;
    }

    ngx_conf_init_size_value(conf->chat.message_max, NGX_CHAT_FRAME_MAX);
    ngx_conf_init_size_value(conf->chat.text_max,
                             ngx_min(NGX_CHAT_TEXT_MAX,
                                     conf->chat.message_max));

    if (conf->chat.replay_max == NGX_CONF_UNSET_UINT) {
        conf->chat.replay_max = prev->chat.replay_max;
        conf->chat.replay_bytes = prev->chat.replay_bytes;
    }

    ngx_conf_init_uint_value(conf->chat.replay_max, 1000);
    ngx_conf_init_size_value(conf->chat.replay_bytes, 1024 * 1024);

    ngx_conf_merge_uint_value(conf->chat.typing_max, prev->chat.typing_max,
                              100);
    ngx_conf_merge_value(conf->chat.receipts, prev->chat.receipts, 0);
    ngx_conf_merge_value(conf->chat.notice, prev->chat.notice, 1);
    ngx_conf_merge_uint_value(conf->chat.presence_max,
                              prev->chat.presence_max, 200);
    ngx_conf_merge_msec_value(conf->chat.presence_grace,
                              prev->chat.presence_grace, 10000);
    ngx_conf_merge_sec_value(conf->chat.ping, prev->chat.ping, 25);
    ngx_conf_merge_sec_value(conf->chat.ping_timeout, prev->chat.ping_timeout,
                             60);
    ngx_conf_merge_sec_value(conf->chat.slow_timeout, prev->chat.slow_timeout,
                             30);
    ngx_conf_merge_msec_value(conf->chat.drain, prev->chat.drain, 10000);
    ngx_conf_merge_sec_value(conf->chat.session_max, prev->chat.session_max,
                             0);

    if (conf->chat.zone != NULL) {
        /* all of "http" has been read by now */
        conf->chat.broker = ngx_chat_broker(conf->chat.zone);
    }

    conf->chat.raw = conf->format;
    conf->chat.guest = conf->guest;
    conf->chat.limits = conf->limits;
    conf->chat.allow = conf->allow;
    conf->chat.roles = conf->roles;
    conf->chat.limits_dry = conf->limit_dry_run;
    conf->chat.audit = conf->audit;

    if (conf->api != NULL) {
        return ngx_http_chat_server_conf(conf);
    }

    if (conf->chat.zone == NULL) {
        return NGX_CONF_OK;
    }

    return (ngx_http_chat_check_location(cf, conf) == NGX_CONF_OK)
           ? ngx_http_chat_login_conf(cf, conf) : NGX_CONF_ERROR;
}


/* who users are: what a level writes hides all of its parent */

static void
ngx_http_chat_merge_users(ngx_http_chat_loc_conf_t *conf,
    ngx_http_chat_loc_conf_t *prev)
{
    if (conf->guest == NGX_CONF_UNSET && conf->user == NGX_CONF_UNSET_PTR
        && conf->jwt.files == NULL && conf->auth_uri.data == NULL)
    {
        conf->jwt.files = prev->jwt.files;
        conf->auth_uri = prev->auth_uri;
        ngx_conf_merge_value(conf->guest, prev->guest, 0);
        ngx_conf_merge_ptr_value(conf->user, prev->user, NULL);
        ngx_conf_merge_ptr_value(conf->user_name, prev->user_name, NULL);
    }

    ngx_conf_init_value(conf->guest, 0);
    ngx_conf_init_ptr_value(conf->user, NULL);
    ngx_conf_init_ptr_value(conf->user_name, NULL);

    ngx_http_chat_jwt_merge(&conf->jwt, &prev->jwt);

    if (conf->chat.secrets == NULL) {
        conf->chat.secrets = prev->chat.secrets;
    }

    if (conf->login == NULL) {
        conf->login = prev->login;
    }
}


/* "if" or "limit_except" in a location: its requests stay the location's */

static void
ngx_http_chat_inherit_block(ngx_http_core_loc_conf_t *clcf,
    ngx_http_chat_loc_conf_t *conf, ngx_http_chat_loc_conf_t *prev)
{
    conf->chat.zone = prev->chat.zone;
    conf->chat.broker = prev->chat.broker;
    conf->clcf = prev->clcf;
    conf->status = prev->status;
    conf->api = prev->api;

    /* "if" keeps the handler that the request has got, this block doesn't */

    if (!clcf->lmt_excpt || clcf->handler != NULL) {
        return;
    }

    if (conf->api != NULL) {
        clcf->handler = ngx_http_chat_server_handler;

    } else if (conf->chat.zone != NULL) {
        clcf->handler = ngx_http_chat_handler;

    } else if (conf->status != NULL) {
        clcf->handler = ngx_http_chat_status_handler;
    }
}


/* what was revoked is to be known as long as a token may live, anywhere in the
   zone */

static void
ngx_http_chat_token_ttl(ngx_http_chat_loc_conf_t *conf)
{
    time_t            ttl;
    ngx_chat_zone_t  *z;

    z = conf->chat.zone;
    ttl = conf->guest ? NGX_CHAT_GUEST_TTL : 60;

    if (conf->jwt.files != NULL) {

        if (conf->jwt.exp_optional) {
            z->token_forever = 1;
        }

        ttl = ngx_max(ttl, conf->jwt.lifetime + conf->jwt.leeway);
    }

    z->token_ttl = ngx_max(z->token_ttl, ttl);
}


static char *
ngx_http_chat_check_location(ngx_conf_t *cf, ngx_http_chat_loc_conf_t *conf)
{
    ngx_str_t                 *name;
    ngx_http_core_loc_conf_t  *clcf;

    clcf = conf->clcf;
    name = &clcf->name;

    if (conf->guest && conf->user != NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "both \"chat_guest on\" and \"chat_user\" say who "
                           "users are in location \"%V\", remove one", name);
        return NGX_CONF_ERROR;
    }

    if (conf->jwt.files != NULL && conf->user != NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "both \"chat_jwt_key\" or \"chat_jwt_jwks\" and "
                           "\"chat_user\" say who users are in location "
                           "\"%V\", remove one", name);
        return NGX_CONF_ERROR;
    }

    if (conf->auth_uri.len > 0
        && (conf->guest || conf->user != NULL || conf->jwt.files != NULL))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"chat_auth_request\" and another directive say "
                           "who users are in location \"%V\", remove one",
                           name);
        return NGX_CONF_ERROR;
    }

    if (conf->chat.ask_publish != NULL && conf->chat.raw) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"chat_auth_publish\" knows messages, and "
                           "location \"%V\" has \"chat_format raw\": write "
                           "\"chat_auth_publish off;\" there", name);
        return NGX_CONF_ERROR;
    }

    if (conf->jwt.files != NULL && ngx_http_chat_roles_vary(conf->roles)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"chat_role\" with a variable in location \"%V\" "
                           "can't be beside \"chat_jwt_key\" or "
                           "\"chat_jwt_jwks\": put roles into the tokens, or "
                           "write \"chat_role ROLE user=ID\"", name);
        return NGX_CONF_ERROR;
    }

    if (ngx_http_chat_jwt_check(cf, &conf->jwt, name, &conf->chat.auth)
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    ngx_http_chat_token_ttl(conf);

    if (!conf->guest && conf->user == NULL && conf->jwt.files == NULL
        && conf->auth_uri.len == 0)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"chat\" in location \"%V\" needs to know users: "
                           "write \"chat_guest on;\" or \"chat_user "
                           "$variable;\" or \"chat_jwt_key FILE alg=...;\"",
                           name);
        return NGX_CONF_ERROR;
    }

    if (conf->room == NULL
        && ngx_http_chat_check_room(cf, clcf) != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (conf->chat.ping_timeout <= conf->chat.ping) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"chat_ping_timeout\" (%T s) must be more than "
                           "\"chat_ping\" (%T s)",
                           conf->chat.ping_timeout, conf->chat.ping);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* the path's rest is the room's name */

static char *
ngx_http_chat_check_room(ngx_conf_t *cf, ngx_http_core_loc_conf_t *clcf)
{
    ngx_str_t  *name;

    name = &clcf->name;

    if (clcf->named
#if (NGX_PCRE)
        || clcf->regex != NULL
#endif
        || name->len == 0 || name->data[name->len - 1] != '/')
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"chat\" in location \"%V\" can't take rooms "
                           "from the rest of the path: write \"location "
                           "^~ /chat/\" (with a \"/\" at the end) or add "
                           "\"chat_room VALUE;\"", name);
        return NGX_CONF_ERROR;
    }

    if (clcf->exact_match) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"chat\" in \"location = %V\" leaves no rest "
                           "of the path for the room: write \"location ^~ "
                           "%V\" or add \"chat_room VALUE;\"", name, name);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* when everything is read: zones that nobody defined, traps of locations */

ngx_int_t
ngx_http_chat_check_conf(ngx_conf_t *cf, ngx_http_chat_main_conf_t *cmcf)
{
    ngx_uint_t                  i;
    ngx_http_chat_zone_t      **z;
    ngx_http_chat_location_t   *l;

    z = cmcf->zones.elts;

    for (i = 0; i < cmcf->zones.nelts; i++) {

        if (z[i]->size == 0) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "\"%V\" names the chat zone \"%V\" that nobody "
                          "defines: write \"chat_zone zone=%V:64m;\" in "
                          "\"http\" in %s:%ui",
                          &z[i]->directive, &z[i]->zone.name,
                          &z[i]->zone.name, z[i]->file, z[i]->line);
            return NGX_ERROR;
        }

        if (z[i]->zone.session_rooms == 0) {
            z[i]->zone.session_rooms = NGX_CHAT_JOIN_MAX;
        }

        if (ngx_http_chat_redis_resolver(cf, &z[i]->zone) != NGX_OK
            || ngx_http_chat_webhooks_conf(cf, &z[i]->zone) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    l = cmcf->locations.elts;

    for (i = 0; i < cmcf->locations.nelts; i++) {
        ngx_http_chat_warn_location(cf, &l[i]);
    }

    return NGX_OK;
}


static void
ngx_http_chat_warn_location(ngx_conf_t *cf, ngx_http_chat_location_t *l)
{
#if (NGX_PCRE)

    ngx_http_core_loc_conf_t  *root;

    if (l->clcf->regex != NULL || l->clcf->exact_match || l->clcf->noregex
        || l->clcf->named)
    {
        return;
    }

    root = l->cscf->ctx->loc_conf[ngx_http_core_module.ctx_index];

    if (root->regex_locations == NULL) {
        return;
    }

    ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                  "regex locations of this server take rooms away from "
                  "\"location %V\" with \"chat\": write \"location ^~ %V\" in "
                  "%s:%ui",
                  &l->clcf->name, &l->clcf->name, l->file, l->line);

#endif
}
