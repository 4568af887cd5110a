#!/usr/bin/perl

# Reloads that change what the chat is made of: zones that come, go and change
# their size, and a module that was not there before.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest points => 1;


# six messages of some 4 KB to each of ten rooms

sub messages {
    my $text = 'x' x 4000;

    return [map {
        my $n = $_;
        map { { type => 'message', room => "r$_", text => "m$n $text" } }
            1 .. 10;
    } 1 .. 6];
}


run_tests();

__DATA__

=== TEST 1: chat comes with a reload, and goes with one
--- config
# the chat's place
location = /t {
    return 200 "ok\n";
}
--- http_config
# the zone's place
--- chat
a: get /chat/lobby
a: expect 404
edit s/# the zone's place/chat_zone zone=main:8m;/
edit s/# the chat's place/location ^~ \/chat\/ { chat main; chat_guest on; chat_drain 1s; } location = \/chat-status { chat_status main; }/
reload
drained
a: ws /chat/lobby
a: recv {"type":"welcome"}
a: recv {"type":"joined","head":0}
b: enter ws /chat/lobby other=a
a: send {"type":"message","room":"lobby","text":"one"}
a: recv {"text":"one"}
b: recv {"text":"one"}
s: get /chat-status
s: expect 200 {"workers":2,"sessions":2}
edit s/chat_zone zone=main:8m;/# no zone/
edit s/location \^~ \/chat\/ .*/location = \/none { }/
reload
# the old workers have all they need until they are gone
a: recv {"type":"reconnect"}
b: recv {"type":"reconnect"}
a: send {"type":"message","room":"lobby","text":"two"}
a: recv {"text":"two"}
b: recv {"text":"two"}
a: recv {"type":"closing","code":1012}
a: closed 1012
b: recv {"type":"closing","code":1012}
b: closed 1012
drained
a: get /chat/lobby
a: expect 404
a: get /t
a: expect 200 "ok\n"



=== TEST 2: the module itself comes with a reload
--- skip_eval: 2: $ENV{TEST_NGINX_LOAD_MODULES} eq ''
--- config
location = /t {
    return 200 "ok\n";
}
--- chat
edit s/^load_module.*\n//m
reload
drained
edit s/^http \{/load_module $ENV{TEST_NGINX_LOAD_MODULES};\nhttp {\nchat_zone zone=main:8m;/m
edit s/location = \/t/location ^~ \/chat\/ { chat main; chat_guest on; }\nlocation = \/t/
reload
drained
a: enter ws /chat/lobby
b: enter ws /chat/lobby other=a
a: send {"type":"message","room":"lobby","text":"one"}
b: recv {"text":"one"}



=== TEST 3: a second zone comes and goes, the first keeps what it has
--- chat_config
chat_drain  500ms;
--- chat
p: post /chat/ [{"type":"message","id":1,"room":"lobby","text":"one"}]
p: expect 200 [{"id":"$one=<id>"}]
edit s/chat_zone  zone=main:8m;/chat_zone zone=main:8m; chat_zone zone=other:1m;/
edit s/location = \/chat-status/location ^~ \/other\/ { chat other; chat_guest on; chat_drain 500ms; }\nlocation = \/chat-status/
reload
drained
p: get /chat/lobby
p: expect 200 {"head":1,"events":[{"id":"$one"}]}
a: ws /other/lobby
a: recv {"type":"welcome"}
a: recv {"type":"joined","head":0}
b: enter ws /other/lobby other=a
c: ws /chat/lobby same=a
c: recv {"type":"welcome"}
c: recv {"type":"joined","head":1}
a: send {"type":"message","room":"lobby","text":"two"}
a: recv {"text":"two"}
b: recv {"text":"two"}
c: none 0.1
edit s/chat_zone zone=other:1m;//
edit s/location \^~ \/other\/ .*//
reload
a: until {"type":"closing","code":1012}
b: until {"type":"closing","code":1012}
a: drop
b: drop
c: drop
drained
p: get /chat/lobby
p: expect 200 {"head":1}
p: get /other/lobby
p: expect 404



=== TEST 4: a worker killed while the zone that it had is not in the configuration any more
--- chat_config
chat_drain  5s;
--- chat
a: enter ws /chat/lobby
b: enter ws /chat/lobby other=a
edit s/chat_zone  zone=main:8m;/chat_zone zone=next:8m;/
edit s/chat  main;/chat next;/
edit s/chat_status  main;/chat_status next;/
reload
a: recv {"type":"reconnect"}
b: recv {"type":"reconnect"}
point head:before
a: send {"type":"message","room":"lobby","text":"lost"}
a: end
point passed
# the other old worker takes the lock from the dead one by itself
b: send {"type":"message","id":1,"room":"lobby","text":"kept"}
b: recv {"type":"ok","reply_to":1,"id":"/-1$/"}
b: recv {"text":"kept"}
b: close 1000
b: closed 1000
drained



=== TEST 5: a larger zone: rooms, epochs, offsets and nonces go along
--- chat_config
chat_user   $arg_user trusted;
chat_drain  1s;
--- chat
crowd clients=60 rooms=6 publishers=12 rate=20
crowd await 100
p: post /chat/?user=ann [{"type":"message","id":1,"room":"lobby","text":"m","nonce":"12345678"}]
p: expect 200 [{"type":"ok","id":"$id=<id>"}]
edit s/zone=main:8m/zone=main:16m/
reload
log /chat zone "main" changes its size, \d+ rooms were copied/
p: post /chat/?user=ann [{"type":"message","id":1,"room":"lobby","text":"m","nonce":"12345678"}]
p: expect 200 [{"type":"ok","id":"$id","duplicate":true}]
crowd moved 1
drained
crowd await 100
crowd stop
await /chat-status {"workers":2,"gaps_total":0,"messages_total":"<< $_ > 200 >>"}



=== TEST 6: a smaller zone keeps the newest of each room
--- chat_http
chat_zone   zone=main:4m;
chat_rooms  main  *  history=100000;
--- chat_config
chat_user         ann;
chat_message_max  512k text=100k;
chat_drain        500ms;
--- chat
let batch = <<main::messages()>>
10 * p: post /chat/ $batch
repeat 10
p: get /chat/r$i?limit=1
p: expect 200 {"head":60}
end
p: get /chat/r1?limit=1
p: expect 200 {"epoch":"$e=<epoch>"}
edit s/zone=main:4m/zone=main:1m/
reload
repeat 10
p: get /chat/r$i?limit=1
p: expect 200 {"head":60,"first":"<< $_ > 1 && $_ <= 60 >>"}
p: expect 200 {"events":[{"text":"/^m6 x+$/"}]}
end
p: get /chat/r1?limit=1
p: expect 200 {"epoch":"$e"}
p: post /chat/ [{"type":"message","id":1,"room":"r1","text":"m"}]
p: expect 200 [{"type":"ok","id":"$e-61"}]



=== TEST 7: who is still on the zone that is being left can't publish there
--- chat
a: enter ws /chat/lobby
a: send {"type":"message","id":1,"room":"lobby","text":"one"}
a: recv {"type":"ok","id":"$one=<id>"}
a: recv {"text":"one"}
signal STOP a
edit s/zone=main:8m/zone=main:16m/
signal HUP
log /chat zone "main" changes its size/
a: send {"type":"message","id":2,"room":"lobby","text":"two","nonce":"12345678"}
signal CONT a
a: unordered [{"type":"reconnect"},{"type":"error","reply_to":2,"code":"unavailable","temporary":true}]
# but read, and move
a: send {"type":"history","id":3,"room":"lobby"}
a: recv {"type":"history","reply_to":3,"events":[{"text":"one"}]}
a: close 1000
a: closed 1000
drained
b: ws /chat/
b: recv {"type":"welcome"}
b: send {"type":"join","id":1,"room":"lobby","after":"$one"}
b: recv {"type":"joined","head":1,"recovered":true,"missed":0}
b: send {"type":"message","id":2,"room":"lobby","text":"two","nonce":"12345678"}
b: recv {"type":"ok","reply_to":2,"duplicate":"<absent>"}
