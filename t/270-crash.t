#!/usr/bin/perl

# kill -9 of a worker at every point where it could leave something half done.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest points => 1;


# all workers at once, before the master knows

sub kill_workers {
    my $nginx = shift;

    for my $pid ($nginx->serving) {
        $nginx->expect_death($pid);
        $nginx->signal('KILL', $pid);
    }
}


run_tests();

__DATA__

=== TEST 1: in each step of a publish, under traffic
--- chat_config
chat_user  $arg_user trusted;
--- chat
crowd clients=24 rooms=3 publishers=8 rate=50
point lock
point passed
point nonce
point passed
point segment:taken
point passed
point segment:unlinked
point passed
point append:mid
point passed
point head:before
point passed
point head:after
point passed
point publish:unwoken
point passed
point wake:claimed
point passed
crowd await 100
await /chat-status {"workers":2,"sessions":24,"subscriptions":24,"repairs_total":"<< $_ >= 5 >>","gaps_total":0,"full_total":0}
crowd stop



=== TEST 2: without any warning, one after the other and all at once
--- chat_config
chat_user  $arg_user trusted;
--- chat
crowd clients=24 rooms=3 publishers=8 rate=50
3 * kill9 any
a: ws /chat/?user=a
b: ws /chat/?user=b other=a
a: recv {"type":"welcome"}
b: recv {"type":"welcome"}
signal STOP
call kill_workers
signal CONT
workers 2
crowd await 50
await /chat-status {"workers":2,"sessions":24,"subscriptions":24,"gaps_total":0}
crowd stop



=== TEST 3: while a room is made, followed, removed
--- chat_http
chat_zone       zone=main:8m;
chat_max_rooms  main 3;
--- chat
a: ws /chat/one
a: recv {"type":"welcome"}
a: recv {"type":"joined","epoch":"$e=<epoch>"}
a: send {"type":"message","id":1,"room":"one","text":"m1"}
a: recv {"type":"ok","id":"$m1=<id>"}
a: recv {"text":"m1"}
b: tcp other=a
point room:created
b: raw "GET /chat/two HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
b: end
point passed
b: tcp other=a
point interest:unlinked
b: raw "GET /chat/two HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
b: end
point passed
await /chat-status {"workers":2,"rooms":2,"sessions":1,"subscriptions":1}
p: post /chat/ [{"type":"message","room":"three","text":"m"}]
b: tcp other=a
point room:removed
b: raw "POST /chat/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 46\r\n\r\n[{\"type\":\"message\",\"room\":\"four\",\"text\":\"m\"}]\n"
b: end
point passed
# two or three has gone, one is followed
p: get /chat/four
p: expect 404
await /chat-status {"workers":2,"rooms":2,"sessions":1,"subscriptions":1,"repairs_total":3}
p: post /chat/ [{"type":"message","id":1,"room":"four","text":"m"}]
p: expect 200 [{"type":"ok","id":"/-1$/"}]
a: send {"type":"message","room":"one","text":"m2"}
a: recv {"id":"$e-2","text":"m2"}
c: ws /chat/ other=a
c: recv {"type":"welcome"}
c: send {"type":"join","room":"one","after":"$m1"}
c: recv {"type":"joined","recovered":true,"missed":0}
c: recv {"text":"m2"}



=== TEST 4: in the repair itself
--- chat_config
chat_user  ann;
--- chat
repeat 4
let step = <<("begin", "segments", "rooms", "end")[$i - 1]>>
a: ws /chat/lobby
a: recv {"type":"welcome"}
a: recv {"type":"joined","epoch":"$e=<epoch>","head":"$head=<int>"}
b: ws /chat/lobby other=a
b: recv {"type":"welcome"}
b: recv {"type":"joined","epoch":"$e"}
a: send {"type":"message","id":1,"room":"lobby","text":"kept"}
a: recv {"type":"ok","id":"$kept=<id>"}
a: recv {"text":"kept"}
b: recv {"text":"kept"}
# only b's worker is left to do the repair, and does not get far
signal STOP
signal STOP b
point head:before
a: send {"type":"message","id":2,"room":"lobby","text":"not acknowledged","nonce":"nonce-$i-2"}
a: end
point repair:$step
signal CONT b
b: end
signal CONT
workers 2
c: ws /chat/
c: recv {"type":"welcome"}
c: send {"type":"join","id":1,"room":"lobby","after":"$kept"}
c: recv {"type":"joined","recovered":true,"missed":0,"head":"<< $_ == $head + 1 >>","epoch":"$e"}
c: send {"type":"message","id":2,"room":"lobby","text":"not acknowledged","nonce":"nonce-$i-2"}
c: recv {"type":"ok","reply_to":2,"duplicate":"<absent>","id":"<< $_ eq '$e-' . ($head + 2) >>"}
c: recv {"type":"message"}
c: close 1000
c: closed 1000
end
await /chat-status {"workers":2,"sessions":0,"repairs_total":4}



=== TEST 5: published, and nobody was woken
--- chat
a: enter ws /chat/lobby
b: ws /chat/lobby other=a
b: recv {"type":"welcome"}
b: recv {"type":"joined","epoch":"$e=<epoch>"}
point publish:unwoken
a: send {"type":"message","room":"lobby","text":"one"}
a: end
b: recv {"id":"$e-1","text":"one"}
point passed
a: enter ws /chat/lobby other=b
point wake:claimed
a: send {"type":"message","room":"lobby","text":"two"}
a: end
b: recv {"id":"$e-2","text":"two"}
point passed
# and b is woken at once again, not only by the second
a: enter ws /chat/lobby other=b
await /chat-status {"workers":2}
let begin = <<time>>
repeat 20
a: send {"type":"message","room":"lobby","text":"m$i"}
b: recv {"text":"m$i"}
end
let took = <<time - $begin < 8 or die "too long for wake-ups\n">>
