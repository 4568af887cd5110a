
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * For the tests of presence: a room, who enters it, and what is seen of it.
 */


#ifndef _PRESENCE_ENV_H_INCLUDED_
#define _PRESENCE_ENV_H_INCLUDED_


#define START  (1000 * 1000ULL)

#define says(expr, want, ...)                                                 \
    do {                                                                      \
        const char  *got_ = (expr);                                           \
        is_str(got_, strlen(got_), want, __VA_ARGS__);                        \
    } while (0)

static ngx_chat_presence_user_t  users[NGX_CHAT_PRESENCE_MAX];
static ngx_chat_room_info_t      here;
static ngx_chat_presence_t       place;
static uint64_t                  now;


static void
user_of(ngx_chat_presence_user_t *user, const char *id, const char *name)
{
    memset(user, 0, sizeof(*user));
    user->id_len = (uint8_t) strlen(id);
    user->name_len = (uint8_t) strlen(name);
    memcpy(user->id, id, user->id_len);
    memcpy(user->name, name, user->name_len);
}


static void
at(ngx_uint_t seat)
{
    place.idx = here.idx;
    place.life = here.life;
    place.seat = seat;
    place.now = now;
}


static uint32_t
enter(const char *id, ngx_uint_t seat)
{
    ngx_chat_presence_user_t  user;

    user_of(&user, id, "");
    at(seat);

    return ngx_chat_presence_enter(&env.z, &place, &user);
}


static void
leave(uint32_t ref, ngx_uint_t seat, ngx_uint_t at_once)
{
    at(seat);
    ngx_chat_presence_leave(&env.z, &place, ref, at_once);
}


static void
wait_ms(uint64_t ms)
{
    uint64_t         end;
    ngx_chat_mask_t  wake;

    for (end = now + ms; now < end; /* void */ ) {
        now = (end - now > 100) ? now + 100 : end;
        memset(&wake, 0, sizeof(wake));
        ngx_chat_presence_run(&env.z, 0, now, &wake);
    }
}


static ngx_uint_t
count(void)
{
    at(1);
    ngx_chat_presence_look(&env.z, &place);

    return (ngx_uint_t) place.count;
}


/* "+ann -bob" of a diff, or who is there */

static const char *
names(ngx_chat_presence_user_t *u, ngx_uint_t n, ngx_uint_t signs)
{
    char        *p;
    ngx_uint_t   i;

    static char  text[100 * 1000];

    p = text;
    *p = '\0';

    for (i = 0; i < n; i++) {
        p += sprintf(p, "%s%s%.*s", i ? " " : "",
                     signs ? (u[i].gone ? "-" : "+") : "",
                     (int) u[i].id_len, (char *) u[i].id);
    }

    return text;
}


static ngx_chat_presence_diff_t  d;


static const char *
diff(uint64_t told)
{
    d.told = told;
    d.users = users;

    if (ngx_chat_presence_diff(&env.z, here.idx, here.life, &d) != NGX_OK) {
        return "nothing";
    }

    return names(users, d.n, 1);
}


static ngx_chat_presence_page_t  pg;


static const char *
page(ngx_uint_t n)
{
    ngx_chat_room_key_t  key;

    key = room("a");
    pg.users = users;
    pg.n = n;

    if (ngx_chat_presence_page(&env.z, &key, &pg) != NGX_OK) {
        return "no room";
    }

    return names(users, pg.n, 0);
}


static const char *
all(void)
{
    memset(&pg, 0, sizeof(pg));

    return page(NGX_CHAT_PRESENCE_MAX);
}


/* whatever is kept twice says the same */

static void
whole(const char *what)
{
    uint32_t                    ref, i, n, used, busy, seen;
    const char                 *err;
    ngx_chat_sh_t              *sh;
    ngx_chat_presence_sh_t     *ps;
    ngx_chat_presence_room_t   *p;
    ngx_chat_presence_entry_t  *e;

    sh = env.z.sh;
    ps = &sh->presence;
    err = NULL;
    used = 0;
    busy = 0;

    for (i = 0; i < sh->room_fresh; i++) {
        p = &ngx_chat_presence_rooms(sh)[i];
        n = 0;

        for (ref = p->first; ref; ref = e->next) {
            e = ngx_chat_presence_entry(sh, ref);
            n += !e->gone;
            used++;
            busy += (e->until != 0);

            if (e->room != i + 1 || e->life != p->life) {
                err = "an entry of another room";
            }

            if (e->next
                && ngx_chat_presence_entry(sh, e->next)->seq <= e->seq)
            {
                err = "the order";
            }

            if (e->next == 0 && p->last != ref) {
                err = "the last";
            }

            if (e->seq > p->seq || e->seq > ps->seq) {
                err = "a number to come";
            }
        }

        if (n != p->n) {
            err = "the count";
        }

        if (p->v > p->seq || (p->life && p->lost > p->v && !p->cooling)) {
            err = "the version";
        }

        busy += (p->cooling != 0);
    }

    if (used != ps->used) {
        err = "entries in use";
    }

    if (busy != ps->busy) {
        err = "what is busy";
    }

    for (ref = ps->free, n = 0; ref; n++) {
        e = ngx_chat_presence_entry(sh, ref);

        if (e->room != 0) {
            err = "a free one that is used";
        }

        ref = e->chain;
    }

    if (n + used != ps->fresh) {
        err = "entries lost";
    }

    for (i = 0, seen = 0; i < NGX_CHAT_PRESENCE_WHEEL; i++) {
        for (ref = ps->wheel[i]; ref; ref = e->after) {
            e = ngx_chat_presence_entry(sh, ref);
            seen++;

            if (e->until / NGX_CHAT_PRESENCE_STEP % NGX_CHAT_PRESENCE_WHEEL
                != i)
            {
                err = "a deadline at the wrong place";
            }
        }
    }

    for (i = 0; i < 2; i++) {
        for (ref = ps->cool_first[i]; ref; ref = p->cool) {
            p = &ngx_chat_presence_rooms(sh)[ref - 1];
            seen++;
        }
    }

    if (seen != busy) {
        err = "the wheel";
    }

    for (i = 0, seen = 0; i < ps->bucket_n; i++) {
        for (ref = ngx_chat_presence_buckets(sh)[i]; ref; ref = e->chain) {
            e = ngx_chat_presence_entry(sh, ref);
            seen++;
        }
    }

    if (seen != used) {
        err = "the chains";
    }

    ok(err == NULL, "whole: %s%s%s", what, err ? ": " : "", err ? err : "");
}


static void
begin(size_t size)
{
    fresh(size);
    ngx_chat_zone_attach(&env.z, 1, ngx_pid, 0);
    ngx_chat_zone_attach(&env.z, 2, ngx_pid, 0);
    now = START;

    is_int(follow("a", 1, &here), NGX_OK, "a room");
    is_int(follow("a", 2, &here), NGX_OK, "by two seats");

    memset(&place, 0, sizeof(place));
    place.max = 100;
    place.grace = 2000;
    memset(&pg, 0, sizeof(pg));
}


#endif /* _PRESENCE_ENV_H_INCLUDED_ */
