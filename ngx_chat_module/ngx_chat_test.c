
/*
 * Copyright (C) the ngx_chat_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_test.h"


#if (NGX_CHAT_TEST_POINTS)

void
ngx_chat_test_point(const char *name)
{
    int      fd;
    char    *file;
    size_t   len;
    ssize_t  n;
    char     buf[64];

    file = getenv("CHAT_TEST_POINT");

    if (file == NULL) {
        return;
    }

    fd = open(file, O_RDONLY|O_CLOEXEC);

    if (fd == -1) {
        return;
    }

    n = read(fd, buf, sizeof(buf));

    (void) close(fd);

    while (n > 0 && (buf[n - 1] == LF || buf[n - 1] == CR)) {
        n--;
    }

    len = ngx_strlen(name);

    if (n == (ssize_t) len && ngx_memcmp(buf, name, len) == 0
        && unlink(file) == 0)
    {
        (void) kill(getpid(), SIGKILL);
    }
}


void
ngx_chat_test_delay(void)
{
    static ngx_uint_t  calls;

    if (getenv("CHAT_TEST_DELAY") != NULL && calls++ % 64 == 0) {
        usleep(200);
    }
}

#else

/* an empty translation unit is not C */
typedef int  ngx_chat_test_none_t;

#endif
