#!/usr/bin/perl

# kill -9 of a worker at every point where a change could be left half done.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest points => 1;

run_tests();

__DATA__

=== TEST 1: before an event is in its chain, and within a deletion
--- chat_config
chat_user  $http_x_user trusted;
--- chat
allow /repaired after a process died/
w: enter ws /chat/lobby header="X-User: wes"
w: ask {"type":"message","id":1,"room":"lobby","text":"secret one"} -> {"type":"ok","id":"$m=<id>"}
w: recv {"type":"message"}
w: ask {"type":"edit","id":2,"room":"lobby","target":"$m","text":"secret two"} -> {"type":"ok","id":"$e=<id>"}
w: recv {"type":"edit"}
w: ask {"type":"edit","id":3,"room":"lobby","target":"$m","text":"secret three"} -> {"type":"ok"}
w: recv {"type":"edit"}
a: enter ws /chat/lobby header="X-User: wes" other=w
point change:unlinked
a: send {"type":"delete","id":3,"room":"lobby","target":"$m","nonce":"nonce-change:unlinked"}
point passed
a: end
# it exists from the head on; the next who takes the lock ends it
w: ask {"type":"delete","id":4,"room":"lobby","target":"$m","nonce":"nonce-change:unlinked"} -> {"type":"ok","duplicate":true}
w: recv {"type":"delete","target":"$m"}
g: get /chat/lobby header="X-User: wes"
g: expect 200 /^(?!.*secret).*"deleted":true/
c: ws /chat/lobby?after=$m header="X-User: wes" other=a
c: recv {"type":"welcome"}
c: recv {"type":"joined","recovered":true}
c: recv {"type":"edit","deleted":true,"text":"<absent>"}
c: recv {"type":"edit","deleted":true,"text":"<absent>"}
c: recv {"type":"delete","target":"$m"}
w: ask {"type":"react","id":5,"room":"lobby","target":"$m","emoji":"x","on":true} -> {"type":"error","code":"not_found"}
c: drop
w: ask {"type":"message","id":1,"room":"lobby","text":"secret one"} -> {"type":"ok","id":"$m=<id>"}
w: recv {"type":"message"}
w: ask {"type":"edit","id":2,"room":"lobby","target":"$m","text":"secret two"} -> {"type":"ok","id":"$e=<id>"}
w: recv {"type":"edit"}
w: ask {"type":"edit","id":3,"room":"lobby","target":"$m","text":"secret three"} -> {"type":"ok"}
w: recv {"type":"edit"}
a: enter ws /chat/lobby header="X-User: wes" other=w
point delete:begin
a: send {"type":"delete","id":3,"room":"lobby","target":"$m","nonce":"nonce-delete:begin"}
point passed
a: end
# it exists from the head on; the next who takes the lock ends it
w: ask {"type":"delete","id":4,"room":"lobby","target":"$m","nonce":"nonce-delete:begin"} -> {"type":"ok","duplicate":true}
w: recv {"type":"delete","target":"$m"}
g: get /chat/lobby header="X-User: wes"
g: expect 200 /^(?!.*secret).*"deleted":true/
c: ws /chat/lobby?after=$m header="X-User: wes" other=a
c: recv {"type":"welcome"}
c: recv {"type":"joined","recovered":true}
c: recv {"type":"edit","deleted":true,"text":"<absent>"}
c: recv {"type":"edit","deleted":true,"text":"<absent>"}
c: recv {"type":"delete","target":"$m"}
w: ask {"type":"react","id":5,"room":"lobby","target":"$m","emoji":"x","on":true} -> {"type":"error","code":"not_found"}
c: drop
w: ask {"type":"message","id":1,"room":"lobby","text":"secret one"} -> {"type":"ok","id":"$m=<id>"}
w: recv {"type":"message"}
w: ask {"type":"edit","id":2,"room":"lobby","target":"$m","text":"secret two"} -> {"type":"ok","id":"$e=<id>"}
w: recv {"type":"edit"}
w: ask {"type":"edit","id":3,"room":"lobby","target":"$m","text":"secret three"} -> {"type":"ok"}
w: recv {"type":"edit"}
a: enter ws /chat/lobby header="X-User: wes" other=w
point delete:mid
a: send {"type":"delete","id":3,"room":"lobby","target":"$m","nonce":"nonce-delete:mid"}
point passed
a: end
# it exists from the head on; the next who takes the lock ends it
w: ask {"type":"delete","id":4,"room":"lobby","target":"$m","nonce":"nonce-delete:mid"} -> {"type":"ok","duplicate":true}
w: recv {"type":"delete","target":"$m"}
g: get /chat/lobby header="X-User: wes"
g: expect 200 /^(?!.*secret).*"deleted":true/
c: ws /chat/lobby?after=$m header="X-User: wes" other=a
c: recv {"type":"welcome"}
c: recv {"type":"joined","recovered":true}
c: recv {"type":"edit","deleted":true,"text":"<absent>"}
c: recv {"type":"edit","deleted":true,"text":"<absent>"}
c: recv {"type":"delete","target":"$m"}
w: ask {"type":"react","id":5,"room":"lobby","target":"$m","emoji":"x","on":true} -> {"type":"error","code":"not_found"}
c: drop
w: ask {"type":"message","id":1,"room":"lobby","text":"secret one"} -> {"type":"ok","id":"$m=<id>"}
w: recv {"type":"message"}
w: ask {"type":"edit","id":2,"room":"lobby","target":"$m","text":"secret two"} -> {"type":"ok","id":"$e=<id>"}
w: recv {"type":"edit"}
w: ask {"type":"edit","id":3,"room":"lobby","target":"$m","text":"secret three"} -> {"type":"ok"}
w: recv {"type":"edit"}
a: enter ws /chat/lobby header="X-User: wes" other=w
point delete:message
a: send {"type":"delete","id":3,"room":"lobby","target":"$m","nonce":"nonce-delete:message"}
point passed
a: end
# it exists from the head on; the next who takes the lock ends it
w: ask {"type":"delete","id":4,"room":"lobby","target":"$m","nonce":"nonce-delete:message"} -> {"type":"ok","duplicate":true}
w: recv {"type":"delete","target":"$m"}
g: get /chat/lobby header="X-User: wes"
g: expect 200 /^(?!.*secret).*"deleted":true/
c: ws /chat/lobby?after=$m header="X-User: wes" other=a
c: recv {"type":"welcome"}
c: recv {"type":"joined","recovered":true}
c: recv {"type":"edit","deleted":true,"text":"<absent>"}
c: recv {"type":"edit","deleted":true,"text":"<absent>"}
c: recv {"type":"delete","target":"$m"}
w: ask {"type":"react","id":5,"room":"lobby","target":"$m","emoji":"x","on":true} -> {"type":"error","code":"not_found"}
c: drop
w: ask {"type":"message","id":1,"room":"lobby","text":"secret one"} -> {"type":"ok","id":"$m=<id>"}
w: recv {"type":"message"}
w: ask {"type":"edit","id":2,"room":"lobby","target":"$m","text":"secret two"} -> {"type":"ok","id":"$e=<id>"}
w: recv {"type":"edit"}
w: ask {"type":"edit","id":3,"room":"lobby","target":"$m","text":"secret three"} -> {"type":"ok"}
w: recv {"type":"edit"}
a: enter ws /chat/lobby header="X-User: wes" other=w
point delete:edit
a: send {"type":"delete","id":3,"room":"lobby","target":"$m","nonce":"nonce-delete:edit"}
point passed
a: end
# it exists from the head on; the next who takes the lock ends it
w: ask {"type":"delete","id":4,"room":"lobby","target":"$m","nonce":"nonce-delete:edit"} -> {"type":"ok","duplicate":true}
w: recv {"type":"delete","target":"$m"}
g: get /chat/lobby header="X-User: wes"
g: expect 200 /^(?!.*secret).*"deleted":true/
c: ws /chat/lobby?after=$m header="X-User: wes" other=a
c: recv {"type":"welcome"}
c: recv {"type":"joined","recovered":true}
c: recv {"type":"edit","deleted":true,"text":"<absent>"}
c: recv {"type":"edit","deleted":true,"text":"<absent>"}
c: recv {"type":"delete","target":"$m"}
w: ask {"type":"react","id":5,"room":"lobby","target":"$m","emoji":"x","on":true} -> {"type":"error","code":"not_found"}
c: drop



=== TEST 2: an edit, a reaction, a reply
--- chat_config
chat_user  $http_x_user trusted;
--- chat
allow /repaired after a process died/
w: enter ws /chat/lobby header="X-User: wes"
w: ask {"type":"message","id":1,"room":"lobby","text":"root"} -> {"type":"ok","id":"$m=<id>"}
w: recv {"type":"message"}
a: enter ws /chat/lobby header="X-User: wes" other=w
point change:unlinked
a: send {"type":"edit","room":"lobby","target":"$m","text":"two"}
point passed
a: end
w: recv {"type":"edit","text":"two"}
a: enter ws /chat/lobby header="X-User: wes" other=w
point change:unlinked
a: send {"type":"react","room":"lobby","target":"$m","emoji":"x","on":true}
point passed
a: end
w: recv {"type":"react","count":1}
a: enter ws /chat/lobby header="X-User: wes" other=w
point thread:unlinked
a: send {"type":"message","room":"lobby","text":"re","thread":"$m"}
point passed
a: end
w: recv {"type":"message","text":"re","id":"$r=<id>"}
w: ask {"type":"react","id":2,"room":"lobby","target":"$m","emoji":"x","on":true} -> {"type":"ok","duplicate":true}
w: ask {"type":"history","id":3,"room":"lobby"} -> {"type":"history","events":[{"id":"$m","text":"two","edited":true,"reactions":[{"emoji":"x","count":1}],"replies":1,"last_reply":"$r","rev":3},{"text":"re","rev":4}]}
w: ask {"type":"message","id":4,"room":"lobby","text":"re2","thread":"$m"} -> {"type":"ok"}
w: recv {"type":"message"}
w: ask {"type":"history","id":5,"room":"lobby","thread":"$m"} -> {"type":"history","events":[{"text":"re"},{"text":"re2"}],"more":false}
# before it exists: nothing has happened
a: enter ws /chat/lobby header="X-User: wes" other=w
point head:before
a: send {"type":"delete","room":"lobby","target":"$m"}
point passed
a: end
w: ask {"type":"history","id":6,"room":"lobby","limit":1,"before":"$r"} -> {"type":"history","head":5,"events":[{"id":"$m","text":"two","deleted":"<absent>"}]}
