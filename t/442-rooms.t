#!/usr/bin/perl

# Rooms for members, rooms of a size, announcement rooms, and which rooms there
# are; over every transport, two workers, a reload and the death of a worker.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;

run_tests();

__DATA__

=== TEST 1: for members alone
--- chat_http
chat_zone   zone=main:8m;
chat_rooms  main  none-*  create=off;
chat_rooms  main  *  list=on;
--- chat_config
chat_notice off;
chat_user   $http_x_user trusted;
chat_role   moderator user=mod;
chat_role   owner user=root;
--- chat
m: enter ws /chat/team header="X-User: mod"
a: enter ws /chat/team header="X-User: ann" same=m
b: enter ws /chat/team header="X-User: bob" other=m
s: enter sse /chat/team header="X-User: carl" other=m
a: ask {"type":"room","id":1,"room":"team","set":{"invite":true}} -> {"type":"error","code":"forbidden"}
# in a room for everybody it says nothing
a: ask {"type":"invite","id":2,"room":"team","user":"carl"} -> {"type":"ok","reply_to":2,"room":"team","user":"carl"}
m: ask {"type":"invite","id":3,"room":"team","user":"x y"} -> {"type":"error","code":"bad_request","field":"user"}
m: send {"type":"room","id":4,"room":"team","set":{"invite":true,"topic":"ours"}}
m: until {"type":"ok","reply_to":4,"state":{"invite":true,"topic":"ours"}}
a: until {"type":"left","room":"team","reason":"revoked"}
b: until {"type":"left","room":"team","reason":"revoked"}
s: until {"type":"left","room":"team","reason":"revoked"}
m: send {"type":"message","id":5,"room":"team","text":"secret"}
m: until {"text":"secret"}
# to others it looks as if there were none
b: ask {"type":"join","id":6,"room":"team"} -> {"type":"error","code":"not_found","room":"team"}
b: ask {"type":"history","id":7,"room":"team"} -> {"type":"error","code":"not_found"}
b: ask {"type":"members","id":8,"room":"team"} -> {"type":"error","code":"not_found"}
b: ask {"type":"room","id":9,"room":"team"} -> {"type":"error","code":"not_found"}
b: ask {"type":"room","id":10,"room":"none-such"} -> {"type":"error","code":"not_found"}
b: ask {"type":"read","id":11,"room":"team","upto":"0"} -> {"type":"error","code":"not_found"}
b: ask {"type":"invite","id":12,"room":"team","user":"bob"} -> {"type":"error","code":"not_found"}
b: ask {"type":"rooms","id":13} -> {"type":"rooms","rooms":[],"next":"<absent>"}
p: post /chat/ header="X-User: bob" [{"type":"message","id":1,"room":"team","text":"x"},{"type":"signal","id":2,"room":"team","name":"x"},{"type":"uninvite","id":3,"room":"team","user":"ann"},{"type":"uninvite","id":4,"room":"none-such","user":"ann"},{"type":"rooms","id":5}]
p: expect 200 [{"code":"not_found"},{"code":"not_found"},{"code":"forbidden"},{"code":"forbidden"},{"type":"rooms","rooms":[]}]
p: get /chat/team header="X-User: bob"
p: expect 404
x: sse /chat/team header="X-User: bob" status=404
# whoever is invited is in, by either worker, and may invite
p: post /chat/ header="X-User: mod" other=b [{"type":"invite","id":1,"room":"team","user":"bob"}]
p: expect 200 [{"type":"ok","reply_to":1,"room":"team","user":"bob"}]
b: ask {"type":"join","id":14,"room":"team","last":1} -> {"type":"joined","state":{"invite":true},"page":{"events":[{"text":"secret"}]}}
b: ask {"type":"rooms","id":15,"limit":1} -> {"type":"rooms","rooms":[{"room":"team","members":2,"state":{"topic":"ours"}}]}
b: ask {"type":"invite","id":16,"room":"team","user":"ann"} -> {"type":"ok"}
a: ask {"type":"join","id":17,"room":"team"} -> {"type":"joined"}
# a role given in the room is an invitation, too
r: ws /chat/ header="X-User: root"
r: recv {"type":"welcome"}
r: ask {"type":"role","id":18,"room":"team","user":"carl","role":"member"} -> {"type":"ok"}
s: drop
s: ws /chat/team header="X-User: carl" other=m
s: recv {"type":"welcome"}
s: recv {"type":"joined"}
# it holds after the death of a worker and a reload
kill9 b
b: end anyhow
s: end anyhow
b: enter ws /chat/team header="X-User: bob"
reload
n: ws /chat/ header="X-User: dave"
n: recv {"type":"welcome"}
n: ask {"type":"join","id":1,"room":"team"} -> {"type":"error","code":"not_found"}
k: enter ws /chat/team header="X-User: bob"
# and ends by a moderator's word, everywhere
p: post /chat/ header="X-User: ann" [{"type":"uninvite","id":1,"room":"team","user":"bob"}]
p: expect 200 [{"type":"error","code":"forbidden"}]
p: post /chat/ header="X-User: mod" [{"type":"uninvite","id":2,"room":"team","user":"bob"},{"type":"uninvite","id":3,"room":"team","user":"bob"},{"type":"uninvite","id":4,"room":"team","user":"dave"}]
p: expect 200 [{"type":"ok","reply_to":2},{"type":"error","reply_to":3,"code":"not_found"},{"type":"error","code":"not_found"}]
k: until {"type":"left","room":"team","reason":"revoked"}
k: ask {"type":"join","id":2,"room":"team"} -> {"type":"error","code":"not_found"}



=== TEST 2: sizes, announcements, and the list page by page
--- chat_http
chat_zone   zone=main:8m;
chat_rooms  main  hidden-*  list=off;
chat_rooms  main  *  list=on;
--- chat_config
chat_user   $http_x_user trusted;
chat_role   moderator user=mod;
chat_allow  moderator read room=private-*;
--- chat
m: enter ws /chat/small header="X-User: mod"
a: enter ws /chat/small header="X-User: ann" other=m
m: send {"type":"room","id":1,"room":"small","set":{"max_members":2,"send":"moderator"}}
m: until {"type":"ok","reply_to":1}
# both workers have told of it
a: until {"type":"room","state":{"max_members":2}}
b: ws /chat/small header="X-User: bob" other=m
b: recv {"type":"welcome"}
b: recv {"type":"error","room":"small","code":"full","temporary":true}
# he is in it already; he who is not counted
c: enter ws /chat/small header="X-User: ann" same=m
b: ask {"type":"join","id":2,"room":"small","presence":false} -> {"type":"joined","members":2}
b: ask {"type":"leave","id":3,"room":"small"} -> {"type":"left"}
a: ask {"type":"leave","id":4,"room":"small"} -> {"type":"left"}
c: ask {"type":"leave","id":5,"room":"small"} -> {"type":"left"}
b: ask {"type":"join","id":6,"room":"small"} -> {"type":"joined","members":2}
# who may send sends; all may react
m: send {"type":"message","id":7,"room":"small","text":"news"}
b: recv {"text":"news","id":"$news=<id>"}
b: ask {"type":"message","id":8,"room":"small","text":"x"} -> {"type":"error","code":"read_only"}
b: ask {"type":"typing","id":9,"room":"small","on":true} -> {"type":"error","code":"read_only"}
b: ask {"type":"react","id":10,"room":"small","target":"$news","emoji":"x","on":true} -> {"type":"ok"}
b: recv {"type":"react"}
b: ask {"type":"edit","id":19,"room":"small","target":"$news","text":"x"} -> {"type":"error","code":"read_only"}
b: ask {"type":"delete","id":20,"room":"small","target":"$news"} -> {"type":"error","code":"forbidden"}
p: post /chat/ header="X-User: bob" [{"type":"react","id":1,"room":"small","target":"$news","emoji":"y","on":true},{"type":"message","id":2,"room":"small","text":"x","thread":"$news"}]
p: expect 200 [{"type":"ok"},{"code":"read_only"}]
b: recv {"type":"react","emoji":"y"}
p: post /chat/small header="X-User: bob" {"text":"x"}
p: expect 403 {"code":"read_only"}
p: post /chat/small header="X-User: mod" {"text":"more"}
p: expect 201
b: recv {"text":"more"}
m: send {"type":"room","id":11,"room":"small","set":{"send":null,"max_members":null}}
m: until {"type":"ok","reply_to":11,"state":{"send":"<absent>"}}
b: recv {"type":"room","state":{}}
b: ask {"type":"message","id":12,"room":"small","text":"now"} -> {"type":"ok"}
b: recv {"text":"now"}
# the list
b: ask {"type":"join","rooms":[{"room":"r1"},{"room":"r2"},{"room":"hidden-1"}]} -> {"type":"joined"}
b: recv {"type":"joined"}
b: recv {"type":"joined"}
p: post /chat/private-1 header="X-User: mod" {"text":"x"}
p: expect 201
b: ask {"type":"rooms","id":13,"limit":2} -> {"type":"rooms","reply_to":13,"rooms":"<< @$_ == 2 >>","next":"$next=<string>"}
p: post /chat/ header="X-User: bob" same=m [{"type":"rooms","id":14,"limit":2,"next":"$next"}]
p: expect 200 [{"type":"rooms","rooms":[{"room":"r2"}],"next":"<absent>"}]
p: post /chat/ header="X-User: bob" same=m [{"type":"rooms","id":15},{"type":"rooms","id":16,"next":"x"},{"type":"rooms","id":17,"next":"999999999"}]
p: expect 200 [{"rooms":[{"room":"small","members":2},{"room":"r1","members":1},{"room":"r2"}]},{"code":"bad_request","field":"next"},{"rooms":[]}]
p: post /chat/ header="X-User: mod" same=b [{"type":"rooms","id":18}]
p: expect 200 [{"rooms":[{"room":"small"},{"room":"r1"},{"room":"r2"},{"room":"private-1"}]}]



=== TEST 3: private by the configuration, and made by nobody but who may
--- chat_http
chat_zone   zone=main:8m;
chat_rooms  main  club-*  private  list=on;
chat_rooms  main  desk-*  private  create=off;
--- chat_config
chat_user   $http_x_user trusted;
chat_role   moderator user=mod;
--- config
location ^~ /raw/ {
    chat         main;
    chat_format  raw;
    chat_user    $http_x_user trusted;
}
--- chat
m: enter ws /chat/club-1 header="X-User: mod"
a: ws /chat/ header="X-User: ann" other=m
a: recv {"type":"welcome"}
a: ask {"type":"join","id":1,"room":"club-1"} -> {"type":"error","code":"not_found"}
# nobody finds out by trying whether there is one
a: ask {"type":"join","id":2,"room":"club-2"} -> {"type":"error","code":"not_found"}
a: ask {"type":"rooms","id":3} -> {"type":"rooms","rooms":[]}
p: post /chat/club-1 header="X-User: ann" {"text":"x"}
p: expect 404
# in another format nobody can be a member
w: ws /raw/club-1 header="X-User: ann"
w: closed
m: ask {"type":"invite","id":1,"room":"club-1","user":"ann"} -> {"type":"ok"}
a: recv {"type":"notice","kind":"invite","room":"club-1","user":{"id":"mod"}}
a: ask {"type":"join","id":4,"room":"club-1"} -> {"type":"joined"}
a: ask {"type":"invite","id":5,"room":"club-1","user":"bob"} -> {"type":"ok"}
b: enter ws /chat/club-1 header="X-User: bob" same=m
# one of them is for everybody
m: send {"type":"room","id":2,"room":"club-1","set":{"invite":false}}
m: until {"type":"ok","reply_to":2,"state":{"invite":false}}
c: enter ws /chat/club-1 header="X-User: carl" other=m
# and private again
m: send {"type":"room","id":3,"room":"club-1","set":{"invite":null}}
m: until {"type":"ok","reply_to":3,"state":{"invite":"<absent>"}}
c: until {"type":"left","room":"club-1","reason":"revoked"}
b: until {"type":"room","state":{"invite":"<absent>"}}
b: send {"type":"message","id":1,"room":"club-1","text":"we are here"}
a: until {"text":"we are here"}
m: until {"text":"we are here"}
# "create=off": there is a room when it has got data, and one has to be invited
m: ask {"type":"join","id":4,"room":"desk-1"} -> {"type":"error","code":"not_found"}
p: post /chat/desk-1 header="X-User: mod" {"text":"x"}
p: expect 404
m: ask {"type":"room","id":5,"room":"desk-1","set":{"topic":"help"}} -> {"type":"ok","state":{"topic":"help"}}
m: ask {"type":"join","id":6,"room":"desk-1"} -> {"type":"joined","state":{"topic":"help"}}
a: ask {"type":"join","id":6,"room":"desk-1"} -> {"type":"error","code":"not_found"}
m: ask {"type":"invite","id":7,"room":"desk-1","user":"ann"} -> {"type":"ok"}
reload
a: drop
a: enter ws /chat/desk-1 header="X-User: ann"
