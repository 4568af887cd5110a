#!/usr/bin/perl

# The tools themselves: nginx starts with the module loaded and unused, answers
# over each worker, reloads, survives kill -9, and leaves a clean log.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;

run_tests();

__DATA__

=== TEST 1: a stock configuration with the module loaded
--- config
location = /t {
    return 200 "ok\n";
}
--- request
GET /t
--- response_body
ok



=== TEST 2: requests, both workers, reload and kill -9
--- config
location = /pid {
    default_type application/json;
    add_header X-Pid $pid;
    return 200 '{"pid":$pid,"host":"$http_host"}';
}
--- chat
a: get /pid keep
a: expect 200 {"pid":"$first=<int>"}
a: header X-Pid: $first
b: get /pid other=a keep
b: expect 200 {"pid":"<< $_ > 0 >>"}
b: expect 200 {"pid":"$second=<int>"}
reload
a: end
c: get /pid
c: expect 200 {"pid":"$third=<int>"}
drained
kill9 $third
workers 2
await /pid {"pid":"<< $_ > 0 >>"}
d: get /none status=404
--- no_error_log
[error] 1#



=== TEST 3: a reload that has to fail leaves the workers alone
--- config
location = /t {
    return 200 "ok\n";
}
--- chat
edit s/return 200/retorn 200/
reload fails
log /unknown directive "retorn"/
a: get /t
a: expect 200 "ok\n"



=== TEST 4: a configuration that is refused
--- config
location = /t {
    return;
}
--- must_die
--- error_log
invalid number of arguments in "return"
