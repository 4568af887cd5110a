
/*
 * Copyright (C) the ngx_chat_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_audit.h"
#include "ngx_chat_worker.h"


static void ngx_chat_audit_write(ngx_chat_audit_log_t *log, u_char *line,
    size_t len);
static ssize_t ngx_chat_audit_syslog(ngx_syslog_peer_t *peer, u_char *line,
    size_t len);
static void ngx_chat_audit_members(ngx_chat_text_t *t, ngx_chat_caller_t *c,
    ngx_chat_cmd_t *cmd);
static void ngx_chat_audit_number(ngx_chat_text_t *t, const char *name,
    ngx_uint_t value);
static void ngx_chat_audit_publish(ngx_chat_caller_t *c, ngx_chat_text_t *t,
    size_t cut1, size_t cut2);


void
ngx_chat_audit_moder(ngx_chat_caller_t *c, ngx_chat_cmd_t *cmd)
{
    size_t            cut1, cut2;
    ngx_chat_text_t  *t;

    t = ngx_chat_worker_text();

    ngx_chat_text_lit(t, "{\"type\":\"audit\",\"room\":\"" NGX_CHAT_AUDIT_ROOM
                         "\",\"id\":\"");
    cut1 = ngx_chat_text_len(t);

    ngx_chat_text_lit(t, "\",\"ts\":");
    cut2 = ngx_chat_text_len(t);

    ngx_chat_audit_members(t, c, cmd);
    ngx_chat_text_lit(t, "}");

    if (!t->failed) {
        ngx_chat_audit_publish(c, t, cut1, cut2);
    }

    if (c->conf->audit == NULL) {
        return;
    }

    t = ngx_chat_worker_text();

    ngx_chat_text_lit(t, "{\"ts\":");
    ngx_chat_text_num(t, (int64_t) ngx_chat_worker_now());
    ngx_chat_audit_members(t, c, cmd);
    ngx_chat_text_lit(t, "}\n");

    if (!t->failed) {
        ngx_chat_audit_write(c->conf->audit, t->start, ngx_chat_text_len(t));
    }
}


/* a whole line with one write, as the access log does it */

static void
ngx_chat_audit_write(ngx_chat_audit_log_t *log, u_char *line, size_t len)
{
    ssize_t  n;

    n = (log->syslog != NULL) ? ngx_chat_audit_syslog(log->syslog, line, len)
                              : ngx_write_fd(log->file->fd, line, len);

    if (n == (ssize_t) len || ngx_time() - log->complained < 60) {
        return;
    }

    log->complained = ngx_time();

    ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, (n == -1) ? ngx_errno : 0,
                  "writing to \"chat_audit_log\" failed");
}


/* the end of a line is the log's own; as many bytes as there were if it was
   sent */

static ssize_t
ngx_chat_audit_syslog(ngx_syslog_peer_t *peer, u_char *line, size_t len)
{
    size_t   size;
    u_char  *buf, *p;
    ssize_t  n;

    size = sizeof("<255>Jan 01 00:00:00 ") - 1 + ngx_cycle->hostname.len + 1
           + peer->tag.len + 2 + len;

    buf = ngx_alloc(size, ngx_cycle->log);
    if (buf == NULL) {
        return NGX_ERROR;
    }

    p = ngx_syslog_add_header(peer, buf);
    p = ngx_cpymem(p, line, len - 1);

    size = (size_t) (p - buf);

    n = ngx_syslog_send(peer, buf, size);

    ngx_free(buf);

    return (n == (ssize_t) size) ? (ssize_t) len : NGX_ERROR;
}


/* `in' is where it was done: the event's own room is ~audit */

static void
ngx_chat_audit_members(ngx_chat_text_t *t, ngx_chat_caller_t *c,
    ngx_chat_cmd_t *cmd)
{
    ngx_chat_moder_t  *m;

    m = &cmd->moder;

    ngx_chat_text_member(t, "action", &cmd->type_name);
    ngx_chat_text_lit(t, ",\"by\":");
    ngx_chat_enc_user(t, c->user);

    ngx_chat_text_member(t, "in", &cmd->room);
    ngx_chat_text_member(t, "target", &m->user);
    ngx_chat_text_member(t, "session", &m->session);
    ngx_chat_text_member(t, "jti", &m->jti);
    ngx_chat_text_member(t, "role", &m->role);
    ngx_chat_text_member(t, "reason", &m->reason);
    ngx_chat_audit_number(t, "for_ms", m->for_ms);
    ngx_chat_audit_number(t, "purge_ms", m->purge_ms);

    if (m->address) {
        ngx_chat_text_lit(t, ",\"address\":true");
    }

    if (m->set.len > 0) {
        ngx_chat_text_lit(t, ",\"set\":");
        ngx_chat_text_str(t, &m->set);
    }
}


static void
ngx_chat_audit_number(ngx_chat_text_t *t, const char *name, ngx_uint_t value)
{
    if (value == 0) {
        return;
    }

    ngx_chat_text_lit(t, ",\"");
    ngx_chat_text_add(t, name, ngx_strlen(name));
    ngx_chat_text_lit(t, "\":");
    ngx_chat_text_num(t, (int64_t) value);
}


/* the room is there as soon as something has happened, whatever chat_rooms
   says of making rooms */

static void
ngx_chat_audit_publish(ngx_chat_caller_t *c, ngx_chat_text_t *t, size_t cut1,
    size_t cut2)
{
    ngx_chat_rule_t     rule;
    ngx_chat_zone_t    *z;
    ngx_chat_publish_t  p;

    z = c->conf->zone;

    if (z->remote != NULL) {
        /* what is done is true of this host, and so is its log */
        return;
    }

    ngx_memzero(&p, sizeof(ngx_chat_publish_t));

    p.key.kind = NGX_CHAT_ROOM_CHAT;
    ngx_str_set(&p.key.name, NGX_CHAT_AUDIT_ROOM);

    rule = *ngx_chat_zone_rule(z, &p.key.name);
    rule.create = 1;

    p.rule = &rule;
    p.type = NGX_CHAT_REC_MESSAGE;
    p.ts = ngx_chat_worker_now();

    ngx_chat_dispatch_pieces(&p, t, cut1, cut2);

    if (ngx_chat_broker_local.publish(z, &p, NULL) != NGX_OK) {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "an event of the chat's audit room is lost, there is no "
                      "place for it");
    }
}
