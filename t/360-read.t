#!/usr/bin/perl

# "read" and "unread": markers, what has come since, mentions, receipts.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest points => 1;

run_tests();

__DATA__

=== TEST 1: a marker moves forward, on both workers, over every transport
--- chat_config
chat_notice off;
chat_user  $http_x_user trusted;
--- chat
a: ws /chat/lobby header="X-User: ann"
a: recv {"type":"welcome","features":"<< grep({ $_ eq 'read' } @$_) >>"}
a: recv {"type":"joined","epoch":"$epoch=<epoch>"}
b: enter ws /chat/lobby header="X-User: bob" other=a
a: ask {"type":"unread","id":1} -> {"type":"unread","reply_to":1,"rooms":[{"room":"lobby","unread":0,"mentions":0,"marker":null,"head":0}],"failed":[]}
repeat 5
a: ask {"type":"message","id":2,"room":"lobby","text":"m"} -> {"type":"ok"}
a: recv {"text":"m"}
b: recv {"text":"m"}
end
# nothing was marked: all is unread, also what one has said
b: ask {"type":"unread","id":"u"} -> {"type":"unread","reply_to":"u","rooms":[{"room":"lobby","unread":5,"marker":null,"head":5}]}
b: ask {"type":"read","id":3,"room":"lobby","upto":"${epoch}-2"} -> {"type":"ok","reply_to":3,"room":"lobby","unread":3,"mentions":0,"marker":"${epoch}-2","head":5}
# never backward, never beyond the head
b: ask {"type":"read","id":4,"room":"lobby","upto":"${epoch}-1"} -> {"type":"ok","unread":3,"marker":"${epoch}-2"}
b: ask {"type":"read","id":5,"room":"lobby","upto":"0"} -> {"type":"ok","unread":3,"marker":"${epoch}-2"}
b: ask {"type":"read","id":6,"room":"lobby","upto":"${epoch}-4000"} -> {"type":"ok","unread":0,"marker":"${epoch}-5"}
a: ask {"type":"unread","id":7} -> {"rooms":[{"unread":5,"marker":null}]}
# the same user by POST, joined to nothing, and by a stream at the other worker
p: post /chat/ header="X-User: bob" same=a [{"type":"unread","id":8,"rooms":["lobby","none","bad name"]}]
p: expect 200 [{"type":"unread","reply_to":8,"rooms":[{"room":"lobby","unread":0,"marker":"${epoch}-5"}],"failed":[{"room":"none","code":"not_found"},{"room":"bad name","code":"bad_request"}]}]
p: post /chat/lobby header="X-User: ann" {"text":"m6"}
p: expect 201 {"id":"${epoch}-6"}
b: recv {"text":"m6"}
s: stream /chat/ header="X-User: bob" same=a [{"type":"join","room":"lobby"},{"type":"unread","id":9},{"type":"read","id":10,"room":"lobby","upto":"${epoch}-6"}]
s: recv {"type":"welcome"}
s: recv {"type":"joined"}
s: recv {"type":"unread","reply_to":9,"rooms":[{"unread":1}]}
s: recv {"type":"ok","reply_to":10,"unread":0}
b: ask {"type":"unread","id":11} -> {"rooms":[{"unread":0,"marker":"${epoch}-6"}]}
# without an id nothing is answered
b: send {"type":"unread"}
b: send {"type":"read","room":"lobby","upto":"${epoch}-6"}
b: ask {"type":"ping","id":12} -> {"type":"pong","reply_to":12}



=== TEST 2: what is wrong
--- chat_config
chat_user  $http_x_user trusted;
--- chat
a: enter ws /chat/lobby header="X-User: ann"
a: ask {"type":"read","id":1,"room":"lobby"} -> {"type":"error","reply_to":1,"code":"bad_request","field":"upto"}
a: ask {"type":"read","id":2,"room":"lobby","upto":7} -> {"type":"error","reply_to":2,"code":"bad_request","field":"upto"}
a: ask {"type":"read","id":3,"room":"lobby","upto":"x"} -> {"type":"error","reply_to":3,"code":"bad_request","field":"upto"}
a: ask {"type":"read","id":4,"upto":"0"} -> {"type":"error","reply_to":4,"code":"bad_request","field":"room"}
a: ask {"type":"read","id":5,"room":"lobby","upto":"0123456789-1"} -> {"type":"error","reply_to":5,"room":"lobby","code":"not_found","field":"upto"}
a: ask {"type":"read","id":6,"room":"none","upto":"0"} -> {"type":"error","reply_to":6,"room":"none","code":"not_found","field":"<absent>"}
a: ask {"type":"unread","id":7,"rooms":[]} -> {"type":"error","reply_to":7,"code":"bad_request","field":"rooms"}
a: ask {"type":"unread","id":8,"rooms":"lobby"} -> {"type":"error","reply_to":8,"code":"bad_request","field":"rooms"}
a: ask {"type":"unread","id":9,"rooms":[{"room":"lobby"}]} -> {"type":"error","reply_to":9,"code":"bad_request","field":"rooms"}
let many = <<[('r') x 101]>>
a: ask {"type":"unread","id":10,"rooms":$many} -> {"type":"error","reply_to":10,"code":"bad_request","field":"rooms"}
let many = <<[('lobby') x 100]>>
a: ask {"type":"unread","id":11,"rooms":$many} -> {"type":"unread","reply_to":11,"rooms":"<< @$_ == 100 >>","failed":[]}
p: post /chat/ header="X-User: ann" [{"type":"unread","id":12}]
p: expect 200 [{"type":"error","reply_to":12,"code":"bad_request","field":"rooms"}]



=== TEST 3: who speaks has read; who is mentioned is told how often
--- chat_config
chat_user  $http_x_user trusted;
--- chat
a: ws /chat/lobby header="X-User: ann"
a: recv {"type":"welcome"}
a: recv {"type":"joined","epoch":"$epoch=<epoch>"}
b: enter ws /chat/lobby header="X-User: bob" other=a
a: ask {"type":"read","id":1,"room":"lobby","upto":"0"} -> {"type":"ok","unread":0,"mentions":0,"marker":"${epoch}-0"}
repeat 3
b: send {"type":"message","room":"lobby","text":"to you","mentions":["ann","carl","ann"]}
a: recv {"text":"to you"}
b: recv {"text":"to you"}
end
b: send {"type":"message","room":"lobby","text":"to all"}
a: recv {"text":"to all"}
b: recv {"text":"to all"}
a: ask {"type":"unread","id":2} -> {"rooms":[{"unread":4,"mentions":3,"marker":"${epoch}-0"}]}
a: ask {"type":"read","id":3,"room":"lobby","upto":"${epoch}-2"} -> {"unread":2,"mentions":1}
a: send {"type":"message","room":"lobby","text":"an answer"}
a: recv {"text":"an answer"}
b: recv {"text":"an answer"}
a: ask {"type":"unread","id":4} -> {"rooms":[{"unread":0,"mentions":0,"marker":"${epoch}-5"}]}
# of very many the newest are remembered
repeat 20
b: send {"type":"message","room":"lobby","text":"ann!","mentions":["ann"]}
a: recv {"text":"ann!"}
b: recv {"text":"ann!"}
end
a: ask {"type":"unread","id":5} -> {"rooms":[{"unread":20,"mentions":11}]}
a: ask {"type":"read","id":6,"room":"lobby","upto":"${epoch}-23"} -> {"unread":2,"mentions":2}
# also by POST to the room
p: post /chat/lobby header="X-User: bob" {"text":"ann!","mentions":["ann"]}
p: expect 201 {}
a: recv {"text":"ann!"}
a: ask {"type":"unread","id":7} -> {"rooms":[{"unread":3,"mentions":3}]}



=== TEST 4: receipts, where they are wanted, to everybody but the reader's session
--- chat_config
chat_user  $http_x_user trusted;
chat_receipts  on;
--- chat
a: ws /chat/lobby header="X-User: ann"
a: recv {"type":"welcome"}
a: recv {"type":"joined","epoch":"$epoch=<epoch>"}
b: enter ws /chat/lobby header="X-User: bob" other=a
c: enter sse /chat/lobby header="X-User: carl" same=a
a: send {"type":"message","room":"lobby","text":"m"}
a: recv {"text":"m"}
b: recv {"text":"m"}
c: recv {"text":"m"}
b: ask {"type":"read","id":1,"room":"lobby","upto":"${epoch}-1"} -> {"type":"ok"}
a: recv {"type":"read","room":"lobby","user":{"id":"bob"},"upto":"${epoch}-1","id":"<absent>"}
c: recv {"type":"read","room":"lobby","user":{"id":"bob"},"upto":"${epoch}-1"} id=absent
# what moves nothing is told to nobody
b: ask {"type":"read","id":2,"room":"lobby","upto":"${epoch}-1"} -> {"type":"ok"}
b: none 0.2
a: none 0.1



=== TEST 5: without the directive nobody is told
--- chat
a: ws /chat/lobby
a: recv {"type":"welcome"}
a: recv {"type":"joined","epoch":"$epoch=<epoch>"}
b: enter ws /chat/lobby other=a
b: send {"type":"message","room":"lobby","text":"m"}
a: recv {"text":"m"}
b: recv {"text":"m"}
a: ask {"type":"read","id":1,"room":"lobby","upto":"${epoch}-1"} -> {"type":"ok","unread":0}
b: none 0.2



=== TEST 6: markers outlive kill -9, a reload, a reload with another size, and what they stood at
--- chat_http
chat_zone   zone=main:8m;
chat_rooms  main  *  history=5;
--- chat_config
chat_user  $http_x_user trusted;
--- chat
a: ws /chat/lobby header="X-User: ann"
a: recv {"type":"welcome"}
a: recv {"type":"joined","epoch":"$epoch=<epoch>"}
10 * p: post /chat/lobby header="X-User: bob" {"text":"m$i"}
a: follow 10
q: post /chat/ header="X-User: ann" [{"type":"read","id":1,"room":"lobby","upto":"${epoch}-7"}]
q: expect 200 [{"type":"ok","unread":3}]
# what isn't kept any more counts, if it was never read
q: post /chat/ header="X-User: carl" [{"type":"unread","id":1,"rooms":["lobby"]}]
q: expect 200 [{"rooms":[{"unread":5,"marker":null}]}]
kill9 a
b: enter ws /chat/lobby header="X-User: dora"
q: post /chat/ header="X-User: ann" [{"type":"unread","id":2,"rooms":["lobby"]}]
q: expect 200 [{"rooms":[{"unread":3,"marker":"${epoch}-7"}]}]
reload
q: post /chat/ header="X-User: ann" [{"type":"unread","id":3,"rooms":["lobby"]}]
q: expect 200 [{"rooms":[{"unread":3,"marker":"${epoch}-7"}]}]
edit s/zone=main:8m/zone=main:16m/
reload
q: post /chat/ header="X-User: ann" [{"type":"unread","id":4,"rooms":["lobby"]}]
q: expect 200 [{"rooms":[{"unread":3,"marker":"${epoch}-7"}]}]
20 * p: post /chat/lobby header="X-User: bob" {"text":"n$i"}
q: post /chat/ header="X-User: ann" [{"type":"unread","id":5,"rooms":["lobby"]}]
q: expect 200 [{"rooms":[{"unread":23,"marker":"${epoch}-7","head":30}]}]
q: post /chat/ header="X-User: ann" [{"type":"read","id":6,"room":"lobby","upto":"${epoch}-28"}]
q: expect 200 [{"unread":2}]
q: post /chat/ header="X-User: ann" [{"type":"read","id":7,"room":"lobby","upto":"${epoch}-12"}]
q: expect 200 [{"unread":2,"marker":"${epoch}-28"}]



=== TEST 7: who may not read a room learns nothing of it
--- chat_config
chat_user   $http_x_user trusted;
chat_role   boss  user=ann;
chat_allow  boss  connect join read send history;
chat_allow  member  connect;
--- chat
a: enter ws /chat/lobby header="X-User: ann"
b: post /chat/ header="X-User: bob" [{"type":"read","id":1,"room":"lobby","upto":"0"},{"type":"read","id":2,"room":"none","upto":"0"},{"type":"unread","id":3,"rooms":["lobby","none"]}]
b: expect 200 [{"type":"error","reply_to":1,"code":"forbidden"},{"type":"error","reply_to":2,"code":"forbidden"},{"type":"unread","rooms":[],"failed":[{"room":"lobby","code":"forbidden"},{"room":"none","code":"forbidden"}]}]



=== TEST 8: not with rooms that hosts share, as each host would count by itself
--- chat_http
chat_zone   zone=main:8m;
chat_redis  main  redis://127.0.0.1:1;
--- chat_config
chat_user   $http_x_user trusted;
--- chat
p: post /chat/ header="X-User: bob" [{"type":"read","id":1,"room":"lobby","upto":"0"},{"type":"unread","id":2,"rooms":["lobby"]}]
p: expect 200 [{"type":"error","reply_to":1,"code":"unsupported"},{"type":"error","reply_to":2,"code":"unsupported"}]
a: ws /chat/ header="X-User: ann"
a: recv {"type":"welcome","features":"<< !grep({ $_ eq 'read' } @$_) >>"}
--- allow_log
chat Redis
