
/*
 * Copyright (C) the ngx_chat_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_http_chat.h"
#include "ngx_chat_deflate.h"
#include "ngx_chat_worker.h"


static ngx_int_t ngx_http_chat_preconfiguration(ngx_conf_t *cf);
static ngx_int_t ngx_http_chat_postconfiguration(ngx_conf_t *cf);
static ngx_int_t ngx_http_chat_init_module(ngx_cycle_t *cycle);
static ngx_int_t ngx_http_chat_init_process(ngx_cycle_t *cycle);
static void ngx_http_chat_exit_process(ngx_cycle_t *cycle);


static ngx_conf_num_bounds_t  ngx_http_chat_deflate_levels = {
    ngx_conf_check_num_bounds, 1, 9
};


#define NGX_HTTP_CHAT_ANY_CONF                                                \
    (NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF)


static ngx_command_t  ngx_http_chat_commands[] = {

    { ngx_string("chat_zone"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_http_chat_set_zone,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("chat_rooms"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_2MORE,
      ngx_http_chat_set_rooms,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("chat_redis"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_2MORE,
      ngx_http_chat_set_redis,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("chat_webhook"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_2MORE,
      ngx_http_chat_set_webhook,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("chat_nonce"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_2MORE,
      ngx_http_chat_set_nonce,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("chat_max_rooms"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_2MORE,
      ngx_http_chat_set_max_rooms,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("chat_buffers"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_chat_set_value,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_chat_main_conf_t, buffers),
      &ngx_http_chat_value_buffers },

    { ngx_string("chat"),
      NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_chat_set_chat,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("chat_status"),
      NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_chat_set_status,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("chat_api"),
      NGX_HTTP_LOC_CONF|NGX_CONF_2MORE,
      ngx_http_chat_set_api,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("chat_guest"),
      NGX_HTTP_CHAT_ANY_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_chat_loc_conf_t, guest),
      NULL },

    { ngx_string("chat_guest_secret"),
      NGX_HTTP_CHAT_ANY_CONF|NGX_CONF_TAKE12,
      ngx_http_chat_set_guest_secret,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("chat_login"),
      NGX_HTTP_CHAT_ANY_CONF|NGX_CONF_TAKE12,
      ngx_http_chat_set_login,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("chat_user"),
      NGX_HTTP_CHAT_ANY_CONF|NGX_CONF_TAKE123,
      ngx_http_chat_set_user,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("chat_auth_request"),
      NGX_HTTP_CHAT_ANY_CONF|NGX_CONF_TAKE1,
      ngx_http_chat_set_auth_request,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("chat_auth_publish"),
      NGX_HTTP_CHAT_ANY_CONF|NGX_CONF_TAKE12,
      ngx_http_chat_set_auth_publish,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("chat_jwt_key"),
      NGX_HTTP_CHAT_ANY_CONF|NGX_CONF_TAKE2,
      ngx_http_chat_set_jwt_key,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("chat_jwt_jwks"),
      NGX_HTTP_CHAT_ANY_CONF|NGX_CONF_2MORE,
      ngx_http_chat_set_jwt_key,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("chat_jwt_iss"),
      NGX_HTTP_CHAT_ANY_CONF|NGX_CONF_1MORE,
      ngx_http_chat_set_jwt_list,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_chat_loc_conf_t, jwt.iss),
      NULL },

    { ngx_string("chat_jwt_aud"),
      NGX_HTTP_CHAT_ANY_CONF|NGX_CONF_1MORE,
      ngx_http_chat_set_jwt_list,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_chat_loc_conf_t, jwt.aud),
      NULL },

    { ngx_string("chat_jwt_leeway"),
      NGX_HTTP_CHAT_ANY_CONF|NGX_CONF_TAKE1,
      ngx_http_chat_set_value,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_chat_loc_conf_t, jwt.leeway),
      &ngx_http_chat_value_jwt_leeway },

    { ngx_string("chat_jwt_lifetime"),
      NGX_HTTP_CHAT_ANY_CONF|NGX_CONF_TAKE1,
      ngx_http_chat_set_value,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_chat_loc_conf_t, jwt.lifetime),
      &ngx_http_chat_value_jwt_lifetime },

    { ngx_string("chat_jwt_exp"),
      NGX_HTTP_CHAT_ANY_CONF|NGX_CONF_TAKE1,
      ngx_http_chat_set_jwt_exp,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("chat_jwt_claim"),
      NGX_HTTP_CHAT_ANY_CONF|NGX_CONF_1MORE,
      ngx_http_chat_set_jwt_claim,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("chat_jwt_cookie"),
      NGX_HTTP_CHAT_ANY_CONF|NGX_CONF_TAKE1,
      ngx_http_chat_set_jwt_cookie,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("chat_room"),
      NGX_HTTP_CHAT_ANY_CONF|NGX_CONF_TAKE1,
      ngx_http_set_complex_value_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_chat_loc_conf_t, room),
      NULL },

    { ngx_string("chat_format"),
      NGX_HTTP_CHAT_ANY_CONF|NGX_CONF_TAKE1,
      ngx_http_chat_set_format,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("chat_sse_rooms"),
      NGX_HTTP_CHAT_ANY_CONF|NGX_CONF_TAKE1,
      ngx_http_chat_set_value,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_chat_loc_conf_t, sse_rooms),
      &ngx_http_chat_value_sse_rooms },

    { ngx_string("chat_typing_max"),
      NGX_HTTP_CHAT_ANY_CONF|NGX_CONF_TAKE1,
      ngx_http_chat_set_value,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_chat_loc_conf_t, chat.typing_max),
      &ngx_http_chat_value_typing_max },

    { ngx_string("chat_receipts"),
      NGX_HTTP_CHAT_ANY_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_chat_loc_conf_t, chat.receipts),
      NULL },

    { ngx_string("chat_notice"),
      NGX_HTTP_CHAT_ANY_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_chat_loc_conf_t, chat.notice),
      NULL },

    { ngx_string("chat_presence_max"),
      NGX_HTTP_CHAT_ANY_CONF|NGX_CONF_TAKE1,
      ngx_http_chat_set_value,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_chat_loc_conf_t, chat.presence_max),
      &ngx_http_chat_value_presence_max },

    { ngx_string("chat_presence_grace"),
      NGX_HTTP_CHAT_ANY_CONF|NGX_CONF_TAKE1,
      ngx_http_chat_set_value,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_chat_loc_conf_t, chat.presence_grace),
      &ngx_http_chat_value_presence_grace },

    { ngx_string("chat_deflate"),
      NGX_HTTP_CHAT_ANY_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_chat_loc_conf_t, deflate),
      NULL },

    { ngx_string("chat_deflate_level"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_num_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_chat_main_conf_t, deflate_level),
      &ngx_http_chat_deflate_levels },

    { ngx_string("chat_deflate_min"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_size_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_chat_main_conf_t, deflate_min),
      NULL },

    { ngx_string("chat_origin"),
      NGX_HTTP_CHAT_ANY_CONF|NGX_CONF_1MORE,
      ngx_http_chat_set_origin,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("chat_message_max"),
      NGX_HTTP_CHAT_ANY_CONF|NGX_CONF_TAKE12,
      ngx_http_chat_set_message_max,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("chat_replay_max"),
      NGX_HTTP_CHAT_ANY_CONF|NGX_CONF_TAKE12,
      ngx_http_chat_set_replay_max,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("chat_conn_limit"),
      NGX_HTTP_CHAT_ANY_CONF|NGX_CONF_TAKE12,
      ngx_http_chat_set_conn_limit,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("chat_allow"),
      NGX_HTTP_CHAT_ANY_CONF|NGX_CONF_2MORE,
      ngx_http_chat_set_allow,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("chat_audit_log"),
      NGX_HTTP_CHAT_ANY_CONF|NGX_CONF_TAKE1,
      ngx_http_chat_set_audit_log,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("chat_role"),
      NGX_HTTP_CHAT_ANY_CONF|NGX_CONF_1MORE,
      ngx_http_chat_set_role,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("chat_limit"),
      NGX_HTTP_CHAT_ANY_CONF|NGX_CONF_1MORE,
      ngx_http_chat_set_limit,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("chat_limit_dry_run"),
      NGX_HTTP_CHAT_ANY_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_chat_loc_conf_t, limit_dry_run),
      NULL },

    { ngx_string("chat_ping"),
      NGX_HTTP_CHAT_ANY_CONF|NGX_CONF_TAKE1,
      ngx_http_chat_set_value,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_chat_loc_conf_t, chat.ping),
      &ngx_http_chat_value_ping },

    { ngx_string("chat_ping_timeout"),
      NGX_HTTP_CHAT_ANY_CONF|NGX_CONF_TAKE1,
      ngx_http_chat_set_value,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_chat_loc_conf_t, chat.ping_timeout),
      &ngx_http_chat_value_ping_timeout },

    { ngx_string("chat_slow_timeout"),
      NGX_HTTP_CHAT_ANY_CONF|NGX_CONF_TAKE1,
      ngx_http_chat_set_value,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_chat_loc_conf_t, chat.slow_timeout),
      &ngx_http_chat_value_slow_timeout },

    { ngx_string("chat_drain"),
      NGX_HTTP_CHAT_ANY_CONF|NGX_CONF_TAKE1,
      ngx_http_chat_set_value,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_chat_loc_conf_t, chat.drain),
      &ngx_http_chat_value_drain },

    { ngx_string("chat_session_max"),
      NGX_HTTP_CHAT_ANY_CONF|NGX_CONF_TAKE1,
      ngx_http_chat_set_value,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_chat_loc_conf_t, chat.session_max),
      &ngx_http_chat_value_session_max },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_chat_module_ctx = {
    ngx_http_chat_preconfiguration,        /* preconfiguration */
    ngx_http_chat_postconfiguration,       /* postconfiguration */

    ngx_http_chat_create_main_conf,        /* create main configuration */
    ngx_http_chat_init_main_conf,          /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_chat_create_loc_conf,         /* create location configuration */
    ngx_http_chat_merge_loc_conf           /* merge location configuration */
};


ngx_module_t  ngx_chat_module = {
    NGX_MODULE_V1,
    &ngx_http_chat_module_ctx,             /* module context */
    ngx_http_chat_commands,                /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    ngx_http_chat_init_module,             /* init module */
    ngx_http_chat_init_process,            /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_http_chat_exit_process,            /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_int_t
ngx_http_chat_preconfiguration(ngx_conf_t *cf)
{
    return ngx_http_chat_add_variables(cf);
}


static ngx_int_t
ngx_http_chat_postconfiguration(ngx_conf_t *cf)
{
    ngx_http_handler_pt        *h;
    ngx_http_chat_main_conf_t  *cmcf;
    ngx_http_core_main_conf_t  *core;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_chat_module);

    if (cmcf->zones.nelts == 0) {
        /* loaded but not used: no shared memory, no descriptors */
        return NGX_OK;
    }

    core = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&core->phases[NGX_HTTP_PREACCESS_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_chat_preflight_handler;

    if (ngx_http_chat_check_conf(cf, cmcf) != NGX_OK) {
        return NGX_ERROR;
    }

    cmcf->claims = ngx_http_chat_claims_used(cf);
    cmcf->bus = ngx_chat_bus_add(cf, &ngx_chat_module);

    return (cmcf->bus != NULL) ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_http_chat_init_module(ngx_cycle_t *cycle)
{
    ngx_http_chat_main_conf_t  *cmcf;

    cmcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_chat_module);

    if (cmcf != NULL) {
        ngx_http_chat_zones_taken(cmcf);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_chat_init_process(ngx_cycle_t *cycle)
{
    ngx_http_chat_main_conf_t  *cmcf;

    if (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE)
    {
        /* the cache manager and loader come here too */
        return NGX_OK;
    }

    cmcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_chat_module);

    if (cmcf == NULL || cmcf->bus == NULL) {
        return NGX_OK;
    }

    ngx_chat_deflate_configure((ngx_uint_t) cmcf->deflate_level,
                               cmcf->deflate_min);

    if (ngx_chat_worker_init(cycle, cmcf->bus, &cmcf->zones, cmcf->buffers)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_http_chat_jwt_start(cmcf, cycle);

    return NGX_OK;
}


static void
ngx_http_chat_exit_process(ngx_cycle_t *cycle)
{
    ngx_http_chat_main_conf_t  *cmcf;

    cmcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_chat_module);

    if (cmcf != NULL) {
        ngx_http_chat_jwt_stop(cmcf);
    }

    ngx_chat_worker_exit();
    ngx_chat_deflate_exit();
}
