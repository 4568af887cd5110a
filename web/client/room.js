/**
 * A room as a user interface wants it: what is in it now, and a word whenever
 * that has changed.
 *
 *     const room = new Room(chat, 'lobby');
 *     room.subscribe(() => draw(room.snapshot()));
 *     await room.send('hello');
 */

import { newNonce, parseId } from './base.js';
import { Fold } from './fold.js';
import { Members, Typing } from './people.js';

const KEEP = 1000;                     // messages
const later = (a, b) => {
    const x = parseId(a), y = parseId(b);
    return !!x && (x.epoch !== y?.epoch || x.offset > y.offset);
};

export class Room {
    #chat; #last; #fold; #members; #typing; #offs;
    #listeners = new Set();
    #pending = new Map();              // nonce -> a message that is not in the log yet
    #receipts = new Map();             // a user's id -> what he has read
    #snapshot = null; #told = false;
    #info = { joined: false, left: null, error: null, role: null, can: [], state: {}, more: false, marker: null };
    #next = null; #older = null;

    constructor(chat, name, { last = 50, presence = true } = {}) {
        this.name = name;
        this.#chat = chat;
        this.#last = last;
        const ours = f => o => { if (o.room === name && f(o) !== false) this.#changed(); };
        this.#fold = new Fold(() => chat.user?.id);
        this.#members = presence ? new Members(chat, name, () => this.#changed()) : null;
        this.#typing = new Typing(chat, name, () => this.#changed());
        this.#offs = [
            chat.on('joined', ours(o => this.#joined(o))),
            chat.on('reset', ours(o => this.#page(o.page))),
            chat.on('gap', ours(() => { this.reload(); })),
            chat.on('message', ours(m => {
                if (m.user.id === chat.user?.id) this.#pending.delete(m.nonce);
                this.#fold.message(m);
                if (this.#fold.messages.length > KEEP + 200) this.#cut();
            })),
            chat.on('event', ours(o => this.#event(o))),
            chat.on('left', ours(o => { Object.assign(this.#info, { joined: false, left: o.reason }); })),
            chat.on('welcome', () => this.#changed()),
            chat.on('state', () => this.#changed()),
        ];
        this.#join({ last, presence });
    }

    #join(options) {
        this.#chat.join(this.name, options).catch(e => {
            if (e.code === 'closed') return;
            this.#info.error = e;
            this.#changed();
        });
    }

    /** Calls `listener` when something has changed; returns a function that ends that. */
    subscribe = listener => {
        this.#listeners.add(listener);
        return () => this.#listeners.delete(listener);
    };

    /** What is there now: the same object until something changes. */
    snapshot = () => this.#snapshot ??= {
        ...this.#info,
        name: this.name, online: this.#chat.state === 'online', user: this.#chat.user,
        messages: [...this.#fold.messages, ...this.#pending.values()].map(m => ({ ...m })),
        members: this.#members?.list ?? [], count: this.#members?.count ?? 0,
        typing: this.#typing.users, receipts: Object.fromEntries(this.#receipts),
    };

    /** A message; it is in `messages` at once, with `pending`, and with `error` if it was refused. */
    send(text, options) {
        const nonce = options?.nonce ?? newNonce(), { user } = this.#chat;
        this.#typing.stop();
        this.#pending.set(nonce, { ...options, nonce, text, ts: Date.now(), user: user ?? { id: '' }, reactions: [], replies: 0, pending: true });
        this.#changed();
        return this.#chat.send(this.name, text, { ...options, nonce }).catch(e => {
            const m = this.#pending.get(nonce);
            if (m) Object.assign(m, { pending: false, error: e });
            this.#changed();
            throw e;
        });
    }

    /** One that was refused is forgotten. */
    discard(nonce) { if (this.#pending.delete(nonce)) this.#changed(); }

    edit(id, text, options) { return this.#chat.edit(this.name, id, text, options); }
    delete(id, reason) { return this.#chat.delete(this.name, id, reason); }

    /** Ours is put there, or taken away if it was there. */
    async react(id, emoji) {
        const mine = this.#fold.get(id)?.reactions.find(r => r.emoji === emoji)?.mine;
        const ok = await this.#chat.react(this.name, id, emoji, !mine);
        // a page doesn't tell whose they are: it was ours already
        return ok.duplicate && mine === undefined ? this.#chat.react(this.name, id, emoji, false) : ok;
    }

    /** What the user is writing, after each change. */
    typing(text) { this.#typing.input(text); }

    /** Everything here was read. */
    async read() {
        const id = this.#fold.messages.at(-1)?.id;
        if (!id || !later(id, this.#info.marker)) return;
        this.#info.marker = id;
        this.#changed();
        await this.#chat.call({ type: 'read', room: this.name, upto: id }).catch(() => {});
    }

    /** Older messages, to the front of `messages`. */
    older(limit = 50) {
        if (!this.#info.more) return Promise.resolve();
        return this.#older ??= this.#chat.history(this.name, { before: this.#next, limit }).then(page => {
            if (page.reset) this.#page(page);
            else this.#fold.page(page.events), this.#edge(page);
            this.#changed();
        }).finally(() => { this.#older = null; });
    }

    /** The replies to a message. */
    thread(id, options) { return this.#chat.history(this.name, { ...options, thread: id }); }

    /** The newest page in place of what is there. */
    reload() {
        return this.#chat.history(this.name, { limit: 100 }).then(page => {
            this.#page(page);
            this.#changed();
        }, () => {});
    }

    /** Leaves the room, unless `stay`, and ends. */
    close({ stay = false } = {}) {
        for (const off of this.#offs) off();
        this.#members?.close();
        this.#typing.close();
        this.#listeners.clear();
        return stay ? Promise.resolve() : this.#chat.leave(this.name).catch(() => {});
    }

    #joined(o) {
        const { role = null, can = [], state = {} } = o, first = !this.#info.joined && o.recovered === undefined;
        Object.assign(this.#info, { joined: true, left: null, error: null, role, can, state });
        if (o.page) { if (o.recovered === undefined) this.#page(o.page); } else if (first && this.#last) this.reload();
        if (this.#chat.welcome?.features?.includes('read')) {
            this.#chat.call({ type: 'unread', rooms: [this.name] }).then(u => {
                const marker = u.rooms?.[0]?.marker;
                if (marker && later(marker, this.#info.marker)) this.#info.marker = marker, this.#changed();
            }, () => {});
        }
    }

    #page(page) {
        this.#fold.reset(page.events);
        for (const m of page.events) if (m.user.id === this.#chat.user?.id) this.#pending.delete(m.nonce);
        this.#edge(page);
    }

    #edge({ more, next }) {
        this.#info.more = more;
        this.#next = next;
    }

    #cut() {
        this.#fold.trim(KEEP);
        this.#edge({ more: true, next: this.#fold.messages[0].id });
    }

    #event(o) {
        const id = o.user?.id;
        switch (o.type) {
        case 'edit': case 'delete': case 'react':
            return !!this.#fold.event(o);
        case 'room':
            this.#info.state = o.state ?? {};
            return true;
        case 'role':
            // what we may do now, only another join tells
            if (id === this.#chat.user?.id) this.#chat.join(this.name).catch(() => {});
            return true;
        case 'read':
            if (typeof id !== 'string' || !later(o.upto, this.#receipts.get(id))) return false;
            this.#receipts.set(id, o.upto);
            return true;
        }
        return false;
    }

    #changed() {
        this.#snapshot = null;
        if (this.#told) return;
        this.#told = true;
        queueMicrotask(() => {
            this.#told = false;
            for (const listener of [...this.#listeners]) listener();
        });
    }
}
