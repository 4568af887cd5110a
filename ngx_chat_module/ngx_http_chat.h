
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * What the files of the HTTP row share: configuration, the context of a
 * request, the transports.
 */


#ifndef _NGX_HTTP_CHAT_H_INCLUDED_
#define _NGX_HTTP_CHAT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_chat.h"
#include "ngx_chat_apikey.h"
#include "ngx_chat_bus.h"
#include "ngx_chat_dispatch.h"
#include "ngx_chat_keys.h"
#include "ngx_chat_session.h"


/* rooms of one stream: an id, which a header returns, has a place for each */
#define NGX_HTTP_CHAT_SSE_ROOMS  100


/* a zone being configured: referred to before it is defined, perhaps */

typedef struct {
    ngx_chat_zone_t            zone;         /* first */
    size_t                     size;         /* 0: not defined (yet) */
    ngx_pool_t                *pool;         /* the cycle's */
    u_char                    *file;         /* where it was first named */
    ngx_uint_t                 line;
    ngx_str_t                  directive;
} ngx_http_chat_zone_t;


/* a location with "chat", for the checks at the end of the configuration */

typedef struct {
    ngx_http_core_srv_conf_t  *cscf;
    ngx_http_core_loc_conf_t  *clcf;
    u_char                    *file;
    ngx_uint_t                 line;
} ngx_http_chat_location_t;


typedef struct {
    ngx_array_t                zones;        /* of ngx_chat_zone_t pointers */
    ngx_array_t                locations;    /* of ngx_http_chat_location_t */
    ngx_array_t                jwks;         /* of ngx_chat_keys_file_t * */
    ngx_chat_bus_t            *bus;          /* NULL: chat isn't configured */
    size_t                     buffers;
    ngx_uint_t                 claims;       /* $chat_claim_* is used */
    ngx_int_t                  deflate_level;
    size_t                     deflate_min;
} ngx_http_chat_main_conf_t;


/* chat_jwt_* */

typedef struct {
    ngx_array_t               *files;        /* of ngx_chat_keys_file_t */
    ngx_array_t               *iss;          /* of ngx_str_t; NULL: any */
    ngx_array_t               *aud;
    time_t                     leeway;
    time_t                     lifetime;
    ngx_uint_t                 exp_optional;
    ngx_uint_t                 claims;       /* chat_jwt_claim is there */
    ngx_str_t                  user;
    ngx_str_t                  name;
    ngx_str_t                  roles;
    ngx_str_t                  rooms;
    ngx_str_t                  cookie;       /* a variable's name; len 0 */
} ngx_http_chat_jwt_conf_t;


/* chat_login: ngx_http_chat_login.h */
typedef struct ngx_http_chat_login_s  ngx_http_chat_login_t;


typedef struct {
    ngx_chat_conf_t            chat;         /* zone NULL: not a chat */
    ngx_flag_t                 guest;
    ngx_http_complex_value_t  *user;
    ngx_http_complex_value_t  *user_name;
    ngx_str_t                  auth_uri;     /* chat_auth_request; len 0 */
    ngx_http_chat_jwt_conf_t   jwt;
    ngx_http_complex_value_t  *room;
    ngx_uint_t                 format;
    ngx_uint_t                 sse_rooms;    /* of ?rooms= */
    ngx_flag_t                 deflate;
    ngx_array_t               *origins;      /* of ngx_str_t */
    ngx_array_t               *conn_limits;  /* chat_conn_limit; NULL: none */
    ngx_array_t               *limits;       /* chat_limit; NULL: none */
    ngx_array_t               *allow;        /* of ngx_chat_allow_t */
    ngx_array_t               *roles;        /* chat_role; NULL: none */
    ngx_flag_t                 limit_dry_run;
    ngx_chat_audit_log_t      *audit;        /* chat_audit_log; NULL: none */
    ngx_http_chat_login_t     *login;        /* chat_login; NULL: none */
    ngx_http_core_loc_conf_t  *clcf;         /* where "chat" was written */
    ngx_chat_zone_t           *status;       /* chat_status */
    ngx_array_t               *api;          /* chat_api: of
                                                ngx_chat_apikey_file_t, none
                                                with key=off; NULL */
} ngx_http_chat_loc_conf_t;


/* what a connection is counted as: ngx_http_chat_limit.h */
typedef struct ngx_http_chat_conn_s  ngx_http_chat_conn_t;

/* a subrequest that asks who the user is: ngx_http_chat_auth.c */
typedef struct ngx_http_chat_asked_s  ngx_http_chat_asked_t;

typedef struct ngx_http_chat_ctx_s  ngx_http_chat_ctx_t;

/* if ctx->wait is set afterwards it will be called again */
typedef ngx_int_t (*ngx_http_chat_content_pt)(ngx_http_request_t *r,
    ngx_http_chat_ctx_t *ctx);


/* a request; also what $chat_* say in the access log */

struct ngx_http_chat_ctx_s {
    ngx_chat_conf_t           *conf;
    ngx_chat_user_t            user;
    time_t                     expires;      /* the user; 0: never */
    ngx_str_t                  room;         /* len 0: none in the URL */
    ngx_str_t                  transport;
    uint64_t                   received;
    uint64_t                   sent;
    ngx_uint_t                 close_code;
    ngx_uint_t                 retry_after_ms;   /* of a refusal by rate */
    ngx_chat_err_e             refused;      /* why he may not connect */
    uint64_t                   until;        /* of a ban; 0: it has no end */
    void                      *session;      /* a WebSocket, until let go */
    ngx_http_chat_asked_t     *asked;        /* by chat_auth_request; NULL */
    ngx_http_chat_conn_t      *conn;         /* as it is counted; NULL */

    /* a broker that answers later: ngx_http_chat_wait.c */
    ngx_http_request_t        *request;      /* NULL: has never waited */
    ngx_chat_wait_t           *wait;
    ngx_chat_wait_t           *outcome;
    void                     (*again)(ngx_http_request_t *r);
    ngx_http_chat_content_pt   handler;
    ngx_chat_caller_t         *batch;        /* POST of commands */
    ngx_uint_t                 line;         /* lines of it that are done */

    u_char                     guest_id[NGX_CHAT_USER_MAX];
    unsigned                   new_guest:1;
    unsigned                   no_token:1;   /* that could be refused */
    unsigned                   stream:1;     /* POST asked for one */
    unsigned                   counted:1;    /* in the request's count */
    unsigned                   waited:1;     /* to know the user */
    unsigned                   may_ticket:1; /* what ?ticket= is good for */
    unsigned                   members:1;    /* who is in the room */
};


/* the words of a header that is a list, on one line or on several */

typedef struct {
    ngx_uint_t                 line;         /* zeros at first */
    u_char                    *pos;
    u_char                    *last;
} ngx_http_chat_words_t;


extern ngx_module_t  ngx_chat_module;


/* --- ngx_http_chat_conf.c --- */

ngx_int_t ngx_http_chat_init_zone(ngx_shm_zone_t *shm_zone, void *data);
/* init_module: nothing can refuse the new cycle any more */
void ngx_http_chat_zones_taken(ngx_http_chat_main_conf_t *cmcf);
void *ngx_http_chat_create_main_conf(ngx_conf_t *cf);
char *ngx_http_chat_init_main_conf(ngx_conf_t *cf, void *conf);
void *ngx_http_chat_create_loc_conf(ngx_conf_t *cf);
char *ngx_http_chat_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child);
ngx_int_t ngx_http_chat_check_conf(ngx_conf_t *cf,
    ngx_http_chat_main_conf_t *cmcf);

/* --- ngx_http_chat_set*.c: setters of directives --- */

char *ngx_http_chat_set_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_chat_set_rooms(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_chat_set_redis(ngx_conf_t *cf, ngx_command_t *cmd,
    void *dummy);
/* ngx_http_chat_set_webhook.c */
char *ngx_http_chat_set_webhook(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
/* at the end: what the zone's webhooks need of it; NGX_ERROR was logged */
ngx_int_t ngx_http_chat_webhooks_conf(ngx_conf_t *cf, ngx_chat_zone_t *z);
char *ngx_http_chat_set_nonce(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_chat_set_max_rooms(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_chat_set_chat(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_chat_set_status(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
/* ngx_http_chat_set_api.c */
char *ngx_http_chat_set_api(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
/* what a location with it has, once it is merged */
char *ngx_http_chat_server_conf(ngx_http_chat_loc_conf_t *conf);
char *ngx_http_chat_set_user(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_chat_set_origin(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_chat_set_message_max(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_chat_set_replay_max(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_chat_set_conn_limit(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_chat_set_allow(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_chat_set_role(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
/* ngx_http_chat_set_audit.c */
char *ngx_http_chat_set_audit_log(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_chat_set_limit(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* --- ngx_http_chat_set_guest.c --- */

char *ngx_http_chat_set_guest_secret(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* --- ngx_http_chat_set_login.c --- */

char *ngx_http_chat_set_login(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
/* of a location with "chat", when all else of it is known */
char *ngx_http_chat_login_conf(ngx_conf_t *cf,
    ngx_http_chat_loc_conf_t *conf);

/* --- ngx_http_chat_login.c --- */

/* a POST, before anybody asks who it is; NGX_DECLINED: it is for others */
ngx_int_t ngx_http_chat_login_handler(ngx_http_request_t *r,
    ngx_http_chat_loc_conf_t *clcf, ngx_http_chat_ctx_t *ctx);

/* --- ngx_http_chat_set_ask.c --- */

char *ngx_http_chat_set_auth_publish(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* --- ngx_http_chat_set_jwt.c --- */

char *ngx_http_chat_set_jwt_key(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_chat_set_jwt_list(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_chat_set_jwt_exp(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_chat_set_jwt_claim(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_chat_set_jwt_cookie(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* a worker begins to fetch key sets, and ends */
void ngx_http_chat_jwt_start(ngx_http_chat_main_conf_t *cmcf,
    ngx_cycle_t *cycle);
void ngx_http_chat_jwt_stop(ngx_http_chat_main_conf_t *cmcf);

void ngx_http_chat_jwt_create(ngx_http_chat_jwt_conf_t *conf);
/* all but the files, which are a source of identity */
void ngx_http_chat_jwt_merge(ngx_http_chat_jwt_conf_t *conf,
    ngx_http_chat_jwt_conf_t *prev);
/* of a location with "chat"; *auth stays if it has no keys */
char *ngx_http_chat_jwt_check(ngx_conf_t *cf, ngx_http_chat_jwt_conf_t *conf,
    ngx_str_t *location, ngx_chat_auth_t **auth);

/* --- ngx_http_chat_set_value.c: one plain value, within bounds --- */

typedef struct ngx_http_chat_value_s  ngx_http_chat_value_t;

extern ngx_http_chat_value_t  ngx_http_chat_value_ping;
extern ngx_http_chat_value_t  ngx_http_chat_value_ping_timeout;
extern ngx_http_chat_value_t  ngx_http_chat_value_slow_timeout;
extern ngx_http_chat_value_t  ngx_http_chat_value_drain;
extern ngx_http_chat_value_t  ngx_http_chat_value_session_max;
extern ngx_http_chat_value_t  ngx_http_chat_value_buffers;
extern ngx_http_chat_value_t  ngx_http_chat_value_sse_rooms;
extern ngx_http_chat_value_t  ngx_http_chat_value_typing_max;
extern ngx_http_chat_value_t  ngx_http_chat_value_presence_max;
extern ngx_http_chat_value_t  ngx_http_chat_value_presence_grace;
extern ngx_http_chat_value_t  ngx_http_chat_value_jwt_leeway;
extern ngx_http_chat_value_t  ngx_http_chat_value_jwt_lifetime;

/* cmd->post is one of these */
char *ngx_http_chat_set_value(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_chat_set_format(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* --- ngx_http_chat_request.c --- */

ngx_int_t ngx_http_chat_handler(ngx_http_request_t *r);

/* a header of the request by its lowercase name; NULL: none */
ngx_table_elt_t *ngx_http_chat_header_in(ngx_http_request_t *r,
    const char *name);
/* the same of any headers, and of several lines; n counts from 0 */
ngx_table_elt_t *ngx_http_chat_header_line(ngx_list_t *headers,
    const char *name, ngx_uint_t n);
/* NGX_OK and the next word of a list, or NGX_DONE */
ngx_int_t ngx_http_chat_header_word(ngx_http_request_t *r, const char *name,
    ngx_http_chat_words_t *words, ngx_str_t *word);
/* an argument, decoded, in the request's pool; NGX_DECLINED: none */
ngx_int_t ngx_http_chat_arg(ngx_http_request_t *r, const char *name,
    ngx_str_t *value);
/* decodes %XX into the request's pool */
ngx_int_t ngx_http_chat_decode(ngx_http_request_t *r, ngx_str_t *value);
/* ?after= (a cursor that can't be parsed is of another life) and ?last= */
void ngx_http_chat_args_join(ngx_http_request_t *r, ngx_chat_join_t *join);

/* --- ngx_http_chat_response.c --- */

/* adds a header; value is static or in the request's pool */
ngx_int_t ngx_http_chat_add_header(ngx_http_request_t *r, const char *name,
    ngx_str_t *value);
/* "Upgrade: websocket", which 101 and 426 must have, but not over HTTP/2 */
ngx_int_t ngx_http_chat_add_upgrade(ngx_http_request_t *r);
ngx_int_t ngx_http_chat_add_common(ngx_http_request_t *r, ngx_uint_t stream);
/* a whole response; rc for the content handler or for finalize */
ngx_int_t ngx_http_chat_respond(ngx_http_request_t *r, ngx_uint_t status,
    const char *type, ngx_str_t *body);
/* the same with a text, or 500 if it has failed */
ngx_int_t ngx_http_chat_respond_text(ngx_http_request_t *r, ngx_uint_t status,
    const char *type, ngx_chat_text_t *t);
/* a short text/event-stream */
ngx_int_t ngx_http_chat_respond_stream(ngx_http_request_t *r,
    ngx_str_t *body);
/* application/problem+json, or the status alone in raw format */
ngx_int_t ngx_http_chat_error(ngx_http_request_t *r, ngx_chat_err_e code,
    const char *detail);
/* the same for what the parser has found */
ngx_int_t ngx_http_chat_problem(ngx_http_request_t *r, ngx_uint_t status,
    ngx_chat_err_t *err);
/* the same for what the dispatcher has refused */
ngx_int_t ngx_http_chat_refused(ngx_http_request_t *r, ngx_chat_err_e code,
    ngx_chat_caller_t *c);
/* 204: an EventSource that was banned doesn't come back */
ngx_int_t ngx_http_chat_gone(ngx_http_request_t *r);
/* the same with a status of its own */
ngx_int_t ngx_http_chat_refuse(ngx_http_request_t *r, ngx_uint_t status,
    ngx_chat_err_e code, const char *detail);

/* --- ngx_http_chat_origin.c --- */

/* the origin rule of PROTOCOL, section 9: NGX_OK or NGX_DECLINED (logged) */
ngx_int_t ngx_http_chat_origin_allowed(ngx_http_request_t *r,
    ngx_http_chat_loc_conf_t *clcf);
/* the headers that let a page of another origin read the answer, if it may */
ngx_int_t ngx_http_chat_cors(ngx_http_request_t *r,
    ngx_http_chat_loc_conf_t *clcf);
/* answers a browser that asks whether a page may; before the access phase */
ngx_int_t ngx_http_chat_preflight_handler(ngx_http_request_t *r);

/* --- ngx_http_chat_identity.c --- */

/*
 * NGX_OK; NGX_DECLINED: nobody; NGX_ABORT: an expired token; NGX_DONE: it can't
 * be known now; NGX_ERROR; NGX_AGAIN: not yet, ngx_chat_auth_wait() is next
 */
ngx_int_t ngx_http_chat_identify(ngx_http_request_t *r,
    ngx_http_chat_loc_conf_t *clcf, ngx_http_chat_ctx_t *ctx);
/* a token by a header; NGX_OK or NGX_DECLINED */
ngx_int_t ngx_http_chat_bearer(ngx_http_request_t *r, ngx_str_t *token);
/* one by a cookie, the variable of which is named; as above */
ngx_int_t ngx_http_chat_cookie(ngx_http_request_t *r, ngx_str_t *variable,
    ngx_str_t *token);
/* the cookie of a new guest, over TLS */
ngx_int_t ngx_http_chat_guest_cookie(ngx_http_request_t *r,
    ngx_http_chat_ctx_t *ctx);

/* --- ngx_http_chat_auth.c --- */

char *ngx_http_chat_set_auth_request(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
/* as ngx_http_chat_identify(), but after NGX_AGAIN ngx_http_chat_auth_wait() is
   next; NGX_BUSY: he may not connect */
ngx_int_t ngx_http_chat_identify_request(ngx_http_request_t *r,
    ngx_http_chat_loc_conf_t *clcf, ngx_http_chat_ctx_t *ctx);
/* `again' routes the request when the answer is there */
ngx_int_t ngx_http_chat_auth_wait(ngx_http_request_t *r,
    ngx_http_chat_ctx_t *ctx, ngx_http_chat_content_pt again);

/* --- ngx_http_chat_ticket.c --- */

#define NGX_HTTP_CHAT_NO_TICKET  1

/* whether a POST asks for one */
ngx_uint_t ngx_http_chat_is_ticket(ngx_http_chat_loc_conf_t *clcf,
    ngx_http_chat_ctx_t *ctx);
ngx_int_t ngx_http_chat_ticket_handler(ngx_http_request_t *r,
    ngx_http_chat_ctx_t *ctx);
/* as ngx_http_chat_identify(), or NGX_HTTP_CHAT_NO_TICKET */
ngx_int_t ngx_http_chat_ticket_identify(ngx_http_request_t *r,
    ngx_http_chat_loc_conf_t *clcf, ngx_http_chat_ctx_t *ctx);

/* --- ngx_http_chat_role.c --- */

/* adds what the configuration knows of an identified user: roles, rules;
   NGX_OK; NGX_DECLINED: he may not connect; NGX_ERROR */
ngx_int_t ngx_http_chat_roles(ngx_http_request_t *r,
    ngx_http_chat_loc_conf_t *clcf, ngx_http_chat_ctx_t *ctx);

/* whether a line of chat_role has a value, which takes a request to know */
ngx_uint_t ngx_http_chat_roles_vary(ngx_array_t *roles);

/* --- ngx_http_chat_ws.c --- */

ngx_int_t ngx_http_chat_ws_handler(ngx_http_request_t *r,
    ngx_http_chat_ctx_t *ctx, ngx_int_t identified);

/* --- ngx_http_chat_log.c: the access log, when there is no request --- */

typedef struct ngx_http_chat_logged_s  ngx_http_chat_logged_t;

/* a compact copy of what the log needs, and its size */
ngx_http_chat_logged_t *ngx_http_chat_log_save(ngx_http_request_t *r,
    ngx_pool_t *pool);
size_t ngx_http_chat_log_size(ngx_http_request_t *r);
/* gives the connection the client's address again that realip took back */
void ngx_http_chat_log_address_restore(ngx_connection_t *c,
    ngx_http_chat_logged_t *l);
/* logs with the context's values; `complete': the response's last byte is out;
   the connection's data is hc afterwards */
void ngx_http_chat_log_write(ngx_connection_t *c,
    ngx_http_connection_t *hc, ngx_http_chat_logged_t *l,
    ngx_http_chat_ctx_t *ctx, ngx_uint_t complete);

/* --- ngx_http_chat_api.c --- */

ngx_int_t ngx_http_chat_history_handler(ngx_http_request_t *r,
    ngx_http_chat_ctx_t *ctx);
ngx_int_t ngx_http_chat_post_handler(ngx_http_request_t *r,
    ngx_http_chat_ctx_t *ctx);

/* GET of a room's members */
ngx_int_t ngx_http_chat_members_handler(ngx_http_request_t *r,
    ngx_http_chat_ctx_t *ctx);

/*
 * The whole body, wherever nginx has put it, in the request's pool.
 * NGX_DECLINED: more than `max' bytes; NGX_ABORT: it came after the token's
 * end; or a status
 */
ngx_int_t ngx_http_chat_body(ngx_http_request_t *r, size_t max,
    ngx_str_t *body);
/* the caller of commands, and "[" of their answers; NULL: no memory */
ngx_chat_caller_t *ngx_http_chat_batch(ngx_http_request_t *r,
    ngx_http_chat_ctx_t *ctx);
/* whether Content-Type is `type', parameters aside */
ngx_uint_t ngx_http_chat_type_is(ngx_http_request_t *r, const char *type);

/* --- ngx_http_chat_publish.c --- */

/* POST to a room */
ngx_int_t ngx_http_chat_publish_handler(ngx_http_request_t *r,
    ngx_http_chat_ctx_t *ctx);
/* GET of a room in raw format: its newest payload */
ngx_int_t ngx_http_chat_newest_handler(ngx_http_request_t *r,
    ngx_http_chat_ctx_t *ctx);

/* Idempotency-Key, len 0: there is none; NGX_ERROR: it can't be one */
ngx_int_t ngx_http_chat_idempotency_key(ngx_http_request_t *r,
    ngx_str_t *nonce);

/* --- ngx_http_chat_server.c --- */

/* of "chat_api" */
ngx_int_t ngx_http_chat_server_handler(ngx_http_request_t *r);

/* --- ngx_http_chat_wait.c: a broker that answers later --- */

/* lets the caller wait, and gives it the outcome that there is */
void ngx_http_chat_wait_caller(ngx_http_chat_ctx_t *ctx,
    ngx_chat_caller_t *c);
/* c->wait is set: `again' will be called; NGX_OK or NGX_ERROR */
ngx_int_t ngx_http_chat_wait(ngx_http_request_t *r, ngx_http_chat_ctx_t *ctx,
    ngx_chat_caller_t *c, void (*again)(ngx_http_request_t *r));
/* the same for a content handler, which returns what this does */
ngx_int_t ngx_http_chat_wait_handler(ngx_http_request_t *r,
    ngx_http_chat_ctx_t *ctx, ngx_chat_caller_t *c,
    ngx_http_chat_content_pt handler);
/* who the user is, is not known yet: `again' routes the request when it is */
ngx_int_t ngx_http_chat_wait_identity(ngx_http_request_t *r,
    ngx_http_chat_ctx_t *ctx, ngx_http_chat_content_pt again);
/* rooms that will be entered, of ngx_chat_join_t: NGX_OK: now; anything else
   is what the handler returns */
ngx_int_t ngx_http_chat_wait_rooms(ngx_http_request_t *r,
    ngx_http_chat_ctx_t *ctx, ngx_array_t *rooms,
    ngx_http_chat_content_pt handler);

/* --- ngx_http_chat_sse.c: event streams --- */

/* GET; NGX_DONE or a response's rc */
ngx_int_t ngx_http_chat_sse_handler(ngx_http_request_t *r,
    ngx_http_chat_ctx_t *ctx);

/* a GET that can't become a stream, in a way that EventSource understands */
ngx_int_t ngx_http_chat_sse_refuse(ngx_http_request_t *r, ngx_chat_err_e code,
    const char *detail);

/*
 * A stream by fetch: a session with its `welcome' queued; NULL: no memory or
 * no seat.  When its commands were dispatched it begins: NGX_DONE, and the
 * reference of the request's count that the caller had is the stream's.
 */
ngx_chat_session_t *ngx_http_chat_stream_create(ngx_http_request_t *r,
    ngx_http_chat_ctx_t *ctx, ngx_http_chat_conn_t *counted);
ngx_int_t ngx_http_chat_stream_begin(ngx_http_request_t *r,
    ngx_chat_session_t *s);

/* --- ngx_http_chat_status.c --- */

ngx_int_t ngx_http_chat_status_handler(ngx_http_request_t *r);

/* --- ngx_http_chat_variables.c --- */

ngx_int_t ngx_http_chat_add_variables(ngx_conf_t *cf);
/* whether the configuration has a variable $chat_claim_*; once it is read */
ngx_uint_t ngx_http_chat_claims_used(ngx_conf_t *cf);


#endif /* _NGX_HTTP_CHAT_H_INCLUDED_ */
