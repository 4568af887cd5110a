// A room as people use it, in real browsers over two workers: what one does
// all see, and who comes late sees the same.  See users.mjs, and
//
// CHAT_KEY     the file of the key that tokens are signed with

import test from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { createHmac } from 'node:crypto';
import { CHAT_SHOTS, CHAT_URL, newRoom, skip, user, wire } from './users.mjs';

const { CHAT_KEY } = process.env;
const skipped = skip || (CHAT_KEY ? false : 'CHAT_KEY is not set');
const PHONE = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 };

function token(sub, name, roles = []) {
    const b64 = o => Buffer.from(JSON.stringify(o)).toString('base64url');
    const text = b64({ alg: 'HS256', typ: 'JWT' }) + '.' + b64({ sub, name, roles, exp: Math.floor(Date.now() / 1000) + 3600 });
    return text + '.' + createHmac('sha256', readFileSync(CHAT_KEY)).update(text).digest('base64url');
}

/* the page keeps its token in the tab */
const as = (...who) => ({ init: `sessionStorage['chat.token:' + location.origin + '/chat/'] ??= JSON.stringify('${token(...who)}')` });

/* all that is shown of the room's messages, however it came there; "You" is who looks */
const shown = (u, name) => u.page.$$eval('#log .msg', (all, you) => all.map(m => [
    m.querySelector('.bubble').textContent, m.querySelector('.quote')?.textContent.replace(/^In answer to You /, `In answer to ${you} `) ?? '',
    m.querySelector('.edited')?.textContent ?? '',
    [...m.querySelectorAll('.reaction')].map(r => r.textContent).join(' '), m.querySelector('.replies')?.textContent ?? '',
    m.querySelector('.name').title,
].join('|')), name);

const people = u => u.page.$$eval('#panel .member bdi', all => all.map(b => b.textContent).join());
const message = (u, text) => u.page.locator('#log .msg', { hasText: text }).last();

async function act(u, text, label) {
    await message(u, text).locator('.bubble').hover();
    await u.page.click(`#acts [aria-label="${label}"]`);
}

/* another test reloads the server meanwhile, which moves everybody to new workers */
async function eventually(look, wanted) {
    let seen;
    for (let i = 0; i < 400; i++) {
        if (isDeepStrictEqual(seen = await look(), wanted)) return;
        await new Promise(wake => setTimeout(wake, 50));
    }
    assert.deepEqual(seen, wanted);
}

/* a function that playwright runs in the page, where a policy forbids eval */
const until = (u, read, wanted) => u.wait(new Function('wanted', `return JSON.stringify((${read})()) === wanted`), JSON.stringify(wanted));

async function card(u, name) {
    await u.page.click(`#panel .member:has-text("${name}")`);
    await u.page.waitForSelector('#card[open]');
}

test('three in one room: presence, edits, reactions, threads, deletes, receipts, moderation', { skip: skipped }, async t => {
    const room = newRoom('three'), wide = { viewport: { width: 1400, height: 860 } };
    // one on each worker, whatever the kernel would choose
    const wires = [await wire(t, 0), await wire(t, 1)];
    const olga = await user(t, room, { ...wide, ...as('olga', 'Olga', ['owner']), base: wires[0].url });
    const bob = await user(t, room, { ...wide, ...as('bob', 'Bob'), colorScheme: 'dark', base: wires[1].url });
    await eventually(() => wires.map(w => w.workers), [[0], [1]]);
    const cyd = await user(t, room, { ...wide, ...as('cyd', 'Cyd'), query: '?' });
    const all = [olga, bob, cyd];
    for (const u of all) await until(u, () => [...document.querySelectorAll('#panel .member bdi')].map(b => b.textContent).join(), 'Bob,Cyd,Olga');

    // edits
    await bob.say('The tain is late');
    for (const u of all) await u.sees('The tain is late');
    await bob.page.press('#text', 'ArrowUp');
    assert.equal(await bob.page.inputValue('#text'), 'The tain is late');
    await bob.say('The train is late');
    for (const u of all) await u.sees('The train is late');
    // reactions: put, added to, taken back
    await act(olga, 'The train is late', 'React with 👍');
    for (const u of all) await until(u, () => document.querySelector('#log .reaction')?.textContent, '👍1');
    await cyd.page.click('#log .reaction');
    for (const u of all) await until(u, () => document.querySelector('#log .reaction')?.textContent, '👍2');
    await act(cyd, 'The train is late', 'More reactions');
    await cyd.page.click('#picker [aria-label="React with 🚀"]');
    for (const u of all) await until(u, () => [...document.querySelectorAll('#log .reaction')].map(r => r.textContent).join(), '👍2,🚀1');
    await cyd.page.click('#log .reaction >> nth=0');
    for (const u of all) await until(u, () => [...document.querySelectorAll('#log .reaction')].map(r => r.textContent).join(), '👍1,🚀1');
    // threads
    await act(cyd, 'The train is late', 'Reply in a thread');
    await cyd.page.fill('#reply-text', 'How late?');
    await cyd.page.press('#reply-text', 'Enter');
    for (const u of all) await until(u, () => document.querySelector('#log .replies')?.textContent, '1 reply');
    await olga.page.click('#log .replies');
    await until(olga, () => [...document.querySelectorAll('#panel .bubble')].map(b => b.textContent).join(), 'The train is late,How late?');
    await olga.page.fill('#reply-text', 'Ten minutes');
    await olga.page.press('#reply-text', 'Enter');
    await until(cyd, () => [...document.querySelectorAll('#panel .bubble')].map(b => b.textContent).join(), 'The train is late,How late?,Ten minutes');
    for (const u of all) await until(u, () => document.querySelector('#log .replies')?.textContent, '2 replies');
    await olga.shot('thread');
    for (const u of [olga, cyd]) {
        await u.page.click('#panel-close');
        await u.page.click('#people');
    }
    // mentions, and who has read it
    await cyd.say('@Bob are you there?');
    for (const u of all) await u.sees('@Bob are you there?');
    await until(cyd, () => document.querySelector('#log .seen')?.textContent.split(/Seen by |, /).sort().join(), ',Bob,Olga');
    // deletes: one's own, and a moderator those of others; nobody else may
    await bob.say('a secret');
    await olga.sees('a secret');
    await message(cyd, 'a secret').hover();
    assert.equal(await cyd.page.locator('#acts [aria-label=Delete]').count(), 0);
    await act(olga, 'a secret', 'Delete');
    await olga.page.click('#confirm .main');
    for (const u of all) await u.sees('This message was deleted.');
    for (const u of all) assert.ok(!(await u.page.content()).includes('a secret'));
    // the room's topic
    await olga.page.click('#room-settings');
    await olga.page.fill('#topic', 'Trains & <b>planes</b>');
    await olga.page.press('#topic', 'Enter');
    for (const u of all) await until(u, () => document.getElementById('topic-line').textContent, 'Trains & <b>planes</b>');
    assert.equal(await bob.page.isVisible('#room-settings'), false);
    // a mute, which the other is told when he writes
    await card(bob, 'Cyd');
    assert.deepEqual(await bob.page.$$eval('#card-actions button', b => b.map(x => x.textContent).filter(x => x !== 'Write to Cyd')), ['Mention']);
    await bob.page.click('#card-close');
    await card(olga, 'Cyd');
    await olga.shot('card');
    await olga.page.click('#card-actions button:text-is("Mute")');
    await until(olga, () => document.getElementById('toast').textContent, 'Cyd is muted.');
    await cyd.say('can you hear me?');
    await cyd.wait(() => /you are muted/.test(document.querySelector('#log .failed .state')?.textContent));
    await cyd.page.click('#log .failed button:text-is("Discard")');
    await card(olga, 'Cyd');
    await olga.page.click('#card-actions button:text-is("Unmute")');
    await until(olga, () => document.getElementById('toast').textContent, 'Cyd may write again.');
    await cyd.say('now you can');
    for (const u of all) await u.sees('now you can');
    // who comes late, by the other transport, sees the same
    const dan = await user(t, room, { init: () => { delete globalThis.WebSocket; }, transport: 'Stream by HTTP', viewport: wide.viewport });
    await dan.sees('now you can');
    const view = await shown(dan, 'Dan');
    assert.equal(view.length, 6);
    for (const [u, name] of [[olga, 'Olga'], [bob, 'Bob'], [cyd, 'Cyd']]) assert.deepEqual(await shown(u, name), view);
    for (const u of all) await u.wait(() => document.querySelectorAll('#panel .member').length === 4);
    await eventually(() => people(olga), await people(dan));
    await olga.shot('room-light');
    await bob.shot('room-dark');
    // removed, and in again; banned, and not
    await card(olga, 'Cyd');
    await olga.page.click('#card-actions button:text-is("Remove from the room")');
    await cyd.wait(() => /removed from this room/.test(document.getElementById('empty').textContent));
    for (const u of [olga, bob, dan]) await u.wait(() => ![...document.querySelectorAll('#panel .member bdi')].some(b => b.textContent === 'Cyd'));
    await cyd.page.click('#empty button');
    for (const u of [olga, bob, dan]) await u.wait(() => [...document.querySelectorAll('#panel .member bdi')].some(b => b.textContent === 'Cyd'));
    await card(olga, 'Cyd');
    await olga.page.click('#card-actions button:text-is("Ban for a day")');
    await olga.page.click('#confirm .main');
    await cyd.wait(() => /You are banned/.test(document.getElementById('empty').textContent));
    // a role: what may be done is offered at once
    await card(olga, 'Bob');
    await olga.page.click('#card-actions button:text-is("moderator")');
    await bob.page.waitForSelector('#room-settings:not([hidden])');
    for (const u of [olga, bob, dan]) await u.sound();
});

test('signing in and out, by the form and by an address', { skip: skipped }, async t => {
    const room = newRoom('sign'), eve = await user(t, room), { page } = eve;
    await page.click('#sign-in');
    await page.fill('#token', 'no token!');
    await page.press('#token', 'Enter');
    assert.match(await page.textContent('#login-error'), /no token/);
    await page.fill('#token', token('eve', 'Eve'));
    await page.press('#token', 'Enter');
    await eve.called('Eve');
    await eve.say('signed in');
    await eve.sees('signed in');
    assert.equal(await page.textContent('#sign-in'), 'Sign out');
    await page.click('#sign-in');
    await eve.wait(() => document.querySelector('#me .name').textContent.startsWith('Guest '));
    // an address only fills in the form, and is not kept
    await page.evaluate(value => { location.hash = '#~token=' + value; location.reload(); }, token('eve', 'Eve'));
    await page.waitForSelector('#login[open]');
    assert.ok(!(await page.evaluate(() => location.href)).includes('token'));
    assert.match(await page.textContent('#me .name'), /^(Guest .*)?$/);
    // one that the server refuses
    await page.fill('#token', token('eve', 'Eve').slice(0, -4) + 'AAAA');
    await page.press('#token', 'Enter');
    await page.waitForSelector('#banner:not([hidden])');
    assert.match(await page.textContent('#banner'), /not signed in any more/);
    await eve.sound();
});

test('signing in by a password, and out: the token is good no more', { skip: skipped }, async t => {
    // index.html as the page of a site that has it is written
    const init = () => new MutationObserver(() => document.querySelector('meta[name=chat-login]')?.setAttribute('content', 'login'))
        .observe(document, { childList: true, subtree: true });
    const room = newRoom('login'), fay = await user(t, room, { init }), { page } = fay;
    await page.click('#sign-in');
    assert.equal(await page.isVisible('#token'), false);
    await page.press('#user', 'Enter');
    assert.match(await page.textContent('#login-error'), /Write your name/);
    await page.fill('#user', 'fay');
    await page.fill('#password', 'wrong');
    await page.press('#password', 'Enter');
    await fay.wait(() => /don’t belong together/.test(document.getElementById('login-error').textContent));
    await page.fill('#password', 'correct horse');
    await page.press('#password', 'Enter');
    await fay.called('fay');
    await fay.say('with a password');
    await fay.sees('with a password');
    const kept = await page.evaluate(() => JSON.parse(sessionStorage['chat.token:' + location.origin + '/chat/']));
    const status = async () => (await fetch(new URL('chat/' + room, CHAT_URL), { headers: { Authorization: 'Bearer ' + kept } })).status;
    assert.equal(await status(), 200);
    await page.click('#sign-in');
    await fay.wait(() => document.querySelector('#me .name').textContent.startsWith('Guest '));
    assert.equal(await page.textContent('#sign-in'), 'Sign in');
    // somebody who has seen it is not her any more
    assert.equal(await status(), 401);
    await fay.sound();
});

test('a phone: people, a thread and what can be done, by touch and by keyboard', { skip: skipped }, async t => {
    const room = newRoom('hand'), ann = await user(t, room, { ...PHONE, ...as('ann', 'Ann', ['moderator']) }), { page } = ann;
    const bob = await user(t, room, { ...PHONE, colorScheme: 'dark', ...as('bob', 'Bob') });
    const fits = () => page.evaluate(() => document.documentElement.scrollWidth <= innerWidth);
    await ann.say('Who has the keys?');
    await bob.sees('Who has the keys?');
    await message(bob, 'keys').locator('.bubble').tap();
    await bob.page.tap('#acts [aria-label="React with ❤️"]');
    await until(ann, () => document.querySelector('#log .reaction')?.textContent, '❤️1');
    await message(bob, 'keys').locator('.bubble').tap();
    await bob.shot('phone-acts-dark');
    await bob.page.tap('#acts [aria-label="Reply in a thread"]');
    await bob.page.fill('#reply-text', 'I have');
    await bob.page.tap('#reply-send');
    await until(bob, () => [...document.querySelectorAll('#panel .msg:not(.pending) .bubble')].map(b => b.textContent).join(), 'Who has the keys?,I have');
    await bob.shot('phone-thread-dark');
    await bob.page.tap('#panel-close');
    await ann.sees('I have');
    await ann.shot('phone-room');
    await page.tap('#people');
    await page.waitForSelector('.member >> nth=1');
    assert.ok(await fits());
    await ann.shot('phone-people');
    await page.tap('.member:has-text("Bob")');
    await page.waitForSelector('#card[open]');
    await ann.shot('phone-card');
    assert.ok(await fits());
    await page.keyboard.press('Escape');
    await page.tap('#panel-close');
    // the keyboard: from the log to a message to what can be done with it, and back
    await page.focus('#log');
    await page.keyboard.press('ArrowUp');
    await page.keyboard.press('ArrowUp');
    await page.keyboard.press('Enter');
    await until(ann, () => document.activeElement.getAttribute('aria-label'), 'React with 👍');
    await page.keyboard.press('ArrowRight');
    await until(ann, () => document.activeElement.getAttribute('aria-label'), 'React with ❤️');
    await page.keyboard.press('Enter');
    await until(ann, () => document.querySelector('#log .reaction')?.textContent, '❤️2');
    await until(ann, () => document.activeElement.className.split(' ')[0], 'msg');
    await page.keyboard.press('Escape');
    assert.equal(await page.evaluate(() => document.activeElement.id), 'text');
    await ann.sound();
    await bob.sound();
});

test('accessible by the rules of axe: light and dark, desktop and phone, room, panels and dialogs', { skip: skipped }, async t => {
    const room = newRoom('axe'), ann = await user(t, room, { viewport: { width: 1400, height: 860 }, ...as('ann', 'Ann', ['owner']) }), { page } = ann;
    const axe = readFileSync(new URL('node_modules/axe-core/axe.min.js', import.meta.url), 'utf8');
    await ann.say('Read https://nginx.org/ first');
    await ann.sees('Read https://nginx.org/ first');
    await act(ann, 'first', 'React with 🎉');
    await page.waitForSelector('#log .reaction');
    await page.evaluate(axe);
    const check = async what => {
        const faults = await page.evaluate(async () => (await globalThis.axe.run(document, { resultTypes: ['violations'] }))
            .violations.map(v => `${v.id}: ${v.nodes.map(n => n.target + ' ' + (n.any[0]?.message ?? '')).join(' | ')}`));
        assert.deepEqual(faults, [], what);
    };
    await act(ann, 'first', 'Reply in a thread');
    await page.fill('#reply-text', 'done');
    await page.press('#reply-text', 'Enter');
    await page.waitForSelector('#panel .msg:not(.pending) >> nth=1');
    await page.click('#panel-close');
    await page.click('#people');
    await page.waitForSelector('#panel .member');
    for (const [width, height] of [[1400, 860], [390, 844]]) {
        for (const colorScheme of ['light', 'dark']) {
            const how = `, ${colorScheme}, ${width} wide`;
            await page.setViewportSize({ width, height });
            await page.emulateMedia({ colorScheme });
            await ann.still();
            await check('people' + how);
            await page.click('#panel .member');
            await check('a card' + how);
            await page.click('#card-close');
            await page.click('#panel-close');
            await message(ann, 'first').locator('.bubble').hover();
            await page.waitForSelector('#acts:not([hidden])');
            await check('a room' + how);
            await page.click('#log .replies');
            await page.waitForSelector('#panel .msg >> nth=1');
            await check('a thread' + how);
            await page.click('#panel-close');
            await page.click('#room-settings');
            await check('a dialog' + how);
            await page.click('#settings-cancel');
            await page.click('#people');
        }
    }
    await ann.sound();
});

test('colours are chosen, and kept', { skip: skipped || (CHAT_SHOTS ? false : 'CHAT_SHOTS is not set') }, async t => {
    const ann = await user(t, newRoom('colours')), { page } = ann, colour = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const light = await colour();
    await page.click('#theme');
    await page.click('#theme');
    assert.notEqual(await colour(), light);
    await page.reload();
    assert.notEqual(await colour(), light);
});
