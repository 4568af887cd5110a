/*
 * Who we are: a guest with a name, or who a token says.  Where the site has an
 * address that gives tokens for a name and a password, `<meta name="chat-login">`
 * names it: it is sent {"user", "password"} and answers {"token"}.
 */

import { $, NAME, TOKEN, base, chat, offers, store, stored } from './app.js';
import { badName, hue, initialOf, nameOf } from './format.js';

const naming = $('naming'), login = $('login');
const endpoint = document.querySelector('meta[name="chat-login"]')?.content ?? '';
let closeDrawer = () => {};

const signedIn = () => !!stored('sessionStorage', TOKEN, null);

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
    loginError(error);
    login.showModal();
    $(endpoint && !token ? 'user' : 'token').focus();
}

function loginError(error) {
    $('login-error').textContent = error;
    for (const id of ['user', 'password', 'token']) $(id).setAttribute('aria-invalid', String(!!error));
}

async function tokenOf(user, password) {
    const url = new URL(endpoint, base);
    if (url.origin !== location.origin) throw new Error('chat-login is of another site');
    const res = await fetch(url, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ user, password }) });
    const body = await res.json().catch(() => ({}));
    if (res.status === 429) throw new Error('Too many attempts. Wait a while.');
    if (!res.ok || typeof body.token !== 'string') throw new Error(res.status === 401 || res.status === 403 ? 'This name and password don’t belong together.' : 'Signing in doesn’t work now.');
    return body.token;
}

login.firstElementChild.onsubmit = async event => {
    event.preventDefault();
    const user = $('user').value.trim();
    let token = $('token').value.trim();
    try {
        if (!token && endpoint && user) token = await tokenOf(user, $('password').value);
    } catch (e) {
        return loginError(e.message);
    }
    if (!token) return loginError(endpoint ? 'Write your name and password.' : 'Paste a token.');
    if (!/^[\w.~+/=-]+$/.test(token)) return loginError('This is no token.');
    store('sessionStorage', TOKEN, token);
    location.reload();
};
for (const id of ['user', 'password', 'token']) $(id).oninput = () => loginError('');
$('login-cancel').onclick = () => login.close();
$('login-password').hidden = !endpoint;

$('sign-in').onclick = () => {
    if (!signedIn()) return askLogin();
    store('sessionStorage', TOKEN, null);
    location.reload();
};

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
