/*
 * The page of ngx_chat_module: a chat client on chat.js.
 *
 * Whatever comes from the server is shown as text, nothing is parsed as HTML;
 * there is no inline script or style, so `default-src 'self'` is enough.
 */

import { $, base, button, chat, el, icon, offers, store, stored, toast } from './app.js';
import { Acts } from './acts.js';
import { Fold } from './client/fold.js';
import { Members, Typing } from './client/people.js';
import { newNonce, parseId } from './client/chat.js';
import { draftOf, edit, insert, renderComposer, renderCount, resize, setup as setupComposer } from './composer.js';
import { setupConnection } from './connection.js';
import { drawer } from './drawer.js';
import { badRoom, nameOf, notEntered, reasonOf } from './format.js';
import { Log } from './log.js';
import { askLogin, renderMe, setup as setupLogin, tokenOfAddress } from './login.js';
import { Panel } from './panel.js';
import { Card, Settings, about, roleNote } from './people.js';

const PAGE = 50;                       // messages asked for at once
const KEEP = 400;                      // messages kept in a view that is followed
const KEY = 'chat.rooms:' + base, OUTBOX = 'chat.outbox:' + base, PANEL = 'chat.panel';

tokenOfAddress();

const views = new Map();               // room -> view
let active = null;                     // the view that is shown

const isMine = m => m.user.id === chat.user?.id;

const log = new Log($('log'), $('jump'), {
    isMine,
    waiting: () => chat.state === 'online' ? 'Sending…' : 'Waiting for the connection…',
    retry: p => { transmit(active, p); log.showState(p); },
    discard: p => drop(active, p),
    older: () => loadOlder(),
    ended: () => active && seen(active),
    thread: id => panel.thread(id),
    react: (m, emoji) => acts.toggle(m, emoji),
    card: user => openCard(user),
    readers: m => readersOf(active, m),
});

const panel = new Panel({
    fill: (node, m) => log.fill(node, m),
    send: (words, root) => submitted(publish(active, words, newNonce(), { thread: root, mentions: mentioned(words) })),
    card: user => openCard(user),
    changed: mode => { if (mode !== 'thread') store('localStorage', PANEL, mode); },
});

const acts = new Acts({
    view: () => active,
    isMine,
    messageOf: node => active?.items.find(item => item.node === node)?.m,
    reply: m => panel.thread(m.thread ?? m.id),
    edit: m => edit(m),
});

const card = new Card({
    mention: user => insert(`@${nameOf(user)} `),
    direct: user => writeTo(user),
});

const settings = new Settings();

function openCard(user) { if (active && user.id) card.open(active.members.get(user.id) ?? user, active); }

/* a conversation of two is a room like others, once the server has it */
function writeTo(user) {
    chat.call({ type: 'direct', to: user.id }).then(ok => {
        viewOf(ok.room).title = nameOf(ok.with ?? user);
        go(ok.room);
    }, e => toast('Not done: ' + reasonOf(e) + '.'));
}


/* views: what is known of a room, see log.js */

function viewOf(name) {
    let view = views.get(name);
    if (!view) {
        view = { name, title: '#' + name, items: [], pending: new Map(), unread: 0, mentions: 0, seen: null, told: null, fresh: null,
                 more: false, next: null, first: 1, loaded: false, loading: false, left: null, draft: '',
                 fold: new Fold(() => chat.user?.id), receipts: new Map(), role: null, can: [], state: {} };
        view.members = new Members(chat, name, () => { if (view === active) renderMembers(); });
        view.typing = new Typing(chat, name, () => { if (view === active) renderTyping(); });
        views.set(name, view);
    }
    return view;
}

const lastId = view => view.items.findLast(item => item.m)?.m.id ?? view.seen;

function setPage(view, page) {
    view.fold.reset(page.events);
    view.items = view.fold.messages.map(m => ({ m }));
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
    chat.join(name, { last: PAGE, presence: true }).catch(e => {
        if (views.get(name) !== view || e.code === 'closed') return;
        view.left = { code: e.code, text: notEntered(name, e) };
        if (view === active) render();
        renderRooms();
    });
    return view;
}

function leaveRoom(name) {
    const view = views.get(name), next = [...views.keys()].filter(other => other !== name).at(-1);
    chat.leave(name).catch(() => {});
    view.members.close();
    view.typing.close();
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

function seen(view) {
    markSeen(view);
    renderRooms();
}

function markSeen(view) {
    if (document.hidden) return;
    view.unread = view.mentions = 0;
    const id = lastId(view);
    if (id !== view.seen) {
        view.seen = id;
        saveRooms();
    }
    tellSeen(view);
}

/* the server is told how far we have read, not of each message when many come */

function tellSeen(view) {
    if (!view.seen || view.seen === view.told || view.telling || !view.loaded || view.left || !offers('read')) return;
    view.telling = setTimeout(() => {
        const upto = view.seen;
        view.telling = null;
        if (chat.state !== 'online' || view.left || upto === view.told) return;
        chat.call({ type: 'read', room: view.name, upto }).then(() => { view.told = upto; }, () => {});
    }, 400);
}

/* what was read elsewhere isn't new here; what is not in the page counts, too */

function askUnread(view) {
    if (!offers('read')) return;
    chat.call({ type: 'unread', rooms: [view.name] }).then(u => {
        const told = u.rooms?.[0], mark = parseId(told?.marker), at = parseId(view.seen);
        if (!mark || views.get(view.name) !== view) return;
        if (at?.epoch === mark.epoch && at.offset < mark.offset) view.seen = told.marker;
        if (view === active && log.following && !document.hidden) return tellSeen(view);
        countUnread(view);
        if (view.unread && told.unread > view.unread) view.unread = told.unread;
        view.mentions = Math.min(told.mentions || 0, view.unread);
        renderRooms();
    }, () => {});
}

function readersOf(view, m) {
    const offset = parseId(m.id)?.offset;
    return [...view.receipts].filter(([id, r]) => id !== chat.user?.id && parseId(r.upto)?.offset >= offset).map(([id, r]) => view.members.get(id) ?? r.user);
}

/* the ids of the members that a text names with @ */

function mentioned(text) {
    if (!text.includes('@')) return undefined;
    const ids = active.members.list.filter(u => u.id !== chat.user?.id && text.includes('@' + nameOf(u))).map(u => u.id).slice(0, 50);
    return ids.length ? ids : undefined;
}

/* messages that are not acknowledged survive a reload of the page, with their nonces */

function saveOutbox() {
    store('sessionStorage', OUTBOX, [...views.values()].flatMap(v => [...v.pending.values()]
        .map(({ m }) => ({ room: v.name, text: m.text, nonce: m.nonce, ts: m.ts, thread: m.thread, mentions: m.mentions }))));
}

function publish(view, text, nonce, more = {}, ts = Date.now(), send = true) {
    const p = { m: { room: view.name, text, nonce, ts, ...more, get user() { return chat.user ?? { id: '' }; } }, error: null };
    view.pending.set(nonce, p);
    saveOutbox();
    if (send) transmit(view, p); else p.error = { code: 'timeout' };
    return p;
}

function submitted(p) {
    const others = [...active.pending.values()].filter(other => other !== p), pending = others.at(-1)?.m;
    log.addPending(p, pending ?? active.items.findLast(item => item.m)?.m, !!pending || !!active.items.at(-1)?.m);
    log.toEnd();
    renderEmpty();
}

function transmit(view, p) {
    p.error = null;
    setTimeout(() => p.node?.classList.add('slow'), 1500);
    const { text, nonce, thread, mentions } = p.m;
    chat.send(view.name, text, { nonce, thread, mentions }).then(ok => {
        // the message itself replaces it, unless that has come before, with the page
        const at = parseId(ok.id), last = parseId(lastId(view));
        if (view.pending.get(p.m.nonce) === p && at?.epoch === last?.epoch && at?.offset <= last?.offset) drop(view, p);
    }, e => {
        p.error = e;
        if (view.pending.has(p.m.nonce)) log.showState(p);
    });
}

function drop(view, p) {
    view.pending.delete(p.m.nonce);
    saveOutbox();
    if (view === active) render();
}


/* what is shown */

function render() {
    log.render();
    renderEmpty();
}

function renderEmpty() {
    const view = active, box = $('empty');
    const [art, title, text, action] = !view ? ['💬', 'Welcome', 'Join a room by its name, or begin in the lobby.', ['Join #lobby', () => go('lobby')]]
        : view.left ? ['🚪', '#' + view.name, view.left.text, view.left.code !== 'bad_request' && ['Try again', () => { joinRoom(view.name); render(); renderRooms(); }]]
        : view.loaded && !view.items.length && !view.pending.size ? ['👋', '#' + view.name, 'Nobody has written here yet. Say hello!'] : [];
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
            view.fold.page(page.events);
            const known = new Set(view.items.map(item => item.m?.id));
            view.items.unshift(...page.events.filter(m => !known.has(m.id) && view.fold.get(m.id)).map(m => ({ m: view.fold.get(m.id) })));
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
        if (log.nearStart) loadOlder();
    }
}


/* what the server says */

chat.on('joined', j => {
    const view = viewOf(j.room);
    Object.assign(view, { left: null, role: j.role ?? null, can: [j.can ?? []].flat(), state: j.state ?? {} });
    if (view === active) renderRoom();
    if (j.recovered === undefined && (j.page || !view.loaded)) {
        const head = `${j.epoch}-${j.head}`;
        setPage(view, j.page ?? { events: [], more: j.head >= j.first, next: `${j.epoch}-${j.head + 1}` });
        view.seen ??= head;
        countUnread(view);
        if (view === active) {
            render();
            loadIfShort();
        }
        askUnread(view);
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
    if (view === active) log.following = true;
    if (view === active) render();
    renderRooms();
});

chat.on('message', m => {
    const view = views.get(m.room), p = isMine(m) ? view?.pending.get(m.nonce) : null;
    if (!view) return;
    const shown = view === active, watched = shown && log.following && !document.hidden;
    const root = view.fold.message(m), mine = isMine(m);
    const item = { m: view.fold.get(m.id) ?? m, node: p?.node ?? null };
    if (view.items.some(other => other.m === item.m)) return;           // of a page already
    view.items.push(item);
    view.receipts.delete(mine ? '' : m.user.id);
    if (!mine) view.receipts.set(m.user.id, { user: m.user, upto: m.id });
    if (p) {
        view.pending.delete(m.nonce);
        saveOutbox();
    }
    if (!watched && !isMine(m)) {
        if (!view.unread) {
            view.fresh = m.id;
            if (shown) log.unmark();
        }
        view.unread++;
        if (m.mentions?.includes?.(chat.user?.id)) view.mentions++;
    }
    if (shown) {
        log.append(item);
        log.receipts();
        if (root) log.update(root);
        panel.message(item.m);
        if (root) panel.message(root);
        if (!log.following && !isMine(m)) log.miss();
        renderEmpty();
    }
    if (watched) markSeen(view);
    if (!shown || log.following) trim(view);
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
    if (view === active) log.append(item);
    // what changed messages may be missing, too
    chat.history(g.room, { limit: 100 }).then(page => {
        view.fold.page(page.events.filter(m => view.fold.get(m.id)));
        if (view === active) render(), panel.refresh();
    }, () => {});
});

chat.on('event', o => {
    const view = views.get(o.room);
    switch (o.type) {
    case 'edit': case 'delete': case 'react': {
        const m = view?.fold.event(o);
        if (m && view === active) log.update(m, o.type !== 'react'), panel.message(m);
        return;
    }
    case 'read':
        if (!view || typeof o.user?.id !== 'string' || !parseId(o.upto)) return;
        if (o.user.id === chat.user?.id) return askUnread(view);
        view.receipts.delete(o.user.id);
        view.receipts.set(o.user.id, { user: o.user, upto: o.upto });
        if (view.receipts.size > 200) view.receipts.delete(view.receipts.keys().next().value);
        if (view === active) log.receipts();
        return;
    case 'room':
        if (!view) return;
        view.state = o.state ?? {};
        if (view === active) renderRoom();
        return;
    case 'role':
        if (!view || typeof o.user?.id !== 'string') return;
        note(view, roleNote(o));
        // what we may do now, only another join tells
        if (o.user.id === chat.user?.id) chat.join(o.room).catch(() => {});
        return;
    case 'notice':
        // of a room that we are not in: it is entered where it is a conversation with us
        if (!view && typeof o.room === 'string' && o.kind === 'message') joinRoom(o.room);
    }
});

function note(view, text) {
    const item = { note: text };
    view.items.push(item);
    if (view === active) log.append(item);
}

chat.on('left', l => {
    const view = views.get(l.room);
    if (!view || l.reply_to !== undefined || l.reason === 'left') return;
    view.left = { code: l.code, text: {
        kicked: 'You were removed from this room.', banned: 'You are banned from this room.', deleted: 'This room was deleted.',
    }[l.reason] ?? 'You are no longer in this room.' };
    view.can = [];
    if (view === active) render(), renderRoom(), acts.hide();
    saveRooms();
    renderRooms();
});

let userId;
chat.on('welcome', () => {
    renderMe();
    if (userId !== undefined && userId !== chat.user?.id) render();
    userId = chat.user?.id;
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
    view.fold.trim(KEEP);
    view.more = true;
    view.next = view.items.find(item => item.m)?.m.id ?? null;
    if (view === active) render();
}


/* the list of rooms */

function roomNode(view) {
    const li = el('li'), a = el('a'), badge = el('span', 'badge'), leave = button('', () => {
        leaveRoom(view.name);
        $('room').focus();
    });
    a.href = '#' + encodeURIComponent(view.name);
    a.title = view.name;
    a.append(el('bdi', '', view.title.replace(/^#/, '')), badge);
    badge.append('', el('span', 'sr', ' unread'));
    leave.className = 'icon leave';
    leave.setAttribute('aria-label', 'Leave ' + view.name);
    leave.append(icon('close'));
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
        badge.firstChild.data = (view.mentions ? '@ ' : '') + (view.unread > 99 ? '99+' : view.unread);
        badge.classList.toggle('mentioned', view.mentions > 0);
        if (view === active) a.setAttribute('aria-current', 'page'); else a.removeAttribute('aria-current');
        unread += view.unread;
        elsewhere ||= view.unread > 0 && view !== active;
    }
    $('no-rooms').hidden = views.size > 0;
    $('menu-dot').hidden = !elsewhere;
    $('menu').setAttribute('aria-label', unread ? `Rooms, ${unread} unread` : 'Rooms');
    document.title = (unread ? `(${unread > 99 ? '99+' : unread}) ` : '') + (active ? '#' + active.name + ' · ' : '') + 'Chat';
}

function show(name) {
    if (active) {
        active.draft = draftOf(active);
        active.fresh = null;
    }
    active?.typing.stop();
    edit(null);
    acts.hide();
    active = name === null ? null : views.get(name) ?? joinRoom(name);
    $('title').textContent = active ? active.title : 'Chat';
    renderRoom();
    renderTyping();
    panel.enter(active);
    if (active && wide.matches && stored('localStorage', PANEL, 'members') === 'members') panel.members();
    $('log').setAttribute('aria-label', active ? 'Messages in ' + active.name : 'Messages');
    $('text').value = active?.draft ?? '';
    log.show(active);
    if (active) markSeen(active);
    renderEmpty();
    renderRooms();
    resize();
    saveRooms();
    loadIfShort();
    drawer(false);
    if (active && !active.left && matchMedia('(hover: hover)').matches) $('text').focus();
}

/* the head of the room, and who is there */

const wide = matchMedia('(min-width: 64rem)');

function renderRoom() {
    const words = active ? about(active.state) : '';
    $('topic-line').textContent = words;
    $('topic-line').title = words;
    $('room-settings').hidden = !active?.can.includes('room') || !!active.left;
    $('people').hidden = !active || !offers('presence');
    renderMembers();
    renderComposer();
}

function renderMembers() {
    if (!active) return;
    const n = active.members.count;
    $('people-count').textContent = n > 0 ? n.toLocaleString() : '';
    $('people').setAttribute('aria-label', `People: ${n}`);
    if (panel.mode === 'members') panel.refresh();
}

function renderTyping() {
    const [a, b, c] = (active?.typing.users ?? []).map(u => el('bdi', '', nameOf(u)));
    $('typing').replaceChildren(...(c ? ['Several people are typing…'] : b ? [a, ' and ', b, ' are typing…'] : a ? [a, ' is typing…'] : []));
}

$('people').onclick = () => { if (panel.mode === 'members') panel.close(true); else panel.members(); };
$('room-settings').onclick = () => settings.open(active);

function loadIfShort() {
    if (active?.more && log.short) loadOlder();
}

function fromHash() {
    try { return decodeURIComponent(location.hash.slice(1)) || null; } catch { return null; }
}

function go(name) {
    if (fromHash() === name) show(name); else location.hash = '#' + encodeURIComponent(name);
}

$('join').onsubmit = event => {
    event.preventDefault();
    const name = $('room').value.trim().replace(/^#/, ''), error = badRoom(name);
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


/* what was seen */

$('jump').onclick = () => {
    log.toEnd();
    if (active) seen(active);
    $('text').focus();
};

document.addEventListener('visibilitychange', () => {
    if (!document.hidden && active && log.following) seen(active);
});


/* go */

setupComposer({ view: () => active, isMine, send: words => submitted(publish(active, words, newNonce(), { mentions: mentioned(words) })) });
setupLogin({ drawer: () => drawer(false) });

for (const saved of [stored('localStorage', KEY, [])].flat().slice(0, 50)) {
    if (typeof saved?.name !== 'string' || badRoom(saved.name)) continue;
    joinRoom(saved.name).seen = parseId(saved.seen) ? saved.seen : null;
}
for (const p of [stored('sessionStorage', OUTBOX, [])].flat()) {
    if (typeof p?.room !== 'string' || typeof p.text !== 'string' || typeof p.nonce !== 'string') continue;
    // the server knows a nonce for minutes only: later it would be published twice
    publish(views.get(p.room) ?? joinRoom(p.room), p.text, p.nonce, { thread: p.thread, mentions: p.mentions }, Number(p.ts) || 0, Date.now() - p.ts < 240000);
}
show(fromHash() ?? [...views.keys()][0] ?? null);
setupConnection({
    signIn: () => askLogin('', 'You are not signed in any more.'),
    again: () => { for (const name of views.keys()) if (!chat.rooms.includes(name)) joinRoom(name); },
    changed: () => { for (const view of views.values()) for (const p of view.pending.values()) log.showState(p); },
});
chat.connect();
