
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * A file with keys: PEM, JWK, a set of them, or a secret.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include "ngx_chat_json.h"
#include "ngx_chat_jwt.h"


static ngx_int_t ngx_chat_jwt_keys_json(ngx_chat_jwt_keys_t *keys,
    ngx_str_t *text, ngx_uint_t algs, const char **why);
static ngx_int_t ngx_chat_jwt_keys_set(ngx_chat_jwt_keys_t *keys,
    ngx_str_t *set, ngx_uint_t algs, const char **why);
static ngx_int_t ngx_chat_jwt_keys_pem(ngx_chat_jwt_keys_t *keys,
    ngx_str_t *text, ngx_uint_t algs, const char **why);
static EVP_PKEY *ngx_chat_jwt_pem(ngx_str_t *text);
static ngx_int_t ngx_chat_jwt_keys_raw(ngx_chat_jwt_keys_t *keys,
    ngx_str_t *text, ngx_uint_t algs, const char **why);
static ngx_uint_t ngx_chat_jwt_keys_cut(ngx_str_t *text);


ngx_chat_jwt_keys_t *
ngx_chat_jwt_keys_read(ngx_str_t *text, ngx_uint_t algs, ngx_log_t *log,
    const char **why)
{
    ngx_int_t             rc;
    ngx_str_t             copy, json;
    ngx_pool_t           *pool;
    ngx_chat_jwt_keys_t  *keys;

    *why = "no memory";

    pool = ngx_create_pool(4096, log);
    if (pool == NULL) {
        return NULL;
    }

    keys = ngx_pcalloc(pool, sizeof(ngx_chat_jwt_keys_t));
    if (keys == NULL) {
        ngx_destroy_pool(pool);
        return NULL;
    }

    copy.len = text->len;
    copy.data = ngx_pnalloc(pool, text->len + 1);
    if (copy.data == NULL) {
        ngx_destroy_pool(pool);
        return NULL;
    }

    ngx_memcpy(copy.data, text->data, text->len);

    keys->pool = pool;
    keys->text = copy;
    json = copy;

    if (ngx_strnstr(text->data, "-----BEGIN ", text->len) != NULL) {
        rc = ngx_chat_jwt_keys_pem(keys, &copy, algs, why);

    } else if (ngx_chat_jwt_object(&json) == NGX_OK) {
        rc = ngx_chat_jwt_keys_json(keys, &json, algs, why);

    } else {
        rc = ngx_chat_jwt_keys_raw(keys, &copy, algs, why);
    }

    if (rc != NGX_OK) {
        ngx_chat_jwt_keys_free(keys);
        return NULL;
    }

    return keys;
}


void
ngx_chat_jwt_keys_free(ngx_chat_jwt_keys_t *keys)
{
    ngx_uint_t  i;

    for (i = 0; i < keys->n; i++) {

        EVP_PKEY_free(keys->key[i].pkey);

        if (keys->key[i].secret.len > 0) {
            OPENSSL_cleanse(keys->key[i].secret.data,
                            keys->key[i].secret.len);
        }
    }

    OPENSSL_cleanse(keys->text.data, keys->text.len);

    ngx_destroy_pool(keys->pool);
}


static ngx_int_t
ngx_chat_jwt_keys_json(ngx_chat_jwt_keys_t *keys, ngx_str_t *text,
    ngx_uint_t algs, const char **why)
{
    ngx_int_t  rc;
    ngx_str_t  set;

    static ngx_str_t  name = ngx_string("keys");

    rc = ngx_chat_jwt_member(keys->pool, text, &name, &set);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc == NGX_OK) {
        return ngx_chat_jwt_keys_set(keys, &set, algs, why);
    }

    rc = ngx_chat_jwt_jwk(keys->pool, text, &keys->key[0], algs, why);

    if (rc == NGX_OK) {
        keys->n = 1;
    }

    return rc;
}


static ngx_int_t
ngx_chat_jwt_keys_set(ngx_chat_jwt_keys_t *keys, ngx_str_t *set,
    ngx_uint_t algs, const char **why)
{
    u_char              *pos;
    ngx_int_t            rc;
    ngx_str_t            element;
    ngx_chat_jwt_key_t  *key;

    *why = "its \"keys\" are no array of keys";

    if (set->data[0] != '[') {
        return NGX_DECLINED;
    }

    pos = set->data;

    while (ngx_chat_json_element(set, &pos, &element) == NGX_OK) {

        if (element.data[0] != '{') {
            return NGX_DECLINED;
        }

        if (keys->n == NGX_CHAT_JWT_KEYS_MAX) {
            *why = "it has more than 64 keys";
            return NGX_DECLINED;
        }

        key = &keys->key[keys->n];

        rc = ngx_chat_jwt_jwk(keys->pool, &element, key, algs, why);

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (rc == NGX_OK) {
            keys->n++;
            continue;
        }

        /* of a kind that we can't use, or for something else */

        ngx_memzero(key, sizeof(ngx_chat_jwt_key_t));
    }

    return (keys->n > 0) ? NGX_OK : NGX_DECLINED;
}


static ngx_int_t
ngx_chat_jwt_keys_pem(ngx_chat_jwt_keys_t *keys, ngx_str_t *text,
    ngx_uint_t algs, const char **why)
{
    ngx_uint_t           can;
    ngx_chat_jwt_key_t  *key;

    if (ngx_strnstr(text->data, "PRIVATE KEY-----", text->len) != NULL) {
        *why = "it has a private key: give the public one only, as \"openssl "
               "pkey -pubout\" prints it";
        return NGX_DECLINED;
    }

    key = &keys->key[0];
    key->pkey = ngx_chat_jwt_pem(text);

    ERR_clear_error();

    if (key->pkey == NULL) {
        *why = "it has no PEM public key or certificate that can be read";
        return NGX_DECLINED;
    }

    keys->n = 1;
    can = ngx_chat_jwt_pkey_algs(key->pkey, why);

    if (can == 0) {
        return NGX_DECLINED;
    }

    key->algs = can & algs;

    if (key->algs == 0) {
        *why = "it isn't a key for alg=";
        return NGX_DECLINED;
    }

    return NGX_OK;
}


static EVP_PKEY *
ngx_chat_jwt_pem(ngx_str_t *text)
{
    BIO       *bio;
    X509      *cert;
    EVP_PKEY  *pkey;

    bio = BIO_new_mem_buf(text->data, (int) text->len);
    if (bio == NULL) {
        return NULL;
    }

    pkey = NULL;

    if (ngx_strnstr(text->data, "-----BEGIN CERTIFICATE-----", text->len)
        != NULL)
    {
        cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);

        if (cert != NULL) {
            pkey = X509_get_pubkey(cert);
            X509_free(cert);
        }

    } else {
        pkey = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
    }

    BIO_free(bio);

    return pkey;
}


/* PEM and JSON never come here: a public key is no secret */

static ngx_int_t
ngx_chat_jwt_keys_raw(ngx_chat_jwt_keys_t *keys, ngx_str_t *text,
    ngx_uint_t algs, const char **why)
{
    ngx_uint_t           can;
    ngx_chat_jwt_key_t  *key;

    if (text->len > 0 && text->data[text->len - 1] == LF) {
        text->len--;

        if (text->len > 0 && text->data[text->len - 1] == CR) {
            text->len--;
        }
    }

    key = &keys->key[0];
    key->secret = *text;
    keys->n = 1;

    can = ngx_chat_jwt_secret_algs(NGX_CHAT_JWT_FILE_MAX);

    if ((can & algs) == 0) {
        *why = "it is neither PEM nor JSON, and a secret isn't a key for alg=";
        return NGX_DECLINED;
    }

    if (ngx_chat_jwt_keys_cut(text)) {
        *why = "it begins as JSON does and is none: is it whole?";
        return NGX_DECLINED;
    }

    key->algs = ngx_chat_jwt_secret_algs(text->len) & algs;

    if (key->algs != algs) {
        *why = "a secret must be as long as the hash: 32 bytes for HS256, 48 "
               "for HS384, 64 for HS512";
        return NGX_DECLINED;
    }

    return NGX_OK;
}


/*
 * A key in JSON with a mistake, or not all of it, is no secret; a brace alone
 * may be chance in one.
 */

static ngx_uint_t
ngx_chat_jwt_keys_cut(ngx_str_t *text)
{
    size_t  i;

    if (text->len == 0 || text->data[0] != '{') {
        return 0;
    }

    for (i = 1; i < text->len; i++) {

        if (text->data[i] != ' ' && text->data[i] != '\t'
            && text->data[i] != CR && text->data[i] != LF)
        {
            return text->data[i] == '"';
        }
    }

    return 0;
}
