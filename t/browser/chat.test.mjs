// chat.js: messages and rooms.

import test from 'node:test';
import assert from 'node:assert/strict';
import { Chat, ChatError, parseId } from '../../web/client/chat.js';
import { clock, E, F, FakeSocket, welcome, message, joined, setup } from './fake.mjs';

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
    clock(t);
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
    assert.match(m1.nonce, /^[0-9a-f]{32}$/);
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
    const old = s.chat.send('lobby', 'old'), lost = assert.rejects(old, e => e instanceof ChatError && e.code === 'timeout' && e.nonce.length === 32);
    ws.drop();
    s.tick(250000);
    const fresh = s.chat.send('lobby', 'fresh');
    s.ws.drop();
    s.chat.connect();
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
        s.tick(20000);
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

test('edits, reactions and deletes are tried again with their nonce; other calls are answered once', async t => {
    const s = setup(t), ws = await s.online(10);
    const edit = s.chat.edit('lobby', E + '-3', 'new'), react = s.chat.react('lobby', E + '-3', '👍'), gone = s.chat.delete('lobby', E + '-4', 'spam');
    const [e, r, d] = ['edit', 'react', 'delete'].map(type => ws.last(type));
    assert.deepEqual([e.target, e.text, r.emoji, r.on, d.reason], [E + '-3', 'new', '👍', true, 'spam']);
    ws.say({ type: 'error', reply_to: e.id, code: 'rate_limited', temporary: true, retry_after_ms: 500, room: 'lobby' });
    s.tick(500);
    assert.deepEqual([ws.sent.at(-1).type, ws.sent.at(-1).nonce], ['edit', e.nonce]);
    ws.say({ type: 'ok', reply_to: e.id, id: E + '-11' }, { type: 'error', reply_to: d.id, code: 'forbidden', temporary: false, room: 'lobby' });
    // the event is as good as its answer
    ws.say({ type: 'react', room: 'lobby', id: E + '-12', ts: 1, user: { id: 'ann' }, target: E + '-3', emoji: '👍', on: true, count: 1, nonce: r.nonce });
    assert.deepEqual([(await edit).id, (await react).id], [E + '-11', E + '-12']);
    await assert.rejects(gone, { code: 'forbidden' });
    const kick = s.chat.call({ type: 'kick', room: 'lobby', user: 'bob' });
    ws.say({ type: 'error', reply_to: ws.last('kick').id, code: 'rate_limited', temporary: true });
    await assert.rejects(kick, { code: 'rate_limited' });
    await assert.rejects(s.chat.call({ type: 'signal', room: 'lobby', name: 'x', data: 'x'.repeat(20000) }), { code: 'too_large' });
});
