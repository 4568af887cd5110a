/*
 * Who is in a room, and who types there.
 */

import { random } from './base.js';

const AGAIN = 3000;                    // ms: we say it again while it goes on
const HIDE = 6000;                     // ms: behind the last word of others
const MOST = 1000;                     // members listed

const userOf = u => typeof u?.id === 'string'
    && { id: u.id, ...(typeof u.name === 'string' && u.name && { name: u.name }), ...(u.guest === true && { guest: true }) };

/** The members of one room, by the diffs of the protocol (section 6.6). */
export class Members {
    #chat; #room; #changed; #timer; #offs;
    #v = 0; #asked = 0; #map = new Map();
    /** how many there are; the list may be void */
    count = 0;
    /** whether `list` is all of them */
    listed = false;

    constructor(chat, room, changed = () => {}) {
        this.#chat = chat;
        this.#room = room;
        this.#changed = changed;
        this.#offs = [
            chat.on('joined', o => { if (o.room === room) this.#set(o.members), this.load(); }),
            chat.on('event', o => { if (o.type === 'presence' && o.room === room) this.#diff(o); }),
        ];
    }

    get list() { return [...this.#map.values()]; }
    get(id) { return this.#map.get(id); }

    close() {
        this.#asked++;
        clearTimeout(this.#timer);
        for (const off of this.#offs) off();
    }

    /** Asks the server for all of them. */
    async load() {
        const turn = ++this.#asked, map = new Map();
        clearTimeout(this.#timer);
        this.#timer = null;
        try {
            for (let next, v; ;) {
                const page = await this.#chat.call({ type: 'members', room: this.#room, next });
                if (turn !== this.#asked) return;
                v ??= page.v;
                for (const u of page.members ?? []) { const user = userOf(u); if (user) map.set(user.id, user); }
                next = page.next;
                this.#set(page.count);
                if (next && map.size < MOST) continue;
                this.#v = v;
                this.#map = map;
                this.listed = !next;
                return this.#changed();
            }
        } catch { /* not allowed, or not there: the number is all there is */ }
    }

    #set(count) {
        if (Number.isSafeInteger(count) && count >= 0) this.count = count;
        this.#changed();
    }

    #diff(o) {
        if (!(o.v > this.#v)) return;
        this.#set(o.count);
        if (!o.join && !o.leave) {                                      // too many to be told
            this.listed = false;
            this.#map.clear();
            this.#v = o.v;
            return this.#changed();
        }
        if (o.prev !== this.#v || !this.listed) {
            this.#timer ??= setTimeout(() => this.load(), random(5000));
            return;
        }
        this.#v = o.v;
        for (const id of o.leave ?? []) this.#map.delete(id);
        for (const u of o.join ?? []) { const user = userOf(u); if (user) this.#map.set(user.id, user); }
        this.#changed();
    }
}

/** Who types in one room: tells the others of us, and knows them. */
export class Typing {
    #chat; #room; #changed; #offs;
    #said = null;
    #others = new Map();               // id -> {user, timer}

    constructor(chat, room, changed = () => {}) {
        this.#chat = chat;
        this.#room = room;
        this.#changed = changed;
        this.#offs = [
            chat.on('event', o => { if (o.type === 'typing' && o.room === room) this.#heard(o); }),
            chat.on('message', m => { if (m.room === room) this.#gone(m.user.id); }),
        ];
    }

    /** the others */
    get users() { return [...this.#others.values()].map(o => o.user); }

    /** What we write has changed, to this. */
    input(text) {
        if (!text.trim()) return this.stop();
        if (!this.#chat.welcome?.features?.includes('typing')) return;
        if (this.#said !== null && Date.now() - this.#said < AGAIN) return;
        this.#said = Date.now();
        this.#chat.now({ type: 'typing', room: this.#room, on: true });
    }

    /** It was sent, or left. */
    stop() {
        if (this.#said !== null) this.#chat.now({ type: 'typing', room: this.#room, on: false });
        this.#said = null;
    }

    close() {
        this.stop();
        for (const off of this.#offs) off();
        for (const o of this.#others.values()) clearTimeout(o.timer);
        this.#others.clear();
    }

    #heard({ user, on }) {
        const who = userOf(user), known = this.#others.get(who?.id);
        if (!who || who.id === this.#chat.user?.id) return;
        if (on !== true) return this.#gone(who.id);
        if (!known && this.#others.size >= 100) return;
        clearTimeout(known?.timer);
        this.#others.set(who.id, { user: who, timer: setTimeout(() => this.#gone(who.id), HIDE) });
        this.#changed();
    }

    #gone(id) {
        clearTimeout(this.#others.get(id)?.timer);
        if (this.#others.delete(id)) this.#changed();
    }
}
