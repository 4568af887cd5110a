#!/usr/bin/perl

# Another server says what is published: chat_auth_publish.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest::Jwt;
use ChatTest::Source;
use ChatTest;

run_tests();

__DATA__

=== TEST 1: what nginx -t says
--- chat_config
chat_guest  on;
--- chat
accepted server location /c/ { chat main; chat_guest on; chat_auth_publish http://127.0.0.1:9/p timeout=1s; }
accepted server chat_auth_publish http://unix:/x:/p; location /c/ { chat main; chat_guest on; chat_auth_publish off; chat_format raw; }
refused server location /c/ { chat main; chat_auth_publish http://x.example/; } => "chat_auth_publish" can't ask "http://x.example/":
refused server location /c/ { chat main; chat_auth_publish http://127.0.0.1/ timeout=1h; } => write a time of 100ms to 60s
refused server location /c/ { chat main; chat_auth_publish http://127.0.0.1/ x=1; } => known is timeout=
refused server location /c/ { chat main; chat_auth_publish off; chat_auth_publish off; } => is duplicate
refused server location /c/ { chat main; chat_format raw; chat_auth_publish http://127.0.0.1/; } => "chat_auth_publish" knows messages



=== TEST 2: by status
--- config
location = /ok  { return 204; }
location = /no  { return 403; }
location = /who { return 401; }
location = /err { return 500; }
location /no/   { chat main; chat_guest on; chat_auth_publish http://127.0.0.1:$TEST_NGINX_SERVER_PORT/no; }
location /who/  { chat main; chat_guest on; chat_auth_publish http://127.0.0.1:$TEST_NGINX_SERVER_PORT/who; }
location /err/  { chat main; chat_guest on; chat_auth_publish http://127.0.0.1:$TEST_NGINX_SERVER_PORT/err; }
--- chat_config
chat_guest         on;
chat_auth_publish  http://127.0.0.1:$TEST_NGINX_SERVER_PORT/ok;
--- chat
a: enter ws /chat/lobby
a: ask {"type":"message","id":1,"room":"lobby","text":"x"} -> {"type":"ok","reply_to":1}
a: recv {"text":"x"}
n: enter ws /no/lobby
n: ask {"type":"message","id":1,"room":"lobby","text":"n"} -> {"type":"error","reply_to":1,"code":"forbidden"}
n: ask {"type":"ping","id":2} -> {"type":"pong"}
c: post /no/lobby {"text":"n"}
c: expect 403 {"code":"forbidden"}
c: post /who/lobby {"text":"n"}
c: expect 401 {"code":"unauthorized"}
c: post /err/lobby {"text":"n"}
c: expect 503 {"code":"unavailable"}
c: post /chat/lobby {"text":"by POST"}
c: expect 201
a: recv {"text":"by POST"}
a: none



=== TEST 3: rewritten, filtered, garbage; edits
--- chat_config
chat_guest         on;
chat_auth_publish  http://unix:$TEST_NGINX_KEYS/source.sock:/publish;
--- chat
call file p.json {"text":"mild","data":{"m":1}}
call source length p.json
a: enter ws /chat/lobby
a: ask {"type":"message","id":1,"room":"lobby","text":"rude \" word","nonce":"12345678"} -> {"type":"ok","reply_to":1,"id":"$id=<string>"}
a: recv {"type":"message","text":"mild","data":{"m":1}}
call asked /POST \/publish HTTP\/1.1\r\n(?:.*\r\n)*\r\n\{"action":"publish","room":"lobby","user":\{"id":"[^"]+".*"roles":\[.*\],"text":"rude \\" word"\}/
# the same again, whatever is answered now
call file p.json {"text":"other"}
a: ask {"type":"message","id":2,"room":"lobby","text":"rude \" word","nonce":"12345678"} -> {"type":"ok","reply_to":2,"duplicate":true}
a: ask {"type":"edit","id":3,"room":"lobby","target":"$id","text":"ruder"} -> {"type":"ok","reply_to":3}
a: recv {"type":"edit","text":"other"}
call asked /"action":"edit","target":"[^"]+","room":"lobby".*"text":"ruder"/
call file p.json {"error":"filtered","message":"no \"links\" here"}
a: ask {"type":"message","id":4,"room":"lobby","text":"x"} -> {"type":"error","reply_to":4,"code":"filtered","message":"no \"links\" here"}
c: post /chat/lobby {"text":"x"}
c: expect 422 {"code":"filtered"}
call file p.json {"error":"filtered"}
a: ask {"type":"message","id":5,"room":"lobby","text":"x"} -> {"type":"error","reply_to":5,"code":"filtered"}
call file p.json {}
a: ask {"type":"message","id":6,"room":"lobby","text":"as is"} -> {"type":"ok","reply_to":6}
a: recv {"text":"as is"}
call file p.json [1]
a: ask {"type":"message","id":7,"room":"lobby","text":"x"} -> {"type":"error","reply_to":7,"code":"unavailable"}
log /is of no use: it is no JSON object/
call file p.json {"text":7}
a: ask {"type":"message","id":8,"room":"lobby","text":"x"} -> {"type":"error","reply_to":8,"code":"unavailable"}
call source garbage
a: ask {"type":"message","id":9,"room":"lobby","text":"x"} -> {"type":"error","reply_to":9,"code":"unavailable"}
call source down
a: ask {"type":"message","id":10,"room":"lobby","text":"x"} -> {"type":"error","reply_to":10,"code":"unavailable"}
log /chat messages are refused, "chat_auth_publish" can't be asked/
a: none



=== TEST 4: order is kept; who goes while it waits; timeout
--- chat_config
chat_guest         on;
chat_auth_publish  http://unix:$TEST_NGINX_KEYS/source.sock:/publish timeout=2s;
--- chat
call file p.json {}
call source delayed p.json
a: enter ws /chat/lobby
a: send {"type":"message","id":1,"room":"lobby","text":"1"}
a: send {"type":"ping","id":2}
a: send [{"type":"message","id":3,"room":"lobby","text":"3"},{"type":"ping","id":4}]
a: recv {"type":"ok","reply_to":1}
a: recv {"type":"pong","reply_to":2}
a: recv {"type":"ok","reply_to":3}
a: recv {"type":"pong","reply_to":4}
a: recv {"text":"1"}
a: recv {"text":"3"}
call source silent
w: enter ws /chat/lobby
w: send {"type":"message","id":1,"room":"lobby","text":"w"}
w: reset
b: tcp
b: raw "POST /chat/lobby HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: 1\r\n\r\nb"
b: taken
b: reset
a: ask {"type":"message","id":5,"room":"lobby","text":"x"} -> {"type":"error","reply_to":5,"code":"unavailable"}
call source length p.json
a: ask {"type":"message","id":6,"room":"lobby","text":"y"} -> {"type":"ok","reply_to":6}
a: recv {"text":"y"}
# it has what was open when it was forked
call source down
