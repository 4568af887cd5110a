// chat.js: all of it together.

import test from 'node:test';
import assert from 'node:assert/strict';
import { Chat, parseId } from '../../web/client/chat.js';
import { clock, E, settle, welcome, message, joined } from './fake.mjs';

/* all of it together: a model server, messages, losses, drains; the same for each seed */

function model(seed) {
    let x = seed * 2654435761 >>> 0 || 1;
    return () => { x ^= x << 13; x >>>= 0; x ^= x >>> 17; x ^= x << 5; x >>>= 0; return x / 2 ** 32; };
}

for (let seed = 1; seed <= 40; seed++) {
    test('every message once and in order, whatever happens; seed ' + seed, async t => {
        const tick = clock(t);
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
            tick(Math.floor(200 * random()));
            if (step % 4 === 0) await settle();
        }
        for (let i = 0; i < 300; i++) {
            tick(200);
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
