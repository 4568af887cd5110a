
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Writing JSON and finding one's way in its source.  (jansson decodes it, in
 * ngx_chat_proto_value.c.)
 */


#ifndef _NGX_CHAT_JSON_H_INCLUDED_
#define _NGX_CHAT_JSON_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/*
 * A text that grows.  It lives in malloc'ed memory so that a session's pool
 * doesn't grow; `failed' sticks after the first failed allocation or when
 * `max' (bytes, 0: no limit) would be passed, and writes are ignored then:
 * check it once at the end.
 */

typedef struct {
    u_char      *start;
    u_char      *pos;
    u_char      *end;
    size_t       max;
    ngx_log_t   *log;
    unsigned     failed:1;
} ngx_chat_text_t;


void ngx_chat_text_init(ngx_chat_text_t *t, size_t max, ngx_log_t *log);
void ngx_chat_text_free(ngx_chat_text_t *t);
#define ngx_chat_text_reset(t)   ((t)->pos = (t)->start, (t)->failed = 0)
#define ngx_chat_text_len(t)     ((size_t) ((t)->pos - (t)->start))

/* makes room for n bytes at t->pos: NGX_OK or NGX_ERROR (failed is set) */
ngx_int_t ngx_chat_text_reserve(ngx_chat_text_t *t, size_t n);

void ngx_chat_text_add(ngx_chat_text_t *t, const void *data, size_t len);
#define ngx_chat_text_str(t, s)  ngx_chat_text_add(t, (s)->data, (s)->len)
#define ngx_chat_text_lit(t, s)  ngx_chat_text_add(t, s, sizeof(s) - 1)
void ngx_chat_text_num(ngx_chat_text_t *t, int64_t n);

/* a JSON string with its quotes; `s' must be valid UTF-8 */
void ngx_chat_text_json(ngx_chat_text_t *t, ngx_str_t *s);
/* the same as a member behind others, `,"name":"s"'; nothing if `s' is empty */
void ngx_chat_text_member(ngx_chat_text_t *t, const char *name, ngx_str_t *s);

/* the size of the escaped string with its quotes, and the writer */
size_t ngx_chat_json_string_len(ngx_str_t *s);
u_char *ngx_chat_json_string(u_char *p, ngx_str_t *s);

/*
 * `json' is valid JSON (a parser has accepted it) and an object.  Finds the
 * source bytes of member `name', which must not need escapes; *value is a
 * slice.  NGX_DECLINED: no such member.
 */
ngx_int_t ngx_chat_json_member(ngx_str_t *json, ngx_str_t *name,
    ngx_str_t *value);

/*
 * The members of an object in turn: `json' is valid and an object, *pos is
 * json->data at first; `name' is as written between its quotes.  NGX_OK or
 * NGX_DONE.
 */
ngx_int_t ngx_chat_json_next_member(ngx_str_t *json, u_char **pos,
    ngx_str_t *name, ngx_str_t *value);

/*
 * RFC 8259's grammar: one value with white space around it, nested at most
 * NGX_CHAT_JSON_DEPTH_MAX deep.  Knows nothing of UTF-8, of surrogates and of
 * duplicate names.  NGX_OK or NGX_ERROR.
 */
#define NGX_CHAT_JSON_DEPTH_MAX  16384
ngx_int_t ngx_chat_json_valid(ngx_str_t *json);

/* drops white space outside of strings, in place */
void ngx_chat_json_minify(ngx_str_t *json);

/*
 * The deepest nesting of arrays and objects in `json', which need not be
 * valid; stops counting at `max' + 1.  A scalar is 0.
 */
ngx_uint_t ngx_chat_json_depth(ngx_str_t *json, ngx_uint_t max);

/*
 * A batch's elements: `json' is valid and an array.  Iterates over the source
 * bytes of its elements: *pos is json->data at first.  NGX_OK or NGX_DONE.
 */
ngx_int_t ngx_chat_json_element(ngx_str_t *json, u_char **pos,
    ngx_str_t *element);


#endif /* _NGX_CHAT_JSON_H_INCLUDED_ */
