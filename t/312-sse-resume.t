#!/usr/bin/perl

# Event streams that end at any moment, and what their clients come back with.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;

run_tests();

__DATA__

=== TEST 1: what passes is not hidden by what does not
--- chat_http
chat_zone  zone=main:2m;
chat_rooms main private* create=off;
chat_rooms main *;
chat_max_rooms main 1;
--- chat
a: sse /chat/a
a: recv {"type":"welcome"}
a: recv {"type":"joined"}
b: sse /chat/?rooms=b,private
b: recv {"type":"error","code":"full","temporary":true}
b: end
b: retry /^[0-9]{3,4}/
c: sse /chat/?rooms=private,b
c: recv {"type":"error","code":"full","temporary":true}
c: end
d: sse /chat/?rooms=private,private2 status=404
d: expect 404 {"code":"not_found"}
