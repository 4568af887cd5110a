
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * What the children of test_store_crash.c do, writers and readers, and what is
 * in their records.  Whoever finds something wrong says it in `shared'.
 */


#ifndef _STORE_CRASH_H_INCLUDED_
#define _STORE_CRASH_H_INCLUDED_


#define WRITERS   4
#define READERS   3
#define CHILDREN  (WRITERS + READERS)
#define NROOMS    6
#define OFFSETS   (4 * 1024 * 1024)


typedef struct {
    uint64_t          serial;             /* the next to be published */
    uint64_t          published;
    uint64_t          duplicates;
    uint64_t          refused;
    uint64_t          records;            /* read */
    uint64_t          gaps;
    uint64_t          declined;
} child_t;


typedef struct {
    ngx_uint_t        failed;
    char              error[256];
    uint64_t          life[NROOMS];
    child_t           child[CHILDREN];
    uint64_t          owner[NROOMS][OFFSETS];   /* writer << 48 | serial */
} shared_t;


/* in front of a record's payload */

typedef struct {
    uint64_t          sum;
    uint64_t          id;
    uint64_t          room;
    uint64_t          len;
} body_t;


static char          *room_names[NROOMS] = {
    "none", "fifty", "size", "flood", "age", "all"
};

static shared_t      *shared;
static u_char         body[64 * 1024];


static void
fail(const char *fmt, ...)
{
    va_list  args;

    if (__sync_bool_compare_and_swap(&shared->failed, 0, 1)) {
        va_start(args, fmt);
        vsnprintf(shared->error, sizeof(shared->error), fmt, args);
        va_end(args);
    }

    _exit(1);
}


static uint64_t
clock_ms(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_REALTIME, &ts);

    return ts.tv_sec * 1000ULL + ts.tv_nsec / 1000000;
}


static ngx_chat_rule_t *
rule_of(ngx_uint_t r)
{
    static ngx_chat_rule_t  rules[NROOMS];

    rules[r].create = 1;
    rules[r].history = (r == 0) ? 0 : (r == 1) ? 50 : 1000000;
    rules[r].size = (r == 2) ? 30000 : (r == 3) ? 8 * 1024 * 1024 : 0;
    rules[r].age = (r == 4) ? 1 : 0;

    return &rules[r];
}


static void
filler(u_char *p, size_t len, uint64_t id)
{
    size_t  i;

    for (i = 0; i < len; i++) {
        p[i] = (u_char) (id * 31 + i * 7 + (i >> 8));
    }
}


static uint64_t
sum(u_char *p, size_t len, uint64_t id)
{
    return ngx_chat_hash(id ^ 0x1234567, p, len);
}


/* whether the record is what its writer wrote, byte by byte */

static void
verify(ngx_chat_rec_t *r, ngx_uint_t room_, u_char *epoch, const char *who)
{
    char      text[64];
    u_char   *p;
    size_t    n, id, total;
    body_t    b;

    static u_char  want[64 * 1024];

    p = (u_char *) (r + 1);

    if (r->size < sizeof(body_t)) {
        fail("%s: room %lu record %lu: short", who, room_, r->offset);
    }

    memcpy(&b, p, sizeof(body_t));

    if (b.room != room_ || b.len > sizeof(want)) {
        fail("%s: room %lu record %lu: head of the body", who, room_,
             r->offset);
    }

    total = sizeof(body_t) + b.len;
    p += sizeof(body_t);

    if (r->type == NGX_CHAT_REC_MESSAGE) {

        id = sprintf(text, "%.10s-%lu", epoch, r->offset);

        if (memcmp(p, text, id) != 0) {
            fail("%s: room %lu record %lu: id %.*s", who, room_, r->offset,
                 (int) id, p);
        }

        p += id;
        n = sprintf(text, "=%013lu", r->ts);

        if (memcmp(p, text, n) != 0) {
            fail("%s: room %lu record %lu: ts", who, room_, r->offset);
        }

        p += n;
        total += id + n;
    }

    filler(want, b.len, b.id);

    if (r->size != total || memcmp(p, want, b.len) != 0
        || sum(p, b.len, b.id) != b.sum)
    {
        fail("%s: room %lu record %lu: body", who, room_, r->offset);
    }
}


/* room, size and kind follow from the id, so that a repeated one is the same */

static void
prepare(ngx_chat_publish_t *p, uint64_t id, ngx_uint_t *room_)
{
    size_t        len;
    uint64_t      h;
    body_t       *b;

    h = ngx_chat_hash(99, (u_char *) &id, sizeof(id));
    *room_ = (h % 16 < 8) ? 3 : h % NROOMS;
    h >>= 8;

    len = (h % 64 == 0) ? 9000 + h % 7000 : h % 1200;

    b = (body_t *) body;
    b->id = id;
    b->room = *room_;
    b->len = len;
    filler(body + sizeof(body_t), len, id);
    b->sum = sum(body + sizeof(body_t), len, id);

    memset(p, 0, sizeof(ngx_chat_publish_t));

    p->key = room(room_names[*room_]);
    p->rule = rule_of(*room_);
    p->ts = clock_ms();
    p->user = id >> 48;
    p->nonce[0] = id;
    p->nonce[1] = ~id;
    p->body = b->sum;

    p->piece[0].data = body;

    if (h % 3 == 0) {
        p->type = NGX_CHAT_REC_RAW_BINARY;
        p->piece[0].len = sizeof(body_t) + len;
        return;
    }

    p->type = NGX_CHAT_REC_MESSAGE;
    p->piece[0].len = sizeof(body_t);
    p->piece[1].data = (u_char *) "=";
    p->piece[1].len = 1;
    p->piece[2].data = body + sizeof(body_t);
    p->piece[2].len = len;
}


/* the acknowledgement: the offset is mine, and nobody else's */

static void
claim(ngx_uint_t r, ngx_chat_publish_t *p, uint64_t id)
{
    uint64_t  was;

    if (!__sync_bool_compare_and_swap(&shared->life[r], 0, p->life)
        && shared->life[r] != p->life)
    {
        fail("room %lu has another life: %lu, %lu", r, shared->life[r],
             p->life);
    }

    if (p->offset == 0 || p->offset >= OFFSETS) {
        fail("room %lu: offset %lu", r, p->offset);
    }

    was = __sync_val_compare_and_swap(&shared->owner[r][p->offset], 0, id);

    if (was != 0 && (was != id || !p->duplicate)) {
        fail("room %lu: offset %lu was given twice: %lx %lx", r, p->offset,
             was, id);
    }
}


/* rows of the table that come, change and go; a value says whose it is */

static void
keep(uint64_t serial)
{
    char            value[1200];
    size_t          len, i;
    ngx_chat_row_t  r;

    memset(&r, 0, sizeof(r));
    r.kind = 1 + serial % 40;
    r.subject[0] = (u_char) (serial / 40);
    r.value.data = (u_char *) value;

    if (ngx_chat_table_get(&env.z, &r, 0) == NGX_OK) {
        for (i = 0; i < r.value.len; i++) {
            if (value[i] != (char) (r.kind ^ r.subject[0])) {
                fail("a row has another's value");
            }
        }
    }

    if (serial % 3 == 0) {
        (void) ngx_chat_table_delete(&env.z, &r);
        return;
    }

    len = serial * 37 % sizeof(value);
    memset(value, (char) (r.kind ^ r.subject[0]), len);
    r.value.len = len;

    (void) ngx_chat_table_set(&env.z, &r, serial);
}


/* rooms that come and go, sweeps, seeks */

static void
churn(ngx_uint_t seat, uint64_t serial)
{
    char                  name[32];
    ngx_uint_t            r;
    ngx_chat_publish_t    p;
    ngx_chat_room_key_t   key;
    ngx_chat_room_info_t  i;

    sprintf(name, "tmp-%lu", serial % 1000);
    key = room(name);

    keep(serial);

    switch (serial % 4) {

    case 0:
        prepare(&p, serial, &r);
        p.key = key;
        p.nonce[0] = 0;
        p.nonce[1] = 0;
        (void) ngx_chat_log_publish(&env.z, seat, &p);
        break;

    case 1:
        if (ngx_chat_room_open(&env.z, &key, rule_of(0), seat, 1, &i)
            == NGX_OK)
        {
            if (serial % 8 == 1) {
                ngx_chat_room_close(&env.z, i.idx, i.life, seat);
            }
        }
        break;

    case 2:
        if (ngx_chat_room_find(&env.z, &key, rule_of(0), &i) == NGX_OK) {
            ngx_chat_room_close(&env.z, i.idx, i.life, seat);
        }
        break;

    default:
        ngx_chat_zone_sweep(&env.z, seat, clock_ms() + serial % 100 * 1000);
    }
}


static void
writer(ngx_uint_t n)
{
    uint64_t             id, serial;
    ngx_int_t            rc;
    child_t             *c;
    ngx_uint_t           r, born;
    ngx_chat_publish_t   p;

    c = &shared->child[n];
    born = 1;

    for ( ;; ) {
        serial = c->serial;
        id = (uint64_t) (n + 1) << 48 | serial;

        prepare(&p, id, &r);

        rc = ngx_chat_log_publish(&env.z, n, &p);

        switch (rc) {

        case NGX_OK:
            if (p.duplicate && !born) {
                fail("a duplicate that is none");
            }
            c->published++;
            c->duplicates += p.duplicate;
            claim(r, &p, id);
            break;

        case NGX_BUSY:
            c->refused++;
            break;

        default:
            fail("publish: %ld", rc);
        }

        __atomic_store_n(&c->serial, serial + 1, __ATOMIC_SEQ_CST);
        born = 0;

        if (serial % 8 == 0) {
            churn(n, serial / 8);
        }
    }
}


typedef struct {
    ngx_chat_pos_t        pos;
    ngx_chat_room_info_t  info;
} follow_t;


/* reads from pos to the head; returns what the last read returned */

static ssize_t
drain(ngx_uint_t r, ngx_chat_pos_t *pos, ngx_chat_room_info_t *i, child_t *c,
    const char *who)
{
    size_t           need, size;
    u_char          *p;
    ssize_t          n;
    uint64_t         head, offset;
    ngx_chat_rec_t  *rec;

    for ( ;; ) {
        head = ngx_chat_room_head(&env.z, i->idx);
        offset = pos->offset;
        size = 2000 + offset % 60000;

        n = ngx_chat_log_read(&env.z, pos, head, buf, size, &need);

        if (n == NGX_BUSY) {
            n = ngx_chat_log_read(&env.z, pos, head, buf, need, &need);
        }

        if (n <= 0) {
            return n;
        }

        for (p = buf; p < buf + n; p += ngx_chat_rec_bytes(rec)) {
            rec = (ngx_chat_rec_t *) p;

            if (rec->offset != offset) {
                fail("%s: room %lu: record %lu instead of %lu", who, r,
                     rec->offset, offset);
            }

            verify(rec, r, i->epoch, who);
            offset++;
            c->records++;
        }

        if (p != buf + n || pos->offset != offset) {
            fail("%s: room %lu: position %lu, not %lu", who, r, pos->offset,
                 offset);
        }
    }
}


static void
reader(ngx_uint_t n)
{
    child_t              *c;
    uint32_t              rooms[64];
    uint64_t              offset;
    ngx_uint_t            r, all, turn;
    follow_t              f[NROOMS];
    ngx_chat_pos_t        pos;
    ngx_chat_publish_t    p;
    ngx_chat_room_info_t  i;

    c = &shared->child[n];

    for (r = 0; r < NROOMS; r++) {
        p.key = room(room_names[r]);

        if (ngx_chat_room_open(&env.z, &p.key, rule_of(r), n, 1, &f[r].info)
            != NGX_OK)
        {
            fail("reader: open");
        }

        f[r].pos = f[r].info.tail;
    }

    for (turn = 0; /* void */ ; turn++) {

        (void) ngx_chat_ring_take(&env.z, n, rooms, 64, &all);

        for (r = 0; r < NROOMS; r++) {

            if (drain(r, &f[r].pos, &f[r].info, c, "reader") < 0) {

                c->declined++;

                if (ngx_chat_room_info(&env.z, f[r].info.idx, f[r].info.life,
                                       &i)
                    != NGX_OK)
                {
                    fail("reader: room %lu has another life", r);
                }

                c->gaps += i.tail.offset - f[r].pos.offset;
                f[r].pos = i.tail;
            }

            ngx_chat_room_read(&env.z, f[r].info.idx, f[r].info.life, n,
                               f[r].pos.offset - 1);
        }

        /* history, from anywhere, and slowly, so that it is overwritten */

        r = unit_random() % NROOMS;

        if (ngx_chat_room_info(&env.z, f[r].info.idx, f[r].info.life, &i)
            != NGX_OK)
        {
            fail("reader: room %lu has another life", r);
        }

        if (i.first <= i.head) {
            offset = i.first + unit_random() % (i.head + 1 - i.first);

            if (ngx_chat_log_seek(&env.z, i.idx, i.life, offset, &pos)
                == NGX_OK)
            {
                if (turn % 4 == 0) {
                    usleep(unit_random() % 2000);
                }

                (void) drain(r, &pos, &i, c, "history");
            }
        }
    }
}


#endif /* _STORE_CRASH_H_INCLUDED_ */
