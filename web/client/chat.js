/**
 * A client of chat.v1, for browsers and Node; README.md is its manual.
 *
 *     const chat = new Chat('/chat/');
 *     chat.on('message', m => show(m.room, m.user.name ?? m.user.id, m.text));
 *     chat.on('reset', r => redraw(r.room, r.page.events));
 *     chat.connect();
 *     const { page } = await chat.join('lobby', { last: 50 });
 *     await chat.send('lobby', 'hello');
 *
 * Events: state, welcome, joined, left, message (each once, in order), gap,
 * reset (a room could not be resumed: show r.page in place of what is shown),
 * error (that answers no call), event (all else).  They are the protocol's
 * objects, full of what other people wrote: show it as text.
 */

import { ChatError, bytes, cleanMessage, cleanPage, isObject, newNonce, number, parseId, random } from './base.js';

export { ChatError, newNonce, parseId };

const NONCE_MS = 240000;               // the server knows a nonce for 5 minutes
const HOUR = 3.6e6;
const TEMPORARY = /^(rate_limited|slow_mode|full|unavailable|timeout|internal)$/;
const FINAL = /^(100[023789]|4[5-9]..)$/;

const isTemporary = e => e.temporary === true || TEMPORARY.test(e.code);
const closed = ({ room, nonce }) => new ChatError({ code: 'closed', room }, nonce);

export class Chat {
    #options; #base;
    #listeners = new Set();   // of {type, listener}
    #rooms = new Map();       // name -> {name, options, epoch, offset, link, waiting}
    #calls = new Map();       // id -> {cmd, resolve, reject, link, at, tries}
    #held = new Map();        // room -> timer, while the server wants no messages
    #link = null;             // the connection in use
    #next = null;             // the one that is being opened
    #state = 'closed'; #ended = false;
    #timer = null; #forced = false;
    #tries = 0; #fails = 0;   // of connections, of WebSockets
    #refused = null;          // {token} of a 4401
    #guest;                   // our token as a guest
    #id = 0;
    #frame = 16384; #ping_ms = 25000;
    #policy = { min: 500, max: 30000, spread: 5000 };

    /** `url`: the base location */
    constructor(url = '/chat/', options = {}) {
        const o = this.#options = {
            attempts: 2, open_ms: 10000, pong_ms: 10000, client: 'chat.js/0.1',
            credentials: 'same-origin', WebSocket: globalThis.WebSocket,
            fetch: (...args) => globalThis.fetch(...args), ...options,
        };
        const base = new URL(url, globalThis.location?.href);
        base.protocol = base.protocol.replace('ws', 'http');
        base.hash = base.search = '';
        if (!base.pathname.endsWith('/')) base.pathname += '/';
        this.#base = base.href;
        try {
            if (o.storage === undefined) o.storage = globalThis.localStorage ?? null;
            this.#guest = o.storage?.getItem('chat.guest:' + this.#base) || undefined;
        } catch { o.storage = null; }
        /** the last `welcome` */
        this.welcome = null;
    }

    get state() { return this.#state; }
    get transport() { return (this.#link ?? this.#next)?.kind; }   // 'ws' or 'stream'
    get user() { return this.welcome?.user ?? null; }              // {id, name?, guest?}
    get limits() { return this.welcome?.limits ?? {}; }
    /** names of the rooms we are in, or want to be in */
    get rooms() { return [...this.#rooms.keys()]; }

    /** Adds a listener; returns a function that removes it. */
    on(type, listener) {
        const l = { type, listener };
        this.#listeners.add(l);
        return () => this.#listeners.delete(l);
    }

    /** Begins; while offline: tries at once, but not before the time the server asked for. */
    connect() {
        if (this.#state === 'offline' && !this.#forced) return void this.#open();
        if (this.#state !== 'closed') return;
        this.#ended = false;
        this.#refused = null;
        this.#tries = this.#fails = 0;
        this.#listen('addEventListener');
        this.#open();
    }

    /** Ends; unanswered calls are rejected.  connect() goes on where it was. */
    close() { this.#end(1000, ''); }

    /** How a guest wants to be called; the next `welcome` has it, or an `error`. */
    rename(name) {
        this.#options.name = name;
        if (this.#link || this.#next) this.#open();
    }

    /** Enters a room, now and after each reconnect; options: {after, last, presence}. */
    join(room, options) {
        return new Promise((resolve, reject) => {
            if (this.#ended) return reject(closed({ room }));
            if (bytes(room) > 130) return reject(new ChatError({ code: 'bad_request', field: 'room', room }));
            let r = this.#rooms.get(room);
            if (!r) this.#rooms.set(room, r = { name: room, waiting: [] });
            r.options = { ...r.options, ...options };
            r.waiting.push({ resolve, reject });
            if (this.#link) this.#enter(this.#link, [r]);
        });
    }

    leave(room) {
        const r = this.#rooms.get(room), left = { type: 'left', room, reason: 'left' };
        const entered = link => link?.kind === 'ws' && (r?.link === link || r?.back === link || link.joining.has(room));
        this.#rooms.delete(room);
        r?.waiting.forEach(w => w.reject(new ChatError({ code: 'not_joined', message: 'left', room })));
        if (entered(this.#next)) this.#next.send([{ type: 'leave', room }]);
        if (entered(this.#link)) return this.#call({ type: 'leave', room });
        if (r) this.#emit('left', left);
        if (this.#link?.kind === 'stream') this.#later(20);
        return Promise.resolve(left);
    }

    /** Publishes exactly once, however often the connection is lost; options: {data, thread, mentions, nonce}. */
    send(room, text, options) { return this.call({ nonce: newNonce(), ...options, type: 'message', room, text }); }

    /** Changes a message, once as well; options: {data, nonce}. */
    edit(room, target, text, options) { return this.call({ nonce: newNonce(), ...options, type: 'edit', room, target, text }); }

    /** Its content goes, a tombstone stays. */
    delete(room, target, reason) { return this.call({ nonce: newNonce(), type: 'delete', room, target, reason }); }

    react(room, target, emoji, on = true) { return this.call({ nonce: newNonce(), type: 'react', room, target, emoji, on }); }

    /** Any other command of the protocol; with a nonce it is tried again, as messages are. */
    async call(cmd) {
        // a longer one would end the connection
        if (bytes(cmd) + 24 > this.#frame) throw new ChatError({ code: 'too_large', room: cmd.room }, cmd.nonce);
        return this.#call({ ...cmd });
    }

    /** A `typing` or a `signal`, now or never. */
    now(cmd) { if (this.#link && this.#rooms.get(cmd.room)?.link === this.#link) this.#link.send([cmd]); }

    /** A page, {events, more, next}; options: {before, after, limit}. */
    history(room, options) { return this.call({ ...options, type: 'history', room }); }

    /* calls */

    #call(cmd) {
        return new Promise((resolve, reject) => {
            if (this.#ended) return reject(closed(cmd));
            cmd.id = ++this.#id;
            this.#calls.set(cmd.id, { cmd, resolve, reject, link: null, at: 0, tries: 0 });
            this.#flush();
        });
    }

    /* sends what has not been sent on this connection, in order */
    #flush() {
        const link = this.#link, out = [];
        if (!link) return;
        for (const call of this.#calls.values()) {
            const { room, nonce } = call.cmd, r = this.#rooms.get(room);
            if (call.link === link) continue;
            if (nonce) {
                if (this.#held.has(room) || (r && r.link !== link)) continue;
                if (call.at && Date.now() - call.at > NONCE_MS) {
                    // it may have been published: if it isn't replayed now, only the caller can decide
                    const lost = { code: 'timeout', message: 'not known whether it was published', room };
                    call.link = link;
                    setTimeout(() => this.#settle(call, new ChatError(lost, nonce)), 3000);
                    continue;
                }
            }
            call.link = link;
            call.at ||= Date.now();
            out.push(call.cmd);
        }
        if (out.length) link.send(out);
    }

    #settle(call, value) {
        if (!this.#calls.delete(call.cmd.id)) return;
        if (value instanceof Error) call.reject(value); else call.resolve(value);
    }

    /* calls of a connection that is no more */
    #orphan(link) {
        for (const call of this.#calls.values()) {
            if (call.link !== link) continue;
            call.link = null;
            if (call.cmd.type === 'leave') this.#left(call);
        }
    }

    #left(call, left = { type: 'left', room: call.cmd.room, reason: 'left' }) {
        this.#settle(call, left);
        if (!this.#rooms.has(left.room)) this.#emit('left', left);
    }

    #failed(call, o) {
        const { type, room, nonce } = call.cmd;
        if (type === 'leave') return this.#left(call);
        if (!nonce || !isTemporary(o) || ++call.tries > 5) return this.#settle(call, new ChatError(o, nonce));
        // again, with the same nonce, and what was sent behind it has to wait
        call.link = null;
        if (this.#held.has(room)) return;
        this.#held.set(room, setTimeout(() => {
            this.#held.delete(room);
            this.#flush();
        }, number(o.retry_after_ms, 0, HOUR, 500 * 2 ** call.tries + random(500))));
    }

    #emit(type, value) {
        for (const l of [...this.#listeners].filter(l => l.type === type)) {
            try { l.listener(value); } catch (e) { queueMicrotask(() => { throw e; }); }
        }
    }

    #setState(state, more = {}) {
        if (state === this.#state && state !== 'offline') return;
        this.#state = state;
        this.#emit('state', { state, transport: this.transport, ...more });
    }

    /* connections: #open -> #socket or #stream -> #welcome -> #promote -> #down */

    async #open() {
        const o = this.#options;
        this.#clear();
        if (this.#next) this.#halt(this.#next);
        this.#next = null;
        this.#flush();
        const link = this.#next = {
            kind: this.#link?.kind ?? this.#choose(), heard: 0, joining: new Set(), joins: new Map(), halt() {},
        };
        if (!this.#link) this.#setState('connecting');

        let { token } = o;
        if (typeof token === 'function') {
            try {
                token = await token({ expired: this.#refused !== null });
            } catch (e) {
                if (link.dead) return;
                this.#next = null;
                this.#emit('error', { type: 'error', code: 'unauthorized', message: String(e?.message ?? e), temporary: true });
                return this.#retry(this.#backoff(), 'token');
            }
            if (link.dead) return;
            if (this.#refused && (!token || token === this.#refused.token)) return this.#end(4401, 'no new token');
        }
        link.token = token || this.#guest;
        link.guest = !token && !!this.#guest;
        link.timer = setTimeout(() => {
            if (link.held) this.#begin(link, link.held); else this.#down(link, { reason: 'timeout' });
        }, o.open_ms);
        if (link.kind === 'ws') this.#socket(link); else this.#stream(link);
    }

    #choose() {
        const { transport, WebSocket, attempts } = this.#options;
        return transport ?? (!WebSocket || this.#fails >= attempts ? 'stream' : 'ws');
    }

    #socket(link) {
        let ws;
        link.halt = () => ws?.close(1000);
        link.send = cmds => cmds.forEach(cmd => ws.send(JSON.stringify(cmd)));
        try {
            ws = new this.#options.WebSocket(this.#base.replace('http', 'ws'), 'chat.v1');
        } catch (e) {
            return queueMicrotask(() => this.#down(link, { reason: e.message }));
        }
        ws.onopen = () => link.dead || link.send([this.#hello(link)]);
        ws.onmessage = e => this.#input(link, e.data);
        ws.onclose = e => this.#down(link, { code: e.code, reason: e.reason });
        ws.onerror = () => {};
    }

    async #stream(link) {
        try {
            const { openStream } = await import('./chat-stream.js');
            if (link.dead) return;
            await openStream(link, {
                ...this.#options, url: this.#base,
                commands: [this.#hello(link), ...this.#joins(link, this.#wanted())],
                size: bytes,
                frame: () => this.#frame,
                name: () => this.#options.name,
                delay: (ms, tries) => number(ms, 0, HOUR, this.#backoff(tries)),
                input: text => this.#input(link, text),
                object: o => this.#object(link, o),
                down: why => this.#down(link, why),
            });
        } catch (e) { this.#down(link, { reason: e.message }); }
    }

    #hello(link) {
        const { client, name } = this.#options;
        return { type: 'hello', id: link.hello = ++this.#id, client, token: link.token, name: name || undefined };
    }

    #input(link, text) {
        let value;
        if (link.dead || typeof text !== 'string') return;
        link.heard = Date.now();
        try { value = JSON.parse(text); } catch { return; }
        for (const o of [value].flat()) this.#object(link, o);
    }

    #welcome(link, o) {
        this.#frame = number(o.limits?.frame, 1024, 1 << 20, 16384);
        if (!link.up) {
            link.up = true;
            if (link.kind === 'ws') link.send(this.#joins(link, this.#wanted()));
            // who a guest is, the answer to `hello` tells
            if (o.user?.guest && (link.token || this.#options.name)) return void (link.held = o);
        }
        this.#begin(link, o);
    }

    #begin(link, o) {
        const { min_ms, max_ms, spread_ms } = o.reconnect ?? {}, max = number(max_ms, 1000, HOUR, 30000);
        link.held = null;
        link.session = o.session;
        link.since ??= Date.now();
        this.welcome = o;
        this.#policy = { max, min: number(min_ms, 50, max, 500), spread: number(spread_ms, 0, max, 5000) };
        this.#ping_ms = number(o.ping_ms, 1000, 6e5, 25000);
        this.#refused = null;
        if (typeof o.guest_token === 'string') {
            link.guest = true;
            this.#keep(link.token = o.guest_token);
        }
        this.#watch(link);
        this.#emit('welcome', o);
        if (link.dead) return;
        if (!this.#link) this.#promote(link); else this.#ready(link);
    }

    /* our token is about to end: a newer one, while the connection stays */
    async #renew(link) {
        const { token } = this.#options;
        try {
            const fresh = typeof token === 'function' && await token({ expired: false, expiring: true });
            if (!fresh || link !== this.#link || fresh === link.token) return;
            if (link.kind === 'stream') return this.#later(0);
            link.send([{ type: 'auth', id: ++this.#id, token: link.token = fresh }]);
        } catch { /* once it has ended, it is asked for again */ }
    }

    /* nothing of `hello` was taken: once more without what was wrong */
    #rejected(link, o) {
        if (o.field !== 'name' && !link.guest) {
            this.#emit('error', o);
            return this.#down(link, { code: 4401, reason: o.message });
        }
        if (o.field === 'name') {
            this.#options.name = undefined;
            this.#emit('error', o);
        } else {
            link.token = undefined;
            this.#keep();
        }
        if (link.kind === 'ws' && (link.token || this.#options.name)) link.send([this.#hello(link)]);
        else if (link.held) this.#begin(link, link.held);
    }

    #keep(token) {
        this.#guest = token;
        try {
            const key = 'chat.guest:' + this.#base, { storage } = this.#options;
            if (token) storage?.setItem(key, token); else storage?.removeItem(key);
        } catch { /* full or forbidden: a guest of this page only */ }
    }

    /* a connection beside the one in use takes over when it is in every room */
    #ready(link) {
        if (link === this.#next && link.since && !link.joining.size) this.#promote(link);
    }

    #promote(link) {
        const old = this.#link;
        this.#link = link;
        this.#next = null;
        if (old) this.#halt(old), this.#orphan(old);
        this.#setState('online');
        if (link.dead) return;
        const missing = [...this.#rooms.values()].filter(r => r.link !== link && !r.timer && !link.joining.has(r.name));
        if (missing.length) this.#enter(link, missing);
        if (link.drain !== undefined) this.#later(link.drain);
        this.#flush();
    }

    #halt(link) {
        link.dead = true;
        clearTimeout(link.timer);
        link.halt();
        for (const r of this.#rooms.values()) if (r.link === link) r.link = link === this.#next ? r.back : null;
    }

    /* a connection is lost, or could not be opened */
    #down(link, why) {
        const { code = 1006, reason = '', retry_after_ms, reconnect } = { ...why, ...link.closing };
        const current = link === this.#link;
        if (link.dead) return;
        this.#halt(link);
        if (current) this.#link = null; else this.#next = null;
        this.#orphan(link);
        this.#flush();

        // behind a stream one WebSocket is tried; where they have worked, some more than at first
        if (link.kind !== 'ws') this.#fails = this.#options.attempts - 1;
        else this.#fails = link.up || link.closing ? -3 : this.#fails + 1;

        let final = reconnect === false || FINAL.test(code);
        if (code === 4401) {
            final = !link.guest && typeof this.#options.token !== 'function';
            if (link.guest) this.#keep(); else this.#refused = link;
        }
        if (final) return this.#end(code, reason);
        if (current && this.#next) {
            if (this.#next.since) this.#promote(this.#next); else this.#setState('connecting');
            return;
        }
        if (!this.#link && link.kind === 'ws' && this.#choose() === 'stream') return void this.#open();
        if (Date.now() - link.since > this.#policy.spread) this.#tries = 0;
        const asked = number(retry_after_ms, 0, HOUR, null), first = link.since && !link.closing && !this.#tries;
        if (first) this.#tries = 1;
        this.#retry(asked !== null ? asked + random(this.#policy.min) : first ? random(this.#policy.spread) : this.#backoff(),
            reason, code, asked !== null);
    }

    #backoff(tries = this.#tries++) { return random(Math.min(this.#policy.max, this.#policy.min * 2 ** tries)); }

    #retry(ms, reason, code, forced = false) {
        this.#later(ms, forced);
        if (!this.#link) this.#setState('offline', { code, reason, retry_ms: Math.round(ms) });
    }

    #later(ms, forced = false) {
        this.#clear();
        this.#forced = forced;
        this.#timer = setTimeout(() => this.#open(), ms);
    }

    #clear() {
        clearTimeout(this.#timer);
        this.#forced = false;
    }

    #end(code, reason) {
        if (this.#ended) return;
        this.#ended = true;
        this.#clear();
        this.#listen('removeEventListener');
        for (const link of [this.#link, this.#next]) if (link) this.#halt(link);
        this.#link = this.#next = null;
        for (const timer of this.#held.values()) clearTimeout(timer);
        this.#held.clear();
        for (const call of this.#calls.values()) this.#settle(call, closed(call.cmd));
        for (const r of this.#rooms.values()) {
            clearTimeout(r.timer);
            r.timer = r.link = null;
            for (const w of r.waiting.splice(0)) w.reject(closed({ room: r.name }));
        }
        this.#setState('closed', { code, reason });
    }

    /* is it still alive?  A WebSocket's own pings can't be seen from here. */

    #watch(link) {
        const quiet = this.#ping_ms * 2;
        clearTimeout(link.timer);
        link.timer = setTimeout(() => {
            if (Date.now() - link.heard < quiet) this.#watch(link);
            else if (link.kind === 'ws') this.#probe(link, this.#options.pong_ms);
            else this.#down(link, { reason: 'silence' });
        }, number(link.heard + quiet - Date.now(), 0, quiet, quiet));
    }

    #probe(link, patience) {
        link.heard = 0;
        link.send([{ type: 'ping' }]);
        clearTimeout(link.timer);
        link.timer = setTimeout(() => {
            if (link.heard) this.#watch(link); else this.#down(link, { reason: 'no answer' });
        }, patience);
    }

    #listen(how) {
        globalThis[how]?.('online', this.#wake);
        globalThis[how]?.('offline', this.#wake);
        globalThis.document?.[how]('visibilitychange', this.#wake);
    }

    #wake = event => {
        if (event.type === 'visibilitychange' && globalThis.document.hidden) return;
        if (this.#state === 'offline' && event.type !== 'offline' && !this.#forced) this.#tries = 0, this.#open();
        else if (this.#link?.kind === 'ws') this.#probe(this.#link, Math.min(5000, this.#options.pong_ms));
        else if (this.#link && event.type === 'online') this.#later(0);
    };

    /* rooms */

    #wanted() {
        // one that the other connection is just entering gets its cursor there
        return [...this.#rooms.values()].filter(r => r.epoch || !this.#link?.joining.has(r.name));
    }

    #enter(link, rooms) {
        if (link.kind === 'ws') link.send(this.#joins(link, rooms)); else this.#later(20);
    }

    /* join commands, none longer than a frame may be: a room takes 206 bytes at most */
    #joins(link, rooms) {
        const cmds = [], n = Math.min(100, this.#frame >> 8);
        for (let i = 0; i < rooms.length; i += n) {
            const some = rooms.slice(i, i + n), id = ++this.#id;
            const list = some.map(r => ({ ...r.options, room: r.name, ...(r.epoch && { after: r.epoch + '-' + r.offset }) }));
            link.joins.set(id, some.map(r => r.name));
            for (const r of some) link.joining.add(r.name);
            cmds.push({ type: 'join', id, ...(list.length > 1 ? { rooms: list } : list[0]) });
        }
        return cmds;
    }

    #joined(link, o) {
        let r = this.#rooms.get(o.room);
        const again = r?.link === link && o.recovered === undefined, { epoch, first, head } = o;
        if (typeof o.room !== 'string' || !parseId(epoch + '-' + head)) return;
        if (link.joining.delete(o.room) && !r) return this.#ready(link);    // left meanwhile
        if (!r) this.#rooms.set(o.room, r = { name: o.room, waiting: [] });
        if (o.recovered === true) {
            const at = r.epoch ? r : parseId(r.options?.after);
            r.offset = at?.epoch === epoch ? at.offset : number(first, 1, head + 1, 1) - 1;
            r.epoch = epoch;
        } else if (!again) {
            Object.assign(r, { epoch, offset: head });
        }
        clearTimeout(r.timer);
        r.timer = null;
        if (link === this.#next) r.back = r.link;                       // if it fails yet
        r.link = link;
        if (o.page !== undefined) o.page = cleanPage(o.page);
        for (const m of o.page?.events ?? []) this.#own(m);
        for (const w of r.waiting.splice(0)) w.resolve(o);
        this.#emit('joined', o);
        if (o.recovered === false) {
            this.#emit('reset', { type: 'reset', room: o.room, missed: o.missed ?? null, page: o.page ?? cleanPage() });
        }
        this.#ready(link);
        this.#flush();
    }

    #refuse(link, name, error) {
        const r = this.#rooms.get(name), temporary = isTemporary(error);
        if (!link.joining.delete(name)) return;
        if (r && temporary) {
            r.timer = setTimeout(() => {
                r.timer = null;
                if (this.#rooms.get(name) === r && this.#link && r.link !== this.#link) this.#enter(this.#link, [r]);
            }, number(error.retry_after_ms, 0, HOUR, 1000 + random(4000)));
            this.#emit('error', { ...error, type: 'error', temporary, room: name });
        } else if (r) {
            const e = new ChatError({ ...error, room: name });
            this.#rooms.delete(name);
            for (const w of r.waiting) w.reject(e);
            for (const call of this.#calls.values()) {
                if (call.cmd.nonce && call.cmd.room === name) this.#settle(call, e);
            }
            if (r.epoch) this.#emit('left', { type: 'left', room: name, reason: 'refused', code: error.code });
        }
        this.#ready(link);
    }

    /* objects from the server */

    #object(link, o) {
        if (link.dead || !isObject(o) || typeof o.type !== 'string') return;
        if (o.type === 'welcome') return this.#welcome(link, o);
        if (o.type === 'error' && o.reply_to === link.hello && (link.token || o.field === 'name')) return this.#rejected(link, o);
        if (link.held && o.type !== 'closing') this.#begin(link, link.held);

        const call = this.#calls.get(o.reply_to), joins = link.joins.get(o.reply_to), r = this.#rooms.get(o.room);
        switch (o.type) {
        case 'joined':
            return this.#joined(link, o);
        case 'left':
            if (call) return this.#left(call, o);
            if (r?.link !== link) return;
            this.#rooms.delete(o.room);
            return this.#emit('left', o);
        case 'closing':
            return void (link.closing = o);
        case 'reconnect':
            link.drain = number(o.after_ms, 0, HOUR, 0);
            if (link === this.#link) this.#later(link.drain);
            return;
        case 'expiring':
            this.#renew(link);
            break;
        case 'ping':
            if (link.kind === 'ws') link.send([{ type: 'pong' }]);
            return;
        case 'gap':
            if (!r?.epoch || !(o.reason === 'reset' || o.to > r.offset)) return;
            if (o.reason !== 'reset') r.offset = o.to;
            return this.#emit('gap', o);
        case 'error':
            if (joins) for (const name of joins) this.#refuse(link, name, o);
            else if (call) this.#failed(call, o);
            else this.#emit('error', o);
            return;
        }
        if (joins) for (const f of o.failed ?? []) this.#refuse(link, f?.room, f);
        else if (call) this.#settle(call, o.type === 'history' ? cleanPage(o) : o);
        else if (o.reply_to === undefined && o.type !== 'ok' && o.type !== 'pong') this.#event(link, r, o);
    }

    #event(link, r, o) {
        const at = parseId(o.id), logged = o.type === 'message' || (at && o.ts !== undefined && o.type !== 'notice');
        if (logged) {                                                   // of the log: once, in order
            if (!r || !at || (at.epoch === r.epoch ? at.offset <= r.offset : r.link !== link)) return;
            Object.assign(r, at);
            this.#own(cleanMessage(o));
        }
        this.#emit(o.type === 'message' ? o.type : 'event', o);
    }

    /* our own message came back: as good as the answer, which may have been lost */
    #own(m) {
        if (typeof m.nonce !== 'string' || m.user.id !== this.user?.id) return;
        for (const call of this.#calls.values()) {
            if (call.cmd.nonce === m.nonce && call.cmd.room === m.room) {
                return this.#settle(call, { type: 'ok', reply_to: call.cmd.id, room: m.room, id: m.id, ts: m.ts });
            }
        }
    }
}
