#!/usr/bin/perl

# What is shown and what is kept for those who are just reading are two things:
# a short history costs no reader a message.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;

run_tests();

__DATA__

=== TEST 1: thousands a second over both workers, ten shown
--- chat_http
chat_zone   zone=main:8m;
chat_rooms  main  *  history=10;
--- chat_config
chat_user  $arg_user trusted;
--- chat
crowd clients=12 rooms=1 publishers=4 rate=100000 batch=64
crowd await 12000
crowd stop
p: get /chat/crowd0?user=u
p: expect 200 {"head":"<< $_ >= 12000 >>"}
p: expect 200 {"events":"<< @$_ == 10 >>"}
s: get /chat-status
s: expect 200 {"gaps_total":0,"slow_closed_total":0,"evicted_segments_total":0,"full_total":0}



=== TEST 2: nothing shown
--- chat_http
chat_zone   zone=main:8m;
chat_rooms  main  *  history=0;
--- chat_config
chat_user  $arg_user trusted;
--- chat
crowd clients=8 rooms=2 publishers=4 rate=100000 batch=64
crowd await 8000
crowd stop
s: get /chat-status
s: expect 200 {"gaps_total":0,"evicted_segments_total":0}



=== TEST 3: a reader of another worker that stands still for a moment
--- chat_http
chat_zone   zone=main:8m;
chat_rooms  main  *  history=10;
--- chat
a: ws /chat/one
a: recv {"type":"welcome"}
a: recv {"type":"joined","epoch":"$e=<epoch>"}
b: enter ws /chat/one other=a
let batch = <<[map { { type => "message", room => "one", text => "m$_" } } 1 .. 50]>>
# the whole worker of b stands still
signal STOP b
10 * a: send $batch
500 * a: recv {"id":"$e-$i"}
signal CONT b
500 * b: recv {"id":"$e-$i"}
s: get /chat-status
s: expect 200 {"gaps_total":0}
p: get /chat/one
p: expect 200 {"first":491,"head":500}



=== TEST 4: and one that stands still for longer than the window
--- chat_http
chat_zone   zone=main:8m;
chat_rooms  main  *  history=10 size=16k;
--- chat
a: ws /chat/one
a: recv {"type":"welcome"}
a: recv {"type":"joined","epoch":"$e=<epoch>"}
b: enter ws /chat/one other=a
let batch = <<[map { { type => "message", room => "one", text => "m$_" } } 1 .. 50]>>
signal STOP b
repeat 10
a: send $batch
50 * a: recv {"text":"m$i"}
end
signal CONT b
# told, and from there on without a hole
b: recv {"type":"gap","room":"one","from":1,"to":"$to=<int>","missed":"<< $_ > 300 >>","reason":"trimmed"}
let next = <<$to + 1>>
b: recv {"type":"message","id":"$e-$next"}
b: until {"type":"message","id":"$e-500"}
s: get /chat-status
s: expect 200 {"gaps_total":1}



=== TEST 5: more in one turn of one worker than a room may hold
--- chat_http
chat_zone   zone=main:8m;
chat_rooms  main  *  history=10 size=16k;
--- chat
a: ws /chat/one
a: recv {"type":"welcome"}
a: recv {"type":"joined","epoch":"$e=<epoch>"}
b: enter ws /chat/one same=a
let batch = <<[map { { type => "message", room => "one", text => "m$_" } } 1 .. 50]>>
a: cork
10 * a: send $batch
a: uncork
a: recv {"type":"gap","room":"one","from":1,"to":"$to=<int>","reason":"trimmed"}
let next = <<$to + 1>>
a: recv {"type":"message","id":"$e-$next"}
a: until {"type":"message","id":"$e-500"}
b: recv {"type":"gap","room":"one","from":1,"to":$to}
b: recv {"type":"message","id":"$e-$next"}
b: until {"type":"message","id":"$e-500"}
a: send {"type":"message","room":"one","text":"live again"}
a: recv {"type":"message","id":"$e-501"}
b: recv {"type":"message","id":"$e-501"}



=== TEST 6: a reader that takes a breath
--- chat_http
chat_zone   zone=main:32m;
chat_rooms  main  *  history=10 size=8m;
--- chat
let big = <<"x" x 4000>>
a: enter ws /chat/lobby
same: enter ws /chat/lobby same=a narrow
other: enter ws /chat/lobby other=a narrow
a: pump 400 {"type":"message","room":"lobby","text":"$i $big"}
same: blocked
other: blocked
same: follow 400 gaps=n
check <<$n == 0>>
other: follow 400 gaps=n
check <<$n == 0>>
s: get /chat-status
s: expect 200 {"gaps_total":0}
