#!/usr/bin/perl

# Directives of the http level: what "nginx -t" takes, and what it says of
# everything else.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;

run_tests();

__DATA__

=== TEST 1: chat_zone
--- chat
accepted http chat_zone zone=a:1m; chat_zone zone=b:8m;
refused http chat_zone; => invalid number of arguments in "chat_zone" directive
refused http chat_zone main:8m; => invalid parameter "main:8m" of "chat_zone": write "zone=NAME:SIZE" once
refused http chat_zone zone=main; => invalid parameter "zone=main" of "chat_zone": write a name and a size, "zone=main:64m"
refused http chat_zone zone=:8m; => invalid parameter "zone=:8m" of "chat_zone": write a name and a size, "zone=main:64m"
refused http chat_zone zone=main:8m zone=b:8m; => invalid parameter "zone=b:8m" of "chat_zone": write "zone=NAME:SIZE" once
refused http chat_zone zone=main:8m colour=red; => invalid parameter "colour=red" of "chat_zone": write "zone=NAME:SIZE" once



=== TEST 2: the size of a zone
--- chat
refused http chat_zone zone=main:256k; => /invalid parameter "zone=main:256k" of "chat_zone": write a size of at least (?<least>\d+)k, "zone=main:64m"/
accepted http chat_zone zone=main:${least}k;
let less = <<$least * 1024 - 1>>
refused http chat_zone zone=main:$less; => write a size of at least
refused http chat_zone zone=main:0; => write a size of at least
refused http chat_zone zone=main:; => write a size of at least
refused http chat_zone zone=main:-8m; => write a size of at least
refused http chat_zone zone=main:1g; => invalid parameter "zone=main:1g" of "chat_zone": write a size of at least
refused http chat_zone zone=main:8m:9; => write a size of at least
refused http chat_zone zone=main:${least}k; chat_nonce main size=440k; => /chat zone "main" is too small: write a size of at least \d+k, and what "chat_nonce" takes/



=== TEST 3: a zone is defined once, and for chat alone
--- chat
refused http chat_zone zone=main:8m; chat_zone zone=main:8m; => chat zone "main" is duplicate: write it once, or another name
refused http chat_zone zone=main:8m; chat_zone zone=main:16m; => chat zone "main" is duplicate
refused http limit_req_zone $uri zone=main:8m rate=1r/s; chat_zone zone=main:8m; => the shared memory zone "main" is already declared for a different use
refused http chat_zone zone=main:8m; limit_req_zone $uri zone=main:8m rate=1r/s; => the shared memory zone "main" is already declared for a different use
refused http chat_zone zone=ngx_chat_bus:8m; => invalid parameter "zone=ngx_chat_bus:8m" of "chat_zone": this name is the module's own, write another



=== TEST 4: a zone that nobody defines, wherever it is named
--- chat
refused http chat_zone zone=other:8m; | chat chat main; => "chat" names the chat zone "main" that nobody defines: write "chat_zone zone=main:64m;" in "http" in
refused http chat_zone zone=main:8m; | chat chat other; => "chat" names the chat zone "other" that nobody defines: write "chat_zone zone=other:64m;" in "http" in
refused location chat_status other; => "chat_status" names the chat zone "other" that nobody defines: write "chat_zone zone=other:64m;"
refused http chat_rooms other *; => "chat_rooms" names the chat zone "other" that nobody defines: write "chat_zone zone=other:64m;"
refused http chat_nonce other ttl=1m; => "chat_nonce" names the chat zone "other" that nobody defines: write "chat_zone zone=other:64m;"
refused http chat_max_rooms other 5; => "chat_max_rooms" names the chat zone "other" that nobody defines: write "chat_zone zone=other:64m;"
# it may be defined after it was named
accepted http chat_rooms main *; chat_zone zone=main:8m;



=== TEST 5: chat_rooms
--- chat
accepted http chat_rooms main *;
accepted http chat_rooms main support-* history=0 create=off; chat_rooms main * history=10000000 age=7d size=1m create=on;
accepted http chat_rooms main support-* private create=off; chat_rooms main private private;
refused http chat_rooms main * private private; => invalid parameter "private" of "chat_rooms": write it once
refused http chat_rooms main * private=on; => invalid parameter "private=on" of "chat_rooms"
accepted http chat_rooms main a-*-b; chat_rooms main *-b; chat_rooms main "~d.*";
refused http chat_rooms main; => invalid number of arguments in "chat_rooms" directive
refused http chat_rooms main history=5; => invalid parameter "history=5" of "chat_rooms": write a room's name here, "*" stands for any part
refused http chat_rooms main history=5 *; => invalid parameter "history=5" of "chat_rooms": write a room's name here
refused http chat_rooms main ""; => invalid parameter "" of "chat_rooms": write a room's name here
refused http chat_rooms main "a b"; => invalid parameter "a b" of "chat_rooms": write a room's name here
refused http chat_rooms main a/b; => invalid parameter "a/b" of "chat_rooms": write a room's name here
let long = <<"x" x 129>>
refused http chat_rooms main $long; => write a room's name here
refused http chat_rooms main * colour=red; => invalid parameter "colour=red" of "chat_rooms": known are history=, age=, size=, create=, list=, idle= and private
refused http chat_rooms main * history; => invalid parameter "history" of "chat_rooms": known are history=, age=, size=, create=, list=, idle= and private



=== TEST 6: ranges of chat_rooms
--- chat
refused http chat_rooms main * history=; => invalid parameter "history=" of "chat_rooms": write a number of events, 0 to 10000000
refused http chat_rooms main * history=-1; => invalid parameter "history=-1" of "chat_rooms": write a number of events, 0 to 10000000
refused http chat_rooms main * history=10000001; => write a number of events, 0 to 10000000
refused http chat_rooms main * age=0; => invalid parameter "age=0" of "chat_rooms": write a time, "age=7d"
refused http chat_rooms main * age=soon; => invalid parameter "age=soon" of "chat_rooms": write a time, "age=7d"
accepted http chat_rooms main * idle=1s;
refused http chat_rooms main * idle=0; => invalid parameter "idle=0" of "chat_rooms": write a time, "idle=60s"
refused http chat_rooms main * idle=soon; => invalid parameter "idle=soon" of "chat_rooms": write a time, "idle=60s"
refused http chat_rooms main * size=15k; => invalid parameter "size=15k" of "chat_rooms": write a size of at least 16k, "size=1m"
refused http chat_rooms main * size=big; => invalid parameter "size=big" of "chat_rooms": write a size of at least 16k, "size=1m"
refused http chat_rooms main * create=maybe; => invalid parameter "create=maybe" of "chat_rooms": write "create=on" or "create=off"
refused http chat_rooms main * history=5 history=6; => invalid parameter "history=6" of "chat_rooms": write it once
refused http chat_rooms main * age=5s age=5s; => invalid parameter "age=5s" of "chat_rooms": write it once
refused http chat_rooms main * create=on create=on; => invalid parameter "create=on" of "chat_rooms": write it once



=== TEST 7: a line of chat_rooms that no room ever reaches
--- chat
accepted http chat_rooms main *; chat_rooms main support-*; => "chat_rooms main support-*" has no effect, since "*" comes before it: write it above
accepted http chat_rooms main a; chat_rooms main a; => "chat_rooms main a" has no effect, since "a" comes before it
accepted http chat_rooms main s*-a; chat_rooms main s-*-a; => "chat_rooms main s-*-a" has no effect, since "s*-a" comes before it
accepted http chat_rooms main s-*-a; chat_rooms main s*-a;
accepted http chat_zone zone=a:8m; chat_zone zone=b:8m; chat_rooms a *; chat_rooms b *;



=== TEST 8: chat_nonce
--- chat
accepted http chat_nonce main size=64k ttl=1s;
accepted http chat_nonce main ttl=24h;
refused http chat_nonce main; => invalid number of arguments in "chat_nonce" directive
refused http chat_nonce main size=63k; => invalid parameter "size=63k" of "chat_nonce": write a size of at least 64k, "size=4m"
refused http chat_nonce main size=x; => invalid parameter "size=x" of "chat_nonce": write a size of at least 64k, "size=4m"
refused http chat_nonce main ttl=0; => invalid parameter "ttl=0" of "chat_nonce": write a time of 1s to 24h, "ttl=5m"
refused http chat_nonce main ttl=25h; => invalid parameter "ttl=25h" of "chat_nonce": write a time of 1s to 24h, "ttl=5m"
refused http chat_nonce main ttl=x; => write a time of 1s to 24h
refused http chat_nonce main colour=red; => invalid parameter "colour=red" of "chat_nonce": known are size= and ttl=
refused http chat_nonce main ttl=1m ttl=2m; => invalid parameter "ttl=2m" of "chat_nonce": write it once
refused http chat_nonce main size=1m; chat_nonce main size=2m; => invalid parameter "size=2m" of "chat_nonce": write it once
# two zones, each with its own
accepted http chat_zone zone=a:8m; chat_zone zone=b:8m; chat_nonce a ttl=1m; chat_nonce b ttl=1m;



=== TEST 9: chat_max_rooms
--- chat
accepted http chat_max_rooms main 1;
accepted http chat_max_rooms main 16777216 session=10000;
accepted http chat_max_rooms main session=1;
refused http chat_max_rooms main; => invalid number of arguments in "chat_max_rooms" directive
refused http chat_max_rooms main 0; => invalid parameter "0" of "chat_max_rooms": write the zone, a number of rooms and "session=N"
refused http chat_max_rooms main many; => invalid parameter "many" of "chat_max_rooms": write the zone, a number of rooms and "session=N"
refused http chat_max_rooms main 16777217; => invalid parameter "16777217" of "chat_max_rooms"
refused http chat_max_rooms main 5 6; => invalid parameter "6" of "chat_max_rooms": write the zone, a number of rooms and "session=N"
refused http chat_max_rooms main session=0; => invalid parameter "session=0" of "chat_max_rooms": write a number of rooms, 1 to 10000
refused http chat_max_rooms main session=10001; => invalid parameter "session=10001" of "chat_max_rooms": write a number of rooms, 1 to 10000
refused http chat_max_rooms main 5 session=5 session=6; => invalid parameter "session=6" of "chat_max_rooms": write it once
refused http chat_max_rooms main 5; chat_max_rooms main 6; => invalid parameter "6" of "chat_max_rooms": write it once



=== TEST 10: chat_buffers
--- chat
accepted http chat_buffers 1m;
refused http chat_buffers 1023k; => invalid parameter "1023k" of "chat_buffers": write a size of at least 1m, "chat_buffers 64m;"
refused http chat_buffers much; => invalid parameter "much" of "chat_buffers": write a size of at least 1m, "chat_buffers 64m;"
refused http chat_buffers -1; => write a size of at least 1m
refused http chat_buffers 1m; chat_buffers 1m; => "chat_buffers" directive is duplicate
refused http chat_buffers 1m 2m; => invalid number of arguments in "chat_buffers" directive



=== TEST 11: not in these contexts
--- chat
refused main chat_zone zone=main:8m; => "chat_zone" directive is not allowed here
refused server chat_zone zone=main:8m; => "chat_zone" directive is not allowed here
refused chat chat_zone zone=main:8m; => "chat_zone" directive is not allowed here
refused server chat_rooms main *; => "chat_rooms" directive is not allowed here
refused chat chat_rooms main *; => "chat_rooms" directive is not allowed here
refused server chat_nonce main ttl=1m; => "chat_nonce" directive is not allowed here
refused server chat_max_rooms main 5; => "chat_max_rooms" directive is not allowed here
refused server chat_buffers 1m; => "chat_buffers" directive is not allowed here
refused main chat main; => "chat" directive is not allowed here
refused http chat main; => "chat" directive is not allowed here
refused server chat main; => "chat" directive is not allowed here
refused http chat_status main; => "chat_status" directive is not allowed here
refused server chat_status main; => "chat_status" directive is not allowed here
refused location if ($arg_x) { chat main; } => "chat" directive is not allowed here
refused location if ($arg_x) { chat_status main; } => "chat_status" directive is not allowed here
refused location if ($arg_x) { chat_guest on; } => "chat_guest" directive is not allowed here
refused main chat_ping 5s; => "chat_ping" directive is not allowed here
