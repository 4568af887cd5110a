#!/usr/bin/perl

# chat_redis: what "nginx -t" takes, and what it says of everything else.  What
# it does is tested by t/redis/run, with servers.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;

run_tests();

__DATA__

=== TEST 1: what is taken
--- chat
accepted http chat_zone zone=main:1m; chat_redis main redis://127.0.0.1;
accepted http chat_redis main redis://127.0.0.1:6380/3; chat_zone zone=main:1m;
accepted http chat_zone zone=main:1m; chat_redis main redis://:secret@127.0.0.1:6380/;
accepted http chat_zone zone=main:1m; chat_redis main redis://ann:s%40cr@t@[::1]:6380/15;
accepted http chat_zone zone=main:1m; chat_redis main unix:/run/redis.sock;
accepted http chat_zone zone=main:1m; chat_redis main "unix:/run/redis.sock?ann:secret";
accepted http chat_zone zone=main:1m; chat_redis main redis://127.0.0.1 prefix=site-1: timeout=3s connect_timeout=500ms read_timeout=2s;
accepted http chat_zone zone=a:1m; chat_zone zone=b:1m; chat_redis a redis://127.0.0.1; chat_redis b redis://127.0.0.1 prefix=b:;



=== TEST 2: URLs that are refused, and never repeated with a password
--- chat
refused http chat_zone zone=main:1m; chat_redis main; => invalid number of arguments in "chat_redis" directive
refused http chat_zone zone=main:1m; chat_redis main 127.0.0.1:6379; => invalid URL of "chat_redis": write "redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE]" or "unix:/PATH[?PASSWORD]"
refused http chat_zone zone=main:1m; chat_redis main http://127.0.0.1/; => invalid URL of "chat_redis"
refused http chat_zone zone=main:1m; chat_redis main redis://ann:secret@127.0.0.1:port; => /invalid port in "redis://127\.0\.0\.1:port" of "chat_redis": write "redis:\/\/HOST:PORT"/
refused http chat_zone zone=main:1m; chat_redis main redis://ann@127.0.0.1:99999; => /invalid port in "redis://127\.0\.0\.1:99999"/
refused http chat_zone zone=main:1m; chat_redis main redis://secret@; => no host in "redis://" of "chat_redis": write "redis://HOST:PORT"
refused http chat_zone zone=main:1m; chat_redis main redis://ann:secret; => invalid port in "redis://ann" of "chat_redis"
refused http chat_zone zone=main:1m; chat_redis main redis://:secret; => /in "redis:\/\/" of "chat_redis"/
refused http chat_zone zone=main:1m; chat_redis main redis://ann:@127.0.0.1; => "chat_redis" has a user without a password: write "USER:PASSWORD@"
refused http chat_zone zone=main:1m; chat_redis main redis://127.0.0.1/db; => invalid database of "chat_redis": write its number, "redis://HOST/0"
refused http chat_zone zone=main:1m; chat_redis main redis://no-such-host.invalid; => host not found in "redis://no-such-host.invalid" of "chat_redis"



=== TEST 3: parameters
--- chat
refused http chat_zone zone=main:1m; chat_redis main redis://127.0.0.1 wait=1; => invalid parameter "wait=1" of "chat_redis": known are prefix=, timeout=, connect_timeout=, read_timeout=, sentinel=, sentinel_login=, cluster, ca=, certificate=, key=, name= and verify=
refused http chat_zone zone=main:1m; chat_redis main redis://127.0.0.1 cluster=on; => known are prefix=, timeout=,
refused http chat_zone zone=main:1m; chat_redis main redis://127.0.0.1 password=secret; => "chat_redis" has the login in its URL: write "redis://USER:PASSWORD@HOST"
refused http chat_zone zone=main:1m; chat_redis main redis://127.0.0.1 timeout=10ms; => write a time of 100ms to 60s, "timeout=5s"
refused http chat_zone zone=main:1m; chat_redis main redis://127.0.0.1 read_timeout=2m; => write a time of 100ms to 60s
refused http chat_zone zone=main:1m; chat_redis main redis://127.0.0.1 "prefix={a}"; => write at most 64 letters, without braces, "prefix=chat:"
refused http chat_zone zone=main:1m; chat_redis main redis://127.0.0.1 prefix=a prefix=b; => invalid parameter "prefix=b" of "chat_redis": write it once
refused http chat_zone zone=main:1m; chat_redis main redis://127.0.0.1; chat_redis main redis://127.0.0.2; => invalid parameter "main" of "chat_redis": this zone has a "chat_redis", write one
refused http chat_redis other redis://127.0.0.1; => "chat_redis" names the chat zone "other" that nobody defines: write "chat_zone zone=other:64m;"



=== TEST 4: TLS
--- chat
accepted http chat_zone zone=main:1m; chat_redis main rediss://127.0.0.1;
accepted http chat_zone zone=main:1m; chat_redis main rediss://ann:secret@127.0.0.1:6380/1 name=redis.example verify=off;
accepted http chat_zone zone=main:1m; chat_redis main rediss://127.0.0.1 ca=/etc/ssl/certs/ca-certificates.crt verify=on;
refused http chat_zone zone=main:1m; chat_redis main redis://127.0.0.1 verify=off; => invalid parameter "verify=off" of "chat_redis": it needs TLS, write "rediss://HOST:PORT"
refused http chat_zone zone=main:1m; chat_redis main unix:/run/redis.sock ca=/x; => invalid parameter "ca=/x" of "chat_redis": it needs TLS, write "rediss://HOST:PORT"
refused http chat_zone zone=main:1m; chat_redis main rediss://127.0.0.1 verify=no; => write "verify=on" or "verify=off"
refused http chat_zone zone=main:1m; chat_redis main rediss://127.0.0.1 name=; => invalid parameter "name=" of "chat_redis": write a value
refused http chat_zone zone=main:1m; chat_redis main rediss://127.0.0.1 key=/x; => "chat_redis" needs both or neither: write "certificate=FILE" and "key=FILE"
refused http chat_zone zone=main:1m; chat_redis main rediss://127.0.0.1 ca=/nowhere; => "chat_redis" can't read the certificates of "/nowhere": write a file that has some, in PEM
refused http chat_zone zone=main:1m; chat_redis main rediss://127.0.0.1 certificate=/nowhere key=/nokey; => "chat_redis" can't use the certificate "/nowhere" with the key "/nokey": write a certificate and its own key, in PEM
refused http chat_zone zone=main:1m; chat_redis main rediss://127.0.0.1 ca=/a ca=/b; => invalid parameter "ca=/b" of "chat_redis": write it once



=== TEST 5: several addresses, Sentinels
--- chat
accepted http chat_zone zone=main:1m; chat_redis main redis://127.0.0.1:1,127.0.0.2:2,[::1]:3/2;
accepted http chat_zone zone=main:1m; chat_redis main redis://ann:secret@127.0.0.1:26379,127.0.0.2:26379 sentinel=main sentinel_login=sen:tinel;
accepted http chat_zone zone=main:1m; chat_redis main rediss://127.0.0.1:26379 sentinel=main name=redis.example sentinel_login=tinel;
refused http chat_zone zone=main:1m; chat_redis main redis://127.0.0.1:1,,127.0.0.2; => no host in "redis://127.0.0.1:1,,127.0.0.2" of "chat_redis": write "redis://HOST:PORT"
refused http chat_zone zone=main:1m; chat_redis main redis://127.0.0.1,127.0.0.2:x; => invalid port in "redis://127.0.0.1,127.0.0.2:x"
refused http chat_zone zone=main:1m; chat_redis main redis://127.0.0.1 sentinel=; => write the primary's name behind Sentinels, "redis://HOST:26379,HOST:26379 sentinel=NAME"
refused http chat_zone zone=main:1m; chat_redis main unix:/run/redis.sock sentinel=main; => write the primary's name behind Sentinels, "redis://HOST:26379,HOST:26379 sentinel=NAME"
refused http chat_zone zone=main:1m; chat_redis main redis://127.0.0.1 sentinel=main sentinel_login=ann:; => "chat_redis" has a user without a password: write "USER:PASSWORD@"



=== TEST 6: a cluster
--- chat
accepted http chat_zone zone=main:1m; chat_redis main redis://127.0.0.1:7000,127.0.0.2:7000 cluster;
accepted http chat_zone zone=main:1m; chat_redis main redis://ann:secret@127.0.0.1:7000/0 cluster prefix=a:;
accepted http chat_zone zone=main:1m; chat_redis main rediss://127.0.0.1:7000 cluster name=redis.example;
refused http chat_zone zone=main:1m; chat_redis main redis://127.0.0.1/2 cluster; => invalid parameter "cluster" of "chat_redis": a cluster has one database, write the URL without "/NUMBER"
refused http chat_zone zone=main:1m; chat_redis main redis://127.0.0.1 cluster sentinel=main; => invalid parameter "cluster" of "chat_redis": a cluster has no Sentinels, write either "cluster" or "sentinel=NAME"
refused http chat_zone zone=main:1m; chat_redis main redis://127.0.0.1 sentinel_login=x cluster; => a cluster has no Sentinels, write either "cluster" or "sentinel=NAME"
refused http chat_zone zone=main:1m; chat_redis main unix:/run/redis.sock cluster; => invalid parameter "cluster" of "chat_redis": its servers are reached by TCP, write "redis://HOST:PORT,HOST:PORT cluster"
refused http chat_zone zone=main:1m; chat_redis main redis://127.0.0.1 cluster cluster; => invalid parameter "cluster" of "chat_redis": write it once
