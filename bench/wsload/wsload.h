
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * wsload: a load generator for pub/sub servers, see README.md.  One process,
 * one epoll loop.
 *
 * Each payload begins with a marker that is looked for in whatever the server
 * delivers, so that any envelope will do that leaves these characters alone:
 *
 *     ~t=RRRRPPSSSSSSSSGGGGGGTTTTTTTTTTTTTTTT~
 *        |   | |       |     time of sending, CLOCK_MONOTONIC, ns
 *        |   | |       room
 *        |   | sequence number, per publisher and room
 *        |   publisher
 *        this run of wsload
 */


#ifndef WSLOAD_H
#define WSLOAD_H


#define _GNU_SOURCE
#include <inttypes.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>


#define MARK           "~t="
#define MARK_LEN       40

#define MAX_LINES      8
#define MAX_PUBLISHERS 256
#define MAX_FRAME      (64 * 1024 * 1024)
#define OUT_HIGH       (256 * 1024)     /* enough is waiting to be sent */

#define SECOND         UINT64_C(1000000000)
#define MSEC           UINT64_C(1000000)


typedef struct {
    uint8_t           *data;
    size_t             off;             /* what went out already */
    size_t             len;
    size_t             cap;
} buf_t;


/* 64 steps in each power of two: 1.6 % */

#define HIST_BITS      6
#define HIST_STEPS     (1 << HIST_BITS)
#define HIST_TOP       40
#define HIST_N         ((HIST_TOP - HIST_BITS + 2) * HIST_STEPS)

typedef struct {
    uint64_t           n;
    uint64_t           max;
    uint64_t           sum;
    uint64_t           bucket[HIST_N];
} hist_t;


/* which messages of a publisher in a room have come: the last 64 */

typedef struct {
    uint64_t           window;
    uint32_t           next;
} track_t;


typedef enum {
    SUBSCRIBER = 0,
    WS_PUBLISHER,
    HTTP_PUBLISHER
} kind_e;

typedef enum {
    NEW = 0,
    CONNECTING,
    HANDSHAKE,
    OPEN,
    CLOSED
} state_e;

typedef struct {
    int                fd;
    kind_e             kind;
    state_e            state;
    uint32_t           room;
    int                ready;
    int                stalled;         /* is not read when it is ready */
    void              *tls;
    uint64_t           since;           /* when it was begun */

    buf_t              in;              /* what has not come whole */
    buf_t              out;
    buf_t              message;         /* of fragments */
    int                fragmented;
    char               key[25];

    int                chunked;
    int                chunk_state;
    uint64_t           chunk_left;

    track_t           *tracks;          /* of each publisher */
    uint32_t           got;

    uint32_t           number;          /* of a publisher */
    uint64_t          *sent_at;         /* a ring: POSTs without an answer */
    uint32_t           first;
    uint32_t           waiting;
    int                in_body;
    uint64_t           body_left;
} conn_t;


typedef enum {
    PUB_NONE = 0,
    PUB_HTTP,
    PUB_WS,
    PUB_SUB
} pub_e;

typedef struct {
    const char        *line[MAX_LINES];
    int                n;
} lines_t;

typedef struct {
    int                port;
    const char        *proto;
    int                sse;
    int                conns;
    int                rooms;
    int                stalled;         /* the first of conns */
    int                tls;
    const char        *path;
    lines_t            send;
    lines_t            autoreply;
    const char        *ready_match;

    const char        *pub_name;
    pub_e              pub;
    int                publishers;
    int                pipeline;
    const char        *pub_path;
    const char        *content_type;
    const char        *template;
    lines_t            pub_send;
    const char        *pub_ready;

    double             rate;
    double             secs;
    double             warmup;
    int                window;
    int                payload;
    int                history;

    const char        *search;
    double             search_low;
    double             search_high;
    double             search_p99_ms;
    double             search_secs;
    double             noise;

    int                settle_ms;
    int                drain_ms;
    int                max_time;
    int                server;
} opts_t;

extern opts_t  opt;


/* the connections of the subscribers, from the start on */

typedef struct {
    int64_t            opened;
    int64_t            ready;
    int64_t            failed;
    int64_t            closed;
    int64_t            err_connect;
    int64_t            err_upgrade;
    int64_t            err_timeout;
    int64_t            err_proto;
    uint64_t           first;
    uint64_t           last;
} life_t;

/* what has come since the phase began */

typedef struct {
    int64_t            published;
    int64_t            acked;
    int64_t            refused;
    int64_t            expected;
    int64_t            received;
    int64_t            unique;
    int64_t            dup;
    int64_t            ooo;
    int64_t            foreign;
    int64_t            echo;            /* to publishers */
    int64_t            closed;
    int64_t            reads;
    int64_t            bytes;
    int64_t            replayed;        /* clients that have the history */
    uint64_t           last;
    hist_t             latency;
    hist_t             ack;
    hist_t             replay;
} tally_t;

extern life_t    life;
extern tally_t   tally;
extern uint16_t  run_id;


/* the server's processes, and the machine */

typedef struct {
    int                n;
    double             cpu;             /* seconds */
    double             waited;          /* for a CPU that others had */
    double             user;            /* of it, in clock ticks */
    double             system;
    long               pss;             /* kB */
    long               rss;
} server_t;

typedef struct {
    double             steal;           /* seconds of all CPUs */
    double             busy;
} load_t;

typedef struct {
    double             rate;
    double             secs;
    int                step;
    int                aborted;
    double             published_s;
    double             received_s;
    double             lag_ms;          /* behind its own schedule */
    server_t           own;             /* of the generator */
    double             calibration;
    load_t             load;
    double             best;

    server_t           before;          /* any connection */
    server_t           idle;
    server_t           start;
    server_t           end;
    long               slab_before;
    long               slab_idle;
} run_t;

extern run_t  run;


/* conn.c */
uint64_t now_ns(void);
uint32_t random32(void);
void die(const char *format, ...) __attribute__((noreturn,
    format(printf, 1, 2)));
void *allocate(size_t n, size_t size);
void buf_add(buf_t *b, const void *data, size_t len);
void buf_free(buf_t *b);
void loop_init(void);
void loop_once(uint64_t timeout);
void conn_start(conn_t *c, kind_e kind, uint32_t room);
void conn_ready(conn_t *c);
void conn_flush(conn_t *c);
void conn_close(conn_t *c);

/* tls.c: as send() and recv() where --tls is not given */
void tls_open(conn_t *c);
void tls_close(conn_t *c);
ssize_t tls_send(conn_t *c, const void *data, size_t n);
ssize_t tls_recv(conn_t *c, void *to, size_t n);

/* main.c */
size_t expand(char *to, size_t size, const char *template, uint32_t room);
void wait_ms(int ms);

/* http.c */
void http_request(conn_t *c);
ssize_t http_handshake(conn_t *c, uint8_t *p, size_t n);
ssize_t http_dechunk(conn_t *c, uint8_t *p, size_t n);
ssize_t http_answers(conn_t *c, uint8_t *p, size_t n, uint64_t now);
ssize_t sse_input(conn_t *c, uint8_t *p, size_t n, uint64_t now);

/* ws.c */
void ws_key(conn_t *c);
int ws_accepted(conn_t *c, const char *accept, size_t len);
void ws_put(conn_t *c, int opcode, const void *data, size_t len);
ssize_t ws_input(conn_t *c, uint8_t *p, size_t n, uint64_t now);

/* account.c */
void hist_add(hist_t *h, uint64_t value);
double hist_us(const hist_t *h, double quantile);
void account_scan(conn_t *c, const uint8_t *p, size_t n, uint64_t now);
void tally_reset(void);

/* publish.c */
void publish_init(void);
void publish_open(void);
int publish_one(uint64_t stamp, conn_t *publisher);
void publish_flush(void);
int publish_answered(void);
void publish_history(void);
void room_joined(conn_t *c);
void room_left(conn_t *c);

/* phase.c */
void phase_run(double rate, double secs, int step);
void phase_search(void);

/* proc.c */
server_t server_read(int memory);
long slab_kb(void);
load_t load_read(void);
server_t own_read(void);
double calibrate(void);

/* report.c */
int disturbed(void);
void report(void);


#endif
