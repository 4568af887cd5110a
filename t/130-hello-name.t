#!/usr/bin/perl

# The display name that a guest gives in hello.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;

run_tests();

__DATA__

=== TEST 1: a second welcome has the name, and so have the guest's messages
--- chat
a: ws /chat/lobby
a: recv {"type":"welcome","user":{"id":"$me=<string>","guest":true,"name":"<absent>"},"features":"<< grep { $_ eq 'guest_name' } @$_ >>"}
a: recv {"type":"joined"}
b: enter ws /chat/lobby other=a
a: send {"type":"hello","id":1,"client":"x/1","name":"  Ann   of Ely "}
a: recv {"type":"welcome","reply_to":1,"session":"<string>","user":{"id":"$me","name":"Ann of Ely","guest":true}}
a: send {"type":"message","id":2,"room":"lobby","text":"hi"}
a: recv {"type":"ok","reply_to":2}
a: recv {"type":"message","text":"hi","user":{"id":"$me","name":"Ann of Ely","guest":true}}
b: recv {"type":"message","text":"hi","user":{"id":"$me","name":"Ann of Ely","guest":true}}
b: get /chat/lobby
b: expect 200 {"events":[{"text":"hi","user":{"id":"$me","name":"Ann of Ely"}}]}



=== TEST 2: the same name again changes nothing, another one renames
--- chat
a: enter ws /chat/lobby
a: send {"type":"hello","id":1,"name":"Ann"}
a: recv {"type":"welcome","reply_to":1,"user":{"name":"Ann"}}
a: send {"type":"hello","id":2,"name":"Ann"}
a: recv {"type":"ok","reply_to":2}
a: send {"type":"hello","id":3}
a: recv {"type":"ok","reply_to":3}
a: send {"type":"message","room":"lobby","text":"one"}
a: recv {"type":"message","text":"one","user":{"name":"Ann"}}
a: send {"type":"hello","id":4,"name":"Änne 🌻"}
a: recv {"type":"welcome","reply_to":4,"user":{"name":"Änne 🌻"}}
a: send {"type":"message","room":"lobby","text":"two"}
a: recv {"type":"message","text":"two","user":{"name":"Änne 🌻"}}



=== TEST 3: a name that can't be shown is refused and changes nothing
--- chat
a: ws /chat/lobby
a: recv {"type":"welcome","user":{"id":"$me=<string>"}}
a: recv {"type":"joined"}
a: send {"type":"hello","id":1,"name":"Ann"}
a: recv {"type":"welcome","reply_to":1}
a: send {"type":"hello","id":2,"name":"a\u202eb"}
a: recv {"type":"error","reply_to":2,"code":"bad_request","field":"name","temporary":false}
a: send {"type":"hello","id":3,"name":""}
a: recv {"type":"error","reply_to":3,"code":"bad_request","field":"name"}
a: send {"type":"hello","id":4,"name":["Ann"]}
a: recv {"type":"error","reply_to":4,"code":"bad_request","field":"name"}
let long = <<"ü" x 33>>
a: send {"type":"hello","id":5,"name":"$long"}
a: recv {"type":"error","reply_to":5,"code":"bad_request","field":"name"}
a: send {"type":"message","room":"lobby","text":"still"}
a: recv {"type":"message","text":"still","user":{"id":"$me","name":"Ann"}}



=== TEST 4: who comes back says it again, with the token: one welcome with both
--- chat
a: ws /chat/lobby
a: recv {"type":"welcome","user":{"id":"$me=<string>"},"guest_token":"$token=<string>"}
a: recv {"type":"joined","epoch":"$epoch=<epoch>"}
a: send {"type":"hello","id":1,"name":"Ann"}
a: recv {"type":"welcome","user":{"id":"$me","name":"Ann"}}
a: send {"type":"message","room":"lobby","text":"before"}
a: recv {"type":"message","text":"before","user":{"id":"$me","name":"Ann"}}
a: drop
b: ws /chat/
b: recv {"type":"welcome","user":{"name":"<absent>"}}
b: send [{"type":"hello","id":1,"token":"$token","name":"Ann"},{"type":"join","id":2,"room":"lobby","after":"$epoch-0"}]
b: recv {"type":"welcome","reply_to":1,"user":{"id":"$me","name":"Ann","guest":true},"guest_token":"<string>"}
b: recv {"type":"joined","reply_to":2,"recovered":true}
b: recv {"type":"message","text":"before","user":{"id":"$me","name":"Ann"}}
b: send {"type":"message","room":"lobby","text":"after"}
b: recv {"type":"message","text":"after","user":{"id":"$me","name":"Ann"}}
c: ws /chat/
c: recv {"type":"welcome"}
c: send {"type":"hello","id":1,"token":"not one of ours","name":"Ann"}
c: recv {"type":"error","reply_to":1,"code":"unauthorized","field":"token"}
c: send {"type":"hello","id":2,"name":"Cyd"}
c: recv {"type":"welcome","reply_to":2,"user":{"name":"Cyd"}}



=== TEST 5: by POST, for what comes behind it in the same body
--- chat
a: enter ws /chat/lobby
b: post /chat/ [{"type":"message","room":"lobby","text":"none"},{"type":"hello","id":1,"name":"Bob  B."},{"type":"message","id":2,"room":"lobby","text":"by POST"}]
b: expect 200 [{"type":"ok","reply_to":1},{"type":"ok","reply_to":2}]
a: recv {"type":"message","text":"none","user":{"guest":true,"name":"<absent>"}}
a: recv {"type":"message","text":"by POST","user":{"guest":true,"name":"Bob B."}}
b: post /chat/ type=application/x-ndjson "{\"type\":\"hello\",\"name\":\"Cyd\"}\n{\"type\":\"message\",\"id\":1,\"room\":\"lobby\",\"text\":\"by line\"}"
b: expect 200 [{"type":"ok","reply_to":1}]
a: recv {"type":"message","text":"by line","user":{"name":"Cyd"}}
b: post /chat/ [{"type":"hello","id":1,"name":"\u0000"},{"type":"hello","id":2,"name":"\u200b"},{"type":"message","id":3,"room":"lobby","text":"nameless"}]
b: expect 200 [{"type":"error","reply_to":1,"code":"bad_request","field":"name"},{"type":"error","reply_to":2,"code":"bad_request","field":"name"},{"type":"ok","reply_to":3}]
a: recv {"type":"message","text":"nameless","user":{"name":"<absent>"}}



=== TEST 6: where the location says who is who, it says how they are called
--- chat_config
chat_user  ann  "name=Ann of Ely";
--- chat
a: ws /chat/lobby
a: recv {"type":"welcome","user":{"id":"ann","name":"Ann of Ely","guest":"<absent>"},"features":"<< !grep { $_ eq 'guest_name' } @$_ >>"}
a: recv {"type":"joined"}
a: send {"type":"hello","id":1,"name":"Eve"}
a: recv {"type":"ok","reply_to":1}
a: send {"type":"hello","id":2,"name":""}
a: recv {"type":"error","reply_to":2,"code":"bad_request","field":"name"}
a: send {"type":"message","room":"lobby","text":"hi"}
a: recv {"type":"message","text":"hi","user":{"id":"ann","name":"Ann of Ely"}}



=== TEST 7: in the body that opens a stream by fetch
--- chat
a: stream /chat/ [{"type":"hello","id":1,"name":"Ann"},{"type":"join","id":2,"room":"lobby"}]
a: recv {"type":"welcome","user":{"id":"$me=<string>","name":"<absent>"},"guest_token":"$token=<string>"}
a: recv {"type":"welcome","reply_to":1,"user":{"id":"$me","name":"Ann"}}
a: recv {"type":"joined","reply_to":2}
b: post /chat/ header="Authorization: Bearer $token" [{"type":"hello","name":"Ann"},{"type":"message","id":1,"room":"lobby","text":"hi"}]
b: expect 200 [{"type":"ok","reply_to":1}]
a: recv {"type":"message","text":"hi","user":{"id":"$me","name":"Ann","guest":true}}
