/*
 * What stands beside the log: who is in the room, or one thread of it.
 */

import { $, button, chat, el } from './app.js';
import { hue, initialOf, nameOf, plural, tail } from './format.js';

const PAGE = 100;                      // replies shown

export class Panel {
    #page; #node = $('panel'); #view = null;
    #root = null; #thread = []; #turn = 0;
    /** 'members', 'thread', or null */
    mode = null;

    /** `page`: fill(node, m), send(text, root), card(user), changed(mode) */
    constructor(page) {
        this.#page = page;
        $('panel-close').onclick = () => this.close(true);
        this.#node.addEventListener('keydown', event => {
            if (event.key === 'Escape' && !event.isComposing) event.stopPropagation(), this.close(true);
        });
        const text = $('reply-text');
        $('reply').onsubmit = event => { event.preventDefault(); this.#send(); };
        text.onkeydown = event => {
            if (event.key !== 'Enter' || event.shiftKey || event.isComposing || event.keyCode === 229) return;
            event.preventDefault();
            this.#send();
        };
        text.oninput = () => { $('reply-send').disabled = !text.value.trim(); };
    }

    close(focus = false) {
        const was = this.mode;
        this.mode = null;
        this.#root = null;
        this.#show();
        if (focus && was) (was === 'members' ? $('people') : $('text')).focus();
    }

    /** another room is shown: the members stay open, a thread doesn't */
    enter(view) {
        this.#view = view;
        if (this.mode === 'thread' || !view) this.mode = null;
        this.#root = null;
        this.#show();
    }

    members() {
        this.mode = 'members';
        this.#root = null;
        this.#show();
    }

    async thread(id) {
        const view = this.#view, turn = ++this.#turn;
        this.mode = 'thread';
        this.#root = id;
        this.#thread = this.#known(id);
        this.#show();
        if (matchMedia('(hover: hover)').matches) $('reply-text').focus();
        try {
            const page = await chat.history(view.name, { thread: id, limit: PAGE });
            if (turn !== this.#turn || this.#root !== id || this.#view !== view) return;
            view.fold.page(page.events);
            const ids = new Set([...page.events, ...this.#known(id)].map(m => m.id));
            this.#thread = [...ids].map(mid => view.fold.get(mid)).filter(Boolean)
                .sort((a, b) => Number(a.id.split('-')[1]) - Number(b.id.split('-')[1]));
        } catch { /* what is known is shown */ }
        this.#show();
    }

    #known(id) { return this.#view.fold.messages.filter(m => m.thread === id); }

    /** a message has come, or has changed */
    message(m) {
        if (this.mode !== 'thread' || (m.thread !== this.#root && m.id !== this.#root)) return;
        if (m.thread && !this.#thread.includes(m)) this.#thread.push(m);
        this.#show();
    }

    refresh() { if (this.mode) this.#show(); }

    #send() {
        const text = $('reply-text'), value = text.value.trim();
        if (!value || !this.#root) return;
        this.#page.send(value, this.#root);
        text.value = '';
        $('reply-send').disabled = true;
        this.#show();
    }

    #show() {
        const { mode } = this, list = $('panel-list');
        const changed = document.body.dataset.panel !== (mode ?? '');
        document.body.dataset.panel = mode ?? '';
        this.#node.hidden = !mode;
        $('people').setAttribute('aria-expanded', String(mode === 'members'));
        $('reply').hidden = mode !== 'thread' || !this.#view?.can.includes('send');
        if (changed) this.#page.changed(mode);
        if (!mode) return list.replaceChildren();
        this.#node.setAttribute('aria-label', mode === 'members' ? 'People' : 'Thread');
        if (mode === 'members') this.#showMembers(list); else this.#showThread(list);
    }

    #showMembers(list) {
        const { members } = this.#view, focused = document.activeElement?.dataset?.user;
        $('panel-title').textContent = plural(members.count, 'person').replace(/persons$/, 'people');
        list.className = 'members';
        const all = members.list.sort((a, b) => nameOf(a).localeCompare(nameOf(b)));
        list.replaceChildren(...all.map(user => this.#member(user, all)));
        if (!members.listed && members.count) list.append(el('p', 'edge', all.length ? 'More people are here.' : 'Too many to be listed.'));
        if (focused) list.querySelector(`[data-user="${CSS.escape(focused)}"]`)?.focus();
    }

    #member(user, all) {
        const b = button('', () => this.#page.card(user), 'member'), avatar = el('span', 'avatar', initialOf(user));
        const same = user.name && all.some(o => o !== user && o.name?.normalize('NFKC').toLowerCase() === user.name.normalize('NFKC').toLowerCase());
        b.dataset.user = user.id;
        b.style.setProperty('--h', hue(user.id));
        avatar.setAttribute('aria-hidden', 'true');
        b.append(avatar, el('bdi', '', nameOf(user)));
        if (user.id === chat.user?.id) b.append(el('small', '', 'you')); else if (same) b.append(el('small', '', tail(user)));
        b.title = user.id;
        return b;
    }

    #showThread(list) {
        const view = this.#view, root = view.fold.get(this.#root);
        const end = list.scrollHeight - list.scrollTop - list.clientHeight < 60;
        $('panel-title').textContent = 'Thread';
        list.className = 'thread';
        const waiting = [...view.pending.values()].filter(p => p.m.thread === this.#root);
        const nodes = [...root ? [root] : [], ...this.#thread].map(m => this.#page.fill(el('div'), m));
        if (root && this.#thread.length) nodes.splice(1, 0, el('div', 'day', plural(this.#thread.length, 'reply').replace(/replys$/, 'replies')));
        if (!root) nodes.unshift(el('div', 'edge', 'The message that began this is not kept any more.'));
        for (const p of waiting) {
            const node = this.#page.fill(el('div'), p.m);
            node.classList.add('pending');
            nodes.push(node);
        }
        list.replaceChildren(...nodes);
        if (end) list.scrollTop = list.scrollHeight;
    }
}
