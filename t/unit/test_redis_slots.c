
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Slots of keys as Redis counts them; what a cluster says of its servers.
 */

#include <arpa/inet.h>
#include <stdarg.h>

#include "unit.h"

#include "../../ngx_chat_module/ngx_chat_redis_slots.c"


/* of nginx's core, which the tests have not got */

in_addr_t
ngx_inet_addr(u_char *text, size_t len)
{
    char            buf[64];
    struct in_addr  in;

    (void) snprintf(buf, sizeof(buf), "%.*s", (int) len, (char *) text);

    return inet_pton(AF_INET, buf, &in) == 1 ? in.s_addr : INADDR_NONE;
}


ngx_int_t
ngx_inet6_addr(u_char *p, size_t len, u_char *addr)
{
    char  buf[64];

    (void) snprintf(buf, sizeof(buf), "%.*s", (int) len, (char *) p);

    return inet_pton(AF_INET6, buf, addr) == 1 ? NGX_OK : NGX_ERROR;
}


void
ngx_inet_set_port(struct sockaddr *sa, in_port_t port)
{
    ((struct sockaddr_in *) sa)->sin_port = htons(port);
}


size_t
ngx_sock_ntop(struct sockaddr *sa, socklen_t socklen, u_char *text,
    size_t len, ngx_uint_t port)
{
    if (inet_ntop(AF_INET, &((struct sockaddr_in *) sa)->sin_addr,
                  (char *) text, (socklen_t) len)
        == NULL)
    {
        return 0;
    }

    return strlen((char *) text);
}


typedef struct {
    const char  *text;
    ngx_uint_t   slot;
} slot_case_t;


/* CLUSTER KEYSLOT of Redis 7.0 */

static slot_case_t  slots[] = {
    { "123456789", 12739 },
    { "foo", 12182 },
    { "", 0 },
    { "{foo}", 12182 },
    { "chat:m:{foo}", 12182 },
    { "chat:n:{foo}:5", 12182 },
    { "a{}{foo}", 700 },
    { "{foo", 13308 },
    { "foo{{bar}}zap", 4015 }
};


static void
test_slots(void)
{
    ngx_uint_t  i, n;

    for (i = 0; i < sizeof(slots) / sizeof(slots[0]); i++) {
        n = ngx_chat_redis_slot((const u_char *) slots[i].text,
                                strlen(slots[i].text));

        ok(n == slots[i].slot, "\"%s\" is in %lu", slots[i].text, n);
    }
}


typedef struct {
    const char  *text;
    ngx_int_t    rc;
    ngx_uint_t   slot;
    const char  *address;
} redirect_case_t;


static redirect_case_t  redirects[] = {
    { "MOVED 3999 127.0.0.1:6381", NGX_OK, 3999, "127.0.0.1:6381" },
    { "ASK 0 10.1.2.3:1", NGX_OK, 0, "10.1.2.3:1" },
    { "MOVED 16383 ::1:65535", NGX_OK, 16383, "::1:65535" },
    { "MOVED 5 :7000", NGX_OK, 5, "192.0.2.9:7000" },
    { "MOVED 5 name.example:7000", NGX_DECLINED, 5, NULL },
    { "MOVED 5 ?:7000", NGX_DECLINED, 5, NULL },
    { "MOVED 16384 127.0.0.1:1", NGX_ERROR, 0, NULL },
    { "MOVED -1 127.0.0.1:1", NGX_ERROR, 0, NULL },
    { "MOVED 1 127.0.0.1:0", NGX_ERROR, 0, NULL },
    { "MOVED 1 127.0.0.1:65536", NGX_ERROR, 0, NULL },
    { "MOVED 1 127.0.0.1:", NGX_ERROR, 0, NULL },
    { "MOVED 1 127.0.0.1", NGX_ERROR, 0, NULL },
    { "MOVED 1 :", NGX_ERROR, 0, NULL },
    { "MOVED 1 ", NGX_ERROR, 0, NULL },
    { "MOVED 1", NGX_ERROR, 0, NULL },
    { "MOVED  127.0.0.1:1", NGX_ERROR, 0, NULL },
    { "MOVED ", NGX_ERROR, 0, NULL },
    { "MOVED", NGX_ERROR, 0, NULL },
    { "", NGX_ERROR, 0, NULL }
};


static void
test_redirects(void)
{
    u_char                    *copy;
    ngx_int_t                  rc;
    ngx_str_t                  text;
    ngx_uint_t                 i, slot;
    struct sockaddr_in         from;
    ngx_chat_redis_address_t   addr;

    memset(&from, 0, sizeof(from));
    from.sin_family = AF_INET;
    from.sin_port = htons(6379);
    (void) inet_pton(AF_INET, "192.0.2.9", &from.sin_addr);

    for (i = 0; i < sizeof(redirects) / sizeof(redirects[0]); i++) {

        /* of its exact size, for the sanitizer */
        text.len = strlen(redirects[i].text);
        copy = malloc(text.len + 1);
        text.data = memcpy(copy, redirects[i].text, text.len + 1);

        rc = ngx_chat_redis_slots_redirect(&text, (struct sockaddr *) &from,
                                           &slot, &addr);

        ok(rc == redirects[i].rc
           && (rc != NGX_OK
               || (slot == redirects[i].slot
                   && addr.len == strlen(redirects[i].address)
                   && memcmp(addr.text, redirects[i].address, addr.len)
                      == 0)),
           "\"%s\"", redirects[i].text);

        free(copy);
    }
}


/* --- replies to CLUSTER SLOTS; strings have no byte more than they say */

static redisReply *
reply_new(int type, const char *str, size_t len)
{
    redisReply  *r;

    r = calloc(1, sizeof(redisReply));
    r->type = type;

    if (str != NULL) {
        r->str = malloc(len + 1);
        memcpy(r->str, str, len);
        r->str[len] = '\0';
        r->len = len;
    }

    return r;
}


static redisReply *
reply_number(long long n)
{
    redisReply  *r;

    r = reply_new(REDIS_REPLY_INTEGER, NULL, 0);
    r->integer = n;

    return r;
}


static redisReply *
reply_text(const char *text)
{
    return (text != NULL) ? reply_new(REDIS_REPLY_STRING, text, strlen(text))
                          : reply_new(REDIS_REPLY_NIL, NULL, 0);
}


static redisReply *
reply_array(size_t n, ...)
{
    size_t       i;
    va_list      args;
    redisReply  *r;

    r = reply_new(REDIS_REPLY_ARRAY, NULL, 0);
    r->elements = n;
    r->element = n ? calloc(n, sizeof(redisReply *)) : NULL;

    va_start(args, n);

    for (i = 0; i < n; i++) {
        r->element[i] = va_arg(args, redisReply *);
    }

    va_end(args);

    return r;
}


static void
reply_free(redisReply *r)
{
    size_t  i;

    for (i = 0; i < r->elements; i++) {
        reply_free(r->element[i]);
    }

    free(r->element);
    free(r->str);
    free(r);
}


static void
from_address(struct sockaddr_in *from)
{
    memset(from, 0, sizeof(*from));
    from->sin_family = AF_INET;
    from->sin_port = htons(6379);
    (void) inet_pton(AF_INET, "192.0.2.9", &from->sin_addr);
}


typedef struct {
    const char  *host;
    const char  *ip;
    const char  *hostname;
    ngx_int_t    rc;
    const char  *address;
    const char  *name;
} server_case_t;


static server_case_t  servers[] = {
    { "10.0.0.1", NULL, NULL, NGX_OK, "10.0.0.1:7000", "10.0.0.1" },
    { "10.0.0.1", NULL, "one.example", NGX_OK, "10.0.0.1:7000",
      "one.example" },
    { "one.example", "10.0.0.1", NULL, NGX_OK, "10.0.0.1:7000",
      "one.example" },
    { "one.example", NULL, NULL, NGX_DECLINED, "", "one.example" },
    { "one.example", "two.example", NULL, NGX_DECLINED, "", NULL },
    /* "unknown-endpoint": who was asked, another port */
    { NULL, "10.0.0.1", NULL, NGX_OK, "192.0.2.9:7000", "192.0.2.9" },
    { "", NULL, NULL, NGX_OK, "192.0.2.9:7000", "192.0.2.9" },
    /* it should have a name, and has none */
    { "?", "10.0.0.1", NULL, NGX_OK, "10.0.0.1:7000", "10.0.0.1" },
    { "?", NULL, NULL, NGX_DECLINED, "", NULL },
    { "::1", NULL, NULL, NGX_OK, "::1:7000", "::1" }
};


static void
test_servers(void)
{
    ngx_int_t                  rc;
    redisReply                *r, *meta;
    ngx_uint_t                 i, first, last;
    server_case_t             *c;
    struct sockaddr_in         from;
    ngx_chat_redis_address_t   addr;

    from_address(&from);

    for (i = 0; i < sizeof(servers) / sizeof(servers[0]); i++) {
        c = &servers[i];

        meta = reply_array(4, reply_text(c->ip ? "ip" : "x"),
                           reply_text(c->ip ? c->ip : "y"),
                           reply_text("hostname"),
                           reply_text(c->hostname ? c->hostname : ""));

        r = reply_array(3, reply_number(5), reply_number(9),
                        reply_array(4, reply_text(c->host),
                                    reply_number(7000), reply_text("id"),
                                    meta));

        rc = ngx_chat_redis_slots_range(r, (struct sockaddr *) &from, &first,
                                        &last, &addr);

        ok(rc == c->rc && first == 5 && last == 9
           && (rc != NGX_OK
               || (addr.len == strlen(c->address)
                   && memcmp(addr.text, c->address, addr.len) == 0
                   && addr.port == 7000))
           && (c->name == NULL
               || (addr.host_len == strlen(c->name)
                   && strcmp((char *) addr.host, c->name) == 0)),
           "server \"%s\", \"%s\", \"%s\"", c->host ? c->host : "(nil)",
           c->ip ? c->ip : "", c->hostname ? c->hostname : "");

        reply_free(r);
    }
}


static void
test_maps(void)
{
    redisReply  *r;
    ngx_uint_t   i;

    static struct {
        long long  first;
        long long  last;
        long long  port;
    } bad[] = {
        { -1, 1, 7000 }, { 5, 4, 7000 }, { 0, 16384, 7000 },
        { 0, 1LL << 62, 7000 }, { 16384, 16384, 7000 }, { 0, 1, 0 },
        { 0, 1, 65536 }, { 0, 1, -1 }, { 0, 1, 1LL << 40 }
    };

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        r = reply_array(1, reply_array(3, reply_number(bad[i].first),
                                       reply_number(bad[i].last),
                                       reply_array(2, reply_text("10.0.0.1"),
                                            reply_number(bad[i].port))));

        ok(ngx_chat_redis_slots_check(r) == NGX_ERROR, "%lld-%lld port %lld",
           bad[i].first, bad[i].last, bad[i].port);

        reply_free(r);
    }

    r = reply_array(0);
    ok(ngx_chat_redis_slots_check(r) == NGX_OK, "nobody serves anything");
    reply_free(r);

    r = reply_number(1);
    ok(ngx_chat_redis_slots_check(r) == NGX_ERROR, "a number is no map");
    reply_free(r);
}


/* anything at all, more often than not what belongs there */

static redisReply *
reply_random(ngx_uint_t depth)
{
    char         text[300];
    size_t       i, n;
    redisReply  *r;

    static const char  *texts[] = {
        "", "?", "10.0.0.1", "::1", "one.example", "ip", "hostname",
        "255.255.255.255", "1.2.3", "fe80::1%eth0"
    };

    static const long long  numbers[] = {
        0, 1, 5, 16383, 16384, 7000, 65535, 65536, -1, 1LL << 62
    };

    switch (rand() % (depth ? 8 : 5)) {

    case 0:
        return reply_text(NULL);

    case 1:
        n = (size_t) rand() % sizeof(text);

        for (i = 0; i < n; i++) {
            text[i] = (char) rand();
        }

        return reply_new(rand() % 2 ? REDIS_REPLY_STRING : REDIS_REPLY_ERROR,
                         text, n);

    case 2:
    case 3:
        return reply_text(texts[rand() % 10]);

    case 4:
        return reply_number(numbers[rand() % 10]);
    }

    r = reply_new(REDIS_REPLY_ARRAY, NULL, 0);
    r->elements = (size_t) rand() % 5;
    r->element = r->elements ? calloc(r->elements, sizeof(redisReply *))
                             : NULL;

    for (i = 0; i < r->elements; i++) {
        r->element[i] = reply_random(depth - 1);
    }

    return r;
}


static void
test_random(void)
{
    ngx_int_t                  rc;
    redisReply                *r;
    ngx_uint_t                 i, first, last, bad, good;
    struct sockaddr_in         from;
    ngx_chat_redis_address_t   addr;

    from_address(&from);
    srand(7);

    bad = 0;
    good = 0;

    for (i = 0; i < 200000; i++) {

        if (i % 2) {
            r = reply_random(3);

        } else {
            r = reply_array(3, reply_number(rand() % 5), reply_number(4),
                            reply_array(4, reply_random(0),
                                        reply_number(rand() % 70000),
                                        reply_random(0), reply_random(1)));
        }

        (void) ngx_chat_redis_slots_check(r);

        rc = ngx_chat_redis_slots_range(r, (i % 3)
                                           ? (struct sockaddr *) &from : NULL,
                                        &first, &last, &addr);

        if (rc == NGX_OK) {
            good++;
            bad += (first > last || last >= NGX_CHAT_REDIS_SLOTS
                    || addr.len == 0 || addr.len > sizeof(addr.text)
                    || addr.socklen == 0
                    || strlen((char *) addr.host) != addr.host_len);
        }

        reply_free(r);
    }

    ok(bad == 0 && good > 1000, "%lu random maps taken, none of them odd",
       good);
}


int
main(void)
{
    (void) stub_init();

    test_slots();
    test_redirects();
    test_servers();
    test_maps();
    test_random();

    return done();
}
