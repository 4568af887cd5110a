
/*
 * Copyright (C) the ngx_chat_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include "ngx_chat_name.h"
#include "ngx_chat_passwd.h"


static const char *ngx_chat_passwd_line(u_char *p, u_char *last,
    ngx_chat_passwd_user_t *user);
static const char *ngx_chat_passwd_roles(ngx_str_t *roles);
static void ngx_chat_passwd_complain(ngx_chat_passwd_list_t *list,
    ngx_uint_t line, const char *why);
static void ngx_chat_passwd_sort(ngx_chat_passwd_list_t *list);
static int ngx_libc_cdecl ngx_chat_passwd_order(const void *one,
    const void *two);
static ngx_int_t ngx_chat_passwd_compare(ngx_str_t *one, ngx_str_t *two);
static ngx_uint_t ngx_chat_passwd_other(ngx_chat_passwd_t *p,
    ngx_str_t *name);


/* on failure the list stays what it was */

ngx_int_t
ngx_chat_passwd_load(ngx_chat_passwd_t *p, ngx_log_t *log, const char **why,
    ngx_err_t *err)
{
    ngx_int_t               rc;
    ngx_str_t               text;
    ngx_chat_passwd_list_t  list;

    rc = ngx_chat_file_read(&p->file, NGX_CHAT_PASSWD_FILE_MAX, log, &text,
                            why, err);
    if (rc != NGX_OK) {
        return rc;
    }

    *why = "no memory";

    if (ngx_chat_passwd_parse(&list, &text, log, why) != NGX_OK
        || !SHA256(list.text.data, list.text.len, p->salt))
    {
        ngx_chat_passwd_free(&list);
        return NGX_DECLINED;
    }

    if (list.bad > 0) {
        ngx_log_error(NGX_LOG_WARN, log, 0,
                      "line %ui of the chat passwords in \"%V\" isn't used "
                      "(of %ui such lines): %s",
                      list.line, &p->file.name, list.bad, list.why);
    }

    ngx_chat_passwd_free(&p->list);
    p->list = list;

    return NGX_OK;
}


void
ngx_chat_passwd_unload(ngx_chat_passwd_t *p)
{
    ngx_chat_passwd_free(&p->list);
}


void
ngx_chat_passwd_free(ngx_chat_passwd_list_t *list)
{
    if (list->users != NULL) {
        ngx_free(list->users);
        list->users = NULL;
    }

    list->n = 0;

    ngx_chat_file_wipe(&list->text);
}


void
ngx_chat_passwd_refresh(ngx_chat_passwd_t *p, ngx_log_t *log)
{
    ngx_err_t    err;
    const char  *why;

    if (!ngx_chat_file_changed(&p->file)) {
        return;
    }

    if (ngx_chat_passwd_load(p, log, &why, &err) == NGX_OK) {
        ngx_log_error(NGX_LOG_NOTICE, log, 0,
                      "the chat passwords in \"%V\" were read again",
                      &p->file.name);
        return;
    }

    ngx_log_error(NGX_LOG_ERR, log, err,
                  "the chat passwords in \"%V\" have changed and can't be "
                  "used, those of before are kept: %s", &p->file.name, why);
}


ngx_int_t
ngx_chat_passwd_parse(ngx_chat_passwd_list_t *list, ngx_str_t *text,
    ngx_log_t *log, const char **why)
{
    u_char      *p, *end, *last;
    ngx_uint_t   line, lines;
    const char  *bad;

    ngx_memzero(list, sizeof(ngx_chat_passwd_list_t));

    list->text = *text;

    p = text->data;
    last = p + text->len;

    for (lines = 1; p < last; p++) {
        lines += (*p == LF);
    }

    list->users = ngx_alloc(lines * sizeof(ngx_chat_passwd_user_t), log);
    if (list->users == NULL) {
        return NGX_ERROR;
    }

    p = text->data;

    for (line = 1; p < last; line++) {
        end = ngx_strlchr(p, last, LF);
        end = (end != NULL) ? end : last;

        list->users[list->n].line = line;

        if (p < end && *p != '#' && !(*p == CR && end - p == 1)) {
            bad = ngx_chat_passwd_line(p, end, &list->users[list->n]);

            if (bad == NULL) {
                list->n++;

            } else {
                ngx_chat_passwd_complain(list, line, bad);
            }
        }

        p = end + 1;
    }

    ngx_chat_passwd_sort(list);

    *why = (list->why != NULL) ? list->why : "nobody is in it";

    return (list->n > 0) ? NGX_OK : NGX_DECLINED;
}


/* NULL, or what is wrong */

static const char *
ngx_chat_passwd_line(u_char *p, u_char *last, ngx_chat_passwd_user_t *user)
{
    u_char      *colon;
    const char  *why;

    if (last[-1] == CR) {
        last--;
    }

    colon = ngx_strlchr(p, last, ':');

    if (colon == NULL) {
        return "it has no colon";
    }

    user->name.data = p;
    user->name.len = (size_t) (colon - p);

    if (ngx_chat_user_id_valid(&user->name, 0) != NGX_OK) {
        return "its name can't be a user's id";
    }

    p = colon + 1;
    colon = ngx_strlchr(p, last, ':');

    user->hash.data = p;
    user->hash.len = (size_t) ((colon != NULL ? colon : last) - p);

    ngx_str_null(&user->roles);

    if (colon != NULL) {
        user->roles.data = colon + 1;
        user->roles.len = (size_t) (last - colon - 1);
    }

    why = ngx_chat_passwd_roles(&user->roles);

    return (why != NULL) ? why : ngx_chat_passwd_scheme(&user->hash);
}


static const char *
ngx_chat_passwd_roles(ngx_str_t *roles)
{
    u_char      *p, *last;
    size_t       len;
    ngx_uint_t   n;

    len = 0;
    n = 1;
    last = roles->data + roles->len;

    for (p = roles->data; p < last; p++) {

        if (*p == ',' && len > 0) {
            len = 0;
            n++;
            continue;
        }

        if (++len > 64 || n > NGX_CHAT_PASSWD_ROLES
            || !((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z')
                 || (*p >= '0' && *p <= '9') || *p == '-' || *p == '_'))
        {
            break;
        }
    }

    return (p < last || (roles->len > 0 && len == 0))
           ? "its third field is no list of at most 16 roles, "
             "\"member,moderator\""
           : NULL;
}


static void
ngx_chat_passwd_complain(ngx_chat_passwd_list_t *list, ngx_uint_t line,
    const char *why)
{
    if (list->bad == 0 || line < list->line) {
        list->line = line;
        list->why = why;
    }

    list->bad++;
}


/* by name; of two lines the first counts */

static void
ngx_chat_passwd_sort(ngx_chat_passwd_list_t *list)
{
    ngx_uint_t               i, n;
    ngx_chat_passwd_user_t  *u;

    u = list->users;

    ngx_qsort(u, (size_t) list->n, sizeof(ngx_chat_passwd_user_t),
              ngx_chat_passwd_order);

    n = 0;

    for (i = 0; i < list->n; i++) {

        if (n > 0 && ngx_chat_passwd_compare(&u[n - 1].name, &u[i].name) == 0) {
            ngx_chat_passwd_complain(list, u[i].line,
                                     "its name was there before");
            continue;
        }

        u[n++] = u[i];
    }

    list->n = n;
}


static int ngx_libc_cdecl
ngx_chat_passwd_order(const void *one, const void *two)
{
    int                            rc;
    const ngx_chat_passwd_user_t  *a, *b;

    a = one;
    b = two;

    rc = (int) ngx_chat_passwd_compare((ngx_str_t *) &a->name,
                                       (ngx_str_t *) &b->name);

    return (rc != 0) ? rc : (a->line > b->line) - (a->line < b->line);
}


static ngx_int_t
ngx_chat_passwd_compare(ngx_str_t *one, ngx_str_t *two)
{
    ngx_int_t  rc;

    rc = ngx_memcmp(one->data, two->data, ngx_min(one->len, two->len));

    return (rc != 0) ? rc : (one->len > two->len) - (one->len < two->len);
}


ngx_chat_passwd_user_t *
ngx_chat_passwd_find(ngx_chat_passwd_t *p, ngx_str_t *name, ngx_uint_t *known)
{
    ngx_int_t   rc;
    ngx_uint_t  low, high, middle;

    low = 0;
    high = p->list.n;
    *known = 0;

    while (low < high) {
        middle = low + (high - low) / 2;
        rc = ngx_chat_passwd_compare(&p->list.users[middle].name, name);

        if (rc == 0) {
            *known = 1;
            return &p->list.users[middle];
        }

        if (rc < 0) {
            low = middle + 1;

        } else {
            high = middle;
        }
    }

    /* a list that was read has somebody */

    return &p->list.users[ngx_chat_passwd_other(p, name)
                          % ngx_max(p->list.n, 1)];
}


/* nobody outside knows the salt, so nobody knows whose line it will be */

static ngx_uint_t
ngx_chat_passwd_other(ngx_chat_passwd_t *p, ngx_str_t *name)
{
    u_char        mac[EVP_MAX_MD_SIZE];
    uint32_t      number;
    unsigned int  n;

    n = 0;
    number = 0;

    if (HMAC(EVP_sha256(), p->salt, sizeof(p->salt), name->data, name->len,
             mac, &n)
        != NULL
        && n >= sizeof(number))
    {
        ngx_memcpy(&number, mac, sizeof(number));
    }

    ERR_clear_error();

    return number;
}
