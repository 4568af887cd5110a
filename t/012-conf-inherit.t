#!/usr/bin/perl

# What directives do where they are written, where they are inherited, and when
# they are not written at all.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;

run_tests();

__DATA__

=== TEST 1: nothing written: the defaults
--- chat
a: ws /chat/
a: recv {"type":"welcome","limits":{"text":4096,"frame":16384,"rooms":100,"replay":1000},"ping_ms":25000,"user":{"guest":true}}
let text = <<"x" x 4096>>
a: send {"type":"join","id":1,"room":"lobby"}
a: recv {"type":"joined"}
a: send {"type":"message","id":2,"room":"lobby","text":"$text"}
a: recv {"type":"ok","reply_to":2}
a: recv {"type":"message"}
a: send {"type":"message","id":3,"room":"lobby","text":"${text}x"}
a: recv {"type":"error","reply_to":3,"code":"too_large","field":"text"}
b: ws /chat/ header="Origin: http://other.example" status=403
c: get /chat-status
c: expect 200 {"rooms_max":"<< $_ >= 64 >>"}
--- allow_log
of origin



=== TEST 2: from http, server and location, the nearest counts
--- chat_http
chat_zone         zone=main:8m;
chat_max_rooms    main session=7;
chat_ping         7s;
chat_message_max  8k text=2k;
chat_replay_max   70;
--- config
chat_ping         6s;
location ^~ /inherits/ {
    chat        main;
    chat_guest  on;
}
--- chat_config
chat_ping         5s;
chat_message_max  16k;
chat_replay_max   5 8k;
--- chat
a: ws /chat/
a: recv {"type":"welcome","limits":{"text":4096,"frame":16384,"rooms":7,"replay":5},"ping_ms":5000}
b: ws /inherits/
b: recv {"type":"welcome","limits":{"text":2048,"frame":8192,"rooms":7,"replay":70},"ping_ms":6000}



=== TEST 3: a message may be no longer than the command
--- chat_config
chat_message_max  1k;
--- chat
a: ws /chat/lobby
a: recv {"type":"welcome","limits":{"text":1024,"frame":1024}}
a: recv {"type":"joined"}
let text = <<"x" x 900>>
a: send {"type":"message","id":1,"room":"lobby","text":"$text"}
a: recv {"type":"ok"}
a: recv {"type":"message"}
a: send {"type":"message","id":2,"room":"lobby","text":"$text$text"}
a: recv {"type":"closing","code":1009,"reconnect":false}
a: closed 1009



=== TEST 4: who users are: what a level says hides both of its parent's
--- config
chat_user  eve "name=Eve of Ely";
location ^~ /server/ {
    chat  main;
}
location ^~ /guests/ {
    chat        main;
    chat_guest  on;
}
--- chat_config
chat_user  ann;
--- chat
a: ws /server/
a: recv {"type":"welcome","user":{"id":"eve","name":"Eve of Ely"}}
b: ws /guests/
b: recv {"type":"welcome","user":{"id":"/^~g[a-z2-7]{16}$/","guest":true}}
c: ws /chat/
c: recv {"type":"welcome","user":{"id":"ann"}}
c: send {"type":"join","room":"lobby"}
c: recv {"type":"joined"}
c: send {"type":"message","room":"lobby","text":"who"}
c: recv {"type":"message","user":{"id":"ann","name":"<absent>"}}



=== TEST 5: lists of origins replace the inherited one
--- chat_http
chat_zone    zone=main:8m;
chat_origin  https://a.example;
--- config
location ^~ /inherits/ {
    chat        main;
    chat_guest  on;
}
--- chat_config
chat_origin  same https://b.example;
--- chat
a: ws /inherits/ header="Origin: https://a.example"
a: recv {"type":"welcome"}
b: ws /inherits/ header="Origin: https://b.example" status=403
c: ws /chat/ header="Origin: https://b.example"
c: recv {"type":"welcome"}
d: ws /chat/ header="Origin: https://a.example" status=403
--- allow_log
of origin



=== TEST 6: a room from chat_room, or from the rest of the path
--- chat_config
--- config
chat_room  $arg_room;
location = /one {
    chat        main;
    chat_guest  on;
    chat_room   lobby;
}
location /any {
    chat        main;
    chat_guest  on;
}
--- chat
a: ws /one
a: recv {"type":"welcome"}
a: recv {"type":"joined","room":"lobby"}
b: ws /any?room=hall
b: recv {"type":"welcome"}
b: recv {"type":"joined","room":"hall"}
c: ws /any
c: recv {"type":"welcome"}
c: none
d: ws /chat/hall?room=lobby
d: recv {"type":"welcome"}
d: recv {"type":"joined","room":"lobby"}



=== TEST 7: chat and raw rooms of one name are two
--- config
chat_guest   on;
chat_format  raw;
location ^~ /raw/ {
    chat  main;
}
--- chat_config
chat_format  chat;
--- chat
a: ws /chat/lobby
a: recv {"type":"welcome"}
a: recv {"type":"joined","head":0}
b: ws /raw/lobby
b: send anything
b: recv anything
a: none
d: get /chat/lobby
d: expect 200 {"type":"history","head":0}



=== TEST 8: rules of rooms: the first that matches
--- chat_http
chat_zone   zone=main:8m;
chat_rooms  main  quiet-*    history=0;
chat_rooms  main  *-short    history=2;
chat_rooms  main  closed-*   create=off;
chat_rooms  main  *-a-*-b    history=3;
--- chat
10 * p: post /chat/ [{"type":"message","room":"quiet-short","text":"m"},{"type":"message","room":"x-short","text":"m"},{"type":"message","room":"other","text":"m"},{"type":"message","room":"1-a-2-b","text":"m"},{"type":"message","room":"1-a-b","text":"m"}]
p: get /chat/quiet-short
p: expect 200 {"head":10,"first":11,"events":[],"more":false}
p: get /chat/x-short
p: expect 200 {"head":10,"first":9}
p: get /chat/1-a-2-b
p: expect 200 {"head":10,"first":8}
p: get /chat/1-a-b
p: expect 200 {"head":10,"first":1}
p: get /chat/other
p: expect 200 {"head":10,"first":1}
p: post /chat/ [{"type":"message","room":"closed-1","text":"m"}]
p: expect 200 [{"type":"error","code":"not_found"}]
a: ws /chat/closed-1
a: recv {"type":"welcome"}
a: recv {"type":"error","code":"not_found","room":"closed-1"}



=== TEST 9: rooms of a session, and of a zone
--- chat_http
chat_zone       zone=main:8m;
chat_max_rooms  main 3 session=2;
--- chat
a: ws /chat/
a: recv {"type":"welcome","limits":{"rooms":2}}
a: send {"type":"join","id":1,"rooms":[{"room":"one"},{"room":"two"},{"room":"three"}]}
a: recv {"type":"joined","room":"one"}
a: recv {"type":"joined","room":"two"}
a: recv {"type":"ok","reply_to":1,"failed":[{"room":"three","code":"too_many_rooms"}]}
b: ws /chat/
b: recv {"type":"welcome"}
b: send {"type":"join","id":1,"room":"three"}
b: recv {"type":"joined","room":"three"}
# each is followed, so that none can go for the fourth
b: send {"type":"join","id":2,"room":"four"}
b: recv {"type":"error","reply_to":2,"code":"full","temporary":true}
p: post /chat/ [{"type":"message","room":"four","text":"m"}]
p: expect 200 [{"type":"error","code":"full"}]
b: send {"type":"leave","id":3,"room":"three"}
b: recv {"type":"left"}
b: send {"type":"join","id":4,"room":"four"}
b: recv {"type":"joined","room":"four"}
p: get /chat-status
p: expect 200 {"rooms":3,"full_total":1}



=== TEST 10: a silent client is pinged, and dropped
--- chat_config
chat_ping          1s;
chat_ping_timeout  2s;
--- chat
a: ws /chat/ nopong
b: ws /chat/
a: recv {"type":"welcome"}
b: recv {"type":"welcome"}
a: recv_frame ping
b: recv_frame ping
b: frame pong
b: recv_frame ping
b: frame pong
a: end
# who answers stays
b: send {"type":"ping","id":1}
b: recv {"type":"pong"}
log /chat client has been silent for 2 s/



=== TEST 11: an "if" or a "limit_except" that is taken leaves the chat a chat
--- config
location ^~ /status/ {
    chat_status  main;
    if ($arg_x) {
        set  $y 1;
    }
}
--- chat_config
if ($arg_x) {
    set  $y 1;
}
limit_except GET POST {
    allow  all;
}
--- chat
a: ws /chat/lobby?x=1
a: recv {"type":"welcome","limits":{"text":4096}}
a: recv {"type":"joined","room":"lobby"}
p: post /chat/?x=1 [{"type":"message","room":"lobby","text":"hello","id":1}]
p: expect 200 [{"type":"ok"}]
a: recv {"text":"hello"}
p: get /chat/lobby?x=1
p: expect 200 {"type":"history"}
p: put /chat/lobby hello
p: expect 405 {"code":"bad_request"}
p: get /status/?x=1
p: expect 200 {"messages_total":1}
nolog /exited on signal/



=== TEST 12: a chat is no subrequest of another location
--- chat_config
--- config
location ^~ /mirrored/ {
    mirror  /chat/lobby;
}
location ^~ /asks/ {
    auth_request  /chat/lobby;
}
location ^~ /asks-status/ {
    auth_request  /chat-status;
}
--- chat
a: get /mirrored/ status=404 header="Upgrade: websocket" header="Connection: upgrade" header="Sec-WebSocket-Version: 13" header="Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
log /chat can't be a subrequest .* "\/chat\/lobby"/
a: get /asks/ status=403 header="Upgrade: websocket" header="Connection: upgrade" header="Sec-WebSocket-Version: 13" header="Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
a: get /asks/ status=403
a: get /asks-status/ status=404
a: get /chat-status
a: expect 200 {"sessions_total":0}
