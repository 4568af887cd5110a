/*
 * What the parts of the page share: the connection, who we are, what is kept
 * in the browser, and small things of the document.
 */

import { Chat } from './client/chat.js';

export const $ = id => document.getElementById(id);

export function stored(storage, key, otherwise) {
    try { return JSON.parse(window[storage].getItem(key)) ?? otherwise; } catch { return otherwise; }
}

export function store(storage, key, value) {
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

export const base = findBase();
export const NAME = 'chat.name:' + base, TOKEN = 'chat.token:' + base;

/* a token is for this tab, and for as long as it is open */

export const chat = new Chat(base, {
    client: 'ngx_chat page/0.2', name: stored('localStorage', NAME, ''),
    token: ({ expired }) => (expired ? null : stored('sessionStorage', TOKEN, null)),
});

/* moderators see what they may; the server decides */
export const offers = feature => !!chat.welcome?.features?.includes(feature);

export function el(tag, className = '', text = undefined) {
    const node = document.createElement(tag);
    if (className) node.className = className;
    if (text !== undefined) node.textContent = text;
    return node;
}

export function button(text, onclick, className = '') {
    const node = el('button', className, text);
    node.type = 'button';
    node.onclick = onclick;
    return node;
}

/* icons of 24 × 24, strokes only */

const ICONS = {
    reply: 'M9 7L4 12l5 5M4 12h9a7 7 0 0 1 7 7', edit: 'M4 20h4L19 9l-4-4L4 16v4zM13 7l4 4',
    remove: 'M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13', smile: 'M12 3a9 9 0 1 0 .01 0M8.5 14.5a4 4 0 0 0 7 0M9 9.5v.01M15 9.5v.01',
    close: 'M6 6l12 12M18 6L6 18',
};

export function icon(name) {
    const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg'), path = document.createElementNS(svg.namespaceURI, 'path');
    svg.setAttribute('viewBox', '0 0 24 24');
    svg.setAttribute('aria-hidden', 'true');
    path.setAttribute('d', ICONS[name]);
    svg.append(path);
    return svg;
}

export function iconButton(name, label, onclick) {
    const node = button('', onclick, 'icon');
    node.setAttribute('aria-label', label);
    node.title = label;
    node.append(icon(name));
    return node;
}

/* a word about what was done, or could not be */

let toastTimer = null;

export function toast(text) {
    const node = $('toast');
    clearTimeout(toastTimer);
    node.textContent = text;
    node.hidden = false;
    toastTimer = setTimeout(() => { node.hidden = true; }, 6000);
}

/* asks before something that can't be undone */

export function confirmed(question, verb) {
    const dialog = $('confirm'), [p, buttons] = dialog.firstElementChild.children, [no, yes] = buttons.children;
    p.textContent = question;
    yes.textContent = verb;
    dialog.returnValue = '';
    dialog.showModal();
    no.focus();
    return new Promise(answer => { dialog.onclose = () => answer(dialog.returnValue === 'yes'); });
}
