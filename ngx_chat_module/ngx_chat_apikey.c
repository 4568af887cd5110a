
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * The file is an object:
 *
 *     {"keys": [{"name": "shop", "key": "...", "scopes": ["publish"],
 *                "rooms": ["shop.*"]}]}
 *
 * What is kept of a key is its digest alone.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include "ngx_chat_apikey.h"
#include "ngx_chat_jwt.h"
#include "ngx_chat_name.h"
#include "ngx_chat_proto_member.h"


#define NGX_CHAT_APIKEY_FILE      (64 * 1024)
#define NGX_CHAT_APIKEYS_MAX      64
#define NGX_CHAT_APIKEY_MIN       32
#define NGX_CHAT_APIKEY_MAX       256
#define NGX_CHAT_APIKEY_NAME_MAX  32
#define NGX_CHAT_APIKEY_ROOMS     64

#define ngx_chat_apikey_is(s, lit)                                            \
    ((s)->len == sizeof(lit) - 1                                              \
     && ngx_memcmp((s)->data, lit, sizeof(lit) - 1) == 0)


static ngx_int_t ngx_chat_apikey_read(ngx_chat_apikey_file_t *f,
    ngx_log_t *log, const char **why, ngx_err_t *err);
static ngx_int_t ngx_chat_apikey_parse(ngx_chat_apikey_file_t *new,
    ngx_str_t *text, const char **why);
static ngx_int_t ngx_chat_apikey_object(ngx_chat_apikey_file_t *new,
    ngx_str_t *json, const char **why);
static ngx_int_t ngx_chat_apikey_member(ngx_pool_t *pool,
    ngx_chat_apikey_t *key, ngx_str_t *name, ngx_str_t *value,
    const char **why);
static ngx_int_t ngx_chat_apikey_name(ngx_pool_t *pool,
    ngx_chat_apikey_t *key, ngx_str_t *value, const char **why);
static ngx_int_t ngx_chat_apikey_secret(ngx_pool_t *pool,
    ngx_chat_apikey_t *key, ngx_str_t *value, const char **why);
static ngx_int_t ngx_chat_apikey_scopes(ngx_pool_t *pool,
    ngx_chat_apikey_t *key, ngx_str_t *value, const char **why);
static ngx_int_t ngx_chat_apikey_rooms(ngx_pool_t *pool,
    ngx_chat_apikey_t *key, ngx_str_t *value, const char **why);
static ngx_int_t ngx_chat_apikey_digest(ngx_str_t *secret, u_char *digest);
static void ngx_chat_apikey_refresh(ngx_chat_apikey_file_t *f,
    ngx_log_t *log);


ngx_int_t
ngx_chat_apikey_load(ngx_chat_apikey_file_t *f, ngx_log_t *log,
    const char **why, ngx_err_t *err)
{
    return ngx_chat_apikey_read(f, log, why, err);
}


void
ngx_chat_apikey_unload(ngx_chat_apikey_file_t *f)
{
    if (f->pool != NULL) {
        ngx_destroy_pool(f->pool);
        f->pool = NULL;
    }

    f->n = 0;
    f->keys = NULL;
}


/* the keys are replaced as a whole, or stay as they are */

static ngx_int_t
ngx_chat_apikey_read(ngx_chat_apikey_file_t *f, ngx_log_t *log,
    const char **why, ngx_err_t *err)
{
    ngx_int_t               rc;
    ngx_str_t               text;
    ngx_chat_apikey_file_t  new;

    if (ngx_chat_file_read(&f->file, NGX_CHAT_APIKEY_FILE, log, &text, why,
                           err)
        != NGX_OK)
    {
        return NGX_DECLINED;
    }

    ngx_memzero(&new, sizeof(ngx_chat_apikey_file_t));

    *why = "no memory";

    rc = NGX_DECLINED;
    new.pool = ngx_create_pool(4096, log);

    if (new.pool != NULL) {
        rc = ngx_chat_apikey_parse(&new, &text, why);
    }

    ngx_chat_file_wipe(&text);

    if (rc != NGX_OK) {
        ngx_chat_apikey_unload(&new);
        return NGX_DECLINED;
    }

    ngx_chat_apikey_unload(f);

    f->pool = new.pool;
    f->n = new.n;
    f->keys = new.keys;

    return NGX_OK;
}


static ngx_int_t
ngx_chat_apikey_parse(ngx_chat_apikey_file_t *new, ngx_str_t *text,
    const char **why)
{
    u_char     *pos;
    ngx_str_t   json, keys, element;

    static ngx_str_t  name = ngx_string("keys");

    json = *text;

    if (ngx_chat_jwt_object(&json) != NGX_OK) {
        *why = "it is no JSON object";
        return NGX_DECLINED;
    }

    if (ngx_chat_json_member(&json, &name, &keys) != NGX_OK
        || keys.data[0] != '[')
    {
        *why = "it has no array \"keys\"";
        return NGX_DECLINED;
    }

    new->keys = ngx_pcalloc(new->pool,
                            NGX_CHAT_APIKEYS_MAX * sizeof(ngx_chat_apikey_t));
    if (new->keys == NULL) {
        return NGX_DECLINED;
    }

    pos = keys.data;

    while (ngx_chat_json_element(&keys, &pos, &element) == NGX_OK) {

        if (new->n == NGX_CHAT_APIKEYS_MAX) {
            *why = "it has more than 64 keys";
            return NGX_DECLINED;
        }

        if (ngx_chat_apikey_object(new, &element, why) != NGX_OK) {
            return NGX_DECLINED;
        }
    }

    if (new->n == 0) {
        *why = "it has no keys";
        return NGX_DECLINED;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_chat_apikey_object(ngx_chat_apikey_file_t *new, ngx_str_t *json,
    const char **why)
{
    u_char             *pos;
    ngx_str_t           name, value;
    ngx_uint_t          i, members;
    ngx_chat_apikey_t  *key;

    if (json->data[0] != '{') {
        *why = "a key is no object";
        return NGX_DECLINED;
    }

    key = &new->keys[new->n];
    pos = json->data;
    members = 0;

    while (ngx_chat_json_next_member(json, &pos, &name, &value) == NGX_OK) {

        members++;

        if (ngx_chat_apikey_member(new->pool, key, &name, &value, why)
            != NGX_OK)
        {
            return NGX_DECLINED;
        }
    }

    /* no name comes twice in an object */

    if (members != 3 + key->confined) {
        *why = "a key needs \"name\", \"key\" and \"scopes\"";
        return NGX_DECLINED;
    }

    for (i = 0; i < new->n; i++) {
        if (ngx_memcmp(new->keys[i].digest, key->digest,
                       NGX_CHAT_APIKEY_DIGEST)
            == 0)
        {
            *why = "two of its keys are the same";
            return NGX_DECLINED;
        }
    }

    new->n++;

    return NGX_OK;
}


/* what isn't known may have been meant to take rights away */

static ngx_int_t
ngx_chat_apikey_member(ngx_pool_t *pool, ngx_chat_apikey_t *key,
    ngx_str_t *name, ngx_str_t *value, const char **why)
{
    *why = "no memory";

    if (ngx_chat_apikey_is(name, "name")) {
        return ngx_chat_apikey_name(pool, key, value, why);
    }

    if (ngx_chat_apikey_is(name, "key")) {
        return ngx_chat_apikey_secret(pool, key, value, why);
    }

    if (ngx_chat_apikey_is(name, "scopes")) {
        return ngx_chat_apikey_scopes(pool, key, value, why);
    }

    if (ngx_chat_apikey_is(name, "rooms")) {
        return ngx_chat_apikey_rooms(pool, key, value, why);
    }

    *why = "a key has a member that is none of \"name\", \"key\", \"scopes\" "
           "and \"rooms\"";

    return NGX_DECLINED;
}


static ngx_int_t
ngx_chat_apikey_name(ngx_pool_t *pool, ngx_chat_apikey_t *key,
    ngx_str_t *value, const char **why)
{
    u_char      ch, *p;
    size_t      i;
    ngx_int_t   rc;
    ngx_str_t   name;

    rc = ngx_chat_json_decode(pool, value, &name);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    for (i = 0; rc == NGX_OK && i < name.len; i++) {
        ch = name.data[i];

        if (((ch | 0x20) < 'a' || (ch | 0x20) > 'z')
            && (ch < '0' || ch > '9')
            && ch != '_' && ch != '-' && ch != '.')
        {
            break;
        }
    }

    if (rc != NGX_OK || i == 0 || i < name.len
        || i > NGX_CHAT_APIKEY_NAME_MAX)
    {
        *why = "the name of a key is 1 to 32 letters, digits, \"-\", \"_\" and "
               "\".\"";
        return NGX_DECLINED;
    }

    p = ngx_pnalloc(pool, sizeof(NGX_CHAT_APIKEY_PREFIX) - 1 + name.len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    key->id.data = p;
    p = ngx_cpymem(p, NGX_CHAT_APIKEY_PREFIX,
                   sizeof(NGX_CHAT_APIKEY_PREFIX) - 1);
    p = ngx_cpymem(p, name.data, name.len);
    key->id.len = (size_t) (p - key->id.data);

    return NGX_OK;
}


static ngx_int_t
ngx_chat_apikey_secret(ngx_pool_t *pool, ngx_chat_apikey_t *key,
    ngx_str_t *value, const char **why)
{
    size_t     i;
    ngx_int_t  rc;
    ngx_str_t  secret;

    rc = ngx_chat_json_decode(pool, value, &secret);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    for (i = 0; rc == NGX_OK && i < secret.len; i++) {
        if (secret.data[i] <= ' ' || secret.data[i] >= 0x7f) {
            break;
        }
    }

    if (rc != NGX_OK || i < secret.len || i < NGX_CHAT_APIKEY_MIN
        || i > NGX_CHAT_APIKEY_MAX)
    {
        *why = "a \"key\" is 32 to 256 characters of ASCII without spaces: "
               "make one with \"openssl rand -hex 32\"";
        rc = NGX_DECLINED;

    } else {
        rc = ngx_chat_apikey_digest(&secret, key->digest);
        *why = "OpenSSL failed";
    }

    if (rc == NGX_OK || rc == NGX_ERROR) {
        /* a slice of the text, or one that had escapes */
        OPENSSL_cleanse(secret.data, secret.len);
    }

    return rc;
}


static ngx_int_t
ngx_chat_apikey_scopes(ngx_pool_t *pool, ngx_chat_apikey_t *key,
    ngx_str_t *value, const char **why)
{
    u_char     *pos;
    uint32_t    scope;
    ngx_str_t   element, name;

    if (value->data[0] == '[') {
        pos = value->data;

        while (ngx_chat_json_element(value, &pos, &element) == NGX_OK) {

            scope = (ngx_chat_json_decode(pool, &element, &name) == NGX_OK)
                    ? ngx_chat_scope(&name) : 0;

            if (scope == 0) {
                key->scopes = 0;
                break;
            }

            key->scopes |= scope;
        }
    }

    if (key->scopes == 0) {
        *why = "\"scopes\" is an array of some of \"publish\", \"history\", "
               "\"presence\", \"rooms\", \"sessions\", \"moderate\", "
               "\"admin\", \"audit\" and \"users\", or [\"*\"]";
        return NGX_DECLINED;
    }

    return NGX_OK;
}


/* patterns as in tokens; no room at all is [] */

static ngx_int_t
ngx_chat_apikey_rooms(ngx_pool_t *pool, ngx_chat_apikey_t *key,
    ngx_str_t *value, const char **why)
{
    u_char     *p, *pos;
    ngx_str_t   element, name;

    key->confined = 1;
    key->rooms.names = ngx_palloc(pool,
                                  NGX_CHAT_APIKEY_ROOMS * sizeof(ngx_str_t));
    if (key->rooms.names == NULL) {
        return NGX_ERROR;
    }

    *why = "\"rooms\" is an array of at most 64 names or patterns of rooms, as "
           "\"shop.*\"";

    if (value->data[0] != '[') {
        return NGX_DECLINED;
    }

    pos = value->data;

    while (ngx_chat_json_element(value, &pos, &element) == NGX_OK) {

        if (key->rooms.n == NGX_CHAT_APIKEY_ROOMS
            || ngx_chat_json_decode(pool, &element, &name) != NGX_OK
            || name.len == 0 || name.len > NGX_CHAT_ROOM_MAX)
        {
            return NGX_DECLINED;
        }

        p = ngx_pnalloc(pool, name.len);
        if (p == NULL) {
            return NGX_ERROR;
        }

        ngx_memcpy(p, name.data, name.len);

        key->rooms.names[key->rooms.n].data = p;
        key->rooms.names[key->rooms.n++].len = name.len;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_chat_apikey_digest(ngx_str_t *secret, u_char *digest)
{
    return EVP_Digest(secret->data, secret->len, digest, NULL, EVP_sha256(),
                      NULL)
           ? NGX_OK : NGX_ERROR;
}


/* at most once a second; a file that is worse than before changes nothing */

static void
ngx_chat_apikey_refresh(ngx_chat_apikey_file_t *f, ngx_log_t *log)
{
    ngx_err_t    err;
    const char  *why;

    if (!ngx_chat_file_changed(&f->file)) {
        return;
    }

    if (ngx_chat_apikey_read(f, log, &why, &err) != NGX_OK) {
        ngx_log_error(NGX_LOG_ERR, log, err,
                      "the keys of \"chat_api\" in \"%V\" have changed and "
                      "can't be used, those of before are kept: %s",
                      &f->file.name, why);
        return;
    }

    /* `log' may be a connection's, which the keys outlive */
    f->pool->log = ngx_cycle->log;

    ngx_log_error(NGX_LOG_NOTICE, log, 0,
                  "the keys of \"chat_api\" in \"%V\" were read again",
                  &f->file.name);
}


/* all keys are compared, with the one that fits among them or not */

ngx_int_t
ngx_chat_apikey_find(ngx_array_t *files, ngx_str_t *secret, ngx_pool_t *pool,
    ngx_log_t *log, ngx_chat_user_t *user)
{
    u_char                  *p, digest[NGX_CHAT_APIKEY_DIGEST];
    ngx_uint_t               i, k;
    ngx_chat_user_t          who;
    ngx_chat_apikey_t       *key, *found;
    ngx_chat_apikey_file_t  *f;

    if (secret->len > NGX_CHAT_APIKEY_MAX) {
        return NGX_DECLINED;
    }

    if (ngx_chat_apikey_digest(secret, digest) != NGX_OK) {
        return NGX_ERROR;
    }

    f = files->elts;
    found = NULL;

    for (i = 0; i < files->nelts; i++) {

        ngx_chat_apikey_refresh(&f[i], log);

        for (k = 0; k < f[i].n; k++) {
            key = &f[i].keys[k];

            if (CRYPTO_memcmp(key->digest, digest, NGX_CHAT_APIKEY_DIGEST)
                == 0)
            {
                found = key;
            }
        }
    }

    if (found == NULL) {
        return NGX_DECLINED;
    }

    ngx_memzero(&who, sizeof(ngx_chat_user_t));

    who.id = found->id;
    who.scopes = found->scopes;
    who.rooms = found->rooms;
    who.confined = found->confined ? 1 : 0;
    who.api = 1;

    /* the keys may be read again while a request waits */

    p = ngx_palloc(pool, ngx_chat_user_size(&who));
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_chat_user_copy(user, &who, p);

    return NGX_OK;
}


void
ngx_chat_apikey_none(ngx_chat_user_t *user)
{
    ngx_memzero(user, sizeof(ngx_chat_user_t));

    ngx_str_set(&user->id, NGX_CHAT_APIKEY_PREFIX "off");

    user->scopes = NGX_CHAT_SCOPE_ALL;
    user->api = 1;
}
