
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * A test is one program that includes this once:
 *
 *     #include "unit.h"
 *
 *     int
 *     main(void)
 *     {
 *         ngx_log_t  *log = stub_init();
 *
 *         ok(1 + 1 == 2, "sum of %d and %d", 1, 1);
 *         is_int(1 + 1, 2, "sum");
 *         is_str(str.data, str.len, "two", "name");
 *         return done();
 *     }
 *
 * Each check is one line of TAP; done() prints the plan and returns what
 * main() has to return.  In a loop over thousands of inputs use check(): it
 * says nothing unless it fails, then the loop ends in one ok().
 * Messages are of printf(), not of ngx_sprintf().  A forked child must not use
 * any of this: it ends in _exit() and its parent checks the status.
 */


#ifndef _UNIT_H_INCLUDED_
#define _UNIT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <stdarg.h>
#include <stdio.h>


/* stub.c */

extern ngx_uint_t  stub_log_lines;
extern ngx_uint_t  stub_log_level;
extern u_char      stub_log_last[];

ngx_log_t *stub_init(void);


static unsigned long  unit_count;
static unsigned long  unit_failed;
static unsigned long  unit_checks;         /* that passed, of check() */
static uint64_t       unit_seed = 0x9e3779b97f4a7c15ULL;


static void unit_message(const char *fmt, va_list args)
    __attribute__((format(printf, 1, 0)));
static int unit_report(int passed, const char *file, int line,
    const char *fmt, va_list args)
    __attribute__((format(printf, 4, 0)));
static int unit_ok(int passed, const char *file, int line,
    const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
static int unit_is_int(long long got, long long want, const char *file,
    int line, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
static int unit_is_mem(const void *got, size_t len, const void *want,
    size_t want_len, const char *file, int line, const char *fmt, ...)
    __attribute__((format(printf, 7, 8)));
static void note(const char *fmt, ...)
    __attribute__((format(printf, 1, 2)));


/* all are true when the check has passed */

#define ok(cond, ...)                                                         \
    unit_ok((cond) ? 1 : 0, __FILE__, __LINE__, __VA_ARGS__)

#define is_int(got, want, ...)                                                \
    unit_is_int((long long) (got), (long long) (want), __FILE__, __LINE__,    \
                __VA_ARGS__)

/* a piece of memory and a C string */
#define is_str(data, len, want, ...)                                          \
    unit_is_mem((data), (len), (want), strlen(want), __FILE__, __LINE__,      \
                __VA_ARGS__)

#define is_mem(data, len, want, want_len, ...)                                \
    unit_is_mem((data), (len), (want), (want_len), __FILE__, __LINE__,        \
                __VA_ARGS__)

/* silent if it passes; a failure counts as a test of its own */
#define check(cond, ...)                                                      \
    ((cond) ? unit_passed() : unit_ok(0, __FILE__, __LINE__, __VA_ARGS__))


static void
unit_message(const char *fmt, va_list args)
{
    char   buf[512], *p;

    (void) vsnprintf(buf, sizeof(buf), fmt, args);

    /* a "#" begins a directive of TAP, a line feed ends the line */

    for (p = buf; *p; p++) {
        if (*p == '#' || *p == '\n' || *p == '\r') {
            *p = '?';
        }
    }

    printf("%s\n", buf);
}


static int
unit_report(int passed, const char *file, int line, const char *fmt,
    va_list args)
{
    printf("%sok %lu - ", passed ? "" : "not ", ++unit_count);
    unit_message(fmt, args);

    if (!passed) {
        unit_failed++;
        printf("#   failed at %s line %d\n", file, line);
    }

    fflush(stdout);

    return passed;
}


static int
unit_passed(void)
{
    unit_checks++;

    return 1;
}


static int
unit_ok(int passed, const char *file, int line, const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    (void) unit_report(passed, file, line, fmt, args);
    va_end(args);

    return passed;
}


static int
unit_is_int(long long got, long long want, const char *file, int line,
    const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    (void) unit_report(got == want, file, line, fmt, args);
    va_end(args);

    if (got != want) {
        printf("#   got %lld, expected %lld\n", got, want);
        fflush(stdout);
    }

    return got == want;
}


static void
unit_dump(const char *what, const void *data, size_t len)
{
    size_t         i;
    const u_char  *p = data;

    printf("#   %s (%lu bytes) \"", what, (unsigned long) len);

    for (i = 0; i < len && i < 256; i++) {
        if (p[i] >= 0x20 && p[i] < 0x7f && p[i] != '\\' && p[i] != '"') {
            putchar(p[i]);

        } else {
            printf("\\x%02x", p[i]);
        }
    }

    printf("\"%s\n", i < len ? "..." : "");
}


static int
unit_is_mem(const void *got, size_t len, const void *want, size_t want_len,
    const char *file, int line, const char *fmt, ...)
{
    int      passed;
    va_list  args;

    passed = (len == want_len
              && (len == 0 || memcmp(got, want, len) == 0));

    va_start(args, fmt);
    (void) unit_report(passed, file, line, fmt, args);
    va_end(args);

    if (!passed) {
        unit_dump("got     ", got, len);
        unit_dump("expected", want, want_len);
        fflush(stdout);
    }

    return passed;
}


/* xorshift64*: the same numbers in every run */

static uint64_t
unit_random(void)
{
    unit_seed ^= unit_seed >> 12;
    unit_seed ^= unit_seed << 25;
    unit_seed ^= unit_seed >> 27;

    return unit_seed * 0x2545f4914f6cdd1dULL;
}


/* a comment in the output */

static void
note(const char *fmt, ...)
{
    va_list  args;

    printf("# ");

    va_start(args, fmt);
    unit_message(fmt, args);
    va_end(args);

    fflush(stdout);
}


static int
done(void)
{
    printf("1..%lu\n", unit_count);

    if (unit_checks) {
        printf("# %lu silent checks passed\n", unit_checks);
    }

    if (unit_failed) {
        printf("# %lu of %lu failed\n", unit_failed, unit_count);
    }

    fflush(stdout);

    return unit_failed ? 1 : 0;
}


#endif /* _UNIT_H_INCLUDED_ */
