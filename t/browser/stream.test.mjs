// chat.js without WebSocket: the stream by fetch.

import test from 'node:test';
import assert from 'node:assert/strict';
import { sseParser } from '../../web/client/chat-stream.js';
import { E, settle, FakeSocket, FakeServer, json, welcome, guest, message, joined, setup } from './fake.mjs';

/* the parser of event streams */

const PIECES = [
    ['\uFEFFdata: bom\n\n', ['bom']],
    ['data:no space\n\ndata:  two spaces\r\n\r\n', ['no space', ' two spaces']],
    ['data: a\rdata: b\r\r', ['a\nb']],
    ['data: a\r\ndata: b\ndata: c\rdata: d\n\r\n', ['a\nb\nc\nd']],
    [': comment\n:\r\ndata: x\n: in between\r\n\n', ['x']],
    ['event: chat.message\nid: 5\nretry: 10\ndata: y\nnonsense\ndatax: no\n\n', ['y']],
    ['data\n\ndata:\n\n', []],
    ['data: \ndata\ndata: z\n\n', ['\n\nz']],
    ['\n\n\r\r\n', []],
    ['data: {"t":"ü🎉\u2028\uFEFF"}\n\n', ['{"t":"ü🎉\u2028\uFEFF"}']],
];

test('event streams, cut at every place', () => {
    const text = PIECES.map(p => p[0]).join('') + 'data: unfinished\n', expected = PIECES.flatMap(p => p[1]);
    const parse = (...parts) => {
        const out = [], feed = sseParser(data => out.push(data));
        parts.forEach(feed);
        return out;
    };
    assert.deepEqual(parse(text), expected);
    assert.deepEqual(parse(...text), expected);                          // each character
    assert.deepEqual(parse(...[...text].flatMap(c => ['', c, ''])), expected);
    for (let i = 0; i <= text.length; i++) {
        assert.deepEqual(parse(text.slice(0, i), text.slice(i)), expected, 'cut at ' + i);
        for (let j = i; j <= Math.min(i + 4, text.length); j++) {
            assert.deepEqual(parse(text.slice(0, i), text.slice(i, j), text.slice(j)), expected, `cut at ${i} and ${j}`);
        }
    }
    // a line is complete with its CR: not only when the next byte shows whether LF follows
    assert.deepEqual(parse('data: now\r\r'), ['now']);
    assert.deepEqual(parse('data: now\r\n\r'), ['now']);
});


test('no WebSocket: after two attempts a stream by fetch, and back to WebSocket when that is lost', async t => {
    const server = new FakeServer(), s = setup(t, { fetch: server.fetch });
    FakeSocket.refuse = true;
    s.chat.connect();
    const done = s.chat.join('lobby', { last: 5 });
    await settle();
    assert.equal(server.streams.length, 0);
    s.tick(500);
    await settle();
    assert.equal(FakeSocket.all.length, 2);
    assert.equal(server.streams.length, 1);
    assert.equal(s.chat.transport, 'stream');
    const [hello, join] = server.stream.commands;
    assert.equal(hello.type, 'hello');
    assert.deepEqual([join.type, join.room, join.last], ['join', 'lobby', 5]);
    await server.stream.say(welcome({ user: { id: '~g1', guest: true }, guest_token: 'T1' }), joined(10, { reply_to: join.id }));
    await done;
    assert.equal(s.of('state').at(-1).transport, 'stream');

    // bytes cut within a character, CR as the end of line
    const bytes = Buffer.from(': hi\r\rdata: ' + JSON.stringify(message(11, { text: 'zwölf 🎉' })) + '\r\r');
    for (const byte of bytes) { server.stream.raw(Uint8Array.of(byte)); await settle(); }
    assert.deepEqual(s.texts(), ['zwölf 🎉']);

    // publishing: as the same user, with the session
    server.answer = cmds => json(cmds.map(c => ({ type: 'ok', reply_to: c.id, room: c.room, id: E + '-12', ts: 9 })), 200);
    assert.equal((await s.chat.send('lobby', 'hello')).id, E + '-12');
    const [{ commands: [cmd], headers }] = server.posts;
    assert.deepEqual([cmd.type, cmd.text, cmd.nonce.length], ['message', 'hello', 32]);
    assert.deepEqual([headers.Authorization, headers['Chat-Session'], headers.Accept], ['Bearer T1', 's1', 'application/json']);

    // lost: WebSocket again, at once the stream again if that fails, with the cursor and as the same guest
    server.stream.c.close();
    await settle();
    assert.equal(s.chat.state, 'offline');
    s.tick(5000);
    await settle();
    assert.equal(FakeSocket.all.length, 3);
    assert.equal(server.streams.length, 2);
    assert.equal(server.stream.commands[0].token, 'T1');
    assert.equal(server.stream.headers.Authorization, 'Bearer T1');
    assert.equal(server.stream.commands[1].after, E + '-11');
    await server.stream.say(welcome(), joined(12, { recovered: true }), message(11), message(12));
    assert.deepEqual(s.texts(), ['zwölf 🎉', 't12']);
    server.stream.c.close();
    await settle();
    FakeSocket.refuse = false;
    s.tick(30000);
    s.ws.open().say(welcome());
    assert.equal(s.chat.transport, 'ws');
});

test('where a WebSocket has worked, more of them are tried before a stream', async t => {
    const server = new FakeServer(), s = setup(t, { fetch: server.fetch });
    await s.online();
    t.mock.method(Math, 'random', () => 0);
    FakeSocket.refuse = true;
    s.ws.drop();
    for (let i = 1; i <= 5; i++) {
        assert.equal(server.streams.length, 0);
        s.tick(0);
        await settle();
        assert.equal(FakeSocket.all.length, 1 + i);
    }
    assert.equal(server.streams.length, 1);
});

async function streaming(t, options = {}) {
    const server = new FakeServer(), s = setup(t, { fetch: server.fetch, WebSocket: undefined, ...options });
    s.chat.connect();
    const done = s.chat.join('lobby');
    await settle();
    s.tick(20);
    await settle();
    await server.stream.say(welcome({ session: 's' + server.streams.length }), joined(10));
    await done;
    return { server, s };
}

test('stream: other rooms by a new stream with cursors, the old one closed behind it', async t => {
    const { server, s } = await streaming(t), first = server.stream;
    await first.say(message(11));
    const a = s.chat.join('a'), b = s.chat.join('b', { last: 3 });
    s.tick(20);
    await settle();
    assert.equal(server.streams.length, 2);
    const second = server.stream;
    assert.deepEqual(second.commands[1].rooms, [{ room: 'lobby', after: E + '-11' }, { room: 'a' }, { room: 'b', last: 3 }]);
    await first.say(message(12));
    await second.say(welcome({ session: 's9' }), joined(12, { recovered: true }));
    assert.equal(first.signal.aborted, false);
    await second.say(message(12), joined(0, { room: 'a' }), joined(4, { room: 'b' }), { type: 'ok', reply_to: second.commands[1].id, failed: [] });
    assert.equal(first.signal.aborted, true);
    await Promise.all([a, b]);
    await second.say(message(13), message(1, { room: 'a', text: 'a1' }));
    assert.deepEqual(s.texts(), ['t11', 't12', 't13', 'a1']);

    const left = await s.chat.leave('a');
    assert.equal(left.reason, 'left');
    assert.deepEqual(s.of('left').map(l => l.room), ['a']);
    await second.say(message(2, { room: 'a' }));
    s.tick(20);
    await settle();
    assert.deepEqual(server.stream.commands[1].rooms, [{ room: 'lobby', after: E + '-13' }, { room: 'b', after: E + '-4', last: 3 }]);
    await server.stream.say(welcome(), joined(13, { recovered: true }), joined(4, { room: 'b', recovered: true }));
    assert.equal(second.signal.aborted, true);
    assert.equal(s.of('state').length, 2);
    assert.deepEqual(s.texts(), ['t11', 't12', 't13', 'a1']);
});

test('stream: drain', async t => {
    const { server, s } = await streaming(t), old = server.stream;
    await old.say({ type: 'reconnect', after_ms: 100, deadline_ms: 1000 });
    s.tick(100);
    await settle();
    await old.say(message(11));
    await server.stream.say(welcome(), joined(11, { recovered: true }), message(11), message(12));
    assert.equal(old.signal.aborted, true);
    assert.deepEqual(s.texts(), ['t11', 't12']);
    assert.deepEqual(s.of('state').map(x => x.state), ['connecting', 'online']);
});

test('stream: publishing in order, one request at a time, again with the same nonce after a failure', async t => {
    const { server, s } = await streaming(t);
    let n = 0;
    server.answer = cmds => {
        if (++n === 1) throw new TypeError('network');
        if (n === 2) return json({ code: 'unavailable' }, 503, { 'Retry-After': '2' });
        return json(cmds.map((c, i) => ({ type: 'ok', reply_to: c.id, id: `${E}-${20 + i}` })));
    };
    const calls = ['a', 'b', 'c'].map(text => s.chat.send('lobby', text));
    await settle();
    assert.equal(server.posts.length, 1);
    s.tick(500);
    await settle();
    assert.equal(server.posts.length, 2);
    s.tick(1999);
    await settle();
    assert.equal(server.posts.length, 2);
    s.tick(1);
    await settle();
    await Promise.all(calls);
    const texts = server.posts.map(p => p.commands.map(c => c.text).join(''));
    assert.deepEqual(texts, ['a', 'abc', 'abc']);
    assert.equal(server.posts[0].commands[0].nonce, server.posts[2].commands[0].nonce);

    // no more than 64 commands and a frame's length in one request
    n = 5;
    const many = Array.from({ length: 100 }, (_, i) => s.chat.send('lobby', 'm' + i));
    await settle();
    await Promise.all(many);
    assert.deepEqual(server.posts.slice(3).map(p => p.commands.length), [1, 64, 35]);
    const long = Array.from({ length: 5 }, () => s.chat.send('lobby', 'x'.repeat(8000)));
    await settle();
    await Promise.all(long);
    assert.ok(server.posts.slice(6).every(p => JSON.stringify(p.commands).length <= 16384 + 64));

    // what no retry can cure
    server.answer = () => json({ code: 'forbidden', detail: 'no' }, 403, { 'Content-Type': 'application/problem+json' });
    await assert.rejects(s.chat.send('lobby', 'x'), { code: 'forbidden', message: 'no' });
    server.answer = cmds => json([{ type: 'history', reply_to: cmds[0].id, room: 'lobby', events: [message(1)], more: false }]);
    assert.equal((await s.chat.history('lobby', { limit: 1 })).events.length, 1);
});

test('stream: a guest whose token is refused becomes another guest', async t => {
    const { server, s } = await streaming(t);
    await server.stream.say(guest('~g1'));
    server.answer = () => json({ code: 'unauthorized' }, 401);
    const sent = s.chat.send('lobby', 'x');
    await settle();
    assert.equal(server.posts.at(-1).headers.Authorization, 'Bearer token-~g1');
    assert.equal(s.chat.state, 'offline');
    server.answer = cmds => json(cmds.map(c => ({ type: 'ok', reply_to: c.id, id: E + '-11' })));
    s.tick(5000);
    await settle();
    assert.deepEqual([server.stream.headers.Authorization, server.stream.commands[0].token], [undefined, undefined]);
    await server.stream.say(guest('~g2'), joined(10, { recovered: true }));
    await sent;
    assert.equal(server.posts.at(-1).headers.Authorization, 'Bearer token-~g2');
});

test('stream: each request says the name', async t => {
    const { server, s } = await streaming(t, { name: 'Ann' });
    assert.equal(server.stream.commands[0].name, 'Ann');
    server.answer = cmds => json(cmds.filter(c => c.id).map((c, i) => ({ type: 'ok', reply_to: c.id, id: `${E}-${20 + i}` })));
    const many = Array.from({ length: 70 }, (_, i) => s.chat.send('lobby', 'm' + i));
    await settle();
    await Promise.all(many);
    assert.deepEqual(server.posts.map(p => p.commands.length), [2, 64, 7]);
    for (const { commands } of server.posts) {
        assert.deepEqual(commands.filter(c => c.type === 'hello'), [{ type: 'hello', name: 'Ann' }]);
        assert.equal(commands[0].type, 'hello');
    }
    // a new stream for another name
    const old = server.stream;
    s.chat.rename('Anna');
    await settle();
    assert.equal(server.stream.commands[0].name, 'Anna');
    await server.stream.say(welcome(), joined(10, { recovered: true }));
    assert.equal(old.signal.aborted, true);
});

test('stream: what is in flight when the stream changes is published once', async t => {
    const { server, s } = await streaming(t);
    let release;
    server.answer = () => new Promise(r => { release = r; });
    const sent = s.chat.send('lobby', 'x'), nonce = (await settle(), server.posts[0].commands[0].nonce);
    s.chat.join('b').catch(() => {});
    s.tick(20);
    await settle();
    server.answer = cmds => json(cmds.map(c => ({ type: 'ok', reply_to: c.id, id: E + '-11', duplicate: true })));
    await server.stream.say(welcome(), joined(11, { recovered: true }), joined(0, { room: 'b' }));
    release(json([]));
    assert.equal((await sent).duplicate, true);
    assert.equal(server.posts.length, 2);
    assert.equal(server.posts[1].commands[0].nonce, nonce);
});

test('stream: statuses', async t => {
    for (const [status, end] of [[400, true], [403, true], [404, true], [401, true], [429, false], [500, false], [503, false]]) {
        await t.test(String(status), async t => {
            const server = new FakeServer(), s = setup(t, { fetch: server.fetch, WebSocket: undefined });
            server.refuse = () => json({ code: 'c', detail: 'd' }, status, { 'Retry-After': '7' });
            s.chat.connect();
            await settle();
            const { state, code, reason } = s.of('state').at(-1);
            assert.deepEqual([state, code, reason], [end ? 'closed' : 'offline', status === 401 ? 4401 : status, 'd']);
            if (!end) assert.ok(s.of('state').at(-1).retry_ms >= 7000);
        });
    }
    await t.test('a page of somebody else, 200', async t => {
        const server = new FakeServer(), s = setup(t, { fetch: server.fetch, WebSocket: undefined });
        server.refuse = () => new Response('<html>', { headers: { 'Content-Type': 'text/html' } });
        s.chat.connect();
        await settle();
        assert.equal(s.chat.state, 'offline');
    });
    await t.test('nothing but a stream that ends with closing', async t => {
        const { server, s } = await streaming(t);
        await server.stream.say({ type: 'closing', code: 4503, reason: 'banned', reconnect: false });
        server.stream.c.close();
        await settle();
        assert.deepEqual([s.chat.state, s.of('state').at(-1).code], ['closed', 4503]);
    });
    await t.test('silence', async t => {
        const { server, s } = await streaming(t);
        s.tick(49000);
        server.stream.raw(Buffer.from(': \n\n'));
        await settle();
        s.tick(49000);
        assert.equal(s.chat.state, 'online');
        s.tick(1000);
        assert.deepEqual([s.chat.state, s.of('state').at(-1).reason], ['offline', 'silence']);
    });
});
