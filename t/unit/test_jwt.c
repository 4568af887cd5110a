
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Tokens and keys: vectors of RFC 7515 and RFC 8037, tokens that another
 * library has made, and what RFC 8725 warns of.
 */


#include "unit.h"
#include <openssl/err.h>
#include <openssl/evp.h>
#include "ngx_chat_jwt.h"
#include "jwt_cases.h"
#include "jwt_mint.h"


#define NOW  4102442000

#define ALL  ((ngx_uint_t) -1)


static ngx_log_t    *ulog;
static const char   *why;


/* on the heap, so that a byte too far is seen */

static ngx_chat_jwt_keys_t *
keys_of(const char *text, ngx_uint_t algs)
{
    ngx_str_t             s;
    ngx_chat_jwt_keys_t  *keys;

    s.len = strlen(text);
    s.data = malloc(s.len ? s.len : 1);
    memcpy(s.data, text, s.len);

    keys = ngx_chat_jwt_keys_read(&s, algs, ulog, &why);

    free(s.data);

    return keys;
}


static ngx_int_t
check_token(const char *token, const char *key, ngx_uint_t algs)
{
    ngx_int_t             rc;
    ngx_str_t             s;
    ngx_chat_jwt_t        jwt;
    ngx_chat_jwt_keys_t  *keys;

    keys = keys_of(key, algs);
    if (keys == NULL) {
        return NGX_ERROR;
    }

    s.len = strlen(token);
    s.data = malloc(s.len ? s.len : 1);
    memcpy(s.data, token, s.len);

    rc = ngx_chat_jwt_parse(&jwt, &s, algs, pool, &why);

    if (rc == NGX_OK) {
        rc = ngx_chat_jwt_check_signature(&jwt, keys);
    }

    free(s.data);
    ngx_chat_jwt_keys_free(keys);

    return rc;
}


/* the modulus of RFC 7515, A.2, with another exponent */

static ngx_int_t
rsa_of(const char *e)
{
    char                  jwk[1024];
    ngx_chat_jwt_keys_t  *keys;

    snprintf(jwk, sizeof(jwk),
        "{\"kty\":\"RSA\",\"n\":\"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTb"
        "ji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-"
        "pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXn"
        "dS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxv"
        "b3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFk"
        "MLs91kzk2PAcDTW9gb54h4FRWyuXpoQ\",\"e\":\"%s\"}", e);

    why = "";
    keys = keys_of(jwk, alg("RS256"));

    if (keys == NULL) {
        return NGX_DECLINED;
    }

    ngx_chat_jwt_keys_free(keys);

    return NGX_OK;
}


static void
test_rfc7515(void)
{
    static const char  payload[] =
        "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"
        "cGxlLmNvbS9pc19yb290Ijp0cnVlfQ";

    static const char  oct[] =
        "{\"kty\":\"oct\",\"k\":\"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr"
        "_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow\"}";

    static const char  rsa[] =
        "{\"kty\":\"RSA\",\"n\":\"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTb"
        "ji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-"
        "pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXn"
        "dS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxv"
        "b3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFk"
        "MLs91kzk2PAcDTW9gb54h4FRWyuXpoQ\",\"e\":\"AQAB\"}";

    static const char  ec[] =
        "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV"
        "76e8Tus9uPHvRVEU\",\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5"
        "a0\"}";

    u_char  token[2048];

    ngx_sprintf(token, "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.%s."
                "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk%Z", payload);
    ok(check_token((char *) token, oct, alg("HS256")) == NGX_OK, "A.1: HS256");
    ok(check_token((char *) token, oct, alg("HS512")) == NGX_DECLINED,
       "not where only HS512 may come");

    ngx_sprintf(token, "eyJhbGciOiJSUzI1NiJ9.%s."
        "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuH"
        "Im4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdi"
        "uB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN"
        "9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2"
        "w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77"
        "Rw%Z", payload);
    ok(check_token((char *) token, rsa, alg("RS256")) == NGX_OK, "A.2: RS256");

    ngx_sprintf(token, "eyJhbGciOiJFUzI1NiJ9.%s."
        "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQ"
        "xfKTUJqPP3-Kg6NU1Q%Z", payload);
    ok(check_token((char *) token, ec, alg("ES256")) == NGX_OK, "A.3: ES256");
}


static void
test_rfc8037(void)
{
    ngx_str_t             data, text, sig;
    ngx_chat_jwt_keys_t  *keys;

    keys = keys_of("{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_"
                   "7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}", alg("EdDSA"));

    data = str("eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc");
    text = str("hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5"
               "BhVsPt9g7sVvpAr_MuM0KAg");

    ok(keys != NULL, "A.2: the key");
    ok(ngx_chat_jwt_base64(pool, &text, &sig) == NGX_OK, "the signature");
    ok(ngx_chat_jwt_verify(&keys->key[0], 12, &data, &sig) == NGX_OK,
       "A.4: Ed25519");

    data.len--;
    ok(ngx_chat_jwt_verify(&keys->key[0], 12, &data, &sig) == NGX_DECLINED,
       "not of other data");

    ngx_chat_jwt_keys_free(keys);
}


static void
test_algorithms(void)
{
    size_t       i, len, at;
    u_char       token[4096];
    jwt_case_t  *c, *other;

    for (c = jwt_cases; c->alg != NULL; c++) {

        ok(check_token(c->token, c->jwk, alg(c->alg)) == NGX_OK,
           "%s with a JWK", c->alg);
        ok(check_token(c->token, c->pem, alg(c->alg)) == NGX_OK,
           "%s with PEM or the secret", c->alg);

        /* a bit anywhere */

        len = strlen(c->token);

        for (i = 0; i < 200; i++) {
            memcpy(token, c->token, len + 1);
            at = (i * 7919) % len;
            token[at] ^= (u_char) (1 << (i % 7));

            check(check_token((char *) token, c->jwk, alg(c->alg)) != NGX_OK,
                  "%s: byte %zu", c->alg, at);
        }

        for (other = jwt_cases; other->alg != NULL; other++) {

            if (other != c) {
                check(check_token(c->token, other->jwk, ALL) != NGX_OK
                      || strcmp(other->jwk, c->jwk) == 0,
                      "%s with the key of %s", c->alg, other->alg);
                check(check_token(c->token, c->jwk, alg(other->alg)) != NGX_OK,
                      "%s where %s is expected", c->alg, other->alg);
            }
        }
    }

    ok(1, "bits, keys and algorithms of others");
    ok(ERR_peek_error() == 0, "OpenSSL's error queue is empty");
}


static void
test_form(void)
{
    size_t       i;
    u_char       big[NGX_CHAT_JWT_MAX + 64];
    const char  *good, *cut;

    static const char  *refused[] = {
        "{\"alg\":\"none\"}",
        "{\"alg\":\"NONE\"}",
        "{\"alg\":\"hs256\"}",
        "{}",
        "{\"alg\":null}",
        "{\"alg\":[\"HS256\"]}",
        "{\"alg\":\"HS256\",\"alg\":\"HS256\"}",
        "{\"alg\":\"HS256\",\"\\u0061lg\":\"HS256\"}",
        "{\"alg\":\"HS256\",\"crit\":[\"exp\"]}",
        "{\"alg\":\"HS256\",\"\\u0063rit\":[\"exp\"]}",
        "{\"alg\":\"HS256\",\"b64\":false}",
        "{\"alg\":\"HS256\",\"zip\":\"DEF\"}",
        "{\"alg\":\"HS256\",\"enc\":\"A128GCM\"}",
        "{\"alg\":\"HS256\",\"cty\":\"JWT\"}",
        "{\"alg\":\"HS256\",\"jku\":\"http://x/\"}",
        "{\"alg\":\"HS256\",\"x5u\":\"http://x/\"}",
        "{\"alg\":\"HS256\",\"x5c\":[]}",
        "{\"alg\":\"HS256\",\"jwk\":{}}",
        "{\"alg\":\"HS256\",\"kid\":7}",
        "{\"alg\":\"HS256\",\"typ\":\"logout+jwt\"}",
        "{\"alg\":\"HS256\",\"typ\":1}",
        "[\"HS256\"]",
        "\"HS256\"",
        "",
        " ",
        "{\"alg\":\"HS256\"",
        "{\"alg\":\"HS256\"}x",
        "{\"alg\":\"HS256\",\"x\":\"\xff\"}",
        NULL
    };

    good = mint(HS, CLAIMS);

    ok(check_token(good, SECRET, alg("HS256")) == NGX_OK, "a plain one");
    ok(check_token(good, SECRET "\n", alg("HS256")) == NGX_OK,
       "the line end of a secret is none of it");
    ok(check_token(mint("{\"typ\":\"at+JWT\",\"alg\":\"HS256\"}", CLAIMS),
                   SECRET, alg("HS256"))
       == NGX_OK, "an access token of RFC 9068");
    ok(check_token(mint("{\"typ\":\"application/jwt\",\"alg\":\"HS256\"}",
                        CLAIMS), SECRET, alg("HS256"))
       == NGX_OK, "a type in full");

    for (i = 0; refused[i] != NULL; i++) {
        ok(check_token(mint(refused[i], CLAIMS), SECRET, alg("HS256"))
           == NGX_DECLINED, "refused: %s", refused[i]);
    }

    ok(check_token(mint(HS, "[]"), SECRET, alg("HS256")) == NGX_DECLINED,
       "claims that are no object");
    ok(check_token(mint(HS, "{\"a\":1,\"a\":2}"), SECRET, alg("HS256"))
       == NGX_DECLINED, "a claim twice");
    ok(check_token(mint(HS, "{\"a\":{\"b\":1,\"b\":2}}"), SECRET, alg("HS256"))
       == NGX_DECLINED, "twice below");
    ok(check_token(mint(HS, "{\"a\":[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]}"),
                   SECRET, alg("HS256"))
       == NGX_DECLINED, "too deep");

    cut = strrchr(good, '.');

    ngx_sprintf(big, "%*s%Z", (size_t) (cut - good), good);
    ok(check_token((char *) big, SECRET, alg("HS256")) == NGX_DECLINED,
       "two parts");
    ngx_sprintf(big, "%*s.%Z", (size_t) (cut - good), good);
    ok(check_token((char *) big, SECRET, alg("HS256")) == NGX_DECLINED,
       "no signature");
    ngx_sprintf(big, "%s.x.y%Z", good);
    ok(check_token((char *) big, SECRET, alg("HS256")) == NGX_DECLINED,
       "five parts");
    ngx_sprintf(big, "%s=%Z", good);
    ok(check_token((char *) big, SECRET, alg("HS256")) == NGX_DECLINED,
       "padding");
    ngx_sprintf(big, "%s %Z", good);
    ok(check_token((char *) big, SECRET, alg("HS256")) == NGX_DECLINED,
       "a space behind it");
    ok(check_token("", SECRET, alg("HS256")) == NGX_DECLINED, "nothing");
    ok(check_token("..", SECRET, alg("HS256")) == NGX_DECLINED, "dots");

    /* the last digit of 32 bytes has two bits that mean nothing */

    ngx_sprintf(big, "%s%Z", good);
    big[strlen((char *) big) - 1]++;
    ok(check_token((char *) big, SECRET, alg("HS256")) == NGX_DECLINED,
       "another spelling of the signature");

    memset(big, 'A', sizeof(big));
    big[sizeof(big) - 1] = '\0';
    ok(check_token((char *) big, SECRET, alg("HS256")) == NGX_DECLINED
       && strstr(why, "8192") != NULL, "too long");
}


static void
test_keys(void)
{
    u_char                text[8192];
    ngx_chat_jwt_keys_t  *keys;

    /* the public key as a secret is the classic */

    ok(keys_of(jwt_cases[3].pem, alg("HS256")) == NULL, "PEM is no secret");
    ok(keys_of(jwt_cases[3].jwk, alg("HS256")) == NULL, "nor a public JWK");
    ok(keys_of("{\"keys\":[{\"kty\":\"oct\",\"k\":\"QUFBQUFB",
               alg("HS256"))
       == NULL && strstr(why, "JSON") != NULL, "nor a part of a JWK");
    ok(keys_of("{ \n\"kty\":\"oct\", 'k': 0123456789abcdef0123456789abcdef}",
               alg("HS256"))
       == NULL, "nor one with a mistake");
    keys = keys_of("{0123456789abcdef0123456789abcdef", alg("HS256"));
    ok(keys != NULL, "but a secret may begin so");

    if (keys != NULL) {
        ngx_chat_jwt_keys_free(keys);
    }

    ok(keys_of(SECRET, alg("RS256")) == NULL, "a secret is no public key");
    ok(keys_of("short", alg("HS256")) == NULL, "a short secret");
    ok(keys_of(SECRET, alg("HS512")) == NULL, "too short for HS512");
    ok(keys_of("", alg("HS256")) == NULL, "an empty file");
    ok(keys_of("\n", alg("HS256")) == NULL, "an empty line");
    ok(rsa_of("Aw") == NGX_OK, "RSA with the exponent 3");
    ok(rsa_of("AQ") == NGX_DECLINED && strstr(why, "exponent") != NULL,
       "with 1 everybody could sign");
    ok(rsa_of("AAAAAQ") == NGX_DECLINED, "also with zeros before it");
    ok(rsa_of("AQAC") == NGX_DECLINED && strstr(why, "exponent") != NULL,
       "an even exponent");
    ok(rsa_of("AA") == NGX_DECLINED, "none");
    ok(ERR_peek_error() == 0, "OpenSSL's error queue is empty then, too");

    ok(keys_of(jwt_weak_jwk, alg("RS256")) == NULL, "RSA of 1024 bits");
    ok(keys_of(jwt_weak_pem, alg("RS256")) == NULL
       && strstr(why, "2048") != NULL, "the same as PEM");
    ok(keys_of(jwt_cases[9].pem, alg("ES384")) == NULL, "the wrong curve");
    ok(keys_of(jwt_cases[9].jwk, alg("ES384")) == NULL, "the same as JWK");
    ok(keys_of("-----BEGIN PRIVATE KEY-----\n", alg("ES256")) == NULL
       && strstr(why, "private") != NULL, "a private key");
    ok(keys_of("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
               alg("ES256"))
       == NULL, "broken PEM");
    ok(keys_of("{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe"
               "1gHMzV76e8Tus9uPHvRVEU\",\"y\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e"
               "8Tus9uPHvRVEU\"}", alg("ES256"))
       == NULL, "a point that is not on the curve");
    ok(keys_of("{\"keys\":[]}", alg("ES256")) == NULL, "an empty set");
    ok(keys_of("{\"keys\":7}", alg("ES256")) == NULL, "no set");
    ok(keys_of("{\"keys\":[7]}", alg("ES256")) == NULL, "no key");
    ok(keys_of("{\"kty\":\"oct\",\"k\":\"AAAA\"}", alg("HS256")) == NULL,
       "a short \"k\"");

    static const char  *narrow[] = {
        "\"use\":\"enc\"", "\"use\":1", "\"key_ops\":[\"sign\"]",
        "\"key_ops\":\"verify\"", "\"alg\":\"ES384\"", "\"alg\":1",
        "\"d\":\"AAAA\"", "\"kid\":1"
    };

    ngx_uint_t  i;

    for (i = 0; i < sizeof(narrow) / sizeof(narrow[0]); i++) {
        ngx_sprintf(text, "{%s,%s%Z", narrow[i], jwt_cases[9].jwk + 1);
        ok(keys_of((char *) text, alg("ES256")) == NULL, "%s", narrow[i]);
    }

    ngx_sprintf(text, "{\"use\":\"sig\",\"key_ops\":[\"x\",\"verify\"],"
                "\"alg\":\"ES256\",\"kid\":\"a\",%s%Z",
                jwt_cases[9].jwk + 1);
    keys = keys_of((char *) text, alg("ES256") | alg("ES384"));
    ok(keys != NULL && keys->n == 1 && keys->key[0].algs == alg("ES256")
       && keys->key[0].kid.len == 1, "a key that says what it is for");
    ngx_chat_jwt_keys_free(keys);

    ok(ERR_peek_error() == 0, "OpenSSL's error queue is empty");
}


static ngx_int_t
with_kid(const char *header, const char *set)
{
    return check_token(mint(header, CLAIMS), set, alg("HS256"));
}


static void
test_kid(void)
{
    u_char       set[1024];
    const char  *k;

    k = base64(SECRET, 32);

    ngx_sprintf(set, "{\"keys\":[{\"kty\":\"weird\"},"
                "{\"kty\":\"oct\",\"kid\":\"a\",\"k\":\"%s\"},"
                "{\"kty\":\"oct\",\"kid\":\"b\",\"k\":\"%s\"}]}%Z",
                base64("abcdefghijklmnopqrstuvwxyz012345", 32), k);

    ok(with_kid("{\"alg\":\"HS256\",\"kid\":\"b\"}", (char *) set) == NGX_OK,
       "the key of that name");
    ok(with_kid("{\"alg\":\"HS256\",\"kid\":\"a\"}", (char *) set)
       == NGX_DECLINED, "the key of another name");
    ok(with_kid("{\"alg\":\"HS256\",\"kid\":\"c\"}", (char *) set)
       == NGX_AGAIN, "a key that isn't known");
    ok(with_kid("{\"alg\":\"HS256\",\"kid\":\"../b' or 1\"}", (char *) set)
       == NGX_AGAIN, "a name is only compared");
    ok(with_kid("{\"alg\":\"HS256\"}", (char *) set) == NGX_DECLINED,
       "of several it must say which");

    ngx_sprintf(set, "{\"keys\":[{\"kty\":\"oct\",\"kid\":\"b\","
                "\"k\":\"%s\"}]}%Z", k);
    ok(with_kid("{\"alg\":\"HS256\"}", (char *) set) == NGX_OK,
       "the only key there is");
    ok(with_kid("{\"alg\":\"HS256\",\"kid\":\"x\"}", SECRET) == NGX_OK,
       "a key without a name is for all");
}


static ngx_chat_jwt_rules_t  rules;
static ngx_chat_user_t       user;
static time_t                expires;


static ngx_int_t
claims(const char *text)
{
    ngx_int_t       rc;
    ngx_str_t       token;
    ngx_chat_jwt_t  jwt;

    token = str(mint(HS, text));

    rc = ngx_chat_jwt_parse(&jwt, &token, alg("HS256"), pool, &why);

    if (rc == NGX_OK) {
        rc = ngx_chat_jwt_check_claims(&jwt, &rules, NOW, pool, &expires,
                                       &why);
    }

    if (rc == NGX_OK) {
        rc = ngx_chat_jwt_user(&jwt, &rules, pool, &user, &why);
    }

    return rc;
}


static void
test_times(void)
{
    ok(claims("{\"sub\":\"a\",\"exp\":4102442001}") == NGX_OK
       && expires == 4102442031, "a second left, and the leeway");
    ok(claims("{\"sub\":\"a\",\"exp\":4102441971}") == NGX_OK,
       "within the leeway");
    ok(claims("{\"sub\":\"a\",\"exp\":4102441970}") == NGX_ABORT, "expired");
    ok(claims("{\"sub\":\"a\",\"exp\":4102442001.75}") == NGX_OK,
       "with a fraction");
    ok(claims("{\"sub\":\"a\"}") == NGX_DECLINED, "no exp");
    ok(claims("{\"sub\":\"a\",\"exp\":\"4102442001\"}") == NGX_DECLINED,
       "exp as a string");
    ok(claims("{\"sub\":\"a\",\"exp\":-1}") == NGX_DECLINED, "exp negative");
    ok(claims("{\"sub\":\"a\",\"exp\":41e8}") == NGX_DECLINED, "an exponent");
    ok(claims("{\"sub\":\"a\",\"exp\":99999999999999999999}") == NGX_DECLINED,
       "exp beyond all time");
    ok(claims("{\"sub\":\"a\",\"exp\":null}") == NGX_DECLINED, "exp null");
    ok(claims("{\"sub\":\"a\",\"exp\":4102444800,\"nbf\":4102442031}")
       == NGX_DECLINED, "not yet");
    ok(claims("{\"sub\":\"a\",\"exp\":4102444800,\"nbf\":4102442030}")
       == NGX_OK, "not yet by the leeway");
    ok(claims("{\"sub\":\"a\",\"exp\":4102444800,\"iat\":4102442031}")
       == NGX_DECLINED, "made in the future");
    ok(claims("{\"sub\":\"a\",\"exp\":4102542001}") == NGX_DECLINED
       && strstr(why, "lifetime") != NULL, "for more than a day");
    ok(claims("{\"sub\":\"a\",\"exp\":4102442001,\"iat\":4102300000}")
       == NGX_DECLINED, "made for more than a day");

    rules.exp_optional = 1;
    ok(claims("{\"sub\":\"a\"}") == NGX_OK && expires == 0, "exp is optional");
    ok(claims("{\"sub\":\"a\",\"exp\":1}") == NGX_ABORT, "not if it is there");
    rules.exp_optional = 0;
}


static void
test_issuer(void)
{
    ngx_array_t  iss, aud;

    ngx_str_t  issuers[] = { ngx_string("https://a/"), ngx_string("b") };
    ngx_str_t  audiences[] = { ngx_string("chat") };

    ngx_memzero(&iss, sizeof(ngx_array_t));
    iss.elts = issuers;
    iss.nelts = 2;

    ngx_memzero(&aud, sizeof(ngx_array_t));
    aud.elts = audiences;
    aud.nelts = 1;

    rules.iss = &iss;
    rules.aud = &aud;

#define REST  ",\"sub\":\"a\",\"exp\":4102444800}"

    ok(claims("{\"iss\":\"https:\\/\\/a\\/\",\"aud\":\"chat\"" REST) == NGX_OK,
       "both are right");
    ok(claims("{\"iss\":\"b\",\"aud\":[\"x\",\"chat\"]" REST) == NGX_OK,
       "one of several audiences");
    ok(claims("{\"iss\":\"c\",\"aud\":\"chat\"" REST) == NGX_DECLINED,
       "another issuer");
    ok(claims("{\"iss\":[\"b\"],\"aud\":\"chat\"" REST) == NGX_DECLINED,
       "an array of issuers");
    ok(claims("{\"aud\":\"chat\"" REST) == NGX_DECLINED, "no issuer");
    ok(claims("{\"iss\":\"b\"" REST) == NGX_DECLINED, "no audience");
    ok(claims("{\"iss\":\"b\",\"aud\":[]" REST) == NGX_DECLINED,
       "an empty one");
    ok(claims("{\"iss\":\"b\",\"aud\":[1]" REST) == NGX_DECLINED,
       "one that is no string");
    ok(claims("{\"iss\":\"b\",\"aud\":\"cha\"" REST) == NGX_DECLINED,
       "a part of it");

    rules.iss = NULL;
    rules.aud = NULL;
}


static void
test_user(void)
{
#define EXP  ",\"exp\":4102444800}"

    ok(claims("{\"sub\":\"ann\",\"name\":\" Ann  B \","
              "\"roles\":[\"x\",\"y z\"],\"rooms\":[\"a-*\"]" EXP)
       == NGX_OK, "everything");
    is_str(user.id.data, user.id.len, "ann", "id");
    is_str(user.name.data, user.name.len, "Ann B", "name");
    ok(user.roles.n == 2 && user.confined && user.rooms.n == 1, "lists");
    is_str(user.roles.names[1].data, user.roles.names[1].len, "y z", "a role");

    ok(claims("{\"sub\":\"ann\",\"name\":7,\"roles\":\" x  y \"" EXP)
       == NGX_OK && user.name.len == 0 && user.roles.n == 2 && !user.confined,
       "a name that is none, roles in a string, no rooms");
    is_str(user.roles.names[1].data, user.roles.names[1].len, "y", "a role");

    ok(claims("{\"sub\":\"ann\",\"rooms\":[]" EXP) == NGX_OK && user.confined
       && user.rooms.n == 0, "no room at all");
    ok(claims("{\"sub\":\"ann\",\"rooms\":null" EXP) == NGX_DECLINED,
       "rooms that are no list");
    ok(claims("{\"sub\":\"ann\",\"roles\":[1]" EXP) == NGX_DECLINED,
       "a role that is no string");
    ok(claims("{\"sub\":\"ann\",\"roles\":[\"\"]" EXP) == NGX_DECLINED,
       "an empty role");
    ok(claims("{\"sub\":\"ann\",\"roles\":\"a b c d e f g h i j k l m n o p\""
              EXP) == NGX_OK && user.roles.n == 16, "16 roles");
    ok(claims("{\"sub\":\"ann\",\"roles\":\"a b c d e f g h i j k l m n o p q\""
              EXP) == NGX_DECLINED, "17 roles");
    ok(claims("{\"sub\":7" EXP) == NGX_DECLINED, "a number as user");
    ok(claims("{\"sub\":\"\"" EXP) == NGX_DECLINED, "an empty user");
    ok(claims("{\"sub\":\"~gabc\"" EXP) == NGX_DECLINED, "a guest's id");
    ok(claims("{\"sub\":\"a b\"" EXP) == NGX_DECLINED, "a space");
    ok(claims("{\"x\":1" EXP) == NGX_DECLINED, "no user");

    rules.user = str("acc.id");
    rules.roles = str("https://x.y/roles");

    ok(claims("{\"acc\":{\"id\":\"bob\"},"
              "\"https:\\/\\/x.y\\/roles\":[\"z\"]" EXP)
       == NGX_OK && user.roles.n == 1, "paths, and a name with dots");
    is_str(user.id.data, user.id.len, "bob", "id");
    ok(claims("{\"acc\":\"id\"" EXP) == NGX_DECLINED,
       "a path through a string");

    rules.user = str("sub");
    rules.roles = str("roles");
}


int
main(void)
{
    ulog = stub_init();

    pool = ngx_create_pool(4096, ulog);
    if (pool == NULL) {
        return 1;
    }

    rules.leeway = 30;
    rules.lifetime = 86400;
    rules.user = str("sub");
    rules.name = str("name");
    rules.roles = str("roles");
    rules.rooms = str("rooms");

    test_rfc7515();
    test_rfc8037();
    test_algorithms();
    test_form();
    test_keys();
    test_kid();
    test_times();
    test_issuer();
    test_user();

    ngx_destroy_pool(pool);

    return done();
}
