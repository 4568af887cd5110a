
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Signatures: RFC 7518, section 3, and RFC 8037.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rsa.h>
#include "ngx_chat_jwt.h"


#define NGX_CHAT_JWT_EC_DER  160      /* two integers of 66 bytes and more */


static ngx_int_t ngx_chat_jwt_verify_hmac(ngx_chat_jwt_key_t *key,
    ngx_chat_jwt_alg_t *alg, ngx_str_t *data, ngx_str_t *signature);
static ngx_int_t ngx_chat_jwt_verify_pkey(ngx_chat_jwt_key_t *key,
    ngx_chat_jwt_alg_t *alg, ngx_str_t *data, ngx_str_t *signature);
static ngx_int_t ngx_chat_jwt_ec_der(ngx_chat_jwt_alg_t *alg,
    ngx_str_t *signature, ngx_str_t *der);


ngx_chat_jwt_alg_t  ngx_chat_jwt_algs[] = {

    { ngx_string("HS256"), NGX_CHAT_JWT_HMAC, EVP_sha256, 32, NULL },
    { ngx_string("HS384"), NGX_CHAT_JWT_HMAC, EVP_sha384, 48, NULL },
    { ngx_string("HS512"), NGX_CHAT_JWT_HMAC, EVP_sha512, 64, NULL },
    { ngx_string("RS256"), NGX_CHAT_JWT_RSA, EVP_sha256, 0, NULL },
    { ngx_string("RS384"), NGX_CHAT_JWT_RSA, EVP_sha384, 0, NULL },
    { ngx_string("RS512"), NGX_CHAT_JWT_RSA, EVP_sha512, 0, NULL },
    { ngx_string("PS256"), NGX_CHAT_JWT_PSS, EVP_sha256, 0, NULL },
    { ngx_string("PS384"), NGX_CHAT_JWT_PSS, EVP_sha384, 0, NULL },
    { ngx_string("PS512"), NGX_CHAT_JWT_PSS, EVP_sha512, 0, NULL },
    { ngx_string("ES256"), NGX_CHAT_JWT_EC, EVP_sha256, 32, "P-256" },
    { ngx_string("ES384"), NGX_CHAT_JWT_EC, EVP_sha384, 48, "P-384" },
    { ngx_string("ES512"), NGX_CHAT_JWT_EC, EVP_sha512, 66, "P-521" },
    { ngx_string("EdDSA"), NGX_CHAT_JWT_ED, NULL, 0, "Ed25519" },
    { ngx_null_string, NGX_CHAT_JWT_HMAC, NULL, 0, NULL }
};


ngx_int_t
ngx_chat_jwt_alg(ngx_str_t *name)
{
    ngx_int_t  i;

    for (i = 0; ngx_chat_jwt_algs[i].name.len != 0; i++) {
        if (ngx_chat_jwt_algs[i].name.len == name->len
            && ngx_memcmp(ngx_chat_jwt_algs[i].name.data, name->data,
                          name->len)
               == 0)
        {
            return i;
        }
    }

    return NGX_ERROR;
}


ngx_int_t
ngx_chat_jwt_verify(ngx_chat_jwt_key_t *key, ngx_uint_t alg, ngx_str_t *data,
    ngx_str_t *signature)
{
    ngx_int_t            rc;
    ngx_chat_jwt_alg_t  *a;

    a = &ngx_chat_jwt_algs[alg];

    if (!(key->algs & ((ngx_uint_t) 1 << alg))
        || (key->pkey == NULL) != (a->family == NGX_CHAT_JWT_HMAC))
    {
        return NGX_DECLINED;
    }

    rc = (key->pkey == NULL)
         ? ngx_chat_jwt_verify_hmac(key, a, data, signature)
         : ngx_chat_jwt_verify_pkey(key, a, data, signature);

    ERR_clear_error();

    return rc;
}


static ngx_int_t
ngx_chat_jwt_verify_hmac(ngx_chat_jwt_key_t *key, ngx_chat_jwt_alg_t *alg,
    ngx_str_t *data, ngx_str_t *signature)
{
    u_char        mac[EVP_MAX_MD_SIZE];
    ngx_int_t     rc;
    unsigned int  n;

    n = 0;

    rc = (HMAC(alg->md(), key->secret.data, (int) key->secret.len, data->data,
               data->len, mac, &n)
          != NULL
          && n == alg->size && signature->len == n
          && CRYPTO_memcmp(mac, signature->data, n) == 0)
         ? NGX_OK : NGX_DECLINED;

    OPENSSL_cleanse(mac, sizeof(mac));

    return rc;
}


static ngx_int_t
ngx_chat_jwt_verify_pkey(ngx_chat_jwt_key_t *key, ngx_chat_jwt_alg_t *alg,
    ngx_str_t *data, ngx_str_t *signature)
{
    u_char         der[NGX_CHAT_JWT_EC_DER];
    ngx_int_t      rc;
    ngx_str_t      sig;
    EVP_MD_CTX    *ctx;
    EVP_PKEY_CTX  *pctx;

    sig = *signature;

    if (alg->family == NGX_CHAT_JWT_EC) {
        sig.data = der;

        if (ngx_chat_jwt_ec_der(alg, signature, &sig) != NGX_OK) {
            return NGX_DECLINED;
        }
    }

    ctx = EVP_MD_CTX_new();
    if (ctx == NULL) {
        return NGX_DECLINED;
    }

    rc = NGX_DECLINED;

    if (EVP_DigestVerifyInit(ctx, &pctx, alg->md ? alg->md() : NULL, NULL,
                             key->pkey)
        != 1)
    {
        goto done;
    }

    /* the salt is as long as the hash: RFC 7518, section 3.5 */

    if (alg->family == NGX_CHAT_JWT_PSS
        && (EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING) <= 0
            || EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, RSA_PSS_SALTLEN_DIGEST)
               <= 0))
    {
        goto done;
    }

    if (EVP_DigestVerify(ctx, sig.data, sig.len, data->data, data->len) == 1) {
        rc = NGX_OK;
    }

done:

    EVP_MD_CTX_free(ctx);

    return rc;
}


/* r and s, of the curve's size each, as OpenSSL wants them */

static ngx_int_t
ngx_chat_jwt_ec_der(ngx_chat_jwt_alg_t *alg, ngx_str_t *signature,
    ngx_str_t *der)
{
    int         n;
    BIGNUM     *r, *s;
    u_char     *p;
    ECDSA_SIG  *sig;

    if (signature->len != alg->size * 2) {
        return NGX_DECLINED;
    }

    sig = ECDSA_SIG_new();
    r = BN_bin2bn(signature->data, (int) alg->size, NULL);
    s = BN_bin2bn(signature->data + alg->size, (int) alg->size, NULL);

    if (sig == NULL || r == NULL || s == NULL
        || ECDSA_SIG_set0(sig, r, s) != 1)
    {
        ECDSA_SIG_free(sig);
        BN_free(r);
        BN_free(s);
        return NGX_DECLINED;
    }

    n = i2d_ECDSA_SIG(sig, NULL);
    p = der->data;

    if (n <= 0 || n > NGX_CHAT_JWT_EC_DER || i2d_ECDSA_SIG(sig, &p) != n) {
        n = 0;
    }

    der->len = (size_t) n;

    ECDSA_SIG_free(sig);

    return (n > 0) ? NGX_OK : NGX_DECLINED;
}
