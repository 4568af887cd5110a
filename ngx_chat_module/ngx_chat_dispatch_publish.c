
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * From a command to the broker and to a page: what the dispatcher and the HTTP
 * endpoints share.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_change.h"
#include "ngx_chat_direct.h"
#include "ngx_chat_dispatch.h"
#include "ngx_chat_hook.h"
#include "ngx_chat_inbox.h"
#include "ngx_chat_name.h"
#include "ngx_chat_mark.h"
#include "ngx_chat_token.h"
#include "ngx_chat_worker.h"


static ngx_int_t ngx_chat_dispatch_readers(ngx_chat_caller_t *c,
    ngx_chat_cmd_t *cmd, ngx_chat_publish_t *p);
static ngx_int_t ngx_chat_dispatch_missed(ngx_chat_caller_t *c,
    ngx_chat_cmd_t *cmd, ngx_chat_publish_t *p);
static ngx_chat_err_e ngx_chat_dispatch_may_send(ngx_chat_caller_t *c,
    ngx_str_t *room);
static ngx_chat_err_e ngx_chat_dispatch_local(ngx_chat_caller_t *c,
    ngx_chat_publish_t *p, ngx_uint_t cost);
static ngx_chat_err_e ngx_chat_dispatch_remote(ngx_chat_caller_t *c,
    ngx_chat_publish_t *p, ngx_uint_t cost);
static ngx_chat_err_e ngx_chat_dispatch_published(ngx_int_t rc);
static ngx_chat_err_e ngx_chat_dispatch_paged(ngx_int_t rc);
static ngx_int_t ngx_chat_identity_token(ngx_chat_caller_t *c,
    ngx_chat_cmd_t *cmd, ngx_chat_user_t *user, ngx_uint_t *changed);


ngx_chat_err_e
ngx_chat_dispatch_publish(ngx_chat_caller_t *c, ngx_chat_cmd_t *cmd,
    ngx_chat_publish_t *p)
{
    size_t            cut1, cut2, size;
    uint64_t          body;
    ngx_chat_err_e    code;
    ngx_chat_text_t  *t;

    code = ngx_chat_dispatch_may_send(c, &cmd->room);
    if (code != NGX_CHAT_OK) {
        return code;
    }

    /* of what the client has sent, as it may send it again */

    size = cmd->text.len + cmd->data.len;
    body = (cmd->nonce.len > 0) ? ngx_chat_body_hash(cmd) : 0;

    code = ngx_chat_dispatch_ask(c, cmd);
    if (code != NGX_CHAT_OK) {
        return code;
    }

    t = ngx_chat_worker_text();

    ngx_chat_event_message(t, cmd, c->user, &cut1, &cut2);

    if (t->failed) {
        return NGX_CHAT_E_INTERNAL;
    }

    ngx_memzero(p, sizeof(ngx_chat_publish_t));

    p->key.kind = NGX_CHAT_ROOM_CHAT;
    p->key.name = cmd->room;
    p->type = NGX_CHAT_REC_MESSAGE;

    ngx_chat_dispatch_pieces(p, t, cut1, cut2);

    if (cmd->thread.given) {
        code = ngx_chat_dispatch_thread(c, cmd, p);

        if (code != NGX_CHAT_OK) {
            return code;
        }
    }

    if (cmd->text.len + cmd->data.len < sizeof(NGX_CHAT_TOMBSTONE)) {
        p->reserve = sizeof(NGX_CHAT_TOMBSTONE);
    }

    ngx_chat_dispatch_nonce(c, p, &cmd->nonce);

    p->body = body;

    if (ngx_chat_dispatch_readers(c, cmd, p) != NGX_OK
        || ngx_chat_dispatch_missed(c, cmd, p) != NGX_OK)
    {
        return NGX_CHAT_E_INTERNAL;
    }

    code = ngx_chat_dispatch_broker(c, p, size);

    if (code == NGX_CHAT_OK) {
        ngx_chat_inbox_published(c, p);
    }

    return code;
}


void
ngx_chat_dispatch_pieces(ngx_chat_publish_t *p, ngx_chat_text_t *t,
    size_t cut1, size_t cut2)
{
    p->piece[0].data = t->start;
    p->piece[0].len = cut1;
    p->piece[1].data = t->start + cut1;
    p->piece[1].len = cut2 - cut1;
    p->piece[2].data = t->start + cut2;
    p->piece[2].len = ngx_chat_text_len(t) - cut2;
}


ngx_chat_err_e
ngx_chat_dispatch_raw(ngx_chat_caller_t *c, ngx_str_t *room,
    ngx_str_t *payload, ngx_uint_t type, ngx_str_t *nonce,
    ngx_chat_publish_t *p)
{
    ngx_chat_err_e  code;

    code = ngx_chat_dispatch_may_send(c, room);
    if (code != NGX_CHAT_OK) {
        return code;
    }

    ngx_memzero(p, sizeof(ngx_chat_publish_t));

    p->key.kind = NGX_CHAT_ROOM_RAW;
    p->key.name = *room;
    p->type = type;
    p->piece[0] = *payload;

    ngx_chat_dispatch_nonce(c, p, nonce);

    if (nonce->len > 0) {
        p->body = ngx_chat_hash64(type, payload->data, payload->len);
    }

    return ngx_chat_dispatch_broker(c, p, payload->len);
}


/* whose markers the message concerns: see ngx_chat_mark.h */

static ngx_int_t
ngx_chat_dispatch_readers(ngx_chat_caller_t *c, ngx_chat_cmd_t *cmd,
    ngx_chat_publish_t *p)
{
    u_char           *pos;
    ngx_int_t         rc;
    ngx_str_t        *user;
    ngx_chat_zone_t  *z;

    if (c->conf->broker->prepare != NULL) {
        /* no markers where hosts share rooms */
        return NGX_OK;
    }

    z = c->conf->zone;

    ngx_chat_mark_user(z, &c->user->id, p->reader);

    if (cmd->mentions.len == 0) {
        return NGX_OK;
    }

    p->mention = ngx_palloc(c->pool,
                            NGX_CHAT_MENTIONS_MAX * sizeof(uint64_t[2]));
    p->mentioned = ngx_palloc(c->pool,
                              NGX_CHAT_MENTIONS_MAX * sizeof(ngx_str_t));

    if (p->mention == NULL || p->mentioned == NULL) {
        return NGX_ERROR;
    }

    pos = cmd->mentions.data;

    while (p->nmentions < NGX_CHAT_MENTIONS_MAX) {

        user = &p->mentioned[p->nmentions];

        rc = ngx_chat_mention_next(c->pool, &cmd->mentions, &pos, user);

        if (rc != NGX_OK) {
            return (rc == NGX_DONE) ? NGX_OK : NGX_ERROR;
        }

        ngx_chat_mark_user(z, user, p->mention[p->nmentions++]);
    }

    return NGX_OK;
}


/* who is to be told by a webhook if he has no session: the other one of a
   direct room, and who is mentioned, but not the author */

static ngx_int_t
ngx_chat_dispatch_missed(ngx_chat_caller_t *c, ngx_chat_cmd_t *cmd,
    ngx_chat_publish_t *p)
{
    ngx_str_t               *user;
    ngx_uint_t               i;
    ngx_chat_hook_missed_t  *m;

    if (!ngx_chat_hook_wants(c->conf->zone, NGX_CHAT_HOOK_MISSED)
        || c->conf->broker->prepare != NULL)
    {
        return NGX_OK;
    }

    m = ngx_pcalloc(c->pool, (NGX_CHAT_MENTIONS_MAX + 1)
                             * sizeof(ngx_chat_hook_missed_t));
    if (m == NULL) {
        return NGX_ERROR;
    }

    p->missed = m;

    if (ngx_chat_direct_other(&cmd->room, &c->user->id, m[0].key) == NGX_OK) {
        /* nobody else reads it, whoever is mentioned */
        p->nmissed = 1;
        return NGX_OK;
    }

    for (i = 0; i < p->nmentions; i++) {

        m = &p->missed[p->nmissed];
        user = &p->mentioned[i];

        if ((user->len == c->user->id.len
             && ngx_memcmp(user->data, c->user->id.data, user->len) == 0)
            || ngx_chat_direct_key(m->key, user) != NGX_OK)
        {
            continue;
        }

        m->user = *user;
        p->nmissed++;
    }

    return NGX_OK;
}


/*
 * What has waited was allowed when it was sent, and is published or not: that
 * is told, even if the right to publish was taken meanwhile.
 */

static ngx_chat_err_e
ngx_chat_dispatch_may_send(ngx_chat_caller_t *c, ngx_str_t *room)
{
    return (c->outcome == NULL)
           ? ngx_chat_dispatch_may(c, NGX_CHAT_MAY_SEND, room) : NGX_CHAT_OK;
}


/* the key of de-duplication is (room, user, nonce) */

void
ngx_chat_dispatch_nonce(ngx_chat_caller_t *c, ngx_chat_publish_t *p,
    ngx_str_t *nonce)
{
    p->sender = ngx_chat_hash64(0, c->user->id.data, c->user->id.len);
    p->user = p->sender;

    if (nonce->len == 0) {
        return;
    }

    p->nonce[0] = ngx_chat_hash64(0, nonce->data, nonce->len);
    p->nonce[1] = ngx_chat_hash64(p->nonce[0] | 1, nonce->data, nonce->len);
}


/* `size' is what the client has sent: each KB more costs a unit more */

ngx_chat_err_e
ngx_chat_dispatch_broker(ngx_chat_caller_t *c, ngx_chat_publish_t *p,
    size_t size)
{
    ngx_uint_t  cost;

    static ngx_chat_rule_t  rule;

    cost = 1 + size / 1024;

    p->rule = ngx_chat_zone_rule(c->conf->zone, &p->key.name);
    p->ts = ngx_chat_worker_now();

    if (!p->rule->create
        && (c->made || ngx_chat_rule_creates(p->rule, &p->key.name)))
    {
        rule = *p->rule;
        rule.create = 1;
        p->rule = &rule;
    }

    return (c->conf->broker->prepare == NULL)
           ? ngx_chat_dispatch_local(c, p, cost)
           : ngx_chat_dispatch_remote(c, p, cost);
}


/* what it costs is taken where it is appended: a duplicate costs nothing */

static ngx_chat_err_e
ngx_chat_dispatch_local(ngx_chat_caller_t *c, ngx_chat_publish_t *p,
    ngx_uint_t cost)
{
    ngx_int_t         rc;
    ngx_chat_rates_t  rates;

    ngx_chat_dispatch_rates(c, NGX_CHAT_RATE_MESSAGE, &p->key.name, &rates);

    if (p->change == NULL) {
        ngx_chat_dispatch_slow(c, &p->key.name, &rates);
    }

    if (rates.n > 0) {
        rates.cost = cost;
        p->rates = &rates;
    }

    rc = c->conf->broker->publish(c->conf->zone, p, NULL);

    p->rates = NULL;

    if (rates.wait > 0) {
        ngx_chat_dispatch_limited(c, &rates);
    }

    if (rc == NGX_CHAT_LIMITED && rates.rule == &ngx_chat_slow_rule) {
        return NGX_CHAT_E_SLOW_MODE;
    }

    return ngx_chat_dispatch_published(rc);
}


/* it is taken before anybody is asked, and not again with the answer */

static ngx_chat_err_e
ngx_chat_dispatch_remote(ngx_chat_caller_t *c, ngx_chat_publish_t *p,
    ngx_uint_t cost)
{
    ngx_int_t       rc;
    ngx_chat_err_e  code;

    if (c->outcome == NULL) {
        code = ngx_chat_dispatch_charge(c, NGX_CHAT_RATE_MESSAGE,
                                        &p->key.name, cost);

        if (code == NGX_CHAT_OK) {
            code = ngx_chat_dispatch_charge_slow(c, &p->key.name);
        }

        if (code != NGX_CHAT_OK) {
            return code;
        }
    }

    rc = ngx_chat_dispatch_later(c, p);

    if (rc == NGX_DONE) {
        return (c->wait != NULL) ? NGX_CHAT_E_WAIT : c->outcome->code;
    }

    return ngx_chat_dispatch_published(rc);
}


static ngx_chat_err_e
ngx_chat_dispatch_published(ngx_int_t rc)
{
    switch (rc) {

    case NGX_OK:
        return NGX_CHAT_OK;

    case NGX_CHAT_NO_ROOT:
        return NGX_CHAT_E_BAD_REQUEST;

    case NGX_CHAT_LIMITED:
        return NGX_CHAT_E_RATE_LIMITED;

    case NGX_DECLINED:
        return NGX_CHAT_E_NOT_FOUND;

    case NGX_ABORT:
        return NGX_CHAT_E_CONFLICT;

    case NGX_BUSY:
        return NGX_CHAT_E_FULL;

    case NGX_AGAIN:
        return NGX_CHAT_E_UNAVAILABLE;

    default:
        return NGX_CHAT_E_TOO_LARGE;
    }
}


void
ngx_chat_dispatch_ok(ngx_chat_text_t *t, ngx_str_t *reply_to,
    ngx_str_t *room, ngx_chat_publish_t *p)
{
    u_char  id[NGX_CHAT_ID_LEN], *last;

    last = ngx_chat_id_print(id, p->epoch, p->offset);

    ngx_chat_text_lit(t, "{\"type\":\"ok\"");
    ngx_chat_enc_reply_to(t, reply_to);
    ngx_chat_text_lit(t, ",\"room\":");
    ngx_chat_text_json(t, room);

    if (p->offset != 0) {
        ngx_chat_text_lit(t, ",\"id\":\"");
        ngx_chat_text_add(t, id, (size_t) (last - id));
        ngx_chat_text_lit(t, "\",\"ts\":");
        ngx_chat_text_num(t, (int64_t) p->ts);
    }

    if (p->duplicate) {
        ngx_chat_text_lit(t, ",\"duplicate\":true");
    }

    ngx_chat_text_lit(t, "}");
}


ngx_chat_err_e
ngx_chat_dispatch_page(ngx_chat_caller_t *c, ngx_chat_room_key_t *key,
    ngx_chat_page_t *page, ngx_chat_text_t *t)
{
    ngx_chat_err_e         code;
    ngx_chat_zone_t       *z;
    ngx_chat_room_info_t   info;

    z = c->conf->zone;

    code = (c->outcome == NULL)
           ? ngx_chat_dispatch_charge(c, NGX_CHAT_RATE_HISTORY, &key->name, 1)
           : NGX_CHAT_OK;

    if (code != NGX_CHAT_OK) {
        return code;
    }

    code = ngx_chat_dispatch_may(c, NGX_CHAT_MAY_HISTORY, &key->name);
    if (code != NGX_CHAT_OK) {
        return code;
    }

    page->source = NULL;

    if (c->conf->broker->page != NULL) {

        if (page->thread.given) {
            return NGX_CHAT_E_UNSUPPORTED;
        }

        code = ngx_chat_dispatch_want(c, key, page);

        if (code != NGX_CHAT_OK) {
            return code;
        }

        if (page->source != NULL) {
            return ngx_chat_dispatch_paged(ngx_chat_history_page(z,
                                               &page->source->info, page, t));
        }
    }

    if (ngx_chat_room_find(z, key, ngx_chat_zone_rule(z, &key->name), &info)
        != NGX_OK)
    {
        return NGX_CHAT_E_NOT_FOUND;
    }

    return ngx_chat_dispatch_paged(ngx_chat_history_page(z, &info, page, t));
}


static ngx_chat_err_e
ngx_chat_dispatch_paged(ngx_int_t rc)
{
    switch (rc) {

    case NGX_OK:
        return NGX_CHAT_OK;

    case NGX_DECLINED:
        return NGX_CHAT_E_NOT_FOUND;

    default:
        return NGX_CHAT_E_INTERNAL;
    }
}


/*
 * Only a guest can change: its token makes it the guest that it was, and it
 * may say how it wants to be called.  Who others are, the location knows.
 */

ngx_int_t
ngx_chat_identity_hello(ngx_chat_caller_t *c, ngx_chat_cmd_t *cmd,
    ngx_chat_user_t *user, ngx_uint_t *changed)
{
    ngx_int_t  rc;

    *changed = 0;

    if (!c->conf->guest || !user->guest) {
        return NGX_OK;
    }

    if (cmd->token.len != 0) {
        rc = ngx_chat_identity_token(c, cmd, user, changed);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    if (cmd->name.len != 0
        && (cmd->name.len != user->name.len
            || ngx_memcmp(cmd->name.data, user->name.data, cmd->name.len)
               != 0))
    {
        user->name = cmd->name;
        *changed = 1;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_chat_identity_token(ngx_chat_caller_t *c, ngx_chat_cmd_t *cmd,
    ngx_chat_user_t *user, ngx_uint_t *changed)
{
    time_t     issued;
    ngx_int_t  rc;

    rc = ngx_chat_guest_check(c->conf->secrets, c->conf->zone, &cmd->token,
                              c->guest_id, &issued, ngx_cycle->log);
    if (rc != NGX_OK) {
        return rc;
    }

    if (user->id.len != NGX_CHAT_GUEST_ID_LEN
        || ngx_memcmp(user->id.data, c->guest_id, NGX_CHAT_GUEST_ID_LEN) != 0)
    {
        user->id.data = c->guest_id;
        user->id.len = NGX_CHAT_GUEST_ID_LEN;
        user->issued = issued;
        *changed = 1;
    }

    return NGX_OK;
}


void
ngx_chat_dispatch_welcome(ngx_chat_session_t *s, ngx_str_t *reply_to)
{
    u_char            token[NGX_CHAT_GUEST_TOKEN_MAX], *last;
    ngx_chat_conf_t  *conf;
    ngx_chat_text_t  *t;

    conf = s->conf;
    t = ngx_chat_worker_text();

    ngx_chat_text_lit(t, "{\"type\":\"welcome\"");
    ngx_chat_enc_reply_to(t, reply_to);
    ngx_chat_text_lit(t, ",\"protocol\":\"chat.v1\",\"server\":\""
                         NGX_CHAT_SERVER "\",\"session\":\"");
    ngx_chat_text_add(t, s->id, NGX_CHAT_SESSION_ID_LEN);
    ngx_chat_text_lit(t, "\",\"user\":");
    ngx_chat_enc_user(t, &s->user);

    if (conf->guest && s->user.guest) {
        last = ngx_chat_guest_sign(conf->secrets, conf->zone, token,
                                   s->user.id.data, s->log);

        if (last != NULL) {
            ngx_chat_text_lit(t, ",\"guest_token\":\"");
            ngx_chat_text_add(t, token, (size_t) (last - token));
            ngx_chat_text_lit(t, "\"");
        }
    }

    ngx_chat_text_lit(t, ",\"ts\":");
    ngx_chat_text_num(t, (int64_t) ngx_chat_worker_now());
    ngx_chat_text_lit(t, ",\"features\":[\"history\",\"resume\","
                         "\"heartbeat\",\"signal\",\"typing\","
                         "\"presence\"");

    if (conf->broker->prepare == NULL) {
        ngx_chat_text_lit(t, ",\"read\"");
    }

    if (conf->guest) {
        ngx_chat_text_lit(t, ",\"guest_name\"");
    }

    if (conf->broker->prepare == NULL) {
        ngx_chat_text_lit(t, ",\"edit\",\"delete\",\"react\",\"thread\","
                             "\"rooms\"");

        if (conf->notice) {
            ngx_chat_text_lit(t, ",\"notice\"");
        }
    }

    ngx_chat_text_lit(t, ",\"direct\",\"block\",\"invite\","
                         "\"moderation\",\"state\"],\"limits\":{\"text\":");
    ngx_chat_text_num(t, (int64_t) conf->text_max);
    ngx_chat_text_lit(t, ",\"frame\":");
    ngx_chat_text_num(t, (int64_t) conf->message_max);
    ngx_chat_text_lit(t, ",\"rooms\":");
    ngx_chat_text_num(t, (int64_t) conf->zone->session_rooms);
    ngx_chat_text_lit(t, ",\"replay\":");
    ngx_chat_text_num(t, (int64_t) conf->replay_max);
    ngx_chat_text_lit(t, "},\"ping_ms\":");
    ngx_chat_text_num(t, (int64_t) conf->ping * 1000);
    ngx_chat_text_lit(t, ",\"reconnect\":{\"min_ms\":500,\"max_ms\":30000,"
                         "\"spread_ms\":5000}}");

    s->greeted = 1;

    ngx_chat_session_send_text(s, t);
}
