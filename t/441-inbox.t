#!/usr/bin/perl

# A user's inbox: what concerns him in rooms that his session has not joined;
# over two workers.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;

run_tests();

__DATA__

=== TEST 1: direct messages and mentions, to every session that isn't there
--- chat_http
chat_zone   zone=main:8m;
chat_rooms  main  lobby;
chat_rooms  main  *  create=off;
--- chat_config
chat_user   $http_x_user trusted;
--- chat
a: ws /chat/ header="X-User: ann"
a: recv {"type":"welcome","features":"<< grep({ $_ eq 'notice' } @$_) >>"}
b: ws /chat/ header="X-User: bob" other=a
b: recv {"type":"welcome"}
c: ws /chat/ header="X-User: bob" same=a deflate
c: recv {"type":"welcome"}
d: stream /chat/ header="X-User: bob" other=a {"type":"hello"}
d: recv {"type":"welcome"}
e: ws /chat/ header="X-User: eve" other=a
e: recv {"type":"welcome"}
l: enter sse /chat/lobby header="X-User: bob" same=a
a: ask {"type":"direct","id":1,"to":"bob"} -> {"type":"ok","room":"$d=<string>"}
p: post /chat/$d header="X-User: ann" other=a {"text":"one"}
p: expect 201 {"id":"$m=<id>"}
b: recv {"type":"notice","kind":"message","room":"$d","id":"$m","user":{"id":"ann"},"unread":1,"mentions":0,"text":"<absent>","reply_to":"<absent>"}
c: recv {"type":"notice","kind":"message","room":"$d","id":"$m"}
d: recv {"type":"notice","kind":"message","room":"$d","id":"$m"} id=absent
l: recv {"type":"notice","kind":"message","room":"$d","id":"$m"} id=absent
# who is in the room has the message alone, with all that is in it
b: ask {"type":"join","id":1,"room":"$d"} -> {"type":"joined","head":1}
p: post /chat/$d header="X-User: ann" header="Idempotency-Key: 12345678" {"text":"two","mentions":["bob"]}
p: expect 201 {"id":"$n=<id>"}
b: recv {"type":"message","id":"$n"}
c: recv {"type":"notice","kind":"message","id":"$n","unread":2}
d: recv {"type":"notice","kind":"message","id":"$n"}
l: recv {"type":"notice","kind":"message","id":"$n"}
# the same again is nothing new
p: post /chat/$d header="X-User: ann" header="Idempotency-Key: 12345678" {"text":"two","mentions":["bob"]}
p: expect 200 {"duplicate":true}
p: post /chat/lobby header="X-User: ann" same=a {"text":"look","mentions":["bob","ann","bob","nobody"]}
p: expect 201 {"id":"$k=<id>"}
b: recv {"type":"notice","kind":"mention","room":"lobby","id":"$k","user":{"id":"ann"},"unread":1}
c: recv {"type":"notice","kind":"mention","id":"$k"}
d: recv {"type":"notice","kind":"mention","id":"$k"}
l: recv {"type":"message","id":"$k"}
# neither the author, nor somebody else, nor whoever has been told
a: sync
a: none
e: none
b: none
l: none



=== TEST 2: read on another device
--- chat_config
chat_user   $http_x_user trusted;
--- chat
a: enter ws /chat/lobby header="X-User: ann"
b: ws /chat/ header="X-User: ann" other=a
b: recv {"type":"welcome"}
c: enter ws /chat/lobby header="X-User: ann" same=a
e: enter ws /chat/lobby header="X-User: eve" other=a
p: post /chat/lobby header="X-User: eve" {"text":"one"}
p: expect 201 {"id":"$m=<id>"}
p: post /chat/lobby header="X-User: eve" {"text":"two","mentions":["ann"]}
p: expect 201 {"id":"$n=<id>"}
a: until {"text":"two"}
c: until {"text":"two"}
e: until {"text":"two"}
b: recv {"type":"notice","kind":"mention","id":"$n","unread":2}
a: ask {"type":"read","id":1,"room":"lobby","upto":"$m"} -> {"type":"ok","unread":1}
b: recv {"type":"notice","kind":"read","room":"lobby","id":"$m","unread":1,"user":"<absent>"}
c: recv {"type":"notice","kind":"read","room":"lobby","id":"$m","unread":1}
# without moving it; without a session
a: ask {"type":"read","id":2,"room":"lobby","upto":"$m"} -> {"type":"ok"}
p: post /chat/ header="X-User: ann" other=a [{"type":"read","id":1,"room":"lobby","upto":"$n"}]
p: expect 200 [{"type":"ok","unread":0}]
a: recv {"type":"notice","kind":"read","id":"$n","unread":0}
b: recv {"type":"notice","kind":"read","id":"$n","unread":0}
c: recv {"type":"notice","kind":"read","id":"$n","unread":0}
e: none



=== TEST 3: invited, given a role, removed
--- chat_config
chat_user   $http_x_user trusted;
chat_role   owner user=own;
--- chat
o: enter ws /chat/club header="X-User: own"
o: ask {"type":"room","id":1,"room":"club","set":{"invite":true}} -> {"type":"ok"}
o: until {"type":"room"}
a: ws /chat/ header="X-User: ann" other=o
a: recv {"type":"welcome"}
b: ws /chat/ header="X-User: ann" same=o
b: recv {"type":"welcome"}
# what he may not see is not told
p: post /chat/club header="X-User: own" same=o {"text":"x","mentions":["ann"]}
p: expect 201
p: post /chat/open header="X-User: own" same=o {"text":"y","mentions":["ann"]}
p: expect 201
a: recv {"type":"notice","kind":"mention","room":"open"}
b: recv {"type":"notice","kind":"mention","room":"open"}
o: recv {"type":"message","text":"x"}
o: ask {"type":"invite","id":2,"room":"club","user":"ann"} -> {"type":"ok","reply_to":2}
a: recv {"type":"notice","kind":"invite","room":"club","user":{"id":"own"},"id":"<absent>","unread":"<absent>"}
b: recv {"type":"notice","kind":"invite","room":"club"}
a: ask {"type":"join","id":1,"room":"club"} -> {"type":"joined"}
o: ask {"type":"role","id":3,"room":"club","user":"ann","role":"moderator"} -> {"type":"ok"}
o: recv {"type":"role"}
a: recv {"type":"role","user":{"id":"ann"},"role":"moderator"}
b: recv {"type":"notice","kind":"role","room":"club","role":"moderator","user":{"id":"own"}}
o: ask {"type":"kick","id":4,"room":"club","user":"ann"} -> {"type":"ok"}
a: recv {"type":"left","reason":"kicked"}
b: recv {"type":"notice","kind":"removed","room":"club","user":{"id":"own"}}
o: ask {"type":"uninvite","id":5,"room":"club","user":"ann"} -> {"type":"ok"}
a: recv {"type":"notice","kind":"removed","room":"club"}
b: recv {"type":"notice","kind":"removed","room":"club"}
# he doesn't see the room now, whatever happens to him there; in another one he
# is told
o: ask {"type":"role","id":6,"room":"club","user":"ann","role":"none"} -> {"type":"ok"}
o: recv {"type":"role"}
o: ask {"type":"ban","id":7,"room":"club","user":"ann"} -> {"type":"ok"}
o: ask {"type":"ban","id":9,"room":"open","user":"ann"} -> {"type":"ok"}
a: recv {"type":"notice","kind":"removed","room":"open"}
b: recv {"type":"notice","kind":"removed","room":"open"}



=== TEST 4: not from who is blocked, not where it is off, not in raw rooms
--- chat_config
chat_user   $http_x_user trusted;
chat_role   owner user=own;
--- config
location ^~ /quiet/ {
    chat         main;
    chat_user    $http_x_user trusted;
    chat_notice  off;
}
location ^~ /raw/ {
    chat         main;
    chat_user    $http_x_user trusted;
    chat_format  raw;
}
--- chat
a: ws /chat/ header="X-User: ann"
a: recv {"type":"welcome"}
q: ws /quiet/ header="X-User: ann" other=a
q: recv {"type":"welcome","features":"<< !grep({ $_ eq 'notice' } @$_) >>"}
r: ws /raw/x header="X-User: ann" other=a
d: ws /chat/ header="X-User: dan" same=a
d: recv {"type":"welcome"}
a: ask {"type":"block","id":1,"user":"bob"} -> {"type":"ok"}
p: post /chat/lobby header="X-User: bob" other=a {"text":"x","mentions":["ann"]}
p: expect 201
p: post /chat/lobby header="X-User: carl" {"text":"y","mentions":["ann"]}
p: expect 201
a: recv {"type":"notice","kind":"mention","user":{"id":"carl"},"unread":2}
p: post /chat/ header="X-User: own" [{"type":"role","id":1,"room":"lobby","user":"bob","role":"moderator"},{"type":"role","id":2,"room":"lobby","user":"ann","role":"member"}]
p: expect 200 [{"type":"ok"},{"type":"ok"}]
a: recv {"type":"notice","kind":"role","room":"lobby","role":"member"}
p: post /chat/ header="X-User: bob" [{"type":"kick","id":1,"room":"lobby","user":"ann"},{"type":"kick","id":2,"room":"lobby","user":"dan"}]
p: expect 200 [{"type":"ok"},{"type":"ok"}]
# that worker has seen both
d: recv {"type":"notice","kind":"removed","room":"lobby","user":{"id":"bob"}}
a: ask {"type":"unblock","id":2,"user":"bob"} -> {"type":"ok"}
p: post /chat/lobby header="X-User: bob" {"text":"z","mentions":["ann"]}
p: expect 201
a: recv {"type":"notice","kind":"mention","user":{"id":"bob"},"unread":3}
q: none
r: none



=== TEST 5: guests; over a reload
--- chat_config
chat_guest  on;
chat_drain  60s;
--- chat
a: ws /chat/
a: recv {"type":"welcome","user":{"id":"$a=<string>"}}
b: ws /chat/ other=a
b: recv {"type":"welcome","user":{"id":"$b=<string>"}}
p: post /chat/lobby other=b {"text":"x","mentions":["$a","$b"]}
p: expect 201
a: recv {"type":"notice","kind":"mention","room":"lobby","user":{"guest":true},"unread":1}
b: recv {"type":"notice","kind":"mention"}
# from a new worker to those that drain, and the other way
reload
n: ws /chat/
n: recv {"type":"welcome","user":{"id":"$n=<string>"}}
p: post /chat/lobby {"text":"y","mentions":["$a","$b","$n"]}
p: expect 201
n: recv {"type":"notice","kind":"mention","unread":2}
a: until {"type":"notice","kind":"mention","unread":2}
b: until {"type":"notice","kind":"mention","unread":2}
b: send {"type":"join","id":1,"room":"lobby"}
b: until {"type":"joined"}
b: send {"type":"message","id":2,"room":"lobby","text":"z","mentions":["$n"]}
b: until {"text":"z"}
n: recv {"type":"notice","kind":"mention","user":{"id":"$b"},"unread":3}
# one that has ended leaves nothing behind
a: drop
p: post /chat/lobby {"text":"w","mentions":["$a","$n"]}
p: expect 201
n: recv {"type":"notice","kind":"mention","unread":4}
