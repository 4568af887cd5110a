/*
 * The other side of shared.js: one Chat for the tabs of the same user.  It is
 * the script of a SharedWorker, or a part of the page where there is none.
 */

import { Chat } from './chat.js';
import { ChatError, parseId } from './base.js';

const EVENTS = ['state', 'welcome', 'joined', 'left', 'message', 'gap', 'reset', 'error', 'event'];
const PATIENCE = 10000;                // ms for a token, then another tab is asked
const hubs = new Map();                // what they share -> Hub

class Hub {
    #asked = new Map(); #id = 0;
    tabs = new Set();

    constructor(key, { url, options, token, asks, stored }, given) {
        this.key = key;
        this.stored = stored;
        this.chat = new Chat(url, {
            ...options, ...given, token: asks ? why => this.#ask(why) : token,
            storage: {
                getItem: () => this.stored,
                setItem: (k, value) => this.#store(k, value),
                removeItem: k => this.#store(k),
            },
        });
        for (const type of EVENTS) this.chat.on(type, o => this.#event(type, o));
    }

    #store(key, value) {
        this.stored = value;
        for (const tab of this.tabs) tab.post({ type: 'store', key, value });
    }

    /* the tab that came last is the likeliest to have a newer one */
    async #ask(why) {
        for (const tab of [...this.tabs].reverse()) {
            const id = ++this.#id;
            let timer;
            const answer = await new Promise(done => {
                this.#asked.set(id, { tab, done });
                timer = setTimeout(done, PATIENCE);
                tab.post({ type: 'token', id, why });
            });
            clearTimeout(timer);
            this.#asked.delete(id);
            if (answer?.error) throw new Error(answer.error);
            if (answer) return answer.token;
        }
        throw new Error('no tab has a token');
    }

    answered(tab, { id, token, error }) {
        if (this.#asked.get(id)?.tab === tab) this.#asked.get(id).done({ token, error });
    }

    #now() {
        const { state, transport, welcome } = this.chat;
        return { state, transport, welcome };
    }

    /* to the tabs that are in its room, and to all what has none */
    #event(type, o) {
        const name = o?.room, all = [...this.tabs];
        let to = all.filter(tab => name === undefined || tab.rooms.has(name));
        // where the server has put the user by itself
        if (!to.length && type === 'joined') for (const tab of to = all) tab.rooms.set(name, null);
        if (!to.length && type === 'error') to = all;
        for (const tab of to) {
            const held = name === undefined ? null : tab.rooms.get(name);
            if (type === 'left') tab.rooms.delete(name);
            else if (held) { held.push([type, o]); continue; }
            this.#tell(tab, type, o);
        }
    }

    #tell(tab, name, value) { tab.post({ type: 'event', name, value, now: this.#now() }); }

    attach(tab) {
        this.tabs.add(tab);
        const { state, transport } = this.chat;
        if (state === 'closed') return this.chat.connect();
        this.#tell(tab, 'state', { state, transport });
        if (state === 'online') this.#tell(tab, 'welcome', this.chat.welcome);
        else this.chat.connect();
    }

    detach(tab) {
        if (!this.tabs.delete(tab)) return;
        for (const { tab: of, done } of this.#asked.values()) if (of === tab) done();
        for (const name of tab.rooms.keys()) if (!this.#others(tab, name)) this.chat.leave(name).catch(() => {});
        if (this.tabs.size) return;
        this.chat.close();
        if (hubs.get(this.key) === this) hubs.delete(this.key);
    }

    #others(tab, name) { return [...this.tabs].some(t => t !== tab && t.rooms.has(name)); }

    async call(tab, { id, method, args }) {
        try {
            let value;
            if (method === 'join') value = await this.#join(tab, ...args);
            else if (method === 'leave') value = await this.#leave(tab, ...args);
            else value = await this.chat[method](...args);
            tab.post({ type: 'reply', id, value, now: this.#now() });
        } catch (e) {
            tab.post({ type: 'reply', id, error: { ...e, message: e.message, code: e.code ?? 'bad_request' } });
        }
    }

    #leave(tab, name) {
        const left = { type: 'left', room: name, reason: 'left' };
        if (!this.#others(tab, name)) return this.chat.leave(name);
        if (tab.rooms.delete(name)) this.#tell(tab, 'left', left);
        return left;
    }

    async #join(tab, name, options) {
        const again = tab.rooms.has(name);
        if (!again && this.#others(tab, name)) return this.#enter(tab, name, options);
        if (!again) tab.rooms.set(name, null);
        try {
            return await this.chat.join(name, options);
        } catch (e) {
            if (!again) tab.rooms.delete(name);
            throw e;
        }
    }

    /* the connection is in the room already: what a join would give comes from
       the history, and what happens meanwhile comes behind it */
    async #enter(tab, name, { after, last = 0 } = {}) {
        const held = [], cursor = parseId(after);
        tab.rooms.set(name, held);
        try {
            const { recovered: r_, missed: m_, page: p_, reply_to, ...joined } = await this.chat.join(name, {});
            let at = { epoch: joined.epoch, offset: joined.head };
            if (after !== undefined) {
                const h = cursor && await this.chat.history(name, { after, limit: 100, raw: true }).catch(() => null);
                joined.recovered = !!h && !h.reset && !h.more;
                joined.missed = joined.recovered ? 0 : null;
                if (joined.recovered) {
                    at = cursor;
                    held.unshift(...h.events.map(e => [e.type === 'message' ? 'message' : 'event', { ...e, room: name }]));
                }
            }
            if (last > 0 && !joined.recovered) {
                joined.page = await this.chat.history(name, { limit: last });
                const offset = joined.page.as_of ?? parseId(joined.page.events.at(-1)?.id)?.offset;
                if (offset !== undefined) at = { epoch: joined.page.epoch ?? joined.epoch, offset };
            }
            if (tab.rooms.get(name) !== held) throw new ChatError({ code: 'not_joined', message: 'left', room: name });
            this.#tell(tab, 'joined', joined);
            if (joined.recovered === false) {
                this.#tell(tab, 'reset', { type: 'reset', room: name, missed: null, page: joined.page ?? { events: [], more: false } });
            }
            for (const [type, o] of held) {
                const id = o.ts === undefined ? null : parseId(o.id);
                if (type === 'joined' && o.recovered === undefined) continue;
                if (id && id.epoch === at.epoch && id.offset <= at.offset) continue;
                if (id) at = id;
                this.#tell(tab, type, o);
            }
            tab.rooms.set(name, null);
            return joined;
        } catch (e) {
            if (tab.rooms.get(name) === held) tab.rooms.delete(name);
            throw e;
        }
    }
}

/** A tab at the other end of `port`; given: a WebSocket and a fetch to use; alone: shared with none. */
export function serve(port, given, alone) {
    let hub = null, tab = null;
    port.onmessage = ({ data }) => {
        if (data.type === 'attach') {
            const key = JSON.stringify([data.url, data.share, data.asks ? 0 : data.token, data.options.transport, alone]);
            hub = hubs.get(key) ?? new Hub(key, data, given);
            hubs.set(key, hub);
            tab = { rooms: new Map(), post: what => port.postMessage(what) };
            hub.attach(tab);
            // free once the tab is gone, however it went
            if (!alone) globalThis.navigator.locks.request(data.lock, () => hub.detach(tab));
            return;
        }
        // its lock may have been free before
        if (data.type === 'detach') {
            hub?.detach(tab);
            return port.close();
        }
        if (!hub?.tabs.has(tab)) return;
        switch (data.type) {
        case 'connect': return hub.chat.connect();
        case 'call': return void hub.call(tab, data);
        case 'now': return hub.chat.now(data.cmd);
        case 'rename': return hub.chat.rename(data.name);
        case 'token': return hub.answered(tab, data);
        }
    };
}

if ('onconnect' in globalThis) globalThis.onconnect = e => serve(e.ports[0]);
