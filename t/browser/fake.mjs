// What the tests of chat.js run on: a clock that stands still, a scripted
// WebSocket and a scripted fetch, and objects of the server.

import assert from 'node:assert/strict';
import { webcrypto } from 'node:crypto';
import { Chat } from '../../web/client/chat.js';
import '../../web/client/chat-stream.js';                   // not read from the disk in between

globalThis.crypto ??= webcrypto;                     // Node 18

export const E = 'k3f9q2x0ab', F = 'zzzzzzzzzz';
export const settle = async () => { for (let i = 0; i < 5; i++) await new Promise(setImmediate); };

/* setTimeout and Date.now; t.mock.timers of Node 18 has no Date */

export function clock(t, now = 1.8e12) {
    const timers = new Map();
    let last = 0;
    t.mock.method(Date, 'now', () => now);
    t.mock.method(globalThis, 'setTimeout', (run, ms = 0) => {
        timers.set(++last, { run, at: now + Math.max(0, Number(ms) || 0) });
        return last;
    });
    t.mock.method(globalThis, 'clearTimeout', id => void timers.delete(id));
    return ms => {
        const end = now + ms;
        for (;;) {
            const due = [...timers].filter(([, { at }]) => at <= end);
            if (!due.length) break;
            const [id, { run, at }] = due.reduce((a, b) => (b[1].at < a[1].at ? b : a));
            timers.delete(id);
            now = at;
            run();
        }
        now = end;
    };
}

export class FakeSocket {
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

export const welcome = (more = {}) => ({
    type: 'welcome', protocol: 'chat.v1', server: 'x', session: 's1', user: { id: 'ann', name: 'Ann' }, ts: 1,
    features: ['history', 'resume'], limits: { text: 4096, frame: 16384, rooms: 100, replay: 1000 }, ping_ms: 25000,
    reconnect: { min_ms: 500, max_ms: 30000, spread_ms: 5000 }, ...more,
});
export const guest = (id, token = 'token-' + id) => welcome({ user: { id, guest: true }, guest_token: token });
export const message = (offset, more = {}) => ({
    type: 'message', room: 'lobby', id: `${E}-${offset}`, ts: 1000 + offset, user: { id: 'bob' }, text: 't' + offset, ...more,
});
export const joined = (head, more = {}) => ({ type: 'joined', room: 'lobby', epoch: E, first: 1, head, ...more });

export function memory(init = {}) {
    const map = new Map(Object.entries(init));
    return { map, getItem: k => map.get(k) ?? null, setItem: (k, v) => void map.set(k, v), removeItem: k => void map.delete(k) };
}

export function setup(t, options = {}) {
    const tick = clock(t);
    FakeSocket.all = [];
    FakeSocket.refuse = false;
    const chat = new Chat('http://h.test/chat/', { WebSocket: FakeSocket, storage: null, ...options });
    const log = [];
    for (const type of ['state', 'welcome', 'joined', 'left', 'message', 'gap', 'reset', 'error', 'event']) {
        chat.on(type, value => log.push([type, value]));
    }
    t.after(() => chat.close());
    return {
        chat, log, tick,
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

export class FakeServer {
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

export const json = (body, status = 200, headers = {}) =>
    new Response(JSON.stringify(body), { status, headers: { 'Content-Type': 'application/json', ...headers } });
