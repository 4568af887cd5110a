/*
 * The connection, as the page shows it: a dot, and a banner when it lasts.
 */

import { $, base, chat } from './app.js';

let page, ended = 0;
let shown = false, bannerTimer = null, retryAt = 0;

/** `with_`: signIn(), again() after an end, changed() the state has */
export function setupConnection(with_) {
    page = with_;
    $('banner').lastElementChild.onclick = () => {
        if (chat.state !== 'closed') return chat.connect();
        if (ended === 4401) return page.signIn();
        chat.connect();
        page.again();
    };
    chat.on('state', renderState);
    renderState({ state: chat.state === 'closed' ? 'connecting' : chat.state });
}

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
        const { code } = s;
        ended = code;
        banner(code === 4401 ? 'You are not signed in any more.'
            : code === 4503 ? 'An administrator ended your connection.'
            : code === 404 || code === 405 ? 'There is no chat at ' + new URL(base).pathname + '.'
            : code === 403 ? 'This site may not use the chat.'
            : 'The server ended the connection' + (s.reason ? ': ' + s.reason : code ? ' (' + code + ')' : '') + '.', code === 4401 ? 'Sign in' : 'Connect again');
    } else if (shown) {
        bannerText();
    } else {
        bannerTimer ??= setTimeout(bannerText, 2000);        // short losses are not worth a word
    }
    page.changed();
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
