/*
 * The page of ngx_chat_module: a chat client on chat.js.
 *
 * Whatever comes from the server is shown by textContent, nothing is parsed as
 * HTML; there is no inline script or style, so `default-src 'self'` is enough.
 */

import { Chat, parseId } from './chat.js';

const PAGE = 50;                       // messages asked for at once
const KEEP = 400;                      // messages kept in a view that is followed
const TOGETHER = 5 * 60000;            // messages of one user within this are a group

const $ = id => document.getElementById(id);

function el(tag, className = '', text = undefined) {
    const node = document.createElement(tag);
    if (className) node.className = className;
    if (text !== undefined) node.textContent = text;
    return node;
}

function button(text, onclick) {
    const node = el('button', '', text);
    node.type = 'button';
    node.onclick = onclick;
    return node;
}

function stored(storage, key, otherwise) {
    try { return JSON.parse(window[storage].getItem(key)) ?? otherwise; } catch { return otherwise; }
}

function store(storage, key, value) {
    try { window[storage].setItem(key, JSON.stringify(value)); } catch { /* private mode, or full */ }
}

/* where the chat is: ?base=, of this site only, or the meta element */

function findBase() {
    const meta = document.querySelector('meta[name="chat-base"]')?.content || '/chat/';
    try {
        const asked = new URL(new URLSearchParams(location.search).get('base') ?? meta, location.href);
        if (asked.origin === location.origin) return asked.href;
    } catch { /* not a URL */ }
    return new URL(meta, location.href).href;
}

const base = findBase();
const chat = new Chat(base, { client: 'ngx_chat page/0.1' });
const views = new Map();               // room -> view
let active = null;                     // the view that is shown
let following = true;                  // the log is at its end
let missed = 0;                        // messages below, while it is not

const KEY = 'chat.rooms:' + base, OUTBOX = 'chat.outbox:' + base;


/* names, colours, times */

function hue(id) {
    let h = 2166136261;
    for (const c of id) h = Math.imul(h ^ c.codePointAt(0), 16777619);
    return (h >>> 0) % 360;
}

function nameOf(user) {
    if (user.name) return user.name;
    if (user.id.startsWith('~g')) return 'Guest ' + user.id.slice(2, 7);
    return user.id || 'Server';
}

function initialOf(user) {
    const name = user.name || user.id.replace(/^~g/, '');
    return [...name.matchAll(/[\p{L}\p{N}]/gu)][0]?.[0] ?? '•';
}

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const date = new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' });
const stamp = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'medium' });
const dayKey = ts => new Date(ts).toDateString();

function dayName(ts) {
    const now = new Date(), key = dayKey(ts);
    if (key === now.toDateString()) return 'Today';
    now.setDate(now.getDate() - 1);
    return key === now.toDateString() ? 'Yesterday' : date.format(ts);
}

const isMine = m => m.user.id === chat.user?.id;
const onlyEmoji = text => text.length < 40 && /^(?:\p{Extended_Pictographic}[\p{Emoji_Modifier}\u200d\ufe0f]*|\p{Regional_Indicator}{2}|\s)+$/u.test(text);
const bytes = text => new TextEncoder().encode(text).length;

const REASONS = {
    too_large: 'the message is too long', rate_limited: 'too many messages', slow_mode: 'this room is slow', muted: 'you are muted',
    banned: 'you are banned', read_only: 'this room is read-only', forbidden: 'you may not write here', filtered: 'it was refused',
    not_joined: 'you are not in this room', closed: 'the connection was ended', timeout: 'it is not known whether it arrived',
    full: 'the server is full', unavailable: 'the server can’t take it now',
};
const reasonOf = e => REASONS[e.code] ?? e.message ?? 'error';


/* views: what is known of a room
 *
 * items: what is shown, oldest first: {m, node} a message, {note, node} a notice
 * pending: nonce -> {m, node, error?}: ours, not yet in the room's log
 */

function viewOf(name) {
    let view = views.get(name);
    if (!view) {
        view = { name, items: [], pending: new Map(), unread: 0, seen: null, fresh: null, more: false, next: null, first: 1,
                 loaded: false, loading: false, left: null, draft: '' };
        views.set(name, view);
    }
    return view;
}

const lastId = view => view.items.findLast(item => item.m)?.m.id ?? view.seen;

function setPage(view, page) {
    view.items = page.events.filter(e => e.type === undefined || e.type === 'message').map(m => ({ m }));
    view.more = page.more;
    view.next = page.next ?? null;
    view.first = Number.isSafeInteger(page.first) ? page.first : 1;
    view.loaded = true;
    for (const { m } of view.items) if (isMine(m)) view.pending.delete(m.nonce);
    saveOutbox();
}

function joinRoom(name) {
    const view = viewOf(name);
    view.left = null;
    chat.join(name, { last: PAGE }).catch(e => {
        if (views.get(name) !== view || e.code === 'closed') return;
        view.left = { code: e.code, text: e.code === 'forbidden' || e.code === 'not_found' ? 'You can’t enter this room.'
            : e.code === 'banned' ? 'You are banned from this room.' : 'This room can’t be entered: ' + reasonOf(e) + '.' };
        if (view === active) render();
        renderRooms();
    });
    return view;
}

function leaveRoom(name) {
    const view = views.get(name), next = [...views.keys()].filter(other => other !== name).at(-1);
    chat.leave(name).catch(() => {});
    views.delete(name);
    view.li.remove();
    saveRooms();
    saveOutbox();
    renderRooms();
    if (active !== view) return;
    if (next === undefined) show(null);
    location.hash = next === undefined ? '' : '#' + encodeURIComponent(next);
}

let saving = null;

function saveRooms() { saving ??= setTimeout(saveNow, 300); }

function saveNow() {
    clearTimeout(saving);
    saving = null;
    store('localStorage', KEY, [...views.values()].filter(v => !v.left).map(v => ({ name: v.name, seen: v.seen })).slice(-50));
}

addEventListener('pagehide', () => saving && saveNow());

function markSeen(view) {
    if (document.hidden) return;
    view.unread = 0;
    const id = lastId(view);
    if (id !== view.seen) {
        view.seen = id;
        saveRooms();
    }
}

/* messages that are not acknowledged survive a reload of the page, with their nonces */

function saveOutbox() {
    store('sessionStorage', OUTBOX, [...views.values()].flatMap(v => [...v.pending.values()]
        .map(({ m }) => ({ room: v.name, text: m.text, nonce: m.nonce, ts: m.ts }))));
}

function publish(view, text, nonce, ts = Date.now(), send = true) {
    const p = { m: { room: view.name, text, nonce, ts, get user() { return chat.user ?? { id: '' }; } }, error: null };
    view.pending.set(nonce, p);
    saveOutbox();
    if (send) transmit(view, p); else p.error = { code: 'timeout' };
    return p;
}

function transmit(view, p) {
    p.error = null;
    setTimeout(() => p.node?.classList.add('slow'), 1500);
    chat.send(view.name, p.m.text, { nonce: p.m.nonce }).then(ok => {
        // the message itself replaces it, unless that has come before, with the page
        const at = parseId(ok.id), last = parseId(lastId(view));
        if (view.pending.get(p.m.nonce) === p && at?.epoch === last?.epoch && at?.offset <= last?.offset) drop(view, p);
    }, e => {
        p.error = e;
        if (view.pending.has(p.m.nonce)) showState(view, p);
    });
}

function drop(view, p) {
    view.pending.delete(p.m.nonce);
    saveOutbox();
    if (view === active) render();
}


/* the log */

function fill(node, m) {
    const { user, ts } = m, mine = isMine(m) || !m.id;
    node.className = 'msg' + (mine ? ' own' : '');
    node.style.setProperty('--h', hue(user.id));
    const avatar = el('span', 'avatar', initialOf(user)), head = el('div', 'head'), name = el('bdi', 'name', mine ? 'You' : nameOf(user));
    const time = el('time', '', clock.format(ts)), bubble = el('div', 'bubble', m.deleted ? 'This message was deleted.' : m.text);
    avatar.setAttribute('aria-hidden', 'true');
    name.title = user.id;
    time.dateTime = new Date(ts).toISOString();
    time.title = stamp.format(ts);
    bubble.dir = 'auto';
    bubble.title = time.title;
    if (m.deleted) bubble.classList.add('gone');
    else if (onlyEmoji(m.text)) bubble.classList.add('emoji');
    head.append(name, time);
    node.replaceChildren(avatar, head, bubble);
    return node;
}

function showState(view, p) {
    if (!p.node) return;
    const state = p.node.querySelector('.state') ?? p.node.appendChild(el('div', 'state'));
    p.node.classList.add('pending');
    p.node.classList.toggle('failed', !!p.error);
    if (!p.error) return void (state.textContent = chat.state === 'online' ? 'Sending…' : 'Waiting for the connection…');
    state.replaceChildren('Not sent: ' + reasonOf(p.error) + '.',
        button('Try again', () => { transmit(view, p); showState(view, p); }), button('Discard', () => drop(view, p)));
}

/*
 * Puts a message where it belongs: what separates it from the one before (a new
 * day, "New"), and whether it continues a group.  A node that is there already
 * isn't moved, so that a screen reader doesn't read it again.
 */

const dayOf = node => node.previousElementSibling?.className === 'day' ? node.previousElementSibling : null;

function place(view, node, m, last, adjacent, before) {
    const log = $('log'), newDay = !last || dayKey(last.ts) !== dayKey(m.ts), fresh = m.id !== undefined && view.fresh === m.id;
    dayOf(node)?.remove();
    if (node.parentNode !== log || node.nextSibling !== before) log.insertBefore(node, before);
    if (newDay) log.insertBefore(el('div', 'day', dayName(m.ts)), node);
    if (fresh) log.insertBefore(el('div', 'fresh', 'New'), node);
    node.classList.toggle('grouped', adjacent && !newDay && !fresh && last.user.id === m.user.id && m.ts - last.ts < TOGETHER);
}

/* shows an item that was added at the end, before what is pending */

function append(view, item) {
    const waiting = [...view.pending.values()].filter(p => p.node?.parentNode === $('log')), first = waiting[0];
    const last = view.items.findLast(other => other.m && other !== item)?.m, adjacent = !!view.items.at(-2)?.m;
    const before = first ? dayOf(first.node) ?? first.node : null;
    if (item.note) {
        $('log').insertBefore(noteNode(item), before);
    } else {
        item.node ??= el('div');
        place(view, fill(item.node, item.m), item.m, last, adjacent, before);
    }
    if (first) place(view, first.node, first.m, item.m ?? last, !!item.m, first.node.nextSibling);
}

function noteNode(item) {
    item.node = el('div', 'note', item.note);
    if (item.action) item.node.append(button(...item.action));
    return item.node;
}

function addPending(view, p, last, adjacent) {
    p.node ??= el('div');
    place(view, fill(p.node, p.m), p.m, last, adjacent, null);
    showState(view, p);
}

function render() {
    const log = $('log'), view = active, from = log.scrollHeight - log.scrollTop;
    log.setAttribute('aria-live', 'off');
    log.setAttribute('aria-busy', 'true');
    log.replaceChildren();
    if (view) {
        const edge = el('div', 'edge');
        if (view.more) edge.textContent = 'Loading older messages…';
        else if (view.loaded && view.items.length) edge.textContent = view.first > 1 ? 'Older messages are not kept.' : 'This is where the room begins.';
        log.append(edge);
        let last, adjacent = false;
        for (const item of view.items) {
            if (item.note) log.append(noteNode(item));
            else place(view, fill(item.node = el('div'), item.m), item.m, last, adjacent, null);
            adjacent = !!item.m;
            last = item.m ?? last;
        }
        for (const p of view.pending.values()) {
            p.node = null;
            addPending(view, p, last, adjacent);
            last = p.m;
            adjacent = true;
        }
    }
    if (following) toEnd(); else log.scrollTop = log.scrollHeight - from;
    renderEmpty();
    // a reader is told of what comes from now on, not of the page
    setTimeout(() => {
        log.setAttribute('aria-live', 'polite');
        log.setAttribute('aria-busy', 'false');
    }, 300);
}

function renderEmpty() {
    const view = active, box = $('empty');
    const [art, title, text, action] = !view ? ['💬', 'Welcome', 'Join a room by its name, or begin in the lobby.', ['Join #lobby', () => go('lobby')]]
        : view.left ? ['🚪', view.name, view.left.text, ['Try again', () => { joinRoom(view.name); render(); renderRooms(); }]]
        : view.loaded && !view.items.length && !view.pending.size ? ['👋', view.name, 'Nobody has written here yet. Say hello!'] : [];
    box.hidden = !art;
    $('composer').hidden = !view || !!view.left;
    if (!art) return;
    const [p, h2, say, act] = box.children;
    p.textContent = art;
    h2.textContent = title;
    say.textContent = text;
    act.hidden = !action;
    if (action) [act.textContent, act.onclick] = action;
}

function toEnd() {
    const log = $('log');
    following = true;
    log.scrollTop = log.scrollHeight;
    renderJump();
}

function renderJump() {
    if (following) missed = 0;
    $('jump').hidden = following;
    $('jump').firstElementChild.textContent = missed ? `${missed} new message${missed > 1 ? 's' : ''}` : 'Latest messages';
}

async function loadOlder() {
    const view = active;
    if (!view?.more || view.loading || !view.next) return;
    view.loading = true;
    try {
        const page = await chat.history(view.name, { before: view.next, limit: PAGE });
        if (views.get(view.name) !== view) return;
        if (page.reset) {
            setPage(view, page);
        } else {
            const known = new Set(view.items.map(item => item.m?.id));
            view.items.unshift(...page.events.filter(m => !known.has(m.id)).map(m => ({ m })));
            view.more = page.more;
            view.next = page.next ?? null;
            view.first = Number.isSafeInteger(page.first) ? page.first : view.first;
        }
    } catch {
        await new Promise(wake => setTimeout(wake, 3000));
    } finally {
        view.loading = false;
    }
    if (view === active) {
        render();
        if ($('log').scrollTop < 200) loadOlder();
    }
}


/* what the server says */

chat.on('joined', j => {
    const view = viewOf(j.room);
    view.left = null;
    if (j.recovered === undefined && (j.page || !view.loaded)) {
        const head = `${j.epoch}-${j.head}`;
        setPage(view, j.page ?? { events: [], more: j.head >= j.first, next: `${j.epoch}-${j.head + 1}` });
        view.seen ??= head;
        countUnread(view);
        if (view === active) {
            render();
            loadIfShort();
        }
    }
    saveRooms();
    renderRooms();
});

chat.on('reset', r => {
    const view = viewOf(r.room);
    setPage(view, r.page);
    if (r.missed === null || r.missed > 0) {
        view.items.unshift({ note: r.missed ? `While you were away ${r.missed} messages came; these are the newest.`
            : 'You were away for long; these are the newest messages.' });
    }
    countUnread(view);
    following = following || view === active;
    if (view === active) render();
    renderRooms();
});

chat.on('message', m => {
    const view = views.get(m.room), p = isMine(m) ? view?.pending.get(m.nonce) : null;
    if (!view) return;
    const watched = view === active && following && !document.hidden, item = { m, node: p?.node ?? null };
    view.items.push(item);
    if (p) {
        view.pending.delete(m.nonce);
        saveOutbox();
    }
    if (!watched && !isMine(m)) {
        if (!view.unread) {
            view.fresh = m.id;
            if (view === active) $('log').querySelector('.fresh')?.remove();
        }
        view.unread++;
    }
    if (view === active) {
        append(view, item);
        if (following) toEnd(); else if (!isMine(m)) missed++, renderJump();
        renderEmpty();
    }
    if (watched) markSeen(view);
    if (view !== active || following) trim(view);
    renderRooms();
});

chat.on('gap', g => {
    const view = views.get(g.room), n = g.missed;
    if (!view) return;
    const item = {
        note: n > 0 ? `${n} message${n > 1 ? 's were' : ' was'} missed here.` : 'Messages were missed here.',
        action: ['Load', () => chat.history(g.room, { limit: 100 }).then(page => {
            setPage(view, page);
            if (view === active) render();
        }, () => {})],
    };
    view.items.push(item);
    if (view !== active) return;
    append(view, item);
    if (following) toEnd();
});

chat.on('left', l => {
    const view = views.get(l.room);
    if (!view || l.reply_to !== undefined || l.reason === 'left') return;
    view.left = { code: l.code, text: {
        kicked: 'You were removed from this room.', banned: 'You are banned from this room.', deleted: 'This room was deleted.',
    }[l.reason] ?? 'You are no longer in this room.' };
    if (view === active) render();
    saveRooms();
    renderRooms();
});

let userId;
chat.on('welcome', () => {
    const user = chat.user, me = $('me');
    if (!user) return;
    me.hidden = false;
    me.style.setProperty('--h', hue(user.id));
    me.querySelector('.avatar').textContent = initialOf(user);
    me.querySelector('.name').textContent = nameOf(user);
    me.querySelector('.name').title = user.id;
    me.querySelector('small').textContent = user.guest && user.name ? 'Guest' : nameOf(user) === user.id ? '' : user.id;
    if (userId !== undefined && userId !== user.id) render();
    userId = user.id;
    renderCount();
});

/* messages of the first page that were not seen before */

function countUnread(view) {
    const at = parseId(view.seen);
    const unseen = view.items.filter(({ m }) => m && at && !isMine(m) && parseId(m.id).epoch === at.epoch && parseId(m.id).offset > at.offset);
    view.fresh = unseen[0]?.m.id ?? null;
    view.unread = unseen.length;
    if (view === active || !at) markSeen(view);
}

function trim(view) {
    if (view.items.length < KEEP + 100) return;
    for (const { node } of view.items.splice(0, view.items.length - KEEP)) node?.remove();
    view.more = true;
    view.next = view.items.find(item => item.m)?.m.id ?? null;
    if (view === active) render();
}


/* the connection */

let shown = false, bannerTimer = null, retryAt = 0;

function renderState(s) {
    const words = { connecting: 'Connecting…', online: 'Online', offline: 'Offline', closed: 'Disconnected' };
    document.documentElement.dataset.state = s.state;
    $('status-text').textContent = words[s.state];
    $('status').title = s.state === 'online' ? (s.transport === 'ws' ? 'WebSocket' : 'Stream by HTTP') : s.reason || '';
    retryAt = s.retry_ms ? Date.now() + s.retry_ms : 0;
    if (s.state === 'online') {
        clearTimeout(bannerTimer);
        bannerTimer = null;
        $('banner').hidden = true;
        shown = false;
    } else if (s.state === 'closed') {
        const code = s.code;
        banner(code === 4401 ? 'You are not signed in any more. Reload the page, or sign in again.'
            : code === 4503 ? 'An administrator ended your connection.'
            : code === 404 || code === 405 ? 'There is no chat at ' + new URL(base).pathname + '.'
            : code === 403 ? 'This site may not use the chat.'
            : 'The server ended the connection' + (s.reason ? ': ' + s.reason : code ? ' (' + code + ')' : '') + '.', 'Connect again');
    } else if (shown) {
        bannerText();
    } else {
        bannerTimer ??= setTimeout(bannerText, 2000);        // short losses are not worth a word
    }
    for (const view of views.values()) for (const p of view.pending.values()) showState(view, p);
}

function banner(text, action) {
    const [p, act] = $('banner').children;
    p.textContent = text;
    act.textContent = action;
    $('banner').hidden = false;
    shown = true;
}

function bannerText() {
    clearTimeout(bannerTimer);
    if (chat.state !== 'offline' && chat.state !== 'connecting') return;
    const s = Math.ceil((retryAt - Date.now()) / 1000);
    banner('No connection. What you write is sent when it is back.' + (chat.state === 'offline' && s > 1 ? ` Next try in ${s} s.` : ''), 'Try now');
    bannerTimer = setTimeout(bannerText, 1000);
}

chat.on('state', renderState);
$('banner').lastElementChild.onclick = () => {
    const wasClosed = chat.state === 'closed';
    chat.connect();
    if (wasClosed) for (const name of views.keys()) if (!chat.rooms.includes(name)) joinRoom(name);
};


/* the list of rooms */

function roomNode(view) {
    const li = el('li'), a = el('a'), badge = el('span', 'badge'), leave = button('', () => {
        leaveRoom(view.name);
        $('room').focus();
    });
    a.href = '#' + encodeURIComponent(view.name);
    a.append(el('bdi', '', view.name), badge);
    badge.append('', el('span', 'sr', ' unread'));
    leave.className = 'icon leave';
    leave.setAttribute('aria-label', 'Leave ' + view.name);
    leave.append(cross.cloneNode(true));
    li.append(a, leave);
    return li;
}

/* changes what has changed only: somebody may be about to click */

function renderRooms() {
    let unread = 0, elsewhere = false;
    for (const view of views.values()) {
        view.li ??= $('rooms').appendChild(roomNode(view));
        const a = view.li.firstElementChild, badge = a.lastElementChild;
        view.li.className = (view.unread ? 'unread' : '') + (view.left ? ' off' : '');
        badge.hidden = !view.unread;
        badge.firstChild.data = view.unread > 99 ? '99+' : view.unread;
        if (view === active) a.setAttribute('aria-current', 'page'); else a.removeAttribute('aria-current');
        unread += view.unread;
        elsewhere ||= view.unread > 0 && view !== active;
    }
    $('no-rooms').hidden = views.size > 0;
    $('menu-dot').hidden = !elsewhere;
    $('menu').setAttribute('aria-label', unread ? `Rooms, ${unread} unread` : 'Rooms');
    document.title = (unread ? `(${unread > 99 ? '99+' : unread}) ` : '') + (active ? '#' + active.name + ' · ' : '') + 'Chat';
}

const cross = $('close-menu').firstElementChild;

function show(name) {
    if (active) {
        active.draft = $('text').value;
        active.fresh = null;
    }
    active = name === null ? null : views.get(name) ?? joinRoom(name);
    $('title').textContent = active ? '#' + active.name : 'Chat';
    $('log').setAttribute('aria-label', active ? 'Messages in ' + active.name : 'Messages');
    $('text').placeholder = active ? 'Message #' + active.name : 'Message';
    $('text').value = active?.draft ?? '';
    following = true;
    if (active) markSeen(active);
    render();
    renderRooms();
    resize();
    saveRooms();
    loadIfShort();
    drawer(false);
    if (active && !active.left && matchMedia('(hover: hover)').matches) $('text').focus();
}

function loadIfShort() {
    if (active?.more && $('log').scrollHeight <= $('log').clientHeight + 100) loadOlder();
}

function fromHash() {
    try { return decodeURIComponent(location.hash.slice(1)) || null; } catch { return null; }
}

function go(name) {
    if (fromHash() === name) show(name); else location.hash = '#' + encodeURIComponent(name);
}

const badName = name => !name ? 'Write the name of a room.'
    : bytes(name) > 128 ? 'This name is too long.'
    : /^[~.$@]/.test(name) ? 'A name can’t begin with ' + name[0]
    // eslint-disable-next-line no-control-regex
    : /[\0-\x20\x7f-\x9f/\\?#%,*{}"<>\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/.test(name) ? 'A name can’t contain spaces or any of / \\ ? # % , * { } " < >'
    : '';

$('join').onsubmit = event => {
    event.preventDefault();
    const name = $('room').value.trim().replace(/^#/, ''), error = badName(name);
    $('join-error').textContent = error;
    $('room').setAttribute('aria-invalid', String(!!error));
    if (error) return;
    $('room').value = '';
    go(name);
};

$('room').oninput = () => {
    $('join-error').textContent = '';
    $('room').removeAttribute('aria-invalid');
};

addEventListener('hashchange', () => show(fromHash()));


/* the drawer of phones */

const narrow = matchMedia('(max-width: 46rem)');

function drawer(open) {
    const was = document.body.classList.contains('drawer');
    document.body.classList.toggle('drawer', open);
    $('menu').setAttribute('aria-expanded', String(open));
    $('side').inert = narrow.matches && !open;
    document.querySelector('main').inert = narrow.matches && open;
    if (open) $('close-menu').focus();
    else if (was && narrow.matches) $('menu').focus();
}

$('menu').onclick = () => drawer(true);
$('close-menu').onclick = $('scrim').onclick = () => drawer(false);
narrow.onchange = () => drawer(false);
addEventListener('keydown', event => {
    if (event.key === 'Escape' && document.body.classList.contains('drawer')) drawer(false);
});


/* writing */

const text = $('text');

function resize() {
    if (!CSS.supports('field-sizing', 'content')) {
        text.style.height = 'auto';
        text.style.height = text.scrollHeight + 2 + 'px';
    }
    renderCount();
}

const limit = () => Number.isSafeInteger(chat.limits.text) ? chat.limits.text : 4096;

function renderCount() {
    const n = bytes(text.value), max = limit(), over = n > max, count = $('count');
    const words = over ? `${(n - max).toLocaleString()} bytes too long (the limit is ${max.toLocaleString()})`
        : n > max * .8 ? `${n.toLocaleString()} of ${max.toLocaleString()} bytes` : '';
    if (count.textContent !== words) count.textContent = words;
    count.classList.toggle('over', over);
    text.setAttribute('aria-invalid', String(over));
    $('send').disabled = over || !text.value.trim();
}

function submit() {
    renderCount();
    if (!active || active.left || $('send').disabled) return;
    const nonce = crypto.randomUUID?.() ?? Array.from(crypto.getRandomValues(new Uint32Array(4)), n => n.toString(36)).join('-');
    const pending = [...active.pending.values()].at(-1)?.m, last = pending ?? active.items.findLast(item => item.m)?.m;
    const p = publish(active, text.value.trim(), nonce);
    addPending(active, p, last, !!pending || !!active.items.at(-1)?.m);
    text.value = active.draft = '';
    resize();
    toEnd();
    renderEmpty();
}

text.oninput = resize;
text.onkeydown = event => {
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing || event.keyCode === 229) return;
    event.preventDefault();
    submit();
};
$('composer').onsubmit = event => {
    event.preventDefault();
    submit();
    text.focus();
};


/* scrolling */

const log = $('log');
let height = 0;

log.onscroll = () => {
    // a change of the height moves the end away without anybody scrolling
    if (log.clientHeight !== height) return;
    const at = log.scrollHeight - log.scrollTop - log.clientHeight < 60;
    if (at !== following) {
        following = at;
        renderJump();
        if (at && active?.unread) {
            markSeen(active);
            renderRooms();
        }
    }
    if (log.scrollTop < 200) loadOlder();
};

new ResizeObserver(() => {
    height = log.clientHeight;
    if (following) toEnd();
}).observe(log);

$('jump').onclick = () => {
    toEnd();
    if (active) markSeen(active);
    renderRooms();
    text.focus();
};

document.addEventListener('visibilitychange', () => {
    if (!document.hidden && active && following) {
        markSeen(active);
        renderRooms();
    }
});


/* go */

for (const saved of [stored('localStorage', KEY, [])].flat().slice(0, 50)) {
    if (typeof saved?.name !== 'string' || badName(saved.name)) continue;
    joinRoom(saved.name).seen = parseId(saved.seen) ? saved.seen : null;
}
for (const p of [stored('sessionStorage', OUTBOX, [])].flat()) {
    if (typeof p?.room !== 'string' || typeof p.text !== 'string' || typeof p.nonce !== 'string') continue;
    // the server knows a nonce for minutes only: later it would be published twice
    publish(views.get(p.room) ?? joinRoom(p.room), p.text, p.nonce, Number(p.ts) || 0, Date.now() - p.ts < 240000);
}
show(fromHash() ?? [...views.keys()][0] ?? null);
renderState({ state: chat.state === 'closed' ? 'connecting' : chat.state });
chat.connect();
