#!/usr/bin/perl

# One, two and four workers: whoever publishes, whoever reads.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;

workers(4);

run_tests();

__DATA__

=== TEST 1: from each worker to all
--- chat
a: ws /chat/lobby
b: ws /chat/lobby other=a
c: ws /chat/lobby other=a,b
d: ws /chat/lobby other=a,b,c
a: recv {"type":"welcome"}
a: recv {"type":"joined","epoch":"$e=<epoch>"}
b: recv {"type":"welcome"}
b: recv {"type":"joined","epoch":"$e"}
c: recv {"type":"welcome"}
c: recv {"type":"joined","epoch":"$e"}
d: recv {"type":"welcome"}
d: recv {"type":"joined","epoch":"$e"}
s: get /chat-status
s: expect 200 {"workers":4,"subscriptions":4}
a: send {"type":"message","room":"lobby","text":"from a"}
a: recv {"id":"$e-1","text":"from a"}
b: recv {"id":"$e-1","text":"from a"}
c: recv {"id":"$e-1","text":"from a"}
d: recv {"id":"$e-1","text":"from a"}
c: send {"type":"message","room":"lobby","text":"from c"}
a: recv {"id":"$e-2","text":"from c"}
b: recv {"id":"$e-2","text":"from c"}
c: recv {"id":"$e-2","text":"from c"}
d: recv {"id":"$e-2","text":"from c"}
p: post /chat/ same=b [{"type":"message","room":"lobby","text":"from b's"}]
a: recv {"id":"$e-3","text":"from b's"}
b: recv {"id":"$e-3","text":"from b's"}
c: recv {"id":"$e-3","text":"from b's"}
d: recv {"id":"$e-3","text":"from b's"}



=== TEST 2: a crowd over four workers
--- chat_config
chat_user  $arg_user trusted;
--- chat
crowd clients=40 rooms=4 publishers=8 rate=200
crowd await 1000
crowd stop
s: get /chat-status?user=s
s: expect 200 {"workers":4,"gaps_total":0,"full_total":0}



=== TEST 3: one worker, then four, then two, then one
--- chat_config
chat_user   $arg_user trusted;
chat_drain  500ms;
--- chat
edit s/worker_processes\s+\d+/worker_processes 1/
reload
drained
crowd clients=40 rooms=4 publishers=8 rate=50
crowd await 100
await /chat-status {"workers":1,"sessions":40,"subscriptions":40}
edit s/worker_processes 1/worker_processes 4/
reload
crowd moved 1
drained
await /chat-status {"workers":4,"sessions":40,"subscriptions":40}
edit s/worker_processes 4/worker_processes 2/
reload
crowd moved 2
drained
await /chat-status {"workers":2,"sessions":40,"subscriptions":40}
edit s/worker_processes 2/worker_processes 1/
reload
crowd moved 3
drained
crowd stop
await /chat-status {"workers":1,"gaps_total":0}
