#!/usr/bin/perl

# chat_role and chat_allow: who may do what.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Socket::INET;
use ChatTest::Jwt;
use ChatTest;

my @ROLES = qw(guest member moderator owner);

run_tests();


# the table of docs/directives.md: what it says is what happens, and what is
# given to moderators is theirs and the owners'

sub table {
    my ($nginx) = @_;
    my ($cells, %seen) = (0);

    open my $docs, '<', "$FindBin::Bin/../docs/directives.md" or die $!;

    while (<$docs>) {
        my ($action, @may) = /^\| `(connect|join|read|send|history)` \|/
            ? /^\| `(\w+)` \| (yes|no) \| (yes|no) \| (yes|no) \| (yes|no) \|/
            : next;

        next if !defined $action;

        for my $n (0 .. $#ROLES) {
            probe($nginx, 'all', $action, $ROLES[$n], $may[$n] eq 'yes');
            probe($nginx, $action, $action, $ROLES[$n], $n >= 2);
            $cells++;
        }

        $seen{$action} = 1;
    }

    my $actions = join ' ', sort keys %seen;

    die "actions in the table: $actions\n"
        if $actions ne 'connect history join read send';
    die "cells: $cells\n" if $cells != 20;
}


# what the table gives to a role, in its order; who has joined may join and read

sub allowed {
    my $n = shift;
    my @can;

    open my $docs, '<', "$FindBin::Bin/../docs/directives.md" or die $!;

    while (<$docs>) {
        my ($action, @may) =
            /^\| `([\w-]+)` \| (yes|no) \| (yes|no) \| (yes|no) \| (yes|no) \|/
            or next;

        push @can, $action
            if $may[$n] eq 'yes' && $action !~ /^(?:connect|join|read)$/;
    }

    return "@can";
}


sub probe {
    my ($nginx, $location, $action, $role, $allowed) = @_;
    my $base = ($role eq 'guest' ? '/g-' : '/u-') . $location;
    my $roles = $role =~ /guest|member/ ? '' : $role;

    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => $nginx->port, Timeout => 5) or die "connect: $!";

    my ($method, $headers, $body) = ('GET', '', '');

    if ($action eq 'send') {
        ($method, $body) = ('POST', '{"text":"x"}');
        $headers = "Content-Type: application/json\r\nContent-Length: "
            . length($body) . "\r\n";
    } elsif ($action =~ /join|read/) {
        $headers = "Accept: text/event-stream\r\n";
    }

    print {$socket} "$method $base/made?user=ann&roles=$roles HTTP/1.1\r\n"
        . "Host: localhost\r\nConnection: close\r\n$headers\r\n$body";

    my $line = <$socket> // '';
    my ($status) = $line =~ /^HTTP\/1.1 (\d+)/;

    die "$role, $action in $base: $line"
        if !defined $status || ($status != 403) != $allowed;
}


__DATA__

=== TEST 1: what nginx -t says
--- chat
accepted chat chat_allow guest join read history; chat_allow member send; chat_allow vip send room=vip-*; chat_allow owner connect;
accepted chat chat_role moderator user=ann user=bob; chat_role vip user=carl; chat_role $remote_user;
accepted chat chat_role $arg_roles trusted;
refused chat chat_allow guest; => invalid number of arguments in "chat_allow" directive
refused chat chat_allow guest fly; => invalid parameter "fly" of "chat_allow": known are connect, join, read, send, history, signal, edit-own,
refused chat chat_allow guest room=x; => "chat_allow" directive needs an action, one of connect, join, read, send, history, signal,
refused chat chat_allow guest send room=x room=y; => invalid parameter "room=y" of "chat_allow": known are
refused chat chat_allow guest connect room=x; => "chat_allow" directive has "connect" with "room=": who connects is in no room yet, write two lines
refused chat chat_allow "a role" send; => invalid parameter "a role" of "chat_allow": write the name of a role, guest, member, moderator, owner or one of your own
refused chat chat_role moderator; => "chat_role" directive needs users: add "user=ID", or write a variable
refused chat chat_role moderator ann; => invalid parameter "ann" of "chat_role": write "user=ID" with the id of a user who is no guest
refused chat chat_role moderator user=~gabc; => invalid parameter "user=~gabc" of "chat_role": write "user=ID"
refused chat chat_role "a role" user=ann; => invalid parameter "a role" of "chat_role": write the name of a role, or a variable whose value has names of roles
refused chat chat_role $arg_roles; => invalid parameter "$arg_roles" of "chat_role": clients choose this value and so their roles: use a variable that an access module sets, or add "trusted" if a proxy in front overwrites it
refused chat chat_role $remote_user user=ann; => invalid parameter "user=ann" of "chat_role": known is "trusted" behind a variable



=== TEST 2: the table of the documentation
--- chat_http
chat_zone  zone=main:8m;
chat_role  $arg_roles trusted;
--- config
location ^~ /u-all/     { chat main; chat_user $arg_user trusted; }
location ^~ /u-connect/ { chat main; chat_user $arg_user trusted; chat_allow moderator connect; }
location ^~ /u-join/    { chat main; chat_user $arg_user trusted; chat_allow moderator join; }
location ^~ /u-read/    { chat main; chat_user $arg_user trusted; chat_allow moderator read; }
location ^~ /u-send/    { chat main; chat_user $arg_user trusted; chat_allow moderator send; }
location ^~ /u-history/ { chat main; chat_user $arg_user trusted; chat_allow moderator history; }
location ^~ /g-all/     { chat main; chat_guest on; }
location ^~ /g-connect/ { chat main; chat_guest on; chat_allow moderator connect; }
location ^~ /g-join/    { chat main; chat_guest on; chat_allow moderator join; }
location ^~ /g-read/    { chat main; chat_guest on; chat_allow moderator read; }
location ^~ /g-send/    { chat main; chat_guest on; chat_allow moderator send; }
location ^~ /g-history/ { chat main; chat_guest on; chat_allow moderator history; }
--- chat
p: post /g-all/made {"text":"x"}
p: expect 201
call table



=== TEST 3: roles by name, rooms by pattern
--- chat_config
chat_user   $arg_user trusted;
chat_role   vip user=carl;
chat_role   moderator user=ann user=dora;
chat_allow  vip read join send room=vip-*;
chat_allow  owner read room=vip-*;
chat_allow  moderator send room=news;
chat_allow  member read send;
--- chat
a: enter ws /chat/news?user=ann
b: enter ws /chat/news?user=bob other=a
a: ask {"type":"message","id":1,"room":"news","text":"1"} -> {"type":"ok"}
a: recv {"text":"1"}
b: recv {"text":"1"}
b: ask {"type":"message","id":2,"room":"news","text":"2"} -> {"type":"error","reply_to":2,"code":"forbidden","room":"news","temporary":false}
p: post /chat/news?user=bob {"text":"3"}
p: expect 403 {"code":"forbidden"}
p: post /chat/?user=bob [{"type":"message","id":4,"room":"news","text":"4"},{"type":"message","id":5,"room":"other","text":"5"}]
p: expect 200 [{"type":"error","reply_to":4,"code":"forbidden"},{"type":"ok","reply_to":5}]
p: post /chat/news?user=dora {"text":"6"}
p: expect 201
a: recv {"text":"6"}
# a rank is of no use where the first pattern names a role without one
a: ask {"type":"join","id":7,"room":"vip-a"} -> {"type":"error","reply_to":7,"code":"forbidden"}
c: enter ws /chat/vip-a?user=carl
c: ask {"type":"message","id":1,"room":"vip-a","text":"v"} -> {"type":"ok"}
# there or not: who may not read gets one answer
b: send {"type":"join","id":8,"rooms":[{"room":"vip-a"},{"room":"vip-b"},{"room":"open"}]}
b: until {"type":"ok","reply_to":8,"failed":[{"room":"vip-a","code":"forbidden"},{"room":"vip-b","code":"forbidden"}]}
b: ask {"type":"history","id":9,"room":"vip-a"} -> {"type":"error","reply_to":9,"code":"forbidden"}
b: ask {"type":"history","id":10,"room":"vip-b"} -> {"type":"error","reply_to":10,"code":"forbidden"}
p: get /chat/vip-a?user=bob
p: expect 403
p: get /chat/vip-b?user=bob
p: expect 403
p: post /chat/vip-a?user=bob {"text":"x"}
p: expect 403
p: post /chat/vip-b?user=bob {"text":"x"}
p: expect 403



=== TEST 4: who may not connect hears it after the handshake
--- chat_config
chat_guest  on;
chat_allow  member connect;
--- chat
a: ws /chat/lobby
a: recv {"type":"closing","code":1008,"reason":"forbidden","reconnect":false}
a: closed 1008 forbidden
s: sse /chat/lobby status=403
p: post /chat/ [{"type":"ping"}]
p: expect 403 {"code":"forbidden"}



=== TEST 5: entering without history has no page
--- chat_config
chat_guest  on;
chat_allow  member history;
--- chat
p: post /chat/lobby {"text":"1"}
p: expect 201
a: ws /chat/
a: recv {"type":"welcome"}
a: ask {"type":"join","id":1,"room":"lobby","last":10} -> {"type":"joined","head":1,"page":"<absent>"}
a: ask {"type":"history","id":2,"room":"lobby"} -> {"type":"error","reply_to":2,"code":"forbidden"}



=== TEST 6: raw rooms
--- chat_config
chat_format  raw;
chat_user    $arg_user trusted;
chat_role    moderator user=ann;
chat_allow   moderator send;
--- chat
a: ws /chat/r?user=ann
b: ws /chat/r?user=bob
a: send one
a: recv "one"
b: recv "one"
b: send two
b: closed 1008 forbidden
p: post /chat/r?user=bob type=text/plain three
p: expect 403



=== TEST 7: the roles of a token, also of one that comes later
--- chat_config
chat_jwt_key  $TEST_NGINX_KEYS/HS256.key  alg=HS256;
chat_guest    on;
chat_allow    moderator send room=news;
chat_allow    staff read room=staff-*;
--- chat
let m = <<main::hs({ sub => 'ann', exp => main::in(600), roles => ['moderator', 'staff'] })>>
let n = <<main::hs({ sub => 'ann', exp => main::in(600) })>>
a: enter ws /chat/news header="Authorization: Bearer $m"
a: ask {"type":"message","id":1,"room":"news","text":"1"} -> {"type":"ok"}
a: recv {"text":"1"}
a: ask {"type":"join","id":2,"room":"staff-1"} -> {"type":"joined"}
# a guest, who becomes somebody without roles, then with
b: enter ws /chat/news
b: ask {"type":"message","id":1,"room":"news","text":"2"} -> {"type":"error","code":"forbidden"}
b: send {"type":"auth","id":2,"token":"$n"}
b: recv {"type":"welcome","reply_to":2,"user":{"id":"ann"}}
b: ask {"type":"message","id":3,"room":"news","text":"3"} -> {"type":"error","code":"forbidden"}
b: ask {"type":"join","id":4,"room":"staff-1"} -> {"type":"error","code":"forbidden"}
b: ask {"type":"auth","id":5,"token":"$m"} -> {"type":"ok","reply_to":5}
b: ask {"type":"message","id":6,"room":"news","text":"4"} -> {"type":"ok","reply_to":6}
b: recv {"text":"4"}
# who loses a role loses its rooms
a: recv {"text":"4"}
a: send {"type":"auth","id":7,"token":"$n"}
a: unordered [{"type":"ok","reply_to":7},{"type":"left","room":"staff-1","reason":"revoked"}]
a: ask {"type":"message","id":8,"room":"news","text":"5"} -> {"type":"error","code":"forbidden"}
p: post /chat/news header="Authorization: Bearer $n" {"text":"6"}
p: expect 403
p: post /chat/ [{"type":"hello","token":"$n"},{"type":"message","id":1,"room":"news","text":"7"}]
p: expect 200 [{"type":"error","reply_to":1,"code":"forbidden"}]



=== TEST 8: who may connect is asked of the token that comes later
--- chat_config
chat_jwt_key  $TEST_NGINX_KEYS/HS256.key  alg=HS256;
chat_allow    moderator connect;
--- chat
let m = <<main::hs({ sub => 'ann', exp => main::in(600), roles => ['moderator'] })>>
let n = <<main::hs({ sub => 'bob', exp => main::in(600) })>>
a: ws /chat/
a: send {"type":"hello","id":1,"token":"$n"}
a: until {"type":"error","reply_to":1,"code":"forbidden"}
a: until {"type":"closing","code":1008,"reason":"forbidden"}
a: closed 1008 forbidden
b: ws /chat/
b: send {"type":"hello","id":1,"token":"$m"}
b: until {"type":"welcome","user":{"id":"ann"}}
c: ws /chat/lobby header="Authorization: Bearer $n"
c: recv {"type":"closing","code":1008}
c: closed 1008 forbidden



=== TEST 9: roles beside those of tokens, also of one that comes later
--- chat_config
chat_jwt_key  $TEST_NGINX_KEYS/HS256.key  alg=HS256;
chat_role     owner user=ann;
--- chat
refused chat chat_jwt_key $TEST_NGINX_KEYS/HS256.key alg=HS256; chat_role $remote_user; => "chat_role" with a variable in location "/chat/" can't be beside "chat_jwt_key" or "chat_jwt_jwks": put roles into the tokens, or write "chat_role ROLE user=ID"
let n = <<main::hs({ sub => 'ann', exp => main::in(600), roles => ['x'] })>>
let b = <<main::hs({ sub => 'bob', exp => main::in(600), roles => ['moderator'] })>>
a: ws /chat/lobby header="Authorization: Bearer $n"
a: recv {"type":"welcome"}
a: recv {"type":"joined","role":"owner"}
c: ws /chat/
c: send {"type":"auth","id":1,"token":"$n"}
c: recv {"type":"welcome"}
c: ask {"type":"join","id":2,"room":"lobby"} -> {"type":"joined","role":"owner"}
b: ws /chat/lobby header="Authorization: Bearer $b"
b: recv {"type":"welcome"}
b: recv {"type":"joined","role":"moderator"}
# who isn't here any more is known by his rank
a: close
c: close
b: ask {"type":"kick","id":1,"room":"lobby","user":"ann"} -> {"type":"error","code":"forbidden"}
b: ask {"type":"kick","id":2,"room":"lobby","user":"carl"} -> {"type":"ok"}



=== TEST 10: the table of the documentation, as joined tells it
--- chat_http
chat_zone  zone=main:8m;
chat_role  $arg_roles trusted;
--- config
location ^~ /u-all/ { chat main; chat_user $arg_user trusted; }
location ^~ /g-all/ { chat main; chat_guest on; }
--- chat
let g = <<main::allowed(0)>>
let m = <<main::allowed(1)>>
let d = <<main::allowed(2)>>
let o = <<main::allowed(3)>>
a: ws /g-all/lobby
a: recv {"type":"welcome"}
a: recv {"type":"joined","role":"guest","can":"<< join(' ', @$_) eq '$g' >>"}
b: ws /u-all/lobby?user=bob&roles=
b: recv {"type":"welcome"}
b: recv {"type":"joined","role":"member","can":"<< join(' ', @$_) eq '$m' >>"}
c: ws /u-all/lobby?user=carl&roles=moderator
c: recv {"type":"welcome"}
c: recv {"type":"joined","role":"moderator","can":"<< join(' ', @$_) eq '$d' >>"}
d: ws /u-all/lobby?user=dora&roles=owner
d: recv {"type":"welcome"}
d: recv {"type":"joined","role":"owner","can":"<< join(' ', @$_) eq '$o' >>"}
