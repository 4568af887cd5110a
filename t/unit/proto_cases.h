
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * Commands and their outcomes, for test_proto.c.  An outcome is "TYPE REPLY_TO
 * ok" or "TYPE REPLY_TO CODE:FIELD", one for each command, joined by "; ".
 * What is wrong with the whole text is "CODE:FIELD".
 */


#ifndef _PROTO_CASES_H_INCLUDED_
#define _PROTO_CASES_H_INCLUDED_


typedef struct {
    const char   *json;
    const char   *want;
} proto_case_t;


static const proto_case_t  cases[] = {

    /* the text as a whole */

    { "", "bad_request:-" },
    { "  ", "bad_request:-" },
    { "x", "bad_request:-" },
    { "{", "bad_request:-" },
    { "1", "bad_request:-" },
    { "\"ping\"", "bad_request:-" },
    { "null", "bad_request:-" },
    { "true", "bad_request:-" },
    { "[]", "bad_request:-" },
    { " [ ] ", "bad_request:-" },
    { "{\"type\":\"ping\"}x", "bad_request:-" },
    { "{\"type\":\"ping\"}{\"type\":\"ping\"}", "bad_request:-" },
    { "{\"type\":\"ping\"}\n{\"type\":\"ping\"}", "bad_request:-" },
    { "{\"type\":\"ping\",}", "bad_request:-" },
    { "{'type':'ping'}", "bad_request:-" },
    { "\xef\xbb\xbf{\"type\":\"ping\"}", "bad_request:-" },
    { "{\"type\":\"ping\",\"x\":\"\xff\"}", "bad_request:-" },
    { "{\"type\":\"ping\",\"x\":\"\xed\xa0\x80\"}", "bad_request:-" },
    { "{\"type\":\"ping\",\"x\":\"\n\"}", "bad_request:-" },
    { "[{\"type\":\"ping\"},{\"type\":\"ping\"]", "bad_request:-" },
    { "[{\"type\":\"ping\",\"id\":1},]", "bad_request:-" },

    /* type */

    { "{}", "- - bad_request:type" },
    { "{\"id\":1}", "- 1 bad_request:type" },
    { "{\"type\":1,\"id\":1}", "- 1 bad_request:type" },
    { "{\"type\":null,\"id\":\"a\"}", "- \"a\" bad_request:type" },
    { "{\"type\":[\"ping\"]}", "- - bad_request:type" },
    { "{\"type\":{\"type\":\"ping\"}}", "- - bad_request:type" },
    { "{\"type\":\"ping\"}", "ping - ok" },
    { " { \"type\" : \"ping\" } ", "ping - ok" },
    { "{\"t\\u0079pe\":\"p\\u0069ng\",\"\\u0069d\":7}", "ping 7 ok" },
    { "{\"\\u0074\\u0079\\u0070\\u0065\":\"ping\"}", "ping - ok" },
    { "{\"type\":\"pong\",\"id\":1}", "pong 1 ok" },
    { "{\"type\":\"\",\"id\":1}", "unknown 1 ok" },
    { "{\"type\":\"Ping\",\"id\":1}", "unknown 1 ok" },
    { "{\"type\":\"pin\",\"id\":1}", "unknown 1 ok" },
    { "{\"type\":\"pings\",\"id\":1}", "unknown 1 ok" },
    { "{\"type\":\"welcome\",\"id\":1}", "unknown 1 ok" },
    { "{\"type\":\"ok\",\"id\":1}", "unknown 1 ok" },
    { "{\"Type\":\"ping\",\"id\":1}", "- 1 bad_request:type" },
    { "{\"type\":\"auth\",\"id\":1}", "auth 1 bad_request:token" },
    { "{\"type\":\"signal\",\"id\":1}", "signal 1 bad_request:room" },
    { "{\"type\":\"signal\",\"id\":1,\"room\":\"a\"}",
      "signal 1 bad_request:name" },
    { "{\"type\":\"signal\",\"id\":1,\"room\":\"a\",\"name\":\"n\"}",
      "signal 1 ok" },
    { "{\"type\":\"typing\",\"id\":1}", "typing 1 bad_request:room" },
    { "{\"type\":\"typing\",\"id\":1,\"room\":\"a\"}",
      "typing 1 bad_request:on" },
    { "{\"type\":\"typing\",\"id\":1,\"room\":\"a\",\"on\":1}",
      "typing 1 bad_request:on" },
    { "{\"type\":\"typing\",\"id\":1,\"room\":\"a\",\"on\":false}",
      "typing 1 ok" },
    { "{\"type\":\"members\",\"id\":1}", "members 1 bad_request:room" },
    { "{\"type\":\"members\",\"id\":1,\"room\":\"a\",\"limit\":0}",
      "members 1 bad_request:limit" },
    { "{\"type\":\"members\",\"id\":1,\"room\":\"a\",\"next\":1}",
      "members 1 bad_request:next" },
    { "{\"type\":\"members\",\"id\":1,\"room\":\"a\",\"limit\":9999,"
      "\"next\":\"1-2-3\"}", "members 1 ok" },
    { "{\"type\":\"read\",\"id\":1}", "read 1 bad_request:room" },
    { "{\"type\":\"read\",\"id\":1,\"room\":\"a\"}",
      "read 1 bad_request:upto" },
    { "{\"type\":\"read\",\"id\":1,\"room\":\"a\",\"upto\":\"0\"}",
      "read 1 ok" },
    { "{\"type\":\"unread\",\"id\":1}", "unread 1 ok" },
    { "{\"type\":\"rooms\",\"id\":1,\"limit\":0}", "rooms 1 bad_request:limit" },
    { "{\"type\":\"disconnect\",\"id\":1}", "disconnect 1 bad_request:user" },
    { "{\"type\":\"export\",\"id\":1,\"user\":\"a\"}", "export 1 ok" },
    { "{\"type\":\"erase\",\"id\":1,\"user\":7}", "erase 1 bad_request:user" },
    { "{\"type\":\"unread\",\"id\":1,\"rooms\":[]}",
      "unread 1 bad_request:rooms" },
    { "{\"type\":\"unread\",\"id\":1,\"rooms\":[\"a\",7]}",
      "unread 1 bad_request:rooms" },
    { "{\"type\":\"unread\",\"id\":1,\"rooms\":[\"a\",\"b c\"]}",
      "unread 1 ok" },
    { "{\"type\":\"edit\",\"id\":1}", "edit 1 bad_request:room" },
    { "{\"type\":\"edit\",\"id\":1,\"room\":\"a\"}",
      "edit 1 bad_request:target" },
    { "{\"type\":\"edit\",\"id\":1,\"room\":\"a\","
      "\"target\":\"0123456789-1\"}", "edit 1 bad_request:text" },
    { "{\"type\":\"delete\",\"id\":1,\"room\":\"a\","
      "\"target\":\"0123456789-1\"}", "delete 1 ok" },
    { "{\"type\":\"react\",\"id\":1,\"room\":\"a\","
      "\"target\":\"0123456789-1\",\"emoji\":\"\\u202e\",\"on\":true}",
      "react 1 bad_request:emoji" },
    { "{\"type\":\"react\",\"id\":1,\"room\":\"a\","
      "\"target\":\"0123456789-1\",\"emoji\":\"+1\",\"on\":true}",
      "react 1 ok" },
    { "{\"type\":\"direct\",\"id\":1}", "direct 1 bad_request:to" },
    { "{\"type\":\"direct\",\"id\":1,\"to\":7}",
      "direct 1 bad_request:to" },
    { "{\"type\":\"direct\",\"id\":1,\"to\":\"a b\"}",
      "direct 1 bad_request:to" },
    { "{\"type\":\"direct\",\"id\":1,\"to\":\"~gabc\"}", "direct 1 ok" },

    /* moderators */

    { "{\"type\":\"invite\",\"id\":1,\"room\":\"r\"}",
      "invite 1 bad_request:user" },
    { "{\"type\":\"uninvite\",\"id\":1,\"user\":\"u\"}",
      "uninvite 1 bad_request:room" },
    { "{\"type\":\"uninvite\",\"id\":1,\"user\":\"u\",\"room\":\"r\"}",
      "uninvite 1 ok" },
    { "{\"type\":\"block\",\"id\":1}", "block 1 bad_request:user" },
    { "{\"type\":\"unblock\",\"id\":1,\"user\":\"u v\"}",
      "unblock 1 bad_request:user" },
    { "{\"type\":\"blocks\",\"id\":1}", "blocks 1 ok" },
    { "{\"type\":\"rooms\",\"id\":1,\"limit\":0}",
      "rooms 1 bad_request:limit" },
    { "{\"type\":\"rooms\",\"id\":1,\"next\":\"-1\"}",
      "rooms 1 bad_request:next" },
    { "{\"type\":\"room\",\"id\":1,\"room\":\"r\",\"set\":{\"invite\":1}}",
      "room 1 bad_request:set" },
    { "{\"type\":\"room\",\"id\":1,\"room\":\"r\",\"set\":{\"send\":\"x\"}}",
      "room 1 bad_request:set" },
    { "{\"type\":\"room\",\"id\":1,\"room\":\"r\","
      "\"set\":{\"max_members\":0}}", "room 1 bad_request:set" },
    { "{\"type\":\"room\",\"id\":1,\"room\":\"r\",\"set\":{\"invite\":null,"
      "\"send\":\"owner\",\"max_members\":1000000}}", "room 1 ok" },
    { "{\"type\":\"room\",\"id\":1}",
      "room 1 bad_request:room" },
    { "{\"type\":\"room\",\"id\":1,\"room\":\"r\"}",
      "room 1 ok" },
    { "{\"type\":\"room\",\"id\":1,\"room\":\"r\",\"set\":{}}",
      "room 1 ok" },
    { "{\"type\":\"room\",\"id\":1,\"room\":\"r\",\"set\":[]}",
      "room 1 bad_request:set" },
    { "{\"type\":\"room\",\"id\":1,\"room\":\"r\",\"set\":{\"slow_ms\":0,\"locked\":false}}",
      "room 1 ok" },
    { "{\"type\":\"room\",\"id\":1,\"room\":\"r\",\"set\":{\"slow_ms\":\"1\"}}",
      "room 1 bad_request:set" },
    { "{\"type\":\"room\",\"id\":1,\"room\":\"r\",\"set\":{\"topic\":7}}",
      "room 1 bad_request:set" },
    { "{\"type\":\"room\",\"id\":1,\"room\":\"r\",\"set\":{\"topic\":null}}",
      "room 1 ok" },
    { "{\"type\":\"room\",\"id\":1,\"room\":\"r\",\"set\":{\"x_\":1}}",
      "room 1 bad_request:set" },
    { "{\"type\":\"room\",\"id\":1,\"room\":\"r\",\"set\":{\"x_a\":{\"b\":[1]}}}",
      "room 1 ok" },
    { "{\"type\":\"room\",\"id\":1,\"room\":\"r\",\"set\":{\"pinned\":[\"k3f9q2x0ab-0\"]}}",
      "room 1 bad_request:set" },
    { "{\"type\":\"kick\",\"id\":1,\"room\":\"r\"}",
      "kick 1 bad_request:user" },
    { "{\"type\":\"kick\",\"id\":1,\"user\":\"bob\"}",
      "kick 1 ok" },
    { "{\"type\":\"kick\",\"id\":1,\"user\":\"~gabc\",\"room\":\"~audit\"}",
      "kick 1 ok" },
    { "{\"type\":\"kick\",\"id\":1,\"user\":\"bob\",\"room\":\"~x\"}",
      "kick 1 bad_request:room" },
    { "{\"type\":\"ban\",\"id\":1,\"user\":\"bob\",\"for_ms\":0}",
      "ban 1 bad_request:for_ms" },
    { "{\"type\":\"ban\",\"id\":1,\"user\":\"bob\",\"purge_ms\":0}",
      "ban 1 bad_request:purge_ms" },
    { "{\"type\":\"ban\",\"id\":1,\"user\":\"bob\",\"address\":1}",
      "ban 1 bad_request:address" },
    { "{\"type\":\"ban\",\"id\":1,\"user\":\"bob\",\"for_ms\":9007199254740991}",
      "ban 1 ok" },
    { "{\"type\":\"unban\",\"id\":1,\"user\":\"\"}",
      "unban 1 bad_request:user" },
    { "{\"type\":\"mute\",\"id\":1,\"user\":\"bob\",\"reason\":7}",
      "mute 1 bad_request:reason" },
    { "{\"type\":\"unmute\",\"id\":1,\"user\":\"bob\"}",
      "unmute 1 ok" },
    { "{\"type\":\"role\",\"id\":1,\"user\":\"bob\",\"role\":\"owner\"}",
      "role 1 bad_request:room" },
    { "{\"type\":\"role\",\"id\":1,\"room\":\"r\",\"user\":\"bob\"}",
      "role 1 bad_request:role" },
    { "{\"type\":\"role\",\"id\":1,\"room\":\"r\",\"user\":\"bob\",\"role\":\"none\"}",
      "role 1 ok" },
    { "{\"type\":\"role\",\"id\":1,\"room\":\"r\",\"user\":\"bob\",\"role\":\"vip\"}",
      "role 1 bad_request:role" },
    { "{\"type\":\"revoke\",\"id\":1}",
      "revoke 1 bad_request:user" },
    { "{\"type\":\"revoke\",\"id\":1,\"user\":\"bob\"}",
      "revoke 1 ok" },
    { "{\"type\":\"revoke\",\"id\":1,\"session\":\"abc\"}",
      "revoke 1 bad_request:session" },
    { "{\"type\":\"revoke\",\"id\":1,\"jti\":\"\"}",
      "revoke 1 bad_request:jti" },
    { "{\"type\":\"revoke\",\"id\":1,\"jti\":\"x\",\"user\":\"bob\"}",
      "revoke 1 bad_request:jti" },
    { "{\"type\":\"revoke\",\"id\":1,\"jti\":\"x\"}",
      "revoke 1 ok" },

    /* id */

    { "{\"type\":\"ping\",\"id\":0}", "ping 0 ok" },
    { "{\"type\":\"ping\",\"id\":-0}", "ping 0 ok" },
    { "{\"type\":\"ping\",\"id\":9007199254740991}",
      "ping 9007199254740991 ok" },
    { "{\"type\":\"ping\",\"id\":9007199254740992}", "ping - bad_request:id" },
    { "{\"type\":\"ping\",\"id\":9007199254740993}", "ping - bad_request:id" },
    { "{\"type\":\"ping\",\"id\":99999999999999999999999999999999999999999}",
      "ping - bad_request:id" },
    { "{\"type\":\"ping\",\"id\":18446744073709551621}",
      "ping - bad_request:id" },
    { "{\"type\":\"ping\",\"id\":1844674407370955162.1e1}",
      "ping - bad_request:id" },
    { "{\"type\":\"ping\",\"\\u0169d\":{},\"id\":7}", "ping 7 ok" },
    { "{\"type\":\"ping\",\"id\":7,\"\\u0061bcdefghijklmnopqrstuvwxyz"
      "abcdefghijklmnopqrstuvwxyz\":1}", "ping 7 ok" },
    { "{\"type\":\"ping\",\"id\":1e999999999999}", "ping - bad_request:id" },
    { "{\"type\":\"ping\",\"id\":0e999999999999}", "ping 0 ok" },
    { "{\"type\":\"ping\",\"id\":1e-999999999999}", "ping - bad_request:id" },
    { "{\"type\":\"ping\",\"id\":1.0}", "ping 1 ok" },
    { "{\"type\":\"ping\",\"id\":1e3}", "ping 1000 ok" },
    { "{\"type\":\"ping\",\"id\":1E+3}", "ping 1000 ok" },
    { "{\"type\":\"ping\",\"id\":1200e-2}", "ping 12 ok" },
    { "{\"type\":\"ping\",\"id\":1.25e2}", "ping 125 ok" },
    { "{\"type\":\"ping\",\"id\":0.0}", "ping 0 ok" },
    { "{\"type\":\"ping\",\"id\":9007199254740990.9}",
      "ping - bad_request:id" },
    { "{\"type\":\"ping\",\"id\":0.9007199254740991e16}",
      "ping 9007199254740991 ok" },
    { "{\"type\":\"ping\",\"id\":90071992547409910e-1}",
      "ping 9007199254740991 ok" },
    { "{\"type\":\"ping\",\"id\":1.5}", "ping - bad_request:id" },
    { "{\"type\":\"ping\",\"id\":1e-1}", "ping - bad_request:id" },
    { "{\"type\":\"ping\",\"id\":-1}", "ping - bad_request:id" },
    { "{\"type\":\"ping\",\"id\":\"\"}", "ping - bad_request:id" },
    { "{\"type\":\"ping\",\"id\":\"a\"}", "ping \"a\" ok" },
    { "{\"type\":\"ping\",\"id\":\"1\"}", "ping \"1\" ok" },
    { "{\"type\":\"ping\",\"id\":\"\\u0061\\\"\\n\\u0001/\\/\"}",
      "ping \"a\\\"\\n\\u0001//\" ok" },
    { "{\"type\":\"ping\",\"id\":\"0123456789012345678901234567890123456789"
      "012345678901234567890123\"}",
      "ping \"0123456789012345678901234567890123456789012345678901234567890"
      "123\" ok" },
    { "{\"type\":\"ping\",\"id\":\"0123456789012345678901234567890123456789"
      "0123456789012345678901234\"}", "ping - bad_request:id" },
    { "{\"type\":\"ping\",\"id\":null}", "ping - bad_request:id" },
    { "{\"type\":\"ping\",\"id\":true}", "ping - bad_request:id" },
    { "{\"type\":\"ping\",\"id\":[1]}", "ping - bad_request:id" },
    { "{\"type\":\"ping\",\"id\":{}}", "ping - bad_request:id" },
    { "{\"type\":\"nothing\",\"id\":{}}", "unknown - bad_request:id" },

    /* what the grammar doesn't say, with the field and the id */

    { "{\"type\":\"ping\",\"id\":1,\"id\":2}", "ping - bad_request:id" },
    { "{\"type\":\"ping\",\"id\":1,\"\\u0069d\":2}", "ping - bad_request:id" },
    { "{\"type\":\"ping\",\"type\":\"ping\",\"id\":2}",
      "ping 2 bad_request:type" },
    { "{\"type\":\"ping\",\"id\":2,\"x\":1,\"x\":2}", "ping 2 bad_request:x" },
    { "{\"type\":\"ping\",\"id\":2,\"x\":[{\"a\":1,\"a\":1}]}",
      "ping 2 bad_request:x" },
    { "{\"type\":\"message\",\"id\":2,\"room\":\"a\",\"text\":\"a\",\"text\":"
      "\"b\"}", "message 2 bad_request:text" },
    { "{\"type\":\"message\",\"room\":\"a\",\"text\":\"\\ud800\",\"id\":2}",
      "message 2 bad_request:text" },
    { "{\"type\":\"message\",\"room\":\"a\",\"text\":\"\\udc00x\",\"id\":2}",
      "message 2 bad_request:text" },
    { "{\"type\":\"message\",\"room\":\"a\",\"text\":\"\\ud800\\ud800\","
      "\"id\":2}", "message 2 bad_request:text" },
    { "{\"type\":\"message\",\"room\":\"a\",\"text\":\"\\ud83d\\ude00\","
      "\"id\":2}", "message 2 ok" },
    { "{\"type\":\"message\",\"room\":\"a\",\"text\":\"a\\u0000\",\"id\":2}",
      "message 2 bad_request:text" },
    { "{\"type\":\"message\",\"room\":\"a\",\"text\":\"a\\u0001\\u007f\","
      "\"id\":2}", "message 2 ok" },
    { "{\"type\":\"message\",\"room\":\"\\ud800\",\"text\":\"a\",\"id\":2}",
      "message 2 bad_request:room" },
    { "{\"type\":\"message\",\"room\":\"a\",\"data\":{\"a\":1,\"a\":2},"
      "\"id\":2}", "message 2 bad_request:data" },
    { "{\"type\":\"message\",\"room\":\"a\",\"data\":{\"a\\u0000\":1},"
      "\"id\":2}", "message 2 bad_request:data" },
    { "{\"type\":\"message\",\"room\":\"a\",\"data\":[\"\\udfff\"],\"id\":2}",
      "message 2 bad_request:data" },
    { "{\"type\":\"message\",\"room\":\"a\",\"mentions\":[\"\\ud800\"],"
      "\"text\":\"a\",\"id\":2}", "message 2 bad_request:mentions" },
    { "{\"type\":\"\\ud800\",\"id\":2}", "- 2 bad_request:type" },
    { "{\"type\":\"ping\",\"id\":\"\\ud800\"}", "ping - bad_request:id" },
    { "{\"type\":\"ping\",\"id\":2,\"\\ud800\":1}", "ping 2 bad_request:-" },
    { "{\"type\":\"ping\",\"id\":2,\"\":\"\\ud800\"}", "ping 2 bad_request:-" },
    { "{\"type\":\"ping\",\"id\":2,\"x_y\":\"\\u0000\"}",
      "ping 2 bad_request:x_y" },
    { "{\"type\":\"message\",\"room\":\"a\",\"text\":\"a\",\"data\":1e999,"
      "\"id\":2}", "message 2 bad_request:data" },
    { "{\"type\":\"message\",\"room\":\"a\",\"text\":\"a\",\"data\":[-1e+999],"
      "\"id\":2}", "message 2 bad_request:data" },
    { "{\"type\":\"ping\",\"x\":1e999,\"id\":2}", "ping 2 bad_request:x" },

    /* batches */

    { "[{\"type\":\"ping\",\"id\":1},{\"type\":\"pong\",\"id\":\"2\"}]",
      "ping 1 ok; pong \"2\" ok" },
    { " [ { \"type\" : \"ping\" } , 1 , null, \"x\", [ ], [{}] , { } ] ",
      "ping - ok; - - bad_request:-; - - bad_request:-; - - bad_request:-; "
      "- - bad_request:-; - - bad_request:-; - - bad_request:type" },
    { "[{\"type\":\"ping\",\"id\":1,\"x\":\"\\ud800\"},{\"type\":\"ping\","
      "\"id\":2}]", "ping 1 bad_request:x; ping 2 ok" },
    { "[{\"type\":\"message\",\"id\":1},{\"type\":\"ping\",\"id\":2}]",
      "message 1 bad_request:room; ping 2 ok" },

    /* hello */

    { "{\"type\":\"hello\"}", "hello - ok" },
    { "{\"type\":\"hello\",\"client\":\"a/1\",\"token\":\"t\",\"batch\":true,"
      "\"heartbeat\":false,\"id\":1}", "hello 1 ok" },
    { "{\"type\":\"hello\",\"client\":1}", "hello - bad_request:client" },
    { "{\"type\":\"hello\",\"token\":null}", "hello - bad_request:token" },
    { "{\"type\":\"hello\",\"batch\":1}", "hello - bad_request:batch" },
    { "{\"type\":\"hello\",\"batch\":\"true\"}", "hello - bad_request:batch" },
    { "{\"type\":\"hello\",\"heartbeat\":null}",
      "hello - bad_request:heartbeat" },
    { "{\"type\":\"hello\",\"client\":\"0123456789012345678901234567890123456"
      "789012345678901234567890123\"}", "hello - ok" },
    { "{\"type\":\"hello\",\"client\":\"0123456789012345678901234567890123456"
      "7890123456789012345678901234\"}", "hello - bad_request:client" },
    { "{\"type\":\"hello\",\"name\":\"Ann\"}", "hello - ok" },
    { "{\"type\":\"hello\",\"name\":\" A\\u006en   of\\tEly\"}",
      "hello - bad_request:name" },
    { "{\"type\":\"hello\",\"name\":\"\"}", "hello - bad_request:name" },
    { "{\"type\":\"hello\",\"name\":\"  \"}", "hello - bad_request:name" },
    { "{\"type\":\"hello\",\"name\":null}", "hello - bad_request:name" },
    { "{\"type\":\"hello\",\"name\":7}", "hello - bad_request:name" },
    { "{\"type\":\"hello\",\"name\":\"a\\u202eb\"}",
      "hello - bad_request:name" },
    { "{\"type\":\"hello\",\"name\":\"e\\u0301\\u0301\\u0301\"}",
      "hello - ok" },
    { "{\"type\":\"hello\",\"name\":\"e\\u0301\\u0301\\u0301\\u0301\"}",
      "hello - bad_request:name" },
    { "{\"type\":\"hello\",\"name\":\"0123456789012345678901234567890123456"
      "789012345678901234567890123\"}", "hello - ok" },
    { "{\"type\":\"hello\",\"name\":\"0123456789012345678901234567890123456"
      "7890123456789012345678901234\"}", "hello - bad_request:name" },
    { "{\"type\":\"hello\",\"name\":\"a\",\"n\\u0061me\":\"b\"}",
      "hello - bad_request:name" },
    { "{\"type\":\"message\",\"room\":\"r\",\"text\":\"t\",\"name\":7}",
      "message - ok" },

    /* ping: members that it doesn't use */

    { "{\"type\":\"ping\",\"id\":1,\"room\":7,\"text\":null,\"data\":1,"
      "\"after\":[],\"limit\":\"x\",\"rooms\":1,\"batch\":9,\"ts\":\"x\"}",
      "ping 1 ok" },

    /* join */

    { "{\"type\":\"join\",\"id\":1,\"room\":\"lobby\"}", "join 1 ok" },
    { "{\"type\":\"join\",\"id\":1,\"room\":\"lobby\",\"after\":"
      "\"k3f9q2x0ab-41\",\"last\":50,\"presence\":true}", "join 1 ok" },
    { "{\"type\":\"join\",\"id\":1}", "join 1 bad_request:room" },
    { "{\"type\":\"join\",\"id\":1,\"room\":7}", "join 1 bad_request:room" },
    { "{\"type\":\"join\",\"id\":1,\"room\":\"\"}", "join 1 bad_request:room" },
    { "{\"type\":\"join\",\"id\":1,\"room\":\"a b\"}",
      "join 1 bad_request:room" },
    { "{\"type\":\"join\",\"id\":1,\"room\":\"~x\"}",
      "join 1 bad_request:room" },
    { "{\"type\":\"join\",\"id\":1,\"room\":\"a\\u0020b\"}",
      "join 1 bad_request:room" },
    { "{\"type\":\"join\",\"id\":1,\"room\":\"\\u00e9\"}", "join 1 ok" },
    { "{\"type\":\"join\",\"id\":1,\"room\":\"a\",\"after\":\"0\"}",
      "join 1 ok" },
    { "{\"type\":\"join\",\"id\":1,\"room\":\"a\",\"after\":"
      "\"k3f9q2x0ab-0\"}", "join 1 ok" },
    { "{\"type\":\"join\",\"id\":1,\"room\":\"a\",\"after\":\"x\"}",
      "join 1 bad_request:after" },
    { "{\"type\":\"join\",\"id\":1,\"room\":\"a\",\"after\":\"\"}",
      "join 1 bad_request:after" },
    { "{\"type\":\"join\",\"id\":1,\"room\":\"a\",\"after\":0}",
      "join 1 bad_request:after" },
    { "{\"type\":\"join\",\"id\":1,\"room\":\"a\",\"after\":null}",
      "join 1 bad_request:after" },
    { "{\"type\":\"join\",\"id\":1,\"room\":\"a\",\"last\":0}", "join 1 ok" },
    { "{\"type\":\"join\",\"id\":1,\"room\":\"a\",\"last\":1e300}",
      "join 1 ok" },
    { "{\"type\":\"join\",\"id\":1,\"room\":\"a\",\"last\":-1}",
      "join 1 bad_request:last" },
    { "{\"type\":\"join\",\"id\":1,\"room\":\"a\",\"last\":1.5}",
      "join 1 bad_request:last" },
    { "{\"type\":\"join\",\"id\":1,\"room\":\"a\",\"last\":\"5\"}",
      "join 1 bad_request:last" },
    { "{\"type\":\"join\",\"id\":1,\"room\":\"a\",\"last\":null}",
      "join 1 bad_request:last" },
    { "{\"type\":\"join\",\"id\":1,\"room\":\"a\",\"presence\":1}",
      "join 1 bad_request:presence" },
    { "{\"type\":\"join\",\"id\":1,\"rooms\":[{\"room\":\"a\"}]}",
      "join 1 ok" },
    { "{\"type\":\"join\",\"id\":1,\"rooms\":[{\"room\":\"a b\"}]}",
      "join 1 ok" },
    { "{\"type\":\"join\",\"id\":1,\"rooms\":[{}]}", "join 1 ok" },
    { "{\"type\":\"join\",\"id\":1,\"rooms\":[]}", "join 1 bad_request:rooms" },
    { "{\"type\":\"join\",\"id\":1,\"rooms\":{}}", "join 1 bad_request:rooms" },
    { "{\"type\":\"join\",\"id\":1,\"rooms\":null}",
      "join 1 bad_request:rooms" },
    { "{\"type\":\"join\",\"id\":1,\"rooms\":\"a\"}",
      "join 1 bad_request:rooms" },
    { "{\"type\":\"join\",\"id\":1,\"rooms\":[\"a\"]}",
      "join 1 bad_request:rooms" },
    { "{\"type\":\"join\",\"id\":1,\"rooms\":[{\"room\":\"a\"},null]}",
      "join 1 bad_request:rooms" },
    { "{\"type\":\"join\",\"id\":1,\"rooms\":[{\"room\":\"a\"}],\"room\":"
      "\"a\"}", "join 1 bad_request:rooms" },
    { "{\"type\":\"join\",\"id\":1,\"rooms\":[{\"room\":\"a\"}],\"presence\":"
      "2}", "join 1 bad_request:presence" },
    { "{\"type\":\"join\",\"id\":1,\"rooms\":[{\"room\":\"a\"}],\"after\":2,"
      "\"last\":\"x\"}", "join 1 ok" },
    { "{\"type\":\"join\",\"id\":1,\"rooms\":[{\"room\":\"a\",\"room\":"
      "\"a\"}]}", "join 1 bad_request:rooms" },

    /* leave */

    { "{\"type\":\"leave\",\"id\":4,\"room\":\"lobby\"}", "leave 4 ok" },
    { "{\"type\":\"leave\",\"id\":4}", "leave 4 bad_request:room" },
    { "{\"type\":\"leave\",\"id\":4,\"room\":\"a/b\"}",
      "leave 4 bad_request:room" },
    { "{\"type\":\"leave\",\"id\":4,\"room\":\"a\",\"after\":1}",
      "leave 4 ok" },

    /* message */

    { "{\"type\":\"message\",\"id\":2,\"room\":\"a\",\"text\":\"x\"}",
      "message 2 ok" },
    { "{\"type\":\"message\",\"id\":2,\"room\":\"a\",\"text\":\"x\",\"nonce\":"
      "\"12345678\",\"data\":{},\"thread\":\"k3f9q2x0ab-41\",\"mentions\":"
      "[\"bob\"]}", "message 2 ok" },
    { "{\"type\":\"message\",\"id\":2,\"room\":\"a\"}",
      "message 2 bad_request:text" },
    { "{\"type\":\"message\",\"id\":2,\"room\":\"a\",\"text\":\"\"}",
      "message 2 bad_request:text" },
    { "{\"type\":\"message\",\"id\":2,\"room\":\"a\",\"text\":\"\",\"data\":1}",
      "message 2 ok" },
    { "{\"type\":\"message\",\"id\":2,\"room\":\"a\",\"data\":null}",
      "message 2 ok" },
    { "{\"type\":\"message\",\"id\":2,\"room\":\"a\",\"text\":null,\"data\":1}",
      "message 2 bad_request:text" },
    { "{\"type\":\"message\",\"id\":2,\"room\":\"a\",\"text\":7}",
      "message 2 bad_request:text" },
    { "{\"type\":\"message\",\"id\":2,\"room\":\"a\",\"text\":[\"x\"]}",
      "message 2 bad_request:text" },
    { "{\"type\":\"message\",\"id\":2,\"text\":\"x\"}",
      "message 2 bad_request:room" },
    { "{\"type\":\"message\",\"id\":2,\"room\":null,\"text\":\"x\"}",
      "message 2 bad_request:room" },
    { "{\"type\":\"message\",\"id\":2,\"room\":\"~d.x\",\"text\":\"x\"}",
      "message 2 bad_request:room" },
    { "{\"type\":\"message\",\"id\":2,\"room\":\"a\",\"text\":\"x\",\"nonce\":"
      "\"1234567\"}", "message 2 bad_request:nonce" },
    { "{\"type\":\"message\",\"id\":2,\"room\":\"a\",\"text\":\"x\",\"nonce\":"
      "\"\"}", "message 2 bad_request:nonce" },
    { "{\"type\":\"message\",\"id\":2,\"room\":\"a\",\"text\":\"x\",\"nonce\":"
      "12345678}", "message 2 bad_request:nonce" },
    { "{\"type\":\"message\",\"id\":2,\"room\":\"a\",\"text\":\"x\",\"nonce\":"
      "\"0123456789012345678901234567890123456789012345678901234567890123\"}",
      "message 2 ok" },
    { "{\"type\":\"message\",\"id\":2,\"room\":\"a\",\"text\":\"x\",\"nonce\":"
      "\"01234567890123456789012345678901234567890123456789012345678901234\"}",
      "message 2 bad_request:nonce" },
    { "{\"type\":\"message\",\"id\":2,\"room\":\"a\",\"text\":\"x\",\"thread\":"
      "\"0\"}", "message 2 bad_request:thread" },
    { "{\"type\":\"message\",\"id\":2,\"room\":\"a\",\"text\":\"x\",\"thread\":"
      "\"k3f9q2x0ab-0\"}", "message 2 bad_request:thread" },
    { "{\"type\":\"message\",\"id\":2,\"room\":\"a\",\"text\":\"x\",\"thread\":"
      "41}", "message 2 bad_request:thread" },
    { "{\"type\":\"message\",\"id\":2,\"room\":\"a\",\"text\":\"x\","
      "\"mentions\":[]}", "message 2 ok" },
    { "{\"type\":\"message\",\"id\":2,\"room\":\"a\",\"text\":\"x\","
      "\"mentions\":[\"bob\",\"~gabcdefghijklmnop\"]}", "message 2 ok" },
    { "{\"type\":\"message\",\"id\":2,\"room\":\"a\",\"text\":\"x\","
      "\"mentions\":\"bob\"}", "message 2 bad_request:mentions" },
    { "{\"type\":\"message\",\"id\":2,\"room\":\"a\",\"text\":\"x\","
      "\"mentions\":[1]}", "message 2 bad_request:mentions" },
    { "{\"type\":\"message\",\"id\":2,\"room\":\"a\",\"text\":\"x\","
      "\"mentions\":[\"bob smith\"]}", "message 2 bad_request:mentions" },
    { "{\"type\":\"message\",\"id\":2,\"room\":\"a\",\"text\":\"x\","
      "\"mentions\":[\"\"]}", "message 2 bad_request:mentions" },
    { "{\"type\":\"message\",\"id\":2,\"room\":\"a\",\"text\":\"x\","
      "\"ts\":\"x\",\"user\":7,\"by\":{},\"count\":[],\"n\":null,\"rev\":true,"
      "\"guest\":\"x\",\"via\":0,\"after\":1,\"limit\":0,\"x_app\":[1,2]}",
      "message 2 ok" },
    { "{\"type\":\"message\",\"id\":2,\"room\":\"a\",\"d\\u0061ta\":[ 1e300 , "
      "123456789012345678901234567890 ]}", "message 2 ok" },

    /* history */

    { "{\"type\":\"history\",\"id\":3,\"room\":\"a\"}", "history 3 ok" },
    { "{\"type\":\"history\",\"id\":3,\"room\":\"a\",\"before\":"
      "\"k3f9q2x0ab-41\",\"limit\":50}", "history 3 ok" },
    { "{\"type\":\"history\",\"id\":3,\"room\":\"a\",\"after\":\"0\","
      "\"limit\":1,\"raw\":true}", "history 3 ok" },
    { "{\"type\":\"history\",\"id\":3,\"room\":\"a\",\"before\":"
      "\"k3f9q2x0ab-41\",\"after\":\"k3f9q2x0ab-4\"}",
      "history 3 bad_request:before" },
    { "{\"type\":\"history\",\"id\":3,\"room\":\"a\",\"before\":\"41\"}",
      "history 3 bad_request:before" },
    { "{\"type\":\"history\",\"id\":3,\"room\":\"a\",\"after\":\"41\"}",
      "history 3 bad_request:after" },
    { "{\"type\":\"history\",\"id\":3,\"room\":\"a\",\"limit\":0}",
      "history 3 bad_request:limit" },
    { "{\"type\":\"history\",\"id\":3,\"room\":\"a\",\"limit\":-5}",
      "history 3 bad_request:limit" },
    { "{\"type\":\"history\",\"id\":3,\"room\":\"a\",\"limit\":0.5}",
      "history 3 bad_request:limit" },
    { "{\"type\":\"history\",\"id\":3,\"room\":\"a\",\"limit\":\"50\"}",
      "history 3 bad_request:limit" },
    { "{\"type\":\"history\",\"id\":3,\"room\":\"a\",\"limit\":1000}",
      "history 3 ok" },
    { "{\"type\":\"history\",\"id\":3,\"room\":\"a\",\"raw\":\"yes\"}",
      "history 3 bad_request:raw" },
    { "{\"type\":\"history\",\"id\":3}", "history 3 bad_request:room" },
    { "{\"type\":\"history\",\"id\":3,\"room\":\"a\",\"text\":1,\"last\":-1}",
      "history 3 ok" },

    { NULL, NULL }
};


#endif /* _PROTO_CASES_H_INCLUDED_ */
