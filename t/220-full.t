#!/usr/bin/perl

# A full zone: who has most gives, nobody else loses anything, and it goes on.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;


# commands: N messages of SIZE bytes to a room, their texts beginning with m1,
# m2 ...

sub messages {
    my ($room, $n, $size) = @_;

    return [map {
        my $text = "m$_ ";
        $text .= 'x' x ($size - length $text);
        { type => 'message', room => $room, text => $text };
    } 1 .. $n];
}


# a page holds the last of N such messages, without a hole

sub last_of {
    my ($n, $events) = @_;

    my @have = map { $_->{text} =~ /^m(\d+) / } @$events;
    my $first = $n - @have + 1;

    return @have > 0 && "@have" eq join ' ', $first .. $n;
}


# first, head of several rooms: no share is less than half of another

sub even {
    my ($nginx, @ends) = @_;

    my @shares;

    while (my ($first, $head) = splice @ends, 0, 2) {
        push @shares, $head + 1 - $first;
    }

    my ($least, $most) = (sort { $a <=> $b } @shares)[0, -1];
    die "the shares are @shares\n" if $least < $most / 2;
}


run_tests();

__DATA__

=== TEST 1: a flood of ten times the zone, and the others' last messages
--- chat_http
chat_zone   zone=main:1m;
chat_rooms  main  *  history=100000 size=1m;
--- chat_config
chat_user         ann;
chat_message_max  512k  text=8k;
--- chat
repeat 10
let batch = <<main::messages("quiet$i", 50, 100)>>
p: post /chat/ $batch
p: expect 200 []
end
p: post /chat/ [{"type":"message","id":1,"room":"once","text":"m","nonce":"12345678"}]
p: expect 200 [{"type":"ok","id":"$once=<id>"}]
let batch = <<main::messages("flood", 64, 7000)>>
25 * p: post /chat/ $batch
s: get /chat-status
s: expect 200 {"rooms":12,"evicted_segments_total":"<< $_ > 1000 >>","full_total":0,"segments_free":"<< $_ < 10 >>"}
repeat 10
p: get /chat/quiet$i
p: expect 200 {"first":1,"head":50}
p: expect 200 {"events":"<< @$_ == 50 && main::last_of(50, $_) >>"}
end
p: get /chat/flood?limit=10
p: expect 200 {"head":1600,"first":"<< $_ > 1500 && $_ < 1590 >>"}
p: expect 200 {"events":"<< main::last_of(64, $_) >>"}
# what was acknowledged under a nonce is remembered, too
p: post /chat/ [{"type":"message","id":1,"room":"once","text":"m","nonce":"12345678"}]
p: expect 200 [{"type":"ok","id":"$once","duplicate":true}]



=== TEST 2: several floods share what there is
--- chat_http
chat_zone   zone=main:1m;
chat_rooms  main  *  history=100000 size=1m;
--- chat_config
chat_user         ann;
chat_message_max  512k  text=8k;
--- chat
let batch = <<main::messages("early", 64, 7000)>>
5 * p: post /chat/ $batch
let batch1 = <<main::messages("late1", 8, 7000)>>
let batch2 = <<main::messages("late2", 8, 7000)>>
repeat 10
p: post /chat/ $batch1
p: post /chat/ $batch2
end
p: get /chat/early?limit=1
p: expect 200 {"first":"$a=<int>","head":"$a2=<int>"}
p: get /chat/late1?limit=1
p: expect 200 {"first":"$b=<int>","head":"$b2=<int>"}
p: get /chat/late2?limit=1
p: expect 200 {"first":"$c=<int>","head":"$c2=<int>"}
# who has been silent since has not less than those who have the floor
call even $a $a2 $b $b2 $c $c2



=== TEST 3: rooms that nobody follows make room, the least used first
--- chat_http
chat_zone   zone=main:1m;
--- chat_config
chat_user  ann;
--- chat
s: get /chat-status
s: expect 200 {"rooms_max":"$max=<int>"}
let much = <<3 * $max>>
repeat $much
p: post /chat/ [{"type":"message","id":1,"room":"r$i","text":"m1 "}]
end
p: expect 200 [{"type":"ok"}]
s: get /chat-status
s: expect 200 {"rooms":$max,"full_total":0}
p: get /chat/r$much
p: expect 200 {"head":1}
let kept = <<$much - $max + 1>>
p: get /chat/r$kept
p: expect 200 {"head":1}
let gone = <<$much - $max>>
p: get /chat/r$gone
p: expect 404
p: get /chat/r1
p: expect 404



=== TEST 4: rooms that are followed stay; then new ones are refused, until one goes
--- chat_http
chat_zone       zone=main:640k;
chat_max_rooms  main session=1000;
--- chat_config
chat_user         ann;
chat_message_max  64k  text=60k;
--- chat
s: get /chat-status
s: expect 200 {"rooms_max":"$max=<int>"}
let rooms = <<[map { { room => "r$_" } } 1 .. $max]>>
a: ws /chat/
a: recv {"type":"welcome"}
a: send {"type":"join","id":1,"rooms":$rooms}
repeat $max
a: recv {"type":"joined"}
end
a: recv {"type":"ok","reply_to":1,"failed":[]}
# two segments and more for each: nobody has more than is his
let text = <<"x" x 3000>>
repeat $max
p: post /chat/ [{"type":"message","id":1,"room":"r$i","text":"$text"}]
p: expect 200 [{"type":"ok"}]
a: recv {"type":"message","room":"r$i"}
end
p: post /chat/ [{"type":"message","id":1,"room":"new","text":"m"}]
p: expect 200 [{"type":"error","code":"full","temporary":true}]
b: ws /chat/new
b: recv {"type":"welcome"}
b: recv {"type":"error","code":"full","room":"new","temporary":true}
# one of theirs goes on with what it has
p: post /chat/ [{"type":"message","id":1,"room":"r1","text":"m"}]
p: expect 200 [{"type":"ok"}]
a: recv {"type":"message","room":"r1","text":"m"}
# but has no place for what needs more
let text = <<"x" x 50000>>
p: post /chat/ [{"type":"message","id":1,"room":"r1","text":"$text"}]
p: expect 200 [{"type":"error","code":"<< /^(full|too_large)$/ >>"}]
s: get /chat-status
s: expect 200 {"full_total":"<< $_ >= 1 >>"}
a: send {"type":"leave","room":"r7"}
a: recv {"type":"left"}
p: post /chat/ [{"type":"message","id":1,"room":"new","text":"m"}]
p: expect 200 [{"type":"ok"}]
p: get /chat/r7
p: expect 404
a: close 1000
a: closed 1000
b: send {"type":"join","id":2,"room":"another"}
b: recv {"type":"joined","reply_to":2}



=== TEST 5: a zone that is full of readers' rooms and floods heals by itself
--- chat_http
chat_zone   zone=main:1m;
chat_rooms  main  *  history=100000 age=3s size=1m;
--- chat_config
chat_user         ann;
chat_message_max  512k  text=8k;
--- chat
a: ws /chat/flood
a: recv {"type":"welcome"}
a: recv {"type":"joined","epoch":"$e=<epoch>"}
s: get /chat-status
s: expect 200 {"segments":"$all=<int>"}
let batch = <<main::messages("flood", 32, 7000)>>
repeat 5
p: post /chat/ $batch
32 * a: recv /"type":"message"/
end
s: get /chat-status
s: expect 200 {"segments_free":"<< $_ < 10 >>"}
await /chat-status {"segments_free":"<< $_ > $all - 10 >>"}
p: post /chat/ [{"type":"message","id":1,"room":"flood","text":"m"}]
a: recv {"type":"message","id":"$e-161"}



=== TEST 6: a message that is larger than a room's share takes others' place, not all of theirs
--- chat_http
chat_zone   zone=main:1m;
--- chat_config
chat_user         ann;
chat_message_max  16k  text=16000;
--- chat
s: get /chat-status
s: expect 200 {"segments":"$all=<int>"}
let text = <<"x" x 15000>>
repeat 80
p: post /chat/ type=application/json [{"type":"message","room":"r$i","text":"$text"}]
end
# eight segments each, of which one stays with who has lost it: so many of the
# newest are there
let there = <<int(($all - 80) / 7) - 2>>
repeat $there
let n = <<81 - $i>>
p: get /chat/r$n
p: expect 200 {"first":1,"head":1}
end
s: get /chat-status
s: expect 200 {"full_total":0}
