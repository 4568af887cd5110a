
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * "fault NAME;" in a location: a request there does what a detector is meant
 * to notice.  Only in nginx binaries made for tests.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


typedef struct {
    ngx_uint_t  fault;
} ngx_http_fault_loc_conf_t;


static ngx_int_t ngx_http_fault_handler(ngx_http_request_t *r);
static void *ngx_http_fault_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_fault(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);


enum {
    FAULT_OVERFLOW = 1,
    FAULT_UNDEFINED,
    FAULT_LEAK,
    FAULT_UNINITIALIZED,
    FAULT_ALERT,
    FAULT_CRASH,
    FAULT_HANG
};


static ngx_conf_enum_t  ngx_http_faults[] = {
    { ngx_string("overflow"), FAULT_OVERFLOW },
    { ngx_string("undefined"), FAULT_UNDEFINED },
    { ngx_string("leak"), FAULT_LEAK },
    { ngx_string("uninitialized"), FAULT_UNINITIALIZED },
    { ngx_string("alert"), FAULT_ALERT },
    { ngx_string("crash"), FAULT_CRASH },
    { ngx_string("hang"), FAULT_HANG },
    { ngx_null_string, 0 }
};


static ngx_command_t  ngx_http_fault_commands[] = {

    { ngx_string("fault"),
      NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_fault,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_fault_loc_conf_t, fault),
      &ngx_http_faults },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_fault_module_ctx = {
    NULL,                                  /* preconfiguration */
    NULL,                                  /* postconfiguration */

    NULL,                                  /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_fault_create_loc_conf,        /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_fault_module = {
    NGX_MODULE_V1,
    &ngx_http_fault_module_ctx,            /* module context */
    ngx_http_fault_commands,               /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_event_t        ngx_http_fault_timer;
static ngx_connection_t   ngx_http_fault_dummy;
static volatile ngx_int_t ngx_http_fault_sink;


static void
ngx_http_fault_timer_handler(ngx_event_t *ev)
{
    /* never gets that far */
}


static ngx_int_t
ngx_http_fault_handler(ngx_http_request_t *r)
{
    volatile int                n;
    volatile u_char            *p;
    ngx_http_fault_loc_conf_t  *flcf;

    flcf = ngx_http_get_module_loc_conf(r, ngx_http_fault_module);

    switch (flcf->fault) {

    case FAULT_OVERFLOW:
        p = ngx_palloc(r->pool, 8);
        if (p == NULL) {
            return NGX_ERROR;
        }
        p[8] = 1;
        break;

    case FAULT_UNDEFINED:
        n = NGX_MAX_INT32_VALUE;
        ngx_http_fault_sink = n + 1;
        break;

    case FAULT_LEAK:
        p = ngx_alloc(100, r->connection->log);
        if (p == NULL) {
            return NGX_ERROR;
        }
        p[0] = 1;
        p = NULL;
        break;

    case FAULT_UNINITIALIZED:
        p = ngx_palloc(r->pool, 8);
        if (p == NULL) {
            return NGX_ERROR;
        }
        if (p[3] == 5) {
            ngx_http_fault_sink = 1;
        }
        break;

    case FAULT_ALERT:
        ngx_log_error(NGX_LOG_ALERT, r->connection->log, 0, "fault");
        break;

    case FAULT_CRASH:
        (void) raise(SIGSEGV);
        break;

    case FAULT_HANG:
        ngx_http_fault_timer.handler = ngx_http_fault_timer_handler;
        ngx_http_fault_timer.data = &ngx_http_fault_dummy;
        ngx_http_fault_timer.log = ngx_cycle->log;
        ngx_add_timer(&ngx_http_fault_timer, 1000000);
        break;
    }

    return NGX_HTTP_NO_CONTENT;
}


static void *
ngx_http_fault_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_fault_loc_conf_t  *conf;

    conf = ngx_pcalloc(cf->pool, sizeof(ngx_http_fault_loc_conf_t));
    if (conf == NULL) {
        return NULL;
    }

    conf->fault = NGX_CONF_UNSET_UINT;

    return conf;
}


static char *
ngx_http_fault(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = ngx_http_fault_handler;

    return ngx_conf_set_enum_slot(cf, cmd, conf);
}
