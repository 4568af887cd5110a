
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Points where a test kills a process.  Compiled with NGX_CHAT_TEST_POINTS
 * only; otherwise there is nothing.
 */


#ifndef _NGX_CHAT_TEST_H_INCLUDED_
#define _NGX_CHAT_TEST_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


#if (NGX_CHAT_TEST_POINTS)

/*
 * If the file that the environment variable CHAT_TEST_POINT names exists and
 * holds exactly this name, then the process that succeeds in removing the file
 * kills itself (SIGKILL).  Under nginx: "env CHAT_TEST_POINT;" in nginx.conf.
 */
void ngx_chat_test_point(const char *name);

/* where a reader is easily overtaken: if CHAT_TEST_DELAY is set, sleeps
   once in 64 calls, so that it is */
void ngx_chat_test_delay(void);

#else

#define ngx_chat_test_point(name)
#define ngx_chat_test_delay()

#endif


#endif /* _NGX_CHAT_TEST_H_INCLUDED_ */
