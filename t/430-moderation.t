#!/usr/bin/perl

# What moderators do: kick, ban, mute, role, room; over every transport and two
# workers.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest points => 1;

run_tests();


# nginx ends, by whatever signal, and another one begins with the same files

sub end_by {
    my ($nginx, $signal) = @_;

    my $master = $nginx->master;
    my @pids = ($master, keys %{ $nginx->workers });

    kill $signal, ($signal eq 'KILL') ? @pids : $master;

    $nginx->until_true(10, 'nginx is still there', sub {
        !grep { ChatTest::Nginx::running($_) } @pids;
    });

    unlink $nginx->root . '/logs/nginx.pid';
}


sub launch {
    my ($nginx, @more) = @_;

    my $binary = $ENV{TEST_NGINX_BINARY} // 'nginx';
    my $root = $nginx->root;

    # who can't start frees nothing: that is nginx's way
    local $ENV{ASAN_OPTIONS} = ($ENV{ASAN_OPTIONS} // '') . ':detect_leaks=0';

    my $out = `$binary -p $root/ -c $root/conf/nginx.conf @more 2>&1`;

    return ($? >> 8, $out);
}


sub start {
    my $nginx = shift;

    my ($status, $out) = launch($nginx);
    die "nginx: $out\n" if $status;

    $nginx->wait_for_workers(10);
}


sub restart {
    my ($nginx, $signal) = @_;

    end_by($nginx, $signal);
    start($nginx);
}


__DATA__

=== TEST 1: kick: out of the room everywhere, and may come back
--- chat_config
chat_notice off;
chat_user  $http_x_user trusted;
chat_role  moderator user=mod;
--- chat
m: enter ws /chat/lobby header="X-User: mod"
a: enter ws /chat/lobby header="X-User: ann" same=m
b: enter ws /chat/lobby header="X-User: ann" other=m
s: enter sse /chat/lobby header="X-User: ann" other=m
t: stream /chat/ header="X-User: ann" same=m {"type":"join","id":1,"room":"lobby"}
t: recv {"type":"welcome"}
t: recv {"type":"joined"}
c: enter ws /chat/lobby header="X-User: carl" other=m
b: ask {"type":"join","id":1,"room":"two"} -> {"type":"joined"}
m: ask {"type":"kick","id":1,"room":"lobby","user":"ann","reason":"spam"} -> {"type":"ok","reply_to":1,"room":"lobby","user":"ann"}
a: recv {"type":"left","room":"lobby","reason":"kicked"}
b: recv {"type":"left","room":"lobby","reason":"kicked"}
s: recv {"type":"left","room":"lobby","reason":"kicked"}
t: recv {"type":"left","room":"lobby","reason":"kicked"}
a: ask {"type":"message","id":2,"room":"lobby","text":"x"} -> {"type":"error","code":"not_joined"}
b: ask {"type":"message","id":2,"room":"two","text":"x"} -> {"type":"ok"}
b: recv {"text":"x"}
b: ask {"type":"join","id":3,"room":"lobby"} -> {"type":"joined"}
m: ask {"type":"message","id":3,"room":"lobby","text":"still"} -> {"type":"ok"}
m: recv {"text":"still"}
b: recv {"text":"still"}
c: recv {"text":"still"}
# by POST; nobody is there now but by b
p: post /chat/ header="X-User: mod" [{"type":"kick","id":4,"room":"lobby","user":"ann"}]
p: expect 200 [{"type":"ok","reply_to":4}]
b: recv {"type":"left","room":"lobby","reason":"kicked"}
# all of it
m: ask {"type":"kick","id":5,"user":"ann"} -> {"type":"ok","reply_to":5,"room":"<absent>"}
a: recv {"type":"closing","code":4503,"reconnect":false}
a: closed 4503
b: recv {"type":"closing","code":4503,"reconnect":false}
b: closed 4503
c: ask {"type":"ping","id":1} -> {"type":"pong"}



=== TEST 2: ban of a room
--- chat_config
chat_user  $http_x_user trusted;
chat_role  moderator user=mod;
--- chat
m: enter ws /chat/lobby header="X-User: mod"
a: enter ws /chat/lobby header="X-User: ann" same=m
b: enter ws /chat/lobby header="X-User: ann" other=m
m: ask {"type":"ban","id":1,"room":"lobby","user":"ann","for_ms":600000} -> {"type":"ok","reply_to":1,"room":"lobby","user":"ann","until":"$u=<int>"}
a: recv {"type":"left","room":"lobby","reason":"banned"}
b: recv {"type":"left","room":"lobby","reason":"banned"}
a: ask {"type":"join","id":2,"room":"lobby"} -> {"type":"error","reply_to":2,"code":"banned","room":"lobby","until":$u,"temporary":false}
b: ask {"type":"history","id":3,"room":"lobby"} -> {"type":"error","reply_to":3,"code":"banned","until":$u}
b: ask {"type":"join","id":4,"rooms":[{"room":"lobby"},{"room":"two"}]} -> {"type":"joined","room":"two"}
b: recv {"type":"ok","reply_to":4,"failed":[{"room":"lobby","code":"banned"}]}
p: get /chat/lobby header="X-User: ann"
p: expect 403 {"code":"banned","until":$u}
p: post /chat/lobby header="X-User: ann" {"text":"x"}
p: expect 403 {"code":"banned","until":$u}
s: sse /chat/lobby header="X-User: ann" status=204
w: ws /chat/lobby header="X-User: ann"
w: recv {"type":"welcome"}
w: recv {"type":"error","code":"banned","room":"lobby","until":$u}
p: post /chat/ header="X-User: mod" [{"type":"unban","id":5,"room":"lobby","user":"ann"},{"type":"unban","id":6,"room":"lobby","user":"ann"}]
p: expect 200 [{"type":"ok","reply_to":5},{"type":"error","reply_to":6,"code":"not_found"}]
a: ask {"type":"join","id":7,"room":"lobby"} -> {"type":"joined","role":"member"}
b: ask {"type":"join","id":7,"room":"lobby"} -> {"type":"joined"}
# a short one ends by itself, a second too late at most
m: ask {"type":"ban","id":8,"room":"lobby","user":"ann","for_ms":1} -> {"type":"ok"}
a: recv {"type":"left","reason":"banned"}
sleep 2
a: ask {"type":"join","id":9,"room":"lobby"} -> {"type":"joined"}



=== TEST 3: ban of all rooms, over a reload, a crash and a restart of everything
--- chat_http
chat_zone  zone=main:8m  state=logs/state;
--- chat_config
chat_user  $http_x_user trusted;
chat_role  moderator user=mod;
--- chat
m: enter ws /chat/lobby header="X-User: mod"
a: enter ws /chat/lobby header="X-User: ann" same=m
b: enter ws /chat/two header="X-User: ann" other=m
s: enter sse /chat/lobby header="X-User: ann" other=m
m: ask {"type":"ban","id":1,"user":"ann","reason":"spam"} -> {"type":"ok","reply_to":1,"user":"ann","until":"<absent>"}
a: recv {"type":"closing","code":4503,"reason":"banned","reconnect":false}
a: closed 4503
b: recv {"type":"closing","code":4503,"reason":"banned","reconnect":false}
b: closed 4503
s: recv {"type":"closing","code":4503,"reason":"banned","reconnect":false}
s: end
w: ws /chat/lobby header="X-User: ann"
w: recv {"type":"closing","code":4503,"reason":"banned"}
w: closed 4503
p: get /chat/lobby header="X-User: ann"
p: expect 403 {"code":"banned","until":"<absent>"}
p: post /chat/ header="X-User: ann" [{"type":"ping"}]
p: expect 403 {"code":"banned"}
t: sse /chat/lobby header="X-User: ann" status=204
reload
w: ws /chat/lobby header="X-User: ann"
w: recv {"type":"closing","code":4503,"reason":"banned"}
w: closed 4503
n: enter ws /chat/lobby header="X-User: mod"
kill9 n
n: end
w: ws /chat/lobby header="X-User: ann"
w: recv {"type":"closing","code":4503,"reason":"banned"}
w: closed 4503
call restart KILL
w: ws /chat/lobby header="X-User: ann"
w: recv {"type":"closing","code":4503,"reason":"banned"}
w: closed 4503
n: enter ws /chat/lobby header="X-User: mod"
n: ask {"type":"unban","id":2,"user":"ann"} -> {"type":"ok","reply_to":2}
w: enter ws /chat/lobby header="X-User: ann"



=== TEST 4: who has changed a row and dies before he wakes anybody
--- chat_config
chat_user  $http_x_user trusted;
chat_role  moderator user=mod;
--- chat
m: enter ws /chat/lobby header="X-User: mod"
b: enter ws /chat/lobby header="X-User: ann" other=m
c: enter ws /chat/lobby header="X-User: carl" other=m
point moder:unwoken
m: send {"type":"ban","room":"lobby","user":"ann"}
point passed
m: end
b: recv {"type":"left","room":"lobby","reason":"banned"}
m: enter ws /chat/lobby header="X-User: mod" other=b
point moder:unwoken
m: send {"type":"kick","room":"lobby","user":"carl"}
point passed
m: end
c: recv {"type":"left","room":"lobby","reason":"kicked"}



=== TEST 5: mute
--- chat_config
chat_user  $http_x_user trusted;
chat_role  moderator user=mod;
--- chat
m: enter ws /chat/lobby header="X-User: mod"
a: enter ws /chat/lobby header="X-User: ann" same=m
b: enter ws /chat/lobby header="X-User: ann" other=m
b: ask {"type":"message","id":1,"room":"lobby","text":"1"} -> {"type":"ok"}
a: recv {"text":"1"}
b: recv {"text":"1"}
m: recv {"text":"1"}
m: ask {"type":"mute","id":1,"room":"lobby","user":"ann","for_ms":600000} -> {"type":"ok","until":"$u=<int>"}
a: ask {"type":"message","id":2,"room":"lobby","text":"2"} -> {"type":"error","reply_to":2,"code":"muted","room":"lobby","until":$u}
b: ask {"type":"message","id":2,"room":"lobby","text":"2"} -> {"type":"error","reply_to":2,"code":"muted","until":$u}
b: ask {"type":"signal","id":3,"room":"lobby","name":"x"} -> {"type":"error","code":"muted"}
b: ask {"type":"typing","id":4,"room":"lobby","on":true} -> {"type":"error","code":"muted"}
p: post /chat/lobby header="X-User: ann" {"text":"2"}
p: expect 403 {"code":"muted","until":$u}
m: ask {"type":"message","id":2,"room":"lobby","text":"3"} -> {"type":"ok"}
m: recv {"text":"3"}
a: recv {"text":"3"}
b: recv {"text":"3"}
# elsewhere he may speak, until he is muted everywhere
b: ask {"type":"join","id":5,"room":"two"} -> {"type":"joined"}
b: ask {"type":"message","id":6,"room":"two","text":"4"} -> {"type":"ok"}
b: recv {"text":"4"}
m: ask {"type":"mute","id":3,"user":"ann"} -> {"type":"ok","until":"<absent>"}
b: ask {"type":"message","id":7,"room":"two","text":"5"} -> {"type":"error","code":"muted","until":"<absent>"}
m: ask {"type":"unmute","id":4,"user":"ann"} -> {"type":"ok"}
b: ask {"type":"message","id":8,"room":"two","text":"6"} -> {"type":"ok"}
b: recv {"text":"6"}
b: ask {"type":"message","id":9,"room":"lobby","text":"7"} -> {"type":"error","code":"muted"}
m: ask {"type":"unmute","id":5,"room":"lobby","user":"ann"} -> {"type":"ok"}
b: ask {"type":"message","id":10,"room":"lobby","text":"8"} -> {"type":"ok"}



=== TEST 6: roles, given and taken
--- chat_config
chat_notice off;
chat_user   $http_x_user trusted;
chat_role   owner user=own;
chat_allow  moderator read room=staff;
--- chat
o: enter ws /chat/lobby header="X-User: own"
a: enter ws /chat/lobby header="X-User: ann" other=o
a: ask {"type":"kick","id":1,"room":"lobby","user":"carl"} -> {"type":"error","reply_to":1,"code":"forbidden","room":"lobby"}
o: ask {"type":"role","id":1,"room":"lobby","user":"ann","role":"moderator"} -> {"type":"ok","reply_to":1,"room":"lobby","user":"ann","role":"moderator"}
a: recv {"type":"role","room":"lobby","user":{"id":"ann"},"role":"moderator","by":{"id":"own"}}
o: recv {"type":"role","room":"lobby","role":"moderator"}
a: ask {"type":"join","id":2,"room":"lobby"} -> {"type":"joined","role":"moderator","can":"<< grep({ $_ eq 'kick' } @$_) && !grep({ $_ eq 'admin' } @$_) >>"}
a: ask {"type":"kick","id":3,"room":"lobby","user":"carl"} -> {"type":"ok"}
# there only
a: ask {"type":"kick","id":4,"room":"two","user":"carl"} -> {"type":"error","code":"forbidden"}
a: ask {"type":"kick","id":5,"user":"carl"} -> {"type":"error","code":"forbidden"}
# not those of the same rank, and nobody himself
a: ask {"type":"kick","id":6,"room":"lobby","user":"own"} -> {"type":"error","code":"forbidden"}
a: ask {"type":"ban","id":7,"room":"lobby","user":"ann"} -> {"type":"error","code":"forbidden"}
a: ask {"type":"role","id":8,"room":"lobby","user":"carl","role":"moderator"} -> {"type":"error","code":"forbidden"}
o: ask {"type":"role","id":2,"room":"lobby","user":"bob","role":"moderator"} -> {"type":"ok"}
o: recv {"type":"role"}
a: recv {"type":"role"}
a: ask {"type":"mute","id":9,"room":"lobby","user":"bob"} -> {"type":"error","code":"forbidden"}
# a role is what opens a room, and its loss closes it
a: ask {"type":"join","id":10,"room":"staff"} -> {"type":"error","code":"forbidden"}
o: ask {"type":"role","id":3,"room":"staff","user":"ann","role":"moderator"} -> {"type":"ok"}
a: ask {"type":"join","id":11,"room":"staff"} -> {"type":"joined","role":"moderator"}
o: ask {"type":"role","id":4,"room":"staff","user":"ann","role":"none"} -> {"type":"ok","role":"none"}
a: until {"type":"left","room":"staff","reason":"revoked"}
a: ask {"type":"join","id":12,"room":"staff"} -> {"type":"error","code":"forbidden"}
# one can be made less than he is by himself, but for a role of his own
o: ask {"type":"role","id":5,"room":"lobby","user":"ann","role":"guest"} -> {"type":"ok"}
a: until {"type":"role","role":"guest"}
a: ask {"type":"join","id":13,"room":"lobby"} -> {"type":"joined","role":"guest"}
o: recv {"type":"role"}
o: ask {"type":"role","id":6,"room":"lobby","user":"own","role":"guest"} -> {"type":"error","code":"forbidden"}
o: ask {"type":"role","id":7,"room":"lobby","user":"ann","role":"king"} -> {"type":"error","code":"bad_request","field":"role"}
o: ask {"type":"role","id":8,"user":"ann","role":"guest"} -> {"type":"error","code":"bad_request","field":"room"}



=== TEST 7: what is true of a room
--- chat_config
chat_user  $http_x_user trusted;
chat_role  moderator user=mod;
--- chat
m: enter ws /chat/lobby header="X-User: mod"
a: enter ws /chat/lobby header="X-User: ann" other=m
s: enter sse /chat/lobby header="X-User: sam" other=m
m: ask {"type":"room","id":1,"room":"lobby","set":{"topic":"Hello \"you\"", "x_color": {"r": 1}}} -> {"type":"ok","reply_to":1,"room":"lobby","state":{"topic":"Hello \"you\"","x_color":{"r":1}}}
m: recv {"type":"room","room":"lobby","state":{"topic":"Hello \"you\""},"by":{"id":"mod"}}
a: recv {"type":"room","room":"lobby","state":{"topic":"Hello \"you\""},"by":{"id":"mod"}}
s: recv {"type":"room","room":"lobby","state":{"topic":"Hello \"you\""}} id=absent
a: ask {"type":"room","id":1,"room":"lobby","set":{"topic":"mine"}} -> {"type":"error","reply_to":1,"code":"forbidden"}
a: ask {"type":"room","id":2,"room":"lobby"} -> {"type":"ok","reply_to":2,"room":"lobby","state":{"topic":"Hello \"you\"","x_color":{"r":1}}}
p: post /chat/ header="X-User: mod" [{"type":"room","id":2,"room":"lobby","set":{"topic":null,"locked":true}}]
p: expect 200 [{"type":"ok","reply_to":2,"state":{"topic":"<absent>","x_color":{"r":1},"locked":true}}]
a: recv {"type":"room","state":{"locked":true}}
s: recv {"type":"room","state":{"locked":true}}
m: recv {"type":"room","state":{"locked":true}}
a: ask {"type":"join","id":3,"room":"lobby"} -> {"type":"joined","state":{"x_color":{"r":1},"locked":true}}
a: ask {"type":"message","id":4,"room":"lobby","text":"x"} -> {"type":"error","code":"read_only","room":"lobby"}
p: post /chat/lobby header="X-User: ann" {"text":"x"}
p: expect 403 {"code":"read_only"}
m: ask {"type":"message","id":3,"room":"lobby","text":"1"} -> {"type":"ok"}
m: recv {"text":"1"}
a: recv {"text":"1"}
s: recv {"text":"1"}
# what can't be said
m: ask {"type":"room","id":4,"room":"lobby","set":{"color":1}} -> {"type":"error","code":"bad_request","field":"set"}
m: ask {"type":"room","id":5,"room":"lobby","set":{"slow_ms":-1}} -> {"type":"error","code":"bad_request","field":"set"}
m: ask {"type":"room","id":6,"room":"lobby","set":{"slow_ms":21600001}} -> {"type":"error","code":"bad_request","field":"set"}
m: ask {"type":"room","id":7,"room":"lobby","set":{"locked":1}} -> {"type":"error","code":"bad_request","field":"set"}
m: ask {"type":"room","id":8,"room":"lobby","set":{"pinned":["x"]}} -> {"type":"error","code":"bad_request","field":"set"}
m: ask {"type":"room","id":9,"room":"lobby","set":{"pinned":["k3f9q2x0ab-1"]}} -> {"type":"ok","state":{"pinned":["k3f9q2x0ab-1"]}}
m: recv {"type":"room"}
m: ask {"type":"room","id":10,"room":"lobby","set":["x"]} -> {"type":"error","code":"bad_request","field":"set"}
m: ask {"type":"room","id":11,"room":"lobby","set":{"x_\u0061":1}} -> {"type":"error","code":"bad_request","field":"set"}
let big = <<"x" x 3000>>
m: ask {"type":"room","id":12,"room":"lobby","set":{"x_a":"$big"}} -> {"type":"ok"}
m: recv {"type":"room"}
m: ask {"type":"room","id":13,"room":"lobby","set":{"x_b":"$big"}} -> {"type":"error","code":"too_large"}



=== TEST 8: slow mode, over both workers
--- chat_config
chat_user  $http_x_user trusted;
chat_role  moderator user=mod;
chat_limit message rate=1r/s burst=1000 key=user;
chat_limit_dry_run on;
--- chat
m: enter ws /chat/lobby header="X-User: mod"
a: enter ws /chat/lobby header="X-User: ann" other=m
b: enter ws /chat/lobby header="X-User: ann" same=m
m: ask {"type":"room","id":1,"room":"lobby","set":{"slow_ms":60000}} -> {"type":"ok"}
m: recv {"type":"room"}
a: recv {"type":"room"}
b: recv {"type":"room"}
a: ask {"type":"message","id":1,"room":"lobby","text":"1","nonce":"nonce-0001"} -> {"type":"ok"}
a: recv {"text":"1"}
b: recv {"text":"1"}
m: recv {"text":"1"}
b: ask {"type":"message","id":2,"room":"lobby","text":"2"} -> {"type":"error","reply_to":2,"code":"slow_mode","temporary":true,"retry_after_ms":"<< $_ > 50000 && $_ <= 60000 >>"}
p: post /chat/lobby header="X-User: ann" {"text":"2"}
p: expect 429 {"code":"slow_mode","retry_after_ms":"<int>"}
# the same once more isn't another one
b: ask {"type":"message","id":3,"room":"lobby","text":"1","nonce":"nonce-0001"} -> {"type":"ok","duplicate":true}
# only messages are counted: what was said too fast can be taken back
p: post /chat/ header="X-User: ann" [{"type":"message","room":"lobby","id":1,"text":"1","nonce":"nonce-0001"}]
p: expect 200 [{"type":"ok","id":"$o=<id>","duplicate":true}]
p: post /chat/ header="X-User: ann" [{"type":"react","room":"lobby","id":1,"target":"$o","emoji":"x","on":true},{"type":"edit","room":"lobby","id":2,"target":"$o","text":"oops"},{"type":"delete","room":"lobby","id":3,"target":"$o"},{"type":"message","room":"lobby","id":4,"text":"2"}]
p: expect 200 [{"type":"ok","reply_to":1},{"type":"ok","reply_to":2},{"type":"ok","reply_to":3},{"type":"error","reply_to":4,"code":"slow_mode"}]
m: until {"type":"delete"}
p: post /chat/ header="X-User: dora" [{"type":"message","room":"lobby","id":1,"text":"d"}]
p: expect 200 [{"type":"ok","id":"$d=<id>"}]
m: recv {"text":"d"}
p: post /chat/ header="X-User: eve" [{"type":"react","room":"lobby","id":1,"target":"$d","emoji":"x","on":true},{"type":"message","room":"lobby","id":2,"text":"e"}]
p: expect 200 [{"type":"ok","reply_to":1},{"type":"ok","reply_to":2}]
m: recv {"type":"react"}
m: recv {"text":"e"}
repeat 3
m: ask {"type":"message","id":2,"room":"lobby","text":"m"} -> {"type":"ok"}
m: recv {"text":"m"}
end
c: enter ws /chat/lobby header="X-User: carl" other=m
c: ask {"type":"message","id":1,"room":"lobby","text":"c"} -> {"type":"ok"}
m: recv {"text":"c"}
m: ask {"type":"room","id":3,"room":"lobby","set":{"slow_ms":0}} -> {"type":"ok"}
b: until {"type":"room"}
b: ask {"type":"message","id":4,"room":"lobby","text":"3"} -> {"type":"ok"}



=== TEST 9: what is wrong with a command, and what isn't there
--- chat_config
chat_user  $http_x_user trusted;
chat_role  moderator user=mod;
--- chat
m: enter ws /chat/lobby header="X-User: mod"
m: ask {"type":"kick","id":1,"room":"lobby"} -> {"type":"error","code":"bad_request","field":"user"}
m: ask {"type":"kick","id":2,"room":"~audit","user":"ann"} -> {"type":"error","code":"not_found"}
m: ask {"type":"kick","id":3,"room":"a b","user":"ann"} -> {"type":"error","code":"bad_request","field":"room"}
m: ask {"type":"ban","id":4,"room":"lobby","user":"a b"} -> {"type":"error","code":"bad_request","field":"user"}
m: ask {"type":"ban","id":5,"room":"lobby","user":"ann","for_ms":0} -> {"type":"error","code":"bad_request","field":"for_ms"}
m: ask {"type":"ban","id":6,"room":"lobby","user":"ann","purge_ms":"x"} -> {"type":"error","code":"bad_request","field":"purge_ms"}
m: ask {"type":"ban","id":7,"room":"lobby","user":"ann","for_ms":"x"} -> {"type":"error","code":"bad_request","field":"for_ms"}
m: ask {"type":"unmute","id":8,"room":"lobby","user":"ann"} -> {"type":"error","code":"not_found"}
m: ask {"type":"revoke","id":9,"user":"ann"} -> {"type":"error","code":"forbidden"}
m: ask {"type":"join","id":10,"room":"~audit"} -> {"type":"error","code":"not_found"}
m: ask {"type":"mute","id":11,"room":"lobby","user":"~gabcdefghijklmnop"} -> {"type":"ok"}
