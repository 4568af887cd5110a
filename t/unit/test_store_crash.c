
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * The store among processes that are killed (SIGKILL) at any moment and at
 * every test point.  The survivors go on by themselves: nobody here plays the
 * master.
 *
 * Writers publish records whose bytes follow from (writer, serial) and claim
 * the offset that they were given.  One that was killed before it could claim
 * is born again and repeats the publish with its nonce.  At the end every
 * offset of every room is claimed exactly once: nothing acknowledged was lost,
 * nothing came twice.  Readers, without the lock, check every byte.
 *
 *     CHAT_CRASH_KILLS    how many random kills, 2500
 *     CHAT_CRASH_SECONDS  not longer than, 20
 */

#define NGX_CHAT_TEST_POINTS  1

#include "unit.h"
#include <sys/prctl.h>

#include "store_sources.h"
#include "store_env.h"
#include "store_crash.h"


#define PARENT  100                       /* its seat */


static pid_t          pids[CHILDREN];
static char           point_file[128];


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


/* waits for the death of a child; -1: none has died in time */

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

            for (p = buf; p < buf + n; p += ngx_chat_rec_bytes(rec)) {
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
        key = room(room_names[i]);
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
