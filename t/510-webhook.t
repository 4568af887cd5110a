#!/usr/bin/perl

# Webhooks: what is told, how it is signed, and what becomes of it when the
# receiver or the worker that sends is gone.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest::Hook;
use ChatTest;

use File::Copy qw(copy move);
use HTTP::Tiny;


# told TYPE FIELD=VALUE...: such an event comes to be accepted

sub told {
    my ($nginx, $type, @fields) = @_;

    $nginx->until_true(60, "no $type @fields", sub { find($type, @fields) });
}


sub untold {
    my ($nginx, $type, @fields) = @_;

    die "there is a $type @fields\n" if find($type, @fields);
}


sub find {
    my ($type, @fields) = @_;

  EVENT:
    for my $e (hook_events()) {
        next if $e->{type} ne $type;

        for (@fields) {
            my ($path, $want) = split /=/, $_, 2;
            my $value = $e->{data};

            for my $step (split /\./, $path) {
                $value = ref $value eq 'ARRAY' ? $value->[$step]
                                               : $value->{$step};
            }

            next EVENT if ($value // '') ne $want;
        }

        return $e;
    }

    return;
}


# signed KEY...: the last request is, by these keys and no other

sub signed {
    my ($nginx, @keys) = @_;

    my $post = (hook_posts())[-1];

    die "no signature of $_\n" for grep { !hook_signed($post, $_) } @keys;
    die "$post->{signature}\n"
        if split(/ /, $post->{signature}) != @keys;
    die "the time $post->{timestamp}\n"
        if abs($post->{timestamp} - $post->{at}) > 60;
}


sub key {
    my ($nginx, $from) = @_;

    copy(hook_dir() . "/$from.key", hook_dir() . '/next') or die "$!\n";
    chmod 0644, hook_dir() . '/next';
    move(hook_dir() . '/next', hook_dir() . '/used.key') or die "$!\n";
}


# ordered N: N messages have come, those of each room in order, each of them
# once if their ids are believed

sub ordered {
    my ($nginx, $n) = @_;

    my (%seen, %last);

    $nginx->until_true(90, "not $n messages", sub {
        my %ids = map { $_->{id} => 1 } grep { $_->{type} eq 'message' }
                  hook_events();
        return keys %ids >= $n;
    });

    for my $e (grep { $_->{type} eq 'message' } hook_events()) {
        next if $seen{ $e->{id} }++;

        my $room = $e->{data}{room};
        my ($offset) = $e->{data}{id} =~ /-(\d+)$/;

        die "$room: $offset after $last{$room}\n"
            if defined $last{$room} && $offset != $last{$room} + 1;
        $last{$room} = $offset;
    }

    die keys(%seen) . " messages\n" if keys %seen != $n;
}


# posts N: so many requests have come, or more

sub posts {
    my ($nginx, $n) = @_;

    $nginx->until_true(60, "not $n requests", sub {
        my @posts = hook_posts();
        return @posts >= $n;
    });
}


# the keys are read again, at most once a second, when something is sent

sub spoiled {
    my $nginx = shift;

    my $url = 'http://127.0.0.1:' . $nginx->port . '/chat/lobby?user=ann';

    $nginx->until_true(60, 'the bad keys were not read', sub {
        HTTP::Tiny->new(timeout => 10)->post($url, {
            headers => { 'Content-Type' => 'application/json' },
            content => '{"text":"again"}'
        });

        return $nginx->log =~ /used.key" have changed and can't be used/;
    }, 0.2);
}


# one of them sends, whichever

sub kill_workers {
    my $nginx = shift;

    $nginx->kill9($_, 15) for $nginx->serving;
}


key(undef, 'one');
run_tests();

__DATA__

=== TEST 1: what nginx -t says
--- chat_config
chat_guest  on;
--- chat
let k = "key=$TEST_NGINX_HOOKS/one.key"
accepted http chat_webhook main http://unix:/tmp/s:/hooks $k;
accepted http chat_webhook main http://127.0.0.1:9000/ $k events=message,join rooms=shop.*,a batch=1 timeout=1s queue=2m grace=1s;
accepted http chat_webhook main http://127.0.0.1:9000/ $k events=*; | http chat_webhook main http://127.0.0.1:9001/ key=$TEST_NGINX_HOOKS/both.key;
refused http chat_webhook main; => invalid number of arguments
refused http chat_webhook main http://127.0.0.1:9000/ events=join; => "chat_webhook" needs to sign what it sends: write "key=FILE"
refused http chat_webhook main https://127.0.0.1/ $k; => "chat_webhook" can't send to "https://127.0.0.1/": it doesn't begin with "http://"
refused http chat_webhook main http://127.0.0.1:9000/ $k events=nothing; => known are message, edit, delete, react, message.missed,
refused http chat_webhook main http://127.0.0.1:9000/ $k batch=0; => write a number of events, 1 to 1000
refused http chat_webhook main http://127.0.0.1:9000/ $k queue=1k; => write a size of 256k to 1024m
refused http chat_webhook main http://127.0.0.1:9000/ $k timeout=1ms; => write a time of 100ms to 60s
refused http chat_webhook main http://127.0.0.1:9000/ $k rooms=a,,b; => write at most 64 names of rooms
refused http chat_webhook main http://127.0.0.1:9000/ $k $k; => write it once
refused http chat_webhook main http://127.0.0.1:9000/ $k more=1; => known are key=, events=
refused http chat_webhook main http://127.0.0.1:9000/ key=$TEST_NGINX_HOOKS/bad.key; => a key is a line "whsec_"
refused http chat_webhook main http://127.0.0.1:9000/ key=$TEST_NGINX_HOOKS/none.key; => can't use the keys in
refused http chat_webhook main http://127.0.0.1:9000/ $k; | http chat_webhook main http://127.0.0.1:9000/ $k; => this zone has a webhook there
refused http chat_webhook main http://127.0.0.1:9000/ $k queue=1m; | http chat_webhook main http://127.0.0.1:9001/ $k queue=1m; => it is for all webhooks of the zone
refused http chat_redis main redis://127.0.0.1; | http chat_webhook main http://127.0.0.1:9000/ $k events=message.missed; => "message.missed" of "chat_webhook" can't be told of



=== TEST 2: each kind of event, signed
--- chat_http
chat_zone     zone=main:8m;
chat_webhook  main  http://unix:$TEST_NGINX_HOOKS/hook.sock:/in?a=b  key=$TEST_NGINX_HOOKS/one.key
              events=*  rooms=lobby,~d.*  grace=100ms;
--- chat_config
chat_user            $arg_user trusted;
chat_presence_grace  0;
--- chat
call hook new
a: enter ws /chat/lobby?user=ann
call told connect user.id=ann
call told occupied room=lobby
call told join room=lobby user.id=ann members=1
call signed one
b: enter ws /chat/lobby?user=bob other=a
call told join user.id=bob members=2
a: send {"type":"message","room":"lobby","id":1,"text":"h\u00e9","mentions":["bob","carl","ann"]}
a: until {"type":"ok","id":"$m=<id>"}
call told message id=$m user.id=ann
check << main::find("message")->{data}{text} eq "h\x{e9}" >>
call told message.missed users.0.id=carl users.1= message.id=$m
a: send {"type":"edit","room":"lobby","target":"$m","id":2,"text":"new"}
a: until {"type":"ok","reply_to":2}
call told edit target=$m text=new
a: send {"type":"react","room":"lobby","target":"$m","id":3,"emoji":"\ud83d\udc4d","on":true}
a: until {"type":"ok","reply_to":3}
call told react target=$m
a: send {"type":"delete","room":"lobby","target":"$m","id":4}
a: until {"type":"ok","reply_to":4}
call told delete target=$m
p: post /chat/other?user=ann {"text":"of another room"}
p: expect 201
# of two users only one is there; who is unknown has a key, who was here an id
a: send {"type":"direct","id":5,"to":"zoe"}
a: until {"type":"ok","reply_to":5,"room":"$d=<string>"}
p: post /chat/$d?user=ann {"text":"to who was never here"}
p: expect 201
call told message.missed message.room=$d users.0.id=
b: drop
call told leave user.id=bob members=1
call told disconnect user.id=bob
a: send {"type":"direct","id":6,"to":"bob"}
a: until {"type":"ok","reply_to":6,"room":"$e=<string>"}
p: post /chat/$e?user=ann {"text":"to who has gone"}
p: expect 201
call told message.missed message.room=$e users.0.id=bob
a: drop
call told vacated room=lobby
call told disconnect user.id=ann
call untold message room=other
await /chat-status {"webhook_events_total":"<< $_ >= 16 >>","webhook_waiting":0,"webhook_lost_total":0}



=== TEST 3: rotation, a receiver that is down, refuses, and asks to wait
--- chat_http
chat_zone     zone=main:8m;
chat_webhook  main  http://unix:$TEST_NGINX_HOOKS/hook.sock:/in  key=$TEST_NGINX_HOOKS/used.key  batch=3;
--- chat_config
chat_user     $arg_user trusted;
--- chat
call key one
call hook new
call hook down
5 * a: post /chat/lobby?user=ann {"text":"$i"}
log /chat webhook "http:.*" is not accepted \(connecting failed/
await /chat-status {"webhook_waiting":5,"webhook_failures_total":"<< $_ >= 1 >>"}
call key both
call hook 503:1
call posts 1
a: post /chat/lobby?user=ann {"text":"6"}
call hook 200
call ordered 6
log /chat webhook "http:.*" is accepted again/
log /the keys of "chat_webhook" in ".*used.key" were read again/
call signed two one
check << (grep { $_->{status} == 503 } main::hook_posts())[0]{id} eq (grep { $_->{status} == 200 } main::hook_posts())[0]{id} >>
check << !grep { @{ JSON::PP::decode_json($_->{body})->{data} } > 3 } main::hook_posts() >>
call key bad
call spoiled
call signed two one
call key one



=== TEST 4: order under load; a slow receiver delays nobody; reload, and the death of whoever sends
--- chat_http
chat_zone     zone=main:8m;
chat_webhook  main  http://unix:$TEST_NGINX_HOOKS/hook.sock:/in  key=$TEST_NGINX_HOOKS/one.key  events=message,leave;
--- chat_config
chat_user     $arg_user trusted;
chat_drain    200ms;
--- chat
call hook new
call hook slow
a: enter ws /chat/r1?user=ann
b: enter ws /chat/r2?user=bob other=a
a: pump 200 {"type":"message","room":"r1","text":"$i"}
b: pump 200 {"type":"message","room":"r2","text":"$i"}
call hook 200
call kill_workers
a: end
b: end
reload
c: enter ws /chat/r1?user=carl
c: pump 100 {"type":"message","room":"r1","text":"$i"}
call kill_workers
c: end
call ordered 500
call told leave room=r1 user.id=carl



=== TEST 5: a queue that is full loses the oldest; 410 until a reload
--- chat_http
chat_zone     zone=main:8m;
chat_webhook  main  http://unix:$TEST_NGINX_HOOKS/hook.sock:/in  key=$TEST_NGINX_HOOKS/one.key  queue=256k;
--- chat_config
chat_user     $arg_user trusted;
chat_drain    200ms;
--- chat
call hook new
call hook down
a: enter ws /chat/lobby?user=ann
let x = << 'x' x 4000 >>
a: pump 100 {"type":"message","room":"lobby","text":"$x"}
call hook 200
log /chat webhook "http:.*" has lost \d+ events, the queue was full/
a: send {"type":"message","room":"lobby","text":"last"}
call told message text=last
await /chat-status {"webhook_lost_total":"<< $_ > 20 && $_ < 60 >>","webhook_waiting":0}
call hook 410
a: send {"type":"message","room":"lobby","text":"gone"}
log /chat webhook "http:.*" is gone \(410\), it is told nothing until nginx is reloaded/
call hook new
a: send {"type":"message","room":"lobby","text":"unheard"}
reload
a: end anyhow
b: post /chat/lobby?user=bob {"text":"heard"}
call told message text=heard
call untold message text=unheard



=== TEST 6: a reload with another queue takes over what waits
--- chat_http
chat_zone     zone=main:8m;
chat_webhook  main  http://unix:$TEST_NGINX_HOOKS/hook.sock:/in  key=$TEST_NGINX_HOOKS/one.key  queue=256k;
--- chat_config
chat_user     $arg_user trusted;
--- chat
call hook new
call hook down
a: post /chat/lobby?user=ann {"text":"before"}
a: expect 201
edit s/queue=256k/queue=1m/
reload
b: post /chat/lobby?user=ann {"text":"after"}
b: expect 201
call hook 200
call ordered 2



=== TEST 7: what is accepted is accepted, whatever the answer has behind 200
--- chat_http
chat_zone     zone=main:8m;
chat_webhook  main  http://unix:$TEST_NGINX_HOOKS/hook.sock:/in  key=$TEST_NGINX_HOOKS/one.key;
--- chat_config
chat_user     $arg_user trusted;
--- chat
call hook new
call hook large
a: post /chat/lobby?user=ann {"text":"once"}
a: expect 201
call told message text=once
await /chat-status {"webhook_events_total":1,"webhook_waiting":0,"webhook_failures_total":0}



=== TEST 8: a zone of the same size, of which webhooks have another part
--- chat_http
chat_zone     zone=main:9220k;
# chat_webhook  main  http://unix:$TEST_NGINX_HOOKS/hook.sock:/in  key=$TEST_NGINX_HOOKS/one.key;
--- chat_config
chat_user     $arg_user trusted;
--- chat
a: post /chat/lobby?user=ann {"text":"before"}
a: expect 201
edit s/9220k/8m/, s/# chat_webhook/chat_webhook/
allow /chat zone "main" has another layout/
signal HUP
log /chat zone "main" has another layout, change its size or restart/
b: post /chat/lobby?user=ann {"text":"after"}
b: expect 201
