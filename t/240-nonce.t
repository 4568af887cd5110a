#!/usr/bin/perl

# Nonces: the same message twice is one message, over every worker and over
# what becomes of workers.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest points => 1;

run_tests();

__DATA__

=== TEST 1: again on another worker, and after a reload
--- chat_config
chat_user   ann;
chat_drain  1s;
--- chat
a: enter ws /chat/lobby
a: send {"type":"message","id":1,"room":"lobby","text":"m","nonce":"12345678"}
a: recv {"type":"ok","reply_to":1,"id":"$id=<id>","ts":"$ts=<int>","duplicate":"<absent>"}
a: recv {"type":"message"}
b: enter ws /chat/lobby other=a
b: send {"type":"message","id":1,"room":"lobby","text":"m","nonce":"12345678"}
b: recv {"type":"ok","reply_to":1,"id":"$id","ts":$ts,"duplicate":true}
b: none 0.1
p: post /chat/ [{"type":"message","id":1,"room":"lobby","text":"m","nonce":"12345678"}]
p: expect 200 [{"type":"ok","id":"$id","ts":$ts,"duplicate":true}]
reload
p: post /chat/ [{"type":"message","id":1,"room":"lobby","text":"m","nonce":"12345678"}]
p: expect 200 [{"type":"ok","id":"$id","ts":$ts,"duplicate":true}]
p: post /chat/ [{"type":"message","id":1,"room":"lobby","text":"other","nonce":"12345678"}]
p: expect 200 [{"type":"error","code":"conflict","temporary":false}]



=== TEST 2: the key is room, user and nonce
--- chat_config
chat_user  $arg_user trusted;
--- chat
p: post /chat/?user=ann [{"type":"message","id":1,"room":"one","text":"m","nonce":"12345678"}]
p: expect 200 [{"type":"ok","id":"/-1$/","duplicate":"<absent>"}]
p: post /chat/?user=bob [{"type":"message","id":1,"room":"one","text":"m","nonce":"12345678"}]
p: expect 200 [{"type":"ok","id":"/-2$/","duplicate":"<absent>"}]
p: post /chat/?user=ann [{"type":"message","id":1,"room":"two","text":"m","nonce":"12345678"}]
p: expect 200 [{"type":"ok","id":"/-1$/","duplicate":"<absent>"}]
p: post /chat/?user=ann [{"type":"message","id":1,"room":"one","text":"m","nonce":"12345679"}]
p: expect 200 [{"type":"ok","id":"/-3$/","duplicate":"<absent>"}]
p: post /chat/?user=ann [{"type":"message","id":1,"room":"one","text":"m","nonce":"12345678"}]
p: expect 200 [{"type":"ok","id":"/-1$/","duplicate":true}]



=== TEST 3: not for ever
--- chat_http
chat_zone   zone=main:8m;
chat_nonce  main ttl=2s;
chat_rooms  main clock age=3s;
--- chat_config
chat_user  ann;
--- chat
p: post /chat/ [{"type":"message","id":1,"room":"one","text":"m","nonce":"12345678"}]
p: expect 200 [{"type":"ok","id":"$id=<id>"}]
p: post /chat/ [{"type":"message","id":1,"room":"one","text":"m","nonce":"12345678"}]
p: expect 200 [{"type":"ok","id":"$id","duplicate":true}]
# seconds are whole ones, and this is how to wait for three
p: post /chat/ [{"type":"message","id":1,"room":"clock","text":"m"}]
await /chat/clock {"events":[]}
p: post /chat/ [{"type":"message","id":1,"room":"one","text":"m","nonce":"12345678"}]
p: expect 200 [{"type":"ok","id":"/-2$/","duplicate":"<absent>"}]



=== TEST 4: the last 256 of a user in a room
--- chat_config
chat_user  ann;
--- chat
repeat 4
let n = <<64 * $i>>
let batch = <<[map { { type => "message", id => $_, room => "one", text => "m$_", nonce => "the-nonce-$_" } } $n - 63 .. $n]>>
p: post /chat/ $batch
end
repeat 4
let n = <<64 * $i>>
let batch = <<[map { { type => "message", id => $_, room => "one", text => "m$_", nonce => "the-nonce-$_" } } $n - 63 .. $n]>>
p: post /chat/ $batch
p: expect 200 /^\[(\{[^{}]*"duplicate":true\},?){64}\]$/
end



=== TEST 5: a log that is gone takes its nonces along
--- chat_http
chat_zone       zone=main:8m;
chat_max_rooms  main 1;
--- chat_config
chat_user  ann;
--- chat
p: post /chat/ [{"type":"message","id":1,"room":"one","text":"m","nonce":"12345678"}]
p: expect 200 [{"type":"ok","id":"$id=<id>"}]
p: post /chat/ [{"type":"message","id":1,"room":"two","text":"m"}]
p: post /chat/ [{"type":"message","id":1,"room":"one","text":"m","nonce":"12345678"}]
p: expect 200 [{"type":"ok","duplicate":"<absent>","id":"<< $_ ne '$id' >>"}]



=== TEST 6: the message that a nonce was for is trimmed, the nonce is not
--- chat_http
chat_zone   zone=main:8m;
chat_rooms  main  *  history=1;
--- chat_config
chat_user  ann;
--- chat
p: post /chat/ [{"type":"message","id":1,"room":"one","text":"m","nonce":"12345678"}]
p: expect 200 [{"type":"ok","id":"$id=<id>"}]
50 * p: post /chat/ [{"type":"message","id":1,"room":"one","text":"m"}]
p: post /chat/ [{"type":"message","id":1,"room":"one","text":"m","nonce":"12345678"}]
p: expect 200 [{"type":"ok","id":"$id","duplicate":true}]



=== TEST 7: a worker that dies after the nonce, before the message: not there
--- chat_config
chat_user  ann;
--- chat
p: post /chat/ [{"type":"message","id":1,"room":"one","text":"m"}]
p: expect 200 [{"type":"ok","id":"$first=<id>"}]
a: ws /chat/one
a: recv {"type":"welcome"}
a: recv {"type":"joined","epoch":"$e=<epoch>"}
point nonce
a: send {"type":"message","id":1,"room":"one","text":"m","nonce":"12345678"}
a: end
point passed
p: post /chat/ [{"type":"message","id":1,"room":"one","text":"m","nonce":"12345678"}]
p: expect 200 [{"type":"ok","id":"$e-2","duplicate":"<absent>"}]
p: post /chat/ [{"type":"message","id":1,"room":"one","text":"m","nonce":"12345678"}]
p: expect 200 [{"type":"ok","id":"$e-2","duplicate":true}]



=== TEST 8: and after the message, before the answer: there, once
--- chat_config
chat_user  ann;
--- chat
a: ws /chat/one
a: recv {"type":"welcome"}
a: recv {"type":"joined","epoch":"$e=<epoch>"}
point head:after
a: send {"type":"message","id":1,"room":"one","text":"m","nonce":"12345678"}
a: end
point passed
p: post /chat/ [{"type":"message","id":1,"room":"one","text":"m","nonce":"12345678"}]
p: expect 200 [{"type":"ok","id":"$e-1","duplicate":true}]
p: get /chat/one
p: expect 200 {"head":1,"events":[{"text":"m"}]}
