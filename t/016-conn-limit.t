#!/usr/bin/perl

# chat_conn_limit: connections of an address, of a user, of any value, counted
# over all workers.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest points => 1;

run_tests();

__DATA__

=== TEST 1: what nginx -t says
--- chat
accepted chat chat_conn_limit 1;
accepted chat chat_conn_limit 10000000 key=ip; chat_conn_limit 5 key=user; chat_conn_limit 5 key=all; chat_conn_limit 5 key=$arg_x;
accepted http chat_conn_limit 5; | server chat_conn_limit 6; | chat chat_conn_limit 7;
refused chat chat_conn_limit; => invalid number of arguments in "chat_conn_limit" directive
refused chat chat_conn_limit 0; => invalid parameter "0" of "chat_conn_limit": write a number of connections, 1 to 10000000
refused chat chat_conn_limit 10000001; => invalid parameter "10000001" of "chat_conn_limit": write a number of connections, 1 to 10000000
refused chat chat_conn_limit few; => invalid parameter "few" of "chat_conn_limit": write a number of connections, 1 to 10000000
refused chat chat_conn_limit 5 ip; => invalid parameter "ip" of "chat_conn_limit": known is key=
refused chat chat_conn_limit 5 key=address; => invalid parameter "key=address" of "chat_conn_limit": write key=ip, key=user, key=all or key=$variable
refused chat chat_conn_limit 5 key=; => invalid parameter "key=" of "chat_conn_limit": write key=ip, key=user, key=all or key=$variable
refused chat chat_conn_limit 5 key=$nothing_sets_this; => unknown "nothing_sets_this" variable
refused chat chat_conn_limit 5; chat_conn_limit 6; => "chat_conn_limit" directive has that key already: write one line for a key
refused chat chat_conn_limit 5; chat_conn_limit 6 key=ip; => "chat_conn_limit" directive has that key already
refused chat chat_conn_limit 5 key=$arg_x; chat_conn_limit 6 key=$arg_x; => "chat_conn_limit" directive has that key already
refused chat chat_conn_limit 1; chat_conn_limit 2 key=user; chat_conn_limit 3 key=all; chat_conn_limit 4 key=$arg_x; chat_conn_limit 5 key=$arg_y; => "chat_conn_limit" directive is there four times already, which is the most: remove one



=== TEST 2: of an address, over both workers
--- chat_config
chat_conn_limit  3;
--- chat
a: ws /chat/
b: ws /chat/ other=a
c: ws /chat/ same=a
d: ws /chat/ same=a status=429
d: expect 429 {"code":"rate_limited","status":429,"temporary":true}
d: ws /chat/ other=a status=429
log /chat connection refused, "chat_conn_limit 3 key=ip" is reached/
# requests are none of them
p: post /chat/ [{"type":"message","id":1,"room":"lobby","text":"m"}]
p: expect 200 [{"type":"ok"}]
s: get /chat-status
s: expect 200 {"sessions":3,"limited_total":2}
# however one goes, its place is free
b: recv {"type":"welcome"}
b: close 1000
b: closed 1000
d: ws /chat/ same=a
d: recv {"type":"welcome"}
e: ws /chat/ status=429
a: reset
await /chat-status {"sessions":2}
e: ws /chat/
e: recv {"type":"welcome"}
f: ws /chat/ status=429
# also one that the server closes, and that doesn't answer
e: frame text mask=0 x
e: recv {"type":"closing","code":1002}
await /chat-status {"sessions":2}
f: ws /chat/
f: recv {"type":"welcome"}



=== TEST 3: of an address as realip has it; of IPv6 the first half
--- http_config
real_ip_header    X-Real-IP;
set_real_ip_from  127.0.0.1;
--- chat_config
chat_conn_limit  1;
--- chat
a: ws /chat/ header="X-Real-IP: 192.0.2.1"
b: ws /chat/ header="X-Real-IP: 192.0.2.2"
c: ws /chat/ header="X-Real-IP: 192.0.2.1" status=429
d: ws /chat/ header="X-Real-IP: 2001:db8:1:2::1"
e: ws /chat/ header="X-Real-IP: 2001:db8:1:2:3:4:5:6" status=429
f: ws /chat/ header="X-Real-IP: 2001:db8:1:3::1"
g: ws /chat/ header="X-Real-IP: ::ffff:192.0.2.1" status=429
h: ws /chat/ header="X-Real-IP: ::ffff:192.0.2.3"
i: ws /chat/ header="X-Real-IP: 192.0.2.3" status=429
a: reset
await /chat-status {"sessions":4}
c: ws /chat/ header="X-Real-IP: 192.0.2.1"
c: recv {"type":"welcome"}



=== TEST 4: of a user, a value, and all together
--- chat_config
chat_user        $arg_user trusted;
chat_conn_limit  2 key=user;
chat_conn_limit  3 key=$arg_team;
chat_conn_limit  5 key=all;
--- chat
a: ws /chat/?user=ann&team=one
b: ws /chat/?user=ann&team=one other=a
c: ws /chat/?user=ann&team=two status=429
log /"chat_conn_limit 2 key=user" is reached/
c: ws /chat/?user=bob&team=one
d: ws /chat/?user=carl&team=one status=429
log /"chat_conn_limit 3 key=\$arg_team" is reached/
# what was refused by the second has not been counted by the first
3 * d: ws /chat/?user=carl&team=one status=429
d: ws /chat/?user=carl
e: ws /chat/?user=carl
f: ws /chat/?user=dora status=429
log /"chat_conn_limit 5 key=all" is reached/
e: recv {"type":"welcome"}
e: close 1000
e: closed 1000
f: ws /chat/?user=carl&team=two
f: recv {"type":"welcome"}
# who is nobody is no user, but one of all
g: ws /chat/ status=429
f: close 1000
f: closed 1000
g: ws /chat/
g: recv {"type":"closing","code":4401}
g: closed 4401



=== TEST 5: lines of a location replace inherited ones
--- chat_http
chat_zone        zone=main:8m;
chat_conn_limit  1;
--- config
location ^~ /inherits/ {
    chat        main;
    chat_guest  on;
}
--- chat_config
chat_conn_limit  3 key=all;
--- chat
a: ws /inherits/
b: ws /inherits/ status=429
c: ws /chat/
d: ws /chat/
e: ws /chat/
f: ws /chat/ status=429



=== TEST 6: a worker that is killed leaks nothing
--- chat_config
chat_conn_limit  2;
--- chat
a: ws /chat/
b: ws /chat/ other=a
c: ws /chat/ status=429
kill9 a
await /chat-status {"workers":2,"sessions":1}
c: ws /chat/
c: recv {"type":"welcome"}
d: ws /chat/ status=429
# in the middle of the counting, too
b: recv {"type":"welcome"}
b: close 1000
b: closed 1000
d: tcp other=c
point lock
d: raw "GET /chat/ HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
point passed
await /chat-status {"workers":2}
c: drop
d: drop
await /chat-status {"sessions":0}
e: ws /chat/
e: recv {"type":"welcome"}
f: ws /chat/
f: recv {"type":"welcome"}
g: ws /chat/ status=429



=== TEST 7: who moves in a reload may do so before he leaves
--- chat_config
chat_user        $arg_user trusted;
chat_conn_limit  1 key=user;
chat_drain       1s;
--- chat
crowd clients=40 rooms=4 publishers=4 rate=20
a: ws /chat/?user=u1 status=429
reload
crowd moved 1
drained
a: ws /chat/?user=u1 status=429
reload
crowd moved 2
drained
crowd stop



=== TEST 8: a handshake that a leaving worker answers doesn't count
--- chat_config
chat_user        $arg_user trusted;
chat_conn_limit  1 key=user;
chat_drain       20s;
--- chat
# that worker has somebody to send away, and so stays for a while
o: ws /chat/?user=other
o: recv {"type":"welcome"}
a: tcp same=o
a: raw "GET /chat/?user=u HTTP/1.1\r\nHost: localhost\r\n"
a: taken
reload
o: until {"type":"reconnect"}
a: raw "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
a: answer 101
a: recv {"type":"welcome"}
a: recv {"type":"reconnect"}
# where it was told to go
b: ws /chat/?user=u
b: recv {"type":"welcome"}
c: ws /chat/?user=u status=429
a: drop
o: drop
drained



=== TEST 9: a zone of another size begins to count anew
--- chat_config
chat_conn_limit  2;
chat_drain       500ms;
--- chat
a: ws /chat/
b: ws /chat/
c: ws /chat/ status=429
edit s/zone=main:8m/zone=main:16m/
reload
c: ws /chat/
d: ws /chat/
e: ws /chat/ status=429
drained
e: ws /chat/ status=429



=== TEST 10: event streams are counted, too
--- chat_config
chat_conn_limit  2;
--- chat
a: sse /chat/lobby
a: recv {"type":"welcome"}
b: stream /chat/ [{"type":"join","room":"lobby"}]
b: recv {"type":"welcome"}
c: sse /chat/lobby
c: recv {"type":"error","code":"rate_limited","temporary":true}
c: end
c: retry /^[0-9]{3,4}/
d: stream /chat/ status=429 [{"type":"ping"}]
d: expect 429 {"code":"rate_limited"}
w: ws /chat/ status=429
a: drop
await /chat-status {"sse_sessions":1}
w: ws /chat/
w: recv {"type":"welcome"}
