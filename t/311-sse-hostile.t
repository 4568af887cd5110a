#!/usr/bin/perl

# Event streams and requests whose headers, arguments and bodies mean no good.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;

run_tests();

__DATA__

=== TEST 1: preconditions, which nothing here can meet, are ignored
--- chat
a: sse /chat/lobby header="If-Match: \"x\""
a: recv {"type":"welcome"}
a: recv {"type":"joined"}
b: sse /chat/lobby header="If-Unmodified-Since: Sun, 06 Nov 1994 08:49:37 GMT"
b: recv {"type":"welcome"}
b: recv {"type":"joined"}
c: stream /chat/ header="If-Match: \"x\"" [{"type":"join","room":"lobby"}]
c: recv {"type":"welcome"}
c: recv {"type":"joined"}
p: post /chat/ header="If-Match: \"x\"" [{"type":"message","id":1,"room":"lobby","text":"x"}]
p: expect 200 [{"type":"ok","reply_to":1}]
p: get /chat/lobby header="If-Match: \"x\""
p: expect 200 {"type":"history","head":1}
