#!/usr/bin/perl

# chat_status: its members, and whether they are true.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest points => 1;

run_tests();

__DATA__

=== TEST 1: what is there when nothing has happened yet
--- chat
a: get /chat-status
a: expect 200 {"server":"/^ngx_chat.[0-9]/","zone":"main","workers":2,"rooms":0,"rooms_max":"<< $_ > 100 >>","segments":"$all=<int>","segments_free":"<int>","segment_size":4096,"records_total":0,"kept":0,"kept_max":"<< $_ > 100 >>","kept_bytes_free":"<< $_ > 20000 >>","kept_untold":0,"presence":0,"presence_max":"<< $_ > 100 >>","state":"off","state_unsaved":0,"state_bytes":0,"sessions_total":0,"websocket_sessions_total":0,"sse_sessions_total":0,"messages_total":0,"duplicates_total":0,"deliveries_total":0,"bytes_in_total":0,"bytes_out_total":0,"errors_total":0,"gaps_total":0,"slow_closed_total":0,"evicted_segments_total":0,"full_total":0,"repairs_total":0,"wakeups_total":"<int>","limited_total":0,"rate_limited_total":0,"transient_lost_total":0,"lock_waits_total":"<int>","lock_wait_seconds_total":"<< $_ >= 0 >>","sessions":0,"websocket_sessions":0,"sse_sessions":0,"slow_sessions":0,"subscriptions":0,"buffer_bytes":0}
a: expect 200 {"segments_free":$all}
a: header Content-Type: application/json
a: header Cache-Control: no-store
a: head /chat-status
a: expect 200 ""
a: post /chat-status x
a: expect 405



=== TEST 2: sessions and subscriptions go up and down again
--- chat
a: enter ws /chat/lobby
b: ws /chat/ other=a
b: recv {"type":"welcome"}
b: send {"type":"join","rooms":[{"room":"lobby"},{"room":"hall"}]}
2 * b: recv {"type":"joined"}
s: get /chat-status
s: expect 200 {"sessions":2,"websocket_sessions":2,"sse_sessions":0,"subscriptions":3,"sessions_total":2,"websocket_sessions_total":2,"rooms":2,"presence":3}
b: send {"type":"leave","room":"hall"}
b: recv {"type":"left"}
s: get /chat-status
s: expect 200 {"sessions":2,"subscriptions":2}
b: close 1000
b: closed 1000
await /chat-status {"sessions":1,"websocket_sessions":1,"subscriptions":1,"sessions_total":2}
# without a word
a: reset
await /chat-status {"sessions":0,"websocket_sessions":0,"subscriptions":0,"sessions_total":2,"websocket_sessions_total":2}
c: ws /chat/lobby
c: recv {"type":"welcome"}
await /chat-status {"sessions":1,"subscriptions":1,"sessions_total":3}



=== TEST 3: messages, and what becomes of them
--- chat_config
chat_user  ann;
--- chat
a: enter ws /chat/lobby
b: enter ws /chat/lobby other=a
p: post /chat/ [{"type":"message","room":"lobby","text":"m","nonce":"0123456789"}]
a: recv {"text":"m"}
b: recv {"text":"m"}
await /chat-status {"messages_total":1,"duplicates_total":0,"deliveries_total":2,"records_total":1,"errors_total":0}
p: post /chat/ [{"type":"message","room":"lobby","text":"m","nonce":"0123456789"},{"type":"message","id":1,"room":"lobby"}]
a: none 0.1
p: post /chat/ [{"type":"message","room":"empty","text":"m"}]
await /chat-status {"messages_total":2,"duplicates_total":1,"deliveries_total":2,"records_total":2,"errors_total":1}
a: send {"type":"nonsense"}
a: recv {"type":"error"}
await /chat-status {"errors_total":2}



=== TEST 4: bytes of WebSockets, frames and all
--- chat
a: enter ws /chat/lobby
s: get /chat-status
s: expect 200 {"bytes_in_total":"$in=<int>","bytes_out_total":"$out=<int>"}
let text = <<"x" x 1000>>
a: send {"type":"message","room":"lobby","text":"$text"}
a: recv {"text":"$text"}
await /chat-status {"bytes_in_total":"<< $_ >= 1000 && $_ < 1100 >>","bytes_out_total":"<< $_ >= 1000 >>"}
a: send {"type":"ping","id":1}
a: recv {"type":"pong"}
await /chat-status {"bytes_in_total":"<< $_ >= 1020 && $_ < 1130 >>"}



=== TEST 5: every worker tells the same, zones tell their own
--- chat_http
chat_zone  zone=main:8m;
chat_zone  zone=other:1m;
--- config
location ^~ /other/ {
    chat        other;
    chat_guest  on;
}
location = /other-status {
    chat_status  other;
}
--- chat
a: ws /chat/lobby
a: recv {"type":"welcome"}
b: ws /other/lobby other=a
b: recv {"type":"welcome"}
s: get /chat-status same=a
s: expect 200 {"zone":"main","sessions":1,"subscriptions":1,"rooms":1,"segment_size":4096}
s: get /chat-status same=b
s: expect 200 {"zone":"main","sessions":1,"subscriptions":1,"rooms":1}
s: get /other-status same=a
s: expect 200 {"zone":"other","sessions":1,"subscriptions":1,"rooms":1,"segment_size":2048}



=== TEST 6: a worker that dies takes its sessions along, not what it has done
--- chat
a: enter ws /chat/lobby
b: enter ws /chat/lobby other=a
a: send {"type":"message","room":"lobby","text":"one"}
a: recv {"text":"one"}
b: recv {"text":"one"}
# what a worker has sent it counts at the end of its turn
await /chat-status {"deliveries_total":2}
kill9 a
await /chat-status {"workers":2,"sessions":1,"websocket_sessions":1,"subscriptions":1,"sessions_total":2,"messages_total":1,"deliveries_total":2,"records_total":1,"repairs_total":0}
b: send {"type":"message","room":"lobby","text":"two"}
b: recv {"text":"two"}
await /chat-status {"messages_total":2,"deliveries_total":3}



=== TEST 7: a death inside the store is repaired, and counted
--- chat
a: enter ws /chat/lobby
point head:before
a: send {"type":"message","room":"lobby","text":"one"}
point passed
await /chat-status {"workers":2,"sessions":0,"repairs_total":1,"messages_total":0,"records_total":0}
log /chat zone "main" was repaired after a process died/



=== TEST 8: segments are taken, given back, and taken from who has most
--- chat_http
chat_zone   zone=main:1m;
chat_rooms  main  *  history=100000;
--- chat_config
chat_message_max  16k  text=16000;
--- chat
let text = <<"x" x 15000>>
s: get /chat-status
s: expect 200 {"segments":"$all=<int>","evicted_segments_total":0}
s: expect 200 {"segments_free":$all}
p: post /chat/ [{"type":"message","room":"one","text":"$text"}]
s: get /chat-status
s: expect 200 {"segments_free":"<< $_ == $all - 8 >>","rooms":1}
100 * p: post /chat/ type=application/json [{"type":"message","room":"r$i","text":"$text"}]
s: get /chat-status
s: expect 200 {"segments_free":"<< $_ < 20 >>","evicted_segments_total":"<< $_ > 100 >>","full_total":0}



=== TEST 9: who reads too slowly
--- chat_config
chat_slow_timeout  1s;
chat_message_max   512k  text=500k;
--- chat
let text = <<"x" x 500000>>
a: ws /chat/lobby rcvbuf=4096
b: enter ws /chat/lobby
s: get /chat-status
s: expect 200 {"slow_closed_total":0,"slow_sessions":0}
repeat 30
b: send {"type":"message","room":"lobby","text":"$text"}
b: recv /"type":"message"/
end
await /chat-status {"slow_sessions":1}
await /chat-status {"slow_closed_total":1,"slow_sessions":0,"sessions":1,"subscriptions":1}
log /chat client has read nothing for \d+ s/
--- chat_http
chat_zone  zone=main:32m;



=== TEST 10: for Prometheus, in both of its formats
--- chat
a: enter ws /chat/lobby
a: send {"type":"message","room":"lobby","text":"m"}
a: recv {"text":"m"}
await /chat-status {"deliveries_total":1}
s: get /chat-status?format=prometheus
s: header Content-Type: text/plain; version=0.0.4; charset=utf-8
s: expect 200 /^# HELP ngx_chat_build_info .*\n# TYPE ngx_chat_build_info gauge\nngx_chat_build_info\{zone="main",version="0[.]1",broker="local"\} 1\n/
s: expect 200 /(?m)^# HELP ngx_chat_messages_total Messages published[.]\n# TYPE ngx_chat_messages_total counter\nngx_chat_messages_total\{zone="main"\} 1\n/
s: expect 200 /(?m)^# TYPE ngx_chat_sessions gauge\nngx_chat_sessions\{zone="main"\} 1\n/
s: expect 200 /(?m)^ngx_chat_broker_up\{zone="main"\} 1\n/
s: expect 200 /(?m)^ngx_chat_lock_wait_seconds_total\{zone="main"\} \d+[.]\d{6}\n/
s: expect 200 /(?s)\A(?:(?!# EOF).)*\z/
s: get /chat-status header="Accept: text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
s: expect 200 /(?m)^ngx_chat_rooms\{zone="main"\} 1\n/
s: get /chat-status header="Accept: application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"
s: header Content-Type: application/openmetrics-text; version=1.0.0; charset=utf-8
s: expect 200 /(?m)^# TYPE ngx_chat_messages counter\nngx_chat_messages_total\{zone="main"\} 1\n/
s: expect 200 /\n# EOF\n\z/
s: get /chat-status?format=json header="Accept: application/openmetrics-text"
s: expect 200 {"messages_total":1}
s: get /chat-status?format=xml
s: header Content-Type: text/plain
s: expect 400 /is json, prometheus or html/



=== TEST 11: for a browser
--- chat
s: get /chat-status header="Accept: text/html,application/xhtml+xml,*/*;q=0.8"
s: header Content-Type: text/html; charset=utf-8
s: header Content-Security-Policy: /^default-src 'none'; style-src 'sha256-[A-Za-z0-9+\/]{43}='; script-src 'sha256-/
s: expect 200 /(?s)^<!DOCTYPE html>\n.*<\/html>\n\z/
s: head /chat-status?format=html
s: expect 200 ""



=== TEST 12: whether it lives and is ready
--- chat
s: get /chat-status?check=live
s: expect 200 {"live":true}
s: get /chat-status?check=ready
s: header Content-Type: application/json
s: header Cache-Control: no-store
s: expect 200 {"ready":true,"why":"<absent>"}
s: head /chat-status?check=ready
s: expect 200 ""
s: get /chat-status?check=well
s: expect 400 /is live or ready/



=== TEST 13: it is not ready without its broker, but lives
--- chat_http
chat_zone   zone=main:8m;
chat_redis  main  redis://127.0.0.1:1;
--- chat
s: get /chat-status?check=ready
s: expect 503 {"ready":false,"why":"the broker can't be reached"}
s: get /chat-status?check=live
s: expect 200 {"live":true}
s: get /chat-status?format=prometheus
s: expect 200 /(?m)^ngx_chat_broker_up\{zone="main"\} 0\n/
--- allow_log
chat Redis
