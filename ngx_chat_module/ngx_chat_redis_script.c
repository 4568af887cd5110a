
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * The scripts.  A room is three kinds of keys in one slot of a cluster:
 *
 *   m:{room}           hash: e epoch, o last offset, t last time, ms
 *   s:{room}           stream: entry <offset>-0 is the event of that offset,
 *                      h "<ts> <type> <flags> <sender> <nonce> <thread>
 *                      <target>", d the payload
 *   n:{room}:<period>  hash: nonces of that period, "<epoch> <offset> <ts>
 *                      <body>"; o: of the module's own
 *
 * A caller that knows more of an epoch than the server has seen a write that
 * the server has lost: the epoch ends.  So it does if the offset that the
 * caller knows was given to another event, by its nonce: what was lost has been
 * written over by hosts that didn't know of it.  Who has lost the connection
 * reads on first, so it is enough to look when reading.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_chat_redis_op.h"


/*
 * KEYS meta, stream, nonces of this period, .. of the one before and the next
 *      (of the caller's clock; a caller's own nonces have this period alone)
 * ARGV 1 new epoch, 2 whether to create, 3 known epoch, 4 known offset,
 *      5 nonce, 6 body, 7 seconds of a period of nonces, 8 events kept,
 *      9 seconds kept, 10 seconds of the meta, 11 channel, 12 header behind
 *      the time, 13 "1": raw, 14 command that publishes, 15 what precedes the
 *      message, 16-18 pieces of the payload
 */

ngx_chat_redis_script_t  ngx_chat_redis_publish_script = { ngx_string(
"local m,s,a=KEYS[1],KEYS[2],ARGV\n"
"local c=redis.call\n"
"local v=c('HMGET',m,'e','o','t')\n"
"local e,o,ts=v[1],tonumber(v[2] or 0),tonumber(v[3] or 0)\n"
"if not e and a[2]=='0' then return {'N'} end\n"
"if not e or (e==a[3] and o<tonumber(a[4])) then\n"
"  c('DEL',s) e=a[1] o=0\n"
"end\n"
"local now=c('TIME')\n"
"local k=KEYS[3]\n"
"local d\n"
"for i=3,#KEYS do d=d or c('HGET',KEYS[i],a[5]) end\n"
"if d then\n"
"  local de,n,t,x=string.match(d,'^(%S+) (%S+) (%S+) (%S+)$')\n"
"  if de==e then\n"
"    if x~=a[6] then return {'C'} end\n"
"    return {'D',de,n,t}\n"
"  end\n"
"end\n"
"ts=math.max(ts,now[1]*1000+math.floor(now[2]/1000))\n"
"local n,t=string.format('%.0f',o+1),string.format('%.0f',ts)\n"
"local p=a[16]\n"
"if a[13]~='1' then\n"
"  p=p..e..'-'..n..a[17]..string.format('%013.0f',ts)..a[18]\n"
"end\n"
"local h=t..' '..a[12]\n"
"c('XADD',s,'MAXLEN','~',a[8],n..'-0','h',h,'d',p)\n"
"c('HSET',m,'e',e,'o',n,'t',t)\n"
"c('HSET',k,a[5],e..' '..n..' '..t..' '..a[6])\n"
"c('EXPIRE',k,2*a[7]+10)\n"
"c('EXPIRE',s,a[9])\n"
"c('EXPIRE',m,a[10])\n"
"c(a[14],a[11],a[15]..e..' '..n..' '..h..'\\n'..p)\n"
"return {'P',e,n,t}\n"
), "" };


/* a page ends with the entry that makes it so large, bytes */

#define NGX_CHAT_REDIS_CUT                                                    \
"local function cut(x,max)\n"                                                 \
"  local n=0\n"                                                               \
"  for i,y in ipairs(x) do\n"                                                 \
"    n=n+#(y[2][4] or '')\n"                                                  \
"    if n>=max then return {unpack(x,1,i)} end\n"                             \
"  end\n"                                                                     \
"  return x\n"                                                                \
"end\n"


/*
 * KEYS meta, stream
 * ARGV 1-4 as above, 5 events of a window, 6 events of a page, 7 seconds of
 *      the meta of a room without events, 8 bytes of a page, 9 nonce of the
 *      known offset's event, or nothing
 */

ngx_chat_redis_script_t  ngx_chat_redis_fetch_script = { ngx_string(
NGX_CHAT_REDIS_CUT
"local m,s,a=KEYS[1],KEYS[2],ARGV\n"
"local c=redis.call\n"
"local v=c('HMGET',m,'e','o')\n"
"local e,o=v[1],tonumber(v[2] or 0)\n"
"if not e and a[2]=='0' then return {'N'} end\n"
"local lost=not e\n"
"if e==a[3] then\n"
"  lost=o<tonumber(a[4])\n"
"  if not lost and a[9]~='' then\n"
"    local i=a[4]..'-0'\n"
"    local y=c('XRANGE',s,i,i)[1]\n"
"    lost=y and string.match(y[2][2],'^%S+ %S+ %S+ %S+ (%S+)')~=a[9]\n"
"  end\n"
"end\n"
"if lost then\n"
"  c('DEL',s) e=a[1] o=0\n"
"  c('HSET',m,'e',e,'o','0')\n"
"end\n"
"if o==0 then c('EXPIRE',m,a[7]) end\n"
"local from=o-a[5]+1\n"
"if e==a[3] then from=math.max(from,a[4]+1) end\n"
"if from<1 then from=1 end\n"
"local f=c('XRANGE',s,'-','+','COUNT',1)\n"
"local x={}\n"
"if from<=o then\n"
"  x=c('XRANGE',s,string.format('%.0f-0',from),'+','COUNT',a[6])\n"
"end\n"
"return {'W',e,string.format('%.0f',o),f[1] and f[1][1] or '',"
"cut(x,tonumber(a[8]))}\n"
), "" };


/*
 * KEYS meta, stream
 * ARGV 1 "a", "b" or "", 2 the cursor's epoch, "0": the oldest, 3 its offset,
 *      4 events, 5 bytes
 */

ngx_chat_redis_script_t  ngx_chat_redis_page_script = { ngx_string(
NGX_CHAT_REDIS_CUT
"local m,s,a=KEYS[1],KEYS[2],ARGV\n"
"local c=redis.call\n"
"local v=c('HMGET',m,'e','o')\n"
"local e,o=v[1],v[2]\n"
"if not e then return {'N'} end\n"
"local f=c('XRANGE',s,'-','+','COUNT',1)\n"
"local x={}\n"
"if a[1]=='a' and (a[2]==e or a[2]=='0') then\n"
"  x=c('XRANGE',s,string.format('%.0f-0',a[3]+1),'+','COUNT',a[4])\n"
"elseif a[1]=='b' and (a[2]==e or a[2]=='0') then\n"
"  if tonumber(a[3])>1 then\n"
"    x=c('XREVRANGE',s,string.format('%.0f-0',a[3]-1),'-','COUNT',a[4])\n"
"  end\n"
"else\n"
"  x=c('XREVRANGE',s,'+','-','COUNT',a[4])\n"
"end\n"
"return {'W',e,o,f[1] and f[1][1] or '',cut(x,tonumber(a[5]))}\n"
), "" };
