
/*
 * Copyright (C) the ngx_chat_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include "ngx_chat_guest.h"


static ngx_int_t ngx_chat_secret_key(ngx_str_t *text, u_char *key);
static void ngx_chat_secret_refresh(ngx_chat_secret_t *s, ngx_log_t *log);


/* on failure the key stays what it was */

ngx_int_t
ngx_chat_secret_load(ngx_chat_secret_t *s, ngx_log_t *log, const char **why,
    ngx_err_t *err)
{
    ngx_int_t  rc;
    ngx_str_t  text;

    rc = ngx_chat_file_read(&s->file, NGX_CHAT_SECRET_MAX, log, &text, why,
                            err);
    if (rc != NGX_OK) {
        return rc;
    }

    if (text.len < NGX_CHAT_SECRET_MIN) {
        *why = "a secret has 32 bytes at least";
        rc = NGX_DECLINED;

    } else {
        *why = "OpenSSL failed";
        rc = ngx_chat_secret_key(&text, s->key);
    }

    ngx_chat_file_wipe(&text);

    return rc;
}


/* whatever its length is; the words keep it apart from other uses of a file */

static ngx_int_t
ngx_chat_secret_key(ngx_str_t *text, u_char *key)
{
    u_char        mac[EVP_MAX_MD_SIZE];
    ngx_int_t     rc;
    unsigned int  n;

    static const u_char  use[] = "ngx_chat guests";

    n = 0;
    rc = NGX_DECLINED;

    if (HMAC(EVP_sha256(), text->data, (int) text->len, use, sizeof(use) - 1,
             mac, &n)
        != NULL
        && n == NGX_CHAT_GUEST_SECRET)
    {
        ngx_memcpy(key, mac, NGX_CHAT_GUEST_SECRET);
        rc = NGX_OK;
    }

    OPENSSL_cleanse(mac, sizeof(mac));
    ERR_clear_error();

    return rc;
}


static void
ngx_chat_secret_refresh(ngx_chat_secret_t *s, ngx_log_t *log)
{
    ngx_err_t    err;
    const char  *why;

    if (!ngx_chat_file_changed(&s->file)) {
        return;
    }

    if (ngx_chat_secret_load(s, log, &why, &err) == NGX_OK) {
        ngx_log_error(NGX_LOG_NOTICE, log, 0,
                      "the secret of chat guests in \"%V\" was read again",
                      &s->file.name);
        return;
    }

    ngx_log_error(NGX_LOG_ERR, log, err,
                  "the secret of chat guests in \"%V\" has changed and "
                  "can't be used, that of before is kept: %s",
                  &s->file.name, why);
}


u_char *
ngx_chat_guest_sign(ngx_chat_secrets_t *secrets, ngx_chat_zone_t *z,
    u_char *dst, u_char *id, ngx_log_t *log)
{
    u_char  *key;

    key = ngx_chat_zone_secret(z);

    if (secrets != NULL) {
        ngx_chat_secret_refresh(&secrets->secret[0], log);
        key = secrets->secret[0].key;
    }

    return ngx_chat_guest_token(dst, key, id,
                                ngx_time() + NGX_CHAT_GUEST_TTL);
}


ngx_int_t
ngx_chat_guest_check(ngx_chat_secrets_t *secrets, ngx_chat_zone_t *z,
    ngx_str_t *token, u_char *id, time_t *issued, ngx_log_t *log)
{
    time_t      expires;
    ngx_int_t   rc;
    ngx_uint_t  i;

    expires = 0;
    rc = NGX_DECLINED;

    if (secrets == NULL) {
        rc = ngx_chat_guest_verify(token, ngx_chat_zone_secret(z),
                                   ngx_time(), id, &expires);
    }

    for (i = 0;
         secrets != NULL && i < secrets->n && rc == NGX_DECLINED;
         i++)
    {
        ngx_chat_secret_refresh(&secrets->secret[i], log);

        rc = ngx_chat_guest_verify(token, secrets->secret[i].key, ngx_time(),
                                   id, &expires);
    }

    *issued = expires - NGX_CHAT_GUEST_TTL;

    return rc;
}
