/*
 * Who types: tells the room of us, and shows the others.
 */

import { nameOf } from './format.js';

const AGAIN = 3000;                    // ms, while it goes on
const HIDE = 6000;                     // after the last word of it
const KEEP = 100;                      // people at once

export class Typing {
    #chat;
    #node;
    #room = null;
    #said = null;
    #others = new Map();               // id -> {name, timer}

    constructor(chat, node) {
        this.#chat = chat;
        this.#node = node;
        chat.on('event', o => { if (o.type === 'typing') this.#heard(o); });
        chat.on('message', m => { if (m.room === this.#room) this.#gone(m.user.id); });
    }

    /** Another room is looked at, or none (null). */
    enter(room) {
        this.stop();
        this.#room = room;
        for (const id of [...this.#others.keys()]) this.#gone(id);
    }

    /** What we write has changed. */
    input(text) {
        if (!text.trim()) return this.stop();
        if (!this.#chat.welcome?.features?.includes('typing')) return;
        if (this.#room === null || (this.#said !== null && Date.now() - this.#said < AGAIN)) return;
        this.#said = Date.now();
        this.#chat.now({ type: 'typing', room: this.#room, on: true });
    }

    /** It was sent, or left. */
    stop() {
        if (this.#said !== null) this.#chat.now({ type: 'typing', room: this.#room, on: false });
        this.#said = null;
    }

    #heard({ room, user, on }) {
        if (room !== this.#room || typeof user?.id !== 'string' || user.id === this.#chat.user?.id) return;
        if (on !== true) return this.#gone(user.id);
        const known = this.#others.get(user.id);
        if (!known && this.#others.size >= KEEP) return;
        clearTimeout(known?.timer);
        const name = nameOf({ id: user.id, name: typeof user.name === 'string' ? user.name : '' });
        this.#others.set(user.id, { name, timer: setTimeout(() => this.#gone(user.id), HIDE) });
        this.#show();
    }

    #gone(id) {
        clearTimeout(this.#others.get(id)?.timer);
        if (this.#others.delete(id)) this.#show();
    }

    #show() {
        const names = [...this.#others.values()].map(o => {
            const bdi = document.createElement('bdi');
            bdi.textContent = o.name;
            return bdi;
        });
        const [a, b] = names;
        this.#node.replaceChildren(...(names.length > 2 ? ['Several people are typing…']
            : b ? [a, ' and ', b, ' are typing…'] : a ? [a, ' is typing…'] : []));
    }
}
