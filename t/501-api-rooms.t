#!/usr/bin/perl

# What keys of the server API have to do with members of rooms and with direct
# conversations.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use File::Temp qw(tempdir);
use JSON::PP;
use ChatTest;

my $dir;

BEGIN {
    $dir = tempdir('chat-api-XXXXXX', TMPDIR => 1, CLEANUP => 1);
    chmod 0755, $dir or die "$dir: $!\n";
    $ENV{TEST_NGINX_API} = $dir;
}

# by one letter each: A all, X users, R rooms, M moderate

open my $out, '>', "$dir/keys.json" or die "$dir: $!\n";
print $out encode_json({ keys => [map {
    { name => $_->[0], key => $_->[1] x 32, scopes => [$_->[2]] }
} ['all', 'A', '*'], ['usr', 'X', 'users'], ['room', 'R', 'rooms'],
  ['mod', 'M', 'moderate']] });
close $out or die "$dir: $!\n";

run_tests();

__DATA__

=== TEST 1: direct conversations, and members
--- config
location ^~ /api/ { chat_api main key=$TEST_NGINX_API/keys.json; }
--- chat_http
chat_zone   zone=main:8m;
chat_rooms  main  made-*  create=off;
--- chat_config
chat_user  $http_x_user trusted;
--- chat
let A = <<"A" x 32>>
let X = <<"X" x 32>>
let R = <<"R" x 32>>
let M = <<"M" x 32>>
# direct conversations are his, too, and no key's otherwise
e: ws /chat/ header="X-User: eve"
e: recv {"type":"welcome"}
e: ask {"type":"direct","id":4,"to":"bob"} -> {"type":"ok","room":"$d=<string>"}
e: ask {"type":"join","id":5,"room":"$d"} -> {"type":"joined"}
e: ask {"type":"message","id":6,"room":"$d","text":"to bob"} -> {"type":"ok"}
e: recv {"type":"message","room":"$d"}
p: post /chat/$d header="X-User: bob" {"text":"to eve"}
p: expect 201
e: recv {"type":"message","room":"$d"}
s: post /api/export header="Authorization: Bearer $X" {"user":"eve"}
s: expect 200 {"events":[{"room":"$d","text":"to bob"}],"next":"<absent>"}
s: post /api/export header="Authorization: Bearer $X" {"user":"carl"}
s: expect 200 {"events":[]}
s: post /api/batch header="Authorization: Bearer $A" [{"type":"export","id":1,"user":"carl"},{"type":"history","id":2,"room":"$d"},{"type":"message","id":3,"room":"$d","text":"x"},{"type":"direct","id":4,"to":"eve"},{"type":"block","id":5,"user":"eve"},{"type":"blocks","id":6}]
s: expect 200 [{"type":"export","events":[]},{"code":"not_found"},{"code":"not_found"},{"code":"unsupported"},{"code":"unsupported"},{"code":"unsupported"}]
s: post /api/erase header="Authorization: Bearer $X" {"user":"eve"}
s: expect 200 {"erased":1}
e: recv {"type":"delete","room":"$d","user":{"id":"~api:usr"}}
h: get /chat/$d header="X-User: bob"
h: expect 200 {"events":[{"deleted":true,"text":"<absent>"},{"text":"to eve"}]}
# members of a room, also before it is for members
s: post /api/invite header="Authorization: Bearer $R" {"room":"team","user":"bob"}
s: expect 200 {"type":"ok","room":"team","user":"bob","reply_to":"<absent>"}
s: post /api/invite header="Authorization: Bearer $M" {"room":"team","user":"ann"}
s: expect 403 {"code":"forbidden"}
s: post /api/room header="Authorization: Bearer $R" {"room":"team","set":{"invite":true}}
s: expect 200 {"state":{"invite":true}}
p: post /chat/team header="X-User: bob" {"text":"in"}
p: expect 201
p: post /chat/team header="X-User: ann" {"text":"out"}
p: expect 404 {"code":"not_found"}
s: post /api/uninvite header="Authorization: Bearer $R" {"room":"team","user":"bob"}
s: expect 200 {"type":"ok"}
p: post /chat/team header="X-User: bob" {"text":"out"}
p: expect 404
# a room that clients can't make: a message makes it, or data that it has
p: post /chat/made-1 header="X-User: bob" {"text":"in"}
p: expect 404
s: post /api/publish header="Authorization: Bearer $A" {"room":"made-1","text":"welcome"}
s: expect 200 {"type":"ok"}
p: post /chat/made-1 header="X-User: bob" {"text":"in"}
p: expect 201
b: ws /chat/made-2 header="X-User: bob"
b: recv {"type":"welcome"}
b: recv {"type":"error","code":"not_found"}
s: post /api/room header="Authorization: Bearer $R" {"room":"made-2","set":{"topic":"made"}}
s: expect 200 {"state":{"topic":"made"}}
b: ask {"type":"join","id":1,"room":"made-2"} -> {"type":"joined","state":{"topic":"made"}}
