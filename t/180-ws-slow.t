#!/usr/bin/perl

# Clients that do not read, or slowly: nobody else notices, they get what they
# missed or are told what is gone, and what waits for them is bounded.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;

run_tests();

__DATA__

=== TEST 1: who reads again gets everything, in order
--- chat_http
chat_zone   zone=main:32m;
chat_rooms  main  *  size=8m;
--- chat
let big = <<"x" x 4000>>
a: ws /chat/lobby
a: recv {"type":"welcome"}
a: recv {"type":"joined","epoch":"$e=<epoch>"}
b: enter ws /chat/lobby other=a
same: enter ws /chat/lobby same=a narrow
other: enter ws /chat/lobby other=a narrow
tls: enter ws /chat/lobby other=a narrow tls
a: pump 300 to=b {"type":"message","room":"lobby","text":"$i $big"}
same: blocked
other: blocked
tls: blocked
# on the way back a part, then more is published
other: follow 100
a: pump 50 to=b {"type":"message","room":"lobby","text":"$i $big"}
same: follow 350 gaps=n
check <<$n == 0>>
tls: follow 350 gaps=n
check <<$n == 0>>
let first = <<101>>
other: recv {"id":"$e-101"}
other: follow 350 gaps=n
check <<$n == 0>>
# and it is live again
a: send {"type":"message","room":"lobby","text":"live"}
same: recv {"text":"live"}
other: recv {"text":"live"}
tls: recv {"text":"live"}



=== TEST 2: what is gone by then is a gap, not a silence
--- chat_http
chat_zone   zone=main:8m;
chat_rooms  main  *  history=20 size=64k;
--- chat
let big = <<"x" x 4000>>
a: enter ws /chat/lobby
same: enter ws /chat/lobby same=a narrow
other: enter ws /chat/lobby other=a narrow tls
a: pump 400 window=4 {"type":"message","room":"lobby","text":"$i $big"}
same: follow 400 gaps=n
check <<$n > 100>>
other: follow 400 gaps=n
check <<$n > 100>>
a: send {"type":"message","room":"lobby","text":"live"}
same: recv {"text":"live"}
other: recv {"text":"live"}
c: get /chat-status
c: expect 200 {"gaps_total":"<< $_ >= 2 >>"}



=== TEST 3: a blocked client can speak, enter and leave
--- chat_http
chat_zone   zone=main:32m;
chat_rooms  main  *  size=8m;
--- chat
let big = <<"x" x 4000>>
a: enter ws /chat/lobby
c: enter ws /chat/lobby narrow other=a
a: pump 100 {"type":"message","room":"lobby","text":"$i $big"}
c: blocked
# an answer goes before what is behind, its event has its place
c: cork
c: send {"type":"message","id":"mine","room":"lobby","text":"mine"}
c: send {"type":"join","id":"in","room":"other"}
c: send {"type":"message","id":"two","room":"other","text":"two"}
c: uncork
a: recv {"type":"message","id":"/-101$/","text":"mine"}
c: until {"type":"ok","reply_to":"mine","id":"/-101$/"}
c: recv {"type":"joined","reply_to":"in","room":"other"}
c: recv {"type":"ok","reply_to":"two"}
c: send {"type":"leave","id":"other","room":"other"}
c: until {"type":"message","id":"/-101$/","text":"mine"}
# left while something of the room is still under way: it ends, and no more
a: pump 100 {"type":"message","room":"lobby","text":"$i $big"}
c: blocked
c: send {"type":"leave","id":"out","room":"lobby"}
c: taken
c: until {"type":"left","reply_to":"out","room":"lobby"}
c: sync



=== TEST 4: a flooded room does not keep the others waiting
--- chat_http
chat_zone   zone=main:32m;
chat_rooms  main  *  size=8m;
--- chat
let big = <<"x" x 4000>>
a: ws /chat/
a: recv {"type":"welcome"}
a: send {"type":"join","rooms":[{"room":"flood"},{"room":"quiet"}]}
a: recv {"type":"joined"}
a: recv {"type":"joined"}
c: ws /chat/ narrow other=a
c: recv {"type":"welcome"}
c: send {"type":"join","rooms":[{"room":"flood"},{"room":"quiet"},{"room":"silent"}]}
3 * c: recv {"type":"joined"}
a: pump 200 {"type":"message","room":"flood","text":"$i $big"}
c: blocked
a: ask {"type":"message","id":1,"room":"quiet","text":"hush"} -> {"type":"ok"}
c: until {"type":"message","room":"quiet","text":"hush"}
c: until {"type":"message","room":"flood","id":"/-200$/"}
# who leaves the room that is next loses nothing of the others
a: recv {"text":"hush"}
a: pump 100 {"type":"message","room":"flood","text":"$i $big"}
c: blocked
c: send {"type":"leave","id":2,"room":"quiet"}
c: send {"type":"leave","id":3,"room":"silent"}
c: taken
c: until {"type":"left","room":"silent"}
c: until {"type":"message","room":"flood","id":"/-300$/"}



=== TEST 5: TLS under a blocked socket, byte for byte, in both directions
--- chat_http
chat_zone   zone=main:64m;
chat_rooms  main  *  size=16m;
--- chat_config
chat_format       raw;
chat_message_max  256k;
--- chat
a: ws /chat/room
a: sync
t: ws /chat/room narrow tls other=a
t: sync
p: ws /chat/room narrow same=a
p: sync
repeat 12
let n = <<(1, 3000, 20000, 100, 16384, 65536, 16383, 200000, 16385, 5, 262144, 40000)[$i - 1]>>
a: sendblob bin $n a$i
a: recvblob bin $n a$i
end
t: blocked
p: blocked
# replies beside what is under way
t: frame ping one
t: sendblob bin 70000 t
a: recvblob bin 70000 t
repeat 12
let n = <<(1, 3000, 20000, 100, 16384, 65536, 16383, 200000, 16385, 5, 262144, 40000)[$i - 1]>>
t: recvblob bin $n a$i
p: recvblob bin $n a$i
end
t: recvblob bin 70000 t
p: recvblob bin 70000 t
t: sync
# and read in small pieces
30 * a: sendblob bin 3000 s$i
30 * a: recvblob bin 3000 s$i
t: step 97
p: step 113
repeat 30
t: recvblob bin 3000 s$i
p: recvblob bin 3000 s$i
end



=== TEST 6: replies that are not read stop the reading of commands
--- chat
c: enter ws /chat/lobby narrow
b: enter ws /chat/lobby same=c
c: cork
4000 * c: send {"type":"ping","id":$i}
c: uncork
c: unread
# the worker has time for others
b: ask {"type":"message","id":1,"room":"lobby","text":"free"} -> {"type":"ok"}
b: recv {"type":"message","text":"free"}
c: recv {"type":"pong","reply_to":1}
4 * c: sip 1000
repeat 3999
c: until {"type":"pong","reply_to":"<int>"}
end
c: sync



=== TEST 7: more is asked for than is read: the rest is refused
--- chat
let big = <<"x" x 4000>>
a: enter ws /chat/lobby
a: pump 80 {"type":"message","room":"lobby","text":"$i $big"}
c: ws /chat/
c: recv {"type":"welcome"}
let all = <<[map { { type => 'history', id => $$_, room => 'lobby', limit => 100 } } 1 .. 63]>>
c: send $all
repeat 10
c: recv {"type":"history","reply_to":$i,"more":true}
end
c: until {"type":"error","code":"rate_limited","temporary":true,"retry_after_ms":1000,"reply_to":"<int>"}
c: until {"type":"error","code":"rate_limited","reply_to":63}
c: ask {"type":"history","id":"again","room":"lobby","limit":1} -> {"type":"history","reply_to":"again"}



=== TEST 8: who reads nothing is dropped after chat_slow_timeout
--- chat_http
chat_zone   zone=main:32m;
chat_rooms  main  *  size=8m;
log_format  chat  '$http_user_agent $chat_close_code';
access_log  logs/chat.log  chat;
--- chat_config
chat_slow_timeout  1s;
--- config
location /patient/ {
    chat               main;
    chat_guest         on;
    chat_slow_timeout  100s;
    chat_ping          1s;
    chat_ping_timeout  2s;
}
--- chat
let big = <<"x" x 4000>>
a: enter ws /chat/lobby
b: enter ws /chat/lobby other=a
plain: enter ws /chat/lobby narrow same=a header="User-Agent: plain"
tls: enter ws /chat/lobby narrow tls header="User-Agent: tls"
# reads a little all the time
slow: enter ws /chat/lobby narrow
# is not read itself meanwhile, so it is not silent
busy: ws /patient/ narrow header="User-Agent: busy"
busy: recv {"type":"welcome"}
busy: cork
4000 * busy: send {"type":"ping","id":$i}
busy: uncork
busy: unread
a: pump 100 to=b {"type":"message","room":"lobby","text":"$i $big"}
slow: blocked
repeat 16
slow: sip 8000
sleep 0.15
end
logged chat.log /^plain 4408$/
logged chat.log /^tls 4408$/
log /chat client has read nothing for \d s/
plain: end anyhow
tls: end anyhow
slow: follow 100
repeat 4000
busy: recv {"type":"pong","reply_to":$i}
end
a: ask {"type":"message","id":1,"room":"lobby","text":"on"} -> {"type":"ok"}
b: recv {"type":"message","text":"on"}
slow: recv {"type":"message","text":"on"}
c: get /chat-status
c: expect 200 {"sessions":4,"slow_closed_total":2}



=== TEST 9: the buffers of a worker have an end: the oldest goes
--- chat_http
chat_zone     zone=main:8m;
chat_buffers  1m;
log_format    chat  '$http_user_agent $chat_close_code';
access_log    logs/chat.log  chat;
--- chat
let big = <<"x" x 4000>>
a: enter ws /chat/lobby
a: pump 80 {"type":"message","room":"lobby","text":"$i $big"}
one: ws /chat/ narrow same=a header="User-Agent: one"
one: recv {"type":"welcome"}
two: ws /chat/ narrow same=a
two: recv {"type":"welcome"}
three: ws /chat/ narrow same=a tls
three: recv {"type":"welcome"}
four: ws /chat/ narrow same=a
four: recv {"type":"welcome"}
five: ws /chat/ narrow same=a
five: recv {"type":"welcome"}
one: send {"type":"history","id":1,"room":"lobby","limit":100}
one: blocked
two: send {"type":"history","id":1,"room":"lobby","limit":100}
two: blocked
three: send {"type":"history","id":1,"room":"lobby","limit":100}
three: blocked
four: send {"type":"history","id":1,"room":"lobby","limit":100}
four: blocked
five: send {"type":"history","id":1,"room":"lobby","limit":100}
log /reads too slowly, "chat_buffers" are used up/
logged chat.log /^one 4408$/
one: end anyhow
two: recv {"type":"history","reply_to":1}
three: recv {"type":"history","reply_to":1}
four: recv {"type":"history","reply_to":1}
five: recv {"type":"history","reply_to":1}
a: ask {"type":"ping","id":1} -> {"type":"pong","reply_to":1}



=== TEST 10: a Close behind what was not read yet
--- chat_http
chat_zone   zone=main:32m;
chat_rooms  main  *  size=8m;
--- chat
let big = <<"x" x 4000>>
a: enter ws /chat/lobby
c: enter ws /chat/lobby narrow
d: enter ws /chat/lobby narrow tls
a: pump 100 {"type":"message","room":"lobby","text":"$i $big"}
c: blocked
d: blocked
# a frame that was begun ends, then there is only the Close
c: close 1000
c: taken
c: until close 1000
c: end
d: frame 3 ""
d: taken
d: until {"type":"closing","code":1002}
d: recv_frame close /^\x03\xea/



=== TEST 11: who takes nothing keeps the rest of a message, not all of a turn
--- chat
let some = <<[map { { type => 'message', room => 'lobby', text => "$$_" . 'x' x 1000 } } 1 .. 12]>>
a: enter ws /chat/lobby
same: enter ws /chat/lobby same=a narrow
other: enter ws /chat/lobby same=a narrow
a: pump 80 each=12 window=2 $some
same: blocked
other: blocked
await /chat-status {"messages_total":960,"buffer_bytes":"<< $_ > 0 && $_ < 2500 >>"}
