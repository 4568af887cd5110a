/*
 * Who we are: a guest with a name, or who a token says.  Where the location has
 * "chat_login", `<meta name="chat-login" content="login">` says so: a name and a
 * password give a token there, and "logout" beside it ends that.
 */

import { $, NAME, TOKEN, base, chat, offers, store, stored, toast } from './app.js';
import { badName, hue, initialOf, nameOf } from './format.js';

const naming = $('naming'), login = $('login');
const endpoint = document.querySelector('meta[name="chat-login"]')?.content ?? '';
let closeDrawer = () => {};

/* by a token of this tab, or by the cookie, which another tab may have got */
const signedIn = () => !!stored('sessionStorage', TOKEN, null) || (!!endpoint && !!chat.user && !chat.user.guest);

export function renderMe() {
    const user = chat.user, me = $('me'), mayName = !!user?.guest && offers('guest_name');
    $('sign-in').textContent = signedIn() ? 'Sign out' : 'Sign in';
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
    closeDrawer();
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


/* a token */

export function askLogin(token = '', error = '') {
    if (login.open) login.close();
    closeDrawer();
    $('token').value = token;
    $('login-password').hidden = !endpoint || !!token;
    $('login-token').hidden = !!endpoint && !token;
    loginError(error);
    login.showModal();
    $(endpoint && !token ? 'user' : 'token').focus();
}

function loginError(error) {
    $('login-error').textContent = error;
    for (const id of ['user', 'password', 'token']) $(id).setAttribute('aria-invalid', String(!!error));
}

/* POST to what chat_login has: of this site only, it is told a password */
async function post(address, body, headers = {}) {
    const url = new URL(address, new URL(endpoint, base));
    if (url.origin !== location.origin) throw new Error('The address for signing in is of another site.');
    try {
        return await fetch(url, { method: 'POST', headers, body });
    } catch { throw new Error('The server doesn’t answer.'); }
}

async function tokenOf(user, password) {
    const res = await post('', JSON.stringify({ user, password }), { 'Content-Type': 'application/json' });
    const { token } = await res.json().catch(() => ({}));
    if (res.ok && typeof token === 'string') return token;
    if (res.status === 429) throw new Error(`Too many attempts. Try again ${inTime(Number(res.headers.get('Retry-After')))}.`);
    // what is too long for it is no password either
    if ([400, 401, 413].includes(res.status)) throw new Error('This name and password don’t belong together.');
    throw new Error('Signing in doesn’t work now. Try again.');
}

const inTime = seconds => !(seconds > 0) ? 'later' : seconds < 90 ? `in ${Math.ceil(seconds)} seconds` : `in ${Math.ceil(seconds / 60)} minutes`;

async function signOut() {
    const token = stored('sessionStorage', TOKEN, null);
    try {
        // the token is revoked, and the cookie is gone
        if (endpoint && !(await post('logout', null, token ? { Authorization: 'Bearer ' + token } : {})).ok) throw new Error('The server refuses.');
    } catch (e) {
        return toast('Not signed out. ' + e.message);
    }
    store('sessionStorage', TOKEN, null);
    location.reload();
}

login.firstElementChild.onsubmit = async event => {
    const user = $('user').value.trim(), password = $('password').value, go = login.querySelector('[type=submit]');
    let token = $('token').value.trim();
    event.preventDefault();
    if (go.disabled) return;
    if (!token && endpoint) {
        if (!user || !password) return loginError('Write your name and password.');
        go.disabled = true;
        try {
            token = await tokenOf(user, password);
        } catch (e) {
            return loginError(e.message);
        } finally { go.disabled = false; }
    }
    if (!token) return loginError('Paste a token.');
    if (!/^[\w.~+/=-]+$/.test(token)) return loginError('This is no token.');
    store('sessionStorage', TOKEN, token);
    location.reload();
};
for (const id of ['user', 'password', 'token']) $(id).oninput = () => loginError('');
$('login-cancel').onclick = () => login.close();
login.onclose = () => { $('password').value = ''; };

$('sign-in').onclick = () => { if (signedIn()) signOut(); else askLogin(); };

/* #~token=… in the address fills in the form: whose link it is, only the user can know */

export function tokenOfAddress() {
    const token = /^#~token=([\w.~+/=-]+)$/.exec(location.hash)?.[1];
    if (!token) return;
    history.replaceState(null, '', location.pathname + location.search);
    askLogin(token);
}

export function setup({ drawer }) { closeDrawer = drawer; }


/* light, dark, or as the system has it */

const THEMES = ['auto', 'light', 'dark'], words = { auto: 'as the system has it', light: 'light', dark: 'dark' };

function theme(name) {
    document.documentElement.dataset.theme = name;
    $('theme').title = `Colours: ${words[name]}`;
    $('theme').setAttribute('aria-label', `Colours: ${words[name]}. Change`);
}

const wanted = stored('localStorage', 'chat.theme', 'auto');
theme(THEMES.includes(wanted) ? wanted : 'auto');
$('theme').onclick = () => {
    const next = THEMES[(THEMES.indexOf(document.documentElement.dataset.theme) + 1) % THEMES.length];
    store('localStorage', 'chat.theme', next);
    theme(next);
};
