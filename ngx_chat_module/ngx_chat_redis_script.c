
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
), "", 14 };


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
), "", 0 };


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
), "", 0 };


/*
 * The table of all hosts (ngx_chat_redis_table.c), which is no room:
 *
 *   t:{table}          hash: rows by name, "<changed> <expires> <deleted>
 *                      <value>"; e epoch, v last version
 *   v:{table}          sorted set: names by the version that a row was set with
 *   x:{table}          sorted set: names by the second in which a row that is
 *                      over is forgotten
 *
 * The version is one that no row has passed, whatever was written there; an
 * epoch that isn't one is none.
 */

#define NGX_CHAT_REDIS_VERSION                                                \
"local max='9000000000000000'\n"                                              \
"local m=c('HMGET',h,'e','v')\n"                                              \
"local e,v=m[1],tonumber(m[2] or '') or 0\n"                                  \
"if not (v>=0 and v<=tonumber(max)) then v=0 end\n"                           \
"local q=c('ZREVRANGEBYSCORE',z,max,0,'WITHSCORES','LIMIT',0,1)\n"            \
"if q[2] then v=math.max(v,math.ceil(tonumber(q[2]))) end\n"              \
"if e and #e~=10 then e=nil end\n"


/*
 * KEYS t, v
 * ARGV 1 known epoch, 2 known version, 3 rows
 */

ngx_chat_redis_script_t  ngx_chat_redis_ask_script = { ngx_string(
"local h,z,a=KEYS[1],KEYS[2],ARGV\n"
"local c=redis.call\n"
NGX_CHAT_REDIS_VERSION
"if not e then return {'N'} end\n"
"local from='(0'\n"
"if e==a[1] then from='('..a[2] end\n"
"local x=c('ZRANGEBYSCORE',z,from,max,'WITHSCORES','LIMIT',0,a[3])\n"
"local s=string.format('%.0f',v)\n"
"local r={'W',e,s,s}\n"
"for i=1,#x,2 do\n"
"  local y=c('HGET',h,x[i])\n"
"  if y and #x[i]==66 and #y<=4200 then\n"
"    r[#r+1]=x[i] r[#r+1]=y\n"
"  end\n"
"  r[4]=string.format('%.0f',x[i+1])\n"
"end\n"
"return r\n"
), "", 0 };


/*
 * The later one of two rows stays; what is later than tomorrow is of now.  A
 * caller is told which are there in place of his.
 *
 * KEYS t, v, x
 * ARGV 1 new epoch, 2 command that publishes, 3 what precedes the message,
 *      4 channel, then rows: the name, a space, and the text
 */

ngx_chat_redis_script_t  ngx_chat_redis_tell_script = { ngx_string(
"local h,z,x,a=KEYS[1],KEYS[2],KEYS[3],ARGV\n"
"local c=redis.call\n"
NGX_CHAT_REDIS_VERSION
"local now=tonumber(c('TIME')[1])\n"
"if not e or v+#a>tonumber(max) then\n"
"  c('DEL',h,z,x)\n"
"  e=a[1] v=0\n"
"  c('HSET',h,'e',e)\n"
"end\n"
"local new=false\n"
"local r={'P',e}\n"
"for i=5,#a do\n"
"  local f,b=string.sub(a[i],1,66),string.sub(a[i],68)\n"
"  local o=c('HGET',h,f)\n"
"  local t,s,d=string.match(b,'^(%d+) (%d+) (%d)')\n"
"  local ot=o and tonumber(string.match(o,'^%d+') or '')\n"
"  t=tonumber(t) s=tonumber(s)\n"
"  if t>now+86400 then\n"
"    t=now\n"
"    b=string.format('%.0f',t)..string.match(b,' .*')\n"
"  end\n"
"  if ot and ot>t and ot<=now+86400 then\n"
"    if #o<=4200 then r[#r+1]=f r[#r+1]=o end\n"
"  elseif o~=b then\n"
"    v=v+1\n"
"    new=true\n"
"    c('HSET',h,f,b)\n"
"    c('ZADD',z,string.format('%.0f',v),f)\n"
"    if d=='1' or s>0 then\n"
"      if d=='1' or s<t then s=t end\n"
"      c('ZADD',x,string.format('%.0f',s+604800),f)\n"
"    else\n"
"      c('ZREM',x,f)\n"
"    end\n"
"  end\n"
"end\n"
"if new then\n"
"  local n=string.format('%.0f',v)\n"
"  c('HSET',h,'v',n)\n"
"  local y\n"
"  if c('ZCARD',x)>1000000 then\n"
"    y=c('ZRANGE',x,0,31)\n"
"  else\n"
"    y=c('ZRANGEBYSCORE',x,'-inf',now,'LIMIT',0,32)\n"
"  end\n"
"  for _,f in ipairs(y) do\n"
"    c('HDEL',h,f) c('ZREM',z,f) c('ZREM',x,f)\n"
"  end\n"
"  c(a[2],a[4],a[3]..n)\n"
"end\n"
"return r\n"
), "", 2 };
