// chat.js: connections that change, end, are refused and fall silent.

import test from 'node:test';
import assert from 'node:assert/strict';
import { Chat } from '../../web/client/chat.js';
import { E, settle, FakeSocket, FakeServer, welcome, guest, message, joined, memory, setup } from './fake.mjs';

test('drain: the new connection is in every room before the old one is closed; nothing doubled', async t => {
    const s = setup(t), old = await s.online(10);
    old.say(message(11), { type: 'reconnect', after_ms: 300, deadline_ms: 5000 });
    s.tick(299);
    assert.equal(FakeSocket.all.length, 1);
    s.tick(1);
    assert.equal(FakeSocket.all.length, 2);
    const fresh = s.ws;
    old.say(message(12));
    fresh.open().say(welcome({ session: 's2' }));
    assert.equal(fresh.last('join').after, E + '-12');
    assert.equal(old.closed, undefined);
    const sent = s.chat.send('lobby', 'meanwhile'), m = old.last('message');
    old.say(message(13));                                              // the old one is ahead
    fresh.say(joined(14, { reply_to: fresh.last('join').id, recovered: true, missed: 0 }));
    assert.equal(old.closed, 1000);
    old.say(message(14));                                              // too late, and not needed
    fresh.say(message(13), message(14), message(15));
    assert.deepEqual(s.texts(), ['t11', 't12', 't13', 't14', 't15']);
    assert.equal(fresh.last('message').nonce, m.nonce);                // unanswered: again
    fresh.say({ type: 'ok', reply_to: m.id, id: E + '-13', duplicate: true });
    assert.equal((await sent).id, E + '-13');
    old.drop(1012);
    assert.deepEqual(s.of('state').map(x => x.state), ['connecting', 'online']);
    assert.equal(FakeSocket.all.length, 2);
});

test('drain: the old one is ended before the new one is ready', async t => {
    const s = setup(t), old = await s.online(10);
    old.say({ type: 'reconnect', after_ms: 0, deadline_ms: 1000 });
    s.tick(0);
    const fresh = s.ws;
    old.say({ type: 'closing', code: 1012, reconnect: true });
    old.drop(1012);
    assert.equal(s.chat.state, 'connecting');
    fresh.open().say(welcome());
    assert.equal(s.chat.state, 'online');
    fresh.say(joined(12, { recovered: true }), message(11), message(12));
    assert.deepEqual(s.texts(), ['t11', 't12']);
    s.tick(20000);
    assert.equal(FakeSocket.all.length, 2);
});

test('drain: the new one fails, the old one stays meanwhile', async t => {
    const s = setup(t), old = await s.online(10);
    old.say({ type: 'reconnect', after_ms: 0, deadline_ms: 60000 });
    s.tick(0);
    for (let i = 0; i < 3; i++) {
        s.ws.drop();
        assert.equal(s.chat.state, 'online');
        assert.equal(s.chat.transport, 'ws');
        await settle();
        assert.equal(FakeSocket.all.length, i + 2);
        s.tick(5000);
    }
    old.say(message(11));
    s.ws.open().say(welcome(), joined(11, { recovered: true }));
    assert.equal(old.closed, 1000);
    assert.deepEqual(s.texts(), ['t11']);
});

test('drain: the new one fails after it was in the room: the old one goes on', async t => {
    const s = setup(t), old = await s.online(10);
    const den = s.chat.join('den');
    old.say(joined(1, { room: 'den', reply_to: old.last('join').id }));
    await den;
    old.say({ type: 'reconnect', after_ms: 0, deadline_ms: 60000 });
    s.tick(0);
    const first = s.ws;
    first.open().say(welcome(), joined(10, { recovered: true }));        // not in the den yet
    old.say(message(11), { type: 'gap', room: 'lobby', from: 12, to: 13, missed: 2, reason: 'slow' }, message(14));
    first.say(message(12));
    const sent = s.chat.send('lobby', 'x');
    first.drop();
    const m = old.last('message');
    assert.equal(m.text, 'x');
    old.say({ type: 'ok', reply_to: m.id, id: E + '-15' }, message(15, { text: 'x', nonce: m.nonce, user: { id: 'ann' } }));
    await sent;
    assert.deepEqual([s.texts(), s.of('gap').length], [['t11', 't14', 'x'], 1]);
    s.tick(5000);
    assert.deepEqual(s.ws.open().say(welcome()).last('join').rooms.map(r => r.after), [E + '-15', E + '-1']);
    s.ws.say(joined(15, { recovered: true }), joined(1, { room: 'den', recovered: true }));
    assert.equal(old.closed, 1000);
});

test('drain: a room entered meanwhile is entered on the new one with its cursor', async t => {
    const s = setup(t), old = await s.online(10);
    old.say({ type: 'reconnect', after_ms: 0 });
    s.tick(0);
    const fresh = s.ws, done = s.chat.join('den');
    const ask = old.last('join');
    assert.equal(ask.room, 'den');
    fresh.open().say(welcome());
    assert.equal(fresh.last('join').room, 'lobby');                    // the den has no cursor yet
    old.say(joined(3, { room: 'den', reply_to: ask.id }), message(4, { room: 'den' }));
    await done;
    fresh.say(joined(10, { recovered: true }));
    assert.deepEqual([fresh.last('join').room, fresh.last('join').after], ['den', E + '-4']);
    fresh.say(joined(5, { room: 'den', recovered: true }), message(5, { room: 'den' }));
    assert.deepEqual(s.texts(), ['t4', 't5']);
});

test('final codes end it, the others do not', async t => {
    for (const code of [1000, 1002, 1003, 1007, 1008, 1009, 4500, 4503, 4510, 4999, 4401]) {
        await t.test('final ' + code, async t => {
            const s = setup(t), ws = await s.online();
            const call = assert.rejects(s.chat.send('lobby', 'x'), { code: 'closed' });
            ws.drop(code, 'because');
            assert.deepEqual(s.of('state').at(-1), { state: 'closed', transport: undefined, code, reason: 'because' });
            await call;
            s.tick(100000);
            assert.equal(FakeSocket.all.length, 1);
            await assert.rejects(s.chat.send('lobby', 'x'), { code: 'closed' });
        });
    }
    for (const code of [1001, 1005, 1006, 1011, 1012, 1013, 4000, 4408, 4429, 4499]) {
        await t.test('not final ' + code, async t => {
            const s = setup(t), ws = await s.online();
            ws.drop(code);
            assert.equal(s.chat.state, 'offline');
            s.tick(5000);
            assert.equal(FakeSocket.all.length, 2);
        });
    }
    await t.test('closing says so', async t => {
        const s = setup(t), ws = await s.online();
        ws.say({ type: 'closing', code: 4503, reason: 'banned', reconnect: false });
        ws.drop(1006);
        assert.deepEqual([s.chat.state, s.of('state').at(-1).reason], ['closed', 'banned']);
        // a person may try again
        s.chat.connect();
        assert.equal(FakeSocket.all.length, 2);
    });
});

test('retry_after_ms of closing is kept, whatever the browser or connect() say', async t => {
    const s = setup(t), ws = await s.online();
    ws.say({ type: 'closing', code: 4429, reason: 'flooding', reconnect: true, retry_after_ms: 30000 });
    ws.drop(4429);
    s.tick(29999);
    s.chat.connect();
    assert.equal(FakeSocket.all.length, 1);
    s.tick(501);
    assert.equal(FakeSocket.all.length, 2);
});

test('4401 with a function for tokens: only a new token is tried', async t => {
    const asked = [], tokens = ['one', 'two', 'two'];
    const s = setup(t, { token: async why => (asked.push(why.expired), tokens.shift()) });
    s.chat.connect();
    await settle();
    s.ws.open();
    assert.equal(s.ws.last('hello').token, 'one');
    s.ws.say(welcome());
    s.ws.say({ type: 'closing', code: 4401, reason: 'expired', reconnect: false });
    s.ws.drop(4401);
    assert.equal(s.chat.state, 'offline');
    s.tick(5000);
    await settle();
    s.ws.open();
    assert.equal(s.ws.last('hello').token, 'two');
    s.ws.drop(4401);
    s.tick(30000);
    await settle();
    assert.deepEqual(asked, [false, true, true]);
    assert.equal(s.chat.state, 'closed');
    assert.equal(FakeSocket.all.length, 2);
});

test('a function for tokens that fails is asked again', async t => {
    let n = 0;
    const s = setup(t, { token: () => { if (!n++) throw new Error('no net'); return 'ok'; } });
    s.chat.connect();
    await settle();
    assert.equal(s.chat.state, 'offline');
    assert.equal(s.of('error')[0].message, 'no net');
    s.tick(5000);
    await settle();
    s.ws.open();
    assert.equal(s.ws.last('hello').token, 'ok');
});

test('a guest stays the same guest', async t => {
    const key = 'chat.guest:http://h.test/chat/', storage = memory();
    const s = setup(t, { storage });
    s.chat.connect();
    s.ws.open().say(guest('~g1'));
    assert.equal(s.ws.last('hello').token, undefined);
    assert.equal(storage.map.get(key), 'token-~g1');
    // after a reconnect: first another guest, then, by the token, the same; only that one counts
    s.ws.drop();
    s.tick(5000);
    s.ws.open();
    assert.equal(s.ws.last('hello').token, 'token-~g1');
    s.ws.say(guest('~g2'));
    assert.equal(storage.map.get(key), 'token-~g1');
    assert.equal(s.chat.state, 'connecting');
    s.ws.say(guest('~g1', 'renewed'));
    assert.equal(s.chat.state, 'online');
    assert.equal(storage.map.get(key), 'renewed');
    assert.deepEqual(s.of('welcome').map(w => w.user.id), ['~g1', '~g1']);
    // a new page
    s.chat.close();
    const page = new Chat('http://h.test/chat/', { WebSocket: FakeSocket, storage });
    t.after(() => page.close());
    page.connect();
    s.ws.open().say(guest('~g3'), guest('~g1', 'renewed'));
    assert.equal(page.user.id, '~g1');
});

test('a guest token that does not count any more', async t => {
    const key = 'chat.guest:http://h.test/chat/';
    await t.test('answered by an error', async t => {
        const storage = memory({ [key]: 'old' }), s = setup(t, { storage });
        s.chat.connect();
        s.ws.open().say(guest('~g2'), { type: 'error', reply_to: s.ws.last('hello').id, code: 'unauthorized', temporary: false });
        assert.deepEqual([s.chat.user.id, storage.map.get(key), s.of('error').length], ['~g2', 'token-~g2', 0]);
    });
    await t.test('answered by ok, without another welcome', async t => {
        const storage = memory({ [key]: 'old' }), s = setup(t, { storage });
        s.chat.connect();
        s.ws.open().say(guest('~g2'));
        assert.equal(s.chat.state, 'connecting');
        s.ws.say({ type: 'ok', reply_to: s.ws.last('hello').id });
        assert.deepEqual([s.chat.state, s.chat.user.id, storage.map.get(key)], ['online', '~g2', 'token-~g2']);
    });
    await t.test('not answered at all', async t => {
        const storage = memory({ [key]: 'old' }), s = setup(t, { storage });
        s.chat.connect();
        s.ws.open().say(guest('~g2'));
        s.tick(10000);
        assert.deepEqual([s.chat.state, s.chat.user.id], ['online', '~g2']);
    });
    await t.test('answered by closing 4401', async t => {
        const storage = memory({ [key]: 'old' }), s = setup(t, { storage });
        s.chat.connect();
        s.ws.open().say({ type: 'closing', code: 4401, reason: 'token', reconnect: false });
        s.ws.drop(4401);
        s.tick(5000);
        s.ws.open();
        assert.equal(s.ws.last('hello').token, undefined);
        s.ws.say(guest('~g2'));
        assert.deepEqual([s.chat.state, storage.map.get(key)], ['online', 'token-~g2']);
    });
});

test('a name: in hello, held until the answer, said again after a loss', async t => {
    const named = (id, name) => welcome({ user: { id, guest: true, name }, guest_token: 'token-' + id });
    const s = setup(t, { name: 'Ann' });
    s.chat.connect();
    s.ws.open();
    assert.equal(s.ws.last('hello').name, 'Ann');
    s.ws.say(guest('~g1'));
    assert.equal(s.chat.state, 'connecting');
    s.ws.say({ ...named('~g1', 'Ann'), reply_to: s.ws.last('hello').id });
    assert.deepEqual([s.chat.state, s.chat.user.name], ['online', 'Ann']);
    assert.deepEqual(s.of('welcome').map(w => w.user.name), ['Ann']);
    s.ws.drop();
    s.tick(5000);
    s.ws.open();
    const { name, token } = s.ws.last('hello');
    assert.deepEqual([name, token], ['Ann', 'token-~g1']);
    s.ws.say(guest('~g2'), named('~g1', 'Ann'));
    // another one: by another connection beside this one, which then takes over
    const old = s.ws;
    s.chat.rename('Anna');
    assert.equal(s.chat.state, 'online');
    s.ws.open().say(guest('~g3'));
    assert.deepEqual([s.ws.last('hello').name, old.closed], ['Anna', undefined]);
    s.ws.say(named('~g1', 'Anna'));
    assert.deepEqual([old.closed, s.chat.user.name], [1000, 'Anna']);
    // and none
    s.chat.rename('');
    assert.equal('name' in s.ws.open().last('hello'), false);
    s.ws.say(guest('~g4'), guest('~g1'));
    assert.deepEqual([s.chat.user.id, s.chat.user.name], ['~g1', undefined]);
    assert.deepEqual(s.of('state').map(x => x.state), ['connecting', 'online', 'offline', 'connecting', 'online']);
});

test('a hello that is refused goes again without what was wrong', async t => {
    const key = 'chat.guest:http://h.test/chat/';
    const refused = (s, field, code = 'bad_request') => ({ type: 'error', reply_to: s.ws.last('hello').id, code, field, temporary: false });
    await t.test('the name', async t => {
        const storage = memory({ [key]: 'mine' }), s = setup(t, { storage, name: '\u202e' });
        s.chat.connect();
        s.ws.open().say(guest('~g2'), refused(s, 'name'));
        const { token, name } = s.ws.last('hello');
        assert.deepEqual([token, name, s.chat.state], ['mine', undefined, 'connecting']);
        s.ws.say(guest('~g1'));
        assert.deepEqual([s.chat.state, s.chat.user.id], ['online', '~g1']);
        assert.deepEqual(s.of('error').map(e => e.field), ['name']);
        assert.deepEqual(s.of('welcome').map(w => w.user.id), ['~g1']);
    });
    await t.test('the token', async t => {
        const storage = memory({ [key]: 'old' }), s = setup(t, { storage, name: 'Ann' });
        s.chat.connect();
        s.ws.open().say(guest('~g2'), refused(s, 'token', 'expired'));
        const { token, name } = s.ws.last('hello');
        assert.deepEqual([token, name, s.chat.state, storage.map.has(key)], [undefined, 'Ann', 'connecting', false]);
        s.ws.say({ ...guest('~g2'), user: { id: '~g2', guest: true, name: 'Ann' } });
        assert.deepEqual([s.chat.state, s.chat.user.name, storage.map.get(key), s.of('error').length], ['online', 'Ann', 'token-~g2', 0]);
    });
    await t.test('both', async t => {
        const storage = memory({ [key]: 'old' }), s = setup(t, { storage, name: '\u202e' });
        s.chat.connect();
        s.ws.open().say(guest('~g2'), refused(s, 'name'));
        s.ws.say(refused(s, 'token', 'unauthorized'));
        assert.deepEqual([s.chat.state, s.chat.user.id], ['online', '~g2']);
        assert.equal(s.ws.sent.filter(c => c.type === 'hello').length, 2);
    });
    await t.test('a token that is no guest\'s', async t => {
        const s = setup(t, { token: 'theirs' });
        s.chat.connect();
        s.ws.open().say(refused(s, 'token', 'unauthorized'));
        assert.equal(s.of('error').length, 1);
        assert.equal(s.ws.sent.filter(c => c.type === 'hello').length, 1);
        assert.deepEqual([s.chat.state, s.of('state').at(-1).code], ['closed', 4401]);
    });
    await t.test('a token that is no guest\'s, and another one behind it', async t => {
        const tokens = ['old', 'new'], s = setup(t, { token: () => tokens.shift() });
        s.chat.connect();
        await settle();
        s.ws.open().say(guest('~g9'), refused(s, 'token', 'expired'));
        s.tick(30000);
        await settle();
        assert.equal(FakeSocket.all.length, 2);
        s.ws.open().say(guest('~g9'));
        assert.equal(s.chat.state, 'connecting');                        // not as that guest
        s.ws.say({ ...welcome(), reply_to: s.ws.last('hello').id });
        assert.deepEqual([s.ws.last('hello').token, s.chat.state, s.chat.user.id], ['new', 'online', 'ann']);
    });
});

test('a token that is about to end is renewed on the connection', async t => {
    const asked = [], s = setup(t, { token: why => { asked.push(why); return 'token' + asked.length; } });
    s.chat.connect();
    await settle();
    s.ws.open().say(welcome(), { type: 'expiring', in_ms: 60000 });
    await settle();
    assert.deepEqual(asked, [{ expired: false }, { expired: false, expiring: true }]);
    assert.deepEqual([s.ws.last('auth').token, FakeSocket.all.length, s.of('event').length], ['token2', 1, 1]);
    s.ws.say({ type: 'ok', reply_to: s.ws.last('auth').id });
    // one that is refused is told, and the connection stays until it ends
    s.ws.say({ type: 'expiring', in_ms: 60000 });
    await settle();
    s.ws.say({ type: 'error', reply_to: s.ws.last('auth').id, code: 'unauthorized', field: 'token', temporary: false });
    assert.deepEqual([s.of('error').length, s.chat.state], [1, 'online']);
});

test('a stream whose token is about to end is opened anew', async t => {
    let n = 0;
    const server = new FakeServer(), s = setup(t, { fetch: server.fetch, WebSocket: undefined, token: () => 'token' + ++n });
    s.chat.connect();
    await settle();
    await server.stream.say(welcome(), { type: 'expiring', in_ms: 60000 });
    s.tick(0);
    await settle();
    assert.equal(server.streams.length, 2);
    assert.notEqual(server.streams[0].headers.Authorization, server.stream.headers.Authorization);
    await server.stream.say(welcome());
    assert.equal(server.streams[0].signal.aborted, true);
});

test('silence: a ping after 2 · ping_ms, a loss when nothing comes for 10 s', async t => {
    const s = setup(t), ws = await s.online();
    s.tick(50000);
    assert.equal(ws.last('ping')?.type, 'ping');
    s.tick(9999);
    ws.say({ type: 'pong' });
    s.tick(1);
    assert.equal(s.chat.state, 'online');
    s.tick(50000);
    assert.equal(ws.sent.filter(c => c.type === 'ping').length, 2);
    s.tick(10000);
    assert.equal(s.chat.state, 'offline');
    assert.equal(ws.closed, 1000);
    assert.equal(s.of('state').at(-1).reason, 'no answer');
    s.tick(5000);
    assert.equal(FakeSocket.all.length, 2);
    // the server's pings
    s.ws.open().say(welcome(), { type: 'ping' });
    assert.equal(s.ws.sent.at(-1).type, 'pong');
});

test('a socket that opens but says nothing is given up after open_ms', async t => {
    const s = setup(t);
    s.chat.connect();
    s.ws.open();
    s.tick(9999);
    assert.equal(s.chat.state, 'connecting');
    s.tick(1);
    assert.equal(s.chat.state, 'offline');
});

test('a server that says why it closes has a WebSocket: no stream is tried', async t => {
    const server = new FakeServer(), s = setup(t, { fetch: server.fetch });
    s.chat.connect();
    for (let i = 0; i < 4; i++) {
        s.ws.open().say({ type: 'closing', code: 1013, reason: 'full', reconnect: true, retry_after_ms: 1000 });
        s.ws.drop(1013);
        await settle();
        s.tick(1500);
        await settle();
    }
    assert.deepEqual([FakeSocket.all.length, server.streams.length], [5, 0]);
});

test('online and visibilitychange try at once; offline asks the connection', async t => {
    const target = new EventTarget(), page = new EventTarget();
    for (const name of ['addEventListener', 'removeEventListener']) {
        globalThis[name] = target[name].bind(target);
        t.after(() => delete globalThis[name]);
    }
    globalThis.document = page;
    t.after(() => delete globalThis.document);
    const s = setup(t), ws = await s.online();
    target.dispatchEvent(new Event('offline'));
    assert.equal(ws.last('ping')?.type, 'ping');
    s.tick(5000);
    assert.equal(s.chat.state, 'offline');
    t.mock.method(Math, 'random', () => 1);
    page.hidden = true;
    page.dispatchEvent(new Event('visibilitychange'));
    assert.equal(FakeSocket.all.length, 1);
    target.dispatchEvent(new Event('online'));
    assert.equal(FakeSocket.all.length, 2);
    s.ws.drop();
    page.hidden = false;
    page.dispatchEvent(new Event('visibilitychange'));
    assert.equal(FakeSocket.all.length, 3);
    s.chat.close();
    target.dispatchEvent(new Event('online'));
    assert.equal(FakeSocket.all.length, 3);
});
