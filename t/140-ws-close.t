#!/usr/bin/perl

# How a WebSocket ends, and how one is kept alive: Close frames in both
# directions, ends without one, pings, and what the access log says.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;

run_tests();

__DATA__

=== TEST 1: the client closes, its code comes back
--- chat
repeat 13
let code = <<(1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1014, 3000, 4000, 4999)[$i - 1]>>
a: enter ws /chat/lobby
a: close $code "good bye, \xe2\x82\xac"
a: closed $code ""
end
let long = <<"x" x 123>>
b: ws /chat/ tls
b: recv {"type":"welcome"}
b: close 1000 $long
b: closed 1000
c: ws /chat/
c: recv {"type":"welcome"}
c: close
c: closed 1005



=== TEST 2: codes that nobody may send
--- chat
repeat 11
let hex = <<sprintf '%04x', (0, 999, 1004, 1005, 1006, 1015, 1016, 2000, 2999, 5000, 65535)[$i - 1]>>
a: ws /chat/
a: recv {"type":"welcome"}
a: frame close hex:$hex
a: recv_frame close hex:03ea
a: end
end
# a code of one byte, and a reason that is not UTF-8
a: ws /chat/
a: recv {"type":"welcome"}
a: frame close hex:03
a: recv_frame close hex:03ea
a: end
a: ws /chat/
a: recv {"type":"welcome"}
a: frame close hex:03e8 ff
a: recv_frame close hex:03ef
a: end
a: ws /chat/
a: recv {"type":"welcome"}
a: frame close hex:03e8 e282
a: recv_frame close hex:03ef
a: end



=== TEST 3: what came before the Close is answered, what comes behind is not
--- chat
a: enter ws /chat/lobby
a: cork
100 * a: send {"type":"message","id":$i,"room":"lobby","text":"m$i"}
a: close 1000
a: send {"type":"message","id":"late","room":"lobby","text":"late"}
a: frame ping late
a: frame 3 nonsense
a: uncork
100 * a: recv {"type":"ok","reply_to":$i}
a: recv_frame close hex:03e8
a: end
b: get /chat/lobby?limit=1
b: expect 200 {"head":100,"events":[{"text":"m100"}]}



=== TEST 4: a Close between fragments, and one in pieces
--- chat
a: enter ws /chat/lobby
a: frame text fin=0 {"type":"message","room":"lobby","text":"
a: close 1001
a: closed 1001
b: ws /chat/
b: recv {"type":"welcome"}
b: chunk 1
b: close 4321 "a reason"
b: closed 4321
c: ws /chat/ tls
c: recv {"type":"welcome"}
c: chunk 3
c: close 4321 "a reason"
c: closed 4321



=== TEST 5: the server closes, the client answers
--- chat_config
chat_user  $http_x_user trusted;
--- chat
a: ws /chat/
a: recv {"type":"closing","code":4401}
timeout 1.5
a: closed 4401
# over TLS the server waits for the answer, and not longer
b: ws /chat/ tls
b: recv {"type":"closing","code":4401}
b: closed 4401
# both at once
c: ws /chat/ first="x"
c: close 1000
c: recv {"type":"closing","code":4401}
c: closed 4401
d: get /chat-status
d: expect 200 {"sessions":0}



=== TEST 6: the server closes, the client says nothing or goes on for long
--- chat
# it learns why, although it has not read for a while
a: ws /chat/
a: recv {"type":"welcome"}
a: frame 3 ""
20 * a: sendblob bin 50000 $i
a: recv {"type":"closing","code":1002}
a: recv_frame close
a: end
# over TLS, too
b: ws /chat/ tls
b: recv {"type":"welcome"}
b: frame 3 ""
20 * b: sendblob bin 50000 $i
b: recv {"type":"closing","code":1002}
b: recv_frame close
# nobody waits for ever
b: end
c: get /chat-status
c: expect 200 {"sessions":0}



=== TEST 7: ends without a Close
--- chat
a: enter ws /chat/lobby
b: enter ws /chat/lobby other=a
c: enter ws /chat/lobby tls same=a
d: enter ws /chat/lobby tls
# what came before the FIN counts
b: cork
b: send {"type":"message","room":"lobby","text":"last words"}
b: uncork
b: fin
a: recv {"type":"message","text":"last words"}
c: recv {"type":"message","text":"last words"}
await /chat-status {"sessions":3}
b: drop
c: drop
d: reset
await /chat-status {"sessions":1,"subscriptions":1}
a: send {"type":"message","id":1,"room":"lobby","text":"alone"}
a: recv {"type":"ok"}
a: recv {"type":"message","text":"alone"}
# in the middle of a message, of a header
b: ws /chat/
b: recv {"type":"welcome"}
b: frame text len=100 {"type":
b: fin
b: end
b: ws /chat/
b: recv {"type":"welcome"}
b: raw hex:81fe
b: fin
b: end
await /chat-status {"sessions":1}



=== TEST 8: pings of a client
--- chat
a: ws /chat/
a: recv {"type":"welcome"}
a: frame ping hello
a: recv_frame pong hello
a: frame ping hex:00ff80
a: recv_frame pong hex:00ff80
a: frame pong unasked
a: cork
a: frame ping 1
a: send {"type":"ping","id":"two"}
a: frame ping 3
a: uncork
a: recv_frame pong 1
a: recv {"type":"pong","reply_to":"two"}
a: recv_frame pong 3
a: chunk 1
a: frame ping "in pieces"
a: recv_frame pong "in pieces"



=== TEST 9: who is silent is pinged; who stays silent is dropped, and no other
--- chat_http
chat_zone   zone=main:8m;
log_format  chat  '$http_user_agent: $status [$chat_room] [$chat_user] '
                  '$chat_received/$chat_sent $chat_close_code';
access_log  logs/chat.log  chat;
--- chat_config
chat_ping          1s;
chat_ping_timeout  100s;
--- config
location /short/ {
    chat               main;
    chat_guest         on;
    chat_ping          1s;
    chat_ping_timeout  3s;
}
--- chat
deaf: ws /short/room nopong
deaf: recv {"type":"welcome","ping_ms":1000}
deaf: recv {"type":"joined"}
hears: enter ws /chat/room
heart: ws /chat/
heart: recv {"type":"welcome","features":["history","resume","heartbeat","..."]}
heart: send {"type":"hello","id":1,"heartbeat":true}
heart: recv {"type":"ok","reply_to":1}
speaks: enter ws /chat/room tls
# who speaks all the time is not pinged; who only listens is, however much it
# is told
speaks: pings before
repeat 22
speaks: send {"type":"message","room":"room","text":"m$i"}
speaks: recv {"type":"message","text":"m$i"}
hears: recv {"type":"message","text":"m$i"}
sleep 0.1
end
speaks: pings n
check <<$n == $before>>
hears: pings n
check <<$n >= 1>>
silent: ws /short/lobby nopong header="User-Agent: silent"
silent: recv {"type":"welcome","user":{"id":"$silent=<string>"}}
silent: recv {"type":"joined"}
stopped: ws /short/
stopped: recv {"type":"welcome"}
stopped: send {"type":"hello","heartbeat":true}
b: ws /short/ tls
b: recv {"type":"welcome"}
# pings keep their distance, however long the timeout is
heart: recv_frame text {"type":"ping"}
heart: send {"type":"pong"}
b: recv_frame ping ""
b: frame pong ""
heart: recv_frame text {"type":"ping"}
heart: send {"type":"pong"}
heart: send {"type":"hello","id":2}
heart: recv {"type":"ok","reply_to":2}
# anything is a sign of life
b: recv_frame ping ""
b: send {"type":"pong"}
heart: recv_frame ping ""
silent: recv_frame ping ""
silent: end
stopped: recv_frame text {"type":"ping"}
stopped: end
log /chat client has been silent for 3 s/
logged chat.log /^silent: 101 \[lobby\] \[$silent\] 0\/0 1006$/
b: recv_frame ping ""
b: send {"type":"ping","id":1}
b: recv {"type":"pong","reply_to":1}
deaf: recv {"type":"message","text":"m1"}
deaf: end anyhow



=== TEST 10: what the access log says
--- chat_http
chat_zone   zone=main:8m;
log_format  chat  '$http_user_agent: $status "$request" $uri?$args '
                  '[$chat_room] [$chat_user] $chat_transport '
                  '$chat_received/$chat_sent $chat_close_code';
access_log  logs/chat.log  chat;
--- chat_config
chat_user  $http_x_user trusted;
--- chat
a: enter ws /chat/lobby?last=5 header="X-User: ann" header="User-Agent: closes"
3 * a: send {"type":"message","room":"lobby","text":"m$i"}
3 * a: recv {"type":"message"}
a: close 4000
a: closed 4000
logged chat.log /^closes: 101 "GET \/chat\/lobby\?last=5 HTTP\/1\.1" \/chat\/lobby\?last=5 \[lobby\] \[ann\] websocket 3\/3 4000$/
a: ws /chat/ header="X-User: ann" header="User-Agent: fails"
a: recv {"type":"welcome"}
a: frame 3 ""
a: recv {"type":"closing","code":1002}
a: closed 1002
a: drop
logged chat.log /^fails: 101 "GET \/chat\/ HTTP\/1\.1" \/chat\/\?- \[-\] \[ann\] websocket 0\/0 1002$/
a: enter ws /chat/lobby header="X-User: ann" header="User-Agent: leaves"
a: fin
a: end
logged chat.log /^leaves: 101 .* \[lobby\] \[ann\] websocket 0\/0 1006$/
a: ws /chat/lobby header="User-Agent: nobody"
a: recv {"type":"closing","code":4401}
a: closed 4401
logged chat.log /^nobody: 101 .* \[lobby\] \[-\] websocket 0\/0 4401$/
a: ws /chat/lobby header="User-Agent: early" version=8 status=426
logged chat.log /^early: 426 .* websocket /



=== TEST 11: the log knows the address that realip has found
--- chat_http
chat_zone         zone=main:8m;
set_real_ip_from  127.0.0.0/8;
real_ip_header    X-Forwarded-For;
log_format        chat  '$remote_addr $status $chat_close_code $bytes_sent';
access_log        logs/chat.log  chat;
--- chat
a: ws /chat/ header="X-Forwarded-For: 192.0.2.7"
a: recv {"type":"welcome"}
a: close 1000
a: closed 1000
logged chat.log /^192\.0\.2\.7 101 1000 \d{3,4}$/
b: ws /chat/ tls header="X-Forwarded-For: 2001:db8::1"
b: recv {"type":"welcome"}
b: frame 3 ""
b: recv {"type":"closing","code":1002}
b: recv_frame close
b: drop
logged chat.log /^2001:db8::1 101 1002 \d{3,4}$/
