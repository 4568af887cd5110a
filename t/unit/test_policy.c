
/*
 * Copyright (C) the ngx_chat_module authors
 */


#include "unit.h"
#include "ngx_chat_policy.h"


static ngx_chat_user_t
someone(ngx_str_t *roles, ngx_uint_t nroles, ngx_str_t *rooms,
    ngx_uint_t nrooms)
{
    ngx_chat_user_t  user;

    ngx_memzero(&user, sizeof(ngx_chat_user_t));

    ngx_str_set(&user.id, "ann");
    ngx_str_set(&user.name, "Ann");

    user.roles.n = nroles;
    user.roles.names = roles;
    user.rooms.n = nrooms;
    user.rooms.names = rooms;
    user.confined = (rooms != NULL);

    return user;
}


static ngx_chat_err_e
may(ngx_chat_user_t *user, const char *name)
{
    ngx_str_t  room;

    room.data = (u_char *) name;
    room.len = strlen(name);

    return ngx_chat_policy(user, NGX_CHAT_MAY_READ, &room);
}


static void
test_rooms(void)
{
    ngx_chat_user_t  user;

    ngx_str_t  rooms[] = { ngx_string("lobby"), ngx_string("team-*-x") };

    user = someone(NULL, 0, NULL, 0);

    ok(may(&user, "anything") == NGX_CHAT_OK, "rooms are public");
    ok(may(&user, "~audit") == NGX_CHAT_E_NOT_FOUND, "the server's are not");

    user = someone(NULL, 0, rooms, 2);

    ok(may(&user, "lobby") == NGX_CHAT_OK, "a room that is named");
    ok(may(&user, "team-a-b-x") == NGX_CHAT_OK, "one of a pattern");
    ok(may(&user, "team-a-b-y") == NGX_CHAT_E_FORBIDDEN, "not of it");
    ok(may(&user, "lobby2") == NGX_CHAT_E_FORBIDDEN, "the whole name counts");
    ok(may(&user, "~lobby") == NGX_CHAT_E_NOT_FOUND, "the server's, named");

    user = someone(NULL, 0, rooms, 0);
    ok(may(&user, "lobby") == NGX_CHAT_E_FORBIDDEN, "an empty list is none");

    user.id.len = 0;
    ok(may(&user, "lobby") == NGX_CHAT_E_UNAUTHORIZED, "nobody");
}


static void
test_copy(void)
{
    u_char           *memory;
    ngx_chat_user_t   user, copy;

    ngx_str_t  roles[] = { ngx_string("admin"), ngx_string("editor") };
    ngx_str_t  rooms[] = { ngx_string("a*") };
    ngx_str_t  editor = ngx_string("editor");
    ngx_str_t  edit = ngx_string("edit");

    user = someone(roles, 2, rooms, 1);

    memory = malloc(ngx_chat_user_size(&user));
    ngx_chat_user_copy(&copy, &user, memory);

    ok(copy.id.len == 3 && copy.id.data != user.id.data
       && ngx_memcmp(copy.id.data, "ann", 3) == 0, "the id is copied");
    ok(copy.name.len == 3 && ngx_memcmp(copy.name.data, "Ann", 3) == 0,
       "the name is copied");
    ok((void *) copy.roles.names == (void *) memory
       && copy.rooms.names != rooms, "the lists are its own");
    ok(ngx_chat_user_has_role(&copy, &editor), "a role that it has");
    ok(!ngx_chat_user_has_role(&copy, &edit), "a role that it has not");
    ok(may(&copy, "abc") == NGX_CHAT_OK, "its rooms");
    ok(may(&copy, "b") == NGX_CHAT_E_FORBIDDEN, "not its rooms");

    free(memory);

    user = someone(NULL, 0, NULL, 0);
    user.name.len = 0;

    memory = malloc(ngx_chat_user_size(&user));
    ngx_chat_user_copy(&copy, &user, memory);

    ok(copy.id.len == 3 && copy.name.len == 0 && copy.roles.n == 0
       && (void *) copy.roles.names == (void *) memory,
       "a user without anything");

    free(memory);
}


static ngx_chat_err_e
may_do(ngx_chat_user_t *user, ngx_chat_action_e action, const char *name)
{
    ngx_str_t  room;

    room.data = (u_char *) name;
    room.len = strlen(name);

    return ngx_chat_policy(user, action, &room);
}


static void
test_allow(void)
{
    ngx_array_t      lines;
    ngx_chat_user_t  guest, member, vip, moderator;

    ngx_str_t  vips[] = { ngx_string("vip") };
    ngx_str_t  moderators[] = { ngx_string("x"), ngx_string("moderator") };

    ngx_chat_allow_t  allow[] = {
        { ngx_string("vip"), 0, 1 << NGX_CHAT_MAY_READ,
          ngx_string("vip-*") },
        { ngx_string("member"), NGX_CHAT_RANK_MEMBER,
          1 << NGX_CHAT_MAY_SEND, ngx_string("*") },
        { ngx_string("owner"), NGX_CHAT_RANK_OWNER,
          1 << NGX_CHAT_MAY_READ, ngx_string("vip-*") },
        { ngx_string("guest"), NGX_CHAT_RANK_GUEST,
          1 << NGX_CHAT_MAY_READ, ngx_string("*") }
    };

    lines.elts = allow;
    lines.nelts = 4;

    member = someone(NULL, 0, NULL, 0);
    guest = member;
    guest.guest = 1;
    vip = someone(vips, 1, NULL, 0);
    moderator = someone(moderators, 2, NULL, 0);

    is_int(ngx_chat_user_rank(&guest), 10, "a guest");
    is_int(ngx_chat_user_rank(&member), 20, "a member");
    is_int(ngx_chat_user_rank(&vip), 20, "a role without a rank");
    is_int(ngx_chat_user_rank(&moderator), 30, "the highest of some");

    ok(may_do(&guest, NGX_CHAT_MAY_SEND, "a") == NGX_CHAT_OK, "no lines");

    guest.allow = member.allow = vip.allow = moderator.allow = &lines;

    ok(may_do(&guest, NGX_CHAT_MAY_SEND, "a") == NGX_CHAT_E_FORBIDDEN,
       "a lower rank");
    ok(may_do(&member, NGX_CHAT_MAY_SEND, "a") == NGX_CHAT_OK, "the rank");
    ok(may_do(&moderator, NGX_CHAT_MAY_SEND, "a") == NGX_CHAT_OK,
       "a higher one");
    ok(may_do(&guest, NGX_CHAT_MAY_READ, "a") == NGX_CHAT_OK,
       "another pattern");
    ok(may_do(&guest, NGX_CHAT_MAY_HISTORY, "a") == NGX_CHAT_OK,
       "an action without lines");
    ok(may_do(&moderator, NGX_CHAT_MAY_READ, "vip-a") == NGX_CHAT_E_FORBIDDEN,
       "a rank instead of a name");
    ok(may_do(&vip, NGX_CHAT_MAY_READ, "vip-a") == NGX_CHAT_OK, "the name");
    ok(may_do(&vip, NGX_CHAT_MAY_SEND, "vip-a") == NGX_CHAT_OK,
       "what needs reading");
    ok(may_do(&member, NGX_CHAT_MAY_SEND, "vip-a") == NGX_CHAT_E_FORBIDDEN,
       "and hasn't got it");
    ok(may_do(&guest, NGX_CHAT_MAY_CONNECT, "") == NGX_CHAT_OK, "connect");
}


int
main(void)
{
    test_rooms();
    test_copy();
    test_allow();

    return done();
}
