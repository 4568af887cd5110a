/**
 * chat.js: the client library of ngx_chat_module, protocol chat.v1.
 *
 * No dependencies.  Browsers, and Node 20+ (which has no WebSocket of its own:
 * give one in the options, e.g. that of the npm package "ws", or let it use
 * the stream by fetch).
 *
 *     import { Chat } from './chat.js';
 *
 *     const chat = new Chat('/chat/');
 *
 *     chat.on('state',   s => console.log(s.state));
 *     chat.on('message', m => console.log(m.room, m.user.name ?? m.user.id, m.text));
 *     chat.on('reset',   r => redraw(r.room, r.page));   // too long away
 *
 *     chat.connect();
 *     await chat.join('lobby', { last: 50 });    // {…, page: {events, more}}
 *     await chat.send('lobby', 'hello');         // {id, ts}
 *
 * What it takes care of: reconnecting with backoff, resuming every room where
 * it was, ignoring what came already, sending each message exactly once,
 * changing connections without a hole when the server is reloaded, staying the
 * same guest, and a stream by fetch where WebSocket doesn't get through.
 *
 * Events, `chat.on(name, listener)`; the objects are those of the protocol:
 *
 *   state    {state, transport, code?, reason?, retry_ms?}; state is one of
 *            'connecting', 'online', 'offline' (it will try again) and
 *            'closed' (it won't, until connect() is called)
 *   welcome  a session began: {user, limits, features, …}
 *   joined   a room was entered, for the first time or again
 *   left     a room was left, by us or by the server's will: {room, reason};
 *            reason 'refused' with `code`: it could not be entered again
 *   message  a message, in the order of the room, each once
 *   gap      messages of a room are missing: {room, from, to, missed, reason}
 *   reset    a room could not be resumed: {room, missed, page}; what is shown
 *            of it is to be replaced by the page
 *   error    an error that answers no call: {code, message, temporary, room?}
 *   event    everything else from the server
 *
 * Everything in those objects comes from other people: show it as text.
 *
 * @typedef {object} ChatOptions
 * @property {string|function({expired: boolean}): (string|Promise<string>)} [token]
 *   who we are, or a function that gives it; `expired` is true when the server
 *   refused the last one.  Without it we are a guest.
 * @property {string} [client]        name and version told to the server
 * @property {'ws'|'stream'} [transport]  only this one
 * @property {number} [attempts]      WebSockets to try before the stream (2)
 * @property {Storage|null} [storage] where the guest's token is kept; null: nowhere
 * @property {typeof WebSocket} [WebSocket]
 * @property {typeof fetch} [fetch]
 * @property {string} [credentials]   of fetch ('same-origin')
 * @property {number} [open_ms]       patience for a connection (10000)
 * @property {number} [pong_ms]       patience for an answer to a ping (10000)
 */

const FRAME = 16384;          // limits.frame, until the server tells
const NONCE_MS = 240000;      // the server knows a nonce for 5 minutes
const TEMPORARY = ['rate_limited', 'slow_mode', 'full', 'unavailable', 'timeout', 'internal'];
const FINAL = [1000, 1002, 1003, 1007, 1008, 1009];

const isTemporary = e => e.temporary === true || TEMPORARY.includes(e.code);
const rnd = ms => Math.random() * ms;
const isObject = v => v !== null && typeof v === 'object' && !Array.isArray(v);
const bytes = v => new TextEncoder().encode(v).length;
const number = (v, min, max, otherwise) =>
    Number.isFinite(v) ? Math.min(Math.max(v, min), max) : otherwise;

/** The rejection of a call: what the server's `error` says.  `nonce`: of a message, to send it again. */
export class ChatError extends Error {
    constructor({ code, message, temporary, retry_after_ms, room, field, until }, nonce) {
        super(String(message || code));
        Object.assign(this, { name: 'ChatError', code: String(code), temporary: temporary === true,
                              retry_after_ms, room, field, until, nonce });
    }
}

/** An event's id: `{epoch, offset}`, or null if it is none. */
export function parseId(id) {
    const m = typeof id === 'string' && /^([0-9a-z]{10})-(\d{1,16})$/.exec(id);
    return m && Number.isSafeInteger(+m[2]) ? { epoch: m[1], offset: +m[2] } : null;
}

/**
 * An incremental parser of text/event-stream.
 * @param {function(string)} onData gets the data of each event
 * @returns {function(string)} to be fed with pieces of the stream, cut anywhere
 */
export function sseParser(onData) {
    let begun = false, cr = false, rest = '', data = null;

    return piece => {
        if (!begun && piece) {
            begun = true;
            if (piece[0] === '\uFEFF') piece = piece.slice(1);
        }
        if (cr && piece[0] === '\n') piece = piece.slice(1), cr = false;
        if (!piece) return;
        cr = piece.endsWith('\r');

        const lines = (rest + piece).split(/\r\n|\r|\n/);
        rest = lines.pop();

        for (const line of lines) {
            if (line === '') {
                if (data) onData(data);
                data = null;
            } else if (line === 'data' || line.startsWith('data:')) {
                const value = line.slice(line[5] === ' ' ? 6 : 5);
                data = data === null ? value : data + '\n' + value;
            }
        }
    };
}

/* makes the objects of the server safe to read */

function cleanMessage(m) {
    if (!isObject(m.user) || typeof m.user.id !== 'string') m.user = { id: '' };
    if (typeof m.user.name !== 'string' || !m.user.name) delete m.user.name;
    if (typeof m.text !== 'string') m.text = '';
    m.ts = number(m.ts, 0, 8.64e15, 0);
    return m;
}

function cleanPage(page) {
    if (!isObject(page)) return { events: [], more: false };
    page.events = (Array.isArray(page.events) ? page.events : [])
        .filter(e => isObject(e) && parseId(e.id)).map(cleanMessage);
    page.more = page.more === true && parseId(page.next) !== null;
    return page;
}

async function httpFailure(res) {
    const status = res.status, body = await res.json().catch(() => ({}));
    const problem = isObject(body) ? body : {};
    const after = res.headers.get('retry-after');
    return {
        code: status === 401 ? 4401 : status,
        reason: String(problem.detail || problem.title || 'HTTP ' + status),
        error: String(problem.code || 'unavailable'),
        retry: problem.retry_after_ms ?? (after === null ? undefined : after * 1000),
        final: status === 204 || (status >= 400 && status < 500 && ![401, 408, 425, 429].includes(status)),
    };
}


export class Chat {
    #options; #base; #socketUrl;
    #handlers = new Map();
    #rooms = new Map();       // name -> {name, last, after, epoch, offset, link, waiting}
    #calls = new Map();       // id -> {cmd, resolve, reject, link, at, tries}
    #held = new Map();        // room -> timer, while the server wants no messages
    #link = null;             // the connection in use
    #next = null;             // the one that is being opened
    #state = 'closed'; #ended = false;
    #timer = null; #forced = false; #generation = 0;
    #tries = 0; #socketFails = 0; #lastFail = '';
    #refused = null;          // {token} of a 4401
    #guest; #frame = FRAME; #id = 0;
    #policy = { min_ms: 500, max_ms: 30000, spread_ms: 5000 };
    #ping_ms = 25000;

    /**
     * @param {string} url      the base location, e.g. "/chat/"
     * @param {ChatOptions} [options]
     */
    constructor(url = '/chat/', options = {}) {
        const o = this.#options = { attempts: 2, open_ms: 10000, pong_ms: 10000, client: 'chat.js/0.1',
                                    credentials: 'same-origin', WebSocket: globalThis.WebSocket, ...options };
        o.fetch ??= (...args) => globalThis.fetch(...args);
        const base = new URL(url, globalThis.location?.href);
        base.protocol = base.protocol.replace('ws', 'http');
        base.hash = base.search = '';
        if (!base.pathname.endsWith('/')) base.pathname += '/';
        this.#base = base.href;
        this.#socketUrl = base.href.replace('http', 'ws');
        try {
            if (o.storage === undefined) o.storage = globalThis.localStorage ?? null;
            this.#guest = o.storage?.getItem('chat.guest:' + this.#base) || undefined;
        } catch { o.storage = null; }
        /** The last `welcome`. */
        this.welcome = null;
    }

    get state() { return this.#state; }
    /** 'ws' or 'stream' */
    get transport() { return (this.#link ?? this.#next)?.kind; }
    /** {id, name?, guest?}, null before the first welcome */
    get user() { return isObject(this.welcome?.user) ? this.welcome.user : null; }
    get limits() { return isObject(this.welcome?.limits) ? this.welcome.limits : {}; }
    /** names of the rooms we are in, or want to be in */
    get rooms() { return [...this.#rooms.keys()]; }

    /** Adds a listener; returns a function that removes it. */
    on(type, listener) {
        if (!this.#handlers.has(type)) this.#handlers.set(type, new Set());
        this.#handlers.get(type).add(listener);
        return () => this.off(type, listener);
    }

    off(type, listener) { this.#handlers.get(type)?.delete(listener); }

    /** Begins, or, while offline, tries again at once (not before the time the server asked for). */
    connect() {
        if (this.#state === 'offline' && !this.#forced) return void this.#open();
        if (this.#state !== 'closed') return;
        this.#ended = false;
        this.#refused = null;
        this.#tries = this.#socketFails = 0;
        this.#listen('addEventListener');
        this.#open();
    }

    /** Ends; unanswered calls are rejected.  connect() goes on where it was. */
    close() { this.#end(1000, ''); }

    /**
     * Enters a room, and enters it again after each reconnect.
     * @param {string} room
     * @param {{after?: string, last?: number, presence?: boolean}} [options]
     *   after: go on behind this id; last: or show that many messages
     * @returns {Promise<object>} the `joined` object
     */
    join(room, { after, last, presence } = {}) {
        return new Promise((resolve, reject) => {
            if (this.#ended) return reject(new ChatError({ code: 'closed', room }));
            let r = this.#rooms.get(room);
            if (!r) this.#rooms.set(room, r = { name: room, waiting: [] });
            if (!r.epoch) r.after = after;
            r.last = last ?? r.last;
            r.presence = presence ?? r.presence;
            r.waiting.push({ resolve, reject });
            if (this.#link) this.#enter(this.#link, [r]);
        });
    }

    /** @returns {Promise<object>} the `left` object */
    leave(room) {
        const r = this.#rooms.get(room), link = this.#link, next = this.#next;
        this.#rooms.delete(room);
        r?.waiting.forEach(w => w.reject(new ChatError({ code: 'not_joined', message: 'left', room })));
        if (next?.kind === 'ws' && next.asked.has(room)) next.send([{ type: 'leave', room }]);
        if (link?.kind === 'ws' && link.asked.has(room)) return this.#call({ type: 'leave', room });
        const left = { type: 'left', room, reason: 'left' };
        if (r) this.#emit('left', left);
        if (link?.kind === 'stream') this.#later(20);
        return Promise.resolve(left);
    }

    /**
     * Publishes a message, exactly once, however often the connection is lost.
     * @param {string} room
     * @param {string} text
     * @param {{data?: *, thread?: string, mentions?: string[], nonce?: string}} [options]
     * @returns {Promise<object>} the `ok` object: {id, ts}
     */
    async send(room, text, { data, thread, mentions, nonce = newNonce() } = {}) {
        const cmd = { type: 'message', room, text, nonce, data, thread, mentions };
        // a longer one would end the connection
        if (bytes(JSON.stringify(cmd)) + 24 > this.#frame) throw new ChatError({ code: 'too_large', room }, nonce);
        return this.#call(cmd);
    }

    /**
     * A page of a room's messages, the newest without a cursor.
     * @param {string} room
     * @param {{before?: string, after?: string, limit?: number}} [options]
     * @returns {Promise<{events: object[], more: boolean, next?: string}>}
     */
    history(room, { before, after, limit } = {}) {
        return this.#call({ type: 'history', room, before, after, limit });
    }

    /** @returns {Promise<number>} the time there and back, in ms */
    ping() { return this.#call({ type: 'ping' }); }


    /* calls */

    #call(cmd) {
        return new Promise((resolve, reject) => {
            if (this.#ended) return reject(new ChatError({ code: 'closed', room: cmd.room }, cmd.nonce));
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
            const { type, room, nonce } = call.cmd, r = this.#rooms.get(room);
            if (call.link === link) continue;
            if (type === 'message') {
                if (this.#held.has(room) || (r && r.link !== link)) continue;
                if (call.at && Date.now() - call.at > NONCE_MS) {
                    // it may have been published, and the server doesn't know the nonce any more:
                    // if it isn't in what is replayed now, only the caller can decide
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
            if (call.cmd.type === 'leave') this.#left(call, { type: 'left', room: call.cmd.room, reason: 'left' });
        }
    }

    #left(call, left) {
        this.#settle(call, left);
        if (!this.#rooms.has(left.room)) this.#emit('left', left);
    }

    #emit(type, value) {
        for (const listener of [...this.#handlers.get(type) ?? []]) {
            try { listener(value); } catch (e) { queueMicrotask(() => { throw e; }); }
        }
    }

    #setState(state, more = {}) {
        if (state === this.#state && state !== 'offline') return;
        this.#state = state;
        this.#emit('state', { state, transport: this.transport, ...more });
    }


    /* connections: #open -> #socket or #stream -> #welcome -> #promote -> #down */

    async #open() {
        const o = this.#options, generation = ++this.#generation;
        this.#clear();
        if (this.#next) this.#halt(this.#next);
        this.#next = null;
        this.#flush();
        if (!this.#link) this.#setState('connecting');

        let token = o.token;
        if (typeof token === 'function') {
            try {
                token = await token({ expired: this.#refused !== null });
            } catch (e) {
                token = undefined;
                if (generation === this.#generation) {
                    this.#emit('error', { type: 'error', code: 'unauthorized', message: String(e?.message ?? e), temporary: true });
                    this.#retry(this.#backoff(), 'token');
                }
                return;
            }
            if (generation !== this.#generation) return;
            if (this.#refused && (!token || token === this.#refused.token)) return this.#end(4401, 'no new token');
        }

        const guest = !token && !!this.#guest;
        const link = this.#next = {
            kind: this.#link?.kind ?? this.#choose(), token: token || this.#guest, guest,
            hello: ++this.#id, up: false, dead: false, heard: 0, held: null, welcome: null,
            joining: new Set(), asked: new Set(), joins: new Map(),
        };
        link.timer = setTimeout(() => {
            if (link.held) this.#begin(link, link.held); else this.#down(link, { reason: 'timeout' });
        }, o.open_ms);
        const hello = { type: 'hello', id: link.hello, client: o.client, token: link.token };
        if (link.kind === 'ws') this.#socket(link, hello); else this.#stream(link, hello);
    }

    #choose() {
        const { transport, WebSocket, attempts } = this.#options;
        if (transport) return transport;
        return !WebSocket || (this.#socketFails >= attempts && this.#lastFail !== 'stream') ? 'stream' : 'ws';
    }

    #socket(link, hello) {
        let ws;
        link.halt = () => ws?.close(1000);
        link.send = cmds => cmds.forEach(cmd => ws.send(JSON.stringify(cmd)));
        try {
            ws = new this.#options.WebSocket(this.#socketUrl, 'chat.v1');
        } catch (e) {
            return queueMicrotask(() => this.#down(link, { reason: e.message }));
        }
        ws.onopen = () => link.dead || link.send([hello]);
        ws.onmessage = e => this.#input(link, e.data);
        ws.onclose = e => this.#down(link, { code: e.code, reason: e.reason });
        ws.onerror = () => {};
    }

    async #stream(link, hello) {
        const o = this.#options, abort = new AbortController(), queue = [];
        let busy = false, reason = '';

        const post = (accept, body) => {
            const headers = { 'Content-Type': 'application/json', Accept: accept };
            const token = link.guest || !link.token ? this.#guest : link.token;
            if (token) headers.Authorization = 'Bearer ' + token;
            if (typeof link.welcome?.session === 'string') headers['Chat-Session'] = link.welcome.session;
            return o.fetch(this.#base, { method: 'POST', headers, body: JSON.stringify(body),
                signal: abort.signal, cache: 'no-store', credentials: o.credentials });
        };

        const pump = async () => {
            for (let tries = 0; queue.length && !link.dead;) {
                let n = 0, size = 0, failure = null, replies;
                while (n < queue.length && n < 64) {
                    size += bytes(JSON.stringify(queue[n])) + 1;
                    if (n && size > this.#frame) break;
                    n++;
                }
                const batch = queue.slice(0, n);
                try {
                    const res = await post('application/json', batch);
                    if (res.ok) replies = await res.json(); else failure = await httpFailure(res);
                } catch { failure = {}; }
                if (link.dead) return;
                if (failure?.code === 4401) return this.#down(link, failure);
                if (failure && !failure.final) {
                    await new Promise(wake => setTimeout(wake, number(failure.retry, 0, 3.6e6,
                        rnd(Math.min(this.#policy.max_ms, this.#policy.min_ms * 2 ** tries++)))));
                    continue;
                }
                queue.splice(0, n);
                tries = 0;
                replies = failure ? batch.map(cmd => ({ type: 'error', reply_to: cmd.id, room: cmd.room,
                    code: failure.error, message: failure.reason, temporary: false })) : replies;
                for (const reply of Array.isArray(replies) ? replies : []) this.#object(link, reply);
            }
        };

        link.halt = () => abort.abort();
        link.send = cmds => {
            queue.push(...cmds);
            if (!busy) busy = true, pump().finally(() => { busy = false; });
        };

        await null;                                 // connect() and some join() in a row
        if (link.dead) return;
        try {
            const res = await post('text/event-stream', [hello, ...this.#joins(link, this.#wanted())]);
            if (res.status !== 200 || !/^text\/event-stream/i.test(res.headers.get('content-type'))) {
                return this.#down(link, await httpFailure(res));
            }
            const reader = res.body.getReader(), decoder = new TextDecoder();
            const feed = sseParser(data => this.#input(link, data));
            for (;;) {
                const { done, value } = await reader.read();
                if (done || link.dead) break;
                link.heard = Date.now();
                feed(decoder.decode(value, { stream: true }));
            }
        } catch (e) { reason = e.message; }
        this.#down(link, { reason });
    }

    #input(link, text) {
        let value;
        if (link.dead || typeof text !== 'string') return;
        link.heard = Date.now();
        try { value = JSON.parse(text); } catch { return; }
        for (const o of Array.isArray(value) ? value : [value]) this.#object(link, o);
    }

    #welcome(link, o) {
        this.#frame = number(o.limits?.frame, 1024, 1 << 20, FRAME);
        if (!link.up) {
            link.up = true;
            if (link.kind === 'ws') link.send(this.#joins(link, this.#wanted()));
            // a new guest, unless our token makes it the one we were: the next object tells
            if (link.guest && o.user?.guest && o.user.id !== this.user?.id) return void (link.held = o);
        }
        this.#begin(link, o);
    }

    #begin(link, o) {
        const r = isObject(o.reconnect) ? o.reconnect : {}, max_ms = number(r.max_ms, 1000, 3.6e6, 30000);
        link.held = null;
        link.welcome = this.welcome = o;
        link.since ??= Date.now();
        this.#policy = { max_ms, min_ms: number(r.min_ms, 50, max_ms, 500), spread_ms: number(r.spread_ms, 0, max_ms, 5000) };
        this.#ping_ms = number(o.ping_ms, 1000, 6e5, 25000);
        this.#refused = null;
        if (typeof o.guest_token === 'string') this.#keep(o.guest_token);
        this.#watch(link);
        this.#emit('welcome', o);
        if (link.dead) return;
        if (!this.#link) this.#promote(link); else this.#ready(link);
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
        if (link === this.#next && link.welcome && !link.joining.size) this.#promote(link);
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
    #down(link, { code = 1006, reason = '', retry, final = false }) {
        const told = link.closing;
        if (link.dead) return;
        this.#halt(link);
        if (told) {
            code = number(told.code, 0, 65535, code);
            reason = String(told.reason ?? reason);
            retry = told.retry_after_ms;
            final ||= told.reconnect === false && code !== 4401;
        }
        const current = link === this.#link;
        if (current) this.#link = null; else this.#next = null;
        this.#orphan(link);
        this.#flush();

        const opened = link.up || told;
        if (opened) this.#socketFails = link.kind === 'ws' ? 0 : this.#options.attempts - 1;
        else if (link.kind === 'ws') this.#socketFails++;
        this.#lastFail = opened ? '' : link.kind;

        if (code === 4401) {
            if (link.guest || (!link.token && this.#guest)) this.#keep(undefined);
            else if (typeof this.#options.token === 'function') this.#refused = { token: link.token };
            else final = true;
        }
        if (final || FINAL.includes(code) || (code >= 4500 && code <= 4999)) return this.#end(code, reason);

        if (current && this.#next) {
            if (this.#next.welcome) this.#promote(this.#next); else this.#setState('connecting');
            return;
        }
        // no WebSocket, again: is it only WebSocket?
        if (!this.#link && this.#lastFail === 'ws' && this.#choose() === 'stream') return void this.#open();
        if (link.since && Date.now() - link.since > this.#policy.spread_ms) this.#tries = 0;
        retry = number(retry, 0, 3.6e6, null);
        if (retry !== null) {
            this.#retry(retry + rnd(this.#policy.min_ms), reason, code, true);
        } else if (link.welcome && !told && !this.#tries) {
            this.#tries = 1;
            this.#retry(rnd(this.#policy.spread_ms), reason, code);
        } else {
            this.#retry(this.#backoff(), reason, code);
        }
    }

    #backoff() { return rnd(Math.min(this.#policy.max_ms, this.#policy.min_ms * 2 ** this.#tries++)); }

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
        this.#generation++;
        this.#clear();
        this.#listen('removeEventListener');
        for (const link of [this.#link, this.#next]) if (link && !link.dead) this.#halt(link);
        this.#link = this.#next = null;
        const closed = { code: 'closed', message: reason || 'closed' };
        for (const timer of this.#held.values()) clearTimeout(timer);
        this.#held.clear();
        for (const call of [...this.#calls.values()]) this.#settle(call, new ChatError({ ...closed, room: call.cmd.room }, call.cmd.nonce));
        for (const r of this.#rooms.values()) {
            clearTimeout(r.timer);
            r.timer = r.link = null;
            for (const w of r.waiting.splice(0)) w.reject(new ChatError({ ...closed, room: r.name }));
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
        const page = globalThis.document;
        globalThis[how]?.('online', this.#wake);
        globalThis[how]?.('offline', this.#wake);
        page?.[how]?.('visibilitychange', this.#wake);
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

    /* join commands, none longer than a frame may be */
    #joins(link, rooms) {
        const cmds = [];
        let list = [], size = 0;
        const flush = () => {
            const id = ++this.#id;
            if (!list.length) return;
            link.joins.set(id, list.map(j => j.room));
            cmds.push(list.length > 1 ? { type: 'join', id, rooms: list } : { type: 'join', id, ...list[0] });
            list = [];
            size = 0;
        };
        for (const r of rooms) {
            const join = { room: r.name, after: r.epoch ? r.epoch + '-' + r.offset : r.after, last: r.last, presence: r.presence };
            const more = bytes(JSON.stringify(join)) + 1;
            if (list.length === 100 || size + more > this.#frame - 100) flush();
            list.push(join);
            size += more;
            link.joining.add(r.name);
            link.asked.add(r.name);
        }
        flush();
        return cmds;
    }

    #joined(link, o) {
        let r = this.#rooms.get(o.room);
        const again = r?.link === link && o.recovered === undefined;
        const { epoch, first, head } = o;
        if (typeof o.room !== 'string' || !parseId(epoch + '-' + head)) return;
        link.joining.delete(o.room);
        if (!r && link.asked.has(o.room)) return this.#ready(link);     // left meanwhile
        if (!r) this.#rooms.set(o.room, r = { name: o.room, waiting: [] });
        if (o.recovered === true) {
            const at = r.epoch ? r : parseId(r.after);
            Object.assign(r, at?.epoch === epoch ? { epoch, offset: at.offset } : { epoch, offset: number(first, 1, head + 1, 1) - 1 });
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
            this.#emit('reset', { type: 'reset', room: o.room, missed: o.missed ?? null, page: o.page ?? cleanPage(), joined: o });
        }
        this.#ready(link);
        this.#flush();
    }

    #refuse(link, name, error) {
        const r = this.#rooms.get(name);
        if (!link.joining.delete(name)) return;
        link.asked.delete(name);
        const temporary = isTemporary(error), e = new ChatError({ ...error, room: name, temporary });
        if (r && temporary) {
            r.timer = setTimeout(() => {
                r.timer = null;
                if (this.#rooms.get(name) === r && this.#link && r.link !== this.#link) this.#enter(this.#link, [r]);
            }, number(error.retry_after_ms, 0, 3.6e6, 1000 + rnd(4000)));
        } else if (r) {
            this.#rooms.delete(name);
            const waiting = r.waiting.splice(0);
            for (const w of waiting) w.reject(e);
            for (const call of [...this.#calls.values()]) if (call.cmd.type === 'message' && call.cmd.room === name) this.#settle(call, e);
            if (r.epoch) this.#emit('left', { type: 'left', room: name, reason: 'refused', code: error.code });
        }
        if (r) this.#emit('error', { type: 'error', code: error.code, message: e.message, temporary, room: name });
        this.#ready(link);
    }


    /* objects from the server */

    #object(link, o) {
        if (link.dead || !isObject(o) || typeof o.type !== 'string') return;
        if (o.type === 'welcome') return this.#welcome(link, o);
        if (o.type === 'error' && o.reply_to === link.hello && link.guest) this.#keep(undefined);
        if (link.held && o.type !== 'closing') this.#begin(link, link.held);

        const call = this.#calls.get(o.reply_to), joins = link.joins.get(o.reply_to), r = this.#rooms.get(o.room);
        switch (o.type) {
        case 'joined':
            return this.#joined(link, o);
        case 'left':
            link.asked.delete(o.room);
            if (call) return this.#left(call, o);
            if (r?.link !== link) return;
            this.#rooms.delete(o.room);
            return this.#emit('left', o);
        case 'closing':
            link.closing = o;
            return;
        case 'reconnect':
            link.drain = number(o.after_ms, 0, 6e5, 0);
            if (link === this.#link) this.#later(link.drain);
            return;
        case 'ping':
            if (link.kind === 'ws') link.send([{ type: 'pong' }]);
            return;
        case 'gap':
            return this.#gap(r, o);
        case 'error':
            if (joins) joins.forEach(name => this.#refuse(link, name, o));
            else if (call) this.#failed(call, o);
            else if (o.reply_to !== link.hello || !link.guest) this.#emit('error', o);
            return;
        }
        if (joins && Array.isArray(o.failed)) {
            for (const f of o.failed) if (isObject(f)) this.#refuse(link, f.room, f);
        } else if (call) {
            const { type } = call.cmd;
            this.#settle(call, type === 'history' ? cleanPage(o) : type === 'ping' ? Date.now() - call.at : o);
        } else if (o.reply_to === undefined && o.type !== 'ok' && o.type !== 'pong') {
            this.#event(link, r, o);
        }
    }

    #event(link, r, o) {
        const at = parseId(o.id);
        if (o.type === 'message' || (at && o.ts !== undefined && o.type !== 'notice')) {
            // of the log: each once, in order
            if (!r || !at || (at.epoch === r.epoch ? at.offset <= r.offset : r.link !== link)) return;
            r.epoch = at.epoch;
            r.offset = at.offset;
        }
        if (o.type !== 'message') return this.#emit('event', o);
        this.#own(cleanMessage(o));
        this.#emit('message', o);
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

    #gap(r, o) {
        if (!r?.epoch) return;
        if (o.reason !== 'reset') {
            if (!(Number.isSafeInteger(o.to) && o.to > r.offset)) return;
            r.offset = o.to;
        }
        this.#emit('gap', o);
    }

    #failed(call, o) {
        const { type, room, nonce } = call.cmd;
        if (type === 'leave') return this.#left(call, { type: 'left', room, reason: 'left' });
        if (type !== 'message' || !isTemporary(o) || ++call.tries > 5) return this.#settle(call, new ChatError(o, nonce));
        // the same again, with the same nonce, and what was sent behind it must wait
        call.link = null;
        if (this.#held.has(room)) return;
        this.#held.set(room, setTimeout(() => {
            this.#held.delete(room);
            this.#flush();
        }, number(o.retry_after_ms, 0, 3.6e6, 500 * 2 ** call.tries + rnd(500))));
    }
}

function newNonce() {
    if (crypto.randomUUID) return crypto.randomUUID();
    // not a secure context
    return Array.from(crypto.getRandomValues(new Uint8Array(16)), b => b.toString(16).padStart(2, '0')).join('');
}
