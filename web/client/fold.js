/*
 * What a room's messages are now: pages, and the events that change them.
 * A message is the protocol's object; events change it in place.
 */

import { number, parseId } from './base.js';

const offsetOf = id => parseId(id)?.offset ?? 0;

function cleanReactions(all) {
    return [all ?? []].flat().filter(r => typeof r?.emoji === 'string' && r.count > 0)
        .map(({ emoji, count }) => ({ emoji, count: number(count, 1, 1e9, 1) })).slice(0, 20);
}

export class Fold {
    #messages = new Map();             // id -> message, in order
    #early = [];                       // events whose message may be in a page that is on its way
    #top = 0;                          // the newest offset
    #me;

    /** `me()`: the id of our user */
    constructor(me = () => undefined) { this.#me = me; }

    get(id) { return this.#messages.get(id); }

    get messages() { return [...this.#messages.values()]; }

    /** The room is shown anew: these are its messages. */
    reset(events = []) {
        this.#messages.clear();
        this.#early = [];
        this.#top = 0;
        return this.page(events);
    }

    /** Messages of a page, older or newer ones; those that were not there. */
    page(events) {
        const fresh = [];
        for (const m of events) {
            if (m.type !== undefined && m.type !== 'message') continue;
            const known = this.#messages.get(m.id);
            m.reactions = cleanReactions(m.reactions);
            m.replies = number(m.replies, 0, 1e9, 0);
            m.rev = number(m.rev, 1, Number.MAX_SAFE_INTEGER, offsetOf(m.id));
            for (const r of m.reactions) r.mine = known?.reactions.find(k => k.emoji === r.emoji)?.mine;
            if (!known) {
                this.#messages.set(m.id, m);
                fresh.push(m);
                continue;
            }
            if (m.rev > known.rev) {
                Object.assign(known, m);
                if (m.deleted) this.#erase(known);
            }
            if (offsetOf(m.last_reply) > offsetOf(known.last_reply)) {
                known.replies = m.replies;
                known.last_reply = m.last_reply;
            }
        }
        if (fresh.length) {
            if (offsetOf(fresh[0].id) <= this.#top) {
                this.#messages = new Map([...this.#messages].sort(([a], [b]) => offsetOf(a) - offsetOf(b)));
            }
            this.#top = Math.max(this.#top, offsetOf(fresh.at(-1).id));
            for (const e of this.#early.splice(0)) this.#apply(e);
        }
        return fresh;
    }

    /** A live message; what it changes: the root that it answers, if that is known. */
    message(m) {
        this.page([m]);
        return m.thread ? this.#apply({ ...m, type: 'reply', target: m.thread }) : null;
    }

    /** An edit, a delete or a react; the message that has changed, or null. */
    event(e) { return ['edit', 'delete', 'react'].includes(e.type) ? this.#apply(e) : null; }

    #apply(e) {
        const m = this.#messages.get(e.target), at = offsetOf(e.id);
        if (!m) {
            this.#early.push(e);
            if (this.#early.length > 256) this.#early.shift();
            return null;
        }
        if (e.type === 'reply') {
            if (at <= Math.max(m.rev, offsetOf(m.last_reply))) return null;
            m.replies++;
            m.last_reply = e.id;
            return m;
        }
        if (m.deleted || at <= m.rev) return null;
        if (e.type === 'edit') {
            m.text = e.text;
            if (e.data !== undefined) m.data = e.data;
            m.edited = true;
        } else if (e.type === 'delete') {
            this.#erase(m);
        } else if (typeof e.emoji === 'string') {
            const old = m.reactions.find(r => r.emoji === e.emoji), r = old ?? { emoji: e.emoji };
            r.count = number(e.count, 0, 1e9, 0);
            if (e.user.id === this.#me()) r.mine = e.on === true;
            m.reactions = r.count ? old ? m.reactions : [...m.reactions, r] : m.reactions.filter(k => k !== r);
        }
        m.rev = at;
        return m;
    }

    /** Only the newest are kept. */
    trim(keep) {
        for (const id of this.#messages.keys()) {
            if (this.#messages.size <= keep) return;
            this.#messages.delete(id);
        }
    }

    #erase(m) {
        for (const key of ['data', 'mentions', 'nonce']) delete m[key];
        Object.assign(m, { text: '', deleted: true, edited: false, reactions: [] });
    }
}
