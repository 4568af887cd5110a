
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * A broker that answers later.  Nothing of a command is kept but its text: when
 * the answer is there the command is dispatched again, with the outcome.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_dispatch.h"
#include "ngx_chat_worker.h"


static ngx_int_t ngx_chat_dispatch_fresh(ngx_chat_caller_t *c,
    ngx_chat_room_key_t *key, ngx_chat_join_t *join);


ngx_chat_wait_t *
ngx_chat_dispatch_wait(ngx_chat_caller_t *c)
{
    if (c->resume == NULL) {
        return NULL;
    }

    return ngx_chat_wait_create(c->resume, c->resume_data,
                                c->conf->zone->log);
}


ngx_int_t
ngx_chat_dispatch_later(ngx_chat_caller_t *c, ngx_chat_publish_t *p)
{
    ngx_int_t            rc;
    ngx_chat_wait_t     *w;
    ngx_chat_publish_t  *done;

    if (c->outcome != NULL) {
        done = &c->outcome->publish;

        ngx_memcpy(p->epoch, done->epoch, NGX_CHAT_EPOCH_LEN);
        p->offset = done->offset;
        p->ts = done->ts;
        p->duplicate = done->duplicate;

        return NGX_DONE;
    }

    w = ngx_chat_dispatch_wait(c);
    if (w == NULL) {
        return NGX_AGAIN;
    }

    rc = c->conf->broker->publish(c->conf->zone, p, w);

    if (rc == NGX_DONE) {
        c->wait = w;

    } else {
        ngx_chat_wait_free(w);
    }

    return rc;
}


ngx_chat_err_e
ngx_chat_dispatch_prepare(ngx_chat_caller_t *c, ngx_chat_room_key_t *key,
    ngx_chat_join_t *join)
{
    ngx_int_t         rc;
    ngx_chat_err_e    code;
    ngx_chat_wait_t  *w;

    if (c->conf->broker->prepare == NULL) {
        return NGX_CHAT_OK;
    }

    code = ngx_chat_policy(c->user, NGX_CHAT_MAY_JOIN, &key->name);

    if (code != NGX_CHAT_OK) {
        return code;
    }

    if (c->outcome != NULL) {
        return c->outcome->code;
    }

    rc = ngx_chat_dispatch_fresh(c, key, join);

    switch (rc) {

    case NGX_OK:
        return NGX_CHAT_OK;

    case NGX_AGAIN:
        break;

    default:
        return NGX_CHAT_E_UNAVAILABLE;
    }

    w = ngx_chat_dispatch_wait(c);

    if (w == NULL || c->conf->broker->wait(c->conf->zone, key, w) != NGX_OK) {
        ngx_chat_wait_free(w);
        return NGX_CHAT_E_UNAVAILABLE;
    }

    c->wait = w;

    return NGX_CHAT_E_WAIT;
}


static ngx_int_t
ngx_chat_dispatch_fresh(ngx_chat_caller_t *c, ngx_chat_room_key_t *key,
    ngx_chat_join_t *join)
{
    ngx_chat_id_t  *after;

    if (c->session != NULL
        && ngx_chat_member_find(c->session, &key->name) != NULL)
    {
        return NGX_OK;
    }

    after = (join != NULL && join->after.given && !join->after.broken)
            ? &join->after.id : NULL;

    return c->conf->broker->prepare(c->conf->zone, key, after,
                                    c->outcome != NULL);
}


/* all are begun at once; the first that isn't ready is waited for */

ngx_chat_err_e
ngx_chat_dispatch_prepare_many(ngx_chat_caller_t *c, ngx_array_t *rooms,
    ngx_chat_room_kind_e kind)
{
    ngx_int_t             rc;
    ngx_uint_t            i;
    ngx_chat_wait_t      *w;
    ngx_chat_join_t      *join;
    ngx_chat_room_key_t   key, first;

    if (c->conf->broker->prepare == NULL) {
        return NGX_CHAT_OK;
    }

    join = rooms->elts;
    first.name.len = 0;
    key.kind = kind;

    for (i = 0; i < rooms->nelts; i++) {

        if (join[i].error != NGX_CHAT_OK) {
            continue;
        }

        key.name = join[i].room;
        join[i].error = ngx_chat_policy(c->user, NGX_CHAT_MAY_JOIN,
                                        &key.name);

        if (join[i].error != NGX_CHAT_OK) {
            continue;
        }

        rc = ngx_chat_dispatch_fresh(c, &key, &join[i]);

        if (rc == NGX_AGAIN && first.name.len == 0) {
            first = key;

        } else if (rc == NGX_ABORT) {
            join[i].error = NGX_CHAT_E_NOT_FOUND;

        } else if (rc == NGX_DECLINED) {
            join[i].error = NGX_CHAT_E_UNAVAILABLE;
        }
    }

    if (first.name.len == 0) {
        return NGX_CHAT_OK;
    }

    w = ngx_chat_dispatch_wait(c);

    if (w == NULL
        || c->conf->broker->wait(c->conf->zone, &first, w) != NGX_OK)
    {
        ngx_chat_wait_free(w);

        for (i = 0; i < rooms->nelts; i++) {
            if (join[i].error == NGX_CHAT_OK) {
                join[i].error = NGX_CHAT_E_UNAVAILABLE;
            }
        }

        return NGX_CHAT_OK;
    }

    c->wait = w;

    return NGX_CHAT_E_WAIT;
}


ngx_chat_err_e
ngx_chat_dispatch_want(ngx_chat_caller_t *c, ngx_chat_room_key_t *key,
    ngx_chat_page_t *page)
{
    ngx_int_t           rc;
    ngx_chat_wait_t    *w;
    ngx_chat_want_t     want;
    ngx_chat_cursor_t  *cursor;

    if (c->outcome != NULL) {
        page->source = c->outcome;
        return c->outcome->code;
    }

    ngx_memzero(&want, sizeof(ngx_chat_want_t));

    cursor = page->after.given ? &page->after : &page->before;

    want.after = page->after.given;
    want.before = !page->after.given && page->before.given;
    want.broken = cursor->given && cursor->broken;
    want.limit = page->limit ? ngx_min(page->limit, NGX_CHAT_PAGE_MAX)
                             : NGX_CHAT_PAGE_DEFAULT;

    if (cursor->given && !cursor->broken) {
        want.id = cursor->id;
    }

    w = ngx_chat_dispatch_wait(c);
    if (w == NULL) {
        return NGX_CHAT_E_UNAVAILABLE;
    }

    rc = c->conf->broker->page(c->conf->zone, key, &want, w);

    if (rc == NGX_DONE) {
        c->wait = w;
        return NGX_CHAT_E_WAIT;
    }

    ngx_chat_wait_free(w);

    return (rc == NGX_OK) ? NGX_CHAT_OK : NGX_CHAT_E_UNAVAILABLE;
}
