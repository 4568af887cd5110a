#!/usr/bin/perl

# A room over WebSocket: two workers, nonces, history, resume; reload and
# kill -9 in between.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;

run_tests();

__DATA__

=== TEST 1: a publish on one worker reaches another, ok comes first
--- chat
a: ws /chat/lobby
a: recv {"type":"welcome","protocol":"chat.v1","user":{"guest":true}}
a: recv {"type":"joined","room":"lobby","first":1,"head":0}
b: ws /chat/lobby other=a
b: recv {"type":"welcome"}
b: recv {"type":"joined","room":"lobby"}
a: send {"type":"message","id":1,"room":"lobby","text":"hi","nonce":"12345678"}
a: recv {"type":"ok","reply_to":1,"room":"lobby","id":"$id=<id>"}
a: recv {"type":"message","id":"$id","text":"hi","nonce":"12345678"}
b: recv {"type":"message","id":"$id","text":"hi"}
a: send {"type":"message","id":2,"room":"lobby","text":"hi","nonce":"12345678"}
a: recv {"type":"ok","reply_to":2,"id":"$id","duplicate":true}
a: send {"type":"message","id":3,"room":"lobby","text":"ho","nonce":"12345678"}
a: recv {"type":"error","reply_to":3,"code":"conflict"}
b: none
a: close 1000
a: closed 1000



=== TEST 2: errors of commands
--- chat
a: ws /chat/
a: recv {"type":"welcome"}
a: send {"type":"message","id":1,"room":"lobby","text":"hi"}
a: recv {"type":"error","reply_to":1,"code":"not_joined"}
a: send {"type":"auth","id":2,"token":"x"}
a: recv {"type":"error","reply_to":2,"code":"unsupported"}
a: send {"type":"nonsense","id":3}
a: recv {"type":"error","reply_to":3,"code":"unknown_command"}
a: send no json
a: recv {"type":"error","code":"bad_request"}
a: send {"type":"ping","id":"x"}
a: recv {"type":"pong","reply_to":"x"}



=== TEST 3: leave, history, resume by cursor
--- chat
a: enter ws /chat/lobby
5 * a: send {"type":"message","room":"lobby","text":"m$i"}
a: recv {"type":"message","text":"m1","id":"$one=<id>"}
a: recv {"type":"message","text":"m2"}
a: recv {"type":"message","text":"m3"}
a: recv {"type":"message","text":"m4"}
a: recv {"type":"message","text":"m5"}
a: send {"type":"history","id":1,"room":"lobby","limit":2}
a: recv {"type":"history","reply_to":1,"head":5,"more":true,"events":[{"text":"m4","rev":4},{"text":"m5","rev":5}]}
b: ws /chat/ other=a
b: recv {"type":"welcome"}
b: send {"type":"join","id":7,"room":"lobby","after":"$one"}
b: recv {"type":"joined","reply_to":7,"recovered":true,"missed":0}
b: recv {"type":"message","text":"m2"}
b: recv {"type":"message","text":"m3"}
b: recv {"type":"message","text":"m4"}
b: recv {"type":"message","text":"m5"}
b: send {"type":"leave","id":8,"room":"lobby"}
b: recv {"type":"left","reply_to":8,"room":"lobby","reason":"left"}
a: send {"type":"message","room":"lobby","text":"m6"}
a: recv {"type":"message","text":"m6"}
b: none



=== TEST 4: the room's log survives kill -9 of a worker and a reload
--- chat_config
chat_drain 1s;
--- chat
a: enter ws /chat/lobby
b: enter ws /chat/lobby other=a
a: send {"type":"message","id":1,"room":"lobby","text":"before"}
a: recv {"type":"ok","id":"$id=<id>"}
a: recv {"type":"message","text":"before"}
b: recv {"type":"message","text":"before"}
kill9 b
a: send {"type":"message","room":"lobby","text":"after"}
a: recv {"type":"message","text":"after"}
c: ws /chat/
c: recv {"type":"welcome"}
c: send {"type":"join","id":1,"room":"lobby","after":"$id"}
c: recv {"type":"joined","recovered":true,"missed":0}
c: recv {"type":"message","text":"after"}
reload
a: until {"type":"reconnect"}
a: until {"type":"closing","code":1012,"reconnect":true}
a: closed 1012
d: ws /chat/
d: recv {"type":"welcome"}
d: send {"type":"join","id":1,"room":"lobby","after":"$id"}
d: recv {"type":"joined","recovered":true,"missed":0}
d: recv {"type":"message","text":"after"}



=== TEST 5: frames that break the protocol
--- chat
a: ws /chat/
a: recv {"type":"welcome"}
a: frame text mask=0 hello
a: recv {"type":"closing","code":1002,"reconnect":false}
a: closed 1002
