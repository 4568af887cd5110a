
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * The store among processes that are killed (SIGKILL) at any moment and at every
 * test point.  The survivors go on by themselves: nobody here plays the master.
 *
 * Writers publish records whose bytes follow from (writer, serial) and claim the
 * offset that they were given.  One that was killed before it could claim is
 * born again and repeats the publish with its nonce.  At the end every offset
 * of every room is claimed exactly once: nothing acknowledged was lost, nothing
 * came twice.  Readers, without the lock, check every byte.
 *
 *     CHAT_CRASH_KILLS    how many random kills, 2500
 *     CHAT_CRASH_SECONDS  not longer than, 20
 */

#define NGX_CHAT_TEST_POINTS  1

#include "unit.h"
#include <sys/prctl.h>

#include "../../ngx_chat_module/ngx_chat_proc.c"
#include "../../ngx_chat_module/ngx_chat_shm.c"
#include "../../ngx_chat_module/ngx_chat_nonce.c"
#include "../../ngx_chat_module/ngx_chat_segment.c"
#include "../../ngx_chat_module/ngx_chat_room.c"
#include "../../ngx_chat_module/ngx_chat_interest.c"
#include "../../ngx_chat_module/ngx_chat_log.c"
#include "../../ngx_chat_module/ngx_chat_log_read.c"
#include "../../ngx_chat_module/ngx_chat_log_publish.c"
#include "../../ngx_chat_module/ngx_chat_shm_zone.c"
#include "../../ngx_chat_module/ngx_chat_repair.c"
#include "../../ngx_chat_module/ngx_chat_copy.c"
#include "../../ngx_chat_module/ngx_chat_test.c"
#include "store_env.h"


#define WRITERS   4
#define READERS   3
#define CHILDREN  (WRITERS + READERS)
#define NROOMS    6
#define OFFSETS   (4 * 1024 * 1024)
#define PARENT    100                     /* its seat */


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


static shared_t      *shared;
static pid_t          pids[CHILDREN];
static char           point_file[128];
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

    static char  *names[] = { "none", "fifty", "size", "flood", "age", "all" };

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

    p->key = room(names[*room_]);
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

        for (p = buf; p < buf + n; p += ngx_chat_rec_size(rec->size)) {
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

    static char  *names[] = { "none", "fifty", "size", "flood", "age", "all" };

    c = &shared->child[n];

    for (r = 0; r < NROOMS; r++) {
        p.key = room(names[r]);

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


static void
spawn(ngx_uint_t n)
{
    pid_t            pid;
    struct timespec  ts;

    pid = fork();

    if (pid == -1) {
        fail("fork");
    }

    if (pid) {
        pids[n] = pid;
        return;
    }

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    ngx_pid = getpid();
    clock_gettime(CLOCK_MONOTONIC, &ts);
    unit_seed ^= ngx_pid * 7919ULL + ts.tv_nsec;
    env.z.repaired = 0;

    ngx_chat_zone_attach(&env.z, n, ngx_pid, ngx_chat_process_start(ngx_pid));

    if (n < WRITERS) {
        writer(n);
    }

    reader(n);
}


/* waits for the death of a child, if one must have died; -1: in time none has */

static int
reap(ngx_uint_t ms)
{
    int         status;
    pid_t       pid;
    ngx_uint_t  i, t;

    for (t = 0; t <= ms * 10; t++) {

        pid = waitpid(-1, &status, WNOHANG);

        if (pid > 0) {
            for (i = 0; i < CHILDREN && pids[i] != pid; i++) { /* void */ }

            pids[i] = 0;

            if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL) {
                if (!shared->failed) {
                    sprintf(shared->error, "child %lu: status %x", i, status);
                }
                shared->failed = 1;
            }

            return i;
        }

        usleep(100);
    }

    return -1;
}


static ngx_uint_t
random_kills(ngx_uint_t kills, double seconds)
{
    int         i;
    double      end;
    ngx_uint_t  n;

    end = clock_ms() / 1e3 + seconds;

    for (n = 0; n < kills && !shared->failed && clock_ms() / 1e3 < end; n++) {

        usleep(unit_random() % 4000);

        i = unit_random() % CHILDREN;
        kill(pids[i], SIGKILL);

        i = reap(5000);

        if (i == -1) {
            break;
        }

        /* at times nobody takes its place for a while */

        if (unit_random() % 4 == 0) {
            usleep(unit_random() % 15000);
        }

        spawn(i);
    }

    ok(!shared->failed && n >= ngx_min(kills, 100), "%lu random kills%s%s",
       n, shared->failed ? ": " : "", shared->error);

    return n;
}


static void
arm(const char *name)
{
    int   fd;
    char  tmp[160];

    sprintf(tmp, "%s.tmp", point_file);
    fd = open(tmp, O_CREAT|O_TRUNC|O_WRONLY, 0600);
    (void) !write(fd, name, strlen(name));
    close(fd);
    (void) rename(tmp, point_file);
}


/* a child kills itself at the point, another takes over */

static ngx_uint_t
point(const char *name)
{
    int         i;
    ngx_uint_t  try, repair;

    repair = (strncmp(name, "repair:", 7) == 0);

    for (try = 0; try < 20 && !shared->failed; try++) {

        if (repair) {
            arm("append:mid");
            i = reap(3000);

            /* the others wait for 10 ms before they suspect anything */

            arm(name);

            if (i >= 0) {
                spawn(i);
            }

        } else {
            arm(name);
        }

        i = reap(repair ? 500 : 5000);

        if (i >= 0) {
            spawn(i);
            return !shared->failed;
        }

        unlink(point_file);
    }

    return 0;
}


static void
test_points(ngx_uint_t rounds)
{
    ngx_uint_t  i, n, done_;

    static const char  *names[] = {
        "lock", "room:created", "room:removed", "nonce", "segment:taken",
        "segment:unlinked", "append:mid", "head:before", "head:after",
        "interest:unlinked", "repair:begin", "repair:segments",
        "repair:rooms", "repair:end"
    };

    for (i = 0; i < sizeof(names) / sizeof(char *); i++) {
        done_ = 0;

        for (n = 0; n < rounds; n++) {
            done_ += point(names[i]);
        }

        is_int(done_, rounds, "killed at \"%s\"%s%s", names[i],
               shared->failed ? ": " : "", shared->error);
    }
}


/* everybody stops; what was claimed is what the rooms have, and only that */

static void
settle(void)
{
    ngx_uint_t  i;

    for (i = 0; i < CHILDREN; i++) {
        if (pids[i] > 0) {
            kill(pids[i], SIGKILL);
        }
    }

    for (i = 0; i < CHILDREN; i++) {
        if (pids[i] > 0) {
            waitpid(pids[i], NULL, 0);
        }
    }
}


/* the publishes that were under way are repeated: each exactly once */

static void
finish(void)
{
    uint64_t             id;
    child_t             *c;
    ngx_uint_t           n, r, bad;
    ngx_chat_publish_t   p;

    bad = 0;

    for (n = 0; n < WRITERS; n++) {
        c = &shared->child[n];
        id = (uint64_t) (n + 1) << 48 | c->serial;
        prepare(&p, id, &r);

        switch (ngx_chat_log_publish(&env.z, PARENT, &p)) {

        case NGX_OK:
            c->published++;
            c->duplicates += p.duplicate;
            if (shared->owner[r][p.offset] == 0) {
                shared->owner[r][p.offset] = id;
            }
            bad += (shared->owner[r][p.offset] != id);
            break;

        case NGX_BUSY:
            break;

        default:
            bad++;
        }
    }

    is_int(bad, 0, "what was under way is repeated");
}


static void
audit(ngx_chat_room_info_t *followed)
{
    size_t                need;
    ssize_t               n;
    u_char               *p;
    uint64_t              offset, kept, unclaimed, wrong_, claimed, checked;
    ngx_uint_t            r;
    body_t                b;
    ngx_chat_pos_t        pos;
    ngx_chat_rec_t       *rec;
    ngx_chat_room_info_t  i;

    for (r = 0; r < NROOMS; r++) {

        if (ngx_chat_room_info(&env.z, followed[r].idx, followed[r].life, &i)
            != NGX_OK)
        {
            ok(0, "room %lu has another life", r);
            continue;
        }

        unclaimed = 0;
        claimed = 0;

        for (offset = 1; offset <= i.head; offset++) {
            unclaimed += (shared->owner[r][offset] == 0);
        }

        for ( /* void */ ; offset < OFFSETS && offset < i.head + 1000;
             offset++)
        {
            claimed += (shared->owner[r][offset] != 0);
        }

        ok(unclaimed == 0 && claimed == 0,
           "room %lu: %lu offsets, each claimed once; %lu none's, %lu beyond",
           r, i.head, unclaimed, claimed);

        kept = ngx_chat_slots(env.z.sh)[i.idx].kept;
        wrong_ = 0;
        checked = 0;

        for (offset = kept; offset <= i.head; /* void */ ) {

            if (ngx_chat_log_seek(&env.z, i.idx, i.life, offset, &pos)
                != NGX_OK)
            {
                wrong_++;
                break;
            }

            n = ngx_chat_log_read(&env.z, &pos, i.head, buf, sizeof(buf),
                                  &need);
            if (n <= 0) {
                wrong_++;
                break;
            }

            for (p = buf; p < buf + n; p += ngx_chat_rec_size(rec->size)) {
                rec = (ngx_chat_rec_t *) p;
                verify(rec, r, i.epoch, "audit");
                memcpy(&b, rec + 1, sizeof(body_t));
                wrong_ += (rec->offset != offset
                           || shared->owner[r][offset] != b.id);
                offset++;
                checked++;
            }
        }

        is_int(wrong_, 0, "room %lu: %lu kept records are their owners'", r,
               checked);
    }
}


int
main(void)
{
    double                 seconds;
    ngx_uint_t             i, kills, bytes;
    child_t                t;
    ngx_chat_room_key_t    key;
    ngx_chat_room_info_t   followed[NROOMS];

    static char  *names[] = { "none", "fifty", "size", "flood", "age", "all" };

    env_log = stub_init();
    ngx_slab_sizes_init();

    kills = getenv("CHAT_CRASH_KILLS") ? atoi(getenv("CHAT_CRASH_KILLS"))
                                       : 2500;
    seconds = getenv("CHAT_CRASH_SECONDS")
              ? atof(getenv("CHAT_CRASH_SECONDS")) : 20;

    bytes = sizeof(shared_t);
    shared = mmap(NULL, bytes, PROT_READ|PROT_WRITE,
                  MAP_SHARED|MAP_ANONYMOUS|MAP_NORESERVE, -1, 0);

    snprintf(point_file, sizeof(point_file), "%s/ngx_chat_point.%d",
             getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp", getpid());
    setenv("CHAT_TEST_POINT", point_file, 1);
    setenv("CHAT_TEST_DELAY", "1", 1);

    /* a lock that nobody gives back is a failure, not a test that hangs */

    alarm(120);

    /* so many nonces that none is lost while its writer is born again */

    env.z.nonce_size = 1024 * 1024;
    fresh(3 * 1024 * 1024);
    unit_seed ^= getpid();

    /* the parent keeps the rooms alive, and does nothing else */

    ngx_chat_zone_attach(&env.z, PARENT, ngx_pid,
                         ngx_chat_process_start(ngx_pid));

    for (i = 0; i < NROOMS; i++) {
        key = room(names[i]);
        ngx_chat_room_open(&env.z, &key, rule_of(i), PARENT, 1,
                           &followed[i]);
        shared->life[i] = followed[i].life;
        ngx_chat_room_read(&env.z, followed[i].idx, followed[i].life, PARENT,
                           (uint64_t) -1);
    }

    for (i = 0; i < CHILDREN; i++) {
        spawn(i);
    }

    kills = random_kills(kills, seconds);
    test_points(3);
    settle();

    ok(!shared->failed, "no child has complained%s%s",
       shared->failed ? ": " : "", shared->error);

    finish();
    sound("at the end");
    audit(followed);

    memset(&t, 0, sizeof(t));

    for (i = 0; i < CHILDREN; i++) {
        t.published += shared->child[i].published;
        t.duplicates += shared->child[i].duplicates;
        t.refused += shared->child[i].refused;
        t.records += shared->child[i].records;
        t.gaps += shared->child[i].gaps;
        t.declined += shared->child[i].declined;
    }

    note("%lu published, %lu known by their nonce, %lu refused; %lu read, "
         "%lu missed in %lu cuts; %lu repairs, %lu evicted", t.published,
         t.duplicates, t.refused, t.records, t.gaps, t.declined,
         env.z.sh->total[NGX_CHAT_M_REPAIRS],
         env.z.sh->total[NGX_CHAT_M_EVICTED]);

    ok(env.z.sh->total[NGX_CHAT_M_REPAIRS] >= kills / 50,
       "enough were killed in a critical section");
    ok(t.duplicates > 0 || kills < 500, "some before they could claim");

    unlink(point_file);

    return done();
}
