// A stand-in for the server while the page is being worked on: chat.v1, core
// parts, in memory, and the files of web/ under a strict policy.
//
//     node mock.mjs [port]         SIGHUP: what a reload of nginx looks like
//
// Tests that count run against nginx.

import http from 'node:http';
import { readFile } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { WebSocketServer } from 'ws';

const web = new URL('../../web/', import.meta.url);
const TYPES = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' };
const LIMITS = { text: 4096, frame: 16384, rooms: 100, replay: 1000 };
const NAMES = ['Ann', 'Bob', 'Chloé', 'Dmitri', 'Eve', 'Farid'];

const rooms = new Map(), guests = new Map(), sessions = new Set();
let people = 0;

const random = n => [...randomBytes(n)].map(b => 'abcdefghijklmnopqrstuvwxyz234567'[b & 31]).join('');

function roomOf(name, create = true) {
    if (!rooms.has(name) && create) rooms.set(name, { name, epoch: 'k' + random(9), log: [], nonces: new Map() });
    return rooms.get(name);
}

function guest(token) {
    let user = token && guests.get(token);
    if (!user) {
        const named = process.env.MOCK_NAMES && people < NAMES.length;
        user = { id: '~g' + random(16), ...(named && { name: NAMES[people] }), guest: true, token: 'gt.' + random(24) };
        people++;
        guests.set(user.token, user);
    }
    return user;
}

const open = ({ id, name, guest }) => ({ id, ...(name && { name }), guest });
const parse = id => { const m = /^([0-9a-z]{10})-(\d+)$/.exec(id); return m && { epoch: m[1], offset: +m[2] }; };
const badName = name => typeof name !== 'string' || !name || Buffer.byteLength(name) > 128 || /[\s/\\?#%,*{}"<>\p{Cc}\p{Cf}]|^[~.$@]/u.test(name);

function page(r, { before, after, limit = 50 }) {
    const cursor = parse(before ?? after ?? ''), reset = cursor && cursor.epoch !== r.epoch, head = r.log.length;
    let from = Math.max(0, head - limit), to = head;
    if (cursor && !reset && before) to = Math.min(cursor.offset - 1, head), from = Math.max(0, to - limit);
    if (cursor && !reset && after) from = Math.min(cursor.offset, head), to = Math.min(head, from + limit);
    const more = after ? to < head : from > 0;
    return { room: r.name, epoch: r.epoch, first: 1, head, as_of: head, events: r.log.slice(from, to), more,
             ...(more && { next: `${r.epoch}-${after ? to : from + 1}` }), ...(reset && { reset: true }) };
}

const fail = (cmd, code, more = {}) => ({ type: 'error', ...(cmd.id !== undefined && { reply_to: cmd.id }), code, message: code, temporary: false, ...more });

function publish(cmd, user) {
    if (badName(cmd.room)) return fail(cmd, 'bad_request', { field: 'room' });
    if (Buffer.byteLength(cmd.text ?? '') > LIMITS.text) return fail(cmd, 'too_large', { room: cmd.room });
    const r = roomOf(cmd.room), key = user.id + ' ' + cmd.nonce, known = cmd.nonce && r.nonces.get(key);
    if (known) return { ...known, reply_to: cmd.id, duplicate: true };
    const { text, nonce, data, thread, mentions } = cmd, ts = Date.now(), id = `${r.epoch}-${r.log.length + 1}`;
    const m = { type: 'message', room: r.name, id, ts, user: open(user), text, nonce, data, thread, mentions };
    const ok = { type: 'ok', reply_to: cmd.id, room: r.name, id, ts };
    r.log.push(m);
    if (nonce) r.nonces.set(key, ok);
    for (const s of sessions) queueMicrotask(() => s.flush());
    return ok;
}

// what needs no session
function command(cmd, user) {
    switch (cmd?.type) {
    case 'ping': return { type: 'pong', reply_to: cmd.id };
    case 'message': return publish(cmd, user);
    case 'history': {
        const r = roomOf(cmd.room, false);
        return r ? { type: 'history', reply_to: cmd.id, ...page(r, cmd) } : fail(cmd, 'not_found', { room: cmd.room });
    }
    default: return fail(cmd ?? {}, 'unknown_command');
    }
}

class Session {
    constructor(user, send, close) {
        Object.assign(this, { user, send, close, id: random(12), rooms: new Map() });
        sessions.add(this);
        this.welcome();
    }
    welcome() {
        this.send({ type: 'welcome', protocol: 'chat.v1', server: 'mock', session: this.id, user: open(this.user), ts: Date.now(),
            features: ['history', 'resume'], limits: LIMITS, ping_ms: 25000, guest_token: this.user.token,
            reconnect: { min_ms: 200, max_ms: 3000, spread_ms: 500 } });
    }
    join(j, more = {}) {
        if (badName(j.room)) return 'bad_request';
        if (j.room.startsWith('secret')) return 'forbidden';
        const r = roomOf(j.room), head = r.log.length, o = { type: 'joined', ...more, room: r.name, epoch: r.epoch, first: 1, head };
        if (!this.rooms.has(r.name)) {
            const after = j.after === '0' ? { epoch: r.epoch, offset: 0 } : parse(j.after ?? '');
            let offset = head;
            if (j.after !== undefined) {
                o.recovered = !!after && after.epoch === r.epoch && after.offset <= head && head - after.offset <= LIMITS.replay;
                o.missed = o.recovered ? 0 : null;
                if (o.recovered) offset = after.offset;
            }
            if (j.last && !o.recovered) o.page = page(r, { limit: j.last });
            this.rooms.set(r.name, offset);
        }
        this.send(o);
        this.flush();
        return null;
    }
    take(cmd) {
        const reply_to = cmd?.id;
        if (cmd?.type === 'hello') {
            const user = cmd.token && guests.get(cmd.token);
            if (user && user !== this.user) this.user = user, this.welcome();
            if (reply_to !== undefined) this.send({ type: 'ok', reply_to });
        } else if (cmd?.type === 'join') {
            if (!cmd.rooms) {
                const code = this.join(cmd, { reply_to });
                if (code) this.send(fail(cmd, code, { room: cmd.room }));
            } else {
                const failed = cmd.rooms.map(j => ({ room: j.room, code: this.join(j) })).filter(f => f.code);
                this.send({ type: 'ok', reply_to, failed });
            }
        } else if (cmd?.type === 'leave') {
            const was = this.rooms.delete(cmd.room);
            this.send(was ? { type: 'left', reply_to, room: cmd.room, reason: 'left' } : fail(cmd, 'not_joined', { room: cmd.room }));
        } else if (cmd?.type === 'message' && !this.rooms.has(cmd.room)) {
            this.send(fail(cmd, 'not_joined', { room: cmd.room }));
        } else if (cmd?.type !== 'pong') {
            this.send(command(cmd, this.user));
        }
    }
    flush() {
        for (const [name, offset] of this.rooms) {
            const { log } = rooms.get(name);
            this.rooms.set(name, log.length);
            for (const m of log.slice(offset)) this.send(m);
        }
    }
    end() { sessions.delete(this); }
    drain() {
        this.send({ type: 'reconnect', after_ms: Math.round(Math.random() * 200), deadline_ms: 1500 });
        setTimeout(() => {
            if (!sessions.has(this)) return;
            this.send({ type: 'closing', code: 1012, reason: 'reload', reconnect: true });
            this.close(1012);
        }, 1500);
    }
}

const body = async req => { let text = ''; for await (const chunk of req) text += chunk; return text; };

const server = http.createServer(async (req, res) => {
    const url = new URL(req.url, 'http://x'), json = { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' };
    if (url.pathname !== '/chat/') {
        const name = url.pathname === '/' ? 'index.html' : url.pathname.slice(1), type = TYPES[extname(name)];
        const file = type && await readFile(fileURLToPath(new URL(name, web))).catch(() => null);
        res.writeHead(file ? 200 : 404, { 'Content-Type': type ?? 'text/plain', 'Cache-Control': 'no-cache', 'X-Content-Type-Options': 'nosniff',
            'Content-Security-Policy': "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'" });
        return res.end(file ?? 'not found');
    }
    if (req.method !== 'POST') return res.writeHead(405).end();
    const commands = [JSON.parse(await body(req))].flat(), token = /^Bearer (.*)/.exec(req.headers.authorization ?? '')?.[1];
    if (token && !guests.has(token)) return res.writeHead(401, { 'Content-Type': 'application/problem+json' }).end('{"code":"unauthorized"}');
    if (req.headers.accept !== 'text/event-stream') {
        const user = guest(token);
        return res.writeHead(200, json).end(JSON.stringify(commands.map(c => command(c, user))));
    }
    res.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store, no-transform' });
    const session = new Session(guest(token), o => res.write(`data: ${JSON.stringify(o)}\n\n`), () => res.end());
    res.on('close', () => session.end());
    for (const c of commands) session.take(c);
});

const sockets = new WebSocketServer({ noServer: true, maxPayload: LIMITS.frame, handleProtocols: set => set.has('chat.v1') && 'chat.v1' });
server.on('upgrade', (req, socket, head) => {
    if (!req.url.startsWith('/chat/')) return socket.destroy();
    sockets.handleUpgrade(req, socket, head, ws => {
        const session = new Session(guest(), o => ws.send(JSON.stringify(o)), code => ws.close(code));
        ws.on('message', data => { for (const c of [JSON.parse(data)].flat()) session.take(c); });
        ws.on('close', () => session.end());
        ws.on('error', () => {});
    });
});

process.on('SIGHUP', () => { for (const s of sessions) s.drain(); });
server.listen(Number(process.argv[2] ?? process.env.PORT ?? 8080), '127.0.0.1', () => {
    console.log(`http://127.0.0.1:${server.address().port}/ pid ${process.pid}`);
});
