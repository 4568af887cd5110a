#!/usr/bin/perl

# Event streams that live for long do not make their worker grow.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;

# what a sanitizer has freed it keeps for a while
Test::More::plan(skip_all => 'memory is told of a plain nginx only')
    if $ENV{CHAT_SANITIZE};

workers(1);

run_tests();

__DATA__

=== TEST 1: twenty thousand writes to each kind of stream
--- chat_config
gzip on;
gzip_types *;
gzip_min_length 1;
--- chat
timeout 30
a: enter ws /chat/lobby
one: enter sse /chat/lobby
tls: sse /chat/?rooms=x,lobby tls
tls: recv {"type":"welcome"}
2 * tls: recv {"type":"joined"}
h2: enter sse /chat/lobby via=h2
fetch: stream /chat/ via=h2 [{"type":"join","room":"lobby"}]
fetch: recv {"type":"welcome"}
fetch: recv {"type":"joined"}
a: pump 3000 window=1 to=one,tls,h2,fetch {"type":"message","room":"lobby","text":"$i"}
a: rss before
a: pump 20000 window=1 to=one,tls,h2,fetch {"type":"message","room":"lobby","text":"$i"}
a: rss after
check <<$after - $before < 200>>
c: get /chat-status
c: expect 200 {"messages_total":23000,"deliveries_total":115000,"buffer_bytes":0}
