#!/usr/bin/perl

# Connections that live for long do not make their worker grow.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;

# what a sanitizer has freed it keeps for a while
Test::More::plan(skip_all => 'memory is told of a plain nginx only')
    if $ENV{CHAT_SANITIZE};

run_tests();

__DATA__

=== TEST 1: two hundred thousand messages
--- chat
timeout 60
let some = <<[map { { type => 'message', room => 'lobby', text => "message $$_" } } 1 .. 64]>>
a: enter ws /chat/lobby
b: enter ws /chat/lobby other=a tls
# buffers reach their size, the room's log goes round
a: pump 300 each=64 window=4 to=b $some
a: rss a1
b: rss b1
a: pump 2825 each=64 window=4 to=b $some
a: rss a2
b: rss b2
check <<$a2 - $a1 < 200>>
check <<$b2 - $b1 < 200>>
c: get /chat-status
c: expect 200 {"messages_total":200000,"deliveries_total":400000}



=== TEST 2: fifty thousand commands, whose answers differ, and frames in pieces
--- chat
timeout 20
let mixed = <<[(map { { type => 'join', id => $$_, room => "r$$_" } } 1 .. 10), (map { { type => 'message', id => 100 + $$_, room => "r$$_", text => 'x', nonce => "nonce-$$_" } } 1 .. 10), (map { { type => 'history', id => "h$$_", room => "r$$_", limit => 10 } } 1 .. 10), (map { { type => 'leave', id => $$_, room => "r$$_" } } 1 .. 20), { type => 'hello', id => 1, client => 'x' }, { type => 'typing', id => 2 }, { type => 'message', id => 3, room => 5 }, { type => 'ping' }]>>
a: ws /chat/
a: recv {"type":"welcome"}
repeat 100
a: send $mixed
a: frame text fin=0 [{"type":
a: frame ping x
a: frame cont "\"ping\",\"id\":\"end\"}]"
a: read /"reply_to":"end"/
end
a: rss before
repeat 900
a: send $mixed
a: frame text fin=0 [{"type":
a: frame ping x
a: frame cont "\"ping\",\"id\":\"end\"}]"
a: read /"reply_to":"end"/
end
a: rss after
check <<$after - $before < 200>>



=== TEST 3: two thousand connections that come and go
--- chat
a: ws /chat/lobby
a: recv {"type":"welcome"}
repeat 100
b: ws /chat/ same=a
b: recv {"type":"welcome"}
b: close 1000
b: closed 1000
end
a: rss before
repeat 500
b: ws /chat/
b: recv {"type":"welcome"}
b: close 1000
b: closed 1000
b: ws /chat/lobby
b: frame 3 ""
b: drop
b: ws /chat/lobby first="{\"type\":\"join\",\"room\":\"x\"}"
b: fin
b: drop
b: ws /chat/lobby version=8 status=426
end
a: rss after
check <<$after - $before < 300>>
await /chat-status {"sessions":1}
