#!/usr/bin/perl

# What a publish and a join may meet over WebSocket: nonces that come twice,
# rooms that are not there, limits, a zone that was moved (PROTOCOL, sections 4
# and 8).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;

run_tests();

__DATA__

=== TEST 1: nonces, over two workers
--- chat_config
chat_user  $http_x_user trusted;
--- chat
let n64 = <<"n" x 64>>
a: enter ws /chat/lobby header="X-User: ann"
b: ws /chat/ header="X-User: ann" other=a
b: recv {"type":"welcome"}
b: send {"type":"join","rooms":[{"room":"lobby"},{"room":"other"}]}
b: recv {"type":"joined"}
b: recv {"type":"joined"}
c: enter ws /chat/lobby header="X-User: bob"
a: send {"type":"message","id":1,"room":"lobby","text":"x","data":{"k":[1,2]},"nonce":"12345678"}
a: recv {"type":"ok","reply_to":1,"id":"$id=<id>","ts":"$ts=<int>"}
a: recv {"type":"message","id":"$id"}
b: recv {"type":"message","id":"$id","nonce":"12345678"}
c: recv {"type":"message","id":"$id"}
# the same again, in other words: white space is none of them
b: send {"type":"message","id":2,"room":"lobby","data":{"k": [1,2]},"text":"\u0078","nonce":"12345678"}
b: recv {"type":"ok","reply_to":2,"id":"$id","ts":"<< $_ == $ts >>","duplicate":true}
b: send {"type":"message","id":3,"room":"lobby","text":"x","nonce":"12345678"}
b: recv {"type":"error","reply_to":3,"code":"conflict","room":"lobby","temporary":false}
b: send {"type":"message","id":4,"room":"lobby","text":"x","data":{"k":[1,2]},"thread":"$id","nonce":"12345678"}
b: recv {"type":"error","reply_to":4,"code":"conflict"}
# without an id a repetition is silent
b: send {"type":"message","room":"lobby","text":"x","data":{"k":[1,2]},"nonce":"12345678"}
# another room, another user
b: send {"type":"message","id":5,"room":"other","text":"x","nonce":"12345678"}
b: recv {"type":"ok","reply_to":5,"duplicate":"<absent>"}
b: recv {"type":"message","room":"other"}
c: send {"type":"message","id":6,"room":"lobby","text":"y","nonce":"12345678"}
c: recv {"type":"ok","reply_to":6,"duplicate":"<absent>"}
c: recv {"type":"message","user":{"id":"bob"}}
a: recv {"type":"message","user":{"id":"bob"}}
a: send {"type":"message","id":7,"room":"lobby","text":"z","nonce":"$n64"}
a: recv {"type":"ok","reply_to":7}
a: recv {"type":"message","nonce":"$n64"}



=== TEST 2: the codes of limits and of rooms that are not there
--- chat_http
chat_zone       zone=main:8m;
chat_max_rooms  main 4 session=3;
chat_rooms      main fixed-* create=off;
--- chat
a: ws /chat/
a: recv {"type":"welcome","limits":{"rooms":3}}
a: send {"type":"join","id":1,"room":"fixed-1"}
a: recv {"type":"error","reply_to":1,"code":"not_found","room":"fixed-1","temporary":false}
a: send {"type":"history","id":2,"room":"fixed-1"}
a: recv {"type":"error","reply_to":2,"code":"not_found","room":"fixed-1"}
a: send {"type":"message","id":3,"room":"fixed-1","text":"x"}
a: recv {"type":"error","reply_to":3,"code":"not_joined","room":"fixed-1"}
a: send {"type":"history","id":4,"room":"nowhere"}
a: recv {"type":"error","reply_to":4,"code":"not_found","room":"nowhere"}
3 * a: send {"type":"join","id":$i,"room":"r$i"}
3 * a: recv {"type":"joined","reply_to":$i}
a: send {"type":"join","id":5,"room":"r4"}
a: recv {"type":"error","reply_to":5,"code":"too_many_rooms","room":"r4","temporary":false}
# a room that is joined already is none more
a: send {"type":"join","id":6,"room":"r3"}
a: recv {"type":"joined","reply_to":6}
b: ws /chat/ other=a
b: recv {"type":"welcome"}
b: send {"type":"join","id":1,"room":"r4"}
b: recv {"type":"joined","reply_to":1}
b: send {"type":"join","id":2,"room":"r5"}
b: recv {"type":"error","reply_to":2,"code":"full","room":"r5","temporary":true}
b: send {"type":"join","id":3,"rooms":[{"room":"r1"},{"room":"r5"},{"room":"fixed-2"},{"room":".x"},{"room":"r2"},{"room":"r3"}]}
b: recv {"type":"joined","room":"r1"}
b: recv {"type":"joined","room":"r2"}
b: recv {"type":"ok","reply_to":3,"failed":[{"room":"r5","code":"full"},{"room":"fixed-2","code":"not_found"},{"room":".x","code":"bad_request"},{"room":"r3","code":"too_many_rooms"}]}
b: send {"type":"leave","id":4,"room":"r4"}
b: recv {"type":"left","reply_to":4}
b: send {"type":"join","id":5,"room":"r3"}
b: recv {"type":"joined","reply_to":5}



=== TEST 3: unavailable: a zone that a reload has moved
--- chat_config
chat_drain 10s;
--- chat
a: enter ws /chat/lobby
edit s/zone=main:8m/zone=main:16m/
reload
a: recv {"type":"reconnect","after_ms":"<int>","deadline_ms":"<int>"}
a: send {"type":"message","id":1,"room":"lobby","text":"too late"}
a: recv {"type":"error","reply_to":1,"code":"unavailable","room":"lobby","temporary":true}
a: send {"type":"join","id":2,"room":"other"}
a: recv {"type":"error","reply_to":2,"code":"unavailable","room":"other","temporary":true}
a: close 1001
a: closed 1001
b: ws /chat/lobby
b: recv {"type":"welcome"}
b: recv {"type":"joined","head":0}



=== TEST 4: too large for all that the room may have
--- chat_http
chat_zone   zone=main:8m;
chat_rooms  main  small  size=16k;
--- chat_config
chat_message_max  256k  text=200k;
--- chat
let long = <<"x" x 100000>>
a: ws /chat/small
a: recv {"type":"welcome","limits":{"text":204800,"frame":262144}}
a: recv {"type":"joined"}
a: send {"type":"message","id":1,"room":"small","text":"$long"}
a: recv {"type":"error","reply_to":1,"code":"too_large","room":"small","temporary":false}
a: ask {"type":"message","id":2,"room":"small","text":"small"} -> {"type":"ok","reply_to":2,"id":"/-1$/"}
