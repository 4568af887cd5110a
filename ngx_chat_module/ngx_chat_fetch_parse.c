
/*
 * Copyright (C) the ngx_chat_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_fetch_parse.h"


#define NGX_CHAT_FETCH_CHUNK_DIGITS  8
#define NGX_CHAT_FETCH_BODY_START    1024


typedef enum {
    NGX_CHAT_FETCH_HEAD = 0,
    NGX_CHAT_FETCH_BODY,          /* of a known length */
    NGX_CHAT_FETCH_TO_END,        /* of the connection */
    NGX_CHAT_FETCH_SIZE,          /* of a chunk */
    NGX_CHAT_FETCH_EXTENSION,
    NGX_CHAT_FETCH_SIZE_LF,
    NGX_CHAT_FETCH_CHUNK,
    NGX_CHAT_FETCH_CHUNK_CR,
    NGX_CHAT_FETCH_CHUNK_LF,
    NGX_CHAT_FETCH_TRAILER,
    NGX_CHAT_FETCH_DONE
} ngx_chat_fetch_state_e;


static ngx_int_t ngx_chat_fetch_head(ngx_chat_fetch_parser_t *p,
    u_char **data, u_char *last, const char **why);
static ngx_int_t ngx_chat_fetch_status(ngx_chat_fetch_parser_t *p,
    const char **why);
static ngx_int_t ngx_chat_fetch_headers(ngx_chat_fetch_parser_t *p,
    const char **why);
static u_char *ngx_chat_fetch_line(u_char *p, u_char *last, ngx_str_t *name,
    ngx_str_t *value);
static ngx_int_t ngx_chat_fetch_known(ngx_chat_fetch_parser_t *p,
    ngx_str_t *name, ngx_str_t *value, const char **why);
static ngx_int_t ngx_chat_fetch_framing(ngx_chat_fetch_parser_t *p,
    const char **why);
static ngx_int_t ngx_chat_fetch_chunked(ngx_chat_fetch_parser_t *p, u_char ch,
    const char **why);
static ngx_int_t ngx_chat_fetch_trailer(ngx_chat_fetch_parser_t *p,
    u_char ch);
static ngx_int_t ngx_chat_fetch_keep(ngx_chat_fetch_parser_t *p, u_char *data,
    size_t n, const char **why);
static ngx_uint_t ngx_chat_fetch_is(ngx_str_t *s, const char *word);


void
ngx_chat_fetch_parser_init(ngx_chat_fetch_parser_t *p, size_t body_max,
    ngx_log_t *log)
{
    ngx_memzero(p, sizeof(ngx_chat_fetch_parser_t));

    p->body_max = body_max;
    p->log = log;
}


void
ngx_chat_fetch_parser_free(ngx_chat_fetch_parser_t *p)
{
    if (p->head != NULL) {
        ngx_free(p->head);
        p->head = NULL;
    }

    if (p->body.data != NULL) {
        ngx_free(p->body.data);
        ngx_str_null(&p->body);
    }
}


ngx_int_t
ngx_chat_fetch_parse(ngx_chat_fetch_parser_t *p, u_char *data, size_t n,
    const char **why)
{
    size_t   size;
    u_char  *last;

    last = data + n;

    while (data < last && p->state != NGX_CHAT_FETCH_DONE) {

        switch (p->state) {

        case NGX_CHAT_FETCH_HEAD:
            if (ngx_chat_fetch_head(p, &data, last, why) != NGX_OK) {
                return NGX_ERROR;
            }

            break;

        case NGX_CHAT_FETCH_BODY:
        case NGX_CHAT_FETCH_TO_END:
        case NGX_CHAT_FETCH_CHUNK:
            size = (size_t) (last - data);

            if (p->state != NGX_CHAT_FETCH_TO_END) {
                size = (size_t) ngx_min((uint64_t) size, p->left);
                p->left -= size;
            }

            if (ngx_chat_fetch_keep(p, data, size, why) != NGX_OK) {
                return NGX_ERROR;
            }

            data += size;

            if (p->state != NGX_CHAT_FETCH_TO_END && p->left == 0) {
                p->state = (p->state == NGX_CHAT_FETCH_BODY)
                           ? NGX_CHAT_FETCH_DONE : NGX_CHAT_FETCH_CHUNK_CR;
            }

            break;

        default:
            if (ngx_chat_fetch_chunked(p, *data++, why) != NGX_OK) {
                return NGX_ERROR;
            }
        }
    }

    return (p->state == NGX_CHAT_FETCH_DONE) ? NGX_OK : NGX_AGAIN;
}


ngx_int_t
ngx_chat_fetch_parse_end(ngx_chat_fetch_parser_t *p, const char **why)
{
    if (p->state == NGX_CHAT_FETCH_DONE || p->state == NGX_CHAT_FETCH_TO_END) {
        p->state = NGX_CHAT_FETCH_DONE;
        return NGX_OK;
    }

    *why = "the connection ended before the answer did";

    return NGX_ERROR;
}


/* collects to the empty line; a head that is whole decides on what follows */

static ngx_int_t
ngx_chat_fetch_head(ngx_chat_fetch_parser_t *p, u_char **data, u_char *last,
    const char **why)
{
    u_char  *h;

    if (p->head == NULL) {
        p->head = ngx_alloc(NGX_CHAT_FETCH_HEAD_MAX, p->log);

        if (p->head == NULL) {
            *why = "there is no memory";
            return NGX_ERROR;
        }
    }

    while (*data < last) {

        /* interim answers and trailers have their part of it */

        if (p->head_len + p->spare == NGX_CHAT_FETCH_HEAD_MAX) {
            *why = "its header is longer than 16k";
            return NGX_ERROR;
        }

        h = p->head + p->head_len++;
        *h = *(*data)++;

        if (*h != LF) {
            continue;
        }

        if (p->head_len < 4 || h[-1] != CR) {
            *why = "its header is no HTTP";
            return NGX_ERROR;
        }

        if (h[-2] != LF) {
            continue;
        }

        if (ngx_chat_fetch_status(p, why) != NGX_OK
            || ngx_chat_fetch_headers(p, why) != NGX_OK)
        {
            return NGX_ERROR;
        }

        if (p->status >= 200) {
            return ngx_chat_fetch_framing(p, why);
        }

        /* one like 100 is followed by the answer; 101 would be no HTTP */

        if (p->status == 101
            || p->interim++ == NGX_CHAT_FETCH_INTERIM_MAX)
        {
            *why = "it is no answer but more and more of 1xx, or 101";
            return NGX_ERROR;
        }

        p->spare += p->head_len;
        p->head_len = 0;
        p->status = 0;
        p->length = 0;
        p->chunked = 0;
        p->left = 0;
    }

    return NGX_OK;
}


/* "HTTP/1.1 200 OK", the text after the number may be missing */

static ngx_int_t
ngx_chat_fetch_status(ngx_chat_fetch_parser_t *p, const char **why)
{
    u_char     *h;
    ngx_int_t   status;

    h = p->head;
    *why = "its header is no HTTP";

    if (p->head_len < sizeof("HTTP/1.1 200\r\n\r\n") - 1
        || ngx_strncmp(h, "HTTP/1.", 7) != 0 || (h[7] != '0' && h[7] != '1')
        || h[8] != ' ' || (h[12] != ' ' && h[12] != CR))
    {
        return NGX_ERROR;
    }

    status = ngx_atoi(h + 9, 3);

    if (status < 100 || status > 599) {
        return NGX_ERROR;
    }

    p->status = (ngx_uint_t) status;
    p->old = (h[7] == '0');

    return NGX_OK;
}


static ngx_int_t
ngx_chat_fetch_headers(ngx_chat_fetch_parser_t *p, const char **why)
{
    u_char      *h, *last;
    ngx_str_t    name, value;
    ngx_uint_t   n;

    /* the last CRLF is the empty line */

    last = p->head + p->head_len - 2;
    h = ngx_strlchr(p->head, last, LF) + 1;

    p->lines.data = h;
    p->lines.len = (size_t) (last - h);

    for (n = 0; h < last; n++) {

        if (n == NGX_CHAT_FETCH_HEADERS_MAX) {
            *why = "it has more than 64 headers";
            return NGX_ERROR;
        }

        h = ngx_chat_fetch_line(h, last, &name, &value);

        if (h == NULL) {
            *why = "it has a header that is none";
            return NGX_ERROR;
        }

        if (ngx_chat_fetch_known(p, &name, &value, why) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* one line, and where the next begins; NULL: it is none, or a folded one */

static u_char *
ngx_chat_fetch_line(u_char *p, u_char *last, ngx_str_t *name,
    ngx_str_t *value)
{
    u_char  *end;

    end = ngx_strlchr(p, last, LF);

    if (end == NULL || end == p || end[-1] != CR) {
        return NULL;
    }

    end--;
    name->data = p;

    while (p < end && *p != ':') {

        if (*p <= ' ' || *p >= 0x7f) {
            return NULL;
        }

        p++;
    }

    name->len = (size_t) (p - name->data);

    if (p == end || name->len == 0) {
        return NULL;
    }

    for (p++; p < end && (*p == ' ' || *p == '\t'); p++) { /* void */ }

    value->data = p;

    for ( /* void */ ; p < end; p++) {
        if ((*p < ' ' && *p != '\t') || *p == 0x7f) {
            return NULL;
        }
    }

    while (p > value->data && (p[-1] == ' ' || p[-1] == '\t')) {
        p--;
    }

    value->len = (size_t) (p - value->data);

    return end + 2;
}


/* what frames the body: said twice, or by two, it is refused */

static ngx_int_t
ngx_chat_fetch_known(ngx_chat_fetch_parser_t *p, ngx_str_t *name,
    ngx_str_t *value, const char **why)
{
    off_t  n;

    if (ngx_chat_fetch_is(name, "content-length")) {
        n = (value->len > 0) ? ngx_atoof(value->data, value->len) : NGX_ERROR;

        if (n == NGX_ERROR || p->length) {
            *why = "its Content-Length is none";
            return NGX_ERROR;
        }

        p->length = 1;
        p->left = (uint64_t) n;

    } else if (ngx_chat_fetch_is(name, "transfer-encoding")) {

        if (p->chunked || p->old || !ngx_chat_fetch_is(value, "chunked")) {
            *why = "its Transfer-Encoding is another than chunked";
            return NGX_ERROR;
        }

        p->chunked = 1;

    } else if (ngx_chat_fetch_is(name, "content-encoding")
               && !ngx_chat_fetch_is(value, "identity"))
    {
        *why = "it has a Content-Encoding, which was not asked for";
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_chat_fetch_framing(ngx_chat_fetch_parser_t *p, const char **why)
{
    if (p->chunked && p->length) {
        *why = "it has both Content-Length and Transfer-Encoding";
        return NGX_ERROR;
    }

    if (p->status == 204 || p->status == 304) {
        p->state = NGX_CHAT_FETCH_DONE;
        return NGX_OK;
    }

    if (p->chunked) {
        p->state = NGX_CHAT_FETCH_SIZE;
        return NGX_OK;
    }

    if (!p->length) {
        p->state = NGX_CHAT_FETCH_TO_END;
        return NGX_OK;
    }

    if (p->left > p->body_max) {
        *why = "its body is too large";
        return NGX_ERROR;
    }

    p->state = (p->left > 0) ? NGX_CHAT_FETCH_BODY : NGX_CHAT_FETCH_DONE;

    return NGX_OK;
}


/* everything of chunks but their data, a byte at a time */

static ngx_int_t
ngx_chat_fetch_chunked(ngx_chat_fetch_parser_t *p, u_char ch,
    const char **why)
{
    u_char  c;

    *why = "its chunks are broken";

    switch (p->state) {

    case NGX_CHAT_FETCH_SIZE:
        c = (u_char) (ch | 0x20);

        if ((ch >= '0' && ch <= '9') || (c >= 'a' && c <= 'f')) {

            if (p->digits++ == NGX_CHAT_FETCH_CHUNK_DIGITS) {
                return NGX_ERROR;
            }

            p->left = p->left * 16
                      + (uint64_t) (ch <= '9' ? ch - '0' : c - 'a' + 10);
            return NGX_OK;
        }

        if (p->digits == 0) {
            return NGX_ERROR;
        }

        p->state = NGX_CHAT_FETCH_EXTENSION;

        if (ch != CR && ch != ';' && ch != ' ' && ch != '\t') {
            return NGX_ERROR;
        }

        /* fall through */

    case NGX_CHAT_FETCH_EXTENSION:

        if (ch == CR) {
            p->state = NGX_CHAT_FETCH_SIZE_LF;
            return NGX_OK;
        }

        if (ch == LF || p->head_len + p->spare == NGX_CHAT_FETCH_HEAD_MAX) {
            return NGX_ERROR;
        }

        p->spare++;
        return NGX_OK;

    case NGX_CHAT_FETCH_SIZE_LF:
        p->state = (p->left > 0) ? NGX_CHAT_FETCH_CHUNK
                                 : NGX_CHAT_FETCH_TRAILER;
        p->digits = 0;
        p->blank = 1;

        if (p->left > p->body_max - p->body.len) {
            *why = "its body is too large";
            return NGX_ERROR;
        }

        return (ch == LF) ? NGX_OK : NGX_ERROR;

    case NGX_CHAT_FETCH_CHUNK_CR:
        p->state = NGX_CHAT_FETCH_CHUNK_LF;
        return (ch == CR) ? NGX_OK : NGX_ERROR;

    case NGX_CHAT_FETCH_CHUNK_LF:
        p->state = NGX_CHAT_FETCH_SIZE;
        return (ch == LF) ? NGX_OK : NGX_ERROR;

    default:
        return ngx_chat_fetch_trailer(p, ch);
    }
}


/* read and forgotten, up to the empty line */

static ngx_int_t
ngx_chat_fetch_trailer(ngx_chat_fetch_parser_t *p, u_char ch)
{
    if (p->head_len + p->spare == NGX_CHAT_FETCH_HEAD_MAX) {
        return NGX_ERROR;
    }

    p->spare++;

    if (ch == LF) {

        if (p->blank) {
            p->state = NGX_CHAT_FETCH_DONE;
        }

        p->blank = 1;

    } else if (ch != CR) {
        p->blank = 0;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_chat_fetch_keep(ngx_chat_fetch_parser_t *p, u_char *data, size_t n,
    const char **why)
{
    size_t   size;
    u_char  *body;

    if (n > p->body_max - p->body.len) {
        *why = "its body is too large";
        return NGX_ERROR;
    }

    if (p->body.len + n > p->body_size) {

        size = ngx_max(2 * (p->body.len + n), NGX_CHAT_FETCH_BODY_START);
        size = ngx_max(ngx_min(size, p->body_max), p->body.len + n);

        body = ngx_alloc(size, p->log);

        if (body == NULL) {
            *why = "there is no memory";
            return NGX_ERROR;
        }

        if (p->body.data != NULL) {
            ngx_memcpy(body, p->body.data, p->body.len);
            ngx_free(p->body.data);
        }

        p->body.data = body;
        p->body_size = size;
    }

    ngx_memcpy(p->body.data + p->body.len, data, n);
    p->body.len += n;

    return NGX_OK;
}


ngx_int_t
ngx_chat_fetch_header(ngx_chat_fetch_parser_t *p, const char *name,
    ngx_str_t *value)
{
    u_char     *h, *last;
    ngx_str_t   n;

    h = p->lines.data;
    last = h + p->lines.len;

    while (h < last) {
        h = ngx_chat_fetch_line(h, last, &n, value);

        if (h == NULL) {
            break;
        }

        if (ngx_chat_fetch_is(&n, name)) {
            return NGX_OK;
        }
    }

    ngx_str_null(value);

    return NGX_DECLINED;
}


static ngx_uint_t
ngx_chat_fetch_is(ngx_str_t *s, const char *word)
{
    return s->len == ngx_strlen(word)
           && ngx_strncasecmp(s->data, (u_char *) word, s->len) == 0;
}
