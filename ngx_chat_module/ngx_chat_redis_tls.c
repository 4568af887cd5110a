
/*
 * Copyright (C) the ngx_chat_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include "ngx_chat_redis_tls.h"


#if (NGX_SSL)


#include <openssl/x509v3.h>


typedef struct {
    ngx_ssl_t                   ssl;
    ngx_chat_redis_tls_conf_t   conf;
} ngx_chat_redis_tls_t;


static ngx_int_t ngx_chat_redis_tls_files(ngx_conf_t *cf,
    ngx_chat_redis_tls_t *tls);
static ngx_int_t ngx_chat_redis_tls_name(ngx_connection_t *c,
    ngx_str_t *who);
static void ngx_chat_redis_tls_handler(ngx_connection_t *c);


ngx_int_t
ngx_chat_redis_tls_configure(ngx_conf_t *cf, ngx_chat_redis_server_t *srv,
    ngx_chat_redis_tls_conf_t *conf)
{
    ngx_pool_cleanup_t    *cln;
    ngx_chat_redis_tls_t  *tls;

    tls = ngx_pcalloc(cf->pool, sizeof(ngx_chat_redis_tls_t));
    if (tls == NULL) {
        return NGX_ERROR;
    }

    tls->conf = *conf;
    tls->ssl.log = cf->log;

    if (ngx_ssl_create(&tls->ssl, NGX_SSL_TLSv1_2|NGX_SSL_TLSv1_3, NULL)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);

    if (cln == NULL) {
        ngx_ssl_cleanup_ctx(&tls->ssl);
        return NGX_ERROR;
    }

    cln->handler = ngx_ssl_cleanup_ctx;
    cln->data = &tls->ssl;

    srv->tls = tls;

    return ngx_chat_redis_tls_files(cf, tls);
}


static ngx_int_t
ngx_chat_redis_tls_files(ngx_conf_t *cf, ngx_chat_redis_tls_t *tls)
{
    SSL_CTX                    *ctx;
    ngx_chat_redis_tls_conf_t  *conf;

    ctx = tls->ssl.ctx;
    conf = &tls->conf;

    if (conf->certificate.len > 0
        && (SSL_CTX_use_certificate_chain_file(ctx,
                                         (char *) conf->certificate.data)
            != 1
            || SSL_CTX_use_PrivateKey_file(ctx, (char *) conf->key.data,
                                           SSL_FILETYPE_PEM)
               != 1))
    {
        ngx_ssl_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"chat_redis\" can't use the certificate \"%V\" with "
                      "the key \"%V\": write a certificate and its own key, "
                      "in PEM", &conf->certificate, &conf->key);
        return NGX_ERROR;
    }

    if (conf->ca.len > 0) {

        if (SSL_CTX_load_verify_locations(ctx, (char *) conf->ca.data, NULL)
            != 1)
        {
            ngx_ssl_error(NGX_LOG_EMERG, cf->log, 0,
                          "\"chat_redis\" can't read the certificates of "
                          "\"%V\": write a file that has some, in PEM",
                          &conf->ca);
            return NGX_ERROR;
        }

    } else if (SSL_CTX_set_default_verify_paths(ctx) != 1) {
        ngx_ssl_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"chat_redis\" finds no trusted certificates of the "
                      "system, write \"ca=FILE\"");
        return NGX_ERROR;
    }

    return NGX_OK;
}


ngx_int_t
ngx_chat_redis_tls_start(ngx_chat_redis_conn_t *rc, ngx_connection_t *c,
    void (*done)(ngx_chat_redis_conn_t *rc),
    void (*failed)(ngx_chat_redis_conn_t *rc))
{
    ngx_str_t             *name;
    ngx_chat_redis_tls_t  *tls;

    tls = rc->server->tls;
    name = (rc->target_host.len > 0) ? &rc->target_host : &tls->conf.name;

    c->pool = ngx_create_pool(256, rc->log);
    if (c->pool == NULL) {
        return NGX_ERROR;
    }

    if (ngx_ssl_create_connection(&tls->ssl, c, NGX_SSL_CLIENT) != NGX_OK
        || ngx_chat_redis_tls_name(c, name) != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* what waits to be sent may be moved between two attempts */
    SSL_set_mode(c->ssl->connection, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);

    rc->tls_done = done;
    rc->tls_failed = failed;

    if (ngx_ssl_handshake(c) == NGX_AGAIN) {
        c->ssl->handler = ngx_chat_redis_tls_handler;
        return NGX_OK;
    }

    ngx_chat_redis_tls_handler(c);

    return NGX_OK;
}


/* who is asked for, and who must have the certificate */

static ngx_int_t
ngx_chat_redis_tls_name(ngx_connection_t *c, ngx_str_t *who)
{
    char              *name;
    SSL               *ssl;
    X509_VERIFY_PARAM *param;

    ssl = c->ssl->connection;
    name = (char *) who->data;
    param = SSL_get0_param(ssl);

    if (X509_VERIFY_PARAM_set1_ip_asc(param, name) == 1) {
        /* an address has no SNI */
        return NGX_OK;
    }

    ERR_clear_error();

    if (X509_VERIFY_PARAM_set1_host(param, name, who->len) != 1
        || SSL_set_tlsext_host_name(ssl, name) != 1)
    {
        ERR_clear_error();
        return NGX_ERROR;
    }

    return NGX_OK;
}


static void
ngx_chat_redis_tls_handler(ngx_connection_t *c)
{
    long                    rv;
    ngx_chat_redis_tls_t   *tls;
    ngx_chat_redis_conn_t  *rc;

    rc = c->data;
    tls = rc->server->tls;

    if (!c->ssl->handshaked) {
        rc->tls_failed(rc);
        return;
    }

    rv = SSL_get_verify_result(c->ssl->connection);

    if (tls->conf.verify && rv != X509_V_OK) {

        if (!rc->told) {
            ngx_log_error(NGX_LOG_ERR, rc->log, 0,
                          "chat: the certificate of \"%V\" is refused, "
                          "\"%s\": write \"ca=FILE\" or \"name=NAME\" of "
                          "the server",
                          &rc->server->url,
                          X509_verify_cert_error_string(rv));
        }

        rc->tls_failed(rc);
        return;
    }

    rc->tls_done(rc);
}


void
ngx_chat_redis_tls_close(ngx_connection_t *c)
{
    ngx_pool_t  *pool;

    pool = c->pool;

    if (c->ssl != NULL) {
        c->ssl->no_wait_shutdown = 1;
        c->ssl->no_send_shutdown = 1;
        (void) ngx_ssl_shutdown(c);
    }

    ngx_close_connection(c);

    if (pool != NULL) {
        ngx_destroy_pool(pool);
    }
}


#else


ngx_int_t
ngx_chat_redis_tls_configure(ngx_conf_t *cf, ngx_chat_redis_server_t *srv,
    ngx_chat_redis_tls_conf_t *conf)
{
    return NGX_DECLINED;
}


ngx_int_t
ngx_chat_redis_tls_start(ngx_chat_redis_conn_t *rc, ngx_connection_t *c,
    void (*done)(ngx_chat_redis_conn_t *rc),
    void (*failed)(ngx_chat_redis_conn_t *rc))
{
    return NGX_ERROR;
}


void
ngx_chat_redis_tls_close(ngx_connection_t *c)
{
    ngx_close_connection(c);
}


#endif
