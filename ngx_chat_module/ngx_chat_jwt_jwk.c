
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Keys as JSON: RFC 7517, RFC 7518 section 6, RFC 8037.  A public key is built
 * as the DER of its SubjectPublicKeyInfo, which all versions of OpenSSL read;
 * the functions that take its numbers are others in each.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include "ngx_chat_json.h"
#include "ngx_chat_jwt.h"
#include "ngx_chat_proto_member.h"


#define NGX_CHAT_JWT_RSA_MIN  2048        /* bits */
#define NGX_CHAT_JWT_RSA_MAX  8192
#define NGX_CHAT_JWT_DER_MAX  2048        /* bytes */


/* AlgorithmIdentifier and what begins the key's BIT STRING */

typedef struct {
    const char   *crv;
    size_t        size;           /* of a coordinate, of the key */
    ngx_str_t     prefix;         /* of SubjectPublicKeyInfo */
    size_t        oid;            /* where the algorithm's begins in it */
    size_t        oid_len;
} ngx_chat_jwt_curve_t;


static ngx_int_t ngx_chat_jwt_jwk_use(ngx_pool_t *pool, ngx_str_t *json,
    ngx_uint_t *algs, const char **why);
static ngx_int_t ngx_chat_jwt_jwk_ops(ngx_pool_t *pool, ngx_str_t *json);
static ngx_int_t ngx_chat_jwt_jwk_bytes(ngx_pool_t *pool, ngx_str_t *json,
    const char *name, ngx_str_t *value);
static ngx_int_t ngx_chat_jwt_jwk_oct(ngx_pool_t *pool, ngx_str_t *json,
    ngx_chat_jwt_key_t *key, const char **why);
static ngx_int_t ngx_chat_jwt_jwk_rsa(ngx_pool_t *pool, ngx_str_t *json,
    ngx_chat_jwt_key_t *key);
static ngx_int_t ngx_chat_jwt_jwk_curve(ngx_pool_t *pool, ngx_str_t *json,
    ngx_chat_jwt_key_t *key, ngx_uint_t ec);
static u_char *ngx_chat_jwt_der_number(u_char *p, ngx_str_t *n);
static u_char *ngx_chat_jwt_der(u_char *p, u_char type, size_t len);
static EVP_PKEY *ngx_chat_jwt_spki(u_char *der, size_t len);
static ngx_int_t ngx_chat_jwt_rsa_exponent(EVP_PKEY *pkey);
static u_char *ngx_chat_jwt_der_enter(u_char *p, u_char *last, u_char type,
    u_char **end);


static ngx_chat_jwt_curve_t  ngx_chat_jwt_curves[] = {

    { "P-256", 32,
      ngx_string("\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01"
                 "\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07"
                 "\x03\x42\x00\x04"), 2, 21 },

    { "P-384", 48,
      ngx_string("\x30\x76\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01"
                 "\x06\x05\x2b\x81\x04\x00\x22"
                 "\x03\x62\x00\x04"), 2, 18 },

    { "P-521", 66,
      ngx_string("\x30\x81\x9b\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01"
                 "\x06\x05\x2b\x81\x04\x00\x23"
                 "\x03\x81\x86\x00\x04"), 3, 18 },

    { "Ed25519", 32,
      ngx_string("\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00"), 2, 7 },

    { NULL, 0, ngx_null_string, 0, 0 }
};


ngx_int_t
ngx_chat_jwt_jwk(ngx_pool_t *pool, ngx_str_t *json, ngx_chat_jwt_key_t *key,
    ngx_uint_t algs, const char **why)
{
    ngx_int_t   rc;
    ngx_str_t   kty, secret;
    ngx_uint_t  can;

    *why = "it has no \"kty\"";

    rc = ngx_chat_jwt_string(pool, json, "kty", &kty);

    if (rc != NGX_OK) {
        return (rc == NGX_ERROR) ? NGX_ERROR : NGX_DECLINED;
    }

    rc = ngx_chat_jwt_jwk_use(pool, json, &algs, why);

    if (rc != NGX_OK) {
        return rc;
    }

    rc = ngx_chat_jwt_string(pool, json, "kid", &key->kid);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc == NGX_ABORT || key->kid.len > NGX_CHAT_JWT_KID_MAX) {
        *why = "its \"kid\" is no string of at most 256 bytes";
        return NGX_DECLINED;
    }

    if (kty.len == 3 && ngx_strncmp(kty.data, "oct", 3) == 0) {
        rc = ngx_chat_jwt_jwk_oct(pool, json, key, why);
        can = (rc == NGX_OK) ? ngx_chat_jwt_secret_algs(key->secret.len) : 0;

    } else {

        *why = "it has the private key, too: give the public one only";
        rc = ngx_chat_jwt_string(pool, json, "d", &secret);

        if (rc != NGX_DECLINED) {
            return (rc == NGX_ERROR) ? NGX_ERROR : NGX_DECLINED;
        }

        *why = "its numbers are no public key of a known kind";

        if (kty.len == 3 && ngx_strncmp(kty.data, "RSA", 3) == 0) {
            rc = ngx_chat_jwt_jwk_rsa(pool, json, key);

        } else if (kty.len == 2 && ngx_strncmp(kty.data, "EC", 2) == 0) {
            rc = ngx_chat_jwt_jwk_curve(pool, json, key, 1);

        } else if (kty.len == 3 && ngx_strncmp(kty.data, "OKP", 3) == 0) {
            rc = ngx_chat_jwt_jwk_curve(pool, json, key, 0);
        }

        can = (rc == NGX_OK) ? ngx_chat_jwt_pkey_algs(key->pkey, why) : 0;
    }

    if (rc != NGX_OK) {
        return rc;
    }

    key->algs = can & algs;

    if (can != 0 && key->algs == 0) {
        *why = "it isn't a key for alg=";
    }

    if (key->algs != 0) {
        return NGX_OK;
    }

    EVP_PKEY_free(key->pkey);
    key->pkey = NULL;

    return NGX_DECLINED;
}


/* "use", "key_ops" and "alg" may only narrow what the configuration allows */

static ngx_int_t
ngx_chat_jwt_jwk_use(ngx_pool_t *pool, ngx_str_t *json, ngx_uint_t *algs,
    const char **why)
{
    ngx_int_t  rc, alg;
    ngx_str_t  value;

    rc = ngx_chat_jwt_string(pool, json, "use", &value);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc == NGX_ABORT
        || (rc == NGX_OK
            && (value.len != 3 || ngx_strncmp(value.data, "sig", 3) != 0)))
    {
        *why = "its \"use\" isn't \"sig\"";
        return NGX_DECLINED;
    }

    rc = ngx_chat_jwt_jwk_ops(pool, json);

    if (rc != NGX_OK) {
        *why = "its \"key_ops\" don't have \"verify\"";
        return rc;
    }

    rc = ngx_chat_jwt_string(pool, json, "alg", &value);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc == NGX_DECLINED) {
        return NGX_OK;
    }

    alg = (rc == NGX_OK) ? ngx_chat_jwt_alg(&value) : NGX_ERROR;

    if (alg == NGX_ERROR || !(*algs & ((ngx_uint_t) 1 << alg))) {
        *why = "its \"alg\" isn't one of alg=";
        return NGX_DECLINED;
    }

    *algs = (ngx_uint_t) 1 << alg;

    return NGX_OK;
}


static ngx_int_t
ngx_chat_jwt_jwk_ops(ngx_pool_t *pool, ngx_str_t *json)
{
    u_char     *pos;
    ngx_int_t   rc;
    ngx_str_t   ops, element, op;

    static ngx_str_t  key_ops = ngx_string("key_ops");

    rc = ngx_chat_jwt_member(pool, json, &key_ops, &ops);

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : rc;
    }

    if (ops.data[0] != '[') {
        return NGX_DECLINED;
    }

    pos = ops.data;

    while (ngx_chat_json_element(&ops, &pos, &element) == NGX_OK) {

        rc = ngx_chat_json_decode(pool, &element, &op);

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (rc == NGX_OK && op.len == 6
            && ngx_strncmp(op.data, "verify", 6) == 0)
        {
            return NGX_OK;
        }
    }

    return NGX_DECLINED;
}


static ngx_int_t
ngx_chat_jwt_jwk_bytes(ngx_pool_t *pool, ngx_str_t *json, const char *name,
    ngx_str_t *value)
{
    ngx_int_t  rc;
    ngx_str_t  text;

    rc = ngx_chat_jwt_string(pool, json, name, &text);

    if (rc == NGX_OK) {
        rc = ngx_chat_jwt_base64(pool, &text, value);
    }

    return (rc == NGX_ABORT) ? NGX_DECLINED : rc;
}


static ngx_int_t
ngx_chat_jwt_jwk_oct(ngx_pool_t *pool, ngx_str_t *json,
    ngx_chat_jwt_key_t *key, const char **why)
{
    *why = "its \"k\" is no secret of 32 bytes or more for HS256, 48 for "
           "HS384, 64 for HS512";

    return ngx_chat_jwt_jwk_bytes(pool, json, "k", &key->secret);
}


static ngx_int_t
ngx_chat_jwt_jwk_rsa(ngx_pool_t *pool, ngx_str_t *json,
    ngx_chat_jwt_key_t *key)
{
    u_char     *p, der[NGX_CHAT_JWT_DER_MAX], numbers[NGX_CHAT_JWT_DER_MAX];
    size_t      len;
    ngx_int_t   rc;
    ngx_str_t   n, e;

    /* SEQUENCE of rsaEncryption and NULL */
    static ngx_str_t  rsa = ngx_string("\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7"
                                       "\x0d\x01\x01\x01\x05\x00");

    rc = ngx_chat_jwt_jwk_bytes(pool, json, "n", &n);

    if (rc == NGX_OK) {
        rc = ngx_chat_jwt_jwk_bytes(pool, json, "e", &e);
    }

    if (rc != NGX_OK) {
        return rc;
    }

    if (n.len < NGX_CHAT_JWT_RSA_MIN / 8 || n.len > NGX_CHAT_JWT_RSA_MAX / 8
        || e.len > 8)
    {
        return NGX_DECLINED;
    }

    p = ngx_chat_jwt_der_number(numbers, &n);
    p = ngx_chat_jwt_der_number(p, &e);

    len = (size_t) (p - numbers);

    /* heads are of 4 bytes, since n alone is longer than 255 */

    p = ngx_chat_jwt_der(der, 0x30, rsa.len + 4 + 1 + 4 + len);
    p = ngx_cpymem(p, rsa.data, rsa.len);
    p = ngx_chat_jwt_der(p, 0x03, 1 + 4 + len);
    *p++ = 0;
    p = ngx_chat_jwt_der(p, 0x30, len);
    p = ngx_cpymem(p, numbers, len);

    key->pkey = ngx_chat_jwt_spki(der, (size_t) (p - der));

    return (key->pkey != NULL) ? NGX_OK : NGX_DECLINED;
}


static ngx_int_t
ngx_chat_jwt_jwk_curve(ngx_pool_t *pool, ngx_str_t *json,
    ngx_chat_jwt_key_t *key, ngx_uint_t ec)
{
    u_char                *p, der[256];
    ngx_int_t              rc;
    ngx_str_t              crv, x, y;
    ngx_chat_jwt_curve_t  *curve;

    ngx_str_null(&y);

    rc = ngx_chat_jwt_string(pool, json, "crv", &crv);

    if (rc == NGX_OK) {
        rc = ngx_chat_jwt_jwk_bytes(pool, json, "x", &x);
    }

    if (rc == NGX_OK && ec) {
        rc = ngx_chat_jwt_jwk_bytes(pool, json, "y", &y);
    }

    if (rc != NGX_OK) {
        return (rc == NGX_ABORT) ? NGX_DECLINED : rc;
    }

    for (curve = ngx_chat_jwt_curves; curve->crv != NULL; curve++) {
        if (crv.len == ngx_strlen(curve->crv)
            && ngx_memcmp(crv.data, curve->crv, crv.len) == 0)
        {
            break;
        }
    }

    if (curve->crv == NULL || (curve->crv[0] == 'P') != ec
        || x.len != curve->size || (ec && y.len != curve->size))
    {
        return NGX_DECLINED;
    }

    p = ngx_cpymem(der, curve->prefix.data, curve->prefix.len);
    p = ngx_cpymem(p, x.data, x.len);

    if (ec) {
        p = ngx_cpymem(p, y.data, y.len);
    }

    key->pkey = ngx_chat_jwt_spki(der, (size_t) (p - der));

    return (key->pkey != NULL) ? NGX_OK : NGX_DECLINED;
}


/* a positive INTEGER: no zeros before it but one that says so */

static u_char *
ngx_chat_jwt_der_number(u_char *p, ngx_str_t *n)
{
    size_t   len;
    u_char  *data, sign;

    data = n->data;
    len = n->len;

    while (len > 1 && *data == 0) {
        data++;
        len--;
    }

    sign = *data >> 7;

    p = ngx_chat_jwt_der(p, 0x02, len + sign);

    if (sign) {
        *p++ = 0;
    }

    return ngx_cpymem(p, data, len);
}


/* type and length; returns where the value begins */

static u_char *
ngx_chat_jwt_der(u_char *p, u_char type, size_t len)
{
    *p++ = type;

    if (len >= 256) {
        *p++ = 0x82;
        *p++ = (u_char) (len >> 8);

    } else if (len >= 128) {
        *p++ = 0x81;
    }

    *p++ = (u_char) len;

    return p;
}


/* also checks that a point is on its curve */

static EVP_PKEY *
ngx_chat_jwt_spki(u_char *der, size_t len)
{
    EVP_PKEY      *pkey;
    const u_char  *p;

    p = der;
    pkey = d2i_PUBKEY(NULL, &p, (long) len);

    ERR_clear_error();

    if (pkey != NULL && p != der + len) {
        EVP_PKEY_free(pkey);
        return NULL;
    }

    return pkey;
}


ngx_uint_t
ngx_chat_jwt_secret_algs(size_t len)
{
    ngx_uint_t  i, algs;

    algs = 0;

    for (i = 0; ngx_chat_jwt_algs[i].name.len != 0; i++) {
        if (ngx_chat_jwt_algs[i].family == NGX_CHAT_JWT_HMAC
            && len >= ngx_chat_jwt_algs[i].size)
        {
            algs |= (ngx_uint_t) 1 << i;
        }
    }

    return algs;
}


/* a curve is known by the algorithm's bytes in the key's DER */

ngx_uint_t
ngx_chat_jwt_pkey_algs(EVP_PKEY *pkey, const char **why)
{
    int                     n;
    u_char                 *der;
    ngx_uint_t              i, algs;
    const char             *crv;
    ngx_chat_jwt_curve_t   *c;
    ngx_chat_jwt_family_e   family;

    crv = NULL;
    algs = 0;

    if (EVP_PKEY_base_id(pkey) == EVP_PKEY_RSA) {

        if (EVP_PKEY_bits(pkey) < NGX_CHAT_JWT_RSA_MIN
            || EVP_PKEY_bits(pkey) > NGX_CHAT_JWT_RSA_MAX)
        {
            *why = "an RSA key must have 2048 to 8192 bits";
            return 0;
        }

        if (ngx_chat_jwt_rsa_exponent(pkey) != NGX_OK) {
            *why = "the exponent of an RSA key must be odd and not 1";
            return 0;
        }

    } else {
        der = NULL;
        n = i2d_PUBKEY(pkey, &der);

        ERR_clear_error();

        for (c = ngx_chat_jwt_curves; n > 0 && c->crv != NULL; c++) {
            if ((size_t) n > c->oid + c->oid_len
                && ngx_memcmp(der + c->oid, c->prefix.data + c->oid,
                              c->oid_len)
                   == 0)
            {
                crv = c->crv;
                break;
            }
        }

        OPENSSL_free(der);

        if (crv == NULL) {
            *why = "only RSA, P-256, P-384, P-521 and Ed25519 keys can be "
                   "used";
            return 0;
        }
    }

    for (i = 0; ngx_chat_jwt_algs[i].name.len != 0; i++) {
        family = ngx_chat_jwt_algs[i].family;

        if (crv == NULL
            ? (family == NGX_CHAT_JWT_RSA || family == NGX_CHAT_JWT_PSS)
            : (ngx_chat_jwt_algs[i].curve != NULL
               && ngx_strcmp(ngx_chat_jwt_algs[i].curve, crv) == 0))
        {
            algs |= (ngx_uint_t) 1 << i;
        }
    }

    return algs;
}


/*
 * With an exponent of 1 everybody can sign, and an even one is no RSA key; the
 * library takes both.  The number is read from the key's own DER, since what
 * asks for it differs between releases.
 */

static ngx_int_t
ngx_chat_jwt_rsa_exponent(EVP_PKEY *pkey)
{
    int         n;
    u_char     *der, *p, *end, *last;
    ngx_int_t   rc;

    der = NULL;
    n = i2d_PUBKEY(pkey, &der);

    ERR_clear_error();

    if (n <= 0) {
        return NGX_DECLINED;
    }

    rc = NGX_DECLINED;
    last = der + n;

    /* SEQUENCE { algorithm, BIT STRING { SEQUENCE { n, e } } } */

    p = ngx_chat_jwt_der_enter(der, last, 0x30, &last);
    p = ngx_chat_jwt_der_enter(p, last, 0x30, &end);
    p = (p != NULL) ? ngx_chat_jwt_der_enter(end, last, 0x03, &last) : NULL;
    p = (p != NULL) ? ngx_chat_jwt_der_enter(p + 1, last, 0x30, &last) : NULL;
    p = ngx_chat_jwt_der_enter(p, last, 0x02, &end);
    p = (p != NULL) ? ngx_chat_jwt_der_enter(end, last, 0x02, &end) : NULL;

    if (p != NULL && p < end && (end[-1] & 1) && (end - p > 1 || *p > 1)) {
        rc = NGX_OK;
    }

    OPENSSL_free(der);

    return rc;
}


/* the value of what is at p, and its end; NULL: it is something else */

static u_char *
ngx_chat_jwt_der_enter(u_char *p, u_char *last, u_char type, u_char **end)
{
    size_t  len;
    u_char  n;

    if (p == NULL || last - p < 2 || *p++ != type) {
        return NULL;
    }

    len = *p++;

    if (len >= 0x80) {
        n = (u_char) (len & 0x7f);

        if (n > 2 || last - p < n) {
            return NULL;
        }

        for (len = 0; n > 0; n--) {
            len = (len << 8) | *p++;
        }
    }

    if ((size_t) (last - p) < len) {
        return NULL;
    }

    *end = p + len;

    return p;
}
