#!/usr/bin/perl

# A worker that is told to quit and still has work.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;

run_tests();

__DATA__

=== TEST 1: who comes while the worker drains hears welcome first
The first request's answer shows that the worker has the second's beginning.
--- chat_config
chat_drain 1s;
--- chat
a: tcp
a: raw "GET /chat-status HTTP/1.1\r\nHost: localhost\r\n\r\nGET /chat/lobby HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
a: read /"sessions":0/
reload
a: raw "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
a: read /HTTP\/1.1 101 /
a: read /\r\n\r\n\x81..?.?\{"type":"welcome"/
a: read /\{"type":"joined"/
a: read /\{"type":"reconnect"/
a: read /\{"type":"closing","code":1012/
drained
