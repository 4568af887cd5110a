// shared.js: one connection for the tabs of a browser: see users.mjs.

import test from 'node:test';
import assert from 'node:assert/strict';
import { SharedChat } from '../../web/client/shared.js';
import * as all from '../../web/client/shared.js';
import { Chat } from '../../web/client/index.js';
import { FakeSocket, guest, joined, memory, message, settle } from './fake.mjs';
import { CHAT_URL, newRoom, publish, skip, user, wire } from './users.mjs';

/* a tab with nothing but a SharedChat in a room; it shows what that is told */

async function tab(context, base, room) {
    const page = await context.newPage();
    page.setDefaultTimeout(20000);
    await page.goto(new URL('style.css', base).href);
    await page.evaluate(async name => {
        const { SharedChat } = await import('/client/shared.js');
        const chat = globalThis.chat = new SharedChat('/chat/');
        globalThis.texts = [];
        chat.on('message', m => texts.push(m.text));
        chat.connect();
        globalThis.joined = await chat.join(name, { last: 10 });
    }, room);
    return {
        page,
        get: what => page.evaluate(what),
        sees: text => page.waitForFunction(wanted => globalThis.texts.includes(wanted), text),
    };
}

test('two tabs have one connection, each its rooms; one that goes takes nothing along', { skip }, async t => {
    const ann = await user(t, newRoom('others')), line = await wire(t, 0), room = newRoom('shared'), apart = newRoom('apart');
    await publish(room, ['before']);
    const context = await ann.context.browser().newContext();
    t.after(() => context.close());
    const a = await tab(context, line.url, room), b = await tab(context, line.url, room);
    // one session of nginx, by one WebSocket
    const session = await a.get(() => chat.welcome.session);
    assert.equal(await b.get(() => chat.welcome.session), session);
    assert.deepEqual([await a.get(() => chat.shared), await b.get(() => chat.shared)], [true, true]);
    assert.deepEqual(line.workers, [0]);
    for (const x of [a, b]) assert.deepEqual(await x.get(() => joined.page.events.map(m => m.text)), ['before']);
    await b.get(async () => { await chat.send(chat.rooms[0], 'hello'); });
    for (const x of [a, b]) await x.sees('hello');
    // a room of one tab is not the other one's
    await b.page.evaluate(async name => { await chat.join(name); await chat.send(name, 'aside'); await chat.send(chat.rooms[0], 'next'); }, apart);
    await b.sees('aside');
    await a.sees('next');
    assert.deepEqual(await a.get(() => texts), ['hello', 'next']);
    // it goes without a word
    await a.page.close({ runBeforeUnload: false });
    await publish(room, ['still']);
    await b.sees('still');
    assert.equal(await b.get(() => chat.welcome.session), session);
    // a lost connection comes back for all of them
    const c = await tab(context, line.url, room);
    line.cut();
    await b.page.waitForFunction(() => chat.state !== 'online');
    await publish(room, ['missed']);
    line.mend();
    for (const x of [b, c]) await x.sees('missed');
    assert.equal(await c.get(() => chat.welcome.session), await b.get(() => chat.welcome.session));
    assert.deepEqual(line.workers, [0]);
    assert.deepEqual(ann.faults, []);
});

/* a SharedWorker and locks as Node doesn't have them */

async function browser(t) {
    const { serve } = await import('../../web/client/shared-worker.js'), locks = new Map(), before = {};
    const set = (name, value) => { before[name] = Object.getOwnPropertyDescriptor(globalThis, name); Object.defineProperty(globalThis, name, { value, configurable: true, writable: true }); };
    set('isSecureContext', true);
    set('WebSocket', FakeSocket);
    set('navigator', { locks: { async request(name, held) {
        const earlier = locks.get(name), mine = (async () => { await earlier; await held(); })();
        locks.set(name, mine);
        return mine;
    } } });
    set('SharedWorker', class {
        constructor() {
            const { port1, port2 } = new MessageChannel();
            this.port = port1;
            serve(port2);
        }
    });
    t.after(() => { for (const [name, was] of Object.entries(before)) if (was) Object.defineProperty(globalThis, name, was); else delete globalThis[name]; });
    FakeSocket.all = [];
}

const until = async is => { for (const end = Date.now() + 10000; !is();) { assert.ok(Date.now() < end, String(is)); await settle(); } };

function open(t, options = {}) {
    const chat = new SharedChat('http://h.test/chat/', { storage: null, ...options }), texts = [];
    chat.on('message', m => texts.push(m.text));
    t.after(() => chat.close());
    chat.connect();
    return { chat, texts };
}

test('what comes while a second tab enters is neither lost nor doubled', async t => {
    await browser(t);
    const storage = memory(), a = open(t, { storage });
    await until(() => FakeSocket.all.length);
    const [ws] = FakeSocket.all;
    ws.open().say(guest('ann'));
    a.chat.join('lobby');
    await until(() => ws.last('join'));
    ws.say(joined(10, { reply_to: ws.last('join').id }));
    await until(() => a.chat.rooms.length && a.chat.state === 'online');
    assert.deepEqual([...storage.map.values()], ['token-ann']);
    const b = open(t), entered = b.chat.join('lobby', { last: 2 });
    await until(() => ws.sent.filter(c => c.type === 'join').length === 2);
    ws.say(joined(10, { reply_to: ws.last('join').id }));
    await until(() => ws.last('history'));
    ws.say(message(11), { type: 'history', reply_to: ws.last('history').id, events: [message(10), message(11)], more: false, as_of: 11 }, message(12));
    assert.deepEqual((await entered).page.events.map(m => m.text), ['t10', 't11']);
    await until(() => b.texts.length);
    assert.deepEqual([a.texts, b.texts], [['t11', 't12'], ['t12']]);
    assert.deepEqual([FakeSocket.all.length, b.chat.user.id], [1, 'ann']);
    // the room is left with the last one that is in it, the connection closed with the last tab
    await a.chat.leave('lobby');
    assert.equal(ws.last('leave'), undefined);
    a.chat.close();
    await settle();
    assert.equal(ws.closed, undefined);
    const lost = assert.rejects(b.chat.send('lobby', 'x'), { code: 'closed' });
    b.chat.close();
    await lost;
    await until(() => ws.closed === 1000);
});

test('whose connection it is: no other one\'s; a token is asked of the tabs', async t => {
    await browser(t);
    const asked = [];
    open(t, { token: 'one' });
    open(t, { token: 'two' });
    open(t, { share: 'u', token: why => { asked.push(why); return 'three'; } });
    await until(() => FakeSocket.all.length === 3);
    for (const ws of FakeSocket.all) ws.open();
    assert.deepEqual(FakeSocket.all.map(ws => ws.last('hello').token).sort(), ['one', 'three', 'two']);
    assert.deepEqual(asked, [{ expired: false }]);
});

test('a connection of its own where the worker fails, or a WebSocket is given', async t => {
    await browser(t);
    globalThis.SharedWorker = class {
        constructor() { this.port = new MessageChannel().port1; t.after(() => this.port.close()); setImmediate(() => this.onerror()); }
    };
    const a = open(t), b = open(t, { WebSocket: FakeSocket });
    await until(() => FakeSocket.all.length === 2);
    for (const ws of FakeSocket.all) ws.open().say(guest('ann'));
    await until(() => a.chat.state === 'online' && b.chat.state === 'online');
    assert.deepEqual([a.chat.shared, b.chat.shared], [false, false]);
});

test('SharedChat has whatever Chat has', () => {
    assert.deepEqual(Object.keys(all), ['SharedChat']);
    const members = of => Object.getOwnPropertyNames(of.prototype);
    assert.deepEqual(members(Chat).filter(name => !members(SharedChat).includes(name)), []);
});
