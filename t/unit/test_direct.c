
/*
 * Copyright (C) the ngx_chat_module authors
 */


#include "unit.h"
#include "ngx_chat_direct.h"
#include "ngx_chat_policy.h"


static ngx_str_t
str(const char *s)
{
    ngx_str_t  v;

    v.data = (u_char *) s;
    v.len = strlen(s);

    return v;
}


static void
test_names(void)
{
    u_char      name[NGX_CHAT_DIRECT_LEN], twin[NGX_CHAT_DIRECT_LEN], *copy;
    u_char      key[NGX_CHAT_DIRECT_KEY], other[NGX_CHAT_DIRECT_KEY];
    ngx_str_t   ann, bob, carl, room;
    ngx_uint_t  i, wrong;

    ann = str("ann");
    bob = str("bob");
    carl = str("carl");

    is_int(ngx_chat_direct_name(name, &ann, &bob), NGX_OK, "a pair");
    is_int(ngx_chat_direct_name(twin, &bob, &ann), NGX_OK, "the other way");
    ok(memcmp(name, twin, sizeof(name)) == 0, "is the same room");
    is_int(ngx_chat_direct_name(twin, &ann, &ann), NGX_DECLINED, "not alone");

    /* the keys are the same on every host and for ever */

    ok(memcmp(name, "~d.", 3) == 0, "the server's");

    copy = malloc(sizeof(name));
    memcpy(copy, name, sizeof(name));
    room.data = copy;
    room.len = sizeof(name);

    ok(ngx_chat_room_is_direct(&room), "its name");
    is_int(ngx_chat_room_valid(&room), NGX_OK, "can be said");

    ngx_chat_direct_key(key, &bob);
    is_int(ngx_chat_direct_other(&room, &ann, other), NGX_OK, "ann's");
    ok(memcmp(key, other, sizeof(key)) == 0, "with bob");

    ngx_chat_direct_key(key, &ann);
    is_int(ngx_chat_direct_other(&room, &bob, other), NGX_OK, "bob's");
    ok(memcmp(key, other, sizeof(key)) == 0, "with ann");

    is_int(ngx_chat_direct_other(&room, &carl, other), NGX_DECLINED,
           "not carl's");

    /* any digit that is another makes it nobody's, or no name */

    wrong = 0;

    for (i = 3; i < room.len; i++) {
        copy[i] = (copy[i] == 'q') ? 'r' : 'q';
        wrong += (ngx_chat_direct_other(&room, &ann, other) == NGX_OK
                  && memcmp(key, other, sizeof(key)) == 0);
        wrong += (ngx_chat_direct_other(&room, &ann, other) == NGX_OK
                  && ngx_chat_direct_other(&room, &bob, other) == NGX_OK);
        copy[i] = name[i];
    }

    is_int(wrong, 0, "every digit counts");

    /* the two bits behind a key, the order, other digits, another length */

    copy[28]++;
    ok(!ngx_chat_room_is_direct(&room), "a pair has one name");

    memcpy(copy + 3, name + 29, 26);
    memcpy(copy + 29, name + 3, 26);
    ok(!ngx_chat_room_is_direct(&room), "in one order");

    memcpy(copy + 3, name + 3, 26);
    memcpy(copy + 29, name + 3, 26);
    ok(!ngx_chat_room_is_direct(&room), "of two users");

    memcpy(copy, name, sizeof(name));
    copy[10] = '1';
    ok(!ngx_chat_room_is_direct(&room), "no such digit");
    copy[10] = 'A';
    ok(!ngx_chat_room_is_direct(&room), "no capitals");
    is_int(ngx_chat_room_valid(&room), NGX_DECLINED, "can't be said");

    memcpy(copy, name, sizeof(name));
    room.len--;
    ok(!ngx_chat_room_is_direct(&room), "too short");

    free(copy);
}


static ngx_chat_err_e
may(const char *id, ngx_uint_t guest, ngx_chat_action_e action,
    ngx_str_t *room)
{
    ngx_chat_user_t  user;

    memset(&user, 0, sizeof(user));

    user.id = str(id);
    user.guest = guest;

    return ngx_chat_policy_rank(&user, guest ? NGX_CHAT_RANK_GUEST
                                             : NGX_CHAT_RANK_OWNER,
                                action, room);
}


static void
test_who(void)
{
    u_char            name[NGX_CHAT_DIRECT_LEN];
    ngx_str_t         ann, bob, room;
    ngx_uint_t        i, wrong;
    ngx_chat_user_t   user;

    ngx_str_t  rooms[] = { ngx_string("lobby"), ngx_string("~d.*") };

    ann = str("ann");
    bob = str("~gbob");

    (void) ngx_chat_direct_name(name, &ann, &bob);
    room.data = name;
    room.len = sizeof(name);

    ok(may("ann", 0, NGX_CHAT_MAY_SEND, &room) == NGX_CHAT_OK, "one");
    ok(may("~gbob", 0, NGX_CHAT_MAY_READ, &room) == NGX_CHAT_OK, "the other");
    ok(may("~gbob", 1, NGX_CHAT_MAY_READ, &room) == NGX_CHAT_E_FORBIDDEN,
       "but not as a guest");

    wrong = 0;

    for (i = NGX_CHAT_MAY_JOIN; i < NGX_CHAT_MAY_LAST; i++) {
        wrong += (may("carl", 0, i, &room) != NGX_CHAT_E_NOT_FOUND);
    }

    is_int(wrong, 0, "nobody else, an owner neither");

    ok(may("ann", 0, NGX_CHAT_MAY_KICK, &room) == NGX_CHAT_E_FORBIDDEN
       && may("ann", 0, NGX_CHAT_MAY_ROOM, &room) == NGX_CHAT_E_FORBIDDEN
       && may("ann", 0, NGX_CHAT_MAY_DELETE_ANY, &room)
          == NGX_CHAT_E_FORBIDDEN, "no moderators");

    memset(&user, 0, sizeof(user));
    user.id = ann;
    user.confined = 1;
    user.rooms.names = rooms;
    user.rooms.n = 1;

    ok(ngx_chat_policy(&user, NGX_CHAT_MAY_SEND, &room)
       == NGX_CHAT_E_FORBIDDEN, "a token for other rooms");

    user.rooms.n = 2;
    ok(ngx_chat_policy(&user, NGX_CHAT_MAY_SEND, &room) == NGX_CHAT_OK,
       "one for these, too");
}


int
main(void)
{
    test_names();
    test_who();

    return done();
}
