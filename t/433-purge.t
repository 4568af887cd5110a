#!/usr/bin/perl

# "ban" with purge_ms: what somebody has written goes with him.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest points => 1;

run_tests();

__DATA__

=== TEST 1: in one room, in all of them, and not before
--- chat_config
chat_user  $arg_user trusted;
chat_role  moderator user=mod;
--- chat
m: enter ws /chat/lobby?user=mod
a: enter ws /chat/lobby?user=ann other=m
b: enter ws /chat/lobby?user=ann.b other=m
a: send {"type":"message","id":1,"room":"lobby","text":"an old secret"}
a: until {"type":"ok","id":"$old=<id>"}
m: until {"text":"an old secret"}
# what is younger than purge_ms is so however slow the machine is
sleep 0.05
p: post /chat/elsewhere?user=ann {"text":"a secret elsewhere"}
p: expect 201
a: send {"type":"message","id":2,"room":"lobby","text":"secret one"}
a: until {"type":"ok"}
b: send {"type":"message","id":3,"room":"lobby","text":"nothing secret"}
b: until {"type":"ok","id":"$other=<id>"}
a: send {"type":"message","id":4,"room":"lobby","text":"secret two"}
a: until {"type":"ok","id":"$last=<id>"}
a: send {"type":"edit","id":5,"room":"lobby","target":"$last","text":"secret three"}
a: until {"type":"ok"}
m: until {"type":"edit"}
# an hour: everything; the newest goes first
m: send {"type":"ban","id":6,"room":"lobby","user":"ann","purge_ms":3600000,"reason":"spam"}
m: until {"type":"delete","room":"lobby","target":"$last","user":{"id":"mod"},"reason":"spam"}
m: until {"type":"delete","target":"$old"}
b: until {"type":"delete","target":"$old"}
a: until {"type":"left","reason":"banned"}
g: get /chat/lobby?user=mod
g: expect 200 {"events":[{"id":"$old","deleted":true,"text":"<absent>"},{"deleted":true,"text":"<absent>"},{"id":"$other","text":"nothing secret","deleted":"<absent>"},{"id":"$last","deleted":true,"text":"<absent>"}]}
g: get /chat/lobby?raw=1&user=mod
g: expect 200 /^(?!.*(an old secret|secret (one|two|three)))/
# it was about that room
g: get /chat/elsewhere?user=mod
g: expect 200 {"events":[{"text":"a secret elsewhere"}]}
m: send {"type":"ban","id":7,"user":"ann","purge_ms":3600000}
m: until {"type":"ok","reply_to":7}
await /chat/elsewhere?user=mod {"events":[{"deleted":true}]}
g: get /chat/lobby?user=mod
g: expect 200 {"events":[{},{},{"id":"$other","text":"nothing secret"},{"deleted":true}]}
# nothing was deleted twice
g: get /chat/lobby?raw=1&user=mod
g: expect 200 {"head":8}



=== TEST 2: what is older stays
--- chat_config
chat_user  $arg_user trusted;
chat_role  moderator user=mod;
--- chat
m: enter ws /chat/lobby?user=mod
p: post /chat/lobby?user=ann {"text":"old"}
p: expect 201
m: recv {"text":"old"}
sleep 0.1
m: ask {"type":"ban","id":1,"room":"lobby","user":"ann","purge_ms":1} -> {"type":"ok"}
# a purge that deletes something, after that one
p: post /chat/lobby?user=bob {"text":"new"}
p: expect 201 {"id":"$new=<id>"}
m: send {"type":"ban","id":2,"room":"lobby","user":"bob","purge_ms":3600000}
m: until {"type":"delete","target":"$new"}
g: get /chat/lobby?user=mod
g: expect 200 {"head":3,"events":[{"text":"old"},{"deleted":true}]}



=== TEST 3: more than a turn's, while nginx is reloaded
--- chat_config
chat_user  $arg_user trusted;
chat_role  moderator user=mod;
chat_drain  1s;
--- chat_http
chat_zone  zone=main:16m;
chat_rooms  main  *  history=2000;
--- chat
a: enter ws /chat/lobby?user=ann
300 * a: send {"type":"message","room":"lobby","text":"spam $i"}
a: until {"text":"spam 300"}
m: enter ws /chat/lobby?last=0&user=mod
m: send {"type":"ban","id":1,"room":"lobby","user":"ann","purge_ms":3600000}
m: until {"type":"ok","reply_to":1}
reload
await /chat/lobby?limit=1&user=mod {"head":600}
g: get /chat/lobby?limit=100&raw=1&user=mod
g: expect 200 /^(?!.*spam)/
drained



=== TEST 4: the worker dies in the middle: again, and the rest goes
--- chat_config
chat_user  $arg_user trusted;
chat_role  moderator user=mod;
--- chat_http
chat_zone  zone=main:16m;
chat_rooms  main  *  history=2000;
--- chat
a: enter ws /chat/lobby?user=ann
100 * a: send {"type":"message","room":"lobby","text":"spam $i"}
a: until {"text":"spam 100"}
m: enter ws /chat/lobby?user=mod
point purge:turn
m: send {"type":"ban","id":1,"room":"lobby","user":"ann","purge_ms":3600000}
point passed
m: end anyhow
workers 2
m: enter ws /chat/lobby?user=mod
m: send {"type":"ban","id":1,"room":"lobby","user":"ann","purge_ms":3600000}
await /chat/lobby?limit=1&user=mod {"head":200}
g: get /chat/lobby?limit=100&user=mod
g: expect 200 /^(?!.*spam)/



=== TEST 5: who may not delete may not purge
--- chat_config
chat_user   $arg_user trusted;
chat_role   moderator user=mod;
chat_allow  owner delete-any;
--- chat
m: enter ws /chat/lobby?user=mod
m: ask {"type":"ban","id":1,"room":"lobby","user":"ann","purge_ms":1000} -> {"type":"error","code":"forbidden"}
p: post /chat/lobby?user=ann {"text":"still here"}
p: expect 201



=== TEST 6: the addresses from which he is there
--- chat_http
chat_zone          zone=main:8m;
real_ip_header     X-Real-IP;
set_real_ip_from   127.0.0.1;
--- chat_config
chat_user  $arg_user trusted;
chat_role  moderator user=mod;
chat_role  owner user=boss;
--- chat
m: enter ws /chat/lobby?user=mod header="X-Real-IP: 192.0.2.9"
# one on each worker, and one by IPv6
a: enter ws /chat/lobby?user=ann header="X-Real-IP: 192.0.2.1" same=m
b: enter ws /chat/lobby?user=ann header="X-Real-IP: 192.0.2.2" other=m
c: enter sse /chat/lobby?user=ann header="X-Real-IP: 2001:db8:0:1::1"
# a neighbour of his
n: enter ws /chat/lobby?user=carl header="X-Real-IP: 192.0.2.2" other=m
m: ask {"type":"ban","id":1,"room":"lobby","user":"ann","address":true} -> {"type":"ok"}
a: until {"type":"left","reason":"banned"}
b: until {"type":"left","reason":"banned"}
c: until {"type":"left","reason":"banned"}
n: until {"type":"left","reason":"banned"}
# under another name, by whatever way
p: post /chat/lobby?user=zoe header="X-Real-IP: 192.0.2.1" {"text":"x"}
p: expect 403 {"code":"banned"}
p: post /chat/lobby?user=zoe header="X-Real-IP: 192.0.2.2" {"text":"x"}
p: expect 403 {"code":"banned"}
# the same network
p: post /chat/lobby?user=zoe header="X-Real-IP: 2001:db8:0:1:8000::2" {"text":"x"}
p: expect 403 {"code":"banned"}
p: post /chat/lobby?user=zoe header="X-Real-IP: 2001:db8:0:2::1" {"text":"x"}
p: expect 201
p: post /chat/lobby?user=zoe header="X-Real-IP: 192.0.2.3" {"text":"x"}
p: expect 201
# who moderates isn't kept out, nor is anybody from another room
p: post /chat/lobby?user=boss header="X-Real-IP: 192.0.2.1" {"text":"x"}
p: expect 201
p: post /chat/other?user=zoe header="X-Real-IP: 192.0.2.1" {"text":"x"}
p: expect 201
# undone with the ban
m: send {"type":"unban","id":2,"room":"lobby","user":"ann"}
m: until {"type":"ok","reply_to":2}
p: post /chat/lobby?user=zoe header="X-Real-IP: 192.0.2.1" {"text":"x"}
p: expect 201
# and not back with the next one
m: send {"type":"ban","id":3,"room":"lobby","user":"ann"}
m: until {"type":"ok","reply_to":3}
p: post /chat/lobby?user=zoe header="X-Real-IP: 192.0.2.2" {"text":"x"}
p: expect 201



=== TEST 7: of all rooms: nobody comes in from there; not from a proxy's
--- chat_http
chat_zone          zone=main:8m;
real_ip_header     X-Real-IP;
set_real_ip_from   127.0.0.1;
--- chat_config
chat_user  $arg_user trusted;
chat_role  moderator user=mod user=mia;
--- chat
m: enter ws /chat/lobby?user=mod header="X-Real-IP: 192.0.2.9"
a: enter ws /chat/lobby?user=ann header="X-Real-IP: 192.0.2.1"
m: send {"type":"ban","id":1,"user":"ann","address":true,"for_ms":3600000}
m: until {"type":"ok","reply_to":1}
a: until close 4503
p: post /chat/lobby?user=zoe header="X-Real-IP: 192.0.2.1" {"text":"x"}
p: expect 403 {"code":"banned"}
w: ws /chat/lobby?user=zoe header="X-Real-IP: 192.0.2.1"
w: until close 4503
# four others are at one address, of one worker
b: enter ws /chat/lobby?user=bob header="X-Real-IP: 192.0.2.5"
1: enter ws /chat/lobby?user=u1 header="X-Real-IP: 192.0.2.5" same=b
2: enter ws /chat/lobby?user=u2 header="X-Real-IP: 192.0.2.5" same=b
3: enter ws /chat/lobby?user=u3 header="X-Real-IP: 192.0.2.5" same=b
4: enter ws /chat/lobby?user=u4 header="X-Real-IP: 192.0.2.5" same=b
m: send {"type":"ban","id":2,"user":"bob","address":true}
m: until {"type":"ok","reply_to":2}
b: until close 4503
log /the address of the banned user "bob" is not banned in chat: others come from it, too/
p: post /chat/lobby?user=zoe header="X-Real-IP: 192.0.2.5" {"text":"x"}
p: expect 201
# a moderator is there
5: enter ws /chat/lobby?user=dan header="X-Real-IP: 192.0.2.6"
6: enter ws /chat/lobby?user=mia header="X-Real-IP: 192.0.2.6" same=5
m: send {"type":"ban","id":3,"user":"dan","address":true}
5: until close 4503
log /the address of the banned user "dan" is not banned in chat/
# nginx can't tell addresses
7: enter ws /chat/lobby?user=eve
m: send {"type":"ban","id":4,"user":"eve","address":true}
7: until close 4503
log /the address of the banned user "eve" is not banned in chat/
