#!/usr/bin/perl

# Frames (RFC 6455, section 5): fragments, lengths, masks, reserved bits and
# opcodes, UTF-8, sizes.  What breaks the rules ends the connection by 1002,
# 1003, 1007 or 1009, and what follows it is not read.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;

run_tests();

__DATA__

=== TEST 1: a message in fragments, control frames between them
--- chat
a: enter ws /chat/lobby
a: frame text fin=0 {"type":"mess
a: frame ping one
a: frame cont fin=0 age","id":1,"room":"lob
a: frame pong nobody asked
a: frame cont fin=0 ""
a: frame ping two
a: frame cont by","text":"pieces"}
a: recv_frame pong one
a: recv_frame pong two
a: recv {"type":"ok","reply_to":1}
a: recv {"type":"message","text":"pieces"}



=== TEST 2: the first fragment is empty, the last one is empty, all are small
--- chat
a: ws /chat/
a: recv {"type":"welcome"}
a: frame text fin=0 ""
a: frame cont {"type":"ping","id":1}
a: recv {"type":"pong","reply_to":1}
a: frame text fin=0 {"type":"ping","id":2}
a: frame cont fin=0 ""
a: frame cont ""
a: recv {"type":"pong","reply_to":2}
a: frame text fin=0 {"type":"hello","id":3,"client":"
60 * a: frame cont fin=0 x
a: frame cont "\"}"
a: recv {"type":"ok","reply_to":3}



=== TEST 3: a thousand fragments of one byte, in one segment and each in its own
--- chat
a: enter ws /chat/lobby
a: cork
a: frame text fin=0 {"type":"message","room":"lobby","text":"
1000 * a: frame cont fin=0 x
a: frame cont "\"}"
a: uncork
a: recv {"type":"message","text":"<< $_ eq 'x' x 1000 >>"}
a: frame text fin=0 {"type":"message","room":"lobby","text":"
100 * a: frame cont fin=0 y
a: frame cont "\"}"
a: recv {"type":"message","text":"<< $_ eq 'y' x 100 >>"}



=== TEST 4: many frames in one segment, then silence
--- chat
a: enter ws /chat/lobby
b: enter ws /chat/lobby tls other=a
a: cork
1000 * a: send {"type":"message","id":$i,"room":"lobby","text":"m$i"}
a: uncork
1000 * a: recv {"type":"ok","reply_to":$i}
1000 * a: recv {"type":"message","text":"m$i"}
1000 * b: recv {"type":"message","text":"m$i"}
b: cork
1000 * b: send {"type":"ping","id":$i}
b: uncork
1000 * b: recv {"type":"pong","reply_to":$i}



=== TEST 5: lengths where the form of the header changes
--- chat_config
chat_message_max  512k  text=500k;
--- chat
let head = <<length '{"type":"message","room":"lobby","text":""}'>>
let t125 = <<"a" x (125 - $head)>>
let t126 = <<"b" x (126 - $head)>>
let t127 = <<"c" x (127 - $head)>>
let t65535 = <<"d" x (65535 - $head)>>
let t65536 = <<"e" x (65536 - $head)>>
let t65537 = <<"f" x (65537 - $head)>>
a: enter ws /chat/lobby
a: send {"type":"message","room":"lobby","text":"$t125"}
a: recv {"type":"message","text":"$t125"}
a: send {"type":"message","room":"lobby","text":"$t126"}
a: recv {"type":"message","text":"$t126"}
a: send {"type":"message","room":"lobby","text":"$t127"}
a: recv {"type":"message","text":"$t127"}
a: send {"type":"message","room":"lobby","text":"$t65535"}
a: recv {"type":"message","text":"$t65535"}
a: send {"type":"message","room":"lobby","text":"$t65536"}
a: recv {"type":"message","text":"$t65536"}
a: send {"type":"message","room":"lobby","text":"$t65537"}
a: recv {"type":"message","text":"$t65537"}
# the same in pieces that begin at every byte of the mask
a: chunk 4093
a: send {"type":"message","room":"lobby","text":"$t65536"}
a: recv {"type":"message","text":"$t65536"}
a: chunk 7
a: send {"type":"message","room":"lobby","text":"$t127"}
a: recv {"type":"message","text":"$t127"}



=== TEST 6: lengths that are not in their shortest form
--- chat
let t125 = <<"x" x 125>>
a: ws /chat/
a: recv {"type":"welcome"}
a: frame text bits=16 {"type":"ping"}
a: recv {"type":"closing","code":1002,"reconnect":false}
a: closed 1002
a: ws /chat/
a: recv {"type":"welcome"}
a: frame text bits=16 $t125
a: until {"type":"closing","code":1002}
a: closed 1002
a: ws /chat/
a: recv {"type":"welcome"}
a: frame text bits=64 {"type":"ping"}
a: recv {"type":"closing","code":1002}
a: closed 1002
# 64 bits for 65535: before its first byte of payload
a: ws /chat/
a: recv {"type":"welcome"}
a: frame text bits=64 len=65535 ""
a: recv {"type":"closing","code":1002}
a: closed 1002
# and the highest bit of 64
a: ws /chat/
a: recv {"type":"welcome"}
a: raw hex:81ff8000000000000001 00000000
a: recv {"type":"closing","code":1002}
a: closed 1002



=== TEST 7: frames without a mask
--- chat
a: ws /chat/
a: recv {"type":"welcome"}
a: frame text mask=0 {"type":"ping"}
a: recv {"type":"closing","code":1002,"reason":"protocol error","reconnect":false}
a: closed 1002
a: ws /chat/ tls
a: recv {"type":"welcome"}
a: frame ping mask=0 ""
a: recv {"type":"closing","code":1002}
a: recv_frame close /^\x03\xea/
a: ws /chat/
a: recv {"type":"welcome"}
a: frame close mask=0 hex:03e8
a: recv {"type":"closing","code":1002}
a: closed 1002
# the second byte is enough
a: ws /chat/
a: recv {"type":"welcome"}
a: raw hex:8105
a: recv {"type":"closing","code":1002}
a: closed 1002
# in the middle of a message
a: ws /chat/
a: recv {"type":"welcome"}
a: frame text fin=0 {"type":
a: frame cont mask=0 "\"ping\"}"
a: recv {"type":"closing","code":1002}
a: closed 1002



=== TEST 8: reserved bits
--- chat
a: ws /chat/
a: recv {"type":"welcome"}
a: frame text rsv=1 {"type":"ping"}
a: recv {"type":"closing","code":1002}
a: closed 1002
a: ws /chat/
a: recv {"type":"welcome"}
a: frame text rsv=2 {"type":"ping"}
a: recv {"type":"closing","code":1002}
a: closed 1002
a: ws /chat/
a: recv {"type":"welcome"}
a: frame ping rsv=4 x
a: recv {"type":"closing","code":1002}
a: closed 1002
a: ws /chat/
a: recv {"type":"welcome"}
a: frame text fin=0 {"type":
a: frame cont rsv=1 "\"ping\"}"
a: recv {"type":"closing","code":1002}
a: closed 1002



=== TEST 9: reserved opcodes
--- chat
repeat 5
let op = <<$i + 2>>
a: ws /chat/
a: recv {"type":"welcome"}
a: frame $op x
a: recv {"type":"closing","code":1002}
a: closed 1002
let op = <<$i + 10>>
a: ws /chat/
a: recv {"type":"welcome"}
a: frame $op x
a: recv {"type":"closing","code":1002}
a: closed 1002
end



=== TEST 10: control frames that are too long, or in fragments
--- chat
let x125 = <<"x" x 125>>
let x126 = <<"x" x 126>>
a: ws /chat/
a: recv {"type":"welcome"}
a: frame ping $x125
a: recv_frame pong $x125
a: frame ping ""
a: recv_frame pong ""
a: frame ping $x126
a: recv {"type":"closing","code":1002}
a: closed 1002
a: ws /chat/
a: recv {"type":"welcome"}
a: frame pong $x126
a: recv {"type":"closing","code":1002}
a: closed 1002
a: ws /chat/
a: recv {"type":"welcome"}
a: frame ping fin=0 x
a: recv {"type":"closing","code":1002}
a: closed 1002
a: ws /chat/
a: recv {"type":"welcome"}
a: frame close fin=0 hex:03e8
a: recv {"type":"closing","code":1002}
a: closed 1002



=== TEST 11: fragments out of order
--- chat
a: ws /chat/
a: recv {"type":"welcome"}
a: frame cont {"type":"ping"}
a: recv {"type":"closing","code":1002}
a: closed 1002
a: ws /chat/
a: recv {"type":"welcome"}
a: frame text {"type":"ping"}
a: frame cont fin=0 ""
a: recv {"type":"pong"}
a: recv {"type":"closing","code":1002}
a: closed 1002
a: ws /chat/
a: recv {"type":"welcome"}
a: frame text fin=0 {"type":
a: frame text {"type":"ping"}
a: recv {"type":"closing","code":1002}
a: closed 1002
a: ws /chat/
a: recv {"type":"welcome"}
a: frame text fin=0 {"type":
a: frame bin x
a: recv {"type":"closing","code":1002}
a: closed 1002



=== TEST 12: what follows a wrong frame is not read
--- chat
a: enter ws /chat/lobby
a: cork
a: send {"type":"message","id":1,"room":"lobby","text":"before"}
a: frame 3 x
a: send {"type":"message","id":2,"room":"lobby","text":"behind"}
a: frame ping behind
a: uncork
a: recv {"type":"ok","reply_to":1}
a: recv {"type":"closing","code":1002}
a: recv_frame close
a: end
b: get /chat/lobby
b: expect 200 {"head":1,"events":[{"text":"before"}]}



=== TEST 13: characters at the edges of what UTF-8 may say
--- chat
a: enter ws /chat/lobby
let hex = <<unpack 'H*', qq~{"type":"message","room":"lobby","text":"\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbd\xef\xbf\xbe\xef\xbf\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"}~>>
a: frame text hex:$hex
a: recv {"type":"message","text":"<< join(' ', map { sprintf '%x', ord } split //) eq '7f 80 7ff 800 d7ff e000 fffd fffe ffff 10000 10ffff' >>"}



=== TEST 14: characters in pieces: fragments and segments
--- chat
a: enter ws /chat/lobby
# a euro sign and a grinning face, cut in every place
a: frame text fin=0 {"type":"message","room":"lobby","text":"
a: frame cont fin=0 hex:e2
a: frame ping between
a: frame cont fin=0 hex:82
a: frame cont fin=0 ""
a: frame cont fin=0 hex:acf0
a: frame cont fin=0 hex:9f98
a: frame cont hex:80227d
a: recv_frame pong between
a: recv {"type":"message","text":"\u20ac\ud83d\ude00"}
a: chunk 1
a: send {"type":"message","room":"lobby","text":"€😀"}
a: recv {"type":"message","text":"\u20ac\ud83d\ude00"}
b: enter ws /chat/lobby tls
b: chunk 1
b: send {"type":"message","room":"lobby","text":"€😀"}
b: recv {"type":"message","text":"\u20ac\ud83d\ude00"}
a: recv {"type":"message","text":"\u20ac\ud83d\ude00"}



=== TEST 15: what is not UTF-8
--- chat
repeat 26
let hex = <<(qw(80 bf c080 c1bf c0af c2 c220 c2c2 df e08080 e09fbf e0a0 e282 e28228 eda080 edadbf edafbf edb080 edbfbf f0808080 f08fbfbf f09f98 f4908080 f5808080 fe ff))[$i - 1]>>
a: ws /chat/
a: recv {"type":"welcome"}
a: frame text hex:$hex
a: recv {"type":"closing","code":1007,"reconnect":false}
a: closed 1007
end



=== TEST 16: it is noticed at once
--- chat
# in a fragment, long before the message ends
a: ws /chat/
a: recv {"type":"welcome"}
a: frame text fin=0 hex:cebae1bdb9cf83cebcceb5
a: frame cont fin=0 hex:f490
a: recv {"type":"closing","code":1007}
a: closed 1007
# inside a frame whose rest has not come
b: ws /chat/ tls
b: recv {"type":"welcome"}
b: frame text len=10000 hex:ff
b: recv {"type":"closing","code":1007}
b: recv_frame close /^\x03\xef/
# over the edge of two fragments
c: ws /chat/
c: recv {"type":"welcome"}
c: frame text fin=0 hex:e2
c: frame cont 20
c: recv {"type":"closing","code":1007}
c: closed 1007
# over the edge of two segments
d: ws /chat/
d: recv {"type":"welcome"}
d: chunk 1
d: frame text hex:e22020
d: recv {"type":"closing","code":1007}
d: closed 1007
# a character that the message's end cuts off
e: ws /chat/
e: recv {"type":"welcome"}
e: frame text fin=0 hex:20e282
e: frame cont ""
e: recv {"type":"closing","code":1007}
e: closed 1007



=== TEST 17: messages of the largest size, and one byte more
--- chat
let rest = <<" " x (16384 - length '{"type":"ping","id":1}')>>
let more = <<" " x (16385 - length '{"type":"ping","id":1}')>>
let pad = <<" " x 8192>>
a: ws /chat/
a: recv {"type":"welcome"}
a: frame text "{\"type\":\"ping\",\"id\":1}$rest"
a: recv {"type":"pong","reply_to":1}
a: frame text fin=0 "$pad"
a: frame ping x
a: frame cont fin=0 "$pad"
a: frame cont ""
a: recv_frame pong x
a: recv {"type":"error","code":"bad_request"}
a: frame text "{\"type\":\"ping\",\"id\":1}$more"
a: recv {"type":"closing","code":1009,"reason":"message too big","reconnect":false}
a: closed 1009



=== TEST 18: a length that is too large is enough
--- chat
let pad = <<" " x 8192>>
a: ws /chat/
a: recv {"type":"welcome"}
a: frame text len=16385 ""
a: recv {"type":"closing","code":1009}
a: closed 1009
a: ws /chat/ tls
a: recv {"type":"welcome"}
a: raw hex:81ff7fffffffffffffff 00000000
a: recv {"type":"closing","code":1009}
a: recv_frame close /^\x03\xf1/
a: ws /chat/
a: recv {"type":"welcome"}
a: frame text fin=0 "$pad"
a: frame cont fin=0 "$pad"
a: frame cont len=1 ""
a: recv {"type":"closing","code":1009}
a: closed 1009
# the client that was cut short has a room for itself again
b: ws /chat/
b: recv {"type":"welcome"}



=== TEST 19: a limit of its own
--- chat_config
chat_message_max 1k text=1k;
--- chat
let rest = <<" " x (1024 - length '{"type":"ping"}')>>
a: ws /chat/
a: recv {"type":"welcome","limits":{"frame":1024}}
a: frame text "{\"type\":\"ping\"}$rest"
a: recv {"type":"pong"}
a: frame text len=1025 ""
a: recv {"type":"closing","code":1009}
a: closed 1009



=== TEST 20: binary messages are not chat.v1
--- chat
a: ws /chat/
a: recv {"type":"welcome"}
a: frame bin {"type":"ping"}
a: recv {"type":"closing","code":1003,"reconnect":false}
a: closed 1003
b: ws /chat/
b: recv {"type":"welcome"}
b: frame bin fin=0 hex:ff00
b: frame cont hex:fe
b: recv {"type":"closing","code":1003}
b: closed 1003
