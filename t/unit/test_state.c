
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * The state file: what is written comes back, whatever happened to the process,
 * the disk or the bytes meanwhile.
 */

#define NGX_CHAT_TEST_POINTS  1

#include "unit.h"
#include <sys/resource.h>

#include "store_sources.h"
#include "../../ngx_chat_module/ngx_chat_state.c"
#include "../../ngx_chat_module/ngx_chat_state_load.c"
#include "../../ngx_chat_module/ngx_chat_state_record.c"
#include "../../ngx_chat_module/ngx_chat_state_write.c"
#include "state_env.h"


static void
test_restart(void)
{
    u_char       secret[32];
    struct stat  st;

    remove_files();

    is_int(start(), NGX_OK, "no file yet");
    is_str(state(), strlen(state()), "ok", "it was made");
    ok(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600, "for us alone");
    memcpy(secret, ngx_chat_zone_secret(&env.z), 32);

    set(BAN, 1, "one", 0);
    set(BAN, 2, "two", 0);
    set(BAN, 3, "three", now + 1000);
    set(BAN, 4, "four", now - 1);
    set(BAN, 5, "five", 0);
    flush();
    set(BAN, 2, "other", 0);
    del(BAN, 5);
    set(ROOM, 1, "topic", 0);
    is_value(BAN, 5, "-", "deleted");
    is_int(del(BAN, 5), NGX_DECLINED, "only once");
    flush();
    is_int(env.z.sh->state_saved, env.z.sh->table_seq, "all is saved");

    is_int(start(), NGX_OK, "restarted");
    is_mem(ngx_chat_zone_secret(&env.z), 32, secret, 32, "the same secret");
    is_value(BAN, 1, "one", "there");
    is_value(BAN, 2, "other", "replaced");
    is_value(BAN, 3, "three", "has not ended");
    is_value(BAN, 4, "-", "has ended");
    is_value(BAN, 5, "-", "was deleted");
    is_value(ROOM, 1, "topic", "there");
    sound("restarted");

    /* deleted, and never written before; and set again */

    set(BAN, 6, "six", 0);
    del(BAN, 6);
    set(BAN, 5, "again", 0);
    flush();
    is_int(start(), NGX_OK, "restarted");
    is_value(BAN, 6, "-", "was deleted");
    is_value(BAN, 5, "again", "was set again");

    ngx_chat_zone_sweep(&env.z, 0, NOW);
    sound("swept");
}


/* the file is written anew when most of it is garbage */

static void
test_whole(void)
{
    ngx_uint_t   i, switched, active;
    struct stat  a, b;

    remove_files();
    start();
    memset(text, 'w', 3000);
    text[3000] = '\0';
    switched = 0;

    for (i = 0; i < 2000; i++) {
        active = env.z.sh->state_active;
        text[0] = (u_char) ('a' + i % 26);
        set(ROOM, i % 7, (char *) text, 0);
        flush();
        switched += (env.z.sh->state_active != active);
    }

    stat(path, &a);
    stat(alt, &b);

    ok(switched >= 3 && switched < 20, "%lu times to the other file",
       switched);
    ok(a.st_size < 1200000 && b.st_size < 1200000, "%ld and %ld bytes",
       (long) a.st_size, (long) b.st_size);

    is_int(start(), NGX_OK, "restarted");
    ok(value_of(ROOM, 1999 % 7)[0] == 'a' + 1999 % 26, "the last one");
}


/* tombstones fill the table while the file can't be written */

static void
test_disk_full(void)
{
    ngx_int_t      rc;
    ngx_uint_t     i, lines;
    struct rlimit  lim, old;

    remove_files();
    start();
    set(BAN, 1, "kept", 0);
    set(BAN, 2, "to go", 0);
    flush();

    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &old);
    lim = old;
    lim.rlim_cur = env.z.sh->state_file[env.z.sh->state_active].pos + 30;
    setrlimit(RLIMIT_FSIZE, &lim);

    lines = stub_log_lines;
    del(BAN, 2);
    set(BAN, 3, "new", 0);
    flush();
    is_str(state(), strlen(state()), "failed", "the disk is full");
    flush();
    flush();
    is_int(stub_log_lines - lines, 1, "said once: %s", stub_log_last);
    is_value(BAN, 3, "new", "but it is true");

    for (rc = NGX_OK, i = 100; i < 5000 && rc == NGX_OK; i++) {
        rc = set(BAN, i, "", 0);
        if (rc == NGX_BUSY) {
            /* all rows are looked at once a second at most */
            now++;
            rc = set(BAN, i, "", 0);
        }
        if (rc == NGX_OK) {
            rc = del(BAN, i);
        }
    }

    is_int(rc, NGX_OK, "what is deleted never fills the table");
    sound("full");

    setrlimit(RLIMIT_FSIZE, &old);
    flush();
    is_str(state(), strlen(state()), "ok", "there is place again");
    is_int(stub_log_lines - lines, 2, "said: %s", stub_log_last);

    is_int(start(), NGX_OK, "restarted");
    is_value(BAN, 1, "kept", "kept");
    is_value(BAN, 2, "-", "deleted");
    is_value(BAN, 3, "new", "new");
    is_value(BAN, 4999, "-", "deleted");
}


/* a process dies while it writes: the next one goes on */

static void
killed_at(const char *point)
{
    int    fd, status;
    char   file[200];
    pid_t  pid;

    snprintf(file, sizeof(file), "%s/point", dir);
    setenv("CHAT_TEST_POINT", file, 1);
    spew(file, (u_char *) point, strlen(point));

    pid = fork();

    if (pid == 0) {
        ngx_pid = getpid();
        flush();
        _exit(0);
    }

    waitpid(pid, &status, 0);
    fd = unlink(file);

    ok(fd == -1 && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL,
       "killed at %s", point);
}


static void
test_killed(void)
{
    remove_files();
    start();
    set(BAN, 1, "one", 0);
    set(BAN, 2, "two", 0);

    killed_at("state:written");
    ok(env.z.sh->state_saved != env.z.sh->table_seq, "the zone knows nothing");
    set(BAN, 2, "2", 0);
    flush();
    ok(env.z.sh->state_saved == env.z.sh->table_seq, "another one wrote");
    start();
    is_value(BAN, 1, "one", "it is there");
    is_value(BAN, 2, "2", "the last one");

    env.z.sh->state_whole++;
    killed_at("state:rows");
    set(BAN, 3, "three", 0);
    start();
    is_value(BAN, 1, "one", "the other file is good");
    is_value(BAN, 3, "-", "what was never written");

    env.z.sh->state_whole++;
    killed_at("state:whole");
    set(BAN, 3, "three", 0);
    flush();
    start();
    is_value(BAN, 1, "one", "in either");
    is_value(BAN, 3, "three", "and what came then");
    sound("killed");
}


/* another nginx has the files */

static void
test_two(void)
{
    env_t  first;

    remove_files();
    start();
    set(BAN, 1, "one", 0);
    set(BAN, 2, "two", 0);
    set(BAN, 3, "three", 0);
    flush();

    first = env;
    memset(&env, 0, sizeof(env));
    is_int(start(), NGX_ERROR, "in use: %s", stub_log_last);
    env_done(&env);

    /* unless it is to replace that one */

    ngx_inherited = 1;
    is_int(start(), NGX_OK, "upgraded");
    ngx_inherited = 0;
    is_str(state(), strlen(state()), "waiting", "waits");
    is_value(BAN, 1, "one", "but knows what there was");

    set(BAN, 1, "new", 0);
    del(BAN, 3);
    flush();
    is_str(state(), strlen(state()), "waiting", "still waits");

    {
        env_t  second;

        second = env;
        env = first;
        set(BAN, 1, "old", 0);
        set(BAN, 3, "old", 0);
        set(BAN, 4, "old", 0);
        del(BAN, 2);
        flush();
        is_str(state(), strlen(state()), "ok", "the first one writes");
        ngx_chat_state_close(&env.z);
        env_done(&env);
        env = second;
        env.shm_zone.data = &env.z;
    }

    flush();
    is_str(state(), strlen(state()), "ok", "the first one has gone");
    is_value(BAN, 1, "new", "what both have changed is the second one's");
    is_value(BAN, 2, "-", "what the first one deleted");
    is_value(BAN, 3, "-", "what the second one deleted");
    is_value(BAN, 4, "old", "what the first one set");

    start();
    is_value(BAN, 1, "new", "it was written");
    is_value(BAN, 2, "-", "it was written");
    is_value(BAN, 3, "-", "it was written");
    is_value(BAN, 4, "old", "it was written");
    sound("taken over");
}


/* the next cycle: with the same memory, with another size, with another path */

static void
test_cycles(void)
{
    env_t             a, b;
    ngx_shm_zone_t    zone;
    ngx_chat_zone_t   z;

    remove_files();
    start();
    set(BAN, 1, "one", 0);
    flush();

    zone = env.shm_zone;
    z = env.z;
    zone.data = &z;
    is_int(ngx_chat_zone_init(&zone, &env.z), NGX_OK, "the same memory");
    is_int(ngx_chat_state_open(&z, &env.z, env_log), NGX_OK, "goes on");
    ok(z.state == env.z.state && z.state->refs == 2, "with the same files");
    ngx_chat_state_close(&z);
    z.state_path.len--;
    is_int(ngx_chat_state_open(&z, &env.z, env_log), NGX_ERROR,
           "another path: %s", stub_log_last);

    a = env;
    memset(&b, 0, sizeof(b));
    b.z.state_path = a.z.state_path;

    set(BAN, 2, "not written yet", 0);
    is_int(env_init(&b, "test", 2 * SIZE, env_log), NGX_OK, "more memory");
    ngx_chat_shm_lock(&env.z);
    ngx_chat_table_copy_locked(b.z.sh, env.z.sh);
    env.z.sh->moved = 1;
    ngx_chat_shm_unlock(&env.z);
    is_int(ngx_chat_state_open(&b.z, &env.z, env_log), NGX_OK, "goes on");

    flush();
    ok(env.z.sh->state_saved != env.z.sh->table_seq, "the old one is quiet");
    ngx_chat_state_close(&env.z);
    env_done(&env);
    env = b;
    env.shm_zone.data = &env.z;

    flush();
    is_int(env.z.sh->state_saved, env.z.sh->table_seq, "the new one writes");
    start();
    is_value(BAN, 1, "one", "there");
    is_value(BAN, 2, "not written yet", "there");

    /* a zone that had no file gets one, which has been another's */

    ngx_chat_state_close(&env.z);
    fresh(SIZE);
    set(BAN, 2, "mine", 0);
    set(BAN, 3, "mine", 0);
    env.z.fresh = 0;
    env.z.state_path.data = (u_char *) path;
    env.z.state_path.len = strlen(path);
    is_int(ngx_chat_state_open(&env.z, NULL, env_log), NGX_OK, "a file now");
    is_value(BAN, 1, "one", "of the file");
    is_value(BAN, 2, "mine", "both: the running one");
    is_value(BAN, 3, "mine", "of the zone");
    sound("joined");

    /* less memory than the file needs */

    for (now = now + 0; set(BAN, now + 100, "", 0) == NGX_OK; now++) {
        /* void */
    }
    flush();
    is_int(start_sized(600 * 1024), NGX_ERROR, "too small: %s",
           stub_log_last);
    ngx_chat_state_close(&env.z);
}


/* the secret is in it */

static void
test_rights(void)
{
    struct stat  st;

    remove_files();
    stub_log_last[0] = '\0';
    is_int(start(), NGX_OK, "files are made");
    is_int(stat(path, &st) == 0 ? st.st_mode & 0777 : 0, 0600, "its owner's");
    is_int(stat(alt, &st) == 0 ? st.st_mode & 0777 : 0, 0600, "the other one");
    ok(strstr((char *) stub_log_last, "everybody") == NULL, "nothing is said");

    (void) chmod(alt, 0644);
    is_int(start(), NGX_OK, "one is open to everybody");
    ok(strstr((char *) stub_log_last, "state.alt\" is open to everybody")
       != NULL, "the log says so: %s", stub_log_last);
    ngx_chat_state_close(&env.z);
}


/* a table that is full, with a ban that was made longer then, is read again */

static void
test_full_table(void)
{
    char        value[2001];
    ngx_uint_t  n;

    memset(value, 'v', 2000);
    value[2000] = '\0';

    remove_files();
    is_int(start(), NGX_OK, "it starts");

    for (n = 0; set(BAN, n, "short", 0) == NGX_OK; n++) { /* void */ }

    ok(n > 10, "%lu rows", n);
    is_int(set(BAN, 0, value, 0), NGX_OK, "one is longer");
    flush();

    is_int(start(), NGX_OK, "all have place again");
    is_value(BAN, 0, value, "the long one");
    is_value(BAN, n - 1, "short", "the last one");
    ngx_chat_state_close(&env.z);
}


static void
test_only_read(void)
{
    u_char       p[16];
    struct stat  st;

    remove_files();
    fresh(SIZE);
    env.z.state_path.data = (u_char *) path;
    env.z.state_path.len = strlen(path);

    is_int(ngx_chat_state_test(&env.z, env_log), NGX_OK, "no file");
    ok(stat(path, &st) == -1, "and none after");
    spew(path, (u_char *) "GIF89a", 6);
    is_int(ngx_chat_state_test(&env.z, env_log), NGX_ERROR, "%s",
           stub_log_last);
    is_int(slurp(path, p, sizeof(p)), 6, "not touched");
    unlink(path);
    mkdir(path, 0700);
    is_int(ngx_chat_state_test(&env.z, env_log), NGX_ERROR, "%s",
           stub_log_last);
    rmdir(path);
    env.z.state_path.data = (u_char *) "/nowhere/at/all";
    env.z.state_path.len = 15;
    is_int(ngx_chat_state_test(&env.z, env_log), NGX_ERROR, "%s",
           stub_log_last);
    is_int(ngx_chat_state_open(&env.z, NULL, env_log), NGX_ERROR, "%s",
           stub_log_last);
    ok(env.z.state == NULL, "nothing is open");
}


int
main(void)
{
    if (state_begin() != NGX_OK) {
        return 1;
    }

    test_restart();
    test_whole();
    test_disk_full();
    test_killed();
    test_two();
    test_cycles();
    test_rights();
    test_full_table();
    test_only_read();

    return state_done();
}
