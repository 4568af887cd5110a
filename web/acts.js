/*
 * What can be done with a message: the bar that appears beside the one that is
 * pointed at, chosen by the arrow keys, or tapped.
 */

import { $, button, chat, confirmed, el, iconButton, offers, toast } from './app.js';
import { nameOf, reasonOf } from './format.js';

const QUICK = ['👍', '❤️', '😂', '🎉'];
const MORE = ['👍', '👎', '❤️', '😂', '😮', '😢', '😡', '🎉', '🚀', '👀', '🙏', '👏', '🔥', '💯', '✅', '❌', '🤔', '😄', '😅', '🥳', '🙌', '💡', '☕', '👋'];

export class Acts {
    #page; #m = null; #node = null;
    #tapped = null;                    // the one whose bar was there when a finger came down
    #bar = $('acts'); #picker = $('picker'); #log = $('log');

    /** `page`: view(), messageOf(node), reply(m), edit(m), isMine(m) */
    constructor(page) {
        this.#page = page;
        const log = this.#log, at = event => event.target.closest?.('.msg');
        // between a message and its bar there is nothing, which doesn't hide it
        log.addEventListener('pointerover', event => {
            const node = at(event);
            if (node && event.pointerType !== 'touch' && !this.#held) this.#show(node);
        });
        // a finger that is lifted leaves, too, before it has clicked
        $('view').addEventListener('pointerleave', event => { if (event.pointerType !== 'touch' && !this.#held) this.hide(); });
        // a tap moves the focus first, which shows the bar: only the second tap hides it
        log.addEventListener('pointerdown', () => { this.#tapped = this.#bar.hidden ? null : this.#node; });
        log.addEventListener('click', event => {
            const node = at(event);
            if (!node || event.target.closest('a, button') || String(getSelection())) return;
            if (this.#tapped === node && !matchMedia('(hover: hover)').matches) this.hide(); else this.#show(node);
        });
        log.addEventListener('focusin', event => this.#show(at(event)));
        // the bar stays beside its message, wherever that goes
        const follow = () => this.#follow();
        log.addEventListener('scroll', follow, { passive: true });
        new ResizeObserver(follow).observe(log);
        new MutationObserver(follow).observe(log, { childList: true, subtree: true });
        log.addEventListener('keydown', event => this.#key(event));
        this.#bar.addEventListener('keydown', event => this.#barKey(event));
        this.#picker.addEventListener('keydown', event => {
            if (event.key === 'Escape') event.stopPropagation(), this.#node?.focus(), this.hide();
        });
        for (const emoji of MORE) {
            const b = button(emoji, () => this.#react(emoji));
            b.setAttribute('aria-label', 'React with ' + emoji);
            this.#picker.append(b);
        }
    }

    get #held() { return !this.#picker.hidden || this.#bar.contains(document.activeElement); }

    hide() {
        this.#bar.hidden = this.#picker.hidden = true;
        this.#node?.classList.remove('chosen');
    }

    /** Ours is put there, or taken away if it was there. */
    async toggle(m, emoji) {
        const { name, fold } = this.#page.view(), mine = fold.get(m.id)?.reactions.find(r => r.emoji === emoji)?.mine;
        try {
            const ok = await chat.react(name, m.id, emoji, !mine);
            // a page doesn't tell whose they are: it was ours already
            if (ok.duplicate && mine === undefined) await chat.react(name, m.id, emoji, false);
        } catch (e) { toast('Not done: ' + reasonOf(e) + '.'); }
    }

    #react(emoji) {
        const m = this.#m, node = this.#node, focused = this.#picker.contains(document.activeElement) || this.#bar.contains(document.activeElement);
        if (focused) node?.focus();
        this.hide();
        if (m) this.toggle(m, emoji);
    }

    #show(node) {
        const m = node && this.#page.messageOf(node), view = this.#page.view();
        if (!m?.id || m.deleted || !view || view.left) return this.hide();
        this.#node?.classList.remove('chosen');
        this.#picker.hidden = true;
        this.#m = m;
        this.#node = node;
        node.classList.add('chosen');
        const can = action => view.can.includes(action), mine = this.#page.isMine(m), out = [];
        if (can('react') && offers('react')) {
            for (const emoji of QUICK) {
                const b = button(emoji, () => this.#react(emoji), 'quick');
                b.setAttribute('aria-label', 'React with ' + emoji);
                out.push(b);
            }
            out.push(iconButton('smile', 'More reactions', () => this.#pick()));
        }
        if (can('send') && offers('thread')) out.push(iconButton('reply', 'Reply in a thread', () => { this.hide(); this.#page.reply(m); }));
        if (offers('edit') && can(mine ? 'edit-own' : 'edit-any')) out.push(iconButton('edit', 'Edit', () => { this.hide(); this.#page.edit(m); }));
        if (offers('delete') && can(mine ? 'delete-own' : 'delete-any')) out.push(iconButton('remove', 'Delete', () => this.#delete(m, mine)));
        this.#bar.replaceChildren(...out);
        this.#bar.setAttribute('aria-label', `Message of ${mine ? 'yours' : nameOf(m.user)}`);
        this.#bar.hidden = !out.length;
        if (out.length) this.#place(this.#bar, -1);
    }

    #follow() {
        if (this.#bar.hidden) return;
        const view = $('view').getBoundingClientRect(), bubble = this.#node.querySelector('.bubble').getBoundingClientRect();
        if (!this.#node.isConnected || bubble.bottom < view.top || bubble.top > view.bottom) return this.hide();
        this.#place(this.#bar, -1);
        if (!this.#picker.hidden) this.#place(this.#picker, 1);
    }

    /*
     * The bar is beside the bubble, where nothing is; without the room for it
     * above, over its edge, so that a pointer gets there.  The picker is below.
     */
    #place(box, side) {
        const view = $('view').getBoundingClientRect(), bubble = this.#node.querySelector('.bubble').getBoundingClientRect();
        const w = box.offsetWidth, h = box.offsetHeight, own = this.#node.classList.contains('own');
        const beside = own ? bubble.left - w - 6 : bubble.right + 6;
        let left = own ? bubble.right - w : bubble.left, top = bubble.top - h + 4;
        if (side > 0) {
            top = bubble.bottom + h < view.bottom ? bubble.bottom : bubble.top - h - 28;
        } else if (beside > view.left + 8 && beside + w < view.right - 16) {
            left = beside;
            top = bubble.top + (Math.min(bubble.height, 42) - h) / 2;
        } else if (top < view.top) {
            top = bubble.bottom - 4;
        }
        box.style.left = Math.max(8, Math.min(left - view.left, view.width - w - 8)) + 'px';
        box.style.top = Math.max(4, Math.min(top - view.top, view.height - h - 4)) + 'px';
    }

    #pick() {
        this.#picker.hidden = false;
        this.#place(this.#picker, 1);
        this.#picker.firstElementChild.focus();
    }

    async #delete(m, mine) {
        const { name } = this.#page.view(), node = this.#node;
        this.hide();
        const yes = await confirmed(mine ? 'Delete your message? What it said is gone for everybody.' : `Delete this message of ${nameOf(m.user)}? What it said is gone for everybody.`, 'Delete');
        node?.focus();
        if (!yes) return;
        try { await chat.delete(name, m.id); } catch (e) { toast('Not deleted: ' + reasonOf(e) + '.'); }
    }

    /* the arrows choose a message, Enter goes to what can be done with it */
    #key(event) {
        const here = event.target.closest('.msg'), all = [...this.#log.querySelectorAll('.msg')], n = all.indexOf(here);
        if (event.target !== here && event.target !== this.#log) return;
        if (event.key === 'ArrowUp' || event.key === 'ArrowDown') {
            const next = here ? all[n + (event.key === 'ArrowUp' ? -1 : 1)] : event.key === 'ArrowUp' ? all.at(-1) : null;
            if (!next) return;
            event.preventDefault();
            next.focus({ preventScroll: true });
            next.scrollIntoView({ block: 'nearest' });
            requestAnimationFrame(() => requestAnimationFrame(() => { if (document.activeElement === next) this.#show(next); }));
        } else if (event.key === 'Enter' && here) {
            event.preventDefault();
            this.#show(here);
            this.#bar.firstElementChild?.focus();
        } else if (event.key === 'Escape' && here) {
            this.hide();
            $('text').focus();
        }
    }

    #barKey(event) {
        const all = [...this.#bar.children], n = all.indexOf(document.activeElement);
        if (event.key === 'ArrowRight' || event.key === 'ArrowLeft') {
            event.preventDefault();
            all.at((n + (event.key === 'ArrowRight' ? 1 : -1)) % all.length).focus();
        } else if (event.key === 'Escape') {
            event.stopPropagation();
            this.#node?.focus();
            this.hide();
        }
    }
}

/* the reactions below a message, which are buttons that add one's own */

export function reactionsOf(m, toggle) {
    const row = el('div', 'reactions');
    for (const r of m.reactions) {
        const b = button('', () => toggle(r.emoji), r.mine ? 'reaction mine' : 'reaction');
        b.setAttribute('aria-pressed', String(!!r.mine));
        b.setAttribute('aria-label', `${r.emoji} ${r.count}, ${r.mine ? 'with yours: take it back' : 'add yours'}`);
        b.append(el('bdi', '', r.emoji), el('span', '', r.count.toLocaleString()));
        row.append(b);
    }
    return row;
}
