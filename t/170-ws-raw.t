#!/usr/bin/perl

# chat_format raw over WebSocket: every frame of a client is a publish, what
# comes is what was sent, and errors are Close codes (PROTOCOL, section 6).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;

run_tests();

__DATA__

=== TEST 1: text and binary as they are, back to their sender, too
--- chat_config
chat_format raw;
--- chat
a: ws /chat/room
a: sync
b: ws /chat/room other=a
b: sync
c: ws /chat/room tls
c: sync
a: send hello
a: recv "hello"
b: recv "hello"
c: recv "hello"
b: sendbin hex:00ff80c3
a: recvbin hex:00ff80c3
b: recvbin hex:00ff80c3
c: recvbin hex:00ff80c3
# text stays text, binary stays binary, commands are nothing special
c: send {"type":"ping","id":1}
a: recv_frame text {"type":"ping","id":1}
b: recv_frame text {"type":"ping","id":1}
c: recv_frame text {"type":"ping","id":1}
c: sendbin plain
a: recv_frame bin plain
a: frame text "\xe2\x82\xac \0 \r\n"
a: recv "\xe2\x82\xac \0 \r\n"
# nothing is something, too
a: frame text ""
a: recv_frame text ""
a: frame bin ""
a: recv_frame bin ""
a: close 1000
a: closed 1000



=== TEST 2: sizes where headers change, whole, in fragments and in segments
--- chat_config
chat_format       raw;
chat_message_max  128k;
--- chat
a: ws /chat/room
a: sync
b: ws /chat/room other=a tls
b: sync
repeat 9
let n = <<(1, 125, 126, 127, 4095, 65535, 65536, 65537, 131072)[$i - 1]>>
a: sendblob bin $n b$i
a: recvblob bin $n b$i
b: recvblob bin $n b$i
b: sendblob text $n t$i pieces=7
a: recvblob text $n t$i
b: recvblob text $n t$i
end
a: chunk 1
a: sendblob bin 150 one pieces=20
b: recvblob bin 150 one
a: chunk 16001
a: sendblob bin 131072 many pieces=3
b: recvblob bin 131072 many
--- chat_http
chat_zone zone=main:64m;



=== TEST 3: a thousand frames in one segment
--- chat_config
chat_format raw;
--- chat
a: ws /chat/room
a: sync
b: ws /chat/room other=a
b: sync
a: cork
1000 * a: send m$i
a: uncork
1000 * a: recv "m$i"
1000 * b: recv "m$i"



=== TEST 4: errors are Close codes, without an object
--- chat_config
chat_format raw;
--- chat
a: ws /chat/room
a: frame text mask=0 x
a: recv_frame close /^\x03\xea/
a: end
a: ws /chat/room
a: frame text hex:ff
a: recv_frame close /^\x03\xef/
a: end
# bytes that are no text may be binary
a: ws /chat/room
a: frame bin fin=0 hex:ff
a: frame cont hex:c080
a: recvbin hex:ffc080
a: frame bin len=16385 ""
a: recv_frame close /^\x03\xf1/
a: end
a: ws /chat/room
a: frame bin fin=0 hex:ff
a: frame text x
a: recv_frame close /^\x03\xea/
a: end



=== TEST 5: a room in the URL is needed
--- chat_http
chat_zone       zone=main:8m;
chat_max_rooms  main 1;
chat_rooms      main fixed create=off;
--- chat_config
chat_format raw;
--- chat
a: ws /chat/
a: closed 1008 "no room"
a: ws /chat/.hidden
a: closed 1008 bad_request
a: ws /chat/fixed
a: closed 1008 not_found
a: ws /chat/room
a: sync
b: ws /chat/other
b: closed 1013 full
a: send hello
a: recv "hello"



=== TEST 6: nobody is told so by a Close
--- chat_config
chat_format  raw;
chat_user    $http_x_user trusted;
--- chat
a: ws /chat/room
a: closed 4401 unauthorized
a: ws /chat/room header="X-User: ann"
a: sync
a: send hello
a: recv "hello"



=== TEST 7: where a client begins
--- chat_config
chat_format raw;
--- chat
a: ws /chat/room
a: sync
3 * a: send m$i
3 * a: recv "m$i"
# now, or with all that is kept; a page there is none
b: ws /chat/room other=a
b: sync
c: ws /chat/room?after=0 other=a
d: ws /chat/room?last=2
d: sync
e: ws /chat/room?after=nonsense
e: sync
3 * c: recv "m$i"
a: sendbin x
b: recvbin x
c: recvbin x
d: recvbin x
e: recvbin x



=== TEST 8: rooms of raw and of chat.v1 are different rooms
--- chat_config
chat_format raw;
--- config
location /v1/ {
    chat        main;
    chat_guest  on;
}
--- chat
a: ws /chat/room
a: sync
b: ws /v1/room
b: recv {"type":"welcome"}
b: recv {"type":"joined","head":0}
a: send raw
a: recv "raw"
b: ask {"type":"message","id":1,"room":"room","text":"chat"} -> {"type":"ok","id":"/-1$/"}
b: recv {"type":"message","text":"chat"}
a: send again
a: recv "again"
b: ask {"type":"ping","id":2} -> {"type":"pong","reply_to":2}



=== TEST 9: subprotocols
--- chat_config
chat_format raw;
--- chat
a: ws /chat/room
a: header Sec-WebSocket-Protocol: absent
a: ws /chat/room proto=bearer.x status=101
a: header Sec-WebSocket-Protocol: absent
# a wrong token is told after the handshake
a: closed 4401
a: ws /chat/room proto=mqtt,other
a: header Sec-WebSocket-Protocol: mqtt
a: send x
a: recv "x"



=== TEST 10: pings, and a drain, need no objects
--- chat_config
chat_format        raw;
chat_ping          1s;
chat_ping_timeout  2s;
chat_drain         200ms;
--- chat
a: ws /chat/room nopong
a: recv_frame ping ""
a: frame pong ""
a: frame ping x
a: recv_frame pong x
reload
a: recv_frame close /^\x03\xf4/
a: end



=== TEST 11: what is published by HTTP comes as text or as binary
--- chat_config
chat_format raw;
--- chat
a: ws /chat/room
a: sync
b: post /chat/room type=text/plain hello
b: expect 201
a: recv_frame text hello
b: post /chat/room type=application/octet-stream hex:00ff
b: expect 201
a: recv_frame bin hex:00ff



=== TEST 12: what the access log says
--- chat_http
chat_zone   zone=main:8m;
log_format  chat  '$status [$chat_room] $chat_received/$chat_sent '
                  '$chat_close_code';
access_log  logs/chat.log  chat;
--- chat_config
chat_format raw;
--- chat
a: ws /chat/room
a: sync
3 * a: send x
3 * a: recv "x"
a: close 1000
a: closed 1000
logged chat.log /^101 \[room\] 3\/3 1000$/
