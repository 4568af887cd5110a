#!/usr/bin/perl

# $chat_* in an access log: one line at the end of a WebSocket, of a POST, of a
# GET.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;


sub log_of {
    my $nginx = shift;

    return ChatTest::Nginx::slurp($nginx->root . '/logs/chat.log') // '';
}


# logged REGEX: the newest line comes to be so

sub logged {
    my ($nginx, @re) = @_;

    my $re = join ' ', @re;
    my $log = '';

    eval {
        $nginx->until_true(5, 'not logged', sub {
            $log = log_of($nginx);
            ((split /\n/, $log)[-1] // '') =~ /^$re$/;
        });
        1;
    } or die "not logged: $re\n  but:\n$log";
}


sub lines_logged {
    my ($nginx, $n) = @_;

    my $have = () = log_of($nginx) =~ /\n/g;
    die "$have lines are logged\n" if $have != $n;
}


run_tests();

__DATA__

=== TEST 1: a WebSocket, logged once, at its end
--- http_config
log_format  chat  '"$request" $status $chat_transport $chat_room $chat_user $chat_received $chat_sent $chat_close_code';
access_log  logs/chat.log  chat;
--- chat_config
chat_user  ann;
--- chat
a: enter ws /chat/lobby?last=5
a: send {"type":"message","room":"lobby","text":"one"}
a: recv {"text":"one"}
a: send [{"type":"message","room":"lobby","text":"two"},{"type":"ping"}]
a: unordered [{"text":"two"},{"type":"pong"}]
call lines_logged 0
a: close 4000
a: closed 4000
call logged "GET /chat/lobby\?last=5 HTTP/1\.1" 101 websocket lobby ann 3 2 4000
call lines_logged 1



=== TEST 2: how it ended
--- http_config
log_format  chat  '$status $chat_transport $chat_room $chat_user $chat_received $chat_sent $chat_close_code';
access_log  logs/chat.log  chat;
--- chat_config
chat_user   ann;
chat_drain  1s;
--- chat
a: ws /chat/
a: recv {"type":"welcome"}
a: close 1000
a: closed 1000
call logged 101 websocket - ann 0 0 1000
a: ws /chat/
a: recv {"type":"welcome"}
a: close
a: closed
call logged 101 websocket - ann 0 0 1005
a: ws /chat/
a: recv {"type":"welcome"}
a: reset
call logged 101 websocket - ann 0 0 1006
a: ws /chat/
a: recv {"type":"welcome"}
a: frame text mask=0 x
a: recv {"type":"closing"}
a: closed 1002
call logged 101 websocket - ann 0 0 1002
a: ws /chat/
a: recv {"type":"welcome"}
reload
a: until {"type":"closing"}
a: closed 1012
call logged 101 websocket - ann 0 0 1012
call lines_logged 5



=== TEST 3: what is kept of the request
--- http_config
log_format  chat  '$remote_user $host $http_user_agent $http_referer [$http_x_forwarded_for] $http_cookie $request_uri';
access_log  logs/chat.log  chat;
--- chat_config
chat_user   ann;
--- chat
a: ws /chat/lobby?x=1 header="Authorization: Basic Ym9iOnNlY3JldA==" header="X-Forwarded-For: 192.0.2.1, 192.0.2.2" header="User-Agent: test/1" header="Referer: http://localhost/" header="Host: localhost" header="Cookie: a=b"
a: recv {"type":"welcome"}
a: recv {"type":"joined"}
a: close 1000
a: closed 1000
call logged bob localhost test/1 http://localhost/ \[192\.0\.2\.1, 192\.0\.2\.2\] - /chat/lobby\?x=1
a: ws /chat/lobby?x=2 header="Authorization: Basic Og=="
a: recv {"type":"welcome"}
a: recv {"type":"joined"}
a: close 1000
a: closed 1000
call logged - \S+ \S+ - \[-\] - /chat/lobby\?x=2



=== TEST 4: POST and GET
--- http_config
log_format  chat  '"$request" $status $chat_transport $chat_room $chat_user $chat_received $chat_sent $chat_close_code';
access_log  logs/chat.log  chat;
--- chat_config
chat_user  ann;
--- chat
a: post /chat/ [{"type":"message","room":"lobby","text":"one"},{"type":"message","room":"lobby","text":"two"},{"type":"ping"}]
call logged "POST /chat/ HTTP/1\.1" 200 http - ann 3 0 -
a: get /chat/lobby?limit=1
call logged "GET /chat/lobby\?limit=1 HTTP/1\.1" 200 http lobby ann 0 0 -
a: get /chat/nowhere
call logged "GET /chat/nowhere HTTP/1\.1" 404 http nowhere ann 0 0 -
a: get /chat/lobby header="Upgrade: websocket"
call logged "GET /chat/lobby HTTP/1\.1" 400 websocket lobby ann 0 0 -
a: get /other
call logged "GET /other HTTP/1\.1" 404 - - - - - -
a: get /chat-status
call logged "GET /chat-status HTTP/1\.1" 200 - - - - - -
call lines_logged 6



=== TEST 5: guests have names, nobody has none
--- http_config
log_format  chat  '$status $chat_transport $chat_room $chat_user $chat_close_code';
access_log  logs/chat.log  chat;
--- chat_config
--- config
location ^~ /nobody/ {
    chat       main;
    chat_user  $remote_user;
}
--- chat
a: ws /chat/
a: recv {"type":"welcome","user":{"id":"$id=<string>"}}
a: close 1000
a: closed 1000
call logged 101 websocket - $id 1000
b: ws /nobody/lobby
b: recv {"type":"closing","code":4401}
b: closed 4401
call logged 101 websocket lobby - 4401
b: post /nobody/ []
call logged 401 http - - -



=== TEST 6: what nginx's own variables say of a WebSocket
--- http_config
log_format  chat  '$remote_addr $request_method $uri $args $server_protocol $http_host $http_user_agent $request_time $bytes_sent $msec';
access_log  logs/chat.log  chat;
real_ip_header     X-Real-IP;
set_real_ip_from   127.0.0.1;
--- chat
let text = <<"x" x 1000>>
a: enter ws /chat/lobby?last=5 header="X-Real-IP: 192.0.2.7" header="User-Agent: test/1"
3 * a: send {"type":"message","room":"lobby","text":"$text"}
3 * a: recv {"type":"message"}
a: close 1000
a: closed 1000
call logged 192\.0\.2\.7 GET /chat/lobby last=5 HTTP/1\.1 127\.0\.0\.1:\d+ test/1 \d+\.\d{3} [3-9]\d{3} \d+\.\d{3}



=== TEST 7: a log of a location, and a condition
--- http_config
map $chat_close_code $bad {
    1000     0;
    default  1;
}
log_format  chat  '$chat_room $chat_close_code';
--- chat_config
access_log  logs/chat.log  chat  if=$bad;
--- chat
a: enter ws /chat/one
a: close 1000
a: closed 1000
a: enter ws /chat/two
a: close 4001
a: closed 4001
call logged two 4001
call lines_logged 1
