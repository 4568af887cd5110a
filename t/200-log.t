#!/usr/bin/perl

# A room's log: its epoch, one for each life; what is shown of it, by count,
# bytes and age.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;


# offsets 1, 2, 3 ..., and no ts less than the one before

sub in_order {
    my ($n, $ts) = (0, 0);

    for my $e (@{ $_[0] }) {
        my ($offset) = $e->{id} =~ /-(\d+)$/;

        return 0 if $offset != ++$n || $e->{ts} < $ts;
        $ts = $e->{ts};
    }

    return $n > 0;
}


run_tests();

__DATA__

=== TEST 1: offsets are contiguous, times never decrease, epochs differ
--- chat
20 * p: post /chat/ [{"type":"message","room":"one","text":"m"},{"type":"message","room":"two","text":"m"}]
p: get /chat/one
p: expect 200 {"epoch":"$one=<epoch>","first":1,"head":20}
p: expect 200 {"events":"<< main::in_order($_) >>"}
p: get /chat/two
p: expect 200 {"epoch":"<< /^[0-9a-z]{10}$/ >>","first":1,"head":20}
p: expect 200 {"epoch":"<< $_ ne '$one' >>"}



=== TEST 2: another life has another epoch
--- chat_http
chat_zone       zone=main:8m;
chat_max_rooms  main 1;
--- chat
p: post /chat/ [{"type":"message","id":1,"room":"one","text":"m"},{"type":"message","id":2,"room":"one","text":"m"}]
p: expect 200 [{"id":"$old1=<id>"},{"id":"$old2=<id>"}]
# it goes, for there is no other
p: post /chat/ [{"type":"message","id":1,"room":"two","text":"m"}]
p: get /chat/one
p: expect 404
p: post /chat/ [{"type":"message","id":1,"room":"one","text":"new"}]
p: expect 200 [{"id":"/-1$/"}]
p: expect 200 [{"id":"<< $_ ne '$old1' >>"}]
a: ws /chat/
a: recv {"type":"welcome"}
a: send {"type":"join","id":1,"room":"one","after":"$old2"}
a: recv {"type":"joined","head":1,"recovered":false,"missed":null}
a: send {"type":"history","id":2,"room":"one","after":"$old1"}
a: recv {"type":"history","reset":true,"events":[{"text":"new"}]}
# the same offset, but not that life
a: send {"type":"leave","room":"one"}
a: recv {"type":"left"}
a: send {"type":"join","id":3,"room":"one","after":"$old1"}
a: recv {"type":"joined","head":1,"recovered":false,"missed":null}
a: none 0.1



=== TEST 3: by count
--- chat_http
chat_zone   zone=main:8m;
chat_rooms  main  *  history=5;
--- chat
repeat 12
p: post /chat/ [{"type":"message","id":1,"room":"one","text":"m$i"}]
p: expect 200 [{"id":"$id=<id>"}]
end
p: get /chat/one
p: expect 200 {"first":8,"head":12,"more":false,"events":[{"text":"m8"},{"text":"m9"},{"text":"m10"},{"text":"m11"},{"text":"m12"}]}
p: expect 200 {"epoch":"$e=<epoch>"}
p: get /chat/one?after=0&limit=2
p: expect 200 {"more":true,"next":"$e-9","events":[{"text":"m8"},{"text":"m9"}]}
a: ws /chat/
a: recv {"type":"welcome"}
a: send {"type":"join","id":1,"room":"one","after":"$e-7"}
a: recv {"type":"joined","first":8,"head":12,"recovered":true,"missed":0}
5 * a: recv {"type":"message"}
b: ws /chat/
b: recv {"type":"welcome"}
b: send {"type":"join","id":1,"room":"one","after":"$e-6"}
b: recv {"type":"joined","first":8,"head":12,"recovered":false,"missed":6}
c: ws /chat/
c: recv {"type":"welcome"}
c: send {"type":"join","id":1,"room":"one","after":"0"}
c: recv {"type":"joined","recovered":true,"missed":7}
c: recv {"type":"message","text":"m8"}



=== TEST 4: none at all: live, and nothing to look back at
--- chat_http
chat_zone   zone=main:8m;
chat_rooms  main  *  history=0;
--- chat
a: ws /chat/one
a: recv {"type":"welcome"}
a: recv {"type":"joined","first":1,"head":0,"epoch":"$e=<epoch>"}
b: enter ws /chat/one other=a
5 * a: send {"type":"message","room":"one","text":"m$i"}
5 * a: recv {"type":"message","id":"$e-$i","text":"m$i"}
5 * b: recv {"type":"message","id":"$e-$i","text":"m$i"}
p: get /chat/one
p: expect 200 {"first":6,"head":5,"events":[],"more":false}
c: ws /chat/
c: recv {"type":"welcome"}
c: send {"type":"join","id":1,"room":"one","after":"$e-4","last":5}
c: recv {"type":"joined","head":5,"recovered":false,"missed":1,"page":{"events":[]}}
d: ws /chat/
d: recv {"type":"welcome"}
d: send {"type":"join","id":1,"room":"one","after":"$e-5"}
d: recv {"type":"joined","head":5,"recovered":true,"missed":0}



=== TEST 5: by bytes
--- chat_http
chat_zone   zone=main:8m;
chat_rooms  main  *  size=64k;
--- chat
let text = <<"x" x 1000>>
100 * p: post /chat/ type=application/json [{"type":"message","room":"one","text":"$text"}]
p: get /chat/one
# a record is some 1,300 bytes: header, id, user, text
p: expect 200 {"head":100,"first":"<< $_ > 100 - 64 && $_ < 100 - 40 >>"}
# of large ones there are fewer
let text = <<"x" x 4000>>
20 * p: post /chat/ type=application/json [{"type":"message","room":"one","text":"$text"}]
p: get /chat/one
p: expect 200 {"head":120,"first":"<< $_ > 120 - 16 && $_ < 120 - 12 >>"}



=== TEST 6: without size=, a sixteenth of the zone at most
--- chat_http
chat_zone   zone=main:1m;
chat_rooms  main  *  history=100000;
--- chat
let text = <<"x" x 1000>>
200 * p: post /chat/ type=application/json [{"type":"message","room":"one","text":"$text"}]
p: get /chat/one
p: expect 200 {"head":200,"first":"<< $_ > 200 - 64 && $_ < 200 - 24 >>"}
s: get /chat-status
s: expect 200 {"evicted_segments_total":0,"full_total":0,"segments":"$all=<int>"}
s: expect 200 {"segments_free":"<< $_ > $all * 14 / 16 >>"}



=== TEST 7: by age
--- chat_http
chat_zone   zone=main:8m;
chat_rooms  main  *  age=2s;
--- chat
p: post /chat/ [{"type":"message","id":1,"room":"one","text":"m"},{"type":"message","id":2,"room":"one","text":"m"}]
p: expect 200 [{"id":"$one=<id>"},"<any>"]
p: get /chat/one
p: expect 200 {"first":1,"head":2,"epoch":"$e=<epoch>"}
await /chat/one {"first":3,"head":2,"events":[]}
# the room is there, and goes on where it was
p: post /chat/ [{"type":"message","id":1,"room":"one","text":"later"}]
p: expect 200 [{"id":"$e-3"}]
p: get /chat/one
p: expect 200 {"first":3,"head":3,"events":[{"text":"later"}]}
a: ws /chat/
a: recv {"type":"welcome"}
a: send {"type":"join","id":1,"room":"one","after":"$one"}
a: recv {"type":"joined","first":3,"head":3,"recovered":false,"missed":2}



=== TEST 8: a reload changes the rule of a room that is there
--- chat_http
chat_zone   zone=main:8m;
chat_rooms  main  *  history=10;
--- chat
20 * p: post /chat/ [{"type":"message","room":"one","text":"m$i"}]
p: get /chat/one
p: expect 200 {"first":11,"head":20,"epoch":"$e=<epoch>"}
edit s/history=10/history=3/
reload
p: get /chat/one
p: expect 200 {"first":18,"head":20,"epoch":"$e"}
edit s/history=3/history=100/
reload
20 * p: post /chat/ [{"type":"message","room":"one","text":"m$i"}]
p: get /chat/one
# what was not shown any more doesn't come back
p: expect 200 {"first":18,"head":40,"epoch":"$e"}
