/*
 * Who is who: a person's card with what may be done, and what is true of a
 * room.  What is offered is what `can` of the room says; the server decides.
 */

import { $, button, chat, confirmed, el, offers, toast } from './app.js';
import { hue, initialOf, nameOf, reasonOf } from './format.js';

const MINUTE = 60000, DAY = 24 * 60 * MINUTE;
const ROLES = ['guest', 'member', 'moderator', 'owner'];
const ROLE_NAMES = { guest: 'a guest', member: 'a member', moderator: 'a moderator', owner: 'an owner', none: 'without a role of this room' };

export const roleNote = o => `${nameOf(o.by ?? { id: '' })} made ${nameOf(o.user)} ${ROLE_NAMES[o.role] ?? o.role}.`;

async function carryOut(command, done) {
    try {
        await chat.call(command);
        toast(done);
        return true;
    } catch (e) {
        toast('Not done: ' + reasonOf(e) + '.');
        return false;
    }
}

/** `page`: mention(user), direct(user) */
export class Card {
    #dialog = $('card'); #page;

    constructor(page) {
        this.#page = page;
        $('card-close').onclick = () => this.#dialog.close();
        this.#dialog.onclick = event => { if (event.target === this.#dialog) this.#dialog.close(); };
    }

    open(user, view) {
        const me = user.id === chat.user?.id, can = action => view.can.includes(action), name = nameOf(user);
        const { room = view.name, close = () => this.#dialog.close() } = {};
        const avatar = $('card-avatar'), list = $('card-actions');
        avatar.textContent = initialOf(user);
        avatar.style.setProperty('--h', hue(user.id));
        $('card-name').textContent = name;
        $('card-about').textContent = [me ? 'This is you' : user.guest || user.id.startsWith('~g') ? 'Guest' : user.id,
            me && view.role ? ROLE_NAMES[view.role] : ''].filter(Boolean).join(', ');
        const act = (words, command, done, question) => button(words, async () => {
            close();
            if (question && !await confirmed(question, words)) return;
            carryOut({ room, user: user.id, ...command }, done);
        });
        const out = [];
        if (!me) {
            if (can('send')) out.push(button('Mention', () => { close(); this.#page.mention(user); }));
            if (offers('direct') && can('direct')) out.push(button('Write to ' + name, () => { close(); this.#page.direct(user); }));
        }
        const order = [];
        if (!me && can('mute')) {
            order.push(act('Mute for 10 minutes', { type: 'mute', for_ms: 10 * MINUTE }, `${name} is muted for 10 minutes.`),
                act('Mute', { type: 'mute' }, `${name} is muted.`), act('Unmute', { type: 'unmute' }, `${name} may write again.`));
        }
        if (!me && can('kick')) order.push(act('Remove from the room', { type: 'kick' }, `${name} was removed.`));
        if (!me && can('ban')) {
            order.push(act('Ban for a day', { type: 'ban', for_ms: DAY }, `${name} is banned for a day.`, `Ban ${name} from #${room} for a day?`),
                act('Ban', { type: 'ban' }, `${name} is banned.`, `Ban ${name} from #${room}?`), act('Unban', { type: 'unban' }, `${name} may come again.`));
        }
        if (order.length) out.push(el('h3', '', 'Keep order'), ...order);
        if (!me && can('admin')) {
            out.push(el('h3', '', 'Make this person'), ...ROLES.map(role => act(ROLE_NAMES[role].replace(/^an? /, ''), { type: 'role', role }, `${name} is ${ROLE_NAMES[role]} now.`)));
        }
        list.replaceChildren(...out);
        this.#dialog.showModal();
    }
}

/* what is true of the room: topic, slow mode, locked */

export class Settings {
    #dialog = $('settings'); #view = null;

    constructor() {
        $('settings-cancel').onclick = () => this.#dialog.close();
        this.#dialog.firstElementChild.onsubmit = event => {
            event.preventDefault();
            this.#dialog.close();
            const set = { topic: $('topic').value.trim() || null, slow_ms: Number($('slow').value) || null, locked: $('locked').checked || null };
            carryOut({ type: 'room', room: this.#view.name, set }, 'Saved.');
        };
    }

    open(view) {
        const { topic = '', slow_ms = 0, locked = false } = view.state;
        this.#view = view;
        $('topic').value = topic;
        const slow = $('slow');
        slow.querySelector('[data-other]')?.remove();
        if (![...slow.options].some(o => Number(o.value) === slow_ms)) {
            const other = el('option', '', slow_ms / 1000 + ' seconds');
            other.value = slow_ms;
            other.dataset.other = '';
            slow.append(other);
        }
        slow.value = slow_ms;
        $('locked').checked = locked === true;
        this.#dialog.showModal();
    }
}

/* the line below a room's name */

export function about(state) {
    const words = [];
    if (typeof state.topic === 'string' && state.topic) words.push(state.topic);
    if (state.locked === true) words.push('Locked: only moderators write here');
    if (state.slow_ms > 0) words.push(`Slow: a message every ${Math.ceil(state.slow_ms / 1000)} s`);
    return words.join(' · ');
}
