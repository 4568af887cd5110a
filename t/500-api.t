#!/usr/bin/perl

# The server API: keys, scopes, and each command by its path.

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


sub put {
    my ($name, $text) = @_;

    open my $out, '>', "$dir/next" or die "$dir: $!\n";
    print $out $text;
    close $out or die "$dir: $!\n";
    rename "$dir/next", "$dir/$name" or die "$name: $!\n";
}


sub dir { return $dir }


sub key { return $_[0] x 32 }


sub keys_text {
    return encode_json({ keys => [map {
        { name => $_->[0], key => key($_->[1]), scopes => $_->[2],
          @$_ > 3 ? (rooms => $_->[3]) : () }
    } @_] });
}


# by one letter each: A all, P publish, H history, M moderate, R rooms,
# W presence, D admin, U audit, C one with rooms

my @keys = (
    ['all', 'A', ['*']], ['pub', 'P', ['publish']],
    ['his', 'H', ['history']], ['mod', 'M', ['moderate']],
    ['room', 'R', ['rooms']], ['who', 'W', ['presence']],
    ['adm', 'D', ['admin']], ['usr', 'X', ['users']], ['aud', 'U', ['audit']],
    ['conf', 'C', ['*'], ['shop.*', 'lobby']], ['ses', 'S', ['sessions']]);

put('keys.json', keys_text(@keys));
put('more.json', keys_text(['more', 'm', ['publish']]));
put('one.json', keys_text(['one', '1', ['publish']]));

my %bad = (
    'no-json' => 'secret', 'array' => '[]', 'none' => '{"keys":[]}',
    'no-keys' => '{}', 'string' => '{"keys":["x"]}',
    'short' => '{"keys":[{"name":"a","key":"' . 'x' x 31
        . '","scopes":["publish"]}]}',
    'space' => '{"keys":[{"name":"a","key":"' . 'x y' x 12
        . '","scopes":["publish"]}]}',
    'scope' => '{"keys":[{"name":"a","key":"' . key('x')
        . '","scopes":["publish","root"]}]}',
    'no-scope' => '{"keys":[{"name":"a","key":"' . key('x') . '"}]}',
    'empty-scope' => '{"keys":[{"name":"a","key":"' . key('x')
        . '","scopes":[]}]}',
    'name' => '{"keys":[{"name":"a b","key":"' . key('x')
        . '","scopes":["publish"]}]}',
    'unknown' => '{"keys":[{"name":"a","key":"' . key('x')
        . '","scopes":["publish"],"room":["a"]}]}',
    'rooms' => '{"keys":[{"name":"a","key":"' . key('x')
        . '","scopes":["publish"],"rooms":"a"}]}',
    'twice' => keys_text(['a', 'x', ['publish']], ['b', 'x', ['history']]),
    'many' => keys_text(map { ["k$_", chr(33 + $_), ['publish']] } 1 .. 65),
);

put("bad-$_", $bad{$_}) for keys %bad;


# another file with keys
sub replaced {
    my ($nginx, $letter) = @_;

    put('one.json', keys_text(['one', $letter, ['publish']]));
}


sub spoiled { put('one.json', '{"keys":[') }


sub status {
    my ($nginx, $letter) = @_;

    require HTTP::Tiny;

    return HTTP::Tiny->new(timeout => 5)->post(
        'http://127.0.0.1:' . $nginx->port . '/one/publish', {
            headers => { 'Content-Type' => 'application/json',
                         Authorization => 'Bearer ' . key($letter) },
            content => '{"room":"one","text":"x"}',
        })->{status};
}


# answered STATUS LETTER: by both workers, in the end
sub answered {
    my ($nginx, $want, $letter) = @_;

    $nginx->settles(10, 20, $want, sub { status($nginx, $letter) });
}


# complains STATUS LETTER WORDS: answered so all the time, until this is logged
sub complains {
    my ($nginx, $want, $letter, @words) = @_;

    $nginx->stays(10, "@words", $want, sub { status($nginx, $letter) });
}


# nothing of any key is in the error log (what a URL has is in the other one)
sub secrets {
    my $nginx = shift;

    die "the log has a key\n"
        if ChatTest::Nginx::slurp($nginx->log_file) =~ /([A-Zm])\1{15}/;
}


run_tests();

__DATA__

=== TEST 1: publish, to one room and to many, with a nonce
--- config
location ^~ /api/ { chat_api main key=$TEST_NGINX_API/keys.json
    key=$TEST_NGINX_API/more.json; }
--- chat_config
chat_user  $http_x_user trusted;
--- chat
let A = <<"A" x 32>>
let H = <<"H" x 32>>
let M = <<"M" x 32>>
let P = <<"P" x 32>>
let R = <<"R" x 32>>
let W = <<"W" x 32>>
let D = <<"D" x 32>>
let U = <<"U" x 32>>
let C = <<"C" x 32>>
let S = <<"S" x 32>>
let X = <<"X" x 32>>
let m = <<"m" x 32>>
let z = <<"z" x 32>>
a: enter ws /chat/lobby header="X-User: ann"
b: enter ws /chat/lobby header="X-User: bob" other=a
s: post /api/publish header="Authorization: Bearer $A" {"room":"lobby","text":"hi","data":{"x": 1}}
s: expect 200 {"type":"ok","room":"lobby","id":"$id=<id>","ts":"<int>","reply_to":"<absent>"}
s: header Cache-Control: no-store
a: recv {"type":"message","id":"$id","text":"hi","data":{"x":1},"user":{"id":"~api:all"}}
b: recv {"type":"message","id":"$id"}
# the same again, by the same key, and another content
s: post /api/publish header="Authorization: bearer $P" header="Idempotency-Key: order-0001" {"room":"lobby","text":"once"}
s: expect 200 {"type":"ok","id":"$once=<id>","duplicate":"<absent>"}
s: post /api/publish header="Authorization: Bearer $P" header="Idempotency-Key: \"order-0001\"" { "room":"lobby","text":"once" }
s: expect 200 {"type":"ok","id":"$once","duplicate":true}
s: post /api/publish header="Authorization: Bearer $P" header="Idempotency-Key: order-0001" {"room":"lobby","text":"other"}
s: expect 409 {"code":"conflict","status":409}
s: header Content-Type: application/problem+json
a: recv {"type":"message","text":"once","nonce":"order-0001","user":{"id":"~api:pub"}}
b: recv {"type":"message","text":"once"}
# another key is another sender
s: post /api/publish header="Authorization: Bearer $m" header="Idempotency-Key: order-0001" {"room":"lobby","text":"once"}
s: expect 200 {"type":"ok","duplicate":"<absent>"}
a: recv {"type":"message","user":{"id":"~api:more"}}
b: recv {"type":"message","user":{"id":"~api:more"}}
s: post /api/publish header="Authorization: Bearer $A" header="Idempotency-Key: short" {"room":"lobby","text":"x"}
s: expect 400 {"code":"bad_request"}
s: post /api/publish header="Authorization: Bearer $A" header="Idempotency-Key: order-0002" {"room":"lobby","text":"x","nonce":"order-0003"}
s: expect 400 {"code":"bad_request"}
# many rooms: an answer for each, in their order
s: post /api/publish header="Authorization: Bearer $A" header="Idempotency-Key: many-0001" {"rooms": ["lobby", "two" ,"a b",7],"text":"all"}
s: expect 200 {"type":"published","results":[{"type":"ok","room":"lobby","reply_to":"<absent>"},{"type":"ok","room":"two"},{"type":"error","code":"bad_request","reply_to":"<absent>"},{"type":"error","code":"bad_request"}]}
a: recv {"type":"message","text":"all","rooms":"<absent>"}
b: recv {"type":"message","text":"all"}
s: post /api/publish header="Authorization: Bearer $A" header="Idempotency-Key: many-0001" {"rooms":["lobby","two"],"text":"all"}
s: expect 200 {"results":[{"type":"ok","duplicate":true},{"type":"ok","duplicate":true}]}
a: none
s: post /api/publish header="Authorization: Bearer $A" {"rooms":[],"text":"x"}
s: expect 400 {"code":"bad_request"}
s: post /api/publish header="Authorization: Bearer $A" {"rooms":"lobby","text":"x"}
s: expect 400 {"code":"bad_request"}
s: post /api/publish header="Authorization: Bearer $A" {"rooms":["lobby"],"room":"lobby","text":"x"}
s: expect 200 {"results":[{"type":"error","code":"bad_request"}]}
# edit, react, delete, and who may
s: post /api/edit header="Authorization: Bearer $P" {"room":"lobby","target":"$once","text":"more"}
s: expect 200 {"type":"ok","id":"<id>"}
a: recv {"type":"edit","target":"$once","text":"more"}
s: post /api/edit header="Authorization: Bearer $m" {"room":"lobby","target":"$once","text":"x"}
s: expect 403 {"code":"forbidden"}
s: post /api/react header="Authorization: Bearer $P" {"room":"lobby","target":"$once","emoji":"+","on":true}
s: expect 200 {"type":"ok"}
a: recv {"type":"react"}
s: post /api/delete header="Authorization: Bearer $m" {"room":"lobby","target":"$once"}
s: expect 403 {"code":"forbidden"}
s: post /api/delete header="Authorization: Bearer $M" {"room":"lobby","target":"$once","reason":"spam"}
s: expect 200 {"type":"ok"}
a: recv {"type":"delete","target":"$once","user":{"id":"~api:mod"}}
s: post /api/signal header="Authorization: Bearer $P" {"room":"lobby","name":"wave"}
s: expect 200 {"type":"ok","room":"lobby"}
a: recv {"type":"signal","name":"wave","user":{"id":"~api:pub"}}
# history
s: post /api/history header="Authorization: Bearer $H" {"room":"lobby","limit":2}
s: expect 200 {"type":"history","room":"lobby","events":["<object>","<object>"],"reply_to":"<absent>"}
s: post /api/history header="Authorization: Bearer $H" {"room":"nowhere"}
s: expect 404 {"code":"not_found"}
# presence
s: post /api/members header="Authorization: Bearer $W" {"room":"lobby"}
s: expect 200 {"type":"members","room":"lobby","count":2,"reply_to":"<absent>"}
call secrets



=== TEST 2: who may not
--- config
location ^~ /api/ { chat_api main key=$TEST_NGINX_API/keys.json; }
location ^~ /off/ { chat_api main key=off; }
chat_origin any;
--- chat_config
--- chat
let A = <<"A" x 32>>
let H = <<"H" x 32>>
let M = <<"M" x 32>>
let P = <<"P" x 32>>
let R = <<"R" x 32>>
let W = <<"W" x 32>>
let D = <<"D" x 32>>
let U = <<"U" x 32>>
let C = <<"C" x 32>>
let S = <<"S" x 32>>
let X = <<"X" x 32>>
let m = <<"m" x 32>>
let z = <<"z" x 32>>
let A31 = <<"A" x 31>>
let A33 = <<"A" x 33>>
let A3000 = <<"A" x 3000>>
s: post /api/publish {"room":"lobby","text":"x"}
s: expect 401 {"code":"unauthorized"}
s: header WWW-Authenticate: Bearer realm="chat"
s: post /api/publish header="Authorization: Bearer $z" {"room":"lobby","text":"x"}
s: expect 401 {"code":"unauthorized"}
s: header WWW-Authenticate: Bearer realm="chat", error="invalid_token"
s: post /api/publish header="Authorization: Bearer $A31" {"room":"lobby","text":"x"}
s: expect 401 {"code":"unauthorized"}
s: post /api/publish header="Authorization: Bearer $A33" {"room":"lobby","text":"x"}
s: expect 401 {"code":"unauthorized"}
s: post /api/publish header="Authorization: Bearer $A3000" {"room":"lobby","text":"x"}
s: expect 401 {"code":"unauthorized"}
s: post /api/publish header="Authorization: Basic $A" {"room":"lobby","text":"x"}
s: expect 401 {"code":"unauthorized"}
s: post /api/publish header="Authorization: Bearer " {"room":"lobby","text":"x"}
s: expect 401 {"code":"unauthorized"}
# never by the URL or by the subprotocol's trick
s: post /api/publish?key=$A&token=$A&access_token=$A {"room":"lobby","text":"x"}
s: expect 401 {"code":"unauthorized"}
s: post /api/publish header="Sec-WebSocket-Protocol: bearer.$A" {"room":"lobby","text":"x"}
s: expect 401 {"code":"unauthorized"}
# pages of browsers don't, whatever chat_origin says
s: post /api/publish header="Authorization: Bearer $A" header="Origin: http://localhost" {"room":"lobby","text":"x"}
s: expect 403 {"code":"forbidden"}
s: header Access-Control-Allow-Origin: absent
s: options /api/publish header="Origin: http://localhost" header="Access-Control-Request-Method: POST"
s: expect 403
s: header Access-Control-Allow-Origin: absent
# the path, the method, the type
s: post /api/ header="Authorization: Bearer $A" {}
s: expect 404 {"code":"not_found"}
s: post /api/publish/ header="Authorization: Bearer $A" {}
s: expect 404 {"code":"not_found"}
s: post /api/join header="Authorization: Bearer $A" {"room":"lobby"}
s: expect 404 {"code":"not_found"}
s: get /api/publish header="Authorization: Bearer $A"
s: expect 405 {"code":"bad_request"}
s: header Allow: POST
s: post /api/publish type=text/plain header="Authorization: Bearer $A" x
s: expect 415 {"code":"bad_request"}
# one scope each: what another key may, this one may not
s: post /api/history header="Authorization: Bearer $P" {"room":"lobby"}
s: expect 403 {"code":"forbidden"}
s: post /api/publish header="Authorization: Bearer $H" {"room":"lobby","text":"x"}
s: expect 403 {"code":"forbidden"}
s: post /api/members header="Authorization: Bearer $H" {"room":"lobby"}
s: expect 403 {"code":"forbidden"}
s: post /api/ban header="Authorization: Bearer $D" {"user":"ann"}
s: expect 403 {"code":"forbidden"}
s: post /api/role header="Authorization: Bearer $M" {"room":"lobby","user":"ann","role":"owner"}
s: expect 403 {"code":"forbidden"}
s: post /api/room header="Authorization: Bearer $M" {"room":"lobby","set":{"locked":true}}
s: expect 403 {"code":"forbidden"}
s: post /api/batch header="Authorization: Bearer $M" [{"type":"kick","id":1,"user":"ann"},{"type":"message","id":2,"room":"lobby","text":"x"},{"type":"history","id":3,"room":"lobby"},{"type":"join","id":4,"room":"lobby"},{"type":"hello","id":5},{"type":"nothing","id":6},{"type":"ping","id":7}]
s: expect 200 [{"type":"ok","reply_to":1},{"type":"error","reply_to":2,"code":"forbidden"},{"type":"error","reply_to":3,"code":"forbidden"},{"type":"error","reply_to":4,"code":"unsupported"},{"type":"error","reply_to":5,"code":"unsupported"},{"type":"error","reply_to":6,"code":"unknown_command"},{"type":"pong","reply_to":7}]
s: post /api/batch header="Authorization: Bearer $A" header="Idempotency-Key: order-0001" [{"type":"ping"}]
s: expect 400 {"code":"bad_request"}
# a key for some rooms
s: post /api/publish header="Authorization: Bearer $C" {"rooms":["lobby","shop.1","other"],"text":"x"}
s: expect 200 {"results":[{"type":"ok"},{"type":"ok"},{"type":"error","code":"forbidden","room":"other"}]}
s: post /api/ban header="Authorization: Bearer $C" {"user":"ann"}
s: expect 403 {"code":"forbidden"}
s: post /api/ban header="Authorization: Bearer $C" {"user":"ann","room":"lobby"}
s: expect 200 {"type":"ok","user":"ann"}
# without keys: whoever can connect
s: post /off/ban {"user":"carl"}
s: expect 200 {"type":"ok","user":"carl"}
# the audit room is for a scope of its own
s: post /api/history header="Authorization: Bearer $U" {"room":"~audit"}
s: expect 200 {"type":"history","events":[{"type":"audit","action":"kick","by":{"id":"~api:mod"},"target":"ann"},{"action":"ban","by":{"id":"~api:conf"}},{"action":"ban","by":{"id":"~api:off"},"target":"carl"}]}
s: post /api/history header="Authorization: Bearer $U" {"room":"lobby"}
s: expect 403 {"code":"forbidden"}
s: post /api/history header="Authorization: Bearer $H" {"room":"~audit"}
s: expect 403 {"code":"forbidden"}
s: post /api/publish header="Authorization: Bearer $A" {"room":"~audit","text":"x"}
s: expect 404 {"code":"not_found"}
call secrets



=== TEST 3: bodies
--- config
location ^~ /api/ { chat_api main key=$TEST_NGINX_API/keys.json; }
--- chat_config
--- chat
let A = <<"A" x 32>>
let H = <<"H" x 32>>
let M = <<"M" x 32>>
let P = <<"P" x 32>>
let R = <<"R" x 32>>
let W = <<"W" x 32>>
let D = <<"D" x 32>>
let U = <<"U" x 32>>
let C = <<"C" x 32>>
let S = <<"S" x 32>>
let X = <<"X" x 32>>
let m = <<"m" x 32>>
let z = <<"z" x 32>>
let big = <<"x" x 17000>>
let long = <<"x" x 5000>>
s: post /api/publish type=application/json header="Authorization: Bearer $A" "$big"
s: expect 413 {"code":"too_large"}
s: post /api/publish header="Authorization: Bearer $A" {"room":"lobby","text":"$long"}
s: expect 413 {"code":"too_large","field":"text"}
s: post /api/publish type=application/json header="Authorization: Bearer $A" []
s: expect 400 {"code":"bad_request"}
s: post /api/publish type=application/json header="Authorization: Bearer $A" "lobby"
s: expect 400 {"code":"bad_request"}
s: post /api/publish type=application/json header="Authorization: Bearer $A" {"room":"lobby","text":"x"
s: expect 400 {"code":"bad_request"}
s: post /api/publish type=application/json header="Authorization: Bearer $A" {"room":"lobby","text":"x"}{"room":"lobby"}
s: expect 400 {"code":"bad_request"}
s: post /api/publish type=application/json header="Authorization: Bearer $A" {,"room":"lobby","text":"x"}
s: expect 400 {"code":"bad_request"}
s: post /api/publish type=application/json header="Authorization: Bearer $A" { }
s: expect 400 {"code":"bad_request","field":"room"}
s: post /api/publish type=application/json header="Authorization: Bearer $A" {"room":"lobby","text":"x","data":[[[[[[[[[[[[1]]]]]]]]]]]]}
s: expect 400 {"code":"bad_request"}
# what the path says can't be said again
s: post /api/publish header="Authorization: Bearer $A" {"type":"ban","room":"lobby","text":"x"}
s: expect 400 {"code":"bad_request"}
s: post /api/publish header="Authorization: Bearer $A" {"id":7,"room":"lobby","text":"x"}
s: expect 400 {"code":"bad_request"}
s: post /api/publish header="Authorization: Bearer $A" {"room":"lobby","text":"x","text":"y"}
s: expect 400 {"code":"bad_request"}
s: post /api/publish header="Authorization: Bearer $A" {"room":7,"text":"x"}
s: expect 400 {"code":"bad_request","field":"room"}
s: post /api/history header="Authorization: Bearer $A" {"room":"lobby","limit":0}
s: expect 400 {"code":"bad_request","field":"limit"}
# what isn't known is ignored, as everywhere
s: post /api/publish header="Authorization: Bearer $A" {"room":"lobby","text":"x","later":[1],"user":{"id":"ann"}}
s: expect 200 {"type":"ok"}
s: post /api/history header="Authorization: Bearer $A" {"room":"lobby"}
s: expect 200 {"events":[{"text":"x","user":{"id":"~api:all"},"later":"<absent>"}]}
s: post /api/batch type=application/x-ndjson header="Authorization: Bearer $A" {"type":"ping","id":1}
s: expect 200 [{"type":"pong","reply_to":1}]
s: post /api/batch header="Authorization: Bearer $A" [{"type":"message","id":1,"room":"two","text":"1"},{"type":"message","id":2,"room":"three","text":"2"},7]
s: expect 200 [{"type":"ok","reply_to":1,"room":"two"},{"type":"ok","reply_to":2,"room":"three"},{"type":"error","code":"bad_request"}]



=== TEST 4: moderation, and sessions on another worker
--- config
location ^~ /api/ { chat_api main key=$TEST_NGINX_API/keys.json; }
--- chat_config
chat_user  $http_x_user trusted;
chat_role  owner user=own;
chat_allow  member  send  room=lobby;
--- chat
let A = <<"A" x 32>>
let H = <<"H" x 32>>
let M = <<"M" x 32>>
let P = <<"P" x 32>>
let R = <<"R" x 32>>
let W = <<"W" x 32>>
let D = <<"D" x 32>>
let U = <<"U" x 32>>
let C = <<"C" x 32>>
let S = <<"S" x 32>>
let X = <<"X" x 32>>
let m = <<"m" x 32>>
let z = <<"z" x 32>>
a: ws /chat/lobby header="X-User: ann"
a: recv {"type":"welcome","session":"$s=<string>"}
a: recv {"type":"joined"}
b: enter ws /chat/lobby header="X-User: bob" other=a
o: enter ws /chat/lobby header="X-User: own"
s: post /api/mute header="Authorization: Bearer $M" {"room":"lobby","user":"own","for_ms":60000}
s: expect 200 {"type":"ok","room":"lobby","user":"own","until":"<int>"}
o: ask {"type":"message","id":1,"room":"lobby","text":"x"} -> {"type":"error","code":"muted"}
s: post /api/unmute header="Authorization: Bearer $M" {"room":"lobby","user":"own"}
s: expect 200 {"type":"ok"}
s: post /api/unmute header="Authorization: Bearer $M" {"room":"lobby","user":"own"}
s: expect 404 {"code":"not_found"}
s: post /api/kick header="Authorization: Bearer $M" {"room":"lobby","user":"own"}
s: expect 200 {"type":"ok"}
o: recv {"type":"left","reason":"kicked"}
s: post /api/room header="Authorization: Bearer $R" {"room":"lobby","set":{"locked":true,"slow_ms":60000}}
s: expect 200 {"type":"ok","room":"lobby","state":{"locked":true,"slow_ms":60000}}
a: recv {"type":"room","state":{"locked":true},"by":{"id":"~api:room"}}
b: recv {"type":"room","state":{"locked":true}}
# the key is above that
s: post /api/publish header="Authorization: Bearer $P" {"room":"lobby","text":"1"}
s: expect 200 {"type":"ok"}
s: post /api/publish header="Authorization: Bearer $P" {"room":"lobby","text":"2"}
s: expect 200 {"type":"ok"}
a: until {"type":"message","text":"2"}
b: until {"type":"message","text":"2"}
a: ask {"type":"message","id":2,"room":"lobby","text":"x"} -> {"type":"error","code":"read_only"}
s: post /api/room header="Authorization: Bearer $R" {"room":"lobby"}
s: expect 200 {"type":"ok","state":{"locked":true}}
s: post /api/role header="Authorization: Bearer $D" {"room":"lobby","user":"ann","role":"owner"}
s: expect 200 {"type":"ok","role":"owner"}
a: recv {"type":"role","role":"owner","by":{"id":"~api:adm"}}
b: recv {"type":"role"}
# a key can't be banned by anybody
a: ask {"type":"ban","id":3,"room":"lobby","user":"~api:pub"} -> {"type":"ok","reply_to":3}
s: post /api/publish header="Authorization: Bearer $P" {"room":"lobby","text":"3"}
s: expect 200 {"type":"ok"}
a: recv {"type":"message","text":"3"}
b: recv {"type":"message","text":"3"}
s: post /api/ban header="Authorization: Bearer $M" {"room":"lobby","user":"bob","reason":"spam"}
s: expect 200 {"type":"ok","user":"bob"}
b: recv {"type":"left","reason":"banned"}
s: post /api/unban header="Authorization: Bearer $M" {"room":"lobby","user":"bob"}
s: expect 200 {"type":"ok"}
s: post /api/revoke header="Authorization: Bearer $D" {"session":"$s"}
s: expect 200 {"type":"ok"}
a: until {"type":"closing","code":4401}
a: closed 4401
s: post /api/kick header="Authorization: Bearer $M" {"user":"bob"}
s: expect 200 {"type":"ok"}
b: recv {"type":"closing","code":4503}
b: closed 4503
s: post /api/kick header="Authorization: Bearer $M" {"user":"a b"}
s: expect 400 {"code":"bad_request","field":"user"}
reload
s: post /api/unban header="Authorization: Bearer $M" {"user":"nobody"}
s: expect 404 {"code":"not_found"}



=== TEST 7: rooms, disconnect, export and erase
--- config
location ^~ /api/ { chat_api main key=$TEST_NGINX_API/keys.json; }
--- chat_config
chat_user  $http_x_user trusted;
--- chat
let A = <<"A" x 32>>
let H = <<"H" x 32>>
let M = <<"M" x 32>>
let P = <<"P" x 32>>
let R = <<"R" x 32>>
let W = <<"W" x 32>>
let D = <<"D" x 32>>
let U = <<"U" x 32>>
let C = <<"C" x 32>>
let S = <<"S" x 32>>
let X = <<"X" x 32>>
let m = <<"m" x 32>>
let z = <<"z" x 32>>
a: ws /chat/lobby header="X-User: ann"
a: recv {"type":"welcome","session":"$s=<string>"}
a: recv {"type":"joined"}
b: enter ws /chat/lobby header="X-User: bob" other=a
c: enter ws /chat/shop header="X-User: ann" other=a
60 * a: send {"type":"message","room":"lobby","text":"a$i"}
60 * a: recv {"type":"message","text":"a$i"}
b: until {"type":"message","text":"a60"}
b: ask {"type":"message","id":1,"room":"lobby","text":"b"} -> {"type":"ok"}
b: recv {"type":"message","text":"b"}
a: recv {"type":"message","text":"b"}
60 * c: send {"type":"message","room":"shop","text":"c$i"}
60 * c: recv {"type":"message","text":"c$i"}
# pages of rooms
s: post /api/rooms header="Authorization: Bearer $R" {}
s: expect 200 {"type":"rooms","rooms":[{"room":"lobby","head":61,"first":1,"members":2,"epoch":"<string>"},{"room":"shop","head":60,"members":1}],"next":"<absent>"}
s: post /api/rooms header="Authorization: Bearer $R" {"limit":1}
s: expect 200 {"rooms":[{"room":"lobby"}],"next":"$n=<string>"}
s: post /api/rooms header="Authorization: Bearer $R" {"limit":1,"next":"$n"}
s: expect 200 {"rooms":[{"room":"shop"}]}
s: post /api/rooms header="Authorization: Bearer $C" {}
s: expect 200 {"rooms":[{"room":"lobby"}]}
s: post /api/rooms header="Authorization: Bearer $R" {"next":"1e9"}
s: expect 400 {"code":"bad_request"}
s: post /api/rooms header="Authorization: Bearer $P" {}
s: expect 403 {"code":"forbidden"}
a: ask {"type":"rooms","id":2} -> {"type":"rooms","reply_to":2,"rooms":[]}
a: ask {"type":"export","id":2,"user":"bob"} -> {"type":"error","reply_to":2,"code":"unknown_command"}
a: ask {"type":"erase","id":3,"user":"bob"} -> {"type":"error","reply_to":3,"code":"unknown_command"}
# what somebody has written
s: post /api/export header="Authorization: Bearer $X" {"user":"bob"}
s: expect 200 {"type":"export","user":"bob","events":[{"text":"b","user":{"id":"bob"}}],"reply_to":"<absent>","next":"<absent>"}
s: post /api/export header="Authorization: Bearer $X" {"user":"ann"}
s: expect 200 {"type":"export","events":"<< @$_ == 120 && !grep({ $_->{user}{id} ne 'ann' } @$_) >>","next":"<absent>"}
s: post /api/export header="Authorization: Bearer $D" {"user":"ann"}
s: expect 403 {"code":"forbidden"}
s: post /api/export header="Authorization: Bearer $C" {"user":"ann"}
s: expect 403 {"code":"forbidden"}
s: post /api/export header="Authorization: Bearer $X" {"user":"ann","next":"x"}
s: expect 400 {"code":"bad_request"}
s: post /api/export header="Authorization: Bearer $X" {"user":"ann","next":"0:zzzzzzzzzz-5"}
s: expect 200 {"events":"<< @$_ == 120 >>"}
s: post /api/export header="Authorization: Bearer $X" {"user":"ann","next":"1000000"}
s: expect 200 {"events":[],"next":"<absent>"}
# until there is no next
s: post /api/erase header="Authorization: Bearer $X" {"user":"ann"}
s: expect 200 {"type":"erase","user":"ann","erased":120,"next":"$n=<string>"}
s: post /api/erase header="Authorization: Bearer $X" {"user":"ann","next":"$n"}
s: expect 200 {"type":"erase","erased":0,"next":"<absent>"}
a: until {"type":"delete","user":{"id":"~api:usr"}}
b: until {"type":"delete","user":{"id":"~api:usr"}}
s: post /api/export header="Authorization: Bearer $X" {"user":"ann"}
s: expect 200 {"events":[],"next":"<absent>"}
h: get /chat/lobby header="X-User: bob"
h: expect 200 {"events":"<< !grep({ exists $_->{text} && $_->{text} =~ /^a/ } @$_) && grep({ ($_->{text} // '') eq 'b' } @$_) >>"}
s: post /api/history header="Authorization: Bearer $U" {"room":"~audit"}
s: expect 200 {"events":"<< grep({ $_->{action} eq 'erase' && $_->{target} eq 'ann' && $_->{by}{id} eq '~api:usr' } @$_) == 1 >>"}
# sessions, by id and by user, on any worker
s: post /api/disconnect header="Authorization: Bearer $S" {"session":"$s"}
s: expect 200 {"type":"ok","session":"$s"}
a: until {"type":"closing","code":4503}
a: closed 4503
c: send {"type":"ping","id":9}
c: until {"type":"pong"}
s: post /api/disconnect header="Authorization: Bearer $S" {"user":"bob"}
s: expect 200 {"type":"ok","user":"bob"}
b: until {"type":"closing","code":4503}
b: closed 4503
s: post /api/disconnect header="Authorization: Bearer $M" {"user":"bob"}
s: expect 403 {"code":"forbidden"}
s: post /api/disconnect header="Authorization: Bearer $S" {"user":"bob","session":"$s"}
s: expect 400 {"code":"bad_request","field":"session"}
b: enter ws /chat/lobby header="X-User: bob"



=== TEST 5: keys that change are read again, by each worker
--- config
location ^~ /one/ { chat_api main key=$TEST_NGINX_API/one.json; }
--- chat_config
--- chat
let A = <<"A" x 32>>
let H = <<"H" x 32>>
let M = <<"M" x 32>>
let P = <<"P" x 32>>
let R = <<"R" x 32>>
let W = <<"W" x 32>>
let D = <<"D" x 32>>
let U = <<"U" x 32>>
let C = <<"C" x 32>>
let S = <<"S" x 32>>
let X = <<"X" x 32>>
let m = <<"m" x 32>>
let z = <<"z" x 32>>
call answered 200 1
call answered 401 2
call replaced 2
call answered 200 2
call answered 401 1
log /the keys of "chat_api" in ".*one.json" were read again/
call spoiled
call complains 200 2 have changed and can't be used, those of before are kept: it is no JSON object
call replaced 1
call answered 200 1
reload
call answered 200 1
call answered 401 2



=== TEST 6: the directive
--- chat
let dir = <<main::dir()>>
accepted server location ^~ /a/ { chat_api main key=$dir/keys.json; }
accepted server location ^~ /a/ { chat_api main key=off; }
accepted server location ^~ /a/ { chat_api main key=$dir/keys.json; limit_except POST { deny all; } }
refused server location ^~ /a/ { chat_api main; } => invalid number of arguments
refused server location ^~ /a/ { chat_api main keys=x; } => write key=FILE, a file with keys and their scopes
refused server location ^~ /a/ { chat_api main key=; } => write key=FILE
refused server location ^~ /a/ { chat_api main key=off key=$dir/keys.json; } => it can't be beside files
refused server location ^~ /a/ { chat_api main key=$dir/keys.json key=off; } => it can't be beside files
refused server location ^~ /a/ { chat_api main key=off; chat_api main key=off; } => "chat_api" directive is duplicate
refused server location ^~ /a/ { chat_api main key=off; chat main; chat_guest on; } => can't be beside "chat_api" in one location
refused server location ^~ /a/ { chat main; chat_guest on; chat_api main key=off; } => can't be beside "chat" in one location
refused server location ^~ /a/ { chat_api main key=off; chat_status main; } => can't be beside "chat_api" in one location
refused server location ^~ /a/ { chat_status main; chat_api main key=off; } => can't be beside "chat_status" in one location
refused server location /a { chat_api main key=off; } => can't take commands from the rest of the path: write "location ^~ /chat-api/"
refused server location = /a/ { chat_api main key=off; } => can't take commands from the rest of the path
refused server location ~ /a/ { chat_api main key=off; } => can't take commands from the rest of the path
refused server location ^~ /a/ { chat_api other key=off; } => "chat_api" names the chat zone "other" that nobody defines
refused server location ^~ /a/ { chat_api main key=$dir/nothing; } => /"chat_api" can't use the keys in ".*nothing": it can't be read/
refused server location ^~ /a/ { chat_api main key=$dir/bad-no-json; } => it is no JSON object
refused server location ^~ /a/ { chat_api main key=$dir/bad-array; } => it is no JSON object
refused server location ^~ /a/ { chat_api main key=$dir/bad-none; } => it has no keys
refused server location ^~ /a/ { chat_api main key=$dir/bad-no-keys; } => it has no array "keys"
refused server location ^~ /a/ { chat_api main key=$dir/bad-string; } => a key is no object
refused server location ^~ /a/ { chat_api main key=$dir/bad-short; } => a "key" is 32 to 256 characters of ASCII without spaces
refused server location ^~ /a/ { chat_api main key=$dir/bad-space; } => a "key" is 32 to 256 characters
refused server location ^~ /a/ { chat_api main key=$dir/bad-scope; } => "scopes" is an array of some of
refused server location ^~ /a/ { chat_api main key=$dir/bad-no-scope; } => a key needs "name", "key" and "scopes"
refused server location ^~ /a/ { chat_api main key=$dir/bad-empty-scope; } => "scopes" is an array of some of
refused server location ^~ /a/ { chat_api main key=$dir/bad-name; } => the name of a key is 1 to 32 letters
refused server location ^~ /a/ { chat_api main key=$dir/bad-unknown; } => a key has a member that is none of
refused server location ^~ /a/ { chat_api main key=$dir/bad-rooms; } => "rooms" is an array of at most 64
refused server location ^~ /a/ { chat_api main key=$dir/bad-twice; } => two of its keys are the same
refused server location ^~ /a/ { chat_api main key=$dir/bad-many; } => it has more than 64 keys
