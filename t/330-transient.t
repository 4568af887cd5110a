#!/usr/bin/perl

# Signals and typing: what is delivered live and kept nowhere.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest points => 1;

run_tests();

__DATA__

=== TEST 1: a signal, on both workers, over every transport
--- chat_config
chat_user  $http_x_user trusted;
chat_deflate on;
--- chat
a: ws /chat/lobby header="X-User: ann"
a: recv {"type":"welcome","features":"<< grep({ $_ eq 'signal' } @$_) && grep({ $_ eq 'typing' } @$_) >>"}
a: recv {"type":"joined"}
b: enter ws /chat/lobby header="X-User: bob" other=a
c: enter sse /chat/lobby header="X-User: carl" same=a
d: sse /chat/?rooms=lobby,two header="X-User: dora" other=a
d: recv {"type":"welcome"}
d: recv {"type":"joined"}
d: recv {"type":"joined"}
e: enter sse /chat/lobby?named=1 header="X-User: ed" same=a
f: enter ws /chat/lobby header="X-User: fay" other=a deflate
g: stream /chat/ header="X-User: gus" other=a {"type":"join","id":1,"room":"lobby"}
g: recv {"type":"welcome"}
g: recv {"type":"joined"}
o: enter ws /chat/other header="X-User: otto"
a: ask {"type":"signal","id":1,"room":"lobby","name":"wave","data":{"x": [1, 2]}} -> {"type":"ok","reply_to":1,"room":"lobby"}
b: recv {"type":"signal","room":"lobby","user":{"id":"ann"},"name":"wave","data":{"x":[1,2]},"id":"<absent>","ts":"<absent>"}
c: recv {"type":"signal","name":"wave"} id=absent event=absent
d: recv {"type":"signal","name":"wave"} id=absent event=absent
e: recv {"type":"signal","name":"wave"} id=absent event=chat.signal
f: recv {"type":"signal","name":"wave"}
g: recv {"type":"signal","name":"wave"} id=absent
a: none
o: none
# from the other worker, without data and without a reply
b: send {"type":"signal","room":"lobby","name":"nod"}
a: recv {"type":"signal","user":{"id":"bob"},"name":"nod","data":"<absent>"}
b: none
# it is in no log
h: get /chat/lobby header="X-User: ann"
h: expect 200 {"head":0,"events":[]}
i: sse /chat/lobby?after=0 header="X-User: ivy"
i: recv {"type":"welcome"}
i: recv {"type":"joined","head":0,"recovered":true}
i: none



=== TEST 2: by POST, in the name of a session or of none
--- chat_config
chat_user  $http_x_user trusted;
--- chat
a: ws /chat/lobby header="X-User: ann"
a: recv {"type":"welcome","session":"$s=<string>"}
a: recv {"type":"joined"}
b: enter ws /chat/lobby header="X-User: bob" other=a
p: post /chat/ header="X-User: ann" header="Chat-Session: $s" [{"type":"signal","id":1,"room":"lobby","name":"one"},{"type":"typing","id":2,"room":"lobby","on":true}]
p: expect 200 [{"type":"ok","reply_to":1,"room":"lobby"},{"type":"ok","reply_to":2,"room":"lobby"}]
b: recv {"type":"signal","name":"one","user":{"id":"ann"}}
b: recv {"type":"typing","room":"lobby","user":{"id":"ann"},"on":true}
a: none
p: post /chat/ header="X-User: ann" header="Chat-Session: short" [{"type":"signal","id":3,"room":"lobby","name":"two"}]
p: expect 200 [{"type":"ok","reply_to":3}]
a: recv {"type":"signal","name":"two"}
b: recv {"type":"signal","name":"two"}
p: post /chat/ header="X-User: ann" [{"type":"signal","id":4,"room":"nowhere","name":"x"}]
p: expect 200 [{"type":"error","reply_to":4,"code":"not_found","room":"nowhere"}]



=== TEST 3: what is refused
--- chat
let big = <<"x" x 8200>>
a: enter ws /chat/lobby
b: enter ws /chat/lobby other=a
a: ask {"type":"signal","id":1,"room":"lobby"} -> {"type":"error","reply_to":1,"code":"bad_request","field":"name"}
a: ask {"type":"signal","id":2,"room":"lobby","name":""} -> {"type":"error","reply_to":2,"code":"bad_request","field":"name"}
a: ask {"type":"signal","id":3,"room":"lobby","name":5} -> {"type":"error","reply_to":3,"code":"bad_request","field":"name"}
a: ask {"type":"signal","id":4,"name":"x"} -> {"type":"error","reply_to":4,"code":"bad_request","field":"room"}
a: ask {"type":"signal","id":5,"room":"lobby","name":"x","data":"$big"} -> {"type":"error","reply_to":5,"code":"too_large","field":"data"}
a: ask {"type":"signal","id":6,"room":"lobby","name":"x","data":[[[[[[[[[1]]]]]]]]]} -> {"type":"error","reply_to":6,"code":"bad_request","field":"data"}
a: ask {"type":"signal","id":7,"room":"other","name":"x"} -> {"type":"error","reply_to":7,"code":"not_joined","room":"other"}
a: ask {"type":"typing","id":8,"room":"lobby"} -> {"type":"error","reply_to":8,"code":"bad_request","field":"on"}
a: ask {"type":"typing","id":9,"room":"lobby","on":1} -> {"type":"error","reply_to":9,"code":"bad_request","field":"on"}
a: ask {"type":"typing","id":10,"room":"other","on":true} -> {"type":"error","reply_to":10,"code":"not_joined","room":"other"}
b: none



=== TEST 4: typing is throttled by user and room, over both workers
--- chat_config
chat_user  $http_x_user trusted;
--- chat
a: enter ws /chat/lobby header="X-User: ann"
b: enter ws /chat/lobby header="X-User: ann" other=a
c: enter ws /chat/lobby header="X-User: carl" other=a
a: send {"type":"join","id":1,"room":"two"}
a: recv {"type":"joined"}
c: send {"type":"join","id":1,"room":"two"}
c: recv {"type":"joined"}
# nobody was typing
a: ask {"type":"typing","id":2,"room":"lobby","on":false} -> {"type":"ok","reply_to":2}
a: ask {"type":"typing","id":3,"room":"lobby","on":true} -> {"type":"ok","reply_to":3}
20 * a: ask {"type":"typing","id":4,"room":"lobby","on":true} -> {"type":"ok","reply_to":4}
c: recv {"type":"typing","room":"lobby","user":{"id":"ann"},"on":true}
b: recv {"type":"typing","on":true}
# the same user by the other worker
b: ask {"type":"typing","id":5,"room":"lobby","on":true} -> {"type":"ok","reply_to":5}
# another room, another user
a: ask {"type":"typing","id":6,"room":"two","on":true} -> {"type":"ok","reply_to":6}
c: recv {"type":"typing","room":"two","user":{"id":"ann"},"on":true}
c: ask {"type":"typing","id":7,"room":"lobby","on":true} -> {"type":"ok","reply_to":7}
a: recv {"type":"typing","room":"lobby","user":{"id":"carl"},"on":true}
b: recv {"type":"typing","room":"lobby","user":{"id":"carl"},"on":true}
# "off" once
a: ask {"type":"typing","id":8,"room":"lobby","on":false} -> {"type":"ok","reply_to":8}
a: ask {"type":"typing","id":9,"room":"lobby","on":false} -> {"type":"ok","reply_to":9}
c: recv {"type":"typing","room":"lobby","user":{"id":"ann"},"on":false}
c: none
# three seconds after the first one there is another
repeat 80
a: ask {"type":"typing","id":10,"room":"two","on":true} -> {"type":"ok","reply_to":10}
sleep 0.05
end
c: recv {"type":"typing","room":"two","user":{"id":"ann"},"on":true}



=== TEST 5: no typing in a large room, or anywhere
--- chat_config
chat_typing_max 3;
--- chat
a: enter ws /chat/lobby
b: enter ws /chat/lobby other=a
c: enter sse /chat/lobby same=b
a: ask {"type":"typing","id":1,"room":"lobby","on":true} -> {"type":"ok","reply_to":1}
b: recv {"type":"typing","on":true}
c: recv {"type":"typing","on":true}
d: enter ws /chat/lobby other=a
b: ask {"type":"typing","id":2,"room":"lobby","on":true} -> {"type":"ok","reply_to":2}
a: none
a: ask {"type":"signal","id":3,"room":"lobby","name":"x"} -> {"type":"ok","reply_to":3}
b: recv {"type":"signal"}
c: recv {"type":"signal"}
d: recv {"type":"signal"}
d: drop
await /chat-status {"subscriptions":3}
b: ask {"type":"typing","id":4,"room":"lobby","on":true} -> {"type":"ok","reply_to":4}
a: recv {"type":"typing","on":true}
c: recv {"type":"typing","on":true}
# whoever died isn't counted
kill9 b
b: end
c: end
await /chat-status {"subscriptions":1}
4 * x: enter ws /chat/x other=a
e: enter ws /chat/lobby other=a
f: enter ws /chat/lobby other=a
e: ask {"type":"typing","id":5,"room":"lobby","on":true} -> {"type":"ok","reply_to":5}
a: recv {"type":"typing","on":true}



=== TEST 6: who does not read loses signals, never messages
--- chat
let fat = <<"x" x 4000>>
a: enter ws /chat/lobby
b: enter ws /chat/lobby other=a narrow
repeat 50
a: send [{"type":"signal","room":"lobby","name":"s$i","data":"$fat"},{"type":"signal","room":"lobby","name":"t$i","data":"$fat"},{"type":"message","room":"lobby","text":"m$i"}]
end
50 * a: recv {"type":"message","text":"m$i"}
a: ask {"type":"ping","id":1} -> {"type":"pong"}
repeat 50
b: until {"type":"message","text":"m$i"}
end
a: ask {"type":"signal","id":2,"room":"lobby","name":"end"} -> {"type":"ok"}
b: until {"type":"signal","name":"end"}



=== TEST 7: a ring that is overrun heals
--- chat
let fat = <<"x" x 7000>>
a: enter ws /chat/lobby
b: enter ws /chat/lobby other=a
repeat 8
a: send [{"type":"signal","room":"lobby","name":"s","data":"$fat"},{"type":"signal","room":"lobby","name":"s","data":"$fat"}]
end
repeat 8
a: send [{"type":"signal","room":"lobby","name":"s","data":"$fat"},{"type":"signal","room":"lobby","name":"s","data":"$fat"}]
end
a: ask {"type":"signal","id":1,"room":"lobby","name":"end"} -> {"type":"ok"}
a: ask {"type":"message","id":2,"room":"lobby","text":"after"} -> {"type":"ok"}
a: recv {"type":"message","text":"after"}
b: until {"type":"message","text":"after"}
repeat 3
a: ask {"type":"signal","id":3,"room":"lobby","name":"again $i"} -> {"type":"ok"}
b: until {"type":"signal","name":"again $i"}
end



=== TEST 8: a worker dies while it writes one
--- chat
a: enter ws /chat/lobby
b: enter ws /chat/lobby other=a
a: ask {"type":"message","id":1,"room":"lobby","text":"one"} -> {"type":"ok"}
a: recv {"type":"message"}
b: recv {"type":"message"}
point transient:written
a: send {"type":"signal","room":"lobby","name":"never"}
point passed
a: end
allow /repaired after a process died/
b: ask {"type":"message","id":2,"room":"lobby","text":"two"} -> {"type":"ok"}
b: recv {"type":"message","text":"two"}
c: enter ws /chat/lobby other=b
c: ask {"type":"signal","id":1,"room":"lobby","name":"now"} -> {"type":"ok"}
b: recv {"type":"signal","name":"now"}



=== TEST 9: over a reload
--- chat
a: enter ws /chat/lobby
b: enter ws /chat/lobby other=a
reload
a: recv {"type":"reconnect"}
b: recv {"type":"reconnect"}
c: enter ws /chat/lobby
a: ask {"type":"signal","id":1,"room":"lobby","name":"old"} -> {"type":"ok"}
b: recv {"type":"signal","name":"old"}
c: recv {"type":"signal","name":"old"}
c: ask {"type":"signal","id":1,"room":"lobby","name":"new"} -> {"type":"ok"}
a: recv {"type":"signal","name":"new"}
b: recv {"type":"signal","name":"new"}
