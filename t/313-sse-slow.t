#!/usr/bin/perl

# Event streams whose connections, or the filters before them, take no more.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;

run_tests();

__DATA__

=== TEST 1: slow is who takes nothing, not who takes little
--- chat_config
chat_slow_timeout 2s;
limit_rate 6k;
--- chat
a: sse /chat/lobby
a: recv {"type":"welcome"}
a: recv {"type":"joined"}
b: sse /chat/lobby via=h2
b: recv {"type":"welcome"}
b: recv {"type":"joined"}
let long = <<"x" x 4000>>
6 * p: post /chat/lobby {"text":"$i $long"}
6 * a: recv {"text":"$i $long"}
6 * b: recv {"text":"$i $long"}
await /chat-status {"slow_closed_total":0,"sse_sessions":2}
