/*
 * The log: the messages of the room that is shown, and what is on its way.
 *
 * What others wrote goes into the document as text only.  A link is an element
 * that is made here, for an address that format.js has found to be http(s).
 */

import { button, el } from './app.js';
import { reactionsOf } from './acts.js';
import { clock, dayKey, dayName, hue, initialOf, nameOf, onlyEmoji, pieces, plural, reasonOf, stamp, tail } from './format.js';

const TOGETHER = 5 * 60000;            // messages of one user within this are a group

function link(text, url) {
    const node = el('a', '', text);
    node.href = url;
    node.target = '_blank';
    node.rel = 'noopener noreferrer nofollow ugc';
    return node;
}

/*
 * A view, which the page keeps for each room, has
 *
 *   items     what is shown, oldest first: {m, node} a message, {note, action} a notice
 *   pending   nonce -> {m, node, error}: ours, not yet in the room's log
 *   fresh     the id of the first message that is new
 *   loaded, more, first: whether older ones are there, and the oldest kept
 */
export class Log {
    #node; #jump; #page;
    #height = 0;
    #missed = 0;                       // messages below, while the end is not seen
    #names = new Map();                // a name -> who came with it first
    view = null;
    following = true;                  // the end is seen

    /**
     * `page`: isMine(m), waiting() the word for what is unsent, retry(p), discard(p), older(), ended(),
     * thread(id), react(m, emoji), card(user), readers(m) who have read up to a message
     */
    constructor(node, jump, page) {
        this.#node = node;
        this.#jump = jump;
        this.#page = page;
        node.onscroll = () => this.#scrolled();
        new ResizeObserver(() => {
            this.#height = node.clientHeight;
            if (this.following) this.toEnd();
        }).observe(node);
    }

    show(view) {
        this.view = view;
        this.following = true;
        this.render();
    }

    render() {
        const log = this.#node, view = this.view, from = log.scrollHeight - log.scrollTop;
        log.setAttribute('aria-live', 'off');
        log.setAttribute('aria-busy', 'true');
        log.replaceChildren();
        this.#names.clear();
        if (view) {
            log.append(this.#edge(view));
            let last, adjacent = false;
            for (const item of view.items) {
                if (item.note) log.append(this.#note(item));
                else this.#place(this.#fill(item.node = el('div'), item.m), item.m, last, adjacent, null);
                adjacent = !!item.m;
                last = item.m ?? last;
            }
            for (const p of view.pending.values()) {
                p.node = null;
                this.addPending(p, last, adjacent);
                last = p.m;
                adjacent = true;
            }
            this.receipts();
        }
        if (this.following) this.toEnd(); else log.scrollTop = log.scrollHeight - from;
        // a reader is told of what comes from now on, not of the page
        setTimeout(() => {
            log.setAttribute('aria-live', 'polite');
            log.setAttribute('aria-busy', 'false');
        }, 300);
    }

    /** an item that was added at the end of the view, before what is pending */
    append(item) {
        const { items, pending } = this.view, log = this.#node;
        const waiting = [...pending.values()].find(p => p.node?.parentNode === log);
        const last = items.findLast(other => other.m && other !== item)?.m, adjacent = !!items.at(-2)?.m;
        const before = waiting ? dayOf(waiting.node) ?? waiting.node : null;
        if (item.note) {
            log.insertBefore(this.#note(item), before);
        } else {
            item.node ??= el('div');
            this.#place(this.#fill(item.node, item.m), item.m, last, adjacent, before);
        }
        if (waiting) this.#place(waiting.node, waiting.m, item.m ?? last, !!item.m, waiting.node.nextSibling);
        if (this.following) this.toEnd();
    }

    /** a message has changed: the same place, and nothing is read out for a reaction */
    update(m, words) {
        const item = this.view?.items.find(other => other.m === m);
        if (!item?.node) return;
        const focused = item.node.contains(document.activeElement), grouped = item.node.classList.contains('grouped');
        if (words) this.#fill(item.node, m); else this.#fillBelow(item.node, m);
        item.node.classList.toggle('grouped', grouped);
        if (focused && !item.node.contains(document.activeElement)) item.node.focus({ preventScroll: true });
        this.receipts();
        if (this.following) this.toEnd();
    }

    /** who has read our last message */
    receipts() {
        const items = this.view?.items ?? [], last = items.findLast(item => item.m && this.#page.isMine(item.m));
        const readers = last?.node ? this.#page.readers(last.m) : [], old = this.#node.querySelector('.seen');
        if (!readers.length || last.m.deleted) return void old?.remove();
        const names = readers.length > 3 ? plural(readers.length, 'person').replace(/persons$/, 'people') : readers.map(nameOf).join(', ');
        const node = old ?? el('div', 'seen'), text = 'Seen by ' + names;
        if (node.textContent !== text) node.textContent = text;
        node.setAttribute('aria-live', 'off');
        if (node.parentNode !== last.node) last.node.append(node);
    }

    /** a message as a node, for elsewhere */
    fill(node, m) { return this.#fill(node, m, true); }

    addPending(p, last, adjacent) {
        p.node ??= el('div');
        this.#place(this.#fill(p.node, p.m), p.m, last, adjacent, null);
        this.showState(p);
    }

    /** what has become of a message that is not in the room's log yet */
    showState(p) {
        if (!p.node) return;
        const state = p.node.querySelector('.state') ?? p.node.appendChild(el('div', 'state'));
        p.node.classList.add('pending');
        p.node.classList.toggle('failed', !!p.error);
        if (!p.error) return void (state.textContent = this.#page.waiting());
        state.replaceChildren('Not sent: ' + reasonOf(p.error) + '.',
            button('Try again', () => this.#page.retry(p)), button('Discard', () => this.#page.discard(p)));
    }

    toEnd() {
        this.following = true;
        this.#node.scrollTop = this.#node.scrollHeight;
        this.#showJump();
    }

    /** one more message that isn't seen */
    miss() {
        this.#missed++;
        this.#showJump();
    }

    /** whether there is room for more than there is */
    get short() { return this.#node.scrollHeight <= this.#node.clientHeight + 100; }

    get nearStart() { return this.#node.scrollTop < 200; }

    unmark() { this.#node.querySelector('.fresh')?.remove(); }

    #showJump() {
        if (this.following) this.#missed = 0;
        this.#jump.hidden = this.following;
        this.#jump.firstElementChild.textContent = this.#missed ? plural(this.#missed, 'new message') : 'Latest messages';
    }

    #scrolled() {
        const log = this.#node, at = log.scrollHeight - log.scrollTop - log.clientHeight < 60;
        // a change of the height moves the end away without anybody scrolling
        if (log.clientHeight !== this.#height) return;
        if (at !== this.following) {
            this.following = at;
            this.#showJump();
            if (at) this.#page.ended();
        }
        if (this.nearStart) this.#page.older();
    }

    #edge(view) {
        if (!view.loaded) return view.left ? el('div', 'edge') : el('div', 'edge wait', 'Loading messages…');
        return el('div', 'edge', view.more ? 'Loading older messages…' : !view.items.length ? ''
            : view.first > 1 ? 'Older messages are not kept.' : 'This is where the room begins.');
    }

    #note(item) {
        item.node = el('div', 'note', item.note);
        if (item.action) item.node.append(button(...item.action));
        return item.node;
    }

    #fill(node, m, inThread = false) {
        const { user, ts } = m, mine = this.#page.isMine(m) || !m.id;
        const avatar = el('span', 'avatar', initialOf(user)), head = el('div', 'head'), name = el('bdi', 'name', mine ? 'You' : nameOf(user));
        const who = button('', () => this.#page.card(user), 'who');
        const time = el('time', '', clock.format(ts)), bubble = el('div', 'bubble');
        const chosen = node.classList.contains('chosen');
        node.className = 'msg' + (mine ? ' own' : '') + (chosen ? ' chosen' : '');
        node.tabIndex = -1;
        node.style.setProperty('--h', hue(user.id));
        avatar.setAttribute('aria-hidden', 'true');
        name.title = user.id;
        time.dateTime = new Date(ts).toISOString();
        time.title = bubble.title = stamp.format(ts);
        bubble.dir = 'auto';
        if (m.deleted) {
            bubble.classList.add('gone');
            bubble.textContent = 'This message was deleted.';
        } else {
            bubble.classList.toggle('emoji', onlyEmoji(m.text));
            bubble.append(...pieces(m.text).map(([text, url]) => url ? link(text, url) : text));
        }
        who.tabIndex = -1;
        who.append(name);
        head.append(who, ...this.#sameName(user, mine), time);
        const root = m.thread && !inThread ? this.#quote(m.thread) : '';
        node.replaceChildren(avatar, head, root, bubble);
        this.#fillBelow(node, m, inThread);
        return node;
    }

    /* what a message answers */
    #quote(id) {
        const root = this.view?.fold.get(id), b = button('', () => this.#page.thread(id), 'quote');
        const words = !root ? 'a message' : root.deleted ? 'a deleted message' : root.text.replace(/\s+/g, ' ').slice(0, 120);
        b.append(el('span', 'sr', 'In answer to '));
        if (root && !root.deleted) b.append(el('bdi', '', this.#page.isMine(root) ? 'You' : nameOf(root.user)), ' ');
        const text = el('span', '', words);
        text.dir = 'auto';
        b.append(text);
        return b;
    }

    /* what stands below a message, and changes more often than it */
    #fillBelow(node, m, inThread = false) {
        node.querySelector(':scope > .below')?.remove();
        const below = el('div', 'below');
        below.setAttribute('aria-live', 'off');
        if (m.edited) below.append(el('span', 'edited', 'edited'));
        if (m.reactions?.length) below.append(reactionsOf(m, emoji => this.#page.react(m, emoji)));
        if (m.replies && !inThread) {
            below.append(button(m.replies === 1 ? '1 reply' : `${m.replies.toLocaleString()} replies`, () => this.#page.thread(m.id), 'replies'));
        }
        if (below.childNodes.length) node.querySelector('.bubble').after(below);
    }

    /* names are not unique: the second of that name is shown with a part of the id */
    #sameName(user, mine) {
        const key = user.name?.normalize('NFKC').toLowerCase(), first = this.#names.get(key) ?? user.id;
        if (key) this.#names.set(key, first);
        return first === user.id || mine ? [] : [el('span', 'tag', tail(user))];
    }

    /*
     * Puts a message where it belongs: what separates it from the one before (a
     * new day, "New"), and whether it continues a group.  A node that is there
     * already isn't moved, so that a screen reader doesn't read it again.
     */
    #place(node, m, last, adjacent, before) {
        const log = this.#node, newDay = !last || dayKey(last.ts) !== dayKey(m.ts), fresh = m.id !== undefined && this.view.fresh === m.id;
        dayOf(node)?.remove();
        if (node.parentNode !== log || node.nextSibling !== before) log.insertBefore(node, before);
        if (newDay) log.insertBefore(el('div', 'day', dayName(m.ts)), node);
        if (fresh) log.insertBefore(el('div', 'fresh', 'New'), node);
        node.classList.toggle('grouped', adjacent && !newDay && !fresh && last.user.id === m.user.id
            && last.user.name === m.user.name && m.ts - last.ts < TOGETHER);
    }
}

const dayOf = node => node.previousElementSibling?.className === 'day' ? node.previousElementSibling : null;
