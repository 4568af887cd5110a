/*
 * What the pure layers may need of nginx beyond its string, pool and hash
 * files.  If a pure file starts to need more, this link fails: on purpose.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <stdarg.h>
#include <stdio.h>

volatile ngx_cycle_t  *ngx_cycle;
ngx_pid_t              ngx_pid;
ngx_int_t              ngx_ncpu = 2;
ngx_uint_t             stub_log_lines;
ngx_uint_t             stub_log_level = NGX_LOG_DEBUG;   /* the worst seen */
u_char                 stub_log_last[1024];

static ngx_log_t       stub_log = { .log_level = NGX_LOG_DEBUG_ALL };
static ngx_cycle_t     stub_cycle;


ngx_log_t *
stub_init(void)
{
    ngx_pid = ngx_getpid();
    ngx_pagesize = getpagesize();
    for (ngx_pagesize_shift = 0; (1u << ngx_pagesize_shift) < ngx_pagesize;
         ngx_pagesize_shift++) { /* void */ }
    ngx_cacheline_size = 64;
    stub_log.log_level = NGX_LOG_INFO;
    stub_cycle.log = &stub_log;
    ngx_cycle = &stub_cycle;
    return &stub_log;
}


#if (NGX_HAVE_VARIADIC_MACROS)

void
ngx_log_error_core(ngx_uint_t level, ngx_log_t *log, ngx_err_t err,
    const char *fmt, ...)
{
    va_list  args;
    u_char  *p;

    va_start(args, fmt);
    p = ngx_vslprintf(stub_log_last, stub_log_last + sizeof(stub_log_last) - 1,
                      fmt, args);
    *p = '\0';
    va_end(args);

    stub_log_lines++;
    if (level < stub_log_level) {
        stub_log_level = level;
    }
    if (getenv("STUB_LOG")) {
        fprintf(stderr, "log[%d]: %s\n", (int) level, stub_log_last);
    }
}

#endif


void
ngx_debug_point(void)
{
    abort();
}
