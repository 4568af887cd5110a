#!/usr/bin/perl

# Events that change messages: edit, delete, react; threads; folded history.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest points => 1;

run_tests();

__DATA__

=== TEST 1: edit: on both workers, over every transport
--- chat_config
chat_user  $http_x_user trusted;
--- chat
a: ws /chat/lobby header="X-User: ann"
a: recv {"type":"welcome","features":"<< 4 == grep { /^(edit|delete|react|thread)$/ } @$_ >>"}
a: recv {"type":"joined"}
b: enter ws /chat/lobby header="X-User: bob" other=a
c: enter sse /chat/lobby header="X-User: carl" same=a
a: ask {"type":"message","id":1,"room":"lobby","text":"one","data":{"k":1},"mentions":["bob"]} -> {"type":"ok","id":"$m=<id>"}
a: recv {"type":"message","id":"$m"}
b: recv {"type":"message","id":"$m"}
c: recv {"type":"message","id":"$m"}
a: ask {"type":"edit","id":2,"room":"lobby","target":"$m","text":"two"} -> {"type":"ok","reply_to":2,"room":"lobby","id":"$e=<id>","ts":"<int>"}
a: recv {"type":"edit","room":"lobby","id":"$e","ts":"<int>","user":{"id":"ann"},"target":"$m","text":"two","data":"<absent>"}
b: recv {"type":"edit","id":"$e","target":"$m","text":"two"}
c: recv {"type":"edit","id":"$e","target":"$m","text":"two"} id=$e
p: post /chat/ header="X-User: ann" [{"type":"edit","id":3,"room":"lobby","target":"$m","text":"three","data":[2]}]
p: expect 200 [{"type":"ok","reply_to":3,"id":"$f=<id>"}]
b: recv {"type":"edit","id":"$f","text":"three","data":[2]}
b: ask {"type":"history","id":4,"room":"lobby"} -> {"type":"history","as_of":3,"head":3,"events":[{"type":"message","id":"$m","user":{"id":"ann"},"text":"three","data":[2],"mentions":["bob"],"edited":true,"rev":3,"deleted":"<absent>","reactions":"<absent>"}],"more":false}
b: ask {"type":"history","id":5,"room":"lobby","raw":true} -> {"type":"history","events":[{"type":"message","text":"one","rev":"<absent>"},{"type":"edit","text":"two"},{"type":"edit","text":"three"}]}
# who resumes gets the log, who comes gets the page
d: ws /chat/lobby?after=0 header="X-User: dora" other=a
d: recv {"type":"welcome"}
d: recv {"type":"joined","recovered":true}
d: recv {"type":"message","text":"one"}
d: recv {"type":"edit","text":"two"}
d: recv {"type":"edit","text":"three"}
e: ws /chat/lobby?last=5 header="X-User: eve"
e: recv {"type":"welcome"}
e: recv {"type":"joined","page":{"events":[{"text":"three","rev":3}]}}
g: get /chat/lobby header="X-User: ann"
g: expect 200 {"events":[{"text":"three","edited":true,"rev":3}]}
# data alone is a content, too, and what an edit doesn't name stays
a: recv {"type":"edit","id":"$f"}
a: ask {"type":"edit","id":6,"room":"lobby","target":"$m","text":"four"} -> {"type":"ok"}
g: get /chat/lobby header="X-User: ann"
g: expect 200 {"events":[{"text":"four","data":[2]}]}



=== TEST 2: only his own; what is not there
--- chat_config
chat_user  $http_x_user trusted;
--- chat
let big = <<"y" x 4097>>
a: enter ws /chat/lobby header="X-User: ann"
b: enter ws /chat/lobby header="X-User: bob" other=a
a: ask {"type":"message","id":1,"room":"lobby","text":"x"} -> {"type":"ok","id":"$m=<id>"}
a: recv {"type":"message"}
b: recv {"type":"message"}
b: ask {"type":"edit","id":2,"room":"lobby","target":"$m","text":"y"} -> {"type":"error","reply_to":2,"code":"forbidden","room":"lobby"}
b: ask {"type":"delete","id":3,"room":"lobby","target":"$m"} -> {"type":"error","reply_to":3,"code":"forbidden"}
p: post /chat/ header="X-User: bob" [{"type":"edit","id":4,"room":"lobby","target":"$m","text":"y"},{"type":"delete","id":5,"room":"lobby","target":"$m"}]
p: expect 200 [{"type":"error","code":"forbidden"},{"type":"error","code":"forbidden"}]
b: ask {"type":"react","id":6,"room":"lobby","target":"$m","emoji":"👍","on":true} -> {"type":"ok","id":"$r=<id>"}
b: recv {"type":"react","id":"$r","target":"$m","emoji":"👍","on":true,"count":1,"user":{"id":"bob"}}
a: recv {"type":"react","count":1}
# not a message; not there yet; another room, epoch; no such room
a: ask {"type":"edit","id":7,"room":"lobby","target":"$r","text":"y"} -> {"type":"error","code":"not_found"}
a: ask {"type":"delete","id":8,"room":"lobby","target":"0123456789-1"} -> {"type":"error","code":"not_found"}
a: send {"type":"history","id":9,"room":"lobby","limit":1}
a: recv {"type":"history","epoch":"$e=<epoch>"}
a: ask {"type":"react","id":10,"room":"lobby","target":"$e-99","emoji":"x","on":true} -> {"type":"error","code":"not_found"}
a: ask {"type":"react","id":11,"room":"nowhere","target":"$e-1","emoji":"x","on":true} -> {"type":"error","code":"not_joined"}
p: post /chat/ header="X-User: bob" [{"type":"react","id":4,"room":"nowhere","target":"$m","emoji":"y","on":true}]
p: expect 200 [{"type":"error","code":"not_found"}]
p: get /chat/nowhere header="X-User: ann"
p: expect 404
# what is wrong
a: ask {"type":"edit","id":12,"room":"lobby","text":"y"} -> {"type":"error","code":"bad_request","field":"target"}
a: ask {"type":"edit","id":13,"room":"lobby","target":"$m"} -> {"type":"error","code":"bad_request","field":"text"}
a: ask {"type":"edit","id":14,"room":"lobby","target":"$m","text":""} -> {"type":"error","code":"bad_request","field":"text"}
a: ask {"type":"edit","id":15,"room":"lobby","target":"0","text":"y"} -> {"type":"error","code":"bad_request","field":"target"}
a: ask {"type":"react","id":16,"room":"lobby","target":"$m","emoji":"a b","on":true} -> {"type":"error","code":"bad_request","field":"emoji"}
a: ask {"type":"react","id":17,"room":"lobby","target":"$m","emoji":"","on":true} -> {"type":"error","code":"bad_request","field":"emoji"}
a: ask {"type":"react","id":18,"room":"lobby","target":"$m","emoji":"x"} -> {"type":"error","code":"bad_request","field":"on"}
a: ask {"type":"delete","id":19,"room":"lobby","target":"$m","reason":5} -> {"type":"error","code":"bad_request","field":"reason"}
a: ask {"type":"edit","id":20,"room":"lobby","target":"$m","text":"$big"} -> {"type":"error","code":"too_large","field":"text"}



=== TEST 3: delete: gone everywhere, for those who resume, too
--- chat_config
chat_user  $http_x_user trusted;
--- chat
a: enter ws /chat/lobby header="X-User: ann"
b: enter ws /chat/lobby header="X-User: bob" other=a
a: ask {"type":"message","id":1,"room":"lobby","text":"secret-1","nonce":"12345678","data":"secret-2"} -> {"type":"ok","id":"$m=<id>"}
a: recv {"type":"message"}
b: recv {"type":"message"}
a: ask {"type":"edit","id":2,"room":"lobby","target":"$m","text":"secret-3"} -> {"type":"ok"}
a: ask {"type":"message","id":3,"room":"lobby","text":"x"} -> {"type":"edit"}
a: recv {"type":"ok"}
a: recv {"type":"message"}
b: recv {"type":"edit"}
b: recv {"type":"message","text":"x"}
b: ask {"type":"react","id":4,"room":"lobby","target":"$m","emoji":"ok","on":true} -> {"type":"ok"}
b: recv {"type":"react"}
a: recv {"type":"react"}
a: ask {"type":"delete","id":5,"room":"lobby","target":"$m","reason":"mistake","nonce":"del-nonce-1"} -> {"type":"ok","reply_to":5,"id":"$d=<id>"}
a: recv {"type":"delete","room":"lobby","id":"$d","target":"$m","reason":"mistake","user":{"id":"ann"}}
b: recv {"type":"delete","id":"$d","target":"$m"}
b: ask {"type":"history","id":6,"room":"lobby"} -> {"type":"history","events":[{"type":"message","id":"$m","user":{"id":"ann"},"deleted":true,"rev":5,"text":"<absent>","data":"<absent>","nonce":"<absent>","reactions":"<absent>","edited":"<absent>"},{"text":"x"}]}
g: get /chat/lobby header="X-User: ann"
g: expect 200 /^(?!.*secret).*"deleted":true/
r: ws /chat/lobby?after=0 header="X-User: rob"
r: recv {"type":"welcome"}
r: recv {"type":"joined","recovered":true}
r: recv {"type":"message","id":"$m","deleted":true,"text":"<absent>","data":"<absent>"}
r: recv {"type":"edit","target":"$m","deleted":true,"text":"<absent>"}
r: recv {"type":"message","text":"x"}
r: recv {"type":"react","target":"$m"}
r: recv {"type":"delete","target":"$m"}
s: sse /chat/lobby?after=0 header="X-User: sue" other=r
s: recv {"type":"welcome"}
s: recv {"type":"joined","recovered":true}
s: recv {"type":"message","id":"$m","deleted":true,"text":"<absent>"} id=$m
s: recv {"type":"edit","deleted":true,"text":"<absent>"}
# nothing can be done with it any more, but to repeat what was done
a: ask {"type":"edit","id":7,"room":"lobby","target":"$m","text":"y"} -> {"type":"error","code":"not_found"}
b: ask {"type":"react","id":8,"room":"lobby","target":"$m","emoji":"x","on":true} -> {"type":"error","code":"not_found"}
b: ask {"type":"delete","id":9,"room":"lobby","target":"$m"} -> {"type":"error","code":"not_found"}
a: ask {"type":"delete","id":10,"room":"lobby","target":"$m"} -> {"type":"error","code":"not_found"}
a: ask {"type":"delete","id":11,"room":"lobby","target":"$m","reason":"mistake","nonce":"del-nonce-1"} -> {"type":"ok","reply_to":11,"id":"$d","duplicate":true}
a: ask {"type":"delete","id":12,"room":"lobby","target":"$m","reason":"other","nonce":"del-nonce-1"} -> {"type":"error","reply_to":12,"code":"conflict"}
a: ask {"type":"message","id":13,"room":"lobby","text":"re","thread":"$m"} -> {"type":"error","reply_to":13,"code":"not_found"}



=== TEST 4: the shortest and the longest messages leave whole tombstones
--- chat
let big = <<"x" x 4000>>
a: enter ws /chat/lobby
a: send [{"type":"message","id":1,"room":"lobby","text":"a"},{"type":"message","id":2,"room":"lobby","data":1},{"type":"message","id":3,"room":"lobby","text":"$big","data":"$big"}]
a: recv {"type":"ok","id":"$x=<id>"}
a: recv {"type":"ok","id":"$y=<id>"}
a: recv {"type":"ok","id":"$z=<id>"}
3 * a: recv {"type":"message"}
a: ask {"type":"edit","id":4,"room":"lobby","target":"$z","text":"$big","data":"$big"} -> {"type":"ok"}
a: recv {"type":"edit"}
a: send [{"type":"delete","room":"lobby","target":"$x"},{"type":"delete","room":"lobby","target":"$y"},{"type":"delete","room":"lobby","target":"$z"}]
3 * a: recv {"type":"delete"}
a: ask {"type":"history","id":5,"room":"lobby"} -> {"type":"history","events":[{"id":"$x","deleted":true,"rev":5},{"id":"$y","deleted":true,"data":"<absent>"},{"id":"$z","deleted":true,"data":"<absent>","text":"<absent>"}]}
a: ask {"type":"message","id":6,"room":"lobby","text":"after"} -> {"type":"ok"}
a: recv {"type":"message","text":"after"}
g: get /chat/lobby
g: expect 200 /^(?!.*xxxx)/



=== TEST 5: react: a set of users and emoji
--- chat_config
chat_user  $http_x_user trusted;
--- chat
a: enter ws /chat/lobby header="X-User: ann"
b: enter ws /chat/lobby header="X-User: bob" other=a
a: ask {"type":"message","id":1,"room":"lobby","text":"x"} -> {"type":"ok","id":"$m=<id>"}
a: recv {"type":"message"}
b: recv {"type":"message"}
a: ask {"type":"react","id":2,"room":"lobby","target":"$m","emoji":"👍","on":true} -> {"type":"ok","id":"$r=<id>","duplicate":"<absent>"}
a: recv {"type":"react","emoji":"👍","on":true,"count":1}
b: recv {"type":"react","count":1}
b: ask {"type":"react","id":3,"room":"lobby","target":"$m","emoji":"👍","on":true} -> {"type":"ok"}
b: recv {"type":"react","count":2}
a: recv {"type":"react","count":2}
# once more, and off what never was on: nothing changes, nobody is told
a: ask {"type":"react","id":4,"room":"lobby","target":"$m","emoji":"👍","on":true} -> {"type":"ok","reply_to":4,"id":"$r","duplicate":true}
a: ask {"type":"react","id":5,"room":"lobby","target":"$m","emoji":"🎉","on":false} -> {"type":"ok","reply_to":5,"id":"<absent>","duplicate":true}
b: none
a: ask {"type":"react","id":6,"room":"lobby","target":"$m","emoji":"👍","on":false} -> {"type":"ok"}
a: recv {"type":"react","on":false,"count":1}
b: recv {"type":"react","on":false,"count":1}
b: ask {"type":"react","id":7,"room":"lobby","target":"$m","emoji":"🎉","on":true} -> {"type":"ok"}
b: recv {"type":"react","emoji":"🎉","count":1}
a: recv {"type":"react"}
a: ask {"type":"edit","id":8,"room":"lobby","target":"$m","text":"y"} -> {"type":"ok"}
a: recv {"type":"edit"}
a: ask {"type":"history","id":9,"room":"lobby"} -> {"type":"history","events":[{"id":"$m","text":"y","edited":true,"reactions":[{"emoji":"👍","count":1},{"emoji":"🎉","count":1}],"rev":6}]}
b: recv {"type":"edit"}
b: ask {"type":"react","id":10,"room":"lobby","target":"$m","emoji":"👍","on":false} -> {"type":"ok"}
b: recv {"type":"react","count":0}
b: ask {"type":"history","id":11,"room":"lobby"} -> {"type":"history","events":[{"text":"y","reactions":[{"emoji":"🎉","count":1}],"rev":7}]}



=== TEST 6: twenty emoji, 256 edits
--- chat
a: enter ws /chat/lobby
a: ask {"type":"message","id":1,"room":"lobby","text":"x"} -> {"type":"ok","id":"$m=<id>"}
a: recv {"type":"message"}
repeat 20
a: ask {"type":"react","id":2,"room":"lobby","target":"$m","emoji":"e$i","on":true} -> {"type":"ok"}
a: recv {"type":"react","count":1}
end
a: ask {"type":"react","id":3,"room":"lobby","target":"$m","emoji":"e21","on":true} -> {"type":"error","reply_to":3,"code":"too_large"}
a: ask {"type":"react","id":4,"room":"lobby","target":"$m","emoji":"e7","on":false} -> {"type":"ok"}
a: recv {"type":"react","count":0}
a: ask {"type":"react","id":5,"room":"lobby","target":"$m","emoji":"e21","on":true} -> {"type":"ok"}
a: recv {"type":"react","count":1}
a: ask {"type":"history","id":6,"room":"lobby"} -> {"type":"history","events":[{"id":"$m","reactions":"<< @$_ == 20 >>"}]}
repeat 256
a: ask {"type":"edit","id":7,"room":"lobby","target":"$m","text":"secret $i"} -> {"type":"ok"}
a: recv {"type":"edit"}
end
a: ask {"type":"edit","id":8,"room":"lobby","target":"$m","text":"one more"} -> {"type":"error","reply_to":8,"code":"too_large"}
a: ask {"type":"delete","id":9,"room":"lobby","target":"$m"} -> {"type":"ok"}
a: recv {"type":"delete"}
b: ws /chat/lobby?after=0 other=a
b: recv {"type":"welcome"}
b: recv {"type":"joined","recovered":true}
b: recv {"type":"message","deleted":true}
22 * b: recv {"type":"react"}
256 * b: recv {"type":"edit","deleted":true,"text":"<absent>"}
b: recv {"type":"delete"}



=== TEST 7: pages of messages skip what changes them
--- chat
a: enter ws /chat/lobby
repeat 3
a: ask {"type":"message","id":1,"room":"lobby","text":"m$i"} -> {"type":"ok","id":"$m=<id>"}
a: recv {"type":"message"}
repeat 150
a: send [{"type":"react","room":"lobby","target":"$m","emoji":"x","on":true},{"type":"react","room":"lobby","target":"$m","emoji":"x","on":false}]
a: recv {"type":"react","on":true,"count":1}
a: recv {"type":"react","on":false,"count":0}
end
end
b: enter ws /chat/lobby other=a
b: ask {"type":"history","id":1,"room":"lobby","limit":2} -> {"type":"history","events":[{"text":"m2"},{"text":"m3"}],"more":true,"next":"$n=<id>"}
b: ask {"type":"history","id":2,"room":"lobby","limit":2,"before":"$n"} -> {"type":"history","events":[{"text":"m1"}],"more":false}
b: ask {"type":"history","id":3,"room":"lobby","after":"0","limit":2} -> {"type":"history","events":[{"text":"m1"},{"text":"m2"}],"more":true,"next":"$n=<id>"}
b: ask {"type":"history","id":4,"room":"lobby","after":"$n","limit":2} -> {"type":"history","events":[{"text":"m3"}]}



=== TEST 8: threads
--- chat_config
chat_user  $http_x_user trusted;
--- chat
a: enter ws /chat/lobby header="X-User: ann"
b: enter ws /chat/lobby header="X-User: bob" other=a
a: ask {"type":"message","id":1,"room":"lobby","text":"root"} -> {"type":"ok","id":"$m=<id>"}
a: recv {"type":"message"}
b: recv {"type":"message"}
repeat 5
b: ask {"type":"message","id":2,"room":"lobby","text":"r$i","thread":"$m"} -> {"type":"ok","id":"$r=<id>"}
b: recv {"type":"message","thread":"$m"}
a: recv {"type":"message","text":"r$i","thread":"$m"}
a: ask {"type":"message","id":2,"room":"lobby","text":"n$i"} -> {"type":"ok"}
a: recv {"type":"message"}
b: recv {"type":"message"}
end
a: ask {"type":"message","id":3,"room":"lobby","text":"x","thread":"$r"} -> {"type":"error","reply_to":3,"code":"bad_request"}
a: ask {"type":"message","id":4,"room":"lobby","text":"x","thread":"0123456789-1"} -> {"type":"error","reply_to":4,"code":"not_found"}
p: post /chat/lobby header="X-User: ann" {"text":"x","thread":"$r"}
p: expect 400 {"code":"bad_request"}
p: post /chat/fresh header="X-User: ann" {"text":"x","thread":"$r"}
p: expect 404 {"code":"not_found"}
a: ask {"type":"history","id":5,"room":"lobby","before":"$r","limit":100} -> {"type":"history","events":[{"text":"root","replies":5,"last_reply":"$r","rev":1},{"text":"r1","replies":"<absent>"},"..."]}
a: ask {"type":"history","id":6,"room":"lobby","thread":"$m","limit":2} -> {"type":"history","events":[{"text":"r4","thread":"$m"},{"text":"r5"}],"more":true,"next":"$n=<id>"}
a: ask {"type":"history","id":7,"room":"lobby","thread":"$m","limit":2,"before":"$n"} -> {"type":"history","events":[{"text":"r2"},{"text":"r3"}],"more":true,"next":"$n=<id>"}
p: get /chat/lobby?thread=$m&before=$n header="X-User: ann"
p: expect 200 {"events":[{"text":"r1"}],"more":false}
a: ask {"type":"history","id":8,"room":"lobby","thread":"$r"} -> {"type":"error","reply_to":8,"code":"not_found"}
a: ask {"type":"history","id":9,"room":"lobby","thread":"$m","after":"0"} -> {"type":"error","reply_to":9,"code":"bad_request","field":"thread"}
# a reply that is deleted is a reply still: who counts them has the same
b: ask {"type":"delete","id":10,"room":"lobby","target":"$r"} -> {"type":"ok"}
a: recv {"type":"delete"}
b: recv {"type":"delete"}
a: ask {"type":"history","id":11,"room":"lobby","thread":"$m","limit":1} -> {"type":"history","events":[{"id":"$r","thread":"$m","text":"<absent>","deleted":true}]}
a: ask {"type":"history","id":12,"room":"lobby","raw":true,"limit":3} -> {"type":"history","events":[{"id":"$r","thread":"$m","text":"<absent>","deleted":true},{"text":"n5"},{"type":"delete"}]}
b: ask {"type":"message","id":13,"room":"lobby","text":"x","thread":"$m"} -> {"type":"ok","id":"$r=<id>"}
b: recv {"type":"message"}
b: ask {"type":"delete","id":14,"room":"lobby","target":"$r"} -> {"type":"ok"}
p: get /chat/lobby?thread=$m&limit=1 header="X-User: ann"
p: expect 200 {"events":[{"id":"$r","thread":"$m","text":"<absent>","deleted":true}]}
d: ws /chat/lobby?after=0 header="X-User: dora"
d: recv {"type":"welcome"}
d: recv {"type":"joined","recovered":true}
11 * d: recv {"type":"message"}
d: recv {"type":"delete"}
d: recv {"type":"message","id":"$r","thread":"$m","text":"<absent>","deleted":true}



=== TEST 9: what has been trimmed is not found
--- chat_http
chat_zone   zone=main:8m;
chat_rooms  main  *  history=5;
--- chat
a: enter ws /chat/lobby
a: ask {"type":"message","id":1,"room":"lobby","text":"x"} -> {"type":"ok","id":"$m=<id>"}
a: recv {"type":"message"}
5 * a: ask {"type":"message","room":"lobby","text":"y$i"} -> {"type":"message"}
a: ask {"type":"edit","id":2,"room":"lobby","target":"$m","text":"z"} -> {"type":"error","reply_to":2,"code":"not_found"}
a: ask {"type":"delete","id":3,"room":"lobby","target":"$m"} -> {"type":"error","reply_to":3,"code":"not_found"}
a: ask {"type":"react","id":4,"room":"lobby","target":"$m","emoji":"z","on":true} -> {"type":"error","reply_to":4,"code":"not_found"}
a: ask {"type":"message","id":5,"room":"lobby","text":"z","thread":"$m"} -> {"type":"error","reply_to":5,"code":"not_found"}



=== TEST 10: a zone of another size keeps it all
--- chat_http
chat_zone   zone=main:8m;
--- chat_config
chat_user  $http_x_user trusted;
--- chat
a: enter ws /chat/lobby header="X-User: ann"
a: ask {"type":"message","id":1,"room":"lobby","text":"one"} -> {"type":"ok","id":"$m=<id>"}
a: recv {"type":"message"}
a: ask {"type":"message","id":1,"room":"lobby","text":"secret"} -> {"type":"ok","id":"$x=<id>"}
a: recv {"type":"message"}
a: ask {"type":"message","id":2,"room":"lobby","text":"re","thread":"$m"} -> {"type":"ok","id":"$r=<id>"}
a: recv {"type":"message"}
a: send [{"type":"react","room":"lobby","target":"$m","emoji":"x","on":true},{"type":"edit","room":"lobby","target":"$m","text":"two"},{"type":"delete","room":"lobby","target":"$x"}]
a: recv {"type":"react"}
a: recv {"type":"edit"}
a: recv {"type":"delete"}
edit s/zone=main:8m/zone=main:12m/
reload
a: recv {"type":"reconnect"}
b: enter ws /chat/lobby header="X-User: ann"
b: ask {"type":"react","id":3,"room":"lobby","target":"$m","emoji":"x","on":true} -> {"type":"ok","duplicate":true}
b: ask {"type":"message","id":4,"room":"lobby","text":"re2","thread":"$m"} -> {"type":"ok","id":"$s=<id>"}
b: recv {"type":"message"}
b: ask {"type":"edit","id":5,"room":"lobby","target":"$m","text":"three"} -> {"type":"ok"}
b: recv {"type":"edit"}
b: ask {"type":"history","id":6,"room":"lobby"} -> {"type":"history","events":[{"text":"three","replies":2,"last_reply":"$s","reactions":[{"emoji":"x","count":1}]},{"id":"$x","deleted":true},{"text":"re"},{"text":"re2"}]}
