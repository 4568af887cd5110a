
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Publishing: by POST, by WebSockets of its own, or by a subscriber of each
 * room.
 */


#include "wsload.h"


#define PAYLOAD  "{payload}"


static int        npublishers;
static conn_t    *publishers;
static conn_t   **senders;              /* with PUB_SUB, of each room */
static int32_t   *subscribers;          /* of each room */
static uint32_t  *next_seq;             /* of each publisher and room */
static uint64_t   turn;                 /* the next one's room */
static char      *before_payload;
static char      *after_payload;


void
publish_init(void)
{
    const char  *payload;

    payload = strstr(opt.template, PAYLOAD);

    if (payload == NULL) {
        die("--template needs " PAYLOAD);
    }

    before_payload = strndup(opt.template, payload - opt.template);
    after_payload = strdup(payload + sizeof(PAYLOAD) - 1);

    if (before_payload == NULL || after_payload == NULL) {
        die("out of memory");
    }

    senders = allocate(opt.rooms, sizeof(conn_t *));
    subscribers = allocate(opt.rooms, sizeof(int32_t));
    next_seq = allocate((size_t) opt.publishers * opt.rooms, sizeof(uint32_t));
}


void
room_joined(conn_t *c)
{
    subscribers[c->room]++;

    if (senders[c->room] == NULL) {
        senders[c->room] = c;
    }
}


void
room_left(conn_t *c)
{
    subscribers[c->room]--;

    if (senders[c->room] == c) {
        senders[c->room] = NULL;
    }
}


void
publish_open(void)
{
    int       i, ready;
    kind_e    kind;
    uint64_t  end;

    if (opt.pub != PUB_HTTP && opt.pub != PUB_WS) {
        return;
    }

    kind = (opt.pub == PUB_HTTP) ? HTTP_PUBLISHER : WS_PUBLISHER;
    npublishers = opt.publishers;
    publishers = allocate(npublishers, sizeof(conn_t));

    for (i = 0; i < npublishers; i++) {
        publishers[i].number = i;
        publishers[i].sent_at = allocate(opt.pipeline, sizeof(uint64_t));
        conn_start(&publishers[i], kind, i % opt.rooms);
    }

    end = now_ns() + 10 * SECOND;

    do {
        for (ready = 0, i = 0; i < npublishers; i++) {
            if (publishers[i].state == CLOSED) {
                die("no connection to publish by: %s", opt.pub_path);
            }

            ready += publishers[i].ready;
        }

        if (ready == npublishers) {
            return;
        }

        loop_once(5 * MSEC);

    } while (now_ns() < end);

    die("a publisher's connection is not answered: %s", opt.pub_path);
}


static int
publisher_free(conn_t *c)
{
    return c->ready
           && (c->kind != HTTP_PUBLISHER
               || c->waiting < (uint32_t) opt.pipeline)
           && c->out.len - c->out.off <= OUT_HIGH;
}


/* a room that everybody has left has its turn without a message */

static conn_t *
publisher_member(uint32_t *room)
{
    int  i;

    for (i = 0; i < opt.rooms; i++) {
        *room = (turn + i) % opt.rooms;

        if (senders[*room]) {
            turn += i;
            return publisher_free(senders[*room]) ? senders[*room] : NULL;
        }
    }

    return NULL;
}


static conn_t *
publisher_next(uint32_t *room)
{
    int      i;
    conn_t  *c;

    if (opt.pub == PUB_SUB) {
        return publisher_member(room);
    }

    for (i = 0; i < npublishers; i++) {
        c = &publishers[(turn + i) % npublishers];

        if (publisher_free(c)) {

            /* it publishes where it is */
            if (c->kind == WS_PUBLISHER) {
                *room = c->room;
            }

            return c;
        }
    }

    return NULL;
}


static void
hex_put(char *p, uint64_t value, int digits)
{
    while (digits--) {
        p[digits] = "0123456789abcdef"[value & 0x0f];
        value >>= 4;
    }
}


/* the body, valid until the next call */

static const char *
publish_body(uint32_t publisher, uint32_t room, uint64_t stamp, size_t *len)
{
    char         *mark;
    size_t        n, size;
    uint32_t     *seq;
    static char  *body;

    size = opt.payload + 8192;

    if (body == NULL) {
        body = allocate(size, 1);
    }

    seq = &next_seq[(size_t) publisher * opt.rooms + room];

    n = expand(body, 4096, before_payload, room);
    mark = body + n;

    memcpy(mark, MARK, sizeof(MARK) - 1);
    hex_put(mark + 3, run_id, 4);
    hex_put(mark + 7, publisher, 2);
    hex_put(mark + 9, (*seq)++, 8);
    hex_put(mark + 17, room, 6);
    hex_put(mark + 23, stamp, 16);
    mark[MARK_LEN - 1] = '~';
    memset(mark + MARK_LEN, 'x', opt.payload - MARK_LEN);

    n += opt.payload;
    *len = n + expand(body + n, 4096, after_payload, room);

    return body;
}


/* returns 0 if no publisher is free; `only', if given, is the one that may */

int
publish_one(uint64_t stamp, conn_t *only)
{
    int          n;
    char         head[4096], path[2048];
    size_t       len;
    conn_t      *c;
    uint32_t     room;
    const char  *body;

    room = turn % opt.rooms;

    if (only) {
        c = publisher_free(only) ? only : NULL;

    } else {
        c = publisher_next(&room);
    }

    if (c == NULL) {
        return 0;
    }

    body = publish_body(c->number, room, stamp, &len);

    if (c->kind == HTTP_PUBLISHER) {
        expand(path, sizeof(path), opt.pub_path, room);

        n = snprintf(head, sizeof(head),
                     "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n"
                     "Content-Type: %s\r\nContent-Length: %zu\r\n\r\n",
                     path, opt.port, opt.content_type, len);

        buf_add(&c->out, head, n);
        buf_add(&c->out, body, len);

        c->sent_at[(c->first + c->waiting) % opt.pipeline] = stamp;
        c->waiting++;

    } else {
        ws_put(c, 1, body, len);

        if (c->kind == SUBSCRIBER) {
            conn_flush(c);
        }
    }

    turn++;
    tally.published++;
    tally.expected += subscribers[room];

    return 1;
}


void
publish_flush(void)
{
    int  i;

    for (i = 0; i < npublishers; i++) {
        if (publishers[i].state == OPEN) {
            conn_flush(&publishers[i]);
        }
    }
}


/* has each POST its answer? */

int
publish_answered(void)
{
    int  i;

    for (i = 0; i < npublishers; i++) {
        if (publishers[i].state == OPEN && publishers[i].waiting) {
            return 0;
        }
    }

    return 1;
}


/* --history: that many in each room, by one publisher, so in order */

void
publish_history(void)
{
    int64_t   want;
    uint64_t  end;

    want = (int64_t) opt.history * opt.rooms;
    end = now_ns() + 30 * SECOND;

    publish_open();

    while (tally.published < want || !publish_answered()) {

        while (tally.published < want
               && publish_one(now_ns(), &publishers[0])) { /* void */ }

        publish_flush();
        loop_once(MSEC);

        if (now_ns() > end) {
            die("%" PRId64 " messages stored in 30 s", tally.acked);
        }
    }

    if (tally.refused) {
        die("%" PRId64 " messages were refused", tally.refused);
    }
}
