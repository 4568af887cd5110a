/**
 * One connection for all tabs of a site: a Chat in a SharedWorker, and here what
 * looks like it.  Where there is no SharedWorker, the tab has its own.
 *
 *     import { SharedChat } from 'ngx-chat-client/shared';
 *     const chat = new SharedChat('/chat/', { share: user.id, token });
 *
 * All else is as with Chat: README.md.
 */

import { ChatError, newNonce } from './base.js';

const CALLS = ['send', 'edit', 'delete', 'react', 'history', 'call'];
const gone = room => new ChatError({ code: 'closed', room });

export class SharedChat {
    #url; #options; #link = null; #ended = false; #id = 0;
    #listeners = new Set();   // of {type, listener}
    #rooms = new Map();       // name -> {options, after}
    #calls = new Map();       // id -> {method, args, resolve, reject}
    #now = { state: 'closed', transport: undefined, welcome: null };

    constructor(url = '/chat/', options = {}) {
        this.#url = new URL(url, globalThis.location?.href).href;
        this.#options = options;
    }

    get state() { return this.#now.state; }
    get transport() { return this.#now.transport; }
    get welcome() { return this.#now.welcome; }
    get user() { return this.welcome?.user ?? null; }
    get limits() { return this.welcome?.limits ?? {}; }
    get rooms() { return [...this.#rooms.keys()]; }
    /** whether the connection is shared; known once there is one */
    get shared() { return this.#link?.shared === true; }

    on(type, listener) {
        const l = { type, listener };
        this.#listeners.add(l);
        return () => this.#listeners.delete(l);
    }

    connect() {
        this.#ended = false;
        if (this.#link) return this.#post({ type: 'connect' });
        const { token, WebSocket, fetch, storage, share = '', ...options } = this.#options;
        const link = this.#link = { posts: [], lock: newNonce(), given: WebSocket || fetch ? { WebSocket, fetch } : null };
        this.#post({ type: 'attach', url: this.#url, share, options, lock: link.lock,
            ...(typeof token === 'function' ? { asks: true } : { token }), stored: this.#stored() });
        // as it was, when this is not for the first time; what waits is behind it
        for (const [room, r] of this.#rooms) {
            if (r.after) this.#post({ type: 'call', method: 'join', args: [room, { ...r.options, after: r.after }] });
        }
        for (const [id, { method, args }] of this.#calls) this.#post({ type: 'call', id, method, args });
        this.#find(link).catch(e => { if (link === this.#link) this.close(), this.#emit('state', { state: 'closed', reason: e.message }); });
    }

    close() {
        const link = this.#link;
        this.#ended = true;
        this.#link = null;
        if (link?.port) link.port.postMessage({ type: 'detach' });
        link?.release?.();
        for (const [id, call] of this.#calls) this.#calls.delete(id), call.reject(gone(call.args[0]?.room ?? call.args[0]));
        if (this.#now.state !== 'closed') this.#emit('state', { state: 'closed', transport: undefined, code: 1000, reason: '' });
    }

    rename(name) { this.#options = { ...this.#options, name }; this.#post({ type: 'rename', name }); }
    now(cmd) { this.#post({ type: 'now', cmd }); }

    join(room, options) {
        if (this.#ended) return Promise.reject(gone(room));
        this.#rooms.set(room, { ...this.#rooms.get(room), options });
        return this.#call('join', [room, options]);
    }

    leave(room) {
        this.#rooms.delete(room);
        return this.#call('leave', [room]);
    }

    #call(method, args) {
        return new Promise((resolve, reject) => {
            if (this.#ended) return reject(gone(args[0]?.room ?? args[0]));
            const id = ++this.#id;
            this.#calls.set(id, { method, args, resolve, reject });
            this.#post({ type: 'call', id, method, args });
        });
    }

    /* where the Chat is */

    /* kept until there is an answer: a worker that fails gives none */
    #post(what) {
        const link = this.#link;
        link?.posts?.push(what);
        link?.port?.postMessage(what);
    }

    async #find(link) {
        const { SharedWorker, navigator, isSecureContext } = globalThis;
        if (!SharedWorker || !isSecureContext || !navigator?.locks || link.given) return this.#alone(link);
        // by the lock the worker knows how long this tab lives
        await new Promise(held => {
            navigator.locks.request(link.lock, () => new Promise(release => { link.release = release; held(); }));
        });
        if (this.#link !== link) return link.release();
        try {
            const worker = new SharedWorker(new URL('./shared-worker.js', import.meta.url), { type: 'module', name: 'ngx-chat 0.1' });
            worker.onerror = () => { if (link.posts && link === this.#link) this.#alone(link); };
            link.shared = true;
            this.#use(link, worker.port);
        } catch { return this.#alone(link); }
    }

    async #alone(link) {
        const { serve } = await import('./shared-worker.js'), { port1, port2 } = new MessageChannel();
        if (this.#link !== link) return;
        link.shared = false;
        serve(port2, link.given ?? {}, link.lock);
        this.#use(link, port1);
    }

    #use(link, port) {
        link.port = port;
        port.onmessage = ({ data }) => { if (link === this.#link) link.posts = null, this.#take(link, data); };
        for (const what of link.posts) port.postMessage(what);
    }

    /* what it says */

    async #take(link, { type, id, name, value, error, why, key, now }) {
        if (now) Object.assign(this.#now, now);
        if (type === 'event') return this.#event(name, value);
        if (type === 'store') return this.#store(key, value);
        if (type === 'token') {
            const answer = await new Promise(done => done(this.#options.token(why))).then(token => ({ token }), e => ({ error: String(e?.message ?? e) }));
            return link.port?.postMessage({ type: 'token', id, ...answer });
        }
        const call = this.#calls.get(id);
        if (!this.#calls.delete(id)) return;
        if (error) {
            if (call.method === 'join' && !this.#rooms.get(call.args[0])?.after) this.#rooms.delete(call.args[0]);
            call.reject(new ChatError(error, error.nonce));
        } else {
            call.resolve(value);
        }
    }

    #event(type, o) {
        const r = this.#rooms.get(o?.room);
        if (type === 'left') this.#rooms.delete(o.room);
        else if (type === 'joined' && !r) this.#rooms.set(o.room, { after: `${o.epoch}-${o.head}` });
        else if (type === 'joined' && (!r.after || o.recovered === false)) r.after = `${o.epoch}-${o.head}`;
        else if (r && typeof o.id === 'string' && o.ts !== undefined) r.after = o.id;
        this.#emit(type, o);
    }

    #emit(type, value) {
        if (type === 'state') this.#now.state = value.state, this.#now.transport = value.transport;
        for (const l of [...this.#listeners].filter(l => l.type === type)) {
            try { l.listener(value); } catch (e) { queueMicrotask(() => { throw e; }); }
        }
    }

    /* a worker has no localStorage */

    #key() {
        const base = new URL(this.#url);
        base.protocol = base.protocol.replace('ws', 'http');
        base.hash = base.search = '';
        return 'chat.guest:' + base.href.replace(/\/?$/, '/');
    }

    get #storage() { return this.#options.storage === undefined ? globalThis.localStorage : this.#options.storage; }

    #stored() { try { return this.#storage?.getItem(this.#key()) || undefined; } catch { return undefined; } }

    #store(key, value) {
        try {
            if (value) this.#storage?.setItem(key, value); else this.#storage?.removeItem(key);
        } catch { /* full or forbidden */ }
    }

    static {
        for (const method of CALLS) {
            this.prototype[method] = function (...args) { return this.#call(method, args); };
        }
    }
}
