
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Options, and the phases in their order.
 */


#include "wsload.h"
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>


#define INFLIGHT         128            /* handshakes at a time */
#define CONNECT_TIMEOUT  (15 * SECOND)


typedef enum {
    INT = 0,
    REAL,
    TEXT,
    LINES
} type_e;

typedef struct {
    const char  *name;
    type_e       type;
    void        *to;
    double       min;
    double       max;
} option_t;


opts_t  opt = {
    .proto = "ws", .conns = 1, .rooms = 1, .path = "/",
    .pub_name = "http", .publishers = 1, .pipeline = 8,
    .content_type = "text/plain", .template = "{payload}",
    .rate = 100, .secs = 5, .payload = 128,
    .search_p99_ms = 100, .search_secs = 2, .noise = 25,
    .settle_ms = 300, .drain_ms = 2000, .max_time = 180
};


static const option_t  options[] = {
    { "port",          INT,   &opt.port,          1, 65535 },
    { "proto",         TEXT,  &opt.proto,         0, 0 },
    { "conns",         INT,   &opt.conns,         1, 1000000 },
    { "rooms",         INT,   &opt.rooms,         1, 1000000 },
    { "stalled",       INT,   &opt.stalled,       0, 1000000 },
    { "tls",           INT,   &opt.tls,           0, 1 },
    { "path",          TEXT,  &opt.path,          0, 0 },
    { "send",          LINES, &opt.send,          0, 0 },
    { "autoreply",     LINES, &opt.autoreply,     0, 0 },
    { "ready-match",   TEXT,  &opt.ready_match,   0, 0 },
    { "pub",           TEXT,  &opt.pub_name,      0, 0 },
    { "publishers",    INT,   &opt.publishers,    1, MAX_PUBLISHERS },
    { "pipeline",      INT,   &opt.pipeline,      1, 65536 },
    { "pub-path",      TEXT,  &opt.pub_path,      0, 0 },
    { "content-type",  TEXT,  &opt.content_type,  0, 0 },
    { "template",      TEXT,  &opt.template,      0, 0 },
    { "pub-send",      LINES, &opt.pub_send,      0, 0 },
    { "pub-ready",     TEXT,  &opt.pub_ready,     0, 0 },
    { "rate",          REAL,  &opt.rate,          0, 1e6 },
    { "secs",          REAL,  &opt.secs,          0, 600 },
    { "warmup",        REAL,  &opt.warmup,        0, 600 },
    { "window",        INT,   &opt.window,        0, 1000000 },
    { "payload",       INT,   &opt.payload,       MARK_LEN, 16777216 },
    { "history",       INT,   &opt.history,       0, 1000000 },
    { "search",        TEXT,  &opt.search,        0, 0 },
    { "search-p99-ms", REAL,  &opt.search_p99_ms, 0, 1e6 },
    { "search-secs",   REAL,  &opt.search_secs,   0.1, 600 },
    { "noise",         REAL,  &opt.noise,         0, 1e9 },
    { "settle-ms",     INT,   &opt.settle_ms,     0, 600000 },
    { "drain-ms",      INT,   &opt.drain_ms,      1, 600000 },
    { "max-time",      INT,   &opt.max_time,      1, 3600 },
    { "server-match",  INT,   &opt.server,        1, 4194304 },
    { NULL,            INT,   NULL,               0, 0 }
};


static conn_t  *subscribers;
static int      started;


/* %d and {room} stand for the room */

size_t
expand(char *to, size_t size, const char *template, uint32_t room)
{
    int     skip;
    char   *p, *last;

    p = to;
    last = to + size - 12;

    while (*template) {
        if (p >= last) {
            die("too long: %s", template);
        }

        skip = (strncmp(template, "%d", 2) == 0) ? 2
               : (strncmp(template, "{room}", 6) == 0) ? 6 : 0;

        if (skip) {
            p += sprintf(p, "%u", room);
            template += skip;

        } else {
            *p++ = *template++;
        }
    }

    *p = '\0';

    return p - to;
}


void
wait_ms(int ms)
{
    uint64_t  end;

    for (end = now_ns() + ms * MSEC; now_ns() < end; loop_once(5 * MSEC)) {
        /* void */
    }
}


static void
option_set(const option_t *o, const char *value)
{
    char     *end;
    double    number;
    lines_t  *lines;

    if (o->type == TEXT) {
        *(const char **) o->to = value;
        return;
    }

    if (o->type == LINES) {
        lines = o->to;

        if (lines->n == MAX_LINES) {
            die("--%s: more than %d", o->name, MAX_LINES);
        }

        lines->line[lines->n++] = value;
        return;
    }

    number = strtod(value, &end);

    if (end == value || *end || number < o->min || number > o->max) {
        die("--%s %s: not a number from %g to %g", o->name, value, o->min,
            o->max);
    }

    if (o->type == INT) {
        *(int *) o->to = number;

    } else {
        *(double *) o->to = number;
    }
}


static void
options_read(int argc, char **argv)
{
    int              i;
    const option_t  *o;

    for (i = 1; i < argc; i += 2) {

        for (o = options; o->name; o++) {
            if (strncmp(argv[i], "--", 2) == 0
                && strcmp(argv[i] + 2, o->name) == 0)
            {
                break;
            }
        }

        if (o->name == NULL || i + 1 == argc) {
            die("%s: unknown, or without a value; see README.md", argv[i]);
        }

        option_set(o, argv[i + 1]);
    }
}


static int
choice(const char *name, const char *value, const char **values)
{
    int  i;

    for (i = 0; values[i]; i++) {
        if (strcmp(value, values[i]) == 0) {
            return i;
        }
    }

    die("--%s %s?", name, value);
}


static void
options_check(void)
{
    int                 i;
    static const char  *protos[] = { "ws", "sse", NULL };
    static const char  *pubs[] = { "none", "http", "ws", "sub", NULL };

    opt.sse = choice("proto", opt.proto, protos);
    opt.pub = choice("pub", opt.pub_name, pubs);

    if (opt.port == 0) {
        die("--port is needed");
    }

    if (opt.pub == PUB_SUB) {
        opt.publishers = 1;
    }

    if (opt.pub_path == NULL) {
        opt.pub_path = opt.path;
    }

    if (opt.search && sscanf(opt.search, "%lf:%lf", &opt.search_low,
                             &opt.search_high) != 2)
    {
        die("--search LOW:HIGH");
    }

    if (opt.history && opt.pub != PUB_HTTP) {
        die("--history needs --pub http");
    }

    for (i = 0; i < opt.autoreply.n; i++) {
        if (strchr(opt.autoreply.line[i], '=') == NULL) {
            die("--autoreply IN=OUT");
        }
    }
}


static void
time_is_up(int signo)
{
    static const char  text[] = "wsload: --max-time is over\n";

    (void) signo;
    (void) !write(2, text, sizeof(text) - 1);
    _exit(3);
}


static void
init(void)
{
    struct rlimit  limit;

    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);

    if (limit.rlim_cur < (rlim_t) opt.conns + opt.publishers + 16) {
        die("%d connections, but a limit of %lu files", opt.conns,
            (unsigned long) limit.rlim_cur);
    }

    signal(SIGPIPE, SIG_IGN);
    signal(SIGALRM, time_is_up);
    alarm(opt.max_time);

    run_id = random32();
    loop_init();
    publish_init();
}


/* one that gets no answer must not hang the run */

static void
close_unanswered(uint64_t now)
{
    int      i;
    conn_t  *c;

    for (i = 0; i < started; i++) {
        c = &subscribers[i];

        if (!c->ready && c->state != CLOSED
            && now - c->since > CONNECT_TIMEOUT)
        {
            life.err_timeout++;
            conn_close(c);
        }
    }
}


static void
connect_all(void)
{
    int       i;
    track_t  *tracks;
    uint64_t  looked;

    subscribers = allocate(opt.conns, sizeof(conn_t));
    tracks = allocate((size_t) opt.conns * opt.publishers, sizeof(track_t));

    for (i = 0; i < opt.conns; i++) {
        subscribers[i].stalled = i < opt.stalled;
        subscribers[i].tracks = tracks + (size_t) i * opt.publishers;
    }

    looked = now_ns();

    while (life.ready + life.failed + life.closed < opt.conns) {

        while (started < opt.conns
               && started - life.ready - life.failed - life.closed < INFLIGHT)
        {
            conn_start(&subscribers[started], SUBSCRIBER,
                       started % opt.rooms);
            started++;
        }

        loop_once(MSEC);

        if (now_ns() - looked > SECOND) {
            looked = now_ns();
            close_unanswered(looked);
        }
    }

    if (life.ready == 0) {
        die("no connection became ready");
    }
}


static void
measure_before(void)
{
    run.before = server_read(1);
    run.slab_before = slab_kb();

    if (opt.server && run.before.n == 0) {
        die("there is no process %d", opt.server);
    }
}


/* --history: the time until each client has it */

static void
replay(void)
{
    load_t    load;
    int64_t   had;
    server_t  own;
    uint64_t  begin, progress;

    publish_history();
    measure_before();
    tally_reset();

    run.calibration = calibrate();
    run.start = server_read(0);
    load = load_read();
    own = own_read();
    begin = now_ns();

    connect_all();

    had = -1;
    progress = now_ns();

    while (tally.replayed < life.ready
           && now_ns() - progress < opt.drain_ms * MSEC)
    {
        if (had != tally.unique) {
            had = tally.unique;
            progress = now_ns();
        }

        loop_once(MSEC);
    }

    tally.expected = opt.history * life.ready;
    run.received_s = (double) (tally.last - begin) / SECOND;
    run.own = own_read();
    run.own.cpu -= own.cpu;
    run.own.waited -= own.waited;
    run.load = load_read();
    run.load.busy -= load.busy;
    run.load.steal -= load.steal;
    run.end = run.idle = server_read(1);
    run.slab_idle = slab_kb();

    report();
}


static void
live(void)
{
    measure_before();
    connect_all();
    wait_ms(opt.settle_ms);

    run.start = run.end = run.idle = server_read(1);
    run.slab_idle = slab_kb();

    if (opt.pub == PUB_NONE) {
        report();
        return;
    }

    publish_open();

    if (opt.search) {
        phase_search();
        return;
    }

    if (opt.warmup > 0) {
        phase_run(opt.rate, opt.warmup, 0);
    }

    phase_run(opt.rate, opt.secs, 0);
    report();
}


int
main(int argc, char **argv)
{
    options_read(argc, argv);
    options_check();
    init();

    if (opt.history) {
        replay();

    } else {
        live();
    }

    return 0;
}
