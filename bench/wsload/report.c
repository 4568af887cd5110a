
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * One line of JSON for a phase.
 */


#include "wsload.h"


#define WAITED  3              /* %, more than that is in the way */


static char  separator;


static void
name(const char *key)
{
    printf("%c\"%s\":", separator, key);
    separator = ',';
}


static void
integer(const char *key, int64_t value)
{
    name(key);
    printf("%" PRId64, value);
}


static void
real(const char *key, int digits, double value)
{
    name(key);
    printf("%.*f", digits, value);
}


static void
begin(const char *key)
{
    if (key) {
        name(key);
    }

    putchar('{');
    separator = ' ';
}


static void
end(void)
{
    putchar('}');
    separator = ',';
}


static double
ratio(double a, double b)
{
    return b > 0 ? a / b : 0;
}


static double
percent(double seconds)
{
    return ratio(seconds * 100, run.received_s);
}


/* what others took of the machine meanwhile, in % of one CPU */

static double
others_percent(void)
{
    double  others;

    others = run.load.busy - (run.end.cpu - run.start.cpu) - run.own.cpu;

    return others > 0 ? percent(others) : 0;
}


static double
server_waited(void)
{
    return percent(run.end.waited - run.start.waited);
}


/* by more than the priority of the two processes makes up for? */

int
disturbed(void)
{
    return others_percent() > opt.noise
           && (server_waited() > WAITED || percent(run.own.waited) > WAITED);
}


static void
report_hist(const char *key, const hist_t *h, double unit)
{
    if (h->n == 0) {
        return;
    }

    begin(key);
    integer("n", h->n);
    real("p50", 2, hist_us(h, 0.5) / unit);
    real("p90", 2, hist_us(h, 0.9) / unit);
    real("p99", 2, hist_us(h, 0.99) / unit);
    real("p999", 2, hist_us(h, 0.999) / unit);
    real("max", 2, h->max / 1e3 / unit);
    real("mean", 2, h->sum / 1e3 / unit / h->n);
    end();
}


static void
report_connections(void)
{
    double  secs;

    secs = (double) (life.last - life.first) / SECOND;

    name("proto");
    printf("\"%s\"", opt.proto);
    name("pub");
    printf("\"%s\"", opt.pub_name);

    integer("conns", opt.conns);
    integer("rooms", opt.rooms);
    integer("payload", opt.payload);
    integer("opened", life.opened);
    integer("ready", life.ready);
    integer("failed", life.failed);
    integer("closed", life.closed);

    begin("err");
    integer("connect", life.err_connect);
    integer("upgrade", life.err_upgrade);
    integer("timeout", life.err_timeout);
    integer("proto", life.err_proto);
    end();

    real("connect_s", 3, secs);
    real("connect_rate", 0, ratio(life.opened, secs));
}


static void
report_messages(void)
{
    real("rate", 1, run.rate);
    real("secs", 2, run.secs);
    integer("published", tally.published);
    real("pub_per_s", 1, ratio(tally.published, run.published_s));
    integer("pub_acked", tally.acked);
    integer("pub_refused", tally.refused);
    real("pub_lag_ms", 2, run.lag_ms);
    integer("aborted", run.aborted);
    integer("expected", tally.expected);
    integer("received", tally.received);
    integer("unique", tally.unique);
    integer("lost", tally.expected - tally.unique);
    integer("dup", tally.dup);
    integer("ooo", tally.ooo);
    integer("foreign", tally.foreign);
    integer("pub_echo", tally.echo);
    real("rx_s", 3, run.received_s);
    real("deliv_per_s", 0, ratio(tally.unique, run.received_s));
    real("msgs_per_read", 2, ratio(tally.received, tally.reads));
    real("bytes_per_msg", 1, ratio(tally.bytes, tally.received));

    report_hist("lat_us", &tally.latency, 1);
    report_hist("ack_us", &tally.ack, 1);
    report_hist("replay_ms", &tally.replay, 1000);
}


static void
report_server(void)
{
    double  cpu;

    cpu = run.end.cpu - run.start.cpu;

    integer("srv_procs", run.end.n);
    real("cpu_s", 4, cpu);
    real("cpu_user_s", 2, run.end.user - run.start.user);
    real("cpu_sys_s", 2, run.end.system - run.start.system);
    real("cpu_us_per_delivery", 3, ratio(cpu * 1e6, tally.unique));
    real("cpu_us_per_pub", 2, ratio(cpu * 1e6, tally.published));
    real("srv_cpu_pct", 1, percent(cpu));
    real("srv_wait_pct", 1, server_waited());
    real("gen_cpu_pct", 1, percent(run.own.cpu));
    real("gen_wait_pct", 1, percent(run.own.waited));
    integer("disturbed", disturbed());
    real("other_cpu_pct", 1, others_percent());
    real("steal_pct", 1, percent(run.load.steal));
    real("calib_us", 2, run.calibration);

    begin("pss_kb");
    integer("before", run.before.pss);
    integer("idle", run.idle.pss);
    integer("end", run.end.pss);
    end();

    real("idle_bytes_per_conn_pss", 0,
         ratio((run.idle.pss - run.before.pss) * 1024.0, life.ready));
    real("idle_bytes_per_conn_rss", 0,
         ratio((run.idle.rss - run.before.rss) * 1024.0, life.ready));
    real("slab_bytes_per_conn", 0,
         ratio((run.slab_idle - run.slab_before) * 1024.0, life.ready));
}


void
report(void)
{
    begin(NULL);
    integer("step", run.step);
    report_connections();
    report_messages();
    report_server();

    if (opt.search && !run.step) {
        real("best_rate", 0, run.best);
    }

    end();
    putchar('\n');
    fflush(stdout);
    separator = ' ';
}
