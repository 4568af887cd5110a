// chat.js alone, with a scripted WebSocket and fetch and mocked time:
//
//     node --test chat.test.mjs

import test from 'node:test';
import assert from 'node:assert/strict';
import { Chat, ChatError, parseId, sseParser } from '../../web/chat.js';

const E = 'k3f9q2x0ab', F = 'zzzzzzzzzz';
const settle = async () => { for (let i = 0; i < 3; i++) await new Promise(setImmediate); };

class FakeSocket {
    static all = [];
    static refuse = false;
    constructor(url, protocol) {
        Object.assign(this, { url, protocol, sent: [], state: 0 });
        FakeSocket.all.push(this);
        if (FakeSocket.refuse) queueMicrotask(() => this.drop(1006));
    }
    send(text) { assert.equal(this.state, 1); this.sent.push(JSON.parse(text)); }
    close(code) { this.closed ??= code; this.state = 3; }
    // the server's side
    open() { this.state = 1; this.onopen?.(); return this; }
    say(...objects) { for (const o of objects) this.onmessage?.({ data: JSON.stringify(o) }); return this; }
    drop(code = 1006, reason = '') { this.state = 3; this.onclose?.({ code, reason }); }
    last(type) { return this.sent.findLast(c => c.type === type); }
    commands() { return this.sent.map(c => c.type); }
}

const welcome = (more = {}) => ({
    type: 'welcome', protocol: 'chat.v1', server: 'x', session: 's1', user: { id: 'ann', name: 'Ann' }, ts: 1,
    features: ['history', 'resume'], limits: { text: 4096, frame: 16384, rooms: 100, replay: 1000 }, ping_ms: 25000,
    reconnect: { min_ms: 500, max_ms: 30000, spread_ms: 5000 }, ...more,
});
const guest = (id, token = 'token-' + id) => welcome({ user: { id, guest: true }, guest_token: token });
const message = (offset, more = {}) => ({
    type: 'message', room: 'lobby', id: `${E}-${offset}`, ts: 1000 + offset, user: { id: 'bob' }, text: 't' + offset, ...more,
});
const joined = (head, more = {}) => ({ type: 'joined', room: 'lobby', epoch: E, first: 1, head, ...more });

function memory(init = {}) {
    const map = new Map(Object.entries(init));
    return { map, getItem: k => map.get(k) ?? null, setItem: (k, v) => void map.set(k, v), removeItem: k => void map.delete(k) };
}

function setup(t, options = {}) {
    t.mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 1.8e12 });
    FakeSocket.all = [];
    FakeSocket.refuse = false;
    const chat = new Chat('http://h.test/chat/', { WebSocket: FakeSocket, storage: null, ...options });
    const log = [];
    for (const type of ['state', 'welcome', 'joined', 'left', 'message', 'gap', 'reset', 'error', 'event']) {
        chat.on(type, value => log.push([type, value]));
    }
    t.after(() => chat.close());
    return {
        chat, log, tick: ms => t.mock.timers.tick(ms),
        of: type => log.filter(([name]) => name === type).map(([, value]) => value),
        texts: () => log.filter(([name]) => name === 'message').map(([, m]) => m.text),
        get ws() { return FakeSocket.all.at(-1); },
        // a connection in the lobby with its head at `head`
        async online(head = 10, more = {}) {
            chat.connect();
            const done = chat.join('lobby', { last: 50 });
            this.ws.open().say(welcome());
            this.ws.say(joined(head, { reply_to: this.ws.last('join').id, ...more }));
            await done;
            return this.ws;
        },
    };
}


test('ids', () => {
    assert.deepEqual(parseId(E + '-42'), { epoch: E, offset: 42 });
    assert.deepEqual(parseId(E + '-0'), { epoch: E, offset: 0 });
    for (const bad of ['0', '', null, 5, {}, 'k3f9q2x0a-1', 'K3F9Q2X0AB-1', E + '-', E + '--1', E + '-1x', E + '-9999999999999999']) {
        assert.equal(parseId(bad), null);
    }
});

test('opening: subprotocol, hello first, the join behind the welcome', async t => {
    const s = setup(t);
    assert.equal(s.chat.state, 'closed');
    s.chat.connect();
    assert.equal(s.chat.state, 'connecting');
    const done = s.chat.join('lobby', { last: 20 });
    assert.equal(s.ws.url, 'ws://h.test/chat/');
    assert.equal(s.ws.protocol, 'chat.v1');
    s.ws.open();
    assert.deepEqual(s.ws.commands(), ['hello']);
    assert.match(s.ws.sent[0].client, /^chat\.js\//);
    s.ws.say(welcome());
    assert.equal(s.chat.state, 'online');
    assert.equal(s.chat.transport, 'ws');
    assert.deepEqual(s.chat.user, { id: 'ann', name: 'Ann' });
    const { id, ...join } = s.ws.sent[1];
    assert.deepEqual(join, { type: 'join', room: 'lobby', last: 20 });
    s.ws.say(joined(3, { reply_to: id, page: { room: 'lobby', events: [message(2), message(3)], more: true, next: E + '-2' } }));
    const j = await done;
    assert.deepEqual(j.page.events.map(m => m.text), ['t2', 't3']);
    assert.equal(j.page.more, true);
    s.ws.say(message(3), message(4));
    assert.deepEqual(s.texts(), ['t4']);
    assert.deepEqual(s.log.map(([type]) => type), ['state', 'welcome', 'state', 'joined', 'message']);
});

test('urls', t => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    for (const [url, socket] of [['https://h.test/c', 'wss://h.test/c/'], ['ws://h.test/chat/?x=1#y', 'ws://h.test/chat/'],
        ['wss://h.test:8443/http/', 'wss://h.test:8443/http/']]) {
        const chat = new Chat(url, { WebSocket: FakeSocket, storage: null });
        chat.connect();
        assert.equal(FakeSocket.all.at(-1).url, socket);
        chat.close();
    }
});

test('each event once, by its offset; what is no event of the room is ignored', async t => {
    const s = setup(t), ws = await s.online(10);
    ws.say(message(11), message(11), message(9), message(12), message(12), message(14), message(13), message(15));
    assert.deepEqual(s.texts(), ['t11', 't12', 't14', 't15']);       // a hole is no loss, going back is a double
    ws.say(message(16, { room: 'other' }), { type: 'message', room: 'lobby' }, message(17, { id: 'x' }));
    ws.say({ ...message(18), type: 'react', target: E + '-11' }, message(18), message(19));
    assert.deepEqual(s.texts().slice(4), ['t19']);
    assert.deepEqual(s.of('event').map(e => e.type), ['react']);
    ws.say({ type: 'notice', kind: 'message', room: 'lobby', id: E + '-99', unread: 1 }, { type: 'typing', room: 'lobby', user: {}, on: true });
    ws.say(message(20));
    assert.deepEqual(s.of('event').map(e => e.type), ['react', 'notice', 'typing']);
    assert.deepEqual(s.texts().at(-1), 't20');
    assert.equal(s.of('gap').length, 0);
});

test('nonsense from the server does no harm', async t => {
    const s = setup(t), ws = await s.online(10);
    for (const data of ['', '{', 'null', '5', '[]', '[null,1,[]]', '{"type":5}', '{"type":"__proto__"}', '{"type":"constructor"}',
        '{"type":"joined"}', '{"type":"joined","room":"x","epoch":"bad","head":1}', '{"type":"joined","room":"x","epoch":"k3f9q2x0ab","head":-1}',
        '{"type":"left"}', '{"type":"gap"}', '{"type":"gap","room":"lobby","to":"x"}', '{"type":"ok","reply_to":[1]}', '{"type":"error"}',
        '{"type":"ok","reply_to":"toString","failed":[null,{"room":7}]}', '{"type":"history","reply_to":null}', '{"type":"future","a":1}',
        '{"type":"message","room":"__proto__","id":"k3f9q2x0ab-1"}', new ArrayBuffer(4)]) ws.onmessage({ data });
    ws.say(message(11, { user: 'no', text: 5, ts: 'x', x_app: [1] }), message(12, { user: { id: 'eve', name: {} } }));
    const [a, b] = s.of('message');
    assert.deepEqual([a.user, a.text, a.ts, a.x_app], [{ id: '' }, '', 0, [1]]);
    assert.deepEqual(b.user, { id: 'eve' });
    assert.deepEqual(s.chat.rooms, ['lobby']);
    assert.equal(s.chat.state, 'online');
    const page = s.chat.history('lobby');
    ws.say({ type: 'history', reply_to: ws.last('history').id, events: [5, { id: 'x' }, message(3)], more: true });
    assert.deepEqual((await page).events.map(m => m.id), [E + '-3']);
    assert.equal((await page).more, false);
});

test('an array in a frame', async t => {
    const s = setup(t), ws = await s.online(10);
    ws.onmessage({ data: JSON.stringify([message(11), message(12)]) });
    assert.deepEqual(s.texts(), ['t11', 't12']);
});

test('a loss: waits random(0, spread), then resumes behind the cursor', async t => {
    const s = setup(t), ws = await s.online(10);
    ws.say(message(11), message(12));
    t.mock.method(Math, 'random', () => 0.5);
    ws.drop(1006);
    assert.equal(s.chat.state, 'offline');
    assert.equal(s.of('state').at(-1).retry_ms, 2500);
    s.tick(2499);
    assert.equal(FakeSocket.all.length, 1);
    s.tick(1);
    assert.equal(FakeSocket.all.length, 2);
    s.ws.open().say(welcome());
    const join = s.ws.last('join');
    assert.equal(join.after, E + '-12');
    assert.equal(join.last, 50);
    s.ws.say(joined(14, { reply_to: join.id, recovered: true, missed: 0 }), message(13), message(14), message(15));
    assert.deepEqual(s.texts(), ['t11', 't12', 't13', 't14', 't15']);
    assert.equal(s.of('reset').length, 0);
});

test('backoff: full jitter between 0 and min · 2^n up to max', async t => {
    for (const factor of [0, 0.999999]) {
        await t.test('random ' + factor, async t => {
            const s = setup(t, { transport: 'ws' });
            await s.online();
            t.mock.method(Math, 'random', () => factor);
            s.tick(60000 - 1);
            s.ws.say({ type: 'pong' });
            s.ws.drop();
            const bounds = [5000, 1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000];
            for (const bound of bounds) {
                const { state, retry_ms } = s.of('state').at(-1);
                assert.equal(state, 'offline');
                assert.equal(retry_ms, Math.round(bound * factor));
                s.tick(retry_ms);
                assert.equal(s.chat.state, 'connecting');
                s.ws.drop();
            }
        });
    }
    await t.test('the policy is the server\'s, within reason', async t => {
        const s = setup(t, { transport: 'ws' });
        t.mock.method(Math, 'random', () => 1);
        s.chat.connect();
        s.ws.open().say(welcome({ reconnect: { min_ms: 100, max_ms: 1000, spread_ms: 300 } }));
        const seen = [];
        for (let i = 0; i < 6; i++) {
            s.ws.drop();
            seen.push(s.of('state').at(-1).retry_ms);
            s.tick(seen.at(-1));
        }
        assert.deepEqual(seen, [300, 200, 400, 800, 1000, 1000]);
        s.ws.open().say(welcome({ reconnect: { min_ms: 'x', max_ms: -5, spread_ms: 1e99 } }));
        s.tick(2000);
        s.ws.drop();
        assert.ok(s.of('state').at(-1).retry_ms <= 1000);
    });
    await t.test('a server that drops each connection at once is not hammered', async t => {
        const s = setup(t, { transport: 'ws' });
        t.mock.method(Math, 'random', () => 1);
        s.chat.connect();
        const seen = [];
        for (let i = 0; i < 5; i++) {
            s.ws.open().say(welcome(), { type: 'closing', code: 1013, reconnect: true });
            s.ws.drop(1013);
            seen.push(s.of('state').at(-1).retry_ms);
            s.tick(seen.at(-1));
        }
        assert.deepEqual(seen, [500, 1000, 2000, 4000, 8000]);
    });
});

test('a message unanswered when the connection is lost goes again with its nonce, once entered', async t => {
    const s = setup(t), ws = await s.online(10);
    const a = s.chat.send('lobby', 'one'), b = s.chat.send('lobby', 'two', { data: { x: 1 }, thread: E + '-1', mentions: ['bob'] });
    const [m1, m2] = ws.sent.filter(c => c.type === 'message');
    assert.match(m1.nonce, /^[0-9a-f-]{36}$/);
    assert.notEqual(m1.nonce, m2.nonce);
    assert.deepEqual([m2.text, m2.data, m2.thread, m2.mentions], ['two', { x: 1 }, E + '-1', ['bob']]);
    ws.say({ type: 'ok', reply_to: m1.id, room: 'lobby', id: E + '-11', ts: 5 });
    assert.equal((await a).id, E + '-11');
    ws.drop();
    const c = s.chat.send('lobby', 'three');
    s.tick(5000);
    s.ws.open().say(welcome());
    assert.deepEqual(s.ws.commands(), ['hello', 'join']);
    s.ws.say(joined(11, { reply_to: s.ws.last('join').id, recovered: true, missed: 0 }));
    const again = s.ws.sent.filter(c => c.type === 'message');
    assert.deepEqual(again.map(m => m.text), ['two', 'three']);
    assert.deepEqual(again[0], m2);
    s.ws.say({ type: 'ok', reply_to: again[0].id, id: E + '-12', ts: 6, duplicate: true }, { type: 'ok', reply_to: again[1].id, id: E + '-13', ts: 7 });
    assert.deepEqual([(await b).duplicate, (await c).id], [true, E + '-13']);
    // answered: never again
    s.ws.drop();
    s.tick(5000);
    s.ws.open().say(welcome(), joined(13, { recovered: true }));
    assert.equal(s.ws.last('message'), undefined);
});

test('our own message in the replay answers the call, too', async t => {
    const s = setup(t), ws = await s.online(10);
    const sent = s.chat.send('lobby', 'one'), { nonce } = ws.last('message');
    ws.say(message(11, { nonce, user: { id: 'eve' } }));                // not ours
    ws.drop();
    s.tick(5000);
    s.ws.open().say(welcome(), joined(12, { recovered: true }), message(12, { nonce, user: { id: 'ann' }, text: 'one' }));
    assert.equal((await sent).id, E + '-12');
    assert.deepEqual(s.texts(), ['t11', 'one']);
});

test('a message whose nonce the server has forgotten is not doubled', async t => {
    const s = setup(t, { transport: 'ws' }), ws = await s.online(10);
    const old = s.chat.send('lobby', 'old'), lost = assert.rejects(old, e => e instanceof ChatError && e.code === 'timeout' && e.nonce.length === 36);
    ws.drop();
    s.tick(10);
    for (let i = 0; i < 5; i++) { s.tick(60000); s.ws.drop(); }
    const fresh = s.chat.send('lobby', 'fresh');
    s.tick(60000);
    s.ws.open().say(welcome(), joined(10, { recovered: true }));
    assert.deepEqual(s.ws.sent.filter(c => c.type === 'message').map(c => c.text), ['fresh']);
    s.tick(3000);
    await lost;
    s.ws.say({ type: 'ok', reply_to: s.ws.last('message').id, id: E + '-11' });
    await fresh;
});

test('refused messages: temporary ones are tried again in order, others rejected', async t => {
    const s = setup(t), ws = await s.online(10);
    t.mock.method(Math, 'random', () => 0);
    const a = s.chat.send('lobby', 'a'), b = s.chat.send('lobby', 'b');
    for (const m of ws.sent.filter(c => c.type === 'message')) {
        ws.say({ type: 'error', reply_to: m.id, code: 'rate_limited', message: '', temporary: true, retry_after_ms: 700, room: 'lobby' });
    }
    const c = s.chat.send('lobby', 'c');
    s.tick(699);
    assert.equal(ws.sent.filter(c => c.type === 'message').length, 2);
    s.tick(1);
    const sent = ws.sent.filter(c => c.type === 'message');
    assert.deepEqual(sent.map(m => m.text), ['a', 'b', 'a', 'b', 'c']);
    assert.equal(sent[0].nonce, sent[2].nonce);
    ws.say({ type: 'ok', reply_to: sent[2].id, id: E + '-11' }, { type: 'ok', reply_to: sent[3].id, id: E + '-12' });
    ws.say({ type: 'error', reply_to: sent[4].id, code: 'muted', message: 'no', temporary: false, until: 9, room: 'lobby' });
    await a;
    await b;
    await assert.rejects(c, { name: 'ChatError', code: 'muted', until: 9 });
    // not for ever
    const d = s.chat.send('lobby', 'd'), refused = assert.rejects(d, { code: 'unavailable', temporary: true });
    for (let i = 0; i < 6; i++) {
        ws.say({ type: 'error', reply_to: ws.last('message').id, code: 'unavailable', temporary: true });
        s.tick(60000);
        ws.say({ type: 'pong' });
    }
    await refused;
});

test('a command longer than a frame is not sent: it would end the connection', async t => {
    const s = setup(t), ws = await s.online(10);
    await assert.rejects(s.chat.send('lobby', 'ü'.repeat(8200)), { code: 'too_large' });
    const loop = {};
    loop.loop = loop;
    await assert.rejects(s.chat.send('lobby', 'x', { data: loop }), TypeError);
    s.chat.send('lobby', 'ü'.repeat(8000)).catch(() => {});
    assert.equal(ws.last('message').text.length, 8000);
});

test('not recovered: joined with the page, then reset', async t => {
    const s = setup(t), ws = await s.online(10);
    ws.say(message(11));
    ws.drop();
    s.tick(5000);
    const page = { room: 'lobby', epoch: F, events: [message(1, { id: F + '-1' }), message(2, { id: F + '-2' })], more: false };
    s.ws.open().say(welcome(), joined(2, { epoch: F, recovered: false, missed: null, page }));
    assert.deepEqual(s.log.slice(-2).map(([type]) => type), ['joined', 'reset']);
    const [reset] = s.of('reset');
    assert.deepEqual([reset.room, reset.missed, reset.page.events.length], ['lobby', null, 2]);
    s.ws.say(message(2, { id: F + '-2' }), message(3, { id: F + '-3', text: 'new life' }));
    assert.deepEqual(s.texts(), ['t11', 'new life']);
});

test('after "0" and other cursors given by the caller', async t => {
    const s = setup(t);
    s.chat.connect();
    const a = s.chat.join('a', { after: '0' }), b = s.chat.join('b', { after: E + '-7' });
    s.ws.open().say(welcome());
    const { rooms, id } = s.ws.last('join');
    assert.deepEqual(rooms, [{ room: 'a', after: '0' }, { room: 'b', after: E + '-7' }]);
    s.ws.say(joined(9, { room: 'a', first: 8, recovered: true, missed: 7 }), joined(9, { room: 'b', recovered: true, missed: 0 }));
    s.ws.say({ type: 'ok', reply_to: id, failed: [] });
    assert.equal((await a).missed, 7);
    await b;
    for (const room of ['a', 'b']) s.ws.say(message(7, { room, text: room + 7 }), message(8, { room, text: room + 8 }), message(9, { room, text: room + 9 }));
    assert.deepEqual(s.texts(), ['a8', 'a9', 'b8', 'b9']);
});

test('gap: told, and the room goes on behind it', async t => {
    const s = setup(t), ws = await s.online(10);
    ws.say(message(11), { type: 'gap', room: 'lobby', from: 12, to: 30, missed: 19, reason: 'slow' }, message(30), message(31));
    ws.say({ type: 'gap', room: 'lobby', from: 5, to: 20, missed: 16, reason: 'slow' });
    assert.deepEqual(s.texts(), ['t11', 't31']);
    assert.deepEqual(s.of('gap').map(g => g.missed), [19]);
    ws.say({ type: 'gap', room: 'lobby', from: 1, to: 1, missed: null, reason: 'reset' }, message(2, { id: F + '-2', text: 'f2' }));
    assert.equal(s.of('gap').length, 2);
    assert.equal(s.texts().at(-1), 'f2');
});

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
    // ours
    const ping = s.chat.ping();
    s.tick(7);
    s.ws.say({ type: 'pong', reply_to: s.ws.last('ping').id });
    assert.equal(await ping, 7);
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

test('rooms refused, left and given by the server', async t => {
    const s = setup(t), ws = await s.online();
    const no = s.chat.join('secret'), refused = assert.rejects(no, { code: 'forbidden', room: 'secret' });
    ws.say({ type: 'error', reply_to: ws.last('join').id, code: 'forbidden', message: 'no', temporary: false, room: 'secret' });
    await refused;
    assert.deepEqual(s.chat.rooms, ['lobby']);
    // by the server
    ws.say(joined(0, { room: 'news' }), message(1, { room: 'news' }));
    assert.deepEqual(s.chat.rooms, ['lobby', 'news']);
    ws.say({ type: 'left', room: 'news', reason: 'kicked' }, message(2, { room: 'news' }));
    assert.deepEqual([s.chat.rooms, s.of('left').map(l => l.reason), s.texts()], [['lobby'], ['kicked'], ['t1']]);
    // by us
    const gone = s.chat.leave('lobby');
    ws.say(message(11));
    ws.say({ type: 'left', reply_to: ws.last('leave').id, room: 'lobby', reason: 'left' });
    assert.equal((await gone).reason, 'left');
    assert.deepEqual([s.chat.rooms, s.of('left').length, s.texts()], [[], 2, ['t1']]);
    ws.drop();
    s.tick(5000);
    s.ws.open().say(welcome());
    assert.equal(s.ws.last('join'), undefined);
    // the room was left while it was being entered: no ghost
    const den = s.chat.join('den'), ask = s.ws.last('join').id, nothing = assert.rejects(den, { code: 'not_joined' });
    s.chat.leave('den');
    s.ws.say(joined(3, { room: 'den', reply_to: ask }));
    s.ws.say({ type: 'left', reply_to: s.ws.last('leave').id, room: 'den', reason: 'left' }, message(4, { room: 'den' }));
    await nothing;
    assert.deepEqual([s.chat.rooms, s.texts(), s.of('joined').some(j => j.room === 'den')], [[], ['t1'], false]);
    // offline
    const again = s.chat.join('lobby');
    s.ws.say(joined(0, { reply_to: s.ws.last('join').id }));
    await again;
    s.ws.drop();
    assert.equal((await s.chat.leave('lobby')).type, 'left');
});

test('rooms refused on the way back: for a while or for good', async t => {
    const s = setup(t), ws = await s.online();
    const den = s.chat.join('den');
    ws.say(joined(5, { room: 'den', reply_to: ws.last('join').id }));
    await den;
    ws.drop();
    const lost = assert.rejects(s.chat.send('den', 'x'), { code: 'forbidden' });
    s.tick(5000);
    s.ws.open().say(welcome());
    const { id, rooms } = s.ws.last('join');
    assert.deepEqual(rooms.map(r => r.after), [E + '-10', E + '-5']);
    s.ws.say({ type: 'ok', reply_to: id, failed: [{ room: 'lobby', code: 'unavailable', retry_after_ms: 1500 }, { room: 'den', code: 'forbidden' }] });
    await lost;
    assert.deepEqual(s.chat.rooms, ['lobby']);
    assert.deepEqual(s.of('left').map(l => [l.room, l.reason, l.code]), [['den', 'refused', 'forbidden']]);
    s.tick(1500);
    assert.deepEqual([s.ws.last('join').room, s.ws.last('join').after], ['lobby', E + '-10']);
    s.ws.say(joined(11, { recovered: true }), message(11));
    assert.deepEqual(s.texts(), ['t11']);
});

test('joining a joined room moves nothing', async t => {
    const s = setup(t), ws = await s.online(10);
    const again = s.chat.join('lobby');
    ws.say(message(11));
    ws.say(joined(13, { reply_to: ws.last('join').id }), message(12), message(13));
    assert.equal((await again).head, 13);
    assert.deepEqual(s.texts(), ['t11', 't12', 't13']);
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

test('many rooms with long names are joined in frames that are short enough', async t => {
    const s = setup(t), names = Array.from({ length: 150 }, (_, i) => String(i).padStart(3, '0') + '𝒳'.repeat(31));
    s.chat.connect();
    for (const name of names) s.chat.join(name, { last: 20, after: E + '-123456789' }).catch(() => {});
    s.ws.open().say(welcome());
    const joins = s.ws.sent.filter(c => c.type === 'join');
    assert.ok(joins.length >= 2);
    for (const join of joins) {
        assert.ok(Buffer.byteLength(JSON.stringify(join)) <= 16384);
        assert.ok(join.rooms.length <= 100);
    }
    assert.deepEqual(joins.flatMap(j => j.rooms.map(r => r.room)), names);
});

test('the caller\'s listeners: an exception in one does not stop the others; off', async t => {
    const s = setup(t), ws = await s.online(), seen = [];
    const off = s.chat.on('message', m => seen.push(m.text));
    ws.say(message(11));
    off();
    ws.say(message(12));
    assert.deepEqual(seen, ['t11']);
    s.chat.on('state', () => s.chat.close());                            // close() from within
    ws.drop();
    assert.equal(s.chat.state, 'closed');
    s.tick(60000);
    assert.equal(FakeSocket.all.length, 1);
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


/* the stream by fetch */

class FakeServer {
    streams = [];
    posts = [];
    answer = () => [];
    fetch = async (url, { method, headers, body, signal }) => {
        assert.equal(url, 'http://h.test/chat/');
        assert.equal(method, 'POST');
        assert.equal(headers['Content-Type'], 'application/json');
        const commands = JSON.parse(body);
        if (headers.Accept === 'text/event-stream') {
            if (this.refuse) return this.refuse();
            const stream = { commands, headers, signal };
            const readable = new ReadableStream({ start: c => { stream.c = c; } });
            signal.addEventListener('abort', () => { try { stream.c.error(new Error('aborted')); } catch { /* closed */ } });
            stream.raw = data => stream.c.enqueue(data);
            stream.say = async (...objects) => {
                for (const o of objects) stream.raw(Buffer.from('data: ' + JSON.stringify(o) + '\n\n'));
                await settle();
            };
            this.streams.push(stream);
            return new Response(readable, { headers: { 'Content-Type': 'text/event-stream' } });
        }
        this.posts.push({ commands, headers });
        return this.answer(commands, headers);
    };
    get stream() { return this.streams.at(-1); }
}

const json = (body, status = 200, headers = {}) =>
    new Response(JSON.stringify(body), { status, headers: { 'Content-Type': 'application/json', ...headers } });

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
    assert.deepEqual([cmd.type, cmd.text, cmd.nonce.length], ['message', 'hello', 36]);
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


/* all of it together: a model server, messages, losses, drains; the same for each seed */

function model(seed) {
    let x = seed * 2654435761 >>> 0 || 1;
    return () => { x ^= x << 13; x >>>= 0; x ^= x >>> 17; x ^= x << 5; x >>>= 0; return x / 2 ** 32; };
}

for (let seed = 1; seed <= 40; seed++) {
    test('every message once and in order, whatever happens; seed ' + seed, async t => {
        t.mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 1.8e12 });
        const random = model(seed);
        t.mock.method(Math, 'random', random);
        const log = { a: [], b: [] }, sockets = new Set();

        class Socket {
            constructor() {
                this.rooms = new Map();
                this.up = random() > 0.2;
                setTimeout(() => {
                    if (!this.up) return this.onclose({ code: 1006 });
                    sockets.add(this);
                    this.onopen();
                    this.say(welcome());
                }, 50 * random());
            }
            say(o) {              // a pipe with delay, in order
                const text = JSON.stringify(o), at = this.at = Math.max(this.at ?? 0, Date.now() + 40 * random());
                setTimeout(() => this.up && this.onmessage({ data: text }), at - Date.now());
            }
            send(text) {
                const c = JSON.parse(text), at = this.to = Math.max(this.to ?? 0, Date.now() + 40 * random());
                setTimeout(() => this.up && this.take(c), at - Date.now());
            }
            close() { this.up = false; sockets.delete(this); }
            kill() { if (this.up) { this.close(); this.onclose({ code: random() > 0.5 ? 1006 : 1012 }); } }
            take(c) {
                if (c.type === 'join') {
                    for (const j of c.rooms ?? [c]) {
                        const head = log[j.room].length, after = parseId(j.after);
                        this.say({ type: 'joined', room: j.room, epoch: E, first: 1, head,
                            ...(c.rooms ? {} : { reply_to: c.id }), ...(after && { recovered: true, missed: 0 }) });
                        this.rooms.set(j.room, after ? after.offset : head);
                    }
                    if (c.rooms) this.say({ type: 'ok', reply_to: c.id, failed: [] });
                    this.pump();
                } else if (c.type === 'message') {
                    const old = log[c.room].find(m => m.nonce === c.nonce);
                    if (!this.rooms.has(c.room)) return this.say({ type: 'error', reply_to: c.id, code: 'not_joined', temporary: false });
                    if (!old && random() < 0.1) return this.say({ type: 'error', reply_to: c.id, code: 'unavailable', temporary: true, retry_after_ms: 50 });
                    const m = old ?? publish(c.room, c.text, 'ann', c.nonce);
                    this.say({ type: 'ok', reply_to: c.id, id: m.id, ...(old && { duplicate: true }) });
                }
            }
            pump() {
                for (const [room, offset] of this.rooms) {
                    for (const m of log[room].slice(offset)) this.say(m);
                    this.rooms.set(room, log[room].length);
                }
            }
        }

        function publish(room, text, id, nonce) {
            const m = { type: 'message', room, id: `${E}-${log[room].length + 1}`, ts: Date.now(), user: { id }, text, nonce };
            log[room].push(m);
            for (const socket of [...sockets]) if (random() < 0.9) socket.pump();
            return m;
        }

        const chat = new Chat('http://h.test/chat/', { WebSocket: Socket, storage: null, transport: 'ws' });
        t.after(() => chat.close());
        const seen = { a: [], b: [] }, entered = {}, promises = [];
        chat.on('message', m => seen[m.room].push(m.id));
        chat.on('joined', j => { entered[j.room] ??= j.head; });
        chat.on('reset', () => assert.fail('reset'));
        chat.connect();
        chat.join('a');
        chat.join('b');
        let sent = 0;
        for (let step = 0; step < 400; step++) {
            const dice = random();
            if (dice < 0.3) publish(random() < 0.5 ? 'a' : 'b', 'x' + step, 'bob');
            else if (dice < 0.5) promises.push(chat.send(random() < 0.5 ? 'a' : 'b', 'own' + sent++));
            else if (dice < 0.55) for (const socket of [...sockets]) socket.kill();
            else if (dice < 0.6) for (const socket of sockets) socket.say({ type: 'reconnect', after_ms: 20, deadline_ms: 1000 });
            else if (dice < 0.62) [...sockets][0]?.kill();
            t.mock.timers.tick(Math.floor(200 * random()));
            if (step % 4 === 0) await settle();
        }
        for (let i = 0; i < 300; i++) {
            t.mock.timers.tick(200);
            if (i % 10 === 0) await settle();
            for (const socket of sockets) socket.pump();
        }
        await settle();
        await Promise.all(promises);
        for (const room of ['a', 'b']) {
            assert.deepEqual(seen[room], log[room].slice(entered[room]).map(m => m.id), 'room ' + room);
            const own = log[room].filter(m => m.user.id === 'ann').map(m => m.text);
            assert.equal(new Set(own).size, own.length);
        }
        assert.equal([...log.a, ...log.b].filter(m => m.user.id === 'ann').length, sent);
    });
}
