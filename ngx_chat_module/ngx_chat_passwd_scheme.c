
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Hashes of passwords, as crypt(5) writes them: those that are strong enough,
 * and that don't take a thread for many seconds or much memory.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_passwd.h"


#define NGX_CHAT_BCRYPT_COST_MIN    8
#define NGX_CHAT_BCRYPT_COST_MAX    14
#define NGX_CHAT_SHA512_ROUNDS_MIN  5000
#define NGX_CHAT_SHA512_ROUNDS_MAX  1000000

/* 128 * N * r bytes: 1 to 64 MB */
#define NGX_CHAT_YESCRYPT_MIN       (1 << 13)
#define NGX_CHAT_YESCRYPT_MAX       (1 << 19)


static const char *ngx_chat_passwd_bcrypt(u_char *p, u_char *last);
static const char *ngx_chat_passwd_sha512(u_char *p, u_char *last);
static const char *ngx_chat_passwd_yescrypt(u_char *p, u_char *last);
static ngx_int_t ngx_chat_passwd_digit(u_char ch);
static ngx_uint_t ngx_chat_passwd_digits(u_char *p, u_char *last, size_t min,
    size_t max);


const char *
ngx_chat_passwd_scheme(ngx_str_t *hash)
{
    u_char  *p, *last;

    p = hash->data;
    last = p + hash->len;

    if (hash->len > NGX_CHAT_PASSWD_HASH_MAX) {
        return "its hash is too long";
    }

    if (hash->len > 4 && ngx_strncmp(p, "$2", 2) == 0 && p[3] == '$'
        && (p[2] == 'a' || p[2] == 'b' || p[2] == 'y'))
    {
        return ngx_chat_passwd_bcrypt(p + 4, last);
    }

    if (hash->len > 3 && ngx_strncmp(p, "$6$", 3) == 0) {
        return ngx_chat_passwd_sha512(p + 3, last);
    }

    if (hash->len > 3 && ngx_strncmp(p, "$y$", 3) == 0) {
        return ngx_chat_passwd_yescrypt(p + 3, last);
    }

    return "its hash is neither bcrypt nor yescrypt nor sha512-crypt, make it "
           "with \"htpasswd -B -C 10\" or \"mkpasswd\"";
}


static const char *
ngx_chat_passwd_bcrypt(u_char *p, u_char *last)
{
    ngx_int_t  cost;

    if (last - p != 2 + 1 + 22 + 31 || p[2] != '$'
        || !ngx_chat_passwd_digits(p + 3, last, 53, 53))
    {
        return "its hash is no whole bcrypt";
    }

    cost = ngx_atoi(p, 2);

    if (cost < NGX_CHAT_BCRYPT_COST_MIN || cost > NGX_CHAT_BCRYPT_COST_MAX) {
        return "its bcrypt has a cost that isn't 8 to 14, make it with "
               "\"htpasswd -B -C 10\"";
    }

    return NULL;
}


static const char *
ngx_chat_passwd_sha512(u_char *p, u_char *last)
{
    u_char     *dollar;
    ngx_int_t   rounds;

    if (last - p > 7 && ngx_strncmp(p, "rounds=", 7) == 0) {
        p += 7;
        dollar = ngx_strlchr(p, last, '$');

        rounds = (dollar != NULL) ? ngx_atoi(p, (size_t) (dollar - p))
                                  : NGX_ERROR;

        if (rounds < NGX_CHAT_SHA512_ROUNDS_MIN
            || rounds > NGX_CHAT_SHA512_ROUNDS_MAX)
        {
            return "its sha512-crypt has rounds that aren't 5000 to 1000000";
        }

        p = dollar + 1;
    }

    dollar = ngx_strlchr(p, last, '$');

    if (dollar == NULL || !ngx_chat_passwd_digits(p, dollar, 1, 16)
        || !ngx_chat_passwd_digits(dollar + 1, last, 86, 86))
    {
        return "its hash is no whole sha512-crypt";
    }

    return NULL;
}


/* "j", N and r, each one character, as mkpasswd writes them */

static const char *
ngx_chat_passwd_yescrypt(u_char *p, u_char *last)
{
    u_char      *dollar;
    ngx_int_t    n, r;

    static const char  *broken = "its hash is no whole yescrypt, or one with "
                                 "unusual parameters";

    if (last - p < 5 || p[0] != 'j' || p[3] != '$') {
        return broken;
    }

    n = ngx_chat_passwd_digit(p[1]);
    r = ngx_chat_passwd_digit(p[2]);

    if (n < 0 || n > 20 || r < 0 || r > 31) {
        return broken;
    }

    if (((r + 1) << (n + 1)) < NGX_CHAT_YESCRYPT_MIN
        || ((r + 1) << (n + 1)) > NGX_CHAT_YESCRYPT_MAX)
    {
        return "its yescrypt takes less than 1 MB or more than 64 MB of "
               "memory";
    }

    p += 4;
    dollar = ngx_strlchr(p, last, '$');

    if (dollar == NULL || !ngx_chat_passwd_digits(p, dollar, 1, 86)
        || !ngx_chat_passwd_digits(dollar + 1, last, 43, 43))
    {
        return broken;
    }

    return NULL;
}


/* of crypt's base 64; -1: it is none */

static ngx_int_t
ngx_chat_passwd_digit(u_char ch)
{
    if (ch >= '.' && ch <= '9') {
        return ch - '.';
    }

    if (ch >= 'A' && ch <= 'Z') {
        return ch - 'A' + 12;
    }

    return (ch >= 'a' && ch <= 'z') ? ch - 'a' + 38 : -1;
}


static ngx_uint_t
ngx_chat_passwd_digits(u_char *p, u_char *last, size_t min, size_t max)
{
    if ((size_t) (last - p) < min || (size_t) (last - p) > max) {
        return 0;
    }

    while (p < last) {
        if (ngx_chat_passwd_digit(*p++) < 0) {
            return 0;
        }
    }

    return 1;
}
