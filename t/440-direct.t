#!/usr/bin/perl

# Direct conversations: whose they are, and that nobody else can tell; over
# every transport, two workers, a reload and the death of a worker.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;

run_tests();


# nginx ends, and another one begins with the same files

sub restart {
    my $nginx = shift;

    my $binary = $ENV{TEST_NGINX_BINARY} // 'nginx';
    my $root = $nginx->root;
    my @pids = ($nginx->master, keys %{ $nginx->workers });

    kill 'KILL', @pids;

    $nginx->until_true(10, 'nginx is still there', sub {
        !grep { ChatTest::Nginx::running($_) } @pids;
    });

    unlink "$root/logs/nginx.pid";

    my $out = `$binary -p $root/ -c $root/conf/nginx.conf 2>&1`;
    die "nginx: $out\n" if $?;

    $nginx->wait_for_workers(10);
}


__DATA__

=== TEST 1: a room of two
--- chat_http
chat_zone   zone=main:8m;
chat_rooms  main  *  create=off;
--- chat_config
chat_user   $http_x_user trusted;
chat_role   owner user=root;
--- chat
a: ws /chat/ header="X-User: ann"
a: recv {"type":"welcome","features":"<< grep({ $_ eq 'direct' } @$_) >>"}
b: ws /chat/ header="X-User: bob" other=a
b: recv {"type":"welcome"}
a: ask {"type":"direct","id":1,"to":"bob"} -> {"type":"ok","reply_to":1,"room":"$d=/^~d[.][a-z2-7]{52}$/","with":{"id":"bob","guest":"<absent>"}}
b: ask {"type":"direct","id":"x","to":"ann"} -> {"type":"ok","reply_to":"x","room":"$d","with":{"id":"ann"}}
a: ask {"type":"direct","id":2,"to":"carl"} -> {"type":"ok","room":"$c=/^~d[.][a-z2-7]{52}$/"}
check << '$c' ne '$d' >>
a: ask {"type":"direct","id":3,"to":"ann"} -> {"type":"error","reply_to":3,"code":"bad_request","field":"to","room":"<absent>"}
a: ask {"type":"direct","id":4} -> {"type":"error","reply_to":4,"code":"bad_request","field":"to"}
a: ask {"type":"direct","id":5,"to":"~gabcdefghijklmnop"} -> {"type":"error","reply_to":5,"code":"forbidden","room":"<absent>"}
a: send {"type":"direct","to":"bob"}
# as any room, also one that nobody else could have made
a: ask {"type":"join","id":6,"room":"$d","presence":true} -> {"type":"joined","reply_to":6,"room":"$d","epoch":"$e=<epoch>","members":1,"can":["send","history","signal","edit-own","delete-own","react","presence","direct"]}
b: ask {"type":"join","id":7,"room":"$d"} -> {"type":"joined","members":2}
a: recv {"type":"presence","join":[{"id":"bob"}],"count":2}
a: ask {"type":"message","id":8,"room":"$d","text":"hi","mentions":["bob"]} -> {"type":"ok","id":"${e}-1"}
a: recv {"type":"message","room":"$d","text":"hi"}
b: recv {"type":"message","room":"$d","text":"hi","user":{"id":"ann"}}
b: ask {"type":"typing","id":9,"room":"$d","on":true} -> {"type":"ok"}
a: recv {"type":"typing","room":"$d","user":{"id":"bob"}}
b: ask {"type":"react","id":10,"room":"$d","target":"${e}-1","emoji":"x","on":true} -> {"type":"ok"}
a: recv {"type":"react","count":1}
b: recv {"type":"react","count":1}
a: ask {"type":"edit","id":11,"room":"$d","target":"${e}-1","text":"ho"} -> {"type":"ok"}
a: recv {"type":"edit"}
b: recv {"type":"edit"}
b: ask {"type":"unread","id":12,"rooms":["$d"]} -> {"type":"unread","rooms":[{"room":"$d","unread":1}],"failed":[]}
b: ask {"type":"read","id":13,"room":"$d","upto":"${e}-3"} -> {"type":"ok","unread":0}
b: ask {"type":"members","id":14,"room":"$d"} -> {"type":"members","count":2}
# over HTTP, by either worker
p: post /chat/ header="X-User: bob" same=a [{"type":"direct","id":1,"to":"ann"},{"type":"message","id":2,"room":"$d","text":"by POST"},{"type":"direct","to":"ann"}]
p: expect 200 [{"type":"ok","reply_to":1,"room":"$d","with":{"id":"ann"}},{"type":"ok","id":"${e}-4"}]
a: recv {"text":"by POST"}
b: recv {"text":"by POST"}
p: post /chat/$d header="X-User: ann" other=a {"text":"to its URL"}
p: expect 201 {"type":"ok","id":"${e}-5"}
a: recv {"text":"to its URL"}
b: recv {"text":"to its URL"}
g: get /chat/$d header="X-User: bob"
g: expect 200 {"type":"history","events":[{"text":"ho","reactions":[{"count":1}]},{"text":"by POST"},{"text":"to its URL"}]}
g: get /chat/$d/members header="X-User: ann"
g: expect 200 {"type":"members","count":2}
s: sse /chat/$d header="X-User: bob" last=${e}-4 same=b
s: recv {"type":"welcome"}
s: recv {"type":"joined","recovered":true}
s: recv {"text":"to its URL"}
# nothing of a moderator's can be done there
a: ask {"type":"room","id":15,"room":"$d","set":{"topic":"x"}} -> {"type":"error","code":"forbidden"}
a: ask {"type":"kick","id":16,"room":"$d","user":"bob"} -> {"type":"error","code":"forbidden"}
# a worker dies, a configuration is loaded: it goes on
kill9 b
b: end
s: end anyhow
b: ws /chat/$d?after=${e}-4 header="X-User: bob" other=a
b: recv {"type":"welcome"}
b: recv {"type":"joined","recovered":true}
b: recv {"id":"${e}-5"}
reload
n: ws /chat/$d?after=${e}-5 header="X-User: ann"
n: recv {"type":"welcome"}
n: recv {"type":"joined","recovered":true}
n: ask {"type":"message","id":1,"room":"$d","text":"still"} -> {"type":"ok","id":"${e}-6"}
n: recv {"text":"still"}
b: until {"text":"still"}



=== TEST 2: for nobody else it is there, whether it is or not
--- chat_config
chat_user   $http_x_user trusted;
chat_role   owner user=root;
--- chat
a: ws /chat/ header="X-User: ann"
a: recv {"type":"welcome"}
a: ask {"type":"direct","id":1,"to":"bob"} -> {"type":"ok","room":"$d=<string>"}
a: ask {"type":"direct","id":2,"to":"carl"} -> {"type":"ok","room":"$none=<string>"}
a: ask {"type":"join","id":3,"room":"$d"} -> {"type":"joined","epoch":"$e=<epoch>"}
a: ask {"type":"message","id":4,"room":"$d","text":"secret"} -> {"type":"ok"}
a: recv {"text":"secret"}
# an owner is somebody else, too; $i: the room that is, and one that isn't
r: ws /chat/ header="X-User: root" other=a
r: recv {"type":"welcome"}
repeat 3
let room = <<['', '$d', '$none', '~d.x']->[$i]>>
let code = <<['', 'not_found', 'not_found', 'bad_request']->[$i]>>
r: ask {"type":"join","id":1,"room":"$room"} -> {"type":"error","reply_to":1,"code":"$code"}
r: ask {"type":"join","id":2,"rooms":[{"room":"$room","after":"0"}]} -> {"type":"ok","failed":[{"room":"$room","code":"$code"}]}
r: ask {"type":"history","id":3,"room":"$room"} -> {"type":"error","code":"$code"}
r: ask {"type":"members","id":4,"room":"$room"} -> {"type":"error","code":"$code"}
r: ask {"type":"read","id":5,"room":"$room","upto":"0"} -> {"type":"error","code":"$code"}
r: ask {"type":"unread","id":6,"rooms":["$room"]} -> {"rooms":[],"failed":[{"code":"$code"}]}
r: ask {"type":"room","id":7,"room":"$room"} -> {"type":"error","code":"$code"}
r: ask {"type":"room","id":8,"room":"$room","set":{"locked":true}} -> {"type":"error","code":"$code"}
r: ask {"type":"ban","id":9,"room":"$room","user":"bob"} -> {"type":"error","code":"$code"}
r: ask {"type":"role","id":10,"room":"$room","user":"bob","role":"owner"} -> {"type":"error","code":"$code"}
end
repeat 2
let room = <<['', '$d', '$none']->[$i]>>
r: ask {"type":"message","id":11,"room":"$room","text":"x"} -> {"type":"error","code":"not_joined"}
p: post /chat/ header="X-User: root" [{"type":"message","id":1,"room":"$room","text":"x"},{"type":"edit","id":2,"room":"$room","target":"${e}-1","text":"x"},{"type":"delete","id":3,"room":"$room","target":"${e}-1"},{"type":"react","id":4,"room":"$room","target":"${e}-1","emoji":"x","on":true},{"type":"signal","id":5,"room":"$room","name":"x"},{"type":"typing","id":6,"room":"$room","on":true}]
p: expect 200 [{"code":"not_found"},{"code":"not_found"},{"code":"not_found"},{"code":"not_found"},{"code":"not_found"},{"code":"not_found"}]
p: post /chat/$room header="X-User: root" {"text":"x"}
p: expect 404 {"code":"not_found"}
p: get /chat/$room header="X-User: root"
p: expect 404 {"code":"not_found"}
p: get /chat/$room/members header="X-User: root"
p: expect 404 {"code":"not_found"}
s: sse /chat/$room header="X-User: root" status=404
w: ws /chat/$room header="X-User: root"
w: recv {"type":"welcome"}
w: recv {"type":"error","room":"$room","code":"not_found"}
end
# a ban of all rooms counts here, too
r: ask {"type":"mute","id":12,"user":"ann","for_ms":60000} -> {"type":"ok"}
a: ask {"type":"message","id":5,"room":"$d","text":"x"} -> {"type":"error","code":"muted"}



=== TEST 3: guests, by the table of roles; a token for other rooms
--- chat_config
chat_guest  on;
--- config
location ^~ /open/ {
    chat        main;
    chat_guest  on;
    chat_allow  guest direct;
}
location ^~ /raw/ {
    chat         main;
    chat_guest   on;
    chat_allow   guest direct;
    chat_format  raw;
}
--- chat
a: ws /chat/
a: recv {"type":"welcome","user":{"id":"$a=<string>"},"guest_token":"$t=<string>"}
b: ws /open/ other=a
b: recv {"type":"welcome","user":{"id":"$b=<string>"}}
a: ask {"type":"direct","id":1,"to":"$b"} -> {"type":"error","code":"forbidden"}
b: ask {"type":"direct","id":2,"to":"$a"} -> {"type":"ok","room":"$d=<string>","with":{"id":"$a","guest":true}}
a: ask {"type":"join","id":3,"room":"$d"} -> {"type":"error","code":"forbidden"}
b: ask {"type":"join","id":4,"room":"$d"} -> {"type":"joined","role":"guest"}
c: ws /open/ header="Authorization: Bearer $t"
c: recv {"type":"welcome","user":{"id":"$a"}}
c: ask {"type":"join","id":5,"room":"$d"} -> {"type":"joined","members":2}
c: ask {"type":"message","id":6,"room":"$d","text":"hi"} -> {"type":"ok"}
c: recv {"text":"hi"}
b: recv {"text":"hi","user":{"guest":true}}
# raw rooms are others
r: post /raw/$d header="Authorization: Bearer $t" type=text/plain hi
r: expect 400



=== TEST 4: who is blocked can't write there, and nothing tells it but that
--- chat_http
chat_zone  zone=main:8m state=logs/state;
--- chat_config
chat_user  $http_x_user trusted;
--- chat
a: ws /chat/ header="X-User: ann"
a: recv {"type":"welcome"}
b: ws /chat/ header="X-User: bob" other=a
b: recv {"type":"welcome"}
a: ask {"type":"direct","id":1,"to":"bob"} -> {"room":"$d=<string>"}
a: ask {"type":"join","id":2,"room":"$d"} -> {"type":"joined"}
b: ask {"type":"join","id":3,"room":"$d"} -> {"type":"joined","epoch":"$e=<epoch>"}
b: ask {"type":"message","id":4,"room":"$d","text":"one"} -> {"type":"ok"}
b: recv {"text":"one"}
a: recv {"text":"one"}
a: ask {"type":"blocks","id":5} -> {"type":"blocks","reply_to":5,"users":[]}
a: ask {"type":"block","id":6,"user":"ann"} -> {"type":"error","code":"forbidden"}
a: ask {"type":"unblock","id":7,"user":"bob"} -> {"type":"error","code":"not_found"}
a: ask {"type":"block","id":8,"user":"carl"} -> {"type":"ok","reply_to":8,"user":"carl"}
a: ask {"type":"block","id":9,"user":"bob"} -> {"type":"ok"}
a: ask {"type":"block","id":10,"user":"bob"} -> {"type":"ok"}
a: send {"type":"blocks"}
a: ask {"type":"blocks","id":11} -> {"users":["carl","bob"]}
b: ask {"type":"message","id":12,"room":"$d","text":"two"} -> {"type":"error","code":"forbidden"}
b: ask {"type":"edit","id":13,"room":"$d","target":"${e}-1","text":"x"} -> {"type":"error","code":"forbidden"}
b: ask {"type":"react","id":14,"room":"$d","target":"${e}-1","emoji":"x","on":true} -> {"type":"error","code":"forbidden"}
b: ask {"type":"typing","id":15,"room":"$d","on":true} -> {"type":"error","code":"forbidden"}
b: ask {"type":"message","id":18,"room":"$d","text":"x","thread":"${e}-1"} -> {"type":"error","code":"forbidden"}
b: ask {"type":"edit","id":19,"room":"$d","target":"${e}-9","text":"x"} -> {"type":"error","code":"forbidden"}
b: ask {"type":"direct","id":16,"to":"ann"} -> {"type":"ok","room":"$d"}
b: ask {"type":"history","id":17,"room":"$d"} -> {"events":[{"text":"one"}]}
p: post /chat/$d header="X-User: bob" same=a {"text":"x"}
p: expect 403
p: post /chat/ header="X-User: bob" same=a [{"type":"blocks","id":1},{"type":"block","id":2,"user":"carl"}]
p: expect 200 [{"type":"blocks","users":[]},{"type":"ok"}]
a: ask {"type":"message","id":18,"room":"$d","text":"he reads"} -> {"type":"ok"}
a: recv {"text":"he reads"}
b: recv {"text":"he reads"}
# he may take back what he has said, and only that
b: ask {"type":"delete","id":20,"room":"$d","target":"${e}-2"} -> {"type":"error","code":"forbidden"}
b: ask {"type":"delete","id":21,"room":"$d","target":"${e}-1"} -> {"type":"ok"}
b: recv {"type":"delete","target":"${e}-1"}
a: recv {"type":"delete","target":"${e}-1"}
# it is in the state file
call restart
a: end anyhow
b: end anyhow
a: ws /chat/ header="X-User: ann"
a: recv {"type":"welcome"}
a: ask {"type":"blocks","id":1} -> {"users":["carl","bob"]}
p: post /chat/$d header="X-User: bob" other=a {"text":"x"}
p: expect 403
a: ask {"type":"unblock","id":2,"user":"bob"} -> {"type":"ok"}
a: ask {"type":"blocks","id":3} -> {"users":["carl"]}
p: post /chat/$d header="X-User: bob" other=a {"text":"x"}
p: expect 201
