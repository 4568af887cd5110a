#!/usr/bin/perl

# permessage-deflate (RFC 7692).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;

run_tests();

__DATA__

=== TEST 1: negotiated only where it is on
--- chat_http
chat_zone zone=main:8m;
--- chat
a: ws /chat/lobby header="Sec-WebSocket-Extensions: permessage-deflate"
a: header Sec-WebSocket-Extensions: absent
a: recv {"type":"welcome"}
a: frame text rsv=4 hex:00
a: until {"type":"closing","code":1002}
a: closed 1002



=== TEST 2: long events are compressed for those who asked, once
--- chat_config
chat_deflate on;
--- chat
a: ws /chat/lobby deflate
a: header Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover
a: recv {"type":"welcome"}
a: recv {"type":"joined","epoch":"$e=<epoch>"}
b: enter ws /chat/lobby deflate same=a
c: enter ws /chat/lobby
a: deflated 1
let long = <<"ab" x 1500>>
c: send {"type":"message","room":"lobby","text":"$long"}
c: send {"type":"message","room":"lobby","text":"short"}
a: recv {"text":"$long","id":"$e-1"}
a: recv {"text":"short"}
b: recv {"text":"$long"}
b: recv {"text":"short"}
c: recv {"text":"$long"}
c: recv {"text":"short"}
a: deflated 2
d: ws /chat/lobby?after=$e-0 deflate
d: recv {"type":"welcome"}
d: recv {"type":"joined","recovered":true}
d: recv {"text":"$long"}
d: recv {"text":"short"}
d: deflated 2



=== TEST 3: compressed commands, in pieces too, and beside others
--- chat_config
chat_deflate on;
--- chat
a: ws /chat/lobby deflate
a: recv {"type":"welcome"}
a: recv {"type":"joined","epoch":"$e=<epoch>"}
let long = <<"cd" x 1500>>
a: zsend {"type":"message","id":1,"room":"lobby","text":"$long"}
a: recv {"type":"ok","reply_to":1}
a: recv {"text":"$long"}
a: send {"type":"ping","id":2}
a: recv {"type":"pong","reply_to":2}
let z = <<unpack "H*", ChatTest::Frame::deflated('{"type":"ping","id":3}')>>
let z1 = <<substr unpack("H*", ChatTest::Frame::deflated('{"type":"ping","id":3}')), 0, 10>>
let z2 = <<substr unpack("H*", ChatTest::Frame::deflated('{"type":"ping","id":3}')), 10>>
a: frame text fin=0 rsv=4 hex:${z1}
a: frame ping x
a: frame cont hex:${z2}
a: recv {"type":"pong","reply_to":3}



=== TEST 4: a bomb, broken bytes, broken UTF-8, and a bit where it must not be
--- chat_config
chat_deflate on;
--- chat
let bomb = <<unpack "H*", ChatTest::Frame::deflated(" " x 1000000)>>
a: ws /chat/ deflate
a: recv {"type":"welcome"}
a: frame text rsv=4 hex:${bomb}
a: until {"type":"closing","code":1009}
a: closed 1009
b: ws /chat/ deflate
b: recv {"type":"welcome"}
b: frame text rsv=4 hex:ffffffff
b: until {"type":"closing","code":1007}
b: closed 1007
let bad = <<unpack "H*", ChatTest::Frame::deflated("{\"type\":\"\xff\"}")>>
c: ws /chat/ deflate
c: recv {"type":"welcome"}
c: frame text rsv=4 hex:${bad}
c: until {"type":"closing","code":1007}
c: closed 1007
d: ws /chat/ deflate
d: recv {"type":"welcome"}
d: frame ping rsv=4 x
d: until {"type":"closing","code":1002}
d: closed 1002
f: ws /chat/ deflate
f: recv {"type":"welcome"}
f: frame text fin=0 hex:
f: frame cont rsv=4 hex:00
f: until {"type":"closing","code":1002}
f: closed 1002
g: ws /chat/ deflate
g: recv {"type":"welcome"}
g: frame text rsv=4 hex:00
g: recv {"type":"error","code":"bad_request"}



=== TEST 5: raw rooms, and offers that can't be taken
--- chat_config
chat_deflate on;
chat_format raw;
--- chat
a: ws /chat/lobby deflate
let long = <<"xyz" x 500>>
a: zsend $long
a: recv "$long"
a: deflated 1
let bin = <<"00ff" x 400>>
a: sendbin hex:${bin}
a: recvbin hex:${bin}
a: deflated 2
b: ws /chat/lobby header="Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=10"
b: header Sec-WebSocket-Extensions: absent
c: ws /chat/lobby header="Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=10, permessage-deflate; server_max_window_bits=15"
c: header Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=15
d: ws /chat/lobby header="Sec-WebSocket-Extensions: x-webkit-deflate-frame" header="Sec-WebSocket-Extensions: permessage-deflate"
d: header Sec-WebSocket-Extensions: /^permessage-deflate/
