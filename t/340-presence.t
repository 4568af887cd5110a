#!/usr/bin/perl

# Who is in a room: one member a user, told by versions, over workers.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest points => 1;

run_tests();

__DATA__

=== TEST 1: members and diffs, on both workers, over every transport
--- chat_config
chat_user  $http_x_user trusted;
chat_deflate on;
--- chat
a: ws /chat/ header="X-User: ann"
a: recv {"type":"welcome","features":"<< grep { $_ eq 'presence' } @$_ >>"}
a: ask {"type":"join","id":1,"room":"lobby","presence":true} -> {"type":"joined","members":1}
a: ask {"type":"members","id":2,"room":"lobby"} -> {"type":"members","reply_to":2,"room":"lobby","v":"$v=<int>","count":1,"members":[{"id":"ann"}],"next":"<absent>"}
b: ws /chat/lobby header="X-User: bob" other=a
b: recv {"type":"welcome"}
b: recv {"type":"joined","members":2}
a: recv {"type":"presence","room":"lobby","v":"$w=<int>","prev":$v,"join":[{"id":"bob"}],"leave":[],"count":2}
c: sse /chat/lobby?presence=1 header="X-User: carl" other=a
c: recv {"type":"welcome"}
c: recv {"type":"joined","members":3}
a: recv {"type":"presence","v":"$x=<int>","prev":$w,"join":[{"id":"carl"}],"leave":[],"count":3} within=2
d: stream /chat/ header="X-User: dora" other=a {"type":"join","id":1,"room":"lobby","presence":true}
d: recv {"type":"welcome"}
d: recv {"type":"joined","members":4}
a: recv {"type":"presence","v":"$y=<int>","prev":$x,"join":[{"id":"dora"}],"leave":[],"count":4} within=2
c: until {"type":"presence","v":$y,"count":4}
# who was not asked to be told, isn't
b: none
# the same by HTTP, by POST and on the other worker
h: get /chat/lobby/members header="X-User: hal"
h: expect 200 {"type":"members","room":"lobby","v":$y,"count":4,"members":[{"id":"ann"},{"id":"bob"},{"id":"carl"},{"id":"dora"}],"reply_to":"<absent>"}
h: post /chat/ header="X-User: hal" [{"type":"members","id":"x","room":"lobby","limit":1}]
h: expect 200 [{"type":"members","reply_to":"x","count":4,"members":[{"id":"ann"}],"next":"<string>"}]
b: ask {"type":"members","id":3,"room":"lobby"} -> {"type":"members","v":$y,"count":4}
# to leave is to leave at once
b: ask {"type":"leave","id":4,"room":"lobby"} -> {"type":"left"}
a: recv {"type":"presence","v":"$z=<int>","prev":$y,"join":[],"leave":["bob"],"count":3} within=2
c: until {"type":"presence","v":$z}
d: until {"type":"presence","v":$z,"leave":["bob"]}



=== TEST 2: several sessions of one user are one member
--- chat_config
chat_user  $http_x_user trusted;
chat_presence_grace 1s;
--- chat
a: ws /chat/lobby?presence=1 header="X-User: ann"
a: recv {"type":"welcome"}
a: recv {"type":"joined","members":1}
b: ws /chat/lobby header="X-User: bob" same=a
b: recv {"type":"welcome"}
b: recv {"type":"joined","members":2}
a: recv {"type":"presence","join":[{"id":"bob"}],"count":2,"v":"$v=<int>"}
c: ws /chat/lobby header="X-User: bob" other=a
c: recv {"type":"welcome"}
c: recv {"type":"joined","members":2}
d: ws /chat/lobby header="X-User: bob" other=a
d: recv {"type":"welcome"}
d: recv {"type":"joined","members":2}
a: none
b: drop
c: drop
a: none 2
a: ask {"type":"members","id":1,"room":"lobby"} -> {"type":"members","v":$v,"count":2}
# the last one goes, and is back in time
d: drop
await /chat-status {"subscriptions":1}
e: ws /chat/lobby header="X-User: bob" same=a
e: recv {"type":"welcome"}
e: recv {"type":"joined","members":2}
a: none 2
# and goes
e: drop
a: recv {"type":"presence","prev":$v,"join":[],"leave":["bob"],"count":1} within=3
h: get /chat/lobby/members header="X-User: hal"
h: expect 200 {"count":1,"members":[{"id":"ann"}]}



=== TEST 3: without being a member
--- chat_config
chat_user  $http_x_user trusted;
--- chat
a: ws /chat/lobby?presence=1 header="X-User: ann"
a: recv {"type":"welcome"}
a: recv {"type":"joined","members":1}
b: ws /chat/ header="X-User: bob" other=a
b: recv {"type":"welcome"}
b: ask {"type":"join","id":1,"room":"lobby","presence":false} -> {"type":"joined","members":1}
c: sse /chat/lobby?presence=0 header="X-User: carl" other=a
c: recv {"type":"welcome"}
c: recv {"type":"joined","members":1}
a: none
# it may be said later
b: ask {"type":"join","id":2,"room":"lobby","presence":true} -> {"type":"joined","reply_to":2,"members":2}
a: recv {"type":"presence","join":[{"id":"bob"}],"count":2}
b: send {"type":"join","id":3,"room":"lobby"}
b: until {"type":"joined","reply_to":3,"members":2}
b: send {"type":"join","id":4,"room":"lobby","presence":false}
b: until {"type":"joined","reply_to":4,"members":1}
a: recv {"type":"presence","join":[],"leave":["bob"],"count":1} within=2
# of many rooms
b: send {"type":"join","id":5,"presence":false,"rooms":[{"room":"lobby"},{"room":"two","presence":true}]}
b: recv {"type":"joined","room":"lobby","members":1}
b: recv {"type":"joined","room":"two","members":1}
b: recv {"type":"ok","reply_to":5}
a: none
b: none



=== TEST 4: a worker is killed
--- chat_config
chat_user  $http_x_user trusted;
chat_presence_grace 2s;
--- chat
a: ws /chat/lobby?presence=1 header="X-User: ann"
a: recv {"type":"welcome"}
a: recv {"type":"joined","members":1}
b: enter ws /chat/lobby header="X-User: bob" other=a
a: recv {"type":"presence","join":[{"id":"bob"}],"v":"$v=<int>"}
c: enter ws /chat/lobby header="X-User: carl" other=a
a: recv {"type":"presence","join":[{"id":"carl"}],"v":"$v=<int>"} within=2
d: enter ws /chat/lobby header="X-User: dora" other=a
a: recv {"type":"presence","join":[{"id":"dora"}],"v":"$v=<int>"} within=2
# dora is there by both
e: enter ws /chat/lobby header="X-User: dora" same=a
kill9 b
let start = <<time>>
b: end
c: end
d: end
# carl comes again in time
c: ws /chat/lobby header="X-User: carl" other=a
c: recv {"type":"welcome"}
c: recv {"type":"joined"}
a: recv {"type":"presence","prev":$v,"join":[],"leave":["bob"],"count":3} within=5
check << time - $start <= 4 >>
h: get /chat/lobby/members header="X-User: hal"
h: expect 200 {"count":3}
# the worker of who watches
kill9 a
a: end
f: ws /chat/lobby?presence=1 header="X-User: fay"
f: recv {"type":"welcome"}
f: recv {"type":"joined"}
f: until {"type":"presence","count":2}
h: get /chat/lobby/members header="X-User: hal"
h: expect 200 {"count":2,"members":[{"id":"carl"},{"id":"fay"}]}



=== TEST 5: over a reload
--- chat_config
chat_user  $http_x_user trusted;
chat_presence_grace 1s;
--- chat
a: ws /chat/lobby?presence=1 header="X-User: ann"
a: recv {"type":"welcome"}
a: recv {"type":"joined","members":1}
b: enter ws /chat/lobby header="X-User: bob" other=a
a: recv {"type":"presence","join":[{"id":"bob"}]}
c: enter ws /chat/lobby header="X-User: carl" same=a
a: recv {"type":"presence","join":[{"id":"carl"}],"v":"$v=<int>"} within=2
reload
a: recv {"type":"reconnect"}
b: recv {"type":"reconnect"}
b2: enter ws /chat/lobby header="X-User: bob"
b: drop
a2: ws /chat/lobby?presence=1 header="X-User: ann" other=b2
a2: recv {"type":"welcome"}
a2: recv {"type":"joined","members":3}
# an old worker's session is told by a new one's
d: enter ws /chat/lobby header="X-User: dora" same=b2
a: recv {"type":"presence","prev":$v,"join":[{"id":"dora"}],"leave":[],"count":4} within=2
a2: recv {"type":"presence","prev":$v,"join":[{"id":"dora"}],"leave":[],"count":4} within=2
a: drop
c: drop
drained 5
a2: recv {"type":"presence","join":[],"leave":["carl"],"count":3} within=4
a2: none



=== TEST 6: over a reload that changes the zone's size
--- chat_config
chat_user  $http_x_user trusted;
chat_presence_grace 1s;
--- chat
a: enter ws /chat/lobby header="X-User: ann"
b: enter ws /chat/lobby header="X-User: bob" other=a
c: enter ws /chat/two header="X-User: carl"
edit s/main:8m/main:16m/
reload
a: recv {"type":"reconnect"}
b: recv {"type":"reconnect"}
a2: ws /chat/lobby?presence=1 header="X-User: ann"
a2: recv {"type":"welcome"}
a2: recv {"type":"joined","members":2}
a2: ask {"type":"members","id":1,"room":"lobby"} -> {"type":"members","count":2}
h: get /chat/two/members header="X-User: hal"
h: expect 200 {"count":1,"members":[{"id":"carl"}]}



=== TEST 7: large rooms are counted
--- chat_config
chat_user  $http_x_user trusted;
chat_presence_max 3;
chat_presence_grace 0;
--- chat
timeout 8
a: ws /chat/lobby?presence=1 header="X-User: ann"
a: recv {"type":"welcome"}
a: recv {"type":"joined","members":1}
u1: enter ws /chat/lobby header="X-User: u1" other=a
u2: enter ws /chat/lobby header="X-User: u2" other=a
u3: enter ws /chat/lobby header="X-User: u3" other=a
a: until {"type":"presence","count":4,"join":"<absent>","leave":"<absent>","v":"$v=<int>"}
# every five seconds
let start = <<time>>
u4: enter ws /chat/lobby header="X-User: u4" other=a
u5: enter ws /chat/lobby header="X-User: u5" same=a
a: recv {"type":"presence","prev":$v,"count":6,"join":"<absent>","leave":"<absent>","v":"$w=<int>"}
check << time - $start >= 3 >>
a: ask {"type":"members","id":1,"room":"lobby"} -> {"type":"members","v":$w,"count":6,"members":[{"id":"ann"},{"id":"u1"},{"id":"u2"},{"id":"u3"},{"id":"u4"},{"id":"u5"}]}
# small again: a diff that no list has the version for
u4: drop
u5: close
u5: closed
u1: drop
a: recv {"type":"presence","prev":"<< $_ != $w >>","count":3,"join":"<array>","leave":"<array>","v":"$x=<int>"}
a: ask {"type":"members","id":2,"room":"lobby"} -> {"type":"members","v":$x,"count":3,"members":[{"id":"ann"},{"id":"u2"},{"id":"u3"}]}
u2: ask {"type":"leave","id":1,"room":"lobby"} -> {"type":"left"}
a: recv {"type":"presence","prev":$x,"count":2,"join":[],"leave":["u2"]}



=== TEST 8: pages stay what they are while others come and go
--- chat_config
chat_user  $http_x_user trusted;
chat_presence_grace 0;
--- chat
u1: enter ws /chat/lobby header="X-User: u1"
u2: enter ws /chat/lobby header="X-User: u2"
u3: enter ws /chat/lobby header="X-User: u3"
u4: enter ws /chat/lobby header="X-User: u4"
u5: enter ws /chat/lobby header="X-User: u5"
u6: enter ws /chat/lobby header="X-User: u6"
h: get /chat/lobby/members?limit=2 header="X-User: hal"
h: expect 200 {"count":6,"members":[{"id":"u1"},{"id":"u2"}],"next":"$n=<string>"}
# the last of the page goes, and one who was on it changes his place
u2: ask {"type":"leave","id":1,"room":"lobby"} -> {"type":"left"}
u7: enter ws /chat/lobby header="X-User: u7"
u1: ask {"type":"ping"} -> {"type":"pong"}
h: get /chat/lobby/members?limit=2&next=$n header="X-User: hal"
h: expect 200 {"count":6,"members":[{"id":"u3"},{"id":"u4"}],"next":"$n=<string>"}
u6: ask {"type":"leave","id":1,"room":"lobby"} -> {"type":"left"}
h: post /chat/ header="X-User: hal" {"type":"members","id":1,"room":"lobby","limit":2,"next":"$n"}
h: expect 200 [{"type":"members","count":5,"members":[{"id":"u5"},{"id":"u7"}]}]
# what is wrong
h: get /chat/lobby/members?limit=0 header="X-User: hal"
h: expect 400 {"code":"bad_request"}
h: get /chat/lobby/members?next=x header="X-User: hal"
h: expect 400 {"code":"bad_request"}
h: get /chat/lobby/members?next=99999999-1-0 header="X-User: hal"
h: expect 200 {"members":[{"id":"u1"},{"id":"u3"},{"id":"u4"},{"id":"u5"},{"id":"u7"}]}
h: get /chat/nowhere/members header="X-User: hal"
h: expect 404 {"code":"not_found"}
h: post /chat/lobby/members header="X-User: hal" {"text":"x"}
h: expect 400 {"code":"bad_request"}
u1: ask {"type":"members","id":2,"room":"lobby","next":"1-2-3-4"} -> {"type":"error","reply_to":2,"code":"bad_request","field":"next"}
u1: ask {"type":"members","id":3,"room":"lobby","next":7} -> {"type":"error","reply_to":3,"code":"bad_request","field":"next"}
u1: ask {"type":"members","id":4,"room":"lobby","limit":0} -> {"type":"error","reply_to":4,"code":"bad_request","field":"limit"}
u1: ask {"type":"members","id":5} -> {"type":"error","reply_to":5,"code":"bad_request","field":"room"}
u1: ask {"type":"members","id":6,"room":"nowhere"} -> {"type":"error","reply_to":6,"code":"not_found","room":"nowhere"}
u1: send {"type":"members","room":"lobby"}
u1: none



=== TEST 9: who may not read a room isn't told who is there
--- chat_config
chat_user  $http_x_user trusted;
chat_role  $http_x_user trusted;
chat_allow boss read room=secret-*;
--- chat
a: enter ws /chat/secret-1 header="X-User: boss"
a: ask {"type":"members","id":1,"room":"secret-1"} -> {"type":"members","count":1}
b: ws /chat/ header="X-User: bob"
b: recv {"type":"welcome"}
b: ask {"type":"members","id":1,"room":"secret-1"} -> {"type":"error","code":"forbidden"}
b: ask {"type":"members","id":2,"room":"secret-2"} -> {"type":"error","code":"forbidden"}
h: get /chat/secret-1/members header="X-User: bob"
h: expect 403 {"code":"forbidden"}
h: get /chat/secret-2/members header="X-User: bob"
h: expect 403 {"code":"forbidden"}



=== TEST 10: no place is left: counted, not listed, and the operator is told
--- chat_http
chat_zone zone=main:1m;
--- chat_config
chat_user  $http_x_user trusted;
chat_presence_grace 4m;
chat_presence_max 1000;
--- chat
timeout 20
allow /no place for more members/
a: ws /chat/lobby?presence=1 header="X-User: ann"
a: recv {"type":"welcome"}
a: recv {"type":"joined","members":1}
# who is gone stays for four minutes
320 * u: enter ws /chat/lobby header="X-User: u$i"
log /chat zone "main" has no place for more members/
z: ws /chat/lobby header="X-User: zoe"
z: recv {"type":"welcome"}
z: recv {"type":"joined","members":"$n=<int>"}
check << $n > 290 >>
a: until {"type":"presence","count":$n}
h: get /chat/lobby/members header="X-User: hal"
h: expect 200 {"count":$n,"members":"<< @$_ == 200 >>","next":"$p=<string>"}
h: get /chat/lobby/members?next=$p header="X-User: hal"
h: expect 200 {"count":$n,"members":"<< @$_ > 90 && !grep { $_->{id} eq 'zoe' } @$_ >>","next":"<absent>"}
z: drop
let less = << $n - 1 >>
a: until {"type":"presence","count":$less}



=== TEST 11: a guest who gets a name, or turns out to be another
--- chat
a: ws /chat/
a: recv {"type":"welcome"}
a: ask {"type":"join","id":1,"room":"lobby","presence":true} -> {"type":"joined"}
b: ws /chat/lobby
b: recv {"type":"welcome","user":{"id":"$b=<string>"},"guest_token":"$t=<string>"}
b: recv {"type":"joined"}
a: recv {"type":"presence","join":[{"id":"$b","guest":true,"name":"<absent>"}],"count":2}
b: ask {"type":"hello","id":1,"name":"Bob"} -> {"type":"welcome"}
a: recv {"type":"presence","join":[{"id":"$b","name":"Bob"}],"leave":[],"count":2} within=2
c: ws /chat/lobby
c: recv {"type":"welcome","user":{"id":"$c=<string>"}}
c: recv {"type":"joined","members":3}
a: recv {"type":"presence","join":[{"id":"$c"}],"count":3} within=2
c: ask {"type":"hello","id":1,"token":"$t"} -> {"type":"welcome","user":{"id":"$b"}}
a: recv {"type":"presence","join":[],"leave":["$c"],"count":2} within=2



=== TEST 12: a worker dies inside: who is there stays known
--- chat_config
chat_user  $http_x_user trusted;
chat_presence_grace 1s;
--- chat
a: ws /chat/lobby?presence=1 header="X-User: ann"
a: recv {"type":"welcome"}
a: recv {"type":"joined","members":1}
b: enter ws /chat/lobby header="X-User: bob" same=a
a: recv {"type":"presence","join":[{"id":"bob"}],"v":"$v=<int>"}
allow /repaired after a process died/
c: ws /chat/ header="X-User: carl" other=a
c: recv {"type":"welcome"}
point presence:created
c: send {"type":"join","room":"lobby"}
point passed
c: end
# nobody knows what was told: everybody asks
a: until {"type":"presence","prev":"<< $_ != $v >>"}
a: ask {"type":"members","id":1,"room":"lobby"} -> {"type":"members","count":"<int>","v":"$v=<int>"}
d: enter ws /chat/lobby header="X-User: dora"
a: until {"type":"presence","count":3}
h: get /chat/lobby/members header="X-User: hal"
h: expect 200 {"count":3}
e: enter ws /chat/lobby header="X-User: eve" other=a
a: until {"type":"presence","count":4}
# whichever worker makes the version
point presence:version
e: send {"type":"leave","room":"lobby"}
point passed
h: get /chat/lobby/members header="X-User: hal"
h: expect 200 {"members":"<array>"}
f: ws /chat/lobby?presence=1 header="X-User: fay"
f: recv {"type":"welcome"}
f: recv {"type":"joined"}
g: enter ws /chat/lobby header="X-User: gus"
f: until {"type":"presence","join":"<< grep { $_->{id} eq 'gus' } @$_ >>"}



=== TEST 13: raw rooms have none; the directives
--- chat_config
chat_format raw;
--- chat
a: ws /chat/lobby?presence=1
b: ws /chat/lobby
b: send hello
a: recv "hello"
b: recv "hello"
h: get /chat/lobby/members
h: expect 400
accepted chat chat_presence_max 0;
accepted server chat_presence_grace 4m;
accepted http chat_presence_max 1000;
refused chat chat_presence_max 1001; => write a number of users, 0 to 1000
refused chat chat_presence_grace 5m; => write a time of 0s to 4m
refused chat chat_presence_grace x; => write a time of 0s to 4m
