#!/usr/bin/perl

# Directives of locations: what "nginx -t" takes, and what it says of everything
# else.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;

run_tests();

__DATA__

=== TEST 1: chat needs to know users
--- chat
accepted server location /chat/ { chat main; chat_guest on; }
accepted server location /chat/ { chat main; chat_user $remote_user; }
refused server location /chat/ { chat main; } => "chat" in location "/chat/" needs to know users: write "chat_guest on;" or "chat_user $variable;"
refused server location /chat/ { chat main; chat_guest off; } => "chat" in location "/chat/" needs to know users
refused server location /chat/ { chat main; chat_guest on; chat_user $remote_user; } => both "chat_guest on" and "chat_user" say who users are in location "/chat/", remove one
refused server chat_guest on; location /chat/ { chat main; chat_guest off; } => "chat" in location "/chat/" needs to know users
refused server chat_user $remote_user; location /chat/ { chat main; chat_guest off; } => "chat" in location "/chat/" needs to know users



=== TEST 2: chat
--- chat
refused server chat_guest on; location /chat/ { chat; } => invalid number of arguments in "chat" directive
refused server chat_guest on; location /chat/ { chat main other; } => invalid number of arguments in "chat" directive
refused server chat_guest on; location /chat/ { chat main; chat main; } => "chat" directive is duplicate
refused server chat_guest on; location /chat/ { chat main; chat_status main; } => "chat_status" directive can't be beside "chat" in one location
refused server chat_guest on; location /chat/ { chat_status main; chat main; } => "chat" directive can't be beside "chat_status" in one location
refused location chat_status; => invalid number of arguments in "chat_status" directive
refused location chat_status main; chat_status main; => "chat_status" directive is duplicate



=== TEST 3: a location whose path leaves no room
--- chat
refused server chat_guest on; location /chat { chat main; } => "chat" in location "/chat" can't take rooms from the rest of the path: write "location ^~ /chat/" (with a "/" at the end) or add "chat_room VALUE;"
refused server chat_guest on; location = /chat/ { chat main; } => "chat" in "location = /chat/" leaves no rest of the path for the room: write "location ^~ /chat/" or add "chat_room VALUE;"
refused server chat_guest on; location ~ /chat/ { chat main; } => "chat" in location "/chat/" can't take rooms from the rest of the path
refused server chat_guest on; location @chat { chat main; } => "chat" in location "@chat" can't take rooms from the rest of the path
accepted server chat_guest on; location = /chat { chat main; chat_room lobby; }
accepted server chat_guest on; location ~ /chat/ { chat main; chat_room lobby; }
accepted server chat_guest on; location @chat { chat main; chat_room lobby; }
accepted server chat_guest on; chat_room $arg_room; location /chat { chat main; }
refused chat chat_room a b; => invalid number of arguments in "chat_room" directive
refused chat chat_room a; chat_room b; => "chat_room" directive is duplicate
refused chat chat_room $nothing_sets_this; => unknown "nothing_sets_this" variable



=== TEST 4: regex locations that would take rooms away
--- chat
accepted server chat_guest on; location ~ \.php$ { } location /chat/ { chat main; } => regex locations of this server take rooms away from "location /chat/" with "chat": write "location ^~ /chat/" in
accepted server chat_guest on; location ~ \.php$ { } location ^~ /chat/ { chat main; }
accepted server chat_guest on; location ~ \.php$ { } location = /chat { chat main; chat_room lobby; }
accepted server chat_guest on; location /chat/ { chat main; }



=== TEST 5: chat_guest
--- chat
refused chat chat_guest; => invalid number of arguments in "chat_guest" directive
refused chat chat_guest perhaps; => invalid value "perhaps" in "chat_guest" directive, it must be "on" or "off"
refused chat chat_guest on; chat_guest on; => "chat_guest" directive is duplicate



=== TEST 6: chat_user with a value that clients choose
--- chat
refused chat chat_user $arg_user; => "chat_user $arg_user" lets any client be anybody, since clients choose this value: use a variable that an access module sets (auth_request_set), or write "chat_user $arg_user trusted;" if a proxy in front overwrites it
refused chat chat_user ${arg_user}; => "chat_user ${arg_user}" lets any client be anybody
refused chat chat_user $http_x_user; => "chat_user $http_x_user" lets any client be anybody
refused chat chat_user $HTTP_X_USER; => "chat_user $HTTP_X_USER" lets any client be anybody
refused chat chat_user $cookie_user; => "chat_user $cookie_user" lets any client be anybody
refused chat chat_user $request_uri; => "chat_user $request_uri" lets any client be anybody
refused chat chat_user $uri; => "chat_user $uri" lets any client be anybody
refused chat chat_user $args; => "chat_user $args" lets any client be anybody
refused chat chat_user $host; => "chat_user $host" lets any client be anybody
refused chat chat_user site-$remote_user-$arg_user; => lets any client be anybody
accepted chat chat_user $arg_user trusted;
accepted chat chat_user $remote_user;
accepted chat chat_user $ssl_client_s_dn name=$http_x_name;



=== TEST 7: chat_user
--- chat
accepted chat chat_user ann "name=Ann of Ely" trusted;
refused chat chat_user; => invalid number of arguments in "chat_user" directive
refused chat chat_user ann colour=red; => invalid parameter "colour=red" of "chat_user": known are "trusted" and name=
refused chat chat_user ann trusted trusted; => invalid parameter "trusted" of "chat_user": write it once
refused chat chat_user ann name=a name=b; => invalid parameter "name=b" of "chat_user": write it once
refused chat chat_user ann; chat_user bob; => "chat_user" directive is duplicate
refused chat chat_user $nothing_sets_this; => unknown "nothing_sets_this" variable



=== TEST 8: chat_format
--- chat
accepted chat chat_format chat;
accepted chat chat_format raw;
refused chat chat_format; => invalid number of arguments in "chat_format" directive
refused chat chat_format xml; => invalid parameter "xml" of "chat_format": write "chat_format chat;" or "chat_format raw;"
refused chat chat_format raw; chat_format raw; => "chat_format" directive is duplicate



=== TEST 9: chat_origin
--- chat
accepted chat chat_origin same;
accepted chat chat_origin any;
accepted chat chat_origin same https://a.example http://b.example:8080 https://*.c.example https://[::1]:8080;
refused chat chat_origin; => invalid number of arguments in "chat_origin" directive
refused chat chat_origin a.example; => invalid parameter "a.example" of "chat_origin": write "same", "any" or an origin such as "https://www.example.com" or "https://*.example.com"
refused chat chat_origin null; => invalid parameter "null" of "chat_origin": write "same", "any" or an origin
refused chat chat_origin ""; => invalid parameter "" of "chat_origin": write "same", "any" or an origin
refused chat chat_origin same *; => invalid parameter "*" of "chat_origin": write "same", "any" or an origin
refused chat chat_origin https://; => invalid parameter "https://" of "chat_origin": write "same", "any" or an origin
refused chat chat_origin https://a.example/; => invalid parameter "https://a.example/" of "chat_origin": an origin has no path and no "/" at its end
refused chat chat_origin https://a.example/chat; => invalid parameter "https://a.example/chat" of "chat_origin": an origin has no path and no "/" at its end
refused chat chat_origin https://*.*.example; => invalid parameter "https://*.*.example" of "chat_origin": write one "*" at most
refused chat chat_origin same; chat_origin any; => "chat_origin" directive is duplicate



=== TEST 10: chat_message_max
--- chat
accepted chat chat_message_max 1k;
accepted chat chat_message_max 512k;
accepted chat chat_message_max 8k text=8k;
accepted chat chat_message_max 8k text=1;
accepted server chat_message_max 512k text=100k; | chat chat_message_max 2k;
refused chat chat_message_max; => invalid number of arguments in "chat_message_max" directive
refused chat chat_message_max 1023; => invalid parameter "1023" of "chat_message_max": write a size of 1k to 512k
refused chat chat_message_max 513k; => invalid parameter "513k" of "chat_message_max": write a size of 1k to 512k
refused chat chat_message_max long; => invalid parameter "long" of "chat_message_max": write a size of 1k to 512k
refused chat chat_message_max 8k text=8193; => invalid parameter "text=8193" of "chat_message_max": write "text=SIZE", not more than the whole command
refused chat chat_message_max 8k text=0; => invalid parameter "text=0" of "chat_message_max": write "text=SIZE", not more than the whole command
refused chat chat_message_max 8k text=long; => write "text=SIZE", not more than the whole command
refused chat chat_message_max 8k 4k; => invalid parameter "4k" of "chat_message_max": write "text=SIZE"
refused chat chat_message_max 8k; chat_message_max 8k; => "chat_message_max" directive is duplicate



=== TEST 11: chat_replay_max
--- chat
accepted chat chat_replay_max 0;
accepted chat chat_replay_max 1000000 4k;
refused chat chat_replay_max; => invalid number of arguments in "chat_replay_max" directive
refused chat chat_replay_max -1; => invalid parameter "-1" of "chat_replay_max": write a number of events, 0 to 1000000
refused chat chat_replay_max 1000001; => invalid parameter "1000001" of "chat_replay_max": write a number of events, 0 to 1000000
refused chat chat_replay_max all; => invalid parameter "all" of "chat_replay_max": write a number of events, 0 to 1000000
refused chat chat_replay_max 10 4095; => invalid parameter "4095" of "chat_replay_max": write a size of at least 4k
refused chat chat_replay_max 10 big; => invalid parameter "big" of "chat_replay_max": write a size of at least 4k
refused chat chat_replay_max 1; chat_replay_max 1; => "chat_replay_max" directive is duplicate



=== TEST 12: times
--- chat
accepted chat chat_ping 1s; chat_ping_timeout 2s; chat_slow_timeout 1s; chat_drain 100ms;
accepted chat chat_ping 100s; chat_ping_timeout 24h; chat_slow_timeout 24h; chat_drain 1h;
refused chat chat_ping 0; => invalid parameter "0" of "chat_ping": write a time of 1s to 100s, "chat_ping 25s;"
refused chat chat_ping 101s; => invalid parameter "101s" of "chat_ping": write a time of 1s to 100s, "chat_ping 25s;"
refused chat chat_ping 30ms; => invalid parameter "30ms" of "chat_ping": write a time of 1s to 100s
refused chat chat_ping often; => invalid parameter "often" of "chat_ping": write a time of 1s to 100s
refused chat chat_ping_timeout 1s; => invalid parameter "1s" of "chat_ping_timeout": write a time of 2s to 24h, "chat_ping_timeout 60s;"
refused chat chat_ping_timeout 25h; => invalid parameter "25h" of "chat_ping_timeout": write a time of 2s to 24h
refused chat chat_slow_timeout 0; => invalid parameter "0" of "chat_slow_timeout": write a time of 1s to 24h, "chat_slow_timeout 30s;"
refused chat chat_slow_timeout 25h; => invalid parameter "25h" of "chat_slow_timeout": write a time of 1s to 24h
refused chat chat_drain 99ms; => invalid parameter "99ms" of "chat_drain": write a time of 100ms to 1h, "chat_drain 10s;"
refused chat chat_drain 61m; => invalid parameter "61m" of "chat_drain": write a time of 100ms to 1h
refused chat chat_drain never; => invalid parameter "never" of "chat_drain": write a time of 100ms to 1h
# where no chat uses it, too
refused http chat_ping 0; => invalid parameter "0" of "chat_ping": write a time of 1s to 100s



=== TEST 13: chat_sse_rooms
--- chat
accepted chat chat_sse_rooms 1;
accepted chat chat_sse_rooms 100;
refused chat chat_sse_rooms 0; => invalid parameter "0" of "chat_sse_rooms": write a number of rooms, 1 to 100, "chat_sse_rooms 32;"
refused chat chat_sse_rooms 101; => invalid parameter "101" of "chat_sse_rooms": write a number of rooms, 1 to 100
refused chat chat_sse_rooms all; => invalid parameter "all" of "chat_sse_rooms": write a number of rooms, 1 to 100
refused chat chat_sse_rooms 5; chat_sse_rooms 5; => "chat_sse_rooms" directive is duplicate



=== TEST 14: times that don't fit together, or are written twice
--- chat
refused chat chat_ping 60s; => "chat_ping_timeout" (60 s) must be more than "chat_ping" (60 s)
refused chat chat_ping_timeout 25s; => "chat_ping_timeout" (25 s) must be more than "chat_ping" (25 s)
refused server chat_ping 60s; | chat chat_ping_timeout 30s; => "chat_ping_timeout" (30 s) must be more than "chat_ping" (60 s)
refused chat chat_ping 5s; chat_ping 5s; => "chat_ping" directive is duplicate
refused chat chat_ping_timeout 5s; chat_ping_timeout 5s; => "chat_ping_timeout" directive is duplicate
refused chat chat_slow_timeout 5s; chat_slow_timeout 5s; => "chat_slow_timeout" directive is duplicate
refused chat chat_drain 5s; chat_drain 5s; => "chat_drain" directive is duplicate
refused chat chat_ping; => invalid number of arguments in "chat_ping" directive
refused chat chat_drain 5s 6s; => invalid number of arguments in "chat_drain" directive



=== TEST 15: chat_typing_max
--- chat
accepted chat chat_typing_max 0;
accepted http chat_typing_max 1000000;
refused chat chat_typing_max 1000001; => invalid parameter "1000001" of "chat_typing_max": write a number of sessions, 0 to 1000000, "chat_typing_max 100;"
refused chat chat_typing_max off; => invalid parameter "off" of "chat_typing_max": write a number of sessions, 0 to 1000000
refused chat chat_typing_max; => invalid number of arguments in "chat_typing_max" directive
refused chat chat_typing_max 5; chat_typing_max 5; => "chat_typing_max" directive is duplicate
