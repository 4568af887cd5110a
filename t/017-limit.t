#!/usr/bin/perl

# chat_limit: how often something may be done, over all workers.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest points => 1;

run_tests();

__DATA__

=== TEST 1: what nginx -t says
--- chat
accepted chat chat_limit message rate=5r/s;
accepted chat chat_limit message rate=5r/s burst=20 key=user; chat_limit message rate=60r/m key=room; chat_limit join rate=1r/s key=session; chat_limit connect rate=100000r/h burst=100000; chat_limit history rate=1r/h key=ip; chat_limit command rate=100r/s;
accepted http chat_limit message rate=1r/s; | server chat_limit off; | chat chat_limit_dry_run on;
refused chat chat_limit; => invalid number of arguments in "chat_limit" directive
refused chat chat_limit message; => "chat_limit" directive needs a rate: add "rate=5r/s"
refused chat chat_limit on; => invalid parameter "on" of "chat_limit": write what is limited: connect, command, join, message, history, guest or login
refused chat chat_limit message rate=5; => invalid parameter "rate=5" of "chat_limit": write a rate of 1 to 100000 a second, minute or hour, "rate=5r/s", "rate=30r/m" or "rate=100r/h"
refused chat chat_limit message rate=0r/s; => invalid parameter "rate=0r/s" of "chat_limit": write a rate
refused chat chat_limit message rate=5r/d; => invalid parameter "rate=5r/d" of "chat_limit": write a rate
refused chat chat_limit message rate=100001r/s; => invalid parameter "rate=100001r/s" of "chat_limit": write a rate
refused chat chat_limit message rate=r/s; => invalid parameter "rate=r/s" of "chat_limit": write a rate
refused chat chat_limit message rate=5r/s burst=x; => invalid parameter "burst=x" of "chat_limit": write a number of 0 to 100000, "burst=20"
refused chat chat_limit message rate=5r/s burst=100001; => invalid parameter "burst=100001" of "chat_limit": write a number
refused chat chat_limit message rate=5r/s nodelay; => invalid parameter "nodelay" of "chat_limit": known are rate=, burst= and key=
refused chat chat_limit message rate=5r/s rate=6r/s; => invalid parameter "rate=6r/s" of "chat_limit": write it once
refused chat chat_limit message rate=5r/s key=all; => invalid parameter "key=all" of "chat_limit": write key=user, key=ip, key=session or key=room
refused chat chat_limit connect rate=5r/s key=room; => invalid parameter "key=room" of "chat_limit": who connects is in no room yet, write key=ip or key=user
refused chat chat_limit connect rate=5r/s key=session; => invalid parameter "key=session" of "chat_limit": who connects is in no room yet, write key=ip or key=user
refused chat chat_limit command rate=5r/s key=room; => invalid parameter "key=room" of "chat_limit": not every command has a room, write key=user, key=ip or key=session
refused chat chat_limit message rate=5r/s; chat_limit message rate=5r/s key=user burst=0; => "chat_limit" directive is duplicate
refused chat chat_limit off; chat_limit message rate=5r/s; => "chat_limit" directive is "off" already: remove that line or this one
refused chat chat_limit message rate=5r/s; chat_limit off; => "chat_limit" directive can't be "off" beside other lines: remove this one or them
refused chat chat_limit message rate=1r/s; chat_limit message rate=2r/s; chat_limit message rate=3r/s; chat_limit message rate=4r/s; chat_limit message rate=5r/s; chat_limit message rate=6r/s; chat_limit message rate=7r/s; chat_limit message rate=8r/s; chat_limit message rate=9r/s; => "chat_limit" directive is there eight times already, which is the most: remove one
refused chat chat_limit_dry_run maybe; => invalid value "maybe" in "chat_limit_dry_run" directive



=== TEST 2: messages of a user, from both workers and over HTTP
--- chat_config
chat_user   $arg_user trusted;
chat_limit  message rate=1r/h burst=3;
--- chat
a: enter ws /chat/lobby?user=ann
b: enter ws /chat/lobby?user=ann other=a
a: ask {"type":"message","id":1,"room":"lobby","text":"1"} -> {"type":"ok"}
a: recv {"text":"1"}
b: recv {"text":"1"}
b: ask {"type":"message","id":2,"room":"lobby","text":"2"} -> {"type":"ok"}
a: recv {"text":"2"}
b: recv {"text":"2"}
p: post /chat/lobby?user=ann other=a {"text":"3"}
p: expect 201
q: post /chat/?user=ann same=a [{"type":"message","id":4,"room":"lobby","text":"4","nonce":"12345678"}]
q: expect 200 [{"type":"ok","reply_to":4}]
a: recv {"text":"3"}
a: recv {"text":"4"}
a: ask {"type":"message","id":5,"room":"lobby","text":"5"} -> {"type":"error","reply_to":5,"code":"rate_limited","temporary":true,"room":"lobby","retry_after_ms":"<< $_ > 3500000 && $_ <= 3600000 >>"}
log /\[warn\] .*chat client is limited, "chat_limit message rate=1r\/h burst=3 key=user" is reached/
p: post /chat/lobby?user=ann {"text":"6"}
p: expect 429 {"code":"rate_limited","status":429,"retry_after_ms":"<int>"}
p: header Retry-After: /^3[56]\d\d$/
p: post /chat/?user=ann [{"type":"message","id":6,"room":"lobby","text":"6"}]
p: expect 200 [{"type":"error","reply_to":6,"code":"rate_limited","retry_after_ms":"<int>"}]
# what was acknowledged already is free
q: post /chat/?user=ann [{"type":"message","id":4,"room":"lobby","text":"4","nonce":"12345678"}]
q: expect 200 [{"type":"ok","reply_to":4,"duplicate":true}]
# nobody else is limited, and nothing but messages
p: post /chat/lobby?user=bob {"text":"of bob"}
p: expect 201
a: recv {"text":"of bob"}
a: ask {"type":"history","id":7,"room":"lobby"} -> {"type":"history","reply_to":7}
a: none
# a message that is refused makes no room
p: post /chat/made?user=ann {"text":"x"}
p: expect 429
p: get /chat/made?user=ann
p: expect 404
s: get /chat-status
s: expect 200 {"rate_limited_total":4}



=== TEST 3: a bucket fills again
--- chat_config
chat_limit  message rate=5r/s burst=0;
--- chat
a: enter ws /chat/lobby
a: ask {"type":"message","id":1,"room":"lobby","text":"1"} -> {"type":"ok"}
a: recv {"text":"1"}
a: ask {"type":"message","id":2,"room":"lobby","text":"2"} -> {"type":"error","code":"rate_limited","retry_after_ms":"<< $_ > 0 && $_ <= 200 >>"}
sleep 0.21
a: ask {"type":"message","id":3,"room":"lobby","text":"3"} -> {"type":"ok"}



=== TEST 4: long messages cost more, but never more than there can be
--- chat_config
chat_limit  message rate=1r/h burst=3;
chat_limit  message rate=1r/h burst=0 key=room;
--- chat
a: enter ws /chat/one
let long = <<"x" x 2048>>
a: ask {"type":"message","id":1,"room":"one","text":"$long"} -> {"type":"ok"}
a: recv {"type":"message"}
# one is left of four, but none in this room
a: ask {"type":"message","id":2,"room":"one","text":"1"} -> {"type":"error","code":"rate_limited"}
log /"chat_limit message rate=1r\/h burst=0 key=room" is reached/
a: ask {"type":"join","id":3,"room":"two"} -> {"type":"joined"}
a: ask {"type":"message","id":4,"room":"two","text":"1"} -> {"type":"ok"}
a: recv {"type":"message"}
a: ask {"type":"join","id":5,"room":"three"} -> {"type":"joined"}
a: ask {"type":"message","id":6,"room":"three","text":"1"} -> {"type":"error","code":"rate_limited"}
# the refusal took nothing of the room's
b: post /chat/three {"text":"2"}
b: expect 201



=== TEST 5: addresses; of IPv6 the first half
--- http_config
real_ip_header    X-Real-IP;
set_real_ip_from  127.0.0.1;
--- chat_config
chat_limit  message rate=1r/h key=ip;
--- chat
p: post /chat/r header="X-Real-IP: 192.0.2.1" {"text":"1"}
p: expect 201
p: post /chat/r header="X-Real-IP: 192.0.2.1" {"text":"2"}
p: expect 429
p: post /chat/r header="X-Real-IP: 192.0.2.2" {"text":"3"}
p: expect 201
p: post /chat/r header="X-Real-IP: 2001:db8:1:2::1" {"text":"4"}
p: expect 201
p: post /chat/r header="X-Real-IP: 2001:db8:1:2:3:4:5:6" {"text":"5"}
p: expect 429
p: post /chat/r header="X-Real-IP: 2001:db8:1:3::1" {"text":"6"}
p: expect 201
# a session keeps the address that it came from
w: enter ws /chat/r header="X-Real-IP: 192.0.2.3"
w: ask {"type":"message","id":1,"room":"r","text":"7"} -> {"type":"ok"}
w: recv {"text":"7"}
p: post /chat/r header="X-Real-IP: ::ffff:192.0.2.3" {"text":"8"}
p: expect 429
w: ask {"type":"message","id":2,"room":"r","text":"9"} -> {"type":"error","code":"rate_limited"}



=== TEST 6: rooms entered, pages read
--- chat_config
chat_user   $arg_user trusted;
chat_limit  join rate=1r/h burst=2 key=session;
chat_limit  history rate=1r/h burst=1;
--- chat
a: enter ws /chat/one?user=ann
a: ask {"type":"join","id":1,"room":"two"} -> {"type":"joined"}
a: send {"type":"join","id":2,"rooms":[{"room":"three"},{"room":"four"}]}
a: recv {"type":"joined","room":"three"}
a: recv {"type":"ok","reply_to":2,"failed":[{"room":"four","code":"rate_limited"}]}
a: ask {"type":"join","id":3,"room":"four"} -> {"type":"error","reply_to":3,"room":"four","code":"rate_limited","retry_after_ms":"<int>"}
# another session of the same user
b: enter ws /chat/four?user=ann other=a
b: ask {"type":"join","id":1,"room":"one","last":10} -> {"type":"joined","page":"<object>"}
p: get /chat/one?user=ann
p: expect 200 {"type":"history"}
p: get /chat/one?user=ann
p: expect 429 {"code":"rate_limited","retry_after_ms":"<int>"}
b: ask {"type":"history","id":2,"room":"one"} -> {"type":"error","reply_to":2,"code":"rate_limited"}
b: ask {"type":"join","id":3,"room":"two","after":"0"} -> {"type":"error","reply_to":3,"code":"rate_limited"}
# an event stream that is refused what passes may come back
s: sse /chat/one?user=ann last=0000000000-1
s: recv {"type":"error","code":"rate_limited","temporary":true}
s: end



=== TEST 7: connections
--- chat_config
chat_limit  connect rate=1r/h burst=1;
--- chat
a: ws /chat/
b: sse /chat/lobby other=a
c: ws /chat/ status=429
c: expect 429 {"code":"rate_limited","retry_after_ms":"<int>"}
c: header Retry-After: /^3[56]\d\d$/
d: sse /chat/lobby
d: recv {"type":"error","code":"rate_limited","temporary":true,"retry_after_ms":"<int>"}
d: end
d: retry /^[0-9]{3,4}/
e: stream /chat/ status=429 [{"type":"ping"}]
e: expect 429 {"code":"rate_limited","retry_after_ms":"<int>"}
# requests are none of them
p: post /chat/lobby {"text":"m"}
p: expect 201



=== TEST 8: who doesn't stop is closed
--- chat_config
chat_limit  command rate=1r/h burst=4;
--- chat
a: enter ws /chat/lobby
a: send [{"type":"ping"},{"type":"ping"},{"type":"ping"},{"type":"ping"},{"type":"ping"}]
5 * a: recv {"type":"pong"}
50 * a: ask {"type":"ping","id":$i} -> {"type":"error","reply_to":$i,"code":"rate_limited","retry_after_ms":"<int>"}
let pings = <<[map { { type => "ping" } } 1 .. 60]>>
a: send $pings
a: until {"type":"closing","code":4429,"reason":"flooding","reconnect":true,"retry_after_ms":30000}
a: closed 4429
log /chat client is closed, it went on after it was limited/
# in one array, too, and nothing behind the end is done
b: enter ws /chat/lobby
b: send $pings
5 * b: recv {"type":"pong"}
51 * b: recv {"type":"error","code":"rate_limited"}
b: recv {"type":"closing","code":4429}
b: closed 4429
# a stream by fetch
c: stream /chat/ $pings
c: recv {"type":"welcome"}
5 * c: recv {"type":"pong"}
51 * c: recv {"type":"error","code":"rate_limited"}
c: recv {"type":"closing","code":4429,"retry_after_ms":30000}
c: end
# a request without a session is only answered
p: post /chat/ $pings
p: expect 200



=== TEST 9: raw has no errors
--- chat_config
chat_format  raw;
chat_limit   message rate=1r/h burst=1 key=ip;
--- chat
a: ws /chat/r
a: send one
a: recv "one"
a: send two
a: recv "two"
a: send three
a: closed 4429 rate_limited
p: post /chat/r type=text/plain four
p: expect 429
p: header Retry-After: /^[0-9]+$/



=== TEST 10: a dry run
--- chat_config
chat_limit          message rate=1r/h;
chat_limit          connect rate=1r/h;
chat_limit_dry_run  on;
--- chat
a: enter ws /chat/lobby
b: enter ws /chat/lobby
a: ask {"type":"message","id":1,"room":"lobby","text":"1"} -> {"type":"ok"}
a: recv {"text":"1"}
3 * a: ask {"type":"message","room":"lobby","text":"m"} -> {"text":"m"}
log /chat client is limited \(dry run\), "chat_limit message rate=1r\/h burst=0 key=user" is reached/
s: get /chat-status
s: expect 200 {"rate_limited_total":4}



=== TEST 11: equal lines are one limit, lines replace inherited ones
--- chat_http
chat_zone   zone=main:8m;
chat_limit  message rate=1r/h key=ip;
--- config
location ^~ /inherits/ {
    chat        main;
    chat_guest  on;
}
location ^~ /off/ {
    chat        main;
    chat_guest  on;
    chat_limit  off;
}
--- chat_config
chat_limit  message rate=1r/h burst=1 key=ip;
--- chat
p: post /chat/r {"text":"1"}
p: expect 201
p: post /inherits/r {"text":"2"}
p: expect 201
p: post /inherits/r {"text":"3"}
p: expect 429
p: post /chat/r {"text":"4"}
p: expect 201
p: post /chat/r {"text":"5"}
p: expect 429
p: post /off/r {"text":"6"}
p: expect 201
# they outlive a reload
reload
p: post /inherits/r {"text":"7"}
p: expect 429



=== TEST 12: a worker that is killed takes no tokens along
--- chat_config
chat_limit  message rate=1r/h burst=1 key=ip;
--- chat
a: enter ws /chat/lobby
a: ask {"type":"message","id":1,"room":"lobby","text":"1"} -> {"type":"ok"}
kill9 a
a: end anyhow
p: post /chat/lobby {"text":"2"}
p: expect 201
p: post /chat/lobby {"text":"3"}
p: expect 429
