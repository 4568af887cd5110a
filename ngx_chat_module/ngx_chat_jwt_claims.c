
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * What a token says: RFC 7519, section 4.1; RFC 9068.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_json.h"
#include "ngx_chat_jwt.h"
#include "ngx_chat_name.h"
#include "ngx_chat_proto_member.h"


static ngx_int_t ngx_chat_jwt_times(ngx_chat_jwt_t *jwt,
    ngx_chat_jwt_rules_t *rules, time_t now, ngx_pool_t *pool,
    time_t *expires, const char **why);
static ngx_int_t ngx_chat_jwt_time(ngx_chat_jwt_t *jwt, ngx_pool_t *pool,
    const char *name, time_t *t);
static ngx_int_t ngx_chat_jwt_among(ngx_chat_jwt_t *jwt, ngx_pool_t *pool,
    const char *name, ngx_array_t *known);
static ngx_int_t ngx_chat_jwt_known_by(ngx_chat_jwt_t *jwt,
    ngx_pool_t *pool, ngx_chat_user_t *user, const char **why);
static ngx_int_t ngx_chat_jwt_name(ngx_chat_jwt_t *jwt, ngx_str_t *path,
    ngx_pool_t *pool, ngx_str_t *name);
static ngx_int_t ngx_chat_jwt_list(ngx_str_t *source, ngx_uint_t max,
    ngx_pool_t *pool, ngx_chat_roles_t *list);
static ngx_int_t ngx_chat_jwt_words(ngx_str_t *words, ngx_uint_t max,
    ngx_pool_t *pool, ngx_chat_roles_t *list);


ngx_int_t
ngx_chat_jwt_check_claims(ngx_chat_jwt_t *jwt, ngx_chat_jwt_rules_t *rules,
    time_t now, ngx_pool_t *pool, time_t *expires, const char **why)
{
    ngx_int_t  rc;

    *why = "its \"iss\" isn't one of \"chat_jwt_iss\"";

    rc = ngx_chat_jwt_among(jwt, pool, "iss", rules->iss);

    if (rc != NGX_OK) {
        return rc;
    }

    *why = "its \"aud\" has none of \"chat_jwt_aud\"";

    rc = ngx_chat_jwt_among(jwt, pool, "aud", rules->aud);

    if (rc != NGX_OK) {
        return rc;
    }

    return ngx_chat_jwt_times(jwt, rules, now, pool, expires, why);
}


static ngx_int_t
ngx_chat_jwt_times(ngx_chat_jwt_t *jwt, ngx_chat_jwt_rules_t *rules,
    time_t now, ngx_pool_t *pool, time_t *expires, const char **why)
{
    time_t  exp, nbf, iat;

    *why = "its \"exp\", \"nbf\" or \"iat\" is no time";

    if (ngx_chat_jwt_time(jwt, pool, "exp", &exp) != NGX_OK
        || ngx_chat_jwt_time(jwt, pool, "nbf", &nbf) != NGX_OK
        || ngx_chat_jwt_time(jwt, pool, "iat", &iat) != NGX_OK)
    {
        return NGX_DECLINED;
    }

    *why = "it is not valid yet";

    if (nbf > now + rules->leeway || iat > now + rules->leeway) {
        return NGX_DECLINED;
    }

    *expires = 0;

    if (exp < 0) {
        *why = "it has no \"exp\"";
        return rules->exp_optional ? NGX_OK : NGX_DECLINED;
    }

    *why = "it has expired";

    if (now >= exp + rules->leeway) {
        return NGX_ABORT;
    }

    *why = "it is valid for longer than \"chat_jwt_lifetime\"";

    if (rules->lifetime > 0
        && exp - (iat >= 0 ? ngx_min(iat, now) : now)
           > rules->lifetime + rules->leeway)
    {
        return NGX_DECLINED;
    }

    *expires = exp + rules->leeway;

    return NGX_OK;
}


/* NumericDate; its fraction is dropped; -1: there is none */

static ngx_int_t
ngx_chat_jwt_time(ngx_chat_jwt_t *jwt, ngx_pool_t *pool, const char *name,
    time_t *t)
{
    u_char     *p, *last;
    int64_t     n;
    ngx_int_t   rc;
    ngx_str_t   key, value;

    key.data = (u_char *) name;
    key.len = ngx_strlen(name);

    *t = -1;

    rc = ngx_chat_jwt_member(pool, &jwt->claims, &key, &value);

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : NGX_ERROR;
    }

    n = 0;
    p = value.data;
    last = p + value.len;

    while (p < last && *p >= '0' && *p <= '9') {
        n = n * 10 + (*p++ - '0');

        if (n > NGX_CHAT_JWT_TIME_MAX) {
            return NGX_DECLINED;
        }
    }

    if (p == value.data) {
        return NGX_DECLINED;
    }

    if (p < last && *p == '.') {
        for (p++; p < last && *p >= '0' && *p <= '9'; p++) { /* void */ }
    }

    *t = (time_t) n;

    return (p == last) ? NGX_OK : NGX_DECLINED;
}


/* a string, or for "aud" an array, one of which is known */

static ngx_int_t
ngx_chat_jwt_among(ngx_chat_jwt_t *jwt, ngx_pool_t *pool, const char *name,
    ngx_array_t *known)
{
    u_char     *pos;
    ngx_int_t   rc;
    ngx_str_t   key, source, element, value, *k;
    ngx_uint_t  i, list;

    if (known == NULL) {
        return NGX_OK;
    }

    key.data = (u_char *) name;
    key.len = ngx_strlen(name);

    rc = ngx_chat_jwt_member(pool, &jwt->claims, &key, &source);

    if (rc != NGX_OK) {
        return rc;
    }

    list = (source.data[0] == '[' && name[0] == 'a');
    pos = source.data;
    k = known->elts;

    for ( ;; ) {
        element = source;

        if (list && ngx_chat_json_element(&source, &pos, &element) != NGX_OK) {
            return NGX_DECLINED;
        }

        rc = ngx_chat_json_decode(pool, &element, &value);

        if (rc != NGX_OK) {
            return rc;
        }

        for (i = 0; i < known->nelts; i++) {
            if (k[i].len == value.len
                && ngx_memcmp(k[i].data, value.data, value.len) == 0)
            {
                return NGX_OK;
            }
        }

        if (!list) {
            return NGX_DECLINED;
        }
    }
}


ngx_int_t
ngx_chat_jwt_user(ngx_chat_jwt_t *jwt, ngx_chat_jwt_rules_t *rules,
    ngx_pool_t *pool, ngx_chat_user_t *user, const char **why)
{
    ngx_int_t  rc;
    ngx_str_t  source;

    ngx_memzero(user, sizeof(ngx_chat_user_t));

    *why = "the claim with the user can't be a user's id: 1-64 bytes of UTF-8 "
           "without spaces and / \\ ? # % , * { } \" < >, not beginning with "
           "~ . $ @";

    rc = ngx_chat_jwt_path(pool, &jwt->claims, &rules->user, &source);

    if (rc == NGX_OK) {
        rc = ngx_chat_json_decode(pool, &source, &user->id);
    }

    if (rc != NGX_OK) {
        return rc;
    }

    if (ngx_chat_user_id_valid(&user->id, 0) != NGX_OK) {
        return NGX_DECLINED;
    }

    if (ngx_chat_jwt_name(jwt, &rules->name, pool, &user->name) != NGX_OK) {
        return NGX_ERROR;
    }

    *why = "the claim with the roles is no list of at most 16 strings of 1-64 "
           "bytes";

    rc = ngx_chat_jwt_path(pool, &jwt->claims, &rules->roles, &source);

    if (rc == NGX_OK) {
        rc = ngx_chat_jwt_list(&source, NGX_CHAT_JWT_ROLES_MAX, pool,
                               &user->roles);
        if (rc != NGX_OK) {
            return rc;
        }
    }

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    rc = ngx_chat_jwt_known_by(jwt, pool, user, why);

    if (rc != NGX_OK) {
        return rc;
    }

    *why = "the claim with the rooms is no list of at most 64 patterns of "
           "1-128 bytes";

    rc = ngx_chat_jwt_path(pool, &jwt->claims, &rules->rooms, &source);

    if (rc == NGX_DECLINED) {
        return NGX_OK;
    }

    user->confined = 1;

    return (rc == NGX_OK) ? ngx_chat_jwt_list(&source, NGX_CHAT_JWT_ROOMS_MAX,
                                              pool, &user->rooms)
                          : rc;
}


/* by what it can be revoked: when it was issued, and its id */

static ngx_int_t
ngx_chat_jwt_known_by(ngx_chat_jwt_t *jwt, ngx_pool_t *pool,
    ngx_chat_user_t *user, const char **why)
{
    ngx_int_t  rc;

    *why = "its \"jti\" is no string";

    rc = ngx_chat_jwt_string(pool, &jwt->claims, "jti", &user->jti);

    if (rc == NGX_ERROR || rc == NGX_ABORT) {
        return (rc == NGX_ABORT) ? NGX_DECLINED : NGX_ERROR;
    }

    *why = "its \"iat\" is no time";

    if (ngx_chat_jwt_time(jwt, pool, "iat", &user->issued) != NGX_OK) {
        return NGX_DECLINED;
    }

    /* one that doesn't say it is older than anything */

    user->issued = ngx_max(user->issued, 1);

    return NGX_OK;
}


/* who has a name that can't be shown has none */

static ngx_int_t
ngx_chat_jwt_name(ngx_chat_jwt_t *jwt, ngx_str_t *path, ngx_pool_t *pool,
    ngx_str_t *name)
{
    ngx_int_t  rc;
    ngx_str_t  source, value;

    rc = ngx_chat_jwt_path(pool, &jwt->claims, path, &source);

    if (rc == NGX_OK) {
        rc = ngx_chat_json_decode(pool, &source, &value);
    }

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : rc;
    }

    /* it is tidied in place, and may be a slice of the claims */

    name->data = ngx_pstrdup(pool, &value);
    if (name->data == NULL) {
        return NGX_ERROR;
    }

    name->len = value.len;

    if (name->len == 0 || ngx_chat_display_name(name) != NGX_OK) {
        name->len = 0;
    }

    return NGX_OK;
}


/* an array of strings, or one string with spaces between words, as "scope" */

static ngx_int_t
ngx_chat_jwt_list(ngx_str_t *source, ngx_uint_t max, ngx_pool_t *pool,
    ngx_chat_roles_t *list)
{
    size_t      longest;
    u_char     *pos;
    ngx_int_t   rc;
    ngx_str_t   element, *name;

    longest = (max == NGX_CHAT_JWT_ROLES_MAX) ? NGX_CHAT_JWT_ROLE_MAX
                                              : NGX_CHAT_ROOM_MAX;

    list->n = 0;
    list->names = ngx_palloc(pool, max * sizeof(ngx_str_t));
    if (list->names == NULL) {
        return NGX_ERROR;
    }

    if (source->data[0] == '"') {
        rc = ngx_chat_json_decode(pool, source, &element);

        if (rc == NGX_OK) {
            rc = ngx_chat_jwt_words(&element, max, pool, list);
        }

    } else {
        rc = (source->data[0] == '[') ? NGX_OK : NGX_DECLINED;
        pos = source->data;

        while (rc == NGX_OK
               && ngx_chat_json_element(source, &pos, &element) == NGX_OK)
        {
            if (list->n == max) {
                return NGX_DECLINED;
            }

            rc = ngx_chat_json_decode(pool, &element, &list->names[list->n++]);
        }
    }

    if (rc != NGX_OK) {
        return rc;
    }

    for (name = list->names; name < list->names + list->n; name++) {
        if (name->len == 0 || name->len > longest) {
            return NGX_DECLINED;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_chat_jwt_words(ngx_str_t *words, ngx_uint_t max, ngx_pool_t *pool,
    ngx_chat_roles_t *list)
{
    u_char  *p, *end, *last;

    p = words->data;
    last = p + words->len;

    for ( ;; ) {

        while (p < last && *p == ' ') {
            p++;
        }

        if (p == last) {
            return NGX_OK;
        }

        if (list->n == max) {
            return NGX_DECLINED;
        }

        end = ngx_strlchr(p, last, ' ');

        if (end == NULL) {
            end = last;
        }

        list->names[list->n].data = p;
        list->names[list->n++].len = (size_t) (end - p);

        p = end;
    }
}
