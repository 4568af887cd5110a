
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Keys of webhooks, "whsec_<base64>", one a line; all of them sign, so that a
 * receiver can change from one to the next.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include "ngx_chat_webhook.h"


#define NGX_CHAT_WEBHOOK_FILE    4096
#define NGX_CHAT_WEBHOOK_PREFIX  "whsec_"
#define NGX_CHAT_WEBHOOK_LEAST   24


static ngx_int_t ngx_chat_webhook_line(ngx_chat_webhook_key_t *key,
    ngx_str_t *line);


ngx_int_t
ngx_chat_webhook_load(ngx_chat_webhook_t *h, ngx_log_t *log, const char **why,
    ngx_err_t *err)
{
    u_char                  *p, *end, *last;
    ngx_str_t                text, line;
    ngx_uint_t               n;
    ngx_chat_webhook_key_t   key[NGX_CHAT_WEBHOOK_KEYS];

    if (ngx_chat_file_read(&h->file, NGX_CHAT_WEBHOOK_FILE, log, &text, why,
                           err)
        != NGX_OK)
    {
        return NGX_DECLINED;
    }

    n = 0;
    *why = NULL;
    last = text.data + text.len;

    for (p = text.data; p < last; p = end + 1) {

        end = ngx_strlchr(p, last, LF);
        end = (end != NULL) ? end : last;

        line.data = p;
        line.len = (size_t) (end - p);

        while (line.len > 0 && line.data[line.len - 1] <= ' ') {
            line.len--;
        }

        if (line.len == 0 || line.data[0] == '#') {
            continue;
        }

        if (n == NGX_CHAT_WEBHOOK_KEYS) {
            *why = "it has more than 4 keys";
            break;
        }

        if (ngx_chat_webhook_line(&key[n], &line) != NGX_OK) {
            *why = "a key is a line \"whsec_\" and 24 to 64 bytes in base64: "
                   "make one with \"echo whsec_$(openssl rand -base64 32)\"";
            break;
        }

        n++;
    }

    ngx_chat_file_wipe(&text);

    if (*why == NULL && n == 0) {
        *why = "it has no key";
    }

    if (*why == NULL) {
        ngx_memcpy(h->key, key, n * sizeof(ngx_chat_webhook_key_t));
        h->nkeys = n;
    }

    OPENSSL_cleanse(key, sizeof(key));

    return (*why == NULL) ? NGX_OK : NGX_DECLINED;
}


static ngx_int_t
ngx_chat_webhook_line(ngx_chat_webhook_key_t *key, ngx_str_t *line)
{
    size_t     len;
    ngx_str_t  src, dst;

    len = sizeof(NGX_CHAT_WEBHOOK_PREFIX) - 1;

    if (line->len <= len
        || ngx_strncmp(line->data, NGX_CHAT_WEBHOOK_PREFIX, len) != 0
        || line->len - len > ngx_base64_encoded_length(NGX_CHAT_WEBHOOK_SECRET))
    {
        return NGX_DECLINED;
    }

    src.data = line->data + len;
    src.len = line->len - len;
    dst.data = src.data;

    /* what is decoded is shorter than what it is decoded from */

    if (ngx_decode_base64(&dst, &src) != NGX_OK
        || dst.len < NGX_CHAT_WEBHOOK_LEAST
        || dst.len > NGX_CHAT_WEBHOOK_SECRET)
    {
        return NGX_DECLINED;
    }

    key->len = dst.len;
    ngx_memcpy(key->secret, dst.data, dst.len);

    return NGX_OK;
}


void
ngx_chat_webhook_refresh(ngx_chat_webhook_t *h, ngx_log_t *log)
{
    ngx_err_t    err;
    const char  *why;

    if (!ngx_chat_file_changed(&h->file)) {
        return;
    }

    if (ngx_chat_webhook_load(h, log, &why, &err) == NGX_OK) {
        ngx_log_error(NGX_LOG_NOTICE, log, 0,
                      "the keys of \"chat_webhook\" in \"%V\" were read again",
                      &h->file.name);
        return;
    }

    ngx_log_error(NGX_LOG_ERR, log, err,
                  "the keys of \"chat_webhook\" in \"%V\" have changed and "
                  "can't be used, those of before are kept: %s",
                  &h->file.name, why);
}


ngx_int_t
ngx_chat_webhook_sign(ngx_chat_webhook_t *h, ngx_str_t *text,
    ngx_chat_text_t *t)
{
    u_char        mac[EVP_MAX_MD_SIZE];
    u_char        code[ngx_base64_encoded_length(EVP_MAX_MD_SIZE)];
    ngx_str_t     src, dst;
    ngx_uint_t    i;
    unsigned int  n;

    for (i = 0; i < h->nkeys; i++) {

        if (HMAC(EVP_sha256(), h->key[i].secret, (int) h->key[i].len,
                 text->data, text->len, mac, &n)
            == NULL)
        {
            ERR_clear_error();
            return NGX_ERROR;
        }

        src.data = mac;
        src.len = n;
        dst.data = code;
        ngx_encode_base64(&dst, &src);

        if (i > 0) {
            ngx_chat_text_lit(t, " ");
        }

        ngx_chat_text_lit(t, "v1,");
        ngx_chat_text_str(t, &dst);
    }

    return NGX_OK;
}
