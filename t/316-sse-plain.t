#!/usr/bin/perl

# An event stream over HTTP/1.x whose request has been let go, and those that
# keep it because a filter, a limit or HTTP/2 has a part in the body.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;

run_tests();

__DATA__

=== TEST 1: the access log has one line, at the end, with the right values
--- http_config
log_format  chat  '$remote_addr "$request" $request_method $uri $args $server_protocol $status $http_user_agent $sent_http_content_type $chat_transport $chat_room $chat_user $chat_sent [$chat_close_code] [$request_completion] $request_time $bytes_sent $body_bytes_sent $remote_user [$http_x_forwarded_for]';
access_log  logs/chat.log  chat;
real_ip_header     X-Real-IP;
set_real_ip_from   127.0.0.1;
--- chat_config
chat_user   ann;
chat_drain  200ms;
--- chat
let text = <<"x" x 1000>>
a: enter sse /chat/lobby?last=5 header="X-Real-IP: 192.0.2.7" header="User-Agent: test/1" header="X-Forwarded-For: 198.51.100.1, 192.0.2.7" header="Authorization: Basic Ym9iOng="
3 * p: post /chat/lobby {"text":"$text"}
3 * a: recv {"text":"$text"}
a: drop
logged chat.log /^192\.0\.2\.7 "GET \/chat\/lobby\?last=5 HTTP\/1\.1" GET \/chat\/lobby last=5 HTTP\/1\.1 200 test\/1 text\/event-stream sse lobby ann 3 \[-\] \[\] \d+\.\d{3} [4-9]\d{3} [34]\d{3} bob \[198\.51\.100\.1, 192\.0\.2\.7\]$/
b: stream /chat/ header="User-Agent: test/2" [{"type":"join","room":"lobby"}]
b: recv {"type":"welcome"}
b: recv {"type":"joined"}
reload
b: until {"type":"closing"}
b: end
logged chat.log /^127\.0\.0\.1 "POST \/chat\/ HTTP\/1\.1" POST \/chat\/ - HTTP\/1\.1 200 test\/2 text\/event-stream stream - ann 0 \[1012\] \[OK\] \d+\.\d{3} \d{3,4} \d{3} - \[-\]$/



=== TEST 2: the header says close, the last chunk comes, then the connection ends
--- chat_config
chat_drain 200ms;
--- chat
a: tcp
a: raw "GET /chat/lobby HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\nGET /chat-status HTTP/1.1\r\nHost: x\r\n\r\n"
a: read /\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n/
a: read /"type":"joined"[^\n]*\n\n\r\n$/
p: post /chat/lobby {"text":"one"}
a: read /\A[0-9a-f]+\r\nid: [^\n]*\ndata: [^\n]*"text":"one"\}\n\n\r\n$/
reload
a: read /"type":"closing"[^\n]*\n\nretry: \d+\n\n\r\n0\r\n\r\n$/
a: end
await /chat-status {"sse_sessions":0,"buffer_bytes":0}



=== TEST 3: a client that says it will send no more has gone
--- chat
a: enter sse /chat/lobby
t: enter sse /chat/lobby tls
await /chat-status {"sse_sessions":2}
a: fin
await /chat-status {"sse_sessions":1}
t: reset
await /chat-status {"sse_sessions":0,"sse_sessions_total":2,"buffer_bytes":0}



=== TEST 4: who reads nothing is cut off, with what is kept for it
--- http_config
log_format  chat  '$chat_transport $chat_close_code';
access_log  logs/chat.log  chat;
--- chat_config
chat_slow_timeout 1s;
--- chat
let big = <<"x" x 4000>>
w: enter ws /chat/lobby
a: enter sse /chat/lobby narrow
t: enter sse /chat/lobby narrow tls
w: pump 300 {"type":"message","room":"lobby","text":"$i $big"}
a: blocked
t: blocked
await /chat-status {"slow_closed_total":2,"sse_sessions":0,"buffer_bytes":0}
logged chat.log /sse 4408\n(?:.*\n)*sse 4408/



=== TEST 5: a worker that is killed takes its streams with it, and nobody else's
--- chat
a: enter sse /chat/lobby
b: enter sse /chat/lobby other=a
p: post /chat/lobby {"text":"one"}
a: recv {"id":"$id=<id>","text":"one"}
b: recv {"text":"one"}
kill9 a
a: end anyhow
p: post /chat/lobby {"text":"two"}
b: recv {"text":"two"}
a: sse /chat/lobby last=$id
a: recv {"type":"welcome"}
a: recv {"type":"joined","recovered":true}
a: recv {"text":"two"}
await /chat-status {"sse_sessions":2}



=== TEST 6: a filter of bodies, a rate, HTTP/2
--- http_config
limit_conn_zone  $server_port  zone=all:64k;
--- chat_config
limit_conn        all  1;
limit_conn_log_level  notice;
sub_filter_types  *;
sub_filter        %text%  said;
sub_filter_once   off;
--- chat
# limit_conn tells whether the request is there
a: enter sse /chat/lobby
p: post /chat/lobby {"text":"%text%"}
p: expect 503
b: sse /chat/lobby status=503
c: enter sse /chat/lobby via=h2



=== TEST 7: without filters limit_conn counts no stream, chat_conn_limit does
--- http_config
limit_conn_zone  $server_port  zone=all:64k;
--- chat_config
limit_conn        all  1;
chat_conn_limit   2;
--- chat
a: enter sse /chat/lobby
b: stream /chat/ [{"type":"join","room":"lobby"}]
b: recv {"type":"welcome"}
b: recv {"type":"joined"}
p: post /chat/lobby {"text":"%text%"}
p: expect 201
a: recv {"text":"%text%"}
b: recv {"text":"%text%"}
c: post /chat/ header="Accept: text/event-stream" []
c: expect 429
b: drop
await /chat-status {"sse_sessions":1}
b: enter sse /chat/lobby



=== TEST 8: a rate, and no chunks
--- chat_config
limit_rate 20k;
chunked_transfer_encoding off;
--- chat
a: tcp
a: raw "GET /chat/lobby HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n"
a: read /\r\nConnection: close\r\n/
a: read /\r\n\r\ndata: \{"type":"welcome"[^\n]*\n\nid: [^\n]*\ndata: \{"type":"joined"[^\n]*\n\n/
p: post /chat/lobby {"text":"one"}
a: read /\Aid: [^\n]*\ndata: [^\n]*"text":"one"\}\n\n$/



=== TEST 9: no chunks, and no request
--- chat_config
chunked_transfer_encoding off;
chat_drain 200ms;
--- chat
a: tcp
a: raw "GET /chat/lobby HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n"
a: read /\r\n\r\ndata: \{"type":"welcome"[^\n]*\n\nid: [^\n]*\ndata: \{"type":"joined"[^\n]*\n\n/
p: post /chat/lobby {"text":"one"}
a: read /\Aid: [^\n]*\ndata: [^\n]*"text":"one"\}\n\n$/
reload
a: read /"type":"closing"[^\n]*\n\nretry: \d+\n\n$/
a: end



=== TEST 10: a signal that ends the worker at once
--- chat
a: enter sse /chat/lobby
b: enter sse /chat/lobby tls
signal TERM a
a: end anyhow



=== TEST 11: with a subrequest that goes on, and with post_action, it is kept
--- http_config
limit_conn_zone  $server_port  zone=all:64k;
--- chat_config
limit_conn   all  1;
limit_conn_log_level  notice;
mirror       /never;
mirror       /mirror;
--- config
location = /mirror {
    internal;
    proxy_pass  http://127.0.0.1:$server_port/seen;
}
location = /never {
    internal;
    proxy_pass  http://127.0.0.1:$server_port/other/lobby;
    proxy_pass_request_headers  off;
    proxy_set_header  Accept  text/event-stream;
    proxy_buffering   off;
}
location = /seen {
    access_log  logs/seen.log;
    return      204;
}
location ^~ /other/ {
    chat        main;
    chat_guest  on;
}
location ^~ /post/ {
    chat        main;
    chat_guest  on;
    limit_conn   all  1;
    limit_conn_log_level  notice;
    post_action  /seen;
}
--- chat
a: enter sse /chat/lobby
logged seen.log /"GET \/seen HTTP\/1\.0" 204 /
b: sse /chat/lobby status=503
p: post /other/lobby {"text":"one"}
a: recv {"text":"one"}
a: drop
await /chat-status {"sse_sessions":0,"sse_sessions_total":2}
a: enter sse /post/lobby
b: sse /post/lobby status=503
a: drop
logged seen.log /"GET \/post\/lobby HTTP\/1\.1" 20/
