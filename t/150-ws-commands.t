#!/usr/bin/perl

# Commands over WebSocket: which object answers which, ids, arrays, the codes
# of errors, JSON that means no good (PROTOCOL, sections 1, 4 and 8).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ChatTest;

run_tests();

__DATA__

=== TEST 1: one object carries reply_to
--- chat
a: ws /chat/
a: recv {"type":"welcome","reply_to":"<absent>"}
a: send {"type":"hello","id":1,"client":"test/1.0"}
a: recv {"type":"ok","reply_to":1}
a: send {"type":"join","id":2,"room":"one"}
a: recv {"type":"joined","reply_to":2,"room":"one"}
a: send {"type":"message","id":3,"room":"one","text":"x"}
a: recv {"type":"ok","reply_to":3,"room":"one","id":"$id=<id>","ts":"$ts=<int>","duplicate":"<absent>"}
a: recv {"type":"message","reply_to":"<absent>","id":"$id","ts":"<< $_ == $ts >>"}
a: send {"type":"history","id":4,"room":"one"}
a: recv {"type":"history","reply_to":4,"room":"one"}
a: send {"type":"join","id":5,"rooms":[{"room":"two"},{"room":"three"}]}
a: recv {"type":"joined","reply_to":"<absent>","room":"two"}
a: recv {"type":"joined","reply_to":"<absent>","room":"three"}
a: recv {"type":"ok","reply_to":5,"failed":[]}
a: send {"type":"leave","id":6,"room":"one"}
a: recv {"type":"left","reply_to":6,"room":"one","reason":"left"}
a: send {"type":"ping","id":7}
a: recv {"type":"pong","reply_to":7}
a: send {"type":"leave","id":8,"room":"one"}
a: recv {"type":"error","reply_to":8,"code":"not_joined","message":"<string>","temporary":false,"room":"one","retry_after_ms":"<absent>"}
# a pong of the client has no answer
a: send {"type":"pong","id":9}
a: send {"type":"ping","id":10}
a: recv {"type":"pong","reply_to":10}



=== TEST 2: without an id there are only errors, pongs and what rooms say
--- chat
a: ws /chat/
a: recv {"type":"welcome"}
a: send {"type":"hello"}
a: send {"type":"join","room":"one"}
a: recv {"type":"joined","reply_to":"<absent>","room":"one"}
a: send {"type":"history","room":"one"}
a: send {"type":"message","room":"one","text":"x"}
a: recv {"type":"message","reply_to":"<absent>"}
a: send {"type":"join","rooms":[{"room":"two"}]}
a: recv {"type":"joined","reply_to":"<absent>","room":"two"}
a: send {"type":"leave","room":"two"}
a: recv {"type":"left","reply_to":"<absent>","room":"two"}
a: send {"type":"ping"}
a: recv {"type":"pong","reply_to":"<absent>"}
a: send {"type":"leave","room":"two"}
a: recv {"type":"error","reply_to":"<absent>","code":"not_joined","room":"two"}
a: send {"type":"auth","token":"x"}
a: recv {"type":"error","reply_to":"<absent>","code":"unsupported"}



=== TEST 3: ids come back in their type
--- chat
let x64 = <<"\x{e9}" x 32>>
a: ws /chat/
a: recv {"type":"welcome"}
a: send {"type":"ping","id":0}
a: recv {"type":"pong","reply_to":0}
a: send {"type":"ping","id":9007199254740991}
a: recv {"type":"pong","reply_to":9007199254740991}
a: send {"type":"ping","id":"1"}
a: recv {"type":"pong","reply_to":"1"}
a: send {"type":"ping","id":"a \"quoted\" \\ \u20ac \ud83d\ude00 \u000a id"}
a: recv {"type":"pong","reply_to":"<< $_ eq qq(a \"quoted\" \\\\ \\x{20ac} \\x{1f600} \\n id) >>"}
a: send {"type":"ping","id":"$x64"}
a: recv {"type":"pong","reply_to":"<< $_ eq chr(0xe9) x 32 >>"}
a: send {"type":"nonsense","id":"x"}
a: recv {"type":"error","reply_to":"x","code":"unknown_command"}
a: send {"id":7}
a: recv {"type":"error","reply_to":7,"code":"bad_request","field":"type"}
a: send {"id":"first","type":"leave","room":17}
a: recv {"type":"error","reply_to":"first","code":"bad_request","field":"room"}



=== TEST 4: ids that are none
--- chat
a: ws /chat/
a: recv {"type":"welcome"}
let x65 = <<"x" x 65>>
a: ask {"type":"ping","id":-1} -> {"type":"error","reply_to":"<absent>","code":"bad_request","field":"id"}
a: ask {"type":"ping","id":1.5} -> {"type":"error","reply_to":"<absent>","code":"bad_request","field":"id"}
a: ask {"type":"ping","id":9007199254740992} -> {"type":"error","reply_to":"<absent>","code":"bad_request","field":"id"}
a: ask {"type":"ping","id":1e300} -> {"type":"error","reply_to":"<absent>","code":"bad_request","field":"id"}
a: ask {"type":"ping","id":null} -> {"type":"error","reply_to":"<absent>","code":"bad_request","field":"id"}
a: ask {"type":"ping","id":true} -> {"type":"error","reply_to":"<absent>","code":"bad_request","field":"id"}
a: ask {"type":"ping","id":[1]} -> {"type":"error","reply_to":"<absent>","code":"bad_request","field":"id"}
a: ask {"type":"ping","id":{"a":1}} -> {"type":"error","reply_to":"<absent>","code":"bad_request","field":"id"}
a: ask {"type":"ping","id":""} -> {"type":"error","reply_to":"<absent>","code":"bad_request","field":"id"}
a: ask {"type":"ping","id":"$x65"} -> {"type":"error","reply_to":"<absent>","code":"bad_request","field":"id"}
a: ask {"type":"ping","id":"\u0000"} -> {"type":"error","reply_to":"<absent>","code":"bad_request","field":"id"}
a: ask {"type":"ping","id":"\ud800"} -> {"type":"error","reply_to":"<absent>","code":"bad_request","field":"id"}



=== TEST 5: arrays of commands
--- chat
a: ws /chat/
a: recv {"type":"welcome"}
a: send [{"type":"join","id":1,"room":"one"},{"type":"message","id":2,"room":"one","text":"x"},{"type":"nonsense","id":3},{"type":"leave","id":4,"room":"one"},{"type":"ping"}]
a: recv {"type":"joined","reply_to":1}
a: recv {"type":"ok","reply_to":2}
a: recv {"type":"error","reply_to":3,"code":"unknown_command"}
a: recv {"type":"left","reply_to":4}
a: recv {"type":"pong"}
# what is no command is answered for itself, the others go on
a: send [ {"type":"ping","id":1} , 17, [{"type":"ping","id":2}], "ping", null, {"type":"ping","id":3} ]
a: recv {"type":"pong","reply_to":1}
4 * a: recv {"type":"error","reply_to":"<absent>","code":"bad_request"}
a: recv {"type":"pong","reply_to":3}



=== TEST 6: arrays of 64 commands, and of 65
--- chat
let some = <<[map { { type => 'ping', id => $_ } } 1 .. 64]>>
let many = <<[map { { type => 'ping', id => $_ } } 1 .. 65]>>
a: ws /chat/
a: recv {"type":"welcome"}
a: send $some
64 * a: recv {"type":"pong","reply_to":$i}
a: send $many
a: recv {"type":"error","reply_to":"<absent>","code":"bad_request"}
a: send []
a: recv {"type":"error","code":"bad_request"}
a: send {"type":"ping","id":"end"}
a: recv {"type":"pong","reply_to":"end"}



=== TEST 7: unknown commands, and one that there isn't without tokens
--- chat
a: enter ws /chat/lobby
a: send {"type":"auth","id":1,"token":"x"}
a: recv {"type":"error","reply_to":1,"code":"unsupported","temporary":false}
repeat 8
let type = <<(qw(welcome Message message. ok error joined subscribe), '')[$i - 1]>>
a: send {"type":"$type","id":$i,"room":"lobby","text":"x"}
a: recv {"type":"error","reply_to":$i,"code":"unknown_command","temporary":false}
end
a: send {"typ\u0065":"p\u0069ng","\u0069d":8}
a: recv {"type":"pong","reply_to":8}



=== TEST 8: what is not JSON
--- chat
a: ws /chat/
a: recv {"type":"welcome"}
a: frame text ""
a: recv {"type":"error","reply_to":"<absent>","code":"bad_request","message":"<string>","temporary":false}
a: frame text "   \r\n\t "
a: recv {"type":"error","code":"bad_request"}
a: ask ping -> {"type":"error","reply_to":"<absent>","code":"bad_request"}
a: ask 17 -> {"type":"error","reply_to":"<absent>","code":"bad_request"}
a: ask "ping" -> {"type":"error","reply_to":"<absent>","code":"bad_request"}
a: ask null -> {"type":"error","reply_to":"<absent>","code":"bad_request"}
a: ask { -> {"type":"error","reply_to":"<absent>","code":"bad_request"}
a: ask } -> {"type":"error","reply_to":"<absent>","code":"bad_request"}
a: ask [ -> {"type":"error","reply_to":"<absent>","code":"bad_request"}
a: ask {"type"} -> {"type":"error","reply_to":"<absent>","code":"bad_request"}
a: ask {"type":} -> {"type":"error","reply_to":"<absent>","code":"bad_request"}
a: ask {"type":"ping",} -> {"type":"error","reply_to":"<absent>","code":"bad_request"}
a: ask {"type":"ping"}} -> {"type":"error","reply_to":"<absent>","code":"bad_request"}
a: ask {"type":"ping"} {"type":"ping"} -> {"type":"error","reply_to":"<absent>","code":"bad_request"}
a: ask {'type':'ping'} -> {"type":"error","reply_to":"<absent>","code":"bad_request"}
a: ask {"type":"ping"/* */} -> {"type":"error","reply_to":"<absent>","code":"bad_request"}
a: ask {type:"ping"} -> {"type":"error","reply_to":"<absent>","code":"bad_request"}
a: ask {"type":"ping","n":NaN} -> {"type":"error","reply_to":"<absent>","code":"bad_request"}
a: ask {"type":"ping","n":01} -> {"type":"error","reply_to":"<absent>","code":"bad_request"}
a: ask {"type":"ping","n":1.} -> {"type":"error","reply_to":"<absent>","code":"bad_request"}
a: ask {"type":"ping","n":+1} -> {"type":"error","reply_to":"<absent>","code":"bad_request"}
a: ask {"type":"ping","s":"\x41"} -> {"type":"error","reply_to":"<absent>","code":"bad_request"}
a: ask {"type":"ping","s":"\u12"} -> {"type":"error","reply_to":"<absent>","code":"bad_request"}
a: ask {"type":"ping","b":True} -> {"type":"error","reply_to":"<absent>","code":"bad_request"}
# a tab in a string, and a byte order mark
a: frame text "{\"type\":\"ping\",\"s\":\"a\tb\"}"
a: recv {"type":"error","reply_to":"<absent>","code":"bad_request"}
a: frame text "\xef\xbb\xbf{\"type\":\"ping\"}"
a: recv {"type":"error","reply_to":"<absent>","code":"bad_request"}
a: frame text "\r\n { \"type\" : \"ping\" ,\t\"id\":1 } \n"
a: recv {"type":"pong","reply_to":1}



=== TEST 9: strings that cannot be, and names that come twice
--- chat
a: enter ws /chat/lobby
a: send {"type":"message","id":1,"room":"lobby","text":"\ud800"}
a: recv {"type":"error","reply_to":1,"code":"bad_request","field":"text"}
a: send {"type":"message","id":2,"room":"lobby","text":"\udc00\ud800"}
a: recv {"type":"error","reply_to":2,"code":"bad_request","field":"text"}
a: send {"type":"message","id":3,"room":"lobby","text":"x","data":{"s":"\ud83d"}}
a: recv {"type":"error","reply_to":3,"code":"bad_request","field":"data"}
a: send {"type":"message","id":4,"room":"lobby","text":"x","data":{"\ude00":1}}
a: recv {"type":"error","reply_to":4,"code":"bad_request","field":"data"}
a: send {"type":"message","id":5,"room":"lobby","text":"a\u0000b"}
a: recv {"type":"error","reply_to":5,"code":"bad_request","field":"text"}
a: send {"type":"message","id":6,"room":"lobby","text":"x","data":["\u0000"]}
a: recv {"type":"error","reply_to":6,"code":"bad_request","field":"data"}
a: send {"type":"message","id":7,"room":"lob\u0000by","text":"x"}
a: recv {"type":"error","reply_to":7,"code":"bad_request","field":"room"}
a: send {"type":"message","id":8,"room":"lobby","text":"x","text":"y"}
a: recv {"type":"error","reply_to":8,"code":"bad_request","field":"text"}
a: send {"type":"message","id":9,"room":"lobby","text":"x","te\u0078t":"y"}
a: recv {"type":"error","reply_to":9,"code":"bad_request"}
a: send {"type":"message","id":10,"room":"lobby","text":"x","data":{"k":1,"k":2}}
a: recv {"type":"error","reply_to":10,"code":"bad_request","field":"data"}
a: send {"type":"message","id":11,"room":"lobby","text":"x","x_mine":{"k":1,"k":2}}
a: recv {"type":"error","reply_to":11,"code":"bad_request","field":"x_mine"}
# of two ids neither is the command's
a: send {"type":"ping","id":12,"id":13}
a: recv {"type":"error","reply_to":"<absent>","code":"bad_request","field":"id"}
# in an array the others go on
a: send [{"type":"ping","id":14},{"type":"ping","id":15,"x":"\ud800"},{"type":"ping","id":16}]
a: recv {"type":"pong","reply_to":14}
a: recv {"type":"error","reply_to":15,"code":"bad_request","field":"x"}
a: recv {"type":"pong","reply_to":16}
b: get /chat/lobby
b: expect 200 {"head":0}



=== TEST 10: depth
--- chat
let f8 = <<unpack 'H*', '{"type":"message","id":1,"room":"lobby","data":' . '[' x 8 . ']' x 8 . '}'>>
let f9 = <<unpack 'H*', '{"type":"message","id":2,"room":"lobby","data":' . '{"a":' x 9 . '1' . '}' x 9 . '}'>>
let f99 = <<unpack 'H*', '{"type":"message","id":3,"room":"lobby","text":"x","x_deep":' . '[' x 99 . ']' x 99 . '}'>>
let f7000 = <<unpack 'H*', '{"type":"ping","id":4,"x_deep":' . '[' x 7000 . ']' x 7000 . '}'>>
let a8000 = <<unpack 'H*', '[' x 8000 . ']' x 8000>>
let open = <<unpack 'H*', '[' x 16000>>
a: enter ws /chat/lobby
a: frame text hex:$f8
a: recv {"type":"ok","reply_to":1}
a: recv {"type":"message","data":[[[[[[[[]]]]]]]]}
a: frame text hex:$f9
a: recv {"type":"error","reply_to":2,"code":"bad_request","field":"data"}
a: frame text hex:$f99
a: recv {"type":"error","reply_to":3,"code":"bad_request","field":"x_deep"}
a: frame text hex:$f7000
a: recv {"type":"error","reply_to":4,"code":"bad_request","field":"x_deep"}
a: frame text hex:$a8000
a: recv {"type":"error","code":"bad_request"}
a: frame text hex:$open
a: recv {"type":"error","code":"bad_request"}
a: send {"type":"ping","id":"alive"}
a: recv {"type":"pong","reply_to":"alive"}



=== TEST 11: members of a wrong type are named
--- chat
a: enter ws /chat/lobby
let x65 = <<"x" x 65>>
let b51 = <<[("b") x 51]>>
let r101 = <<[map { { room => "r$$_" } } 1 .. 101]>>
a: ask {"id":0,"type":17} -> {"reply_to":0,"code":"bad_request","field":"type","message":"/must/"}
a: ask {"id":1,"type":null} -> {"reply_to":1,"code":"bad_request","field":"type","message":"/must/"}
a: ask {"id":2,"type":"message","text":"x"} -> {"reply_to":2,"code":"bad_request","field":"room","message":"/must/"}
a: ask {"id":3,"type":"message","room":null,"text":"x"} -> {"reply_to":3,"code":"bad_request","field":"room","message":"/must/"}
a: ask {"id":4,"type":"message","room":["lobby"],"text":"x"} -> {"reply_to":4,"code":"bad_request","field":"room","message":"/must/"}
a: ask {"id":5,"type":"message","room":"lobby"} -> {"reply_to":5,"code":"bad_request","field":"text","message":"/must/"}
a: ask {"id":6,"type":"message","room":"lobby","text":""} -> {"reply_to":6,"code":"bad_request","field":"text","message":"/must/"}
a: ask {"id":7,"type":"message","room":"lobby","text":17} -> {"reply_to":7,"code":"bad_request","field":"text","message":"/must/"}
a: ask {"id":8,"type":"message","room":"lobby","text":null,"data":1} -> {"reply_to":8,"code":"bad_request","field":"text","message":"/must/"}
a: ask {"id":9,"type":"message","room":"lobby","data":[[[[[[[[[]]]]]]]]]} -> {"reply_to":9,"code":"bad_request","field":"data","message":"/must/"}
a: ask {"id":10,"type":"message","room":"lobby","text":"x","nonce":12345678} -> {"reply_to":10,"code":"bad_request","field":"nonce","message":"/must/"}
a: ask {"id":11,"type":"message","room":"lobby","text":"x","nonce":"1234567"} -> {"reply_to":11,"code":"bad_request","field":"nonce","message":"/must/"}
a: ask {"id":12,"type":"message","room":"lobby","text":"x","nonce":"$x65"} -> {"reply_to":12,"code":"bad_request","field":"nonce","message":"/must/"}
a: ask {"id":13,"type":"message","room":"lobby","text":"x","nonce":null} -> {"reply_to":13,"code":"bad_request","field":"nonce","message":"/must/"}
a: ask {"id":14,"type":"message","room":"lobby","text":"x","thread":1} -> {"reply_to":14,"code":"bad_request","field":"thread","message":"/must/"}
a: ask {"id":15,"type":"message","room":"lobby","text":"x","thread":"0"} -> {"reply_to":15,"code":"bad_request","field":"thread","message":"/must/"}
a: ask {"id":16,"type":"message","room":"lobby","text":"x","thread":"0000000000-01"} -> {"reply_to":16,"code":"bad_request","field":"thread","message":"/must/"}
a: ask {"id":17,"type":"message","room":"lobby","text":"x","thread":"0000000000-9007199254740992"} -> {"reply_to":17,"code":"bad_request","field":"thread","message":"/must/"}
a: ask {"id":18,"type":"message","room":"lobby","text":"x","mentions":"bob"} -> {"reply_to":18,"code":"bad_request","field":"mentions","message":"/must/"}
a: ask {"id":19,"type":"message","room":"lobby","text":"x","mentions":["bob",1]} -> {"reply_to":19,"code":"bad_request","field":"mentions","message":"/must/"}
a: ask {"id":20,"type":"message","room":"lobby","text":"x","mentions":["b/b"]} -> {"reply_to":20,"code":"bad_request","field":"mentions","message":"/must/"}
a: ask {"id":21,"type":"message","room":"lobby","text":"x","mentions":$b51} -> {"reply_to":21,"code":"bad_request","field":"mentions","message":"/must/"}
a: ask {"id":22,"type":"join"} -> {"reply_to":22,"code":"bad_request","field":"room","message":"/must/"}
a: ask {"id":23,"type":"join","room":"a b"} -> {"reply_to":23,"code":"bad_request","field":"room","message":"/must/"}
a: ask {"id":24,"type":"join","rooms":{}} -> {"reply_to":24,"code":"bad_request","field":"rooms","message":"/must/"}
a: ask {"id":25,"type":"join","rooms":[]} -> {"reply_to":25,"code":"bad_request","field":"rooms","message":"/must/"}
a: ask {"id":26,"type":"join","rooms":["a"]} -> {"reply_to":26,"code":"bad_request","field":"rooms","message":"/must/"}
a: ask {"id":27,"type":"join","rooms":$r101} -> {"reply_to":27,"code":"bad_request","field":"rooms","message":"/must/"}
a: ask {"id":28,"type":"join","room":"a","rooms":[{"room":"b"}]} -> {"reply_to":28,"code":"bad_request","field":"rooms","message":"/must/"}
a: ask {"id":29,"type":"join","room":"a","after":1} -> {"reply_to":29,"code":"bad_request","field":"after","message":"/must/"}
a: ask {"id":30,"type":"join","room":"a","after":"x"} -> {"reply_to":30,"code":"bad_request","field":"after","message":"/must/"}
a: ask {"id":31,"type":"join","room":"a","after":""} -> {"reply_to":31,"code":"bad_request","field":"after","message":"/must/"}
a: ask {"id":32,"type":"join","room":"a","after":"0000000000-"} -> {"reply_to":32,"code":"bad_request","field":"after","message":"/must/"}
a: ask {"id":33,"type":"join","room":"a","last":-1} -> {"reply_to":33,"code":"bad_request","field":"last","message":"/must/"}
a: ask {"id":34,"type":"join","room":"a","last":"5"} -> {"reply_to":34,"code":"bad_request","field":"last","message":"/must/"}
a: ask {"id":35,"type":"join","room":"a","presence":1} -> {"reply_to":35,"code":"bad_request","field":"presence","message":"/must/"}
a: ask {"id":36,"type":"leave","room":{}} -> {"reply_to":36,"code":"bad_request","field":"room","message":"/must/"}
a: ask {"id":37,"type":"history","room":"lobby","before":1} -> {"reply_to":37,"code":"bad_request","field":"before","message":"/must/"}
a: ask {"id":38,"type":"history","room":"lobby","after":"0000000000"} -> {"reply_to":38,"code":"bad_request","field":"after","message":"/must/"}
a: ask {"id":39,"type":"history","room":"lobby","before":"0","after":"0"} -> {"reply_to":39,"code":"bad_request","field":"before","message":"/must/"}
a: ask {"id":40,"type":"history","room":"lobby","limit":0} -> {"reply_to":40,"code":"bad_request","field":"limit","message":"/must/"}
a: ask {"id":41,"type":"history","room":"lobby","limit":"5"} -> {"reply_to":41,"code":"bad_request","field":"limit","message":"/must/"}
a: ask {"id":42,"type":"history","room":"lobby","raw":0} -> {"reply_to":42,"code":"bad_request","field":"raw","message":"/must/"}
a: ask {"id":43,"type":"hello","client":1} -> {"reply_to":43,"code":"bad_request","field":"client","message":"/must/"}
a: ask {"id":44,"type":"hello","client":"$x65"} -> {"reply_to":44,"code":"bad_request","field":"client","message":"/must/"}
a: ask {"id":45,"type":"hello","token":{}} -> {"reply_to":45,"code":"bad_request","field":"token","message":"/must/"}
a: ask {"id":46,"type":"hello","batch":"yes"} -> {"reply_to":46,"code":"bad_request","field":"batch","message":"/must/"}
a: ask {"id":47,"type":"hello","heartbeat":1} -> {"reply_to":47,"code":"bad_request","field":"heartbeat","message":"/must/"}
b: get /chat/lobby
b: expect 200 {"head":0}



=== TEST 12: the text, to the last byte
--- chat
let t4096 = <<"x" x 4096>>
let t4097 = <<"x" x 4097>>
let u4096 = <<"\x{20ac}" x 1365 . "x">>
let u4098 = <<"\x{20ac}" x 1366>>
a: enter ws /chat/lobby
a: send {"type":"message","id":1,"room":"lobby","text":"$t4096"}
a: recv {"type":"ok","reply_to":1}
a: recv {"type":"message","text":"$t4096"}
a: send {"type":"message","id":2,"room":"lobby","text":"$t4097"}
a: recv {"type":"error","reply_to":2,"code":"too_large","field":"text","temporary":false}
a: send {"type":"message","id":3,"room":"lobby","text":"$u4096"}
a: recv {"type":"ok","reply_to":3}
a: recv {"type":"message","text":"<< length $_ == 1366 >>"}
a: send {"type":"message","id":4,"room":"lobby","text":"$u4098"}
a: recv {"type":"error","reply_to":4,"code":"too_large","field":"text"}
# controls are kept, whatever they are
a: send {"type":"message","room":"lobby","text":" \u0001\b\t\n\f\r\u001b[31m\u007f\u0085\u200b\u202e\u2028\ufeff\uffff </script> "}
a: recv {"type":"message","text":"<< $_ eq \" \\x01\\b\\t\\n\\f\\r\\e[31m\\x7f\\x{85}\\x{200b}\\x{202e}\\x{2028}\\x{feff}\\x{ffff} </script> \" >>"}



=== TEST 13: data is anything, up to 8 KB, and comes back as it is
--- chat
let s8190 = <<"x" x 8190>>
let s8191 = <<"x" x 8191>>
a: enter ws /chat/lobby
a: send {"type":"message","room":"lobby","data":{"a" : [ 1, 2.50, -0, 1E5, 123456789012345678901234567890 ] , "s" : "a  b \/ \u0041" , "n":null}}
a: recv /"data":\{"a":\[1,2\.50,-0,1E5,123456789012345678901234567890\],"s":"a  b \\\/ \\u0041","n":null\}/
a: send {"type":"message","room":"lobby","text":"","data":null}
a: recv {"type":"message","text":"","data":null}
a: send {"type":"message","room":"lobby","data":false}
a: recv {"type":"message","text":"<absent>","data":false}
a: send {"type":"message","id":1,"room":"lobby","data":"$s8190"}
a: recv {"type":"ok","reply_to":1}
a: recv {"type":"message","data":"$s8190"}
a: send {"type":"message","id":2,"room":"lobby","data":"$s8191"}
a: recv {"type":"error","reply_to":2,"code":"too_large","field":"data"}
a: send {"type":"message","id":3,"room":"lobby","data":1e999}
a: recv {"type":"error","reply_to":3,"code":"bad_request","field":"data"}



=== TEST 14: members of the server and of applications
--- chat
a: ws /chat/lobby
a: recv {"type":"welcome","user":{"id":"$a=<string>"}}
a: recv {"type":"joined","epoch":"$e=<epoch>"}
a: send {"type":"message","id":1,"room":"lobby","text":"x","ts":1,"user":{"id":"root"},"by":"root","count":7,"n":7,"rev":7,"guest":false,"via":"x","x_mine":"y","unknown":[1]}
a: recv {"type":"ok","reply_to":1,"id":"$e-1"}
a: recv {"type":"message","id":"$e-1","ts":"<< $_ > 1 >>","user":{"id":"$a","guest":true},"text":"x","by":"<absent>","count":"<absent>","n":"<absent>","via":"<absent>","x_mine":"<absent>","unknown":"<absent>"}
a: send {"type":"message","id":2,"room":"lobby","text":"re","thread":"$e-1","mentions":["bob", "~gabc", "é"]}
a: recv {"type":"ok","reply_to":2}
a: recv {"type":"message","thread":"$e-1","mentions":["bob","~gabc","\u00e9"]}
a: send {"type":"ping","x_mine":{"deep":[1,2]},"id":3}
a: recv {"type":"pong","reply_to":3,"x_mine":"<absent>"}



=== TEST 15: hello.batch is taken, whatever the server makes of it
--- chat
a: enter ws /chat/lobby
a: send {"type":"hello","id":1,"client":"test/1","batch":true}
a: recv {"type":"ok","reply_to":1}
a: send [{"type":"message","room":"lobby","text":"m1"},{"type":"message","room":"lobby","text":"m2"}]
a: recv /^[\[{].*"text":"m1"/
