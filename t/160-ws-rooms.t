#!/usr/bin/perl

# Entering and leaving rooms, cursors, replays and pages (PROTOCOL, sections 3
# and 5), with several workers and rooms at once.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;

run_tests();

__DATA__

=== TEST 1: what joined says, and what it says a second time
--- chat
a: ws /chat/
a: recv {"type":"welcome"}
a: ask {"type":"join","id":1,"room":"lobby"} -> {"type":"joined","reply_to":1,"room":"lobby","epoch":"$e=<epoch>","first":1,"head":0,"recovered":"<absent>","missed":"<absent>","page":"<absent>"}
3 * a: send {"type":"message","room":"lobby","text":"m$i"}
3 * a: recv {"type":"message","id":"$e-$i"}
# nothing moves, whatever is asked for
a: ask {"type":"join","id":2,"room":"lobby","after":"$e-1","last":5} -> {"type":"joined","reply_to":2,"epoch":"$e","first":1,"head":3,"recovered":"<absent>","missed":"<absent>","page":"<absent>"}
a: ask {"type":"ping","id":3} -> {"type":"pong","reply_to":3}
b: ws /chat/ other=a
b: recv {"type":"welcome"}
b: ask {"type":"join","id":1,"room":"lobby","presence":false} -> {"type":"joined","epoch":"$e","first":1,"head":3,"recovered":"<absent>"}
a: send {"type":"message","room":"lobby","text":"m4"}
b: recv {"type":"message","id":"$e-4"}



=== TEST 2: joined, then the replay, then live events, in one sequence
--- chat
a: ws /chat/lobby
a: recv {"type":"welcome"}
a: recv {"type":"joined","epoch":"$e=<epoch>"}
100 * a: send {"type":"message","room":"lobby","text":"m$i"}
100 * a: recv {"type":"message","id":"$e-$i"}
b: ws /chat/ other=a
b: recv {"type":"welcome"}
c: ws /chat/ same=a tls
c: recv {"type":"welcome"}
a: cork
100 * a: send {"type":"message","room":"lobby","text":"n$i"}
b: send {"type":"join","id":1,"room":"lobby","after":"$e-40"}
a: uncork
c: send {"type":"join","id":1,"room":"lobby","after":"$e-40"}
b: recv {"type":"joined","reply_to":1,"recovered":true,"missed":0,"page":"<absent>"}
c: recv {"type":"joined","reply_to":1,"recovered":true,"missed":0,"page":"<absent>"}
repeat 160
let n = <<$i + 40>>
b: recv {"type":"message","id":"$e-$n"}
c: recv {"type":"message","id":"$e-$n"}
end



=== TEST 3: two workers publish, and everybody sees one order
--- chat
a: ws /chat/lobby
a: recv {"type":"welcome"}
a: recv {"type":"joined","epoch":"$e=<epoch>"}
b: enter ws /chat/lobby other=a
a: cork
b: cork
200 * a: send {"type":"message","room":"lobby","text":"a$i"}
200 * b: send {"type":"message","room":"lobby","text":"b$i"}
a: uncork
b: uncork
repeat 400
a: recv {"type":"message","id":"$e-$i","text":"$t=<string>"}
b: recv {"type":"message","id":"$e-$i","text":"$t"}
end



=== TEST 4: cursors at the edges
--- chat
a: ws /chat/lobby
a: recv {"type":"welcome"}
a: recv {"type":"joined","epoch":"$e=<epoch>"}
b: ws /chat/
b: recv {"type":"welcome"}
# an empty room
b: ask {"type":"join","id":1,"room":"lobby","after":"$e-0"} -> {"type":"joined","head":0,"recovered":true,"missed":0}
b: ask {"type":"leave","id":2,"room":"lobby"} -> {"type":"left"}
b: ask {"type":"join","id":3,"room":"lobby","after":"0"} -> {"type":"joined","head":0,"recovered":true,"missed":0}
b: ask {"type":"leave","id":4,"room":"lobby"} -> {"type":"left"}
b: ask {"type":"join","id":5,"room":"lobby","after":"$e-1","last":5} -> {"type":"joined","head":0,"recovered":false,"missed":null,"page":{"events":[],"more":false}}
b: ask {"type":"leave","id":6,"room":"lobby"} -> {"type":"left"}
2 * a: send {"type":"message","room":"lobby","text":"m$i"}
2 * a: recv {"type":"message"}
# at the head there is nothing to replay
b: ask {"type":"join","id":7,"room":"lobby","after":"$e-2","last":5} -> {"type":"joined","head":2,"recovered":true,"missed":0,"page":"<absent>"}
b: ask {"type":"leave","id":8,"room":"lobby"} -> {"type":"left"}
# before it, from the beginning, and behind it
b: ask {"type":"join","id":9,"room":"lobby","after":"$e-1","last":5} -> {"type":"joined","recovered":true,"missed":0,"page":"<absent>"}
b: recv {"type":"message","id":"$e-2"}
b: ask {"type":"leave","id":10,"room":"lobby"} -> {"type":"left"}
b: ask {"type":"join","id":11,"room":"lobby","after":"0"} -> {"type":"joined","recovered":true,"missed":0}
b: recv {"type":"message","id":"$e-1"}
b: recv {"type":"message","id":"$e-2"}
b: ask {"type":"leave","id":12,"room":"lobby"} -> {"type":"left"}
b: ask {"type":"join","id":13,"room":"lobby","after":"$e-3"} -> {"type":"joined","recovered":false,"missed":null,"page":"<absent>"}
b: ask {"type":"leave","id":14,"room":"lobby"} -> {"type":"left"}
# another life, and another room's
b: ask {"type":"join","id":15,"room":"lobby","after":"zzzzzzzzzz-1","last":1} -> {"type":"joined","recovered":false,"missed":null,"page":{"epoch":"$e","first":1,"head":2,"as_of":2,"events":[{"id":"$e-2","rev":2}],"more":true,"next":"$e-2"}}
b: ask {"type":"join","id":16,"room":"other","after":"$e-1"} -> {"type":"joined","room":"other","epoch":"<< $_ ne '$e' >>","recovered":false,"missed":null}
a: send {"type":"message","room":"lobby","text":"live"}
b: recv {"type":"message","id":"$e-3","text":"live"}



=== TEST 5: what is trimmed
--- chat_http
chat_zone   zone=main:8m;
chat_rooms  main  short  history=5;
--- chat
a: ws /chat/short
a: recv {"type":"welcome"}
a: recv {"type":"joined","epoch":"$e=<epoch>"}
12 * a: send {"type":"message","room":"short","text":"m$i"}
12 * a: recv {"type":"message","id":"$e-$i"}
b: ws /chat/ other=a
b: recv {"type":"welcome"}
b: ask {"type":"join","id":1,"room":"short","after":"$e-6"} -> {"type":"joined","first":8,"head":12,"recovered":false,"missed":6}
b: ask {"type":"leave","id":2,"room":"short"} -> {"type":"left"}
b: ask {"type":"join","id":3,"room":"short","after":"$e-6","last":2} -> {"type":"joined","recovered":false,"missed":6,"page":{"first":8,"head":12,"events":[{"id":"$e-11"},{"id":"$e-12"}],"more":true,"next":"$e-11"}}
b: ask {"type":"leave","id":4,"room":"short"} -> {"type":"left"}
b: ask {"type":"join","id":5,"room":"short","after":"$e-7","last":2} -> {"type":"joined","recovered":true,"missed":0,"page":"<absent>"}
repeat 5
let n = <<$i + 7>>
b: recv {"type":"message","id":"$e-$n"}
end
b: ask {"type":"leave","id":6,"room":"short"} -> {"type":"left"}
# from the oldest that is kept: what is before it is said
b: ask {"type":"join","id":7,"room":"short","after":"0"} -> {"type":"joined","first":8,"recovered":true,"missed":7}
repeat 5
let n = <<$i + 7>>
b: recv {"type":"message","id":"$e-$n"}
end



=== TEST 6: too far behind, by events and by bytes
--- chat_config
chat_replay_max  5 4k;
--- chat
let big = <<"x" x 3000>>
a: ws /chat/lobby
a: recv {"type":"welcome","limits":{"replay":5}}
a: recv {"type":"joined","epoch":"$e=<epoch>"}
10 * a: send {"type":"message","room":"lobby","text":"m$i"}
10 * a: recv {"type":"message"}
b: ws /chat/
b: recv {"type":"welcome"}
b: ask {"type":"join","id":1,"room":"lobby","after":"$e-4"} -> {"type":"joined","recovered":false,"missed":6}
b: ask {"type":"leave","id":2,"room":"lobby"} -> {"type":"left"}
b: ask {"type":"join","id":3,"room":"lobby","after":"0","last":1} -> {"type":"joined","recovered":false,"missed":10,"page":{"events":[{"id":"$e-10"}]}}
b: ask {"type":"leave","id":4,"room":"lobby"} -> {"type":"left"}
b: ask {"type":"join","id":5,"room":"lobby","after":"$e-5"} -> {"type":"joined","recovered":true,"missed":0}
repeat 5
let n = <<$i + 5>>
b: recv {"type":"message","id":"$e-$n"}
end
c: ws /chat/big
c: recv {"type":"welcome"}
c: recv {"type":"joined","epoch":"$f=<epoch>"}
3 * c: send {"type":"message","room":"big","text":"$big"}
3 * c: recv {"type":"message"}
b: ask {"type":"join","id":6,"room":"big","after":"0"} -> {"type":"joined","recovered":false,"missed":3}
b: ask {"type":"leave","id":7,"room":"big"} -> {"type":"left"}
b: ask {"type":"join","id":8,"room":"big","after":"$f-2"} -> {"type":"joined","recovered":true,"missed":0}
b: recv {"type":"message","id":"$f-3"}



=== TEST 7: pages in joined
--- chat
a: ws /chat/lobby
a: recv {"type":"welcome"}
a: recv {"type":"joined","epoch":"$e=<epoch>"}
120 * a: send {"type":"message","room":"lobby","text":"m$i"}
120 * a: recv {"type":"message"}
b: ws /chat/
b: recv {"type":"welcome"}
b: ask {"type":"join","id":1,"room":"lobby","last":2} -> {"type":"joined","first":1,"head":120,"recovered":"<absent>","missed":"<absent>","page":{"type":"<absent>","reply_to":"<absent>","epoch":"$e","first":1,"head":120,"as_of":120,"events":[{"type":"message","room":"lobby","id":"$e-119","text":"m119","rev":119},{"id":"$e-120","rev":120}],"more":true,"next":"$e-119"}}
b: ask {"type":"leave","id":2,"room":"lobby"} -> {"type":"left"}
b: ask {"type":"join","id":3,"room":"lobby","last":0} -> {"type":"joined","page":"<absent>"}
b: ask {"type":"leave","id":4,"room":"lobby"} -> {"type":"left"}
b: ask {"type":"join","id":5,"room":"lobby","last":100000} -> {"type":"joined","page":{"events":"<< @$_ == 100 && $$_->[0]{rev} == 21 >>","more":true,"next":"$e-21"}}
b: ask {"type":"history","id":6,"room":"lobby","before":"$e-21","limit":100} -> {"type":"history","reply_to":6,"room":"lobby","epoch":"$e","first":1,"head":120,"as_of":120,"events":"<< @$_ == 20 && $$_->[0]{rev} == 1 >>","more":false,"next":"<absent>"}
b: ask {"type":"history","id":7,"room":"lobby","after":"$e-118"} -> {"type":"history","events":[{"rev":119},{"rev":120}],"more":false,"next":"<absent>"}
b: ask {"type":"history","id":8,"room":"lobby","after":"0","limit":2} -> {"type":"history","events":[{"rev":1},{"rev":2}],"more":true,"next":"$e-2"}
b: ask {"type":"history","id":9,"room":"lobby","before":"zzzzzzzzzz-5","limit":1} -> {"type":"history","reset":true,"events":[{"rev":120}]}
b: ask {"type":"history","id":10,"room":"lobby","limit":1,"raw":true} -> {"type":"history","reset":"<absent>","events":[{"id":"$e-120","rev":"<absent>"}]}
b: ask {"type":"history","id":11,"room":"lobby","before":"$e-1"} -> {"type":"history","events":[],"more":false}
b: ask {"type":"history","id":12,"room":"lobby","after":"$e-120"} -> {"type":"history","events":[],"more":false}
# the page and what comes live meet without a hole
a: send {"type":"message","room":"lobby","text":"live"}
b: recv {"type":"message","id":"$e-121"}



=== TEST 8: many rooms in one command
--- chat
a: ws /chat/
a: recv {"type":"welcome"}
a: ask {"type":"join","id":1,"room":"one"} -> {"type":"joined","epoch":"$e=<epoch>"}
3 * a: send {"type":"message","room":"one","text":"m$i"}
3 * a: recv {"type":"message"}
b: ws /chat/ other=a
b: recv {"type":"welcome"}
b: send {"type":"join","id":2,"rooms":[{"room":"one","after":"$e-2"},{"room":"two","last":5},{"room":".no"},{"room":17},{},{"room":"three","after":"what?"},{"room":"four","last":"x"},{"room":"two"},{"room":"five","presence":false,"x_mine":1}]}
b: recv {"type":"joined","reply_to":"<absent>","room":"one","head":3,"recovered":true,"missed":0}
b: recv {"type":"joined","room":"two","head":0,"page":{"events":[]}}
b: recv {"type":"joined","room":"two","page":"<absent>"}
b: recv {"type":"joined","room":"five"}
b: recv {"type":"ok","reply_to":2,"failed":[{"room":".no","code":"bad_request"},{"room":"","code":"bad_request"},{"room":"","code":"bad_request"},{"room":"three","code":"bad_request"},{"room":"four","code":"bad_request"}]}
b: recv {"type":"message","room":"one","id":"$e-3"}
# that something failed is said without an id, too
b: ask {"type":"join","rooms":[{"room":"~no"}]} -> {"type":"ok","reply_to":"<absent>","failed":[{"room":"~no","code":"bad_request"}]}



=== TEST 9: a hundred rooms, of which a session is in every one
--- chat
let rooms = <<[map { { room => "r$$_" } } 1 .. 100]>>
let some = <<[map { { type => 'message', room => "r$$_", text => 'x' } } 1 .. 50]>>
let more = <<[map { { type => 'message', room => "r$$_", text => 'x' } } 51 .. 100]>>
a: ws /chat/
a: recv {"type":"welcome"}
a: send {"type":"join","id":1,"rooms":$rooms}
100 * a: recv {"type":"joined","room":"r$i"}
a: recv {"type":"ok","reply_to":1,"failed":[]}
b: ws /chat/ other=a
b: recv {"type":"welcome"}
b: send {"type":"join","rooms":$rooms}
100 * b: recv {"type":"joined","room":"r$i"}
a: ask {"type":"join","id":2,"room":"one-more"} -> {"type":"error","reply_to":2,"code":"too_many_rooms","room":"one-more"}
# all at once: more rooms than one write takes
a: cork
3 * a: send $some
3 * a: send $more
a: uncork
repeat 300
a: recv {"type":"message","room":"<string>","id":"/-[123]$/"}
b: recv {"type":"message","room":"<string>","id":"/-[123]$/"}
end
a: ask {"type":"ping","id":3} -> {"type":"pong","reply_to":3}
b: ask {"type":"ping","id":3} -> {"type":"pong","reply_to":3}
c: get /chat-status
c: expect 200 {"rooms":100,"subscriptions":200,"messages_total":300}



=== TEST 10: leaving
--- chat
a: ws /chat/one
a: recv {"type":"welcome"}
a: recv {"type":"joined","epoch":"$e=<epoch>"}
b: enter ws /chat/one other=a
b: ask {"type":"leave","id":1,"room":"two"} -> {"type":"error","reply_to":1,"code":"not_joined","room":"two"}
# nothing of the room comes behind left, not even what was published before
b: send [{"type":"message","id":2,"room":"one","text":"x"},{"type":"leave","id":3,"room":"one"},{"type":"message","id":4,"room":"one","text":"y"},{"type":"leave","id":5,"room":"one"}]
b: recv {"type":"ok","reply_to":2}
b: recv {"type":"left","reply_to":3,"room":"one","reason":"left"}
b: recv {"type":"error","reply_to":4,"code":"not_joined","room":"one"}
b: recv {"type":"error","reply_to":5,"code":"not_joined","room":"one"}
a: recv {"type":"message","id":"$e-1"}
10 * a: send {"type":"message","room":"one","text":"m$i"}
10 * a: recv {"type":"message"}
# and in again, with what was missed
b: send [{"type":"join","id":6,"room":"one","after":"$e-0"},{"type":"leave","id":7,"room":"one"},{"type":"join","id":8,"room":"one","after":"$e-9"}]
b: recv {"type":"joined","reply_to":6,"recovered":true}
b: recv {"type":"left","reply_to":7}
b: recv {"type":"joined","reply_to":8,"recovered":true}
b: recv {"type":"message","id":"$e-10"}
b: recv {"type":"message","id":"$e-11"}
b: ask {"type":"ping","id":9} -> {"type":"pong","reply_to":9}



=== TEST 11: the room of the URL
--- chat
a: ws /chat/caf%C3%A9
a: recv {"type":"welcome"}
a: recv {"type":"joined","reply_to":"<absent>","room":"caf\u00e9","epoch":"$e=<epoch>"}
3 * a: send {"type":"message","room":"caf\u00e9","text":"m$i"}
3 * a: recv {"type":"message","room":"caf\u00e9"}
b: ws /chat/caf%C3%A9?after=$e-2&last=5
b: recv {"type":"welcome"}
b: recv {"type":"joined","recovered":true,"missed":0,"page":"<absent>"}
b: recv {"type":"message","id":"$e-3"}
b: ws /chat/caf%C3%A9?last=2
b: recv {"type":"welcome"}
b: recv {"type":"joined","recovered":"<absent>","page":{"events":[{"id":"$e-2"},{"id":"$e-3"}],"more":true}}
b: ws /chat/caf%C3%A9?after=0
b: recv {"type":"welcome"}
b: recv {"type":"joined","recovered":true,"missed":0}
3 * b: recv {"type":"message","id":"$e-$i"}
# what is no cursor counts as another life's, and what is no number as none
b: ws /chat/caf%C3%A9?after=nonsense&last=1
b: recv {"type":"welcome"}
b: recv {"type":"joined","recovered":false,"missed":null,"page":{"events":[{"id":"$e-3"}]}}
b: ws /chat/caf%C3%A9?after=&last=-1
b: recv {"type":"welcome"}
b: recv {"type":"joined","recovered":"<absent>","page":"<absent>"}
# the base is no room
c: ws /chat/?last=5
c: recv {"type":"welcome"}
c: ask {"type":"ping","id":1} -> {"type":"pong"}



=== TEST 12: a room of the URL that is refused, the session stays
--- chat_http
chat_zone   zone=main:8m;
chat_rooms  main  fixed  create=off;
--- chat
a: ws /chat/.hidden
a: recv {"type":"welcome"}
a: recv {"type":"error","reply_to":"<absent>","code":"bad_request","room":".hidden"}
a: ask {"type":"join","id":1,"room":"lobby"} -> {"type":"joined","reply_to":1}
b: ws /chat/fixed
b: recv {"type":"welcome"}
b: recv {"type":"error","code":"not_found","room":"fixed","temporary":false}
b: ask {"type":"join","id":1,"room":"lobby"} -> {"type":"joined","reply_to":1}
c: ws /chat/%7Eserver
c: recv {"type":"welcome"}
c: recv {"type":"error","code":"bad_request","room":"~server"}
d: ws /chat/a%20b
d: recv {"type":"welcome"}
d: recv {"type":"error","code":"bad_request","room":"a b"}
# no JSON can name it
e: ws /chat/%FF%FE
e: recv {"type":"welcome"}
e: recv {"type":"error","code":"bad_request","room":"<absent>"}
e: ask {"type":"ping","id":1} -> {"type":"pong"}



=== TEST 13: names of rooms
--- chat
let r128 = <<"r" x 128>>
let r129 = <<"r" x 129>>
let u128 = <<"\x{20ac}" x 42 . "xx">>
a: ws /chat/
a: recv {"type":"welcome"}
a: ask {"type":"join","id":1,"room":"$r128"} -> {"type":"joined","room":"$r128"}
a: ask {"type":"join","id":2,"room":"$u128"} -> {"type":"joined","room":"$u128"}
a: ask {"type":"join","id":3,"room":"Lobby"} -> {"type":"joined","room":"Lobby","epoch":"$e=<epoch>"}
a: ask {"type":"join","id":4,"room":"lobby"} -> {"type":"joined","room":"lobby","epoch":"<< $_ ne '$e' >>"}
a: ask {"type":"join","id":5,"room":"a.~$$@b:(c)[d]!'&;=+-_|^`"} -> {"type":"joined"}
a: ask {"type":"join","id":6,"room":"\ud83d\udc69\u00e9"} -> {"type":"joined","room":"\ud83d\udc69\u00e9"}
# escaped or not, it is one name
a: send {"type":"message","id":7,"room":"\u006cobby","text":"x"}
a: recv {"type":"ok","reply_to":7,"room":"lobby"}
a: recv {"type":"message","room":"lobby"}
a: ask {"type":"join","id":8,"room":""} -> {"code":"bad_request","field":"room"}
a: ask {"type":"join","id":8,"room":"$r129"} -> {"code":"bad_request","field":"room"}
repeat 11
let c = <<(split //, '/?#%,*{}<> ')[$i - 1]>>
a: ask {"type":"join","id":$i,"room":"a${c}b"} -> {"reply_to":$i,"code":"bad_request","field":"room"}
end
a: ask {"type":"join","id":9,"room":"a\"b"} -> {"code":"bad_request","field":"room"}
a: ask {"type":"join","id":9,"room":"a\\b"} -> {"code":"bad_request","field":"room"}
a: ask {"type":"join","id":9,"room":"~a"} -> {"code":"bad_request","field":"room"}
a: ask {"type":"join","id":9,"room":".a"} -> {"code":"bad_request","field":"room"}
a: ask {"type":"join","id":9,"room":"$$a"} -> {"code":"bad_request","field":"room"}
a: ask {"type":"join","id":9,"room":"@a"} -> {"code":"bad_request","field":"room"}
a: ask {"type":"join","id":9,"room":"a\u0001"} -> {"code":"bad_request","field":"room"}
a: ask {"type":"join","id":9,"room":"a\u007f"} -> {"code":"bad_request","field":"room"}
a: ask {"type":"join","id":9,"room":"a\u0085"} -> {"code":"bad_request","field":"room"}
a: ask {"type":"join","id":9,"room":"a\u200b"} -> {"code":"bad_request","field":"room"}
a: ask {"type":"join","id":9,"room":"a\u202e"} -> {"code":"bad_request","field":"room"}
a: ask {"type":"join","id":9,"room":"a\ufeff"} -> {"code":"bad_request","field":"room"}



=== TEST 14: a cursor outlives kill -9 of the worker and a reload
--- chat_config
chat_drain 200ms;
--- chat
a: ws /chat/lobby
a: recv {"type":"welcome"}
a: recv {"type":"joined","epoch":"$e=<epoch>"}
b: enter ws /chat/lobby other=a
10 * a: send {"type":"message","room":"lobby","text":"m$i"}
10 * a: recv {"type":"message"}
b: recv {"type":"message","id":"$e-1"}
kill9 b
a: send {"type":"message","room":"lobby","text":"m11"}
a: recv {"type":"message","id":"$e-11"}
reload
b: ws /chat/lobby?after=$e-1
b: recv {"type":"welcome"}
b: recv {"type":"joined","epoch":"$e","head":11,"recovered":true,"missed":0}
repeat 10
let n = <<$i + 1>>
b: recv {"type":"message","id":"$e-$n"}
end
a: until {"type":"reconnect"}
a: until {"type":"closing","code":1012,"reconnect":true}
a: closed 1012
