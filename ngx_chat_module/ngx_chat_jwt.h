
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * JSON Web Tokens: compact JWS (RFC 7515) with claims (RFC 7519), signed with
 * algorithms that the configuration names (RFC 7518, RFC 8037), checked as RFC
 * 8725 wants it.  Nothing here reads files or keeps state; all functions leave
 * OpenSSL's error queue empty and log no token and no key.
 */


#ifndef _NGX_CHAT_JWT_H_INCLUDED_
#define _NGX_CHAT_JWT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <openssl/evp.h>
#include "ngx_chat_proto.h"


#define NGX_CHAT_JWT_MAX         8192     /* bytes of a token */
#define NGX_CHAT_JWT_FILE_MAX    65536    /* of a file with keys */
#define NGX_CHAT_JWT_KEYS_MAX    64       /* keys in a set */
#define NGX_CHAT_JWT_KID_MAX     256
#define NGX_CHAT_JWT_DEPTH_MAX   16
#define NGX_CHAT_JWT_ROLES_MAX   16
#define NGX_CHAT_JWT_ROLE_MAX    64
#define NGX_CHAT_JWT_ROOMS_MAX   64
#define NGX_CHAT_JWT_TIME_MAX    253402300799LL   /* the year 9999 */


typedef enum {
    NGX_CHAT_JWT_HMAC = 0,
    NGX_CHAT_JWT_RSA,
    NGX_CHAT_JWT_PSS,
    NGX_CHAT_JWT_EC,
    NGX_CHAT_JWT_ED
} ngx_chat_jwt_family_e;


/* an algorithm's bit in a set of algorithms is 1 << its index in the table */

typedef struct {
    ngx_str_t                name;
    ngx_chat_jwt_family_e    family;
    const EVP_MD          *(*md)(void);      /* NULL: EdDSA */
    size_t                   size;           /* of a MAC; of r and of s */
    const char              *curve;          /* "crv" of a JWK */
} ngx_chat_jwt_alg_t;


typedef struct {
    ngx_str_t                kid;            /* len 0: none */
    ngx_uint_t               algs;           /* that it may be used with */
    EVP_PKEY                *pkey;           /* NULL: a secret */
    ngx_str_t                secret;
} ngx_chat_jwt_key_t;


/* keys of one file, in a pool of their own */

typedef struct {
    ngx_pool_t              *pool;
    ngx_str_t                text;           /* of the file */
    ngx_uint_t               n;
    ngx_chat_jwt_key_t       key[NGX_CHAT_JWT_KEYS_MAX];
} ngx_chat_jwt_keys_t;


/* what a token must say, and what its claims are called */

typedef struct {
    ngx_array_t             *iss;            /* of ngx_str_t; NULL: any */
    ngx_array_t             *aud;
    time_t                   leeway;         /* seconds */
    time_t                   lifetime;       /* 0: not bounded */
    ngx_uint_t               exp_optional;
    ngx_str_t                user;           /* names of claims: a, a.b */
    ngx_str_t                name;
    ngx_str_t                roles;
    ngx_str_t                rooms;
} ngx_chat_jwt_rules_t;


/* slices of the token's decoded parts, in the pool of the parser */

typedef struct {
    ngx_uint_t               alg;            /* index in the table */
    ngx_str_t                kid;
    ngx_str_t                signing;        /* what is signed */
    ngx_str_t                signature;
    ngx_str_t                claims;         /* valid JSON, an object */
} ngx_chat_jwt_t;


/* --- ngx_chat_jwt.c --- */

/*
 * Splits and decodes.  NGX_DECLINED: it can't be accepted, whoever signed it,
 * and *why says why in words that name nothing of the token; NGX_ERROR.
 */
ngx_int_t ngx_chat_jwt_parse(ngx_chat_jwt_t *jwt, ngx_str_t *token,
    ngx_uint_t algs, ngx_pool_t *pool, const char **why);

/*
 * Tries the keys that may have signed it: those with its kid and those without
 * one, or, if it has none, all that a set has for the algorithm if that is one.
 * NGX_OK; NGX_DECLINED: none has; NGX_AGAIN: no key is known by that kid.
 */
ngx_int_t ngx_chat_jwt_check_signature(ngx_chat_jwt_t *jwt,
    ngx_chat_jwt_keys_t *keys);

/* --- ngx_chat_jwt_claims.c --- */

/*
 * Times, issuer, audience.  NGX_OK and *expires (0: never); NGX_ABORT: it has
 * expired; NGX_DECLINED and *why; NGX_ERROR.
 */
ngx_int_t ngx_chat_jwt_check_claims(ngx_chat_jwt_t *jwt,
    ngx_chat_jwt_rules_t *rules, time_t now, ngx_pool_t *pool,
    time_t *expires, const char **why);

/* who it is about; strings are in the pool.  As above */
ngx_int_t ngx_chat_jwt_user(ngx_chat_jwt_t *jwt, ngx_chat_jwt_rules_t *rules,
    ngx_pool_t *pool, ngx_chat_user_t *user, const char **why);

/* --- ngx_chat_jwt_json.c --- */

/*
 * One JSON object and nothing else, at most NGX_CHAT_JWT_DEPTH_MAX deep, no
 * name twice; `json' is trimmed.  NGX_OK, NGX_DECLINED, NGX_ERROR.
 */
ngx_int_t ngx_chat_jwt_object(ngx_str_t *json);

/* a member's source; its name may have escapes; NGX_DECLINED: none */
ngx_int_t ngx_chat_jwt_member(ngx_pool_t *pool, ngx_str_t *json,
    ngx_str_t *name, ngx_str_t *value);

/* the same by "a" or "a.b", a name with dots before a path */
ngx_int_t ngx_chat_jwt_path(ngx_pool_t *pool, ngx_str_t *json,
    ngx_str_t *path, ngx_str_t *value);

/* a member that is a string: NGX_DECLINED: none, NGX_ABORT: something else */
ngx_int_t ngx_chat_jwt_string(ngx_pool_t *pool, ngx_str_t *json,
    const char *name, ngx_str_t *value);

/*
 * The claim that a variable is named after: its name in small letters, with "_"
 * for what is no letter and no digit, and for the step into an object: "a_b" is
 * the member "a_b", "a-b" or "A.b", or b of the object a; of several the first.
 * A string is decoded, null is none, anything else is as it is written.
 * NGX_DECLINED: none
 */
ngx_int_t ngx_chat_jwt_variable(ngx_pool_t *pool, ngx_str_t *json,
    ngx_str_t *name, ngx_str_t *value);

/* base64url without padding, one spelling for each value; NGX_DECLINED */
ngx_int_t ngx_chat_jwt_base64(ngx_pool_t *pool, ngx_str_t *text,
    ngx_str_t *value);

/* --- ngx_chat_jwt_alg.c --- */

extern ngx_chat_jwt_alg_t  ngx_chat_jwt_algs[];

/* index, or NGX_ERROR */
ngx_int_t ngx_chat_jwt_alg(ngx_str_t *name);

/* NGX_OK or NGX_DECLINED; one of the key's algorithms only */
ngx_int_t ngx_chat_jwt_verify(ngx_chat_jwt_key_t *key, ngx_uint_t alg,
    ngx_str_t *data, ngx_str_t *signature);

/* --- ngx_chat_jwt_sign.c --- */

/* a token of these claims, JSON, in the pool; HMAC only.  NGX_OK, NGX_ERROR */
ngx_int_t ngx_chat_jwt_sign(ngx_chat_jwt_key_t *key, ngx_uint_t alg,
    ngx_str_t *claims, ngx_pool_t *pool, ngx_str_t *token);

/* --- ngx_chat_jwt_key.c --- */

/*
 * Keys of a file: a PEM public key or certificate, a JWK, a set of them, else a
 * secret as it is, but for one line end behind it.  `algs' is what they may be
 * used with.  NULL: *why says why.  Of a set the keys that can't be used are
 * left out; one at least must be there.
 */
ngx_chat_jwt_keys_t *ngx_chat_jwt_keys_read(ngx_str_t *text, ngx_uint_t algs,
    ngx_log_t *log, const char **why);
void ngx_chat_jwt_keys_free(ngx_chat_jwt_keys_t *keys);

/* --- ngx_chat_jwt_jwk.c --- */

/* NGX_OK; NGX_DECLINED: *why says what is wrong with it; NGX_ERROR */
ngx_int_t ngx_chat_jwt_jwk(ngx_pool_t *pool, ngx_str_t *json,
    ngx_chat_jwt_key_t *key, ngx_uint_t algs, const char **why);

/* what a public key may be used with; 0: nothing, *why */
ngx_uint_t ngx_chat_jwt_pkey_algs(EVP_PKEY *pkey, const char **why);
/* the same of a secret's length */
ngx_uint_t ngx_chat_jwt_secret_algs(size_t len);


#endif /* _NGX_CHAT_JWT_H_INCLUDED_ */
