/*
 * The page of ngx_chat_module: a chat client on chat.js.
 *
 * Whatever comes from the server is shown as text, nothing is parsed as HTML;
 * there is no inline script or style, so `default-src 'self'` is enough.
 */

import { Chat, newNonce, parseId } from './client/chat.js';
import { badName, badRoom, bytes, hue, initialOf, nameOf, notEntered } from './format.js';
import { Log, button, el } from './log.js';
import { Typing } from './typing.js';

const PAGE = 50;                       // messages asked for at once
const KEEP = 400;                      // messages kept in a view that is followed

const $ = id => document.getElementById(id);

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
const KEY = 'chat.rooms:' + base, OUTBOX = 'chat.outbox:' + base, NAME = 'chat.name:' + base;

const chat = new Chat(base, { client: 'ngx_chat page/0.1', name: stored('localStorage', NAME, '') });
const views = new Map();               // room -> view
const typing = new Typing(chat, $('typing'));
let active = null;                     // the view that is shown

const isMine = m => m.user.id === chat.user?.id;

const log = new Log($('log'), $('jump'), {
    isMine,
    waiting: () => chat.state === 'online' ? 'Sending…' : 'Waiting for the connection…',
    retry: p => { transmit(active, p); log.showState(p); },
    discard: p => drop(active, p),
    older: () => loadOlder(),
    ended: () => active?.unread && seen(active),
});


/* views: what is known of a room, see log.js */

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
        view.left = { code: e.code, text: notEntered(name, e) };
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

function seen(view) {
    markSeen(view);
    renderRooms();
}

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
        if (log.nearStart) loadOlder();
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
    if (view === active) log.following = true;
    if (view === active) render();
    renderRooms();
});

chat.on('message', m => {
    const view = views.get(m.room), p = isMine(m) ? view?.pending.get(m.nonce) : null;
    if (!view) return;
    const shown = view === active, watched = shown && log.following && !document.hidden;
    const item = { m, node: p?.node ?? null };
    view.items.push(item);
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
    }
    if (shown) {
        log.append(item);
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
    for (const view of views.values()) for (const p of view.pending.values()) log.showState(p);
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
    a.title = view.name;
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
    typing.enter(name);
    active = name === null ? null : views.get(name) ?? joinRoom(name);
    $('title').textContent = active ? '#' + active.name : 'Chat';
    $('log').setAttribute('aria-label', active ? 'Messages in ' + active.name : 'Messages');
    $('text').placeholder = active ? 'Message #' + active.name : 'Message';
    $('text').value = active?.draft ?? '';
    if (active) markSeen(active);
    log.show(active);
    renderEmpty();
    renderRooms();
    resize();
    saveRooms();
    loadIfShort();
    drawer(false);
    if (active && !active.left && matchMedia('(hover: hover)').matches) $('text').focus();
}

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
    const pending = [...active.pending.values()].at(-1)?.m, last = pending ?? active.items.findLast(item => item.m)?.m;
    const p = publish(active, text.value.trim(), newNonce());
    log.addPending(p, last, !!pending || !!active.items.at(-1)?.m);
    text.value = active.draft = '';
    typing.stop();
    resize();
    log.toEnd();
    renderEmpty();
}

text.oninput = () => {
    resize();
    typing.input(text.value);
};
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


/* what was seen */

$('jump').onclick = () => {
    log.toEnd();
    if (active) seen(active);
    text.focus();
};

document.addEventListener('visibilitychange', () => {
    if (!document.hidden && active && log.following) seen(active);
});


/* who we are */

const naming = $('naming');

function renderMe() {
    const user = chat.user, me = $('me'), mayName = !!user?.guest && !!chat.welcome.features?.includes('guest_name');
    if (!user) return;
    me.hidden = false;
    me.style.setProperty('--h', hue(user.id));
    me.querySelector('.avatar').textContent = initialOf(user);
    me.querySelector('.name').textContent = nameOf(user);
    me.querySelector('.name').title = user.id;
    me.querySelector('small').textContent = user.guest ? (user.name ? 'Guest' : 'No name yet') : nameOf(user) === user.id ? '' : user.id;
    $('rename').hidden = !mayName;
    $('as').hidden = !mayName || !!user.name;
    $('as').firstElementChild.textContent = nameOf(user);
}

function askName(error = '') {
    if (naming.open) naming.close();
    $('name').value = stored('localStorage', NAME, '');
    nameError(error);
    drawer(false);
    naming.showModal();
    $('name').select();
}

function nameError(error) {
    $('name-error').textContent = error;
    $('name').setAttribute('aria-invalid', String(!!error));
}

naming.firstElementChild.onsubmit = event => {
    const name = $('name').value.trim().replace(/\s+/g, ' '), error = badName(name);
    event.preventDefault();
    nameError(error);
    if (error) return;
    naming.close();
    if (name === (chat.user?.name ?? '')) return;
    store('localStorage', NAME, name);
    chat.rename(name);
};
$('name').oninput = () => nameError('');
$('name-cancel').onclick = () => naming.close();
$('rename').onclick = $('as').lastElementChild.onclick = () => askName();

chat.on('error', e => {
    if (e.field !== 'name') return;
    store('localStorage', NAME, '');
    askName('The server refuses this name.');
});


/* go */

for (const saved of [stored('localStorage', KEY, [])].flat().slice(0, 50)) {
    if (typeof saved?.name !== 'string' || badRoom(saved.name)) continue;
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
